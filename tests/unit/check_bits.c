// Codes and escapes, against the tables of the standards and against each other.
#include "media/bits.h"

#include <check.h>

// H.264 tables 9-2 and 9-3.
static const struct code {
    const char *bits;
    uint32_t ue;
    int32_t se;
} codes[] = {
    { "1", 0, 0 },        { "010", 1, 1 },     { "011", 2, -1 },       { "00100", 3, 2 },
    { "00101", 4, -2 },   { "00110", 5, 3 },   { "00111", 6, -3 },     { "0001000", 7, 4 },
    { "0001001", 8, -4 }, { "0001010", 9, 5 }, { "000010000", 15, 8 }, { "000011111", 30, -15 },
};

static size_t pack(const char *text, uint8_t *to)
{
    size_t size = 0;
    for (; text[size] != 0; size++) {
        to[size / 8] = size % 8 == 0 ? 0 : to[size / 8];
        to[size / 8] |= (uint8_t)((text[size] == '1') << (7 - size % 8));
    }
    return size;
}

START_TEST(codes_are_those_of_the_standard)
{
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        uint8_t data[16], ue[16] = { 0 };
        size_t size = pack(codes[i].bits, data);
        struct bits bits = bits_of(data, (size + 7) / 8);
        ck_assert_uint_eq(bits_ue(&bits), codes[i].ue);
        ck_assert_uint_eq(bits.at, size);
        bits.at = 0;
        ck_assert_int_eq(bits_se(&bits), codes[i].se);
        ck_assert(!bits.overrun);
        ck_assert_int_eq(bits_ue_length(codes[i].ue), size);
        struct bits_out out = { .data = ue, .capacity = sizeof ue };
        bits_put_ue(&out, codes[i].ue);
        ck_assert_uint_eq(out.at, size);
        ck_assert_mem_eq(ue, data, (size + 7) / 8);
    }
}
END_TEST

START_TEST(every_code_comes_back)
{
    static const uint32_t values[] = { 0,   1,     62,        63,         254,
                                       255, 65535, 1U << 31U, 0xfffffffd, UINT32_MAX - 1 };
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        for (int phase = 0; phase < 8; phase++) {
            uint8_t data[16];
            struct bits_out out = { .data = data, .capacity = sizeof data };
            bits_put(&out, 0x55, phase);
            bits_put_ue(&out, values[i]);
            bits_put(&out, 5, 3);
            ck_assert(!out.overrun);
            struct bits bits = bits_of(data, sizeof data);
            bits_skip(&bits, (size_t)phase);
            ck_assert_uint_eq(bits_ue(&bits), values[i]);
            ck_assert_uint_eq(bits_u(&bits, 3), 5);
        }
}
END_TEST

START_TEST(beyond_the_end_nothing_is_read_or_written)
{
    static const struct {
        uint8_t data[5];
        size_t size;
    } bad[] = { { { 0 }, 0 }, { { 0 }, 4 }, { { 1 }, 1 }, { { 0, 0, 0, 0, 0xff }, 5 } };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct bits bits = bits_of(bad[i].data, bad[i].size);
        ck_assert_uint_eq(bits_ue(&bits), 0);
        ck_assert(bits.overrun);
        ck_assert_uint_le(bits.at, bits.size);
    }
    uint8_t room[3] = { 0, 0, 0xaa };
    struct bits_out out = { .data = room, .capacity = 2 };
    bits_put(&out, 0x1ffff, 17);
    ck_assert(out.overrun && out.at == 16);
    ck_assert_uint_eq(room[2], 0xaa);
}
END_TEST

START_TEST(bits_move_at_any_phase)
{
    uint8_t from[16], to[24];
    for (size_t i = 0; i < sizeof from; i++)
        from[i] = (uint8_t)(i * 37 + 11);
    for (int phase = 0; phase < 8; phase++)
        for (size_t count = 0; count <= 100; count++) {
            struct bits in = bits_of(from, sizeof from);
            struct bits_out out = { .data = to, .capacity = sizeof to };
            bits_put(&out, 0, phase);
            bits_skip(&in, 5);
            bits_copy(&out, &in, count);
            bits_put_stop(&out);
            ck_assert_uint_eq(out.at % 8, 0);
            ck_assert_int_eq(bits_before_stop(to, out.at / 8), phase + (int)count);
            struct bits a = bits_of(from, sizeof from), b = bits_of(to, sizeof to);
            bits_skip(&a, 5);
            bits_skip(&b, (size_t)phase);
            for (size_t i = 0; i < count; i++)
                ck_assert_uint_eq(bits_u(&a, 1), bits_u(&b, 1));
        }
    ck_assert_int_eq(bits_before_stop((const uint8_t *)"\0\0", 2), -1);
}
END_TEST

#define TEXT(text) (const uint8_t *)(text), sizeof(text) - 1
static const struct escape {
    const uint8_t *rbsp;
    size_t rbsp_size;
    const uint8_t *unit;
    size_t unit_size;
} escapes[] = {
    { TEXT("ab"), TEXT("ab") },
    { TEXT("a\0\0\1"), TEXT("a\0\0\3\1") },
    { TEXT("a\0\0\3"), TEXT("a\0\0\3\3") },
    { TEXT("a\0\0\4"), TEXT("a\0\0\4") },
    { TEXT("a\0\1\0\2"), TEXT("a\0\1\0\2") },
    { TEXT("a\0\0\0\0\0b"), TEXT("a\0\0\3\0\0\3\0b") },
    { TEXT("a\0\0"), TEXT("a\0\0\3") },
    { TEXT("a\0\0\0\0"), TEXT("a\0\0\3\0\0\3") },
    { TEXT("\0\0\0\1"), TEXT("\0\0\3\0\1") },
};

START_TEST(escapes_come_and_go)
{
    for (size_t i = 0; i < ARRAY_LEN(escapes); i++) {
        const struct escape *c = &escapes[i];
        uint8_t unit[32], rbsp[32];
        struct bits_escape to = { .at = unit };
        bits_escape(&to, c->rbsp, c->rbsp_size);
        bits_escape_end(&to);
        ck_assert_uint_eq(to.at - unit, c->unit_size);
        ck_assert_mem_eq(unit, c->unit, c->unit_size);
        ck_assert_uint_le(c->unit_size, BITS_ESCAPED_MAX(c->rbsp_size));
        struct bits_unescape from = { .at = c->unit, .end = c->unit + c->unit_size };
        // In two parts: it may be stopped anywhere.
        size_t size = bits_unescape(&from, rbsp, 3);
        size += bits_unescape(&from, rbsp + size, sizeof rbsp - size);
        ck_assert_uint_eq(size, c->rbsp_size);
        ck_assert_mem_eq(rbsp, c->rbsp, size);
        ck_assert(!from.broken);
    }
}
END_TEST

START_TEST(what_must_not_stand_in_a_unit_is_noticed)
{
    static const char *const units[] = { "a\0\0\0", "a\0\0\1", "a\0\0\2" };
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        uint8_t rbsp[8];
        const uint8_t *unit = (const uint8_t *)units[i];
        struct bits_unescape from = { .at = unit, .end = unit + 4 };
        ck_assert_uint_eq(bits_unescape(&from, rbsp, sizeof rbsp), 4);
        ck_assert(from.broken);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bits");
    TCase *tcase = tcase_create("bits");
    tcase_add_test(tcase, codes_are_those_of_the_standard);
    tcase_add_test(tcase, every_code_comes_back);
    tcase_add_test(tcase, beyond_the_end_nothing_is_read_or_written);
    tcase_add_test(tcase, bits_move_at_any_phase);
    tcase_add_test(tcase, escapes_come_and_go);
    tcase_add_test(tcase, what_must_not_stand_in_a_unit_is_noticed);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
