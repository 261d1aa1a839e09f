// The URL of a property list, and that nothing else gets through.
#include "spool/plist.h"
#include <check.h>

#define LINK "https://example.org/a.mp4"
#define HEAD                                                  \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"            \
    "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" " \
    "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
#define WHOLE(inner) HEAD "<plist version=\"1.0\">\n<dict>\n" inner "\n</dict>\n</plist>\n"

static struct err err;
static char *url;

static void set_up(void)
{
    err = (struct err)ERR_INIT;
    url = NULL;
}

static void tear_down(void)
{
    free(url);
}

static const struct {
    const char *text, *url;
} good[] = {
    { WHOLE("<key>URL</key>\n<string>" LINK "</string>"), LINK },
    { "<plist><dict><key>URL</key><string>x</string></dict></plist>", "x" },
    { WHOLE("<key>URL</key><string>a?b=1&amp;c=&lt;&gt;&quot;&apos;</string>"), "a?b=1&c=<>\"'" },
    { WHOLE("<key>URL</key><string>&#65;&#x42;&#xE9;&#x524D;&#128512;</string>"),
      "AB\xC3\xA9\xE5\x89\x8D\xF0\x9F\x98\x80" },
    { WHOLE("<!-- <key>URL</key> --><key>URL</key><!-- x --><string>x</string>"), "x" },
    { WHOLE("<key>n</key><integer>1</integer><key>b</key><true/><key>URL</key><string>x</string>"),
      "x" },
    { WHOLE("<key>a</key><array><string>y</string><dict><key>URL</key><string>z</string></dict>"
            "</array><key>URL</key><string>x</string><key>d</key><dict/>"),
      "x" },
    { WHOLE("<key>URL</key><string>x</string><key>URL</key><string>y</string>"), "x" },
    { WHOLE("<key>Name</key><string/><key>URL</key><string\n lang='>'>x</string >"), "x" },
};

START_TEST(the_url_is_read_out_of_xml)
{
    ck_assert_msg(plist_xml(good[_i].text, &url, &err) == 0, "%s", err.text);
    ck_assert_str_eq(url, good[_i].url);
}
END_TEST

static const struct {
    const char *text, *told;
} bad[] = {
    { "", "line 1" },
    { "hello", "line 1" },
    { HEAD, "line 3" },
    { HEAD "<plist version=\"1.0\">", "line 3" },
    { "<html><body>no</body></html>", "<html> where <plist>" },
    { "<plist><array><string>x</string></array></plist>", "<array> where <dict>" },
    { WHOLE(""), "there is no URL" },
    { WHOLE("<key>url</key><string>x</string>"), "there is no URL" },
    { WHOLE("<key>d</key><dict><key>URL</key><string>x</string></dict>"), "there is no URL" },
    { WHOLE("<key>URL</key><integer>1</integer>"), "line 5: has a URL that is no text" },
    { WHOLE("<key>URL</key>\n<string/>"), "line 6: has a URL that is no text" },
    { WHOLE("<key>URL</key>"), "key without a value" },
    { WHOLE("<string>x</string>"), "value without a key" },
    { WHOLE("<key/>"), "value without a key" },
    { WHOLE("<key>URL</key><string>x<b>y</b></string>"), "where </string>" },
    { WHOLE("<key>URL</key><string>x<!-- c --></string>"), NULL },
    { WHOLE("<key>URL</key><string><![CDATA[x]]></string>"), "mark that property lists" },
    { WHOLE("<key>URL</key><string>&evil;</string>"), "stands for no character" },
    { WHOLE("<key>URL</key><string>&#0;</string>"), "stands for no character" },
    { WHOLE("<key>URL</key><string>&#xD800;</string>"), "stands for no character" },
    { WHOLE("<key>URL</key><string>&#x110000;</string>"), "stands for no character" },
    { WHOLE("<key>URL</key><string>&#xFFFFFFFFFFFFFFFFF;</string>"), "stands for no character" },
    { WHOLE("<key>URL</key><string>&#;</string>"), "stands for no character" },
    { WHOLE("<key>URL</key><string>a & b</string>"), "stands for no character" },
    { WHOLE("<key>URL</key><string>x</string></array>"), "closes what is not open" },
    { "<!DOCTYPE plist [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><plist/>", "of its own" },
    { "<!DOCTYPE plist SYSTEM \"x\" [", "of its own" },
    { "<plist", "line 1" },
    { "<plist a=\"", "line 1" },
    { "<plist <dict>", "line 1" },
    { "<!--", "ends in the middle" },
    { "<?xml", "ends in the middle" },
    { "<plist><dict><key>URL</key><string>x", "line 1" },
    { "<plist><dict><key>URL</key><string>x</string></dict>", "line 1" },
    { "<abcdefghijklmnopqrstuvwxyz>", "mark that property lists" },
};

START_TEST(xml_of_another_form_is_refused_with_its_line)
{
    int r = plist_xml(bad[_i].text, &url, &err);
    if (bad[_i].told == NULL) { // a comment behind the text is nothing
        ck_assert_int_eq(r, 0);
        ck_assert_str_eq(url, "x");
        return;
    }
    ck_assert_int_lt(r, 0);
    ck_assert_ptr_null(url);
    ck_assert_int_eq(err.class, ERR_INPUT);
    ck_assert_str_eq(err.id, "bad_descriptor");
    ck_assert_msg(strstr(err.text, bad[_i].told) != NULL, "%s", err.text);
    ck_assert_int_eq(strncmp(err.text, "line ", 5), 0);
}
END_TEST

START_TEST(nesting_has_an_end)
{
    static const struct {
        int depth;
        bool good;
    } rows[] = { { 6, true }, { 100, false }, { 5000, false } };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        cleanup(free_ptr) char *text = xcalloc(200000, 1);
        char *at = stpcpy(text, "<plist><dict><key>a</key>");
        for (int k = 0; k < rows[i].depth; k++)
            at = stpcpy(at, "<array>");
        for (int k = 0; k < rows[i].depth; k++)
            at = stpcpy(at, "</array>");
        (void)stpcpy(at, "<key>URL</key><string>x</string></dict></plist>");
        free_ptr(&url);
        ck_assert_int_eq(plist_xml(text, &url, NULL) == 0, rows[i].good);
    }
}
END_TEST

// ---- binary: a dictionary of one or two pairs, laid out by hand

struct layout {
    uint8_t bytes[512];
    size_t size;
};

static void put(struct layout *layout, const void *bytes, size_t size)
{
    memcpy(layout->bytes + layout->size, bytes, size);
    layout->size += size;
}

static void finish(struct layout *layout, const uint8_t *offsets, uint8_t count, uint8_t top)
{
    uint8_t trailer[32] = { [6] = 1, [7] = 1, [15] = count, [23] = top };
    trailer[31] = (uint8_t)layout->size;
    put(layout, offsets, count);
    put(layout, trailer, sizeof trailer);
}

// {"URL": LINK}, the link in ASCII or UTF-16.
static void lay_out(struct layout *layout, bool wide)
{
    size_t length = strlen(LINK);
    const uint8_t marker[] = { wide ? 0x6F : 0x5F, 0x10, (uint8_t)length };
    layout->size = 0;
    put(layout, "bplist00\xD1\x01\x02\x53URL", 15);
    put(layout, marker, sizeof marker);
    for (size_t i = 0; i < length; i++) {
        if (wide)
            put(layout, "\0", 1);
        put(layout, &LINK[i], 1);
    }
    finish(layout, (const uint8_t[]){ 8, 11, 15 }, 3, 0);
}

START_TEST(the_url_is_read_out_of_a_binary_list)
{
    for (int wide = 0; wide < 2; wide++) {
        struct layout layout;
        lay_out(&layout, wide);
        ck_assert(plist_is_binary(layout.bytes, layout.size));
        ck_assert_msg(plist_binary(layout.bytes, layout.size, &url, &err) == 0, "%s", err.text);
        ck_assert_str_eq(url, LINK);
        free_ptr(&url);
    }
}
END_TEST

START_TEST(what_macos_writes_is_read)
{
    // {"URL": "https://example.org/前.mp4"} as Python's plistlib writes it.
    static const char bytes[] =
        "bplist00\321\001\002SURLo\020\031\000h\000t\000t\000p\000s\000:\000/\000/"
        "\000e\000x\000a\000m\000p\000l\000e\000.\000o\000r\000g\000/"
        "RM\000."
        "\000m\000p\0004\010\013\017\000\000\000\000\000\000\001\001\000\000\000\000\000\000\000"
        "\003\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000D";
    ck_assert_int_eq(plist_binary(bytes, sizeof bytes - 1, &url, &err), 0);
    ck_assert_str_eq(url, "https://example.org/\xE5\x89\x8D.mp4");
}
END_TEST

// Cut anywhere and changed anywhere, it is read or refused, within its bytes (the sanitizers look).
START_TEST(a_damaged_binary_list_is_refused_or_read_within_its_bytes)
{
    for (int wide = 0; wide < 2; wide++) {
        struct layout layout;
        lay_out(&layout, wide);
        for (size_t size = 0; size < layout.size; size++) {
            cleanup(free_ptr) uint8_t *cut = xcalloc(size + 1, 1);
            cut = xrealloc(cut, size ? size : 1, 1);
            memcpy(cut, layout.bytes, size);
            ck_assert_int_lt(plist_binary(cut, size, &url, &err), 0);
        }
        for (size_t at = 0; at < layout.size; at++)
            for (int value = 0; value < 256; value++) {
                cleanup(free_ptr) uint8_t *changed = xcalloc(layout.size, 1);
                cleanup(free_ptr) char *read = NULL;
                memcpy(changed, layout.bytes, layout.size);
                changed[at] = (uint8_t)value;
                int r = plist_binary(changed, layout.size, &read, NULL);
                ck_assert((r == 0) == (read != NULL));
            }
    }
}
END_TEST

START_TEST(a_binary_list_of_another_form_is_told)
{
    struct layout layout;
    err = (struct err)ERR_INIT;
    lay_out(&layout, false);
    layout.bytes[12] = 'u'; // the key
    ck_assert_int_lt(plist_binary(layout.bytes, layout.size, &url, &err), 0);
    ck_assert_ptr_nonnull(strstr(err.text, "without a URL"));
    lay_out(&layout, false);
    layout.bytes[8] = 0xA1; // an array
    err = (struct err)ERR_INIT;
    ck_assert_int_lt(plist_binary(layout.bytes, layout.size, &url, &err), 0);
    ck_assert_ptr_nonnull(strstr(err.text, "without a dictionary"));
    lay_out(&layout, false);
    layout.bytes[20] = 0xE5; // not ASCII
    ck_assert_int_lt(plist_binary(layout.bytes, layout.size, &url, NULL), 0);
    lay_out(&layout, false);
    layout.bytes[layout.size - 9] = 9; // top object
    err = (struct err)ERR_INIT;
    ck_assert_int_lt(plist_binary(layout.bytes, layout.size, &url, &err), 0);
    ck_assert_ptr_nonnull(strstr(err.text, "damaged"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plist");
    TCase *tcase = tcase_create("plist");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, the_url_is_read_out_of_xml, 0, (int)ARRAY_LEN(good));
    tcase_add_loop_test(tcase, xml_of_another_form_is_refused_with_its_line, 0,
                        (int)ARRAY_LEN(bad));
    tcase_add_test(tcase, nesting_has_an_end);
    tcase_add_test(tcase, the_url_is_read_out_of_a_binary_list);
    tcase_add_test(tcase, what_macos_writes_is_read);
    tcase_add_test(tcase, a_damaged_binary_list_is_refused_or_read_within_its_bytes);
    tcase_add_test(tcase, a_binary_list_of_another_form_is_told);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
