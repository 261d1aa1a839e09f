// How clipspool is called, and what it answers to a wrong call.
#include "tests/support/cli_fixture.h"

static const struct {
    const char *name, *arguments[5];
    int status;
    const char *out, *err;
} usage_cases[] = {
    { "nothing", { NULL }, 64, "", "usage: clipspool" },
    { "--help", { "--help" }, 0, "usage: clipspool", "" },
    { "-h", { "-h" }, 0, "doctor", "" },
    { "help", { "help" }, 0, "usage: clipspool", "" },
    { "help of a command", { "help", "run" }, 0, "usage: clipspool run", "" },
    { "help of no command", { "help", "fly" }, 64, "", "unknown command \"fly\"" },
    { "--version", { "--version" }, 0, "clipspool " CLIPSPOOL_VERSION "\n", "" },
    { "an unknown command", { "fly\x1b[2J" }, 64, "", "\"fly\\x1B[2J\"" },
    { "an unknown option before", { "--fly" }, 64, "", "unknown option \"--fly\"" },
    { "an unknown option", { "list", "--fly\n" }, 64, "", "unknown option --fly\\x0A" },
    { "an unknown letter", { "list", "-z" }, 64, "", "unknown option -z" },
    { "an option without its value", { "run", "a.mp4", "--output" }, 64, "", "needs a value" },
    { "run without videos", { "run" }, 64, "", "which videos?" },
    { "a name with a slash", { "run", "a", "--name", "x/y" }, 64, "", "\"x/y\"" },
    { "a hidden name", { "run", "a", "--name", ".x" }, 64, "", "\".x\"" },
    { "the name of an unfinished file", { "submit", "a", "--name", "x.part" }, 64, "", "x.part" },
    { "a video that is not there", { "run", "nobody.mp4" }, 66, "", "nobody.mp4: No such file" },
    { "a folder for a video", { "run", "/tmp" }, 66, "", "/tmp: Is a directory" },
    { "a device for a video", { "run", "/dev/zero" }, 66, "", "/dev/zero: is not a file" },
    { "a missing job.conf", { "run", "/bin/sh", "-c", "nobody.conf" }, 66, "", "nobody.conf" },
    { "submit without paths", { "submit" }, 64, "", "which videos?" },
    { "watch without a name", { "watch" }, 64, "", "which batch?" },
    { "cancel without a name", { "cancel" }, 64, "", "which batch?" },
    { "one too many", { "list", "a" }, 64, "", "one too many" },
    { "--json of all", { "status", "--json" }, 64, "", "of which batch?" },
    { "a missing configuration", { "-C", "/nobody.conf", "list" }, 78, "", "/nobody.conf" },
    { "the same behind", { "list", "-C", "/nobody.conf" }, 78, "", "/nobody.conf" },
    { "a folder for a job.conf", { "check", "/tmp" }, 78, "", "/tmp" },
    { "a device for a job.conf", { "check", "/dev/zero" }, 78, "", "/dev/zero" },
};

START_TEST(test_a_call_is_answered_with_its_status_and_words)
{
    struct spoken spoken;
    const char *argv[7] = { cli_program };
    memcpy(argv + 1, usage_cases[_i].arguments, sizeof usage_cases[_i].arguments);
    spoken_run(&spoken, cli_fixture.folder.path, argv);
    ck_assert_msg(spoken.status == usage_cases[_i].status, "%s: status %d\n%s%s",
                  usage_cases[_i].name, spoken.status, spoken.out, spoken.err);
    cli_assert_holds(spoken.out, usage_cases[_i].out);
    cli_assert_holds(spoken.err, usage_cases[_i].err);
    ck_assert_msg((*usage_cases[_i].out != '\0') == (*spoken.out != '\0'), "%s", spoken.out);
    cli_assert_printable(spoken.out);
    cli_assert_printable(spoken.err);
    spoken_release(&spoken);
}
END_TEST

static const char *const commands[] = { "run",    "submit", "list",  "status", "watch",
                                        "cancel", "retry",  "check", "doctor" };

START_TEST(test_every_command_explains_itself_and_its_exit_status)
{
    struct spoken help, option;
    SPOKEN_RUN(&help, NULL, cli_program, "help", commands[_i]);
    SPOKEN_RUN(&option, NULL, cli_program, commands[_i], "--help");
    ck_assert_int_eq(help.status, 0);
    ck_assert_int_eq(option.status, 0);
    ck_assert_str_eq(help.out, option.out);
    char *begin = xasprintf("usage: clipspool %s", commands[_i]);
    ck_assert_int_eq(strncmp(help.out, begin, strlen(begin)), 0);
    cli_assert_holds(help.out, "Exit status: 0");
    free(begin);
    spoken_release(&help);
    spoken_release(&option);
}
END_TEST

START_TEST(test_an_answer_that_cannot_be_written_is_a_failure)
{
    struct spoken spoken;
    char *line = xasprintf("'%s' check > /dev/full", cli_program);
    SPOKEN_RUN(&spoken, NULL, "/bin/sh", "-c", line);
    ck_assert_int_eq(spoken.status, 74);
    cli_assert_holds(spoken.err, "could not be written");
    spoken_release(&spoken);
    free(line);
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_loop_test(tcase, test_a_call_is_answered_with_its_status_and_words, 0,
                        (int)ARRAY_LEN(usage_cases));
    tcase_add_loop_test(tcase, test_every_command_explains_itself_and_its_exit_status, 0,
                        (int)ARRAY_LEN(commands));
    tcase_add_test(tcase, test_an_answer_that_cannot_be_written_is_a_failure);
}

int main(int argc, char **argv)
{
    return cli_main(argc, argv, "command", add);
}
