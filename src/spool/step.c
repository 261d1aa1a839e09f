// Result and attempt files of steps.
//
// Both files have the same keys, so that one reader and one writer do for the two; what differs is
// that a result says "done" or "failed" and an attempt file says "open".

#include "spool/step.h"
#include "base/fs.h"
#include "spool/batch.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

// Numbers and warnings of a stage are a page at most; a file beyond this is not ours.
enum { STEP_MAX_BYTES = 1 << 20, STEP_MAX_ATTEMPTS = 1000000, STEP_MAX_WAIT = 86400 };

const struct stage_info stage_info[STAGE_COUNT] = {
    [STAGE_FETCH] = { "fetch", true, SLOT_NET, "preparing" },
    [STAGE_PROBE] = { "probe", true, SLOT_CPU, "preparing" },
    [STAGE_COMPRESS] = { "compress", true, SLOT_CPU, "compressing" },
    [STAGE_UPLOAD] = { "upload", true, SLOT_NET, "uploading_temp" },
    [STAGE_TRANSCRIBE] = { "transcribe", true, SLOT_MODEL, "analyzing", true },
    [STAGE_ANALYZE] = { "analyze", true, SLOT_MODEL, "analyzing" },
    [STAGE_PLAN] = { "plan", false, SLOT_MODEL, "generating_plan" },
    [STAGE_PREVIEW] = { "preview", false, SLOT_CPU, "clipping", true },
    [STAGE_RENDER] = { "render", false, SLOT_CPU, "clipping" },
    [STAGE_PUBLISH] = { "publish", false, SLOT_NET, "uploading_final" },
};

static const char *const state_names[] = { "open", "done", "failed" };

static const char *const class_names[] = {
    [ERR_NONE] = "none",   [ERR_INPUT] = "input",   [ERR_SERVICE] = "service",
    [ERR_BUG] = "bug",     [ERR_SYSTEM] = "system", [ERR_IO] = "io",
    [ERR_RETRY] = "retry", [ERR_DENIED] = "denied", [ERR_CONFIG] = "config",
};

int stage_from_name(const char *name)
{
    for (int stage = 0; stage < STAGE_COUNT; stage++)
        if (strcmp(stage_info[stage].name, name) == 0)
            return stage;
    return -EINVAL;
}

bool step_is_lost(const struct step *step, enum stage stage)
{
    return step->state == STEP_FAILED && !stage_info[stage].is_extra;
}

// The position of `name` in a list, or -EINVAL.
static int find_name(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return (int)i;
    return -EINVAL;
}

// ---- errors

json_t *step_error_to_json(const struct err *error)
{
    if (error->class == ERR_NONE)
        return json_null();
    json_t *json = json_object();
    json_put_text(json, "class", class_names[error->class]);
    json_put_int(json, "code", error->code);
    json_put_text(json, "id", error->id);
    json_put_text(json, "text", error->text);
    json_put_text(json, "hint", error->hint);
    if (error->retry_after > 0)
        json_put_int(json, "retry_after", error->retry_after);
    return json;
}

// Cutting a text in the middle of a UTF-8 sequence is harmless: whoever shows it escapes it.
static void copy_text(char *to, size_t size, const json_t *json, const char *key, const char **bad)
{
    (void)snprintf(to, size, "%s", json_text(json, key, "", bad));
}

int step_error_from_json(const json_t *json, struct err *ret_error)
{
    struct err error = ERR_INIT;
    if (json == NULL || json_is_null(json)) {
        *ret_error = error;
        return 0;
    }
    if (!json_is_object(json))
        return -EINVAL;

    const char *bad = NULL;
    int class = find_name(class_names, ARRAY_LEN(class_names), json_text(json, "class", "", &bad));
    if (class <= ERR_NONE)
        return -EINVAL;
    error.class = (enum err_class) class;
    error.code = (int)json_int(json, "code", INT32_MIN, -1, -EINVAL, &bad);
    copy_text(error.id, sizeof error.id, json, "id", &bad);
    copy_text(error.text, sizeof error.text, json, "text", &bad);
    copy_text(error.hint, sizeof error.hint, json, "hint", &bad);
    error.retry_after = (unsigned)json_int(json, "retry_after", 0, STEP_MAX_WAIT, 0, &bad);
    if (bad != NULL)
        return -EINVAL;
    *ret_error = error;
    return 0;
}

json_t *step_error_shown(const struct err *error, const char *stage, unsigned attempts)
{
    json_t *json = json_object();
    json_put_text(json, "code", error->id[0] ? error->id : "failed");
    json_put_text(json, "stage", stage);
    json_put_text(json, "message", error->text[0] ? error->text : "no reason was given");
    json_put_text(json, "hint", error->hint[0] ? error->hint : NULL);
    json_put_int(json, "attempts", attempts);
    return json;
}

json_t *step_error_json(enum stage stage, const struct step *step)
{
    return step_error_shown(&step->error, stage_info[stage].name, step->attempts);
}

// ---- names

static char *file_name(enum stage stage, int index, const char *ending)
{
    if (index == STEP_BATCH)
        return xasprintf("%s/%s%s", BATCH_STEPS, stage_info[stage].name, ending);
    return xasprintf("%s/%s.%d%s", BATCH_STEPS, stage_info[stage].name, index, ending);
}

char *step_result_name(enum stage stage, int index)
{
    return file_name(stage, index, ".json");
}

char *step_try_name(enum stage stage, int index)
{
    return file_name(stage, index, ".try.json");
}

// The part of such a name inside steps/.
static const char *inner_name(const char *name)
{
    return name + strlen(BATCH_STEPS "/");
}

// ---- contents

static json_t *to_json(const struct step *step)
{
    json_t *json = json_object();
    json_put_text(json, "status", state_names[step->state]);
    json_put_int(json, "attempts", step->attempts);
    json_put_int(json, "interrupted", step->interrupted);
    json_put_int(json, "started", step->started);
    json_put_int(json, "ended", step->ended);
    json_put_int(json, "next_try", step->next_try);
    json_put(json, "error", step_error_to_json(&step->error));
    json_put(json, "numbers", step->numbers ? json_incref(step->numbers) : json_null());
    json_put(json, "warnings", step->warnings ? json_incref(step->warnings) : json_null());
    return json;
}

static int from_json(const json_t *json, struct step *ret_step)
{
    if (!json_is_object(json))
        return -EINVAL;
    const char *bad = NULL;
    struct step step = STEP_INIT;
    int state = find_name(state_names, ARRAY_LEN(state_names), json_text(json, "status", "", &bad));
    int r = step_error_from_json(json_object_get(json, "error"), &step.error);
    step.attempts = (unsigned)json_int(json, "attempts", 0, STEP_MAX_ATTEMPTS, 0, &bad);
    step.interrupted = (unsigned)json_int(json, "interrupted", 0, step.attempts, 0, &bad);
    step.started = json_int(json, "started", 0, INT64_MAX, 0, &bad);
    step.ended = json_int(json, "ended", 0, INT64_MAX, 0, &bad);
    step.next_try = json_int(json, "next_try", 0, INT64_MAX, 0, &bad);
    if (state < 0 || r < 0 || bad != NULL)
        return -EINVAL;
    // Its owner would not be told why.
    if (state == STEP_FAILED && step.error.class == ERR_NONE)
        return -EINVAL;

    step.state = (enum step_state)state;
    json_t *numbers = json_object_get(json, "numbers");
    json_t *warnings = json_object_get(json, "warnings");
    step.numbers = json_is_object(numbers) ? json_incref(numbers) : NULL;
    step.warnings = json_is_array(warnings) ? json_incref(warnings) : NULL;
    *ret_step = step;
    return 0;
}

// ---- files

// Reads one of the two files.  Returns 0, -ENOENT without err, or another negative.
static int load_file(int stepsdir, const char *name, struct step *ret_step, struct err *err)
{
    cleanup(json_free) json_t *json = NULL;
    int r = json_read(stepsdir, inner_name(name), STEP_MAX_BYTES, &json, err);
    if (r < 0)
        return r;
    if (from_json(json, ret_step) < 0)
        return err_set(err, ERR_INPUT, "bad_step", "%s is damaged", name);
    return 0;
}

int step_load(int batchdir, enum stage stage, int index, struct step *step, struct err *err)
{
    cleanup(close_fd) int stepsdir = fs_open(batchdir, BATCH_STEPS, O_RDONLY | O_DIRECTORY);
    if (stepsdir == -ENOENT) {
        *step = (struct step)STEP_INIT;
        return 0;
    }
    if (stepsdir < 0)
        return err_errno(err, -stepsdir, "open %s", BATCH_STEPS);

    cleanup(free_ptr) char *result = step_result_name(stage, index);
    int r = load_file(stepsdir, result, step, err);
    if (r != -ENOENT)
        return r;
    cleanup(free_ptr) char *attempts = step_try_name(stage, index);
    r = load_file(stepsdir, attempts, step, err);
    if (r == -ENOENT) {
        *step = (struct step)STEP_INIT;
        return 0;
    }
    // Only a result file ends a step, whatever an attempt file says.
    if (r == 0)
        step->state = STEP_OPEN;
    return r;
}

// Opens steps/, made if it is missing.
static int open_steps(int batchdir, struct err *err)
{
    int fd = fs_open(batchdir, BATCH_STEPS, O_RDONLY | O_DIRECTORY);
    if (fd != -ENOENT)
        return fd < 0 ? err_errno(err, -fd, "open %s", BATCH_STEPS) : fd;
    int r = fs_mkdir(batchdir, BATCH_STEPS, 0750, err);
    if (r < 0)
        return r;
    return fs_open_dir(batchdir, BATCH_STEPS, err);
}

static int save_file(int batchdir, const char *name, const struct step *step, struct err *err)
{
    cleanup(close_fd) int stepsdir = open_steps(batchdir, err);
    if (stepsdir < 0)
        return stepsdir;
    cleanup(json_free) json_t *json = to_json(step);
    return json_write(stepsdir, inner_name(name), json, err);
}

int step_save(int batchdir, enum stage stage, int index, const struct step *step, struct err *err)
{
    cleanup(free_ptr) char *name = step_result_name(stage, index);
    return save_file(batchdir, name, step, err);
}

int step_save_try(int batchdir, enum stage stage, int index, const struct step *step,
                  struct err *err)
{
    cleanup(free_ptr) char *name = step_try_name(stage, index);
    struct step attempt = *step;
    attempt.state = STEP_OPEN;
    return save_file(batchdir, name, &attempt, err);
}

int step_reset(int batchdir, enum stage stage, int index, struct err *err)
{
    cleanup(close_fd) int stepsdir = fs_open(batchdir, BATCH_STEPS, O_RDONLY | O_DIRECTORY);
    if (stepsdir == -ENOENT)
        return 0;
    if (stepsdir < 0)
        return err_errno(err, -stepsdir, "open %s", BATCH_STEPS);
    // Attempts first: a crash between the two then leaves the step as it was, and not an open step
    // whose tries are used up.
    cleanup(free_ptr) char *attempts = step_try_name(stage, index);
    cleanup(free_ptr) char *result = step_result_name(stage, index);
    int r = fs_remove(stepsdir, inner_name(attempts), err);
    return r < 0 ? r : fs_remove(stepsdir, inner_name(result), err);
}

void step_release(struct step *step)
{
    json_free(&step->numbers);
    json_free(&step->warnings);
    *step = (struct step)STEP_INIT;
}
