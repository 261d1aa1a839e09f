// Progress for people: one line that is redrawn on a terminal, a line now and then elsewhere.
#ifndef CLIPSPOOL_METER_H
#define CLIPSPOOL_METER_H

#include "cli/view.h"
#include <stdio.h>

// Without a terminal: at most a line in this time, unless the activity changed.
enum { METER_PLAIN_US = 5000000 };

struct meter {
    FILE *out; // borrowed
    bool terminal, drawn;
    int64_t last_us; // when the last plain line was written
    char *last_activity;
};
#define METER_INIT  \
    {               \
        .out = NULL \
    }

// Keeps `out`.
void meter_open(struct meter *meter, FILE *out);
// Shows the view at monotonic time now_us.
void meter_show(struct meter *meter, const struct view *view, int64_t now_us);
// Removes the redrawn line, so that other text can follow.
void meter_clear(struct meter *meter);
void meter_release(struct meter *meter);

// The line for a terminal, at most `columns` wide: bar, percent, activity, time left, cut at the
// end where they do not fit; on a narrow terminal without the bar.  Gives a string.
char *meter_line(const struct view *view, unsigned columns);

#endif
