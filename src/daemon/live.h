// A batch that is worked on: what is in its directory, in memory, and what runs of it now.
#ifndef CLIPSPOOL_LIVE_H
#define CLIPSPOOL_LIVE_H

#include "daemon/course.h"
#include "daemon/roster.h"
#include "spool/batch.h"
#include "spool/spool.h"
#include "spool/status.h"

enum { STATUS_MAX_BYTES = 4 << 20 }; // of a status.json that is read back

struct run;     // supervise.c
struct service; // service.h

struct live {
    struct service *service;      // borrowed
    struct member *member;        // its place in the roster; borrowed
    struct live *next, *previous; // among the open ones
    struct batch batch;
    struct course course;
    int batchdir, outboxdir; // outboxdir: use live_outbox()
    double *material;        // seconds of each source, probed or guessed; owned
    bool *elsewhere;         // of each source: it has to be downloaded; owned
    struct schedule_turn turns[SLOT_COUNT];
    struct run *runs; // its steps that run now
    unsigned running;
    sd_event_source *wake; // fires when a step has waited long enough; or NULL
    bool cancelled;

    // how it ends
    bool ending, told; // told: its end is in the log
    enum status_word end;
    time_t ended_at;
    struct err error; // of the whole batch
    enum stage error_stage;
    bool error_has_stage;

    // what was reported last
    enum status_word reported;
    double percent; // never falls
    bool dirty;
    uint64_t reported_us;
};

// Opens the understood batch of the member: reads batch.json and all steps.  Gives *ret_live
// (live_free).  Errors: ERR_INPUT if what is there cannot be understood.
int live_open(struct spool *spool, struct member *member, struct live **ret_live, struct err *err);
void live_free(struct live **live);

// Its outbox folder as it is now: people may move it away at any time, then it is made again.
// Returns the descriptor (borrowed), or a negative.
int live_outbox(struct spool *spool, struct live *live, struct err *err);

// Takes the seconds of a source from its probe.json if there is one, else guesses them anew.
void live_measure(struct live *live, int index);

// True for a step that downloads.
bool live_downloads(const struct live *live, struct course_place place);

// The seconds of material that a step works on, for the rates.
double live_material(const struct live *live, struct course_place place);
double live_reel_seconds(const struct live *live);

// The bytes of its videos as far as they are known: those of a link when it is downloaded.
uint64_t live_bytes(const struct live *live);
// What its steps are expected to write still: the proxies, at the highest rate of a profile, and a
// reel whose seconds are as large as those of the videos.  Downloads set their own space aside.
uint64_t live_unwritten(const struct live *live);

// The name of a source for people ("clip 2.mp4"), or "" for a step on the batch.  Gives a string.
char *live_source_name(const struct live *live, int index);

#endif
