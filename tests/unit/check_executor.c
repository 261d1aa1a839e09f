// Steps as processes under the event loop: what they say, print, and how they end.
#include "daemon/executor.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

struct heard {
    sd_event *event;
    struct execution *execution;
    struct executor *executor;
    double progress;
    unsigned messages, lines, ends;
    char line[2000];
    int status;
};

static sd_event *event;
static struct executor executor;
static struct cgroup cgroup = CGROUP_INIT;
static struct heard heard;

static void set_up(void)
{
    sigset_t mask;
    (void)sigemptyset(&mask);
    (void)sigaddset(&mask, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &mask, NULL);
    ck_assert_int_ge(sd_event_new(&event), 0);
    executor_local(&executor, event, &cgroup);
    heard = (struct heard){ .event = event, .executor = &executor };
}

static void tear_down(void)
{
    executor.release(&heard.execution);
    sd_event_unref(event);
}

static void on_said(void *context, const struct message *message)
{
    struct heard *all = context;
    all->messages++;
    all->progress = message->progress;
}

static void on_printed(void *context, const char *line)
{
    struct heard *all = context;
    all->lines++;
    (void)snprintf(all->line, sizeof all->line, "%s", line);
}

static void on_ended(void *context, int wait_status)
{
    struct heard *all = context;
    all->ends++;
    all->status = wait_status;
    all->executor->release(&all->execution);
    (void)sd_event_exit(all->event, 0);
}

static int start(const char *script, struct err *err)
{
    cleanup(free_ptr) char *text = xstrdup(script);
    char *argv[] = { (char[]){ "/bin/sh" }, (char[]){ "-c" }, text, NULL };
    struct executor_listener listener = { &heard, on_said, on_printed, on_ended };
    return executor.start(&executor, argv, NULL, &listener, &heard.execution, err);
}

static const struct {
    const char *name, *script;
    unsigned messages, lines;
    const char *line; // the last
    int status;       // as waitpid gives it
} rows[] = {
    { "nothing", "exit 0", 0, 0, "", W_EXITCODE(0, 0) },
    { "a status", "exit 65", 0, 0, "", W_EXITCODE(65, 0) },
    { "a signal", "kill -9 $$", 0, 0, "", W_EXITCODE(0, 9) },
    { "progress", "echo '{\"progress\":0.5}' >&3; exit 0", 1, 0, "", W_EXITCODE(0, 0) },
    { "what is said just before the end", "echo '{\"progress\":0.5}' >&3; echo bye >&2; kill -6 $$",
      1, 1, "bye", W_EXITCODE(0, 6) },
    { "a line without its end", "printf 'no newline'", 0, 1, "no newline", W_EXITCODE(0, 0) },
    { "bytes that are no text", "printf 'a\\033[31m\\377b\\n'", 0, 1, "a\\x1B[31m\\xFFb",
      W_EXITCODE(0, 0) },
    { "closed descriptors", "exec 3>&- 1>&- 2>&-; exit 3", 0, 0, "", W_EXITCODE(3, 0) },
    { "very many lines", "i=0; while [ $i -lt 1000 ]; do echo $i; i=$((i+1)); done", 0, 200, "199",
      W_EXITCODE(0, 0) },
};

START_TEST(what_a_process_does_is_heard)
{
    ck_assert_int_eq(start(rows[_i].script, NULL), 0);
    ck_assert_int_eq(sd_event_loop(event), 0);
    const char *name = rows[_i].name;
    ck_assert_msg(heard.ends == 1, "%s", name);
    ck_assert_msg(heard.messages == rows[_i].messages, "%s: %u messages", name, heard.messages);
    ck_assert_msg(heard.lines == rows[_i].lines, "%s: %u lines", name, heard.lines);
    ck_assert_msg(strcmp(heard.line, rows[_i].line) == 0, "%s: %s", name, heard.line);
    ck_assert_msg(heard.status == rows[_i].status, "%s: status %x", name, (unsigned)heard.status);
}
END_TEST

START_TEST(asked_to_end_it_ends_with_its_children)
{
    // The child of the child holds the pipes open; its end is not waited for in vain.
    ck_assert_int_eq(start("sleep 1000 & echo '{\"progress\":0.1}' >&3; wait", NULL), 0);
    while (heard.messages == 0)
        ck_assert_int_ge(sd_event_run(event, UINT64_MAX), 0);
    executor.kill(heard.execution, SIGTERM);
    ck_assert_int_eq(sd_event_loop(event), 0);
    ck_assert_int_eq(heard.status, W_EXITCODE(0, SIGTERM));
}
END_TEST

START_TEST(a_program_that_is_not_there_is_an_error_at_the_start)
{
    struct err err = ERR_INIT;
    char *argv[] = { (char[]){ "/nowhere/at/all" }, NULL };
    struct executor_listener listener = { &heard, on_said, on_printed, on_ended };
    ck_assert_int_lt(executor.start(&executor, argv, NULL, &listener, &heard.execution, &err), 0);
    ck_assert_int_eq(err.class, ERR_CONFIG);
    ck_assert_ptr_null(heard.execution);
}
END_TEST

START_TEST(released_while_it_runs_it_is_not_heard_of_again)
{
    ck_assert_int_eq(start("echo '{\"progress\":0.1}' >&3; sleep 1000", NULL), 0);
    executor.release(&heard.execution);
    ck_assert_int_ge(sd_event_run(event, 50000), 0);
    ck_assert_uint_eq(heard.ends + heard.messages, 0);
    ck_assert_int_gt(waitpid(-1, NULL, 0), 0); // it was killed
}
END_TEST

// Whoever traces the process of a step sees its end first.  Returns the tracer, which has hold of
// it when this returns, and which lets go of it when `until` is closed.
static pid_t trace_until(pid_t traced, int until[2])
{
    int ready[2];
    char byte = 0;
    ck_assert_int_eq(pipe(until) | pipe(ready), 0);
    pid_t tracer = fork();
    if (tracer == 0) {
        (void)close(until[1]);
        if (ptrace(PTRACE_SEIZE, traced, NULL, NULL) != 0)
            _exit(errno == EPERM ? 77 : 1);
        (void)!write(ready[1], &byte, 1);
        (void)!read(until[0], &byte, 1);
        _exit(waitpid(traced, NULL, __WALL) == traced ? 0 : 2);
    }
    (void)close(ready[1]);
    (void)!read(ready[0], &byte, 1);
    (void)close(ready[0]);
    (void)close(until[0]);
    return tracer;
}

START_TEST(one_that_somebody_traces_is_seen_to_end_when_it_is_looked_for)
{
    int until[2], status;
    char line[64] = "";
    cleanup(free_ptr) char *children = xasprintf("/proc/self/task/%d/children", (int)getpid());
    ck_assert_int_eq(start("exec sleep 1000", NULL), 0);
    FILE *file = fopen(children, "re");
    ck_assert(file != NULL && fgets(line, sizeof line, file) != NULL);
    (void)fclose(file);
    pid_t tracer = trace_until((pid_t)strtol(line, NULL, 10), until);
    executor.kill(heard.execution, SIGKILL);
    for (int i = 0; i < 15; i++) // the loop is told, too early
        (void)sd_event_run(event, 20000);
    ck_assert_uint_eq(heard.ends, 0);
    (void)close(until[1]);
    ck_assert_int_eq(waitpid(tracer, &status, 0), tracer);
    if (status == W_EXITCODE(77, 0)) {
        printf("SKIP %s: nobody may trace here\n", __func__);
        return;
    }
    ck_assert_int_eq(status, 0);
    executor.poll(heard.execution);
    for (int i = 0; i < 100 && heard.ends == 0; i++)
        (void)sd_event_run(event, 20000);
    ck_assert_uint_eq(heard.ends, 1);
    ck_assert_int_eq(heard.status, W_EXITCODE(0, SIGKILL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("executor");
    TCase *tcase = tcase_create("executor");
    tcase_set_timeout(tcase, 30);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, what_a_process_does_is_heard, 0, ARRAY_LEN(rows));
    tcase_add_test(tcase, asked_to_end_it_ends_with_its_children);
    tcase_add_test(tcase, a_program_that_is_not_there_is_an_error_at_the_start);
    tcase_add_test(tcase, one_that_somebody_traces_is_seen_to_end_when_it_is_looked_for);
    tcase_add_test(tcase, released_while_it_runs_it_is_not_heard_of_again);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
