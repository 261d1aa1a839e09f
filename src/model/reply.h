// The JSON in what a model answered.
//
// Models are asked for JSON and answer with JSON in a fence, behind a sentence, behind their
// thoughts, as a string in a string, with a comma too many, with NaN, single quotes or comments, or
// with half of it because the answer had to end.  All of it is written anew as strict JSON, a value
// at a time, and then parsed by the parser that reads everything else: what that one refuses is
// not there.  Nothing is guessed about what is meant; that is for who knows what was asked.
//
// The text comes from outside: at most REPLY_MAX_BYTES are looked at, REPLY_MAX_DEPTH values in
// each other, REPLY_MAX_TRIES beginnings of a value, in time that does not grow faster than their
// product.
#ifndef CLIPSPOOL_REPLY_H
#define CLIPSPOOL_REPLY_H

#include "base/json.h"

enum { REPLY_MAX_BYTES = 1 << 20, REPLY_MAX_DEPTH = 64, REPLY_MAX_TRIES = 64 };

struct reply {
    const char *at, *end;
    char *decoded; // the text, if it came as a JSON string; owned
    json_t *notes; // an array of sentences, borrowed
    unsigned tries;
};

// Begins with the text, which need be neither UTF-8 nor end with a NUL.  Keeps both until released.
void reply_begin(struct reply *reply, const char *text, size_t length, json_t *notes);

// Gives the next object that has members, or array that begins with an object or array, that is not
// part of one given before.  What had to be left out to read it is noted.  Returns 1, or 0 if there
// is no other.
int reply_next(struct reply *reply, json_t **ret_json);

void reply_release(struct reply *reply);

// Who asked, and understands values: returns 1 for one that is the answer, 0 for one that says
// nothing, a negative with err set for one that must not be used.
struct reply_reader {
    int (*understand)(json_t *value, void *context, struct err *err);
    void *context;
};

// Hands the values of the text to the reader until it understands one.  Returns 0, or a negative
// with ERR_INPUT and
//   empty_reply      nothing was answered
//   no_json_in_reply only prose, or JSON that cannot be read
//   nothing_in_reply JSON, but nothing of what was asked for in it
// or what was said of the last value that must not be used.  The texts are such that the model can
// be told them.
int reply_understand(const char *text, size_t length, json_t *notes,
                     const struct reply_reader *reader, struct err *err);

// The beginning of a text, at most max_bytes, not cut within a character.  Gives a string; "" for
// NULL.
char *reply_cut(const char *text, size_t max_bytes);

// Adds a sentence to the notes; a hundred at most, each once, cut and escaped to valid UTF-8.
void reply_note(json_t *notes, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
