// The shared main of errands: what may stand behind the options, that nobody may look into the
// program, and that it ends as it was asked to.
#include "spool/errand.h"
#include "tests/support/folder.h"
#include "tests/support/program.h"

#include <check.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define ID "20261126T000000Z-trip-0000"

static struct folder folder;

static void set_up(void)
{
    folder_make(&folder);
}

static void tear_down(void)
{
    folder_remove(&folder);
}

static const struct {
    const char *what, *name, *argument;
    int status;
} calls[] = {
    { "an errand needs its batch", "notify", "", 64 },
    { "a sweep does not, and without a bucket there is nothing to do", "sweep", "", 0 },
    { "what is no id is refused before anything is opened", "notify", "../../etc", 64 },
    { "and by a sweep too", "sweep", "../../etc", 64 },
    { "--check is of those who have one", "notify", "--check", 64 },
    { "and looks at every bucket, of which there is none", "sweep", "--check", 0 },
    { "who only tells the doctor does nothing else", "inquire", "", 64 },
    { "not even for a batch", "inquire", ID, 64 },
    { "and without a service there is nobody to ask", "inquire", "--check", 0 },
    { "a batch of which nobody is to be told", "notify", ID, 65 },
    { "a batch of which nothing is to be swept", "sweep", ID, 65 },
};

START_TEST(what_stands_behind_the_options)
{
    cleanup(free_ptr) char *inner = xasprintf("libexec/clipspool/%s", calls[_i].name);
    cleanup(free_ptr) char *program = program_built(inner);
    cleanup(free_ptr) char *said = NULL;
    int status = PROGRAM_RUN(&said, program, "--spool", folder.path,
                             *calls[_i].argument ? calls[_i].argument : NULL);
    ck_assert_msg(status == calls[_i].status, "%s: %d %s", calls[_i].what, status, said);
}
END_TEST

// A receiver that takes the connection and says nothing.  Returns its socket; its port in *ret.
static int listen_and_keep_silent(uint16_t *ret)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(fd, 4), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *ret = ntohs(address.sin_port);
    return fd;
}

static void write_errand(uint16_t port)
{
    cleanup(free_ptr) char *secret = xasprintf("%s/secret", folder.path);
    cleanup(free_ptr) char *config =
        xasprintf("webhook = { credential = \"%s\"; allow_networks = \"127.0.0.1\"; };\n", secret);
    cleanup(errand_release) struct errand errand = ERRAND_INIT;
    folder_put(&folder, "secret", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n");
    ck_assert_int_eq(chmod(secret, 0600), 0);
    folder_put(&folder, "clipspool.conf", config);
    errand.kind = ERRAND_WEBHOOK;
    errand.batch = xstrdup(ID);
    errand.outbox = xstrdup("trip");
    errand.url = xasprintf("http://127.0.0.1:%u/hook", port);
    errand.message = xstrdup("msg_1");
    errand.body = xstrdup("{}");
    cleanup(close_fd) int errands = errand_open(folder.path, NULL);
    struct err err = ERR_INIT;
    ck_assert_msg(errand_save(errands, &errand, &err) == 0, "%s", err.text);
}

// As a user without rights, whose processes others of his could look into.
static pid_t start_notify(void)
{
    cleanup(free_ptr) char *program = program_built("libexec/clipspool/notify");
    cleanup(free_ptr) char *path = xasprintf("%s/clipspool.conf", folder.path);
    char as[] = "setpriv", user[] = "--reuid=65534", group[] = "--regid=65534",
         alone[] = "--clear-groups", config[] = "--config", spool[] = "--spool", id[] = ID;
    char *argv[] = { as, user, group, alone, program, config, path, spool, folder.path, id, NULL };
    char **from = geteuid() == 0 ? argv : argv + 4;
    pid_t pid = 0;
    if (geteuid() == 0)
        ck_assert_int_eq(PROGRAM_RUN(NULL, "chown", "-R", "65534", folder.path), 0);
    // Descriptor 3, to which it writes, is Check's here.
    posix_spawn_file_actions_t actions;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    ck_assert_int_eq(posix_spawnp(&pid, from[0], &actions, NULL, from, environ), 0);
    (void)posix_spawn_file_actions_destroy(&actions);
    return pid;
}

static const int signals[] = { SIGTERM, SIGINT };

START_TEST(asked_to_stop_in_the_midst_it_ends_by_that_signal)
{
    uint16_t port;
    int status = 0;
    cleanup(close_fd) int receiver = listen_and_keep_silent(&port);
    write_errand(port);
    pid_t pid = start_notify();
    struct pollfd asked = { .fd = receiver, .events = POLLIN };
    ck_assert_int_eq(poll(&asked, 1, 20000), 1);
    ck_assert_int_eq(kill(pid, signals[_i]), 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), signals[_i]);
}
END_TEST

START_TEST(nobody_else_may_look_into_its_memory)
{
    uint16_t port;
    struct stat st;
    cleanup(close_fd) int receiver = listen_and_keep_silent(&port);
    write_errand(port);
    const struct rlimit any = { RLIM_INFINITY, RLIM_INFINITY };
    (void)setrlimit(RLIMIT_CORE, &any); // as far as this process may
    pid_t pid = start_notify();
    struct pollfd asked = { .fd = receiver, .events = POLLIN };
    ck_assert_int_eq(poll(&asked, 1, 20000), 1);
    // What is not dumpable belongs to root there, whoever runs it (proc(5)).
    cleanup(free_ptr) char *limits = xasprintf("/proc/%d/limits", (int)pid);
    cleanup(free_ptr) char *memory = xasprintf("/proc/%d/mem", (int)pid);
    cleanup(free_ptr) char *said = NULL;
    ck_assert_int_eq(stat(memory, &st), 0);
    ck_assert_uint_eq(st.st_uid, 0);
    ck_assert_int_eq(PROGRAM_RUN(&said, "grep", "core file size", limits), 0);
    ck_assert_msg(strstr(said, " 0 ") != NULL, "%s", said);
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("errand_main");
    TCase *tcase = tcase_create("errand_main");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, what_stands_behind_the_options, 0, (int)ARRAY_LEN(calls));
    tcase_add_loop_test(tcase, asked_to_stop_in_the_midst_it_ends_by_that_signal, 0,
                        (int)ARRAY_LEN(signals));
    tcase_add_test(tcase, nobody_else_may_look_into_its_memory);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
