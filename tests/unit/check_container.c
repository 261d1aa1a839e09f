// What is let in and what is refused, by content; and whether a file ends before it says.
#include "media/container.h"
#include "tests/support/media.h"
#include <check.h>

static const char playlist[] = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n"
                               "#EXTINF:4.0,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n";
static const char script[] = "ffconcat version 1.0\nfile neighbour.mp4\n";
static const char manifest[] =
    "<?xml version=\"1.0\"?>\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" "
    "profiles=\"urn:mpeg:dash:profile:isoff-on-demand:2011\"><Period/></MPD>\n";
static const char session[] = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\n"
                              "t=0 0\r\nm=video 5004 RTP/AVP 96\r\n";
static const char words[] =
    "Dear all, the video will follow tomorrow.  Regards, the camera team.\n";
static const char noise[] = "\x8f\x12\x77\xe3\x01\x02\xa9\x55\x10\xfe\x9c\x44\x31\x20\x7a\x6b";

static const char *make_truncated_mp4(void)
{
    const char *whole = MEDIA_CLIP(.name = "whole.mp4");
    return media_truncated(whole, "no-index.mp4", media_size(whole) / 2);
}

static const char *make_png(void)
{
    return MEDIA_MAKE("still.png", "-f", "lavfi", "-i", "testsrc2", "-frames:v", "1");
}

static const char *make_jpg(void)
{
    return MEDIA_MAKE("still.jpg", "-f", "lavfi", "-i", "testsrc2", "-frames:v", "1");
}

static const char *make_gif(void)
{
    return MEDIA_MAKE("still.gif", "-f", "lavfi", "-i", "testsrc2", "-frames:v", "3");
}

static const char *make_wav(void)
{
    return MEDIA_MAKE("sound.wav", "-f", "lavfi", "-i", "sine", "-t", "1");
}

static const char *make_mp3(void)
{
    return MEDIA_MAKE("sound.mp3", "-f", "lavfi", "-i", "sine", "-t", "1");
}

static const struct refusal {
    const char *name, *data;
    size_t size;
    const char *(*make)(void);
    const char *id;
} refusals[] = {
    { "an empty file", "", 0, NULL, "empty_file" },
    { "a playlist", playlist, sizeof playlist - 1, NULL, "not_a_video" },
    { "a concat script", script, sizeof script - 1, NULL, "not_a_video" },
    { "a manifest", manifest, sizeof manifest - 1, NULL, "not_a_video" },
    { "a session description", session, sizeof session - 1, NULL, "not_a_video" },
    { "a letter", words, sizeof words - 1, NULL, "not_a_video" },
    { "noise", noise, sizeof noise - 1, NULL, "not_a_video" },
    { "a file without index", NULL, 0, make_truncated_mp4, "incomplete_file" },
    { "a PNG", NULL, 0, make_png, "a_picture" },
    { "a JPEG", NULL, 0, make_jpg, "a_picture" },
    { "a GIF", NULL, 0, make_gif, "a_picture" },
    { "a WAV", NULL, 0, make_wav, "no_picture" },
    { "an MP3", NULL, 0, make_mp3, "no_picture" },
};

static int open_whole(struct container *container, int fd, int max_streams, struct err *err)
{
    int r = container_open(container, fd, max_streams, err);
    return r < 0 ? r : container_look(container, 10000000, err);
}

START_TEST(what_is_no_video_is_refused_in_words)
{
    const struct refusal *row = &refusals[_i];
    const char *path =
        row->make != NULL ? row->make() : media_bytes("clip.mp4", row->data, row->size);
    struct container container = { .fd = -1 };
    struct err err = ERR_INIT;
    int fd = media_open(path);
    int r = open_whole(&container, fd, 16, &err);
    ck_assert_msg(r < 0, "%s was accepted", row->name);
    ck_assert_msg(err.class == ERR_INPUT, "%s: class %d, %s", row->name, err.class, err.text);
    ck_assert_msg(strcmp(err.id, row->id) == 0, "%s: %s, not %s", row->name, err.id, row->id);
    ck_assert_msg(err.hint[0] != '\0', "%s: no remedy", row->name);
    container_release(&container);
    close(fd);
}
END_TEST

START_TEST(more_tracks_than_allowed_are_refused)
{
    const char *path =
        MEDIA_MAKE("tracks.mkv", "-f", "lavfi", "-i", "testsrc2=d=0.2", "-f", "lavfi", "-t", "0.2",
                   "-i", "sine", "-map", "0", "-map", "1", "-map", "1", "-map", "1", "-map", "1");
    struct container container = { .fd = -1 };
    struct err err = ERR_INIT;
    int fd = media_open(path);
    ck_assert_int_lt(open_whole(&container, fd, 4, &err), 0);
    ck_assert_str_eq(err.id, "too_many_streams");
    container_release(&container);
    memset(&container, 0, sizeof container);
    ck_assert_int_eq(open_whole(&container, fd, 5, NULL), 0);
    container_release(&container);
    close(fd);
}
END_TEST

static const struct ending {
    const char *name, *options;
    double share; // of the file that is left
} endings[] = {
    { "fast.mp4", "-preset ultrafast -movflags +faststart", 0.7 },
    { "fragments.mp4", "-preset ultrafast -g 10 -movflags +frag_keyframe+delay_moov", 0.7 },
    { "end.mkv", "-preset ultrafast", 0.7 },
    { "end.avi", "-c:v mpeg4 -c:a mp3", 0.7 },
    { "end.ts", "-preset ultrafast", 0.7 },
};

START_TEST(a_file_that_ends_too_early_is_known_as_such)
{
    const struct ending *row = &endings[_i];
    const char *whole =
        media_clip(&(struct media_clip){ .name = row->name, .options = row->options });
    // Never a whole number of transport packets.
    size_t size = (size_t)((double)media_size(whole) * row->share) / 564 * 564 + 100;
    const char *paths[] = { whole, media_truncated(whole, row->name, size) };
    for (int cut = 0; cut < 2; cut++) {
        struct container container = { .fd = -1 };
        struct err err = ERR_INIT;
        int fd = media_open(paths[cut]);
        ck_assert_msg(open_whole(&container, fd, 16, &err) == 0, "%s: %s", row->name, err.text);
        ck_assert_msg(container.cut_off == (cut == 1), "%s, %s", row->name, cut ? "cut" : "whole");
        container_release(&container);
        close(fd);
    }
}
END_TEST

static const struct tail {
    const char *name, *bytes;
    size_t size;
    bool is_cut_off;
} tails[] = {
    { "a line end", "\r\n", 2, false },
    { "text", "appended by some program or other", 33, false },
    { "zeros", "\0\0\0\0\0\0\0\0\0\0\0\0", 12, false },
    { "more of the video, cut off", "\0\1\0\0mdatxxxx", 12, true },
    { "a fragment, cut off", "\0\0\1\0moofxxxx", 12, true },
};

START_TEST(what_lies_behind_a_whole_file_does_not_make_it_cut_off)
{
    const struct tail *row = &tails[_i];
    const char *whole =
        media_clip(&(struct media_clip){ .name = "behind.mp4", .options = "-preset ultrafast" });
    struct container container = { .fd = -1 };
    struct err err = ERR_INIT;
    size_t size = media_size(whole);
    cleanup(free_ptr) char *bytes = xcalloc(size + row->size, 1);
    cleanup(close_fd) int from = media_open(whole);
    ck_assert_int_eq(read(from, bytes, size), (ssize_t)size);
    memcpy(bytes + size, row->bytes, row->size);
    int fd = media_open(media_bytes(row->name, bytes, size + row->size));
    ck_assert_msg(open_whole(&container, fd, 16, &err) == 0, "%s: %s", row->name, err.text);
    ck_assert_msg(container.cut_off == row->is_cut_off, "%s", row->name);
    container_release(&container);
    close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("container");
    TCase *tcase = tcase_create("open");
    tcase_set_timeout(tcase, 60); // the first run makes the clips
    tcase_add_loop_test(tcase, what_is_no_video_is_refused_in_words, 0, (int)ARRAY_LEN(refusals));
    tcase_add_test(tcase, more_tracks_than_allowed_are_refused);
    tcase_add_loop_test(tcase, what_lies_behind_a_whole_file_does_not_make_it_cut_off, 0,
                        ARRAY_LEN(tails));
    tcase_add_loop_test(tcase, a_file_that_ends_too_early_is_known_as_such, 0,
                        (int)ARRAY_LEN(endings));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
