// What a reel is about, as it is told on.
#include "model/idea.h"

#include <check.h>

#define EXAMPLE "{\"theme\":\"kites\",\"outline\":[\"glue\"]}"

static const struct {
    const char *name, *text;
    const char *idea; // or the id of the error
} rows[] = {
    { "as asked",
      "{\"theme\":\"the sea\",\"outline\":[\"waves\",\"a jump\"],\"avoid\":[\"queues\"]}",
      "theme: \"the sea\"\noutline: \"waves\"\noutline: \"a jump\"\navoid: \"queues\"" },
    { "in a fence, by another name", "Well:\n```json\n{\"Idea\":\"the sea\"}\n```",
      "theme: \"the sea\"" },
    { "wrapped", "{\"result\":{\"theme\":\"the sea\"}}", "theme: \"the sea\"" },
    { "lists that are none", "{\"theme\":\"the sea\",\"outline\":\"x\",\"avoid\":[1,null,\"y\"]}",
      "theme: \"the sea\"\navoid: \"y\"" },
    { "what would leave its quotes", "{\"theme\":\"a\\\"\\n```\\nvideo 7: b\"}",
      "theme: \"a' ''' video 7: b\"" },
    { "a long list",
      "{\"theme\":\"t\",\"avoid\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]}",
      "theme: \"t\"\navoid: \"1\"\navoid: \"2\"\navoid: \"3\"\navoid: \"4\"\navoid: \"5\"\n"
      "avoid: \"6\"\navoid: \"7\"\navoid: \"8\"" },
    { "the example", EXAMPLE, "example_in_reply" },
    { "the example, then an answer", "Like " EXAMPLE ": {\"theme\":\"the sea\"}",
      "theme: \"the sea\"" },
    { "no theme", "{\"outline\":[\"waves\"]}", "nothing_in_reply" },
    { "an empty one", "{\"theme\":\"\"}", "nothing_in_reply" },
    { "prose", "The sea.", "no_json_in_reply" },
    { "nothing", "", "empty_reply" },
};

START_TEST(an_answer_becomes_lines_or_a_reason)
{
    cleanup(json_free) json_t *example = json_loads(EXAMPLE, 0, NULL);
    cleanup(free_ptr) char *idea = NULL;
    struct err err = ERR_INIT;
    int r = idea_read(rows[_i].text, example, &idea, &err);
    ck_assert((r == 0) == (idea != NULL));
    const char *made = r < 0 ? err.id : idea;
    ck_assert_msg(strcmp(made, rows[_i].idea) == 0, "%s: %s", rows[_i].name, made);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("idea");
    TCase *tcase = tcase_create("idea");
    tcase_add_loop_test(tcase, an_answer_becomes_lines_or_a_reason, 0, (int)ARRAY_LEN(rows));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
