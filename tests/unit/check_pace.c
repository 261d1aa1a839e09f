// Whether a transfer still goes on well enough, as tables of moments: when it is looked at, how
// much has moved by then, and what is to be said of it.
#include "net/pace.h"

#include <check.h>

enum { MOST_LOOKS = 6 };

// What the clock shows when the transfer begins, and where its count stands when it is connected:
// neither is to matter.
static const uint64_t began_us = 5000000000, moved_before = 700;

// Milliseconds after the beginning.  `moved` counts from the connection.
struct look {
    unsigned at_ms;
    uint64_t moved;
    enum pace_verdict verdict;
};

// 100 bytes a second over 10 s, unless said otherwise: 1000 bytes are due in a window.
#define RULES .stall_seconds = 10, .stall_bytes_per_second = 100

static const struct {
    const char *sentence;
    struct pace_rules rules;
    bool never_connects; // else at 1000 ms, where the first window begins
    struct look looks[MOST_LOOKS];
} cases[] = {
    { "silence is a stall once the window is over",
      { RULES },
      .looks = { { 1001, 0 }, { 10999, 0 }, { 11000, 0, PACE_STALLED } } },
    { "a byte below the rate is one, too",
      { RULES },
      .looks = { { 6000, 500 }, { 10999, 999 }, { 11000, 999, PACE_STALLED } } },
    { "just at the rate is none", { RULES }, .looks = { { 10999, 999 }, { 11000, 1000 } } },
    { "what is due comes late, but before anybody looked",
      { RULES },
      .looks = { { 10999, 0 }, { 30000, 1000 } } },
    { "the next window begins when enough has moved",
      { RULES },
      .looks = { { 5000, 1000 }, { 14999, 1999 }, { 15000, 1999, PACE_STALLED } } },
    { "and begins again with each that is good",
      { RULES },
      .looks = { { 5000, 1000 },
                 { 14000, 2000 },
                 { 23000, 3000 },
                 { 32999, 3000 },
                 { 33000, 3000, PACE_STALLED } } },
    { "less than is due does not begin one",
      { RULES },
      .looks = { { 5000, 999 }, { 10999, 999 }, { 11000, 999, PACE_STALLED } } },
    { "a burst is not saved up for later windows",
      { RULES },
      .looks = { { 2000, 1000000 }, { 11999, 1000999 }, { 12000, 1000999, PACE_STALLED } } },
    { "at a rate of nothing a byte is enough",
      { .stall_seconds = 10 },
      .looks = { { 10999, 1 }, { 20998, 1 }, { 20999, 1, PACE_STALLED } } },
    { "but it has to be one",
      { .stall_seconds = 10 },
      .looks = { { 10999, 0 }, { 11000, 0, PACE_STALLED } } },

    { "what is not connected yet does not stall",
      { RULES },
      .never_connects = true,
      .looks = { { 11000, 0 }, { 3600000, 0 } } },

    { "patience makes the window longer",
      { RULES, .patience_seconds = 60 },
      .looks = { { 11000, 0 }, { 60999, 0 }, { 61000, 0, PACE_STALLED } } },
    { "and as much more is due in it",
      { RULES, .patience_seconds = 60 },
      .looks = { { 11000, 5999 }, { 60999, 5999 }, { 61000, 5999, PACE_STALLED } } },
    { "which is enough when it comes",
      { RULES, .patience_seconds = 60 },
      .looks = { { 60999, 6000 }, { 120998, 6000 }, { 120999, 6000, PACE_STALLED } } },
    { "patience below the rule does not make it shorter",
      { RULES, .patience_seconds = 2 },
      .looks = { { 3000, 0 }, { 10999, 0 }, { 11000, 0, PACE_STALLED } } },

    { "without seconds nothing ever stalls",
      { .stall_bytes_per_second = 100 },
      .looks = { { 11000, 0 }, { 86400000, 0 } } },
    { "nor does it with patience alone",
      { .stall_bytes_per_second = 100, .patience_seconds = 60 },
      .looks = { { 61000, 0 }, { 86400000, 0 } } },

    { "a deadline is late from its moment on",
      { RULES, .deadline_seconds = 4 },
      .looks = { { 3999, 0 }, { 4000, 0, PACE_LATE }, { 4001, 0, PACE_LATE } } },
    { "whatever has moved",
      { RULES, .deadline_seconds = 4 },
      .looks = { { 3999, 1000000 }, { 4000, 1000999, PACE_LATE } } },
    { "also where nothing ever stalls",
      { .deadline_seconds = 4 },
      .looks = { { 3999, 0 }, { 4000, 0, PACE_LATE } } },
    { "also of what is not connected yet",
      { RULES, .deadline_seconds = 4 },
      .never_connects = true,
      .looks = { { 3999, 0 }, { 4000, 0, PACE_LATE } } },
    { "patience does not move it",
      { RULES, .patience_seconds = 60, .deadline_seconds = 4 },
      .looks = { { 3999, 0 }, { 4000, 0, PACE_LATE } } },
    { "half a second is one",
      { RULES, .deadline_seconds = 0.5 },
      .never_connects = true,
      .looks = { { 499, 0 }, { 500, 0, PACE_LATE } } },
    { "without one it is never late", { .stall_seconds = 0 }, .looks = { { 86400000, 0 } } },
    { "what stalls before its deadline is stalled",
      { RULES, .deadline_seconds = 12 },
      .looks = { { 11000, 0, PACE_STALLED } } },
    { "what is both is stalled",
      { RULES, .deadline_seconds = 11 },
      .looks = { { 11000, 0, PACE_STALLED } } },
};

static const char *const words[] = { "good", "stalled", "late" };

START_TEST(a_transfer_is_what_the_moments_say)
{
    struct pace pace;
    pace_begin(&pace, &cases[_i].rules, began_us);
    if (!cases[_i].never_connects)
        pace_connected(&pace, began_us + 1000000, moved_before);
    for (int i = 0; i < MOST_LOOKS && cases[_i].looks[i].at_ms > 0; i++) {
        const struct look *look = &cases[_i].looks[i];
        enum pace_verdict verdict =
            pace_judge(&pace, began_us + (uint64_t)look->at_ms * 1000, moved_before + look->moved);
        ck_assert_msg(verdict == look->verdict, "%s: at %u ms it is %s, not %s", cases[_i].sentence,
                      look->at_ms, words[verdict], words[look->verdict]);
    }
}
END_TEST

// As with a redirect: to wait for the next server is no stall of the one before.
START_TEST(another_connection_begins_another_window_but_no_other_deadline)
{
    struct pace pace;
    pace_begin(&pace, &(struct pace_rules){ RULES, .deadline_seconds = 30 }, 0);
    pace_connected(&pace, 1000000, 0);
    ck_assert_int_eq(pace_judge(&pace, 10999999, 999), PACE_GOOD);
    pace_connecting(&pace);
    ck_assert_int_eq(pace_judge(&pace, 11000000, 999), PACE_GOOD);
    ck_assert_int_eq(pace_judge(&pace, 18000000, 999), PACE_GOOD);
    pace_connected(&pace, 18000000, 999);
    ck_assert_int_eq(pace_judge(&pace, 27999999, 1998), PACE_GOOD);
    ck_assert_int_eq(pace_judge(&pace, 28000000, 1998), PACE_STALLED);
    ck_assert_int_eq(pace_judge(&pace, 28000000, 1999), PACE_GOOD);
    ck_assert_int_eq(pace_judge(&pace, 29999999, 1999), PACE_GOOD);
    ck_assert_int_eq(pace_judge(&pace, 30000000, 1999), PACE_LATE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pace");
    TCase *tcase = tcase_create("pace");
    tcase_add_loop_test(tcase, a_transfer_is_what_the_moments_say, 0, (int)ARRAY_LEN(cases));
    tcase_add_test(tcase, another_connection_begins_another_window_but_no_other_deadline);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
