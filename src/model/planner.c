#include "model/planner.h"

#include "model/idea.h"
#include "model/picks.h"
#include "model/prompt.h"
#include "model/reply.h"
#include "model/reply_plan.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>

// What is shown of an answer that is of no use, what is said against it, and of a refusal.
enum { ANSWER_BYTES = 4000, FAULT_BYTES = 1500, REFUSAL_BYTES = 300 };
enum { NUMBER_SIZE = 32 };
// How often a request that is too large for the model is made half as large.
enum { HALVINGS = 2 };

// A reel has about a dozen clips, as of select.h.
static const double usual_count = 12, usual_shortest = 3, usual_longest = 8;
// A window is asked for more than its share, so that there is something to choose from.
static const double surplus = 1.5;
// A reel of less than this part of what was asked for is worth another question.
static const double least_part = 0.5;
static const double allowed_excess = 1.1;

struct planning {
    const struct planner_voice *voice;
    const struct planner_wish *wish;
    const struct brief_source *sources;
    size_t count;
    char **names;      // as told; owned
    double *durations; // owned
    double material;   // seconds of all
    char *quoted_wish; // owned
    char *idea;        // owned; NULL: none
    uint64_t tokens;   // of a window
    struct plan *plan;
};

static void planning_release(struct planning *planning)
{
    for (size_t i = 0; i < planning->count; i++)
        free(planning->names[i]);
    free(planning->names);
    free(planning->durations);
    free(planning->quoted_wish);
    free(planning->idea);
}

// ---- asking

static int ask(const struct planning *planning, const char *what, const struct prompt *prompt,
               const struct prompt *asked, struct wire_reply *reply, struct err *err)
{
    struct planner_question question = {
        .what = what,
        .version = prompt->version,
        .system = prompt->system,
        .prompt = prompt->user,
        .schema = asked->schema,
        .schema_name = asked == prompt ? what : "clips",
    };
    int r = planning->voice->ask(planning->voice->context, &question, reply, err);
    return r < 0 ? r : 0;
}

// An answer that says that there will be none.
static int check_willing(const struct wire_reply *reply, struct err *err)
{
    if (reply->filtered)
        return err_set(err, ERR_INPUT, "reply_refused",
                       "the service does not allow what was asked or answered");
    if (!reply->refusal)
        return 0;
    cleanup(free_ptr) char *words = brief_quote(reply->refusal, REFUSAL_BYTES);
    return err_set(err, ERR_INPUT, "reply_refused", "the model declines: %s", words);
}

// Whether the model may be gone without for this question: nothing passes, nothing is to be put
// right by anybody, and it makes no sense to ask again.
static bool is_final(int r, const struct err *err)
{
    return r != -ECANCELED && err->class == ERR_INPUT;
}

static bool is_too_large(const struct err *err)
{
    return err->class == ERR_INPUT && strcmp(err->id, "request_too_large") == 0;
}

static const char *text_of(const struct wire_reply *reply)
{
    return reply->text ? reply->text : "";
}

static const char *strategy_value(const struct planner_wish *wish, enum job_strategy strategy)
{
    return wish->strategy == strategy ? "yes" : "";
}

static char *number(double value, int decimals, char buffer[NUMBER_SIZE])
{
    (void)snprintf(buffer, NUMBER_SIZE, "%.*f", decimals, value);
    return buffer;
}

// ---- the idea

static int load_theme(const struct planning *planning, const struct brief_window *window,
                      struct prompt *prompt, struct err *err)
{
    const struct planner_wish *wish = planning->wish;
    char videos[NUMBER_SIZE], target[NUMBER_SIZE];
    size_t told = 0;
    for (size_t i = 0; i < planning->count; i++)
        told += planning->durations[i] > 0;
    const struct prompt_value values[] = {
        { "videos", number((double)told, 0, videos) },
        { "target", number(wish->target, 0, target) },
        { "brief", window->text },
        { "wish", planning->quoted_wish },
        { "story", strategy_value(wish, STRATEGY_STORY) },
        { "language", wish->language },
    };
    return prompt_load(wish->prompts, "theme", wish->language, values, ARRAY_LEN(values), prompt,
                       err);
}

// An answer that is of no use is done without, and said so.
static int find_idea(struct planning *planning, struct err *err)
{
    cleanup(brief_release) struct brief brief = BRIEF_INIT;
    cleanup(prompt_release) struct prompt prompt = PROMPT_INIT;
    cleanup(wire_reply_release) struct wire_reply reply = WIRE_REPLY_INIT;
    struct err useless = ERR_INIT;
    brief_make(planning->sources, planning->count, &(struct brief_bound){ planning->tokens, 1 },
               &brief);
    if (brief.count == 0)
        return err_set(err, ERR_INPUT, "empty_plan", "there is no video to choose from");
    int r = load_theme(planning, &brief.windows[0], &prompt, err);
    if (r == 0)
        r = ask(planning, "theme", &prompt, &prompt, &reply, err);
    if (r < 0)
        return r;
    if (brief.windows[0].left_out > 0)
        plan_note(planning->plan, "for the theme %zu of the weakest details were not told",
                  brief.windows[0].left_out);
    if (check_willing(&reply, &useless) == 0)
        (void)idea_read(text_of(&reply), prompt.example, &planning->idea, &useless);
    const char *idea = planning->idea;
    if (idea)
        plan_note(planning->plan, "%.*s", (int)strcspn(idea, "\n"), idea);
    else
        plan_note(planning->plan, "the clips were chosen without a theme: %s", useless.text);
    return 0;
}

// ---- the clips of a window

struct window {
    struct planning *planning;
    const struct brief_window *told;
    size_t number, count; // from 1
    double target;        // seconds to choose
    struct reply_media media;
    struct plan best; // of what was answered
};

static void note_window(struct window *window, const json_t *notes)
{
    size_t i;
    json_t *note;
    json_array_foreach(notes, i, note)
    {
        if (window->count > 1)
            plan_note(window->planning->plan, "part %zu: %s", window->number,
                      json_string_value(note));
        else
            plan_note(window->planning->plan, "%s", json_string_value(note));
    }
}

static void note_text(struct window *window, const char *text)
{
    cleanup(json_free) json_t *notes = json_pack("[s]", text);
    note_window(window, notes);
}

// A clip's length is easier put right here than by the model.
static void fit_length(const struct planner_wish *wish, double duration, size_t number,
                       struct plan_segment *segment, struct plan *plan)
{
    bool within = isfinite(segment->start) && isfinite(segment->end) &&
                  segment->start < segment->end && segment->start < duration && segment->end > 0;
    if (!within)
        return;
    segment->start = fmax(segment->start, 0);
    segment->end = fmin(segment->end, duration);
    double length = segment->end - segment->start;
    double most = fmax(wish->max_segment, wish->min_segment);
    double least = fmin(wish->min_segment, duration);
    if (length > most + 1e-3) {
        plan_note(plan, "clip %zu shortened from %.1f to %.1f s", number, length, most);
        segment->end = segment->start + most;
    } else if (length < least - 1e-3) {
        plan_note(plan, "clip %zu made longer, from %.1f to %.1f s", number, length, least);
        segment->start = fmin(fmax(segment->start - (least - length) / 2, 0), duration - least);
        segment->end = segment->start + least;
    }
}

static void fit_lengths(const struct window *window, struct plan *plan)
{
    for (size_t i = 0; i < plan->segment_count; i++) {
        int index = plan->segments[i].video_index;
        if (index >= 0 && (size_t)index < window->planning->count)
            fit_length(window->planning->wish, window->told->durations[index], i + 1,
                       &plan->segments[i], plan);
    }
}

// Reads an answer into the empty *plan and holds it against the media.
static int judge(const struct window *window, const struct wire_reply *reply, struct plan *plan,
                 struct err *err)
{
    const struct planning *planning = window->planning;
    struct plan_rules rules = {
        .durations = window->told->durations,
        .source_count = planning->count,
        .min_segment = planning->wish->min_segment,
        .max_total = HUGE_VAL,
    };
    int r = reply_plan(text_of(reply), strlen(text_of(reply)), &window->media, plan, err);
    if (r < 0)
        return r;
    if (reply->cut)
        plan_note(plan, "the answer reached the longest that it may be");
    fit_lengths(window, plan);
    r = plan_check(plan, &rules, err);
    if (r < 0)
        return r;
    double total = plan_total(plan);
    if (total < least_part * window->target)
        return err_set(err, ERR_INPUT, "short_plan",
                       "the clips last %.1f s together, and about %.1f s are wanted", total,
                       window->target);
    return 0;
}

// What is said to the model about its answer: the error, and what was noted on the way to it.
static char *faults_of(const struct err *fault, const struct plan *plan)
{
    char *text = xstrdup(fault->text);
    size_t i;
    json_t *note;
    json_array_foreach(plan->notes, i, note)
    {
        cleanup(free_ptr) char *before = text;
        text = xasprintf("%s\n- %s", before, json_string_value(note));
        if (strlen(text) > FAULT_BYTES)
            break;
    }
    cleanup(free_ptr) char *all = text;
    return reply_cut(all, FAULT_BYTES);
}

static int load_repair(const struct window *window, const struct prompt *asked,
                       const struct wire_reply *reply, const struct err *fault,
                       const struct plan *plan, struct prompt *prompt, struct err *err)
{
    const struct planner_wish *wish = window->planning->wish;
    cleanup(free_ptr) char *cut = reply_cut(text_of(reply), ANSWER_BYTES);
    cleanup(free_ptr) char *answer = prompt_quote(cut);
    cleanup(free_ptr) char *faults = faults_of(fault, plan);
    const struct prompt_value values[] = {
        { "question", asked->user },
        { "answer", *answer ? answer : "\"\"" },
        { "fault", faults },
    };
    return prompt_load(wish->prompts, "repair", wish->language, values, ARRAY_LEN(values), prompt,
                       err);
}

static void keep_better(struct window *window, struct plan *plan)
{
    if (!plan->segment_count || plan_total(plan) < plan_total(&window->best))
        return;
    plan_release(&window->best);
    window->best = *plan;
    *plan = (struct plan)PLAN_INIT;
}

// Asks once more, with what is wrong.  That this cannot be asked is no reason to throw away what
// was answered.
static int repair(struct window *window, const struct prompt *asked, const struct wire_reply *bad,
                  struct plan *plan, struct err *fault, struct err *err)
{
    cleanup(prompt_release) struct prompt prompt = PROMPT_INIT;
    cleanup(wire_reply_release) struct wire_reply reply = WIRE_REPLY_INIT;
    cleanup(plan_release) struct plan second = PLAN_INIT;
    struct err unheard = ERR_INIT, again = ERR_INIT;
    int r = load_repair(window, asked, bad, fault, plan, &prompt, err);
    if (r < 0)
        return r;
    cleanup(free_ptr) char *asked_again = xasprintf("the model was asked again: %s", fault->text);
    note_text(window, asked_again);
    if (!plan->segment_count)
        note_window(window, plan->notes);
    keep_better(window, plan);
    r = ask(window->planning, "repair", &prompt, asked, &reply, &unheard);
    if (r < 0 && !is_final(r, &unheard)) {
        *err = unheard;
        return r;
    }
    if (r == 0 && check_willing(&reply, &again) == 0)
        (void)judge(window, &reply, &second, &again);
    cleanup(free_ptr) char *still = xasprintf("asked again: %s", r < 0         ? unheard.text
                                                                 : again.class ? again.text
                                                                               : "it can be used");
    note_text(window, still);
    keep_better(window, &second);
    if (again.class && second.notes)
        note_window(window, second.notes);
    if (window->best.segment_count)
        return 0;
    *err = r < 0 ? unheard : again;
    return -EINVAL;
}

static int load_clips(const struct window *window, struct prompt *prompt, struct err *err)
{
    const struct planning *planning = window->planning;
    const struct planner_wish *wish = planning->wish;
    char target[NUMBER_SIZE], count[NUMBER_SIZE], min[NUMBER_SIZE], max[NUMBER_SIZE];
    double most = fmax(wish->max_segment, wish->min_segment);
    double usual = fmin(fmax(wish->target / usual_count, usual_shortest), usual_longest);
    usual = fmin(fmax(usual, wish->min_segment), most);
    const struct prompt_value values[] = {
        { "target", number(window->target, 0, target) },
        { "count", number(fmax(round(window->target / usual), 1), 0, count) },
        { "min", number(wish->min_segment, 1, min) },
        { "max", number(most, 1, max) },
        { "highlights", strategy_value(wish, STRATEGY_HIGHLIGHTS) },
        { "story", strategy_value(wish, STRATEGY_STORY) },
        { "chronological", strategy_value(wish, STRATEGY_CHRONOLOGICAL) },
        { "every_source", strategy_value(wish, STRATEGY_EVERY_SOURCE) },
        { "theme", planning->idea },
        { "wish", planning->quoted_wish },
        { "brief", window->told->text },
        { "part", window->count > 1 ? "yes" : "" },
        { "language", wish->language },
    };
    return prompt_load(wish->prompts, "clips", wish->language, values, ARRAY_LEN(values), prompt,
                       err);
}

static int ask_window(struct window *window, struct err *err)
{
    cleanup(prompt_release) struct prompt prompt = PROMPT_INIT;
    cleanup(wire_reply_release) struct wire_reply reply = WIRE_REPLY_INIT;
    cleanup(plan_release) struct plan plan = PLAN_INIT;
    struct err fault = ERR_INIT;
    int r = load_clips(window, &prompt, err);
    if (r == 0)
        r = ask(window->planning, "clips", &prompt, &prompt, &reply, err);
    if (r == 0)
        r = check_willing(&reply, err);
    if (r < 0)
        return r;
    window->media.example = prompt.example;
    if (judge(window, &reply, &plan, &fault) == 0)
        keep_better(window, &plan);
    else
        r = repair(window, &prompt, &reply, &plan, &fault, err);
    return r;
}

static double seconds_of(const struct planning *planning, const struct brief_window *told)
{
    double sum = 0;
    for (size_t i = 0; i < planning->count; i++)
        sum += told->durations[i];
    return told->end > 0 ? told->end - told->start : sum;
}

static void window_release(struct window *window)
{
    plan_release(&window->best);
}

// Puts the clips of a window to the others.  One that the model cannot be used for is left out.
static int add_window(struct planning *planning, const struct brief *brief, size_t index,
                      struct picks *picks, struct err *err)
{
    const struct brief_window *told = &brief->windows[index];
    const struct planner_wish *wish = planning->wish;
    double target = wish->target;
    if (brief->count > 1)
        target *= fmin(surplus * seconds_of(planning, told) / planning->material, 1);
    cleanup(window_release) struct window window = {
        .planning = planning,
        .told = told,
        .number = index + 1,
        .count = brief->count,
        .target = fmin(fmax(target, wish->min_segment), seconds_of(planning, told)),
        .media = {
            .durations = told->durations,
            .names = (const char *const *)planning->names,
            .count = planning->count,
            .window_start = told->start,
            .window_end = told->end,
        },
        .best = PLAN_INIT,
    };
    if (told->left_out > 0) {
        cleanup(free_ptr) char *text =
            xasprintf("%zu of the weakest details were not told", told->left_out);
        note_text(&window, text);
    }
    int r = ask_window(&window, err);
    note_window(&window, window.best.notes);
    picks_add(picks, &window.best);
    return r;
}

// ---- all of it

static void choose(struct planning *planning, size_t windows, struct picks *picks)
{
    const struct planner_wish *wish = planning->wish;
    bool told_in_order = wish->strategy == STRATEGY_HIGHLIGHTS || wish->strategy == STRATEGY_STORY;
    struct picks_wish picked = {
        .target = wish->target,
        .min_segment = wish->min_segment,
        .every_source = wish->strategy == STRATEGY_EVERY_SOURCE,
        .as_answered = windows == 1 && told_in_order,
    };
    picks_choose(picks, &picked, planning->plan);
}

static int find_clips(struct planning *planning, struct err *err)
{
    cleanup(brief_release) struct brief brief = BRIEF_INIT;
    cleanup(picks_release) struct picks picks = PICKS_INIT;
    struct err first = ERR_INIT;
    brief_make(planning->sources, planning->count,
               &(struct brief_bound){ planning->tokens, PLANNER_MAX_WINDOWS }, &brief);
    if (brief.count > 1)
        plan_note(planning->plan, "the batch was told to the model in %zu parts", brief.count);
    for (size_t i = 0; i < brief.count; i++) {
        struct err why = ERR_INIT;
        int r = add_window(planning, &brief, i, &picks, &why);
        if (r == 0)
            continue;
        if (!is_final(r, &why) || is_too_large(&why)) {
            *err = why;
            return r;
        }
        if (brief.count > 1)
            plan_note(planning->plan, "nothing is chosen from part %zu: %s", i + 1, why.text);
        if (!first.class)
            first = why;
    }
    if (picks.count == 0) {
        *err = first;
        return -EINVAL;
    }
    choose(planning, brief.count, &picks);
    return 0;
}

// Asks with smaller questions if the model takes no larger ones.
static int ask_all(struct planning *planning, struct err *err)
{
    for (int halvings = 0;; halvings++) {
        int r = planning->idea ? 0 : find_idea(planning, err);
        if (r == 0)
            r = find_clips(planning, err);
        if (r == 0 || !is_too_large(err) || halvings == HALVINGS)
            return r;
        err_clear(err);
        planning->tokens /= 2;
        plan_note(planning->plan,
                  "the questions were too large for the model and are made smaller");
    }
}

static void begin(struct planning *planning)
{
    planning->names = xcalloc(planning->count + 1, sizeof *planning->names);
    planning->durations = xcalloc(planning->count + 1, sizeof *planning->durations);
    planning->quoted_wish = prompt_quote(planning->wish->wish);
    for (size_t i = 0; i < planning->count; i++) {
        planning->names[i] = brief_name(planning->sources[i].name);
        planning->durations[i] = planning->sources[i].duration;
        planning->material += fmax(planning->durations[i], 0);
    }
}

static bool shows(const struct plan *plan, size_t index)
{
    for (size_t i = 0; i < plan->segment_count; i++)
        if ((size_t)plan->segments[i].video_index == index)
            return true;
    return false;
}

// What could not be kept of the wish.
static void note_wish(const struct planning *planning)
{
    const struct planner_wish *wish = planning->wish;
    struct plan *plan = planning->plan;
    double total = plan_total(plan);
    if (total < least_part * wish->target)
        plan_note(plan, "the model chose %.1f s of the %.1f s wished", total, wish->target);
    if (wish->strategy != STRATEGY_EVERY_SOURCE)
        return;
    if (total > allowed_excess * wish->target)
        plan_note(plan, "the reel lasts %.1f s instead of %.1f s, so that every video has a place",
                  total, wish->target);
    for (size_t i = 0; i < planning->count; i++)
        if (planning->durations[i] > 0 && !shows(plan, i))
            plan_note(plan, "the model chose nothing from video %zu", i);
}

static int check_all(const struct planning *planning, struct err *err)
{
    struct plan *plan = planning->plan;
    // picks_choose keeps the target, unless every source was promised a place.
    plan->target_duration = fmax(planning->wish->target, plan_total(plan) / allowed_excess);
    struct plan_rules rules = {
        .durations = planning->durations,
        .source_count = planning->count,
        .min_segment = planning->wish->min_segment,
        .max_total = allowed_excess * plan->target_duration,
    };
    int r = plan_check(plan, &rules, err);
    return r < 0 ? r : 0;
}

int planner_plan(const struct planner_voice *voice, const struct planner_wish *wish,
                 const struct brief_source *sources, size_t count, struct plan *plan,
                 struct err *err)
{
    cleanup(planning_release) struct planning planning = {
        .voice = voice,
        .wish = wish,
        .sources = sources,
        .count = count,
        .tokens = PLANNER_WINDOW_TOKENS,
        .plan = plan,
    };
    struct err why = ERR_INIT;
    begin(&planning);
    int r = ask_all(&planning, &why);
    if (r == 0)
        r = check_all(&planning, &why);
    if (r < 0) {
        if (err && !err->class)
            *err = why;
        return r;
    }
    plan->provider = xstrdup(voice->name);
    plan->strategy = xstrdup(job_strategies[wish->strategy]);
    note_wish(&planning);
    return 0;
}
