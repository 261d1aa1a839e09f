// Stills: what the proxy shows at their times, fitted into so many pixels, in the right colours.
#include "media/stills.h"

#include <check.h>
#include <math.h>
#include <stdio.h>

#include "tests/support/jpegs.h"
#include "tests/support/media.h"

enum { MOST = 40 };

// The JPEG files that came, decoded.
struct album {
    AVFrame *stills[MOST];
    size_t count;
    double times[MOST];
};

static int keep(void *context, const struct frames_item *item, const void *jpeg, size_t size,
                struct err *err)
{
    struct album *album = context;
    (void)err;
    ck_assert_uint_lt(album->count, MOST);
    album->times[album->count] = item->time;
    album->stills[album->count++] = jpegs_decode(jpeg, size);
    return 0;
}

static void release(struct album *album)
{
    for (size_t i = 0; i < album->count; i++)
        av_frame_free(&album->stills[i]);
}

static void make(const char *path, double rate, int64_t max_pixels, struct frames *frames,
                 struct album *album)
{
    struct err err = ERR_INIT;
    cleanup(close_fd) int fd = media_open(path);
    *album = (struct album){ .count = 0 };
    const struct stills_wish wish = { fd, rate, max_pixels, keep, album };
    ck_assert_msg(stills_make(&wish, frames, &err) == 0, "%s", err.text);
    ck_assert_uint_eq(album->count, frames->count);
}

static int luma_at(const AVFrame *frame, int x, int y)
{
    return frame->data[0][y * frame->linesize[0] + x];
}

// ---- the right picture

// Picture N of it is of brightness 16 + 2 (N mod 100), with key frames 90 apart and three B
// pictures between two others, as proxies have them.
#define RATE 24
static const char *numbered(void)
{
    return MEDIA_CLIP(.name = "stills.mp4", .seconds = 20, .width = 64, .height = 48, .rate = "24",
                      .picture = "color=c=black", .sound = "",
                      .filter = "format=yuv420p,geq=lum='16+2*mod(N\\,100)':cb=128:cr=128",
                      .options = "-c:v libx264 -qp 8 -g 90 -sc_threshold 0 -bf 3");
}

// The picture of that brightness; from 16..235 to 0..255.
static double number_of(const AVFrame *frame)
{
    return luma_at(frame, 20, 20) / 255.0 * 219 / 2;
}

static void add_times(struct frames *frames, const double *times, size_t count)
{
    for (size_t i = 0; i < count; i++)
        frames_add(frames, times[i], 0);
}

START_TEST(each_is_what_the_proxy_shows_at_its_time)
{
    // Of a source of any rate: in a slot, at its end, two in a row, over key frames, the last.
    static const double times[] = { 0, 0.03, 0.1,  0.5,  3.7,  3.75,        3.8,
                                    9, 9.04, 14.9, 15.3, 19.9, 479.0 / RATE };
    cleanup(frames_release) struct frames frames = FRAMES_INIT;
    cleanup(release) struct album album;
    add_times(&frames, times, ARRAY_LEN(times));
    make(numbered(), RATE, 1 << 20, &frames, &album);
    for (size_t i = 0; i < album.count; i++) {
        double wanted = fmod(ceil(times[i] * RATE - 0.25), 100);
        ck_assert_msg(fabs(number_of(album.stills[i]) - wanted) < 0.7, "at %.3f: %.1f, not %.1f",
                      times[i], number_of(album.stills[i]), wanted);
        ck_assert_double_eq(album.times[i], times[i]);
    }
}
END_TEST

START_TEST(behind_its_end_it_is_the_last_picture)
{
    cleanup(frames_release) struct frames frames = FRAMES_INIT;
    cleanup(release) struct album album;
    add_times(&frames, (const double[]){ 25 }, 1);
    make(numbered(), RATE, 1 << 20, &frames, &album);
    ck_assert_double_eq_tol(number_of(album.stills[0]), 479 % 100, 0.7);
}
END_TEST

// ---- the right size

static const struct {
    const char *name;
    int width, height;
    int64_t max_pixels;
    int out_width, out_height;
} sizes[] = {
    { "as large as may be", 1280, 720, 230400, 640, 360 },
    { "small enough", 320, 240, 230400, 320, 240 },
    { "exactly", 640, 360, 230400, 640, 360 },
    { "upright", 406, 720, 230400, 360, 638 },
    { "very small", 640, 360, 4096, 84, 48 },
    { "a strip", 1280, 16, 4096, 572, 6 },
};

START_TEST(they_are_fitted_into_so_many_pixels)
{
    cleanup(frames_release) struct frames frames = FRAMES_INIT;
    cleanup(release) struct album album;
    cleanup(free_ptr) char *name = xasprintf("still-%dx%d.mp4", sizes[_i].width, sizes[_i].height);
    add_times(&frames, (const double[]){ 0.1 }, 1);
    make(MEDIA_CLIP(.name = name, .seconds = 0.2, .width = sizes[_i].width,
                    .height = sizes[_i].height, .sound = "", .options = "-c:v libx264"),
         30, sizes[_i].max_pixels, &frames, &album);
    ck_assert_msg(frames.width == sizes[_i].out_width && frames.height == sizes[_i].out_height,
                  "%s: %dx%d", sizes[_i].name, frames.width, frames.height);
    ck_assert_int_le((int64_t)frames.width * frames.height, sizes[_i].max_pixels);
    ck_assert_int_eq(album.stills[0]->width, frames.width);
    ck_assert_int_eq(album.stills[0]->height, frames.height);
}
END_TEST

// ---- the right colours

// Pure red of limited range by either matrix becomes the same pure red of full range.
START_TEST(colours_are_those_of_the_screen)
{
    static const char *const matrices[] = { "bt709", "smpte170m" };
    cleanup(frames_release) struct frames frames = FRAMES_INIT;
    cleanup(release) struct album album;
    cleanup(free_ptr) char *name = xasprintf("still-red-%s.mp4", matrices[_i]);
    cleanup(free_ptr) char *filter =
        xasprintf("format=gbrp,scale=out_color_matrix=%s:out_range=tv,format=yuv420p",
                  matrices[_i]);
    cleanup(free_ptr) char *options =
        xasprintf("-c:v libx264 -qp 4 -colorspace %s -color_range tv", matrices[_i]);
    add_times(&frames, (const double[]){ 0.1 }, 1);
    make(MEDIA_CLIP(.name = name, .seconds = 0.2, .width = 64, .height = 48, .sound = "",
                    .picture = "color=c=red", .filter = filter, .options = options),
         30, 1 << 20, &frames, &album);
    const AVFrame *still = album.stills[0];
    ck_assert_int_le(abs(luma_at(still, 20, 20) - 76), 3); // 0.299 of 255
    ck_assert_int_le(abs(still->data[1][10 * still->linesize[1] + 10] - 85), 3);
    ck_assert_int_ge(still->data[2][10 * still->linesize[2] + 10], 252);
}
END_TEST

START_TEST(what_is_no_proxy_gives_none)
{
    static const char text[] = "not a video at all, whatever its name";
    cleanup(frames_release) struct frames frames = FRAMES_INIT;
    struct err err = ERR_INIT;
    struct album album = { .count = 0 };
    cleanup(close_fd) int fd = media_open(media_bytes("still-none.mp4", text, sizeof text));
    const struct stills_wish wish = { fd, 24, 1 << 20, keep, &album };
    frames_add(&frames, 0, 0);
    ck_assert_int_lt(stills_make(&wish, &frames, &err), 0);
    ck_assert_uint_eq(album.count, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stills");
    TCase *tcase = tcase_create("stills");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, each_is_what_the_proxy_shows_at_its_time);
    tcase_add_test(tcase, behind_its_end_it_is_the_last_picture);
    tcase_add_loop_test(tcase, they_are_fitted_into_so_many_pixels, 0, (int)ARRAY_LEN(sizes));
    tcase_add_loop_test(tcase, colours_are_those_of_the_screen, 0, 2);
    tcase_add_test(tcase, what_is_no_proxy_gives_none);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
