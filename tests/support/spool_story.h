// What the integration tests of the daemon share: one spool with stand-ins, and the few ways to
// look at what came of a batch.
#ifndef CLIPSPOOL_TESTS_SPOOL_STORY_H
#define CLIPSPOOL_TESTS_SPOOL_STORY_H

#include "spool/step.h"
#include "tests/support/fake_stages.h"
#include "tests/support/program.h"
#include "tests/support/spool_fixture.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

extern struct spool_fixture fixture; // of the test that runs

// For tcase_add_checked_fixture: a spool whose stages are all stand-ins.
void spool_story_open(void);
void spool_story_close(void);

// The text of a key, "" if there is none.
const char *text_of(const json_t *json, const char *key);
// videos[index] of a status.
const json_t *video(const json_t *status, size_t index);
// The batch has the reel that the stand-ins make.
void assert_reel(const char *name);
// The daemon's log contains the text.
void assert_logged(const char *text);
// A path in the folder of the test, outside the spool, that stages can look for.  Gives a string.
char *outside(const char *name);
// Drops an empty file into the outbox folder of a batch.
void wish(const char *name, const char *file);

// Starts the daemon for what there is to do; it tells its log nothing but errors.
void begin_once(void);
// The batch "trip" is completed, and no longer in work.
bool is_trip_through(void);
// Fails the test unless "trip", of a.mp4 and b.mp4 with these names as contents, has ended exactly
// once: one outbox folder with a whole reel, the videos as they were in the archive, and nothing
// elsewhere.  `when` is said then.
void assert_trip_once(const char *when);

// main() of a test program: a stand-in if it was started as one, else the tests.
int spool_story_main(int argc, char **argv, const char *name, void (*add_tests)(TCase *tcase));

#endif
