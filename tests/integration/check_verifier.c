// A folder with SHA256SUMS is taken when all that it lists is there and right, and not before.
#include "tests/support/spool_story.h"

// Of "abc", by FIPS 180-4.
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static const char *const modes[] = {
    "intake = { mode = \"auto\"; settle_seconds = 0.15; scan_seconds = 0.5; };",
    "intake = { mode = \"marker\"; settle_seconds = 0.15; scan_seconds = 0.5; };",
};

static void make_trip(void)
{
    cleanup(free_ptr) char *path = spool_fixture_path(&fixture, "incoming/trip");
    ck_assert_int_eq(mkdir(path, 0755), 0);
}

static void put(const char *name, const char *text)
{
    cleanup(free_ptr) char *inner = xasprintf("incoming/trip/%s", name);
    spool_fixture_put(&fixture, inner, text, strlen(text));
}

START_TEST(a_batch_comes_file_by_file_behind_its_manifest)
{
    spool_fixture_set(&fixture, modes[_i]);
    spool_fixture_start(&fixture);
    make_trip();
    put("SHA256SUMS", ABC " *a.mp4\n" ABC "  b.mp4\n");
    put("a.mp4", "abc");
    spool_fixture_await_notice(&fixture, "trip: b.mp4 is in SHA256SUMS, but not here yet");
    put("b.mp4", "ab");
    spool_fixture_await_notice(&fixture, "trip: b.mp4: is not what SHA256SUMS says");
    spool_fixture_await_name(&fixture, "outbox/waiting.txt", true); // and nothing else
    cleanup(free_ptr) char *page = folder_get(&fixture.folder, "spool/outbox/waiting.txt");
    ck_assert_msg(strstr(page, "\n\ntrip\n    b.mp4: is not what SHA256SUMS says: "), "%s", page);
    ck_assert_uint_eq(spool_fixture_count(&fixture, "outbox"), 1);
    put("b.mp4", "abc");
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
    assert_logged("waiting in incoming: trip: b.mp4");
}
END_TEST

static const struct {
    const char *what, *sums, *code, *message;
} wrong[] = {
    { "half a file", ABC "  a.mp4\n", "wrong_sum", "a.mp4: is not what SHA256SUMS says" },
    { "a file too few", ABC "  a.mp4\n" ABC "  b.mp4\n", "missing_file",
      "b.mp4 is in SHA256SUMS, but not in the folder" },
    { "a manifest that is none", "what?\n", "bad_manifest", "SHA256SUMS: line 1" },
    { "a manifest that leads elsewhere", ABC "  ../../work/x\n", "bad_manifest",
      "names a file that is not in the folder" },
    { "a video that is not in it", ABC "  notes.txt\n", "not_in_manifest",
      "a.mp4: is not in SHA256SUMS" },
};

START_TEST(what_never_becomes_right_is_told_in_the_end)
{
    spool_fixture_set(&fixture, "intake = { mode = \"marker\"; settle_seconds = 0.15; "
                                "scan_seconds = 0.5; doubt_seconds = 0.5; };");
    make_trip();
    put("a.mp4", "ab");
    put("notes.txt", "abc");
    put("SHA256SUMS", wrong[_i].sums);
    spool_fixture_start(&fixture);
    json_t *status = spool_fixture_await(&fixture, "trip", "failed");
    const json_t *error = json_object_get(status, "error");
    ck_assert_msg(strcmp(text_of(error, "code"), wrong[_i].code) == 0, "%s: %s", wrong[_i].what,
                  text_of(error, "code"));
    ck_assert_msg(strstr(text_of(error, "message"), wrong[_i].message) != NULL, "%s",
                  text_of(error, "message"));
    ck_assert(*text_of(error, "hint") != '\0');
    json_decref(status);
}
END_TEST

START_TEST(ready_takes_it_at_once_and_the_sums_still_count)
{
    spool_fixture_set(&fixture, "intake = { settle_seconds = 3600.0; scan_seconds = 3600.0; };");
    make_trip();
    put("a.mp4", "ab");
    put("SHA256SUMS", ABC "  a.mp4\n");
    put(".ready", "");
    spool_fixture_start(&fixture);
    json_t *status = spool_fixture_await(&fixture, "trip", "failed");
    ck_assert_str_eq(text_of(json_object_get(status, "error"), "code"), "wrong_sum");
    json_decref(status);
}
END_TEST

START_TEST(once_waits_for_the_sums_and_then_ends)
{
    static const char *const once[] = { "--once", NULL };
    make_trip();
    put("-a.mp4", "abc");
    put("SHA256SUMS", ABC "  -a.mp4\n");
    spool_fixture_begin(&fixture, once);
    ck_assert_int_eq(spool_fixture_wait(&fixture), 0);
    json_decref(spool_fixture_await(&fixture, "trip", "completed"));
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, spool_story_open, spool_story_close);
    tcase_add_loop_test(tcase, a_batch_comes_file_by_file_behind_its_manifest, 0,
                        (int)ARRAY_LEN(modes));
    tcase_add_loop_test(tcase, what_never_becomes_right_is_told_in_the_end, 0,
                        (int)ARRAY_LEN(wrong));
    tcase_add_test(tcase, ready_takes_it_at_once_and_the_sums_still_count);
    tcase_add_test(tcase, once_waits_for_the_sums_and_then_ends);
}

int main(int argc, char **argv)
{
    return spool_story_main(argc, argv, "verifier", add_tests);
}
