// CRC-32C as services of S3 have it, against known values and a bit at a time.
#include "net/crc32c.h"
#include "tests/support/invented.h"

#include <check.h>

// The definition, one bit a step.
static uint32_t by_bits(const unsigned char *data, size_t size)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0x82F63B78 : crc >> 1;
    }
    return ~crc;
}

// RFC 3720, appendix B.4, whose bytes are the other way round.
START_TEST(known_checksums_come_out)
{
    unsigned char zeros[32] = { 0 }, ones[32], up[32], down[32];
    for (unsigned i = 0; i < 32; i++) {
        ones[i] = 0xFF;
        up[i] = (unsigned char)i;
        down[i] = (unsigned char)(31 - i);
    }
    ck_assert_uint_eq(crc32c_add(0, "", 0), 0);
    ck_assert_uint_eq(crc32c_add(0, "123456789", 9), 0xE3069283);
    ck_assert_uint_eq(crc32c_add(0, zeros, 32), 0x8A9136AA);
    ck_assert_uint_eq(crc32c_add(0, ones, 32), 0x62A8AB43);
    ck_assert_uint_eq(crc32c_add(0, up, 32), 0x46DD794E);
    ck_assert_uint_eq(crc32c_add(0, down, 32), 0x113FDB5C);
}
END_TEST

START_TEST(bytes_may_come_in_pieces)
{
    uint64_t seed = 7;
    unsigned char data[1000];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)invent_number(&seed, 0, 256);
    uint32_t whole = by_bits(data, sizeof data);
    for (size_t at = 0; at <= sizeof data; at += 37)
        ck_assert_uint_eq(crc32c_add(crc32c_add(0, data, at), data + at, sizeof data - at), whole);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crc32c");
    TCase *tcase = tcase_create("crc32c");
    tcase_add_test(tcase, known_checksums_come_out);
    tcase_add_test(tcase, bytes_may_come_in_pieces);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
