#include "tests/support/program.h"
#include "base/base.h"

#include <check.h>
#include <linux/capability.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

char *program_built(const char *name)
{
    char *self = realpath("/proc/self/exe", NULL); // O/tests/integration/check_x
    ck_assert_ptr_nonnull(self);
    for (int up = 0; up < 3; up++)
        *strrchr(self, '/') = '\0';
    char *path = xasprintf("%s/%s", self, name);
    free(self);
    return path;
}

static char *read_all(int fd)
{
    char *text = xcalloc(1, 1);
    size_t size = 0;
    for (;;) {
        text = xrealloc(text, size + 65536 + 1, 1);
        ssize_t n = read(fd, text + size, 65536);
        if (n <= 0)
            break;
        size += (size_t)n;
    }
    text[size] = '\0';
    return text;
}

bool program_obey_permissions(void)
{
    return geteuid() != 0 || (prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0) == 0 &&
                              prctl(PR_CAPBSET_DROP, CAP_DAC_READ_SEARCH, 0, 0, 0) == 0);
}

int program_run(const char *const *argv, char **ret_output)
{
    int ends[2], status;
    pid_t pid;
    ck_assert_int_eq(pipe(ends), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", 0, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    // All others stay here: a stage would write its progress into what Check has open as 3.
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    char **arguments;
    memcpy(&arguments, &argv, sizeof arguments); // execve's type has no const, its contract has
    int r = posix_spawnp(&pid, argv[0], &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    ck_assert_msg(r == 0, "cannot start %s: %s", argv[0], strerror(r));
    close(ends[1]);
    char *output = read_all(ends[0]);
    close(ends[0]);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    if (ret_output)
        *ret_output = output;
    else
        free(output);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static const char *find_script(const char *variable, const char *beside, const char *what)
{
    const char *path = getenv(variable);
    if (!path)
        path = beside;
    if (access(path, R_OK) == 0)
        return path;
    printf("SKIP %s: there is no %s\n", what, path);
    return NULL;
}

const char *program_reelcheck(void)
{
    return find_script("CLIPSPOOL_REELCHECK", "../shared/tools/reelcheck",
                       "holding reels against their plans");
}

const char *program_untouched(void)
{
    return find_script("CLIPSPOOL_UNTOUCHED", "../shared/tools/untouched",
                       "counting pictures that are the originals'");
}
