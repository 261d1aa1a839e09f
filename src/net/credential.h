// Keys to services, from where only we can read them.
//
// A configuration names a credential, it never holds one.  A bare name ("oss-main") is one that
// systemd hands over (LoadCredential=, LoadCredentialEncrypted=): the file of that name in
// $CREDENTIALS_DIRECTORY.  An absolute path is a file of the machine: regular, owned by us or by
// root, and its mode 0600 or less, judged on the file that was opened.
//
// A pair is a small text, a `key = value` a line, blank lines and # comments allowed:
//
//     access_key_id     = LTAI5t...
//     access_key_secret = ...
//     security_token    = ...          (only for temporary credentials)
//
// The names of AWS's own file (aws_access_key_id, aws_secret_access_key, aws_session_token) mean
// the same.  A single secret (an API key, a webhook's whsec_...) is a file of one line.
//
// No error tells a value, only file, line and remedy.
#ifndef CLIPSPOOL_CREDENTIAL_H
#define CLIPSPOOL_CREDENTIAL_H

#include "base/err.h"

// Session tokens of 2 to 4 KiB are seen; much more is some other file.
enum { CREDENTIAL_MAX_BYTES = 16384 };

struct credential {
    char *id, *secret;
    char *token; // NULL for lasting credentials
};
#define CREDENTIAL_INIT \
    {                   \
        .id = NULL      \
    }

// Fills *credential from what `where` names.  `directory` is the value of $CREDENTIALS_DIRECTORY,
// NULL if there is none.  Returns 0 or a negative: ERR_CONFIG ids "no_credential" (not there),
// "open_credential" (others may read or own it), "bad_credential" (not of this form).
int credential_load(const char *directory, const char *where, struct credential *credential,
                    struct err *err);

// The single secret that `where` names.  Gives a string in *ret_secret (secret_free).  Returns and
// errors as above.
int credential_load_secret(const char *directory, const char *where, char **ret_secret,
                           struct err *err);

// Whether what `where` names (NULL: nothing) can be had by this process at all: names that systemd
// hands over are of the service alone.
bool credential_is_ours(const char *directory, const char *where);

// Wipes and frees.
void credential_release(struct credential *credential);

// What credential_load does with the text of a file, which it may change; `name` is for errors.
int credential_parse(const char *name, char *text, size_t size, struct credential *credential,
                     struct err *err);

#endif
