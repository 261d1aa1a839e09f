// The arithmetic of asking a service, and its file.
#include "spool/throttle.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fs.h"
#include "base/percent.h"
#include "base/text.h"

enum { SECOND = 1000000, MAX_NAME = 180, MAX_SERVICES = 100000, DAY = 86400 };

// As long as a service is believed that asks for time.
enum { MAX_RETRY_SECONDS = 3600 };

// ---- arithmetic

static int64_t price(const struct throttle_rules *rules)
{
    return rules->per_second > 0 ? (int64_t)ceil(SECOND / rules->per_second) : 0;
}

static int64_t rest(const struct throttle_rules *rules)
{
    return (int64_t)(rules->rest_seconds * SECOND);
}

// What was put by a clock that has begun anew.
static bool is_absurd(int64_t when_us, int64_t now_us, int64_t most_us)
{
    return when_us > now_us + most_us + (int64_t)MAX_RETRY_SECONDS * SECOND;
}

bool throttle_is_away(const struct throttle *throttle, const struct throttle_rules *rules,
                      int64_t now_us, int64_t *ret_wait_us)
{
    int64_t until = throttle->rest_us > throttle->probe_us ? throttle->rest_us : throttle->probe_us;
    if (rules->failures == 0 || throttle->failures < rules->failures || until <= now_us ||
        is_absurd(until, now_us, rest(rules)))
        return false;
    *ret_wait_us = until - now_us;
    return true;
}

enum throttle_answer throttle_ask(struct throttle *throttle, const struct throttle_rules *rules,
                                  int64_t now_us, int64_t *ret_wait_us)
{
    if (throttle_is_away(throttle, rules, now_us, ret_wait_us))
        return THROTTLE_AWAY;
    unsigned burst = rules->burst > 0 ? rules->burst : 1;
    int64_t cost = price(rules), ahead = cost * (burst - 1), arrival = throttle->arrival_us;
    if (arrival < now_us || is_absurd(arrival, now_us, cost * burst))
        arrival = now_us;
    if (arrival - ahead > now_us) {
        *ret_wait_us = arrival - ahead - now_us;
        return THROTTLE_WAIT;
    }
    throttle->arrival_us = arrival + cost;
    if (rules->failures > 0 && throttle->failures >= rules->failures)
        throttle->probe_us = now_us + rest(rules); // should it die, the next one asks then
    return THROTTLE_GO;
}

static bool says_nothing(const struct err *outcome)
{
    static const char *const own[] = { "stopped", "changed", "damaged" };
    for (size_t i = 0; i < ARRAY_LEN(own); i++)
        if (strcmp(outcome->id, own[i]) == 0)
            return true;
    return outcome->class == ERR_IO || outcome->class == ERR_SYSTEM || outcome->class == ERR_BUG;
}

// Of the letters that the file can hold.
static void note_why(struct throttle *throttle, const char *id)
{
    (void)snprintf(throttle->why, sizeof throttle->why, "%s", id);
    for (char *at = throttle->why; *at; at++)
        *at = (*at >= 'a' && *at <= 'z') || *at == '_' ? *at : '-';
}

static void fail(struct throttle *throttle, const struct throttle_rules *rules, int64_t now_us,
                 const struct err *outcome)
{
    int64_t asked =
        outcome->retry_after < MAX_RETRY_SECONDS ? outcome->retry_after : MAX_RETRY_SECONDS;
    asked *= SECOND;
    throttle->failures += throttle->failures < UINT32_MAX;
    throttle->probe_us = 0;
    note_why(throttle, outcome->id);
    // Also those who have tokens left: a burst ahead of that moment is now.
    unsigned burst = rules->burst > 0 ? rules->burst : 1;
    int64_t until = now_us + asked + price(rules) * (burst - 1);
    if (asked > 0 && throttle->arrival_us < until)
        throttle->arrival_us = until;
    if (rules->failures > 0 && throttle->failures >= rules->failures)
        throttle->rest_us = now_us + (asked > rest(rules) ? asked : rest(rules));
}

void throttle_tell(struct throttle *throttle, const struct throttle_rules *rules, int64_t now_us,
                   const struct err *outcome)
{
    if (says_nothing(outcome)) {
        throttle->probe_us = 0; // if it was one, another may
    } else if (outcome->class == ERR_SERVICE || outcome->class == ERR_RETRY) {
        fail(throttle, rules, now_us, outcome);
    } else {
        throttle->failures = 0;
        throttle->rest_us = throttle->probe_us = 0;
        throttle->why[0] = '\0';
    }
}

int64_t throttle_now(void)
{
    struct timespec now = { 0 };
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * SECOND + now.tv_nsec / 1000;
}

// ---- in words

static const char rests[] = " rests after ";

int throttle_away(const struct throttle *throttle, const char *name, int64_t wait_us,
                  struct err *err)
{
    (void)err_set(err, ERR_SERVICE, "service_away", "%s%s%u failures in a row (%s)", name, rests,
                  throttle->failures, *throttle->why ? throttle->why : "unknown");
    if (err)
        err->retry_after = (unsigned)((wait_us + SECOND - 1) / SECOND);
    return err_hint(err, "it is asked again by itself; clipspool doctor lists the services");
}

bool throttle_had_no_turn(const struct err *err)
{
    return strcmp(err->id, "service_away") == 0 || strcmp(err->id, "no_turn") == 0;
}

char *throttle_away_name(const struct err *err)
{
    const char *end = strcmp(err->id, "service_away") == 0 ? strstr(err->text, rests) : NULL;
    if (end == NULL)
        return NULL;
    const char *begin = err->text;
    for (const char *at = begin; (at = strstr(at, ": ")) != NULL && at < end; at += 2)
        begin = at + 2;
    return xstrndup(begin, (size_t)(end - begin));
}

// ---- on disk

int throttle_open(const char *root, bool create)
{
    cleanup(close_fd) int rootdir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (rootdir < 0)
        return -errno;
    if (create && mkdirat(rootdir, "services", 0700) < 0 && errno != EEXIST)
        return -errno;
    return fs_open(rootdir, "services", O_RDONLY | O_DIRECTORY);
}

// Of a name that is too long for a file.
static uint64_t fold(const char *text)
{
    uint64_t hash = UINT64_C(14695981039346656037); // FNV-1a
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    return hash;
}

char *throttle_file(const char *name)
{
    cleanup(free_ptr) char *encoded = percent_encode(name, "[]");
    if (strlen(encoded) <= MAX_NAME)
        return xasprintf("%s%s", *encoded == '.' ? "%2E" : "", encoded + (*encoded == '.'));
    return xasprintf("%.*s-%016llx", MAX_NAME, encoded, (unsigned long long)fold(name));
}

// A number and the blank behind it.
static bool take_number(char **text, int64_t most, int64_t *ret_number)
{
    char *end;
    errno = 0;
    *ret_number = strtoll(*text, &end, 10);
    bool is_one = end != *text && errno == 0 && *end == ' ' && *ret_number <= most;
    *text = end + (*end == ' ');
    return is_one;
}

static bool parse(char *text, struct throttle *throttle, char **ret_name)
{
    static const char head[] = "clipspool 1 ";
    int64_t failures;
    struct throttle found = { .failures = 0 };
    if (strncmp(text, head, strlen(head)) != 0)
        return false;
    text += strlen(head);
    if (!take_number(&text, INT64_MAX, &found.arrival_us) ||
        !take_number(&text, INT64_MAX, &found.rest_us) ||
        !take_number(&text, INT64_MAX, &found.probe_us) ||
        !take_number(&text, UINT_MAX, &failures) || failures < 0)
        return false;
    found.failures = (unsigned)failures;
    size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyz_-");
    if (size == 0 || size >= sizeof found.why || text[size] != ' ')
        return false;
    if (size > 1 || *text != '-')
        memcpy(found.why, text, size);
    *throttle = found;
    text += size + 1;
    text[strcspn(text, "\n")] = '\0';
    if (ret_name != NULL && *text)
        *ret_name = xstrdup(text);
    return true;
}

void throttle_read(int fd, struct throttle *ret_throttle, char **ret_name)
{
    char text[THROTTLE_BYTES + 1] = "";
    if (ret_name != NULL)
        *ret_name = NULL;
    ssize_t size = pread(fd, text, THROTTLE_BYTES, 0);
    if (size != THROTTLE_BYTES || !parse(text, ret_throttle, ret_name))
        *ret_throttle = (struct throttle){ .failures = 0 };
}

void throttle_write(int fd, const struct throttle *throttle, const char *name)
{
    char text[THROTTLE_BYTES + 1];
    cleanup(free_ptr) char *shown = text_escape(name);
    int size = snprintf(text, sizeof text, "clipspool 1 %lld %lld %lld %u %s %.600s\n",
                        (long long)throttle->arrival_us, (long long)throttle->rest_us,
                        (long long)throttle->probe_us, throttle->failures,
                        *throttle->why ? throttle->why : "-", shown);
    memset(text + size, '\n', sizeof text - (size_t)size);
    (void)!pwrite(fd, text, THROTTLE_BYTES, 0); // not written, it is asked as if nothing were known
}

unsigned throttle_busy(int fd)
{
    unsigned busy = 0;
    off_t at = THROTTLE_PLACES;
    while (at < THROTTLE_PLACES + THROTTLE_MAX_CONCURRENT) {
        struct flock lock = { .l_type = F_WRLCK,
                              .l_whence = SEEK_SET,
                              .l_start = at,
                              .l_len = THROTTLE_PLACES + THROTTLE_MAX_CONCURRENT - at };
        if (fcntl(fd, F_OFD_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
            break;
        busy++;
        at = lock.l_start + 1;
    }
    return busy;
}

void throttle_expire(const char *root)
{
    cleanup(fs_names_free) char **names = NULL;
    cleanup(close_fd) int folder = throttle_open(root, false);
    if (folder < 0 || fs_list(folder, MAX_SERVICES, &names, NULL) < 0)
        return;
    for (size_t i = 0; names[i]; i++) {
        struct stat st;
        cleanup(close_fd) int fd = fs_open(folder, names[i], O_RDWR);
        if (fd >= 0 && fstat(fd, &st) == 0 && difftime(time(NULL), st.st_mtime) > DAY &&
            throttle_busy(fd) == 0)
            (void)unlinkat(folder, names[i], 0);
    }
}
