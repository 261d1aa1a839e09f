// The log: one line on stderr, the journal with fields where stderr is its stream, and a catalog
// that knows every event.
#include "base/fs.h"
#include "base/log.h"
#include "tests/support/folder.h"
#include <check.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static struct folder folder;
static int saved = -1;

static void set_up(void)
{
    folder_make(&folder);
    (void)unsetenv("JOURNAL_STREAM");
    saved = dup(STDERR_FILENO);
    cleanup(close_fd) int fd = openat(folder.fd, "stderr", O_RDWR | O_CREAT | O_APPEND, 0600);
    ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
}

static void tear_down(void)
{
    (void)dup2(saved, STDERR_FILENO);
    close_fd(&saved);
    folder_remove(&folder);
}

static void assert_said(const char *expected)
{
    cleanup(free_ptr) char *said = folder_get(&folder, "stderr");
    ck_assert_str_eq(said, expected);
}

static const struct {
    struct log_about about;
    const char *line;
} abouts[] = {
    { { NULL, NULL, NULL, 0 }, "clipspoold: taken\n" },
    { { "trip", NULL, "2", 3 }, "clipspoold: [trip] taken\n" },
    { { "trip", "compress", NULL, 0 }, "clipspoold: [trip compress] taken\n" },
    { { NULL, "compress", NULL, 0 }, "clipspoold: [compress] taken\n" },
    { { "", "", "", 0 }, "clipspoold: taken\n" },
};

START_TEST(a_line_names_program_batch_and_stage)
{
    log_open("clipspoold", LOG_DEBUG);
    log_line(LOG_NOTICE, LOG_EVENT_BATCH_TAKEN, &abouts[_i].about, "%s", "taken");
    assert_said(abouts[_i].line);
}
END_TEST

START_TEST(nothing_below_the_lowest_level_is_said)
{
    log_open("p", LOG_NOTICE);
    log_debug(NULL, "a");
    log_info(NULL, "b");
    log_notice(NULL, "c");
    log_warning(NULL, "d");
    log_error(NULL, "e");
    assert_said("p: c\np: d\np: e\n");
}
END_TEST

START_TEST(a_message_stays_one_line_of_bounded_length)
{
    cleanup(free_ptr) char *large = xcalloc(100001, 1);
    memset(large, 'x', 100000);
    log_open("p", LOG_DEBUG);
    log_info(NULL, "a\nb\x1b[2J\tc\x7f");
    assert_said("p: a b [2J c \n");
    log_info(NULL, "%s", large);
    cleanup(free_ptr) char *said = folder_get(&folder, "stderr");
    ck_assert_uint_lt(strlen(said), 5000);
}
END_TEST

// A stream that was ours before stderr was redirected must not send the line to the journal.
static const char *const streams[] = { "1:1", "", "nonsense", "0:0" };

START_TEST(the_journal_is_used_only_if_stderr_is_its_stream)
{
    ck_assert_int_eq(setenv("JOURNAL_STREAM", streams[_i], 1), 0);
    log_open("p", LOG_DEBUG);
    log_info(NULL, "here");
    assert_said("p: here\n");
}
END_TEST

// Gives a socket in the place of journald's, seen by this process only; -1 where that is not
// allowed.
static int be_the_journal(void)
{
    const struct sockaddr_un address = { .sun_family = AF_UNIX,
                                         .sun_path = "/run/systemd/journal/socket" };
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", "", MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", "/run", "tmpfs", 0, "size=64k") != 0)
        return -1;
    ck_assert_int_eq(mkdir("/run/systemd", 0755), 0);
    ck_assert_int_eq(mkdir("/run/systemd/journal", 0755), 0);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

START_TEST(the_journal_gets_every_field_and_stderr_nothing)
{
    struct stat st;
    cleanup(close_fd) int journal = be_the_journal();
    if (journal < 0) {
        puts("SKIP mounting is not allowed here");
        return;
    }
    ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
    cleanup(free_ptr) char *stream =
        xasprintf("%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    ck_assert_int_eq(setenv("JOURNAL_STREAM", stream, 1), 0);
    log_open("clipspoold", LOG_DEBUG);
    const struct log_about about = { "trip", "compress", "2", 3 };
    log_line(LOG_WARNING, LOG_EVENT_STEP_RETRY, &about, "%s failed", "it");
    char entry[2048] = "";
    ck_assert_int_gt(recv(journal, entry, sizeof entry - 1, 0), 0);
    cleanup(free_ptr) char *expected =
        xasprintf("MESSAGE=it failed\nPRIORITY=4\nSYSLOG_IDENTIFIER=clipspoold\nMESSAGE_ID=%s\n"
                  "CLIPSPOOL_BATCH=trip\nCLIPSPOOL_STAGE=compress\nCLIPSPOOL_SOURCE=2\n"
                  "CLIPSPOOL_ATTEMPT=3\n",
                  log_event_id(LOG_EVENT_STEP_RETRY));
    ck_assert_str_eq(entry, expected);
    memset(entry, 0, sizeof entry);
    log_info(NULL, "plain");
    ck_assert_int_gt(recv(journal, entry, sizeof entry - 1, 0), 0);
    ck_assert_str_eq(entry, "MESSAGE=plain\nPRIORITY=6\nSYSLOG_IDENTIFIER=clipspoold\n");
    assert_said("");
}
END_TEST

// ---- events

START_TEST(every_event_has_an_id_of_its_own)
{
    ck_assert_ptr_null(log_event_id(LOG_EVENT_NONE));
    ck_assert_ptr_null(log_event_id(LOG_EVENT_COUNT));
    for (int event = LOG_EVENT_NONE + 1; event < LOG_EVENT_COUNT; event++) {
        const char *id = log_event_id((enum log_event)event);
        ck_assert_msg(id && strlen(id) == 32 && strspn(id, "0123456789abcdef") == 32, "%d", event);
        for (int other = LOG_EVENT_NONE + 1; other < event; other++)
            ck_assert_str_ne(id, log_event_id((enum log_event)other));
    }
}
END_TEST

static char *read_catalog(void)
{
    char *text = NULL;
    size_t size;
    struct err err = ERR_INIT;
    cleanup(close_fd) int dir = open("systemd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_msg(dir >= 0, "tests run in the root of the tree");
    ck_assert_msg(fs_read(dir, "clipspool.catalog", 1 << 20, &text, &size, &err) == 0, "%s",
                  err.text);
    return text;
}

START_TEST(every_event_is_in_the_catalog_and_nothing_else_is)
{
    cleanup(free_ptr) char *catalog = read_catalog();
    int entries = 0;
    for (const char *at = catalog; (at = strstr(at, "\n-- ")); at++)
        entries++;
    ck_assert_int_eq(entries, LOG_EVENT_COUNT - 1);
    for (int event = LOG_EVENT_NONE + 1; event < LOG_EVENT_COUNT; event++) {
        cleanup(free_ptr) char *head =
            xasprintf("\n-- %s\nSubject: ", log_event_id((enum log_event)event));
        const char *entry = strstr(catalog, head);
        ck_assert_msg(entry, "event %d has no entry", event);
        const char *next = strstr(entry + 4, "\n-- ");
        size_t length = next ? (size_t)(next - entry) : strlen(entry);
        cleanup(free_ptr) char *text = xstrndup(entry, length);
        ck_assert_ptr_nonnull(strstr(text, "\nDefined-By: clipspool\n"));
        ck_assert_ptr_nonnull(strstr(text, "\nDocumentation: man:clipspoold(8)\n\n"));
        // An explanation that explains.
        ck_assert_uint_gt(length, 300);
    }
}
END_TEST

START_TEST(the_catalog_refers_only_to_fields_that_are_sent)
{
    static const char *const fields[] = { "@CLIPSPOOL_BATCH@", "@CLIPSPOOL_STAGE@",
                                          "@CLIPSPOOL_SOURCE@", "@CLIPSPOOL_ATTEMPT@" };
    cleanup(free_ptr) char *catalog = read_catalog();
    for (const char *at = catalog; (at = strchr(at, '@'));) {
        size_t length = 0;
        for (size_t i = 0; i < ARRAY_LEN(fields); i++)
            if (strncmp(at, fields[i], strlen(fields[i])) == 0)
                length = strlen(fields[i]);
        ck_assert_msg(length > 0, "%.40s", at);
        at += length;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *lines = tcase_create("lines"), *events = tcase_create("events");
    tcase_add_checked_fixture(lines, set_up, tear_down);
    tcase_add_loop_test(lines, a_line_names_program_batch_and_stage, 0, (int)ARRAY_LEN(abouts));
    tcase_add_test(lines, nothing_below_the_lowest_level_is_said);
    tcase_add_test(lines, a_message_stays_one_line_of_bounded_length);
    tcase_add_loop_test(lines, the_journal_is_used_only_if_stderr_is_its_stream, 0,
                        (int)ARRAY_LEN(streams));
    tcase_add_test(lines, the_journal_gets_every_field_and_stderr_nothing);
    tcase_add_test(events, every_event_has_an_id_of_its_own);
    tcase_add_test(events, every_event_is_in_the_catalog_and_nothing_else_is);
    tcase_add_test(events, the_catalog_refers_only_to_fields_that_are_sent);
    suite_add_tcase(suite, lines);
    suite_add_tcase(suite, events);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
