// Sound encoded in parts: one unbroken line of packets, and no joint can be heard in it.
#include "media/chorus.h"

#include <check.h>
#include <libavutil/log.h>
#include <math.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

enum {
    FRAME = 1024,
    PART = 188 * FRAME, // as chorus.c has it
    AROUND = 6 * FRAME, // of a joint, looked at
};

// ---- packets, decoded

struct tape {
    int64_t first_pts, next_pts; // of packets
    bool is_even;                // they lie behind each other
    size_t packets;
    size_t refuse_at; // the packet that is refused; 0: none
    sem_t *gate;      // awaited before each packet, if there is one
    AVPacket **kept;  // owned
};

static int take(void *context, AVPacket *packet, struct err *err)
{
    struct tape *tape = context;
    if (tape->gate)
        ck_assert_int_eq(sem_wait(tape->gate), 0);
    if (tape->packets + 1 == tape->refuse_at)
        return err_set(err, ERR_IO, "refused", "no room");
    if (tape->packets == 0) {
        tape->first_pts = tape->next_pts = packet->pts;
        tape->is_even = true;
    }
    tape->is_even = tape->is_even && packet->pts == tape->next_pts && packet->dts == packet->pts;
    tape->next_pts = packet->pts + packet->duration;
    tape->kept = xrealloc(tape->kept, tape->packets + 1, sizeof(AVPacket *));
    tape->kept[tape->packets] = av_packet_clone(packet);
    // Nobody skips anything: what lies where is to be seen.
    av_packet_free_side_data(tape->kept[tape->packets++]);
    return 0;
}

static void release(struct tape *tape)
{
    for (size_t i = 0; i < tape->packets; i++)
        av_packet_free(&tape->kept[i]);
    free(tape->kept);
}

// The left side of what is heard, from the sample at 0 on; the caller frees it.
static float *listen_to(const struct tape *tape, const AVCodecContext *encoder, int64_t count)
{
    AVCodecParameters *parameters = avcodec_parameters_alloc();
    AVCodecContext *decoder = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_AAC));
    AVFrame *frame = av_frame_alloc();
    float *heard = xcalloc((size_t)count + FRAME, sizeof *heard);
    int64_t at = tape->first_pts;
    ck_assert_int_ge(avcodec_parameters_from_context(parameters, encoder), 0);
    ck_assert_int_ge(avcodec_parameters_to_context(decoder, parameters), 0);
    ck_assert_int_eq(avcodec_open2(decoder, NULL, NULL), 0);
    for (size_t i = 0; i < tape->packets; i++) {
        ck_assert_int_eq(avcodec_send_packet(decoder, tape->kept[i]), 0);
        ck_assert_int_eq(avcodec_receive_frame(decoder, frame), 0);
        for (int j = 0; j < frame->nb_samples; j++, at++)
            if (at >= 0 && at < count)
                heard[at] = ((const float *)(const void *)frame->data[0])[j];
    }
    ck_assert_int_ge(at, count);
    av_frame_free(&frame);
    avcodec_free_context(&decoder);
    avcodec_parameters_free(&parameters);
    return heard;
}

// ---- sound

// Tones that swell, with noise: what music is to an encoder.
static float tones(int64_t sample)
{
    double t = (double)sample / SOUND_RATE, sum = 0;
    uint32_t noise = (uint32_t)sample * 2654435761U;
    for (int i = 1; i <= 6; i++)
        sum += sin(2 * M_PI * 220 * i * t * 1.03) * (1 + sin(2 * M_PI * 0.7 * i * t)) / i;
    noise ^= noise >> 15;
    noise *= 2246822519U;
    return (float)(0.12 * sum + 0.02 * ((noise >> 8) / 8388608.0 - 1));
}

// Beats, some of which lie on each side of a joint, so that windows change there.
static float beats(int64_t sample)
{
    double since = (double)(sample % 1777) / SOUND_RATE;
    return (float)(0.3 * tones(sample) + 0.5 * exp(-600 * since) * sin(2 * M_PI * 3000 * since));
}

// A tone alone, in which a click is heard best.
static float tone(int64_t sample)
{
    return (float)(0.5 * sin(2 * M_PI * 437 * (double)sample / SOUND_RATE));
}

static const struct material {
    const char *name;
    float (*at)(int64_t sample);
} materials[] = { { "tones", tones }, { "beats", beats }, { "a tone", tone } };

// Both sides differ.
static float *make(float (*at)(int64_t), int64_t count)
{
    float *frames = xcalloc((size_t)count + 1, 2 * sizeof *frames);
    for (int64_t i = 0; i < count; i++) {
        frames[2 * i] = at(i);
        frames[2 * i + 1] = 0.5F * at(i) + 0.2F * at(i + 5000);
    }
    return frames;
}

static int open_chorus(unsigned voices, struct tape *tape, struct chorus **ret_chorus)
{
    struct err err = ERR_INIT;
    AVCodecParameters *track = avcodec_parameters_alloc();
    int r = chorus_start(voices, take, tape, track, ret_chorus, &err);
    ck_assert_msg(r == 0, "%s", err.text);
    ck_assert_int_eq(track->sample_rate, SOUND_RATE);
    ck_assert_int_gt(track->extradata_size, 0);
    avcodec_parameters_free(&track);
    return r;
}

static void sing(const float *frames, int64_t count, size_t step, unsigned voices,
                 struct tape *tape)
{
    struct err err = ERR_INIT;
    struct chorus *chorus = NULL;
    ck_assert_int_eq(open_chorus(voices, tape, &chorus), 0);
    for (int64_t at = 0; at < count; at += (int64_t)step) {
        size_t piece = (size_t)(count - at) < step ? (size_t)(count - at) : step;
        ck_assert_msg(chorus_add(chorus, frames + 2 * at, piece, &err) == 0, "%s", err.text);
    }
    ck_assert_msg(chorus_finish(chorus, &err) == 0, "%s", err.text);
    chorus_free(&chorus);
    ck_assert_ptr_null(chorus);
}

// All of it by one encoder.  The caller frees it.
static struct voice *speak(const float *frames, int64_t count, struct tape *tape)
{
    struct err err = ERR_INIT;
    struct voice *voice = NULL;
    ck_assert_msg(voice_open(&(struct voice_wish){ 0 }, take, tape, &voice, &err) == 0, "%s",
                  err.text);
    ck_assert_msg(voice_add(voice, frames, (size_t)count, &err) == 0, "%s", err.text);
    ck_assert_msg(voice_finish(voice, &err) == 0, "%s", err.text);
    return voice;
}

// ---- tests

struct quick {
    struct chorus *chorus;
    const float *frames; // a second
    _Atomic int seconds; // taken
};
enum { MOST_SECONDS = 60 };

static void *hurry(void *context)
{
    struct quick *quick = context;
    struct err err = ERR_INIT;
    for (int i = 0; i < MOST_SECONDS; i++) {
        ck_assert_int_eq(chorus_add(quick->chorus, quick->frames, 48000, &err), 0);
        atomic_fetch_add(&quick->seconds, 1);
    }
    return NULL;
}

static const int64_t lengths[] = { 0,
                                   100,
                                   PART - 1,
                                   PART,
                                   PART + 1,
                                   PART + FRAME,
                                   PART + 2 * FRAME - 1,
                                   PART + 2 * FRAME,
                                   PART + 2 * FRAME + 1,
                                   3 * PART,
                                   3 * PART + 777 };

START_TEST(packets_are_those_of_one_line)
{
    int64_t count = lengths[_i];
    float *frames = make(tone, count);
    struct tape one = { 0 }, parts = { 0 };
    struct voice *voice = speak(frames, count, &one);
    sing(frames, count, 48000 / 2, 1 + (unsigned)_i % 3, &parts);
    ck_assert(parts.is_even || parts.packets == 0);
    ck_assert_uint_eq(parts.packets, one.packets);
    ck_assert_int_eq(parts.first_pts, one.first_pts);
    ck_assert_int_eq(parts.next_pts, one.next_pts);
    voice_free(&voice);
    free(frames);
    release(&one);
    release(&parts);
}
END_TEST

// How far what is heard around `at` is from what was sung.
static double noise_around(const float *heard, const float *frames, int64_t at)
{
    double sum = 0;
    for (int64_t i = at - AROUND; i < at + AROUND; i++)
        sum += pow((double)heard[i] - frames[2 * i], 2);
    return sqrt(sum / (2 * AROUND));
}

static double loudest_around(const float *heard, const float *frames, int64_t at)
{
    double most = 0;
    for (int64_t i = at - AROUND; i < at + AROUND; i++)
        most = fmax(most, fabs((double)heard[i] - frames[2 * i]));
    return most;
}

// Held against one encoder that takes it all: windows that do not fit each other would leave half
// of what is sung behind as noise.
START_TEST(no_joint_can_be_heard)
{
    const struct material *material = &materials[_i];
    int64_t count = 3 * PART - 12345;
    float *frames = make(material->at, count);
    struct tape one = { 0 }, parts = { 0 };
    struct voice *voice = speak(frames, count, &one);
    sing(frames, count, 4096, 3, &parts);
    float *as_one = listen_to(&one, voice_context(voice), count);
    float *in_parts = listen_to(&parts, voice_context(voice), count);
    for (int64_t joint = PART; joint < count; joint += PART) {
        double noise = noise_around(in_parts, frames, joint);
        double usual = noise_around(as_one, frames, joint);
        double most = loudest_around(in_parts, frames, joint);
        double usual_most = loudest_around(as_one, frames, joint);
        ck_assert_msg(noise < 1.2 * usual && most < 1.6 * usual_most,
                      "%s: noise of %g at %lld, %g at most; in one line %g, %g", material->name,
                      noise, (long long)joint, most, usual, usual_most);
    }
    voice_free(&voice);
    free(as_one);
    free(in_parts);
    free(frames);
    release(&one);
    release(&parts);
}
END_TEST

START_TEST(a_failure_comes_back_and_nothing_is_given_out_after_it)
{
    struct err err = ERR_INIT, again = ERR_INIT;
    struct tape tape = { .refuse_at = 400 };
    struct chorus *chorus = NULL;
    static float silence[2 * 48000];
    int r = open_chorus(2, &tape, &chorus);
    for (int second = 0; r >= 0; second++) {
        ck_assert_int_lt(second, 100);
        r = chorus_add(chorus, silence, 48000, &err);
    }
    ck_assert_str_eq(err.id, "refused");
    ck_assert_int_lt(chorus_finish(chorus, &again), 0);
    ck_assert_str_eq(again.id, "refused");
    ck_assert_uint_eq(tape.packets, 399);
    chorus_free(&chorus);
    release(&tape);
}
END_TEST

START_TEST(a_failure_at_the_very_end_is_not_lost)
{
    struct err err = ERR_INIT;
    struct tape tape = { .refuse_at = 3 };
    struct chorus *chorus = NULL;
    static float silence[2 * 48000];
    ck_assert_int_eq(open_chorus(2, &tape, &chorus), 0);
    ck_assert_int_eq(chorus_add(chorus, silence, 48000, &err), 0);
    ck_assert_int_lt(chorus_finish(chorus, &err), 0);
    ck_assert_str_eq(err.id, "refused");
    chorus_free(&chorus);
    release(&tape);
}
END_TEST

START_TEST(who_is_too_quick_waits)
{
    struct err err = ERR_INIT;
    static float silence[2 * 48000];
    sem_t gate;
    sem_init(&gate, 0, 0);
    struct tape tape = { .gate = &gate };
    struct quick quick = { .seconds = 0 };
    ck_assert_int_eq(open_chorus(1, &tape, &quick.chorus), 0);
    quick.frames = silence;
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, hurry, &quick), 0);
    (void)usleep(300 * 1000); // too short for what is wrong to show is no failure
    int taken = atomic_load(&quick.seconds);
    ck_assert_int_le(taken, 40);
    for (int i = 0; i < 10000; i++)
        sem_post(&gate);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(atomic_load(&quick.seconds), MOST_SECONDS);
    ck_assert_int_eq(chorus_finish(quick.chorus, &err), 0);
    ck_assert_int_eq(tape.next_pts, MOST_SECONDS * SOUND_RATE);
    chorus_free(&quick.chorus);
    sem_destroy(&gate);
    release(&tape);
}
END_TEST

START_TEST(it_can_be_given_up_with_sound_on_its_way)
{
    struct err err = ERR_INIT;
    struct tape tape = { 0 };
    struct chorus *chorus = NULL;
    static float silence[2 * 48000];
    ck_assert_int_eq(open_chorus(3, &tape, &chorus), 0);
    for (int second = 0; second < 20; second++)
        ck_assert_int_eq(chorus_add(chorus, silence, 48000, &err), 0);
    chorus_free(&chorus);
    chorus_free(&chorus);
    ck_assert(tape.is_even || tape.packets == 0);
    release(&tape);
}
END_TEST

int main(void)
{
    av_log_set_level(AV_LOG_ERROR);
    Suite *suite = suite_create("chorus");
    TCase *chorus = tcase_create("chorus");
    tcase_set_timeout(chorus, 60);
    tcase_add_loop_test(chorus, packets_are_those_of_one_line, 0, ARRAY_LEN(lengths));
    tcase_add_loop_test(chorus, no_joint_can_be_heard, 0, ARRAY_LEN(materials));
    tcase_add_test(chorus, a_failure_comes_back_and_nothing_is_given_out_after_it);
    tcase_add_test(chorus, a_failure_at_the_very_end_is_not_lost);
    tcase_add_test(chorus, who_is_too_quick_waits);
    tcase_add_test(chorus, it_can_be_given_up_with_sound_on_its_way);
    suite_add_tcase(suite, chorus);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
