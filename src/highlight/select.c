#include "highlight/select.h"

#include "highlight/moments.h"
#include "highlight/reel.h"
#include <math.h>

// A reel has about a dozen segments, none shorter than one can take in or longer than it holds.
static const double usual_count = 12, usual_shortest = 3, usual_longest = 8;
// With this part of the material wanted there is nothing to choose: all of it, in order.
static const double nearly_all = 0.95;
static const double default_target = 60, default_part = 0.20;
// Where every source is promised a place, each gets room for a little more than the least.
static const double promised_part = 1.25;
static const double allowed_excess = 1.1;

// A story opens slowly, moves on in shorter cuts and ends slowly.
static const struct {
    double until; // of the material
    double goal;  // of the target
    double pace;  // times the usual length
    const char *label;
} acts[] = {
    { 0.20, 0.20, 1.3, "opening" },
    { 0.80, 0.75, 0.8, "middle" },
    { 1.00, 1.00, 1.2, "ending" },
};

double select_target(double wished, const struct select_source *sources, size_t count,
                     double min_segment)
{
    double material = 0;
    for (size_t i = 0; i < count; i++)
        material += sources[i].duration;
    double target = wished > 0 ? wished : fmin(default_target, default_part * material);
    return fmin(fmax(target, min_segment), material);
}

static void add_material(struct reel *reel, const struct select_source *source, int video_index)
{
    const struct analysis *analysis = source->analysis;
    size_t place = reel->material_count++;
    struct reel_material *material = &reel->materials[place];
    *material = (struct reel_material){ .video_index = video_index, .offset = reel->seconds };
    reel->seconds += source->duration;
    saliency_measure(source->signals, analysis->shots, analysis->shot_count, &material->saliency);
    saliency_favour(&material->saliency, analysis->moments, analysis->moment_count);
    snap_prepare(source->signals, analysis->shots, analysis->shot_count, source->duration,
                 source->picture_seconds, &material->snap);
    material->source = (struct clip_source){
        .index = place,
        .duration = source->duration,
        .signals = source->signals,
        .saliency = &material->saliency,
        .snap = &material->snap,
    };
}

static double usual_length(const struct reel *reel)
{
    double length = fmin(fmax(reel->target / usual_count, usual_shortest), usual_longest);
    return fmin(fmax(length, reel->least), reel->most);
}

static double within_lengths(const struct reel *reel, double length)
{
    return fmin(fmax(length, reel->least), reel->most);
}

// ---- strategies: each only divides the material into shares

static void fill_anywhere(struct reel *reel, double wanted)
{
    reel_fill(reel, &(struct reel_share){
                        .until = reel->seconds, .goal = reel->target, .wanted = wanted });
}

static void fill_story(struct reel *reel)
{
    double from = 0;
    for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
        double until = acts[i].until * reel->seconds;
        reel_fill(reel, &(struct reel_share){
                            .from = from,
                            .until = until,
                            .goal = acts[i].goal * reel->target,
                            .wanted = within_lengths(reel, acts[i].pace * usual_length(reel)),
                            .label = acts[i].label,
                        });
        from = until;
    }
}

static void fill_chronological(struct reel *reel)
{
    double usual = usual_length(reel);
    size_t slots = (size_t)fmin(fmax(round(reel->target / usual), 1), PLAN_MAX_SEGMENTS);
    for (size_t i = 0; i < slots; i++) {
        double from = (double)i / (double)slots, until = (double)(i + 1) / (double)slots;
        reel_fill(reel, &(struct reel_share){
                            .from = from * reel->seconds,
                            .until = until * reel->seconds,
                            .goal = until * reel->target,
                            .wanted = usual,
                        });
    }
}

static double promised(const struct reel *reel, size_t place)
{
    return fmin(promised_part * reel->least, reel->materials[place].source.duration);
}

// Each source gets its promised seconds, and of the rest a share by its duration.
static void fill_every_source(struct reel *reel)
{
    double sum = 0, goal = 0;
    for (size_t i = 0; i < reel->material_count; i++)
        sum += promised(reel, i);
    for (size_t i = 0; i < reel->material_count; i++) {
        const struct reel_material *material = &reel->materials[i];
        double duration = material->source.duration;
        goal += promised(reel, i) + fmax(reel->target - sum, 0) * duration / reel->seconds;
        reel_fill(reel, &(struct reel_share){
                            .from = material->offset,
                            .until = material->offset + duration,
                            .goal = goal,
                            .wanted = usual_length(reel),
                            .at_least_one = true,
                        });
    }
}

static void fill(struct reel *reel, enum job_strategy strategy)
{
    switch (strategy) {
    case STRATEGY_STORY:
        fill_story(reel);
        break;
    case STRATEGY_CHRONOLOGICAL:
        fill_chronological(reel);
        break;
    case STRATEGY_EVERY_SOURCE:
        fill_every_source(reel);
        break;
    case STRATEGY_HIGHLIGHTS:
        break;
    }
    // What a share could not use goes to the best of all; then to longer segments; then to the
    // shortest ones that fit between.
    fill_anywhere(reel, usual_length(reel));
    reel_stretch(reel);
    fill_anywhere(reel, reel->least);
    reel_stretch(reel);
}

// ---- the plan

// A promise to every source outweighs the length that was wished.
static void make_room_for_all(struct reel *reel, struct plan *plan)
{
    double sum = 0;
    for (size_t i = 0; i < reel->material_count; i++)
        sum += promised(reel, i);
    if (sum <= reel->target)
        return;
    plan_note(plan, "the reel lasts %.1f s instead of %.1f s, so that every video has a place", sum,
              reel->target);
    reel->target = sum;
}

static void write_segments(const struct reel *reel, struct plan *plan)
{
    for (size_t i = 0; i < reel->chosen.count; i++) {
        const struct clip *clip = &reel->chosen.clips[i];
        const struct reel_material *material = &reel->materials[clip->source];
        cleanup(free_ptr) char *why = moments_reason(&material->saliency, clip->start, clip->end);
        cleanup(free_ptr) char *labelled =
            clip->label ? xasprintf("%s: %s", clip->label, why) : NULL;
        plan_add(plan, &(struct plan_segment){
                           .video_index = material->video_index,
                           .start = clip->start,
                           .end = clip->end,
                           .score = fmin(fmax(clip->score, 0), 1),
                           .reason = labelled ? labelled : why,
                       });
    }
}

void select_segments(const struct select_source *sources, size_t count,
                     const struct select_wish *wish, struct plan *plan)
{
    cleanup(reel_release) struct reel reel = {
        .materials = xcalloc(count + 1, sizeof *reel.materials),
        .target = wish->target,
        .least = wish->min_segment,
        .most = fmax(wish->max_segment, wish->min_segment),
    };
    for (size_t i = 0; i < count; i++)
        if (sources[i].duration > 0)
            add_material(&reel, &sources[i], (int)i);
    if (wish->strategy == STRATEGY_EVERY_SOURCE)
        make_room_for_all(&reel, plan);
    if (reel.target >= nearly_all * reel.seconds)
        reel_take_all(&reel);
    else
        fill(&reel, wish->strategy);
    reel_arrange(&reel);
    free(plan->provider);
    plan->provider = xstrdup("local");
    plan->target_duration = fmax(reel.target, reel.total / allowed_excess);
    write_segments(&reel, plan);
}
