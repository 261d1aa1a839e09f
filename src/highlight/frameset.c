#include "highlight/frameset.h"

#include "highlight/saliency.h"
#include "spool/slot.h"
#include <math.h>

// A picture for each that much of movement: seconds times motion (at 25 pictures a second).  A hand
// holding a camera, 0.04, has one in 3 s.
static const double motion_of_a_picture = 0.12;
// What goes on in a picture that stands still, as motion; one in 12 s.
static const double still = 0.01;
// From the middle of a part, the sharpest is looked for this far, in seconds and as a share of the
// part; at the rim it must be sharper by a third.
static const double reach_seconds = 1, reach_share = 0.3, rim = 0.75;
// A change by this much, to the picture or from it, is a transition, a flash or an accident; so is
// what lies nearer than this to a cut.
static const float restless = 0.2f;
static const double near_cut = 0.1;
// What such a picture is worth: taken where there is no other.
static const double worth_restless = 0.2;
// Claims of shots that have no picture yet come before those of all that have one.
static const double first_picture = 1e9;
// Even a picture without any edge is one.
static const double least_sharpness = 0.005;

// A shot, and the pictures of it that the proxy shows.
struct reach {
    size_t first, count; // of set.pictures
    double motion;       // in all, as motion_of_a_picture counts it
    double worth;        // against other shots
    size_t seats;        // how many are taken
    size_t wanted;
};

struct set {
    const struct signals *signals;
    const struct analysis_span *shots;
    struct saliency saliency;
    size_t *pictures; // places in signals->frames
    struct reach *reaches;
    size_t shot_count;
};

static void release(struct set *set)
{
    saliency_release(&set->saliency);
    free(set->pictures);
    free(set->reaches);
}

static double time_of(const struct set *set, size_t picture)
{
    return set->signals->frames[set->pictures[picture]].time;
}

// What moves at a time, a second.
static double motion_at(const struct set *set, double time)
{
    const struct saliency *saliency = &set->saliency;
    size_t cell = (size_t)fmax(time / SALIENCY_CELL_SECONDS, 0);
    double motion = cell < saliency->count ? saliency->cells[cell].value[TRAIT_MOTION] : 0;
    return (isfinite(motion) ? motion : 0) + still;
}

// ---- what there is

// Of the measured pictures that fall into one slot of the proxy the last is shown there.
static bool is_shown(const struct signals *signals, size_t at, double rate)
{
    return at + 1 == signals->frame_count ||
           slot_of(signals->frames[at].time, rate) < slot_of(signals->frames[at + 1].time, rate);
}

static void find_pictures(struct set *set, double rate)
{
    const struct signals *signals = set->signals;
    size_t count = 0, shot = 0;
    set->pictures = xcalloc(signals->frame_count + 1, sizeof *set->pictures);
    for (size_t i = 0; i < signals->frame_count; i++) {
        while (shot + 1 < set->shot_count &&
               signals->frames[i].time >= set->shots[shot + 1].start - 1e-4)
            set->reaches[++shot].first = count;
        if (!is_shown(signals, i, rate))
            continue;
        set->pictures[count++] = i;
        set->reaches[shot].count++;
    }
}

static void measure_shots(struct set *set, double fps)
{
    for (size_t i = 0; i < set->shot_count; i++) {
        const struct analysis_span *shot = &set->shots[i];
        struct reach *reach = &set->reaches[i];
        double length = shot->end - shot->start;
        for (size_t k = 0; (double)k * SALIENCY_CELL_SECONDS < length; k++) {
            double into = (double)k * SALIENCY_CELL_SECONDS;
            reach->motion +=
                motion_at(set, shot->start + into) * fmin(SALIENCY_CELL_SECONDS, length - into);
        }
        reach->worth = length * saliency_score(&set->saliency, shot->start, shot->end);
        double wanted = fmin(round(reach->motion / motion_of_a_picture), length * fps);
        reach->wanted = wanted > 1 ? (size_t)fmin(wanted, FRAMES_MAX) : 1;
        if (reach->wanted > reach->count)
            reach->wanted = reach->count;
    }
}

// ---- how many of each shot

// The shot without a picture that is worth most, or of those that want more the one whose pictures
// have most to tell each (Jefferson's method, as parliaments share out seats); NULL if there is
// none.
static struct reach *who_is_next(struct set *set, bool wanted_only)
{
    struct reach *next = NULL;
    double most = -1;
    for (size_t i = 0; i < set->shot_count; i++) {
        struct reach *reach = &set->reaches[i];
        size_t bound = wanted_only ? reach->wanted : reach->count;
        double claim = reach->seats ? reach->motion / (double)(reach->seats + 1)
                                    : first_picture + reach->worth;
        if (reach->seats >= bound || claim <= most)
            continue;
        next = reach;
        most = claim;
    }
    return next;
}

static void share_out(struct set *set, size_t most)
{
    size_t taken = 0;
    struct reach *next;
    while (taken < most && (next = who_is_next(set, true)) != NULL) {
        next->seats++;
        taken++;
    }
    while (taken < most && taken < FRAMESET_LEAST && (next = who_is_next(set, false)) != NULL) {
        next->seats++;
        taken++;
    }
}

// ---- which

static double worth_of(const struct set *set, const struct analysis_span *shot, size_t picture)
{
    const struct signals *signals = set->signals;
    size_t at = set->pictures[picture];
    double time = signals->frames[at].time;
    bool calm = signals->frames[at].cut < restless &&
                (at + 1 == signals->frame_count || signals->frames[at + 1].cut < restless) &&
                (shot->start <= 0 || time - shot->start > near_cut) &&
                (shot->end >= signals->duration || shot->end - time > near_cut);
    return (signals->frames[at].sharpness + least_sharpness) * (calm ? 1 : worth_restless);
}

// The sharpest near the middle of pictures [first, end); outside of that reach, the nearest.
static size_t choose_in(const struct set *set, const struct analysis_span *shot, size_t first,
                        size_t end)
{
    double from = time_of(set, first), to = time_of(set, end - 1), middle = (from + to) / 2;
    double reach = fmax(fmin(reach_seconds, (to - from) * reach_share), 1e-3), most = -HUGE_VAL;
    size_t best = first;
    for (size_t i = first; i < end; i++) {
        double away = fabs(time_of(set, i) - middle) / reach;
        double worth = away > 1 ? -away : worth_of(set, shot, i) * (1 - (1 - rim) * away);
        if (worth <= most)
            continue;
        best = i;
        most = worth;
    }
    return best;
}

// Divides the pictures of a shot into as many parts as it has seats, none of them empty.
static void take_from(const struct set *set, size_t shot, struct frames *ret)
{
    const struct reach *reach = &set->reaches[shot];
    size_t end = reach->first + reach->count, first = reach->first, part = 1;
    double moved = 0, all = 0;
    for (size_t i = reach->first + 1; i < end; i++)
        all += motion_at(set, time_of(set, i)) * (time_of(set, i) - time_of(set, i - 1));
    for (size_t i = reach->first + 1; i <= end && part <= reach->seats; i++) {
        size_t left = reach->seats - part; // parts behind this one
        if (i < end)
            moved += motion_at(set, time_of(set, i)) * (time_of(set, i) - time_of(set, i - 1));
        bool full = left > 0 && moved * (double)reach->seats >= all * (double)part;
        if (!full && end - i > left)
            continue;
        size_t best = choose_in(set, &set->shots[shot], first, i);
        frames_add(ret, time_of(set, best), (int)shot);
        first = i;
        part++;
    }
}

size_t frameset_choose(const struct signals *signals, const struct analysis_span *shots,
                       size_t shot_count, const struct frameset_wish *wish, struct frames *ret)
{
    cleanup(release) struct set set = { .signals = signals, .shots = shots };
    size_t without = 0;
    set.shot_count = shot_count;
    set.reaches = xcalloc(shot_count + 1, sizeof *set.reaches);
    saliency_measure(signals, shots, shot_count, &set.saliency);
    find_pictures(&set, wish->proxy_rate);
    measure_shots(&set, wish->fps);
    share_out(&set, wish->most < FRAMES_MAX ? wish->most : FRAMES_MAX);
    for (size_t i = 0; i < shot_count; i++) {
        if (set.reaches[i].seats)
            take_from(&set, i, ret);
        else
            without++;
    }
    return without;
}
