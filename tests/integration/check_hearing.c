// What is said in a source, asked of services on loopback (tests/support/modeld.py) by the real
// stage: every second of sound is asked for and paid for once, whatever is killed or lost.
#include "base/fs.h"
#include "spool/ledger.h"
#include "spool/probe.h"
#include "spool/signals.h"
#include "spool/transcript.h"
#include "tests/support/batch_source.h"
#include "tests/support/media.h"
#include "tests/support/modeld.h"
#include "tests/support/program.h"
#include "tests/support/spoken.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

enum { SECONDS = 12 };

static struct batch_folder batch;
static struct modeld modeld;
static int sourcedir;

// ---- a source in which something is said from 2 to 5 s and from 7 to 10 s

static void put_probe(void)
{
    struct probe probe = PROBE_INIT;
    probe.duration = SECONDS;
    probe.fps_num = 25;
    probe.fps_den = probe.sar_num = probe.sar_den = 1;
    probe.width = probe.coded_width = 320;
    probe.height = probe.coded_height = 240;
    probe.bit_depth = 8;
    probe.video_stream = 0;
    probe.frames = 25 * SECONDS;
    (void)snprintf(probe.container, sizeof probe.container, "mov");
    (void)snprintf(probe.codec, sizeof probe.codec, "h264");
    (void)snprintf(probe.pixel_format, sizeof probe.pixel_format, "yuv420p");
    ck_assert_int_eq(probe_save(sourcedir, &probe, NULL), 0);
}

static void put_signals(void)
{
    struct signals signals = SIGNALS_INIT;
    signals.duration = SECONDS;
    signals.frame_rate = 25;
    signals.has_sound = true;
    signals.sound_count = SECONDS * SIGNALS_SOUND_HZ;
    signals.sounds = xcalloc(signals.sound_count, sizeof *signals.sounds);
    for (size_t i = 0; i < signals.sound_count; i++) {
        double at = (double)i / SIGNALS_SOUND_HZ;
        bool voice = (at >= 2 && at < 5) || (at >= 7 && at < 10);
        // Syllables: speech changes its level all the time.
        signals.sounds[i] = (struct signals_sound){ .loudness = voice ? -20 : -60,
                                                    .peak = voice ? (i % 2 ? -20 : -28) : -60,
                                                    .voice = voice };
    }
    ck_assert_int_eq(signals_save(sourcedir, &signals, NULL), 0);
    signals_release(&signals);
}

static void put_sound(void)
{
    const char *sound = MEDIA_MAKE("said.wav", "-f", "lavfi", "-i",
                                   "sine=frequency=300:sample_rate=16000:duration=12", "-af",
                                   "volume=enable='not(between(t,2,5)+between(t,7,10))':volume=0",
                                   "-ac", "1", "-c:a", "pcm_s16le");
    cleanup(close_fd) int from = media_open(sound);
    cleanup(fs_release) struct fs_file file = FS_FILE_INIT;
    ck_assert_int_eq(fs_begin(&file, sourcedir, SOURCE_AUDIO, NULL), 0);
    ck_assert_int_ge(fs_fill(&file, from, NULL, NULL, NULL), 0);
    ck_assert_int_eq(fs_commit(&file, NULL), 0);
}

// ---- a batch and a service

struct story {
    const char *name, *service, *place, *model;
    const char *route; // that costs
};

static const struct story stories[] = {
    { "Paraformer", "dashscope", "", "paraformer-v2", "submit" },
    { "Qwen's recogniser of files", "dashscope", "", "qwen3-asr-flash-filetrans", "submit" },
    { "OpenAI", "openai", "/v1", "whisper-1", "transcribe" },
};

static void choose(const char *service)
{
    struct batch understood = BATCH_INIT;
    ck_assert_int_eq(batch_load(batch.batchdir, &understood, NULL), 0);
    understood.roles[MODEL_SPEECH] =
        strcmp(service, "openai") == 0 ? MODEL_OPENAI : MODEL_DASHSCOPE;
    ck_assert_int_eq(batch_save(batch.batchdir, &understood, NULL), 0);
    batch_release(&understood);
}

static void configure(const struct story *story, const char *models)
{
    bool is_openai = strcmp(story->service, "openai") == 0;
    cleanup(free_ptr) char *address = modeld_address(&modeld, story->place);
    cleanup(free_ptr) char *text =
        xasprintf("models = { patience_seconds = 20.0; cache = \"%s/cache\"; "
                  "prices = ( { model = \"%s\"; second = 0.001; margin = 1.25; } ); %s };\n"
                  "%s = { address = \"%s\"; credential = \"%s\"; speech_model = \"%s\"; };\n"
                  "services = { rest_seconds = 1.0; };\n",
                  batch.folder.path, story->model, models, story->service, address,
                  is_openai ? modeld.openai_key_file : modeld.dashscope_key_file, story->model);
    folder_put(&batch.folder, "conf", text);
    choose(story->service);
}

static void set_up(void)
{
    batch_folder_make(&batch, 1);
    modeld_start(&modeld);
    sourcedir = batch_open_source(batch.batchdir, 0, NULL);
    put_probe();
    put_signals();
    put_sound();
}

static void tear_down(void)
{
    close_fd(&sourcedir);
    modeld_stop(&modeld);
    batch_folder_remove(&batch);
}

static int run(char **ret_output)
{
    cleanup(free_ptr) char *config = xasprintf("%s/conf", batch.folder.path);
    cleanup(free_ptr) char *program = program_built("libexec/clipspool/transcribe");
    return PROGRAM_RUN(ret_output, program, "--config", config, "--spool", batch.folder.path,
                       batch.path, "0");
}

static void run_well(void)
{
    cleanup(free_ptr) char *output = NULL;
    ck_assert_msg(run(&output) == 0, "%s", output);
    cleanup(free_ptr) char *warnings = batch_source_warnings(&batch, STAGE_TRANSCRIBE, 0);
    ck_assert_msg(strchr(warnings, '"') == NULL, "%s", warnings);
}

static void expect_transcript(const char *provider)
{
    struct err err = ERR_INIT;
    cleanup(transcript_release) struct transcript transcript = TRANSCRIPT_INIT;
    ck_assert_msg(transcript_load(sourcedir, SECONDS, &transcript, &err) == 0, "%s", err.text);
    ck_assert_str_eq(transcript.provider, provider);
    ck_assert_uint_eq(transcript.sentence_count, 2);
    ck_assert_double_eq_tol(transcript.sentences[0].start, 2, 0.2);
    ck_assert_double_eq_tol(transcript.sentences[0].end, 5, 0.2);
    ck_assert_double_eq_tol(transcript.sentences[1].start, 7, 0.2);
    ck_assert_uint_gt(transcript.sentences[1].word_count, 3);
    ck_assert_str_eq(transcript.sentences[0].text, "This is what they say.");
    ck_assert_str_eq(transcript.words[4].text, "say.");
}

static void expect_ledger(size_t calls, bool billed)
{
    struct err err = ERR_INIT;
    cleanup(ledger_release) struct ledger ledger = LEDGER_INIT;
    ck_assert_msg(ledger_load(batch.batchdir, &ledger, &err) == 0, "%s", err.text);
    ck_assert_uint_eq(ledger.count, calls);
    for (size_t i = 0; i < ledger.count; i++) {
        ck_assert_str_eq(ledger.calls[i].what, "speech");
        ck_assert_int_eq(ledger.calls[i].billed || ledger.calls[i].kept, billed);
    }
    // 12 seconds at a thousandth each, in billionths.
    if (billed && !ledger.calls[0].kept)
        ck_assert_uint_eq(ledger.calls[0].billed_cost, 12000000);
}

static void forget_step(void)
{
    ck_assert_int_eq(step_reset(batch.batchdir, STAGE_TRANSCRIBE, 0, NULL), 0);
    ck_assert_int_eq(fs_remove(sourcedir, SOURCE_TRANSCRIPT, NULL), 0);
}

START_TEST(what_is_said_is_asked_for_once_and_paid_once)
{
    const struct story *story = &stories[_i];
    configure(story, "");
    run_well();
    expect_transcript(story->service);
    ck_assert_uint_eq(modeld_count(&modeld, story->route), 1);
    cleanup(free_ptr) char *refused = modeld_refused(&modeld);
    ck_assert_str_eq(refused, "");
    expect_ledger(1, true);
    ck_assert(faccessat(sourcedir, SOURCE_HEARING, F_OK, 0) < 0);
    forget_step();
    run_well();
    expect_transcript(story->service);
    ck_assert_uint_eq(modeld_count(&modeld, story->route), 1);
}
END_TEST

// A region is nothing that they know.
START_TEST(the_language_of_the_job_is_told)
{
    struct batch understood = BATCH_INIT;
    configure(&stories[_i], "");
    ck_assert_int_eq(batch_load(batch.batchdir, &understood, NULL), 0);
    free(understood.job.language);
    understood.job.language = xstrdup("pt-BR");
    ck_assert_int_eq(batch_save(batch.batchdir, &understood, NULL), 0);
    batch_release(&understood);
    run_well();
    json_t *events = modeld_events(&modeld);
    cleanup(free_ptr) char *text = json_dumps(events, 0);
    json_decref(events);
    ck_assert_msg(strstr(text, "\"spoken\", \"language\": \"pt\"") != NULL, "%s", text);
}
END_TEST

static void await_file(const char *name)
{
    for (int i = 0; faccessat(sourcedir, name, F_OK, 0) < 0; i++) {
        ck_assert_int_lt(i, 1000);
        (void)nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
    }
}

START_TEST(whoever_begins_again_asks_for_the_same_task)
{
    configure(&stories[0], "");
    modeld_control(&modeld, "late poll * 5000 5000");
    cleanup(free_ptr) char *config = xasprintf("%s/conf", batch.folder.path);
    cleanup(free_ptr) char *program = program_built("libexec/clipspool/transcribe");
    // What the stage has to say on descriptor 3 is for nobody.
    const char *const argv[] = { "/bin/sh",
                                 "-c",
                                 "exec \"$0\" \"$@\" 3>/dev/null",
                                 program,
                                 "--config",
                                 config,
                                 "--spool",
                                 batch.folder.path,
                                 batch.path,
                                 "0",
                                 NULL };
    struct spoken spoken;
    struct spoken_run *started = spoken_start(NULL, argv);
    await_file(SOURCE_HEARING);
    ck_assert_int_eq(kill(spoken_pid(started), SIGKILL), 0);
    spoken_finish(&started, &spoken);
    ck_assert_int_eq(spoken.status, 128 + SIGKILL);
    spoken_release(&spoken);
    modeld_control(&modeld, "clear");
    run_well();
    expect_transcript("dashscope");
    ck_assert_uint_eq(modeld_count(&modeld, "submit"), 1);
    expect_ledger(1, true);
}
END_TEST

START_TEST(a_task_that_nobody_knows_is_submitted_anew_once)
{
    configure(&stories[0], "");
    modeld_control(&modeld, "task poll 1 UNKNOWN");
    run_well();
    expect_transcript("dashscope");
    ck_assert_uint_eq(modeld_count(&modeld, "submit"), 2);
    forget_step();
    cleanup(ledger_release) struct ledger ledger = LEDGER_INIT;
    ck_assert_int_eq(ledger_load(batch.batchdir, &ledger, NULL), 0);
    ck_assert_uint_eq(ledger.count, 2); // the first may have been billed
    ck_assert(!ledger.calls[0].billed && ledger.calls[1].billed);
}
END_TEST

START_TEST(a_task_that_is_lost_again_and_again_is_given_up)
{
    char *output = NULL;
    configure(&stories[0], "");
    modeld_control(&modeld, "task poll * UNKNOWN");
    ck_assert_int_eq(run(&output), 75);
    ck_assert_msg(strstr(output, "dashscope paraformer-v2") != NULL, "%s", output);
    free(output);
    ck_assert_uint_eq(modeld_count(&modeld, "submit"), 2);
}
END_TEST

START_TEST(what_the_service_cannot_hear_costs_the_transcript_alone)
{
    configure(&stories[0], "");
    modeld_control(&modeld, "task poll * FAILED InvalidFile.DecodeFailed");
    cleanup(free_ptr) char *output = NULL;
    ck_assert_msg(run(&output) == 0, "%s", output);
    cleanup(free_ptr) char *warnings = batch_source_warnings(&batch, STAGE_TRANSCRIBE, 0);
    ck_assert_msg(strstr(warnings, "what is said was not written down") != NULL, "%s", warnings);
    ck_assert(faccessat(sourcedir, SOURCE_TRANSCRIPT, F_OK, 0) < 0);
    ck_assert(faccessat(sourcedir, SOURCE_HEARING, F_OK, 0) < 0);
    expect_ledger(0, false); // what failed is not paid for
}
END_TEST

static const struct {
    const char *name, *control;
    int story;
    size_t calls; // in the ledger: what may have been billed stays held
} passing[] = {
    { "too many requests", "status submit 1 429 Throttling.RateQuota", 0, 1 },
    { "broken for the moment", "status submit 1 500 InternalError", 0, 1 },
    { "broken while it is asked for the task", "status poll 2 503 ModelUnavailable", 0, 1 },
    { "cut off in the middle", "cut transcribe 1 20", 2, 2 },
    { "a page of some proxy", "page transcribe 1 502", 2, 1 },
    { "a proxy that did not wait", "page transcribe 1 504", 2, 2 },
};

START_TEST(what_passes_is_waited_for)
{
    const struct story *story = &stories[passing[_i].story];
    configure(story, "");
    modeld_control(&modeld, passing[_i].control);
    run_well();
    expect_transcript(story->service);
    cleanup(ledger_release) struct ledger ledger = LEDGER_INIT;
    ck_assert_int_eq(ledger_load(batch.batchdir, &ledger, NULL), 0);
    ck_assert_msg(ledger.count == passing[_i].calls, "%s: %zu calls", passing[_i].name,
                  ledger.count);
}
END_TEST

START_TEST(beyond_the_budget_nothing_is_asked)
{
    configure(&stories[_i], "job_cost = 0.01;"); // 12 s cost 0.012, and the margin
    cleanup(free_ptr) char *output = NULL;
    ck_assert_msg(run(&output) == 0, "%s", output);
    cleanup(free_ptr) char *warnings = batch_source_warnings(&batch, STAGE_TRANSCRIBE, 0);
    ck_assert_msg(strstr(warnings, "what is said was not written down") != NULL, "%s", warnings);
    ck_assert_uint_eq(modeld_count(&modeld, NULL), 0);
}
END_TEST

START_TEST(a_key_that_is_refused_is_named_and_told_to_nobody)
{
    configure(&stories[_i], "");
    modeld_control(&modeld, _i == 2 ? "status transcribe * 401 invalid_api_key"
                                    : "status policy * 401 InvalidApiKey");
    char *output = NULL;
    ck_assert_int_eq(run(&output), 77);
    const char *file = _i == 2 ? modeld.openai_key_file : modeld.dashscope_key_file;
    ck_assert_msg(strstr(output, file) != NULL, "%s", output);
    ck_assert_ptr_null(strstr(output, _i == 2 ? MODELD_OPENAI_KEY : MODELD_DASHSCOPE_KEY));
    free(output);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hearing");
    TCase *tcase = tcase_create("hearing");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, what_is_said_is_asked_for_once_and_paid_once, 0, ARRAY_LEN(stories));
    tcase_add_loop_test(tcase, the_language_of_the_job_is_told, 0, ARRAY_LEN(stories));
    tcase_add_test(tcase, whoever_begins_again_asks_for_the_same_task);
    tcase_add_test(tcase, a_task_that_nobody_knows_is_submitted_anew_once);
    tcase_add_test(tcase, a_task_that_is_lost_again_and_again_is_given_up);
    tcase_add_test(tcase, what_the_service_cannot_hear_costs_the_transcript_alone);
    tcase_add_loop_test(tcase, what_passes_is_waited_for, 0, ARRAY_LEN(passing));
    tcase_add_loop_test(tcase, beyond_the_budget_nothing_is_asked, 0, ARRAY_LEN(stories));
    tcase_add_loop_test(tcase, a_key_that_is_refused_is_named_and_told_to_nobody, 0,
                        ARRAY_LEN(stories));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
