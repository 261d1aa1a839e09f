// Which pictures stand for a source, in invented signals.
#include "highlight/frameset.h"
#include "highlight/shots.h"
#include "tests/support/invented.h"
#include <check.h>
#include <math.h>
#include <stdio.h>

static struct signals signals;
static struct analysis_span *shots;
static size_t shot_count;
static struct frames frames;

static void set_up(void)
{
    signals = (struct signals)SIGNALS_INIT;
    frames = (struct frames)FRAMES_INIT;
    shots = NULL;
}

static void tear_down(void)
{
    frames_release(&frames);
    signals_release(&signals);
    free(shots);
}

// A scene that hardly moves.
static void stand_still(double seconds)
{
    struct invented invented = { .seconds = seconds, .flat = true };
    invent_signals(&invented, &signals, NULL, NULL);
    invent_pictures(&signals, 0, seconds, 0.002, NAN);
}

static struct signals_frame *picture_at(double seconds)
{
    return &signals.frames[lround(seconds * signals.frame_rate)];
}

// A hard cut to other colours.
static void cut_at(double seconds)
{
    picture_at(seconds)->cut = 0.9f;
    for (size_t i = (size_t)ceil(seconds * SIGNALS_LIKENESS_HZ); i < signals.likeness_count; i++)
        for (size_t bin = 0; bin < SIGNALS_BINS; bin++)
            signals.likeness[i][bin] = bin == (size_t)seconds % SIGNALS_BINS ? 255 : 0;
}

static size_t choose(size_t most, double rate)
{
    const struct frameset_wish wish = { most, 1, rate };
    free(shots);
    frames_release(&frames);
    shots_find(&signals, &shots, &shot_count);
    return frameset_choose(&signals, shots, shot_count, &wish, &frames);
}

static size_t of_shot(int shot)
{
    size_t count = 0;
    for (size_t i = 0; i < frames.count; i++)
        count += frames.items[i].shot == shot;
    return count;
}

// ---- whatever the source

static void check_order(const char *name)
{
    for (size_t i = 0; i < frames.count; i++) {
        const struct frames_item *item = &frames.items[i];
        ck_assert_msg((size_t)item->shot < shot_count, "%s: shot %d", name, item->shot);
        ck_assert_msg(item->time >= shots[item->shot].start - 1e-6 &&
                          item->time < shots[item->shot].end,
                      "%s: %f lies not in its shot", name, item->time);
        ck_assert_msg(i == 0 || item->time > item[-1].time, "%s: not in order", name);
    }
}

START_TEST(each_shot_has_a_picture_and_no_more_are_taken_than_may_be)
{
    static const double rates[] = { 10, 15, 24, 24000.0 / 1001 };
    char name[64];
    (void)snprintf(name, sizeof name, "seed %d", _i);
    struct invented invented = { .seed = (uint64_t)_i,
                                 .seconds = 5 + 23 * (_i % 7),
                                 .fps = _i % 2 ? 25 : 59.94,
                                 .shot_seconds = _i % 3 ? 3 : 0 };
    invent_signals(&invented, &signals, NULL, NULL);
    size_t without = choose(64, rates[_i % 4]);
    check_order(name);
    ck_assert_uint_le(frames.count, 64);
    ck_assert_uint_ge(frames.count, FRAMESET_LEAST);
    ck_assert_msg(without == (shot_count > 64 ? shot_count - 64 : 0), "%s: %zu of %zu shots", name,
                  without, shot_count);
    for (size_t i = 0; i < shot_count && shot_count <= 64; i++)
        ck_assert_msg(of_shot((int)i) >= 1, "%s: shot %zu has no picture", name, i);
}
END_TEST

START_TEST(the_same_signals_give_the_same_pictures)
{
    struct invented invented = { .seed = 4, .seconds = 60, .shot_seconds = 4 };
    invent_signals(&invented, &signals, NULL, NULL);
    choose(32, 15);
    struct frames first = frames;
    frames = (struct frames)FRAMES_INIT;
    choose(32, 15);
    ck_assert_uint_eq(first.count, frames.count);
    for (size_t i = 0; i < frames.count; i++)
        ck_assert(first.items[i].time == frames.items[i].time);
    frames_release(&first);
}
END_TEST

// A proxy of 10 pictures a second shows of 25 a second every second or third.
START_TEST(only_pictures_that_the_proxy_shows_are_chosen)
{
    stand_still(8);
    for (size_t i = 0; i < signals.frame_count; i++)
        signals.frames[i].sharpness = i % 5 == 1 ? 0.9f : 0.1f; // hidden by the one behind it
    choose(64, 10);
    ck_assert_uint_ge(frames.count, 4);
    for (size_t i = 0; i < frames.count; i++)
        ck_assert_int_ne(lround(frames.items[i].time * 25) % 5, 1);
    choose(64, 25); // shows all
    for (size_t i = 0; i < frames.count; i++)
        ck_assert_int_eq(lround(frames.items[i].time * 25) % 5, 1);
}
END_TEST

// ---- how many

static const struct {
    const char *name;
    double seconds;
    size_t least, most;
    double moving_from, moving_to, motion;
} rows[] = {
    { "a short still scene has the least", 10, 4, 4, 0, 0, 0 },
    { "a minute of standing still has one in 12 s", 60, 5, 7, 0, 0, 0 },
    { "a minute of a moving camera has one in 3 s", 60, 18, 22, 0, 60, 0.03 },
    { "wild movement has no more than the rate", 30, 30, 30, 0, 30, 0.5 },
    { "ten minutes of it have no more than may be", 600, 64, 64, 0, 600, 0.5 },
    { "of one second at the rate of 1 there are four all the same", 1, 4, 4, 0, 0, 0 },
};

START_TEST(more_are_taken_where_more_moves)
{
    stand_still(rows[_i].seconds);
    if (rows[_i].motion > 0)
        invent_pictures(&signals, rows[_i].moving_from, rows[_i].moving_to, rows[_i].motion, NAN);
    choose(64, 10);
    check_order(rows[_i].name);
    ck_assert_msg(frames.count >= rows[_i].least && frames.count <= rows[_i].most, "%s: %zu",
                  rows[_i].name, frames.count);
}
END_TEST

START_TEST(within_a_shot_they_lie_closer_where_it_moves)
{
    size_t early = 0;
    stand_still(40);
    invent_pictures(&signals, 0, 10, 0.05, NAN);
    choose(64, 10);
    for (size_t i = 0; i < frames.count; i++)
        early += frames.items[i].time < 10;
    ck_assert_msg(early >= 4 && early * 2 > frames.count, "%zu of %zu", early, frames.count);
    ck_assert_double_gt(frames.items[frames.count - 1].time, 25); // and the rest is not forgotten
}
END_TEST

START_TEST(where_few_may_be_taken_the_shots_that_move_have_them)
{
    stand_still(40);
    cut_at(20);
    invent_pictures(&signals, 20.1, 40, 0.1, NAN);
    choose(10, 10);
    ck_assert_uint_eq(shot_count, 2);
    ck_assert_uint_eq(frames.count, 10);
    ck_assert_uint_ge(of_shot(0), 1);
    ck_assert_uint_ge(of_shot(1), 8);
}
END_TEST

START_TEST(of_more_shots_than_pictures_the_short_and_dull_have_none)
{
    stand_still(40);
    for (int i = 1; i <= 10; i++)
        cut_at(i); // eleven: ten of a second, and one of thirty
    invent_pictures(&signals, 4.1, 5, 0.4, NAN);
    size_t without = choose(4, 10);
    ck_assert_uint_eq(shot_count, 11);
    ck_assert_uint_eq(without, 7);
    ck_assert_uint_eq(frames.count, 4);
    ck_assert_uint_eq(of_shot(10), 1);
    ck_assert_uint_eq(of_shot(4), 1);
}
END_TEST

START_TEST(a_source_of_few_pictures_gives_those)
{
    static const size_t counts[] = { 0, 1, 3, 4 };
    stand_still(5);
    signals.frame_rate = 1;
    for (size_t i = 0; i < signals.frame_count; i++)
        signals.frames[i].time = (float)i;
    signals.frame_count = counts[_i];
    choose(64, 1);
    ck_assert_uint_eq(frames.count, counts[_i]);
}
END_TEST

// ---- which

START_TEST(the_sharpest_near_the_middle_is_taken)
{
    stand_still(6);
    cut_at(3);
    for (double at = 0; at < 6; at += 0.2)
        picture_at(at)->sharpness = 0.08f;
    picture_at(1.8)->sharpness = 0.3f; // of the first shot, near its middle
    picture_at(0.2)->sharpness = 0.9f; // and far from it
    picture_at(4.2)->sharpness = 0.3f;
    choose(2, 25);
    ck_assert_uint_eq(frames.count, 2);
    ck_assert_double_eq_tol(frames.items[0].time, 1.8, 1e-3);
    ck_assert_double_eq_tol(frames.items[1].time, 4.2, 1e-3);
}
END_TEST

START_TEST(of_equals_the_middle_is_taken)
{
    stand_still(3);
    choose(1, 25);
    ck_assert_uint_eq(frames.count, 1);
    ck_assert_double_eq_tol(frames.items[0].time, 1.5, 0.05);
}
END_TEST

START_TEST(no_picture_of_a_transition_is_taken_where_there_is_another)
{
    stand_still(3);
    picture_at(1.4)->cut = 0.3f; // a flash: to it and back
    picture_at(1.4)->sharpness = 0.35f;
    picture_at(1.44)->cut = 0.3f;
    picture_at(1.44)->sharpness = 0.3f;
    choose(1, 25);
    ck_assert_double_gt(fabs(frames.items[0].time - 1.4), 0.05);
    for (size_t i = 0; i < signals.frame_count; i++)
        signals.frames[i].cut = 0.3f; // nothing else but
    choose(1, 25);
    ck_assert_uint_eq(frames.count, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("frameset");
    TCase *tcase = tcase_create("frameset");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, each_shot_has_a_picture_and_no_more_are_taken_than_may_be, 0, 24);
    tcase_add_test(tcase, the_same_signals_give_the_same_pictures);
    tcase_add_test(tcase, only_pictures_that_the_proxy_shows_are_chosen);
    tcase_add_loop_test(tcase, more_are_taken_where_more_moves, 0, (int)ARRAY_LEN(rows));
    tcase_add_test(tcase, within_a_shot_they_lie_closer_where_it_moves);
    tcase_add_test(tcase, where_few_may_be_taken_the_shots_that_move_have_them);
    tcase_add_test(tcase, of_more_shots_than_pictures_the_short_and_dull_have_none);
    tcase_add_loop_test(tcase, a_source_of_few_pictures_gives_those, 0, 4);
    tcase_add_test(tcase, the_sharpest_near_the_middle_is_taken);
    tcase_add_test(tcase, of_equals_the_middle_is_taken);
    tcase_add_test(tcase, no_picture_of_a_transition_is_taken_where_there_is_another);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
