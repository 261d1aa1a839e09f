// Claiming, recovering, understanding.
#include "daemon/adopt.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/text.h"
#include "daemon/carrier.h"
#include "daemon/life.h"
#include "daemon/wishes.h"

static void warn_trouble(struct member *member, const char *what, const struct err *err)
{
    if (member->warned)
        return;
    member->warned = true;
    log_warning((&(struct log_about){ .batch = member->id }), "%s, trying again later: %s", what,
                err->text);
}

// Sees to it that the folder is no other member's.  One that was set aside has to let go: its
// folder was removed, or it would not have been given to this one.
static bool claim_outbox(struct service *service, const struct member *member, const char *outbox)
{
    struct member *owner = roster_find_outbox(&service->roster, outbox);
    if (owner && owner != member && owner->state != MEMBER_ASIDE)
        return false;
    if (owner && owner != member)
        roster_forget_outbox(&service->roster, owner);
    return true;
}

// People may remove the folder of a batch that is worked on; the name then looks free.
enum { OUTBOX_TRIES = 100 };

static int take_outbox(struct service *service, const struct member *member, const char *name,
                       char **ret_outbox, struct err *err)
{
    for (unsigned n = 1; n <= OUTBOX_TRIES; n++) {
        cleanup(free_ptr) char *wanted = spool_numbered(name, n);
        cleanup(free_ptr) char *outbox = NULL;
        int r = spool_take_outbox(&service->spool, wanted, member->id, &outbox, err);
        if (r < 0)
            return r;
        if (claim_outbox(service, member, outbox)) {
            *ret_outbox = TAKE(outbox);
            return 0;
        }
    }
    return err_set(err, ERR_SYSTEM, "no_outbox", "no folder is free in the outbox");
}

// Understands what lies in in/ and gives it its folder.  Kept until batch.json is written, nothing
// of this is lost by a crash, only done again.
static int understand(struct service *service, const struct member *member, int batchdir,
                      struct batch *batch, struct err *err)
{
    cleanup(free_ptr) char *name = NULL;
    int r = spool_claimed_name(&service->spool, member->id, &name, err);
    if (r < 0)
        return r;
    r = batch_understand(batchdir, member->id, name, time(NULL), &service->settings, batch, err);
    if (r < 0)
        return r;
    r = take_outbox(service, member, name, &batch->outbox, err);
    return r < 0 ? r : batch_save(batchdir, batch, err);
}

static int load_or_understand(struct service *service, struct member *member, struct batch *batch,
                              struct err *err)
{
    cleanup(close_fd) int batchdir = fs_open_dir(service->spool.work, member->id, err);
    if (batchdir < 0)
        return batchdir;
    int r = batch_load(batchdir, batch, err);
    if (r != -ENOENT)
        return r;
    return understand(service, member, batchdir, batch, err);
}

static int adopt(struct service *service, struct member *member, struct err *err)
{
    cleanup(batch_release) struct batch batch = BATCH_INIT;
    int r = load_or_understand(service, member, &batch, err);
    if (r < 0)
        return r;
    if (!batch.outbox)
        return err_set(err, ERR_INPUT, "no_outbox", BATCH_FILE " names no outbox folder");
    member->priority = batch.job.priority;
    if (!claim_outbox(service, member, batch.outbox))
        return err_set(err, ERR_INPUT, "outbox_taken",
                       "its outbox folder belongs to another batch");
    roster_set_outbox(&service->roster, member, TAKE(batch.outbox));
    return life_enter(service, member, err);
}

// ---- copies that were cut off, or are wished again

// Copies at a time: all of them read the same disk and write the same.
enum { MAX_CARRIED = 2 };

static void go_on(struct service *service, struct member *member, bool may_carry);

// Well or not, what is there now says how to go on; what would have to be copied once more waits
// for the next look.
static void on_carried(void *context, const char *id)
{
    struct member *member = context;
    struct service *service = member->service;
    (void)id;
    service->carried--;
    carrier_free(&member->carrier);
    go_on(service, member, false);
    service_wake(service);
}

static void carry(struct service *service, struct member *member)
{
    struct err err = ERR_INIT;
    member->service = service;
    if (service->carried >= MAX_CARRIED)
        return; // adopt_again comes by
    if (carrier_recover(service, member->id, on_carried, member, &member->carrier, &err) < 0)
        warn_trouble(member, "the batch cannot be brought over from incoming", &err);
    else
        service->carried++;
}

static void go_on(struct service *service, struct member *member, bool may_carry)
{
    struct err err = ERR_INIT;
    int r = spool_recover_but_copy(&service->spool, member->id, &err);
    if (r == -EXDEV && err.class == ERR_NONE) {
        if (may_carry)
            carry(service, member);
        return;
    }
    if (r == 1) { // nothing had been taken yet: it still lies in incoming
        roster_remove(&service->roster, member);
        return;
    }
    if (r == 0)
        r = adopt(service, member, &err);
    if (r == 0)
        return;
    if (err.class == ERR_INPUT)
        life_quarantine(service, member, &err);
    else
        warn_trouble(member, "the batch cannot be opened", &err);
}

void adopt_member(struct service *service, struct member *member)
{
    if (!member->carrier)
        go_on(service, member, true);
}

int adopt_take(struct service *service, const char *name, const struct spool_seen *seen)
{
    struct err err = ERR_INIT;
    cleanup(free_ptr) char *id = NULL;
    cleanup(free_ptr) char *shown = text_escape(name);
    int r = spool_claim_by_rename(&service->spool, name, seen, time(NULL), &id, &err);
    if (r < 0 && err.class != ERR_NONE) {
        log_warning(NULL, "%s cannot be taken, trying again later: %s", shown, err.text);
        adopt_strays(service); // it may have come over, only not surely
    }
    if (r < 0)
        return r;
    if (r == 1)
        log_warning((&(struct log_about){ .batch = id }),
                    "%s was taken, but the original cannot be removed from incoming", shown);
    adopt_claimed(service, id, name);
    return 0;
}

void adopt_claimed(struct service *service, const char *id, const char *name)
{
    cleanup(free_ptr) char *shown = text_escape(name);
    log_line(LOG_NOTICE, LOG_EVENT_BATCH_TAKEN, &(struct log_about){ .batch = id }, "took %s",
             shown);
    adopt_member(service, roster_add(&service->roster, id, MEMBER_NEW));
}

static bool is_known(const struct service *service, const char *id)
{
    for (const struct member *member = service->roster.first; member; member = member->next) {
        if (strcmp(member->id, id) == 0)
            return true;
    }
    return false;
}

void adopt_strays(struct service *service)
{
    cleanup(fs_names_free) char **work = NULL;
    if (spool_list(service->spool.work, &work, NULL) < 0)
        return;
    for (size_t i = 0; work[i]; i++) {
        if (!is_known(service, work[i]))
            adopt_member(service, roster_add(&service->roster, work[i], MEMBER_NEW));
    }
}

void adopt_again(struct service *service)
{
    struct member *next;
    for (struct member *member = service->roster.first; member; member = next) {
        next = member->next;
        if (member->state == MEMBER_NEW)
            adopt_member(service, member);
    }
}

void adopt_forget_removed(struct service *service)
{
    struct member *next;
    for (struct member *member = service->roster.first; member; member = next) {
        struct stat st;
        next = member->next;
        if (member->state == MEMBER_ASIDE &&
            fstatat(service->spool.failed, member->id, &st, AT_SYMLINK_NOFOLLOW) < 0 &&
            errno == ENOENT)
            roster_remove(&service->roster, member);
    }
}

// ---- at start

// The folder may have been removed and its name given to another batch since.
static bool is_outbox_of(const struct service *service, const char *outbox, const char *id)
{
    cleanup(close_fd) int folder = fs_open_dir(service->spool.outbox, outbox, NULL);
    cleanup(json_free) json_t *status = NULL;
    return folder >= 0 && json_read(folder, "status.json", STATUS_MAX_BYTES, &status, NULL) == 0 &&
           strcmp(json_text(status, "id", "", NULL), id) == 0;
}

// One that lies in failed/ is only watched for the wish to try again.
static void find_aside(struct service *service, const char *id)
{
    cleanup(batch_release) struct batch batch = BATCH_INIT;
    cleanup(close_fd) int batchdir = fs_open_dir(service->spool.failed, id, NULL);
    if (batchdir < 0 || batch_load(batchdir, &batch, NULL) < 0 || !batch.outbox)
        return; // nobody could ask for it
    struct member *member = roster_add(&service->roster, id, MEMBER_ASIDE);
    member->priority = batch.job.priority;
    if (!is_outbox_of(service, batch.outbox, id) || !claim_outbox(service, member, batch.outbox))
        return;
    roster_set_outbox(&service->roster, member, TAKE(batch.outbox));
    wishes_watch(service, member);
}

int adopt_all(struct service *service, struct err *err)
{
    cleanup(fs_names_free) char **failed = NULL;
    cleanup(fs_names_free) char **work = NULL;
    int r = spool_list(service->spool.failed, &failed, err);
    if (r >= 0)
        r = spool_list(service->spool.work, &work, err);
    if (r < 0)
        return r;
    for (size_t i = 0; work[i]; i++) {
        log_line(LOG_NOTICE, LOG_EVENT_BATCH_RECOVERED, &(struct log_about){ .batch = work[i] },
                 "found in work, going on with it");
        adopt_member(service, roster_add(&service->roster, work[i], MEMBER_NEW));
    }
    // After those: a folder belongs to the batch that is worked on.
    for (size_t i = 0; failed[i]; i++) {
        if (!is_known(service, failed[i]))
            find_aside(service, failed[i]);
    }
    return 0;
}
