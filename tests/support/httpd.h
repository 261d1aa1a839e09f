// A web server on loopback that misbehaves as the query of a link says (tests/support/httpd.py),
// and what it has to tell.
#ifndef CLIPSPOOL_TESTS_HTTPD_H
#define CLIPSPOOL_TESTS_HTTPD_H

#include "base/base.h"
#include "tests/support/server.h"

struct httpd {
    struct server process;
    unsigned port;
    char *log; // all lines that were read so far
    size_t log_size;
};

// Starts it; `certificate` is a PEM of key and certificate for https, or NULL.
void httpd_start(struct httpd *httpd, const char *certificate);
void httpd_stop(struct httpd *httpd);

// Writes a key and a certificate for localhost into the file at `path`.  False, with a line
// beginning SKIP on stdout, where there is nothing to make one with.
bool httpd_certify(const char *path);

// A link to it: "http://HOST:PORT" and what format makes.  Gives a string.
char *httpd_link(const struct httpd *httpd, const char *format, ...) PRINTF_LIKE(2, 3);

// Reads its lines until one begins with `begin`, at most 20 s.  Only lines that were not waited
// through before count.
void httpd_wait(struct httpd *httpd, const char *begin);

// Makes a request of its own, and with it sure that all that came before is in the log: how many
// connections others have made since the start, and how many lines begin like this.
unsigned httpd_accepted(struct httpd *httpd);
unsigned httpd_count(const struct httpd *httpd, const char *begin);
// Bytes of bodies that were sent, all together.  Waits until all requests have ended.
uint64_t httpd_sent(struct httpd *httpd);

// The object of that seed: `size` bytes from `offset` on.
void httpd_fill(char *bytes, size_t size, uint64_t offset, unsigned seed);

#endif
