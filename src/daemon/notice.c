// Messages to the service manager.
#include "daemon/notice.h"

#include <systemd/sd-daemon.h>
#include <time.h>

#include "daemon/intake.h"

// The manager reads each line as it comes; short steps change it a hundred times a second.
static const uint64_t status_interval_us = 500000;

void notice_ready(void)
{
    (void)sd_notify(0, "READY=1");
}

void notice_reloading(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t now_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
    (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)now_us);
}

void notice_stopping(double seconds)
{
    (void)sd_notifyf(0, "STOPPING=1\nSTATUS=stopping\nEXTEND_TIMEOUT_USEC=%llu",
                     (unsigned long long)(seconds * 1e6));
}

struct busiest {
    double share; // mean of what its steps have done
    unsigned steps;
    enum stage stage;
};

// The stage that most steps are in.
static struct busiest find_busiest(const struct service *service)
{
    struct busiest all[STAGE_COUNT] = { { 0 } }, best = { 0 };
    for (const struct live *live = service->open; live; live = live->next) {
        size_t sources = live->course.source_count;
        for (size_t i = 0; live->running > 0 && i < STAGE_COUNT * (sources + 1); i++) {
            const struct course_mark *mark = &live->course.marks[i];
            size_t stage = i < STAGE_COUNT * sources ? i / sources : i - STAGE_COUNT * sources;
            all[stage].steps += mark->running;
            all[stage].share += mark->running ? mark->fraction : 0;
        }
    }
    for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
        if (all[stage].steps > best.steps)
            best = (struct busiest){ all[stage].share / all[stage].steps, all[stage].steps, stage };
    }
    return best;
}

char *notice_line(const struct service *service)
{
    const struct roster *roster = &service->roster;
    size_t batches =
        roster->count[MEMBER_NEW] + roster->count[MEMBER_QUEUED] + roster->count[MEMBER_OPEN];
    cleanup(free_ptr) char *why = NULL;
    size_t running = 0, waiting = service->intake ? intake_waiting(service->intake, &why) : 0;
    for (const struct live *live = service->open; live; live = live->next)
        running += live->running > 0;
    cleanup(free_ptr) char *arriving =
        waiting ? xasprintf(", %zu arriving (%s)", waiting, why ? why : "") : xstrdup("");
    const char *space = service->space_low ? ", too little free space for new ones" : "";
    if (batches == 0)
        return xasprintf("idle%s%s", arriving, space);
    struct busiest busiest = find_busiest(service);
    cleanup(free_ptr) char *work =
        busiest.steps
            ? xasprintf(", %s %.0f %%", stage_info[busiest.stage].name, 100 * busiest.share)
            : xstrdup("");
    return xasprintf("%zu batch%s, %zu running%s%s%s", batches, batches == 1 ? "" : "es", running,
                     work, arriving, space);
}

void notice_status(struct service *service)
{
    uint64_t now = service_now(service);
    // While steps run, the next tick will say it.
    if (service->running > 0 && now - service->told_us < status_interval_us)
        return;
    service->told_us = now;
    cleanup(free_ptr) char *line = notice_line(service);
    if (service->told_status && strcmp(line, service->told_status) == 0)
        return;
    (void)sd_notifyf(0, "STATUS=%s", line);
    free(service->told_status);
    service->told_status = TAKE(line);
}
