// compress: makes the proxy of a source and measures its signals, and where a model will look or
// listen, the frame set and the sound for it; or takes those that were made of the same bytes
// before (spool/proxies.h).
#include "base/fs.h"
#include "highlight/frameset.h"
#include "highlight/shots.h"
#include "media/proxy.h"
#include "media/stills.h"
#include "media/wav.h"
#include "spool/proxies.h"
#include "stages/stage.h"
#include <fcntl.h>
#include <time.h>

static void tell_progress(void *context, double fraction)
{
    stage_progress(context, fraction);
}

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void warn(struct stage_context *context, const struct probe *probe,
                 const struct proxy_result *result)
{
    if (result->silent)
        stage_warn(context, "the sound (%s) cannot be decoded; the video is treated as silent",
                   probe->audio_codec);
    if (result->last_picture < probe->duration - 1.5)
        stage_warn(context, "pictures can be decoded up to %.1f s only, of %.1f s",
                   result->last_picture, probe->duration);
    else if (result->damage > 0)
        stage_warn(context, "%u places are damaged; what can be decoded is used", result->damage);
}

static void put_facts(struct stage_context *context, const struct proxy_profile *profile,
                      const struct proxy_result *result)
{
    json_put_text(context->numbers, "profile", profile->name);
    json_put_int(context->numbers, "width", result->width);
    json_put_int(context->numbers, "height", result->height);
    json_put_number(context->numbers, "fps", (double)result->fps_num / result->fps_den, 3);
}

static void put_effort(struct stage_context *context, double seconds, double duration)
{
    struct stat st;
    if (fstatat(context->sourcedir, SOURCE_PROXY, &st, 0) == 0)
        json_put_int(context->numbers, "compressed_bytes", st.st_size);
    json_put_number(context->numbers, "seconds", seconds, 3);
    json_put_number(context->numbers, "speed", seconds > 0 ? duration / seconds : 0, 2);
}

// ---- what is made besides

#define FRAMES_ASIDE SOURCE_FRAMES ".tmp"

// Raised with every change that makes other frame sets or sound of the same proxy.
enum { BESIDES_VERSION = 1 };

static bool wants_frames(const struct stage_context *context)
{
    return context->batch.roles[MODEL_VISION] != MODEL_LOCAL &&
           context->settings.models.input != MODEL_INPUT_VIDEO;
}

static bool wants_audio(const struct stage_context *context)
{
    return context->batch.roles[MODEL_SPEECH] != MODEL_NONE;
}

// What decides about all of it.  Where nothing is wanted besides, it is that of the proxy.
static char *recipe_of(const struct stage_context *context, const struct proxy_profile *profile,
                       const struct probe *probe)
{
    const struct model_settings *models = &context->settings.models;
    char *recipe = proxy_recipe(profile, probe), *whole;
    if (wants_frames(context)) {
        whole =
            xasprintf("%s | frames %d %lld %lld %.9g", recipe, BESIDES_VERSION,
                      (long long)models->max_frames, (long long)models->max_pixels, models->fps);
        free(recipe);
        recipe = whole;
    }
    if (wants_audio(context)) {
        whole = xasprintf("%s | audio %d %d", recipe, BESIDES_VERSION, WAV_RATE);
        free(recipe);
        recipe = whole;
    }
    return recipe;
}

// What a run that was killed, or one with other wishes, left.
static int forget_besides(struct stage_context *context, struct err *err)
{
    static const char *const names[] = { SOURCE_FRAMES, FRAMES_ASIDE, SOURCE_AUDIO };
    int r = 0;
    for (size_t i = 0; r >= 0 && i < ARRAY_LEN(names); i++)
        if (faccessat(context->sourcedir, names[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0)
            r = fs_remove(context->sourcedir, names[i], err);
    return r;
}

static int put_still(void *context, const struct frames_item *item, const void *jpeg, size_t size,
                     struct err *err)
{
    cleanup(fs_release) struct fs_file file = FS_FILE_INIT;
    int r = fs_begin_in_place(&file, *(int *)context, item->file, err);
    if (r >= 0)
        r = fs_write_all(file.fd, jpeg, size, err);
    return r < 0 ? r : fs_commit(&file, err);
}

static int fill_frames(struct stage_context *context, double rate, struct frames *frames,
                       struct err *err)
{
    cleanup(close_fd) int folder = fs_open_dir(context->sourcedir, FRAMES_ASIDE, err);
    if (folder < 0)
        return folder;
    cleanup(close_fd) int proxy = fs_open_file(context->sourcedir, SOURCE_PROXY, NULL, err);
    if (proxy < 0)
        return proxy;
    const struct stills_wish wish = {
        .proxy_fd = proxy,
        .rate = rate,
        .max_pixels = context->settings.models.max_pixels,
        .out = put_still,
        .context = &folder,
    };
    int r = stills_make(&wish, frames, err);
    return r < 0 ? r : frames_save(folder, frames, err);
}

// From the file, so that shots are counted as by everybody who reads it.
static int choose_frames(struct stage_context *context, double rate, struct frames *frames,
                         struct err *err)
{
    const struct model_settings *models = &context->settings.models;
    const struct frameset_wish wish = { (size_t)models->max_frames, models->fps, rate };
    cleanup(signals_release) struct signals signals = SIGNALS_INIT;
    cleanup(free_ptr) struct analysis_span *shots = NULL;
    size_t count = 0;
    int r = signals_load(context->sourcedir, &signals, err);
    if (r >= 0)
        r = shots_find(&signals, &shots, &count);
    if (r < 0)
        return r;
    size_t without = frameset_choose(&signals, shots, count, &wish, frames);
    if (without > 0)
        stage_warn(context, "a model is shown %zu of %zu shots, no more than models.max_frames",
                   count - without, count);
    return 0;
}

static int make_frames(struct stage_context *context, double rate, struct err *err)
{
    cleanup(frames_release) struct frames frames = FRAMES_INIT;
    int r = choose_frames(context, rate, &frames, err);
    if (r >= 0)
        r = fs_mkdir(context->sourcedir, FRAMES_ASIDE, 0700, err);
    if (r >= 0)
        r = fill_frames(context, rate, &frames, err);
    if (r >= 0)
        r = fs_move(context->sourcedir, FRAMES_ASIDE, context->sourcedir, SOURCE_FRAMES, 0, err);
    if (r >= 0)
        json_put_int(context->numbers, "frames", (int64_t)frames.count);
    return r;
}

// ---- all in one decode

struct making {
    struct fs_file proxy, audio;
    struct wav *wav; // NULL: the sound is not wanted
    struct signals signals;
};

static void making_release(struct making *making)
{
    fs_release(&making->proxy);
    fs_release(&making->audio);
    wav_free(&making->wav);
    signals_release(&making->signals);
}

static int begin(struct stage_context *context, const struct probe *probe, struct making *making,
                 struct err *err)
{
    int r = fs_begin(&making->proxy, context->sourcedir, SOURCE_PROXY, err);
    if (r < 0 || !probe->has_audio || !wants_audio(context))
        return r;
    r = fs_begin(&making->audio, context->sourcedir, SOURCE_AUDIO, err);
    return r < 0 ? r : wav_open(making->audio.fd, probe->duration, &making->wav, err);
}

static int commit(struct stage_context *context, struct making *making, double rate,
                  struct err *err)
{
    int r = fs_commit(&making->proxy, err);
    if (r >= 0)
        r = signals_save(context->sourcedir, &making->signals, err);
    bool sounds = making->wav != NULL && making->signals.has_sound;
    if (r >= 0 && sounds)
        r = wav_finish(making->wav, err);
    if (r >= 0 && sounds)
        r = fs_commit(&making->audio, err);
    if (r >= 0 && wants_frames(context))
        r = make_frames(context, rate, err);
    return r;
}

static int compress(struct stage_context *context, const struct probe *probe,
                    const struct proxy_profile *profile, int fd, struct err *err)
{
    cleanup(making_release) struct making making = { FS_FILE_INIT, FS_FILE_INIT, NULL,
                                                     SIGNALS_INIT };
    struct proxy_result result;
    int r = begin(context, probe, &making, err);
    if (r < 0)
        return r;
    const struct proxy_wish wish = {
        .source_fd = fd,
        .proxy_fd = making.proxy.fd,
        .probe = probe,
        .profile = profile,
        .max_pixels = context->settings.max_pixels,
        .max_streams = (int)context->settings.max_streams,
        .speech = making.wav,
        .progress = tell_progress,
        .context = context,
    };
    r = proxy_make(&wish, &making.signals, &result, err);
    if (r >= 0)
        r = commit(context, &making, (double)result.fps_num / result.fps_den, err);
    if (r < 0)
        return r;
    warn(context, probe, &result);
    put_facts(context, profile, &result);
    return 0;
}

// ---- what was made before

// Is there all that is wanted, and can it be read?
static bool is_whole(struct stage_context *context)
{
    cleanup(signals_release) struct signals signals = SIGNALS_INIT;
    cleanup(frames_release) struct frames frames = FRAMES_INIT;
    if (signals_load(context->sourcedir, &signals, NULL) < 0)
        return false;
    if (wants_audio(context) && signals.has_sound &&
        faccessat(context->sourcedir, SOURCE_AUDIO, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    return !wants_frames(context) || frames_load(context->sourcedir, &frames, NULL) == 0;
}

// Returns 1 if there was a proxy of these bytes, whole and readable.  What it was found with is
// said again.
static int take_kept(struct stage_context *context, const char *key)
{
    cleanup(json_free) json_t *facts = NULL;
    if (proxies_take(&context->settings, key, context->sourcedir, &facts, NULL) != 1 ||
        !is_whole(context))
        return 0;
    const json_t *warnings = json_object_get(facts, "warnings");
    for (size_t i = 0; i < json_array_size(warnings); i++) {
        const char *sentence = json_string_value(json_array_get(warnings, i));
        if (sentence)
            stage_warn(context, "%s", sentence);
    }
    (void)json_object_update(context->numbers, json_object_get(facts, "numbers"));
    json_put_flag(context->numbers, "kept", true);
    return 1;
}

// A proxy that cannot be kept is still a proxy.
static void keep(struct stage_context *context, const char *key)
{
    struct err err = ERR_INIT;
    cleanup(json_free) json_t *facts = json_object();
    json_put(facts, "numbers", json_deep_copy(context->numbers));
    json_put(facts, "warnings", json_deep_copy(context->warnings));
    if (proxies_keep(&context->settings, key, context->sourcedir, facts, time(NULL), &err) < 0)
        stage_warn(context, "the proxy is not kept for other batches: %s", err.text);
}

static int run(struct stage_context *context, struct err *err)
{
    double begin = now_seconds();
    cleanup(probe_release) struct probe probe = PROBE_INIT;
    int r = probe_load(context->sourcedir, &probe, err);
    if (r < 0)
        return r;
    cleanup(close_fd) int fd = stage_open_source(context, err);
    if (fd < 0)
        return fd;
    const struct proxy_profile *profile =
        proxy_profile(context->batch.sources[context->index].profile, probe.duration);
    cleanup(free_ptr) char *recipe = recipe_of(context, profile, &probe), *key = NULL;
    struct err trouble = ERR_INIT; // of the cache: then the source is compressed all the same
    r = forget_besides(context, err);
    if (r < 0)
        return r;
    bool keyed = proxies_key(&context->settings, recipe, fd, &key, &trouble) == 0;
    if (!keyed || !take_kept(context, key)) {
        r = forget_besides(context, err);
        if (r >= 0)
            r = compress(context, &probe, profile, fd, err);
        if (r >= 0)
            r = stage_check_source(context, fd, err);
        if (r >= 0 && keyed)
            keep(context, key);
    }
    if (r >= 0)
        put_effort(context, now_seconds() - begin, probe.duration);
    return r;
}

int main(int argc, char **argv)
{
    return stage_main(argc, argv, STAGE_COMPRESS, run);
}
