// The layout of a reel: what it copies from and why not, where its strips lie, and what becomes of
// it where something is shorter than planned.
#include "media/cuts.h"

#include "tests/support/cutting.h"
#include "tests/support/media.h"

#include <check.h>
#include <libavutil/log.h>
#include <math.h>
#include <stdio.h>

enum {
    SMALL,
    LARGE,
    DEEP,
    OTHER,
    LONG_GROUPS,
    OLD,
    BASE,
    SIDE_BY_SIDE,
    LARGE_709,
    FAST,
    FAST_709,
    OLD_LARGE,
    WEB,
    TALL,
    TALL_709,
    CLIPS
};

static const struct media_clip clips[CLIPS] = {
    [SMALL] = { .name = "small.mp4",
                .seconds = 4,
                .width = 160,
                .height = 120,
                .rate = "25",
                .options = "-c:v libx264 -preset ultrafast -g 25" },
    [LARGE] = { .name = "large.mp4",
                .seconds = 4,
                .width = 176,
                .height = 144,
                .rate = "25",
                .options = "-c:v libx264 -preset ultrafast -g 25" },
    [DEEP] = { .name = "deep.mp4",
               .seconds = 4,
               .width = 160,
               .height = 120,
               .rate = "25",
               .options = "-c:v libx264 -preset ultrafast -g 25 -pix_fmt yuv420p10le" },
    [OTHER] = { .name = "other.mp4",
                .seconds = 4,
                .width = 160,
                .height = 120,
                .rate = "25",
                .picture = "testsrc",
                .options =
                    "-c:v libx264 -preset veryfast -g 25 -keyint_min 25 -bf 2 -pix_fmt yuv420p" },
    [LONG_GROUPS] = { .name = "long.mp4",
                      .seconds = 4,
                      .width = 160,
                      .height = 120,
                      .rate = "25",
                      .options = "-c:v libx264 -preset ultrafast -g 1000" },
    [OLD] = { .name = "old.mp4",
              .seconds = 4,
              .width = 160,
              .height = 120,
              .rate = "25",
              .options = "-c:v mpeg4 -g 25" },
    [BASE] = { .name = "base.mp4",
               .seconds = 4,
               .width = 160,
               .height = 120,
               .rate = "25",
               .options = "-c:v libx264 -profile:v baseline -g 25" },
    [SIDE_BY_SIDE] = { .name = "anamorphic.mp4",
                       .seconds = 4,
                       .width = 160,
                       .height = 120,
                       .rate = "25",
                       .filter = "setsar=4/3",
                       .options = "-c:v libx264 -preset ultrafast -g 25" },
#define OF_709 "-c:v libx264 -preset ultrafast -g 25 -colorspace bt709"
    [LARGE_709] = { .name = "large-709.mp4",
                    .seconds = 4,
                    .width = 176,
                    .height = 144,
                    .rate = "25",
                    .options = OF_709 },
    [FAST] = { .name = "fast.mp4",
               .seconds = 4,
               .width = 160,
               .height = 120,
               .rate = "50",
               .options = "-c:v libx264 -preset ultrafast -g 50" },
    [FAST_709] = { .name = "fast-709.mp4",
                   .seconds = 4,
                   .width = 160,
                   .height = 120,
                   .rate = "50",
                   .options = OF_709 },
    [OLD_LARGE] = { .name = "old-large.mp4",
                    .seconds = 4,
                    .width = 176,
                    .height = 144,
                    .rate = "25",
                    .options = "-c:v mpeg4 -g 25" },
    [WEB] = { .name = "web.webm",
              .seconds = 4,
              .width = 160,
              .height = 120,
              .rate = "25",
              .options = "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 25 -c:a libopus" },
    [TALL] = { .name = "tall.mp4",
               .seconds = 4,
               .width = 120,
               .height = 160,
               .rate = "25",
               .options = "-c:v libx264 -preset ultrafast -g 25" },
    [TALL_709] = { .name = "tall-709.mp4",
                   .seconds = 4,
                   .width = 120,
                   .height = 160,
                   .rate = "25",
                   .options = OF_709 },
};

static const struct layout {
    const char *sentence;
    int clips[3]; // of the sources, one more than the number; 0: no more
    double segments[4][3];
    int width, height;
    double fps;
    bool may_not_copy;
    const char *strips, *why;
    int reel_width, reel_height;
} layouts[] = {
    { .sentence = "one source",
      .clips = { SMALL + 1 },
      .segments = { { 0, 0.4, 2 } },
      .strips = "e0+15 c15+25",
      .why = "",
      .reel_width = 160,
      .reel_height = 120 },
    { .sentence = "one source that may not be copied",
      .clips = { SMALL + 1 },
      .segments = { { 0, 0.4, 2 } },
      .may_not_copy = true,
      .strips = "e0+40",
      .why = "",
      .reel_width = 160,
      .reel_height = 120 },
    { .sentence = "two encoders of one format are both copied",
      .clips = { SMALL + 1, OTHER + 1 },
      .segments = { { 0, 1, 2 }, { 1, 1, 2 } },
      .strips = "c0+25 c25+25",
      .why = "",
      .reel_width = 160,
      .reel_height = 120 },
    { .sentence = "the format of more seconds is the reel's",
      .clips = { SMALL + 1, LARGE + 1 },
      .segments = { { 0, 1, 2 }, { 1, 1, 3 } },
      .strips = "e0+25 c25+50",
      .why = "",
      .reel_width = 176,
      .reel_height = 144 },
    { .sentence = "of equals the first is",
      .clips = { SMALL + 1, LARGE + 1 },
      .segments = { { 1, 1, 2 }, { 0, 1, 2 } },
      .strips = "e0+25 c25+25",
      .why = "",
      .reel_width = 160,
      .reel_height = 120 },
    { .sentence = "several sources of a format count together",
      .clips = { LARGE + 1, SMALL + 1, OTHER + 1 },
      .segments = { { 0, 1, 2.6 }, { 1, 1, 2 }, { 2, 1, 2 } },
      .strips = "e0+40 c40+25 c65+25",
      .why = "",
      .reel_width = 160,
      .reel_height = 120 },
    { .sentence = "sources of ten bits alone are copied",
      .clips = { DEEP + 1 },
      .segments = { { 0, 1, 2 } },
      .strips = "c0+25",
      .why = "",
      .reel_width = 160,
      .reel_height = 120 },
    { .sentence = "others cannot be brought to ten bits",
      .clips = { DEEP + 1, SMALL + 1 },
      .segments = { { 0, 1, 3 }, { 1, 1, 2 } },
      .strips = "e0+50 e50+25",
      .why = "the sources differ in format and the main one cannot be matched",
      .reel_width = 160,
      .reel_height = 120 },
    { .sentence = "ten bits can be brought to what others have",
      .clips = { DEEP + 1, SMALL + 1 },
      .segments = { { 0, 1, 2 }, { 1, 1, 3 } },
      .strips = "e0+25 c25+50",
      .why = "",
      .reel_width = 160,
      .reel_height = 120 },
    { .sentence = "nor can others be brought to samples that are not square",
      .clips = { SIDE_BY_SIDE + 1, SMALL + 1 },
      .segments = { { 0, 1, 3 }, { 1, 1, 2 } },
      .strips = "e0+50 e50+25",
      .why = "the sources differ in format and the main one cannot be matched",
      .reel_width = 214,
      .reel_height = 120 },
    { .sentence = "what cannot be copied is not asked for its format",
      .clips = { OLD_LARGE + 1, SMALL + 1 },
      .segments = { { 0, 1, 2 }, { 1, 1, 3 } },
      .strips = "e0+25 c25+50",
      .why = "",
      .reel_width = 160,
      .reel_height = 120 },
    { .sentence = "the smaller part of the reel is not copied beside one that cannot be",
      .clips = { OLD + 1, SMALL + 1 },
      .segments = { { 0, 0, 4 }, { 1, 1, 2 } },
      .strips = "e0+100 e100+25",
      .why = "only H.264, HEVC, VP9 and AV1 are copied",
      .reel_width = 160,
      .reel_height = 120 },
    { .sentence = "though it be larger",
      .clips = { OLD + 1, LARGE + 1 },
      .segments = { { 0, 0, 4 }, { 1, 1, 2 } },
      .strips = "e0+100 e100+25",
      .why = "only H.264, HEVC, VP9 and AV1 are copied",
      .reel_width = 160,
      .reel_height = 120 },
    { .sentence = "what cannot be copied counts together",
      .clips = { OLD + 1, SMALL + 1, WEB + 1 },
      .segments = { { 0, 1, 2.6 }, { 1, 1, 2.8 }, { 2, 1, 2.2 } },
      .strips = "e0+40 e40+45 e85+30",
      .why = "only H.264, HEVC, VP9 and AV1 are copied",
      .reel_width = 160,
      .reel_height = 120 },
    { .sentence = "nor beside pictures of the web",
      .clips = { WEB + 1, LARGE + 1 },
      .segments = { { 0, 1, 3 }, { 1, 1, 2 } },
      .strips = "e0+50 e50+25",
      .why = "the sources differ in format and the main one cannot be matched",
      .reel_width = 160,
      .reel_height = 120 },
    { .sentence = "a few seconds of them are made to match",
      .clips = { WEB + 1, LARGE + 1 },
      .segments = { { 0, 1, 2 }, { 1, 1, 3 } },
      .strips = "e0+25 c25+50",
      .why = "",
      .reel_width = 176,
      .reel_height = 144 },
    { .sentence = "the format of the most seconds does not make most of the reel smaller",
      .clips = { SMALL + 1, LARGE + 1, LARGE_709 + 1 },
      .segments = { { 0, 1, 3 }, { 1, 1, 2.2 }, { 2, 1, 2.2 } },
      .strips = "e0+50 c50+30 e80+30",
      .why = "",
      .reel_width = 176,
      .reel_height = 144 },
    { .sentence = "nor slower",
      .clips = { SMALL + 1, FAST + 1, FAST_709 + 1 },
      .segments = { { 0, 1, 3 }, { 1, 1, 2.2 }, { 2, 1, 2.2 } },
      .strips = "e0+100 c100+60 e160+60",
      .why = "",
      .reel_width = 160,
      .reel_height = 120 },
    { .sentence = "nor narrower",
      .clips = { SMALL + 1, TALL + 1, TALL_709 + 1 },
      .segments = { { 0, 1, 3 }, { 1, 1, 2.2 }, { 2, 1, 2.2 } },
      .strips = "e0+50 c50+30 e80+30",
      .why = "",
      .reel_width = 120,
      .reel_height = 160 },
    { .sentence = "and where none is left it is said of that one",
      .clips = { SMALL + 1, OLD_LARGE + 1, LARGE + 1 },
      .segments = { { 0, 1, 3 }, { 1, 1, 2.4 }, { 2, 1, 2 } },
      .strips = "e0+50 e50+35 e85+25",
      .why = "what could be copied is smaller or slower than most of the reel",
      .reel_width = 176,
      .reel_height = 144 },
    { .sentence = "another codec",
      .clips = { OLD + 1 },
      .segments = { { 0, 1, 2 } },
      .strips = "e0+25",
      .why = "only H.264, HEVC, VP9 and AV1 are copied",
      .reel_width = 160,
      .reel_height = 120 },
    { .sentence = "another size wished",
      .clips = { SMALL + 1 },
      .segments = { { 0, 1, 2 } },
      .width = 320,
      .height = 240,
      .strips = "e0+25",
      .why = "another size was asked for",
      .reel_width = 320,
      .reel_height = 240 },
    { .sentence = "the size of the material wished",
      .clips = { SMALL + 1 },
      .segments = { { 0, 1, 2 } },
      .width = 160,
      .height = 120,
      .strips = "c0+25",
      .why = "",
      .reel_width = 160,
      .reel_height = 120 },
    { .sentence = "another rate wished",
      .clips = { SMALL + 1 },
      .segments = { { 0, 1, 2 } },
      .fps = 50,
      .strips = "e0+50",
      .why = "another frame rate was asked for",
      .reel_width = 160,
      .reel_height = 120 },
    { .sentence = "the rate of the material wished",
      .clips = { SMALL + 1 },
      .segments = { { 0, 1, 2 } },
      .fps = 25,
      .strips = "c0+25",
      .why = "",
      .reel_width = 160,
      .reel_height = 120 },
    { .sentence = "no key frame where one is needed",
      .clips = { LONG_GROUPS + 1 },
      .segments = { { 0, 1, 3 } },
      .strips = "e0+50",
      .why = "no key frame lies where it could be copied from",
      .reel_width = 160,
      .reel_height = 120 },
    { .sentence = "one source has none, the other has",
      .clips = { LONG_GROUPS + 1, SMALL + 1 },
      .segments = { { 0, 1, 3 }, { 1, 1, 2 } },
      .strips = "e0+50 c50+25",
      .why = "",
      .reel_width = 160,
      .reel_height = 120 },
    { .sentence = "less than a tenth copied is not worth it",
      .clips = { LONG_GROUPS + 1, SMALL + 1 },
      .segments = { { 0, 1, 4 }, { 1, 0.96, 1.28 } }, // 75, 1 and 7 frames
      .strips = "e0+75 e75+8",
      .why = "no key frame lies where it could be copied from",
      .reel_width = 160,
      .reel_height = 120 },
    { .sentence = "what keeps most of the reel from being copied is said",
      .clips = { LONG_GROUPS + 1, FAST + 1, LARGE + 1 },
      .segments = { { 0, 1, 3 }, { 1, 1, 2.6 }, { 2, 1, 2.6 } },
      .strips = "e0+50 e50+40 e90+40",
      .why = "the sources differ in format and none makes up enough of the reel",
      .reel_width = 160,
      .reel_height = 120 },
    { .sentence = "segments that are none and one shorter than a frame",
      .clips = { SMALL + 1 },
      .segments = { { 0, 1, 1.01 }, { 2, 1, 2 }, { 0, 1, 9 }, { 0, 2, 3 } },
      .strips = "c0+25",
      .why = "",
      .reel_width = 160,
      .reel_height = 120 },
};

static void lay(struct cutting *cutting, const struct layout *layout)
{
    cutting_open(cutting);
    for (int i = 0; i < 3 && layout->clips[i]; i++)
        cutting_use(cutting, i, media_clip(&clips[layout->clips[i] - 1]));
    for (int i = 0; i < 4 && layout->segments[i][2] > 0; i++)
        cutting_cut(cutting, (int)layout->segments[i][0], layout->segments[i][1],
                    layout->segments[i][2]);
    cutting->order.width = layout->width;
    cutting->order.height = layout->height;
    cutting->order.fps = layout->fps;
    cutting_lay(cutting, !layout->may_not_copy);
}

START_TEST(a_plan_is_laid_out)
{
    const struct layout *layout = &layouts[_i];
    struct cutting cutting;
    lay(&cutting, layout);
    const struct cuts *cuts = &cutting.cuts;
    ck_assert_msg(strcmp(cutting_strips(&cutting), layout->strips) == 0, "%s: %s", layout->sentence,
                  cutting_strips(&cutting));
    ck_assert_msg(strcmp(cutting.why, layout->why) == 0, "%s: %s", layout->sentence, cutting.why);
    ck_assert_msg(cuts->look.picture.width == layout->reel_width &&
                      cuts->look.picture.height == layout->reel_height,
                  "%s: %dx%d", layout->sentence, cuts->look.picture.width,
                  cuts->look.picture.height);
    int64_t copied = 0, all = 0;
    for (size_t i = 0; i < cuts->strip_count; i++) {
        all += cuts->strips[i].run.count;
        copied += cuts->strips[i].run.is_copied ? cuts->strips[i].run.count : 0;
    }
    ck_assert_int_eq(cuts->copied, copied);
    ck_assert_int_eq(cuts_frames(cuts), all);
    ck_assert_int_eq(cuts->copies, copied > 0);
    if (cuts->copies) {
        ck_assert_int_eq(cuts->format.width, layout->reel_width);
        ck_assert_int_eq(cuts->format.height, layout->reel_height);
    }
    // The strips of a cut are all its frames, in order.
    size_t strip = 0;
    for (size_t i = 0; i < cuts->cut_count; i++) {
        int64_t at = 0;
        for (; strip < cuts->strip_count && cuts->strips[strip].cut == i; strip++) {
            ck_assert_int_eq(cuts->strips[strip].run.first, at);
            at += cuts->strips[strip].run.count;
        }
        ck_assert_int_eq(at, cuts->cuts[i].place.frames);
    }
    ck_assert_uint_eq(strip, cuts->strip_count);
    cutting_close(&cutting);
}
END_TEST

START_TEST(a_rate_that_varies_is_named_as_the_obstacle)
{
    struct cutting cutting;
    cutting_open(&cutting);
    cutting_use(&cutting, 0, media_clip(&clips[LONG_GROUPS]));
    cutting.probes[0].variable_rate = true;
    cutting_cut(&cutting, 0, 1, 3);
    cutting_lay(&cutting, true);
    ck_assert(!cutting.cuts.copies);
    ck_assert_str_eq(cutting.why, "the frame rate of its source varies");
    cutting_close(&cutting);
}
END_TEST

START_TEST(the_encoder_need_not_be_less_than_the_best_of_the_sources)
{
    for (int swap = 0; swap < 2; swap++) {
        struct cutting cutting;
        cutting_open(&cutting);
        cutting_use(&cutting, swap, media_clip(&clips[OTHER]));
        cutting_use(&cutting, 1 - swap, media_clip(&clips[BASE]));
        cutting_cut(&cutting, 0, 1, 2);
        cutting_cut(&cutting, 1, 1, 2);
        cutting_lay(&cutting, true);
        ck_assert(cutting.cuts.copies);
        ck_assert_int_eq(cutting.cuts.format.profile, FF_PROFILE_H264_HIGH);
        // But a decoder that has begun without reordering need not be ready for it.
        ck_assert(!cutting.cuts.format.reorders);
        cutting_close(&cutting);
    }
}
END_TEST

START_TEST(only_sources_of_the_reels_format_keep_it)
{
    struct cutting cutting;
    cutting_open(&cutting);
    cutting_use(&cutting, 0, media_clip(&clips[SMALL]));
    cutting_use(&cutting, 1, media_clip(&clips[LARGE]));
    cutting_cut(&cutting, 0, 1, 3);
    cutting_cut(&cutting, 1, 1, 2);
    cutting_lay(&cutting, true);
    ck_assert(cuts_keep_format(&cutting.cuts, 0));
    ck_assert(!cuts_keep_format(&cutting.cuts, 1));
    cuts_release(&cutting.cuts);
    struct err err = ERR_INIT;
    ck_assert_int_eq(cuts_lay(&cutting.footage, false, &cutting.cuts, cutting.why, &err), 0);
    ck_assert(!cuts_keep_format(&cutting.cuts, 0)); // where nothing is copied nobody does
    cutting_close(&cutting);
}
END_TEST

static const struct {
    double seconds;
    const char *strips;
} lengths[] = {
    { 4, "e0+100" },
    { 15.96, "e0+399" },
    { 16, "e0+200 e200+200" },
    { 23, "e0+200 e200+375" },
    { 24, "e0+200 e200+200 e400+200" },
};

START_TEST(long_encoded_stretches_are_split)
{
    struct cutting cutting;
    cutting_open(&cutting);
    cutting_use(&cutting, 0,
                MEDIA_CLIP(.name = "half-minute.mp4", .seconds = 25, .width = 64, .height = 48,
                           .rate = "25", .sound = "", .picture = "color=black",
                           .options = "-c:v libx264 -preset ultrafast -g 1000 -sc_threshold 0"));
    cutting_cut(&cutting, 0, 0.04, 0.04 + lengths[_i].seconds);
    cutting_lay(&cutting, true);
    ck_assert_str_eq(cutting_strips(&cutting), lengths[_i].strips);
    cutting_close(&cutting);
}
END_TEST

START_TEST(where_pictures_are_copied_frames_have_their_times)
{
    struct cutting cutting;
    cutting_open(&cutting);
    cutting_use(&cutting, 0, media_clip(&clips[SMALL]));
    cutting_cut(&cutting, 0, 0.39, 2.01); // between pictures
    cutting_cut(&cutting, 0, 2.213, 3.4);
    cutting_lay(&cutting, true);
    const struct cuts *cuts = &cutting.cuts;
    for (size_t i = 0; i < cuts->cut_count; i++) {
        const struct cut *cut = &cuts->cuts[i];
        double first = ceil(cut->segment->start * 25 - 0.45) / 25;
        ck_assert_double_eq_tol(cuts_instant(cuts, cut, 0), first, 1e-6);
        ck_assert_double_eq_tol(cuts_instant(cuts, cut, 10), first + 0.4, 1e-6);
        ck_assert_double_eq_tol(cuts_begin(cuts, cut, 10), first + 0.4, 1e-6);
    }
    cutting_close(&cutting);
}
END_TEST

START_TEST(where_all_is_encoded_a_decoder_never_begins_before_the_segment)
{
    struct cutting cutting;
    cutting_open(&cutting);
    cutting_use(&cutting, 0, media_clip(&clips[SMALL]));
    cutting_cut(&cutting, 0, 1.007, 2.02);
    cutting_cut(&cutting, 0, 2.213, 3.4);
    cutting_cut(&cutting, 0, 0.5, 0.9);
    cutting_lay(&cutting, false);
    const struct cuts *cuts = &cutting.cuts;
    for (size_t i = 0; i < cuts->cut_count; i++) {
        const struct cut *cut = &cuts->cuts[i];
        ck_assert_double_le(fabs(cuts_instant(cuts, cut, 0) - cut->segment->start), 0.0201);
        ck_assert_double_ge(cuts_begin(cuts, cut, 0), cut->segment->start - 1e-9);
        ck_assert_double_eq_tol(cuts_begin(cuts, cut, 5) - cuts_begin(cuts, cut, 0), 0.2, 1e-9);
    }
    cutting_close(&cutting);
}
END_TEST

// ---- closing up

static const struct closing {
    const char *sentence;
    bool copy;
    int64_t lost[8]; // frames of each strip that did not come
    bool moves;
    const char *strips; // empty ones, too
} closings[] = {
    { "all came", false, { 0 }, false, "e0+40 e40+25 e65+30" },
    { "the first is short", false, { 15 }, true, "e0+25 e25+25 e50+30" },
    { "the second is gone", false, { 0, 25 }, true, "e0+40 e40+0 e40+30" },
    { "the last is short", false, { 0, 0, 29 }, true, "e0+40 e40+25 e65+1" },
    { "all are", false, { 1, 2, 3 }, true, "e0+39 e39+23 e62+27" },
    { "nothing is left", false, { 40, 25, 30 }, true, "e0+0 e0+0 e0+0" },
    { "what is copied came", true, { 0 }, false, "e0+15 c15+25 c40+25 e65+20 c85+10" },
    { "behind a short head a cut is over", true, { 3 }, true, "e0+12 c15+0 c12+25 e37+20 c57+10" },
    { "so is it behind a head that is gone",
      true,
      { 0, 0, 0, 20 },
      true,
      "e0+15 c15+25 c40+25 e65+0 c85+0" },
};

START_TEST(what_is_short_lets_the_rest_move_up_with_its_sound)
{
    const struct closing *closing = &closings[_i];
    struct cutting cutting;
    cutting_open(&cutting);
    cutting_use(&cutting, 0, media_clip(&clips[SMALL]));
    cutting_cut(&cutting, 0, 0.4, 2);
    cutting_cut(&cutting, 0, 1, 2);
    cutting_cut(&cutting, 0, 2.2, 3.4);
    cutting_lay(&cutting, closing->copy);
    struct cuts *cuts = &cutting.cuts;
    double instants[3];
    for (size_t i = 0; i < 3; i++)
        instants[i] = cuts_instant(cuts, &cuts->cuts[i], 0);
    for (size_t i = 0; i < cuts->strip_count; i++)
        if (!cuts->strips[i].run.is_copied)
            cuts->strips[i].parcel.count = (size_t)(cuts->strips[i].run.count - closing->lost[i]);
    ck_assert_msg(cuts_close_up(cuts) == closing->moves, "%s", closing->sentence);
    // Where each strip begins follows from the place of its cut.
    ck_assert_msg(strlen(closing->strips) > 0, "%s", closing->sentence);
    int64_t frames = 0, copied = 0;
    size_t strip = 0;
    for (size_t i = 0; i < 3; i++) {
        const struct timeline_segment *place = &cuts->cuts[i].place;
        ck_assert_int_eq(place->first_frame, frames);
        ck_assert_int_eq(place->first_sample, frames * 1920);
        ck_assert_int_eq(place->samples, place->frames * 1920);
        int64_t of_cut = 0;
        for (; strip < cuts->strip_count && cuts->strips[strip].cut == i; strip++) {
            of_cut += cuts->strips[strip].run.count;
            copied += cuts->strips[strip].run.is_copied ? cuts->strips[strip].run.count : 0;
        }
        ck_assert_int_eq(of_cut, place->frames);
        frames += place->frames;
        // Neither pictures nor sound show another moment of the source than they did.
        ck_assert_double_eq_tol(cuts_instant(cuts, &cuts->cuts[i], 0), instants[i], 2e-6);
        ck_assert_double_eq_tol(timeline_sound_origin(place),
                                timeline_instant(&cuts->timeline, place, 0), 2e-6);
    }
    ck_assert_int_eq(cuts_frames(cuts), frames);
    ck_assert_int_eq(cuts->copied, copied);
    ck_assert_msg(strcmp(cutting_strips(&cutting), closing->strips) == 0, "%s: %s",
                  closing->sentence, cutting_strips(&cutting));
    ck_assert(!cuts_close_up(cuts) ||
              closing->lost[0] + closing->lost[1] + closing->lost[2] + closing->lost[3] > 0);
    for (size_t i = 0; i < cuts->strip_count; i++)
        cuts->strips[i].parcel.count = 0;
    cutting_close(&cutting);
}
END_TEST

int main(void)
{
    av_log_set_level(AV_LOG_QUIET);
    Suite *suite = suite_create("cuts");
    TCase *cuts = tcase_create("cuts");
    tcase_set_timeout(cuts, 60);
    tcase_add_loop_test(cuts, a_plan_is_laid_out, 0, ARRAY_LEN(layouts));
    tcase_add_test(cuts, a_rate_that_varies_is_named_as_the_obstacle);
    tcase_add_test(cuts, the_encoder_need_not_be_less_than_the_best_of_the_sources);
    tcase_add_test(cuts, only_sources_of_the_reels_format_keep_it);
    tcase_add_loop_test(cuts, long_encoded_stretches_are_split, 0, ARRAY_LEN(lengths));
    tcase_add_test(cuts, where_pictures_are_copied_frames_have_their_times);
    tcase_add_test(cuts, where_all_is_encoded_a_decoder_never_begins_before_the_segment);
    tcase_add_loop_test(cuts, what_is_short_lets_the_rest_move_up_with_its_sound, 0,
                        ARRAY_LEN(closings));
    suite_add_tcase(suite, cuts);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
