// A list of spans of videos out of an answer, in seconds of each video.
//
// What numbers in an answer mean is not certain: seconds or milliseconds, of the video, of the part
// of it that the model was shown, or of all videos behind each other; videos counted from 0 or from
// 1.  All of an answer is written in one sense, so each sense is tried on all of it, and the one in
// which most spans lie within their video is taken; the one that was asked for wins a tie.  Which
// it is, if not that, is noted.
#ifndef CLIPSPOOL_REPLY_LIST_H
#define CLIPSPOOL_REPLY_LIST_H

#include "base/json.h"

enum { REPLY_LIST_MAX = 2000, REPLY_LIST_MAX_TEXT_BYTES = 2000 };

// What was asked about.  Borrowed.
struct reply_media {
    const double *durations;  // seconds of each video; 0: it cannot be cut
    const char *const *names; // of the videos as they were said to the model, or NULL
    size_t count;
    // The part of the only video that was shown, in its seconds; end 0: all of it.
    double window_start, window_end;
    // The answer that the prompt shows as an example, or NULL: its times should be none that occur.
    json_t *example;
};

struct reply_entry {
    int video;         // from 0; -1: none of them, or not to be told
    double start, end; // seconds; NAN: not to be read.  Not yet held against the video
    double score;      // 0..1; NAN: not said
    char *text;        // why or what; owned, or NULL
};

struct reply_list {
    struct reply_entry *entries;
    size_t count;
};
#define REPLY_LIST_INIT \
    {                   \
        .count = 0      \
    }
void reply_list_release(struct reply_list *list);

// Reads the list under one of `names` (as of reply_span_member), wherever it is in the answer; with
// `any` also a list under another name, and an object that is itself an entry.  Where only one time
// was said, the span is the four seconds around it.  Fills *list, which is INIT or released.
// Returns the number of entries, 0 also if there is no list, or a negative with ERR_INPUT
// "example_in_reply" if it is the example of the prompt.
int reply_list_read(json_t *json, const char *const *names, bool any,
                    const struct reply_media *media, struct reply_list *list, json_t *notes,
                    struct err *err);

// What is under one of the names at the top of the answer or below a wrapping.  Borrowed, or NULL.
json_t *reply_list_member(json_t *json, const char *const *names);

#endif
