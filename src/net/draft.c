// A request while it is being signed.

#include "net/draft.h"

#include "base/percent.h"
#include "spool/remote.h"

#include <errno.h>

static int misconfigured(struct err *err, const char *id, const char *hint, const char *text)
{
    err_set(err, ERR_CONFIG, id, "object storage: %s", text);
    err_hint(err, "%s", hint);
    return -EINVAL;
}

static int check_place(struct draft *draft, struct err *err)
{
    const struct sign_place *place = draft->place;
    const char *region = place->region != NULL ? place->region : "";
    if (place->bucket == NULL || !remote_is_bucket(place->bucket))
        return misconfigured(err, "bad_bucket",
                             "bucket names have 3 to 63 lower-case letters, digits, - and .",
                             "the bucket's name cannot be");
    if (place->scheme == SIGN_OSS_V4 && strncmp(region, "oss-", 4) == 0)
        region += 4;
    if (place->scheme != SIGN_OSS_V1 && !remote_is_region(region))
        return misconfigured(err, "bad_region",
                             "write the region as cn-hangzhou or us-east-1; most S3 services that "
                             "have none take us-east-1",
                             "the region is missing or cannot be");
    draft->region = region;
    return 0;
}

static int check_request(const struct draft *draft, struct err *err)
{
    const struct sign_request *request = draft->request;
    const char *method = request->method;
    if (*method == 0 || method[strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] != 0)
        return err_set(err, ERR_BUG, "bad_request", "a method is not one");
    if (draft->seconds > SIGN_MAX_SECONDS)
        return err_set(err, ERR_BUG, "bad_request", "a link cannot work for %u seconds",
                       draft->seconds);
    if (request->key != NULL && *request->key != 0 && remote_check_key(request->key, err) < 0)
        return -EINVAL;
    if (fields_find(&request->headers, "host") != NULL ||
        fields_find(&request->headers, "authorization") != NULL)
        return err_set(err, ERR_BUG, "bad_request", "Host and Authorization are the signer's");
    return fields_check_headers(&request->headers, err);
}

static int check_credential(const struct credential *credential, struct err *err)
{
    if (credential->id != NULL && *credential->id != 0 && credential->secret != NULL &&
        *credential->secret != 0)
        return 0;
    return misconfigured(err, "bad_credential", "write both keys into the credential's file",
                         "a key is empty");
}

// Where the request goes: the endpoint with the bucket in front of its host or path.
static int address(struct draft *draft, struct err *err)
{
    const struct sign_place *place = draft->place;
    cleanup(free_ptr) char *endpoint =
        remote_endpoint(place->endpoint != NULL ? place->endpoint : "", NULL);
    if (endpoint == NULL)
        return misconfigured(err, "bad_endpoint", "write it as https://host or https://host:port",
                             "the endpoint cannot be");
    if (place->style == SIGN_VIRTUAL_HOST && remote_is_numeric(endpoint))
        return misconfigured(err, "bad_endpoint", "use path style with an IP address",
                             "no bucket can stand in front of an IP address");

    const char *host = strstr(endpoint, "://") + 3;
    bool before = place->style == SIGN_VIRTUAL_HOST, inside = place->style == SIGN_PATH;
    const char *key = draft->request->key != NULL ? draft->request->key : "";
    cleanup(free_ptr) char *encoded = percent_encode(key, "/");
    draft->host = xasprintf("%s%s%s", before ? place->bucket : "", before ? "." : "", host);
    draft->origin = xasprintf("%.*s%s", (int)(host - endpoint), endpoint, draft->host);
    draft->path = xasprintf("%s%s%s%s", inside ? "/" : "", inside ? place->bucket : "",
                            inside && *key == 0 ? "" : "/", encoded);
    return 0;
}

static void copy(const struct fields *from, struct fields *to)
{
    for (size_t i = 0; i < from->count; i++)
        fields_add(to, from->items[i].name, from->items[i].value);
}

int draft_begin(const struct sign_request *request, const struct credential *credential, time_t now,
                unsigned seconds, struct draft *draft, struct err *err)
{
    *draft = (struct draft){ .request = request,
                             .place = request->place,
                             .credential = credential,
                             .now = now,
                             .seconds = seconds };
    (void)text_time_compact(now, draft->stamp);
    int r = check_place(draft, err);
    if (r == 0)
        r = check_request(draft, err);
    if (r == 0)
        r = check_credential(credential, err);
    if (r == 0)
        r = address(draft, err);
    if (r < 0)
        return r;
    copy(&request->query, &draft->query);
    copy(&request->headers, &draft->headers);
    fields_trim(&draft->headers, request->place->scheme == SIGN_AWS_V4);
    return 0;
}

void draft_release(struct draft *draft)
{
    free_ptr(&draft->origin);
    free_ptr(&draft->host);
    free_ptr(&draft->path);
    fields_release(&draft->query);
    fields_release(&draft->headers);
}

static int add(struct fields *fields, const char *name, const char *value, struct err *err)
{
    if (fields_find(fields, name) != NULL)
        return err_set(err, ERR_BUG, "bad_request", "%s is the signer's to say", name);
    fields_add(fields, name, value);
    return 0;
}

int draft_add_header(struct draft *draft, const char *name, const char *value, struct err *err)
{
    int r = add(&draft->headers, name, value, err);
    return r < 0 ? r : fields_check_headers(&draft->headers, err);
}

int draft_add_parameter(struct draft *draft, const char *name, const char *value, struct err *err)
{
    return add(&draft->query, name, value, err);
}

char *draft_url(const struct draft *draft, const struct fields *query, unsigned how)
{
    struct secret url = SECRET_INIT;
    SECRET_ADD(&url, draft->origin, draft->path, query->count > 0 ? "?" : "");
    fields_write_query(query, how, &url);
    return secret_take(&url);
}
