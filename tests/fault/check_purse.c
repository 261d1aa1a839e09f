// A ledger under failure: the process ends before every system call of holding, settling and
// dropping, and every call fails once.  At each of these moments both accounts have at least what
// may have been billed, the day at least what the batch has, and doing it again makes them right.
#include "model/purse.h"
#include "tests/support/faults.h"
#include "tests/support/folder.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

// The sweep ends by itself long before.
enum { CALLS_MAX = 400, MOST = 1000, BILL = 700 };

static struct folder folder;
static struct model_settings settings;
static struct purse purse;
static const struct budget_sum bill = { BILL, BILL };
static const time_t now = 1700000000;

// Of the call that all is about; shared with the process that ends.
static char *id;

static void set_up(void)
{
    folder_make_in_memory(&folder);
    ck_assert_int_eq(mkdirat(folder.fd, "batch", 0700), 0);
    settings = (struct model_settings){ .deadline_seconds = 20, .job_tokens = MOST };
    purse.order = (struct purse_order){
        .settings = &settings,
        .root = folder.path,
        .batchdir = openat(folder.fd, "batch", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
    };
    id = mmap(NULL, LEDGER_ID_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(id, MAP_FAILED);
}

static void tear_down(void)
{
    munmap(id, LEDGER_ID_SIZE);
    close_fd(&purse.order.batchdir);
    folder_remove(&folder);
}

// ---- what is done

static int do_hold(struct err *err)
{
    const struct purse_call call = {
        .key = "k", .what = "look", .service = "openai", .model = "m", .most = { MOST, MOST }
    };
    char drawn[LEDGER_ID_SIZE];
    int r = purse_hold(&purse, &call, now, drawn, err);
    if (r == 0)
        memcpy(id, drawn, LEDGER_ID_SIZE);
    return r;
}

static int do_settle(struct err *err)
{
    return purse_settle(&purse, id, &bill, NULL, now, err);
}

static int do_drop(struct err *err)
{
    return purse_drop(&purse, id, now, err);
}

static void prepare_nothing(void)
{
}

static void prepare_call(void)
{
    struct err err = ERR_INIT;
    ck_assert_msg(do_hold(&err) == 0, "%s", err.text);
}

static const struct {
    const char *name;
    void (*prepare)(void);
    int (*act)(struct err *err);
    uint64_t least;       // in both accounts at every moment
    uint64_t batch, day;  // once it is done, or done again
    bool leaves_day_more; // what a cut off one added to the day stays there
} rows[] = {
    { "hold", prepare_nothing, do_hold, 0, MOST, MOST, true },
    { "settle", prepare_call, do_settle, BILL, BILL, BILL, false },
    { "drop", prepare_call, do_drop, 0, 0, 0, false },
};

// ---- what is there

static void sum_up(uint64_t *ret_batch, uint64_t *ret_day)
{
    struct err err = ERR_INIT;
    cleanup(ledger_release) struct ledger ledger = LEDGER_INIT;
    struct ledger_day day;
    *ret_batch = 0;
    ck_assert_msg(ledger_load(purse.order.batchdir, &ledger, &err) == 0, "%s", err.text);
    for (size_t i = 0; i < ledger.count; i++)
        *ret_batch +=
            ledger.calls[i].billed ? ledger.calls[i].billed_tokens : ledger.calls[i].held_tokens;
    cleanup(close_fd) int fd = ledger_open_folder(folder.path, &err);
    ck_assert_msg(ledger_load_day(fd, &day, &err) == 0, "%s", err.text);
    *ret_day = day.used_tokens;
    for (size_t i = 0; i < day.open_count; i++)
        *ret_day += day.open[i].tokens;
}

static void expect_enough(int row, int call, bool returned)
{
    uint64_t batch, day;
    sum_up(&batch, &day);
    uint64_t least = returned ? rows[row].batch : rows[row].least;
    ck_assert_msg(batch >= least && day >= least, "%s, call %d: %d and %d, not %d", rows[row].name,
                  call, (int)batch, (int)day, (int)least);
    ck_assert_msg(batch <= MOST && day <= MOST, "%s, call %d: %d and %d are too much",
                  rows[row].name, call, (int)batch, (int)day);
    // Of what is held only what stands in the day keeps others from spending it.  (Of what is
    // settled or dropped the day is the first to know.)
    ck_assert_msg(rows[row].act != do_hold || day >= batch, "%s, call %d: %d, the day has %d",
                  rows[row].name, call, (int)batch, (int)day);
}

static void expect_right_when_done_again(int row, int call)
{
    uint64_t batch, day, batch_before, day_before;
    struct err err = ERR_INIT;
    sum_up(&batch_before, &day_before);
    // Who holds does so for another request; it is not to be held up by its own.
    if (rows[row].act == do_hold && batch_before == MOST)
        return;
    ck_assert_msg(rows[row].act(&err) == 0, "%s, call %d: %s", rows[row].name, call, err.text);
    sum_up(&batch, &day);
    ck_assert_uint_eq(batch, rows[row].batch);
    uint64_t due = rows[row].day + (rows[row].leaves_day_more ? day_before : 0);
    ck_assert_msg(day == due, "%s, call %d: %d, not %d", rows[row].name, call, (int)day, (int)due);
}

static void begin_anew(int row)
{
    tear_down();
    set_up();
    rows[row].prepare();
}

// Does it in a process that ends before its call-th system call.  Returns whether it came to its
// end.
static bool live_until(int row, int call)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        faults_arm(&(struct faults){ .fault = FAULT_EXIT, .call = call });
        _exit(rows[row].act(NULL) == 0 ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    ck_assert_msg(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == FAULTS_EXIT_STATUS,
                  "call %d: %d", call, WEXITSTATUS(status));
    return WEXITSTATUS(status) == 0;
}

START_TEST(who_is_killed_anywhere_leaves_at_least_what_may_have_been_billed)
{
    int call = 1;
    for (bool returned = false; !returned; call++) {
        ck_assert_int_lt(call, CALLS_MAX);
        begin_anew(_i);
        returned = live_until(_i, call);
        expect_enough(_i, call, returned);
        if (!returned)
            expect_right_when_done_again(_i, call);
    }
    ck_assert_int_gt(call, 10); // two files were written
}
END_TEST

static const int numbers[] = { EIO, ENOSPC };

START_TEST(a_disk_that_fails_anywhere_is_told_and_leaves_as_much)
{
    int row = _i / (int)ARRAY_LEN(numbers), number = numbers[_i % (int)ARRAY_LEN(numbers)];
    bool reached = true;
    for (int call = 1; reached; call++) {
        struct err err = ERR_INIT;
        ck_assert_int_lt(call, CALLS_MAX);
        begin_anew(row);
        faults_arm(&(struct faults){ .fault = FAULT_ERROR, .call = call, .number = number });
        int r = rows[row].act(&err);
        reached = faults_disarm();
        ck_assert_msg(r == 0 || (err.class != ERR_NONE && err.text[0] != '\0'), "call %d: %d", call,
                      r);
        expect_enough(row, call, r == 0);
        if (r < 0)
            expect_right_when_done_again(row, call);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("purse under failure");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, who_is_killed_anywhere_leaves_at_least_what_may_have_been_billed, 0,
                        (int)ARRAY_LEN(rows));
    tcase_add_loop_test(tcase, a_disk_that_fails_anywhere_is_told_and_leaves_as_much, 0,
                        (int)(ARRAY_LEN(rows) * ARRAY_LEN(numbers)));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
