#include "spool/upload.h"

#include "base/text.h"
#include "spool/batch.h"

// Links of temporary keys carry a token of some KiB.
enum { MAX_FILE_BYTES = 64 * 1024 };

void upload_release(struct upload *upload)
{
    free(upload->bucket);
    free(upload->key);
    free(upload->link);
    *upload = (struct upload)UPLOAD_INIT;
}

int upload_save(int sourcedir, const struct upload *upload, struct err *err)
{
    char until[TEXT_TIME_SIZE];
    cleanup(json_free) json_t *json = json_object();
    json_put_text(json, "bucket", upload->bucket);
    json_put_text(json, "key", upload->key);
    json_put_text(json, "expires_at", text_time(upload->expires_at, until));
    json_put_text(json, "url", upload->link);
    json_put_text(json, "url_expires_at",
                  upload->link != NULL ? text_time(upload->link_until, until) : NULL);
    return json_write(sourcedir, SOURCE_UPLOAD, json, err);
}

static char *copy_of(const json_t *json, const char *key, const char **bad)
{
    const char *text = json_text(json, key, NULL, bad);
    return text != NULL ? xstrdup(text) : NULL;
}

static time_t time_of(const json_t *json, const char *key, const char **bad)
{
    time_t when = 0;
    const char *text = json_text(json, key, NULL, bad);
    if (text != NULL && text_time_parse(text, &when) < 0)
        *bad = key;
    return when;
}

int upload_load(int sourcedir, struct upload *upload, struct err *err)
{
    const char *bad = NULL;
    cleanup(json_free) json_t *json = NULL;
    int r = json_read(sourcedir, SOURCE_UPLOAD, MAX_FILE_BYTES, &json, err);
    if (r < 0)
        return r;
    *upload = (struct upload){ .bucket = copy_of(json, "bucket", &bad),
                               .key = copy_of(json, "key", &bad),
                               .link = copy_of(json, "url", &bad),
                               .expires_at = time_of(json, "expires_at", &bad),
                               .link_until = time_of(json, "url_expires_at", &bad) };
    if (upload->bucket == NULL || upload->key == NULL)
        bad = "key";
    if (upload->link != NULL && upload->link_until == 0)
        bad = "url_expires_at";
    if (bad == NULL)
        return 0;
    upload_release(upload);
    return err_set(err, ERR_INPUT, "bad_upload", SOURCE_UPLOAD " is damaged at \"%s\"", bad);
}

bool upload_lasts(const struct upload *upload, time_t now, double seconds)
{
    return upload->link != NULL && difftime(upload->link_until, now) >= seconds;
}
