// Whole batches with models: through each service, paid once, within a budget, and whatever a
// service does wrong, a reel.
#include "tests/support/media.h"
#include "tests/support/model_story.h"

#include <sys/stat.h>

// ---- what is asked of each service, and what becomes of its answers

static void assert_counts(const char *about, unsigned looks, unsigned themes, unsigned clips)
{
    cleanup(free_ptr) char *refused = modeld_refused(&modeld);
    ck_assert_msg(modeld_count(&modeld, "look") == looks &&
                      modeld_count(&modeld, "theme") == themes &&
                      modeld_count(&modeld, "clips") == clips,
                  "%s: %u looks, %u themes, %u clips were asked for, not %u, %u, %u; refused: %s",
                  about, modeld_count(&modeld, "look"), modeld_count(&modeld, "theme"),
                  modeld_count(&modeld, "clips"), looks, themes, clips, refused);
}

// Nothing that we sent was no good request.
static void assert_none_refused(void)
{
    cleanup(free_ptr) char *refused = modeld_refused(&modeld);
    ck_assert_msg(*refused == '\0', "refused: %s", refused);
}

static void assert_valid(const char *name)
{
    cleanup(free_ptr) char *inner = xasprintf("outbox/%s/status.json", name);
    cleanup(free_ptr) char *path = spool_fixture_path(&fixture, inner);
    char *output = NULL;
    int r = PROGRAM_RUN(&output, "python3", "-c",
                        "import json, sys, jsonschema\n"
                        "jsonschema.validate(json.load(open(sys.argv[1])), "
                        "json.load(open('docs/status.schema.json')))",
                        path);
    ck_assert_msg(r == 0, "%s", output);
    free(output);
}

static json_int_t receipt_count(const json_t *status, const char *key)
{
    return json_integer_value(json_object_get(json_object_get(status, "receipt"), key));
}

static void assert_no_key_written(void)
{
    static const char *const keys[] = { MODELD_DASHSCOPE_KEY, MODELD_OPENAI_KEY };
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        char *found = NULL;
        int r = PROGRAM_RUN(&found, "grep", "-rlaF", keys[i], fixture.folder.path);
        ck_assert_msg(r == 1, "a key is in %s", found);
        free(found);
    }
}

START_TEST(each_service_looks_and_plans)
{
    const struct model_story *story = &model_stories[_i];
    model_story_set(story, "");
    spool_fixture_start(&fixture);
    model_story_drop("trip", 2, "target_duration = 6;");
    cleanup(json_free) json_t *status = model_story_end("trip");
    assert_none_refused();
    assert_counts(story->name, 2, 1, 1);
    cleanup(json_free) json_t *receipt = model_story_file("trip", "receipt.json");
    ck_assert(json_equal(receipt, json_object_get(status, "receipt")));
    ck_assert_int_gt(receipt_count(status, "tokens_used"), 0);
    ck_assert_uint_eq(json_array_size(json_object_get(receipt, "calls")), 4);
    cleanup(json_free) json_t *plan = model_story_file("trip", "plan.json");
    cleanup(json_free) json_t *analyses = model_story_file("trip", "analysis.json");
    cleanup(free_ptr) char *seen = json_dumps(analyses, 0);
    ck_assert_msg(strncmp(text_of(plan, "provider"), story->service, strlen(story->service)) == 0,
                  "%s: the plan is by %s: %s", story->name, text_of(plan, "provider"),
                  text_of(plan, "degraded"));
    ck_assert_msg(strstr(seen, "people do things outside") != NULL, "%s: %s", story->name, seen);
    assert_valid("trip");
    assert_no_key_written();
}
END_TEST

// ---- real videos

START_TEST(real_videos_are_looked_at_as_well)
{
    const char *paths[] = { media_real("camera/dog_eating.mp4"), media_real("camera/fire2.mp4") };
    if (paths[0] == NULL || paths[1] == NULL)
        return;
    const struct model_story *story = &model_stories[_i];
    fixture.patience = 120;
    model_story_set(story, "");
    spool_fixture_start(&fixture);
    spool_fixture_drop_copies(&fixture, "real", paths, ARRAY_LEN(paths), "");
    json_decref(model_story_end("real"));
    assert_none_refused();
    assert_counts(story->name, 2, 1, 1);
}
END_TEST

// ---- nothing is paid twice

START_TEST(what_was_dropped_before_costs_nothing)
{
    model_story_set(&model_stories[_i], "");
    spool_fixture_start(&fixture);
    model_story_drop("trip", 2, "");
    json_decref(model_story_end("trip"));
    unsigned asked = modeld_count(&modeld, NULL);
    ck_assert_uint_eq(asked, 4);
    model_story_drop("again", 2, "");
    cleanup(json_free) json_t *status = model_story_end("again");
    ck_assert_uint_eq(modeld_count(&modeld, NULL), asked);
    ck_assert_int_eq(receipt_count(status, "tokens_used"), 0);
    ck_assert_int_gt(receipt_count(status, "tokens_estimated_proxy"), 0);
    cleanup(json_free) json_t *plan = model_story_file("again", "plan.json");
    ck_assert_str_eq(text_of(plan, "degraded"), "");
    ck_assert_str_ne(text_of(plan, "provider"), "local");
}
END_TEST

START_TEST(another_length_of_the_reel_asks_only_for_another_plan)
{
    model_story_set(&model_stories[0], "");
    spool_fixture_start(&fixture);
    model_story_drop("trip", 2, "target_duration = 5;");
    json_decref(model_story_end("trip"));
    model_story_drop("longer", 2, "target_duration = 9;");
    json_decref(model_story_end("longer"));
    ck_assert_uint_eq(modeld_count(&modeld, "look"), 2);
    ck_assert_uint_ge(modeld_count(&modeld, "clips"), 2);
    ck_assert_uint_le(modeld_count(&modeld, NULL), 6);
    assert_none_refused();
}
END_TEST

START_TEST(a_second_run_of_a_person_costs_nothing)
{
    cleanup(free_ptr) char *program = program_built("bin/clipspool");
    cleanup(free_ptr) char *address = modeld_address(&modeld, "");
    cleanup(free_ptr) char *text = xasprintf("models = { vision = \"dashscope\"; text = "
                                             "\"dashscope\"; }; dashscope = { address = \"%s\"; "
                                             "credential = \"%s\"; };\n",
                                             address, modeld.dashscope_key_file);
    cleanup(free_ptr) char *config = xasprintf("%s/run.conf", fixture.folder.path);
    cleanup(free_ptr) char *output = xasprintf("%s/reels", fixture.folder.path);
    cleanup(free_ptr) char *cache = xasprintf("%s/caches", fixture.folder.path);
    ck_assert_int_eq(setenv("XDG_CACHE_HOME", cache, 1), 0);
    folder_put(&fixture.folder, "run.conf", text);
    for (int i = 0; i < 2; i++) {
        char *said = NULL;
        int r = PROGRAM_RUN(&said, program, "-C", config, "run", "-o", output, model_story_clip(0));
        ck_assert_msg(r == 0, "%s", said);
        free(said);
        modeld_settle(&modeld);
        ck_assert_uint_eq(modeld_count(&modeld, NULL), 3);
    }
    struct stat found;
    ck_assert_int_eq(fstatat(fixture.folder.fd, "caches/clipspool", &found, 0), 0);
    ck_assert_uint_eq(found.st_mode & 07777, 0700);
    assert_none_refused();
    assert_no_key_written();
}
END_TEST

// ---- budgets

#define DEAR                                                                             \
    "prices = ( { model = \"qwen3-vl-plus\"; input = 1000; output = 1000; }, { model = " \
    "\"qwen-plus\"; input = 1000; output = 1000; } ); "

START_TEST(where_nothing_fits_nothing_is_sent_and_status_says_so)
{
    model_story_set(&model_stories[_i], _i == 0 ? DEAR "job_cost = 0.0001;" : "day_tokens = 10;");
    spool_fixture_start(&fixture);
    model_story_drop("trip", 1, "");
    cleanup(json_free) json_t *status = model_story_end("trip");
    ck_assert_uint_eq(modeld_count(&modeld, NULL), 0);
    cleanup(free_ptr) char *text = json_dumps(status, 0);
    ck_assert_msg(strstr(text, "budget") != NULL || strstr(text, "limit") != NULL, "%s", text);
    ck_assert_int_eq(receipt_count(status, "tokens_used"), 0);
    assert_valid("trip");
}
END_TEST

// The frames that were shown in the only look.
static json_int_t frames_shown(void)
{
    cleanup(json_free) json_t *events = modeld_events(&modeld);
    json_t *event;
    size_t i;
    json_array_foreach(events, i,
                       event) if (strcmp(text_of(event, "route"), "look") ==
                                  0) return json_integer_value(json_object_get(event, "shown"));
    return 0;
}

// One shot of a camera that moves, so that there are more frames to show than there have to be.
static void drop_moving(void)
{
    const char *clip =
        MEDIA_CLIP(.name = "moving.mp4", .seconds = 36, .width = 640, .height = 360, .sound = "",
                   .filter = "scroll=h=0.02", .options = "-c:v libx264 -preset ultrafast -g 30");
    spool_fixture_drop_copies(&fixture, "trip", &clip, 1, "");
}

// Enough for the plan and half of the pictures.
enum { TIGHT = 17000 };

START_TEST(a_tight_budget_shows_fewer_frames)
{
    // Pictures are by far the most of it: a thousand tokens each, by the configuration.
    cleanup(free_ptr) char *models =
        xasprintf("answer_tokens = 300; prices = ( { model = \"qwen3-vl-plus\"; margin = 1.0; "
                  "frame_tokens = 1000; } ); job_tokens = %d;",
                  _i == 0 ? 0 : TIGHT);
    model_story_set(&model_stories[1], models);
    spool_fixture_start(&fixture);
    drop_moving();
    cleanup(json_free) json_t *status = model_story_end("trip");
    json_int_t shown = frames_shown();
    if (_i == 0)
        ck_assert_int_ge(shown, 10);
    else
        ck_assert_msg(shown >= 4 && shown < 10, "%d frames were shown", (int)shown);
    ck_assert_msg(_i == 0 || receipt_count(status, "tokens_used") <= TIGHT, "%lld tokens",
                  receipt_count(status, "tokens_used"));
}
END_TEST

// ---- what services do wrong

enum { NATIVE = 0, COMPATIBLE = 3, OPENAI = 4, OLLAMA = 5 };

static const struct wrong {
    const char *about;
    int story;
    const char *rules;
    unsigned looks, themes, clips; // that arrive, from one source
    const char *reason;            // in status.json; NULL: the model's plan stands
    bool looked;                   // the model's analysis stands
} wrongs[] = {
    { "a limit of requests, with a time", NATIVE,
      "status look 1 429 Throttling.RateQuota "
      "Retry-After:1",
      2, 1, 1, NULL, true },
    { "the same without a time", NATIVE, "status clips 1 429 Throttling.RateQuota", 1, 1, 2, NULL,
      true },
    { "a limit of tokens a minute", COMPATIBLE, "status look 1 429 insufficient_quota", 2, 1, 1,
      NULL, true },
    { "the same word for an empty purse", OPENAI, "status clips * 429 insufficient_quota", 1, 1, 1,
      "purse", true },
    { "an account that is overdue", NATIVE,
      "status theme * 400 Arrearage\nstatus clips * 400 "
      "Arrearage",
      1, 1, 0, "purse", true },
    { "a fault inside", NATIVE, "status look 1 500 InternalError", 2, 1, 1, NULL, true },
    { "a service that is overloaded", OPENAI, "status look 1 503 overloaded", 2, 1, 1, NULL, true },
    { "a page of a proxy", NATIVE, "page look 1 502", 2, 1, 1, NULL, true },
    { "an answer that never comes", NATIVE, "mute look 1", 2, 1, 1, NULL, true },
    { "an answer that stops in the middle", NATIVE, "stall look 1 40", 2, 1, 1, NULL, true },
    { "a body that is cut", NATIVE, "cut look 1 40", 2, 1, 1, NULL, true },
    { "an error under 200", NATIVE, "hidden look 1 InternalError", 2, 1, 1, NULL, true },
    { "an error as an event", NATIVE, "event look 1 InternalError", 2, 1, 1, NULL, true },
    { "a part of an answer", NATIVE, "partial look 1", 2, 1, 1, NULL, true },
    { "an answer that is zipped", NATIVE, "zipped * *", 1, 1, 1, NULL, true },
    { "an answer without a type", NATIVE, "untyped * *", 1, 1, 1, NULL, true },
    { "an answer in chunks", OPENAI, "chunked * *", 1, 1, 1, NULL, true },
    { "no bill", COMPATIBLE, "free * *", 1, 1, 1, NULL, true },
    { "a form that is refused", OLLAMA, "strict chat * json_schema", 2, 2, 1, NULL, true },
    { "every form that is refused", OLLAMA, "strict chat * any", 3, 3, 1, NULL, true },
    { "an upload that has to wait", NATIVE, "status policy 1 429 Throttling.RateQuota", 1, 1, 1,
      NULL, true },
    { "a permission that is over", NATIVE, "expired form 1", 1, 1, 1, NULL, true },
    { "a store that is away for a moment", NATIVE, "status form 1 503 ServiceUnavailable", 1, 1, 1,
      NULL, true },
    { "a fence", NATIVE, "say chat * fences", 1, 1, 1, NULL, true },
    { "prose", NATIVE, "say chat * prose", 1, 1, 1, NULL, true },
    { "thoughts", OLLAMA, "say chat * thoughts", 1, 1, 1, NULL, true },
    { "JSON in a text", NATIVE, "say chat * twice", 1, 1, 1, NULL, true },
    { "other keys", NATIVE, "say chat * keys", 1, 1, 1, NULL, true },
    { "times as on a clock", NATIVE, "say chat * clock", 1, 1, 1, NULL, true },
    { "times in words", NATIVE, "say chat * texts", 1, 1, 1, NULL, true },
    { "milliseconds", NATIVE, "say chat * milliseconds", 1, 1, 1, NULL, true },
    { "numbers that are none", NATIVE, "say clips * nan", 1, 1, 2, "plan", true },
    { "numbers without measure", NATIVE, "say clips * huge", 1, 1, 2, "plan", true },
    { "times of another video", NATIVE, "say clips * outside", 1, 1, 2, "plan", true },
    { "an empty answer", NATIVE, "say clips * empty", 1, 1, 2, "plan", true },
    { "one that is mended when told", NATIVE, "say clips 1 chat", 1, 1, 2, NULL, true },
    { "the example of the prompt", NATIVE, "say clips * example", 1, 1, 2, "plan", true },
    { "another shape", NATIVE, "say clips * wrong", 1, 1, 2, "plan", true },
    { "a refusal", OPENAI, "say clips * refusal", 1, 1, 1, "plan", true },
    { "an answer that is not allowed", NATIVE, "say look * filter", 1, 1, 1, NULL, false },
    { "the same of OpenAI", OPENAI, "say look * filter", 1, 1, 1, NULL, false },
    { "its only clip cut off", NATIVE, "say clips 1 length", 1, 1, 2, NULL, true },
};

START_TEST(whatever_a_service_does_wrong_there_is_a_reel_and_it_is_said_why)
{
    const struct wrong *wrong = &wrongs[_i];
    model_story_set(&model_stories[wrong->story], "deadline_seconds = 3; patience_seconds = 30;");
    modeld_control(&modeld, wrong->rules);
    spool_fixture_start(&fixture);
    model_story_drop("trip", 1, "target_duration = 4;");
    cleanup(json_free) json_t *status = model_story_end("trip");
    assert_counts(wrong->about, wrong->looks, wrong->themes, wrong->clips);
    cleanup(json_free) json_t *plan = model_story_file("trip", "plan.json");
    cleanup(json_free) json_t *analyses = model_story_file("trip", "analysis.json");
    cleanup(free_ptr) char *seen = json_dumps(analyses, 0), *told = json_dumps(status, 0);
    bool planned = strncmp(text_of(plan, "provider"), "local", 5) != 0 &&
                   strncmp(text_of(plan, "provider"), "fallback", 8) != 0;
    ck_assert_msg(planned == (wrong->reason == NULL), "%s: the plan is by %s: %s", wrong->about,
                  text_of(plan, "provider"), text_of(plan, "degraded"));
    bool looked = strstr(seen, "people do things outside") != NULL;
    ck_assert_msg(looked == wrong->looked, "%s: %s", wrong->about, seen);
    ck_assert_msg(wrong->reason == NULL || strstr(told, "\"degraded\": \"") != NULL, "%s: %s",
                  wrong->about, told);
    assert_valid("trip");
}
END_TEST

static const struct {
    const char *about, *rules;
} refusals[] = {
    { "a look", "status look * 401 InvalidApiKey" },
    { "a plan", "status theme * 401 InvalidApiKey\nstatus clips * 401 InvalidApiKey" },
    { "a model that was not bought", "status look * 403 AccessDenied.Unpurchased" },
};

START_TEST(a_key_that_is_refused_fails_at_once_with_the_name_of_its_credential)
{
    model_story_set(&model_stories[NATIVE], "");
    modeld_control(&modeld, refusals[_i].rules);
    spool_fixture_start(&fixture);
    model_story_drop("trip", 1, "");
    cleanup(json_free) json_t *status = spool_fixture_await(&fixture, "trip", "failed");
    modeld_settle(&modeld);
    cleanup(free_ptr) char *error = json_dumps(status, 0);
    ck_assert_msg(strstr(error, "dashscope-key") != NULL, "%s: %s", refusals[_i].about, error);
    ck_assert_uint_eq(modeld_count(&modeld, _i == 1 ? "theme" : "look"), 1);
    assert_no_key_written();
}
END_TEST

// ---- what is said

static const struct heard {
    const char *about;
    int story;
    const char *rules;
    unsigned asked; // submitted, or sent; from one source
    bool heard;
} heards[] = {
    { "Paraformer", NATIVE, NULL, 1, true },
    { "Whisper", OPENAI, NULL, 1, true },
    { "a task that is lost once", NATIVE, "task poll 1 UNKNOWN", 2, true },
    { "a task that is always lost, in both tries of its step", NATIVE, "task poll * UNKNOWN", 4,
      false },
    { "a task that fails", NATIVE, "task poll * FAILED InvalidFile.DecodeFailed", 1, false },
    { "a task that is throttled", NATIVE, "status submit 1 429 Throttling.RateQuota Retry-After:1",
      2, true },
    { "a poll that is throttled", NATIVE, "status poll 1 429 Throttling.RateQuota Retry-After:1", 1,
      true },
    { "a service that is away for a moment", OPENAI, "status transcribe 1 503 overloaded", 2,
      true },
    { "an answer that is cut", OPENAI, "cut transcribe 1 30", 2, true },
    { "an account that is overdue", NATIVE, "status submit * 400 Arrearage", 1, false },
};

START_TEST(what_is_said_is_written_down_or_it_is_said_why_not)
{
    const struct heard *heard = &heards[_i];
    const struct model_story *story = &model_stories[heard->story];
    cleanup(free_ptr) char *more =
        xasprintf("speech = \"%s\"; deadline_seconds = 3; patience_seconds = 30;", story->service);
    model_story_set(story, more);
    if (heard->rules != NULL)
        modeld_control(&modeld, heard->rules);
    spool_fixture_start(&fixture);
    model_story_drop("trip", 1, "target_duration = 5;");
    cleanup(json_free) json_t *status = model_story_end("trip");
    unsigned asked = modeld_count(&modeld, heard->story == OPENAI ? "transcribe" : "submit");
    ck_assert_msg(asked == heard->asked, "%s: asked %u times, not %u", heard->about, asked,
                  heard->asked);
    cleanup(free_ptr) char *words = folder_get(&fixture.folder, "spool/outbox/trip/final.srt");
    ck_assert_msg((words != NULL) == heard->heard, "%s: %s", heard->about, words);
    ck_assert_msg(words == NULL || strstr(words, "what they say") != NULL, "%s", words);
    assert_none_refused();
    assert_valid("trip");
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, 200);
    tcase_add_checked_fixture(tcase, model_story_open, model_story_close);
    suite_add_tcase(suite, tcase);
    return tcase;
}

int main(void)
{
    Suite *suite = suite_create("models");
    TCase *services = add_case(suite, "services"), *once = add_case(suite, "once");
    TCase *budgets = add_case(suite, "budgets"), *faults = add_case(suite, "faults");
    TCase *speech = add_case(suite, "speech");
    tcase_add_loop_test(services, each_service_looks_and_plans, 0, MODEL_STORIES);
    tcase_add_loop_test(services, real_videos_are_looked_at_as_well, 0, MODEL_STORIES);
    tcase_add_loop_test(once, what_was_dropped_before_costs_nothing, 0, 2);
    tcase_add_test(once, a_second_run_of_a_person_costs_nothing);
    tcase_add_test(once, another_length_of_the_reel_asks_only_for_another_plan);
    tcase_add_loop_test(budgets, where_nothing_fits_nothing_is_sent_and_status_says_so, 0, 2);
    tcase_add_loop_test(budgets, a_tight_budget_shows_fewer_frames, 0, 2);
    tcase_add_loop_test(faults, whatever_a_service_does_wrong_there_is_a_reel_and_it_is_said_why, 0,
                        (int)ARRAY_LEN(wrongs));
    tcase_add_loop_test(faults, a_key_that_is_refused_fails_at_once_with_the_name_of_its_credential,
                        0, (int)ARRAY_LEN(refusals));
    tcase_add_loop_test(speech, what_is_said_is_written_down_or_it_is_said_why_not, 0,
                        (int)ARRAY_LEN(heards));
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
