#include "tests/support/bucketd.h"

#include <check.h>
#include <poll.h>
#include <stdio.h>

enum { PATIENCE_MS = 30000 };

// Reads a line, without its end.
static void read_line(const struct bucketd *bucketd, char *line, size_t room)
{
    size_t size = 0;
    struct pollfd ready = { .fd = bucketd->process.stdout_fd, .events = POLLIN };
    while (size + 1 < room) {
        ck_assert_msg(poll(&ready, 1, PATIENCE_MS) == 1, "the service says nothing");
        ck_assert_msg(read(bucketd->process.stdout_fd, line + size, 1) == 1,
                      "the service is gone (of S3: is build/s3 there? make check-integration makes "
                      "it)");
        if (line[size] == '\n')
            break;
        size++;
    }
    line[size] = '\0';
}

void bucketd_wait(const struct bucketd *bucketd, const char *begin)
{
    char line[200];
    do
        read_line(bucketd, line, sizeof line);
    while (strncmp(line, begin, strlen(begin)) != 0);
}

void bucketd_start(struct bucketd *bucketd, enum store_kind kind, const char *argument)
{
    char line[200];
    bool is_oss = kind == STORE_OSS;
    *bucketd = (struct bucketd){ .kind = kind };
    folder_make(&bucketd->folder);
    cleanup(free_ptr) char *last = argument ? xstrdup(argument) : NULL;
    char *oss[] = { (char[]){ "tests/support/ossd.py" }, last, NULL };
    // Its continuation tokens are made with DES.
    char *s3[] = { (char[]){ "node" }, (char[]){ "--openssl-legacy-provider" },
                   (char[]){ "tests/support/s3/start.js" }, bucketd->folder.path, NULL };
    ck_assert_int_eq(setenv("NODE_PATH", "build/s3/node_modules", 1), 0);
    server_start(&bucketd->process, is_oss ? oss : s3);
    do
        read_line(bucketd, line, sizeof line);
    while (sscanf(line, "port %u", &bucketd->port) != 1);
    bucketd->endpoint = xasprintf("http://127.0.0.1:%u", bucketd->port);
    bucketd->credential =
        (struct credential){ .id = xstrdup(is_oss ? "LTAI-test" : "S3RVER"),
                             .secret = xstrdup(is_oss ? "secret-of-test" : "S3RVER") };
    bucketd->place = (struct store_place){ .kind = kind,
                                           .name = "main",
                                           .bucket = "reels",
                                           .endpoint = bucketd->endpoint,
                                           .region = is_oss ? "cn-test" : NULL,
                                           .credential = &bucketd->credential,
                                           .credential_name = "main-keys" };
}

void bucketd_stop(struct bucketd *bucketd)
{
    server_stop(&bucketd->process);
    credential_release(&bucketd->credential);
    free_ptr(&bucketd->endpoint);
    folder_remove(&bucketd->folder);
}

struct store *bucketd_open(const struct bucketd *bucketd, int stop_fd)
{
    struct store *store = NULL;
    struct err err = ERR_INIT;
    // A busy machine is silent for a while, too.
    const struct http_rules rules = { .stall_seconds = 60,
                                      .stall_bytes_per_second = 1,
                                      .stop_fd = stop_fd };
    ck_assert_msg(store_open(&bucketd->place, &rules, &store, &err) == 0, "%s", err.text);
    return store;
}

int bucketd_plain(const char *method, const char *link, const char *body, char **ret_body)
{
    struct err err = ERR_INIT;
    struct http_rules rules = { .allow_hosts = "reels.localhost" };
    ck_assert_int_eq(address_list_parse("127.0.0.1", &rules.allow_networks, NULL), 0);
    cleanup(http_free) struct http *http = http_new(&rules);
    cleanup(http_answer_release) struct http_answer answer = HTTP_ANSWER_INIT;
    const struct http_body sent = { .data = body, .size = body ? strlen(body) : 0 };
    const struct http_request request = {
        .method = method, .link = link, .body = body ? &sent : NULL, .max_body_bytes = 64 << 20
    };
    ck_assert_msg(http_do(http, &request, &answer, &err) == 0, "%s", err.text);
    if (ret_body != NULL)
        *ret_body = answer.body ? TAKE(answer.body) : xstrdup("");
    return answer.head.status;
}

void bucketd_fault(const struct bucketd *bucketd, const char *lines)
{
    cleanup(free_ptr) char *link = xasprintf("%s/~/fault", bucketd->endpoint);
    ck_assert_int_eq(bucketd_plain("POST", link, lines, NULL), 200);
}

char *bucketd_ask(const struct bucketd *bucketd, const char *what)
{
    cleanup(free_ptr) char *link = xasprintf("%s/~/%s", bucketd->endpoint, what);
    char *body = NULL;
    ck_assert_int_eq(bucketd_plain("GET", link, NULL, &body), 200);
    return body;
}

unsigned bucketd_requests(const struct bucketd *bucketd, const char *begin)
{
    unsigned count = 0;
    cleanup(free_ptr) char *all = bucketd_ask(bucketd, "requests");
    for (const char *at = all; *at != '\0'; at += strcspn(at, "\n") + 1)
        count += strncmp(at, begin, strlen(begin)) == 0;
    return count;
}

char *bucketd_bytes(size_t size, unsigned seed)
{
    char *bytes = xcalloc(size + 8, 1);
    uint64_t state = seed + UINT64_C(0x9E3779B97F4A7C15);
    for (size_t i = 0; i < size; i += 8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        memcpy(bytes + i, &state, 8);
    }
    return bytes;
}
