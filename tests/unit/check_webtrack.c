// VP9 and AV1 side by side in one track: what fits, and in which form.
#include "media/webtrack.h"
#include <check.h>
#include <errno.h>
#include <libavutil/mem.h>

#define AOM 0x0a, 11, 0x00, 0x00, 0x00, 0x04, 0x3c, 0xfe, 0xcc, 0xda, 0xf9, 0x00, 0x40
#define LEVEL_5 0x0a, 11, 0x00, 0x00, 0x00, 0x2c, 0x3c, 0xfe, 0xcc, 0xda, 0xf9, 0x00, 0x40
#define KEY 0x32, 2, 0x10, 0
static const uint8_t aom[] = { AOM }, level_5[] = { LEVEL_5 };

static struct webtrack av1(void)
{
    struct webtrack track = { .codec = NAL_AV1, .width = 320, .height = 180 };
    ck_assert_int_eq(webtrack_add(&track, aom, sizeof aom), 0);
    return track;
}

START_TEST(the_track_says_the_highest_level_of_all)
{
    struct webtrack track = av1();
    uint8_t *data;
    size_t size;
    ck_assert_int_eq(webtrack_add(&track, level_5, sizeof level_5), 0);
    ck_assert_int_eq(webtrack_add(&track, aom, sizeof aom), 0);
    ck_assert_int_eq(webtrack_configuration(&track, &data, &size), 0);
    ck_assert_uint_eq(size, 4);
    ck_assert_mem_eq(data, ((const uint8_t[]){ 0x81, 0x05, 0x0c, 0x00 }), 4);
    av_free(data);
}
END_TEST

START_TEST(what_cannot_stand_beside_the_others_is_refused)
{
    struct webtrack track = { .codec = NAL_AV1, .width = 320, .height = 182 };
    uint8_t *data;
    size_t size;
    ck_assert_int_eq(webtrack_add(&track, aom, sizeof aom), -EINVAL); // another size
    ck_assert_int_eq(webtrack_configuration(&track, &data, &size), -EINVAL);
    track = av1();
    track.sequence.track[2] |= 0x40; // ten bits before
    ck_assert_int_eq(webtrack_add(&track, aom, sizeof aom), -EINVAL);
    ck_assert_int_eq(webtrack_add(&track, aom, 3), -EINVAL);
}
END_TEST

START_TEST(the_sequence_header_may_come_in_the_packets_alone)
{
    static const uint8_t av1c[] = { 0x81, 0x05, 0x0c, 0x1f }, packet[] = { AOM, KEY };
    struct webtrack track = { .codec = NAL_AV1, .width = 320, .height = 180 };
    uint8_t *data;
    size_t size;
    ck_assert_int_eq(webtrack_add(&track, av1c, sizeof av1c), 0);
    ck_assert_int_eq(webtrack_add(&track, aom, sizeof aom), 0);
    ck_assert_mem_eq(track.sequence.track, ((const uint8_t[]){ 0x81, 0x05, 0x0c, 0x00 }), 4);
    ck_assert_int_eq(webtrack_translate(&track, packet, sizeof packet, &data, &size), 0);
    track.sequence.track[2] |= 0x40; // ten bits
    ck_assert_int_eq(webtrack_translate(&track, packet, sizeof packet, &data, &size), -ESTALE);
}
END_TEST

START_TEST(vp9_describes_itself)
{
    struct webtrack track = { .codec = NAL_VP9, .width = 320, .height = 180 };
    uint8_t *data;
    size_t size;
    ck_assert_int_eq(webtrack_add(&track, NULL, 0), 0);
    ck_assert_int_eq(webtrack_configuration(&track, &data, &size), 0);
    ck_assert(data == NULL && size == 0);
    ck_assert(webtrack_is_for(NAL_VP9) && webtrack_is_for(NAL_AV1));
    ck_assert(!webtrack_is_for(NAL_H264) && !webtrack_is_for(NAL_HEVC));
}
END_TEST

static int translate(const struct webtrack *track, const uint8_t *packet, size_t size,
                     uint8_t **ret_data, size_t *ret_size)
{
    return webtrack_translate(track, packet, size, ret_data, ret_size);
}

START_TEST(packets_are_held_against_what_the_track_says)
{
    static const uint8_t key[] = { 0x82, 0x49, 0x83, 0x42, 0x00, 0x13, 0xf0, 0x0b, 0x30 };
    static const uint8_t hidden[] = { 0x84, 0 }, bare[] = { AOM, KEY };
    struct webtrack track = { .codec = NAL_VP9, .width = 320, .height = 180 };
    uint8_t *data;
    size_t size;
    ck_assert_int_eq(translate(&track, key, sizeof key, &data, &size), 0);
    ck_assert(data == NULL && size == sizeof key);
    ck_assert_int_eq(translate(&track, hidden, sizeof hidden, &data, &size), -EINVAL);
    track.width = 640;
    ck_assert_int_eq(translate(&track, key, sizeof key, &data, &size), -ESTALE);
    track = av1();
    ck_assert_int_eq(translate(&track, bare, sizeof bare, &data, &size), 0);
    ck_assert(data == NULL && size == sizeof bare);
    ck_assert_int_eq(translate(&track, bare, sizeof bare - 1, &data, &size), -EINVAL);
    track.sequence.width = 640;
    ck_assert_int_eq(translate(&track, bare, sizeof bare, &data, &size), -ESTALE);
}
END_TEST

START_TEST(a_stream_s_delimiters_stay_outside)
{
    static const uint8_t packet[] = { 0x12, 0, AOM, KEY }, wanted[] = { AOM, KEY };
    struct webtrack track = av1();
    uint8_t *data;
    size_t size;
    ck_assert_int_eq(translate(&track, packet, sizeof packet, &data, &size), 0);
    ck_assert_uint_eq(size, sizeof wanted);
    ck_assert_mem_eq(data, wanted, sizeof wanted);
    av_free(data);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("webtrack");
    TCase *tcase = tcase_create("track");
    tcase_add_test(tcase, the_track_says_the_highest_level_of_all);
    tcase_add_test(tcase, what_cannot_stand_beside_the_others_is_refused);
    tcase_add_test(tcase, the_sequence_header_may_come_in_the_packets_alone);
    tcase_add_test(tcase, vp9_describes_itself);
    tcase_add_test(tcase, packets_are_held_against_what_the_track_says);
    tcase_add_test(tcase, a_stream_s_delimiters_stay_outside);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
