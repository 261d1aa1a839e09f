// Which pictures of a segment are copied: stories of coded pictures, and of made-up streams.
#include "media/runs.h"

#include <check.h>
#include <math.h>
#include <stdio.h>

enum { MOST = 2000 };
static const double frame_seconds = 1 / 25.0, first_second = 10;

// Coded pictures in decoding order, each a letter and the frame it is shown at (with a fraction
// where it lies off the grid; "?" for no time), or a range of frames:
//   K sync   C open sync   L leading (RASL)   P referred to   b disposable   X no picture
static size_t read_pictures(const char *text, struct coded_picture *pictures)
{
    static const char letters[] = "KCLPbX";
    static const enum nal_picture kinds[] = { NAL_SYNC,      NAL_SYNC_OPEN,  NAL_LEADING,
                                              NAL_REFERENCE, NAL_DISPOSABLE, NAL_NO_PICTURE };
    size_t count = 0;
    while (*text) {
        const char *letter = strchr(letters, *text++);
        ck_assert(letter != NULL);
        char *end;
        double from = NAN, to = NAN;
        if (*text == '?') {
            end = strchr(text, '?') + 1;
        } else {
            from = to = strtod(text, &end);
            if (*end == '-')
                to = strtod(end + 1, &end);
        }
        do {
            ck_assert_uint_lt(count, MOST);
            pictures[count++] = (struct coded_picture){ first_second + from * frame_seconds,
                                                        kinds[letter - letters] };
        } while (from++ < to);
        text = end + (*end == ' ');
    }
    return count;
}

// Runs as text: "e" encoded, "c" copied, "o" copied with an open start; the frames; of a copied one
// the packets.
static void write_runs(const struct run *runs, size_t count, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        const struct run *run = &runs[i];
        used += (size_t)snprintf(text + used, size - used, "%s%c%lld+%lld", i ? " " : "",
                                 !run->is_copied ? 'e'
                                 : run->is_open  ? 'o'
                                                 : 'c',
                                 (long long)run->first, (long long)run->count);
        if (run->is_copied)
            used += (size_t)snprintf(text + used, size - used, "[%zu,%zu)", run->from, run->to);
    }
}

static const struct story {
    const char *sentence, *pictures;
    double start, end; // frames of the source
    int frames;        // of the segment in the reel
    const char *expect;
    double origin; // frames of the source; NAN: there is none
} stories[] = {
    { "closed groups without a gap are one run", "K0 P1-9 K10 P11-19 K20 P21-29", 0, 20, 20,
      "c0+20[0,20)", 0 },
    { "before the first sync picture is the head", "K0 P1-9 K10 P11-29", 4, 24, 20,
      "e0+6 c6+14[10,24)", 4 },
    { "the drawing of the header", "K0 P3 b1 b2 K4 P7 b5 b6 P10 b8 b9 P13 b11 b12", 1, 12, 11,
      "e0+3 c3+7[4,11) e10+1", 1 },
    { "a pyramid that lies over the end is the tail",
      "K0 P8 P4 P2 b1 b3 P6 b5 b7 P16 P12 P10 b9 b11 P14 b13 b15", 0, 14, 14, "c0+9[0,9) e9+5", 0 },
    { "a pyramid that ends with the segment has no tail",
      "K0 P8 P4 P2 b1 b3 P6 b5 b7 P16 P12 P10 b9 b11 P14 b13 b15", 0, 17, 17, "c0+17[0,17)", 0 },
    { "without a sync picture all is encoded", "P0-30", 5, 25, 20, "e0+20", 5 },
    { "a sync picture behind the end is none", "P0-15 K16 P17-30", 5, 15, 10, "e0+10", 5 },
    { "a sync picture before the start is none: who begins there shows too much", "K0 P1-30", 5, 25,
      20, "e0+20", 5 },
    { "five pictures are not worth a joint", "K0 P1-9", 0, 5, 5, "e0+5", 0 },
    { "six pictures are", "K0 P1-9", 0, 6, 6, "c0+6[0,6)", 0 },
    { "nor is the rest behind a late sync picture", "K0 P1-15 K16 P17-30", 2, 20, 18, "e0+18", 2 },
    { "times a third of a frame beside the grid are rounding", "K0 P1.3 P1.7 P3.3 P4 P4.7 P6.3", 0,
      7, 7, "c0+7[0,7)", 0 },
    { "times nearly half a frame beside it are not", "K0 P1-6 P7.45 P8-9", 0, 10, 10,
      "c0+7[0,7) e7+3", 0 },
    { "30 in a reel of 25 are encoded", "K0 P0.833 P1.667 P2.5 P3.333 P4.167 P5 P5.833", 0, 6, 6,
      "e0+6", 0 },
    { "half the rate is encoded", "K0 P2 P4 P6 P8 P10 P12 P14 P16 P18", 0, 20, 20, "e0+20", 0 },
    { "twice the rate is encoded", "K0 P0.5 P1 P1.5 P2 P2.5 P3 P3.5 P4 P4.5 P5 P5.5 P6 P6.5", 0, 7,
      7, "e0+7", 0 },
    { "behind a gap in time the run resumes at the next sync picture", "K0 P1-9 P12-20 K21 P22-40",
      0, 30, 30, "c0+10[0,10) e10+11 c21+9[19,28)", 0 },
    { "two pictures within a frame end the run, though a hole behind them makes the count right",
      "K0 P1-9 P9.35 P10.65 P12-20", 0, 20, 20, "c0+10[0,10) e10+10", 0 },
    { "so they do at its beginning", "K0 P0.35 P1.65 P3-9", 0, 10, 10, "e0+10", 0 },
    { "leading pictures of an open start are passed over", "K0 P1-9 C13 L10 L11 L12 P14-30", 5, 30,
      25, "e0+8 o8+17[10,30)", 5 },
    { "leading pictures within a run have what they refer to", "K0 P1-9 C13 L10 L11 L12 P14-20", 0,
      21, 21, "c0+21[0,21)", 0 },
    { "so they have behind an open start", "C3 L0 L1 L2 P4-9 C13 L10 L11 L12 P14-20", 3, 21, 18,
      "o0+18[0,21)", 3 },
    { "leading pictures over the end are the tail's", "K0 P1-9 C13 L10 L11 L12 P14-20", 0, 12, 12,
      "c0+10[0,10) e10+2", 0 },
    { "leading pictures of a closed start are passed over", "K3 L1 L2 P4-12", 3, 13, 10,
      "c0+10[0,12)", 3 },
    { "a leading picture shown behind its sync picture is none", "C0 L1 P2-12", 0, 13, 13, "e0+13",
      0 },
    { "decodable leading pictures (RADL) of an open start are passed over, too", "C3 b1 b2 P4-12",
      3, 13, 10, "o0+10[0,12)", 3 },
    { "pictures before a closed sync picture are not trusted", "K3 b1 b2 P4-12", 3, 13, 10, "e0+10",
      3 },
    { "a damaged packet ends the run", "K0 P1-9 X10 P11-19 K20 P21-30", 0, 30, 30,
      "c0+10[0,10) e10+10 c20+10[20,30)", 0 },
    { "a damaged packet without a time does, too", "K0 P1-9 X? P11-19", 0, 20, 20,
      "c0+10[0,10) e10+10", 0 },
    { "where the source ends before the segment the rest is encoded", "K0 P1-11", 0, 20, 20,
      "c0+12[0,12) e12+8", 0 },
    { "a segment of one frame", "K0 P1-9", 3, 4, 1, "e0+1", 3 },
    { "a segment of one frame at a sync picture", "K0 P1-9", 0, 1, 1, "e0+1", 0 },
    { "a segment of no frame", "K0 P1-9", 0, 0.2, 0, "", 0 },
    { "no pictures", "", 0, 10, 10, "e0+10", NAN },
    { "a picture without a time ends the run", "K0 P1-9 P? P11-20", 0, 20, 20, "c0+10[0,10) e10+10",
      0 },
    { "a sync picture without a time is none", "K? P1-20", 1, 20, 19, "e0+19", 1 },
    { "only pictures without a time", "K? P? P? P? P? P? P? P?", 0, 8, 8, "e0+8", NAN },
    { "an enormous time ends the run", "K0 P1-9 P1e300 P11-20", 0, 20, 20, "c0+10[0,10) e10+10",
      0 },
    { "an enormous negative time does", "K0 P1-9 P-1e300 P11-20", 0, 20, 20, "c0+10[0,10) e10+10",
      0 },
    { "before a first picture far behind the start the one before stands still", "K3 P4-20", 0, 20,
      20, "e0+20", NAN },
    { "a first picture half a frame behind the start is the first frame", "K0.5 P1.5-9.5", 0, 10,
      10, "c0+9[0,9) e9+1", 0.5 },
    { "a first picture just before the start is the first frame", "K0 P1-9", 0.4, 8.4, 8,
      "c0+8[0,8)", 0 },
    { "a picture that began half a frame before the start is not", "K0 P1-9", 0.5, 8.5, 8, "e0+8",
      1 },
    { "the picture that begins at the end is the next segment's", "K0 P1-30", 0, 9.6, 10,
      "c0+10[0,10)", 0 },
    { "so is one that begins just before it", "K0 P1-30", 0, 9.5, 10, "c0+9[0,9) e9+1", 0 },
    { "of many holes the last are encoded",
      "K0 P1-9 K20 P21-29 K40 P41-49 K60 P61-69 K80 P81-89 K100 P101-109", 0, 110, 110,
      "c0+10[0,10) e10+10 c20+10[10,20) e30+10 c40+10[20,30) e50+10 c60+10[30,40) e70+40", 0 },
    { "with a head, too", "P0-9 K10 P11-19 K30 P31-39 K50 P51-59 K70 P71-79 K90 P91-99", 0, 100,
      100,
      "e0+10 c10+10[10,20) e20+10 c30+10[20,30) e40+10 c50+10[30,40) e60+10 c70+10[40,50) "
      "e80+20",
      0 },
    { "two pictures within a frame that is coded early end the run", "K0 P3 P3.3 P1 P2 P4-9", 0, 10,
      10, "e0+10", 0 },
    { "a damaged packet is no first picture", "X0 K1 P2-12", 0, 12, 12, "e0+12", NAN },
    { "a picture sixty frames ahead is no reordering", "K0 P70 P1-69", 0, 71, 71, "e0+71", 0 },
};

START_TEST(a_segment_is_split)
{
    const struct story *story = &stories[_i];
    static struct coded_picture pictures[MOST];
    size_t count = read_pictures(story->pictures, pictures);
    const struct runs_wish wish = { .start = first_second + story->start * frame_seconds,
                                    .end = first_second + story->end * frame_seconds,
                                    .frames = story->frames,
                                    .frame = frame_seconds };
    struct run runs[RUNS_MAX];
    char text[500];
    double origin = 0;
    size_t found = runs_find(pictures, count, &wish, runs, &origin);
    ck_assert_uint_le(found, RUNS_MAX);
    write_runs(runs, found, text, sizeof text);
    ck_assert_msg(strcmp(text, story->expect) == 0, "%s: %s", story->sentence, text);
    double frame = (origin - first_second) / frame_seconds;
    ck_assert_msg(isnan(story->origin) ? isnan(origin) : fabs(frame - story->origin) < 1e-6,
                  "%s: begins with frame %g", story->sentence, frame);
}
END_TEST

// ---- made-up streams

static uint32_t state;

static uint32_t random_below(uint32_t limit)
{
    state = state * 1664525 + 1013904223;
    return (state >> 8) % limit;
}

// Groups of pictures with reordering of any depth, broken here and there.
static size_t make_stream(struct coded_picture *pictures, bool is_hevc)
{
    size_t count = 0;
    int shown = 0;
    while (count + 40 < MOST / 4) {
        bool is_sync = count == 0 || random_below(6) == 0;
        bool is_open = is_sync && is_hevc && random_below(2);
        int between = is_sync && !is_open ? 0 : (int)random_below(8);
        double slip = random_below(40) == 0 ? 2 : 0; // a gap
        shown += (int)slip;
        pictures[count++] = (struct coded_picture){ shown + between, is_open   ? NAL_SYNC_OPEN
                                                                     : is_sync ? NAL_SYNC
                                                                               : NAL_REFERENCE };
        for (int i = 0; i < between; i++)
            pictures[count++] =
                (struct coded_picture){ shown + i, is_open ? NAL_LEADING : NAL_DISPOSABLE };
        for (int i = 0; i + 1 < between; i++) { // in any order
            size_t a = count - 1 - random_below((uint32_t)between),
                   b = count - 1 - random_below((uint32_t)between);
            struct coded_picture kept = pictures[a];
            pictures[a] = pictures[b];
            pictures[b] = kept;
        }
        shown += between + 1;
        if (random_below(30) == 0)
            pictures[count - 1].kind = NAL_NO_PICTURE;
        if (random_below(30) == 0)
            pictures[count - 1].time += random_below(5) - 2.0;
        if (random_below(60) == 0)
            pictures[count - 1].time = NAN;
    }
    for (size_t i = 0; i < count; i++)
        pictures[i].time =
            first_second + (pictures[i].time + random_below(60) / 100.0 - 0.3) * frame_seconds;
    return count;
}

static void check_copied(const struct coded_picture *pictures, const struct run *run, double origin)
{
    bool is_there[MOST] = { false };
    int64_t kept = 0;
    enum nal_picture kind = pictures[run->from].kind;
    ck_assert(kind == NAL_SYNC || kind == NAL_SYNC_OPEN);
    ck_assert_int_eq(run->is_open, kind == NAL_SYNC_OPEN);
    bool is_second = false;
    for (size_t i = run->from; i < run->to; i++) {
        if (!runs_keeps(pictures, run, i)) {
            ck_assert(i > run->from && pictures[i].time < pictures[run->from].time);
            ck_assert(run->is_open || pictures[i].kind == NAL_LEADING);
            continue;
        }
        double frames = (pictures[i].time - origin) / frame_seconds - (double)run->first;
        ck_assert_int_ne(pictures[i].kind, NAL_NO_PICTURE);
        ck_assert(pictures[i].kind != NAL_LEADING || is_second);
        ck_assert_double_le(fabs(frames - round(frames)), 0.4);
        ck_assert(round(frames) >= 0 && round(frames) < (double)run->count);
        ck_assert(!is_there[llround(frames)]);
        is_there[llround(frames)] = true;
        kept++;
        is_second =
            is_second ||
            (i > run->from && (pictures[i].kind == NAL_SYNC || pictures[i].kind == NAL_SYNC_OPEN));
    }
    ck_assert_int_eq(kept, run->count);
}

START_TEST(whatever_the_stream_each_frame_is_in_one_run_and_each_copied_one_has_one_picture)
{
    static struct coded_picture pictures[MOST];
    int64_t copied = 0, all = 0;
    for (state = 0; all < 200000; state += 77) {
        size_t count = make_stream(pictures, random_below(2));
        int frames = (int)random_below(300);
        double start = random_below(200) + random_below(10) / 10.0;
        const struct runs_wish wish = { .start = first_second + start * frame_seconds,
                                        .end = first_second + (start + frames) * frame_seconds,
                                        .frames = frames,
                                        .frame = frame_seconds };
        struct run runs[RUNS_MAX];
        double origin;
        size_t found = runs_find(pictures, count, &wish, runs, &origin);
        ck_assert_uint_le(found, RUNS_MAX);
        int64_t at = 0;
        for (size_t i = 0; i < found; i++) {
            ck_assert_int_eq(runs[i].first, at);
            ck_assert_int_gt(runs[i].count, 0);
            at += runs[i].count;
            ck_assert(runs[i].is_copied || i == 0 || runs[i - 1].is_copied);
            if (runs[i].is_copied)
                check_copied(pictures, &runs[i], origin);
            copied += runs[i].is_copied ? runs[i].count : 0;
        }
        ck_assert_int_eq(at, frames);
        all += frames;
    }
    ck_assert_int_gt(copied, all / 10); // else nothing was shown here
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("runs");
    TCase *runs = tcase_create("runs");
    tcase_add_loop_test(runs, a_segment_is_split, 0, ARRAY_LEN(stories));
    tcase_add_test(
        runs, whatever_the_stream_each_frame_is_in_one_run_and_each_copied_one_has_one_picture);
    suite_add_tcase(suite, runs);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
