#include "highlight/local.h"

#include "highlight/describe.h"
#include "highlight/moments.h"
#include "highlight/saliency.h"
#include "highlight/scenes.h"
#include "highlight/shots.h"

static void score_spans(const struct saliency *saliency, struct analysis_span *spans, size_t count)
{
    for (size_t i = 0; i < count; i++)
        spans[i].score = saliency_score(saliency, spans[i].start, spans[i].end);
}

void local_analyse(const struct signals *signals, struct analysis *analysis)
{
    analysis->provider = xstrdup("local");
    shots_find(signals, &analysis->shots, &analysis->shot_count);
    cleanup(saliency_release) struct saliency saliency = SALIENCY_INIT;
    saliency_measure(signals, analysis->shots, analysis->shot_count, &saliency);
    analysis->moment_count =
        moments_find(&saliency, analysis->shots, analysis->shot_count, &analysis->moments);
    analysis->scene_count =
        scenes_find(signals, analysis->shots, analysis->shot_count, &analysis->scenes);
    score_spans(&saliency, analysis->shots, analysis->shot_count);
    score_spans(&saliency, analysis->scenes, analysis->scene_count);
    describe_scenes(&saliency, analysis->scenes, analysis->scene_count);
    analysis->summary = describe_summary(signals, &saliency, analysis->shot_count);
    analysis->tags = describe_tags(signals, &saliency, analysis->shot_count);
}
