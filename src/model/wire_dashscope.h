// DashScope's own bodies: models that look, and models that write.
#ifndef CLIPSPOOL_WIRE_DASHSCOPE_H
#define CLIPSPOOL_WIRE_DASHSCOPE_H

#include "model/wire.h"

// Behind the base address.
#define WIRE_DASHSCOPE_LOOK_PATH "/api/v1/services/aigc/multimodal-generation/generation"
#define WIRE_DASHSCOPE_TEXT_PATH "/api/v1/services/aigc/text-generation/generation"

enum {
    // A list that is shorter is not taken for a video; it is sent as pictures.
    WIRE_DASHSCOPE_LEAST_FRAMES = 4,
    // Of a video as a data: link; base64 of it must stay below 10 MB.
    WIRE_DASHSCOPE_MAX_INLINE_BYTES = 7000000,
};

// The body of a question with something to look at.  Gives a reference.
json_t *wire_dashscope_look(const struct wire_question *question);

// The body of a question of words only.  Gives a reference.
json_t *wire_dashscope_text(const struct wire_question *question);

// Reads an answer to either into *reply, which is INIT or released.  Returns 0, or a negative with
// ERR_SERVICE "garbled_answer" if there is no message in it.
int wire_dashscope_read(const json_t *json, struct wire_reply *reply, struct err *err);

#endif
