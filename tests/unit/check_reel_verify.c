// The verification: good reels stand, and each kind of damage or lie is refused with its clause.
#include "media/verify.h"

#include "tests/support/cutting.h"
#include "tests/support/media.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <libavformat/avformat.h>
#include <libavutil/log.h>
#include <stdio.h>

enum { WHY = 200 };

static const char *plain_clip(void)
{
    return MEDIA_CLIP(.name = "plain.mp4", .seconds = 4, .width = 160, .height = 120, .rate = "25",
                      .options = "-c:v libx264 -preset veryfast -g 25 -bf 2 -b_strategy 0");
}

static const char *silent_clip(void)
{
    return MEDIA_CLIP(.name = "silent.mp4", .seconds = 4, .width = 160, .height = 120, .rate = "25",
                      .sound = "",
                      .options = "-c:v libx264 -preset veryfast -g 25 -bf 2 -b_strategy 0");
}

// Head, copied, tail; and once more.
static void lay(struct cutting *cutting, const char *path)
{
    cutting_open(cutting);
    cutting_use(cutting, 0, path);
    cutting_cut(cutting, 0, 0.4, 2.52);
    cutting_cut(cutting, 0, 2.6, 3.96);
    cutting_lay(cutting, true);
    ck_assert_msg(cutting->cuts.copied > 40, "%s", cutting->why);
}

static void make(struct cutting *cutting)
{
    lay(cutting, plain_clip());
    cutting_join(cutting);
}

static int verify(struct cutting *cutting, char why[WHY])
{
    struct err err = ERR_INIT;
    int r = verify_reel(&cutting->cuts, &cutting->join, cutting->dub.has_sound, cutting->fd, 2, why,
                        &err);
    ck_assert_msg(r >= 0, "%s", err.text);
    ck_assert_int_eq(r == 0, why[0] != '\0');
    return r;
}

// ---- good ones

static const struct good {
    const char *name, *options;
    bool may_copy;
} goods[] = {
    { "plain.mp4", "-c:v libx264 -preset veryfast -g 25 -bf 2 -b_strategy 0", true },
    { "encoded.mp4", "-c:v libx264 -preset veryfast -g 25 -bf 2 -b_strategy 0", false },
    { "base.mp4", "-c:v libx264 -profile:v baseline -g 10", true },
    { "whole.ts", "-c:v libx264 -preset veryfast -g 25 -bf 3", true },
    { "closed.mp4",
      "-c:v libx265 -preset ultrafast -tag:v hvc1 -x265-params "
      "keyint=20:open-gop=0:log-level=error",
      true },
    { "open.mkv",
      "-c:v libx265 -preset ultrafast -x265-params "
      "keyint=16:min-keyint=16:open-gop=1:bframes=3:b-adapt=0:scenecut=0:log-level=error",
      true },
    { "silent.mp4", "-an -c:v libx264 -preset veryfast -g 25", true },
};

START_TEST(a_reel_as_it_should_be_stands)
{
    struct cutting cutting;
    char why[WHY] = "left from before";
    cutting_open(&cutting);
    cutting_use(&cutting, 0,
                media_clip(&(struct media_clip){ .name = goods[_i].name,
                                                 .seconds = 4,
                                                 .width = 160,
                                                 .height = 120,
                                                 .rate = "25",
                                                 .options = goods[_i].options }));
    cutting_cut(&cutting, 0, 0.4, 2.52);
    cutting_cut(&cutting, 0, 2.6, 3.96);
    cutting_cut(&cutting, 0, 0, 0.48);
    cutting_lay(&cutting, goods[_i].may_copy);
    ck_assert_msg((cutting.cuts.copied > 0) == goods[_i].may_copy, "%s: %s", goods[_i].name,
                  cutting.why);
    cutting_join(&cutting);
    ck_assert_msg(verify(&cutting, why) == 1, "%s: %s", goods[_i].name, why);
    cutting_close(&cutting);
}
END_TEST

// ---- damage

// Where a packet of the pictures lies in the file.
static void find_packet(struct cutting *cutting, size_t wanted, off_t *ret_at, int *ret_size)
{
    AVFormatContext *format = NULL;
    AVPacket *packet = av_packet_alloc();
    ck_assert_int_ge(avformat_open_input(&format, cutting_path(cutting), NULL, NULL), 0);
    for (size_t i = 0; av_read_frame(format, packet) >= 0; av_packet_unref(packet))
        if (packet->stream_index == 0 && i++ == wanted) {
            *ret_at = (off_t)packet->pos;
            *ret_size = packet->size;
        }
    av_packet_free(&packet);
    avformat_close_input(&format);
}

// The first packet of the strip; of the one behind it if `plus` is 1, and so on.
static size_t packet_of(const struct cutting *cutting, bool is_copied, size_t plus)
{
    for (size_t i = 1; i < cutting->join.count; i++)
        if (cutting->join.packets[i].is_joint && cutting->join.packets[i].is_copied == is_copied)
            return i + plus;
    ck_abort_msg("no such strip: %s", cutting_strips(cutting));
}

static void flip(struct cutting *cutting, size_t packet)
{
    off_t at = -1;
    int size = 0;
    uint8_t byte;
    find_packet(cutting, packet, &at, &size);
    at += size - 1;
    ck_assert_int_eq(pread(cutting->fd, &byte, 1, at), 1);
    byte ^= 0x10;
    ck_assert_int_eq(pwrite(cutting->fd, &byte, 1, at), 1);
}

static void flip_first_copied(struct cutting *cutting)
{
    flip(cutting, packet_of(cutting, true, 0));
}

static void flip_a_copied_picture_in_the_midst(struct cutting *cutting)
{
    flip(cutting, packet_of(cutting, true, 15));
}

static void flip_last_copied(struct cutting *cutting)
{
    size_t i = cutting->join.count;
    while (!cutting->join.packets[i - 1].is_copied)
        i--;
    flip(cutting, i - 1);
}

static void flip_an_encoded_one(struct cutting *cutting)
{
    flip(cutting, packet_of(cutting, false, 0));
}

static void repeat_a_frame(struct cutting *cutting)
{
    cutting->join.packets[7].frame = cutting->join.packets[3].frame;
}

static void list_a_negative_frame(struct cutting *cutting)
{
    cutting->join.packets[7].frame = -1;
}

static void list_a_frame_beyond(struct cutting *cutting)
{
    cutting->join.packets[7].frame = cuts_frames(&cutting->cuts);
}

static void lose_the_last(struct cutting *cutting)
{
    cutting->join.count--;
}

static void expect_one_less(struct cutting *cutting)
{
    struct join *join = &cutting->join;
    ck_assert_int_eq(join->packets[join->count - 1].frame, cuts_frames(&cutting->cuts) - 1);
    join->count--;
    cutting->cuts.encoded--;
}

static void expect_one_more(struct cutting *cutting)
{
    struct join *join = &cutting->join;
    join->packets = xrealloc(join->packets, join->count + 2, sizeof *join->packets);
    join->packets[join->count] = (struct join_packet){ .frame = cuts_frames(&cutting->cuts) };
    join->count++;
    cutting->cuts.encoded++;
}

static void exchange_two(struct cutting *cutting)
{
    struct join_packet *packets = cutting->join.packets;
    int64_t frame = packets[30].frame;
    packets[30].frame = packets[31].frame;
    packets[31].frame = frame;
}

static void expect_another_rate(struct cutting *cutting)
{
    cutting->cuts.look.fps_num = 24;
}

static void exchange_hashes(struct cutting *cutting)
{
    struct join_packet *packets = &cutting->join.packets[packet_of(cutting, true, 0)];
    uint8_t hash[16];
    memcpy(hash, packets[3].hash, 16);
    memcpy(packets[3].hash, packets[4].hash, 16);
    memcpy(packets[4].hash, hash, 16);
}

static void deny_the_sound(struct cutting *cutting)
{
    cutting->dub.has_sound = false;
}

static void wipe_the_beginning(struct cutting *cutting)
{
    static const uint8_t zeros[64];
    ck_assert_int_eq(pwrite(cutting->fd, zeros, sizeof zeros, 0), sizeof zeros);
}

static void empty_the_file(struct cutting *cutting)
{
    ck_assert_int_eq(ftruncate(cutting->fd, 0), 0);
}

static void cut_the_file_short(struct cutting *cutting)
{
    off_t at = -1;
    int size = 0;
    find_packet(cutting, cutting->join.count - 2, &at, &size);
    ck_assert_int_eq(ftruncate(cutting->fd, at), 0);
}

static const struct damage {
    const char *sentence;
    void (*spoil)(struct cutting *cutting);
    const char *clause, * or ; // that must be in the reason
} damages[] = {
    { "a bit of the first copied picture", flip_first_copied, "is not the original's", NULL },
    { "a bit of one in the midst", flip_a_copied_picture_in_the_midst, "is not the original's",
      NULL },
    { "a bit of the last one", flip_last_copied, "is not the original's", NULL },
    { "pictures exchanged", exchange_hashes, "is not the original's", NULL },
    { "a bit of an encoded one", flip_an_encoded_one, "is not what was encoded", NULL },
    { "a frame twice", repeat_a_frame, "is there twice", NULL },
    { "a frame before the first", list_a_negative_frame, "no part of it", NULL },
    { "a frame behind the last", list_a_frame_beyond, "no part of it", NULL },
    { "a frame missing in what was put in", lose_the_last, "frame 86 is missing", NULL },
    { "a picture too many in the file", expect_one_less, "more pictures than were put in", NULL },
    { "a picture missing in the file", expect_one_more, "it holds 87 pictures, not 88", NULL },
    { "two pictures shown in each other's place", exchange_two, "is shown at", NULL },
    { "another frame rate", expect_another_rate, "is shown at", NULL },
    { "sound where there should be none", deny_the_sound, "its sound track is unexpected", NULL },
    { "a file that is no video", wipe_the_beginning, "cannot be read back", NULL },
    { "an empty file", empty_the_file, "cannot be read back", NULL },
    { "a file cut off", cut_the_file_short, "pictures, not 87", "is not the original's" },
};

START_TEST(a_spoilt_reel_is_refused_with_its_reason)
{
    const struct damage *damage = &damages[_i];
    struct cutting cutting;
    char why[WHY] = "";
    make(&cutting);
    damage->spoil(&cutting);
    ck_assert_msg(verify(&cutting, why) == 0, "%s stands", damage->sentence);
    ck_assert_msg(strstr(why, damage->clause) || (damage->or &&strstr(why, damage->or)), "%s: %s",
                  damage->sentence, why);
    cutting_close(&cutting);
}
END_TEST

// ---- sound

static void halve(struct cutting *cutting)
{
    cutting->dub.parcel.count /= 2;
}

static void lose_a_tenth_of_a_second(struct cutting *cutting)
{
    cutting->dub.parcel.count -= 5;
}

static void begin_late(struct cutting *cutting)
{
    for (size_t i = 0; i < cutting->dub.parcel.count; i++)
        cutting->dub.parcel.entries[i].pts += 4800;
}

static void lose_the_beginning(struct cutting *cutting)
{
    struct parcel *parcel = &cutting->dub.parcel;
    parcel->count -= 6;
    memmove(parcel->entries, parcel->entries + 6, parcel->count * sizeof *parcel->entries);
}

static const struct {
    const char *sentence;
    void (*spoil)(struct cutting *cutting);
} sounds[] = {
    { "sound without its beginning", lose_the_beginning },
    { "half the sound", halve },
    { "sound that ends a tenth of a second early", lose_a_tenth_of_a_second },
    { "sound that begins a tenth of a second late", begin_late },
};

START_TEST(sound_that_is_not_as_long_as_the_pictures_is_refused)
{
    struct cutting cutting;
    char why[WHY] = "";
    lay(&cutting, plain_clip());
    cutting_dub(&cutting);
    sounds[_i].spoil(&cutting);
    cutting_join(&cutting);
    ck_assert_msg(verify(&cutting, why) == 0, "%s stands", sounds[_i].sentence);
    ck_assert_msg(strstr(why, "its sound lies from") != NULL, "%s: %s", sounds[_i].sentence, why);
    cutting_close(&cutting);
}
END_TEST

START_TEST(sound_that_is_missing_is_missed)
{
    struct cutting cutting;
    char why[WHY] = "";
    lay(&cutting, silent_clip());
    cutting_join(&cutting);
    ck_assert(!cutting.dub.has_sound);
    cutting.dub.has_sound = true;
    ck_assert_int_eq(verify(&cutting, why), 0);
    ck_assert_str_eq(why, "its sound track is missing");
    cutting_close(&cutting);
}
END_TEST

// ---- joints

// Rubbish where the last stretch's pictures lie until they are joined: its decoder must say so.
static void spoil_encoded(struct cutting *cutting, size_t picture)
{
    static const uint8_t zeros[100];
    const struct strip *last = &cutting->cuts.strips[cutting->cuts.strip_count - 1];
    ck_assert(!last->run.is_copied);
    const struct parcel_entry *entry = &last->parcel.entries[picture];
    ck_assert_int_gt(entry->size, 2 * (int)sizeof zeros);
    ck_assert_int_eq(pwrite(cutting->scratch_fd, zeros, sizeof zeros,
                            entry->offset + entry->size - (int)sizeof zeros),
                     sizeof zeros);
}

// The source with rubbish in what the reel has as packet number `packet`, which it has as it was.
static const char *spoilt_original(const char *source, struct cutting *cutting, size_t packet)
{
    enum { RUBBISH = 100 };
    static uint8_t file[4 << 20], coded[1 << 16];
    off_t at = -1;
    int size = 0, fd = media_open(source);
    find_packet(cutting, packet, &at, &size);
    ck_assert_int_gt(size, 2 * RUBBISH);
    ck_assert_int_lt(size, (int)sizeof coded);
    ck_assert_int_eq(pread(cutting->fd, coded, (size_t)size, at), size);
    ssize_t length = pread(fd, file, sizeof file, 0);
    ck_assert_int_gt(length, 0);
    close_fd(&fd);
    const uint8_t *found = memmem(file, (size_t)length, coded, (size_t)size);
    ck_assert_ptr_nonnull(found);
    return media_zeroed(source, "damaged.mp4", (size_t)(found - file + size - RUBBISH), RUBBISH);
}

START_TEST(a_damaged_picture_at_a_joint_is_found_by_any_number_of_workers)
{
    struct cutting cutting;
    cutting_open(&cutting);
    cutting_use(&cutting, 0, plain_clip());
    cutting_cut(&cutting, 0, 0.4, 2.52);
    cutting_cut(&cutting, 0, 2.6, 3.96);
    cutting_lay(&cutting, false);
    cutting_encode(&cutting);
    spoil_encoded(&cutting, (size_t)_i);
    cutting_join(&cutting);
    for (unsigned workers = 1; workers < 5; workers++) {
        struct err err = ERR_INIT;
        char why[WHY] = "";
        int r = verify_reel(&cutting.cuts, &cutting.join, true, cutting.fd, workers, why, &err);
        ck_assert_int_eq(r, 0);
        ck_assert_msg(strstr(why, "at a joint its decoder says") || strstr(why, "does not decode"),
                      "%s", why);
    }
    cutting_close(&cutting);
}
END_TEST

// What was copied as it was is the original's to answer for; what had to be changed for the track
// is decoded whole up to the joint.
START_TEST(of_the_group_before_a_joint_what_was_not_changed_is_not_decoded)
{
    struct cutting cutting;
    char why[WHY] = "";
    make(&cutting);
    size_t joint = cutting.join.count;
    while (!cutting.join.packets[--joint].is_joint || cutting.join.packets[joint - 1].is_sync)
        ck_assert_uint_gt(joint, 0);
    ck_assert(cutting.join.packets[joint - 1].is_copied);
    const char *damaged = spoilt_original(plain_clip(), &cutting, joint - 1);
    cutting_close(&cutting);
    lay(&cutting, damaged);
    cutting_join(&cutting);
    ck_assert_msg(verify(&cutting, why) == 1, "%s", why);
    for (size_t i = 0; i < cutting.join.count; i++)
        cutting.join.packets[i].is_original = false;
    ck_assert_int_eq(verify(&cutting, why), 0);
    ck_assert_msg(strstr(why, "at a joint its decoder says") || strstr(why, "does not decode"),
                  "%s", why);
    cutting_close(&cutting);
}
END_TEST

// Between two copies of one original the decoder starts with the sync picture behind the joint.
START_TEST(before_a_seam_of_one_stream_nothing_is_decoded)
{
    enum { SYNC = 25, SEAM = 50 };
    struct cutting cutting;
    char why[WHY] = "";
    const char *source = plain_clip();
    for (int round = 0; round < 2; round++) {
        cutting_open(&cutting);
        cutting_use(&cutting, 0, source);
        cutting_cut(&cutting, 0, 0, 2);
        cutting_cut(&cutting, 0, 3, 3.96);
        cutting_lay(&cutting, true);
        cutting_join(&cutting);
        ck_assert(cutting.join.packets[SYNC].is_sync && cutting.join.packets[SEAM].is_joint);
        ck_assert_msg(verify(&cutting, why) == 1, "%s", why);
        if (round == 0)
            source = spoilt_original(source, &cutting, SYNC);
        else
            for (size_t i = 0; i < SEAM; i++)
                cutting.join.packets[i].sets = NULL;
        ck_assert_int_eq(verify(&cutting, why), round == 0);
        cutting_close(&cutting);
    }
}
END_TEST

// Behind an IDR of the original everything is as it is there, for better or worse.
START_TEST(behind_a_sync_picture_of_the_original_nothing_is_decoded)
{
    struct cutting cutting;
    char why[WHY] = "";
    make(&cutting);
    size_t joint = cutting.join.count;
    while (!cutting.join.packets[--joint].is_closed || !cutting.join.packets[joint].is_joint)
        ck_assert_uint_gt(joint, 0);
    const char *damaged = spoilt_original(plain_clip(), &cutting, joint + 2);
    cutting_close(&cutting);
    lay(&cutting, damaged);
    cutting_join(&cutting);
    ck_assert_msg(verify(&cutting, why) == 1, "%s", why);
    cutting.join.packets[joint].is_closed = false;
    ck_assert_int_eq(verify(&cutting, why), 0);
    ck_assert_msg(strstr(why, " joint ") || strstr(why, "does not decode"), "%s", why);
    cutting_close(&cutting);
}
END_TEST

// Lets the pictures of the only cut be taken for others than they are, and lays it out anew.
static void lay_anew(struct cutting *cutting, size_t false_sync)
{
    struct cuts *cuts = &cutting->cuts;
    struct cut *cut = &cuts->cuts[0];
    for (size_t i = 0; i < cut->scan.count; i++)
        if (cut->scan.pictures[i].kind == NAL_SYNC)
            cut->scan.pictures[i].kind = NAL_REFERENCE;
    cut->scan.pictures[false_sync].kind = NAL_SYNC;
    const struct runs_wish wish = { .start = cut->segment->start,
                                    .end = cut->segment->end,
                                    .frames = cut->place.frames,
                                    .frame = 1 / 25.0 };
    struct run runs[RUNS_MAX];
    cuts->strip_count = runs_find(cut->scan.pictures, cut->scan.count, &wish, runs, &cut->origin);
    ck_assert_uint_le(cuts->strip_count, cuts->strip_capacity);
    cuts->copied = cuts->encoded = 0;
    for (size_t i = 0; i < cuts->strip_count; i++) {
        cuts->strips[i] = (struct strip){ .run = runs[i] };
        *(runs[i].is_copied ? &cuts->copied : &cuts->encoded) += runs[i].count;
    }
}

START_TEST(pictures_that_look_across_a_joint_are_refused_by_their_decoder)
{
    struct cutting cutting;
    char why[WHY] = "";
    cutting_open(&cutting);
    cutting_use(&cutting, 0,
                MEDIA_CLIP(.name = "base.mp4", .seconds = 4, .width = 160, .height = 120,
                           .rate = "25", .options = "-c:v libx264 -profile:v baseline -g 25"));
    cutting_cut(&cutting, 0, 0.4, 3);
    cutting_lay(&cutting, true);
    lay_anew(&cutting, 37);
    ck_assert_str_eq(cutting_strips(&cutting), "e0+27 c27+38");
    cutting_join(&cutting);
    ck_assert_int_eq(verify(&cutting, why), 0);
    ck_assert_msg(strstr(why, "at a joint its decoder says") || strstr(why, "does not decode"),
                  "%s", why);
    // And where both sides are taken for one stream, and nothing before is decoded.
    for (size_t k = 0; k < cutting.join.count; k++) {
        cutting.join.packets[k].is_original = true;
        cutting.join.packets[k].sets = cutting.join.packets[cutting.join.count - 1].sets;
    }
    ck_assert_int_eq(verify(&cutting, why), 0);
    ck_assert_msg(strstr(why, " joint ") != NULL, "%s", why);
    cutting_close(&cutting);
}
END_TEST

// A table of key frames that names the last picture alone.
static void disown_key_frames(struct cutting *cutting)
{
    static uint8_t file[4 << 20];
    ssize_t size = pread(cutting->fd, file, sizeof file, 0);
    ck_assert(size > 0 && size < (ssize_t)sizeof file);
    const uint8_t *box = memmem(file, (size_t)size, "stss", 4);
    ck_assert_ptr_nonnull(box);
    uint8_t number[4] = { 0, 0, 0, (uint8_t)cutting->join.count };
    ck_assert_uint_lt(cutting->join.count, 256);
    for (int i = 0; i < box[11]; i++)
        ck_assert_int_eq(pwrite(cutting->fd, number, 4, box - file + 12 + 4 * i), 4);
}

START_TEST(a_joint_that_cannot_be_reached_is_not_taken_for_good)
{
    struct cutting cutting;
    char why[WHY] = "";
    make(&cutting);
    disown_key_frames(&cutting);
    ck_assert_int_eq(verify(&cutting, why), 0);
    ck_assert_msg(strstr(why, "cannot be reached") != NULL, "%s", why);
    cutting_close(&cutting);
}
END_TEST

START_TEST(a_joint_of_which_no_picture_comes_is_not_taken_for_good)
{
    struct cutting cutting;
    char why[WHY] = "";
    cutting_open(&cutting);
    cutting_use(&cutting, 0,
                MEDIA_CLIP(.name = "open.mkv", .seconds = 4, .width = 160, .height = 120,
                           .rate = "25", .options = goods[5].options));
    cutting_cut(&cutting, 0, 0, 4);
    cutting_lay(&cutting, true);
    cutting_join(&cutting);
    // The leading pictures of an open group: a decoder that begins there passes over them without a
    // word.
    struct join_packet *packets = cutting.join.packets;
    size_t i = 40;
    while (i < cutting.join.count && !packets[i].is_sync)
        i++;
    ck_assert_uint_lt(i + 3, cutting.join.count);
    ck_assert_int_lt(packets[i + 2].frame, packets[i].frame);
    packets[i + 1].is_sync = packets[i + 2].is_joint = packets[i + 3].is_sync = true;
    ck_assert_int_eq(verify(&cutting, why), 0);
    ck_assert_msg(strstr(why, "no picture comes of the joint") != NULL, "%s", why);
    cutting_close(&cutting);
}
END_TEST

START_TEST(trouble_with_the_disk_is_no_verdict)
{
    struct cutting cutting;
    struct err err = ERR_INIT;
    char why[WHY] = "";
    make(&cutting);
    int closed = open("/", O_PATH | O_CLOEXEC); // cannot be read
    ck_assert_int_lt(verify_reel(&cutting.cuts, &cutting.join, true, closed, 2, why, &err), 0);
    ck_assert_int_ne(err.class, ERR_INPUT);
    ck_assert_int_ne(err.class, ERR_NONE);
    close_fd(&closed);
    cutting_close(&cutting);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("verify");
    TCase *verify_case = tcase_create("verify");
    tcase_set_timeout(verify_case, 60);
    tcase_add_loop_test(verify_case, a_reel_as_it_should_be_stands, 0, ARRAY_LEN(goods));
    tcase_add_loop_test(verify_case, a_spoilt_reel_is_refused_with_its_reason, 0,
                        ARRAY_LEN(damages));
    tcase_add_loop_test(verify_case, sound_that_is_not_as_long_as_the_pictures_is_refused, 0,
                        ARRAY_LEN(sounds));
    tcase_add_test(verify_case, sound_that_is_missing_is_missed);
    tcase_add_test(verify_case, pictures_that_look_across_a_joint_are_refused_by_their_decoder);
    tcase_add_loop_test(verify_case, a_damaged_picture_at_a_joint_is_found_by_any_number_of_workers,
                        0, 4);
    tcase_add_test(verify_case, of_the_group_before_a_joint_what_was_not_changed_is_not_decoded);
    tcase_add_test(verify_case, before_a_seam_of_one_stream_nothing_is_decoded);
    tcase_add_test(verify_case, behind_a_sync_picture_of_the_original_nothing_is_decoded);
    tcase_add_test(verify_case, a_joint_that_cannot_be_reached_is_not_taken_for_good);
    tcase_add_test(verify_case, a_joint_of_which_no_picture_comes_is_not_taken_for_good);
    tcase_add_test(verify_case, trouble_with_the_disk_is_no_verdict);
    suite_add_tcase(suite, verify_case);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
