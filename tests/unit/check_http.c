// Requests over real sockets: where they go and where not, and what ends them.
#include "net/http.h"
#include "tests/support/folder.h"
#include "tests/support/httpd.h"
#include "tests/support/program.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

static struct httpd server;
static struct http *http;
static struct http_rules rules;
static struct http_answer answer;
static struct err err;

static void set_up(void)
{
    httpd_start(&server, NULL);
    rules = (struct http_rules){ .stall_seconds = 5, .stall_bytes_per_second = 10 };
    answer = (struct http_answer)HTTP_ANSWER_INIT;
    err = (struct err)ERR_INIT;
}

static void tear_down(void)
{
    http_answer_release(&answer);
    http_free(&http);
    httpd_stop(&server);
}

static void allow(const char *hosts, const char *networks)
{
    rules.allow_hosts = hosts;
    ck_assert_int_eq(address_list_parse(networks, &rules.allow_networks, NULL), 0);
}

// Asks, with the rules as they are now.
static int ask(const struct http_request *request)
{
    http_free(&http);
    http = http_new(&rules);
    http_answer_release(&answer);
    err_clear(&err);
    int r = http_do(http, request, &answer, &err);
    ck_assert_msg((r < 0) == (err.class != ERR_NONE), "%d %s", r, err.text);
    return r;
}

static int get(const char *link)
{
    return ask(&(struct http_request){ .link = link, .max_redirects = 5 });
}

// get() of a link to the server.
static int get_here(const char *query)
{
    char *link = httpd_link(&server, "/x?%s", query);
    int r = get(link);
    free(link);
    return r;
}

// ---- several at a time

enum { MANY = 9 };

struct many {
    unsigned begun, ended, most, under_way, waited;
    char *links[HTTP_MOST_AT_ONCE];
    unsigned number[HTTP_MOST_AT_ONCE]; // of the lane's request, from 1
    bool fails_at_4, wait_before_5;
};

static int next_of_many(void *context, unsigned lane, struct http_request *request,
                        double *ret_wait_seconds, struct err *ret)
{
    struct many *many = context;
    (void)ret;
    if (many->begun == 4 && many->wait_before_5 && many->waited++ == 0) {
        *ret_wait_seconds = 0.05;
        return 0;
    }
    if (many->begun == MANY)
        return 0;
    many->number[lane] = ++many->begun;
    free(many->links[lane]);
    // One that breaks off, one that is no link, one that is refused; each of a size of its own.
    many->links[lane] = many->begun == 2   ? httpd_link(&server, "/x?size=1000&break=10&etag=a")
                        : many->begun == 3 ? xstrdup("ftp://127.0.0.1/")
                        : many->begun == 5 ? httpd_link(&server, "/x?status=403")
                                           : httpd_link(&server, "/x?size=%u", 1000 + many->begun);
    request->link = many->links[lane];
    many->under_way++;
    if (many->under_way > many->most)
        many->most = many->under_way;
    return 1;
}

static int one_of_many_ended(void *context, unsigned lane, const struct http_outcome *outcome,
                             struct err *ret)
{
    struct many *many = context;
    unsigned number = many->number[lane];
    many->under_way--;
    many->ended++;
    if (number == 2)
        ck_assert_str_eq(outcome->err->id, "cut_off");
    else if (number == 3)
        ck_assert_str_eq(outcome->err->id, "bad_link");
    else if (number == 5)
        ck_assert_int_eq(outcome->answer->head.status, 403);
    else
        ck_assert_uint_eq(outcome->answer->body_size, 1000 + number);
    ck_assert_int_eq(outcome->r < 0, number == 2 || number == 3);
    return number == 4 && many->fails_at_4 ? err_set(ret, ERR_INPUT, "fourth", "the fourth") : 0;
}

static int do_many(struct many *many, unsigned at_once)
{
    struct http *client = http_new(&rules);
    const struct http_series series = { at_once, next_of_many, one_of_many_ended, many };
    int r = http_do_series(client, &series, &err);
    http_free(&client);
    for (size_t i = 0; i < ARRAY_LEN(many->links); i++)
        free(many->links[i]);
    return r;
}

START_TEST(of_several_requests_each_ends_for_itself)
{
    struct many many = { .wait_before_5 = _i % 2 == 1 };
    allow(NULL, "127.0.0.1");
    ck_assert_msg(do_many(&many, (unsigned)_i) == 0, "%s", err.text);
    ck_assert_uint_eq(many.ended, MANY);
    ck_assert_uint_le(many.most, (unsigned)_i);
    ck_assert_uint_ge(many.most, _i > 1 ? 2 : 1);
}
END_TEST

START_TEST(who_hears_of_the_end_of_one_can_end_all)
{
    struct many many = { .fails_at_4 = true };
    allow(NULL, "127.0.0.1");
    ck_assert_int_lt(do_many(&many, 1), 0);
    ck_assert_str_eq(err.id, "fourth");
    ck_assert_uint_eq(many.ended, 4);
}
END_TEST

static int next_is_mute(void *context, unsigned lane, struct http_request *request,
                        double *ret_wait_seconds, struct err *ret)
{
    (void)lane, (void)ret_wait_seconds, (void)ret;
    request->link = context;
    return 1;
}

static int nothing_ends(void *context, unsigned lane, const struct http_outcome *outcome,
                        struct err *ret)
{
    (void)context, (void)lane, (void)ret;
    ck_abort_msg("%s", outcome->err->text);
    return 0;
}

START_TEST(a_request_to_stop_ends_several_at_once)
{
    int stop[2];
    char *link = httpd_link(&server, "/x?mute=1");
    allow(NULL, "127.0.0.1");
    ck_assert_int_eq(pipe(stop), 0);
    ck_assert_int_eq(write(stop[1], "x", 1), 1);
    rules.stop_fd = stop[0];
    struct http *client = http_new(&rules);
    const struct http_series series = { 4, next_is_mute, nothing_ends, link };
    ck_assert_int_eq(http_do_series(client, &series, &err), -ECANCELED);
    ck_assert_str_eq(err.id, "stopped");
    http_free(&client);
    close(stop[0]), close(stop[1]);
    free(link);
}
END_TEST

// ---- where requests go

// %u is the server's port; what is behind "->" is where a host that is allowed sends on to.
static const struct {
    const char *name, *link;
    const char *id;
    bool can_be_allowed; // then it reaches the server
} hostile[] = {
    { "loopback", "http://127.0.0.1:%u/", "address_refused", true },
    { "decimal", "http://2130706433:%u/", "address_refused", true },
    { "hex", "http://0x7f000001:%u/", "address_refused", true },
    { "octal", "http://0177.0.0.1:%u/", "address_refused", true },
    { "IPv6", "http://[::1]:%u/", "address_refused", true },
    { "mapped", "http://[::ffff:127.0.0.1]:%u/", "address_refused", true },
    { "any", "http://0.0.0.0:%u/", "address_refused", true },
    { "name", "http://localhost:%u/", "address_refused", true },
    { "metadata", "http://169.254.169.254/latest/meta-data/", "address_refused", false },
    { "file", "file:///etc/passwd", "bad_link", false },
    { "redirect", "->http://127.0.0.1:%u/", "address_refused", false },
    { "redirect to file", "->file:///etc/passwd", "bad_link", false },
    { "redirect to ftp", "->ftp://127.0.0.1:%u/", "bad_link", false },
    // beyond the thirteen
    { "short", "http://127.1:%u/", "address_refused", true },
    { "octal in one", "http://017700000001:%u/", "address_refused", true },
    { "another loopback", "http://127.1.2.3:%u/", "address_refused", false },
    { "unspecified", "http://[::]:%u/", "address_refused", false },
    { "translated", "http://[64:ff9b::7f00:1]:%u/", "address_refused", false },
    { "6to4", "http://[2002:7f00:1::]:%u/", "address_refused", false },
    { "link local", "http://[fe80::1]:%u/", "address_refused", false },
    { "zone", "http://[fe80::1%%25lo]:%u/", "bad_link", false },
    { "private", "http://10.0.0.1:%u/", "address_refused", false },
    { "redirect by digits", "->//2130706433:%u/", "address_refused", false },
    { "redirect to a password", "->http://a:b@127.0.0.1:%u/", "bad_link", false },
    { "gopher", "gopher://127.0.0.1:%u/", "bad_link", false },
};

START_TEST(a_hostile_link_is_refused_without_a_connection)
{
    const char *format = hostile[_i].link;
    bool sent_on = strncmp(format, "->", 2) == 0;
    char target[200];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(target, sizeof target, format + (sent_on ? 2 : 0), server.port);
#pragma GCC diagnostic pop
    char *link = sent_on ? xasprintf("http://localhost:%u/?location=%s", server.port, target)
                         : xstrdup(target);
    allow(sent_on ? "localhost" : NULL, NULL);
    ck_assert_int_lt(get(link), 0);
    ck_assert_msg(strcmp(err.id, hostile[_i].id) == 0, "%s: %s %s", hostile[_i].name, err.id,
                  err.text);
    ck_assert_int_ne(err.class, ERR_RETRY);
    ck_assert_uint_eq(httpd_accepted(&server), sent_on ? 1 : 0);
    // The same link gets there once it is allowed: it was the guard that held it up.
    if (hostile[_i].can_be_allowed) {
        allow(NULL, "127.0.0.0/8 0.0.0.0 ::1");
        ck_assert_msg(get(link) == 0, "%s: %s", hostile[_i].name, err.text);
        ck_assert_uint_eq(httpd_accepted(&server), 1);
    }
    free(link);
}
END_TEST

START_TEST(a_proxy_in_the_environment_is_not_asked)
{
    static const char *const names[] = { "http_proxy", "https_proxy", "all_proxy", "ALL_PROXY" };
    char *proxy = httpd_link(&server, "/");
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        ck_assert_int_eq(setenv(names[i], proxy, 1), 0);
    // The proxy itself may be connected to: only then would it be asked.
    allow(NULL, "127.0.0.1");
    ck_assert_int_lt(get("http://169.254.169.254/latest/meta-data/"), 0);
    ck_assert_str_eq(err.id, "address_refused");
    ck_assert_int_lt(get("https://169.254.169.254/latest/meta-data/"), 0);
    ck_assert_str_eq(err.id, "address_refused");
    ck_assert_uint_eq(httpd_accepted(&server), 0);
    free(proxy);
}
END_TEST

START_TEST(a_host_that_is_allowed_by_name_is_not_allowed_by_number)
{
    char *link = xasprintf("http://localhost:%u/?size=5", server.port);
    allow("localhost", NULL);
    ck_assert_msg(get(link) == 0, "%s", err.text);
    ck_assert_uint_eq(answer.body_size, 5);
    ck_assert_int_lt(get_here("size=5"), 0);
    ck_assert_str_eq(err.id, "address_refused");
    free(link);
}
END_TEST

static const struct {
    const char *link;
    bool good;
} links[] = {
    { "http://example.org", true },
    { "https://example.org/a?b=c#d", true },
    { "HTTPS://EXAMPLE.ORG/", true },
    { "https://example.org:8443/with blank.mp4", true },
    { "https://example.org/caf\xc3\xa9.mp4", true },
    { "", false },
    { "example.org/a.mp4", false },
    { "//example.org/a.mp4", false },
    { "ftp://example.org/a.mp4", false },
    { "file:///etc/passwd", false },
    { "javascript:alert(1)", false },
    { "data:text/plain,x", false },
    { "http://", false },
    { "http://user@example.org/", false },
    { "http://user:secret@example.org/", false },
    { "http://:@example.org/", false },
    { "http://@example.org/", false },
    { "http://example.org:0x50/", false },
    { "http://example.org:99999/", false },
    { "http://exa\nmple.org/", false },
    { "http://example.org/\r\nX: y", false },
    { "http://[fe80::1%25eth0]/", false },
    { "http://[::1/", false },
};

START_TEST(only_links_of_the_web_without_passwords_are_taken)
{
    struct err why = ERR_INIT;
    bool good = http_check_link(links[_i].link, &why) == 0;
    ck_assert_msg(good == links[_i].good, "%s: %s", links[_i].link, why.text);
    if (!good)
        ck_assert_str_eq(why.id, "bad_link");
}
END_TEST

START_TEST(a_link_without_end_is_refused)
{
    char *link = xcalloc(HTTP_MAX_LINK_BYTES + 2, 1);
    memset(link, 'a', HTTP_MAX_LINK_BYTES + 1);
    memcpy(link, "http://b/", 9);
    ck_assert_int_lt(http_check_link(link, NULL), 0);
    link[HTTP_MAX_LINK_BYTES] = '\0';
    ck_assert_int_eq(http_check_link(link, NULL), 0);
    free(link);
}
END_TEST

START_TEST(what_is_shown_of_a_link_has_no_secret_in_it)
{
    char *shown = http_link_shown("https://u:pw@h.org/a\n.mp4?sig=SECRET#x");
    ck_assert_str_eq(shown, "https://h.org/a\\x0A.mp4");
    free(shown);
}
END_TEST

START_TEST(ports_of_other_services_are_left_alone)
{
    // A documentation address would be refused for itself; the root servers' is a global one.
    ck_assert_int_lt(get("http://198.41.0.4:25/"), 0);
    ck_assert_str_eq(err.id, "address_refused");
    ck_assert_ptr_nonnull(strstr(err.text, "port 25"));
}
END_TEST

// ---- answers

START_TEST(an_answer_comes_with_its_head_and_body)
{
    char expected[1000];
    allow(NULL, "127.0.0.1");
    ck_assert_msg(get_here("size=1000&seed=3&etag=t") == 0, "%s", err.text);
    ck_assert_int_eq(answer.head.status, 200);
    ck_assert_str_eq(answer_find(&answer.head, "etag"), "\"t\"");
    httpd_fill(expected, sizeof expected, 0, 3);
    ck_assert_uint_eq(answer.body_size, sizeof expected);
    ck_assert_mem_eq(answer.body, expected, sizeof expected);
    ck_assert_int_eq(answer.body[answer.body_size], 0);
}
END_TEST

START_TEST(a_body_for_the_memory_has_its_limit_and_that_of_a_refusal_is_kept)
{
    allow(NULL, "127.0.0.1");
    ck_assert_int_eq(get_here("size=65536"), 0);
    ck_assert_int_lt(get_here("size=65537"), 0);
    ck_assert_str_eq(err.id, "answer_too_large");
    ck_assert_int_lt(get_here("endless=1"), 0);
    ck_assert_str_eq(err.id, "answer_too_large");
    ck_assert_int_eq(get_here("status=403"), 0);
    ck_assert_int_eq(answer.head.status, 403);
    ck_assert_str_eq(answer.body, "<Error>as told</Error>");
}
END_TEST

static const struct {
    const char *query, *id;
} broken[] = {
    { "size=1000&break=500", "cut_off" },
    { "size=1000&length=2000", "cut_off" },
    { "size=1000&chunked=1&break=10", "cut_off" },
    { "flood=1", "bad_answer" },
    { "rubbish=1", "bad_answer" },
    { "mute=1", "stalled" },
    { "size=1000&stall=10", "stalled" },
    { "size=100000&drip=1", "stalled" },
};

START_TEST(an_answer_that_breaks_lies_or_stalls_ends_with_its_name)
{
    allow(NULL, "127.0.0.1");
    rules.stall_seconds = 0.5;
    rules.stall_bytes_per_second = 100;
    ck_assert_int_lt(get_here(broken[_i].query), 0);
    ck_assert_msg(strcmp(err.id, broken[_i].id) == 0, "%s: %s", err.id, err.text);
}
END_TEST

START_TEST(a_slow_answer_that_is_fast_enough_arrives)
{
    allow(NULL, "127.0.0.1");
    rules.stall_seconds = 0.5;
    rules.stall_bytes_per_second = 100;
    // 500 bytes a second for 1.2 s.
    ck_assert_msg(get_here("size=600&drip=50") == 0, "%s", err.text);
}
END_TEST

START_TEST(a_deadline_holds_for_an_answer_that_keeps_coming)
{
    char *link = httpd_link(&server, "/?size=100000&drip=50");
    allow(NULL, "127.0.0.1");
    ck_assert_int_lt(ask(&(struct http_request){ .link = link, .deadline_seconds = 0.3 }), 0);
    ck_assert_str_eq(err.id, "too_slow");
    free(link);
}
END_TEST

// Its deadline comes long after the rule alone would have ended it.
START_TEST(an_answer_that_may_take_long_is_not_stalled_before)
{
    char *link = httpd_link(&server, "/?mute=1");
    allow(NULL, "127.0.0.1");
    rules.stall_seconds = 0.1;
    ck_assert_int_lt(ask(&(struct http_request){
                         .link = link, .deadline_seconds = 0.6, .patience_seconds = 60 }),
                     0);
    ck_assert_str_eq(err.id, "too_slow");
    free(link);
}
END_TEST

START_TEST(how_long_was_waited_for_is_said)
{
    char *link = httpd_link(&server, "/?mute=1");
    allow(NULL, "127.0.0.1");
    rules.stall_seconds = 0.1;
    ck_assert_int_lt(ask(&(struct http_request){ .link = link, .patience_seconds = 0.3 }), 0);
    ck_assert_str_eq(err.id, "stalled");
    ck_assert_msg(strstr(err.text, "for 0.3 s") != NULL, "%s", err.text);
    free(link);
}
END_TEST

START_TEST(a_server_that_is_not_there_may_be_there_later)
{
    struct httpd gone;
    httpd_start(&gone, NULL);
    char *link = httpd_link(&gone, "/");
    httpd_stop(&gone);
    allow(NULL, "127.0.0.1");
    ck_assert_int_lt(get(link), 0);
    ck_assert_int_eq(err.class, ERR_RETRY);
    ck_assert_str_eq(err.id, "unreachable");
    free(link);
}
END_TEST

static int begin(void *context, const struct answer *head, struct err *e)
{
    (void)context, (void)head, (void)e;
    return 0;
}

// Asks to stop in the middle of it.
static int stop(void *context, const char *data, size_t size, struct err *e)
{
    const int *fd = context;
    (void)data, (void)size, (void)e;
    ck_assert_int_eq(write(*fd, "x", 1), 1);
    return 0;
}

START_TEST(a_request_to_stop_ends_a_transfer_at_once)
{
    int ends[2];
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    allow(NULL, "127.0.0.1");
    rules.stop_fd = ends[0];
    rules.stall_seconds = 0;
    const struct http_sink sink = { begin, stop, &ends[1] };
    char *link = httpd_link(&server, "/?size=1000&stall=10");
    ck_assert_int_eq(ask(&(struct http_request){ .link = link, .sink = &sink }), -ECANCELED);
    ck_assert_str_eq(err.id, "stopped");
    close(ends[0]);
    close(ends[1]);
    free(link);
}
END_TEST

static int refuse(void *context, const char *data, size_t size, struct err *e)
{
    (void)context, (void)data, (void)size;
    (void)err_set(e, ERR_IO, "no_space", "full");
    return -ENOSPC;
}

START_TEST(what_a_sink_runs_into_is_passed_up)
{
    const struct http_sink sink = { begin, refuse, NULL };
    char *link = httpd_link(&server, "/?size=1000");
    allow(NULL, "127.0.0.1");
    ck_assert_int_eq(ask(&(struct http_request){ .link = link, .sink = &sink }), -ENOSPC);
    ck_assert_str_eq(err.id, "no_space");
    free(link);
}
END_TEST

// ---- redirects

START_TEST(five_redirects_are_followed_and_a_sixth_is_not)
{
    allow(NULL, "127.0.0.1");
    ck_assert_msg(get_here("hops=5&size=7") == 0, "%s", err.text);
    ck_assert_uint_eq(answer.body_size, 7);
    ck_assert_ptr_nonnull(strstr(answer.link, "hops=0"));
    ck_assert_int_lt(get_here("hops=6&size=7"), 0);
    ck_assert_str_eq(err.id, "too_many_redirects");
    ck_assert_int_lt(get_here("loop=1"), 0);
    ck_assert_str_eq(err.id, "too_many_redirects");
    // Six and six: a loop is not followed any further.
    ck_assert_int_eq(httpd_accepted(&server), (int)httpd_count(&server, "request ") - 1);
}
END_TEST

START_TEST(without_leave_to_follow_a_redirect_is_an_answer)
{
    char *link = httpd_link(&server, "/?hops=1");
    allow(NULL, "127.0.0.1");
    ck_assert_int_eq(ask(&(struct http_request){ .link = link }), 0);
    ck_assert_int_eq(answer.head.status, 302);
    ck_assert_str_eq(answer.body, "moved");
    const struct http_body body = { .data = "x", .size = 1 };
    ck_assert_int_eq(ask(&(struct http_request){
                         .link = link, .method = "POST", .body = &body, .max_redirects = 5 }),
                     0);
    ck_assert_int_eq(answer.head.status, 302);
    free(link);
}
END_TEST

START_TEST(an_authorization_stays_with_its_origin)
{
    static const char *const fields[] = { "Authorization: secret", "X-Other: kept", NULL };
    char *near = httpd_link(&server, "/?location=/%%3Fecho=1");
    char *far = httpd_link(&server, "/?location=http://localhost:%u/%%3Fecho=1", server.port);
    allow(NULL, "127.0.0.1 ::1");
    ck_assert_int_eq(
        ask(&(struct http_request){ .link = near, .fields = fields, .max_redirects = 1 }), 0);
    ck_assert_ptr_nonnull(strstr(answer.body, "Authorization: secret"));
    ck_assert_int_eq(
        ask(&(struct http_request){ .link = far, .fields = fields, .max_redirects = 1 }), 0);
    ck_assert_ptr_nonnull(strstr(answer.body, "X-Other: kept"));
    ck_assert_ptr_null(strstr(answer.body, "secret"));
    free(near);
    free(far);
}
END_TEST

// ---- bodies that are sent

START_TEST(a_body_is_sent_from_memory_and_from_a_file)
{
    struct folder folder;
    folder_make(&folder);
    folder_put(&folder, "f", "0123456789");
    cleanup(close_fd) int fd = openat(folder.fd, "f", O_RDONLY | O_CLOEXEC);
    const struct http_body memory = { .data = "hello", .size = 5 };
    const struct http_body file = { .fd = fd, .offset = 3, .size = 4 };
    char *link = httpd_link(&server, "/?echo=1");
    allow(NULL, "127.0.0.1");
    ck_assert_int_eq(ask(&(struct http_request){ .link = link, .method = "PUT", .body = &memory }),
                     0);
    ck_assert_ptr_nonnull(strstr(answer.body, "PUT /?echo=1 HTTP/1.1\r\n"));
    ck_assert_ptr_nonnull(strstr(answer.body, "Content-Length: 5\r\n"));
    ck_assert_ptr_nonnull(strstr(answer.body, "\r\n\r\nhello"));
    ck_assert_int_eq(ask(&(struct http_request){ .link = link, .method = "POST", .body = &file }),
                     0);
    ck_assert_ptr_nonnull(strstr(answer.body, "POST /?echo=1 HTTP/1.1\r\n"));
    ck_assert_ptr_nonnull(strstr(answer.body, "\r\n\r\n3456"));
    ck_assert_int_eq(ask(&(struct http_request){ .link = link, .method = "DELETE" }), 0);
    ck_assert_ptr_nonnull(strstr(answer.body, "DELETE /"));
    const struct http_body beyond = { .fd = fd, .offset = 8, .size = 4 };
    ck_assert_int_lt(ask(&(struct http_request){ .link = link, .method = "PUT", .body = &beyond }),
                     0);
    ck_assert_str_eq(err.id, "changed");
    free(link);
    folder_remove(&folder);
}
END_TEST

START_TEST(a_connection_is_kept_for_the_next_request)
{
    char *link = httpd_link(&server, "/?size=5");
    allow(NULL, "127.0.0.1");
    ck_assert_int_eq(get(link), 0);
    for (int i = 0; i < 3; i++) {
        http_answer_release(&answer);
        ck_assert_int_eq(http_do(http, &(struct http_request){ .link = link }, &answer, &err), 0);
        ck_assert_uint_eq(answer.body_size, 5);
    }
    ck_assert_uint_eq(httpd_accepted(&server), 1);
    free(link);
}
END_TEST

// ---- certificates

static void check_certificates(struct httpd *tls, const char *pem)
{
    char *link = xasprintf("https://localhost:%u/?size=5", tls->port);
    char *other = xasprintf("https://127.0.0.1:%u/?size=5", tls->port);
    char *down =
        xasprintf("https://localhost:%u/?location=http://127.0.0.1:%u/", tls->port, server.port);
    allow("localhost 127.0.0.1", NULL);
    ck_assert_int_lt(get(link), 0);
    ck_assert_str_eq(err.id, "bad_certificate");
    rules.ca_file = pem;
    ck_assert_msg(get(link) == 0, "%s", err.text);
    ck_assert_uint_eq(answer.body_size, 5);
    ck_assert_int_lt(get(other), 0); // the certificate is of another name
    ck_assert_str_eq(err.id, "bad_certificate");
    ck_assert_int_lt(get(down), 0);
    ck_assert_str_eq(err.id, "insecure_redirect");
    ck_assert_uint_eq(httpd_accepted(&server), 0);
    rules.ca_file = "/nonexistent";
    ck_assert_int_lt(get(link), 0);
    ck_assert_int_eq(err.class, ERR_CONFIG);
    free(link);
    free(other);
    free(down);
}

START_TEST(a_server_must_prove_its_name_and_stay_secure)
{
    struct folder folder;
    struct httpd tls;
    folder_make(&folder);
    cleanup(free_ptr) char *pem = xasprintf("%s/pem", folder.path);
    if (httpd_certify(pem)) {
        httpd_start(&tls, pem);
        check_certificates(&tls, pem);
        httpd_stop(&tls);
    }
    folder_remove(&folder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http");
    TCase *tcase = tcase_create("http");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, a_hostile_link_is_refused_without_a_connection, 0,
                        (int)ARRAY_LEN(hostile));
    tcase_add_loop_test(tcase, of_several_requests_each_ends_for_itself, 1, HTTP_MOST_AT_ONCE + 1);
    tcase_add_test(tcase, who_hears_of_the_end_of_one_can_end_all);
    tcase_add_test(tcase, a_request_to_stop_ends_several_at_once);
    tcase_add_test(tcase, a_proxy_in_the_environment_is_not_asked);
    tcase_add_test(tcase, a_host_that_is_allowed_by_name_is_not_allowed_by_number);
    tcase_add_test(tcase, ports_of_other_services_are_left_alone);
    tcase_add_test(tcase, an_answer_comes_with_its_head_and_body);
    tcase_add_test(tcase, a_body_for_the_memory_has_its_limit_and_that_of_a_refusal_is_kept);
    tcase_add_loop_test(tcase, an_answer_that_breaks_lies_or_stalls_ends_with_its_name, 0,
                        (int)ARRAY_LEN(broken));
    tcase_add_test(tcase, a_slow_answer_that_is_fast_enough_arrives);
    tcase_add_test(tcase, a_deadline_holds_for_an_answer_that_keeps_coming);
    tcase_add_test(tcase, an_answer_that_may_take_long_is_not_stalled_before);
    tcase_add_test(tcase, how_long_was_waited_for_is_said);
    tcase_add_test(tcase, a_server_that_is_not_there_may_be_there_later);
    tcase_add_test(tcase, a_request_to_stop_ends_a_transfer_at_once);
    tcase_add_test(tcase, what_a_sink_runs_into_is_passed_up);
    tcase_add_test(tcase, five_redirects_are_followed_and_a_sixth_is_not);
    tcase_add_test(tcase, without_leave_to_follow_a_redirect_is_an_answer);
    tcase_add_test(tcase, an_authorization_stays_with_its_origin);
    tcase_add_test(tcase, a_body_is_sent_from_memory_and_from_a_file);
    tcase_add_test(tcase, a_connection_is_kept_for_the_next_request);
    tcase_add_test(tcase, a_server_must_prove_its_name_and_stay_secure);
    TCase *texts = tcase_create("links");
    tcase_add_loop_test(texts, only_links_of_the_web_without_passwords_are_taken, 0,
                        (int)ARRAY_LEN(links));
    tcase_add_test(texts, a_link_without_end_is_refused);
    tcase_add_test(texts, what_is_shown_of_a_link_has_no_secret_in_it);
    suite_add_tcase(suite, tcase);
    suite_add_tcase(suite, texts);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
