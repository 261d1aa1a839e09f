// The settle rule, on a clock of the test's own: nothing half-written is taken, nothing waits for
// ever.
#include "spool/incoming.h"
#include "tests/support/folder.h"
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

static struct folder folder;
static struct settings settings;
static struct spool spool;
static struct incoming *incoming;
static uint64_t now_us, next_us;

static const uint64_t second_us = 1000000;

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
    incoming = incoming_new();
    now_us = 5 * second_us;
}

static void tear_down(void)
{
    incoming_free(&incoming);
    spool_release(&spool);
    settings_release(&settings);
    folder_remove(&folder);
}

static void put(const char *name, const char *text)
{
    cleanup(free_ptr) char *path = xasprintf("incoming/%s", name);
    folder_put(&folder, path, text);
}

static void make_dir(const char *name)
{
    ck_assert_int_eq(mkdirat(spool.incoming, name, 0755), 0);
}

static void look(void)
{
    struct err err = ERR_INIT;
    ck_assert_msg(incoming_look(incoming, &spool, &settings, now_us, &next_us, &err) == 0, "%s",
                  err.text);
}

// Looks now and whenever a look is due, up to `seconds` from now.
static void pass(double seconds)
{
    uint64_t end_us = now_us + (uint64_t)(seconds * 1e6);
    look();
    while (next_us <= end_us) {
        ck_assert_uint_gt(next_us, now_us);
        now_us = next_us;
        look();
    }
    now_us = end_us;
}

static void expect_settled(const char *name)
{
    const char *settled = incoming_next(incoming);
    char *reason = NULL;
    (void)incoming_waiting(incoming, &reason);
    ck_assert_msg(settled != NULL, "%s has not settled: %s", name, reason ? reason : "");
    ck_assert_str_eq(settled, name);
    free(reason);
}

static void expect_nothing(void)
{
    const char *settled = incoming_next(incoming);
    ck_assert_msg(settled == NULL, "%s has settled", settled);
}

static void expect_reason(const char *part)
{
    char *reason = NULL;
    ck_assert_uint_ge(incoming_waiting(incoming, &reason), 1);
    ck_assert_ptr_nonnull(reason);
    ck_assert_msg(strstr(reason, part) != NULL, "%s", reason);
    free(reason);
}

// ---- names

static const struct {
    const char *name;
    enum incoming_name kind;
} names[] = {
    { "clip.mp4", INCOMING_COUNTS },
    { "trip", INCOMING_COUNTS },
    { "party.parts", INCOMING_COUNTS },
    { "a~b.mp4", INCOMING_COUNTS },
    { "part", INCOMING_COUNTS },
    { "#1 goal.mp4", INCOMING_COUNTS },
    { ".ready", INCOMING_READY },
    { ".READY", INCOMING_READY },
    { "ready", INCOMING_COUNTS },
    { "clip.mp4.part", INCOMING_PARTIAL },
    { "clip.mp4.PART", INCOMING_PARTIAL },
    { "clip.partial", INCOMING_PARTIAL },
    { "clip.mp4.filepart", INCOMING_PARTIAL },
    { "Unconfirmed 123.crdownload", INCOMING_PARTIAL },
    { "clip.mp4.download", INCOMING_PARTIAL },
    { "clip.tmp", INCOMING_PARTIAL },
    { "clip.mp4.!qB", INCOMING_PARTIAL },
    { "clip.mp4.!ut", INCOMING_PARTIAL },
    { "clip.aria2", INCOMING_PARTIAL },
    { "~syncthing~clip.mp4.tmp", INCOMING_PARTIAL },
    { ".syncthing.clip.mp4.tmp", INCOMING_PARTIAL },
    { ".clip.mp4.qlXvDP", INCOMING_PARTIAL },
    { ".nfs0000000000000001", INCOMING_PARTIAL },
    { ".smbdeleteAAA1", INCOMING_PARTIAL },
    { ".fuse_hidden000012", INCOMING_PARTIAL },
    { ".goutputstream-ABCDEF", INCOMING_PARTIAL },
    { ".~lock.cut.odt#", INCOMING_PARTIAL },
    { ".rsync-partial", INCOMING_PARTIAL },
    { ".~tmp~", INCOMING_PARTIAL },
    { "~$notes.docx", INCOMING_PARTIAL },
    { "#job.conf#", INCOMING_PARTIAL },
    { ".clipspool-20261122T041500Z-trip-3f2a", INCOMING_PARTIAL },
    { "._clip.mp4", INCOMING_JUNK },
    { ".DS_Store", INCOMING_JUNK },
    { "Thumbs.db", INCOMING_JUNK },
    { "THUMBS.DB", INCOMING_JUNK },
    { "Thumbs.db:encryptable", INCOMING_JUNK },
    { "desktop.ini", INCOMING_JUNK },
    { "Desktop.ini", INCOMING_JUNK },
    { "@eaDir", INCOMING_JUNK },
    { "#recycle", INCOMING_JUNK },
    { "__MACOSX", INCOMING_JUNK },
    { "$RECYCLE.BIN", INCOMING_JUNK },
    { "System Volume Information", INCOMING_JUNK },
    { "lost+found", INCOMING_JUNK },
    { ".stfolder", INCOMING_JUNK },
    { ".Trash-1000", INCOMING_JUNK },
    { "job.conf~", INCOMING_JUNK },
    { "._sync_abc.db", INCOMING_JUNK },
    { "\xff\xfe.mp4", INCOMING_COUNTS },
    { ".\xff", INCOMING_PARTIAL },
};

START_TEST(a_name_is_what_counts_or_partial_or_junk)
{
    ck_assert_msg(incoming_name(names[_i].name) == names[_i].kind, "%s", names[_i].name);
}
END_TEST

// ---- what settles

START_TEST(a_quiet_folder_settles_after_the_settle_time_and_not_before)
{
    make_dir("trip");
    put("trip/a.mp4", "x");
    pass(9.9);
    expect_nothing();
    expect_reason("trip");
    pass(0.2);
    expect_settled("trip");
    expect_nothing();
}
END_TEST

START_TEST(a_loose_video_settles_likewise)
{
    put("clip.mp4", "x");
    pass(10);
    expect_settled("clip.mp4");
}
END_TEST

START_TEST(three_equal_looks_are_needed_however_much_time_passed)
{
    make_dir("trip");
    look();
    now_us += 3600 * second_us;
    look();
    expect_nothing();
    now_us += 3600 * second_us;
    look();
    expect_settled("trip");
}
END_TEST

START_TEST(looks_before_they_are_due_do_not_count)
{
    make_dir("trip");
    for (int i = 0; i < 50; i++) {
        look();
        now_us += second_us / 100;
    }
    expect_nothing();
    ck_assert_uint_gt(next_us, now_us);
}
END_TEST

START_TEST(two_folders_settle_in_order_of_their_names)
{
    make_dir("trip10");
    make_dir("trip9");
    pass(10);
    expect_settled("trip9");
    expect_settled("trip10");
    expect_nothing();
}
END_TEST

// More than the kernel queues events for: a look needs none.
START_TEST(twenty_thousand_files_at_once_all_settle)
{
    enum { FILES = 20000 };
    for (int i = 0; i < FILES; i++) {
        cleanup(free_ptr) char *name = xasprintf("%d.mp4", i);
        put(name, "x");
    }
    pass(10);
    int settled = 0;
    while (incoming_next(incoming) != NULL)
        settled++;
    ck_assert_int_eq(settled, FILES);
}
END_TEST

START_TEST(ready_settles_at_once)
{
    make_dir("trip");
    put("trip/a.mp4", "x");
    put("trip/.ready", "");
    look();
    expect_settled("trip");
}
END_TEST

START_TEST(ready_deeper_inside_says_nothing)
{
    make_dir("trip");
    make_dir("trip/day2");
    put("trip/day2/.ready", "");
    look();
    expect_nothing();
}
END_TEST

START_TEST(ready_does_not_outrank_a_partial_name)
{
    make_dir("trip");
    put("trip/.ready", "");
    put("trip/a.mp4.part", "x");
    pass(100);
    expect_nothing();
    expect_reason("trip: a.mp4.part is still being written");
    ck_assert_int_eq(renameat(spool.incoming, "trip/a.mp4.part", spool.incoming, "trip/a.mp4"), 0);
    pass(30);
    expect_settled("trip");
}
END_TEST

START_TEST(mtimes_in_the_future_do_not_matter)
{
    make_dir("trip");
    put("trip/a.mp4", "x");
    const struct timespec times[] = { { .tv_sec = 4000000000 }, { .tv_sec = 4000000000 } };
    ck_assert_int_eq(utimensat(spool.incoming, "trip/a.mp4", times, 0), 0);
    pass(10);
    expect_settled("trip");
}
END_TEST

START_TEST(a_tree_beyond_the_limits_settles_to_be_refused)
{
    settings.max_entries = 2;
    make_dir("trip");
    put("trip/a.mp4", "x");
    put("trip/b.mp4", "x");
    put("trip/c.mp4", "x");
    pass(10);
    expect_settled("trip");
}
END_TEST

static void make_link(void)
{
    ck_assert_int_eq(symlinkat("nowhere", spool.incoming, "odd.mp4"), 0);
}

static void make_pipe(void)
{
    ck_assert_int_eq(mkfifoat(spool.incoming, "odd.mp4", 0644), 0);
}

static void make_pipe_inside(void)
{
    make_dir("odd.mp4");
    ck_assert_int_eq(mkfifoat(spool.incoming, "odd.mp4/pipe.mp4", 0644), 0);
}

static void (*const odd[])(void) = { make_link, make_pipe, make_pipe_inside };

START_TEST(what_is_no_file_settles_without_being_opened)
{
    odd[_i]();
    pass(10);
    expect_settled("odd.mp4");
}
END_TEST

// ---- what is left alone

START_TEST(what_is_neither_folder_nor_source_is_left_alone)
{
    put("notes.txt", "x");
    put("job.conf", "");
    put("README.txt", "x");
    put("clip.mp4.part", "x");
    put(".hidden.mp4", "x");
    put("Thumbs.db", "x");
    make_dir("@eaDir");
    make_dir(".clipspool-20261122T041500Z-trip-3f2a");
    make_dir("upload.tmp");
    ck_assert_int_eq(symlinkat("/", spool.incoming, "root"), 0);
    pass(60);
    expect_nothing();
    char *reason = NULL;
    ck_assert_uint_eq(incoming_waiting(incoming, &reason), 0);
    ck_assert_ptr_null(reason);
    ck_assert_uint_eq(next_us, UINT64_MAX);
}
END_TEST

// ---- what starts the wait anew

static void append(const char *name)
{
    cleanup(close_fd) int fd = openat(spool.incoming, name, O_WRONLY | O_APPEND | O_CLOEXEC);
    ck_assert_int_eq(write(fd, "y", 1), 1);
}

START_TEST(a_slow_copy_is_not_taken_in_its_pauses)
{
    make_dir("trip");
    put("trip/a.mp4", "x");
    for (int i = 0; i < 20; i++) {
        pass(9);
        expect_nothing();
        append("trip/a.mp4");
    }
    pass(13);
    expect_settled("trip");
}
END_TEST

START_TEST(a_further_file_starts_the_wait_anew)
{
    make_dir("trip");
    put("trip/a.mp4", "x");
    pass(9);
    put("trip/b.mp4", "x");
    pass(9);
    expect_nothing();
    pass(4);
    expect_settled("trip");
}
END_TEST

START_TEST(a_file_deep_inside_counts_too)
{
    make_dir("trip");
    make_dir("trip/a");
    make_dir("trip/a/b");
    put("trip/a/b/c.mp4", "x");
    pass(9);
    append("trip/a/b/c.mp4");
    pass(9);
    expect_nothing();
}
END_TEST

START_TEST(housekeeping_does_not_start_the_wait_anew)
{
    make_dir("trip");
    put("trip/a.mp4", "x");
    pass(9);
    put("trip/.DS_Store", "x");
    make_dir("trip/@eaDir");
    pass(1.1);
    expect_settled("trip");
}
END_TEST

START_TEST(what_changes_after_it_settled_waits_again)
{
    make_dir("trip");
    put("trip/a.mp4", "x");
    pass(10);
    append("trip/a.mp4");
    now_us += 4 * second_us;
    look();
    expect_nothing();
}
END_TEST

// ---- open files and holes

START_TEST(a_file_open_for_writing_holds_its_folder)
{
    make_dir("trip");
    put("trip/a.mp4", "x");
    int fd = openat(spool.incoming, "trip/a.mp4", O_WRONLY | O_CLOEXEC);
    pass(60);
    expect_nothing();
    expect_reason("trip: a.mp4 is still open for writing");
    close_fd(&fd);
    pass(30);
    expect_settled("trip");
}
END_TEST

START_TEST(a_loose_file_open_for_writing_is_held_too)
{
    put("clip.mp4", "x");
    int fd = openat(spool.incoming, "clip.mp4", O_WRONLY | O_CLOEXEC);
    pass(60);
    expect_nothing();
    expect_reason("clip.mp4: is still open");
    close_fd(&fd);
    pass(30);
    expect_settled("clip.mp4");
}
END_TEST

START_TEST(a_file_open_for_reading_holds_nothing)
{
    make_dir("trip");
    put("trip/a.mp4", "x");
    cleanup(close_fd) int fd = openat(spool.incoming, "trip/a.mp4", O_RDONLY | O_CLOEXEC);
    pass(10);
    expect_settled("trip");
}
END_TEST

START_TEST(a_file_mapped_for_writing_holds_its_folder)
{
    make_dir("trip");
    put("trip/a.mp4", "x");
    int fd = openat(spool.incoming, "trip/a.mp4", O_RDWR | O_CLOEXEC);
    void *map = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ck_assert(map != MAP_FAILED);
    close_fd(&fd);
    pass(60);
    expect_nothing();
    ck_assert_int_eq(munmap(map, 1), 0);
    pass(30);
    expect_settled("trip");
}
END_TEST

START_TEST(no_lease_is_left_behind)
{
    make_dir("trip");
    put("trip/a.mp4", "x");
    pass(10);
    // With a lease in force this would block or fail.
    cleanup(close_fd) int fd =
        openat(spool.incoming, "trip/a.mp4", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
}
END_TEST

// Returns false where the file system has no holes.
static bool make_sparse(const char *name, off_t written_at, off_t size)
{
    cleanup(close_fd) int fd = openat(spool.incoming, name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    ck_assert_int_eq(ftruncate(fd, size), 0);
    ck_assert_int_eq(pwrite(fd, "x", 1, written_at), 1);
    if (lseek(fd, 0, SEEK_HOLE) < size)
        return true;
    puts("SKIP holes: this file system has none");
    return false;
}

START_TEST(a_copy_that_set_the_size_first_and_was_cut_off_waits_and_is_complained_of)
{
    make_dir("trip");
    if (!make_sparse("trip/a.mp4", 0, 1 << 20))
        return;
    pass(10);
    expect_nothing();
    ck_assert_str_eq(incoming_complaint(incoming, now_us),
                     "trip: a.mp4 is cut off: it has a hole at 4.1 kB that reaches to its end");
    ck_assert_ptr_null(incoming_complaint(incoming, now_us)); // once
    pass(580);
    expect_nothing();
    expect_reason("trip: a.mp4 is cut off");
    pass(60);
    expect_settled("trip"); // for its owner to be told
}
END_TEST

START_TEST(a_copy_that_goes_on_after_its_gap_was_seen_starts_the_wait_anew)
{
    make_dir("trip");
    if (!make_sparse("trip/a.mp4", 0, 1 << 20))
        return;
    pass(590);
    ck_assert_int_eq(make_sparse("trip/a.mp4", 500000, 1 << 20), true);
    pass(590);
    expect_nothing();
    cleanup(free_ptr) char *all = xcalloc(1 << 20, 1);
    memset(all, 'x', 1 << 20);
    cleanup(close_fd) int fd = openat(spool.incoming, "trip/a.mp4", O_WRONLY | O_CLOEXEC);
    ck_assert_int_eq(pwrite(fd, all, 1 << 20, 0), 1 << 20);
    close_fd(&fd);
    pass(45);
    expect_settled("trip");
}
END_TEST

START_TEST(a_sparse_file_that_has_an_end_waits_ten_minutes_and_is_then_taken)
{
    make_dir("trip");
    if (!make_sparse("trip/a.mp4", (1 << 20) - 1, 1 << 20))
        return;
    pass(590);
    expect_nothing();
    expect_reason("trip: a.mp4 has a hole at 0 B");
    pass(60);
    expect_settled("trip");
}
END_TEST

START_TEST(a_video_that_is_shorter_than_it_says_waits_for_the_rest)
{
    // An MP4 that says that 90 more bytes belong to it.
    static const char head[] = "\0\0\0\x10"
                               "ftypisom\0\0\0\0"
                               "\0\0\0\x08moov\0\0\0\x62mdat";
    char rest[90] = { 0 };
    cleanup(close_fd) int fd =
        openat(spool.incoming, "clip.mp4", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    ck_assert_int_eq(write(fd, head, sizeof head - 1), sizeof head - 1);
    close_fd(&fd);
    pass(590);
    expect_nothing();
    expect_reason("clip.mp4: is cut off: it has 32 B of at least 122 B");
    fd = openat(spool.incoming, "clip.mp4", O_WRONLY | O_APPEND | O_CLOEXEC);
    ck_assert_int_eq(write(fd, rest, sizeof rest), sizeof rest);
    close_fd(&fd);
    pass(45);
    expect_settled("clip.mp4");
}
END_TEST

START_TEST(ready_outranks_a_hole_and_an_end_that_is_missing)
{
    make_dir("trip");
    (void)make_sparse("trip/a.mp4", 0, 1 << 20);
    put("trip/.ready", "");
    look();
    expect_settled("trip");
}
END_TEST

// ---- only what is committed

START_TEST(with_markers_quiet_says_nothing)
{
    settings.intake_mode = INTAKE_MARKER;
    make_dir("trip");
    put("trip/a.mp4", "x");
    put("clip.mp4", "x");
    pass(3600);
    expect_nothing();
    expect_reason("is taken when it holds a file .ready");
    put("trip/.ready", "");
    look();
    expect_settled("trip");
    expect_nothing();
}
END_TEST

START_TEST(with_markers_a_rename_commits_the_folder_that_came_by_it)
{
    settings.intake_mode = INTAKE_MARKER;
    make_dir("trip");
    put("trip/a.mp4", "x");
    pass(60);
    incoming_renamed(incoming, &spool, "trip");
    look();
    expect_settled("trip");
}
END_TEST

START_TEST(a_rename_commits_no_other_folder_of_that_name)
{
    settings.intake_mode = INTAKE_MARKER;
    make_dir("trip");
    incoming_renamed(incoming, &spool, "trip");
    make_dir("other");
    ck_assert_int_eq(renameat(spool.incoming, "other", spool.incoming, "trip"), 0);
    pass(60);
    expect_nothing();
}
END_TEST

START_TEST(what_was_renamed_and_is_still_written_waits)
{
    settings.intake_mode = INTAKE_MARKER;
    make_dir("trip");
    put("trip/a.mp4", "x");
    int fd = openat(spool.incoming, "trip/a.mp4", O_WRONLY | O_CLOEXEC);
    incoming_renamed(incoming, &spool, "trip");
    pass(60);
    expect_nothing();
    expect_reason("trip: a.mp4 is still open for writing");
    close_fd(&fd);
    pass(30);
    expect_settled("trip");
}
END_TEST

START_TEST(a_loose_file_is_not_committed_by_a_rename)
{
    settings.intake_mode = INTAKE_MARKER;
    put("clip.mp4", "x");
    incoming_renamed(incoming, &spool, "clip.mp4");
    pass(60);
    expect_nothing();
}
END_TEST

// ---- names that come and go

START_TEST(what_vanishes_is_forgotten)
{
    make_dir("trip");
    pass(5);
    ck_assert_int_eq(unlinkat(spool.incoming, "trip", AT_REMOVEDIR), 0);
    look();
    char *reason = NULL;
    ck_assert_uint_eq(incoming_waiting(incoming, &reason), 0);
    ck_assert_uint_eq(next_us, UINT64_MAX);
    // The same name again starts from nothing.
    make_dir("trip");
    pass(9);
    expect_nothing();
}
END_TEST

START_TEST(what_was_given_and_not_taken_is_judged_anew)
{
    make_dir("trip");
    pass(10);
    expect_settled("trip");
    look();
    expect_nothing();
    pass(9);
    expect_nothing();
    pass(1);
    expect_settled("trip");
}
END_TEST

START_TEST(what_nobody_asks_for_stays_settled)
{
    make_dir("trip");
    pass(10);
    pass(3600);
    look();
    expect_settled("trip");
}
END_TEST

START_TEST(a_folder_of_others_that_cannot_be_read_is_told)
{
    if (geteuid() != 0) {
        puts("SKIP a_folder_of_others: needs root to make one");
        return;
    }
    make_dir("trip");
    ck_assert_int_eq(fchmodat(spool.incoming, "trip", 0, 0), 0);
    ck_assert_int_eq(fchmod(folder.fd, 0755), 0);
    ck_assert_int_eq(fchmod(spool.incoming, 0755), 0);
    ck_assert_int_eq(seteuid(65534), 0);
    pass(60);
    ck_assert_int_eq(seteuid(0), 0);
    expect_nothing();
    expect_reason("trip: may not be read");
    ck_assert_str_eq(incoming_complaint(incoming, now_us), "trip: may not be read by this service");
    ck_assert_ptr_null(incoming_complaint(incoming, now_us)); // once
}
END_TEST

START_TEST(what_waits_in_vain_is_complained_of_once_and_not_too_soon)
{
    make_dir("trip");
    put("trip/a.mp4.part", "x");
    make_dir("busy");
    put("busy/b.mp4.part", "x");
    for (int minute = 0; minute < 9; minute++) {
        cleanup(free_ptr) char *more = xasprintf("busy/%d.mp4", minute);
        put(more, "y");
        pass(60);
        ck_assert_ptr_null(incoming_complaint(incoming, now_us));
    }
    pass(90);
    ck_assert_str_eq(incoming_complaint(incoming, now_us),
                     "trip: a.mp4.part is still being written");
    ck_assert_ptr_null(incoming_complaint(incoming, now_us)); // of the busy one not at all
    pass(300);
    ck_assert_ptr_null(incoming_complaint(incoming, now_us));
}
END_TEST

START_TEST(waiting_folders_are_looked_at_ever_less_often)
{
    make_dir("trip");
    put("trip/a.mp4.part", "x");
    int looks = 0;
    uint64_t end_us = now_us + 3600 * second_us;
    for (look(); now_us < end_us; now_us = next_us, looks++)
        look();
    // An hour of scans at 30 s, and the denser looks of the beginning.
    ck_assert_int_lt(looks, 150);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("incoming");
    TCase *tcase = tcase_create("incoming");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, a_name_is_what_counts_or_partial_or_junk, 0, (int)ARRAY_LEN(names));
    tcase_add_test(tcase, a_quiet_folder_settles_after_the_settle_time_and_not_before);
    tcase_add_test(tcase, a_loose_video_settles_likewise);
    tcase_add_test(tcase, three_equal_looks_are_needed_however_much_time_passed);
    tcase_add_test(tcase, looks_before_they_are_due_do_not_count);
    tcase_add_test(tcase, two_folders_settle_in_order_of_their_names);
    tcase_set_timeout(tcase, 60); // for the thousands of files
    tcase_add_test(tcase, twenty_thousand_files_at_once_all_settle);
    tcase_add_test(tcase, ready_settles_at_once);
    tcase_add_test(tcase, ready_deeper_inside_says_nothing);
    tcase_add_test(tcase, ready_does_not_outrank_a_partial_name);
    tcase_add_test(tcase, mtimes_in_the_future_do_not_matter);
    tcase_add_test(tcase, a_tree_beyond_the_limits_settles_to_be_refused);
    tcase_add_loop_test(tcase, what_is_no_file_settles_without_being_opened, 0,
                        (int)ARRAY_LEN(odd));
    tcase_add_test(tcase, what_is_neither_folder_nor_source_is_left_alone);
    tcase_add_test(tcase, a_slow_copy_is_not_taken_in_its_pauses);
    tcase_add_test(tcase, a_further_file_starts_the_wait_anew);
    tcase_add_test(tcase, a_file_deep_inside_counts_too);
    tcase_add_test(tcase, housekeeping_does_not_start_the_wait_anew);
    tcase_add_test(tcase, what_changes_after_it_settled_waits_again);
    tcase_add_test(tcase, a_file_open_for_writing_holds_its_folder);
    tcase_add_test(tcase, a_loose_file_open_for_writing_is_held_too);
    tcase_add_test(tcase, a_file_open_for_reading_holds_nothing);
    tcase_add_test(tcase, a_file_mapped_for_writing_holds_its_folder);
    tcase_add_test(tcase, no_lease_is_left_behind);
    tcase_add_test(tcase,
                   a_copy_that_set_the_size_first_and_was_cut_off_waits_and_is_complained_of);
    tcase_add_test(tcase, a_copy_that_goes_on_after_its_gap_was_seen_starts_the_wait_anew);
    tcase_add_test(tcase, a_sparse_file_that_has_an_end_waits_ten_minutes_and_is_then_taken);
    tcase_add_test(tcase, a_video_that_is_shorter_than_it_says_waits_for_the_rest);
    tcase_add_test(tcase, ready_outranks_a_hole_and_an_end_that_is_missing);
    tcase_add_test(tcase, with_markers_quiet_says_nothing);
    tcase_add_test(tcase, with_markers_a_rename_commits_the_folder_that_came_by_it);
    tcase_add_test(tcase, a_rename_commits_no_other_folder_of_that_name);
    tcase_add_test(tcase, what_was_renamed_and_is_still_written_waits);
    tcase_add_test(tcase, a_loose_file_is_not_committed_by_a_rename);
    tcase_add_test(tcase, what_vanishes_is_forgotten);
    tcase_add_test(tcase, what_was_given_and_not_taken_is_judged_anew);
    tcase_add_test(tcase, what_nobody_asks_for_stays_settled);
    tcase_add_test(tcase, a_folder_of_others_that_cannot_be_read_is_told);
    tcase_add_test(tcase, what_waits_in_vain_is_complained_of_once_and_not_too_soon);
    tcase_add_test(tcase, waiting_folders_are_looked_at_ever_less_often);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
