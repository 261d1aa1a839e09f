// One unbroken line of sound, whatever times and formats the frames have.
#include "media/soundtrack.h"
#include <check.h>
#include <libavutil/channel_layout.h>
#include <math.h>

enum { RATE = 48000, MAX_LINE = RATE * 12 };

struct heard {
    float *line;
    size_t count;
    int channels;
};

static int take(void *context, const float *frames, size_t count, struct err *err)
{
    struct heard *heard = context;
    (void)err;
    ck_assert_uint_le(heard->count + count, MAX_LINE);
    for (size_t i = 0; i < count; i++)
        heard->line[heard->count++] = frames[i * (size_t)heard->channels];
    return 0;
}

struct piece {
    double seconds, length; // of the frame
    float value;            // of every sample
    int rate, channels;     // 0: as the first
};

static AVFrame *make_frame(const struct piece *piece)
{
    int rate = piece->rate ? piece->rate : RATE, channels = piece->channels ? piece->channels : 2;
    AVFrame *frame = av_frame_alloc();
    frame->format = AV_SAMPLE_FMT_FLTP;
    frame->sample_rate = rate;
    frame->nb_samples = (int)lrint(piece->length * rate);
    av_channel_layout_default(&frame->ch_layout, channels);
    ck_assert_int_ge(av_frame_get_buffer(frame, 0), 0);
    for (int channel = 0; channel < channels; channel++)
        for (int i = 0; i < frame->nb_samples; i++)
            ((float *)(void *)frame->extended_data[channel])[i] = piece->value;
    return frame;
}

static const struct story {
    const char *name;
    double duration;
    struct piece pieces[6];
    struct {
        double at;
        float value;
    } expected[5];
} stories[] = {
    { "one after the other",
      2,
      { { 0, 1, 0.1f }, { 1, 1, 0.2f } },
      { { 0.5, 0.1f }, { 1.5, 0.2f } } },
    { "a late beginning",
      2,
      { { 0.5, 1.5, 0.1f } },
      { { 0.25, 0 }, { 0.52, 0.1f }, { 1.9, 0.1f } } },
    { "sound before the first picture",
      2,
      { { -1.5, 1, 0.4f }, { -0.5, 1, 0.1f }, { 0.5, 1.5, 0.2f } },
      { { 0.02, 0.1f }, { 0.48, 0.1f }, { 0.52, 0.2f } } },
    { "a gap",
      3,
      { { 0, 1, 0.1f }, { 2, 1, 0.2f } },
      { { 0.9, 0.1f }, { 1.5, 0 }, { 2.1, 0.2f } } },
    { "an overlap", 2, { { 0, 1, 0.1f }, { 0.5, 1, 0.2f } }, { { 0.9, 0.1f }, { 1.2, 0.2f } } },
    { "jitter",
      2,
      { { 0, 0.5, 0.1f }, { 0.51, 0.5, 0.1f }, { 0.99, 0.5, 0.1f }, { 1.5, 0.5, 0.1f } },
      { { 0.505, 0.1f }, { 0.995, 0.1f }, { 1.505, 0.1f }, { 1.9, 0.1f } } },
    { "an early end", 3, { { 0, 1, 0.1f } }, { { 0.9, 0.1f }, { 2.5, 0 } } },
    { "more sound than pictures", 1, { { 0, 3, 0.1f }, { 3, 1, 0.2f } }, { { 0.9, 0.1f } } },
    { "a change of rate and channels",
      3,
      { { 0, 1, 0.1f }, { 1, 1, 0.2f, 22050, 2 }, { 2, 1, 0.3f, 48000, 2 } },
      { { 0.9, 0.1f }, { 1.5, 0.2f }, { 2.5, 0.3f } } },
    { "damaged floats", 2, { { 0, 1, INFINITY }, { 1, 1, 0.2f } }, { { 0.5, 0 }, { 1.5, 0.2f } } },
    { "a time from nowhere", 2, { { 1e12, 1, 0.4f }, { 0, 2, 0.1f } }, { { 0.5, 0.1f } } },
};

static struct heard play(const struct story *story, int rate, int channels, struct signals *signals,
                         int *ret_came)
{
    struct heard heard = { xcalloc(MAX_LINE, sizeof(float)), 0, channels };
    const struct soundtrack_wish wish = { story->duration,
                                          { { rate, channels, take, &heard } },
                                          1 };
    struct soundtrack *soundtrack = soundtrack_new(&wish);
    struct err err = ERR_INIT;
    for (size_t i = 0; i < ARRAY_LEN(story->pieces) && story->pieces[i].length > 0; i++) {
        AVFrame *frame = make_frame(&story->pieces[i]);
        ck_assert_msg(soundtrack_add(soundtrack, frame, story->pieces[i].seconds, &err) == 0,
                      "%s: %s", story->name, err.text);
        av_frame_free(&frame);
    }
    signals->duration = story->duration;
    *ret_came = soundtrack_finish(soundtrack, signals, &err);
    soundtrack_free(&soundtrack);
    return heard;
}

START_TEST(the_line_is_whole_and_each_sound_in_its_place)
{
    const struct story *story = &stories[_i];
    struct signals signals = SIGNALS_INIT;
    int came;
    struct heard heard = play(story, RATE, 2, &signals, &came);
    ck_assert_int_eq(came, 1);
    ck_assert_msg(heard.count == (size_t)(story->duration * RATE), "%s: %zu frames", story->name,
                  heard.count);
    for (size_t i = 0; i < ARRAY_LEN(story->expected) && story->expected[i].at > 0; i++) {
        float is = heard.line[(size_t)(story->expected[i].at * RATE)];
        ck_assert_msg(fabsf(is - story->expected[i].value) < 0.01f, "%s: at %.3f s %.3f, not %.3f",
                      story->name, story->expected[i].at, (double)is,
                      (double)story->expected[i].value);
    }
    ck_assert(signals.has_sound);
    ck_assert_uint_eq(signals.sound_count, (size_t)(story->duration * SIGNALS_SOUND_HZ));
    free(heard.line);
    signals_release(&signals);
}
END_TEST

START_TEST(the_proxy_gets_its_own_rate)
{
    static const int rates[] = { 22050, 44100, 8000 };
    struct signals signals = SIGNALS_INIT;
    int came;
    struct heard heard = play(&stories[0], rates[_i], 2, &signals, &came);
    ck_assert_msg(labs((long)heard.count - 2 * rates[_i]) <= 32, "%zu frames", heard.count);
    ck_assert_float_eq_tol(heard.line[rates[_i] / 2], 0.1f, 0.01f);
    free(heard.line);
    signals_release(&signals);
}
END_TEST

// Half a second of silence and then a step, at two rates at once.
START_TEST(all_who_listen_hear_the_same_at_the_same_time)
{
    struct heard heard[] = { { xcalloc(MAX_LINE, sizeof(float)), 0, 2 },
                             { xcalloc(MAX_LINE, sizeof(float)), 0, 1 } };
    const struct piece piece = { 0.5, 0.5, 0.4f };
    const struct soundtrack_wish wish = {
        1, { { 44100, 2, take, &heard[0] }, { 16000, 1, take, &heard[1] } }, 2
    };
    struct signals signals = { .duration = 1 };
    struct soundtrack *soundtrack = soundtrack_new(&wish);
    AVFrame *frame = make_frame(&piece);
    ck_assert_int_eq(soundtrack_add(soundtrack, frame, piece.seconds, NULL), 0);
    ck_assert_int_eq(soundtrack_finish(soundtrack, &signals, NULL), 1);
    for (size_t i = 0; i < 2; i++) {
        size_t rate = (size_t)wish.outlets[i].rate, step = 0;
        ck_assert_int_le(labs((long)heard[i].count - (long)rate), 32);
        while (heard[i].line[step] < 0.2f)
            step++;
        ck_assert_double_eq_tol((double)step / (double)rate, 0.5, 0.001);
        free(heard[i].line);
    }
    av_frame_free(&frame);
    soundtrack_free(&soundtrack);
    signals_release(&signals);
}
END_TEST

START_TEST(without_any_sound_the_proxy_gets_silence)
{
    const struct story story = { .name = "nothing", .duration = 1 };
    struct signals signals = SIGNALS_INIT;
    int came;
    struct heard heard = play(&story, 44100, 2, &signals, &came);
    ck_assert_int_eq(came, 0);
    ck_assert_uint_eq(heard.count, 44100);
    ck_assert(!signals.has_sound);
    free(heard.line);
    signals_release(&signals);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("soundtrack");
    TCase *tcase = tcase_create("soundtrack");
    tcase_add_loop_test(tcase, the_line_is_whole_and_each_sound_in_its_place, 0,
                        (int)(sizeof stories / sizeof *stories));
    tcase_add_loop_test(tcase, the_proxy_gets_its_own_rate, 0, 3);
    tcase_add_test(tcase, all_who_listen_hear_the_same_at_the_same_time);
    tcase_add_test(tcase, without_any_sound_the_proxy_gets_silence);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
