// Walking through units, and whether pictures are to each other what is said of them.
#include "media/nal.h"
#include "media/paramsets.h"

#include "tests/support/coded.h"
#include "tests/support/media.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>

#define IN(text) text, sizeof(text) - 1

static const struct walk {
    const char *sentence;
    enum nal_codec codec;
    int length_size;
    const char *data;
    size_t size;
    int last;           // what ends the walk: 0 or -EINVAL
    const char *expect; // type/size of each unit
} walks[] = {
    { "nothing", NAL_H264, 4, IN(""), 0, "" },
    { "lengths of four", NAL_H264, 4, IN("\0\0\0\1\x65\0\0\0\2\x41\x80"), 0, "5/1 1/2 " },
    { "lengths of two", NAL_H264, 2, IN("\0\2\x65\x88\0\1\x41"), 0, "5/2 1/1 " },
    { "lengths of one", NAL_H264, 1, IN("\2\x65\x88\1\x09"), 0, "5/2 9/1 " },
    { "lengths of three", NAL_H264, 3, IN("\0\0\2\x65\x88"), 0, "5/2 " },
    { "a length beyond the end", NAL_H264, 4, IN("\0\0\0\2\x65"), -EINVAL, "" },
    { "a length that is cut off", NAL_H264, 4, IN("\0\0\0\1\x65\0\0\1"), -EINVAL, "5/1 " },
    { "an enormous length", NAL_H264, 4, IN("\xff\xff\xff\xff\x65"), -EINVAL, "" },
    { "an empty unit", NAL_H264, 4, IN("\0\0\0\0\0\0\0\1\x65"), -EINVAL, "" },
    { "the forbidden bit", NAL_H264, 4, IN("\0\0\0\1\xe5"), -EINVAL, "" },
    { "start codes of three and four", NAL_H264, 0, IN("\0\0\1\x65\x88\0\0\0\1\x41"), 0,
      "5/2 1/1 " },
    { "zeros around start codes", NAL_H264, 0, IN("\0\0\0\0\1\x65\x88\0\0\0\0\0\1\x41\0\0"), 0,
      "5/2 1/1 " },
    { "ones that start nothing", NAL_H264, 0, IN("\0\0\1\x65\1\0\1\1\0\0\2\1\0\0\1\x41"), 0,
      "5/9 1/1 " },
    { "no start code", NAL_H264, 0, IN("\x65\x88\0\0\1\x41"), -EINVAL, "" },
    { "zeros only", NAL_H264, 0, IN("\0\0\0\0"), 0, "" },
    { "a start code only", NAL_H264, 0, IN("\0\0\1"), -EINVAL, "" },
    { "start code upon start code", NAL_H264, 0, IN("\0\0\1\0\0\1\x65"), -EINVAL, "" },
    { "HEVC", NAL_HEVC, 4, IN("\0\0\0\2\x26\1\0\0\0\3\2\1\x80"), 0, "19/2 1/3 " },
    { "HEVC with start codes", NAL_HEVC, 0, IN("\0\0\1\x40\1\x0c\0\0\1\2\1\xd0"), 0, "32/3 1/3 " },
    { "half a HEVC header", NAL_HEVC, 4, IN("\0\0\0\1\x26"), -EINVAL, "" },
};

START_TEST(units_are_found)
{
    const struct walk *walk = &walks[_i];
    const struct nal_stream stream = { .codec = walk->codec, .length_size = walk->length_size };
    const uint8_t *at = (const uint8_t *)walk->data, *end = at + walk->size;
    char seen[100] = "";
    size_t used = 0;
    struct nal nal;
    int r;
    while ((r = nal_next(&stream, &at, end, &nal)) > 0)
        used += (size_t)snprintf(seen + used, sizeof seen - used, "%d/%zu ", nal.type, nal.size);
    ck_assert_msg(r == walk->last, "%s: ends with %d", walk->sentence, r);
    ck_assert_msg(strcmp(seen, walk->expect) == 0, "%s: %s", walk->sentence, seen);
    ck_assert(r < 0 || at == end);
}
END_TEST

static const struct picture {
    const char *sentence;
    enum nal_codec codec;
    int top_sub_layer;
    const char *data;
    size_t size;
    enum nal_picture is;
} pictures[] = {
    { "IDR", NAL_H264, 0, IN("\0\0\0\2\x09\xf0\0\0\0\2\x65\x88"), NAL_SYNC },
    { "I, not IDR", NAL_H264, 0, IN("\0\0\0\2\x41\x88"), NAL_REFERENCE },
    { "nal_ref_idc 0", NAL_H264, 0, IN("\0\0\0\2\x01\x88"), NAL_DISPOSABLE },
    { "partition A", NAL_H264, 0, IN("\0\0\0\2\x42\x88"), NAL_REFERENCE },
    { "IDR field and another", NAL_H264, 0, IN("\0\0\0\2\x65\x88\0\0\0\2\x41\x88"), NAL_SYNC },
    { "a field nobody refers to and another", NAL_H264, 0, IN("\0\0\0\2\x01\x88\0\0\0\2\x41\x88"),
      NAL_REFERENCE },
    { "parameter sets only", NAL_H264, 0, IN("\0\0\0\2\x67\x42"), NAL_NO_PICTURE },
    { "another view only", NAL_H264, 0, IN("\0\0\0\2\x74\x42"), NAL_NO_PICTURE },
    { "broken behind a slice", NAL_H264, 0, IN("\0\0\0\2\x65\x88\0\0\0\2\x41"), NAL_NO_PICTURE },
    { "IDR_W_RADL", NAL_HEVC, 0, IN("\0\0\0\3\x26\1\x80"), NAL_SYNC },
    { "IDR_N_LP", NAL_HEVC, 0, IN("\0\0\0\3\x28\1\x80"), NAL_SYNC },
    { "CRA", NAL_HEVC, 0, IN("\0\0\0\3\x2a\1\x80"), NAL_SYNC_OPEN },
    { "BLA", NAL_HEVC, 0, IN("\0\0\0\3\x20\1\x80"), NAL_SYNC_OPEN },
    { "RASL_N", NAL_HEVC, 0, IN("\0\0\0\3\x10\1\x80"), NAL_LEADING },
    { "RASL_R", NAL_HEVC, 0, IN("\0\0\0\3\x12\1\x80"), NAL_LEADING },
    { "RADL_R", NAL_HEVC, 0, IN("\0\0\0\3\x0e\1\x80"), NAL_REFERENCE },
    { "TRAIL_N", NAL_HEVC, 0, IN("\0\0\0\3\0\1\x80"), NAL_DISPOSABLE },
    { "TRAIL_R", NAL_HEVC, 0, IN("\0\0\0\3\2\1\x80"), NAL_REFERENCE },
    { "TRAIL_N below the top", NAL_HEVC, 1, IN("\0\0\0\3\0\1\x80"), NAL_REFERENCE },
    { "TSA_N at the top", NAL_HEVC, 1, IN("\0\0\0\3\4\2\x80"), NAL_DISPOSABLE },
    { "reserved slices", NAL_HEVC, 0, IN("\0\0\0\3\x2c\1\x80"), NAL_NO_PICTURE },
    { "IDR of another layer behind", NAL_HEVC, 0, IN("\0\0\0\3\2\1\x80\0\0\0\3\x26\x09\x80"),
      NAL_REFERENCE },
};

START_TEST(pictures_are_told_apart)
{
    const struct picture *picture = &pictures[_i];
    const struct nal_stream stream = { picture->codec, 4, picture->top_sub_layer };
    enum nal_picture is = nal_classify(&stream, (const uint8_t *)picture->data, picture->size);
    ck_assert_msg(is == picture->is, "%s: %d", picture->sentence, (int)is);
}
END_TEST

// ---- what is said of real pictures holds
// ---------------------------------------------------------

static const struct material {
    const char *name, *options;
    enum nal_codec codec;
} materials[] = {
    { "disposable.mp4", "-c:v libx264 -g 12 -bf 3 -b_strategy 0", NAL_H264 },
    { "disposable.ts", "-c:v libx264 -g 12 -bf 2 -x264-params b-pyramid=none", NAL_H264 },
    { "hdisposable.mp4", "-c:v libx265 -preset ultrafast -x265-params bframes=3:keyint=10",
      NAL_HEVC },
    { "sublayers.mp4",
      "-c:v libx265 -preset ultrafast -x265-params bframes=3:keyint=10:temporal-layers=1",
      NAL_HEVC },
};

static bool is_shown(const struct decoded *decoded, int64_t pts, const uint8_t *hash)
{
    for (size_t i = 0; i < decoded->count; i++)
        if (decoded->pts[i] == pts && memcmp(decoded->hashes[i], hash, 16) == 0)
            return true;
    return false;
}

START_TEST(without_disposable_pictures_the_others_are_what_they_were)
{
    const struct material *material = &materials[_i];
    static struct coded all, some;
    static struct decoded whole, rest;
    struct paramsets sets;
    size_t disposable = 0, sync = 0, marked = 0;
    coded_load(MEDIA_CLIP(.name = material->name, .seconds = 1, .width = 320, .height = 192,
                          .rate = "25", .sound = "", .options = material->options),
               &all);
    ck_assert_int_eq(paramsets_parse(material->codec, all.parameters->extradata,
                                     (size_t)all.parameters->extradata_size, &sets),
                     0);
    some = (struct coded){ .parameters = avcodec_parameters_alloc(), .time_base = all.time_base };
    avcodec_parameters_copy(some.parameters, all.parameters);
    for (size_t i = 0; i < all.count; i++) {
        const AVPacket *packet = all.packets[i];
        enum nal_picture is = nal_classify(&sets.stream, packet->data, (size_t)packet->size);
        ck_assert_int_ne(is, NAL_NO_PICTURE);
        sync += is == NAL_SYNC || is == NAL_SYNC_OPEN;
        marked += (packet->flags & AV_PKT_FLAG_KEY) != 0;
        disposable += is == NAL_DISPOSABLE;
        if (is != NAL_DISPOSABLE)
            coded_add(&some, packet->data, (size_t)packet->size, packet, 0);
    }
    ck_assert_uint_gt(disposable, 0);
    ck_assert_uint_eq(sync, marked);
    coded_decode(&all, &whole);
    coded_decode(&some, &rest);
    ck_assert_msg(rest.messages == 0, "%s: %s", material->name, rest.said);
    ck_assert_uint_eq(rest.count, whole.count - disposable);
    for (size_t i = 0; i < rest.count; i++)
        ck_assert_msg(is_shown(&whole, rest.pts[i], rest.hashes[i]), "%s: picture %zu",
                      material->name, i);
    paramsets_release(&sets);
    coded_release(&all);
    coded_release(&some);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("nal");
    TCase *tcase = tcase_create("nal");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, units_are_found, 0, (int)ARRAY_LEN(walks));
    tcase_add_loop_test(tcase, pictures_are_told_apart, 0, (int)ARRAY_LEN(pictures));
    tcase_add_loop_test(tcase, without_disposable_pictures_the_others_are_what_they_were, 0,
                        (int)ARRAY_LEN(materials));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
