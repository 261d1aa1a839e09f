// What each stage may reach: its batch, what its work needs, and nothing of others.
//
// Each question is put in a process of its own that has closed itself in as that stage.
#include "stages/confine.h"
#include "tests/support/folder.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "stages/sandbox.h"

static struct folder folder;
static struct stage_context context;

static char *in_folder(const char *name)
{
    return xasprintf("%s/%s", folder.path, name);
}

static void set_up(void)
{
    static const char *const folders[] = {
        "root",   "root/work", "root/work/mine", "root/work/other", "root/work/mine/0",
        "outbox", "keys",      "answers"
    };
    folder_make(&folder);
    for (size_t i = 0; i < ARRAY_LEN(folders); i++)
        ck_assert_int_eq(mkdirat(folder.fd, folders[i], 0700), 0);
    folder_put(&folder, "root/work/mine/0/source", "a video");
    folder_put(&folder, "root/work/other/plan.json", "{}");
    folder_put(&folder, "elsewhere", "a video of the user's");
    folder_put(&folder, "keys/main", "key");
    context = (struct stage_context){ .batch = BATCH_INIT, .index = 0, .sourcedir = -1 };
    context.batch.sources = xcalloc(1, sizeof *context.batch.sources);
    context.batch.source_count = 1;
    context.batchdir = openat(folder.fd, "root/work/mine", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    context.settings.root = in_folder("root");
    context.settings.outbox = in_folder("outbox");
    context.settings.models.cache = in_folder("answers");
    context.settings.models.openai.credential = in_folder("keys/main");
    context.settings.proxy_bytes = 1;
}

static void tear_down(void)
{
    free(context.settings.root);
    free(context.settings.outbox);
    free(context.settings.models.cache);
    free(context.settings.models.openai.credential);
    batch_release(&context.batch);
    close_fd(&context.batchdir);
    folder_remove(&folder);
}

// ---- what may be tried

enum thing { OWN, OTHERS, SPOOL, OUTBOX, PROXIES, SERVICES, KEYS, ANSWERS, ELSEWHERE, NETWORK };

static int can_open(const char *name, int flags)
{
    cleanup(free_ptr) char *path = in_folder(name);
    cleanup(close_fd) int fd = open(path, flags | O_CLOEXEC, 0600);
    return fd >= 0;
}

static int can(enum thing thing)
{
    const int make = O_WRONLY | O_CREAT;
    switch (thing) {
    case OWN:
        return can_open("root/work/mine/new", make);
    case OTHERS:
        return can_open("root/work/other/plan.json", O_RDONLY);
    case SPOOL:
        return can_open("root/new", make);
    case OUTBOX:
        return can_open("outbox/new", make);
    case PROXIES:
        return can_open("root/cache/new", make);
    case SERVICES:
        return can_open("root/services/new", make);
    case KEYS:
        return can_open("keys/main", O_RDONLY);
    case ANSWERS:
        return can_open("answers/new", make);
    case ELSEWHERE:
        return can_open("elsewhere", O_RDONLY);
    case NETWORK:
        return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0;
    }
    return -1;
}

#define BIT(thing) (1U << (thing))
#define ASKS (BIT(SERVICES) | BIT(KEYS) | BIT(NETWORK))

static const struct {
    const char *name;
    enum stage stage;
    unsigned can; // besides OWN; never OTHERS nor SPOOL
    int index;
    bool bucket, model, private; // what the batch has
} rows[] = {
    { "fetch connects", STAGE_FETCH, ASKS },
    { "probe has its batch", STAGE_PROBE, 0 },
    { "compress finds proxies that were made before", STAGE_COMPRESS, BIT(PROXIES) },
    { "upload connects", STAGE_UPLOAD, ASKS },
    { "transcribe has its batch, where the recogniser is this machine's", STAGE_TRANSCRIBE, 0 },
    { "transcribe connects and keeps answers, where a model is asked", STAGE_TRANSCRIBE,
      ASKS | BIT(ANSWERS), .model = true },
    { "analyze has its batch, where nobody is asked", STAGE_ANALYZE, 0 },
    { "analyze connects and keeps answers, where a model is asked", STAGE_ANALYZE,
      ASKS | BIT(ANSWERS), .model = true },
    { "plan has its batch, where nobody is asked", STAGE_PLAN, 0, STEP_BATCH },
    { "plan connects and keeps answers, where a model is asked", STAGE_PLAN, ASKS | BIT(ANSWERS),
      STEP_BATCH, .model = true },
    { "preview puts something into the outbox", STAGE_PREVIEW, BIT(OUTBOX), STEP_BATCH },
    { "render has its batch, whoever is asked", STAGE_RENDER, 0, STEP_BATCH, .model = true,
      .bucket = true },
    { "publish has the outbox", STAGE_PUBLISH, BIT(OUTBOX), STEP_BATCH },
    { "publish connects, where there is a bucket", STAGE_PUBLISH, ASKS | BIT(OUTBOX), STEP_BATCH,
      .bucket = true },
    { "in a private spool probe reads the video where it lies", STAGE_PROBE, BIT(ELSEWHERE),
      .private = true },
    { "in a private spool render reads all videos where they lie", STAGE_RENDER, BIT(ELSEWHERE),
      STEP_BATCH, .private = true },
};

static void prepare(size_t i)
{
    static char bucket[] = "main";
    context.index = rows[i].index;
    context.batch.bucket = rows[i].bucket ? xstrdup(bucket) : NULL;
    if (rows[i].model)
        for (enum model_role role = 0; role < MODEL_ROLES; role++)
            context.batch.roles[role] = MODEL_OPENAI;
    context.settings.accept_links = rows[i].private;
    cleanup(free_ptr) char *target = in_folder("elsewhere");
    if (rows[i].private) {
        ck_assert_int_eq(unlinkat(context.batchdir, "0/source", 0), 0);
        ck_assert_int_eq(symlinkat(target, context.batchdir, "0/source"), 0);
    }
}

START_TEST(a_stage_reaches_what_its_work_needs)
{
    int status;
    if (!sandbox_filters() || landlock_version() < 3)
        return;
    prepare((size_t)_i);
    unsigned due = rows[_i].can | BIT(OWN);
    for (enum thing thing = OWN; thing <= NETWORK; thing++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(confine_stage(&context, rows[_i].stage, NULL) < 0 ? 9 : can(thing));
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == ((due & BIT(thing)) != 0),
                      "%s: thing %d: status %x", rows[_i].name, thing, (unsigned)status);
    }
}
END_TEST

START_TEST(an_errand_connects_and_leaves_batches_alone)
{
    int status;
    const unsigned due = ASKS;
    if (!sandbox_filters() || landlock_version() < 3)
        return;
    for (enum thing thing = OWN; thing <= NETWORK; thing++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(confine_errand(&context.settings, NULL) < 0 ? 9 : can(thing));
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == ((due & BIT(thing)) != 0),
                      "thing %d: status %x", thing, (unsigned)status);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("confine");
    TCase *tcase = tcase_create("confine");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, a_stage_reaches_what_its_work_needs, 0, (int)ARRAY_LEN(rows));
    tcase_add_test(tcase, an_errand_connects_and_leaves_batches_alone);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
