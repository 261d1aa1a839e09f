// The name of this start of the machine.
#include "base/boot.h"

#include <check.h>
#include <stdio.h>

START_TEST(it_is_32_digits_and_the_same_as_long_as_the_machine_runs)
{
    char one[BOOT_ID_SIZE], two[BOOT_ID_SIZE];
    (void)boot_id(one);
    // Asked for under ProcSubset=pid, there is none; here /proc is whole.
    ck_assert_uint_eq(strspn(one, "0123456789abcdef"), 32);
    ck_assert_uint_eq(strlen(one), 32);
    ck_assert_int_eq(setenv("CLIPSPOOL_BOOT_ID", "00000000000000000000000000000000", 1), 0);
    ck_assert_str_eq(boot_id(two), one); // what the kernel says counts
    ck_assert(boot_is_same(one, two));
}
END_TEST

START_TEST(no_name_is_the_same_as_no_other)
{
    ck_assert(!boot_is_same("", ""));
    ck_assert(!boot_is_same("a", "b"));
    ck_assert(!boot_is_same("a", ""));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("boot");
    TCase *tcase = tcase_create("boot");
    tcase_add_test(tcase, it_is_32_digits_and_the_same_as_long_as_the_machine_runs);
    tcase_add_test(tcase, no_name_is_the_same_as_no_other);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
