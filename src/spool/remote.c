// Where a video elsewhere is.

#include "spool/remote.h"

#include "base/percent.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <strings.h>

enum { MAX_HOST_BYTES = 253 };

static const char lower_alnum[] = "abcdefghijklmnopqrstuvwxyz0123456789";

static int refuse(struct err *err, const char *hint, const char *text)
{
    err_set(err, ERR_INPUT, "bad_link", "the address %s", text);
    err_hint(err, "%s", hint);
    return -EINVAL;
}

// ---- addresses

// An http(s) address taken apart.
struct address {
    bool secure;
    char *host; // lower case; [..] for IPv6
    int port;   // 0: the scheme's own
    char *rest; // from the path on, encoded where it must be, without fragment; begins with /
};
#define ADDRESS_INIT \
    {                \
        .host = NULL \
    }

static void address_release(struct address *address)
{
    free_ptr(&address->host);
    free_ptr(&address->rest);
}

// Gives "https://host:port", with `before` (a bucket and a dot, or nothing) cut off the host.
static char *origin_of(const struct address *address, size_t before)
{
    char port[16] = "";
    if (address->port != 0)
        (void)snprintf(port, sizeof port, ":%d", address->port);
    return xasprintf("%s://%s%s", address->secure ? "https" : "http", address->host + before, port);
}

static int check_characters(const char *text, struct err *err)
{
    size_t length = strlen(text);
    if (length == 0)
        return refuse(err, "write the whole link, beginning with https://", "is empty");
    if (length > REMOTE_MAX_BYTES)
        return refuse(err, "use a shorter link to the same video", "is longer than 8000 bytes");
    if (!text_is_utf8(text, length))
        return refuse(err, "save the file as UTF-8, or percent-encode the link",
                      "holds bytes that are not UTF-8");
    for (const unsigned char *s = (const unsigned char *)text; *s != 0; s++)
        if (*s <= 0x20 || *s == 0x7F)
            return refuse(err, "one link a line; a blank inside a link is written %20",
                          "holds a blank or control character");
    if (strchr(text, '\\') != NULL)
        return refuse(err, "write / instead, or %5C if it is part of a name", "holds a backslash");
    return 0;
}

// Gives the text behind "http://" or "https://", or NULL with err set.
static const char *behind_scheme(const char *text, bool *ret_secure, struct err *err)
{
    *ret_secure = strncasecmp(text, "https://", 8) == 0;
    if (*ret_secure)
        return text + 8;
    if (strncasecmp(text, "http://", 7) == 0)
        return text + 7;
    if (strncasecmp(text, "oss://", 6) == 0 || strncasecmp(text, "s3://", 5) == 0)
        refuse(err, "write it into a file that ends with .oss", "is an object, not a link");
    else if (strstr(text, "://") != NULL || strncasecmp(text, "file:", 5) == 0 ||
             strncasecmp(text, "data:", 5) == 0 || strncasecmp(text, "javascript:", 11) == 0)
        refuse(err, "only http:// and https:// are fetched", "is neither http nor https");
    else
        refuse(err, "write the whole link, beginning with https://", "is not a link");
    return NULL;
}

// Host and port, `length` bytes: reads the port off the end.  Returns the length of the host.
static int split_port(const char *text, size_t length, size_t *ret_host, int *ret_port,
                      struct err *err)
{
    static const char hint[] = "write the port as a number from 1 to 65535, or leave :PORT out";
    const char *bracket = *text == '[' ? memchr(text, ']', length) : NULL;
    const char *from = bracket != NULL ? bracket : text;
    const char *colon = memchr(from, ':', length - (size_t)(from - text));
    *ret_host = colon != NULL ? (size_t)(colon - text) : length;
    *ret_port = 0;
    if (colon == NULL)
        return 0;
    size_t digits = length - *ret_host - 1;
    if (digits == 0 || digits > 5 || strspn(colon + 1, "0123456789") < digits)
        return refuse(err, hint, "has a port that is no number");
    *ret_port = (int)strtol(colon + 1, NULL, 10);
    return *ret_port >= 1 && *ret_port <= 65535 ? 0
                                                : refuse(err, hint, "has a port that cannot be");
}

static bool is_ipv6(const char *host)
{
    struct in6_addr address;
    size_t length = strlen(host);
    if (length < 4 || host[length - 1] != ']')
        return false;
    cleanup(free_ptr) char *inner = xstrndup(host + 1, length - 2);
    return inet_pton(AF_INET6, inner, &address) == 1;
}

// Takes the host's text as it is written; the one in *ret_host is in lower case and has no dot at
// its end (which means the same host, and would escape a comparison by name).
static int read_host(const char *text, size_t length, char **ret_host, struct err *err)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    if (length > 1 && text[length - 1] == '.')
        length--;
    cleanup(free_ptr) char *host = xstrndup(text, length);
    for (char *s = host; *s != 0; s++)
        if (*s >= 'A' && *s <= 'Z')
            *s = (char)(*s - 'A' + 'a');
    if (*host == '[') {
        if (!is_ipv6(host))
            return refuse(err, "write an IPv6 address as [2001:db8::1]",
                          "has a host that cannot be");
    } else if (length == 0 || length > MAX_HOST_BYTES || *host == '.' || host[length - 1] == '.' ||
               strstr(host, "..") != NULL) {
        return refuse(err, "write the name of the server behind https://",
                      "has a host that cannot be");
    } else if (strspn(host, allowed) != length) {
        return refuse(err,
                      "write the server's name in letters, digits, - and .; others in the "
                      "form xn--...",
                      "has a host with other characters than names have");
    }
    *ret_host = TAKE(host);
    return 0;
}

static int address_read(const char *text, struct address *address, struct err *err)
{
    int r = check_characters(text, err);
    const char *at = r == 0 ? behind_scheme(text, &address->secure, err) : NULL;
    if (at == NULL)
        return -EINVAL;
    size_t length = strcspn(at, "/?#"), host_length;
    if (memchr(at, '@', length) != NULL)
        return refuse(err, "links must carry no credentials; use a link that is signed or public",
                      "holds a user name or password");
    r = split_port(at, length, &host_length, &address->port, err);
    if (r == 0)
        r = read_host(at, host_length, &address->host, err);
    if (r < 0)
        return r;
    if (address->port == (address->secure ? 443 : 80))
        address->port = 0;

    const char *rest = at + length;
    cleanup(free_ptr) char *encoded =
        percent_encode_n(rest, strcspn(rest, "#"), "%:/?[]@!$&'()*+,;=");
    address->rest = xasprintf("%s%s", *encoded == '/' ? "" : "/", encoded);
    return 0;
}

int remote_from_link(const char *text, struct remote *remote, struct err *err)
{
    cleanup(address_release) struct address address = ADDRESS_INIT;
    int r = address_read(text, &address, err);
    if (r < 0)
        return r;
    cleanup(free_ptr) char *origin = origin_of(&address, 0);
    *remote = (struct remote){ .kind = REMOTE_URL };
    remote->url = xasprintf("%s%s", origin, address.rest);
    return 0;
}

char *remote_endpoint(const char *text, struct err *err)
{
    cleanup(address_release) struct address address = ADDRESS_INIT;
    cleanup(free_ptr) char *whole =
        xasprintf("%s%s", strstr(text, "://") != NULL ? "" : "https://", text);
    if (address_read(whole, &address, err) < 0)
        return NULL;
    if (strcmp(address.rest, "/") != 0 || strchr(whole, '#') != NULL) {
        refuse(err, "write only https://host or https://host:port", "holds more than a host");
        return NULL;
    }
    return origin_of(&address, 0);
}

bool remote_is_numeric(const char *endpoint)
{
    const char *host = strstr(endpoint, "://");
    host = host != NULL ? host + 3 : endpoint;
    return *host == '[' || strspn(host, "0123456789.") == strcspn(host, ":/");
}

// ---- objects

bool remote_is_bucket(const char *text)
{
    size_t length = strlen(text);
    return length >= 3 && length <= 63 && strchr(lower_alnum, text[0]) != NULL &&
           strchr(lower_alnum, text[length - 1]) != NULL && strstr(text, "..") == NULL &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-.") == length;
}

bool remote_is_region(const char *text)
{
    size_t length = strlen(text);
    return length >= 1 && length <= 40 &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

int remote_check_key(const char *key, struct err *err)
{
    size_t length = strlen(key);
    if (length == 0)
        return refuse(err, "write the object's name behind the bucket's", "names no object");
    if (length > REMOTE_MAX_KEY_BYTES)
        return refuse(err, "object names have at most 1023 bytes",
                      "has an object name that is too long");
    if (!text_is_utf8(key, length))
        return refuse(err, "save the file as UTF-8", "has an object name that is not UTF-8");
    for (const unsigned char *s = (const unsigned char *)key; *s != 0; s++)
        if (*s < 0x20 || *s == 0x7F)
            return refuse(err, "rename the object", "has a control character in its object name");
    return 0;
}

static int check_object(const struct remote *remote, struct err *err)
{
    if (remote->region != NULL && !remote_is_region(remote->region))
        return refuse(err, "write it as oss://BUCKET/KEY or s3://BUCKET/KEY",
                      "is not that of an object store");
    if (!remote_is_bucket(remote->bucket))
        return refuse(err, "bucket names have 3 to 63 lower-case letters, digits, - and .",
                      "has a bucket name that cannot be");
    int r = remote_check_key(remote->key, err);
    if (r < 0)
        return r;
    if (remote->key[strlen(remote->key) - 1] == '/')
        return refuse(err, "name one object a line", "names a folder, not an object");
    if (remote->kind == REMOTE_OSS && *remote->key == '/')
        return refuse(err, "OSS has no object names that begin with /", "has two slashes in a row");
    return 0;
}

// oss://BUCKET/KEY, behind the scheme.
static int read_plain(const char *text, enum remote_kind kind, struct remote *remote,
                      struct err *err)
{
    const char *slash = strchr(text, '/');
    if (slash == NULL)
        return refuse(err, "write the object's name behind the bucket's", "names no object");
    *remote = (struct remote){ .kind = kind,
                               .bucket = xstrndup(text, (size_t)(slash - text)),
                               .key = xstrdup(slash + 1) };
    return check_object(remote, err);
}

// What a host says about the service behind it.
struct service {
    enum remote_kind kind;
    size_t before; // length of the bucket and its dot in front; 0: the bucket is in the path
    char *region;  // NULL: not said
};

// Where the label before `end` begins.
static const char *label_before(const char *host, const char *end)
{
    while (end > host && end[-1] != '.')
        end--;
    return end;
}

static bool label_is(const char *label, const char *end, const char *text)
{
    return (size_t)(end - label) == strlen(text) && strncmp(label, text, strlen(text)) == 0;
}

// The host is `stem` followed by .aliyuncs.com: [BUCKET.][s3.]oss-REGION[-internal] or
// [BUCKET.]REGION.oss.  False for another service of that company.
static bool read_aliyun(const char *host, const char *stem_end, struct service *service)
{
    const char *label = label_before(host, stem_end), *end = stem_end;
    *service = (struct service){ .kind = REMOTE_OSS };
    if (label_is(label, end, "oss") && label > host) {
        end = label - 1;
        label = label_before(host, end);
        service->region = xstrndup(label, (size_t)(end - label));
    } else if (strncmp(label, "oss-", 4) == 0) {
        size_t length = (size_t)(end - label) - 4;
        if (length > 9 && strncmp(end - 9, "-internal", 9) == 0)
            length -= 9;
        // An accelerated host stands for all regions.
        if (strncmp(label + 4, "accelerate", 10) != 0)
            service->region = xstrndup(label + 4, length);
    } else {
        return false;
    }
    if (label > host && label_is(label_before(host, label - 1), label - 1, "s3")) {
        label = label_before(host, label - 1);
        service->kind = REMOTE_S3;
    }
    service->before = (size_t)(label - host);
    return true;
}

// The host is `stem` followed by .amazonaws.com: [BUCKET.]s3, [BUCKET.]s3.REGION, the same with
// dualstack between, [BUCKET.]s3-REGION.
static bool read_amazon(const char *host, const char *stem_end, struct service *service)
{
    const char *label = label_before(host, stem_end), *end = stem_end;
    *service = (struct service){ .kind = REMOTE_S3 };
    if (label_is(label, end, "s3")) {
        service->region = xstrdup("us-east-1");
    } else if (label_is(label, end, "s3-accelerate")) {
        // stands for all regions
    } else if (strncmp(label, "s3-", 3) == 0) {
        service->region = xstrndup(label + 3, (size_t)(end - label) - 3);
    } else {
        service->region = xstrndup(label, (size_t)(end - label));
        if (label > host && label_is(label_before(host, label - 1), label - 1, "dualstack"))
            label = label_before(host, label - 1);
        if (label == host || !label_is(label_before(host, label - 1), label - 1, "s3"))
            return false;
        label = label_before(host, label - 1);
    }
    service->before = (size_t)(label - host);
    return true;
}

static bool read_service(const char *host, struct service *service)
{
    static const struct {
        const char *suffix;
        bool (*read)(const char *host, const char *stem_end, struct service *service);
    } known[] = {
        { ".aliyuncs.com", read_aliyun },
        { ".amazonaws.com", read_amazon },
        { ".amazonaws.com.cn", read_amazon },
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (text_ends_with(host, known[i].suffix) && *host != '.')
            return known[i].read(host, host + strlen(host) - strlen(known[i].suffix), service);
    *service = (struct service){ .kind = REMOTE_S3 };
    return true;
}

static int read_path(const struct address *address, const struct service *service,
                     struct remote *remote, struct err *err)
{
    const char *key = address->rest + 1;
    remote->path_style = service->before == 0;
    if (remote->path_style) {
        size_t length = strcspn(key, "/");
        remote->bucket = xstrndup(key, length);
        key += length + (key[length] == '/');
    } else {
        remote->bucket = xstrndup(address->host, service->before - 1);
    }
    remote->key = percent_decode_n(key, strlen(key));
    if (remote->key == NULL)
        return refuse(err, "in an address % stands before two hex digits, and %00 for nothing",
                      "has % escapes that cannot be read");
    return check_object(remote, err);
}

static int read_address(const char *text, struct remote *remote, struct err *err)
{
    cleanup(address_release) struct address address = ADDRESS_INIT;
    struct service service = { .region = NULL };
    int r = address_read(text, &address, err);
    if (r < 0)
        return r;
    if (strchr(text, '?') != NULL || strchr(text, '#') != NULL)
        return refuse(err,
                      "put a signed link into a file that ends with .url; write ? and # in "
                      "an object's name as %3F and %23",
                      "has more behind the object's name");
    bool known = read_service(address.host, &service);
    *remote = (struct remote){ .kind = service.kind, .region = service.region };
    if (!known)
        return refuse(err, "write it as oss://BUCKET/KEY or s3://BUCKET/KEY",
                      "is not that of an object store");
    remote->endpoint = origin_of(&address, service.before);
    return read_path(&address, &service, remote, err);
}

int remote_from_object(const char *text, struct remote *remote, struct err *err)
{
    struct remote read = REMOTE_INIT;
    int r;
    if (strlen(text) > REMOTE_MAX_BYTES)
        r = refuse(err, "object names have at most 1023 bytes", "is longer than 8000 bytes");
    else if (strncasecmp(text, "oss://", 6) == 0)
        r = read_plain(text + 6, REMOTE_OSS, &read, err);
    else if (strncasecmp(text, "s3://", 5) == 0)
        r = read_plain(text + 5, REMOTE_S3, &read, err);
    else
        r = read_address(text, &read, err);
    if (r < 0)
        remote_release(&read);
    *remote = read;
    return r;
}

// ---- in files

static const char *const service_names[] = {
    [REMOTE_URL] = "url",
    [REMOTE_OSS] = "oss",
    [REMOTE_S3] = "s3",
};

json_t *remote_to_json(const struct remote *remote)
{
    json_t *json = json_object();
    json_put_text(json, "service", service_names[remote->kind]);
    json_put_text(json, "url", remote->url);
    json_put_text(json, "bucket", remote->bucket);
    json_put_text(json, "key", remote->key);
    json_put_text(json, "endpoint", remote->endpoint);
    json_put_text(json, "region", remote->region);
    json_put_text(json, "profile", remote->profile);
    json_put_flag(json, "path_style", remote->path_style);
    return json;
}

// The text at `key`, owned, or NULL.
static char *copy_text(const json_t *json, const char *key, const char **bad)
{
    const char *text = json_text(json, key, NULL, bad);
    return text != NULL ? xstrdup(text) : NULL;
}

// True if a link is in the one form: what reading it again makes of it is the same.
static bool is_link(const char *url)
{
    cleanup(remote_release) struct remote again = REMOTE_INIT;
    return url != NULL && remote_from_link(url, &again, NULL) == 0 && strcmp(again.url, url) == 0;
}

static bool is_endpoint(const char *endpoint)
{
    cleanup(free_ptr) char *again = remote_endpoint(endpoint, NULL);
    return again != NULL && strcmp(again, endpoint) == 0;
}

static bool is_object(const struct remote *remote)
{
    return remote->url == NULL && remote->bucket != NULL && remote_is_bucket(remote->bucket) &&
           remote->key != NULL && remote_check_key(remote->key, NULL) == 0 &&
           (remote->endpoint == NULL || is_endpoint(remote->endpoint)) &&
           (remote->region == NULL || remote_is_region(remote->region)) &&
           (remote->profile == NULL || remote_is_profile(remote->profile));
}

static bool is_only_link(const struct remote *remote)
{
    return is_link(remote->url) && remote->bucket == NULL && remote->key == NULL &&
           remote->endpoint == NULL && remote->region == NULL && remote->profile == NULL &&
           !remote->path_style;
}

int remote_from_json(const json_t *json, struct remote *remote)
{
    const char *bad = NULL, *service = json_text(json, "service", "", &bad);
    size_t kind = 0;
    *remote = (struct remote)REMOTE_INIT;
    while (kind < ARRAY_LEN(service_names) && strcmp(service_names[kind], service) != 0)
        kind++;
    cleanup(remote_release) struct remote read = {
        .kind = (enum remote_kind)kind,
        .url = copy_text(json, "url", &bad),
        .bucket = copy_text(json, "bucket", &bad),
        .key = copy_text(json, "key", &bad),
        .endpoint = copy_text(json, "endpoint", &bad),
        .region = copy_text(json, "region", &bad),
        .profile = copy_text(json, "profile", &bad),
        .path_style = json_flag(json, "path_style", false, &bad),
    };
    if (bad != NULL || kind == ARRAY_LEN(service_names) ||
        !(kind == REMOTE_URL ? is_only_link(&read) : is_object(&read)))
        return -EINVAL;
    *remote = read;
    read = (struct remote)REMOTE_INIT;
    return 0;
}

// ---- the rest

bool remote_is_profile(const char *text)
{
    size_t length =
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
    return length >= 1 && length <= 64 && text[length] == 0;
}

char *remote_show(const struct remote *remote)
{
    if (remote->kind == REMOTE_URL)
        return remote_show_link(remote->url);
    cleanup(free_ptr) char *text =
        xasprintf("%s://%s/%s", remote->kind == REMOTE_OSS ? "oss" : "s3", remote->bucket,
                  remote->key);
    return text_escape(text);
}

// Keys in paths are long and have no ending; what is shorter can be tried out.
enum { SHORT_PART = 16, MAX_ENDING = 5 };

static bool is_shown(const char *part, size_t length)
{
    size_t ending = 0;
    while (ending < length && ending <= MAX_ENDING &&
           isalnum((unsigned char)part[length - 1 - ending]))
        ending++;
    bool has_ending = ending > 0 && ending <= MAX_ENDING && ending + 1 < length &&
                      part[length - 1 - ending] == '.';
    return has_ending || length < SHORT_PART;
}

char *remote_show_link(const char *link)
{
    cleanup(free_ptr) char *host = remote_show_host(link);
    const char *scheme = strstr(link, "://"), *path = scheme ? scheme + 3 : link;
    path += strcspn(path, "/?#");
    size_t length = strcspn(path, "?#"), begin = length;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    bool shown = is_shown(path + begin, length - begin);
    cleanup(free_ptr) char *last =
        shown ? text_escape_n(path + begin, length - begin) : xstrdup("...");
    return xasprintf("%s%s%s%s", host, length > 0 ? "/" : "", begin > 1 && shown ? ".../" : "",
                     last);
}

char *remote_show_host(const char *link)
{
    const char *host = strstr(link, "://");
    host = host != NULL ? host + 3 : link;
    return text_escape_n(link, (size_t)(host - link) + strcspn(host, "/?#"));
}

void remote_release(struct remote *remote)
{
    free_ptr(&remote->url);
    free_ptr(&remote->bucket);
    free_ptr(&remote->key);
    free_ptr(&remote->endpoint);
    free_ptr(&remote->region);
    free_ptr(&remote->profile);
}
