// The facts of a file, measured rather than believed: every packet's time is read, the first
// pictures are decoded.  Headers lie about duration, rate and interlacing.
#ifndef CLIPSPOOL_INSPECT_H
#define CLIPSPOOL_INSPECT_H

#include "spool/probe.h"

struct inspect_rules {
    int64_t max_pixels;
    int max_streams;
    void (*progress)(void *context, double fraction); // or NULL
    void *context;
};

// Fills *ret_probe (probe_release) from the open file.  Errors: those of source_open and
// source_decode; ERR_INPUT "too_many_pictures" beyond four hours at 120 a second.
int inspect_file(int fd, const struct inspect_rules *rules, struct probe *ret_probe,
                 struct err *err);

#endif
