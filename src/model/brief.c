// Details with a worth and a price, the weakest left out until the rest fits, in windows.
#include "model/brief.h"

#include "base/text.h"
#include "model/reply.h"
#include "model/tokens.h"
#include <math.h>
#include <stdio.h>

// What one detail may take; a name that is longer says nothing more.
enum { NAME_BYTES = 60, DETAIL_BYTES = 300, SUMMARY_BYTES = 1200, TAGS_BYTES = 400 };
// Numbers and labels around the texts of a video, and of a detail.
enum { SOURCE_LABELS = 120, DETAIL_LABELS = 30 };

// What was said counts as the strongest moment it belongs to, else as this; where a cut is matters
// less than anything that happens.
static const double plain_line = 0.3, cut_part = 0.25;

enum kind { SCENE, MOMENT, LINE, CUT, KINDS };

struct detail {
    enum kind kind;
    double start, end, worth;
    const char *text; // borrowed
    uint64_t tokens;
    uint32_t rank; // of equals of a kind, the greatest goes first
    bool left_out;
    size_t stretch; // of its video, from 0
};

struct told {
    const struct brief_source *source;
    char *head; // owned
    uint64_t head_tokens;
    struct detail *details;  // in order of kind, then of time; owned
    struct detail **by_time; // the same; owned
    size_t count;
    size_t beyond; // lines that were not even weighed
};

struct telling {
    struct told *sources;
    size_t count;
    struct brief_bound bound;
};

// ---- texts from outside

// What could end a line or a quote, or turn it around, becomes a blank.
static void make_plain(char *text)
{
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7F)
            *c = ' ';
        else if (*c == '"' || *c == '`' || *c == '\\')
            *c = '\'';
}

static char *plain(const char *text, size_t max_bytes)
{
    cleanup(free_ptr) char *cut = reply_cut(text, max_bytes);
    make_plain(cut);
    // Only bytes that are no UTF-8 and marks of direction are left to escape.
    cleanup(free_ptr) char *escaped = text_escape(cut);
    make_plain(escaped);
    return reply_cut(escaped, max_bytes);
}

char *brief_quote(const char *text, size_t max_bytes)
{
    cleanup(free_ptr) char *told = plain(text, max_bytes);
    return xasprintf("\"%s\"", told);
}

char *brief_name(const char *name)
{
    return plain(name, NAME_BYTES);
}

static uint64_t price(const char *text)
{
    return tokens_of_text(text, strlen(text));
}

// ---- a detail

// Gives a line, or of a cut what is put behind the others.
static char *detail_text(const struct detail *detail)
{
    if (detail->kind == CUT)
        return xasprintf(" %.1f", detail->start);
    cleanup(free_ptr) char *quoted = brief_quote(detail->text, DETAIL_BYTES);
    if (detail->kind == LINE)
        return xasprintf("  said %.1f-%.1f: %s\n", detail->start, detail->end, quoted);
    return xasprintf("  %s %.1f-%.1f (%.2f): %s\n", detail->kind == SCENE ? "scene" : "moment",
                     detail->start, detail->end, detail->worth, quoted);
}

// Every other one has a greater rank than its neighbours, of those left every other one again, so
// that what is left out of equals is spread over them.
static uint32_t rank_of(size_t number)
{
    uint32_t rank = 0;
    for (int bit = 0; bit < 32; bit++)
        rank |= (uint32_t)(number >> bit & 1) << (31 - bit);
    return rank;
}

static void add(struct told *told, struct detail detail)
{
    cleanup(free_ptr) char *text = detail_text(&detail);
    detail.tokens = price(text);
    detail.rank = rank_of(told->count);
    told->details[told->count++] = detail;
}

static void add_spans(struct told *told, enum kind kind, const struct analysis_span *spans,
                      size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double worth = fmin(fmax(spans[i].score, 0), 1) * (kind == CUT ? cut_part : 1);
        // Every source begins with a shot.
        if (kind != CUT || spans[i].start > 0)
            add(told, (struct detail){
                          .kind = kind,
                          .start = spans[i].start,
                          .end = spans[i].end,
                          .worth = worth,
                          .text = spans[i].text,
                      });
    }
}

static double worth_of_line(const struct analysis *analysis, const struct brief_line *line)
{
    double worth = plain_line;
    for (size_t i = 0; i < analysis->moment_count; i++) {
        const struct analysis_span *moment = &analysis->moments[i];
        if (moment->start < line->end && line->start < moment->end)
            worth = fmax(worth, fmin(moment->score, 1));
    }
    return worth;
}

static void add_lines(struct told *told, const struct brief_source *source)
{
    size_t count = source->line_count < BRIEF_MAX_LINES ? source->line_count : BRIEF_MAX_LINES;
    for (size_t i = 0; i < count; i++) {
        const struct brief_line *line = &source->lines[i];
        if (!(line->start >= 0 && line->start < source->duration && line->start <= line->end))
            continue;
        add(told, (struct detail){
                      .kind = LINE,
                      .start = line->start,
                      .end = fmin(line->end, source->duration),
                      .worth = worth_of_line(source->analysis, line),
                      .text = line->text,
                  });
    }
    told->beyond = source->line_count - count;
}

// ---- a video

static char *tags_text(char *const *tags, size_t max_bytes)
{
    char *all = xstrdup("");
    for (; tags && *tags && strlen(all) < max_bytes; tags++) {
        cleanup(free_ptr) char *before = all;
        cleanup(free_ptr) char *quoted = brief_quote(*tags, max_bytes - strlen(all));
        all = xasprintf("%s%s %s", before, *before ? "," : "", quoted);
    }
    return all;
}

static size_t share(const struct telling *telling, size_t parts, size_t most)
{
    uint64_t all = telling->bound.tokens * telling->bound.windows / (parts * telling->count);
    return all < most ? (size_t)all : most;
}

static int earlier(const void *a, const void *b)
{
    const struct detail *const *x = a, *const *y = b;
    if ((*x)->start != (*y)->start)
        return (*x)->start < (*y)->start ? -1 : 1;
    return (*x > *y) - (*x < *y);
}

static void begin_source(const struct telling *telling, size_t index, struct told *told)
{
    const struct brief_source *source = told->source;
    const struct analysis *analysis = source->analysis;
    cleanup(free_ptr) char *name = brief_quote(source->name, NAME_BYTES);
    cleanup(free_ptr) char *summary =
        brief_quote(analysis->summary, share(telling, 4, SUMMARY_BYTES));
    cleanup(free_ptr) char *tags = tags_text(analysis->tags, share(telling, 8, TAGS_BYTES));
    told->head =
        xasprintf("video %zu: %s, %.1f s\n  summary: %s\n%s%s%s", index, name, source->duration,
                  summary, *tags ? "  tags:" : "", tags, *tags ? "\n" : "");
    told->head_tokens = price(told->head) + SOURCE_LABELS;
    told->details = xcalloc(analysis->scene_count + analysis->moment_count + analysis->shot_count +
                                source->line_count + 1,
                            sizeof *told->details);
    add_spans(told, SCENE, analysis->scenes, analysis->scene_count);
    add_spans(told, MOMENT, analysis->moments, analysis->moment_count);
    add_lines(told, source);
    add_spans(told, CUT, analysis->shots, analysis->shot_count);
    told->by_time = xcalloc(told->count + 1, sizeof(*told->by_time));
    for (size_t i = 0; i < told->count; i++)
        told->by_time[i] = &told->details[i];
    qsort(told->by_time, told->count, sizeof(*told->by_time), earlier);
}

static void telling_release(struct telling *telling)
{
    for (size_t i = 0; i < telling->count; i++) {
        free(telling->sources[i].head);
        free(telling->sources[i].details);
        free(telling->sources[i].by_time);
    }
    free(telling->sources);
}

// ---- windows

static uint64_t details_price(const struct told *told)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < told->count; i++)
        sum += told->details[i].left_out ? 0 : told->details[i].tokens;
    return sum;
}

// How many stretches a video has to be told in; 1: it fits into a window.  A stretch may have a
// detail more than its part.
static size_t stretches_of(const struct telling *telling, const struct told *told)
{
    uint64_t all = details_price(told);
    if (told->head_tokens + all <= telling->bound.tokens)
        return 1;
    uint64_t room = telling->bound.tokens - told->head_tokens - DETAIL_BYTES - DETAIL_LABELS;
    return (size_t)((all + room - 1) / room);
}

// What is told in a window: videos from first to before last, or a stretch of one.
struct extent {
    size_t first, last;
    bool is_stretch;
    size_t stretch;
    double start, end; // of the stretch
};

struct extents {
    struct extent *all; // owned, or NULL: they are only counted
    size_t count;
};

static void add_extent(struct extents *extents, struct extent extent)
{
    if (extents->all)
        extents->all[extents->count] = extent;
    extents->count++;
}

// Cuts a video where its details, in order of time, have cost their part.
static void add_stretches(const struct told *told, size_t index, size_t parts,
                          struct extents *extents)
{
    uint64_t all = details_price(told), sum = 0;
    struct extent extent = { .first = index, .last = index + 1, .is_stretch = true };
    for (size_t i = 0; i < told->count; i++) {
        struct detail *detail = told->by_time[i];
        if (extent.stretch + 1 < parts && sum * parts >= all * (extent.stretch + 1)) {
            extent.end = detail->start;
            add_extent(extents, extent);
            extent.start = detail->start;
            extent.stretch++;
        }
        detail->stretch = extent.stretch;
        sum += detail->left_out ? 0 : detail->tokens;
    }
    extent.end = told->source->duration;
    add_extent(extents, extent);
}

static void divide(const struct telling *telling, struct extents *extents)
{
    uint64_t sum = 0;
    size_t first = 0;
    for (size_t i = 0; i < telling->count; i++) {
        const struct told *told = &telling->sources[i];
        if (!told->head)
            continue;
        size_t parts = stretches_of(telling, told);
        uint64_t needed = told->head_tokens + details_price(told);
        if (sum > 0 && (parts > 1 || sum + needed > telling->bound.tokens)) {
            add_extent(extents, (struct extent){ .first = first, .last = i });
            sum = 0;
        }
        if (parts > 1) {
            add_stretches(told, i, parts, extents);
            continue;
        }
        first = sum > 0 ? first : i;
        sum += needed;
    }
    if (sum > 0)
        add_extent(extents, (struct extent){ .first = first, .last = telling->count });
}

// ---- leaving out

static int weaker(const void *a, const void *b)
{
    const struct detail *const *x = a, *const *y = b;
    if ((*x)->worth != (*y)->worth)
        return (*x)->worth < (*y)->worth ? -1 : 1;
    if ((*x)->kind != (*y)->kind)
        return (*x)->kind > (*y)->kind ? -1 : 1;
    return ((*x)->rank < (*y)->rank) - ((*x)->rank > (*y)->rank);
}

static bool fits_without(const struct telling *telling, struct detail **order, size_t count,
                         size_t without)
{
    for (size_t i = 0; i < count; i++)
        order[i]->left_out = i < without;
    struct extents extents = { .all = NULL };
    divide(telling, &extents);
    return extents.count <= telling->bound.windows;
}

// Leaves out no more than is needed.
static void leave_out(const struct telling *telling)
{
    size_t count = 0;
    for (size_t i = 0; i < telling->count; i++)
        count += telling->sources[i].count;
    cleanup(free_ptr) struct detail **order = xcalloc(count + 1, sizeof(*order));
    count = 0;
    for (size_t i = 0; i < telling->count; i++)
        for (size_t j = 0; j < telling->sources[i].count; j++)
            order[count++] = &telling->sources[i].details[j];
    qsort(order, count, sizeof(*order), weaker);
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (fits_without(telling, order, count, middle))
            high = middle;
        else
            low = middle + 1;
    }
    (void)fits_without(telling, order, count, low);
}

// ---- writing

static bool belongs(const struct detail *detail, const struct extent *extent)
{
    return !extent->is_stretch || detail->stretch == extent->stretch;
}

static size_t write_left_out(const struct told *told, const size_t counts[KINDS], FILE *out)
{
    static const char *const names[KINDS] = { "scenes", "moments", "lines", "cuts" };
    size_t sum = 0;
    for (size_t kind = 0; kind < KINDS; kind++) {
        size_t count = counts[kind] + (kind == LINE ? told->beyond : 0);
        if (count > 0)
            (void)fprintf(out, "%s %zu %s", sum ? "," : "  left out here, the weakest:", count,
                          names[kind]);
        sum += count;
    }
    if (sum > 0)
        (void)fputc('\n', out);
    return sum;
}

// Returns how many details were left out.
static size_t write_source(const struct told *told, struct extent *extent, FILE *out)
{
    size_t left_out[KINDS] = { 0 }, cuts = 0;
    double until = extent->end;
    (void)fputs(told->head, out);
    if (extent->is_stretch)
        (void)fprintf(out, "  told here: %.1f s to %.1f s of it\n", extent->start, extent->end);
    for (size_t i = 0; i < told->count; i++) {
        const struct detail *detail = &told->details[i];
        if (!belongs(detail, extent))
            continue;
        left_out[detail->kind] += detail->left_out;
        if (detail->left_out)
            continue;
        cleanup(free_ptr) char *text = detail_text(detail);
        if (detail->kind == CUT && cuts++ == 0)
            (void)fputs("  cuts at:", out);
        (void)fputs(text, out);
        // What begins in the stretch may be shown to its end.
        if (extent->is_stretch && (detail->kind == MOMENT || detail->kind == LINE))
            until = fmax(until, detail->end);
    }
    if (cuts > 0)
        (void)fputc('\n', out);
    // Details that all begin at once.
    extent->end = extent->is_stretch && until <= extent->start ? told->source->duration : until;
    return write_left_out(told, left_out, out);
}

static void write_window(const struct telling *telling, struct extent *extent,
                         struct brief_window *window)
{
    size_t size = 0;
    FILE *out = open_memstream(&window->text, &size);
    if (!out)
        base_out_of_memory();
    window->durations = xcalloc(telling->count + 1, sizeof *window->durations);
    for (size_t i = extent->first; i < extent->last; i++) {
        const struct told *told = &telling->sources[i];
        if (!told->head)
            continue;
        window->durations[i] = told->source->duration;
        window->left_out += write_source(told, extent, out);
    }
    if (fclose(out) != 0)
        base_out_of_memory();
    window->start = extent->start;
    window->end = extent->end;
}

static void write_windows(const struct telling *telling, struct brief *brief)
{
    struct extents extents = { .all = NULL };
    divide(telling, &extents);
    cleanup(free_ptr) struct extent *all = xcalloc(extents.count + 1, sizeof *all);
    extents = (struct extents){ .all = all };
    divide(telling, &extents);
    brief->windows = xcalloc(extents.count + 1, sizeof *brief->windows);
    for (; brief->count < extents.count; brief->count++)
        write_window(telling, &all[brief->count], &brief->windows[brief->count]);
}

static void raise_bound(struct brief_bound *bound, size_t count)
{
    bound->windows = bound->windows > 0 ? bound->windows : 1;
    uint64_t least = (uint64_t)BRIEF_LEAST_SOURCE_TOKENS * count / bound->windows;
    bound->tokens = bound->tokens > least ? bound->tokens : least;
    if (bound->tokens < BRIEF_LEAST_TOKENS)
        bound->tokens = BRIEF_LEAST_TOKENS;
}

void brief_make(const struct brief_source *sources, size_t count, const struct brief_bound *bound,
                struct brief *ret)
{
    cleanup(telling_release) struct telling telling = {
        .sources = xcalloc(count + 1, sizeof *telling.sources),
        .count = count,
        .bound = *bound,
    };
    raise_bound(&telling.bound, count);
    for (size_t i = 0; i < count; i++) {
        telling.sources[i].source = &sources[i];
        if (sources[i].duration > 0)
            begin_source(&telling, i, &telling.sources[i]);
    }
    leave_out(&telling);
    write_windows(&telling, ret);
}

void brief_release(struct brief *brief)
{
    for (size_t i = 0; i < brief->count; i++) {
        free(brief->windows[i].text);
        free(brief->windows[i].durations);
    }
    free(brief->windows);
    *brief = (struct brief)BRIEF_INIT;
}
