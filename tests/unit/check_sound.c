// Sound: where it lies to the sample, how loud, how it is joined.
#include "media/sound.h"

#include "media/inspect.h"
#include "tests/support/media.h"

#include <check.h>
#include <math.h>
#include <stdio.h>

// ---- reading

// Clicks every half second, 10 ms long, the one at second 1 twice as long: every source here has
// them, so that reading shows where its sound lies.
#define CLICKS                                                                          \
    "aevalsrc=exprs='0.5*sin(2*PI*1000*t)*lt(mod(t\\,0.5)\\,0.01+0.01*lt(abs(t-1)\\,0." \
    "1))'"

struct reading {
    const char *name, *file, *sound, *options, *filter;
    double seconds;
    double shift;            // of the clicks in the source's time
    int tolerance;           // samples
    double gap_from, gap_to; // no sound here, in the source's time
};

static const struct reading readings[] = {
    { "48 kHz stereo", "stereo.mov", CLICKS ":s=48000:c=stereo", "-c:a pcm_s16le", NULL, 3, 0, 0 },
    { "48 kHz mono", "mono.mov", CLICKS ":s=48000:c=mono", "-c:a pcm_s16le", NULL, 3, 0, 0 },
    { "5.1", "surround.mov", CLICKS ":s=48000:c=5.1", "-c:a pcm_s16le", NULL, 3, 0, 0 },
    { "44.1 kHz", "cd.mov", CLICKS ":s=44100:c=stereo", "-c:a pcm_s16le", NULL, 3, 0, 2 },
    { "22.05 kHz", "half.mov", CLICKS ":s=22050:c=mono", "-c:a pcm_s16le", NULL, 3, 0, 4 },
    { "8 kHz", "phone.mov", CLICKS ":s=8000:c=mono", "-c:a pcm_s16le", NULL, 3, 0, 8 },
    { "AAC", "aac.mp4", CLICKS ":s=48000:c=stereo", "-c:a aac -b:a 192k", NULL, 3, 0, 3 },
    { "AAC of 44.1 kHz", "aac44.mp4", CLICKS ":s=44100:c=mono", "-c:a aac -b:a 128k", NULL, 3, 0,
      4 },
    { "MP3 in AVI", "mp3.avi", CLICKS ":s=44100:c=stereo", "-c:v mpeg4 -c:a libmp3lame", NULL, 3, 0,
      1300 }, // AVI says nothing of the 1105 samples an MP3 decoder is late
    // The muxer delays all but the sound by the 7 ms an Opus decoder needs.
    { "Opus in WebM, times of 1 ms", "opus.webm", CLICKS ":s=48000:c=stereo",
      "-c:v libvpx -deadline realtime -c:a libopus -b:a 128k", NULL, 3, -0.007, 48 },
    // Vorbis lets a click be heard a little before.
    { "Vorbis in Matroska", "vorbis.mkv", CLICKS ":s=44100:c=stereo", "-c:a libvorbis", NULL, 3, 0,
      100 },
    { "AAC in MPEG-TS from 1.4 s on", "stream.ts", CLICKS ":s=48000:c=stereo", "-c:a aac -b:a 192k",
      NULL, 3, 0, 48 },
    { "a start time of 100 s", "late.mkv", CLICKS ":s=48000:c=stereo",
      "-c:a pcm_s16le -output_ts_offset 100", NULL, 3, 0, 48 },
    { "sound begins after the picture", "after.mkv", CLICKS ":s=48000:c=stereo",
      "-c:a pcm_s16le -af asetpts=PTS+0.3/TB", NULL, 3, 0.3, 48 },
    { "sound begins before the picture", "before.mkv", CLICKS ":s=48000:c=stereo", "-c:a pcm_s16le",
      "setpts=PTS+0.2/TB", 3, -0.2, 48 },
    { "a gap in the sound", "gap.mkv", CLICKS ":s=48000:c=stereo",
      "-c:a pcm_s16le -af aselect=not(between(t\\,1.7\\,2.2))", NULL, 3, 0, 48, 1.76, 2.14 },
    { "sound that ends early", "short.mkv", CLICKS ":s=48000:c=stereo:d=1.2", "-c:a pcm_s16le",
      NULL, 3, 0, 48, 1.3, 2.9 },
};

struct opened {
    int fd;
    struct probe probe;
    struct source *source;
    struct sound_reader *reader;
};

static struct opened open_clip(const char *path)
{
    struct opened opened = { .fd = media_open(path), .probe = PROBE_INIT };
    struct err err = ERR_INIT;
    const struct inspect_rules rules = { .max_pixels = 1 << 24, .max_streams = 20 };
    const struct source_limits limits = { .max_pixels = 1 << 24, .max_streams = 20 };
    ck_assert_msg(inspect_file(opened.fd, &rules, &opened.probe, &err) >= 0, "%s", err.text);
    ck_assert_msg(source_open(opened.fd, &limits, &opened.source, &err) >= 0, "%s", err.text);
    ck_assert_msg(sound_open(opened.source, &opened.probe, &opened.reader, &err) >= 0, "%s",
                  err.text);
    return opened;
}

static void close_clip(struct opened *opened)
{
    sound_free(&opened->reader);
    source_free(&opened->source);
    probe_release(&opened->probe);
    close_fd(&opened->fd);
}

static struct opened open_reading(const struct reading *reading)
{
    return open_clip(MEDIA_CLIP(.name = reading->file, .seconds = reading->seconds, .width = 64,
                                .height = 48, .rate = "25", .sound = reading->sound,
                                .options = reading->options, .filter = reading->filter));
}

// Reads [origin, origin + seconds) in pieces of uneven size.  Gives the frames.
static float *read_from(struct sound_reader *reader, double origin, double seconds, size_t *count)
{
    struct err err = ERR_INIT;
    *count = (size_t)llround(seconds * SOUND_RATE);
    float *frames = xcalloc(2 * *count, sizeof *frames);
    ck_assert_msg(sound_seek(reader, origin, &err) >= 0, "%s", err.text);
    for (size_t at = 0, piece = 1; at < *count; at += piece, piece = piece * 7 % 4001 + 1) {
        piece = piece < *count - at ? piece : *count - at;
        ck_assert_msg(sound_read(reader, frames + 2 * at, piece, &err) >= 0, "%s", err.text);
    }
    return frames;
}

// The first frame at or after `from` that is louder than a tenth of the clicks.
static int64_t onset(const float *frames, size_t count, int64_t from)
{
    for (size_t i = from < 0 ? 0 : (size_t)from; i < count; i++)
        if (fabsf(frames[2 * i]) > 0.03f || fabsf(frames[2 * i + 1]) > 0.03f)
            return (int64_t)i;
    return -1;
}

static void assert_click(const struct reading *reading, const float *frames, size_t count,
                         double origin, double click)
{
    int64_t expected = llround((click + reading->shift - origin) * SOUND_RATE);
    int64_t found = onset(frames, count, expected - SOUND_RATE / 10);
    // The clicks swell with a sine; at 48 kHz the second sample is over the threshold.
    ck_assert_msg(llabs(found - expected - 1) <= reading->tolerance + 1,
                  "%s from %g: the click at %g is %d samples late", reading->name, origin, click,
                  (int)(found - expected));
}

START_TEST(sound_lies_where_the_file_says_wherever_reading_starts)
{
    const struct reading *reading = &readings[_i];
    struct opened opened = open_reading(reading);
    static const double origins[] = { 0, 0.73, 1.2345, -0.01 };
    for (size_t i = 0; i < ARRAY_LEN(origins); i++) {
        size_t count;
        float *frames = read_from(opened.reader, origins[i], 1.6, &count);
        for (double click = 0; click < 3; click += 0.5) {
            double at = click + reading->shift;
            bool silent = at > reading->gap_from - 0.1 && at < reading->gap_to;
            if (at > origins[i] + 0.11 && at < origins[i] + 1.5 && !silent)
                assert_click(reading, frames, count, origins[i], click);
        }
        free(frames);
    }
    ck_assert(sound_came(opened.reader));
    close_clip(&opened);
}
END_TEST

START_TEST(there_is_silence_where_the_file_has_no_sound)
{
    const struct reading *reading = &readings[_i];
    if (reading->gap_to <= 0)
        return;
    struct opened opened = open_reading(reading);
    size_t count;
    float *frames = read_from(opened.reader, 0.5, 2.5, &count);
    for (int64_t i = llround((reading->gap_from - 0.5) * SOUND_RATE);
         i < llround((reading->gap_to - 0.5) * SOUND_RATE); i++)
        ck_assert_msg(frames[2 * i] == 0, "%s: sound at %g", reading->name,
                      0.5 + (double)i / SOUND_RATE);
    free(frames);
    close_clip(&opened);
}
END_TEST

START_TEST(beyond_the_end_and_before_the_beginning_is_silence)
{
    struct opened opened = open_reading(&readings[0]);
    size_t count;
    float *frames = read_from(opened.reader, 100, 0.5, &count);
    ck_assert_int_eq(onset(frames, count, 0), -1);
    free(frames);
    frames = read_from(opened.reader, -0.4, 0.3, &count);
    ck_assert_int_eq(onset(frames, count, 0), -1);
    free(frames);
    close_clip(&opened);
}
END_TEST

// ---- loudness

static const struct {
    double loudness, gain_db;
} gains[] = {
    { -16, 0 },  { -23, 7 }, { -6, -10 },      { -36, 20 },
    { -50, 20 }, { -61, 0 }, { -HUGE_VAL, 0 }, { NAN, 0 },
};

START_TEST(gain_reaches_for_the_target_within_bounds)
{
    double gain_db = 20 * log10(sound_gain(gains[_i].loudness));
    ck_assert_double_eq_tol(gain_db, gains[_i].gain_db, 1e-9);
}
END_TEST

START_TEST(loudness_is_measured_as_it_will_be_heard)
{
    // A sine of 1 kHz in both channels: its peak in dB, less 3 for the sine, plus 3 for two
    // channels, less 0.7 + 0.7 for the K weighting's offset (BS.1770: 997 Hz at 0 dBFS reads -3.01
    // in one channel).
    struct opened opened =
        open_clip(MEDIA_CLIP(.name = "sine.mov", .seconds = 3, .width = 64, .height = 48,
                             .sound = "aevalsrc=0.1*sin(2*PI*997*t):s=48000:c=stereo:d=3",
                             .options = "-c:a pcm_s16le"));
    struct sound_meter *meter = sound_meter_new();
    struct err err = ERR_INIT;
    ck_assert_int_ge(sound_meter_add(meter, opened.reader, 0.2, 1, &err), 0);
    ck_assert_int_ge(sound_meter_add(meter, opened.reader, 1.5, 1, &err), 0);
    ck_assert_double_eq_tol(sound_meter_loudness(meter), -20, 0.2);
    sound_meter_free(&meter);
    close_clip(&opened);
}
END_TEST

START_TEST(silence_has_no_loudness)
{
    struct sound_meter *meter = sound_meter_new();
    ck_assert(sound_meter_loudness(meter) == -HUGE_VAL);
    sound_meter_free(&meter);
}
END_TEST

// ---- the line

struct heard {
    float *frames;
    size_t count, room;
};

static int hear(void *context, const float *frames, size_t count, struct err *err)
{
    (void)err;
    struct heard *heard = context;
    ck_assert_uint_le(heard->count + count, heard->room);
    memcpy(heard->frames + 2 * heard->count, frames, 2 * count * sizeof *frames);
    heard->count += count;
    return 0;
}

static struct heard heard_new(size_t room)
{
    return (struct heard){ .frames = xcalloc(2 * room, sizeof(float)), .room = room };
}

static struct opened open_level(void)
{
    return open_clip(MEDIA_CLIP(.name = "level.mov", .seconds = 3, .width = 64, .height = 48,
                                .sound = "aevalsrc=0.25:s=48000:c=stereo:d=3",
                                .options = "-c:a pcm_s16le"));
}

START_TEST(segments_join_without_gap_and_fade_at_every_joint)
{
    struct opened opened = open_level();
    static const int64_t lengths[] = { 20000, 4801, 33333 };
    struct heard heard = heard_new(100000);
    struct sound_line *line = sound_line_new(hear, &heard);
    struct err err = ERR_INIT;
    for (size_t k = 0; k < ARRAY_LEN(lengths); k++) {
        ck_assert_int_ge(sound_seek(opened.reader, 0.5, &err), 0);
        sound_line_begin(line, opened.reader, 2);
        ck_assert_int_ge(sound_line_run(line, lengths[k] / 2, &err), 0);
        ck_assert_int_ge(sound_line_end(line, lengths[k], &err), 0);
    }
    ck_assert_int_ge(sound_line_finish(line, &err), 0);
    ck_assert_uint_eq(heard.count, 20000 + 4801 + 33333);
    size_t at = 0;
    for (size_t k = 0; k < ARRAY_LEN(lengths); at += (size_t)lengths[k++]) {
        size_t last = at + (size_t)lengths[k] - 1;
        ck_assert_float_eq_tol(heard.frames[2 * at], 0, 1e-6);
        ck_assert_float_eq_tol(heard.frames[2 * last], 0, 1e-6);
        ck_assert_float_eq_tol(heard.frames[2 * (at + SOUND_FADE / 2)], 0.25, 2e-3);
        ck_assert_float_eq_tol(heard.frames[2 * (last - SOUND_FADE / 2)], 0.25, 2e-3);
        ck_assert_float_eq_tol(heard.frames[2 * (at + SOUND_FADE)], 0.5, 1e-3);
        ck_assert_float_eq_tol(heard.frames[2 * (last - SOUND_FADE)], 0.5, 1e-3);
    }
    sound_line_free(&line);
    free(heard.frames);
    close_clip(&opened);
}
END_TEST

START_TEST(segments_of_any_length_have_exactly_that_length)
{
    static const int64_t lengths[] = { 1,    2,    SOUND_FADE - 1, SOUND_FADE, SOUND_FADE + 1,
                                       4096, 4097, 48000 };
    struct heard heard = heard_new(100000);
    struct sound_line *line = sound_line_new(hear, &heard);
    struct err err = ERR_INIT;
    size_t total = 0;
    for (size_t k = 0; k < ARRAY_LEN(lengths); k++) {
        sound_line_begin(line, NULL, 1);
        ck_assert_int_ge(sound_line_end(line, lengths[k], &err), 0);
        total += (size_t)lengths[k];
    }
    ck_assert_int_ge(sound_line_finish(line, &err), 0);
    ck_assert_uint_eq(heard.count, total);
    sound_line_free(&line);
    free(heard.frames);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sound");
    TCase *reading = tcase_create("reading"), *loudness = tcase_create("loudness"),
          *line = tcase_create("line");
    tcase_set_timeout(reading, 60);
    tcase_add_loop_test(reading, sound_lies_where_the_file_says_wherever_reading_starts, 0,
                        ARRAY_LEN(readings));
    tcase_add_loop_test(reading, there_is_silence_where_the_file_has_no_sound, 0,
                        ARRAY_LEN(readings));
    tcase_add_test(reading, beyond_the_end_and_before_the_beginning_is_silence);
    tcase_set_timeout(loudness, 60);
    tcase_add_loop_test(loudness, gain_reaches_for_the_target_within_bounds, 0, ARRAY_LEN(gains));
    tcase_add_test(loudness, loudness_is_measured_as_it_will_be_heard);
    tcase_add_test(loudness, silence_has_no_loudness);
    tcase_set_timeout(line, 60);
    tcase_add_test(line, segments_join_without_gap_and_fade_at_every_joint);
    tcase_add_test(line, segments_of_any_length_have_exactly_that_length);
    suite_add_tcase(suite, reading);
    suite_add_tcase(suite, loudness);
    suite_add_tcase(suite, line);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
