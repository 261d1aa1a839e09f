// job.conf: what is read, what is refused and in which words, and the way through batch.json.
#include "base/text.h"
#include "spool/job.h"
#include <check.h>
#include <stdio.h>

static struct job job;
static struct config_report report;

static void set_up(void)
{
    job = (struct job){ .title = NULL };
    report = (struct config_report)CONFIG_REPORT_INIT;
}

static void tear_down(void)
{
    job_release(&job);
    config_report_release(&report);
}

START_TEST(without_a_job_the_defaults_hold)
{
    ck_assert_int_eq(job_parse("job.conf", NULL, &job, &report), 0);
    ck_assert_ptr_null(job.title);
    ck_assert_int_eq(job.strategy, STRATEGY_HIGHLIGHTS);
    ck_assert_int_eq(job.profile, PROFILE_DYNAMIC);
    ck_assert_int_eq(job.priority, PRIORITY_NORMAL);
    ck_assert_double_eq(job.target_duration, 0);
    ck_assert_double_eq(job.min_segment, 2);
    ck_assert_double_eq(job.max_segment, 12);
    ck_assert_double_eq(job.snap_seconds, -1);
    ck_assert(!job.exact);
    ck_assert_str_eq(job.output.resolution, "source");
    ck_assert_double_eq(job.output.fps, 0);
    ck_assert_ptr_null(job.output.bitrate);
    ck_assert_int_eq(job.storage, STORAGE_SERVICE);
    for (enum model_role role = 0; role < MODEL_ROLES; role++)
        ck_assert_int_eq(job_wish(&job, role), MODEL_BY_SERVICE);
    ck_assert_uint_eq(job.source_count, 0);
}
END_TEST

START_TEST(an_empty_job_is_the_defaults)
{
    ck_assert_int_eq(job_parse("job.conf", "", &job, &report), 0);
    ck_assert_str_eq(job.output.resolution, "source");
    ck_assert_int_eq(job.priority, PRIORITY_NORMAL);
}
END_TEST

static const char full[] =
    "title = \"Summer trip\";\n"
    "prompt = \"goals and the crowd's reactions\";\n"
    "language = \"pt-BR\";\n"
    "strategy = \"every-source\";\n"
    "target_duration = 45;\n"
    "min_segment = 1.5; max_segment = 8.0; snap_seconds = 0.25; exact = true;\n"
    "profile = \"balanced\"; priority = \"high\"; storage = \"hybrid\";\n"
    "output = { mode = \"recompress\"; quality = \"medium\"; resolution = \"1080p\"; fps = 30; "
    "bitrate = \"5000k\"; encoder = \"libx265\"; };\n"
    "analysis = { vision = \"dashscope\"; text = \"local\"; speech = \"none\"; };\n"
    "sources = ( { file = \"b.mov\"; profile = \"aggressive\"; }, { file = \"sub/a.mp4\"; } );\n";

static void check_full(const struct job *is)
{
    ck_assert_str_eq(is->title, "Summer trip");
    ck_assert_str_eq(is->prompt, "goals and the crowd's reactions");
    ck_assert_str_eq(is->language, "pt-BR");
    ck_assert_int_eq(is->strategy, STRATEGY_EVERY_SOURCE);
    ck_assert_double_eq(is->target_duration, 45);
    ck_assert_double_eq(is->min_segment, 1.5);
    ck_assert_double_eq(is->max_segment, 8);
    ck_assert_double_eq(is->snap_seconds, 0.25);
    ck_assert(is->exact);
    ck_assert_int_eq(is->profile, PROFILE_BALANCED);
    ck_assert_int_eq(is->priority, PRIORITY_HIGH);
    ck_assert_int_eq(is->storage, STORAGE_HYBRID);
    ck_assert_int_eq(is->output.mode, MODE_RECOMPRESS);
    ck_assert_int_eq(is->output.quality, QUALITY_MEDIUM);
    ck_assert_str_eq(is->output.resolution, "1080p");
    ck_assert_double_eq(is->output.fps, 30);
    ck_assert_str_eq(is->output.bitrate, "5000k");
    ck_assert_str_eq(job_encoders[is->output.encoder], "libx265");
    ck_assert_int_eq(job_wish(is, MODEL_VISION), MODEL_DASHSCOPE);
    ck_assert_int_eq(job_wish(is, MODEL_TEXT), MODEL_LOCAL);
    ck_assert_int_eq(job_wish(is, MODEL_SPEECH), MODEL_NONE);
    ck_assert_uint_eq(is->source_count, 2);
    ck_assert_str_eq(is->sources[0].file, "b.mov");
    ck_assert_int_eq(is->sources[0].profile, PROFILE_AGGRESSIVE);
    ck_assert_str_eq(is->sources[1].file, "sub/a.mp4");
    ck_assert_int_eq(is->sources[1].profile, -1);
}

START_TEST(every_key_is_read)
{
    ck_assert_msg(job_parse("job.conf", full, &job, &report) == 0, "%s", report.text);
    check_full(&job);
}
END_TEST

START_TEST(a_job_survives_the_way_through_batch_json)
{
    ck_assert_int_eq(job_parse("job.conf", full, &job, &report), 0);
    cleanup(json_free) json_t *json = job_to_json(&job);
    struct job back = { .title = NULL };
    struct err err = ERR_INIT;
    ck_assert_msg(job_from_json(json, &back, &err) == 0, "%s", err.text);
    check_full(&back);
    job_release(&back);
}
END_TEST

START_TEST(a_file_name_of_strange_bytes_survives_too)
{
    static const char text[] = "sources = ( { file = \"a\\x01b\xff c\\\\.mp4\"; } );";
    ck_assert_msg(job_parse("job.conf", text, &job, &report) == 0, "%s", report.text);
    ck_assert_str_eq(job.sources[0].file, "a\x01"
                                          "b\xff c\\.mp4");
    cleanup(json_free) json_t *json = job_to_json(&job);
    struct job back = { .title = NULL };
    ck_assert_int_eq(job_from_json(json, &back, NULL), 0);
    ck_assert_str_eq(back.sources[0].file, job.sources[0].file);
    job_release(&back);
}
END_TEST

static const struct {
    const char *text, *told;
} mistakes[] = {
    { "titel = \"x\";", "titel" },
    { "title = 7;", "title" },
    { "title = \"\xff\";", "UTF-8" },
    { "prompt = \"a\xc3\";", "UTF-8" },
    { "strategy = \"fun\";", "highlights" },
    { "profile = \"fast\";", "conservative" },
    { "priority = 1;", "priority" },
    { "storage = \"s3\";", "\"hybrid\"" },
    { "target_duration = 0.5;", "target_duration" },
    { "target_duration = 3601;", "3600" },
    { "target_duration = -1;", "target_duration" },
    { "target_duration = 1; min_segment = 2;", "shorter than min_segment" },
    { "min_segment = 5; max_segment = 4;", "longer than max_segment" },
    { "snap_seconds = 3.1;", "snap_seconds" },
    { "snap_seconds = -0.5;", "allowed -1 or 0 to 3" },
    { "exact = 1;", "exact" },
    { "min_segment = 0.1;", "min_segment" },
    { "output = { resolution = \"8k\"; };", "2160p" },
    { "output = { resolution = \"1281x720\"; };", "output.resolution" },
    { "output = { fps = 0.5; };", "output.fps" },
    { "output = { fps = 121; };", "120" },
    { "output = { bitrate = \"fast\"; };", "output.bitrate" },
    { "output = { bitrate = \"1k\"; };", "64k" },
    { "output = { size = 3; };", "size" },
    { "sources = ( { file = \"a.mp4\"; }, { file = \"a.mp4\"; } );", "listed twice" },
    { "sources = ( { profile = \"balanced\"; } );", "names no file" },
    { "sources = ( { file = \"\"; } );", "names no file" },
    { "sources = ( { file = \"a.mp4\"; profile = \"best\"; } );", "profile" },
    { "sources = \"a.mp4\";", "sources" },
    { "analysis = { vision = \"gemini\"; };", "local" },
    { "analysis = { speech = \"whisper\"; };", "none" },
    { "webhook = \"ftp://example.org/hook\";", "webhook: the address is neither http nor https" },
    { "webhook = \"https://me:secret@example.org/hook\";", "user name or password" },
    { "webhook = \"https://\";", "webhook" },
    { "language = \"en us\";", "language" },
    { "language = \"\";", "language" },
    { "@include \"/etc/passwd\"", "job.conf" },
    { "title = \"open", "job.conf:1" },
    { "{", "job.conf" },
};

START_TEST(a_mistake_is_refused_with_the_file_and_the_allowed)
{
    ck_assert_msg(job_parse("job.conf", mistakes[_i].text, &job, &report) < 0, "%s",
                  mistakes[_i].text);
    ck_assert_uint_ge(report.count, 1);
    ck_assert_msg(strstr(report.text, mistakes[_i].told) != NULL, "%s", report.text);
    ck_assert_ptr_nonnull(strstr(report.text, "job.conf"));
}
END_TEST

START_TEST(all_mistakes_are_told_at_once)
{
    static const char text[] = "titel = \"x\";\n"
                               "target_duration = 9999;\n"
                               "output = { resolution = \"big\"; fps = 0.5; };\n"
                               "min_segment = 5; max_segment = 4;\n";
    ck_assert_int_lt(job_parse("job.conf", text, &job, &report), 0);
    static const char *const told[] = { "titel", "target_duration", "resolution", "fps",
                                        "max_segment" };
    for (size_t i = 0; i < ARRAY_LEN(told); i++)
        ck_assert_msg(strstr(report.text, told[i]) != NULL, "%s not in %s", told[i], report.text);
    ck_assert_ptr_nonnull(strstr(report.text, "job.conf:2"));
}
END_TEST

START_TEST(titles_have_an_end)
{
    cleanup(free_ptr) char *title = xcalloc(3001, 1);
    memset(title, 't', 3000);
    cleanup(free_ptr) char *text = xasprintf("title = \"%s\";", title);
    ck_assert_int_lt(job_parse("job.conf", text, &job, &report), 0);
    ck_assert_ptr_nonnull(strstr(report.text, "2000"));
}
END_TEST

static const struct {
    const char *text;
    int width, height; // width -1: refused
} resolutions[] = {
    { "source", 0, 0 },
    { "480p", 854, 480 },
    { "720p", 1280, 720 },
    { "1080p", 1920, 1080 },
    { "1440p", 2560, 1440 },
    { "2160p", 3840, 2160 },
    { "1280x720", 1280, 720 },
    { "64x64", 64, 64 },
    { "7680x7680", 7680, 7680 },
    { "62x64", -1, 0 },
    { "7682x64", -1, 0 },
    { "1281x720", -1, 0 },
    { "1280x721", -1, 0 },
    { "1280x", -1, 0 },
    { "x720", -1, 0 },
    { "1280X720", -1, 0 },
    { "1280x720 ", -1, 0 },
    { " 1280x720", -1, 0 },
    { "-1280x720", -1, 0 },
    { "1280x720p", -1, 0 },
    { "", -1, 0 },
    { "4k", -1, 0 },
    { "1080", -1, 0 },
    { "999999999999x720", -1, 0 },
    { "4294968576x720", -1, 0 },
};

START_TEST(a_resolution_is_a_name_or_an_even_size)
{
    int width = -7, height = -7;
    int r = job_resolution(resolutions[_i].text, &width, &height);
    if (resolutions[_i].width < 0) {
        ck_assert_msg(r < 0, "%s", resolutions[_i].text);
        ck_assert_int_eq(width, -7);
        return;
    }
    ck_assert_int_eq(r, 0);
    ck_assert_int_eq(width, resolutions[_i].width);
    ck_assert_int_eq(height, resolutions[_i].height);
}
END_TEST

static const struct {
    const char *text;
    int64_t rate; // -1: refused
} rates[] = {
    { "5000k", 5000000 },
    { "5000K", 5000000 },
    { "5M", 5000000 },
    { "800000", 800000 },
    { "64k", 64000 },
    { "200M", 200000000 },
    { "63k", -1 },
    { "201M", -1 },
    { "5m", -1 },
    { "5G", -1 },
    { "5 M", -1 },
    { "-5M", -1 },
    { "", -1 },
    { "k", -1 },
    { "5.5M", -1 },
    { "5MM", -1 },
    { "99999999999M", -1 },
    { "18446744073709551616", -1 },
};

START_TEST(a_bit_rate_is_a_number_with_its_unit)
{
    int64_t rate = -7;
    int r = job_bitrate(rates[_i].text, &rate);
    ck_assert_msg((r == 0) == (rates[_i].rate >= 0), "%s", rates[_i].text);
    ck_assert_int_eq(rate, rates[_i].rate >= 0 ? rates[_i].rate : -7);
}
END_TEST

static const char *const damaged[] = {
    "[]",
    "{\"strategy\":\"fun\"}",
    "{\"strategy\":7}",
    "{\"target_duration\":1e9}",
    "{\"target_duration\":\"60\"}",
    "{\"min_segment\":9,\"max_segment\":3}",
    "{\"snap_seconds\":-0.5}",
    "{\"exact\":\"yes\"}",
    "{\"output\":{\"fps\":-1}}",
    "{\"output\":{\"resolution\":\"3x3\"}}",
    "{\"output\":{\"bitrate\":\"none\"}}",
    "{\"sources\":[{}]}",
    "{\"sources\":[{\"file\":\"\\\\xZZ\"}]}",
    "{\"sources\":[{\"file\":\"a\",\"profile\":\"x\"}]}",
    "{\"sources\":[{\"file\":\"a\"},{\"file\":\"a\"}]}",
    "{\"webhook\":\"file:///etc/passwd\"}",
};

START_TEST(a_damaged_job_on_disk_is_refused)
{
    json_t *json = NULL;
    struct err err = ERR_INIT;
    ck_assert_int_eq(json_parse(damaged[_i], strlen(damaged[_i]), &json, NULL), 0);
    ck_assert_msg(job_from_json(json, &job, &err) < 0, "%s", damaged[_i]);
    ck_assert_str_eq(err.id, "bad_job");
    json_decref(json);
}
END_TEST

START_TEST(every_key_has_words_for_people)
{
    for (size_t i = 0; i < job_option_count; i++)
        ck_assert_msg(job_options[i].help != NULL && strlen(job_options[i].help) > 10, "%s",
                      job_options[i].path);
}
END_TEST

// The shipped file is made from the table; regenerate with CLIPSPOOL_REGENERATE=1.
START_TEST(the_shipped_example_is_the_table)
{
    static const char path[] = "etc/job.conf.example";
    cleanup(free_ptr) char *sample = config_sample(
        job_options, job_option_count,
        "What you want from a batch: every key with its default, all optional. Copy it "
        "as job.conf into the folder you drop. See clipspool-job(5).");
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
    ck_assert_msg(job_parse(path, shipped, &job, &report) == 0, "%s", report.text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("job");
    TCase *tcase = tcase_create("job");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, without_a_job_the_defaults_hold);
    tcase_add_test(tcase, an_empty_job_is_the_defaults);
    tcase_add_test(tcase, every_key_is_read);
    tcase_add_test(tcase, a_job_survives_the_way_through_batch_json);
    tcase_add_test(tcase, a_file_name_of_strange_bytes_survives_too);
    tcase_add_loop_test(tcase, a_mistake_is_refused_with_the_file_and_the_allowed, 0,
                        (int)ARRAY_LEN(mistakes));
    tcase_add_test(tcase, all_mistakes_are_told_at_once);
    tcase_add_test(tcase, titles_have_an_end);
    tcase_add_loop_test(tcase, a_resolution_is_a_name_or_an_even_size, 0,
                        (int)ARRAY_LEN(resolutions));
    tcase_add_loop_test(tcase, a_bit_rate_is_a_number_with_its_unit, 0, (int)ARRAY_LEN(rates));
    tcase_add_loop_test(tcase, a_damaged_job_on_disk_is_refused, 0, (int)ARRAY_LEN(damaged));
    tcase_add_test(tcase, every_key_has_words_for_people);
    tcase_add_test(tcase, the_shipped_example_is_the_table);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
