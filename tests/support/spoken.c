// What a command answers.
#include "tests/support/spoken.h"

#include "base/base.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

struct spoken_run {
    pid_t pid;
    FILE *out, *err;
};

static int end_of(pid_t pid)
{
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static _Noreturn void become(const char *dir, const char *const *argv)
{
    // execv changes nothing of its argument; its type is older than const.
    char **plain;
    memcpy(&plain, &argv, sizeof argv);
    if (!dir || chdir(dir) == 0)
        (void)execv(plain[0], plain);
    _exit(127);
}

struct spoken_run *spoken_start(const char *dir, const char *const *argv)
{
    struct spoken_run *run = xcalloc(1, sizeof *run);
    run->out = tmpfile();
    run->err = tmpfile();
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ck_assert(run->out && run->err && null >= 0);
    run->pid = fork();
    ck_assert_int_ge(run->pid, 0);
    if (run->pid == 0) {
        if (dup2(null, 0) < 0 || dup2(fileno(run->out), 1) < 0 || dup2(fileno(run->err), 2) < 0)
            _exit(126);
        become(dir, argv);
    }
    close(null);
    return run;
}

pid_t spoken_pid(const struct spoken_run *run)
{
    return run->pid;
}

static char *all_of(FILE *file)
{
    char *text = NULL;
    size_t size = 0;
    rewind(file);
    if (getdelim(&text, &size, '\0', file) < 0)
        *text = '\0';
    (void)fclose(file);
    return text;
}

void spoken_finish(struct spoken_run **run, struct spoken *spoken)
{
    spoken->status = end_of((*run)->pid);
    spoken->out = all_of((*run)->out);
    spoken->err = all_of((*run)->err);
    free(*run);
    *run = NULL;
}

void spoken_run(struct spoken *spoken, const char *dir, const char *const *argv)
{
    struct spoken_run *run = spoken_start(dir, argv);
    spoken_finish(&run, spoken);
}

void spoken_release(struct spoken *spoken)
{
    free(spoken->out);
    free(spoken->err);
}

int spoken_on_terminal(const char *dir, const char *const *argv, const char *kind,
                       unsigned short columns, char **ret_written)
{
    struct winsize size = { .ws_row = 24, .ws_col = columns };
    int terminal;
    size_t length = 0, room = 1 << 20;
    char *written = xcalloc(room, 1);
    pid_t pid = forkpty(&terminal, NULL, NULL, &size);
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        (void)setenv("TERM", kind, 1);
        become(dir, argv);
    }
    // EIO is how the end of the last process on a terminal reads.
    for (ssize_t n; (n = read(terminal, written + length, room - 1 - length)) > 0;)
        length += (size_t)n;
    close(terminal);
    *ret_written = written;
    return end_of(pid);
}
