// See model_story.h.
#include "tests/support/model_story.h"

#include "tests/support/media.h"

struct modeld modeld;

#define QWEN "vision_model = \"qwen3-vl-plus\"; text_model = \"qwen-plus\"; "
#define OWN(looker, writer) \
    "dialect = \"own\"; vision_model = \"" looker "\"; text_model = \"" writer "\"; "

const struct model_story model_stories[MODEL_STORIES] = {
    { "DashScope, a video", "dashscope", "", QWEN, "video", true },
    { "DashScope, frames", "dashscope", "", QWEN, "frames", true },
    { "its compatible mode, a video", "dashscope", "", QWEN "interface = \"compatible\";", "video",
      true },
    { "its compatible mode, frames", "dashscope", "", QWEN "interface = \"compatible\";", "frames",
      true },
    { "OpenAI", "openai", "/v1",
      "vision_model = \"gpt-4o-mini\"; text_model = \"gpt-4o-mini\"; "
      "speech_model = \"whisper-1\";",
      "frames", true },
    { "Ollama", "openai", "/ollama/v1", OWN("qwen2.5vl:7b", "llama3.2"), "auto", false },
    { "llama.cpp", "openai", "/llama/v1", OWN("qwen2.5-vl", "qwen2.5-vl"), "frames", false },
    { "vLLM", "openai", "/vllm/v1",
      OWN("Qwen/Qwen3-VL-8B-Instruct", "Qwen/Qwen3-VL-8B-Instruct") "video = true; ", "video",
      false },
};

void model_story_open(void)
{
    spool_fixture_open(&fixture);
    modeld_start(&modeld);
}

void model_story_close(void)
{
    spool_fixture_close(&fixture);
    modeld_stop(&modeld);
}

void model_story_set(const struct model_story *story, const char *models)
{
    bool is_dashscope = strcmp(story->service, "dashscope") == 0;
    const char *key = is_dashscope ? modeld.dashscope_key_file : modeld.openai_key_file;
    cleanup(free_ptr) char *address = modeld_address(&modeld, story->place);
    cleanup(free_ptr) char *credential =
        story->needs_key ? xasprintf("credential = \"%s\"; ", key) : xstrdup("");
    cleanup(free_ptr) char *lines = xasprintf(
        "models = { vision = \"%s\"; text = \"%s\"; input = \"%s\"; cache = \"%s/cache\"; %s };\n"
        "%s = { address = \"%s\"; %s%s };\n"
        "stages = { analyze = { wait_seconds = 0.1; }; plan = { wait_seconds = 0.1; }; "
        "transcribe = { wait_seconds = 0.1; }; };\n"
        "services = { rest_seconds = 1; };",
        story->service, story->service, story->input, fixture.folder.path, models, story->service,
        address, credential, story->options);
    cleanup(free_ptr) char *cache = outside("cache");
    (void)mkdir(cache, 0700);
    spool_fixture_set(&fixture, lines);
}

const char *model_story_clip(size_t number)
{
    cleanup(free_ptr) char *name = xasprintf("model-%zu.mp4", number);
    cleanup(free_ptr) char *filter = xasprintf("hue=h=%zu", number * 37);
    // Harmonics in syllables, twice: a voice, as far as the measures of a sound can tell.
    cleanup(free_ptr) char *sound = xasprintf(
        "aevalsrc=exprs='0.2*(sin(2*PI*%zu*t)+sin(2*PI*660*t)+sin(2*PI*1320*t))*(0.03+0.97*"
        "lt(mod(t+0.03*sin(5*t)\\,0.27)\\,0.16))*(between(t\\,1\\,3.4)+between(t\\,4.4\\,7))'"
        ":s=48000",
        220 + 7 * number);
    return MEDIA_CLIP(.name = name, .seconds = 8, .width = 320, .height = 180, .sound = sound,
                      .filter = filter, .options = "-c:v libx264 -preset ultrafast -g 30");
}

void model_story_drop(const char *name, size_t count, const char *job)
{
    const char *paths[16];
    ck_assert_uint_le(count, ARRAY_LEN(paths));
    for (size_t i = 0; i < count; i++)
        paths[i] = model_story_clip(i);
    spool_fixture_drop_copies(&fixture, name, paths, count, job);
}

json_t *model_story_end(const char *name)
{
    json_t *status = spool_fixture_await(&fixture, name, "completed");
    spool_fixture_await_count(&fixture, "work", 0);
    modeld_settle(&modeld);
    return status;
}

json_t *model_story_file(const char *name, const char *file)
{
    cleanup(free_ptr) char *inner = xasprintf("outbox/%s/%s", name, file);
    cleanup(free_ptr) char *path = spool_fixture_path(&fixture, inner);
    json_error_t error;
    json_t *json = json_load_file(path, 0, &error);
    ck_assert_msg(json != NULL, "%s: %s", path, error.text);
    return json;
}
