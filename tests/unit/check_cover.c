// The cover: sharp beats blurred, and the file is a JPEG of the reel's size.
#include "media/cover.h"

#include "media/inspect.h"
#include "tests/support/media.h"

#include <check.h>

// Blurred but for a moment at 1.9 to 2.1 s.
#define FOCUS "boxblur=luma_radius=6:luma_power=2:enable='not(between(t\\,1.9\\,2.1))'"

static const struct graph_look look = { 160, 120, AVCOL_SPC_BT709 };

struct opened {
    int fd;
    struct probe probe;
    struct source *source;
    struct picture *picture;
};

static void open_clip(struct opened *opened, const char *path)
{
    *opened = (struct opened){ .fd = media_open(path), .probe = PROBE_INIT };
    struct err err = ERR_INIT;
    const struct inspect_rules rules = { .max_pixels = 1 << 24, .max_streams = 20 };
    const struct source_limits limits = { .max_pixels = 1 << 24, .max_streams = 20 };
    const struct picture_wish wish = { .look = look, .reel_fps = 30, .threads = 1 };
    ck_assert_msg(inspect_file(opened->fd, &rules, &opened->probe, &err) >= 0, "%s", err.text);
    ck_assert_msg(source_open(opened->fd, &limits, &opened->source, &err) >= 0, "%s", err.text);
    ck_assert_msg(picture_open(opened->source, &opened->probe, &wish, &opened->picture, &err) >= 0,
                  "%s", err.text);
}

static void close_opened(struct opened *opened)
{
    picture_free(&opened->picture);
    source_free(&opened->source);
    probe_release(&opened->probe);
    close_fd(&opened->fd);
}

static const char *focus_clip(void)
{
    return MEDIA_CLIP(.name = "focus.mp4", .seconds = 4, .width = 160, .height = 120, .rate = "30",
                      .sound = "", .filter = FOCUS, .options = "-c:v libx264 -crf 16");
}

static double sharpness_at(struct opened *opened, double instant)
{
    struct err err = ERR_INIT;
    AVFrame *frame = NULL;
    ck_assert_int_ge(picture_start(opened->picture, instant, 4, &err), 0);
    ck_assert_int_eq(picture_at(opened->picture, instant, &frame, &err), 1);
    return cover_sharpness(frame);
}

START_TEST(a_sharp_picture_is_sharper_than_a_blurred_one)
{
    struct opened opened;
    open_clip(&opened, focus_clip());
    ck_assert_double_gt(sharpness_at(&opened, 2.0), 1.5 * sharpness_at(&opened, 1.0));
    close_opened(&opened);
}
END_TEST

START_TEST(the_cover_is_the_sharpest_as_jpeg_in_the_reels_size)
{
    struct opened sharp, blurred;
    struct err err = ERR_INIT;
    uint8_t *jpeg = NULL, *other = NULL;
    size_t size = 0, other_size = 0;
    open_clip(&sharp, focus_clip());
    ck_assert_msg(cover_make(sharp.picture, 0.5, 3.5, &jpeg, &size, &err) >= 0, "%s", err.text);
    open_clip(&blurred, focus_clip());
    ck_assert_int_ge(cover_make(blurred.picture, 0, 1.5, &other, &other_size, &err), 0);
    static const uint8_t head[] = { 0xff, 0xd8, 0xff };
    ck_assert_mem_eq(jpeg, head, sizeof head);
    // What is sharp takes more bytes.
    ck_assert_uint_gt(size, other_size + other_size / 4);
    bool sized = false; // a frame header (SOF0) with 120 lines of 160
    for (size_t i = 0; i + 9 < size; i++)
        sized |= jpeg[i] == 0xff && jpeg[i + 1] == 0xc0 && jpeg[i + 5] == 0 &&
                 jpeg[i + 6] == look.height && jpeg[i + 7] == 0 && jpeg[i + 8] == look.width;
    ck_assert(sized);
    free(jpeg);
    free(other);
    close_opened(&sharp);
    close_opened(&blurred);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cover");
    TCase *cover = tcase_create("cover");
    tcase_set_timeout(cover, 30);
    tcase_add_test(cover, a_sharp_picture_is_sharper_than_a_blurred_one);
    tcase_add_test(cover, the_cover_is_the_sharpest_as_jpeg_in_the_reels_size);
    suite_add_tcase(suite, cover);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
