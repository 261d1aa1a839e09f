// `make demo` with videos of one's own, as far as its script: the real service, the real stages.
// (The whole of it, with its own videos, is run by check_documents as README.md says.)
#include "base/base.h"
#include "tests/support/folder.h"
#include "tests/support/media.h"
#include "tests/support/program.h"
#include "tests/support/spoken.h"

#include <check.h>
#include <stdio.h>
#include <sys/stat.h>

static struct folder folder;
static char *output; // looks like this build, but for its own folder demo

static void link_into(const char *name)
{
    char *built = program_built(name), *link = xasprintf("%s/%s", output, name);
    ck_assert_int_eq(symlink(built, link), 0);
    free(built);
    free(link);
}

static void set_up(void)
{
    folder_make(&folder);
    output = xasprintf("%s/build", folder.path);
    ck_assert_int_eq(mkdir(output, 0755), 0);
    link_into("bin");
    link_into("sbin");
    link_into("libexec");
}

static void tear_down(void)
{
    folder_remove(&folder);
    free(output);
}

static void demo(struct spoken *spoken, const char *videos)
{
    char *variable = xasprintf("VIDEOS=%s", videos);
    SPOKEN_RUN(spoken, NULL, "/usr/bin/env", variable, "tests/support/demo", output);
    free(variable);
}

// Neither a spool nor a process that works on it: it would hold its folder as an argument.  Other
// demos may run at the same time.
static void assert_nothing_left(void)
{
    char *names = folder_names(&folder, "build/demo");
    ck_assert_msg(!strstr(names, "spool."), "left: %s", names);
    char *spool = xasprintf("%s/demo/spool.", output);
    struct spoken spoken;
    SPOKEN_RUN(&spoken, NULL, "/bin/sh", "-c",
               "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '");
    ck_assert_msg(!strstr(spoken.out, spool), "%s", spoken.out);
    free(spool);
    spoken_release(&spoken);
    free(names);
}

static char *streams_of(const char *path)
{
    struct spoken spoken;
    SPOKEN_RUN(&spoken, NULL, "/usr/bin/ffprobe", "-v", "error", "-show_entries",
               "stream=codec_name", "-of", "csv=p=0", path);
    ck_assert_msg(spoken.status == 0, "%s", spoken.err);
    free(spoken.err);
    return spoken.out;
}

START_TEST(test_videos_of_ones_own_become_a_reel_that_is_named_last)
{
    struct spoken spoken;
    const char *clip = MEDIA_CLIP(.name = "demo-own.mp4", .seconds = 8, .picture = "testsrc2");
    char *blank = xasprintf("%s/my birthday.mp4", folder.path);
    ck_assert_int_eq(symlink(clip, blank), 0);
    char *videos = xasprintf("'%s' %s", blank, MEDIA_CLIP(.name = "demo-two.mkv", .seconds = 6));
    demo(&spoken, videos);
    ck_assert_msg(spoken.status == 0, "%s%s", spoken.out, spoken.err);
    char *reel = xasprintf("%s/demo/trip/final.mp4", output);
    char *last = xasprintf("The reel: %s\n", reel);
    ck_assert_msg(strlen(spoken.out) > strlen(last), "%s", spoken.out);
    ck_assert_str_eq(spoken.out + strlen(spoken.out) - strlen(last), last);
    char *streams = streams_of(reel);
    ck_assert_msg(!strncmp(streams, "h264\naac\n", 9), "%s", streams); // and its chapters
    assert_nothing_left();
    spoken_release(&spoken);
    free(streams), free(last), free(reel), free(videos), free(blank);
}
END_TEST

START_TEST(test_a_demonstration_that_fails_says_why_and_leaves_nothing)
{
    struct spoken spoken;
    folder_put(&folder, "no.mp4", "this is no video");
    char *path = xasprintf("%s/no.mp4", folder.path);
    demo(&spoken, path);
    ck_assert_int_ne(spoken.status, 0);
    ck_assert_msg(strstr(spoken.out, "No reel could be made"), "%s", spoken.out);
    ck_assert_msg(strstr(spoken.err, "no.mp4"), "%s", spoken.err);
    ck_assert_ptr_null(strstr(spoken.out, "The reel: "));
    assert_nothing_left();
    spoken_release(&spoken);
    free(path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("demo");
    TCase *tcase = tcase_create("demo");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test_videos_of_ones_own_become_a_reel_that_is_named_last);
    tcase_add_test(tcase, test_a_demonstration_that_fails_says_why_and_leaves_nothing);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
