#include "tests/support/store_story.h"

#include "base/fs.h"
#include "tests/support/program.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>

void store_story_put(struct store *store, const char *key, const void *data, size_t size)
{
    struct err err = ERR_INIT;
    const struct store_order order = { .key = key, .body = { .data = data, .size = size } };
    ck_assert_msg(store_put(store, &order, &err) == 0, "%s", err.text);
}

static bool is_same_file(const struct folder *folder, const char *name, const void *data,
                         size_t size)
{
    cleanup(free_ptr) char *bytes = NULL;
    size_t found = 0;
    return fs_read(folder->fd, name, size + 1, &bytes, &found, NULL) == 0 && found == size &&
           memcmp(bytes, data, size) == 0;
}

static int get(struct store *store, const struct folder *folder, const char *key, struct err *err)
{
    cleanup(download_result_release) struct download_result result = DOWNLOAD_RESULT_INIT;
    const struct store_target target = {
        .key = key, .max_bytes = 100 << 20, .dirfd = folder->fd, .name = "got"
    };
    (void)fs_remove(folder->fd, "got", NULL);
    (void)fs_remove(folder->fd, "got.json", NULL);
    int r = store_get(store, &target, &result, err);
    if (r == 0)
        ck_assert_uint_eq(strlen(result.sha256), 64);
    return r;
}

bool store_story_has(struct store *store, const char *key, const void *data, size_t size)
{
    struct folder folder;
    struct err err = ERR_INIT;
    folder_make(&folder);
    int r = get(store, &folder, key, &err);
    bool same = r == 0 && is_same_file(&folder, "got", data, size);
    ck_assert_msg(r == 0 || r == -ENOENT, "%s", err.text);
    folder_remove(&folder);
    return same;
}

static int note_key(void *context, const struct store_entry *entry, struct err *err)
{
    char **all = context;
    char *more = xasprintf("%s%s%s", *all, **all ? " " : "", entry->key);
    (void)err;
    free(*all);
    *all = more;
    return 0;
}

char *store_story_keys(struct store *store, const char *prefix)
{
    char *all = xstrdup("");
    struct err err = ERR_INIT;
    ck_assert_msg(store_list(store, prefix, note_key, &all, &err) == 0, "%s", err.text);
    return all;
}

// ---- the stories

static uint64_t last_bytes, last_total;

static void note_progress(void *context, uint64_t bytes, uint64_t total)
{
    (void)context;
    ck_assert_uint_ge(bytes, last_bytes);
    ck_assert_uint_le(bytes, total);
    last_bytes = bytes;
    last_total = total;
}

static void put_and_get(struct store *store, const struct folder *folder, size_t size,
                        bool from_file)
{
    struct err err = ERR_INIT;
    cleanup(free_ptr) char *bytes = bucketd_bytes(size + 3, (unsigned)size);
    ck_assert_int_eq(fs_write(folder->fd, "source", bytes, size + 3, NULL), 0);
    cleanup(close_fd) int fd = fs_open(folder->fd, "source", O_RDONLY);
    // From a file its middle part goes: where the file stands does not matter.
    const struct store_order order = {
        .key = "sizes/object.bin",
        .body = { .data = from_file ? NULL : bytes + 3, .fd = fd, .offset = 3, .size = size },
        .progress = note_progress
    };
    last_bytes = last_total = 0;
    ck_assert_msg(store_put(store, &order, &err) == 0, "%zu bytes: %s", size, err.text);
    ck_assert_uint_eq(last_bytes, size);
    ck_assert_uint_eq(last_total, size);
    ck_assert_msg(get(store, folder, order.key, &err) == 0, "%zu bytes: %s", size, err.text);
    ck_assert_msg(is_same_file(folder, "got", bytes + 3, size), "%zu bytes", size);
}

void store_story_sizes(struct store *store, const size_t *sizes, size_t count)
{
    struct folder folder;
    folder_make(&folder);
    for (size_t i = 0; i < count; i++) {
        put_and_get(store, &folder, sizes[i], true);
        if (sizes[i] < 1 << 20)
            put_and_get(store, &folder, sizes[i], false);
    }
    folder_remove(&folder);
}

void store_story_metadata(struct store *store)
{
    cleanup(fields_release) struct fields metadata = FIELDS_INIT;
    cleanup(store_about_release) struct store_about about = STORE_ABOUT_INIT;
    struct err err = ERR_INIT;
    fields_add(&metadata, "expires-at", "2026-11-26T12:00:00Z");
    fields_add(&metadata, "original-name", "Gro\xC3\x9F\x65r Tag, 50% + \xE6\x97\xA5.mp4");
    const struct store_order order = { .key = "meta/a.mp4",
                                       .body = { .data = "12345", .size = 5 },
                                       .type = "video/mp4",
                                       .metadata = &metadata };
    time_t before = time(NULL);
    ck_assert_msg(store_put(store, &order, &err) == 0, "%s", err.text);
    ck_assert_msg(store_head(store, "meta/a.mp4", &about, &err) == 0, "%s", err.text);
    ck_assert_uint_eq(about.size_bytes, 5);
    ck_assert_str_eq(about.type, "video/mp4");
    ck_assert_int_ge(about.modified, before - 2);
    ck_assert_int_le(about.modified, time(NULL) + 2);
    for (size_t i = 0; i < metadata.count; i++)
        ck_assert_pstr_eq(fields_find(&about.metadata, metadata.items[i].name),
                          metadata.items[i].value);
}

static int stop_at_third(void *context, const struct store_entry *entry, struct err *err)
{
    unsigned *count = context;
    (void)entry;
    return ++*count == 3 ? err_set(err, ERR_INPUT, "enough", "that is enough") : 0;
}

struct removing {
    struct store *store;
    unsigned count;
};

static int remove_it(void *context, const struct store_entry *entry, struct err *err)
{
    struct removing *removing = context;
    removing->count++;
    ck_assert_uint_eq(entry->size_bytes, 1);
    ck_assert_int_ge(entry->modified, time(NULL) - 3600);
    return store_remove(removing->store, entry->key, err);
}

void store_story_lists(struct store *store)
{
    enum { MANY = 600 };
    struct err err = ERR_INIT;
    unsigned count = 0;
    for (int i = 0; i < MANY; i++) {
        cleanup(free_ptr) char *key = xasprintf("temp/many/%04d", i);
        store_story_put(store, key, "x", 1);
    }
    store_story_put(store, "temp/manya", "kept", 4);
    store_story_put(store, "tem", "kept", 4);
    ck_assert_int_lt(store_list(store, "temp/many/", stop_at_third, &count, &err), 0);
    ck_assert_msg(strcmp(err.id, "enough") == 0, "%s", err.text);
    ck_assert_uint_eq(count, 3);
    struct removing removing = { store, 0 };
    err_clear(&err);
    ck_assert_msg(store_list(store, "temp/many/", remove_it, &removing, &err) == 0, "%s", err.text);
    ck_assert_uint_eq(removing.count, MANY);
    cleanup(free_ptr) char *kept = store_story_keys(store, "tem");
    ck_assert_str_eq(kept, "tem temp/manya");
    cleanup(free_ptr) char *none = store_story_keys(store, "nothing/");
    ck_assert_str_eq(none, "");
}

void store_story_removal(struct store *store)
{
    struct folder folder;
    struct err err = ERR_INIT;
    cleanup(store_about_release) struct store_about about = STORE_ABOUT_INIT;
    folder_make(&folder);
    store_story_put(store, "a/b", "1", 1);
    ck_assert(store_story_has(store, "a/b", "1", 1));
    for (int i = 0; i < 2; i++)
        ck_assert_msg(store_remove(store, "a/b", &err) == 0, "%s", err.text);
    ck_assert_int_eq(store_head(store, "a/b", &about, &err), -ENOENT);
    ck_assert_str_eq(err.id, "no_object");
    ck_assert_ptr_nonnull(strstr(err.text, "storage main: a/b: "));
    err_clear(&err);
    ck_assert_int_eq(get(store, &folder, "a/b", &err), -ENOENT);
    ck_assert_str_eq(err.id, "no_object");
    ck_assert_int_eq(err.class, ERR_INPUT);
    folder_remove(&folder);
}

void store_story_keys_of_all_kinds(struct store *store, bool escapes_twice)
{
    static const char *const keys[] = {
        "odd/plain",
        "odd/with blank",
        "odd/per%20cent",
        "odd/a+b",
        "odd/q?uestion",
        "odd/a&b=c",
        "odd/ha#sh",
        "odd/quo'te\"s",
        "odd/<tag>&amp;",
        "odd/~tilde!*()",
        "odd/\xC3\xA4\xE6\x97\xA5\xF0\x9F\x8E\xAC",
        "odd/deep/er/file",
        "odd/semi;colon,@",
    };
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        store_story_put(store, keys[i], keys[i], strlen(keys[i]));
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        ck_assert_msg(store_story_has(store, keys[i], keys[i], strlen(keys[i])), "%s", keys[i]);
    cleanup(free_ptr) char *listed = store_story_keys(store, "odd/");
    size_t bytes = ARRAY_LEN(keys) - 1;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        bool is_told = strpbrk(keys[i], "&<>'\"") == NULL || !escapes_twice;
        ck_assert_msg(!is_told || strstr(listed, keys[i]) != NULL, "%s is not in %s", keys[i],
                      listed);
        bytes += strlen(keys[i]);
    }
    ck_assert(escapes_twice || strlen(listed) == bytes);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        ck_assert_int_eq(store_remove(store, keys[i], NULL), 0);
    cleanup(free_ptr) char *none = store_story_keys(store, "odd/");
    ck_assert_str_eq(none, "");
}

// ---- of buckets

static char *link_of(struct store *store, const char *key, unsigned seconds)
{
    char *link = NULL;
    struct err err = ERR_INIT;
    ck_assert_msg(store_sign(store, key, seconds, &link, &err) == 0, "%s", err.text);
    return link;
}

// Another digit or letter in its place.
static void change(char *c)
{
    *c = *c == 'b' ? 'a' : *c == '7' ? '6' : *c >= '0' && *c <= '9' ? '7' : 'b';
}

void store_story_links(struct store *store)
{
    cleanup(free_ptr) char *output = NULL, *body = NULL;
    store_story_put(store, "links/a b+c.mp4", "the video", 9);
    store_story_put(store, "links/other.mp4", "another", 7);
    cleanup(free_ptr) char *link = link_of(store, "links/a b+c.mp4", 600);
    int r = PROGRAM_RUN(&output, "curl", "--silent", "--show-error", "--fail", "--noproxy", "*",
                        "--globoff", link);
    ck_assert_msg(r == 0, "%s", output);
    ck_assert_str_eq(output, "the video");
    ck_assert_int_eq(bucketd_plain("GET", link, NULL, &body), 200);
    ck_assert_str_eq(body, "the video");
    ck_assert_int_eq(bucketd_plain("PUT", link, "changed", NULL), 403);
    ck_assert_int_eq(bucketd_plain("DELETE", link, NULL, NULL), 403);
    ck_assert(store_story_has(store, "links/a b+c.mp4", "the video", 9));
    // Every letter and digit of the query but in the names of parameters, one after the other.
    bool in_value = false;
    unsigned tried = 0;
    for (char *c = strchr(link, '?'); *c != '\0'; c++) {
        char was = *c;
        in_value = was == '=' || (in_value && was != '&');
        bool plain =
            (was >= '0' && was <= '9') || (was >= 'a' && was <= 'z') || (was >= 'A' && was <= 'Z');
        if (!in_value || !plain || (c[-1] == '%' || (c[-1] != '\0' && c[-2] == '%')))
            continue;
        change(c);
        int status = bucketd_plain("GET", link, NULL, NULL);
        ck_assert_msg(status == 400 || status == 403, "%d for %s", status, link);
        *c = was;
        tried++;
    }
    ck_assert_uint_gt(tried, 28);
    cleanup(free_ptr) char *moved = link_of(store, "links/other.mp4", 600);
    cleanup(free_ptr) char *mixed =
        xasprintf("%.*s%s", (int)strcspn(link, "?"), link, strchr(moved, '?'));
    ck_assert_int_eq(bucketd_plain("GET", mixed, NULL, NULL), 403);
}

void store_story_expiry(struct store *store)
{
    store_story_put(store, "links/short.mp4", "1", 1);
    cleanup(free_ptr) char *link = link_of(store, "links/short.mp4", 1);
    cleanup(free_ptr) char *lasting = link_of(store, "links/short.mp4", 3600);
    const struct timespec tick = { .tv_nsec = 100000000 };
    time_t begin = time(NULL);
    int status;
    do {
        // Time itself is what is waited for; nothing tells of it.
        (void)nanosleep(&tick, NULL);
        status = bucketd_plain("GET", link, NULL, NULL);
    } while (status == 200 && time(NULL) < begin + 20);
    ck_assert_int_eq(status, 403);
    ck_assert_int_eq(bucketd_plain("GET", lasting, NULL, NULL), 200);
}

static void is_denied(const char *what, int r, struct err *err)
{
    ck_assert_msg(r < 0, "%s", what);
    ck_assert_msg(err->class == ERR_DENIED, "%s: %s", what, err->text);
    ck_assert_str_eq(err->id, "storage_refused");
    ck_assert_msg(strstr(err->text, "storage main") && strstr(err->text, "credential main-keys"),
                  "%s: %s", what, err->text);
    ck_assert_msg(!strstr(err->text, "not-the-secret") && !strstr(err->hint, "not-the-secret"),
                  "%s: %s", what, err->text);
    err_clear(err);
}

void store_story_wrong_secret(struct bucketd *bucketd)
{
    struct err err = ERR_INIT;
    struct folder folder;
    char *right = bucketd->credential.secret;
    struct store *good = bucketd_open(bucketd, 0);
    store_story_put(good, "a", "1", 1);
    store_close(&good);
    bucketd->credential.secret = (char[]){ "not-the-secret" };
    struct store *store = bucketd_open(bucketd, 0);
    cleanup(free_ptr) char *large = bucketd_bytes(17 << 20, 1);
    cleanup(free_ptr) char *keys = xstrdup("");
    cleanup(store_about_release) struct store_about about = STORE_ABOUT_INIT;
    const struct store_order small = { .key = "a", .body = { .data = "2", .size = 1 } };
    const struct store_order parts = { .key = "a", .body = { .data = large, .size = 17 << 20 } };
    folder_make(&folder);
    is_denied("put", store_put(store, &small, &err), &err);
    is_denied("put in parts", store_put(store, &parts, &err), &err);
    is_denied("get", get(store, &folder, "a", &err), &err);
    is_denied("head", store_head(store, "a", &about, &err), &err);
    is_denied("list", store_list(store, "", note_key, &keys, &err), &err);
    is_denied("remove", store_remove(store, "a", &err), &err);
    folder_remove(&folder);
    store_close(&store);
    bucketd->credential.secret = right;
    good = bucketd_open(bucketd, 0);
    ck_assert(store_story_has(good, "a", "1", 1));
    store_close(&good);
}

struct stopping {
    int fd;
    uint64_t at;
};

static void stop_later(void *context, uint64_t bytes, uint64_t total)
{
    const struct stopping *stopping = context;
    (void)total;
    if (bytes >= stopping->at)
        ck_assert_int_eq(eventfd_write(stopping->fd, 1), 0);
}

void store_story_stop(const struct bucketd *bucketd)
{
    enum { SIZE = 33 << 20 };
    struct err err = ERR_INIT;
    cleanup(close_fd) int stop_fd = eventfd(0, EFD_CLOEXEC);
    cleanup(free_ptr) char *bytes = bucketd_bytes(SIZE, 5);
    struct stopping stopping = { stop_fd, SIZE / 2 };
    struct store *store = bucketd_open(bucketd, stop_fd);
    const struct store_order order = { .key = "stopped.mp4",
                                       .body = { .data = bytes, .size = SIZE },
                                       .progress = stop_later,
                                       .context = &stopping };
    ck_assert_int_eq(store_put(store, &order, &err), -ECANCELED);
    ck_assert_str_eq(err.id, "stopped");
    store_close(&store);
    store = bucketd_open(bucketd, 0);
    cleanup(free_ptr) char *keys = store_story_keys(store, "");
    ck_assert_str_eq(keys, "");
    store_close(&store);
}
