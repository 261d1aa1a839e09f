// Start a program with clean descriptors and a clean environment, and put its end into words.
// The only place that forks.
//
// A child gets: stdin /dev/null, stdout and stderr on a pipe, a second pipe as descriptor 3 for
// progress, every other descriptor closed; its own process group; our working directory; default
// signal handling and an empty signal mask; no core file; of the environment PATH, LANG, TZ, HOME,
// TMPDIR, CREDENTIALS_DIRECTORY (where systemd put keys, not the keys) and nothing else (but for
// ASAN_OPTIONS, LSAN_OPTIONS and UBSAN_OPTIONS, which only sanitizer builds read); SIGKILL when its
// parent dies, so that a killed daemon leaves no orphan writing into a batch.
#ifndef CLIPSPOOL_CHILD_H
#define CLIPSPOOL_CHILD_H

#include "base/err.h"
#include <sys/types.h>

struct child {
    pid_t pid;       // 0 when there is none
    int progress_fd; // read end of the child's descriptor 3, non-blocking, or -1
    int message_fd;  // read end of the child's stdout and stderr, non-blocking, or -1
};
#define CHILD_INIT                                    \
    {                                                 \
        .pid = 0, .progress_fd = -1, .message_fd = -1 \
    }

struct child_limits {      // 0 means no limit of ours
    uint64_t memory_bytes; // RLIMIT_AS; left out in AddressSanitizer builds, which map terabytes
    uint64_t file_bytes;   // RLIMIT_FSIZE; a write beyond it fails with EFBIG, SIGXFSZ is ignored
    unsigned nice;         // added to ours
    const char *cgroup;    // path of the control group to run in; NULL: the parent's
};

// Starts argv[0] (a path, not searched for) with argv.  Borrows all arguments; limits may be NULL.
// A program that cannot be executed is an error here (ERR_CONFIG id "no_program"), not an exit
// status later; so is a control group that cannot be joined.  The caller reaps the pid (sd-event or
// waitpid) and then calls child_release.  Must be called from the main thread: the kernel takes the
// end of the calling thread for the parent's.
int child_start(struct child *child, char *const argv[], const struct child_limits *limits,
                struct err *err);

// Sends a signal to the child's whole process group.  Nothing there is fine.
void child_kill(const struct child *child, int signal_number);

// Closes the pipes and forgets the pid.  Does not wait and does not kill.
void child_release(struct child *child);

// "exit status 65", "killed by SIGSEGV", from a waitpid status.  Returns buffer (CHILD_TEXT_SIZE
// bytes).
enum { CHILD_TEXT_SIZE = 64 };
char *child_describe(int wait_status, char *buffer);

#endif
