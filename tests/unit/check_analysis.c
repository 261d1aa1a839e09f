// analysis.json: what is written is read back, what is damaged is refused whole.
#include "spool/analysis.h"
#include "spool/batch.h"
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

START_TEST(what_is_saved_is_loaded_again)
{
    cleanup(analysis_release) struct analysis analysis = ANALYSIS_INIT, loaded = ANALYSIS_INIT;
    analysis.provider = xstrdup("local");
    analysis.summary = xstrdup("0:10, 2 shots");
    analysis.tags = xcalloc(3, sizeof *analysis.tags);
    analysis.tags[0] = xstrdup("calm");
    analysis.tags[1] = xstrdup("dark");
    analysis.shots = xcalloc(2, sizeof *analysis.shots);
    analysis.shot_count = 2;
    analysis.shots[0] = (struct analysis_span){ 0, 4.04, 0.5, -1, NULL };
    analysis.shots[1] = (struct analysis_span){ 4.04, 10, 0.25, -1, NULL };
    analysis.scenes = xcalloc(1, sizeof *analysis.scenes);
    analysis.scene_count = 1;
    analysis.scenes[0] = (struct analysis_span){ 0, 10, 0.4, 3, xstrdup("calm") };
    analysis.notes = json_pack("[s]", "nobody was asked");
    ck_assert_int_eq(analysis_save(folder.fd, &analysis, NULL), 0);
    ck_assert_int_eq(analysis_load(folder.fd, 10, &loaded, NULL), 0);
    ck_assert(json_equal(loaded.notes, analysis.notes));
    ck_assert_str_eq(loaded.provider, "local");
    ck_assert_str_eq(loaded.summary, "0:10, 2 shots");
    ck_assert_str_eq(loaded.tags[1], "dark");
    ck_assert_ptr_null(loaded.tags[2]);
    ck_assert_uint_eq(loaded.shot_count, 2);
    ck_assert_double_eq_tol(loaded.shots[1].start, 4.04, 1e-9);
    ck_assert_double_eq_tol(loaded.shots[1].score, 0.25, 1e-9);
    ck_assert_int_eq(loaded.shots[1].group, -1);
    ck_assert_int_eq(loaded.scenes[0].group, 3);
    ck_assert_str_eq(loaded.scenes[0].text, "calm");
    ck_assert_uint_eq(loaded.moment_count, 0);
}
END_TEST

#define REST "\"tags\": [], \"scenes\": [], \"shots\": [], "
#define HEAD "{\"version\": 1, \"provider\": \"x\", \"summary\": \"y\", "

static const struct {
    const char *name, *text;
    bool good;
} files[] = {
    { "good", HEAD REST "\"moments\": [{\"start\": 1, \"end\": 2, \"score\": 1}]}", true },
    { "to the very end", HEAD REST "\"moments\": [{\"start\": 0, \"end\": 10}]}", true },
    { "end beyond by rounding", HEAD REST "\"moments\": [{\"start\": 0, \"end\": 10.0004}]}",
      true },
    { "not an object", "[]", false },
    { "another version", "{\"version\": 2}", false },
    { "no moments", HEAD "\"tags\": [], \"scenes\": [], \"shots\": []}", false },
    { "no tags", HEAD "\"moments\": [], \"scenes\": [], \"shots\": []}", false },
    { "summary of another type", "{\"version\": 1, \"summary\": 3, " REST "\"moments\": []}",
      false },
    { "tag of another type", HEAD "\"tags\": [1], \"scenes\": [], \"shots\": [], \"moments\": []}",
      false },
    { "entry of another type", HEAD REST "\"moments\": [7]}", false },
    { "end beyond the video", HEAD REST "\"moments\": [{\"start\": 1, \"end\": 11}]}", false },
    { "start before it", HEAD REST "\"moments\": [{\"start\": -1, \"end\": 2}]}", false },
    { "no length", HEAD REST "\"moments\": [{\"start\": 2, \"end\": 2}]}", false },
    { "backwards", HEAD REST "\"moments\": [{\"start\": 3, \"end\": 2}]}", false },
    { "starts at the end", HEAD REST "\"moments\": [{\"start\": 10, \"end\": 10.0004}]}", false },
    { "no times", HEAD REST "\"moments\": [{\"score\": 1}]}", false },
    { "time as text", HEAD REST "\"moments\": [{\"start\": \"1\", \"end\": 2}]}", false },
    { "score above 1", HEAD REST "\"moments\": [{\"start\": 1, \"end\": 2, \"score\": 1.5}]}",
      false },
    { "reason of another type",
      HEAD REST "\"moments\": [{\"start\": 1, \"end\": 2, \"reason\": 0}]}", false },
};

START_TEST(a_damaged_file_is_refused_whole)
{
    cleanup(analysis_release) struct analysis analysis = ANALYSIS_INIT;
    struct err err = ERR_INIT;
    folder_put(&folder, SOURCE_ANALYSIS, files[_i].text);
    int r = analysis_load(folder.fd, 10, &analysis, &err);
    ck_assert_msg((r == 0) == files[_i].good, "%s: %s", files[_i].name, err.text);
    if (r == 0)
        return;
    ck_assert_int_eq(err.class, ERR_INPUT);
    ck_assert_str_eq(err.id, "bad_analysis");
    ck_assert_ptr_null(analysis.provider);
    ck_assert_ptr_null(analysis.moments);
}
END_TEST

START_TEST(a_list_that_is_too_long_is_refused)
{
    json_t *object = json_object(), *moments = json_array();
    for (int i = 0; i <= ANALYSIS_MAX_ITEMS; i++)
        json_array_append_new(moments, json_pack("{s:f,s:f}", "start", 1.0, "end", 2.0));
    json_put_int(object, "version", 1);
    json_put(object, "tags", json_array());
    json_put(object, "shots", json_array());
    json_put(object, "scenes", json_array());
    json_put(object, "moments", moments);
    ck_assert_int_eq(json_write(folder.fd, SOURCE_ANALYSIS, object, NULL), 0);
    json_decref(object);
    cleanup(analysis_release) struct analysis analysis = ANALYSIS_INIT;
    ck_assert_int_lt(analysis_load(folder.fd, 10, &analysis, NULL), 0);
}
END_TEST

START_TEST(a_missing_file_is_no_error_to_report)
{
    cleanup(analysis_release) struct analysis analysis = ANALYSIS_INIT;
    struct err err = ERR_INIT;
    ck_assert_int_eq(analysis_load(folder.fd, 10, &analysis, &err), -ENOENT);
    ck_assert_int_eq(err.class, ERR_NONE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("analysis");
    TCase *tcase = tcase_create("analysis");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, what_is_saved_is_loaded_again);
    tcase_add_loop_test(tcase, a_damaged_file_is_refused_whole, 0, (int)ARRAY_LEN(files));
    tcase_add_test(tcase, a_list_that_is_too_long_is_refused);
    tcase_add_test(tcase, a_missing_file_is_no_error_to_report);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
