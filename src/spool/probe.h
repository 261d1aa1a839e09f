// The facts of one source, as the probe stage found them: probe.json.  Plain data; src/media fills
// it.
//
// Time in clipspool: second 0 of a source is the presentation time of its first displayed picture;
// plan, signals, analysis and transcripts all count from there, whatever start time, edit list or
// offset the container has.
#ifndef CLIPSPOOL_PROBE_H
#define CLIPSPOOL_PROBE_H

#include "base/json.h"

// A key frame a second for four hours fit; a list of more is thinned out.
enum { PROBE_MAX_KEY_FRAMES = 16384 };

struct probe {
    char container[32]; // libav's short name, first alternative ("mov", "matroska")
    uint64_t size_bytes;
    double duration; // seconds from the first picture to the end of the last one, measured, not
                     // from the header
    int64_t frames;  // pictures counted
    char codec[32];  // "h264"
    char pixel_format[32]; // "yuv420p10le"
    int width,
        height; // as displayed: after rotation and with square pixels, even numbers not enforced
    int coded_width, coded_height;
    int rotation;         // degrees clockwise to turn the coded picture for display: 0 90 180 270
    int sar_num, sar_den; // sample aspect of the coded picture
    int fps_num, fps_den; // average frame rate
    bool variable_rate, interlaced, hdr;
    int bit_depth;
    int64_t bit_rate; // of the whole file, bit/s
    int video_stream;
    double start_time; // container time of second 0
    bool has_audio;
    char audio_codec[32];
    int audio_stream, audio_channels, audio_rate; // stream is -1 without sound
    // Where a run of copied pictures may start, ascending; both owned.  Empty where pictures of the
    // codec are not copied.
    double *key_frames;   // seconds, as precise as a microsecond
    bool *key_frame_open; // its leading pictures must be left out of a copy; NULL: of none
    size_t key_frame_count;
    bool all_key_frames; // every picture is one; then they are not listed
    json_t *warnings;    // sentences ("the file is cut off after 12.3 s; what is there is used"),
                         // owned, or NULL
};
#define PROBE_INIT                             \
    {                                          \
        .audio_stream = -1, .video_stream = -1 \
    }

// The file: an object with a key for each member; key_frames as whole microseconds,
// open_key_frames the places in it (from 0) of the open ones.  What lacks a key or goes beyond its
// range is ERR_INPUT "bad_probe" and leaves *probe untouched.
json_t *probe_to_json(const struct probe *probe); // gives a reference
int probe_from_json(const json_t *object, struct probe *probe, struct err *err);

// SOURCE_PROBE in the open directory of a source.  probe_load: ERR_BUG "no_probe" where there is
// none.
int probe_save(int sourcedir, const struct probe *probe, struct err *err);
int probe_load(int sourcedir, struct probe *probe, struct err *err);
void probe_release(struct probe *probe);

#endif
