// signals.json: what is measured comes back within the scale, stays small, and damage is refused.
#include "base/fs.h"
#include "base/json.h"
#include "spool/batch.h"
#include "spool/signals.h"
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

static char folder[64];
static int dir = -1;

static void set_up(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/clipspool-signals-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(dir, 0);
}

static void tear_down(void)
{
    (void)unlinkat(dir, SOURCE_SIGNALS, 0);
    close(dir);
    ck_assert_int_eq(rmdir(folder), 0);
}

// Values that use the whole range of each column.
static void fill(struct signals *signals, double seconds, bool sound)
{
    *signals = (struct signals){ .duration = seconds,
                                 .frame_rate = 30,
                                 .frame_count = (size_t)(seconds * 30),
                                 .likeness_count = (size_t)(seconds * SIGNALS_LIKENESS_HZ),
                                 .has_sound = sound,
                                 .integrated_lufs = -23.42,
                                 .true_peak_db = -1.07 };
    signals->frames = xcalloc(signals->frame_count + 1, sizeof *signals->frames);
    for (size_t i = 0; i < signals->frame_count; i++)
        signals->frames[i] = (struct signals_frame){
            .time = (float)((double)i * 1001 / 30000),
            .cut = (float)(i % 101) / 100,
            .motion = (float)(i % 37) / 36,
            .brightness = (float)(i % 256) / 255,
            .sharpness = (float)(i % 11) / 10,
            .colour = (float)(i % 7) / 6,
        };
    signals->likeness = xcalloc(signals->likeness_count + 1, sizeof *signals->likeness);
    for (size_t i = 0; i < signals->likeness_count; i++)
        for (int bin = 0; bin < SIGNALS_BINS; bin++)
            signals->likeness[i][bin] = (uint8_t)(i * 7 + (size_t)bin * 3);
    signals->sound_count = sound ? (size_t)(seconds * SIGNALS_SOUND_HZ) : 0;
    signals->sounds = xcalloc(signals->sound_count + 1, sizeof *signals->sounds);
    for (size_t i = 0; i < signals->sound_count; i++)
        signals->sounds[i] = (struct signals_sound){
            .loudness = (float)-70 + (float)(i % 700) / 10,
            .peak = (float)-90 + (float)(i % 900) / 10,
            .speech = (float)-60 + (float)(i % 600) / 10,
            .onset = (float)(i % 51) / 50,
            .voice = i % 3 == 0,
        };
}

static void assert_same(const struct signals *a, const struct signals *b)
{
    ck_assert_double_eq_tol(a->duration, b->duration, 1e-6);
    ck_assert_double_eq_tol(a->frame_rate, b->frame_rate, 1e-4);
    ck_assert_uint_eq(a->frame_count, b->frame_count);
    for (size_t i = 0; i < a->frame_count; i++) {
        ck_assert_float_eq_tol(a->frames[i].time, b->frames[i].time, 0.00006f);
        ck_assert_float_eq_tol(a->frames[i].cut, b->frames[i].cut, 0.00051f);
        ck_assert_float_eq_tol(a->frames[i].motion, b->frames[i].motion, 0.00051f);
        ck_assert_float_eq_tol(a->frames[i].brightness, b->frames[i].brightness, 0.00051f);
        ck_assert_float_eq_tol(a->frames[i].sharpness, b->frames[i].sharpness, 0.00051f);
        ck_assert_float_eq_tol(a->frames[i].colour, b->frames[i].colour, 0.00051f);
    }
    ck_assert_uint_eq(a->likeness_count, b->likeness_count);
    ck_assert_int_eq(memcmp(a->likeness, b->likeness, a->likeness_count * SIGNALS_BINS), 0);
    ck_assert_int_eq(a->has_sound, b->has_sound);
    ck_assert_uint_eq(a->sound_count, b->sound_count);
    for (size_t i = 0; i < a->sound_count; i++) {
        ck_assert_float_eq_tol(a->sounds[i].loudness, b->sounds[i].loudness, 0.051f);
        ck_assert_float_eq_tol(a->sounds[i].peak, b->sounds[i].peak, 0.051f);
        ck_assert_float_eq_tol(a->sounds[i].speech, b->sounds[i].speech, 0.051f);
        ck_assert_float_eq_tol(a->sounds[i].onset, b->sounds[i].onset, 0.00051f);
        ck_assert_int_eq(a->sounds[i].voice, b->sounds[i].voice);
    }
}

START_TEST(what_is_saved_is_read_back_within_its_scale)
{
    struct signals written, read = SIGNALS_INIT;
    struct err err = ERR_INIT;
    fill(&written, 40, _i == 1);
    ck_assert_msg(signals_save(dir, &written, &err) == 0, "%s", err.text);
    ck_assert_msg(signals_load(dir, &read, &err) == 0, "%s", err.text);
    assert_same(&written, &read);
    ck_assert_double_eq_tol(read.integrated_lufs, _i == 1 ? -23.42 : -70, 1e-6);
    ck_assert_double_eq_tol(read.true_peak_db, _i == 1 ? -1.07 : -90, 1e-6);
    signals_release(&written);
    signals_release(&read);
}
END_TEST

START_TEST(ten_minutes_take_less_than_two_megabytes)
{
    struct signals written;
    struct err err = ERR_INIT;
    struct stat st;
    fill(&written, 600, true);
    ck_assert_msg(signals_save(dir, &written, &err) == 0, "%s", err.text);
    ck_assert_int_eq(fstatat(dir, SOURCE_SIGNALS, &st, 0), 0);
    printf("signals of 600 s at 30 pictures a second: %lld bytes\n", (long long)st.st_size);
    ck_assert_int_lt(st.st_size, 2000000);
    signals_release(&written);
}
END_TEST

START_TEST(values_outside_their_scale_are_held_at_its_ends)
{
    struct signals written, read = SIGNALS_INIT;
    struct err err = ERR_INIT;
    fill(&written, 1, true);
    written.frames[0].cut = 7;
    written.frames[1].cut = -1;
    written.frames[2].cut = NAN;
    written.sounds[0].loudness = -INFINITY;
    ck_assert_msg(signals_save(dir, &written, &err) == 0, "%s", err.text);
    ck_assert_msg(signals_load(dir, &read, &err) == 0, "%s", err.text);
    ck_assert_float_eq(read.frames[0].cut, 1);
    ck_assert_float_eq(read.frames[1].cut, 0);
    ck_assert_float_eq(read.frames[2].cut, 0);
    ck_assert_float_eq(read.sounds[0].loudness, -70);
    signals_release(&written);
    signals_release(&read);
}
END_TEST

#define FRAMES                                                                          \
    "\"frames\":{\"time\":[0,400],\"cut\":[0,9],\"motion\":[0,9],\"brightness\":[0,9]," \
    "\"sharpness\":[0,9],\"colour\":[0,9]}"
#define HEAD "{\"version\":1,\"duration\":2,\"frame_rate\":25,"

static const struct damage {
    const char *name, *text, *bad; // bad NULL: it is sound
} damages[] = {
    { "sound", HEAD FRAMES ",\"likeness\":[],\"sound\":null}", NULL },
    { "empty", "", "" },
    { "not an object", "[1,2]", "version" },
    { "cut off", HEAD FRAMES, "" },
    { "foreign", "{\"hello\":1}", "version" },
    { "newer", "{\"version\":2}", "version" },
    { "no duration", "{\"version\":1,\"frame_rate\":25}", "duration" },
    { "duration of a year", "{\"version\":1,\"duration\":31536000,\"frame_rate\":25}", "duration" },
    { "frames missing", HEAD "\"likeness\":[],\"sound\":null}", "frames" },
    { "columns of unlike length",
      HEAD "\"frames\":{\"time\":[0,400],\"cut\":[0],\"motion\":[0,9],\"brightness\":[0,9],"
           "\"sharpness\":[0,9],\"colour\":[0,9]},\"likeness\":[],\"sound\":null}",
      "frames" },
    { "time going back",
      HEAD "\"frames\":{\"time\":[0,-4],\"cut\":[0,1],\"motion\":[0,9],\"brightness\":[0,9],"
           "\"sharpness\":[0,9],\"colour\":[0,9]},\"likeness\":[],\"sound\":null}",
      "frames" },
    { "value out of range",
      HEAD "\"frames\":{\"time\":[0],\"cut\":[1001],\"motion\":[0],\"brightness\":[0],"
           "\"sharpness\":[0],\"colour\":[0]},\"likeness\":[],\"sound\":null}",
      "frames" },
    { "real instead of whole",
      HEAD "\"frames\":{\"time\":[0],\"cut\":[0.5],\"motion\":[0],\"brightness\":[0],"
           "\"sharpness\":[0],\"colour\":[0]},\"likeness\":[],\"sound\":null}",
      "frames" },
    { "likeness of 31 bins",
      HEAD FRAMES ",\"likeness\":[1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1],"
                  "\"sound\":null}",
      "likeness" },
    { "sound missing", HEAD FRAMES ",\"likeness\":[]}", "sound" },
    { "voice undecided",
      HEAD FRAMES ",\"likeness\":[],\"sound\":{\"loudness\":[-230],\"peak\":[-10],\"speech\":[-10],"
                  "\"onset\":[0],\"voice\":[2],\"integrated_lufs\":-23,\"true_peak_db\":-1}}",
      "sound" },
};

START_TEST(damaged_files_are_refused_with_the_part_that_is_wrong)
{
    const struct damage *damage = &damages[_i];
    struct signals read = SIGNALS_INIT;
    struct err err = ERR_INIT;
    ck_assert_int_eq(fs_write(dir, SOURCE_SIGNALS, damage->text, strlen(damage->text), NULL), 0);
    int r = signals_load(dir, &read, &err);
    if (damage->bad == NULL) {
        ck_assert_msg(r == 0, "%s: %s", damage->name, err.text);
        ck_assert_uint_eq(read.frame_count, 2);
    } else {
        ck_assert_msg(r < 0, "%s was accepted", damage->name);
        ck_assert_msg(err.class == ERR_INPUT, "%s: %s", damage->name, err.text);
        ck_assert_msg(strstr(err.text, damage->bad) != NULL, "%s: %s", damage->name, err.text);
        ck_assert_ptr_null(read.frames);
    }
    signals_release(&read);
}
END_TEST

static void assert_documented(const char *text, const char *key)
{
    cleanup(free_ptr) char *cell = xasprintf("| `%s` |", key);
    ck_assert_msg(strstr(text, cell) != NULL, "docs/SIGNALS.md does not tell of \"%s\"", key);
}

START_TEST(every_key_is_documented)
{
    struct signals written;
    struct err err = ERR_INIT;
    cleanup(json_free) json_t *object = NULL;
    cleanup(free_ptr) char *text = NULL;
    size_t size;
    cleanup(close_fd) int docs = open("docs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_msg(fs_read(docs, "SIGNALS.md", 1 << 20, &text, &size, &err) == 0, "%s", err.text);
    fill(&written, 1, true);
    ck_assert_int_eq(signals_save(dir, &written, NULL), 0);
    ck_assert_int_eq(json_read(dir, SOURCE_SIGNALS, 1 << 20, &object, NULL), 0);
    const char *key, *inner;
    json_t *value, *column;
    json_object_foreach(object, key, value)
    {
        assert_documented(text, key);
        json_object_foreach(value, inner, column)
        {
            cleanup(free_ptr) char *path = xasprintf("%s.%s", key, inner);
            assert_documented(text, path);
        }
    }
    signals_release(&written);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("signals");
    TCase *tcase = tcase_create("file");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, what_is_saved_is_read_back_within_its_scale, 0, 2);
    tcase_add_test(tcase, ten_minutes_take_less_than_two_megabytes);
    tcase_add_test(tcase, values_outside_their_scale_are_held_at_its_ends);
    tcase_add_loop_test(tcase, damaged_files_are_refused_with_the_part_that_is_wrong, 0,
                        (int)ARRAY_LEN(damages));
    tcase_add_test(tcase, every_key_is_documented);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
