// A reel as people see it: a browser plays it from end to end and finds, wherever it seeks to, the
// picture that the plan puts there; and ffmpeg decodes it without a word.
//
// Each picture of a source has a brightness of its own, each source a colour, so that what is on
// the screen says which picture of which source it is.
#include "spool/batch.h"
#include "tests/support/media.h"
#include "tests/support/program.h"
#include "tests/support/render_batch.h"

#include <check.h>
#include <math.h>
#include <stdio.h>

enum { SOURCES = 3, PIECES = 6, FPS = 30, PLACES = 3 };

struct piece {
    int source, first, count; // in frames
};

struct row {
    const char *name;
    struct media_clip clips[SOURCES];
    struct piece pieces[PIECES];
    const char *mode;
    bool is_turned;
};

#define NUMBERED(cb, cr) "geq=lum='20+mod(N*11\\,200)':cb=" #cb ":cr=" #cr
// What the sources' chroma is, so that no brightness leaves what a screen can show by much.
#define COLOURED(file, cb, cr, coding)                                            \
    {                                                                             \
        .name = file, .seconds = 6, .width = 320, .height = 180, .rate = "30",    \
        .picture = "color=c=black", .filter = NUMBERED(cb, cr), .options = coding \
    }
#define X264 \
    "-c:v libx264 -preset veryfast -crf 14 -pix_fmt yuv420p -g 30 -keyint_min 30 -sc_threshold 0 "
static const int chroma[SOURCES][2] = { { 128, 128 }, { 140, 128 }, { 128, 140 } };

static const struct row rows[] = {
    { .name = "one source, cut on key frames and between",
      .clips = { COLOURED("grey.mp4", 128, 128, X264 "-bf 2") },
      .pieces = { { 0, 60, 60 }, { 0, 135, 40 }, { 0, 7, 45 }, { 0, 30, 30 } },
      .mode = "smart" },
    { .name = "parameter sets of three encoders and ours",
      .clips = { COLOURED("sets-a.mp4", 128, 128, X264 "-bf 3 -refs 5"),
                 COLOURED("sets-b.mkv", 140, 128, X264 "-profile:v baseline"),
                 COLOURED("sets-c.ts", 128, 140, X264 "-profile:v main -bf 2 -refs 2") },
      .pieces = { { 0, 60, 45 },
                  { 1, 40, 50 },
                  { 2, 90, 45 },
                  { 0, 10, 60 },
                  { 2, 50, 40 },
                  { 1, 120, 30 } },
      .mode = "smart" },
    { .name = "copied whole",
      .clips = { COLOURED("grey.mp4", 128, 128, X264 "-bf 2") },
      .pieces = { { 0, 60, 60 }, { 0, 0, 30 }, { 0, 120, 30 } },
      .mode = "copy" },
    { .name = "turned",
      .clips = { COLOURED("turned.mp4", 128, 128, X264 "-bf 2") },
      .pieces = { { 0, 60, 60 }, { 0, 135, 40 } },
      .mode = "smart",
      .is_turned = true },
};

// ---- making the reel

static const char *turned(const char *path)
{
    return MEDIA_MAKE("browser-turned.mp4", "-i", path, "-c", "copy", "-metadata:s:v:0",
                      "rotate=90");
}

static void make_reel(const struct row *row, struct render_batch *batch)
{
    const char *paths[RENDER_SOURCES] = { 0 };
    struct render_piece pieces[PIECES];
    size_t count = 0;
    for (size_t i = 0; i < SOURCES && row->clips[i].name; i++) {
        paths[i] = media_clip(&row->clips[i]);
        if (row->is_turned)
            paths[i] = turned(paths[i]);
    }
    for (; count < PIECES && row->pieces[count].count > 0; count++) {
        const struct piece *piece = &row->pieces[count];
        pieces[count] =
            (struct render_piece){ piece->source, round(1e3 * piece->first / FPS) / 1e3,
                                   round(1e3 * (piece->first + piece->count) / FPS) / 1e3 };
    }
    render_batch_make(batch, paths, NULL);
    render_batch_plan(batch, pieces, count);
    render_batch_must_run(batch, "render", NULL);
    json_t *numbers = render_batch_numbers(batch);
    ck_assert_str_eq(render_batch_word(numbers, "render_mode"), row->mode);
    json_decref(numbers);
    render_batch_decodes(batch);
}

// ---- what the browser must show

struct expected {
    int frame; // of the reel
    int source, number;
};

// Of every piece its first picture, its last, and one between.
static size_t list_expected(const struct row *row, struct expected *ret_expected)
{
    size_t count = 0;
    int at = 0;
    for (size_t i = 0; i < PIECES && row->pieces[i].count > 0; i++) {
        const struct piece *piece = &row->pieces[i];
        const int places[PLACES] = { 0, piece->count / 2, piece->count - 1 };
        for (size_t place = 0; place < PLACES; place++)
            ret_expected[count++] = (struct expected){ at + places[place], piece->source,
                                                       piece->first + places[place] };
        at += piece->count;
    }
    return count;
}

static json_t *play(const struct render_batch *batch, const struct expected *expected, size_t count)
{
    char *final = render_batch_path(batch, BATCH_FINAL), *said;
    char *seconds[PIECES * PLACES];
    const char *argv[3 + PIECES * PLACES + 1] = { "tests/support/browser-plays", final };
    for (size_t i = 0; i < count; i++) // the middle of the time it is shown
        argv[2 + i] = seconds[i] = xasprintf("%.4f", (expected[i].frame + 0.5) / FPS);
    int status = program_run(argv, &said);
    if (status == 2)
        printf("SKIP playing reels in a browser: there is no chromium\n");
    ck_assert_msg(status == 0 || status == 2, "browser-plays ends with %d: %s", status, said);
    json_t *answer = status == 0 ? json_loads(said, 0, NULL) : NULL;
    ck_assert_msg(status == 2 || answer != NULL, "%s", said);
    for (size_t i = 0; i < count; i++)
        free(seconds[i]);
    free(said);
    free(final);
    return answer;
}

// The colour on the screen in BT.601 of limited range, which pictures of this size are taken for.
static void assert_colour(const json_t *colour, const struct expected *expected)
{
    double red = json_number_value(json_array_get(colour, 0));
    double green = json_number_value(json_array_get(colour, 1));
    double blue = json_number_value(json_array_get(colour, 2));
    double grey = 0.299 * red + 0.587 * green + 0.114 * blue;
    double want = (20 + expected->number * 11 % 200 - 16) * 255.0 / 219;
    const int *tint = chroma[expected->source];
    double blue_off = 2.018 * (tint[0] - 128), red_off = 1.596 * (tint[1] - 128);
    // Neighbours in time differ by 12.8.
    ck_assert_msg(fabs(grey - want) < 5, "at picture %d: brightness %.1f, not %.1f of picture %d",
                  expected->frame, grey, want, expected->number);
    if (want > 30 && want < 225)
        ck_assert_msg(fabs(blue - grey - blue_off) < 9 && fabs(red - grey - red_off) < 9,
                      "at picture %d: red %.1f, blue %.1f at grey %.1f is not source %d",
                      expected->frame, red, blue, grey, expected->source);
}

START_TEST(a_browser_plays_the_reel_and_seeks_to_every_joint)
{
    const struct row *row = &rows[_i];
    struct render_batch batch;
    struct expected expected[PIECES * PLACES];
    make_reel(row, &batch);
    size_t count = list_expected(row, expected);
    json_t *answer = play(&batch, expected, count);
    if (answer) {
        double seconds = (expected[count - 1].frame + 1.0) / FPS;
        ck_assert_msg(json_is_null(json_object_get(answer, "error")), "%s",
                      render_batch_word(answer, "error"));
        ck_assert(json_is_true(json_object_get(answer, "ended")));
        ck_assert_double_eq_tol(json_number_value(json_object_get(answer, "duration")), seconds,
                                0.03);
        ck_assert_double_eq_tol(json_number_value(json_object_get(answer, "at")), seconds, 0.03);
        ck_assert_int_eq(json_integer_value(json_object_get(answer, "width")),
                         row->is_turned ? 180 : 320);
        const json_t *seeks = json_object_get(answer, "seeks");
        ck_assert_uint_eq(json_array_size(seeks), count);
        for (size_t i = 0; i < count; i++)
            assert_colour(json_array_get(seeks, i), &expected[i]);
        json_decref(answer);
    }
    render_batch_remove(&batch);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("browser");
    // A case a row: CK_RUN_CASE takes its name, and a failure says it.
    for (int i = 0; i < (int)ARRAY_LEN(rows); i++) {
        TCase *tcase = tcase_create(rows[i].name);
        tcase_set_timeout(tcase, 300);
        tcase_add_loop_test(tcase, a_browser_plays_the_reel_and_seeks_to_every_joint, i, i + 1);
        suite_add_tcase(suite, tcase);
    }
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
