// Names with values: what can be sent, and how it is written to be signed.
#include "net/fields.h"
#include <check.h>

static struct fields fields;

static void set_up(void)
{
    fields = (struct fields)FIELDS_INIT;
}

static void tear_down(void)
{
    fields_release(&fields);
}

static char *written(unsigned how)
{
    struct secret text = SECRET_INIT;
    fields_write_query(&fields, how, &text);
    return secret_take(&text);
}

START_TEST(a_query_is_written_in_the_form_asked_for)
{
    static const struct {
        unsigned how;
        const char *text;
    } rows[] = {
        { 0, "b=2&a=&%7Ca=x%20y&a-b=1&%2Ba=%26" },
        { FIELDS_BARE, "b=2&a&%7Ca=x%20y&a-b=1&%2Ba=%26" },
        { FIELDS_SORTED, "%2Ba=%26&%7Ca=x%20y&a=&a-b=1&b=2" },
        { FIELDS_SORTED | FIELDS_BARE, "%2Ba=%26&%7Ca=x%20y&a&a-b=1&b=2" },
    };
    fields_add(&fields, "b", "2");
    fields_add(&fields, "a", "");
    fields_add(&fields, "|a", "x y");
    fields_add(&fields, "a-b", "1");
    fields_add(&fields, "+a", "&");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        cleanup(free_ptr) char *text = written(rows[i].how);
        ck_assert_str_eq(text, rows[i].text);
    }
}
END_TEST

// The order is that of what is sent: encoded, '|' comes before letters, and names before '='.
START_TEST(order_is_of_encoded_names_then_values)
{
    fields_add(&fields, "k", "b");
    fields_add(&fields, "\xC3\xA4", "1");
    fields_add(&fields, "k", "a");
    fields_add(&fields, "K", "c");
    fields_add(&fields, "k.", "0");
    cleanup(free_ptr) char *text = written(FIELDS_SORTED);
    ck_assert_str_eq(text, "%C3%A4=1&K=c&k=a&k=b&k.=0");
}
END_TEST

START_TEST(nothing_is_written_as_nothing)
{
    cleanup(free_ptr) char *text = written(FIELDS_SORTED);
    ck_assert_str_eq(text, "");
    fields_sort(&fields);
    ck_assert_int_eq(fields_check_headers(&fields, NULL), 0);
}
END_TEST

START_TEST(a_header_is_found_in_any_case)
{
    fields_add(&fields, "Content-Type", "video/mp4");
    ck_assert_str_eq(fields_find(&fields, "content-type"), "video/mp4");
    ck_assert_ptr_null(fields_find(&fields, "content-typ"));
}
END_TEST

START_TEST(headers_become_lower_trimmed_and_sorted)
{
    static const struct {
        const char *value, *kept, *collapsed;
    } rows[] = {
        { "  a  ", "a", "a" },
        { "a   b", "a   b", "a b" },
        { "", "", "" },
        { "   ", "", "" },
        { " a  b  c ", "a  b  c", "a b c" },
        { "\"a  b\"", "\"a  b\"", "\"a b\"" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        cleanup(fields_release) struct fields headers = FIELDS_INIT;
        fields_add(&headers, "X-B", rows[i].value);
        fields_add(&headers, "x-a", "1");
        for (int collapse = 0; collapse < 2; collapse++) {
            fields_trim(&headers, collapse);
            cleanup(fields_release) struct fields made = fields_canonical_headers(&headers);
            ck_assert_str_eq(made.items[0].name, "x-a");
            ck_assert_str_eq(made.items[1].name, "x-b");
            ck_assert_str_eq(made.items[1].value, collapse ? rows[i].collapsed : rows[i].kept);
        }
        ck_assert_str_eq(headers.items[0].name, "X-B"); // the order to be sent in stays
    }
}
END_TEST

static const struct {
    const char *name, *value;
} hostile[] = {
    { "a", "b\r\nX: y" }, { "a", "b\n" },       { "a", "\t" },   { "a", "\x7F" },
    { "a", "\xC2\xA0" },  { "a\n", "b" },       { "a:", "b" },   { "", "b" },
    { "a b", "c" },       { "a\xC3\xA4", "b" }, { "a(b)", "c" }, { "A", "b" },
};

START_TEST(a_header_that_could_become_two_is_refused)
{
    struct err err = ERR_INIT;
    if (strcmp(hostile[_i].name, "A") == 0)
        fields_add(&fields, "a", "first");
    fields_add(&fields, hostile[_i].name, hostile[_i].value);
    ck_assert_int_lt(fields_check_headers(&fields, &err), 0);
    ck_assert_str_eq(err.id, "bad_header");
    ck_assert_ptr_null(strchr(err.text, '\n'));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fields");
    TCase *tcase = tcase_create("fields");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_query_is_written_in_the_form_asked_for);
    tcase_add_test(tcase, order_is_of_encoded_names_then_values);
    tcase_add_test(tcase, nothing_is_written_as_nothing);
    tcase_add_test(tcase, a_header_is_found_in_any_case);
    tcase_add_test(tcase, headers_become_lower_trimmed_and_sorted);
    tcase_add_loop_test(tcase, a_header_that_could_become_two_is_refused, 0,
                        (int)ARRAY_LEN(hostile));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
