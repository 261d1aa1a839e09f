// Proxies that are kept: found by their bytes alone, never half, never for ever.
#include "spool/batch.h"
#include "spool/proxies.h"
#include "tests/support/folder.h"
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

static struct folder folder; // the spool; sources and batches lie in it too
static struct settings settings;
static const time_t now = 1700000000;

static void set_up(void)
{
    folder_make(&folder);
    settings = (struct settings){ .root = folder.path, .proxy_bytes = 1000000, .proxy_days = 30 };
}

static void tear_down(void)
{
    folder_remove(&folder);
}

static char *key_of(const char *recipe, const char *text)
{
    struct err err = ERR_INIT;
    char *key = NULL;
    folder_put(&folder, "source", text);
    cleanup(close_fd) int fd = openat(folder.fd, "source", O_RDONLY | O_CLOEXEC);
    ck_assert_msg(proxies_key(&settings, recipe, fd, &key, &err) == 0, "%s", err.text);
    return key;
}

static int open_made(const char *name)
{
    (void)mkdirat(folder.fd, name, 0700);
    int fd = openat(folder.fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    return fd;
}

// Keeps a proxy of `bytes` bytes under the key, last of use at `used`.
static void keep(const char *key, size_t bytes, time_t used)
{
    struct err err = ERR_INIT;
    cleanup(close_fd) int made = open_made("made");
    cleanup(json_free) json_t *facts = json_pack("{s:i}", "width", 640);
    char *proxy = xcalloc(1, bytes + 1);
    memset(proxy, 'p', bytes);
    folder_put(&folder, "made/" SOURCE_PROXY ".new", proxy);
    folder_put(&folder, "made/" SOURCE_SIGNALS ".new", "{}");
    free(proxy);
    ck_assert_int_eq(renameat(made, SOURCE_PROXY ".new", made, SOURCE_PROXY), 0);
    ck_assert_int_eq(renameat(made, SOURCE_SIGNALS ".new", made, SOURCE_SIGNALS), 0);
    ck_assert_msg(proxies_keep(&settings, key, made, facts, now, &err) == 0, "%s", err.text);
    char *path = xasprintf("cache/proxy/%s", key);
    const struct timespec times[] = { { .tv_sec = used }, { .tv_sec = used } };
    (void)utimensat(folder.fd, path, times, 0);
    free(path);
}

static int take(const char *key)
{
    struct err err = ERR_INIT;
    cleanup(json_free) json_t *facts = NULL;
    cleanup(close_fd) int fd = open_made("taken");
    int r = proxies_take(&settings, key, fd, &facts, &err);
    ck_assert_msg(r >= 0, "%s", err.text);
    if (r == 1)
        ck_assert_int_eq(json_int(facts, "width", 0, 10000, 0, NULL), 640);
    return r;
}

static bool is_kept(const char *key)
{
    char *path = xasprintf("cache/proxy/%s", key);
    bool kept = faccessat(folder.fd, path, F_OK, 0) == 0;
    free(path);
    return kept;
}

START_TEST(a_key_is_that_of_the_bytes_and_the_recipe)
{
    static const struct {
        const char *recipe, *text;
        bool same;
    } rows[] = {
        { "480 10", "one video", true },   { "480 10", "one Video", false },
        { "480 10", "one video.", false }, { "480 15", "one video", false },
        { "480 1", "0one video", false }, // the border between both counts
        { "480 10", "one video", true },
    };
    cleanup(free_ptr) char *first = key_of(rows[0].recipe, rows[0].text);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        cleanup(free_ptr) char *key = key_of(rows[i].recipe, rows[i].text);
        ck_assert_msg((strcmp(key, first) == 0) == rows[i].same, "row %zu", i);
    }
}
END_TEST

START_TEST(what_was_kept_is_taken_as_a_second_name_of_the_same_file)
{
    struct stat made, taken;
    cleanup(free_ptr) char *key = key_of("a", "video"), *other = key_of("b", "video");
    ck_assert_int_eq(take(key), 0);
    keep(key, 10, now);
    ck_assert_int_eq(take(key), 1);
    ck_assert_int_eq(take(other), 0);
    ck_assert_int_eq(fstatat(folder.fd, "made/" SOURCE_PROXY, &made, 0), 0);
    ck_assert_int_eq(fstatat(folder.fd, "taken/" SOURCE_PROXY, &taken, 0), 0);
    ck_assert_uint_eq(made.st_ino, taken.st_ino);
    cleanup(free_ptr) char *names = folder_names(&folder, "cache/proxy");
    ck_assert_ptr_nonnull(strstr(names, "secret"));
    ck_assert_ptr_null(strstr(names, ".tmp"));
}
END_TEST

START_TEST(an_entry_that_is_not_whole_is_none_and_is_replaced)
{
    static const char *const parts[] = { SOURCE_PROXY, SOURCE_SIGNALS, "facts.json" };
    cleanup(free_ptr) char *key = key_of("a", "video");
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        keep(key, 10, now);
        cleanup(free_ptr) char *path = xasprintf("cache/proxy/%s/%s", key, parts[i]);
        ck_assert_int_eq(unlinkat(folder.fd, path, 0), 0);
        ck_assert_msg(take(key) == 0, "without %s", parts[i]);
        keep(key, 10, now);
        ck_assert_int_eq(take(key), 1);
    }
}
END_TEST

// What a model looks at and listens to is kept where there is some, and no part of it is lost.
START_TEST(frames_and_sound_are_kept_with_it)
{
    cleanup(free_ptr) char *key = key_of("a", "video"), *other = key_of("b", "video");
    (void)close(open_made("made"));
    keep(other, 10, now);
    (void)close(open_made("made/" SOURCE_FRAMES));
    folder_put(&folder, "made/" SOURCE_AUDIO, "sound");
    folder_put(&folder, "made/" SOURCE_FRAMES "/frames.json", "{}");
    folder_put(&folder, "made/" SOURCE_FRAMES "/0001.jpg", "picture");
    keep(key, 10, now);
    ck_assert_int_eq(take(other), 1);
    cleanup(free_ptr) char *without = folder_names(&folder, "taken");
    ck_assert_str_eq(without, SOURCE_PROXY " " SOURCE_SIGNALS);
    ck_assert_int_eq(take(key), 1);
    cleanup(free_ptr) char *names = folder_names(&folder, "taken");
    ck_assert_str_eq(names, SOURCE_AUDIO " " SOURCE_FRAMES " " SOURCE_PROXY " " SOURCE_SIGNALS);
    cleanup(free_ptr) char *frames = folder_names(&folder, "taken/" SOURCE_FRAMES);
    cleanup(free_ptr) char *picture = folder_get(&folder, "taken/" SOURCE_FRAMES "/0001.jpg");
    ck_assert_str_eq(frames, "0001.jpg frames.json");
    ck_assert_str_eq(picture, "picture");
    ck_assert_int_eq(take(key), 1); // in the place of what is there
}
END_TEST

START_TEST(frames_and_sound_count_against_its_bytes)
{
    static char picture[3000];
    memset(picture, 'j', sizeof picture - 1);
    settings.proxy_bytes = 2500;
    cleanup(free_ptr) char *a = key_of("a", "a"), *b = key_of("a", "b");
    (void)close(open_made("made"));
    keep(a, 100, now - 200);
    (void)close(open_made("made/" SOURCE_FRAMES));
    folder_put(&folder, "made/" SOURCE_FRAMES "/0001.jpg", picture);
    keep(b, 100, now - 100);
    ck_assert(!is_kept(a));
    ck_assert(!is_kept(b));
}
END_TEST

START_TEST(without_room_for_it_or_in_a_private_spool_nothing_is_kept)
{
    char *key = NULL;
    folder_put(&folder, "source", "video");
    cleanup(close_fd) int fd = openat(folder.fd, "source", O_RDONLY | O_CLOEXEC);
    settings.proxy_bytes = 0;
    ck_assert_int_eq(proxies_key(&settings, "a", fd, &key, NULL), 1);
    settings.proxy_bytes = 1;
    settings.accept_links = true;
    ck_assert_int_eq(proxies_key(&settings, "a", fd, &key, NULL), 1);
    ck_assert_ptr_null(key);
    ck_assert_int_ne(faccessat(folder.fd, "cache", F_OK, 0), 0);
    ck_assert_int_eq(proxies_expire(&settings, now, NULL), 0);
}
END_TEST

START_TEST(what_is_of_no_use_goes_after_its_days)
{
    cleanup(free_ptr) char *old = key_of("a", "old"), *recent = key_of("a", "recent");
    keep(old, 10, now - 31 * 86400);
    keep(recent, 10, now - 29 * 86400);
    ck_assert(!is_kept(old)); // keeping another removes it
    ck_assert(is_kept(recent));
    ck_assert_int_eq(proxies_expire(&settings, now + 2 * 86400, NULL), 1);
    ck_assert(!is_kept(recent));
    keep(old, 10, now - 31 * 86400);
    settings.proxy_days = 0;
    ck_assert_int_eq(proxies_expire(&settings, now + 9999 * 86400, NULL), 0);
    ck_assert(is_kept(old));
}
END_TEST

START_TEST(beyond_its_bytes_the_longest_unused_goes)
{
    settings.proxy_bytes = 2500;
    cleanup(free_ptr) char *a = key_of("a", "a"), *b = key_of("a", "b"), *c = key_of("a", "c");
    keep(a, 1000, now - 300);
    keep(b, 1000, now - 200);
    ck_assert_int_eq(take(a), 1); // of use: now (of the clock) is later than all
    keep(c, 1000, now - 100);
    ck_assert(is_kept(a));
    ck_assert(!is_kept(b));
    ck_assert(is_kept(c));
}
END_TEST

START_TEST(what_a_crash_left_goes_but_not_what_is_being_made)
{
    cleanup(free_ptr) char *key = key_of("a", "video");
    keep(key, 10, now);
    cleanup(free_ptr) char *left = xasprintf("cache/proxy/%s.77.tmp", key);
    ck_assert_int_eq(mkdirat(folder.fd, left, 0700), 0);
    ck_assert_int_eq(mkdirat(folder.fd, "cache/proxy/.gone.0123", 0700), 0);
    const struct timespec soon[] = { { .tv_sec = now - 60 }, { .tv_sec = now - 60 } };
    const struct timespec long_ago[] = { { .tv_sec = now - 3600 }, { .tv_sec = now - 3600 } };
    ck_assert_int_eq(utimensat(folder.fd, left, soon, 0), 0);
    ck_assert_int_eq(utimensat(folder.fd, "cache/proxy/.gone.0123", long_ago, 0), 0);
    ck_assert_int_eq(proxies_expire(&settings, now, NULL), 1);
    cleanup(free_ptr) char *names = folder_names(&folder, "cache/proxy");
    ck_assert_ptr_nonnull(strstr(names, ".77.tmp"));
    ck_assert_int_eq(utimensat(folder.fd, left, long_ago, 0), 0);
    ck_assert_int_eq(proxies_expire(&settings, now, NULL), 1);
    cleanup(free_ptr) char *rest = folder_names(&folder, "cache/proxy");
    cleanup(free_ptr) char *expected = xasprintf("%s secret", key);
    ck_assert_str_eq(rest, expected);
}
END_TEST

START_TEST(a_secret_that_is_damaged_is_drawn_anew)
{
    cleanup(free_ptr) char *before = key_of("a", "video");
    folder_put(&folder, "cache/proxy/secret", "short");
    cleanup(free_ptr) char *after = key_of("a", "video"), *again = key_of("a", "video");
    ck_assert_str_ne(before, after);
    ck_assert_str_eq(after, again);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("proxies");
    TCase *tcase = tcase_create("proxies");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_key_is_that_of_the_bytes_and_the_recipe);
    tcase_add_test(tcase, what_was_kept_is_taken_as_a_second_name_of_the_same_file);
    tcase_add_test(tcase, an_entry_that_is_not_whole_is_none_and_is_replaced);
    tcase_add_test(tcase, frames_and_sound_are_kept_with_it);
    tcase_add_test(tcase, frames_and_sound_count_against_its_bytes);
    tcase_add_test(tcase, without_room_for_it_or_in_a_private_spool_nothing_is_kept);
    tcase_add_test(tcase, what_is_of_no_use_goes_after_its_days);
    tcase_add_test(tcase, beyond_its_bytes_the_longest_unused_goes);
    tcase_add_test(tcase, what_a_crash_left_goes_but_not_what_is_being_made);
    tcase_add_test(tcase, a_secret_that_is_damaged_is_drawn_anew);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
