// Conforming pictures: turned, fitted, in the reel's colours.
#include "media/graph.h"

#include <check.h>
#include <libavutil/pixdesc.h>
#include <math.h>

// ---- turning

// A display matrix's numbers that matter: x' = a x + c y, y' = b x + d y.  corners: where the
// brightness of the coded picture's top left, top right, bottom left and bottom right (0 1 2 3)
// lands.
static const struct {
    const char *name;
    int a, b, c, d;
    const char *corners; // top left, top right, bottom left, bottom right as displayed
} turns[] = {
    { "as it is", 1, 0, 0, 1, "0123" },
    { "90 degrees", 0, 1, -1, 0, "2031" },
    { "180 degrees", -1, 0, 0, -1, "3210" },
    { "270 degrees", 0, -1, 1, 0, "1302" },
    { "left to right", -1, 0, 0, 1, "1032" },
    { "upside down", 1, 0, 0, -1, "2301" },
    { "over the diagonal", 0, 1, 1, 0, "0213" },
    { "over the other diagonal", 0, -1, -1, 0, "3120" },
};

static AVFrame *blank(enum AVPixelFormat format, int width, int height)
{
    AVFrame *frame = av_frame_alloc();
    ck_assert(frame != NULL);
    frame->format = format;
    frame->width = width;
    frame->height = height;
    frame->time_base = (AVRational){ 1, 1000 };
    ck_assert(av_frame_get_buffer(frame, 0) >= 0);
    return frame;
}

// A plain picture; samples of more than 8 bits are two bytes.
static AVFrame *plain(enum AVPixelFormat format, int width, int height, const int *values)
{
    AVFrame *frame = blank(format, width, height);
    const AVPixFmtDescriptor *descriptor = av_pix_fmt_desc_get(format);
    for (int plane = 0; plane < 3; plane++) {
        int lines = plane ? AV_CEIL_RSHIFT(height, descriptor->log2_chroma_h) : height;
        int columns = plane ? AV_CEIL_RSHIFT(width, descriptor->log2_chroma_w) : width;
        for (int y = 0; y < lines; y++) {
            uint8_t *row = frame->data[plane] + (ptrdiff_t)y * frame->linesize[plane];
            for (int x = 0; x < columns; x++)
                if (descriptor->comp[0].depth > 8) {
                    uint16_t value = (uint16_t)values[plane];
                    memcpy(row + 2 * x, &value, sizeof value);
                } else {
                    row[x] = (uint8_t)values[plane];
                }
        }
    }
    return frame;
}

static const int corner_luma[] = { 40, 90, 140, 190 };

static AVFrame *corners(int width, int height)
{
    AVFrame *frame = plain(AV_PIX_FMT_YUV420P, width, height, (const int[]){ 16, 128, 128 });
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            frame->data[0][(ptrdiff_t)y * frame->linesize[0] + x] =
                (uint8_t)corner_luma[(y >= height / 2) * 2 + (x >= width / 2)];
    return frame;
}

static AVFrame *conform(struct graph *graph, const AVFrame *in)
{
    struct err err = ERR_INIT;
    AVFrame *out = av_frame_alloc();
    ck_assert_msg(graph_send(graph, in, &err) >= 0, "%s", err.text);
    ck_assert_msg(graph_receive(graph, out, &err) == 1, "%s", err.text);
    return out;
}

static int luma(const AVFrame *frame, int x, int y)
{
    return frame->data[0][(ptrdiff_t)y * frame->linesize[0] + x];
}

static void assert_corners(const AVFrame *out, const char *expected, const char *name)
{
    for (int corner = 0; corner < 4; corner++) {
        int x = corner & 1 ? out->width - 4 : 3, y = corner & 2 ? out->height - 4 : 3;
        int want = corner_luma[expected[corner] - '0'];
        ck_assert_msg(abs(luma(out, x, y) - want) <= 2, "%s: corner %d is %d, not %d", name, corner,
                      luma(out, x, y), want);
    }
}

START_TEST(pictures_are_turned_as_their_matrix_says)
{
    const int32_t one = 1 << 16;
    const int32_t matrix[9] = { turns[_i].a * one,
                                turns[_i].b * one,
                                0,
                                turns[_i].c * one,
                                turns[_i].d * one,
                                0,
                                0,
                                0,
                                1 << 30 };
    bool on_end = turns[_i].a == 0;
    struct graph_look look = { on_end ? 48 : 64, on_end ? 64 : 48, AVCOL_SPC_BT709 };
    struct graph *graph = graph_new_conform(&look, graph_turn_from_matrix(matrix));
    AVFrame *in = corners(64, 48), *out = conform(graph, in);
    ck_assert_int_eq(out->width, look.width);
    ck_assert_int_eq(out->height, look.height);
    assert_corners(out, turns[_i].corners, turns[_i].name);
    av_frame_free(&in);
    av_frame_free(&out);
    graph_free(&graph);
}
END_TEST

START_TEST(degrees_and_matrix_agree)
{
    const int quarter = (int)_i, degrees = 90 * quarter;
    const int32_t one = 1 << 16;
    const int32_t matrix[9] = { turns[quarter].a * one, turns[quarter].b * one, 0,
                                turns[quarter].c * one, turns[quarter].d * one };
    struct graph_turn a = graph_turn_from_degrees(degrees), b = graph_turn_from_matrix(matrix),
                      c = graph_turn_from_degrees(degrees - 720);
    ck_assert(a.transpose == b.transpose && a.mirror_x == b.mirror_x && a.mirror_y == b.mirror_y);
    ck_assert(a.transpose == c.transpose && a.mirror_x == c.mirror_x && a.mirror_y == c.mirror_y);
}
END_TEST

// ---- fitting

static const struct {
    const char *name;
    int width, height;
    double from_width, from_height;
    struct graph_fit fit;
} fits[] = {
    { "the same", 1280, 720, 640, 360, { 1280, 720, 0, 0 } },
    { "4:3 in 16:9", 1280, 720, 640, 480, { 960, 720, 160, 0 } },
    { "upright in 16:9", 1280, 720, 1080, 1920, { 406, 720, 436, 0 } },
    { "16:9 in upright", 720, 1280, 1920, 1080, { 720, 406, 0, 436 } },
    { "a hair off is filled", 1280, 720, 854, 480, { 1280, 720, 0, 0 } },
    { "a film", 1920, 1080, 1920, 804, { 1920, 804, 0, 138 } },
    { "one line", 64, 64, 4000, 1, { 64, 2, 0, 30 } },
    { "wide samples", 640, 360, 640.0 * 2, 360, { 640, 180, 0, 90 } },
};

START_TEST(pictures_keep_their_shape)
{
    struct graph_look look = { fits[_i].width, fits[_i].height, AVCOL_SPC_BT709 };
    struct graph_fit fit = graph_fit(&look, fits[_i].from_width, fits[_i].from_height);
    ck_assert_msg(!memcmp(&fit, &fits[_i].fit, sizeof fit), "%s: %dx%d at %d,%d", fits[_i].name,
                  fit.width, fit.height, fit.x, fit.y);
}
END_TEST

START_TEST(bars_are_black_and_the_picture_is_between_them)
{
    struct graph_look look = { 128, 64, AVCOL_SPC_BT709 };
    struct graph *graph = graph_new_conform(&look, (struct graph_turn){ 0 });
    AVFrame *in = plain(AV_PIX_FMT_YUV420P, 96, 96, (const int[]){ 200, 128, 128 });
    AVFrame *out = conform(graph, in);
    ck_assert_int_eq(luma(out, 0, 32), 16);
    ck_assert_int_eq(luma(out, 31, 32), 16);
    ck_assert_int_eq(luma(out, 32, 32), 200);
    ck_assert_int_eq(luma(out, 95, 32), 200);
    ck_assert_int_eq(luma(out, 96, 32), 16);
    ck_assert_int_eq(out->data[1][0], 128);
    av_frame_free(&in);
    av_frame_free(&out);
    graph_free(&graph);
}
END_TEST

START_TEST(an_odd_line_more_is_dropped_without_resampling)
{
    struct graph_look look = { 64, 48, AVCOL_SPC_BT709 };
    struct graph *graph = graph_new_conform(&look, (struct graph_turn){ 0 });
    AVFrame *in = plain(AV_PIX_FMT_YUV420P, 65, 49, (const int[]){ 0, 128, 128 });
    for (int y = 0; y < 49; y++)
        for (int x = 0; x < 65; x++)
            in->data[0][(ptrdiff_t)y * in->linesize[0] + x] = (x + y) & 1 ? 200 : 30;
    AVFrame *out = conform(graph, in);
    for (int y = 0; y < 48; y++)
        for (int x = 0; x < 64; x++)
            ck_assert_int_eq(luma(out, x, y), (x + y) & 1 ? 200 : 30);
    av_frame_free(&in);
    av_frame_free(&out);
    graph_free(&graph);
}
END_TEST

// ---- colours

struct colour {
    const char *name;
    enum AVPixelFormat pixels;
    int in[3];
    enum AVColorSpace matrix;
    enum AVColorRange range;
    enum AVColorTransferCharacteristic transfer;
    enum AVColorPrimaries primaries;
    enum AVColorSpace reel;
    int out[3], tolerance;
};

#define UNSAID AVCOL_TRC_UNSPECIFIED, AVCOL_PRI_UNSPECIFIED
#define TV AVCOL_RANGE_MPEG
#define FULL AVCOL_RANGE_JPEG
// Red of 75 % by the equations of ITU-R BT.601, BT.709 and BT.2020.
static const struct colour colours[] = {
    { "as it is",
      AV_PIX_FMT_YUV420P,
      { 100, 90, 170 },
      AVCOL_SPC_BT709,
      TV,
      UNSAID,
      AVCOL_SPC_BT709,
      { 100, 90, 170 },
      0 },
    { "red of BT.601",
      AV_PIX_FMT_YUV420P,
      { 65, 100, 212 },
      AVCOL_SPC_SMPTE170M,
      TV,
      UNSAID,
      AVCOL_SPC_BT709,
      { 51, 109, 212 },
      2 },
    { "red of BT.601, PAL",
      AV_PIX_FMT_YUV420P,
      { 65, 100, 212 },
      AVCOL_SPC_BT470BG,
      TV,
      UNSAID,
      AVCOL_SPC_BT709,
      { 51, 109, 212 },
      2 },
    { "red of BT.709 in a small reel",
      AV_PIX_FMT_YUV420P,
      { 51, 109, 212 },
      AVCOL_SPC_BT709,
      TV,
      UNSAID,
      AVCOL_SPC_SMPTE170M,
      { 65, 100, 212 },
      2 },
    { "nothing said",
      AV_PIX_FMT_YUV420P,
      { 65, 100, 212 },
      AVCOL_SPC_UNSPECIFIED,
      TV,
      UNSAID,
      AVCOL_SPC_BT709,
      { 65, 100, 212 },
      0 },
    { "full range white",
      AV_PIX_FMT_YUV420P,
      { 255, 128, 128 },
      AVCOL_SPC_BT709,
      FULL,
      UNSAID,
      AVCOL_SPC_BT709,
      { 235, 128, 128 },
      1 },
    { "full range white, by format",
      AV_PIX_FMT_YUVJ420P,
      { 255, 128, 128 },
      AVCOL_SPC_BT709,
      AVCOL_RANGE_UNSPECIFIED,
      UNSAID,
      AVCOL_SPC_BT709,
      { 235, 128, 128 },
      1 },
    { "full range and BT.601",
      AV_PIX_FMT_YUVJ422P,
      { 57, 96, 224 },
      AVCOL_SPC_SMPTE170M,
      AVCOL_RANGE_UNSPECIFIED,
      UNSAID,
      AVCOL_SPC_BT709,
      { 51, 109, 212 },
      2 },
    { "10 bits",
      AV_PIX_FMT_YUV420P10LE,
      { 400, 360, 680 },
      AVCOL_SPC_BT709,
      TV,
      UNSAID,
      AVCOL_SPC_BT709,
      { 100, 90, 170 },
      1 },
    { "4:2:2 of 10 bits",
      AV_PIX_FMT_YUV422P10LE,
      { 400, 360, 680 },
      AVCOL_SPC_BT709,
      TV,
      UNSAID,
      AVCOL_SPC_BT709,
      { 100, 90, 170 },
      1 },
    { "4:4:4",
      AV_PIX_FMT_YUV444P,
      { 100, 90, 170 },
      AVCOL_SPC_BT709,
      TV,
      UNSAID,
      AVCOL_SPC_BT709,
      { 100, 90, 170 },
      1 },
    { "grey of BT.2020",
      AV_PIX_FMT_YUV420P10LE,
      { 504, 512, 512 },
      AVCOL_SPC_BT2020_NCL,
      TV,
      AVCOL_TRC_BT2020_10,
      AVCOL_PRI_BT2020,
      AVCOL_SPC_BT709,
      { 126, 128, 128 },
      1 },
    // Diffuse white (203 nits) is at 58 % of PQ and 75 % of HLG; it becomes light grey, for there
    // is more above it.  Black stays black.
    { "white in PQ",
      AV_PIX_FMT_YUV420P10LE,
      { 573, 512, 512 },
      AVCOL_SPC_BT2020_NCL,
      TV,
      AVCOL_TRC_SMPTE2084,
      AVCOL_PRI_BT2020,
      AVCOL_SPC_BT709,
      { 196, 128, 128 },
      20 },
    { "white in HLG",
      AV_PIX_FMT_YUV420P10LE,
      { 721, 512, 512 },
      AVCOL_SPC_BT2020_NCL,
      TV,
      AVCOL_TRC_ARIB_STD_B67,
      AVCOL_PRI_BT2020,
      AVCOL_SPC_BT709,
      { 196, 128, 128 },
      20 },
    { "the brightest in PQ",
      AV_PIX_FMT_YUV420P10LE,
      { 723, 512, 512 },
      AVCOL_SPC_BT2020_NCL,
      TV,
      AVCOL_TRC_SMPTE2084,
      AVCOL_PRI_BT2020,
      AVCOL_SPC_BT709,
      { 235, 128, 128 },
      3 },
    { "the brightest in HLG",
      AV_PIX_FMT_YUV420P10LE,
      { 940, 512, 512 },
      AVCOL_SPC_BT2020_NCL,
      TV,
      AVCOL_TRC_ARIB_STD_B67,
      AVCOL_PRI_BT2020,
      AVCOL_SPC_BT709,
      { 235, 128, 128 },
      3 },
    { "black in HLG",
      AV_PIX_FMT_YUV420P10LE,
      { 64, 512, 512 },
      AVCOL_SPC_BT2020_NCL,
      TV,
      AVCOL_TRC_ARIB_STD_B67,
      AVCOL_PRI_BT2020,
      AVCOL_SPC_BT709,
      { 16, 128, 128 },
      1 },
    { "PQ that says no more",
      AV_PIX_FMT_YUV420P10LE,
      { 64, 512, 512 },
      AVCOL_SPC_UNSPECIFIED,
      AVCOL_RANGE_UNSPECIFIED,
      AVCOL_TRC_SMPTE2084,
      AVCOL_PRI_UNSPECIFIED,
      AVCOL_SPC_BT709,
      { 16, 128, 128 },
      1 },
};

START_TEST(colours_come_out_in_the_reels_matrix_and_range)
{
    const struct colour *colour = &colours[_i];
    // Even and odd: the scaler of colours cannot take odd 4:2:0.
    for (int odd = 0; odd < 2; odd++) {
        struct graph_look look = { 64, 48, colour->reel };
        struct graph *graph = graph_new_conform(&look, (struct graph_turn){ 0 });
        AVFrame *in = plain(colour->pixels, 64 + odd, 48 + odd, colour->in);
        in->colorspace = colour->matrix;
        in->color_range = colour->range;
        in->color_trc = colour->transfer;
        in->color_primaries = colour->primaries;
        AVFrame *out = conform(graph, in);
        ck_assert_int_eq(out->format, AV_PIX_FMT_YUV420P);
        ck_assert_int_eq(out->colorspace, colour->reel);
        ck_assert_int_eq(out->color_range, AVCOL_RANGE_MPEG);
        int got[] = { luma(out, 30, 20), out->data[1][10 * out->linesize[1] + 15],
                      out->data[2][10 * out->linesize[2] + 15] };
        for (int i = 0; i < 3; i++)
            ck_assert_msg(abs(got[i] - colour->out[i]) <= colour->tolerance, "%s: %d %d %d",
                          colour->name, got[0], got[1], got[2]);
        av_frame_free(&in);
        av_frame_free(&out);
        graph_free(&graph);
    }
}
END_TEST

START_TEST(rgb_becomes_the_reels_matrix)
{
    struct graph_look look = { 64, 48, AVCOL_SPC_BT709 };
    struct graph *graph = graph_new_conform(&look, (struct graph_turn){ 0 });
    AVFrame *in = plain(AV_PIX_FMT_GBRP, 64, 48, (const int[]){ 0, 0, 191 });
    AVFrame *out = conform(graph, in);
    ck_assert_int_le(abs(luma(out, 30, 20) - 51), 2);
    ck_assert_int_le(abs(out->data[2][0] - 212), 2);
    av_frame_free(&in);
    av_frame_free(&out);
    graph_free(&graph);
}
END_TEST

// ---- streams

START_TEST(a_change_of_format_in_midstream_is_followed)
{
    struct graph_look look = { 64, 48, AVCOL_SPC_BT709 };
    struct graph *graph = graph_new_conform(&look, (struct graph_turn){ 0 });
    static const int sizes[][2] = { { 64, 48 }, { 320, 240 }, { 48, 64 }, { 64, 48 } };
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        AVFrame *in = plain(i == 1 ? AV_PIX_FMT_YUV444P : AV_PIX_FMT_YUV420P, sizes[i][0],
                            sizes[i][1], (const int[]){ 100, 128, 128 });
        in->pts = 40 * (int64_t)i;
        AVFrame *out = conform(graph, in);
        ck_assert_int_eq(out->width, 64);
        ck_assert_int_eq(luma(out, 32, 24), 100);
        ck_assert_int_eq(luma(out, 2, 24), i == 2 ? 16 : 100);
        ck_assert_int_eq(av_rescale_q(out->pts, out->time_base, in->time_base), in->pts);
        av_frame_free(&in);
        av_frame_free(&out);
    }
    graph_free(&graph);
}
END_TEST

START_TEST(deinterlacing_gives_one_picture_for_each_at_its_time)
{
    struct graph *graph = graph_new_deinterlace(GRAPH_ALL);
    struct err err = ERR_INIT;
    int came = 0;
    for (int i = 0; i <= 5; i++) {
        // It gets brighter with every field.
        AVFrame *in = plain(AV_PIX_FMT_YUV420P, 64, 48, (const int[]){ 20 + 40 * i, 128, 128 });
        in->pts = 40 * i;
        in->interlaced_frame = in->top_field_first = 1;
        for (int y = 1; y < 48; y += 2)
            memset(in->data[0] + (ptrdiff_t)y * in->linesize[0], 40 + 40 * i, 64);
        ck_assert(graph_send(graph, i < 5 ? in : NULL, &err) >= 0);
        AVFrame *out = av_frame_alloc();
        while (graph_receive(graph, out, &err) == 1) {
            ck_assert_int_eq(av_rescale_q(out->pts, out->time_base, in->time_base), 40 * came);
            ck_assert_msg(abs(luma(out, 30, 20) - luma(out, 30, 21)) < 8, "still combed");
            came++;
            av_frame_unref(out);
        }
        av_frame_free(&in);
        av_frame_free(&out);
    }
    ck_assert_int_eq(came, 5);
    graph_free(&graph);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("graph");
    TCase *turning = tcase_create("turning"), *fitting = tcase_create("fitting"),
          *colour = tcase_create("colours"), *streams = tcase_create("streams");
    tcase_add_loop_test(turning, pictures_are_turned_as_their_matrix_says, 0, ARRAY_LEN(turns));
    tcase_add_loop_test(turning, degrees_and_matrix_agree, 0, 4);
    tcase_add_loop_test(fitting, pictures_keep_their_shape, 0, ARRAY_LEN(fits));
    tcase_add_test(fitting, bars_are_black_and_the_picture_is_between_them);
    tcase_add_test(fitting, an_odd_line_more_is_dropped_without_resampling);
    tcase_add_loop_test(colour, colours_come_out_in_the_reels_matrix_and_range, 0,
                        ARRAY_LEN(colours));
    tcase_add_test(colour, rgb_becomes_the_reels_matrix);
    tcase_add_test(streams, a_change_of_format_in_midstream_is_followed);
    tcase_add_test(streams, deinterlacing_gives_one_picture_for_each_at_its_time);
    TCase *cases[] = { turning, fitting, colour, streams };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        suite_add_tcase(suite, cases[i]);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
