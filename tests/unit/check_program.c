// What all stage programs and errands do alike: options, settings, and last words.
#include "stages/program.h"
#include "tests/support/folder.h"
#include "tests/support/program.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>

static struct folder folder;

// Reading fails with this, once; 0: it does not.  No header knows the names of ld --wrap.
static int trouble;
ssize_t __real_pread(int fd, void *buffer, size_t size, off_t at);
ssize_t __wrap_pread(int fd, void *buffer, size_t size, off_t at);
ssize_t __wrap_pread(int fd, void *buffer, size_t size, off_t at)
{
    if (trouble == 0)
        return __real_pread(fd, buffer, size, at);
    errno = trouble;
    trouble = 0;
    return -1;
}

static void set_up(void)
{
    folder_make(&folder);
    folder_put(&folder, "wrong.conf", "slots = { cpu = -1; };\nnonsense = 1;\n");
}

static void tear_down(void)
{
    folder_remove(&folder);
}

// Runs a program of libexec with these words, in the folder.  What it says to people comes back,
// and what it writes to descriptor 3 lies in the file "messages".
static int run(const char *name, const char *words, char **ret_said)
{
    cleanup(free_ptr) char *inner = xasprintf("libexec/clipspool/%s", name);
    cleanup(free_ptr) char *program = program_built(inner);
    cleanup(free_ptr) char *command =
        xasprintf("cd %s && exec %s %s 3>messages", folder.path, program, words);
    return PROGRAM_RUN(ret_said, "/bin/sh", "-c", command);
}

static const struct {
    const char *words;
    int status;
    const char *said;
} calls[] = {
    { "--version", 0, "(clipspool)" },   { "--help", 0, "Usage: " },
    { "--config", 64, "Usage: " },       { "--spool", 64, "Usage: " },
    { "--nonsense x y", 64, "Usage: " }, { "a b c d", 64, "Usage: " },
};
static const char *const names[] = { "plan", "publish", "notify", "sweep" };
enum { NAMES = ARRAY_LEN(names) };

START_TEST(every_program_understands_the_same_words)
{
    cleanup(free_ptr) char *said = NULL;
    int call = _i / (int)NAMES;
    const char *name = names[_i % (int)NAMES];
    int status = run(name, calls[call].words, &said);
    ck_assert_msg(status == calls[call].status, "%s %s: %d", name, calls[call].words, status);
    ck_assert_msg(strstr(said, calls[call].said) != NULL, "%s %s: %s", name, calls[call].words,
                  said);
    ck_assert_msg(strstr(said, name) != NULL, "%s does not say its name: %s", name, said);
}
END_TEST

static const struct {
    const char *name, *words;
} subjects[] = { { "plan", "." }, { "sweep", "" }, { "notify", "20261126T000000Z-trip-0000" } };

START_TEST(a_wrong_configuration_is_told_whole_to_people_and_to_the_supervisor)
{
    cleanup(free_ptr) char *said = NULL;
    cleanup(free_ptr) char *words = xasprintf("--config wrong.conf %s", subjects[_i].words);
    ck_assert_int_eq(run(subjects[_i].name, words, &said), 78);
    ck_assert_msg(strstr(said, "wrong.conf:1") && strstr(said, "wrong.conf:2"), "%s", said);
    cleanup(free_ptr) char *messages = folder_get(&folder, "messages");
    ck_assert_msg(strstr(messages, "bad_configuration") != NULL, "%s", messages);
}
END_TEST

START_TEST(a_configuration_that_cannot_be_read_now_is_not_wrong)
{
    cleanup(settings_release) struct settings settings = { .root = NULL };
    cleanup(free_ptr) char *path = xasprintf("%s/wrong.conf", folder.path);
    const struct program_options options = { .config = path };
    struct err err = ERR_INIT, wrong = ERR_INIT;
    trouble = EIO;
    ck_assert_int_lt(program_settings(&options, &settings, &err), 0);
    ck_assert_int_eq(err.class, ERR_IO);
    ck_assert_msg(strstr(err.text, path) != NULL, "%s", err.text);
    ck_assert_int_lt(program_settings(&options, &settings, &wrong), 0);
    ck_assert_int_eq(wrong.class, ERR_CONFIG);
    ck_assert_msg(wrong.text[strlen(wrong.text) - 1] != '\n', "%s", wrong.text);
}
END_TEST

START_TEST(without_descriptor_three_no_file_of_the_program_takes_its_place)
{
    cleanup(free_ptr) char *program = program_built("libexec/clipspool/sweep");
    cleanup(free_ptr) char *command =
        xasprintf("cd %s && exec %s --config wrong.conf 3>&- 0<&-", folder.path, program);
    cleanup(free_ptr) char *before = folder_get(&folder, "wrong.conf");
    ck_assert_int_eq(PROGRAM_RUN(NULL, "/bin/sh", "-c", command), 78);
    cleanup(free_ptr) char *after = folder_get(&folder, "wrong.conf");
    ck_assert_str_eq(before, after);
}
END_TEST

START_TEST(a_reader_who_went_away_does_not_end_the_program)
{
    cleanup(free_ptr) char *program = program_built("libexec/clipspool/sweep");
    // The status of the first of the two, whose descriptor 3 nobody reads.
    cleanup(free_ptr) char *command = xasprintf(
        "cd %s && { sleep 0.2; %s --config wrong.conf 3>&1 2>/dev/null; echo $? >status; } | :",
        folder.path, program);
    ck_assert_int_eq(PROGRAM_RUN(NULL, "/bin/sh", "-c", command), 0);
    cleanup(free_ptr) char *status = folder_get(&folder, "status");
    ck_assert_str_eq(status, "78\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("program");
    TCase *tcase = tcase_create("program");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, every_program_understands_the_same_words, 0,
                        (int)(ARRAY_LEN(calls) * NAMES));
    tcase_add_loop_test(tcase, a_wrong_configuration_is_told_whole_to_people_and_to_the_supervisor,
                        0, (int)ARRAY_LEN(subjects));
    tcase_add_test(tcase, a_configuration_that_cannot_be_read_now_is_not_wrong);
    tcase_add_test(tcase, without_descriptor_three_no_file_of_the_program_takes_its_place);
    tcase_add_test(tcase, a_reader_who_went_away_does_not_end_the_program);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
