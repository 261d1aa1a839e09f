// See analysed_batch.h.
#include "tests/support/analysed_batch.h"

#include "spool/batch.h"
#include "spool/probe.h"
#include "tests/support/invented.h"
#include "tests/support/program.h"
#include <check.h>
#include <stdio.h>
#include <sysexits.h>

const double analysed_key_phase = 0.013;

static void make_source(const struct folder *folder, int index, double seconds)
{
    struct err err = ERR_INIT;
    cleanup(close_fd) int sourcedir = batch_open_source(folder->fd, index, &err);
    ck_assert_msg(sourcedir >= 0, "%s", err.text);
    struct probe probe = PROBE_INIT;
    probe.duration = seconds;
    probe.fps_num = 25;
    probe.fps_den = probe.sar_num = probe.sar_den = 1;
    probe.width = probe.coded_width = 320;
    probe.height = probe.coded_height = 240;
    probe.bit_depth = 8;
    probe.frames = (int64_t)(25 * seconds);
    (void)snprintf(probe.container, sizeof probe.container, "mov");
    (void)snprintf(probe.codec, sizeof probe.codec, "h264");
    (void)snprintf(probe.pixel_format, sizeof probe.pixel_format, "yuv420p");
    probe.video_stream = 0;
    probe.key_frame_count = (size_t)seconds;
    probe.key_frames = xcalloc(probe.key_frame_count, sizeof *probe.key_frames);
    for (size_t i = 0; i < probe.key_frame_count; i++)
        probe.key_frames[i] = (double)i + analysed_key_phase;
    ck_assert_msg(probe_save(sourcedir, &probe, &err) == 0, "%s", err.text);
    probe_release(&probe);
    cleanup(signals_release) struct signals signals = SIGNALS_INIT;
    struct invented invented = { .seed = (uint64_t)index, .seconds = seconds, .shot_seconds = 4 };
    invent_signals(&invented, &signals, NULL, NULL);
    ck_assert_msg(signals_save(sourcedir, &signals, &err) == 0, "%s", err.text);
}

void analysed_batch_make(struct folder *folder, const char *job, int text_model)
{
    struct err err = ERR_INIT;
    cleanup(config_report_release) struct config_report report = CONFIG_REPORT_INIT;
    struct batch batch = BATCH_INIT;
    folder_make(folder);
    ck_assert_msg(job_parse("job.conf", job, &batch.job, &report) == 0, "%s", report.text);
    batch.id = xstrdup("20261122T041500Z-trip-3f2a");
    batch.name = xstrdup("trip");
    batch.outbox = xstrdup("trip");
    batch.roles[MODEL_TEXT] = text_model;
    batch.sources = xcalloc(ANALYSED_SOURCES, sizeof *batch.sources);
    batch.source_count = ANALYSED_SOURCES;
    for (size_t i = 0; i < ANALYSED_SOURCES; i++)
        batch.sources[i].file = xasprintf("%zu.mp4", i);
    ck_assert_msg(batch_save(folder->fd, &batch, &err) == 0, "%s", err.text);
    batch_release(&batch);
    for (int i = 0; i < ANALYSED_SOURCES; i++)
        make_source(folder, i, ANALYSED_SECONDS);
}

int analysed_batch_run(const struct folder *folder, const char *stage, const char *index,
                       const char *config, char **ret_output)
{
    cleanup(free_ptr) char *name = xasprintf("libexec/clipspool/%s", stage);
    cleanup(free_ptr) char *path = program_built(name);
    if (config)
        return PROGRAM_RUN(ret_output, path, "--config", config, folder->path, index);
    return PROGRAM_RUN(ret_output, path, folder->path, index);
}

void analysed_batch_analyze(const struct folder *folder)
{
    for (int i = 0; i < ANALYSED_SOURCES; i++) {
        cleanup(free_ptr) char *output = NULL, *index = xasprintf("%d", i);
        int status = analysed_batch_run(folder, "analyze", index, NULL, &output);
        ck_assert_msg(status == EX_OK, "%d: %s", status, output);
    }
}

struct plan analysed_batch_plan(const struct folder *folder, const char *config)
{
    struct plan plan = PLAN_INIT;
    cleanup(free_ptr) char *output = NULL;
    int status = analysed_batch_run(folder, "plan", NULL, config, &output);
    ck_assert_msg(status == EX_OK, "%d: %s", status, output);
    ck_assert_int_eq(plan_load(folder->fd, &plan, NULL), 0);
    return plan;
}
