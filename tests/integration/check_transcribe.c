// The stage transcribe as a program.
#include "base/fs.h"
#include "spool/transcript.h"
#include "tests/support/batch_source.h"
#include "tests/support/media.h"
#include "tests/support/program.h"
#include "tests/support/said.h"

#include <check.h>
#include <fcntl.h>

static struct batch_folder batch;

static void set_up(void)
{
    batch_folder_make(&batch, 1);
    close_fd(&(int){ batch_open_source(batch.batchdir, 0, NULL) });
}

static void tear_down(void)
{
    batch_folder_remove(&batch);
}

START_TEST(a_source_without_sound_has_no_transcript_and_nobody_is_warned)
{
    cleanup(free_ptr) char *output = NULL;
    ck_assert_msg(batch_source_run(&batch, STAGE_TRANSCRIBE, 0, &output) == 0, "%s", output);
    cleanup(free_ptr) char *numbers = batch_source_numbers(&batch, STAGE_TRANSCRIBE, 0);
    cleanup(free_ptr) char *warnings = batch_source_warnings(&batch, STAGE_TRANSCRIBE, 0);
    ck_assert_ptr_nonnull(strstr(numbers, "\"sentences\""));
    ck_assert_ptr_null(strchr(warnings, 'a'));
}
END_TEST

#define LIBRI "speech/librispeech-1995-1837-0001.wav"

// A video of what is said behind two seconds of silence.
static const char *spoken_video(void)
{
    static const char filter[] = "[1]adelay=2000,apad=pad_dur=1[a]";
    const char *const arguments[] = { "-f",
                                      "lavfi",
                                      "-i",
                                      "testsrc2=size=160x120:rate=25",
                                      "-i",
                                      media_real(LIBRI),
                                      "-filter_complex",
                                      filter,
                                      "-map",
                                      "0:v",
                                      "-map",
                                      "[a]",
                                      "-shortest",
                                      "-c:v",
                                      "libx264",
                                      "-preset",
                                      "ultrafast",
                                      "-c:a",
                                      "aac",
                                      NULL };
    return media_make("spoken.mp4", arguments);
}

static void put_sound(int sourcedir, const char *path)
{
    const char *const arguments[] = { "-i",  path, "-vn",  "-ar",       "16000",
                                      "-ac", "1",  "-c:a", "pcm_s16le", NULL };
    const char *sound = media_make("spoken.wav", arguments);
    cleanup(close_fd) int from = media_open(sound);
    cleanup(fs_release) struct fs_file file = FS_FILE_INIT;
    ck_assert_int_eq(fs_begin(&file, sourcedir, SOURCE_AUDIO, NULL), 0);
    ck_assert_int_ge(fs_fill(&file, from, NULL, NULL, NULL), 0);
    ck_assert_int_eq(fs_commit(&file, NULL), 0);
}

START_TEST(what_is_said_in_a_video_is_written_down_in_its_own_time)
{
    if (said_language() == NULL || media_real(LIBRI) == NULL)
        return;
    cleanup(free_ptr) char *output = NULL;
    cleanup(transcript_release) struct transcript transcript = TRANSCRIPT_INIT;
    batch_source_put(&batch, 0, spoken_video());
    ck_assert_int_eq(batch_source_run(&batch, STAGE_COMPRESS, 0, NULL), 0);
    cleanup(close_fd) int sourcedir = batch_open_source(batch.batchdir, 0, NULL);
    put_sound(sourcedir, spoken_video());
    ck_assert_msg(batch_source_run(&batch, STAGE_TRANSCRIBE, 0, &output) == 0, "%s", output);
    ck_assert_int_eq(transcript_load(sourcedir, 100, &transcript, NULL), 0);
    const struct transcript_word *word = said_word(&transcript, "sorrow", 0);
    ck_assert_ptr_nonnull(word);
    ck_assert_double_eq_tol(word->start, 2 + 1.12, 0.15);
    word = said_word(&transcript, "hopes", 0);
    ck_assert_ptr_nonnull(word);
    ck_assert_double_eq_tol(word->start, 2 + 6.61, 0.15);
}
END_TEST

START_TEST(without_a_language_the_source_goes_on_and_it_is_said_why)
{
    if (media_real(LIBRI) == NULL)
        return;
    cleanup(free_ptr) char *config = xasprintf("%s/conf", batch.folder.path);
    folder_put(&batch.folder, "conf", "models = { recogniser = \"/nowhere\"; };");
    batch_source_put(&batch, 0, spoken_video());
    ck_assert_int_eq(batch_source_run(&batch, STAGE_COMPRESS, 0, NULL), 0);
    cleanup(close_fd) int sourcedir = batch_open_source(batch.batchdir, 0, NULL);
    put_sound(sourcedir, spoken_video());
    cleanup(free_ptr) char *program = program_built("libexec/clipspool/transcribe");
    cleanup(free_ptr) char *output = NULL;
    ck_assert_msg(PROGRAM_RUN(&output, program, "--config", config, batch.path, "0") == 0, "%s",
                  output);
    cleanup(free_ptr) char *warnings = batch_source_warnings(&batch, STAGE_TRANSCRIBE, 0);
    ck_assert_ptr_nonnull(strstr(warnings, "/nowhere holds no language"));
    ck_assert_ptr_nonnull(strstr(warnings, "install pocketsphinx-en-us"));
    ck_assert(faccessat(sourcedir, SOURCE_TRANSCRIPT, F_OK, 0) < 0);
}
END_TEST

static void wish_for(const char *language)
{
    struct batch understood = BATCH_INIT;
    ck_assert_int_eq(batch_load(batch.batchdir, &understood, NULL), 0);
    free(understood.job.language);
    understood.job.language = xstrdup(language);
    ck_assert_int_eq(batch_save(batch.batchdir, &understood, NULL), 0);
    batch_release(&understood);
}

static const struct {
    const char *tag;
    bool is_heard;
} languages[] = { { "zh-CN", false }, { "EN-gb", true }, { "e", false } };

START_TEST(a_language_that_this_machine_does_not_hear_is_not_written_down_as_another)
{
    if (said_language() == NULL || media_real(LIBRI) == NULL)
        return;
    batch_source_put(&batch, 0, spoken_video());
    ck_assert_int_eq(batch_source_run(&batch, STAGE_COMPRESS, 0, NULL), 0);
    cleanup(close_fd) int sourcedir = batch_open_source(batch.batchdir, 0, NULL);
    put_sound(sourcedir, spoken_video());
    wish_for(languages[_i].tag);
    ck_assert_int_eq(batch_source_run(&batch, STAGE_TRANSCRIBE, 0, NULL), 0);
    cleanup(free_ptr) char *warnings = batch_source_warnings(&batch, STAGE_TRANSCRIBE, 0);
    bool is_told = strstr(warnings, "this machine hears") != NULL;
    ck_assert_msg(is_told != languages[_i].is_heard, "%s: %s", languages[_i].tag, warnings);
    bool is_written = faccessat(sourcedir, SOURCE_TRANSCRIPT, F_OK, 0) == 0;
    ck_assert(is_written == languages[_i].is_heard);
}
END_TEST

START_TEST(sound_that_cannot_be_heard_costs_the_transcript_alone)
{
    cleanup(close_fd) int sourcedir = batch_open_source(batch.batchdir, 0, NULL);
    ck_assert_int_eq(fs_write(sourcedir, SOURCE_AUDIO, "RIFF", 4, NULL), 0);
    ck_assert_int_eq(batch_source_run(&batch, STAGE_TRANSCRIBE, 0, NULL), 0);
    cleanup(free_ptr) char *warnings = batch_source_warnings(&batch, STAGE_TRANSCRIBE, 0);
    ck_assert_ptr_nonnull(strstr(warnings, "what is said was not written down"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("transcribe");
    TCase *tcase = tcase_create("transcribe");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, a_source_without_sound_has_no_transcript_and_nobody_is_warned);
    tcase_add_test(tcase, what_is_said_in_a_video_is_written_down_in_its_own_time);
    tcase_add_test(tcase, without_a_language_the_source_goes_on_and_it_is_said_why);
    tcase_add_loop_test(tcase,
                        a_language_that_this_machine_does_not_hear_is_not_written_down_as_another,
                        0, (int)ARRAY_LEN(languages));
    tcase_add_test(tcase, sound_that_cannot_be_heard_costs_the_transcript_alone);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
