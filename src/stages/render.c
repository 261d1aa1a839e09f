// render: cuts the reel from the originals.
//
// The plan does not use a source of which a step failed, and where it does all the same, its
// segments are left out.  One that is missing for any other reason is trouble, never left out: a
// reel without it would look finished.
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <time.h>

#include "base/fs.h"
#include "base/text.h"
#include "highlight/subtitles.h"
#include "media/reel.h"
#include "stages/stage.h"

struct originals {
    struct reel_source *sources; // one for each of the batch, owned
    struct probe *probes;        // likewise
    char **names;                // likewise
    size_t count;
};

static void originals_release(struct originals *originals)
{
    for (size_t i = 0; i < originals->count; i++) {
        close_fd(&originals->sources[i].fd);
        probe_release(&originals->probes[i]);
        free(originals->names[i]);
    }
    free(originals->sources);
    free(originals->probes);
    free(originals->names);
}

static void originals_init(struct originals *originals, const struct batch *batch)
{
    originals->count = batch->source_count;
    originals->sources = xcalloc(originals->count + 1, sizeof *originals->sources);
    originals->probes = xcalloc(originals->count + 1, sizeof *originals->probes);
    originals->names = xcalloc(originals->count + 1, sizeof *originals->names);
    for (size_t i = 0; i < originals->count; i++) {
        originals->probes[i] = (struct probe)PROBE_INIT;
        originals->names[i] = batch_source_name(&batch->sources[i]);
        originals->sources[i] = (struct reel_source){ .fd = -1,
                                                      .probe = &originals->probes[i],
                                                      .name = originals->names[i] };
    }
}

static bool is_planned(const struct plan *plan, size_t index)
{
    for (size_t i = 0; i < plan->segment_count; i++)
        if (plan->segments[i].video_index >= 0 && (size_t)plan->segments[i].video_index == index)
            return true;
    return false;
}

// Returns 1 if a step of the source failed for good, 0 if not.
static int has_failed(struct stage_context *context, size_t index, struct err *err)
{
    int failed = context->batch.sources[index].error.class != ERR_NONE;
    for (enum stage stage = 0; stage < STAGE_COUNT && !failed; stage++) {
        cleanup(step_release) struct step step = STEP_INIT;
        if (!stage_info[stage].per_source)
            continue;
        int r = step_load(context->batchdir, stage, (int)index, &step, err);
        if (r < 0)
            return r;
        failed = step_is_lost(&step, stage);
    }
    return failed;
}

static int missing(struct err *err, const char *what, const char *source)
{
    err_clear(err);
    return err_set(err, ERR_RETRY, "source_missing", "%s of %s is missing", what, source);
}

// Borrows what the step has.
static struct stage_context at_source(const struct stage_context *context, size_t index,
                                      int sourcedir)
{
    return (struct stage_context){ .settings = context->settings,
                                   .batch = context->batch,
                                   .sourcedir = sourcedir,
                                   .index = (int)index };
}

// Negative for trouble, also if what must be there is not.
static int open_original(struct stage_context *context, size_t index, struct originals *originals,
                         struct err *err)
{
    cleanup(free_ptr) char *name = xasprintf("%zu", index);
    cleanup(close_fd) int sourcedir =
        fs_open(context->batchdir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (sourcedir == -ENOENT)
        return missing(err, "the directory", originals->names[index]);
    if (sourcedir < 0)
        return err_errno(err, -sourcedir, "open the directory of source %zu", index);
    struct stage_context of_source = at_source(context, index, sourcedir);
    int r = probe_load(sourcedir, &originals->probes[index], err);
    if (r == -ENOENT)
        return missing(err, "the probe", originals->names[index]);
    if (r < 0)
        return r;
    r = originals->sources[index].fd = stage_open_source(&of_source, err);
    return r == -ENOENT ? missing(err, "the file", originals->names[index]) : r;
}

// A reel of which one was written to meanwhile is none: the next try sees that from the start, and
// does without it.
static int check_originals(struct stage_context *context, const struct originals *originals,
                           struct err *err)
{
    for (size_t i = 0; i < originals->count; i++) {
        struct stage_context of_source = at_source(context, i, -1);
        struct err why = ERR_INIT;
        int fd = originals->sources[i].fd;
        if (fd >= 0 && stage_check_source(&of_source, fd, &why) < 0)
            return err_set(err, ERR_RETRY, "changed", "%s: %s", originals->names[i], why.text);
    }
    return 0;
}

static int open_originals(struct stage_context *context, const struct plan *plan,
                          struct originals *originals, struct err *err)
{
    for (size_t i = 0; i < originals->count; i++) {
        int r = is_planned(plan, i) ? has_failed(context, i, err) : 1;
        if (r == 0)
            r = open_original(context, i, originals, err);
        if (r < 0 && err->class == ERR_INPUT) { // its own loss
            stage_warn(context, "%s is left out: %s", originals->names[i], err->text);
            *err = (struct err)ERR_INIT;
        } else if (r < 0) {
            return r;
        }
    }
    return 0;
}

// What job.conf asks for.  Presets and bit rates of low to high are those promised to users.
// `source` is meant to look like the original: CRF 18 is where a difference is no longer seen, and
// there the preset is a matter of size and speed only; veryfast halves the time of fast for a file
// of about the same size.
static struct reel_quality quality_of(const struct job *job)
{
    static const struct reel_quality qualities[] = {
        [QUALITY_SOURCE] = { NULL, "veryfast", 18, 0 },
        [QUALITY_LOW] = { NULL, "ultrafast", 0, 500000 },
        [QUALITY_MEDIUM] = { NULL, "fast", 0, 1500000 },
        [QUALITY_HIGH] = { NULL, "medium", 0, 3000000 },
    };
    struct reel_quality quality = qualities[job->output.quality];
    int64_t bitrate = 0;
    if (job->output.encoder > 0)
        quality.encoder = job_encoders[job->output.encoder];
    if (job->output.bitrate && job_bitrate(job->output.bitrate, &bitrate) >= 0)
        quality.bitrate = bitrate;
    return quality;
}

static void tell_progress(void *context, double fraction)
{
    stage_progress(context, fraction);
}

static void tell_warning(void *context, const char *sentence)
{
    stage_warn(context, "%s", sentence);
}

// Copies of coded pictures are the originals' quality at its best; whoever asks for a quality or a
// bit rate, or for a new compression, is not served by them.
static bool may_copy(const struct job *job)
{
    return job->output.mode == MODE_ORIGINAL_QUALITY && job->output.quality == QUALITY_SOURCE &&
           !job->output.bitrate;
}

static struct reel_order order_of(struct stage_context *context, const struct plan *plan,
                                  const struct originals *originals)
{
    const struct job *job = &context->batch.job;
    const char *resolution = job->output.resolution ? job->output.resolution : "source";
    struct reel_order order = {
        .plan = plan,
        .sources = originals->sources,
        .source_count = originals->count,
        .max_pixels = context->settings.max_pixels,
        .max_streams = (int)context->settings.max_streams,
        .may_copy = may_copy(job),
        .fps = job->output.fps,
        .quality = quality_of(job),
        .title = job->title,
        .context = context,
        .progress = tell_progress,
        .warn = tell_warning,
    };
    // A bad value was refused with the batch.
    (void)job_resolution(resolution, &order.width, &order.height);
    order.is_box = text_ends_with(resolution, "p");
    return order;
}

static double seconds_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void report(struct stage_context *context, const struct reel_result *result, double seconds)
{
    json_put_number(context->numbers, "duration", result->duration, 3);
    json_put_int(context->numbers, "size_bytes", (int64_t)result->size_bytes);
    json_put_int(context->numbers, "width", result->width);
    json_put_int(context->numbers, "height", result->height);
    json_put_int(context->numbers, "frames_copied", result->frames_copied);
    json_put_int(context->numbers, "frames_encoded", result->frames_encoded);
    json_put_text(context->numbers, "render_mode",
                  !result->frames_copied   ? "encode"
                  : result->frames_encoded ? "smart"
                                           : "copy");
    if (result->fallback[0])
        json_put_text(context->numbers, "fallback_reason", result->fallback);
    json_put_number(context->numbers, "speed", seconds > 0 ? result->duration / seconds : 0, 2);
}

// ---- subtitles

// What is said in the sources that the reel shows.  One that cannot be read says nothing.
static int load_transcripts(struct stage_context *context, const struct originals *originals,
                            struct transcript *transcripts, struct err *err)
{
    for (size_t i = 0; i < originals->count; i++) {
        struct err problem = ERR_INIT;
        cleanup(free_ptr) char *name = xasprintf("%zu", i);
        transcripts[i] = (struct transcript)TRANSCRIPT_INIT;
        if (originals->sources[i].fd < 0)
            continue;
        cleanup(close_fd) int sourcedir = fs_open_dir(context->batchdir, name, err);
        if (sourcedir < 0)
            return sourcedir;
        int r =
            transcript_load(sourcedir, originals->probes[i].duration, &transcripts[i], &problem);
        if (r == -ENOENT || r == 0)
            continue;
        if (problem.class != ERR_INPUT) {
            *err = problem;
            return r;
        }
        stage_warn(context, "%s has no subtitles: %s", originals->names[i], problem.text);
    }
    return 0;
}

static int put_text(int batchdir, const char *name, const char *text, struct err *err)
{
    return text ? fs_write(batchdir, name, text, strlen(text), err)
                : fs_remove(batchdir, name, err);
}

// Beside the reel; none where nothing is said.
static int write_subtitles(struct stage_context *context, const struct originals *originals,
                           const struct reel_result *result, struct err *err)
{
    struct transcript *transcripts = xcalloc(originals->count + 1, sizeof *transcripts);
    cleanup(subtitles_release) struct subtitles subtitles = SUBTITLES_INIT;
    int r = load_transcripts(context, originals, transcripts, err);
    if (r == 0)
        subtitles_make(result->places, result->place_count, transcripts, originals->count,
                       &subtitles);
    for (size_t i = 0; i < originals->count; i++)
        transcript_release(&transcripts[i]);
    free(transcripts);
    cleanup(free_ptr) char *srt = subtitles.count > 0 ? subtitles_to_srt(&subtitles) : NULL;
    cleanup(free_ptr) char *vtt = subtitles.count > 0 ? subtitles_to_vtt(&subtitles) : NULL;
    if (r == 0)
        r = put_text(context->batchdir, BATCH_SRT, srt, err);
    if (r == 0)
        r = put_text(context->batchdir, BATCH_VTT, vtt, err);
    if (r == 0 && subtitles.count > 0)
        json_put_int(context->numbers, "subtitles", (int64_t)subtitles.count);
    return r;
}

// ---- the step

static int commit(struct stage_context *context, struct fs_file *reel,
                  const struct reel_result *result, struct err *err)
{
    int r = result->cover
                ? fs_write(context->batchdir, BATCH_COVER, result->cover, result->cover_size, err)
                : fs_remove(context->batchdir, BATCH_COVER, err);
    return r < 0 ? r : fs_commit(reel, err);
}

static int run(struct stage_context *context, struct err *err)
{
    cleanup(plan_release) struct plan plan = PLAN_INIT;
    cleanup(originals_release) struct originals originals = { 0 };
    cleanup(fs_release) struct fs_file reel = FS_FILE_INIT;
    cleanup(fs_release) struct fs_file scratch = FS_FILE_INIT; // never committed
    cleanup(reel_result_release) struct reel_result result = REEL_RESULT_INIT;
    double began = seconds_now();
    int r = plan_load(context->batchdir, &plan, err);
    if (r == -ENOENT)
        err_set(err, ERR_BUG, "no_plan", "there is no %s to render", BATCH_PLAN);
    if (r < 0)
        return r;
    originals_init(&originals, &context->batch);
    r = open_originals(context, &plan, &originals, err);
    if (r >= 0)
        r = fs_begin(&reel, context->batchdir, BATCH_FINAL, err);
    if (r >= 0)
        r = fs_begin(&scratch, context->batchdir, BATCH_SCRATCH, err);
    if (r < 0)
        return r;
    struct reel_order order = order_of(context, &plan, &originals);
    order.scratch_fd = scratch.fd;
    r = reel_render(&order, reel.fd, &result, err);
    if (r >= 0)
        r = check_originals(context, &originals, err);
    if (r >= 0)
        r = write_subtitles(context, &originals, &result, err);
    if (r >= 0)
        r = commit(context, &reel, &result, err);
    if (r < 0)
        return r;
    report(context, &result, seconds_now() - began);
    return 0;
}

// Planes of pictures are mapped one by one, so that what one stretch of the reel gives back is
// there for the next; else the heap keeps it in pieces that fit nothing (44 of 378 MB were seen).
// Coded pictures are smaller and stay on the heap, which keeps some room: mapping each, or giving
// the room back each time, would double the time of copying them.
enum { MAPPED_BYTES = 1 << 20, KEPT_BYTES = 8 << 20 };

int main(int argc, char **argv)
{
    (void)mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES); // memory only
    (void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    return stage_main(argc, argv, STAGE_RENDER, run);
}
