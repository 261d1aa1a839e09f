// From a batch to the questions of the planner, and from those to calls that are paid.
#include "stages/planning.h"

#include "model/planner.h"
#include "model/tokens.h"
#include "stages/models.h"
#include <math.h>

// ---- calls

struct voice {
    struct models models;
    const struct model_settings *settings;
};

// The most that the call can cost: the words as they are counted for budgets, the schema with them,
// and the longest answer.
static struct budget_sum bill_of(const struct voice *voice, const struct wire_question *question)
{
    struct budget_price price;
    asker_price(voice->models.asker, &price);
    cleanup(free_ptr) char *schema =
        question->schema ? json_dumps(question->schema, JSON_COMPACT) : xstrdup("");
    uint64_t tokens = tokens_of_text(question->system, strlen(question->system)) +
                      tokens_of_text(question->prompt, strlen(question->prompt)) +
                      tokens_of_text(schema, strlen(schema));
    return budget_bill(&price, (uint64_t)ceil((double)tokens * fmax(price.margin, 1)),
                       question->max_tokens, 0);
}

static int say(void *context, const struct planner_question *question, struct wire_reply *reply,
               struct err *err)
{
    const struct voice *voice = context;
    // Few of DashScope's models know schemas; all know JSON, and the prompt shows the form.
    bool by_schema = question->schema && voice->models.service == MODEL_OPENAI;
    const struct wire_question asked = {
        .model = asker_model(voice->models.asker),
        .system = question->system,
        .prompt = question->prompt,
        .max_tokens = (unsigned)voice->settings->answer_tokens,
        .temperature = voice->settings->temperature,
        .form = by_schema ? WIRE_SCHEMA : WIRE_JSON,
        .schema = by_schema ? question->schema : NULL,
        .schema_name = question->schema_name,
    };
    struct budget_sum most = bill_of(voice, &asked);
    const struct ask ask = {
        .question = &asked,
        .what = question->what,
        .index = STEP_BATCH,
        .content = "",
        .prompt_version = question->version,
        .most = most,
        .original = most,
    };
    return models_ended(&voice->models, asker_ask(voice->models.asker, &ask, reply, err));
}

// ---- what is told

struct told {
    struct brief_source *sources; // owned
    char **names;                 // owned
    struct brief_line **lines;    // owned
    size_t count;
};

static void told_release(struct told *told)
{
    for (size_t i = 0; i < told->count; i++) {
        free(told->names[i]);
        free(told->lines[i]);
    }
    free(told->sources);
    free(told->names);
    free(told->lines);
}

static struct brief_line *lines_of(const struct transcript *transcript)
{
    struct brief_line *lines = xcalloc(transcript->sentence_count + 1, sizeof *lines);
    for (size_t i = 0; i < transcript->sentence_count; i++) {
        const struct transcript_sentence *sentence = &transcript->sentences[i];
        lines[i] = (struct brief_line){ sentence->start, sentence->end, sentence->text };
    }
    return lines;
}

static void tell(const struct stage_context *context, const struct gathered *gathered,
                 struct told *told)
{
    told->count = gathered->count;
    told->sources = xcalloc(told->count + 1, sizeof *told->sources);
    told->names = xcalloc(told->count + 1, sizeof *told->names);
    told->lines = xcalloc(told->count + 1, sizeof *told->lines);
    for (size_t i = 0; i < told->count; i++) {
        const struct gathered_source *source = &gathered->sources[i];
        told->names[i] = batch_source_name(&context->batch.sources[i]);
        told->lines[i] = lines_of(&source->transcript);
        told->sources[i] = (struct brief_source){
            .name = told->names[i],
            .duration = gathered->durations[i],
            .analysis = &source->analysis,
            .lines = told->lines[i],
            .line_count = source->transcript.sentence_count,
        };
    }
}

// ---- the plan

static int ask_planner(struct stage_context *context, const struct gathered *gathered,
                       const struct select_wish *wish, struct voice *voice, struct plan *plan,
                       struct err *err)
{
    cleanup(told_release) struct told told = { .count = 0 };
    cleanup(free_ptr) char *prompts = NULL;
    int r = settings_prompts(&context->settings, &prompts, err);
    if (r < 0)
        return r;
    tell(context, gathered, &told);
    cleanup(free_ptr) char *name =
        xasprintf("%s %s", model_services[voice->models.service], asker_model(voice->models.asker));
    const struct planner_voice speaking = { name, say, voice };
    const struct planner_wish planned = {
        .prompts = prompts,
        .language = context->batch.job.language,
        .wish = context->batch.job.prompt,
        .strategy = wish->strategy,
        .target = wish->target,
        .min_segment = wish->min_segment,
        .max_segment = wish->max_segment,
    };
    return planner_plan(&speaking, &planned, told.sources, told.count, plan, err);
}

static void voice_close(struct voice *voice)
{
    models_close(&voice->models);
}

int planning_by_model(struct stage_context *context, const struct gathered *gathered,
                      const struct select_wish *wish, double reach, struct plan *plan,
                      struct err *err)
{
    cleanup(voice_close) struct voice voice = { MODELS_INIT, &context->settings.models };
    int r = models_open(context, MODEL_TEXT, &voice.models, err);
    if (r != 0)
        return r;
    r = ask_planner(context, gathered, wish, &voice, plan, err);
    if (r == 0)
        select_snap(gathered->choices, gathered->count, reach, wish, plan);
    return r;
}
