// Events of a text/event-stream, out of a text that is all there.
//
// DashScope answers a request that it refuses with HTTP 200 and an event "error"; the real status
// is only in a comment, ":HTTP_STATUS/400".  So comments of that form are kept.  A last event
// without its empty line is one too: connections end.
#ifndef CLIPSPOOL_SSE_H
#define CLIPSPOOL_SSE_H

#include "base/base.h"

struct sse {
    const char *at, *end;
};

struct sse_event {
    char *name; // of "event:"; "" if there is none
    char *data; // lines joined by "\n"; "" if there is none
    int status; // of the comment; 0: none
};
#define SSE_EVENT_INIT \
    {                  \
        .name = NULL   \
    }
void sse_event_release(struct sse_event *event);

// True for a text that begins like a stream of events, where nobody said what it is.
bool sse_is(const char *text, size_t length);

// Begins.  Keeps the text, which may hold any bytes.
void sse_begin(struct sse *sse, const char *text, size_t length);

// Fills *event, which is INIT or released, with the next event that says anything.  Returns 1, or 0
// at the end.
int sse_next(struct sse *sse, struct sse_event *event);

#endif
