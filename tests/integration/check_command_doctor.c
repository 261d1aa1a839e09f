// clipspool doctor.
#include "spool/throttle.h"
#include "tests/support/cli_fixture.h"
#include "tests/support/modeld.h"
#include "tests/support/program.h"

#include <fcntl.h>
#include <sys/stat.h>

START_TEST(test_the_doctor_tells_with_and_without_the_service)
{
    struct spoken spoken;
    spool_fixture_start(&cli_fixture);
    CLI_SAY(&spoken, "doctor");
    ck_assert_msg(spoken.status == 0, "%s", spoken.out);
    cli_assert_holds(spoken.out, "is running on this spool");
    cli_assert_holds(spoken.out, "\n0 problems");
    spoken_release(&spoken);
    (void)spool_fixture_stop(&cli_fixture, SIGTERM);
    CLI_SAY(&spoken, "doctor");
    ck_assert_int_eq(spoken.status, 1);
    cli_assert_holds(spoken.out, "problem  service");
    cli_assert_holds(spoken.out, "\n1 problems");
    spoken_release(&spoken);
}
END_TEST

START_TEST(test_the_doctor_sees_a_stage_that_cannot_start)
{
    struct spoken spoken;
    char *stage = xasprintf("%s/render", cli_fixture.programs);
    ck_assert_int_eq(unlink(stage), 0);
    CLI_SAY(&spoken, "doctor");
    ck_assert_int_eq(spoken.status, 1);
    cli_assert_holds(spoken.out, "problem  program render");
    spoken_release(&spoken);
    free(stage);
}
END_TEST

// One of the configuration whose keys can be had and whose server is nobody's.
static void use_bucket(void)
{
    cleanup(free_ptr) char *keys = xasprintf("%s/keys", cli_fixture.folder.path);
    cleanup(free_ptr) char *line =
        xasprintf("storage = { buckets = ( { name = \"oss-main\"; type = \"oss\"; bucket = "
                  "\"reels\"; endpoint "
                  "= \"http://127.0.0.1:9\"; region = \"cn-test\"; credential = \"%s\"; } ); };",
                  keys);
    folder_put(&cli_fixture.folder, "keys", "access_key_id = a\naccess_key_secret = b\n");
    ck_assert_int_eq(chmod(keys, 0600), 0);
    spool_fixture_set(&cli_fixture, line);
    spool_fixture_write_config(&cli_fixture);
}

START_TEST(test_the_doctor_lists_the_services_outside)
{
    struct spoken spoken;
    const struct throttle away = { .failures = 5,
                                   .rest_us = throttle_now() + 40000000,
                                   .why = "storage_away" };
    const struct throttle well = { .failures = 0 };
    cleanup(close_fd) int folder = throttle_open(cli_fixture.root, true);
    static const char *const names[] = { "storage oss-main", "webhook https://example.org\x1b" };
    for (int i = 0; i < 2; i++) {
        cleanup(free_ptr) char *file = throttle_file(names[i]);
        cleanup(close_fd) int fd = openat(folder, file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        ck_assert_int_ge(fd, 0);
        throttle_write(fd, i == 0 ? &away : &well, names[i]);
    }
    use_bucket();
    CLI_SAY(&spoken, "doctor");
    cli_assert_holds(spoken.out, "warning  storage oss-main");
    // Once, although the bucket is asked too, through the same gate.
    ck_assert_ptr_null(strstr(strstr(spoken.out, "storage oss-main") + 1, "storage oss-main"));
    cli_assert_holds(spoken.out, "rests after 5 failures in a row (storage_away), next try in ");
    cli_assert_holds(spoken.out, "ok       webhook https://example.org");
    cli_assert_holds(spoken.out, " 0 at work");
    cli_assert_printable(spoken.out);
    spoken_release(&spoken);
}
END_TEST

// ---- models

static struct modeld modeld;

static const struct {
    const char *about, *place, *service, *options;
    const char *rules; // what they do wrong, or NULL
    const char *said[4];
    const char *never;
} models[] = {
    { "DashScope",
      "",
      "dashscope",
      "",
      NULL,
      { "ok       model dashscope vision", "qwen3-vl-plus answers, for ",
        "ok       model dashscope text", "ok       model dashscope speech" },
      "openai" },
    { "its compatible mode",
      "",
      "dashscope",
      "interface = \"compatible\";",
      NULL,
      { "qwen3-vl-plus answers, for ", "qwen-plus answers, for ",
        "paraformer-v2: the address and the key are good" },
      "openai" },
    { "OpenAI",
      "/v1",
      "openai",
      "vision_model = \"gpt-4o-mini\"; text_model = \"gpt-5-mini\"; speech_model = \"whisper-1\";",
      NULL,
      { "gpt-4o-mini answers, for ", "gpt-5-mini answers, for ", "whisper-1: " },
      "dashscope" },
    { "a server of one's own",
      "/ollama/v1",
      "openai",
      "dialect = \"own\"; text_model = \"llama3.2\";",
      NULL,
      { "llama3.2 answers, for " },
      "vision" },
    { "a key that is refused",
      "/v1",
      "openai",
      "text_model = \"gpt-4o-mini\";",
      "status chat * 401 invalid_api_key",
      { "problem  model openai text", "key_refused", "check the credential /" },
      "answers" },
    { "a model that is not there",
      "/v1",
      "openai",
      "text_model = \"gpt-9\"; speech_model = \"whisper-1\";",
      NULL,
      { "problem  model openai text", "openai.text_model", "ok       model openai speech" },
      "answers" },
    { "a key that the service alone has",
      "/v1",
      "openai",
      "text_model = \"gpt-4o-mini\"; credential = \"openai-key\";",
      NULL,
      { "warning  model openai ", "handed to the service only" },
      "answers" },
    { "no service at all",
      "/v1",
      "openai",
      "credential = \"unused\";",
      NULL,
      { "ok       models", "no service is set up" },
      "tokens" },
};

static void use_model(int row)
{
    bool is_dashscope = strcmp(models[row].service, "dashscope") == 0;
    bool has_key = strstr(models[row].options, "credential") || strstr(models[row].options, "own");
    cleanup(free_ptr) char *address = modeld_address(&modeld, models[row].place);
    cleanup(free_ptr) char *key =
        has_key ? xstrdup("")
                : xasprintf("credential = \"%s\";",
                            is_dashscope ? modeld.dashscope_key_file : modeld.openai_key_file);
    cleanup(free_ptr) char *line =
        xasprintf("%s = { address = \"%s\"; %s %s };", models[row].service, address, key,
                  models[row].options);
    spool_fixture_set(&cli_fixture, line);
    spool_fixture_write_config(&cli_fixture);
}

START_TEST(test_the_doctor_asks_the_models_that_are_set_up_when_told_to)
{
    struct spoken spoken;
    modeld_start(&modeld);
    use_model(_i);
    CLI_SAY(&spoken, "doctor");
    ck_assert_uint_eq(modeld_count(&modeld, NULL), 0);
    spoken_release(&spoken);
    if (models[_i].rules)
        modeld_control(&modeld, models[_i].rules);
    CLI_SAY(&spoken, "doctor", "--providers");
    ck_assert_int_eq(spoken.status, 1); // the service does not run, at least
    for (size_t i = 0; i < ARRAY_LEN(models[_i].said) && models[_i].said[i]; i++)
        cli_assert_holds(spoken.out, models[_i].said[i]);
    const char *told = strstr(spoken.out, "ok       models");
    ck_assert_ptr_nonnull(told);
    ck_assert_msg(!strstr(told, models[_i].never), "%s: %s", models[_i].about, told);
    cli_assert_printable(spoken.out);
    ck_assert_ptr_null(strstr(spoken.out, "sk-"));
    spoken_release(&spoken);
    // What it costs is of no batch.
    cleanup(free_ptr) char *day = spool_fixture_path(&cli_fixture, "ledger/day.json");
    ck_assert_int_lt(access(day, F_OK), 0);
    modeld_stop(&modeld);
}
END_TEST

// As `systemd-run -p LoadCredential=` does it.
START_TEST(test_a_key_that_is_handed_to_the_doctor_is_tried)
{
    struct spoken spoken;
    modeld_start(&modeld);
    cleanup(free_ptr) char *address = modeld_address(&modeld, "/v1");
    cleanup(free_ptr) char *folder = xstrdup(modeld.openai_key_file);
    char *name = strrchr(folder, '/');
    *name++ = '\0';
    cleanup(free_ptr) char *line = xasprintf(
        "openai = { address = \"%s\"; credential = \"%s\"; text_model = \"gpt-4o-mini\"; };",
        address, name);
    spool_fixture_set(&cli_fixture, line);
    spool_fixture_write_config(&cli_fixture);
    ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
    CLI_SAY(&spoken, "doctor", "--providers");
    cli_assert_holds(spoken.out, "gpt-4o-mini answers, for ");
    spoken_release(&spoken);
    modeld_stop(&modeld);
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, test_a_key_that_is_handed_to_the_doctor_is_tried);
    tcase_add_loop_test(tcase, test_the_doctor_asks_the_models_that_are_set_up_when_told_to, 0,
                        (int)ARRAY_LEN(models));
    tcase_add_test(tcase, test_the_doctor_tells_with_and_without_the_service);
    tcase_add_test(tcase, test_the_doctor_lists_the_services_outside);
    tcase_add_test(tcase, test_the_doctor_sees_a_stage_that_cannot_start);
}

int main(int argc, char **argv)
{
    return cli_main(argc, argv, "command_doctor", add);
}
