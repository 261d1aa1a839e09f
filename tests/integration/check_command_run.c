// clipspool run.
#include "tests/support/cli_fixture.h"
#include "tests/support/httpd.h"
#include "tests/support/media.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

static void assert_nothing_left(void)
{
    char *names = folder_names(&cli_fixture.folder, ".");
    ck_assert_msg(!strstr(names, ".clipspool-"), "left: %s", names);
    free(names);
}

START_TEST(test_run_makes_a_folder_with_the_reel_and_names_it_last)
{
    struct spoken spoken;
    folder_put(&cli_fixture.folder, "b.mp4", "bbb");
    folder_put(&cli_fixture.folder, "a.mp4", "aaa");
    for (int i = 1; i <= 2; i++) {
        CLI_SAY(&spoken, "run", "b.mp4", "a.mp4", "-o", "out");
        ck_assert_msg(spoken.status == 0, "%s", spoken.err);
        ck_assert_str_eq(spoken.out,
                         i == 1 ? "out/b-reel/final.mp4\n" : "out/b-reel-2/final.mp4\n");
        spoken_release(&spoken);
    }
    char *reel = folder_get(&cli_fixture.folder, "out/b-reel/final.mp4");
    char *status = folder_get(&cli_fixture.folder, "out/b-reel/status.json");
    char *out = cli_names_in("out"), *source = folder_get(&cli_fixture.folder, "a.mp4");
    ck_assert_str_eq(reel, FAKE_REEL);
    ck_assert_str_eq(source, "aaa");
    ck_assert_str_eq(out, "b-reel b-reel-2");
    // The order given is the order taken.
    const char *first = strstr(status, "b.mp4\""), *second = strstr(status, "a.mp4\"");
    ck_assert(first && second && first < second);
    ck_assert(cli_there("out/b-reel/batch.log"));
    assert_nothing_left();
    free(reel), free(status), free(out), free(source);
}
END_TEST

START_TEST(test_exact_is_said_to_the_workers)
{
    folder_put(&cli_fixture.folder, "a.mp4", "aaa");
    folder_put(&cli_fixture.folder, "job.conf", "exact = false;\n");
    for (int exact = 0; exact < 2; exact++) {
        struct spoken spoken;
        CLI_SAY(&spoken, "run", "a.mp4", "-c", "job.conf", "--keep", exact ? "--exact" : NULL);
        ck_assert_msg(spoken.status == 0, "%s", spoken.err);
        char *at = strstr(spoken.err, "working folder: ");
        ck_assert_ptr_nonnull(at);
        at += strlen("working folder: ");
        at[strcspn(at, "\n")] = 0;
        cleanup(free_ptr) char *path = xasprintf("%s/clipspool.conf", at);
        cleanup(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
        cleanup(free_ptr) char *text = xcalloc(1 << 16, 1);
        ck_assert_int_gt(read(fd, text, (1 << 16) - 1), 0);
        ck_assert_msg(!strstr(text, "exact = true") == !exact, "%s", text);
        spoken_release(&spoken);
    }
}
END_TEST

static const struct {
    const char *query, *said;
} hooks[] = {
    { "", "delivered\n" },
    { "status=500", "not delivered: http://127.0.0.1:" },
    { "status=410", "it wants to be told no more\n" },
};

START_TEST(test_run_says_what_became_of_the_webhook_and_waits_for_no_hours)
{
    struct spoken spoken;
    struct httpd server;
    httpd_start(&server, NULL);
    cleanup(free_ptr) char *link =
        httpd_link(&server, "/h?hook=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=&%s",
                   hooks[_i].query);
    cleanup(free_ptr) char *job = xasprintf("webhook = \"%s\";\n", link);
    cleanup(free_ptr) char *settings =
        xasprintf("webhook = { credential = \"%s/secret\"; allow_networks = \"127.0.0.1\"; "
                  "wait_seconds = \"0.05 300\"; };",
                  cli_fixture.folder.path);
    spool_fixture_set(&cli_fixture, settings);
    spool_fixture_write_config(&cli_fixture);
    folder_put(&cli_fixture.folder, "secret", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
    ck_assert_int_eq(fchmodat(cli_fixture.folder.fd, "secret", 0600, 0), 0);
    folder_put(&cli_fixture.folder, "a.mp4", "aaa");
    folder_put(&cli_fixture.folder, "job.conf", job);
    CLI_SAY(&spoken, "run", "a.mp4", "-c", "job.conf");
    ck_assert_msg(spoken.status == 0, "%s", spoken.err);
    ck_assert_str_eq(spoken.out, "a-reel/final.mp4\n");
    cli_assert_holds(spoken.err, "webhook  http://127.0.0.1:");
    cli_assert_holds(spoken.err, hooks[_i].said);
    (void)httpd_accepted(&server);
    ck_assert_uint_eq(httpd_count(&server, "hook "), _i == 1 ? 2 : 1);
    ck_assert_ptr_nonnull(strstr(server.log, "signature=good"));
    spoken_release(&spoken);
    httpd_stop(&server);
    assert_nothing_left();
}
END_TEST

START_TEST(test_run_takes_videos_of_any_name)
{
    struct spoken spoken;
    const char *name = "-x \"\n\x1b\xff\xf0\x9f\x8f\x96'.MOV";
    folder_put(&cli_fixture.folder, name, "aaa");
    CLI_SAY(&spoken, "run", "--", name);
    ck_assert_msg(spoken.status == 0, "%s", spoken.err);
    ck_assert_str_eq(spoken.out, "-x \"\n\x1b\xff\xf0\x9f\x8f\x96'-reel/final.mp4\n");
    cli_assert_printable(spoken.err);
    spoken_release(&spoken);
    assert_nothing_left();
}
END_TEST

START_TEST(test_run_tells_why_there_is_no_reel)
{
    struct spoken spoken;
    spool_fixture_fake(&cli_fixture, "compress analyze plan preview render");
    spool_fixture_write_config(&cli_fixture);
    folder_put(&cli_fixture.folder, "a.mp4", "this is no video");
    CLI_SAY(&spoken, "run", "a.mp4");
    ck_assert_int_eq(spoken.status, 1);
    ck_assert_str_eq(spoken.out, "");
    cli_assert_holds(spoken.err, "no reel could be made");
    cli_assert_holds(spoken.err, "a.mp4:\n");
    ck_assert(!cli_there("a-reel"));
    spoken_release(&spoken);
    assert_nothing_left();
}
END_TEST

// The real stages, for once: one bad video must not spoil a reel anywhere on its way.
START_TEST(test_a_bad_video_among_good_ones_is_told_and_the_reel_made)
{
    struct spoken spoken;
    char *good = xasprintf("%s/good.mp4", cli_fixture.folder.path);
    ck_assert_int_eq(symlink(MEDIA_CLIP(.name = "cli-good.mp4", .seconds = 5), good), 0);
    folder_put(&cli_fixture.folder, "bad.mp4", "this is no video");
    SPOKEN_RUN(&spoken, cli_fixture.folder.path, cli_program, "run", "bad.mp4", "good.mp4");
    ck_assert_msg(spoken.status == 0, "%s", spoken.err);
    ck_assert_str_eq(spoken.out, "bad-reel/final.mp4\n");
    cli_assert_holds(spoken.err, "bad.mp4:\n  the contents are not those of a video file\n");
    cli_assert_holds(spoken.err, "The reel is made without these.");
    ck_assert(cli_there("bad-reel/final.mp4"));
    ck_assert(cli_there("bad-reel/cover.jpg"));
    spoken_release(&spoken);
    free(good);
}
END_TEST

START_TEST(test_run_tells_what_the_workers_said_when_they_cannot_work)
{
    struct spoken spoken;
    folder_put(&cli_fixture.folder, "a.mp4", "aaa");
    folder_put(&cli_fixture.folder, "file", "not a folder");
    CLI_SAY(&spoken, "run", "a.mp4", "-o", "file");
    ck_assert_int_ne(spoken.status, 0);
    cli_assert_holds(spoken.err, "file");
    spoken_release(&spoken);
    folder_put(&cli_fixture.folder, "bad.conf", "spool = { root = 7; };");
    SPOKEN_RUN(&spoken, cli_fixture.folder.path, cli_program, "run", "a.mp4", "-C", "bad.conf");
    ck_assert_int_eq(spoken.status, 78);
    cli_assert_holds(spoken.err, "bad.conf:1");
    spoken_release(&spoken);
    assert_nothing_left();
}
END_TEST

// A stage that tells that it was reached, and then never ends by itself.
static int put_endless_stage(const char *stage)
{
    char *path = xasprintf("programs/%s", stage);
    char *fifo = xasprintf("%s/reached", cli_fixture.folder.path);
    char *script =
        xasprintf("#!/bin/sh\necho >'%s'\nwhile :; do read -r x <'%s'; done\n", fifo, fifo);
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    ck_assert_int_eq(unlinkat(cli_fixture.folder.fd, path, 0), 0);
    folder_put(&cli_fixture.folder, path, script);
    ck_assert_int_eq(fchmodat(cli_fixture.folder.fd, path, 0755, 0), 0);
    int fd = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    free(path), free(fifo), free(script);
    return fd;
}

static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

START_TEST(test_an_interrupted_run_leaves_nothing)
{
    struct spoken spoken;
    folder_put(&cli_fixture.folder, "a.mp4", "aaa");
    int reached = put_endless_stage("plan");
    spool_fixture_set(&cli_fixture, "service = { stop_seconds = 1.0; };");
    spool_fixture_write_config(&cli_fixture);
    struct spoken_run *run = spoken_start(cli_fixture.folder.path,
                                          (const char *const[]){ cli_program, "run", "a.mp4", "-C",
                                                                 cli_fixture.config, NULL });
    struct pollfd fd = { .fd = reached, .events = POLLIN };
    ck_assert_int_eq(poll(&fd, 1, 20000), 1);
    ck_assert_int_eq(kill(spoken_pid(run), signals[_i]), 0);
    spoken_finish(&run, &spoken);
    ck_assert_int_eq(spoken.status, 128 + signals[_i]);
    cli_assert_holds(spoken.err, "stopping");
    ck_assert_str_eq(spoken.out, "");
    spoken_release(&spoken);
    assert_nothing_left();
    close(reached);
}
END_TEST

// ---- on a terminal

// Each redrawing begins with a carriage return; what follows is one line.
static unsigned widest(const char *written)
{
    unsigned most = 0, columns = 0;
    for (; *written; written++) {
        if (*written == '\r' || *written == '\n')
            columns = 0;
        else if (*written == '\x1b')
            written += strcspn(written, "Km");
        else if (((unsigned char)*written & 0xC0) != 0x80)
            columns++;
        most = columns > most ? columns : most;
    }
    return most;
}

static const unsigned short widths[] = { 20, 40, 80, 200 };

START_TEST(test_progress_on_a_terminal_is_one_line_that_fits)
{
    char *written;
    folder_put(&cli_fixture.folder, "a.mp4", "aaa");
    folder_put(&cli_fixture.folder, "b.mp4", "bbb");
    const char *argv[] = { cli_program, "-C", cli_fixture.config, "run", "a.mp4", "b.mp4", "--name",
                           "r",         NULL };
    int status = spoken_on_terminal(cli_fixture.folder.path, argv, "xterm", widths[_i], &written);
    ck_assert_msg(status == 0, "%s", written);
    ck_assert_ptr_nonnull(strstr(written, "\x1b[K"));
    ck_assert_msg(widest(written) < widths[_i], "%u of %u columns", widest(written), widths[_i]);
    const char *end = "r/final.mp4\r\n";
    ck_assert_str_eq(written + strlen(written) - strlen(end), end);
    free(written);
}
END_TEST

START_TEST(test_a_dumb_terminal_gets_plain_lines)
{
    char *written;
    folder_put(&cli_fixture.folder, "a.mp4", "aaa");
    const char *argv[] = { cli_program, "-C", cli_fixture.config, "run", "a.mp4", NULL };
    ck_assert_int_eq(spoken_on_terminal(cli_fixture.folder.path, argv, "dumb", 80, &written), 0);
    ck_assert_ptr_null(strchr(written, '\x1b'));
    free(written);
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, test_run_makes_a_folder_with_the_reel_and_names_it_last);
    tcase_add_test(tcase, test_exact_is_said_to_the_workers);
    tcase_add_loop_test(tcase, test_run_says_what_became_of_the_webhook_and_waits_for_no_hours, 0,
                        (int)ARRAY_LEN(hooks));
    tcase_add_test(tcase, test_run_takes_videos_of_any_name);
    tcase_add_test(tcase, test_run_tells_why_there_is_no_reel);
    tcase_add_test(tcase, test_a_bad_video_among_good_ones_is_told_and_the_reel_made);
    tcase_add_test(tcase, test_run_tells_what_the_workers_said_when_they_cannot_work);
    tcase_add_loop_test(tcase, test_an_interrupted_run_leaves_nothing, 0, (int)ARRAY_LEN(signals));
    tcase_add_loop_test(tcase, test_progress_on_a_terminal_is_one_line_that_fits, 0,
                        (int)ARRAY_LEN(widths));
    tcase_add_test(tcase, test_a_dumb_terminal_gets_plain_lines);
}

int main(int argc, char **argv)
{
    return cli_main(argc, argv, "command_run", add);
}
