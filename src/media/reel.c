// The reel; see reel.h.
#include "media/reel.h"

#include "media/cover.h"
#include "media/look.h"
#include "media/picture.h"
#include "media/sink.h"
#include "media/sound.h"
#include "media/timeline.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

// The sound follows the pictures at this distance, so that a segment whose source ends early can
// still be faded out.
static const double sound_lag_seconds = 0.7;
// A source that ends this much before its segment ends the segment; less is bridged by its last
// picture.
static const double bridged_seconds = 0.5;
// Share of the work that the survey is, and all but the finish.
static const double survey_share = 0.05, render_share = 0.98;
// More decoder threads than this hold more pictures, not more speed beside an encoder.
enum { MOST_DECODER_THREADS = 4 };

// What the survey learns of a source.
struct survey {
    double seconds; // of it in the plan
    bool usable;    // its picture can be opened
    bool has_sound; // some sound was decoded
    double gain;
    struct look_source look;
};

struct reel {
    const struct reel_order *order;
    struct survey *surveys; // of each source, owned
    double total;           // seconds planned
    struct look look;
    struct timeline timeline;
    struct sink *sink;
    struct sound_line *line; // NULL: no sound track

    int open_index; // whose readers are open, -1: nobody's
    struct source *picture_source, *sound_source;
    struct picture *picture;
    struct sound_reader *sound;
    unsigned shown; // segments
};

static void PRINTF_LIKE(2, 3) warn(const struct reel_order *order, const char *format, ...)
{
    char text[700];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (order->warn)
        order->warn(order->context, text);
}

static void progress(const struct reel_order *order, double fraction)
{
    if (order->progress)
        order->progress(order->context, fraction);
}

// A fault of the material, which costs a part of the reel; any other fault is the end.
static bool is_of_the_material(const struct err *err)
{
    return err->class == ERR_INPUT;
}

static const struct reel_source *source_of(const struct reel_order *order, int index)
{
    return index >= 0 && (size_t)index < order->source_count ? &order->sources[index] : NULL;
}

static int open_source(const struct reel_order *order, int index, struct source **ret_source,
                       struct err *err)
{
    const struct source_limits limits = { .max_pixels = order->max_pixels,
                                          .max_streams = order->max_streams };
    const struct reel_source *source = source_of(order, index);
    if (!source || source->fd < 0)
        return err_set(err, ERR_INPUT, "no_source", "source %d is not there", index);
    return source_open(source->fd, &limits, ret_source, err);
}

// Plans were checked when they were made; what somebody changed since is only kept from doing harm.
static bool is_sane(const struct reel_order *order, const struct plan_segment *segment)
{
    const struct reel_source *source = source_of(order, segment->video_index);
    return source && segment->start >= 0 && segment->end > segment->start &&
           segment->start < source->probe->duration &&
           segment->end < source->probe->duration + bridged_seconds;
}

// ---- the survey

static int open_sound(const struct reel_order *order, int index, struct source **ret_source,
                      struct sound_reader **ret_sound, struct err *err)
{
    struct source *source = NULL;
    int r = open_source(order, index, &source, err);
    if (r >= 0)
        r = sound_open(source, order->sources[index].probe, ret_sound, err);
    if (r < 0) {
        source_free(&source);
        return r;
    }
    *ret_source = source;
    return 0;
}

static int measure_segments(const struct reel_order *order, int index, struct sound_reader *sound,
                            struct sound_meter *meter, struct err *err)
{
    for (size_t i = 0; i < order->plan->segment_count; i++) {
        const struct plan_segment *segment = &order->plan->segments[i];
        if (segment->video_index != index || !is_sane(order, segment))
            continue;
        int r = sound_meter_add(meter, sound, segment->start, segment->end - segment->start, err);
        if (r < 0)
            return r;
    }
    return 0;
}

// Measures the loudness of what is used; sound that cannot be decoded is no sound.
static int survey_sound(const struct reel_order *order, int index, struct survey *survey,
                        struct err *err)
{
    const struct reel_source *source = &order->sources[index];
    if (!source->probe->has_audio)
        return 0;
    struct err problem = ERR_INIT;
    struct source *file = NULL;
    cleanup(sound_free) struct sound_reader *sound = NULL;
    cleanup(sound_meter_free) struct sound_meter *meter = sound_meter_new();
    int r = open_sound(order, index, &file, &sound, &problem);
    if (r >= 0)
        r = measure_segments(order, index, sound, meter, &problem);
    if (r < 0 && !is_of_the_material(&problem)) {
        source_free(&file);
        *err = problem;
        return r;
    }
    survey->has_sound = r >= 0 && sound_came(sound);
    survey->gain = sound_gain(sound_meter_loudness(meter));
    if (!survey->has_sound)
        warn(order, "%s: its sound cannot be decoded; it is silent in the reel", source->name);
    sound_free(&sound);
    source_free(&file);
    return 0;
}

static int survey_picture(const struct reel_order *order, int index, struct survey *survey,
                          struct err *err)
{
    struct err problem = ERR_INIT;
    cleanup(source_free) struct source *file = NULL;
    int r = open_source(order, index, &file, &problem);
    if (r < 0 && !is_of_the_material(&problem)) {
        *err = problem;
        return r;
    }
    if (r < 0) {
        warn(order, "source %d cannot be opened and is left out: %s", index, problem.text);
        return 0;
    }
    const struct probe *probe = order->sources[index].probe;
    survey->usable = true;
    survey->look = (struct look_source){
        .width = probe->width,
        .height = probe->height,
        .is_bt709 = source_video(file)->codecpar->color_space == AVCOL_SPC_BT709,
        .seconds = survey->seconds,
    };
    (void)picture_rate(file, probe, &survey->look.fps_num, &survey->look.fps_den);
    return 0;
}

static int survey_sources(struct reel *reel, struct err *err)
{
    const struct reel_order *order = reel->order;
    for (size_t i = 0; i < order->plan->segment_count; i++) {
        const struct plan_segment *segment = &order->plan->segments[i];
        if (is_sane(order, segment))
            reel->surveys[segment->video_index].seconds += segment->end - segment->start;
    }
    int r = 0;
    for (size_t i = 0; i < order->source_count && r >= 0; i++) {
        struct survey *survey = &reel->surveys[i];
        if (survey->seconds <= 0)
            continue;
        r = survey_picture(order, (int)i, survey, err);
        if (r >= 0 && survey->usable)
            r = survey_sound(order, (int)i, survey, err);
        reel->total += survey->usable ? survey->seconds : 0;
        progress(order, survey_share * (double)(i + 1) / (double)order->source_count);
    }
    return r;
}

static int nothing_rendered(struct err *err)
{
    err_set(err, ERR_INPUT, "nothing_rendered", "none of the planned segments can be shown");
    return err_hint(err, "The originals are damaged; copy them once more.");
}

static int choose_look(struct reel *reel, struct err *err)
{
    const struct reel_order *order = reel->order;
    struct look_source *looks = xcalloc(order->source_count, sizeof *looks);
    size_t count = 0;
    for (size_t i = 0; i < order->source_count; i++)
        if (reel->surveys[i].usable)
            looks[count++] = reel->surveys[i].look;
    const struct look_wish wish = {
        .width = order->width, .height = order->height, .is_box = order->is_box, .fps = order->fps
    };
    if (count > 0)
        reel->look = look_choose(looks, count, &wish);
    free(looks);
    return count > 0 ? 0 : nothing_rendered(err);
}

// ---- readers of the source at hand

static void close_readers(struct reel *reel)
{
    picture_free(&reel->picture);
    sound_free(&reel->sound);
    source_free(&reel->picture_source);
    source_free(&reel->sound_source);
    reel->open_index = -1;
}

static int decoder_threads(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return processors < 1                      ? 1
           : processors > MOST_DECODER_THREADS ? MOST_DECODER_THREADS
                                               : (int)processors;
}

static int open_picture(struct reel *reel, int index, struct err *err)
{
    const struct picture_wish wish = {
        .look = reel->look.picture,
        .reel_fps = (double)reel->look.fps_num / reel->look.fps_den,
        .threads = decoder_threads(),
    };
    int r = open_source(reel->order, index, &reel->picture_source, err);
    if (r < 0)
        return r;
    return picture_open(reel->picture_source, reel->order->sources[index].probe, &wish,
                        &reel->picture, err);
}

// Readers stay open while segments of one source follow each other.
static int open_readers(struct reel *reel, int index, struct err *err)
{
    if (reel->open_index == index)
        return 0;
    close_readers(reel);
    int r = open_picture(reel, index, err);
    if (r >= 0 && reel->line && reel->surveys[index].has_sound)
        r = open_sound(reel->order, index, &reel->sound_source, &reel->sound, err);
    if (r < 0) {
        close_readers(reel);
        return r;
    }
    reel->open_index = index;
    return 0;
}

// ---- a segment

static int put_sound(void *context, const float *frames, size_t count, struct err *err)
{
    return sink_sound(context, frames, count, err);
}

static int begin_sound(struct reel *reel, const struct timeline_segment *place, int index,
                       struct err *err)
{
    if (!reel->line)
        return 0;
    if (reel->sound) {
        struct err problem = ERR_INIT;
        int r = sound_seek(reel->sound, timeline_sound_origin(place), &problem);
        if (r < 0 && !is_of_the_material(&problem)) {
            *err = problem;
            return r;
        }
    }
    sound_line_begin(reel->line, reel->sound, reel->surveys[index].gain);
    return 0;
}

static int follow_with_sound(struct reel *reel, const struct timeline_segment *place, int64_t shown,
                             struct err *err)
{
    if (!reel->line)
        return 0;
    int64_t samples =
        timeline_sample(&reel->timeline, place->first_frame + shown) - place->first_sample;
    return sound_line_run(reel->line, samples - (int64_t)(sound_lag_seconds * SOUND_RATE), err);
}

// The picture of frame n in *ret_frame.  Returns 1, 0 where the source has ended, or a negative.
static int next_picture(struct reel *reel, const struct timeline_segment *place, int64_t n,
                        AVFrame **ret_frame, struct err *err)
{
    double instant = timeline_instant(&reel->timeline, place, n);
    int r = picture_at(reel->picture, instant, ret_frame, err);
    if (r > 0 && picture_missing(reel->picture, instant) > bridged_seconds)
        return 0;
    return r;
}

// Shows the placed segment.  Returns how many frames of it could be shown, or a negative.
static int64_t show_frames(struct reel *reel, const struct timeline_segment *place, int index,
                           struct err *err)
{
    int64_t n = 0;
    for (; n < place->frames; n++) {
        struct err problem = ERR_INIT;
        AVFrame *frame = NULL;
        int r = next_picture(reel, place, n, &frame, &problem);
        if (r < 0 && !is_of_the_material(&problem)) {
            *err = problem;
            return r;
        }
        if (r <= 0)
            break;
        if (n == 0)
            r = begin_sound(reel, place, index, err);
        if (r >= 0)
            r = sink_picture(reel->sink, frame, n == 0, err);
        if (r >= 0)
            r = follow_with_sound(reel, place, n + 1, err);
        if (r < 0)
            return r;
        double reel_seconds =
            (double)(place->first_frame + n + 1) * reel->look.fps_den / reel->look.fps_num;
        progress(reel->order,
                 survey_share + (render_share - survey_share) * reel_seconds / reel->total);
    }
    return n;
}

// The place of a segment that ended early, after `frames`.
static void cut_place(const struct reel *reel, struct timeline_segment *place, int64_t frames)
{
    double start = (double)place->source_us / 1e6;
    place->frames = frames;
    timeline_place(&reel->timeline, start, timeline_instant(&reel->timeline, place, frames), place);
}

static int end_segment(struct reel *reel, const struct plan_segment *segment,
                       const struct timeline_segment *place, struct err *err)
{
    int r = reel->line ? sound_line_end(reel->line, place->samples, err) : 0;
    if (r < 0)
        return r;
    const char *name = reel->order->sources[segment->video_index].name;
    const char *title = segment->reason && segment->reason[0] ? segment->reason : name;
    reel->shown++;
    return sink_chapter(reel->sink, place->first_frame, place->first_frame + place->frames, title,
                        err);
}

static int show_segment(struct reel *reel, const struct plan_segment *segment, struct err *err)
{
    const struct reel_source *source = &reel->order->sources[segment->video_index];
    struct timeline_segment place;
    timeline_place(&reel->timeline, segment->start, segment->end, &place);
    if (place.frames <= 0)
        return 0;
    struct err problem = ERR_INIT;
    int r = open_readers(reel, segment->video_index, &problem);
    if (r >= 0)
        r = picture_start(reel->picture, segment->start, segment->end, &problem);
    if (r < 0 && !is_of_the_material(&problem)) {
        *err = problem;
        return r;
    }
    int64_t shown = r < 0 ? 0 : show_frames(reel, &place, segment->video_index, err);
    if (shown < 0)
        return (int)shown;
    if (shown < place.frames)
        warn(reel->order, "%s: of %.1f to %.1f s only %.1f s can be decoded%s", source->name,
             segment->start, segment->end, (double)shown * reel->look.fps_den / reel->look.fps_num,
             shown ? "" : "; the segment is left out");
    if (shown == 0)
        return 0;
    if (shown < place.frames)
        cut_place(reel, &place, shown);
    timeline_add(&reel->timeline, &place);
    return end_segment(reel, segment, &place, err);
}

// ---- the whole

static bool any_sound(const struct reel *reel)
{
    for (size_t i = 0; i < reel->order->source_count; i++)
        if (reel->surveys[i].has_sound)
            return true;
    return false;
}

static int open_reel(struct reel *reel, int fd, struct err *err)
{
    const struct reel_order *order = reel->order;
    reel->timeline.fps_num = reel->look.fps_num;
    reel->timeline.fps_den = reel->look.fps_den;
    const struct sink_wish wish = { .look = reel->look.picture,
                                    .fps_num = reel->look.fps_num,
                                    .fps_den = reel->look.fps_den,
                                    .preset = order->quality.preset,
                                    .crf = order->quality.crf,
                                    .bitrate = order->quality.bitrate,
                                    .sound = any_sound(reel),
                                    .title = order->title };
    int r = sink_open(fd, &wish, &reel->sink, err);
    if (r >= 0 && wish.sound)
        reel->line = sound_line_new(put_sound, reel->sink);
    return r;
}

static int show_all(struct reel *reel, struct err *err)
{
    int r = 0;
    for (size_t i = 0; i < reel->order->plan->segment_count && r >= 0; i++) {
        const struct plan_segment *segment = &reel->order->plan->segments[i];
        if (!is_sane(reel->order, segment))
            warn(reel->order, "segment %zu does not lie within its source and is left out", i);
        else if (reel->surveys[segment->video_index].usable)
            r = show_segment(reel, segment, err);
    }
    close_readers(reel);
    if (r >= 0 && reel->shown == 0)
        r = nothing_rendered(err);
    if (r >= 0 && reel->line)
        r = sound_line_finish(reel->line, err);
    return r < 0 ? r : sink_finish(reel->sink, err);
}

// The cover is of the segment with the highest score.  It is an extra: a reel without one is whole.
static int make_cover(struct reel *reel, struct reel_result *result, struct err *err)
{
    const struct plan_segment *best = NULL;
    for (size_t i = 0; i < reel->order->plan->segment_count; i++) {
        const struct plan_segment *segment = &reel->order->plan->segments[i];
        if (is_sane(reel->order, segment) && reel->surveys[segment->video_index].usable &&
            (!best || segment->score > best->score))
            best = segment;
    }
    if (!best)
        return 0;
    struct err problem = ERR_INIT;
    int r = open_picture(reel, best->video_index, &problem);
    if (r >= 0)
        r = cover_make(reel->picture, best->start, best->end, &result->cover, &result->cover_size,
                       &problem);
    close_readers(reel);
    if (r >= 0)
        return 0;
    if (!is_of_the_material(&problem)) {
        *err = problem;
        return r;
    }
    warn(reel->order, "there is no cover: %s", problem.text);
    return 0;
}

static void describe(const struct reel *reel, int fd, struct reel_result *result)
{
    struct stat status;
    result->frames_encoded = sink_pictures(reel->sink);
    result->duration = (double)result->frames_encoded * reel->look.fps_den / reel->look.fps_num;
    result->width = reel->look.picture.width;
    result->height = reel->look.picture.height;
    result->size_bytes = fstat(fd, &status) == 0 ? (uint64_t)status.st_size : 0;
}

static void release(struct reel *reel)
{
    close_readers(reel);
    sound_line_free(&reel->line);
    sink_free(&reel->sink);
    free(base_take(&reel->surveys));
}

int reel_render(const struct reel_order *order, int fd, struct reel_result *ret_result,
                struct err *err)
{
    struct err unheard = ERR_INIT;
    struct reel_result result = REEL_RESULT_INIT;
    cleanup(release) struct reel reel = { .order = order, .open_index = -1 };
    reel.surveys = xcalloc(order->source_count + 1, sizeof *reel.surveys);
    err = err ? err : &unheard;
    int r = survey_sources(&reel, err);
    if (r >= 0)
        r = choose_look(&reel, err);
    if (r >= 0)
        r = open_reel(&reel, fd, err);
    if (r >= 0)
        r = show_all(&reel, err);
    if (r >= 0)
        r = make_cover(&reel, &result, err);
    if (r < 0)
        return r;
    describe(&reel, fd, &result);
    *ret_result = result;
    return 0;
}

void reel_result_release(struct reel_result *result)
{
    free(base_take(&result->cover));
}
