// The program inquire: a line for each role of each service, whatever the service says, and nothing
// written down.
#include "tests/support/asking.h"
#include "tests/support/program.h"

#include <check.h>
#include <stdio.h>
#include <sys/stat.h>

static struct asking_place place;

static void set_up(void)
{
    asking_make(&place);
    ck_assert_int_eq(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

static void tear_down(void)
{
    asking_remove(&place);
}

static char *inquire(const char *options)
{
    char *output = NULL;
    cleanup(free_ptr) char *program = program_built("libexec/clipspool/inquire");
    cleanup(free_ptr) char *key = xasprintf("%s/key", place.folder.path);
    cleanup(free_ptr) char *config = xasprintf("%s/conf", place.folder.path);
    cleanup(free_ptr) char *text = xasprintf(
        "spool = { root = \"%s\"; }; openai = { address = \"%s\"; credential = \"%s\"; %s };\n",
        place.folder.path, place.address, key, options);
    folder_put(&place.folder, "key", "sk-secret\n");
    ck_assert_int_eq(chmod(key, 0600), 0);
    folder_put(&place.folder, "conf", text);
    int r = PROGRAM_RUN(&output, program, "--config", config, "--check");
    ck_assert_msg(r == 0, "%d: %s", r, output);
    ck_assert_ptr_null(strstr(output, "sk-secret"));
    return output;
}

static const struct {
    const char *name, *options, *script, *output;
} cases[] = {
    { "all roles, in order", "vision_model = \"v\"; text_model = \"t\"; speech_model = \"s\";",
      "[{\"body\":{\"choices\":[{\"message\":{\"content\":\"OK\"}}],"
      "\"usage\":{\"prompt_tokens\":40,\"completion_tokens\":2}}}]",
      "ok openai vision: v answers, for 42 tokens\nok openai text: t answers, for 42 tokens\n"
      "ok openai speech: s: the address and the key are good\n" },
    { "one that does not say what it bills", "text_model = \"t\";",
      "[{\"body\":{\"choices\":[{\"message\":{\"content\":\"OK\"}}]}}]",
      "ok openai text: t answers\n" },
    { "the others go on where one fails", "vision_model = \"v\"; text_model = \"t\";",
      "[{\"status\":404,\"body\":{\"error\":{\"code\":\"model_not_found\",\"message\":\"no\"}}},"
      "{\"body\":{\"choices\":[{\"message\":{\"content\":\"OK\"}}]}}]",
      "hint check openai.vision_model and openai.address in clipspool.conf\n"
      "ok openai text: t answers\n" },
    { "words of a service are one line", "text_model = \"t\";",
      "[{\"status\":401,\"body\":{\"error\":{\"code\":\"invalid_api_key\",\"message\":\"a\\nok "
      "openai text\\u001b\"}}}]",
      "problem openai text: openai t: key_refused" },
    { "nobody is asked", "", "[]", "" },
};

START_TEST(each_role_has_its_line)
{
    asking_script(&place, cases[_i].script);
    cleanup(free_ptr) char *output = inquire(cases[_i].options);
    ck_assert_msg(strstr(output, cases[_i].output) != NULL, "%s: %s", cases[_i].name, output);
    ck_assert_msg(*cases[_i].output != '\0' || *output == '\0', "%s: %s", cases[_i].name, output);
    ck_assert_ptr_null(strchr(output, '\x1b'));
    ck_assert_int_lt(faccessat(place.folder.fd, "ledger", F_OK, 0), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("inquire");
    TCase *tcase = tcase_create("inquire");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, each_role_has_its_line, 0, (int)ARRAY_LEN(cases));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
