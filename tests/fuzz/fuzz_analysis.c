// Whatever analysis.json says, what is read has times inside the source, and writes back to the
// same.
#include "spool/analysis.h"

static void require(bool good)
{
    if (!good)
        abort();
}

static void check_spans(const struct analysis_span *spans, size_t count, double duration)
{
    require(count <= ANALYSIS_MAX_ITEMS);
    for (size_t i = 0; i < count; i++) {
        require(spans[i].start >= 0 && spans[i].start < spans[i].end);
        require(spans[i].end <= duration);
        require(spans[i].score >= 0 && spans[i].score <= 1);
        require(spans[i].group >= -1 && spans[i].group <= ANALYSIS_MAX_ITEMS);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const double duration = 100;
    cleanup(json_free) json_t *json = NULL;
    cleanup(analysis_release) struct analysis analysis = ANALYSIS_INIT;
    if (json_parse((const char *)data, size, &json, NULL) < 0)
        return 0;
    if (analysis_from_json(json, duration, &analysis, NULL) < 0)
        return 0;
    check_spans(analysis.shots, analysis.shot_count, duration);
    check_spans(analysis.scenes, analysis.scene_count, duration);
    check_spans(analysis.moments, analysis.moment_count, duration);
    json_decref(analysis_to_json(&analysis));
    return 0;
}
