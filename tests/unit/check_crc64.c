// CRC-64 as OSS has it, against known values and a bit at a time.
#include "net/crc64.h"
#include "tests/support/invented.h"
#include <check.h>

// The definition, one bit a step.
static uint64_t by_bits(uint64_t crc, const unsigned char *data, size_t size)
{
    crc = ~crc;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ UINT64_C(0xC96C5795D7870F42) : crc >> 1;
    }
    return ~crc;
}

static unsigned char *invented(uint64_t seed, size_t size)
{
    unsigned char *data = xcalloc(size + 1, 1);
    for (size_t i = 0; i < size; i++)
        data[i] = (unsigned char)invent_number(&seed, 0, 256);
    return data;
}

START_TEST(known_checksums_come_out)
{
    unsigned char all[256], zeros[1000] = { 0 };
    for (int i = 0; i < 256; i++)
        all[i] = (unsigned char)i;
    const struct {
        const void *data;
        size_t size;
        const char *crc;
    } rows[] = {
        { "", 0, "0" },
        { "123456789", 9, "11051210869376104954" },
        { "hello world\n", 12, "14969823782951187105" },
        { all, sizeof all, "8232944260754389680" },
        { zeros, sizeof zeros, "3975238299387831631" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[CRC64_TEXT_SIZE];
        ck_assert_str_eq(crc64_text(crc64_add(0, rows[i].data, rows[i].size), text), rows[i].crc);
    }
}
END_TEST

START_TEST(any_length_and_alignment_is_what_single_bits_give)
{
    cleanup(free_ptr) unsigned char *data = invented(7, 400);
    for (size_t at = 0; at < 16; at++)
        for (size_t size = 0; size < 300; size++)
            ck_assert(crc64_add(at, data + at, size) == by_bits(at, data + at, size));
}
END_TEST

START_TEST(pieces_make_the_whole_added_or_joined)
{
    const size_t size = 5000;
    cleanup(free_ptr) unsigned char *data = invented(11, size);
    uint64_t whole = by_bits(0, data, size);
    for (size_t cut = 0; cut <= size; cut += cut < 20 ? 1 : 311) {
        uint64_t first = crc64_add(0, data, cut), second = crc64_add(0, data + cut, size - cut);
        ck_assert(crc64_add(first, data + cut, size - cut) == whole);
        ck_assert(crc64_join(first, second, size - cut) == whole);
    }
}
END_TEST

// Longer than anything a test could sum: 2^40 zero bytes by joining, from both ends.
START_TEST(joining_does_not_care_how_large_pieces_are)
{
    unsigned char zero = 0;
    uint64_t crc = crc64_add(0, &zero, 1), half = 0;
    for (int power = 0; power < 40; power++) {
        half = crc;
        crc = crc64_join(crc, crc, UINT64_C(1) << power);
    }
    uint64_t other = crc64_join(half, crc64_add(0, &zero, 1), 1);
    uint64_t rest = crc64_add(0, &zero, 1); // of 2^39 - 1 zeros, made of every smaller power
    uint64_t piece = rest;
    for (int power = 1; power < 39; power++) {
        piece = crc64_join(piece, piece, UINT64_C(1) << (power - 1));
        rest = crc64_join(rest, piece, UINT64_C(1) << power);
    }
    ck_assert(crc64_join(other, rest, (UINT64_C(1) << 39) - 1) == crc);
}
END_TEST

START_TEST(the_header_is_an_unsigned_decimal_and_nothing_else)
{
    static const char *const wrong[] = { "",
                                         "-1",
                                         "+1",
                                         " 1",
                                         "1 ",
                                         "0x1",
                                         "1.0",
                                         "a",
                                         "18446744073709551616",
                                         "99999999999999999999" };
    uint64_t crc = 5;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        ck_assert_int_lt(crc64_parse(wrong[i], &crc), 0);
    ck_assert(crc == 5);
    ck_assert_int_eq(crc64_parse("18446744073709551615", &crc), 0);
    ck_assert(crc == UINT64_MAX);
    char text[CRC64_TEXT_SIZE];
    ck_assert_str_eq(crc64_text(crc, text), "18446744073709551615");
    ck_assert_int_eq(crc64_parse("007", &crc), 0);
    ck_assert(crc == 7);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crc64");
    TCase *tcase = tcase_create("crc64");
    tcase_add_test(tcase, known_checksums_come_out);
    tcase_add_test(tcase, any_length_and_alignment_is_what_single_bits_give);
    tcase_add_test(tcase, pieces_make_the_whole_added_or_joined);
    tcase_add_test(tcase, joining_does_not_care_how_large_pieces_are);
    tcase_add_test(tcase, the_header_is_an_unsigned_decimal_and_nothing_else);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
