// Turns at a service between processes: fork and kill -9.
#include "net/gate.h"
#include "tests/support/folder.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

static struct folder folder;

static struct shared { // between the processes of a test
    _Atomic int inside, most, entered;
} * shared;

static void set_up(void)
{
    folder_make(&folder);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(shared, MAP_FAILED);
}

static void tear_down(void)
{
    folder_remove(&folder);
}

static struct gate *open_gate(const struct throttle_rules *rules, double wait_seconds, int stop_fd)
{
    const struct gate_order order = { .root = folder.path,
                                      .name = "storage oss-main",
                                      .rules = *rules,
                                      .wait_seconds = wait_seconds,
                                      .stop_fd = stop_fd };
    return gate_new(&order);
}

static void go_through(struct gate *gate)
{
    const struct err good = ERR_INIT;
    if (gate_enter(gate, NULL) < 0)
        _exit(1);
    int inside = atomic_fetch_add(&shared->inside, 1) + 1, most = atomic_load(&shared->most);
    while (inside > most && !atomic_compare_exchange_weak(&shared->most, &most, inside))
        continue;
    (void)poll(NULL, 0, 2); // so that they meet
    atomic_fetch_add(&shared->entered, 1);
    atomic_fetch_sub(&shared->inside, 1);
    gate_leave(gate, &good);
}

START_TEST(no_more_are_inside_at_a_time_than_may_be)
{
    enum { PROCESSES = 8, TURNS = 10, PLACES = 3 };
    const struct throttle_rules rules = { .concurrent = PLACES };
    pid_t pids[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            struct gate *gate = open_gate(&rules, 60, 0);
            for (int turn = 0; turn < TURNS; turn++)
                go_through(gate);
            _exit(0);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_int_eq(shared->entered, PROCESSES * TURNS);
    ck_assert_int_le(shared->most, PLACES);
    ck_assert_int_ge(shared->most, 2); // else nothing was proved
}
END_TEST

// A process that goes in, says so and stays.
static pid_t dweller(const struct throttle_rules *rules)
{
    int inside[2];
    char byte = 0;
    ck_assert_int_eq(pipe(inside), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct gate *gate = open_gate(rules, 20, 0);
        byte = gate_enter(gate, NULL) == 0 ? 'y' : 'n';
        (void)!write(inside[1], &byte, 1);
        for (;;)
            pause();
    }
    close(inside[1]);
    ck_assert_int_eq(read(inside[0], &byte, 1), 1);
    close(inside[0]);
    ck_assert_int_eq(byte, 'y');
    return pid;
}

static void kill_hard(pid_t pid)
{
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(the_place_of_one_who_is_killed_is_free)
{
    const struct throttle_rules rules = { .concurrent = 1 };
    const struct err good = ERR_INIT;
    struct err err = ERR_INIT;
    struct gate *gate = open_gate(&rules, 0, 0);
    for (int i = 0; i < 20; i++) {
        pid_t pid = dweller(&rules);
        err_clear(&err);
        ck_assert_int_lt(gate_enter(gate, &err), 0);
        ck_assert_str_eq(err.id, "no_turn");
        ck_assert_int_eq(err.class, ERR_RETRY);
        ck_assert_uint_gt(err.retry_after, 0);
        kill_hard(pid);
        ck_assert_int_eq(gate_enter(gate, NULL), 0);
        gate_leave(gate, &good);
    }
    gate_free(&gate);
}
END_TEST

START_TEST(one_who_is_killed_costs_his_token_and_no_more)
{
    enum { BURST = 30, KILLS = 10 };
    // Within the test nothing comes back.
    const struct throttle_rules rules = { .per_second = 0.0001, .burst = BURST };
    const struct err good = ERR_INIT;
    struct gate *gate = open_gate(&rules, 0, 0);
    int got = 0;
    for (int i = 0; i < KILLS; i++)
        kill_hard(dweller(&rules));
    while (got <= BURST && gate_enter(gate, NULL) == 0) {
        gate_leave(gate, &good);
        got++;
    }
    ck_assert_int_eq(got, BURST - KILLS);
    gate_free(&gate);
}
END_TEST

START_TEST(killed_at_any_instant_nobody_is_shut_out_and_nothing_is_given_twice)
{
    enum { BURST = 400, KILLS = 60 };
    const struct throttle_rules rules = { .per_second = 0.0001, .burst = BURST, .concurrent = 2 };
    const struct err good = ERR_INIT;
    srand((unsigned)time(NULL));
    for (int i = 0; i < KILLS; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            struct gate *mine = open_gate(&rules, 20, 0);
            for (;;) { // a token is counted before it is asked for again
                if (gate_enter(mine, NULL) < 0)
                    _exit(0);
                atomic_fetch_add(&shared->entered, 1);
                gate_leave(mine, &good);
                (void)poll(NULL, 0, 1);
            }
        }
        struct timespec pause = { .tv_nsec = rand() % 6000000 };
        nanosleep(&pause, NULL);
        kill_hard(pid);
    }
    struct gate *gate = open_gate(&rules, 5, 0);
    int left = 0;
    while (left <= BURST && gate_enter(gate, NULL) == 0) {
        gate_leave(gate, &good);
        left++;
    }
    int used = shared->entered;
    ck_assert_msg(used + left <= BURST, "%d and %d", used, left);
    ck_assert_msg(used + left >= BURST - KILLS, "%d and %d of %d", used, left, BURST);
    gate_free(&gate);
}
END_TEST

START_TEST(what_one_process_learns_of_a_service_all_know)
{
    const struct throttle_rules rules = { .failures = 5, .rest_seconds = 60 };
    struct err away = ERR_INIT, good = ERR_INIT, err = ERR_INIT;
    (void)err_set(&away, ERR_SERVICE, "storage_away", "no answer");
    pid_t pid = fork();
    if (pid == 0) {
        struct gate *mine = open_gate(&rules, 0, 0);
        for (int i = 0; i < 5; i++) {
            if (gate_enter(mine, NULL) < 0)
                _exit(1);
            gate_leave(mine, &away);
        }
        _exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    struct gate *gate = open_gate(&rules, 30, 0);
    ck_assert_int_lt(gate_enter(gate, &err), 0); // at once, however long it would wait
    ck_assert_str_eq(err.id, "service_away");
    ck_assert_int_eq(err.class, ERR_SERVICE);
    ck_assert_uint_ge(err.retry_after, 50);
    ck_assert_str_eq(err.text, "storage oss-main rests after 5 failures in a row (storage_away)");
    gate_leave(gate, &good); // of one who was not inside: nothing
    ck_assert_int_lt(gate_enter(gate, NULL), 0);
    gate_free(&gate);
}
END_TEST

START_TEST(who_waits_can_be_stopped)
{
    const struct throttle_rules rules = { .concurrent = 1 };
    struct err err = ERR_INIT;
    int stop[2];
    ck_assert_int_eq(pipe(stop), 0);
    pid_t pid = dweller(&rules);
    ck_assert_int_eq(write(stop[1], "x", 1), 1);
    struct gate *gate = open_gate(&rules, 3600, stop[0]);
    ck_assert_int_eq(gate_enter(gate, &err), -ECANCELED);
    ck_assert_str_eq(err.id, "stopped");
    gate_free(&gate);
    kill_hard(pid);
}
END_TEST

START_TEST(a_gate_that_cannot_be_kept_holds_nobody_up)
{
    const struct throttle_rules rules = { .concurrent = 1, .per_second = 0.001, .burst = 1 };
    const struct err good = ERR_INIT;
    const struct gate_order order = { .root = "/nowhere", .name = "x", .rules = rules };
    struct gate *gate = gate_new(&order);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(gate_enter(gate, NULL), 0);
        gate_leave(gate, &good);
        ck_assert_int_eq(gate_enter(NULL, NULL), 0);
        gate_leave(NULL, &good);
    }
    gate_free(&gate);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gate");
    TCase *tcase = tcase_create("gate");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, no_more_are_inside_at_a_time_than_may_be);
    tcase_add_test(tcase, the_place_of_one_who_is_killed_is_free);
    tcase_add_test(tcase, one_who_is_killed_costs_his_token_and_no_more);
    tcase_add_test(tcase, killed_at_any_instant_nobody_is_shut_out_and_nothing_is_given_twice);
    tcase_add_test(tcase, what_one_process_learns_of_a_service_all_know);
    tcase_add_test(tcase, who_waits_can_be_stopped);
    tcase_add_test(tcase, a_gate_that_cannot_be_kept_holds_nobody_up);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
