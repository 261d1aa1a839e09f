// The same for every kind of store: what is checked before, and whose error it is after.

#include "store/store.h"

#include "base/percent.h"
#include "base/text.h"
#include "spool/remote.h"
#include "store/store_verbs.h"

#include <errno.h>

// Both services take 8 and 2 KiB in all; with what the services add to names.
enum { MAX_METADATA_BYTES = 2048 };

int store_open(const struct store_place *place, const struct http_rules *rules,
               struct store **ret_store, struct err *err)
{
    struct store *store = NULL;
    int r = place->kind == STORE_FOLDER ? store_folder_open(place, rules, &store, err)
                                        : store_bucket_open(place, rules, &store, err);
    if (r < 0)
        return err_prefix(err, "storage %s", place->name);
    store->shown = xasprintf("storage %s", place->name);
    *ret_store = store;
    return 0;
}

void store_close(struct store **store)
{
    struct store *s = TAKE(*store);
    if (s == NULL)
        return;
    free_ptr(&s->shown);
    s->verbs->close(s);
}

const char *store_shown(const struct store *store)
{
    return store->shown;
}

void store_about_release(struct store_about *about)
{
    free(about->type);
    fields_release(&about->metadata);
    *about = (struct store_about)STORE_ABOUT_INIT;
}

// ---- metadata

static bool is_name(const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return length > 0 && name[length] == '\0' && name[0] != '-' && name[length - 1] != '-' &&
           strstr(name, "--") == NULL;
}

static bool is_value(const char *value)
{
    for (const char *c = value; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            return false;
    return text_is_utf8(value, strlen(value));
}

int store_check_metadata(const struct fields *metadata, struct err *err)
{
    size_t bytes = 0;
    for (size_t i = 0; metadata != NULL && i < metadata->count; i++) {
        const struct field *field = &metadata->items[i];
        if (!is_name(field->name) || !is_value(field->value))
            return err_set(err, ERR_BUG, "bad_header", "metadata %s cannot be kept", field->name);
        cleanup(free_ptr) char *encoded = percent_encode(field->value, "");
        bytes += strlen(field->name) + strlen(encoded);
    }
    if (bytes > MAX_METADATA_BYTES)
        return err_set(err, ERR_BUG, "bad_header", "metadata of %zu bytes cannot be kept", bytes);
    return 0;
}

// ---- the verbs

// Whose error it is: "storage oss-main: temp/a.mp4: ...".
static int told(const struct store *store, const char *key, int r, struct err *err)
{
    cleanup(free_ptr) char *shown = key ? text_escape_n(key, strnlen(key, 200)) : NULL;
    if (r >= 0 || r == -ECANCELED)
        return r;
    int code = key != NULL ? err_prefix(err, "%s: %s", store->shown, shown)
                           : err_prefix(err, "%s", store->shown);
    (void)code; // -ENOENT and the like are told by r
    return r;
}

int store_put(struct store *store, const struct store_order *order, struct err *err)
{
    int r = remote_check_key(order->key, err);
    if (r == 0)
        r = store_check_metadata(order->metadata, err);
    if (r == 0)
        r = store->verbs->put(store, order, err);
    return told(store, order->key, r, err);
}

int store_get(struct store *store, const struct store_target *target,
              struct download_result *result, struct err *err)
{
    int r = remote_check_key(target->key, err);
    if (r == 0)
        r = store->verbs->get(store, target, result, err);
    return told(store, target->key, r, err);
}

int store_head(struct store *store, const char *key, struct store_about *about, struct err *err)
{
    int r = remote_check_key(key, err);
    if (r == 0)
        r = store->verbs->head(store, key, about, err);
    return told(store, key, r, err);
}

int store_remove(struct store *store, const char *key, struct err *err)
{
    int r = remote_check_key(key, err);
    if (r == 0)
        r = store->verbs->remove(store, key, err);
    return told(store, key, r, err);
}

int store_list(struct store *store, const char *prefix, store_visit *visit, void *context,
               struct err *err)
{
    int r = *prefix != '\0' ? remote_check_key(prefix, err) : 0;
    if (r == 0)
        r = store->verbs->list(store, prefix, visit, context, err);
    return told(store, NULL, r, err);
}

int store_abandon(struct store *store, const char *prefix, time_t before, struct err *err)
{
    int r = *prefix != '\0' ? remote_check_key(prefix, err) : 0;
    if (r == 0)
        r = store->verbs->abandon(store, prefix, before, err);
    return told(store, NULL, r, err);
}

int store_sign(struct store *store, const char *key, unsigned seconds, char **ret_link,
               struct err *err)
{
    int r = remote_check_key(key, err);
    if (r == 0)
        r = store->verbs->sign(store, key, seconds, ret_link, err);
    return told(store, key, r, err);
}
