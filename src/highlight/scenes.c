#include "highlight/scenes.h"

#include "highlight/likeness.h"
#include <math.h>

// Colours of two shots of one place agree this much; shots of different places in the same light
// rarely do.  Lower joins a whole film, higher separates every shot of a moving camera.
static const double link_likeness = 0.72;
// A dialogue returns to a face after one or two other shots.
enum { LINK_SHOTS = 3 };
static const double link_seconds = 20.0;
// Scenes far apart in time need more likeness to count as the same look.
static const double group_likeness = 0.78;

struct group {
    struct likeness look; // mean by duration
    double seconds;
};

static void add_to_group(struct group *group, const struct likeness *look, double seconds)
{
    double total = group->seconds + seconds;
    for (size_t bin = 0; total > 0 && bin < SIGNALS_BINS; bin++)
        group->look.bins[bin] =
            (float)((group->look.bins[bin] * group->seconds + look->bins[bin] * seconds) / total);
    group->seconds = total;
}

// The last shot that shot `at` is linked to.
static size_t reach(const struct analysis_span *shots, const struct likeness *looks, size_t count,
                    size_t at)
{
    size_t furthest = at;
    for (size_t other = at + 1; other < count && other - at <= LINK_SHOTS; other++) {
        if (shots[other].start - shots[at].end > link_seconds)
            break;
        if (likeness_compare(&looks[at], &looks[other]) >= link_likeness)
            furthest = other;
    }
    return furthest;
}

static size_t join_shots(const struct signals *signals, const struct analysis_span *shots,
                         size_t count, struct analysis_span *scenes)
{
    cleanup(free_ptr) struct likeness *looks = xcalloc(count, sizeof *looks);
    for (size_t i = 0; i < count; i++)
        looks[i] = likeness_of(signals, shots[i].start, shots[i].end);
    size_t scene_count = 0;
    for (size_t first = 0; first < count;) {
        size_t last = first;
        for (size_t i = first; i <= last; i++) {
            size_t linked = reach(shots, looks, count, i);
            last = linked > last ? linked : last;
        }
        scenes[scene_count++] =
            (struct analysis_span){ .start = shots[first].start, .end = shots[last].end };
        first = last + 1;
    }
    return scene_count;
}

static void group_scenes(const struct signals *signals, struct analysis_span *scenes, size_t count)
{
    cleanup(free_ptr) struct group *groups = xcalloc(count, sizeof *groups);
    int group_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct likeness look = likeness_of(signals, scenes[i].start, scenes[i].end);
        int best = -1;
        double likest = group_likeness;
        for (int group = 0; group < group_count; group++) {
            double likeness = likeness_compare(&look, &groups[group].look);
            if (likeness >= likest) {
                likest = likeness;
                best = group;
            }
        }
        scenes[i].group = best >= 0 ? best : group_count++;
        add_to_group(&groups[scenes[i].group], &look, scenes[i].end - scenes[i].start);
    }
}

size_t scenes_find(const struct signals *signals, const struct analysis_span *shots,
                   size_t shot_count, struct analysis_span **ret_scenes)
{
    struct analysis_span *scenes = xcalloc(shot_count + 1, sizeof *scenes);
    size_t count = shot_count ? join_shots(signals, shots, shot_count, scenes) : 0;
    if (count)
        group_scenes(signals, scenes, count);
    *ret_scenes = scenes;
    return count;
}
