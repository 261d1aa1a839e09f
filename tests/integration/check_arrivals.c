// The ways in which videos really arrive, all at once (tests/support/writers): whoever finished is
// taken whole, whoever did not is not taken for one who did.  CLIPSPOOL_ARRIVALS is how many rounds
// (1); ten are for those who change what is in src/spool/incoming.c.
#include "tests/support/share.h"
#include "tests/support/spool_story.h"

// Long enough for a writer on a busy machine to come to its next step, and the pauses longer still.
#define SETTLE "0.6"
#define PAUSE "1.2"

static const char program[] = "tests/support/writers";

struct arrival {
    char *way, *outcome, *batch;
};
enum { MAX_WAYS = 200, SIZE = 300000 };
static struct arrival arrivals[MAX_WAYS];
static size_t count;
static char *original, *contents;

// An MP4 as far as its lengths go, with no zero in what it holds.
static void make_video(void)
{
    static const unsigned char head[] = { 0,   0,   0, 16, 'f', 't', 'y', 'p', 'i', 's', 'o',
                                          'm', 0,   0, 0,  0,   0,   0,   0,   8,   'm', 'o',
                                          'o', 'v', 0, 0,  0,   0,   'm', 'd', 'a', 't' };
    uint32_t chance = 1, left = SIZE - 24;
    contents = xcalloc(SIZE + 1, 1);
    for (size_t i = 0; i < SIZE; i++) {
        chance = chance * 1664525 + 1013904223;
        contents[i] = (char)(chance >> 24 | 1);
    }
    memcpy(contents, head, sizeof head);
    for (int i = 0; i < 4; i++)
        contents[24 + i] = (char)(left >> (24 - 8 * i));
    ck_assert_int_eq(mkdirat(fixture.folder.fd, "home", 0755), 0);
    original = outside("home/clip.mp4");
    cleanup(close_fd) int fd = open(original, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    ck_assert_int_eq(write(fd, contents, SIZE), SIZE);
}

static void list_ways(int round)
{
    cleanup(free_ptr) char *listed = NULL;
    ck_assert_int_eq(PROGRAM_RUN(&listed, program, "--list"), 0);
    count = 0;
    for (char *rest = listed, *line; (line = strsep(&rest, "\n")) && *line;) {
        char *outcome = strchr(line, ' ');
        ck_assert(outcome != NULL && count < MAX_WAYS);
        *outcome++ = '\0';
        arrivals[count++] =
            (struct arrival){ xstrdup(line), xstrdup(outcome), xasprintf("%s-%d", line, round) };
    }
}

static void forget_ways(void)
{
    for (size_t i = 0; i < count; i++) {
        free(arrivals[i].way);
        free(arrivals[i].outcome);
        free(arrivals[i].batch);
    }
}

static bool is_over(struct spool_fixture *spool, void *context)
{
    (void)spool, (void)context;
    cleanup(free_ptr) char *status = folder_get(&fixture.folder, "over");
    return status != NULL && strchr(status, '\n') != NULL;
}

// Runs it aside, while what the daemon has to say is listened to, as who starts it does.
static void run_aside(const char *command)
{
    cleanup(free_ptr) char *aside = xasprintf("(%s\necho $? > %s/over) > %s/said 2>&1 &", command,
                                              fixture.folder.path, fixture.folder.path);
    ck_assert_int_eq(PROGRAM_RUN(NULL, "sh", "-c", aside), 0);
    spool_fixture_await_that(&fixture, "incoming", is_over, NULL);
    cleanup(free_ptr) char *status = folder_get(&fixture.folder, "over");
    cleanup(free_ptr) char *said = folder_get(&fixture.folder, "said");
    ck_assert_msg(strcmp(status, "0\n") == 0, "%s", said);
    ck_assert_int_eq(unlinkat(fixture.folder.fd, "over", 0), 0);
}

// All of them, some at a time: each is busy or waits for its own reasons.
static void let_them_come(void)
{
    cleanup(free_ptr) char *incoming = spool_fixture_path(&fixture, "incoming");
    char *command = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&command, &size);
    fprintf(out, "xargs -P 16 -L 1 %s << 'END'\n", program);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%s %s %s %s " PAUSE "\n", arrivals[i].way, original, incoming,
                arrivals[i].batch);
    fputs("END", out);
    (void)fclose(out);
    run_aside(command);
    free(command);
}

static void expect_whole(const struct arrival *arrival)
{
    struct stat st;
    cleanup(free_ptr) char *whole = xasprintf("archive/%s/clip.mp4", arrival->batch);
    cleanup(free_ptr) char *loose = xasprintf("archive/%s/%s.mp4", arrival->batch, arrival->batch);
    cleanup(free_ptr) char *archived = xasprintf("archive/%s", arrival->batch);
    json_decref(spool_fixture_await(&fixture, arrival->batch, "completed"));
    spool_fixture_await_name(&fixture, archived, true);
    cleanup(free_ptr) char *first = spool_fixture_path(&fixture, whole);
    cleanup(free_ptr) char *second = spool_fixture_path(&fixture, loose);
    const char *path = stat(first, &st) == 0 ? first : second;
    cleanup(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    cleanup(free_ptr) char *bytes = xcalloc(SIZE + 1, 1);
    ck_assert_msg(fd >= 0 && fstat(fd, &st) == 0, "%s: nothing is in the archive", arrival->way);
    ck_assert_msg(st.st_size == SIZE, "%s: %jd bytes were taken", arrival->way,
                  (intmax_t)st.st_size);
    ck_assert_int_eq(read(fd, bytes, SIZE), SIZE);
    ck_assert_msg(memcmp(bytes, contents, SIZE) == 0, "%s: other bytes were taken", arrival->way);
}

static void expect_refused(const struct arrival *arrival)
{
    json_t *status = spool_fixture_await(&fixture, arrival->batch, "failed");
    const char *code = text_of(json_object_get(status, "error"), "code");
    ck_assert_msg(strcmp(code, arrival->outcome) == 0, "%s: %s", arrival->way, code);
    json_decref(status);
}

static bool is_complained_of(struct spool_fixture *spool, void *context)
{
    const struct arrival *arrival = context;
    cleanup(free_ptr) char *log = spool_fixture_log(spool);
    cleanup(free_ptr) char *words =
        xasprintf("waiting in incoming: %s: clip.mp4 is ", arrival->batch);
    return strstr(log, words) != NULL;
}

static void expect_untaken(struct arrival *arrival)
{
    cleanup(free_ptr) char *there = xasprintf("incoming/%s", arrival->batch);
    cleanup(free_ptr) char *path = spool_fixture_path(&fixture, there);
    if (strcmp(arrival->outcome, "cut") == 0)
        spool_fixture_await_that(&fixture, "incoming", is_complained_of, arrival);
    json_t *status = spool_fixture_status(&fixture, arrival->batch);
    ck_assert_msg(status == NULL && access(path, F_OK) == 0, "%s: was taken", arrival->way);
}

static void expect(struct arrival *arrival)
{
    if (strcmp(arrival->outcome, "whole") == 0)
        expect_whole(arrival);
    else if (strcmp(arrival->outcome, "cut") == 0 || strcmp(arrival->outcome, "held") == 0)
        expect_untaken(arrival);
    else
        expect_refused(arrival);
}

START_TEST(whoever_finished_is_taken_whole_and_whoever_did_not_is_not)
{
    const char *wanted = getenv("CLIPSPOOL_ARRIVALS");
    int rounds = wanted ? atoi(wanted) : 1;
    struct share share;
    bool shared = geteuid() == 0;
    spool_fixture_set(&fixture, "intake = { settle_seconds = " SETTLE "; scan_seconds = 0.5; };");
    make_video();
    if (shared) {
        share_open(&share, &fixture);
        ck_assert_int_eq(setenv("CLIPSPOOL_SMB_PORT", share.port, 1), 0);
        ck_assert_int_eq(setenv("CLIPSPOOL_SMB_SERVICE", share.service, 1), 0);
    }
    spool_fixture_start(&fixture);
    for (int round = 0; round < rounds; round++) {
        list_ways(round);
        ck_assert_uint_ge(count, 40);
        let_them_come();
        for (size_t i = 0; i < count; i++)
            expect(&arrivals[i]);
        printf("%zu writers, each is where it belongs\n", count);
        forget_ways();
    }
    if (shared)
        share_close(&share);
    free(original);
    free(contents);
}
END_TEST

// ---- many at once

enum { MANY = 500, SOME = 100, FILES = 3 };

static int folders; // MANY where rounds are asked for

static const struct {
    const char *what, *command; // from home/, where folders of 3 files are
} floods[] = {
    { "tar", "tar -c . | tar -C '%s' -x" },
    { "cp", "cp -r . '%s'" },
    { "mv", "mv * '%s'" },
};

static void make_folders(void)
{
    ck_assert_int_eq(mkdirat(fixture.folder.fd, "home", 0755), 0);
    for (int i = 0; i < folders; i++) {
        cleanup(free_ptr) char *folder = xasprintf("home/trip%d", i);
        ck_assert_int_eq(mkdirat(fixture.folder.fd, folder, 0755), 0);
        for (int k = 0; k < FILES; k++) {
            cleanup(free_ptr) char *file = xasprintf("%s/%d.mp4", folder, k);
            folder_put(&fixture.folder, file, "a video");
        }
    }
}

static void expect_folders(void)
{
    cleanup(free_ptr) char *work = spool_fixture_path(&fixture, "failed");
    cleanup(free_ptr) char *command =
        xasprintf("for d in %s/*/in; do test \"$(cat $d/0.mp4 $d/1.mp4 $d/2.mp4)\" = "
                  "'a videoa videoa video' || echo \"$d\"; done",
                  work);
    cleanup(free_ptr) char *said = NULL;
    ck_assert_int_eq(PROGRAM_RUN(&said, "sh", "-c", command), 0);
    ck_assert_msg(*said == '\0', "not whole: %s", said);
}

// What is taken is not worked on.
static void let_fetch_fail(void)
{
    spool_fixture_fake(&fixture, "fetch");
    cleanup(free_ptr) char *fetch = xasprintf("%s/fetch", fixture.programs);
    ck_assert_int_eq(unlink(fetch), 0);
    ck_assert_int_eq(symlink("/bin/false", fetch), 0);
}

START_TEST(hundreds_of_folders_at_once_are_all_taken_whole)
{
    cleanup(free_ptr) char *incoming = spool_fixture_path(&fixture, "incoming");
    cleanup(free_ptr) char *home = outside("home");
    cleanup(free_ptr) char *way = NULL;
    fixture.patience = 300;
    spool_fixture_set(&fixture, "intake = { settle_seconds = " SETTLE "; scan_seconds = 0.5; };");
    folders = getenv("CLIPSPOOL_ARRIVALS") ? MANY : SOME;
    make_folders();
    let_fetch_fail();
    spool_fixture_start(&fixture);
    cleanup(free_ptr) char *where = xasprintf("cd '%s' && %s", home, floods[_i].command);
    char *at = strstr(where, "%s");
    way = xasprintf("%.*s%s%s", (int)(at - where), where, incoming, at + 2);
    run_aside(way);
    spool_fixture_await_count(&fixture, "failed", (size_t)folders);
    expect_folders();
    ck_assert_uint_eq(spool_fixture_count(&fixture, "incoming"), 0);
}
END_TEST

// ---- more than the kernel queues events for

enum { SEEN = 40, NOTES = 500, LOST = 20 };

static void make_in_incoming(const char *kind, int number)
{
    cleanup(free_ptr) char *inner = xasprintf("incoming/%s%d", kind, number);
    cleanup(free_ptr) char *path = spool_fixture_path(&fixture, inner);
    cleanup(free_ptr) char *video = xasprintf("%s/a.mp4", inner);
    ck_assert_int_eq(mkdir(path, 0755), 0);
    spool_fixture_put(&fixture, video, "a video", 7);
}

static void write_notes(int number)
{
    for (int i = 0; i < NOTES; i++) {
        cleanup(free_ptr) char *note = xasprintf("incoming/seen%d/%d.txt", number, i);
        spool_fixture_put(&fixture, note, "x", 1);
    }
}

static void make_ready(const char *kind, int number)
{
    cleanup(free_ptr) char *ready = xasprintf("incoming/%s%d/.ready", kind, number);
    spool_fixture_put(&fixture, ready, "", 0);
}

static bool queue_is_longer(long events)
{
    FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
    long most = 0;
    ck_assert(file != NULL && fscanf(file, "%ld", &most) == 1);
    (void)fclose(file);
    return most >= events;
}

static void expect_notes(size_t folders_taken)
{
    cleanup(free_ptr) char *failed = spool_fixture_path(&fixture, "failed");
    cleanup(free_ptr) char *said = NULL;
    cleanup(free_ptr) char *command = xasprintf("find %s -name '*.txt' -size 1c | wc -l", failed);
    spool_fixture_await_count(&fixture, "failed", folders_taken);
    ck_assert_int_eq(PROGRAM_RUN(&said, "sh", "-c", command), 0);
    ck_assert_int_eq(atoi(said), SEEN * NOTES);
    ck_assert_uint_eq(spool_fixture_count(&fixture, "incoming"), 0);
}

// Nothing settles and nothing is looked at by the clock here: only events bring a look, and those
// of the folders that came last are lost.
START_TEST(twenty_thousand_files_of_which_the_kernel_forgot_to_tell_are_taken_whole)
{
    fixture.patience = 200;
    spool_fixture_set(&fixture, "intake = { settle_seconds = 600; scan_seconds = 600; };");
    let_fetch_fail();
    spool_fixture_start(&fixture);
    for (int i = 0; i < SEEN; i++)
        make_in_incoming("seen", i);
    spool_fixture_drop(&fixture, "first", "a.mp4", NULL);
    spool_fixture_await_count(&fixture, "failed", 1); // so each of those before is watched
    ck_assert_int_eq(kill(fixture.daemon, SIGSTOP), 0);
    for (int i = 0; i < SEEN; i++)
        write_notes(i);
    for (int i = 0; i < LOST; i++)
        make_in_incoming("lost", i);
    if (queue_is_longer(2L * SEEN * NOTES))
        printf("SKIP: this kernel queues more events than 20,000 files make\n");
    ck_assert_int_eq(kill(fixture.daemon, SIGCONT), 0);
    spool_fixture_drop(&fixture, "second", "a.mp4", NULL);
    spool_fixture_await_count(&fixture, "failed", 2);
    for (int i = 0; i < LOST; i++)
        make_ready("lost", i);
    spool_fixture_await_count(&fixture, "failed", 2 + LOST);
    for (int i = 0; i < SEEN; i++)
        make_ready("seen", i);
    expect_notes(2 + LOST + SEEN);
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_set_timeout(tcase, 600);
    tcase_add_checked_fixture(tcase, spool_story_open, spool_story_close);
    tcase_add_test(tcase, whoever_finished_is_taken_whole_and_whoever_did_not_is_not);
    tcase_add_loop_test(tcase, hundreds_of_folders_at_once_are_all_taken_whole, 0,
                        (int)ARRAY_LEN(floods));
    tcase_add_test(tcase, twenty_thousand_files_of_which_the_kernel_forgot_to_tell_are_taken_whole);
}

int main(int argc, char **argv)
{
    return spool_story_main(argc, argv, "arrivals", add_tests);
}
