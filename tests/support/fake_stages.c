// Stand-ins for stages.
#include "tests/support/fake_stages.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/fs.h"
#include "spool/analysis.h"
#include "spool/batch.h"
#include "spool/message.h"
#include "spool/plan.h"
#include "spool/probe.h"
#include "spool/step.h"
#include "spool/upload.h"

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool fake_stages_is(const char *program)
{
    return stage_from_name(base_name(program)) >= 0;
}

// ---- the script

struct fake {
    enum stage stage;
    int index, batchdir;
    unsigned attempt;
    bool finished; // the result is written
};

static int leave_with(int status)
{
    struct err err = { .class = err_from_exit(status), .code = -EINVAL };
    (void)snprintf(err.id, sizeof err.id, "fake_%d", status);
    (void)snprintf(err.text, sizeof err.text, "it was told to leave with %d", status);
    (void)snprintf(err.hint, sizeof err.hint, "tell it something else");
    message_write_error(3, &err);
    (void)fprintf(stderr, "leaving with %d\n", status);
    exit(status);
}

static void wait_for(const char *path)
{
    char byte;
    cleanup(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    (void)!read(fd, &byte, 1);
}

static void leave_unless(const char *argument)
{
    char *path;
    int status = (int)strtol(argument, &path, 10);
    if (access(path + strspn(path, " "), F_OK) < 0)
        leave_with(status);
}

static void be_deaf(void)
{
    (void)signal(SIGTERM, SIG_IGN);
    while (true)
        (void)pause();
}

static void babble(void)
{
    static const char rubbish[] =
        "{\"progress\": 1e999}\n{\"progress\"\n[[[[[[\n\xff\xfe\n{\"error\":[]}\n";
    char line[9000];
    memset(line, 'x', sizeof line);
    (void)!write(3, rubbish, sizeof rubbish);
    (void)!write(3, line, sizeof line);
    (void)!write(3, "\n", 1);
    (void)!write(2, rubbish, sizeof rubbish);
    (void)!write(2, line, sizeof line);
}

static void nag(long times)
{
    for (; times > 0; times--)
        message_write_warning(3, "something was odd");
}

static void act(const char *action, const char *argument)
{
    if (strcmp(action, "exit") == 0)
        leave_with((int)strtol(argument, NULL, 10));
    else if (strcmp(action, "die") == 0)
        (void)raise((int)strtol(argument, NULL, 10));
    else if (strcmp(action, "hang") == 0)
        (void)pause();
    else if (strcmp(action, "deaf") == 0)
        be_deaf();
    else if (strcmp(action, "need") == 0)
        leave_unless(argument);
    else if (strcmp(action, "wait") == 0)
        wait_for(argument);
    else if (strcmp(action, "progress") == 0)
        message_write_progress(3, strtod(argument, NULL));
    else if (strcmp(action, "warn") == 0)
        nag(*argument ? strtol(argument, NULL, 10) : 1);
    else if (strcmp(action, "babble") == 0)
        babble();
    else if (strcmp(action, "nothing") == 0)
        exit(0);
}

// "compress.1*2 exit 75"
static void obey(const struct fake *fake, char *line)
{
    char *rest = line, *who = strsep(&rest, " "), *action = strsep(&rest, " ");
    char *times = strchr(who, '*'), *index = strchr(who, '.');
    if (!action || (*who == '+') != fake->finished)
        return;
    who += fake->finished;
    if (times)
        *times++ = '\0';
    if (index)
        *index++ = '\0';
    if (strcmp(who, stage_info[fake->stage].name) != 0 ||
        (index && strtol(index, NULL, 10) != fake->index) ||
        (times && fake->attempt > strtoul(times, NULL, 10)))
        return;
    act(action, rest ? rest : "");
}

static void obey_script(const struct fake *fake)
{
    cleanup(free_ptr) char *text = NULL;
    size_t size;
    cleanup(close_fd) int in = fs_open_dir(fake->batchdir, BATCH_IN, NULL);
    if (in < 0 || fs_read(in, "fake", 65536, &text, &size, NULL) < 0)
        return;
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));)
        obey(fake, line);
}

// ---- the least that a stage must leave

static int leave_probe(const struct fake *fake)
{
    cleanup(close_fd) int sourcedir = batch_open_source(fake->batchdir, fake->index, NULL);
    double keys[] = { 0 };
    struct probe probe = { .container = "mov",
                           .size_bytes = 100,
                           .duration = 2,
                           .frames = 50,
                           .codec = "h264",
                           .pixel_format = "yuv420p",
                           .width = 320,
                           .height = 240,
                           .coded_width = 320,
                           .coded_height = 240,
                           .sar_num = 1,
                           .sar_den = 1,
                           .fps_num = 25,
                           .fps_den = 1,
                           .bit_depth = 8,
                           .bit_rate = 400,
                           .audio_stream = -1,
                           .key_frames = keys,
                           .key_frame_count = 1 };
    return probe_save(sourcedir, &probe, NULL);
}

static int leave_analysis(int dirfd)
{
    struct analysis analysis = { .provider = (char[]){ "local" }, .summary = (char[]){ "fake" } };
    char *tags[] = { NULL };
    analysis.tags = tags;
    return analysis_save(dirfd, &analysis, NULL);
}

static int read_probes(const struct fake *fake)
{
    cleanup(batch_release) struct batch batch = BATCH_INIT;
    int r = batch_load(fake->batchdir, &batch, NULL);
    for (size_t i = 0; r == 0 && i < batch.source_count; i++) {
        cleanup(probe_release) struct probe probe = PROBE_INIT;
        cleanup(step_release) struct step step = STEP_INIT;
        cleanup(close_fd) int sourcedir = batch_open_source(fake->batchdir, (int)i, NULL);
        r = step_load(fake->batchdir, STAGE_PROBE, (int)i, &step, NULL);
        if (r == 0 && step.state == STEP_DONE)
            r = probe_load(sourcedir, &probe, NULL);
    }
    return r;
}

static int leave_plan(const struct fake *fake)
{
    cleanup(plan_release) struct plan plan = PLAN_INIT;
    if (read_probes(fake) < 0)
        return -EIO;
    struct plan_segment segment = {
        .start = 0, .end = 1, .score = 1, .reason = (char[]){ "fake" }
    };
    plan.provider = xstrdup("local");
    plan.strategy = xstrdup("highlights");
    plan.target_duration = 1;
    plan_add(&plan, &segment);
    int r = plan_save(fake->batchdir, &plan, NULL);
    return r < 0 ? r : leave_analysis(fake->batchdir);
}

// Only who uploads it looks at it.
static int leave_proxy(const struct fake *fake)
{
    cleanup(batch_release) struct batch batch = BATCH_INIT;
    if (batch_load(fake->batchdir, &batch, NULL) < 0 || batch.storage == STORAGE_LOCAL)
        return 0;
    cleanup(close_fd) int sourcedir = batch_open_source(fake->batchdir, fake->index, NULL);
    return fs_write(sourcedir, SOURCE_PROXY, "a proxy\n", 8, NULL);
}

// Only where somebody elsewhere looks at it.
static int see_proxy(const struct fake *fake)
{
    cleanup(batch_release) struct batch batch = BATCH_INIT;
    cleanup(free_ptr) char *text = NULL;
    size_t size = 0;
    if (batch_load(fake->batchdir, &batch, NULL) < 0 || batch.storage == STORAGE_LOCAL)
        return 0;
    cleanup(close_fd) int sourcedir = batch_open_source(fake->batchdir, fake->index, NULL);
    cleanup(upload_release) struct upload upload = UPLOAD_INIT;
    int r = fs_read(sourcedir, SOURCE_PROXY, 100, &text, &size, NULL);
    if (r == 0 && batch_has_stage(&batch, STAGE_UPLOAD))
        r = upload_load(sourcedir, &upload, NULL);
    return r < 0 ? r : strcmp(text, "a proxy\n") == 0 ? 0 : -EIO;
}

static int leave_reel(const struct fake *fake)
{
    cleanup(plan_release) struct plan plan = PLAN_INIT;
    if (plan_load(fake->batchdir, &plan, NULL) < 0)
        return -EIO;
    int r = fs_write(fake->batchdir, BATCH_FINAL, FAKE_REEL, strlen(FAKE_REEL), NULL);
    return r < 0 ? r : fs_write(fake->batchdir, BATCH_COVER, "cover", 5, NULL);
}

static int leave_work(const struct fake *fake)
{
    switch (fake->stage) {
    case STAGE_PROBE:
        return leave_probe(fake);
    case STAGE_COMPRESS:
        return leave_proxy(fake);
    case STAGE_ANALYZE:
        return see_proxy(fake);
    case STAGE_PLAN:
        return leave_plan(fake);
    case STAGE_RENDER:
        return leave_reel(fake);
    default:
        return 0;
    }
}

// Goes on as the real program, which lies beside the programs of this build.
static void become_real(char **argv)
{
    const char *zone = getenv("TZ");
    if (zone && strcmp(zone, "fake") == 0)
        return;
    cleanup(free_ptr) char *self = realpath("/proc/self/exe", NULL); // O/tests/integration/check_x
    for (int up = 0; self && up < 3; up++)
        *strrchr(self, '/') = '\0';
    cleanup(free_ptr) char *real = xasprintf("%s/libexec/clipspool/%s", self, base_name(argv[0]));
    (void)execv(real, argv);
    exit(70);
}

int fake_stages_main(int argc, char **argv)
{
    struct step step = STEP_INIT;
    struct fake fake = { .stage = (enum stage)stage_from_name(base_name(argv[0])) };
    bool per_source = stage_info[fake.stage].per_source;
    if (argc < 3)
        return 64;
    fake.index = per_source ? (int)strtol(argv[argc - 1], NULL, 10) : STEP_BATCH;
    fake.batchdir = open(argv[argc - (per_source ? 2 : 1)], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fake.batchdir < 0 || step_load(fake.batchdir, fake.stage, fake.index, &step, NULL) < 0)
        return 70;
    if (step.state != STEP_OPEN)
        return 0;
    fake.attempt = step.attempts;
    obey_script(&fake);
    if (fake.stage == STAGE_FETCH || fake.stage == STAGE_UPLOAD || fake.stage == STAGE_PUBLISH)
        become_real(argv);
    int r = leave_work(&fake);
    step.state = STEP_DONE;
    step.ended = time(NULL);
    struct err err = ERR_INIT;
    if (r == 0)
        r = step_save(fake.batchdir, fake.stage, fake.index, &step, &err);
    if (r < 0)
        message_write_error(3, &err);
    fake.finished = true;
    obey_script(&fake);
    return r < 0 ? err_exit(err.class == ERR_NONE ? ERR_BUG : err.class) : 0;
}
