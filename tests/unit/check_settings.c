// clipspool.conf: sane defaults, every mistake told at once, the shipped file is the table.
#include "spool/job.h"
#include "spool/settings.h"
#include "tests/support/folder.h"
#include <check.h>
#include <stdio.h>

static struct folder folder;
static struct settings settings;
static struct config_report report;

static void set_up(void)
{
    folder_make(&folder);
    settings = (struct settings){ .root = NULL };
    report = (struct config_report)CONFIG_REPORT_INIT;
}

static void tear_down(void)
{
    settings_release(&settings);
    config_report_release(&report);
    folder_remove(&folder);
}

static int load_text(const char *text)
{
    folder_put(&folder, "clipspool.conf", text);
    cleanup(free_ptr) char *path = xasprintf("%s/clipspool.conf", folder.path);
    return settings_load(path, &settings, &report);
}

START_TEST(defaults_are_those_of_the_design)
{
    ck_assert_int_eq(settings_load(NULL, &settings, &report), 0);
    ck_assert_str_eq(settings.root, "/var/lib/clipspool");
    ck_assert_ptr_null(settings.incoming);
    ck_assert_ptr_null(settings.programs);
    ck_assert_double_eq(settings.settle_seconds, 10);
    ck_assert_double_eq(settings.scan_seconds, 30);
    ck_assert(!settings.accept_links);
    ck_assert_int_eq(settings.max_sources, 10);
    ck_assert_int_eq(settings.max_source_bytes, INT64_C(2) << 30);
    ck_assert_double_eq(settings.max_source_seconds, 600);
    ck_assert_int_ge(settings.max_pixels, 7680 * 4320);
    ck_assert_int_lt(settings.max_pixels, 20000 * 20000);
    ck_assert_int_eq(settings.stage_memory_bytes, INT64_C(4) << 30);
    ck_assert_int_eq(settings.cpu_slots, 0);
    ck_assert_int_eq(settings.net_slots, 8);
    ck_assert_int_eq(settings.model_slots, 4);
    ck_assert_ptr_null(settings.allow_networks);
    ck_assert_double_eq(settings.stall_seconds, 30);
    ck_assert_double_eq(settings.stall_bytes_per_second, 1024);
    ck_assert_int_eq(settings.storage, STORAGE_LOCAL);
    ck_assert_ptr_null(settings.bucket);
    ck_assert_double_eq(settings.link_seconds, 3600);
    ck_assert_double_eq(settings.temp_hours, 24);
    ck_assert_uint_eq(settings.buckets.count, 0);
    ck_assert_int_eq(settings.service_failures, 5);
    ck_assert_ptr_null(settings.webhook_credential);
    ck_assert_ptr_null(settings.webhook_allow_networks);
    ck_assert_str_eq(settings.webhook_wait_seconds, "5 300 1800 7200 18000");
    ck_assert_double_eq(settings.stop_seconds, 20);
    ck_assert_double_eq(settings.archive_days, 0);
}
END_TEST

START_TEST(stages_are_tried_as_often_as_the_design_says)
{
    static const struct {
        enum stage stage;
        int64_t tries;
        double wait;
    } rows[] = {
        { STAGE_FETCH, 3, 60 },   { STAGE_PROBE, 2, 60 },      { STAGE_COMPRESS, 2, 120 },
        { STAGE_UPLOAD, 3, 60 },  { STAGE_TRANSCRIBE, 2, 60 }, { STAGE_ANALYZE, 2, 60 },
        { STAGE_PLAN, 2, 60 },    { STAGE_PREVIEW, 2, 60 },    { STAGE_RENDER, 2, 60 },
        { STAGE_PUBLISH, 3, 60 },
    };
    ck_assert_uint_eq(ARRAY_LEN(rows), STAGE_COUNT);
    ck_assert_int_eq(settings_load(NULL, &settings, &report), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct settings_stage *stage = &settings.stage[rows[i].stage];
        ck_assert_int_eq(stage->tries, rows[i].tries);
        ck_assert_double_eq(stage->wait_seconds, rows[i].wait);
        ck_assert_double_gt(stage->hard_seconds, stage->soft_seconds);
    }
}
END_TEST

START_TEST(a_file_changes_what_it_names_and_nothing_else)
{
    ck_assert_int_eq(load_text("spool = { root = \"/srv/clips\"; outbox = \"/srv/out\"; };\n"
                               "intake = { settle_seconds = 2; accept_links = true; };\n"
                               "stages = { render = { tries = 5; soft_seconds = 10.5; }; };\n"),
                     0);
    ck_assert_str_eq(settings.root, "/srv/clips");
    ck_assert_double_eq(settings.settle_seconds, 2);
    ck_assert(settings.accept_links);
    ck_assert_int_eq(settings.stage[STAGE_RENDER].tries, 5);
    ck_assert_double_eq(settings.stage[STAGE_RENDER].soft_seconds, 10.5);
    ck_assert_int_eq(settings.stage[STAGE_PUBLISH].tries, 3);
    ck_assert_double_eq(settings.scan_seconds, 30);
    cleanup(free_ptr) char *incoming = settings_incoming(&settings);
    cleanup(free_ptr) char *outbox = settings_outbox(&settings);
    ck_assert_str_eq(incoming, "/srv/clips/incoming");
    ck_assert_str_eq(outbox, "/srv/out");
}
END_TEST

#define FOLDER_BUCKET "buckets = ( { name = \"f\"; type = \"folder\"; path = \"/f\"; } );"

static const struct {
    const char *text, *told;
} mistakes[] = {
    { "spool = { root = \"relative\"; };", "absolute" },
    { "spool = { root = \"\"; };", "absolute" },
    { "spool = { incoming = \"in\"; };", "spool.incoming" },
    { "spool = { incoming = \"/a\"; outbox = \"/a\"; };", "different" },
    { "stages = { plan = { soft_seconds = 50; hard_seconds = 40; }; };", "stages.plan" },
    { "limits = { max_sources = 101; };", "max_sources" },
    { "limits = { max_sources = 0; };", "max_sources" },
    { "intake = { settle = 3; };", "settle" },
    { "stages = { sweep = { tries = 3; }; };", "sweep" },
    { "slots = { cpu = 1.5; };", "cpu" },
    { "keep = { archive_days = -1; };", "archive_days" },
    { "fetch = { allow_networks = \"10.0.0.1/8\"; };", "fetch.allow_networks" },
    { "webhook = { allow_networks = \"10.0.0.1/8\"; };", "webhook.allow_networks" },
    { "webhook = { wait_seconds = \"5 soon\"; };", "webhook.wait_seconds: \"soon\"" },
    { "fetch = { ca_file = \"ca.pem\"; };", "fetch.ca_file" },
    { "storage = { mode = \"oss\"; };", "needs storage.bucket" },
    { "storage = { bucket = \"a\"; };", "there is no \"a\"" },
    { "storage = { link_seconds = 599; };", "600 to 86400" },
    { "storage = { temp_hours = 169; };", "temp_hours" },
    { "storage = { public_address = \"https://example.org\"; };", "without storage.bucket" },
    { "storage = { bucket = \"f\"; public_address = \"ftp://h\"; " FOLDER_BUCKET " };",
      "public_address: the address is neither" },
    { "storage = { bucket = \"f\"; public_address = \"https://h/?a\"; " FOLDER_BUCKET " };",
      "must not hold ?" },
    { "storage = { buckets = ( { name = \"x\"; type = \"ftp\"; } ); };", "\"folder\"" },
    { "storage = { buckets = ( { name = \"x\"; type = \"folder\"; path = \"rel\"; } ); };",
      "storage.buckets[0] (x): path" },
    { "spool = {", "clipspool.conf" },
};

START_TEST(a_mistake_is_refused_and_told)
{
    ck_assert_msg(load_text(mistakes[_i].text) < 0, "%s", mistakes[_i].text);
    ck_assert_uint_ge(report.count, 1);
    ck_assert_msg(strstr(report.text, mistakes[_i].told) != NULL, "%s", report.text);
}
END_TEST

START_TEST(contradictions_of_storage_are_told_at_once)
{
    ck_assert_int_lt(load_text(
                         "storage = { mode = \"hybrid\"; bucket = \"c\"; buckets = (\n"
                         "{ name = \"a\"; bucket = \"vid\"; endpoint = \"https://10.0.0.1\";\n"
                         "  style = \"host\"; },\n"
                         "{ name = \"a\"; type = \"s3\"; bucket = \"Vid\"; endpoint = \"h\";\n"
                         "  signature = \"v1\"; credential = \"k\"; path = \"/x\"; } ); };\n"),
                     0);
    static const char *const told[] = {
        "[0] (a): credential: is missing",
        "[0] (a): style",
        "[0] (a): region: is missing",
        "[1] (a): name: storage.buckets[0] has it already",
        "[1] (a): bucket",
        "[1] (a): signature",
        "[1] (a): path: has no meaning for type \"s3\"",
        "there is no \"c\"",
    };
    for (size_t i = 0; i < ARRAY_LEN(told); i++)
        ck_assert_msg(strstr(report.text, told[i]) != NULL, "%s in\n%s", told[i], report.text);
    ck_assert_uint_eq(report.count, ARRAY_LEN(told));
}
END_TEST

START_TEST(what_a_job_wishes_needs_a_bucket)
{
    ck_assert_int_eq(settings_load(NULL, &settings, &report), 0);
    ck_assert_int_eq(settings_storage(&settings, STORAGE_SERVICE), STORAGE_LOCAL);
    ck_assert_int_eq(settings_storage(&settings, STORAGE_LOCAL), STORAGE_LOCAL);
    ck_assert_int_lt(settings_storage(&settings, STORAGE_OSS), 0);
    ck_assert_int_lt(settings_storage(&settings, STORAGE_HYBRID), 0);
    settings_release(&settings);
    settings = (struct settings){ .root = NULL };
    ck_assert_int_eq(load_text("storage = { mode = \"oss\"; bucket = \"f\"; " FOLDER_BUCKET " };"),
                     0);
    ck_assert_int_eq(settings_storage(&settings, STORAGE_SERVICE), STORAGE_OSS);
    ck_assert_int_eq(settings_storage(&settings, STORAGE_LOCAL), STORAGE_LOCAL);
    ck_assert_int_eq(settings_storage(&settings, STORAGE_HYBRID), STORAGE_HYBRID);
}
END_TEST

START_TEST(a_file_that_is_none_is_told)
{
    cleanup(free_ptr) char *path = xasprintf("%s/missing.conf", folder.path);
    ck_assert_int_lt(settings_load(path, &settings, &report), 0);
    ck_assert_ptr_nonnull(strstr(report.text, "missing.conf"));
    config_report_release(&report);
    report = (struct config_report)CONFIG_REPORT_INIT;
    ck_assert_int_lt(settings_load(folder.path, &settings, &report), 0);
    ck_assert_uint_eq(report.count, 1);
}
END_TEST

START_TEST(a_nul_byte_is_no_end_of_the_file)
{
    static const char text[] = "spool = { };\0 nonsense";
    cleanup(free_ptr) char *path = xasprintf("%s/nul.conf", folder.path);
    FILE *file = fopen(path, "w");
    ck_assert_uint_eq(fwrite(text, 1, sizeof text - 1, file), sizeof text - 1);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_lt(settings_load(path, &settings, &report), 0);
    ck_assert_ptr_nonnull(strstr(report.text, "NUL"));
}
END_TEST

START_TEST(programs_are_where_the_configuration_says)
{
    ck_assert_int_eq(load_text("spool = { programs = \"/opt/stages\"; };"), 0);
    cleanup(free_ptr) char *path = NULL;
    ck_assert_int_eq(settings_program(&settings, "probe", &path, NULL), 0);
    ck_assert_str_eq(path, "/opt/stages/probe");
}
END_TEST

START_TEST(programs_that_cannot_be_found_are_told)
{
    // This test runs from neither bin/ nor sbin/ nor libexec/clipspool/.
    struct err err = ERR_INIT;
    char *path = NULL;
    ck_assert_int_eq(settings_load(NULL, &settings, &report), 0);
    ck_assert_int_lt(settings_program(&settings, "probe", &path, &err), 0);
    ck_assert_int_eq(err.class, ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.hint, "spool.programs"));
    ck_assert_ptr_null(path);
}
END_TEST

START_TEST(prompts_are_found_like_programs)
{
    struct err err = ERR_INIT;
    char *found = NULL;
    ck_assert_int_eq(settings_load(NULL, &settings, &report), 0);
    ck_assert_int_lt(settings_prompts(&settings, &found, &err), 0);
    ck_assert_int_eq(err.class, ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.hint, "models.prompts"));
    ck_assert_ptr_null(found);
    settings.models.prompts = xstrdup("/etc/clipspool/prompts");
    ck_assert_int_eq(settings_prompts(&settings, &found, NULL), 0);
    ck_assert_str_eq(found, "/etc/clipspool/prompts");
    free(found);
}
END_TEST

START_TEST(every_option_has_words_for_people)
{
    for (size_t i = 0; i < settings_option_count; i++) {
        const struct config_option *option = &settings_options[i];
        ck_assert_msg(option->help != NULL && strlen(option->help) > 10, "%s", option->path);
        ck_assert_msg(option->help[strlen(option->help) - 1] == '.', "%s", option->path);
    }
}
END_TEST

// The shipped file is made from the table; regenerate with CLIPSPOOL_REGENERATE=1.
START_TEST(the_shipped_file_is_the_table)
{
    static const char path[] = "etc/clipspool.conf";
    cleanup(free_ptr) char *sample = config_sample(
        settings_options, settings_option_count,
        "The configuration of clipspoold: every option with its default. See clipspool.conf(5).");
    if (getenv("CLIPSPOOL_REGENERATE") != NULL) {
        FILE *file = fopen(path, "w");
        ck_assert_int_ge(fputs(sample, file), 0);
        ck_assert_int_eq(fclose(file), 0);
    }
    cleanup(free_ptr) char *shipped = xcalloc(1 << 20, 1);
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "run from the top of the repository");
    ck_assert_uint_gt(fread(shipped, 1, (1 << 20) - 1, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_msg(strcmp(sample, shipped) == 0,
                  "%s differs from the table: run this test with CLIPSPOOL_REGENERATE=1", path);
    ck_assert_msg(settings_load(path, &settings, &report) == 0, "%s", report.text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("settings");
    TCase *tcase = tcase_create("settings");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, defaults_are_those_of_the_design);
    tcase_add_test(tcase, stages_are_tried_as_often_as_the_design_says);
    tcase_add_test(tcase, a_file_changes_what_it_names_and_nothing_else);
    tcase_add_loop_test(tcase, a_mistake_is_refused_and_told, 0, (int)ARRAY_LEN(mistakes));
    tcase_add_test(tcase, contradictions_of_storage_are_told_at_once);
    tcase_add_test(tcase, what_a_job_wishes_needs_a_bucket);
    tcase_add_test(tcase, a_file_that_is_none_is_told);
    tcase_add_test(tcase, a_nul_byte_is_no_end_of_the_file);
    tcase_add_test(tcase, programs_are_where_the_configuration_says);
    tcase_add_test(tcase, programs_that_cannot_be_found_are_told);
    tcase_add_test(tcase, prompts_are_found_like_programs);
    tcase_add_test(tcase, every_option_has_words_for_people);
    tcase_add_test(tcase, the_shipped_file_is_the_table);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
