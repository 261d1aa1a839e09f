// clipspool check.
#include "tests/support/cli_fixture.h"

START_TEST(test_the_sample_job_conf_has_nothing_wrong)
{
    struct spoken sample, checked;
    CLI_SAY(&sample, "check");
    ck_assert_int_eq(sample.status, 0);
    folder_put(&cli_fixture.folder, "job.conf", sample.out);
    CLI_SAY(&checked, "check", "job.conf");
    ck_assert_msg(checked.status == 0, "%s", checked.err);
    cli_assert_holds(checked.out, "job.conf: nothing is wrong");
    spoken_release(&sample);
    spoken_release(&checked);
}
END_TEST

START_TEST(test_all_mistakes_of_a_job_conf_are_told_at_once)
{
    struct spoken spoken;
    folder_put(&cli_fixture.folder, "job.conf",
               "titel = \"x\";\ntarget_duration = -3.0;\nstrategy = \"best\";\n");
    CLI_SAY(&spoken, "check", "job.conf");
    ck_assert_int_eq(spoken.status, 78);
    cli_assert_holds(spoken.err, "job.conf:1");
    cli_assert_holds(spoken.err, "titel");
    cli_assert_holds(spoken.err, "job.conf:2");
    cli_assert_holds(spoken.err, "3600");
    cli_assert_holds(spoken.err, "job.conf:3");
    cli_assert_holds(spoken.err, "chronological");
    ck_assert_str_eq(spoken.out, "");
    spoken_release(&spoken);
}
END_TEST

START_TEST(test_a_bucket_that_the_service_has_not_is_told)
{
    struct spoken spoken;
    folder_put(&cli_fixture.folder, "job.conf", "storage = \"hybrid\";\n");
    folder_put(&cli_fixture.folder, "bucket.conf",
               "storage = { bucket = \"f\"; buckets = ( { name = \"f\"; type = \"folder\"; "
               "path = \"/srv\"; } ); };\n");
    CLI_SAY(&spoken, "check", "job.conf");
    ck_assert_int_eq(spoken.status, 78);
    cli_assert_holds(spoken.err, "storage: \"hybrid\" needs a bucket");
    spoken_release(&spoken);
    CLI_SAY(&spoken, "check", "--config", "bucket.conf", "job.conf");
    ck_assert_msg(spoken.status == 0, "%s", spoken.err);
    spoken_release(&spoken);
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, test_a_bucket_that_the_service_has_not_is_told);
    tcase_add_test(tcase, test_the_sample_job_conf_has_nothing_wrong);
    tcase_add_test(tcase, test_all_mistakes_of_a_job_conf_are_told_at_once);
}

int main(int argc, char **argv)
{
    return cli_main(argc, argv, "command_check", add);
}
