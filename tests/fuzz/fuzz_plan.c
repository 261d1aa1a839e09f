// Whatever a plan says, what plan_check lets through lies inside the media and shows nothing twice.
#include "spool/plan.h"
#include <math.h>

enum { SOURCES = 4 };

static void require(bool good)
{
    if (!good)
        abort();
}

static void check_segments(const struct plan *plan, const struct plan_rules *rules)
{
    for (size_t i = 0; i < plan->segment_count; i++) {
        const struct plan_segment *segment = &plan->segments[i];
        require(segment->video_index >= 0 && (size_t)segment->video_index < rules->source_count);
        require(segment->start >= 0 && segment->start < segment->end);
        require(segment->end <= rules->durations[segment->video_index]);
        require(segment->score >= 0 && segment->score <= 1);
        for (size_t j = 0; j < i; j++) {
            const struct plan_segment *other = &plan->segments[j];
            require(other->video_index != segment->video_index || other->end <= segment->start ||
                    segment->end <= other->start);
        }
    }
    require(plan_total(plan) <= rules->max_total + 0.01);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const double durations[SOURCES] = { 100, 1, 0, 20 };
    struct plan_rules rules = { durations, SOURCES, .min_segment = 2, .max_total = 60 };
    cleanup(json_free) json_t *json = NULL;
    cleanup(plan_release) struct plan plan = PLAN_INIT;
    if (json_parse((const char *)data, size, &json, NULL) < 0)
        return 0;
    if (plan_from_json(json, &plan, NULL) < 0)
        return 0;
    if (plan_check(&plan, &rules, NULL) < 0) {
        plan_fallback(&plan, &rules);
        require(plan_check(&plan, &rules, NULL) >= 0);
    }
    check_segments(&plan, &rules);
    json_decref(plan_to_json(&plan));
    return 0;
}
