// The small copy of a source that a vision model sees, and the signals, in one decode.
#ifndef CLIPSPOOL_PROXY_H
#define CLIPSPOOL_PROXY_H

#include "spool/job.h"
#include "spool/probe.h"
#include "spool/signals.h"

struct proxy_profile {
    const char *name, *preset; // preset: of x264
    int height, fps;           // at most
    int64_t peak_rate;         // bit/s
    int64_t sound_bitrate;     // bit/s, of two channels
    int sound_rate;            // at most
    int crf;
};

// The profile's values; PROFILE_DYNAMIC chooses by duration: under 3 min conservative, under 7
// balanced, else aggressive.
const struct proxy_profile *proxy_profile(enum job_profile profile, double duration);

// Everything but the bytes of the source that decides what proxy_make makes of it, in words: with
// equal recipes equal files give equal proxies and signals.  Gives a string.
char *proxy_recipe(const struct proxy_profile *profile, const struct probe *probe);

struct proxy_wish {
    int source_fd; // read with offsets of its own
    int proxy_fd;  // empty, seekable and readable
    const struct probe *probe;
    const struct proxy_profile *profile;
    int64_t max_pixels;
    int max_streams;
    bool every_picture; // decode and measure also those that the proxy can do without (skim.h)
    struct wav *speech; // gets the sound as well (wav.h), unfinished; or NULL
    void (*progress)(void *context, double fraction); // or NULL
    void *context;
};

struct proxy_result {
    int width, height, fps_num, fps_den;
    int64_t frames;
    unsigned damage;     // packets and pictures that could not be decoded
    bool silent;         // there is a sound track that gave no sound
    double last_picture; // seconds; well below the probed duration if the end cannot be decoded
};

// Writes the proxy (MP4, H.264 and AAC, upright, square pixels, constant rate, its second 0 the
// source's) and fills *ret_signals (signals_release).  Never larger than the source in either
// dimension, never faster.  Errors: those of source_open and source_decode; ERR_INPUT "undecodable"
// if no picture came.
int proxy_make(const struct proxy_wish *wish, struct signals *ret_signals,
               struct proxy_result *ret_result, struct err *err);

#endif
