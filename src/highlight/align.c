// Segments that begin and end with pictures; see align.h.
#include "highlight/align.h"

#include <math.h>

// Times are kept to the microsecond, in some containers to the millisecond.
static const double same_seconds = 0.0006;

static void align(const struct select_source *source, struct plan_segment *segment)
{
    double picture = source->picture_seconds;
    double pictures = fmax(round((segment->end - segment->start) / picture), 1);
    double first = round(segment->start / picture), last = round(segment->end / picture);
    if (!isnan(keys_near(&source->keys, segment->start, same_seconds)) && !source->keys.all) {
        segment->end = segment->start + pictures * picture;
    } else {
        segment->start = first * picture;
        segment->end = fmax(last, first + 1) * picture;
    }
    while (segment->end > source->duration + same_seconds &&
           segment->end > segment->start + picture)
        segment->end -= picture;
}

// A neighbour that begins on a key frame may begin a fraction of a millisecond off the grid.
static void part(struct plan *plan, struct plan_segment *segment)
{
    for (size_t i = 0; i < plan->segment_count; i++) {
        const struct plan_segment *other = &plan->segments[i];
        if (other != segment && other->video_index == segment->video_index &&
            other->start > segment->start && other->start < segment->end)
            segment->end = other->start;
    }
}

void align_plan(const struct select_source *sources, size_t source_count, struct plan *plan)
{
    for (size_t i = 0; i < plan->segment_count; i++) {
        struct plan_segment *segment = &plan->segments[i];
        if (segment->video_index < 0 || (size_t)segment->video_index >= source_count)
            continue;
        if (sources[segment->video_index].picture_seconds > 0)
            align(&sources[segment->video_index], segment);
    }
    for (size_t i = 0; i < plan->segment_count; i++)
        part(plan, &plan->segments[i]);
}
