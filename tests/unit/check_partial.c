// The record of a download: what can be gone on with after a kill, and after a power cut.
#include "net/partial.h"
#include "tests/support/folder.h"

#include <check.h>
#include <stdio.h>

static struct folder folder;
static struct partial partial;

static void set_up(void)
{
    folder_make(&folder);
    partial = (struct partial)PARTIAL_INIT;
}

static void tear_down(void)
{
    partial_release(&partial);
    folder_remove(&folder);
}

static void load(const char *identity)
{
    partial_release(&partial);
    ck_assert_int_eq(partial_load(folder.fd, "source", identity, &partial, NULL), 0);
}

// A record of 1000 bytes, 400 of them synced.
static void save(void)
{
    load("id");
    partial.validator = xstrdup("\"v1\"");
    partial.name = xstrdup("b\xc3\xa9.mp4");
    partial.total_bytes = 1000;
    partial.synced_bytes = 400;
    ck_assert_int_eq(partial_save(folder.fd, "source", &partial, NULL), 0);
}

START_TEST(a_record_comes_back_as_it_was)
{
    save();
    load("id");
    ck_assert_str_eq(partial.validator, "\"v1\"");
    ck_assert_str_eq(partial.name, "b\xc3\xa9.mp4");
    ck_assert_ptr_null(partial.type);
    ck_assert_ptr_null(partial.sha256);
    ck_assert_uint_eq(partial.total_bytes, 1000);
    ck_assert_uint_eq(partial.synced_bytes, 400);
}
END_TEST

START_TEST(a_total_that_is_not_known_stays_unknown)
{
    save();
    partial.total_bytes = UINT64_MAX;
    ck_assert_int_eq(partial_save(folder.fd, "source", &partial, NULL), 0);
    load("id");
    ck_assert_uint_eq(partial.total_bytes, UINT64_MAX);
    ck_assert_uint_eq(partial_trusted(&partial, 5000), 5000);
}
END_TEST

static const char *const useless[] = { "",
                                       "{",
                                       "[]",
                                       "{\"version\": 1}",
                                       "{\"version\": 2}",
                                       "{\"version\":1,\"identity\":\"id\",\"validator\":7}",
                                       "{\"version\":1,\"identity\":\"id\",\"total_bytes\":-1}" };

START_TEST(a_damaged_record_or_one_of_something_else_is_none)
{
    folder_put(&folder, "source.json", useless[_i]);
    load("id");
    ck_assert_str_eq(partial.identity, "id");
    ck_assert_ptr_null(partial.validator);
    ck_assert_uint_eq(partial_trusted(&partial, 700), 0);
    save();
    load("another");
    ck_assert_str_eq(partial.identity, "another");
    ck_assert_ptr_null(partial.validator);
}
END_TEST

START_TEST(after_a_kill_all_that_was_written_counts)
{
    save();
    load("id");
    ck_assert_uint_eq(partial_trusted(&partial, 700), 700);
    ck_assert_uint_eq(partial_trusted(&partial, 0), 0);
}
END_TEST

START_TEST(after_a_start_of_the_machine_only_what_was_synced_counts)
{
    save();
    load("id");
    partial.boot[0] = partial.boot[0] == '0' ? '1' : '0';
    ck_assert_uint_eq(partial_trusted(&partial, 700), 400);
    ck_assert_uint_eq(partial_trusted(&partial, 300), 300);
    partial.boot[0] = '\0';
    ck_assert_uint_eq(partial_trusted(&partial, 700), 400);
}
END_TEST

START_TEST(nothing_counts_without_a_validator_or_beyond_the_end)
{
    save();
    ck_assert_uint_eq(partial_trusted(&partial, 1000), 1000);
    ck_assert_uint_eq(partial_trusted(&partial, 1001), 0);
    free_ptr(&partial.validator);
    ck_assert_uint_eq(partial_trusted(&partial, 700), 0);
}
END_TEST

START_TEST(a_forgotten_record_is_gone)
{
    save();
    ck_assert_int_eq(partial_forget(folder.fd, "source", NULL), 0);
    ck_assert_int_eq(partial_forget(folder.fd, "source", NULL), 0);
    char *names = folder_names(&folder, ".");
    ck_assert_str_eq(names, "");
    free(names);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("partial");
    TCase *tcase = tcase_create("partial");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_record_comes_back_as_it_was);
    tcase_add_test(tcase, a_total_that_is_not_known_stays_unknown);
    tcase_add_loop_test(tcase, a_damaged_record_or_one_of_something_else_is_none, 0,
                        (int)ARRAY_LEN(useless));
    tcase_add_test(tcase, after_a_kill_all_that_was_written_counts);
    tcase_add_test(tcase, after_a_start_of_the_machine_only_what_was_synced_counts);
    tcase_add_test(tcase, nothing_counts_without_a_validator_or_beyond_the_end);
    tcase_add_test(tcase, a_forgotten_record_is_gone);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
