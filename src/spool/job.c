// The table of job.conf, the rules between its keys, and its form in batch.json.

#include "spool/job.h"
#include "base/text.h"
#include "spool/batch.h"
#include "spool/remote.h"
#include <errno.h>

#define AT(member) .offset = offsetof(struct job, member)
#define SOURCE_AT(member) .offset = offsetof(struct job_source, member)

// Title and prompt go into documents and requests to models: a page is plenty.
enum { MAX_TEXT = 2000, MAX_FILE_NAME = 4095 };

const char *const job_strategies[] = { "highlights", "story", "chronological", "every-source",
                                       NULL };
const char *const job_profiles[] = { "dynamic", "aggressive", "balanced", "conservative", NULL };
const char *const job_priorities[] = { "low", "normal", "high", NULL };
const char *const job_storages[] = { "local", "oss", "hybrid", "service", NULL };
static const char *const modes[] = { "original_quality", "recompress", NULL };
static const char *const qualities[] = { "source", "low", "medium", "high", NULL };
// The names of enum model_service, and "service" behind them.
static const char *const lookers[] = { "local", "dashscope", "openai", "service", NULL };
static const char *const listeners[] = { "local", "dashscope", "openai", "none", "service", NULL };

const char *const job_encoders[] = { "auto",       "libx264",    "libx265",    "h264_nvenc",
                                     "hevc_nvenc", "h264_vaapi", "hevc_vaapi", NULL };

// A source without a profile of its own is choice 0, which becomes -1 in struct job_source.
static const char *const source_profiles[] = { "same",     "dynamic",      "aggressive",
                                               "balanced", "conservative", NULL };

// clang-format off
static const struct config_option source_options[] = {
    { "file", CONFIG_TEXT, SOURCE_AT(file), NULL, .max = MAX_FILE_NAME,
      .help = "A file of the dropped folder." },
    { "profile", CONFIG_CHOICE, SOURCE_AT(profile), "same", .choices = source_profiles,
      .help = "The profile of this source; same is the profile of the whole job." },
};

const struct config_option job_options[] = {
    { "title", CONFIG_TEXT, AT(title), NULL, .max = MAX_TEXT,
      .help = "The title of the reel." },
    { "prompt", CONFIG_TEXT, AT(prompt), NULL, .max = MAX_TEXT,
      .help = "What you want to see, in your own words." },
    { "language", CONFIG_TEXT, AT(language), NULL, .max = 35,
      .help = "The language spoken in the videos, as a tag like en or pt-BR." },
    { "strategy", CONFIG_CHOICE, AT(strategy), "highlights", .choices = job_strategies,
      .help = "How segments are chosen and ordered." },
    { "target_duration", CONFIG_NUMBER, AT(target_duration), "0", 0, 3600, .unit = "s",
      .help = "Length of the reel; 0 for 60 s, or a fifth of the material if that is shorter." },
    { "min_segment", CONFIG_NUMBER, AT(min_segment), "2", 0.5, 600, .unit = "s",
      .help = "Shortest segment." },
    { "max_segment", CONFIG_NUMBER, AT(max_segment), "12", 0.5, 3600, .unit = "s",
      .help = "Longest segment." },
    { "snap_seconds", CONFIG_NUMBER, AT(snap_seconds), "-1", -1, 3, .unit = "s",
      .help = "How far a segment may be moved to start where its pictures can be copied; "
              "0 not at all, -1 as the service is set." },
    { "exact", CONFIG_BOOL, AT(exact), "false",
      .help = "Choose where segments start without regard to where pictures can be copied." },
    { "profile", CONFIG_CHOICE, AT(profile), "dynamic", .choices = job_profiles,
      .help = "How much videos are shrunk for the analysis; dynamic decides by their length." },
    { "priority", CONFIG_CHOICE, AT(priority), "normal", .choices = job_priorities,
      .help = "Whose turn it is first when several batches wait." },
    { "storage", CONFIG_CHOICE, AT(storage), "service", .choices = job_storages,
      .help = "Where the reel goes: as the service is set, into the outbox only, into a bucket "
              "only, or into both." },

    { "output.mode", CONFIG_CHOICE, AT(output.mode), "original_quality", .choices = modes,
      .help = "Keep the quality of the videos, or compress the reel as the next keys say." },
    { "output.quality", CONFIG_CHOICE, AT(output.quality), "source", .choices = qualities,
      .help = "Quality of the picture in the reel." },
    { "output.resolution", CONFIG_TEXT, AT(output.resolution), "source", .max = 20,
      .help = "source, 480p, 720p, 1080p, 1440p, 2160p, or width and height as in 1280x720." },
    { "output.fps", CONFIG_NUMBER, AT(output.fps), "0", 0, 120, .unit = "pictures/s",
      .help = "Frame rate of the reel, 1 to 120; 0 for that of the videos." },
    { "output.bitrate", CONFIG_TEXT, AT(output.bitrate), NULL, .max = 20,
      .help = "Bit rate of the picture, as in 5000k or 5M; unset, the quality decides." },
    { "output.encoder", CONFIG_CHOICE, AT(output.encoder), "auto", .choices = job_encoders,
      .help = "What encodes pictures that are not copied; one that this machine does not have is "
              "replaced by libx264, and the log says so." },

    { "analysis.vision", CONFIG_CHOICE, AT(roles[MODEL_VISION]), "service", .choices = lookers,
      .help = "Who looks at the videos: this machine, or a service of models that is set up." },
    { "analysis.text", CONFIG_CHOICE, AT(roles[MODEL_TEXT]), "service", .choices = lookers,
      .help = "Who writes the plan; only a service understands a prompt." },
    { "analysis.speech", CONFIG_CHOICE, AT(roles[MODEL_SPEECH]), "service", .choices = listeners,
      .help = "Who writes down what is said, so that no word is cut and the reel has subtitles." },

    { "webhook", CONFIG_TEXT, AT(webhook), NULL, .max = MAX_TEXT,
      .help = "An address that is told how the batch ended: http or https, without a password." },
    { "sources", CONFIG_LIST, AT(sources), NULL, .max = BATCH_MAX_SOURCES,
      .elements = source_options, .element_count = ARRAY_LEN(source_options),
      .element_size = sizeof(struct job_source), .count_offset = offsetof(struct job, source_count),
      .help = "Order and profiles of sources; those not listed follow in order of their names." },
};
// clang-format on

const size_t job_option_count = ARRAY_LEN(job_options);

// ---- values with a form of their own

// Reads a whole number of at most six digits and moves *text behind it.  Negative: none there.
static int take_number(const char **text)
{
    const char *p = *text;
    int value = 0;
    while (*p >= '0' && *p <= '9' && p - *text < 6)
        value = value * 10 + (*p++ - '0');
    if (p == *text)
        return -EINVAL;
    *text = p;
    return value;
}

int job_resolution(const char *text, int *ret_width, int *ret_height)
{
    static const struct {
        const char *name;
        int width, height;
    } named[] = {
        { "source", 0, 0 },      { "480p", 854, 480 },    { "720p", 1280, 720 },
        { "1080p", 1920, 1080 }, { "1440p", 2560, 1440 }, { "2160p", 3840, 2160 },
    };
    for (size_t i = 0; i < ARRAY_LEN(named); i++) {
        if (strcmp(named[i].name, text) == 0) {
            *ret_width = named[i].width;
            *ret_height = named[i].height;
            return 0;
        }
    }
    int width = take_number(&text);
    if (width < 0 || *text++ != 'x')
        return -EINVAL;
    int height = take_number(&text);
    if (height < 0 || *text != 0)
        return -EINVAL;
    // Even because 4:2:0 video has no half pixels; the lower end is what encoders still take.
    if (width % 2 || height % 2 || width < 64 || height < 64 || width > 7680 || height > 7680)
        return -EINVAL;
    *ret_width = width;
    *ret_height = height;
    return 0;
}

int job_bitrate(const char *text, int64_t *ret_bits_per_second)
{
    int64_t value = 0;
    const char *p = text;
    while (*p >= '0' && *p <= '9' && p - text < 10)
        value = value * 10 + (*p++ - '0');
    if (p == text)
        return -EINVAL;
    if (*p == 'k' || *p == 'K') {
        value *= 1000;
        p++;
    } else if (*p == 'M') {
        value *= 1000000;
        p++;
    }
    if (*p != 0 || value < 64000 || value > 200000000)
        return -EINVAL;
    *ret_bits_per_second = value;
    return 0;
}

// ---- rules

static void check_text(const char *name, const char *key, const char *text,
                       struct config_report *report)
{
    if (text != NULL && !text_is_utf8(text, strlen(text)))
        config_report_add(report, "%s: %s: is not valid UTF-8 text", name, key);
}

// Letters, digits and hyphens: what a language tag is made of (BCP 47).
static void check_language(const char *name, const char *text, struct config_report *report)
{
    if (text == NULL)
        return;
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    if (text[0] == 0 || text[strspn(text, allowed)] != 0) {
        cleanup(free_ptr) char *shown = text_escape(text);
        config_report_add(report, "%s: language: \"%s\" is not a language tag like en or pt-BR",
                          name, shown);
    }
}

static void check_times(const char *name, const struct job *job, struct config_report *report)
{
    if (job->target_duration > 0 && job->target_duration < 1)
        config_report_add(report,
                          "%s: target_duration: %g is out of range, allowed 0 or 1 to 3600 s", name,
                          job->target_duration);
    if (job->min_segment > job->max_segment)
        config_report_add(report, "%s: min_segment: %g is longer than max_segment, %g", name,
                          job->min_segment, job->max_segment);
    if (job->snap_seconds < 0 && job->snap_seconds > -1)
        config_report_add(report, "%s: snap_seconds: %g is out of range, allowed -1 or 0 to 3 s",
                          name, job->snap_seconds);
    if (job->target_duration > 0 && job->target_duration < job->min_segment)
        config_report_add(report, "%s: target_duration: %g is shorter than min_segment, %g", name,
                          job->target_duration, job->min_segment);
}

static void check_output(const char *name, const struct job *job, struct config_report *report)
{
    int width, height;
    const char *resolution = job->output.resolution;
    if (resolution != NULL && job_resolution(resolution, &width, &height) < 0) {
        cleanup(free_ptr) char *shown = text_escape(resolution);
        config_report_add(report,
                          "%s: output.resolution: \"%s\" is not one of source, 480p, 720p, 1080p, "
                          "1440p, 2160p, nor an even width and height of 64 to 7680 as in 1280x720",
                          name, shown);
    }
    if (job->output.fps > 0 && job->output.fps < 1)
        config_report_add(report, "%s: output.fps: %g is out of range, allowed 0 or 1 to 120", name,
                          job->output.fps);
    int64_t rate;
    if (job->output.bitrate != NULL && job_bitrate(job->output.bitrate, &rate) < 0) {
        cleanup(free_ptr) char *shown = text_escape(job->output.bitrate);
        config_report_add(report,
                          "%s: output.bitrate: \"%s\" is not a bit rate of 64k to 200M as in 5000k "
                          "or 5M",
                          name, shown);
    }
}

static void check_sources(const char *name, const struct job *job, struct config_report *report)
{
    for (size_t i = 0; i < job->source_count; i++) {
        const char *file = job->sources[i].file;
        if (file == NULL || file[0] == 0) {
            config_report_add(report, "%s: sources: entry %zu names no file", name, i + 1);
            continue;
        }
        for (size_t k = 0; k < i; k++) {
            if (job->sources[k].file == NULL || strcmp(job->sources[k].file, file) != 0)
                continue;
            cleanup(free_ptr) char *shown = text_escape(file);
            config_report_add(report, "%s: sources: \"%s\" is listed twice", name, shown);
            break;
        }
    }
}

static void check_webhook(const char *name, const char *webhook, struct config_report *report)
{
    struct err why = ERR_INIT;
    struct remote remote = REMOTE_INIT;
    if (webhook != NULL && *webhook && remote_from_link(webhook, &remote, &why) < 0)
        config_report_add(report, "%s: webhook: %s", name, why.text);
    remote_release(&remote);
}

// Every rule between keys, and of keys that have a form.
static void check(const char *name, const struct job *job, struct config_report *report)
{
    check_text(name, "title", job->title, report);
    check_text(name, "prompt", job->prompt, report);
    check_language(name, job->language, report);
    check_times(name, job, report);
    check_output(name, job, report);
    check_sources(name, job, report);
    check_webhook(name, job->webhook, report);
}

int job_parse(const char *name, const char *text, struct job *job, struct config_report *report)
{
    if (text == NULL) {
        config_defaults(job_options, job_option_count, job);
        return 0;
    }
    int r = config_parse(name, text, job_options, job_option_count, job, report);
    for (size_t i = 0; i < job->source_count; i++)
        job->sources[i].profile--;
    check(name, job, report);
    if (r < 0)
        return r;
    return report->count > 0 ? -EINVAL : 0;
}

void job_release(struct job *job)
{
    config_release(job_options, job_option_count, job);
}

// ---- batch.json

static json_t *output_to_json(const struct job *job)
{
    json_t *json = json_object();
    json_put_text(json, "mode", modes[job->output.mode]);
    json_put_text(json, "quality", qualities[job->output.quality]);
    json_put_text(json, "resolution", job->output.resolution);
    json_put_number(json, "fps", job->output.fps, 3);
    json_put_text(json, "bitrate", job->output.bitrate);
    json_put_text(json, "encoder", job_encoders[job->output.encoder]);
    return json;
}

static const char *const *role_names(enum model_role role)
{
    return role == MODEL_SPEECH ? listeners : lookers;
}

int job_wish(const struct job *job, enum model_role role)
{
    bool by_service = strcmp(role_names(role)[job->roles[role]], "service") == 0;
    return by_service ? MODEL_BY_SERVICE : job->roles[role];
}

static json_t *analysis_to_json(const struct job *job)
{
    json_t *json = json_object();
    for (enum model_role role = 0; role < MODEL_ROLES; role++)
        json_put_text(json, model_roles[role], role_names(role)[job->roles[role]]);
    return json;
}

static json_t *sources_to_json(const struct job *job)
{
    json_t *list = json_array();
    for (size_t i = 0; i < job->source_count; i++) {
        json_t *entry = json_object();
        cleanup(free_ptr) char *file = text_escape(job->sources[i].file);
        json_put_text(entry, "file", file);
        json_put_text(entry, "profile", source_profiles[job->sources[i].profile + 1]);
        (void)json_array_append_new(list, entry);
    }
    return list;
}

json_t *job_to_json(const struct job *job)
{
    json_t *json = json_object();
    json_put_text(json, "title", job->title);
    json_put_text(json, "prompt", job->prompt);
    json_put_text(json, "language", job->language);
    json_put_text(json, "strategy", job_strategies[job->strategy]);
    json_put_number(json, "target_duration", job->target_duration, 3);
    json_put_number(json, "min_segment", job->min_segment, 3);
    json_put_number(json, "max_segment", job->max_segment, 3);
    json_put_number(json, "snap_seconds", job->snap_seconds, 3);
    json_put_flag(json, "exact", job->exact);
    json_put_text(json, "profile", job_profiles[job->profile]);
    json_put_text(json, "priority", job_priorities[job->priority]);
    json_put_text(json, "storage", job_storages[job->storage]);
    json_put(json, "output", output_to_json(job));
    json_put(json, "analysis", analysis_to_json(job));
    json_put_text(json, "webhook", job->webhook);
    json_put(json, "sources", sources_to_json(job));
    return json;
}

// Gives a copy of the text at `key`, or NULL; too long a text is bad.
static char *read_text(const json_t *json, const char *key, size_t max, const char **bad)
{
    const char *text = json_text(json, key, NULL, bad);
    if (text != NULL && strlen(text) > max)
        *bad = key;
    return text ? xstrdup(text) : NULL;
}

// The index of the text at `key` in a NULL-terminated list; one that is not there is bad.
static int read_choice(const json_t *json, const char *key, const char *const *names,
                       const char **bad)
{
    const char *text = json_text(json, key, names[0], bad);
    for (int i = 0; names[i] != NULL; i++)
        if (strcmp(names[i], text) == 0)
            return i;
    *bad = key;
    return 0;
}

static void read_sources(const json_t *list, struct job *job, const char **bad)
{
    size_t count = json_array_size(list);
    if (count > BATCH_MAX_SOURCES) {
        *bad = "sources";
        return;
    }
    job->sources = xcalloc(count + 1, sizeof *job->sources);
    for (size_t i = 0; i < count; i++) {
        const json_t *entry = json_array_get(list, i);
        struct job_source *source = &job->sources[job->source_count++];
        cleanup(free_ptr) char *file = read_text(entry, "file", 4 * MAX_FILE_NAME, bad);
        source->file = file ? text_unescape(file) : NULL;
        source->profile = read_choice(entry, "profile", source_profiles, bad) - 1;
        if (source->file == NULL)
            *bad = "file";
    }
}

static void read_output(const json_t *json, struct job *job, const char **bad)
{
    job->output.mode = read_choice(json, "mode", modes, bad);
    job->output.quality = read_choice(json, "quality", qualities, bad);
    job->output.resolution = read_text(json, "resolution", 20, bad);
    job->output.fps = json_number(json, "fps", 0, 120, 0, bad);
    job->output.bitrate = read_text(json, "bitrate", 20, bad);
    job->output.encoder = read_choice(json, "encoder", job_encoders, bad);
    if (job->output.resolution == NULL)
        job->output.resolution = xstrdup("source");
}

int job_from_json(const json_t *json, struct job *job, struct err *err)
{
    const char *bad = NULL;
    job->title = read_text(json, "title", MAX_TEXT, &bad);
    job->prompt = read_text(json, "prompt", MAX_TEXT, &bad);
    job->language = read_text(json, "language", 35, &bad);
    job->strategy = read_choice(json, "strategy", job_strategies, &bad);
    job->target_duration = json_number(json, "target_duration", 0, 3600, 0, &bad);
    job->min_segment = json_number(json, "min_segment", 0.5, 600, 2, &bad);
    job->max_segment = json_number(json, "max_segment", 0.5, 3600, 12, &bad);
    job->snap_seconds = json_number(json, "snap_seconds", -1, 3, -1, &bad);
    job->exact = json_flag(json, "exact", false, &bad);
    job->profile = read_choice(json, "profile", job_profiles, &bad);
    job->priority = read_choice(json, "priority", job_priorities, &bad);
    job->storage = read_choice(json, "storage", job_storages, &bad);
    read_output(json_object_get(json, "output"), job, &bad);
    const json_t *analysis = json_object_get(json, "analysis");
    for (enum model_role role = 0; role < MODEL_ROLES; role++)
        job->roles[role] = read_choice(analysis, model_roles[role], role_names(role), &bad);
    job->webhook = read_text(json, "webhook", MAX_TEXT, &bad);
    read_sources(json_object_get(json, "sources"), job, &bad);
    if (!json_is_object(json) || bad != NULL)
        return err_set(err, ERR_INPUT, "bad_job", "the job is damaged at \"%s\"", bad ? bad : "");

    struct config_report report = CONFIG_REPORT_INIT;
    check("job", job, &report);
    int r = report.count == 0 ? 0 : err_set(err, ERR_INPUT, "bad_job", "%s", report.text);
    config_report_release(&report);
    return r;
}
