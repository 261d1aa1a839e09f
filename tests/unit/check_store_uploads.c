// Uploads that a killed process left: those are taken back, and no others.
#include "store/store.h"
#include "tests/support/bucketd.h"
#include "tests/support/store_story.h"

#include <check.h>

static struct bucketd server;
static struct store *store;
static struct err err;

static void set_up(void)
{
    bucketd_start(&server, STORE_OSS, NULL);
    store = bucketd_open(&server, 0);
    err = (struct err)ERR_INIT;
}

static void tear_down(void)
{
    store_close(&store);
    bucketd_stop(&server);
}

static void begin_uploads(const char *lines)
{
    cleanup(free_ptr) char *link = xasprintf("%s/~/uploads", server.endpoint);
    ck_assert_int_eq(bucketd_plain("POST", link, lines, NULL), 200);
}

START_TEST(only_old_ones_of_the_prefix_are_taken_back)
{
    begin_uploads("7200 temp/a+b c.mp4\n7200 temp/%41\n10 temp/new.mp4\n7200 final/old.mp4\n"
                  "7200 tem\n");
    store_story_put(store, "temp/object", "1", 1);
    ck_assert_msg(store_abandon(store, "temp/", time(NULL) - 3600, &err) == 2, "%s", err.text);
    cleanup(free_ptr) char *left = bucketd_ask(&server, "uploads");
    ck_assert_str_eq(left, "temp/new.mp4\nfinal/old.mp4\ntem\n");
    ck_assert_int_eq(store_abandon(store, "temp/", time(NULL) - 3600, &err), 0);
    ck_assert(store_story_has(store, "temp/object", "1", 1));
}
END_TEST

START_TEST(more_than_a_list_holds_are_taken_back)
{
    cleanup(free_ptr) char *lines = xcalloc(16, 450);
    for (int i = 0; i < 450; i++)
        memcpy(lines + (size_t)i * 11, "9 temp/old\n", 11);
    begin_uploads(lines);
    ck_assert_msg(store_abandon(store, "temp/", time(NULL), &err) == 450, "%s", err.text);
    cleanup(free_ptr) char *left = bucketd_ask(&server, "uploads");
    ck_assert_str_eq(left, "");
}
END_TEST

#define LIST(inner) "<ListMultipartUploadsResult>" inner "</ListMultipartUploadsResult>"
#define OLD "<UploadId>1</UploadId><Initiated>2020-01-01T00:00:00.000Z</Initiated>"
static const char *const hostile[] = {
    "",
    "<html/>",
    LIST("<Upload><Key>final/a</Key>" OLD "</Upload>"),
    LIST("<EncodingType>url</EncodingType><Upload><Key>final%2Fa</Key>" OLD "</Upload>"),
    LIST("<Upload>" OLD "</Upload>"),
    LIST("<Upload><Key>temp/a</Key></Upload>"),
};

START_TEST(a_list_that_cannot_be_is_not_acted_upon)
{
    cleanup(free_ptr) char *fault = xasprintf("body GET uploads 100 %s", hostile[_i]);
    bucketd_fault(&server, fault);
    ck_assert_msg(store_abandon(store, "temp/", time(NULL), &err) < 0, "%s", hostile[_i]);
    ck_assert_str_eq(err.id, "bad_answer");
    ck_assert_uint_eq(bucketd_requests(&server, "DELETE"), 0);
}
END_TEST

START_TEST(one_without_a_time_stays)
{
    bucketd_fault(&server, "body GET uploads 1 " LIST(
                               "<Upload><Key>temp/a</Key><UploadId>1</UploadId></Upload>"));
    ck_assert_int_eq(store_abandon(store, "temp/", time(NULL), &err), 0);
    ck_assert_uint_eq(bucketd_requests(&server, "DELETE"), 0);
}
END_TEST

START_TEST(a_service_that_cannot_tell_has_none)
{
    bucketd_fault(&server, "status GET uploads 100 501 NotImplemented");
    ck_assert_msg(store_abandon(store, "temp/", time(NULL), &err) == 0, "%s", err.text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_uploads");
    TCase *tcase = tcase_create("store_uploads");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, only_old_ones_of_the_prefix_are_taken_back);
    tcase_add_test(tcase, more_than_a_list_holds_are_taken_back);
    tcase_add_loop_test(tcase, a_list_that_cannot_be_is_not_acted_upon, 0, (int)ARRAY_LEN(hostile));
    tcase_add_test(tcase, one_without_a_time_stays);
    tcase_add_test(tcase, a_service_that_cannot_tell_has_none);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
