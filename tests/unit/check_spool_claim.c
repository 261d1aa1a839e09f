// The claim, and what recovery makes of every state a crash can leave of one.
#include "spool/spool.h"
#include "spool/tree.h"
#include "tests/support/folder.h"
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct folder folder, elsewhere;
static struct settings settings;
static struct spool spool;

static const time_t now = 1795320900; // 20261122T041500Z
#define ID "20261122T041500Z-trip-3f2a"
#define HIDDEN "incoming/.clipspool-" ID

static void set_up(void)
{
    struct config_report report = CONFIG_REPORT_INIT;
    struct err err = ERR_INIT;
    settings = (struct settings){ .root = NULL };
    ck_assert_int_eq(settings_load(NULL, &settings, &report), 0);
    folder_make(&folder);
    free(settings.root);
    settings.root = xstrdup(folder.path);
    ck_assert_msg(spool_open(&settings, SPOOL_CREATE, &spool, &err) == 0, "%s", err.text);
}

static void tear_down(void)
{
    spool_release(&spool);
    settings_release(&settings);
    folder_remove(&folder);
}

static bool exists(const char *name)
{
    struct stat st;
    return fstatat(folder.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void make_dir(const char *name)
{
    ck_assert_msg(mkdirat(folder.fd, name, 0755) == 0, "mkdir %s: %s", name, strerror(errno));
}

static void expect_contents(const char *name, const char *expected)
{
    cleanup(free_ptr) char *text = folder_get(&folder, name);
    ck_assert_msg(text != NULL, "%s is missing", name);
    ck_assert_str_eq(text, expected);
}

static char *claim(const char *name, int expected)
{
    char *id = NULL;
    struct err err = ERR_INIT;
    int r = spool_claim(&spool, name, now, &id, &err);
    ck_assert_msg(r == expected, "%s: %d %s", name, r, err.text);
    return id;
}

static char *in_work(const char *id, const char *name)
{
    return xasprintf("work/%s/%s", id, name);
}

// ---- claiming

START_TEST(a_folder_is_taken_whole_with_one_rename)
{
    make_dir("incoming/Summer Trip");
    folder_put(&folder, "incoming/Summer Trip/a.mp4", "aa");
    make_dir("incoming/Summer Trip/day2");
    folder_put(&folder, "incoming/Summer Trip/day2/b.mp4", "bb");
    cleanup(free_ptr) char *id = claim("Summer Trip", 0);

    ck_assert(batch_is_id(id));
    ck_assert_int_eq(strncmp(id, "20261122T041500Z-summer-trip-", 29), 0);
    cleanup(free_ptr) char *a = in_work(id, "in/a.mp4"), *b = in_work(id, "in/day2/b.mp4");
    expect_contents(a, "aa");
    expect_contents(b, "bb");
    ck_assert(!exists("incoming/Summer Trip"));
    cleanup(free_ptr) char *name = NULL;
    ck_assert_int_eq(spool_claimed_name(&spool, id, &name, NULL), 0);
    ck_assert_str_eq(name, "Summer Trip");
}
END_TEST

START_TEST(a_loose_file_becomes_a_batch_of_one)
{
    folder_put(&folder, "incoming/clip.one.MP4", "aa");
    cleanup(free_ptr) char *id = claim("clip.one.MP4", 0);
    cleanup(free_ptr) char *file = in_work(id, "in/clip.one.MP4");
    expect_contents(file, "aa");
    cleanup(free_ptr) char *name = NULL;
    ck_assert_int_eq(spool_claimed_name(&spool, id, &name, NULL), 0);
    ck_assert_str_eq(name, "clip.one");
}
END_TEST

static const struct {
    const char *name, *slug;
} slugs[] = {
    { "trip", "trip" },
    { "Trip 2026 (best of)", "trip-2026-best-of" },
    { "--rf", "rf" },
    { "\xff\xfe\n", "batch" },
    { "\xf0\x9f\x8e\xac", "batch" },
    { "a very long name of a folder that goes on", "a-very-long-name-of-a-fo" },
    { "twenty-three letters he -", "twenty-three-letters-he" },
};

START_TEST(an_id_tells_the_name_in_plain_letters)
{
    cleanup(free_ptr) char *path = xasprintf("incoming/%s", slugs[_i].name);
    make_dir(path);
    cleanup(free_ptr) char *id = claim(slugs[_i].name, 0);
    cleanup(free_ptr) char *start = xasprintf("20261122T041500Z-%s-", slugs[_i].slug);
    ck_assert_msg(strncmp(id, start, strlen(start)) == 0 && strlen(id) == strlen(start) + 4, "%s",
                  id);
    cleanup(free_ptr) char *name = NULL;
    ck_assert_int_eq(spool_claimed_name(&spool, id, &name, NULL), 0);
    ck_assert_str_eq(name, slugs[_i].name);
}
END_TEST

START_TEST(what_is_gone_is_no_error_and_leaves_nothing)
{
    char *id = NULL;
    struct err err = ERR_INIT;
    ck_assert_int_eq(spool_claim(&spool, "gone", now, &id, &err), -ENOENT);
    ck_assert_ptr_null(id);
    ck_assert_int_eq(err.class, ERR_NONE);
    cleanup(free_ptr) char *work = folder_names(&folder, "work");
    ck_assert_str_eq(work, "");
}
END_TEST

START_TEST(links_and_fifos_are_taken_as_they_are)
{
    ck_assert_int_eq(symlinkat("/etc/passwd", spool.incoming, "link.mp4"), 0);
    ck_assert_int_eq(mkfifoat(spool.incoming, "pipe.mp4", 0644), 0);
    cleanup(free_ptr) char *link = claim("link.mp4", 0), *pipe = claim("pipe.mp4", 0);
    cleanup(free_ptr) char *a = in_work(link, "in/link.mp4"), *b = in_work(pipe, "in/pipe.mp4");
    struct stat st;
    ck_assert_int_eq(fstatat(folder.fd, a, &st, AT_SYMLINK_NOFOLLOW), 0);
    ck_assert(S_ISLNK(st.st_mode));
    ck_assert_int_eq(fstatat(folder.fd, b, &st, AT_SYMLINK_NOFOLLOW), 0);
    ck_assert(S_ISFIFO(st.st_mode));
}
END_TEST

START_TEST(a_closed_folder_is_opened_for_us)
{
    make_dir("incoming/trip");
    folder_put(&folder, "incoming/trip/a.mp4", "aa");
    ck_assert_int_eq(fchmodat(folder.fd, "incoming/trip", 0, 0), 0);
    cleanup(free_ptr) char *id = claim("trip", 0);
    cleanup(free_ptr) char *in = in_work(id, "in");
    struct stat st;
    ck_assert_int_eq(fstatat(folder.fd, in, &st, 0), 0);
    ck_assert_uint_eq(st.st_mode & 0700, 0700);
}
END_TEST

// ---- across file systems

static bool use_other_system(void)
{
    (void)snprintf(elsewhere.path, sizeof elsewhere.path, "/dev/shm/clipspool-test-XXXXXX");
    struct stat here, there;
    if (mkdtemp(elsewhere.path) == NULL || stat(elsewhere.path, &there) < 0 ||
        fstat(folder.fd, &here) < 0 || here.st_dev == there.st_dev) {
        puts("SKIP a claim across file systems: /dev/shm is not another one");
        return false;
    }
    elsewhere.fd = open(elsewhere.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    close_fd(&spool.incoming);
    spool.incoming = fcntl(elsewhere.fd, F_DUPFD_CLOEXEC, 0);
    return true;
}

START_TEST(a_folder_on_another_system_is_copied_and_removed)
{
    if (!use_other_system())
        return;
    ck_assert_int_eq(mkdirat(elsewhere.fd, "trip", 0755), 0);
    ck_assert_int_eq(mkdirat(elsewhere.fd, "trip/day2", 0755), 0);
    folder_put(&elsewhere, "trip/a.mp4", "aa");
    folder_put(&elsewhere, "trip/day2/b.mp4", "bb");
    ck_assert_int_eq(symlinkat("/etc/passwd", elsewhere.fd, "trip/link.mp4"), 0);
    cleanup(free_ptr) char *id = claim("trip", 0);
    cleanup(free_ptr) char *a = in_work(id, "in/a.mp4"), *b = in_work(id, "in/day2/b.mp4");
    expect_contents(a, "aa");
    expect_contents(b, "bb");
    cleanup(free_ptr) char *left = folder_names(&elsewhere, ".");
    ck_assert_str_eq(left, "");
    cleanup(free_ptr) char *work = xasprintf("work/%s", id);
    cleanup(free_ptr) char *names = folder_names(&folder, work);
    ck_assert_str_eq(names, "claim.json in");
    ck_assert_int_eq(spool_recover(&spool, id, NULL), 0);
    folder_remove(&elsewhere);
}
END_TEST

START_TEST(a_loose_file_on_another_system_is_copied_and_removed)
{
    if (!use_other_system())
        return;
    folder_put(&elsewhere, "clip.mp4", "aa");
    cleanup(free_ptr) char *id = claim("clip.mp4", 0);
    cleanup(free_ptr) char *file = in_work(id, "in/clip.mp4");
    expect_contents(file, "aa");
    cleanup(free_ptr) char *left = folder_names(&elsewhere, ".");
    ck_assert_str_eq(left, "");
    folder_remove(&elsewhere);
}
END_TEST

// What no further try would make good, and what makes it good.
static const struct {
    const char *id, *text;
    const char *bad; // made in the folder beside a.mp4: "a/a/.../", or "b.mp4", unreadable
} uncopyable[] = {
    { "too_deep", "folders are nested more than 8 deep", "1/2/3/4/5/6/7/8/9/" },
    { "unreadable", "b.mp4: cannot be read: Permission denied", "b.mp4" },
    { "unreadable", "closed: cannot be read: Permission denied", "closed/" },
};

static void make_uncopyable(const char *bad, mode_t mode)
{
    cleanup(free_ptr) char *path = xasprintf("trip/%s", bad);
    for (char *slash = path; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        (void)mkdirat(elsewhere.fd, path, 0755);
        *slash = '/';
    }
    if (path[strlen(path) - 1] != '/')
        folder_put(&elsewhere, path, "bb");
    path[strcspn(path + 5, "/") + 5] = '\0'; // "trip/closed"
    ck_assert_int_eq(fchmodat(elsewhere.fd, path, mode, 0), 0);
}

static int claim_as(uid_t user, const char *name, char **ret_id)
{
    struct err err = ERR_INIT;
    ck_assert_int_eq(seteuid(user), 0);
    int r = spool_claim(&spool, name, now, ret_id, &err);
    ck_assert_int_eq(seteuid(getuid()), 0);
    ck_assert_msg(err.class == ERR_NONE, "%s", err.text);
    return r;
}

// Everything so that this user may do it all, but read what is closed.
static uid_t become_ordinary(void)
{
    if (geteuid() != 0)
        return geteuid();
    const uid_t nobody = 65534;
    ck_assert_int_eq(fchmod(folder.fd, 0755), 0);
    ck_assert_int_eq(fchown(spool.work, nobody, nobody), 0);
    ck_assert_int_eq(fchown(elsewhere.fd, nobody, nobody), 0);
    return nobody;
}

START_TEST(what_cannot_be_copied_is_refused_once_and_its_original_kept)
{
    if (!use_other_system())
        return;
    char *id = NULL;
    cleanup(batch_release) struct batch batch = BATCH_INIT;
    ck_assert_int_eq(mkdirat(elsewhere.fd, "trip", 0755), 0);
    folder_put(&elsewhere, "trip/a.mp4", "aa");
    make_uncopyable(uncopyable[_i].bad, strcmp(uncopyable[_i].id, "unreadable") == 0 ? 0 : 0755);
    ck_assert_int_eq(claim_as(become_ordinary(), "trip", &id), 0);
    cleanup(free_ptr) char *owned = id;
    cleanup(free_ptr) char *original = xasprintf(".clipspool-%s/a.mp4", owned);
    cleanup(free_ptr) char *kept = folder_get(&elsewhere, original);
    ck_assert_str_eq(kept, "aa");
    cleanup(free_ptr) char *work = xasprintf("work/%s", owned);
    cleanup(free_ptr) char *names = folder_names(&folder, work);
    ck_assert_str_eq(names, "claim.json refused.json");
    cleanup(close_fd) int batchdir = openat(spool.work, owned, O_RDONLY | O_DIRECTORY);
    ck_assert_int_eq(batch_understand(batchdir, owned, "trip", now, &settings, &batch, NULL), 0);
    ck_assert_str_eq(batch.error.id, uncopyable[_i].id);
    ck_assert_str_eq(batch.error.text, uncopyable[_i].text);
    ck_assert(*batch.error.hint != '\0');
    folder_remove(&elsewhere);
}
END_TEST

START_TEST(what_was_refused_is_copied_when_it_is_wished_again)
{
    if (!use_other_system())
        return;
    char *id = NULL;
    struct err err = ERR_INIT;
    cleanup(batch_release) struct batch batch = BATCH_INIT;
    ck_assert_int_eq(mkdirat(elsewhere.fd, "trip", 0755), 0);
    make_uncopyable("b.mp4", 0);
    ck_assert_int_eq(claim_as(become_ordinary(), "trip", &id), 0);
    cleanup(free_ptr) char *owned = id;
    cleanup(close_fd) int batchdir = openat(spool.work, owned, O_RDONLY | O_DIRECTORY);
    ck_assert_int_eq(batch_understand(batchdir, owned, "trip", now, &settings, &batch, NULL), 0);
    batch.outbox = xstrdup("trip");
    ck_assert_int_eq(batch_save(batchdir, &batch, NULL), 0);
    ck_assert_int_eq(spool_recover(&spool, owned, NULL), 0); // a restart before it is set aside
    ck_assert_msg(spool_set_aside(&spool, owned, &err) == 0, "%s", err.text);
    cleanup(free_ptr) char *original = xasprintf(".clipspool-%s/b.mp4", owned);
    ck_assert_int_eq(fchmodat(elsewhere.fd, original, 0644, 0), 0);
    ck_assert_msg(spool_retry(&spool, owned, &err) == 0, "%s", err.text);
    ck_assert_msg(spool_recover(&spool, owned, &err) == 0, "%s", err.text);
    cleanup(free_ptr) char *copied = in_work(owned, "in/b.mp4");
    expect_contents(copied, "bb");
    cleanup(free_ptr) char *left = folder_names(&elsewhere, ".");
    ck_assert_str_eq(left, "");
    folder_remove(&elsewhere);
}
END_TEST

START_TEST(a_loose_fifo_on_another_system_does_not_block)
{
    if (!use_other_system())
        return;
    ck_assert_int_eq(mkfifoat(elsewhere.fd, "pipe.mp4", 0644), 0);
    cleanup(free_ptr) char *id = claim("pipe.mp4", 0);
    cleanup(free_ptr) char *left = folder_names(&elsewhere, ".");
    ck_assert_str_eq(left, "");
    ck_assert_int_eq(spool_recover(&spool, id, NULL), 0);
    folder_remove(&elsewhere);
}
END_TEST

static int claim_as_seen(const char *name, const struct spool_seen *seen, uid_t user, char **ret_id)
{
    struct err err = ERR_INIT;
    ck_assert(user == 0 || seteuid(user) == 0);
    int r = spool_claim_by_rename(&spool, name, seen, now, ret_id, &err);
    ck_assert(user == 0 || seteuid(0) == 0);
    ck_assert_int_eq(err.class, ERR_NONE);
    return r;
}

static int claim_by_rename(const char *name, uid_t user, char **ret_id)
{
    return claim_as_seen(name, NULL, user, ret_id);
}

START_TEST(what_would_be_copied_is_left_where_it_was_if_only_a_rename_will_do)
{
    if (!use_other_system())
        return;
    char *id = NULL;
    folder_put(&elsewhere, "clip.mp4", "aa");
    ck_assert_int_eq(mkdirat(elsewhere.fd, "trip", 0755), 0);
    ck_assert_int_eq(claim_by_rename("clip.mp4", 0, &id), -EXDEV);
    ck_assert_int_eq(claim_by_rename("trip", 0, &id), -EXDEV);
    ck_assert_int_eq(claim_by_rename("none", 0, &id), -ENOENT);
    ck_assert_ptr_null(id);
    cleanup(free_ptr) char *left = folder_names(&elsewhere, ".");
    cleanup(free_ptr) char *work = folder_names(&folder, "work");
    ck_assert_str_eq(left, "clip.mp4 trip");
    ck_assert_str_eq(work, "");
    folder_remove(&elsewhere);
}
END_TEST

START_TEST(where_a_rename_will_do_it_is_done)
{
    cleanup(free_ptr) char *id = NULL;
    folder_put(&folder, "incoming/clip.mp4", "aa");
    ck_assert_int_eq(claim_by_rename("clip.mp4", 0, &id), 0);
    cleanup(free_ptr) char *file = in_work(id, "in/clip.mp4");
    expect_contents(file, "aa");
}
END_TEST

static struct spool_seen see(const char *name)
{
    struct spool_seen seen = { 0 };
    ck_assert_int_eq(
        tree_signature(spool.incoming, name, 100, TREE_SIGN_MOVED, &seen.signature, NULL), 0);
    return seen;
}

static void make_trip(void)
{
    ck_assert_int_eq(mkdirat(folder.fd, "incoming/trip", 0755), 0);
    folder_put(&folder, "incoming/trip/a.mp4", "aa");
    folder_put(&folder, "incoming/clip.mp4", "aa");
}

static void append_to_trip(void)
{
    cleanup(close_fd) int fd =
        openat(folder.fd, "incoming/trip/a.mp4", O_WRONLY | O_APPEND | O_CLOEXEC);
    ck_assert_int_eq(write(fd, "b", 1), 1);
    close_fd(&fd);
    fd = openat(folder.fd, "incoming/clip.mp4", O_WRONLY | O_APPEND | O_CLOEXEC);
    ck_assert_int_eq(write(fd, "b", 1), 1);
}

static void add_to_trip(void)
{
    folder_put(&folder, "incoming/trip/b.mp4", "b");
}

static void housekeep(void)
{
    folder_put(&folder, "incoming/trip/.DS_Store", "b");
}

static void do_nothing(void)
{
}

static const struct {
    const char *what, *name;
    void (*change)(void);
    int result;
} meanwhile[] = {
    { "nothing", "trip", do_nothing, 0 },
    { "nothing to a loose file", "clip.mp4", do_nothing, 0 },
    { "housekeeping", "trip", housekeep, 0 },
    { "a file grew", "trip", append_to_trip, -EAGAIN },
    { "a loose file grew", "clip.mp4", append_to_trip, -EAGAIN },
    { "a file came", "trip", add_to_trip, -EAGAIN },
};

START_TEST(what_changed_since_it_was_seen_is_put_back)
{
    cleanup(free_ptr) char *id = NULL;
    make_trip();
    struct spool_seen seen = see(meanwhile[_i].name);
    meanwhile[_i].change();
    int r = claim_as_seen(meanwhile[_i].name, &seen, 0, &id);
    ck_assert_msg(r == meanwhile[_i].result, "%s: %d", meanwhile[_i].what, r);
    cleanup(free_ptr) char *left = folder_names(&folder, "incoming");
    cleanup(free_ptr) char *work = folder_names(&folder, "work");
    ck_assert_int_eq(strstr(left, meanwhile[_i].name) != NULL, r != 0);
    ck_assert_int_eq(*work == 0, r != 0);
}
END_TEST

START_TEST(what_somebody_opened_to_write_is_put_back_unless_it_is_committed)
{
    cleanup(free_ptr) char *id = NULL;
    make_trip();
    struct spool_seen seen = see("trip");
    cleanup(close_fd) int fd = openat(folder.fd, "incoming/trip/a.mp4", O_WRONLY | O_CLOEXEC);
    ck_assert_int_eq(claim_as_seen("trip", &seen, 0, &id), -EAGAIN);
    ck_assert_ptr_null(id);
    seen.is_committed = true;
    ck_assert_int_eq(claim_as_seen("trip", &seen, 0, &id), 0);
}
END_TEST

START_TEST(a_folder_we_may_not_write_to_is_not_renamed_only_to_be_copied)
{
    if (geteuid() != 0) {
        puts("SKIP a_folder_we_may_not_write_to: needs root to make one");
        return;
    }
    char *id = NULL;
    make_dir("incoming/trip");
    ck_assert_int_eq(fchmod(folder.fd, 0755), 0);
    ck_assert_int_eq(fchown(spool.incoming, 65534, 65534), 0);
    ck_assert_int_eq(fchown(spool.work, 65534, 65534), 0);
    ck_assert_int_eq(claim_by_rename("trip", 65534, &id), -EXDEV);
    ck_assert_ptr_null(id);
    cleanup(free_ptr) char *left = folder_names(&folder, "incoming");
    cleanup(free_ptr) char *work = folder_names(&folder, "work");
    ck_assert_str_eq(left, "trip");
    ck_assert_str_eq(work, "");
}
END_TEST

START_TEST(a_folder_we_may_not_write_to_is_copied_and_hidden)
{
    if (geteuid() != 0) {
        puts("SKIP a_folder_we_may_not_write_to: needs root to make one");
        return;
    }
    make_dir("incoming/trip");
    folder_put(&folder, "incoming/trip/a.mp4", "aa");
    ck_assert_int_eq(fchmod(folder.fd, 0755), 0);
    ck_assert_int_eq(fchown(spool.incoming, 65534, 65534), 0);
    ck_assert_int_eq(fchown(spool.work, 65534, 65534), 0);
    ck_assert_int_eq(seteuid(65534), 0);
    char *id = NULL;
    struct err err = ERR_INIT;
    int r = spool_claim(&spool, "trip", now, &id, &err);
    ck_assert_int_eq(seteuid(0), 0);
    ck_assert_msg(r == 1, "%d %s", r, err.text);
    cleanup(free_ptr) char *owned = id, *a = in_work(id, "in/a.mp4");
    expect_contents(a, "aa");
    cleanup(free_ptr) char *left = folder_names(&folder, "incoming");
    cleanup(free_ptr) char *hidden = xasprintf(".clipspool-%s", owned);
    ck_assert_str_eq(left, hidden);
}
END_TEST

START_TEST(what_may_not_be_taken_at_all_stays_and_leaves_nothing)
{
    if (geteuid() != 0) {
        puts("SKIP what_may_not_be_taken_at_all: needs root to make it");
        return;
    }
    make_dir("incoming/trip");
    ck_assert_int_eq(fchmod(folder.fd, 0755), 0);
    ck_assert_int_eq(fchmod(spool.incoming, 0755), 0);
    ck_assert_int_eq(fchown(spool.work, 65534, 65534), 0);
    ck_assert_int_eq(seteuid(65534), 0);
    char *id = NULL;
    struct err err = ERR_INIT;
    int r = spool_claim(&spool, "trip", now, &id, &err);
    ck_assert_int_eq(seteuid(0), 0);
    ck_assert_int_lt(r, 0);
    ck_assert_int_eq(err.class, ERR_DENIED);
    ck_assert(exists("incoming/trip"));
    cleanup(free_ptr) char *work = folder_names(&folder, "work");
    ck_assert_str_eq(work, "");
}
END_TEST

// ---- recovery

#define CLAIM(kind, way) "{\"name\":\"NAME\",\"kind\":\"" kind "\",\"way\":\"" way "\"}"
#define FOLDER_RENAME "work/" ID "/claim.json=" CLAIM("folder", "rename")
#define FILE_RENAME "work/" ID "/claim.json=" CLAIM("file", "rename")
#define FOLDER_COPY "work/" ID "/claim.json=" CLAIM("folder", "copy")
#define FILE_COPY "work/" ID "/claim.json=" CLAIM("file", "copy")
#define W "work/" ID "/"

enum { TAKEN = 0, UNDONE = 1, STRANGE = -EINVAL };

// A state is a list of folders ("name/"), files ("name=contents") and second names of files that
// come before ("name>file").
static const struct {
    const char *what;
    const char *made[8];
    int outcome;
    const char *there[4]; // "name" or "name=contents" that must be there afterwards
    const char *gone[4];
} states[] = {
    { "nothing but the directory",
      { "incoming/NAME/" },
      UNDONE,
      { "incoming/NAME" },
      { "work/" ID } },
    { "claim.json half written",
      { "incoming/NAME/", W "claim.json.tmp={" },
      UNDONE,
      { "incoming/NAME" },
      { "work/" ID } },
    { "claim.json and no more: folder",
      { "incoming/NAME/", FOLDER_RENAME },
      UNDONE,
      { "incoming/NAME" },
      { "work/" ID } },
    { "claim.json and no more: file",
      { "incoming/NAME=x", FILE_RENAME },
      UNDONE,
      { "incoming/NAME" },
      { "work/" ID } },
    { "an empty in: file",
      { "incoming/NAME=x", FILE_RENAME, W "in/" },
      UNDONE,
      { "incoming/NAME" },
      { "work/" ID } },
    { "taken: folder", { FOLDER_RENAME, W "in/", W "in/a=x" }, TAKEN, { W "in/a=x" }, { NULL } },
    { "taken: an empty folder", { FOLDER_RENAME, W "in/" }, TAKEN, { W "in" }, { NULL } },
    { "taken: file", { FILE_RENAME, W "in/", W "in/NAME=x" }, TAKEN, { W "in/NAME=x" }, { NULL } },
    { "taken: file, its old name still there",
      { FILE_RENAME, W "in/", W "in/NAME=x", "incoming/NAME>" W "in/NAME" },
      TAKEN,
      { W "in/NAME=x" },
      { "incoming/NAME" } },
    { "taken: file, and another of its name dropped",
      { FILE_RENAME, W "in/", W "in/NAME=old", "incoming/NAME=new" },
      TAKEN,
      { W "in/NAME=old", "incoming/NAME=new" },
      { NULL } },
    { "taken, and the same name dropped again",
      { FOLDER_RENAME, W "in/", W "in/a=old", "incoming/NAME/", "incoming/NAME/a=new" },
      TAKEN,
      { W "in/a=old", "incoming/NAME/a=new" },
      { NULL } },
    { "understood", { FOLDER_RENAME, W "in/", W "batch.json={}" }, TAKEN, { W "in" }, { NULL } },
    { "archived and not yet removed",
      { FOLDER_RENAME, W "batch.json={}" },
      TAKEN,
      { W "batch.json" },
      { NULL } },
    { "in without claim.json", { W "in/", W "in/a=x" }, STRANGE, { W "in/a=x" }, { NULL } },
    { "claim.json damaged",
      { W "claim.json={\"name\":", W "in/", W "in/a=x" },
      STRANGE,
      { W "in/a=x" },
      { NULL } },
    { "claim.json of a name that leaves incoming",
      { W "claim.json={\"name\":\"../x\",\"kind\":\"file\",\"way\":\"copy\"}" },
      STRANGE,
      { W "claim.json" },
      { NULL } },
    { "a folder claimed, in is a file",
      { FOLDER_RENAME, W "in=x" },
      STRANGE,
      { W "in=x" },
      { NULL } },
    { "a file claimed, another is there",
      { FILE_RENAME, W "in/", W "in/other=x" },
      STRANGE,
      { W "in/other=x" },
      { NULL } },
    { "a file claimed, a folder is there",
      { FILE_RENAME, W "in/", W "in/NAME/" },
      STRANGE,
      { W "in/NAME" },
      { NULL } },

    { "copy: nothing done yet",
      { "incoming/NAME/", FOLDER_COPY },
      UNDONE,
      { "incoming/NAME" },
      { "work/" ID } },
    { "copy: hidden, nothing copied: folder",
      { HIDDEN "/", HIDDEN "/a=x", FOLDER_COPY },
      TAKEN,
      { W "in/a=x" },
      { HIDDEN, W "in.tmp", "incoming/NAME" } },
    { "copy: hidden, nothing copied: file",
      { HIDDEN "=x", FILE_COPY },
      TAKEN,
      { W "in/NAME=x" },
      { HIDDEN, W "in.tmp" } },
    { "copy: hidden, its old name still there: file",
      { HIDDEN "=x", FILE_COPY, "incoming/NAME>" HIDDEN },
      TAKEN,
      { W "in/NAME=x" },
      { HIDDEN, "incoming/NAME" } },
    { "copy: hidden, a part copied: folder",
      { HIDDEN "/", HIDDEN "/a=xyz", FOLDER_COPY, W "in.tmp/", W "in.tmp/a=x", W "in.tmp/b=old" },
      TAKEN,
      { W "in/a=xyz" },
      { HIDDEN, W "in.tmp", W "in/b" } },
    { "copy: hidden, a part copied: file",
      { HIDDEN "=xyz", FILE_COPY, W "in.tmp/", W "in.tmp/NAME=x" },
      TAKEN,
      { W "in/NAME=xyz" },
      { HIDDEN, W "in.tmp" } },
    { "copy: committed, original half removed",
      { HIDDEN "/", HIDDEN "/b=y", FOLDER_COPY, W "in/", W "in/a=x", W "in/b=y" },
      TAKEN,
      { W "in/a=x", W "in/b=y" },
      { HIDDEN } },
    { "copy: committed and removed",
      { FOLDER_COPY, W "in/", W "in/a=x" },
      TAKEN,
      { W "in/a=x" },
      { NULL } },
    { "copy: committed, and the same name dropped again",
      { FOLDER_COPY, HIDDEN "/", HIDDEN "/a=old", W "in/", W "in/a=old", "incoming/NAME/",
        "incoming/NAME/a=new" },
      TAKEN,
      { W "in/a=old", "incoming/NAME/a=new" },
      { HIDDEN } },
    { "copy: understood, original still there",
      { FOLDER_COPY, HIDDEN "/", W "in/", W "batch.json={}" },
      TAKEN,
      { W "in" },
      { HIDDEN } },
    { "copy: refused",
      { FOLDER_COPY, HIDDEN "/", HIDDEN "/a=x", W "refused.json={}" },
      TAKEN,
      { HIDDEN "/a=x", W "refused.json" },
      { W "in" } },
    { "copy: refused and understood",
      { FOLDER_COPY, HIDDEN "/", HIDDEN "/a=x", W "refused.json={}", W "batch.json={}" },
      TAKEN,
      { HIDDEN "/a=x", W "batch.json" },
      { W "in" } },
    { "copy: refused, tried again, the wish half kept",
      { FOLDER_COPY, HIDDEN "/", HIDDEN "/a=x", W "refused.json={}", W "batch.json={}", W "anew=" },
      TAKEN,
      { W "in/a=x" },
      { HIDDEN, W "refused.json", W "batch.json", W "anew" } },
    { "copy: a part copied, the original gone",
      { FOLDER_COPY, W "in.tmp/", W "in.tmp/a=x" },
      STRANGE,
      { W "in.tmp/a=x" },
      { NULL } },
};

static void make(const char *entry)
{
    cleanup(free_ptr) char *name = xstrdup(entry);
    char *equals = strchr(name, '='), *other = equals ? NULL : strchr(name, '>');
    if (other != NULL) {
        *other = 0;
        ck_assert_int_eq(linkat(folder.fd, other + 1, folder.fd, name, 0), 0);
        return;
    }
    if (equals == NULL) {
        name[strlen(name) - 1] = 0;
        make_dir(name);
        return;
    }
    *equals = 0;
    folder_put(&folder, name, equals + 1);
}

static void make_state(const char *const *made)
{
    make_dir("work/" ID);
    for (size_t i = 0; i < 8 && made[i] != NULL; i++)
        make(made[i]);
}

START_TEST(recovery_finishes_or_undoes_every_state)
{
    struct err err = ERR_INIT;
    make_state(states[_i].made);
    int r = spool_recover(&spool, ID, &err);
    ck_assert_msg(r == states[_i].outcome, "%s: %d %s", states[_i].what, r, err.text);
    if (r < 0)
        ck_assert_int_eq(err.class, ERR_INPUT);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < 4 && states[_i].there[i] != NULL; i++) {
            cleanup(free_ptr) char *name = xstrdup(states[_i].there[i]);
            char *equals = strchr(name, '=');
            if (equals != NULL)
                *equals = 0;
            ck_assert_msg(exists(name), "%s: %s is missing", states[_i].what, name);
            if (equals != NULL)
                expect_contents(name, equals + 1);
        }
        for (size_t i = 0; i < 4 && states[_i].gone[i] != NULL; i++)
            ck_assert_msg(!exists(states[_i].gone[i]), "%s: %s is there", states[_i].what,
                          states[_i].gone[i]);
        // Whatever it did, doing it again changes nothing.
        r = spool_recover(&spool, ID, NULL);
        ck_assert_msg(r == states[_i].outcome, "%s, again: %d", states[_i].what, r);
    }
}
END_TEST

START_TEST(where_a_copy_is_to_be_made_recovery_can_leave_it_to_another)
{
    struct err err = ERR_INIT;
    make_state(states[_i].made);
    cleanup(free_ptr) char *before = folder_names(&folder, "work/" ID);
    int r = spool_recover_but_copy(&spool, ID, &err);
    bool is_cut_off = strncmp(states[_i].what, "copy: hidden, ", 14) == 0;
    bool is_wished = strncmp(states[_i].what, "copy: refused, tried again", 26) == 0;
    if (!is_cut_off && !is_wished) {
        ck_assert_msg(r == states[_i].outcome, "%s: %d", states[_i].what, r);
        return;
    }
    cleanup(free_ptr) char *after = folder_names(&folder, "work/" ID);
    ck_assert_msg(r == -EXDEV && err.class == ERR_NONE, "%s: %d", states[_i].what, r);
    ck_assert(is_wished || strcmp(after, before) == 0);
    ck_assert(exists(HIDDEN));
    r = spool_recover(&spool, ID, &err);
    ck_assert_msg(r == states[_i].outcome, "%s: %d %s", states[_i].what, r, err.text);
}
END_TEST

START_TEST(what_was_never_there_is_nothing_to_recover)
{
    ck_assert_int_eq(spool_recover(&spool, ID, NULL), 1);
}
END_TEST

START_TEST(a_file_in_place_of_a_batch_is_strange)
{
    struct err err = ERR_INIT;
    folder_put(&folder, "work/" ID, "x");
    ck_assert_int_lt(spool_recover(&spool, ID, &err), 0);
    ck_assert_int_eq(err.class, ERR_INPUT);
    ck_assert(exists("work/" ID));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("spool_claim");
    TCase *tcase = tcase_create("spool_claim");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_folder_is_taken_whole_with_one_rename);
    tcase_add_test(tcase, a_loose_file_becomes_a_batch_of_one);
    tcase_add_loop_test(tcase, an_id_tells_the_name_in_plain_letters, 0, (int)ARRAY_LEN(slugs));
    tcase_add_test(tcase, what_is_gone_is_no_error_and_leaves_nothing);
    tcase_add_test(tcase, links_and_fifos_are_taken_as_they_are);
    tcase_add_test(tcase, a_closed_folder_is_opened_for_us);
    tcase_add_test(tcase, a_folder_on_another_system_is_copied_and_removed);
    tcase_add_test(tcase, a_loose_file_on_another_system_is_copied_and_removed);
    tcase_add_loop_test(tcase, what_cannot_be_copied_is_refused_once_and_its_original_kept, 0,
                        (int)ARRAY_LEN(uncopyable));
    tcase_add_test(tcase, what_was_refused_is_copied_when_it_is_wished_again);
    tcase_add_test(tcase, a_loose_fifo_on_another_system_does_not_block);
    tcase_add_test(tcase, what_would_be_copied_is_left_where_it_was_if_only_a_rename_will_do);
    tcase_add_test(tcase, where_a_rename_will_do_it_is_done);
    tcase_add_loop_test(tcase, what_changed_since_it_was_seen_is_put_back, 0,
                        (int)ARRAY_LEN(meanwhile));
    tcase_add_test(tcase, what_somebody_opened_to_write_is_put_back_unless_it_is_committed);
    tcase_add_test(tcase, a_folder_we_may_not_write_to_is_not_renamed_only_to_be_copied);
    tcase_add_test(tcase, a_folder_we_may_not_write_to_is_copied_and_hidden);
    tcase_add_test(tcase, what_may_not_be_taken_at_all_stays_and_leaves_nothing);
    tcase_add_loop_test(tcase, recovery_finishes_or_undoes_every_state, 0, (int)ARRAY_LEN(states));
    tcase_add_loop_test(tcase, where_a_copy_is_to_be_made_recovery_can_leave_it_to_another, 0,
                        (int)ARRAY_LEN(states));
    tcase_add_test(tcase, what_was_never_there_is_nothing_to_recover);
    tcase_add_test(tcase, a_file_in_place_of_a_batch_is_strange);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
