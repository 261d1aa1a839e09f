// Work side by side: how many at a time, what becomes of failures, and that the owner hears of it.
// Pieces wait for each other by conditions; nothing here depends on how fast anything is.
#include "media/crew.h"

#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

enum { MOST = 500 };

struct yard {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned busy, most_busy; // guarded by lock
    unsigned gather;          // pieces wait until this many are at work
    size_t order[MOST], begun;
    unsigned done[MOST];
    size_t failing[2];    // pieces that fail, the first before the second; MOST: none
    pthread_key_t failed; // of the worker whose piece failed first
    bool is_gone;         // that worker
    unsigned watched;
    pthread_t caller, watcher;
    size_t watch_needed; // piece 0 waits until it was watched so often
    size_t seen_at_end;  // pieces done when it was watched last
};

static void note_gone(void *context)
{
    struct yard *yard = context;
    pthread_mutex_lock(&yard->lock);
    yard->is_gone = true;
    pthread_cond_broadcast(&yard->changed);
    pthread_mutex_unlock(&yard->lock);
}

static void set_up(struct yard *yard)
{
    *yard = (struct yard){ .failing = { MOST, MOST }, .caller = pthread_self() };
    pthread_mutex_init(&yard->lock, NULL);
    pthread_cond_init(&yard->changed, NULL);
    ck_assert_int_eq(pthread_key_create(&yard->failed, note_gone), 0);
}

static void tear_down(struct yard *yard)
{
    pthread_key_delete(yard->failed);
    pthread_cond_destroy(&yard->changed);
    pthread_mutex_destroy(&yard->lock);
}

// Waits with the lock held; a test that waits in vain ends by Check's bound.
static void await(struct yard *yard)
{
    pthread_cond_wait(&yard->changed, &yard->lock);
}

// Stays at work for a moment: nothing tells that nobody else will come.
static void await_one_too_many(struct yard *yard)
{
    struct timespec until;
    ck_assert_int_eq(clock_gettime(CLOCK_REALTIME, &until), 0);
    until.tv_nsec += 100 * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    while (yard->most_busy <= yard->gather &&
           pthread_cond_timedwait(&yard->changed, &yard->lock, &until) == 0)
        continue;
}

static int work(void *context, size_t number, struct err *err)
{
    struct yard *yard = context;
    int r = 0;
    pthread_mutex_lock(&yard->lock);
    yard->order[yard->begun++] = number;
    yard->busy++;
    yard->most_busy = yard->busy > yard->most_busy ? yard->busy : yard->most_busy;
    pthread_cond_broadcast(&yard->changed);
    while (yard->most_busy < yard->gather)
        await(yard);
    if (number < yard->gather)
        await_one_too_many(yard);
    while (number == 0 && yard->watched < yard->watch_needed)
        await(yard);
    while (number == yard->failing[1] && !yard->is_gone)
        await(yard);
    if (number == yard->failing[0] || number == yard->failing[1]) {
        pthread_setspecific(yard->failed, number == yard->failing[0] ? yard : NULL);
        r = err_set(err, ERR_INPUT, number == yard->failing[0] ? "first" : "second", "piece %zu",
                    number);
    }
    yard->done[number]++;
    yard->busy--;
    pthread_cond_broadcast(&yard->changed);
    pthread_mutex_unlock(&yard->lock);
    return r;
}

static void watch(void *context)
{
    struct yard *yard = context;
    pthread_mutex_lock(&yard->lock);
    yard->watched++;
    yard->watcher = pthread_self();
    yard->seen_at_end = yard->begun - yard->busy;
    pthread_cond_broadcast(&yard->changed);
    pthread_mutex_unlock(&yard->lock);
}

static int run(struct yard *yard, size_t count, unsigned workers, struct err *err)
{
    const struct crew_job job = { .work = work, .watch = watch, .context = yard };
    return crew_run(&job, count, workers, err);
}

static const struct amount {
    const char *sentence;
    size_t count;
    unsigned workers;
    unsigned side_by_side; // that must come together, and no more
} amounts[] = {
    { "one worker does one after another", 20, 1, 1 },
    { "two do two at a time", 50, 2, 2 },
    { "five do five at a time", 200, 5, 5 },
    { "for less work fewer come", 3, 8, 3 },
    { "nobody asked is one", 10, 0, 1 },
    { "more than sixteen do not come", 100, 1000, 16 },
};

START_TEST(pieces_are_done_once_each_and_so_many_side_by_side)
{
    const struct amount *amount = &amounts[_i];
    struct yard yard;
    struct err err = ERR_INIT;
    set_up(&yard);
    yard.gather = amount->side_by_side;
    ck_assert_int_eq(run(&yard, amount->count, amount->workers, &err), 0);
    ck_assert_int_eq(err.class, ERR_NONE);
    for (size_t i = 0; i < amount->count; i++)
        ck_assert_msg(yard.done[i] == 1, "%s: piece %zu %u times", amount->sentence, i,
                      yard.done[i]);
    ck_assert_msg(yard.most_busy == amount->side_by_side, "%s: %u", amount->sentence,
                  yard.most_busy);
    tear_down(&yard);
}
END_TEST

START_TEST(one_worker_does_them_in_order)
{
    struct yard yard;
    set_up(&yard);
    ck_assert_int_eq(run(&yard, 30, 1, NULL), 0);
    for (size_t i = 0; i < 30; i++)
        ck_assert_uint_eq(yard.order[i], i);
    tear_down(&yard);
}
END_TEST

START_TEST(no_work_is_done_at_once)
{
    struct yard yard;
    set_up(&yard);
    ck_assert_int_eq(run(&yard, 0, 4, NULL), 0);
    ck_assert_uint_eq(yard.begun, 0);
    tear_down(&yard);
}
END_TEST

START_TEST(behind_a_failure_nothing_is_begun)
{
    struct yard yard;
    struct err err = ERR_INIT;
    set_up(&yard);
    yard.failing[0] = 7;
    ck_assert_int_lt(run(&yard, MOST, 1, &err), 0);
    ck_assert_str_eq(err.id, "first");
    ck_assert_uint_eq(yard.begun, 8);
    tear_down(&yard);
}
END_TEST

START_TEST(what_is_at_work_at_a_failure_is_awaited)
{
    struct yard yard;
    struct err err = ERR_INIT;
    set_up(&yard);
    yard.gather = 4; // all four are at work when one fails
    yard.failing[0] = 2;
    ck_assert_int_lt(run(&yard, 4, 4, &err), 0);
    ck_assert_uint_eq(yard.busy, 0);
    for (size_t i = 0; i < 4; i++)
        ck_assert_uint_eq(yard.done[i], 1);
    tear_down(&yard);
}
END_TEST

START_TEST(of_two_failures_the_first_in_time_is_told)
{
    struct yard yard;
    struct err err = ERR_INIT;
    set_up(&yard);
    yard.gather = 2;
    yard.failing[0] = 1;
    yard.failing[1] = 0; // when the worker that had piece 1 is gone
    int r = run(&yard, 2, 2, &err);
    ck_assert_int_lt(r, 0);
    ck_assert_int_eq(r, err.code);
    ck_assert_str_eq(err.id, "first");
    ck_assert_str_eq(err.text, "piece 1");
    tear_down(&yard);
}
END_TEST

START_TEST(an_error_that_is_there_already_stays)
{
    struct yard yard;
    struct err err = ERR_INIT;
    (void)err_set(&err, ERR_IO, "earlier", "something else");
    set_up(&yard);
    yard.failing[0] = 0;
    ck_assert_int_lt(run(&yard, 1, 1, &err), 0);
    ck_assert_str_eq(err.id, "earlier");
    ck_assert_int_lt(run(&yard, 1, 1, NULL), 0); // and nobody need want to know
    tear_down(&yard);
}
END_TEST

START_TEST(it_is_watched_from_the_callers_thread_while_work_lasts)
{
    struct yard yard;
    set_up(&yard);
    yard.watch_needed = 2;
    ck_assert_int_eq(run(&yard, 3, 2, NULL), 0);
    ck_assert_uint_ge(yard.watched, 2);
    ck_assert(pthread_equal(yard.watcher, yard.caller));
    tear_down(&yard);
}
END_TEST

START_TEST(it_is_watched_once_more_when_all_is_done_however_short_it_was)
{
    for (size_t count = 0; count < 60; count++) {
        struct yard yard;
        set_up(&yard);
        ck_assert_int_eq(run(&yard, count, 1 + (unsigned)count % 5, NULL), 0);
        ck_assert_uint_ge(yard.watched, 1);
        ck_assert_uint_eq(yard.seen_at_end, count);
        tear_down(&yard);
    }
}
END_TEST

START_TEST(nobody_need_watch)
{
    struct yard yard;
    set_up(&yard);
    const struct crew_job job = { .work = work, .context = &yard };
    ck_assert_int_eq(crew_run(&job, 5, 2, NULL), 0);
    ck_assert_uint_eq(yard.begun, 5);
    tear_down(&yard);
}
END_TEST

START_TEST(a_worker_comes_for_each_processor_that_may_be_used)
{
    cpu_set_t set, one;
    ck_assert_int_eq(sched_getaffinity(0, sizeof set, &set), 0);
    unsigned expected = (unsigned)CPU_COUNT(&set) < 16 ? (unsigned)CPU_COUNT(&set) : 16;
    ck_assert_uint_eq(crew_size(), expected);
    int first = 0;
    while (!CPU_ISSET(first, &set))
        first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
    ck_assert_uint_eq(crew_size(), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crew");
    TCase *crew = tcase_create("crew");
    tcase_set_timeout(crew, 20);
    tcase_add_loop_test(crew, pieces_are_done_once_each_and_so_many_side_by_side, 0,
                        ARRAY_LEN(amounts));
    tcase_add_test(crew, one_worker_does_them_in_order);
    tcase_add_test(crew, no_work_is_done_at_once);
    tcase_add_test(crew, behind_a_failure_nothing_is_begun);
    tcase_add_test(crew, what_is_at_work_at_a_failure_is_awaited);
    tcase_add_test(crew, of_two_failures_the_first_in_time_is_told);
    tcase_add_test(crew, an_error_that_is_there_already_stays);
    tcase_add_test(crew, it_is_watched_from_the_callers_thread_while_work_lasts);
    tcase_add_test(crew, it_is_watched_once_more_when_all_is_done_however_short_it_was);
    tcase_add_test(crew, nobody_need_watch);
    tcase_add_test(crew, a_worker_comes_for_each_processor_that_may_be_used);
    suite_add_tcase(suite, crew);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
