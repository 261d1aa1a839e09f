// Times of frames out of what files say.
#include "base/base.h"
#include "media/clock.h"
#include <check.h>

#define NONE AV_NOPTS_VALUE

static const struct story {
    const char *name;
    int64_t said[8], expected[8]; // in ticks of 1/1000 s; a frame lasts 40; ends with 0 after the
                                  // first
    double start;
} stories[] = {
    { "even", { 0, 40, 80, 120 }, { 0, 40, 80, 120 }, 0 },
    { "a late start", { 10000, 10040, 10080 }, { 0, 40, 80 }, 10 },
    { "sound before the first picture", { 900, 940, 1020 }, { -100, -60, 20 }, 1 },
    { "missing", { 0, NONE, NONE, 120 }, { 0, 40, 80, 120 }, 0 },
    { "none at all", { NONE, NONE, NONE }, { 0, 40, 80 }, 7.5 },
    { "twice the same", { 0, 40, 40, 80 }, { 0, 40, 41, 80 }, 0 },
    { "jitter back", { 0, 40, 35, 80 }, { 0, 40, 41, 80 }, 0 },
    { "a recording that starts over", { 5000, 5040, 5080, 100, 140 }, { 0, 40, 80, 120, 160 }, 5 },
    { "over and over", { 9000, 9040, 10, 50, 9000 }, { 0, 40, 80, 120, 9070 }, 9 },
    { "a pause", { 0, 40, 2000, 2040 }, { 0, 40, 2000, 2040 }, 0 },
};

START_TEST(frames_get_times_that_grow_from_second_0)
{
    const struct story *story = &stories[_i];
    AVFormatContext *format = avformat_alloc_context();
    AVStream *stream = avformat_new_stream(format, NULL);
    AVFrame *frame = av_frame_alloc();
    struct clock clock = CLOCK_INIT;
    stream->time_base = (AVRational){ 1, 1000 };
    for (size_t i = 0; i < ARRAY_LEN(story->said) && (i == 0 || story->said[i] != 0); i++) {
        frame->best_effort_timestamp = story->said[i];
        frame->pkt_duration = 40;
        clock_stamp(&clock, stream, story->start, frame);
        int64_t expected = story->expected[i];
        ck_assert_msg(frame->pts == expected, "%s: frame %zu at %lld, not %lld", story->name, i,
                      (long long)frame->pts, (long long)expected);
        ck_assert_int_eq(frame->time_base.den, 1000);
    }
    av_frame_free(&frame);
    avformat_free_context(format);
}
END_TEST

START_TEST(sound_lasts_as_long_as_its_samples)
{
    AVFormatContext *format = avformat_alloc_context();
    AVStream *stream = avformat_new_stream(format, NULL);
    AVFrame *frame = av_frame_alloc();
    struct clock clock = CLOCK_INIT;
    stream->time_base = (AVRational){ 1, 48000 };
    for (int i = 0; i < 5; i++) {
        frame->best_effort_timestamp = i == 0 ? 480 : NONE;
        frame->nb_samples = 1024;
        frame->sample_rate = 48000;
        clock_stamp(&clock, stream, 0, frame);
        ck_assert_int_eq(frame->pts, 480 + 1024 * i);
    }
    av_frame_free(&frame);
    avformat_free_context(format);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clock");
    TCase *tcase = tcase_create("clock");
    tcase_add_loop_test(tcase, frames_get_times_that_grow_from_second_0, 0,
                        (int)ARRAY_LEN(stories));
    tcase_add_test(tcase, sound_lasts_as_long_as_its_samples);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
