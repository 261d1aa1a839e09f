// Pictures of two encoders under one configuration decode to what they were.
#include "media/bits.h"
#include "media/paramsets.h"

#include "tests/support/coded.h"
#include "tests/support/folder.h"
#include "tests/support/media.h"

#include <check.h>
#include <errno.h>
#include <libavutil/mem.h>
#include <stdio.h>

// ---- real streams -------------------------------------------------------------------------------

enum { HEVC_BLA_W_RADL = 17, HEVC_CRA = 21, HEVC_SUFFIX_SEI = 40 };
enum shape { AS_IS, SHORT_LENGTHS }; // SHORT_LENGTHS: two bytes instead of four

// x265 writes a hash of every picture behind it, which the decoder holds against what it made: a
// picture is what its encoder meant, not only the same twice.  Slices need `pools` to name a
// number: where x265 finds no threads (no /sys), it gives up wpp, which slices need, and writes
// pictures that nothing can decode; what a decoder makes of them depends on what lies behind them
// in memory.
static const struct material {
    const char *name, *picture, *options;
    enum nal_codec codec;
    int depth;
    enum shape shape;
} materials[] = {
    { "cabac.mp4", "testsrc2", "-c:v libx264 -g 12 -bf 2", NAL_H264, 8, AS_IS },
    { "cavlc.mp4", "testsrc2", "-c:v libx264 -profile:v baseline -x264-params slices=4", NAL_H264,
      8, AS_IS },
    { "short.mp4", "testsrc", "-c:v libx264 -preset veryfast -bf 3 -b_strategy 0", NAL_H264, 8,
      SHORT_LENGTHS },
    { "annexb.ts", "testsrc", "-c:v libx264 -g 9 -x264-params aud=1:weightp=2:keyint=9", NAL_H264,
      8, AS_IS },
    { "hrd.mp4", "testsrc2",
      "-c:v libx264 -g 10 -x264-params nal-hrd=cbr:aud=1:vbv-bufsize=800:vbv-maxrate=800 -b:v 800k",
      NAL_H264, 8, AS_IS },
    { "field.mp4", "testsrc2", "-c:v libx264 -flags +ilme+ildct -x264-params tff=1", NAL_H264, 8,
      AS_IS },
    { "black.mp4", "color=black", "-c:v libx264 -g 30 -coder vlc", NAL_H264, 8, AS_IS },
    { "deep.mp4", "testsrc2", "-c:v libx264", NAL_H264, 10, AS_IS },
    { "deep2.ts", "testsrc", "-c:v libx264 -x264-params slices=3", NAL_H264, 10, AS_IS },
    { "closed.mp4", "testsrc2",
      "-c:v libx265 -tag:v hvc1 -preset ultrafast -x265-params "
      "hash=1:keyint=10:open-gop=0:bframes=2",
      NAL_HEVC, 8, AS_IS },
    { "open.mp4", "testsrc",
      "-c:v libx265 -preset ultrafast -x265-params "
      "hash=1:keyint=8:min-keyint=8:open-gop=1:bframes=3",
      NAL_HEVC, 8, AS_IS },
    { "hevc.ts", "testsrc",
      "-c:v libx265 -preset veryfast -x265-params hash=1:slices=2:pools=1:hrd=1:vbv-bufsize=800:"
      "vbv-maxrate=800:aud=1:repeat-headers=1:wpp=1:keyint=12",
      NAL_HEVC, 8, AS_IS },
    { "hshort.mp4", "testsrc2",
      "-c:v libx265 -preset ultrafast -x265-params hash=1:temporal-layers=1", NAL_HEVC, 8,
      SHORT_LENGTHS },
    { "ten.mp4", "testsrc2", "-c:v libx265 -preset ultrafast -x265-params hash=1", NAL_HEVC, 10,
      AS_IS },
    { "ten.ts", "testsrc", "-c:v libx265 -preset ultrafast -x265-params hash=1:keyint=7:open-gop=1",
      NAL_HEVC, 10, AS_IS },
};
enum { MATERIALS = ARRAY_LEN(materials) };

// From four-byte lengths to two: what a camera may have written.
static void shorten(struct coded *coded, enum nal_codec codec)
{
    coded->parameters->extradata[codec == NAL_HEVC ? 21 : 4] &= 0xfd;
    for (size_t i = 0; i < coded->count; i++) {
        AVPacket *packet = coded->packets[i];
        uint8_t *to = packet->data;
        for (const uint8_t *at = packet->data, *end = at + packet->size; at < end;) {
            size_t size = (size_t)at[2] << 8 | at[3];
            ck_assert(at[0] == 0 && at[1] == 0);
            memmove(to, at + 2, 2 + size);
            to += 2 + size;
            at += 4 + size;
        }
        av_shrink_packet(packet, (int)(to - packet->data));
    }
}

static void load(const struct material *material, struct coded *coded)
{
    cleanup(free_ptr) char *options = xasprintf("%s -pix_fmt %s", material->options,
                                                material->depth == 10 ? "yuv420p10le" : "yuv420p");
    coded_load(MEDIA_CLIP(.name = material->name, .seconds = 1, .width = 320, .height = 192,
                          .rate = "25", .sound = "", .picture = material->picture,
                          .options = options),
               coded);
    if (material->shape == SHORT_LENGTHS)
        shorten(coded, material->codec);
}

static void parse(const struct material *material, const struct coded *coded,
                  struct paramsets *sets)
{
    ck_assert_int_eq(paramsets_parse(material->codec, coded->parameters->extradata,
                                     (size_t)coded->parameters->extradata_size, sets),
                     0);
}

static void translate_one(struct coded *to, const struct paramsets *sets, const AVPacket *packet,
                          bool as_bla, int64_t shift)
{
    uint8_t *data = NULL;
    size_t size = 0;
    ck_assert_int_eq(
        paramsets_translate(sets, packet->data, (size_t)packet->size, as_bla, &data, &size), 0);
    ck_assert_uint_gt(size, 0);
    if (data == NULL)
        ck_assert_uint_eq(size, packet->size);
    coded_add(to, data != NULL ? data : packet->data, size, packet, shift);
    av_free(data);
}

static void translate_all(struct coded *to, const struct paramsets *sets, const struct coded *from,
                          int64_t shift)
{
    for (size_t i = 0; i < from->count; i++)
        translate_one(to, sets, from->packets[i], false, shift);
}

static void join(struct coded *joined, struct paramsets *first, struct paramsets *second)
{
    struct paramsets *const groups[] = { first, second };
    uint8_t *data;
    size_t size;
    ck_assert_int_eq(paramsets_unite(groups, 2), 0);
    ck_assert(!first->renamed && second->renamed);
    ck_assert_int_eq(paramsets_configuration((const struct paramsets *const[]){ first, second }, 2,
                                             &data, &size),
                     0);
    coded_set_extradata(joined->parameters, data, size);
    av_free(data);
}

static void check_same(const struct decoded *whole, size_t at, const struct decoded *part,
                       size_t from, const char *name)
{
    ck_assert_uint_ge(whole->count, at + part->count - from);
    for (size_t i = from; i < part->count; i++)
        ck_assert_msg(memcmp(whole->hashes[at + i - from], part->hashes[i], 16) == 0,
                      "%s: picture %zu differs", name, i);
}

static bool has_type(const struct coded *coded, const struct nal_stream *stream, int type)
{
    for (size_t i = 0; i < coded->count; i++) {
        const uint8_t *at = coded->packets[i]->data, *end = at + coded->packets[i]->size;
        for (struct nal nal; nal_next(stream, &at, end, &nal) > 0;)
            if (nal.type == type)
                return true;
    }
    return false;
}

static void check_pair(const struct material *a, const struct material *b,
                       const struct folder *folder)
{
    static struct coded first, second, joined, back;
    static struct decoded one, two, both, straight;
    struct paramsets sets[2];
    char *path = xasprintf("%s/joined.mp4", folder->path);
    load(a, &first);
    load(b, &second);
    parse(a, &first, &sets[0]);
    parse(b, &second, &sets[1]);
    joined =
        (struct coded){ .parameters = avcodec_parameters_alloc(), .time_base = second.time_base };
    avcodec_parameters_copy(joined.parameters, first.parameters);
    join(&joined, &sets[0], &sets[1]);
    for (size_t i = 0; i < first.count; i++)
        av_packet_rescale_ts(first.packets[i], first.time_base, second.time_base);
    translate_all(&joined, &sets[0], &first, 0);
    int64_t shift = 4 * av_rescale_q(1, (AVRational){ 1, 1 }, second.time_base);
    translate_all(&joined, &sets[1], &second, shift);

    if (a->codec == NAL_HEVC) // the hashes came along
        ck_assert(has_type(&joined, &(struct nal_stream){ .codec = NAL_HEVC, .length_size = 4 },
                           HEVC_SUFFIX_SEI));

    coded_decode(&first, &one);
    coded_decode(&second, &two);
    coded_decode(&joined, &straight);
    coded_write(&joined, path);
    coded_load(path, &back);
    coded_decode(&back, &both);
    ck_assert_msg(one.messages + two.messages == 0, "%s%s", one.said, two.said);
    ck_assert_msg(both.messages + straight.messages == 0, "%s then %s: %s%s", a->name, b->name,
                  straight.said, both.said);
    ck_assert_uint_eq(one.count, 25);
    ck_assert_uint_eq(both.count, one.count + two.count);
    ck_assert_uint_eq(straight.count, both.count);
    check_same(&both, 0, &one, 0, a->name);
    check_same(&both, one.count, &two, 0, b->name);
    check_same(&straight, one.count, &two, 0, b->name);
    for (int i = 0; i < 2; i++)
        paramsets_release(&sets[i]);
    coded_release(&first);
    coded_release(&second);
    coded_release(&joined);
    coded_release(&back);
    free(path);
}

START_TEST(pictures_under_new_ids_decode_to_the_same_without_a_message)
{
    struct folder folder;
    folder_make(&folder);
    for (int i = 0; i < MATERIALS; i++)
        if (materials[i].codec == materials[_i].codec && materials[i].depth == materials[_i].depth)
            check_pair(&materials[_i], &materials[i], &folder);
    folder_remove(&folder);
}
END_TEST

// An open sync picture at a joint: its leading pictures stay away, it becomes a BLA, and what is
// shown from it on is as it was.
START_TEST(a_run_may_begin_with_an_open_sync_picture)
{
    static const struct nal_stream track = { .codec = NAL_HEVC, .length_size = 4 };
    static struct coded first, second, joined;
    static struct decoded one, two, both;
    const struct material *a = &materials[9], *b = &materials[10];
    struct paramsets sets[2];
    size_t start = 0, left_behind = 0, copied = 0;
    load(a, &first);
    load(b, &second);
    parse(a, &first, &sets[0]);
    parse(b, &second, &sets[1]);
    joined =
        (struct coded){ .parameters = avcodec_parameters_alloc(), .time_base = second.time_base };
    avcodec_parameters_copy(joined.parameters, first.parameters);
    join(&joined, &sets[0], &sets[1]);
    translate_all(&joined, &sets[0], &first, 0);
    int64_t shift = 4 * av_rescale_q(1, (AVRational){ 1, 1 }, second.time_base);
    for (size_t i = 1; i < second.count && start == 0; i++)
        if (nal_classify(&sets[1].stream, second.packets[i]->data,
                         (size_t)second.packets[i]->size) == NAL_SYNC_OPEN)
            start = i;
    ck_assert_uint_gt(start, 0);
    bool at_joint = true;
    for (size_t i = start; i < second.count; i++) {
        const AVPacket *packet = second.packets[i];
        enum nal_picture is = nal_classify(&sets[1].stream, packet->data, (size_t)packet->size);
        at_joint = at_joint && (i == start || is != NAL_SYNC_OPEN);
        if (at_joint && is == NAL_LEADING) {
            left_behind++;
            continue;
        }
        translate_one(&joined, &sets[1], packet, i == start, shift);
        copied++;
    }
    ck_assert_uint_gt(left_behind, 0);
    ck_assert(has_type(&joined, &track, HEVC_BLA_W_RADL) && has_type(&joined, &track, HEVC_CRA));
    coded_decode(&first, &one);
    coded_decode(&second, &two);
    coded_decode(&joined, &both);
    ck_assert_msg(both.messages == 0, "%s", both.said);
    ck_assert_uint_eq(both.count, one.count + copied);
    check_same(&both, one.count, &two, two.count - copied, b->name);
    for (int i = 0; i < 2; i++)
        paramsets_release(&sets[i]);
    coded_release(&first);
    coded_release(&second);
    coded_release(&joined);
}
END_TEST

static bool packet_stays(const struct paramsets *sets, const AVPacket *packet, bool as_bla)
{
    uint8_t *data = NULL;
    size_t size;
    ck_assert_int_eq(
        paramsets_translate(sets, packet->data, (size_t)packet->size, as_bla, &data, &size), 0);
    bool stays = data == NULL;
    av_free(data);
    return stays;
}

START_TEST(what_needs_no_change_is_not_written_anew)
{
    static const struct {
        int material;
        bool as_bla, stays;
    } cases[] = { { 0, false, true },  { 2, false, false }, { 3, false, false },
                  { 10, false, true }, { 10, true, false }, { 9, true, true } };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct material *material = &materials[cases[i].material];
        struct coded coded;
        struct paramsets sets;
        bool stays = true;
        load(material, &coded);
        parse(material, &coded, &sets);
        for (size_t n = 0; n < coded.count; n++)
            stays &= packet_stays(&sets, coded.packets[n], cases[i].as_bla);
        ck_assert_msg(stays == cases[i].stays, "%s", material->name);
        paramsets_release(&sets);
        coded_release(&coded);
    }
}
END_TEST

// ---- units by hand ------------------------------------------------------------------------------

// SPS 0 of profile 66 and PPS 0; SPS 0 again with another content.
#define SPS_UNIT "\x67\x42\x00\x1e\xf4"
#define PPS_UNIT "\x68\xe0"
// first_mb 0, slice_type 0, PPS 0, then bits of the header: 111 1 ....
#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

static const struct by_hand {
    const char *sentence;
    const char *in;
    size_t in_size;
    int r;
    const char *out; // NULL: as it is
    size_t out_size;
} by_hand[] = {
#define IN(text) text, sizeof(text) - 1
    { "a slice grows by a byte: 1 1 1 to 1 1 000010000", IN("\0\0\0\3\x41\xf5\x80"), 0,
      IN("\0\0\0\4\x41\xc2\x15\x80") },
    { "an id in the middle of zeros is escaped", IN("\0\0\0\6\x41\xe0\0\0\3\1"), 0,
      IN("\0\0\0\7\x41\xc2\0\0\3\0\1") },
    { "an escape goes where zeros moved apart", IN("\0\0\0\x7\x41\xe0\0\0\3\0\x80"), 0,
      IN("\0\0\0\x8\x41\xc2\0\0\3\0\0\x80") },
    { "a slice that ends in zeros ends in an escape", IN("\0\0\0\6\x41\xe0\0\0\3\0"), 0,
      IN("\0\0\0\x8\x41\xc2\0\0\3\0\0\3") },
    { "a delimiter and filler are left out", IN("\0\0\0\2\x09\xf0\0\0\0\3\x41\xf5\x80\0\0\0\1\x0c"),
      0, IN("\0\0\0\4\x41\xc2\x15\x80") },
    { "the group's own sets in band are left out",
      IN("\0\0\0\5" SPS_UNIT "\0\0\0\2" PPS_UNIT "\0\0\0\3\x41\xf5\x80"), 0,
      IN("\0\0\0\4\x41\xc2\x15\x80") },
    { "another set in band is refused", IN("\0\0\0\5\x67\x42\x00\x1f\xf4\0\0\0\3\x41\xf5\x80"),
      -ESTALE, NULL, 0 },
    { "a PPS that is not of the group is refused", IN("\0\0\0\3\x41\xd5\x80"), -ESTALE, NULL, 0 },
    { "a buffering period is left out, its neighbours stay",
      IN("\0\0\0\xb\x06\0\2\xaa\xbb\5\3\x11\0\x22\x80"), 0, IN("\0\0\0\7\x06\5\3\x11\0\x22\x80") },
    { "nothing but a buffering period leaves nothing", IN("\0\0\0\5\x06\0\1\xaa\x80"), 0, IN("") },
    { "a message beyond its unit is left out", IN("\0\0\0\5\x06\5\x09\xaa\x80"), 0, IN("") },
    { "auxiliary pictures are refused", IN("\0\0\0\3\x13\xf5\x80"), -EINVAL, NULL, 0 },
    { "other views are refused", IN("\0\0\0\3\x14\xf5\x80"), -EINVAL, NULL, 0 },
    { "a length beyond the packet is refused", IN("\0\0\0\4\x41\xf5\x80"), -EINVAL, NULL, 0 },
    { "a slice without its id is refused", IN("\0\0\0\2\x41\xc0"), -EINVAL, NULL, 0 },
    { "three zeros at the id are no unit", IN("\0\0\0\6\x41\xe0\0\0\0\1"), -EINVAL, NULL, 0 },
#undef IN
};

static void make_twins(struct paramsets sets[2])
{
    static const char config[] = "\1\x42\0\x1e\xff\xe1\0\5" SPS_UNIT "\1\0\2" PPS_UNIT;
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(paramsets_parse(NAL_H264, BYTES(config), &sets[i]), 0);
    ck_assert_int_eq(paramsets_unite((struct paramsets *const[]){ &sets[0], &sets[1] }, 2), 0);
    ck_assert_int_eq(sets[1].pps_id[0], 15);
}

START_TEST(units_by_hand)
{
    const struct by_hand *c = &by_hand[_i];
    struct paramsets sets[2];
    uint8_t *data = NULL;
    size_t size = 0;
    make_twins(sets);
    int r = paramsets_translate(&sets[1], (const uint8_t *)c->in, c->in_size, false, &data, &size);
    ck_assert_msg(r == c->r, "%s: %d", c->sentence, r);
    if (r == 0) {
        ck_assert_msg(data != NULL && size == c->out_size && memcmp(data, c->out, size) == 0,
                      "%s: %zu bytes", c->sentence, size);
        for (int i = 0; i < AV_INPUT_BUFFER_PADDING_SIZE; i++)
            ck_assert_int_eq(data[size + (size_t)i], 0);
    }
    av_free(data);
    for (int i = 0; i < 2; i++)
        paramsets_release(&sets[i]);
}
END_TEST

// A slice: 1 1 1 (PPS 0), then bits that are mostly zeros, so that escapes lie everywhere.
static size_t invent_slice(uint32_t *random, uint8_t *rbsp)
{
    size_t size = 2 + (*random >> 8) % 60;
    rbsp[0] = 0x41;
    for (size_t i = 1; i < size; i++) {
        *random = *random * 1664525 + 1013904223;
        rbsp[i] = (uint8_t)(*random >> 28 < 11 ? 0 : *random >> 26 & 3);
    }
    rbsp[1] |= 0xe0;
    return size;
}

static size_t escape_all(const uint8_t *rbsp, size_t size, uint8_t *to)
{
    struct bits_escape escape = { .at = to + 4 };
    bits_escape(&escape, rbsp, size);
    bits_escape_end(&escape);
    size = (size_t)(escape.at - to);
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)((size - 4) >> (24 - 8 * i));
    return size;
}

// The quick way, which copies most of a slice, gives what taking off all escapes and putting them
// on again gives.
START_TEST(whatever_the_bytes_escapes_are_where_they_belong)
{
    struct paramsets sets[2];
    uint32_t random = 1;
    make_twins(sets);
    for (int round = 0; round < 20000; round++) {
        uint8_t rbsp[80], renamed[80], unit[160], expected[160], *data = NULL;
        size_t size = 0, rbsp_size = invent_slice(&random, rbsp);
        struct bits from = bits_of(rbsp, rbsp_size);
        struct bits_out out = { .data = renamed, .capacity = sizeof renamed };
        bits_copy(&out, &from, 10);
        bits_put_ue(&out, 15);
        bits_skip(&from, 1);
        bits_copy(&out, &from, from.size - from.at);
        size_t unit_size = escape_all(rbsp, rbsp_size, unit);
        size_t expected_size = escape_all(renamed, out.at / 8, expected);
        ck_assert_int_eq(paramsets_translate(&sets[1], unit, unit_size, false, &data, &size), 0);
        ck_assert_msg(size == expected_size && memcmp(data, expected, size) == 0,
                      "round %d: %zu bytes, not %zu", round, size, expected_size);
        av_free(data);
    }
    paramsets_release(&sets[0]);
    paramsets_release(&sets[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("paramsets_translate");
    TCase *tcase = tcase_create("paramsets_translate");
    tcase_set_timeout(tcase, 240);
    tcase_add_loop_test(tcase, units_by_hand, 0, (int)ARRAY_LEN(by_hand));
    tcase_add_test(tcase, whatever_the_bytes_escapes_are_where_they_belong);
    tcase_add_loop_test(tcase, pictures_under_new_ids_decode_to_the_same_without_a_message, 0,
                        MATERIALS);
    tcase_add_test(tcase, a_run_may_begin_with_an_open_sync_picture);
    tcase_add_test(tcase, what_needs_no_change_is_not_written_anew);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
