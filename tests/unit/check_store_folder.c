// A folder as a store: the same stories as buckets, and what only a folder can be wrong about.
#include "base/fs.h"
#include "tests/support/store_story.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static struct folder folder;
static struct store *store;
static struct err err;

static void set_up(void)
{
    err = (struct err)ERR_INIT;
    folder_make_in_memory(&folder);
    const struct store_place place = { .kind = STORE_FOLDER, .name = "main", .path = folder.path };
    ck_assert_msg(store_open(&place, NULL, &store, &err) == 0, "%s", err.text);
}

static void tear_down(void)
{
    store_close(&store);
    folder_remove(&folder);
}

START_TEST(objects_of_all_sizes_come_back)
{
    static const size_t sizes[] = { 1, 65536, 262144, 262145, (17 << 20) + 7 };
    store_story_sizes(store, sizes, ARRAY_LEN(sizes));
}
END_TEST

START_TEST(type_and_metadata_are_kept)
{
    store_story_metadata(store);
    cleanup(free_ptr) char *keys = store_story_keys(store, "");
    ck_assert_str_eq(keys, "meta/a.mp4");
    // Put again without, they are gone.
    cleanup(store_about_release) struct store_about about = STORE_ABOUT_INIT;
    store_story_put(store, "meta/a.mp4", "x", 1);
    ck_assert_int_eq(store_head(store, "meta/a.mp4", &about, NULL), 0);
    ck_assert_str_eq(about.type, "");
    ck_assert_uint_eq(about.metadata.count, 0);
}
END_TEST

START_TEST(lists_are_complete)
{
    store_story_lists(store);
}
END_TEST

START_TEST(what_is_removed_is_gone)
{
    store_story_removal(store);
    // With it go what was written beside it and the folders that were made for it.
    cleanup(free_ptr) char *names = folder_names(&folder, ".");
    ck_assert_str_eq(names, "");
}
END_TEST

START_TEST(keys_of_all_kinds_are_one_object_each)
{
    store_story_keys_of_all_kinds(store, false);
}
END_TEST

START_TEST(a_folder_gives_no_links)
{
    char *link = NULL;
    ck_assert_int_lt(store_sign(store, "a", 60, &link, &err), 0);
    ck_assert_str_eq(err.id, "no_links");
    ck_assert_int_eq(err.class, ERR_CONFIG);
    ck_assert_ptr_null(link);
}
END_TEST

static const char *const refused[] = {
    "../a", "a/../../b", "/a", "a//b", "a/", ".", "..", ".hidden", "a/.b", "a.tmp", "a.tmp/b",
};

START_TEST(a_key_that_a_folder_cannot_hold_is_refused_by_all)
{
    cleanup(store_about_release) struct store_about about = STORE_ABOUT_INIT;
    const struct store_order order = { .key = refused[_i], .body = { .data = "x", .size = 1 } };
    ck_assert_msg(store_put(store, &order, &err) < 0, "%s", refused[_i]);
    ck_assert_str_eq(err.id, "bad_link");
    ck_assert_int_lt(store_head(store, refused[_i], &about, NULL), 0);
    ck_assert_int_lt(store_remove(store, refused[_i], NULL), 0);
    cleanup(free_ptr) char *names = folder_names(&folder, ".");
    ck_assert_str_eq(names, "");
}
END_TEST

START_TEST(a_folder_in_it_is_no_object)
{
    store_story_put(store, "temp/day/a", "1", 1);
    ck_assert_int_lt(store_remove(store, "temp/day", &err), 0);
    ck_assert(store_story_has(store, "temp/day/a", "1", 1));
}
END_TEST

START_TEST(links_in_it_lead_nowhere)
{
    struct folder outside;
    folder_make(&outside);
    folder_put(&outside, "secret", "1");
    ck_assert_int_eq(symlinkat(outside.path, folder.fd, "out"), 0);
    cleanup(free_ptr) char *keys = store_story_keys(store, "");
    ck_assert_str_eq(keys, "");
    cleanup(store_about_release) struct store_about about = STORE_ABOUT_INIT;
    ck_assert_int_lt(store_head(store, "out/secret", &about, NULL), 0);
    ck_assert_int_lt(store_remove(store, "out/secret", NULL), 0);
    const struct store_order order = { .key = "out/new", .body = { .data = "x", .size = 1 } };
    ck_assert_int_lt(store_put(store, &order, NULL), 0);
    cleanup(free_ptr) char *names = folder_names(&outside, ".");
    ck_assert_str_eq(names, "secret");
    folder_remove(&outside);
}
END_TEST

START_TEST(what_becomes_shorter_while_it_is_put_does_not_appear)
{
    folder_put(&folder, ".source", "12345");
    cleanup(close_fd) int fd = openat(folder.fd, ".source", O_RDONLY);
    const struct store_order order = { .key = "a", .body = { .fd = fd, .size = 6 } };
    ck_assert_int_lt(store_put(store, &order, &err), 0);
    ck_assert_str_eq(err.id, "changed");
    ck_assert_int_eq(err.class, ERR_RETRY);
    cleanup(free_ptr) char *keys = store_story_keys(store, "");
    ck_assert_str_eq(keys, "");
}
END_TEST

START_TEST(what_is_asked_to_stop_does_not_appear)
{
    int ends[2];
    const struct store_place place = { .kind = STORE_FOLDER, .name = "main", .path = folder.path };
    const struct store_order order = { .key = "a", .body = { .data = "12345", .size = 5 } };
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    const struct http_rules rules = { .stop_fd = ends[0] };
    store_close(&store);
    ck_assert_int_eq(store_open(&place, &rules, &store, &err), 0);
    ck_assert_int_eq(store_put(store, &order, &err), 0); // nobody asks yet
    ck_assert_int_eq(store_remove(store, "a", &err), 0);
    ck_assert_int_eq(write(ends[1], "", 1), 1);
    ck_assert_int_eq(store_put(store, &order, &err), -ECANCELED);
    ck_assert_str_eq(err.id, "stopped");
    cleanup(free_ptr) char *names = folder_names(&folder, ".");
    ck_assert_str_eq(names, "");
    ck_assert_int_eq(close(ends[0]) | close(ends[1]), 0);
}
END_TEST

// ---- what who was killed leaves

static const struct {
    const char *name; // of a file in temp/
    bool goes;
} left[] = {
    { "own_0.mp4.tmp", true },
    { ".own_0.mp4.about.json.tmp", true },
    { ".own_0.mp4.about.json", true },
    { ".own_1.mp4.about.json", false }, // its object is there
    { "own_1.mp4", false },
    { "own_2.mp4", false },
    { "other.mp4.tmp", false },
    { ".other.mp4.about.json", false },
    { ".own_0.mp4", false }, // of somebody else
    { ".tmp", false },
    { "..about.json", false },
    { "deeper/own_0.mp4.tmp", false },
};

static void put_left(void)
{
    ck_assert_int_eq(mkdirat(folder.fd, "temp", 0755) | mkdirat(folder.fd, "temp/deeper", 0755), 0);
    for (size_t i = 0; i < ARRAY_LEN(left); i++) {
        cleanup(free_ptr) char *path = xasprintf("temp/%s", left[i].name);
        folder_put(&folder, path, "x");
    }
}

START_TEST(what_a_put_that_was_killed_left_is_taken_back_and_nothing_else)
{
    put_left();
    ck_assert_int_eq(store_abandon(store, "temp/own_", time(NULL) - 60, &err), 0); // under way
    ck_assert_msg(store_abandon(store, "temp/own_", time(NULL) + 60, &err) == 3, "%s", err.text);
    for (size_t i = 0; i < ARRAY_LEN(left); i++) {
        cleanup(free_ptr) char *path = xasprintf("temp/%s", left[i].name);
        bool is_there = faccessat(folder.fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
        ck_assert_msg(is_there == !left[i].goes, "%s", left[i].name);
    }
}
END_TEST

START_TEST(with_what_was_left_go_the_folders_that_were_made_for_it)
{
    ck_assert_int_eq(mkdirat(folder.fd, "temp", 0755), 0);
    folder_put(&folder, "temp/own_0.mp4.tmp", "x");
    ck_assert_int_eq(store_abandon(store, "temp/own_", time(NULL) + 60, &err), 1);
    cleanup(free_ptr) char *names = folder_names(&folder, ".");
    ck_assert_str_eq(names, "");
}
END_TEST

START_TEST(a_removal_that_was_cut_off_is_done_again)
{
    ck_assert_int_eq(mkdirat(folder.fd, "temp", 0755), 0);
    folder_put(&folder, "temp/.a.mp4.about.json", "{}");
    ck_assert_int_eq(store_remove(store, "temp/a.mp4", &err), 0);
    cleanup(free_ptr) char *names = folder_names(&folder, ".");
    ck_assert_str_eq(names, "");
    ck_assert_int_eq(store_remove(store, "temp/a.mp4", &err), 0);
}
END_TEST

START_TEST(limits_hold_when_it_is_got)
{
    cleanup(download_result_release) struct download_result result = DOWNLOAD_RESULT_INIT;
    struct store_target target = { .key = "a", .max_bytes = 4, .dirfd = folder.fd, .name = ".got" };
    store_story_put(store, "a", "12345", 5);
    ck_assert_int_lt(store_get(store, &target, &result, &err), 0);
    ck_assert_str_eq(err.id, "too_large");
    target.max_bytes = 5;
    ck_assert_int_eq(store_get(store, &target, &result, NULL), 0);
    ck_assert_str_eq(result.sha256,
                     "5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5");
    ck_assert_str_eq(result.name, "a");
}
END_TEST

static const char *const paths[] = { NULL, "relative", "/nonexistent/folder", "/etc/passwd" };

START_TEST(a_folder_that_cannot_be_is_the_configurations_fault)
{
    struct store *other = NULL;
    const struct store_place place = { .kind = STORE_FOLDER, .name = "other", .path = paths[_i] };
    ck_assert_int_lt(store_open(&place, NULL, &other, &err), 0);
    ck_assert_str_eq(err.id, "bad_folder");
    ck_assert_int_eq(err.class, ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.text, "storage other: "));
    ck_assert_ptr_null(other);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_folder");
    TCase *tcase = tcase_create("store_folder");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, objects_of_all_sizes_come_back);
    tcase_add_test(tcase, type_and_metadata_are_kept);
    tcase_add_test(tcase, lists_are_complete);
    tcase_add_test(tcase, what_is_removed_is_gone);
    tcase_add_test(tcase, keys_of_all_kinds_are_one_object_each);
    tcase_add_test(tcase, a_folder_gives_no_links);
    tcase_add_loop_test(tcase, a_key_that_a_folder_cannot_hold_is_refused_by_all, 0,
                        (int)ARRAY_LEN(refused));
    tcase_add_test(tcase, a_folder_in_it_is_no_object);
    tcase_add_test(tcase, links_in_it_lead_nowhere);
    tcase_add_test(tcase, what_becomes_shorter_while_it_is_put_does_not_appear);
    tcase_add_test(tcase, what_is_asked_to_stop_does_not_appear);
    tcase_add_test(tcase, what_a_put_that_was_killed_left_is_taken_back_and_nothing_else);
    tcase_add_test(tcase, with_what_was_left_go_the_folders_that_were_made_for_it);
    tcase_add_test(tcase, a_removal_that_was_cut_off_is_done_again);
    tcase_add_test(tcase, limits_hold_when_it_is_got);
    tcase_add_loop_test(tcase, a_folder_that_cannot_be_is_the_configurations_fault, 0,
                        (int)ARRAY_LEN(paths));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
