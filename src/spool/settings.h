// The service's own configuration, clipspool.conf: one table of options, one struct.
#ifndef CLIPSPOOL_SETTINGS_H
#define CLIPSPOOL_SETTINGS_H

#include "base/config.h"
#include "spool/bucket.h"
#include "spool/model.h"
#include "spool/step.h"

struct settings_stage {
    int64_t tries;       // how often a step may be tried in all
    double wait_seconds; // before the second try; doubles after, with jitter
    double soft_seconds; // then SIGTERM
    double hard_seconds; // then SIGKILL
};

// What is taken: what looks complete, or only what somebody says is.
enum intake_mode { INTAKE_AUTO, INTAKE_MARKER };

struct settings {
    // spool { }
    char *root;     // holds work, failed, archive, quarantine, and by default incoming and outbox
    char *incoming; // or NULL: root/incoming
    char *outbox;   // or NULL: root/outbox
    char *programs; // the folder of the stages, or NULL: the one this installation was built for
    // intake { }
    int intake_mode; // enum intake_mode
    double settle_seconds, scan_seconds;
    double doubt_seconds; // how long what is cut off, or has a hole, is waited for
    bool accept_links; // symbolic and hard links are sources; only for a private spool (clipspool
                       // run)
    // limits { }
    int64_t max_sources, max_source_bytes, max_entries, max_pixels, max_streams;
    double max_source_seconds;
    int64_t stage_memory_bytes; // RLIMIT_AS of a stage, 0: none
    double min_free_percent;    // below this no new batch is taken
    double min_free_batches;    // nor below this many times the largest
    // fetch { }: see net/http.h
    char *allow_hosts, *allow_networks, *ca_file; // or NULL
    double connect_seconds, stall_seconds, stall_bytes_per_second;
    // storage { }
    int storage;          // enum job_storage, but never STORAGE_SERVICE
    char *bucket;         // name of the one in buckets that proxies and reels go to, or NULL
    char *public_address; // where everybody reads what is in it, or NULL
    double link_seconds, reel_link_seconds, temp_hours;
    struct bucket_list buckets;
    // webhook { }
    char *webhook_credential;                           // as of net/credential.h; or NULL
    char *webhook_allow_hosts, *webhook_allow_networks; // or NULL
    double webhook_deadline_seconds;                    // for an answer
    char *webhook_wait_seconds;                         // as of errand_read_waits
    // services { }: see spool/throttle.h
    double service_rate, service_rest_seconds;
    int64_t service_burst, service_concurrent, service_failures;
    int64_t host_concurrent; // links at a time from one host
    // models { } dashscope { } openai { }
    struct model_settings models;
    // slots { }
    int64_t cpu_slots; // 0: one more than there are processors
    int64_t net_slots, model_slots;
    // stages { fetch { tries, wait_seconds, soft_seconds, hard_seconds } ... }
    struct settings_stage stage[STAGE_COUNT];
    // plan { }
    double snap_seconds; // how far a boundary may move to a better place
    bool plan_exact;     // in every batch starts are chosen without regard to key frames
    // keep { }: days, 0 for ever
    double archive_days, failed_days;
    int64_t proxy_bytes; // of proxies that were made before; 0: none are kept
    double proxy_days;   // since they were last of use
    // service { }
    double stop_seconds; // steps get this long to end at SIGTERM
};

extern const struct config_option settings_options[];
extern const size_t settings_option_count;

// Reads and checks the file at `path`; NULL means defaults only.  Fills the zeroed *settings, which
// settings_release frees. Returns 0, or a negative with every problem in report.  Cross-field rules
// (hard > soft...) are checked here too.
int settings_load(const char *path, struct settings *settings, struct config_report *report);
void settings_release(struct settings *settings);

// What the wish of a job, enum job_storage, comes to: STORAGE_LOCAL, STORAGE_OSS or STORAGE_HYBRID.
// -EINVAL if it wants a bucket and none is configured.
int settings_storage(const struct settings *settings, int wish);

// The folders people use.  Give a string: settings->incoming or outbox, else beside the others in
// root.
char *settings_incoming(const struct settings *settings);
char *settings_outbox(const struct settings *settings);

// The absolute path of the stage program `name`: in settings->programs if that is set, else where
// this installation has it, seen from the running program: ../libexec/clipspool for one in bin/ or
// sbin/, the same folder for one in libexec/clipspool/.  Gives a string.  Whether it can be started
// shows when it is started.
int settings_program(const struct settings *settings, const char *name, char **ret_path,
                     struct err *err);

// The folder of the prompts, found likewise: models.prompts if that is set, else
// share/clipspool/prompts of this installation.  Gives a string.
int settings_prompts(const struct settings *settings, char **ret_folder, struct err *err);

#endif
