// clipspool as people use it: the built program, its answers and its exit statuses.  Stages are
// stand-ins where it does not matter what they do.
#include "base/base.h"
#include "tests/support/fake_stages.h"
#include "tests/support/program.h"
#include "tests/support/spoken.h"
#include "tests/support/spool_fixture.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>

static struct spool_fixture fixture;
static char *clipspool;

static void set_up(void)
{
    spool_fixture_open(&fixture);
    spool_fixture_fake(&fixture, "probe compress analyze plan render");
    spool_fixture_write_config(&fixture);
    char *outbox = spool_fixture_path(&fixture, "outbox");
    ck_assert_int_eq(mkdir(outbox, 0755), 0);
    free(outbox);
    clipspool = program_built("bin/clipspool");
}

static void tear_down(void)
{
    free(clipspool);
    spool_fixture_close(&fixture);
}

// Runs clipspool with the fixture's configuration in the fixture's folder.
#define SAY(spoken, ...) \
    SPOKEN_RUN(spoken, fixture.folder.path, clipspool, "-C", fixture.config, __VA_ARGS__)

static void assert_holds(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part), "\"%s\" is not in:\n%s", part, text);
}

// Whatever was said, a terminal is not told to do anything.
static void assert_printable(const char *text)
{
    for (; *text; text++)
        ck_assert_msg((unsigned char)*text >= 0x20 || *text == '\n', "a raw %#x", *text);
}

static void make_batch(const char *name, const char *status)
{
    char *folder = xasprintf("%s/outbox/%s", fixture.root, name);
    char *file = xasprintf("%s/status.json", folder);
    ck_assert_int_eq(mkdir(folder, 0755), 0);
    FILE *out = status ? fopen(file, "w") : NULL;
    if (status) {
        ck_assert_ptr_nonnull(out);
        fputs(status, out);
        fclose(out);
    }
    free(folder);
    free(file);
}

static bool there(const char *name)
{
    struct stat st;
    return fstatat(fixture.folder.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

// ---- usage

static const struct {
    const char *name, *arguments[5];
    int status;
    const char *out, *err;
} usage_cases[] = {
    { "nothing", { NULL }, 64, "", "usage: clipspool" },
    { "--help", { "--help" }, 0, "usage: clipspool", "" },
    { "-h", { "-h" }, 0, "doctor", "" },
    { "help", { "help" }, 0, "usage: clipspool", "" },
    { "help of a command", { "help", "run" }, 0, "usage: clipspool run", "" },
    { "help of no command", { "help", "fly" }, 64, "", "unknown command \"fly\"" },
    { "--version", { "--version" }, 0, "clipspool " CLIPSPOOL_VERSION "\n", "" },
    { "an unknown command", { "fly\x1b[2J" }, 64, "", "\"fly\\x1B[2J\"" },
    { "an unknown option before", { "--fly" }, 64, "", "unknown option \"--fly\"" },
    { "an unknown option", { "list", "--fly\n" }, 64, "", "unknown option --fly\\x0A" },
    { "an unknown letter", { "list", "-z" }, 64, "", "unknown option -z" },
    { "an option without its value", { "run", "a.mp4", "--output" }, 64, "", "needs a value" },
    { "run without videos", { "run" }, 64, "", "which videos?" },
    { "a name with a slash", { "run", "a", "--name", "x/y" }, 64, "", "\"x/y\"" },
    { "a hidden name", { "run", "a", "--name", ".x" }, 64, "", "\".x\"" },
    { "the name of an unfinished file", { "submit", "a", "--name", "x.part" }, 64, "", "x.part" },
    { "a video that is not there", { "run", "nobody.mp4" }, 66, "", "nobody.mp4: No such file" },
    { "a folder for a video", { "run", "/tmp" }, 66, "", "/tmp: Is a directory" },
    { "a device for a video", { "run", "/dev/zero" }, 66, "", "/dev/zero: is not a file" },
    { "a missing job.conf", { "run", "/bin/sh", "-c", "nobody.conf" }, 66, "", "nobody.conf" },
    { "submit without paths", { "submit" }, 64, "", "which videos?" },
    { "watch without a name", { "watch" }, 64, "", "which batch?" },
    { "cancel of two", { "cancel", "a", "b" }, 64, "", "which batch?" },
    { "one too many", { "list", "a" }, 64, "", "one too many" },
    { "--json of all", { "status", "--json" }, 64, "", "of which batch?" },
    { "a missing configuration", { "-C", "/nobody.conf", "list" }, 78, "", "/nobody.conf" },
    { "the same behind", { "list", "-C", "/nobody.conf" }, 78, "", "/nobody.conf" },
    { "a folder for a job.conf", { "check", "/tmp" }, 78, "", "/tmp" },
    { "a device for a job.conf", { "check", "/dev/zero" }, 78, "", "/dev/zero" },
};

START_TEST(test_a_call_is_answered_with_its_status_and_words)
{
    struct spoken spoken;
    const char *argv[7] = { clipspool };
    memcpy(argv + 1, usage_cases[_i].arguments, sizeof usage_cases[_i].arguments);
    spoken_run(&spoken, fixture.folder.path, argv);
    ck_assert_msg(spoken.status == usage_cases[_i].status, "%s: status %d\n%s%s",
                  usage_cases[_i].name, spoken.status, spoken.out, spoken.err);
    assert_holds(spoken.out, usage_cases[_i].out);
    assert_holds(spoken.err, usage_cases[_i].err);
    ck_assert_msg((*usage_cases[_i].out != '\0') == (*spoken.out != '\0'), "%s", spoken.out);
    assert_printable(spoken.out);
    assert_printable(spoken.err);
    spoken_release(&spoken);
}
END_TEST

static const char *const commands[] = { "run",    "submit", "list",  "status", "watch",
                                        "cancel", "retry",  "check", "doctor" };

START_TEST(test_every_command_explains_itself_and_its_exit_status)
{
    struct spoken help, option;
    SPOKEN_RUN(&help, NULL, clipspool, "help", commands[_i]);
    SPOKEN_RUN(&option, NULL, clipspool, commands[_i], "--help");
    ck_assert_int_eq(help.status, 0);
    ck_assert_int_eq(option.status, 0);
    ck_assert_str_eq(help.out, option.out);
    char *begin = xasprintf("usage: clipspool %s", commands[_i]);
    ck_assert_int_eq(strncmp(help.out, begin, strlen(begin)), 0);
    assert_holds(help.out, "Exit status: 0");
    free(begin);
    spoken_release(&help);
    spoken_release(&option);
}
END_TEST

START_TEST(test_an_answer_that_cannot_be_written_is_a_failure)
{
    struct spoken spoken;
    char *line = xasprintf("'%s' check > /dev/full", clipspool);
    SPOKEN_RUN(&spoken, NULL, "/bin/sh", "-c", line);
    ck_assert_int_eq(spoken.status, 74);
    assert_holds(spoken.err, "could not be written");
    spoken_release(&spoken);
    free(line);
}
END_TEST

// ---- check

START_TEST(test_the_sample_job_conf_has_nothing_wrong)
{
    struct spoken sample, checked;
    SAY(&sample, "check");
    ck_assert_int_eq(sample.status, 0);
    folder_put(&fixture.folder, "job.conf", sample.out);
    SAY(&checked, "check", "job.conf");
    ck_assert_msg(checked.status == 0, "%s", checked.err);
    assert_holds(checked.out, "job.conf: nothing is wrong");
    spoken_release(&sample);
    spoken_release(&checked);
}
END_TEST

START_TEST(test_all_mistakes_of_a_job_conf_are_told_at_once)
{
    struct spoken spoken;
    folder_put(&fixture.folder, "job.conf",
               "titel = \"x\";\ntarget_duration = -3.0;\nstrategy = \"best\";\n");
    SAY(&spoken, "check", "job.conf");
    ck_assert_int_eq(spoken.status, 78);
    assert_holds(spoken.err, "job.conf:1");
    assert_holds(spoken.err, "titel");
    assert_holds(spoken.err, "job.conf:2");
    assert_holds(spoken.err, "3600");
    assert_holds(spoken.err, "job.conf:3");
    assert_holds(spoken.err, "chronological");
    ck_assert_str_eq(spoken.out, "");
    spoken_release(&spoken);
}
END_TEST

// ---- what the outbox says, without a daemon

START_TEST(test_list_and_status_show_what_lies_there_whatever_it_is)
{
    struct spoken spoken;
    make_batch("walk", "{\"status\":\"compressing\",\"progress\":12,\"total_videos\":2,"
                       "\"estimated_remaining_seconds\":90}");
    make_batch("broken", "{\"status\":");
    make_batch("empty", NULL);
    make_batch("evil\n\x1b[2J\xff", "{\"status\":\"\\u001b[2J\"}");
    spool_fixture_put(&fixture, "incoming/late.mp4", "x", 1);
    spool_fixture_put(&fixture, "outbox/a file", "x", 1);
    SAY(&spoken, "list");
    ck_assert_int_eq(spoken.status, 0);
    assert_printable(spoken.out);
    assert_holds(spoken.out, "late.mp4");
    assert_holds(spoken.out, "arriving");
    assert_holds(spoken.out, "12 %  watching and listening, about 1:30 left");
    assert_holds(spoken.out, "its status.json cannot be read");
    assert_holds(spoken.out, "no status yet");
    assert_holds(spoken.out, "evil\\x0A\\x1B[2J\\xFF");
    ck_assert_ptr_null(strstr(spoken.out, "a file"));
    spoken_release(&spoken);

    SAY(&spoken, "list", "--names");
    ck_assert_str_eq(spoken.out, "broken\nempty\nevil\\x0A\\x1B[2J\\xFF\nwalk\n");
    spoken_release(&spoken);
}
END_TEST

static const struct {
    const char *name, *arguments[3];
    int status;
    const char *out, *err;
} status_cases[] = {
    { "a batch", { "status", "walk" }, 0, "walk: watching and listening, 12 %\n", "" },
    { "its document", { "status", "walk", "--json" }, 0, "{ \"status\": \"compressing\"", "" },
    { "nobody", { "status", "nobody" }, 66, "", "no batch called \"nobody\"" },
    { "the document of nobody", { "status", "--json", "nobody" }, 66, "", "nobody" },
    { "one that arrives", { "status", "late" }, 0, "late: arriving", "" },
    { "a damaged one", { "status", "broken" }, 65, "", "status.json" },
    { "one without a status", { "status", "empty" }, 75, "", "no status.json yet" },
    { "a path", { "status", "../outbox/walk" }, 66, "", "no batch" },
    { "hostile bytes", { "status", "evil\\xFF" }, 0, "evil\\xFF: failed", "" },
    { "cancel of nobody", { "cancel", "nobody" }, 66, "", "nobody" },
    { "cancel of one that ended", { "cancel", "evil\xff" }, 1, "", "has ended already" },
    { "retry of one at work", { "retry", "walk" }, 1, "", "has not failed" },
    { "watch of nobody", { "watch", "nobody" }, 66, "", "nobody" },
    { "watch of one that failed", { "watch", "evil\xff" }, 1, "", "evil\\xFF: failed" },
};

START_TEST(test_one_batch_is_shown_or_refused)
{
    struct spoken spoken;
    make_batch("walk", "{ \"status\": \"compressing\", \"progress\": 12 }");
    make_batch("broken", "{\"status\":");
    make_batch("empty", NULL);
    make_batch("evil\xff", "{\"status\":\"failed\",\"error\":{\"message\":\"\\u001b\"}}");
    char *late = spool_fixture_path(&fixture, "incoming/late");
    ck_assert_int_eq(mkdir(late, 0755), 0);
    const char *argv[7] = { clipspool, "-C", fixture.config };
    memcpy(argv + 3, status_cases[_i].arguments, sizeof status_cases[_i].arguments);
    spoken_run(&spoken, NULL, argv);
    ck_assert_msg(spoken.status == status_cases[_i].status, "%s: status %d\n%s%s",
                  status_cases[_i].name, spoken.status, spoken.out, spoken.err);
    assert_holds(spoken.out, status_cases[_i].out);
    assert_holds(spoken.err, status_cases[_i].err);
    assert_printable(spoken.out);
    assert_printable(spoken.err);
    spoken_release(&spoken);
    free(late);
}
END_TEST

START_TEST(test_a_wish_that_nobody_hears_is_kept_and_told)
{
    struct spoken spoken;
    make_batch("walk", "{\"status\":\"compressing\"}");
    SAY(&spoken, "cancel", "walk");
    ck_assert_int_eq(spoken.status, 69);
    assert_holds(spoken.err, "no service is running");
    ck_assert(there("spool/outbox/walk/cancel"));
    spoken_release(&spoken);
}
END_TEST

START_TEST(test_a_spool_that_is_not_there_is_told_with_its_path)
{
    struct spoken spoken;
    folder_put(&fixture.folder, "other.conf", "spool = { root = \"/nowhere/at/all\"; };");
    SPOKEN_RUN(&spoken, fixture.folder.path, clipspool, "-C", "other.conf", "list");
    ck_assert_int_eq(spoken.status, 71);
    assert_holds(spoken.err, "/nowhere/at/all/outbox");
    spoken_release(&spoken);
}
END_TEST

// ---- submit

static char *names_in(const char *folder)
{
    return folder_names(&fixture.folder, folder);
}

START_TEST(test_a_folder_is_submitted_whole_and_without_what_cannot_be_taken)
{
    struct spoken spoken;
    const char *path = fixture.folder.path;
    char *link = xasprintf("%s/trip/link.mp4", path), *fifo = xasprintf("%s/trip/fifo.mp4", path);
    char *trip = xasprintf("%s/trip", path), *sub = xasprintf("%s/trip/day 2", path);
    ck_assert_int_eq(mkdir(trip, 0755), 0);
    ck_assert_int_eq(mkdir(sub, 0755), 0);
    folder_put(&fixture.folder, "trip/a.mp4", "aaa");
    folder_put(&fixture.folder, "trip/day 2/b\n.mp4", "bbb");
    folder_put(&fixture.folder, "trip/half.mp4.part", "h");
    folder_put(&fixture.folder, "trip/.DS_Store", "d");
    folder_put(&fixture.folder, "job.conf", "title = \"x\";");
    ck_assert_int_eq(symlink("/etc/passwd", link), 0);
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);

    SAY(&spoken, "submit", "trip/", "-c", "job.conf");
    ck_assert_msg(spoken.status == 0, "%s", spoken.err);
    ck_assert_str_eq(spoken.out, "trip\n");
    assert_holds(spoken.err, "left out: link.mp4 (not a file)");
    assert_holds(spoken.err, "left out: fifo.mp4 (not a file)");
    assert_holds(spoken.err, "left out: half.mp4.part");
    assert_holds(spoken.err, "No service is running");
    char *incoming = names_in("spool/incoming"), *inside = names_in("spool/incoming/trip");
    char *copy = folder_get(&fixture.folder, "spool/incoming/trip/day 2/b\n.mp4");
    ck_assert_str_eq(incoming, "trip");
    ck_assert_str_eq(inside, ".ready a.mp4 day 2 job.conf");
    ck_assert_str_eq(copy, "bbb");
    spoken_release(&spoken);

    SAY(&spoken, "submit", "trip/a.mp4", "--name", "trip");
    ck_assert_str_eq(spoken.out, "trip-2\n");
    spoken_release(&spoken);
    free(link), free(fifo), free(trip), free(sub), free(incoming), free(inside), free(copy);
}
END_TEST

static const struct {
    const char *name, *arguments[4];
    int status;
    const char *err;
} refused_cases[] = {
    { "a path that is not there", { "submit", "a.mp4", "nobody" }, 66, "nobody" },
    { "two of one name", { "submit", "a.mp4", "sub/a.mp4" }, 65, "two of the files are called" },
    { "a hidden file", { "submit", ".hidden.mp4" }, 65, "hidden" },
    { "a device", { "submit", "/dev/null" }, 65, "neither a file nor a folder" },
    { "a job.conf with mistakes", { "submit", "a.mp4", "-c", "bad.conf" }, 78, "bad.conf:1" },
    { "more than the limit", { "submit", "many" }, 65, "more than 5" },
};

START_TEST(test_a_submission_that_is_refused_leaves_nothing)
{
    struct spoken spoken;
    const char *path = fixture.folder.path;
    char *sub = xasprintf("%s/sub", path), *many = xasprintf("%s/many", path);
    ck_assert_int_eq(mkdir(sub, 0755), 0);
    ck_assert_int_eq(mkdir(many, 0755), 0);
    folder_put(&fixture.folder, "a.mp4", "a");
    folder_put(&fixture.folder, ".hidden.mp4", "a");
    folder_put(&fixture.folder, "sub/a.mp4", "b");
    folder_put(&fixture.folder, "bad.conf", "tilte = 1;");
    for (char name[] = "many/0"; name[5] < '9'; name[5]++)
        folder_put(&fixture.folder, name, "x");
    spool_fixture_set(&fixture, "limits = { max_entries = 5; };");
    spool_fixture_write_config(&fixture);
    const char *argv[8] = { clipspool, "-C", fixture.config };
    memcpy(argv + 3, refused_cases[_i].arguments, sizeof refused_cases[_i].arguments);
    spoken_run(&spoken, path, argv);
    ck_assert_msg(spoken.status == refused_cases[_i].status, "%s: status %d\n%s",
                  refused_cases[_i].name, spoken.status, spoken.err);
    assert_holds(spoken.err, refused_cases[_i].err);
    ck_assert_str_eq(spoken.out, "");
    char *left = names_in("spool/incoming");
    ck_assert_str_eq(left, "");
    spoken_release(&spoken);
    free(left), free(sub), free(many);
}
END_TEST

// ---- with the service

START_TEST(test_submit_watch_and_status_follow_a_batch_to_its_reel)
{
    struct spoken spoken;
    folder_put(&fixture.folder, "a.mp4", "aaa");
    folder_put(&fixture.folder, "b.mp4", "bbb");
    spool_fixture_start(&fixture);
    SAY(&spoken, "submit", "a.mp4", "b.mp4", "--name", "trip");
    ck_assert_msg(spoken.status == 0, "%s", spoken.err);
    ck_assert_str_eq(spoken.err, "");
    spoken_release(&spoken);

    SAY(&spoken, "watch", "trip");
    ck_assert_msg(spoken.status == 0, "%s%s", spoken.out, spoken.err);
    char *reel = xasprintf("%s/outbox/trip/final.mp4\n", fixture.root);
    ck_assert_str_eq(spoken.out + strlen(spoken.out) - strlen(reel), reel);
    assert_printable(spoken.out);
    spoken_release(&spoken);

    SAY(&spoken, "status", "trip");
    assert_holds(spoken.out, "trip: finished\n");
    assert_holds(spoken.out, "a.mp4");
    spoken_release(&spoken);
    SAY(&spoken, "status", "trip", "--json");
    char *document = folder_get(&fixture.folder, "spool/outbox/trip/status.json");
    ck_assert_str_eq(spoken.out, document);
    spoken_release(&spoken);
    free(document);
    free(reel);
}
END_TEST

START_TEST(test_a_batch_is_cancelled_and_taken_up_again)
{
    struct spoken spoken;
    char *fifo = xasprintf("%s/fifo", fixture.folder.path);
    char *script = xasprintf("render*1 wait %s", fifo);
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    spool_fixture_start(&fixture);
    spool_fixture_drop_script(&fixture, "trip", "a.mp4", script);
    json_decref(spool_fixture_await(&fixture, "trip", "clipping"));
    SAY(&spoken, "cancel", "trip");
    ck_assert_msg(spoken.status == 0, "%s", spoken.err);
    assert_holds(spoken.out, "trip is being cancelled");
    spoken_release(&spoken);
    json_decref(spool_fixture_await(&fixture, "trip", "cancelled"));

    int end = open(fifo, O_RDWR | O_CLOEXEC); // who waits again goes on at once
    ck_assert_int_eq(write(end, "xxxxxxxx", 8), 8);
    SAY(&spoken, "retry", "trip");
    ck_assert_msg(spoken.status == 0, "%s", spoken.err);
    assert_holds(spoken.out, "trip is taken up again");
    spoken_release(&spoken);
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
    close(end);
    free(script);
    free(fifo);
}
END_TEST

START_TEST(test_a_failed_batch_tells_watch_why_and_what_to_do)
{
    struct spoken spoken;
    spool_fixture_start(&fixture);
    spool_fixture_drop_script(&fixture, "trip", "a.mp4", "probe exit 65");
    SAY(&spoken, "watch", "trip");
    ck_assert_int_eq(spoken.status, 1);
    assert_holds(spoken.err, "it was told to leave with 65");
    assert_holds(spoken.err, "tell it something else");
    spoken_release(&spoken);
}
END_TEST

START_TEST(test_the_doctor_tells_with_and_without_the_service)
{
    struct spoken spoken;
    spool_fixture_start(&fixture);
    SAY(&spoken, "doctor");
    ck_assert_msg(spoken.status == 0, "%s", spoken.out);
    assert_holds(spoken.out, "is running on this spool");
    assert_holds(spoken.out, "\n0 problems");
    spoken_release(&spoken);
    (void)spool_fixture_stop(&fixture, SIGTERM);
    SAY(&spoken, "doctor");
    ck_assert_int_eq(spoken.status, 1);
    assert_holds(spoken.out, "problem  service");
    assert_holds(spoken.out, "\n1 problems");
    spoken_release(&spoken);
}
END_TEST

START_TEST(test_the_doctor_sees_a_stage_that_cannot_start)
{
    struct spoken spoken;
    char *stage = xasprintf("%s/render", fixture.programs);
    ck_assert_int_eq(unlink(stage), 0);
    SAY(&spoken, "doctor");
    ck_assert_int_eq(spoken.status, 1);
    assert_holds(spoken.out, "problem  program render");
    spoken_release(&spoken);
    free(stage);
}
END_TEST

// ---- run

static void assert_nothing_left(void)
{
    char *names = folder_names(&fixture.folder, ".");
    ck_assert_msg(!strstr(names, ".clipspool-"), "left: %s", names);
    free(names);
}

START_TEST(test_run_makes_a_folder_with_the_reel_and_names_it_last)
{
    struct spoken spoken;
    folder_put(&fixture.folder, "b.mp4", "bbb");
    folder_put(&fixture.folder, "a.mp4", "aaa");
    for (int i = 1; i <= 2; i++) {
        SAY(&spoken, "run", "b.mp4", "a.mp4", "-o", "out");
        ck_assert_msg(spoken.status == 0, "%s", spoken.err);
        ck_assert_str_eq(spoken.out,
                         i == 1 ? "out/b-reel/final.mp4\n" : "out/b-reel-2/final.mp4\n");
        spoken_release(&spoken);
    }
    char *reel = folder_get(&fixture.folder, "out/b-reel/final.mp4");
    char *status = folder_get(&fixture.folder, "out/b-reel/status.json");
    char *out = names_in("out"), *source = folder_get(&fixture.folder, "a.mp4");
    ck_assert_str_eq(reel, FAKE_REEL);
    ck_assert_str_eq(source, "aaa");
    ck_assert_str_eq(out, "b-reel b-reel-2");
    // The order given is the order taken.
    const char *first = strstr(status, "b.mp4\""), *second = strstr(status, "a.mp4\"");
    ck_assert(first && second && first < second);
    ck_assert(there("out/b-reel/batch.log"));
    assert_nothing_left();
    free(reel), free(status), free(out), free(source);
}
END_TEST

START_TEST(test_run_takes_videos_of_any_name)
{
    struct spoken spoken;
    const char *name = "-x \"\n\x1b\xff\xf0\x9f\x8f\x96'.MOV";
    folder_put(&fixture.folder, name, "aaa");
    SAY(&spoken, "run", "--", name);
    ck_assert_msg(spoken.status == 0, "%s", spoken.err);
    ck_assert_str_eq(spoken.out, "-x \"\n\x1b\xff\xf0\x9f\x8f\x96'-reel/final.mp4\n");
    assert_printable(spoken.err);
    spoken_release(&spoken);
    assert_nothing_left();
}
END_TEST

START_TEST(test_run_tells_why_there_is_no_reel)
{
    struct spoken spoken;
    spool_fixture_fake(&fixture, "compress analyze plan render");
    spool_fixture_write_config(&fixture);
    folder_put(&fixture.folder, "a.mp4", "this is no video");
    SAY(&spoken, "run", "a.mp4");
    ck_assert_int_eq(spoken.status, 1);
    ck_assert_str_eq(spoken.out, "");
    assert_holds(spoken.err, "no reel could be made");
    assert_holds(spoken.err, "a.mp4:\n");
    ck_assert(!there("a-reel"));
    spoken_release(&spoken);
    assert_nothing_left();
}
END_TEST

START_TEST(test_run_tells_what_the_workers_said_when_they_cannot_work)
{
    struct spoken spoken;
    folder_put(&fixture.folder, "a.mp4", "aaa");
    folder_put(&fixture.folder, "file", "not a folder");
    SAY(&spoken, "run", "a.mp4", "-o", "file");
    ck_assert_int_ne(spoken.status, 0);
    assert_holds(spoken.err, "file");
    spoken_release(&spoken);
    folder_put(&fixture.folder, "bad.conf", "spool = { root = 7; };");
    SPOKEN_RUN(&spoken, fixture.folder.path, clipspool, "run", "a.mp4", "-C", "bad.conf");
    ck_assert_int_eq(spoken.status, 78);
    assert_holds(spoken.err, "bad.conf:1");
    spoken_release(&spoken);
    assert_nothing_left();
}
END_TEST

// A stage that tells that it was reached, and then never ends by itself.
static int put_endless_stage(const char *stage)
{
    char *path = xasprintf("programs/%s", stage);
    char *fifo = xasprintf("%s/reached", fixture.folder.path);
    char *script =
        xasprintf("#!/bin/sh\necho >'%s'\nwhile :; do read -r x <'%s'; done\n", fifo, fifo);
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    ck_assert_int_eq(unlinkat(fixture.folder.fd, path, 0), 0);
    folder_put(&fixture.folder, path, script);
    ck_assert_int_eq(fchmodat(fixture.folder.fd, path, 0755, 0), 0);
    int fd = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    free(path), free(fifo), free(script);
    return fd;
}

static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

START_TEST(test_an_interrupted_run_leaves_nothing)
{
    struct spoken spoken;
    folder_put(&fixture.folder, "a.mp4", "aaa");
    int reached = put_endless_stage("plan");
    spool_fixture_set(&fixture, "service = { stop_seconds = 1.0; };");
    spool_fixture_write_config(&fixture);
    struct spoken_run *run =
        spoken_start(fixture.folder.path, (const char *const[]){ clipspool, "run", "a.mp4", "-C",
                                                                 fixture.config, NULL });
    struct pollfd fd = { .fd = reached, .events = POLLIN };
    ck_assert_int_eq(poll(&fd, 1, 20000), 1);
    ck_assert_int_eq(kill(spoken_pid(run), signals[_i]), 0);
    spoken_finish(&run, &spoken);
    ck_assert_int_eq(spoken.status, 128 + signals[_i]);
    assert_holds(spoken.err, "stopping");
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
    folder_put(&fixture.folder, "a.mp4", "aaa");
    folder_put(&fixture.folder, "b.mp4", "bbb");
    const char *argv[] = { clipspool, "-C", fixture.config, "run", "a.mp4", "b.mp4", "--name",
                           "r",       NULL };
    int status = spoken_on_terminal(fixture.folder.path, argv, "xterm", widths[_i], &written);
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
    folder_put(&fixture.folder, "a.mp4", "aaa");
    const char *argv[] = { clipspool, "-C", fixture.config, "run", "a.mp4", NULL };
    ck_assert_int_eq(spoken_on_terminal(fixture.folder.path, argv, "dumb", 80, &written), 0);
    ck_assert_ptr_null(strchr(written, '\x1b'));
    free(written);
}
END_TEST

static void add_cases(TCase *tcase)
{
    tcase_add_loop_test(tcase, test_a_call_is_answered_with_its_status_and_words, 0,
                        (int)ARRAY_LEN(usage_cases));
    tcase_add_loop_test(tcase, test_every_command_explains_itself_and_its_exit_status, 0,
                        (int)ARRAY_LEN(commands));
    tcase_add_test(tcase, test_an_answer_that_cannot_be_written_is_a_failure);
    tcase_add_test(tcase, test_the_sample_job_conf_has_nothing_wrong);
    tcase_add_test(tcase, test_all_mistakes_of_a_job_conf_are_told_at_once);
    tcase_add_test(tcase, test_list_and_status_show_what_lies_there_whatever_it_is);
    tcase_add_loop_test(tcase, test_one_batch_is_shown_or_refused, 0, (int)ARRAY_LEN(status_cases));
    tcase_add_test(tcase, test_a_wish_that_nobody_hears_is_kept_and_told);
    tcase_add_test(tcase, test_a_spool_that_is_not_there_is_told_with_its_path);
    tcase_add_test(tcase, test_a_folder_is_submitted_whole_and_without_what_cannot_be_taken);
    tcase_add_loop_test(tcase, test_a_submission_that_is_refused_leaves_nothing, 0,
                        (int)ARRAY_LEN(refused_cases));
}

static void add_cases_with_a_service(TCase *tcase)
{
    tcase_add_test(tcase, test_submit_watch_and_status_follow_a_batch_to_its_reel);
    tcase_add_test(tcase, test_a_batch_is_cancelled_and_taken_up_again);
    tcase_add_test(tcase, test_a_failed_batch_tells_watch_why_and_what_to_do);
    tcase_add_test(tcase, test_the_doctor_tells_with_and_without_the_service);
    tcase_add_test(tcase, test_the_doctor_sees_a_stage_that_cannot_start);
    tcase_add_test(tcase, test_run_makes_a_folder_with_the_reel_and_names_it_last);
    tcase_add_test(tcase, test_run_takes_videos_of_any_name);
    tcase_add_test(tcase, test_run_tells_why_there_is_no_reel);
    tcase_add_test(tcase, test_run_tells_what_the_workers_said_when_they_cannot_work);
    tcase_add_loop_test(tcase, test_an_interrupted_run_leaves_nothing, 0, (int)ARRAY_LEN(signals));
    tcase_add_loop_test(tcase, test_progress_on_a_terminal_is_one_line_that_fits, 0,
                        (int)ARRAY_LEN(widths));
    tcase_add_test(tcase, test_a_dumb_terminal_gets_plain_lines);
}

int main(int argc, char **argv)
{
    if (fake_stages_is(argv[0]))
        return fake_stages_main(argc, argv);
    Suite *suite = suite_create("cli");
    TCase *words = tcase_create("words"), *service = tcase_create("service");
    TCase *const tcases[] = { words, service };
    for (size_t i = 0; i < ARRAY_LEN(tcases); i++) {
        tcase_set_timeout(tcases[i], 60);
        tcase_add_checked_fixture(tcases[i], set_up, tear_down);
        suite_add_tcase(suite, tcases[i]);
    }
    add_cases(words);
    add_cases_with_a_service(service);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
