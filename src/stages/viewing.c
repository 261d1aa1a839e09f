// Decide, ask, ask once more, or do without.
#include "stages/viewing.h"

#include "base/fs.h"
#include "model/reply.h"
#include "model/reply_analysis.h"
#include "stages/exhibit.h"
#include "stages/fallback.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>

enum { LOOK_VERSION = 1, MAX_LOOK_BYTES = 4096 };
// What a plan is told of each source and besides, at the most that is usual, and how often it asks.
enum { PLAN_SOURCE_TOKENS = 1500, PLAN_PROMPT_TOKENS = 2000, PLAN_QUESTIONS = 2 };
// Names of fields and the like around a prompt.
enum { FRAME_TOKENS = 100 };

// What was decided, of look.json.
struct decision {
    enum budget_input input;
    double wished, shown; // pictures a second, or frames; shown 0: nothing was
};

// All that does not change while a source is shown.
struct viewing {
    struct stage_context *context;
    struct analysis *found;
    struct models models;
    struct exhibit exhibit;
    struct transcript transcript;
    struct decision before; // of an earlier run of the step
    char *prompts;
};

static void viewing_release(struct viewing *viewing)
{
    free(viewing->prompts);
    transcript_release(&viewing->transcript);
    exhibit_release(&viewing->exhibit);
    models_close(&viewing->models);
}

// It as it is shown.
struct view {
    enum budget_input input;
    bool anew;    // whatever was decided before
    bool as_ever; // it was decided before
    struct budget_offer offer;
    struct exhibit_frames frames; // of BUDGET_FRAMES
    char proxy[DIGEST_HEX_SIZE];  // of BUDGET_VIDEO: its hash
};

static void view_release(struct view *view)
{
    exhibit_frames_release(&view->frames);
}

// ---- what is said

// `wrong`: with the last answer, or NULL.
static int say(const struct viewing *viewing, const struct view *view, const char *wrong,
               struct prompt *prompt, struct err *err)
{
    const struct job *job = &viewing->context->batch.job;
    const struct vision_words words = {
        .prompts = viewing->prompts,
        .language = job->language,
        .wish = job->prompt,
        .transcript = &viewing->transcript,
        .wrong = wrong,
        .input = view->input,
        .picked = view->frames.picked,
        .picked_count = view->frames.count,
    };
    return vision_prompt(&viewing->exhibit.source, &words, prompt, err);
}

static uint64_t tokens_of(const struct prompt *prompt)
{
    cleanup(free_ptr) char *schema = prompt->schema ? json_dumps(prompt->schema, 0) : NULL;
    uint64_t tokens = tokens_of_text(prompt->system, strlen(prompt->system)) +
                      tokens_of_text(prompt->user, strlen(prompt->user));
    return tokens + (schema ? tokens_of_text(schema, strlen(schema)) : 0) + FRAME_TOKENS;
}

// ---- what may be spent

// How many sources are still to be looked at, this one among them.
static unsigned count_open(const struct stage_context *context)
{
    unsigned open = 0;
    for (size_t i = 0; i < context->batch.source_count; i++) {
        bool over = context->batch.sources[i].error.class != ERR_NONE;
        for (int stage = STAGE_FETCH; stage <= STAGE_ANALYZE && !over; stage++) {
            cleanup(step_release) struct step step = STEP_INIT;
            int r = step_load(context->batchdir, (enum stage)stage, (int)i, &step, NULL);
            over = r == 0 && (step.state == STEP_FAILED ||
                              (stage == STAGE_ANALYZE && step.state == STEP_DONE));
        }
        open += !over;
    }
    return open > 0 ? open : 1;
}

// What the plan will need.
static struct budget_sum aside_for_plan(const struct stage_context *context)
{
    const struct model_settings *settings = &context->settings.models;
    const struct model_place *place = model_place(settings, context->batch.roles[MODEL_TEXT]);
    if (place == NULL)
        return (struct budget_sum){ 0 };
    struct model_price known = model_price_of(settings, place->models[MODEL_TEXT]);
    const struct budget_price price = { .input = known.input,
                                        .output = known.output,
                                        .margin = known.margin };
    double input = known.margin * PLAN_QUESTIONS *
                   (PLAN_PROMPT_TOKENS + PLAN_SOURCE_TOKENS * (double)context->batch.source_count);
    return budget_bill(&price, (uint64_t)ceil(input),
                       (uint64_t)(PLAN_QUESTIONS * settings->answer_tokens), 0);
}

static int find_room(const struct viewing *viewing, struct budget_sum *ret, struct err *err)
{
    struct budget_sum room, aside = aside_for_plan(viewing->context);
    int r = asker_room(viewing->models.asker, &room, err);
    if (r == 0)
        *ret = budget_share(&room, &aside, count_open(viewing->context));
    return r;
}

// ---- what is shown: decided once

static double wished_of(const struct budget_wish *wish)
{
    return wish->input == BUDGET_VIDEO ? wish->fps : wish->frames;
}

// One that was made for another model, or is damaged, is none.
static void recall(struct viewing *viewing)
{
    cleanup(json_free) json_t *json = NULL;
    struct decision *before = &viewing->before;
    if (json_read(viewing->context->sourcedir, SOURCE_LOOK, MAX_LOOK_BYTES, &json, NULL) < 0 ||
        json_int(json, "version", 1, 100, 0, NULL) != LOOK_VERSION ||
        strcmp(json_text(json, "model", "", NULL), asker_model(viewing->models.asker)) != 0)
        return;
    const char *input = json_text(json, "input", "", NULL);
    before->input = strcmp(input, vision_inputs[BUDGET_VIDEO]) == 0 ? BUDGET_VIDEO : BUDGET_FRAMES;
    before->wished = json_number(json, "wished", 0, 1e6, 0, NULL);
    before->shown = json_number(json, "shown", 0, before->wished, 0, NULL);
}

static int remember(const struct viewing *viewing, const struct budget_wish *wish,
                    const struct budget_offer *offer, struct err *err)
{
    cleanup(json_free) json_t *json = json_object();
    json_put_int(json, "version", LOOK_VERSION);
    json_put_text(json, "model", asker_model(viewing->models.asker));
    json_put_text(json, "input", vision_inputs[wish->input]);
    json_put_number(json, "wished", wished_of(wish), 6);
    json_put_number(json, "shown", wish->input == BUDGET_VIDEO ? offer->fps : offer->frames, 6);
    return json_write(viewing->context->sourcedir, SOURCE_LOOK, json, err);
}

// As it was decided before, whatever is left now: what was asked then may be answered.
static void offer_again(const struct budget_wish *wish, double shown, struct budget_offer *offer)
{
    static const struct budget_sum anything = { BUDGET_UNLIMITED, BUDGET_UNLIMITED };
    struct budget_wish same = *wish;
    same.fps = wish->input == BUDGET_VIDEO ? shown : wish->fps;
    same.frames = wish->input == BUDGET_FRAMES ? (unsigned)shown : wish->frames;
    budget_choose(&same, &anything, offer);
}

static int choose(const struct viewing *viewing, const struct budget_wish *wish, struct view *view,
                  struct err *err)
{
    struct budget_sum room;
    struct budget_offer *offer = &view->offer;
    const struct decision *before = &viewing->before;
    view->as_ever = !view->anew && before->shown > 0 && before->input == wish->input &&
                    fabs(before->wished - wished_of(wish)) < 1e-6;
    if (view->as_ever) {
        offer_again(wish, before->shown, offer);
        return 0;
    }
    int r = find_room(viewing, &room, err);
    if (r < 0)
        return r;
    budget_choose(wish, &room, offer);
    if (offer->step == BUDGET_LOCAL)
        return err_set(err, ERR_INPUT, "over_budget", "%s", offer->why);
    if (offer->step != BUDGET_AS_WISHED)
        reply_note(viewing->found->notes, "the model is shown less: %s", offer->why);
    return remember(viewing, wish, offer, err);
}

static int decide(const struct viewing *viewing, struct view *view, struct err *err)
{
    const struct exhibit *exhibit = &viewing->exhibit;
    cleanup(prompt_release) struct prompt prompt = PROMPT_INIT;
    struct budget_wish wish;
    vision_wish(&exhibit->model, &exhibit->source, view->input, 0, &wish);
    // The longest prompt that it may come to.
    int r = view->input == BUDGET_FRAMES ? exhibit_frames(exhibit, wish.frames, &view->frames, err)
                                         : exhibit_proxy(exhibit, view->proxy, err);
    if (r == 0)
        r = say(viewing, view, NULL, &prompt, err);
    if (r < 0)
        return r;
    wish.prompt_tokens = tokens_of(&prompt);
    if (view->input == BUDGET_FRAMES)
        wish.frames = (unsigned)view->frames.count;
    r = choose(viewing, &wish, view, err);
    if (r < 0 || view->input == BUDGET_VIDEO)
        return r;
    if (view->offer.frames < view->frames.count) {
        exhibit_frames_release(&view->frames);
        r = exhibit_frames(exhibit, view->offer.frames, &view->frames, err);
    }
    return r;
}

// ---- asking

struct sending {
    const struct exhibit *exhibit;
    enum vision_way way;
};

static int send_video(void *context, char **ret_link, struct err *err)
{
    const struct sending *sending = context;
    return exhibit_send(sending->exhibit, sending->way, ret_link, err);
}

static struct wire_question question_of(const struct viewing *viewing, const struct view *view,
                                        const struct prompt *prompt)
{
    const struct model_settings *settings = viewing->exhibit.model.settings;
    bool video = view->input == BUDGET_VIDEO;
    return (struct wire_question){
        .model = asker_model(viewing->models.asker),
        .system = prompt->system,
        .prompt = prompt->user,
        .video = video ? "" : NULL, // which it is, comes by the way that is taken
        .frames = (const char *const *)view->frames.links,
        .frame_count = view->frames.count,
        .fps = video
                   ? view->offer.fps
                   : vision_rate(&viewing->exhibit.frames, view->frames.picked, view->frames.count),
        .max_pixels = (uint64_t)settings->max_pixels,
        .max_tokens = (unsigned)settings->answer_tokens,
        .temperature = settings->temperature,
        // No model of DashScope that looks is documented to take a schema.
        .form = viewing->exhibit.model.service == FAULT_OPENAI ? WIRE_SCHEMA : WIRE_JSON,
        .schema = prompt->schema,
        .schema_name = "look",
    };
}

static int ask(const struct viewing *viewing, const struct view *view, enum vision_way way,
               const char *wrong, struct wire_reply *reply, struct err *err)
{
    cleanup(prompt_release) struct prompt prompt = PROMPT_INIT;
    int r = say(viewing, view, wrong, &prompt, err);
    if (r < 0)
        return r;
    struct sending sending = { &viewing->exhibit, way };
    const struct wire_question question = question_of(viewing, view, &prompt);
    const struct ask asked = {
        .question = &question,
        .what = wrong ? "repair" : "look",
        .index = viewing->context->index,
        .content = view->input == BUDGET_VIDEO ? view->proxy : view->frames.content,
        .prompt_version = prompt.version,
        .most = view->offer.sent,
        .original = view->offer.original,
        .give_link = view->input == BUDGET_VIDEO ? send_video : NULL,
        .context = &sending,
    };
    return asker_ask(viewing->models.asker, &asked, reply, err);
}

// Makes an analysis of an answer.
static int understand(const struct viewing *viewing, const struct view *view,
                      const struct wire_reply *reply, struct analysis *seen, struct err *err)
{
    cleanup(prompt_release) struct prompt prompt = PROMPT_INIT;
    int r = say(viewing, view, NULL, &prompt, err);
    if (r < 0)
        return r;
    const struct reply_media media = {
        .durations = &viewing->exhibit.source.duration,
        .count = 1,
        .example = prompt.example,
    };
    return reply_analysis(reply->text, strlen(reply->text), &media, seen, viewing->found->notes,
                          err);
}

// It does not want to; asking again changes no mind.
static int check_willing(const struct wire_reply *reply, struct err *err)
{
    if (reply->refusal != NULL) {
        cleanup(free_ptr) char *said = reply_cut(reply->refusal, 200);
        return err_set(err, ERR_INPUT, "reply_refused", "the model does not answer: %s", said);
    }
    if (reply->filtered)
        return err_set(err, ERR_INPUT, "content_refused",
                       "the service held the answer back for what is in it");
    return 0;
}

// Asks, and once more where the answer is of no use.
static int view_by(const struct viewing *viewing, const struct view *view, enum vision_way way,
                   struct analysis *seen, struct err *err)
{
    struct err wrong = ERR_INIT;
    for (int turn = 0; turn < 2; turn++) {
        cleanup(wire_reply_release) struct wire_reply reply = WIRE_REPLY_INIT;
        int r = ask(viewing, view, way, turn > 0 ? wrong.text : NULL, &reply, err);
        if (r < 0)
            return r;
        stage_progress(viewing->context, turn > 0 ? 0.95 : 0.9);
        r = check_willing(&reply, err);
        if (r < 0)
            return r;
        err_clear(&wrong);
        r = understand(viewing, view, &reply, seen, &wrong);
        if (r == 0)
            return 0;
        reply_note(viewing->found->notes, "%s: %s",
                   turn > 0 ? "the answer is of no use again" : "the model is asked again",
                   wrong.text);
    }
    if (err != NULL)
        *err = wrong;
    return -EINVAL;
}

// ---- ways

// The service could not have it by this way; another may do.  Some say no more than that the
// request is wrong; one that is refused costs nothing.
static bool is_about_the_way(const struct err *err)
{
    static const char *const ids[] = { "media_refused",          "request_refused",
                                       "request_too_large",      "bad_frames",
                                       "too_large_to_hand_over", "upload_refused" };
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        if (strcmp(ids[i], err->id) == 0)
            return true;
    return false;
}

static void tell_shown(const struct viewing *viewing, const struct view *view)
{
    json_t *numbers = viewing->context->numbers;
    json_put_text(numbers, "shown", vision_inputs[view->input]);
    json_put_int(numbers, "pictures", view->offer.frames);
    json_put_int(numbers, "tokens_estimated_original", (int64_t)view->offer.original.tokens);
    json_put_int(numbers, "tokens_estimated_proxy", (int64_t)view->offer.sent.tokens);
}

// Frames go with the question; a video by the first way that the service can use.
static int show_by_ways(const struct viewing *viewing, const struct view *view,
                        struct analysis *seen, struct err *err)
{
    static const char *const names[VISION_WAYS] = { "a link", "the request",
                                                    "the service's temporary store" };
    enum vision_way ways[VISION_WAYS] = { VISION_LINK };
    unsigned count = view->input == BUDGET_FRAMES
                         ? 1
                         : vision_ways(&viewing->exhibit.model, &viewing->exhibit.source, ways);
    for (unsigned i = 0;; i++) {
        struct err reason = ERR_INIT;
        int r = view_by(viewing, view, ways[i], seen, &reason);
        if (r < 0 && i + 1 < count && is_about_the_way(&reason)) {
            stage_warn(viewing->context, "the proxy did not get there by %s: %s", names[ways[i]],
                       reason.text);
            continue;
        }
        if (r < 0 && err != NULL)
            *err = reason;
        return r;
    }
}

// What was decided when there was more to spend may be too much now: then it is decided once more.
static int show(const struct viewing *viewing, enum budget_input input, struct analysis *seen,
                struct err *err)
{
    for (bool anew = false;; anew = true) {
        struct err reason = ERR_INIT;
        cleanup(view_release) struct view view = { .input = input, .anew = anew };
        int r = decide(viewing, &view, &reason);
        if (r == 0) {
            tell_shown(viewing, &view);
            r = show_by_ways(viewing, &view, seen, &reason);
        }
        if (r < 0 && view.as_ever && strcmp(reason.id, "over_budget") == 0)
            continue;
        if (r < 0 && err != NULL)
            *err = reason;
        return r;
    }
}

static int show_somehow(const struct viewing *viewing, struct analysis *seen, struct err *err)
{
    struct vision_choice inputs;
    vision_choose(&viewing->exhibit.model, &viewing->exhibit.source, &inputs);
    if (inputs.count == 0)
        return err_set(err, ERR_INPUT, "nothing_to_show", "nothing can be shown to %s: %s",
                       asker_model(viewing->models.asker), inputs.why);
    // What was shown before, has been answered perhaps.
    if (inputs.count == 2 && viewing->before.shown > 0 &&
        viewing->before.input != inputs.inputs[0]) {
        inputs.inputs[1] = inputs.inputs[0];
        inputs.inputs[0] = viewing->before.input;
    }
    for (unsigned i = 0;; i++) {
        struct err reason = ERR_INIT;
        int r = show(viewing, inputs.inputs[i], seen, &reason);
        if (r < 0 && i + 1 < inputs.count && is_about_the_way(&reason)) {
            stage_warn(viewing->context, "the model is shown the %s: %s",
                       vision_inputs[inputs.inputs[i + 1]], reason.text);
            continue;
        }
        if (r < 0 && err != NULL)
            *err = reason;
        return r;
    }
}

// ---- with or without

// What is said is welcome; without, it is looked at all the same.
static void load_transcript(struct viewing *viewing, double duration)
{
    struct err reason = ERR_INIT;
    int r = transcript_load(viewing->context->sourcedir, duration, &viewing->transcript, &reason);
    if (r < 0 && r != -ENOENT)
        stage_warn(viewing->context, "what is said is not told to the model: %s", reason.text);
}

static int view_all(struct viewing *viewing, const struct probe *probe, struct analysis *seen,
                    struct err *err)
{
    struct stage_context *context = viewing->context;
    int r = settings_prompts(&context->settings, &viewing->prompts, err);
    if (r == 0)
        r = exhibit_open(context, &viewing->models, probe, viewing->found, &viewing->exhibit, err);
    if (r < 0)
        return r;
    load_transcript(viewing, probe->duration);
    recall(viewing);
    return show_somehow(viewing, seen, err);
}

static void do_without(struct stage_context *context, struct analysis *found,
                       const struct err *reason)
{
    stage_warn(context, "looked at by this machine alone: %s", reason->text);
    reply_note(found->notes, "looked at by this machine alone: %s", reason->text);
}

int viewing_merge(struct stage_context *context, const struct probe *probe, struct analysis *found,
                  struct err *err)
{
    cleanup(viewing_release) struct viewing viewing = {
        .context = context, .found = found, .models = MODELS_INIT, .exhibit = EXHIBIT_INIT
    };
    cleanup(analysis_release) struct analysis seen = ANALYSIS_INIT;
    struct err reason = ERR_INIT;
    int r = models_open(context, MODEL_VISION, &viewing.models, err);
    if (r != 0)
        return r < 0 ? r : 0;
    if (found->notes == NULL)
        found->notes = json_array();
    r = models_ended(&viewing.models, view_all(&viewing, probe, &seen, &reason));
    if (r == 0) {
        cleanup(free_ptr) char *provider =
            xasprintf("%s %s", model_services[viewing.models.service],
                      asker_model(viewing.models.asker));
        vision_merge(found, &seen, provider);
        return 0;
    }
    if (fallback_is_due(context, STAGE_ANALYZE, &reason)) {
        do_without(context, found, &reason);
        return 0;
    }
    if (err != NULL)
        *err = reason;
    return r;
}
