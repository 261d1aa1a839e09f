// Requests with the signatures that the services' own clients made of them, the clock held still.
//
// oss-*: npm ali-oss 6.23.0; oss-go-*: published with the tests of alibabacloud-oss-go-sdk-v2;
// s3-presign-*: npm @aws-sdk/s3-request-presigner 3.1162.0; s3-header-*: an independent program,
// whose requests a server that verifies accepted.  The keys are made up.
#ifndef CLIPSPOOL_TESTS_SIGN_VECTORS_H
#define CLIPSPOOL_TESTS_SIGN_VECTORS_H

#include "net/sign.h"

#define FROZEN 1763195400 // 2025-11-15T08:30:00Z
#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

enum vector_credential { LASTING, STS, SHORT, AWS, AWS_STS };

static const struct {
    const char *id, *secret, *token;
} vector_credentials[] = {
    [LASTING] = { "LTAI5tFAKEfakeFAKEfake01", "FakeSecret0123456789abcdefABCDEF", NULL },
    [STS] = { "LTAI5tFAKEfakeFAKEfake01", "FakeSecret0123456789abcdefABCDEF",
              "CAISfakeStsToken+/==0001" },
    [SHORT] = { "ak", "sk", NULL },
    [AWS] = { "AKIAFAKEFAKEFAKEFAKE", "FakeAwsSecret0123456789+/abcdefABCDEFGH", NULL },
    [AWS_STS] = { "AKIAFAKEFAKEFAKEFAKE", "FakeAwsSecret0123456789+/abcdefABCDEFGH",
                  "IQoJfakeSessionToken+/==0001" },
};

struct vector_pair {
    const char *name, *value;
};

// What is NULL or 0 is not said.
struct vector {
    const char *name;
    enum sign_scheme scheme;
    enum sign_style style;
    enum vector_credential credential;
    const char *endpoint, *region, *bucket, *method, *key;
    struct vector_pair query[8], headers[8];
    const char *additional[2];
    const char *payload;
    time_t now;
    unsigned seconds; // of a link; 0: headers
    const char *signature, *authorization, *url, *canonical;
};

static const struct vector vectors[] = {
    {
        .name = "oss-v1-url-1-get-simple",
        .scheme = SIGN_OSS_V1,
        .credential = LASTING,
        .endpoint = "https://oss-cn-hangzhou.aliyuncs.com",
        .region = "cn-hangzhou",
        .bucket = "vid-archive-demo",
        .method = "GET",
        .key = "clips/cam01/2025-11-15/083000.mp4",
        .now = FROZEN,
        .seconds = 3600,
        .signature = "gwEdpn6nTVT7NNTqwRx+MIXd4YM=",
        .url = "https://vid-archive-demo.oss-cn-hangzhou.aliyuncs.com/clips/cam01/2025-11-15/"
               "083000.mp4?OSSAccessKeyId=LTAI5tFAKEfakeFAKEfake01&Expires=1763199000&Signature="
               "gwEdpn6nTVT7NNTqwRx%2BMIXd4YM%3D",
        .canonical = "GET\n\n\n1763199000\n/vid-archive-demo/clips/cam01/2025-11-15/083000.mp4",
    },
    {
        .name = "oss-v1-url-2-put-ctype-meta-unicode",
        .scheme = SIGN_OSS_V1,
        .credential = LASTING,
        .endpoint = "https://oss-cn-hangzhou.aliyuncs.com",
        .region = "cn-hangzhou",
        .bucket = "vid-archive-demo",
        .method = "PUT",
        .key = "clips/\345\211\215\351\227\250 cam+1/a b.mp4",
        .headers = { { "Content-Type", "video/mp4" }, { "x-oss-meta-camera", "front-door" } },
        .now = FROZEN,
        .seconds = 600,
        .signature = "ncll5t9nGOyX5aUngRt1woEPkFA=",
        .url = "https://vid-archive-demo.oss-cn-hangzhou.aliyuncs.com/clips/"
               "%E5%89%8D%E9%97%A8%20cam%2B1/"
               "a%20b.mp4?OSSAccessKeyId=LTAI5tFAKEfakeFAKEfake01&Expires=1763196000&Signature="
               "ncll5t9nGOyX5aUngRt1woEPkFA%3D",
        .canonical = "PUT\n\nvideo/mp4\n1763196000\nx-oss-meta-camera:front-door\n/"
                     "vid-archive-demo/clips/\345\211\215\351\227\250 cam+1/a b.mp4",
    },
    {
        .name = "oss-v1-url-3-get-sts-response-override",
        .scheme = SIGN_OSS_V1,
        .credential = STS,
        .endpoint = "https://oss-cn-hangzhou.aliyuncs.com",
        .region = "cn-hangzhou",
        .bucket = "vid-archive-demo",
        .method = "GET",
        .key = "clips/cam01/083000.mp4",
        .query = { { "response-content-disposition", "attachment; filename=\"clip 1.mp4\"" },
                   { "response-content-type", "video/mp4" } },
        .now = FROZEN,
        .seconds = 900,
        .signature = "LMFL1EMjxI+pv0uPSSMkZ8IzSBQ=",
        .url = "https://vid-archive-demo.oss-cn-hangzhou.aliyuncs.com/clips/cam01/"
               "083000.mp4?OSSAccessKeyId=LTAI5tFAKEfakeFAKEfake01&Expires=1763196300&Signature="
               "LMFL1EMjxI%2Bpv0uPSSMkZ8IzSBQ%3D&response-content-disposition=attachment%3B%"
               "20filename%3D%22clip%201.mp4%22&response-content-type=video%2Fmp4&security-token="
               "CAISfakeStsToken%2B%2F%3D%3D0001",
        .canonical =
            "GET\n\n\n1763196300\n/vid-archive-demo/clips/cam01/"
            "083000.mp4?response-content-disposition=attachment; filename=\"clip "
            "1.mp4\"&response-content-type=video/mp4&security-token=CAISfakeStsToken+/==0001",
    },
    {
        .name = "oss-v1-url-4-put-uploadpart",
        .scheme = SIGN_OSS_V1,
        .credential = LASTING,
        .endpoint = "https://oss-cn-hangzhou.aliyuncs.com",
        .region = "cn-hangzhou",
        .bucket = "vid-archive-demo",
        .method = "PUT",
        .key = "clips/cam01/083000.mp4",
        .query = { { "partNumber", "2" }, { "uploadId", "0004B9894A22E5B1888A1E29F8236E2D" } },
        .now = FROZEN,
        .seconds = 900,
        .signature = "Rpxf/+cPvB3IOFXCn2tNDo3usxU=",
        .url =
            "https://vid-archive-demo.oss-cn-hangzhou.aliyuncs.com/clips/cam01/"
            "083000.mp4?OSSAccessKeyId=LTAI5tFAKEfakeFAKEfake01&Expires=1763196300&Signature=Rpxf%"
            "2F%2BcPvB3IOFXCn2tNDo3usxU%3D&partNumber=2&uploadId=0004B9894A22E5B1888A1E29F8236E2D",
        .canonical = "PUT\n\n\n1763196300\n/vid-archive-demo/clips/cam01/"
                     "083000.mp4?partNumber=2&uploadId=0004B9894A22E5B1888A1E29F8236E2D",
    },
    {
        .name = "oss-v4-url-1-get-simple",
        .scheme = SIGN_OSS_V4,
        .credential = LASTING,
        .endpoint = "https://oss-cn-hangzhou.aliyuncs.com",
        .region = "cn-hangzhou",
        .bucket = "vid-archive-demo",
        .method = "GET",
        .key = "clips/cam01/2025-11-15/083000.mp4",
        .now = FROZEN,
        .seconds = 3600,
        .signature = "a21e09e339c63bd7ac04337d7edc87c56d05ac192ca2630016a9740d3850580b",
        .url = "https://vid-archive-demo.oss-cn-hangzhou.aliyuncs.com/clips/cam01/2025-11-15/"
               "083000.mp4?x-oss-credential=LTAI5tFAKEfakeFAKEfake01%2F20251115%2Fcn-hangzhou%"
               "2Foss%2Faliyun_v4_request&x-oss-date=20251115T083000Z&x-oss-expires=3600&x-oss-"
               "signature-version=OSS4-HMAC-SHA256&x-oss-signature="
               "a21e09e339c63bd7ac04337d7edc87c56d05ac192ca2630016a9740d3850580b",
        .canonical = "GET\n/vid-archive-demo/clips/cam01/2025-11-15/"
                     "083000.mp4\nx-oss-credential=LTAI5tFAKEfakeFAKEfake01%2F20251115%2Fcn-"
                     "hangzhou%2Foss%2Faliyun_v4_request&x-oss-date=20251115T083000Z&x-oss-expires="
                     "3600&x-oss-signature-version=OSS4-HMAC-SHA256\n\n\nUNSIGNED-PAYLOAD",
    },
    {
        .name = "oss-v4-url-2-put-headers",
        .scheme = SIGN_OSS_V4,
        .credential = LASTING,
        .endpoint = "https://oss-cn-hangzhou.aliyuncs.com",
        .region = "cn-hangzhou",
        .bucket = "vid-archive-demo",
        .method = "PUT",
        .key = "clips/\345\211\215\351\227\250 cam+1/a b.mp4",
        .headers = { { "Content-Type", "video/mp4" }, { "x-oss-meta-camera", "front-door" } },
        .now = FROZEN,
        .seconds = 600,
        .signature = "323853fc8e1dc2ea2d3b5a036b7f68fc42c15df726dda3cbe8782ef5e691df82",
        .url = "https://vid-archive-demo.oss-cn-hangzhou.aliyuncs.com/clips/"
               "%E5%89%8D%E9%97%A8%20cam%2B1/"
               "a%20b.mp4?x-oss-credential=LTAI5tFAKEfakeFAKEfake01%2F20251115%2Fcn-hangzhou%2Foss%"
               "2Faliyun_v4_request&x-oss-date=20251115T083000Z&x-oss-expires=600&x-oss-signature-"
               "version=OSS4-HMAC-SHA256&x-oss-signature="
               "323853fc8e1dc2ea2d3b5a036b7f68fc42c15df726dda3cbe8782ef5e691df82",
        .canonical = "PUT\n/vid-archive-demo/clips/%E5%89%8D%E9%97%A8%20cam%2B1/"
                     "a%20b.mp4\nx-oss-credential=LTAI5tFAKEfakeFAKEfake01%2F20251115%2Fcn-"
                     "hangzhou%2Foss%2Faliyun_v4_request&x-oss-date=20251115T083000Z&x-oss-expires="
                     "600&x-oss-signature-version=OSS4-HMAC-SHA256\ncontent-type:video/"
                     "mp4\nx-oss-meta-camera:front-door\n\n\nUNSIGNED-PAYLOAD",
    },
    {
        .name = "oss-v4-url-3-get-sts-host-query",
        .scheme = SIGN_OSS_V4,
        .credential = STS,
        .endpoint = "https://oss-cn-hangzhou.aliyuncs.com",
        .region = "cn-hangzhou",
        .bucket = "vid-archive-demo",
        .method = "GET",
        .key = "clips/cam01/083000.mp4",
        .query = { { "response-content-disposition", "attachment; filename=\"clip 1.mp4\"" } },
        .additional = { "host" },
        .now = FROZEN,
        .seconds = 900,
        .signature = "60395224cc5b7c48d758e39326c6bfa46d60f99767834eaf1117d184b8a6ba26",
        .url = "https://vid-archive-demo.oss-cn-hangzhou.aliyuncs.com/clips/cam01/"
               "083000.mp4?response-content-disposition=attachment%3B%20filename%3D%22clip%201.mp4%"
               "22&x-oss-additional-headers=host&x-oss-credential=LTAI5tFAKEfakeFAKEfake01%"
               "2F20251115%2Fcn-hangzhou%2Foss%2Faliyun_v4_request&x-oss-date=20251115T083000Z&x-"
               "oss-expires=900&x-oss-signature-version=OSS4-HMAC-SHA256&x-oss-security-token="
               "CAISfakeStsToken%2B%2F%3D%3D0001&x-oss-signature="
               "60395224cc5b7c48d758e39326c6bfa46d60f99767834eaf1117d184b8a6ba26",
        .canonical =
            "GET\n/vid-archive-demo/clips/cam01/"
            "083000.mp4\nresponse-content-disposition=attachment%3B%20filename%3D%22clip%201.mp4%"
            "22&x-oss-additional-headers=host&x-oss-credential=LTAI5tFAKEfakeFAKEfake01%2F20251115%"
            "2Fcn-hangzhou%2Foss%2Faliyun_v4_request&x-oss-date=20251115T083000Z&x-oss-expires=900&"
            "x-oss-security-token=CAISfakeStsToken%2B%2F%3D%3D0001&x-oss-signature-version=OSS4-"
            "HMAC-SHA256\nhost:vid-archive-demo.oss-cn-hangzhou.aliyuncs.com\n\nhost\nUNSIGNED-"
            "PAYLOAD",
    },
    {
        .name = "oss-v4-url-4-put-uploadpart",
        .scheme = SIGN_OSS_V4,
        .credential = LASTING,
        .endpoint = "https://oss-cn-hangzhou.aliyuncs.com",
        .region = "cn-hangzhou",
        .bucket = "vid-archive-demo",
        .method = "PUT",
        .key = "clips/cam01/083000.mp4",
        .query = { { "partNumber", "2" }, { "uploadId", "0004B9894A22E5B1888A1E29F8236E2D" } },
        .now = FROZEN,
        .seconds = 900,
        .signature = "51e6a914f4cd3cdc9154d6897eedb8572de22dd51a540001be601d24ace53f49",
        .url = "https://vid-archive-demo.oss-cn-hangzhou.aliyuncs.com/clips/cam01/"
               "083000.mp4?partNumber=2&uploadId=0004B9894A22E5B1888A1E29F8236E2D&x-oss-credential="
               "LTAI5tFAKEfakeFAKEfake01%2F20251115%2Fcn-hangzhou%2Foss%2Faliyun_v4_request&x-oss-"
               "date=20251115T083000Z&x-oss-expires=900&x-oss-signature-version=OSS4-HMAC-SHA256&x-"
               "oss-signature=51e6a914f4cd3cdc9154d6897eedb8572de22dd51a540001be601d24ace53f49",
        .canonical = "PUT\n/vid-archive-demo/clips/cam01/"
                     "083000.mp4\npartNumber=2&uploadId=0004B9894A22E5B1888A1E29F8236E2D&x-oss-"
                     "credential=LTAI5tFAKEfakeFAKEfake01%2F20251115%2Fcn-hangzhou%2Foss%2Faliyun_"
                     "v4_request&x-oss-date=20251115T083000Z&x-oss-expires=900&x-oss-signature-"
                     "version=OSS4-HMAC-SHA256\n\n\nUNSIGNED-PAYLOAD",
    },
    {
        .name = "oss-v1-header-1-put",
        .scheme = SIGN_OSS_V1,
        .credential = LASTING,
        .endpoint = "https://oss-cn-hangzhou.aliyuncs.com",
        .region = "cn-hangzhou",
        .bucket = "vid-archive-demo",
        .method = "PUT",
        .key = "clips/cam01/083000.mp4",
        .headers = { { "Content-Type", "video/mp4" },
                     { "Content-MD5", "ICy5YqxZB1uWSwcVLSNLcA==" },
                     { "x-oss-meta-camera", "front-door" } },
        .now = FROZEN,
        .signature = "/DZAOvEMZkk9vmKxHBawnhKcC5w=",
        .authorization = "OSS LTAI5tFAKEfakeFAKEfake01:/DZAOvEMZkk9vmKxHBawnhKcC5w=",
        .url = "https://vid-archive-demo.oss-cn-hangzhou.aliyuncs.com/clips/cam01/083000.mp4",
        .canonical = "PUT\nICy5YqxZB1uWSwcVLSNLcA==\nvideo/mp4\nSat, 15 Nov 2025 08:30:00 "
                     "GMT\nx-oss-date:Sat, 15 Nov 2025 08:30:00 "
                     "GMT\nx-oss-meta-camera:front-door\n/vid-archive-demo/clips/cam01/083000.mp4",
    },
    {
        .name = "oss-v1-header-2-initiate",
        .scheme = SIGN_OSS_V1,
        .credential = LASTING,
        .endpoint = "https://oss-cn-hangzhou.aliyuncs.com",
        .region = "cn-hangzhou",
        .bucket = "vid-archive-demo",
        .method = "POST",
        .key = "clips/cam01/083000.mp4",
        .query = { { "uploads", "" } },
        .headers = { { "Content-Type", "video/mp4" } },
        .now = FROZEN,
        .signature = "BKzClbOnW/lDqHNMVUxe00EWmqg=",
        .authorization = "OSS LTAI5tFAKEfakeFAKEfake01:BKzClbOnW/lDqHNMVUxe00EWmqg=",
        .url =
            "https://vid-archive-demo.oss-cn-hangzhou.aliyuncs.com/clips/cam01/083000.mp4?uploads=",
        .canonical = "POST\n\nvideo/mp4\nSat, 15 Nov 2025 08:30:00 GMT\nx-oss-date:Sat, 15 Nov "
                     "2025 08:30:00 GMT\n/vid-archive-demo/clips/cam01/083000.mp4?uploads",
    },
    {
        .name = "oss-v1-header-3-list-v2",
        .scheme = SIGN_OSS_V1,
        .credential = LASTING,
        .endpoint = "https://oss-cn-hangzhou.aliyuncs.com",
        .region = "cn-hangzhou",
        .bucket = "vid-archive-demo",
        .method = "GET",
        .query = { { "list-type", "2" }, { "prefix", "clips/" }, { "max-keys", "100" } },
        .now = FROZEN,
        .signature = "x1P5sM/QkrG4klbDaiVA4hqwZb4=",
        .authorization = "OSS LTAI5tFAKEfakeFAKEfake01:x1P5sM/QkrG4klbDaiVA4hqwZb4=",
        .url = "https://vid-archive-demo.oss-cn-hangzhou.aliyuncs.com/"
               "?list-type=2&prefix=clips%2F&max-keys=100",
        .canonical = "GET\n\n\nSat, 15 Nov 2025 08:30:00 GMT\nx-oss-date:Sat, 15 Nov 2025 08:30:00 "
                     "GMT\n/vid-archive-demo/",
    },
    {
        .name = "oss-v4-header-1-put",
        .scheme = SIGN_OSS_V4,
        .credential = LASTING,
        .endpoint = "https://oss-cn-hangzhou.aliyuncs.com",
        .region = "cn-hangzhou",
        .bucket = "vid-archive-demo",
        .method = "PUT",
        .key = "clips/cam01/083000.mp4",
        .headers = { { "Content-Type", "video/mp4" }, { "x-oss-meta-camera", "front-door" } },
        .now = FROZEN,
        .signature = "777880a2600fa4d81e4c5b08cf08197702fcda063619db1a3737db3c809f61e7",
        .authorization = "OSS4-HMAC-SHA256 "
                         "Credential=LTAI5tFAKEfakeFAKEfake01/20251115/cn-hangzhou/oss/"
                         "aliyun_v4_request,Signature="
                         "777880a2600fa4d81e4c5b08cf08197702fcda063619db1a3737db3c809f61e7",
        .url = "https://vid-archive-demo.oss-cn-hangzhou.aliyuncs.com/clips/cam01/083000.mp4",
        .canonical = "PUT\n/vid-archive-demo/clips/cam01/083000.mp4\n\ncontent-type:video/"
                     "mp4\nx-oss-content-sha256:UNSIGNED-PAYLOAD\nx-oss-date:20251115T083000Z\nx-"
                     "oss-meta-camera:front-door\n\n\nUNSIGNED-PAYLOAD",
    },
    {
        .name = "oss-v4-header-2-list-v2",
        .scheme = SIGN_OSS_V4,
        .credential = LASTING,
        .endpoint = "https://oss-cn-hangzhou.aliyuncs.com",
        .region = "cn-hangzhou",
        .bucket = "vid-archive-demo",
        .method = "GET",
        .query = { { "list-type", "2" }, { "prefix", "clips/cam 01/" }, { "max-keys", "100" } },
        .now = FROZEN,
        .signature = "07857feaa1f204c225a3461ca88674ad6966129c2f3cee621cb2204656e1250f",
        .authorization = "OSS4-HMAC-SHA256 "
                         "Credential=LTAI5tFAKEfakeFAKEfake01/20251115/cn-hangzhou/oss/"
                         "aliyun_v4_request,Signature="
                         "07857feaa1f204c225a3461ca88674ad6966129c2f3cee621cb2204656e1250f",
        .url = "https://vid-archive-demo.oss-cn-hangzhou.aliyuncs.com/"
               "?list-type=2&prefix=clips%2Fcam%2001%2F&max-keys=100",
        .canonical = "GET\n/vid-archive-demo/"
                     "\nlist-type=2&max-keys=100&prefix=clips%2Fcam%2001%2F\nx-oss-content-sha256:"
                     "UNSIGNED-PAYLOAD\nx-oss-date:20251115T083000Z\n\n\nUNSIGNED-PAYLOAD",
    },
    {
        .name = "oss-v4-header-3-initiate",
        .scheme = SIGN_OSS_V4,
        .credential = LASTING,
        .endpoint = "https://oss-cn-hangzhou.aliyuncs.com",
        .region = "cn-hangzhou",
        .bucket = "vid-archive-demo",
        .method = "POST",
        .key = "clips/\345\211\215\351\227\250 cam+1/a b.mp4",
        .query = { { "uploads", "" } },
        .headers = { { "Content-Type", "video/mp4" } },
        .now = FROZEN,
        .signature = "245d4a7feac8ba9bbc5eecb470093f219a0da1c96437b58cd2dfe85b5ad7f41d",
        .authorization = "OSS4-HMAC-SHA256 "
                         "Credential=LTAI5tFAKEfakeFAKEfake01/20251115/cn-hangzhou/oss/"
                         "aliyun_v4_request,Signature="
                         "245d4a7feac8ba9bbc5eecb470093f219a0da1c96437b58cd2dfe85b5ad7f41d",
        .url = "https://vid-archive-demo.oss-cn-hangzhou.aliyuncs.com/clips/"
               "%E5%89%8D%E9%97%A8%20cam%2B1/a%20b.mp4?uploads=",
        .canonical = "POST\n/vid-archive-demo/clips/%E5%89%8D%E9%97%A8%20cam%2B1/"
                     "a%20b.mp4\nuploads\ncontent-type:video/"
                     "mp4\nx-oss-content-sha256:UNSIGNED-PAYLOAD\nx-oss-date:"
                     "20251115T083000Z\n\n\nUNSIGNED-PAYLOAD",
    },
    {
        .name = "oss-v4-header-4-delete-sts",
        .scheme = SIGN_OSS_V4,
        .credential = STS,
        .endpoint = "https://oss-cn-hangzhou.aliyuncs.com",
        .region = "cn-hangzhou",
        .bucket = "vid-archive-demo",
        .method = "DELETE",
        .key = "clips/cam01/083000.mp4",
        .headers = { { "Content-Type", "video/mp4" } },
        .now = FROZEN,
        .signature = "7e772fda44307f3ecfa581de9de54e98835547cd608d2d8a72505a5426b6a12e",
        .authorization = "OSS4-HMAC-SHA256 "
                         "Credential=LTAI5tFAKEfakeFAKEfake01/20251115/cn-hangzhou/oss/"
                         "aliyun_v4_request,Signature="
                         "7e772fda44307f3ecfa581de9de54e98835547cd608d2d8a72505a5426b6a12e",
        .url = "https://vid-archive-demo.oss-cn-hangzhou.aliyuncs.com/clips/cam01/083000.mp4",
        .canonical = "DELETE\n/vid-archive-demo/clips/cam01/083000.mp4\n\ncontent-type:video/"
                     "mp4\nx-oss-content-sha256:UNSIGNED-PAYLOAD\nx-oss-date:20251115T083000Z\nx-"
                     "oss-security-token:CAISfakeStsToken+/==0001\n\n\nUNSIGNED-PAYLOAD",
    },
    {
        .name = "oss-go-sdk-v4-header",
        .scheme = SIGN_OSS_V4,
        .credential = SHORT,
        .endpoint = "https://oss-cn-hangzhou.aliyuncs.com",
        .region = "cn-hangzhou",
        .bucket = "bucket",
        .method = "PUT",
        .key = "1234+-/123/1.txt",
        .query = { { "param1", "value1" },
                   { "+param1", "value3" },
                   { "|param1", "value4" },
                   { "+param2", "" },
                   { "|param2", "" },
                   { "param2", "" } },
        .headers = { { "x-oss-head1", "value" },
                     { "abc", "value" },
                     { "ZAbc", "value" },
                     { "XYZ", "value" },
                     { "content-type", "text/plain" } },
        .now = 1702743657,
        .signature = "e21d18daa82167720f9b1047ae7e7f1ce7cb77a31e8203a7d5f4624fa0284afe",
    },
    {
        .name = "oss-go-sdk-v4-query",
        .scheme = SIGN_OSS_V4,
        .credential = SHORT,
        .endpoint = "https://oss-cn-hangzhou.aliyuncs.com",
        .region = "cn-hangzhou",
        .bucket = "bucket",
        .method = "PUT",
        .key = "1234+-/123/1.txt",
        .query = { { "param1", "value1" },
                   { "+param1", "value3" },
                   { "|param1", "value4" },
                   { "+param2", "" },
                   { "|param2", "" },
                   { "param2", "" } },
        .headers = { { "x-oss-head1", "value" }, { "content-type", "application/octet-stream" } },
        .now = 1702781677,
        .seconds = 599,
        .signature = "a39966c61718be0d5b14e668088b3fa07601033f6518ac7b523100014269c0fe",
    },
    {
        .name = "s3-presign-1-get-virtual-host",
        .scheme = SIGN_AWS_V4,
        .credential = AWS,
        .endpoint = "https://s3.us-east-1.amazonaws.com",
        .region = "us-east-1",
        .bucket = "vid-archive-demo",
        .method = "GET",
        .key = "clips/cam01/2025-11-15/083000.mp4",
        .query = { { "X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD" }, { "x-id", "GetObject" } },
        .now = FROZEN,
        .seconds = 3600,
        .signature = "2a9ae1fd92a08b9ff8e682775edcf8b95e5b68232714d4ff28b28e111f46f713",
        .url = "https://vid-archive-demo.s3.us-east-1.amazonaws.com/clips/cam01/2025-11-15/"
               "083000.mp4?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&"
               "X-Amz-Credential=AKIAFAKEFAKEFAKEFAKE%2F20251115%2Fus-east-1%2Fs3%2Faws4_request&X-"
               "Amz-Date=20251115T083000Z&X-Amz-Expires=3600&X-Amz-Signature="
               "2a9ae1fd92a08b9ff8e682775edcf8b95e5b68232714d4ff28b28e111f46f713&X-Amz-"
               "SignedHeaders=host&x-id=GetObject",
        .canonical =
            "GET\n/clips/cam01/2025-11-15/"
            "083000.mp4\nX-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&X-"
            "Amz-Credential=AKIAFAKEFAKEFAKEFAKE%2F20251115%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-"
            "Date=20251115T083000Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&x-id="
            "GetObject\nhost:vid-archive-demo.s3.us-east-1.amazonaws.com\n\nhost\nUNSIGNED-PAYLOAD",
    },
    {
        .name = "s3-presign-2-put-path-style-minio",
        .scheme = SIGN_AWS_V4,
        .style = SIGN_PATH,
        .credential = AWS,
        .endpoint = "http://127.0.0.1:9000",
        .region = "us-east-1",
        .bucket = "vid-archive-demo",
        .method = "PUT",
        .key = "clips/\345\211\215\351\227\250 cam+1/a b.mp4",
        .query = { { "X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD" },
                   { "x-amz-meta-camera", "front-door" },
                   { "x-id", "PutObject" } },
        .headers = { { "content-type", "video/mp4" } },
        .now = FROZEN,
        .seconds = 600,
        .signature = "293510a9d103e4dcbc0c8d7cda295f65d19d5d50fccc8211b129880c6fa5586a",
        .url = "http://127.0.0.1:9000/vid-archive-demo/clips/%E5%89%8D%E9%97%A8%20cam%2B1/"
               "a%20b.mp4?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&X-"
               "Amz-Credential=AKIAFAKEFAKEFAKEFAKE%2F20251115%2Fus-east-1%2Fs3%2Faws4_request&X-"
               "Amz-Date=20251115T083000Z&X-Amz-Expires=600&X-Amz-Signature="
               "293510a9d103e4dcbc0c8d7cda295f65d19d5d50fccc8211b129880c6fa5586a&X-Amz-"
               "SignedHeaders=content-type%3Bhost&x-amz-meta-camera=front-door&x-id=PutObject",
        .canonical =
            "PUT\n/vid-archive-demo/clips/%E5%89%8D%E9%97%A8%20cam%2B1/"
            "a%20b.mp4\nX-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&X-"
            "Amz-Credential=AKIAFAKEFAKEFAKEFAKE%2F20251115%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-"
            "Date=20251115T083000Z&X-Amz-Expires=600&X-Amz-SignedHeaders=content-type%3Bhost&x-amz-"
            "meta-camera=front-door&x-id=PutObject\ncontent-type:video/"
            "mp4\nhost:127.0.0.1:9000\n\ncontent-type;host\nUNSIGNED-PAYLOAD",
    },
    {
        .name = "s3-presign-3-get-session-token-response-override",
        .scheme = SIGN_AWS_V4,
        .credential = AWS_STS,
        .endpoint = "https://s3.eu-central-1.amazonaws.com",
        .region = "eu-central-1",
        .bucket = "vid-archive-demo",
        .method = "GET",
        .key = "clips/cam01/083000.mp4",
        .query = { { "X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD" },
                   { "response-content-disposition", "attachment; filename=\"clip 1.mp4\"" },
                   { "x-id", "GetObject" } },
        .now = FROZEN,
        .seconds = 900,
        .signature = "cdf4452e89ad3c9806f2f4b011727581f97cabec63c5750ecd7abe2859508739",
        .url = "https://vid-archive-demo.s3.eu-central-1.amazonaws.com/clips/cam01/"
               "083000.mp4?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&"
               "X-Amz-Credential=AKIAFAKEFAKEFAKEFAKE%2F20251115%2Feu-central-1%2Fs3%2Faws4_"
               "request&X-Amz-Date=20251115T083000Z&X-Amz-Expires=900&X-Amz-Security-Token="
               "IQoJfakeSessionToken%2B%2F%3D%3D0001&X-Amz-Signature="
               "cdf4452e89ad3c9806f2f4b011727581f97cabec63c5750ecd7abe2859508739&X-Amz-"
               "SignedHeaders=host&response-content-disposition=attachment%3B%20filename%3D%22clip%"
               "201.mp4%22&x-id=GetObject",
        .canonical =
            "GET\n/clips/cam01/"
            "083000.mp4\nX-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&X-"
            "Amz-Credential=AKIAFAKEFAKEFAKEFAKE%2F20251115%2Feu-central-1%2Fs3%2Faws4_request&X-"
            "Amz-Date=20251115T083000Z&X-Amz-Expires=900&X-Amz-Security-Token=IQoJfakeSessionToken%"
            "2B%2F%3D%3D0001&X-Amz-SignedHeaders=host&response-content-disposition=attachment%3B%"
            "20filename%3D%22clip%201.mp4%22&x-id=GetObject\nhost:vid-archive-demo.s3.eu-central-1."
            "amazonaws.com\n\nhost\nUNSIGNED-PAYLOAD",
    },
    {
        .name = "s3-presign-4-upload-part-path-style",
        .scheme = SIGN_AWS_V4,
        .style = SIGN_PATH,
        .credential = AWS,
        .endpoint = "http://127.0.0.1:9000",
        .region = "us-east-1",
        .bucket = "vid-archive-demo",
        .method = "PUT",
        .key = "clips/cam01/083000.mp4",
        .query = { { "X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD" },
                   { "partNumber", "2" },
                   { "uploadId", "VXBsb2FkSUQ-fake.1" },
                   { "x-id", "UploadPart" } },
        .now = FROZEN,
        .seconds = 900,
        .signature = "ffa86d32801288794b705c5c810782f5d9dd14bf1e8f800b4ed51de18b36418c",
        .url = "http://127.0.0.1:9000/vid-archive-demo/clips/cam01/"
               "083000.mp4?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&"
               "X-Amz-Credential=AKIAFAKEFAKEFAKEFAKE%2F20251115%2Fus-east-1%2Fs3%2Faws4_request&X-"
               "Amz-Date=20251115T083000Z&X-Amz-Expires=900&X-Amz-Signature="
               "ffa86d32801288794b705c5c810782f5d9dd14bf1e8f800b4ed51de18b36418c&X-Amz-"
               "SignedHeaders=host&partNumber=2&uploadId=VXBsb2FkSUQ-fake.1&x-id=UploadPart",
        .canonical = "PUT\n/vid-archive-demo/clips/cam01/"
                     "083000.mp4\nX-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Content-Sha256=UNSIGNED-"
                     "PAYLOAD&X-Amz-Credential=AKIAFAKEFAKEFAKEFAKE%2F20251115%2Fus-east-1%2Fs3%"
                     "2Faws4_request&X-Amz-Date=20251115T083000Z&X-Amz-Expires=900&X-Amz-"
                     "SignedHeaders=host&partNumber=2&uploadId=VXBsb2FkSUQ-fake.1&x-id="
                     "UploadPart\nhost:127.0.0.1:9000\n\nhost\nUNSIGNED-PAYLOAD",
    },
    {
        .name = "s3-presign-5-default-checksum-surprise",
        .scheme = SIGN_AWS_V4,
        .credential = AWS,
        .endpoint = "https://s3.us-east-1.amazonaws.com",
        .region = "us-east-1",
        .bucket = "vid-archive-demo",
        .method = "PUT",
        .key = "a.txt",
        .query = { { "X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD" },
                   { "x-amz-checksum-crc32", "AAAAAA==" },
                   { "x-amz-sdk-checksum-algorithm", "CRC32" },
                   { "x-id", "PutObject" } },
        .now = FROZEN,
        .seconds = 600,
        .signature = "8b340b782f7fa74407eda7ee870e66f7feaddc9f4c6f2d7d2c69355a0d7e02e0",
        .url = "https://vid-archive-demo.s3.us-east-1.amazonaws.com/"
               "a.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&X-Amz-"
               "Credential=AKIAFAKEFAKEFAKEFAKE%2F20251115%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-"
               "Date=20251115T083000Z&X-Amz-Expires=600&X-Amz-Signature="
               "8b340b782f7fa74407eda7ee870e66f7feaddc9f4c6f2d7d2c69355a0d7e02e0&X-Amz-"
               "SignedHeaders=host&x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm="
               "CRC32&x-id=PutObject",
        .canonical =
            "PUT\n/"
            "a.txt\nX-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&X-Amz-"
            "Credential=AKIAFAKEFAKEFAKEFAKE%2F20251115%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date="
            "20251115T083000Z&X-Amz-Expires=600&X-Amz-SignedHeaders=host&x-amz-checksum-crc32="
            "AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32&x-id=PutObject\nhost:vid-archive-demo."
            "s3.us-east-1.amazonaws.com\n\nhost\nUNSIGNED-PAYLOAD",
    },
    {
        .name = "s3-header-1-put-path-style",
        .scheme = SIGN_AWS_V4,
        .style = SIGN_PATH,
        .credential = AWS,
        .endpoint = "http://127.0.0.1:4569",
        .region = "us-east-1",
        .bucket = "testbucket",
        .method = "PUT",
        .key = "clips/a.mp4",
        .headers = { { "content-type", "video/mp4" }, { "x-amz-meta-camera", "front-door" } },
        .now = FROZEN,
        .signature = "1e676363fb266039c73ea61ad2ff654db1eb8d63cf1bd0d77df510211ad241e2",
        .authorization = "AWS4-HMAC-SHA256 "
                         "Credential=AKIAFAKEFAKEFAKEFAKE/20251115/us-east-1/s3/"
                         "aws4_request,SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-"
                         "date;x-amz-meta-camera,Signature="
                         "1e676363fb266039c73ea61ad2ff654db1eb8d63cf1bd0d77df510211ad241e2",
        .canonical = "PUT\n/testbucket/clips/a.mp4\n\ncontent-type:video/"
                     "mp4\nhost:127.0.0.1:4569\nx-amz-content-sha256:UNSIGNED-PAYLOAD\nx-amz-date:"
                     "20251115T083000Z\nx-amz-meta-camera:front-door\n\ncontent-type;host;x-amz-"
                     "content-sha256;x-amz-date;x-amz-meta-camera\nUNSIGNED-PAYLOAD",
    },
    {
        .name = "s3-header-2-list-v2",
        .scheme = SIGN_AWS_V4,
        .style = SIGN_PATH,
        .credential = AWS,
        .endpoint = "http://127.0.0.1:4569",
        .region = "us-east-1",
        .bucket = "testbucket",
        .method = "GET",
        .query = { { "list-type", "2" }, { "max-keys", "100" }, { "prefix", "clips/" } },
        .payload = EMPTY_HASH,
        .now = FROZEN,
        .signature = "a9c41c004eed0a7f616567a898da18642d9e080178551923cbbf0f0a26cd3e31",
        .authorization =
            "AWS4-HMAC-SHA256 "
            "Credential=AKIAFAKEFAKEFAKEFAKE/20251115/us-east-1/s3/"
            "aws4_request,SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature="
            "a9c41c004eed0a7f616567a898da18642d9e080178551923cbbf0f0a26cd3e31",
        .canonical =
            "GET\n/"
            "testbucket\nlist-type=2&max-keys=100&prefix=clips%2F\nhost:127.0.0.1:4569\nx-amz-"
            "content-sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\nx-"
            "amz-date:20251115T083000Z\n\nhost;x-amz-content-sha256;x-amz-"
            "date\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    },
    {
        .name = "s3-header-3-initiate",
        .scheme = SIGN_AWS_V4,
        .style = SIGN_PATH,
        .credential = AWS,
        .endpoint = "http://127.0.0.1:4569",
        .region = "us-east-1",
        .bucket = "testbucket",
        .method = "POST",
        .key = "clips/a b.mp4",
        .query = { { "uploads", "" } },
        .headers = { { "content-type", "video/mp4" } },
        .payload = EMPTY_HASH,
        .now = FROZEN,
        .signature = "ee93882822345bf7a3a8a0c1ff91f5fc1cd795e16ee838cdaf7f7d738453288e",
        .authorization =
            "AWS4-HMAC-SHA256 "
            "Credential=AKIAFAKEFAKEFAKEFAKE/20251115/us-east-1/s3/"
            "aws4_request,SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date,"
            "Signature=ee93882822345bf7a3a8a0c1ff91f5fc1cd795e16ee838cdaf7f7d738453288e",
        .canonical = "POST\n/testbucket/clips/a%20b.mp4\nuploads=\ncontent-type:video/"
                     "mp4\nhost:127.0.0.1:4569\nx-amz-content-sha256:"
                     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\nx-amz-date:"
                     "20251115T083000Z\n\ncontent-type;host;x-amz-content-sha256;x-amz-"
                     "date\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    },
};

#endif
