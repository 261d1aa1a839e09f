// One error: what failed, why, what to do about it, and which policy applies.
//
// Functions return 0 or a positive outcome named in their header; a negative value means failed
// and is passed up unchanged.  Those whose failure deserves words take `struct err *err` last;
// NULL is allowed.  The first failure sets it and wins: setting an already set err does nothing,
// so that tearing down after a failure cannot hide the cause.  The class is chosen where the
// knowledge is and mapped to an exit status in one place, err_exit().
#ifndef CLIPSPOOL_ERR_H
#define CLIPSPOOL_ERR_H

#include "base/base.h"

enum err_class {
    ERR_NONE,
    ERR_INPUT,   // this input will never work                    EX_DATAERR 65
    ERR_SERVICE, // a service is away or refuses                  EX_UNAVAILABLE 69
    ERR_BUG,     // our fault                                     EX_SOFTWARE 70
    ERR_SYSTEM,  // machine trouble other than I/O: memory, processes   EX_OSERR 71
    ERR_IO,      // machine trouble: disk full, I/O error         EX_IOERR 74
    ERR_RETRY,   // try again later                               EX_TEMPFAIL 75
    ERR_DENIED,  // credentials or permission refused             EX_NOPERM 77
    ERR_CONFIG,  // configuration is wrong                        EX_CONFIG 78
};

struct err {
    enum err_class class;
    int code;             // the negative number that travels up
    char id[40];          // stable word for programs, e.g. "not_a_video"; status.json error.code
    char text[600];       // a sentence for people: object and reason
    char hint[300];       // the remedy, or empty
    unsigned retry_after; // seconds that a service asked to wait before the next try; 0: none
};

#define ERR_INIT          \
    {                     \
        .class = ERR_NONE \
    }

// Sets err and returns -EINVAL, so that `return err_set(...)` reports and leaves in one line.
// id borrows a string constant.
int err_set(struct err *err, enum err_class class, const char *id, const char *format, ...)
    PRINTF_LIKE(4, 5);

// Like err_set for a system call that failed with errno value `number`: appends ": " and its
// description; id and class follow from the number (ENOSPC, EDQUOT, EFBIG, EIO, EROFS: ERR_IO;
// EACCES, EPERM: ERR_DENIED; else ERR_SYSTEM).  Returns -number.
int err_errno(struct err *err, int number, const char *format, ...) PRINTF_LIKE(3, 4);

// Whether an errno value says nothing about what was asked for, only about the machine at this
// moment (EIO, ENOMEM, EMFILE, ENFILE): the same question may well be answered later.
bool err_is_passing(int number);

// Adds the remedy to an error just set; keeps an earlier one.  Returns err->code, or -EINVAL for
// NULL.
int err_hint(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

// Puts context and ": " before the text ("fetch clip.mp4" makes "fetch clip.mp4: ...").  Returns
// err->code, or -EINVAL for NULL.
int err_prefix(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

// Nothing is wrong any more; for an error that was dealt with.
void err_clear(struct err *err);

// The sysexits status of a class, and the class of a status (unknown statuses are ERR_BUG, 0 is
// ERR_NONE).
int err_exit(enum err_class class);
enum err_class err_from_exit(int status);

#endif
