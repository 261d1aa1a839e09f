// What is said in a source, and when: transcript.json.  From the recogniser of this machine or from
// a service, in the same shape.
//
// However it came, a transcript that was settled is in order: sentences lie behind each other and
// within the source, words behind each other and within their sentence, none without length or
// text.
#ifndef CLIPSPOOL_TRANSCRIPT_H
#define CLIPSPOOL_TRANSCRIPT_H

#include "base/json.h"

enum {
    TRANSCRIPT_MAX_SENTENCES = 20000, // in four hours, the longest source: one in 0.7 s
    TRANSCRIPT_MAX_WORDS = 200000,    // 14 in a second, or that many characters of Chinese
    TRANSCRIPT_MAX_TEXT = 4000,       // bytes of a sentence
    TRANSCRIPT_MAX_WORD = 200,        // bytes of a word
    TRANSCRIPT_MAX_SPEAKERS = 1000
};

struct transcript_word {
    double start, end; // seconds of the source
    char *text;        // owned
    double confidence; // 0..1; negative: not known
};

struct transcript_sentence {
    double start, end;             // seconds of the source
    char *text;                    // with its punctuation, on one line; owned
    int speaker;                   // from 0; -1: not known
    size_t first_word, word_count; // its words; 0 words: only the sentence has times
};

struct transcript {
    char *provider; // "local", "dashscope", ...
    char *language; // "en", "zh", ... as it was recognised; NULL: not known
    struct transcript_sentence *sentences;
    size_t sentence_count;
    struct transcript_word *words;
    size_t word_count;
};
#define TRANSCRIPT_INIT  \
    {                    \
        .provider = NULL \
    }

// The file: { "version": 1, "provider", "language", "sentences": [{ "start", "end", "text",
//   "speaker", "words": [{ "start", "end", "text", "confidence" }] }] }

// Adds a sentence, and a word to the last sentence, in whatever order of time; text is copied
// and becomes UTF-8 on one line.  What is beyond the limits above is left out, text cut off.  A
// word before any sentence is left out.
void transcript_add_sentence(struct transcript *transcript, double start, double end,
                             const char *text, int speaker);
void transcript_add_word(struct transcript *transcript, double start, double end, const char *text,
                         double confidence);

// Adds what is said in a part of the source that begins at `offset`.  Borrows.
void transcript_append(struct transcript *transcript, const struct transcript *part, double offset);

// Brings what was added into order, as said above, in a source of that many seconds: by time, what
// overlaps shortened, what then is nothing left out; words are cut to their sentence.  A sentence
// without text has that of its words.  Nothing is added afterwards.
void transcript_settle(struct transcript *transcript, double duration);

// Writes SOURCE_TRANSCRIPT into the open directory of a source.  Borrows.
int transcript_save(int sourcedir, const struct transcript *transcript, struct err *err);

// Reads it, settled, into *transcript (transcript_release), which is untouched on failure.  A wrong
// type or more than the limits above is ERR_INPUT "bad_transcript".  transcript_load: -ENOENT
// without err if there is none.
int transcript_from_json(const json_t *json, double duration, struct transcript *transcript,
                         struct err *err);
int transcript_load(int sourcedir, double duration, struct transcript *transcript, struct err *err);

json_t *transcript_to_json(const struct transcript *transcript); // gives a reference
void transcript_release(struct transcript *transcript);

#endif
