// Reading, uniting and listing parameter sets; whether pictures still decode under what comes out
// is shown in check_paramsets_translate.c.
#include "media/bits.h"
#include "media/paramsets.h"

#include "tests/support/coded.h"
#include "tests/support/media.h"

#include <check.h>
#include <errno.h>
#include <libavutil/mem.h>

#define IN(text) (const uint8_t *)(text), sizeof(text) - 1
#define SPS_UNIT "\x67\x42\x00\x1e\xf4"
#define PPS_UNIT "\x68\xe0"

static const struct reading {
    const char *sentence;
    enum nal_codec codec;
    const uint8_t *data;
    size_t size;
    int r;
    size_t count;
    int length_size;
} readings[] = {
    { "avcC", NAL_H264, IN("\1\x42\0\x1e\xff\xe1\0\5" SPS_UNIT "\1\0\2" PPS_UNIT), 0, 2, 4 },
    { "avcC with lengths of two", NAL_H264,
      IN("\1\x42\0\x1e\xfd\xe1\0\5" SPS_UNIT "\1\0\2" PPS_UNIT), 0, 2, 2 },
    { "avcC with a SPS extension", NAL_H264,
      IN("\1\x64\0\x1e\xff\xe1\0\5" SPS_UNIT "\1\0\2" PPS_UNIT "\xfd\xf8\xf8\1\0\2\x6d\xc0"), 0, 3,
      4 },
    { "an extension of a SPS that is not there", NAL_H264,
      IN("\1\x64\0\x1e\xff\xe1\0\5" SPS_UNIT "\1\0\2" PPS_UNIT "\xfd\xf8\xf8\1\0\2\x6d\x50"),
      -EINVAL, 0, 0 },
    { "avcC without PPS", NAL_H264, IN("\1\x42\0\x1e\xff\xe1\0\5" SPS_UNIT "\0"), -EINVAL, 0, 0 },
    { "avcC without anything", NAL_H264, IN("\1\x42\0\x1e\xff\xe0\0"), -EINVAL, 0, 0 },
    { "avcC that is cut off", NAL_H264, IN("\1\x42\0\x1e\xff\xe1\0\5\x67\x42"), -EINVAL, 0, 0 },
    { "avcC that ends before the PPS", NAL_H264, IN("\1\x42\0\x1e\xff\xe1\0\5" SPS_UNIT), -EINVAL,
      0, 0 },
    { "avcC of an unknown version", NAL_H264,
      IN("\2\x42\0\x1e\xff\xe1\0\5" SPS_UNIT "\1\0\2" PPS_UNIT), -EINVAL, 0, 0 },
    { "nothing", NAL_H264, IN(""), -EINVAL, 0, 0 },
    { "nothing as HEVC", NAL_HEVC, IN(""), -EINVAL, 0, 0 },
    { "Annex B", NAL_H264, IN("\0\0\0\1" SPS_UNIT "\0\0\1" PPS_UNIT), 0, 2, 0 },
    { "Annex B with SEI and the same again", NAL_H264,
      IN("\0\0\1" SPS_UNIT "\0\0\1" PPS_UNIT "\0\0\1\6\5\1\1\x80\0\0\1" SPS_UNIT
         "\0\0\0\1" PPS_UNIT),
      0, 2, 0 },
    { "two sets of one id", NAL_H264,
      IN("\0\0\1" SPS_UNIT "\0\0\1" PPS_UNIT "\0\0\1\x67\x42\0\x1f\xf4"), -EINVAL, 0, 0 },
    { "a PPS without its SPS", NAL_H264, IN("\0\0\1" SPS_UNIT "\0\0\1\x68\xa8"), -EINVAL, 0, 0 },
    { "a SPS that ends in its level", NAL_H264, IN("\0\0\1\x67\x42\0\x1e\0\0\1" PPS_UNIT), -EINVAL,
      0, 0 },
    { "a SPS id of 32", NAL_H264, IN("\0\0\1\x67\x42\0\x1e\x04\x30\0\0\1" PPS_UNIT), -EINVAL, 0,
      0 },
    { "HEVC SPS and PPS without VPS", NAL_HEVC,
      IN("\0\0\1\x42\1\1\1\x60\x11\x11\x11\x11\x11\x11\x11\x11\x11\x5d\xa0\0\0\1\x44\1\xc1"),
      -EINVAL, 0, 0 },
    { "HEVC VPS, SPS and PPS", NAL_HEVC,
      IN("\0\0\1\x40\1\x0c\1\0\0\1\x42\1\1\1\x60\x11\x11\x11\x11\x11\x11\x11\x11\x11\x5d\xa0"
         "\0\0\1\x44\1\xc1"),
      0, 3, 0 },
    { "a HEVC SPS of eight sub-layers", NAL_HEVC,
      IN("\0\0\1\x40\1\x0c\1\0\0\1\x42\1\x0e\1\x60\x11\x11\x11\x11\x11\x11\x11\x11\x11\x5d\xa0"
         "\0\0\1\x44\1\xc1"),
      -EINVAL, 0, 0 },
};

START_TEST(configurations_are_read_or_refused)
{
    const struct reading *c = &readings[_i];
    struct paramsets sets;
    int r = paramsets_parse(c->codec, c->data, c->size, &sets);
    ck_assert_msg(r == c->r, "%s: %d", c->sentence, r);
    ck_assert_msg(sets.count == c->count, "%s: %zu sets", c->sentence, sets.count);
    ck_assert_msg(sets.stream.length_size == c->length_size, "%s", c->sentence);
    paramsets_release(&sets);
}
END_TEST

// ---- ids ----------------------------------------------------------------------------------------

static size_t put_unit(uint8_t *to, enum nal_codec codec, int type, int own, int parent)
{
    static const uint8_t ptl[12] = { 1,    0x60, 0x11, 0x11, 0x11, 0x11,
                                     0x11, 0x11, 0x11, 0x11, 0x11, 0x5d };
    uint8_t rbsp[64];
    struct bits_out out = { .data = rbsp, .capacity = sizeof rbsp };
    struct bits from = bits_of(ptl, sizeof ptl);
    bool hevc = codec == NAL_HEVC, sps = type == 7 || type == 33;
    if (hevc)
        bits_put(&out, (uint32_t)type << 9 | 1, 16);
    else
        bits_put(&out, 0x60U | (uint32_t)type, 8);
    if (type == 32)
        bits_put(&out, (uint32_t)own, 4);
    if (sps && hevc) {
        bits_put(&out, (uint32_t)parent << 4 | 1, 8);
        bits_copy(&out, &from, 8 * sizeof ptl);
    } else if (sps) {
        bits_put(&out, 0x42001e, 24);
    }
    if (type != 32)
        bits_put_ue(&out, (uint32_t)own);
    if (type == 8 || type == 34)
        bits_put_ue(&out, (uint32_t)parent);
    if (sps && hevc) { // 4:2:0, 64x64, no window, 8 bits
        static const uint32_t format[] = { 1, 64, 64 };
        for (size_t i = 0; i < ARRAY_LEN(format); i++)
            bits_put_ue(&out, format[i]);
        bits_put(&out, 3, 3); // no window, two depths of 0
    }
    bits_put(&out, 0x2aa, 10);
    bits_put_stop(&out);
    memcpy(to, "\0\0\1", 3);
    struct bits_escape escape = { .at = to + 3 };
    bits_escape(&escape, rbsp, out.at / 8);
    return (size_t)(escape.at - to);
}

// A group of one SPS (and VPS) of this id and these PPS.
static void make_group(enum nal_codec codec, int sps, const int *pps, struct paramsets *ret)
{
    uint8_t data[2048];
    size_t size = 0;
    if (codec == NAL_HEVC)
        size += put_unit(data + size, codec, 32, sps, 0);
    size += put_unit(data + size, codec, codec == NAL_HEVC ? 33 : 7, sps, sps);
    for (; *pps >= 0; pps++)
        size += put_unit(data + size, codec, codec == NAL_HEVC ? 34 : 8, *pps, sps);
    ck_assert_int_eq(paramsets_parse(codec, data, size, ret), 0);
}

#define END -1
static const struct union_case {
    const char *sentence;
    enum nal_codec codec;
    size_t groups;
    struct {
        int sps, pps[6];
        int new_sps, new_pps[5];
    } group[4];
} unions[] = {
    { "who differs keeps all",
      NAL_H264,
      2,
      { { 0, { 0, END }, 0, { 0 } }, { 1, { 1, END }, 1, { 1 } } } },
    { "0 becomes 15, then 16",
      NAL_H264,
      3,
      { { 0, { 0, END }, 0, { 0 } }, { 0, { 0, END }, 1, { 15 } }, { 0, { 0, END }, 2, { 16 } } } },
    { "the same length first, then eight bits more",
      NAL_H264,
      3,
      { { 0, { 1, END }, 0, { 1 } }, { 0, { 1, END }, 1, { 2 } }, { 0, { 1, END }, 2, { 31 } } } },
    { "eight bits less do too",
      NAL_H264,
      2,
      { { 0, { 15, 16, 17, 18, 255, END }, 0, { 15, 16, 17, 18, 255 } },
        { 0, { 15, END }, 1, { 19 } } } },
    { "sixteen bits",
      NAL_H264,
      2,
      { { 0, { 255, END }, 0, { 255 } }, { 0, { 255, END }, 1, { 0 } } } },
    { "HEVC",
      NAL_HEVC,
      3,
      { { 0, { 0, END }, 0, { 0 } },
        { 0, { 0, 3, END }, 1, { 15, 3 } },
        { 0, { 0, 3, END }, 2, { 16, 4 } } } },
};

START_TEST(groups_get_ids_of_their_own)
{
    const struct union_case *c = &unions[_i];
    struct paramsets sets[4], back;
    struct paramsets *const groups[] = { &sets[0], &sets[1], &sets[2], &sets[3] };
    const struct paramsets *const united[] = { &sets[0], &sets[1], &sets[2], &sets[3] };
    uint8_t *data;
    size_t size, expected = 0;
    for (size_t i = 0; i < c->groups; i++)
        make_group(c->codec, c->group[i].sps, c->group[i].pps, &sets[i]);
    ck_assert_int_eq(paramsets_unite(groups, c->groups), 0);
    ck_assert_int_eq(paramsets_configuration(united, c->groups, &data, &size), 0);
    ck_assert_int_eq(paramsets_parse(c->codec, data, size, &back), 0);
    for (size_t i = 0; i < c->groups; i++) {
        expected += sets[i].count;
        for (size_t j = 0; c->group[i].pps[j] >= 0; j++) {
            int id = c->group[i].new_pps[j], is = sets[i].pps_id[c->group[i].pps[j]];
            ck_assert_msg(is == id, "%s: group %zu: %d, not %d", c->sentence, i, is, id);
            // It is listed, and belongs to the SPS of its group.
            bool listed = false;
            for (size_t k = 0; k < back.count; k++)
                listed |= (back.sets[k].type == 8 || back.sets[k].type == 34) &&
                          back.sets[k].id == id && back.sets[k].parent_id == c->group[i].new_sps;
            ck_assert_msg(listed, "%s: PPS %d", c->sentence, id);
        }
    }
    ck_assert_uint_eq(back.count, expected);
    ck_assert_int_eq(back.stream.length_size, 4);
    for (size_t i = 0; i < c->groups; i++)
        paramsets_release(&sets[i]);
    paramsets_release(&back);
    av_free(data);
}
END_TEST

// Groups of one SPS and one PPS 0: HEVC has room for 16 (SPS), H.264 for 18 (PPS 0, 15 to 30 and
// 255).
START_TEST(too_many_groups_are_refused_and_left_alone)
{
    static const struct {
        enum nal_codec codec;
        size_t room;
    } cases[] = { { NAL_HEVC, 16 }, { NAL_H264, 18 } };
    struct paramsets sets[20], *groups[20];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t n = 0; n < 20; n++) {
            make_group(cases[i].codec, 0, (const int[]){ 0, END }, &sets[n]);
            groups[n] = &sets[n];
        }
        ck_assert_int_eq(paramsets_unite(groups, cases[i].room), 0);
        ck_assert(sets[1].renamed);
        ck_assert_int_eq(paramsets_unite(groups, cases[i].room + 1), -ENOSPC);
        for (size_t n = 0; n < 20; n++) {
            ck_assert(!sets[n].renamed && sets[n].pps_id[0] == 0);
            paramsets_release(&sets[n]);
        }
    }
}
END_TEST

// ---- what is said of all together ---------------------------------------------------------------

static const struct saying {
    const char *sentence;
    const uint8_t *one, *two; // three bytes: profile, constraints, level
    int r;
    const uint8_t *said;
} sayings[] = {
#define P(text) (const uint8_t *)(text)
    { "the same", P("\x64\0\x1f"), P("\x64\0\x1f"), 0, P("\x64\0\x1f") },
    { "the higher level", P("\x64\0\x1f"), P("\x64\0\x28"), 0, P("\x64\0\x28") },
    { "Main in High", P("\x64\0\x1f"), P("\x4d\x40\x1e"), 0, P("\x64\0\x1f") },
    { "High in Baseline", P("\x42\xc0\x1f"), P("\x64\0\x1e"), 0, P("\x64\0\x1f") },
    { "constraints that all keep", P("\x42\xc0\x1f"), P("\x42\x40\x1f"), 0, P("\x42\x40\x1f") },
    { "Extended and Main", P("\x58\0\x1f"), P("\x4d\0\x1f"), -EINVAL, NULL },
};

static void make_profile(const uint8_t *profile, struct paramsets *ret)
{
    // Id 0, then (high profiles) 4:2:0 and eight bits.
    uint8_t data[] = { 0,    0,    1, 0x67, profile[0], profile[1], profile[2],
                       0xae, 0x80, 0, 0,    1,          0x68,       0xe0 };
    ck_assert_int_eq(paramsets_parse(NAL_H264, data, sizeof data, ret), 0);
}

START_TEST(profile_and_level_cover_all)
{
    const struct saying *c = &sayings[_i];
    struct paramsets one, two;
    uint8_t *data = NULL;
    size_t size = 0;
    make_profile(c->one, &one);
    make_profile(c->two, &two);
    ck_assert_int_eq(paramsets_unite((struct paramsets *const[]){ &one, &two }, 2), 0);
    int r =
        paramsets_configuration((const struct paramsets *const[]){ &one, &two }, 2, &data, &size);
    ck_assert_msg(r == c->r, "%s: %d", c->sentence, r);
    if (r == 0)
        ck_assert_msg(memcmp(data + 1, c->said, 3) == 0, "%s: %02x%02x%02x", c->sentence, data[1],
                      data[2], data[3]);
    av_free(data);
    paramsets_release(&one);
    paramsets_release(&two);
}
END_TEST

// ---- real configurations ------------------------------------------------------------------------

static const struct real {
    const char *name, *options;
    enum nal_codec codec;
} reals[] = {
    { "baseline.mp4", "-c:v libx264 -profile:v baseline -pix_fmt yuv420p", NAL_H264 },
    { "high.mp4", "-c:v libx264 -pix_fmt yuv420p", NAL_H264 },
    { "high10.mp4", "-c:v libx264 -pix_fmt yuv420p10le", NAL_H264 },
    { "high422.mp4", "-c:v libx264 -pix_fmt yuv422p", NAL_H264 },
    { "main.mp4", "-c:v libx265 -preset ultrafast -pix_fmt yuv420p", NAL_HEVC },
    { "main10.mp4", "-c:v libx265 -preset ultrafast -pix_fmt yuv420p10le", NAL_HEVC },
    { "rext.mp4", "-c:v libx265 -preset ultrafast -pix_fmt yuv422p10le", NAL_HEVC },
    { "layers.mp4", "-c:v libx265 -preset ultrafast -x265-params temporal-layers=1", NAL_HEVC },
};
enum { REALS = ARRAY_LEN(reals) };

static void read_real(const struct real *real, struct coded *coded, struct paramsets *sets)
{
    coded_load(MEDIA_CLIP(.name = real->name, .seconds = 0.4, .width = 320, .height = 192,
                          .rate = "25", .sound = "", .options = real->options),
               coded);
    ck_assert_int_eq(paramsets_parse(real->codec, coded->parameters->extradata,
                                     (size_t)coded->parameters->extradata_size, sets),
                     0);
}

// What muxers write is the reference: FFmpeg's own configuration, but for what it is free to say.
START_TEST(alone_a_group_gets_the_configuration_it_had)
{
    const struct real *real = &reals[_i];
    struct coded coded;
    struct paramsets sets, back;
    uint8_t *data;
    size_t size;
    read_real(real, &coded, &sets);
    ck_assert_int_eq(
        paramsets_configuration((const struct paramsets *const[]){ &sets }, 1, &data, &size), 0);
    const uint8_t *was = coded.parameters->extradata;
    ck_assert_int_eq(paramsets_parse(real->codec, data, size, &back), 0);
    ck_assert(paramsets_equal(&sets, &back));
    if (real->codec == NAL_H264) {
        ck_assert_uint_eq(size, coded.parameters->extradata_size);
        ck_assert_mem_eq(data, was, size);
    } else {
        ck_assert_mem_eq(data, was, 15);                // profile to segmentation
        ck_assert_mem_eq(data + 16, was + 16, 3);       // chroma format and depths
        ck_assert_uint_eq(data[21] & 63, was[21] & 63); // sub-layers, lengths
    }
    paramsets_release(&sets);
    paramsets_release(&back);
    coded_release(&coded);
    av_free(data);
}
END_TEST

START_TEST(only_the_same_sets_are_equal_and_only_one_format_is_listed)
{
    // Of each codec: the first two differ in profile only, or in sub-layers.
    static const int fits[][3] = { { 0, 1, 0 }, { 1, 2, -EINVAL }, { 1, 3, -EINVAL },
                                   { 4, 7, 0 }, { 4, 5, -EINVAL }, { 5, 6, -EINVAL },
                                   { 1, 1, 0 }, { 5, 5, 0 } };
    for (size_t i = 0; i < ARRAY_LEN(fits); i++) {
        struct coded one, two;
        struct paramsets a, b;
        uint8_t *data = NULL;
        size_t size;
        read_real(&reals[fits[i][0]], &one, &a);
        read_real(&reals[fits[i][1]], &two, &b);
        ck_assert(paramsets_equal(&a, &b) == (fits[i][0] == fits[i][1]));
        ck_assert_int_eq(paramsets_unite((struct paramsets *const[]){ &a, &b }, 2), 0);
        int r =
            paramsets_configuration((const struct paramsets *const[]){ &a, &b }, 2, &data, &size);
        ck_assert_msg(r == fits[i][2], "%zu: %d", i, r);
        // Renaming does not count: it is about what is coded.
        ck_assert(paramsets_equal(&a, &b) == (fits[i][0] == fits[i][1]));
        av_free(data);
        paramsets_release(&a);
        paramsets_release(&b);
        coded_release(&one);
        coded_release(&two);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("paramsets");
    TCase *tcase = tcase_create("paramsets");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, configurations_are_read_or_refused, 0, (int)ARRAY_LEN(readings));
    tcase_add_loop_test(tcase, groups_get_ids_of_their_own, 0, (int)ARRAY_LEN(unions));
    tcase_add_test(tcase, too_many_groups_are_refused_and_left_alone);
    tcase_add_loop_test(tcase, profile_and_level_cover_all, 0, (int)ARRAY_LEN(sayings));
    tcase_add_loop_test(tcase, alone_a_group_gets_the_configuration_it_had, 0, REALS);
    tcase_add_test(tcase, only_the_same_sets_are_equal_and_only_one_format_is_listed);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
