// The stage fetch on a link, over real sockets: what it makes of the server's answers, and that it
// loses nothing when it is killed.
#include "base/fs.h"
#include "tests/support/batch_folder.h"
#include "tests/support/httpd.h"
#include "tests/support/program.h"

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/wait.h>

static struct batch_folder folder;
static struct httpd server;
static char *program;
static const char *settings;

static void set_up(void)
{
    batch_folder_make(&folder, 1);
    httpd_start(&server, NULL);
    program = program_built("libexec/clipspool/fetch");
    settings = "allow_networks = \"127.0.0.1\"; stall_seconds = 1.0;";
}

static void tear_down(void)
{
    free(program);
    httpd_stop(&server);
    batch_folder_remove(&folder);
}

// Makes the one source of the batch a link to the server.
static void set_link(const char *query)
{
    cleanup(json_free) json_t *json = NULL;
    ck_assert_int_eq(json_read(folder.batchdir, BATCH_FILE, 1 << 20, &json, NULL), 0);
    json_t *source = json_array_get(json_object_get(json, "sources"), 0);
    char *link = httpd_link(&server, "/holiday.mp4?%s", query);
    json_put_text(source, "kind", "url");
    json_put(source, "remote", json_pack("{s:s, s:s}", "service", "url", "url", link));
    ck_assert_int_eq(json_write(folder.batchdir, BATCH_FILE, json, NULL), 0);
    free(link);
}

// Starts the stage; its lines on descriptor 3 go to the file `lines`.
static pid_t start(void)
{
    pid_t pid;
    char *text = xasprintf("fetch = { %s };", settings);
    folder_put(&folder.folder, "conf", text);
    char *config = xasprintf("%s/conf", folder.folder.path);
    char *lines = xasprintf("%s/lines", folder.folder.path);
    char *arguments[] = { program,     (char[]){ "--config" }, config,
                          folder.path, (char[]){ "0" },        NULL };
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", 0, 0);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    posix_spawn_file_actions_addopen(&actions, 3, lines, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_eq(posix_spawn(&pid, program, &actions, NULL, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    free(text), free(config), free(lines);
    return pid;
}

// Returns its exit status, or 128 and the signal.
static int finish(pid_t pid)
{
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int fetch(void)
{
    return finish(start());
}

static char *lines(void)
{
    return folder_get(&folder.folder, "lines");
}

// The path of a file of the source, within the folder.
static char *path_of(const char *name)
{
    return xasprintf("work/%s/0/%s", folder.id, name);
}

static off_t size_of(const char *name)
{
    struct stat st;
    char *path = path_of(name);
    int r = fstatat(folder.folder.fd, path, &st, 0);
    free(path);
    return r == 0 ? st.st_size : -1;
}

static void assert_source(size_t size)
{
    char *path = path_of("source");
    ck_assert_int_eq(size_of("source"), (off_t)size);
    cleanup(free_ptr) char *is = xcalloc(size, 1), *due = xcalloc(size, 1);
    cleanup(close_fd) int fd = openat(folder.folder.fd, path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(read(fd, is, size), (ssize_t)size);
    httpd_fill(due, size, 0, 1);
    ck_assert_mem_eq(is, due, size);
    ck_assert_int_eq(size_of("source.part"), -1);
    free(path);
}

static json_t *result(void)
{
    struct step step = STEP_INIT;
    ck_assert_int_eq(step_load(folder.batchdir, STAGE_FETCH, 0, &step, NULL), 0);
    ck_assert_int_eq(step.state, STEP_DONE);
    json_t *numbers = json_incref(step.numbers);
    step_release(&step);
    return numbers;
}

START_TEST(a_link_becomes_the_source)
{
    set_link("size=3000000&etag=a&type=video/mp4");
    ck_assert_int_eq(fetch(), 0);
    assert_source(3000000);
    cleanup(json_free) json_t *numbers = result();
    ck_assert_str_eq(json_text(numbers, "way", "", NULL), "downloaded");
    ck_assert_str_eq(json_text(numbers, "name", "", NULL), "holiday.mp4");
    ck_assert_str_eq(json_text(numbers, "type", "", NULL), "video/mp4");
    ck_assert_int_eq(json_int(numbers, "size_bytes", 0, INT64_MAX, 0, NULL), 3000000);
    ck_assert_uint_eq(strlen(json_text(numbers, "sha256", "", NULL)), 64);
}
END_TEST

START_TEST(a_private_address_is_refused_until_it_is_allowed)
{
    set_link("size=1000");
    settings = "";
    ck_assert_int_eq(fetch(), 77);
    ck_assert_uint_eq(httpd_accepted(&server), 0);
    char *said = lines();
    ck_assert_ptr_nonnull(strstr(said, "address_refused"));
    ck_assert_ptr_nonnull(strstr(said, "127.0.0.1"));
    free(said);
    settings = "allow_networks = \"127.0.0.0/8\";";
    ck_assert_int_eq(fetch(), 0);
    assert_source(1000);
}
END_TEST

static const struct {
    const char *query;
    int status;
    const char *said;
} answers[] = {
    { "status=404", 65, "\"not_there\"" },
    { "status=403", 77, "\"access_refused\"" },
    { "status=503&retry=120", 75, "\"retry_after\":120" },
    { "status=429", 75, "\"server_busy\"" },
    { "mute=1", 75, "\"stalled\"" },
    { "location=file:///etc/passwd", 65, "\"bad_link\"" },
    { "size=10&length=99999999999", 65, "\"too_large\"" },
    { "size=1000&type=text/html", 65, "\"web_page\"" },
};

START_TEST(each_answer_has_its_exit_status_and_words)
{
    set_link(answers[_i].query);
    ck_assert_int_eq(fetch(), answers[_i].status);
    char *said = lines();
    ck_assert_msg(strstr(said, answers[_i].said) != NULL, "%s", said);
    ck_assert_ptr_nonnull(strstr(said, "/holiday.mp4: "));
    bool is_final = answers[_i].status == 65 || answers[_i].status == 77;
    ck_assert_msg(!is_final || strstr(said, "\"hint\":\"\"") == NULL, "%s", said);
    ck_assert_ptr_null(strstr(said, "holiday.mp4?")); // a query may be a signature
    free(said);
    ck_assert_int_eq(size_of("source"), -1);
}
END_TEST

// Waits until NAME has at least `size` bytes, each change being an event.
static void wait_for_size(const char *name, off_t size)
{
    char *dir = xasprintf("%s/0", folder.path), events[4096];
    ck_assert_int_ge(fs_mkdir(folder.batchdir, "0", 0750, NULL), 0);
    cleanup(close_fd) int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    ck_assert_int_ge(inotify_add_watch(fd, dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO), 0);
    struct pollfd news = { .fd = fd, .events = POLLIN };
    while (size_of(name) < size) {
        ck_assert_msg(poll(&news, 1, 20000) == 1, "%s stays at %jd bytes", name,
                      (intmax_t)size_of(name));
        (void)!read(fd, events, sizeof events);
    }
    free(dir);
}

START_TEST(killed_it_goes_on_where_it_stopped)
{
    set_link("size=3000000&etag=a&stall=1234567&times=1");
    settings = "allow_networks = \"127.0.0.1\"; stall_seconds = 60.0;";
    pid_t pid = start();
    wait_for_size("source.part", 1234567);
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(finish(pid), 128 + SIGKILL);
    ck_assert_int_eq(fetch(), 0);
    assert_source(3000000);
    // Not one byte came twice.
    ck_assert_uint_eq(httpd_sent(&server), 3000000);
    ck_assert_ptr_nonnull(strstr(server.log, "range=bytes=1234567-"));
    cleanup(json_free) json_t *numbers = result();
    ck_assert_int_eq(json_int(numbers, "received_bytes", 0, INT64_MAX, 0, NULL), 3000000 - 1234567);
}
END_TEST

// As the kernel says of the process.
START_TEST(while_it_listens_to_a_server_it_has_closed_itself_in)
{
    set_link("size=3000000&etag=a&stall=1234567&times=1");
    settings = "allow_networks = \"127.0.0.1\"; stall_seconds = 60.0;";
    pid_t pid = start();
    wait_for_size("source.part", 1234567);
    cleanup(free_ptr) char *path = xasprintf("/proc/%d/status", (int)pid), *text = xcalloc(8192, 1);
    cleanup(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_gt(read(fd, text, 8191), 0);
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(finish(pid), 128 + SIGKILL);
    ck_assert_ptr_nonnull(strstr(text, "NoNewPrivs:\t1\n"));
#ifndef __SANITIZE_ADDRESS__ // which does without the filter
    ck_assert_ptr_nonnull(strstr(text, "Seccomp:\t2\n"));
#endif
}
END_TEST

START_TEST(asked_to_end_it_makes_safe_what_came)
{
    cleanup(json_free) json_t *record = NULL;
    set_link("size=3000000&etag=a&stall=1234567&times=1");
    settings = "allow_networks = \"127.0.0.1\"; stall_seconds = 60.0;";
    pid_t pid = start();
    wait_for_size("source.part", 1234567);
    ck_assert_int_eq(kill(pid, SIGTERM), 0);
    ck_assert_int_eq(finish(pid), 128 + SIGTERM);
    char *path = path_of("source.json");
    ck_assert_int_eq(json_read(folder.folder.fd, path, 1 << 16, &record, NULL), 0);
    ck_assert_int_eq(json_int(record, "synced_bytes", 0, INT64_MAX, 0, NULL), 1234567);
    ck_assert_int_eq(fetch(), 0);
    assert_source(3000000);
    free(path);
}
END_TEST

START_TEST(killed_again_and_again_it_arrives_whole)
{
    enum { SIZE = 1500000, KILLS = 20 };
    set_link("size=1500000&etag=a&drip=20000");
    off_t reached = 0;
    for (int i = 0; i < KILLS; i++) {
        pid_t pid = start();
        wait_for_size("source.part", reached + 20000 + i * 1000);
        reached = size_of("source.part");
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(finish(pid), 128 + SIGKILL);
    }
    ck_assert_int_eq(fetch(), 0);
    assert_source(SIZE);
    // Each kill may have lost what was on its way: a drip or two.
    ck_assert_uint_le(httpd_sent(&server), SIZE + KILLS * 40000);
    ck_assert_uint_gt(httpd_count(&server, "request "), KILLS);
}
END_TEST

START_TEST(done_but_not_acknowledged_it_asks_for_nothing)
{
    set_link("size=1000&etag=a");
    ck_assert_int_eq(fetch(), 0);
    ck_assert_int_eq(step_reset(folder.batchdir, STAGE_FETCH, 0, NULL), 0);
    ck_assert_int_eq(fetch(), 0);
    assert_source(1000);
    (void)httpd_accepted(&server);
    ck_assert_uint_eq(httpd_count(&server, "request 1 GET /holiday"), 1);
    cleanup(json_free) json_t *numbers = result();
    ck_assert_int_eq(json_int(numbers, "requests", 0, 9, 9, NULL), 0);
}
END_TEST

START_TEST(it_knows_the_web_and_no_video)
{
    char *output = NULL;
    ck_assert_int_eq(PROGRAM_RUN(&output, "ldd", program), 0);
    ck_assert_ptr_nonnull(strstr(output, "libcurl"));
    ck_assert_ptr_null(strstr(output, "libav"));
    ck_assert_ptr_null(strstr(output, "libsw"));
    free(output);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fetch links");
    TCase *tcase = tcase_create("fetch links");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_link_becomes_the_source);
    tcase_add_test(tcase, a_private_address_is_refused_until_it_is_allowed);
    tcase_add_loop_test(tcase, each_answer_has_its_exit_status_and_words, 0,
                        (int)ARRAY_LEN(answers));
    tcase_add_test(tcase, killed_it_goes_on_where_it_stopped);
    tcase_add_test(tcase, while_it_listens_to_a_server_it_has_closed_itself_in);
    tcase_add_test(tcase, asked_to_end_it_makes_safe_what_came);
    tcase_add_test(tcase, killed_again_and_again_it_arrives_whole);
    tcase_add_test(tcase, done_but_not_acknowledged_it_asks_for_nothing);
    tcase_add_test(tcase, it_knows_the_web_and_no_video);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
