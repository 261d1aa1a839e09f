// The plan as data, its JSON, and the one validator.
//
// A plan may come from the local planner, from a language model or from a file somebody edited, so
// nothing in it is believed.  After plan_check every segment lies inside its source and no two
// share a picture; whatever had to be changed for that is said in plan->notes.
#include "spool/plan.h"

#include "base/text.h"
#include "spool/batch.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

// A plan of PLAN_MAX_SEGMENTS with long reasons stays far below this.
enum { PLAN_MAX_BYTES = 8 << 20 };
// More repairs than this help nobody; the last note says that there were more.
enum { NOTES_MAX = 100 };
// One reason is a sentence; a model may send a book.
enum { REASON_MAX_BYTES = 2000 };

// Times are written with microseconds, so less than this beyond an edge is rounding and no repair
// worth a note.
static const double rounding = 1e-3;
static const double fallback_seconds = 30.0;

static json_t *plan_notes(struct plan *plan)
{
    if (!plan->notes)
        plan->notes = json_array();
    return plan->notes;
}

void plan_note(struct plan *plan, const char *format, ...)
{
    json_t *notes = plan_notes(plan);
    size_t count = json_array_size(notes);
    if (count > NOTES_MAX)
        return;
    if (count == NOTES_MAX) {
        json_array_append_new(notes, json_string("more followed that is not listed here"));
        return;
    }
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    // Cut within a character, or quoting what is not UTF-8: then the bytes are escaped.
    cleanup(free_ptr) char *escaped = text_is_utf8(text, strlen(text)) ? NULL : text_escape(text);
    json_array_append_new(notes, json_string(escaped ? escaped : text));
}

static void segment_release(struct plan_segment *segment)
{
    free(segment->reason);
    segment->reason = NULL;
}

static void clear_segments(struct plan *plan)
{
    for (size_t i = 0; i < plan->segment_count; i++)
        segment_release(&plan->segments[i]);
    free(plan->segments);
    plan->segments = NULL;
    plan->segment_count = 0;
}

void plan_release(struct plan *plan)
{
    clear_segments(plan);
    free(plan->provider);
    free(plan->degraded);
    free(plan->strategy);
    json_decref(plan->notes);
    *plan = (struct plan)PLAN_INIT;
}

void plan_add(struct plan *plan, const struct plan_segment *segment)
{
    if (plan->segment_count >= PLAN_MAX_SEGMENTS) {
        plan_note(plan, "segment %zu and all after it left out: a plan has at most %d",
                  plan->segment_count + 1, PLAN_MAX_SEGMENTS);
        return;
    }
    plan->segments = xrealloc(plan->segments, plan->segment_count + 1, sizeof(struct plan_segment));
    struct plan_segment *copy = &plan->segments[plan->segment_count++];
    *copy = *segment;
    copy->reason = segment->reason ? xstrndup(segment->reason, REASON_MAX_BYTES) : NULL;
}

double plan_total(const struct plan *plan)
{
    double total = 0;
    for (size_t i = 0; i < plan->segment_count; i++)
        total += plan->segments[i].end - plan->segments[i].start;
    return total;
}

// ---- the validator

// What the checks of one segment share.  `number` is the segment's place in the plan as it came,
// counted from 1 as people do.
struct check {
    struct plan *plan;
    const struct plan_rules *rules;
    size_t number;
    int repairs;
};

#define check_repair(check, ...)               \
    do {                                       \
        plan_note((check)->plan, __VA_ARGS__); \
        (check)->repairs++;                    \
    } while (0)

static bool can_be_cut(double duration)
{
    return isfinite(duration) && duration > 0;
}

static double shortest_allowed(const struct plan_rules *rules, int video_index)
{
    // A source of one second is a source: it may be used whole.
    return fmin(rules->min_segment, rules->durations[video_index]);
}

static bool source_is_usable(struct check *check, const struct plan_segment *segment)
{
    const struct plan_rules *rules = check->rules;
    int index = segment->video_index;
    if (index < 0 || (size_t)index >= rules->source_count) {
        check_repair(check, "segment %zu left out: there is no video %d", check->number, index);
        return false;
    }
    if (!can_be_cut(rules->durations[index])) {
        check_repair(check, "segment %zu left out: video %d could not be prepared", check->number,
                     index);
        return false;
    }
    return true;
}

// Pulls the times into the source.  Returns false if nothing of the segment is in it.
static bool fit_into_source(struct check *check, struct plan_segment *segment)
{
    double duration = check->rules->durations[segment->video_index];
    if (!isfinite(segment->start) || !isfinite(segment->end)) {
        check_repair(check, "segment %zu left out: its times are not numbers", check->number);
        return false;
    }
    if (segment->start >= segment->end) {
        check_repair(check, "segment %zu left out: it ends at %.3f s, before its start at %.3f s",
                     check->number, segment->end, segment->start);
        return false;
    }
    if (segment->start >= duration || segment->end <= 0) {
        check_repair(check, "segment %zu left out: video %d lasts %.3f s, asked was %.3f to %.3f s",
                     check->number, segment->video_index, duration, segment->start, segment->end);
        return false;
    }
    if (segment->start < -rounding)
        check_repair(check, "segment %zu starts at 0 instead of %.3f s", check->number,
                     segment->start);
    if (segment->end > duration + rounding)
        check_repair(check, "segment %zu ends with video %d at %.3f s instead of %.3f s",
                     check->number, segment->video_index, duration, segment->end);
    segment->start = fmax(segment->start, 0);
    segment->end = fmin(segment->end, duration);
    return true;
}

static void fit_score(struct check *check, struct plan_segment *segment)
{
    if (segment->score >= 0 && segment->score <= 1)
        return;
    double fitted = segment->score > 1 ? 1 : 0;
    check_repair(check, "segment %zu has score %.0f instead of %g", check->number, fitted,
                 segment->score);
    segment->score = fitted;
}

// The accepted segment of the same source that ends after `from` and starts first, or NULL.
static const struct plan_segment *next_blocker(const struct plan *plan, size_t accepted, int index,
                                               double from)
{
    const struct plan_segment *first = NULL;
    for (size_t i = 0; i < accepted; i++) {
        const struct plan_segment *other = &plan->segments[i];
        if (other->video_index != index || other->end <= from)
            continue;
        if (!first || other->start < first->start)
            first = other;
    }
    return first;
}

// Reduces the segment to its longest part that no accepted segment shows already: what comes first
// in the plan was meant more.
static bool cut_overlap(struct check *check, struct plan_segment *segment, size_t accepted)
{
    double best_start = segment->start, best_end = best_start, from = best_start;
    while (from < segment->end) {
        const struct plan_segment *blocker =
            next_blocker(check->plan, accepted, segment->video_index, from);
        double until = blocker ? fmin(blocker->start, segment->end) : segment->end;
        if (until - from > best_end - best_start) {
            best_start = from;
            best_end = until;
        }
        from = blocker ? blocker->end : segment->end;
    }
    if (best_end <= best_start) {
        check_repair(check, "segment %zu left out: other segments show all of it", check->number);
        return false;
    }
    double lost = (segment->end - segment->start) - (best_end - best_start);
    if (lost > rounding)
        check_repair(check, "segment %zu reduced to %.3f to %.3f s: others show the rest",
                     check->number, best_start, best_end);
    segment->start = best_start;
    segment->end = best_end;
    return true;
}

static bool is_long_enough(struct check *check, const struct plan_segment *segment)
{
    double length = segment->end - segment->start;
    double least = shortest_allowed(check->rules, segment->video_index);
    if (length >= least - rounding)
        return true;
    check_repair(check, "segment %zu left out: %.3f s is shorter than %.3f s", check->number,
                 length, least);
    return false;
}

static void check_segments(struct check *check)
{
    struct plan *plan = check->plan;
    size_t accepted = 0;
    for (size_t i = 0; i < plan->segment_count; i++) {
        struct plan_segment segment = plan->segments[i];
        check->number = i + 1;
        bool good = source_is_usable(check, &segment) && fit_into_source(check, &segment) &&
                    cut_overlap(check, &segment, accepted) && is_long_enough(check, &segment);
        if (!good) {
            segment_release(&segment);
            continue;
        }
        fit_score(check, &segment);
        plan->segments[accepted++] = segment;
    }
    plan->segment_count = accepted;
}

// Shortens or drops from the end until the total fits.
static void trim_total(struct check *check)
{
    struct plan *plan = check->plan;
    double total = plan_total(plan), most = check->rules->max_total;
    while (plan->segment_count && total > most + rounding) {
        struct plan_segment *last = &plan->segments[plan->segment_count - 1];
        double length = last->end - last->start, excess = total - most;
        double least = shortest_allowed(check->rules, last->video_index);
        // The only segment is shortened even below the minimum: a short reel is better than none.
        bool only = plan->segment_count == 1;
        if (length - excess >= least || (only && length > excess)) {
            last->end -= excess;
            check_repair(check, "the last segment ends at %.3f s: the reel may last %.3f s",
                         last->end, most);
            return;
        }
        check_repair(check, "a segment of video %d left out at the end: the reel may last %.3f s",
                     last->video_index, most);
        total -= length;
        segment_release(last);
        plan->segment_count--;
    }
}

int plan_check(struct plan *plan, const struct plan_rules *rules, struct err *err)
{
    struct check check = { .plan = plan, .rules = rules };
    check_segments(&check);
    trim_total(&check);
    if (!plan->segment_count)
        return err_set(err, ERR_INPUT, "empty_plan", "the plan has no segment that can be cut");
    return check.repairs;
}

// ---- the last resort

// How much each source may give so that all together fill `most`: short sources give all they have,
// the others share the rest evenly.
static double even_share(const struct plan_rules *rules, size_t usable, double most)
{
    double share = most / (double)usable;
    for (size_t round = 0; round < usable; round++) {
        double left = most;
        size_t longer = 0, seen = 0;
        for (size_t i = 0; i < rules->source_count && seen < usable; i++) {
            if (!can_be_cut(rules->durations[i]))
                continue;
            seen++;
            double available = fmin(rules->durations[i], fallback_seconds);
            if (available <= share)
                left -= available;
            else
                longer++;
        }
        if (!longer)
            break;
        share = left / (double)longer;
    }
    return share;
}

void plan_fallback(struct plan *plan, const struct plan_rules *rules)
{
    clear_segments(plan);
    free(plan->provider);
    plan->provider = xstrdup("fallback");
    size_t usable = 0;
    for (size_t i = 0; i < rules->source_count; i++)
        usable += can_be_cut(rules->durations[i]);
    // With more sources than room, the first ones are shown properly and the others not at all.
    double room = floor((rules->max_total + rounding) / fmax(rules->min_segment, rounding));
    if (room < (double)usable)
        usable = room < 1 ? 1 : (size_t)room;
    double share = usable ? even_share(rules, usable, rules->max_total) : 0;
    cleanup(free_ptr) char *reason = xstrdup("the beginning of the video");
    for (size_t i = 0; i < rules->source_count && plan->segment_count < usable; i++) {
        if (!can_be_cut(rules->durations[i]))
            continue;
        double length = fmin(fmin(rules->durations[i], fallback_seconds), share);
        plan_add(plan,
                 &(struct plan_segment){ .video_index = (int)i, .end = length, .reason = reason });
    }
    plan_note(plan, "no usable choice was left: the reel shows the beginning of each video");
}

// ---- JSON

json_t *plan_to_json(const struct plan *plan)
{
    json_t *object = json_object(), *segments = json_array();
    json_put_text(object, "provider", plan->provider);
    json_put_text(object, "degraded", plan->degraded);
    json_put_text(object, "strategy", plan->strategy);
    json_put_number(object, "target_duration", plan->target_duration, 3);
    json_put_number(object, "total_duration", plan_total(plan), 3);
    for (size_t i = 0; i < plan->segment_count; i++) {
        const struct plan_segment *segment = &plan->segments[i];
        json_t *entry = json_object();
        json_put_int(entry, "video_index", segment->video_index);
        json_put_number(entry, "start", segment->start, 6);
        json_put_number(entry, "end", segment->end, 6);
        json_put_number(entry, "score", segment->score, 3);
        json_put_text(entry, "reason", segment->reason ? segment->reason : "");
        if (segment->start_on)
            json_put_text(entry, "start_on", segment->start_on);
        if (segment->end_on)
            json_put_text(entry, "end_on", segment->end_on);
        json_array_append_new(segments, entry);
    }
    json_put(object, "segments", segments);
    json_put(object, "notes", plan->notes ? json_deep_copy(plan->notes) : json_array());
    return object;
}

static void read_segment(const json_t *entry, struct plan *plan, size_t number)
{
    if (!json_is_object(entry)) {
        plan_note(plan, "segment %zu left out: it is not an object", number);
        return;
    }
    // What cannot be read becomes what plan_check drops, so that there is one judge only.
    double index = json_number(entry, "video_index", -1e9, 1e9, -1, NULL);
    cleanup(free_ptr) char *reason = xstrdup(json_text(entry, "reason", "", NULL));
    plan_add(plan, &(struct plan_segment){
                       .video_index = index == floor(index) ? (int)index : -1,
                       .start = json_number(entry, "start", -HUGE_VAL, HUGE_VAL, NAN, NULL),
                       .end = json_number(entry, "end", -HUGE_VAL, HUGE_VAL, NAN, NULL),
                       .score = json_number(entry, "score", 0, 1, 0, NULL),
                       .reason = reason,
                   });
}

static void read_notes(const json_t *notes, struct plan *plan)
{
    size_t i;
    json_t *note;
    json_array_foreach(notes, i, note)
    {
        if (json_is_string(note))
            plan_note(plan, "%s", json_string_value(note));
        if (i > NOTES_MAX)
            break;
    }
}

int plan_from_json(const json_t *json, struct plan *plan, struct err *err)
{
    json_t *segments = json_object_get(json, "segments");
    if (!json_is_array(segments))
        return err_set(err, ERR_INPUT, "bad_plan", "the plan has no list of segments");
    struct plan read = PLAN_INIT;
    read.provider = xstrdup(json_text(json, "provider", "unknown", NULL));
    const char *degraded = json_text(json, "degraded", NULL, NULL);
    read.degraded = degraded ? xstrdup(degraded) : NULL;
    read.strategy = xstrdup(json_text(json, "strategy", "", NULL));
    read.target_duration = json_number(json, "target_duration", 0, 86400, 0, NULL);
    read_notes(json_object_get(json, "notes"), &read);
    size_t i;
    json_t *entry;
    json_array_foreach(segments, i, entry)
    {
        if (i > PLAN_MAX_SEGMENTS)
            break;
        read_segment(entry, &read, i + 1);
    }
    *plan = read;
    return 0;
}

int plan_save(int batchdir, const struct plan *plan, struct err *err)
{
    cleanup(json_free) json_t *json = plan_to_json(plan);
    return json_write(batchdir, BATCH_PLAN, json, err);
}

int plan_load(int batchdir, struct plan *plan, struct err *err)
{
    cleanup(json_free) json_t *json = NULL;
    int r = json_read(batchdir, BATCH_PLAN, PLAN_MAX_BYTES, &json, err);
    if (r < 0)
        return r;
    r = plan_from_json(json, plan, err);
    return r < 0 ? err_prefix(err, "%s", BATCH_PLAN) : r;
}
