// Configuration: every mistake is told with its line and what is allowed, all at once.
#include "base/config.h"
#include "base/text.h"
#include "tests/support/folder.h"
#include "tests/support/program.h"
#include <check.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>

struct source {
    char *file;
    int profile;
    double weight;
};

struct job {
    char *title, *webhook;
    int64_t count, large, free_int;
    double seconds, rest, free_number;
    bool loud, quiet;
    int priority, mode;
    struct source *sources;
    size_t source_count;
};

static const char *const levels[] = { "low", "normal", "high", NULL };

#define AT(name) offsetof(struct job, name)
static const struct config_option source_options[] = {
    { "file", CONFIG_TEXT, offsetof(struct source, file), NULL, 1, 20 },
    { "profile", CONFIG_CHOICE, offsetof(struct source, profile), "normal", .choices = levels },
    { "extra.weight", CONFIG_NUMBER, offsetof(struct source, weight), "1", 0, 10 },
};
static const struct config_option options[] = {
    { "title", CONFIG_TEXT, AT(title), "Untitled", 0, 20, .help = "What it is called." },
    { "webhook", CONFIG_TEXT, AT(webhook), NULL, .help = "Who is told." },
    { "limits.count", CONFIG_INT, AT(count), "10", 1, 20, .help = "How many." },
    { "limits.large", CONFIG_INT, AT(large), "5000000000", 0, 1e15, .unit = "bytes" },
    { "limits.free", CONFIG_INT, AT(free_int), NULL },
    { "limits.time.seconds", CONFIG_NUMBER, AT(seconds), "1.5", 0.5, 3600, .unit = "s" },
    { "limits.time.rest", CONFIG_NUMBER, AT(rest), "2", 0, (double)INFINITY, .unit = "s" },
    { "limits.time.free", CONFIG_NUMBER, AT(free_number), NULL },
    { "loud", CONFIG_BOOL, AT(loud), "true" },
    { "quiet", CONFIG_BOOL, AT(quiet), NULL },
    { "priority", CONFIG_CHOICE, AT(priority), "normal", .choices = levels },
    { "mode", CONFIG_CHOICE, AT(mode), NULL, .choices = levels },
    { "sources", CONFIG_LIST, AT(sources), NULL, 0, 3, .elements = source_options,
      .element_count = ARRAY_LEN(source_options), .element_size = sizeof(struct source),
      .count_offset = AT(source_count) },
};

static struct job job;
static struct config_report report;

static void tear_down(void)
{
    config_release(options, ARRAY_LEN(options), &job);
    config_report_release(&report);
}

static int parse(const char *text)
{
    return config_parse("job.conf", text, options, ARRAY_LEN(options), &job, &report);
}

static void assert_good(const char *text)
{
    ck_assert_msg(parse(text) == 0, "%s", report.text);
    ck_assert_ptr_null(report.text);
    ck_assert_uint_eq(report.count, 0);
}

static void assert_defaults(void)
{
    ck_assert_str_eq(job.title, "Untitled");
    ck_assert_ptr_null(job.webhook);
    ck_assert_int_eq(job.count, 10);
    ck_assert_int_eq(job.large, 5000000000);
    ck_assert_int_eq(job.free_int, 0);
    ck_assert_double_eq(job.seconds, 1.5);
    ck_assert_double_eq(job.rest, 2);
    ck_assert_double_eq(job.free_number, 0);
    ck_assert(job.loud && !job.quiet);
    ck_assert_int_eq(job.priority, 1);
    ck_assert_int_eq(job.mode, 0);
    ck_assert_ptr_null(job.sources);
    ck_assert_uint_eq(job.source_count, 0);
}

static const char *const nothing[] = { "",
                                       "\n\n",
                                       "# a comment",
                                       "/* a\n comment */ // another",
                                       "\xEF\xBB\xBF",
                                       "limits = { };",
                                       "limits = { time = { }; };",
                                       "sources = ( );",
                                       "sources = [ ];",
                                       " \t\r\n" };

START_TEST(a_file_that_says_nothing_means_the_defaults)
{
    assert_good(nothing[_i]);
    assert_defaults();
    tear_down();
    config_defaults(options, ARRAY_LEN(options), &job);
    assert_defaults();
}
END_TEST

START_TEST(every_type_is_read)
{
    assert_good(
        "title = \"Summer \\\"trip\\\" \\x41\"; webhook: \"a\" \"b\"\r\n"
        "limits = { count = 1; large = 0x2540BE400; free = -9223372036854775808;\n"
        "  time : { seconds = 60; rest = 1e3; free = -.5; } }\n"
        "loud = False; quiet = TRUE; priority = \"high\"; mode = \"high\";\n"
        "sources = ( { file = \"a.mp4\"; profile = \"low\" }, { extra = { weight = 2 } } );");
    ck_assert_str_eq(job.title, "Summer \"trip\" A");
    ck_assert_str_eq(job.webhook, "ab");
    ck_assert_int_eq(job.count, 1);
    ck_assert_int_eq(job.large, 10000000000);
    ck_assert_int_eq(job.free_int, INT64_MIN);
    ck_assert_double_eq(job.seconds, 60);
    ck_assert_double_eq(job.rest, 1000);
    ck_assert_double_eq(job.free_number, -0.5);
    ck_assert(!job.loud && job.quiet);
    ck_assert_int_eq(job.priority, 2);
    ck_assert_int_eq(job.mode, 2);
    ck_assert_uint_eq(job.source_count, 2);
    ck_assert_str_eq(job.sources[0].file, "a.mp4");
    ck_assert_int_eq(job.sources[0].profile, 0);
    ck_assert_double_eq(job.sources[0].weight, 1);
    ck_assert_ptr_null(job.sources[1].file);
    ck_assert_int_eq(job.sources[1].profile, 1);
    ck_assert_double_eq(job.sources[1].weight, 2);
}
END_TEST

// libconfig alone would read 705032704.
START_TEST(whole_numbers_are_64_bits_wide_with_and_without_their_l)
{
    assert_good("limits = { large = 5000000000; free = 9223372036854775807; };");
    ck_assert_int_eq(job.large, 5000000000);
    ck_assert_int_eq(job.free_int, INT64_MAX);
    tear_down();
    assert_good("limits = { large = 5000000001L; free = 4294967296LL; };");
    ck_assert_int_eq(job.large, 5000000001);
    ck_assert_int_eq(job.free_int, 4294967296);
}
END_TEST

static const struct {
    const char *text, *report;
} mistakes[] = {
    // Values.
    { "title = 3;", "job.conf:1: title: must be a text in \"quotes\"\n" },
    { "title = \"123456789012345678901\";",
      "job.conf:1: title: is 21 bytes long, allowed 0 to 20 bytes\n" },
    { "limits = { count = 0; };",
      "job.conf:1: limits.count: 0 is out of range, allowed 1 to 20\n" },
    { "limits = { count = 21; };",
      "job.conf:1: limits.count: 21 is out of range, allowed 1 to 20\n" },
    { "limits = { count = 2.0; };", "job.conf:1: limits.count: must be a whole number, 1 to 20\n" },
    { "limits = { count = \"2\"; };",
      "job.conf:1: limits.count: must be a whole number, 1 to 20\n" },
    { "limits = { count = true; };",
      "job.conf:1: limits.count: must be a whole number, 1 to 20\n" },
    { "limits = { free = { }; };", "job.conf:1: limits.free: must be a whole number\n" },
    { "limits = { large = -1; };",
      "job.conf:1: limits.large: -1 is out of range, allowed 0 to 1e+15 bytes\n" },
    { "limits = { time = { seconds = 0.4; }; };",
      "job.conf:1: limits.time.seconds: 0.4 is out of range, allowed 0.5 to 3600 s\n" },
    { "limits = { time = { seconds = \"60\"; }; };",
      "job.conf:1: limits.time.seconds: must be a number, 0.5 to 3600 s\n" },
    { "limits = { time = { rest = -1; }; };",
      "job.conf:1: limits.time.rest: -1 is out of range, allowed at least 0 s\n" },
    { "limits = { time = { rest = 1e999; }; };",
      "job.conf:1: limits.time.rest: inf is out of range, allowed at least 0 s\n" },
    { "limits = { time = { free = 1e999; }; };",
      "job.conf:1: limits.time.free: inf is out of range, allowed any finite number\n" },
    { "loud = 1;", "job.conf:1: loud: must be true or false\n" },
    { "loud = \"true\";", "job.conf:1: loud: must be true or false\n" },
    { "priority = \"urgent\";",
      "job.conf:1: priority: there is no \"urgent\", allowed \"low\", \"normal\", \"high\"\n" },
    { "priority = \"ur\\x1B\xFFgent\";", "job.conf:1: priority: there is no \"ur\\x1B\\xFFgent\", "
                                         "allowed \"low\", \"normal\", \"high\"\n" },
    { "priority = 2;",
      "job.conf:1: priority: must be a text in quotes, allowed \"low\", \"normal\", \"high\"\n" },
    { "limits = 3;", "job.conf:1: limits: must be a group: limits = { ... };\n" },
    { "limits = { time = [ 1 ]; };",
      "job.conf:1: limits.time: must be a group: time = { ... };\n" },
    // Lists.
    { "sources = \"a.mp4\";",
      "job.conf:1: sources: must be a list of groups: ( { ... }, { ... } )\n" },
    { "sources = [ \"a.mp4\" ];",
      "job.conf:1: sources: must be a list of groups: ( { ... }, { ... } )\n" },
    { "sources = ( \"a.mp4\" );", "job.conf:1: sources[0]: must be a group: { ... }\n" },
    { "sources = ( { }, { }, { }, { } );",
      "job.conf:1: sources: has 4 elements, allowed 0 to 3\n" },
    { "sources = ( { file = \"\"; },\n { file = 1; profile = \"x\"; extra = { wait = 1; }; } );",
      "job.conf:1: sources[0].file: is 0 bytes long, allowed 1 to 20 bytes\n"
      "job.conf:2: sources[1].file: must be a text in \"quotes\"\n"
      "job.conf:2: sources[1].profile: there is no \"x\", allowed \"low\", \"normal\", \"high\"\n"
      "job.conf:2: sources[1].extra.wait: unknown key\n" },
    // Keys.
    { "titel = \"x\";", "job.conf:1: titel: unknown key, did you mean title?\n" },
    { "Priority = \"x\";", "job.conf:1: Priority: unknown key, did you mean priority?\n" },
    { "limit = { };", "job.conf:1: limit: unknown key, did you mean limits?\n" },
    { "limits = { tim = { }; };", "job.conf:1: limits.tim: unknown key, did you mean time?\n" },
    { "limits = { cuont = 1; };", "job.conf:1: limits.cuont: unknown key, did you mean count?\n" },
    { "count = 1;", "job.conf:1: count: unknown key\n" },
    { "xy = 1;", "job.conf:1: xy: unknown key\n" },
    { "sources = ( { fil = 1; } );",
      "job.conf:1: sources[0].fil: unknown key, did you mean file?\n" },
    { "unknown = { deep = { deeper = ( ); }; };", "job.conf:1: unknown: unknown key\n" },
    // Everything at once, each with its line.
    { "# comment\ntitel = 1;\n\nloud = 1;\n/* more\n */ limits = {\n count = 99;\n nope = 1; };\n",
      "job.conf:2: titel: unknown key, did you mean title?\n"
      "job.conf:4: loud: must be true or false\n"
      "job.conf:7: limits.count: 99 is out of range, allowed 1 to 20\n"
      "job.conf:8: limits.nope: unknown key\n" },
    // Syntax.
    { "title = \"a\";\ntitle = \"b\";\n",
      "job.conf:2: duplicate setting name in or before `title = \"b\";`\n" },
    { "loud = yes;",
      "job.conf:1: syntax error in or before `loud = yes;`: switches are true or false\n" },
    { "priority = high;",
      "job.conf:1: syntax error in or before `priority = high;`: texts go in double quotes\n" },
    { "title = 'x';",
      "job.conf:1: syntax error in or before `title = 'x';`: texts go in double quotes\n" },
    { "title = \xE2\x80\x9Cx\xE2\x80\x9D;", "job.conf:1: syntax error in or before `title = "
                                            "\xE2\x80\x9Cx\xE2\x80\x9D;`: use straight quotes "
                                            "\"like this\"\n" },
    { "sources = ( { file = \"a\"; }, );", "job.conf:1: syntax error in or before `sources = ( { "
                                           "file = \"a\"; }, );`: no comma after the last "
                                           "element\n" },
    { "title \"x\"", "job.conf:1: syntax error in or before `title \"x\"`: each setting is: key = "
                     "value; texts go in "
                     "\"quotes\", groups in { }, lists in ( )\n" },
};

START_TEST(a_mistake_is_told_with_line_and_remedy)
{
    ck_assert_int_eq(parse(mistakes[_i].text), -EINVAL);
    ck_assert_str_eq(report.text, mistakes[_i].report);
}
END_TEST

START_TEST(a_bad_value_leaves_the_default_and_what_is_good_is_taken)
{
    ck_assert_int_eq(parse("limits = { count = 0; }; title = \"x\"; priority = \"y\";"), -EINVAL);
    ck_assert_int_eq(job.count, 10);
    ck_assert_int_eq(job.priority, 1);
    ck_assert_str_eq(job.title, "x");
}
END_TEST

START_TEST(the_file_is_named_on_one_line_whatever_its_name)
{
    (void)config_parse("a\nb", "x = 1;", options, ARRAY_LEN(options), &job, &report);
    ck_assert_str_eq(report.text, "a\\x0Ab:1: x: unknown key\n");
}
END_TEST

START_TEST(only_fifty_mistakes_are_kept_but_all_are_counted)
{
    cleanup(free_ptr) char *text = xcalloc(20000, 1);
    size_t used = 0, lines = 0;
    for (int i = 0; i < 200; i++)
        used += (size_t)snprintf(text + used, 100, "unknown-%d = 1;\n", i);
    ck_assert_int_eq(parse(text), -EINVAL);
    for (const char *c = report.text; *c; c++)
        lines += *c == '\n';
    ck_assert_uint_eq(lines, 51);
    ck_assert_uint_eq(report.count, 200);
    ck_assert_ptr_nonnull(strstr(report.text, "more is wrong, but not shown\n"));
}
END_TEST

// Languages come with Debian's package locales as sources only; the one needed is made here.
START_TEST(the_decimal_point_is_a_point_in_every_language)
{
    struct folder folder;
    folder_make(&folder);
    char *made = xasprintf("%s/de_DE.UTF-8", folder.path);
    ck_assert_int_eq(PROGRAM_RUN(NULL, "localedef", "-i", "de_DE", "-f", "UTF-8", made), 0);
    ck_assert_int_eq(setenv("LOCPATH", folder.path, 1), 0);
    ck_assert_ptr_nonnull(setlocale(LC_ALL, "de_DE.UTF-8"));
    ck_assert_str_eq(localeconv()->decimal_point, ",");
    assert_good("limits = { time = { rest = 2.25; }; };");
    ck_assert_double_eq(job.rest, 2.25);
    ck_assert_double_eq(job.seconds, 1.5);
    tear_down();
    (void)parse("limits = { time = { seconds = 0.25; }; };");
    ck_assert_str_eq(
        report.text,
        "job.conf:1: limits.time.seconds: 0.25 is out of range, allowed 0.5 to 3600 s\n");
    free(made);
    folder_remove(&folder);
}
END_TEST

START_TEST(releasing_leaves_nothing_and_may_be_repeated)
{
    assert_good("title = \"x\"; sources = ( { file = \"a\"; } );");
    config_release(options, ARRAY_LEN(options), &job);
    ck_assert_ptr_null(job.title);
    ck_assert_ptr_null(job.sources);
    ck_assert_uint_eq(job.source_count, 0);
    config_release(options, ARRAY_LEN(options), &job);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config");
    TCase *tcase = tcase_create("config");
    tcase_set_timeout(tcase, 60); // making a language takes a second
    tcase_add_checked_fixture(tcase, NULL, tear_down);
    tcase_add_loop_test(tcase, a_file_that_says_nothing_means_the_defaults, 0,
                        (int)ARRAY_LEN(nothing));
    tcase_add_test(tcase, every_type_is_read);
    tcase_add_test(tcase, whole_numbers_are_64_bits_wide_with_and_without_their_l);
    tcase_add_loop_test(tcase, a_mistake_is_told_with_line_and_remedy, 0, (int)ARRAY_LEN(mistakes));
    tcase_add_test(tcase, a_bad_value_leaves_the_default_and_what_is_good_is_taken);
    tcase_add_test(tcase, the_file_is_named_on_one_line_whatever_its_name);
    tcase_add_test(tcase, only_fifty_mistakes_are_kept_but_all_are_counted);
    tcase_add_test(tcase, the_decimal_point_is_a_point_in_every_language);
    tcase_add_test(tcase, releasing_leaves_nothing_and_may_be_repeated);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
