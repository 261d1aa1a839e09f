// What the user wants: job.conf.
#ifndef CLIPSPOOL_JOB_H
#define CLIPSPOOL_JOB_H

#include "base/config.h"
#include "base/json.h"
#include "spool/model.h"

enum job_strategy {
    STRATEGY_HIGHLIGHTS,
    STRATEGY_STORY,
    STRATEGY_CHRONOLOGICAL,
    STRATEGY_EVERY_SOURCE
};
enum job_profile { PROFILE_DYNAMIC, PROFILE_AGGRESSIVE, PROFILE_BALANCED, PROFILE_CONSERVATIVE };
enum job_storage { STORAGE_LOCAL, STORAGE_OSS, STORAGE_HYBRID, STORAGE_SERVICE };
enum job_priority { PRIORITY_LOW, PRIORITY_NORMAL, PRIORITY_HIGH };
enum job_mode { MODE_ORIGINAL_QUALITY, MODE_RECOMPRESS };
enum job_quality { QUALITY_SOURCE, QUALITY_LOW, QUALITY_MEDIUM, QUALITY_HIGH };

// The names of these values as job.conf and status.json write them; each ends with NULL.
extern const char *const job_strategies[], *const job_profiles[], *const job_priorities[];
extern const char *const job_storages[];
// Encoders of the reel's pictures, by libav's names but for the first, "auto".
extern const char *const job_encoders[];

struct job_source {
    char *file;  // name in the dropped folder
    int profile; // enum job_profile, or -1: the job's
};

// In a parsed job.conf texts are valid UTF-8, but for the names of files.
struct job {
    char *title, *prompt, *language;
    char *webhook; // an address as of remote_from_link; NULL or "": nobody is told
    int strategy, profile, priority;
    int storage;            // where the reel goes; STORAGE_SERVICE: where the service puts it
    double target_duration; // 0: 60 s, or 20 % of the material if that is shorter
    double min_segment, max_segment;
    double snap_seconds; // how far a boundary may move to a better place; negative: the service's
    bool exact;          // starts are chosen without regard to key frames
    struct {
        int mode, quality;
        int encoder;      // place in job_encoders; 0: auto
        char *resolution; // "source", "720p", "1280x720"...
        double fps;       // 0: the sources'
        char *bitrate;    // "5000k", "5M", or NULL
    } output;
    int roles[MODEL_ROLES];     // who does it: places in the lists of the table; see job_wish
    struct job_source *sources; // order and overrides; all others follow in natural order
    size_t source_count;
};

extern const struct config_option job_options[];
extern const size_t job_option_count;
enum { JOB_MAX_BYTES = 65536 };

// Parses job.conf text into the zeroed *job (text NULL: defaults).  Cross-field rules included (min
// > max, a resolution or bitrate that cannot be read, ...).  Returns 0 or a negative with every
// problem in report.
int job_parse(const char *name, const char *text, struct job *job, struct config_report *report);
void job_release(struct job *job);

// Who is to do that: enum model_service, MODEL_BY_SERVICE where the job does not say.
int job_wish(const struct job *job, enum model_role role);

// To and from batch.json.  Reading fills the zeroed *job and applies the rules of job_parse; a
// negative is ERR_INPUT "bad_job", and *job must still be released.
json_t *job_to_json(const struct job *job); // gives a reference
int job_from_json(const json_t *json, struct job *job, struct err *err);

// output.resolution as a box the picture must fit in, in pixels; 0x0 for "source".  "720p" is 720
// lines of the shorter side's direction of a 16:9 picture (1280x720; for a portrait reel 720x1280:
// the caller swaps).  Returns 0 or -EINVAL.
int job_resolution(const char *text, int *ret_width, int *ret_height);
// output.bitrate in bit/s ("5000k", "5M", "800000"), 64k to 200M.  Returns 0 or -EINVAL.
int job_bitrate(const char *text, int64_t *ret_bits_per_second);

#endif
