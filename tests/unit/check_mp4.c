// The finished file: its index first and written once, its tracks, times,
// chapters and errors.
#include "media/mp4.h"

#include "tests/support/coded.h"
#include "tests/support/folder.h"
#include "tests/support/media.h"
#include "tests/support/program.h"

#include <check.h>
#include <fcntl.h>
#include <libavutil/log.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

enum { PICTURES = 75, SOUND_RATE = 48000, SOUNDS = 140 };

struct bench {
    struct folder folder;
    int fd;
    struct coded coded;
    AVCodecParameters *sound;
    struct mp4_wish wish;
    struct mp4 *mp4;
    char *path;
};

static void set_up(struct bench *bench)
{
    *bench = (struct bench){ .fd = -1 };
    folder_make(&bench->folder);
    bench->path = xasprintf("%s/reel.mp4", bench->folder.path);
    bench->fd = open(bench->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    coded_load(MEDIA_CLIP(.name = "b.mp4", .seconds = 3, .width = 160, .height = 120, .rate = "25",
                          .sound = "",
                          .options = "-c:v libx264 -preset veryfast -g 25 -bf 2 -b_strategy 0 "
                                     "-x264-params b-pyramid=none"),
               &bench->coded);
    ck_assert_uint_eq(bench->coded.count, PICTURES);
    bench->sound = avcodec_parameters_alloc();
    bench->sound->codec_type = AVMEDIA_TYPE_AUDIO;
    bench->sound->codec_id = AV_CODEC_ID_AAC;
    bench->sound->sample_rate = SOUND_RATE;
    bench->sound->frame_size = 1024;
    av_channel_layout_default(&bench->sound->ch_layout, 2);
    bench->sound->extradata = av_mallocz(2 + AV_INPUT_BUFFER_PADDING_SIZE);
    memcpy(bench->sound->extradata, "\x11\x90", bench->sound->extradata_size = 2);
    bench->wish = (struct mp4_wish){
        .picture = bench->coded.parameters,
        .sound = bench->sound,
        .fps_num = 25,
        .fps_den = 1,
        .title = "A title",
        .packets = PICTURES + SOUNDS,
        .chapters = 2,
    };
}

static void tear_down(struct bench *bench)
{
    mp4_free(&bench->mp4);
    coded_release(&bench->coded);
    avcodec_parameters_free(&bench->sound);
    close_fd(&bench->fd);
    free(bench->path);
    folder_remove(&bench->folder);
}

typedef int writer(struct mp4 *mp4, enum mp4_track track, AVPacket *packet, struct err *err);

static int write_picture(struct bench *bench, size_t i, writer *write, struct err *err)
{
    const AVPacket *coded = bench->coded.packets[i];
    double frame = 1 / (25 * av_q2d(bench->coded.time_base));
    AVPacket *packet = av_packet_clone(coded);
    packet->pts = (int64_t)((double)coded->pts / frame + 0.5);
    packet->dts = (int64_t)i - 1;
    packet->duration = 1;
    int r = write(bench->mp4, MP4_PICTURE, packet, err);
    if (r >= 0)
        ck_assert_int_eq(packet->size, 0); // taken
    av_packet_free(&packet);
    return r;
}

static int write_sound(struct bench *bench, int i, writer *write, struct err *err)
{
    AVPacket *packet = av_packet_alloc();
    ck_assert_int_ge(av_new_packet(packet, 100), 0);
    memset(packet->data, i, 100);
    packet->pts = packet->dts = (int64_t)i * 1024 - 1024;
    packet->duration = 1024;
    packet->flags = AV_PKT_FLAG_KEY;
    int r = write(bench->mp4, MP4_SOUND, packet, err);
    av_packet_free(&packet);
    return r;
}

// The whole file.  Returns the first failure.
static int fill(struct bench *bench, writer *write, struct err *err)
{
    int r = mp4_open(bench->fd, &bench->wish, &bench->mp4, err), sounds = 0;
    for (size_t i = 0; i < PICTURES && r >= 0; i++) {
        r = write_picture(bench, i, write, err);
        while (r >= 0 && bench->wish.sound && sounds < SOUNDS && sounds * 1024 < (int)i * 1920)
            r = write_sound(bench, sounds++, write, err);
    }
    if (r >= 0)
        r = mp4_chapter(bench->mp4, 0, 30, "first", err);
    if (r >= 0)
        r = mp4_chapter(bench->mp4, 30, PICTURES, "second: \"ü\"", err);
    return r < 0 ? r : mp4_finish(bench->mp4, err);
}

static void fill_well(struct bench *bench, writer *write)
{
    struct err err = ERR_INIT;
    ck_assert_msg(fill(bench, write, &err) >= 0, "%s", err.text);
}

// The types of the file's boxes, and how many bytes lie free.
static void read_boxes(int fd, char order[64], uint32_t *ret_free)
{
    uint8_t box[8];
    order[0] = '\0';
    *ret_free = 0;
    for (off_t at = 0; pread(fd, box, sizeof box, at) == sizeof box && strlen(order) < 60;) {
        uint32_t size =
            (uint32_t)box[0] << 24 | (uint32_t)box[1] << 16 | (uint32_t)box[2] << 8 | box[3];
        strncat(order, (const char *)box + 4, 4);
        *ret_free += memcmp(box + 4, "free", 4) == 0 ? size : 0;
        at += size;
    }
}

static char *probed(const struct bench *bench, const char *entries)
{
    char *said;
    ck_assert_int_eq(PROGRAM_RUN(&said, "ffprobe", "-v", "fatal", "-of", "csv=p=0", "-show_entries",
                                 entries, bench->path),
                     0);
    return said;
}

static const struct {
    const char *sentence;
    size_t packets;
    bool has_sound;
    writer *write;
} ways[] = {
    { "packets known", PICTURES + SOUNDS, true, mp4_write_now },
    { "packets not known", 0, true, mp4_write_now },
    { "packets known, interleaved here", PICTURES + SOUNDS, true, mp4_write },
    { "packets not known, interleaved here", 0, true, mp4_write },
    { "no sound", PICTURES, false, mp4_write_now },
    { "far more expected than come", 5000, true, mp4_write_now },
};

START_TEST(the_index_comes_first_and_everything_is_there)
{
    struct bench bench;
    char order[64];
    uint32_t unused;
    set_up(&bench);
    bench.wish.packets = ways[_i].packets;
    bench.wish.sound = ways[_i].has_sound ? bench.sound : NULL;
    fill_well(&bench, ways[_i].write);
    read_boxes(bench.fd, order, &unused);
    const char *moov = strstr(order, "moov"), *mdat = strstr(order, "mdat");
    ck_assert_msg(moov && mdat && moov < mdat, "%s: %s", ways[_i].sentence, order);
    char *counts = probed(&bench, "stream=codec_type,nb_frames");
    const char *expect = ways[_i].has_sound ? "video,75\naudio,139\n" : "video,75\n";
    ck_assert_msg(strncmp(counts, expect, strlen(expect)) == 0, "%s: %s", ways[_i].sentence,
                  counts);
    free(counts);
    // And the pictures are what they were, at their times.
    struct coded again;
    coded_load(bench.path, &again);
    ck_assert_uint_eq(again.count, PICTURES);
    for (size_t i = 0; i < PICTURES; i++) {
        ck_assert_int_eq(again.packets[i]->size, bench.coded.packets[i]->size);
        ck_assert_mem_eq(again.packets[i]->data, bench.coded.packets[i]->data,
                         (size_t)again.packets[i]->size);
        ck_assert_int_eq(av_rescale_q(again.packets[i]->pts, again.time_base,
                                      bench.coded.time_base),
                         bench.coded.packets[i]->pts);
    }
    coded_release(&again);
    tear_down(&bench);
}
END_TEST

// Counts what this thread has written to files.
static uint64_t bytes_written(void)
{
    unsigned long long bytes = 0;
    char line[100];
    FILE *file = fopen("/proc/thread-self/io", "re");
    ck_assert(file != NULL);
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "wchar: %llu", &bytes) == 1)
            break;
    fclose(file);
    return bytes;
}

START_TEST(where_the_packets_are_known_everything_is_written_once)
{
    uint64_t written[2];
    for (int i = 0; i < 2; i++) {
        struct bench bench;
        struct err err = ERR_INIT;
        set_up(&bench);
        bench.wish.packets = i == 0 ? PICTURES + SOUNDS : 0;
        uint64_t before = bytes_written();
        int r = fill(&bench, mp4_write_now, &err);
        written[i] = bytes_written() - before;
        off_t size = lseek(bench.fd, 0, SEEK_END);
        ck_assert_msg(r >= 0, "%s", err.text);
        if (i == 0) // the index, once empty
            ck_assert_uint_lt(written[i], (uint64_t)size + 32768);
        else // to see that this would be seen
            ck_assert_uint_gt(written[i], (uint64_t)size * 17 / 10);
        tear_down(&bench);
    }
}
END_TEST

START_TEST(the_room_left_for_the_index_is_not_much_too_large)
{
    struct bench bench;
    char order[64];
    uint32_t unused;
    set_up(&bench);
    fill_well(&bench, mp4_write_now);
    read_boxes(bench.fd, order, &unused);
    ck_assert_uint_lt(unused, (1 << 14) + (PICTURES + SOUNDS) * 40 + 2 * 320);
    tear_down(&bench);
}
END_TEST

// A packet takes 40 bytes at most: every picture a chunk and a key frame of its
// own, every sound a chunk of its own, times that differ.
START_TEST(the_room_is_enough_at_the_worst)
{
    enum { MANY = 3000 };
    struct bench bench;
    struct err err = ERR_INIT;
    set_up(&bench);
    bench.wish.packets = 2 * MANY;
    bench.wish.chapters = 200;
    ck_assert_int_ge(mp4_open(bench.fd, &bench.wish, &bench.mp4, &err), 0);
    for (int i = 0; i < MANY; i++) {
        AVPacket *packet = av_packet_alloc();
        ck_assert_int_ge(av_new_packet(packet, 10 + i % 7), 0);
        memset(packet->data, 0, (size_t)packet->size);
        packet->dts = i - 4;
        packet->pts = i - i % 3; // each another offset
        packet->duration = 1;
        packet->flags = AV_PKT_FLAG_KEY * (i % 2);
        ck_assert_msg(mp4_write_now(bench.mp4, MP4_PICTURE, packet, &err) >= 0, "%s", err.text);
        av_packet_free(&packet);
        ck_assert_msg(write_sound(&bench, i, mp4_write_now, &err) >= 0, "%s", err.text);
    }
    char title[300];
    memset(title, 'x', sizeof title - 1);
    title[sizeof title - 1] = '\0';
    for (int i = 0; i < 200; i++)
        ck_assert_int_ge(mp4_chapter(bench.mp4, i * 15, i * 15 + 15, title, &err), 0);
    ck_assert_msg(mp4_finish(bench.mp4, &err) >= 0, "%s", err.text);
    tear_down(&bench);
}
END_TEST

START_TEST(too_little_room_is_an_error)
{
    struct bench bench;
    struct err err = ERR_INIT;
    set_up(&bench);
    bench.wish.packets = 1; // and thousands come
    ck_assert_int_ge(mp4_open(bench.fd, &bench.wish, &bench.mp4, &err), 0);
    int r = 0;
    for (int i = 0; i < 4000 && r >= 0; i++) {
        AVPacket *packet = av_packet_alloc();
        ck_assert_int_ge(av_new_packet(packet, 10 + i % 7), 0);
        memset(packet->data, 0, (size_t)packet->size);
        packet->dts = packet->pts = i;
        packet->duration = 1;
        r = mp4_write_now(bench.mp4, MP4_PICTURE, packet, &err);
        av_packet_free(&packet);
        if (r >= 0)
            r = write_sound(&bench, i, mp4_write_now, &err);
    }
    if (r >= 0)
        r = mp4_finish(bench.mp4, &err);
    ck_assert_int_lt(r, 0);
    ck_assert_int_eq(err.class, ERR_BUG);
    ck_assert_str_eq(err.id, "mux_failed");
    tear_down(&bench);
}
END_TEST

START_TEST(a_full_disk_is_told_as_one)
{
    struct bench bench;
    struct err err = ERR_INIT;
    struct rlimit before, limit;
    set_up(&bench);
    ck_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = (struct rlimit){ _i == 0 ? 40000 : 100, before.rlim_max };
    // Nothing that Check writes itself lies between the two.
    bench.wish.packets = _i == 1 ? 0 : bench.wish.packets;
    (void)setrlimit(RLIMIT_FSIZE, &limit);
    int r = mp4_open(bench.fd, &bench.wish, &bench.mp4, &err);
    for (size_t i = 0; i < PICTURES && r >= 0; i++) {
        AVPacket *packet = av_packet_clone(bench.coded.packets[i]);
        packet->pts = packet->dts = (int64_t)i;
        r = mp4_write_now(bench.mp4, MP4_PICTURE, packet, &err);
        av_packet_free(&packet);
    }
    if (r >= 0)
        r = mp4_finish(bench.mp4, &err);
    (void)setrlimit(RLIMIT_FSIZE, &before);
    ck_assert_int_lt(r, 0);
    ck_assert_int_eq(err.class, ERR_IO);
    ck_assert_str_eq(err.id, "file_too_large");
    tear_down(&bench);
}
END_TEST

START_TEST(chapters_and_titles_are_told)
{
    struct bench bench;
    set_up(&bench);
    fill_well(&bench, mp4_write_now);
    char *said = probed(&bench, "chapter=start_time,end_time:chapter_tags=title");
    ck_assert_str_eq(said, "0.000000,1.200000,first\n1.200000,3.000000,\"second: \"\"ü\"\"\"\n");
    free(said);
    said = probed(&bench, "format_tags=title");
    ck_assert_str_eq(said, "A title\n");
    free(said);
    tear_down(&bench);
}
END_TEST

START_TEST(a_long_title_is_cut_between_characters)
{
    struct bench bench;
    struct err err = ERR_INIT;
    set_up(&bench);
    ck_assert_int_ge(mp4_open(bench.fd, &bench.wish, &bench.mp4, &err), 0);
    char title[402] = "x";
    for (int i = 0; i < 200; i++)
        memcpy(title + 1 + 2 * i, "ü", 3);
    for (size_t i = 0; i < PICTURES; i++)
        ck_assert_int_ge(write_picture(&bench, i, mp4_write_now, &err), 0);
    ck_assert_int_ge(mp4_chapter(bench.mp4, 0, PICTURES, title, &err), 0);
    ck_assert_int_ge(mp4_finish(bench.mp4, &err), 0);
    char *said = probed(&bench, "chapter_tags=title");
    title[199] = '\0'; // 1 and 99 times 2
    said[strcspn(said, "\n")] = '\0';
    ck_assert_str_eq(said, title);
    free(said);
    tear_down(&bench);
}
END_TEST

START_TEST(players_are_told_how_to_turn_the_picture)
{
    static const int32_t on_side[9] = { 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30 };
    struct bench bench;
    set_up(&bench);
    bench.wish.matrix = on_side;
    fill_well(&bench, mp4_write_now);
    char *said = probed(&bench, "stream_side_data=rotation");
    ck_assert_msg(strncmp(said, "-90", 3) == 0, "%s", said);
    free(said);
    tear_down(&bench);
}
END_TEST

START_TEST(sound_begins_and_ends_with_the_picture)
{
    struct bench bench;
    set_up(&bench);
    fill_well(&bench, mp4_write_now);
    char *said = probed(&bench, "stream=codec_type,start_time");
    ck_assert_msg(strstr(said, "video,0.000000") && strstr(said, "audio,0.000000"), "%s", said);
    free(said);
    tear_down(&bench);
}
END_TEST

START_TEST(hevc_stands_under_the_tag_that_all_players_take)
{
    struct bench bench;
    set_up(&bench);
    coded_release(&bench.coded);
    coded_load(MEDIA_CLIP(.name = "h.mkv", .seconds = 3, .width = 160, .height = 120, .rate = "25",
                          .sound = "",
                          .options = "-c:v libx265 -preset ultrafast -x265-params "
                                     "bframes=0:log-level=error"),
               &bench.coded);
    bench.wish.picture = bench.coded.parameters;
    fill_well(&bench, mp4_write_now);
    char *said = probed(&bench, "stream=codec_tag_string");
    ck_assert_msg(strncmp(said, "hvc1", 4) == 0, "%s", said);
    free(said);
    tear_down(&bench);
}
END_TEST

int main(void)
{
    av_log_set_level(AV_LOG_QUIET);
    Suite *suite = suite_create("mp4");
    TCase *mp4 = tcase_create("mp4");
    tcase_set_timeout(mp4, 60);
    tcase_add_loop_test(mp4, the_index_comes_first_and_everything_is_there, 0, ARRAY_LEN(ways));
    tcase_add_test(mp4, where_the_packets_are_known_everything_is_written_once);
    tcase_add_test(mp4, the_room_left_for_the_index_is_not_much_too_large);
    tcase_add_test(mp4, the_room_is_enough_at_the_worst);
    tcase_add_test(mp4, too_little_room_is_an_error);
    tcase_add_loop_test(mp4, a_full_disk_is_told_as_one, 0, 2);
    tcase_add_test(mp4, chapters_and_titles_are_told);
    tcase_add_test(mp4, a_long_title_is_cut_between_characters);
    tcase_add_test(mp4, players_are_told_how_to_turn_the_picture);
    tcase_add_test(mp4, sound_begins_and_ends_with_the_picture);
    tcase_add_test(mp4, hevc_stands_under_the_tag_that_all_players_take);
    suite_add_tcase(suite, mp4);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
