#include "base/fs.h"
#include "cli/private.h"
#include "spool/incoming.h"
#include "tests/support/folder.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static struct folder folder;

static void set_up(void)
{
    folder_make(&folder);
}

static void tear_down(void)
{
    folder_remove(&folder);
}

static void parse(const char *text, struct settings *settings)
{
    struct config_report report = CONFIG_REPORT_INIT;
    int r = config_parse("text", text, settings_options, settings_option_count, settings, &report);
    ck_assert_msg(r == 0, "%s\n%s", report.text, text);
}

// Every value is moved off its default, so that one that was left out would be seen.
static char *odd_values(void)
{
    return xstrdup("spool = { root = \"/a \\\"b\\\\c\\x01\"; programs = \"/p\"; };\n"
                   "intake = { settle_seconds = 0.25; accept_links = true; };\n"
                   "limits = { max_sources = 33; max_source_bytes = 5000000000L;\n"
                   "  max_source_seconds = 1234.5; min_free_percent = 1.5; };\n"
                   "slots = { cpu = 3; };\n"
                   "models = { vision = \"dashscope\"; text = \"openai\"; speech = \"local\";\n"
                   "  cache = \"/answers\"; fps = 0.5; job_cost = 0.000001; currency = \"CNY\";\n"
                   "  prices = ( { model = \"m\"; input = 0.15; margin = 1.5; frame_tokens = 7; } "
                   "); };\n"
                   "dashscope = { credential = \"/key\"; interface = \"compatible\"; };\n"
                   "openai = { address = \"http://[::1]:1/v1\"; dialect = \"own\"; video = true;\n"
                   "  vision_model = \"x\"; text_model = \"y\"; };\n"
                   "plan = { snap_seconds = 0.125; exact = true; };\n"
                   "stages = { fetch = { tries = 9; }; render = { soft_seconds = 11.0; }; };\n"
                   "storage = { mode = \"hybrid\"; bucket = \"b\"; link_seconds = 700.0;\n"
                   "  buckets = ( { name = \"a\"; type = \"folder\"; path = \"/x \\\"\"; },\n"
                   "    { name = \"b\"; type = \"s3\"; bucket = \"bbb\"; endpoint = \"h\";\n"
                   "      style = \"path\"; signature = \"v1\"; credential = \"/k\"; } ); };\n"
                   "service = { stop_seconds = 7.0; };\n");
}

START_TEST(test_the_written_configuration_says_all_that_was_read)
{
    struct settings first = { 0 }, second = { 0 };
    char *text = odd_values();
    parse(text, &first);
    char *written = private_settings_text(&first);
    parse(written, &second);
    char *again = private_settings_text(&second);
    ck_assert_str_eq(written, again);

    ck_assert_str_eq(second.root, "/a \"b\\c\x01");
    ck_assert_str_eq(second.programs, "/p");
    ck_assert_ptr_null(second.incoming);
    ck_assert(second.accept_links);
    ck_assert_int_eq(second.max_sources, 33);
    ck_assert_int_eq(second.max_source_bytes, 5000000000);
    ck_assert_double_eq(second.max_source_seconds, 1234.5);
    ck_assert_int_eq(second.cpu_slots, 3);
    ck_assert_double_eq(second.snap_seconds, 0.125);
    ck_assert(second.plan_exact);
    ck_assert_int_eq(second.stage[STAGE_FETCH].tries, 9);
    ck_assert_double_eq(second.stage[STAGE_RENDER].soft_seconds, 11);
    ck_assert_int_eq(second.storage, STORAGE_HYBRID);
    ck_assert_uint_eq(second.buckets.count, 2);
    ck_assert_str_eq(second.buckets.items[0].path, "/x \"");
    ck_assert_ptr_null(second.buckets.items[0].endpoint);
    ck_assert_int_eq(second.buckets.items[1].type, BUCKET_S3);
    ck_assert_str_eq(second.buckets.items[1].credential, "/k");
    ck_assert_double_eq(second.stop_seconds, 7);
    const struct model_settings *models = &second.models;
    ck_assert_int_eq(models->role[MODEL_VISION], MODEL_DASHSCOPE);
    ck_assert_int_eq(models->role[MODEL_TEXT], MODEL_OPENAI);
    ck_assert_int_eq(models->role[MODEL_SPEECH], MODEL_LOCAL);
    ck_assert_double_eq(models->job_cost, 0.000001);
    ck_assert_str_eq(models->currency, "CNY");
    ck_assert_uint_eq(models->price_count, 1);
    ck_assert_double_eq(models->prices[0].input, 0.15);
    ck_assert_int_eq(models->prices[0].frame_tokens, 7);
    ck_assert_str_eq(models->dashscope.credential, "/key");
    ck_assert_int_eq(models->interface, MODEL_COMPATIBLE);
    ck_assert_str_eq(models->openai.address, "http://[::1]:1/v1");
    ck_assert_str_eq(models->openai.models[MODEL_TEXT], "y");
    ck_assert_int_eq(models->dialect, MODEL_DIALECT_OWN);
    ck_assert(models->own_video);
    settings_release(&first);
    settings_release(&second);
    free(text);
    free(written);
    free(again);
}
END_TEST

// ---- the cache

// %s in them stands for the test's folder, which is our own.
static const struct {
    const char *name, *place, *home, *configured, *cache; // NULL: none
} cache_cases[] = {
    { "where caches are", "%s/caches", "%s/home", NULL, "%s/caches/clipspool" },
    { "at home", NULL, "%s/home", NULL, "%s/home/.cache/clipspool" },
    { "a place that is no path is none", "caches", "%s/home", NULL, "%s/home/.cache/clipspool" },
    { "another's", "%s/other", "%s/home", NULL, NULL },
    { "one that cannot be made", "%s/missing/caches", "%s/home", NULL, NULL },
    { "nobody's", NULL, NULL, NULL, NULL },
    { "the one that is configured", "%s/caches", "%s/home", "%s/answers", "%s/answers" },
};

static char *in_folder(const char *text)
{
    if (text == NULL)
        return NULL;
    bool is_inside = strncmp(text, "%s", 2) == 0;
    return xasprintf("%s%s", is_inside ? folder.path : "", text + (is_inside ? 2 : 0));
}

static void set_environment(const char *name, const char *text)
{
    cleanup(free_ptr) char *value = in_folder(text);
    ck_assert_int_eq(value ? setenv(name, value, 1) : unsetenv(name), 0);
}

static void load_private(const struct private *spool, struct settings *ret)
{
    char *text = NULL;
    size_t size;
    ck_assert_int_eq(fs_read(spool->dir, "clipspool.conf", 1 << 20, &text, &size, NULL), 0);
    parse(text, ret);
    free(text);
}

START_TEST(test_what_models_answer_outlives_the_run_in_ones_own_cache)
{
    const char *videos[] = { "/v/a.mp4" };
    struct settings base = { 0 }, own = { 0 };
    struct err err = ERR_INIT;
    ck_assert_int_eq(mkdirat(folder.fd, "home", 0700), 0);
    ck_assert_int_eq(mkdirat(folder.fd, "other", 0700), 0);
    if (fchownat(folder.fd, "other", 65534, (gid_t)-1, 0) < 0 &&
        strstr(cache_cases[_i].name, "another")) {
        puts("SKIP another's cache: not root");
        return;
    }
    set_environment("XDG_CACHE_HOME", cache_cases[_i].place);
    set_environment("HOME", cache_cases[_i].home);
    config_defaults(settings_options, settings_option_count, &base);
    if (cache_cases[_i].configured) {
        free(base.models.cache);
        base.models.cache = in_folder(cache_cases[_i].configured);
    }
    struct private_batch batch = {
        .name = "trip", .videos = videos, .video_count = 1, .settings = &base
    };
    struct private spool = PRIVATE_INIT;
    ck_assert_msg(private_open(&spool, folder.path, &batch, &err) == 0, "%s", err.text);
    load_private(&spool, &own);
    cleanup(free_ptr) char *cache = in_folder(cache_cases[_i].cache);
    bool is_kept = own.models.cache_bytes > 0;
    ck_assert_msg(is_kept == (cache != NULL) && (!cache || !strcmp(own.models.cache, cache)),
                  "%s: %s", cache_cases[_i].name, is_kept ? own.models.cache : "(none)");
    private_remove(&spool);
    private_release(&spool);
    settings_release(&base);
    settings_release(&own);
}
END_TEST

static const struct {
    const char *name, *path, *link;
} link_cases[] = {
    { "a video keeps its name", "/v/beach.MP4", "beach.MP4" },
    { "a name without an ending gets one", "/v/beach", "beach.mp4" },
    { "a foreign ending too", "/v/beach.dat", "beach.dat.mp4" },
    { "a hidden file is shown", "/v/.beach.mp4", "_.beach.mp4" },
    { "a name of unfinished downloads is finished", "/v/b.mp4.part", "b.mp4.part.mp4" },
    { "a name of an open document", "/v/~$b.mp4", "_~$b.mp4" },
    { "bytes stay bytes", "/v/a\n\xff.mkv", "a\n\xff.mkv" },
};

START_TEST(test_every_video_gets_a_name_that_the_intake_takes)
{
    char *link = private_link_name(link_cases[_i].path);
    ck_assert_msg(!strcmp(link, link_cases[_i].link), "%s: %s", link_cases[_i].name, link);
    ck_assert_int_eq(incoming_name(link), INCOMING_COUNTS);
    free(link);
}
END_TEST

START_TEST(test_a_name_of_the_greatest_length_fits)
{
    char path[260] = "/";
    memset(path + 1, 'x', 255);
    char *link = private_link_name(path);
    ck_assert_uint_le(strlen(link), 255);
    ck_assert_int_eq(incoming_name(link), INCOMING_COUNTS);
    free(link);
}
END_TEST

static void open_spool(struct private *spool, const char *const *videos, size_t count,
                       bool job_orders)
{
    struct settings settings = { 0 };
    config_defaults(settings_options, settings_option_count, &settings);
    struct private_batch batch = { .name = "trip",
                                   .videos = videos,
                                   .video_count = count,
                                   .job_text = "title = \"x\";",
                                   .job_orders = job_orders,
                                   .settings = &settings };
    struct err err = ERR_INIT;
    ck_assert_msg(private_open(spool, folder.path, &batch, &err) == 0, "%s", err.text);
    settings_release(&settings);
}

static char *target_of(const struct private *spool, const char *path)
{
    char *name = xasprintf("incoming/trip/%s", path), target[256];
    ssize_t length = readlinkat(spool->dir, name, target, sizeof target);
    free(name);
    return length < 0 ? NULL : xstrndup(target, (size_t)length);
}

static const struct {
    const char *name, *videos[4];
    bool job_orders;
    const char *links[4];
    bool ordered; // the order has to be written down
} place_cases[] = {
    { "in natural order", { "/v/c2.mp4", "/v/c10.mp4" }, false, { "c2.mp4", "c10.mp4" }, false },
    { "in another order", { "/v/b.mp4", "/v/a.mp4" }, false, { "b.mp4", "a.mp4" }, true },
    { "odd names",
      { "/v/b\"\n\xff\\.mp4", "/v/a.mp4" },
      false,
      { "b\"\n\xff\\.mp4", "a.mp4" },
      true },
    { "in the order of job.conf", { "/v/b.mp4", "/v/a.mp4" }, true, { "b.mp4", "a.mp4" }, false },
    { "of one name", { "/w/a.mp4", "/v/a.mp4" }, false, { "w/a.mp4", "v/a.mp4" }, true },
    { "of one folder too",
      { "/x/v/a.mp4", "/y/v/a.mp4" },
      false,
      { "001/a.mp4", "002/a.mp4" },
      false },
    { "from a hidden folder",
      { "/.x/a.mp4", "/y/a.mp4" },
      false,
      { "001/a.mp4", "y/a.mp4" },
      false },
};

static void assert_order(const struct private *spool, int row)
{
    struct config_report report = CONFIG_REPORT_INIT;
    struct job job = { 0 };
    char *text = NULL;
    size_t size;
    ck_assert_int_eq(
        fs_read(spool->dir, "incoming/trip/job.conf", JOB_MAX_BYTES, &text, &size, NULL), 0);
    ck_assert_msg(job_parse("job.conf", text, &job, &report) == 0, "%s", report.text);
    ck_assert_uint_eq(job.source_count, place_cases[row].ordered ? 2 : 0);
    for (size_t i = 0; i < job.source_count; i++)
        ck_assert_str_eq(job.sources[i].file, place_cases[row].links[i]);
    ck_assert_str_eq(job.title, "x"); // what was asked for is still there
    job_release(&job);
    free(text);
}

START_TEST(test_links_keep_order_and_names)
{
    struct private spool;
    open_spool(&spool, place_cases[_i].videos, 2, place_cases[_i].job_orders);
    for (int i = 0; i < 2; i++) {
        char *target = target_of(&spool, place_cases[_i].links[i]);
        ck_assert_msg(target, "%s: no %s", place_cases[_i].name, place_cases[_i].links[i]);
        ck_assert_str_eq(target, place_cases[_i].videos[i]);
        free(target);
    }
    assert_order(&spool, _i);
    private_release(&spool);
}
END_TEST

START_TEST(test_a_private_spool_is_complete_and_leaves_nothing)
{
    struct private spool;
    struct settings settings = { 0 };
    struct config_report report = CONFIG_REPORT_INIT;
    struct stat st;
    open_spool(&spool, (const char *[]){ "/v/a.mp4" }, 1, false);
    ck_assert_int_eq(settings_load(spool.config, &settings, &report), 0);
    ck_assert_str_eq(settings.root, spool.path);
    ck_assert(settings.accept_links);
    ck_assert_int_eq(fstatat(spool.dir, "incoming/trip/.ready", &st, 0), 0);
    ck_assert_int_eq(fstatat(spool.dir, "incoming/trip/job.conf", &st, 0), 0);
    ck_assert_int_eq(stat(spool.path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 077, 0);
    private_remove(&spool);
    ck_assert_int_lt(stat(spool.path, &st), 0);
    private_release(&spool);
    settings_release(&settings);
}
END_TEST

START_TEST(test_a_place_that_cannot_be_written_is_an_error_and_stays_clean)
{
    struct private spool;
    struct err err = ERR_INIT;
    struct private_batch batch = { .name = "trip" };
    ck_assert_int_lt(private_open(&spool, "/proc", &batch, &err), 0);
    ck_assert_int_ne(err.class, ERR_NONE);
    private_release(&spool);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("private");
    TCase *tcase = tcase_create("private spool");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test_the_written_configuration_says_all_that_was_read);
    tcase_add_loop_test(tcase, test_what_models_answer_outlives_the_run_in_ones_own_cache, 0,
                        (int)ARRAY_LEN(cache_cases));
    tcase_add_loop_test(tcase, test_every_video_gets_a_name_that_the_intake_takes, 0,
                        (int)ARRAY_LEN(link_cases));
    tcase_add_test(tcase, test_a_name_of_the_greatest_length_fits);
    tcase_add_loop_test(tcase, test_links_keep_order_and_names, 0, (int)ARRAY_LEN(place_cases));
    tcase_add_test(tcase, test_a_private_spool_is_complete_and_leaves_nothing);
    tcase_add_test(tcase, test_a_place_that_cannot_be_written_is_an_error_and_stays_clean);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
