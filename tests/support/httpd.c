#include "tests/support/httpd.h"

#include "tests/support/program.h"
#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

enum { PATIENCE_MS = 20000, PERIOD = 65521 };

static unsigned own_requests; // of httpd_accepted, not to be counted

void httpd_start(struct httpd *httpd, const char *certificate)
{
    char *arguments[] = { (char[]){ "tests/support/httpd.py" }, NULL, NULL };
    arguments[1] = certificate ? xstrdup(certificate) : NULL;
    server_start(&httpd->process, arguments);
    free(arguments[1]);
    httpd->log = xstrdup("");
    httpd->log_size = 0;
    own_requests = 0;
    httpd_wait(httpd, "port ");
    httpd->port = (unsigned)strtoul(strstr(httpd->log, "port ") + 5, NULL, 10);
}

void httpd_stop(struct httpd *httpd)
{
    server_stop(&httpd->process);
    free_ptr(&httpd->log);
}

bool httpd_certify(const char *path)
{
    cleanup(free_ptr) char *output = NULL;
    if (access("/usr/bin/openssl", X_OK) != 0) {
        printf("SKIP certificates: openssl is not installed\n");
        return false;
    }
    int r = PROGRAM_RUN(&output, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                        "-days", "2", "-keyout", path, "-out", path);
    ck_assert_msg(r == 0, "%s", output);
    return true;
}

char *httpd_link(const struct httpd *httpd, const char *format, ...)
{
    va_list args;
    char *rest = NULL;
    va_start(args, format);
    ck_assert_int_ge(vasprintf(&rest, format, args), 0);
    va_end(args);
    char *link = xasprintf("http://127.0.0.1:%u%s", httpd->port, rest);
    free(rest);
    return link;
}

// Reads one line to the end of the log.
static const char *read_line(struct httpd *httpd, const char *waiting_for)
{
    size_t begin = httpd->log_size;
    struct pollfd ready = { .fd = httpd->process.stdout_fd, .events = POLLIN };
    do {
        httpd->log = xrealloc(httpd->log, httpd->log_size + 2, 1);
        ck_assert_msg(poll(&ready, 1, PATIENCE_MS) == 1, "waited for \"%s\" after:\n%s",
                      waiting_for, httpd->log);
        ck_assert_msg(read(httpd->process.stdout_fd, httpd->log + httpd->log_size, 1) == 1,
                      "the server is gone:\n%s", httpd->log);
        httpd->log[++httpd->log_size] = '\0';
    } while (httpd->log[httpd->log_size - 1] != '\n');
    return httpd->log + begin;
}

void httpd_wait(struct httpd *httpd, const char *begin)
{
    while (strncmp(read_line(httpd, begin), begin, strlen(begin)) != 0)
        continue;
}

unsigned httpd_accepted(struct httpd *httpd)
{
    // Connections are accepted in the order they come, so what came before this is known after it.
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)httpd->port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    char *request = xasprintf("GET /own-%u?status=204 HTTP/1.1\r\n\r\n", ++own_requests);
    ck_assert_int_eq(write(fd, request, strlen(request)), (ssize_t)strlen(request));
    char *line = xasprintf("GET /own-%u?", own_requests);
    while (strstr(read_line(httpd, line), line) == NULL)
        continue;
    free(request);
    free(line);
    close(fd);
    return httpd_count(httpd, "accept ") - own_requests;
}

unsigned httpd_count(const struct httpd *httpd, const char *begin)
{
    unsigned count = 0;
    for (const char *at = httpd->log; *at; at += strcspn(at, "\n") + 1)
        count += strncmp(at, begin, strlen(begin)) == 0;
    return count;
}

// Each accepted connection has begun a request or is closed: its line may come long after others'.
static bool all_are_known(const struct httpd *httpd)
{
    unsigned number;
    for (const char *at = httpd->log; *at; at += strcspn(at, "\n") + 1) {
        if (sscanf(at, "accept %u", &number) != 1)
            continue;
        char *request = xasprintf("request %u ", number),
             *closed = xasprintf("closed %u\n", number);
        bool is_known = strstr(httpd->log, request) || strstr(httpd->log, closed);
        free(request);
        free(closed);
        if (!is_known)
            return false;
    }
    return true;
}

uint64_t httpd_sent(struct httpd *httpd)
{
    (void)httpd_accepted(httpd);
    while (!all_are_known(httpd))
        (void)read_line(httpd, "request");
    while (httpd_count(httpd, "sent ") < httpd_count(httpd, "request "))
        (void)read_line(httpd, "sent");
    uint64_t sum = 0, bytes;
    for (const char *at = httpd->log; *at; at += strcspn(at, "\n") + 1)
        if (sscanf(at, "sent %*u %" SCNu64, &bytes) == 1)
            sum += bytes;
    return sum;
}

void httpd_fill(char *bytes, size_t size, uint64_t offset, unsigned seed)
{
    for (size_t i = 0; i < size; i++) {
        uint64_t j = (offset + i) % PERIOD;
        bytes[i] = (char)(((j * j * 31 + j * 7 + (uint64_t)seed * 101) >> 3) & 255);
    }
}
