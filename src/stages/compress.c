// compress: makes the proxy of a source and measures its signals, or takes those that were made of
// the same bytes before (spool/proxies.h).
#include "base/fs.h"
#include "media/proxy.h"
#include "spool/proxies.h"
#include "stages/stage.h"
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

static int compress(struct stage_context *context, const struct probe *probe,
                    const struct proxy_profile *profile, int fd, struct err *err)
{
    cleanup(signals_release) struct signals signals = SIGNALS_INIT;
    cleanup(fs_release) struct fs_file proxy = FS_FILE_INIT;
    struct proxy_result result;
    int r = fs_begin(&proxy, context->sourcedir, SOURCE_PROXY, err);
    if (r < 0)
        return r;
    const struct proxy_wish wish = {
        .source_fd = fd,
        .proxy_fd = proxy.fd,
        .probe = probe,
        .profile = profile,
        .max_pixels = context->settings.max_pixels,
        .max_streams = (int)context->settings.max_streams,
        .progress = tell_progress,
        .context = context,
    };
    r = proxy_make(&wish, &signals, &result, err);
    if (r >= 0)
        r = fs_commit(&proxy, err);
    if (r >= 0)
        r = signals_save(context->sourcedir, &signals, err);
    if (r < 0)
        return r;
    warn(context, probe, &result);
    put_facts(context, profile, &result);
    return 0;
}

// ---- what was made before

// Returns 1 if there was a proxy of these bytes, whole and readable.  What it was found with is
// said again.
static int take_kept(struct stage_context *context, const char *key)
{
    cleanup(json_free) json_t *facts = NULL;
    cleanup(signals_release) struct signals signals = SIGNALS_INIT;
    if (proxies_take(&context->settings, key, context->sourcedir, &facts, NULL) != 1 ||
        signals_load(context->sourcedir, &signals, NULL) < 0)
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
    cleanup(free_ptr) char *recipe = proxy_recipe(profile, &probe), *key = NULL;
    struct err trouble = ERR_INIT; // of the cache: then the source is compressed all the same
    bool keyed = proxies_key(&context->settings, recipe, fd, &key, &trouble) == 0;
    if (!keyed || !take_kept(context, key)) {
        r = compress(context, &probe, profile, fd, err);
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
