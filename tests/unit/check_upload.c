// upload.json: what goes in comes out, what is damaged is told, how long a link lives.
#include "spool/batch.h"
#include "spool/upload.h"
#include "tests/support/folder.h"

#include <check.h>
#include <errno.h>

static struct folder folder;

static void set_up(void)
{
    folder_make(&folder);
}

static void tear_down(void)
{
    folder_remove(&folder);
}

START_TEST(what_goes_in_comes_out)
{
    cleanup(upload_release) struct upload back = UPLOAD_INIT;
    const char *link = _i ? "https://reels.example.org/temp/a.mp4?sig=%22" : NULL;
    struct upload upload = { .bucket = (char[]){ "main" },
                             .key = (char[]){ "temp/a.mp4" },
                             .link = link ? xstrdup(link) : NULL,
                             .expires_at = 1800000000,
                             .link_until = link ? 1790000000 : 0 };
    ck_assert_int_eq(upload_save(folder.fd, &upload, NULL), 0);
    ck_assert_int_eq(upload_load(folder.fd, &back, NULL), 0);
    ck_assert_str_eq(back.bucket, "main");
    ck_assert_str_eq(back.key, "temp/a.mp4");
    ck_assert_pstr_eq(back.link, link);
    ck_assert_int_eq(back.expires_at, 1800000000);
    ck_assert_int_eq(back.link_until, upload.link_until);
    free(upload.link);
}
END_TEST

START_TEST(a_link_lives_until_it_ends)
{
    char link[] = "https://reels.example.org/a";
    struct upload upload = { .link = link, .link_until = 1000 };
    ck_assert(upload_lasts(&upload, 900, 100));
    ck_assert(!upload_lasts(&upload, 901, 100));
    ck_assert(!upload_lasts(&upload, 2000, 0));
    upload.link = NULL;
    ck_assert(!upload_lasts(&upload, 0, 0));
}
END_TEST

static const char *const damaged[] = {
    "{}",
    "{\"bucket\": \"main\"}",
    "{\"bucket\": \"main\", \"key\": 7}",
    "{\"bucket\": \"main\", \"key\": \"a\", \"url\": []}",
    "{\"bucket\": \"main\", \"key\": \"a\", \"url\": \"x\", \"url_expires_at\": \"tomorrow\"}",
    "{\"bucket\": \"main\", \"key\": \"a\", \"url\": \"x\", \"url_expires_at\": null}",
    "{\"bucket\": \"main\", \"key\"",
};

START_TEST(what_is_damaged_is_told)
{
    struct err err = ERR_INIT;
    cleanup(upload_release) struct upload upload = UPLOAD_INIT;
    ck_assert_int_eq(upload_load(folder.fd, &upload, &err), -ENOENT);
    ck_assert_int_eq(err.class, ERR_NONE);
    folder_put(&folder, SOURCE_UPLOAD, damaged[_i]);
    ck_assert_int_lt(upload_load(folder.fd, &upload, &err), 0);
    ck_assert_int_eq(err.class, ERR_INPUT);
    ck_assert_ptr_null(upload.bucket);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("upload");
    TCase *tcase = tcase_create("upload");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, what_goes_in_comes_out, 0, 2);
    tcase_add_test(tcase, a_link_lives_until_it_ends);
    tcase_add_loop_test(tcase, what_is_damaged_is_told, 0, (int)ARRAY_LEN(damaged));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
