// See batch_source.h.
#include "tests/support/batch_source.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "tests/support/program.h"

int batch_source_run(const struct batch_folder *batch, enum stage stage, int index,
                     char **ret_output)
{
    cleanup(free_ptr) char *inner = xasprintf("libexec/clipspool/%s", stage_info[stage].name);
    cleanup(free_ptr) char *program = program_built(inner);
    char number[12];
    (void)snprintf(number, sizeof number, "%d", index);
    return PROGRAM_RUN(ret_output, program, "--spool", batch->folder.path, batch->path,
                       index == STEP_BATCH ? NULL : number);
}

void batch_source_put(const struct batch_folder *batch, int index, const char *path)
{
    cleanup(free_ptr) char *folder = xasprintf("%s/%d", batch->path, index);
    cleanup(free_ptr) char *source = xasprintf("%s/source", folder);
    ck_assert(mkdir(folder, 0700) == 0 || errno == EEXIST);
    ck_assert_int_eq(PROGRAM_RUN(NULL, "/bin/cp", path, source), 0);
    ck_assert_int_eq(batch_source_run(batch, STAGE_PROBE, index, NULL), 0);
}

static char *told(const struct batch_folder *batch, enum stage stage, int index, bool warnings)
{
    struct step step = STEP_INIT;
    ck_assert_int_eq(step_load(batch->batchdir, stage, index, &step, NULL), 0);
    ck_assert_int_eq(step.state, STEP_DONE);
    const json_t *part = warnings ? step.warnings : step.numbers;
    char *text = part ? json_dumps(part, JSON_SORT_KEYS) : NULL;
    step_release(&step);
    return text ? text : xstrdup("");
}

char *batch_source_numbers(const struct batch_folder *batch, enum stage stage, int index)
{
    return told(batch, stage, index, false);
}

char *batch_source_warnings(const struct batch_folder *batch, enum stage stage, int index)
{
    return told(batch, stage, index, true);
}
