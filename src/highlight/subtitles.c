// Words become lines, lines become cues.

#include "highlight/subtitles.h"

#include <math.h>
#include <stdio.h>

// Less cannot be read; what stays longer is read twice.
static const double shortest = 1, longest = 7;

// ---- characters

// The number of bytes of the character at `at`, which is UTF-8, and what it is.
static size_t character(const char *at, uint32_t *ret_code)
{
    const unsigned char *bytes = (const unsigned char *)at;
    size_t size = bytes[0] < 0x80 ? 1 : bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
    uint32_t code = size == 1 ? bytes[0] : bytes[0] & (0xffU >> (size + 1));
    for (size_t i = 1; i < size; i++)
        code = code << 6 | (bytes[i] & 0x3fU);
    *ret_code = code;
    return size;
}

// Scripts without spaces, and what is as wide: ideographs, kana, hangul, full width forms.
static bool is_wide(uint32_t code)
{
    return (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xd7a3) ||
           (code >= 0xf900 && code <= 0xfaff) || (code >= 0xfe30 && code <= 0xfe6f) ||
           (code >= 0xff00 && code <= 0xff60) || (code >= 0x20000 && code <= 0x3ffff);
}

// Stays with what is before it.
static bool is_wide_mark(uint32_t code)
{
    return (code >= 0x3000 && code <= 0x303f) || (code >= 0xff00 && code <= 0xff0f) ||
           (code >= 0xff1a && code <= 0xff20);
}

static size_t width_of(const char *text, size_t size)
{
    size_t width = 0;
    uint32_t code;
    for (size_t at = 0; at < size;) {
        at += character(text + at, &code);
        width += is_wide(code) ? 2 : 1;
    }
    return width;
}

// ---- units: what is never parted

struct unit {
    const char *text; // borrowed from a transcript
    size_t size;
    double start, end; // seconds of the reel
    bool is_spaced;    // a space before it, unless it begins a line
    bool is_first;     // of its sentence
    size_t place;
};

struct units {
    struct unit *units;
    size_t count, capacity;
};

static void add_unit(struct units *list, const struct unit *unit)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 64;
        list->units = xrealloc(list->units, list->capacity, sizeof *list->units);
    }
    list->units[list->count++] = *unit;
}

// The bytes of the next unit of a text that has no space there: up to a space, what follows a wide
// character and is no mark, or the width of a line.
static size_t unit_size(const char *text, size_t left)
{
    size_t at = 0, width = 0;
    bool was_wide = false;
    while (at < left && text[at] != ' ') {
        uint32_t code;
        size_t size = character(text + at, &code);
        size_t wide = is_wide(code) ? 2 : 1;
        bool parts = at > 0 && (was_wide || wide == 2) && !is_wide_mark(code);
        if (at + size > left || parts || width + wide > SUBTITLES_COLUMNS)
            break;
        was_wide = wide == 2;
        width += wide;
        at += size;
    }
    return at;
}

// Adds the units of a text that is said from `start` to `end`, each with its share of the time.
static void add_text(struct units *list, const char *text, double start, double end,
                     const struct unit *like)
{
    size_t length = strlen(text);
    bool is_first = like->is_first, is_spaced = like->is_spaced;
    for (size_t at = 0; at < length;) {
        if (text[at] == ' ') {
            is_spaced = true;
            at++;
            continue;
        }
        size_t size = unit_size(text + at, length - at);
        if (size == 0)
            return; // not reached with UTF-8
        struct unit unit = *like;
        unit.text = text + at;
        unit.size = size;
        unit.start = start + (end - start) * (double)at / (double)length;
        unit.end = start + (end - start) * (double)(at + size) / (double)length;
        unit.is_first = is_first;
        unit.is_spaced = is_spaced;
        add_unit(list, &unit);
        is_first = is_spaced = false;
        at += size;
    }
}

// Whether a space parts two words: not where either script has none.
static bool are_spaced(const char *before, const char *text)
{
    uint32_t first, last = 0;
    (void)character(text, &first);
    while (*before)
        before += character(before, &last);
    return !is_wide(first) && !is_wide(last);
}

// ---- what a segment shows

// A stretch of a source on the reel's time line.
struct window {
    const struct plan_place *place;
    size_t number;
};

static double to_reel(const struct plan_place *place, double time)
{
    double since = fmin(fmax(time - place->source, 0), place->duration);
    return place->start + since;
}

static bool shows(const struct plan_place *place, double start, double end)
{
    double middle = (start + end) / 2;
    return middle >= place->source && middle < place->source + place->duration;
}

static void add_words(struct units *list, const struct transcript *transcript,
                      const struct transcript_sentence *sentence, const struct window *window)
{
    const char *before = NULL;
    for (size_t i = 0; i < sentence->word_count; i++) {
        const struct transcript_word *word = &transcript->words[sentence->first_word + i];
        if (!shows(window->place, word->start, word->end))
            continue;
        const struct unit like = { .is_first = before == NULL,
                                   .is_spaced = before == NULL || are_spaced(before, word->text),
                                   .place = window->number };
        add_text(list, word->text, to_reel(window->place, word->start),
                 to_reel(window->place, word->end), &like);
        before = word->text;
    }
}

// Where only sentences have times, words have a share each.
static void add_untimed(struct units *list, const struct transcript_sentence *sentence,
                        const struct window *window)
{
    struct units all = { .count = 0 };
    const struct unit like = { .is_first = true, .is_spaced = true, .place = window->number };
    add_text(&all, sentence->text, sentence->start, sentence->end, &like);
    bool is_first = true;
    for (size_t i = 0; i < all.count; i++) {
        struct unit unit = all.units[i];
        if (!shows(window->place, unit.start, unit.end))
            continue;
        unit.start = to_reel(window->place, unit.start);
        unit.end = to_reel(window->place, unit.end);
        unit.is_first = is_first;
        is_first = false;
        add_unit(list, &unit);
    }
    free(all.units);
}

static void add_place(struct units *list, const struct transcript *transcript,
                      const struct window *window)
{
    const struct plan_place *place = window->place;
    for (size_t i = 0; i < transcript->sentence_count; i++) {
        const struct transcript_sentence *sentence = &transcript->sentences[i];
        if (sentence->end <= place->source || sentence->start >= place->source + place->duration)
            continue;
        if (sentence->word_count > 0)
            add_words(list, transcript, sentence, window);
        else
            add_untimed(list, sentence, window);
    }
}

// ---- cues

struct cue { // under way
    char text[SUBTITLES_LINES * (4 * SUBTITLES_COLUMNS + 1) + 1];
    size_t size, lines, width; // the last: of the line
    double start, end;
    size_t place;
};

static void close_cue(struct cue *cue, struct subtitles *ret)
{
    if (cue->size == 0)
        return;
    ret->cues[ret->count++] =
        (struct subtitles_cue){ cue->start, cue->end, xstrndup(cue->text, cue->size) };
    *cue = (struct cue){ .size = 0 };
}

// A sentence begins a cue of its own, unless the one before could not be read then.
static bool begins_cue(const struct cue *cue, const struct unit *unit)
{
    if (cue->size == 0 || unit->place != cue->place || unit->end - cue->start > longest)
        return true;
    return unit->is_first && unit->start - cue->start >= shortest;
}

// Puts the unit behind the others, on a new line if it must be.  False if there is no room.
static bool append(struct cue *cue, const struct unit *unit)
{
    size_t width = width_of(unit->text, unit->size);
    size_t space = cue->width > 0 && unit->is_spaced;
    if (cue->size > 0 && cue->width + space + width > SUBTITLES_COLUMNS) {
        if (cue->lines == SUBTITLES_LINES)
            return false;
        cue->text[cue->size++] = '\n';
        cue->lines++;
        cue->width = space = 0;
    }
    if (cue->size == 0) {
        cue->start = unit->start;
        cue->place = unit->place;
        cue->lines = 1;
        space = 0;
    }
    if (space)
        cue->text[cue->size++] = ' ';
    memcpy(cue->text + cue->size, unit->text, unit->size);
    cue->size += unit->size;
    cue->width += space + width;
    cue->end = unit->end;
    return true;
}

// What is short stays until it can be read, or the next one begins.
static void linger(struct subtitles *subtitles, double reel_end)
{
    for (size_t i = 0; i < subtitles->count; i++) {
        struct subtitles_cue *cue = &subtitles->cues[i];
        double next = i + 1 < subtitles->count ? subtitles->cues[i + 1].start : reel_end;
        cue->end = fmin(fmin(fmax(cue->end, cue->start + shortest), cue->start + longest), next);
    }
}

void subtitles_make(const struct plan_place *places, size_t place_count,
                    const struct transcript *transcripts, size_t source_count,
                    struct subtitles *ret)
{
    struct units list = { .count = 0 };
    struct cue cue = { .size = 0 };
    double reel_end = 0;
    for (size_t i = 0; i < place_count; i++) {
        int index = places[i].video_index;
        reel_end = fmax(reel_end, places[i].start + places[i].duration);
        if (index >= 0 && (size_t)index < source_count)
            add_place(&list, &transcripts[index], &(struct window){ &places[i], i });
    }
    ret->cues = xcalloc(list.count + 1, sizeof *ret->cues);
    for (size_t i = 0; i < list.count; i++) {
        if (begins_cue(&cue, &list.units[i]))
            close_cue(&cue, ret);
        if (append(&cue, &list.units[i]))
            continue;
        close_cue(&cue, ret);
        (void)append(&cue, &list.units[i]); // a unit fits a line
    }
    close_cue(&cue, ret);
    free(list.units);
    linger(ret, reel_end);
}

void subtitles_release(struct subtitles *subtitles)
{
    for (size_t i = 0; i < subtitles->count; i++)
        free(subtitles->cues[i].text);
    free(subtitles->cues);
    *subtitles = (struct subtitles)SUBTITLES_INIT;
}

// ---- files

// SubRip has no escapes: what players take for tags becomes its likeness.
static const char *const srt_marks[][2] = {
    { "<", "\xe2\x80\xb9" }, { ">", "\xe2\x80\xba" }, { "{", "(" }, { "}", ")" }, { NULL, NULL },
};
static const char *const vtt_marks[][2] = {
    { "&", "&amp;" },
    { "<", "&lt;" },
    { ">", "&gt;" },
    { NULL, NULL },
};

static void put_escaped(FILE *stream, const char *text, const char *const (*marks)[2])
{
    for (const char *at = text; *at; at++) {
        size_t i = 0;
        while (marks[i][0] && *marks[i][0] != *at)
            i++;
        if (marks[i][0])
            (void)fputs(marks[i][1], stream);
        else
            (void)fputc(*at, stream);
    }
}

static void put_time(FILE *stream, double seconds, char point)
{
    long long all = llround(seconds * 1000);
    (void)fprintf(stream, "%02lld:%02lld:%02lld%c%03lld", all / 3600000, all / 60000 % 60,
                  all / 1000 % 60, point, all % 1000);
}

struct format {
    const char *head;
    bool is_numbered;
    char point;
    const char *const (*marks)[2];
};

static char *to_text(const struct subtitles *subtitles, const struct format *format)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    if (stream == NULL)
        base_out_of_memory();
    (void)fputs(format->head, stream);
    for (size_t i = 0; i < subtitles->count; i++) {
        const struct subtitles_cue *cue = &subtitles->cues[i];
        if (format->is_numbered)
            (void)fprintf(stream, "%zu\n", i + 1);
        put_time(stream, cue->start, format->point);
        (void)fputs(" --> ", stream);
        put_time(stream, cue->end, format->point);
        (void)fputc('\n', stream);
        put_escaped(stream, cue->text, format->marks);
        (void)fputs("\n\n", stream);
    }
    if (fclose(stream) != 0)
        base_out_of_memory();
    return text;
}

char *subtitles_to_srt(const struct subtitles *subtitles)
{
    return to_text(subtitles, &(struct format){ "", true, ',', srt_marks });
}

char *subtitles_to_vtt(const struct subtitles *subtitles)
{
    return to_text(subtitles, &(struct format){ "WEBVTT\n\n", false, '.', vtt_marks });
}
