// The layout of a reel; see cuts.h.
#include "media/cuts.h"

#include "media/crew.h"
#include "media/webtrack.h"

#include <math.h>
#include <stdio.h>

// Encoded stretches are split so that all processors have something to do to the end; a key frame
// every eight to sixteen seconds is what encoders give anyway.
static const double strip_seconds = 8;
// Below this share of copied pictures the joints are not worth it.
static const double worthwhile_share = 0.1;

static double frame_seconds(const struct cuts *cuts)
{
    return (double)cuts->look.fps_den / cuts->look.fps_num;
}

static bool is_copyable(const struct cuts *cuts, int index)
{
    const struct footage_source *source = &cuts->footage->sources[index];
    return source->is_usable && !source->why_not && format_equal(&source->format, &cuts->format);
}

bool cuts_keep_format(const struct cuts *cuts, int index)
{
    return cuts->copies && is_copyable(cuts, index);
}

// ---- the look

static struct look choose_look(const struct footage *footage)
{
    const struct reel_order *order = footage->order;
    struct look_source *looks = xcalloc(order->source_count, sizeof *looks);
    size_t count = 0;
    for (size_t i = 0; i < order->source_count; i++)
        if (footage->sources[i].is_usable)
            looks[count++] = footage->sources[i].look;
    const struct look_wish wish = {
        .width = order->width, .height = order->height, .is_box = order->is_box, .fps = order->fps
    };
    struct look look = look_choose(looks, count, &wish);
    free(looks);
    return look;
}

// Seconds of the plan whose source is of this format.
static double seconds_of(const struct footage *footage, const struct format *format)
{
    double seconds = 0;
    for (size_t i = 0; i < footage->order->source_count; i++) {
        const struct footage_source *source = &footage->sources[i];
        if (source->is_usable && !source->why_not && format_equal(&source->format, format))
            seconds += source->seconds;
    }
    return seconds;
}

// ---- what is copied

static const char no_match[] = "the sources differ in format and the main one cannot be matched",
                  too_little[] = "what could be copied is smaller or slower than most of the reel",
                  too_many[] = "the sources differ in format and none makes up enough of the reel",
                  uneven[] = "the frame rate of its source varies",
                  no_key[] = "no key frame lies where it could be copied from";

// Rates this close are one: 29.97 and 30, 23.976 and 24.
static const double same_rate = 0.01;

static bool is_whole_reel(const struct footage *footage, const struct format *format)
{
    return seconds_of(footage, format) > footage->seconds - 1e-6;
}

// What was asked for differs from the material.  Returns NULL if not, else in what.
static const char *asked_otherwise(const struct cuts *cuts, const struct format *format)
{
    const struct reel_order *order = cuts->footage->order;
    double fps = (double)format->fps_num / format->fps_den;
    if (order->fps > 0 && fabs(order->fps - fps) > same_rate * fps)
        return "another frame rate was asked for";
    int width = cuts->look.picture.width, height = cuts->look.picture.height;
    bool is_size = (width == format->width && height == format->height) ||
                   (format->is_turned && width == format->height && height == format->width);
    if (order->width > 0 && !is_size && av_cmp_q(format->aspect, (AVRational){ 1, 1 }) == 0)
        return "another size was asked for";
    const char *encoder = order->quality.encoder;
    bool is_hevc = encoder && (strstr(encoder, "hevc") || strstr(encoder, "265"));
    if (encoder && format->codec != (is_hevc ? NAL_HEVC : NAL_H264))
        return "another codec was asked for";
    return NULL;
}

// Why nothing of the source can be copied into this reel; NULL: it can.  Nothing is made to match
// pictures of the web: whoever plays those need not be asked for, so they are copied where all
// agree.
static const char *obstacle(const struct cuts *cuts, const struct footage_source *source)
{
    if (source->why_not)
        return source->why_not;
    const char *why = asked_otherwise(cuts, &source->format);
    if (why || is_whole_reel(cuts->footage, &source->format))
        return why;
    bool is_matched = !webtrack_is_for(source->format.codec) && format_is_plain(&source->format);
    return is_matched ? NULL : no_match;
}

// In a reel of this format most pictures would lose, for the sake of those that are copied.
static bool is_too_little(const struct cuts *cuts, const struct footage_source *source)
{
    const struct look *look = &cuts->look;
    const struct format *format = &source->format;
    double fps = (double)format->fps_num / format->fps_den;
    return !is_whole_reel(cuts->footage, format) &&
           (format->width < look->picture.width || format->height < look->picture.height ||
            fps < (1 - same_rate) * look->fps_num / look->fps_den);
}

static double seconds_with_obstacle(const struct cuts *cuts)
{
    const struct footage *footage = cuts->footage;
    double seconds = 0;
    for (size_t i = 0; i < footage->order->source_count; i++) {
        const struct footage_source *source = &footage->sources[i];
        seconds += source->is_usable && obstacle(cuts, source) ? source->seconds : 0;
    }
    return seconds;
}

// A reel that is encoded for its larger part is encoded whole: more carefully than beside copies.
static const struct footage_source *choose_format(const struct cuts *cuts)
{
    const struct footage *footage = cuts->footage;
    const struct footage_source *best = NULL;
    double most = fmax(seconds_with_obstacle(cuts) - 2e-9, 0);
    for (size_t i = 0; i < footage->order->source_count; i++) {
        const struct footage_source *source = &footage->sources[i];
        if (!source->is_usable || obstacle(cuts, source) || is_too_little(cuts, source))
            continue;
        double seconds = seconds_of(footage, &source->format);
        if (seconds > most + 1e-9) {
            most = seconds;
            best = source;
        }
    }
    return best;
}

// What keeps the pictures of the source from being copied, NULL if nothing is known to.
static const char *hindrance(const struct cuts *cuts, size_t index)
{
    const struct footage *footage = cuts->footage;
    const struct footage_source *source = &footage->sources[index];
    const char *why = source->is_usable ? obstacle(cuts, source) : NULL;
    if (why || !source->is_usable)
        return why;
    if (!cuts->copies)
        return is_too_little(cuts, source) ? too_little : NULL;
    if (!is_copyable(cuts, (int)index))
        return too_many;
    return footage->order->sources[index].probe->variable_rate ? uneven : no_key;
}

// Where nothing of the reel is copied: what is true of the most seconds.
static const char *main_obstacle(const struct cuts *cuts)
{
    const struct footage *footage = cuts->footage;
    size_t count = footage->order->source_count;
    cleanup(free_ptr) const char **why = xcalloc(count + 1, sizeof *why);
    for (size_t i = 0; i < count; i++)
        why[i] = hindrance(cuts, i);
    const char *main = "there is nothing to copy from";
    double most = 0;
    for (size_t i = 0; i < count; i++) {
        double seconds = 0;
        for (size_t j = 0; why[i] && j < count; j++)
            seconds += why[j] && strcmp(why[i], why[j]) == 0 ? footage->sources[j].seconds : 0;
        if (seconds > most + 1e-9) {
            most = seconds;
            main = why[i];
        }
    }
    return main;
}

static void adopt(struct cuts *cuts, const struct format *format)
{
    const struct footage *footage = cuts->footage;
    cuts->format = *format;
    cuts->copies = true;
    for (size_t i = 0; i < footage->order->source_count; i++)
        if (is_copyable(cuts, (int)i)) {
            const struct format *other = &footage->sources[i].format;
            cuts->format.reorders = cuts->format.reorders && other->reorders;
            // The number of the constrained baseline profile is a large one.
            if ((other->profile & 0xff) > (cuts->format.profile & 0xff))
                cuts->format.profile = other->profile;
        }
    cuts->look.fps_num = format->fps_num;
    cuts->look.fps_den = format->fps_den;
    if (is_whole_reel(footage, format))
        return;
    cuts->look.picture.width = format->width;
    cuts->look.picture.height = format->height;
    if (format->matrix == AVCOL_SPC_BT709 || format->matrix == AVCOL_SPC_SMPTE170M)
        cuts->look.picture.matrix = format->matrix;
}

// Decides whether to copy.  Returns NULL if so, else why not.
static const char *choose_copying(struct cuts *cuts)
{
    const struct footage_source *best = choose_format(cuts);
    if (!best)
        return main_obstacle(cuts);
    adopt(cuts, &best->format);
    return NULL;
}

// ---- strips

static void add_strip(struct cuts *cuts, size_t cut, const struct run *run)
{
    if (cuts->strip_count == cuts->strip_capacity) {
        cuts->strip_capacity = cuts->strip_capacity ? 2 * cuts->strip_capacity : 64;
        cuts->strips = xrealloc(cuts->strips, cuts->strip_capacity, sizeof *cuts->strips);
    }
    cuts->strips[cuts->strip_count++] = (struct strip){ .cut = cut, .run = *run };
    if (run->is_copied)
        cuts->copied += run->count;
    else
        cuts->encoded += run->count;
}

static void add_encoded(struct cuts *cuts, size_t cut, struct run run)
{
    int64_t most = llround(strip_seconds / frame_seconds(cuts));
    while (run.count >= 2 * most) {
        struct run part = run;
        part.count = most;
        add_strip(cuts, cut, &part);
        run.first += most;
        run.count -= most;
    }
    add_strip(cuts, cut, &run);
}

// Of a cut whose source cannot be read, nothing is copied.
static int scan_cut(const struct cuts *cuts, struct footage_file *file, struct cut *cut,
                    struct err *err)
{
    const struct footage_source *source = &cuts->footage->sources[cut->segment->video_index];
    struct err problem = ERR_INIT;
    int r = footage_file(cuts->footage, cut->segment->video_index, file, &problem);
    if (r >= 0)
        r = scan_read(file->source, &source->paramsets.stream, cut->segment->start,
                      cut->segment->end + 2 * frame_seconds(cuts), &cut->scan, &problem);
    if (r >= 0)
        return 0;
    cut->scan.is_timed = false;
    footage_close_file(file);
    if (footage_is_to_blame(&problem))
        return 0;
    *err = problem;
    return r;
}

// A part of the cuts: those beside each other are often of one source.
struct scanning {
    const struct cuts *cuts;
    size_t parts;
};

static int scan_part(void *context, size_t number, struct err *err)
{
    const struct scanning *scanning = context;
    const struct cuts *cuts = scanning->cuts;
    cleanup(footage_close_file) struct footage_file file = { .source = NULL };
    size_t end = (number + 1) * cuts->cut_count / scanning->parts;
    for (size_t i = number * cuts->cut_count / scanning->parts; i < end; i++) {
        struct cut *cut = &cuts->cuts[i];
        int r =
            cuts_keep_format(cuts, cut->segment->video_index) ? scan_cut(cuts, &file, cut, err) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

static int scan_all(const struct cuts *cuts, struct err *err)
{
    struct scanning scanning = { cuts, crew_size() };
    const struct crew_job job = { .work = scan_part, .context = &scanning };
    return cuts->copies ? crew_run(&job, scanning.parts, (unsigned)scanning.parts, err) : 0;
}

static void lay_cut(struct cuts *cuts, struct cut *cut)
{
    struct run runs[RUNS_MAX] = { { .count = cut->place.frames } };
    size_t count = 1;
    cut->origin = NAN;
    if (cut->scan.is_timed) {
        const struct runs_wish wish = { .start = cut->segment->start,
                                        .end = cut->segment->end,
                                        .frames = cut->place.frames,
                                        .frame = frame_seconds(cuts) };
        count = runs_find(cut->scan.pictures, cut->scan.count, &wish, runs, &cut->origin);
        bool copies = false;
        for (size_t i = 0; i < count; i++)
            copies = copies || runs[i].is_copied;
        if (!copies)
            cut->origin = NAN;
    }
    for (size_t i = 0; i < count; i++) {
        if (runs[i].is_copied)
            add_strip(cuts, (size_t)(cut - cuts->cuts), &runs[i]);
        else
            add_encoded(cuts, (size_t)(cut - cuts->cuts), runs[i]);
    }
}

static void place_all(struct cuts *cuts)
{
    const struct plan *plan = cuts->footage->order->plan;
    cuts->cuts = xcalloc(plan->segment_count + 1, sizeof *cuts->cuts);
    cuts->timeline =
        (struct timeline){ .fps_num = cuts->look.fps_num, .fps_den = cuts->look.fps_den };
    for (size_t i = 0; i < plan->segment_count; i++) {
        const struct plan_segment *segment = &plan->segments[i];
        struct cut *cut = &cuts->cuts[cuts->cut_count];
        if (!footage_has(cuts->footage, segment) ||
            !cuts->footage->sources[segment->video_index].is_usable)
            continue;
        cut->segment = segment;
        timeline_place(&cuts->timeline, segment->start, segment->end, &cut->place);
        if (cut->place.frames <= 0)
            continue;
        timeline_add(&cuts->timeline, &cut->place);
        cuts->cut_count++;
    }
}

static int lay_all(struct cuts *cuts, struct err *err)
{
    place_all(cuts);
    if (cuts->cut_count == 0)
        return footage_nothing(err);
    int r = scan_all(cuts, err);
    for (size_t i = 0; r >= 0 && i < cuts->cut_count; i++)
        lay_cut(cuts, &cuts->cuts[i]);
    return r;
}

int cuts_lay(struct footage *footage, bool copy, struct cuts *ret_cuts, char *ret_why,
             struct err *err)
{
    *ret_cuts = (struct cuts){ .footage = footage, .look = choose_look(footage) };
    const char *why = copy ? choose_copying(ret_cuts) : NULL;
    int r = lay_all(ret_cuts, err);
    if (r < 0)
        return r;
    int64_t all = ret_cuts->copied + ret_cuts->encoded;
    if (ret_cuts->copies && (double)ret_cuts->copied < worthwhile_share * (double)all)
        why = main_obstacle(ret_cuts);
    if (!copy || !why)
        return 0;
    (void)snprintf(ret_why, 400, "%s", why);
    if (!ret_cuts->copies)
        return 0;
    cuts_release(ret_cuts);
    return cuts_lay(footage, false, ret_cuts, ret_why, err);
}

void cuts_release(struct cuts *cuts)
{
    for (size_t i = 0; i < cuts->cut_count; i++)
        scan_release(&cuts->cuts[i].scan);
    for (size_t i = 0; i < cuts->strip_count; i++)
        parcel_release(&cuts->strips[i].parcel);
    free(base_take(&cuts->cuts));
    free(base_take(&cuts->strips));
    cuts->cut_count = cuts->strip_count = cuts->strip_capacity = 0;
}

// ---- times

double cuts_instant(const struct cuts *cuts, const struct cut *cut, int64_t frame)
{
    return isnan(cut->origin) ? timeline_instant(&cuts->timeline, &cut->place, frame)
                              : cut->origin + (double)frame * frame_seconds(cuts);
}

double cuts_begin(const struct cuts *cuts, const struct cut *cut, int64_t frame)
{
    double instant = cuts_instant(cuts, cut, frame);
    if (!isnan(cut->origin))
        return instant;
    // The grid may put the first frame up to half a frame before the segment; all frames then show
    // what lies that much later.
    return instant + fmax(0, cut->segment->start - cuts_instant(cuts, cut, 0));
}

double cuts_picture_bytes(const struct cuts *cuts)
{
    const struct format *format = &cuts->format;
    const struct graph_look *look = &cuts->look.picture;
    return cuts->copies ? picture_bytes(format->pixels, format->width, format->height)
                        : picture_bytes(AV_PIX_FMT_YUV420P, look->width, look->height);
}

int64_t cuts_frames(const struct cuts *cuts)
{
    return cuts->copied + cuts->encoded;
}

// ---- closing up

bool cuts_are_short(const struct cuts *cuts)
{
    for (size_t i = 0; i < cuts->strip_count; i++) {
        const struct strip *strip = &cuts->strips[i];
        if (!strip->run.is_copied && (int64_t)strip->parcel.count != strip->run.count)
            return true;
    }
    return false;
}

// Frames that are left of a cut: up to the first strip that is short.
static int64_t frames_left(struct cuts *cuts, size_t number, size_t *strip)
{
    int64_t left = 0;
    bool is_whole = true;
    for (; *strip < cuts->strip_count && cuts->strips[*strip].cut == number; (*strip)++) {
        struct run *run = &cuts->strips[*strip].run;
        const struct parcel *parcel = &cuts->strips[*strip].parcel;
        int64_t planned = run->count;
        if (!is_whole)
            run->count = 0;
        else if (!run->is_copied)
            run->count = (int64_t)parcel->count;
        is_whole = is_whole && run->count == planned;
        *(run->is_copied ? &cuts->copied : &cuts->encoded) -= planned - run->count;
        left += run->count;
    }
    return left;
}

bool cuts_close_up(struct cuts *cuts)
{
    int64_t before = cuts_frames(cuts), at = 0;
    size_t strip = 0;
    for (size_t i = 0; i < cuts->cut_count; i++) {
        struct timeline_segment *place = &cuts->cuts[i].place;
        place->frames = frames_left(cuts, i, &strip);
        int64_t moved = place->first_frame - at;
        place->start_us -= llround((double)moved * frame_seconds(cuts) * 1e6);
        place->first_frame = at;
        at += place->frames;
        place->first_sample = timeline_sample(&cuts->timeline, place->first_frame);
        place->samples = timeline_sample(&cuts->timeline, at) - place->first_sample;
    }
    return cuts_frames(cuts) != before;
}
