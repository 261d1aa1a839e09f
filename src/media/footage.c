// The originals of a reel; see footage.h.
#include "media/footage.h"

#include "media/webtrack.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

// A plan may reach this far beyond a source; its last picture bridges that.
static const double bridged_seconds = 0.5;

void footage_warn(struct footage *footage, const char *format, ...)
{
    char text[700];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&footage->lock);
    if (footage->order->warn)
        footage->order->warn(footage->order->context, text);
    pthread_mutex_unlock(&footage->lock);
}

bool footage_is_to_blame(const struct err *err)
{
    return err->class == ERR_INPUT;
}

int footage_nothing(struct err *err)
{
    err_set(err, ERR_INPUT, "nothing_rendered", "none of the planned segments can be shown");
    return err_hint(err, "The originals are damaged; copy them once more.");
}

static const struct reel_source *given(const struct footage *footage, int index)
{
    const struct reel_order *order = footage->order;
    return index >= 0 && (size_t)index < order->source_count ? &order->sources[index] : NULL;
}

bool footage_has(const struct footage *footage, const struct plan_segment *segment)
{
    const struct reel_source *source = given(footage, segment->video_index);
    return source && segment->start >= 0 && segment->end > segment->start &&
           segment->start < source->probe->duration &&
           segment->end < source->probe->duration + bridged_seconds;
}

// ---- readers

int footage_source(const struct footage *footage, int index, struct source **ret_source,
                   struct err *err)
{
    const struct source_limits limits = { .max_pixels = footage->order->max_pixels,
                                          .max_streams = footage->order->max_streams };
    const struct reel_source *source = given(footage, index);
    if (!source || source->fd < 0)
        return err_set(err, ERR_INPUT, "no_source", "source %d is not there", index);
    int r = source_open(source->fd, &limits, ret_source, err);
    if (r >= 0)
        source_set_start(*ret_source, source->probe->start_time);
    return r;
}

int footage_file(const struct footage *footage, int index, struct footage_file *file,
                 struct err *err)
{
    if (file->source && file->index == index)
        return 0;
    footage_close_file(file);
    int r = footage_source(footage, index, &file->source, err);
    if (r >= 0)
        r = source_decode(file->source, SOURCE_PICTURE, 1, AVDISCARD_DEFAULT, err);
    if (r < 0)
        footage_close_file(file);
    file->index = index;
    return r;
}

void footage_close_file(struct footage_file *file)
{
    source_free(&file->source);
}

int footage_picture(const struct footage *footage, int index, const struct picture_wish *wish,
                    struct footage_picture *ret_picture, struct err *err)
{
    struct footage_picture picture = { .source = NULL };
    int r = footage_source(footage, index, &picture.source, err);
    if (r >= 0)
        r = picture_open(picture.source, given(footage, index)->probe, wish, &picture.picture, err);
    if (r < 0) {
        footage_close_picture(&picture);
        return r;
    }
    *ret_picture = picture;
    return 0;
}

void footage_close_picture(struct footage_picture *picture)
{
    picture_free(&picture->picture);
    source_free(&picture->source);
}

int footage_sound(const struct footage *footage, int index, struct footage_sound *ret_sound,
                  struct err *err)
{
    struct footage_sound sound = { .source = NULL };
    int r = footage_source(footage, index, &sound.source, err);
    if (r >= 0)
        r = sound_open(sound.source, given(footage, index)->probe, &sound.reader, err);
    if (r < 0) {
        footage_close_sound(&sound);
        return r;
    }
    *ret_sound = sound;
    return 0;
}

void footage_close_sound(struct footage_sound *sound)
{
    sound_free(&sound->reader);
    source_free(&sound->source);
}

// ---- what they are

static void describe(struct footage *footage, int index, struct source *file)
{
    struct footage_source *source = &footage->sources[index];
    const struct probe *probe = given(footage, index)->probe;
    const AVCodecParameters *parameters = source_video(file)->codecpar;
    source->is_usable = true;
    source->look = (struct look_source){
        .width = probe->width,
        .height = probe->height,
        .is_bt709 = parameters->color_space == AVCOL_SPC_BT709,
        .seconds = source->seconds,
    };
    source->picture_bytes =
        picture_bytes(parameters->format, parameters->width, parameters->height);
    (void)picture_rate(file, probe, &source->look.fps_num, &source->look.fps_den);
    source->why_not = format_read(file, probe, &source->format);
    struct webtrack web = { .codec = source->format.codec,
                            .width = parameters->width,
                            .height = parameters->height };
    source->paramsets.stream.codec = source->format.codec;
    if (source->why_not)
        return;
    if (webtrack_is_for(source->format.codec)) {
        if (webtrack_add(&web, parameters->extradata, (size_t)parameters->extradata_size) < 0)
            source->why_not = "its parameter sets cannot be read";
    } else if (paramsets_parse(source->format.codec, parameters->extradata,
                               (size_t)parameters->extradata_size, &source->paramsets) < 0) {
        source->why_not = "its parameter sets cannot be read";
    }
}

static int look_at(struct footage *footage, int index, struct err *err)
{
    struct err problem = ERR_INIT;
    struct source *file = NULL;
    int r = footage_source(footage, index, &file, &problem);
    if (r < 0 && !footage_is_to_blame(&problem)) {
        *err = problem;
        return r;
    }
    if (r < 0)
        footage_warn(footage, "source %d cannot be opened and is left out: %s", index,
                     problem.text);
    else
        describe(footage, index, file);
    source_free(&file);
    return 0;
}

int footage_open(const struct reel_order *order, struct footage *ret_footage, struct err *err)
{
    *ret_footage = (struct footage){ .order = order };
    ret_footage->sources = xcalloc(order->source_count + 1, sizeof *ret_footage->sources);
    pthread_mutex_init(&ret_footage->lock, NULL);
    for (size_t i = 0; i < order->plan->segment_count; i++) {
        const struct plan_segment *segment = &order->plan->segments[i];
        if (footage_has(ret_footage, segment))
            ret_footage->sources[segment->video_index].seconds += segment->end - segment->start;
        else
            footage_warn(ret_footage, "segment %zu does not lie within its source and is left out",
                         i);
    }
    bool any = false;
    for (size_t i = 0; i < order->source_count; i++) {
        struct footage_source *source = &ret_footage->sources[i];
        int r = source->seconds > 0 ? look_at(ret_footage, (int)i, err) : 0;
        if (r < 0)
            return r;
        any = any || source->is_usable;
        ret_footage->seconds += source->is_usable ? source->seconds : 0;
    }
    return any ? 0 : footage_nothing(err);
}

double footage_picture_bytes(const struct footage *footage)
{
    double most = 0;
    for (size_t i = 0; i < footage->order->source_count; i++)
        if (footage->sources[i].is_usable)
            most = fmax(most, footage->sources[i].picture_bytes);
    return most;
}

void footage_release(struct footage *footage)
{
    if (!footage->sources)
        return;
    for (size_t i = 0; i < footage->order->source_count; i++)
        paramsets_release(&footage->sources[i].paramsets);
    pthread_mutex_destroy(&footage->lock);
    free(base_take(&footage->sources));
}
