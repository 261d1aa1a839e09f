// The settle rule.
//
//        first look     settle/3        2 settle/3        settle
//   ---------|--------------|---------------|---------------|------> monotonic time
//         signature       equal?          equal?          equal? then leases and holes, then
//         settled
//
// Any difference starts anew.  What waits for something else than time (a partial name, an open
// file, a hole) is looked at ever less often, down to the ordinary scan.

#include "spool/incoming.h"
#include "base/fs.h"
#include "base/text.h"
#include "spool/doubt.h"
#include "spool/manifest.h"
#include "spool/tree.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <strings.h>

enum {
    MIN_LOOKS = 3,
    MAX_NAMES = 1000000,  // in incoming; each costs one lstat a look
    MAX_RENAMED = 100000, // between two looks, far more than the kernel queues events
};

// After this without a change nobody is copying any more.
static const uint64_t complain_us = UINT64_C(600) * 1000000;

// ---- names

struct pattern {
    const char *pattern; // at most one * for any text; ASCII case does not count
    enum incoming_name name;
};

// First match wins, so that known housekeeping comes before "everything with a dot in front".
static const struct pattern patterns[] = {
    { ".ready", INCOMING_READY },
    // macOS
    { "._*", INCOMING_JUNK },
    { ".DS_Store", INCOMING_JUNK },
    { ".apdisk", INCOMING_JUNK },
    { ".localized", INCOMING_JUNK },
    { ".Spotlight-V100", INCOMING_JUNK },
    { ".Trashes", INCOMING_JUNK },
    { ".TemporaryItems", INCOMING_JUNK },
    { ".fseventsd", INCOMING_JUNK },
    { ".VolumeIcon.icns", INCOMING_JUNK },
    { "Icon\r", INCOMING_JUNK },
    { "__MACOSX", INCOMING_JUNK },
    // Windows
    { "Thumbs.db*", INCOMING_JUNK },
    { "ehthumbs*.db", INCOMING_JUNK },
    { "desktop.ini", INCOMING_JUNK },
    { "$RECYCLE.BIN", INCOMING_JUNK },
    { "System Volume Information", INCOMING_JUNK },
    // Linux desktops, storage boxes, synchronisation
    { ".directory", INCOMING_JUNK },
    { ".hidden", INCOMING_JUNK },
    { ".nomedia", INCOMING_JUNK },
    { ".picasa.ini", INCOMING_JUNK },
    { ".Trash-*", INCOMING_JUNK },
    { "@eaDir", INCOMING_JUNK },
    { "#recycle", INCOMING_JUNK },
    { "lost+found", INCOMING_JUNK },
    { ".stfolder*", INCOMING_JUNK },
    { ".stversions", INCOMING_JUNK },
    { ".stignore", INCOMING_JUNK },
    { ".dropbox", INCOMING_JUNK },
    { ".dropbox.attr", INCOMING_JUNK },
    { ".dropbox.cache", INCOMING_JUNK },
    { ".owncloudsync*", INCOMING_JUNK },
    { ".sync_*", INCOMING_JUNK },
    { ".gitkeep", INCOMING_JUNK },
    { ".~tmp~", INCOMING_PARTIAL }, // rsync's, before the next row
    { "*~", INCOMING_JUNK },        // an editor's backup, complete and not wanted
    // Still being written: rsync, Samba, NFS and FUSE leave names with a dot in front, and so do
    // .goutputstream-*, .~lock.*#, .syncthing.*.tmp, .~tmp~, .rsync-partial.
    { ".*", INCOMING_PARTIAL },
    { "~$*", INCOMING_PARTIAL },
    { "~syncthing~*", INCOMING_PARTIAL },
    { "*.part", INCOMING_PARTIAL },
    { "*.partial", INCOMING_PARTIAL },
    { "*.filepart", INCOMING_PARTIAL },
    { "*.crdownload", INCOMING_PARTIAL },
    { "*.opdownload", INCOMING_PARTIAL },
    { "*.download", INCOMING_PARTIAL },
    { "*.tmp", INCOMING_PARTIAL },
    { "*.temp", INCOMING_PARTIAL },
    { "*.!qB", INCOMING_PARTIAL },
    { "*.!ut", INCOMING_PARTIAL },
    { "*.aria2", INCOMING_PARTIAL },
    { "#*#", INCOMING_PARTIAL },
};

static bool matches(const char *pattern, const char *name)
{
    const char *star = strchr(pattern, '*');
    if (star == NULL)
        return strcasecmp(pattern, name) == 0;
    size_t before = (size_t)(star - pattern), after = strlen(star + 1), length = strlen(name);
    return length >= before + after && strncasecmp(pattern, name, before) == 0 &&
           strcasecmp(star + 1, name + length - after) == 0;
}

enum incoming_name incoming_name(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++)
        if (matches(patterns[i].pattern, name))
            return patterns[i].name;
    return INCOMING_COUNTS;
}

// ---- candidates

struct candidate {
    char *name;
    char *reason; // why it waits, or NULL
    uint64_t signature;
    struct spool_seen seen;
    bool seen_whole;          // or it has too many entries, or is too deep
    uint64_t asked, answered; // signatures: of what is held against its manifest, and was; 0: none
    char *refuted;            // why it is not what that says, or NULL
    bool wants_verdict;
    uint64_t changed_us; // first look that saw this signature
    uint64_t next_us;    // not looked at before
    unsigned looks;      // equal ones; 0: to be judged anew
    dev_t device;        // of the folder that is committed by a rename,
    ino_t inode;         // 0: none is
    bool settled, given;
    bool closed;  // may not be read
    bool stalled; // nobody writes, and it is not whole
    bool told;    // as a complaint
};

struct incoming {
    struct candidate *candidates; // in natural order of their names
    size_t count;
    size_t next;               // for incoming_next
    struct candidate *renamed; // folders that no look has seen yet, by name, device and inode
    size_t renamed_count;
};

struct incoming *incoming_new(void)
{
    return xcalloc(1, sizeof(struct incoming));
}

static void candidate_release(struct candidate *candidate)
{
    free_ptr(&candidate->name);
    free_ptr(&candidate->reason);
    free_ptr(&candidate->refuted);
}

static void forget_renamed(struct incoming *incoming)
{
    for (size_t i = 0; i < incoming->renamed_count; i++)
        candidate_release(&incoming->renamed[i]);
    free(TAKE(incoming->renamed));
    incoming->renamed_count = 0;
}

void incoming_free(struct incoming **incoming)
{
    if (*incoming == NULL)
        return;
    for (size_t i = 0; i < (*incoming)->count; i++)
        candidate_release(&(*incoming)->candidates[i]);
    free((*incoming)->candidates);
    forget_renamed(*incoming);
    free_ptr(incoming);
}

// A folder, or a loose file with a source's name (also a link or FIFO: it is to get its clear
// error).  All else that lies in incoming is left alone.
static bool is_candidate(int incomingdir, const char *name)
{
    struct stat st;
    enum source_kind kind;
    if (incoming_name(name) != INCOMING_COUNTS ||
        fstatat(incomingdir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    return S_ISDIR(st.st_mode) || batch_is_source_name(name, &kind);
}

static int compare(const void *name, const void *candidate)
{
    return text_natural_compare(name, ((const struct candidate *)candidate)->name);
}

static struct candidate *find(const struct incoming *incoming, const char *name)
{
    if (incoming->count == 0)
        return NULL;
    return bsearch(name, incoming->candidates, incoming->count, sizeof *incoming->candidates,
                   compare);
}

// Both lists are in the same order: one pass keeps what is still there, adds what is new and
// forgets what has gone.
static void merge(struct incoming *incoming, char **names, size_t count)
{
    struct candidate *merged = xcalloc(count + 1, sizeof *merged);
    size_t old = 0;
    for (size_t i = 0; i < count; i++) {
        int order = 1;
        while (old < incoming->count &&
               (order = text_natural_compare(incoming->candidates[old].name, names[i])) < 0)
            candidate_release(&incoming->candidates[old++]);
        if (old < incoming->count && order == 0)
            merged[i] = incoming->candidates[old++];
        else
            merged[i] = (struct candidate){ .name = xstrdup(names[i]) };
    }
    while (old < incoming->count)
        candidate_release(&incoming->candidates[old++]);
    free(incoming->candidates);
    incoming->candidates = merged;
    incoming->count = count;
}

// ---- what a rename commits

void incoming_renamed(struct incoming *incoming, struct spool *spool, const char *name)
{
    struct stat st;
    if (incoming->renamed_count >= MAX_RENAMED ||
        fstatat(spool->incoming, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
        return;
    incoming->renamed =
        xrealloc(incoming->renamed, incoming->renamed_count + 1, sizeof *incoming->renamed);
    incoming->renamed[incoming->renamed_count++] =
        (struct candidate){ .name = xstrdup(name), .device = st.st_dev, .inode = st.st_ino };
}

// Each is told to the candidate of its name, which is then looked at whenever that was due.
static void tell_renamed(struct incoming *incoming)
{
    for (size_t i = 0; i < incoming->renamed_count; i++) {
        const struct candidate *renamed = &incoming->renamed[i];
        struct candidate *candidate = find(incoming, renamed->name);
        if (candidate == NULL)
            continue;
        candidate->device = renamed->device;
        candidate->inode = renamed->inode;
        candidate->looks = 0;
    }
    forget_renamed(incoming);
}

static int list_candidates(struct incoming *incoming, struct spool *spool, struct err *err)
{
    cleanup(fs_names_free) char **names = NULL;
    int count = fs_list(spool->incoming, MAX_NAMES, &names, err);
    if (count < 0)
        return count;
    size_t kept = 0;
    for (int i = 0; i < count; i++) {
        if (is_candidate(spool->incoming, names[i]))
            names[kept++] = names[i];
        else
            free(names[i]);
    }
    names[kept] = NULL;
    merge(incoming, names, kept);
    return 0;
}

// ---- one look at one candidate

struct view {
    uint64_t signature, moved, bytes;
    bool ready, has_manifest;
    dev_t device; // of the top
    ino_t inode;
    char *partial;  // path of the first partial name, or NULL
    int unreadable; // -errno of the top folder that is not ours
};

static void view_release(struct view *view)
{
    free_ptr(&view->partial);
}

static int view_entry(void *context, const struct tree_entry *entry)
{
    struct view *view = context;
    bool is_top = entry->path[0] == 0;
    enum incoming_name name = is_top ? INCOMING_COUNTS : incoming_name(entry->name);
    if (name == INCOMING_JUNK)
        return TREE_SKIP;
    // One that is ours can be opened up once it is taken.
    if (is_top && entry->trouble != 0 && entry->stat->st_uid != geteuid())
        view->unreadable = entry->trouble;
    if (is_top) {
        view->device = entry->stat->st_dev;
        view->inode = entry->stat->st_ino;
    }
    if (name == INCOMING_READY && strchr(entry->path, '/') == NULL)
        view->ready = true;
    if (strcmp(entry->path, MANIFEST_FILE) == 0)
        view->has_manifest = true;
    if (name == INCOMING_PARTIAL && view->partial == NULL)
        view->partial = xstrdup(entry->path);
    if (S_ISREG(entry->stat->st_mode))
        view->bytes += (uint64_t)entry->stat->st_size;
    view->signature = tree_sign(view->signature, entry, 0);
    view->moved = tree_sign(view->moved, entry, TREE_SIGN_MOVED);
    return 0;
}

// `path` may be NULL: it is about the whole.
static void wait_because(struct candidate *candidate, const char *path, const char *why)
{
    cleanup(free_ptr) char *name = text_escape(candidate->name);
    cleanup(free_ptr) char *inner = path ? text_escape(path) : NULL;
    free(candidate->reason);
    candidate->reason = inner && strcmp(inner, name) != 0 ? xasprintf("%s: %s %s", name, inner, why)
                                                          : xasprintf("%s: %s", name, why);
    candidate->settled = false;
}

static void settle(struct candidate *candidate)
{
    free_ptr(&candidate->reason);
    candidate->settled = true;
}

// The last check of a tree that was quiet for long enough.  Who writes is waited for as long as he
// likes; who stopped half way is given up some time, and it is taken for its owner to be told.
static void check_doubts(struct candidate *candidate, const struct spool *spool,
                         const struct settings *settings, uint64_t quiet_us)
{
    cleanup(doubt_release) struct doubt doubt = DOUBT_INIT;
    doubt_look(spool->incoming, candidate->name, (size_t)settings->max_entries, &doubt);
    candidate->stalled = doubt.kind == DOUBT_GAP || doubt.kind == DOUBT_CUT_OFF;
    bool is_over = quiet_us >= (uint64_t)(settings->doubt_seconds * 1e6);
    if (doubt.kind == DOUBT_OPEN || (candidate->stalled && !is_over))
        wait_because(candidate, doubt.path, doubt.why);
    else
        settle(candidate);
}

// A folder that was renamed here is complete, if its producer keeps to what that means; one who
// still writes does not.
static void judge_committed(struct candidate *candidate, const struct view *view,
                            const struct spool *spool, const struct settings *settings)
{
    cleanup(doubt_release) struct doubt doubt = DOUBT_INIT;
    if (candidate->inode == 0 || candidate->inode != view->inode ||
        candidate->device != view->device) {
        wait_because(candidate, NULL,
                     "is taken when it holds a file .ready, or when it is renamed from a name that "
                     "begins with a dot (intake.mode is \"marker\")");
        return;
    }
    doubt_look(spool->incoming, candidate->name, (size_t)settings->max_entries, &doubt);
    if (doubt.kind == DOUBT_OPEN)
        wait_because(candidate, doubt.path, doubt.why);
    else
        settle(candidate);
}

// What the manifest says is not there yet, or why it says nothing.  Gives a string, or NULL.
static char *find_lack(const struct candidate *candidate, const struct spool *spool)
{
    cleanup(manifest_release) struct manifest manifest = MANIFEST_INIT;
    struct err why = ERR_INIT;
    cleanup(close_fd) int dir = fs_open_dir(spool->incoming, candidate->name, &why);
    int r = dir < 0 ? dir : manifest_read(dir, &manifest, &why);
    if (r < 0)
        return xstrdup(r == -ENOENT ? "has lost its " MANIFEST_FILE : why.text);
    const struct manifest_file *missing = manifest_missing(&manifest, dir);
    cleanup(free_ptr) char *shown = missing ? text_escape(missing->path) : NULL;
    return missing ? xasprintf("%s is in " MANIFEST_FILE ", but not here yet", shown) : NULL;
}

// Quiet only says when it is worth reading all of it.
static void judge_manifest(struct candidate *candidate, const struct spool *spool,
                           const struct settings *settings, uint64_t quiet_us)
{
    bool is_over = quiet_us >= (uint64_t)(settings->doubt_seconds * 1e6);
    cleanup(free_ptr) char *lack = find_lack(candidate, spool);
    bool is_answered = lack == NULL && candidate->answered == candidate->signature;
    if (is_answered && candidate->refuted != NULL)
        lack = xstrdup(candidate->refuted);
    candidate->wants_verdict = lack == NULL && !is_answered;
    candidate->stalled = lack != NULL;
    if (candidate->wants_verdict)
        wait_because(candidate, NULL, "is being held against its " MANIFEST_FILE);
    else if (lack != NULL && !is_over)
        wait_because(candidate, NULL, lack);
    else
        settle(candidate);
}

static void judge(struct candidate *candidate, const struct view *view, const struct spool *spool,
                  const struct settings *settings, uint64_t now_us)
{
    const uint64_t settle_us = (uint64_t)(settings->settle_seconds * 1e6);
    bool is_same = candidate->looks > 0 && candidate->signature == view->signature;
    if (!is_same) {
        candidate->signature = view->signature;
        candidate->changed_us = now_us;
        candidate->looks = 0;
    }
    candidate->looks += candidate->looks < MIN_LOOKS;
    uint64_t quiet_us = now_us - candidate->changed_us;

    candidate->stalled = candidate->wants_verdict = false;
    candidate->closed = view->unreadable != 0;
    if (candidate->closed)
        wait_because(candidate, NULL, "may not be read by this service");
    else if (view->partial != NULL)
        wait_because(candidate, view->partial, "is still being written");
    else if (view->ready)
        settle(candidate);
    else if (settings->intake_mode == INTAKE_MARKER && !view->has_manifest)
        judge_committed(candidate, view, spool, settings);
    else if (candidate->looks < MIN_LOOKS || quiet_us < settle_us)
        wait_because(candidate, NULL, "is taken once it has not changed for a while");
    else if (view->has_manifest)
        judge_manifest(candidate, spool, settings, quiet_us);
    else
        check_doubts(candidate, spool, settings, quiet_us);
}

// When to look again: thrice within the settle time and exactly at its end, later on the rarer the
// longer it has waited.
static uint64_t next_look(const struct candidate *candidate, const struct settings *settings,
                          uint64_t now_us)
{
    const uint64_t settle_us = (uint64_t)(settings->settle_seconds * 1e6);
    const uint64_t scan_us = (uint64_t)(settings->scan_seconds * 1e6);
    uint64_t step = settle_us / 3 + 1;
    uint64_t due = candidate->changed_us + settle_us;
    if (now_us < due)
        return now_us + step < due ? now_us + step : due;
    uint64_t rare = (now_us - candidate->changed_us) / 4;
    rare = rare < scan_us ? rare : scan_us;
    return now_us + (rare > step ? rare : step);
}

// The one thing that cuts a wait short.
static bool says_ready(const struct candidate *candidate, const struct spool *spool)
{
    cleanup(free_ptr) char *ready = xasprintf("%s/.ready", candidate->name);
    return faccessat(spool->incoming, ready, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void look_at(struct candidate *candidate, const struct spool *spool,
                    const struct settings *settings, uint64_t now_us)
{
    if (candidate->given) {
        candidate->given = candidate->settled = false;
        candidate->looks = 0;
    } else if (candidate->looks > 0 && now_us < candidate->next_us &&
               !says_ready(candidate, spool)) {
        return;
    }
    cleanup(view_release) struct view view = { .signature = TREE_SIGNATURE_START,
                                               .moved = TREE_SIGNATURE_START };
    // Too many entries or too deep: settles by what was seen, and is refused with words later.
    struct err why = ERR_INIT;
    int r = tree_walk(spool->incoming, candidate->name, (size_t)settings->max_entries, view_entry,
                      &view, &why);
    if (r >= 0) {
        judge(candidate, &view, spool, settings, now_us);
        candidate->seen = (struct spool_seen){ .signature = view.moved,
                                               .is_committed = view.ready || view.has_manifest,
                                               .bytes = view.bytes };
        candidate->seen_whole = r == 0;
    } else {
        // One that cannot be looked at must not keep the others waiting.
        candidate->looks = 0;
        candidate->changed_us = now_us;
        wait_because(candidate, NULL, r == -ENOENT ? "has vanished" : why.text);
    }
    candidate->next_us = next_look(candidate, settings, now_us);
}

int incoming_look(struct incoming *incoming, struct spool *spool, const struct settings *settings,
                  uint64_t now_us, uint64_t *ret_next_look_us, struct err *err)
{
    int r = list_candidates(incoming, spool, err);
    uint64_t next_us = UINT64_MAX;
    incoming->next = 0;
    if (r < 0)
        return r;
    tell_renamed(incoming);
    for (size_t i = 0; i < incoming->count; i++) {
        struct candidate *candidate = &incoming->candidates[i];
        look_at(candidate, spool, settings, now_us);
        if (!candidate->settled && candidate->next_us < next_us)
            next_us = candidate->next_us;
    }
    *ret_next_look_us = next_us;
    return 0;
}

const char *incoming_next(struct incoming *incoming)
{
    while (incoming->next < incoming->count) {
        struct candidate *candidate = &incoming->candidates[incoming->next++];
        if (!candidate->settled || candidate->given)
            continue;
        candidate->given = true;
        return candidate->name;
    }
    return NULL;
}

const char *incoming_to_verify(struct incoming *incoming)
{
    for (size_t i = 0; i < incoming->count; i++) {
        struct candidate *candidate = &incoming->candidates[i];
        if (!candidate->wants_verdict)
            continue;
        candidate->asked = candidate->signature;
        return candidate->name;
    }
    return NULL;
}

void incoming_verified(struct incoming *incoming, const char *name, const char *why)
{
    struct candidate *candidate = find(incoming, name);
    if (candidate == NULL)
        return;
    candidate->answered = candidate->asked;
    free(candidate->refuted);
    candidate->refuted = why ? xstrdup(why) : NULL;
    candidate->next_us = 0; // to be judged by it at once
}

bool incoming_seen(const struct incoming *incoming, struct spool_seen *ret_seen)
{
    const struct candidate *given =
        incoming->next ? &incoming->candidates[incoming->next - 1] : NULL;
    if (given == NULL || !given->given || !given->seen_whole)
        return false;
    *ret_seen = given->seen;
    return true;
}

const char *incoming_complaint(struct incoming *incoming, uint64_t now_us)
{
    for (size_t i = 0; i < incoming->count; i++) {
        struct candidate *candidate = &incoming->candidates[i];
        if (candidate->settled || candidate->told ||
            (!candidate->closed && !candidate->stalled &&
             now_us - candidate->changed_us < complain_us))
            continue;
        candidate->told = true;
        return candidate->reason;
    }
    return NULL;
}

bool incoming_stuck(const struct incoming *incoming, size_t *position, const char **ret_name,
                    const char **ret_why)
{
    while (*position < incoming->count) {
        const struct candidate *candidate = &incoming->candidates[(*position)++];
        if (candidate->settled || !candidate->told || !candidate->reason)
            continue;
        cleanup(free_ptr) char *shown = text_escape(candidate->name);
        *ret_name = candidate->name;
        *ret_why = candidate->reason + strlen(shown) + strlen(": ");
        return true;
    }
    return false;
}

size_t incoming_waiting(const struct incoming *incoming, char **ret_reason)
{
    size_t waiting = 0;
    const struct candidate *telling = NULL;
    for (size_t i = 0; i < incoming->count; i++) {
        const struct candidate *candidate = &incoming->candidates[i];
        if (candidate->settled)
            continue;
        waiting++;
        if (telling == NULL || (candidate->stalled && !telling->stalled))
            telling = candidate;
    }
    *ret_reason = telling && telling->reason ? xstrdup(telling->reason) : NULL;
    return waiting;
}
