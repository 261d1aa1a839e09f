// The choice of segments: what must hold for every strategy and all signals, by invented sources.
#include "highlight/local.h"
#include "highlight/select.h"
#include "tests/support/invented.h"
#include <check.h>
#include <math.h>

enum { SOURCES_MAX = 10 };

struct batch {
    struct signals signals[SOURCES_MAX];
    struct analysis analyses[SOURCES_MAX];
    struct select_source sources[SOURCES_MAX];
    size_t count;
    double *keys[SOURCES_MAX];
};

static void batch_add(struct batch *batch, const struct invented *invented)
{
    size_t i = batch->count++;
    invent_signals(invented, &batch->signals[i], NULL, NULL);
    batch->analyses[i] = (struct analysis)ANALYSIS_INIT;
    local_analyse(&batch->signals[i], &batch->analyses[i]);
    batch->sources[i] = (struct select_source){
        .signals = &batch->signals[i],
        .analysis = &batch->analyses[i],
        .duration = invented->seconds,
        .picture_seconds = 1 / batch->signals[i].frame_rate,
    };
}

static void batch_clear(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        signals_release(&batch->signals[i]);
        analysis_release(&batch->analyses[i]);
        free(batch->keys[i]);
    }
    *batch = (struct batch){ .count = 0 };
}

static double material_of(const struct batch *batch)
{
    double sum = 0;
    for (size_t i = 0; i < batch->count; i++)
        sum += batch->sources[i].duration;
    return sum;
}

static struct plan plan_of(const struct batch *batch, const struct select_wish *wish)
{
    struct plan plan = PLAN_INIT;
    select_segments(batch->sources, batch->count, wish, &plan);
    return plan;
}

// One to five sources of all kinds.
static void batch_invent(struct batch *batch, uint64_t seed, double gain_db)
{
    uint64_t state = seed * 7919 + 1;
    size_t count = (size_t)invent_number(&state, 1, 6);
    for (size_t i = 0; i < count; i++) {
        double kind = invent_number(&state, 0, 1);
        batch_add(batch, &(struct invented){
                             .seed = seed * 31 + i,
                             .seconds = invent_number(&state, 3, 150),
                             .fps = kind < 0.3   ? 10
                                    : kind < 0.6 ? 29.97
                                                 : 25,
                             .shot_seconds = kind < 0.2 ? 0 : invent_number(&state, 0.8, 12),
                             .mute = kind > 0.9,
                             .wordless = kind > 0.7,
                             .gain_db = gain_db,
                         });
    }
}

// Gives every source key frames: one each `apart` seconds from `first` on, on measured pictures.
static void batch_key(struct batch *batch, double first, double apart, double reach)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct select_source *source = &batch->sources[i];
        const struct signals *signals = source->signals;
        double *keys = xcalloc(signals->frame_count + 1, sizeof *keys), due = first;
        size_t count = 0;
        for (size_t frame = 0; frame < signals->frame_count; frame++) {
            if (signals->frames[frame].time < due)
                continue;
            keys[count++] = (double)signals->frames[frame].time;
            due += apart;
        }
        batch->keys[i] = keys;
        source->keys = (struct keys){ .times = keys, .count = count, .reach = reach };
    }
}

static size_t starts_on_keys(const struct batch *batch, const struct plan *plan)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->segment_count; i++) {
        const struct plan_segment *segment = &plan->segments[i];
        const struct keys *keys = &batch->sources[segment->video_index].keys;
        count += !isnan(keys_near(keys, segment->start, 1e-9));
    }
    return count;
}

// ---- what must hold, written down a second time and differently from the code under test

static bool voice_at(const struct signals *signals, ptrdiff_t i)
{
    return i >= 0 && (size_t)i < signals->sound_count && signals->sounds[i].voice;
}

// True if at least 0.2 s around the 50 ms numbered i are without voice (or it is the very edge).
static bool pause_at(const struct signals *signals, ptrdiff_t i)
{
    ptrdiff_t first = i, last = i;
    if (voice_at(signals, i))
        return false;
    while (first > 0 && !voice_at(signals, first - 1))
        first--;
    while (last + 1 < (ptrdiff_t)signals->sound_count && !voice_at(signals, last + 1))
        last++;
    return last - first + 1 >= 4 || first == 0 || last + 1 == (ptrdiff_t)signals->sound_count;
}

static bool cuts_a_word(const struct signals *signals, double time, double duration)
{
    ptrdiff_t at = (ptrdiff_t)floor(time * SIGNALS_SOUND_HZ + 1e-6);
    if (!signals->has_sound || time <= 0 || time >= duration - 1e-6)
        return false;
    bool on_border = fabs(time * SIGNALS_SOUND_HZ - (double)at) < 1e-3;
    if (pause_at(signals, at) || (on_border && pause_at(signals, at - 1)))
        return false;
    for (ptrdiff_t i = at - 29; i <= at + 29; i++)
        if (i >= 0 && (size_t)i < signals->sound_count && pause_at(signals, i))
            return true; // a pause was near
    return false;
}

static bool is_picture(const struct signals *signals, double time)
{
    for (size_t i = 0; i < signals->frame_count; i++)
        if (fabs(signals->frames[i].time - time) < 1e-9)
            return true;
    return false;
}

// At least so much of a shot must be seen.
static double least_of(const struct analysis_span *shot)
{
    return fmin(0.8, fmax((shot->end - shot->start) / 2, 0.4)) - 1e-3;
}

// True if an edge of the segment leaves too little of a shot that it does not show whole.
static bool has_sliver(const struct analysis *analysis, const struct plan_segment *segment)
{
    for (size_t i = 0; i < analysis->shot_count; i++) {
        const struct analysis_span *shot = &analysis->shots[i];
        double seen = fmin(shot->end, segment->end) - fmax(shot->start, segment->start);
        bool whole = seen > shot->end - shot->start - 1e-3;
        if (seen > 1e-3 && !whole && seen < least_of(shot))
            return true;
    }
    return false;
}

static void check_segment(const struct batch *batch, const struct select_wish *wish,
                          const struct plan_segment *segment, int seed)
{
    ck_assert_msg(segment->video_index >= 0 && (size_t)segment->video_index < batch->count,
                  "seed %d: index %d", seed, segment->video_index);
    const struct select_source *source = &batch->sources[segment->video_index];
    double length = segment->end - segment->start, duration = source->duration;
    ck_assert_msg(segment->start >= 0 && segment->end <= duration && length > 0,
                  "seed %d: %f to %f of %f", seed, segment->start, segment->end, duration);
    ck_assert_msg(length >= fmin(wish->min_segment, duration) - 1e-3 &&
                      length <= wish->max_segment + 1e-3,
                  "seed %d: length %f", seed, length);
    ck_assert_msg(is_picture(source->signals, segment->start), "seed %d: %f is no picture", seed,
                  segment->start);
    ck_assert_msg(!cuts_a_word(source->signals, segment->start, duration),
                  "seed %d: starts in a word at %f", seed, segment->start);
    ck_assert_msg(!cuts_a_word(source->signals, segment->end, duration),
                  "seed %d: ends in a word at %f", seed, segment->end);
    ck_assert_msg(!has_sliver(source->analysis, segment), "seed %d: sliver in %f to %f", seed,
                  segment->start, segment->end);
    ck_assert(segment->score >= 0 && segment->score <= 1);
    ck_assert(segment->reason && *segment->reason);
}

static void check_order_and_overlap(const struct plan *plan, int seed)
{
    for (size_t i = 1; i < plan->segment_count; i++) {
        const struct plan_segment *before = &plan->segments[i - 1], *here = &plan->segments[i];
        ck_assert_msg(before->video_index < here->video_index ||
                          (before->video_index == here->video_index &&
                           before->end <= here->start + 1e-9),
                      "seed %d: segment %zu overlaps or is out of order", seed, i);
    }
}

static bool same_segments(const struct plan *a, const struct plan *b, double tolerance)
{
    bool same = a->segment_count == b->segment_count;
    for (size_t i = 0; same && i < a->segment_count; i++)
        same = a->segments[i].video_index == b->segments[i].video_index &&
               fabs(a->segments[i].start - b->segments[i].start) <= tolerance &&
               fabs(a->segments[i].end - b->segments[i].end) <= tolerance;
    return same;
}

static const enum job_strategy strategies[] = { STRATEGY_HIGHLIGHTS, STRATEGY_STORY,
                                                STRATEGY_CHRONOLOGICAL, STRATEGY_EVERY_SOURCE };
enum { SEEDS = 30 };

static void check_plans(const struct batch *batch, int seed)
{
    double material = material_of(batch);
    for (size_t s = 0; s < ARRAY_LEN(strategies); s++) {
        struct select_wish wish = { strategies[s], .min_segment = 2, .max_segment = 12 };
        double wished = seed % 3 == 0 ? 0 : seed % 3 == 1 ? material / 2 : 30;
        wish.target = select_target(wished, batch->sources, batch->count, wish.min_segment);
        cleanup(plan_release) struct plan plan = plan_of(batch, &wish);
        cleanup(plan_release) struct plan again = plan_of(batch, &wish);
        ck_assert(same_segments(&plan, &again, 0));
        ck_assert_uint_gt(plan.segment_count, 0);
        for (size_t i = 0; i < plan.segment_count; i++)
            check_segment(batch, &wish, &plan.segments[i], seed);
        check_order_and_overlap(&plan, seed);
        // Points lie half a second apart, so a very short reel cannot be met to a tenth.
        double tolerance = fmax(0.1 * plan.target_duration, 0.5);
        if (material >= 2 * plan.target_duration)
            ck_assert_msg(fabs(plan_total(&plan) - plan.target_duration) <= tolerance,
                          "seed %d strategy %zu: %f of %f", seed, s, plan_total(&plan),
                          plan.target_duration);
    }
}

START_TEST(every_plan_keeps_the_rules)
{
    struct batch batch = { .count = 0 };
    batch_invent(&batch, (uint64_t)_i, 0);
    check_plans(&batch, _i);
    batch_clear(&batch);
}
END_TEST

// Key frames change where segments start, but no rule.
START_TEST(every_plan_keeps_the_rules_with_key_frames)
{
    static const double apart[] = { 1, 0.5, 8, 2 };
    for (size_t i = 0; i < ARRAY_LEN(apart); i++) {
        struct batch batch = { .count = 0 };
        batch_invent(&batch, (uint64_t)_i, 0);
        batch_key(&batch, 0.13 * _i, apart[i], i == 3 ? 1.5 : 0.6);
        check_plans(&batch, _i);
        batch_clear(&batch);
    }
}
END_TEST

// But where speech leaves none within reach, of which there is much here.
START_TEST(with_a_key_frame_a_second_nearly_every_segment_starts_on_one)
{
    size_t keyed = 0, exact = 0, all = 0;
    for (int seed = 0; seed < SEEDS; seed++) {
        struct batch batch = { .count = 0 };
        batch_add(&batch, &(struct invented){ .seed = (uint64_t)seed,
                                              .seconds = 120,
                                              .shot_seconds = seed % 2 ? 7 : 0 });
        struct select_wish wish = { STRATEGY_HIGHLIGHTS, 40, 2, 12 };
        batch_key(&batch, 0, 1, 0.6);
        cleanup(plan_release) struct plan free_plan = plan_of(&batch, &wish);
        keyed += starts_on_keys(&batch, &free_plan);
        all += free_plan.segment_count;
        batch.sources[0].keys.reach = 0;
        cleanup(plan_release) struct plan exact_plan = plan_of(&batch, &wish);
        exact += starts_on_keys(&batch, &exact_plan);
        // Nothing else changes where the reach is nothing.
        batch.sources[0].keys = (struct keys){ .count = 0 };
        cleanup(plan_release) struct plan plain = plan_of(&batch, &wish);
        ck_assert(same_segments(&plain, &exact_plan, 0));
        batch_clear(&batch);
    }
    ck_assert_msg(keyed >= all * 4 / 5, "%zu of %zu", keyed, all);
    ck_assert_msg(exact <= all / 4, "%zu of %zu without", exact, all);
}
END_TEST

START_TEST(segments_of_one_fixed_length_start_on_key_frames_too)
{
    struct batch batch = { .count = 0 };
    batch_add(&batch, &(struct invented){ .seed = 2, .seconds = 90, .wordless = true });
    batch_key(&batch, 0, 1, 0.6);
    struct select_wish wish = { STRATEGY_HIGHLIGHTS, 25, 5, 5 };
    cleanup(plan_release) struct plan plan = plan_of(&batch, &wish);
    ck_assert_uint_eq(plan.segment_count, 5);
    ck_assert_uint_ge(starts_on_keys(&batch, &plan), 4); // one lies at the end of the source
    batch_clear(&batch);
}
END_TEST

START_TEST(what_boundaries_are_on_is_said_of_what_they_are_in_the_end)
{
    struct batch batch = { .count = 0 };
    batch_add(&batch, &(struct invented){ .seconds = 60, .flat = true });
    batch.signals[0].frames[500].cut = 0.9f; // at 20 s
    analysis_release(&batch.analyses[0]);
    local_analyse(&batch.signals[0], &batch.analyses[0]);
    double keys[] = { 0, 20, 33.2 };
    batch.sources[0].keys = (struct keys){ keys, ARRAY_LEN(keys), .reach = 0.6 };
    static const struct {
        double start, end;
        const char *start_on, *end_on;
    } rows[] = {
        { 0, 20, "edge+key", "cut+key" },
        { 20, 30.02, "cut+key", "picture" },
        { 33.2, 60, "key", "edge" },
        { 33.24, 33.2, "picture", "key" }, // wherever a repair leaves it
    };
    for (int exact = 0; exact < 2; exact++) {
        cleanup(plan_release) struct plan plan = PLAN_INIT;
        batch.sources[0].keys.reach = exact ? 0 : 0.6;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
            plan_add(&plan, &(struct plan_segment){ 0, rows[i].start, rows[i].end, 0.5, NULL });
        select_name(batch.sources, 1, &plan);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
            ck_assert_str_eq(plan.segments[i].start_on, rows[i].start_on);
            ck_assert_str_eq(plan.segments[i].end_on, rows[i].end_on);
        }
    }
    batch_clear(&batch);
}
END_TEST

START_TEST(a_louder_copy_gives_the_same_plan)
{
    struct batch batch = { .count = 0 }, louder = { .count = 0 };
    batch_invent(&batch, (uint64_t)_i, 0);
    batch_invent(&louder, (uint64_t)_i, 20);
    struct select_wish wish = { STRATEGY_HIGHLIGHTS, 20, 2, 12 };
    wish.target = select_target(20, batch.sources, batch.count, 2);
    cleanup(plan_release) struct plan plan = plan_of(&batch, &wish);
    cleanup(plan_release) struct plan loud_plan = plan_of(&louder, &wish);
    ck_assert_msg(same_segments(&plan, &loud_plan, 1e-6), "seed %d", _i);
    batch_clear(&batch);
    batch_clear(&louder);
}
END_TEST

// ---- single promises

START_TEST(every_source_has_a_place_if_that_is_wished)
{
    struct batch batch = { .count = 0 };
    for (size_t i = 0; i < SOURCES_MAX; i++)
        batch_add(&batch, &(struct invented){ .seed = i,
                                              .seconds = i == 0 ? 400 : 5 + (double)i,
                                              .shot_seconds = 4 });
    struct select_wish wish = { STRATEGY_EVERY_SOURCE, 12, 2, 12 };
    cleanup(plan_release) struct plan plan = plan_of(&batch, &wish);
    bool seen[SOURCES_MAX] = { false };
    for (size_t i = 0; i < plan.segment_count; i++)
        seen[plan.segments[i].video_index] = true;
    for (size_t i = 0; i < SOURCES_MAX; i++)
        ck_assert_msg(seen[i], "video %zu has no segment", i);
    ck_assert_uint_eq(json_array_size(plan.notes),
                      1); // the reel is longer than wished, and says so
    ck_assert(plan_total(&plan) <= 1.1 * plan.target_duration + 1e-6);
    batch_clear(&batch);
}
END_TEST

START_TEST(chronological_shows_all_parts_evenly)
{
    struct batch batch = { .count = 0 };
    batch_add(&batch, &(struct invented){ .seed = 5, .seconds = 300, .shot_seconds = 5 });
    batch_add(&batch, &(struct invented){ .seed = 6, .seconds = 300, .shot_seconds = 5 });
    struct select_wish wish = { STRATEGY_CHRONOLOGICAL, 60, 2, 12 };
    cleanup(plan_release) struct plan plan = plan_of(&batch, &wish);
    double quarters[4] = { 0 };
    for (size_t i = 0; i < plan.segment_count; i++) {
        const struct plan_segment *segment = &plan.segments[i];
        double middle = 300 * segment->video_index + (segment->start + segment->end) / 2;
        quarters[(size_t)(middle / 150)] += segment->end - segment->start;
    }
    for (size_t i = 0; i < ARRAY_LEN(quarters); i++)
        ck_assert_msg(quarters[i] >= 10 && quarters[i] <= 20, "quarter %zu: %f s", i, quarters[i]);
    batch_clear(&batch);
}
END_TEST

START_TEST(a_story_has_an_opening_a_middle_and_an_ending)
{
    struct batch batch = { .count = 0 };
    batch_add(&batch, &(struct invented){ .seed = 9, .seconds = 400, .shot_seconds = 6 });
    struct select_wish wish = { STRATEGY_STORY, 60, 2, 12 };
    cleanup(plan_release) struct plan plan = plan_of(&batch, &wish);
    size_t last = plan.segment_count - 1;
    ck_assert_uint_gt(plan.segment_count, 3);
    ck_assert(strncmp(plan.segments[0].reason, "opening: ", 9) == 0);
    ck_assert(plan.segments[0].start < 80);
    ck_assert(strncmp(plan.segments[last].reason, "ending: ", 8) == 0);
    ck_assert(plan.segments[last].end > 320);
    batch_clear(&batch);
}
END_TEST

START_TEST(highlights_come_from_where_something_happens)
{
    struct batch batch = { .count = 0 };
    struct invented still = { .seconds = 200, .flat = true };
    batch_add(&batch, &still);
    invent_pictures(&batch.signals[0], 100, 110, 0.2, NAN);
    invent_sound(&batch.signals[0], 100, 110, -12, false);
    struct select_wish wish = { STRATEGY_HIGHLIGHTS, 8, 2, 12 };
    cleanup(plan_release) struct plan plan = plan_of(&batch, &wish);
    double inside = 0;
    for (size_t i = 0; i < plan.segment_count; i++)
        inside += fmax(fmin(plan.segments[i].end, 110) - fmax(plan.segments[i].start, 100), 0);
    ck_assert_msg(inside >= 0.8 * plan_total(&plan), "%f of %f s", inside, plan_total(&plan));
    batch_clear(&batch);
}
END_TEST

START_TEST(a_loud_source_does_not_push_out_a_quiet_one)
{
    struct batch batch = { .count = 0 };
    batch_add(&batch, &(struct invented){ .seed = 3, .seconds = 100, .shot_seconds = 5 });
    batch_add(&batch,
              &(struct invented){ .seed = 3, .seconds = 100, .shot_seconds = 5, .gain_db = 15 });
    struct select_wish wish = { STRATEGY_HIGHLIGHTS, 40, 2, 12 };
    cleanup(plan_release) struct plan plan = plan_of(&batch, &wish);
    double seconds[2] = { 0 };
    for (size_t i = 0; i < plan.segment_count; i++)
        seconds[plan.segments[i].video_index] += plan.segments[i].end - plan.segments[i].start;
    ck_assert_msg(seconds[0] > 8 && seconds[1] > 8, "%f and %f s", seconds[0], seconds[1]);
    batch_clear(&batch);
}
END_TEST

// The same video dropped twice: the reel shows it once.
START_TEST(no_two_segments_are_alike)
{
    struct batch batch = { .count = 0 };
    batch_add(&batch, &(struct invented){ .seed = 4, .seconds = 120, .shot_seconds = 5 });
    batch_add(&batch, &(struct invented){ .seed = 4, .seconds = 120, .shot_seconds = 5 });
    struct select_wish wish = { STRATEGY_HIGHLIGHTS, 30, 2, 12 };
    cleanup(plan_release) struct plan plan = plan_of(&batch, &wish);
    for (size_t i = 0; i < plan.segment_count; i++)
        for (size_t j = i + 1; j < plan.segment_count; j++) {
            const struct plan_segment *a = &plan.segments[i], *b = &plan.segments[j];
            if (a->video_index == b->video_index)
                continue;
            double common = fmin(a->end, b->end) - fmax(a->start, b->start);
            ck_assert_msg(common <= 0.5, "%f to %f is shown twice", fmax(a->start, b->start),
                          fmin(a->end, b->end));
        }
    batch_clear(&batch);
}
END_TEST

START_TEST(a_source_of_one_second_is_a_source)
{
    struct batch batch = { .count = 0 };
    batch_add(&batch, &(struct invented){ .seed = 1, .seconds = 1 });
    struct select_wish wish = { STRATEGY_HIGHLIGHTS, 0, 2, 12 };
    wish.target = select_target(0, batch.sources, batch.count, 2);
    ck_assert_double_eq_tol(wish.target, 1, 1e-9);
    cleanup(plan_release) struct plan plan = plan_of(&batch, &wish);
    ck_assert_uint_eq(plan.segment_count, 1);
    ck_assert_double_eq(plan.segments[0].start, 0);
    ck_assert_double_eq(plan.segments[0].end, 1);
    batch_clear(&batch);
}
END_TEST

START_TEST(a_source_that_cannot_be_cut_is_left_out)
{
    struct batch batch = { .count = 0 };
    batch_add(&batch, &(struct invented){ .seed = 1, .seconds = 50 });
    batch_add(&batch, &(struct invented){ .seed = 2, .seconds = 50 });
    batch.sources[0] = (struct select_source){ .duration = 0 };
    for (size_t s = 0; s < ARRAY_LEN(strategies); s++) {
        struct select_wish wish = { strategies[s], 10, 2, 12 };
        cleanup(plan_release) struct plan plan = plan_of(&batch, &wish);
        ck_assert_uint_gt(plan.segment_count, 0);
        for (size_t i = 0; i < plan.segment_count; i++)
            ck_assert_int_eq(plan.segments[i].video_index, 1);
    }
    batch.sources[1] = (struct select_source){ .duration = 0 };
    struct select_wish wish = { STRATEGY_STORY, 10, 2, 12 };
    cleanup(plan_release) struct plan plan = plan_of(&batch, &wish);
    ck_assert_uint_eq(plan.segment_count, 0);
    batch_clear(&batch);
}
END_TEST

START_TEST(all_of_the_material_is_taken_when_all_is_wished)
{
    struct batch batch = { .count = 0 };
    batch_add(&batch, &(struct invented){ .seed = 1, .seconds = 40, .shot_seconds = 5 });
    batch_add(&batch, &(struct invented){ .seed = 2, .seconds = 7, .shot_seconds = 5 });
    struct select_wish wish = { STRATEGY_HIGHLIGHTS, 0, 2, 12 };
    wish.target = select_target(1000, batch.sources, batch.count, 2);
    ck_assert_double_eq_tol(wish.target, 47, 1e-9);
    cleanup(plan_release) struct plan plan = plan_of(&batch, &wish);
    ck_assert_double_eq_tol(plan_total(&plan), 47, 1e-6);
    for (size_t i = 0; i < plan.segment_count; i++)
        ck_assert(plan.segments[i].end - plan.segments[i].start <= 12 + 1e-6);
    batch_clear(&batch);
}
END_TEST

// A fixed length leaves no freedom to the points; there are segments all the same.
START_TEST(segments_of_one_fixed_length_are_possible)
{
    struct batch batch = { .count = 0 };
    batch_add(&batch, &(struct invented){ .seed = 8, .seconds = 200, .shot_seconds = 5 });
    struct select_wish wish = { STRATEGY_HIGHLIGHTS, 30, 5, 5 };
    cleanup(plan_release) struct plan plan = plan_of(&batch, &wish);
    ck_assert_double_eq_tol(plan_total(&plan), 30, 3);
    for (size_t i = 0; i < plan.segment_count; i++)
        ck_assert_double_eq_tol(plan.segments[i].end - plan.segments[i].start, 5, 0.041);
    batch_clear(&batch);
}
END_TEST

static const struct {
    const char *name;
    double wished, material, least, target;
} targets[] = {
    { "20 % of little", 0, 100, 2, 20 },    { "60 s of much", 0, 1000, 2, 60 },
    { "as wished", 33, 1000, 2, 33 },       { "never more than there is", 500, 100, 2, 100 },
    { "at least one segment", 0, 9, 2, 2 }, { "all when tiny", 0, 1.5, 2, 1.5 },
    { "nothing of nothing", 0, 0, 2, 0 },
};

START_TEST(the_target_follows_from_wish_and_material)
{
    struct select_source sources[2] = { { .duration = targets[_i].material / 2 },
                                        { .duration = targets[_i].material / 2 } };
    ck_assert_msg(fabs(select_target(targets[_i].wished, sources, 2, targets[_i].least) -
                       targets[_i].target) < 1e-9,
                  "%s", targets[_i].name);
}
END_TEST

START_TEST(a_plan_of_another_provider_is_moved_to_good_points)
{
    struct batch batch = { .count = 0 };
    batch_add(&batch, &(struct invented){ .seconds = 60, .flat = true });
    batch.signals[0].frames[500].cut = 0.9f; // at 20 s
    analysis_release(&batch.analyses[0]);
    local_analyse(&batch.signals[0], &batch.analyses[0]);
    struct plan plan = PLAN_INIT;
    plan_add(&plan, &(struct plan_segment){ 0, 10.3, 20.35, 0.5, NULL });
    plan_add(&plan, &(struct plan_segment){ 0, 19.7, 30, 0.5, NULL });
    select_snap(batch.sources, 1, 0.6, &(struct select_wish){ .min_segment = 2, .max_segment = 20 },
                &plan);
    ck_assert_double_eq_tol(plan.segments[0].end, 20, 1e-6);
    ck_assert_double_eq_tol(plan.segments[1].start, 20, 1e-6);
    plan_release(&plan);
    batch_clear(&batch);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("select");
    TCase *rules = tcase_create("rules");
    tcase_set_timeout(rules, 30);
    tcase_add_loop_test(rules, every_plan_keeps_the_rules, 0, SEEDS);
    tcase_add_loop_test(rules, every_plan_keeps_the_rules_with_key_frames, 0, SEEDS);
    tcase_add_test(rules, with_a_key_frame_a_second_nearly_every_segment_starts_on_one);
    tcase_add_test(rules, segments_of_one_fixed_length_start_on_key_frames_too);
    tcase_add_test(rules, what_boundaries_are_on_is_said_of_what_they_are_in_the_end);
    tcase_add_loop_test(rules, a_louder_copy_gives_the_same_plan, 0, SEEDS);
    suite_add_tcase(suite, rules);
    TCase *promises = tcase_create("promises");
    tcase_add_test(promises, every_source_has_a_place_if_that_is_wished);
    tcase_add_test(promises, chronological_shows_all_parts_evenly);
    tcase_add_test(promises, a_story_has_an_opening_a_middle_and_an_ending);
    tcase_add_test(promises, highlights_come_from_where_something_happens);
    tcase_add_test(promises, a_loud_source_does_not_push_out_a_quiet_one);
    tcase_add_test(promises, no_two_segments_are_alike);
    tcase_add_test(promises, a_source_of_one_second_is_a_source);
    tcase_add_test(promises, a_source_that_cannot_be_cut_is_left_out);
    tcase_add_test(promises, all_of_the_material_is_taken_when_all_is_wished);
    tcase_add_test(promises, segments_of_one_fixed_length_are_possible);
    tcase_add_loop_test(promises, the_target_follows_from_wish_and_material, 0,
                        (int)ARRAY_LEN(targets));
    tcase_add_test(promises, a_plan_of_another_provider_is_moved_to_good_points);
    suite_add_tcase(suite, promises);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
