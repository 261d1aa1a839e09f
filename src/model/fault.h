// What it means when a service of models does not answer as hoped, and what to do about it.
//
// The status of an answer is the least of it: DashScope says errors under HTTP 200, in events, in
// tasks and in single results of a task; its `insufficient_quota` is a limit of tokens a minute,
// which passes, and the same word of OpenAI is an empty purse, which does not.  So the code counts
// first, then the text, then the status, by a table per service.
//
// Reads only what it is given; nothing here sends, waits or logs.
#ifndef CLIPSPOOL_FAULT_H
#define CLIPSPOOL_FAULT_H

#include "base/err.h"
#include "net/answer.h"

enum fault_service {
    FAULT_DASHSCOPE = 1,  // native addresses
    FAULT_COMPATIBLE = 2, // DashScope under /compatible-mode
    FAULT_OPENAI = 4,     // and servers of one's own that speak like it
};

enum fault_kind {
    FAULT_NONE,      // it can be read
    FAULT_BUSY,      // overloaded, broken for the moment, too slow
    FAULT_REQUESTS,  // too many requests a minute
    FAULT_TOKENS,    // too many tokens a minute
    FAULT_BURST,     // more at once than before: go on more slowly
    FAULT_GARBLED,   // cut in the middle, or not what the service speaks
    FAULT_PARTIAL,   // the service ran out of time and answered with a part
    FAULT_TASK_LOST, // a task that the service does not know or gave up: submit it anew
    FAULT_EXPIRED,   // what was prepared for it (an upload policy) is over: prepare it anew
    FAULT_PURSE,     // nobody pays; stop asking
    FAULT_KEY,       // the key is refused
    FAULT_FORBIDDEN, // the key is good, but not for this
    FAULT_NOT_THERE, // no such model or address
    FAULT_FORMAT,    // the form of answer that was asked for is not known
    FAULT_REQUEST,   // the request is wrong
    FAULT_CONTENT,   // what was sent or asked is not allowed
    FAULT_MEDIA,     // the service could not fetch or decode the video
    FAULT_TOO_LARGE,
    FAULT_KINDS,
};

struct fault_answer {
    enum fault_service service;
    const struct answer *head;
    const char *body; // may be NULL if size is 0
    size_t size;
    bool cut; // the connection ended before the body did
};

struct fault {
    enum fault_kind kind;
    int status;         // of the answer, or the one said inside it
    unsigned tries;     // how often the same request may still be sent; 0: never
    double retry_after; // seconds that the service asked to wait; 0: none
    char code[64];      // of the service; printable, or empty
    char text[240];     // of the service, escaped, without anything that looks like a key; or empty
    char request_id[80]; // for asking the service's people; printable, or empty
};

enum { FAULT_MOST_TRIES = 5 };

// Judges an answer at the time `now` (for dates in Retry-After).
void fault_judge(const struct fault_answer *answer, time_t now, struct fault *ret);

// A stable word for the kind, for status.json and the log ("throttled_tokens").  Of constant
// storage.
const char *fault_word(enum fault_kind kind);

// The fault as an error: `who` was asked ("dashscope qwen-vl-max") with the credential of that
// name. Returns a negative.
int fault_error(const struct fault *fault, const char *who, const char *credential,
                struct err *err);

// How long to wait before the try after `tried` ones, in seconds: what the service asked for, else
// from a second doubling to a minute (limits a minute: from four seconds), times `chance`, a random
// number from 0 to 1, so that many do not come back together.
double fault_wait(const struct fault *fault, unsigned tried, double chance);

#endif
