// Where a copied run may start: what each coded picture is, from its bytes, and which are listed.
#include "media/keyframes.h"
#include <check.h>
#include <math.h>
#include <string.h>

static const uint8_t avcc[4][7] = {
    { 1, 100, 0, 40, 0xfc, 0xe1 },
    { 1, 100, 0, 40, 0xfd, 0xe1 },
    { 1, 100, 0, 40, 0xfe, 0xe1 },
    { 1, 100, 0, 40, 0xff, 0xe1 },
};
static const uint8_t hvcc[23] = { 1, 1, [21] = 0x0f };

#define BYTES(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })
#define START 0, 0, 0, 1

static const struct packet {
    const char *name;
    enum AVCodecID codec;
    const uint8_t *extradata;
    int extradata_size;
    const uint8_t *data;
    size_t size;
    enum keyframes_kind kind;
} packets[] = {
    { "H.264, start codes: what comes before the slice is passed over", AV_CODEC_ID_H264, NULL, 0,
      BYTES(START, 9, 0x10, START, 0x67, 1, 2, 3, 0, 0, 1, 0x68, 4, 0, 0, 1, 6, 5, 5, 0, 0, 1, 0x65,
            8),
      KEYFRAMES_CLOSED },
    { "H.264: a slice at a recovery point is an open group", AV_CODEC_ID_H264, NULL, 0,
      BYTES(START, 9, 0x10, START, 6, 6, 1, 0xc4, 0x80, START, 0x41, 0x88), KEYFRAMES_NONE },
    { "H.264: the first slice decides", AV_CODEC_ID_H264, NULL, 0,
      BYTES(START, 0x41, 8, START, 0x65, 8), KEYFRAMES_NONE },
    { "H.264: a partition is a slice", AV_CODEC_ID_H264, NULL, 0,
      BYTES(START, 0x42, 8, START, 0x65, 8), KEYFRAMES_NONE },
    { "H.264: zeros before a start code", AV_CODEC_ID_H264, NULL, 0,
      BYTES(0, 0, 0, 0, 0, 0, 1, 0x65, 8), KEYFRAMES_CLOSED },
    { "H.264: no slice at all", AV_CODEC_ID_H264, NULL, 0, BYTES(START, 9, 0x10, START, 0x67, 1),
      KEYFRAMES_NONE },
    { "H.264: a start code at the end", AV_CODEC_ID_H264, NULL, 0, BYTES(START, 9, 0x10, 0, 0, 1),
      KEYFRAMES_NONE },
    { "H.264, lengths of 1 byte", AV_CODEC_ID_H264, avcc[0], 7, BYTES(2, 9, 0x10, 2, 0x65, 8),
      KEYFRAMES_CLOSED },
    { "H.264, lengths of 2 bytes", AV_CODEC_ID_H264, avcc[1], 7,
      BYTES(0, 2, 9, 0x10, 0, 2, 0x65, 8), KEYFRAMES_CLOSED },
    { "H.264, lengths of 3 bytes", AV_CODEC_ID_H264, avcc[2], 7,
      BYTES(0, 0, 2, 9, 0x10, 0, 0, 2, 0x65, 8), KEYFRAMES_CLOSED },
    { "H.264, lengths of 4 bytes", AV_CODEC_ID_H264, avcc[3], 7,
      BYTES(0, 0, 0, 2, 9, 0x10, 0, 0, 0, 2, 0x65, 8), KEYFRAMES_CLOSED },
    { "H.264: not an IDR behind lengths", AV_CODEC_ID_H264, avcc[3], 7,
      BYTES(0, 0, 0, 2, 9, 0x10, 0, 0, 0, 2, 0x61, 8), KEYFRAMES_NONE },
    { "H.264: a length beyond the packet", AV_CODEC_ID_H264, avcc[3], 7, BYTES(0, 0, 0, 9, 0x65, 8),
      KEYFRAMES_NONE },
    { "H.264: a length of nothing", AV_CODEC_ID_H264, avcc[3], 7,
      BYTES(0, 0, 0, 0, 0, 0, 0, 2, 0x65, 8), KEYFRAMES_NONE },
    { "H.264: half a length", AV_CODEC_ID_H264, avcc[3], 7, BYTES(0, 0), KEYFRAMES_NONE },
    { "H.264: extradata of start codes", AV_CODEC_ID_H264, BYTES(START, 0x67, 1, 2),
      BYTES(START, 0x65, 8), KEYFRAMES_CLOSED },
    { "HEVC: IDR with leading pictures to come", AV_CODEC_ID_HEVC, NULL, 0,
      BYTES(START, 0x40, 1, 7, START, 0x26, 1, 8), KEYFRAMES_CLOSED },
    { "HEVC: IDR without", AV_CODEC_ID_HEVC, hvcc, 23, BYTES(0, 0, 0, 3, 0x28, 1, 8),
      KEYFRAMES_CLOSED },
    { "HEVC: CRA", AV_CODEC_ID_HEVC, hvcc, 23, BYTES(0, 0, 0, 3, 0x2a, 1, 8), KEYFRAMES_OPEN },
    { "HEVC: BLA", AV_CODEC_ID_HEVC, hvcc, 23, BYTES(0, 0, 0, 3, 0x20, 1, 8), KEYFRAMES_OPEN },
    { "HEVC: RASL", AV_CODEC_ID_HEVC, hvcc, 23, BYTES(0, 0, 0, 3, 0x10, 1, 8), KEYFRAMES_LEADING },
    { "HEVC: RADL", AV_CODEC_ID_HEVC, hvcc, 23, BYTES(0, 0, 0, 3, 0x0e, 1, 8), KEYFRAMES_NONE },
    { "HEVC: a trailing picture", AV_CODEC_ID_HEVC, hvcc, 23, BYTES(0, 0, 0, 3, 2, 1, 8),
      KEYFRAMES_NONE },
    { "HEVC: a slice of another layer is not the picture", AV_CODEC_ID_HEVC, hvcc, 23,
      BYTES(0, 0, 0, 3, 0x28, 9, 8, 0, 0, 0, 3, 2, 1, 8), KEYFRAMES_NONE },
    { "VP8: key", AV_CODEC_ID_VP8, NULL, 0, BYTES(0x10, 2, 0, 0x9d), KEYFRAMES_CLOSED },
    { "VP8: refers", AV_CODEC_ID_VP8, NULL, 0, BYTES(0x11, 2), KEYFRAMES_NONE },
    { "VP8: key that is not shown", AV_CODEC_ID_VP8, NULL, 0, BYTES(0, 2), KEYFRAMES_NONE },
    { "VP9: key", AV_CODEC_ID_VP9, NULL, 0, BYTES(0x82, 0x49), KEYFRAMES_CLOSED },
    { "VP9: refers", AV_CODEC_ID_VP9, NULL, 0, BYTES(0x86), KEYFRAMES_NONE },
    { "VP9: shows what was decoded before", AV_CODEC_ID_VP9, NULL, 0, BYTES(0x8a), KEYFRAMES_NONE },
    { "VP9: key of 10 bits", AV_CODEC_ID_VP9, NULL, 0, BYTES(0x92, 0x49), KEYFRAMES_CLOSED },
    { "VP9: key of profile 3", AV_CODEC_ID_VP9, NULL, 0, BYTES(0xb1, 0x24), KEYFRAMES_CLOSED },
    { "VP9: profile 3 refers", AV_CODEC_ID_VP9, NULL, 0, BYTES(0xb3, 0x24), KEYFRAMES_NONE },
    { "VP9: no frame", AV_CODEC_ID_VP9, NULL, 0, BYTES(0x02), KEYFRAMES_NONE },
    { "AV1: sequence header, then a key frame", AV_CODEC_ID_AV1, NULL, 0,
      BYTES(0x12, 0, 0x0a, 2, 0, 0, 0x32, 2, 0x10, 0), KEYFRAMES_CLOSED },
    { "AV1: key in a header of its own, without a size", AV_CODEC_ID_AV1, NULL, 0,
      BYTES(0x12, 0, 0x18, 0x10, 0), KEYFRAMES_CLOSED },
    { "AV1: refers", AV_CODEC_ID_AV1, NULL, 0, BYTES(0x12, 0, 0x32, 2, 0x30, 0), KEYFRAMES_NONE },
    { "AV1: key to be shown later", AV_CODEC_ID_AV1, NULL, 0, BYTES(0x12, 0, 0x32, 2, 0, 0),
      KEYFRAMES_NONE },
    { "AV1: a size beyond the packet", AV_CODEC_ID_AV1, NULL, 0, BYTES(0x12, 0, 0x32, 0xff, 0x10),
      KEYFRAMES_NONE },
    { "AV1: with an extension", AV_CODEC_ID_AV1, NULL, 0, BYTES(0x12, 0, 0x36, 0, 2, 0x10, 0),
      KEYFRAMES_CLOSED },
    { "MPEG-2 is not copied", AV_CODEC_ID_MPEG2VIDEO, NULL, 0, BYTES(0, 0, 1, 0xb3, 0, 0, 1, 0),
      KEYFRAMES_NONE },
};

static enum keyframes_kind look(const struct packet *packet, size_t size)
{
    AVCodecParameters parameters = { .codec_id = packet->codec,
                                     .extradata_size = packet->extradata_size };
    // libav's pointer is not to const; nothing is written through it.
    memcpy(&parameters.extradata, &packet->extradata, sizeof parameters.extradata);
    struct keyframes keyframes;
    keyframes_init(&keyframes, &parameters);
    // A block of its own, so that reading beyond it is seen.
    uint8_t *copy = xcalloc(size + 1, 1);
    uint8_t *data = xrealloc(copy, size ? size : 1, 1);
    if (size)
        memcpy(data, packet->data, size);
    enum keyframes_kind kind = keyframes_look(&keyframes, data, size);
    free(data);
    return kind;
}

START_TEST(a_picture_is_what_its_bytes_say)
{
    ck_assert_msg(look(&packets[_i], packets[_i].size) == packets[_i].kind, "%s: %d",
                  packets[_i].name, look(&packets[_i], packets[_i].size));
    // A packet that is cut off anywhere is read without harm (the sanitizers watch).
    for (size_t size = 0; size < packets[_i].size; size++)
        (void)look(&packets[_i], size);
}
END_TEST

enum { MOST = 8 };
#define N KEYFRAMES_NONE
#define L KEYFRAMES_LEADING
#define C KEYFRAMES_CLOSED
#define O KEYFRAMES_OPEN

static const struct list {
    const char *name, *codec;
    struct keyframes_picture pictures[MOST]; // in order of decoding
    size_t count;
    double keys[MOST];
    size_t key_count;
    int open; // a bit for each key frame
    bool all;
} lists[] = {
    { "key frames and what refers to them",
      "h264",
      { { 0, 0, C }, { 2, 1, N }, { 1, 2, N }, { 3, 3, C }, { 4, 4, N } },
      5,
      { 0, 3 },
      2,
      0,
      false },
    { "one that is followed by a picture shown before it is none",
      "h264",
      { { 1, 0, C }, { 0, 1, N }, { 2, 2, N }, { 3, 3, C } },
      4,
      { 3 },
      1,
      0,
      false },
    { "leading pictures can be left out",
      "hevc",
      { { 0, 0, C }, { 1, 1, N }, { 4, 2, O }, { 2, 3, L }, { 3, 4, L }, { 5, 5, N } },
      6,
      { 0, 4 },
      2,
      2,
      false },
    { "trailing pictures cannot",
      "hevc",
      { { 0, 0, C }, { 1, 1, N }, { 4, 2, O }, { 2, 3, L }, { 3, 4, N }, { 5, 5, N } },
      6,
      { 0 },
      1,
      0,
      false },
    { "what lies before second 0 is not shown",
      "h264",
      { { -2, 0, C }, { -1, 1, N }, { 0, 2, N }, { 1, 3, C } },
      4,
      { 1 },
      1,
      0,
      false },
    { "a rounding before second 0 is second 0",
      "h264",
      { { -5e-5, 0, C }, { 1, 1, N } },
      2,
      { 0 },
      1,
      0,
      false },
    { "a clock that starts over ends the list before",
      "h264",
      { { 0, 0, C }, { 9, 1, C }, { 3, 2, C }, { 4, 3, N } },
      4,
      { 0, 3 },
      2,
      0,
      false },
    { "two fields in two packets",
      "h264",
      { { 0, 0, C }, { 0, 0, C }, { 1, 1, N }, { 2, 2, C } },
      4,
      { 0, 2 },
      2,
      0,
      false },
    { "pictures without a time are passed over",
      "h264",
      { { 0, 0, C }, { NAN, 1, C }, { 2, 2, N } },
      3,
      { 0 },
      1,
      0,
      false },
    { "only key frames", "h264", { { 0, 0, C }, { 1, 1, C } }, 2, { 0 }, 0, 0, true },
    { "a codec without references", "prores", { { 0, 0, N }, { 1, 1, N } }, 2, { 0 }, 0, 0, true },
    { "nothing", "h264", { { 0, 0, N } }, 1, { 0 }, 0, 0, false },
};

START_TEST(those_are_listed_that_a_copy_may_start_at)
{
    const struct list *list = &lists[_i];
    struct probe probe = PROBE_INIT;
    (void)strcpy(probe.codec, list->codec);
    probe.frames = (int64_t)list->count;
    keyframes_note(list->pictures, list->count, &probe);
    ck_assert_msg(probe.key_frame_count == list->key_count, "%s: %zu", list->name,
                  probe.key_frame_count);
    ck_assert_msg(probe.all_key_frames == list->all, "%s", list->name);
    for (size_t i = 0; i < list->key_count; i++) {
        ck_assert_msg(probe.key_frames[i] == list->keys[i], "%s: %f", list->name,
                      probe.key_frames[i]);
        ck_assert_msg(probe.key_frame_open[i] == (list->open >> i & 1), "%s", list->name);
    }
    probe_release(&probe);
}
END_TEST

START_TEST(a_long_list_is_thinned_out_over_its_whole_length)
{
    enum { COUNT = 4 * 3600 * 20 }; // every second picture is a key frame, four hours long
    struct keyframes_picture *pictures = xcalloc(COUNT, sizeof *pictures);
    struct probe probe = { .codec = "vp9", .frames = COUNT };
    for (size_t i = 0; i < COUNT; i++)
        pictures[i] = (struct keyframes_picture){ (double)i / 20, 0, i % 2 ? N : C };
    keyframes_note(pictures, COUNT, &probe);
    ck_assert_uint_le(probe.key_frame_count, PROBE_MAX_KEY_FRAMES);
    ck_assert_uint_gt(probe.key_frame_count, PROBE_MAX_KEY_FRAMES / 2);
    ck_assert_double_gt(probe.key_frames[probe.key_frame_count - 1], 4 * 3600 - 2);
    for (size_t i = 0; i < probe.key_frame_count; i++) {
        double place = probe.key_frames[i] * 10;
        ck_assert_double_eq_tol(place, round(place), 1e-6);
        ck_assert(i == 0 || probe.key_frames[i] - probe.key_frames[i - 1] < 2);
    }
    probe_release(&probe);
    free(pictures);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keyframes");
    TCase *tcase = tcase_create("keyframes");
    tcase_add_loop_test(tcase, a_picture_is_what_its_bytes_say, 0, (int)ARRAY_LEN(packets));
    tcase_add_loop_test(tcase, those_are_listed_that_a_copy_may_start_at, 0, (int)ARRAY_LEN(lists));
    tcase_add_test(tcase, a_long_list_is_thinned_out_over_its_whole_length);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
