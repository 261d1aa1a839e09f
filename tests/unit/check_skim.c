// What is left undecoded, told from packets made by hand: H.264 units of a type and a size.
#include "media/skim.h"
#include <check.h>

enum { REFERENCE = 0x61, DISPOSABLE = 0x01, IDR = 0x65 };

static const uint8_t avcc[] = { 1, 100, 0, 31, 0xff, 0xe1, 0 };

static struct skim *new_skim(double rate)
{
    const AVCodecParameters picture = { .codec_id = AV_CODEC_ID_H264,
                                        .extradata = (uint8_t *)(uintptr_t)avcc,
                                        .extradata_size = sizeof avcc };
    struct skim *skim = skim_new(&picture, (AVRational){ 1, 30 }, rate, 1.0 / 30);
    ck_assert_ptr_nonnull(skim);
    return skim;
}

// A picture of 30 a second, of one unit behind its length.
static bool wants(struct skim *skim, uint8_t header, int picture, int size)
{
    uint8_t data[10000] = { 0, 0, (uint8_t)((size - 4) >> 8), (uint8_t)(size - 4), header };
    const AVPacket packet = { .data = data,
                              .size = size,
                              .duration = 1,
                              .pts = picture,
                              .flags = header == IDR ? AV_PKT_FLAG_KEY : 0 };
    return skim_wants(skim, &packet, (double)picture / 30);
}

// Ten ordinary groups of P b b, from picture 0 on.
static struct skim *used_to(double rate)
{
    struct skim *skim = new_skim(rate);
    ck_assert(wants(skim, IDR, 0, 5000));
    for (int i = 3; i <= 30; i += 3) {
        ck_assert(wants(skim, REFERENCE, i, 1000));
        (void)wants(skim, DISPOSABLE, i - 2, 200);
        (void)wants(skim, DISPOSABLE, i - 1, 200);
    }
    return skim;
}

START_TEST(what_no_slot_shows_is_left_out)
{
    // At ten of thirty a second slots show pictures 30, 33, 36; at twenty 30, 31, 33, 34, 36.
    struct skim *skim = used_to(10);
    ck_assert(wants(skim, REFERENCE, 33, 1000));
    ck_assert(!wants(skim, DISPOSABLE, 31, 200));
    ck_assert(!wants(skim, DISPOSABLE, 32, 200));
    skim_free(&skim);
    skim = used_to(20);
    ck_assert(wants(skim, REFERENCE, 33, 1000));
    ck_assert_int_eq(wants(skim, DISPOSABLE, 31, 200) + wants(skim, DISPOSABLE, 32, 200), 1);
    skim_free(&skim);
    skim = used_to(30);
    ck_assert(wants(skim, REFERENCE, 33, 1000));
    ck_assert(wants(skim, DISPOSABLE, 31, 200));
    ck_assert(wants(skim, DISPOSABLE, 32, 200));
    skim_free(&skim);
}
END_TEST

START_TEST(references_are_always_wanted)
{
    struct skim *skim = used_to(1);
    for (int i = 31; i < 90; i++)
        ck_assert(wants(skim, REFERENCE, i, 50));
    skim_free(&skim);
}
END_TEST

START_TEST(before_a_picture_that_is_unusually_large_all_are_wanted)
{
    struct skim *skim = used_to(10);
    ck_assert(wants(skim, REFERENCE, 34, 4000));
    ck_assert(wants(skim, REFERENCE, 32, 300)); // between, referred to: says nothing
    ck_assert(wants(skim, DISPOSABLE, 31, 200));
    ck_assert(wants(skim, DISPOSABLE, 33, 200));
    ck_assert(wants(skim, REFERENCE, 38, 1000)); // as usual again
    ck_assert(!wants(skim, DISPOSABLE, 37, 200));
    skim_free(&skim);
}
END_TEST

START_TEST(before_a_key_frame_all_are_wanted)
{
    struct skim *skim = used_to(10);
    ck_assert(wants(skim, IDR, 33, 900));
    ck_assert(wants(skim, DISPOSABLE, 31, 200));
    ck_assert(wants(skim, DISPOSABLE, 32, 200));
    skim_free(&skim);
}
END_TEST

START_TEST(what_comes_after_all_else_is_wanted)
{
    // Nothing says yet whether something happened there.
    struct skim *skim = used_to(10);
    ck_assert(wants(skim, DISPOSABLE, 31, 200));
    ck_assert(wants(skim, DISPOSABLE, 32, 200));
    skim_free(&skim);
}
END_TEST

START_TEST(what_is_no_unit_is_wanted)
{
    struct skim *skim = used_to(10);
    uint8_t data[] = { 0xff, 0xff, 0xff, 0xff, DISPOSABLE };
    ck_assert(wants(skim, REFERENCE, 33, 1000));
    for (int size = 0; size <= (int)sizeof data; size++) {
        const AVPacket packet = { .data = data, .size = size, .duration = 1 };
        ck_assert(skim_wants(skim, &packet, 31.0 / 30));
    }
    skim_free(&skim);
}
END_TEST

START_TEST(codecs_that_do_not_say_are_decoded_whole)
{
    uint8_t hvcc[23] = { 1 };
    AVCodecParameters picture = { .codec_id = AV_CODEC_ID_MPEG2VIDEO };
    ck_assert_ptr_null(skim_new(&picture, (AVRational){ 1, 30 }, 10, 0.03));
    picture.codec_id = AV_CODEC_ID_HEVC; // no configuration
    ck_assert_ptr_null(skim_new(&picture, (AVRational){ 1, 30 }, 10, 0.03));
    picture.extradata = hvcc;
    picture.extradata_size = sizeof hvcc; // the number of temporal layers is not known
    ck_assert_ptr_null(skim_new(&picture, (AVRational){ 1, 30 }, 10, 0.03));
    hvcc[21] = 1 << 3 | 3;
    struct skim *skim = skim_new(&picture, (AVRational){ 1, 30 }, 10, 0.03);
    ck_assert_ptr_nonnull(skim);
    skim_free(&skim);
    picture.extradata_size = 22;
    ck_assert_ptr_null(skim_new(&picture, (AVRational){ 1, 30 }, 10, 0.03));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("skim");
    TCase *tcase = tcase_create("skim");
    tcase_add_test(tcase, what_no_slot_shows_is_left_out);
    tcase_add_test(tcase, references_are_always_wanted);
    tcase_add_test(tcase, before_a_picture_that_is_unusually_large_all_are_wanted);
    tcase_add_test(tcase, before_a_key_frame_all_are_wanted);
    tcase_add_test(tcase, what_comes_after_all_else_is_wanted);
    tcase_add_test(tcase, what_is_no_unit_is_wanted);
    tcase_add_test(tcase, codecs_that_do_not_say_are_decoded_whole);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
