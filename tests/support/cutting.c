#include "tests/support/cutting.h"

#include "media/inspect.h"
#include "media/strips.h"
#include "tests/support/media.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>

static void hear_warning(void *context, const char *sentence)
{
    struct cutting *cutting = context;
    size_t used = strlen(cutting->warned);
    cutting->warnings++;
    (void)snprintf(cutting->warned + used, sizeof cutting->warned - used, "%s\n", sentence);
}

void cutting_open(struct cutting *cutting)
{
    memset(cutting, 0, sizeof *cutting);
    folder_make(&cutting->folder);
    cutting->fd =
        openat(cutting->folder.fd, "reel.mp4", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    cutting->scratch_fd =
        openat(cutting->folder.fd, "scratch", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert(cutting->fd >= 0 && cutting->scratch_fd >= 0);
    cutting->order = (struct reel_order){
        .plan = &cutting->plan,
        .sources = cutting->sources,
        .source_count = CUTTING_SOURCES,
        .max_pixels = 1 << 24,
        .max_streams = 20,
        .quality = { NULL, "ultrafast", 23, 0 },
        .scratch_fd = cutting->scratch_fd,
        .context = cutting,
        .warn = hear_warning,
    };
    shelf_init(&cutting->shelf, cutting->scratch_fd);
    for (int i = 0; i < CUTTING_SOURCES; i++) {
        cutting->probes[i] = (struct probe)PROBE_INIT;
        cutting->sources[i] =
            (struct reel_source){ .fd = -1, .probe = &cutting->probes[i], .name = "a clip" };
    }
}

void cutting_close(struct cutting *cutting)
{
    join_release(&cutting->join);
    dub_release(&cutting->dub);
    avcodec_parameters_free(&cutting->coded);
    cuts_release(&cutting->cuts);
    footage_release(&cutting->footage);
    for (int i = 0; i < CUTTING_SOURCES; i++) {
        probe_release(&cutting->probes[i]);
        close_fd(&cutting->sources[i].fd);
    }
    plan_release(&cutting->plan);
    close_fd(&cutting->fd);
    close_fd(&cutting->scratch_fd);
    folder_remove(&cutting->folder);
}

void cutting_use(struct cutting *cutting, int index, const char *path)
{
    struct err err = ERR_INIT;
    const struct inspect_rules rules = { .max_pixels = 1 << 24, .max_streams = 20 };
    cutting->sources[index].fd = media_open(path);
    int r = inspect_file(cutting->sources[index].fd, &rules, &cutting->probes[index], &err);
    ck_assert_msg(r >= 0, "%s: %s", path, err.text);
}

void cutting_cut(struct cutting *cutting, int index, double start, double end)
{
    const struct plan_segment segment = { .video_index = index, .start = start, .end = end };
    plan_add(&cutting->plan, &segment);
}

void cutting_lay(struct cutting *cutting, bool copy)
{
    struct err err = ERR_INIT;
    int r = footage_open(&cutting->order, &cutting->footage, &err);
    ck_assert_msg(r >= 0, "%s", err.text);
    r = cuts_lay(&cutting->footage, copy, &cutting->cuts, cutting->why, &err);
    ck_assert_msg(r >= 0, "%s", err.text);
}

void cutting_encode(struct cutting *cutting)
{
    struct err err = ERR_INIT;
    struct cuts *cuts = &cutting->cuts;
    const struct strips_wish wish = { .quality = cutting->order.quality,
                                      .threads = 1,
                                      .shelf = &cutting->shelf,
                                      .frames_done = &cutting->frames_done };
    if (!cuts->cuts)
        cutting_lay(cutting, true);
    for (size_t i = 0; i < cuts->strip_count; i++) {
        if (cuts->strips[i].run.is_copied || cuts->strips[i].parcel.shelf)
            continue;
        AVCodecParameters *coded = avcodec_parameters_alloc();
        int r = strips_make(cuts, &cuts->strips[i], &wish, coded, &err);
        ck_assert_msg(r >= 0, "%s", err.text);
        avcodec_parameters_free(&cutting->coded);
        cutting->coded = coded;
    }
}

void cutting_dub(struct cutting *cutting)
{
    struct err err = ERR_INIT;
    if (!cutting->cuts.cuts)
        cutting_lay(cutting, true);
    dub_init(&cutting->dub, &cutting->shelf);
    int r = dub_make(&cutting->cuts, true, &cutting->dub_done, &cutting->dub, &err);
    ck_assert_msg(r >= 0, "%s", err.text);
}

int cutting_try_join(struct cutting *cutting, struct err *err)
{
    cutting_encode(cutting);
    if (!cutting->dub.parcel.shelf)
        cutting_dub(cutting);
    return join_make(&cutting->cuts, &cutting->dub, cutting->coded, cutting->fd, &cutting->join,
                     err);
}

void cutting_join(struct cutting *cutting)
{
    struct err err = ERR_INIT;
    int r = cutting_try_join(cutting, &err);
    ck_assert_msg(r >= 0, "%s", err.text);
}

const char *cutting_path(struct cutting *cutting)
{
    static char path[sizeof cutting->folder.path + 16];
    (void)snprintf(path, sizeof path, "%s/reel.mp4", cutting->folder.path);
    return path;
}

const char *cutting_strips(const struct cutting *cutting)
{
    static char text[2000];
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < cutting->cuts.strip_count && used < sizeof text; i++) {
        const struct strip *strip = &cutting->cuts.strips[i];
        const struct run *run = &strip->run;
        int64_t first = cutting->cuts.cuts[strip->cut].place.first_frame + run->first;
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%c%lld+%lld", i ? " " : "",
                                 !run->is_copied ? 'e'
                                 : run->is_open  ? 'o'
                                                 : 'c',
                                 (long long)first, (long long)run->count);
    }
    return text;
}
