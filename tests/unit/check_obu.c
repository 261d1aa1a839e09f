// What a packet of AV1 shows, and what its sequence header says, from their bytes.
#include "media/obu.h"
#include <check.h>
#include <errno.h>

#define BYTES(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })
#define DELIMITER 0x12, 0
// As libaom and SVT-AV1 write it for 320x180, 8 bits 4:2:0, level 2.0.
#define AOM 0x0a, 11, 0x00, 0x00, 0x00, 0x04, 0x3c, 0xfe, 0xcc, 0xda, 0xf9, 0x00, 0x40
#define SVT 0x0a, 11, 0x00, 0x00, 0x00, 0x04, 0x3c, 0xfe, 0xcc, 0x02, 0xf8, 0x00, 0x40
#define KEY 0x32, 2, 0x10, 0
#define REFERS 0x32, 2, 0x30, 0
#define HIDDEN 0x32, 2, 0x20, 0
#define HIDDEN_KEY 0x32, 2, 0x00, 0
#define EXISTING 0x1a, 1, 0x80
#define REDUNDANT 0x3a, 1, 0x10
#define PADDING 0x7a, 1, 0x80

static const struct packet {
    const char *name;
    const uint8_t *data;
    size_t size;
    int result, shown;
    bool is_key, is_bare;
} packets[] = {
    { "a key frame behind its sequence header", BYTES(AOM, KEY), 0, 1, true, true },
    { "the same as a stream has it", BYTES(DELIMITER, AOM, KEY), 0, 1, true, false },
    { "a key frame without a sequence header", BYTES(KEY), 0, 1, false, true },
    { "a picture that refers to others", BYTES(REFERS), 0, 1, false, true },
    { "one that is shown later", BYTES(HIDDEN), 0, 0, false, true },
    { "a key frame that is shown later begins nothing", BYTES(AOM, HIDDEN_KEY), 0, 0, false, true },
    { "a hidden one and one that is shown", BYTES(HIDDEN, REFERS), 0, 1, false, true },
    { "a key frame behind a hidden picture", BYTES(AOM, HIDDEN, KEY), 0, 1, false, true },
    { "a hidden one and one decoded before", BYTES(HIDDEN, EXISTING), 0, 1, false, true },
    { "two that are shown", BYTES(REFERS, EXISTING), 0, 2, false, true },
    { "a redundant header shows nothing", BYTES(REFERS, REDUNDANT), 0, 1, false, false },
    { "padding", BYTES(REFERS, PADDING), 0, 1, false, false },
    { "the last unit without a size", BYTES(AOM, 0x30, 0x10, 0), 0, 1, true, true },
    { "an extension of the base layer", BYTES(0x36, 0x20, 2, 0x30, 0), 0, 1, false, true },
    { "a picture of a layer above", BYTES(0x36, 0x08, 2, 0x30, 0), -EINVAL, 0, false, false },
    { "a still picture", BYTES(0x0a, 2, 0x18, 0, KEY), -EINVAL, 0, false, false },
    { "a sequence header that was cut off", BYTES(0x0a, 3, 0, 0, 0, KEY), -EINVAL, 0, false,
      false },
    { "a size beyond the packet", BYTES(0x32, 9, 0x30), -EINVAL, 0, false, false },
    { "a size without end", BYTES(0x32, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), -EINVAL, 0, false,
      false },
    { "a header of nothing but itself", BYTES(0x36), -EINVAL, 0, false, false },
    { "a frame of nothing", BYTES(0x32, 0), -EINVAL, 0, false, false },
    { "the forbidden bit", BYTES(0xb2, 1, 0x30), -EINVAL, 0, false, false },
};

START_TEST(a_packet_tells_what_it_shows)
{
    const struct packet *packet = &packets[_i];
    struct obu_packet found;
    ck_assert_msg(obu_read(packet->data, packet->size, &found) == packet->result, "%s",
                  packet->name);
    if (packet->result < 0)
        return;
    ck_assert_msg(found.shown == packet->shown && found.is_key == packet->is_key &&
                      found.is_bare == packet->is_bare,
                  "%s: %d, %d, %d", packet->name, found.shown, found.is_key, found.is_bare);
}
END_TEST

static const uint8_t av1c[] = { 0x81, 0x00, 0x0c, 0x00, AOM }, aom[] = { AOM }, svt[] = { SVT };

static void assert_usual(const uint8_t *data, size_t size)
{
    struct obu_sequence sequence;
    ck_assert_int_eq(obu_extradata(data, size, &sequence), 0);
    ck_assert_mem_eq(sequence.track, av1c, sizeof sequence.track);
    ck_assert_int_eq(sequence.width, 320);
    ck_assert_int_eq(sequence.height, 180);
}

START_TEST(a_sequence_header_is_found_in_either_extradata)
{
    struct obu_sequence sequence;
    assert_usual(av1c, sizeof av1c);
    assert_usual(aom, sizeof aom);
    assert_usual(svt, sizeof svt);
    ck_assert_int_eq(obu_extradata(av1c, 4, &sequence), -EINVAL);
    ck_assert_int_eq(obu_extradata(av1c, 0, &sequence), -EINVAL);
}
END_TEST

START_TEST(sequences_agree_in_all_but_the_level)
{
    struct obu_sequence a, b;
    ck_assert_int_eq(obu_extradata(aom, sizeof aom, &a), 0);
    b = a;
    b.track[1] += 5;
    ck_assert(obu_agree(&a, &b));
    b.track[2] ^= 1; // the place of chroma samples
    ck_assert(obu_agree(&a, &b));
    b.track[2] ^= 0x40; // ten bits
    ck_assert(!obu_agree(&a, &b));
    b = a;
    b.width++;
    ck_assert(!obu_agree(&a, &b));
    b = a;
    b.track[1] |= 1 << 5; // another profile
    ck_assert(!obu_agree(&a, &b));
}
END_TEST

START_TEST(what_a_track_leaves_out_is_stripped)
{
    static const uint8_t whole[] = { DELIMITER, AOM, PADDING, KEY, REDUNDANT };
    static const uint8_t wanted[] = { AOM, KEY };
    uint8_t got[sizeof whole];
    ck_assert_uint_eq(obu_strip(whole, sizeof whole, got), sizeof wanted);
    ck_assert_mem_eq(got, wanted, sizeof wanted);
    ck_assert_uint_eq(obu_strip(whole, sizeof whole - 1, got), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("obu");
    TCase *tcase = tcase_create("units");
    tcase_add_loop_test(tcase, a_packet_tells_what_it_shows, 0, (int)ARRAY_LEN(packets));
    tcase_add_test(tcase, a_sequence_header_is_found_in_either_extradata);
    tcase_add_test(tcase, sequences_agree_in_all_but_the_level);
    tcase_add_test(tcase, what_a_track_leaves_out_is_stripped);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
