// How much is done side by side: all processors have something to do, and memory keeps its bound.
#include "media/lanes.h"

#include <check.h>
#include <stdlib.h>

#define FULL_HD (1.5 * 1920 * 1080)
#define HOLDING(bytes, pictures, more)         \
    {                                          \
        (bytes) * (pictures), (bytes) * (more) \
    }

static const struct {
    const char *sentence;
    struct lanes_wish wish;
    struct lanes lanes;
} cases[] = {
    { "a lane a processor where they fit", { 4, 9, HOLDING(1.5 * 640 * 360, 66, 12) }, { 4, 1 } },
    { "no more lanes than stretches; the rest are threads",
      { 4, 2, HOLDING(1.5 * 640 * 360, 66, 12) },
      { 2, 2 } },
    { "threads for the processor that is left over",
      { 3, 2, HOLDING(1.5 * 640 * 360, 66, 12) },
      { 2, 2 } },
    { "one lane of two threads where two lanes are too much",
      { 2, 9, HOLDING(FULL_HD, 66, 12) },
      { 1, 2 } },
    { "more processors change nothing where memory is at its bound",
      { 16, 9, HOLDING(FULL_HD, 66, 12) },
      { 1, 2 } },
    { "two lanes that just fit", { 2, 9, HOLDING(FULL_HD, 40, 12) }, { 2, 1 } },
    { "no thread more than fits", { 8, 9, HOLDING(FULL_HD, 40, 2) }, { 2, 1 } },
    { "as many threads as fit", { 8, 1, HOLDING(FULL_HD, 40, 12) }, { 1, 4 } },
    { "two threads however large the pictures", { 8, 9, HOLDING(4 * FULL_HD, 66, 12) }, { 1, 2 } },
    { "one thread on one processor", { 1, 9, HOLDING(4 * FULL_HD, 66, 12) }, { 1, 1 } },
    { "a lane even for nothing", { 2, 0, HOLDING(FULL_HD, 66, 12) }, { 1, 2 } },
    { "one processor where none is told", { 0, 5, HOLDING(FULL_HD, 66, 12) }, { 1, 1 } },
};

START_TEST(lanes_are_as_many_as_processors_and_memory_allow)
{
    const struct lanes lanes = lanes_choose(&cases[_i].wish);
    ck_assert_msg(lanes.count == cases[_i].lanes.count && lanes.threads == cases[_i].lanes.threads,
                  "%s: %u lanes of %u threads", cases[_i].sentence, lanes.count, lanes.threads);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lanes");
    TCase *lanes = tcase_create("lanes");
    tcase_add_loop_test(lanes, lanes_are_as_many_as_processors_and_memory_allow, 0,
                        sizeof cases / sizeof *cases);
    suite_add_tcase(suite, lanes);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
