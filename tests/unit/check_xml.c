// XML of strangers: what is given on, and what is refused.
#include "store/xml.h"

#include <check.h>
#include <stdio.h>

static struct err err;
static char seen[2000];

static void set_up(void)
{
    err = (struct err)ERR_INIT;
    *seen = '\0';
}

static int note(void *context, const char *path, const char *text, struct err *ret)
{
    size_t length = strlen(seen);
    (void)context;
    (void)snprintf(seen + length, sizeof seen - length, "%s=%s;", path, text);
    return strcmp(text, "stop") == 0 ? err_set(ret, ERR_INPUT, "enough", "enough") : 0;
}

static int read_text(const char *text)
{
    return xml_read(text, strlen(text), note, NULL, &err);
}

static const struct {
    const char *xml, *seen;
} good[] = {
    { "<a/>", "a=;" },
    { "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a>\n<b>1</b>\n<b>2</b></a>\n",
      "a/b=1;a/b=2;a=;" },
    { "<a xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\" c=\"d\"><b>x</b></a>", "a/b=x;a=;" },
    { "<a>&lt;&amp;&gt;&quot;&apos;&#65;&#x42;</a>", "a=<&>\"'AB;" },
    { "<a><![CDATA[<b>]]></a>", "a=<b>;" },
    { "<a>\xC3\xA4\xF0\x9F\x8E\xAC</a>", "a=\xC3\xA4\xF0\x9F\x8E\xAC;" },
    { "<a><!-- <b>1</b> --><?php <b>?><c>2</c></a>", "a/c=2;a=;" },
    { "<a>before<b>in</b>behind</a>", "a/b=in;a=behind;" },
    { "<a><a><a>3</a></a></a>", "a/a/a=3;a/a=;a=;" },
    { "<Error><Code>X</Code></Error>", "Error/Code=X;Error=;" },
};

START_TEST(an_element_is_shown_at_its_end_with_its_path_and_text)
{
    ck_assert_msg(read_text(good[_i].xml) == 0, "%s: %s", good[_i].xml, err.text);
    ck_assert_str_eq(seen, good[_i].seen);
}
END_TEST

static const char *const bad[] = {
    "",
    "text",
    "<a>",
    "<a></b>",

    "<a>\x01</a>",
    "<a>\xFF</a>",
    "<a>&#0;</a>",
    "<a>&b;</a>",
    "<!DOCTYPE a><a/>",
    "<!DOCTYPE a SYSTEM \"http://127.0.0.1/x\"><a/>",
    "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
    "<!DOCTYPE a [<!ENTITY % b SYSTEM \"file:///etc/passwd\">%b;]><a/>",
    "<?xml version=\"1.0\" encoding=\"UTF-16\"?>",
    "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>",
};

START_TEST(what_is_broken_or_declares_a_type_is_refused)
{
    ck_assert_msg(read_text(bad[_i]) < 0, "%s", bad[_i]);
    ck_assert_str_eq(err.id, "bad_xml");
    ck_assert_str_eq(seen, "");
}
END_TEST

START_TEST(behind_the_document_nothing_may_come)
{
    ck_assert_int_lt(read_text("<a/><b/>"), 0);
    ck_assert_str_eq(err.id, "bad_xml");
    ck_assert_str_eq(seen, "a=;");
}
END_TEST

START_TEST(depth_names_and_texts_have_limits)
{
    size_t most = XML_MAX_TEXT_BYTES;
    for (size_t size = most; size <= most + 1; size++) {
        cleanup(free_ptr) char *text = xcalloc(size + 1, 1);
        memset(text, 'x', size);
        cleanup(free_ptr) char *xml = xasprintf("<a>%s</a>", text);
        ck_assert_int_eq(read_text(xml) == 0, size == most);
    }
    err_clear(&err);
    cleanup(free_ptr) char *name = xcalloc(XML_MAX_PATH_BYTES + 1, 1);
    memset(name, 'n', XML_MAX_PATH_BYTES);
    cleanup(free_ptr) char *xml = xasprintf("<%s/>", name);
    ck_assert_int_lt(read_text(xml), 0);
    ck_assert_str_eq(err.id, "bad_xml");
}
END_TEST

START_TEST(who_is_shown_an_element_can_end_it)
{
    ck_assert_int_lt(read_text("<a><b>stop</b><b>more</b></a>"), 0);
    ck_assert_str_eq(err.id, "enough");
    ck_assert_str_eq(seen, "a/b=stop;");
}
END_TEST

START_TEST(what_is_escaped_reads_the_same)
{
    static const char odd[] = "a<b>&amp;\"'\xC3\xA4]]>";
    char *text = NULL;
    size_t length = 0;
    xml_escape("<", &text, &length);
    xml_escape("", &text, &length);
    xml_escape(odd, &text, &length);
    ck_assert_uint_eq(strlen(text), length);
    cleanup(free_ptr) char *xml = xasprintf("<a>%s</a>", text);
    cleanup(free_ptr) char *wanted = xasprintf("a=<%s;", odd);
    ck_assert_int_eq(read_text(xml), 0);
    ck_assert_str_eq(seen, wanted);
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("xml");
    TCase *tcase = tcase_create("xml");
    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_loop_test(tcase, an_element_is_shown_at_its_end_with_its_path_and_text, 0,
                        (int)ARRAY_LEN(good));
    tcase_add_loop_test(tcase, what_is_broken_or_declares_a_type_is_refused, 0,
                        (int)ARRAY_LEN(bad));
    tcase_add_test(tcase, behind_the_document_nothing_may_come);
    tcase_add_test(tcase, depth_names_and_texts_have_limits);
    tcase_add_test(tcase, who_is_shown_an_element_can_end_it);
    tcase_add_test(tcase, what_is_escaped_reads_the_same);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
