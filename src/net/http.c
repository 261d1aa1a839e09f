// Requests by libcurl: what it may do is set here, and nothing else is left to its defaults or to
// the environment.
//
// libcurl's own parser reads each link and connects by what it read, so that no two parsers can
// disagree about where a link leads.

#include "net/http.h"

#include "base/text.h"
#include "net/guard.h"
#include "net/pace.h"
#include "spool/remote.h"

#include <curl/curl.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

enum {
    // Of errors: what explains them is in the first lines.
    ERROR_BODY_BYTES = 64 * 1024,
    // Stays in a cache of the CPU between the socket and the file; twice as much took a tenth
    // longer.
    BUFFER_BYTES = 64 * 1024,
    // Of what is sent: the most that is read and handed over at once.
    SEND_BYTES = 256 * 1024,
    // How late a stall or a deadline may be noticed.
    TICK_MS = 250,
};

static const double default_connect_seconds = 30;

struct http {
    struct http_rules rules;
    CURLM *multi;
    CURL *easy;
};

// One exchange: a request, or one hop of it.
struct transfer {
    struct http *http;
    CURL *easy;
    const struct http_request *request;
    struct http_answer *answer;
    struct err *err;
    CURLU *url;
    struct curl_slist *fields;
    struct guard guard; // of this hop
    struct pace pace;
    bool may_follow, head_is_done;
    bool enough; // what is still to come does not matter
    int failed;  // negative: what a callback ran into, err is set
    uint64_t moved, sent;
    char words[CURL_ERROR_SIZE];
};

static uint64_t monotonic_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

// ---- the object

struct http *http_new(const struct http_rules *rules)
{
    static bool is_ready;
    if (!is_ready && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        base_out_of_memory();
    is_ready = true;
    struct http *http = xcalloc(1, sizeof *http);
    http->rules = *rules;
    http->multi = curl_multi_init();
    http->easy = curl_easy_init();
    if (http->multi == NULL || http->easy == NULL)
        base_out_of_memory();
    return http;
}

void http_free(struct http **http)
{
    struct http *h = TAKE(*http);
    if (h == NULL)
        return;
    curl_easy_cleanup(h->easy);
    (void)curl_multi_cleanup(h->multi);
    free(h);
}

void http_answer_release(struct http_answer *answer)
{
    answer_release(&answer->head);
    free(answer->body);
    free(answer->link);
    *answer = (struct http_answer)HTTP_ANSWER_INIT;
}

// ---- links

static void url_free(CURLU **url)
{
    curl_url_cleanup(*url);
    *url = NULL;
}

// Gives a part of the link, or NULL if it has none.
static char *url_part(CURLU *url, CURLUPart part, unsigned flags)
{
    char *theirs = NULL;
    if (curl_url_get(url, part, &theirs, flags) != CURLUE_OK)
        return NULL;
    char *ours = xstrdup(theirs);
    curl_free(theirs);
    return ours;
}

static int bad_link(struct err *err, const char *reason)
{
    return err_set(err, ERR_INPUT, "bad_link", "the link cannot be used: %s", reason);
}

static bool has_part(CURLU *url, CURLUPart part)
{
    cleanup(free_ptr) char *text = url_part(url, part, 0);
    return text != NULL;
}

static int check_url(CURLU *url, struct err *err)
{
    cleanup(free_ptr) char *scheme = url_part(url, CURLUPART_SCHEME, 0);
    cleanup(free_ptr) char *host = url_part(url, CURLUPART_HOST, 0);
    if (scheme == NULL || (strcasecmp(scheme, "http") != 0 && strcasecmp(scheme, "https") != 0))
        return bad_link(err, "only http:// and https:// are fetched");
    if (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD) ||
        has_part(url, CURLUPART_OPTIONS))
        return bad_link(err, "it has a user name or password in it");
    if (host == NULL || *host == '\0')
        return bad_link(err, "it names no host");
    if (has_part(url, CURLUPART_ZONEID))
        return bad_link(err, "its address is one of a local interface");
    return 0;
}

// Sets the link, which may be relative to the one that *url has.  On failure *url is of no use.
static int set_url(CURLU *url, const char *link, struct err *err)
{
    if (strlen(link) > HTTP_MAX_LINK_BYTES)
        return bad_link(err, "it is too long");
    for (const char *c = link; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            return bad_link(err, "it has control characters in it");
    // What is not ASCII is percent-encoded as browsers do; what is encoded already stays as it is.
    CURLUcode code =
        curl_url_set(url, CURLUPART_URL, link, CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE);
    if (code == CURLUE_OUT_OF_MEMORY)
        base_out_of_memory();
    if (code != CURLUE_OK)
        return bad_link(err, curl_url_strerror(code));
    return check_url(url, err);
}

static CURLU *url_new(void)
{
    CURLU *url = curl_url();
    if (url == NULL)
        base_out_of_memory();
    return url;
}

int http_check_link(const char *link, struct err *err)
{
    cleanup(url_free) CURLU *url = url_new();
    return set_url(url, link, err);
}

char *http_link_shown(const char *link)
{
    cleanup(free_ptr) char *shown = xstrndup(link, strcspn(link, "?#"));
    // What is in front of an @ may be a password.
    char *slashes = strstr(shown, "://"), *at = slashes ? strchr(slashes, '@') : NULL;
    if (at != NULL)
        memmove(slashes + 3, at + 1, strlen(at + 1) + 1);
    char *escaped = remote_show_link(shown);
    if (strlen(escaped) > 200)
        memcpy(escaped + 197, "...", 4);
    return escaped;
}

char *http_link_path(const char *link)
{
    cleanup(url_free) CURLU *url = url_new();
    return set_url(url, link, NULL) < 0 ? NULL : url_part(url, CURLUPART_PATH, 0);
}

// Scheme, host and port: what decides who gets to see an Authorization.
static char *origin(CURLU *url)
{
    cleanup(free_ptr) char *scheme = url_part(url, CURLUPART_SCHEME, 0);
    cleanup(free_ptr) char *host = url_part(url, CURLUPART_HOST, 0);
    cleanup(free_ptr) char *port = url_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    return xasprintf("%s://%s:%s", scheme, host, port ? port : "");
}

// ---- callbacks: the connection

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct transfer *transfer = context;
    if (purpose != CURLSOCKTYPE_IPCXN || !guard_admits(&transfer->guard, &to->addr, to->addrlen))
        return CURL_SOCKET_BAD;
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static int note_connected(void *context, char *to, char *from, int to_port, int from_port)
{
    struct transfer *transfer = context;
    (void)to, (void)from, (void)to_port, (void)from_port;
    pace_connected(&transfer->pace, monotonic_us(), transfer->moved);
    return CURL_PREREQFUNC_OK;
}

// ---- callbacks: the answer

static bool is_success(const struct answer *head)
{
    return head->status >= 200 && head->status < 300;
}

static bool is_redirect(const struct transfer *transfer)
{
    const struct answer *head = &transfer->answer->head;
    bool moved = head->status == 301 || head->status == 302 || head->status == 303 ||
                 head->status == 307 || head->status == 308;
    return transfer->may_follow && moved && answer_find(head, "Location") != NULL;
}

static int finish_head(struct transfer *transfer)
{
    const struct http_sink *sink = transfer->request->sink;
    const struct answer *head = &transfer->answer->head;
    transfer->head_is_done = true;
    if (sink == NULL || !is_success(head))
        return 0;
    return sink->begin(sink->context, head, transfer->err);
}

static size_t take_line(char *line, size_t one, size_t size, void *context)
{
    struct transfer *transfer = context;
    (void)one;
    transfer->moved += size;
    // Also of trailers, which nobody needs, there are only so many.
    int r = answer_add_line(&transfer->answer->head, line, size, transfer->err);
    bool ends = size > 0 && (line[0] == '\r' || line[0] == '\n');
    if (r == 0 && ends && !transfer->head_is_done && transfer->answer->head.status >= 200)
        r = finish_head(transfer);
    transfer->failed = r < 0 ? r : 0;
    return r < 0 ? 0 : size;
}

static int keep(struct transfer *transfer, const char *data, size_t size)
{
    struct http_answer *answer = transfer->answer;
    bool good = is_success(&answer->head);
    size_t most = transfer->request->max_body_bytes;
    if (!good || most == 0)
        most = ERROR_BODY_BYTES;
    size_t room = most - answer->body_size;
    if (good && size > room)
        return err_set(transfer->err, ERR_INPUT, "answer_too_large",
                       "the server's answer is larger than %zu bytes", most);
    if (size > room)
        transfer->enough = true;
    size_t kept = size < room ? size : room;
    answer->body = xrealloc(answer->body, answer->body_size + kept + 1, 1);
    memcpy(answer->body + answer->body_size, data, kept);
    answer->body_size += kept;
    answer->body[answer->body_size] = '\0';
    return 0;
}

static size_t take_body(char *data, size_t one, size_t size, void *context)
{
    struct transfer *transfer = context;
    const struct http_sink *sink = transfer->request->sink;
    (void)one;
    transfer->moved += size;
    if (is_redirect(transfer)) {
        transfer->enough = true;
        return 0;
    }
    int r = sink && is_success(&transfer->answer->head)
                ? sink->take(sink->context, data, size, transfer->err)
                : keep(transfer, data, size);
    transfer->failed = r < 0 ? r : 0;
    return r < 0 || transfer->enough ? 0 : size;
}

// ---- callbacks: the request

ssize_t http_body_read(const struct http_body *body, uint64_t at, char *buffer, size_t wanted,
                       struct err *err)
{
    uint64_t left = at < body->size ? body->size - at : 0;
    if (wanted > left)
        wanted = (size_t)left;
    if (wanted == 0)
        return 0;
    if (body->make != NULL)
        return body->make(body->made_of, at, buffer, wanted, err);
    if (body->data != NULL) {
        memcpy(buffer, (const char *)body->data + at, wanted);
        return (ssize_t)wanted;
    }
    ssize_t got = pread(body->fd, buffer, wanted, (off_t)(body->offset + at));
    if (got < 0)
        return err_errno(err, errno, "read what to send");
    if (got == 0)
        return err_set(err, ERR_RETRY, "changed", "the file became shorter while it was sent");
    return got;
}

static size_t give_body(char *buffer, size_t one, size_t size, void *context)
{
    struct transfer *transfer = context;
    const struct http_body *body = transfer->request->body;
    ssize_t got = http_body_read(body, transfer->sent, buffer, one * size, transfer->err);
    transfer->failed = got < 0 ? (int)got : 0;
    if (got < 0)
        return CURL_READFUNC_ABORT;
    if (body->given != NULL && got > 0)
        body->given(body->context, transfer->sent, buffer, (size_t)got);
    transfer->sent += (uint64_t)got;
    transfer->moved += (uint64_t)got;
    return (size_t)got;
}

// A connection that was kept may turn out to be closed; then libcurl begins once more.
static int seek_body(void *context, curl_off_t offset, int from)
{
    struct transfer *transfer = context;
    if (from != SEEK_SET || offset < 0 || (uint64_t)offset > transfer->request->body->size)
        return CURL_SEEKFUNC_FAIL;
    transfer->sent = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

// ---- options

static void set_number(CURL *easy, CURLoption option, long value)
{
    if (curl_easy_setopt(easy, option, value) == CURLE_OUT_OF_MEMORY)
        base_out_of_memory();
}

static void set_pointer(CURL *easy, CURLoption option, const void *value)
{
    if (curl_easy_setopt(easy, option, value) == CURLE_OUT_OF_MEMORY)
        base_out_of_memory();
}

static void set_limits(CURL *easy, const struct http_rules *rules)
{
    double seconds = rules->connect_seconds > 0 ? rules->connect_seconds : default_connect_seconds;
    set_number(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)fmax(seconds * 1000, 1));
    set_number(easy, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
    set_number(easy, CURLOPT_NOSIGNAL, 1);
    set_number(easy, CURLOPT_TCP_KEEPALIVE, 1);
}

// All that could lead elsewhere than to the host of the link, or show it more than the request.
static void set_walls(CURL *easy, const struct http_rules *rules)
{
    // Variables like http_proxy would have the guard see the proxy's address only.
    set_pointer(easy, CURLOPT_PROXY, "");
    set_pointer(easy, CURLOPT_NOPROXY, "*");
    set_pointer(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    set_number(easy, CURLOPT_FOLLOWLOCATION, 0);
    set_number(easy, CURLOPT_NETRC, CURL_NETRC_IGNORED);
    set_number(easy, CURLOPT_SSL_VERIFYPEER, 1);
    set_number(easy, CURLOPT_SSL_VERIFYHOST, 2);
    set_number(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
    set_number(easy, CURLOPT_HTTP09_ALLOWED, 0);
    set_number(easy, CURLOPT_PATH_AS_IS, 1); // what is signed is what is sent
    if (rules->ca_file != NULL)
        set_pointer(easy, CURLOPT_CAINFO, rules->ca_file);
}

static void set_callbacks(CURL *easy, struct transfer *transfer)
{
    (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_line);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    (void)curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, note_connected);
    set_pointer(easy, CURLOPT_OPENSOCKETDATA, transfer);
    set_pointer(easy, CURLOPT_HEADERDATA, transfer);
    set_pointer(easy, CURLOPT_WRITEDATA, transfer);
    set_pointer(easy, CURLOPT_PREREQDATA, transfer);
    set_pointer(easy, CURLOPT_ERRORBUFFER, transfer->words);
}

static void set_method(CURL *easy, struct transfer *transfer)
{
    const struct http_request *request = transfer->request;
    if (request->body != NULL) {
        set_number(easy, CURLOPT_UPLOAD, 1);
        (void)curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->body->size);
        (void)curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body);
        (void)curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, seek_body);
        set_pointer(easy, CURLOPT_READDATA, transfer);
        set_pointer(easy, CURLOPT_SEEKDATA, transfer);
        set_number(easy, CURLOPT_UPLOAD_BUFFERSIZE, SEND_BYTES);
    }
    if (request->method != NULL && strcmp(request->method, "HEAD") == 0)
        set_number(easy, CURLOPT_NOBODY, 1);
    else if (request->method != NULL)
        set_pointer(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static void add_field(struct curl_slist **list, const char *field)
{
    struct curl_slist *longer = curl_slist_append(*list, field);
    if (longer == NULL)
        base_out_of_memory();
    *list = longer;
}

static void set_fields(CURL *easy, struct transfer *transfer, bool same_origin)
{
    curl_slist_free_all(transfer->fields);
    transfer->fields = NULL;
    for (const char *const *field = transfer->request->fields; field && *field; field++)
        if (same_origin || strncasecmp(*field, "Authorization:", 14) != 0)
            add_field(&transfer->fields, *field);
    // Waiting for 100 Continue costs a second with servers that do not know it.
    if (transfer->request->body != NULL)
        add_field(&transfer->fields, "Expect:");
    set_pointer(easy, CURLOPT_HTTPHEADER, transfer->fields);
    set_pointer(easy, CURLOPT_USERAGENT, "clipspool/" CLIPSPOOL_VERSION);
}

// ---- driving

static int stopped(struct err *err)
{
    (void)err_set(err, ERR_RETRY, "stopped", "the transfer was asked to stop");
    return -ECANCELED;
}

// What ends a transfer from our side.  Returns 0 or a negative with err set.
static int check_time(struct transfer *transfer)
{
    const struct pace_rules *rules = &transfer->pace.rules;
    switch (pace_judge(&transfer->pace, monotonic_us(), transfer->moved)) {
    case PACE_STALLED:
        return err_set(transfer->err, ERR_RETRY, "stalled",
                       "the server sent less than %g bytes a second for %g s",
                       rules->stall_bytes_per_second, pace_window_seconds(rules));
    case PACE_LATE:
        return err_set(transfer->err, ERR_RETRY, "too_slow", "the server did not answer in %g s",
                       transfer->request->deadline_seconds);
    case PACE_GOOD:
        break;
    }
    return 0;
}

// Lets libcurl work until it is done.  Returns 0 and its code, or a negative with err set.
static int drive(struct transfer *transfer, CURLcode *ret_code)
{
    CURLM *multi = transfer->http->multi;
    struct curl_waitfd stop = { .fd = transfer->http->rules.stop_fd, .events = CURL_WAIT_POLLIN };
    unsigned extra = stop.fd > 0 ? 1 : 0;
    int running = 1, left;
    for (;;) {
        if (curl_multi_perform(multi, &running) != CURLM_OK)
            return err_set(transfer->err, ERR_SYSTEM, "transport", "the transfer cannot go on");
        if (running == 0)
            break;
        int r = check_time(transfer);
        if (r < 0)
            return r;
        (void)curl_multi_poll(multi, extra ? &stop : NULL, extra, TICK_MS, NULL);
        if (extra && stop.revents != 0)
            return stopped(transfer->err);
        stop.revents = 0;
    }
    const CURLMsg *message = curl_multi_info_read(multi, &left);
    *ret_code = message ? message->data.result : CURLE_FAILED_INIT;
    return 0;
}

static int connect_failure(struct transfer *transfer)
{
    const char *refusal = guard_refusal(&transfer->guard);
    if (refusal == NULL)
        return err_set(transfer->err, ERR_RETRY, "unreachable", "the server cannot be reached");
    (void)err_set(transfer->err, ERR_DENIED, "address_refused",
                  "the link leads to %s, which is not a server on the open internet", refusal);
    return err_hint(transfer->err,
                    "an administrator can name it in fetch.allow_hosts or fetch.allow_networks");
}

// What libcurl ran into, in our words.  Returns 0 if it was nothing.
static int judge(struct transfer *transfer, CURLcode code)
{
    if (code == CURLE_OK || transfer->enough)
        return 0;
    if (transfer->failed < 0)
        return transfer->failed;
    cleanup(free_ptr) char *words =
        text_escape(*transfer->words ? transfer->words : curl_easy_strerror(code));
    switch (code) {
    case CURLE_OUT_OF_MEMORY:
        base_out_of_memory();
    case CURLE_COULDNT_RESOLVE_HOST:
        return err_set(transfer->err, ERR_RETRY, "no_address", "the host of the link is unknown");
    case CURLE_COULDNT_CONNECT:
        return connect_failure(transfer);
    case CURLE_OPERATION_TIMEDOUT:
        return err_set(transfer->err, ERR_RETRY, "unreachable", "the server cannot be reached: %s",
                       words);
    case CURLE_PEER_FAILED_VERIFICATION:
        return err_set(transfer->err, ERR_INPUT, "bad_certificate",
                       "the server does not prove that it is the one of the link: %s", words);
    case CURLE_SSL_CACERT_BADFILE:
        return err_set(transfer->err, ERR_CONFIG, "bad_ca_file",
                       "the file of trusted authorities cannot be used: %s", words);
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
        return err_set(transfer->err, ERR_INPUT, "bad_answer",
                       "the server's answer is unusable: %s", words);
    default:
        return err_set(transfer->err, ERR_RETRY, "cut_off", "the transfer broke off: %s", words);
    }
}

// ---- hops

static void begin_hop(struct transfer *transfer)
{
    cleanup(free_ptr) char *host = url_part(transfer->url, CURLUPART_HOST, 0);
    const struct http_rules *rules = &transfer->http->rules;
    guard_begin(&transfer->guard, host, rules->allow_hosts, &rules->allow_networks);
    pace_connecting(&transfer->pace);
    transfer->head_is_done = transfer->enough = false;
    transfer->failed = 0;
    transfer->sent = 0;
    transfer->words[0] = '\0';
    http_answer_release(transfer->answer);
    transfer->answer->link = url_part(transfer->url, CURLUPART_URL, 0);
}

// Sets all that the hop needs and hands it to libcurl.
static void start_hop(struct transfer *transfer, bool same_origin)
{
    CURL *easy = transfer->easy;
    begin_hop(transfer);
    curl_easy_reset(easy);
    set_pointer(easy, CURLOPT_CURLU, transfer->url);
    set_limits(easy, &transfer->http->rules);
    set_walls(easy, &transfer->http->rules);
    set_callbacks(easy, transfer);
    set_method(easy, transfer);
    set_fields(easy, transfer, same_origin);
    if (curl_multi_add_handle(transfer->http->multi, easy) != CURLM_OK)
        base_out_of_memory();
}

static int do_hop(struct transfer *transfer, bool same_origin)
{
    CURLcode code = CURLE_OK;
    start_hop(transfer, same_origin);
    int r = drive(transfer, &code);
    (void)curl_multi_remove_handle(transfer->http->multi, transfer->easy);
    return r < 0 ? r : judge(transfer, code);
}

// Turns to where the answer points.  Returns 1 if that is the same origin, 0, or a negative.
static int turn(struct transfer *transfer)
{
    cleanup(free_ptr) char *before = origin(transfer->url);
    int r = set_url(transfer->url, answer_find(&transfer->answer->head, "Location"), transfer->err);
    if (r < 0)
        return err_prefix(transfer->err, "the server sends on to elsewhere");
    cleanup(free_ptr) char *after = origin(transfer->url);
    if (strncmp(before, "https:", 6) == 0 && strncmp(after, "http:", 5) == 0)
        return err_set(transfer->err, ERR_DENIED, "insecure_redirect",
                       "the server sends on from https to http, where anybody may listen");
    return strcmp(before, after) == 0;
}

static int do_hops(struct transfer *transfer)
{
    bool same_origin = true;
    for (unsigned hop = 0;; hop++) {
        int r = do_hop(transfer, same_origin);
        if (r < 0 || !is_redirect(transfer))
            return r;
        if (hop == transfer->request->max_redirects)
            return err_set(transfer->err, ERR_INPUT, "too_many_redirects",
                           "the server sends on to elsewhere more than %u times", hop);
        r = turn(transfer);
        if (r < 0)
            return r;
        same_origin = same_origin && r == 1;
    }
}

// Fills *transfer but for its http and easy.
static int begin(struct transfer *transfer, const struct http_request *request,
                 struct http_answer *answer, struct err *err)
{
    const char *method = request->method ? request->method : "GET";
    transfer->request = request;
    transfer->answer = answer;
    transfer->err = err;
    transfer->url = url_new();
    transfer->may_follow =
        request->max_redirects > 0 && (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0);
    const struct http_rules *rules = &transfer->http->rules;
    const struct pace_rules pace = { .stall_seconds = rules->stall_seconds,
                                     .stall_bytes_per_second = rules->stall_bytes_per_second,
                                     .patience_seconds = request->patience_seconds,
                                     .deadline_seconds = request->deadline_seconds };
    pace_begin(&transfer->pace, &pace, monotonic_us());
    return set_url(transfer->url, request->link, err);
}

static void end(struct transfer *transfer)
{
    curl_easy_reset(transfer->easy); // nothing of this request is to be pointed to any more
    curl_slist_free_all(transfer->fields);
    url_free(&transfer->url);
}

int http_do(struct http *http, const struct http_request *request, struct http_answer *answer,
            struct err *err)
{
    struct err own = ERR_INIT;
    struct transfer transfer = { .http = http, .easy = http->easy };
    int r = begin(&transfer, request, answer, err ? err : &own);
    if (r == 0)
        r = do_hops(&transfer);
    end(&transfer);
    return r;
}

// ---- several at a time

struct lane {
    bool busy;
    struct transfer transfer; // easy is the lane's own
    struct http_request request;
    struct http_answer answer;
    struct err err;
};

struct lanes {
    struct http *http;
    const struct http_series *series;
    struct err *err;
    struct lane lane[HTTP_MOST_AT_ONCE];
};

static void lanes_release(struct lanes *lanes)
{
    for (unsigned i = 0; i < lanes->series->at_once; i++) {
        struct lane *lane = &lanes->lane[i];
        if (lane->busy) {
            (void)curl_multi_remove_handle(lanes->http->multi, lane->transfer.easy);
            end(&lane->transfer);
        }
        http_answer_release(&lane->answer);
        curl_easy_cleanup(lane->transfer.easy);
    }
}

// The lane is free again, and who gave its request hears how it went.
static int finish_lane(struct lanes *lanes, unsigned i, int r)
{
    struct lane *lane = &lanes->lane[i];
    (void)curl_multi_remove_handle(lanes->http->multi, lane->transfer.easy);
    end(&lane->transfer);
    lane->busy = false;
    const struct http_outcome outcome = { r, &lane->answer, &lane->err };
    r = lanes->series->done(lanes->series->context, i, &outcome, lanes->err);
    http_answer_release(&lane->answer);
    return r;
}

static int start_lane(struct lanes *lanes, unsigned i)
{
    struct lane *lane = &lanes->lane[i];
    CURL *easy = lane->transfer.easy;
    lane->busy = true;
    lane->request.max_redirects = 0;
    lane->err = (struct err)ERR_INIT;
    lane->transfer = (struct transfer){ .http = lanes->http, .easy = easy };
    int r = begin(&lane->transfer, &lane->request, &lane->answer, &lane->err);
    if (r < 0)
        return finish_lane(lanes, i, r);
    start_hop(&lane->transfer, true);
    return 0;
}

// Gives every free lane something to do.  Returns how many are busy, and the milliseconds until
// asking again makes sense (0: it makes none), or a negative.
static int fill_lanes(struct lanes *lanes, int *ret_wait_ms)
{
    int busy = 0;
    *ret_wait_ms = 0;
    for (unsigned i = 0; i < lanes->series->at_once; i++) {
        struct lane *lane = &lanes->lane[i];
        double wait = 0;
        lane->request = lane->busy ? lane->request : (struct http_request){ .method = NULL };
        int r = lane->busy ? 0
                           : lanes->series->next(lanes->series->context, i, &lane->request, &wait,
                                                 lanes->err);
        if (r > 0) {
            r = start_lane(lanes, i);
            wait = lane->busy ? 0 : 1e-3; // it was over before it began: ask again
        }
        if (r < 0)
            return r;
        int wait_ms = wait > 0 ? (int)fmin(ceil(wait * 1000), TICK_MS) : 0;
        if (wait_ms > 0 && (*ret_wait_ms == 0 || wait_ms < *ret_wait_ms))
            *ret_wait_ms = wait_ms;
        busy += lane->busy;
    }
    return busy;
}

static int end_lanes(struct lanes *lanes)
{
    const CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(lanes->http->multi, &left)) != NULL) {
        unsigned i = 0;
        while (lanes->lane[i].transfer.easy != message->easy_handle)
            i++;
        int r = finish_lane(lanes, i, judge(&lanes->lane[i].transfer, message->data.result));
        if (r < 0)
            return r;
    }
    for (unsigned i = 0; i < lanes->series->at_once; i++) {
        int r = lanes->lane[i].busy ? check_time(&lanes->lane[i].transfer) : 0;
        if (r < 0)
            r = finish_lane(lanes, i, r);
        if (r < 0)
            return r;
    }
    return 0;
}

static int drive_lanes(struct lanes *lanes)
{
    CURLM *multi = lanes->http->multi;
    struct curl_waitfd stop = { .fd = lanes->http->rules.stop_fd, .events = CURL_WAIT_POLLIN };
    unsigned extra = stop.fd > 0 ? 1 : 0;
    int running, wait_ms;
    for (;;) {
        int busy = fill_lanes(lanes, &wait_ms);
        if (busy < 0 || (busy == 0 && wait_ms == 0))
            return busy;
        if (curl_multi_perform(multi, &running) != CURLM_OK)
            return err_set(lanes->err, ERR_SYSTEM, "transport", "the transfer cannot go on");
        int r = end_lanes(lanes);
        if (r < 0)
            return r;
        // Where one ended, its lane is filled before anything is waited for.
        int most_ms = running < busy ? 0 : TICK_MS;
        if (most_ms > 0 && wait_ms > 0)
            most_ms = wait_ms;
        if (busy == 0)
            most_ms = wait_ms;
        (void)curl_multi_poll(multi, extra ? &stop : NULL, extra, most_ms, NULL);
        if (extra && stop.revents != 0)
            return stopped(lanes->err);
        stop.revents = 0;
    }
}

int http_do_series(struct http *http, const struct http_series *series, struct err *err)
{
    struct err own = ERR_INIT;
    cleanup(lanes_release) struct lanes lanes = { .http = http,
                                                  .series = series,
                                                  .err = err ? err : &own };
    for (unsigned i = 0; i < series->at_once; i++)
        if ((lanes.lane[i].transfer.easy = curl_easy_init()) == NULL)
            base_out_of_memory();
    return drive_lanes(&lanes);
}
