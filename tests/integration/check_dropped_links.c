// Folders with links in them, through the real daemon and the real stages: they become reels as
// files do, what is refused leaves the others alone, and a kill costs no byte that had come.
#include "spool/batch.h"
#include "tests/support/httpd.h"
#include "tests/support/media.h"
#include "tests/support/program.h"
#include "tests/support/spool_story.h"

#include <dirent.h>
#include <signal.h>

// In each link, as a signature would be: nobody is to read it anywhere.
#define SECRET "signature=QmFnZWw3Nw"

static struct httpd server;
static const char *clip;

static void set_up(void)
{
    clip = MEDIA_CLIP(.name = "links.mp4", .seconds = 4,
                      .options = "-c:v libx264 -preset ultrafast -g 30");
    httpd_start(&server, NULL);
    spool_fixture_open(&fixture);
    cleanup(free_ptr) char *folder = outside("aside");
    ck_assert_int_eq(mkdir(folder, 0755), 0);
}

static void tear_down(void)
{
    spool_story_close();
    httpd_stop(&server);
}

// A link to the clip.  Gives a string.
static char *link_to(const char *name, const char *query)
{
    return httpd_link(&server, "/folder/%s?file=%s&etag=a&type=video/mp4&" SECRET "%s", name, clip,
                      query);
}

// ---- dropping

static void put_text(const char *name, const char *text)
{
    cleanup(free_ptr) char *path = xasprintf("aside/%s", name);
    folder_put(&fixture.folder, path, text);
}

static void put_links(void)
{
    cleanup(free_ptr) char *one = link_to("beach.mp4", "");
    cleanup(free_ptr) char *two = link_to("hike.mp4", "");
    cleanup(free_ptr) char *three = link_to("watch", "");
    cleanup(free_ptr) char *windows =
        xasprintf("\xEF\xBB\xBF[InternetShortcut]\r\nURL=%s\r\nIconIndex=0\r\n", one);
    cleanup(free_ptr) char *plain = xasprintf("# two more\n%s\n\n%s\n", two, three);
    put_text("a.url", windows);
    put_text("b.url", plain);
}

static void put_clip(void)
{
    cleanup(free_ptr) char *path = outside("aside/c.mp4");
    ck_assert_int_eq(PROGRAM_RUN(NULL, "cp", clip, path), 0);
}

static void drop(void)
{
    cleanup(free_ptr) char *folder = outside("aside");
    cleanup(free_ptr) char *dropped = spool_fixture_path(&fixture, "incoming/trip");
    put_text(".ready", "");
    ck_assert_int_eq(rename(folder, dropped), 0);
}

// ---- looking

static void expect_video(const json_t *status, size_t index, const char *name, const char *source)
{
    const json_t *told = video(status, index);
    ck_assert_str_eq(text_of(told, "name"), name);
    ck_assert_str_eq(text_of(told, "source"), source);
    ck_assert_str_eq(text_of(told, "status"), "completed");
    ck_assert_int_eq(json_integer_value(json_object_get(told, "size_bytes")),
                     (json_int_t)media_size(clip));
}

static void expect_error(const json_t *status, size_t index, const char *code, const char *message)
{
    const json_t *error = json_object_get(video(status, index), "error");
    ck_assert_str_eq(text_of(video(status, index), "status"), "failed");
    ck_assert_str_eq(text_of(error, "code"), code);
    ck_assert_msg(strstr(text_of(error, "message"), message) != NULL, "%s",
                  text_of(error, "message"));
    ck_assert_msg(*text_of(error, "hint"), "no hint for %s", code);
}

static void expect_no_secret(const char *name, bool required)
{
    cleanup(free_ptr) char *text = folder_get(&fixture.folder, name);
    ck_assert_msg(text != NULL || !required, "there is no %s", name);
    ck_assert_msg(text == NULL || strstr(text, "QmFnZWw3Nw") == NULL, "%s tells it:\n%s", name,
                  text);
}

static void expect_nothing_secret_told(void)
{
    cleanup(free_ptr) char *log = spool_fixture_log(&fixture);
    ck_assert_msg(strstr(log, "QmFnZWw3Nw") == NULL, "the journal tells it:\n%s", log);
    expect_no_secret("spool/outbox/trip/status.json", true);
    expect_no_secret("spool/outbox/trip/batch.log", true);
    expect_no_secret("spool/outbox/trip/plan.json", false);
    expect_no_secret("spool/outbox/trip/analysis.json", false);
}

// Each source has a segment in the plan.
static void expect_planned(const json_t *status, size_t count)
{
    const json_t *segments = json_object_get(json_object_get(status, "clip_plan"), "segments");
    unsigned seen = 0;
    for (size_t i = 0; i < json_array_size(segments); i++)
        seen |=
            1U << json_integer_value(json_object_get(json_array_get(segments, i), "video_index"));
    ck_assert_uint_eq(seen, (1U << count) - 1);
}

// ---- the tests

START_TEST(links_and_files_become_one_reel)
{
    spool_fixture_set(&fixture, "fetch = { allow_networks = \"127.0.0.1\"; };");
    put_links();
    put_clip();
    put_text("job.conf", "strategy = \"every-source\"; target_duration = 8.0;");
    drop();
    spool_fixture_start(&fixture);
    json_t *status = spool_fixture_await(&fixture, "trip", "completed");
    ck_assert_uint_eq(json_array_size(json_object_get(status, "videos")), 4);
    cleanup(free_ptr) char *shown = httpd_link(&server, "/.../watch");
    expect_video(status, 0, "beach.mp4", "url");
    expect_video(status, 1, "hike.mp4", "url");
    expect_video(status, 2, shown, "url");
    expect_video(status, 3, "c.mp4", "local");
    expect_planned(status, 4);
    ck_assert_double_gt(
        json_number_value(json_object_get(json_object_get(status, "final"), "duration")), 5);
    json_decref(status);
    ck_assert_uint_eq(httpd_sent(&server), 3 * media_size(clip));
    expect_nothing_secret_told();
    spool_fixture_await_count(&fixture, "work", 0);
    ck_assert_uint_eq(spool_fixture_count(&fixture, "archive/trip"), 4); // as they were dropped
}
END_TEST

// How many bodies the server was sending at a time, at the most.
static int most_at_a_time(void)
{
    int now = 0, most = 0;
    for (const char *at = server.log; *at; at += strcspn(at, "\n") + 1) {
        size_t line = strcspn(at, "\n");
        bool own = memmem(at, line, "/own-", 5) != NULL;
        now += strncmp(at, "request ", 8) == 0 && !own;
        now -= strncmp(at, "sent ", 5) == 0 && now > 0;
        most = now > most ? now : most;
    }
    return most;
}

START_TEST(a_host_is_fetched_from_by_as_many_as_may_be)
{
    spool_fixture_set(&fixture, "fetch = { allow_networks = \"127.0.0.1\"; };");
    spool_fixture_set(&fixture, _i ? "services = { host_concurrent = 1; };" : "");
    cleanup(free_ptr) char *query = xasprintf("&drip=%zu", media_size(clip) / 4 + 1);
    cleanup(free_ptr) char *one = link_to("one.mp4", query), *two = link_to("two.mp4", query),
                           *three = link_to("three.mp4", query);
    cleanup(free_ptr) char *links = xasprintf("%s\n%s\n%s\n", one, two, three);
    put_text("a.url", links);
    drop();
    spool_fixture_start(&fixture);
    json_t *status = spool_fixture_await(&fixture, "trip", "completed");
    expect_video(status, 2, "three.mp4", "url");
    json_decref(status);
    (void)httpd_sent(&server);
    if (_i)
        ck_assert_int_eq(most_at_a_time(), 1);
    else
        ck_assert_int_ge(most_at_a_time(), 2); // else the other one proves nothing
}
END_TEST

START_TEST(a_host_that_is_allowed_by_name_is_fetched_from)
{
    cleanup(free_ptr) char *link = link_to("beach.mp4", "");
    char *host = strstr(link, "127.0.0.1");
    ck_assert_ptr_nonnull(host);
    cleanup(free_ptr) char *named = xasprintf("[Desktop Entry]\nType=Link\nURL=%.*slocalhost%s\n",
                                              (int)(host - link), link, host + strlen("127.0.0.1"));
    spool_fixture_set(&fixture, "fetch = { allow_hosts = \"localhost\"; };");
    put_text("a.desktop", named);
    drop();
    spool_fixture_start(&fixture);
    json_t *status = spool_fixture_await(&fixture, "trip", "completed");
    expect_video(status, 0, "beach.mp4", "url");
    json_decref(status);
}
END_TEST

START_TEST(what_is_not_allowed_is_told_and_the_others_become_a_reel)
{
    put_links();
    put_clip();
    put_text("d.oss", "oss://bucket/party.mp4\n");
    put_text("e.webloc", "<plist><dict></dict></plist>");
    put_text("f.url", "https://me:hunter2@example.org/a.mp4\n");
    drop();
    spool_fixture_start(&fixture);
    json_t *status = spool_fixture_await(&fixture, "trip", "completed");
    expect_error(status, 0, "address_refused", "a.url: http://127.0.0.1");
    expect_error(status, 1, "address_refused", "b.url: http://127.0.0.1");
    expect_error(status, 2, "address_refused", "b.url: http://127.0.0.1");
    expect_video(status, 3, "c.mp4", "local");
    expect_error(status, 4, "no_storage", "d.oss: oss://bucket/party.mp4: is an object");
    expect_error(status, 5, "bad_descriptor", "e.webloc: ");
    expect_error(status, 6, "bad_link", "f.url: line 1: the address holds a user name or password");
    json_decref(status);
    ck_assert_uint_eq(httpd_accepted(&server), 0);
    expect_nothing_secret_told();
    cleanup(free_ptr) char *told = folder_get(&fixture.folder, "spool/outbox/trip/status.json");
    ck_assert_ptr_null(strstr(told, "hunter2"));
}
END_TEST

// The size of the one part that is being downloaded, or -1.
static off_t part_size(const struct spool_fixture *spool)
{
    struct stat st;
    off_t size = -1;
    cleanup(free_ptr) char *work = xasprintf("%s/work", spool->root);
    DIR *dir = opendir(work);
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        cleanup(free_ptr) char *part = xasprintf("%s/0/" SOURCE_PART, entry->d_name);
        if (fstatat(dirfd(dir), part, &st, AT_SYMLINK_NOFOLLOW) == 0)
            size = st.st_size;
    }
    if (dir)
        (void)closedir(dir);
    return size;
}

static bool has_come(struct spool_fixture *spool, void *size)
{
    return part_size(spool) >= *(const off_t *)size;
}

static void kill_stage(void)
{
    cleanup(free_ptr) char *path =
        xasprintf("/proc/%d/task/%d/children", (int)fixture.daemon, (int)fixture.daemon);
    char line[64] = "";
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(fgets(line, sizeof line, file));
    (void)fclose(file);
    char *end;
    long pid = strtol(line, &end, 10);
    ck_assert_msg(pid > 0 && end[strspn(end, " ")] == '\0', "not one child: %s", line);
    ck_assert_int_eq(kill((pid_t)pid, SIGKILL), 0);
}

static void kill_daemon(void)
{
    (void)spool_fixture_stop(&fixture, SIGKILL);
    spool_fixture_start(&fixture);
}

static void (*const kills[])(void) = { kill_stage, kill_daemon };

START_TEST(killed_in_the_middle_it_goes_on_where_it_stopped)
{
    off_t half = (off_t)media_size(clip) / 2;
    cleanup(free_ptr) char *stall = xasprintf("&stall=%jd&times=1", (intmax_t)half);
    cleanup(free_ptr) char *link = link_to("beach.mp4", stall);
    spool_fixture_set(&fixture, "fetch = { allow_networks = \"127.0.0.1\"; };");
    put_text("a.url", link);
    drop();
    spool_fixture_start(&fixture);
    json_t *status = spool_fixture_await(&fixture, "trip", "downloading");
    ck_assert_str_eq(text_of(video(status, 0), "status"), "downloading");
    ck_assert_str_eq(text_of(status, "stage"), "fetch");
    ck_assert(json_is_null(json_object_get(video(status, 0), "size_bytes")));
    json_decref(status);
    spool_fixture_await_that(&fixture, "work", has_come, &half);
    kills[_i]();
    status = spool_fixture_await(&fixture, "trip", "completed");
    expect_video(status, 0, "beach.mp4", "url");
    json_decref(status);
    // Not one byte came twice.
    ck_assert_uint_eq(httpd_sent(&server), media_size(clip));
    cleanup(free_ptr) char *range = xasprintf("range=bytes=%jd-", (intmax_t)half);
    ck_assert_ptr_nonnull(strstr(server.log, range));
    expect_nothing_secret_told();
}
END_TEST

// Set aside, a batch keeps nothing that can be had again.
START_TEST(tried_again_after_it_failed_it_is_downloaded_again)
{
    cleanup(free_ptr) char *link =
        httpd_link(&server, "/noise.mp4?size=100000&etag=a&type=video/mp4&" SECRET);
    spool_fixture_set(&fixture, "fetch = { allow_networks = \"127.0.0.1\"; };");
    put_text("a.url", link);
    drop();
    spool_fixture_start(&fixture);
    json_t *status = spool_fixture_await(&fixture, "trip", "failed");
    ck_assert_str_eq(text_of(json_object_get(status, "error"), "code"), "not_a_video");
    json_decref(status);
    spool_fixture_await_count(&fixture, "failed", 1);
    ck_assert_int_eq(part_size(&fixture), -1);
    wish("trip", "retry");
    httpd_wait(&server, "sent 2 100000");
    spool_fixture_await_count(&fixture, "work", 0);
    ck_assert_uint_eq(httpd_sent(&server), 200000);
    expect_nothing_secret_told();
}
END_TEST

START_TEST(a_link_can_be_given_to_run)
{
    cleanup(free_ptr) char *link = link_to("beach.mp4", "");
    cleanup(free_ptr) char *config = outside("run.conf"), *descriptor = outside("aside/my.url");
    cleanup(free_ptr) char *program = program_built("bin/clipspool");
    cleanup(free_ptr) char *output = NULL;
    folder_put(&fixture.folder, "run.conf", "fetch = { allow_networks = \"127.0.0.1\"; };");
    put_text("my.url", link);
    int exit_status =
        PROGRAM_RUN(&output, program, "run", "-C", config, "-o", fixture.folder.path, descriptor);
    ck_assert_msg(exit_status == 0, "%d: %s", exit_status, output);
    ck_assert_msg(strstr(output, "/my-reel/final.mp4") != NULL, "%s", output);
    ck_assert_uint_eq(httpd_sent(&server), media_size(clip));
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, links_and_files_become_one_reel);
    tcase_add_loop_test(tcase, a_host_is_fetched_from_by_as_many_as_may_be, 0, 2);
    tcase_add_test(tcase, a_host_that_is_allowed_by_name_is_fetched_from);
    tcase_add_test(tcase, what_is_not_allowed_is_told_and_the_others_become_a_reel);
    tcase_add_loop_test(tcase, killed_in_the_middle_it_goes_on_where_it_stopped, 0,
                        ARRAY_LEN(kills));
    tcase_add_test(tcase, tried_again_after_it_failed_it_is_downloaded_again);
    tcase_add_test(tcase, a_link_can_be_given_to_run);
}

int main(int argc, char **argv)
{
    return spool_story_main(argc, argv, "dropped links", add_tests);
}
