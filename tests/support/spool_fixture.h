// A temporary spool with the real daemon on it, and events to wait for instead of sleeping.
//
// spool_fixture_open makes the spool; settings are added with spool_fixture_set; start runs the
// clipspoold that was built beside the test and waits for READY.  Stages are the real ones, or
// stand-ins (fake_stages.h).  All waits end after `patience` seconds with a failed test; a spool
// whose test failed is left for inspection, with the daemon's log in it.
#ifndef CLIPSPOOL_TESTS_SPOOL_FIXTURE_H
#define CLIPSPOOL_TESTS_SPOOL_FIXTURE_H

#include "tests/support/folder.h"
#include <jansson.h>
#include <signal.h>
#include <sys/types.h>

enum { SPOOL_FIXTURE_SECONDS = 60 }; // for sanitizers on a busy machine

struct spool_fixture {
    struct folder folder; // holds everything
    char *root;           // the spool
    char *config;         // path of its configuration
    char *extra;          // lines of the configuration besides spool.*
    char *programs;       // NULL: the real stages
    const char *incoming; // NULL, or another folder than the spool's own; borrowed
    int patience;         // seconds a wait takes at most; SPOOL_FIXTURE_SECONDS
    pid_t daemon;         // 0: none runs
    int notify;           // the socket that the daemon tells its state
    char *notified;       // all it has told so far
};

void spool_fixture_open(struct spool_fixture *fixture);
// The same in memory, as folder_make_in_memory has it.
void spool_fixture_open_in_memory(struct spool_fixture *fixture);
// Ends the daemon if one runs, and removes the spool.
void spool_fixture_close(struct spool_fixture *fixture);

// Adds a line of libconfig text ("slots = { cpu = 2; };").  Replaces nothing: a group once only.
void spool_fixture_set(struct spool_fixture *fixture, const char *line);
// A line by which videos are shown to a model elsewhere that nobody reaches: so proxies go up, and
// a real analyze does without, after a second, in its last try.  The service never rests.
#define SPOOL_FIXTURE_MODEL                                                                  \
    "models = { vision = \"openai\"; input = \"frames\"; patience_seconds = 1; }; openai = " \
    "{ address = \"http://127.0.0.1:9/v1\"; dialect = \"own\"; vision_model = \"none\"; }; " \
    "services = { failures = 0; };"
// Takes the named stages from stand-ins in the calling program ("probe compress"), the others from
// the real ones.
void spool_fixture_fake(struct spool_fixture *fixture, const char *stages);
// (Re)writes the configuration file.
void spool_fixture_write_config(struct spool_fixture *fixture);

// Starts the daemon; begin does not wait for READY.  Further arguments end with NULL.
void spool_fixture_start(struct spool_fixture *fixture);
void spool_fixture_begin(struct spool_fixture *fixture, const char *const *arguments);
// Sends a signal and waits for the end.  Returns the wait status.
int spool_fixture_stop(struct spool_fixture *fixture, int signal_number);
// Waits for the daemon to end by itself.
int spool_fixture_wait(struct spool_fixture *fixture);
// The processes that the daemon has started and that still run, at most `room`.  Returns how many.
size_t spool_fixture_children(const struct spool_fixture *fixture, pid_t *pids, size_t room);
// Waits for a datagram of the daemon that contains text.
void spool_fixture_await_notice(struct spool_fixture *fixture, const char *text);

// The path of a name in the spool, "outbox/trip/final.mp4".  Gives a string.
char *spool_fixture_path(const struct spool_fixture *fixture, const char *name);

// Puts a file into incoming, or anywhere in the spool, in one write.
void spool_fixture_put(struct spool_fixture *fixture, const char *name, const void *data,
                       size_t size);
// Makes a batch aside and renames it into incoming: a folder with files of the given names
// ("a.mp4 b.mp4") holding a few bytes each, and job.conf text or NULL.  With .ready.
void spool_fixture_drop(struct spool_fixture *fixture, const char *name, const char *files,
                        const char *job);
// The same with a `fake` script for stand-ins.
void spool_fixture_drop_script(struct spool_fixture *fixture, const char *name, const char *files,
                               const char *script);

// Drops copies of `count` files, "0-a.mp4" for the first and so on, so that their numbers in
// plan.json are those of the list.
void spool_fixture_drop_copies(struct spool_fixture *fixture, const char *name,
                               const char *const *paths, size_t count, const char *job);

// Waits until the status word in outbox/NAME/status.json is this one (NULL: any final one).  Gives
// the document (json_decref).
json_t *spool_fixture_await(struct spool_fixture *fixture, const char *name, const char *status);
// Waits until the name exists in the spool, or exists no more.
void spool_fixture_await_name(struct spool_fixture *fixture, const char *name, bool there);
// Waits until a directory of the spool has this number of entries.
void spool_fixture_await_count(struct spool_fixture *fixture, const char *directory, size_t count);
// The number of entries of a directory of the spool, without those that begin with a dot.
size_t spool_fixture_count(const struct spool_fixture *fixture, const char *directory);
// Waits until check(fixture, context) is true, looking whenever something below `directory`
// changes and ten times a second.
void spool_fixture_await_that(struct spool_fixture *fixture, const char *directory,
                              bool (*check)(struct spool_fixture *fixture, void *context),
                              void *context);
// status.json as it is now, NULL if there is none.
json_t *spool_fixture_status(const struct spool_fixture *fixture, const char *name);
// The daemon's log so far.  Gives a string.
char *spool_fixture_log(const struct spool_fixture *fixture);

#endif
