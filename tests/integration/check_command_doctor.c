// clipspool doctor.
#include "spool/throttle.h"
#include "tests/support/cli_fixture.h"

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

static void add(TCase *tcase)
{
    tcase_add_test(tcase, test_the_doctor_tells_with_and_without_the_service);
    tcase_add_test(tcase, test_the_doctor_lists_the_services_outside);
    tcase_add_test(tcase, test_the_doctor_sees_a_stage_that_cannot_start);
}

int main(int argc, char **argv)
{
    return cli_main(argc, argv, "command_doctor", add);
}
