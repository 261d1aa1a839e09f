// A server of the tests as a process of its own: it lives as long as its stdin is open, and tells
// what it has to tell by lines on its stdout.
#ifndef CLIPSPOOL_TESTS_SERVER_H
#define CLIPSPOOL_TESTS_SERVER_H

#include <sys/types.h>

struct server {
    pid_t pid;
    int stdin_fd, stdout_fd;
};

// Starts arguments[0], looked up in PATH, the list ends with NULL; fails the test where that cannot
// be.
void server_start(struct server *server, char *const *arguments);
// Ends it and waits for it.
void server_stop(struct server *server);

#endif
