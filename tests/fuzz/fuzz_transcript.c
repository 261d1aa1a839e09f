// Whatever transcript.json says, what is read is in order and within the source, and reads back to
// the same.
#include "base/text.h"
#include "spool/transcript.h"

static void require(bool good)
{
    if (!good)
        abort();
}

static void check_text(const char *text, size_t limit)
{
    size_t length = strlen(text);
    require(length > 0 && length <= limit && text_is_utf8(text, length));
    require(strpbrk(text, "\n\r\t") == NULL);
}

static void check_order(const struct transcript *transcript, double duration)
{
    double from = 0;
    size_t next = 0;
    require(transcript->sentence_count <= TRANSCRIPT_MAX_SENTENCES);
    for (size_t i = 0; i < transcript->sentence_count; i++) {
        const struct transcript_sentence *sentence = &transcript->sentences[i];
        require(sentence->start >= from && sentence->end > sentence->start);
        check_text(sentence->text, TRANSCRIPT_MAX_TEXT);
        require(sentence->first_word == next);
        from = sentence->start;
        for (size_t k = 0; k < sentence->word_count; k++) {
            const struct transcript_word *word = &transcript->words[next + k];
            require(word->start >= from && word->end > word->start && word->end <= sentence->end);
            check_text(word->text, TRANSCRIPT_MAX_WORD);
            from = word->end;
        }
        next += sentence->word_count;
        from = sentence->end;
    }
    require(next == transcript->word_count && from <= duration);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const double duration = 100;
    cleanup(json_free) json_t *json = NULL;
    cleanup(transcript_release) struct transcript first = TRANSCRIPT_INIT, again = TRANSCRIPT_INIT;
    if (json_parse((const char *)data, size, &json, NULL) < 0)
        return 0;
    if (transcript_from_json(json, duration, &first, NULL) < 0)
        return 0;
    check_order(&first, duration);
    cleanup(json_free) json_t *written = transcript_to_json(&first);
    require(transcript_from_json(written, duration, &again, NULL) == 0);
    check_order(&again, duration);
    return 0;
}
