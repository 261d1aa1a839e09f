// What can be used passes, what cannot is told why, and the rules decide what is which.
#include "spool/dropped.h"
#include "tests/support/folder.h"
#include <check.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct folder folder;

static void make_file(void)
{
    folder_put(&folder, "a.mp4", "xyz");
}

static void make_empty(void)
{
    folder_put(&folder, "a.mp4", "");
}

static void make_link(void)
{
    folder_put(&folder, "b", "xyz");
    ck_assert_int_eq(symlinkat("b", folder.fd, "a.mp4"), 0);
}

static void make_dangling(void)
{
    ck_assert_int_eq(symlinkat("nowhere", folder.fd, "a.mp4"), 0);
}

static void make_hard_link(void)
{
    folder_put(&folder, "b", "xyz");
    ck_assert_int_eq(linkat(folder.fd, "b", folder.fd, "a.mp4", 0), 0);
}

static void make_pipe(void)
{
    ck_assert_int_eq(mkfifoat(folder.fd, "a.mp4", 0644), 0);
}

static void make_cut(void)
{
    folder_put(&folder, "a.mp4", "\x1a\x45\xdf\xa3\x82zz\x18\x53\x80\x67\x90 and no more");
}

static const struct {
    const char *what;
    void (*make)(void);
    struct dropped_rules rules;
    const char *id; // "": it can be used
} rows[] = {
    { "a file", make_file, { .max_bytes = 3 }, "" },
    { "a file that is too large", make_file, { .max_bytes = 2 }, "too_large" },
    { "an empty one", make_empty, { .max_bytes = 9 }, "empty_file" },
    { "a link", make_link, { .max_bytes = 9 }, "symlink" },
    { "a link that is accepted", make_link, { .accept_links = true, .max_bytes = 9 }, "" },
    { "a link to nothing", make_dangling, { .accept_links = true, .max_bytes = 9 }, "symlink" },
    { "one of two names", make_hard_link, { .max_bytes = 9 }, "hard_link" },
    { "one that is accepted", make_hard_link, { .accept_links = true, .max_bytes = 9 }, "" },
    { "a pipe", make_pipe, { .accept_links = true, .max_bytes = 9 }, "fifo" },
    { "a copy that was cut off", make_cut, { .max_bytes = 99 }, "incomplete_file" },
    { "one that is said to be ready", make_cut, { .is_ready = true, .max_bytes = 99 }, "" },
};

static struct err told;

static int check(void *context, const struct tree_entry *entry)
{
    struct stat st;
    dropped_check(&rows[*(int *)context].rules, entry, &st, &told);
    return 0;
}

START_TEST(what_was_dropped_is_what_it_is)
{
    int row = _i;
    told = (struct err)ERR_INIT;
    folder_make(&folder);
    rows[_i].make();
    ck_assert_int_eq(tree_walk(folder.fd, "a.mp4", 1, check, &row, NULL), 0);
    ck_assert_msg(strcmp(told.id, rows[_i].id) == 0, "%s: %s", rows[_i].what, told.id);
    ck_assert_int_eq(told.hint[0] != 0, rows[_i].id[0] != 0);
    folder_remove(&folder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dropped");
    TCase *tcase = tcase_create("dropped");
    tcase_add_loop_test(tcase, what_was_dropped_is_what_it_is, 0, (int)ARRAY_LEN(rows));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
