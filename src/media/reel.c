// The reel; see reel.h.
#include "media/reel.h"

#include "media/cover.h"
#include "media/crew.h"
#include "media/dub.h"
#include "media/join.h"
#include "media/strips.h"
#include "media/verify.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

// Shares of the progress: strips and sound, then joining, then verifying and the cover.
static const double make_share = 0.9, join_share = 0.96;
// Pictures that one decoder of the finished reel holds: 16 to refer to and what is in work.
enum { VERIFYING_PICTURES = 20 };

struct reel {
    const struct reel_order *order;
    int fd; // of the file
    struct footage footage;
    struct shelf shelf;
    struct cuts cuts;
    struct strips_wish wish;
    struct dub dub;
    struct join join;
    AVCodecParameters *coded;     // of the strips
    AVCodecParameters **coded_of; // of each strip
    size_t *pieces;               // numbers of strips to encode, the longest first
    size_t piece_count;
    unsigned lane_count;        // numbers of the crew's pieces; behind them the sound
    _Atomic size_t next_piece;  // behind the last strip: the cover
    _Atomic size_t pieces_left; // not made yet
    _Atomic bool has_begun_sound, has_begun_join;
    bool is_joined;
    _Atomic bool failed;
    _Atomic int64_t frames_done;
    _Atomic double dub_done;
    struct reel_result *result;
};

static void progress(const struct reel *reel, double fraction)
{
    if (reel->order->progress)
        reel->order->progress(reel->order->context, fraction);
}

// ---- joining

// All strips come from one encoder with one wish; its parameter sets must be the same, since one
// copy of them serves all.
static int agree_on_track(struct reel *reel, struct err *err)
{
    for (size_t i = 0; i < reel->cuts.strip_count; i++) {
        const AVCodecParameters *coded = reel->coded_of[i];
        if (!coded || reel->cuts.strips[i].run.count == 0)
            continue;
        if (!reel->coded)
            reel->coded = reel->coded_of[i];
        if (coded->extradata_size != reel->coded->extradata_size ||
            (coded->extradata_size > 0 &&
             memcmp(coded->extradata, reel->coded->extradata, (size_t)coded->extradata_size) != 0))
            return err_set(err, ERR_BUG, "encoders_differ",
                           "two encoders with one wish gave different parameter sets");
    }
    return 0;
}

static int join(struct reel *reel, struct err *err)
{
    int r = agree_on_track(reel, err);
    reel->is_joined = r >= 0;
    return r < 0 ? r : join_make(&reel->cuts, &reel->dub, reel->coded, reel->fd, &reel->join, err);
}

// ---- strips and sound, side by side

// The lanes take strip after strip, and at last the cover; the sound comes when there is a
// processor for it: it is made by several at a time, and so fills what the strips, of which the
// last is one, would leave idle.  Who ends the last strip joins it all, as far as there is sound by
// then.

// The cover is of the segment with the highest score.  It is an extra: a reel without one is whole.
static int make_cover(struct reel *reel, struct err *err)
{
    const struct plan_segment *best = NULL;
    for (size_t i = 0; i < reel->cuts.cut_count; i++) {
        const struct plan_segment *segment = reel->cuts.cuts[i].segment;
        best = !best || segment->score > best->score ? segment : best;
    }
    struct err problem = ERR_INIT;
    struct footage_picture picture = { .source = NULL };
    const struct picture_wish wish = {
        .look = reel->cuts.look.picture,
        .reel_fps = (double)reel->cuts.look.fps_num / reel->cuts.look.fps_den,
        .threads = 1,
    };
    if (!best || reel->result->cover)
        return 0;
    int r = footage_picture(&reel->footage, best->video_index, &wish, &picture, &problem);
    if (r >= 0)
        r = cover_make(picture.picture, best->start, best->end, &reel->result->cover,
                       &reel->result->cover_size, &problem);
    footage_close_picture(&picture);
    if (r >= 0)
        return 0;
    if (!footage_is_to_blame(&problem)) {
        *err = problem;
        return r;
    }
    footage_warn(&reel->footage, "there is no cover: %s", problem.text);
    return 0;
}

static int make_strip(struct reel *reel, size_t strip, struct err *err)
{
    reel->coded_of[strip] = avcodec_parameters_alloc();
    if (!reel->coded_of[strip])
        return source_libav_error(err, AVERROR(ENOMEM), "no_memory", "encode the reel");
    return strips_make(&reel->cuts, &reel->cuts.strips[strip], &reel->wish, reel->coded_of[strip],
                       err);
}

// Once all strips are there and the sound is there or on its way: nobody waits for a sound that no
// thread has taken up.  Its places change where something is shorter than planned.
static int join_when_ready(struct reel *reel, struct err *err)
{
    if (atomic_load(&reel->pieces_left) > 0 || !atomic_load(&reel->has_begun_sound) ||
        atomic_load(&reel->failed) || cuts_are_short(&reel->cuts) ||
        atomic_exchange(&reel->has_begun_join, true))
        return 0;
    return join(reel, err);
}

static int run_lane(struct reel *reel, struct err *err)
{
    int r = 0;
    while (r >= 0 && !atomic_load(&reel->failed)) {
        size_t next = atomic_fetch_add(&reel->next_piece, 1);
        if (next > reel->piece_count)
            break;
        r = next < reel->piece_count ? make_strip(reel, reel->pieces[next], err)
                                     : make_cover(reel, err);
        if (r >= 0)
            atomic_fetch_sub(&reel->pieces_left, 1);
    }
    return r;
}

static int run_sound(struct reel *reel, struct err *err)
{
    atomic_store(&reel->has_begun_sound, true);
    return dub_make(&reel->cuts, true, &reel->dub_done, &reel->dub, err);
}

static int do_piece(void *context, size_t number, struct err *err)
{
    struct reel *reel = context;
    int r = number < reel->lane_count ? run_lane(reel, err) : run_sound(reel, err);
    if (r >= 0)
        r = join_when_ready(reel, err);
    if (r < 0)
        atomic_store(&reel->failed, true);
    return r;
}

static void watch(void *context)
{
    const struct reel *reel = context;
    // A second of sound takes about as long as three encoded pictures of this size.
    double frames = (double)reel->cuts.encoded, sound = 3 * reel->footage.seconds;
    double done = (double)reel->frames_done + sound * reel->dub_done;
    progress(reel, make_share * fmin(done / (frames + sound), 1));
}

static int longer_first(const void *a, const void *b, void *context)
{
    const struct strip *strips = context;
    int64_t x = strips[*(const size_t *)a].run.count, y = strips[*(const size_t *)b].run.count;
    return (y > x) - (y < x);
}

static struct lanes choose_lanes(size_t stretches, struct lanes_load load)
{
    const struct lanes_wish wish = { crew_size(), stretches, load };
    return lanes_choose(&wish);
}

static int forget_packet(void *context, AVPacket *packet, struct err *err)
{
    (void)context, (void)packet, (void)err;
    return 0;
}

// Hardware comes and goes: whether the wished encoder is there is seen by starting it.
static void choose_encoder(struct reel *reel)
{
    struct err problem = ERR_INIT;
    struct coder *coder = NULL;
    reel->wish.encoder = reel->order->quality.encoder;
    if (reel->cuts.copies || !reel->wish.encoder)
        return;
    const struct coder_wish wish = strips_coder(&reel->cuts, &reel->wish);
    if (coder_open(&wish, forget_packet, NULL, &coder, &problem) < 0) {
        footage_warn(&reel->footage, "%s; " STRIPS_USUAL_ENCODER " is used", problem.text);
        reel->wish.encoder = NULL;
    }
    coder_free(&coder);
}

static int make_pieces(struct reel *reel, struct err *err)
{
    struct cuts *cuts = &reel->cuts;
    const struct crew_job job = { .work = do_piece, .watch = watch, .context = reel };
    reel->pieces = xcalloc(cuts->strip_count + 1, sizeof *reel->pieces);
    reel->coded_of = xcalloc(cuts->strip_count + 1, sizeof(AVCodecParameters *));
    for (size_t i = 0; i < cuts->strip_count; i++)
        if (!cuts->strips[i].run.is_copied)
            reel->pieces[reel->piece_count++] = i;
    qsort_r(reel->pieces, reel->piece_count, sizeof *reel->pieces, longer_first, cuts->strips);
    reel->wish.quality = reel->order->quality;
    reel->wish.shelf = &reel->shelf;
    reel->wish.frames_done = &reel->frames_done;
    reel->wish.threads = 1;
    choose_encoder(reel);
    const struct lanes lanes = choose_lanes(reel->piece_count, strips_load(cuts, &reel->wish));
    reel->wish.threads = (int)lanes.threads;
    reel->lane_count = lanes.count;
    // Where the lanes leave a processor, the sound has it from the first.
    unsigned workers =
        lanes.count < crew_size() || lanes.count == 1 ? 1 + lanes.count : lanes.count;
    atomic_store(&reel->pieces_left, reel->piece_count + 1);
    dub_init(&reel->dub, &reel->shelf);
    return crew_run(&job, lanes.count + 1, workers, err);
}

// Something was shorter than planned: the sound is made anew for where everything lies now.
static int close_up(struct reel *reel, struct err *err)
{
    (void)cuts_close_up(&reel->cuts);
    if (cuts_frames(&reel->cuts) == 0)
        return footage_nothing(err);
    dub_release(&reel->dub);
    dub_init(&reel->dub, &reel->shelf);
    int r = dub_make(&reel->cuts, false, &reel->dub_done, &reel->dub, err);
    return r < 0 ? r : join(reel, err);
}

// ---- the whole

// Where each segment is heard, to the sample.
static void tell_places(const struct cuts *cuts, struct reel_result *result)
{
    free(result->places);
    result->places = xcalloc(cuts->cut_count + 1, sizeof *result->places);
    result->place_count = cuts->cut_count;
    for (size_t i = 0; i < cuts->cut_count; i++) {
        const struct timeline_segment *place = &cuts->cuts[i].place;
        result->places[i] = (struct plan_place){
            .video_index = cuts->cuts[i].segment->video_index,
            .source = timeline_sound_origin(place),
            .start = (double)place->first_sample / TIMELINE_SAMPLE_RATE,
            .duration = (double)place->samples / TIMELINE_SAMPLE_RATE,
        };
    }
}

static void describe(const struct reel *reel, int fd)
{
    struct reel_result *result = reel->result;
    const struct cuts *cuts = &reel->cuts;
    const struct format *format = &cuts->format;
    struct stat status;
    bool is_on_side = cuts->copies && format->is_turned && format->turn[0] == 0;
    int width = cuts->copies ? format->width : cuts->look.picture.width;
    int height = cuts->copies ? format->height : cuts->look.picture.height;
    tell_places(cuts, result);
    result->frames_copied = cuts->copied;
    result->frames_encoded = cuts->encoded;
    result->duration = (double)cuts_frames(cuts) * cuts->look.fps_den / cuts->look.fps_num;
    result->width = is_on_side ? height : width;
    result->height = is_on_side ? width : height;
    result->size_bytes = fstat(fd, &status) == 0 ? (uint64_t)status.st_size : 0;
}

static void release(struct reel *reel)
{
    for (size_t i = 0; reel->coded_of && i < reel->cuts.strip_count; i++)
        avcodec_parameters_free(&reel->coded_of[i]);
    free(base_take(&reel->coded_of));
    free(base_take(&reel->pieces));
    join_release(&reel->join);
    dub_release(&reel->dub);
    cuts_release(&reel->cuts);
    footage_release(&reel->footage);
}

// One attempt.  Returns 1 if the reel stands, 0 if it does not, with the reason in the result, or a
// negative.
static int attempt(const struct reel_order *order, bool copy, int fd, struct reel_result *result,
                   struct err *err)
{
    cleanup(release) struct reel reel = { .order = order, .fd = fd, .result = result };
    char why[200] = "";
    shelf_init(&reel.shelf, order->scratch_fd);
    int r = footage_open(order, &reel.footage, err);
    if (r >= 0)
        r = cuts_lay(&reel.footage, copy, &reel.cuts, result->fallback, err);
    if (r >= 0)
        r = make_pieces(&reel, err);
    progress(&reel, make_share);
    if (r >= 0 && !reel.is_joined)
        r = close_up(&reel, err);
    progress(&reel, join_share);
    const struct lanes_load load = { .bytes = VERIFYING_PICTURES * cuts_picture_bytes(&reel.cuts) };
    const unsigned decoders = choose_lanes(SIZE_MAX, load).count;
    if (r >= 0)
        r = verify_reel(&reel.cuts, &reel.join, reel.dub.has_sound, fd, decoders, why, err);
    if (r < 0)
        return r;
    if (r == 0)
        (void)snprintf(result->fallback, sizeof result->fallback, "%s", why);
    describe(&reel, fd);
    return r;
}

// What a copy could be at fault for, and encoding not.
static bool may_be_copying(const struct err *err)
{
    return err->class == ERR_INPUT || err->class == ERR_BUG || err->class == ERR_RETRY ||
           err->class == ERR_CONFIG;
}

static int start_over(const struct reel_order *order, int fd, struct err *err)
{
    if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0 || ftruncate(order->scratch_fd, 0) < 0)
        return err_errno(err, errno, "begin the reel anew");
    return 0;
}

int reel_render(const struct reel_order *order, int fd, struct reel_result *ret_result,
                struct err *err)
{
    struct err problem = ERR_INIT, unheard = ERR_INIT;
    struct reel_result result = REEL_RESULT_INIT;
    err = err ? err : &unheard;
    int r = attempt(order, order->may_copy, fd, &result, &problem);
    bool again = r == 0 || (r < 0 && order->may_copy && may_be_copying(&problem) &&
                            strcmp(problem.id, "nothing_rendered") != 0);
    if (again && order->may_copy) {
        if (r < 0)
            (void)snprintf(result.fallback, sizeof result.fallback, "%.399s", problem.text);
        problem = (struct err)ERR_INIT;
        r = start_over(order, fd, &problem);
        if (r >= 0)
            r = attempt(order, false, fd, &result, &problem);
    }
    if (r == 0)
        r = err_set(&problem, ERR_BUG, "not_verified", "the finished reel is wrong: %s",
                    result.fallback);
    if (r < 0) {
        reel_result_release(&result);
        *err = problem;
        return r;
    }
    *ret_result = result;
    return 0;
}

void reel_result_release(struct reel_result *result)
{
    free(base_take(&result->cover));
    free(base_take(&result->places));
}
