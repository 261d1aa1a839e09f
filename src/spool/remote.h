// Where a video elsewhere is: a link, or an object in a bucket.
//
// Everything here is words of strangers.  What passes is in one form only, so that those who fetch,
// sign and compare need not ask again: no user name or password, only http and https, host in lower
// case and ASCII, no default port, no fragment, nothing but visible ASCII in an address.
#ifndef CLIPSPOOL_REMOTE_H
#define CLIPSPOOL_REMOTE_H

#include "base/err.h"
#include "base/json.h"

enum remote_kind { REMOTE_URL, REMOTE_OSS, REMOTE_S3 };

enum {
    REMOTE_MAX_BYTES = 8000,     // of an address; what servers commonly take in a request line
    REMOTE_MAX_KEY_BYTES = 1023, // OSS; S3 has one more
};

struct remote {
    enum remote_kind kind;
    char *url;       // REMOTE_URL: the address, as it goes to the server
    char *bucket;    // an object's
    char *key;       // an object's: bytes, valid UTF-8, no control characters, not encoded
    char *endpoint;  // "https://oss-cn-hangzhou.aliyuncs.com", without the bucket; NULL: not said
    char *region;    // "cn-hangzhou"; NULL: not said
    char *profile;   // whose credentials, by name in the configuration; NULL: not said
    bool path_style; // the address it came from had the bucket in its path
};
#define REMOTE_INIT \
    {               \
        .url = NULL \
    }

// A link: http or https.  Blanks are refused, characters that an address cannot hold are encoded.
// Fills *remote (remote_release).  Errors here and below are ERR_INPUT id "bad_link" with a remedy;
// a link that holds a password is not repeated in the text.
int remote_from_link(const char *text, struct remote *remote, struct err *err);

// An object: oss://BUCKET/KEY and s3://BUCKET/KEY with the key as it is (%20 is three characters
// and ? a part of it), or its http(s) address with the key percent-encoded:
//   BUCKET.oss-REGION.aliyuncs.com/KEY (also -internal, accelerated, dual-stack, and the endpoint
//   with /BUCKET/KEY), BUCKET.s3.REGION.amazonaws.com/KEY (also
//   s3.REGION.amazonaws.com/BUCKET/KEY), and any other host with /BUCKET/KEY, which is taken for an
//   S3 service (MinIO and the like).
// An address with a query is refused: if it is a signed link it belongs in a .url file.
int remote_from_object(const char *text, struct remote *remote, struct err *err);

// "https://host[:port]" in the one form, from the same with or without scheme (https) and final
// slash.  Gives a string, or NULL with err set.
char *remote_endpoint(const char *text, struct err *err);

// True if the host of an endpoint of that form is a number (IPv4, or IPv6 in brackets): no bucket
// can stand in front of it.
bool remote_is_numeric(const char *endpoint);

// What the services take: 3 to 63 lower-case letters, digits, - and ., at both ends a letter or
// digit, no two dots in a row; 1 to 40 lower-case letters, digits and -.  A profile's name: 1 to 64
// letters, digits, - and _.
bool remote_is_bucket(const char *text);
bool remote_is_region(const char *text);
bool remote_is_profile(const char *text);

// Returns 0 for a key as struct remote has it.
int remote_check_key(const char *key, struct err *err);

// For people and logs: the link as remote_show_link has it, or oss://BUCKET/KEY; escaped.  Gives a
// string.
char *remote_show(const struct remote *remote);

// What of a link is no permission: scheme, host, and the last part of its path, if that has the
// form of a file's name or is too short for a key; what is left out is "...".  Never what follows a
// "?". "https://example.org/.../beach.mp4".  Escaped.  Gives a string.
char *remote_show_link(const char *link);

// Of a link nothing but scheme, host and port: for addresses whose path is a key.  Gives a string.
char *remote_show_host(const char *link);

// As it is kept in files: {service: url|oss|s3, url, bucket, key, endpoint, region, profile,
// path_style}, null what there is not.  Gives a reference.
json_t *remote_to_json(const struct remote *remote);
// Reads that form into *remote (remote_release).  All is checked again, as if it came from a
// stranger.  Returns 0, or -EINVAL with *remote empty.
int remote_from_json(const json_t *json, struct remote *remote);

void remote_release(struct remote *remote);

#endif
