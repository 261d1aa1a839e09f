// The few words every file shares: cleanup attributes, hand-over, checked allocation.
//
// Memory policy: x*() never return NULL.  On exhaustion they write one line to stderr and leave
// with EX_OSERR; every process here may die at any instruction, the disk holds the truth.
// Locals that own something carry cleanup(); ownership leaves a function through TAKE().
#ifndef CLIPSPOOL_BASE_H
#define CLIPSPOOL_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Held for its release alone is use enough.
#define cleanup(function) __attribute__((cleanup(function), unused))
#define ARRAY_LEN(a) (sizeof(a) / sizeof(*(a)))
#define PRINTF_LIKE(format_index, first_arg) \
    __attribute__((format(printf, format_index, first_arg)))

// Hands the pointer over and leaves NULL behind, so that a cleanup local frees nothing.
// memcpy instead of a cast: any pointer type may be handed over without breaking aliasing rules.
static inline void *base_take(void *pointer_to_pointer)
{
    void *p, *null = NULL;
    memcpy(&p, pointer_to_pointer, sizeof p);
    memcpy(pointer_to_pointer, &null, sizeof null);
    return p;
}
#define TAKE(p) base_take(&(p))

// Hands a descriptor over and leaves -1 behind.
static inline int take_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

// For cleanup(free_ptr) on any malloc'ed local.
static inline void free_ptr(void *pointer_to_pointer)
{
    free(base_take(pointer_to_pointer));
}

// For cleanup(close_fd); -1 is nothing there.  Written data is fsynced before this, so the result
// of close carries no news.
static inline void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

// What x*() do on exhaustion; for callers of libraries that return NULL themselves.
void base_out_of_memory(void) __attribute__((noreturn));

// Each gives memory that the caller frees with free(); none returns NULL.
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t count, size_t size); // takes p; overflow of count*size is exhaustion
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
