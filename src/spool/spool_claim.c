// The claim: how a dropped folder or file becomes a batch of ours, and how a claim that was cut off
// is finished or undone.
//
// One file system:  work/<id>/claim.json, then one rename of what was dropped to work/<id>/in.
// Two file systems: claim.json, then one rename inside incoming to a hidden name (that is the
// claim: people see it go, and nothing takes it twice), then a verified copy to in.tmp, then one
// rename to in (from here the copy counts), then the hidden original is removed.
// docs/SPOOL.md has the table of the states between; spool_recover is that table.

#include "base/fs.h"
#include "base/text.h"
#include "spool/doubt.h"
#include "spool/spool.h"
#include "spool/step.h"
#include "spool/tree.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>

#define COPYING BATCH_IN ".tmp"

enum {
    MAX_CLAIM_BYTES = 16384,
    SLUG_SIZE = 25, // 24 letters and the NUL: enough to know a batch by in a listing
    // Bounds of a copy, far above any limit of a batch: a larger one is refused when it is
    // understood, here it only must not be endless.
    MAX_COPIED_ENTRIES = 100000,
    MAX_TRIES = 16,
};

struct claim {
    char *name;     // as dropped, bytes
    bool is_folder; // else a loose file
    bool is_copied; // else renamed
};

static void claim_release(struct claim *claim)
{
    free_ptr(&claim->name);
}

// ---- claim.json

static int save(int batchdir, const struct claim *claim, struct err *err)
{
    cleanup(json_free) json_t *json = json_object();
    cleanup(free_ptr) char *escaped = text_escape(claim->name);
    json_put_text(json, "name", escaped);
    json_put_text(json, "kind", claim->is_folder ? "folder" : "file");
    json_put_text(json, "way", claim->is_copied ? "copy" : "rename");
    return json_write(batchdir, BATCH_CLAIM, json, err);
}

// Reads a word that must be one of two.  Returns whether it is the second, or -EINVAL.
static int read_word(const json_t *json, const char *key, const char *first, const char *second)
{
    const char *word = json_text(json, key, "", NULL);
    if (strcmp(word, second) == 0)
        return 1;
    return strcmp(word, first) == 0 ? 0 : -EINVAL;
}

static bool is_plain_name(const char *name)
{
    return name[0] != 0 && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

// Returns 0, -ENOENT without err if there is none, or another negative.
static int load(int batchdir, struct claim *ret_claim, struct err *err)
{
    cleanup(json_free) json_t *json = NULL;
    int r = json_read(batchdir, BATCH_CLAIM, MAX_CLAIM_BYTES, &json, err);
    if (r < 0)
        return r;
    cleanup(free_ptr) char *name = text_unescape(json_text(json, "name", "", NULL));
    int is_folder = read_word(json, "kind", "file", "folder");
    int is_copied = read_word(json, "way", "rename", "copy");
    if (name == NULL || !is_plain_name(name) || is_folder < 0 || is_copied < 0) {
        (void)err_set(err, ERR_INPUT, "bad_claim", "%s is damaged", BATCH_CLAIM);
        return -EINVAL;
    }
    *ret_claim =
        (struct claim){ .name = TAKE(name), .is_folder = is_folder, .is_copied = is_copied };
    return 0;
}

// ---- ids

// The batch's name: a loose file's without its ending.
static char *batch_name(const struct claim *claim)
{
    const char *dot = claim->is_folder ? NULL : strrchr(claim->name, '.');
    return dot != NULL && dot != claim->name ? xstrndup(claim->name, (size_t)(dot - claim->name))
                                             : xstrdup(claim->name);
}

// Letters and digits of the name, all else as single hyphens.
static void make_slug(const char *name, char slug[static SLUG_SIZE])
{
    size_t length = 0;
    for (const char *p = name; *p != 0 && length < SLUG_SIZE - 1; p++) {
        char c = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            slug[length++] = c;
        else if (length > 0 && slug[length - 1] != '-')
            slug[length++] = '-';
    }
    while (length > 0 && slug[length - 1] == '-')
        length--;
    slug[length] = 0;
}

// Makes work/<id>/ under an id that was free.
static int make_workdir(struct spool *spool, const struct claim *claim, time_t now, char **ret_id,
                        struct err *err)
{
    char when[TEXT_TIME_SIZE], slug[SLUG_SIZE];
    cleanup(free_ptr) char *name = batch_name(claim);
    make_slug(name, slug);
    text_time_compact(now, when);
    for (int i = 0; i < MAX_TRIES; i++) {
        uint16_t chance = 0;
        if (getrandom(&chance, sizeof chance, 0) != sizeof chance)
            return err_errno(err, errno, "draw a random number");
        cleanup(free_ptr) char *id = xasprintf("%s-%s-%04x", when, *slug ? slug : "batch", chance);
        // Also one that failed may come back to work.
        struct stat st;
        if (fstatat(spool->failed, id, &st, AT_SYMLINK_NOFOLLOW) == 0)
            continue;
        int r = fs_mkdir(spool->work, id, 0700, err);
        if (r == 0)
            *ret_id = TAKE(id);
        if (r <= 0)
            return r;
    }
    return err_set(err, ERR_SYSTEM, "no_free_id", "no id is free for a new batch");
}

// ---- what is in place

// The name inside the batch directory that what was dropped comes to have.
static char *place_in(const struct claim *claim, const char *in)
{
    return claim->is_folder ? xstrdup(in) : xasprintf("%s/%s", in, claim->name);
}

enum taken { TAKEN_NOTHING, TAKEN_WHOLE, TAKEN_STRANGE };

// What of the claim has arrived in the batch directory.
static enum taken look(int batchdir, const struct claim *claim)
{
    struct stat st;
    if (fstatat(batchdir, BATCH_IN, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return TAKEN_NOTHING;
    if (!S_ISDIR(st.st_mode))
        return TAKEN_STRANGE;
    if (claim->is_folder)
        return TAKEN_WHOLE;
    cleanup(free_ptr) char *place = place_in(claim, BATCH_IN);
    if (fstatat(batchdir, place, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return S_ISDIR(st.st_mode) ? TAKEN_STRANGE : TAKEN_WHOLE;

    cleanup(close_fd) int indir = fs_open(batchdir, BATCH_IN, O_RDONLY | O_DIRECTORY);
    cleanup(fs_names_free) char **names = NULL;
    return indir >= 0 && fs_list(indir, 1, &names, NULL) == 0 ? TAKEN_NOTHING : TAKEN_STRANGE;
}

// A dropped folder may deny its owner everything; a batch must be readable for the stages.
static void make_accessible(int batchdir)
{
    struct stat st;
    if (fstatat(batchdir, BATCH_IN, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode) ||
        (st.st_mode & S_IRWXU) == S_IRWXU)
        return;
    if (fchmodat(batchdir, BATCH_IN, (st.st_mode & 07777) | S_IRWXU, 0) < 0)
        return; // somebody else's; if it cannot be read, the batch says so
}

// ---- across file systems

static char *hidden_name(const char *id)
{
    return xasprintf(SPOOL_HIDDEN "%s", id);
}

// Back to the name it was dropped under, or a free one like it.
static int put_back(struct spool *spool, int dirfd, const char *held, const char *name,
                    struct err *err)
{
    for (unsigned n = 1; n < 1000; n++) {
        cleanup(free_ptr) char *target = spool_numbered(name, n);
        int r = fs_move(dirfd, held, spool->incoming, target, 0, err);
        if (r != -EEXIST)
            return r;
    }
    return err_set(err, ERR_SYSTEM, "too_many_names", "an original could not be put back");
}

// What a walk that was ended early says.
static int too_much(int walked, struct err *err)
{
    if (walked == TREE_TOO_DEEP) {
        (void)err_set(err, ERR_INPUT, "too_deep", "folders are nested more than %d deep",
                      (int)TREE_MAX_DEPTH);
        return err_hint(err, "put the videos directly into the folder");
    }
    (void)err_set(err, ERR_INPUT, "too_many_entries",
                  "the folder holds more than %d files and folders", (int)MAX_COPIED_ENTRIES);
    return err_hint(err, "drop only the videos of one reel");
}

// Copies the hidden original to in.tmp.  Returns 0, -EAGAIN (without err) if it changed meanwhile.
static int copy_original(struct spool *spool, int batchdir, const struct claim *claim,
                         const char *hidden, struct err *err)
{
    cleanup(free_ptr) char *target = place_in(claim, COPYING);
    uint64_t before = 0, after = 0;
    struct stat st;
    int r = tree_signature(spool->incoming, hidden, MAX_COPIED_ENTRIES, 0, &before, err);
    if (r == 0)
        r = fs_remove(batchdir, COPYING, err);
    if (r == 0 && !claim->is_folder)
        r = fs_mkdir(batchdir, COPYING, 0700, err);
    // A loose link or FIFO has nothing to copy; the empty batch says that there is no video.
    bool has_contents = fstatat(spool->incoming, hidden, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                        (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode));
    if (r == 0 && has_contents)
        r = fs_copy_tree(spool->incoming, hidden, batchdir, target, MAX_COPIED_ENTRIES, INT64_MAX,
                         err);
    if (r == 0)
        r = tree_signature(spool->incoming, hidden, MAX_COPIED_ENTRIES, 0, &after, err);
    if (r > 0)
        return too_much(r, err);
    return r < 0 ? r : before == after ? 0 : -EAGAIN;
}

// Another try would end the same way, so there is none until somebody wishes it: the batch fails
// and tells why, and the original stays where it is.
static int refuse(int batchdir, const struct err *why)
{
    cleanup(json_free) json_t *json = step_error_to_json(why);
    int r = fs_remove(batchdir, COPYING, NULL);
    return r < 0 ? r : json_write(batchdir, BATCH_REFUSED, json, NULL);
}

// From the hidden original to the end of the claim.  Returns as spool_claim.
static int take_copy(struct spool *spool, int batchdir, const char *id, const struct claim *claim,
                     struct err *err)
{
    cleanup(free_ptr) char *hidden = hidden_name(id);
    struct err why = ERR_INIT;
    int r = copy_original(spool, batchdir, claim, hidden, &why);
    if (r < 0 && why.class == ERR_INPUT && refuse(batchdir, &why) == 0)
        return 0;
    if (r < 0) {
        if (err != NULL && err->class == ERR_NONE)
            *err = why;
        int back = put_back(spool, spool->incoming, hidden, claim->name, err);
        if (back == 0)
            (void)spool_remove(spool, id, err); // else recovery removes it
        return back < 0 ? back : r;
    }
    r = fs_move(batchdir, COPYING, batchdir, BATCH_IN, 0, err);
    if (r < 0)
        return r;
    make_accessible(batchdir);
    // Not an error: the batch is whole, and under its hidden name the original is not taken again.
    return fs_remove(spool->incoming, hidden, NULL) < 0 ? 1 : 0;
}

static int claim_by_copy(struct spool *spool, int batchdir, const char *id, struct claim *claim,
                         struct err *err)
{
    claim->is_copied = true;
    // The one of a loose file.  Only if it is empty: whatever arrived in it stays.
    if (unlinkat(batchdir, BATCH_IN, AT_REMOVEDIR) < 0 && errno != ENOENT)
        return err_errno(err, errno, "make room for a copy");
    int r = save(batchdir, claim, err);
    cleanup(free_ptr) char *hidden = hidden_name(id);
    if (r == 0)
        r = fs_move(spool->incoming, claim->name, spool->incoming, hidden, 0, err);
    if (r < 0) {
        (void)spool_remove(spool, id, err);
        return r;
    }
    return take_copy(spool, batchdir, id, claim, err);
}

// ---- claiming

// Back to where it came from, or beside what has come there since.
static int undo(struct spool *spool, int batchdir, const char *id, const struct claim *claim,
                struct err *err)
{
    cleanup(free_ptr) char *place = place_in(claim, BATCH_IN);
    int r = put_back(spool, batchdir, place, claim->name, err);
    if (r == 0)
        r = spool_remove(spool, id, err);
    return r < 0 ? r : -EAGAIN;
}

// Whether what was taken is what was looked at, and nobody writes to it.
static bool is_as_seen(int batchdir, const struct claim *claim, const struct spool_seen *seen)
{
    cleanup(free_ptr) char *place = place_in(claim, BATCH_IN);
    cleanup(doubt_release) struct doubt doubt = DOUBT_INIT;
    uint64_t signature = 0;
    // A tree that cannot be walked to its end is refused with words later.
    if (tree_signature(batchdir, place, MAX_COPIED_ENTRIES, TREE_SIGN_MOVED, &signature, NULL) ==
            0 &&
        signature != seen->signature)
        return false;
    if (seen->is_committed)
        return true;
    doubt_look(batchdir, place, MAX_COPIED_ENTRIES, &doubt);
    return doubt.kind != DOUBT_OPEN;
}

// Another file system; or somebody's folder that we may not write to, which a rename to another
// place takes (its ".." changes), while one inside incoming does not.
static bool must_copy(int r)
{
    return r == -EXDEV || r == -EACCES || r == -EPERM;
}

static int try_rename(struct spool *spool, int batchdir, const char *id, const struct claim *claim,
                      const struct spool_seen *seen, struct err *err)
{
    int r = claim->is_folder ? 0 : fs_mkdir(batchdir, BATCH_IN, 0700, err);
    cleanup(free_ptr) char *place = place_in(claim, BATCH_IN);
    if (r >= 0)
        r = fs_move(spool->incoming, claim->name, batchdir, place, 0, err);
    enum taken taken = look(batchdir, claim);
    if (must_copy(r) && taken == TAKEN_NOTHING)
        return r;
    // A failed sync may have left it taken: then it stays, and is recovered at the next start.
    if (r < 0 && taken == TAKEN_NOTHING)
        (void)spool_remove(spool, id, err);
    if (r < 0)
        return r;
    if (taken != TAKEN_WHOLE || (seen != NULL && !is_as_seen(batchdir, claim, seen)))
        return undo(spool, batchdir, id, claim, err);
    make_accessible(batchdir);
    return 0;
}

// Returns as spool_claim; where it must be copied and may not, -EXDEV without setting err.
static int try_claim(struct spool *spool, const char *name, const struct spool_seen *seen,
                     time_t now, bool may_copy, char **ret_id, struct err *err)
{
    struct stat st;
    if (fstatat(spool->incoming, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? -ENOENT : err_errno(err, errno, "look at what was dropped");
    cleanup(claim_release) struct claim claim = { .name = xstrdup(name),
                                                  .is_folder = S_ISDIR(st.st_mode) };
    cleanup(free_ptr) char *id = NULL;
    struct err why = ERR_INIT;
    int r = make_workdir(spool, &claim, now, &id, &why);
    cleanup(close_fd) int batchdir = r < 0 ? -1 : fs_open_dir(spool->work, id, &why);
    if (r == 0)
        r = batchdir < 0 ? batchdir : save(batchdir, &claim, &why);
    bool is_saved = r == 0;
    if (r == 0)
        r = try_rename(spool, batchdir, id, &claim, seen, &why);
    // Not if the rename was done and only its sync refused.
    if (is_saved && must_copy(r) && look(batchdir, &claim) == TAKEN_NOTHING) {
        err_clear(&why);
        r = may_copy ? claim_by_copy(spool, batchdir, id, &claim, &why)
                     : spool_remove(spool, id, &why);
        if (r == 0 && !may_copy)
            return -EXDEV;
    }

    if (r < 0 && r != -ENOENT && r != -EAGAIN && err != NULL && err->class == ERR_NONE)
        *err = why;
    if (r >= 0)
        *ret_id = TAKE(id);
    return r;
}

int spool_claim(struct spool *spool, const char *name, time_t now, char **ret_id, struct err *err)
{
    return try_claim(spool, name, NULL, now, true, ret_id, err);
}

int spool_claim_by_rename(struct spool *spool, const char *name, const struct spool_seen *seen,
                          time_t now, char **ret_id, struct err *err)
{
    return try_claim(spool, name, seen, now, false, ret_id, err);
}

// ---- recovery

// A directory without claim.json: nothing was taken before it was written.
static int recover_unclaimed(struct spool *spool, int batchdir, const char *id, struct err *err)
{
    cleanup(fs_names_free) char **names = NULL;
    int r = fs_remove_temporary(batchdir, err);
    int count = r < 0 ? r : fs_list(batchdir, 1, &names, err);
    if (count == -E2BIG || count > 0)
        return err_set(err, ERR_INPUT, "unknown_state", "%s holds something, but no %s", id,
                       BATCH_CLAIM);
    if (count < 0)
        return count;
    r = spool_remove(spool, id, err);
    return r < 0 ? r : 1;
}

// Where a file system does not rename to a free name, and a link and an unlink do it instead, a
// kill between leaves a file both names, as a power cut may anywhere: by the old one it would be
// taken once more.
static int drop_old_name(const struct spool *spool, const struct claim *claim, int dirfd,
                         const char *place, struct err *err)
{
    struct stat taken, old;
    if (fstatat(dirfd, place, &taken, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR(taken.st_mode) ||
        fstatat(spool->incoming, claim->name, &old, AT_SYMLINK_NOFOLLOW) < 0 ||
        old.st_dev != taken.st_dev || old.st_ino != taken.st_ino)
        return 0;
    return fs_remove(spool->incoming, claim->name, err);
}

static int recover_copy(struct spool *spool, int batchdir, const char *id,
                        const struct claim *claim, bool may_copy, struct err *err)
{
    cleanup(free_ptr) char *hidden = hidden_name(id);
    struct stat st;
    if (fstatat(batchdir, BATCH_IN, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        make_accessible(batchdir);
        (void)fs_remove(spool->incoming, hidden, NULL); // as in take_copy
        return 0;
    }
    if (fstatat(spool->incoming, hidden, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        int r = drop_old_name(spool, claim, spool->incoming, hidden, err);
        if (r < 0)
            return r;
        if (!may_copy)
            return -EXDEV;
        r = take_copy(spool, batchdir, id, claim, err);
        return r == -EAGAIN ? 1 : r < 0 ? r : 0;
    }
    if (fstatat(batchdir, COPYING, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return err_set(err, ERR_INPUT, "unknown_state",
                       "%s was being copied, but its original is gone from incoming", id);
    int r = spool_remove(spool, id, err);
    return r < 0 ? r : 1;
}

static int recover_rename(struct spool *spool, int batchdir, const char *id,
                          const struct claim *claim, struct err *err)
{
    enum taken taken = look(batchdir, claim);
    if (taken == TAKEN_STRANGE)
        return err_set(err, ERR_INPUT, "unknown_state", "%s holds something else than was claimed",
                       id);
    if (taken == TAKEN_NOTHING) {
        int r = spool_remove(spool, id, err);
        return r < 0 ? r : 1;
    }
    make_accessible(batchdir);
    cleanup(free_ptr) char *place = place_in(claim, BATCH_IN);
    return drop_old_name(spool, claim, batchdir, place, err);
}

static int recover(struct spool *spool, const char *id, bool may_copy, struct err *err)
{
    cleanup(close_fd) int batchdir = fs_open(spool->work, id, O_RDONLY | O_DIRECTORY);
    if (batchdir == -ENOENT)
        return 1;
    if (batchdir == -ENOTDIR)
        return err_set(err, ERR_INPUT, "unknown_state", "%s is not a folder", id);
    if (batchdir < 0)
        return err_errno(err, -batchdir, "open %s", id);
    cleanup(claim_release) struct claim claim = { .name = NULL };
    int r = load(batchdir, &claim, err);
    if (r == -ENOENT)
        return recover_unclaimed(spool, batchdir, id, err);
    if (r == 0)
        r = spool_forget_refusal(batchdir, err);
    if (r < 0)
        return r;

    // Not to be mistaken for one whose copy is whole: the hidden original is all there is.
    struct stat st;
    if (fstatat(batchdir, BATCH_REFUSED, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    // Understood already; `in` may even be archived.
    bool is_understood = fstatat(batchdir, BATCH_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (claim.is_copied && is_understood) {
        cleanup(free_ptr) char *hidden = hidden_name(id);
        (void)fs_remove(spool->incoming, hidden, NULL); // as in take_copy
    }
    if (is_understood)
        return 0;
    return claim.is_copied ? recover_copy(spool, batchdir, id, &claim, may_copy, err)
                           : recover_rename(spool, batchdir, id, &claim, err);
}

int spool_recover(struct spool *spool, const char *id, struct err *err)
{
    return recover(spool, id, true, err);
}

int spool_recover_but_copy(struct spool *spool, const char *id, struct err *err)
{
    return recover(spool, id, false, err);
}

int spool_claimed_name(struct spool *spool, const char *id, char **ret_name, struct err *err)
{
    cleanup(close_fd) int batchdir = fs_open(spool->work, id, O_RDONLY | O_DIRECTORY);
    if (batchdir < 0)
        return err_errno(err, -batchdir, "open %s", id);
    cleanup(claim_release) struct claim claim = { .name = NULL };
    int r = load(batchdir, &claim, err);
    if (r == -ENOENT)
        return err_set(err, ERR_INPUT, "bad_claim", "%s has no %s", id, BATCH_CLAIM);
    if (r < 0)
        return r;
    *ret_name = batch_name(&claim);
    return 0;
}
