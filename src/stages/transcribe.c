// transcribe: what is said in a source, and when.
//
// A transcript is an extra: whatever is in its way, the source goes on without, and it is said why.
#include "base/fs.h"
#include "highlight/speech.h"
#include "speech/dictation.h"
#include "spool/probe.h"
#include "stages/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>

// ---- on this machine

static void tell(void *context, double fraction)
{
    stage_progress(context, fraction);
}

// Where there is speech; without signals nothing tells, and nothing is heard.
static int find_utterances(struct stage_context *context, struct dictation *dictation,
                           struct utterance **ret, struct err *err)
{
    cleanup(probe_release) struct probe probe = PROBE_INIT;
    cleanup(signals_release) struct signals signals = SIGNALS_INIT;
    int r = probe_load(context->sourcedir, &probe, err);
    r = r < 0 ? r : signals_load(context->sourcedir, &signals, err);
    if (r < 0)
        return r;
    cleanup(free_ptr) bool *speech = speech_mark(&signals);
    dictation->duration = fmin(signals.duration, probe.duration);
    utterances_find(speech, signals.sound_count, SIGNALS_SOUND_HZ, dictation->duration, ret,
                    &dictation->count);
    dictation->utterances = *ret;
    return 0;
}

static int write_down_here(struct stage_context *context, const struct wave *wave,
                           struct transcript *transcript, struct err *err)
{
    cleanup(free_ptr) struct utterance *utterances = NULL;
    cleanup(recogniser_close) struct recogniser *recogniser = NULL;
    struct dictation dictation = { .wave = wave, .progress = tell, .context = context };
    int r = find_utterances(context, &dictation, &utterances, err);
    if (r < 0 || dictation.count == 0)
        return r;
    r = recogniser_open(context->settings.models.recogniser, &recogniser, err);
    if (r < 0)
        return r;
    dictation.recogniser = recogniser;
    return dictation_take(&dictation, transcript, err);
}

// ---- the step

// Returns 1 with a transcript, 0 if there is no sound, or a negative.
static int write_down(struct stage_context *context, struct transcript *transcript, struct err *err)
{
    cleanup(wave_close) struct wave wave = WAVE_INIT;
    int fd = fs_open(context->sourcedir, SOURCE_AUDIO, O_RDONLY);
    if (fd == -ENOENT)
        return 0;
    int r = fd < 0 ? fs_fail(err, -fd, "open", SOURCE_AUDIO) : wave_open(fd, &wave, err);
    if (r < 0)
        return r;
    r = write_down_here(context, &wave, transcript, err);
    return r < 0 ? r : 1;
}

// What passes is tried again; the rest is a warning, and no transcript.
static bool is_given_up(const struct err *err)
{
    return err->class == ERR_INPUT || err->class == ERR_CONFIG || err->class == ERR_DENIED;
}

static int run(struct stage_context *context, struct err *err)
{
    struct err why = ERR_INIT;
    cleanup(transcript_release) struct transcript transcript = TRANSCRIPT_INIT;
    int r = write_down(context, &transcript, &why);
    if (r < 0 && is_given_up(&why))
        stage_warn(context, "what is said was not written down: %s%s%s", why.text,
                   *why.hint ? "; " : "", why.hint);
    else if (r < 0) {
        if (err)
            *err = why;
        return r;
    }
    if (transcript.sentence_count > 0)
        r = transcript_save(context->sourcedir, &transcript, err);
    json_put_int(context->numbers, "sentences", (int64_t)transcript.sentence_count);
    json_put_int(context->numbers, "words", (int64_t)transcript.word_count);
    json_put_text(context->numbers, "provider", transcript.provider);
    return transcript.sentence_count > 0 ? r : 0;
}

int main(int argc, char **argv)
{
    return stage_main(argc, argv, STAGE_TRANSCRIBE, run);
}
