// Which of several tracks are taken.
#include "base/base.h"
#include "media/tracks.h"
#include <check.h>
#include <libavcodec/avcodec.h>

enum { MOST = 5 };

struct track {
    enum AVCodecID codec; // AV_CODEC_ID_PROBE ends the list
    int width, height;    // or channels and rate
    int disposition;
};
#define END                        \
    {                              \
        AV_CODEC_ID_PROBE, 0, 0, 0 \
    }
#define DEFAULT AV_DISPOSITION_DEFAULT

static const struct file {
    const char *name;
    struct track tracks[MOST];
    int video, audio;
    const char *refused; // id, or NULL
} files[] = {
    { "one of each",
      { { AV_CODEC_ID_H264, 640, 360, DEFAULT }, { AV_CODEC_ID_AAC, 2, 48000, DEFAULT }, END },
      0,
      1,
      NULL },
    { "a cover before the film",
      { { AV_CODEC_ID_MJPEG, 3000, 3000, AV_DISPOSITION_ATTACHED_PIC },
        { AV_CODEC_ID_H264, 640, 360, 0 },
        END },
      1,
      -1,
      NULL },
    { "two equals: the larger",
      { { AV_CODEC_ID_H264, 320, 180, DEFAULT }, { AV_CODEC_ID_H264, 640, 360, DEFAULT }, END },
      1,
      -1,
      NULL },
    { "the default before the larger",
      { { AV_CODEC_ID_H264, 320, 180, DEFAULT }, { AV_CODEC_ID_H264, 640, 360, 0 }, END },
      0,
      -1,
      NULL },
    { "what can be decoded before the default",
      { { AV_CODEC_ID_NONE, 640, 360, DEFAULT }, { AV_CODEC_ID_H264, 320, 180, 0 }, END },
      1,
      -1,
      NULL },
    { "the default sound",
      { { AV_CODEC_ID_H264, 640, 360, 0 },
        { AV_CODEC_ID_AAC, 2, 48000, 0 },
        { AV_CODEC_ID_AAC, 6, 48000, DEFAULT },
        END },
      0,
      2,
      NULL },
    { "the first sound of equals",
      { { AV_CODEC_ID_H264, 640, 360, 0 },
        { AV_CODEC_ID_AAC, 2, 48000, 0 },
        { AV_CODEC_ID_AAC, 6, 48000, 0 },
        END },
      0,
      1,
      NULL },
    { "sound that can be decoded before the default",
      { { AV_CODEC_ID_H264, 640, 360, 0 },
        { AV_CODEC_ID_NONE, 2, 48000, DEFAULT },
        { AV_CODEC_ID_AAC, 2, 48000, 0 },
        END },
      0,
      2,
      NULL },
    { "sound without channels is none",
      { { AV_CODEC_ID_H264, 640, 360, 0 }, { AV_CODEC_ID_AAC, 0, 48000, DEFAULT }, END },
      0,
      -1,
      NULL },
    { "sound only", { { AV_CODEC_ID_AAC, 2, 48000, DEFAULT }, END }, 0, 0, "no_picture" },
    { "nothing", { END }, 0, 0, "no_picture" },
    { "no decoder", { { AV_CODEC_ID_NONE, 640, 360, DEFAULT }, END }, 0, 0, "unsupported_codec" },
    { "no area", { { AV_CODEC_ID_H264, 0, 0, DEFAULT }, END }, 0, 0, "bad_size" },
    { "too large", { { AV_CODEC_ID_H264, 20000, 20000, DEFAULT }, END }, 0, 0, "bad_size" },
    { "absurd", { { AV_CODEC_ID_H264, 2147483647, 2147483647, DEFAULT }, END }, 0, 0, "bad_size" },
};

static AVFormatContext *build(const struct file *file)
{
    AVFormatContext *format = avformat_alloc_context();
    for (int i = 0; i < MOST && file->tracks[i].codec != AV_CODEC_ID_PROBE; i++) {
        const struct track *track = &file->tracks[i];
        AVStream *stream = avformat_new_stream(format, NULL);
        bool sound = track->codec == AV_CODEC_ID_AAC || track->height == 48000;
        stream->codecpar->codec_id = track->codec;
        stream->codecpar->codec_type = sound ? AVMEDIA_TYPE_AUDIO : AVMEDIA_TYPE_VIDEO;
        stream->codecpar->width = sound ? 0 : track->width;
        stream->codecpar->height = sound ? 0 : track->height;
        stream->codecpar->sample_rate = sound ? track->height : 0;
        stream->codecpar->ch_layout.nb_channels = sound ? track->width : 0;
        stream->disposition = track->disposition;
    }
    return format;
}

START_TEST(the_right_tracks_are_taken)
{
    const struct file *file = &files[_i];
    AVFormatContext *format = build(file);
    struct err err = ERR_INIT;
    int video = -7, audio = -7;
    int r = tracks_choose(format, 40000000, &video, &audio, &err);
    if (file->refused != NULL) {
        ck_assert_msg(r < 0, "%s was accepted", file->name);
        ck_assert_str_eq(err.id, file->refused);
        ck_assert_int_eq(err.class, ERR_INPUT);
        ck_assert_msg(err.hint[0] != '\0', "%s: no remedy", file->name);
        ck_assert_int_eq(video, -7);
    } else {
        ck_assert_msg(r == 0, "%s: %s", file->name, err.text);
        ck_assert_msg(video == file->video && audio == file->audio, "%s: %d and %d", file->name,
                      video, audio);
    }
    avformat_free_context(format);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tracks");
    TCase *tcase = tcase_create("tracks");
    tcase_add_loop_test(tcase, the_right_tracks_are_taken, 0, (int)ARRAY_LEN(files));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
