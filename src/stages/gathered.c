#include "stages/gathered.h"

#include "base/fs.h"
#include <errno.h>
#include <fcntl.h>

void gathered_release(struct gathered *gathered)
{
    for (size_t i = 0; i < gathered->count; i++) {
        probe_release(&gathered->sources[i].probe);
        signals_release(&gathered->sources[i].signals);
        analysis_release(&gathered->sources[i].analysis);
        transcript_release(&gathered->sources[i].transcript);
    }
    free(gathered->sources);
    free(gathered->choices);
    free(gathered->durations);
    *gathered = (struct gathered)GATHERED_INIT;
}

static int load_source(int sourcedir, struct gathered_source *source, struct err *err)
{
    int r = probe_load(sourcedir, &source->probe, err);
    if (r < 0)
        return r;
    r = signals_load(sourcedir, &source->signals, err);
    if (r < 0)
        return r;
    return analysis_load(sourcedir, source->probe.duration, &source->analysis, err);
}

// A plan can do without what was said.
static int load_transcript(struct stage_context *context, int sourcedir, size_t index,
                           struct gathered_source *source, struct err *err)
{
    struct err reason = ERR_INIT;
    int r = transcript_load(sourcedir, source->probe.duration, &source->transcript, &reason);
    if (r >= 0 || r == -ENOENT)
        return 0;
    if (reason.class != ERR_INPUT) {
        *err = reason;
        return r;
    }
    stage_warn(context, "what is said in video %zu is not used: %s", index, reason.text);
    return 0;
}

// Returns 1 if the source can be used, 0 if it is left out, or a negative for machine trouble.
static int gather_source(struct stage_context *context, size_t index,
                         struct gathered_source *source, struct err *err)
{
    struct err reason = ERR_INIT;
    cleanup(free_ptr) char *name = xasprintf("%zu", index);
    if (context->batch.sources[index].error.class != ERR_NONE)
        return 0;
    cleanup(close_fd) int sourcedir = fs_open(context->batchdir, name, O_RDONLY | O_DIRECTORY);
    if (sourcedir == -ENOENT)
        return 0;
    if (sourcedir < 0)
        return err_errno(err, -sourcedir, "open the directory of source %zu", index);
    // The analysis is the last that is made of a source: one that failed before has none.
    if (faccessat(sourcedir, SOURCE_ANALYSIS, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
        return 0;
    int r = load_source(sourcedir, source, &reason);
    if (r == -ENOENT)
        return 0;
    if (r < 0 && reason.class == ERR_INPUT) {
        stage_warn(context, "video %zu is left out: %s", index, reason.text);
        return 0;
    }
    if (r < 0) {
        *err = reason;
        return r;
    }
    r = load_transcript(context, sourcedir, index, source, err);
    return r < 0 ? r : 1;
}

static double picture_seconds(const struct probe *probe)
{
    bool known = !probe->variable_rate && probe->fps_num > 0 && probe->fps_den > 0;
    return known ? (double)probe->fps_den / probe->fps_num : 0;
}

static void add_choice(struct gathered *gathered, size_t index, double reach)
{
    const struct gathered_source *source = &gathered->sources[index];
    gathered->usable++;
    gathered->durations[index] = source->probe.duration;
    gathered->choices[index] = (struct select_source){
        .signals = &source->signals,
        .analysis = &source->analysis,
        .transcript = &source->transcript,
        .duration = source->probe.duration,
        .picture_seconds = picture_seconds(&source->probe),
        .keys = {
            .times = source->probe.key_frames,
            .count = source->probe.key_frame_count,
            .all = source->probe.all_key_frames,
            .reach = reach,
        },
    };
}

int gathered_load(struct stage_context *context, double reach, double part, struct gathered *ret,
                  struct err *err)
{
    ret->count = context->batch.source_count;
    ret->sources = xcalloc(ret->count + 1, sizeof *ret->sources);
    ret->choices = xcalloc(ret->count + 1, sizeof *ret->choices);
    ret->durations = xcalloc(ret->count + 1, sizeof *ret->durations);
    for (size_t i = 0; i < ret->count; i++) {
        struct gathered_source *source = &ret->sources[i];
        *source =
            (struct gathered_source){ PROBE_INIT, SIGNALS_INIT, ANALYSIS_INIT, TRANSCRIPT_INIT };
        int r = gather_source(context, i, source, err);
        if (r < 0)
            return r;
        stage_progress(context, part * (double)(i + 1) / (double)ret->count);
        if (r > 0 && source->probe.duration > 0)
            add_choice(ret, i, reach);
    }
    return 0;
}

int gathered_save_analyses(const struct stage_context *context, const struct gathered *gathered,
                           struct err *err)
{
    cleanup(json_free) json_t *object = json_object();
    json_t *sources = json_array();
    for (size_t i = 0; i < gathered->count; i++) {
        if (!(gathered->durations[i] > 0))
            continue;
        json_t *entry = json_object(), *analysis = analysis_to_json(&gathered->sources[i].analysis);
        json_put_int(entry, "video_index", (int64_t)i);
        cleanup(free_ptr) char *name = batch_source_name(&context->batch.sources[i]);
        json_put_text(entry, "name", name);
        json_put_number(entry, "duration", gathered->durations[i], 3);
        (void)json_object_update(entry, analysis); // fails only without memory
        json_decref(analysis);
        json_array_append_new(sources, entry);
    }
    json_put(object, "sources", sources);
    return json_write(context->batchdir, BATCH_ANALYSIS, object, err);
}
