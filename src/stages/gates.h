// The gates that stages go through, as the configuration has them.
#ifndef CLIPSPOOL_GATES_H
#define CLIPSPOOL_GATES_H

#include "net/gate.h"
#include "spool/settings.h"

// Of a service that is asked: "storage oss-main", "webhook https://example.org".  Keeps stop_fd.
// Gives a gate (gate_free).
struct gate *gates_service(const struct settings *settings, const char *name, int stop_fd);

// Of a host that links lead to: only how many are fetched from it at a time.
struct gate *gates_host(const struct settings *settings, const char *link, int stop_fd);

#endif
