#include "model/picks.h"

#include <math.h>

// The reel may be that much longer; and it is long enough from here on.
static const double most_of_target = 1.05, enough_of_target = 0.9;
static const double rounding = 1e-6;

void picks_release(struct picks *picks)
{
    for (size_t i = 0; i < picks->count; i++)
        free(picks->all[i].segment.reason);
    free(picks->all);
    *picks = (struct picks)PICKS_INIT;
}

void picks_add(struct picks *picks, const struct plan *plan)
{
    picks->all = xrealloc(picks->all, picks->count + plan->segment_count + 1, sizeof *picks->all);
    for (size_t i = 0; i < plan->segment_count; i++) {
        struct pick *pick = &picks->all[picks->count];
        *pick = (struct pick){ .segment = plan->segments[i], .place = picks->count };
        pick->segment.reason = xstrdup(plan->segments[i].reason ? plan->segments[i].reason : "");
        picks->count++;
    }
}

static double length_of(const struct pick *pick)
{
    return pick->segment.end - pick->segment.start;
}

static int better(const void *a, const void *b)
{
    const struct pick *x = a, *y = b;
    if (x->segment.score != y->segment.score)
        return x->segment.score > y->segment.score ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

static int by_place(const void *a, const void *b)
{
    const struct pick *x = a, *y = b;
    return (x->place > y->place) - (x->place < y->place);
}

static int by_time(const void *a, const void *b)
{
    const struct plan_segment *x = &((const struct pick *)a)->segment;
    const struct plan_segment *y = &((const struct pick *)b)->segment;
    if (x->video_index != y->video_index)
        return x->video_index < y->video_index ? -1 : 1;
    return x->start != y->start ? (x->start < y->start ? -1 : 1) : by_place(a, b);
}

static void take(struct pick *pick, double *total)
{
    pick->taken = true;
    *total += length_of(pick);
}

static bool has_one(const struct picks *picks, int video_index)
{
    for (size_t i = 0; i < picks->count; i++)
        if (picks->all[i].taken && picks->all[i].segment.video_index == video_index)
            return true;
    return false;
}

// The best of a source that the reel must show is there whole, or in part.
static void take_one_of_each(struct picks *picks, const struct picks_wish *wish, double *total)
{
    for (size_t i = 0; i < picks->count; i++) {
        struct pick *pick = &picks->all[i];
        if (has_one(picks, pick->segment.video_index))
            continue;
        double room = fmax(wish->target * most_of_target - *total, wish->min_segment);
        pick->segment.end = fmin(pick->segment.end, pick->segment.start + room);
        take(pick, total);
    }
}

static void take_what_fits(struct picks *picks, const struct picks_wish *wish, double *total)
{
    for (size_t i = 0; i < picks->count; i++) {
        struct pick *pick = &picks->all[i];
        if (!pick->taken && *total + length_of(pick) <= wish->target * most_of_target + rounding)
            take(pick, total);
    }
}

static void take_a_part(struct picks *picks, const struct picks_wish *wish, double *total)
{
    double room = wish->target - *total;
    if (*total >= wish->target * enough_of_target ||
        (*total > 0 && room < wish->min_segment - rounding))
        return;
    for (size_t i = 0; i < picks->count; i++) {
        struct pick *pick = &picks->all[i];
        if (pick->taken)
            continue;
        pick->segment.end = fmin(pick->segment.end, pick->segment.start + room);
        take(pick, total);
        return;
    }
}

void picks_choose(struct picks *picks, const struct picks_wish *wish, struct plan *plan)
{
    double total = 0;
    size_t taken = 0;
    qsort(picks->all, picks->count, sizeof *picks->all, better);
    if (wish->every_source)
        take_one_of_each(picks, wish, &total);
    take_what_fits(picks, wish, &total);
    take_a_part(picks, wish, &total);
    qsort(picks->all, picks->count, sizeof *picks->all, wish->as_answered ? by_place : by_time);
    for (size_t i = 0; i < picks->count; i++) {
        if (picks->all[i].taken)
            plan_add(plan, &picks->all[i].segment);
        taken += picks->all[i].taken;
    }
    if (taken < picks->count)
        plan_note(plan, "of %zu clips the %zu of highest priority are in the reel", picks->count,
                  taken);
}
