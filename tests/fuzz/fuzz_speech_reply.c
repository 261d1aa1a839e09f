// Whatever a service says was said: no bytes crash the reader, and what is read is in order and
// within the source.
#include "model/speech_reply.h"

#include <math.h>

static void require(bool good)
{
    if (!good)
        abort();
}

static void check(const struct transcript *transcript, double duration)
{
    double from = 0;
    for (size_t i = 0; i < transcript->sentence_count; i++) {
        const struct transcript_sentence *sentence = &transcript->sentences[i];
        require(sentence->start >= from && sentence->end > sentence->start);
        require(sentence->end <= duration && sentence->text[0] != '\0');
        from = sentence->start;
        for (size_t k = 0; k < sentence->word_count; k++) {
            const struct transcript_word *word = &transcript->words[sentence->first_word + k];
            require(word->start >= from && word->end > word->start && word->end <= sentence->end);
            from = word->end;
        }
        from = sentence->end;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const double duration = 100;
    cleanup(json_free) json_t *json = NULL;
    cleanup(transcript_release) struct transcript one = TRANSCRIPT_INIT, other = TRANSCRIPT_INIT;
    cleanup(speech_task_release) struct speech_task task = SPEECH_TASK_INIT;
    if (json_parse((const char *)data, size, &json, NULL) < 0)
        return 0;
    (void)speech_reply_dashscope(json, duration, &one, NULL);
    (void)speech_reply_openai(json, duration, &other, NULL);
    check(&one, duration);
    check(&other, duration);
    if (speech_reply_task(json, &task, NULL) == 0)
        require(!task.is_over || strncmp(task.link, "http", 4) == 0);
    return 0;
}
