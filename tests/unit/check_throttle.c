// The arithmetic of asking a service, with a clock of the test's own, and the file it is kept in.
#include "spool/throttle.h"
#include "tests/support/folder.h"

#include <check.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#define MS INT64_C(1000)
#define S INT64_C(1000000)

static const struct throttle_rules rules = {
    .per_second = 10, .burst = 3, .concurrent = 2, .failures = 5, .rest_seconds = 60
};
static const int64_t start = 1000 * S;

static struct err outcome(enum err_class class, const char *id, unsigned retry_after)
{
    struct err err = { .class = class, .retry_after = retry_after };
    memcpy(err.id, id, strlen(id) + 1);
    return err;
}

// ---- a bucket of tokens

START_TEST(a_burst_goes_at_once_and_then_the_rate_holds)
{
    struct throttle throttle = { .failures = 0 };
    int64_t now = start, wait = 0;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(throttle_ask(&throttle, &rules, now, &wait), THROTTLE_GO);
    ck_assert_int_eq(throttle_ask(&throttle, &rules, now, &wait), THROTTLE_WAIT);
    ck_assert_int_eq(wait, 100 * MS);
    ck_assert_int_eq(throttle_ask(&throttle, &rules, now + 99 * MS, &wait), THROTTLE_WAIT);
    ck_assert_int_eq(wait, 1 * MS);
    ck_assert_int_eq(throttle_ask(&throttle, &rules, now + 100 * MS, &wait), THROTTLE_GO);
    ck_assert_int_eq(throttle_ask(&throttle, &rules, now + 100 * MS, &wait), THROTTLE_WAIT);
    // After a pause there is one burst again, not more.
    now += 3600 * S;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(throttle_ask(&throttle, &rules, now, &wait), THROTTLE_GO);
    ck_assert_int_eq(throttle_ask(&throttle, &rules, now, &wait), THROTTLE_WAIT);
}
END_TEST

START_TEST(in_any_span_no_more_go_than_burst_and_rate_allow)
{
    struct throttle throttle = { .failures = 0 };
    int64_t now = start, wait = 0, begun[1000];
    size_t count = 0;
    uint64_t state = 12345;
    while (count < ARRAY_LEN(begun)) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        now += (int64_t)(state >> 40) % (250 * MS); // up to 0.25 s between the askers
        if (throttle_ask(&throttle, &rules, now, &wait) == THROTTLE_GO)
            begun[count++] = now;
    }
    for (size_t i = 0; i < count; i++)
        for (size_t j = i; j < count; j++)
            ck_assert_int_le((int64_t)(j - i + 1), 3 + (begun[j] - begun[i]) / (100 * MS));
}
END_TEST

START_TEST(without_a_rate_everybody_goes)
{
    struct throttle throttle = { .failures = 0 };
    const struct throttle_rules free_rules = { .concurrent = 1 };
    int64_t wait = 0;
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(throttle_ask(&throttle, &free_rules, start, &wait), THROTTLE_GO);
    // Who never rests is asked however often it failed.
    struct err err = outcome(ERR_SERVICE, "storage_away", 0);
    for (int i = 0; i < 100; i++)
        throttle_tell(&throttle, &free_rules, start, &err);
    ck_assert_int_eq(throttle_ask(&throttle, &free_rules, start, &wait), THROTTLE_GO);
}
END_TEST

// ---- a breaker

static void fail_times(struct throttle *throttle, int times, int64_t now, unsigned retry_after)
{
    struct err err = outcome(ERR_SERVICE, "storage_away", retry_after);
    for (int i = 0; i < times; i++)
        throttle_tell(throttle, &rules, now, &err);
}

static void expect(struct throttle throttle, int64_t now, enum throttle_answer answer, int64_t wait)
{
    int64_t is = 0; // by value: asking changes nothing here
    ck_assert_int_eq(throttle_ask(&throttle, &rules, now, &is), answer);
    ck_assert_int_eq(is, wait);
}

START_TEST(five_failures_in_a_row_open_it_and_a_success_between_does_not)
{
    struct throttle throttle = { .failures = 0 };
    struct err good = outcome(ERR_NONE, "", 0);
    fail_times(&throttle, 4, start, 0);
    expect(throttle, start, THROTTLE_GO, 0);
    throttle_tell(&throttle, &rules, start, &good);
    fail_times(&throttle, 4, start, 0);
    expect(throttle, start, THROTTLE_GO, 0);
    fail_times(&throttle, 1, start, 0);
    expect(throttle, start, THROTTLE_AWAY, 60 * S);
    expect(throttle, start + 59 * S, THROTTLE_AWAY, 1 * S);
    expect(throttle, start + 60 * S, THROTTLE_GO, 0);
}
END_TEST

START_TEST(after_the_rest_one_asks_and_its_success_closes_it)
{
    struct throttle throttle = { .failures = 0 };
    struct err good = outcome(ERR_NONE, "", 0), wrong = outcome(ERR_INPUT, "no_object", 0);
    int64_t now = start + 60 * S, wait = 0;
    fail_times(&throttle, 5, start, 0);
    ck_assert_int_eq(throttle_ask(&throttle, &rules, now, &wait), THROTTLE_GO);
    expect(throttle, now, THROTTLE_AWAY, 60 * S); // the others
    struct throttle failed = throttle, died = throttle, answered = throttle;
    throttle_tell(&throttle, &rules, now + S, &good);
    expect(throttle, now + S, THROTTLE_GO, 0);
    ck_assert_uint_eq(throttle.failures, 0);
    // That the object is not there shows that the service is.
    throttle_tell(&answered, &rules, now + S, &wrong);
    expect(answered, now + S, THROTTLE_GO, 0);
    // It failed: rests again.
    fail_times(&failed, 1, now + S, 0);
    expect(failed, now + S, THROTTLE_AWAY, 60 * S);
    // It died without a word: another asks after a rest.
    expect(died, now + 59 * S, THROTTLE_AWAY, 1 * S);
    expect(died, now + 60 * S, THROTTLE_GO, 0);
}
END_TEST

START_TEST(who_was_stopped_says_nothing_of_the_service)
{
    static const struct {
        enum err_class class;
        const char *id;
    } rows[] = { { ERR_RETRY, "stopped" }, { ERR_RETRY, "changed" }, { ERR_RETRY, "damaged" },
                 { ERR_IO, "no_space" },   { ERR_SYSTEM, "crypto" }, { ERR_BUG, "bad_request" } };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct throttle throttle = { .failures = 0 };
        struct err err = outcome(rows[i].class, rows[i].id, 0);
        int64_t wait = 0;
        fail_times(&throttle, 5, start, 0);
        ck_assert_int_eq(throttle_ask(&throttle, &rules, start + 60 * S, &wait), THROTTLE_GO);
        throttle_tell(&throttle, &rules, start + 61 * S, &err);
        ck_assert_uint_eq(throttle.failures, 5);
        expect(throttle, start + 61 * S, THROTTLE_GO, 0); // another asks whether it is back
    }
}
END_TEST

START_TEST(a_service_that_asks_for_time_gets_it)
{
    struct throttle throttle = { .failures = 0 };
    fail_times(&throttle, 1, start, 7);
    expect(throttle, start, THROTTLE_WAIT, 7 * S);
    expect(throttle, start + 7 * S, THROTTLE_GO, 0);
    // Longer than the rest, but not for ever.
    fail_times(&throttle, 4, start, 90);
    expect(throttle, start, THROTTLE_AWAY, 90 * S);
    fail_times(&throttle, 1, start, 4000000);
    expect(throttle, start, THROTTLE_AWAY, 3600 * S);
}
END_TEST

START_TEST(what_an_earlier_start_of_the_machine_put_is_nothing)
{
    struct throttle throttle = { .failures = 0 };
    int64_t wait = 0;
    fail_times(&throttle, 9, 500000 * S, 0);
    throttle.arrival_us = 500000 * S;
    expect(throttle, 10 * S, THROTTLE_GO, 0);
    ck_assert_int_eq(throttle_ask(&throttle, &rules, 10 * S, &wait), THROTTLE_GO);
    ck_assert_int_le(throttle.arrival_us, 11 * S);
}
END_TEST

// ---- words

START_TEST(the_name_of_a_service_that_is_away_is_found_again)
{
    static const char *const names[] = { "storage oss-main", "webhook http://[::1]:80", "x" };
    struct throttle throttle = { .failures = 5, .why = "storage_away" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct err err = ERR_INIT;
        ck_assert_int_lt(throttle_away(&throttle, names[i], 1, &err), 0);
        ck_assert_int_eq(err.class, ERR_SERVICE);
        ck_assert_uint_eq(err.retry_after, 1);
        ck_assert(throttle_had_no_turn(&err));
        (void)err_prefix(&err, "a b.oss: upload");
        cleanup(free_ptr) char *name = throttle_away_name(&err);
        ck_assert_str_eq(name, names[i]);
    }
    struct err other = outcome(ERR_SERVICE, "storage_away", 0);
    ck_assert_ptr_null(throttle_away_name(&other));
}
END_TEST

// Not to be mixed up with what services say of themselves: who was answered had his turn.
START_TEST(only_what_a_gate_says_was_no_turn)
{
    static const struct {
        const char *id;
        bool had_none;
    } said[] = { { "service_away", true },
                 { "no_turn", true },
                 { "storage_away", false },
                 { "webhook_refused", false },
                 { "service_busy", false } };
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        struct err err = outcome(ERR_RETRY, said[i].id, 0);
        ck_assert_msg(throttle_had_no_turn(&err) == said[i].had_none, "%s", said[i].id);
    }
}
END_TEST

// ---- the file

static struct folder folder;

static void set_up(void)
{
    folder_make(&folder);
}

static void tear_down(void)
{
    folder_remove(&folder);
}

static int open_service(const char *name)
{
    cleanup(free_ptr) char *file = throttle_file(name);
    cleanup(close_fd) int dir = throttle_open(folder.path, true);
    ck_assert_int_ge(dir, 0);
    int fd = openat(dir, file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    return fd;
}

START_TEST(what_is_written_is_read_back)
{
    const struct throttle put = {
        .arrival_us = INT64_MAX, .rest_us = -1, .probe_us = 7, .failures = UINT32_MAX, .why = "x_y"
    };
    static const char *const names[] = { "storage oss-main", "link a\nb" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        cleanup(close_fd) int fd = open_service(names[i]);
        cleanup(free_ptr) char *name = NULL;
        struct throttle got;
        throttle_write(fd, &put, names[i]);
        throttle_read(fd, &got, &name);
        ck_assert_int_eq(got.arrival_us, put.arrival_us);
        ck_assert_int_eq(got.rest_us, put.rest_us);
        ck_assert_int_eq(got.probe_us, put.probe_us);
        ck_assert_uint_eq(got.failures, put.failures);
        ck_assert_str_eq(got.why, put.why);
        ck_assert(strstr(name, i == 0 ? "storage oss-main" : "link a\\x0Ab"));
    }
}
END_TEST

START_TEST(a_damaged_file_is_a_service_of_which_nothing_is_known)
{
    static const char *const rows[] = { "", "rubbish", "clipspool 2 1 1 1 9 - x\n",
                                        "clipspool 1 1 1 1", "clipspool 1 1 1 1 9 UPPER x" };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct throttle got = { .failures = 7 };
        char text[THROTTLE_BYTES] = "";
        cleanup(close_fd) int fd = open_service("x");
        memcpy(text, rows[i], strlen(rows[i]));
        ck_assert_int_eq(pwrite(fd, text, sizeof text, 0), (ssize_t)sizeof text);
        throttle_read(fd, &got, NULL);
        ck_assert_msg(got.failures == 0 && got.arrival_us == 0, "%s", rows[i]);
    }
}
END_TEST

START_TEST(every_name_has_a_file_of_its_own)
{
    char long_one[400], long_two[400];
    memset(long_one, 'a', sizeof long_one);
    long_one[sizeof long_one - 1] = '\0';
    memcpy(long_two, long_one, sizeof long_two);
    long_two[398] = 'b';
    const char *const names[] = {
        "storage a", "storage%20a", "..", ".", "a/b", long_one, long_two
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        cleanup(free_ptr) char *one = throttle_file(names[i]);
        ck_assert(*one != '.' && strchr(one, '/') == NULL && strlen(one) < 255);
        for (size_t j = 0; j < i; j++) {
            cleanup(free_ptr) char *other = throttle_file(names[j]);
            ck_assert_str_ne(one, other);
        }
    }
}
END_TEST

START_TEST(what_nobody_asked_for_a_day_is_forgotten)
{
    const struct timespec old[2] = { { .tv_sec = time(NULL) - 90000 },
                                     { .tv_sec = time(NULL) - 90000 } };
    struct flock place = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = THROTTLE_PLACES + 3, .l_len = 1
    };
    cleanup(close_fd) int unused = open_service("unused"), held = open_service("held"),
                          fresh = open_service("fresh");
    ck_assert_int_eq(futimens(unused, old), 0);
    ck_assert_int_eq(futimens(held, old), 0);
    ck_assert_int_eq(fcntl(held, F_OFD_SETLK, &place), 0);
    cleanup(close_fd) int onlooker = open_service("held");
    ck_assert_uint_eq(throttle_busy(onlooker), 1);
    ck_assert_uint_eq(throttle_busy(fresh), 0);
    ck_assert_int_eq(futimens(held, old), 0);
    throttle_expire(folder.path);
    cleanup(free_ptr) char *names = folder_names(&folder, "services");
    ck_assert_str_eq(names, "fresh held");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("throttle");
    TCase *pure = tcase_create("arithmetic");
    tcase_add_test(pure, a_burst_goes_at_once_and_then_the_rate_holds);
    tcase_add_test(pure, in_any_span_no_more_go_than_burst_and_rate_allow);
    tcase_add_test(pure, without_a_rate_everybody_goes);
    tcase_add_test(pure, five_failures_in_a_row_open_it_and_a_success_between_does_not);
    tcase_add_test(pure, after_the_rest_one_asks_and_its_success_closes_it);
    tcase_add_test(pure, who_was_stopped_says_nothing_of_the_service);
    tcase_add_test(pure, a_service_that_asks_for_time_gets_it);
    tcase_add_test(pure, what_an_earlier_start_of_the_machine_put_is_nothing);
    tcase_add_test(pure, the_name_of_a_service_that_is_away_is_found_again);
    tcase_add_test(pure, only_what_a_gate_says_was_no_turn);
    suite_add_tcase(suite, pure);
    TCase *file = tcase_create("file");
    tcase_add_checked_fixture(file, set_up, tear_down);
    tcase_add_test(file, what_is_written_is_read_back);
    tcase_add_test(file, a_damaged_file_is_a_service_of_which_nothing_is_known);
    tcase_add_test(file, every_name_has_a_file_of_its_own);
    tcase_add_test(file, what_nobody_asked_for_a_day_is_forgotten);
    suite_add_tcase(suite, file);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
