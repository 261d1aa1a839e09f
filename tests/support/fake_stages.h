// Stand-ins for stages: the test program itself under another name, quick and obedient.
//
// A batch may hold a file `fake` (kept, but no video) with a line for each thing to do:
//
//   STAGE[.INDEX][*N] ACTION [ARGUMENT]
//     exit STATUS      leaves with it, having said why
//     need STATUS PATH leaves with it unless PATH exists
//     die SIGNAL       kills itself
//     hang             waits until the supervisor has had enough
//     deaf             the same, and does not listen to SIGTERM
//     wait PATH        goes on when someone writes into the FIFO at PATH
//     progress F       tells it
//     warn [N]         tells a warning, N times
//     babble           writes rubbish to descriptor 3 and to stderr
//     nothing          ends well without a result
//   *N: only in the first N attempts.  +STAGE: after its work, when its result is written.
//
// Then it does what its stage must do at the least: probe.json, plan.json, final.mp4, and for a
// batch with a bucket proxy.mp4; fetch,
// upload and publish become the real ones, unless the environment of the daemon says TZ=fake (one
// of the few variables that stages get), for measuring the daemon alone.
#ifndef CLIPSPOOL_TESTS_FAKE_STAGES_H
#define CLIPSPOOL_TESTS_FAKE_STAGES_H

#include "base/base.h"

// True if the program was started under the name of a stage; then main returns
// fake_stages_main().
bool fake_stages_is(const char *program);
int fake_stages_main(int argc, char **argv);

// The reel that the stand-in for render makes of a batch.
#define FAKE_REEL "this is a reel\n"

#endif
