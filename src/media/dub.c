// The sound of the reel; see dub.h.
#include "media/dub.h"

#include "media/chorus.h"
#include "media/crew.h"
#include <math.h>

// The line is run in steps of this many frames, so that progress is seen.
enum { STEP = SOUND_RATE / 2 };
// Measuring is this share of the work: it decodes, the rest decodes, limits and encodes.
static const double measure_share = 0.2;

struct level {
    bool has_sound;
    double gain;
};

struct mixer {
    const struct cuts *cuts;
    struct level *levels; // of each source, owned
    struct sound_line *line;
    struct chorus *chorus;
    struct dub *dub;
    _Atomic double *done;
};

// ---- loudness

static int measure_cuts(const struct cuts *cuts, int index, struct sound_reader *reader,
                        struct sound_meter *meter, struct err *err)
{
    int r = 0;
    for (size_t i = 0; i < cuts->cut_count && r >= 0; i++) {
        const struct plan_segment *segment = cuts->cuts[i].segment;
        if (segment->video_index == index)
            r = sound_meter_add(meter, reader, segment->start, segment->end - segment->start, err);
    }
    return r;
}

static int measure(struct mixer *mixer, int index, bool is_first, struct err *err)
{
    const struct footage *footage = mixer->cuts->footage;
    const struct reel_source *source = &footage->order->sources[index];
    struct level *level = &mixer->levels[index];
    struct err problem = ERR_INIT;
    struct footage_sound sound = { .source = NULL };
    if (!source->probe->has_audio)
        return 0;
    struct sound_meter *meter = sound_meter_new();
    int r = footage_sound(footage, index, &sound, &problem);
    if (r >= 0)
        r = measure_cuts(mixer->cuts, index, sound.reader, meter, &problem);
    level->has_sound = r >= 0 && sound_came(sound.reader);
    level->gain = sound_gain(sound_meter_loudness(meter));
    footage_close_sound(&sound);
    sound_meter_free(&meter);
    if (r < 0 && !footage_is_to_blame(&problem)) {
        *err = problem;
        return r;
    }
    if (!level->has_sound && is_first)
        footage_warn(mixer->cuts->footage,
                     "%s: its sound cannot be decoded; it is silent in the reel", source->name);
    return 0;
}

static int measure_all(struct mixer *mixer, bool is_first, struct err *err)
{
    const struct footage *footage = mixer->cuts->footage;
    double measured = 0;
    for (size_t i = 0; i < footage->order->source_count; i++) {
        const struct footage_source *source = &footage->sources[i];
        if (!source->is_usable)
            continue;
        int r = measure(mixer, (int)i, is_first, err);
        if (r < 0)
            return r;
        mixer->dub->has_sound = mixer->dub->has_sound || mixer->levels[i].has_sound;
        measured += source->seconds;
        atomic_store(mixer->done, measure_share * measured / footage->seconds);
    }
    return 0;
}

// ---- the line

static int put_packet(void *context, AVPacket *packet, struct err *err)
{
    struct mixer *mixer = context;
    double seconds = fmax((double)packet->pts / SOUND_RATE, 0);
    atomic_store(mixer->done,
                 measure_share + (1 - measure_share) * seconds / mixer->cuts->footage->seconds);
    return parcel_add(&mixer->dub->parcel, packet, err);
}

static int put_sound(void *context, const float *frames, size_t count, struct err *err)
{
    struct mixer *mixer = context;
    return chorus_add(mixer->chorus, frames, count, err);
}

static int play_cut(struct mixer *mixer, const struct cut *cut, struct sound_reader *reader,
                    struct err *err)
{
    struct err problem = ERR_INIT;
    int r = reader ? sound_seek(reader, timeline_sound_origin(&cut->place), &problem) : 0;
    if (r < 0 && !footage_is_to_blame(&problem)) {
        *err = problem;
        return r;
    }
    r = 0;
    sound_line_begin(mixer->line, reader, mixer->levels[cut->segment->video_index].gain);
    for (int64_t at = STEP; at < cut->place.samples && r >= 0; at += STEP)
        r = sound_line_run(mixer->line, at, err);
    return r < 0 ? r : sound_line_end(mixer->line, cut->place.samples, err);
}

// A reader stays open while cuts of one source follow each other.
static int play_all(struct mixer *mixer, struct err *err)
{
    const struct cuts *cuts = mixer->cuts;
    struct footage_sound sound = { .source = NULL };
    int open_index = -1, r = 0;
    for (size_t i = 0; i < cuts->cut_count && r >= 0; i++) {
        const struct cut *cut = &cuts->cuts[i];
        int index = cut->segment->video_index;
        if (cut->place.samples <= 0)
            continue;
        if (index != open_index) {
            footage_close_sound(&sound);
            open_index = index;
            if (mixer->levels[index].has_sound)
                r = footage_sound(cuts->footage, index, &sound, err);
        }
        if (r >= 0)
            r = play_cut(mixer, cut, sound.reader, err);
    }
    footage_close_sound(&sound);
    if (r >= 0)
        r = sound_line_finish(mixer->line, err);
    return r < 0 ? r : chorus_finish(mixer->chorus, err);
}

static int encode_all(struct mixer *mixer, struct err *err)
{
    struct dub *dub = mixer->dub;
    mixer->line = sound_line_new(put_sound, mixer);
    dub->parameters = avcodec_parameters_alloc();
    if (!dub->parameters)
        return source_libav_error(err, AVERROR(ENOMEM), "no_memory", "encode sound");
    int r = chorus_start(crew_size(), put_packet, mixer, dub->parameters, &mixer->chorus, err);
    return r < 0 ? r : play_all(mixer, err);
}

void dub_init(struct dub *dub, struct shelf *shelf)
{
    *dub = (struct dub){ .has_sound = false };
    parcel_init(&dub->parcel, shelf);
}

int dub_make(const struct cuts *cuts, bool is_first, _Atomic double *done, struct dub *dub,
             struct err *err)
{
    struct mixer mixer = { .cuts = cuts, .dub = dub, .done = done };
    mixer.levels = xcalloc(cuts->footage->order->source_count + 1, sizeof *mixer.levels);
    int r = measure_all(&mixer, is_first, err);
    if (r >= 0 && dub->has_sound)
        r = encode_all(&mixer, err);
    chorus_free(&mixer.chorus);
    parcel_end(&dub->parcel);
    sound_line_free(&mixer.line);
    free(mixer.levels);
    return r;
}

void dub_release(struct dub *dub)
{
    parcel_release(&dub->parcel);
    avcodec_parameters_free(&dub->parameters);
}
