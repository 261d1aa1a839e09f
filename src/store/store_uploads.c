// Uploads in parts that nobody will end.

#include "store/store_bucket.h"

#include "store/xml.h"

#include <errno.h>

enum {
    PAGE_UPLOADS = 200,
    PAGE_MAX_BYTES = 2 << 20,
    // What is more is left to the next time.
    MAX_ROUNDS = 20,
};

struct upload {
    char *key, *id;
    time_t begun;
};

struct page {
    struct upload *uploads;
    size_t count;
    struct upload next; // under construction
    bool is_encoded, is_truncated;
};

static void upload_release(struct upload *upload)
{
    free(upload->key);
    free(upload->id);
    *upload = (struct upload){ .key = NULL };
}

static void page_release(struct page *page)
{
    for (size_t i = 0; i < page->count; i++)
        upload_release(&page->uploads[i]);
    free(page->uploads);
    upload_release(&page->next);
}

static int bad(struct err *err, const char *reason)
{
    return err_set(err, ERR_SERVICE, "bad_answer", "the service's list of uploads %s", reason);
}

static int take_element(void *context, const char *path, const char *text, struct err *err)
{
    struct page *page = context;
    const char *in = strchr(path, '/');
    if (in == NULL)
        return strcmp(path, "ListMultipartUploadsResult") == 0 ? 0 : bad(err, "is something else");
    if (strcmp(in, "/Upload/Key") == 0)
        xml_keep(&page->next.key, text);
    else if (strcmp(in, "/Upload/UploadId") == 0)
        xml_keep(&page->next.id, text);
    else if (strcmp(in, "/Upload/Initiated") == 0)
        page->next.begun = store_list_time(text);
    else if (strcmp(in, "/EncodingType") == 0)
        page->is_encoded = strcmp(text, "url") == 0;
    else if (strcmp(in, "/IsTruncated") == 0)
        page->is_truncated = strcmp(text, "true") == 0;
    if (strcmp(in, "/Upload") != 0)
        return 0;
    if (page->next.key == NULL || page->next.id == NULL)
        return bad(err, "has one without a name");
    page->uploads = xrealloc(page->uploads, page->count + 1, sizeof *page->uploads);
    page->uploads[page->count++] = page->next;
    page->next = (struct upload){ .key = NULL };
    return 0;
}

// Returns 1 if the service knows no such list.
static int get_page(struct store_bucket *bucket, const char *prefix, struct page *page,
                    struct err *err)
{
    cleanup(http_answer_release) struct http_answer answer = HTTP_ANSWER_INIT;
    cleanup(fields_release) struct fields query = FIELDS_INIT;
    cleanup(free_ptr) char *most = xasprintf("%d", PAGE_UPLOADS);
    struct err why = ERR_INIT;
    fields_add(&query, "uploads", "");
    fields_add(&query, "encoding-type", "url");
    fields_add(&query, "max-uploads", most);
    fields_add(&query, "prefix", prefix);
    const struct store_bucket_call call = { .method = "GET",
                                            .query = query,
                                            .max_body_bytes = PAGE_MAX_BYTES };
    int r = store_bucket_do(bucket, &call, &answer, &why);
    if (answer.head.status == 501)
        return 1;
    if (r == 0)
        r = xml_read(answer.body, answer.body_size, take_element, page, &why);
    if (r < 0 && strcmp(why.id, "bad_xml") == 0)
        return bad(err, why.text);
    if (r < 0 && err != NULL)
        *err = why;
    return r;
}

static int abandon(struct store_bucket *bucket, const char *key, const struct upload *upload,
                   struct err *err)
{
    cleanup(http_answer_release) struct http_answer answer = HTTP_ANSWER_INIT;
    cleanup(fields_release) struct fields query = FIELDS_INIT;
    struct err why = ERR_INIT;
    fields_add(&query, "uploadId", upload->id);
    const struct store_bucket_call call = { .method = "DELETE", .key = key, .query = query };
    int r = store_bucket_do(bucket, &call, &answer, &why);
    if (r < 0 && answer.head.status == 404)
        return 0; // ended meanwhile, one way or the other
    if (r < 0 && err != NULL)
        *err = why;
    return r;
}

// Returns how many of the page were taken back.
static int abandon_page(struct store_bucket *bucket, const struct page *page, const char *prefix,
                        time_t before, struct err *err)
{
    int count = 0;
    for (size_t i = 0; i < page->count; i++) {
        const struct upload *upload = &page->uploads[i];
        cleanup(free_ptr) char *key = store_list_key(upload->key, page->is_encoded);
        if (key == NULL || strncmp(key, prefix, strlen(prefix)) != 0)
            return bad(err, "has some that were not asked for");
        // One whose time cannot be read may be under way.
        if (upload->begun == 0 || upload->begun >= before)
            continue;
        int r = abandon(bucket, key, upload, err);
        if (r < 0)
            return r;
        count++;
    }
    return count;
}

// What was taken back is not in the next list, so that each is a first page.
int store_uploads_abandon(struct store_bucket *bucket, const char *prefix, time_t before,
                          struct err *err)
{
    int count = 0;
    for (int round = 0; round < MAX_ROUNDS; round++) {
        cleanup(page_release) struct page page = { .uploads = NULL };
        int r = get_page(bucket, prefix, &page, err);
        if (r == 0)
            r = abandon_page(bucket, &page, prefix, before, err);
        else if (r > 0)
            return count;
        if (r < 0)
            return r;
        count += r;
        if (r == 0 || !page.is_truncated)
            break;
    }
    return count;
}
