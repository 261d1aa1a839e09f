// The sound of a reel: it lies where its pictures do, is as long as they are, and equally loud.
#include "media/dub.h"

#include "tests/support/cutting.h"
#include "tests/support/media.h"

#include <check.h>
#include <libavutil/log.h>
#include <math.h>
#include <stdio.h>

enum { MOST = 48000 * 10 };

static const char video[] = "-c:v libx264 -preset ultrafast -g 25 -c:a aac";

static const char *tone_clip(const char *name, const char *volume)
{
    cleanup(free_ptr) char *sound =
        xasprintf("sine=frequency=440:sample_rate=48000,volume=%s", volume);
    return media_clip(&(struct media_clip){ .name = name,
                                            .seconds = 4,
                                            .width = 64,
                                            .height = 48,
                                            .rate = "25",
                                            .sound = sound,
                                            .options = video });
}

static const char *mute_clip(void)
{
    return MEDIA_CLIP(.name = "mute.mp4", .seconds = 4, .width = 64, .height = 48, .rate = "25",
                      .sound = "", .options = "-c:v libx264 -preset ultrafast -g 25");
}

// Decodes the parcel; returns the number of samples from 0 on, of the left side.
static int64_t listen(const struct dub *dub, float *samples)
{
    struct err err = ERR_INIT;
    AVCodecContext *decoder = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_AAC));
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    int64_t end = 0;
    avcodec_parameters_to_context(decoder, dub->parameters);
    ck_assert_int_eq(avcodec_open2(decoder, NULL, NULL), 0);
    for (size_t i = 0; i < dub->parcel.count; i++) {
        const struct parcel_entry *entry = &dub->parcel.entries[i];
        if (i > 0)
            ck_assert_int_eq(entry->pts, entry[-1].pts + entry[-1].duration);
        end = entry->pts + entry->duration;
        ck_assert_int_eq(parcel_get(&dub->parcel, i, packet, &err), 0);
        ck_assert_int_eq(avcodec_send_packet(decoder, packet), 0);
        av_packet_unref(packet);
        for (; avcodec_receive_frame(decoder, frame) >= 0; av_frame_unref(frame))
            for (int n = 0; n < frame->nb_samples; n++)
                if (entry->pts + n >= 0 && entry->pts + n < MOST)
                    samples[entry->pts + n] = ((const float *)(const void *)frame->data[0])[n];
    }
    av_frame_free(&frame);
    av_packet_free(&packet);
    avcodec_free_context(&decoder);
    return end;
}

// Decibels of what is heard from one second to another.
static double loudness(const float *samples, double from, double to)
{
    double sum = 0;
    for (int64_t i = llround(from * 48000); i < llround(to * 48000); i++)
        sum += (double)samples[i] * samples[i];
    return 10 * log10(sum / ((to - from) * 48000) + 1e-12);
}

START_TEST(sound_lies_where_its_pictures_do)
{
    static float samples[MOST];
    struct cutting cutting;
    cutting_open(&cutting);
    cutting_use(&cutting, 0, mute_clip());
    cutting_use(&cutting, 1, tone_clip("tone.mp4", "0.3"));
    cutting_cut(&cutting, 0, 1, 2);
    cutting_cut(&cutting, 1, 0.52, 1.72);
    cutting_cut(&cutting, 0, 2, 2.6);
    cutting_cut(&cutting, 1, 3, 3.48);
    cutting_lay(&cutting, _i);
    cutting_dub(&cutting);
    ck_assert(cutting.dub.has_sound);
    int64_t count = listen(&cutting.dub, samples);
    ck_assert_int_eq(count, cuts_frames(&cutting.cuts) * 1920);
    ck_assert_double_lt(loudness(samples, 0, 0.98), -60);
    ck_assert_double_gt(loudness(samples, 1.02, 2.18), -25);
    ck_assert_double_lt(loudness(samples, 2.22, 2.78), -60);
    ck_assert_double_gt(loudness(samples, 2.82, 3.26), -25);
    // Ten milliseconds of fade, no more.
    double within = loudness(samples, 1.1, 2.1);
    ck_assert_double_eq_tol(loudness(samples, 1.011, 1.03), within, 1.5);
    ck_assert_double_eq_tol(loudness(samples, 2.17, 2.188), within, 1.5);
    ck_assert_double_eq_tol(cutting.dub_done, 1, 0.01);
    ck_assert_uint_eq(cutting.warnings, 0);
    cutting_close(&cutting);
}
END_TEST

START_TEST(each_segment_sounds_as_its_part_of_the_source_does)
{
    static float samples[MOST];
    struct cutting cutting;
    cutting_open(&cutting);
    cutting_use(&cutting, 0, tone_clip("rising.mp4", "0.01:enable=lt(t\\,2)")); // loud from 2 s on
    cutting_cut(&cutting, 0, 3, 3.4);
    cutting_cut(&cutting, 0, 1.52, 2.52);
    cutting_lay(&cutting, _i);
    cutting_dub(&cutting);
    ck_assert_int_eq(listen(&cutting.dub, samples), 35 * 1920);
    ck_assert_double_gt(loudness(samples, 0.02, 0.38), -25);
    ck_assert_double_lt(loudness(samples, 0.42, 0.86), -40);
    ck_assert_double_gt(loudness(samples, 0.89, 0.92), -25);
    cutting_close(&cutting);
}
END_TEST

START_TEST(loud_and_quiet_sources_are_equally_loud)
{
    static float samples[MOST];
    struct cutting cutting;
    cutting_open(&cutting);
    cutting_use(&cutting, 0, tone_clip("loud.mp4", "4"));
    cutting_use(&cutting, 1, tone_clip("quiet.mp4", "0.6")); // 16 dB less
    cutting_cut(&cutting, 0, 1, 2);
    cutting_cut(&cutting, 1, 1, 2);
    cutting_lay(&cutting, false);
    cutting_dub(&cutting);
    ck_assert_int_eq(listen(&cutting.dub, samples), 2 * 48000);
    ck_assert_double_eq_tol(loudness(samples, 0.1, 0.9), loudness(samples, 1.1, 1.9), 1);
    cutting_close(&cutting);
}
END_TEST

START_TEST(without_any_sound_there_is_no_track)
{
    struct cutting cutting;
    cutting_open(&cutting);
    cutting_use(&cutting, 0, mute_clip());
    cutting_cut(&cutting, 0, 1, 2);
    cutting_lay(&cutting, false);
    cutting_dub(&cutting);
    ck_assert(!cutting.dub.has_sound);
    ck_assert_uint_eq(cutting.dub.parcel.count, 0);
    ck_assert_ptr_null(cutting.dub.parameters);
    ck_assert_uint_eq(cutting.warnings, 0);
    cutting_close(&cutting);
}
END_TEST

START_TEST(sound_that_cannot_be_decoded_is_silence_and_is_told_once)
{
    static float samples[MOST];
    struct cutting cutting;
    struct err err = ERR_INIT;
    cutting_open(&cutting);
    cutting_use(&cutting, 0, mute_clip());
    cutting.probes[0].has_audio = true; // it had some when it was probed
    cutting_use(&cutting, 1, tone_clip("tone.mp4", "0.3"));
    cutting_cut(&cutting, 0, 1, 2);
    cutting_cut(&cutting, 1, 1, 2);
    cutting_lay(&cutting, false);
    cutting_dub(&cutting);
    ck_assert_uint_eq(cutting.warnings, 1);
    ck_assert_msg(strstr(cutting.warned, "its sound cannot be decoded") != NULL, "%s",
                  cutting.warned);
    ck_assert_int_eq(listen(&cutting.dub, samples), 2 * 48000);
    ck_assert_double_lt(loudness(samples, 0, 0.98), -60);
    ck_assert_double_gt(loudness(samples, 1.02, 1.98), -25);
    dub_release(&cutting.dub);
    dub_init(&cutting.dub, &cutting.shelf);
    ck_assert_int_eq(dub_make(&cutting.cuts, false, &cutting.dub_done, &cutting.dub, &err), 0);
    ck_assert_uint_eq(cutting.warnings, 1);
    cutting_close(&cutting);
}
END_TEST

START_TEST(where_pictures_moved_up_so_does_the_sound)
{
    static float samples[MOST];
    struct cutting cutting;
    cutting_open(&cutting);
    cutting_use(&cutting, 0, mute_clip());
    cutting_use(&cutting, 1, tone_clip("tone.mp4", "0.3"));
    cutting_cut(&cutting, 0, 1, 2);
    cutting_cut(&cutting, 1, 1, 2);
    cutting_cut(&cutting, 0, 2, 3);
    cutting_lay(&cutting, false);
    for (size_t i = 0; i < 3; i++)
        cutting.cuts.strips[i].parcel.count = 25;
    cutting.cuts.strips[0].parcel.count = 10;
    ck_assert(cuts_are_short(&cutting.cuts));
    ck_assert(cuts_close_up(&cutting.cuts));
    cutting_dub(&cutting);
    ck_assert_int_eq(listen(&cutting.dub, samples), 60 * 1920);
    ck_assert_double_lt(loudness(samples, 0, 0.38), -60);
    ck_assert_double_gt(loudness(samples, 0.42, 1.38), -25);
    ck_assert_double_lt(loudness(samples, 1.42, 2.38), -60);
    for (size_t i = 0; i < 3; i++)
        cutting.cuts.strips[i].parcel.count = 0;
    cutting_close(&cutting);
}
END_TEST

START_TEST(a_full_shelf_is_machine_trouble)
{
    struct cutting cutting;
    struct err err = ERR_INIT;
    struct shelf full;
    cutting_open(&cutting);
    cutting_use(&cutting, 0, tone_clip("tone.mp4", "0.3"));
    cutting_cut(&cutting, 0, 1, 2);
    cutting_lay(&cutting, false);
    shelf_init(&full, cutting.sources[0].fd); // open for reading only
    dub_init(&cutting.dub, &full);
    ck_assert_int_lt(dub_make(&cutting.cuts, true, &cutting.dub_done, &cutting.dub, &err), 0);
    ck_assert(!parcel_await(&cutting.dub.parcel, 0)); // nobody waits for it for ever
    ck_assert_int_ne(err.class, ERR_INPUT);
    ck_assert_int_ne(err.class, ERR_NONE);
    cutting_close(&cutting);
}
END_TEST

int main(void)
{
    av_log_set_level(AV_LOG_QUIET);
    Suite *suite = suite_create("dub");
    TCase *dub = tcase_create("dub");
    tcase_set_timeout(dub, 60);
    tcase_add_loop_test(dub, sound_lies_where_its_pictures_do, 0, 2);
    tcase_add_loop_test(dub, each_segment_sounds_as_its_part_of_the_source_does, 0, 2);
    tcase_add_test(dub, loud_and_quiet_sources_are_equally_loud);
    tcase_add_test(dub, without_any_sound_there_is_no_track);
    tcase_add_test(dub, sound_that_cannot_be_decoded_is_silence_and_is_told_once);
    tcase_add_test(dub, where_pictures_moved_up_so_does_the_sound);
    tcase_add_test(dub, a_full_shelf_is_machine_trouble);
    suite_add_tcase(suite, dub);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
