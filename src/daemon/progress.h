// How far a batch is and how long it will take, from what steps took before.  Pure.
//
// A step is expected to take (start-up) + (rate of its stage) x (seconds of material).  The rates
// begin as measured once and follow what really happens on this machine; one that runs slower than
// its stage did so far, as on a machine that has other things to do, is believed itself.
#ifndef CLIPSPOOL_PROGRESS_H
#define CLIPSPOOL_PROGRESS_H

#include "daemon/course.h"

struct progress_rates {
    double rate[STAGE_COUNT]; // seconds of work for a second of material
    double download;          // the same of fetch, for what is elsewhere
};
void progress_rates_init(struct progress_rates *rates);

// A step over `material` seconds took `took` seconds.
void progress_learn(struct progress_rates *rates, enum stage stage, double material, double took);
// The same of fetch, for what is elsewhere: lines and disks do not tell of each other.
void progress_learn_download(struct progress_rates *rates, double material, double took);

struct progress_view {
    const struct course *course;
    const struct progress_rates *rates;
    const double *material; // seconds of each source, probed or guessed
    const bool *elsewhere;  // of each source: it has to be downloaded; NULL: none has
    double reel_seconds;    // what the finished reel is meant to last
    unsigned side_by_side;  // steps of sources that can run at a time
    uint64_t now_us;
};

// 0..99: the share of expected work that is done.  May fall when an expectation changes; the caller
// keeps the highest.
double progress_percent(const struct progress_view *view);
// Seconds until the end if the batch gets its slots.
double progress_remaining(const struct progress_view *view);

// A guess at the seconds of a file that has not been probed.
double progress_guess_seconds(uint64_t size_bytes);

#endif
