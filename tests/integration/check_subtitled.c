// From speech to subtitles, with the real programs and real speech: what the recogniser of this
// machine hears bounds the cuts, and is shown where it is heard in the reel.
//
// Where something is heard in the reel is measured: the sound of the reel is looked for in that of
// the originals.
#include "base/fs.h"
#include "spool/plan.h"
#include "spool/transcript.h"
#include "tests/support/batch_source.h"
#include "tests/support/media.h"
#include "tests/support/program.h"
#include "tests/support/said.h"
#include "tests/support/spool_story.h"

#include <math.h>

#define SPEECH(name) "speech/" name ".wav"
#define AUSTEN(number) SPEECH("sense_and_sensibility_01_austen_64kb-" number)

// Recordings one after the other, half a second apart, before moving pictures.
static const char *talk(const char *name, const char *const *parts)
{
    const char *arguments[64] = { "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25" };
    size_t count = 4, inputs = 0;
    cleanup(free_ptr) char *filter = xstrdup("");
    for (; parts[inputs]; inputs++) {
        cleanup(free_ptr) char *before = filter;
        arguments[count++] = "-i";
        arguments[count++] = media_real(parts[inputs]);
        filter =
            xasprintf("%s[%zu]aresample=16000,apad=pad_dur=0.7[s%zu];", before, inputs + 1, inputs);
    }
    for (size_t i = 0; i < inputs; i++) {
        cleanup(free_ptr) char *before = filter;
        filter = xasprintf("%s[s%zu]", before, i);
    }
    cleanup(free_ptr) char *all = xasprintf("%sconcat=n=%zu:v=0:a=1[a]", filter, inputs);
    const char *const rest[] = {
        "-filter_complex", all,       "-map",      "0:v", "-map", "[a]",  "-shortest", "-c:v",
        "libx264",         "-preset", "ultrafast", "-g",  "50",   "-c:a", "aac",       NULL
    };
    memcpy(arguments + count, rest, sizeof rest);
    return media_make(name, arguments);
}

static const char *talks[2];

// False if there is nothing to test with.
static bool have_talks(void)
{
    static const char *const first[] = { SPEECH("librispeech-1995-1837-0001"), AUSTEN("0870"),
                                         AUSTEN("0890"), NULL };
    static const char *const second[] = { SPEECH("jfk"), AUSTEN("0920"), NULL };
    if (said_language() == NULL || media_real(first[0]) == NULL)
        return false;
    talks[0] = talk("talk-0.mp4", first);
    talks[1] = talk("talk-1.mp4", second);
    return true;
}

// ---- sound

enum { RATE = 2000, WINDOW = RATE }; // a second of it is looked for

struct sound {
    float *samples;
    size_t count;
};

static struct sound sound_of(const char *path, const char *name)
{
    struct folder folder;
    folder_make(&folder);
    cleanup(free_ptr) char *raw = xasprintf("%s/%s", folder.path, name);
    cleanup(free_ptr) char *output = NULL;
    ck_assert_msg(PROGRAM_RUN(&output, "ffmpeg", "-nostdin", "-v", "error", "-i", path, "-vn",
                              "-ac", "1", "-ar", "2000", "-f", "f32le", raw) == 0,
                  "%s", output);
    struct sound sound = { .samples = NULL };
    char *data = NULL;
    size_t size = 0;
    ck_assert_int_eq(fs_read(folder.fd, name, 1 << 28, &data, &size, NULL), 0);
    sound.samples = xcalloc(size + 1, 1);
    memcpy(sound.samples, data, size);
    sound.count = size / sizeof(float);
    free(data);
    folder_remove(&folder);
    return sound;
}

// How alike a second of each is: 1 for the same, whatever the level.
static double likeness(const float *a, const float *b)
{
    double ab = 0, aa = 1e-9, bb = 1e-9;
    for (size_t i = 0; i < WINDOW; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return ab / sqrt(aa * bb);
}

// The second of the original at which what the reel plays at `time` is heard; *ret_source says of
// which.
static double heard_at(const struct sound *reel, const struct sound *sources, double time,
                       size_t *ret_source)
{
    size_t from = (size_t)lround(time * RATE), best = 0;
    double most = 0;
    ck_assert_uint_lt(from + WINDOW, reel->count);
    for (size_t s = 0; s < 2; s++)
        for (size_t i = 0; i + WINDOW < sources[s].count; i++) {
            double like = likeness(reel->samples + from, sources[s].samples + i);
            if (like <= most)
                continue;
            most = like;
            best = i;
            *ret_source = s;
        }
    ck_assert_msg(most > 0.8, "what the reel plays at %.2f s is nowhere (%.2f)", time, most);
    return (double)best / RATE;
}

// ---- subtitles

struct cue {
    double start, end;
    char word[64]; // the first
};

static size_t read_srt(int folder, struct cue *cues, size_t room)
{
    char *text = NULL;
    size_t size, count = 0;
    ck_assert_int_eq(fs_read(folder, BATCH_SRT, 1 << 20, &text, &size, NULL), 0);
    for (char *at = text; (at = strstr(at, " --> ")) != NULL; at++) {
        int h, m, s, ms, H, M, S, MS;
        ck_assert_uint_lt(count, room);
        ck_assert_int_eq(sscanf(at - 12, "%d:%d:%d,%d --> %d:%d:%d,%d\n%63s", &h, &m, &s, &ms, &H,
                                &M, &S, &MS, cues[count].word),
                         9);
        cues[count].start = h * 3600 + m * 60 + s + ms / 1000.0;
        cues[count++].end = H * 3600 + M * 60 + S + MS / 1000.0;
    }
    free(text);
    return count;
}

// ---- the batch, a stage at a time, so that what lies between can be looked at

static struct batch_folder batch;
static struct transcript transcripts[2];

static void run_stage(enum stage stage, int index)
{
    cleanup(free_ptr) char *output = NULL;
    ck_assert_msg(batch_source_run(&batch, stage, index, &output) == 0, "%s: %s",
                  stage_info[stage].name, output);
}

static void run_all(void)
{
    batch_folder_make(&batch, 2);
    batch_folder_roles(&batch, MODEL_LOCAL, MODEL_LOCAL);
    for (int i = 0; i < 2; i++) {
        batch_source_put(&batch, i, talks[i]);
        run_stage(STAGE_COMPRESS, i);
        run_stage(STAGE_TRANSCRIBE, i);
        run_stage(STAGE_ANALYZE, i);
        cleanup(close_fd) int sourcedir = batch_open_source(batch.batchdir, i, NULL);
        transcripts[i] = (struct transcript)TRANSCRIPT_INIT;
        ck_assert_int_eq(transcript_load(sourcedir, 1000, &transcripts[i], NULL), 0);
    }
    run_stage(STAGE_PLAN, STEP_BATCH);
    run_stage(STAGE_RENDER, STEP_BATCH);
    run_stage(STAGE_PUBLISH, STEP_BATCH);
}

static void release_all(void)
{
    transcript_release(&transcripts[0]);
    transcript_release(&transcripts[1]);
    batch_folder_remove(&batch);
}

static void expect_no_cut_word(const struct transcript *transcript, double time)
{
    for (size_t i = 0; i < transcript->word_count; i++) {
        const struct transcript_word *word = &transcript->words[i];
        // Words that touch each other are parted at a picture.
        ck_assert_msg(time < word->start + 0.045 || time > word->end - 0.045,
                      "%.3f is in \"%s\" from %.2f to %.2f", time, word->text, word->start,
                      word->end);
    }
}

static void expect_sentences_bound(void)
{
    size_t on_sentence = 0;
    cleanup(plan_release) struct plan plan = PLAN_INIT;
    cleanup(json_free) json_t *json = NULL;
    ck_assert_int_eq(plan_load(batch.batchdir, &plan, NULL), 0);
    ck_assert_int_eq(json_read(batch.batchdir, BATCH_PLAN, 1 << 20, &json, NULL), 0);
    ck_assert_uint_gt(plan.segment_count, 1);
    for (size_t i = 0; i < plan.segment_count; i++) {
        const struct plan_segment *segment = &plan.segments[i];
        const json_t *entry = json_array_get(json_object_get(json, "segments"), i);
        expect_no_cut_word(&transcripts[segment->video_index], segment->start);
        expect_no_cut_word(&transcripts[segment->video_index], segment->end);
        on_sentence += strstr(json_text(entry, "start_on", "", NULL), "sentence") != NULL;
        on_sentence += strstr(json_text(entry, "end_on", "", NULL), "sentence") != NULL;
    }
    ck_assert_uint_ge(on_sentence, plan.segment_count);
}

// The word of the transcript that begins nearest to `time`.
static const struct transcript_word *word_near(const struct transcript *transcript,
                                               const char *text, double time)
{
    const struct transcript_word *best = NULL;
    for (size_t i = 0; i < transcript->word_count; i++) {
        const struct transcript_word *word = &transcript->words[i];
        if (strcmp(word->text, text) == 0 &&
            (!best || fabs(word->start - time) < fabs(best->start - time)))
            best = word;
    }
    return best;
}

START_TEST(subtitles_appear_when_the_reel_says_it)
{
    struct cue cues[100];
    struct sound sources[2];
    if (!have_talks())
        return;
    run_all();
    expect_sentences_bound();
    cleanup(free_ptr) char *path = xasprintf("%s/%s", batch.path, BATCH_FINAL);
    struct sound reel = sound_of(path, "reel");
    for (size_t i = 0; i < 2; i++)
        sources[i] = sound_of(talks[i], "source");
    size_t count = read_srt(batch.batchdir, cues, ARRAY_LEN(cues)), held = 0;
    ck_assert_uint_ge(count, 2);
    for (size_t i = 0; i < count; i++) {
        size_t source = 0;
        if ((size_t)((cues[i].start + 1) * RATE) + 1 >= reel.count ||
            (i + 1 < count && cues[i + 1].start < cues[i].start + 1))
            continue; // a second of it is not all of one segment
        double time = heard_at(&reel, sources, cues[i].start, &source);
        const struct transcript_word *word = word_near(&transcripts[source], cues[i].word, time);
        ck_assert_msg(word != NULL, "\"%s\" is said nowhere", cues[i].word);
        ck_assert_msg(fabs(word->start - time) <= 0.15,
                      "\"%s\" is shown at %.3f s, where %.3f s of talk %zu are heard; it is said "
                      "at %.3f s",
                      cues[i].word, cues[i].start, time, source, word->start);
        held++;
    }
    ck_assert_uint_ge(held, 2);
    free(reel.samples);
    free(sources[0].samples);
    free(sources[1].samples);
    release_all();
}
END_TEST

// ---- the daemon

START_TEST(a_dropped_folder_comes_out_with_its_subtitles)
{
    if (!have_talks())
        return;
    spool_fixture_start(&fixture);
    spool_fixture_drop_copies(&fixture, "talks", talks, 2,
                              "analysis = { speech = \"local\"; };\ntarget_duration = 8.0;\n");
    cleanup(json_free) json_t *status = spool_fixture_await(&fixture, "talks", "completed");
    const json_t *stages = json_object_get(status, "stages");
    ck_assert_str_eq(text_of(json_object_get(stages, "transcribe"), "status"), "completed");
    cleanup(free_ptr) char *path = spool_fixture_path(&fixture, "outbox/talks");
    struct cue cues[100];
    cleanup(close_fd) int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_uint_ge(read_srt(folder, cues, ARRAY_LEN(cues)), 1);
    char *vtt = NULL;
    size_t size;
    ck_assert_int_eq(fs_read(folder, BATCH_VTT, 1 << 20, &vtt, &size, NULL), 0);
    ck_assert(strncmp(vtt, "WEBVTT\n", 7) == 0);
    free(vtt);
}
END_TEST

START_TEST(a_batch_that_does_not_ask_for_it_has_none)
{
    if (!have_talks())
        return;
    spool_fixture_start(&fixture);
    spool_fixture_drop_copies(&fixture, "talks", talks, 1, "target_duration = 6.0;\n");
    cleanup(json_free) json_t *status = spool_fixture_await(&fixture, "talks", "completed");
    ck_assert_ptr_null(json_object_get(json_object_get(status, "stages"), "transcribe"));
    cleanup(free_ptr) char *srt = spool_fixture_path(&fixture, "outbox/talks/final.srt");
    cleanup(free_ptr) char *reel = spool_fixture_path(&fixture, "outbox/talks/final.mp4");
    ck_assert(access(srt, F_OK) < 0 && access(reel, F_OK) == 0);
}
END_TEST

static void open_spool(void)
{
    spool_fixture_open(&fixture);
    fixture.patience = 3 * SPOOL_FIXTURE_SECONDS;
}

static void close_spool(void)
{
    spool_fixture_close(&fixture);
}

int main(void)
{
    Suite *suite = suite_create("subtitled");
    TCase *stages = tcase_create("stages"), *daemon = tcase_create("daemon");
    tcase_set_timeout(stages, 240);
    tcase_add_test(stages, subtitles_appear_when_the_reel_says_it);
    tcase_set_timeout(daemon, 240);
    tcase_add_checked_fixture(daemon, open_spool, close_spool);
    tcase_add_test(daemon, a_dropped_folder_comes_out_with_its_subtitles);
    tcase_add_test(daemon, a_batch_that_does_not_ask_for_it_has_none);
    suite_add_tcase(suite, stages);
    suite_add_tcase(suite, daemon);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
