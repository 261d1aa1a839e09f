// analysis.json: reading it as distrustfully as a model's answer, writing it for people too.
#include "spool/analysis.h"

#include "spool/batch.h"
#include <math.h>

// Three full lists with descriptions stay below this.
enum { ANALYSIS_MAX_BYTES = 8 << 20, TEXT_MAX_BYTES = 4000 };
enum { ANALYSIS_VERSION = 1 };

// Times are written with microseconds; this far beyond the end is rounding.
static const double rounding = 1e-3;

static void spans_free(struct analysis_span *spans, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(spans[i].text);
    free(spans);
}

void analysis_release(struct analysis *analysis)
{
    free(analysis->provider);
    free(analysis->summary);
    for (char **tag = analysis->tags; tag && *tag; tag++)
        free(*tag);
    free(analysis->tags);
    spans_free(analysis->shots, analysis->shot_count);
    spans_free(analysis->scenes, analysis->scene_count);
    spans_free(analysis->moments, analysis->moment_count);
    json_decref(analysis->notes);
    *analysis = (struct analysis)ANALYSIS_INIT;
}

// The three lists differ in what their text is called and whether they have a group.
struct list {
    const char *name;
    const char *text_key; // NULL: no text
    bool grouped;
};
static const struct list shot_list = { "shots", NULL, false };
static const struct list scene_list = { "scenes", "description", true };
static const struct list moment_list = { "moments", "reason", false };

// ---- writing

static json_t *spans_to_json(const struct list *list, const struct analysis_span *spans,
                             size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *entry = json_object();
        json_put_number(entry, "start", spans[i].start, 6);
        json_put_number(entry, "end", spans[i].end, 6);
        json_put_number(entry, "score", spans[i].score, 3);
        if (list->grouped)
            json_put_int(entry, "group", spans[i].group);
        if (list->text_key)
            json_put_text(entry, list->text_key, spans[i].text ? spans[i].text : "");
        json_array_append_new(array, entry);
    }
    return array;
}

json_t *analysis_to_json(const struct analysis *analysis)
{
    json_t *object = json_object(), *tags = json_array();
    json_put_int(object, "version", ANALYSIS_VERSION);
    json_put_text(object, "provider", analysis->provider);
    json_put_text(object, "summary", analysis->summary);
    for (char **tag = analysis->tags; tag && *tag; tag++)
        json_array_append_new(tags, json_string(*tag));
    json_put(object, "tags", tags);
    json_put(object, shot_list.name,
             spans_to_json(&shot_list, analysis->shots, analysis->shot_count));
    json_put(object, scene_list.name,
             spans_to_json(&scene_list, analysis->scenes, analysis->scene_count));
    json_put(object, moment_list.name,
             spans_to_json(&moment_list, analysis->moments, analysis->moment_count));
    json_put(object, "notes", analysis->notes ? json_deep_copy(analysis->notes) : json_array());
    return object;
}

int analysis_save(int sourcedir, const struct analysis *analysis, struct err *err)
{
    cleanup(json_free) json_t *json = analysis_to_json(analysis);
    return json_write(sourcedir, SOURCE_ANALYSIS, json, err);
}

// ---- reading

static int bad(struct err *err, const char *what)
{
    return err_set(err, ERR_INPUT, "bad_analysis", "analysis.json cannot be used: %s", what);
}

static int read_span(const struct list *list, const json_t *entry, double duration,
                     struct analysis_span *span, struct err *err)
{
    const char *wrong = NULL;
    if (!json_is_object(entry))
        return bad(err, "an entry is not an object");
    double start = json_number(entry, "start", 0, duration, -1, &wrong);
    double end = fmin(json_number(entry, "end", 0, duration + rounding, -1, &wrong), duration);
    if (wrong || start < 0 || end <= start)
        return bad(err, "a time lies outside the video");
    double score = json_number(entry, "score", 0, 1, 0, &wrong);
    int64_t group = json_int(entry, "group", -1, ANALYSIS_MAX_ITEMS, -1, &wrong);
    const char *text = list->text_key ? json_text(entry, list->text_key, "", &wrong) : NULL;
    if (wrong || (text && strlen(text) > TEXT_MAX_BYTES))
        return bad(err, "a score, group or text is out of range");
    *span = (struct analysis_span){
        .start = start,
        .end = end,
        .score = score,
        .group = list->grouped ? (int)group : -1,
        .text = text ? xstrdup(text) : NULL,
    };
    return 0;
}

static int read_spans(const struct list *list, const json_t *object, double duration,
                      struct analysis_span **spans, size_t *count, struct err *err)
{
    const json_t *array = json_object_get(object, list->name);
    if (!json_is_array(array) || json_array_size(array) > ANALYSIS_MAX_ITEMS)
        return bad(err, "a list is missing or too long");
    *spans = xcalloc(json_array_size(array) + 1, sizeof **spans);
    size_t i;
    json_t *entry;
    json_array_foreach(array, i, entry)
    {
        int r = read_span(list, entry, duration, &(*spans)[i], err);
        if (r < 0)
            return r;
        *count = i + 1;
    }
    return 0;
}

static int read_tags(const json_t *object, struct analysis *analysis, struct err *err)
{
    const json_t *array = json_object_get(object, "tags");
    if (!json_is_array(array) || json_array_size(array) > ANALYSIS_MAX_TAGS)
        return bad(err, "the tags are missing or too many");
    analysis->tags = xcalloc(json_array_size(array) + 1, sizeof *analysis->tags);
    size_t i;
    json_t *tag;
    json_array_foreach(array, i, tag)
    {
        if (!json_is_string(tag) || json_string_length(tag) > TEXT_MAX_BYTES)
            return bad(err, "a tag is not a short text");
        analysis->tags[i] = xstrdup(json_string_value(tag));
    }
    return 0;
}

// For people only: what is none is left out.
static void read_notes(const json_t *object, struct analysis *analysis)
{
    const json_t *array = json_object_get(object, "notes");
    size_t i;
    json_t *note;
    json_array_foreach(array, i, note)
    {
        if (i == ANALYSIS_MAX_NOTES)
            break;
        if (!json_is_string(note) || json_string_length(note) > TEXT_MAX_BYTES)
            continue;
        if (!analysis->notes)
            analysis->notes = json_array();
        json_array_append(analysis->notes, note);
    }
}

static int read_all(const json_t *object, double duration, struct analysis *analysis,
                    struct err *err)
{
    const char *wrong = NULL;
    if (json_int(object, "version", 1, ANALYSIS_VERSION, -1, NULL) != ANALYSIS_VERSION)
        return bad(err, "it is of another version");
    analysis->provider = xstrdup(json_text(object, "provider", "unknown", &wrong));
    analysis->summary = xstrdup(json_text(object, "summary", "", &wrong));
    if (wrong || strlen(analysis->summary) > TEXT_MAX_BYTES)
        return bad(err, "provider or summary is not a text");
    read_notes(object, analysis);
    int r = read_tags(object, analysis, err);
    if (r < 0)
        return r;
    r = read_spans(&shot_list, object, duration, &analysis->shots, &analysis->shot_count, err);
    if (r < 0)
        return r;
    r = read_spans(&scene_list, object, duration, &analysis->scenes, &analysis->scene_count, err);
    if (r < 0)
        return r;
    return read_spans(&moment_list, object, duration, &analysis->moments, &analysis->moment_count,
                      err);
}

int analysis_from_json(const json_t *json, double duration, struct analysis *analysis,
                       struct err *err)
{
    cleanup(analysis_release) struct analysis read = ANALYSIS_INIT;
    int r = read_all(json, duration, &read, err);
    if (r < 0)
        return r;
    *analysis = read;
    read = (struct analysis)ANALYSIS_INIT;
    return 0;
}

int analysis_load(int sourcedir, double duration, struct analysis *analysis, struct err *err)
{
    cleanup(json_free) json_t *json = NULL;
    int r = json_read(sourcedir, SOURCE_ANALYSIS, ANALYSIS_MAX_BYTES, &json, err);
    return r < 0 ? r : analysis_from_json(json, duration, analysis, err);
}
