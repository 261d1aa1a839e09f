// The joined file: what was copied decodes to what it was, in its place, among what was encoded.
#include "media/join.h"

#include "tests/support/coded.h"
#include "tests/support/cutting.h"
#include "tests/support/media.h"
#include "tests/support/program.h"

#include <check.h>
#include <fcntl.h>
#include <libavformat/avformat.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

enum { MOST_SEGMENTS = 4, FPS = 25 };

// 4 seconds of 25 pictures each.
static const char *make_clip(const char *name, const char *picture, const char *options)
{
    return media_clip(&(struct media_clip){ .name = name,
                                            .seconds = 4,
                                            .width = 160,
                                            .height = 120,
                                            .rate = "25",
                                            .picture = picture,
                                            .options = options });
}

static const struct reel {
    const char *sentence;
    const char *names[2], *options[2]; // of the sources
    double segments[MOST_SEGMENTS][3]; // source, start, end
    const char *strips;
    int delay; // of the coding times, frames
} reels[] = {
    { "without reordering",
      { "plain.mp4" },
      { "-c:v libx264 -preset ultrafast -g 25" },
      { { 0, 0.4, 2 }, { 0, 2, 3.6 } },
      "e0+15 c15+25 c40+40",
      0 },
    { "B pictures",
      { "b.mp4" },
      { "-c:v libx264 -preset veryfast -g 20 -bf 2 -b_strategy 0 -x264-params b-pyramid=none" },
      { { 0, 0.4, 2.6 } },
      "e0+10 c10+44 e54+1",
      1 },
    { "a pyramid of B pictures",
      { "pyramid.mp4" },
      { "-c:v libx264 -preset veryfast -g 24 -bf 3 -b_strategy 0 -x264-params b-pyramid=normal" },
      { { 0, 0.96, 2.6 }, { 0, 2.8, 3.92 } },
      "c0+41 e41+2 c43+25 e68+1",
      2 },
    { "transport stream",
      { "b.ts" },
      { "-c:v libx264 -preset veryfast -g 20 -bf 2 -b_strategy 0 -x264-params b-pyramid=none" },
      { { 0, 0.4, 2.6 } },
      "e0+10 c10+44 e54+1",
      1 },
    { "HEVC with closed groups",
      { "closed.mp4" },
      { "-c:v libx265 -preset ultrafast -tag:v hvc1 -x265-params "
        "keyint=20:min-keyint=20:open-gop=0:bframes=2:b-adapt=0:scenecut=0:log-level=error" },
      { { 0, 0.4, 2.6 }, { 0, 3.2, 4 } },
      "e0+10 c10+44 e54+1 c55+20",
      2 },
    { "HEVC with open groups: one run across several of them",
      { "open.mp4" },
      { "-c:v libx265 -preset ultrafast -tag:v hvc1 -x265-params "
        "keyint=16:min-keyint=16:open-gop=1:bframes=3:b-adapt=0:scenecut=0:log-level=error" },
      { { 0, 0.4, 3.6 }, { 0, 0.88, 2 } },
      "e0+6 o6+73 e79+1 e80+10 o90+17 e107+1",
      2 },
    { "two encoders, each with sets of its own",
      { "cabac.mp4", "cavlc.mp4" },
      { "-c:v libx264 -preset veryfast -g 20 -bf 2 -b_strategy 0",
        "-c:v libx264 -preset ultrafast -g 20 -pix_fmt yuv420p -x264-params cabac=0:slices=3" },
      { { 0, 0.4, 2 }, { 1, 0.4, 2 }, { 0, 2.4, 3.2 }, { 1, 1.6, 3.2 } },
      "e0+10 c10+30 e40+10 c50+30 c80+20 c100+40",
      1 },
};
enum { REELS = ARRAY_LEN(reels), OPEN_GROUPS = 5 };

static const char *source_path(const struct reel *reel, int index)
{
    return make_clip(reel->names[index], index ? "testsrc" : "testsrc2", reel->options[index]);
}

static void lay(struct cutting *cutting, const struct reel *reel)
{
    cutting_open(cutting);
    for (int i = 0; i < 2 && reel->names[i]; i++)
        cutting_use(cutting, i, source_path(reel, i));
    for (int i = 0; i < MOST_SEGMENTS && reel->segments[i][2] > 0; i++)
        cutting_cut(cutting, (int)reel->segments[i][0], reel->segments[i][1], reel->segments[i][2]);
    cutting_lay(cutting, true);
    ck_assert_msg(cutting->cuts.copied > 0, "%s: %s", reel->sentence, cutting->why);
}

START_TEST(copied_pictures_decode_to_what_they_were_and_no_decoder_has_a_word_to_say)
{
    const struct reel *reel = &reels[_i];
    struct cutting cutting;
    static struct coded coded, source_coded[2];
    static struct decoded decoded, originals[2];
    lay(&cutting, reel);
    ck_assert_msg(strcmp(cutting_strips(&cutting), reel->strips) == 0, "%s: %s", reel->sentence,
                  cutting_strips(&cutting));
    cutting_join(&cutting);
    coded_load(cutting_path(&cutting), &coded);
    coded_decode(&coded, &decoded);
    ck_assert_msg(decoded.messages == 0, "%s: %s", reel->sentence, decoded.said);
    ck_assert_int_eq((int64_t)decoded.count, cuts_frames(&cutting.cuts));
    for (int i = 0; i < 2 && reel->names[i]; i++) {
        coded_load(source_path(reel, i), &source_coded[i]);
        coded_decode(&source_coded[i], &originals[i]);
    }
    int64_t compared = 0;
    for (size_t s = 0; s < cutting.cuts.strip_count; s++) {
        const struct strip *strip = &cutting.cuts.strips[s];
        const struct cut *cut = &cutting.cuts.cuts[strip->cut];
        for (int64_t n = strip->run.first; n < strip->run.first + strip->run.count; n++) {
            if (!strip->run.is_copied)
                continue;
            int64_t picture = llround(cuts_instant(&cutting.cuts, cut, n) * FPS);
            ck_assert_msg(memcmp(decoded.hashes[cut->place.first_frame + n],
                                 originals[cut->segment->video_index].hashes[picture], 16) == 0,
                          "%s (%s): frame %lld is not picture %lld", reel->sentence,
                          cutting_strips(&cutting), (long long)(cut->place.first_frame + n),
                          (long long)picture);
            compared++;
        }
    }
    ck_assert_int_eq(compared, cutting.cuts.copied);
    coded_release(&coded);
    cutting_close(&cutting);
}
END_TEST

START_TEST(each_frame_is_shown_once_and_coding_times_are_even_and_as_late_as_they_may)
{
    const struct reel *reel = &reels[_i];
    struct cutting cutting;
    static struct coded coded;
    bool is_there[CODED_MAX] = { false };
    lay(&cutting, reel);
    cutting_join(&cutting);
    coded_load(cutting_path(&cutting), &coded);
    ck_assert_uint_eq(coded.count, cutting.join.count);
    ck_assert_int_eq((int64_t)coded.count, cuts_frames(&cutting.cuts));
    double ticks = 1 / (FPS * av_q2d(coded.time_base));
    bool is_needed = false; // the delay: some picture is shown when it is coded
    for (size_t i = 0; i < coded.count; i++) {
        double shown = (double)coded.packets[i]->pts / ticks;
        double made = (double)coded.packets[i]->dts / ticks;
        ck_assert_msg(shown == round(shown) && shown >= 0 && shown < (double)coded.count,
                      "%s: picture at frame %g", reel->sentence, shown);
        ck_assert_msg(!is_there[(size_t)shown], "%s: frame %g twice", reel->sentence, shown);
        is_there[(size_t)shown] = true;
        ck_assert_msg(made == (double)i - reel->delay, "%s: packet %zu is coded at %g",
                      reel->sentence, i, made);
        ck_assert_double_le(made, shown);
        is_needed = is_needed || made == shown;
        const struct join_packet *listed = &cutting.join.packets[i];
        ck_assert_int_eq(listed->frame, (int64_t)shown);
        ck_assert_int_eq(listed->is_sync, (coded.packets[i]->flags & AV_PKT_FLAG_KEY) != 0);
        uint8_t hash[16];
        join_hash(coded.packets[i]->data, (size_t)coded.packets[i]->size, hash);
        ck_assert_mem_eq(listed->hash, hash, sizeof hash);
    }
    ck_assert_msg(is_needed, "%s: a delay of %d is too much", reel->sentence, reel->delay);
    coded_release(&coded);
    cutting_close(&cutting);
}
END_TEST

START_TEST(each_strip_is_marked_as_a_joint_and_begins_with_a_sync_picture)
{
    const struct reel *reel = &reels[_i];
    struct cutting cutting;
    lay(&cutting, reel);
    cutting_join(&cutting);
    size_t joints = 0;
    int64_t copied = 0;
    for (size_t i = 0; i < cutting.join.count; i++) {
        const struct join_packet *packet = &cutting.join.packets[i];
        copied += packet->is_copied;
        joints += packet->is_joint;
        ck_assert_msg(!packet->is_joint || packet->is_sync, "%s: packet %zu", reel->sentence, i);
    }
    ck_assert_uint_eq(joints, cutting.cuts.strip_count);
    ck_assert_int_eq(copied, cutting.cuts.copied);
    cutting_close(&cutting);
}
END_TEST

// Of the one source the sets keep their ids, of the other the slices refer to new ones.
START_TEST(slices_that_had_to_be_changed_are_told_from_those_that_did_not)
{
    const struct reel *reel = &reels[_i];
    struct cutting cutting;
    lay(&cutting, reel);
    cutting_join(&cutting);
    const struct cuts *cuts = &cutting.cuts;
    for (size_t i = 0, s = 0; i < cutting.join.count; i++) {
        const struct join_packet *packet = &cutting.join.packets[i];
        s += packet->is_joint && i > 0;
        const struct run *run = &cuts->strips[s].run;
        bool is_first = cuts->cuts[cuts->strips[s].cut].segment->video_index == 0;
        bool is_link = run->is_open && packet->is_joint;
        ck_assert_msg(packet->is_original == (run->is_copied && is_first && !is_link),
                      "%s: packet %zu", reel->sentence, i);
    }
    cutting_close(&cutting);
}
END_TEST

// So a decoder does not wait for what was left behind, and counts pictures anew.
START_TEST(an_open_start_goes_into_the_reel_as_a_broken_link)
{
    enum { BLA_W_RADL = 17, CRA = 21, LAST_SLICE = 31 };
    const struct nal_stream stream = { .codec = NAL_HEVC, .length_size = 4 };
    struct cutting cutting;
    static struct coded coded;
    unsigned links = 0, open = 0;
    lay(&cutting, &reels[OPEN_GROUPS]);
    cutting_join(&cutting);
    coded_load(cutting_path(&cutting), &coded);
    for (size_t i = 0; i < coded.count; i++) {
        const uint8_t *at = coded.packets[i]->data, *end = at + coded.packets[i]->size;
        bool starts = cutting.join.packets[i].is_joint && cutting.join.packets[i].is_copied;
        for (struct nal nal; nal_next(&stream, &at, end, &nal) > 0;) {
            if (nal.type > LAST_SLICE)
                continue;
            ck_assert_int_eq(nal.type == BLA_W_RADL, starts);
            links += starts;
            open += nal.type == CRA;
        }
    }
    ck_assert_uint_eq(links, 2);
    ck_assert_uint_ge(open, 3); // those within a run stay what they were
    coded_release(&coded);
    cutting_close(&cutting);
}
END_TEST

// What ffprobe says of the reel.
static char *probed(struct cutting *cutting, const char *entries)
{
    char *said;
    ck_assert_int_eq(PROGRAM_RUN(&said, "ffprobe", "-v", "error", "-of", "csv=p=0", "-show_entries",
                                 entries, cutting_path(cutting)),
                     0);
    return said;
}

START_TEST(chapters_lie_over_their_segments_and_are_called_after_reason_or_source)
{
    struct cutting cutting;
    static char reason[] = "the goal";
    lay(&cutting, &reels[0]);
    cuts_release(&cutting.cuts);
    footage_release(&cutting.footage);
    cutting.plan.segments[0].reason = xstrdup(reason);
    cutting_lay(&cutting, true);
    cutting_join(&cutting);
    char *said = probed(&cutting, "chapter=start_time,end_time:chapter_tags=title");
    ck_assert_str_eq(said, "0.000000,1.600000,the goal\n1.600000,3.200000,a clip\n");
    free(said);
    cutting_close(&cutting);
}
END_TEST

// One packet as it lies in the file.
struct lying {
    int64_t at;
    double seconds;
    bool is_sound;
};

static int by_place(const void *a, const void *b)
{
    int64_t x = ((const struct lying *)a)->at, y = ((const struct lying *)b)->at;
    return (x > y) - (x < y);
}

START_TEST(sound_lies_beside_its_pictures)
{
    struct cutting cutting;
    static struct lying packets[1000];
    size_t count = 0;
    double sound = 0, shown = 0;
    lay(&cutting, &reels[_i]);
    cutting_join(&cutting);
    AVFormatContext *format = NULL;
    AVPacket *packet = av_packet_alloc();
    ck_assert_int_ge(avformat_open_input(&format, cutting_path(&cutting), NULL, NULL), 0);
    for (; av_read_frame(format, packet) >= 0; av_packet_unref(packet)) {
        const AVStream *stream = format->streams[packet->stream_index];
        if (stream->codecpar->codec_type == AVMEDIA_TYPE_DATA ||
            stream->codecpar->codec_type == AVMEDIA_TYPE_SUBTITLE)
            continue;
        ck_assert_uint_lt(count, ARRAY_LEN(packets));
        packets[count++] = (struct lying){
            .at = packet->pos,
            .seconds = (double)packet->dts * av_q2d(stream->time_base),
            .is_sound = stream->codecpar->codec_type == AVMEDIA_TYPE_AUDIO,
        };
    }
    av_packet_free(&packet);
    avformat_close_input(&format);
    qsort(packets, count, sizeof *packets, by_place);
    // Who reads on never waits for the other: half a second lies at a time.
    for (size_t i = 0; i < count; i++) {
        *(packets[i].is_sound ? &sound : &shown) = packets[i].seconds;
        ck_assert_msg(fabs(sound - shown) < 0.75, "sound at %.3f beside pictures at %.3f s", sound,
                      shown);
    }
    ck_assert_double_gt(sound, (double)cuts_frames(&cutting.cuts) / FPS - 0.1);
    cutting_close(&cutting);
}
END_TEST

static void *make_sound(void *context)
{
    struct cutting *cutting = context;
    struct err err = ERR_INIT;
    while (atomic_load(&cutting->dub_done) < 1) // the joiner is waiting by now
        sched_yield();
    int r = dub_make(&cutting->cuts, true, &cutting->dub_done, &cutting->dub, &err);
    ck_assert_msg(r >= 0, "%s", err.text);
    return NULL;
}

static ssize_t read_reel(const struct cutting *cutting, uint8_t *bytes, size_t size)
{
    ssize_t length = pread(cutting->fd, bytes, size, 0);
    ck_assert(length > 0 && length < (ssize_t)size);
    return length;
}

START_TEST(sound_that_is_made_meanwhile_is_waited_for)
{
    static uint8_t bytes[2][4 << 20];
    struct cutting before, meanwhile;
    struct err err = ERR_INIT;
    pthread_t thread;
    lay(&before, &reels[_i]);
    cutting_join(&before);
    lay(&meanwhile, &reels[_i]);
    cutting_encode(&meanwhile);
    dub_init(&meanwhile.dub, &meanwhile.shelf);
    ck_assert_int_eq(pthread_create(&thread, NULL, make_sound, &meanwhile), 0);
    atomic_store(&meanwhile.dub_done, 1);
    int r = cutting_try_join(&meanwhile, &err);
    ck_assert_msg(r >= 0, "%s", err.text);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ssize_t length = read_reel(&before, bytes[0], sizeof bytes[0]);
    ck_assert_int_eq(read_reel(&meanwhile, bytes[1], sizeof bytes[1]), length);
    ck_assert_mem_eq(bytes[0], bytes[1], (size_t)length);
    cutting_close(&meanwhile);
    cutting_close(&before);
}
END_TEST

START_TEST(sets_that_change_on_the_way_are_found_out)
{
    struct cutting cutting;
    struct err err = ERR_INIT;
    cutting_open(&cutting);
    cutting_use(&cutting, 0,
                make_clip("repeating.ts", "testsrc2",
                          "-c:v libx264 -preset ultrafast -g 25 -x264-params repeat-headers=1"));
    cutting_cut(&cutting, 0, 0.4, 3);
    cutting_lay(&cutting, true);
    ck_assert_int_gt(cutting.cuts.copied, 0);
    // As if its header had been another's: the last byte of each set of pictures differs.
    struct paramsets *sets = &cutting.footage.sources[0].paramsets;
    for (size_t i = 0; i < sets->count; i++)
        if (sets->sets[i].type == 8)
            sets->sets[i].data[sets->sets[i].size - 1] ^= 0x40;
    ck_assert_int_lt(cutting_try_join(&cutting, &err), 0);
    ck_assert_int_eq(err.class, ERR_INPUT);
    ck_assert_str_eq(err.id, "not_joined");
    cutting_close(&cutting);
}
END_TEST

START_TEST(a_source_that_changed_meanwhile_is_tried_again_later)
{
    struct cutting cutting;
    struct err err = ERR_INIT;
    lay(&cutting, &reels[0]);
    cutting_encode(&cutting);
    for (size_t i = 0; i < cutting.cuts.cuts[0].scan.count; i++)
        cutting.cuts.cuts[0].scan.pictures[i].time += 0.001;
    cutting.cuts.cuts[0].origin += 0.001;
    ck_assert_int_lt(cutting_try_join(&cutting, &err), 0);
    ck_assert_int_eq(err.class, ERR_RETRY);
    cutting_close(&cutting);
}
END_TEST

// A reel of a reel: the source was made by the very encoder that fills its gaps.
START_TEST(a_source_with_the_encoders_own_parameter_sets_joins)
{
    struct cutting first, second;
    static struct coded coded;
    static struct decoded decoded;
    cutting_open(&first);
    cutting_use(&first, 0, source_path(&reels[0], 0));
    cutting_cut(&first, 0, 0, 4);
    cutting_lay(&first, false);
    cutting_join(&first);
    cutting_open(&second);
    cutting_use(&second, 0, cutting_path(&first));
    cutting_cut(&second, 0, 0.4, 0.8);
    cutting_cut(&second, 0, 0, 2);
    cutting_lay(&second, true);
    ck_assert_msg(second.cuts.copied > 0 && second.cuts.encoded > 0, "%s: %s",
                  cutting_strips(&second), second.why);
    cutting_join(&second);
    coded_load(cutting_path(&second), &coded);
    coded_decode(&coded, &decoded);
    ck_assert_msg(decoded.messages == 0, "%s", decoded.said);
    ck_assert_int_eq((int64_t)decoded.count, cuts_frames(&second.cuts));
    coded_release(&coded);
    cutting_close(&second);
    cutting_close(&first);
}
END_TEST

START_TEST(a_full_disk_is_told_as_one)
{
    struct cutting cutting;
    struct err err = ERR_INIT;
    lay(&cutting, &reels[0]);
    close_fd(&cutting.fd);
    cutting.fd = open("/dev/full", O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(cutting.fd, 0);
    ck_assert_int_lt(cutting_try_join(&cutting, &err), 0);
    ck_assert_int_eq(err.class, ERR_IO);
    cutting_close(&cutting);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("join");
    TCase *join = tcase_create("join");
    tcase_set_timeout(join, 60);
    tcase_add_loop_test(join,
                        copied_pictures_decode_to_what_they_were_and_no_decoder_has_a_word_to_say,
                        0, REELS);
    tcase_add_loop_test(join,
                        each_frame_is_shown_once_and_coding_times_are_even_and_as_late_as_they_may,
                        0, REELS);
    tcase_add_loop_test(join, each_strip_is_marked_as_a_joint_and_begins_with_a_sync_picture, 0,
                        REELS);
    tcase_add_loop_test(join, slices_that_had_to_be_changed_are_told_from_those_that_did_not, 0,
                        REELS);
    tcase_add_test(join, an_open_start_goes_into_the_reel_as_a_broken_link);
    tcase_add_test(join, chapters_lie_over_their_segments_and_are_called_after_reason_or_source);
    tcase_add_loop_test(join, sound_lies_beside_its_pictures, 0, 3);
    tcase_add_loop_test(join, sound_that_is_made_meanwhile_is_waited_for, 0, 2);
    tcase_add_test(join, sets_that_change_on_the_way_are_found_out);
    tcase_add_test(join, a_source_that_changed_meanwhile_is_tried_again_later);
    tcase_add_test(join, a_source_with_the_encoders_own_parameter_sets_joins);
    tcase_add_test(join, a_full_disk_is_told_as_one);
    suite_add_tcase(suite, join);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
