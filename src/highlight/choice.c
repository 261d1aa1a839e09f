#include "highlight/choice.h"

#include <math.h>

// Worth against variety: 0.7 * worth - 0.3 * likeness to the likest chosen, to the fourth power.
// Nearer to 1, and a reel repeats its best picture; nearer to 0, and it becomes a collection of odd
// corners.  The power, because what shares half of its colours is another picture still.
static const double lambda = 0.7;
// What shares this much shows the same, perhaps dropped twice: copies of a film with other captions
// had 0.85 to 0.87, other scenes of it at most 0.65.  It is taken when little else is left.
static const double twin = 0.80, twin_cost = 0.12;
// Clips whose mean colours agree less are not compared second by second.
static const double look_closer = 0.6;
// What a source loses that has all of the reel; nothing while it has no more than its part of the
// material.
static const double crowd_cost = 0.3;
// A clip that leaves out less than this between itself and a chosen one looks like a skipping disc,
// and one that touches it is a longer segment rather than another one.
static const double jump_seconds = 2.0, jump_cost = 0.15;
// How far a choice may exceed its goal, as a part of the target.
static const double slack_part = 0.05;
// Below this part of the target, what is missing is not worth a segment.
static const double close_part = 0.02;
// With this part missing, starts are moved to where no key frame is: a reel promises its length.
static const double short_part = 0.08;
// The last clip of a share is sought for the very length that is missing.
static const double last_part = 1.5;

// Minimum and maximum this near to each other are one wished length: points lie half a second
// apart.
static const double fixed_seconds = 0.1;

static const double instant = 1e-6;

// ---- choosing

static bool overlaps(const struct clip *a, const struct clip *b)
{
    return a->source == b->source && a->start < b->end - instant && b->start < a->end - instant;
}

static double gap_between(const struct clip *a, const struct clip *b)
{
    if (a->source != b->source)
        return HUGE_VAL;
    return fmax(a->start - b->end, b->start - a->end);
}

// How much more of the reel the source of the clip has than of the material.
static double crowding(const struct choice *choice, const struct clip *clip)
{
    double seconds = 0;
    for (size_t i = 0; i < choice->chosen.count; i++)
        if (choice->chosen.clips[i].source == clip->source)
            seconds += choice->chosen.clips[i].end - choice->chosen.clips[i].start;
    double part = choice->materials[clip->source].source.duration / choice->seconds;
    return crowd_cost * fmax(seconds / choice->target - part, 0);
}

// Worth less likeness, or -HUGE_VAL for what cannot be taken.
static double value_of(const struct choice *choice, const struct clip *clip)
{
    double square = clip->alike * clip->alike;
    double value = lambda * clip->worth - (1 - lambda) * square * square - crowding(choice, clip);
    value -= clip->alike >= twin ? twin_cost : 0;
    for (size_t i = 0; i < choice->chosen.count; i++) {
        if (overlaps(clip, &choice->chosen.clips[i]))
            return -HUGE_VAL;
        double gap = gap_between(clip, &choice->chosen.clips[i]);
        if (gap < jump_seconds)
            value -= jump_cost;
    }
    return value;
}

static double alike(const struct choice *choice, const struct clip *a, const struct clip *b)
{
    double rough = likeness_compare(&a->look, &b->look);
    if (rough < look_closer)
        return rough;
    struct likeness_span in = { choice->materials[a->source].source.signals, a->start, a->end };
    struct likeness_span of = { choice->materials[b->source].source.signals, b->start, b->end };
    // A long clip that holds a short one shows it again, whichever is asked for.
    return fmax(likeness_seen(&in, &of), likeness_seen(&of, &in));
}

static void mark_alike(const struct choice *choice, struct clip *clip, const struct clip *chosen)
{
    clip->alike = fmax(clip->alike, alike(choice, clip, chosen));
}

static struct clip_list candidates_of(const struct choice *choice, const struct choice_share *share,
                                      const struct clip_lengths *lengths)
{
    struct clip_list list = CLIP_LIST_INIT;
    for (size_t i = 0; i < choice->material_count; i++) {
        const struct choice_material *material = &choice->materials[i];
        clips_find(&material->source, lengths, fmax(share->from - material->offset, 0),
                   share->until - material->offset, &list);
    }
    for (size_t i = 0; i < list.count; i++)
        for (size_t j = 0; j < choice->chosen.count; j++)
            mark_alike(choice, &list.clips[i], &choice->chosen.clips[j]);
    return list;
}

static struct clip *best_of(const struct choice *choice, struct clip_list *list, double longest)
{
    struct clip *best = NULL;
    double most = -HUGE_VAL;
    for (size_t i = 0; i < list->count; i++) {
        struct clip *clip = &list->clips[i];
        if (clip->end - clip->start > longest + instant)
            continue;
        double value = value_of(choice, clip);
        if (value > most) {
            most = value;
            best = clip;
        }
    }
    return best;
}

static void take(struct choice *choice, const struct clip *clip, const char *label)
{
    clips_add(&choice->chosen, clip);
    choice->chosen.clips[choice->chosen.count - 1].label = label;
    choice->total += clip->end - clip->start;
}

// One choice out of the list.  Returns false when nothing fits.
static bool choose_one(struct choice *choice, struct clip_list *list, double longest,
                       const char *label)
{
    const struct clip *best = best_of(choice, list, longest);
    if (!best)
        return false;
    struct clip chosen = *best;
    take(choice, &chosen, label);
    for (size_t i = 0; i < list->count; i++)
        mark_alike(choice, &list->clips[i], &chosen);
    return true;
}

void choice_fill(struct choice *choice, const struct choice_share *share)
{
    double slack = slack_part * choice->target;
    struct clip_lengths lengths = { choice->least, share->wanted, choice->most,
                                    choice->most - choice->least < fixed_seconds };
    cleanup(clips_release) struct clip_list list = candidates_of(choice, share, &lengths);
    size_t before = choice->chosen.count;
    while (choice->chosen.count < PLAN_MAX_SEGMENTS) {
        double missing = share->goal - choice->total;
        bool needed = share->at_least_one && choice->chosen.count == before;
        if (!needed && (missing < close_part * choice->target || missing + slack < choice->least))
            break;
        double longest = fmin(fmax(missing + slack, choice->least), choice->most);
        if (missing < last_part * share->wanted) {
            lengths.wanted = fmin(fmax(missing, choice->least), choice->most);
            lengths.most = longest;
            clips_release(&list);
            list = candidates_of(choice, share, &lengths);
        }
        if (choose_one(choice, &list, longest, share->label))
            continue;
        // A promised clip may be as long as it must.
        if (!needed || !choose_one(choice, &list, HUGE_VAL, share->label))
            break;
    }
}

// ---- stretching

// The room around the clip at `at`: from the end of the chosen one before to the start of the next.
static void room_around(const struct choice *choice, size_t at, double *ret_from, double *ret_until)
{
    const struct clip *clip = &choice->chosen.clips[at];
    *ret_from = 0;
    *ret_until = choice->materials[clip->source].source.duration;
    for (size_t i = 0; i < choice->chosen.count; i++) {
        const struct clip *other = &choice->chosen.clips[i];
        if (i == at || other->source != clip->source)
            continue;
        if (other->end <= clip->start + instant)
            *ret_from = fmax(*ret_from, other->end);
        if (other->start >= clip->end - instant)
            *ret_until = fmin(*ret_until, other->start);
    }
}

static const struct snap_point *next_end(const struct snap *snap, double after)
{
    for (size_t i = snap_from(snap, after); i < snap->count; i++)
        if (snap->points[i].may_end && snap->points[i].end > after + instant)
            return &snap->points[i];
    return NULL;
}

// dear: also one whose head would have to be encoded.
static const struct snap_point *previous_start(const struct snap *snap, double before, bool dear)
{
    for (size_t i = snap_from(snap, before); i-- > 0;) {
        const struct snap_point *point = &snap->points[i];
        if (point->may_start && (dear || point->start_cost <= point->cost) &&
            point->start < before - instant)
            return point;
    }
    return NULL;
}

// Moves one edge of one clip by one point, if there is room and need.
static bool stretch_one(struct choice *choice, size_t at, bool dear)
{
    struct clip *clip = &choice->chosen.clips[at];
    const struct choice_material *material = &choice->materials[clip->source];
    double from, until, length = clip->end - clip->start;
    double most = fmin(choice->most, length + choice->target * (1 + slack_part) - choice->total);
    room_around(choice, at, &from, &until);
    const struct snap_point *end = next_end(&material->snap, clip->end);
    const struct snap_point *start = previous_start(&material->snap, clip->start, dear);
    struct clip longer = *clip;
    if (end && end->end <= until + instant && end->end - clip->start <= most)
        longer.end = end->end;
    else if (start && start->start >= from - instant && clip->end - start->start <= most)
        longer.start = start->start;
    else
        return false;
    const char *label = clip->label;
    longer = clips_make(&material->source, longer.start, longer.end);
    longer.label = label;
    choice->total += (longer.end - longer.start) - length;
    *clip = longer;
    return true;
}

static void stretch_until(struct choice *choice, double goal, bool dear)
{
    bool moved = true;
    while (moved && choice->total < goal) {
        moved = false;
        for (size_t i = 0; i < choice->chosen.count && choice->total < goal; i++)
            moved |= stretch_one(choice, i, dear);
    }
}

void choice_stretch(struct choice *choice)
{
    stretch_until(choice, choice->target * (1 - close_part), false);
    stretch_until(choice, choice->target * (1 - short_part), true);
}

// ---- everything

// The best place to part two pieces near `wanted`, in (from, until).
static double parting(const struct choice_material *material, double wanted, double from,
                      double until)
{
    double best = wanted, nearest = HUGE_VAL;
    for (size_t i = snap_from(&material->snap, from); i < material->snap.count; i++) {
        const struct snap_point *point = &material->snap.points[i];
        if (point->start > until)
            break;
        double distance = fabs(point->start - wanted);
        if (point->may_start && point->may_end && distance < nearest) {
            nearest = distance;
            best = point->start;
        }
    }
    // The pieces touch, so what is no good end elsewhere does not show here.
    const struct snap_point *key = snap_key_near(&material->snap, best, material->source.reach);
    return key && key->start >= from && key->start <= until ? key->start : best;
}

void choice_take_all(struct choice *choice)
{
    for (size_t i = 0; i < choice->material_count; i++) {
        const struct choice_material *material = &choice->materials[i];
        double duration = material->source.duration, start = 0;
        size_t pieces =
            (size_t)fmin(fmax(ceil(duration / choice->most - 1e-3), 1), PLAN_MAX_SEGMENTS);
        for (size_t piece = 1; piece <= pieces; piece++) {
            // Each piece and all that follow must keep to the lengths.
            double after = (double)(pieces - piece), end = duration;
            if (piece < pieces)
                end = parting(material, start + (duration - start) / (after + 1),
                              fmax(start + choice->least, duration - after * choice->most),
                              fmin(start + choice->most, duration - after * choice->least));
            struct clip clip = clips_make(&material->source, start, end);
            take(choice, &clip, NULL);
            start = end;
        }
    }
}

// ---- order

static int in_order(const void *a, const void *b)
{
    const struct clip *p = a, *q = b;
    if (p->source != q->source)
        return p->source < q->source ? -1 : 1;
    return p->start < q->start ? -1 : p->start > q->start;
}

void choice_arrange(struct choice *choice)
{
    struct clip *clips = choice->chosen.clips;
    size_t kept = 0;
    if (!choice->chosen.count)
        return;
    qsort(clips, choice->chosen.count, sizeof *clips, in_order);
    for (size_t i = 1; i < choice->chosen.count; i++) {
        struct clip *last = &clips[kept];
        bool touches = last->source == clips[i].source && clips[i].start - last->end <= instant;
        if (touches && clips[i].end - last->start <= choice->most) {
            const char *label = last->label;
            *last = clips_make(&choice->materials[last->source].source, last->start, clips[i].end);
            last->label = label;
        } else {
            clips[++kept] = clips[i];
        }
    }
    choice->chosen.count = kept + 1;
}

void choice_release(struct choice *choice)
{
    for (size_t i = 0; i < choice->material_count; i++) {
        saliency_release(&choice->materials[i].saliency);
        snap_release(&choice->materials[i].snap);
    }
    free(choice->materials);
    clips_release(&choice->chosen);
    *choice = (struct choice)CHOICE_INIT;
}
