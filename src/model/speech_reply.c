// From the words of services to a transcript.

#include "model/speech_reply.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>

// Services that tell words only: as the recogniser of this machine does it.
static const double pause_seconds = 0.4;
enum { WORDS_OF_A_SENTENCE = 40 };

// What Whisper makes of silence: its own rule, both together.
static const double no_speech_least = 0.6, no_speech_doubt = -1;

static int garbled(struct err *err, const char *what)
{
    return err_set(err, ERR_SERVICE, "garbled_answer", "what was said cannot be read: %s", what);
}

// A number that may be an integer, a real or a text of digits; NAN if it is none of these.
static double number_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    char *end = NULL;
    if (json_is_number(value))
        return json_number_value(value);
    const char *text = json_string_value(value);
    double number = text ? strtod(text, &end) : NAN;
    return text && end != text && *end == '\0' ? number : NAN;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

// ---- tasks

void speech_task_release(struct speech_task *task)
{
    free(task->link);
    json_free(&task->usage);
    *task = (struct speech_task)SPEECH_TASK_INIT;
}

// It becomes a part of an address.
static void take_id(const char *id, struct speech_task *task)
{
    size_t length = strlen(id);
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)id[i]) && id[i] != '-' && id[i] != '_')
            return;
    if (length <= SPEECH_REPLY_MAX_ID)
        memcpy(task->id, id, length + 1);
}

// The first result, of one file; or the result, of models that know only one.
static const char *link_of(const json_t *output)
{
    const json_t *first = json_array_get(json_object_get(output, "results"), 0);
    const char *link = text_of(first, "transcription_url");
    return *link ? link : text_of(json_object_get(output, "result"), "transcription_url");
}

static void take_usage(const json_t *usage, struct speech_task *task)
{
    double seconds = number_of(usage, "duration");
    seconds = isnan(seconds) ? number_of(usage, "seconds") : seconds;
    if (json_is_object(usage))
        task->usage = json_deep_copy(usage);
    if (seconds >= 0)
        task->seconds = seconds;
}

int speech_reply_task(const json_t *json, struct speech_task *task, struct err *err)
{
    const json_t *output = json_object_get(json, "output");
    const char *status = text_of(output, "task_status");
    take_id(text_of(output, "task_id"), task);
    task->is_over = strcmp(status, "SUCCEEDED") == 0;
    if (!task->is_over)
        return *status && task->id[0] ? 0 : garbled(err, "it tells no task");
    const char *link = link_of(output);
    if (strncmp(link, "http://", 7) == 0 || strncmp(link, "https://", 8) == 0)
        task->link = xstrdup(link);
    take_usage(json_object_get(json, "usage"), task);
    return task->link ? 0 : garbled(err, "the task is over without a result");
}

// ---- DashScope

static double seconds_of(const json_t *object, const char *key)
{
    return number_of(object, key) / 1000;
}

static void add_marked_words(const json_t *words, struct transcript *transcript)
{
    size_t i;
    json_t *word;
    json_array_foreach(words, i, word)
    {
        cleanup(free_ptr) char *text =
            xasprintf("%.200s%.20s", text_of(word, "text"), text_of(word, "punctuation"));
        // "Good " and "." are "Good."
        size_t end = strcspn(text, " ");
        if (text[end] == ' ' && text[end + 1] != '\0' && ispunct((unsigned char)text[end + 1]))
            memmove(text + end, text + end + 1, strlen(text + end));
        transcript_add_word(transcript, seconds_of(word, "begin_time"),
                            seconds_of(word, "end_time"), text, -1);
    }
}

// The channel in which most is said; a second one of a stereo sound says the same.
static const json_t *fullest_channel(const json_t *channels)
{
    const json_t *best = NULL;
    size_t i;
    json_t *channel;
    json_array_foreach(channels, i, channel)
    {
        const json_t *sentences = json_object_get(channel, "sentences");
        if (best == NULL ||
            json_array_size(sentences) > json_array_size(json_object_get(best, "sentences")))
            best = channel;
    }
    return best;
}

static void take_language(const char *language, struct transcript *transcript)
{
    if (*language && transcript->language == NULL)
        transcript->language = xstrndup(language, 40);
}

int speech_reply_dashscope(const json_t *json, double duration, struct transcript *transcript,
                           struct err *err)
{
    const json_t *channels = json_object_get(json, "transcripts");
    const json_t *sentences = json_object_get(fullest_channel(channels), "sentences");
    size_t i;
    json_t *sentence;
    if (!json_is_array(channels))
        return garbled(err, "there are no transcripts in it");
    json_array_foreach(sentences, i, sentence)
    {
        double speaker = number_of(sentence, "speaker_id");
        bool is_known = speaker >= 0 && speaker < TRANSCRIPT_MAX_SPEAKERS;
        transcript_add_sentence(transcript, seconds_of(sentence, "begin_time"),
                                seconds_of(sentence, "end_time"), text_of(sentence, "text"),
                                is_known ? (int)speaker : -1);
        add_marked_words(json_object_get(sentence, "words"), transcript);
        take_language(text_of(sentence, "language"), transcript);
    }
    transcript_settle(transcript, duration);
    return 0;
}

// ---- OpenAI

// Where a word stands in its sentence: with the marks that belong to it, which words alone have
// not.
struct reading {
    const char *text, *at; // the sentence; where it was read up to
};

// Marks of scripts that have no ASCII ones.
static size_t mark_size(const char *at)
{
    static const char *const marks[] = { "\xe3\x80\x81", "\xe3\x80\x82", "\xef\xbc\x81",
                                         "\xef\xbc\x8c", "\xef\xbc\x9a", "\xef\xbc\x9b",
                                         "\xef\xbc\x9f", "\xe2\x80\x99", "\xe2\x80\x9d",
                                         "\xe2\x80\xa6" };
    if (ispunct((unsigned char)*at))
        return 1;
    for (size_t i = 0; i < ARRAY_LEN(marks); i++)
        if (strncmp(at, marks[i], strlen(marks[i])) == 0)
            return strlen(marks[i]);
    return 0;
}

static char *marked(struct reading *reading, const char *word)
{
    enum { FAR = 60 }; // what stands there was another word
    while (*word == ' ')
        word++;
    const char *found = *word ? strcasestr(reading->at, word) : NULL;
    if (found == NULL || found - reading->at > FAR)
        return xstrdup(word);
    const char *end = found + strlen(word);
    for (size_t size; *end && (size = mark_size(end)) > 0;)
        end += size;
    reading->at = end;
    return xstrndup(found, (size_t)(end - found));
}

static void add_openai_word(const json_t *word, struct reading *reading,
                            struct transcript *transcript)
{
    const char *plain = text_of(word, "word");
    cleanup(free_ptr) char *text = reading ? marked(reading, plain) : xstrdup(plain);
    transcript_add_word(transcript, number_of(word, "start"), number_of(word, "end"), text, -1);
}

static bool is_silence(const json_t *segment)
{
    return number_of(segment, "no_speech_prob") > no_speech_least &&
           number_of(segment, "avg_logprob") < no_speech_doubt;
}

// Words are a list beside the segments: each belongs to the one that its middle is in.
static void add_segments(const json_t *segments, const json_t *words, struct transcript *transcript)
{
    size_t i, next = 0, word_count = json_array_size(words);
    json_t *segment;
    json_array_foreach(segments, i, segment)
    {
        double end = number_of(segment, "end");
        struct reading reading = { text_of(segment, "text"), text_of(segment, "text") };
        bool is_heard = !is_silence(segment);
        if (is_heard)
            transcript_add_sentence(transcript, number_of(segment, "start"), end, reading.text, -1);
        for (; next < word_count; next++) {
            const json_t *word = json_array_get(words, next);
            double middle = (number_of(word, "start") + number_of(word, "end")) / 2;
            if (middle >= end)
                break;
            if (is_heard)
                add_openai_word(word, &reading, transcript);
        }
    }
}

static void add_words_only(const json_t *words, struct transcript *transcript)
{
    double before = 0;
    size_t i, length = 0;
    json_t *word;
    json_array_foreach(words, i, word)
    {
        double start = number_of(word, "start"), end = number_of(word, "end");
        if (i == 0 || start - before >= pause_seconds || length >= WORDS_OF_A_SENTENCE) {
            transcript_add_sentence(transcript, start, end, "", -1);
            length = 0;
        }
        length++;
        before = end;
        if (transcript->sentence_count > 0 && isfinite(end))
            transcript->sentences[transcript->sentence_count - 1].end = end;
        add_openai_word(word, NULL, transcript);
    }
}

int speech_reply_openai(const json_t *json, double duration, struct transcript *transcript,
                        struct err *err)
{
    const json_t *segments = json_object_get(json, "segments");
    const json_t *words = json_object_get(json, "words");
    const char *text = text_of(json, "text");
    if (!json_is_string(json_object_get(json, "text")) && !json_is_array(segments) &&
        !json_is_array(words))
        return garbled(err, "there is no text in it");
    if (json_array_size(segments) > 0)
        add_segments(segments, words, transcript);
    else
        add_words_only(words, transcript);
    take_language(text_of(json, "language"), transcript);
    transcript_settle(transcript, duration);
    if (transcript->sentence_count > 0 || strspn(text, " \n") == strlen(text) ||
        json_array_size(segments) > 0)
        return 0;
    (void)err_set(err, ERR_INPUT, "no_times", "the model tells what is said, but not when");
    return err_hint(err, "choose one that knows timestamp_granularities, as whisper-1 does");
}
