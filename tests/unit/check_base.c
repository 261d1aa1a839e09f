// Allocation: nothing given is ever NULL, exhaustion ends the process with EX_OSERR.
#include "base/base.h"
#include <check.h>
#include <fcntl.h>
#include <stdint.h>
#include <sysexits.h>

START_TEST(nothing_of_size_zero_is_null)
{
    cleanup(free_ptr) void *a = xcalloc(0, 8), *b = xcalloc(8, 0), *c = xrealloc(NULL, 0, 0);
    ck_assert_ptr_nonnull(a);
    ck_assert_ptr_nonnull(b);
    ck_assert_ptr_nonnull(c);
}
END_TEST

START_TEST(fresh_memory_is_zero_and_growing_keeps_the_contents)
{
    int *numbers = xcalloc(4, sizeof *numbers);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(numbers[i], 0);
    numbers[3] = 7;
    numbers = xrealloc(numbers, 4000, sizeof *numbers);
    ck_assert_int_eq(numbers[3], 7);
    free(numbers);
}
END_TEST

START_TEST(an_impossible_size_ends_the_process_as_machine_trouble)
{
    // Quiet: what is printed is no news here.
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(null, STDERR_FILENO);
    volatile size_t huge = SIZE_MAX / 2;
    // The product overflows; a multiplication without check would ask for few bytes.
    free(xrealloc(NULL, huge, 4));
}
END_TEST

START_TEST(strings_are_copied_and_formatted)
{
    cleanup(free_ptr) char *whole = xstrdup("clip"), *part = xstrndup("clip", 2);
    cleanup(free_ptr) char *text = xasprintf("%s-%d", whole, 3);
    ck_assert_str_eq(whole, "clip");
    ck_assert_str_eq(part, "cl");
    ck_assert_str_eq(text, "clip-3");
}
END_TEST

START_TEST(taking_leaves_nothing_behind)
{
    char *text = xstrdup("clip");
    cleanup(free_ptr) char *taken = TAKE(text);
    ck_assert_ptr_null(text);
    ck_assert_str_eq(taken, "clip");
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    cleanup(close_fd) int taken_fd = take_fd(&fd);
    ck_assert_int_eq(fd, -1);
    ck_assert_int_ge(taken_fd, 0);
}
END_TEST

START_TEST(closing_closes_and_takes_nothing_for_an_answer)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), number = fd;
    close_fd(&fd);
    ck_assert_int_eq(fd, -1);
    ck_assert_int_eq(fcntl(number, F_GETFD), -1);
    close_fd(&fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base");
    TCase *tcase = tcase_create("memory");
    tcase_add_test(tcase, nothing_of_size_zero_is_null);
    tcase_add_test(tcase, fresh_memory_is_zero_and_growing_keeps_the_contents);
    tcase_add_exit_test(tcase, an_impossible_size_ends_the_process_as_machine_trouble, EX_OSERR);
    tcase_add_test(tcase, strings_are_copied_and_formatted);
    tcase_add_test(tcase, taking_leaves_nothing_behind);
    tcase_add_test(tcase, closing_closes_and_takes_nothing_for_an_answer);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
