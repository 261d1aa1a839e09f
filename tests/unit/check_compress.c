// The stage compress: a proxy of the profile and signals that can be read, once for the same bytes,
// and nothing half made whenever it is killed.
#include "tests/support/batch_source.h"

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "spool/probe.h"
#include "spool/signals.h"
#include "tests/support/media.h"
#include "tests/support/program.h"

static struct batch_folder first, second;

static void set_up(void)
{
    batch_folder_make(&first, 2);
}

static void tear_down(void)
{
    batch_folder_remove(&first);
}

static const char *clip(void)
{
    return MEDIA_CLIP(.name = "compress.mp4", .seconds = 6, .width = 640, .height = 360,
                      .options = "-c:v libx264 -g 30 -c:a aac");
}

static char *proxy_facts(const struct batch_folder *batch, int index)
{
    char *facts = NULL;
    cleanup(free_ptr) char *path = xasprintf("%s/%d/proxy.mp4", batch->path, index);
    ck_assert_int_eq(PROGRAM_RUN(&facts, "ffprobe", "-v", "error", "-show_entries",
                                 "stream=codec_name,width,height,r_frame_rate", "-of", "csv=p=0",
                                 path),
                     0);
    return facts;
}

START_TEST(the_proxy_is_of_the_profile_and_never_larger_than_the_source)
{
    // Six seconds in the profile "dynamic": conservative, 24 pictures a second of at most 1080.
    batch_source_put(&first, 0, clip());
    ck_assert_int_eq(batch_source_run(&first, STAGE_COMPRESS, 0, NULL), 0);
    cleanup(free_ptr) char *facts = proxy_facts(&first, 0);
    ck_assert_str_eq(facts, "h264,640,360,24/1\naac,0/0\n");
    cleanup(free_ptr) char *numbers = batch_source_numbers(&first, STAGE_COMPRESS, 0);
    ck_assert_ptr_nonnull(strstr(numbers, "\"profile\": \"conservative\""));
}
END_TEST

START_TEST(the_signals_cover_the_whole_source)
{
    struct signals signals = SIGNALS_INIT;
    batch_source_put(&first, 0, clip());
    ck_assert_int_eq(batch_source_run(&first, STAGE_COMPRESS, 0, NULL), 0);
    cleanup(close_fd) int folder = fs_open_dir(first.batchdir, "0", NULL);
    ck_assert_int_eq(signals_load(folder, &signals, NULL), 0);
    ck_assert_double_eq_tol(signals.duration, 6, 0.05);
    ck_assert_double_eq_tol((double)signals.frame_count / signals.frame_rate, 6, 0.2);
    ck_assert(signals.has_sound);
    ck_assert_uint_ge(signals.sound_count, 118); // twenty a second
    signals_release(&signals);
}
END_TEST

START_TEST(the_same_bytes_are_compressed_once_whatever_batch_they_come_in)
{
    batch_folder_make(&second, 1);
    batch_source_put(&first, 0, clip());
    batch_source_put(&first, 1, clip());
    batch_source_put(&second, 0, clip());
    ck_assert_int_eq(batch_source_run(&first, STAGE_COMPRESS, 0, NULL), 0);
    ck_assert_int_eq(batch_source_run(&first, STAGE_COMPRESS, 1, NULL), 0);
    ck_assert_int_eq(batch_source_run(&second, STAGE_COMPRESS, 0, NULL), 0);
    cleanup(free_ptr) char *made = batch_source_numbers(&first, STAGE_COMPRESS, 0);
    cleanup(free_ptr) char *beside = batch_source_numbers(&first, STAGE_COMPRESS, 1);
    cleanup(free_ptr) char *elsewhere = batch_source_numbers(&second, STAGE_COMPRESS, 0);
    ck_assert_ptr_null(strstr(made, "\"kept\": true"));
    ck_assert_ptr_nonnull(strstr(beside, "\"kept\": true"));
    // The other batch lies in another spool, which has a cache of its own.
    ck_assert_ptr_null(strstr(elsewhere, "\"kept\": true"));
    cleanup(free_ptr) char *one = xasprintf("%s/0/proxy.mp4", first.path);
    cleanup(free_ptr) char *other = xasprintf("%s/1/proxy.mp4", first.path);
    ck_assert_int_eq(PROGRAM_RUN(NULL, "/usr/bin/cmp", one, other), 0);
    batch_folder_remove(&second);
}
END_TEST

START_TEST(what_is_damaged_is_said_also_when_the_proxy_was_kept)
{
    const char *whole = MEDIA_CLIP(.name = "compress-cut.ts", .seconds = 8,
                                   .options = "-c:v libx264 -g 15 -c:a aac");
    const char *cut = media_truncated(whole, "compress-cut-short.ts", media_size(whole) / 2);
    for (int i = 0; i < 2; i++) {
        batch_source_put(&first, i, cut);
        ck_assert_int_eq(batch_source_run(&first, STAGE_COMPRESS, i, NULL), 0);
    }
    cleanup(free_ptr) char *made = batch_source_warnings(&first, STAGE_COMPRESS, 0);
    cleanup(free_ptr) char *kept = batch_source_warnings(&first, STAGE_COMPRESS, 1);
    cleanup(free_ptr) char *numbers = batch_source_numbers(&first, STAGE_COMPRESS, 1);
    ck_assert_ptr_nonnull(strstr(made, "damaged"));
    ck_assert_str_eq(made, kept);
    ck_assert_ptr_nonnull(strstr(numbers, "\"kept\": true"));
}
END_TEST

// Starts compress and kills it once it has begun its proxy.
static void kill_half_way(void)
{
    cleanup(free_ptr) char *program = program_built("libexec/clipspool/compress");
    char spool[] = "--spool", index[] = "0";
    char *argv[] = { program, spool, first.folder.path, first.path, index, NULL };
    pid_t pid = 0;
    struct stat begun = { .st_size = 0 };
    ck_assert_int_eq(posix_spawn(&pid, program, NULL, NULL, argv, environ), 0);
    // Nothing announces the file's beginning; five seconds are far more than it takes.
    for (int i = 0; i < 2500 && begun.st_size == 0; i++) {
        (void)poll(NULL, 0, 2);
        (void)fstatat(first.batchdir, "0/proxy.mp4.tmp", &begun, 0);
    }
    (void)kill(pid, SIGKILL);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(killed_half_way_it_leaves_nothing_that_looks_whole_and_the_next_run_does_it)
{
    batch_source_put(&first, 0, clip());
    kill_half_way();
    ck_assert_int_ne(faccessat(first.batchdir, "0/proxy.mp4", F_OK, 0), 0);
    ck_assert_int_ne(faccessat(first.batchdir, "0/signals.json", F_OK, 0), 0);
    ck_assert_int_ne(faccessat(first.batchdir, "steps/compress.0.json", F_OK, 0), 0);
    ck_assert_int_eq(batch_source_run(&first, STAGE_COMPRESS, 0, NULL), 0);
    cleanup(free_ptr) char *names = xasprintf("work/%s/0", first.id);
    cleanup(free_ptr) char *left = folder_names(&first.folder, names);
    ck_assert_ptr_null(strstr(left, ".tmp"));
    ck_assert_ptr_nonnull(strstr(left, "proxy.mp4"));
}
END_TEST

START_TEST(a_source_without_facts_is_our_bug)
{
    cleanup(free_ptr) char *probe = xasprintf("%s/0/probe.json", first.path);
    batch_source_put(&first, 0, clip());
    ck_assert_int_eq(unlink(probe), 0);
    ck_assert_int_eq(batch_source_run(&first, STAGE_COMPRESS, 0, NULL), 70);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("compress");
    TCase *tcase = tcase_create("compress");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, the_proxy_is_of_the_profile_and_never_larger_than_the_source);
    tcase_add_test(tcase, the_signals_cover_the_whole_source);
    tcase_add_test(tcase, the_same_bytes_are_compressed_once_whatever_batch_they_come_in);
    tcase_add_test(tcase, what_is_damaged_is_said_also_when_the_proxy_was_kept);
    tcase_add_test(tcase,
                   killed_half_way_it_leaves_nothing_that_looks_whole_and_the_next_run_does_it);
    tcase_add_test(tcase, a_source_without_facts_is_our_bug);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
