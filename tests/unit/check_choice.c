// The ways of adding to a reel: fill, stretch, take all, arrange.
#include "highlight/choice.h"
#include "tests/support/invented.h"
#include <check.h>
#include <math.h>

enum { SOURCES = 2 };

struct stock {
    struct signals signals[SOURCES];
    struct analysis_span shots[SOURCES];
    struct choice choice;
};

static void stock_make(struct stock *stock, double seconds, double target)
{
    *stock = (struct stock){ .choice = { .target = target, .least = 2, .most = 12 } };
    struct choice *choice = &stock->choice;
    choice->materials = xcalloc(SOURCES, sizeof *choice->materials);
    choice->material_count = SOURCES;
    for (size_t i = 0; i < SOURCES; i++) {
        struct choice_material *material = &choice->materials[i];
        struct invented invented = { .seed = i, .seconds = seconds, .shot_seconds = 4 };
        invent_signals(&invented, &stock->signals[i], NULL, NULL);
        stock->shots[i] = (struct analysis_span){ .end = seconds };
        saliency_measure(&stock->signals[i], &stock->shots[i], 1, &material->saliency);
        const struct snap_source points = { .signals = &stock->signals[i],
                                            .shots = &stock->shots[i],
                                            .shot_count = 1,
                                            .duration = seconds,
                                            .picture_seconds = 0.04 };
        snap_prepare(&points, &material->snap);
        material->offset = choice->seconds;
        material->source = (struct clip_source){ i, seconds, &stock->signals[i],
                                                 &material->saliency, &material->snap };
        choice->seconds += seconds;
    }
}

static void stock_release(struct stock *stock)
{
    choice_release(&stock->choice);
    for (size_t i = 0; i < SOURCES; i++)
        signals_release(&stock->signals[i]);
}

static double sum_of(const struct choice *choice)
{
    double sum = 0;
    for (size_t i = 0; i < choice->chosen.count; i++)
        sum += choice->chosen.clips[i].end - choice->chosen.clips[i].start;
    return sum;
}

static void check_apart(const struct choice *choice)
{
    for (size_t i = 0; i < choice->chosen.count; i++)
        for (size_t j = 0; j < i; j++) {
            const struct clip *a = &choice->chosen.clips[i], *b = &choice->chosen.clips[j];
            ck_assert(a->source != b->source || a->end <= b->start + 1e-6 ||
                      b->end <= a->start + 1e-6);
        }
}

START_TEST(a_share_is_filled_to_its_goal_from_its_part)
{
    cleanup(stock_release) struct stock stock;
    stock_make(&stock, 100, 40);
    struct choice *choice = &stock.choice;
    choice_fill(choice, &(struct choice_share){
                            .from = 100, .until = 150, .goal = 20, .wanted = 4, .label = "x" });
    ck_assert_double_eq_tol(choice->total, 20, 2);
    ck_assert_double_eq_tol(choice->total, sum_of(choice), 1e-9);
    for (size_t i = 0; i < choice->chosen.count; i++) {
        const struct clip *clip = &choice->chosen.clips[i];
        ck_assert_uint_eq(clip->source, 1);
        ck_assert(clip->start < 50 && clip->end > 0);
        ck_assert_str_eq(clip->label, "x");
    }
    check_apart(choice);
}
END_TEST

START_TEST(one_is_chosen_where_one_is_promised)
{
    cleanup(stock_release) struct stock stock;
    stock_make(&stock, 100, 40);
    stock.choice.total = 40; // full already
    choice_fill(&stock.choice, &(struct choice_share){ .until = 100, .goal = 40, .wanted = 4 });
    ck_assert_uint_eq(stock.choice.chosen.count, 0);
    choice_fill(&stock.choice, &(struct choice_share){
                                   .until = 100, .goal = 40, .wanted = 4, .at_least_one = true });
    ck_assert_uint_eq(stock.choice.chosen.count, 1);
}
END_TEST

START_TEST(stretching_reaches_the_target_within_the_lengths)
{
    cleanup(stock_release) struct stock stock;
    stock_make(&stock, 100, 40);
    struct choice *choice = &stock.choice;
    choice_fill(choice, &(struct choice_share){ .until = 200, .goal = 25, .wanted = 4 });
    size_t count = choice->chosen.count;
    choice_stretch(choice);
    ck_assert_uint_eq(choice->chosen.count, count);
    ck_assert_double_eq_tol(choice->total, 40, 2.1);
    ck_assert_double_eq_tol(choice->total, sum_of(choice), 1e-9);
    check_apart(choice);
    for (size_t i = 0; i < count; i++)
        ck_assert(choice->chosen.clips[i].end - choice->chosen.clips[i].start <= 12);
}
END_TEST

START_TEST(all_is_taken_in_touching_pieces)
{
    cleanup(stock_release) struct stock stock;
    stock_make(&stock, 50, 100);
    struct choice *choice = &stock.choice;
    choice_take_all(choice);
    ck_assert_double_eq_tol(choice->total, 100, 1e-6);
    for (size_t i = 0; i < choice->chosen.count; i++) {
        const struct clip *clip = &choice->chosen.clips[i];
        ck_assert(clip->end - clip->start >= 2 && clip->end - clip->start <= 12 + 1e-6);
        ck_assert(i == 0 || clip->source != clip[-1].source || clip->start == clip[-1].end);
    }
}
END_TEST

START_TEST(what_touches_is_joined_unless_it_grows_too_long)
{
    cleanup(stock_release) struct stock stock;
    stock_make(&stock, 50, 40);
    struct choice *choice = &stock.choice;
    static const struct {
        size_t source;
        double start, end;
    } taken[] = { { 1, 0, 5 }, { 0, 20, 25 }, { 0, 10, 15 }, { 0, 25, 30 }, { 0, 30, 35 } };
    for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
        struct clip clip =
            clips_make(&choice->materials[taken[i].source].source, taken[i].start, taken[i].end);
        clips_add(&choice->chosen, &clip);
    }
    choice_arrange(choice);
    ck_assert_uint_eq(choice->chosen.count, 4);
    const struct clip *clips = choice->chosen.clips;
    ck_assert(clips[0].start == 10 && clips[0].end == 15);
    ck_assert(clips[1].start == 20 && clips[1].end == 30);
    ck_assert(clips[2].start == 30 && clips[2].end == 35);
    ck_assert_uint_eq(clips[3].source, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("choice");
    TCase *tcase = tcase_create("choice");
    tcase_add_test(tcase, a_share_is_filled_to_its_goal_from_its_part);
    tcase_add_test(tcase, one_is_chosen_where_one_is_promised);
    tcase_add_test(tcase, stretching_reaches_the_target_within_the_lengths);
    tcase_add_test(tcase, all_is_taken_in_touching_pieces);
    tcase_add_test(tcase, what_touches_is_joined_unless_it_grows_too_long);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
