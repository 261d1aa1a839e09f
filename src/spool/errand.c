// Errands on disk, and when they are tried again.
#include "spool/errand.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/text.h"
#include "spool/batch.h"
#include "spool/remote.h"
#include "spool/step.h"
#include "spool/throttle.h"

// A final status of a hundred videos has some 400 KB; escaped once more, less than twice that.
enum { MAX_BYTES = 16 << 20, VERSION = 1, MAX_COUNT = 1000000, MAX_MESSAGE = 200 };

// With --once, waits up to this are kept; who looks on would not understand longer ones.
static const double once_seconds = 10;
static const double longest_wait_seconds = 604800;

const struct errand_info errand_info[ERRAND_KINDS] = {
    [ERRAND_WEBHOOK] = { "webhook", "notify" },
    [ERRAND_SWEEP] = { "sweep", "sweep" },
};

// Together some four hours; what a batch left in a bucket also goes when it expires there.
const struct errand_waits errand_usual_waits = {
    .seconds = { 5, 60, 120, 240, 480, 960, 1800, 3600, 3600, 3600 },
    .count = 10,
};

void errand_release(struct errand *errand)
{
    free(errand->batch);
    free(errand->outbox);
    free(errand->message);
    free(errand->url);
    free(errand->body);
    free(errand->bucket);
    *errand = (struct errand)ERRAND_INIT;
}

// ---- names

int errand_open(const char *root, struct err *err)
{
    cleanup(close_fd) int rootdir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (rootdir < 0)
        return err_errno(err, errno, "open %s", root);
    int r = fs_mkdir(rootdir, "errands", 0700, err);
    return r < 0 ? r : fs_open_dir(rootdir, "errands", err);
}

char *errand_name(enum errand_kind kind, const char *batch)
{
    return xasprintf("%s.%s.json", batch, errand_info[kind].kind);
}

int errand_parse_name(const char *name, enum errand_kind *ret_kind, char **ret_batch)
{
    const char *dot = strchr(name, '.'); // an id holds none
    if (dot == NULL)
        return -EINVAL;
    cleanup(free_ptr) char *batch = xstrndup(name, (size_t)(dot - name));
    for (enum errand_kind kind = 0; kind < ERRAND_KINDS && batch_is_id(batch); kind++) {
        cleanup(free_ptr) char *due = errand_name(kind, batch);
        if (strcmp(due, name) != 0)
            continue;
        *ret_kind = kind;
        *ret_batch = TAKE(batch);
        return 0;
    }
    return -EINVAL;
}

char *errand_new_message(const char *batch)
{
    uint64_t bits = 0;
    // Without GRND_NONBLOCK this only fails where there is no such call, long before our kernels.
    if (getrandom(&bits, sizeof bits, 0) != (ssize_t)sizeof bits)
        bits = (uint64_t)time(NULL);
    return xasprintf("msg_%s-%016llx", batch, (unsigned long long)bits);
}

// ---- on disk

static void put_webhook(json_t *json, const struct errand *errand)
{
    json_put_text(json, "message", errand->message);
    json_put_text(json, "url", errand->url);
    json_put_text(json, "body", errand->body);
}

static void put_sweep(json_t *json, const struct errand *errand)
{
    json_put_text(json, "bucket", errand->bucket);
    json_put_flag(json, "completed", errand->completed);
}

int errand_save(int folder, const struct errand *errand, struct err *err)
{
    cleanup(json_free) json_t *json = json_object();
    cleanup(free_ptr) char *name = errand_name(errand->kind, errand->batch);
    cleanup(free_ptr) char *outbox = text_escape(errand->outbox);
    json_put_int(json, "version", VERSION);
    json_put_text(json, "kind", errand_info[errand->kind].kind);
    json_put_text(json, "batch", errand->batch);
    json_put_text(json, "outbox", outbox);
    json_put_int(json, "created", errand->created);
    json_put_int(json, "attempts", errand->attempts);
    json_put_int(json, "interrupted", errand->interrupted);
    json_put_int(json, "next_try", errand->next_try);
    json_put(json, "error", step_error_to_json(&errand->error));
    if (errand->kind == ERRAND_WEBHOOK)
        put_webhook(json, errand);
    else
        put_sweep(json, errand);
    return json_write(folder, name, json, err);
}

static int damaged(const char *name, const char *key, struct err *err)
{
    return err_set(err, ERR_INPUT, "bad_errand", "errands/%s: %s is missing or damaged", name, key);
}

static char *copy(const json_t *json, const char *key, const char **bad)
{
    const char *text = json_text(json, key, NULL, bad);
    if (text == NULL && *bad == NULL)
        *bad = key;
    return text ? xstrdup(text) : NULL;
}

// It goes into a header and is signed: nothing in it may end a line or a part.
static bool is_message(const char *text)
{
    size_t length =
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    return length > 0 && length <= MAX_MESSAGE && text[length] == '\0';
}

static void get_webhook(const json_t *json, struct errand *errand, const char **bad)
{
    errand->message = copy(json, "message", bad);
    errand->url = copy(json, "url", bad);
    errand->body = copy(json, "body", bad);
    if (*bad != NULL)
        return;
    struct remote remote = REMOTE_INIT;
    if (!is_message(errand->message))
        *bad = "message";
    else if (remote_from_link(errand->url, &remote, NULL) < 0)
        *bad = "url";
    remote_release(&remote);
}

static void get_sweep(const json_t *json, struct errand *errand, const char **bad)
{
    errand->bucket = copy(json, "bucket", bad);
    errand->completed = json_flag(json, "completed", false, bad);
    if (*bad == NULL && !remote_is_profile(errand->bucket))
        *bad = "bucket";
}

static void get_outbox(const json_t *json, struct errand *errand, const char **bad)
{
    errand->outbox = text_unescape(json_text(json, "outbox", "", bad));
    if (*bad == NULL && (!errand->outbox || !*errand->outbox || strchr(errand->outbox, '/') ||
                         *errand->outbox == '.'))
        *bad = "outbox";
}

static const char *read_errand(const json_t *json, const char *batch, struct errand *errand)
{
    const char *bad = NULL;
    if (json_int(json, "version", VERSION, VERSION, 0, &bad) != VERSION)
        return "version";
    if (strcmp(json_text(json, "kind", "", &bad), errand_info[errand->kind].kind) != 0)
        return "kind";
    errand->batch = copy(json, "batch", &bad);
    if (bad == NULL && strcmp(errand->batch, batch) != 0)
        return "batch";
    get_outbox(json, errand, &bad);
    errand->created = (time_t)json_int(json, "created", 0, INT64_MAX, 0, &bad);
    errand->attempts = (unsigned)json_int(json, "attempts", 0, MAX_COUNT, 0, &bad);
    errand->interrupted = (unsigned)json_int(json, "interrupted", 0, errand->attempts, 0, &bad);
    errand->next_try = (time_t)json_int(json, "next_try", 0, INT64_MAX, 0, &bad);
    if (bad == NULL && step_error_from_json(json_object_get(json, "error"), &errand->error) < 0)
        bad = "error";
    if (bad == NULL && errand->kind == ERRAND_WEBHOOK)
        get_webhook(json, errand, &bad);
    else if (bad == NULL)
        get_sweep(json, errand, &bad);
    return bad;
}

int errand_load(int folder, enum errand_kind kind, const char *batch, struct errand *errand,
                struct err *err)
{
    cleanup(json_free) json_t *json = NULL;
    cleanup(free_ptr) char *name = errand_name(kind, batch);
    int r = json_read(folder, name, MAX_BYTES, &json, err);
    if (r < 0)
        return r;
    errand->kind = kind;
    const char *bad = read_errand(json, batch, errand);
    if (bad == NULL)
        return 0;
    errand_release(errand);
    return damaged(name, bad, err);
}

int errand_remove(int folder, enum errand_kind kind, const char *batch, struct err *err)
{
    cleanup(free_ptr) char *name = errand_name(kind, batch);
    return fs_remove(folder, name, err);
}

bool errand_exists(int folder, enum errand_kind kind, const char *batch)
{
    struct stat st;
    cleanup(free_ptr) char *name = errand_name(kind, batch);
    return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

// ---- when it is tried again

int errand_read_waits(const char *text, struct errand_waits *waits, struct err *err)
{
    *waits = (struct errand_waits){ .count = 0 };
    cleanup(free_ptr) char *words = xstrdup(text ? text : "");
    char *rest = words;
    for (char *word; (word = strsep(&rest, " \t\n")) != NULL;) {
        char *end = word;
        if (*word == '\0')
            continue;
        double seconds = strtod(word, &end);
        if (*end != '\0' || !(seconds >= 0 && seconds <= longest_wait_seconds))
            return err_set(err, ERR_CONFIG, "bad_waits",
                           "\"%s\" is not a number of seconds from 0 to %.0f", word,
                           longest_wait_seconds);
        if (waits->count == ERRAND_MAX_WAITS)
            return err_set(err, ERR_CONFIG, "bad_waits", "there are more than %d numbers",
                           ERRAND_MAX_WAITS);
        waits->seconds[waits->count++] = seconds;
    }
    return 0;
}

// What no waiting mends: with --once there is nobody who could.
static bool is_hopeless(const struct errand_facts *facts)
{
    enum err_class class = facts->error->class;
    return class == ERR_INPUT || (facts->once && (class == ERR_CONFIG || class == ERR_DENIED));
}

// How long the schedule says, after so many failures.
static double scheduled(const struct errand_facts *facts, unsigned failures)
{
    if (throttle_had_no_turn(facts->error))
        return 1;
    return failures > 0 ? facts->waits->seconds[failures - 1] : 0;
}

enum errand_next errand_judge(const struct errand_facts *facts, double *ret_seconds)
{
    const struct errand *errand = facts->errand;
    unsigned failures = errand->attempts - errand->interrupted;
    if (facts->error->class == ERR_NONE)
        return ERRAND_DONE;
    if (is_hopeless(facts) || failures > facts->waits->count)
        return ERRAND_GIVEN_UP;
    double wait =
        fmax(scheduled(facts, failures) * (1 + 0.2 * facts->chance), facts->error->retry_after);
    if (facts->once && wait > once_seconds)
        return ERRAND_GIVEN_UP;
    *ret_seconds = wait;
    return ERRAND_AGAIN;
}
