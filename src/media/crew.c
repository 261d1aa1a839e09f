// Work side by side; see crew.h.
#include "media/crew.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

enum { MOST_WORKERS = 16, WATCH_MS = 250 };

struct crew {
    const struct crew_job *job;
    size_t count;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    // Guarded by lock:
    size_t next;
    unsigned busy; // workers that still run
    int result;
    struct err err;
};

// The next piece, or count if there is none.
static size_t take(struct crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    size_t number = crew->result < 0 ? crew->count : crew->next;
    if (number < crew->count)
        crew->next++;
    pthread_mutex_unlock(&crew->lock);
    return number;
}

static void note(struct crew *crew, int result, const struct err *err)
{
    pthread_mutex_lock(&crew->lock);
    if (crew->result >= 0) {
        crew->result = result;
        crew->err = *err;
    }
    pthread_mutex_unlock(&crew->lock);
}

static void *work(void *context)
{
    struct crew *crew = context;
    size_t number;
    while ((number = take(crew)) < crew->count) {
        struct err err = ERR_INIT;
        int r = crew->job->work(crew->job->context, number, &err);
        if (r < 0)
            note(crew, r, &err);
    }
    pthread_mutex_lock(&crew->lock);
    crew->busy--;
    pthread_cond_signal(&crew->ended);
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

static void watch(const struct crew *crew)
{
    if (crew->job->watch)
        crew->job->watch(crew->job->context);
}

static void await(struct crew *crew)
{
    pthread_mutex_lock(&crew->lock);
    while (crew->busy > 0) {
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += WATCH_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        if (pthread_cond_timedwait(&crew->ended, &crew->lock, &until) == 0)
            continue;
        pthread_mutex_unlock(&crew->lock);
        watch(crew);
        pthread_mutex_lock(&crew->lock);
    }
    pthread_mutex_unlock(&crew->lock);
    watch(crew);
}

// So that somebody who sets the clock does not hold up what is waited for.
static void init_ended(struct crew *crew)
{
    pthread_condattr_t how;
    pthread_condattr_init(&how);
    pthread_condattr_setclock(&how, CLOCK_MONOTONIC);
    pthread_cond_init(&crew->ended, &how);
    pthread_condattr_destroy(&how);
}

int crew_run(const struct crew_job *job, size_t count, unsigned workers, struct err *err)
{
    struct crew crew = { .job = job, .count = count };
    pthread_t threads[MOST_WORKERS];
    unsigned started = 0;
    workers = workers < 1 ? 1 : workers > MOST_WORKERS ? MOST_WORKERS : workers;
    workers = count < workers ? (unsigned)count : workers;
    pthread_mutex_init(&crew.lock, NULL);
    init_ended(&crew);
    crew.busy = workers;
    int failed = 0;
    while (started < workers && !failed) {
        failed = pthread_create(&threads[started], NULL, work, &crew);
        started += failed == 0;
    }
    if (started < workers) {
        pthread_mutex_lock(&crew.lock);
        crew.busy -= workers - started;
        pthread_mutex_unlock(&crew.lock);
    }
    await(&crew);
    for (unsigned i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    pthread_cond_destroy(&crew.ended);
    pthread_mutex_destroy(&crew.lock);
    if (workers > 0 && started == 0)
        return err_errno(err, failed, "start a thread");
    if (crew.result < 0 && err && err->class == ERR_NONE)
        *err = crew.err;
    return crew.result;
}

unsigned crew_size(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return count < 1 ? 1 : count > MOST_WORKERS ? MOST_WORKERS : (unsigned)count;
}
