// clipspool submit.
#include "tests/support/cli_fixture.h"

#include <sys/stat.h>

START_TEST(test_a_folder_is_submitted_whole_and_without_what_cannot_be_taken)
{
    struct spoken spoken;
    const char *path = cli_fixture.folder.path;
    char *link = xasprintf("%s/trip/link.mp4", path), *fifo = xasprintf("%s/trip/fifo.mp4", path);
    char *trip = xasprintf("%s/trip", path), *sub = xasprintf("%s/trip/day 2", path);
    ck_assert_int_eq(mkdir(trip, 0755), 0);
    ck_assert_int_eq(mkdir(sub, 0755), 0);
    folder_put(&cli_fixture.folder, "trip/a.mp4", "aaa");
    folder_put(&cli_fixture.folder, "trip/day 2/b\n.mp4", "bbb");
    folder_put(&cli_fixture.folder, "trip/half.mp4.part", "h");
    folder_put(&cli_fixture.folder, "trip/.DS_Store", "d");
    folder_put(&cli_fixture.folder, "job.conf", "title = \"x\";");
    ck_assert_int_eq(symlink("/etc/passwd", link), 0);
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);

    CLI_SAY(&spoken, "submit", "trip/", "-c", "job.conf");
    ck_assert_msg(spoken.status == 0, "%s", spoken.err);
    ck_assert_str_eq(spoken.out, "trip\n");
    cli_assert_holds(spoken.err, "left out: link.mp4 (not a file)");
    cli_assert_holds(spoken.err, "left out: fifo.mp4 (not a file)");
    cli_assert_holds(spoken.err, "left out: half.mp4.part");
    cli_assert_holds(spoken.err, "No service is running");
    char *incoming = cli_names_in("spool/incoming"), *inside = cli_names_in("spool/incoming/trip");
    char *copy = folder_get(&cli_fixture.folder, "spool/incoming/trip/day 2/b\n.mp4");
    ck_assert_str_eq(incoming, "trip");
    ck_assert_str_eq(inside, ".ready a.mp4 day 2 job.conf");
    ck_assert_str_eq(copy, "bbb");
    spoken_release(&spoken);

    CLI_SAY(&spoken, "submit", "trip/a.mp4", "--name", "trip");
    ck_assert_str_eq(spoken.out, "trip-2\n");
    spoken_release(&spoken);
    free(link), free(fifo), free(trip), free(sub), free(incoming), free(inside), free(copy);
}
END_TEST

static const struct {
    const char *name, *arguments[4];
    int status;
    const char *err;
} refused_cases[] = {
    { "a path that is not there", { "submit", "a.mp4", "nobody" }, 66, "nobody" },
    { "two of one name", { "submit", "a.mp4", "sub/a.mp4" }, 65, "two of the files are called" },
    { "a hidden file", { "submit", ".hidden.mp4" }, 65, "hidden" },
    { "a device", { "submit", "/dev/null" }, 65, "neither a file nor a folder" },
    { "a job.conf with mistakes", { "submit", "a.mp4", "-c", "bad.conf" }, 78, "bad.conf:1" },
    { "more than the limit", { "submit", "many" }, 65, "more than 5" },
};

START_TEST(test_a_submission_that_is_refused_leaves_nothing)
{
    struct spoken spoken;
    const char *path = cli_fixture.folder.path;
    char *sub = xasprintf("%s/sub", path), *many = xasprintf("%s/many", path);
    ck_assert_int_eq(mkdir(sub, 0755), 0);
    ck_assert_int_eq(mkdir(many, 0755), 0);
    folder_put(&cli_fixture.folder, "a.mp4", "a");
    folder_put(&cli_fixture.folder, ".hidden.mp4", "a");
    folder_put(&cli_fixture.folder, "sub/a.mp4", "b");
    folder_put(&cli_fixture.folder, "bad.conf", "tilte = 1;");
    for (char name[] = "many/0"; name[5] < '9'; name[5]++)
        folder_put(&cli_fixture.folder, name, "x");
    spool_fixture_set(&cli_fixture, "limits = { max_entries = 5; };");
    spool_fixture_write_config(&cli_fixture);
    const char *argv[8] = { cli_program, "-C", cli_fixture.config };
    memcpy(argv + 3, refused_cases[_i].arguments, sizeof refused_cases[_i].arguments);
    spoken_run(&spoken, path, argv);
    ck_assert_msg(spoken.status == refused_cases[_i].status, "%s: status %d\n%s",
                  refused_cases[_i].name, spoken.status, spoken.err);
    cli_assert_holds(spoken.err, refused_cases[_i].err);
    ck_assert_str_eq(spoken.out, "");
    char *left = cli_names_in("spool/incoming");
    ck_assert_str_eq(left, "");
    spoken_release(&spoken);
    free(left), free(sub), free(many);
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, test_a_folder_is_submitted_whole_and_without_what_cannot_be_taken);
    tcase_add_loop_test(tcase, test_a_submission_that_is_refused_leaves_nothing, 0,
                        (int)ARRAY_LEN(refused_cases));
}

int main(int argc, char **argv)
{
    return cli_main(argc, argv, "command_submit", add);
}
