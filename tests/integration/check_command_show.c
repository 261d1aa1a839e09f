// clipspool list, status and watch: with what lies in the outbox, and with the service.
#include "tests/support/cli_fixture.h"

#include <sys/stat.h>

static const char waiting[] = "Waiting:\n\nfull.mp4\n    2.0 % are free\x1b[2J\n";

START_TEST(test_list_and_status_show_what_lies_there_whatever_it_is)
{
    struct spoken spoken;
    cli_make_batch("walk", "{\"status\":\"compressing\",\"progress\":12,\"total_videos\":2,"
                           "\"estimated_remaining_seconds\":90}");
    cli_make_batch("broken", "{\"status\":");
    cli_make_batch("empty", NULL);
    cli_make_batch("evil\n\x1b[2J\xff", "{\"status\":\"\\u001b[2J\"}");
    spool_fixture_put(&cli_fixture, "incoming/late.mp4", "x", 1);
    spool_fixture_put(&cli_fixture, "outbox/a file", "x", 1);
    spool_fixture_put(&cli_fixture, "incoming/full.mp4", "x", 1);
    spool_fixture_put(&cli_fixture, "outbox/waiting.txt", waiting, strlen(waiting));
    CLI_SAY(&spoken, "list");
    ck_assert_int_eq(spoken.status, 0);
    cli_assert_printable(spoken.out);
    cli_assert_holds(spoken.out, "late.mp4");
    cli_assert_holds(spoken.out, "arriving");
    cli_assert_holds(spoken.out, "waits: 2.0 % are free\\x1B[2J");
    cli_assert_holds(spoken.out, "12 %  watching and listening, about 1:30 left");
    cli_assert_holds(spoken.out, "its status.json cannot be read");
    cli_assert_holds(spoken.out, "no status yet");
    cli_assert_holds(spoken.out, "evil\\x0A\\x1B[2J\\xFF");
    ck_assert_ptr_null(strstr(spoken.out, "a file"));
    cli_assert_holds(spoken.err, "No service is running");
    spoken_release(&spoken);

    CLI_SAY(&spoken, "list", "--names");
    ck_assert_str_eq(spoken.out, "broken\nempty\nevil\\x0A\\x1B[2J\\xFF\nwalk\n");
    spoken_release(&spoken);
}
END_TEST

static const struct {
    const char *name, *arguments[3];
    int status;
    const char *out, *err;
} status_cases[] = {
    { "a batch",
      { "status", "walk" },
      0,
      "walk: watching and listening, 12 %\n",
      "No service is running" },
    { "its document", { "status", "walk", "--json" }, 0, "{ \"status\": \"compressing\"", "" },
    { "nobody", { "status", "nobody" }, 66, "", "no batch called \"nobody\"" },
    { "the document of nobody", { "status", "--json", "nobody" }, 66, "", "nobody" },
    { "one that arrives", { "status", "late" }, 0, "late: arriving", "No service is running" },
    { "one that waits", { "status", "full.mp4" }, 0, "full.mp4: waits: 2.0 % are free", "" },
    { "a damaged one", { "status", "broken" }, 65, "", "status.json" },
    { "one without a status", { "status", "empty" }, 75, "", "no status.json yet" },
    { "a path", { "status", "../outbox/walk" }, 66, "", "no batch" },
    { "hostile bytes", { "status", "evil\\xFF" }, 0, "evil\\xFF: failed", "" },
    { "cancel of nobody", { "cancel", "nobody" }, 66, "", "nobody" },
    { "cancel of one that ended", { "cancel", "evil\xff" }, 1, "", "has ended already" },
    { "retry of one at work", { "retry", "walk" }, 1, "", "has not failed" },
    { "watch of nobody", { "watch", "nobody" }, 66, "", "nobody" },
    { "watch of one that failed", { "watch", "evil\xff" }, 1, "", "evil\\xFF: failed" },
};

START_TEST(test_one_batch_is_shown_or_refused)
{
    struct spoken spoken;
    cli_make_batch("walk", "{ \"status\": \"compressing\", \"progress\": 12 }");
    cli_make_batch("broken", "{\"status\":");
    cli_make_batch("empty", NULL);
    cli_make_batch("evil\xff", "{\"status\":\"failed\",\"error\":{\"message\":\"\\u001b\"}}");
    char *late = spool_fixture_path(&cli_fixture, "incoming/late");
    ck_assert_int_eq(mkdir(late, 0755), 0);
    spool_fixture_put(&cli_fixture, "incoming/full.mp4", "x", 1);
    spool_fixture_put(&cli_fixture, "outbox/waiting.txt", waiting, strlen(waiting));
    const char *argv[7] = { cli_program, "-C", cli_fixture.config };
    memcpy(argv + 3, status_cases[_i].arguments, sizeof status_cases[_i].arguments);
    spoken_run(&spoken, NULL, argv);
    ck_assert_msg(spoken.status == status_cases[_i].status, "%s: status %d\n%s%s",
                  status_cases[_i].name, spoken.status, spoken.out, spoken.err);
    cli_assert_holds(spoken.out, status_cases[_i].out);
    cli_assert_holds(spoken.err, status_cases[_i].err);
    cli_assert_printable(spoken.out);
    cli_assert_printable(spoken.err);
    spoken_release(&spoken);
    free(late);
}
END_TEST

START_TEST(test_a_spool_that_is_not_there_is_told_with_its_path)
{
    struct spoken spoken;
    folder_put(&cli_fixture.folder, "other.conf", "spool = { root = \"/nowhere/at/all\"; };");
    SPOKEN_RUN(&spoken, cli_fixture.folder.path, cli_program, "-C", "other.conf", "list");
    ck_assert_int_eq(spoken.status, 71);
    cli_assert_holds(spoken.err, "/nowhere/at/all/outbox");
    spoken_release(&spoken);
}
END_TEST

// With the service.

START_TEST(test_submit_watch_and_status_follow_a_batch_to_its_reel)
{
    struct spoken spoken;
    folder_put(&cli_fixture.folder, "a.mp4", "aaa");
    folder_put(&cli_fixture.folder, "b.mp4", "bbb");
    spool_fixture_start(&cli_fixture);
    CLI_SAY(&spoken, "submit", "a.mp4", "b.mp4", "--name", "trip");
    ck_assert_msg(spoken.status == 0, "%s", spoken.err);
    ck_assert_str_eq(spoken.err, "");
    spoken_release(&spoken);

    CLI_SAY(&spoken, "watch", "trip");
    ck_assert_msg(spoken.status == 0, "%s%s", spoken.out, spoken.err);
    char *reel = xasprintf("%s/outbox/trip/final.mp4\n", cli_fixture.root);
    ck_assert_str_eq(spoken.out + strlen(spoken.out) - strlen(reel), reel);
    cli_assert_printable(spoken.out);
    spoken_release(&spoken);

    CLI_SAY(&spoken, "list");
    ck_assert_str_eq(spoken.err, "");
    spoken_release(&spoken);
    CLI_SAY(&spoken, "status", "trip");
    ck_assert_str_eq(spoken.err, "");
    cli_assert_holds(spoken.out, "trip: finished\n");
    cli_assert_holds(spoken.out, "a.mp4");
    spoken_release(&spoken);
    CLI_SAY(&spoken, "status", "trip", "--json");
    char *document = folder_get(&cli_fixture.folder, "spool/outbox/trip/status.json");
    ck_assert_str_eq(spoken.out, document);
    spoken_release(&spoken);
    free(document);
    free(reel);
}
END_TEST

START_TEST(test_a_failed_batch_tells_watch_why_and_what_to_do)
{
    struct spoken spoken;
    spool_fixture_start(&cli_fixture);
    spool_fixture_drop_script(&cli_fixture, "trip", "a.mp4", "probe exit 65");
    CLI_SAY(&spoken, "watch", "trip");
    ck_assert_int_eq(spoken.status, 1);
    cli_assert_holds(spoken.err, "it was told to leave with 65");
    cli_assert_holds(spoken.err, "tell it something else");
    spoken_release(&spoken);
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, test_list_and_status_show_what_lies_there_whatever_it_is);
    tcase_add_loop_test(tcase, test_one_batch_is_shown_or_refused, 0, (int)ARRAY_LEN(status_cases));
    tcase_add_test(tcase, test_a_spool_that_is_not_there_is_told_with_its_path);
    tcase_add_test(tcase, test_submit_watch_and_status_follow_a_batch_to_its_reel);
    tcase_add_test(tcase, test_a_failed_batch_tells_watch_why_and_what_to_do);
}

int main(int argc, char **argv)
{
    return cli_main(argc, argv, "command_show", add);
}
