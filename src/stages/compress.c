// compress: makes the proxy of a source and measures its signals.

#include "base/fs.h"
#include "media/proxy.h"
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
        stage_warn(context, "%u %s damaged; what can be decoded is used", result->damage,
                   result->damage == 1 ? "place is" : "places are");
}

static int report(struct stage_context *context, const struct proxy_profile *profile,
                  const struct proxy_result *result, double seconds, double duration)
{
    struct stat st;
    if (fstatat(context->sourcedir, SOURCE_PROXY, &st, 0) == 0)
        json_put_int(context->numbers, "compressed_bytes", st.st_size);
    json_put_text(context->numbers, "profile", profile->name);
    json_put_int(context->numbers, "width", result->width);
    json_put_int(context->numbers, "height", result->height);
    json_put_number(context->numbers, "fps", (double)result->fps_num / result->fps_den, 3);
    json_put_number(context->numbers, "seconds", seconds, 3);
    json_put_number(context->numbers, "speed", seconds > 0 ? duration / seconds : 0, 2);
    return 0;
}

static int run(struct stage_context *context, struct err *err)
{
    double begin = now_seconds();
    cleanup(probe_release) struct probe probe = PROBE_INIT;
    cleanup(signals_release) struct signals signals = SIGNALS_INIT;
    cleanup(fs_release) struct fs_file proxy = FS_FILE_INIT;
    struct proxy_result result;
    int r = probe_load(context->sourcedir, &probe, err);
    if (r < 0)
        return r;
    cleanup(close_fd) int fd = stage_open_source(context, err);
    if (fd < 0)
        return fd;
    r = fs_begin(&proxy, context->sourcedir, SOURCE_PROXY, err);
    if (r < 0)
        return r;
    const struct proxy_wish wish = {
        .source_fd = fd,
        .proxy_fd = proxy.fd,
        .probe = &probe,
        .profile = proxy_profile(context->batch.sources[context->index].profile, probe.duration),
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
    warn(context, &probe, &result);
    return report(context, wish.profile, &result, now_seconds() - begin, probe.duration);
}

int main(int argc, char **argv)
{
    return stage_main(argc, argv, STAGE_COMPRESS, run);
}
