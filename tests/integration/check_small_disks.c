// A disk too small for a batch, by blocks or by inodes, one at a time: whatever does not fit waits,
// nothing is torn or lost, and with more room the batch ends exactly once.
#include "tests/support/spool_story.h"

#include <sys/mount.h>
#include <sys/syscall.h>

static const struct {
    const char *name, *before, *behind; // the number, in options of tmpfs(5)
    int least, most, step;
} kinds[] = {
    { "blocks", "size=", "k", 24, 200, 8 },
    { "inodes", "size=8m,nr_inodes=", "", 14, 98, 4 },
};
enum { PATIENCE_MS = 400, CLEAN_RUNS = 4 };

static void set_up(void)
{
    spool_fixture_open_in_memory(&fixture);
    spool_fixture_fake(&fixture, "probe compress upload transcribe analyze plan preview render");
    spool_fixture_set(&fixture, "models = { cache_bytes = 0; };");
    ck_assert(mkdir(fixture.root, 0755) == 0 || errno == EEXIST);
}

static void tear_down(void)
{
    spool_fixture_close(&fixture);
}

static bool mount_small(const char *options)
{
    cleanup(free_ptr) char *incoming = spool_fixture_path(&fixture, "incoming");
    if (geteuid() != 0 || mount("tmpfs", fixture.root, "tmpfs", 0, options) < 0) {
        printf("SKIP: no file system of a small size can be mounted here\n");
        return false;
    }
    ck_assert_int_eq(mkdir(incoming, 0755), 0);
    return true;
}

// Returns false where not even what people drop fits.
static bool drop(void)
{
    static const char *const names[] = { "a.mp4", "b.mp4", ".ready" };
    cleanup(free_ptr) char *folder = spool_fixture_path(&fixture, "incoming/trip");
    bool fits = mkdir(folder, 0755) == 0;
    for (size_t i = 0; fits && i < ARRAY_LEN(names); i++) {
        cleanup(free_ptr) char *path = xasprintf("%s/%s", folder, names[i]);
        cleanup(close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        fits = fd >= 0 && write(fd, names[i], strlen(names[i])) == (ssize_t)strlen(names[i]);
    }
    return fits;
}

// Lets it come as far as it gets.
static void run_cramped(void)
{
    cleanup(close_fd) int fd = (int)syscall(SYS_pidfd_open, fixture.daemon, 0);
    struct pollfd end = { .fd = fd, .events = POLLIN };
    (void)poll(&end, 1, PATIENCE_MS);
    (void)spool_fixture_stop(&fixture, SIGKILL);
}

// Whatever is under the name is whole.
static void assert_status_whole(const char *options)
{
    cleanup(free_ptr) char *text = folder_get(&fixture.folder, "spool/outbox/trip/status.json");
    json_t *json = text ? json_loads(text, 0, NULL) : NULL;
    ck_assert_msg(!text || json, "%s: status.json is torn:\n%s", options, text);
    json_decref(json);
}

// Returns whether the batch was through before there was more room.
static bool hold(const char *options)
{
    if (!mount_small(options))
        return true;
    bool fits = drop(), was_through = false;
    if (fits) {
        begin_once();
        run_cramped();
        assert_status_whole(options);
        was_through = is_trip_through();
        ck_assert_int_eq(
            mount("tmpfs", fixture.root, "tmpfs", MS_REMOUNT, "size=8m,nr_inodes=4096"), 0);
        for (int run = 0; run < CLEAN_RUNS && !is_trip_through(); run++) {
            if (spool_fixture_count(&fixture, "failed") > 0)
                wish("trip", "retry");
            begin_once();
            (void)spool_fixture_wait(&fixture);
        }
        assert_trip_once(options);
    }
    ck_assert_int_eq(umount2(fixture.root, MNT_DETACH), 0);
    return was_through;
}

START_TEST(what_does_not_fit_waits_for_room_and_is_done_once)
{
    int cramped = 0;
    for (int size = kinds[_i].least; size <= kinds[_i].most; size += kinds[_i].step) {
        cleanup(free_ptr) char *options =
            xasprintf("%s%d%s", kinds[_i].before, size, kinds[_i].behind);
        cramped += !hold(options);
    }
    printf("%s: %d sizes were too small, 0 violations\n", kinds[_i].name, cramped);
    (void)fflush(stdout);
    ck_assert(geteuid() != 0 || cramped > 0);
}
END_TEST

// ---- a disk that is full

static void fill(const char *path)
{
    static const char block[1 << 16];
    cleanup(close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    ck_assert_int_ge(fd, 0);
    for (size_t size = sizeof block; size > 0; size /= 2)
        while (write(fd, block, size) == (ssize_t)size)
            continue;
}

static bool says_why(struct spool_fixture *spool, void *context)
{
    json_t *status = spool_fixture_status(spool, "trip");
    (void)context;
    bool does = strstr(text_of(status, "waiting_for"), "No space left on device") != NULL;
    json_decref(status);
    return does;
}

static bool has_reader(struct spool_fixture *spool, void *context)
{
    int *fd = context;
    cleanup(free_ptr) char *gate = xasprintf("%s/gate", spool->folder.path);
    *fd = open(gate, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    return *fd >= 0;
}

START_TEST(on_a_full_disk_people_are_told_why_nothing_goes_on)
{
    cleanup(free_ptr) char *gate = outside("gate");
    cleanup(free_ptr) char *script = xasprintf("compress wait %s\n", gate);
    cleanup(free_ptr) char *folder = spool_fixture_path(&fixture, "incoming/trip");
    cleanup(free_ptr) char *ballast = spool_fixture_path(&fixture, "ballast");
    int fd = -1;
    if (!mount_small("size=450m"))
        return;
    ck_assert_int_eq(mkfifo(gate, 0600), 0);
    spool_fixture_start(&fixture);
    spool_fixture_await_name(&fixture, "work/.reserve", true);
    ck_assert_int_eq(mkdir(folder, 0755), 0);
    spool_fixture_put(&fixture, "incoming/trip/fake", script, strlen(script));
    spool_fixture_put(&fixture, "incoming/trip/a.mp4", "a.mp4", 5);
    spool_fixture_put(&fixture, "incoming/trip/.ready", "", 0);
    spool_fixture_await_that(&fixture, "work", has_reader, &fd);
    fill(ballast);
    close_fd(&fd);
    spool_fixture_await_that(&fixture, "outbox", says_why, NULL);
    ck_assert_int_eq(unlink(ballast) | unlink(gate), 0);
    ck_assert_int_eq(mkfifo(gate, 0600), 0);
    spool_fixture_await_that(&fixture, "work", has_reader, &fd);
    close_fd(&fd);
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
    spool_fixture_await_name(&fixture, "work/.reserve", true);
    (void)spool_fixture_stop(&fixture, SIGTERM);
    ck_assert_int_eq(umount2(fixture.root, MNT_DETACH), 0);
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, what_does_not_fit_waits_for_room_and_is_done_once, 0,
                        ARRAY_LEN(kinds));
    tcase_add_test(tcase, on_a_full_disk_people_are_told_why_nothing_goes_on);
}

int main(int argc, char **argv)
{
    return spool_story_main(argc, argv, "small_disks", add_tests);
}
