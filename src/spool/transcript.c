// transcript.json: one place that brings what others say was said into order.

#include "spool/transcript.h"

#include "base/text.h"
#include "spool/batch.h"

#include <math.h>

// Full lists, indented, stay below this.
enum { TRANSCRIPT_VERSION = 1, TRANSCRIPT_MAX_BYTES = 64 << 20 };

// Times are written with milliseconds, which is what services count in.  Less is no length.
static const double shortest = 0.001;

void transcript_release(struct transcript *transcript)
{
    for (size_t i = 0; i < transcript->sentence_count; i++)
        free(transcript->sentences[i].text);
    for (size_t i = 0; i < transcript->word_count; i++)
        free(transcript->words[i].text);
    free(transcript->sentences);
    free(transcript->words);
    free(transcript->provider);
    free(transcript->language);
    *transcript = (struct transcript)TRANSCRIPT_INIT;
}

// ---- adding

// Room for one more; lists grow by doubling.
static void *grown(void *items, size_t count, size_t item_size)
{
    bool is_full = (count & (count - 1)) == 0; // 0, 1, 2, 4, ...
    return is_full ? xrealloc(items, count > 0 ? 2 * count : 1, item_size) : items;
}

// UTF-8 on one line, of at most `limit` bytes: whatever separates is one space, other control
// characters are nothing.
static char *tidy(const char *text, size_t limit)
{
    bool is_text = text_is_utf8(text, strlen(text));
    cleanup(free_ptr) char *copy = is_text ? xstrdup(text) : text_escape(text);
    size_t length = 0;
    for (const char *at = copy; *at && length < limit; at++) {
        unsigned char c = (unsigned char)*at;
        bool separates = c == ' ' || (c >= '\t' && c <= '\r');
        if (separates && (length == 0 || copy[length - 1] == ' '))
            continue;
        if (separates || (c > ' ' && c != 0x7f))
            copy[length++] = separates ? ' ' : *at;
    }
    while (length > 0 && !text_is_utf8(copy, length))
        length--; // the limit fell into a character
    if (length > 0 && copy[length - 1] == ' ')
        length--;
    copy[length] = 0;
    return TAKE(copy);
}

// Times that are no numbers cannot be sorted by.  These are nothing once they are cut.
static void take_times(double start, double end, double *ret_start, double *ret_end)
{
    bool are_times = isfinite(start) && isfinite(end);
    *ret_start = are_times ? start : -1;
    *ret_end = are_times ? end : -1;
}

void transcript_add_sentence(struct transcript *transcript, double start, double end,
                             const char *text, int speaker)
{
    size_t count = transcript->sentence_count;
    if (count == TRANSCRIPT_MAX_SENTENCES)
        return;
    transcript->sentences = grown(transcript->sentences, count, sizeof *transcript->sentences);
    struct transcript_sentence *sentence = &transcript->sentences[transcript->sentence_count++];
    *sentence = (struct transcript_sentence){
        .text = tidy(text, TRANSCRIPT_MAX_TEXT),
        .speaker = speaker >= 0 && speaker < TRANSCRIPT_MAX_SPEAKERS ? speaker : -1,
        .first_word = transcript->word_count,
    };
    take_times(start, end, &sentence->start, &sentence->end);
}

void transcript_add_word(struct transcript *transcript, double start, double end, const char *text,
                         double confidence)
{
    size_t count = transcript->word_count;
    if (count == TRANSCRIPT_MAX_WORDS || transcript->sentence_count == 0)
        return;
    bool is_known = confidence >= 0 && confidence <= 1;
    transcript->words = grown(transcript->words, count, sizeof *transcript->words);
    struct transcript_word *word = &transcript->words[transcript->word_count++];
    *word = (struct transcript_word){
        .text = tidy(text, TRANSCRIPT_MAX_WORD),
        .confidence = is_known ? confidence : -1,
    };
    take_times(start, end, &word->start, &word->end);
    transcript->sentences[transcript->sentence_count - 1].word_count++;
}

void transcript_append(struct transcript *transcript, const struct transcript *part, double offset)
{
    for (size_t i = 0; i < part->sentence_count; i++) {
        const struct transcript_sentence *sentence = &part->sentences[i];
        transcript_add_sentence(transcript, sentence->start + offset, sentence->end + offset,
                                sentence->text, sentence->speaker);
        for (size_t k = 0; k < sentence->word_count; k++) {
            const struct transcript_word *word = &part->words[sentence->first_word + k];
            transcript_add_word(transcript, word->start + offset, word->end + offset, word->text,
                                word->confidence);
        }
    }
}

// ---- order

// Cut to [from, until].  False if nothing is left.
static bool fit(double *start, double *end, double from, double until)
{
    *start = fmin(fmax(*start, from), until);
    *end = fmin(fmax(*end, from), until);
    return *end - *start >= shortest;
}

static int compare_words(const void *a, const void *b)
{
    const struct transcript_word *one = a, *other = b;
    return (one->start > other->start) - (one->start < other->start);
}

static int compare_sentences(const void *a, const void *b)
{
    const struct transcript_sentence *one = a, *other = b;
    if (one->start != other->start)
        return one->start > other->start ? 1 : -1;
    // As they came: each has words of its own, or follows one that has.
    return (one->first_word > other->first_word) - (one->first_word < other->first_word);
}

// What words say, with spaces where their script has them.
static char *join(const struct transcript_word *words, size_t count)
{
    cleanup(free_ptr) char *text = xstrdup("");
    size_t length = 0;
    for (size_t i = 0; i < count && length < TRANSCRIPT_MAX_TEXT; i++) {
        size_t size = strlen(words[i].text);
        bool spaced = length > 0 && (unsigned char)words[i].text[0] < 0x80 &&
                      (unsigned char)text[length - 1] < 0x80;
        text = xrealloc(text, length + size + 2, 1);
        if (spaced)
            text[length++] = ' ';
        memcpy(text + length, words[i].text, size + 1);
        length += size;
    }
    return tidy(text, TRANSCRIPT_MAX_TEXT);
}

// Moves the words of a sentence that stay to `to`, where those of the sentences before it end, and
// frees the others.
static void settle_words(struct transcript_word *words, struct transcript_sentence *sentence,
                         struct transcript_word *to)
{
    if (sentence->word_count == 0 || words == NULL)
        return;
    struct transcript_word *own = &words[sentence->first_word];
    double from = sentence->start;
    size_t kept = 0;
    qsort(own, sentence->word_count, sizeof *own, compare_words);
    for (size_t i = 0; i < sentence->word_count; i++) {
        if (own[i].text[0] == 0 || !fit(&own[i].start, &own[i].end, from, sentence->end)) {
            free(own[i].text);
            continue;
        }
        from = own[i].end;
        to[kept++] = own[i];
    }
    sentence->word_count = kept;
}

static void free_words(struct transcript_word *words, const struct transcript_sentence *sentence)
{
    for (size_t i = 0; words != NULL && i < sentence->word_count; i++)
        free(words[sentence->first_word + i].text);
}

// Sentences in order of time take their words along into a list of their own.
static size_t settle_sentences(struct transcript *transcript, double duration,
                               struct transcript_word *to)
{
    size_t kept = 0, words = 0;
    double from = 0;
    for (size_t i = 0; i < transcript->sentence_count; i++) {
        struct transcript_sentence sentence = transcript->sentences[i];
        if (!fit(&sentence.start, &sentence.end, from, duration)) {
            free_words(transcript->words, &sentence);
            free(sentence.text);
            continue;
        }
        settle_words(transcript->words, &sentence, to + words);
        sentence.first_word = words;
        if (sentence.text[0] == 0) {
            free(sentence.text);
            sentence.text = join(to + words, sentence.word_count);
        }
        if (sentence.text[0] == 0) { // then there are no words either
            free(sentence.text);
            continue;
        }
        words += sentence.word_count;
        from = sentence.end;
        transcript->sentences[kept++] = sentence;
    }
    transcript->sentence_count = kept;
    return words;
}

void transcript_settle(struct transcript *transcript, double duration)
{
    struct transcript_word *settled = xcalloc(transcript->word_count + 1, sizeof *settled);
    if (transcript->sentence_count > 0)
        qsort(transcript->sentences, transcript->sentence_count, sizeof *transcript->sentences,
              compare_sentences);
    transcript->word_count = settle_sentences(transcript, duration, settled);
    free(transcript->words);
    transcript->words = settled;
}

// ---- writing

static json_t *words_to_json(const struct transcript *transcript,
                             const struct transcript_sentence *sentence)
{
    json_t *array = json_array();
    for (size_t i = 0; i < sentence->word_count; i++) {
        const struct transcript_word *word = &transcript->words[sentence->first_word + i];
        json_t *entry = json_object();
        json_put_number(entry, "start", word->start, 3);
        json_put_number(entry, "end", word->end, 3);
        json_put_text(entry, "text", word->text);
        json_put_number(entry, "confidence", word->confidence < 0 ? NAN : word->confidence, 3);
        json_array_append_new(array, entry);
    }
    return array;
}

json_t *transcript_to_json(const struct transcript *transcript)
{
    json_t *object = json_object(), *sentences = json_array();
    json_put_int(object, "version", TRANSCRIPT_VERSION);
    json_put_text(object, "provider", transcript->provider);
    json_put_text(object, "language", transcript->language);
    for (size_t i = 0; i < transcript->sentence_count; i++) {
        const struct transcript_sentence *sentence = &transcript->sentences[i];
        json_t *entry = json_object();
        json_put_number(entry, "start", sentence->start, 3);
        json_put_number(entry, "end", sentence->end, 3);
        json_put_text(entry, "text", sentence->text);
        json_put(entry, "speaker",
                 sentence->speaker < 0 ? json_null() : json_integer(sentence->speaker));
        json_put(entry, "words", words_to_json(transcript, sentence));
        json_array_append_new(sentences, entry);
    }
    json_put(object, "sentences", sentences);
    return object;
}

int transcript_save(int sourcedir, const struct transcript *transcript, struct err *err)
{
    cleanup(json_free) json_t *json = transcript_to_json(transcript);
    return json_write(sourcedir, SOURCE_TRANSCRIPT, json, err);
}

// ---- reading

static int bad(struct err *err, const char *what)
{
    return err_set(err, ERR_INPUT, "bad_transcript", "%s cannot be used: %s", SOURCE_TRANSCRIPT,
                   what);
}

// Whatever lies outside the source is put right when it is settled.
static const double any_time = 1e9;

static int read_words(const json_t *array, struct transcript *transcript, struct err *err)
{
    size_t i;
    json_t *entry;
    if (!json_is_array(array) ||
        json_array_size(array) > TRANSCRIPT_MAX_WORDS - transcript->word_count)
        return bad(err, "the words of a sentence are missing or too many");
    json_array_foreach(array, i, entry)
    {
        const char *wrong = NULL;
        double start = json_number(entry, "start", -any_time, any_time, NAN, &wrong);
        double end = json_number(entry, "end", -any_time, any_time, NAN, &wrong);
        const char *text = json_text(entry, "text", "", &wrong);
        double confidence = json_number(entry, "confidence", 0, 1, -1, &wrong);
        if (wrong || !json_is_object(entry))
            return bad(err, "a word is damaged");
        transcript_add_word(transcript, start, end, text, confidence);
    }
    return 0;
}

static int read_sentence(const json_t *entry, struct transcript *transcript, struct err *err)
{
    const char *wrong = NULL;
    if (!json_is_object(entry))
        return bad(err, "a sentence is not an object");
    double start = json_number(entry, "start", -any_time, any_time, NAN, &wrong);
    double end = json_number(entry, "end", -any_time, any_time, NAN, &wrong);
    const char *text = json_text(entry, "text", "", &wrong);
    int64_t speaker = json_int(entry, "speaker", 0, TRANSCRIPT_MAX_SPEAKERS - 1, -1, &wrong);
    if (wrong)
        return bad(err, "a sentence is damaged");
    transcript_add_sentence(transcript, start, end, text, (int)speaker);
    return read_words(json_object_get(entry, "words"), transcript, err);
}

static int read_all(const json_t *object, struct transcript *transcript, struct err *err)
{
    const char *wrong = NULL;
    const json_t *array = json_object_get(object, "sentences");
    size_t i;
    json_t *entry;
    if (json_int(object, "version", 1, TRANSCRIPT_VERSION, -1, NULL) != TRANSCRIPT_VERSION)
        return bad(err, "it is of another version");
    transcript->provider = tidy(json_text(object, "provider", "unknown", &wrong), 100);
    const char *language = json_text(object, "language", NULL, &wrong);
    transcript->language = language ? tidy(language, 100) : NULL;
    if (wrong || !json_is_array(array) || json_array_size(array) > TRANSCRIPT_MAX_SENTENCES)
        return bad(err, "the sentences are missing or too many");
    json_array_foreach(array, i, entry)
    {
        int r = read_sentence(entry, transcript, err);
        if (r < 0)
            return r;
    }
    return 0;
}

int transcript_from_json(const json_t *json, double duration, struct transcript *transcript,
                         struct err *err)
{
    cleanup(transcript_release) struct transcript read = TRANSCRIPT_INIT;
    int r = read_all(json, &read, err);
    if (r < 0)
        return r;
    transcript_settle(&read, duration);
    *transcript = read;
    read = (struct transcript)TRANSCRIPT_INIT;
    return 0;
}

int transcript_load(int sourcedir, double duration, struct transcript *transcript, struct err *err)
{
    cleanup(json_free) json_t *json = NULL;
    int r = json_read(sourcedir, SOURCE_TRANSCRIPT, TRANSCRIPT_MAX_BYTES, &json, err);
    return r < 0 ? r : transcript_from_json(json, duration, transcript, err);
}
