// Order and dependencies of the steps of one batch.
#include "daemon/course.h"

void course_init(struct course *course, size_t source_count, unsigned stages)
{
    *course = (struct course){ .source_count = source_count, .stages = stages };
    for (enum stage stage = 0; stage < STAGE_COUNT; stage++)
        course->slots[stage] = stage_info[stage].slot;
    course->steps = xcalloc(STAGE_COUNT * source_count + 1, sizeof *course->steps);
    course->batch_steps = xcalloc(STAGE_COUNT, sizeof *course->batch_steps);
    course->marks = xcalloc(STAGE_COUNT * (source_count + 1), sizeof *course->marks);
}

void course_release(struct course *course)
{
    for (size_t i = 0; course->steps && i < STAGE_COUNT * course->source_count; i++)
        step_release(&course->steps[i]);
    for (size_t i = 0; course->batch_steps && i < STAGE_COUNT; i++)
        step_release(&course->batch_steps[i]);
    free(course->steps);
    free(course->batch_steps);
    free(course->marks);
    *course = (struct course){ .source_count = 0 };
}

bool course_has(const struct course *course, enum stage stage)
{
    return (course->stages & (1U << stage)) != 0;
}

static size_t position(const struct course *course, struct course_place place)
{
    return (size_t)place.stage * course->source_count + (size_t)place.index;
}

struct step *course_step(const struct course *course, struct course_place place)
{
    if (place.index == STEP_BATCH)
        return &course->batch_steps[place.stage];
    return &course->steps[position(course, place)];
}

struct course_mark *course_mark(const struct course *course, struct course_place place)
{
    if (place.index == STEP_BATCH)
        return &course->marks[STAGE_COUNT * course->source_count + place.stage];
    return &course->marks[position(course, place)];
}

// A stage that the batch does not have is behind it, and so is an extra one of a source that has
// ended.
static enum step_state state(const struct course *course, enum stage stage, int index)
{
    if (!course_has(course, stage))
        return STEP_DONE;
    enum step_state own = course_step(course, (struct course_place){ stage, index })->state;
    bool is_forgiven = own == STEP_FAILED && index != STEP_BATCH && stage_info[stage].is_extra;
    return is_forgiven ? STEP_DONE : own;
}

bool course_source_failed(const struct course *course, size_t index)
{
    for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
        if (stage_info[stage].per_source && state(course, stage, (int)index) == STEP_FAILED)
            return true;
    }
    return false;
}

bool course_settled(const struct course *course, struct course_place place)
{
    enum step_state now = state(course, place.stage, place.index);
    if (place.index == STEP_BATCH)
        return now != STEP_OPEN;
    return now != STEP_OPEN || course_source_failed(course, (size_t)place.index);
}

// All steps of the source before that stage are done.  The last alone does not tell: what was
// removed when a batch was set aside is fetched anew while later results are still there.
static bool came_to(const struct course *course, int index, enum stage end)
{
    for (enum stage stage = 0; stage < end; stage++) {
        if (stage_info[stage].per_source && state(course, stage, index) != STEP_DONE)
            return false;
    }
    return true;
}

// Sources that went all the way to the last stage of sources.
static size_t usable_sources(const struct course *course, bool *ret_all_ended)
{
    size_t usable = 0;
    *ret_all_ended = true;
    for (size_t i = 0; i < course->source_count; i++) {
        if (course_source_failed(course, i))
            continue;
        if (came_to(course, (int)i, STAGE_COUNT))
            usable++;
        else
            *ret_all_ended = false;
    }
    return usable;
}

// A stage of the batch no longer holds up a later one.  An extra one holds up only the end, for as
// long as it may still come.
static bool is_behind(const struct course *course, enum stage stage, enum stage later)
{
    enum step_state now = state(course, stage, STEP_BATCH);
    if (stage_info[stage].is_extra)
        return later + 1 < STAGE_COUNT || now != STEP_OPEN;
    return now == STEP_DONE;
}

// Whatever comes before it in its source or in the batch is done.
static bool reached(const struct course *course, struct course_place place)
{
    if (place.index != STEP_BATCH) {
        if (course_source_failed(course, (size_t)place.index))
            return false;
        return came_to(course, place.index, place.stage);
    }
    bool all_ended;
    if (usable_sources(course, &all_ended) == 0 || !all_ended)
        return false;
    for (enum stage stage = 0; stage < place.stage; stage++) {
        if (!stage_info[stage].per_source && !is_behind(course, stage, place.stage))
            return false;
    }
    return true;
}

// May run, but for its time.
static bool waits(const struct course *course, struct course_place place)
{
    return state(course, place.stage, place.index) == STEP_OPEN &&
           !course_mark(course, place)->running && reached(course, place);
}

// From when on, for a step that waits.
static uint64_t due(const struct course *course, struct course_place place, const uint64_t *held_us)
{
    uint64_t own = course_mark(course, place)->due_us;
    return own > held_us[place.stage] ? own : held_us[place.stage];
}

static int first_index(enum stage stage)
{
    return stage_info[stage].per_source ? 0 : STEP_BATCH;
}

static int end_index(const struct course *course, enum stage stage)
{
    return stage_info[stage].per_source ? (int)course->source_count : STEP_BATCH + 1;
}

// What is furthest along first, so that things get finished; but a probe, which is short, before
// all that takes long: it tells at once what is of no use, and how long the rest will take.
// A preview, which is short too and awaited by people, goes before the rendering.
static const enum stage preference[STAGE_COUNT] = { STAGE_PUBLISH,    STAGE_PREVIEW, STAGE_RENDER,
                                                    STAGE_PLAN,       STAGE_ANALYZE, STAGE_PROBE,
                                                    STAGE_TRANSCRIBE, STAGE_UPLOAD,  STAGE_COMPRESS,
                                                    STAGE_FETCH };

bool course_next(const struct course *course, enum slot_class slot, const uint64_t *held_us,
                 uint64_t now_us, struct course_place *ret_place)
{
    for (size_t s = 0; s < STAGE_COUNT; s++) {
        enum stage stage = preference[s];
        if (course->slots[stage] != slot)
            continue;
        for (int i = first_index(stage); i < end_index(course, stage); i++) {
            struct course_place place = { stage, i };
            if (waits(course, place) && due(course, place, held_us) <= now_us) {
                *ret_place = place;
                return true;
            }
        }
    }
    return false;
}

uint64_t course_wake(const struct course *course, const uint64_t *held_us, uint64_t now_us)
{
    uint64_t wake = UINT64_MAX;
    for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
        for (int i = first_index(stage); i < end_index(course, stage); i++) {
            struct course_place place = { stage, i };
            uint64_t when = waits(course, place) ? due(course, place, held_us) : 0;
            if (when > now_us && when < wake)
                wake = when;
        }
    }
    return wake;
}

// The step that ended a source.
static struct course_place failure_of(const struct course *course, int index)
{
    enum stage stage = 0;
    while (stage + 1 < STAGE_COUNT && state(course, stage, index) != STEP_FAILED)
        stage++;
    return (struct course_place){ stage, index };
}

enum course_outcome course_outcome(const struct course *course, struct course_place *ret_place)
{
    for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
        if (!stage_info[stage].per_source && !stage_info[stage].is_extra &&
            state(course, stage, STEP_BATCH) == STEP_FAILED) {
            *ret_place = (struct course_place){ stage, STEP_BATCH };
            return COURSE_FAILED;
        }
    }
    if (state(course, STAGE_COUNT - 1, STEP_BATCH) == STEP_DONE)
        return COURSE_COMPLETED;
    bool all_ended;
    if (usable_sources(course, &all_ended) == 0 && all_ended && course->source_count > 0) {
        *ret_place = failure_of(course, 0);
        return COURSE_FAILED;
    }
    return COURSE_GOING;
}

enum stage course_front(const struct course *course)
{
    for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
        for (int i = first_index(stage); i < end_index(course, stage); i++) {
            if (!course_settled(course, (struct course_place){ stage, i }))
                return stage;
        }
    }
    return STAGE_COUNT - 1;
}

bool course_begun(const struct course *course)
{
    for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
        for (int i = first_index(stage); i < end_index(course, stage); i++) {
            if (course_step(course, (struct course_place){ stage, i })->attempts > 0)
                return true;
        }
    }
    return false;
}
