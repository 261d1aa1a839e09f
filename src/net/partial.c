// The record of a download.

#include "net/partial.h"

#include "base/fs.h"
#include "base/json.h"

#include <errno.h>

enum { PARTIAL_VERSION = 1, RECORD_MAX_BYTES = 64 * 1024 };

void partial_release(struct partial *partial)
{
    free(partial->identity);
    free(partial->validator);
    free(partial->name);
    free(partial->type);
    free(partial->proof);
    free(partial->sha256);
    *partial = (struct partial)PARTIAL_INIT;
}

static char *take_text(const json_t *json, const char *key, const char **bad)
{
    const char *text = json_text(json, key, NULL, bad);
    return text ? xstrdup(text) : NULL;
}

static bool from_json(const json_t *json, struct partial *partial)
{
    const char *bad = NULL;
    if (json_int(json, "version", 1, PARTIAL_VERSION, 0, &bad) != PARTIAL_VERSION)
        return false;
    partial->identity = take_text(json, "identity", &bad);
    partial->validator = take_text(json, "validator", &bad);
    partial->name = take_text(json, "name", &bad);
    partial->type = take_text(json, "type", &bad);
    partial->proof = take_text(json, "proof", &bad);
    partial->sha256 = take_text(json, "sha256", &bad);
    int64_t total = json_int(json, "total_bytes", 0, INT64_MAX, -1, &bad);
    partial->total_bytes = total < 0 ? UINT64_MAX : (uint64_t)total;
    partial->synced_bytes = (uint64_t)json_int(json, "synced_bytes", 0, INT64_MAX, 0, &bad);
    const char *boot = json_text(json, "boot", "", &bad);
    if (strlen(boot) < sizeof partial->boot)
        memcpy(partial->boot, boot, strlen(boot) + 1);
    return bad == NULL && partial->identity != NULL;
}

static char *record_name(const char *name)
{
    return xasprintf("%s.json", name);
}

int partial_load(int dirfd, const char *name, const char *identity, struct partial *partial,
                 struct err *err)
{
    cleanup(json_free) json_t *json = NULL;
    cleanup(free_ptr) char *record = record_name(name);
    struct err why = ERR_INIT;
    int r = json_read(dirfd, record, RECORD_MAX_BYTES, &json, &why);
    if (r < 0 && r != -ENOENT && why.class != ERR_INPUT) {
        if (err != NULL)
            *err = why;
        return r;
    }
    bool known = r == 0 && from_json(json, partial) && strcmp(partial->identity, identity) == 0;
    if (!known) {
        partial_release(partial);
        partial->identity = xstrdup(identity);
    }
    return 0;
}

int partial_save(int dirfd, const char *name, struct partial *partial, struct err *err)
{
    cleanup(json_free) json_t *json = json_object();
    cleanup(free_ptr) char *record = record_name(name);
    json_put_int(json, "version", PARTIAL_VERSION);
    json_put_text(json, "identity", partial->identity);
    json_put_text(json, "validator", partial->validator);
    json_put_text(json, "name", partial->name);
    json_put_text(json, "type", partial->type);
    if (partial->proof != NULL)
        json_put_text(json, "proof", partial->proof);
    if (partial->total_bytes != UINT64_MAX)
        json_put_int(json, "total_bytes", (int64_t)partial->total_bytes);
    json_put_int(json, "synced_bytes", (int64_t)partial->synced_bytes);
    json_put_text(json, "boot", boot_id(partial->boot));
    json_put_text(json, "sha256", partial->sha256);
    return json_write(dirfd, record, json, err);
}

int partial_forget(int dirfd, const char *name, struct err *err)
{
    cleanup(free_ptr) char *record = record_name(name);
    return fs_remove(dirfd, record, err);
}

uint64_t partial_trusted(const struct partial *partial, uint64_t size_bytes)
{
    char now[BOOT_ID_SIZE];
    if (partial->validator == NULL)
        return 0;
    bool same = boot_is_same(partial->boot, boot_id(now));
    uint64_t good = same || size_bytes < partial->synced_bytes ? size_bytes : partial->synced_bytes;
    // More than there should be: then none of it is what we believe.
    return good <= partial->total_bytes ? good : 0;
}
