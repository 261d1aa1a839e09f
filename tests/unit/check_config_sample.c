// The sample file: accepted by the parser, means exactly the defaults, tells all there is to know.
#include "base/config.h"
#include <check.h>
#include <math.h>

struct element {
    char *name;
    int level;
};

struct object {
    char *plain, *odd, *none;
    int64_t whole, plain_whole;
    double number, minimum;
    bool flag;
    int level;
    struct element *list;
    size_t count;
};

static const char *const levels[] = { "low", "normal", NULL };

#define AT(name) offsetof(struct object, name)
static const struct config_option element_options[] = {
    { "name", CONFIG_TEXT, offsetof(struct element, name), NULL, 1, 255, .help = "Who." },
    { "level", CONFIG_CHOICE, offsetof(struct element, level), "normal", .choices = levels,
      .help = "How much." },
};
// Groups in pieces and in each other, as a table that grew would have them.
static const struct config_option options[] = {
    { "a.plain", CONFIG_TEXT, AT(plain), "text", 0, 20, .help = "A text." },
    { "odd", CONFIG_TEXT, AT(odd), "q\" b\\ n\n c\x01 e\xE2\x82\xAC",
      .help =
          "A text of which each character has its own difficulty and whose help is so long that "
          "it must be broken into two lines." },
    { "a.b.whole", CONFIG_INT, AT(whole), "5000000000", 1, 1e12, .unit = "bytes",
      .help = "A size." },
    { "none", CONFIG_TEXT, AT(none), NULL, .help = "Nothing." },
    { "a.number", CONFIG_NUMBER, AT(number), "0.25", 0, 1, .help = "A share." },
    { "c.minimum", CONFIG_NUMBER, AT(minimum), "3", 1, (double)INFINITY, .unit = "s",
      .help = "A time." },
    { "a.b.flag", CONFIG_BOOL, AT(flag), "true", .help = "A switch." },
    { "plain_whole", CONFIG_INT, AT(plain_whole), "-1", .unit = "steps", .help = "A number." },
    { "c.level", CONFIG_CHOICE, AT(level), "normal", .choices = levels, .help = "A level." },
    { "list", CONFIG_LIST, AT(list), NULL, 0, 10, .help = "A list.", .elements = element_options,
      .element_count = ARRAY_LEN(element_options), .element_size = sizeof(struct element),
      .count_offset = AT(count) },
};

static const char expected[] =
    "# What this is.\n"
    "\n"
    "a = {\n"
    "    # A text.\n"
    "    # (text, at most 20 bytes)\n"
    "    plain = \"text\";\n"
    "\n"
    "    b = {\n"
    "        # A size.\n"
    "        # (whole number, 1 to 1000000000000 bytes)\n"
    "        whole = 5000000000;\n"
    "\n"
    "        # A switch.\n"
    "        # (true or false)\n"
    "        flag = true;\n"
    "    };\n"
    "\n"
    "    # A share.\n"
    "    # (number, 0 to 1)\n"
    "    number = 0.25;\n"
    "};\n"
    "\n"
    "# A text of which each character has its own difficulty and whose help is so long that it "
    "must be\n"
    "# broken into two lines.\n"
    "# (text)\n"
    "odd = \"q\\\" b\\\\ n\\x0A c\\x01 e\xE2\x82\xAC\";\n"
    "\n"
    "# Nothing.\n"
    "# (text)\n"
    "# none = \"\";\n"
    "\n"
    "c = {\n"
    "    # A time.\n"
    "    # (number, at least 1 s)\n"
    "    minimum = 3;\n"
    "\n"
    "    # A level.\n"
    "    # (one of \"low\", \"normal\")\n"
    "    level = \"normal\";\n"
    "};\n"
    "\n"
    "# A number.\n"
    "# (whole number, in steps)\n"
    "plain_whole = -1;\n"
    "\n"
    "# A list.\n"
    "# (list of groups, at most 10 elements)\n"
    "# name: Who.\n"
    "# level: How much. (\"low\", \"normal\")\n"
    "# list = ( { name = \"\"; level = \"normal\"; }, { name = \"\"; level = \"normal\"; } );\n";

START_TEST(the_sample_shows_every_option_once_in_its_group)
{
    cleanup(free_ptr) char *sample = config_sample(options, ARRAY_LEN(options), "What this is.");
    ck_assert_str_eq(sample, expected);
}
END_TEST

static void assert_same_text(const char *a, const char *b)
{
    ck_assert_int_eq(a == NULL, b == NULL);
    if (a)
        ck_assert_str_eq(a, b);
}

START_TEST(the_sample_means_the_defaults)
{
    struct object parsed = { 0 }, defaults = { 0 };
    struct config_report report = CONFIG_REPORT_INIT;
    cleanup(free_ptr) char *sample = config_sample(options, ARRAY_LEN(options), NULL);
    int r = config_parse("sample", sample, options, ARRAY_LEN(options), &parsed, &report);
    ck_assert_msg(r == 0, "%s", report.text);
    config_defaults(options, ARRAY_LEN(options), &defaults);
    assert_same_text(parsed.plain, defaults.plain);
    assert_same_text(parsed.odd, defaults.odd);
    assert_same_text(parsed.none, defaults.none);
    ck_assert_int_eq(parsed.whole, defaults.whole);
    ck_assert_int_eq(parsed.plain_whole, defaults.plain_whole);
    ck_assert_double_eq(parsed.number, defaults.number);
    ck_assert_double_eq(parsed.minimum, defaults.minimum);
    ck_assert_int_eq(parsed.flag, defaults.flag);
    ck_assert_int_eq(parsed.level, defaults.level);
    ck_assert_uint_eq(parsed.count, defaults.count);
    config_release(options, ARRAY_LEN(options), &parsed);
    config_release(options, ARRAY_LEN(options), &defaults);
}
END_TEST

START_TEST(an_empty_table_makes_an_empty_sample)
{
    cleanup(free_ptr) char *sample = config_sample(NULL, 0, NULL);
    ck_assert_str_eq(sample, "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config_sample");
    TCase *tcase = tcase_create("config_sample");
    tcase_add_test(tcase, the_sample_shows_every_option_once_in_its_group);
    tcase_add_test(tcase, the_sample_means_the_defaults);
    tcase_add_test(tcase, an_empty_table_makes_an_empty_sample);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
