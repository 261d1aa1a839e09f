// Small files that name videos elsewhere: every form that systems write, and what is refused.
#include "base/text.h"
#include "spool/descriptor.h"
#include <check.h>

#define A "https://example.org/a.mp4"
#define B "https://example.org/b.mp4"

static struct descriptor descriptor;
static struct err err;

static void set_up(void)
{
    descriptor = (struct descriptor)DESCRIPTOR_INIT;
    err = (struct err)ERR_INIT;
}

static void tear_down(void)
{
    descriptor_release(&descriptor);
}

static int parse(const char *name, const char *text)
{
    return descriptor_parse(name, text, strlen(text), &descriptor, &err);
}

static const struct {
    const char *name, *text, *links[3];
} good[] = {
    // Windows
    { "a.url", "[InternetShortcut]\r\nURL=" A "\r\n", { A } },
    { "A.URL", "\xEF\xBB\xBF[InternetShortcut]\r\nURL=" A, { A } },
    { "a.url",
      "[{000214A0-0000-0000-C000-000000000046}]\r\nProp3=19,11\r\n[InternetShortcut]\r\n"
      "IDList=\r\nURL=" A "\r\nIconIndex=13\r\nIconFile=C:\\Benutzer\\J\xFCrgen\\x.ico\r\n",
      { A } },
    { "a.url",
      "[DEFAULT]\r\nBASEURL=" B "\r\n[internetshortcut]\r\n ; URL=" B "\r\nurl = " A " \r\n",
      { A } },
    { "a.url", "[InternetShortcut]\nURL=" A "\nURL=" B "\n", { A, B } },
    { "a.url", "[InternetShortcut]\nURL=" A "?a=b=c\n[x]\nURL=" B "\n", { A "?a=b=c" } },
    // plain text, with every kind of line end
    { "a.url", A, { A } },
    { "a.url", A "\n" B, { A, B } },
    { "a.url", A "\r" B "\r", { A, B } },
    { "a.url", "\r\n\r\n\t" A " \r\n# comment\r\n; comment\r\n" B "\r\n\r\n", { A, B } },
    { "a.url", "\xEF\xBB\xBF" A "\n" A "\n", { A, A } },
    // Linux
    { "a.desktop",
      "[Desktop Entry]\nEncoding=UTF-8\nName=a\nType=Link\nURL=" A "\nIcon=text-html\n",
      { A } },
    { "a.desktop",
      "#!/usr/bin/env xdg-open\n[Desktop Entry]\nType = Link\nURL[$e] = " A "\n",
      { A } },
    { "a.desktop",
      "[Desktop Entry]\nURL=" A "\nType=Link\n[Other]\nType=Application\nURL=" B "\n",
      { A } },
    // macOS
    { "a.webloc",
      "<?xml version=\"1.0\"?><plist><dict><key>URL</key><string>" A "</string></dict></plist>",
      { A } },
    { "a.webloc",
      "\xEF\xBB\xBF<plist><dict><key>URL</key><string>\n" A " </string></dict></plist>",
      { A } },
    // objects
    { "a.oss", "oss://bucket/a.mp4\n", { "oss://bucket/a.mp4" } },
    { "a.OSS",
      "# mine\r\noss://bucket/a b.mp4 \r\ns3://other/c=d.mp4\r\n",
      { "oss://bucket/a b.mp4", "s3://other/c=d.mp4" } },
    { "a.oss", "https://bucket.oss-cn-hangzhou.aliyuncs.com/a%20b", { "oss://bucket/a b" } },
    { "a.oss", "http://127.0.0.1:9000/bucket/a\n", { "s3://bucket/a" } },
};

START_TEST(a_descriptor_gives_its_links_in_order)
{
    size_t count = 0;
    ck_assert_msg(parse(good[_i].name, good[_i].text) == 0, "%s", err.text);
    for (; count < ARRAY_LEN(good[_i].links) && good[_i].links[count] != NULL; count++) {
        ck_assert_uint_lt(count, descriptor.count);
        const struct remote *link = &descriptor.links[count];
        if (link->kind == REMOTE_URL) {
            ck_assert_str_eq(link->url, good[_i].links[count]);
        } else {
            cleanup(free_ptr) char *shown = remote_show(link);
            ck_assert_str_eq(shown, good[_i].links[count]);
        }
    }
    ck_assert_uint_eq(descriptor.count, count);
}
END_TEST

START_TEST(utf16_is_read_with_its_mark)
{
    static const char text[] = "[InternetShortcut]\r\nURL=" A "\r\n";
    for (int big = 0; big < 2; big++) {
        char wide[2 * sizeof text] = { 0 };
        memcpy(wide, big ? "\xFE\xFF" : "\xFF\xFE", 2);
        for (size_t i = 0; i + 1 < sizeof text; i++)
            wide[2 + 2 * i + (size_t)big] = text[i];
        int r = descriptor_parse("a.url", wide, 2 * sizeof text, &descriptor, &err);
        ck_assert_msg(r == 0, "%s", err.text);
        ck_assert_str_eq(descriptor.links[0].url, A);
        descriptor_release(&descriptor);
        // Without the mark it is no text.
        ck_assert_int_lt(
            descriptor_parse("a.url", wide + 2, 2 * sizeof text - 2, &descriptor, &err), 0);
        ck_assert_ptr_nonnull(strstr(err.text, "NUL"));
        err = (struct err)ERR_INIT;
    }
}
END_TEST

START_TEST(a_binary_webloc_is_read)
{
    static const char bytes[] =
        "bplist00\321\001\002SURLo\020\031\000h\000t\000t\000p\000s\000:\000/\000/"
        "\000e\000x\000a\000m\000p\000l\000e\000.\000o\000r\000g\000/"
        "RM\000."
        "\000m\000p\0004\010\013\017\000\000\000\000\000\000\001\001\000\000\000\000\000\000\000"
        "\003\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000D";
    int r = descriptor_parse("a.webloc", bytes, sizeof bytes - 1, &descriptor, &err);
    ck_assert_msg(r == 0, "%s", err.text);
    ck_assert_uint_eq(descriptor.count, 1);
    ck_assert_str_eq(descriptor.links[0].url, "https://example.org/%E5%89%8D.mp4");
    descriptor_release(&descriptor);
    ck_assert_int_lt(descriptor_parse("a.webloc", bytes, sizeof bytes - 9, &descriptor, &err), 0);
    ck_assert_str_eq(err.text, "a.webloc: is a damaged property list");
}
END_TEST

static const struct {
    const char *name, *text, *id, *told;
} bad[] = {
    { "a.url", "", "bad_descriptor", "a.url: holds no link" },
    { "a.url", "\xEF\xBB\xBF", "bad_descriptor", "a.url: holds no link" },
    { "a.url", "# nothing\n\n", "bad_descriptor", "a.url: holds no link" },
    { "a.url", "[InternetShortcut]\r\nIconIndex=1\r\n", "bad_descriptor", "a.url: holds no link" },
    { "a.url", "[InternetShortcut]\r\n[x]\r\nURL=" A, "bad_descriptor", "a.url: holds no link" },
    { "a.url", "[InternetShortcut]\r\n\r\nURL=\r\n", "bad_link",
      "a.url: line 3: the address is empty" },
    { "a.url", "[InternetShortcut]\r\nURL=file:///C:/a.mp4", "bad_link",
      "a.url: line 2: the address is neither" },
    { "a.url", "[DEFAULT]\nURL=" A, "bad_link", "a.url: line 1: the address is not a link" },
    { "a.url", A "\nwatch this\n", "bad_link", "a.url: line 2: " },
    { "a.url", A "\r\n\r\n" A " " B "\r\n", "bad_link",
      "a.url: line 3: the address holds a blank" },
    { "a.url", A "\rx", "bad_link", "a.url: line 2: " },
    { "a.url", "https://me:hunter2@example.org/", "bad_link", "user name or password" },
    { "a.url", "https://example.org/\xFC", "bad_link", "a.url: line 1: the address holds bytes" },
    { "a.url", "\xFF\xFEh", "bad_descriptor", "a.url: is damaged UTF-16" },
    { "a.url", "oss://bucket/key", "bad_link", "is an object" },
    { "a.desktop", A, "bad_descriptor", "a.desktop: is not a desktop entry with Type=Link" },
    { "a.desktop", "[Desktop Entry]\nURL=" A, "bad_descriptor", "Type=Link" },
    { "a.desktop", "[Desktop Entry]\nType=Application\nExec=rm -rf /\n", "bad_descriptor",
      "a.desktop: line 2: its type is not Link" },
    { "a.desktop", "[Desktop Entry]\nType=Link\n", "bad_descriptor", "a.desktop: holds no link" },
    { "a.desktop", "[Desktop Entry]\nType=Link\nURL=$HOME/a.mp4\n", "bad_link", "line 3" },
    { "a.webloc", "<plist><dict>\n</dict></plist>", "bad_descriptor", "a.webloc: line 2: " },
    { "a.webloc", A, "bad_descriptor", "a.webloc: line 1: " },
    { "a.webloc", "bplist00", "bad_descriptor", "a.webloc: is a damaged property list" },
    { "a.webloc", "<plist><dict><key>URL</key><string>ftp://x</string></dict></plist>", "bad_link",
      "a.webloc: the address is neither" },
    { "a.oss", "region = cn-hangzhou\n", "bad_descriptor", "a.oss: holds no link" },
    { "a.oss", "oss://bucket/a\nregion = a\nregion = b\n", "bad_descriptor", "a.oss: line 3: " },
    { "a.oss", "oss://bucket/a\nregion = CN\n", "bad_descriptor", "a.oss: line 2: " },
    { "a.oss", "oss://bucket/a\nprofile = ../x\n", "bad_descriptor", "a.oss: line 2: " },
    { "a.oss", "oss://bucket/a\nprofile =\n", "bad_descriptor", "a.oss: line 2: " },
    { "a.oss", "oss://bucket/a\nendpoint = u:p@x\n", "bad_link", "a.oss: line 2: endpoint: " },
    { "a.oss", "oss://bucket/a\nkey = x\n", "bad_link",
      "a.oss: line 2: the address holds a blank" },
    { "a.oss", "oss://bucket/a\nregionx = x\n", "bad_link", "a.oss: line 2: " },
    { "a.oss", "\n\noss://Bucket/a\n", "bad_link", "a.oss: line 3: the address has a bucket name" },
    { "\x1B[31m.url", "x", "bad_link", "\\x1B[31m.url: line 1: " },
};

START_TEST(what_is_no_descriptor_is_refused_with_name_line_and_remedy)
{
    ck_assert_int_lt(parse(bad[_i].name, bad[_i].text), 0);
    ck_assert_int_eq(err.class, ERR_INPUT);
    ck_assert_msg(strstr(err.text, bad[_i].told) != NULL, "\"%s\" is not in: %s", bad[_i].told,
                  err.text);
    ck_assert_str_eq(err.id, bad[_i].id);
    ck_assert_uint_gt(strlen(err.hint), 0);
    ck_assert_ptr_null(strstr(err.text, "hunter2"));
    ck_assert_ptr_null(descriptor.links);
    ck_assert_uint_eq(descriptor.count, 0);
}
END_TEST

START_TEST(what_an_oss_file_says_holds_for_all_its_objects)
{
    ck_assert_msg(parse("a.oss", "oss://bucket/a\n"
                                 "Endpoint = OSS-cn-beijing.aliyuncs.com\n"
                                 "s3://bucket/b\n"
                                 "region=oss-cn-beijing\n"
                                 "PROFILE = main_1\n"
                                 "http://127.0.0.1:9000/bucket/c\n"
                                 "https://bucket.oss-cn-hangzhou.aliyuncs.com/d\n") == 0,
                  "%s", err.text);
    static const struct {
        const char *key, *endpoint, *region;
    } rows[] = {
        { "a", "https://oss-cn-beijing.aliyuncs.com", "cn-beijing" },
        { "b", "https://oss-cn-beijing.aliyuncs.com", "cn-beijing" },
        { "c", "http://127.0.0.1:9000", "cn-beijing" },
        { "d", "https://oss-cn-hangzhou.aliyuncs.com", "cn-hangzhou" },
    };
    ck_assert_uint_eq(descriptor.count, ARRAY_LEN(rows));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ck_assert_str_eq(descriptor.links[i].key, rows[i].key);
        ck_assert_str_eq(descriptor.links[i].endpoint, rows[i].endpoint);
        ck_assert_str_eq(descriptor.links[i].region, rows[i].region);
        ck_assert_str_eq(descriptor.links[i].profile, "main_1");
    }
}
END_TEST

START_TEST(sizes_and_numbers_have_an_end)
{
    cleanup(free_ptr) char *text = xcalloc(DESCRIPTOR_MAX_BYTES + 2, 1);
    memset(text, '\n', DESCRIPTOR_MAX_BYTES + 1);
    memcpy(text, A, strlen(A));
    ck_assert_int_lt(parse("a.url", text), 0);
    ck_assert_str_eq(err.id, "too_large");
    text[DESCRIPTOR_MAX_BYTES] = 0;
    ck_assert_int_eq(parse("a.url", text), 0);
    descriptor_release(&descriptor);

    char *at = text;
    for (int i = 0; i < DESCRIPTOR_MAX_LINKS; i++)
        at = stpcpy(at, A "\n");
    ck_assert_int_eq(parse("a.url", text), 0);
    ck_assert_uint_eq(descriptor.count, DESCRIPTOR_MAX_LINKS);
    descriptor_release(&descriptor);
    (void)stpcpy(at, A "\n");
    err = (struct err)ERR_INIT;
    ck_assert_int_lt(parse("a.url", text), 0);
    ck_assert_str_eq(err.id, "too_many_links");
    ck_assert_ptr_nonnull(strstr(err.text, "line 101"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("descriptor");
    TCase *tcase = tcase_create("descriptor");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, a_descriptor_gives_its_links_in_order, 0, (int)ARRAY_LEN(good));
    tcase_add_test(tcase, utf16_is_read_with_its_mark);
    tcase_add_test(tcase, a_binary_webloc_is_read);
    tcase_add_loop_test(tcase, what_is_no_descriptor_is_refused_with_name_line_and_remedy, 0,
                        (int)ARRAY_LEN(bad));
    tcase_add_test(tcase, what_an_oss_file_says_holds_for_all_its_objects);
    tcase_add_test(tcase, sizes_and_numbers_have_an_end);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
