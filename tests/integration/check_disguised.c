// Files that are not what their names say: lists and scripts that name other files and hosts, and
// small files that ask for much.  The real program is traced while it is given each: nothing but
// the file itself is opened, nobody is connected to, and time and memory stay within bounds.
#include "base/base.h"
#include "tests/support/folder.h"
#include "tests/support/measure.h"
#include "tests/support/media.h"
#include "tests/support/program.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

// The name that every trap leads to; it is a file beside the trap.
#define CANARY "canary.ts"

static const double most_seconds = 60, most_mb = 400;

static struct folder folder;

static void set_up(void)
{
    folder_make(&folder);
    folder_put(&folder, CANARY, "what a list could make known");
}

static void tear_down(void)
{
    folder_remove(&folder);
}

// ---- lists and scripts

static const char hls_of_a_file[] = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n"
                                    "file://" CANARY "\n#EXT-X-ENDLIST\n";
static const char hls_of_a_host[] = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n"
                                    "http://127.0.0.1:9/" CANARY "\n#EXT-X-ENDLIST\n";
static const char hls_with_a_key[] =
    "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-KEY:METHOD=AES-128,URI=\"file:" CANARY "\"\n"
    "#EXTINF:4,\nsubfile,,start,0,end,64,,:" CANARY "\n#EXT-X-ENDLIST\n";
static const char concat[] = "ffconcat version 1.0\nfile " CANARY "\n";
static const char dash[] =
    "<?xml version=\"1.0\"?>\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" "
    "mediaPresentationDuration=\"PT4S\" "
    "profiles=\"urn:mpeg:dash:profile:isoff-on-demand:2011\"><Period><AdaptationSet "
    "mimeType=\"video/mp4\"><Representation id=\"1\" bandwidth=\"1\"><BaseURL>" CANARY
    "</BaseURL></Representation></AdaptationSet></Period></MPD>\n";
static const char sdp[] = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\n"
                          "t=0 0\r\nm=video 5004 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n";
// A movie of QuickTime that is only the name of another: moov, rmra, rmda, rdrf.
static const char reference[] = "\0\0\0\x14"
                                "ftypqt  \0\0\0\0qt  "
                                "\0\0\0\x3d"
                                "moov\0\0\0\x35"
                                "rmra\0\0\0\x2d"
                                "rmda\0\0\0\x25"
                                "rdrf\0\0\0\0url \0\0\0\x11"
                                "file:./" CANARY;

static const struct {
    const char *name, *bytes;
    size_t size;
    const char *says;
} lists[] = {
    { "an HLS list of a file", hls_of_a_file, sizeof hls_of_a_file - 1, "list or script" },
    { "an HLS list of a host", hls_of_a_host, sizeof hls_of_a_host - 1, "list or script" },
    { "an HLS list with a key", hls_with_a_key, sizeof hls_with_a_key - 1, "list or script" },
    { "a concat script", concat, sizeof concat - 1, "list or script" },
    { "a DASH manifest", dash, sizeof dash - 1, "list or script" },
    { "a session description", sdp, sizeof sdp - 1, "list or script" },
    { "a reference movie", reference, sizeof reference - 1, "clip.mp4" },
};

// ---- small files that ask for much

static const char *make_picture(void)
{
    return MEDIA_MAKE("bomb.png", "-f", "lavfi", "-i", "color=size=16000x16000:rate=1", "-frames:v",
                      "1");
}

static const char *make_tracks(void)
{
    const char *arguments[2 * 35 + 16] = { "-f",   "lavfi", "-i", "testsrc=size=64x64:rate=5",
                                           "-f",   "lavfi", "-i", "anullsrc=r=8000:cl=mono",
                                           "-map", "0",     "-t", "0.2" };
    size_t count = 12;
    for (int i = 0; i < 35; i++) {
        arguments[count++] = "-map";
        arguments[count++] = "1";
    }
    return media_make("tracks.mkv", arguments);
}

// An index that says it has four thousand million entries.
static const char *make_index(void)
{
    static char bytes[1 << 20];
    const char *whole = MEDIA_CLIP(.name = "index.mp4", .seconds = 1);
    cleanup(close_fd) int fd = media_open(whole);
    ssize_t size = read(fd, bytes, sizeof bytes);
    static const unsigned char many[] = { 0xff, 0xff, 0xff, 0xf0 };
    static const char *const tables[] = { "stsz", "stts", "stco", "ctts" };
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        char *at = memmem(bytes, (size_t)size, tables[i], 4);
        if (at != NULL)
            memcpy(at + (i == 0 ? 12 : 8), many, sizeof many);
    }
    return media_bytes("index", bytes, (size_t)size);
}

// Two pictures, of which the second is to be shown a year later.
static const char *make_gap(void)
{
    return MEDIA_MAKE("gap.mkv", "-f", "lavfi", "-i", "testsrc=size=64x64:rate=1", "-frames:v", "2",
                      "-vf", "setpts=N*31536000/TB", "-fps_mode", "passthrough");
}

// Small first, and in the middle of the stream as large as H.264 goes.
static const char *make_growing(void)
{
    static char bytes[8 << 20];
    const char *parts[] = {
        MEDIA_MAKE("small.h264", "-f", "lavfi", "-i", "testsrc=size=64x64:rate=5", "-frames:v",
                   "10", "-c:v", "libx264"),
        MEDIA_MAKE("large.h264", "-f", "lavfi", "-i", "color=size=8192x8192:rate=5", "-frames:v",
                   "1", "-c:v", "libx264", "-preset", "ultrafast", "-threads", "1"),
    };
    size_t size = 0;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        cleanup(close_fd) int fd = media_open(parts[i]);
        ssize_t got = read(fd, bytes + size, sizeof bytes - size);
        ck_assert_int_gt(got, 0);
        size += (size_t)got;
    }
    const char *joined = media_bytes("growing.h264", bytes, size);
    return MEDIA_MAKE("growing.ts", "-i", joined, "-c", "copy", "-bsf:v", "setts=ts=N*18000");
}

// Headers that promise a picture of 20000x20000.
static const char *make_sized(void)
{
    static char bytes[1 << 20];
    static const char little[] = { 0x20, 0x4e, 0, 0, 0x20, 0x4e, 0, 0 },
                      big[] = { 0x4e, 0x20, 0x4e, 0x20 };
    const char *small = MEDIA_MAKE("sized.avi", "-f", "lavfi", "-i", "testsrc2=size=64x64",
                                   "-frames:v", "1", "-c:v", "mjpeg");
    cleanup(close_fd) int fd = media_open(small);
    ssize_t length = read(fd, bytes, sizeof bytes);
    char *file = memmem(bytes, (size_t)length, "avih", 4);
    char *track = memmem(bytes, (size_t)length, "strf", 4);
    char *picture = memmem(bytes, (size_t)length, "\xff\xc0", 2);
    ck_assert(file && track && picture);
    memcpy(file + 40, little, sizeof little);
    memcpy(track + 12, little, sizeof little);
    memcpy(picture + 5, big, sizeof big);
    return media_bytes("sized", bytes, (size_t)length);
}

static const struct {
    const char *name;
    const char *(*make)(void);
    const char *says; // NULL: what can be shown of it is used
} bombs[] = {
    { "a picture of 16000x16000", make_picture, "picture" },
    { "headers of 20000x20000", make_sized, "larger than allowed" },
    { "thirty-six tracks", make_tracks, "tracks" },
    { "an index without end", make_index, "clip.mp4" },
    { "a year between two pictures", make_gap, "lasts" },
    { "a stream that grows to 8192x8192", make_growing, NULL },
};

// ---- giving them

// Runs a program under a trace of what it opens, connects to and starts.  Gives the trace; *cost of
// the largest process.
static char *trace(const char *const *argv, struct cost *cost, int *ret_status)
{
    // Who is traced cannot look for leaks, and takes that for a failure.
    const char *words[32] = { "strace", "-f",
                              "-qq",    "--env=ASAN_OPTIONS=detect_leaks=0",
                              "-s",     "400",
                              "-o",     NULL,
                              "-e",     "trace=open,openat,openat2,socket,connect,bind,sendto" };
    cleanup(free_ptr) char *path = xasprintf("%s/trace", folder.path);
    words[7] = path;
    for (size_t i = 0; argv[i] != NULL && i + 11 < ARRAY_LEN(words); i++)
        words[10 + i] = argv[i];
    int status = measure_try(words, cost);
    *ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return folder_get(&folder, "trace");
}

// Gives what was said, having held the trace against the rules.
static char *give(const char *name, const char *path, int *ret_status)
{
    cleanup(free_ptr) char *clip = xasprintf("%s/clip.mp4", folder.path);
    cleanup(free_ptr) char *out = xasprintf("%s/out", folder.path);
    cleanup(free_ptr) char *program = program_built("bin/clipspool");
    cleanup(free_ptr) char *said = xasprintf("%s/said", folder.path);
    cleanup(free_ptr) char *line = xasprintf("exec \"$0\" \"$@\" >%s 2>&1", said);
    ck_assert_int_eq(PROGRAM_RUN(NULL, "cp", path, clip), 0);
    const char *argv[] = { "sh", "-c", line, program, "run", clip, "-o", out, NULL };
    struct cost cost;
    cleanup(free_ptr) char *seen = trace(argv, &cost, ret_status);
    ck_assert_msg(seen && strstr(seen, "clip.mp4"), "%s: nothing was traced", name);
    const char *led = strstr(seen, CANARY), *out_there = strstr(seen, "AF_INET");
    ck_assert_msg(led == NULL, "%s: it went where it was led: %.200s", name, led);
    ck_assert_msg(out_there == NULL, "%s: it looked for the network: %.200s", name, out_there);
    ck_assert_msg(cost.wall < most_seconds, "%s took %.1f s", name, cost.wall);
    ck_assert_msg(cost.memory < most_mb, "%s took %.0f MB", name, cost.memory);
    printf("%-36s %5.1f s %5.0f MB\n", name, cost.wall, cost.memory);
    return folder_get(&folder, "said");
}

static bool can_trace(void)
{
    int status;
    struct cost cost;
    cleanup(free_ptr) char *canary = xasprintf("%s/" CANARY, folder.path);
    const char *argv[] = { "cmp", canary, canary, NULL };
    cleanup(free_ptr) char *seen = trace(argv, &cost, &status);
    if (status == 0) // and what is looked for below can be found
        ck_assert(seen && strstr(seen, CANARY));
    else
        printf("SKIP check_disguised: nobody may trace here\n");
    return status == 0;
}

START_TEST(a_list_in_disguise_leads_nowhere)
{
    int status;
    if (!can_trace())
        return;
    cleanup(free_ptr) char *said =
        give(lists[_i].name, media_bytes("list", lists[_i].bytes, lists[_i].size), &status);
    ck_assert_msg(status == 1 && strstr(said, lists[_i].says), "%s: %d\n%s", lists[_i].name, status,
                  said);
}
END_TEST

START_TEST(a_small_file_that_asks_for_much_gets_little)
{
    int status;
    if (!can_trace())
        return;
    cleanup(free_ptr) char *said = give(bombs[_i].name, bombs[_i].make(), &status);
    ck_assert_msg(status == (bombs[_i].says != NULL), "%s: %d\n%s", bombs[_i].name, status, said);
    ck_assert_msg(bombs[_i].says == NULL || strstr(said, bombs[_i].says), "%s:\n%s", bombs[_i].name,
                  said);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("disguised");
    TCase *tcase = tcase_create("core");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, a_list_in_disguise_leads_nowhere, 0, (int)ARRAY_LEN(lists));
    tcase_add_loop_test(tcase, a_small_file_that_asks_for_much_gets_little, 0,
                        (int)ARRAY_LEN(bombs));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
