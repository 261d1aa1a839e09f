// probe.json: every fact comes back, and damage is refused with the key that is wrong.
#include "base/fs.h"
#include "spool/batch.h"
#include "spool/probe.h"
#include <check.h>
#include <fcntl.h>
#include <stdio.h>

static char folder[64];
static int dir = -1;

static void set_up(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/clipspool-probe-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(dir, 0);
}

static void tear_down(void)
{
    (void)unlinkat(dir, SOURCE_PROBE, 0);
    close(dir);
    ck_assert_int_eq(rmdir(folder), 0);
}

static void fill(struct probe *probe)
{
    *probe = (struct probe){
        .container = "mov",
        .size_bytes = UINT64_C(5000000000),
        .duration = 12.345678912,
        .frames = 370,
        .codec = "h264",
        .pixel_format = "yuv420p10le",
        .width = 1080,
        .height = 1920,
        .coded_width = 1920,
        .coded_height = 1080,
        .rotation = 90,
        .sar_num = 1,
        .sar_den = 1,
        .fps_num = 30000,
        .fps_den = 1001,
        .variable_rate = true,
        .interlaced = true,
        .hdr = true,
        .bit_depth = 10,
        .bit_rate = 3240000000,
        .video_stream = 1,
        .start_time = 95443.717688889,
        .has_audio = true,
        .audio_codec = "aac",
        .audio_stream = 0,
        .audio_channels = 6,
        .audio_rate = 44100,
        .all_key_frames = true,
        .key_frame_count = 3,
    };
    probe->key_frames = xcalloc(3, sizeof *probe->key_frames);
    probe->key_frames[1] = 4.170833;
    probe->key_frames[2] = 8.341667;
    probe->key_frame_open = xcalloc(3, sizeof *probe->key_frame_open);
    probe->key_frame_open[2] = true;
    probe->warnings = json_pack("[s]", "the file is cut off after 0:12 (12.3 s)");
}

START_TEST(every_fact_comes_back)
{
    struct probe written, read = PROBE_INIT;
    struct err err = ERR_INIT;
    fill(&written);
    ck_assert_msg(probe_save(dir, &written, &err) == 0, "%s", err.text);
    ck_assert_msg(probe_load(dir, &read, &err) == 0, "%s", err.text);
    ck_assert_double_eq_tol(read.duration, written.duration, 1e-9);
    ck_assert_double_eq_tol(read.start_time, written.start_time, 1e-8);
    ck_assert_uint_eq(read.key_frame_count, 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_double_eq_tol(read.key_frames[i], written.key_frames[i], 1e-9);
        ck_assert(read.key_frame_open[i] == written.key_frame_open[i]);
    }
    ck_assert(read.all_key_frames);
    ck_assert(json_equal(read.warnings, written.warnings));
    ck_assert_str_eq(read.container, written.container);
    ck_assert_uint_eq(read.size_bytes, written.size_bytes);
    ck_assert_int_eq(read.frames, written.frames);
    ck_assert_str_eq(read.codec, written.codec);
    ck_assert_str_eq(read.pixel_format, written.pixel_format);
    ck_assert_int_eq(read.bit_rate, written.bit_rate);
    ck_assert_str_eq(read.audio_codec, written.audio_codec);
    const int *a = &written.width, *b = &read.width;
    for (size_t i = 0; i < 9; i++) // width to fps_den
        ck_assert_int_eq(a[i], b[i]);
    ck_assert(read.variable_rate && read.interlaced && read.hdr && read.has_audio);
    ck_assert_int_eq(read.bit_depth, 10);
    ck_assert_int_eq(read.video_stream, 1);
    ck_assert_int_eq(read.audio_stream, 0);
    ck_assert_int_eq(read.audio_channels, 6);
    ck_assert_int_eq(read.audio_rate, 44100);
    probe_release(&written);
    probe_release(&read);
}
END_TEST

// Every key of a sound file, wrong or missing in turn.
START_TEST(each_key_is_missed_and_its_wrong_type_refused)
{
    struct probe written, read = PROBE_INIT;
    cleanup(json_free) json_t *sound = NULL;
    fill(&written);
    ck_assert_int_eq(probe_save(dir, &written, NULL), 0);
    probe_release(&written);
    ck_assert_int_eq(json_read(dir, SOURCE_PROBE, 1 << 20, &sound, NULL), 0);
    const char *key;
    json_t *value;
    json_object_foreach(sound, key, value)
    {
        bool optional = strcmp(key, "warnings") == 0;
        for (int way = optional; way < 2; way++) {
            struct err err = ERR_INIT;
            cleanup(json_free) json_t *damaged = json_copy(sound);
            if (way == 0)
                json_object_del(damaged, key);
            else
                json_object_set_new(damaged, key, json_pack("{s:i}", "x", 1));
            ck_assert_int_eq(json_write(dir, SOURCE_PROBE, damaged, NULL), 0);
            ck_assert_msg(probe_load(dir, &read, &err) < 0, "%s %s was accepted",
                          way ? "wrong" : "missing", key);
            ck_assert_int_eq(err.class, ERR_INPUT);
            ck_assert_str_eq(err.id, "bad_probe");
            ck_assert_msg(strstr(err.text, key) != NULL, "%s: %s", key, err.text);
        }
    }
}
END_TEST

static const struct {
    const char *name, *times, *open;
} bad_lists[] = {
    { "out of order", "[0, 9000000, 8000000]", "[]" },
    { "twice", "[0, 9000000, 9000000]", "[]" },
    { "before second 0", "[-1, 0]", "[]" },
    { "seconds", "[0.5]", "[]" },
    { "no number", "[\"0\"]", "[]" },
    { "absurd", "[9000000000000000000]", "[]" },
    { "no list", "7", "[]" },
    { "open, but not there", "[0, 1]", "[2]" },
    { "open, but not a place", "[0, 1]", "[-1]" },
    { "open more often than there are", "[0]", "[0, 0]" },
};

START_TEST(key_frames_that_cannot_be_are_refused)
{
    struct probe written, read = PROBE_INIT;
    struct err err = ERR_INIT;
    cleanup(json_free) json_t *json = NULL;
    fill(&written);
    ck_assert_int_eq(probe_save(dir, &written, NULL), 0);
    probe_release(&written);
    ck_assert_int_eq(json_read(dir, SOURCE_PROBE, 1 << 20, &json, NULL), 0);
    json_object_set_new(json, "key_frames", json_loads(bad_lists[_i].times, JSON_DECODE_ANY, NULL));
    json_object_set_new(json, "open_key_frames", json_loads(bad_lists[_i].open, 0, NULL));
    ck_assert_int_eq(json_write(dir, SOURCE_PROBE, json, NULL), 0);
    ck_assert_msg(probe_load(dir, &read, &err) < 0, "%s", bad_lists[_i].name);
    ck_assert_str_eq(err.id, "bad_probe");
}
END_TEST

START_TEST(the_longest_list_comes_back_and_a_longer_one_is_refused)
{
    for (size_t count = PROBE_MAX_KEY_FRAMES; count <= PROBE_MAX_KEY_FRAMES + 1; count++) {
        struct probe written, read = PROBE_INIT;
        fill(&written);
        written.key_frames = xrealloc(written.key_frames, count, sizeof *written.key_frames);
        written.key_frame_open = xrealloc(written.key_frame_open, count, 1);
        written.key_frame_count = count;
        for (size_t i = 0; i < count; i++) {
            written.key_frames[i] = 9e6 + (double)i; // of the most digits
            written.key_frame_open[i] = true;
        }
        ck_assert_int_eq(probe_save(dir, &written, NULL), 0);
        int r = probe_load(dir, &read, NULL);
        ck_assert(count > PROBE_MAX_KEY_FRAMES ? r < 0 : r == 0 && read.key_frame_count == count);
        probe_release(&written);
        probe_release(&read);
    }
}
END_TEST

START_TEST(a_missing_file_is_our_own_mistake)
{
    struct probe read = PROBE_INIT;
    struct err err = ERR_INIT;
    ck_assert_int_lt(probe_load(dir, &read, &err), 0);
    ck_assert_int_eq(err.class, ERR_BUG);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("probe");
    TCase *tcase = tcase_create("file");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, every_fact_comes_back);
    tcase_add_test(tcase, each_key_is_missed_and_its_wrong_type_refused);
    tcase_add_loop_test(tcase, key_frames_that_cannot_be_are_refused, 0, (int)ARRAY_LEN(bad_lists));
    tcase_add_test(tcase, the_longest_list_comes_back_and_a_longer_one_is_refused);
    tcase_add_test(tcase, a_missing_file_is_our_own_mistake);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
