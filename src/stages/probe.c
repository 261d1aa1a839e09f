// probe: finds out what a source is, and refuses what can never be cut.

#include "base/text.h"
#include "media/inspect.h"
#include "stages/stage.h"

static void tell_progress(void *context, double fraction)
{
    stage_progress(context, fraction);
}

static int check_length(const struct probe *probe, double max_seconds, struct err *err)
{
    char is[TEXT_TIME_SIZE], allowed[TEXT_TIME_SIZE];
    if (max_seconds <= 0 || probe->duration <= max_seconds)
        return 0;
    err_set(err, ERR_INPUT, "too_long", "the video lasts %s (%.1f s); at most %s (%g s) is allowed",
            text_clock(probe->duration, is), probe->duration, text_clock(max_seconds, allowed),
            max_seconds);
    return err_hint(err, "Cut it into shorter files, or raise limits.max_source_seconds.");
}

static void report(struct stage_context *context, const struct probe *probe)
{
    json_put_number(context->numbers, "duration", probe->duration, 3);
    json_put_int(context->numbers, "width", probe->width);
    json_put_int(context->numbers, "height", probe->height);
    json_put_number(context->numbers, "fps", (double)probe->fps_num / probe->fps_den, 3);
    json_put_text(context->numbers, "codec", probe->codec);
    for (size_t i = 0; i < json_array_size(probe->warnings); i++)
        stage_warn(context, "%s", json_string_value(json_array_get(probe->warnings, i)));
}

static int run(struct stage_context *context, struct err *err)
{
    const struct inspect_rules rules = {
        .max_pixels = context->settings.max_pixels,
        .max_streams = (int)context->settings.max_streams,
        .progress = tell_progress,
        .context = context,
    };
    cleanup(close_fd) int fd = stage_open_source(context, err);
    if (fd < 0)
        return fd;
    cleanup(probe_release) struct probe probe = PROBE_INIT;
    int r = inspect_file(fd, &rules, &probe, err);
    if (r >= 0)
        r = stage_check_source(context, fd, err);
    if (r < 0)
        return r;
    report(context, &probe);
    r = check_length(&probe, context->settings.max_source_seconds, err);
    return r < 0 ? r : probe_save(context->sourcedir, &probe, err);
}

int main(int argc, char **argv)
{
    return stage_main(argc, argv, STAGE_PROBE, run);
}
