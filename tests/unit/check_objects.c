// The names of our objects in a bucket; what is not exactly one is not ours.
#include "spool/objects.h"
#include <check.h>

static const char id[] = "20261122T041500Z-trip-3f2a";

START_TEST(names_follow_from_the_id_alone)
{
    cleanup(free_ptr) char *proxy = objects_proxy_key(id, 12);
    cleanup(free_ptr) char *reel = objects_reel_key(id, "final.mp4");
    cleanup(free_ptr) char *prefix = objects_proxy_prefix(id);
    ck_assert_str_eq(proxy, "temp/compressed/20261122/20261122T041500Z-trip-3f2a_12.mp4");
    ck_assert_str_eq(reel, "final/20261122/20261122T041500Z-trip-3f2a/final.mp4");
    ck_assert_int_eq(strncmp(proxy, prefix, strlen(prefix)), 0);
    ck_assert_int_eq(objects_time(id), 1795320900);
}
END_TEST

static const char *const foreign[] = {
    "temp/compressed/20261122/20261122T041500Z-trip-3f2a_0.mov",
    "temp/compressed/20261122/20261122T041500Z-trip-3f2a_0.mp4.bak",
    "temp/compressed/20261122/20261122T041500Z-trip-3f2a_00.mp4",
    "temp/compressed/20261122/20261122T041500Z-trip-3f2a_+1.mp4",
    "temp/compressed/20261122/20261122T041500Z-trip-3f2a_-1.mp4",
    "temp/compressed/20261122/20261122T041500Z-trip-3f2a_100.mp4",
    "temp/compressed/20261122/20261122T041500Z-trip-3f2a_.mp4",
    "temp/compressed/20261122/20261122T041500Z-trip-3f2a.mp4",
    "temp/compressed/20261123/20261122T041500Z-trip-3f2a_0.mp4",
    "temp/compressed/20261122/a/20261122T041500Z-trip-3f2a_0.mp4",
    "temp/compressed/20261122T041500Z-trip-3f2a_0.mp4",
    "temp/20261122/20261122T041500Z-trip-3f2a_0.mp4",
    "/temp/compressed/20261122/20261122T041500Z-trip-3f2a_0.mp4",
    "final/20261122/20261122T041500Z-trip-3f2a/final.mp4",
    "temp/compressed/20261122/holiday_0.mp4",
    "temp/compressed/20261122/20261122_0.mp4",
    "temp/compressed/2026/2026_0.mp4",
    "temp/compressed/20261322/20261322T041500Z-trip-3f2a_0.mp4",
    "temp/compressed/20261122/20261122T041500Z-tr_ip-3f2a_0.mp4",
    "temp/compressed/",
    "_0.mp4",
    "",
};

START_TEST(nothing_else_is_a_proxy)
{
    char *found = NULL;
    ck_assert_msg(!objects_is_proxy(foreign[_i], &found), "%s", foreign[_i]);
    ck_assert_ptr_null(found);
}
END_TEST

START_TEST(a_proxy_tells_its_batch)
{
    for (int index = 0; index < 100; index++) {
        cleanup(free_ptr) char *key = objects_proxy_key(id, index), *found = NULL;
        ck_assert_msg(objects_is_proxy(key, &found), "%s", key);
        ck_assert_str_eq(found, id);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("objects");
    TCase *tcase = tcase_create("objects");
    tcase_add_test(tcase, names_follow_from_the_id_alone);
    tcase_add_loop_test(tcase, nothing_else_is_a_proxy, 0, (int)ARRAY_LEN(foreign));
    tcase_add_test(tcase, a_proxy_tells_its_batch);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
