// Whatever the small files say that a batch's state lies in, what is read is within its limits, and
// is written and read back.  The first byte chooses the file.
#include "base/fs.h"
#include "spool/batch.h"
#include "spool/errand.h"
#include "spool/ledger.h"
#include "spool/step.h"
#include "spool/upload.h"

#include <fcntl.h>
#include <sys/stat.h>

#define ID "20261122T041500Z-trip-3f2a"

static void require(bool good)
{
    if (!good)
        abort();
}

static void check_step(int folder)
{
    cleanup(step_release) struct step first = STEP_INIT, again = STEP_INIT;
    if (step_load(folder, STAGE_PROBE, 0, &first, NULL) < 0)
        return;
    require(first.interrupted <= first.attempts && first.attempts <= 1000000);
    require(first.state != STEP_FAILED || first.error.class != ERR_NONE);
    if (first.state == STEP_OPEN)
        return;
    require(step_save(folder, STAGE_PROBE, 0, &first, NULL) == 0);
    require(step_load(folder, STAGE_PROBE, 0, &again, NULL) == 0);
    require(again.state == first.state);
}

static void check_ledger(int folder)
{
    cleanup(ledger_release) struct ledger first = LEDGER_INIT, again = LEDGER_INIT;
    if (ledger_load(folder, &first, NULL) < 0)
        return;
    require(first.count <= LEDGER_MAX_CALLS);
    require(ledger_save(folder, &first, NULL) == 0);
    require(ledger_load(folder, &again, NULL) == 0);
    require(again.count == first.count);
}

static void check_day(int folder)
{
    struct ledger_day first, again;
    memset(&first, 0, sizeof first);
    memset(&again, 0, sizeof again);
    if (ledger_load_day(folder, &first, NULL) < 0)
        return;
    require(ledger_save_day(folder, &first, NULL) == 0);
    require(ledger_load_day(folder, &again, NULL) == 0);
    require(again.day == first.day);
}

static void check_errand(int folder, enum errand_kind kind)
{
    cleanup(errand_release) struct errand first = ERRAND_INIT, again = ERRAND_INIT;
    if (errand_load(folder, kind, ID, &first, NULL) < 0)
        return;
    require(errand_save(folder, &first, NULL) == 0);
    require(errand_load(folder, kind, ID, &again, NULL) == 0);
    require(again.attempts == first.attempts && strcmp(again.outbox, first.outbox) == 0);
}

static void check_upload(int folder)
{
    cleanup(upload_release) struct upload first = UPLOAD_INIT, again = UPLOAD_INIT;
    if (upload_load(folder, &first, NULL) < 0)
        return;
    require(upload_save(folder, &first, NULL) == 0);
    require(upload_load(folder, &again, NULL) == 0);
    require(strcmp(again.key, first.key) == 0);
}

static const char *const files[] = { "steps/probe.0.json", "steps/probe.0.try.json",
                                     "ledger.json",        "day.json",
                                     ID ".webhook.json",   ID ".sweep.json",
                                     "upload.json" };

static int folder(void)
{
    static int fd = -1;
    static char path[] = "/tmp/clipspool-fuzz-XXXXXX";
    if (fd < 0 && mkdtemp(path))
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    require(fd >= 0);
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        (void)unlinkat(fd, files[i], 0);
    (void)mkdirat(fd, BATCH_STEPS, 0700);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = folder();
    if (size < 1)
        return 0;
    require(fs_write(fd, files[data[0] % ARRAY_LEN(files)], data + 1, size - 1, NULL) == 0);
    check_step(fd);
    check_ledger(fd);
    check_day(fd);
    check_errand(fd, ERRAND_WEBHOOK);
    check_errand(fd, ERRAND_SWEEP);
    check_upload(fd);
    return 0;
}
