// A real smbd on loopback with the share that is shipped, on the spool of a fixture.  Only root can
// start it.
#ifndef CLIPSPOOL_TESTS_SHARE_H
#define CLIPSPOOL_TESTS_SHARE_H

#include "tests/support/spool_fixture.h"

struct share {
    pid_t server;
    char *config, *service, *port; // for smbclient: //127.0.0.1/clipspool, and --port
};

void share_open(struct share *share, const struct spool_fixture *fixture);
// Ends it with all it has started.
void share_close(struct share *share);

#endif
