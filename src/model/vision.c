// Choosing between a video and frames, telling what is known, laying an answer over it.
#include "model/vision.h"

#include "model/brief.h"
#include "model/reply.h"
#include <math.h>
#include <stdio.h>

// Rounding of times in files.
static const double rounding = 1e-3;
static const double lowest_fps = 0.1, highest_fps = 10;

enum { MAX_SENTENCE_BYTES = 400 };

const char *const vision_inputs[] = { [BUDGET_VIDEO] = "video", [BUDGET_FRAMES] = "frames" };

// ---- what is shown

static bool is_dashscope(const struct vision_model *model)
{
    return model->service != FAULT_OPENAI;
}

unsigned vision_ways(const struct vision_model *model, const struct vision_source *source,
                     enum vision_way ret[VISION_WAYS])
{
    unsigned count = 0;
    if (source->link != NULL)
        ret[count++] = VISION_LINK;
    if (source->proxy_bytes <= VISION_MAX_INLINE_BYTES)
        ret[count++] = VISION_INLINE;
    if (is_dashscope(model))
        ret[count++] = VISION_HANDOVER;
    return count;
}

// Says why the video cannot be shown, or returns false.
static bool bars_video(const struct vision_model *model, const struct vision_source *source,
                       char *why, size_t size)
{
    enum vision_way ways[VISION_WAYS];
    unsigned longest = model->rules ? model->rules->longest : 0;
    if (!model->takes_video)
        snprintf(why, size, "the service takes no video");
    else if (!(source->proxy.frames > 0))
        snprintf(why, size, "there is no proxy of it");
    else if (is_dashscope(model) && source->duration < VISION_LEAST_SECONDS)
        snprintf(why, size, "a video of %.1f s is too short for the model", source->duration);
    else if (longest > 0 && source->duration > longest)
        snprintf(why, size, "a video of %.0f s is too long for the model", source->duration);
    else if (vision_ways(model, source, ways) == 0)
        snprintf(why, size, "its proxy is too large for a request, and has no link");
    else
        return false;
    return true;
}

static bool bars_frames(const struct vision_source *source, char *why, size_t size)
{
    if (source->frames != NULL && source->frames->count > 0)
        return false;
    snprintf(why, size, "there are no frames of it");
    return true;
}

static size_t shots_in_video(const struct vision_source *source, double fps)
{
    size_t seen = 0;
    for (size_t i = 0; i < source->shot_count; i++)
        seen += fps * (source->shots[i].end - source->shots[i].start) >= 1 - rounding;
    return seen;
}

// Frames are in order of time, and so of shots.
static size_t shots_in_frames(const struct frames *frames)
{
    size_t seen = 0;
    for (size_t i = 0; i < frames->count; i++)
        seen += i == 0 || frames->items[i].shot != frames->items[i - 1].shot;
    return seen;
}

static uint64_t cost_of(const struct vision_model *model, const struct vision_source *source,
                        enum budget_input input)
{
    static const struct budget_sum anything = { BUDGET_UNLIMITED, BUDGET_UNLIMITED };
    struct budget_wish wish;
    struct budget_offer offer;
    vision_wish(model, source, input, 0, &wish);
    budget_choose(&wish, &anything, &offer);
    return offer.sent.tokens;
}

static enum budget_input better(const struct vision_model *model,
                                const struct vision_source *source)
{
    size_t by_video = shots_in_video(source, model->settings->fps);
    size_t by_frames = shots_in_frames(source->frames);
    if (by_video != by_frames)
        return by_video > by_frames ? BUDGET_VIDEO : BUDGET_FRAMES;
    return cost_of(model, source, BUDGET_VIDEO) <= cost_of(model, source, BUDGET_FRAMES)
               ? BUDGET_VIDEO
               : BUDGET_FRAMES;
}

void vision_choose(const struct vision_model *model, const struct vision_source *source,
                   struct vision_choice *ret)
{
    char video[100] = "", frames[100] = "";
    int wished = model->settings->input;
    bool no_video = bars_video(model, source, video, sizeof video);
    bool no_frames = bars_frames(source, frames, sizeof frames);
    *ret = (struct vision_choice){ .count = 0 };
    if (wished != MODEL_INPUT_FRAMES && !no_video)
        ret->inputs[ret->count++] = BUDGET_VIDEO;
    if (wished != MODEL_INPUT_VIDEO && !no_frames)
        ret->inputs[ret->count++] = BUDGET_FRAMES;
    if (ret->count == 2 && better(model, source) == BUDGET_FRAMES) {
        ret->inputs[0] = BUDGET_FRAMES;
        ret->inputs[1] = BUDGET_VIDEO;
    }
    if (ret->count > 0)
        return;
    if (wished == MODEL_INPUT_AUTO)
        snprintf(ret->why, sizeof ret->why, "%s, and %s", video, frames);
    else
        snprintf(ret->why, sizeof ret->why, "%s, and models.input is \"%s\"",
                 wished == MODEL_INPUT_VIDEO ? video : frames, model_inputs[wished]);
}

void vision_wish(const struct vision_model *model, const struct vision_source *source,
                 enum budget_input input, uint64_t prompt_tokens, struct budget_wish *ret)
{
    const struct model_settings *settings = model->settings;
    *ret = (struct budget_wish){
        .rules = model->rules,
        .price = model->price,
        .input = input,
        .original = source->original,
        .sent = source->proxy,
        .fps = settings->fps,
        .least_fps = (double)source->shot_count / source->duration,
        .max_pixels = (uint64_t)settings->max_pixels,
        .prompt_tokens = prompt_tokens,
        .answer_tokens = (uint64_t)settings->answer_tokens,
    };
    if (input != BUDGET_FRAMES)
        return;
    size_t most = fmin((double)source->frames->count, VISION_MAX_FRAMES);
    if (model->rules != NULL && model->rules->most_frames < most)
        most = model->rules->most_frames;
    size_t least = shots_in_frames(source->frames);
    ret->frames = (unsigned)most;
    ret->least_frames = (unsigned)(least < most ? least : most);
    ret->sent = (struct tokens_video){ .width = (unsigned)source->frames->width,
                                       .height = (unsigned)source->frames->height };
}

// ---- which frames

// Marks `count` of those that are `open`, as evenly among them as can be, and closes them.
static void mark_evenly(bool *open, bool *marked, size_t size, size_t count)
{
    size_t total = 0, passed = 0;
    for (size_t i = 0; i < size; i++)
        total += open[i];
    for (size_t i = 0; i < size; i++) {
        if (!open[i])
            continue;
        // The middle one of each of `count` equal parts.
        size_t before = (2 * passed * count + total) / (2 * total);
        size_t behind = (2 * (passed + 1) * count + total) / (2 * total);
        passed++;
        marked[i] = behind > before;
        open[i] = !marked[i];
    }
}

size_t vision_pick(const struct frames *frames, size_t count, size_t *ret)
{
    size_t size = frames->count, picked = 0;
    cleanup(free_ptr) bool *first = xcalloc(size + 1, sizeof *first);
    cleanup(free_ptr) bool *rest = xcalloc(size + 1, sizeof *rest);
    cleanup(free_ptr) bool *marked = xcalloc(size + 1, sizeof *marked);
    size_t shots = shots_in_frames(frames);
    count = count < size ? count : size;
    for (size_t i = 0; i < size; i++)
        first[i] = i == 0 || frames->items[i].shot != frames->items[i - 1].shot;
    for (size_t i = 0; i < size; i++)
        rest[i] = !first[i];
    mark_evenly(first, marked, size, count < shots ? count : shots);
    if (count > shots) {
        cleanup(free_ptr) bool *more = xcalloc(size + 1, sizeof *more);
        mark_evenly(rest, more, size, count - shots);
        for (size_t i = 0; i < size; i++)
            marked[i] = marked[i] || more[i];
    }
    for (size_t i = 0; i < size; i++)
        if (marked[i])
            ret[picked++] = i;
    return picked;
}

double vision_rate(const struct frames *frames, const size_t *picked, size_t count)
{
    if (count < 2)
        return 0;
    double seconds = frames->items[picked[count - 1]].time - frames->items[picked[0]].time;
    return fmin(fmax((double)(count - 1) / fmax(seconds, rounding), lowest_fps), highest_fps);
}

// ---- what is asked

struct text {
    char *bytes;
    size_t size;
};

static FILE *begin(struct text *text)
{
    FILE *out = open_memstream(&text->bytes, &text->size);
    if (out == NULL)
        base_out_of_memory();
    return out;
}

static char *end(struct text *text, FILE *out)
{
    if (fclose(out) != 0)
        base_out_of_memory();
    return TAKE(text->bytes);
}

static char *tell_shots(const struct vision_source *source)
{
    struct text text = { NULL };
    FILE *out = begin(&text);
    // One shot is no cut.
    for (size_t i = 0;
         source->shot_count > 1 && source->shot_count <= VISION_MAX_SHOTS && i < source->shot_count;
         i++)
        fprintf(out, "%s%.2f - %.2f", i ? "\n" : "", source->shots[i].start, source->shots[i].end);
    return end(&text, out);
}

static char *tell_times(const struct vision_source *source, const struct vision_words *words)
{
    struct text text = { NULL };
    FILE *out = begin(&text);
    for (size_t i = 0; i < words->picked_count; i++)
        fprintf(out, "%s%.2f", i ? ", " : "", source->frames->items[words->picked[i]].time);
    return end(&text, out);
}

static char *tell_said(const struct transcript *transcript)
{
    struct text text = { NULL };
    size_t count = transcript ? transcript->sentence_count : 0, told = 0;
    FILE *out = begin(&text);
    for (; told < count && ftell(out) < VISION_MAX_SAID_BYTES; told++) {
        const struct transcript_sentence *sentence = &transcript->sentences[told];
        cleanup(free_ptr) char *quoted = brief_quote(sentence->text, MAX_SENTENCE_BYTES);
        fprintf(out, "%s%.2f - %.2f: %s", told ? "\n" : "", sentence->start, sentence->end, quoted);
    }
    if (told < count)
        fprintf(out, "\n(%zu more)", count - told);
    return end(&text, out);
}

int vision_prompt(const struct vision_source *source, const struct vision_words *words,
                  struct prompt *ret, struct err *err)
{
    bool video = words->input == BUDGET_VIDEO;
    cleanup(free_ptr) char *duration = xasprintf("%.2f", source->duration);
    cleanup(free_ptr) char *shots = tell_shots(source);
    cleanup(free_ptr) char *times = video ? NULL : tell_times(source, words);
    cleanup(free_ptr) char *said = tell_said(words->transcript);
    cleanup(free_ptr) char *wish = prompt_quote(words->wish);
    const struct prompt_value values[] = {
        { "duration", duration },  { "video", video ? "1" : NULL }, { "frames", times },
        { "shots", shots },        { "transcript", said },          { "wish", wish },
        { "wrong", words->wrong }, { "language", words->language },
    };
    return prompt_load(words->prompts, "look", words->language, values, ARRAY_LEN(values), ret,
                       err);
}

// ---- what becomes of the answer

// The mean of what the shots in it are worth.
static double worth(const struct analysis *found, const struct analysis_span *scene)
{
    double sum = 0, seconds = 0;
    for (size_t i = 0; i < found->shot_count; i++) {
        const struct analysis_span *shot = &found->shots[i];
        double common = fmin(shot->end, scene->end) - fmax(shot->start, scene->start);
        if (!(common > 0))
            continue;
        sum += common * shot->score;
        seconds += common;
    }
    return seconds > 0 ? sum / seconds : scene->score;
}

static void level(struct analysis_span *moments, size_t count)
{
    double best = 0;
    for (size_t i = 0; i < count; i++)
        best = fmax(best, moments[i].score);
    for (size_t i = 0; i < count; i++)
        moments[i].score = best > 0 ? fmin(moments[i].score / best, 1) : 1;
}

#define SWAP(a, b)                \
    do {                          \
        __typeof__(a) swap = (a); \
        (a) = (b);                \
        (b) = swap;               \
    } while (0)

void vision_merge(struct analysis *found, struct analysis *seen, const char *provider)
{
    for (size_t i = 0; i < seen->scene_count; i++)
        seen->scenes[i].score = worth(found, &seen->scenes[i]);
    level(seen->moments, seen->moment_count);
    if (seen->summary && *seen->summary)
        SWAP(found->summary, seen->summary);
    if (seen->tags && *seen->tags)
        SWAP(found->tags, seen->tags);
    if (seen->scene_count > 0) {
        SWAP(found->scenes, seen->scenes);
        SWAP(found->scene_count, seen->scene_count);
    } else {
        reply_note(found->notes, "the model names no scenes; they are those found here");
    }
    if (seen->moment_count > 0) {
        SWAP(found->moments, seen->moments);
        SWAP(found->moment_count, seen->moment_count);
    } else {
        reply_note(found->notes, "the model names no moments; they are those found here");
    }
    free(found->provider);
    found->provider = xstrdup(provider);
    analysis_release(seen);
}
