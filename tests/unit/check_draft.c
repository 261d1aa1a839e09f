// A request in the making: the address, and that nothing is said twice.
#include "net/draft.h"
#include "spool/remote.h"
#include <check.h>

static struct draft draft;
static struct err err;

static void set_up(void)
{
    draft = (struct draft)DRAFT_INIT;
    err = (struct err)ERR_INIT;
}

static void tear_down(void)
{
    draft_release(&draft);
}

static int begin(enum sign_style style, const char *key)
{
    static struct sign_place place;
    static struct sign_request request;
    static char id[] = "id", secret[] = "secret";
    static const struct credential credential = { .id = id, .secret = secret };
    place = (struct sign_place){ .style = style,
                                 .endpoint = "https://S.Example.org:443",
                                 .region = "oss-r-1",
                                 .bucket = "bucket" };
    request = (struct sign_request){ .place = &place, .method = "GET", .key = key };
    return draft_begin(&request, &credential, 1763195400, 0, &draft, &err);
}

START_TEST(host_and_path_are_what_will_be_asked_for)
{
    static const struct {
        enum sign_style style;
        const char *key, *host, *path;
    } rows[] = {
        { SIGN_VIRTUAL_HOST, "a b", "bucket.s.example.org", "/a%20b" },
        { SIGN_VIRTUAL_HOST, NULL, "bucket.s.example.org", "/" },
        { SIGN_PATH, "a/b", "s.example.org", "/bucket/a/b" },
        { SIGN_PATH, "", "s.example.org", "/bucket" },
        { SIGN_OWN_DOMAIN, "a", "s.example.org", "/a" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ck_assert_int_eq(begin(rows[i].style, rows[i].key), 0);
        ck_assert_str_eq(draft.host, rows[i].host);
        ck_assert_str_eq(draft.path, rows[i].path);
        ck_assert_str_eq(draft.region, "r-1");
        ck_assert_str_eq(draft.stamp, "20251115T083000Z");
        cleanup(free_ptr) char *url = draft_url(&draft, &draft.query, 0);
        cleanup(free_ptr) char *expected = xasprintf("https://%s%s", rows[i].host, rows[i].path);
        ck_assert_str_eq(url, expected);
        draft_release(&draft);
    }
}
END_TEST

START_TEST(nothing_is_said_twice)
{
    ck_assert_int_eq(begin(SIGN_PATH, "k"), 0);
    ck_assert_int_eq(draft_add_header(&draft, "x-oss-date", "1", &err), 0);
    ck_assert_int_lt(draft_add_header(&draft, "X-OSS-Date", "2", &err), 0);
    ck_assert_str_eq(err.id, "bad_request");
    ck_assert_str_eq(fields_find(&draft.headers, "x-oss-date"), "1");
    ck_assert_int_eq(draft_add_parameter(&draft, "x-oss-date", "1", NULL), 0);
    ck_assert_int_lt(draft_add_parameter(&draft, "x-oss-date", "1", NULL), 0);
}
END_TEST

START_TEST(what_is_added_is_checked_as_what_was_there)
{
    ck_assert_int_eq(begin(SIGN_PATH, "k"), 0);
    ck_assert_int_lt(draft_add_header(&draft, "x-token", "a\r\nb", &err), 0);
    ck_assert_str_eq(err.id, "bad_header");
}
END_TEST

START_TEST(a_key_too_long_for_a_store_is_refused)
{
    char key[REMOTE_MAX_KEY_BYTES + 2];
    memset(key, 'k', sizeof key);
    key[REMOTE_MAX_KEY_BYTES + 1] = 0;
    ck_assert_int_lt(begin(SIGN_PATH, key), 0);
    key[REMOTE_MAX_KEY_BYTES] = 0;
    draft_release(&draft);
    ck_assert_int_eq(begin(SIGN_PATH, key), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("draft");
    TCase *tcase = tcase_create("draft");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, host_and_path_are_what_will_be_asked_for);
    tcase_add_test(tcase, nothing_is_said_twice);
    tcase_add_test(tcase, what_is_added_is_checked_as_what_was_there);
    tcase_add_test(tcase, a_key_too_long_for_a_store_is_refused);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
