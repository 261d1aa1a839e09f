// The table of a bucket, the rules between its keys, and which bucket an object is in.

#include "spool/bucket.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

#define AT(member) .offset = offsetof(struct bucket, member)

enum { MAX_PATH_BYTES = 4095, MAX_ENDPOINT_BYTES = 300, MAX_CREDENTIAL_BYTES = 4095 };

static const char *const types[] = { "oss", "s3", "folder", NULL };
static const char *const styles[] = { "auto", "path", "host", "own", NULL };
static const char *const signatures[] = { "v4", "v1", NULL };

// clang-format off
const struct config_option bucket_options[BUCKET_OPTIONS] = {
    { "name", CONFIG_TEXT, AT(name), NULL, .max = 64,
      .help = "What it is called in this file and, as profile, in .oss files." },
    { "type", CONFIG_CHOICE, AT(type), "oss", .choices = types,
      .help = "The service: Alibaba Cloud OSS, one that speaks S3, or a folder of this machine." },
    { "bucket", CONFIG_TEXT, AT(bucket), NULL, .max = 63,
      .help = "What the service calls it." },
    { "endpoint", CONFIG_TEXT, AT(endpoint), NULL, .max = MAX_ENDPOINT_BYTES,
      .help = "The service's address without the bucket, as in "
              "https://oss-cn-hangzhou.aliyuncs.com." },
    { "region", CONFIG_TEXT, AT(region), NULL, .max = 40,
      .help = "The region, as in cn-hangzhou, where the endpoint does not say it." },
    { "style", CONFIG_CHOICE, AT(style), "auto", .choices = styles,
      .help = "Where the bucket stands in addresses: in the path, before the host, or nowhere "
              "because the endpoint is a domain of its own; auto is what the service is known "
              "for." },
    { "signature", CONFIG_CHOICE, AT(signature), "v4", .choices = signatures,
      .help = "How requests are signed; v1 is for old buckets of OSS." },
    { "credential", CONFIG_TEXT, AT(credential), NULL, .max = MAX_CREDENTIAL_BYTES,
      .help = "Its keys: a name of LoadCredential=, or the absolute path of a file of mode 0600." },
    { "path", CONFIG_TEXT, AT(path), NULL, .max = MAX_PATH_BYTES,
      .help = "The folder, for type folder." },
};
// clang-format on

// ---- rules

// Of which bucket, and where to say it.
struct check {
    const char *file; // borrowed
    size_t place;
    const struct bucket *bucket;
    struct config_report *report;
};

static void complain(const struct check *check, const char *format, ...) PRINTF_LIKE(2, 3);
static void complain(const struct check *check, const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    if (vsnprintf(text, sizeof text, format, args) < 0)
        text[0] = 0;
    va_end(args);
    cleanup(free_ptr) char *shown = text_escape(check->bucket->name ? check->bucket->name : "");
    config_report_add(check->report, "%s: storage.buckets[%zu]%s%s%s: %s", check->file,
                      check->place, *shown ? " (" : "", shown, *shown ? ")" : "", text);
}

static void check_name(const struct check *check, const struct bucket_list *list)
{
    const char *name = check->bucket->name;
    if (name == NULL || !remote_is_profile(name)) {
        complain(check, "name: must be 1 to 64 letters, digits, - and _");
        return;
    }
    for (size_t i = 0; i < check->place; i++) {
        const char *other = list->items[i].name;
        if (other != NULL && strcmp(other, name) == 0)
            complain(check, "name: storage.buckets[%zu] has it already", i);
    }
}

// What makes no sense for the type.
static void refuse(const struct check *check, const char *key, const char *value)
{
    if (value != NULL)
        complain(check, "%s: has no meaning for type \"%s\"", key, types[check->bucket->type]);
}

static void check_folder(const struct check *check)
{
    const struct bucket *bucket = check->bucket;
    refuse(check, "bucket", bucket->bucket);
    refuse(check, "endpoint", bucket->endpoint);
    refuse(check, "region", bucket->region);
    refuse(check, "credential", bucket->credential);
    if (bucket->path == NULL || bucket->path[0] != '/')
        complain(check, "path: must be the absolute path of a folder");
}

static void check_credential(const struct check *check)
{
    const char *credential = check->bucket->credential;
    if (credential == NULL || *credential == 0)
        complain(check, "credential: is missing: a name of LoadCredential=, or the absolute path "
                        "of a file");
    else if (*credential != '/' && (strchr(credential, '/') != NULL || *credential == '.'))
        complain(check, "credential: is neither a name nor an absolute path");
}

static void check_style(const struct check *check, const char *endpoint)
{
    const struct bucket *bucket = check->bucket;
    bool is_numeric = remote_is_numeric(endpoint);
    if (bucket->style == BUCKET_HOST && is_numeric)
        complain(check, "style: \"host\" needs an endpoint with a name, not a number");
    // Refused by the service itself, but with words that nobody understands.
    if (bucket->style == BUCKET_PATH && text_ends_with(endpoint, ".aliyuncs.com"))
        complain(check, "style: OSS does not take \"path\", write \"host\" or \"auto\"");
}

static void check_service(const struct check *check)
{
    const struct bucket *bucket = check->bucket;
    struct err why = ERR_INIT;
    refuse(check, "path", bucket->path);
    if (bucket->bucket == NULL || !remote_is_bucket(bucket->bucket))
        complain(check, "bucket: must be 3 to 63 lower-case letters, digits, - and .");
    if (bucket->region != NULL && !remote_is_region(bucket->region))
        complain(check, "region: must be as in cn-hangzhou: lower-case letters, digits and -");
    if (bucket->signature == BUCKET_V1 && bucket->type != BUCKET_OSS)
        complain(check, "signature: \"v1\" is for type \"oss\" only");
    check_credential(check);
    cleanup(free_ptr) char *endpoint =
        bucket->endpoint ? remote_endpoint(bucket->endpoint, &why) : NULL;
    if (endpoint == NULL) {
        complain(check, "endpoint: %s", bucket->endpoint ? why.text : "is missing");
        return;
    }
    check_style(check, endpoint);
    cleanup(free_ptr) char *region = bucket_region(bucket);
    if (region == NULL && bucket->signature == BUCKET_V4)
        complain(check, "region: is missing, and the endpoint does not say it");
}

void bucket_check(const char *name, const struct bucket_list *list, struct config_report *report)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct check check = { name, i, &list->items[i], report };
        check_name(&check, list);
        if (check.bucket->type == BUCKET_FOLDER)
            check_folder(&check);
        else
            check_service(&check);
    }
}

// ---- what follows from them

// What the endpoint says of the region, or NULL.  Gives a string.
static char *told_region(const struct bucket *bucket)
{
    cleanup(remote_release) struct remote object = REMOTE_INIT;
    cleanup(free_ptr) char *endpoint =
        bucket->endpoint ? remote_endpoint(bucket->endpoint, NULL) : NULL;
    cleanup(free_ptr) char *address =
        endpoint ? xasprintf("%s/any-bucket/any-key", endpoint) : NULL;
    if (address == NULL || remote_from_object(address, &object, NULL) < 0)
        return NULL;
    return TAKE(object.region);
}

char *bucket_region(const struct bucket *bucket)
{
    if (bucket->region != NULL)
        return xstrdup(bucket->region);
    char *told = told_region(bucket);
    if (told == NULL && bucket->type == BUCKET_S3)
        return xstrdup("us-east-1");
    return told;
}

// ---- which one

const struct bucket *bucket_find(const struct bucket_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].name != NULL && strcmp(list->items[i].name, name) == 0)
            return &list->items[i];
    return NULL;
}

// Whether two endpoints, in the one form, lead to the same objects.  The big services have several
// doors to a region (internal, dual-stack); what is asked is the configured one in any case.
static bool is_same_service(const char *a, const char *b)
{
    static const char *const known[] = { ".aliyuncs.com", ".amazonaws.com" };
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (text_ends_with(a, known[i]) && text_ends_with(b, known[i]))
            return true;
    return strcmp(a, b) == 0;
}

// An object without an endpoint says nothing against any.
static bool holds(const struct bucket *bucket, const struct remote *remote)
{
    if (bucket->type == BUCKET_FOLDER || strcmp(bucket->bucket, remote->bucket) != 0 ||
        bucket->type != (remote->kind == REMOTE_OSS ? BUCKET_OSS : BUCKET_S3))
        return false;
    cleanup(free_ptr) char *region = bucket_region(bucket);
    if (remote->region != NULL && region != NULL && strcmp(remote->region, region) != 0)
        return false;
    cleanup(free_ptr) char *endpoint = remote_endpoint(bucket->endpoint, NULL);
    return remote->endpoint == NULL ||
           (endpoint != NULL && is_same_service(endpoint, remote->endpoint));
}

const struct bucket *bucket_of_object(const struct bucket_list *list, const struct remote *remote)
{
    if (remote->profile != NULL) {
        const struct bucket *named = bucket_find(list, remote->profile);
        return named != NULL && holds(named, remote) ? named : NULL;
    }
    for (size_t i = 0; i < list->count; i++)
        if (holds(&list->items[i], remote))
            return &list->items[i];
    return NULL;
}
