// What is asked of a model and what came back, in no service's words.
//
// wire_dashscope.h and wire_openai.h put a question into a body and read an answer out of one;
// they and this are arithmetic on JSON, without a network.  What an answer means when it is none is
// model/fault.h; what is in its text is model/reply.h.
#ifndef CLIPSPOOL_WIRE_H
#define CLIPSPOOL_WIRE_H

#include "base/json.h"

// How strictly the form of the answer is asked for.  A service that refuses one (FAULT_FORMAT) is
// asked for the one before it.
enum wire_form { WIRE_PLAIN, WIRE_JSON, WIRE_SCHEMA };

// All borrowed.
struct wire_question {
    const char *model;
    const char *system; // or NULL
    const char *prompt;
    // What is looked at: a video, or pictures in order of time, or neither.  Links are https:, oss:
    // or data:.
    const char *video;
    const char *const *frames;
    size_t frame_count;
    double fps;          // that a video is sampled with, or that frames are apart; 0: not said
    uint64_t max_pixels; // of each picture; 0: not said
    bool coarse;         // pictures at the lowest detail, where a service has such a thing
    unsigned max_tokens; // of the answer; 0: not said
    double temperature;  // NAN: not said
    enum wire_form form;
    const json_t *schema; // of WIRE_SCHEMA
    const char *schema_name;
};

// As billed.  What is not said is 0.
struct wire_usage {
    bool known; // something was said
    uint64_t input, output, total;
    uint64_t video, image, audio, cached; // parts of the input
    double seconds;                       // of sound
};

struct wire_reply {
    char *text;    // "" if there is none
    char *refusal; // the model's words for not answering, or NULL
    bool cut;      // it reached max_tokens
    bool filtered; // what was asked or answered is not allowed there
    struct wire_usage usage;
    json_t *raw_usage; // as it came, for receipts; or NULL
    char *id;          // of the answer or request; or NULL
};
#define WIRE_REPLY_INIT \
    {                   \
        .text = NULL    \
    }
void wire_reply_release(struct wire_reply *reply);

// True if the request needs the field that lets DashScope resolve oss: addresses:
// WIRE_RESOLVE_FIELD.
#define WIRE_RESOLVE_FIELD "X-DashScope-OssResourceResolve: enable"
bool wire_needs_resolving(const struct wire_question *question);

// Bytes as a data: link of that type.  Gives a string.
char *wire_data_link(const char *type, const void *bytes, size_t size);

// ---- for those that read and write bodies

// The prompt, with a sentence behind it if the service insists on the word JSON and it is nowhere.
// Gives a string.
char *wire_prompt(const struct wire_question *question);

// response_format: NULL for WIRE_PLAIN.  Gives a reference.
json_t *wire_format(const struct wire_question *question);

// Adds a message of that role to the array: with a content of several parts (taken), or a text.
void wire_show(json_t *messages, const char *role, json_t *content);
void wire_say(json_t *messages, const char *role, const char *text);

// A number that may be an integer, a real or a text; 0 if it is missing, negative or none.
uint64_t wire_count(const json_t *object, const char *key);

// Joins the texts of a content that is a text or an array of parts { "text" }.  Gives a string.
char *wire_content(const json_t *content);

// Reads the usage of either kind of service into reply->usage and ->raw_usage.
void wire_read_usage(const json_t *usage, struct wire_reply *reply);

// What the reason for which the answer ended means.
void wire_read_finish(const json_t *choice, struct wire_reply *reply);

#endif
