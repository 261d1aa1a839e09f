// Downloads over real sockets: whole, broken, changed, lied about; what is left and what is asked.
#include "base/fs.h"
#include "base/json.h"
#include "net/download.h"
#include "tests/support/folder.h"
#include "tests/support/httpd.h"
#include "tests/support/program.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

static struct httpd server;
static struct folder folder; // what is fetched lies here
static struct http_rules rules;
static struct download_result result;
static struct err err;
static uint64_t max_bytes;

static void set_up(void)
{
    // A limit that does not hold must fail the test, not fill the disk of who runs it.
    const struct rlimit most = { .rlim_cur = UINT64_C(3) << 30, .rlim_max = UINT64_C(3) << 30 };
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &most), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    httpd_start(&server, NULL);
    folder_make(&folder);
    // A busy machine is silent for a while too; only who is silent on purpose is given up soon.
    rules = (struct http_rules){ .stall_seconds = 60, .stall_bytes_per_second = 1024 };
    ck_assert_int_eq(address_list_parse("127.0.0.1", &rules.allow_networks, NULL), 0);
    result = (struct download_result)DOWNLOAD_RESULT_INIT;
    max_bytes = 10 << 20;
}

static void tear_down(void)
{
    download_result_release(&result);
    folder_remove(&folder);
    httpd_stop(&server);
}

static uint64_t last_bytes, last_total;

static void note(void *context, uint64_t bytes, uint64_t total)
{
    (void)context;
    last_bytes = bytes;
    last_total = total;
}

static int fetch_link(const char *link)
{
    struct http *http = http_new(&rules);
    const struct download_order order = {
        .http = http,
        .link = link,
        .max_redirects = 5,
        .max_bytes = max_bytes,
        .dirfd = folder.fd,
        .name = "source",
        .progress = note,
    };
    err = (struct err)ERR_INIT;
    download_result_release(&result);
    int r = download(&order, &result, &err);
    ck_assert_msg((r < 0) == (err.class != ERR_NONE), "%d %s", r, err.text);
    http_free(&http);
    return r;
}

static int fetch(const char *query)
{
    char *link = httpd_link(&server, "/clip.mp4?%s", query);
    int r = fetch_link(link);
    free(link);
    return r;
}

// The file holds the first `size` bytes of the object of that seed.
static void assert_holds(const char *name, size_t size, unsigned seed)
{
    struct stat st;
    ck_assert_int_eq(fstatat(folder.fd, name, &st, 0), 0);
    ck_assert_uint_eq((size_t)st.st_size, size);
    cleanup(close_fd) int fd = openat(folder.fd, name, O_RDONLY | O_CLOEXEC);
    cleanup(free_ptr) char *is = xcalloc(size + 1, 1), *due = xcalloc(size + 1, 1);
    ck_assert_int_eq(read(fd, is, size), (ssize_t)size);
    httpd_fill(due, size, 0, seed);
    ck_assert_msg(memcmp(is, due, size) == 0, "%s is another object", name);
}

static void assert_whole(size_t size, unsigned seed)
{
    char *output = NULL, *path = xasprintf("%s/source", folder.path);
    assert_holds("source", size, seed);
    ck_assert_uint_eq(result.size_bytes, size);
    ck_assert_int_eq(PROGRAM_RUN(&output, "sha256sum", path), 0);
    ck_assert_msg(strncmp(output, result.sha256, 64) == 0, "%s", result.sha256);
    free(output);
    free(path);
    char *names = folder_names(&folder, ".");
    ck_assert_str_eq(names, "source source.json");
    free(names);
}

static void assert_nothing_left(void)
{
    char *names = folder_names(&folder, ".");
    ck_assert_str_eq(names, "");
    free(names);
}

START_TEST(a_file_arrives_whole_with_its_name_type_and_checksum)
{
    ck_assert_msg(fetch("size=3000000&etag=a&type=video/mp4;x=y&"
                        "disposition=attachment;filename=\"beach%20day.mp4\"") == 0,
                  "%s", err.text);
    assert_whole(3000000, 1);
    ck_assert_str_eq(result.name, "beach day.mp4");
    ck_assert_str_eq(result.type, "video/mp4");
    ck_assert_uint_eq(result.requests, 1);
    ck_assert_uint_eq(result.received_bytes, 3000000);
    ck_assert_uint_eq(last_bytes, 3000000);
    ck_assert_uint_eq(last_total, 3000000);
}
END_TEST

START_TEST(what_came_whole_is_not_fetched_again)
{
    ck_assert_int_eq(fetch("size=30000"), 0);
    char *first = xstrdup(result.sha256);
    ck_assert_int_eq(fetch("size=30000"), 0);
    ck_assert_uint_eq(result.requests, 0);
    ck_assert_str_eq(result.sha256, first);
    ck_assert_str_eq(result.name, "clip.mp4");
    // Another link is another file.
    ck_assert_int_eq(fetch("size=20000&seed=2"), 0);
    assert_whole(20000, 2);
    free(first);
}
END_TEST

// Servers of all kinds that give the file in the end: `received` is what comes in all.
static const struct {
    const char *name, *query;
    unsigned requests;
    uint64_t received;
    unsigned seed;
    size_t size;
} good[] = {
    { "chunked, no length", "size=500000&chunked=1", 1, 500000, 1, 500000 },
    { "breaks twice", "size=500000&etag=a&break=200000", 3, 500000, 1, 500000 },
    { "breaks, known by its date", "size=500000&modified=1&break=200000", 3, 500000, 1, 500000 },
    { "breaks each 20000 bytes", "size=500000&etag=a&break=20000", 25, 500000, 1, 500000 },
    { "stalls once", "size=500000&etag=a&stall=200000&times=1", 2, 500000, 1, 500000 },
    { "small parts", "size=500000&etag=a&break=100&times=1&most=100000", 6, 500000, 1, 500000 },
    { "knows no parts", "size=500000&etag=a&break=200000&times=1&noranges=1", 2, 700000, 1,
      500000 },
    { "changes, and says so", "size=500000&etag=a&break=200000&times=1&change=2", 2, 700001, 2,
      500001 },
    { "changes, by its date", "size=500000&modified=1&break=200000&times=1&change=2", 2, 700001, 2,
      500001 },
    { "changes, and sends a part", "size=500000&etag=a&break=200000&times=1&change=2&blind=1", 3,
      700001, 2, 500001 },
    { "redirects", "hops=3&size=500000&etag=a", 1, 500000, 1, 500000 },
};

START_TEST(the_file_arrives_whole_from_a_server_that)
{
    if (strstr(good[_i].query, "stall="))
        rules.stall_seconds = 0.5;
    ck_assert_msg(fetch(good[_i].query) == 0, "%s: %s %s", good[_i].name, err.id, err.text);
    assert_whole(good[_i].size, good[_i].seed);
    ck_assert_msg(result.requests == good[_i].requests, "%s: %u requests", good[_i].name,
                  result.requests);
    ck_assert_msg(result.received_bytes == good[_i].received, "%s: %" PRIu64 " bytes",
                  good[_i].name, result.received_bytes);
}
END_TEST

static const struct {
    const char *name, *query, *id;
    enum err_class class;
    unsigned requests;
} bad[] = {
    { "not there", "status=404", "not_there", ERR_INPUT, 1 },
    { "gone", "status=410", "not_there", ERR_INPUT, 1 },
    { "teapot", "status=418", "server_refused", ERR_INPUT, 1 },
    { "login", "status=401", "access_refused", ERR_DENIED, 1 },
    { "forbidden", "status=403", "access_refused", ERR_DENIED, 1 },
    { "page", "size=1000&type=text/html", "web_page", ERR_INPUT, 1 },
    { "empty", "size=0", "empty_file", ERR_INPUT, 1 },
    { "no content", "status=204", "empty_file", ERR_INPUT, 1 },
    { "packed", "size=1000&encoding=gzip", "encoded", ERR_INPUT, 1 },
    { "too large", "size=10485761", "too_large", ERR_INPUT, 1 },
    { "too large by a lie", "size=1000&length=99999999999", "too_large", ERR_INPUT, 1 },
    { "without end", "endless=1", "too_large", ERR_INPUT, 1 },
    { "wrong part", "size=500000&etag=a&break=1000&wrong=1", "bad_answer", ERR_INPUT, 2 },
    { "loop", "loop=1", "too_many_redirects", ERR_INPUT, 1 },
    { "fields without end", "flood=1", "bad_answer", ERR_INPUT, 1 },
    { "no HTTP", "rubbish=1", "bad_answer", ERR_INPUT, 1 },
    { "to a file", "location=file:///etc/passwd", "bad_link", ERR_INPUT, 1 },
    { "to the metadata", "location=http://169.254.169.254/", "address_refused", ERR_DENIED, 1 },
};

START_TEST(an_error_that_stays_is_final_and_leaves_nothing)
{
    ck_assert_int_lt(fetch(bad[_i].query), 0);
    ck_assert_msg(strcmp(err.id, bad[_i].id) == 0, "%s: %s %s", bad[_i].name, err.id, err.text);
    ck_assert_int_eq(err.class, bad[_i].class);
    ck_assert_uint_eq(err.retry_after, 0);
    ck_assert_msg(result.requests == bad[_i].requests, "%s: %u requests", bad[_i].name,
                  result.requests);
    assert_nothing_left();
}
END_TEST

static const struct {
    const char *name, *query, *id;
    unsigned retry_after;
} passing[] = {
    { "busy", "status=503&retry=120", "server_busy", 120 },
    { "too often", "status=429&retry=7", "server_busy", 7 },
    { "times out", "status=408", "server_busy", 0 },
    { "broken", "status=500", "server_busy", 0 },
    { "mute", "mute=1", "stalled", 0 },
    { "says too much", "size=500000&length=600000", "cut_off", 0 },
    { "breaks, and proves nothing", "size=500000&break=1000", "cut_off", 0 },
    { "breaks, and proves it weakly", "size=500000&weak=a&break=1000", "cut_off", 0 },
    { "breaks for ever", "size=500000&etag=a&break=100", "cut_off", 0 },
    { "breaks at the same place", "size=500000&etag=a&break=1000&noranges=1", "cut_off", 0 },
    { "stalls", "size=500000&stall=1000", "stalled", 0 },
    { "drips", "size=500000&drip=10", "stalled", 0 },
    { "changes at each look", "size=500000&etag=a&break=1000&blind=1&rolling=1",
      "changes_all_the_time", 0 },
};

START_TEST(an_error_that_may_pass_is_to_be_tried_again)
{
    if (strcmp(passing[_i].id, "stalled") == 0)
        rules.stall_seconds = 0.5;
    ck_assert_int_lt(fetch(passing[_i].query), 0);
    ck_assert_msg(strcmp(err.id, passing[_i].id) == 0, "%s: %s %s", passing[_i].name, err.id,
                  err.text);
    ck_assert_int_eq(err.class, ERR_RETRY);
    ck_assert_uint_eq(err.retry_after, passing[_i].retry_after);
}
END_TEST

START_TEST(a_later_call_goes_on_where_an_earlier_one_was_left)
{
    // It brings 25 pieces and one more, then gives up.
    ck_assert_int_lt(fetch("size=5000000&etag=a&break=100000"), 0);
    ck_assert_str_eq(err.id, "cut_off");
    assert_holds("source.part", 2600000, 1);
    uint64_t first = result.received_bytes;
    ck_assert_int_eq(fetch("size=5000000&etag=a&break=100000"), 0);
    assert_whole(5000000, 1);
    ck_assert_uint_eq(first + result.received_bytes, 5000000);
    ck_assert_uint_eq(httpd_sent(&server), 5000000);
}
END_TEST

START_TEST(after_a_start_of_the_machine_only_synced_bytes_are_kept)
{
    ck_assert_int_lt(fetch("size=5000000&etag=a&break=100000"), 0);
    cleanup(json_free) json_t *json = NULL;
    ck_assert_int_eq(json_read(folder.fd, "source.json", 1 << 16, &json, NULL), 0);
    json_put_text(json, "boot", "00000000000000000000000000000000");
    json_put_int(json, "synced_bytes", 1000000);
    ck_assert_int_eq(json_write(folder.fd, "source.json", json, NULL), 0);
    // What was not synced came back as it does after a power cut.
    cleanup(close_fd) int fd = openat(folder.fd, "source.part", O_WRONLY | O_CLOEXEC);
    ck_assert_int_eq(pwrite(fd, "lost", 4, 1500000), 4);
    max_bytes = 5000000;
    while (fetch("size=5000000&etag=a&break=100000") < 0)
        ck_assert_str_eq(err.id, "cut_off");
    assert_whole(5000000, 1);
    ck_assert_uint_eq(httpd_sent(&server), 2600000 + 4000000);
}
END_TEST

START_TEST(a_part_that_is_whole_already_needs_no_request)
{
    ck_assert_int_eq(fetch("size=30000&etag=a"), 0);
    ck_assert_int_eq(renameat(folder.fd, "source", folder.fd, "source.part"), 0);
    ck_assert_int_eq(fetch("size=30000&etag=a"), 0);
    ck_assert_uint_eq(result.requests, 0);
    assert_whole(30000, 1);
}
END_TEST

START_TEST(an_object_that_became_shorter_starts_over)
{
    ck_assert_int_lt(fetch("size=5000000&etag=a&break=100000"), 0);
    // The same link, but the server has forgotten all; its answer is 416.
    cleanup(json_free) json_t *json = NULL;
    char *link = httpd_link(&server, "/clip.mp4?size=100000&etag=a"), *hex = NULL;
    ck_assert_int_eq(json_read(folder.fd, "source.json", 1 << 16, &json, NULL), 0);
    struct folder other;
    folder_make(&other);
    folder_put(&other, "link", link);
    char *path = xasprintf("%s/link", other.path);
    ck_assert_int_eq(PROGRAM_RUN(&hex, "sha256sum", path), 0);
    hex[64] = '\0';
    json_put_text(json, "identity", hex);
    ck_assert_int_eq(json_write(folder.fd, "source.json", json, NULL), 0);
    ck_assert_msg(fetch_link(link) == 0, "%s", err.text);
    assert_whole(100000, 1);
    ck_assert_uint_eq(result.requests, 2);
    free(link), free(hex), free(path);
    folder_remove(&other);
}
END_TEST

START_TEST(a_disk_without_room_is_told_before_anything_comes)
{
    struct stat st;
    max_bytes = UINT64_MAX;
    ck_assert_int_lt(fetch("size=1000&etag=a&length=1000000000000000"), 0);
    ck_assert_msg(err.class == ERR_IO, "%s", err.text);
    ck_assert_uint_eq(result.received_bytes, 0);
    if (fstatat(folder.fd, "source.part", &st, 0) == 0)
        ck_assert_int_eq(st.st_size, 0);
}
END_TEST

START_TEST(the_limit_holds_to_the_byte_also_without_a_length)
{
    max_bytes = 100000;
    ck_assert_msg(fetch("size=100000&chunked=1") == 0, "%s", err.text);
    ck_assert_int_lt(fetch("size=100001&chunked=1"), 0);
    ck_assert_str_eq(err.id, "too_large");
    ck_assert_uint_le(result.received_bytes, 100000);
}
END_TEST

START_TEST(two_gigabytes_of_a_sparse_file_arrive)
{
    const off_t size = (off_t)2 << 30;
    struct folder big;
    folder_make(&big);
    // A disk would take a minute for it.
    folder_remove(&folder);
    folder_make_in_memory(&folder);
    cleanup(close_fd) int fd = openat(big.fd, "sparse", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_eq(ftruncate(fd, size), 0);
    ck_assert_int_eq(pwrite(fd, "end", 3, size - 3), 3);
    char *query = xasprintf("file=%s/sparse&etag=a", big.path), *output = NULL;
    char *path = xasprintf("%s/sparse", big.path);
    max_bytes = (uint64_t)size;
    ck_assert_msg(fetch(query) == 0, "%s", err.text);
    ck_assert_uint_eq(result.size_bytes, (uint64_t)size);
    ck_assert_int_eq(PROGRAM_RUN(&output, "sha256sum", path), 0);
    ck_assert(strncmp(output, result.sha256, 64) == 0);
    free(output), free(query), free(path);
    folder_remove(&big);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("download");
    TCase *tcase = tcase_create("download");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_file_arrives_whole_with_its_name_type_and_checksum);
    tcase_add_test(tcase, what_came_whole_is_not_fetched_again);
    tcase_add_loop_test(tcase, the_file_arrives_whole_from_a_server_that, 0, (int)ARRAY_LEN(good));
    tcase_add_loop_test(tcase, an_error_that_stays_is_final_and_leaves_nothing, 0,
                        (int)ARRAY_LEN(bad));
    tcase_add_loop_test(tcase, an_error_that_may_pass_is_to_be_tried_again, 0,
                        (int)ARRAY_LEN(passing));
    tcase_add_test(tcase, a_later_call_goes_on_where_an_earlier_one_was_left);
    tcase_add_test(tcase, after_a_start_of_the_machine_only_synced_bytes_are_kept);
    tcase_add_test(tcase, a_part_that_is_whole_already_needs_no_request);
    tcase_add_test(tcase, an_object_that_became_shorter_starts_over);
    tcase_add_test(tcase, a_disk_without_room_is_told_before_anything_comes);
    tcase_add_test(tcase, the_limit_holds_to_the_byte_also_without_a_length);
    tcase_add_test(tcase, two_gigabytes_of_a_sparse_file_arrive);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
