// Signed requests.
//
// OSS V4 is AWS SigV4 with other words and three differences, which are members of `dialect` so
// that the steps are written once: the bucket always stands in the path that is signed; a parameter
// without value is signed without "="; and only the service's own headers and Content-* are signed
// unless listed, so that its list names the additional headers and AWS's names all.
//
// OSS V1 is older and shares nothing with them but HMAC: nothing is encoded, and most parameters
// are not signed.

#include "net/sign.h"

#include "base/text.h"
#include "net/digest.h"
#include "net/draft.h"

#include <stdio.h>

#define UNSIGNED "UNSIGNED-PAYLOAD"

struct dialect {
    const char *algorithm, *key_prefix, *service, *terminator;
    const char *list;                   // what Authorization calls the list of headers
    bool is_aws;                        // signs all headers; sorts the link's parameters
    unsigned empty;                     // FIELDS_BARE, or 0
    const char *own;                    // beginning of the service's own headers
    const char *date, *payload, *token; // headers that the signer adds
    // and the parameters of a link
    const char *link_algorithm, *link_credential, *link_date, *link_seconds, *link_headers,
        *link_token, *link_signature;
};

static const struct dialect oss = {
    .algorithm = "OSS4-HMAC-SHA256",
    .key_prefix = "aliyun_v4",
    .service = "oss",
    .terminator = "aliyun_v4_request",
    .list = "AdditionalHeaders",
    .empty = FIELDS_BARE,
    .own = "x-oss-",
    .date = "x-oss-date",
    .payload = "x-oss-content-sha256",
    .token = "x-oss-security-token",
    .link_algorithm = "x-oss-signature-version",
    .link_credential = "x-oss-credential",
    .link_date = "x-oss-date",
    .link_seconds = "x-oss-expires",
    .link_headers = "x-oss-additional-headers",
    .link_token = "x-oss-security-token",
    .link_signature = "x-oss-signature",
};

static const struct dialect aws = {
    .algorithm = "AWS4-HMAC-SHA256",
    .key_prefix = "AWS4",
    .service = "s3",
    .terminator = "aws4_request",
    .list = "SignedHeaders",
    .is_aws = true,
    .own = "x-amz-",
    .date = "x-amz-date",
    .payload = "x-amz-content-sha256",
    .token = "x-amz-security-token",
    .link_algorithm = "X-Amz-Algorithm",
    .link_credential = "X-Amz-Credential",
    .link_date = "X-Amz-Date",
    .link_seconds = "X-Amz-Expires",
    .link_headers = "X-Amz-SignedHeaders",
    .link_token = "X-Amz-Security-Token",
    .link_signature = "X-Amz-Signature",
};

// What one V4 signature is made of.  Names are joined by ';'.
struct parts {
    const struct dialect *dialect;
    char *scope;
    char *names;         // of the headers listed
    char *lines;         // the headers signed, canonical
    const char *payload; // hash of the body, or UNSIGNED; borrowed
};

static void parts_release(struct parts *parts)
{
    free_ptr(&parts->scope);
    free_ptr(&parts->names);
    secret_free(&parts->lines);
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

// ---- V4: headers

static bool is_listed(const char *const *list, const char *name)
{
    for (; list != NULL && *list != NULL; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

// What OSS signs without being asked.
static bool is_default(const struct dialect *dialect, const char *name)
{
    return begins(name, dialect->own) || strcmp(name, "content-type") == 0 ||
           strcmp(name, "content-md5") == 0;
}

static int check_additional(const char *const *additional, const struct fields *headers,
                            struct err *err)
{
    for (; additional != NULL && *additional != NULL; additional++)
        if (fields_find(headers, *additional) == NULL)
            return err_set(err, ERR_BUG, "bad_request", "header %s is to be signed but not there",
                           *additional);
    return 0;
}

// Fills names and lines from the headers that will be sent, Host included.
static int canonical_headers(const struct draft *draft, struct parts *parts, struct err *err)
{
    const char *const *additional = draft->request->additional;
    struct secret names = SECRET_INIT, lines = SECRET_INIT;
    cleanup(fields_release) struct fields all = FIELDS_INIT;
    for (size_t i = 0; i < draft->headers.count; i++)
        fields_add(&all, draft->headers.items[i].name, draft->headers.items[i].value);
    fields_add(&all, "host", draft->host);
    cleanup(fields_release) struct fields sorted = fields_canonical_headers(&all);

    for (size_t i = 0; i < sorted.count; i++) {
        const struct field *field = &sorted.items[i];
        bool by_default = !parts->dialect->is_aws && is_default(parts->dialect, field->name);
        bool listed = parts->dialect->is_aws || is_listed(additional, field->name);
        if (by_default || listed)
            SECRET_ADD(&lines, field->name, ":", field->value, "\n");
        if (listed && !by_default)
            SECRET_ADD(&names, names.length > 0 ? ";" : "", field->name);
    }
    parts->names = secret_take(&names);
    parts->lines = secret_take(&lines);
    return check_additional(additional, &all, err);
}

// ---- V4: what the signer adds

static int add_headers(struct draft *draft, const struct parts *parts, struct err *err)
{
    const struct dialect *dialect = parts->dialect;
    int r = draft_add_header(draft, dialect->date, draft->stamp, err);
    if (r == 0)
        r = draft_add_header(draft, dialect->payload, parts->payload, err);
    if (r == 0 && draft->credential->token != NULL)
        r = draft_add_header(draft, dialect->token, draft->credential->token, err);
    return r;
}

static int add_parameters(struct draft *draft, const struct parts *parts, struct err *err)
{
    const struct dialect *dialect = parts->dialect;
    cleanup(free_ptr) char *credential = xasprintf("%s/%s", draft->credential->id, parts->scope);
    cleanup(free_ptr) char *seconds = xasprintf("%u", draft->seconds);
    const struct {
        const char *name, *value;
    } added[] = {
        // OSS refuses an empty list of additional headers; AWS's always has Host.
        { dialect->link_headers, *parts->names != 0 ? parts->names : NULL },
        { dialect->link_credential, credential },
        { dialect->link_date, draft->stamp },
        { dialect->link_seconds, seconds },
        { dialect->link_algorithm, dialect->algorithm },
        { dialect->link_token, draft->credential->token },
    };
    if (fields_find(&draft->query, dialect->link_signature) != NULL)
        return err_set(err, ERR_BUG, "bad_request", "%s is the signer's to say",
                       dialect->link_signature);
    int r = 0;
    for (size_t i = 0; i < ARRAY_LEN(added) && r == 0; i++)
        if (added[i].value != NULL)
            r = draft_add_parameter(draft, added[i].name, added[i].value, err);
    return r;
}

// ---- V4: the signature

// Gives what is signed.
static char *canonical_request(const struct draft *draft, const struct parts *parts)
{
    struct secret text = SECRET_INIT;
    // The path on the wire; OSS wants the bucket in it wherever the bucket is.
    bool add_bucket = !parts->dialect->is_aws && draft->place->style != SIGN_PATH;
    bool add_slash = !parts->dialect->is_aws && !add_bucket && strchr(draft->path + 1, '/') == NULL;
    SECRET_ADD(&text, draft->request->method, "\n", add_bucket ? "/" : "",
               add_bucket ? draft->place->bucket : "", draft->path, add_slash ? "/" : "", "\n");
    fields_write_query(&draft->query, FIELDS_SORTED | parts->dialect->empty, &text);
    SECRET_ADD(&text, "\n", parts->lines, "\n", parts->names, "\n", parts->payload);
    return secret_take(&text);
}

// The key of a day, region and service: a chain of four HMACs that begins with the secret.
static int signing_key(const struct draft *draft, const struct dialect *dialect,
                       struct digest *ret_key, struct err *err)
{
    struct secret first = SECRET_INIT;
    SECRET_ADD(&first, dialect->key_prefix, draft->credential->secret);
    struct digest_key key = { first.text, first.length };
    char day[9];
    (void)snprintf(day, sizeof day, "%.8s", draft->stamp);
    const char *const steps[] = { day, draft->region, dialect->service, dialect->terminator };
    int r = 0;
    for (size_t i = 0; i < ARRAY_LEN(steps) && r == 0; i++) {
        r = digest_hmac(DIGEST_SHA256, key, steps[i], strlen(steps[i]), ret_key, err);
        key = (struct digest_key){ ret_key->bytes, ret_key->size };
    }
    secret_release(&first);
    return r;
}

static int sign_text(const struct draft *draft, const struct parts *parts, const char *canonical,
                     char **ret_signature, struct err *err)
{
    char hex[DIGEST_HEX_SIZE];
    struct digest digest, key = { .size = 0 };
    int r = digest_of(DIGEST_SHA256, canonical, strlen(canonical), &digest, err);
    if (r < 0)
        return r;
    cleanup(free_ptr) char *text = xasprintf("%s\n%s\n%s\n%s", parts->dialect->algorithm,
                                             draft->stamp, parts->scope, digest_hex(&digest, hex));
    r = signing_key(draft, parts->dialect, &key, err);
    if (r == 0)
        r = digest_hmac(DIGEST_SHA256, (struct digest_key){ key.bytes, key.size }, text,
                        strlen(text), &digest, err);
    secret_wipe(&key, sizeof key);
    if (r == 0)
        *ret_signature = xstrdup(digest_hex(&digest, hex));
    return r;
}

static int add_authorization(struct draft *draft, const struct parts *parts, const char *signature,
                             struct err *err)
{
    bool list = *parts->names != 0;
    cleanup(secret_free) char *value =
        xasprintf("%s Credential=%s/%s%s%s%s%s,Signature=%s", parts->dialect->algorithm,
                  draft->credential->id, parts->scope, list ? "," : "",
                  list ? parts->dialect->list : "", list ? "=" : "", parts->names, signature);
    return draft_add_header(draft, "Authorization", value, err);
}

static int sign_v4(struct draft *draft, struct sign_result *result, struct err *err)
{
    const struct dialect *dialect = draft->place->scheme == SIGN_AWS_V4 ? &aws : &oss;
    const char *hash = draft->seconds == 0 ? draft->request->payload_sha256 : NULL;
    cleanup(parts_release) struct parts parts = { .dialect = dialect,
                                                  .payload = hash != NULL ? hash : UNSIGNED };
    parts.scope = xasprintf("%.8s/%s/%s/%s", draft->stamp, draft->region, dialect->service,
                            dialect->terminator);
    int r = draft->seconds == 0 ? add_headers(draft, &parts, err) : 0;
    if (r == 0)
        r = canonical_headers(draft, &parts, err);
    if (r == 0 && draft->seconds > 0)
        r = add_parameters(draft, &parts, err);
    if (r != 0)
        return r;
    result->canonical = canonical_request(draft, &parts);
    r = sign_text(draft, &parts, result->canonical, &result->signature, err);
    if (r == 0 && draft->seconds == 0)
        r = add_authorization(draft, &parts, result->signature, err);
    else if (r == 0)
        r = draft_add_parameter(draft, dialect->link_signature, result->signature, err);
    if (r == 0)
        result->url = draft_url(draft, &draft->query, dialect->is_aws ? FIELDS_SORTED : 0);
    return r;
}

// ---- OSS V1

// Of the parameters, only those that change what is done to an object are signed.
static bool is_sub_resource(const char *name)
{
    static const char *const names[] = {
        "acl",
        "append",
        "bucketInfo",
        "callback",
        "callback-var",
        "cloudboxes",
        "comp",
        "continuation-token",
        "cors",
        "delete",
        "endTime",
        "lifecycle",
        "live",
        "location",
        "logging",
        "objectMeta",
        "partNumber",
        "position",
        "qos",
        "referer",
        "regionList",
        "restore",
        "security-token",
        "sequential",
        "startTime",
        "stat",
        "status",
        "symlink",
        "tagging",
        "uploadId",
        "uploads",
        "versionId",
        "versioning",
        "versions",
        "vod",
        "website",
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return begins(name, "response-") || begins(name, "x-oss-");
}

// "/bucket/key?part&part=value", nothing encoded.
static void add_resource(const struct draft *draft, struct secret *text)
{
    cleanup(fields_release) struct fields sorted = FIELDS_INIT;
    for (size_t i = 0; i < draft->query.count; i++)
        if (is_sub_resource(draft->query.items[i].name))
            fields_add(&sorted, draft->query.items[i].name, draft->query.items[i].value);
    fields_sort(&sorted);
    const char *key = draft->request->key != NULL ? draft->request->key : "";
    SECRET_ADD(text, "/", draft->place->bucket, "/", key);
    for (size_t i = 0; i < sorted.count; i++)
        SECRET_ADD(text, i > 0 ? "&" : "?", sorted.items[i].name,
                   *sorted.items[i].value != 0 ? "=" : "", sorted.items[i].value);
}

// Gives what is signed.
static char *string_to_sign(const struct draft *draft, const char *date)
{
    struct secret text = SECRET_INIT;
    cleanup(fields_release) struct fields headers = fields_canonical_headers(&draft->headers);
    const char *md5 = fields_find(&headers, "content-md5");
    const char *type = fields_find(&headers, "content-type");
    SECRET_ADD(&text, draft->request->method, "\n", md5 != NULL ? md5 : "", "\n",
               type != NULL ? type : "", "\n", date, "\n");
    for (size_t i = 0; i < headers.count; i++)
        if (begins(headers.items[i].name, oss.own))
            SECRET_ADD(&text, headers.items[i].name, ":", headers.items[i].value, "\n");
    add_resource(draft, &text);
    return secret_take(&text);
}

// The date of HTTP, whatever the locale.
static char *http_date(time_t when)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm = { 0 };
    (void)gmtime_r(&when, &tm);
    return xasprintf("%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + (ptrdiff_t)tm.tm_wday * 3,
                     tm.tm_mday, months + (ptrdiff_t)tm.tm_mon * 3, tm.tm_year + 1900, tm.tm_hour,
                     tm.tm_min, tm.tm_sec);
}

static int sign_v1_text(const struct draft *draft, const char *date, struct sign_result *result,
                        struct err *err)
{
    const char *secret = draft->credential->secret;
    struct digest digest;
    result->canonical = string_to_sign(draft, date);
    int r = digest_hmac(DIGEST_SHA1, (struct digest_key){ secret, strlen(secret) },
                        result->canonical, strlen(result->canonical), &digest, err);
    if (r == 0)
        result->signature = digest_base64(&digest);
    return r;
}

static int sign_v1_headers(struct draft *draft, struct sign_result *result, struct err *err)
{
    const char *token = draft->credential->token;
    cleanup(free_ptr) char *date = http_date(draft->now);
    int r = draft_add_header(draft, oss.date, date, err);
    if (r == 0 && token != NULL)
        r = draft_add_header(draft, oss.token, token, err);
    if (r == 0)
        r = sign_v1_text(draft, date, result, err);
    if (r < 0)
        return r;
    cleanup(secret_free) char *value =
        xasprintf("OSS %s:%s", draft->credential->id, result->signature);
    result->url = draft_url(draft, &draft->query, 0);
    return draft_add_header(draft, "Authorization", value, err);
}

static int sign_v1_link(struct draft *draft, struct sign_result *result, struct err *err)
{
    static const char *const own[] = { "OSSAccessKeyId", "Expires", "Signature" };
    const char *token = draft->credential->token;
    cleanup(free_ptr) char *expires =
        xasprintf("%jd", (intmax_t)draft->now + (intmax_t)draft->seconds);
    int r = token != NULL ? draft_add_parameter(draft, "security-token", token, err) : 0;
    for (size_t i = 0; i < ARRAY_LEN(own) && r == 0; i++)
        if (fields_find(&draft->query, own[i]) != NULL)
            r = err_set(err, ERR_BUG, "bad_request", "%s is the signer's to say", own[i]);
    if (r == 0)
        r = sign_v1_text(draft, expires, result, err);
    if (r < 0)
        return r;
    cleanup(fields_release) struct fields query = FIELDS_INIT;
    fields_add(&query, own[0], draft->credential->id);
    fields_add(&query, own[1], expires);
    fields_add(&query, own[2], result->signature);
    for (size_t i = 0; i < draft->query.count; i++)
        fields_add(&query, draft->query.items[i].name, draft->query.items[i].value);
    result->url = draft_url(draft, &query, 0);
    return 0;
}

// ---- the two forms

static int sign(const struct sign_request *request, const struct credential *credential, time_t now,
                unsigned seconds, struct sign_result *result, struct err *err)
{
    cleanup(draft_release) struct draft draft = DRAFT_INIT;
    struct sign_result made = SIGN_RESULT_INIT;
    int r = draft_begin(request, credential, now, seconds, &draft, err);
    if (r == 0 && request->place->scheme != SIGN_OSS_V1)
        r = sign_v4(&draft, &made, err);
    else if (r == 0 && seconds > 0)
        r = sign_v1_link(&draft, &made, err);
    else if (r == 0)
        r = sign_v1_headers(&draft, &made, err);
    if (r < 0) {
        sign_release(&made);
    } else {
        made.headers = draft.headers;
        draft.headers = (struct fields)FIELDS_INIT;
    }
    *result = made;
    return r;
}

int sign_headers(const struct sign_request *request, const struct credential *credential,
                 time_t now, struct sign_result *result, struct err *err)
{
    return sign(request, credential, now, 0, result, err);
}

int sign_link(const struct sign_request *request, const struct credential *credential, time_t now,
              unsigned seconds, struct sign_result *result, struct err *err)
{
    *result = (struct sign_result)SIGN_RESULT_INIT;
    if (seconds == 0)
        return err_set(err, ERR_BUG, "bad_request", "a link cannot work for 0 seconds");
    return sign(request, credential, now, seconds, result, err);
}

void sign_release(struct sign_result *result)
{
    secret_free(&result->url);
    fields_release(&result->headers);
    secret_free(&result->signature);
    secret_free(&result->canonical);
}
