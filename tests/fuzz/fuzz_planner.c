// Whatever a model answers to both questions and to the one that repairs, the plan lies inside the
// media, and no answer is asked for more often than that.  The input is three answers, parted by a
// byte 0.
#include "base/text.h"
#include "model/planner.h"

enum { SOURCES = 3 };
static const double durations[SOURCES] = { 100, 0, 20 };

struct answers {
    const uint8_t *at, *end;
    unsigned asked;
};

static void require(bool good)
{
    if (!good)
        abort();
}

static int say(void *context, const struct planner_question *question, struct wire_reply *reply,
               struct err *err)
{
    struct answers *answers = context;
    (void)err;
    require(++answers->asked <= 3);
    require(text_is_utf8(question->prompt, strlen(question->prompt)));
    const uint8_t *end = memchr(answers->at, 0, (size_t)(answers->end - answers->at));
    size_t size = (size_t)((end ? end : answers->end) - answers->at);
    reply->text = xstrndup((const char *)answers->at, size);
    answers->at = end ? end + 1 : answers->end;
    return 0;
}

static void check_segments(const struct plan *plan, const struct planner_wish *wish)
{
    require(plan->segment_count > 0);
    for (size_t i = 0; i < plan->segment_count; i++) {
        const struct plan_segment *segment = &plan->segments[i];
        require(segment->video_index >= 0 && segment->video_index < SOURCES);
        require(segment->start >= 0 && segment->end <= durations[segment->video_index]);
        require(segment->end - segment->start >= wish->min_segment - 2e-3);
        require(segment->end - segment->start <= wish->max_segment + 2e-3);
        require(segment->score >= 0 && segment->score <= 1);
        require(!segment->reason || text_is_utf8(segment->reason, strlen(segment->reason)));
        for (size_t j = 0; j < i; j++) {
            const struct plan_segment *other = &plan->segments[j];
            require(other->video_index != segment->video_index || other->end <= segment->start ||
                    segment->end <= other->start);
        }
    }
    require(plan_total(plan) <= 1.1 * plan->target_duration + 0.01);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char *prompts;
    if (!prompts)
        prompts = realpath("etc/prompts", NULL);
    require(prompts != NULL);
    static struct analysis_span moment = { 10, 14, 0.9, -1, NULL };
    struct analysis analysis = { .moments = &moment, .moment_count = 1 };
    struct brief_source sources[SOURCES] = { { "a.mp4", durations[0], &analysis, NULL, 0 },
                                             { "b.mp4", durations[1], NULL, NULL, 0 },
                                             { "c.mp4", durations[2], &analysis, NULL, 0 } };
    struct planner_wish wish = {
        .prompts = prompts,
        .strategy = (enum job_strategy)(size % 4),
        .target = 20,
        .min_segment = 2,
        .max_segment = 12,
    };
    struct answers answers = { data, data + size, 0 };
    struct planner_voice voice = { "a model", say, &answers };
    cleanup(plan_release) struct plan plan = PLAN_INIT;
    struct err err = ERR_INIT;
    if (size == 0)
        return 0;
    if (planner_plan(&voice, &wish, sources, SOURCES, &plan, &err) == 0)
        check_segments(&plan, &wish);
    else
        require(err.class == ERR_INPUT && err.text[0] && plan.segment_count == 0);
    json_decref(plan_to_json(&plan));
    return 0;
}
