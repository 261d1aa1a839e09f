// Progress for people.  The line stays one column short of the terminal: in the last column some
// terminals wrap at once, and a wrapped line cannot be redrawn.
#include "cli/meter.h"
#include "cli/screen.h"

#include <math.h>

enum { BAR_MIN = 10, BAR_MAX = 30 }; // cells; below the least, a bar says less than the number

void meter_open(struct meter *meter, FILE *out)
{
    *meter = (struct meter){ .out = out, .terminal = screen_is_terminal(out) };
}

void meter_release(struct meter *meter)
{
    free_ptr(&meter->last_activity);
}

static char *words(const struct view *view)
{
    cleanup(free_ptr) char *activity = view_activity(view), *left = view_remaining(view);
    cleanup(free_ptr) char *count = NULL;
    if (view->videos > 1 && view->processed < view->videos && view->word != STATUS_QUEUED)
        count = xasprintf(" (%d of %d videos done)", view->processed, view->videos);
    return xasprintf("%3.0f %%  %s%s%s%s", floor(view->progress), activity, count ? count : "",
                     *left ? ", " : "", left);
}

static char *bar(double percent, unsigned cells)
{
    unsigned full = (unsigned)(percent / 100 * cells);
    char *text = xcalloc(cells + 1, 1);
    memset(text, '.', cells);
    memset(text, '#', full > cells ? cells : full);
    return text;
}

// The bar depends on the terminal alone, so that it stands still while the words change.
char *meter_line(const struct view *view, unsigned columns)
{
    cleanup(free_ptr) char *text = words(view);
    unsigned cells = columns / 4 > BAR_MAX ? BAR_MAX : columns / 4;
    if (cells < BAR_MIN)
        return screen_fit(text, columns);
    cleanup(free_ptr) char *drawn = bar(view->progress, cells);
    cleanup(free_ptr) char *fitted = screen_fit(text, columns - cells - 3);
    return xasprintf("[%s] %s", drawn, fitted);
}

static void draw(struct meter *meter, const struct view *view)
{
    unsigned width = screen_width(meter->out);
    cleanup(free_ptr) char *line = meter_line(view, width > 1 ? width - 1 : 1);
    fprintf(meter->out, "\r%s\x1b[K", line);
    meter->drawn = true;
}

static void write_line(struct meter *meter, const struct view *view, int64_t now_us)
{
    cleanup(free_ptr) char *activity = view_activity(view);
    bool news = !meter->last_activity || strcmp(activity, meter->last_activity) != 0;
    if (!news && now_us - meter->last_us < METER_PLAIN_US)
        return;
    cleanup(free_ptr) char *text = words(view);
    fprintf(meter->out, "%s\n", text);
    meter->last_us = now_us;
    free_ptr(&meter->last_activity);
    meter->last_activity = TAKE(activity);
}

void meter_show(struct meter *meter, const struct view *view, int64_t now_us)
{
    if (meter->terminal)
        draw(meter, view);
    else
        write_line(meter, view, now_us);
    (void)fflush(meter->out);
}

void meter_clear(struct meter *meter)
{
    if (meter->drawn)
        fputs("\r\x1b[K", meter->out);
    meter->drawn = false;
    (void)fflush(meter->out);
}
