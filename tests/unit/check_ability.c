// What a file system can do.
#include "base/fs.h"
#include "cli/ability.h"
#include "tests/support/folder.h"

#include <check.h>
#include <fcntl.h>

static struct folder folder;
static int dir;

static void set_up(void)
{
    folder_make(&folder);
    dir = folder.fd;
}

static void tear_down(void)
{
    folder_remove(&folder);
}

START_TEST(test_what_this_file_system_can_is_found_by_doing_it)
{
    bool can[ABILITY_COUNT];
    char **names = NULL;
    ck_assert_int_eq(ability_test(dir, can, NULL), 0);
    ck_assert(can[ABILITY_SAFE_RENAME]);
    ck_assert(can[ABILITY_HARD_LINK]);
    ck_assert(can[ABILITY_NOTIFY]);
    ck_assert_int_eq(fs_list(dir, 10, &names, NULL), 0); // nothing stays
    fs_names_free(&names);
    char *type = ability_file_system(dir);
    ck_assert_uint_gt(strlen(type), 0);
    free(type);
}
END_TEST

START_TEST(test_a_folder_that_cannot_be_written_has_no_abilities_to_find)
{
    bool can[ABILITY_COUNT];
    struct err err = ERR_INIT;
    cleanup(close_fd) int proc = open("/proc", O_RDONLY | O_DIRECTORY);
    ck_assert_int_lt(ability_test(proc, can, &err), 0);
    ck_assert_int_ne(err.class, ERR_NONE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ability");
    TCase *tcase = tcase_create("ability");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, test_what_this_file_system_can_is_found_by_doing_it);
    tcase_add_test(tcase, test_a_folder_that_cannot_be_written_has_no_abilities_to_find);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
