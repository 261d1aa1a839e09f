// What was answered is found again by everybody who asks the same, and what is not whole is none;
// of those who ask the same at a time, one does.
#include "spool/answers.h"
#include "tests/support/folder.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER "10112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

// Batches are "a" and "b" in it, the cache is "cache".
static struct folder folder;
static struct model_settings settings;
static int batches[2];
static const time_t now = 1700000000;
enum { DAY = 86400 };

static void set_up(void)
{
    static const char *const names[] = { "a", "b" };
    folder_make(&folder);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        ck_assert_int_eq(mkdirat(folder.fd, names[i], 0700), 0);
        batches[i] = openat(folder.fd, names[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    settings = (struct model_settings){ .cache = xasprintf("%s/cache", folder.path),
                                        .cache_bytes = 1 << 20 };
}

static void tear_down(void)
{
    free(settings.cache);
    for (size_t i = 0; i < ARRAY_LEN(batches); i++)
        close_fd(&batches[i]);
    folder_remove(&folder);
}

static void keep_with(const struct answers *answers, const char *key, const char *text)
{
    struct err err = ERR_INIT;
    cleanup(json_free) json_t *json = json_pack("{s:s}", "text", text);
    int r = answers_keep(answers, key, json, now, &err);
    ck_assert_msg(r == 0, "%d: %s", r, err.text);
}

// Gives the text, or NULL.
static char *take_with(const struct answers *answers, const char *key)
{
    struct err err = ERR_INIT;
    cleanup(json_free) json_t *json = NULL;
    int r = answers_take(answers, key, &json, &err);
    ck_assert_msg(r >= 0, "%d: %s", r, err.text);
    ck_assert_int_eq(r, json != NULL);
    return r > 0 ? xstrdup(json_text(json, "text", "", NULL)) : NULL;
}

static void keep(int batch, const char *key, const char *text)
{
    cleanup(answers_close) struct answers answers = ANSWERS_INIT;
    answers_open(&settings, batches[batch], &answers);
    keep_with(&answers, key, text);
}

static void expect(int batch, const char *key, const char *text)
{
    cleanup(answers_close) struct answers answers = ANSWERS_INIT;
    answers_open(&settings, batches[batch], &answers);
    cleanup(free_ptr) char *taken = take_with(&answers, key);
    ck_assert_msg(text == NULL ? taken == NULL : taken != NULL && strcmp(taken, text) == 0,
                  "\"%s\", not \"%s\"", taken, text);
}

static void expect_names(const char *inner, const char *expected)
{
    cleanup(free_ptr) char *names = folder_names(&folder, inner);
    ck_assert_msg(strcmp(names, expected) == 0, "%s: \"%s\", not \"%s\"", inner, names, expected);
}

// ---- kept and found

START_TEST(what_was_answered_to_one_batch_is_found_by_every_other)
{
    expect(0, KEY, NULL);
    keep(0, KEY, "a beach");
    expect(0, KEY, "a beach");
    expect(1, KEY, "a beach");
    expect(1, OTHER, NULL);
    keep(1, KEY, "a dog"); // in its place
    expect(0, KEY, "a dog");
    expect_names("cache/answers", KEY ".json");
    expect_names("a", "");
    expect_names("b", "");
}
END_TEST

START_TEST(what_was_kept_with_a_batch_is_found_when_there_is_a_cache_again)
{
    settings.cache_bytes = 0;
    keep(0, KEY, "a beach");
    settings.cache_bytes = 1 << 20;
    expect(0, KEY, "a beach");
    expect(1, KEY, NULL);
}
END_TEST

// ---- caches that cannot be had

static void spoil_nothing(void)
{
}

static void make_a_file(void)
{
    folder_put(&folder, "cache", "not a folder");
}

static void make_a_file_in_it(void)
{
    ck_assert_int_eq(mkdirat(folder.fd, "cache", 0700), 0);
    folder_put(&folder, "cache/answers", "not a folder");
}

static void make_a_link_in_it(void)
{
    ck_assert_int_eq(mkdirat(folder.fd, "cache", 0700), 0);
    ck_assert_int_eq(symlinkat("../b", folder.fd, "cache/answers"), 0);
}

static const struct {
    const char *name;
    const char *path; // in the folder; NULL: none
    int64_t bytes;
    void (*spoil)(void);
} none[] = {
    { "none is configured", NULL, 1000, spoil_nothing },
    { "nothing may lie in it", "/cache", 0, spoil_nothing },
    { "its parent is not there", "/not/there", 1000, spoil_nothing },
    { "it is a file", "/cache", 1000, make_a_file },
    { "its folder is a file", "/cache", 1000, make_a_file_in_it },
    { "its folder leads elsewhere", "/cache", 1000, make_a_link_in_it },
};

START_TEST(without_a_cache_answers_are_kept_with_their_batch)
{
    free(settings.cache);
    settings.cache = none[_i].path != NULL ? xasprintf("%s%s", folder.path, none[_i].path) : NULL;
    settings.cache_bytes = none[_i].bytes;
    none[_i].spoil();
    expect(0, KEY, NULL);
    expect_names("a", ""); // looking makes nothing
    keep(0, KEY, "a beach");
    expect(0, KEY, "a beach");
    expect(1, KEY, NULL);
    expect_names("a/answers", KEY ".json");
    expect_names("b", "");
}
END_TEST

START_TEST(a_cache_may_be_written_with_a_slash_behind_it)
{
    ck_assert_int_eq(mkdirat(folder.fd, "cache", 0700), 0);
    free(settings.cache);
    settings.cache = xasprintf("%s/cache/", folder.path);
    keep(0, KEY, "a beach");
    expect_names("cache/answers", KEY ".json");
}
END_TEST

START_TEST(a_cache_that_may_not_be_written_is_none)
{
    int status;
    keep(0, KEY, "a beach");
    ck_assert_int_eq(fchmod(folder.fd, 0755), 0);
    ck_assert_int_eq(fchmodat(folder.fd, "cache", 0755, 0), 0);
    ck_assert_int_eq(fchmodat(folder.fd, "cache/answers", 0555, 0), 0);
    ck_assert_int_eq(fchmodat(folder.fd, "b", 0777, 0), 0);
    pid_t pid = fork();
    if (pid == 0) {
        enum { NOBODY = 65534 };
        if (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) < 0)
            _exit(2);
        struct err err = ERR_INIT;
        struct answers answers = ANSWERS_INIT;
        cleanup(json_free) json_t *json = json_pack("{s:s}", "text", "a dog"), *taken = NULL;
        answers_open(&settings, batches[1], &answers);
        bool good = answers.cache == -1 && answers_claim(&answers, KEY, &err) >= 0 &&
                    answers_keep(&answers, OTHER, json, now, &err) == 0 &&
                    answers_take(&answers, OTHER, &taken, &err) == 1;
        _exit(good ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    expect_names("cache/answers", KEY ".json");
    expect_names("b/answers", OTHER ".json lock");
}
END_TEST

START_TEST(a_cache_that_goes_away_meanwhile_holds_nobody_up)
{
    cleanup(answers_close) struct answers answers = ANSWERS_INIT;
    answers_open(&settings, batches[0], &answers);
    ck_assert_int_eq(unlinkat(folder.fd, "cache/answers", AT_REMOVEDIR), 0);
    cleanup(close_fd) int claim = answers_claim(&answers, KEY, NULL);
    ck_assert_int_ge(claim, 0);
    keep_with(&answers, KEY, "a beach");
    cleanup(free_ptr) char *taken = take_with(&answers, KEY);
    ck_assert_str_eq(taken, "a beach");
    expect_names("a/answers", KEY ".json lock");
}
END_TEST

START_TEST(what_stands_in_the_way_in_the_cache_is_gone_around)
{
    keep(0, OTHER, "a dog");
    ck_assert_int_eq(mkdirat(folder.fd, "cache/answers/" KEY ".json", 0700), 0);
    expect(0, KEY, NULL);
    keep(0, KEY, "a beach");
    expect(0, KEY, "a beach");
    expect_names("a/answers", KEY ".json");
}
END_TEST

// ---- what is not whole

START_TEST(half_an_answer_is_none_and_is_replaced)
{
    keep(0, KEY, "a beach");
    cleanup(free_ptr) char *whole = folder_get(&folder, "cache/answers/" KEY ".json");
    for (size_t size = 0; size < strlen(whole); size++) {
        cleanup(free_ptr) char *half = xstrndup(whole, size);
        folder_put(&folder, "cache/answers/" KEY ".json", half);
        expect(0, KEY, NULL);
    }
    keep(0, KEY, "a dog");
    expect(0, KEY, "a dog");
}
END_TEST

static const struct {
    const char *name, *bytes;
    size_t size;
} damaged[] = {
    { "of the right size, and nothing of it was written", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
      18 },
    { "the rest of another file", "{\"text\":\"a beach\"}}", 19 },
    { "a part of it was not written", "{\"text\":\"a \0\0\0\0\0\"}", 18 },
    { "JSON, but no object", "[\"a beach\"]", 11 },
    { "the same key twice", "{\"text\":\"a\",\"text\":\"b\"}", 23 },
};

START_TEST(what_a_lost_machine_left_is_none)
{
    keep(0, OTHER, "a dog");
    cleanup(close_fd) int fd =
        openat(folder.fd, "cache/answers/" KEY ".json", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_eq(write(fd, damaged[_i].bytes, damaged[_i].size), (ssize_t)damaged[_i].size);
    expect(0, KEY, NULL);
    keep(0, KEY, "a beach");
    expect(0, KEY, "a beach");
}
END_TEST

START_TEST(a_link_and_what_is_too_large_are_none)
{
    keep(0, OTHER, "a dog");
    ck_assert_int_eq(symlinkat(OTHER ".json", folder.fd, "cache/answers/" KEY ".json"), 0);
    expect(0, KEY, NULL);
    keep(0, KEY, "a beach");
    expect(0, KEY, "a beach");
    expect(0, OTHER, "a dog");
    // JSON does not mind how many spaces are behind it.
    cleanup(free_ptr) char *large = xcalloc(ANSWERS_MAX_BYTES + 2, 1);
    memset(large, ' ', ANSWERS_MAX_BYTES + 1);
    memcpy(large, "{}", 2);
    folder_put(&folder, "cache/answers/" KEY ".json", large);
    expect(0, KEY, NULL);
    large[ANSWERS_MAX_BYTES] = '\0';
    folder_put(&folder, "cache/answers/" KEY ".json", large);
    expect(0, KEY, "");
}
END_TEST

// ---- claims

// A process that claims the key of a batch and holds it until it is killed.
static pid_t start_holder(int batch, const char *key)
{
    int ends[2];
    char byte;
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct answers answers = ANSWERS_INIT;
        answers_open(&settings, batches[batch], &answers);
        if (answers_claim(&answers, key, NULL) < 0 || write(ends[1], "", 1) != 1)
            _exit(1);
        for (;;)
            (void)pause();
    }
    close(ends[1]);
    ck_assert_int_eq(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    return pid;
}

static void end_holder(pid_t pid)
{
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

// Returns whether it could be had at this moment.
static bool may_claim(int batch, const char *key)
{
    struct err err = ERR_INIT;
    cleanup(answers_close) struct answers answers = ANSWERS_INIT;
    answers_open(&settings, batches[batch], &answers);
    cleanup(close_fd) int claim = answers_claim(&answers, key, &err);
    ck_assert_msg(claim >= 0 || claim == -EAGAIN, "%d: %s", claim, err.text);
    ck_assert_int_eq((int)err.class, ERR_NONE);
    return claim >= 0;
}

START_TEST(one_asks_until_it_lets_go_or_dies)
{
    bool cached = _i == 0;
    settings.cache_bytes = cached ? 1 << 20 : 0;
    pid_t pid = start_holder(0, KEY);
    ck_assert(!may_claim(0, KEY));
    ck_assert_msg(may_claim(1, KEY) != cached, "batches wait for each other where they share");
    ck_assert(may_claim(0, OTHER));
    end_holder(pid);
    ck_assert(may_claim(0, KEY));
    ck_assert(may_claim(0, KEY)); // the one before has let go
}
END_TEST

START_TEST(keys_that_differ_in_their_first_digits_do_not_wait_for_each_other)
{
    static const char *const keys[] = {
        "ffffffffffffffff0000000000000000000000000000000000000000000000ff",
        "fffffffffffffffeffffffffffffffffffffffffffffffffffffffffffffffff",
        "7fffffffffffffff0000000000000000000000000000000000000000000000ff",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000010000000000000000000000000000000000000000000000000",
    };
    cleanup(answers_close) struct answers answers = ANSWERS_INIT;
    answers_open(&settings, batches[0], &answers);
    int claims[ARRAY_LEN(keys)];
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        claims[i] = answers_claim(&answers, keys[i], NULL);
        ck_assert_msg((claims[i] >= 0) == (i != 1), "%s", keys[i]); // 60 bits count
        ck_assert_int_eq(answers_claim(&answers, keys[i], NULL), -EAGAIN);
    }
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        close_fd(&claims[i]);
}
END_TEST

// ---- what goes

static void set_time(const char *name, time_t when)
{
    const struct timespec times[] = { { .tv_sec = when }, { .tv_sec = when } };
    ck_assert_int_eq(utimensat(folder.fd, name, times, 0), 0);
}

// An answer of about `bytes` bytes, last of use so many days ago.
static void keep_old(char first, size_t bytes, time_t days)
{
    cleanup(free_ptr) char *key = xstrdup(KEY), *text = xcalloc(bytes + 1, 1);
    key[0] = first;
    memset(text, 'x', bytes);
    int64_t limit = settings.cache_bytes;
    double most = settings.cache_days;
    settings.cache_bytes = 1 << 20;
    settings.cache_days = 0;
    keep(0, key, text);
    settings.cache_bytes = limit;
    settings.cache_days = most;
    cleanup(free_ptr) char *name = xasprintf("cache/answers/%s.json", key);
    set_time(name, now - days * DAY);
}

static const struct {
    const char *name;
    int64_t bytes;
    double days;
    const char *left; // of a (100 days), b (50 days), c (10 days), and f, which is kept now
} limits[] = {
    { "within both", 1 << 20, 101, "abcf" },
    { "days", 1 << 20, 40, "cf" },
    { "no limit of days", 1 << 20, 0, "abcf" },
    { "bytes", 3500, 0, "bcf" },
    { "both", 2500, 5, "f" },
    { "less than one answer", 10, 0, "f" },
};

START_TEST(what_was_of_no_use_goes_and_what_was_just_kept_stays)
{
    settings.cache_bytes = limits[_i].bytes;
    settings.cache_days = limits[_i].days;
    keep_old('a', 1000, 100);
    keep_old('b', 1000, 50);
    keep_old('c', 1000, 10);
    static const char *const foreign[] = { "notes.txt", "00.json", KEY ".txt", "lock" };
    for (size_t i = 0; i < ARRAY_LEN(foreign); i++) {
        cleanup(free_ptr) char *name = xasprintf("cache/answers/%s", foreign[i]);
        folder_put(&folder, name, "of somebody else");
        set_time(name, now - 1000 * DAY);
    }
    cleanup(free_ptr) char *key = xstrdup(KEY), *text = xcalloc(1001, 1);
    memset(text, 'y', 1000);
    key[0] = 'f';
    keep(0, key, text);
    cleanup(free_ptr) char *names = folder_names(&folder, "cache/answers");
    size_t left = 0;
    for (const char *first = "abcf"; *first != '\0'; first++) {
        key[0] = *first;
        bool is_there = strstr(names, key) != NULL;
        ck_assert_msg(is_there == (strchr(limits[_i].left, *first) != NULL), "%c: %s", *first,
                      names);
        left += is_there;
    }
    ck_assert_uint_eq(left, strlen(limits[_i].left));
    for (size_t i = 0; i < ARRAY_LEN(foreign); i++)
        ck_assert_msg(strstr(names, foreign[i]) != NULL, "%s", names);
}
END_TEST

START_TEST(what_is_taken_was_of_use)
{
    struct stat st;
    keep(0, KEY, "a beach");
    set_time("cache/answers/" KEY ".json", now);
    expect(1, KEY, "a beach");
    ck_assert_int_eq(fstatat(folder.fd, "cache/answers/" KEY ".json", &st, 0), 0);
    ck_assert_int_gt(st.st_mtime, now);
}
END_TEST

START_TEST(what_was_being_written_by_a_process_that_died_goes_after_minutes)
{
    keep(0, OTHER, "a dog");
    folder_put(&folder, "cache/answers/" KEY ".json.tmp", "{");
    set_time("cache/answers/" KEY ".json.tmp", now - 300);
    keep(0, OTHER, "a dog");
    expect_names("cache/answers", KEY ".json.tmp " OTHER ".json");
    set_time("cache/answers/" KEY ".json.tmp", now - 400);
    keep(0, OTHER, "a dog");
    expect_names("cache/answers", OTHER ".json");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("answers");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, what_was_answered_to_one_batch_is_found_by_every_other);
    tcase_add_test(tcase, what_was_kept_with_a_batch_is_found_when_there_is_a_cache_again);
    tcase_add_loop_test(tcase, without_a_cache_answers_are_kept_with_their_batch, 0,
                        (int)ARRAY_LEN(none));
    tcase_add_test(tcase, a_cache_may_be_written_with_a_slash_behind_it);
    tcase_add_test(tcase, a_cache_that_may_not_be_written_is_none);
    tcase_add_test(tcase, a_cache_that_goes_away_meanwhile_holds_nobody_up);
    tcase_add_test(tcase, what_stands_in_the_way_in_the_cache_is_gone_around);
    tcase_add_test(tcase, half_an_answer_is_none_and_is_replaced);
    tcase_add_loop_test(tcase, what_a_lost_machine_left_is_none, 0, (int)ARRAY_LEN(damaged));
    tcase_add_test(tcase, a_link_and_what_is_too_large_are_none);
    tcase_add_loop_test(tcase, one_asks_until_it_lets_go_or_dies, 0, 2);
    tcase_add_test(tcase, keys_that_differ_in_their_first_digits_do_not_wait_for_each_other);
    tcase_add_loop_test(tcase, what_was_of_no_use_goes_and_what_was_just_kept_stays, 0,
                        (int)ARRAY_LEN(limits));
    tcase_add_test(tcase, what_is_taken_was_of_use);
    tcase_add_test(tcase, what_was_being_written_by_a_process_that_died_goes_after_minutes);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
