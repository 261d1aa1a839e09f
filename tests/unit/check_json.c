// JSON: bounded, refused when damaged, typed reads fall back, writing is clean and durable.
#include "base/json.h"
#include "base/text.h"
#include "tests/support/folder.h"
#include <check.h>
#include <errno.h>
#include <math.h>

static struct folder folder;

static void set_up(void)
{
    folder_make(&folder);
}

static void tear_down(void)
{
    folder_remove(&folder);
}

static const char *const damaged[] = {
    "",
    "{",
    "[1,",
    "nonsense",
    "1",
    "\"text\"",
    "{\"a\":1,\"a\":2}",
    "{\"a\":1} x",
    "{a:1}",
    "{\"a\":1e999}",
    "{\"a\":99999999999999999999}",
    "{\"a\":\"\xFF\"}",
    "{\"a\":\"\\u0000\"}",
    "{\"a\":NaN}",
};

START_TEST(damaged_text_is_refused_with_name_and_place)
{
    struct err err = ERR_INIT;
    cleanup(json_free) json_t *json = NULL;
    folder_put(&folder, "a\n.json", damaged[_i]);
    ck_assert_int_lt(json_read(folder.fd, "a\n.json", 1000, &json, &err), 0);
    ck_assert_ptr_null(json);
    ck_assert_int_eq(err.class, ERR_INPUT);
    ck_assert_str_eq(err.id, "bad_json");
    ck_assert_msg(strncmp(err.text, "a\\x0A.json: bad JSON in line 1", 30) == 0, "%s", err.text);
    ck_assert(text_is_utf8(err.text, strlen(err.text)));
}
END_TEST

START_TEST(nesting_without_end_is_refused)
{
    enum { DEPTH = 100000 };
    cleanup(free_ptr) char *text = xcalloc(DEPTH + 1, 1);
    memset(text, '[', DEPTH);
    cleanup(json_free) json_t *json = NULL;
    ck_assert_int_lt(json_parse(text, DEPTH, &json, NULL), 0);
}
END_TEST

START_TEST(a_missing_file_is_no_error_to_report)
{
    struct err err = ERR_INIT;
    json_t *json = NULL;
    ck_assert_int_eq(json_read(folder.fd, "none", 1000, &json, &err), -ENOENT);
    ck_assert_int_eq(err.class, ERR_NONE);
}
END_TEST

START_TEST(a_file_over_the_limit_is_not_read)
{
    struct err err = ERR_INIT;
    cleanup(json_free) json_t *json = NULL;
    folder_put(&folder, "a.json", "{\"a\":1}");
    ck_assert_int_eq(json_read(folder.fd, "a.json", 6, &json, &err), -EFBIG);
    ck_assert_int_eq(err.class, ERR_INPUT);
    ck_assert_int_eq(json_read(folder.fd, "a.json", 7, &json, NULL), 0);
}
END_TEST

START_TEST(what_is_written_is_clean_and_reads_back)
{
    cleanup(json_free) json_t *json = json_object(), *back = NULL;
    json_put_text(json, "z", "\xE6\xB5\xB7");
    json_put_text(json, "bytes", "caf\xE9");
    json_put_text(json, "none", NULL);
    json_put_number(json, "tenth", 0.1, 3);
    json_put_number(json, "third", 1.0 / 3, 3);
    json_put_number(json, "minus", -0.0001, 2);
    json_put_number(json, "large", 1e300, 10);
    json_put_number(json, "nan", (double)NAN, 3);
    json_put_number(json, "inf", (double)INFINITY, 3);
    json_put_int(json, "int", INT64_MIN);
    json_put_flag(json, "flag", true);
    ck_assert_int_eq(json_write(folder.fd, "a.json", json, NULL), 0);
    cleanup(free_ptr) char *text = folder_get(&folder, "a.json");
    ck_assert_str_eq(text, "{\n"
                           "  \"z\": \"\xE6\xB5\xB7\",\n"
                           "  \"bytes\": \"caf\\\\xE9\",\n"
                           "  \"none\": null,\n"
                           "  \"tenth\": 0.1,\n"
                           "  \"third\": 0.333,\n"
                           "  \"minus\": 0.0,\n"
                           "  \"large\": 1e300,\n"
                           "  \"nan\": null,\n"
                           "  \"inf\": null,\n"
                           "  \"int\": -9223372036854775808,\n"
                           "  \"flag\": true\n"
                           "}\n");
    ck_assert_int_eq(json_read(folder.fd, "a.json", 1000, &back, NULL), 0);
    ck_assert(json_equal(json, back));
}
END_TEST

static json_t *parse(const char *text)
{
    json_t *json = NULL;
    ck_assert_int_eq(json_parse(text, strlen(text), &json, NULL), 0);
    return json;
}

static const struct {
    const char *text;
    bool is_bad;
    double number;
    int64_t whole;
} numbers[] = {
    { "{}", false, 7, 7 },           { "{\"k\":null}", false, 7, 7 },
    { "{\"k\":5}", false, 5, 5 },    { "{\"k\":5.0}", false, 5, 5 },
    { "{\"k\":0}", false, 0, 0 },    { "{\"k\":10}", false, 10, 10 },
    { "{\"k\":-1}", true, 7, 7 },    { "{\"k\":10.5}", true, 7, 7 },
    { "{\"k\":1e300}", true, 7, 7 }, { "{\"k\":\"5\"}", true, 7, 7 },
    { "{\"k\":true}", true, 7, 7 },  { "{\"k\":[5]}", true, 7, 7 },
};

START_TEST(a_number_missing_or_bad_becomes_the_default)
{
    cleanup(json_free) json_t *json = parse(numbers[_i].text);
    const char *bad = NULL;
    ck_assert_double_eq(json_number(json, "k", 0, 10, 7, &bad), numbers[_i].number);
    ck_assert_int_eq(bad != NULL, numbers[_i].is_bad);
    bad = NULL;
    ck_assert_int_eq(json_int(json, "k", 0, 10, 7, &bad), numbers[_i].whole);
    ck_assert_int_eq(bad != NULL, numbers[_i].is_bad);
    ck_assert(!bad || strcmp(bad, "k") == 0);
    ck_assert_int_eq(json_int(json, "k", 0, 10, 7, NULL), numbers[_i].whole);
}
END_TEST

START_TEST(a_fraction_is_no_whole_number)
{
    cleanup(json_free) json_t *json = parse("{\"k\":2.5}");
    const char *bad = NULL;
    ck_assert_double_eq(json_number(json, "k", 0, 10, 7, &bad), 2.5);
    ck_assert_ptr_null(bad);
    ck_assert_int_eq(json_int(json, "k", 0, 10, 7, &bad), 7);
    ck_assert_str_eq(bad, "k");
}
END_TEST

START_TEST(texts_and_flags_of_another_type_become_the_default)
{
    cleanup(json_free) json_t *json = parse("{\"t\":\"x\",\"f\":true,\"n\":null,\"i\":1}");
    const char *bad = NULL;
    ck_assert_str_eq(json_text(json, "t", "y", &bad), "x");
    ck_assert_str_eq(json_text(json, "n", "y", &bad), "y");
    ck_assert_ptr_null(json_text(json, "none", NULL, &bad));
    ck_assert(json_flag(json, "f", false, &bad));
    ck_assert(json_flag(json, "n", true, &bad));
    ck_assert_ptr_null(bad);
    ck_assert_str_eq(json_text(json, "i", "y", &bad), "y");
    ck_assert_str_eq(bad, "i");
    bad = NULL;
    ck_assert(json_flag(json, "t", true, &bad));
    ck_assert_str_eq(bad, "t");
    bad = NULL;
    // Also when there is no object at all.
    ck_assert_str_eq(json_text(NULL, "t", "y", &bad), "y");
    ck_assert_ptr_null(bad);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json");
    TCase *tcase = tcase_create("json");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, damaged_text_is_refused_with_name_and_place, 0,
                        (int)ARRAY_LEN(damaged));
    tcase_add_test(tcase, nesting_without_end_is_refused);
    tcase_add_test(tcase, a_missing_file_is_no_error_to_report);
    tcase_add_test(tcase, a_file_over_the_limit_is_not_read);
    tcase_add_test(tcase, what_is_written_is_clean_and_reads_back);
    tcase_add_loop_test(tcase, a_number_missing_or_bad_becomes_the_default, 0,
                        (int)ARRAY_LEN(numbers));
    tcase_add_test(tcase, a_fraction_is_no_whole_number);
    tcase_add_test(tcase, texts_and_flags_of_another_type_become_the_default);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
