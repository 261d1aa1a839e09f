// Lists of spans, and the sense that they make.
#include "model/reply_list.h"

#include "model/reply.h"
#include "model/reply_span.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>

enum { WRAPPINGS_MAX = 3 };

// How far beyond the end of a video a span may reach and still be meant for it: models round up.
static const double tolerance = 1.0;
// A thousandth of any time lies within any video; nobody chooses less than this.
static const double least_of_milliseconds = 0.25;
// A moment without an end: it is shown from a little before.
static const double before_point = 1.5, after_point = 2.5;

static const char *const wrappings[] = { "result",     "output", "data", "response",
                                         "answer",     "plan",   "reel", "highlight",
                                         "highlights", "json",   NULL };
static const char *const video_names[] = { "videoindex", "video",     "sourceindex", "source",
                                           "videoid",    "clipindex", "videonumber", "file",
                                           "filename",   "index",     NULL };
static const char *const score_names[] = { "score",      "confidence", "rating", "priority",
                                           "importance", "relevance",  NULL };
static const char *const text_names[] = { "reason", "why",     "description", "event",
                                          "title",  "caption", "summary",     "label",
                                          "text",   "content", "name",        NULL };

void reply_list_release(struct reply_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->entries[i].text);
    free(list->entries);
    *list = (struct reply_list)REPLY_LIST_INIT;
}

// ---- where the list is

static json_t *only_list(json_t *object)
{
    json_t *found = NULL;
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        if (!json_is_object(json_array_get(value, 0)))
            continue;
        if (found)
            return NULL;
        found = value;
    }
    return found;
}

// Gives a new reference to an array, or NULL.
static json_t *find_list(json_t *json, const char *const *names, bool any, int depth)
{
    struct reply_span span;
    if (json_is_array(json))
        return any || depth > 0 ? json_incref(json) : NULL;
    json_t *list = reply_span_member(json, names, NULL);
    if (json_is_array(list))
        return json_incref(list);
    json_t *inner = json_is_object(list) ? list : reply_span_member(json, wrappings, NULL);
    if (json_is_object(inner) && depth < WRAPPINGS_MAX) {
        json_t *found = find_list(inner, names, any, depth + 1);
        if (found)
            return found;
    }
    if (!any || !json_is_object(json))
        return NULL;
    if (reply_span_read(json, &span))
        return json_pack("[O]", json);
    list = only_list(json);
    return list ? json_incref(list) : NULL;
}

json_t *reply_list_member(json_t *json, const char *const *names)
{
    json_t *member = reply_span_member(json, names, NULL);
    return member ? member
                  : reply_span_member(reply_span_member(json, wrappings, NULL), names, NULL);
}

// ---- entries as they were said

// An entry before it makes sense.
struct said {
    double video; // as counted by the model; NAN: not said
    bool by_name; // found by the name of the file, so it is counted from 0
    struct reply_span span;
    double score;
    const char *text; // of the JSON
};

// The last number in a text: "video 2", "#2".
static double number_in(const char *text)
{
    size_t end = strlen(text);
    while (end > 0 && !isdigit((unsigned char)text[end - 1]))
        end--;
    size_t begin = end;
    while (begin > 0 && end - begin < 6 && isdigit((unsigned char)text[begin - 1]))
        begin--;
    return begin < end ? strtod(text + begin, NULL) : NAN;
}

static void read_video(const json_t *value, const struct reply_media *media, struct said *said)
{
    said->video = json_is_number(value) ? json_number_value(value) : NAN;
    if (!json_is_string(value))
        return;
    const char *text = json_string_value(value);
    for (size_t i = 0; media->names && i < media->count; i++)
        if (strcasecmp(media->names[i], text) == 0) {
            said->video = (double)i;
            said->by_name = true;
            return;
        }
    said->video = number_in(text);
}

static double read_score(const json_t *value)
{
    if (json_is_number(value))
        return json_number_value(value);
    if (!json_is_string(value))
        return NAN;
    static const struct {
        const char *word;
        double score;
    } words[] = { { "high", 0.9 }, { "medium", 0.5 }, { "low", 0.2 } };
    char *end;
    const char *text = json_string_value(value);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcasecmp(text, words[i].word) == 0)
            return words[i].score;
    double score = strtod(text, &end);
    return end == text ? NAN : *end == '%' ? score / 100 : score;
}

static bool read_entry(json_t *json, const struct reply_media *media, struct said *said)
{
    *said = (struct said){ .video = NAN, .score = NAN };
    if (!reply_span_read(json, &said->span))
        return false;
    read_video(reply_span_member(json, video_names, NULL), media, said);
    said->score = read_score(reply_span_member(json, score_names, NULL));
    said->text = json_string_value(reply_span_member(json, text_names, NULL));
    return true;
}

static size_t read_entries(const json_t *list, const struct reply_media *media, struct said *all,
                           json_t *notes)
{
    size_t i, count = 0;
    json_t *json;
    json_array_foreach(list, i, json)
    {
        if (count == REPLY_LIST_MAX) {
            reply_note(notes, "of %zu entries only the first %d are used", json_array_size(list),
                       REPLY_LIST_MAX);
            break;
        }
        if (read_entry(json, media, &all[count]))
            count++;
        else
            reply_note(notes, "entry %zu left out: it says no time", i + 1);
    }
    return count;
}

// ---- the sense they make

enum origin { OF_VIDEO, OF_WINDOW, OF_ALL };

struct sense {
    double scale;
    enum origin origin;
    int first; // the number of the first video
};

// Where the videos lie if they are laid behind each other; the video that the time is in, or -1.
static int video_at(const struct reply_media *media, double time, double *ret_begin)
{
    double begin = 0;
    for (size_t i = 0; i < media->count; i++) {
        double end = begin + fmax(media->durations[i], 0);
        if (time >= begin && time < end) {
            *ret_begin = begin;
            return (int)i;
        }
        begin = end;
    }
    return -1;
}

static int whole_index(double number, size_t count)
{
    return number >= 0 && number < (double)count && number == floor(number) ? (int)number : -1;
}

static int video_of(const struct said *said, const struct reply_media *media, int first)
{
    if (media->count == 1 && isnan(said->video))
        return 0;
    return whole_index(said->by_name ? said->video : said->video - first, media->count);
}

// The entry in that sense.
static struct reply_entry make_sense(const struct said *said, const struct reply_media *media,
                                     const struct sense *sense)
{
    double start = said->span.start * sense->scale, end = said->span.end * sense->scale;
    if (said->span.point) {
        end = start + after_point;
        start = fmax(start - before_point, 0);
    }
    struct reply_entry entry = { video_of(said, media, sense->first), start, end, said->score,
                                 NULL };
    double shift = 0;
    if (sense->origin == OF_WINDOW) {
        shift = -media->window_start;
    } else if (sense->origin == OF_ALL) {
        int video = video_at(media, start, &shift);
        if (isnan(said->video))
            entry.video = video;
        else if (video != entry.video)
            entry.video = -1;
    }
    entry.start -= shift;
    entry.end -= shift;
    return entry;
}

static bool lies_within(const struct reply_entry *entry, const struct reply_media *media)
{
    if (entry->video < 0)
        return false;
    double begin = 0, end = media->durations[entry->video];
    if (media->window_end > 0) {
        begin = media->window_start - tolerance;
        end = fmin(end, media->window_end);
    }
    return entry->start >= begin && entry->start < end && entry->start < entry->end &&
           entry->end <= end + tolerance;
}

static size_t count_within(const struct said *all, size_t count, const struct reply_media *media,
                           const struct sense *sense)
{
    size_t within = 0;
    for (size_t i = 0; i < count; i++) {
        struct reply_entry entry = make_sense(&all[i], media, sense);
        bool too_short = sense->scale < 1 && entry.end - entry.start < least_of_milliseconds;
        within += !too_short && lies_within(&entry, media);
    }
    return within;
}

static bool is_possible(const struct reply_media *media, const struct sense *sense)
{
    if (sense->origin == OF_WINDOW)
        return media->window_end > 0 && media->window_start > 0;
    return sense->origin != OF_ALL || media->count > 1;
}

static void note_sense(const struct sense *sense, json_t *notes)
{
    if (sense->scale < 1)
        reply_note(notes, "the times are taken for milliseconds: as seconds they lie outside");
    if (sense->origin == OF_WINDOW)
        reply_note(notes, "the times are taken from the beginning of the part that was shown");
    if (sense->origin == OF_ALL)
        reply_note(notes, "the times are taken as of all videos behind each other");
    if (sense->first > 0)
        reply_note(notes, "the videos are taken as counted from 1");
}

static struct sense best_sense(const struct said *all, size_t count,
                               const struct reply_media *media)
{
    static const double scales[] = { 1, 0.001 };
    struct sense best = { 1, OF_VIDEO, 0 };
    size_t most = count_within(all, count, media, &best);
    // Ties keep the earlier one: what is nearest to what was asked for comes first.
    for (size_t s = 0; s < ARRAY_LEN(scales); s++)
        for (int first = 0; first <= 1; first++)
            for (enum origin origin = OF_VIDEO; origin <= OF_ALL; origin++) {
                struct sense sense = { scales[s], origin, first };
                size_t within = most < count && is_possible(media, &sense)
                                    ? count_within(all, count, media, &sense)
                                    : 0;
                if (within > most) {
                    most = within;
                    best = sense;
                }
            }
    return best;
}

// Scores of 1 to 10 or to 100 become 0 to 1.
static void fit_scores(struct reply_list *list)
{
    double greatest = 0;
    for (size_t i = 0; i < list->count; i++)
        if (isfinite(list->entries[i].score))
            greatest = fmax(greatest, list->entries[i].score);
    double full = greatest <= 1 ? 1 : greatest <= 10 ? 10 : greatest <= 100 ? 100 : greatest;
    for (size_t i = 0; i < list->count; i++) {
        double score = list->entries[i].score / full;
        list->entries[i].score = isfinite(score) ? fmin(fmax(score, 0), 1) : NAN;
    }
}

// ---- the example of the prompt

static bool is_of(const struct said *said, const struct said *example, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool same_end = said->span.point ? example[i].span.point
                                         : fabs(said->span.end - example[i].span.end) < 0.001;
        bool same_video =
            said->video == example[i].video || (isnan(said->video) && isnan(example[i].video));
        if (same_end && same_video && fabs(said->span.start - example[i].span.start) < 0.001)
            return true;
    }
    return false;
}

static bool is_example(const struct said *all, size_t count, const char *const *names, bool any,
                       const struct reply_media *media)
{
    cleanup(json_free) json_t *list = find_list(media->example, names, any, 0);
    cleanup(json_free) json_t *unheard = json_array();
    if (!list || count == 0)
        return false;
    size_t size = json_array_size(list) < REPLY_LIST_MAX ? json_array_size(list) : REPLY_LIST_MAX;
    cleanup(free_ptr) struct said *example = xcalloc(size + 1, sizeof *example);
    size_t examples = read_entries(list, media, example, unheard);
    for (size_t i = 0; i < count; i++)
        if (!is_of(&all[i], example, examples))
            return false;
    return true;
}

int reply_list_read(json_t *json, const char *const *names, bool any,
                    const struct reply_media *media, struct reply_list *list, json_t *notes,
                    struct err *err)
{
    cleanup(json_free) json_t *array = find_list(json, names, any, 0);
    if (!array)
        return 0;
    size_t size = json_array_size(array) < REPLY_LIST_MAX ? json_array_size(array) : REPLY_LIST_MAX;
    cleanup(free_ptr) struct said *all = xcalloc(size + 1, sizeof *all);
    size_t count = read_entries(array, media, all, notes);
    if (is_example(all, count, names, any, media))
        return err_set(err, ERR_INPUT, "example_in_reply",
                       "the answer repeats the example of the prompt");
    struct sense sense = best_sense(all, count, media);
    note_sense(&sense, notes);
    list->entries = xcalloc(count + 1, sizeof *list->entries);
    for (size_t i = 0; i < count; i++) {
        list->entries[i] = make_sense(&all[i], media, &sense);
        if (all[i].span.point)
            reply_note(notes, "where only one time is said, the seconds around it are shown");
        if (all[i].text)
            list->entries[i].text = reply_cut(all[i].text, REPLY_LIST_MAX_TEXT_BYTES);
    }
    list->count = count;
    fit_scores(list);
    return (int)count;
}
