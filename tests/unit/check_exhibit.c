// What of a source can be shown to a model: proxy, frames, links, each as the steps before left it.
#include "stages/exhibit.h"

#include "base/fs.h"
#include "base/text.h"
#include "tests/support/folder.h"
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

static struct folder folder;
static struct config_report report;
static struct stage_context context;
static struct models models;
static struct exhibit exhibit;
static struct probe probe;
static struct analysis found;

static void set_up(void)
{
    struct err err = ERR_INIT;
    struct step step = STEP_INIT;
    folder_make(&folder);
    ck_assert_int_eq(mkdirat(folder.fd, "0", 0700), 0);
    ck_assert_int_eq(mkdirat(folder.fd, BATCH_STEPS, 0700), 0);
    context = (struct stage_context){ .batchdir = folder.fd, .index = 0 };
    context.sourcedir = openat(folder.fd, "0", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    context.warnings = json_array();
    ck_assert_int_eq(settings_load(NULL, &context.settings, &report), 0);
    models = (struct models)MODELS_INIT;
    models.service = MODEL_DASHSCOPE;
    models.place = &context.settings.models.dashscope;
    const struct http_rules rules = { .stop_fd = 0 };
    const struct asker_order order = { .settings = &context.settings.models,
                                       .service = MODEL_DASHSCOPE,
                                       .role = MODEL_VISION,
                                       .root = folder.path,
                                       .batchdir = folder.fd,
                                       .http = &rules };
    ck_assert_msg(asker_open(&order, &models.asker, &err) == 0, "%s", err.text);
    step.state = STEP_DONE;
    step.numbers = json_pack("{s:i, s:i, s:f}", "width", 640, "height", 360, "fps", 12.5);
    ck_assert_int_eq(step_save(folder.fd, STAGE_COMPRESS, 0, &step, NULL), 0);
    step_release(&step);
    probe = (struct probe)PROBE_INIT;
    probe.duration = 8;
    probe.width = 1920;
    probe.height = 1080;
    probe.frames = 240;
    probe.fps_num = 30;
    probe.fps_den = 1;
    found = (struct analysis)ANALYSIS_INIT;
    exhibit = (struct exhibit)EXHIBIT_INIT;
}

static void tear_down(void)
{
    exhibit_release(&exhibit);
    asker_close(&models.asker);
    settings_release(&context.settings);
    json_decref(context.warnings);
    close_fd(&context.sourcedir);
    folder_remove(&folder);
}

static void look(void)
{
    struct err err = ERR_INIT;
    ck_assert_msg(exhibit_open(&context, &models, &probe, &found, &exhibit, &err) == 0, "%s",
                  err.text);
}

static bool warned(const char *words)
{
    cleanup(free_ptr) char *said = json_dumps(context.warnings, 0);
    return strstr(said, words) != NULL;
}

START_TEST(a_proxy_is_as_compress_has_found_it)
{
    folder_put(&folder, "0/" SOURCE_PROXY, "123456");
    look();
    ck_assert_uint_eq(exhibit.source.proxy_bytes, 6);
    ck_assert_uint_eq(exhibit.source.proxy.width, 640);
    ck_assert_double_eq_tol(exhibit.source.proxy.frames, 100, 1e-9);
    ck_assert_uint_eq(exhibit.source.original.width, 1920);
    ck_assert_double_eq_tol(exhibit.source.original.fps, 30, 1e-9);
    ck_assert_ptr_null(exhibit.source.frames);
    ck_assert_ptr_null(exhibit.source.link);
    ck_assert(exhibit.model.takes_video);
    char content[DIGEST_HEX_SIZE];
    ck_assert_int_eq(exhibit_proxy(&exhibit, content, NULL), 0);
    // As sha256sum has it.
    ck_assert_str_eq(content, "8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92");
    char *link = NULL;
    ck_assert_int_eq(exhibit_send(&exhibit, VISION_INLINE, &link, NULL), 0);
    ck_assert_str_eq(link, "data:video/mp4;base64,MTIzNDU2");
    free(link);
}
END_TEST

START_TEST(an_empty_proxy_and_a_missing_one_are_none)
{
    look();
    ck_assert(!(exhibit.source.proxy.frames > 0));
    exhibit_release(&exhibit);
    exhibit = (struct exhibit)EXHIBIT_INIT;
    folder_put(&folder, "0/" SOURCE_PROXY, "");
    look();
    ck_assert(!(exhibit.source.proxy.frames > 0));
}
END_TEST

// ---- links

static const struct {
    const char *name;
    const char *text; // with @ for a time
    int seconds;      // from now
    bool good;
    const char *warned;
} uploads[] = {
    { "one that lives",
      "{\"bucket\": \"b\", \"key\": \"k\", \"url\": \"https://b/0\", \"url_expires_at\": \"@\"}",
      3600, true, NULL },
    { "one that ends while the model is asked",
      "{\"bucket\": \"b\", \"key\": \"k\", \"url\": \"https://b/0\", \"url_expires_at\": \"@\"}",
      900, false, "too soon" },
    { "one that is over",
      "{\"bucket\": \"b\", \"key\": \"k\", \"url\": \"https://b/0\", \"url_expires_at\": \"@\"}",
      -5, false, "too soon" },
    { "a bucket without links",
      "{\"bucket\": \"b\", \"key\": \"k\", \"url\": null, \"url_expires_at\": null}", 0, false,
      NULL },
    { "nobody knows how long",
      "{\"bucket\": \"b\", \"key\": \"k\", \"url\": \"https://b/0\", \"url_expires_at\": null}", 0,
      false, NULL },
    { "no time",
      "{\"bucket\": \"b\", \"key\": \"k\", \"url\": \"https://b/0\", \"url_expires_at\": \"soon\"}",
      0, false, NULL },
};

START_TEST(a_link_must_outlive_the_question)
{
    char until[TEXT_TIME_SIZE];
    const char *at = strchr(uploads[_i].text, '@');
    cleanup(free_ptr) char *text =
        at ? xasprintf("%.*s%s%s", (int)(at - uploads[_i].text), uploads[_i].text,
                       text_time(time(NULL) + uploads[_i].seconds, until), at + 1)
           : xstrdup(uploads[_i].text);
    folder_put(&folder, "0/" SOURCE_UPLOAD, text);
    look();
    ck_assert_msg(uploads[_i].good == (exhibit.source.link != NULL), "%s", uploads[_i].name);
    ck_assert_int_eq(json_array_size(context.warnings) > 0, uploads[_i].warned != NULL);
    if (uploads[_i].warned)
        ck_assert(warned(uploads[_i].warned));
    ck_assert(!warned("https://b/0"));
}
END_TEST

// ---- frames

// Pictures of so many bytes that begin like a JPEG.
static void put_frames(size_t count, size_t size)
{
    cleanup(frames_release) struct frames frames = FRAMES_INIT;
    cleanup(free_ptr) char *jpeg = xcalloc(size + 1, 1);
    ck_assert_int_eq(mkdirat(context.sourcedir, SOURCE_FRAMES, 0700), 0);
    cleanup(close_fd) int fd =
        openat(context.sourcedir, SOURCE_FRAMES, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    frames.width = 640;
    frames.height = 360;
    memset(jpeg, 'x', size);
    memcpy(jpeg, "\xff\xd8\xff", 3);
    for (size_t i = 0; i < count; i++) {
        jpeg[10] = (char)('a' + i);
        const struct frames_item *item = frames_add(&frames, (double)i, (int)i);
        ck_assert_int_eq(fs_write(fd, item->file, jpeg, size, NULL), 0);
    }
    ck_assert_int_eq(frames_save(fd, &frames, NULL), 0);
}

START_TEST(frames_are_sent_as_they_are)
{
    cleanup(exhibit_frames_release) struct exhibit_frames all = EXHIBIT_FRAMES_INIT,
                                                          some = EXHIBIT_FRAMES_INIT;
    put_frames(5, 1000);
    look();
    ck_assert_ptr_nonnull(exhibit.source.frames);
    ck_assert_int_eq(exhibit_frames(&exhibit, 9, &all, NULL), 0);
    ck_assert_uint_eq(all.count, 5);
    ck_assert_int_eq(strncmp(all.links[0], "data:image/jpeg;base64,/9j/", 27), 0);
    ck_assert_int_eq(exhibit_frames(&exhibit, 2, &some, NULL), 0);
    ck_assert_uint_eq(some.count, 2);
    ck_assert_str_ne(all.content, some.content);
    ck_assert_uint_eq(strlen(some.content), 64);
}
END_TEST

START_TEST(frames_that_are_too_large_together_are_fewer)
{
    cleanup(exhibit_frames_release) struct exhibit_frames frames = EXHIBIT_FRAMES_INIT;
    put_frames(5, 2000000);
    look();
    ck_assert_int_eq(exhibit_frames(&exhibit, 5, &frames, NULL), 0);
    ck_assert_uint_eq(frames.count, 3); // 6 MB of 7
    ck_assert_uint_lt(frames.picked[0], frames.picked[1]);
}
END_TEST

START_TEST(a_damaged_set_is_none_and_said_to_be)
{
    put_frames(2, 100);
    folder_put(&folder, "0/" SOURCE_FRAMES "/" FRAMES_INDEX, "{\"version\": 1, damaged");
    look();
    ck_assert_ptr_null(exhibit.source.frames);
    ck_assert(warned("the frames cannot be used"));
}
END_TEST

START_TEST(a_frame_that_is_missing_is_told)
{
    struct err err = ERR_INIT;
    cleanup(exhibit_frames_release) struct exhibit_frames frames = EXHIBIT_FRAMES_INIT;
    put_frames(2, 100);
    look();
    ck_assert_int_eq(unlinkat(folder.fd, "0/" SOURCE_FRAMES "/0002.jpg", 0), 0);
    ck_assert_int_lt(exhibit_frames(&exhibit, 2, &frames, &err), 0);
    ck_assert_str_eq(err.id, "bad_frames");
}
END_TEST

int main(void)
{
    // Descriptor 3, where warnings go, must not become one of the test's own.
    cleanup(close_fd) int third = open("/dev/null", O_WRONLY | O_CLOEXEC);
    Suite *suite = suite_create("exhibit");
    TCase *tcase = tcase_create("exhibit");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_proxy_is_as_compress_has_found_it);
    tcase_add_test(tcase, an_empty_proxy_and_a_missing_one_are_none);
    tcase_add_loop_test(tcase, a_link_must_outlive_the_question, 0, (int)ARRAY_LEN(uploads));
    tcase_add_test(tcase, frames_are_sent_as_they_are);
    tcase_add_test(tcase, frames_that_are_too_large_together_are_fewer);
    tcase_add_test(tcase, a_damaged_set_is_none_and_said_to_be);
    tcase_add_test(tcase, a_frame_that_is_missing_is_told);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
