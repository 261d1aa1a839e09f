// Coded pictures read without decoding, and once more to be copied.
#include "media/scan.h"

#include "media/paramsets.h"
#include "tests/support/folder.h"
#include "tests/support/media.h"

#include <check.h>
#include <fcntl.h>
#include <libavutil/log.h>
#include <math.h>
#include <stdio.h>

enum { FPS = 25, SECONDS = 8, MOST = 400 };

static const struct source_limits limits = { 10000000, 16 };

static const struct material {
    const char *name, *options;
    int group;       // pictures from one sync picture to the next
    bool is_untimed; // packets have no times of their own
} materials[] = {
    { "b.mp4", "-c:v libx264 -preset veryfast -g 40 -keyint_min 40 -sc_threshold 0 -bf 3", 40 },
    { "b.mkv", "-c:v libx264 -preset veryfast -g 40 -keyint_min 40 -sc_threshold 0 -bf 3", 40 },
    { "b.ts", "-c:v libx264 -preset veryfast -g 40 -keyint_min 40 -sc_threshold 0 -bf 3", 40 },
    { "late.ts",
      "-c:v libx264 -preset veryfast -g 40 -keyint_min 40 -sc_threshold 0 -output_ts_offset 100",
      40 },
    { "fragments.mp4",
      "-c:v libx264 -preset veryfast -g 20 -keyint_min 20 -sc_threshold 0 -movflags "
      "+frag_keyframe+delay_moov",
      20 },
    { "sparse.mp4", "-c:v libx264 -preset ultrafast -g 1000 -sc_threshold 0", 1000 },
    { "sparse.ts", "-c:v libx264 -preset ultrafast -g 1000 -sc_threshold 0", 1000 },
    { "open.mp4",
      "-c:v libx265 -preset ultrafast -x265-params "
      "keyint=20:min-keyint=20:open-gop=1:bframes=3:b-adapt=0:scenecut=0:log-level=error",
      20 },
    { "open.mkv",
      "-c:v libx265 -preset ultrafast -x265-params "
      "keyint=20:min-keyint=20:open-gop=1:bframes=3:b-adapt=0:scenecut=0:log-level=error",
      20 },
    { "open-groups.mp4",
      "-c:v libx264 -preset veryfast -g 20 -bf 2 -x264-params open-gop=1:b-adapt=0:scenecut=0",
      1000 },
    { "untimed.avi", "-c:v libx264 -preset veryfast -g 40 -bf 2", 40, true },
};
enum { MATERIALS = ARRAY_LEN(materials) };

static const char *make_file(const struct material *material)
{
    return media_clip(&(struct media_clip){ .name = material->name,
                                            .seconds = SECONDS,
                                            .width = 160,
                                            .height = 120,
                                            .rate = "25",
                                            .options = material->options });
}

struct reading {
    int fd;
    struct source *source;
    struct paramsets sets;
};

static void begin(struct reading *reading, const char *path)
{
    struct err err = ERR_INIT;
    reading->fd = media_open(path);
    ck_assert_msg(source_open(reading->fd, &limits, &reading->source, &err) == 0, "%s", err.text);
    ck_assert_msg(source_decode(reading->source, SOURCE_PICTURE, 1, AVDISCARD_DEFAULT, &err) == 0,
                  "%s", err.text);
    const AVCodecParameters *parameters = source_video(reading->source)->codecpar;
    ck_assert_int_eq(paramsets_parse(parameters->codec_id == AV_CODEC_ID_HEVC ? NAL_HEVC : NAL_H264,
                                     parameters->extradata, (size_t)parameters->extradata_size,
                                     &reading->sets),
                     0);
}

static void end(struct reading *reading)
{
    paramsets_release(&reading->sets);
    source_free(&reading->source);
    close_fd(&reading->fd);
}

static void scan(struct reading *reading, double from, double to, struct scan *ret_scan)
{
    struct err err = ERR_INIT;
    ck_assert_msg(scan_read(reading->source, &reading->sets.stream, from, to, ret_scan, &err) == 0,
                  "%s", err.text);
}

static bool is_sync(enum nal_picture kind)
{
    return kind == NAL_SYNC || kind == NAL_SYNC_OPEN;
}

// The times of which frames stand there, each once.
static void mark(const struct scan *scan, bool *is_there, const char *name)
{
    for (size_t i = 0; i < scan->count; i++) {
        double frame = scan->pictures[i].time * FPS;
        ck_assert_msg(fabs(frame - round(frame)) < 0.05 && frame > -0.5 && frame < MOST,
                      "%s: a picture at frame %g", name, frame);
        ck_assert_msg(!is_there[llround(frame)], "%s: frame %g twice", name, frame);
        is_there[llround(frame)] = true;
    }
}

static const double parts[][2] = { { 0, 1 },     { 3, 5 },        { 3.2, 3.24 }, { 1.6, 2 },
                                   { 1.601, 2 }, { 4.7999, 5.2 }, { 7.5, 8 },    { 0.02, 8 } };

START_TEST(a_scan_begins_with_a_sync_picture_before_the_start_and_holds_all_that_is_shown)
{
    const struct material *material = &materials[_i];
    struct reading reading;
    begin(&reading, make_file(material));
    for (size_t p = 0; p < ARRAY_LEN(parts) && !material->is_untimed; p++) {
        const double start = parts[p][0], stop = parts[p][1];
        bool is_there[MOST] = { false };
        struct scan found;
        scan(&reading, start, stop, &found);
        ck_assert_msg(found.is_timed, "%s: no times", material->name);
        ck_assert_uint_gt(found.count, 0);
        ck_assert_msg(is_sync(found.pictures[0].kind), "%s from %g: begins with kind %d",
                      material->name, start, found.pictures[0].kind);
        ck_assert_msg(found.pictures[0].time <= start + 0.0011, "%s from %g: begins at %g",
                      material->name, start, found.pictures[0].time);
        mark(&found, is_there, material->name);
        int first = (int)ceil(start * FPS - 0.05), last = (int)ceil(stop * FPS - 0.05);
        for (int frame = first; frame < last && frame < SECONDS * FPS; frame++)
            ck_assert_msg(is_there[frame], "%s from %g to %g: frame %d is missing", material->name,
                          start, stop, frame);
        // What is shown is told right: sync pictures where the encoder put them, nowhere else.
        for (size_t i = 0; i < found.count; i++)
            ck_assert_msg(is_sync(found.pictures[i].kind) ==
                              (llround(found.pictures[i].time * FPS) % material->group == 0),
                          "%s: picture at %g is of kind %d", material->name, found.pictures[i].time,
                          found.pictures[i].kind);
        // It does not read on and on.
        ck_assert_msg(found.pictures[found.count - 1].time < stop + 0.5, "%s", material->name);
        scan_release(&found);
    }
    end(&reading);
}
END_TEST

START_TEST(packets_without_times_are_told_as_such)
{
    struct reading reading;
    struct scan found;
    begin(&reading, make_file(&materials[MATERIALS - 1]));
    ck_assert(materials[MATERIALS - 1].is_untimed);
    scan(&reading, 1, 2, &found);
    ck_assert(!found.is_timed);
    ck_assert_uint_le(found.count, 60); // and it was not read to the end for that
    scan_release(&found);
    scan_release(&found);
    end(&reading);
}
END_TEST

struct copies {
    size_t next, count;
    size_t refuse_at;
    int sizes[MOST];
    uint32_t sums[MOST];
};

static int keep(void *context, size_t index, AVPacket *packet, struct err *err)
{
    struct copies *copies = context;
    if (copies->count + 1 == copies->refuse_at)
        return err_set(err, ERR_IO, "refused", "no room");
    ck_assert_uint_eq(index, copies->next);
    copies->next++;
    uint32_t sum = 0;
    for (int i = 0; i < packet->size; i++)
        sum = sum * 31 + packet->data[i];
    copies->sizes[copies->count] = packet->size;
    copies->sums[copies->count++] = sum;
    av_packet_unref(packet); // may be taken
    return 0;
}

START_TEST(what_was_scanned_comes_again_the_same_from_wherever_it_is_asked)
{
    const struct material *material = &materials[_i];
    struct reading reading;
    struct scan found;
    struct err err = ERR_INIT;
    if (material->is_untimed)
        return;
    begin(&reading, make_file(material));
    scan(&reading, 3, 6, &found);
    static struct copies all;
    all = (struct copies){ .next = 0 };
    ck_assert_msg(scan_replay(reading.source, &found, 0, found.count, keep, &all, &err) == 0,
                  "%s: %s", material->name, err.text);
    ck_assert_uint_eq(all.count, found.count);
    for (size_t from = found.count - 1; from > 0; from = from > 11 ? from - 11 : 0) {
        static struct copies part;
        size_t to = from + 20 < found.count ? from + 20 : found.count;
        part = (struct copies){ .next = from };
        ck_assert_msg(scan_replay(reading.source, &found, from, to, keep, &part, &err) == 0,
                      "%s from %zu: %s", material->name, from, err.text);
        ck_assert_uint_eq(part.count, to - from);
        for (size_t i = 0; i < part.count; i++) {
            ck_assert_int_eq(part.sizes[i], all.sizes[from + i]);
            ck_assert_uint_eq(part.sums[i], all.sums[from + i]);
        }
    }
    // As somebody else's reader finds it, too.
    struct reading other;
    static struct copies again;
    begin(&other, make_file(material));
    again = (struct copies){ .next = 0 };
    ck_assert_int_eq(scan_replay(other.source, &found, 0, found.count, keep, &again, &err), 0);
    ck_assert_mem_eq(again.sums, all.sums, found.count * sizeof all.sums[0]);
    scan_release(&found);
    end(&other);
    end(&reading);
}
END_TEST

START_TEST(who_takes_the_packets_can_stop_it)
{
    struct reading reading;
    struct scan found;
    struct err err = ERR_INIT;
    static struct copies copies;
    begin(&reading, make_file(&materials[0]));
    scan(&reading, 1, 3, &found);
    copies = (struct copies){ .refuse_at = 5 };
    ck_assert_int_lt(scan_replay(reading.source, &found, 0, found.count, keep, &copies, &err), 0);
    ck_assert_str_eq(err.id, "refused");
    ck_assert_uint_eq(copies.count, 4);
    scan_release(&found);
    end(&reading);
}
END_TEST

static const struct other {
    const char *sentence, *name, *options;
    double seconds;
} others[] = {
    { "shifted by half a picture", "shifted.mkv",
      "-c:v libx264 -preset veryfast -g 40 -keyint_min 40 -sc_threshold 0 -bf 3 -r 24", 8 },
    { "coded in another order", "plain.mp4", "-c:v libx264 -preset veryfast -g 40 -bf 0", 8 },
    { "shorter", "short.mp4",
      "-c:v libx264 -preset veryfast -g 40 -keyint_min 40 -sc_threshold 0 -bf 3", 4 },
};

START_TEST(a_file_that_gives_other_pictures_is_tried_again_later)
{
    struct reading before, after;
    struct scan found;
    struct err err = ERR_INIT;
    static struct copies copies;
    begin(&before, make_file(&materials[0]));
    scan(&before, 3, 6, &found);
    end(&before);
    begin(&after, MEDIA_CLIP(.name = others[_i].name, .seconds = others[_i].seconds, .width = 160,
                             .height = 120, .rate = "25", .options = others[_i].options));
    copies = (struct copies){ .next = 0 };
    int r = scan_replay(after.source, &found, 0, found.count, keep, &copies, &err);
    ck_assert_msg(r < 0, "%s: nobody noticed", others[_i].sentence);
    ck_assert_int_eq(err.class, ERR_RETRY);
    ck_assert_str_eq(err.id, "changed");
    scan_release(&found);
    end(&after);
}
END_TEST

START_TEST(a_part_behind_the_end_of_the_file_holds_no_picture_of_it)
{
    struct reading reading;
    struct scan found;
    begin(&reading, make_file(&materials[0]));
    scan(&reading, 20, 21, &found);
    for (size_t i = 0; i < found.count; i++)
        ck_assert_double_lt(found.pictures[i].time, SECONDS);
    scan_release(&found);
    end(&reading);
}
END_TEST

int main(void)
{
    av_log_set_level(AV_LOG_QUIET);
    Suite *suite = suite_create("scan");
    TCase *scan_case = tcase_create("scan");
    tcase_set_timeout(scan_case, 60);
    tcase_add_loop_test(
        scan_case, a_scan_begins_with_a_sync_picture_before_the_start_and_holds_all_that_is_shown,
        0, MATERIALS);
    tcase_add_test(scan_case, packets_without_times_are_told_as_such);
    tcase_add_loop_test(scan_case, what_was_scanned_comes_again_the_same_from_wherever_it_is_asked,
                        0, MATERIALS);
    tcase_add_test(scan_case, who_takes_the_packets_can_stop_it);
    tcase_add_loop_test(scan_case, a_file_that_gives_other_pictures_is_tried_again_later, 0,
                        ARRAY_LEN(others));
    tcase_add_test(scan_case, a_part_behind_the_end_of_the_file_holds_no_picture_of_it);
    suite_add_tcase(suite, scan_case);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
