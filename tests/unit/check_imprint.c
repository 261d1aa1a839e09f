// Imprints: the arithmetic against a slow way, and that every byte and its place counts.
#include "base/imprint.h"
#include <check.h>
#include <stdio.h>

static const uint64_t secret[IMPRINT_POINTS] = { 0x0123456789abcdef, 0xfedcba9876543210 };

static void take(const void *data, size_t size, size_t step, char *ret_hex)
{
    struct imprint print;
    imprint_begin(&print, secret);
    for (size_t at = 0; at < size; at += step)
        imprint_add(&print, (const char *)data + at, size - at < step ? size - at : step);
    imprint_end(&print, ret_hex);
}

static void fill(uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(i * 167 + i / 251);
}

START_TEST(it_does_not_matter_in_which_pieces_bytes_come)
{
    uint8_t data[1000];
    char whole[IMPRINT_HEX + 1], pieces[IMPRINT_HEX + 1];
    fill(data, sizeof data);
    for (size_t size = 0; size < 60; size++) {
        take(data, size, sizeof data, whole);
        for (size_t step = 1; step < 20; step++) {
            take(data, size, step, pieces);
            ck_assert_str_eq(whole, pieces);
        }
    }
}
END_TEST

// One coefficient after the other, by division instead of shifts.
START_TEST(it_is_the_value_of_the_polynomial)
{
    uint8_t data[100];
    char hex[IMPRINT_HEX + 1], expected[IMPRINT_HEX + 1] = "";
    const uint64_t prime = (UINT64_C(1) << 61) - 1;
    fill(data, sizeof data);
    for (int point = 0; point < IMPRINT_POINTS; point++) {
        unsigned __int128 value = 0;
        for (size_t at = 0; at <= sizeof data; at += 7) {
            uint64_t coefficient = 0;
            for (size_t i = 0; i < 7 && at + i < sizeof data; i++)
                coefficient |= (uint64_t)data[at + i] << (8 * i);
            value = (value * (secret[point] % prime) + coefficient) % prime;
        }
        value = (value * (secret[point] % prime) + sizeof data) % prime;
        (void)snprintf(expected + 16 * point, 17, "%016llx", (unsigned long long)value);
    }
    take(data, sizeof data, 33, hex);
    ck_assert_str_eq(hex, expected);
}
END_TEST

START_TEST(every_byte_its_place_and_the_length_count)
{
    uint8_t data[64] = { 0 };
    char seen[200][IMPRINT_HEX + 1];
    size_t count = 0;
    for (size_t size = 0; size <= sizeof data; size++)
        take(data, size, 64, seen[count++]); // zeros of every length
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = 1;
        take(data, sizeof data, 64, seen[count++]);
        data[i] = 0;
    }
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++)
            ck_assert_str_ne(seen[i], seen[k]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("imprint");
    TCase *tcase = tcase_create("imprint");
    tcase_add_test(tcase, it_does_not_matter_in_which_pieces_bytes_come);
    tcase_add_test(tcase, it_is_the_value_of_the_polynomial);
    tcase_add_test(tcase, every_byte_its_place_and_the_length_count);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
