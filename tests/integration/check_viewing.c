// analyze with a model elsewhere, against services written from their protocols: each way of a
// video to it, answers of no use, services that misbehave, money.
#include "base/fs.h"
#include "base/text.h"
#include "spool/analysis.h"
#include "spool/frames.h"
#include "tests/support/batch_source.h"
#include "tests/support/httpd.h"
#include "tests/support/media.h"
#include "tests/support/modeld.h"
#include "tests/support/program.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

enum { SECONDS = 8 };

static struct batch_folder batch;
static struct modeld modeld;
static struct httpd httpd; // where the bucket's links lead
static char *config;       // path

// ---- a source as the steps before leave it

static void put_frames(void)
{
    cleanup(frames_release) struct frames frames = FRAMES_INIT;
    cleanup(free_ptr) char *folder = xasprintf("%s/0/" SOURCE_FRAMES, batch.path);
    ck_assert_int_eq(mkdir(folder, 0700), 0);
    frames.width = 320;
    frames.height = 240;
    for (int i = 0; i < 5; i++) {
        cleanup(free_ptr) char *made = xasprintf("frame%d.jpg", i);
        cleanup(free_ptr) char *at = xasprintf("%d", i);
        const char *path = MEDIA_MAKE(made, "-f", "lavfi", "-i", "testsrc2=size=320x240", "-ss", at,
                                      "-frames:v", "1");
        const struct frames_item *item = frames_add(&frames, i + 0.5, 0);
        cleanup(free_ptr) char *to = xasprintf("%s/%s", folder, item->file);
        ck_assert_int_eq(PROGRAM_RUN(NULL, "/bin/cp", path, to), 0);
    }
    cleanup(close_fd) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_eq(frames_save(fd, &frames, NULL), 0);
}

// So many bytes that nobody looks at, as a box of their own at the end.
static void enlarge_proxy(uint32_t bytes)
{
    cleanup(free_ptr) char *path = xasprintf("%s/0/" SOURCE_PROXY, batch.path);
    cleanup(free_ptr) char *box = xcalloc(bytes, 1);
    for (int i = 0; i < 4; i++)
        box[i] = (char)(bytes >> (24 - 8 * i) & 255);
    memcpy(box + 4, "free", 4);
    FILE *file = fopen(path, "a");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(box, 1, bytes, file), bytes);
    ck_assert_int_eq(fclose(file), 0);
}

// A link of the bucket; `query` says what the server does with it.
static void put_link(const char *query, int seconds)
{
    char until[TEXT_TIME_SIZE];
    cleanup(free_ptr) char *link = httpd_link(&httpd, "/0.mp4?type=video/mp4&%s", query);
    cleanup(free_ptr) char *text =
        xasprintf("{\"bucket\": \"main\", \"key\": \"k\", \"expires_at\": null, \"url\": \"%s\", "
                  "\"url_expires_at\": \"%s\"}",
                  link, text_time(time(NULL) + seconds, until));
    cleanup(free_ptr) char *name = xasprintf("work/%s/0/" SOURCE_UPLOAD, batch.id);
    folder_put(&batch.folder, name, text);
}

static void choose_roles(int vision, const char *prompt)
{
    struct batch understood = BATCH_INIT;
    ck_assert_int_eq(batch_load(batch.batchdir, &understood, NULL), 0);
    understood.roles[MODEL_VISION] = vision;
    understood.job.prompt = prompt ? xstrdup(prompt) : NULL;
    ck_assert_int_eq(batch_save(batch.batchdir, &understood, NULL), 0);
    batch_release(&understood);
}

// The first of so many sources is there, the others are still to come.
static void make_batch(size_t sources)
{
    batch_folder_make(&batch, sources);
    batch_source_put(&batch, 0,
                     MEDIA_CLIP(.name = "viewed.mp4", .seconds = SECONDS, .rate = "25",
                                .sound = "sine=frequency=440"));
    ck_assert_int_eq(batch_source_run(&batch, STAGE_COMPRESS, 0, NULL), 0);
    config = xasprintf("%s/clipspool.conf", batch.folder.path);
}

static void set_up(void)
{
    modeld_start(&modeld);
    httpd_start(&httpd, NULL);
    make_batch(1);
}

static void tear_down(void)
{
    free_ptr(&config);
    batch_folder_remove(&batch);
    httpd_stop(&httpd);
    modeld_stop(&modeld);
}

// ---- services

enum service { NATIVE, COMPATIBLE, OPENAI, OWN, SERVICES };

// `models` goes into that group.
static void configure(enum service service, const char *models, const char *model)
{
    static const char *const addresses[SERVICES] = { "", "", "/v1", "/vllm/v1" };
    cleanup(free_ptr) char *address = modeld_address(&modeld, addresses[service]);
    cleanup(free_ptr) char *place =
        service <= COMPATIBLE
            ? xasprintf("dashscope = { address = \"%s\"; credential = \"%s\"; interface = \"%s\"; "
                        "vision_model = \"%s\"; };",
                        address, modeld.dashscope_key_file,
                        service == NATIVE ? "native" : "compatible",
                        model ? model : "qwen3-vl-plus")
        : service == OPENAI
            ? xasprintf("openai = { address = \"%s\"; credential = \"%s\"; vision_model = "
                        "\"gpt-4o-mini\"; };",
                        address, modeld.openai_key_file)
            : xasprintf("openai = { address = \"%s\"; dialect = \"own\"; video = true; "
                        "vision_model = \"Qwen/Qwen3-VL-8B-Instruct\"; };",
                        address);
    cleanup(free_ptr) char *text = xasprintf(
        "models = { vision = \"%s\"; cache = \"%s/answers\"; patience_seconds = 3; %s };\n"
        "%s\nservices = { failures = 100; };\n",
        service <= COMPATIBLE ? "dashscope" : "openai", batch.folder.path, models, place);
    folder_put(&batch.folder, "clipspool.conf", text);
}

static int analyze(char **ret_output)
{
    cleanup(free_ptr) char *program = program_built("libexec/clipspool/analyze");
    return PROGRAM_RUN(ret_output, program, "--config", config, "--spool", batch.folder.path,
                       batch.path, "0");
}

static void load(struct analysis *analysis)
{
    struct err err = ERR_INIT;
    cleanup(close_fd) int sourcedir = batch_open_source(batch.batchdir, 0, NULL);
    ck_assert_msg(analysis_load(sourcedir, SECONDS + 1, analysis, &err) == 0, "%s", err.text);
}

// What was asked and understood, in order: "policy form look".  Gives a string.
static char *asked(void)
{
    modeld_settle(&modeld);
    cleanup(json_free) json_t *events = modeld_events(&modeld);
    char *routes = xstrdup("");
    size_t i;
    json_t *event;
    json_array_foreach(events, i, event)
    {
        const char *route = json_text(event, "route", NULL, NULL);
        if (strcmp(json_text(event, "event", "", NULL), "asked") != 0 || route == NULL)
            continue;
        char *longer = xasprintf("%s%s%s", routes, *routes ? " " : "", route);
        free(routes);
        routes = longer;
    }
    return routes;
}

static bool notes_say(const struct analysis *analysis, const char *words)
{
    cleanup(free_ptr) char *notes = analysis->notes ? json_dumps(analysis->notes, 0) : xstrdup("");
    return strstr(notes, words) != NULL;
}

static void assert_refused(const char *words)
{
    cleanup(free_ptr) char *refused = modeld_refused(&modeld);
    ck_assert_msg(words ? strstr(refused, words) != NULL : *refused == 0, "%s", refused);
}

// ---- ways

enum link { NO_LINK, GOOD_LINK, OLD_LINK, DEAD_LINK };

static const struct {
    const char *name;
    enum service service;
    const char *models;
    enum link link;
    bool large, frames;
    const char *asked, *provider, *shown;
    const char *warned; // words of a warning; or NULL: there is none
} ways[] = {
    { "a video in the request", NATIVE, "input = \"video\";", NO_LINK, false, true, "look",
      "dashscope qwen3-vl-plus", "video", NULL },
    { "in the compatible one, too", COMPATIBLE, "input = \"video\";", NO_LINK, false, false, "look",
      "dashscope qwen3-vl-plus", "video", NULL },
    { "a link", NATIVE, "input = \"video\";", GOOD_LINK, true, false, "look",
      "dashscope qwen3-vl-plus", "video", NULL },
    { "a link, compatible", COMPATIBLE, "input = \"video\";", GOOD_LINK, true, false, "look",
      "dashscope qwen3-vl-plus", "video", NULL },
    { "a link that is over", NATIVE, "input = \"video\";", OLD_LINK, false, false, "look",
      "dashscope qwen3-vl-plus", "video", "which is too soon" },
    { "a link that leads nowhere", NATIVE, "input = \"video\";", DEAD_LINK, false, false, "look",
      "dashscope qwen3-vl-plus", "video", "did not get there by a link" },
    { "a link that leads nowhere, of a large one", COMPATIBLE, "input = \"video\";", DEAD_LINK,
      true, false, "policy form look", "dashscope qwen3-vl-plus", "video",
      "did not get there by a link" },
    { "the temporary store", NATIVE, "input = \"video\";", NO_LINK, true, false, "policy form look",
      "dashscope qwen3-vl-plus", "video", NULL },
    { "the temporary store, compatible", COMPATIBLE, "input = \"video\";", NO_LINK, true, false,
      "policy form look", "dashscope qwen3-vl-plus", "video", NULL },
    { "frames", NATIVE, "input = \"frames\";", NO_LINK, false, true, "look",
      "dashscope qwen3-vl-plus", "frames", NULL },
    { "frames, compatible", COMPATIBLE, "input = \"frames\";", NO_LINK, false, true, "look",
      "dashscope qwen3-vl-plus", "frames", NULL },
    { "the cheaper is chosen", NATIVE, "input = \"auto\"; fps = 2;", GOOD_LINK, false, true, "look",
      "dashscope qwen3-vl-plus", "frames", NULL },
    { "frames for openai", OPENAI, "", GOOD_LINK, false, true, "look", "openai gpt-4o-mini",
      "frames", NULL },
    { "a video for a server of one's own", OWN, "input = \"video\";", NO_LINK, false, false, "look",
      "openai Qwen/Qwen3-VL-8B-Instruct", "video", NULL },
    { "frames for a server of one's own", OWN, "input = \"frames\";", NO_LINK, false, true, "look",
      "openai Qwen/Qwen3-VL-8B-Instruct", "frames", NULL },
};

START_TEST(a_model_sees_the_source_by_the_way_that_is_open)
{
    cleanup(free_ptr) char *output = NULL;
    cleanup(analysis_release) struct analysis analysis = ANALYSIS_INIT;
    if (ways[_i].large)
        enlarge_proxy(7100000);
    if (ways[_i].frames)
        put_frames();
    cleanup(free_ptr) char *file = xasprintf("file=%s/0/" SOURCE_PROXY, batch.path);
    if (ways[_i].link != NO_LINK)
        put_link(ways[_i].link == DEAD_LINK ? "status=404" : file,
                 ways[_i].link == OLD_LINK ? 30 : 3600);
    configure(ways[_i].service, ways[_i].models, NULL);
    choose_roles(ways[_i].service <= COMPATIBLE ? MODEL_DASHSCOPE : MODEL_OPENAI, "the dog");
    int status = analyze(&output);
    ck_assert_msg(status == 0, "%s: %d: %s", ways[_i].name, status, output);
    load(&analysis);
    ck_assert_msg(strcmp(analysis.provider, ways[_i].provider) == 0, "%s: %s: %s", ways[_i].name,
                  analysis.provider, output);
    cleanup(free_ptr) char *routes = asked();
    ck_assert_msg(strcmp(routes, ways[_i].asked) == 0, "%s: %s", ways[_i].name, routes);
    if (ways[_i].link != DEAD_LINK)
        assert_refused(NULL);
    ck_assert_uint_gt(analysis.moment_count, 0);
    ck_assert_uint_gt(analysis.shot_count, 0); // measured here
    ck_assert_str_eq(analysis.summary, "people do things outside");
    cleanup(free_ptr) char *numbers = batch_source_numbers(&batch, STAGE_ANALYZE, 0);
    cleanup(free_ptr) char *shown = xasprintf("\"shown\": \"%s\"", ways[_i].shown);
    ck_assert_msg(strstr(numbers, shown) != NULL, "%s: %s", ways[_i].name, numbers);
    cleanup(free_ptr) char *warnings = batch_source_warnings(&batch, STAGE_ANALYZE, 0);
    ck_assert_msg(ways[_i].warned ? strstr(warnings, ways[_i].warned) != NULL
                                  : strstr(warnings, " ") == NULL,
                  "%s: %s", ways[_i].name, warnings);
    ck_assert_ptr_null(strstr(output, MODELD_DASHSCOPE_KEY));
    // Neither a link that is a permission nor a key is in what was written.
    cleanup(free_ptr) char *work = xasprintf("%s/work", batch.folder.path);
    ck_assert_int_eq(PROGRAM_RUN(NULL, "grep", "-rqF", "--", "sk-", work), 1);
}
END_TEST

// ---- trouble

static const struct {
    const char *name, *control;
    const char *models;
    unsigned failed; // tries before this one
    enum service service;
    int status;
    bool is_local;
    const char *asked;
    const char *said; // words of a note, or, where the step ends, of what it says
} troubles[] = {
    { "a fence around it", "say look 1 fences", "", 0, NATIVE, 0, false, "look", NULL },
    { "milliseconds", "say look 1 milliseconds", "", 0, NATIVE, 0, false, "look", NULL },
    { "prose, then what was asked", "say look 1 chat", "", 0, NATIVE, 0, false, "look look",
      "the model is asked again" },
    { "nothing, then what was asked", "say look 1 empty", "", 0, COMPATIBLE, 0, false, "look look",
      "the model is asked again" },
    { "the example of the prompt", "say look 1 example", "", 0, NATIVE, 0, false, "look look",
      "the model is asked again" },
    { "prose twice", "say look 2 chat", "", 0, NATIVE, 0, true, "look look", "of no use again" },
    { "times that are none", "say look 2 huge", "", 0, OPENAI, 0, true, "look look",
      "looked at by this machine alone" },
    { "a refusal", "say look 1 refusal", "", 0, OPENAI, 0, true, "look", "does not answer" },
    { "content that is not allowed", "status look * 400 DataInspectionFailed", "", 0, NATIVE, 0,
      true, "look", "content_refused" },
    { "an overdue account", "status look * 400 Arrearage", "", 0, NATIVE, 0, true, "look",
      "purse_empty" },
    { "a key that is refused", "status look * 401 InvalidApiKey", "", 0, NATIVE, 77, false, "look",
      "key_refused" },
    { "a service that is away", "status look * 503 ModelUnavailable", "", 0, NATIVE, 75, false,
      NULL, "service_busy" },
    { "and still is in the last try", "status look * 503 ModelUnavailable", "", 1, NATIVE, 0, true,
      NULL, "service_busy" },
    { "no money for anything", "", "job_tokens = 100;", 0, NATIVE, 0, true, "", "nothing is sent" },
};

static void note_tries(unsigned failed)
{
    struct step step = STEP_INIT;
    step.attempts = failed + 1;
    step.interrupted = 1;
    ck_assert_int_eq(step_save_try(batch.batchdir, STAGE_ANALYZE, 0, &step, NULL), 0);
}

START_TEST(whatever_a_service_does_there_is_an_analysis_or_a_reason)
{
    cleanup(free_ptr) char *output = NULL;
    cleanup(analysis_release) struct analysis analysis = ANALYSIS_INIT;
    put_frames();
    configure(troubles[_i].service, troubles[_i].models, NULL);
    choose_roles(troubles[_i].service <= COMPATIBLE ? MODEL_DASHSCOPE : MODEL_OPENAI, NULL);
    modeld_control(&modeld, troubles[_i].control);
    note_tries(troubles[_i].failed);
    int status = analyze(&output);
    ck_assert_msg(status == troubles[_i].status, "%s: %d: %s", troubles[_i].name, status, output);
    cleanup(free_ptr) char *routes = asked();
    if (troubles[_i].asked != NULL)
        ck_assert_msg(strcmp(routes, troubles[_i].asked) == 0, "%s: %s", troubles[_i].name, routes);
    if (status != 0) {
        ck_assert_msg(strstr(output, troubles[_i].said) != NULL, "%s: %s", troubles[_i].name,
                      output);
        return;
    }
    load(&analysis);
    ck_assert_msg(troubles[_i].is_local == (strcmp(analysis.provider, "local") == 0), "%s: %s",
                  troubles[_i].name, analysis.provider);
    cleanup(free_ptr) char *notes = json_dumps(analysis.notes, 0);
    if (troubles[_i].said != NULL)
        ck_assert_msg(notes_say(&analysis, troubles[_i].said), "%s: %s", troubles[_i].name, notes);
    cleanup(free_ptr) char *warnings = batch_source_warnings(&batch, STAGE_ANALYZE, 0);
    ck_assert_msg(troubles[_i].is_local == (strstr(warnings, "by this machine alone") != NULL),
                  "%s: %s", troubles[_i].name, warnings);
}
END_TEST

START_TEST(a_model_that_is_not_there_is_for_the_configuration)
{
    cleanup(free_ptr) char *output = NULL;
    configure(NATIVE, "", "qwen-none");
    choose_roles(MODEL_DASHSCOPE, NULL);
    int status = analyze(&output);
    ck_assert_msg(status == 78 && strstr(output, "no_such_model") != NULL, "%d: %s", status,
                  output);
}
END_TEST

// ---- never twice

static int64_t estimated(void)
{
    cleanup(step_release) struct step step = STEP_INIT;
    ck_assert_int_eq(step_load(batch.batchdir, STAGE_ANALYZE, 0, &step, NULL), 0);
    return json_int(step.numbers, "tokens_estimated_proxy", 1, 1 << 20, 0, NULL);
}

static void again(void)
{
    cleanup(free_ptr) char *name = xasprintf("work/%s/0/" SOURCE_ANALYSIS, batch.id);
    ck_assert_int_eq(unlinkat(batch.folder.fd, name, 0), 0);
    ck_assert_int_eq(step_reset(batch.batchdir, STAGE_ANALYZE, 0, NULL), 0);
}

// As if it had been killed behind the answer: what is left of the budget would be for much less.
START_TEST(what_was_answered_is_not_asked_again_whatever_is_left)
{
    cleanup(free_ptr) char *output = NULL;
    cleanup(analysis_release) struct analysis first = ANALYSIS_INIT, second = ANALYSIS_INIT;
    configure(NATIVE, "input = \"video\"; fps = 10; answer_tokens = 500;", NULL);
    choose_roles(MODEL_DASHSCOPE, NULL);
    ck_assert_msg(analyze(&output) == 0, "%s", output);
    load(&first);
    ck_assert_str_eq(first.provider, "dashscope qwen3-vl-plus");
    int64_t most = estimated();
    cleanup(free_ptr) char *tight =
        xasprintf("input = \"video\"; fps = 10; answer_tokens = 500; job_tokens = %jd;",
                  (intmax_t)most + 10);
    configure(NATIVE, tight, NULL);
    again();
    free_ptr(&output);
    ck_assert_msg(analyze(&output) == 0, "%s", output);
    load(&second);
    ck_assert_str_eq(second.provider, "dashscope qwen3-vl-plus");
    ck_assert_uint_eq(modeld_count(&modeld, NULL), 1);
    ck_assert_str_eq(first.summary, second.summary);
    ck_assert_uint_eq(first.moment_count, second.moment_count);
}
END_TEST

START_TEST(what_is_too_dear_is_shown_with_fewer_pictures)
{
    cleanup(free_ptr) char *output = NULL;
    cleanup(analysis_release) struct analysis analysis = ANALYSIS_INIT;
    configure(NATIVE, "input = \"video\"; fps = 10; answer_tokens = 500; job_tokens = 5500;", NULL);
    choose_roles(MODEL_DASHSCOPE, NULL);
    ck_assert_msg(analyze(&output) == 0, "%s", output);
    load(&analysis);
    cleanup(free_ptr) char *notes = json_dumps(analysis.notes, 0);
    ck_assert_msg(strcmp(analysis.provider, "dashscope qwen3-vl-plus") == 0 &&
                      notes_say(&analysis, "the model is shown less"),
                  "%s: %s", analysis.provider, notes);
    cleanup(json_free) json_t *events = modeld_events(&modeld);
    ck_assert_uint_lt((size_t)json_int(json_array_get(events, 0), "tokens", 0, 1 << 20, 0, NULL),
                      5500);
}
END_TEST

// A budget for one and a half: the first does not take what the second needs.
START_TEST(sources_share_what_is_left)
{
    cleanup(free_ptr) char *output = NULL;
    static const char wish[] = "input = \"video\"; fps = 10; answer_tokens = 500;";
    configure(NATIVE, wish, NULL);
    choose_roles(MODEL_DASHSCOPE, NULL);
    ck_assert_msg(analyze(&output) == 0, "%s", output);
    int64_t alone = estimated();
    batch_folder_remove(&batch);
    free_ptr(&config);
    free_ptr(&output);
    make_batch(2);
    cleanup(free_ptr) char *tight =
        xasprintf("%s job_tokens = %jd;", wish, (intmax_t)alone * 3 / 2);
    configure(NATIVE, tight, NULL);
    choose_roles(MODEL_DASHSCOPE, NULL);
    ck_assert_msg(analyze(&output) == 0, "%s", output);
    ck_assert_int_le(estimated(), alone * 3 / 4);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("viewing");
    TCase *tcase = tcase_create("viewing");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, a_model_sees_the_source_by_the_way_that_is_open, 0,
                        (int)ARRAY_LEN(ways));
    tcase_add_loop_test(tcase, whatever_a_service_does_there_is_an_analysis_or_a_reason, 0,
                        (int)ARRAY_LEN(troubles));
    tcase_add_test(tcase, a_model_that_is_not_there_is_for_the_configuration);
    tcase_add_test(tcase, what_was_answered_is_not_asked_again_whatever_is_left);
    tcase_add_test(tcase, what_is_too_dear_is_shown_with_fewer_pictures);
    tcase_add_test(tcase, sources_share_what_is_left);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
