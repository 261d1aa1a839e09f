// The list of a bucket, page by page.
//
// A page is read whole before anything of it is visited: only at its end it is sure how its keys
// are written, and whoever visits may use the store.

#include "store/store_bucket.h"

#include "base/percent.h"
#include "base/text.h"
#include "spool/remote.h"
#include "store/xml.h"

#include <errno.h>

enum {
    PAGE_KEYS = 500,
    // 500 keys of 1023 bytes, each three characters, and what is said of each.
    PAGE_MAX_BYTES = 4 << 20,
    // Five million objects: whoever has more sweeps by rules of the service.
    MAX_PAGES = 10000,
};

struct entry {
    char *key;
    uint64_t size_bytes;
    time_t modified;
};

struct page {
    struct entry *entries;
    size_t count, room;
    struct entry next; // under construction
    bool is_encoded, is_truncated;
    char *token; // of the next page, or NULL
};

static void page_release(struct page *page)
{
    for (size_t i = 0; i < page->count; i++)
        free(page->entries[i].key);
    free(page->entries);
    free(page->next.key);
    free(page->token);
    *page = (struct page){ .entries = NULL };
}

static int bad(struct err *err, const char *reason)
{
    return err_set(err, ERR_SERVICE, "bad_answer", "the service's list %s", reason);
}

// ---- reading

// "2025-11-15T08:30:00.000Z": the fraction does not matter here.
time_t store_list_time(const char *text)
{
    time_t when;
    size_t whole = strcspn(text, ".Z");
    cleanup(free_ptr) char *plain = xasprintf("%.*sZ", (int)whole, text);
    return text_time_parse(plain, &when) == 0 ? when : 0;
}

static int add_entry(struct page *page, struct err *err)
{
    if (page->next.key == NULL)
        return bad(err, "has an object without a name");
    if (page->count == page->room) {
        page->room = page->room ? 2 * page->room : PAGE_KEYS;
        page->entries = xrealloc(page->entries, page->room, sizeof *page->entries);
    }
    page->entries[page->count++] = page->next;
    page->next = (struct entry){ .key = NULL };
    return 0;
}

static int take_element(void *context, const char *path, const char *text, struct err *err)
{
    struct page *page = context;
    const char *in = strchr(path, '/');
    if (in == NULL)
        return strcmp(path, "ListBucketResult") == 0 ? 0 : bad(err, "is something else");
    if (strcmp(in, "/Contents/Key") == 0)
        xml_keep(&page->next.key, text);
    else if (strcmp(in, "/Contents/LastModified") == 0)
        page->next.modified = store_list_time(text);
    else if (strcmp(in, "/Contents/Size") == 0)
        page->next.size_bytes = strtoull(text, NULL, 10);
    else if (strcmp(in, "/Contents") == 0)
        return add_entry(page, err);
    else if (strcmp(in, "/EncodingType") == 0)
        page->is_encoded = strcmp(text, "url") == 0;
    else if (strcmp(in, "/IsTruncated") == 0)
        page->is_truncated = strcmp(text, "true") == 0;
    else if (strcmp(in, "/NextContinuationToken") == 0)
        xml_keep(&page->token, text);
    return 0;
}

static int get_page(struct store_bucket *bucket, const char *prefix, const char *token,
                    struct page *page, struct err *err)
{
    cleanup(http_answer_release) struct http_answer answer = HTTP_ANSWER_INIT;
    cleanup(fields_release) struct fields query = FIELDS_INIT;
    cleanup(free_ptr) char *most = xasprintf("%d", PAGE_KEYS);
    fields_add(&query, "list-type", "2");
    fields_add(&query, "encoding-type", "url"); // XML cannot hold every key
    fields_add(&query, "max-keys", most);
    fields_add(&query, "prefix", prefix);
    if (token != NULL)
        fields_add(&query, "continuation-token", token);
    const struct store_bucket_call call = { .method = "GET",
                                            .query = query,
                                            .max_body_bytes = PAGE_MAX_BYTES };
    struct err why = ERR_INIT;
    int r = store_bucket_do(bucket, &call, &answer, err);
    if (r < 0)
        return r;
    r = xml_read(answer.body, answer.body_size, take_element, page, &why);
    if (r < 0 && strcmp(why.id, "bad_xml") == 0)
        return bad(err, why.text);
    if (r < 0 && err != NULL)
        *err = why;
    return r;
}

// ---- visiting

// The key's bytes; encoded ones have + for a blank.  Gives a string, or NULL if it cannot be.
char *store_list_key(const char *text, bool is_encoded)
{
    if (!is_encoded)
        return xstrdup(text);
    cleanup(free_ptr) char *plain = xstrdup(text);
    for (char *c = plain; *c != '\0'; c++)
        if (*c == '+')
            *c = ' ';
    return percent_decode_n(plain, strlen(plain));
}

static int visit_page(const struct page *page, const char *prefix, store_visit *visit,
                      void *context, struct err *err)
{
    for (size_t i = 0; i < page->count; i++) {
        const struct entry *entry = &page->entries[i];
        cleanup(free_ptr) char *key = store_list_key(entry->key, page->is_encoded);
        if (key == NULL || strncmp(key, prefix, strlen(prefix)) != 0)
            return bad(err, "has objects that were not asked for");
        if (remote_check_key(key, NULL) < 0)
            continue;
        const struct store_entry shown = { key, entry->size_bytes, entry->modified };
        int r = visit(context, &shown, err);
        if (r != 0)
            return r;
    }
    return 0;
}

int store_list_pages(struct store_bucket *bucket, const char *prefix, store_visit *visit,
                     void *context, struct err *err)
{
    cleanup(free_ptr) char *token = NULL;
    for (int pages = 0; pages < MAX_PAGES; pages++) {
        cleanup(page_release) struct page page = { .entries = NULL };
        int r = get_page(bucket, prefix, token, &page, err);
        if (r == 0)
            r = visit_page(&page, prefix, visit, context, err);
        if (r != 0 || !page.is_truncated)
            return r;
        if (page.token == NULL || (token != NULL && strcmp(page.token, token) == 0))
            return bad(err, "does not go on where it should");
        free(token);
        token = TAKE(page.token);
    }
    return bad(err, "has no end");
}
