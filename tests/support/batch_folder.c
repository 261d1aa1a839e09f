// See batch_folder.h.
#include "tests/support/batch_folder.h"

#include <check.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fs.h"

static void drop(struct batch_folder *batch, size_t sources)
{
    ck_assert_int_eq(mkdirat(batch->spool.incoming, "trip", 0755), 0);
    for (size_t i = 0; i < sources; i++) {
        cleanup(free_ptr) char *name = xasprintf("incoming/trip/%c.mp4", (char)('a' + i));
        folder_put(&batch->folder, name, "a video");
    }
}

void batch_folder_make(struct batch_folder *batch, size_t sources)
{
    struct config_report report = CONFIG_REPORT_INIT;
    struct batch understood = BATCH_INIT;
    *batch = (struct batch_folder){ .spool = SPOOL_INIT, .batchdir = -1 };
    folder_make(&batch->folder);
    ck_assert_int_eq(settings_load(NULL, &batch->settings, &report), 0);
    free(batch->settings.root);
    batch->settings.root = xstrdup(batch->folder.path);
    ck_assert_int_eq(spool_open(&batch->settings, SPOOL_CREATE, &batch->spool, NULL), 0);
    drop(batch, sources);
    ck_assert_int_eq(spool_claim(&batch->spool, "trip", 1790000000, &batch->id, NULL), 0);
    batch->path = xasprintf("%s/work/%s", batch->folder.path, batch->id);
    batch->batchdir = fs_open_dir(batch->spool.work, batch->id, NULL);
    ck_assert_int_ge(batch->batchdir, 0);
    ck_assert_int_eq(batch_understand(batch->batchdir, batch->id, "trip", 1790000000,
                                      &batch->settings, &understood, NULL),
                     0);
    ck_assert_int_eq(spool_take_outbox(&batch->spool, "trip", batch->id, &understood.outbox, NULL),
                     0);
    ck_assert_int_eq(batch_save(batch->batchdir, &understood, NULL), 0);
    batch_release(&understood);
}

void batch_folder_remove(struct batch_folder *batch)
{
    close_fd(&batch->batchdir);
    spool_release(&batch->spool);
    settings_release(&batch->settings);
    free(batch->id);
    free(batch->path);
    folder_remove(&batch->folder);
}

void batch_folder_roles(const struct batch_folder *batch, int vision, int speech)
{
    struct batch understood = BATCH_INIT;
    ck_assert_int_eq(batch_load(batch->batchdir, &understood, NULL), 0);
    understood.roles[MODEL_VISION] = vision;
    understood.roles[MODEL_SPEECH] = speech;
    ck_assert_int_eq(batch_save(batch->batchdir, &understood, NULL), 0);
    batch_release(&understood);
}
