// clipspool doctor.
#include "tests/support/cli_fixture.h"

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

static void add(TCase *tcase)
{
    tcase_add_test(tcase, test_the_doctor_tells_with_and_without_the_service);
    tcase_add_test(tcase, test_the_doctor_sees_a_stage_that_cannot_start);
}

int main(int argc, char **argv)
{
    return cli_main(argc, argv, "command_doctor", add);
}
