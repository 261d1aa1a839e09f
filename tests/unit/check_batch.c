// A batch as understood: which files are sources, in which order, what is refused in which words,
// and batch.json.
#include "spool/batch.h"
#include "spool/descriptor.h"
#include "spool/settings.h"
#include "spool/step.h"
#include "tests/support/folder.h"
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

static struct folder folder;
static struct settings settings;
static struct batch batch;

static const char id[] = "20261122T041500Z-trip-3f2a";

static void set_up(void)
{
    struct config_report report = CONFIG_REPORT_INIT;
    settings = (struct settings){ .root = NULL };
    ck_assert_int_eq(settings_load(NULL, &settings, &report), 0);
    batch = (struct batch)BATCH_INIT;
    folder_make(&folder);
    ck_assert_int_eq(mkdirat(folder.fd, "in", 0755), 0);
}

static void tear_down(void)
{
    batch_release(&batch);
    settings_release(&settings);
    folder_remove(&folder);
}

static void put(const char *name, const char *text)
{
    cleanup(free_ptr) char *path = xasprintf("in/%s", name);
    folder_put(&folder, path, text);
}

static void make_dir(const char *name)
{
    cleanup(free_ptr) char *path = xasprintf("in/%s", name);
    ck_assert_int_eq(mkdirat(folder.fd, path, 0755), 0);
}

static void understand(void)
{
    struct err err = ERR_INIT;
    batch_release(&batch);
    ck_assert_msg(batch_understand(folder.fd, id, "trip", 1800000000, &settings, &batch, &err) == 0,
                  "%s", err.text);
}

// "name name ..." of the sources.
static void expect_sources(const char *expected)
{
    cleanup(free_ptr) char *joined = xstrdup("");
    for (size_t i = 0; i < batch.source_count; i++) {
        cleanup(free_ptr) char *old = joined;
        joined = xasprintf("%s%s%s", old, i ? " " : "", batch.sources[i].file);
    }
    ck_assert_str_eq(joined, expected);
}

static void expect_ignored(const char *expected)
{
    cleanup(free_ptr) char *joined = xstrdup("");
    for (size_t i = 0; batch.ignored[i] != NULL; i++) {
        cleanup(free_ptr) char *old = joined;
        joined = xasprintf("%s%s%s", old, i ? " " : "", batch.ignored[i]);
    }
    ck_assert_str_eq(joined, expected);
}

static void expect_refused(const char *error_id, const char *text)
{
    ck_assert_str_eq(batch.error.id, error_id);
    ck_assert_int_eq(batch.error.class, ERR_INPUT);
    ck_assert_msg(strstr(batch.error.text, text) != NULL, "%s", batch.error.text);
    ck_assert_msg(batch.error.hint[0] != 0, "no hint for %s", error_id);
}

// ---- names

static const struct {
    const char *name;
    int kind; // -1: no source
} names[] = {
    { "a.mp4", SOURCE_LOCAL },
    { "A.MP4", SOURCE_LOCAL },
    { "a.m2ts", SOURCE_LOCAL },
    { "a.ts", SOURCE_LOCAL },
    { "a.3gp", SOURCE_LOCAL },
    { "a.b.webm", SOURCE_LOCAL },
    { "a.url", SOURCE_URL },
    { "a.webloc", SOURCE_URL },
    { "a.desktop", SOURCE_URL },
    { "a.oss", SOURCE_OSS },
    { "a", -1 },
    { "mp4", -1 },
    { ".mp4", -1 },
    { "a.mp4.part", -1 },
    { "a.mp3", -1 },
    { "a.xmp4", -1 },
    { "", -1 },
    { "a.mp4 ", -1 },
    { "job.conf", -1 },
    { "-rf.mkv", SOURCE_LOCAL },
    { "\xff\n.mov", SOURCE_LOCAL },
};

START_TEST(a_source_is_known_by_its_ending)
{
    enum source_kind kind = SOURCE_LOCAL;
    bool is_source = batch_is_source_name(names[_i].name, &kind);
    ck_assert_msg(is_source == (names[_i].kind >= 0), "%s", names[_i].name);
    if (is_source)
        ck_assert_int_eq(kind, names[_i].kind);
}
END_TEST

static const struct {
    const char *id;
    bool is_id;
} ids[] = {
    { "20261122T041500Z-trip-3f2a", true },
    { "20261122T041500Z-a", true },
    { "", false },
    { "..", false },
    { "trip", false },
    { "2026/x", false },
    { "2026\n", false },
    { "gone.2026", false },
    { "2026.tmp", false },
};

START_TEST(an_id_is_one_plain_word)
{
    ck_assert_msg(batch_is_id(ids[_i].id) == ids[_i].is_id, "%s", ids[_i].id);
}
END_TEST

// ---- finding and ordering

START_TEST(videos_come_in_natural_order_and_the_rest_is_named)
{
    put("clip10.mp4", "x");
    put("clip2.MOV", "xy");
    put("notes.txt", "x");
    put("picture.jpg", "x");
    put(".DS_Store", "x");
    put("._clip2.MOV", "x");
    put(".ready", "");
    understand();
    ck_assert_int_eq(batch.error.class, ERR_NONE);
    expect_sources("clip2.MOV clip10.mp4");
    expect_ignored("notes.txt picture.jpg");
    ck_assert_uint_eq(batch.sources[0].size_bytes, 2);
    ck_assert_int_eq(batch.sources[0].profile, PROFILE_DYNAMIC);
    ck_assert_int_eq(batch.sources[0].error.class, ERR_NONE);
    ck_assert_str_eq(batch.id, id);
    ck_assert_str_eq(batch.name, "trip");
    ck_assert_int_eq(batch.created_at, 1800000000);
    ck_assert_ptr_null(batch.outbox);
}
END_TEST

START_TEST(folders_in_the_folder_are_searched)
{
    make_dir("day2");
    make_dir("@eaDir");
    put("@eaDir/thumb.mp4", "x");
    put("day2/b.mp4", "x");
    put("day2/job.conf", "strategy = \"story\";");
    put("a.mp4", "x");
    understand();
    expect_sources("a.mp4 day2/b.mp4");
    expect_ignored("day2/job.conf");
    ck_assert_int_eq(batch.job.strategy, STRATEGY_HIGHLIGHTS);
}
END_TEST

START_TEST(job_conf_orders_and_overrides)
{
    put("a.mp4", "x");
    put("b.mp4", "x");
    put("c10.mp4", "x");
    put("c9.mp4", "x");
    put("Job.CONF", "profile = \"balanced\"; title = \"T\";"
                    "sources = ( { file = \"c10.mp4\"; profile = \"aggressive\"; },"
                    " { file = \"b.mp4\"; } );");
    understand();
    ck_assert_msg(batch.error.class == ERR_NONE, "%s", batch.error.text);
    expect_sources("c10.mp4 b.mp4 a.mp4 c9.mp4");
    ck_assert_int_eq(batch.sources[0].profile, PROFILE_AGGRESSIVE);
    ck_assert_int_eq(batch.sources[1].profile, PROFILE_BALANCED);
    ck_assert_int_eq(batch.sources[3].profile, PROFILE_BALANCED);
    ck_assert_str_eq(batch.job.title, "T");
}
END_TEST

START_TEST(a_job_conf_that_an_editor_named_is_one_unless_there_is_the_other)
{
    put("a.mp4", "x");
    put("Job.conf.TXT", "strategy = \"story\";");
    understand();
    ck_assert_int_eq(batch.job.strategy, STRATEGY_STORY);
    expect_ignored("");
    batch_release(&batch);
    put("job.conf", "strategy = \"chronological\";");
    understand();
    ck_assert_int_eq(batch.job.strategy, STRATEGY_CHRONOLOGICAL);
    expect_ignored("Job.conf.TXT");
}
END_TEST

START_TEST(a_source_that_is_not_in_the_folder_is_told_by_name)
{
    put("a.mp4", "x");
    put("notes.txt", "x");
    put("job.conf", "sources = ( { file = \"A.mp4\"; } );");
    understand();
    expect_refused("unknown_source", "A.mp4");
    ck_assert_ptr_nonnull(strstr(batch.error.hint, "a.mp4"));
    expect_sources("a.mp4");
}
END_TEST

START_TEST(names_of_strange_bytes_are_taken_as_they_are)
{
    put("-rf.mp4", "x");
    put("new\nline \"quoted\".mp4", "x");
    put("\xf0\x9f\x8e\xac.mp4", "x");
    put("\xff\xfe.mp4", "x");
    understand();
    ck_assert_int_eq(batch.error.class, ERR_NONE);
    ck_assert_uint_eq(batch.source_count, 4);
    for (size_t i = 0; i < batch.source_count; i++)
        ck_assert_int_eq(batch.sources[i].error.class, ERR_NONE);
}
END_TEST

// ---- what is refused whole

START_TEST(an_empty_folder_has_no_videos)
{
    understand();
    expect_refused("no_videos", "empty");
    put(".DS_Store", "x");
    understand();
    expect_refused("no_videos", "empty");
    put("song.mp3", "x");
    understand();
    expect_refused("no_videos", "only other files");
    expect_ignored("song.mp3");
}
END_TEST

static void put_many(int count)
{
    for (int i = 0; i < count; i++) {
        cleanup(free_ptr) char *name = xasprintf("clip%d.mp4", i);
        put(name, "x");
    }
}

START_TEST(more_videos_than_allowed_are_told_with_both_counts)
{
    put_many(10);
    understand();
    ck_assert_int_eq(batch.error.class, ERR_NONE);
    put("one-more.mp4", "x");
    understand();
    expect_refused("too_many_sources", "11 videos, the limit is 10");
}
END_TEST

START_TEST(the_list_of_sources_has_an_end)
{
    put_many(BATCH_MAX_SOURCES + 5);
    understand();
    expect_refused("too_many_sources", "105 videos");
    ck_assert_uint_eq(batch.source_count, BATCH_MAX_SOURCES);
}
END_TEST

START_TEST(more_entries_than_allowed_are_refused)
{
    settings.max_entries = 3;
    put_many(3);
    understand();
    ck_assert_int_eq(batch.error.class, ERR_NONE);
    put("notes.txt", "x");
    understand();
    expect_refused("too_many_entries", "more than 3");
}
END_TEST

START_TEST(folders_nested_without_end_are_refused)
{
    cleanup(free_ptr) char *path = xstrdup("d");
    for (int i = 0; i < 9; i++) {
        make_dir(path);
        cleanup(free_ptr) char *old = path;
        path = xasprintf("%s/d", old);
    }
    understand();
    expect_refused("too_deep", "8 deep");
}
END_TEST

// ---- job.conf

static const struct {
    const char *what, *text, *told;
} bad_jobs[] = {
    { "syntax", "title = \"open\nprofile", "job.conf:" },
    { "two mistakes, the first", "titel = 1;\ntarget_duration = -4;", "titel" },
    { "two mistakes, the second", "titel = 1;\ntarget_duration = -4;", "job.conf:2" },
    { "contradiction", "min_segment = 9; max_segment = 3;", "longer than max_segment" },
    { "twice", "sources = ( { file = \"a.mp4\"; }, { file = \"a.mp4\"; } );", "twice" },
    { "webhook", "webhook = \"file:///etc/passwd\";", "neither http nor https" },
};

START_TEST(a_bad_job_conf_refuses_the_batch_and_keeps_its_videos)
{
    put("a.mp4", "x");
    put("job.conf", bad_jobs[_i].text);
    understand();
    expect_refused("bad_job_conf", bad_jobs[_i].told);
    expect_sources("a.mp4");
    ck_assert_str_eq(batch.job.output.resolution, "source");
    ck_assert_ptr_null(batch.job.webhook);
    // What was refused can be written down and read back.
    ck_assert_int_eq(batch_save(folder.fd, &batch, NULL), 0);
    batch_release(&batch);
    ck_assert_int_eq(batch_load(folder.fd, &batch, NULL), 0);
    expect_refused("bad_job_conf", bad_jobs[_i].told);
}
END_TEST

START_TEST(more_mistakes_than_fit_are_counted)
{
    cleanup(free_ptr) char *text = xstrdup("");
    for (int i = 0; i < 30; i++) {
        cleanup(free_ptr) char *old = text;
        text = xasprintf("%sunknown_key_%d = 1;\n", old, i);
    }
    put("a.mp4", "x");
    put("job.conf", text);
    understand();
    expect_refused("bad_job_conf", "unknown_key_0");
    const char *more = strstr(batch.error.text, "\n... and ");
    ck_assert_msg(more != NULL, "%s", batch.error.text);
    int lines = 0;
    for (const char *p = batch.error.text; p < more; p++)
        lines += *p == '\n';
    cleanup(free_ptr) char *expected = xasprintf("\n... and %d more", 30 - (lines + 1));
    ck_assert_str_eq(more, expected);
}
END_TEST

START_TEST(a_job_conf_beyond_64_kib_is_not_read)
{
    cleanup(free_ptr) char *text = xcalloc(JOB_MAX_BYTES + 2, 1);
    memset(text, '#', JOB_MAX_BYTES);
    put("a.mp4", "x");
    put("job.conf", text);
    understand();
    ck_assert_int_eq(batch.error.class, ERR_NONE);
    text[JOB_MAX_BYTES] = '#';
    put("job.conf", text);
    understand();
    expect_refused("bad_job_conf", "64 KiB");
}
END_TEST

START_TEST(a_job_conf_with_a_nul_byte_is_no_text)
{
    put("a.mp4", "x");
    cleanup(close_fd) int fd = openat(folder.fd, "in/job.conf", O_WRONLY | O_CREAT, 0644);
    ck_assert_int_eq(write(fd, "title = \"x\";\0 nonsense", 22), 22);
    understand();
    expect_refused("bad_job_conf", "NUL");
}
END_TEST

static void link_job(void)
{
    folder_put(&folder, "real.conf", "");
    ck_assert_int_eq(symlinkat("../real.conf", folder.fd, "in/job.conf"), 0);
}

static void pipe_job(void)
{
    ck_assert_int_eq(mkfifoat(folder.fd, "in/job.conf", 0644), 0);
}

static void folder_job(void)
{
    make_dir("job.conf");
}

static void (*const odd_jobs[])(void) = { link_job, pipe_job, folder_job };

START_TEST(a_job_conf_that_is_no_file_is_refused_at_once)
{
    put("a.mp4", "x");
    odd_jobs[_i]();
    understand();
    expect_refused("bad_job_conf", "job.conf");
}
END_TEST

// ---- single sources

static void make_symlink(void)
{
    folder_put(&folder, "elsewhere.mp4", "x");
    ck_assert_int_eq(symlinkat("../elsewhere.mp4", folder.fd, "in/bad.mp4"), 0);
}

static void make_dangling(void)
{
    ck_assert_int_eq(symlinkat("nowhere", folder.fd, "in/bad.mp4"), 0);
}

static void make_hard_link(void)
{
    folder_put(&folder, "elsewhere.mp4", "x");
    ck_assert_int_eq(linkat(folder.fd, "elsewhere.mp4", folder.fd, "in/bad.mp4", 0), 0);
}

static void make_fifo(void)
{
    ck_assert_int_eq(mkfifoat(folder.fd, "in/bad.mp4", 0644), 0);
}

static void make_socket(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/in/bad.mp4", folder.path);
    cleanup(close_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
}

static void make_empty(void)
{
    put("bad.mp4", "");
}

static void make_large(void)
{
    settings.max_source_bytes = 10;
    put("bad.mp4", "12345678901");
}

static void make_bad_link(void)
{
    put("bad.url", "https://example.org/a.mp4\nfile:///etc/passwd\n");
}

static void make_password_link(void)
{
    put("bad.url", "https://me:hunter2@example.org/a.mp4\n");
}

static void make_bad_object(void)
{
    put("bad.oss", "oss://bucket\n");
}

static void make_bad_descriptor(void)
{
    put("bad.desktop", "[Desktop Entry]\nType=Application\nExec=rm\n");
}

static void make_empty_url(void)
{
    put("bad.webloc", "");
}

static void make_linked_url(void)
{
    folder_put(&folder, "elsewhere.url", "https://example.org/a.mp4\n");
    ck_assert_int_eq(symlinkat("../elsewhere.url", folder.fd, "in/bad.url"), 0);
}

static void make_fifo_url(void)
{
    ck_assert_int_eq(mkfifoat(folder.fd, "in/bad.url", 0644), 0);
}

static void put_links(const char *name, int count)
{
    cleanup(free_ptr) char *text = xstrdup("");
    for (int i = 0; i < count; i++) {
        cleanup(free_ptr) char *old = text;
        text = xasprintf("%shttps://example.org/%d.mp4\n", old, i);
    }
    put(name, text);
}

static void make_many_links(void)
{
    put_links("bad.url", 101);
}

static void make_large_url(void)
{
    cleanup(free_ptr) char *text = xcalloc(DESCRIPTOR_MAX_BYTES + 2, 1);
    memset(text, '\n', DESCRIPTOR_MAX_BYTES + 1);
    put("bad.url", text);
}

static const struct {
    void (*make)(void);
    const char *error_id;
    enum source_kind kind;
} bad_sources[] = {
    { make_symlink, "symlink", SOURCE_LOCAL },
    { make_dangling, "symlink", SOURCE_LOCAL },
    { make_hard_link, "hard_link", SOURCE_LOCAL },
    { make_fifo, "fifo", SOURCE_LOCAL },
    { make_socket, "socket", SOURCE_LOCAL },
    { make_empty, "empty_file", SOURCE_LOCAL },
    { make_large, "too_large", SOURCE_LOCAL },
    { make_bad_link, "bad_link", SOURCE_URL },
    { make_password_link, "bad_link", SOURCE_URL },
    { make_bad_object, "bad_link", SOURCE_OSS },
    { make_bad_descriptor, "bad_descriptor", SOURCE_URL },
    { make_empty_url, "empty_file", SOURCE_URL },
    { make_linked_url, "symlink", SOURCE_URL },
    { make_fifo_url, "fifo", SOURCE_URL },
    { make_many_links, "too_many_links", SOURCE_URL },
    { make_large_url, "too_large", SOURCE_URL },
};

START_TEST(a_bad_source_is_told_and_the_others_are_fine)
{
    bad_sources[_i].make();
    put("good.mp4", "x");
    understand();
    ck_assert_int_eq(batch.error.class, ERR_NONE);
    ck_assert_uint_eq(batch.source_count, 2);
    const struct batch_source *bad = &batch.sources[0];
    ck_assert_str_eq(bad->error.id, bad_sources[_i].error_id);
    ck_assert_int_eq(bad->error.class, ERR_INPUT);
    ck_assert_int_eq(bad->kind, bad_sources[_i].kind);
    ck_assert_ptr_nonnull(strstr(bad->error.text, "bad."));
    ck_assert_msg(bad->error.hint[0] != 0, "%s", bad->error.id);
    ck_assert_ptr_null(strstr(bad->error.text, "hunter2"));
    ck_assert_ptr_null(bad->remote.url);
    ck_assert_int_eq(batch.sources[1].error.class, ERR_NONE);
}
END_TEST

START_TEST(a_copy_that_was_cut_off_is_refused_unless_its_owner_says_it_is_ready)
{
    put("bad.mp4", "x");
    ck_assert_int_eq(fchmodat(folder.fd, "in/bad.mp4", 0600, 0), 0);
    cleanup(free_ptr) char *path = xasprintf("%s/in/bad.mp4", folder.path);
    ck_assert_int_eq(truncate(path, 1 << 20), 0);
    understand();
    ck_assert_str_eq(batch.sources[0].error.id, "incomplete_file");
    ck_assert_ptr_nonnull(
        strstr(batch.sources[0].error.text, "bad.mp4: is cut off: it has a hole"));
    ck_assert_ptr_nonnull(strstr(batch.sources[0].error.hint, ".ready"));
    batch_release(&batch);
    put(".ready", "");
    understand();
    ck_assert_int_eq(batch.sources[0].error.class, ERR_NONE);
}
END_TEST

START_TEST(a_device_is_refused)
{
    if (mknodat(folder.fd, "in/bad.mp4", S_IFCHR | 0644, makedev(1, 3)) < 0) {
        puts("SKIP a_device_is_refused: devices can be made by root only");
        return;
    }
    understand();
    ck_assert_str_eq(batch.sources[0].error.id, "device");
}
END_TEST

START_TEST(a_file_we_may_not_read_is_refused)
{
    bool is_root = geteuid() == 0;
    put("bad.mp4", "x");
    ck_assert_int_eq(fchmodat(folder.fd, "in/bad.mp4", 0, 0), 0);
    ck_assert_int_eq(fchmod(folder.fd, 0755), 0);
    ck_assert(!is_root || seteuid(65534) == 0);
    understand();
    ck_assert(!is_root || seteuid(0) == 0);
    ck_assert_str_eq(batch.sources[0].error.id, "unreadable");
}
END_TEST

START_TEST(a_folder_we_may_not_read_is_refused)
{
    bool is_root = geteuid() == 0;
    ck_assert_int_eq(fchmodat(folder.fd, "in", 0, 0), 0);
    ck_assert_int_eq(fchmod(folder.fd, 0755), 0);
    ck_assert(!is_root || seteuid(65534) == 0);
    understand();
    ck_assert(!is_root || seteuid(0) == 0);
    ck_assert_int_eq(fchmodat(folder.fd, "in", 0755, 0), 0);
    expect_refused("unreadable", "cannot be read");
}
END_TEST

START_TEST(a_folder_inside_that_we_may_not_read_is_told_as_a_video_that_failed)
{
    bool is_root = geteuid() == 0;
    put("a.mp4", "x");
    ck_assert_int_eq(mkdirat(folder.fd, "in/more", 0), 0);
    ck_assert_int_eq(fchmod(folder.fd, 0755), 0);
    ck_assert(!is_root || seteuid(65534) == 0);
    understand();
    ck_assert(!is_root || seteuid(0) == 0);
    ck_assert_int_eq(fchmodat(folder.fd, "in/more", 0755, 0), 0);
    expect_sources("a.mp4 more");
    ck_assert_int_eq(batch.sources[0].error.class, ERR_NONE);
    ck_assert_str_eq(batch.sources[1].error.id, "unreadable");
    ck_assert_str_eq(batch.sources[1].error.text,
                     "more: is a folder that cannot be read: Permission denied");
}
END_TEST

START_TEST(a_private_spool_takes_links)
{
    settings.accept_links = true;
    folder_put(&folder, "one.mp4", "12");
    folder_put(&folder, "two.mp4", "123");
    ck_assert_int_eq(symlinkat("../one.mp4", folder.fd, "in/one.mp4"), 0);
    ck_assert_int_eq(linkat(folder.fd, "two.mp4", folder.fd, "in/two.mp4", 0), 0);
    ck_assert_int_eq(symlinkat("nowhere", folder.fd, "in/zero.mp4"), 0);
    ck_assert_int_eq(symlinkat("..", folder.fd, "in/zoo.mp4"), 0);
    understand();
    expect_sources("one.mp4 two.mp4 zero.mp4 zoo.mp4");
    ck_assert_int_eq(batch.sources[0].error.class, ERR_NONE);
    ck_assert_uint_eq(batch.sources[0].size_bytes, 2);
    ck_assert_int_eq(batch.sources[1].error.class, ERR_NONE);
    ck_assert_str_eq(batch.sources[2].error.id, "symlink");
    ck_assert_str_eq(batch.sources[3].error.id, "not_a_file");
}
END_TEST

START_TEST(a_link_in_the_folder_is_never_followed_to_a_folder)
{
    ck_assert_int_eq(mkdirat(folder.fd, "elsewhere", 0755), 0);
    folder_put(&folder, "elsewhere/secret.mp4", "x");
    ck_assert_int_eq(symlinkat("../elsewhere", folder.fd, "in/more"), 0);
    put("a.mp4", "x");
    understand();
    expect_sources("a.mp4");
    expect_ignored("more");
}
END_TEST

// ---- videos elsewhere

START_TEST(each_link_is_a_source_of_its_own)
{
    settings.max_source_bytes = 10; // says nothing of descriptors
    put("b.url", "[InternetShortcut]\r\nURL=https://example.org/one.mp4\r\n");
    put("c.url", "https://example.org/two.mp4?key=7\nHTTPS://Example.org:443/three.mp4\n");
    put("a.mp4", "x");
    put("d.oss", "profile = mine\noss://videos/four.mp4\ns3://videos/sub/five\n");
    understand();
    ck_assert_int_eq(batch.error.class, ERR_NONE);
    expect_sources("a.mp4 b.url c.url c.url d.oss d.oss");
    const struct batch_source *s = batch.sources;
    for (size_t i = 0; i < batch.source_count; i++) {
        ck_assert_int_eq(s[i].error.class, ERR_NONE);
        ck_assert_uint_eq(s[i].part, i == 3 || i == 5);
        ck_assert_uint_eq(s[i].size_bytes, i == 0);
        ck_assert_int_eq(s[i].kind, i == 0 ? SOURCE_LOCAL : i < 4 ? SOURCE_URL : SOURCE_OSS);
    }
    ck_assert_str_eq(s[1].remote.url, "https://example.org/one.mp4");
    ck_assert_str_eq(s[2].remote.url, "https://example.org/two.mp4?key=7");
    ck_assert_str_eq(s[3].remote.url, "https://example.org/three.mp4");
    ck_assert_str_eq(s[4].remote.key, "four.mp4");
    ck_assert_str_eq(s[5].remote.profile, "mine");
    ck_assert_int_eq(s[5].remote.kind, REMOTE_S3);
}
END_TEST

START_TEST(the_links_of_a_file_stay_together_and_have_one_profile)
{
    put("a.mp4", "x");
    put_links("b.url", 12);
    put("c.mp4", "x");
    put("job.conf", "sources = ( { file = \"c.mp4\"; },"
                    " { file = \"b.url\"; profile = \"aggressive\"; } );");
    settings.max_sources = 20;
    understand();
    ck_assert_msg(batch.error.class == ERR_NONE, "%s", batch.error.text);
    ck_assert_uint_eq(batch.source_count, 14);
    ck_assert_str_eq(batch.sources[0].file, "c.mp4");
    ck_assert_str_eq(batch.sources[13].file, "a.mp4");
    for (unsigned i = 0; i < 12; i++) {
        cleanup(free_ptr) char *link = xasprintf("https://example.org/%u.mp4", i);
        ck_assert_uint_eq(batch.sources[i + 1].part, i);
        ck_assert_str_eq(batch.sources[i + 1].remote.url, link);
        ck_assert_int_eq(batch.sources[i + 1].profile, PROFILE_AGGRESSIVE);
    }
    ck_assert_int_eq(batch.sources[13].profile, PROFILE_DYNAMIC);
}
END_TEST

START_TEST(links_count_as_videos_do)
{
    put_links("a.url", 8);
    put("b.mp4", "x");
    put("c.mp4", "x");
    understand();
    ck_assert_int_eq(batch.error.class, ERR_NONE);
    put("d.mp4", "x");
    understand();
    expect_refused("too_many_sources", "11 videos, the limit is 10");
    put_links("a.url", 60);
    put_links("b.url", 60);
    understand();
    expect_refused("too_many_sources", "123 videos");
    ck_assert_uint_eq(batch.source_count, BATCH_MAX_SOURCES);
}
END_TEST

START_TEST(a_private_spool_follows_a_link_to_a_descriptor)
{
    settings.accept_links = true;
    make_linked_url();
    ck_assert_int_eq(symlinkat("..", folder.fd, "in/folder.url"), 0);
    understand();
    ck_assert_str_eq(batch.sources[0].remote.url, "https://example.org/a.mp4");
    ck_assert_str_eq(batch.sources[1].error.id, "not_a_file");
}
END_TEST

static const struct {
    const char *file, *text, *name;
} shown[] = {
    { "a.url", "https://example.org/x/holiday%202.mp4", "holiday 2.mp4" },
    { "a.url", "https://example.org/x/holiday.mp4?signature=secret", "holiday.mp4" },
    { "a.url", "https://example.org/watch?v=secret", "https://example.org/watch" },
    { "a.url", "https://example.org/?file=/secret.mp4", "https://example.org/" },
    { "a.url", "https://example.org/a%0Ab.mp4", "a\\x0Ab.mp4" },
    { "a.url", "https://example.org/%FF.mov", "\\xFF.mov" },
    { "a.url", "https://example.org/other.url", "https://example.org/other.url" },
    { "a.oss", "oss://bucket/sub/party.mp4", "party.mp4" },
    { "a.oss", "s3://bucket/sub/50%25.mp4", "50%25.mp4" },
    { "a.oss", "oss://bucket/sub/party", "oss://bucket/sub/party" },
    { "a.mp4", "x", "a.mp4" },
    { "a.url", "nonsense", "a.url" },
};

START_TEST(a_video_elsewhere_has_a_name_without_what_is_secret)
{
    put(shown[_i].file, shown[_i].text);
    understand();
    cleanup(free_ptr) char *name = batch_source_name(&batch.sources[0]);
    ck_assert_str_eq(name, shown[_i].name);
}
END_TEST

// ---- batch.json

START_TEST(a_batch_comes_back_as_it_was)
{
    make_fifo();
    put("b\xff\n.mov", "xyz");
    put("notes\t.txt", "x");
    put("job.conf", "title = \"T\"; profile = \"conservative\";");
    understand();
    batch.outbox = xstrdup("trip-2\xfe");
    ck_assert_int_eq(batch_save(folder.fd, &batch, NULL), 0);

    struct batch back = BATCH_INIT;
    struct err err = ERR_INIT;
    ck_assert_msg(batch_load(folder.fd, &back, &err) == 0, "%s", err.text);
    ck_assert_str_eq(back.id, id);
    ck_assert_str_eq(back.name, "trip");
    ck_assert_str_eq(back.outbox, "trip-2\xfe");
    ck_assert_int_eq(back.created_at, 1800000000);
    ck_assert_str_eq(back.job.title, "T");
    ck_assert_uint_eq(back.source_count, 2);
    ck_assert_str_eq(back.sources[0].error.id, "fifo");
    ck_assert_str_eq(back.sources[1].file, "b\xff\n.mov");
    ck_assert_uint_eq(back.sources[1].size_bytes, 3);
    ck_assert_int_ne(back.sources[1].modified_ns, 0);
    ck_assert_int_eq(back.sources[1].modified_ns, batch.sources[1].modified_ns);
    ck_assert_int_eq(back.sources[1].profile, PROFILE_CONSERVATIVE);
    ck_assert_str_eq(back.ignored[0], "notes\t.txt");
    ck_assert_ptr_null(back.ignored[1]);
    batch_release(&back);
}
END_TEST

// ---- storage

static const struct {
    const char *name, *job;
    int service;
    bool has_bucket;
    int storage; // -1: refused
} storages[] = {
    { "nothing is said anywhere", "", STORAGE_LOCAL, false, STORAGE_LOCAL },
    { "the service decides", "", STORAGE_HYBRID, true, STORAGE_HYBRID },
    { "the job decides", "storage = \"oss\";", STORAGE_HYBRID, true, STORAGE_OSS },
    { "the job keeps it here", "storage = \"local\";", STORAGE_OSS, true, STORAGE_LOCAL },
    { "the job wants a bucket that may be had", "storage = \"hybrid\";", STORAGE_LOCAL, true,
      STORAGE_HYBRID },
    { "the job wants one that there is not", "storage = \"oss\";", STORAGE_LOCAL, false, -1 },
};

START_TEST(where_a_reel_goes_is_decided_once_and_kept)
{
    settings.storage = storages[_i].service;
    settings.bucket = storages[_i].has_bucket ? xstrdup("main") : NULL;
    put("a.mp4", "x");
    put("job.conf", storages[_i].job);
    understand();
    if (storages[_i].storage < 0) {
        expect_refused("bad_job_conf", "needs a bucket");
        return;
    }
    ck_assert_int_eq(batch.error.class, ERR_NONE);
    // What the configuration says later is of no account.
    free_ptr(&settings.bucket);
    ck_assert_int_eq(batch_save(folder.fd, &batch, NULL), 0);
    batch_release(&batch);
    ck_assert_int_eq(batch_load(folder.fd, &batch, NULL), 0);
    ck_assert_int_eq(batch.storage, storages[_i].storage);
    ck_assert_int_eq(batch.bucket != NULL, batch.storage != STORAGE_LOCAL);
    if (batch.bucket != NULL)
        ck_assert_str_eq(batch.bucket, "main");
}
END_TEST

// ---- models

static const struct {
    const char *name, *job, *refused; // the last: words of the refusal, or NULL
    int vision, speech;
} models[] = {
    { "nothing is said", "", NULL, MODEL_OPENAI, MODEL_NONE },
    { "the job decides", "analysis = { vision = \"local\"; speech = \"local\"; };", NULL,
      MODEL_LOCAL, MODEL_LOCAL },
    { "the job wants what is not set up", "analysis = { vision = \"dashscope\"; };",
      "analysis.vision: \"dashscope\" is not set up", 0, 0 },
};

START_TEST(who_looks_is_decided_once_and_kept)
{
    settings.models.role[MODEL_VISION] = MODEL_OPENAI;
    put("a.mp4", "x");
    put("job.conf", models[_i].job);
    understand();
    if (models[_i].refused != NULL) {
        expect_refused("bad_job_conf", models[_i].refused);
        return;
    }
    ck_assert_int_eq(batch.error.class, ERR_NONE);
    settings.models.role[MODEL_VISION] = MODEL_LOCAL; // which is of no account any more
    ck_assert_int_eq(batch_save(folder.fd, &batch, NULL), 0);
    batch_release(&batch);
    ck_assert_int_eq(batch_load(folder.fd, &batch, NULL), 0);
    ck_assert_int_eq(batch.roles[MODEL_VISION], models[_i].vision);
    ck_assert_int_eq(batch.roles[MODEL_TEXT], MODEL_LOCAL);
    ck_assert_int_eq(batch.roles[MODEL_SPEECH], models[_i].speech);
}
END_TEST

static void expect_same(const char *is, const char *due)
{
    ck_assert_msg((is == NULL) == (due == NULL) && (is == NULL || strcmp(is, due) == 0),
                  "\"%s\" became \"%s\"", due ? due : "nothing", is ? is : "nothing");
}

START_TEST(where_videos_are_comes_back)
{
    put("a.mp4", "x");
    put("b.url", "https://example.org/v?a=1&b=%22\nhttps://example.org/w\n");
    put("c.oss",
        "endpoint = http://127.0.0.1:9000\nregion = cn-hangzhou\nprofile = mine\n"
        "oss://bucket/\xe5\x89\x8d \"x\".mp4\nhttps://s3.eu-west-1.amazonaws.com/bucket/k\n");
    put("d.url", "no link");
    understand();
    ck_assert_int_eq(batch_save(folder.fd, &batch, NULL), 0);
    struct batch back = BATCH_INIT;
    struct err err = ERR_INIT;
    ck_assert_msg(batch_load(folder.fd, &back, &err) == 0, "%s", err.text);
    ck_assert_uint_eq(back.source_count, 6);
    for (size_t i = 0; i < back.source_count; i++) {
        const struct batch_source *is = &back.sources[i], *due = &batch.sources[i];
        ck_assert_str_eq(is->file, due->file);
        ck_assert_uint_eq(is->part, due->part);
        ck_assert_int_eq(is->kind, due->kind);
        ck_assert_int_eq(is->remote.kind, due->remote.kind);
        expect_same(is->remote.url, due->remote.url);
        expect_same(is->remote.bucket, due->remote.bucket);
        expect_same(is->remote.key, due->remote.key);
        expect_same(is->remote.endpoint, due->remote.endpoint);
        expect_same(is->remote.region, due->remote.region);
        expect_same(is->remote.profile, due->remote.profile);
        ck_assert_int_eq(is->remote.path_style, due->remote.path_style);
    }
    ck_assert_str_eq(back.sources[4].remote.profile, "mine");
    ck_assert(back.sources[4].remote.path_style);
    ck_assert_str_eq(back.sources[5].error.id, "bad_link");
    batch_release(&back);
}
END_TEST

START_TEST(a_batch_that_was_not_understood_yet_is_no_error_to_report)
{
    struct err err = ERR_INIT;
    ck_assert_int_eq(batch_load(folder.fd, &batch, &err), -ENOENT);
    ck_assert_int_eq(err.class, ERR_NONE);
}
END_TEST

#define URL "[{\"file\":\"a\",\"kind\":\"url\",\"profile\":\"dynamic\""
#define OSS "[{\"file\":\"a\",\"kind\":\"oss\",\"profile\":\"dynamic\""
#define OBJECT "{\"service\":\"oss\",\"bucket\":\"abc\""

// Each takes the place of one key of a sound file.
static const struct {
    const char *key, *value;
} damage[] = {
    { "version", "2" },
    { "version", "null" },
    { "id", "\"../../etc\"" },
    { "id", "null" },
    { "name", "null" },
    { "name", "\"a/b\"" },
    { "name", "\"..\"" },
    { "name", "\"\\\\xq\"" },
    { "outbox", "\"../x\"" },
    { "outbox", "7" },
    { "created_at", "\"now\"" },
    { "job", "null" },
    { "job", "{\"profile\":\"x\"}" },
    { "error", "{}" },
    { "storage", "\"oss\"" },
    { "storage", "\"service\"" },
    { "bucket", "\"main\"" },
    { "sources", "null" },
    { "sources", "{}" },
    { "sources", "[7]" },
    { "sources", "[{\"file\":\"../a\",\"kind\":\"local\",\"profile\":\"dynamic\"}]" },
    { "sources", "[{\"file\":\"/a\",\"kind\":\"local\",\"profile\":\"dynamic\"}]" },
    { "sources", "[{\"file\":\"a//b\",\"kind\":\"local\",\"profile\":\"dynamic\"}]" },
    { "sources", URL "}]" },
    { "sources", URL ",\"remote\":7}]" },
    { "sources", URL ",\"remote\":{\"service\":\"ftp\"}}]" },
    { "sources", URL ",\"remote\":{\"service\":\"url\",\"url\":\"file:///etc/passwd\"}}]" },
    { "sources", URL ",\"remote\":{\"service\":\"url\",\"url\":\"https://a@b/\"}}]" },
    { "sources", URL ",\"remote\":{\"service\":\"url\",\"url\":\"HTTPS://b/\"}}]" },
    { "sources", URL ",\"remote\":{\"service\":\"oss\",\"bucket\":\"abc\",\"key\":\"k\"}}]" },
    { "sources", URL ",\"part\":100,\"remote\":{\"service\":\"url\",\"url\":\"https://b/\"}}]" },
    { "sources", OSS "}]" },
    { "sources", OSS ",\"remote\":{\"service\":\"url\",\"url\":\"https://b/\"}}]" },
    { "sources", OSS ",\"remote\":{\"service\":\"oss\",\"bucket\":\"abc\"}}]" },
    { "sources", OSS ",\"remote\":{\"service\":\"s3\",\"bucket\":\"a/b\",\"key\":\"k\"}}]" },
    { "sources", OSS ",\"remote\":" OBJECT ",\"key\":\"a\\nb\"}}]" },
    { "sources", OSS ",\"remote\":" OBJECT ",\"key\":\"k\",\"endpoint\":\"http://a/b\"}}]" },
    { "sources", OSS ",\"remote\":" OBJECT ",\"key\":\"k\",\"region\":\"a b\"}}]" },
    { "sources", OSS ",\"remote\":" OBJECT ",\"key\":\"k\",\"profile\":\"../x\"}}]" },
    { "sources", OSS ",\"remote\":" OBJECT ",\"key\":\"k\",\"path_style\":1}}]" },
    { "sources", "[{\"file\":\"a\",\"kind\":\"ftp\",\"profile\":\"dynamic\"}]" },
    { "sources", "[{\"file\":\"a\",\"kind\":\"local\",\"profile\":\"same\"}]" },
    { "sources", "[{\"file\":\"a\",\"kind\":\"local\",\"profile\":\"dynamic\","
                 "\"size_bytes\":-1}]" },
};

START_TEST(a_damaged_batch_is_refused_whole)
{
    put("a.mp4", "x");
    understand();
    ck_assert_int_eq(batch_save(folder.fd, &batch, NULL), 0);
    batch_release(&batch);

    cleanup(json_free) json_t *json = NULL;
    ck_assert_int_eq(json_read(folder.fd, BATCH_FILE, 1 << 20, &json, NULL), 0);
    json_t *value = json_loads(damage[_i].value, JSON_DECODE_ANY, NULL);
    ck_assert_ptr_nonnull(value);
    json_put(json, damage[_i].key, value);
    ck_assert_int_eq(json_write(folder.fd, BATCH_FILE, json, NULL), 0);

    struct err err = ERR_INIT;
    ck_assert_msg(batch_load(folder.fd, &batch, &err) < 0, "%s %s", damage[_i].key,
                  damage[_i].value);
    ck_assert_int_eq(err.class, ERR_INPUT);
    ck_assert_ptr_null(batch.id);
}
END_TEST

START_TEST(the_directory_of_a_source_is_made_when_it_is_opened)
{
    cleanup(close_fd) int first = batch_open_source(folder.fd, 3, NULL);
    cleanup(close_fd) int again = batch_open_source(folder.fd, 3, NULL);
    struct stat a, b;
    ck_assert_int_eq(fstat(first, &a), 0);
    ck_assert_int_eq(fstat(again, &b), 0);
    ck_assert(a.st_ino == b.st_ino);
    ck_assert_int_eq(fstatat(folder.fd, "3", &b, 0), 0);
    ck_assert(a.st_ino == b.st_ino);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("batch");
    TCase *tcase = tcase_create("batch");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, a_source_is_known_by_its_ending, 0, (int)ARRAY_LEN(names));
    tcase_add_loop_test(tcase, an_id_is_one_plain_word, 0, (int)ARRAY_LEN(ids));
    tcase_add_test(tcase, videos_come_in_natural_order_and_the_rest_is_named);
    tcase_add_test(tcase, folders_in_the_folder_are_searched);
    tcase_add_test(tcase, job_conf_orders_and_overrides);
    tcase_add_test(tcase, a_job_conf_that_an_editor_named_is_one_unless_there_is_the_other);
    tcase_add_test(tcase, a_source_that_is_not_in_the_folder_is_told_by_name);
    tcase_add_test(tcase, names_of_strange_bytes_are_taken_as_they_are);
    tcase_add_test(tcase, an_empty_folder_has_no_videos);
    tcase_add_test(tcase, more_videos_than_allowed_are_told_with_both_counts);
    tcase_add_test(tcase, the_list_of_sources_has_an_end);
    tcase_add_test(tcase, more_entries_than_allowed_are_refused);
    tcase_add_test(tcase, folders_nested_without_end_are_refused);
    tcase_add_loop_test(tcase, a_bad_job_conf_refuses_the_batch_and_keeps_its_videos, 0,
                        (int)ARRAY_LEN(bad_jobs));
    tcase_add_test(tcase, more_mistakes_than_fit_are_counted);
    tcase_add_test(tcase, a_job_conf_beyond_64_kib_is_not_read);
    tcase_add_test(tcase, a_job_conf_with_a_nul_byte_is_no_text);
    tcase_add_loop_test(tcase, a_job_conf_that_is_no_file_is_refused_at_once, 0,
                        (int)ARRAY_LEN(odd_jobs));
    tcase_add_loop_test(tcase, a_bad_source_is_told_and_the_others_are_fine, 0,
                        (int)ARRAY_LEN(bad_sources));
    tcase_add_test(tcase, a_copy_that_was_cut_off_is_refused_unless_its_owner_says_it_is_ready);
    tcase_add_test(tcase, a_device_is_refused);
    tcase_add_test(tcase, a_file_we_may_not_read_is_refused);
    tcase_add_test(tcase, a_folder_we_may_not_read_is_refused);
    tcase_add_test(tcase, a_folder_inside_that_we_may_not_read_is_told_as_a_video_that_failed);
    tcase_add_test(tcase, a_private_spool_takes_links);
    tcase_add_test(tcase, a_link_in_the_folder_is_never_followed_to_a_folder);
    tcase_add_test(tcase, a_batch_comes_back_as_it_was);
    tcase_add_loop_test(tcase, where_a_reel_goes_is_decided_once_and_kept, 0,
                        (int)ARRAY_LEN(storages));
    tcase_add_loop_test(tcase, who_looks_is_decided_once_and_kept, 0, (int)ARRAY_LEN(models));
    tcase_add_test(tcase, each_link_is_a_source_of_its_own);
    tcase_add_test(tcase, the_links_of_a_file_stay_together_and_have_one_profile);
    tcase_add_test(tcase, links_count_as_videos_do);
    tcase_add_test(tcase, a_private_spool_follows_a_link_to_a_descriptor);
    tcase_add_loop_test(tcase, a_video_elsewhere_has_a_name_without_what_is_secret, 0,
                        (int)ARRAY_LEN(shown));
    tcase_add_test(tcase, where_videos_are_comes_back);
    tcase_add_test(tcase, a_batch_that_was_not_understood_yet_is_no_error_to_report);
    tcase_add_loop_test(tcase, a_damaged_batch_is_refused_whole, 0, (int)ARRAY_LEN(damage));
    tcase_add_test(tcase, the_directory_of_a_source_is_made_when_it_is_opened);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
