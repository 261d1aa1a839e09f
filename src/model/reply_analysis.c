// From entries to scenes and moments.
//
// Nothing judges an analysis later but a reader that takes or leaves all of it, so what does not
// fit is cut or left out here.
#include "model/reply_analysis.h"

#include "model/reply.h"
#include <ctype.h>
#include <math.h>

static const char *const scene_names[] = { "scenes", "scene", "events", "chapters", "shots", NULL };
static const char *const moment_names[] = { "moments",  "moment",     "highlights", "clips",
                                            "segments", "keymoments", NULL };
static const char *const summary_names[] = { "summary", "description", "overview", NULL };
static const char *const tag_names[] = { "tags", "tag", "keywords", "labels", "topics", NULL };

static const struct kind {
    const char *word;
    const char *const *names;
} scene = { "scene", scene_names }, moment = { "moment", moment_names };

static const double usual_score = 0.5;
// Less than a picture is no span.
static const double least_seconds = 0.02;

enum { TAG_MAX_BYTES = 100 };

static int in_order(const void *a, const void *b)
{
    const struct analysis_span *one = a, *other = b;
    return one->start != other->start ? (one->start < other->start ? -1 : 1)
                                      : (one->end > other->end) - (one->end < other->end);
}

// The entry within the source.  Returns false if nothing of it is.
static bool fit(const struct reply_entry *entry, const char *kind, double duration,
                struct analysis_span *ret, json_t *notes)
{
    if (!isfinite(entry->start) || !isfinite(entry->end)) {
        reply_note(notes, "a %s left out: its times are not numbers", kind);
        return false;
    }
    double start = fmax(entry->start, 0), end = fmin(entry->end, duration);
    if (end - start < least_seconds) {
        reply_note(notes, "a %s left out: %.3f to %.3f s of a video of %.3f s", kind, entry->start,
                   entry->end, duration);
        return false;
    }
    if (entry->end > duration + 0.5 || entry->start < -0.5)
        reply_note(notes, "a %s of %.3f to %.3f s is cut to a video of %.3f s", kind, entry->start,
                   entry->end, duration);
    *ret = (struct analysis_span){ .start = start,
                                   .end = end,
                                   .score = isnan(entry->score) ? usual_score : entry->score,
                                   .group = -1 };
    return true;
}

static void take_over(const struct reply_list *list, const char *kind, double duration,
                      struct analysis_span **ret_spans, size_t *ret_count, json_t *notes)
{
    struct analysis_span *spans = xcalloc(list->count + 1, sizeof *spans);
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (!fit(&list->entries[i], kind, duration, &spans[count], notes))
            continue;
        const char *text = list->entries[i].text;
        spans[count++].text = xstrdup(text ? text : "");
    }
    qsort(spans, count, sizeof *spans, in_order);
    *ret_spans = spans;
    *ret_count = count;
}

struct wanted {
    const struct reply_media *media;
    struct analysis *analysis;
    json_t *notes;
};

static int read_spans(json_t *json, const struct wanted *wanted, const struct kind *kind,
                      struct analysis_span **ret_spans, size_t *ret_count, struct err *err)
{
    cleanup(reply_list_release) struct reply_list list = REPLY_LIST_INIT;
    int r = reply_list_read(json, kind->names, false, wanted->media, &list, wanted->notes, err);
    if (r > 0)
        take_over(&list, kind->word, wanted->media->durations[0], ret_spans, ret_count,
                  wanted->notes);
    return r;
}

static void add_tag(struct analysis *analysis, size_t *count, const char *text, size_t length)
{
    while (length > 0 && isspace((unsigned char)*text))
        text++, length--;
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        length--;
    if (length == 0 || length > TAG_MAX_BYTES || *count == ANALYSIS_MAX_TAGS)
        return;
    analysis->tags[(*count)++] = xstrndup(text, length);
}

// An array of texts, or one text with commas.
static void read_tags(json_t *json, struct analysis *analysis)
{
    const json_t *tags = reply_list_member(json, tag_names);
    size_t i, count = 0;
    json_t *tag;
    analysis->tags = xcalloc(ANALYSIS_MAX_TAGS + 1, sizeof *analysis->tags);
    json_array_foreach(tags, i, tag)
    {
        if (json_is_string(tag))
            add_tag(analysis, &count, json_string_value(tag), json_string_length(tag));
    }
    for (const char *at = json_is_string(tags) ? json_string_value(tags) : ""; *at;) {
        size_t length = strcspn(at, ",;");
        add_tag(analysis, &count, at, length);
        at += length + (at[length] != 0);
    }
}

static int understand(json_t *json, void *context, struct err *err)
{
    const struct wanted *wanted = context;
    cleanup(analysis_release) struct analysis read = ANALYSIS_INIT;
    int r = read_spans(json, wanted, &scene, &read.scenes, &read.scene_count, err);
    if (r >= 0)
        r = read_spans(json, wanted, &moment, &read.moments, &read.moment_count, err);
    if (r < 0 || read.scene_count + read.moment_count == 0)
        return r < 0 ? r : 0;
    read.summary = reply_cut(json_string_value(reply_list_member(json, summary_names)),
                             REPLY_LIST_MAX_TEXT_BYTES);
    read_tags(json, &read);
    *wanted->analysis = read;
    read = (struct analysis)ANALYSIS_INIT;
    return 1;
}

int reply_analysis(const char *text, size_t length, const struct reply_media *media,
                   struct analysis *analysis, json_t *notes, struct err *err)
{
    struct wanted wanted = { media, analysis, notes };
    struct reply_reader reader = { understand, &wanted };
    return reply_understand(text, length, notes, &reader, err);
}
