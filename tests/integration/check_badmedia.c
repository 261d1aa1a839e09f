// Files that are no video, or hardly one, through the real stages: what each is told in
// status.json, and that the good ones beside them become a reel.
#include "tests/support/media.h"
#include "tests/support/program.h"
#include "tests/support/spool_story.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

static const char *good(const char *name)
{
    return MEDIA_CLIP(.name = name, .seconds = 3, .options = "-c:v libx264 -preset ultrafast");
}

// ---- what is dropped

static const char *make_text(void)
{
    return media_bytes("text", "Dear diary, today I filmed nothing.\n", 36);
}

static const char *make_empty(void)
{
    return media_bytes("empty", "", 0);
}

static const char *make_noise(void)
{
    static unsigned char noise[100000];
    for (uint32_t i = 0, state = 1; i < sizeof noise; i++)
        noise[i] = (unsigned char)((state = state * 1664525 + 1013904223) >> 24);
    return media_bytes("noise", noise, sizeof noise);
}

static const char *make_cut(const char *name)
{
    const char *whole = good(name);
    return media_truncated(whole, name, media_size(whole) / 2);
}

static const char *make_cut_mp4(void)
{
    return make_cut("cut.mp4");
}

static const char *make_cut_mkv(void)
{
    return make_cut("cut.mkv");
}

static const char *make_cut_ts(void)
{
    return make_cut("cut.ts");
}

static const char *make_empty_track(void)
{
    const char *whole = MEDIA_MAKE("fragments.mp4", "-f", "lavfi", "-i", "testsrc2=size=320x240",
                                   "-t", "1", "-movflags", "frag_keyframe+empty_moov");
    // Up to the first fragment: a track is described, and nothing of it is there.
    static char bytes[1 << 20];
    cleanup(close_fd) int fd = media_open(whole);
    ssize_t size = read(fd, bytes, sizeof bytes);
    const char *fragment = size > 0 ? memmem(bytes, (size_t)size, "moof", 4) : NULL;
    ck_assert_ptr_nonnull(fragment);
    return media_truncated(whole, "track.mp4", (size_t)(fragment - bytes) - 4);
}

static const char *make_sound(void)
{
    return MEDIA_MAKE("sound.m4a", "-f", "lavfi", "-i", "sine", "-t", "1");
}

static const char *make_picture(void)
{
    return MEDIA_MAKE("one.png", "-f", "lavfi", "-i", "testsrc2", "-frames:v", "1");
}

static const char *make_playlist(void)
{
    static const char text[] = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n"
                               "file:///etc/passwd\n#EXT-X-ENDLIST\n";
    return media_bytes("hls", text, sizeof text - 1);
}

static const char *make_script(void)
{
    static const char text[] = "ffconcat version 1.0\nfile 'good.mp4'\n";
    return media_bytes("concat", text, sizeof text - 1);
}

// A picture whose size, in the file's headers and in its own, is this.
static const char *make_sized(const char *name, unsigned size)
{
    static char bytes[1 << 20];
    const char *small = MEDIA_MAKE("small.avi", "-f", "lavfi", "-i", "testsrc2=size=64x64",
                                   "-frames:v", "1", "-c:v", "mjpeg");
    cleanup(close_fd) int fd = media_open(small);
    ssize_t length = read(fd, bytes, sizeof bytes);
    ck_assert_int_gt(length, 0);
    const char low = (char)(size & 0xff), high = (char)(size >> 8);
    const char little[] = { low, high, 0, 0, low, high, 0, 0 }, big[] = { high, low, high, low };
    char *file = memmem(bytes, (size_t)length, "avih", 4);
    char *track = memmem(bytes, (size_t)length, "strf", 4);
    char *picture = memmem(bytes, (size_t)length, "\xff\xc0", 2);
    ck_assert(file && track && picture);
    memcpy(file + 40, little, sizeof little);
    memcpy(track + 12, little, sizeof little);
    memcpy(picture + 5, big, sizeof big);
    return media_bytes(name, bytes, (size_t)length);
}

static const char *make_sizeless(void)
{
    return make_sized("sizeless", 0);
}

static const char *make_huge(void)
{
    return make_sized("huge", 20000);
}

static const char *make_long(void)
{
    return MEDIA_CLIP(.name = "long.mp4", .seconds = 7,
                      .options = "-c:v libx264 -preset ultrafast");
}

static const char *make_good(void)
{
    return good("good.mp4");
}

static const struct {
    const char *name; // in natural order
    const char *(*make)(void);
    const char *code;    // NULL: it is used
    const char *message; // of the error, or of a warning; NULL: there is none
} rows[] = {
    { "a-good.mp4", make_good, NULL, NULL },
    { "b-cut.mkv", make_cut_mkv, NULL, "cut off after 0:0" },
    { "c-cut.mp4", make_cut_mp4, "incomplete_file", "no index (moov)" },
    { "d-cut.ts", make_cut_ts, NULL, "cut off after 0:0" },
    { "e-empty.mp4", make_empty, "empty_file", "is empty (0 bytes)" },
    { "f-huge.avi", make_huge, "bad_size", "20000x20000 is larger than allowed" },
    { "g-long.mp4", make_long, "too_long", "lasts 0:07" },
    { "h-noise.mp4", make_noise, "not_a_video", "not those of a video" },
    { "i-picture.mp4", make_picture, "a_picture", "this is a picture" },
    { "j-playlist.mp4", make_playlist, "not_a_video", "list or script" },
    { "k-script.mp4", make_script, "not_a_video", "list or script" },
    { "l-sizeless.avi", make_sizeless, "bad_size", "0x0 has no area" },
    { "m-sound.mp4", make_sound, "no_picture", "no video track" },
    { "n-text.mp4", make_text, "not_a_video", "not those of a video" },
    { "o-track.mp4", make_empty_track, "empty_track", "holds no pictures" },
};

static void put_row(const char *folder, size_t row)
{
    cleanup(free_ptr) char *path = xasprintf("%s/%s", folder, rows[row].name);
    ck_assert_int_eq(PROGRAM_RUN(NULL, "cp", rows[row].make(), path), 0);
}

static void expect_error(const json_t *told, size_t row)
{
    const json_t *error = json_object_get(told, "error");
    ck_assert_msg(strcmp(text_of(error, "code"), rows[row].code) == 0, "%s: %s", rows[row].name,
                  text_of(error, "code"));
    ck_assert_msg(strstr(text_of(error, "message"), rows[row].message) != NULL, "%s: %s",
                  rows[row].name, text_of(error, "message"));
    ck_assert_msg(*text_of(error, "hint"), "%s: no hint", rows[row].name);
}

static void expect_used(const json_t *told, size_t row)
{
    const json_t *warnings = json_object_get(told, "warnings");
    const char *first = json_string_value(json_array_get(warnings, 0));
    ck_assert_msg(json_is_null(json_object_get(told, "error")), "%s failed", rows[row].name);
    ck_assert_msg((first != NULL) == (rows[row].message != NULL), "%s: %s", rows[row].name,
                  first ? first : "no warning");
    if (first)
        ck_assert_msg(strstr(first, rows[row].message) != NULL, "%s: %s", rows[row].name, first);
}

START_TEST(each_is_told_what_is_wrong_with_it_and_the_good_ones_become_a_reel)
{
    spool_fixture_set(&fixture, "limits = { min_free_percent = 0; max_sources = 20; "
                                "max_source_seconds = 5.0; };");
    cleanup(free_ptr) char *folder = outside("aside");
    cleanup(free_ptr) char *dropped = spool_fixture_path(&fixture, "incoming/trip");
    ck_assert_int_eq(mkdir(folder, 0755), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        put_row(folder, i);
    // This is all there is of those that are cut off.
    folder_put(&fixture.folder, "aside/.ready", "");
    ck_assert_int_eq(rename(folder, dropped), 0);
    spool_fixture_start(&fixture);
    json_t *status = spool_fixture_await(&fixture, "trip", "completed");
    ck_assert_uint_eq(json_array_size(json_object_get(status, "videos")), ARRAY_LEN(rows));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const json_t *told = video(status, i);
        ck_assert_str_eq(text_of(told, "name"), rows[i].name);
        if (rows[i].code)
            expect_error(told, i);
        else
            expect_used(told, i);
    }
    json_decref(status);
    // Nothing is lost, whatever was wrong with it.
    spool_fixture_await_count(&fixture, "work", 0);
    ck_assert_uint_eq(spool_fixture_count(&fixture, "archive/trip"), ARRAY_LEN(rows));
}
END_TEST

START_TEST(one_alone_fails_its_batch_with_its_own_words_and_is_kept)
{
    if (rows[_i].code == NULL)
        return;
    spool_fixture_set(&fixture, "limits = { min_free_percent = 0; max_source_seconds = 5.0; };");
    cleanup(free_ptr) char *name = xstrdup(rows[_i].name);
    *strrchr(name, '.') = '\0';
    cleanup(free_ptr) char *inner = xasprintf("incoming/%s", name);
    cleanup(free_ptr) char *dropped = spool_fixture_path(&fixture, inner);
    cleanup(free_ptr) char *ready = xasprintf("%s/.ready", inner);
    ck_assert_int_eq(mkdir(dropped, 0755), 0);
    put_row(dropped, (size_t)_i);
    spool_fixture_put(&fixture, ready, "", 0);
    spool_fixture_start(&fixture);
    json_t *status = spool_fixture_await(&fixture, name, "failed");
    expect_error(status, (size_t)_i);
    expect_error(video(status, 0), (size_t)_i);
    // Said once, with its remedy, by who supervises: not by the program as well.
    cleanup(free_ptr) char *log = spool_fixture_log(&fixture);
    cleanup(free_ptr) char *twice =
        xasprintf("probe: %s\n", text_of(json_object_get(status, "error"), "message"));
    ck_assert_msg(strstr(log, twice) == NULL, "%s", log);
    json_decref(status);
    spool_fixture_await_count(&fixture, "failed", 1);
}
END_TEST

START_TEST(half_a_copy_is_told_and_not_taken_for_a_short_video)
{
    spool_fixture_set(
        &fixture, "intake = { settle_seconds = 0.15; scan_seconds = 0.5; doubt_seconds = 0; };");
    cleanup(free_ptr) char *copy = spool_fixture_path(&fixture, "incoming/half.mkv");
    ck_assert_int_eq(PROGRAM_RUN(NULL, "cp", make_cut_mkv(), copy), 0);
    spool_fixture_start(&fixture);
    json_t *status = spool_fixture_await(&fixture, "half", "failed");
    const json_t *error = json_object_get(status, "error");
    ck_assert_str_eq(text_of(error, "code"), "incomplete_file");
    ck_assert_ptr_nonnull(strstr(text_of(error, "message"), "half.mkv: is cut off: it has"));
    json_decref(status);
}
END_TEST

static void set_up(void)
{
    spool_fixture_open(&fixture);
}

static void add_tests(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, set_up, spool_story_close);
    tcase_add_test(tcase, each_is_told_what_is_wrong_with_it_and_the_good_ones_become_a_reel);
    tcase_add_test(tcase, half_a_copy_is_told_and_not_taken_for_a_short_video);
    tcase_add_loop_test(tcase, one_alone_fails_its_batch_with_its_own_words_and_is_kept, 0,
                        ARRAY_LEN(rows));
}

int main(int argc, char **argv)
{
    return spool_story_main(argc, argv, "badmedia", add_tests);
}
