// Whatever a model answers, the plan that comes of it lies inside the media once plan_check has
// seen it, and the analysis can be written and read back.
#include "base/text.h"
#include "model/reply.h"
#include "model/reply_analysis.h"
#include "model/reply_plan.h"

#include <math.h>

enum { SOURCES = 4 };
static const double durations[SOURCES] = { 100, 1, 0, 20 };
static const char *const names[SOURCES] = { "a.mp4", "b.mp4", "c.mp4", "d.mp4" };

static void require(bool good)
{
    if (!good)
        abort();
}

static void check_notes(const json_t *notes)
{
    size_t i;
    json_t *note;
    require(json_array_size(notes) <= 202);
    json_array_foreach(notes, i, note)
    {
        require(json_is_string(note));
    }
}

static void check_segments(const struct plan *plan, const struct plan_rules *rules)
{
    for (size_t i = 0; i < plan->segment_count; i++) {
        const struct plan_segment *segment = &plan->segments[i];
        require(segment->video_index >= 0 && segment->video_index < SOURCES);
        require(segment->start >= 0 && segment->start < segment->end);
        require(segment->end <= durations[segment->video_index]);
        require(segment->score >= 0 && segment->score <= 1);
        require(!segment->reason || text_is_utf8(segment->reason, strlen(segment->reason)));
        for (size_t j = 0; j < i; j++) {
            const struct plan_segment *other = &plan->segments[j];
            require(other->video_index != segment->video_index || other->end <= segment->start ||
                    segment->end <= other->start);
        }
    }
    require(plan_total(plan) <= rules->max_total + 0.01);
}

static void check_plan(const char *text, size_t size)
{
    static json_t *example;
    if (!example)
        example = json_loads("{\"segments\":[{\"video_index\":0,\"start\":9001.5,\"end\":9009.5}]}",
                             0, NULL);
    struct reply_media media = { durations, names, SOURCES, .example = example };
    struct plan_rules rules = { durations, SOURCES, .min_segment = 2, .max_total = 60 };
    cleanup(plan_release) struct plan plan = PLAN_INIT;
    struct err err = ERR_INIT;
    if (reply_plan(text, size, &media, &plan, &err) < 0) {
        require(err.class == ERR_INPUT && err.text[0] && plan.segment_count == 0);
        return;
    }
    check_notes(plan.notes);
    if (plan_check(&plan, &rules, NULL) < 0) {
        plan_fallback(&plan, &rules);
        require(plan_check(&plan, &rules, NULL) >= 0);
    }
    check_segments(&plan, &rules);
    json_decref(plan_to_json(&plan));
}

static void check_analysis(const char *text, size_t size, bool window)
{
    struct reply_media media = { durations, NULL, 1 };
    if (window) {
        media.window_start = 40;
        media.window_end = 80;
    }
    cleanup(analysis_release) struct analysis analysis = ANALYSIS_INIT, again = ANALYSIS_INIT;
    cleanup(json_free) json_t *notes = json_array();
    struct err err = ERR_INIT;
    int r = reply_analysis(text, size, &media, &analysis, notes, &err);
    check_notes(notes);
    if (r < 0) {
        require(err.class == ERR_INPUT && err.text[0] && !analysis.scenes && !analysis.moments);
        return;
    }
    cleanup(json_free) json_t *written = analysis_to_json(&analysis);
    require(analysis_from_json(written, durations[0], &again, NULL) == 0);
    require(again.scene_count == analysis.scene_count);
    require(again.moment_count == analysis.moment_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    // A copy of its own size, so that a byte read beyond is seen.
    cleanup(free_ptr) char *text = xcalloc(size > 0 ? size : 1, 1);
    memcpy(text, data, size);
    check_plan(text, size);
    check_analysis(text, size, size % 2);
    return 0;
}
