// Programs in control groups of their own, in the kernel's own hierarchy.  Where it has the
// controllers (a machine that systemd booted), their limits, too; tests/system has such a machine.
#include "daemon/cgroup.h"
#include "daemon/executor.h"
#include "tests/support/folder.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#define HIERARCHY "/sys/fs/cgroup"

static const char *hindrance; // why there is no hierarchy to write in
static char *delegated;       // as systemd would give it
static struct cgroup cgroup;
static struct executor executor;
static sd_event *event;

static void put(const char *path, const char *value)
{
    FILE *file = fopen(path, "we");
    ck_assert_msg(file != NULL && fputs(value, file) >= 0 && fclose(file) == 0, "%s", path);
}

static char *get(const char *group, const char *name)
{
    cleanup(free_ptr) char *path = xasprintf("%s/%s", group, name);
    char *text = xcalloc(1, 4096);
    cleanup(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_msg(fd >= 0 && read(fd, text, 4095) >= 0, "%s", path);
    text[strcspn(text, "\n")] = '\0';
    return text;
}

// Version 2 alone, wherever the machine has it, seen by this process only.
static const char *mount_hierarchy(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0)
        return "only root may";
    if (mount("cgroup2", HIERARCHY, "cgroup2", 0, NULL) == 0 || errno == EBUSY) // it is there
        return NULL;
    return "there is no version 2";
}

static void set_up(void)
{
    sigset_t mask;
    (void)sigemptyset(&mask);
    (void)sigaddset(&mask, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &mask, NULL);
    cgroup = (struct cgroup)CGROUP_INIT;
    hindrance = mount_hierarchy();
    delegated = xasprintf(HIERARCHY "/clipspool-test-%d", (int)getpid());
    if (!hindrance && mkdir(delegated, 0755) != 0)
        hindrance = "it may not be written";
    if (hindrance)
        return;
    cleanup(free_ptr) char *procs = xasprintf("%s/cgroup.procs", delegated);
    put(HIERARCHY "/cgroup.procs", "0");
    for (const char *const *name = (const char *const[]){ "+memory", "+pids", NULL }; *name;
         name++) {
        FILE *file = fopen(HIERARCHY "/cgroup.subtree_control", "we"); // not everywhere there
        if (file && fputs(*name, file) >= 0)
            (void)fflush(file);
        if (file)
            (void)fclose(file);
    }
    put(procs, "0");
}

static bool remove_delegated(void)
{
    for (unsigned step = 1; step <= cgroup.made; step++) {
        cleanup(free_ptr) char *path = xasprintf("%s/step-%u", delegated, step);
        (void)rmdir(path);
    }
    return rmdir(delegated) == 0;
}

static void tear_down(void)
{
    if (!hindrance) {
        cleanup(free_ptr) char *own = xasprintf("%s/daemon", delegated);
        put(HIERARCHY "/cgroup.procs", "0");
        (void)rmdir(own);
        for (int i = 0; i < 500 && !remove_delegated(); i++) // dying takes its time
            (void)usleep(10000);
        ck_assert_msg(access(delegated, F_OK) != 0, "%s: %s", delegated, strerrordesc_np(errno));
    }
    cgroup_release(&cgroup);
    free(delegated);
    sd_event_unref(event);
    event = NULL;
}

static bool is_hindered(const char *test)
{
    if (hindrance)
        printf("SKIP %s: control groups: %s\n", test, hindrance);
    return hindrance != NULL;
}

static void open_delegated(void)
{
    struct err err = ERR_INIT;
    ck_assert_msg(cgroup_open(&cgroup, delegated, &err) == 0, "%s", err.text);
    ck_assert_int_ge(sd_event_new(&event), 0);
    executor_local(&executor, event, &cgroup);
}

// ---- what was delegated

static const struct {
    const char *mark; // NULL: none
    bool is_found;
} marks[] = {
    { NULL, false },
    { "1", true },
    { "0", false },
    { "10", false },
};

START_TEST(a_group_is_ours_where_systemd_says_so)
{
    cleanup(free_ptr) char *path = NULL;
    if (is_hindered(__func__))
        return;
    const char *mark = marks[_i].mark;
    if (mark)
        ck_assert_int_eq(setxattr(delegated, "user.delegate", mark, strlen(mark), 0), 0);
    ck_assert_int_eq(cgroup_find(&path), marks[_i].is_found ? 0 : -ENOENT);
    if (marks[_i].is_found)
        ck_assert_str_eq(path, delegated);
}
END_TEST

START_TEST(the_group_is_left_to_groups_of_which_the_daemon_has_one)
{
    if (is_hindered(__func__))
        return;
    cleanup(free_ptr) char *left = xasprintf("%s/step-9", delegated);
    ck_assert_int_eq(mkdir(left, 0755), 0);
    open_delegated();
    cleanup(free_ptr) char *members = get(delegated, "cgroup.procs");
    ck_assert_str_eq(members, "");
    cleanup(free_ptr) char *own = xasprintf("%s/daemon", delegated);
    cleanup(free_ptr) char *of_daemon = get(own, "cgroup.procs");
    ck_assert_int_eq(strtol(of_daemon, NULL, 10), getpid());
    ck_assert_msg(access(left, F_OK) != 0, "what an earlier daemon left is still there");
}
END_TEST

START_TEST(in_a_hierarchy_that_is_read_only_there_are_no_groups)
{
    struct err err = ERR_INIT;
    if (is_hindered(__func__))
        return;
    ck_assert_int_eq(mount("none", HIERARCHY, "none", MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
    ck_assert_int_lt(cgroup_open(&cgroup, delegated, &err), 0);
    ck_assert_msg(strstr(err.text, "control group") != NULL, "%s", err.text);
    ck_assert_ptr_null(cgroup.path);
    ck_assert_int_eq(mount("none", HIERARCHY, "none", MS_REMOUNT | MS_BIND, NULL), 0);
}
END_TEST

// ---- programs

struct heard {
    struct execution *execution;
    char line[400]; // the last that was printed
    bool has_ended, ran_out;
    int status;
};

static void on_said(void *context, const struct message *message)
{
    (void)context, (void)message;
}

static void on_printed(void *context, const char *line)
{
    struct heard *heard = context;
    (void)snprintf(heard->line, sizeof heard->line, "%s", line);
}

static void on_ended(void *context, int wait_status)
{
    struct heard *heard = context;
    heard->status = wait_status;
    heard->has_ended = true;
    heard->ran_out = executor.ran_out(heard->execution);
    executor.release(&heard->execution);
}

static void start(struct heard *heard, const char *script, uint64_t memory_bytes)
{
    struct err err = ERR_INIT;
    const struct child_limits limits = { .memory_bytes = memory_bytes };
    cleanup(free_ptr) char *text = xstrdup(script);
    char *argv[] = { (char[]){ "/bin/sh" }, (char[]){ "-c" }, text, NULL };
    struct executor_listener listener = { heard, on_said, on_printed, on_ended };
    *heard = (struct heard){ .execution = NULL };
    int r = executor.start(&executor, argv, &limits, &listener, &heard->execution, &err);
    ck_assert_msg(r == 0, "%s", err.text);
}

static void finish(const struct heard *heard)
{
    while (!heard->has_ended)
        ck_assert_int_ge(sd_event_run(event, UINT64_MAX), 0);
}

static bool has_group(const char *name)
{
    cleanup(free_ptr) char *path = xasprintf("%s/%s", delegated, name);
    return access(path, F_OK) == 0;
}

START_TEST(each_program_runs_in_a_group_of_its_own_which_goes_with_it)
{
    struct heard one, two;
    if (is_hindered(__func__))
        return;
    open_delegated();
    start(&one, "sed -n 's/^0:://p' /proc/self/cgroup; exit 3", 0);
    start(&two, "sed -n 's/^0:://p' /proc/self/cgroup", 0);
    ck_assert(has_group("step-1") && has_group("step-2"));
    finish(&one);
    finish(&two);
    cleanup(free_ptr) char *first = xasprintf("%s/step-1", delegated + strlen(HIERARCHY));
    cleanup(free_ptr) char *second = xasprintf("%s/step-2", delegated + strlen(HIERARCHY));
    ck_assert_str_eq(one.line, first);
    ck_assert_str_eq(two.line, second);
    ck_assert_int_eq(one.status, W_EXITCODE(3, 0));
    ck_assert(!has_group("step-1") && !has_group("step-2"));
    ck_assert(!one.ran_out && !two.ran_out);
}
END_TEST

// Between the end of a program and our hearing of it another may be started.
START_TEST(the_group_of_a_program_stays_until_its_end_is_heard)
{
    struct heard heard;
    siginfo_t end;
    cleanup(free_ptr) char *name = NULL;
    if (is_hindered(__func__))
        return;
    open_delegated();
    start(&heard, "exit 0", 0);
    ck_assert_int_eq(waitid(P_ALL, 0, &end, WEXITED | WNOWAIT), 0);
    ck_assert_int_eq(cgroup_add(&cgroup, 0, &name, NULL), 0);
    ck_assert(has_group("step-1"));
    finish(&heard);
    ck_assert(!has_group("step-1"));
    cgroup_remove(&cgroup, name);
}
END_TEST

START_TEST(what_a_program_hid_from_its_process_group_ends_with_it)
{
    struct heard heard;
    if (is_hindered(__func__))
        return;
    open_delegated();
    start(&heard, "echo $(setsid sh -c 'sleep 1000 >/dev/null 2>&1 3>&- & echo $!')", 0);
    finish(&heard);
    pid_t hidden = (pid_t)strtol(heard.line, NULL, 10);
    ck_assert_int_gt(hidden, 1);
    for (int i = 0; i < 500 && has_group("step-1"); i++) { // dying takes its time
        (void)usleep(10000);
        cleanup(free_ptr) char *name = NULL;
        ck_assert_int_eq(cgroup_add(&cgroup, 0, &name, NULL), 0);
        cgroup_remove(&cgroup, name);
    }
    ck_assert_msg(!has_group("step-1"), "%d lives on", (int)hidden);
}
END_TEST

START_TEST(a_number_whose_group_is_not_empty_yet_is_passed_over)
{
    cleanup(free_ptr) char *name = NULL;
    struct err err = ERR_INIT;
    if (is_hindered(__func__))
        return;
    open_delegated();
    cleanup(free_ptr) char *busy = xasprintf("%s/step-1/below", delegated);
    cleanup(free_ptr) char *first = xasprintf("%s/step-1", delegated);
    ck_assert_int_eq(mkdir(first, 0755) | mkdir(busy, 0755), 0);
    ck_assert_msg(cgroup_add(&cgroup, 0, &name, &err) == 0, "%s", err.text);
    ck_assert_str_eq(name, "step-2");
    cgroup_remove(&cgroup, name);
    ck_assert_int_eq(rmdir(busy) | rmdir(first), 0);
}
END_TEST

START_TEST(memory_and_processes_of_a_program_are_bounded)
{
    cleanup(free_ptr) char *name = NULL;
    if (is_hindered(__func__))
        return;
    open_delegated();
    if (!cgroup.has_memory || !cgroup.has_pids) {
        printf("SKIP %s: version 2 has no memory controller here\n", __func__);
        return;
    }
    ck_assert_int_eq(cgroup_add(&cgroup, 64 << 20, &name, NULL), 0);
    cleanup(free_ptr) char *group = xasprintf("%s/%s", delegated, name);
    cleanup(free_ptr) char *memory = get(group, "memory.max");
    cleanup(free_ptr) char *together = get(group, "memory.oom.group");
    cleanup(free_ptr) char *threads = get(group, "pids.max");
    ck_assert_str_eq(memory, "67108864");
    ck_assert_str_eq(together, "1");
    ck_assert_int_ge(strtol(threads, NULL, 10), 512);
    cgroup_remove(&cgroup, name);
}
END_TEST

// Three that take 30 MB each: none is beyond its own limit, all are beyond that of the group.
START_TEST(a_program_without_memory_ends_whole_and_alone)
{
    struct heard greedy, modest;
    if (is_hindered(__func__))
        return;
    open_delegated();
    if (!cgroup.has_memory) {
        printf("SKIP %s: version 2 has no memory controller here\n", __func__);
        return;
    }
    start(&modest, "sleep 2; echo here", 0);
    start(&greedy,
          "for i in 1 2 3; do head -c 30000000 /dev/zero | tail -c 30000000 | { sleep 5; cat; } & "
          "done >/dev/null; wait; echo survived",
          64 << 20);
    finish(&greedy);
    finish(&modest);
    ck_assert(greedy.ran_out && !modest.ran_out);
    ck_assert_int_eq(greedy.status, W_EXITCODE(0, SIGKILL));
    ck_assert_str_eq(greedy.line, "");
    ck_assert_str_eq(modest.line, "here");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cgroup");
    TCase *tcase = tcase_create("cgroup");
    tcase_set_timeout(tcase, 30);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, a_group_is_ours_where_systemd_says_so, 0, ARRAY_LEN(marks));
    tcase_add_test(tcase, the_group_is_left_to_groups_of_which_the_daemon_has_one);
    tcase_add_test(tcase, in_a_hierarchy_that_is_read_only_there_are_no_groups);
    tcase_add_test(tcase, each_program_runs_in_a_group_of_its_own_which_goes_with_it);
    tcase_add_test(tcase, the_group_of_a_program_stays_until_its_end_is_heard);
    tcase_add_test(tcase, what_a_program_hid_from_its_process_group_ends_with_it);
    tcase_add_test(tcase, a_number_whose_group_is_not_empty_yet_is_passed_over);
    tcase_add_test(tcase, memory_and_processes_of_a_program_are_bounded);
    tcase_add_test(tcase, a_program_without_memory_ends_whole_and_alone);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
