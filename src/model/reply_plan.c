// From entries to segments.
#include "model/reply_plan.h"

#include "model/reply.h"
#include <math.h>

static const char *const segment_names[] = { "segments",   "segment", "clips",    "clip",
                                             "highlights", "cuts",    "timeline", "moments",
                                             "scenes",     "shots",   "edits",    "selection",
                                             NULL };
static const char *const strategy_names[] = { "strategy", "theme", "story", "summary", NULL };

static const double usual_score = 0.5;

static void take_over(const struct reply_list *list, struct plan *plan)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct reply_entry *entry = &list->entries[i];
        plan_add(plan, &(struct plan_segment){
                           .video_index = entry->video,
                           .start = entry->start,
                           .end = entry->end,
                           .score = isnan(entry->score) ? usual_score : entry->score,
                           .reason = entry->text,
                       });
    }
}

static void take_notes(const json_t *notes, struct plan *plan)
{
    size_t i;
    json_t *note;
    json_array_foreach(notes, i, note)
    {
        plan_note(plan, "%s", json_string_value(note));
    }
}

struct wanted {
    const struct reply_media *media;
    struct plan *plan;
    json_t *notes;
};

static int understand(json_t *json, void *context, struct err *err)
{
    const struct wanted *wanted = context;
    cleanup(reply_list_release) struct reply_list list = REPLY_LIST_INIT;
    int r = reply_list_read(json, segment_names, true, wanted->media, &list, wanted->notes, err);
    if (r <= 0)
        return r;
    const char *strategy = json_string_value(reply_list_member(json, strategy_names));
    wanted->plan->strategy = reply_cut(strategy, REPLY_LIST_MAX_TEXT_BYTES);
    take_over(&list, wanted->plan);
    return 1;
}

int reply_plan(const char *text, size_t length, const struct reply_media *media, struct plan *plan,
               struct err *err)
{
    cleanup(json_free) json_t *notes = json_array();
    struct wanted wanted = { media, plan, notes };
    struct reply_reader reader = { understand, &wanted };
    int r = reply_understand(text, length, notes, &reader, err);
    if (r == 0)
        take_notes(notes, plan);
    return r;
}
