// Text that leaves no copies: keys, tokens, and what is made of them while a request is signed.
//
// Growing moves it to new memory and wipes the old; releasing wipes it.  What it cannot reach are
// copies that others make (a library's own buffers, the swap): programs that load keys call
// secret_guard_process.
#ifndef CLIPSPOOL_SECRET_H
#define CLIPSPOOL_SECRET_H

#include "base/base.h"

struct secret {
    char *text; // with a NUL behind it once anything was added; NULL before
    size_t length, room;
};
#define SECRET_INIT  \
    {                \
        .text = NULL \
    }

// Appends bytes; strings, as many as are named; strings up to a NULL.
void secret_add(struct secret *secret, const void *bytes, size_t size);
#define SECRET_ADD(secret, ...) secret_add_list(secret, (const char *const[]){ __VA_ARGS__, NULL })
void secret_add_list(struct secret *secret, const char *const *texts);

// Wipes and frees.
void secret_release(struct secret *secret);

// The text as a string of its own, leaving nothing behind.  Gives a string (never NULL).
char *secret_take(struct secret *secret);

// The field that shows a key to a service, "Authorization: Bearer KEY".  Gives a string
// (secret_free); NULL for no key.
char *secret_bearer(const char *key);

// For programs that load keys, before they do: no core file of this process, and nobody who is not
// root looks into its memory or environment, not even its own user.  What of that the kernel
// refuses is not to be had here.
void secret_guard_process(void);

// Wipes memory in a way that no compiler removes.
void secret_wipe(void *memory, size_t size);

// Wipes a string and frees it; also for cleanup().  NULL is nothing there.
void secret_free(char **text);

#endif
