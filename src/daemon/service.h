// The daemon's one object: what is configured, what is open, what is known.
//
//   intake ---- new names ----> life <---- wishes (cancel, retry)
//                                | opens batches, asks course and schedule what is next
//                                v
//                            supervise ---> executor ---> a process
//                                |
//                                v
//                             report (status.json, batch.log, log.jsonl)
#ifndef CLIPSPOOL_SERVICE_H
#define CLIPSPOOL_SERVICE_H

#include "daemon/cgroup.h"
#include "daemon/executor.h"
#include "daemon/live.h"
#include "daemon/options.h"
#include "daemon/progress.h"
#include "daemon/roster.h"
#include "daemon/schedule.h"
#include "spool/settings.h"
#include "spool/spool.h"

struct errands;
struct patrol;
struct intake;

struct service {
    const struct options *options; // borrowed for the whole life
    struct settings settings;
    char *accepted;  // path of the configuration that stages read, or NULL; owned
    bool unaccepted; // that copy could not be written yet: no step may run
    sd_event *event;
    struct spool spool;
    struct cgroup cgroup;
    struct executor executor;
    struct schedule schedule;
    struct progress_rates rates;
    struct roster roster;
    struct live *open; // the open batches
    struct intake *intake;
    struct patrol *patrol;
    struct errands *errands;

    unsigned running;
    unsigned carried;              // copies that were cut off and are made now
    uint64_t held_us[STAGE_COUNT]; // until when a stage rests; UINT64_MAX: until reload
    char *held_why[STAGE_COUNT];   // owned
    uint64_t trouble_until_us;     // the machine is in trouble: nothing new is taken until then
    uint64_t expired_us;           // when old batches were looked for
    double calendar_seconds;       // when the date was looked at, since the boot
    bool clock_doubted;
    bool space_low, stopping, failed;
    bool look_due; // of some member

    sd_event_source *pump, *tick, *scan, *stop_timer;
    char *told_status; // last STATUS= line; owned
    uint64_t told_us;
};

// Loads the configuration, opens the spool, recovers what is in work/.  Errors are in words in err
// or, for a configuration, in *report.
int service_open(struct service *service, const struct options *options,
                 struct config_report *report, struct err *err);
// Runs until told to stop or, with --once, until nothing is left.  Returns the exit status.
int service_run(struct service *service);
void service_release(struct service *service);

// Monotonic time of this turn of the loop.
uint64_t service_now(const struct service *service);
// Ends the process where `r`, of a call for a timer or a wake-up, is a failure: what waits would
// wait for ever.  The next start goes on from what is on the disk.
void service_need(int r);
// Sees to it that, in this turn of the loop still, what can start is started.
void service_wake(struct service *service);
// Arms the timer in *source (made when NULL) for a monotonic time, with an accuracy of its own.
void service_arm(struct service *service, sd_event_source **source, uint64_t when_us,
                 sd_event_time_handler_t handler, void *context);
// 0..1, random: spreads retries of what failed together.
double service_chance(void);
// Starts a program of libexec as steps and errands are: with the accepted configuration, this
// spool, and what stands behind the options (NULL: nothing more).  Gives *ret_execution.
int service_start(struct service *service, const char *name, char *first, char *second,
                  const struct executor_listener *listener, struct execution **ret_execution,
                  struct err *err);
// Slots of a class in all.
unsigned service_slots(const struct settings *settings, enum slot_class slot);

#endif
