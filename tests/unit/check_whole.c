// What is whole is never doubted; what was cut off is, wherever that was.
#include "spool/whole.h"
#include "tests/support/media.h"
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char *doubt_of(const char *path)
{
    cleanup(close_fd) int fd = media_open(path);
    return whole_doubt(fd, media_size(path));
}

static const struct media_clip clips[] = {
    { .name = "end.mp4", .seconds = 1 },
    { .name = "front.mp4", .seconds = 1, .options = "-movflags +faststart" },
    { .name = "camera.mov", .seconds = 1 },
    { .name = "phone.3gp", .seconds = 1, .sound = "", .width = 352, .height = 288 },
    { .name = "pieces.mp4",
      .seconds = 1,
      .options = "-g 15 -movflags +frag_keyframe+empty_moov+default_base_moof" },
    { .name = "a.mkv", .seconds = 1 },
    { .name = "web.webm", .seconds = 1, .options = "-c:v libvpx -c:a libopus" },
    { .name = "old.avi", .seconds = 1, .options = "-c:v mpeg4 -c:a mp3" },
};

START_TEST(what_is_whole_is_not_doubted)
{
    cleanup(free_ptr) char *doubt = doubt_of(media_clip(&clips[_i]));
    ck_assert_msg(doubt == NULL, "%s %s", clips[_i].name, doubt);
}
END_TEST

// Cut in place, from its end on: a hundred lengths of each.
START_TEST(what_was_cut_off_is_doubted_wherever_that_was)
{
    const char *path = media_clip(&clips[_i]);
    size_t size = media_size(path);
    cleanup(close_fd) int fd = media_open(path);
    // Where this ends nothing tells yet how long it will be.
    for (size_t i = 99; size * i / 100 > 200; i--) {
        cleanup(free_ptr) char *doubt = whole_doubt(fd, size * i / 100 + 1);
        ck_assert_msg(doubt != NULL, "%s: %zu of %zu bytes pass for all of it", clips[_i].name,
                      size * i / 100 + 1, size);
        ck_assert_msg(strncmp(doubt, "is cut off: ", 12) == 0, "%s", doubt);
    }
    cleanup(free_ptr) char *doubt = whole_doubt(fd, size - 1);
    ck_assert_msg(doubt != NULL, "%s without its last byte passes for all of it", clips[_i].name);
}
END_TEST

START_TEST(a_recording_that_may_end_anywhere_is_not_doubted)
{
    const char *path = MEDIA_CLIP(.name = "broadcast.ts", .seconds = 1);
    cleanup(close_fd) int fd = media_open(path);
    ck_assert_ptr_null(whole_doubt(fd, media_size(path) / 2));
}
END_TEST

START_TEST(a_stream_that_never_said_its_length_is_not_doubted)
{
    const char *path =
        MEDIA_CLIP(.name = "live.mkv", .seconds = 1, .options = "-f matroska -live 1");
    cleanup(close_fd) int fd = media_open(path);
    ck_assert_ptr_null(whole_doubt(fd, media_size(path) / 2));
}
END_TEST

// ---- by hand

#define BOX(size, type) "\0\0\0" size type
#define FTYP BOX("\x10", "ftyp") "isom\0\0\0\0"

static const struct {
    const char *what, *bytes;
    size_t size;
    const char *doubt; // NULL: none
} made[] = {
    { "nothing", "", 0, NULL },
    { "a few bytes", "ftypftyp", 8, NULL },
    { "no video", "this is a letter to somebody", 28, NULL },
    { "an index alone", FTYP BOX("\x08", "moov"), 24, NULL },
    { "no index", FTYP BOX("\x0c", "mdat") "abcd", 28, "index (moov)" },
    { "the rest of the file, and no index", FTYP BOX("\0", "mdat") "abcdefgh", 32, "index (moov)" },
    { "an index and the rest of the file", FTYP BOX("\x08", "moov") BOX("\0", "mdat") "ab", 34,
      NULL },
    { "a box of 64 bits",
      FTYP BOX("\x08", "moov") BOX("\x01", "mdat") "\0\0\0\0\0\0\0\x12"
                                                   "ab",
      42, NULL },
    { "a box of 64 bits, cut",
      FTYP BOX("\x08", "moov") BOX("\x01", "mdat") "\0\0\0\0\0\0\0\x13"
                                                   "ab",
      42, "at least 43 B" },
    { "a box that ends beyond all numbers",
      FTYP BOX("\x01", "mdat") "\xff\xff\xff\xff\xff\xff\xff\xff"
                               "ab",
      34, "cut off" },
    { "a box smaller than itself", FTYP BOX("\x08", "moov") BOX("\x07", "mdat"), 32, NULL },
    { "what some cameras leave behind", FTYP BOX("\x08", "moov") "gibberish", 33, NULL },
    { "zeros in place of the index", FTYP BOX("\x0c", "mdat") "abcd\0\0\0\0\0\0\0\0", 36, "index" },
    { "a number without end", "\x1a\x45\xdf\xa3\0\0\0\0\0\0\0\0\0", 13, NULL },
    { "a header longer than the file",
      "\x1a\x45\xdf\xa3\xfe"
      "12345678",
      13, NULL },
    { "a segment as long as it says",
      "\x1a\x45\xdf\xa3\x82"
      "ab"
      "\x18\x53\x80\x67\x82"
      "ab",
      14, NULL },
    { "a segment that is cut",
      "\x1a\x45\xdf\xa3\x82"
      "ab"
      "\x18\x53\x80\x67\x83"
      "ab",
      14, "at least 15 B" },
    { "chunks that nobody measured", "RIFF\0\0\0\0AVI LIST", 16, NULL },
    { "chunks that are cut", "RIFF\x09\0\0\0AVI LIST", 16, "at least 17 B" },
    { "a second chunk that is cut", "RIFF\x08\0\0\0AVI LISTRIFF\x09\0\0\0AVIX1234", 32,
      "at least 33 B" },
    { "sound", "RIFF\x09\0\0\0WAVELIST", 16, NULL },
};

START_TEST(bytes_by_hand)
{
    const char *path = media_bytes(made[_i].what, made[_i].bytes, made[_i].size);
    cleanup(free_ptr) char *doubt = doubt_of(path);
    if (made[_i].doubt == NULL)
        ck_assert_msg(doubt == NULL, "%s: %s", made[_i].what, doubt);
    else
        ck_assert_msg(doubt != NULL && strstr(doubt, made[_i].doubt) != NULL, "%s: %s",
                      made[_i].what, doubt ? doubt : "not doubted");
}
END_TEST

START_TEST(a_file_that_ends_in_a_mebibyte_of_zeros_was_never_filled)
{
    static char bytes[3 << 20];
    memset(bytes, 'v', sizeof bytes);
    memset(bytes + (2 << 20), 0, 1 << 20);
    cleanup(free_ptr) char *doubt = doubt_of(media_bytes("zeros.ts", bytes, sizeof bytes));
    ck_assert_ptr_nonnull(doubt);
    bytes[2 << 20] = 1;
    ck_assert_ptr_null(doubt_of(media_bytes("silence.ts", bytes, sizeof bytes)));
}
END_TEST

START_TEST(boxes_without_end_are_looked_at_only_so_far)
{
    enum { COUNT = WHOLE_MAX_PARTS + 10 };
    static char bytes[COUNT * 8];
    for (int i = 0; i < COUNT; i++)
        memcpy(bytes + i * 8,
               i == 0 ? "\0\0\0\x08"
                        "ftyp"
                      : "\0\0\0\x08"
                        "free",
               8);
    ck_assert_ptr_null(doubt_of(media_bytes("boxes.mp4", bytes, sizeof bytes)));
    cleanup(free_ptr) char *doubt = doubt_of(media_bytes("fewer.mp4", bytes, sizeof bytes / 2));
    ck_assert_ptr_nonnull(doubt);
}
END_TEST

// ---- what cameras and phones made

static unsigned seen;

static int look(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)where;
    static const char *const endings[] = { "mp4",  "mov", "MOV", "MP4", "mkv",
                                           "webm", "avi", "3gp", "m4v" };
    const char *dot = strrchr(path, '.');
    if (type != FTW_F || dot == NULL || st->st_size == 0 || strstr(path, "malformed") != NULL)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        if (strcmp(dot + 1, endings[i]) != 0)
            continue;
        cleanup(free_ptr) char *doubt = doubt_of(path);
        ck_assert_msg(doubt == NULL, "%s %s", path, doubt);
        seen++;
    }
    return 0;
}

START_TEST(no_real_video_is_doubted)
{
    const char *one = media_real("camera/fire2.mp4");
    if (one == NULL)
        return;
    cleanup(free_ptr) char *top = xstrdup(one);
    *strrchr(top, '/') = '\0';
    *strrchr(top, '/') = '\0';
    ck_assert_int_eq(nftw(top, look, 16, FTW_PHYS), 0);
    ck_assert_uint_gt(seen, 0);
    printf("%u real videos, none of them doubted\n", seen);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("whole");
    TCase *tcase = tcase_create("whole");
    tcase_add_loop_test(tcase, what_is_whole_is_not_doubted, 0, (int)ARRAY_LEN(clips));
    tcase_add_loop_test(tcase, what_was_cut_off_is_doubted_wherever_that_was, 0,
                        (int)ARRAY_LEN(clips));
    tcase_add_test(tcase, a_recording_that_may_end_anywhere_is_not_doubted);
    tcase_add_test(tcase, a_stream_that_never_said_its_length_is_not_doubted);
    tcase_add_loop_test(tcase, bytes_by_hand, 0, (int)ARRAY_LEN(made));
    tcase_add_test(tcase, a_file_that_ends_in_a_mebibyte_of_zeros_was_never_filled);
    tcase_add_test(tcase, boxes_without_end_are_looked_at_only_so_far);
    tcase_add_test(tcase, no_real_video_is_doubted);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
