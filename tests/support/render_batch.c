#include "tests/support/render_batch.h"

#include "base/text.h"
#include "spool/batch.h"
#include "spool/plan.h"
#include "tests/support/media.h"
#include "tests/support/program.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

// ---- making it

static void save_batch(const struct render_batch *folder, const char *job_text)
{
    struct err err = ERR_INIT;
    struct config_report report = CONFIG_REPORT_INIT;
    struct batch batch = BATCH_INIT;
    struct batch_source sources[RENDER_SOURCES] = { 0 };
    char id[] = "20260101T000000Z-test-0000", name[] = "test", file[] = "clip.mp4";
    ck_assert_msg(job_parse("job.conf", job_text, &batch.job, &report) >= 0, "%s", report.text);
    batch.id = id;
    batch.name = batch.outbox = name;
    batch.sources = sources;
    batch.source_count = folder->count;
    for (size_t i = 0; i < folder->count; i++)
        sources[i].file = file;
    ck_assert_msg(batch_save(folder->folder.fd, &batch, &err) >= 0, "%s", err.text);
    job_release(&batch.job);
}

static void add_source(struct render_batch *batch, const char *path)
{
    char *index = xasprintf("%zu", batch->count);
    char *to = xasprintf("%s/%s/source", batch->folder.path, index);
    ck_assert_int_eq(mkdirat(batch->folder.fd, index, 0700), 0);
    ck_assert_int_eq(PROGRAM_RUN(NULL, "cp", "--reflink=auto", path, to), 0);
    batch->paths[batch->count++] = path;
    free(to);
    free(index);
}

void render_batch_begin(struct render_batch *batch, const char *const *paths, const char *job)
{
    memset(batch, 0, sizeof *batch);
    folder_make(&batch->folder);
    folder_put(&batch->folder, "clipspool.conf", "");
    ck_assert_int_eq(mkdirat(batch->folder.fd, "steps", 0700), 0);
    for (size_t i = 0; i < RENDER_SOURCES && paths[i]; i++)
        add_source(batch, paths[i]);
    save_batch(batch, job);
}

void render_batch_make(struct render_batch *batch, const char *const *paths, const char *job)
{
    render_batch_begin(batch, paths, job);
    for (size_t i = 0; i < batch->count; i++) {
        char *index = xasprintf("%zu", i);
        render_batch_must_run(batch, "probe", index);
        free(index);
    }
}

void render_batch_plan(const struct render_batch *batch, const struct render_piece *pieces,
                       size_t count)
{
    struct err err = ERR_INIT;
    struct plan plan = PLAN_INIT;
    for (size_t i = 0; i < count; i++) {
        char *reason = xasprintf("piece %zu", i);
        plan_add(&plan, &(struct plan_segment){ pieces[i].source, pieces[i].start, pieces[i].end,
                                                0.5, reason });
        free(reason);
    }
    plan.provider = xstrdup("test");
    plan.strategy = xstrdup("highlights");
    ck_assert_msg(plan_save(batch->folder.fd, &plan, &err) >= 0, "%s", err.text);
    plan_release(&plan);
}

void render_batch_remove(struct render_batch *batch)
{
    folder_remove(&batch->folder);
}

int render_batch_run(const struct render_batch *batch, const char *stage, const char *index,
                     char **ret_said)
{
    char *name = xasprintf("libexec/clipspool/%s", stage), *program = program_built(name);
    char *config = xasprintf("%s/clipspool.conf", batch->folder.path);
    int status = PROGRAM_RUN(ret_said, program, "--config", config, batch->folder.path, index);
    free(name);
    free(program);
    free(config);
    return status;
}

void render_batch_must_run(const struct render_batch *batch, const char *stage, const char *index)
{
    char *said = NULL;
    int status = render_batch_run(batch, stage, index, &said);
    ck_assert_msg(status == 0, "%s %s ends with %d: %s", stage, index ? index : "", status, said);
    free(said);
}

// ---- looking at it

char *render_batch_path(const struct render_batch *batch, const char *name)
{
    return xasprintf("%s/%s", batch->folder.path, name);
}

json_t *render_batch_numbers(const struct render_batch *batch)
{
    char *text = folder_get(&batch->folder, "steps/render.json");
    ck_assert_msg(text != NULL, "render has left no result");
    json_t *step = json_loads(text, 0, NULL), *numbers = json_object_get(step, "numbers");
    ck_assert_msg(numbers != NULL, "%s", text);
    json_incref(numbers);
    json_decref(step);
    free(text);
    return numbers;
}

const char *render_batch_word(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

void render_batch_decodes(const struct render_batch *batch)
{
    char *path = render_batch_path(batch, BATCH_FINAL), *said;
    ck_assert_int_eq(PROGRAM_RUN(&said, "ffmpeg", "-nostdin", "-v", "warning", "-i", path, "-f",
                                 "null", "-"),
                     0);
    ck_assert_str_eq(said, "");
    free(said);
    free(path);
}

// ---- the judges

static double first_picture(const char *path)
{
    char *said;
    ck_assert_int_eq(PROGRAM_RUN(&said, "ffprobe", "-v", "error", "-select_streams", "v:0",
                                 "-read_intervals", "%+#4", "-show_entries", "frame=pts_time",
                                 "-of", "csv=p=0", path),
                     0);
    double first = strtod(said, NULL);
    free(said);
    return first;
}

static bool starts_at_zero(const char *path)
{
    char *said;
    double picture = -1, file = -1;
    ck_assert_int_eq(PROGRAM_RUN(&said, "ffprobe", "-v", "error", "-select_streams", "v:0",
                                 "-show_entries", "stream=start_time:format=start_time", "-of",
                                 "default=nw=1:nk=1", path),
                     0);
    int read = sscanf(said, "%lf %lf", &picture, &file);
    free(said);
    return read == 2 && fabs(picture) < 1e-6 && fabs(file) < 1e-6;
}

const char *render_batch_reference(const char *path)
{
    static const char *const endings[] = { ".wmv",  ".asf", ".flv", ".ogv", ".ogg", ".mpg",
                                           ".mpeg", ".mts", ".ts",  ".avi", ".AVI", ".rmvb" };
    bool is_fine = starts_at_zero(path);
    for (size_t i = 0; i < ARRAY_LEN(endings); i++)
        is_fine = is_fine && !text_ends_with(path, endings[i]);
    if (is_fine)
        return path;
    double first = first_picture(path);
    char *name = xasprintf("%s-reference.mkv", strrchr(path, '/') + 1);
    char *picture = xasprintf("setpts=PTS-%.6f/TB", first);
    char *sound = xasprintf("asetpts=PTS-%.6f/TB,aresample=async=1:first_pts=0", first);
    const char *copy =
        MEDIA_MAKE(name, "-copyts", "-i", path, "-map", "0:v:0", "-map", "0:a:0?", "-vf", picture,
                   "-af", sound, "-c:v", "ffv1", "-c:a", "pcm_s16le", "-fps_mode", "passthrough");
    free(name);
    free(picture);
    free(sound);
    return copy;
}

// Runs the script over the plan, the reel and the originals, behind `options` (up to NULL).
static int judge(const char *script, const struct render_batch *batch,
                 const struct render_case *judged, const char *const *options, char **ret_said)
{
    enum { FIXED = 24 };
    char *plan = render_batch_path(batch, BATCH_PLAN);
    char *final = judged->final ? xstrdup(judged->final) : render_batch_path(batch, BATCH_FINAL);
    const char *argv[FIXED + RENDER_SOURCES + 1] = { "/usr/bin/python3", script, "--plan", plan,
                                                     "--final",          final };
    size_t used = 6;
    for (size_t i = 0; options[i]; i++)
        argv[used++] = options[i];
    memcpy(argv + used, judged->paths ? judged->paths : batch->paths, batch->count * sizeof *argv);
    int status = program_run(argv, ret_said);
    free(plan);
    free(final);
    return status;
}

int render_batch_reelcheck(const struct render_batch *batch, const struct render_case *judged,
                           char **ret_said)
{
    const char *reelcheck = program_reelcheck();
    if (!reelcheck)
        return -1;
    const char *const options[] = { "--max-frames",
                                    judged->frames ? judged->frames : "0.5",
                                    "--max-ms",
                                    judged->ms ? judged->ms : "10",
                                    "--max-err",
                                    judged->grey ? judged->grey : "8",
                                    NULL };
    return judge(reelcheck, batch, judged, options, ret_said);
}

void render_batch_hold(const struct render_batch *batch, const struct render_case *judged)
{
    char *said = NULL;
    int status = render_batch_reelcheck(batch, judged, &said);
    ck_assert_msg(status <= 0, "reelcheck:\n%s", said);
    free(said);
}

bool render_batch_untouched(const struct render_batch *batch, const struct render_case *judged,
                            struct render_untouched *ret_found)
{
    const char *untouched = program_untouched(), *const options[] = { NULL };
    char *said;
    *ret_found = (struct render_untouched){ .pictures = 0 };
    if (!untouched)
        return false;
    int status = judge(untouched, batch, judged, options, &said);
    (void)snprintf(ret_found->said, sizeof ret_found->said, "%s", said);
    int read = sscanf(said,
                      "%d pictures: %d identical (%*f %%), %d identical but misplaced, "
                      "%d different; %d decoder messages",
                      &ret_found->pictures, &ret_found->identical, &ret_found->misplaced,
                      &ret_found->different, &ret_found->messages);
    ck_assert_msg(read == 5, "untouched ends with %d:\n%s", status, said);
    ret_found->is_even = strstr(said, "picture times even") != NULL;
    free(said);
    return true;
}
