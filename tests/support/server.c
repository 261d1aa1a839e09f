// See server.h.
#include "tests/support/server.h"

#include "base/base.h"

#include <check.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

void server_start(struct server *server, char *const *arguments)
{
    int in[2], out[2];
    ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
    ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    int r = posix_spawnp(&server->pid, arguments[0], &actions, NULL, arguments, environ);
    ck_assert_msg(r == 0, "%s: %s; tests run in the top folder", arguments[0], strerror(r));
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    server->stdin_fd = in[1];
    server->stdout_fd = out[0];
}

void server_stop(struct server *server)
{
    close_fd(&server->stdin_fd); // which ends it
    ck_assert_int_eq(waitpid(server->pid, NULL, 0), server->pid);
    close_fd(&server->stdout_fd);
}
