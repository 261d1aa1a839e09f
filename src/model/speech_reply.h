// What services say was said, read as distrustfully as any answer of theirs.
//
// DashScope's recognisers answer in two steps: a task that one asks for until it is over, and a
// file of results at an address of its own.  OpenAI and servers like it answer at once.  Either way
// times are brought into order by transcript_settle.
#ifndef CLIPSPOOL_SPEECH_REPLY_H
#define CLIPSPOOL_SPEECH_REPLY_H

#include "spool/transcript.h"

enum { SPEECH_REPLY_MAX_ID = 128 };

struct speech_task {
    char id[SPEECH_REPLY_MAX_ID + 1]; // letters, digits, - and _ only; "" if none was told
    bool is_over;
    char *link;     // http or https, where the results are; NULL while it is not over.  Owned
    double seconds; // of sound that were billed; NAN: not said
    json_t *usage;  // as it came, or NULL; owned
};
#define SPEECH_TASK_INIT \
    {                    \
        .seconds = NAN   \
    }

// Reads the answer to submitting a task or to asking for it, in which fault_judge found no fault.
// *task is INIT.  Returns 0, or ERR_SERVICE "garbled_answer" if it tells neither a task nor an end.
int speech_reply_task(const json_t *json, struct speech_task *task, struct err *err);
void speech_task_release(struct speech_task *task);

// Reads DashScope's file of results, or OpenAI's answer, into *transcript, which is INIT: settled,
// without a provider.  A sentence of words only, as of services that know no sentences, ends at a
// pause.  Returns 0, also if nothing was said, or ERR_SERVICE "garbled_answer"; of OpenAI ERR_INPUT
// "no_times" for words without times.
int speech_reply_dashscope(const json_t *json, double duration, struct transcript *transcript,
                           struct err *err);
int speech_reply_openai(const json_t *json, double duration, struct transcript *transcript,
                        struct err *err);

#endif
