// Asks a service what is said in a source; a second of sound is paid for once.
//
// The order is that of model/ask.h: the kept answer of the same sound is taken if there is one;
// else money is held, the request is sent, the answer is kept as it came, the bill is settled.
//
// DashScope works on a task that one asks for.  Its name is on disk before it is asked for the
// first time, in the directory of the source: whoever begins again goes on asking for the same
// task, and submits another only when the service knows nothing of it any more, once.
#ifndef CLIPSPOOL_HEARING_H
#define CLIPSPOOL_HEARING_H

#include "model/purse.h"
#include "net/gate.h"
#include "net/http.h"
#include "spool/answers.h"
#include "spool/transcript.h"

// OpenAI takes 25 MiB in a request, with what stands around the sound.
enum { HEARING_MAX_BYTES = (25 << 20) - (64 << 10) };

// Who is asked.  All borrowed and kept.
struct hearing_service {
    struct http *http;
    struct gate *gate; // NULL: none
    const struct purse *purse;
    const struct answers *answers;
    const struct model_settings *settings;
    int service;            // MODEL_DASHSCOPE or MODEL_OPENAI
    const char *key;        // the secret, or NULL
    const char *credential; // its name, for errors; or NULL
    int stop_fd;            // once readable, waiting ends; 0: there is none
};

// What is asked.  All borrowed.
struct hearing_question {
    int index;           // of the source
    const char *content; // hex SHA-256 of the sound, or of the video that it is in
    double seconds;      // of sound
    const char *spoken;  // the language, a tag like "pt-BR"; or NULL: the service finds it out
    // DashScope: where the name of the task is kept, and the sound's link, called only if it must
    // be submitted.  Returns 0 and gives a string, or a negative, which is passed up.
    int sourcedir;
    const char *task_file;
    int (*give_link)(void *context, char **ret_link, struct err *err);
    void *context;
    // OpenAI: a WAV file of at most HEARING_MAX_BYTES.
    struct http_body sound;
};

// Fills *ret, which is INIT: settled within the seconds, with its provider.  Returns 0; 1 if the
// answer had been kept, so that nothing was paid; or a negative:
//   ERR_INPUT   over_budget: nothing was sent; no_times; what fault_error has for what never works
//   ERR_RETRY   slow_service: the task is not over within settings.patience_seconds
//   ERR_SERVICE garbled_answer
//   what fault_error, http_do, gate_enter and the disk have, and -ECANCELED when asked to stop
int hearing_ask(const struct hearing_service *speech, const struct hearing_question *ask,
                struct transcript *ret, struct err *err);

#endif
