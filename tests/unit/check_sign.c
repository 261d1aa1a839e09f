// Signatures byte for byte as the services' own clients make them, and what is refused to be
// signed.
#include "net/secret.h"
#include "net/sign.h"
#include "tests/unit/sign_vectors.h"
#include <check.h>

static struct sign_result result;
static struct err err;

static void set_up(void)
{
    result = (struct sign_result)SIGN_RESULT_INIT;
    err = (struct err)ERR_INIT;
}

static void tear_down(void)
{
    sign_release(&result);
}

static char *copy(const char *text)
{
    return text != NULL ? xstrdup(text) : NULL;
}

static struct credential credential_of(enum vector_credential which)
{
    return (struct credential){ .id = copy(vector_credentials[which].id),
                                .secret = copy(vector_credentials[which].secret),
                                .token = copy(vector_credentials[which].token) };
}

static void fill(const struct vector_pair *pairs, struct fields *fields)
{
    for (; pairs->name != NULL; pairs++)
        fields_add(fields, pairs->name, pairs->value);
}

static int sign_vector(const struct vector *vector)
{
    cleanup(credential_release) struct credential credential = credential_of(vector->credential);
    struct sign_place place = { .scheme = vector->scheme,
                                .style = vector->style,
                                .endpoint = vector->endpoint,
                                .region = vector->region,
                                .bucket = vector->bucket };
    struct sign_request request = { .place = &place,
                                    .method = vector->method,
                                    .key = vector->key,
                                    .additional = vector->additional,
                                    .payload_sha256 = vector->payload };
    fill(vector->query, &request.query);
    fill(vector->headers, &request.headers);
    sign_release(&result);
    int r = vector->seconds > 0
                ? sign_link(&request, &credential, vector->now, vector->seconds, &result, &err)
                : sign_headers(&request, &credential, vector->now, &result, &err);
    fields_release(&request.query);
    fields_release(&request.headers);
    return r;
}

// ---- what must come out

START_TEST(a_signature_is_that_of_the_services_own_client)
{
    const struct vector *vector = &vectors[_i];
    ck_assert_msg(sign_vector(vector) == 0, "%s: %s", vector->name, err.text);
    if (vector->canonical != NULL)
        ck_assert_str_eq(result.canonical, vector->canonical);
    ck_assert_str_eq(result.signature, vector->signature);
    if (vector->url != NULL)
        ck_assert_str_eq(result.url, vector->url);
    if (vector->authorization != NULL)
        ck_assert_str_eq(fields_find(&result.headers, "authorization"), vector->authorization);
}
END_TEST

// A signature each, and of links the whole address.  (The three webhooks are in
// check_sign_webhook.)
START_TEST(none_of_the_expected_values_is_missing)
{
    size_t values = 0;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++)
        values += 1 + (vectors[i].seconds > 0 && vectors[i].url != NULL);
    ck_assert_uint_eq(values + 3, 41);
}
END_TEST

START_TEST(headers_to_be_sent_are_all_there)
{
    static const struct {
        const char *vector, *headers[6];
    } rows[] = {
        { "oss-v4-header-4-delete-sts",
          { "Content-Type", "x-oss-date", "x-oss-content-sha256", "x-oss-security-token",
            "Authorization" } },
        { "oss-v1-header-1-put",
          { "Content-Type", "Content-MD5", "x-oss-meta-camera", "x-oss-date", "Authorization" } },
        { "s3-header-2-list-v2", { "x-amz-date", "x-amz-content-sha256", "Authorization" } },
        { "oss-v4-url-2-put-headers", { "Content-Type", "x-oss-meta-camera" } },
        { "s3-presign-1-get-virtual-host", { NULL } },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t at = 0, count = 0;
        while (strcmp(vectors[at].name, rows[i].vector) != 0)
            at++;
        ck_assert_int_eq(sign_vector(&vectors[at]), 0);
        for (; rows[i].headers[count] != NULL; count++)
            ck_assert_str_eq(result.headers.items[count].name, rows[i].headers[count]);
        ck_assert_uint_eq(result.headers.count, count);
    }
}
END_TEST

// One request of each scheme and form, for the tests that vary it.
static const struct vector plain[] = {
    { .name = "OSS V4", .scheme = SIGN_OSS_V4 },
    { .name = "OSS V1", .scheme = SIGN_OSS_V1 },
    { .name = "AWS", .scheme = SIGN_AWS_V4 },
    { .name = "OSS V4 link", .scheme = SIGN_OSS_V4, .seconds = 60 },
    { .name = "OSS V1 link", .scheme = SIGN_OSS_V1, .seconds = 60 },
    { .name = "AWS link", .scheme = SIGN_AWS_V4, .seconds = 60 },
};

static struct vector plain_vector(size_t i)
{
    struct vector vector = plain[i];
    vector.credential = STS;
    vector.endpoint = "https://store.example.org";
    vector.region = "cn-hangzhou";
    vector.bucket = "bucket";
    vector.method = "GET";
    vector.key = "a/b.mp4";
    vector.now = FROZEN;
    return vector;
}

static char *signature_of(const struct vector *vector)
{
    ck_assert_msg(sign_vector(vector) == 0, "%s", err.text);
    return xstrdup(result.signature);
}

START_TEST(whatever_changes_the_request_changes_the_signature)
{
    struct vector vector = plain_vector((size_t)_i);
    cleanup(free_ptr) char *before = signature_of(&vector);
    struct vector changed[8];
    for (size_t i = 0; i < ARRAY_LEN(changed); i++)
        changed[i] = vector;
    changed[0].key = "a/b.mp5";
    changed[1].bucket = "bucket2";
    changed[2].method = "HEAD";
    changed[3].now += 1;
    changed[4].credential = LASTING;
    changed[5].query[0] = (struct vector_pair){ "uploads", "" };
    changed[6].headers[0] = (struct vector_pair){ "Content-Type", "video/mp4" };
    changed[7].credential = AWS_STS;
    for (size_t i = 0; i < ARRAY_LEN(changed); i++) {
        cleanup(free_ptr) char *after = signature_of(&changed[i]);
        ck_assert_msg(strcmp(before, after) != 0, "%s: change %zu", vector.name, i);
    }
    cleanup(free_ptr) char *again = signature_of(&vector);
    ck_assert_str_eq(before, again);
}
END_TEST

START_TEST(a_secret_is_nowhere_in_what_comes_out)
{
    struct vector vector = plain_vector((size_t)_i);
    ck_assert_int_eq(sign_vector(&vector), 0);
    const char *secret = vector_credentials[STS].secret;
    ck_assert_ptr_null(strstr(result.url, secret));
    ck_assert_ptr_null(strstr(result.canonical, secret));
    ck_assert_ptr_null(strstr(result.signature, secret));
    for (size_t i = 0; i < result.headers.count; i++)
        ck_assert_ptr_null(strstr(result.headers.items[i].value, secret));
}
END_TEST

// ---- where the bucket stands

START_TEST(the_bucket_stands_where_the_style_says)
{
    static const struct {
        enum sign_style style;
        const char *endpoint, *key, *url;
    } rows[] = {
        { SIGN_VIRTUAL_HOST, "https://S.example.org:443/", "k", "https://bucket.s.example.org/k" },
        { SIGN_VIRTUAL_HOST, "http://s.example.org:8080", NULL,
          "http://bucket.s.example.org:8080/" },
        { SIGN_PATH, "http://127.0.0.1:9000", "a/k", "http://127.0.0.1:9000/bucket/a/k" },
        { SIGN_PATH, "http://[::1]:9000", "", "http://[::1]:9000/bucket" },
        { SIGN_OWN_DOMAIN, "https://videos.example.org", "k", "https://videos.example.org/k" },
        { SIGN_PATH, "s.example.org", "k", "https://s.example.org/bucket/k" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (size_t k = 0; k < 3; k++) {
            struct vector vector = plain_vector(k);
            vector.style = rows[i].style;
            vector.endpoint = rows[i].endpoint;
            vector.key = rows[i].key;
            ck_assert_msg(sign_vector(&vector) == 0, "%s", err.text);
            ck_assert_str_eq(result.url, rows[i].url);
        }
}
END_TEST

START_TEST(oss_signs_the_bucket_wherever_it_stands)
{
    static const struct {
        enum sign_style style;
        const char *key, *line;
    } rows[] = {
        { SIGN_VIRTUAL_HOST, "k", "GET\n/bucket/k\n" },
        { SIGN_PATH, "k", "GET\n/bucket/k\n" },
        { SIGN_OWN_DOMAIN, "k", "GET\n/bucket/k\n" },
        { SIGN_VIRTUAL_HOST, "", "GET\n/bucket/\n" },
        { SIGN_PATH, "", "GET\n/bucket/\n" },
        { SIGN_OWN_DOMAIN, "", "GET\n/bucket/\n" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct vector vector = plain_vector(0);
        vector.style = rows[i].style;
        vector.key = rows[i].key;
        ck_assert_int_eq(sign_vector(&vector), 0);
        ck_assert_int_eq(strncmp(result.canonical, rows[i].line, strlen(rows[i].line)), 0);
    }
}
END_TEST

START_TEST(a_hostile_key_stays_one_path_without_query_or_host)
{
    static const struct {
        const char *key, *path;
    } rows[] = {
        { "../../etc/passwd", "/../../etc/passwd" }, // sent as it is; what it means is the store's
        { "a?b#c&d=e", "/a%3Fb%23c%26d%3De" },
        { "a//b", "/a//b" },
        { "@evil.example/x", "/%40evil.example/x" },
        { "a%2Fb", "/a%252Fb" },
        { "a b+c\\d", "/a%20b%2Bc%5Cd" },
        { "\xE5\x89\x8D~-._", "/%E5%89%8D~-._" },
        { "'();:!*", "/%27%28%29%3B%3A%21%2A" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct vector vector = plain_vector(0);
        vector.key = rows[i].key;
        ck_assert_int_eq(sign_vector(&vector), 0);
        cleanup(free_ptr) char *url = xasprintf("https://bucket.store.example.org%s", rows[i].path);
        ck_assert_str_eq(result.url, url);
    }
}
END_TEST

START_TEST(a_region_may_be_written_as_in_the_endpoint)
{
    struct vector vector = plain_vector(0);
    cleanup(free_ptr) char *plainly = signature_of(&vector);
    vector.region = "oss-cn-hangzhou";
    cleanup(free_ptr) char *prefixed = signature_of(&vector);
    ck_assert_str_eq(plainly, prefixed);
}
END_TEST

// Sent as signed, so that servers that collapse and those that do not agree.
START_TEST(blanks_in_headers_are_sent_as_they_are_signed)
{
    static const char *const values[] = { "a  b", "a  b", "a b" };
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        struct vector vector = plain_vector(i);
        vector.headers[0] = (struct vector_pair){ "X-OSS-Meta-A", "  a  b " };
        ck_assert_int_eq(sign_vector(&vector), 0);
        cleanup(free_ptr) char *line = xasprintf("x-oss-meta-a:%s\n", values[i]);
        ck_assert_ptr_nonnull(strstr(result.canonical, line));
        ck_assert_str_eq(fields_find(&result.headers, "x-oss-meta-a"), values[i]);
    }
}
END_TEST

// Names of which one begins with the other are where sorting whole lines goes wrong.
START_TEST(headers_and_parameters_are_ordered_by_name)
{
    struct vector vector = plain_vector(2);
    vector.headers[0] = (struct vector_pair){ "x-amz-meta-a-b", "1" };
    vector.headers[1] = (struct vector_pair){ "x-amz-meta-a", "2" };
    vector.query[0] = (struct vector_pair){ "a-b", "1" };
    vector.query[1] = (struct vector_pair){ "a", "2" };
    vector.query[2] = (struct vector_pair){ "a", "1" };
    ck_assert_int_eq(sign_vector(&vector), 0);
    ck_assert_ptr_nonnull(strstr(result.canonical, "\na=1&a=2&a-b=1\n"));
    ck_assert_ptr_nonnull(strstr(result.canonical, "x-amz-meta-a:2\nx-amz-meta-a-b:1\n"));
    ck_assert_ptr_nonnull(strstr(result.canonical, ";x-amz-meta-a;x-amz-meta-a-b"));
}
END_TEST

// ---- what is refused

static void check_refused(const struct vector *vector, const char *id, const char *what)
{
    err = (struct err)ERR_INIT;
    ck_assert_msg(sign_vector(vector) < 0, "%s, %s: was signed", vector->name, what);
    ck_assert_str_eq(err.id, id);
    ck_assert_ptr_null(result.url);
    ck_assert_ptr_null(strstr(err.text, "Fake"));
}

START_TEST(a_place_that_cannot_be_is_refused)
{
    static const char *const endpoints[] = { "",
                                             "ftp://a",
                                             "https://",
                                             "https://a/b",
                                             "https://a?b",
                                             "https://u:p@a",
                                             "https://a b",
                                             "https://a:0",
                                             "https://a:65536",
                                             "https://a\nHost: b",
                                             "https://a#" };
    static const char *const buckets[] = { "",     "ab",   "A-bucket", "a_bucket", "-abc",
                                           "abc-", "a..b", "a/b",      "a.b/",     "abc\n" };
    static const char *const regions[] = { "", "CN", "cn/hangzhou", "cn\n", "cn hangzhou" };
    struct vector vector = plain_vector((size_t)_i);
    for (size_t i = 0; i < ARRAY_LEN(endpoints); i++) {
        vector.endpoint = endpoints[i];
        check_refused(&vector, "bad_endpoint", endpoints[i]);
    }
    vector = plain_vector((size_t)_i);
    for (size_t i = 0; i < ARRAY_LEN(buckets); i++) {
        vector.bucket = buckets[i];
        check_refused(&vector, "bad_bucket", buckets[i]);
    }
    vector = plain_vector((size_t)_i);
    for (size_t i = 0; i < ARRAY_LEN(regions) && vector.scheme != SIGN_OSS_V1; i++) {
        vector.region = regions[i];
        check_refused(&vector, "bad_region", regions[i]);
    }
    vector = plain_vector((size_t)_i);
    vector.endpoint = "http://127.0.0.1:9000";
    check_refused(&vector, "bad_endpoint", "a bucket in front of a number");
}
END_TEST

START_TEST(a_request_that_could_become_another_is_refused)
{
    static const struct {
        struct vector_pair header;
        const char *id;
    } headers[] = {
        { { "X-A", "a\r\nX-B: b" }, "bad_header" },
        { { "X-A", "a\nb" }, "bad_header" },
        { { "X-A", "\x01" }, "bad_header" },
        { { "X-A", "\xC3\xA4" }, "bad_header" },
        { { "X-A:", "a" }, "bad_header" },
        { { "X A", "a" }, "bad_header" },
        { { "", "a" }, "bad_header" },
        { { "x-twice", "a" }, "bad_header" },
        { { "Host", "evil" }, "bad_request" },
        { { "authorization", "x" }, "bad_request" },
    };
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        struct vector vector = plain_vector((size_t)_i);
        vector.headers[0] = (struct vector_pair){ "X-Twice", "1" };
        vector.headers[1] = headers[i].header;
        check_refused(&vector, headers[i].id, headers[i].header.name);
    }
    struct vector vector = plain_vector((size_t)_i);
    vector.method = "GET /x HTTP/1.1\r\n";
    check_refused(&vector, "bad_request", "method");
    vector = plain_vector((size_t)_i);
    vector.key = "a\nb";
    check_refused(&vector, "bad_link", "line end in a key");
    vector.key = "a\xFF";
    check_refused(&vector, "bad_link", "key not in UTF-8");
}
END_TEST

START_TEST(what_the_signer_says_cannot_be_said_before)
{
    static const struct {
        size_t which;
        bool header;
        const char *name;
    } rows[] = {
        { 0, true, "x-oss-date" },
        { 0, true, "X-OSS-Content-SHA256" },
        { 0, true, "x-oss-security-token" },
        { 1, true, "x-oss-date" },
        { 2, true, "X-Amz-Date" },
        { 3, false, "x-oss-expires" },
        { 3, false, "x-oss-signature" },
        { 3, false, "X-OSS-Security-Token" },
        { 4, false, "Expires" },
        { 4, false, "Signature" },
        { 4, false, "security-token" },
        { 5, false, "X-Amz-Signature" },
        { 5, false, "x-amz-expires" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct vector vector = plain_vector(rows[i].which);
        struct vector_pair *pairs = rows[i].header ? vector.headers : vector.query;
        pairs[0] = (struct vector_pair){ rows[i].name, "x" };
        check_refused(&vector, "bad_request", rows[i].name);
    }
}
END_TEST

START_TEST(a_link_works_for_a_time_that_services_grant)
{
    struct vector vector = plain_vector((size_t)_i);
    vector.seconds = SIGN_MAX_SECONDS;
    ck_assert_int_eq(sign_vector(&vector), 0);
    vector.seconds = SIGN_MAX_SECONDS + 1;
    check_refused(&vector, "bad_request", "a second more than a week");

    struct sign_place place = { .bucket = "bucket" };
    struct sign_request request = { .place = &place, .method = "GET" };
    cleanup(credential_release) struct credential credential = credential_of(STS);
    err = (struct err)ERR_INIT;
    ck_assert_int_lt(sign_link(&request, &credential, FROZEN, 0, &result, &err), 0);
}
END_TEST

START_TEST(a_credential_that_cannot_be_is_refused)
{
    static const struct {
        const char *id, *secret, *token, *error;
    } rows[] = {
        { "", "s", NULL, "bad_credential" },      { NULL, "s", NULL, "bad_credential" },
        { "i", "", NULL, "bad_credential" },      { "i", NULL, NULL, "bad_credential" },
        { "i\r\nX: y", "s", NULL, "bad_header" }, { "i", "s", "t\nX: y", "bad_header" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sign_place place = { .scheme = SIGN_OSS_V4,
                                    .endpoint = "https://s.example.org",
                                    .region = "r",
                                    .bucket = "bucket" };
        struct sign_request request = { .place = &place, .method = "GET", .key = "k" };
        cleanup(credential_release) struct credential credential = { copy(rows[i].id),
                                                                     copy(rows[i].secret),
                                                                     copy(rows[i].token) };
        err = (struct err)ERR_INIT;
        ck_assert_int_lt(sign_headers(&request, &credential, FROZEN, &result, &err), 0);
        ck_assert_str_eq(err.id, rows[i].error);
        ck_assert_ptr_null(strstr(err.text, "X: y"));
    }
}
END_TEST

START_TEST(an_additional_header_must_be_there)
{
    struct vector vector = plain_vector(0);
    vector.additional[0] = "range";
    check_refused(&vector, "bad_request", "range");
    vector.headers[0] = (struct vector_pair){ "Range", "bytes=0-9" };
    err = (struct err)ERR_INIT;
    ck_assert_int_eq(sign_vector(&vector), 0);
    ck_assert_ptr_nonnull(strstr(result.canonical, "\nrange:bytes=0-9\n"));
    ck_assert_ptr_nonnull(
        strstr(fields_find(&result.headers, "Authorization"), ",AdditionalHeaders=range,"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sign");
    TCase *tcase = tcase_create("sign");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, a_signature_is_that_of_the_services_own_client, 0,
                        (int)ARRAY_LEN(vectors));
    tcase_add_test(tcase, none_of_the_expected_values_is_missing);
    tcase_add_test(tcase, headers_to_be_sent_are_all_there);
    tcase_add_loop_test(tcase, whatever_changes_the_request_changes_the_signature, 0,
                        (int)ARRAY_LEN(plain));
    tcase_add_loop_test(tcase, a_secret_is_nowhere_in_what_comes_out, 0, (int)ARRAY_LEN(plain));
    tcase_add_test(tcase, the_bucket_stands_where_the_style_says);
    tcase_add_test(tcase, oss_signs_the_bucket_wherever_it_stands);
    tcase_add_test(tcase, a_hostile_key_stays_one_path_without_query_or_host);
    tcase_add_test(tcase, a_region_may_be_written_as_in_the_endpoint);
    tcase_add_test(tcase, blanks_in_headers_are_sent_as_they_are_signed);
    tcase_add_test(tcase, headers_and_parameters_are_ordered_by_name);
    tcase_add_loop_test(tcase, a_place_that_cannot_be_is_refused, 0, (int)ARRAY_LEN(plain));
    tcase_add_loop_test(tcase, a_request_that_could_become_another_is_refused, 0,
                        (int)ARRAY_LEN(plain));
    tcase_add_test(tcase, what_the_signer_says_cannot_be_said_before);
    tcase_add_loop_test(tcase, a_link_works_for_a_time_that_services_grant, 3,
                        (int)ARRAY_LEN(plain));
    tcase_add_test(tcase, a_credential_that_cannot_be_is_refused);
    tcase_add_test(tcase, an_additional_header_must_be_there);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
