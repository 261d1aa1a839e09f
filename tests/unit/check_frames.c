// frames.json: what is written is read back, what is damaged is refused whole.
#include "base/fs.h"
#include "spool/batch.h"
#include "spool/frames.h"
#include "tests/support/folder.h"
#include <check.h>
#include <errno.h>
#include <fcntl.h>

static struct folder folder;

static void set_up(void)
{
    folder_make(&folder);
    ck_assert_int_eq(fs_mkdir(folder.fd, SOURCE_FRAMES, 0700, NULL), 0);
}

static void tear_down(void)
{
    folder_remove(&folder);
}

START_TEST(what_is_saved_is_loaded_again)
{
    cleanup(frames_release) struct frames frames = { .width = 640, .height = 360 };
    cleanup(frames_release) struct frames loaded = FRAMES_INIT;
    cleanup(close_fd) int fd = fs_open_dir(folder.fd, SOURCE_FRAMES, NULL);
    ck_assert_str_eq(frames_add(&frames, 0.5, 0)->file, "0001.jpg");
    ck_assert_str_eq(frames_add(&frames, 2.0417, 0)->file, "0002.jpg");
    ck_assert_str_eq(frames_add(&frames, 9, 3)->file, "0003.jpg");
    ck_assert_int_eq(frames_save(fd, &frames, NULL), 0);
    ck_assert_int_eq(frames_load(folder.fd, &loaded, NULL), 0);
    ck_assert_int_eq(loaded.width, 640);
    ck_assert_int_eq(loaded.height, 360);
    ck_assert_uint_eq(loaded.count, 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_str_eq(loaded.items[i].file, frames.items[i].file);
        ck_assert_double_eq_tol(loaded.items[i].time, frames.items[i].time, 1e-9);
        ck_assert_int_eq(loaded.items[i].shot, frames.items[i].shot);
    }
}
END_TEST

START_TEST(where_there_is_no_set_that_is_no_error)
{
    struct frames frames;
    struct err err = ERR_INIT;
    ck_assert_int_eq(frames_load(folder.fd, &frames, &err), -ENOENT);
    ck_assert_int_eq(err.class, ERR_NONE);
}
END_TEST

#define HEAD "{\"version\": 1, \"width\": 640, \"height\": 360, "
#define ONE(file, time, shot) "{\"file\": \"" file "\", \"time\": " time ", \"shot\": " shot "}"
#define FRAMES(list) HEAD "\"frames\": [" list "]}"

static const struct {
    const char *name, *text;
    bool good;
} files[] = {
    { "none", FRAMES(""), true },
    { "one", FRAMES(ONE("0001.jpg", "0", "0")), true },
    { "two of a shot", FRAMES(ONE("0001.jpg", "0", "0") "," ONE("0002.jpg", "0.1", "0")), true },
    { "not an object", "[]", false },
    { "another version", "{\"version\": 2}", false },
    { "no list", HEAD "\"frame\": []}", false },
    { "no size", "{\"version\": 1, \"frames\": []}", false },
    { "an odd side", "{\"version\": 1, \"width\": 641, \"height\": 360, \"frames\": []}", false },
    { "a side without end", "{\"version\": 1, \"width\": 1e9, \"height\": 360, \"frames\": []}",
      false },
    { "an entry of another type", FRAMES("7"), false },
    { "a file of another folder", FRAMES(ONE("../1.jpg", "0", "0")), false },
    { "an absolute path", FRAMES(ONE("/etc.jpg", "0", "0")), false },
    { "the index itself", FRAMES(ONE("frames.json", "0", "0")), false },
    { "a name that is longer", FRAMES(ONE("00001.jpg", "0", "0")), false },
    { "no file", FRAMES("{\"time\": 1, \"shot\": 0}"), false },
    { "no time", FRAMES("{\"file\": \"0001.jpg\", \"shot\": 0}"), false },
    { "no shot", FRAMES("{\"file\": \"0001.jpg\", \"time\": 0}"), false },
    { "before second 0", FRAMES(ONE("0001.jpg", "-1", "0")), false },
    { "after days", FRAMES(ONE("0001.jpg", "1e6", "0")), false },
    { "a shot before the first", FRAMES(ONE("0001.jpg", "0", "-1")), false },
    { "two at a time", FRAMES(ONE("0001.jpg", "1", "0") "," ONE("0002.jpg", "1", "0")), false },
    { "backwards", FRAMES(ONE("0001.jpg", "2", "0") "," ONE("0002.jpg", "1", "0")), false },
    { "shots backwards", FRAMES(ONE("0001.jpg", "1", "1") "," ONE("0002.jpg", "2", "0")), false },
};

START_TEST(what_is_damaged_is_refused)
{
    cleanup(json_free) json_t *json = NULL;
    cleanup(frames_release) struct frames frames = FRAMES_INIT;
    struct err err = ERR_INIT;
    ck_assert_int_eq(json_parse(files[_i].text, strlen(files[_i].text), &json, NULL), 0);
    int r = frames_from_json(json, &frames, &err);
    ck_assert_msg((r == 0) == files[_i].good, "%s: %s", files[_i].name, err.text);
    if (!files[_i].good)
        ck_assert_str_eq(err.id, "bad_frames");
}
END_TEST

START_TEST(no_more_are_read_than_a_set_may_have)
{
    for (size_t count = FRAMES_MAX; count <= FRAMES_MAX + 1; count++) {
        cleanup(frames_release) struct frames frames = { .width = 2, .height = 2 };
        cleanup(frames_release) struct frames loaded = FRAMES_INIT;
        for (size_t i = 0; i < count; i++)
            frames_add(&frames, (double)i, 0);
        cleanup(json_free) json_t *json = frames_to_json(&frames);
        ck_assert_int_eq(frames_from_json(json, &loaded, NULL) == 0, count == FRAMES_MAX);
    }
}
END_TEST

static void put(const char *name, const char *text)
{
    ck_assert_int_eq(fs_write(folder.fd, name, text, strlen(text), NULL), 0);
}

START_TEST(pictures_are_read_as_they_are_and_nothing_else_is)
{
    cleanup(frames_release) struct frames frames = { .width = 2, .height = 2 };
    cleanup(free_ptr) char *jpeg = NULL;
    size_t size;
    struct err err = ERR_INIT;
    const struct frames_item *item = frames_add(&frames, 0, 0);
    ck_assert_int_lt(frames_read(folder.fd, item, &jpeg, &size, &err), 0);
    ck_assert_str_eq(err.id, "bad_frames");
    put(SOURCE_FRAMES "/0001.jpg", "<html>");
    ck_assert_int_lt(frames_read(folder.fd, item, &jpeg, &size, NULL), 0);
    put("secret", "\xff\xd8\xff\xe0");
    ck_assert_int_eq(unlinkat(folder.fd, SOURCE_FRAMES "/0001.jpg", 0), 0);
    ck_assert_int_eq(symlinkat("../secret", folder.fd, SOURCE_FRAMES "/0001.jpg"), 0);
    ck_assert_int_lt(frames_read(folder.fd, item, &jpeg, &size, NULL), 0);
    ck_assert_int_eq(unlinkat(folder.fd, SOURCE_FRAMES "/0001.jpg", 0), 0);
    put(SOURCE_FRAMES "/0001.jpg", "\xff\xd8\xff\xe0");
    ck_assert_int_eq(frames_read(folder.fd, item, &jpeg, &size, NULL), 0);
    ck_assert_uint_eq(size, 4);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("frames");
    TCase *tcase = tcase_create("frames.json");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, what_is_saved_is_loaded_again);
    tcase_add_test(tcase, where_there_is_no_set_that_is_no_error);
    tcase_add_loop_test(tcase, what_is_damaged_is_refused, 0, ARRAY_LEN(files));
    tcase_add_test(tcase, no_more_are_read_than_a_set_may_have);
    tcase_add_test(tcase, pictures_are_read_as_they_are_and_nothing_else_is);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
