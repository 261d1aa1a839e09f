// A bucket of an S3 service that checks signatures: everything a store is asked for.
#include "store/store.h"
#include "tests/support/bucketd.h"
#include "tests/support/store_story.h"

#include <check.h>

static struct bucketd server;
static struct store *store;

static void set_up(void)
{
    bucketd_start(&server, STORE_S3, NULL);
    store = bucketd_open(&server, 0);
}

static void tear_down(void)
{
    store_close(&store);
    bucketd_stop(&server);
}

START_TEST(objects_of_all_sizes_come_back)
{
    static const size_t sizes[] = { 1, 65536, 16 << 20, (16 << 20) + 1, (33 << 20) + 7 };
    store_story_sizes(store, sizes, ARRAY_LEN(sizes));
}
END_TEST

START_TEST(type_and_metadata_are_kept)
{
    store_story_metadata(store);
}
END_TEST

START_TEST(lists_are_complete)
{
    store_story_lists(store);
}
END_TEST

START_TEST(what_is_removed_is_gone)
{
    store_story_removal(store);
}
END_TEST

START_TEST(keys_of_all_kinds_are_one_object_each)
{
    store_story_keys_of_all_kinds(store, true);
}
END_TEST

START_TEST(a_signed_link_is_good_for_plain_curl_and_for_nothing_else)
{
    store_story_links(store);
}
END_TEST

START_TEST(an_expired_link_is_refused)
{
    store_story_expiry(store);
}
END_TEST

START_TEST(a_wrong_secret_is_refused_and_the_credential_named)
{
    store_story_wrong_secret(&server);
}
END_TEST

// It has no request to take an upload back, so that is asked of OSS's (check_store_oss); here that
// the failure is told and leaves no object.
START_TEST(a_large_object_that_is_stopped_half_way_is_not_there)
{
    store_story_stop(&server);
}
END_TEST

START_TEST(a_service_that_cannot_list_uploads_has_none_to_take_back)
{
    struct err err = ERR_INIT;
    ck_assert_msg(store_abandon(store, "temp/", time(NULL), &err) == 0, "%s", err.text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_s3");
    TCase *tcase = tcase_create("store_s3");
    tcase_set_timeout(tcase, 240);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, objects_of_all_sizes_come_back);
    tcase_add_test(tcase, type_and_metadata_are_kept);
    tcase_add_test(tcase, lists_are_complete);
    tcase_add_test(tcase, what_is_removed_is_gone);
    tcase_add_test(tcase, keys_of_all_kinds_are_one_object_each);
    tcase_add_test(tcase, a_signed_link_is_good_for_plain_curl_and_for_nothing_else);
    tcase_add_test(tcase, an_expired_link_is_refused);
    tcase_add_test(tcase, a_wrong_secret_is_refused_and_the_credential_named);
    tcase_add_test(tcase, a_large_object_that_is_stopped_half_way_is_not_there);
    tcase_add_test(tcase, a_service_that_cannot_list_uploads_has_none_to_take_back);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
