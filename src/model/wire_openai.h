// Bodies of chat/completions: OpenAI's, DashScope's compatible mode's, and those of servers of
// one's own (Ollama, llama.cpp, vLLM).
#ifndef CLIPSPOOL_WIRE_OPENAI_H
#define CLIPSPOOL_WIRE_OPENAI_H

#include "model/wire.h"

// Behind the base address, which ends in /v1.
#define WIRE_OPENAI_CHAT_PATH "/chat/completions"

enum wire_dialect {
    WIRE_OPENAI,     // pictures only; max_completion_tokens
    WIRE_COMPATIBLE, // video and lists of frames, rate and pixels beside them; max_tokens
    WIRE_OWN, // pictures, or video_url where the server takes it; max_tokens, nothing optional
};

// The body of a question.  A video is left out for WIRE_OPENAI, which takes none: ask it with
// frames.  Gives a reference.
json_t *wire_openai_chat(const struct wire_question *question, enum wire_dialect dialect);

// Reads an answer into *reply, which is INIT or released.  Returns 0, or a negative with
// ERR_SERVICE "garbled_answer" if there is no message in it.
int wire_openai_read(const json_t *json, struct wire_reply *reply, struct err *err);

#endif
