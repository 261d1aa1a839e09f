// Sound between two threads: all of it, in order, never too much at a time, and failures come back.
#include "media/relay.h"

#include <check.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

struct listener {
    size_t heard;       // frames
    size_t fails_after; // frames; 0: never
    bool in_order;
    pthread_t thread;
    sem_t *gate; // awaited before each piece, if there is one
};

// Frame n holds n and -n.
static int listen_to(void *context, const float *frames, size_t count, struct err *err)
{
    struct listener *listener = context;
    listener->thread = pthread_self();
    if (listener->gate)
        ck_assert_int_eq(sem_wait(listener->gate), 0);
    for (size_t i = 0; i < count; i++, listener->heard++)
        listener->in_order = listener->in_order && frames[2 * i] == (float)listener->heard &&
                             frames[2 * i + 1] == -(float)listener->heard;
    if (listener->fails_after && listener->heard >= listener->fails_after)
        return err_set(err, ERR_IO, "full", "no room after %zu", listener->fails_after);
    return 0;
}

static int say(struct relay *relay, size_t from, size_t count, struct err *err)
{
    float *frames = xcalloc(count + 1, 2 * sizeof *frames);
    for (size_t i = 0; i < count; i++) {
        frames[2 * i] = (float)(from + i);
        frames[2 * i + 1] = -(float)(from + i);
    }
    int r = relay_put(relay, frames, count, err);
    free(frames);
    return r;
}

static const size_t sizes[] = { 1, 479, 1000, 4096, 4097, 32768, 32769, 100000 };

START_TEST(all_of_it_comes_out_in_order_whatever_it_is_cut_into)
{
    struct err err = ERR_INIT;
    struct listener listener = { .in_order = true };
    struct relay *relay;
    size_t said = 0;
    ck_assert_int_eq(relay_start(listen_to, &listener, &relay, &err), 0);
    while (said < 200000) {
        ck_assert_int_eq(say(relay, said, sizes[_i], &err), 0);
        said += sizes[_i];
    }
    ck_assert_int_eq(relay_finish(relay, &err), 0);
    ck_assert_uint_eq(listener.heard, said);
    ck_assert(listener.in_order);
    ck_assert(!pthread_equal(listener.thread, pthread_self()));
    relay_free(&relay);
    ck_assert_ptr_null(relay);
}
END_TEST

START_TEST(who_is_too_quick_waits)
{
    struct err err = ERR_INIT;
    sem_t gate;
    sem_init(&gate, 0, 0);
    struct listener listener = { .in_order = true, .gate = &gate };
    struct relay *relay;
    ck_assert_int_eq(relay_start(listen_to, &listener, &relay, &err), 0);
    // What fits is taken at once though nobody listens.
    ck_assert_int_eq(say(relay, 0, 30000, &err), 0);
    for (int i = 0; i < 100; i++)
        sem_post(&gate);
    ck_assert_int_eq(say(relay, 30000, 60000, &err), 0);
    ck_assert_int_eq(relay_finish(relay, &err), 0);
    ck_assert_uint_eq(listener.heard, 90000);
    ck_assert(listener.in_order);
    relay_free(&relay);
    sem_destroy(&gate);
}
END_TEST

START_TEST(a_failure_comes_back_and_nothing_is_handed_out_after_it)
{
    struct err err = ERR_INIT;
    struct listener listener = { .in_order = true, .fails_after = 5000 };
    struct relay *relay;
    int r = relay_start(listen_to, &listener, &relay, &err);
    for (size_t said = 0; r >= 0; said += 1000) {
        ck_assert_uint_lt(said, 1000000);
        r = say(relay, said, 1000, &err);
    }
    ck_assert_int_eq(err.class, ERR_IO);
    ck_assert_str_eq(err.id, "full");
    size_t heard = listener.heard;
    struct err again = ERR_INIT;
    ck_assert_int_lt(relay_finish(relay, &again), 0);
    ck_assert_str_eq(again.id, "full");
    ck_assert_uint_eq(listener.heard, heard);
    relay_free(&relay);
}
END_TEST

START_TEST(a_failure_at_the_very_end_is_not_lost)
{
    struct err err = ERR_INIT;
    struct listener listener = { .in_order = true, .fails_after = 100 };
    struct relay *relay;
    ck_assert_int_eq(relay_start(listen_to, &listener, &relay, &err), 0);
    (void)say(relay, 0, 100, &err); // may or may not know yet
    struct err last = ERR_INIT;
    ck_assert_int_lt(relay_finish(relay, &last), 0);
    ck_assert_str_eq(last.id, "full");
    relay_free(&relay);
}
END_TEST

START_TEST(it_can_be_given_up_with_sound_on_its_way)
{
    struct err err = ERR_INIT;
    sem_t gate;
    sem_init(&gate, 0, 0);
    struct listener listener = { .in_order = true, .gate = &gate };
    struct relay *relay;
    ck_assert_int_eq(relay_start(listen_to, &listener, &relay, &err), 0);
    ck_assert_int_eq(say(relay, 0, 20000, &err), 0);
    for (int i = 0; i < 5; i++) // as many pieces as there can be; how many are heard is open
        sem_post(&gate);
    relay_free(&relay);
    ck_assert(listener.in_order);
    sem_destroy(&gate);
}
END_TEST

START_TEST(nothing_said_is_no_error)
{
    struct err err = ERR_INIT;
    struct listener listener = { .in_order = true };
    struct relay *relay;
    ck_assert_int_eq(relay_start(listen_to, &listener, &relay, &err), 0);
    ck_assert_int_eq(relay_finish(relay, &err), 0);
    ck_assert_uint_eq(listener.heard, 0);
    relay_free(&relay);
    relay_free(&relay);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("relay");
    TCase *relay = tcase_create("relay");
    tcase_add_loop_test(relay, all_of_it_comes_out_in_order_whatever_it_is_cut_into, 0,
                        sizeof sizes / sizeof *sizes);
    tcase_add_test(relay, who_is_too_quick_waits);
    tcase_add_test(relay, a_failure_comes_back_and_nothing_is_handed_out_after_it);
    tcase_add_test(relay, a_failure_at_the_very_end_is_not_lost);
    tcase_add_test(relay, it_can_be_given_up_with_sound_on_its_way);
    tcase_add_test(relay, nothing_said_is_no_error);
    suite_add_tcase(suite, relay);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
