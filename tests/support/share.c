// See share.h.
#include "tests/support/share.h"

#include <check.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sockaddr_in loopback(uint16_t number)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons(number),
                                 .sin_addr = { htonl(INADDR_LOOPBACK) } };
}

static uint16_t free_port(void)
{
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    cleanup(close_fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port);
}

// smbd says nothing when it listens; a connection does.
static void await_server(pid_t server, uint16_t number)
{
    for (int i = 0; i < 1000; i++) {
        struct sockaddr_in address = loopback(number);
        cleanup(close_fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
            return;
        ck_assert_int_eq(waitpid(server, NULL, WNOHANG), 0);
        (void)poll(NULL, 0, 20);
    }
    ck_abort_msg("smbd does not listen");
}

// The share as it is shipped, but for where it is and who may come.
static void write_config(struct share *share, const struct spool_fixture *fixture, uint16_t number)
{
    cleanup(free_ptr) char *state = xasprintf("%s/samba", fixture->folder.path);
    cleanup(free_ptr) char *shipped = realpath("etc/samba/clipspool.conf", NULL);
    cleanup(free_ptr) char *text = xasprintf(
        "[global]\n smb ports = %u\n interfaces = 127.0.0.1\n bind interfaces only = yes\n"
        " pid directory = %s\n private dir = %s\n lock directory = %s\n state directory = %s\n"
        " cache directory = %s\n ncalrpc dir = %s/rpc\n log file = %s/log\n load printers = no\n"
        " disable spoolss = yes\n server role = standalone server\n map to guest = bad user\n"
        "include = %s\n"
        "[clipspool]\n path = %s\n guest ok = yes\n valid users =\n force user = root\n"
        " force group = root\n",
        number, state, state, state, state, state, state, state, shipped, fixture->root);
    ck_assert_ptr_nonnull(shipped);
    ck_assert_int_eq(mkdir(state, 0700), 0);
    folder_put(&fixture->folder, "smb.conf", text);
    share->config = xasprintf("%s/smb.conf", fixture->folder.path);
    share->service = xstrdup("//127.0.0.1/clipspool");
    share->port = xasprintf("%u", number);
}

void share_open(struct share *share, const struct spool_fixture *fixture)
{
    uint16_t number = free_port();
    posix_spawnattr_t group;
    write_config(share, fixture, number);
    char name[] = "/usr/sbin/smbd", stay[] = "--foreground", alone[] = "--no-process-group",
         option[] = "-s";
    char *argv[] = { name, stay, alone, option, share->config, NULL };
    (void)posix_spawnattr_init(&group);
    (void)posix_spawnattr_setflags(&group, POSIX_SPAWN_SETPGROUP);
    ck_assert_int_eq(posix_spawn(&share->server, name, NULL, &group, argv, environ), 0);
    (void)posix_spawnattr_destroy(&group);
    await_server(share->server, number);
}

void share_close(struct share *share)
{
    ck_assert_int_eq(kill(-share->server, SIGTERM), 0);
    ck_assert_int_eq(waitpid(share->server, NULL, 0), share->server);
    free(share->config);
    free(share->service);
    free(share->port);
}
