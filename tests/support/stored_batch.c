// See stored_batch.h.
#include "tests/support/stored_batch.h"

#include <check.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/json.h"
#include "tests/support/program.h"

static void set_storage(const struct stored_batch *stored, const char *mode)
{
    cleanup(json_free) json_t *json = NULL;
    int batchdir = stored->batch.batchdir;
    ck_assert_int_eq(json_read(batchdir, BATCH_FILE, 1 << 20, &json, NULL), 0);
    json_put_text(json, "storage", mode);
    json_put_text(json, "bucket", "main");
    ck_assert_int_eq(json_write(batchdir, BATCH_FILE, json, NULL), 0);
}

void stored_batch_make(struct stored_batch *stored, const char *mode, size_t sources)
{
    *stored = (struct stored_batch){ .config = NULL };
    batch_folder_make(&stored->batch, sources);
    set_storage(stored, mode);
    stored->day = xstrndup(stored->batch.id, 8);
    stored->config = xasprintf("%s/conf", stored->batch.folder.path);
    ck_assert_int_eq(mkdirat(stored->batch.folder.fd, "bucket", 0755), 0);
    stored_batch_configure(stored, "");
}

void stored_batch_remove(struct stored_batch *stored)
{
    batch_folder_remove(&stored->batch);
    free(stored->config);
    free(stored->day);
}

void stored_batch_configure(struct stored_batch *stored, const char *lines)
{
    cleanup(free_ptr) char *text =
        xasprintf("storage = { buckets = ( { name = \"main\"; type = \"folder\"; "
                  "path = \"%s/bucket\"; } ); bucket = \"main\"; %s };\n",
                  stored->batch.folder.path, lines);
    folder_put(&stored->batch.folder, "conf", text);
}

int stored_batch_run(const struct stored_batch *stored, const char *stage, const char *index,
                     char **ret_output)
{
    cleanup(free_ptr) char *name = xasprintf("libexec/clipspool/%s", stage);
    cleanup(free_ptr) char *program = program_built(name);
    const char *const argv[] = { program,
                                 "--config",
                                 stored->config,
                                 "--spool",
                                 stored->batch.folder.path,
                                 stored->batch.path,
                                 index,
                                 NULL };
    return program_run(argv, ret_output);
}

void stored_batch_put(const struct stored_batch *stored, const char *name, const char *text)
{
    cleanup(free_ptr) char *inner = xasprintf("work/%s/%s", stored->batch.id, name);
    folder_put(&stored->batch.folder, inner, text);
}

char *stored_batch_object(const struct stored_batch *stored, const char *key)
{
    cleanup(free_ptr) char *inner = xasprintf("bucket/%s", key);
    return folder_get(&stored->batch.folder, inner);
}

// Hidden files are the bucket's own.
char *stored_batch_keys(const struct stored_batch *stored)
{
    cleanup(free_ptr) char *path = xasprintf("%s/bucket", stored->batch.folder.path);
    char *output = NULL;
    ck_assert_int_eq(PROGRAM_RUN(&output, "/bin/sh", "-c",
                                 "cd \"$0\" && find . -type f -not -name '.*' | sed 's,^./,,' | "
                                 "LC_ALL=C sort | paste -sd ' '",
                                 path),
                     0);
    output[strcspn(output, "\n")] = 0;
    return output;
}
