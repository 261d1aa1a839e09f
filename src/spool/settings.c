// The table of clipspool.conf, and where the stage programs are.

#include "spool/settings.h"
#include "base/address.h"
#include "base/text.h"
#include "spool/batch.h"
#include "spool/errand.h"
#include "spool/job.h"
#include "spool/throttle.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define AT(member) .offset = offsetof(struct settings, member)

// Paths on Linux end at 4096 bytes.
enum { MAX_PATH_BYTES = 4095, SETTINGS_MAX_BYTES = 65536 };

// In the order of enum job_storage.
static const char *const modes[] = { "local", "oss", "hybrid", NULL };
// In the order of enum intake_mode.
static const char *const intake_modes[] = { "auto", "marker", NULL };

// clang-format off
#define STAGE_ROWS(NAME, STAGE, TRIES, WAIT, SOFT, HARD) \
    { "stages." NAME ".tries", CONFIG_INT, AT(stage[STAGE].tries), TRIES, 1, 100, \
      .help = "How often " NAME " may be tried in all." }, \
    { "stages." NAME ".wait_seconds", CONFIG_NUMBER, AT(stage[STAGE].wait_seconds), \
      WAIT, 0, 86400, .unit = "s", \
      .help = "Wait before the second try; doubles with each further one." }, \
    { "stages." NAME ".soft_seconds", CONFIG_NUMBER, AT(stage[STAGE].soft_seconds), \
      SOFT, 1, 604800, .unit = "s", \
      .help = "After this long " NAME " is asked to stop and counts as failed." }, \
    { "stages." NAME ".hard_seconds", CONFIG_NUMBER, AT(stage[STAGE].hard_seconds), \
      HARD, 1, 604800, .unit = "s", .help = "After this long " NAME " is killed." }

const struct config_option settings_options[] = {
    { "spool.root", CONFIG_TEXT, AT(root), "/var/lib/clipspool", .max = MAX_PATH_BYTES,
      .help = "The folder that holds work, failed, archive and quarantine." },
    { "spool.incoming", CONFIG_TEXT, AT(incoming), NULL, .max = MAX_PATH_BYTES,
      .help = "Where people drop videos; incoming in the root if this is not set." },
    { "spool.outbox", CONFIG_TEXT, AT(outbox), NULL, .max = MAX_PATH_BYTES,
      .help = "Where people find reels; outbox in the root if this is not set." },
    { "spool.programs", CONFIG_TEXT, AT(programs), NULL, .max = MAX_PATH_BYTES,
      .help = "The folder of the stage programs; the installed ones if this is not set." },

    { "intake.mode", CONFIG_CHOICE, AT(intake_mode), "auto", .choices = intake_modes,
      .help = "Whether what looks complete is taken, or only what is said to be: by .ready or "
              "SHA256SUMS in the folder, or by renaming it there." },
    { "intake.settle_seconds", CONFIG_NUMBER, AT(settle_seconds), "10", 0.05, 86400, .unit = "s",
      .help = "How long a dropped folder must stay unchanged before it is taken." },
    { "intake.scan_seconds", CONFIG_NUMBER, AT(scan_seconds), "30", 0.1, 86400, .unit = "s",
      .help = "How often incoming is read again even if nothing announced a change." },
    { "intake.doubt_seconds", CONFIG_NUMBER, AT(doubt_seconds), "600", 0, 604800, .unit = "s",
      .help = "How long a file that is cut off, or has a hole, is waited for without a change." },
    { "intake.accept_links", CONFIG_BOOL, AT(accept_links), "false",
      .help = "Take symbolic and hard links as sources; only for a spool nobody else writes to." },

    { "limits.max_sources", CONFIG_INT, AT(max_sources), "10", 1, BATCH_MAX_SOURCES,
      .help = "Most videos in a batch." },
    { "limits.max_source_seconds", CONFIG_NUMBER, AT(max_source_seconds), "600", 1, 14400,
      .unit = "s", .help = "Longest video." },
    { "limits.max_source_bytes", CONFIG_INT, AT(max_source_bytes), "2147483648", 1, 1e15,
      .unit = "bytes", .help = "Largest video file." },
    { "limits.max_entries", CONFIG_INT, AT(max_entries), "1000", 1, 100000,
      .help = "Most files and folders in a batch, whatever they are." },
    // 7680x4320 has 33.2 million; a decoder needs about 12 bytes for each pixel of a few frames.
    { "limits.max_pixels", CONFIG_INT, AT(max_pixels), "36000000", 1, 1e9, .unit = "pixels",
      .help = "Largest picture; the default lets 8K pass." },
    // Recorders with many sound tracks reach the twenties; hostile files use hundreds.
    { "limits.max_streams", CONFIG_INT, AT(max_streams), "32", 1, 1000,
      .help = "Most streams in a video file." },
    { "limits.stage_memory_bytes", CONFIG_INT, AT(stage_memory_bytes), "4294967296", 0, 1e15,
      .unit = "bytes",
      .help = "Address space of a stage program, and, where steps have control groups, memory of "
              "all that one holds; 0 for no limit." },
    { "limits.min_free_percent", CONFIG_NUMBER, AT(min_free_percent), "5", 0, 99, .unit = "%",
      .help = "Below this much free space no new batch is taken." },
    { "limits.min_free_batches", CONFIG_NUMBER, AT(min_free_batches), "1.5", 0, 100,
      .help = "Nor where less is free than this many times the size of the largest batch, of those "
              "that run and the new one; 0 to take any." },

    { "fetch.allow_hosts", CONFIG_TEXT, AT(allow_hosts), NULL, .max = MAX_PATH_BYTES,
      .help = "Hosts that may be fetched from although they are not on the open internet, divided "
              "by blanks; .example.org stands for all below example.org." },
    { "fetch.allow_networks", CONFIG_TEXT, AT(allow_networks), NULL, .max = MAX_PATH_BYTES,
      .help = "Networks that may be fetched from although they are not on the open internet, as "
              "192.168.1.0/24 or fd00::/8, divided by blanks." },
    { "fetch.ca_file", CONFIG_TEXT, AT(ca_file), NULL, .max = MAX_PATH_BYTES,
      .help = "A PEM file of the authorities that certify servers; those of the system if not "
              "set." },
    { "fetch.connect_seconds", CONFIG_NUMBER, AT(connect_seconds), "30", 0.1, 600, .unit = "s",
      .help = "How long a server may take to be connected to." },
    { "fetch.stall_seconds", CONFIG_NUMBER, AT(stall_seconds), "30", 0.1, 3600, .unit = "s",
      .help = "A transfer that was too slow for so long ends, and is tried again." },
    { "fetch.stall_bytes_per_second", CONFIG_NUMBER, AT(stall_bytes_per_second), "1024", 1, 1e9,
      .unit = "bytes", .help = "Below this a transfer is too slow." },

    { "storage.mode", CONFIG_CHOICE, AT(storage), "local", .choices = modes,
      .help = "Where reels go: into the outbox, into the bucket, or into both; a job may choose "
              "another." },
    { "storage.bucket", CONFIG_TEXT, AT(bucket), NULL, .max = 64,
      .help = "Which of buckets proxies and reels go to, by its name." },
    { "storage.link_seconds", CONFIG_NUMBER, AT(link_seconds), "3600", 600, 86400, .unit = "s",
      .help = "How long the link to a proxy works." },
    { "storage.reel_link_seconds", CONFIG_NUMBER, AT(reel_link_seconds), "604800", 600, 604800,
      .unit = "s", .help = "How long the link to a reel works." },
    { "storage.public_address", CONFIG_TEXT, AT(public_address), NULL, .max = 1000,
      .help = "Where everybody may read what is in the bucket, as in https://reels.example.org; "
              "links to reels then begin with it and last." },
    { "storage.temp_hours", CONFIG_NUMBER, AT(temp_hours), "24", 1, 168, .unit = "h",
      .help = "When a proxy in the bucket that nothing removed has expired." },
    { "storage.buckets", CONFIG_LIST, AT(buckets.items), NULL, .max = BUCKET_MAX_COUNT,
      .elements = bucket_options, .element_count = BUCKET_OPTIONS,
      .element_size = sizeof(struct bucket),
      .count_offset = offsetof(struct settings, buckets.count),
      .help = "The buckets that sources may come from and that storage.bucket may name." },

    { "webhook.credential", CONFIG_TEXT, AT(webhook_credential), NULL, .max = MAX_PATH_BYTES,
      .help = "Where the secret is that webhooks are signed with (whsec_...): the name of a "
              "credential of the service, or the path of a file of mode 0600; without it none is "
              "sent." },
    { "webhook.allow_hosts", CONFIG_TEXT, AT(webhook_allow_hosts), NULL, .max = MAX_PATH_BYTES,
      .help = "Hosts that may be told although they are not on the open internet, divided by "
              "blanks; .example.org stands for all below example.org." },
    { "webhook.allow_networks", CONFIG_TEXT, AT(webhook_allow_networks), NULL,
      .max = MAX_PATH_BYTES,
      .help = "Networks that may be told although they are not on the open internet, as "
              "192.168.1.0/24 or fd00::/8, divided by blanks." },
    { "webhook.deadline_seconds", CONFIG_NUMBER, AT(webhook_deadline_seconds), "20", 0.1, 600,
      .unit = "s", .help = "How long who is told may take to answer." },
    { "webhook.wait_seconds", CONFIG_TEXT, AT(webhook_wait_seconds), "5 300 1800 7200 18000",
      .max = MAX_PATH_BYTES,
      .help = "Seconds before the second and each further try, divided by blanks; after the last "
              "it is given up." },

    { "services.rate", CONFIG_NUMBER, AT(service_rate), "20", 0, 100000,
      .help = "How often a service (a bucket, a receiver of webhooks) is asked in a second, by all "
              "batches together; 0 for no limit; the parts of a large upload count as one." },
    { "services.burst", CONFIG_INT, AT(service_burst), "40", 1, 100000,
      .help = "How often it may be asked at once after a pause." },
    { "services.concurrent", CONFIG_INT, AT(service_concurrent), "8", 0, THROTTLE_MAX_CONCURRENT,
      .help = "How many may ask a service at a time; 0 for no limit; a large upload is one, "
              "although it sends up to four parts at a time." },
    { "services.host_concurrent", CONFIG_INT, AT(host_concurrent), "4", 0,
      THROTTLE_MAX_CONCURRENT,
      .help = "How many links may be fetched from one host at a time; 0 for no limit." },
    { "services.failures", CONFIG_INT, AT(service_failures), "5", 0, 1000,
      .help = "After so many failures in a row a service is left alone for a while, 0 for never; "
              "a large upload fails once, when a part has used up its tries." },
    { "services.rest_seconds", CONFIG_NUMBER, AT(service_rest_seconds), "60", 0.1, 3600,
      .unit = "s", .help = "How long it is left alone before one asks whether it is back." },

    { "models.vision", CONFIG_CHOICE, AT(models.role[MODEL_VISION]), "local",
      .choices = model_lookers,
      .help = "Who looks at the videos; a job may choose another." },
    { "models.text", CONFIG_CHOICE, AT(models.role[MODEL_TEXT]), "local", .choices = model_lookers,
      .help = "Who writes the plan; a job may choose another." },
    { "models.speech", CONFIG_CHOICE, AT(models.role[MODEL_SPEECH]), "none",
      .choices = model_services,
      .help = "Who writes down what is said; a job may choose another." },
    { "models.input", CONFIG_CHOICE, AT(models.input), "auto", .choices = model_inputs,
      .help = "What is shown of a video: all of its proxy, a set of frames, or the cheaper of the "
              "two that still has a look at every shot." },
    { "models.fps", CONFIG_NUMBER, AT(models.fps), "1", 0.1, 10, .unit = "pictures/s",
      .help = "How often a model looks at a video." },
    { "models.max_pixels", CONFIG_INT, AT(models.max_pixels), "230400", 4096, 2048000,
      .unit = "pixels", .help = "Into how many a picture is fitted before it is looked at." },
    { "models.max_frames", CONFIG_INT, AT(models.max_frames), "64", 4, 512,
      .help = "Most frames in a set." },
    { "models.answer_tokens", CONFIG_INT, AT(models.answer_tokens), "4096", 256, 65536,
      .unit = "tokens", .help = "The longest answer." },
    { "models.temperature", CONFIG_NUMBER, AT(models.temperature), "0.2", 0, 2,
      .help = "How freely a model answers." },
    { "models.deadline_seconds", CONFIG_NUMBER, AT(models.deadline_seconds), "300", 0.1, 3600,
      .unit = "s", .help = "How long an answer may take." },
    { "models.patience_seconds", CONFIG_NUMBER, AT(models.patience_seconds), "900", 1, 86400,
      .unit = "s", .help = "How long a question may take with all its tries." },
    { "models.job_tokens", CONFIG_INT, AT(models.job_tokens), "0", 0, 1e12, .unit = "tokens",
      .help = "Most that a batch may cost; 0 for no limit." },
    { "models.day_tokens", CONFIG_INT, AT(models.day_tokens), "0", 0, 1e12, .unit = "tokens",
      .help = "Most that all batches of a day (UTC) may cost; 0 for no limit." },
    { "models.job_cost", CONFIG_NUMBER, AT(models.job_cost), "0", 0, 1e9,
      .help = "Most that a batch may cost in money; 0 for no limit." },
    { "models.day_cost", CONFIG_NUMBER, AT(models.day_cost), "0", 0, 1e9,
      .help = "Most that all batches of a day may cost in money; 0 for no limit." },
    { "models.currency", CONFIG_TEXT, AT(models.currency), "USD", .min = 1, .max = 8,
      .help = "What prices and limits are counted in." },
    { "models.prices", CONFIG_LIST, AT(models.prices), NULL, .max = MODEL_MAX_PRICES,
      .elements = model_price_options, .element_count = MODEL_PRICE_OPTIONS,
      .element_size = sizeof(struct model_price),
      .count_offset = offsetof(struct settings, models.price_count),
      .help = "What models cost; one that is not listed costs nothing." },
    { "models.recogniser", CONFIG_TEXT, AT(models.recogniser),
      "/usr/share/pocketsphinx/model/en-us", .max = MAX_PATH_BYTES,
      .help = "The folder of the language that this machine hears, for PocketSphinx." },
    { "models.prompts", CONFIG_TEXT, AT(models.prompts), NULL, .max = MAX_PATH_BYTES,
      .help = "The folder of the prompts; the installed ones if this is not set." },
    { "models.cache", CONFIG_TEXT, AT(models.cache), MODEL_CACHE, .max = MAX_PATH_BYTES,
      .help = "The folder that keeps what models answered, so that nothing is paid twice." },
    { "models.cache_bytes", CONFIG_INT, AT(models.cache_bytes), "1073741824", 0, 1e15,
      .unit = "bytes", .help = "How much of answers is kept; 0 for none beyond their batch." },
    { "models.cache_days", CONFIG_NUMBER, AT(models.cache_days), "90", 0, 36500, .unit = "days",
      .help = "How long an answer is kept; 0 for as long as there is room." },

    { "dashscope.address", CONFIG_TEXT, AT(models.dashscope.address),
      "https://dashscope.aliyuncs.com", .max = 1000,
      .help = "Where Alibaba Cloud Model Studio is; each region and workspace has its own." },
    { "dashscope.credential", CONFIG_TEXT, AT(models.dashscope.credential), NULL,
      .max = MAX_PATH_BYTES,
      .help = "Its key: a name of LoadCredential=, or the absolute path of a file of mode 0600." },
    { "dashscope.interface", CONFIG_CHOICE, AT(models.interface), "native",
      .choices = model_interfaces,
      .help = "How it is spoken to: in its own way, or in that of OpenAI." },
    { "dashscope.vision_model", CONFIG_TEXT, AT(models.dashscope.models[MODEL_VISION]),
      "qwen3-vl-plus", .max = 200, .help = "The model that looks." },
    { "dashscope.text_model", CONFIG_TEXT, AT(models.dashscope.models[MODEL_TEXT]), "qwen-plus",
      .max = 200, .help = "The model that plans." },
    { "dashscope.speech_model", CONFIG_TEXT, AT(models.dashscope.models[MODEL_SPEECH]),
      "paraformer-v2", .max = 200, .help = "The model that writes down what is said." },

    { "openai.address", CONFIG_TEXT, AT(models.openai.address), "https://api.openai.com/v1",
      .max = 1000,
      .help = "Where OpenAI is, or a server that speaks like it, as in "
              "http://127.0.0.1:11434/v1." },
    { "openai.credential", CONFIG_TEXT, AT(models.openai.credential), NULL, .max = MAX_PATH_BYTES,
      .help = "Its key: a name of LoadCredential=, or the absolute path of a file of mode 0600." },
    { "openai.dialect", CONFIG_CHOICE, AT(models.dialect), "openai", .choices = model_dialects,
      .help = "Whether it is OpenAI, or a server of one's own, which needs no key." },
    { "openai.video", CONFIG_BOOL, AT(models.own_video), "false",
      .help = "A server of one's own takes videos, not only frames." },
    { "openai.vision_model", CONFIG_TEXT, AT(models.openai.models[MODEL_VISION]), NULL, .max = 200,
      .help = "The model that looks." },
    { "openai.text_model", CONFIG_TEXT, AT(models.openai.models[MODEL_TEXT]), NULL, .max = 200,
      .help = "The model that plans." },
    { "openai.speech_model", CONFIG_TEXT, AT(models.openai.models[MODEL_SPEECH]), NULL, .max = 200,
      .help = "The model that writes down what is said." },

    { "slots.cpu", CONFIG_INT, AT(cpu_slots), "0", 0, 1000,
      .help = "Steps that compute at the same time; 0 for one more than there are processors." },
    { "slots.net", CONFIG_INT, AT(net_slots), "8", 1, 1000,
      .help = "Steps that move files at the same time." },
    { "slots.model", CONFIG_INT, AT(model_slots), "4", 1, 1000,
      .help = "Steps that analyse or plan at the same time." },

    STAGE_ROWS("fetch", STAGE_FETCH, "3", "60", "3600", "3900"),
    STAGE_ROWS("probe", STAGE_PROBE, "2", "60", "300", "360"),
    STAGE_ROWS("compress", STAGE_COMPRESS, "2", "120", "3600", "4200"),
    STAGE_ROWS("upload", STAGE_UPLOAD, "3", "60", "3600", "3900"),
    STAGE_ROWS("transcribe", STAGE_TRANSCRIBE, "2", "60", "7200", "7800"),
    STAGE_ROWS("analyze", STAGE_ANALYZE, "2", "60", "2400", "2460"),
    STAGE_ROWS("plan", STAGE_PLAN, "2", "60", "2400", "2460"),
    STAGE_ROWS("preview", STAGE_PREVIEW, "2", "60", "600", "660"),
    STAGE_ROWS("render", STAGE_RENDER, "2", "60", "7200", "7800"),
    STAGE_ROWS("publish", STAGE_PUBLISH, "3", "60", "3600", "3900"),

    { "plan.snap_seconds", CONFIG_NUMBER, AT(snap_seconds), "0.6", 0, 3, .unit = "s",
      .help = "How far a segment may be moved to start where its pictures can be copied, "
              "where job.conf does not say." },
    { "plan.exact", CONFIG_BOOL, AT(plan_exact), "false",
      .help = "Choose where segments start without regard to that, in every batch." },

    { "keep.archive_days", CONFIG_NUMBER, AT(archive_days), "0", 0, 36500, .unit = "days",
      .help = "How long the originals of completed batches stay in archive; 0 for ever." },
    { "keep.failed_days", CONFIG_NUMBER, AT(failed_days), "0", 0, 36500, .unit = "days",
      .help = "How long failed batches stay; 0 for ever." },
    { "keep.proxy_bytes", CONFIG_INT, AT(proxy_bytes), "4294967296", 0, 1e15, .unit = "bytes",
      .help = "How much of proxies is kept, so that the same video is not compressed twice; never "
              "more than is still free; 0 for none." },
    { "keep.proxy_days", CONFIG_NUMBER, AT(proxy_days), "30", 0, 36500, .unit = "days",
      .help = "How long a proxy is kept that was of no use; 0 for as long as there is room." },

    { "service.stop_seconds", CONFIG_NUMBER, AT(stop_seconds), "20", 0, 3600, .unit = "s",
      .help = "How long running steps may take to end when the service stops." },
};
// clang-format on

const size_t settings_option_count = ARRAY_LEN(settings_options);

// ---- reading

// Not fs_read: an administrator's configuration may well be a symbolic link.
static int read_file(const char *path, char **ret_text, struct config_report *report)
{
    cleanup(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        int number = errno;
        config_report_add(report, "%s: %s", path, strerror(number));
        return -number;
    }
    if (!S_ISREG(st.st_mode) || st.st_size > SETTINGS_MAX_BYTES) {
        config_report_add(report, "%s: is not a file of at most %d bytes", path,
                          SETTINGS_MAX_BYTES);
        return -EINVAL;
    }
    cleanup(free_ptr) char *text = xcalloc((size_t)st.st_size + 1, 1);
    ssize_t got = pread(fd, text, (size_t)st.st_size, 0);
    if (got < 0) {
        int number = errno;
        config_report_add(report, "%s: %s", path, strerror(number));
        return -number;
    }
    if (memchr(text, 0, (size_t)got) != NULL) {
        config_report_add(report, "%s: holds a NUL byte, so it is not a text", path);
        return -EINVAL;
    }
    *ret_text = TAKE(text);
    return 0;
}

static void check_networks(const char *name, const char *key, const char *value,
                           struct config_report *report)
{
    struct address_list networks;
    struct err why = ERR_INIT;
    if (address_list_parse(value, &networks, &why) < 0)
        config_report_add(report, "%s: %s: %s", name, key, why.text);
}

static void check_waits(const char *name, const char *key, const char *value,
                        struct config_report *report)
{
    struct errand_waits waits;
    struct err why = ERR_INIT;
    if (errand_read_waits(value, &waits, &why) < 0)
        config_report_add(report, "%s: %s: %s", name, key, why.text);
}

static void check_absolute(const char *name, const char *key, const char *value,
                           struct config_report *report)
{
    if (value != NULL && value[0] != '/')
        config_report_add(report, "%s: %s: \"%s\" is not an absolute path, it must begin with /",
                          name, key, value);
}

static void check_public_address(const char *name, const struct settings *s,
                                 struct config_report *report)
{
    cleanup(remote_release) struct remote remote = REMOTE_INIT;
    struct err why = ERR_INIT;
    if (s->public_address == NULL)
        return;
    if (remote_from_link(s->public_address, &remote, &why) < 0)
        config_report_add(report, "%s: storage.public_address: %s", name, why.text);
    else if (strpbrk(s->public_address, "?#") != NULL)
        config_report_add(report, "%s: storage.public_address: must not hold ? or #", name);
    if (s->bucket == NULL)
        config_report_add(report,
                          "%s: storage.public_address: has no meaning without "
                          "storage.bucket",
                          name);
}

// All that contradicts itself is told, not only the first.
static void check_storage(const char *name, const struct settings *s, struct config_report *report)
{
    bucket_check(name, &s->buckets, report);
    check_public_address(name, s, report);
    if (s->bucket == NULL) {
        if (s->storage != STORAGE_LOCAL)
            config_report_add(report,
                              "%s: storage.mode: \"%s\" needs storage.bucket, which is not set",
                              name, modes[s->storage]);
        return;
    }
    if (bucket_find(&s->buckets, s->bucket) != NULL)
        return;
    cleanup(free_ptr) char *shown = text_escape(s->bucket);
    config_report_add(report, "%s: storage.bucket: there is no \"%s\" in storage.buckets", name,
                      shown);
}

// The rules between options.
static void check(const char *name, const struct settings *s, struct config_report *report)
{
    check_absolute(name, "spool.root", s->root, report);
    check_absolute(name, "spool.incoming", s->incoming, report);
    check_absolute(name, "spool.outbox", s->outbox, report);
    check_absolute(name, "spool.programs", s->programs, report);
    check_absolute(name, "fetch.ca_file", s->ca_file, report);
    check_networks(name, "fetch.allow_networks", s->allow_networks, report);
    check_networks(name, "webhook.allow_networks", s->webhook_allow_networks, report);
    check_waits(name, "webhook.wait_seconds", s->webhook_wait_seconds, report);
    check_storage(name, s, report);
    check_absolute(name, "models.recogniser", s->models.recogniser, report);
    check_absolute(name, "models.prompts", s->models.prompts, report);
    check_absolute(name, "models.cache", s->models.cache, report);
    model_check(name, &s->models, report);
    cleanup(free_ptr) char *incoming = settings_incoming(s);
    cleanup(free_ptr) char *outbox = settings_outbox(s);
    if (strcmp(incoming, outbox) == 0)
        config_report_add(report, "%s: spool.incoming and spool.outbox must be different folders",
                          name);
    for (int stage = 0; stage < STAGE_COUNT; stage++)
        if (s->stage[stage].hard_seconds < s->stage[stage].soft_seconds)
            config_report_add(report,
                              "%s: stages.%s.hard_seconds: %g is less than soft_seconds, %g", name,
                              stage_info[stage].name, s->stage[stage].hard_seconds,
                              s->stage[stage].soft_seconds);
}

int settings_load(const char *path, struct settings *settings, struct config_report *report)
{
    if (path == NULL) {
        config_defaults(settings_options, settings_option_count, settings);
        return 0;
    }
    cleanup(free_ptr) char *text = NULL;
    int r = read_file(path, &text, report);
    if (r < 0)
        return r;
    r = config_parse(path, text, settings_options, settings_option_count, settings, report);
    if (r < 0)
        return r;
    check(path, settings, report);
    return report->count > 0 ? -EINVAL : 0;
}

void settings_release(struct settings *settings)
{
    config_release(settings_options, settings_option_count, settings);
}

int settings_storage(const struct settings *settings, int wish)
{
    if (wish == STORAGE_SERVICE)
        return settings->storage;
    return wish == STORAGE_LOCAL || settings->bucket != NULL ? wish : -EINVAL;
}

// ---- places

char *settings_incoming(const struct settings *settings)
{
    return settings->incoming ? xstrdup(settings->incoming)
                              : xasprintf("%s/incoming", settings->root);
}

char *settings_outbox(const struct settings *settings)
{
    return settings->outbox ? xstrdup(settings->outbox) : xasprintf("%s/outbox", settings->root);
}

// Cuts the last component off.  Returns it, or NULL at the root.
static char *cut_last(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash == NULL)
        return NULL;
    *slash = 0;
    return slash + 1;
}

// The path of the running program, without a limit on its length.
static char *own_path(void)
{
    for (size_t size = 256;; size *= 2) {
        cleanup(free_ptr) char *path = xcalloc(size, 1);
        ssize_t length = readlink("/proc/self/exe", path, size);
        if (length < 0 || (size_t)length < size)
            return length > 0 ? TAKE(path) : NULL;
    }
}

// Where this installation is, seen from the running program: above bin/, sbin/ and
// libexec/clipspool/.  NULL where it is in none of them.
static char *own_prefix(void)
{
    cleanup(free_ptr) char *path = own_path();
    if (path == NULL || cut_last(path) == NULL)
        return NULL;
    bool is_stage = text_ends_with(path, "/libexec/clipspool");
    const char *last = cut_last(path);
    if (is_stage)
        (void)cut_last(path);
    else if (last == NULL || (strcmp(last, "bin") != 0 && strcmp(last, "sbin") != 0))
        return NULL;
    return TAKE(path);
}

int settings_program(const struct settings *settings, const char *name, char **ret_path,
                     struct err *err)
{
    if (settings->programs != NULL) {
        *ret_path = xasprintf("%s/%s", settings->programs, name);
        return 0;
    }
    cleanup(free_ptr) char *prefix = own_prefix();
    if (prefix != NULL) {
        *ret_path = xasprintf("%s/libexec/clipspool/%s", prefix, name);
        return 0;
    }
    err_set(err, ERR_CONFIG, "no_programs", "the stage programs are not beside this program");
    return err_hint(err, "set spool.programs in clipspool.conf to the folder that holds them");
}

int settings_prompts(const struct settings *settings, char **ret_folder, struct err *err)
{
    if (settings->models.prompts != NULL) {
        *ret_folder = xstrdup(settings->models.prompts);
        return 0;
    }
    cleanup(free_ptr) char *prefix = own_prefix();
    if (prefix != NULL) {
        *ret_folder = xasprintf("%s/share/clipspool/prompts", prefix);
        return 0;
    }
    err_set(err, ERR_CONFIG, "no_prompts", "this program is not where prompts were installed for");
    return err_hint(err, "set models.prompts in clipspool.conf to the folder that holds them");
}
