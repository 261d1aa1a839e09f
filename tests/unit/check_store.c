// What every store checks before it does anything, and whose error it says it is.
#include "store/store.h"
#include "store/store_verbs.h"
#include "tests/support/folder.h"

#include <check.h>
#include <stdio.h>

static struct folder folder;
static struct store *store;
static struct err err;

static void set_up(void)
{
    err = (struct err)ERR_INIT;
    folder_make(&folder);
    const struct store_place place = { .kind = STORE_FOLDER, .name = "near", .path = folder.path };
    ck_assert_int_eq(store_open(&place, NULL, &store, NULL), 0);
}

static void tear_down(void)
{
    store_close(&store);
    store_close(&store); // nothing there
    folder_remove(&folder);
}

static const struct {
    const char *name, *value;
    bool good;
} metadata[] = {
    { "expires-at", "2026-11-26T12:00:00Z", true },
    { "a", "", true },
    { "9-lives", "\xE6\x97\xA5 & \"x\"", true },
    { "", "x", false },
    { "Upper", "x", false },
    { "with_line", "x", false },
    { "-a", "x", false },
    { "a-", "x", false },
    { "a--b", "x", false },
    { "a:b", "x", false },
    { "a", "one\r\nx-oss-object-acl: public-read", false },
    { "a", "tab\t", false },
    { "a", "\xFF", false },
};

START_TEST(metadata_that_cannot_be_kept_as_it_is_is_refused)
{
    cleanup(fields_release) struct fields fields = FIELDS_INIT;
    fields_add(&fields, "before", "x");
    fields_add(&fields, metadata[_i].name, metadata[_i].value);
    const struct store_order order = { .key = "a",
                                       .body = { .data = "x", .size = 1 },
                                       .metadata = &fields };
    ck_assert_int_eq(store_put(store, &order, &err) == 0, metadata[_i].good);
    if (!metadata[_i].good)
        ck_assert_str_eq(err.id, "bad_header");
}
END_TEST

START_TEST(metadata_has_a_limit)
{
    for (size_t size = 2040; size <= 2060; size++) {
        cleanup(fields_release) struct fields fields = FIELDS_INIT;
        cleanup(free_ptr) char *value = xcalloc(size + 1, 1);
        memset(value, 'x', size);
        fields_add(&fields, "name", value);
        ck_assert_int_eq(store_check_metadata(&fields, NULL) == 0, size + 4 <= 2048);
    }
}
END_TEST

static const char *const keys[] = { "", "a\nb", "\xFF" };

START_TEST(a_key_that_cannot_be_is_refused_by_all_verbs)
{
    cleanup(store_about_release) struct store_about about = STORE_ABOUT_INIT;
    cleanup(download_result_release) struct download_result result = DOWNLOAD_RESULT_INIT;
    char *link = NULL;
    const struct store_order order = { .key = keys[_i], .body = { .data = "x", .size = 1 } };
    const struct store_target target = { .key = keys[_i], .dirfd = folder.fd, .name = "x" };
    ck_assert_int_lt(store_put(store, &order, &err), 0);
    ck_assert_str_eq(err.id, "bad_link");
    ck_assert_msg(strncmp(err.text, "storage near: ", 14) == 0, "%s", err.text);
    ck_assert_ptr_null(strchr(err.text, '\n'));
    ck_assert_int_lt(store_get(store, &target, &result, NULL), 0);
    ck_assert_int_lt(store_head(store, keys[_i], &about, NULL), 0);
    ck_assert_int_lt(store_remove(store, keys[_i], NULL), 0);
    ck_assert_int_lt(store_sign(store, keys[_i], 60, &link, NULL), 0);
    ck_assert_ptr_null(link);
}
END_TEST

START_TEST(it_has_a_name_for_people)
{
    ck_assert_str_eq(store_shown(store), "storage near");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store");
    TCase *tcase = tcase_create("store");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, metadata_that_cannot_be_kept_as_it_is_is_refused, 0,
                        (int)ARRAY_LEN(metadata));
    tcase_add_test(tcase, metadata_has_a_limit);
    tcase_add_loop_test(tcase, a_key_that_cannot_be_is_refused_by_all_verbs, 0,
                        (int)ARRAY_LEN(keys));
    tcase_add_test(tcase, it_has_a_name_for_people);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
