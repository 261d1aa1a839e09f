// The directories of the spool, and every move of a batch after its claim, each also cut off and
// repeated.
#include "spool/spool.h"
#include "tests/support/folder.h"
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct folder folder;
static struct settings settings;
static struct spool spool;

#define ID "20261122T041500Z-trip-3f2a"
#define OTHER "20261122T041501Z-trip-0000"

static void open_spool(void)
{
    struct err err = ERR_INIT;
    ck_assert_msg(spool_open(&settings, SPOOL_CREATE, &spool, &err) == 0, "%s", err.text);
}

static void set_up(void)
{
    struct config_report report = CONFIG_REPORT_INIT;
    settings = (struct settings){ .root = NULL };
    ck_assert_int_eq(settings_load(NULL, &settings, &report), 0);
    folder_make(&folder);
    free(settings.root);
    settings.root = xasprintf("%s/spool", folder.path);
    open_spool();
    // From here on `folder` is the spool itself.
    int fd = openat(folder.fd, "spool", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    close_fd(&folder.fd);
    folder.fd = fd;
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

static void expect_names(const char *dir, const char *expected)
{
    cleanup(free_ptr) char *names = folder_names(&folder, dir);
    ck_assert_msg(strcmp(names, expected) == 0, "%s: \"%s\", not \"%s\"", dir, names, expected);
}

// A batch in work/ID with two videos and all a run leaves of them.
static void make_batch(const char *conf)
{
    static const char *const dirs[] = { "work/" ID, "work/" ID "/in", "work/" ID "/0",
                                        "work/" ID "/1" };
    static const char *const files[] = { "in/a.mp4",       "in/b.mp4",        "0/source",
                                         "0/probe.json",   "0/proxy.mp4",     "0/audio.wav",
                                         "0/signals.json", "0/proxy.mp4.tmp", "1/source",
                                         "1/source.part",  "final.mp4.tmp" };
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
        make_dir(dirs[i]);
    folder_put(&folder, "work/" ID "/claim.json",
               "{\"name\":\"trip\",\"kind\":\"folder\",\"way\":\"rename\"}");
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        cleanup(free_ptr) char *path = xasprintf("work/" ID "/%s", files[i]);
        folder_put(&folder, path, "x");
    }
    if (conf != NULL)
        folder_put(&folder, "work/" ID "/in/job.conf", conf);
    cleanup(close_fd) int dir = openat(folder.fd, "work/" ID, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cleanup(batch_release) struct batch batch = BATCH_INIT;
    ck_assert_int_eq(batch_understand(dir, ID, "trip", 1795320900, &settings, &batch, NULL), 0);
    ck_assert_int_eq(batch_save(dir, &batch, NULL), 0);
}

static void put_step(const char *where, enum stage stage, int index, enum step_state state,
                     enum err_class class)
{
    cleanup(close_fd) int dir = openat(folder.fd, where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct step step = { .state = state, .attempts = 2 };
    if (class != ERR_NONE)
        err_set(&step.error, class, "why", "why");
    ck_assert_int_eq(step_save_try(dir, stage, index, &step, NULL), 0);
    if (state != STEP_OPEN)
        ck_assert_int_eq(step_save(dir, stage, index, &step, NULL), 0);
}

static struct step get_step(const char *where, enum stage stage, int index)
{
    cleanup(close_fd) int dir = openat(folder.fd, where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct step step = STEP_INIT;
    ck_assert_int_eq(step_load(dir, stage, index, &step, NULL), 0);
    return step;
}

// ---- opening

START_TEST(a_spool_is_made_and_opened_again)
{
    expect_names(".", "archive failed incoming outbox quarantine work");
    spool_release(&spool);
    struct err err = ERR_INIT;
    ck_assert_msg(spool_open(&settings, 0, &spool, &err) == 0, "%s", err.text);
}
END_TEST

START_TEST(nobody_else_can_look_into_the_private_directories)
{
    static const char *const private_dirs[] = { "work", "failed", "archive", "quarantine" };
    struct stat st;
    for (size_t i = 0; i < ARRAY_LEN(private_dirs); i++) {
        ck_assert_int_eq(fstatat(folder.fd, private_dirs[i], &st, 0), 0);
        ck_assert_uint_eq(st.st_mode & 0077, 0);
    }
}
END_TEST

START_TEST(a_spool_that_is_not_there_is_told_and_not_made)
{
    spool_release(&spool);
    free(settings.root);
    settings.root = xasprintf("%s/nowhere", folder.path);
    struct err err = ERR_INIT;
    ck_assert_int_lt(spool_open(&settings, 0, &spool, &err), 0);
    ck_assert_str_eq(err.id, "no_spool");
    ck_assert_int_eq(err.class, ERR_CONFIG);
    ck_assert_int_eq(spool.work, -1);
    ck_assert_int_ne(access(settings.root, F_OK), 0);
}
END_TEST

START_TEST(a_second_daemon_is_refused_while_the_first_lives)
{
    struct err err = ERR_INIT;
    spool_release(&spool);
    ck_assert_int_eq(spool_open(&settings, SPOOL_CREATE | SPOOL_LOCK, &spool, &err), 0);
    pid_t child = fork();
    if (child == 0) {
        struct spool second = SPOOL_INIT;
        bool refused = spool_open(&settings, SPOOL_LOCK, &second, &err) < 0 &&
                       strcmp(err.id, "spool_in_use") == 0 && err.class == ERR_CONFIG;
        _exit(refused ? 0 : 1);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    // Looking is allowed meanwhile, and when the first is gone another may come.
    struct spool second = SPOOL_INIT;
    ck_assert_int_eq(spool_open(&settings, 0, &second, &err), 0);
    spool_release(&second);
    spool_release(&spool);
    ck_assert_int_eq(spool_open(&settings, SPOOL_LOCK, &second, &err), 0);
    spool_release(&second);
}
END_TEST

START_TEST(people_can_look_at_the_outbox_of_a_spool_that_is_not_theirs)
{
    if (geteuid() != 0) {
        puts("SKIP people_can_look_at_the_outbox: needs root to be two people");
        return;
    }
    spool_release(&spool);
    ck_assert_int_eq(chmod(folder.path, 0755), 0);
    ck_assert_int_eq(fchmodat(folder.fd, "incoming", 0775, 0), 0);
    ck_assert_int_eq(fchmodat(folder.fd, "outbox", 0775, 0), 0);
    ck_assert_int_eq(seteuid(65534), 0);
    struct err err = ERR_INIT;
    int r = spool_open(&settings, 0, &spool, &err);
    ck_assert_int_eq(seteuid(0), 0);
    ck_assert_msg(r == 0, "%s", err.text);
    ck_assert_int_ge(spool.outbox, 0);
    ck_assert_int_eq(spool.work, -1);
}
END_TEST

START_TEST(a_spool_on_two_file_systems_is_refused)
{
    char path[] = "/dev/shm/clipspool-test-XXXXXX";
    struct stat here, there;
    if (mkdtemp(path) == NULL || stat(path, &there) < 0 || fstat(folder.fd, &here) < 0 ||
        here.st_dev == there.st_dev || geteuid() != 0) {
        puts("SKIP a_spool_on_two_file_systems: no second one here");
        return;
    }
    // As a mount would: a descriptor elsewhere cannot be had by a symbolic link, which is refused.
    ck_assert_int_eq(unlinkat(folder.fd, "archive", AT_REMOVEDIR), 0);
    ck_assert_int_eq(symlinkat(path, folder.fd, "archive"), 0);
    spool_release(&spool);
    struct err err = ERR_INIT;
    ck_assert_int_lt(spool_open(&settings, SPOOL_CREATE, &spool, &err), 0);
    ck_assert_int_eq(unlinkat(folder.fd, "archive", 0), 0);
    ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

START_TEST(removals_that_were_cut_off_are_finished_at_the_next_start)
{
    static const char *const left[] = { "work/.gone." ID, "archive/.gone.trip",
                                        "failed/.gone." ID };
    for (size_t i = 0; i < ARRAY_LEN(left); i++) {
        make_dir(left[i]);
        cleanup(free_ptr) char *file = xasprintf("%s/rest", left[i]);
        folder_put(&folder, file, "x");
    }
    make_dir("work/" ID);
    spool_release(&spool);
    ck_assert_int_eq(spool_open(&settings, SPOOL_LOCK, &spool, NULL), 0);
    expect_names("work", ID);
    expect_names("archive", "");
    expect_names("failed", "");
}
END_TEST

START_TEST(a_batch_may_be_called_like_a_removal)
{
    make_batch(NULL);
    ck_assert_int_eq(spool_archive(&spool, ID, "gone.fishing", NULL), 0);
    make_dir("failed/gone.fishing");
    spool_release(&spool);
    ck_assert_int_eq(spool_open(&settings, SPOOL_LOCK, &spool, NULL), 0);
    expect_names("archive", "gone.fishing");
    expect_names("archive/gone.fishing", "a.mp4 b.mp4");
    expect_names("failed", "gone.fishing");
}
END_TEST

// Makes what root cannot remove either, as another user's folder is for the daemon; false if that
// cannot be had here.
static bool set_stubborn(const char *name, bool on)
{
    cleanup(close_fd) int fd = openat(folder.fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int flags = 0;
    ck_assert_int_ge(fd, 0);
    if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
        return false;
    flags = on ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
    return ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
}

START_TEST(what_cannot_be_removed_does_not_keep_the_daemon_from_starting)
{
    make_dir("archive/.gone.a");
    make_dir("archive/.gone.a/theirs");
    folder_put(&folder, "archive/.gone.a/theirs/x", "x");
    make_dir("archive/.gone.b");
    make_dir("failed/.gone." ID);
    if (!set_stubborn("archive/.gone.a/theirs", true)) {
        puts("SKIP what_cannot_be_removed: no immutable folders here");
        return;
    }
    spool_release(&spool);
    struct err err = ERR_INIT;
    int r = spool_open(&settings, SPOOL_LOCK, &spool, &err);
    ck_assert(set_stubborn("archive/.gone.a/theirs", false));
    ck_assert_msg(r == 0, "%s", err.text);
    expect_names("archive", ".gone.a");
    expect_names("failed", "");
}
END_TEST

START_TEST(ids_are_listed_by_time_and_nothing_else_is)
{
    make_dir("work/20261122T041501Z-b-0000");
    make_dir("work/20261122T041500Z-z-0000");
    make_dir("work/20251122T041500Z-z-0000");
    make_dir("work/.gone.20251122T041500Z-z-0000");
    make_dir("work/lost+found");
    folder_put(&folder, "work/.x", "");
    char **ids = NULL;
    ck_assert_int_eq(spool_list(spool.work, &ids, NULL), 3);
    ck_assert_str_eq(ids[0], "20251122T041500Z-z-0000");
    ck_assert_str_eq(ids[1], "20261122T041500Z-z-0000");
    ck_assert_str_eq(ids[2], "20261122T041501Z-b-0000");
    ck_assert_ptr_null(ids[3]);
    for (int i = 0; i < 3; i++)
        free(ids[i]);
    free(ids);
}
END_TEST

// ---- names

START_TEST(numbered_names_fit_into_a_file_name)
{
    static const char *const ends[] = { "trip", "trip-2", "trip-17" };
    static const unsigned numbers[] = { 1, 2, 17 };
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        cleanup(free_ptr) char *name = spool_numbered("trip", numbers[i]);
        ck_assert_str_eq(name, ends[i]);
    }
    char longest[256] = "";
    memset(longest, 'a', 255);
    memcpy(longest + 251, "\xf0\x9f\x8e\xac", 4);
    cleanup(free_ptr) char *first = spool_numbered(longest, 1),
                           *second = spool_numbered(longest, 2);
    ck_assert_str_eq(first, longest);
    ck_assert_uint_eq(strlen(second), 251 + 2);
    ck_assert_str_eq(second + 249, "aa-2");
}
END_TEST

static char *take(const char *name, const char *id)
{
    char *outbox = NULL;
    struct err err = ERR_INIT;
    ck_assert_msg(spool_take_outbox(&spool, name, id, &outbox, &err) == 0, "%s", err.text);
    return outbox;
}

START_TEST(each_batch_has_an_outbox_of_its_own)
{
    cleanup(free_ptr) char *first = take("trip", ID);
    ck_assert_str_eq(first, "trip");
    folder_put(&folder, "outbox/trip/status.json", "{\"id\":\"" ID "\"}");
    cleanup(free_ptr) char *second = take("trip", OTHER);
    ck_assert_str_eq(second, "trip-2");
    folder_put(&folder, "outbox/trip-2/status.json", "{\"id\":\"" OTHER "\"}");
    cleanup(free_ptr) char *third = take("trip", "20271122T041501Z-trip-0000");
    ck_assert_str_eq(third, "trip-3");
}
END_TEST

START_TEST(after_a_crash_a_batch_finds_its_own_outbox_again)
{
    cleanup(free_ptr) char *first = take("trip", ID);
    ck_assert_str_eq(first, "trip");
    // Cut off before the first status.json.
    cleanup(free_ptr) char *again = take("trip", ID);
    ck_assert_str_eq(again, "trip");
    folder_put(&folder, "outbox/trip/status.json", "{\"id\":\"" ID "\"}");
    cleanup(free_ptr) char *later = take("trip", ID);
    ck_assert_str_eq(later, "trip");
}
END_TEST

START_TEST(folders_and_files_of_others_in_the_outbox_are_left_alone)
{
    folder_put(&folder, "outbox/trip", "a file");
    make_dir("outbox/trip-2");
    folder_put(&folder, "outbox/trip-2/holiday.jpg", "x");
    make_dir("outbox/trip-3");
    folder_put(&folder, "outbox/trip-3/status.json", "damaged");
    ck_assert_int_eq(symlinkat("/tmp", spool.outbox, "trip-4"), 0);
    cleanup(free_ptr) char *outbox = take("trip", ID);
    ck_assert_str_eq(outbox, "trip-5");
}
END_TEST

START_TEST(an_empty_folder_that_somebody_made_beforehand_is_left_alone)
{
    make_dir("outbox/trip");
    if (fchownat(folder.fd, "outbox/trip", 65534, (gid_t)-1, 0) < 0) {
        puts("SKIP an_empty_folder_that_somebody_made: needs root to be two people");
        return;
    }
    cleanup(free_ptr) char *outbox = take("trip", ID);
    ck_assert_str_eq(outbox, "trip-2");
}
END_TEST

START_TEST(the_group_can_drop_wishes_whatever_the_umask)
{
    mode_t before = umask(0077);
    cleanup(free_ptr) char *outbox = take("trip", ID);
    (void)umask(before);
    struct stat st;
    ck_assert_int_eq(fstatat(spool.outbox, outbox, &st, 0), 0);
    ck_assert_uint_eq(st.st_mode & 0070, 0070);
}
END_TEST

static const struct {
    const char *files[3];
    int wish;
    const char *left;
} wishes[] = {
    { { "cancel" }, WISH_CANCEL, "" },
    { { "Cancel.txt" }, WISH_CANCEL, "" },
    { { "RETRY.TXT.txt" }, WISH_RETRY, "" },
    { { "approve.md" }, WISH_APPROVE, "" },
    { { "status.json", "final.mp4" }, WISH_NONE, "final.mp4 status.json" },
    { { "cancelled" }, WISH_NONE, "cancelled" },
    { { "retry it.txt" }, WISH_NONE, "retry it.txt" },
    { { ".cancel" }, WISH_NONE, ".cancel" },
    { { "retry", "cancel", "approve" }, WISH_CANCEL, "approve retry" },
};

START_TEST(a_wish_is_granted_once)
{
    make_dir("outbox/trip");
    for (size_t i = 0; i < 3 && wishes[_i].files[i] != NULL; i++) {
        cleanup(free_ptr) char *path = xasprintf("outbox/trip/%s", wishes[_i].files[i]);
        folder_put(&folder, path, "");
    }
    cleanup(free_ptr) char *file = NULL;
    ck_assert_int_eq(spool_wish(&spool, "trip", &file, NULL), wishes[_i].wish);
    ck_assert_int_eq(file != NULL, wishes[_i].wish != WISH_NONE);
    if (file)
        ck_assert_int_eq(spool_wish_granted(&spool, "trip", file, NULL), 0);
    expect_names("outbox/trip", wishes[_i].left);
}
END_TEST

START_TEST(a_folder_named_like_a_wish_is_none)
{
    make_dir("outbox/trip");
    make_dir("outbox/trip/cancel");
    char *file = NULL;
    ck_assert_int_eq(spool_wish(&spool, "trip", &file, NULL), WISH_NONE);
    ck_assert_int_eq(spool_wish(&spool, "gone", &file, NULL), WISH_NONE);
    ck_assert_int_eq(spool_wish_granted(&spool, "gone", "cancel", NULL), 0);
}
END_TEST

// ---- completed

START_TEST(the_originals_of_a_completed_batch_go_to_the_archive)
{
    make_batch(NULL);
    ck_assert_int_eq(spool_archive(&spool, ID, "trip", NULL), 0);
    expect_names("archive", "trip");
    expect_names("archive/trip", "a.mp4 b.mp4");
    expect_names("work", "");
    // Cut off after the removal.
    ck_assert_int_eq(spool_archive(&spool, ID, "trip", NULL), 0);
    expect_names("archive", "trip");
}
END_TEST

START_TEST(an_archive_cut_off_after_its_move_is_finished)
{
    make_batch(NULL);
    ck_assert_int_eq(renameat(folder.fd, "work/" ID "/in", folder.fd, "archive/trip"), 0);
    ck_assert_int_eq(spool_archive(&spool, ID, "trip", NULL), 0);
    expect_names("archive", "trip");
    expect_names("work", "");
}
END_TEST

START_TEST(an_archive_of_that_name_is_never_touched)
{
    make_batch(NULL);
    make_dir("archive/trip");
    folder_put(&folder, "archive/trip/old.mp4", "x");
    ck_assert_int_eq(spool_archive(&spool, ID, "trip", NULL), 0);
    expect_names("archive", "trip trip-2");
    expect_names("archive/trip", "old.mp4");
}
END_TEST

// ---- failed

START_TEST(a_failed_batch_keeps_its_originals_and_what_is_small)
{
    make_batch(NULL);
    put_step("work/" ID, STAGE_FETCH, 0, STEP_DONE, ERR_NONE);
    put_step("work/" ID, STAGE_PROBE, 0, STEP_DONE, ERR_NONE);
    put_step("work/" ID, STAGE_COMPRESS, 0, STEP_DONE, ERR_NONE);
    put_step("work/" ID, STAGE_UPLOAD, 0, STEP_DONE, ERR_NONE);
    put_step("work/" ID, STAGE_FETCH, 1, STEP_DONE, ERR_NONE);
    put_step("work/" ID, STAGE_PROBE, 1, STEP_FAILED, ERR_INPUT);
    ck_assert_int_eq(spool_set_aside(&spool, ID, NULL), 0);
    expect_names("work", "");
    expect_names("failed/" ID, "0 1 batch.json claim.json in steps");
    expect_names("failed/" ID "/in", "a.mp4 b.mp4");
    expect_names("failed/" ID "/0", "probe.json signals.json");
    expect_names("failed/" ID "/1", "");
    // The steps whose files are gone are to be done again, the others not.
    ck_assert_int_eq(get_step("failed/" ID, STAGE_FETCH, 0).state, STEP_OPEN);
    ck_assert_int_eq(get_step("failed/" ID, STAGE_COMPRESS, 0).state, STEP_OPEN);
    ck_assert_int_eq(get_step("failed/" ID, STAGE_UPLOAD, 0).state, STEP_OPEN);
    ck_assert_int_eq(get_step("failed/" ID, STAGE_PROBE, 0).state, STEP_DONE);
    ck_assert_int_eq(get_step("failed/" ID, STAGE_PROBE, 1).state, STEP_FAILED);
    // Cut off after the move.
    ck_assert_int_eq(spool_set_aside(&spool, ID, NULL), 0);
}
END_TEST

START_TEST(an_analysed_source_is_not_compressed_again)
{
    make_batch(NULL);
    put_step("work/" ID, STAGE_COMPRESS, 0, STEP_DONE, ERR_NONE);
    put_step("work/" ID, STAGE_UPLOAD, 0, STEP_DONE, ERR_NONE);
    put_step("work/" ID, STAGE_ANALYZE, 0, STEP_DONE, ERR_NONE);
    ck_assert_int_eq(spool_set_aside(&spool, ID, NULL), 0);
    ck_assert_int_eq(get_step("failed/" ID, STAGE_COMPRESS, 0).state, STEP_DONE);
    ck_assert_int_eq(get_step("failed/" ID, STAGE_UPLOAD, 0).state, STEP_DONE);
    expect_names("failed/" ID "/0", "probe.json signals.json");
}
END_TEST

START_TEST(a_transcript_that_failed_brings_no_source_back)
{
    make_batch(NULL);
    put_step("work/" ID, STAGE_COMPRESS, 0, STEP_DONE, ERR_NONE);
    put_step("work/" ID, STAGE_TRANSCRIBE, 0, STEP_FAILED, ERR_BUG);
    put_step("work/" ID, STAGE_ANALYZE, 0, STEP_DONE, ERR_NONE);
    put_step("work/" ID, STAGE_PLAN, STEP_BATCH, STEP_DONE, ERR_NONE);
    put_step("work/" ID, STAGE_RENDER, STEP_BATCH, STEP_FAILED, ERR_IO);
    ck_assert_int_eq(spool_set_aside(&spool, ID, NULL), 0);
    ck_assert_int_eq(spool_retry(&spool, ID, NULL), 0);
    ck_assert_int_eq(get_step("work/" ID, STAGE_TRANSCRIBE, 0).state, STEP_FAILED);
    ck_assert_int_eq(get_step("work/" ID, STAGE_PLAN, STEP_BATCH).state, STEP_DONE);
    ck_assert_int_eq(get_step("work/" ID, STAGE_RENDER, STEP_BATCH).state, STEP_OPEN);
}
END_TEST

START_TEST(a_finished_reel_is_kept_for_its_publication)
{
    make_batch(NULL);
    folder_put(&folder, "work/" ID "/final.mp4", "x");
    put_step("work/" ID, STAGE_RENDER, STEP_BATCH, STEP_DONE, ERR_NONE);
    put_step("work/" ID, STAGE_PUBLISH, STEP_BATCH, STEP_FAILED, ERR_IO);
    ck_assert_int_eq(spool_set_aside(&spool, ID, NULL), 0);
    ck_assert(exists("failed/" ID "/final.mp4"));
    ck_assert(!exists("failed/" ID "/final.mp4.tmp"));
    ck_assert_int_eq(spool_retry(&spool, ID, NULL), 0);
    ck_assert_int_eq(get_step("work/" ID, STAGE_RENDER, STEP_BATCH).state, STEP_DONE);
    ck_assert_int_eq(get_step("work/" ID, STAGE_PUBLISH, STEP_BATCH).state, STEP_OPEN);
}
END_TEST

START_TEST(what_is_nowhere_cannot_be_set_aside)
{
    struct err err = ERR_INIT;
    ck_assert_int_lt(spool_set_aside(&spool, ID, &err), 0);
    ck_assert_int_ne(err.class, ERR_NONE);
}
END_TEST

// ---- retry

static void fail_batch(void)
{
    ck_assert_int_eq(renameat(folder.fd, "work/" ID, folder.fd, "failed/" ID), 0);
}

START_TEST(a_retried_batch_has_its_failed_steps_open)
{
    make_batch(NULL);
    put_step("work/" ID, STAGE_FETCH, 0, STEP_DONE, ERR_NONE);
    put_step("work/" ID, STAGE_COMPRESS, 0, STEP_FAILED, ERR_BUG);
    put_step("work/" ID, STAGE_PLAN, STEP_BATCH, STEP_FAILED, ERR_INPUT);
    folder_put(&folder, "work/" ID "/" BATCH_CANCEL, "");
    fail_batch();
    ck_assert_int_eq(spool_retry(&spool, ID, NULL), 0);
    expect_names("failed", "");
    ck_assert_int_eq(get_step("work/" ID, STAGE_FETCH, 0).state, STEP_DONE);
    ck_assert_int_eq(get_step("work/" ID, STAGE_COMPRESS, 0).state, STEP_OPEN);
    ck_assert_uint_eq(get_step("work/" ID, STAGE_COMPRESS, 0).attempts, 0);
    ck_assert_int_eq(get_step("work/" ID, STAGE_PLAN, STEP_BATCH).state, STEP_OPEN);
    ck_assert(!exists("work/" ID "/" BATCH_CANCEL));
    ck_assert(exists("work/" ID "/batch.json"));
    // Cut off after the move.
    ck_assert_int_eq(spool_retry(&spool, ID, NULL), 0);
}
END_TEST

START_TEST(a_source_that_comes_back_makes_plan_and_reel_anew)
{
    make_batch(NULL);
    put_step("work/" ID, STAGE_COMPRESS, 0, STEP_FAILED, ERR_IO);
    put_step("work/" ID, STAGE_PLAN, STEP_BATCH, STEP_DONE, ERR_NONE);
    put_step("work/" ID, STAGE_RENDER, STEP_BATCH, STEP_FAILED, ERR_BUG);
    fail_batch();
    ck_assert_int_eq(spool_retry(&spool, ID, NULL), 0);
    ck_assert_int_eq(get_step("work/" ID, STAGE_PLAN, STEP_BATCH).state, STEP_OPEN);
    ck_assert_int_eq(get_step("work/" ID, STAGE_RENDER, STEP_BATCH).state, STEP_OPEN);
}
END_TEST

START_TEST(a_source_that_will_never_work_is_not_tried_again_beside_others)
{
    make_batch(NULL);
    put_step("work/" ID, STAGE_PROBE, 0, STEP_FAILED, ERR_INPUT);
    put_step("work/" ID, STAGE_PLAN, STEP_BATCH, STEP_DONE, ERR_NONE);
    put_step("work/" ID, STAGE_RENDER, STEP_BATCH, STEP_FAILED, ERR_BUG);
    fail_batch();
    ck_assert_int_eq(spool_retry(&spool, ID, NULL), 0);
    ck_assert_int_eq(get_step("work/" ID, STAGE_PROBE, 0).state, STEP_FAILED);
    ck_assert_int_eq(get_step("work/" ID, STAGE_PLAN, STEP_BATCH).state, STEP_DONE);
    ck_assert_int_eq(get_step("work/" ID, STAGE_RENDER, STEP_BATCH).state, STEP_OPEN);
}
END_TEST

START_TEST(it_is_tried_again_if_that_was_all)
{
    make_batch(NULL);
    put_step("work/" ID, STAGE_PROBE, 0, STEP_FAILED, ERR_INPUT);
    put_step("work/" ID, STAGE_PLAN, STEP_BATCH, STEP_FAILED, ERR_INPUT);
    fail_batch();
    ck_assert_int_eq(spool_retry(&spool, ID, NULL), 0);
    ck_assert_int_eq(get_step("work/" ID, STAGE_PROBE, 0).state, STEP_OPEN);
    ck_assert_int_eq(get_step("work/" ID, STAGE_PLAN, STEP_BATCH).state, STEP_OPEN);
}
END_TEST

START_TEST(a_refused_batch_is_understood_anew)
{
    make_batch("nonsense");
    fail_batch();
    ck_assert_int_eq(spool_retry(&spool, ID, NULL), 0);
    ck_assert(!exists("work/" ID "/batch.json"));
    ck_assert(exists("work/" ID "/in/job.conf"));
    ck_assert_int_eq(spool_recover(&spool, ID, NULL), 0);
}
END_TEST

START_TEST(a_refused_batch_that_was_cut_off_in_its_retry_is_understood_anew)
{
    make_batch("nonsense");
    // Cut off after the move.
    folder_put(&folder, "work/" ID "/" SPOOL_ANEW, "");
    ck_assert_int_eq(spool_recover(&spool, ID, NULL), 0);
    expect_names("work/" ID, "0 1 claim.json final.mp4.tmp in steps");
    ck_assert_int_eq(spool_recover(&spool, ID, NULL), 0);
}
END_TEST

START_TEST(a_retry_that_cannot_move_leaves_the_failed_batch_whole)
{
    make_batch("nonsense");
    fail_batch();
    // In the way of the move.
    folder_put(&folder, "work/" ID, "");
    ck_assert_int_lt(spool_retry(&spool, ID, NULL), 0);
    ck_assert(exists("failed/" ID "/batch.json"));
    ck_assert_int_eq(unlinkat(folder.fd, "work/" ID, 0), 0);
    ck_assert_int_eq(spool_retry(&spool, ID, NULL), 0);
    expect_names("work/" ID, "0 1 claim.json final.mp4.tmp in steps");
}
END_TEST

START_TEST(a_retry_of_what_has_not_failed_is_told)
{
    struct err err = ERR_INIT;
    ck_assert_int_eq(spool_retry(&spool, ID, &err), -ENOENT);
    ck_assert_str_eq(err.id, "not_failed");
}
END_TEST

START_TEST(a_batch_set_aside_and_retried_goes_on_where_it_was)
{
    make_batch(NULL);
    put_step("work/" ID, STAGE_FETCH, 0, STEP_DONE, ERR_NONE);
    put_step("work/" ID, STAGE_ANALYZE, 0, STEP_DONE, ERR_NONE);
    put_step("work/" ID, STAGE_COMPRESS, 0, STEP_DONE, ERR_NONE);
    put_step("work/" ID, STAGE_PLAN, STEP_BATCH, STEP_FAILED, ERR_BUG);
    for (int round = 0; round < 3; round++) {
        ck_assert_int_eq(spool_set_aside(&spool, ID, NULL), 0);
        ck_assert_int_eq(spool_retry(&spool, ID, NULL), 0);
    }
    expect_names("work/" ID "/in", "a.mp4 b.mp4");
    ck_assert_int_eq(get_step("work/" ID, STAGE_COMPRESS, 0).state, STEP_DONE);
    ck_assert_int_eq(get_step("work/" ID, STAGE_FETCH, 0).state, STEP_OPEN);
}
END_TEST

// ---- quarantine and keeping

START_TEST(what_is_not_understood_goes_to_quarantine_with_its_reason)
{
    make_dir("work/" ID);
    make_dir("work/" ID "/in");
    ck_assert_int_eq(spool_quarantine(&spool, ID, "in without claim.json", NULL), 0);
    expect_names("work", "");
    expect_names("quarantine/" ID, "in reason.json");
    cleanup(free_ptr) char *reason = folder_get(&folder, "quarantine/" ID "/reason.json");
    ck_assert_ptr_nonnull(strstr(reason, "in without claim.json"));
    ck_assert_int_eq(spool_quarantine(&spool, ID, "again", NULL), 0);
    expect_names("quarantine", ID);
}
END_TEST

START_TEST(keeping_for_ever_removes_nothing)
{
    make_dir("archive/old");
    make_dir("failed/" ID);
    time_t far = time(NULL) + 36500 * (time_t)86400;
    ck_assert_int_eq(spool_expire(&spool, &settings, far, NULL), 0);
    expect_names("archive", "old");
    expect_names("failed", ID);
}
END_TEST

START_TEST(what_was_kept_long_enough_is_removed_and_no_sooner)
{
    make_dir("archive/old");
    folder_put(&folder, "archive/old/a.mp4", "x");
    make_dir("failed/" ID);
    make_dir("incoming/.clipspool-" ID); // could not be copied
    make_dir("incoming/.clipspool-old"); // of another
    settings.archive_days = 2;
    settings.failed_days = 7;
    time_t today = time(NULL);
    ck_assert_int_eq(spool_expire(&spool, &settings, today + 86400, NULL), 0);
    expect_names("archive", "old");
    ck_assert_int_eq(spool_expire(&spool, &settings, today + 3 * 86400, NULL), 1);
    expect_names("archive", "");
    expect_names("failed", ID);
    expect_names("incoming", ".clipspool-" ID " .clipspool-old");
    ck_assert_int_eq(spool_expire(&spool, &settings, today + 8 * 86400, NULL), 1);
    expect_names("failed", "");
    expect_names("incoming", ".clipspool-old");
}
END_TEST

START_TEST(what_cannot_be_removed_does_not_hold_up_the_others)
{
    make_dir("archive/a");
    make_dir("archive/a/theirs");
    folder_put(&folder, "archive/a/theirs/x", "x");
    make_dir("archive/b");
    make_dir("failed/" ID);
    if (!set_stubborn("archive/a/theirs", true)) {
        puts("SKIP what_cannot_be_removed: no immutable folders here");
        return;
    }
    settings.archive_days = settings.failed_days = 1;
    time_t later = time(NULL) + 3 * 86400;
    struct err err = ERR_INIT;
    int first = spool_expire(&spool, &settings, later, &err);
    cleanup(free_ptr) char *archive = folder_names(&folder, "archive");
    cleanup(free_ptr) char *failed = folder_names(&folder, "failed");
    int second = spool_expire(&spool, &settings, later, NULL);
    // Another of that name is not kept by what is left of the first.
    make_dir("archive/a");
    int third = spool_expire(&spool, &settings, later, NULL);
    ck_assert(set_stubborn("archive/.gone.a/theirs", false));
    ck_assert_int_lt(first, 0);
    ck_assert_ptr_nonnull(strstr(err.text, "theirs"));
    ck_assert_str_eq(archive, ".gone.a");
    ck_assert_str_eq(failed, "");
    ck_assert_int_eq(second, 0);
    ck_assert_int_eq(third, 1);
    expect_names("archive", ".gone.a");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("spool");
    TCase *tcase = tcase_create("spool");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_spool_is_made_and_opened_again);
    tcase_add_test(tcase, nobody_else_can_look_into_the_private_directories);
    tcase_add_test(tcase, a_spool_that_is_not_there_is_told_and_not_made);
    tcase_add_test(tcase, a_second_daemon_is_refused_while_the_first_lives);
    tcase_add_test(tcase, people_can_look_at_the_outbox_of_a_spool_that_is_not_theirs);
    tcase_add_test(tcase, a_spool_on_two_file_systems_is_refused);
    tcase_add_test(tcase, removals_that_were_cut_off_are_finished_at_the_next_start);
    tcase_add_test(tcase, a_batch_may_be_called_like_a_removal);
    tcase_add_test(tcase, what_cannot_be_removed_does_not_keep_the_daemon_from_starting);
    tcase_add_test(tcase, ids_are_listed_by_time_and_nothing_else_is);
    tcase_add_test(tcase, numbered_names_fit_into_a_file_name);
    tcase_add_test(tcase, each_batch_has_an_outbox_of_its_own);
    tcase_add_test(tcase, after_a_crash_a_batch_finds_its_own_outbox_again);
    tcase_add_test(tcase, folders_and_files_of_others_in_the_outbox_are_left_alone);
    tcase_add_test(tcase, an_empty_folder_that_somebody_made_beforehand_is_left_alone);
    tcase_add_test(tcase, the_group_can_drop_wishes_whatever_the_umask);
    tcase_add_loop_test(tcase, a_wish_is_granted_once, 0, (int)ARRAY_LEN(wishes));
    tcase_add_test(tcase, a_folder_named_like_a_wish_is_none);
    tcase_add_test(tcase, the_originals_of_a_completed_batch_go_to_the_archive);
    tcase_add_test(tcase, an_archive_cut_off_after_its_move_is_finished);
    tcase_add_test(tcase, an_archive_of_that_name_is_never_touched);
    tcase_add_test(tcase, a_failed_batch_keeps_its_originals_and_what_is_small);
    tcase_add_test(tcase, an_analysed_source_is_not_compressed_again);
    tcase_add_test(tcase, a_transcript_that_failed_brings_no_source_back);
    tcase_add_test(tcase, a_finished_reel_is_kept_for_its_publication);
    tcase_add_test(tcase, what_is_nowhere_cannot_be_set_aside);
    tcase_add_test(tcase, a_retried_batch_has_its_failed_steps_open);
    tcase_add_test(tcase, a_source_that_comes_back_makes_plan_and_reel_anew);
    tcase_add_test(tcase, a_source_that_will_never_work_is_not_tried_again_beside_others);
    tcase_add_test(tcase, it_is_tried_again_if_that_was_all);
    tcase_add_test(tcase, a_refused_batch_is_understood_anew);
    tcase_add_test(tcase, a_refused_batch_that_was_cut_off_in_its_retry_is_understood_anew);
    tcase_add_test(tcase, a_retry_that_cannot_move_leaves_the_failed_batch_whole);
    tcase_add_test(tcase, a_retry_of_what_has_not_failed_is_told);
    tcase_add_test(tcase, a_batch_set_aside_and_retried_goes_on_where_it_was);
    tcase_add_test(tcase, what_is_not_understood_goes_to_quarantine_with_its_reason);
    tcase_add_test(tcase, keeping_for_ever_removes_nothing);
    tcase_add_test(tcase, what_was_kept_long_enough_is_removed_and_no_sooner);
    tcase_add_test(tcase, what_cannot_be_removed_does_not_hold_up_the_others);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
