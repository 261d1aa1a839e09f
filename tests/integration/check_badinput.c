// What people drop by mistake or on purpose: each gets a clear word in status.json, loses nothing,
// and is in nobody's way.
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/text.h"
#include "spool/waiting.h"
#include "tests/support/program.h"
#include "tests/support/spool_story.h"

// The path of a name in the batch folder that is being made.
static char *aside(const char *name)
{
    return xasprintf("%s/aside/%s", fixture.folder.path, name);
}

static void put(const char *name, const char *data, size_t size)
{
    cleanup(free_ptr) char *path = aside(name);
    cleanup(close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    ck_assert_msg(fd >= 0, "create %s", name);
    ck_assert_int_eq(write(fd, data, size), (ssize_t)size);
}

static void put_text(const char *name, const char *text)
{
    put(name, text, strlen(text));
}

// ---- what lies in the folder; each returns false where it cannot be made

static bool make_symlink(void)
{
    cleanup(free_ptr) char *path = aside("bad.mp4");
    return symlink("/etc/passwd", path) == 0;
}

static bool make_hard_link(void)
{
    cleanup(free_ptr) char *path = aside("bad.mp4");
    cleanup(free_ptr) char *other = xasprintf("%s/secret", fixture.folder.path);
    folder_put(&fixture.folder, "secret", "secret");
    return link(other, path) == 0;
}

static bool make_fifo(void)
{
    cleanup(free_ptr) char *path = aside("bad.mp4");
    return mkfifo(path, 0644) == 0;
}

static bool make_device(void)
{
    cleanup(free_ptr) char *path = aside("bad.mp4");
    return mknod(path, S_IFCHR | 0644, makedev(1, 5)) == 0; // /dev/zero never ends
}

static bool make_socket(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    cleanup(free_ptr) char *path = aside("bad.mp4");
    cleanup(close_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    return bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
}

static bool make_folder_named_like_a_video(void)
{
    cleanup(free_ptr) char *path = aside("bad.mp4");
    return mkdir(path, 0755) == 0;
}

static bool make_unreadable(void)
{
    cleanup(free_ptr) char *path = aside("bad.mp4");
    put_text("bad.mp4", "x");
    return program_obey_permissions() && chmod(path, 0) == 0;
}

static bool make_unreadable_folder(void)
{
    cleanup(free_ptr) char *path = aside("more");
    return program_obey_permissions() && mkdir(path, 0) == 0;
}

static bool make_empty_file(void)
{
    put("bad.mp4", "", 0);
    return true;
}

static bool make_large_file(void)
{
    cleanup(free_ptr) char *path = aside("bad.mp4");
    put_text("bad.mp4", "x");
    return truncate(path, 3000000) == 0;
}

static const struct {
    const char *name;
    bool (*make)(void);
    const char *code;
} bad_sources[] = {
    { "a symbolic link", make_symlink, "symlink" },
    { "a hard link", make_hard_link, "hard_link" },
    { "a FIFO", make_fifo, "fifo" },
    { "a device", make_device, "device" },
    { "a socket", make_socket, "socket" },
    { "an unreadable file", make_unreadable, "unreadable" },
    { "an unreadable folder", make_unreadable_folder, "unreadable" },
    { "an empty file", make_empty_file, "empty_file" },
    { "a file over the limit", make_large_file, "too_large" },
};

static void begin_batch(void)
{
    cleanup(free_ptr) char *path = aside("");
    ck_assert_int_eq(mkdir(path, 0755), 0);
}

static void drop_batch(const char *name)
{
    cleanup(free_ptr) char *from = aside("");
    cleanup(free_ptr) char *to = xasprintf("%s/incoming/%s", fixture.root, name);
    put("/.ready", "", 0);
    ck_assert_int_eq(rename(from, to), 0);
}

START_TEST(a_bad_source_gets_its_error_and_the_good_one_its_reel)
{
    spool_fixture_set(&fixture, "limits = { min_free_percent = 0; max_source_bytes = 2000000; };");
    begin_batch();
    put_text("a.mp4", "a video");
    if (!bad_sources[_i].make()) {
        printf("SKIP: %s cannot be made here\n", bad_sources[_i].name);
        return;
    }
    drop_batch("trip");
    spool_fixture_start(&fixture);
    json_t *status = spool_fixture_await(&fixture, "trip", "completed");
    const json_t *videos = json_object_get(status, "videos");
    ck_assert_uint_eq(json_array_size(videos), 2);
    const json_t *error = json_object_get(json_array_get(videos, 1), "error");
    ck_assert_msg(strcmp(text_of(error, "code"), bad_sources[_i].code) == 0, "%s: %s",
                  bad_sources[_i].name, text_of(error, "code"));
    ck_assert_msg(*text_of(error, "message") && *text_of(error, "hint"), "%s says too little: %s",
                  bad_sources[_i].name, text_of(error, "message"));
    json_decref(status);
}
END_TEST

START_TEST(a_bad_source_alone_fails_its_batch_with_the_same_word)
{
    spool_fixture_set(&fixture, "limits = { min_free_percent = 0; max_source_bytes = 2000000; };");
    begin_batch();
    if (!bad_sources[_i].make()) {
        printf("SKIP: %s cannot be made here\n", bad_sources[_i].name);
        return;
    }
    drop_batch("trip");
    spool_fixture_start(&fixture);
    json_t *status = spool_fixture_await(&fixture, "trip", "failed");
    const json_t *error = json_object_get(status, "error");
    ck_assert_msg(strcmp(text_of(error, "code"), bad_sources[_i].code) == 0, "%s: %s",
                  bad_sources[_i].name, text_of(error, "code"));
    spool_fixture_await_count(&fixture, "failed", 1); // with what was dropped
    json_decref(status);
}
END_TEST

// ---- whole batches

static bool make_nothing(void)
{
    return true;
}

static bool make_no_video(void)
{
    put_text("notes.txt", "no video here");
    return true;
}

static bool make_eleven(void)
{
    for (int i = 0; i < 11; i++) {
        cleanup(free_ptr) char *name = xasprintf("clip%d.mp4", i);
        put_text(name, "x");
    }
    return true;
}

static bool make_malformed_job(void)
{
    put_text("a.mp4", "x");
    put_text("job.conf", "title = \"x\";\ntarget_duration = ;\n");
    return true;
}

static bool make_contradictory_job(void)
{
    put_text("a.mp4", "x");
    put_text("job.conf", "target_duration = -3;\nstrategy = \"best\";\ncolour = 1;\n");
    return true;
}

static bool make_huge_job(void)
{
    cleanup(free_ptr) char *text = xcalloc(1, 200001);
    memset(text, '#', 200000);
    put_text("a.mp4", "x");
    put_text("job.conf", text);
    return true;
}

static bool make_including_job(void)
{
    put_text("a.mp4", "x");
    put_text("job.conf", "@include \"/etc/passwd\"\n");
    return true;
}

static bool make_linked_job(void)
{
    cleanup(free_ptr) char *path = aside("job.conf");
    put_text("a.mp4", "x");
    return symlink("/etc/passwd", path) == 0;
}

static bool make_fifo_job(void)
{
    cleanup(free_ptr) char *path = aside("job.conf");
    put_text("a.mp4", "x");
    return mkfifo(path, 0644) == 0;
}

static const struct {
    const char *name;
    bool (*make)(void);
    const char *code, *says; // `says` in the message
} bad_batches[] = {
    { "an empty folder", make_nothing, "no_videos", "" },
    { "a folder without a video", make_no_video, "no_videos", "" },
    { "a folder named like a video", make_folder_named_like_a_video, "no_videos", "" },
    { "eleven videos", make_eleven, "too_many_sources", "10" },
    { "a job.conf with a syntax error", make_malformed_job, "bad_job_conf", "job.conf:2" },
    { "a job.conf with wrong values", make_contradictory_job, "bad_job_conf", "job.conf:1" },
    { "wrong values: all of them", make_contradictory_job, "bad_job_conf", "every-source" },
    { "wrong values: unknown keys too", make_contradictory_job, "bad_job_conf", "colour" },
    { "a huge job.conf", make_huge_job, "bad_job_conf", "64 KiB" },
    { "a job.conf that names another file", make_including_job, "bad_job_conf", "include" },
    { "a job.conf that is a link", make_linked_job, "bad_job_conf", "" },
    { "a job.conf that is a FIFO", make_fifo_job, "bad_job_conf", "" },
};

START_TEST(a_bad_batch_fails_at_once_and_says_why)
{
    begin_batch();
    if (!bad_batches[_i].make()) {
        printf("SKIP: %s cannot be made here\n", bad_batches[_i].name);
        return;
    }
    drop_batch("trip");
    spool_fixture_start(&fixture);
    json_t *status = spool_fixture_await(&fixture, "trip", "failed");
    const json_t *error = json_object_get(status, "error");
    ck_assert_msg(strcmp(text_of(error, "code"), bad_batches[_i].code) == 0, "%s: %s",
                  bad_batches[_i].name, text_of(error, "code"));
    ck_assert_msg(strstr(text_of(error, "message"), bad_batches[_i].says) != NULL, "%s: %s",
                  bad_batches[_i].name, text_of(error, "message"));
    ck_assert_msg(*text_of(error, "hint"), "%s gives no hint", bad_batches[_i].name);
    spool_fixture_await_count(&fixture, "failed", 1);
    json_decref(status);
}
END_TEST

// ---- names

static const char *const odd_names[] = {
    "new\nline.mp4",        "quo\"te's.mp4",         "-rf.mp4",           "--config.mp4",
    "emoji \U0001F3AC.mp4", "bad \xff\xfe utf8.mp4", "back\\slash.mp4",   "$(touch x);`y`.mp4",
    "tab\there.mp4",        "\033[31mred.mp4",       "right\u202eto.mp4", "%s%n%d.mp4",
};

START_TEST(odd_names_are_only_names)
{
    begin_batch();
    put_text(odd_names[_i], "x");
    cleanup(free_ptr) char *batch = xstrndup(odd_names[_i], strlen(odd_names[_i]) - 4);
    drop_batch(batch);
    spool_fixture_start(&fixture);
    json_t *status = spool_fixture_await(&fixture, batch, "completed");
    cleanup(free_ptr) char *escaped = text_escape(odd_names[_i]);
    ck_assert_str_eq(text_of(json_array_get(json_object_get(status, "videos"), 0), "name"),
                     escaped);
    cleanup(free_ptr) char *original =
        xasprintf("%s/archive/%s/%s", fixture.root, batch, odd_names[_i]);
    spool_fixture_await_count(&fixture, "work", 0);
    ck_assert_int_eq(access(original, F_OK), 0);
    // One line of the log is one line, whatever a name holds.
    cleanup(free_ptr) char *log = spool_fixture_log(&fixture);
    ck_assert_ptr_null(strchr(log, '\033'));
    ck_assert(text_is_utf8(log, strlen(log)));
    json_decref(status);
}
END_TEST

// ---- the machine

START_TEST(an_outbox_that_cannot_be_written_holds_the_reel_until_it_can)
{
    // For root no folder is unwritable: a folder in the way of the reel does as well.
    cleanup(free_ptr) char *gate = xasprintf("%s/gate", fixture.folder.path);
    cleanup(free_ptr) char *script = xasprintf("render wait %s", gate);
    cleanup(free_ptr) char *obstacle = spool_fixture_path(&fixture, "outbox/trip/final.mp4");
    cleanup(free_ptr) char *inner = spool_fixture_path(&fixture, "outbox/trip/final.mp4/x");
    ck_assert_int_eq(mkfifo(gate, 0600), 0);
    spool_fixture_start(&fixture);
    spool_fixture_drop_script(&fixture, "trip", "a.mp4", script);
    json_decref(spool_fixture_await(&fixture, "trip", "clipping"));
    ck_assert_int_eq(mkdir(obstacle, 0755), 0);
    ck_assert_int_eq(mkdir(inner, 0755), 0);
    cleanup(close_fd) int fd = open(gate, O_WRONLY | O_CLOEXEC);
    close_fd(&fd);
    json_t *status = spool_fixture_await(&fixture, "trip", "uploading_final");
    json_decref(status);
    // Meanwhile others are served.
    spool_fixture_drop(&fixture, "other", "a.mp4", NULL);
    json_decref(spool_fixture_await(&fixture, "other", "completed"));
    ck_assert_int_eq(rmdir(inner), 0);
    ck_assert_int_eq(rmdir(obstacle), 0);
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
    cleanup(free_ptr) char *reel = folder_get(&fixture.folder, "spool/outbox/trip/final.mp4");
    ck_assert_str_eq(reel, FAKE_REEL);
}
END_TEST

// A file system of eight megabytes in place of the spool.
static bool mount_small(void)
{
    cleanup(free_ptr) char *incoming = spool_fixture_path(&fixture, "incoming");
    if (geteuid() != 0 || mount("tmpfs", fixture.root, "tmpfs", 0, "size=8m") < 0) {
        printf("SKIP: no file system of a small size can be mounted here\n");
        return false;
    }
    ck_assert_int_eq(mkdir(incoming, 0755), 0);
    return true;
}

// Leaves the file system with `left` bytes.
static void fill(const char *path, size_t left)
{
    char block[4096] = { 0 };
    cleanup(close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    ck_assert_int_ge(fd, 0);
    off_t size = 0;
    for (ssize_t n; (n = write(fd, block, sizeof block)) > 0;)
        size += n;
    ck_assert_int_eq(ftruncate(fd, size - (off_t)left), 0);
}

// The people who dropped it find it in the outbox.
static bool is_said_to_wait(struct spool_fixture *spool, void *context)
{
    const char *const *row = context; // name, words
    cleanup(free_ptr) char *path = spool_fixture_path(spool, "outbox");
    cleanup(close_fd) int outbox = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cleanup(free_ptr) char *why = waiting_find(outbox, row[0]);
    return why && strstr(why, row[1]);
}

static void assert_waits(const char *name, const char *words)
{
    const char *row[] = { name, words };
    spool_fixture_await_that(&fixture, "outbox", is_said_to_wait, row);
}

START_TEST(a_full_disk_holds_work_and_takes_nothing_new_until_there_is_space)
{
    if (!mount_small())
        return;
    cleanup(free_ptr) char *ballast = spool_fixture_path(&fixture, "ballast");
    spool_fixture_set(&fixture, "limits = { min_free_percent = 5; };");
    spool_fixture_start(&fixture);
    fill(ballast, 200000); // 2.5 % are free
    cleanup(free_ptr) char *folder = spool_fixture_path(&fixture, "incoming/trip");
    ck_assert_int_eq(mkdir(folder, 0755), 0);
    spool_fixture_put(&fixture, "incoming/trip/a.mp4", "x", 1);
    spool_fixture_put(&fixture, "incoming/trip/.ready", "", 0);
    spool_fixture_put(&fixture, "incoming/loose.mp4", "x", 1);
    spool_fixture_await_notice(&fixture, "too little free space");
    assert_waits("trip", "% of the disk is free, below 5 % nothing new is taken");
    assert_waits("loose.mp4", "% of the disk is free, below 5 % nothing new is taken");
    ck_assert_uint_eq(spool_fixture_count(&fixture, "work"), 0);
    ck_assert_int_eq(unlink(ballast), 0);
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
    json_decref(spool_fixture_await(&fixture, "loose", "completed"));
    spool_fixture_await_name(&fixture, "outbox/" WAITING_PAGE, false);
    (void)spool_fixture_stop(&fixture, SIGTERM);
    ck_assert_int_eq(umount2(fixture.root, MNT_DETACH), 0);
}
END_TEST

// 8 MB, of which a batch may have two thirds (mount_small).
START_TEST(a_batch_too_large_for_the_disk_waits_and_holds_up_no_other)
{
    static const char large[6000000];
    if (!mount_small())
        return;
    spool_fixture_start(&fixture);
    cleanup(free_ptr) char *folder = spool_fixture_path(&fixture, "incoming/large");
    cleanup(free_ptr) char *file = spool_fixture_path(&fixture, "incoming/large/a.mp4");
    ck_assert_int_eq(mkdir(folder, 0755), 0);
    spool_fixture_put(&fixture, "incoming/large/a.mp4", large, sizeof large);
    spool_fixture_put(&fixture, "incoming/large/.ready", "", 0);
    spool_fixture_await_notice(&fixture, "too little free space");
    assert_logged("large waits for room: ");
    assert_logged("1.5 times the largest batch (6.0 MB)");
    assert_waits("large", "1.5 times the largest batch (6.0 MB)");
    spool_fixture_put(&fixture, "incoming/trip.mp4", "x", 1);
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
    spool_fixture_await_name(&fixture, "incoming/large", true);
    ck_assert_int_eq(truncate(file, 100000), 0);
    json_decref(spool_fixture_await(&fixture, "large", "completed"));
    assert_logged("nothing waits for room any more");
    (void)spool_fixture_stop(&fixture, SIGTERM);
    ck_assert_int_eq(umount2(fixture.root, MNT_DETACH), 0);
}
END_TEST

static bool rests(struct spool_fixture *spool, void *context)
{
    cleanup(free_ptr) char *log = spool_fixture_log(spool);
    (void)context;
    return strstr(log, "no step runs until the configuration can be kept") != NULL;
}

START_TEST(a_start_on_a_full_disk_holds_and_goes_on_by_itself)
{
    if (!mount_small())
        return;
    cleanup(free_ptr) char *ballast = spool_fixture_path(&fixture, "ballast");
    spool_fixture_start(&fixture);
    ck_assert_int_eq(spool_fixture_stop(&fixture, SIGTERM), 0);
    // What the copy of the last run does not say has to be written.
    spool_fixture_set(&fixture, "slots = { cpu = 1; };");
    cleanup(free_ptr) char *folder = spool_fixture_path(&fixture, "incoming/trip");
    ck_assert_int_eq(mkdir(folder, 0755), 0);
    spool_fixture_put(&fixture, "incoming/trip/a.mp4", "x", 1);
    spool_fixture_put(&fixture, "incoming/trip/.ready", "", 0);
    fill(ballast, 0);
    spool_fixture_start(&fixture); // and it is READY
    spool_fixture_await_that(&fixture, "", rests, NULL);
    ck_assert_uint_eq(spool_fixture_count(&fixture, "outbox"), 0);
    ck_assert_int_eq(unlink(ballast), 0);
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
    assert_logged("the configuration is kept, going on");
    (void)spool_fixture_stop(&fixture, SIGTERM);
    ck_assert_int_eq(umount2(fixture.root, MNT_DETACH), 0);
}
END_TEST

static bool is_held(struct spool_fixture *spool, void *context)
{
    cleanup(free_ptr) char *log = spool_fixture_log(spool);
    (void)context;
    return strstr(log, "trying again in") != NULL;
}

START_TEST(a_disk_that_fills_up_while_a_batch_is_worked_on_loses_nothing)
{
    if (!mount_small())
        return;
    cleanup(free_ptr) char *gate = xasprintf("%s/gate", fixture.folder.path);
    cleanup(free_ptr) char *script = xasprintf("compress wait %s", gate);
    cleanup(free_ptr) char *ballast = spool_fixture_path(&fixture, "ballast");
    cleanup(free_ptr) char *partial = spool_fixture_path(&fixture, "incoming/.trip");
    cleanup(free_ptr) char *whole = spool_fixture_path(&fixture, "incoming/trip");
    ck_assert_int_eq(mkfifo(gate, 0600), 0);
    spool_fixture_start(&fixture);
    ck_assert_int_eq(mkdir(partial, 0755), 0);
    spool_fixture_put(&fixture, "incoming/.trip/a.mp4", "a.mp4", 5);
    spool_fixture_put(&fixture, "incoming/.trip/fake", script, strlen(script));
    spool_fixture_put(&fixture, "incoming/.trip/.ready", "", 0);
    ck_assert_int_eq(rename(partial, whole), 0);
    json_decref(spool_fixture_await(&fixture, "trip", "compressing"));
    fill(ballast, 0);
    cleanup(close_fd) int fd = open(gate, O_WRONLY | O_CLOEXEC);
    ck_assert_int_eq(unlink(gate), 0); // the next attempt need not wait
    close_fd(&fd);
    spool_fixture_await_that(&fixture, "work", is_held, NULL);
    ck_assert_int_eq(unlink(ballast), 0);
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
    (void)spool_fixture_stop(&fixture, SIGTERM);
    ck_assert_int_eq(umount2(fixture.root, MNT_DETACH), 0);
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, spool_story_open, spool_story_close);
    tcase_add_loop_test(tcase, a_bad_source_gets_its_error_and_the_good_one_its_reel, 0,
                        ARRAY_LEN(bad_sources));
    tcase_add_loop_test(tcase, a_bad_source_alone_fails_its_batch_with_the_same_word, 0,
                        ARRAY_LEN(bad_sources));
    tcase_add_loop_test(tcase, a_bad_batch_fails_at_once_and_says_why, 0, ARRAY_LEN(bad_batches));
    tcase_add_loop_test(tcase, odd_names_are_only_names, 0, ARRAY_LEN(odd_names));
    tcase_add_test(tcase, an_outbox_that_cannot_be_written_holds_the_reel_until_it_can);
    tcase_add_test(tcase, a_full_disk_holds_work_and_takes_nothing_new_until_there_is_space);
    tcase_add_test(tcase, a_batch_too_large_for_the_disk_waits_and_holds_up_no_other);
    tcase_add_test(tcase, a_start_on_a_full_disk_holds_and_goes_on_by_itself);
    tcase_add_test(tcase, a_disk_that_fills_up_while_a_batch_is_worked_on_loses_nothing);
}

int main(int argc, char **argv)
{
    return spool_story_main(argc, argv, "badinput", add_tests);
}
