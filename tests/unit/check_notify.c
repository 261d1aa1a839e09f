// The program notify, over real sockets, with an errand made by hand: what it makes of each answer,
// and whom it does not even ask.
#include "spool/errand.h"
#include "spool/message.h"
#include "tests/support/folder.h"
#include "tests/support/httpd.h"
#include "tests/support/program.h"

#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define KEY "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
#define PATH_KEY "Zm9vYmFy" // in the path of the address, which is a key as well
#define ID "20261122T041500Z-trip-3f2a"
#define MESSAGE "msg_" ID "-00112233445566ff"
#define OPEN_DOOR "allow_networks = \"127.0.0.1\"; "

// What is signed is these bytes, not what they mean: blanks and order included.
static const char body[] = "{ \"type\":\"batch.completed\",\n  \"id\": \"" ID
                           "\",\"title\":\"\xE5\x89\x8D\xE9\x97\xA8 \\u00e9\" }\n";

static struct folder folder;
static struct httpd server;
static char *program, *config;

// `more` goes into the group webhook.
static void configure(const char *more)
{
    cleanup(free_ptr) char *text = xasprintf("webhook = { %s };\n", more);
    folder_put(&folder, "conf", text);
}

static void configure_with_secret(const char *more)
{
    cleanup(free_ptr) char *line = xasprintf("credential = \"%s/secret\"; %s", folder.path, more);
    configure(line);
}

static void set_up(void)
{
    ck_assert_int_eq(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    folder_make(&folder);
    httpd_start(&server, NULL);
    program = program_built("libexec/clipspool/notify");
    config = xasprintf("%s/conf", folder.path);
    folder_put(&folder, "secret", "whsec_" KEY "\n");
    ck_assert_int_eq(fchmodat(folder.fd, "secret", 0600, 0), 0);
    configure_with_secret(OPEN_DOOR);
}

static void tear_down(void)
{
    free(program);
    free(config);
    httpd_stop(&server);
    folder_remove(&folder);
}

// ---- short ways

static void order(enum errand_kind kind, const char *url)
{
    cleanup(free_ptr) char *link = xstrdup(url), *text = xstrdup(body);
    const struct errand errand = { .kind = kind,
                                   .batch = (char[]){ ID },
                                   .outbox = (char[]){ "trip" },
                                   .created = 1790000000,
                                   .message = (char[]){ MESSAGE },
                                   .url = link,
                                   .body = text,
                                   .bucket = (char[]){ "main" } };
    cleanup(close_fd) int errands = errand_open(folder.path, NULL);
    ck_assert_int_eq(errand_save(errands, &errand, NULL), 0);
}

static void order_hook(const char *query)
{
    cleanup(free_ptr) char *link = httpd_link(&server, "/hook/" PATH_KEY "?hook=" KEY "&%s", query);
    order(ERRAND_WEBHOOK, link);
}

struct told {
    int status;
    char *output;         // stdout and stderr
    struct message words; // of descriptor 3; kind -1: none
};

static void told_release(struct told *told)
{
    free(told->output);
}

static void read_words(struct message *words)
{
    struct message_reader reader = MESSAGE_READER_INIT;
    cleanup(close_fd) int fd = openat(folder.fd, "words", O_RDONLY | O_CLOEXEC);
    *words = (struct message){ .kind = (enum message_kind) - 1 };
    while (message_read(&reader, fd) > 0)
        while (message_next(&reader, words))
            continue;
    ck_assert_uint_eq(reader.refused, 0);
    message_reader_release(&reader);
}

static struct told notify(const char *id)
{
    struct told told = { .output = NULL };
    // A shell gives it the descriptor 3 that the daemon would.
    cleanup(free_ptr) char *command = xasprintf("exec \"$@\" 3>'%s/words'", folder.path);
    told.status = PROGRAM_RUN(&told.output, "/bin/sh", "-c", command, "sh", program, "--config",
                              config, "--spool", folder.path, id);
    read_words(&told.words);
    return told;
}

static void expect_told(const struct told *told, int status, const char *words)
{
    ck_assert_msg(told->status == status, "%d, not %d: %s", told->status, status, told->output);
    ck_assert_msg(strstr(told->output, words) != NULL, "\"%s\" is not in: %s", words, told->output);
    if (status == 0) {
        ck_assert_str_eq(told->output, "");
        ck_assert_int_eq((int)told->words.kind, -1);
        return;
    }
    ck_assert_int_eq((int)told->words.kind, MESSAGE_ERROR);
    ck_assert_int_eq(err_exit(told->words.error.class), status);
    // People and the daemon are told the same, the daemon on one line.
    size_t line = strcspn(told->output, "\n") - strlen("notify: ");
    ck_assert_int_eq(strncmp(told->output, "notify: ", strlen("notify: ")), 0);
    ck_assert_int_eq(strncmp(told->output + strlen("notify: "), told->words.error.text, line), 0);
    ck_assert_ptr_null(strstr(told->output, PATH_KEY));
    ck_assert_ptr_null(strstr(told->output, KEY));
}

static void expect(int status, const char *words)
{
    cleanup(told_release) struct told told = notify(ID);
    expect_told(&told, status, words);
}

static unsigned hooks(void)
{
    (void)httpd_accepted(&server);
    return httpd_count(&server, "hook ");
}

// ---- answers

static const struct {
    const char *query;
    int status;
    const char *words;
    unsigned retry_after;
} answers[] = {
    { "status=200", 0, "", 0 },
    { "status=204", 0, "", 0 },
    { "status=299", 0, "", 0 },
    { "size=1000000", 0, "", 0 },     // more than is listened to
    { "size=100&break=5", 0, "", 0 }, // the head was said
    { "location=/elsewhere", 75, "answers with status 302, and is not followed elsewhere", 0 },
    { "status=308&location=/elsewhere", 75, "status 308, and is not followed elsewhere", 0 },
    { "status=410", 65, "it wants to be told no more", 0 },
    { "status=400", 75, "answers with status 400\n", 0 },
    { "status=404", 75, "answers with status 404\n", 0 },
    { "status=429&retry=7", 75, "answers with status 429\n", 7 },
    { "status=503&retry=9", 75, "answers with status 503\n", 9 },
    { "status=503", 75, "answers with status 503\n", 0 },
    { "status=500", 75, "answers with status 500\n", 0 },
    { "rubbish=1", 75, "", 0 },
};

START_TEST(an_answer_is_what_its_status_says)
{
    cleanup(free_ptr) char *host = httpd_link(&server, "%s", "");
    cleanup(free_ptr) char *begin = xasprintf("notify: %s: ", host);
    order_hook(answers[_i].query);
    cleanup(told_release) struct told told = notify(ID);
    expect_told(&told, answers[_i].status, answers[_i].words);
    if (answers[_i].status != 0)
        ck_assert_msg(strncmp(told.output, begin, strlen(begin)) == 0, "%s", told.output);
    ck_assert_uint_eq(told.words.error.retry_after, answers[_i].retry_after);
    ck_assert_uint_eq(hooks(), 1);
    ck_assert_ptr_null(strstr(server.log, " /elsewhere"));
}
END_TEST

static const struct {
    const char *query, *hint;
} hints[] = {
    { "status=410", "take it out of job.conf" },
    { "location=/elsewhere", "write the final address into job.conf" },
    { "status=500", "the receiver's log says why it did not take it" },
};

START_TEST(a_refusal_says_what_to_do)
{
    order_hook(hints[_i].query);
    cleanup(told_release) struct told told = notify(ID);
    ck_assert_str_eq(told.words.error.hint, hints[_i].hint);
}
END_TEST

START_TEST(who_does_not_answer_is_asked_again_later)
{
    configure_with_secret(OPEN_DOOR "deadline_seconds = 0.3;");
    order_hook("mute=1");
    expect(75, "did not answer in 0.3 s");
}
END_TEST

START_TEST(who_is_not_there_is_asked_again_later)
{
    // Bound and not listening: nobody else gets the port, and who connects is refused.
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof at;
    cleanup(close_fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    cleanup(free_ptr) char *link = xasprintf("http://127.0.0.1:%u/x", ntohs(at.sin_port));
    order(ERRAND_WEBHOOK, link);
    cleanup(told_release) struct told told = notify(ID);
    expect_told(&told, 75, "");
    ck_assert_str_eq(told.words.error.id, "unreachable");
}
END_TEST

START_TEST(who_asked_for_time_is_not_asked_before)
{
    order_hook("status=503&times=1&retry=600");
    expect(75, "status 503");
    cleanup(told_release) struct told told = notify(ID);
    expect_told(&told, 75, "is asked as much already as it may be");
    ck_assert_str_eq(told.words.error.id, "no_turn"); // for the daemon this was no try
    ck_assert_uint_ge(told.words.error.retry_after, 500);
    ck_assert_uint_eq(hooks(), 1);
}
END_TEST

START_TEST(who_is_asked_to_end_meanwhile_ends_by_that_signal)
{
    int status;
    pid_t pid;
    char *argv[] = { program,     (char[]){ "--config" }, config, (char[]){ "--spool" },
                     folder.path, (char[]){ ID },         NULL };
    order_hook("mute=1");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3); // what Check has open
    ck_assert_int_eq(posix_spawn(&pid, program, &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    httpd_wait(&server, "stalled ");
    ck_assert_int_eq(kill(pid, SIGTERM), 0);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "status %#x",
                  (unsigned)status);
}
END_TEST

// ---- what is sent

static char *field(const char *head, const char *name)
{
    cleanup(free_ptr) char *begin = xasprintf("\n%s: ", name);
    const char *at = strstr(head, begin);
    ck_assert_msg(at != NULL, "no %s in:\n%s", name, head);
    at += strlen(begin);
    ck_assert_msg(strstr(at, begin) == NULL, "%s twice in:\n%s", name, head);
    return xstrndup(at, strcspn(at, "\r\n"));
}

static void expect_head(time_t earliest)
{
    cleanup(free_ptr) char *head = folder_get(&folder, "head");
    cleanup(free_ptr) char *type = field(head, "Content-Type"), *id = field(head, "webhook-id"),
                           *at = field(head, "webhook-timestamp"),
                           *signature = field(head, "webhook-signature");
    ck_assert_int_eq(strncmp(head, "POST /hook/" PATH_KEY "?", 12 + strlen(PATH_KEY)), 0);
    ck_assert_str_eq(type, "application/json");
    ck_assert_str_eq(id, MESSAGE);
    long long when = strtoll(at, NULL, 10);
    ck_assert_msg(when >= earliest && when <= time(NULL), "%s", at);
    ck_assert_int_eq(strncmp(signature, "v1,", 3), 0);
    ck_assert_uint_eq(strlen(signature), 3 + 44); // base64 of 32 bytes
}

// The receiver makes the signature once more by itself, of the secret, id, time and bytes that
// came.
static void expect_good_signatures(unsigned count)
{
    ck_assert_uint_eq(hooks(), count);
    unsigned good = 0;
    for (const char *at = server.log; (at = strstr(at, "signature=good")) != NULL; at++)
        good++;
    ck_assert_msg(good == count, "%u\n%s", good, server.log);
}

static void expect_saved_body(void)
{
    cleanup(free_ptr) char *came = folder_get(&folder, "body");
    ck_assert_str_eq(came, body);
    ck_assert_int_eq(unlinkat(folder.fd, "body", 0), 0);
}

START_TEST(a_message_is_signed_and_the_same_one_in_every_try)
{
    cleanup(free_ptr) char *query =
        xasprintf("status=500&times=1&save=%s/body&head=%s/head", folder.path, folder.path);
    time_t start = time(NULL);
    order_hook(query);
    expect(75, "status 500");
    expect_head(start);
    expect_saved_body();
    expect(0, "");
    expect_head(start);
    expect_saved_body();
    expect_good_signatures(2);
}
END_TEST

// ---- whom it does not ask

static void keep_no_secret(void)
{
    configure(OPEN_DOOR);
}

static void lose_secret(void)
{
    ck_assert_int_eq(unlinkat(folder.fd, "secret", 0), 0);
}

static void show_secret(void)
{
    ck_assert_int_eq(fchmodat(folder.fd, "secret", 0644, 0), 0);
}

static void spoil_secret(void)
{
    folder_put(&folder, "secret", "sk-" KEY "\n");
}

static void close_door(void)
{
    configure_with_secret("");
}

static void open_another_door(void)
{
    configure_with_secret("allow_networks = \"10.0.0.0/8 127.0.0.2\";");
}

static void lose_errand(void)
{
    ck_assert_int_eq(unlinkat(folder.fd, "errands/" ID ".webhook.json", 0), 0);
}

static void leave_another_errand(void)
{
    lose_errand();
    order(ERRAND_SWEEP, "http://127.0.0.1/");
}

static void damage_errand(void)
{
    folder_put(&folder, "errands/" ID ".webhook.json", "{\"version\": 1}");
}

static void spoil_configuration(void)
{
    folder_put(&folder, "conf", "webhok = { };\n");
}

static const struct {
    const char *name;
    void (*make)(void);
    int status;
    const char *id, *words, *hint;
} refusals[] = {
    { "no secret is named", keep_no_secret, 78, "no_webhook_secret",
      "no secret is configured to sign them with", "webhook.credential" },
    { "the secret is not there", lose_secret, 78, "no_credential", "/secret", "" },
    { "others may read the secret", show_secret, 78, "open_credential", "/secret", "chmod 600" },
    { "the secret is none", spoil_secret, 78, "bad_webhook_secret", "", "" },
    { "a private address is not allowed", close_door, 77, "address_refused",
      "is not a server on the open internet", "webhook.allow_networks" },
    { "another private address is", open_another_door, 77, "address_refused",
      "is not a server on the open internet", "webhook.allow_networks" },
    { "there is no errand", lose_errand, 65, "no_errand", "nobody is to be told of " ID, "" },
    { "there is another one of the batch", leave_another_errand, 65, "no_errand",
      "nobody is to be told of " ID, "" },
    { "the errand is damaged", damage_errand, 65, "bad_errand", "errands/" ID ".webhook.json", "" },
    { "the configuration is wrong", spoil_configuration, 78, "bad_configuration", "webhok", "" },
};

START_TEST(what_may_not_be_sent_is_said_and_nobody_is_connected_to)
{
    order_hook("");
    refusals[_i].make();
    cleanup(told_release) struct told told = notify(ID);
    expect_told(&told, refusals[_i].status, refusals[_i].words);
    ck_assert_str_eq(told.words.error.id, refusals[_i].id);
    ck_assert_msg(strstr(told.words.error.hint, refusals[_i].hint) != NULL, "%s: %s",
                  refusals[_i].name, told.words.error.hint);
    ck_assert_uint_eq(httpd_accepted(&server), 0);
}
END_TEST

START_TEST(the_errand_is_left_as_it_is_whatever_became_of_it)
{
    static const char *const queries[] = { "status=200", "status=410", "status=500" };
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        order_hook(queries[i]);
        cleanup(free_ptr) char *before = folder_get(&folder, "errands/" ID ".webhook.json");
        cleanup(told_release) struct told told = notify(ID);
        cleanup(free_ptr) char *after = folder_get(&folder, "errands/" ID ".webhook.json");
        ck_assert_str_eq(before, after);
    }
    ck_assert_uint_eq(hooks(), ARRAY_LEN(queries));
}
END_TEST

static const char *const no_ids[] = { "trip", "../" ID, ID ".webhook.json", "", "--check" };

START_TEST(what_is_no_id_is_a_wrong_call)
{
    cleanup(free_ptr) char *output = NULL;
    order_hook("");
    int status =
        PROGRAM_RUN(&output, program, "--config", config, "--spool", folder.path, no_ids[_i]);
    ck_assert_msg(status == 64 && strncmp(output, "Usage: notify ", 14) == 0, "%d: %s", status,
                  output);
    ck_assert_uint_eq(httpd_accepted(&server), 0);
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_loop_test(tcase, an_answer_is_what_its_status_says, 0, (int)ARRAY_LEN(answers));
    tcase_add_loop_test(tcase, a_refusal_says_what_to_do, 0, (int)ARRAY_LEN(hints));
    tcase_add_test(tcase, who_does_not_answer_is_asked_again_later);
    tcase_add_test(tcase, who_is_not_there_is_asked_again_later);
    tcase_add_test(tcase, who_asked_for_time_is_not_asked_before);
    tcase_add_test(tcase, who_is_asked_to_end_meanwhile_ends_by_that_signal);
    tcase_add_test(tcase, a_message_is_signed_and_the_same_one_in_every_try);
    tcase_add_loop_test(tcase, what_may_not_be_sent_is_said_and_nobody_is_connected_to, 0,
                        (int)ARRAY_LEN(refusals));
    tcase_add_test(tcase, the_errand_is_left_as_it_is_whatever_became_of_it);
    tcase_add_loop_test(tcase, what_is_no_id_is_a_wrong_call, 0, (int)ARRAY_LEN(no_ids));
}

int main(void)
{
    Suite *suite = suite_create("notify");
    TCase *tcase = tcase_create("notify");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    add_tests(tcase);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
