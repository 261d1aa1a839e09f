// The services of models that other tests talk to are themselves held against what is known of
// their protocols: requests as the vendors print them are answered, what the vendors refuse is
// refused in their words; and what we put on the wire is to their liking.
#include "model/fault.h"
#include "model/reply_analysis.h"
#include "model/reply_plan.h"
#include "model/wire_dashscope.h"
#include "model/wire_openai.h"
#include "tests/support/media.h"
#include "tests/support/modeld.h"
#include "tests/support/program.h"

#include <check.h>
#include <math.h>
#include <stdio.h>

static struct modeld modeld;
static char *video_link, *picture_link;

static char *data_link(const char *path, const char *type)
{
    cleanup(close_fd) int fd = media_open(path);
    size_t size = media_size(path);
    cleanup(free_ptr) char *bytes = xcalloc(size, 1);
    ck_assert_int_eq(read(fd, bytes, size), (ssize_t)size);
    return wire_data_link(type, bytes, size);
}

static void set_up(void)
{
    modeld_start(&modeld);
    video_link = data_link(MEDIA_CLIP(.name = "shown.mp4", .seconds = 6), "video/mp4");
    picture_link = data_link(MEDIA_MAKE("shown.jpg", "-f", "lavfi", "-i", "testsrc2=size=320x240",
                                        "-frames:v", "1"),
                             "image/jpeg");
}

static void tear_down(void)
{
    modeld_stop(&modeld);
    free_ptr(&video_link);
    free_ptr(&picture_link);
}

// ---- asking

// The text with @V and @P replaced by links.  Gives a string.
static char *fill_in(const char *text)
{
    char *filled = xstrdup("");
    for (const char *at = text, *next; *at != '\0'; at = next) {
        next = at + 1 + strcspn(at + 1, "@");
        const char *link = at[0] != '@' ? NULL : at[1] == 'V' ? video_link : picture_link;
        cleanup(free_ptr) char *before = filled;
        filled = xasprintf("%s%s%.*s", before, link ? link : "", (int)(next - at - (link ? 2 : 0)),
                           link ? at + 2 : at);
    }
    return filled;
}

// Posts a body (NULL: GETs) with curl.  Returns the status; gives what was answered.
static int ask(const char *path, const char *key, const char *field, const char *body,
               char **ret_said)
{
    cleanup(free_ptr) char *link = modeld_address(&modeld, path);
    cleanup(free_ptr) char *out = xasprintf("%s/said", modeld.folder.path);
    cleanup(free_ptr) char *data = xasprintf("@%s/body", modeld.folder.path);
    cleanup(free_ptr) char *authorization = xasprintf("Authorization: Bearer %s", key ? key : "");
    char *status = NULL;
    if (body != NULL)
        folder_put(&modeld.folder, "body", body);
    const char *const post[] = { "curl",
                                 "-sS",
                                 "-m",
                                 "30",
                                 "-o",
                                 out,
                                 "-w",
                                 "%{http_code}",
                                 link,
                                 "-H",
                                 key ? authorization : "X-None: 1",
                                 "-H",
                                 field ? field : "X-None: 1",
                                 "-H",
                                 "Content-Type: application/json",
                                 body ? "--data-binary" : NULL,
                                 data,
                                 NULL };
    ck_assert_int_eq(program_run(post, &status), 0);
    *ret_said = folder_get(&modeld.folder, "said");
    int number = (int)strtol(status, NULL, 10);
    free(status);
    return number;
}

// ---- requests as they are printed

#define LOOK "/api/v1/services/aigc/multimodal-generation/generation"
#define WRITE "/api/v1/services/aigc/text-generation/generation"
#define HEAR "/api/v1/services/audio/asr/transcription"
#define CHAT "/compatible-mode/v1/chat/completions"
#define D MODELD_DASHSCOPE_KEY
#define O MODELD_OPENAI_KEY
#define SHOWN(model, part)                                                                        \
    "{\"model\":\"" model "\",\"input\":{\"messages\":[{\"role\":\"user\",\"content\":[" part "," \
    "{\"text\":\"List what happens.\"}]}]},\"parameters\":{\"max_tokens\":600}}"
#define SAID(model, text, parameters)                                                          \
    "{\"model\":\"" model "\",\"input\":{\"messages\":[{\"role\":\"user\",\"content\":\"" text \
    "\"}]},\"parameters\":{" parameters "}}"
#define CHATTED(model, content, more) \
    "{\"model\":\"" model "\",\"messages\":[{\"role\":\"user\",\"content\":" content "}]" more "}"
#define SCHEMA(closed)                                                                       \
    ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"scene\","    \
    "\"strict\":true,\"schema\":{\"type\":\"object\",\"properties\":{\"summary\":{\"type\":" \
    "\"string\"}},\"required\":[\"summary\"]" closed "}}}"

static const struct {
    const char *about, *path, *key, *field, *body;
    int status;
    const char *part;
} printed[] = {
    { "a video is looked at", LOOK, D, NULL,
      SHOWN("qwen-vl-max", "{\"video\":\"@V\",\"fps\":1,\"max_pixels\":230400}"), 200,
      "\"video_tokens\": " },
    { "frames are a list", LOOK, D, NULL,
      SHOWN("qwen-vl-max", "{\"video\":[\"@P\",\"@P\",\"@P\",\"@P\"],\"fps\":0.5}"), 200,
      "\"finish_reason\": \"stop\"" },
    { "three frames are no video", LOOK, D, NULL,
      SHOWN("qwen-vl-max", "{\"video\":[\"@P\",\"@P\",\"@P\"],\"fps\":0.5}"), 400,
      "\"code\": \"InvalidParameter\"" },
    { "a rate out of range is refused", LOOK, D, NULL,
      SHOWN("qwen-vl-max", "{\"video\":\"@V\",\"fps\":11}"), 400, "Range of fps" },
    { "so are pixels", LOOK, D, NULL,
      SHOWN("qwen-vl-max", "{\"video\":\"@V\",\"max_pixels\":900000}"), 400,
      "Range of max_pixels" },
    { "what is no video is refused", LOOK, D, NULL, SHOWN("qwen-vl-max", "{\"video\":\"@P\"}"), 400,
      "cannot be opened" },
    { "oss: addresses want a field", LOOK, D, NULL,
      SHOWN("qwen-vl-max", "{\"video\":\"oss://a/b.mp4\"}"), 400, "URL" },
    { "and an upload behind them", LOOK, D, WIRE_RESOLVE_FIELD,
      SHOWN("qwen-vl-max", "{\"video\":\"oss://a/b.mp4\"}"), 400,
      "InvalidParameter.DataInspection" },
    { "a wrong key is refused", LOOK, "sk-wrong", NULL, SHOWN("qwen-vl-max", "{\"video\":\"@V\"}"),
      401, "\"code\": \"InvalidApiKey\"" },
    { "a model nobody knows is not there", LOOK, D, NULL, SHOWN("qwen-9", "{\"video\":\"@V\"}"),
      404, "\"code\": \"ModelNotFound\"" },
    { "who writes does not look", LOOK, D, NULL, SHOWN("qwen-plus", "{\"video\":\"@V\"}"), 400,
      "InvalidParameter" },
    { "words are answered as a message", WRITE, D, NULL,
      SAID("qwen-plus", "Reply as JSON.",
           "\"result_format\":\"message\",\"response_format\":{\"type\":\"json_object\"}"),
      200, "\"message\": {\"role\": \"assistant\", \"content\": \"{" },
    { "or as it was before", WRITE, D, NULL, SAID("qwen-plus", "Hello", ""), 200,
      "\"output\": {\"text\": " },
    { "JSON has to be spoken of", WRITE, D, NULL,
      SAID("qwen-plus", "Hello", "\"response_format\":{\"type\":\"json_object\"}"), 400,
      "must contain the word 'json'" },
    { "parameters are never left out", WRITE, D, NULL,
      "{\"model\":\"qwen-plus\",\"input\":{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}}",
      400, "parameters" },
    { "contents are texts there", WRITE, D, NULL,
      "{\"model\":\"qwen-plus\",\"input\":{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":"
      "\"Hi\"}]}]},\"parameters\":{}}",
      400, "valid string" },
    { "a video in OpenAI's way", CHAT, D, NULL,
      CHATTED("qwen3-vl-plus",
              "[{\"type\":\"video_url\",\"video_url\":{\"url\":\"@V\"},\"fps\":1,\"max_pixels\":"
              "230400},{\"type\":\"text\",\"text\":\"Reply in JSON.\"}]",
              ",\"response_format\":{\"type\":\"json_object\"},\"max_tokens\":600,"
              "\"enable_thinking\":false"),
      200, "\"video_tokens\": " },
    { "frames are a bare array", CHAT, D, NULL,
      CHATTED("qwen3-vl-plus",
              "[{\"type\":\"video\",\"video\":{\"urls\":[\"@P\"]}},{\"type\":\"text\",\"text\":"
              "\"x\"}]",
              ""),
      400, "\"code\": \"invalid_parameter_error\"" },
    { "rates do not stand inside", CHAT, D, NULL,
      CHATTED("qwen3-vl-plus",
              "[{\"type\":\"video_url\",\"video_url\":{\"url\":\"@V\",\"fps\":1}}]", ""),
      400, "stand beside it" },
    { "a task wants its field", HEAR, D, NULL,
      "{\"model\":\"paraformer-v2\",\"input\":{\"file_urls\":[\"@V\"]},\"parameters\":{}}", 403,
      "AccessDenied" },
    { "and gets a number", HEAR, D, "X-DashScope-Async: enable",
      "{\"model\":\"paraformer-v2\",\"input\":{\"file_urls\":[\"@V\"]},\"parameters\":{}}", 200,
      "\"task_status\": \"PENDING\"" },
    { "one file a task", HEAR, D, "X-DashScope-Async: enable",
      "{\"model\":\"paraformer-v2\",\"input\":{\"file_url\":\"@V\"},\"parameters\":{}}", 400,
      "file_urls" },
    { "the later model has another name for it", HEAR, D, "X-DashScope-Async: enable",
      "{\"model\":\"qwen3-asr-flash-filetrans\",\"input\":{\"file_url\":\"@V\"},\"parameters\":{}}",
      200, "PENDING" },
    { "hints are Paraformer's", HEAR, D, "X-DashScope-Async: enable",
      "{\"model\":\"fun-asr\",\"input\":{\"file_urls\":[\"@V\"]},\"parameters\":{\"language_"
      "hints\":"
      "[\"en\"]}}",
      400, "language_hints" },
    { "a task nobody knows is UNKNOWN under 200", "/api/v1/tasks/7a1e", D, NULL, NULL, 200,
      "\"task_status\": \"UNKNOWN\"" },
    { "an upload begins with a policy", "/api/v1/uploads?action=getPolicy&model=qwen-vl-max", D,
      NULL, NULL, 200, "\"oss_access_key_id\": \"LTAI" },
    { "OpenAI looks at pictures", "/v1/chat/completions", O, NULL,
      CHATTED("gpt-4o-mini",
              "[{\"type\":\"text\",\"text\":\"Describe.\"},{\"type\":\"image_url\",\"image_url\":{"
              "\"url\":\"@P\",\"detail\":\"low\"}}]",
              ",\"max_completion_tokens\":600" SCHEMA(",\"additionalProperties\":false")),
      200, "\"content\": \"{\\\"summary\\\"" },
    { "not at videos", "/v1/chat/completions", O, NULL,
      CHATTED("gpt-4o-mini", "[{\"type\":\"video_url\",\"video_url\":{\"url\":\"@V\"}}]", ""), 400,
      "Invalid value: 'video_url'" },
    { "strict schemas are closed", "/v1/chat/completions", O, NULL,
      CHATTED("gpt-4o-mini", "\"x\"", SCHEMA("")), 400, "Invalid schema for response_format" },
    { "what is not OpenAI's is unknown there", "/v1/chat/completions", O, NULL,
      CHATTED("gpt-4o-mini", "\"x\"", ",\"enable_thinking\":false"), 400,
      "Unrecognized request argument" },
    { "nor is the old name of a limit with new models", "/v1/chat/completions", O, NULL,
      CHATTED("gpt-5-mini", "\"x\"", ",\"max_tokens\":5"), 400, "max_completion_tokens" },
    { "OpenAI wants a key", "/v1/models", NULL, NULL, NULL, 401, "invalid_api_key" },
    { "a server of one's own does not", "/ollama/v1/models", NULL, NULL, NULL, 200,
      "\"object\": \"list\"" },
    { "vLLM takes videos", "/vllm/v1/chat/completions", NULL, NULL,
      CHATTED("Qwen/Qwen3-VL-8B-Instruct",
              "[{\"type\":\"video_url\",\"video_url\":{\"url\":\"@V\"}}]", ""),
      200, "prompt_tokens" },
    { "Ollama does not", "/ollama/v1/chat/completions", NULL, NULL,
      CHATTED("qwen2.5vl:7b", "[{\"type\":\"video_url\",\"video_url\":{\"url\":\"@V\"}}]", ""), 400,
      "Invalid value" },
};

START_TEST(requests_are_answered_and_refused_as_the_vendors_print)
{
    cleanup(free_ptr) char *body = printed[_i].body ? fill_in(printed[_i].body) : NULL;
    char *said = NULL;
    int status = ask(printed[_i].path, printed[_i].key, printed[_i].field, body, &said);
    ck_assert_msg(status == printed[_i].status && said && strstr(said, printed[_i].part),
                  "%s: %d, %s", printed[_i].about, status, said);
    free(said);
}
END_TEST

// ---- the bill, by the table of its documentation

static const struct {
    const char *name, *model, *beside;
    int width, height;
    double seconds;
    const char *bill;
} bills[] = {
    { "360p.mp4", "qwen3-vl-plus", "\"fps\":2", 640, 360, 60, "\"video_tokens\": 13202" },
    { "480p.mp4", "qwen3-vl-plus", "\"fps\":1", 854, 480, 60, "\"video_tokens\": 12152" },
    { "480p.mp4", "qwen-vl-max", "\"fps\":0.5", 854, 480, 60, "\"video_tokens\": 6077" },
};

START_TEST(a_look_is_billed_by_the_formula)
{
    const char *clip =
        MEDIA_CLIP(.name = bills[_i].name, .seconds = bills[_i].seconds, .width = bills[_i].width,
                   .height = bills[_i].height, .picture = "color=gray", .sound = "",
                   .options = "-c:v libx264 -preset ultrafast");
    free(video_link);
    video_link = data_link(clip, "video/mp4");
    cleanup(free_ptr) char *text =
        xasprintf("{\"model\":\"%s\",\"input\":{\"messages\":[{\"role\":\"user\",\"content\":[{"
                  "\"video\":\"@V\",%s}]}]},\"parameters\":{}}",
                  bills[_i].model, bills[_i].beside);
    cleanup(free_ptr) char *body = fill_in(text);
    char *said = NULL;
    ck_assert_int_eq(ask(LOOK, D, NULL, body, &said), 200);
    ck_assert_msg(strstr(said, bills[_i].bill) != NULL, "%s", said);
    free(said);
}
END_TEST

// ---- what we put on the wire

static const struct dialect {
    const char *about, *path, *key, *looker, *writer;
    enum fault_service service;
    int dialect; // enum wire_dialect, or -1: native
    bool takes_video;
} dialects[] = {
    { "dashscope", NULL, D, "qwen3-vl-plus", "qwen-plus", FAULT_DASHSCOPE, -1, true },
    { "compatible", CHAT, D, "qwen3-vl-plus", "qwen-plus", FAULT_COMPATIBLE, WIRE_COMPATIBLE,
      true },
    { "openai", "/v1/chat/completions", O, "gpt-4o-mini", "gpt-4o-mini", FAULT_OPENAI, WIRE_OPENAI,
      false },
    { "new openai", "/v1/chat/completions", O, "gpt-5-mini", "gpt-5-mini", FAULT_OPENAI,
      WIRE_OPENAI, false },
    { "ollama", "/ollama/v1/chat/completions", NULL, "qwen2.5vl:7b", "llama3.2", FAULT_OPENAI,
      WIRE_OWN, false },
    { "llama.cpp", "/llama/v1/chat/completions", NULL, "qwen2.5-vl", "qwen2.5-vl", FAULT_OPENAI,
      WIRE_OWN, false },
    { "vllm", "/vllm/v1/chat/completions", NULL, "Qwen/Qwen3-VL-8B-Instruct",
      "Qwen/Qwen3-VL-8B-Instruct", FAULT_OPENAI, WIRE_OWN, true },
};

static json_t *body_of(const struct dialect *d, const struct wire_question *question)
{
    bool looks = question->video != NULL || question->frame_count > 0;
    if (d->dialect >= 0)
        return wire_openai_chat(question, (enum wire_dialect)d->dialect);
    return looks ? wire_dashscope_look(question) : wire_dashscope_text(question);
}

// Asks; fails the test where it is refused.
static void ask_well(const struct dialect *d, const struct wire_question *question,
                     struct wire_reply *reply)
{
    bool looks = question->video != NULL || question->frame_count > 0;
    cleanup(json_free) json_t *body = body_of(d, question);
    cleanup(free_ptr) char *text = json_dumps(body, 0);
    char *said = NULL;
    struct err err = ERR_INIT;
    const char *path = d->path ? d->path : looks ? LOOK : WRITE;
    int status = ask(path, d->key, NULL, text, &said);
    ck_assert_msg(status == 200, "%s: %d %s\n%.600s", d->about, status, said, text);
    cleanup(json_free) json_t *json = json_loads(said, 0, NULL);
    int r = d->dialect < 0 ? wire_dashscope_read(json, reply, &err)
                           : wire_openai_read(json, reply, &err);
    ck_assert_msg(r == 0, "%s: %s", d->about, err.text);
    free(said);
}

static const double lengths[] = { 6 };
static const struct reply_media media = { .durations = lengths, .count = 1 };

START_TEST(what_we_ask_with_something_to_look_at_is_to_their_liking)
{
    const struct dialect *d = &dialects[_i / 3];
    enum wire_form form = (enum wire_form)(_i % 3);
    const char *frames[] = { picture_link, picture_link, picture_link, picture_link, picture_link };
    struct wire_question question = {
        .model = d->looker,
        .system = "You look at videos.",
        .prompt = "The video lasts 6 seconds. Shots: 0.0 - 2.5, 2.5 - 6.0. Answer "
                  "in JSON with {summary, tags, scenes, moments}.",
        .frames = frames,
        .frame_count = ARRAY_LEN(frames),
        .fps = 1,
        .max_pixels = 230400,
        .max_tokens = 2000,
        .temperature = d->dialect == WIRE_OPENAI ? NAN : 0.2,
        .form = form == WIRE_SCHEMA ? WIRE_JSON : form
    };
    for (int shown = 0; shown < (d->takes_video ? 2 : 1); shown++) {
        if (shown == 1) {
            question.video = video_link;
            question.frame_count = 0;
        }
        cleanup(wire_reply_release) struct wire_reply reply = WIRE_REPLY_INIT;
        ask_well(d, &question, &reply);
        cleanup(json_free) json_t *notes = json_array();
        struct analysis analysis = ANALYSIS_INIT;
        struct err err = ERR_INIT;
        int r = reply_analysis(reply.text, strlen(reply.text), &media, &analysis, notes, &err);
        ck_assert_msg(r == 0 && analysis.moment_count > 0, "%s: %s: %s", d->about, err.text,
                      reply.text);
        analysis_release(&analysis);
    }
}
END_TEST

START_TEST(what_we_ask_in_words_is_to_their_liking)
{
    const struct dialect *d = &dialects[_i / 3];
    static const double two[] = { 20, 30 };
    const struct reply_media both = { .durations = two, .count = 2 };
    cleanup(json_free) json_t *schema = json_loads(
        "{\"type\":\"object\",\"properties\":{\"clips\":{\"type\":\"array\",\"items\":{\"type\":"
        "\"object\",\"properties\":{\"video_index\":{\"type\":\"integer\"},\"start\":{\"type\":"
        "\"number\"},\"end\":{\"type\":\"number\"},\"reason\":{\"type\":\"string\"}},\"required\":["
        "\"video_index\",\"start\",\"end\",\"reason\"],\"additionalProperties\":false}}},"
        "\"required\":[\"clips\"],\"additionalProperties\":false}",
        0, NULL);
    const struct wire_question question = { .model = d->writer,
                                            .system = "You cut reels.",
                                            .prompt = "The target is 9 s. Answer with clips.\n"
                                                      "video_index 0: 1.0 - 6.5\n"
                                                      "video_index 1: 20.25 - 24.75",
                                            .max_tokens = 2000,
                                            .temperature = NAN,
                                            .form = (enum wire_form)(_i % 3),
                                            .schema = schema,
                                            .schema_name = "clips" };
    cleanup(wire_reply_release) struct wire_reply reply = WIRE_REPLY_INIT;
    ask_well(d, &question, &reply);
    struct plan plan = PLAN_INIT;
    struct err err = ERR_INIT;
    int r = reply_plan(reply.text, strlen(reply.text), &both, &plan, &err);
    ck_assert_msg(r == 0, "%s: %s: %s", d->about, err.text, reply.text);
    ck_assert_uint_eq(plan.segment_count, 2);
    ck_assert_double_eq(plan.segments[0].start + plan.segments[1].start, 21.25);
    plan_release(&plan);
}
END_TEST

// ---- speech

// A sound of 5 s that is loud from 1 to 2 and from 3 to 4.5.
static const char *speech(void)
{
    return MEDIA_MAKE("said.wav", "-f", "lavfi", "-i",
                      "aevalsrc='0.5*sin(2000*t)*(between(t,1,2)+between(t,3,4.5))':s=16000:d=5",
                      "-c:a", "pcm_s16le");
}

static json_t *ask_for_json(const char *path, const char *key, const char *field, const char *body)
{
    cleanup(free_ptr) char *said = NULL;
    int status = ask(path, key, field, body, &said);
    ck_assert_msg(status == 200, "%s: %d %s", path, status, said);
    return json_loads(said, 0, NULL);
}

static const json_t *deep(const json_t *json, const char *path)
{
    cleanup(free_ptr) char *keys = xstrdup(path);
    char *rest = keys;
    for (char *key; (key = strsep(&rest, "/")) != NULL;)
        json = json_is_array(json) ? json_array_get(json, strtoul(key, NULL, 10))
                                   : json_object_get(json, key);
    return json;
}

static const struct {
    const char *model, *result, *sentence;
} listeners[] = {
    { "paraformer-v2", "output/results/0/transcription_url",
      "transcripts/0/sentences/1/words/0/begin_time" },
    { "qwen3-asr-flash-filetrans", "output/result/transcription_url",
      "transcripts/0/sentences/1/begin_time" },
};

START_TEST(speech_is_a_task_whose_result_lies_elsewhere)
{
    cleanup(free_ptr) char *sound = data_link(speech(), "audio/wav");
    cleanup(free_ptr) char *input = _i == 0 ? xasprintf("\"file_urls\":[\"%s\"]", sound)
                                            : xasprintf("\"file_url\":\"%s\"", sound);
    cleanup(free_ptr) char *body = xasprintf("{\"model\":\"%s\",\"input\":{%s},\"parameters\":{}}",
                                             listeners[_i].model, input);
    cleanup(json_free) json_t *begun = ask_for_json(HEAR, D, "X-DashScope-Async: enable", body);
    cleanup(free_ptr) char *poll =
        xasprintf("/api/v1/tasks/%s", json_string_value(deep(begun, "output/task_id")));
    cleanup(json_free) json_t *running = ask_for_json(poll, D, NULL, NULL);
    ck_assert_str_eq(json_string_value(deep(running, "output/task_status")), "RUNNING");
    cleanup(json_free) json_t *done = ask_for_json(poll, D, NULL, NULL);
    ck_assert_str_eq(json_string_value(deep(done, "output/task_status")), "SUCCEEDED");
    const char *link = json_string_value(deep(done, listeners[_i].result));
    ck_assert_ptr_nonnull(link);
    char *text = NULL;
    ck_assert_int_ne(PROGRAM_RUN(NULL, "curl", "-sf", "-H", "Authorization: Bearer " D, link), 0);
    ck_assert_int_eq(PROGRAM_RUN(&text, "curl", "-sf", link), 0);
    cleanup(json_free) json_t *result = json_loads(text, 0, NULL);
    free(text);
    const json_t *second = deep(result, listeners[_i].sentence);
    ck_assert_msg(json_is_integer(second) && llabs(json_integer_value(second) - 3000) <= 50,
                  "the second sentence begins at %lld", json_integer_value(second));
}
END_TEST

static const struct {
    const char *about, *fields;
    int status;
    const char *part;
} transcriptions[] = {
    { "words and sentences in seconds",
      "-F model=whisper-1 -F response_format=verbose_json -F timestamp_granularities[]=word -F "
      "timestamp_granularities[]=segment",
      200, "\"words\": [{\"word\": \"This\", \"start\": 1.0" },
    { "sentences alone", "-F model=whisper-1 -F response_format=verbose_json", 200,
      "\"segments\": [{\"id\": 0" },
    { "the text", "-F model=gpt-4o-transcribe -F response_format=json", 200, "{\"text\": " },
    { "later models have no times", "-F model=gpt-4o-transcribe -F response_format=verbose_json",
      400, "not compatible" },
    { "times want their format", "-F model=whisper-1 -F timestamp_granularities[]=word", 400,
      "verbose_json" },
    { "a field that nobody knows", "-F model=whisper-1 -F fps=1", 400, "Unknown" },
    { "who writes does not listen", "-F model=gpt-4o-mini", 400, "does not transcribe" },
};

START_TEST(speech_is_a_form_for_openai)
{
    cleanup(free_ptr) char *link = modeld_address(&modeld, "/v1/audio/transcriptions");
    cleanup(free_ptr) char *command = xasprintf(
        "curl -sS -g -w '%%{http_code}' -H 'Authorization: Bearer %s' -F file=@%s %s '%s'", O,
        speech(), transcriptions[_i].fields, link);
    char *said = NULL;
    ck_assert_int_eq(PROGRAM_RUN(&said, "/bin/sh", "-c", command), 0);
    size_t length = strlen(said);
    ck_assert_msg(length > 3 && strtol(said + length - 3, NULL, 10) == transcriptions[_i].status &&
                      strstr(said, transcriptions[_i].part) != NULL,
                  "%s: %s", transcriptions[_i].about, said);
    free(said);
}
END_TEST

// ---- what they do wrong on demand

#define NATIVE_QUESTION SAID("qwen-plus", "What is the theme?", "\"result_format\":\"message\"")

static const struct {
    const char *about, *rule;
    int curl; // its exit status
    const char *head, *part;
} wrongs[] = {
    { "a limit a minute", "status chat 1 429 Throttling.RateQuota Retry-After:2", 0,
      "HTTP/1.1 429 X\r\nRetry-After: 2", "Requests rate limit exceeded" },
    { "an error under 200", "hidden chat 1 Arrearage", 0, "HTTP/1.1 200",
      "\"code\": \"Arrearage\"" },
    { "an error as an event", "event chat 1 InvalidParameter", 0, "text/event-stream",
      ":HTTP_STATUS/400\ndata:{\"code\": \"InvalidParameter\"" },
    { "a page of a proxy", "page chat 1 502", 0, "HTTP/1.1 502", "<html>" },
    { "nothing at all", "mute chat 1", 28, "", "" },
    { "a stall in the middle", "stall chat 1 20", 28, "HTTP/1.1 200", "{" },
    { "a body that is cut", "cut chat 1 20", 18, "HTTP/1.1 200", "{" },
    { "an answer that is lost", "lost chat 1", 52, "", "" },
    { "an answer that comes late", "late chat 1 50 100", 0, "HTTP/1.1 200", "\"message\"" },
    { "a part of an answer", "partial chat 1", 0, "x-dashscope-partialresponse: true",
      "\"message\"" },
    { "an answer that is zipped", "zipped chat 1", 0, "Content-Encoding: gzip", "\"message\"" },
    { "an answer in chunks", "chunked chat 1", 0, "Transfer-Encoding: chunked", "\"message\"" },
    { "a fence around it", "say chat 1 fences", 0, "HTTP/1.1 200", "```json" },
    { "an answer that is not allowed", "say chat 1 filter", 0, "HTTP/1.1 400",
      "DataInspectionFailed" },
    { "no bill", "free chat 1", 0, "HTTP/1.1 200", "\"message\"" },
};

START_TEST(they_misbehave_once_and_as_told)
{
    cleanup(free_ptr) char *link = modeld_address(&modeld, WRITE);
    cleanup(free_ptr) char *out = xasprintf("%s/said", modeld.folder.path);
    cleanup(free_ptr) char *head = xasprintf("%s/head", modeld.folder.path);
    for (int turn = 0; turn < 2; turn++) {
        if (turn == 0)
            modeld_control(&modeld, wrongs[_i].rule);
        int status = PROGRAM_RUN(NULL, "curl", "-sS", "--compressed", "-m", "2", "-o", out, "-D",
                                 head, "-d", NATIVE_QUESTION, "-H", "Authorization: Bearer " D,
                                 "-H", "Content-Type: application/json", link);
        cleanup(free_ptr) char *fields = folder_get(&modeld.folder, "head");
        cleanup(free_ptr) char *said = folder_get(&modeld.folder, "said");
        ck_assert_int_eq(status, turn == 0 ? wrongs[_i].curl : 0);
        if (turn == 1)
            ck_assert_msg(strstr(said, "\"theme\\\"") != NULL, "%s", said);
        else if (*wrongs[_i].head)
            ck_assert_msg(strstr(fields, wrongs[_i].head) && strstr(said, wrongs[_i].part),
                          "%s: %s%s", wrongs[_i].about, fields, said);
    }
}
END_TEST

// ---- what they write down

static const json_t *event(json_t *events, const char *kind, size_t nth)
{
    json_t *one;
    size_t i;
    json_array_foreach(events, i, one) if (strcmp(json_string_value(json_object_get(one, "event")),
                                                  kind) == 0 &&
                                           nth-- == 0) return one;
    ck_abort_msg("there is no such event: %s", kind);
}

static const char *key_of(json_t *events, size_t nth)
{
    return json_string_value(json_object_get(event(events, "asked", nth), "key"));
}

START_TEST(what_is_asked_is_known_by_its_meaning_and_not_by_its_links)
{
    cleanup(free_ptr) char *policy = NULL, *said = NULL, *again = NULL, *other = NULL;
    const char *clip = MEDIA_CLIP(.name = "shown.mp4", .seconds = 6);
    ck_assert_int_eq(
        ask("/api/v1/uploads?action=getPolicy&model=qwen-vl-max", D, NULL, NULL, &policy), 200);
    cleanup(json_free) json_t *json = json_loads(policy, 0, NULL);
    const json_t *data = json_object_get(json, "data");
    const char *of[] = { "oss_access_key_id", "signature", "policy", "upload_dir", "upload_host" };
    const char *value[ARRAY_LEN(of)];
    for (size_t i = 0; i < ARRAY_LEN(of); i++)
        value[i] = json_string_value(json_object_get(data, of[i]));
    cleanup(free_ptr) char *id = xasprintf("OSSAccessKeyId=%s", value[0]);
    cleanup(free_ptr) char *signature = xasprintf("Signature=%s", value[1]);
    cleanup(free_ptr) char *words = xasprintf("policy=%s", value[2]);
    cleanup(free_ptr) char *key = xasprintf("key=%s/a.mp4", value[3]);
    cleanup(free_ptr) char *host = xasprintf("%s/", value[4]);
    cleanup(free_ptr) char *file = xasprintf("file=@%s", clip);
    char *status = NULL;
    PROGRAM_RUN(&status, "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-F", id, "-F",
                signature, "-F", words, "-F", key, "-F", "x-oss-object-acl=private", "-F",
                "x-oss-forbid-overwrite=true", "-F", "success_action_status=200", "-F", file, host);
    ck_assert_str_eq(status, "200");
    free(status);
    cleanup(free_ptr) char *uploaded =
        xasprintf(SHOWN("qwen-vl-max", "{\"video\":\"oss://%s\"}"), key + strlen("key="));
    cleanup(free_ptr) char *inline_body = fill_in(SHOWN("qwen-vl-max", "{\"video\":\"@V\"}"));
    ck_assert_int_eq(ask(LOOK, D, WIRE_RESOLVE_FIELD, uploaded, &said), 200);
    ck_assert_int_eq(ask(LOOK, D, NULL, inline_body, &again), 200);
    char *changed = strstr(inline_body, "happens");
    changed[0] = 'H';
    ck_assert_int_eq(ask(LOOK, D, NULL, inline_body, &other), 200);
    cleanup(json_free) json_t *events = modeld_events(&modeld);
    ck_assert_str_eq(key_of(events, 2), key_of(events, 3));
    ck_assert_str_ne(key_of(events, 3), key_of(events, 4));
}
END_TEST

START_TEST(an_answer_is_taken_when_the_client_has_read_it)
{
    cleanup(free_ptr) char *said = NULL;
    ck_assert_int_eq(ask(WRITE, D, NULL, NATIVE_QUESTION, &said), 200);
    // A client that asks and never reads, and then goes.
    modeld_control(&modeld, "say chat 1 long");
    cleanup(free_ptr) char *command = xasprintf(
        "exec 9<>/dev/tcp/127.0.0.1/%u; printf 'POST %s HTTP/1.1\\r\\nAuthorization: Bearer "
        "%s\\r\\n"
        "Content-Type: application/json\\r\\nContent-Length: %zu\\r\\n\\r\\n%%s' '%s' >&9; "
        "head -c 1 <&9 >/dev/null",
        modeld.port, WRITE, D, strlen(NATIVE_QUESTION), NATIVE_QUESTION);
    ck_assert_int_eq(PROGRAM_RUN(NULL, "bash", "-c", command), 0);
    modeld_settle(&modeld);
    cleanup(json_free) json_t *events = modeld_events(&modeld);
    json_t *one;
    size_t i;
    unsigned taken = 0, left = 0;
    json_array_foreach(events, i, one)
    {
        bool is_answer = json_object_get(one, "good") != NULL;
        taken += is_answer && json_is_real(json_object_get(one, "taken"));
        left += is_answer && json_is_null(json_object_get(one, "taken"));
    }
    ck_assert_uint_ge(taken, 1);
    ck_assert_uint_eq(left, 1);
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, requests_are_answered_and_refused_as_the_vendors_print, 0,
                        (int)ARRAY_LEN(printed));
    tcase_add_loop_test(tcase, a_look_is_billed_by_the_formula, 0, (int)ARRAY_LEN(bills));
    tcase_add_loop_test(tcase, what_we_ask_with_something_to_look_at_is_to_their_liking, 0,
                        3 * (int)ARRAY_LEN(dialects));
    tcase_add_loop_test(tcase, what_we_ask_in_words_is_to_their_liking, 0,
                        3 * (int)ARRAY_LEN(dialects));
    tcase_add_loop_test(tcase, speech_is_a_task_whose_result_lies_elsewhere, 0,
                        (int)ARRAY_LEN(listeners));
    tcase_add_loop_test(tcase, speech_is_a_form_for_openai, 0, (int)ARRAY_LEN(transcriptions));
    tcase_add_loop_test(tcase, they_misbehave_once_and_as_told, 0, (int)ARRAY_LEN(wrongs));
    tcase_add_test(tcase, what_is_asked_is_known_by_its_meaning_and_not_by_its_links);
    tcase_add_test(tcase, an_answer_is_taken_when_the_client_has_read_it);
}

int main(void)
{
    Suite *suite = suite_create("modeld");
    TCase *tcase = tcase_create("modeld");
    add_tests(tcase);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
