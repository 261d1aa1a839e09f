// preview: cuts the reel from the proxies, so that people see it before it is rendered.
//
// The proxies are small, of one kind and begin where their sources do, so a preview takes seconds:
// most of it is copied.  It is an extra: what is wrong with the material or the outbox is said, and
// without a preview the batch goes on.
#include <errno.h>
#include <fcntl.h>

#include "media/inspect.h"
#include "media/reel.h"
#include "stages/outbox.h"

struct proxies {
    struct reel_source *sources; // one for each source of the batch, owned
    struct probe *probes;        // likewise
    size_t count;
};

static void proxies_release(struct proxies *proxies)
{
    for (size_t i = 0; i < proxies->count; i++) {
        close_fd(&proxies->sources[i].fd);
        probe_release(&proxies->probes[i]);
    }
    free(proxies->sources);
    free(proxies->probes);
}

// A proxy that is not there, or no video, is one that the reel does without.
static void open_proxy(struct stage_context *context, size_t index, struct proxies *proxies)
{
    const struct inspect_rules rules = { .max_pixels = context->settings.max_pixels,
                                         .max_streams = (int)context->settings.max_streams };
    cleanup(free_ptr) char *name = xasprintf("%zu/" SOURCE_PROXY, index);
    cleanup(close_fd) int fd = fs_open_file(context->batchdir, name, NULL, NULL);
    if (fd >= 0 && inspect_file(fd, &rules, &proxies->probes[index], NULL) >= 0)
        proxies->sources[index].fd = take_fd(&fd);
}

static void open_proxies(struct stage_context *context, struct proxies *proxies)
{
    proxies->count = context->batch.source_count;
    proxies->sources = xcalloc(proxies->count + 1, sizeof *proxies->sources);
    proxies->probes = xcalloc(proxies->count + 1, sizeof *proxies->probes);
    for (size_t i = 0; i < proxies->count; i++) {
        proxies->probes[i] = (struct probe)PROBE_INIT;
        proxies->sources[i] =
            (struct reel_source){ .fd = -1, .probe = &proxies->probes[i], .name = "a proxy" };
        open_proxy(context, i, proxies);
    }
}

static bool has_any(const struct proxies *proxies)
{
    for (size_t i = 0; i < proxies->count; i++) {
        if (proxies->sources[i].fd >= 0)
            return true;
    }
    return false;
}

static void tell_progress(void *context, double fraction)
{
    stage_progress(context, fraction);
}

static int make(struct stage_context *context, const struct plan *plan, struct err *err)
{
    cleanup(proxies_release) struct proxies proxies = { 0 };
    cleanup(fs_release) struct fs_file preview = FS_FILE_INIT, scratch = FS_FILE_INIT;
    cleanup(reel_result_release) struct reel_result result = REEL_RESULT_INIT;
    int r = fs_begin(&preview, context->batchdir, BATCH_PREVIEW, err);
    if (r >= 0)
        r = fs_begin(&scratch, context->batchdir, BATCH_SCRATCH "-preview", err);
    if (r < 0)
        return r;
    open_proxies(context, &proxies);
    if (!has_any(&proxies)) // as in a batch that is tried again after its analysis
        return err_set(err, ERR_INPUT, "no_proxies", "the small copies are not there any more");
    const struct reel_order order = {
        .plan = plan,
        .sources = proxies.sources,
        .source_count = proxies.count,
        .max_pixels = context->settings.max_pixels,
        .max_streams = (int)context->settings.max_streams,
        .may_copy = true,
        .quality = { NULL, "ultrafast", 26, 0 },
        .title = context->batch.job.title,
        .scratch_fd = scratch.fd,
        .context = context,
        .progress = tell_progress,
    };
    r = reel_render(&order, preview.fd, &result, err);
    if (r >= 0)
        r = fs_commit(&preview, err);
    if (r < 0)
        return r;
    json_put_number(context->numbers, "duration", result.duration, 3);
    json_put_int(context->numbers, "size_bytes", (int64_t)result.size_bytes);
    return 0;
}

static int show(struct stage_context *context, struct err *err)
{
    struct err inner = ERR_INIT;
    cleanup(close_fd) int folder = outbox_open(context, err);
    if (folder < 0)
        return folder;
    int r = outbox_put(context->batchdir, BATCH_PREVIEW, folder, NULL, NULL, &inner);
    return r < 0 ? outbox_trouble(context, -inner.code, err) : 0;
}

static int run(struct stage_context *context, struct err *err)
{
    cleanup(plan_release) struct plan plan = PLAN_INIT;
    struct err problem = ERR_INIT;
    int r = plan_load(context->batchdir, &plan, &problem);
    if (r == -ENOENT)
        (void)err_set(&problem, ERR_INPUT, "no_plan", "there is no plan");
    if (r >= 0)
        r = make(context, &plan, &problem);
    bool made = r >= 0;
    if (made)
        r = show(context, &problem);
    if (r >= 0)
        return 0;
    // The outbox's trouble is publish's to wait for, which would have to wait for this.
    if (made || problem.class == ERR_INPUT || problem.class == ERR_BUG) {
        stage_warn(context, "there is no preview: %s", problem.text);
        return 0;
    }
    *err = problem;
    return r;
}

int main(int argc, char **argv)
{
    return stage_main(argc, argv, STAGE_PREVIEW, run);
}
