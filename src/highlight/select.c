#include "highlight/select.h"

#include "highlight/choice.h"
#include "highlight/moments.h"
#include <math.h>

// A reel has about a dozen segments, none shorter than one can take in or longer than it holds.
static const double usual_count = 12, usual_shortest = 3, usual_longest = 8;
// With this part of the material wanted there is nothing to choose: all of it, in order.
static const double nearly_all = 0.95;
static const double default_target = 60, default_part = 0.20;
// Where every source is promised a place, each gets room for a little more than the least.
static const double promised_part = 1.25;
static const double allowed_excess = 1.1;
// The same picture, measured and probed; and how far the end of a cut may lie from its start.
static const double same_time = 2e-3, near_point = 0.3;

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

static void prepare_points(const struct select_source *source, struct snap *snap)
{
    const struct snap_source points = {
        .signals = source->signals,
        .shots = source->analysis->shots,
        .shot_count = source->analysis->shot_count,
        .transcript = source->transcript,
        .duration = source->duration,
        .picture_seconds = source->picture_seconds,
        .keys = source->keys,
    };
    snap_prepare(&points, snap);
}

static void add_material(struct choice *choice, const struct select_source *source, int video_index)
{
    const struct analysis *analysis = source->analysis;
    size_t place = choice->material_count++;
    struct choice_material *material = &choice->materials[place];
    *material = (struct choice_material){ .video_index = video_index, .offset = choice->seconds };
    choice->seconds += source->duration;
    saliency_measure(source->signals, analysis->shots, analysis->shot_count, &material->saliency);
    saliency_favour(&material->saliency, analysis->moments, analysis->moment_count);
    prepare_points(source, &material->snap);
    material->source = (struct clip_source){
        .index = place,
        .duration = source->duration,
        .signals = source->signals,
        .saliency = &material->saliency,
        .snap = &material->snap,
        .reach = source->keys.reach,
    };
}

static double usual_length(const struct choice *choice)
{
    double length = fmin(fmax(choice->target / usual_count, usual_shortest), usual_longest);
    return fmin(fmax(length, choice->least), choice->most);
}

static double within_lengths(const struct choice *choice, double length)
{
    return fmin(fmax(length, choice->least), choice->most);
}

// ---- strategies: each only divides the material into shares

static void fill_anywhere(struct choice *choice, double wanted)
{
    choice_fill(choice, &(struct choice_share){
                            .until = choice->seconds, .goal = choice->target, .wanted = wanted });
}

static void fill_story(struct choice *choice)
{
    double from = 0;
    for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
        double until = acts[i].until * choice->seconds;
        choice_fill(choice,
                    &(struct choice_share){
                        .from = from,
                        .until = until,
                        .goal = acts[i].goal * choice->target,
                        .wanted = within_lengths(choice, acts[i].pace * usual_length(choice)),
                        .label = acts[i].label,
                    });
        from = until;
    }
}

static void fill_chronological(struct choice *choice)
{
    double usual = usual_length(choice);
    size_t slots = (size_t)fmin(fmax(round(choice->target / usual), 1), PLAN_MAX_SEGMENTS);
    for (size_t i = 0; i < slots; i++) {
        double from = (double)i / (double)slots, until = (double)(i + 1) / (double)slots;
        choice_fill(choice, &(struct choice_share){
                                .from = from * choice->seconds,
                                .until = until * choice->seconds,
                                .goal = until * choice->target,
                                .wanted = usual,
                            });
    }
}

static double promised(const struct choice *choice, size_t place)
{
    return fmin(promised_part * choice->least, choice->materials[place].source.duration);
}

// Each source gets its promised seconds, and of the rest a share by its duration.
static void fill_every_source(struct choice *choice)
{
    double sum = 0, goal = 0;
    for (size_t i = 0; i < choice->material_count; i++)
        sum += promised(choice, i);
    for (size_t i = 0; i < choice->material_count; i++) {
        const struct choice_material *material = &choice->materials[i];
        double duration = material->source.duration;
        goal += promised(choice, i) + fmax(choice->target - sum, 0) * duration / choice->seconds;
        choice_fill(choice, &(struct choice_share){
                                .from = material->offset,
                                .until = material->offset + duration,
                                .goal = goal,
                                .wanted = usual_length(choice),
                                .at_least_one = true,
                            });
    }
}

static void fill(struct choice *choice, enum job_strategy strategy)
{
    switch (strategy) {
    case STRATEGY_STORY:
        fill_story(choice);
        break;
    case STRATEGY_CHRONOLOGICAL:
        fill_chronological(choice);
        break;
    case STRATEGY_EVERY_SOURCE:
        fill_every_source(choice);
        break;
    case STRATEGY_HIGHLIGHTS:
        break;
    }
    // What a share could not use goes to the best of all; then to longer segments; then to the
    // shortest ones that fit between.
    fill_anywhere(choice, usual_length(choice));
    choice_stretch(choice);
    fill_anywhere(choice, choice->least);
    choice_stretch(choice);
}

// ---- the plan

// A promise to every source outweighs the length that was wished.
static void make_room_for_all(struct choice *choice, struct plan *plan)
{
    double sum = 0;
    for (size_t i = 0; i < choice->material_count; i++)
        sum += promised(choice, i);
    if (sum <= choice->target)
        return;
    plan_note(plan, "the reel lasts %.1f s instead of %.1f s, so that every video has a place", sum,
              choice->target);
    choice->target = sum;
}

static void write_segments(const struct choice *choice, struct plan *plan)
{
    for (size_t i = 0; i < choice->chosen.count; i++) {
        const struct clip *clip = &choice->chosen.clips[i];
        const struct choice_material *material = &choice->materials[clip->source];
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
    cleanup(choice_release) struct choice choice = {
        .materials = xcalloc(count + 1, sizeof *choice.materials),
        .target = wish->target,
        .least = wish->min_segment,
        .most = fmax(wish->max_segment, wish->min_segment),
    };
    for (size_t i = 0; i < count; i++)
        if (sources[i].duration > 0)
            add_material(&choice, &sources[i], (int)i);
    if (wish->strategy == STRATEGY_EVERY_SOURCE)
        make_room_for_all(&choice, plan);
    if (choice.target >= nearly_all * choice.seconds)
        choice_take_all(&choice);
    else
        fill(&choice, wish->strategy);
    choice_arrange(&choice);
    free(plan->provider);
    plan->provider = xstrdup("local");
    plan->target_duration = fmax(choice.target, choice.total / allowed_excess);
    write_segments(&choice, plan);
}

void select_snap(const struct select_source *sources, size_t count, double reach,
                 const struct select_wish *wish, struct plan *plan)
{
    for (size_t i = 0; i < count; i++) {
        if (!(sources[i].duration > 0))
            continue;
        cleanup(snap_release) struct snap snap = SNAP_INIT;
        prepare_points(&sources[i], &snap);
        for (size_t j = 0; j < plan->segment_count; j++) {
            struct plan_segment *segment = &plan->segments[j];
            if (segment->video_index == (int)i)
                snap_segment(&snap, reach, wish->min_segment, wish->max_segment, &segment->start,
                             &segment->end);
        }
    }
}

// ---- what boundaries are on

// The point of that very picture, or NULL.
static const struct snap_point *point_at(const struct snap *snap, double time, bool as_end)
{
    for (size_t i = snap_from(snap, time - near_point); i < snap->count; i++) {
        const struct snap_point *point = &snap->points[i];
        if (point->start > time + near_point)
            break;
        bool allowed = as_end ? point->may_end : point->may_start;
        if (allowed && fabs((as_end ? point->end : point->start) - time) < same_time)
            return point;
    }
    return NULL;
}

static const char *name_of(const struct select_source *source, const struct snap *snap, double time,
                           bool as_end)
{
    static const char *const names[][2] = {
        [SNAP_EDGE] = { "edge", "edge+key" },
        [SNAP_CUT] = { "cut", "cut+key" },
        [SNAP_SENTENCE] = { "sentence", "sentence+key" },
        [SNAP_WORD] = { "word gap", "word gap+key" },
        [SNAP_PAUSE] = { "pause", "pause+key" },
        [SNAP_QUIET] = { "quiet", "quiet+key" },
        [SNAP_PLAIN] = { "picture", "key" },
    };
    const struct snap_point *point = point_at(snap, time, as_end);
    bool on_key = !isnan(keys_near(&source->keys, time, same_time));
    return names[point ? point->kind : SNAP_PLAIN][on_key];
}

void select_name(const struct select_source *sources, size_t count, struct plan *plan)
{
    for (size_t i = 0; i < count; i++) {
        if (!(sources[i].duration > 0))
            continue;
        cleanup(snap_release) struct snap snap = SNAP_INIT;
        prepare_points(&sources[i], &snap);
        for (size_t j = 0; j < plan->segment_count; j++) {
            struct plan_segment *segment = &plan->segments[j];
            if (segment->video_index != (int)i)
                continue;
            segment->start_on = name_of(&sources[i], &snap, segment->start, false);
            segment->end_on = name_of(&sources[i], &snap, segment->end, true);
        }
    }
}
