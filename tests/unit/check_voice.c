// The encoder of sound: what is decoded again lies where it was, to the sample.
#include "media/voice.h"

#include <check.h>
#include <libavutil/channel_layout.h>
#include <libavutil/log.h>
#include <limits.h>
#include <math.h>

enum { MOST = 48000 * 4, LEAD = 2048 };

struct tape {
    AVCodecContext *decoder;
    const AVCodecContext *encoder;
    int64_t first_pts, next_pts; // of packets
    bool has_begun, is_even;
    size_t packets, bytes;
    size_t refuse_at; // the packet that is refused; 0: none
    float *samples;   // decoded, of the left side; from the first packet's pts on; owned
    int64_t count;
};

static int take(void *context, AVPacket *packet, struct err *err)
{
    struct tape *tape = context;
    if (++tape->packets == tape->refuse_at)
        return err_set(err, ERR_IO, "refused", "no room");
    AVFrame *frame = av_frame_alloc();
    tape->bytes += (size_t)packet->size;
    if (!tape->has_begun)
        tape->first_pts = tape->next_pts = packet->pts;
    tape->is_even = (!tape->has_begun || tape->is_even) && packet->pts == tape->next_pts &&
                    packet->dts == packet->pts;
    tape->next_pts = packet->pts + packet->duration;
    tape->has_begun = true;
    av_packet_free_side_data(packet); // nobody skips anything: what lies where is to be seen
    ck_assert_int_eq(avcodec_send_packet(tape->decoder, packet), 0);
    while (avcodec_receive_frame(tape->decoder, frame) >= 0) {
        ck_assert_int_lt(tape->count + frame->nb_samples, MOST + 2 * LEAD);
        memcpy(tape->samples + tape->count, frame->data[0],
               (size_t)frame->nb_samples * sizeof(float));
        tape->count += frame->nb_samples;
    }
    av_frame_free(&frame);
    return 0;
}

static struct voice *start(struct tape *tape, const struct voice_wish *wish)
{
    struct voice *voice = NULL;
    struct err err = ERR_INIT;
    *tape = (struct tape){ .samples = xcalloc(MOST + 2 * LEAD, sizeof(float)) };
    ck_assert_msg(voice_open(wish, take, tape, &voice, &err) == 0, "%s", err.text);
    tape->encoder = voice_context(voice);
    AVCodecParameters *parameters = avcodec_parameters_alloc();
    avcodec_parameters_from_context(parameters, tape->encoder);
    tape->decoder = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_AAC));
    avcodec_parameters_to_context(tape->decoder, parameters);
    ck_assert_int_eq(avcodec_open2(tape->decoder, NULL, NULL), 0);
    avcodec_parameters_free(&parameters);
    return voice;
}

static void stop(struct tape *tape, struct voice **voice)
{
    avcodec_free_context(&tape->decoder);
    voice_free(voice);
    free(tape->samples);
}

// A chirp every fifth of a second, which is like itself at no lag.
static float sound_at(int64_t sample, int rate)
{
    double at = fmod((double)sample / rate, 0.2) - 0.05;
    if (at < 0 || at > 0.05)
        return 0;
    return (float)(0.6 * sin(2 * M_PI * (400 + 30000 * at) * at) * sin(M_PI * at / 0.05));
}

static const struct wanted {
    const char *sentence;
    struct voice_wish wish;
    int64_t samples;
    size_t step; // handed over at a time
    int rate, channels;
} wanted[] = {
    { "the usual", { 0 }, 48000, 480, 48000, 2 },
    { "all at once", { 0 }, 48000, 48000, 48000, 2 },
    { "one by one", { 0 }, 9001, 1, 48000, 2 },
    { "an odd number", { 0 }, 47777, 1000, 48000, 2 },
    { "whole frames of the encoder", { 0 }, 20 * 1024, 1024, 48000, 2 },
    { "one more", { 0 }, 20 * 1024 + 1, 1024, 48000, 2 },
    { "less than a frame", { 0 }, 100, 100, 48000, 2 },
    { "one channel at a low rate", { 24000, 1, 32000 }, 24000, 777, 24000, 1 },
};

static void speak(struct voice *voice, const struct wanted *wish)
{
    struct err err = ERR_INIT;
    float *frames = xcalloc(wish->step * 2, sizeof *frames);
    for (int64_t at = 0; at < wish->samples;) {
        size_t count =
            (size_t)(wish->samples - at) < wish->step ? (size_t)(wish->samples - at) : wish->step;
        for (size_t i = 0; i < count * (size_t)wish->channels; i++)
            frames[i] = sound_at(at + (int64_t)i / wish->channels, wish->rate);
        ck_assert_msg(voice_add(voice, frames, count, &err) == 0, "%s", err.text);
        at += (int64_t)count;
    }
    ck_assert_msg(voice_finish(voice, &err) == 0, "%s", err.text);
    free(frames);
}

START_TEST(packets_cover_the_line_to_the_sample_after_the_priming)
{
    const struct wanted *wish = &wanted[_i];
    struct tape tape;
    struct voice *voice = start(&tape, &wish->wish);
    speak(voice, wish);
    ck_assert_int_eq(tape.encoder->sample_rate, wish->rate);
    ck_assert_int_eq(tape.encoder->ch_layout.nb_channels, wish->channels);
    ck_assert(wish->wish.bitrate == 0 || tape.encoder->bit_rate == wish->wish.bitrate);
    ck_assert_int_gt(tape.encoder->extradata_size, 0);
    ck_assert_msg(tape.is_even, "%s: packets do not lie behind each other", wish->sentence);
    ck_assert_int_eq(tape.first_pts, -tape.encoder->initial_padding);
    ck_assert_int_lt(tape.first_pts, 0);
    ck_assert_msg(tape.next_pts == wish->samples, "%s: ends at %lld, not %lld", wish->sentence,
                  (long long)tape.next_pts, (long long)wish->samples);
    stop(&tape, &voice);
}
END_TEST

START_TEST(what_is_heard_lies_where_it_was_spoken)
{
    const struct wanted *wish = &wanted[_i];
    struct tape tape;
    struct voice *voice = start(&tape, &wish->wish);
    if (wish->samples >= 9000) {
        speak(voice, wish);
        // The lag at which they agree best is none.
        double best = -1;
        int best_lag = INT_MAX;
        for (int lag = -wish->rate / 40; lag <= wish->rate / 40; lag++) {
            double sum = 0;
            for (int64_t i = wish->rate / 32; i + wish->rate / 32 < wish->samples; i++) {
                int64_t at = i + lag - tape.first_pts;
                if (at >= 0 && at < tape.count)
                    sum += (double)sound_at(i, wish->rate) * tape.samples[at];
            }
            if (sum > best) {
                best = sum;
                best_lag = lag;
            }
        }
        ck_assert_msg(best_lag == 0, "%s: off by %d samples", wish->sentence, best_lag);
    }
    stop(&tape, &voice);
}
END_TEST

// No rate is kept: hard sound gets what it needs, and silence next to nothing.
START_TEST(the_usual_is_a_quality)
{
    enum { SECONDS = 2, COUNT = SECONDS * 48000 };
    static float frames[2 * COUNT];
    double kbits[2];
    for (int is_loud = 0; is_loud < 2; is_loud++) {
        struct tape tape;
        struct err err = ERR_INIT;
        struct voice *voice = start(&tape, &(struct voice_wish){ 0 });
        double noise = 0, sound = 0;
        for (int64_t i = 0; i < COUNT; i++)
            frames[2 * i] = frames[2 * i + 1] = is_loud ? sound_at(i, 48000) : 0;
        ck_assert_int_eq(voice_add(voice, frames, COUNT, &err), 0);
        ck_assert_int_eq(voice_finish(voice, &err), 0);
        for (int64_t i = 0; i < COUNT; i++) {
            noise += pow(tape.samples[i - tape.first_pts] - frames[2 * i], 2);
            sound += pow(frames[2 * i], 2);
        }
        ck_assert_double_le(noise, sound / 300); // 25 dB
        kbits[is_loud] = (double)tape.bytes * 8 / 1000 / SECONDS;
        stop(&tape, &voice);
    }
    ck_assert_double_lt(kbits[0], 10);
    ck_assert_double_gt(kbits[1], 20);
    ck_assert_double_lt(kbits[1], 400);
}
END_TEST

START_TEST(who_takes_the_packets_can_stop_it)
{
    struct tape tape;
    struct err err = ERR_INIT;
    struct voice *voice = start(&tape, &(struct voice_wish){ 0 });
    static float silence[2 * 48000];
    tape.refuse_at = 3;
    ck_assert_int_lt(voice_add(voice, silence, 48000, &err), 0);
    ck_assert_str_eq(err.id, "refused");
    ck_assert_uint_eq(tape.packets, 3);
    stop(&tape, &voice);
}
END_TEST

START_TEST(nothing_spoken_is_no_error)
{
    struct tape tape;
    struct err err = ERR_INIT;
    struct voice *voice = start(&tape, &(struct voice_wish){ 0 });
    ck_assert_msg(voice_finish(voice, &err) == 0, "%s", err.text);
    ck_assert_int_le(tape.next_pts, 0);
    stop(&tape, &voice);
}
END_TEST

int main(void)
{
    av_log_set_level(AV_LOG_ERROR);
    Suite *suite = suite_create("voice");
    TCase *voice = tcase_create("voice");
    tcase_set_timeout(voice, 60);
    tcase_add_loop_test(voice, packets_cover_the_line_to_the_sample_after_the_priming, 0,
                        ARRAY_LEN(wanted));
    tcase_add_loop_test(voice, what_is_heard_lies_where_it_was_spoken, 0, ARRAY_LEN(wanted));
    tcase_add_test(voice, the_usual_is_a_quality);
    tcase_add_test(voice, who_takes_the_packets_can_stop_it);
    tcase_add_test(voice, nothing_spoken_is_no_error);
    suite_add_tcase(suite, voice);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
