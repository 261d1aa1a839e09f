// Utterance by utterance.

#include "speech/dictation.h"

#include <math.h>

// Of silence the decoder makes words too.  60 dB below the loudest that there can be nobody speaks.
static const int silence = 32768 / 1000;

static bool is_silent(const int16_t *samples, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (abs(samples[i]) > silence)
            return false;
    return true;
}

static int hear(const struct dictation *dictation, const struct utterance *utterance,
                struct transcript *transcript, struct err *err)
{
    int64_t first = llround(utterance->start * WAVE_RATE),
            end = llround(utterance->end * WAVE_RATE);
    if (first < 0 || end <= first)
        return 0;
    size_t count = (size_t)(end - first);
    cleanup(free_ptr) int16_t *samples = xcalloc(count, sizeof *samples);
    int r = wave_read(dictation->wave, first, samples, count, err);
    if (r < 0 || is_silent(samples, count))
        return r;
    return recogniser_hear(dictation->recogniser, samples, count, (double)first / WAVE_RATE,
                           transcript, err);
}

int dictation_take(const struct dictation *dictation, struct transcript *transcript,
                   struct err *err)
{
    double all = 0, done = 0;
    for (size_t i = 0; i < dictation->count; i++)
        all += dictation->utterances[i].end - dictation->utterances[i].start;
    for (size_t i = 0; i < dictation->count; i++) {
        const struct utterance *utterance = &dictation->utterances[i];
        int r = hear(dictation, utterance, transcript, err);
        if (r < 0)
            return r;
        done += utterance->end - utterance->start;
        if (dictation->progress)
            dictation->progress(dictation->context, done / all);
    }
    transcript->provider = xstrdup("local");
    transcript->language = xstrdup(recogniser_language(dictation->recogniser));
    transcript_settle(transcript, dictation->duration);
    return 0;
}
