// status.json: valid against docs/status.schema.json in every state of a batch, and true.
#include "spool/ledger.h"
#include "spool/plan.h"
#include "spool/status.h"
#include "tests/support/folder.h"
#include "tests/support/program.h"
#include <check.h>
#include <stdio.h>
#include <sys/stat.h>

enum { SOURCES = 3 };

static struct folder folder;
static struct batch batch;
static struct step steps[STAGE_COUNT * SOURCES], batch_steps[STAGE_COUNT];
static struct status status;

static const time_t begun = 1795320900; // 2026-11-22T04:15:00Z

static void set_up(void)
{
    folder_make(&folder);
    batch = (struct batch){ .roles = { [MODEL_SPEECH] = MODEL_NONE },
                            .id = xstrdup("20261122T041500Z-trip-3f2a"),
                            .name = xstrdup("trip"),
                            .outbox = xstrdup("trip"),
                            .created_at = begun };
    struct config_report report = CONFIG_REPORT_INIT;
    ck_assert_int_eq(job_parse("job.conf", NULL, &batch.job, &report), 0);
    batch.sources = xcalloc(SOURCES, sizeof *batch.sources);
    batch.source_count = SOURCES;
    for (int i = 0; i < SOURCES; i++) {
        batch.sources[i].file = xasprintf("clip%d.mp4", i);
        batch.sources[i].size_bytes = 1000;
    }
    memset(steps, 0, sizeof steps);
    memset(batch_steps, 0, sizeof batch_steps);
    status = (struct status){ .batch = &batch,
                              .word = STATUS_QUEUED,
                              .remaining_seconds = -1,
                              .now = begun + 60,
                              .steps = steps,
                              .batch_steps = batch_steps };
}

static void tear_down(void)
{
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        step_release(&steps[i]);
    for (size_t i = 0; i < ARRAY_LEN(batch_steps); i++)
        step_release(&batch_steps[i]);
    batch_release(&batch);
    folder_remove(&folder);
}

static struct step *at(enum stage stage, int index)
{
    return index == STEP_BATCH ? &batch_steps[stage]
                               : &steps[(size_t)stage * SOURCES + (size_t)index];
}

static void run(enum stage stage, int index, time_t from)
{
    *at(stage, index) = (struct step){ .attempts = 1, .started = begun + from };
}

static void finish(enum stage stage, int index, time_t from, time_t to, const char *numbers)
{
    *at(stage, index) = (struct step){ .state = STEP_DONE,
                                       .attempts = 1,
                                       .started = begun + from,
                                       .ended = begun + to,
                                       .numbers = json_loads(numbers, 0, NULL) };
}

static void break_step(enum stage stage, int index, unsigned attempts)
{
    struct step *step = at(stage, index);
    *step = (struct step){
        .state = STEP_FAILED, .attempts = attempts, .started = begun, .ended = begun + 1
    };
    err_set(&step->error, ERR_INPUT, "not_a_video", "clip: is not a video");
    err_hint(&step->error, "look at it in a player");
}

// The document, written and read back.
static json_t *written(void)
{
    struct err err = ERR_INIT;
    json_t *json = NULL;
    ck_assert_msg(status_write(&status, folder.fd, folder.fd, &err) == 0, "%s", err.text);
    ck_assert_int_eq(json_read(folder.fd, "status.json", 1 << 22, &json, &err), 0);
    return json;
}

static const char *text_at(const json_t *json, const char *key)
{
    return json_text(json, key, NULL, NULL);
}

static const json_t *video(const json_t *json, size_t index)
{
    return json_array_get(json_object_get(json, "videos"), index);
}

static const json_t *stage(const json_t *json, const char *name)
{
    return json_object_get(json_object_get(json, "stages"), name);
}

// ---- states of a batch

static void queued(void)
{
}

static void strange_names(void)
{
    free(batch.name);
    batch.name = xstrdup("\xff\n\"trip\"");
    free(batch.sources[0].file);
    batch.sources[0].file = xstrdup("-rf \xf0\x9f\x8e\xac\x01.mp4");
    status.waiting_for = "a free slot\n\xfe";
}

static void working(void)
{
    status.word = STATUS_COMPRESSING;
    status.stage = "compress";
    status.progress = 41.26;
    status.remaining_seconds = 33.4;
    finish(STAGE_FETCH, 0, 0, 1, "{\"way\":\"link\"}");
    finish(STAGE_PROBE, 0, 1, 2,
           "{\"duration\":12.3456,\"width\":1920,\"height\":1080,\"fps\":29.97}");
    finish(STAGE_COMPRESS, 0, 2, 9, "{\"compressed_bytes\":250,\"profile\":\"conservative\"}");
    at(STAGE_PROBE, 0)->warnings = json_pack("[s, i]", "the file is cut off after 12.3 s", 7);
    finish(STAGE_FETCH, 1, 0, 1, "{}");
    finish(STAGE_PROBE, 1, 1, 3, "{}");
    run(STAGE_COMPRESS, 1, 4);
}

static void one_refused_one_failed(void)
{
    working();
    err_set(&batch.sources[2].error, ERR_INPUT, "symlink", "clip2.mp4 is a symbolic link");
    break_step(STAGE_COMPRESS, 1, 2);
}

static void hostile_numbers(void)
{
    status.progress = 1e300;
    status.remaining_seconds = 1e30;
    finish(STAGE_PROBE, 0, 1, 2, "{\"duration\":-1,\"width\":\"x\",\"height\":1e300,\"fps\":null}");
    finish(STAGE_COMPRESS, 0, 9, 2, "{\"compressed_bytes\":-5,\"profile\":[1]}");
    finish(STAGE_RENDER, STEP_BATCH, 9, 9, "{\"duration\":{},\"size_bytes\":1.5}");
    batch.sources[1].size_bytes = 0;
    finish(STAGE_COMPRESS, 1, 1, 2, "{\"compressed_bytes\":5}");
    break_step(STAGE_PROBE, 2, 1);
    at(STAGE_PROBE, 2)->error.id[0] = 0;
    at(STAGE_PROBE, 2)->error.text[0] = 0;
}

static void completed(void)
{
    static const enum stage source_stages[] = { STAGE_FETCH, STAGE_PROBE, STAGE_COMPRESS,
                                                STAGE_ANALYZE };
    for (int i = 0; i < SOURCES; i++)
        for (size_t s = 0; s < ARRAY_LEN(source_stages); s++)
            finish(source_stages[s], i, (time_t)s, (time_t)s + i + 1, "{}");
    finish(STAGE_PLAN, STEP_BATCH, 10, 11, "{}");
    finish(STAGE_PREVIEW, STEP_BATCH, 11, 12, "{\"duration\":60.5}");
    finish(STAGE_RENDER, STEP_BATCH, 11, 40,
           "{\"duration\":60.5,\"size_bytes\":12345,\"width\":1280,\"height\":720,"
           "\"frames_copied\":0,\"frames_encoded\":1815,\"render_mode\":\"encode\","
           "\"fallback_reason\":\"it is interlaced\"}");
    finish(STAGE_PUBLISH, STEP_BATCH, 40, 41, "{}");
    cleanup(plan_release) struct plan plan = PLAN_INIT;
    plan.provider = xstrdup("local");
    plan.strategy = xstrdup("highlights");
    plan.target_duration = 60;
    char reason[] = "loud and fast";
    const struct plan_segment segment = { 1, 2.5, 8, 0.9, reason };
    plan_add(&plan, &segment);
    plan_note(&plan, "one segment was shortened");
    ck_assert_int_eq(plan_save(folder.fd, &plan, NULL), 0);
    status.word = STATUS_COMPLETED;
    status.progress = 100;
    status.remaining_seconds = 0;
    status.completed_at = begun + 41;
    status.processing_seconds = 41.1234;
}

static struct err whole = ERR_INIT;

static void refused_whole(void)
{
    batch_release(&batch);
    batch = (struct batch){ .roles = { [MODEL_SPEECH] = MODEL_NONE },
                            .id = xstrdup("20261122T041500Z-trip-3f2a"),
                            .name = xstrdup("trip"),
                            .created_at = begun };
    whole = (struct err)ERR_INIT;
    err_set(&whole, ERR_INPUT, "no_videos", "the folder is empty");
    status.word = STATUS_FAILED;
    status.completed_at = begun + 1;
    status.error = &whole;
}

static void failed_in_a_stage(void)
{
    working();
    break_step(STAGE_RENDER, STEP_BATCH, 2);
    whole = at(STAGE_RENDER, STEP_BATCH)->error;
    status.word = STATUS_FAILED;
    status.completed_at = begun + 50;
    status.error = &whole;
    status.error_stage = "render";
}

static void cancelled(void)
{
    working();
    status.word = STATUS_CANCELLED;
    status.completed_at = begun + 50;
}

// The first is on its way, the second is here, the third was refused; all by links.
static void downloading(void)
{
    status.word = STATUS_DOWNLOADING;
    status.stage = "fetch";
    for (int i = 0; i < SOURCES; i++) {
        batch.sources[i].kind = SOURCE_URL;
        batch.sources[i].size_bytes = 0;
    }
    batch.sources[0].remote.url = xstrdup("https://example.org/clip.mp4?key=secret");
    batch.sources[1].remote.url = xstrdup("https://example.org/watch?key=secret");
    batch.sources[1].kind = SOURCE_OSS;
    err_set(&batch.sources[2].error, ERR_INPUT, "bad_link", "clip2.mp4: line 1: no link");
    run(STAGE_FETCH, 0, 1);
    finish(STAGE_FETCH, 1, 0, 1, "{\"way\":\"downloaded\",\"size_bytes\":500}");
    finish(STAGE_PROBE, 1, 1, 2, "{}");
    finish(STAGE_COMPRESS, 1, 2, 9, "{\"compressed_bytes\":125}");
}

static void with_webhook(void)
{
    completed();
    batch.job.webhook = xstrdup("https://hooks.example.org:8443/T0/secret?key=1");
}

static void uploading(void)
{
    working();
    batch.storage = STORAGE_HYBRID;
    batch.roles[MODEL_VISION] = MODEL_DASHSCOPE;
    batch.bucket = xstrdup("oss-main");
    status.word = STATUS_UPLOADING_TEMP;
    status.stage = "upload";
    run(STAGE_UPLOAD, 0, 10);
}

static void transcribing(void)
{
    working();
    batch.roles[MODEL_SPEECH] = MODEL_LOCAL;
    status.word = STATUS_ANALYZING;
    status.stage = "transcribe";
    finish(STAGE_COMPRESS, 1, 4, 9, "{}");
    break_step(STAGE_TRANSCRIBE, 0, 2);
    run(STAGE_TRANSCRIBE, 1, 10);
}

static void stored(void)
{
    completed();
    batch.storage = STORAGE_OSS;
    batch.roles[MODEL_VISION] = MODEL_DASHSCOPE;
    batch.bucket = xstrdup("oss-main");
    for (int i = 0; i < SOURCES; i++)
        finish(STAGE_UPLOAD, i, 3, 4, "{}");
    step_release(at(STAGE_PUBLISH, STEP_BATCH));
    finish(STAGE_PUBLISH, STEP_BATCH, 40, 41,
           "{\"bucket\":\"oss-main\",\"key\":\"final/20261122/x/final.mp4\","
           "\"url\":\"https://example.org/f?s\",\"url_expires_at\":\"2026-11-29T04:15:41Z\"}");
}

// One call was answered, one never was, one answer had been kept.
static void asked_of_models(void)
{
    cleanup(ledger_release) struct ledger ledger = LEDGER_INIT;
    working();
    for (int i = 0; i < 3; i++) {
        struct ledger_call *call = ledger_add(&ledger);
        (void)snprintf(call->id, sizeof call->id, "%032d", i);
        call->key = xstrdup("key");
        call->what = xstrdup(i == 2 ? "theme" : "look");
        call->service = xstrdup("dashscope");
        call->model = xstrdup("qwen3-vl-plus");
        call->index = i == 2 ? STEP_BATCH : i;
        call->original_tokens = call->held_tokens = 9000;
        call->held_cost = 9000000;
        call->billed = i == 0;
        call->billed_tokens = i == 0 ? 7000 : 0;
        call->billed_cost = i == 0 ? 7000000 : 0;
        call->kept = i == 2;
    }
    ck_assert_int_eq(ledger_save(folder.fd, &ledger, NULL), 0);
    status.currency = "CNY";
}

static void damaged_ledger(void)
{
    working();
    folder_put(&folder, BATCH_LEDGER, "{\"calls\": 7}");
}

static void (*const states[])(void) = {
    asked_of_models, damaged_ledger,         transcribing,    uploading,
    stored,          with_webhook,           queued,          strange_names,
    working,         one_refused_one_failed, hostile_numbers, completed,
    refused_whole,   failed_in_a_stage,      cancelled,       downloading
};

// All states in one run of the validator, which takes half a second to start.
START_TEST(every_state_is_valid_against_the_schema)
{
    static const char validator[] = "import json, sys, jsonschema\n"
                                    "schema = json.load(open('docs/status.schema.json'))\n"
                                    "jsonschema.Draft202012Validator.check_schema(schema)\n"
                                    "check = jsonschema.Draft202012Validator(schema)\n"
                                    "bad = [(p, e.json_path, e.message) for p in sys.argv[1:]\n"
                                    "       for e in check.iter_errors(json.load(open(p)))]\n"
                                    "print(*bad, sep='\\n')\n"
                                    "sys.exit(len(bad) > 0)\n";
    const char *argv[4 + ARRAY_LEN(states)] = { "/usr/bin/python3", "-c", validator };
    char *paths[ARRAY_LEN(states)];
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        tear_down();
        set_up();
        states[i]();
        json_decref(written());
        paths[i] = xasprintf("/tmp/clipspool-status-%d-%zu.json", (int)getpid(), i);
        cleanup(free_ptr) char *text = folder_get(&folder, "status.json");
        FILE *file = fopen(paths[i], "w");
        ck_assert_int_ge(fputs(text, file), 0);
        ck_assert_int_eq(fclose(file), 0);
        argv[3 + i] = paths[i];
    }
    cleanup(free_ptr) char *output = NULL;
    int exit_status = program_run(argv, &output);
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        (void)unlink(paths[i]);
        free(paths[i]);
    }
    ck_assert_msg(exit_status == 0, "%s", output);
}
END_TEST

START_TEST(what_models_cost_is_told_once_one_was_asked)
{
    working();
    cleanup(json_free) json_t *before = written();
    ck_assert(json_is_null(json_object_get(before, "receipt")));
    tear_down();
    set_up();
    asked_of_models();
    cleanup(json_free) json_t *json = written();
    const json_t *receipt = json_object_get(json, "receipt");
    ck_assert_int_eq(json_int(receipt, "tokens_used", 0, 99999, -1, NULL), 7000);
    ck_assert_double_eq(json_number(receipt, "cost_at_most", 0, 1, -1, NULL), 0.016);
    ck_assert_str_eq(text_at(receipt, "currency"), "CNY");
    ck_assert_uint_eq(json_array_size(json_object_get(receipt, "calls")), 3);
    tear_down();
    set_up();
    damaged_ledger();
    cleanup(json_free) json_t *unknown = written();
    ck_assert(json_is_null(json_object_get(unknown, "receipt")));
}
END_TEST

START_TEST(a_queued_batch_says_so)
{
    cleanup(json_free) json_t *json = written();
    ck_assert_str_eq(text_at(json, "status"), "queued");
    ck_assert_str_eq(text_at(json, "batch"), "trip");
    ck_assert_str_eq(text_at(json, "created_at"), "2026-11-22T04:15:00Z");
    ck_assert_str_eq(text_at(json, "updated_at"), "2026-11-22T04:16:00Z");
    ck_assert(json_is_null(json_object_get(json, "completed_at")));
    ck_assert(json_is_null(json_object_get(json, "estimated_remaining_seconds")));
    ck_assert_int_eq(json_int(json, "total_videos", 0, 100, -1, NULL), SOURCES);
    ck_assert_int_eq(json_int(json, "processed_videos", 0, 100, -1, NULL), 0);
    ck_assert_str_eq(text_at(video(json, 0), "status"), "queued");
    ck_assert_str_eq(text_at(stage(json, "fetch"), "status"), "pending");
    ck_assert_str_eq(text_at(video(json, 0), "profile"), "dynamic");
    ck_assert(json_is_null(json_object_get(json, "final")));
    ck_assert(json_is_null(json_object_get(json, "clip_plan")));
}
END_TEST

START_TEST(names_of_strange_bytes_are_escaped)
{
    strange_names();
    cleanup(json_free) json_t *json = written();
    ck_assert_str_eq(text_at(json, "batch"), "\\xFF\\x0A\"trip\"");
    ck_assert_str_eq(text_at(video(json, 0), "name"), "-rf \xf0\x9f\x8e\xac\\x01.mp4");
}
END_TEST

START_TEST(facts_of_videos_come_from_their_steps)
{
    working();
    cleanup(json_free) json_t *json = written();
    const json_t *first = video(json, 0);
    ck_assert_double_eq(json_number(first, "duration", 0, 99, -1, NULL), 12.346);
    ck_assert_int_eq(json_int(first, "width", 0, 9999, -1, NULL), 1920);
    ck_assert_double_eq(json_number(first, "fps", 0, 99, -1, NULL), 29.97);
    ck_assert_int_eq(json_int(first, "compressed_bytes", 0, 9999, -1, NULL), 250);
    ck_assert_double_eq(json_number(first, "compression_ratio", 0, 9, -1, NULL), 0.25);
    ck_assert_str_eq(text_at(first, "profile"), "conservative");
    ck_assert_uint_eq(json_array_size(json_object_get(first, "warnings")), 1);
    ck_assert_str_eq(text_at(first, "status"), "queued"); // for its analysis
    ck_assert_str_eq(text_at(video(json, 1), "status"), "compressing");
    ck_assert_str_eq(text_at(video(json, 2), "status"), "queued");
    ck_assert_str_eq(text_at(stage(json, "compress"), "status"), "running");
    ck_assert_int_eq(json_int(stage(json, "compress"), "videos_done", 0, 9, -1, NULL), 1);
    // From second 2 until now, second 60.
    ck_assert_double_eq(json_number(stage(json, "compress"), "duration_seconds", 0, 99, -1, NULL),
                        58);
    ck_assert_double_eq(json_number(json, "progress", 0, 100, -1, NULL), 41.3);
    ck_assert_double_eq(json_number(json, "estimated_remaining_seconds", 0, 100, -1, NULL), 33);
}
END_TEST

START_TEST(a_video_elsewhere_is_downloaded_and_then_has_a_size)
{
    downloading();
    cleanup(json_free) json_t *json = written();
    const json_t *first = video(json, 0), *second = video(json, 1), *third = video(json, 2);
    ck_assert_str_eq(text_at(json, "status"), "downloading");
    ck_assert_str_eq(text_at(first, "status"), "downloading");
    ck_assert_str_eq(text_at(first, "name"), "clip.mp4");
    ck_assert_str_eq(text_at(first, "source"), "url");
    ck_assert(json_is_null(json_object_get(first, "size_bytes")));
    ck_assert_str_eq(text_at(second, "name"), "https://example.org/watch");
    ck_assert_str_eq(text_at(second, "source"), "oss");
    ck_assert_int_eq(json_int(second, "size_bytes", 0, 9999, -1, NULL), 500);
    ck_assert_double_eq(json_number(second, "compression_ratio", 0, 9, -1, NULL), 0.25);
    ck_assert_str_eq(text_at(third, "status"), "failed");
    ck_assert_str_eq(text_at(third, "name"), "clip2.mp4");
    cleanup(free_ptr) char *text = folder_get(&folder, "status.json");
    ck_assert_ptr_null(strstr(text, "secret"));
}
END_TEST

START_TEST(what_went_wrong_with_a_video_is_told_in_words)
{
    one_refused_one_failed();
    cleanup(json_free) json_t *json = written();
    const json_t *failed = json_object_get(video(json, 1), "error");
    ck_assert_str_eq(text_at(failed, "code"), "not_a_video");
    ck_assert_str_eq(text_at(failed, "stage"), "compress");
    ck_assert_str_eq(text_at(failed, "message"), "clip: is not a video");
    ck_assert_str_eq(text_at(failed, "hint"), "look at it in a player");
    ck_assert_int_eq(json_int(failed, "attempts", 0, 9, -1, NULL), 2);
    const json_t *refused = json_object_get(video(json, 2), "error");
    ck_assert_str_eq(text_at(refused, "code"), "symlink");
    ck_assert_ptr_null(text_at(refused, "stage"));
    ck_assert_str_eq(text_at(video(json, 2), "status"), "failed");
    ck_assert_int_eq(json_int(json, "processed_videos", 0, 9, -1, NULL), 2);
    ck_assert(json_is_null(json_object_get(json, "error")));
    // Nobody waits for what was refused or failed before.
    ck_assert_str_eq(text_at(stage(json, "compress"), "status"), "completed");
}
END_TEST

START_TEST(a_completed_batch_names_its_reel_and_plan)
{
    completed();
    cleanup(json_free) json_t *json = written();
    ck_assert_str_eq(text_at(json, "completed_at"), "2026-11-22T04:15:41Z");
    ck_assert_int_eq(json_int(json, "processed_videos", 0, 9, -1, NULL), SOURCES);
    const json_t *final = json_object_get(json, "final");
    ck_assert_str_eq(text_at(final, "path"), "final.mp4");
    ck_assert_int_eq(json_int(final, "frames_encoded", 0, 9999, -1, NULL), 1815);
    ck_assert_str_eq(text_at(final, "render_mode"), "encode");
    ck_assert_str_eq(text_at(final, "fallback_reason"), "it is interlaced");
    ck_assert(json_is_null(json_object_get(json, "preview"))); // the reel took its place
    const json_t *segments = json_object_get(json_object_get(json, "clip_plan"), "segments");
    ck_assert_uint_eq(json_array_size(segments), 1);
    for (int i = 0; i < STAGE_COUNT; i++)
        if (i != STAGE_UPLOAD && i != STAGE_TRANSCRIBE)
            ck_assert_str_eq(text_at(stage(json, stage_info[i].name), "status"), "completed");
    ck_assert_ptr_null(stage(json, "upload"));
    ck_assert_ptr_null(stage(json, "transcribe"));
    ck_assert_double_eq(json_number(stage(json, "analyze"), "duration_seconds", 0, 99, -1, NULL),
                        3);
}
END_TEST

START_TEST(a_transcript_that_failed_is_a_warning_of_its_video)
{
    transcribing();
    cleanup(json_free) json_t *json = written();
    ck_assert_str_eq(text_at(video(json, 0), "status"), "queued");
    ck_assert(json_is_null(json_object_get(video(json, 0), "error")));
    const json_t *warnings = json_object_get(video(json, 0), "warnings");
    const char *last = json_string_value(json_array_get(warnings, json_array_size(warnings) - 1));
    ck_assert_str_eq(last, "transcribe failed: clip: is not a video");
    ck_assert_str_eq(text_at(video(json, 1), "status"), "analyzing");
    ck_assert_str_eq(text_at(stage(json, "transcribe"), "status"), "running");
}
END_TEST

START_TEST(a_reel_in_a_bucket_says_where_it_is_and_how_long_its_link_works)
{
    stored();
    cleanup(json_free) json_t *json = written();
    const json_t *final = json_object_get(json, "final");
    ck_assert_ptr_null(text_at(final, "path"));
    ck_assert_str_eq(text_at(final, "url"), "https://example.org/f?s");
    ck_assert_str_eq(text_at(final, "url_expires_at"), "2026-11-29T04:15:41Z");
    ck_assert_str_eq(text_at(final, "bucket"), "oss-main");
    ck_assert_str_eq(text_at(final, "key"), "final/20261122/x/final.mp4");
    ck_assert_str_eq(text_at(stage(json, "upload"), "status"), "completed");
    ck_assert_int_eq(json_int(json, "processed_videos", 0, 9, -1, NULL), SOURCES);
}
END_TEST

START_TEST(a_video_that_is_not_uploaded_yet_is_not_through)
{
    uploading();
    finish(STAGE_ANALYZE, 0, 0, 1, "{}");
    cleanup(json_free) json_t *json = written();
    ck_assert_str_eq(text_at(video(json, 0), "status"), "uploading_temp");
    ck_assert_int_eq(json_int(json, "processed_videos", 0, 9, -1, NULL), 0);
    // Where nothing is uploaded, nobody waits for it.
    batch.storage = STORAGE_LOCAL;
    cleanup(json_free) json_t *local = written();
    ck_assert_str_eq(text_at(video(local, 0), "status"), "completed");
    ck_assert_ptr_null(stage(local, "upload"));
}
END_TEST

START_TEST(a_batch_that_failed_says_where_and_after_how_many_tries)
{
    failed_in_a_stage();
    cleanup(json_free) json_t *json = written();
    const json_t *error = json_object_get(json, "error");
    ck_assert_str_eq(text_at(error, "code"), "not_a_video");
    ck_assert_str_eq(text_at(error, "stage"), "render");
    ck_assert_int_eq(json_int(error, "attempts", 0, 9, -1, NULL), 2);
    ck_assert_str_eq(text_at(video(json, 2), "status"), "cancelled");
}
END_TEST

START_TEST(a_webhook_is_pending_until_something_else_is_told)
{
    with_webhook();
    json_t *json = written();
    const json_t *webhook = json_object_get(json, "webhook");
    ck_assert_str_eq(json_text(webhook, "url", "", NULL), "https://hooks.example.org:8443");
    ck_assert_str_eq(json_text(webhook, "status", "", NULL), "pending");
    ck_assert_int_eq(json_int(webhook, "attempts", 0, 9, 9, NULL), 0);
    json_decref(json);
}
END_TEST

// Tells it of the folder "out".  Returns what status_tell_webhook does.
static int tell(const char *id)
{
    const struct status_webhook failed = { .url = "https://example.org/secret",
                                           .status = "failed",
                                           .attempts = 6,
                                           .next_try = begun,
                                           .message = "no \xFF answer" };
    struct err err = ERR_INIT;
    int r = status_tell_webhook(folder.fd, "out", id, &failed, &err);
    ck_assert_int_eq(r < 0, err.class != ERR_NONE);
    return r;
}

START_TEST(what_became_of_it_is_told_in_the_folder_of_that_batch_only)
{
    ck_assert_int_eq(tell(batch.id), 1); // taken away
    ck_assert_int_eq(mkdirat(folder.fd, "out", 0755), 0);
    ck_assert_int_eq(tell(batch.id), 1); // and another put there
    cleanup(free_ptr) char *names = folder_names(&folder, "out");
    ck_assert_str_eq(names, "");
    ck_assert_int_eq(symlinkat("../status.json", folder.fd, "out/status.json"), 0);
    ck_assert_int_eq(tell(batch.id), 1);
    ck_assert_int_eq(unlinkat(folder.fd, "out/status.json", 0), 0);
    folder_put(&folder, "out/status.json", "[1, 2]");
    ck_assert_int_eq(tell(batch.id), 1);
    folder_put(&folder, "out/status.json", "{\"id\": \"other\"}");
    ck_assert_int_eq(tell(batch.id), 1);
    cleanup(free_ptr) char *other = folder_get(&folder, "out/status.json");
    ck_assert_str_eq(other, "{\"id\": \"other\"}");

    with_webhook();
    json_decref(written());
    cleanup(free_ptr) char *own = folder_get(&folder, "status.json");
    folder_put(&folder, "out/status.json", own);
    ck_assert_int_eq(tell(batch.id), 0);
    json_t *before = NULL, *after = NULL;
    ck_assert_int_eq(json_read(folder.fd, "status.json", 1 << 20, &before, NULL), 0);
    ck_assert_int_eq(json_read(folder.fd, "out/status.json", 1 << 20, &after, NULL), 0);
    const json_t *webhook = json_object_get(after, "webhook");
    ck_assert_str_eq(json_text(webhook, "url", "", NULL), "https://example.org");
    ck_assert_str_eq(json_text(webhook, "status", "", NULL), "failed");
    ck_assert_int_eq(json_int(webhook, "attempts", 0, 9, 0, NULL), 6);
    ck_assert_str_eq(json_text(webhook, "next_try", "", NULL), "2026-11-22T04:15:00Z");
    ck_assert_str_eq(json_text(webhook, "message", "", NULL), "no \\xFF answer");
    json_object_del(before, "webhook"), json_object_del(before, "updated_at");
    json_object_del(after, "webhook"), json_object_del(after, "updated_at");
    ck_assert(json_equal(before, after)); // all else is as it was
    json_decref(before);
    json_decref(after);
}
END_TEST

START_TEST(what_cannot_be_read_now_is_not_taken_away)
{
    static const char *const closed[] = { "out", "out/status.json" };
    size_t size = 0;
    char *text = NULL;
    struct err err = ERR_INIT;
    ck_assert_int_eq(mkdirat(folder.fd, "out", 0755), 0);
    folder_put(&folder, "out/status.json", "{}");
    ck_assert_int_eq(fchmod(folder.fd, 0755), 0);
    ck_assert_int_eq(fchmodat(folder.fd, closed[_i], 0, 0), 0);
    if (geteuid() == 0)
        ck_assert_int_eq(seteuid(65534), 0);
    int told = tell(batch.id), read = status_read(folder.fd, "out", batch.id, &text, &size, &err);
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(0), 0);
    ck_assert_int_eq(fchmodat(folder.fd, closed[_i], 0755, 0), 0);
    ck_assert_int_lt(told, 0);
    ck_assert_int_lt(read, 0);
    ck_assert_str_eq(err.id, "denied");
}
END_TEST

START_TEST(words_and_only_the_last_three_are_final)
{
    for (int word = 0; word < STATUS_COUNT; word++) {
        ck_assert_ptr_nonnull(status_words[word]);
        ck_assert(status_is_final((enum status_word)word) == (word >= STATUS_COMPLETED));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("status");
    TCase *tcase = tcase_create("status");
    tcase_set_timeout(tcase, 30);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, every_state_is_valid_against_the_schema);
    tcase_add_test(tcase, a_webhook_is_pending_until_something_else_is_told);
    tcase_add_test(tcase, what_became_of_it_is_told_in_the_folder_of_that_batch_only);
    tcase_add_loop_test(tcase, what_cannot_be_read_now_is_not_taken_away, 0, 2);
    tcase_add_test(tcase, a_queued_batch_says_so);
    tcase_add_test(tcase, what_models_cost_is_told_once_one_was_asked);
    tcase_add_test(tcase, names_of_strange_bytes_are_escaped);
    tcase_add_test(tcase, facts_of_videos_come_from_their_steps);
    tcase_add_test(tcase, a_video_elsewhere_is_downloaded_and_then_has_a_size);
    tcase_add_test(tcase, what_went_wrong_with_a_video_is_told_in_words);
    tcase_add_test(tcase, a_completed_batch_names_its_reel_and_plan);
    tcase_add_test(tcase, a_transcript_that_failed_is_a_warning_of_its_video);
    tcase_add_test(tcase, a_reel_in_a_bucket_says_where_it_is_and_how_long_its_link_works);
    tcase_add_test(tcase, a_video_that_is_not_uploaded_yet_is_not_through);
    tcase_add_test(tcase, a_batch_that_failed_says_where_and_after_how_many_tries);
    tcase_add_test(tcase, words_and_only_the_last_three_are_final);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
