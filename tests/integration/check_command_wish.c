// clipspool cancel and retry.
#include "tests/support/cli_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

START_TEST(test_a_wish_that_nobody_hears_is_kept_and_told)
{
    struct spoken spoken;
    cli_make_batch("walk", "{\"status\":\"compressing\"}");
    CLI_SAY(&spoken, "cancel", "walk", "nobody");
    ck_assert_int_eq(spoken.status, 69); // of the first that went wrong
    cli_assert_holds(spoken.err, "no service is running");
    cli_assert_holds(spoken.err, "no batch called \"nobody\"");
    ck_assert(cli_there("spool/outbox/walk/cancel"));
    spoken_release(&spoken);
}
END_TEST

START_TEST(test_a_batch_is_cancelled_and_taken_up_again)
{
    struct spoken spoken;
    char *fifo = xasprintf("%s/fifo", cli_fixture.folder.path);
    char *script = xasprintf("render*1 wait %s", fifo);
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    spool_fixture_start(&cli_fixture);
    spool_fixture_drop_script(&cli_fixture, "trip", "a.mp4", script);
    json_decref(spool_fixture_await(&cli_fixture, "trip", "clipping"));
    CLI_SAY(&spoken, "cancel", "trip");
    ck_assert_msg(spoken.status == 0, "%s", spoken.err);
    cli_assert_holds(spoken.out, "trip is being cancelled");
    spoken_release(&spoken);
    json_decref(spool_fixture_await(&cli_fixture, "trip", "cancelled"));

    int end = open(fifo, O_RDWR | O_CLOEXEC); // who waits again goes on at once
    ck_assert_int_eq(write(end, "xxxxxxxx", 8), 8);
    CLI_SAY(&spoken, "retry", "trip");
    ck_assert_msg(spoken.status == 0, "%s", spoken.err);
    cli_assert_holds(spoken.out, "trip is taken up again");
    spoken_release(&spoken);
    json_decref(spool_fixture_await(&cli_fixture, "trip", "completed"));
    close(end);
    free(script);
    free(fifo);
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, test_a_wish_that_nobody_hears_is_kept_and_told);
    tcase_add_test(tcase, test_a_batch_is_cancelled_and_taken_up_again);
}

int main(int argc, char **argv)
{
    return cli_main(argc, argv, "command_wish", add);
}
