// transcribe: what is said in a source, and when.
//
// A transcript is an extra: whatever is in its way, the source goes on without, and it is said why.
#include "base/fs.h"
#include "base/text.h"
#include "highlight/speech.h"
#include "model/handover.h"
#include "model/hearing.h"
#include "net/digest.h"
#include "net/secret.h"
#include "speech/dictation.h"
#include "spool/probe.h"
#include "spool/upload.h"
#include "stages/fallback.h"
#include "stages/models.h"
#include "stages/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sys/mman.h>
#include <sys/stat.h>

// What is said, and where.
struct listening {
    struct stage_context *context;
    struct wave wave;
    double duration; // of the source
    struct utterance *utterances;
    size_t count;
    struct models models; // of a service
};

static void listening_release(struct listening *listening)
{
    wave_close(&listening->wave);
    free(listening->utterances);
    models_close(&listening->models);
}

static void tell(void *context, double fraction)
{
    stage_progress(context, fraction);
}

// Where there is speech; without signals nothing tells.
static int find_utterances(struct listening *listening, struct err *err)
{
    int sourcedir = listening->context->sourcedir;
    cleanup(probe_release) struct probe probe = PROBE_INIT;
    cleanup(signals_release) struct signals signals = SIGNALS_INIT;
    int r = probe_load(sourcedir, &probe, err);
    r = r < 0 ? r : signals_load(sourcedir, &signals, err);
    if (r < 0)
        return r;
    cleanup(free_ptr) bool *speech = speech_mark(&signals);
    listening->duration = fmin(signals.duration, probe.duration);
    utterances_find(speech, signals.sound_count, SIGNALS_SOUND_HZ, listening->duration,
                    &listening->utterances, &listening->count);
    return 0;
}

// ---- on this machine

static int write_down_here(struct listening *listening, struct transcript *transcript,
                           struct err *err)
{
    cleanup(recogniser_close) struct recogniser *recogniser = NULL;
    const char *spoken = listening->context->batch.job.language;
    int r = recogniser_open(listening->context->settings.models.recogniser, &recogniser, err);
    if (r < 0)
        return r;
    // It would write down words of its own language that nobody said.
    if (!recogniser_hears(recogniser, spoken)) {
        (void)err_set(err, ERR_CONFIG, "other_language",
                      "job.conf says that \"%s\" is spoken, and this machine hears \"%s\" only",
                      spoken, recogniser_language(recogniser));
        return err_hint(err, "set models.recogniser, or choose a service with analysis.speech");
    }
    const struct dictation dictation = { .recogniser = recogniser,
                                         .wave = &listening->wave,
                                         .utterances = listening->utterances,
                                         .count = listening->count,
                                         .duration = listening->duration,
                                         .progress = tell,
                                         .context = listening->context };
    return dictation_take(&dictation, transcript, err);
}

// ---- by a service: the sound

static int hash(const void *bytes, size_t size, char *ret_content, struct err *err)
{
    struct digest digest;
    int r = digest_of(DIGEST_SHA256, bytes, size, &digest, err);
    if (r == 0)
        (void)digest_hex(&digest, ret_content);
    return r;
}

static int hash_sound(const struct listening *listening, char *ret_content, struct err *err)
{
    struct stat found;
    int fd = listening->wave.fd;
    if (fstat(fd, &found) < 0)
        return err_errno(err, errno, "look at the sound");
    void *bytes = mmap(NULL, (size_t)found.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return err_errno(err, errno, "read the sound");
    int r = hash(bytes, (size_t)found.st_size, ret_content, err);
    (void)munmap(bytes, (size_t)found.st_size); // ours
    return r;
}

// ---- by a service: its link

// A task waits before the service looks at the link.
static const double link_slack_seconds = 3600;

// The proxy in the bucket, where upload put it, if its link lives for long enough.  Gives a
// string, or NULL.
static char *link_in_bucket(const struct stage_context *context)
{
    cleanup(upload_release) struct upload upload = UPLOAD_INIT;
    bool lasts = upload_load(context->sourcedir, &upload, NULL) == 0 &&
                 upload_lasts(&upload, time(NULL), link_slack_seconds);
    return lasts ? TAKE(upload.link) : NULL;
}

static int give_link(void *data, char **ret_link, struct err *err)
{
    struct listening *listening = data;
    const struct models *models = &listening->models;
    struct stat found;
    *ret_link = link_in_bucket(listening->context);
    if (*ret_link != NULL)
        return 0;
    if (fstat(listening->wave.fd, &found) < 0)
        return err_errno(err, errno, "look at the sound");
    const struct handover handover = {
        .http = models->http,
        .address = models->place->address,
        .key = models->key,
        .credential = models->place->credential,
        .model = models->place->models[MODEL_SPEECH],
        .file_name = SOURCE_AUDIO,
        .type = "audio/wav",
        .content = { .fd = listening->wave.fd, .size = (uint64_t)found.st_size },
        .deadline_seconds = listening->context->settings.models.deadline_seconds,
    };
    return handover_send(&handover, ret_link, err);
}

// ---- by a service: asking

static struct hearing_service service_of(const struct listening *listening)
{
    const struct models *models = &listening->models;
    return (struct hearing_service){
        .http = models->http,
        .gate = models->gate,
        .purse = asker_purse(models->asker),
        .answers = asker_answers(models->asker),
        .settings = &listening->context->settings.models,
        .service = models->service,
        .key = models->key,
        .credential = models->place->credential,
        .stop_fd = models->stop_fd,
    };
}

static int ask_for_all(struct listening *listening, struct transcript *transcript, struct err *err)
{
    char content[DIGEST_HEX_SIZE];
    const struct hearing_service service = service_of(listening);
    const struct hearing_question ask = {
        .index = listening->context->index,
        .content = content,
        .seconds = listening->duration,
        .spoken = listening->context->batch.job.language,
        .sourcedir = listening->context->sourcedir,
        .task_file = SOURCE_HEARING,
        .give_link = give_link,
        .context = listening,
    };
    int r = hash_sound(listening, content, err);
    return r < 0 ? r : hearing_ask(&service, &ask, transcript, err);
}

// A request takes 25 MiB, 13 minutes of sound.
static const double part_seconds = 600;

// Where a part that begins at `from` ends: in the last pause that it reaches.
static double part_end(const struct listening *listening, double from)
{
    double limit = from + part_seconds, end = limit;
    if (limit >= listening->duration)
        return listening->duration;
    for (size_t i = 1; i < listening->count; i++) {
        double pause = (listening->utterances[i - 1].end + listening->utterances[i].start) / 2;
        if (pause > from + part_seconds / 2 && pause <= limit)
            end = pause;
    }
    return end;
}

static int ask_for_part(struct listening *listening, double from, double until,
                        struct transcript *transcript, struct err *err)
{
    char content[DIGEST_HEX_SIZE];
    cleanup(free_ptr) char *file = NULL;
    cleanup(transcript_release) struct transcript part = TRANSCRIPT_INIT;
    size_t size = 0;
    const struct hearing_service service = service_of(listening);
    int64_t first = llround(from * WAVE_RATE), end = llround(until * WAVE_RATE);
    int r = wave_cut(&listening->wave, first, (size_t)(end - first), &file, &size, err);
    r = r < 0 ? r : hash(file, size, content, err);
    if (r < 0)
        return r;
    const struct hearing_question ask = { .index = listening->context->index,
                                          .content = content,
                                          .seconds = until - from,
                                          .spoken = listening->context->batch.job.language,
                                          .sound = { .data = file, .size = size } };
    r = hearing_ask(&service, &ask, &part, err);
    if (r < 0)
        return r;
    transcript_append(transcript, &part, from);
    if (transcript->provider == NULL)
        transcript->provider = TAKE(part.provider);
    if (transcript->language == NULL)
        transcript->language = TAKE(part.language);
    stage_progress(listening->context, until / listening->duration);
    return 0;
}

static int ask_in_parts(struct listening *listening, struct transcript *transcript, struct err *err)
{
    double from = 0;
    while (from < listening->duration) {
        double until = part_end(listening, from);
        int r = ask_for_part(listening, from, until, transcript, err);
        if (r < 0)
            return r;
        from = until;
    }
    transcript_settle(transcript, listening->duration);
    return 0;
}

static int write_down_there(struct listening *listening, struct transcript *transcript,
                            struct err *err)
{
    struct models *models = &listening->models;
    int r = models_open(listening->context, MODEL_SPEECH, models, err);
    if (r < 0)
        return r;
    r = models->service == MODEL_DASHSCOPE ? ask_for_all(listening, transcript, err)
                                           : ask_in_parts(listening, transcript, err);
    return models_ended(models, r);
}

// ---- the step

static bool is_here(const struct stage_context *context)
{
    return model_place(&context->settings.models, context->batch.roles[MODEL_SPEECH]) == NULL;
}

static int write_down(struct listening *listening, struct transcript *transcript, struct err *err)
{
    struct stage_context *context = listening->context;
    int fd = fs_open(context->sourcedir, SOURCE_AUDIO, O_RDONLY);
    if (fd == -ENOENT)
        return 0;
    int r = fd < 0 ? fs_fail(err, -fd, "open", SOURCE_AUDIO) : wave_open(fd, &listening->wave, err);
    r = r < 0 ? r : find_utterances(listening, err);
    // Where nobody speaks nobody is asked.
    if (r < 0 || listening->count == 0)
        return r;
    return is_here(context) ? write_down_here(listening, transcript, err)
                            : write_down_there(listening, transcript, err);
}

// What will not get better is a warning, and no transcript; the rest is tried again.
static bool is_given_up(const struct stage_context *context, const struct err *err)
{
    if (is_here(context))
        return err->class == ERR_INPUT || err->class == ERR_CONFIG;
    return fallback_is_due(context, STAGE_TRANSCRIBE, err);
}

static int run(struct stage_context *context, struct err *err)
{
    struct err why = ERR_INIT;
    cleanup(transcript_release) struct transcript transcript = TRANSCRIPT_INIT;
    cleanup(listening_release) struct listening listening = { .context = context,
                                                              .wave = WAVE_INIT,
                                                              .models = MODELS_INIT };
    int r = write_down(&listening, &transcript, &why);
    if (r < 0 && !is_given_up(context, &why)) {
        if (err)
            *err = why;
        return r;
    }
    if (r < 0)
        stage_warn(context, "what is said was not written down: %s%s%s", why.text,
                   *why.hint ? "; " : "", why.hint);
    bool is_said = r >= 0 && transcript.sentence_count > 0;
    r = is_said ? transcript_save(context->sourcedir, &transcript, err) : 0;
    json_put_int(context->numbers, "sentences", (int64_t)transcript.sentence_count);
    json_put_int(context->numbers, "words", (int64_t)transcript.word_count);
    json_put_text(context->numbers, "provider", transcript.provider);
    return r;
}

int main(int argc, char **argv)
{
    return stage_main(argc, argv, STAGE_TRANSCRIBE, run);
}
