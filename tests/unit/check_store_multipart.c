// Large objects against a service that fails at every place: what is mended, what is told, and that
// nothing is left of what did not come to its end.
#include "net/digest.h"
#include "store/store.h"
#include "tests/support/bucketd.h"
#include "tests/support/store_story.h"

#include <check.h>
#include <stdio.h>
#include <unistd.h>

enum { LARGE = (24 << 20) + 11 }; // four parts

static struct bucketd server;
static struct store *store;
static struct err err;

static void set_up(void)
{
    bucketd_start(&server, STORE_OSS, NULL);
    store = bucketd_open(&server, 0);
    err = (struct err)ERR_INIT;
}

static void tear_down(void)
{
    store_close(&store);
    bucketd_stop(&server);
}

static int put_large(void)
{
    cleanup(free_ptr) char *bytes = bucketd_bytes(LARGE, 3);
    const struct store_order order = { .key = "large.mp4",
                                       .body = { .data = bytes, .size = LARGE } };
    return store_put(store, &order, &err);
}

static bool has_large(void)
{
    cleanup(free_ptr) char *bytes = bucketd_bytes(LARGE, 3);
    return store_story_has(store, "large.mp4", bytes, LARGE);
}

static const char *const mended[] = {
    "status PUT partNumber=3 2 503 SlowDown",
    "status POST uploads 2 500 InternalError",
    "status POST uploadId= 2 500 InternalError",
    "status PUT partNumber 4 503 ServiceUnavailable 1",
    "break PUT partNumber=1 2 1000000",
    "break PUT partNumber=4 1 0",
    "lost PUT partNumber=2 1",
    "lost POST uploads 1",
    "lost POST uploadId= 1", // it is done, and nobody knows
    "crc PUT partNumber=4 2",
    "status PUT partNumber=2 1 400 RequestTimeout",
    "body POST uploadId= 1 <Error><Code>InternalError</Code><Message>try again</Message></Error>",
};

START_TEST(an_upload_survives)
{
    bucketd_fault(&server, mended[_i]);
    ck_assert_msg(put_large() == 0, "%s: %s", mended[_i], err.text);
    ck_assert(has_large());
    // The answer to a beginning that was lost is an upload that nobody can name.
    cleanup(free_ptr) char *uploads = bucketd_ask(&server, "uploads");
    ck_assert_str_eq(uploads,
                     strncmp(mended[_i], "lost POST uploads", 17) == 0 ? "large.mp4\n" : "");
}
END_TEST

static const struct {
    const char *fault;
    enum err_class class;
    const char *id;
} final[] = {
    { "status PUT partNumber=3 100 503 SlowDown", ERR_SERVICE, "storage_away" },
    { "status PUT partNumber=3 1 503 SlowDown 3600", ERR_SERVICE, "storage_away" },
    { "status PUT partNumber=2 1 403 AccessDenied", ERR_DENIED, "storage_refused" },
    { "status PUT partNumber=4 1 400 InvalidArgument", ERR_INPUT, "storage_answer" },
    { "break PUT partNumber=1 100 100000", ERR_SERVICE, "storage_away" },
    { "crc PUT partNumber=4 100", ERR_RETRY, "damaged" },
    { "crc POST uploadId= 100", ERR_RETRY, "damaged" },
    { "status POST uploadId= 100 500 InternalError", ERR_SERVICE, "storage_away" },
    { "body POST uploadId= 100 <html>proxy</html>", ERR_SERVICE, "bad_answer" },
    { "body POST uploadId= 100 <Error><Code>AccessDenied</Code></Error>", ERR_SERVICE,
      "storage_away" },
};

START_TEST(an_upload_that_fails_says_why_and_is_taken_back)
{
    bucketd_fault(&server, final[_i].fault);
    ck_assert_msg(put_large() < 0, "%s", final[_i].fault);
    ck_assert_msg(strcmp(err.id, final[_i].id) == 0 && err.class == final[_i].class, "%s: %s (%s)",
                  final[_i].fault, err.text, err.id);
    ck_assert_ptr_nonnull(strstr(err.text, "storage main: large.mp4: "));
    cleanup(free_ptr) char *uploads = bucketd_ask(&server, "uploads");
    ck_assert_str_eq(uploads, "");
    bucketd_fault(&server, "status GET nothing 0 500 None");
    err_clear(&err);
    ck_assert_msg(put_large() == 0, "%s", err.text);
    ck_assert(has_large());
}
END_TEST

START_TEST(an_upload_that_is_stopped_is_taken_back)
{
    store_story_stop(&server);
    cleanup(free_ptr) char *uploads = bucketd_ask(&server, "uploads");
    ck_assert_str_eq(uploads, "");
    ck_assert_uint_ge(bucketd_requests(&server, "PUT /reels/stopped.mp4?"), 2);
    ck_assert_uint_eq(bucketd_requests(&server, "DELETE /reels/stopped.mp4?"), 1);
}
END_TEST

// ---- parts that go with their checksum

static const struct {
    const char *service;
    bool arrives;
} checked[] = {
    { "good", true },
    { "noise", true }, // that the service notices, and asks for again
    { "silent", false },
    { "deaf", true }, // proven by the tags then
};

// Starts partd.py; gives the store.
static struct store *open_checked(struct server *process, unsigned *ret_port, char *mode)
{
    char line[64] = "";
    char *arguments[] = { (char[]){ "tests/support/partd.py" }, mode, NULL };
    struct store *s3 = NULL;
    const struct http_rules rules = { .stall_seconds = 60, .stall_bytes_per_second = 1 };
    server_start(process, arguments);
    for (size_t at = 0; at + 1 < sizeof line && strchr(line, '\n') == NULL; at++)
        ck_assert_int_eq(read(process->stdout_fd, line + at, 1), 1);
    ck_assert_int_eq(sscanf(line, "port %u", ret_port), 1);
    cleanup(free_ptr) char *endpoint = xasprintf("http://127.0.0.1:%u", *ret_port);
    struct store_place place = server.place;
    place.kind = STORE_S3;
    place.endpoint = endpoint;
    ck_assert_msg(store_open(&place, &rules, &s3, &err) == 0, "%s", err.text);
    return s3;
}

START_TEST(a_part_that_the_service_can_check_is_checked_by_it)
{
    enum { SIZE = (16 << 20) + 11 }; // three parts
    struct server process;
    unsigned port = 0;
    cleanup(free_ptr) char *mode = xstrdup(checked[_i].service), *body = NULL;
    struct store *s3 = open_checked(&process, &port, mode);
    cleanup(free_ptr) char *bytes = bucketd_bytes(SIZE, 3);
    const struct store_order order = { .key = "large.mp4",
                                       .body = { .data = bytes, .size = SIZE } };
    int r = store_put(s3, &order, &err);
    cleanup(free_ptr) char *link = xasprintf("http://127.0.0.1:%u/", port);
    int status = bucketd_plain("GET", link, NULL, &body);
    store_close(&s3);
    server_stop(&process);
    ck_assert_msg((r == 0) == checked[_i].arrives, "%s", err.text);
    ck_assert_int_eq(status, checked[_i].arrives ? 200 : 404);
    if (r < 0) {
        ck_assert_str_eq(err.id, "damaged");
        return;
    }
    struct digest digest;
    char hex[DIGEST_HEX_SIZE];
    ck_assert_int_eq(digest_of(DIGEST_MD5, bytes, SIZE, &digest, NULL), 0);
    ck_assert_str_eq(body, digest_hex(&digest, hex));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_multipart");
    TCase *tcase = tcase_create("store_multipart");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, an_upload_survives, 0, (int)ARRAY_LEN(mended));
    tcase_add_loop_test(tcase, an_upload_that_fails_says_why_and_is_taken_back, 0,
                        (int)ARRAY_LEN(final));
    tcase_add_test(tcase, an_upload_that_is_stopped_is_taken_back);
    tcase_add_loop_test(tcase, a_part_that_the_service_can_check_is_checked_by_it, 0,
                        (int)ARRAY_LEN(checked));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
