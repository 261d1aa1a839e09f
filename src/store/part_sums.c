// A thread that stays a few parts ahead of who asks, so that what it read is still in the page
// cache when it is sent.

#include "store/part_sums.h"

#include <errno.h>
#include <pthread.h>

enum {
    AHEAD = 8, // parts
    // Read at once: enough that the calls do not count, small enough to stay in a cache of the CPU.
    PIECE_BYTES = 256 * 1024,
};

struct part_sums {
    enum proof_kind kind;
    struct http_body body;
    uint64_t part_bytes;
    unsigned count;
    struct proof_sum **sums; // those below `done` are finished
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t news;
    unsigned done, asked; // parts; this and what follows under the lock
    bool is_cancelled;
    int failed; // errno; -1: the file is too short
};

// Whether the part is to be read, now that its turn has come.
static bool wait_for_turn(struct part_sums *sums, unsigned part)
{
    (void)pthread_mutex_lock(&sums->lock);
    while (part >= sums->asked + AHEAD && !sums->is_cancelled)
        (void)pthread_cond_wait(&sums->news, &sums->lock);
    bool go = !sums->is_cancelled;
    (void)pthread_mutex_unlock(&sums->lock);
    return go;
}

static int add_from_file(const struct part_sums *sums, struct proof_sum *sum, uint64_t at,
                         uint64_t end)
{
    cleanup(free_ptr) char *piece = xcalloc(1, PIECE_BYTES);
    while (at < end) {
        size_t most = end - at < PIECE_BYTES ? (size_t)(end - at) : PIECE_BYTES;
        ssize_t got = pread(sums->body.fd, piece, most, (off_t)(sums->body.offset + at));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? errno : -1;
        proof_add(sum, piece, (size_t)got);
        at += (uint64_t)got;
    }
    return 0;
}

static int sum_up(const struct part_sums *sums, struct proof_sum *sum, unsigned part)
{
    uint64_t at = part * sums->part_bytes;
    uint64_t left = sums->body.size - at;
    uint64_t end = at + (left < sums->part_bytes ? left : sums->part_bytes);
    if (sums->body.data == NULL)
        return add_from_file(sums, sum, at, end);
    proof_add(sum, (const char *)sums->body.data + at, (size_t)(end - at));
    return 0;
}

static void *sum_up_parts(void *context)
{
    struct part_sums *sums = context;
    for (unsigned part = 0; part < sums->count && wait_for_turn(sums, part); part++) {
        sums->sums[part] = proof_begin(sums->kind);
        int failed = sum_up(sums, sums->sums[part], part);
        (void)pthread_mutex_lock(&sums->lock);
        sums->failed = failed;
        sums->done += failed == 0;
        (void)pthread_cond_broadcast(&sums->news);
        (void)pthread_mutex_unlock(&sums->lock);
        if (failed != 0)
            break;
    }
    return NULL;
}

struct part_sums *part_sums_start(enum proof_kind kind, const struct http_body *body,
                                  uint64_t part_bytes)
{
    struct part_sums *sums = xcalloc(1, sizeof *sums);
    sums->kind = kind;
    sums->body = *body;
    sums->part_bytes = part_bytes;
    sums->count = (unsigned)((body->size - 1) / part_bytes + 1);
    sums->sums = xcalloc(sums->count, sizeof *sums->sums);
    (void)pthread_mutex_init(&sums->lock, NULL);
    (void)pthread_cond_init(&sums->news, NULL);
    if (pthread_create(&sums->thread, NULL, sum_up_parts, sums) != 0)
        base_out_of_memory();
    return sums;
}

int part_sums_wait(struct part_sums *sums, unsigned part, const struct proof_sum **ret_sum,
                   struct err *err)
{
    (void)pthread_mutex_lock(&sums->lock);
    if (part > sums->asked) {
        sums->asked = part;
        (void)pthread_cond_broadcast(&sums->news);
    }
    while (part >= sums->done && sums->failed == 0)
        (void)pthread_cond_wait(&sums->news, &sums->lock);
    int failed = part < sums->done ? 0 : sums->failed;
    (void)pthread_mutex_unlock(&sums->lock);
    if (failed == -1)
        return err_set(err, ERR_RETRY, "changed", "the file became shorter while it was sent");
    if (failed != 0)
        return err_errno(err, failed, "read what is to be sent");
    *ret_sum = sums->sums[part];
    return 0;
}

void part_sums_free(struct part_sums **at)
{
    struct part_sums *sums = TAKE(*at);
    if (sums == NULL)
        return;
    (void)pthread_mutex_lock(&sums->lock);
    sums->is_cancelled = true;
    (void)pthread_cond_broadcast(&sums->news);
    (void)pthread_mutex_unlock(&sums->lock);
    (void)pthread_join(sums->thread, NULL);
    for (unsigned i = 0; i < sums->count; i++)
        proof_free(&sums->sums[i]);
    free(sums->sums);
    (void)pthread_cond_destroy(&sums->news);
    (void)pthread_mutex_destroy(&sums->lock);
    free(sums);
}
