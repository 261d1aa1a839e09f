// From the role of a batch to an asker that has the key of its service.
#include "net/secret.h"
#include "stages/models.h"
#include "tests/support/asking.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct asking_place place;
static struct stage_context context;
static struct models models;
static char *key_path;

// A batch whose plan is made by the service of the place, with a key in a file.
static void set_up(void)
{
    asking_make(&place);
    folder_put(&place.folder, "key", "secret-key\n");
    ck_assert_int_eq(fchmodat(place.folder.fd, "key", 0600, 0), 0);
    key_path = xasprintf("%s/key", place.folder.path);
    place.settings.openai.credential = key_path;
    context = (struct stage_context){ .batchdir = place.batchdir, .sourcedir = -1 };
    context.settings.root = place.folder.path;
    context.settings.models = place.settings;
    context.batch.roles[MODEL_TEXT] = MODEL_OPENAI;
    models = (struct models)MODELS_INIT;
}

static void tear_down(void)
{
    models_close(&models);
    models_close(&models); // nothing there any more
    free(key_path);
    asking_remove(&place);
}

static int ask(struct wire_reply *reply, struct err *err)
{
    const struct wire_question question = asking_question();
    const struct ask asked = { .question = &question,
                               .what = "theme",
                               .index = -1,
                               .content = "",
                               .prompt_version = "1",
                               .most = { ASKING_MOST, 0 } };
    return asker_ask(models.asker, &asked, reply, err);
}

static void answer(const char *text)
{
    cleanup(free_ptr) char *body = asking_answer(&place, text);
    cleanup(free_ptr) char *json = xasprintf("[{\"body\":%s}]", body);
    asking_script(&place, json);
}

static void expect_open(void)
{
    struct err err = ERR_INIT;
    int r = models_open(&context, MODEL_TEXT, &models, &err);
    ck_assert_msg(r == 0, "%d: %s", r, err.text);
}

// ---- opening

START_TEST(a_role_of_this_machine_or_of_nobody_opens_nothing)
{
    static const int roles[] = { MODEL_LOCAL, MODEL_NONE };
    struct err err = ERR_INIT;
    context.batch.roles[MODEL_TEXT] = roles[_i];
    ck_assert_int_eq(models_open(&context, MODEL_TEXT, &models, &err), 1);
    ck_assert_int_eq((int)err.class, ERR_NONE);
    ck_assert_ptr_null(models.asker);
    ck_assert_int_eq(models.stop_fd, -1);
    ck_assert_int_eq(prctl(PR_GET_DUMPABLE), 1); // no key was loaded
}
END_TEST

START_TEST(the_service_of_the_batch_is_asked_with_its_key)
{
    struct err err = ERR_INIT;
    cleanup(wire_reply_release) struct wire_reply reply = WIRE_REPLY_INIT;
    answer("a beach");
    expect_open();
    ck_assert_str_eq(asker_model(models.asker), place.settings.openai.models[MODEL_TEXT]);
    ck_assert_uint_eq(asking_requests(&place), 0); // no connection is made
    ck_assert_int_eq(prctl(PR_GET_DUMPABLE), 0);
    // On loopback, where nobody else's links may lead.
    ck_assert_msg(ask(&reply, &err) == 0, "%s", err.text);
    ck_assert_str_eq(reply.text, "a beach");
    cleanup(free_ptr) char *request = asking_request(&place, 1);
    ck_assert_ptr_nonnull(strstr(request, "Authorization: Bearer secret-key\r\n"));
    struct asking_sums sums;
    asking_sums(&place, &sums);
    ck_assert_uint_eq(sums.batch_billed, ASKING_INPUT + ASKING_OUTPUT);
    // It went through the gate of that service.
    cleanup(free_ptr) char *services = folder_names(&place.folder, "services");
    cleanup(free_ptr) char *due = throttle_file("model openai");
    ck_assert_str_eq(services, due);
}
END_TEST

START_TEST(the_roles_of_a_batch_may_be_of_different_services)
{
    context.batch.roles[MODEL_VISION] = MODEL_DASHSCOPE;
    context.settings.models.openai.models[MODEL_VISION] = NULL;
    struct err err = ERR_INIT;
    ck_assert_msg(models_open(&context, MODEL_VISION, &models, &err) == 0, "%s", err.text);
    ck_assert_int_eq((int)asker_service(models.asker), FAULT_DASHSCOPE);
    ck_assert_ptr_null(models.key);
}
END_TEST

START_TEST(a_server_that_needs_no_key_is_asked_without)
{
    struct err err = ERR_INIT;
    cleanup(wire_reply_release) struct wire_reply reply = WIRE_REPLY_INIT;
    context.settings.models.openai.credential = NULL;
    answer("a beach");
    expect_open();
    ck_assert_ptr_null(models.key);
    ck_assert_msg(ask(&reply, &err) == 0, "%s", err.text);
    cleanup(free_ptr) char *request = asking_request(&place, 1);
    ck_assert_ptr_null(strstr(request, "Authorization"));
}
END_TEST

START_TEST(the_service_alone_needs_no_batch)
{
    struct err err = ERR_INIT;
    int r = models_open_service(&context.settings, MODEL_OPENAI, &models, &err);
    ck_assert_msg(r == 0, "%s", err.text);
    ck_assert_ptr_null(models.asker);
    ck_assert_str_eq(models.key, "secret-key");
    ck_assert_str_eq(models.place->address, place.address);
    // The way to it is open.
    cleanup(http_answer_release) struct http_answer answer = HTTP_ANSWER_INIT;
    cleanup(free_ptr) char *here = xasprintf("http://127.0.0.1:%u/", place.server.port);
    const struct http_request request = { .link = here, .deadline_seconds = 20 };
    r = http_do(models.http, &request, &answer, &err);
    ck_assert_msg(r == 0, "%s", err.text);
}
END_TEST

static struct {
    char address[40];
    const char *host;
} hosts[] = {
    { "https://dashscope.aliyuncs.com", "dashscope.aliyuncs.com" },
    { "http://127.0.0.1:8000/v1", "127.0.0.1" },
    { "http://[::1]:8000/v1", "[::1]" },
    { "http://[::1]/v1", "[::1]" },
    { "http://models.example/v1", "models.example" },
};

START_TEST(only_the_host_of_the_address_may_have_any_address)
{
    struct err err = ERR_INIT;
    context.settings.models.openai.address = hosts[_i].address;
    int r = models_open_service(&context.settings, MODEL_OPENAI, &models, &err);
    ck_assert_msg(r == 0, "%s", err.text);
    ck_assert_str_eq(models.rules.allow_hosts, hosts[_i].host);
    ck_assert_ptr_eq(models.rules.allow_hosts, models.host);
}
END_TEST

// ---- what is wrong with the configuration

static void lack_address(void)
{
    context.settings.models.openai.address = NULL;
}

static void lack_model(void)
{
    context.settings.models.openai.models[MODEL_TEXT] = NULL;
}

static void lack_key(void)
{
    ck_assert_int_eq(unlinkat(place.folder.fd, "key", 0), 0);
}

static void show_key(void)
{
    ck_assert_int_eq(fchmodat(place.folder.fd, "key", 0644, 0), 0);
}

static void empty_key(void)
{
    folder_put(&place.folder, "key", "\n");
}

static void lack_directory(void)
{
    context.settings.models.openai.credential = (char[]){ "the-key" };
}

static const struct {
    void (*spoil)(void);
    const char *id;
} wrong[] = {
    { lack_address, "no_model" },    { lack_model, "no_model" },
    { lack_key, "no_credential" },   { show_key, "open_credential" },
    { empty_key, "bad_credential" }, { lack_directory, "no_credential" },
};

START_TEST(what_is_wrong_with_the_configuration_waits_for_it_to_be_corrected)
{
    struct err err = ERR_INIT;
    (void)unsetenv("CREDENTIALS_DIRECTORY");
    wrong[_i].spoil();
    ck_assert_int_lt(models_open(&context, MODEL_TEXT, &models, &err), 0);
    ck_assert_int_eq((int)err.class, ERR_CONFIG);
    ck_assert_msg(strcmp(err.id, wrong[_i].id) == 0, "%s: %s", err.id, err.text);
    ck_assert_msg(strncmp(err.text, "openai", 6) == 0, "%s", err.text);
    ck_assert_msg(err.hint[0] != '\0', "%s", err.text);
    ck_assert_ptr_null(strstr(err.text, "secret-key"));
    ck_assert_ptr_null(models.asker);
}
END_TEST

// ---- being asked to end

START_TEST(who_is_asked_to_end_ends_as_the_signal_would_have_it)
{
    int status;
    asking_script(&place, "[{\"mute\":true}]");
    pid_t pid = fork();
    if (pid == 0) {
        struct wire_reply reply = WIRE_REPLY_INIT;
        (void)signal(SIGTERM, SIG_DFL);
        (void)alarm(30);
        if (models_open(&context, MODEL_TEXT, &models, NULL) < 0)
            _exit(1);
        (void)raise(SIGTERM); // waits at the descriptor
        if (models_ended(&models, -EIO) != -EIO || models_ended(&models, 0) != 0)
            _exit(2);
        folder_put(&place.folder, "went-on", "");
        int r = ask(&reply, NULL);
        (void)models_ended(&models, r);
        _exit(3);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "status %#x",
                  (unsigned)status);
    ck_assert_int_eq(faccessat(place.folder.fd, "went-on", F_OK, 0), 0);
}
END_TEST

START_TEST(what_was_cancelled_by_nobody_goes_on)
{
    expect_open();
    ck_assert_int_eq(models_ended(&models, -ECANCELED), -ECANCELED);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("models");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, a_role_of_this_machine_or_of_nobody_opens_nothing, 0, 2);
    tcase_add_test(tcase, the_service_of_the_batch_is_asked_with_its_key);
    tcase_add_test(tcase, the_roles_of_a_batch_may_be_of_different_services);
    tcase_add_test(tcase, a_server_that_needs_no_key_is_asked_without);
    tcase_add_test(tcase, the_service_alone_needs_no_batch);
    tcase_add_loop_test(tcase, only_the_host_of_the_address_may_have_any_address, 0,
                        (int)ARRAY_LEN(hosts));
    tcase_add_loop_test(tcase, what_is_wrong_with_the_configuration_waits_for_it_to_be_corrected, 0,
                        (int)ARRAY_LEN(wrong));
    tcase_add_test(tcase, who_is_asked_to_end_ends_as_the_signal_would_have_it);
    tcase_add_test(tcase, what_was_cancelled_by_nobody_goes_on);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
