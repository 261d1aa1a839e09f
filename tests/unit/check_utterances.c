// What the recogniser hears in one go.
#include "speech/utterances.h"

#include <check.h>
#include <stdio.h>

enum { HZ = 20, MOST = 4000 };

static bool speech[MOST];
static struct utterance *found;
static size_t count;

static void set_up(void)
{
    memset(speech, 0, sizeof speech);
    found = NULL;
}

static void tear_down(void)
{
    free(found);
}

static void say(double from, double until)
{
    for (size_t i = (size_t)(from * HZ); i < (size_t)(until * HZ); i++)
        speech[i] = true;
}

static void find(double duration)
{
    utterances_find(speech, MOST, HZ, duration, &found, &count);
}

static const struct {
    const char *name, *speech, *found; // "from-until from-until"
    double duration;
} cases[] = {
    { "nothing said", "", "", 100 },
    { "a little of the pauses goes along", "1-2", "0.80-2.20", 100 },
    { "not before the source nor behind it", "0-1.9", "0.00-2.00", 2 },
    { "a pause parts", "1-2 2.4-3", "0.80-2.20 2.20-3.20", 100 },
    { "a breath does not", "1-2 2.35-3", "0.80-3.20", 100 },
    { "a knock is nothing", "1-1.1 5-6", "4.80-6.20", 100 },
    { "no speech behind the source", "1-2 5-6", "0.80-2.20", 4 },
    { "long speech is parted at its longest gap", "1-12 12.15-16 16.3-30", "0.80-16.15 16.15-30.20",
      100 },
    { "without a gap it is parted all the same", "1-45", "0.80-21.00 21.00-41.00 41.00-45.20",
      100 },
};

START_TEST(utterances_are_stretches_between_pauses)
{
    const char *at = cases[_i].speech;
    double from, until;
    int used;
    while (sscanf(at, "%lf-%lf%n", &from, &until, &used) == 2) {
        say(from, until);
        at += used;
    }
    find(cases[_i].duration);
    char said[200] = "";
    for (size_t i = 0, end = 0; i < count; i++)
        end += (size_t)snprintf(said + end, sizeof said - end, "%s%.2f-%.2f", i > 0 ? " " : "",
                                found[i].start, found[i].end);
    ck_assert_msg(strcmp(said, cases[_i].found) == 0, "%s: %s", cases[_i].name, said);
}
END_TEST

START_TEST(whatever_is_flagged_they_lie_behind_each_other_and_end)
{
    srandom((unsigned)_i);
    int often = 1 + _i % 40;
    for (size_t i = 0; i < MOST; i++)
        speech[i] = random() % 41 < often;
    find(MOST / (double)HZ - 1);
    double before = 0;
    for (size_t i = 0; i < count; i++) {
        ck_assert_double_ge(found[i].start, before);
        ck_assert_double_gt(found[i].end, found[i].start);
        ck_assert_double_le(found[i].end - found[i].start, 20.41);
        before = found[i].end;
    }
    ck_assert_double_le(before, MOST / (double)HZ - 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("utterances");
    TCase *tcase = tcase_create("utterances");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, utterances_are_stretches_between_pauses, 0, ARRAY_LEN(cases));
    tcase_add_loop_test(tcase, whatever_is_flagged_they_lie_behind_each_other_and_end, 0, 200);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
