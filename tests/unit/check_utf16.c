// UTF-16 made UTF-8.
#include "base/text.h"
#include "base/utf16.h"
#include <check.h>

START_TEST(text_is_the_same_in_either_order)
{
    static const struct {
        const char *little, *big;
        size_t size;
        const char *text;
    } rows[] = {
        { "", "", 0, "" },
        { "h\0i\0", "\0h\0i", 4, "hi" },
        { "\xE4\0\x4D\x52", "\0\xE4\x52\x4D", 4, "\xC3\xA4\xE5\x89\x8D" },
        { "\x3D\xD8\x00\xDE", "\xD8\x3D\xDE\x00", 4, "\xF0\x9F\x98\x80" },
        { "\xFF\xFF", "\xFF\xFF", 2, "\xEF\xBF\xBF" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        cleanup(free_ptr) char *little = utf16_to_utf8(rows[i].little, rows[i].size, UTF16_LITTLE);
        cleanup(free_ptr) char *big = utf16_to_utf8(rows[i].big, rows[i].size, UTF16_BIG);
        ck_assert_str_eq(little, rows[i].text);
        ck_assert_str_eq(big, rows[i].text);
    }
}
END_TEST

START_TEST(what_is_damaged_is_refused)
{
    static const struct {
        const char *bytes;
        size_t size;
    } rows[] = {
        { "\0", 1 },               // half a unit
        { "\0h\0", 3 },            // likewise
        { "\0\0", 2 },             // NUL
        { "\xD8\x3D", 2 },         // the first of a pair, alone
        { "\xD8\x3D\0h", 4 },      // followed by something else
        { "\xDE\x00\xD8\x3D", 4 }, // the wrong way round
        { "\xD8\x3D\xD8\x3D", 4 }, // twice the first
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ck_assert_ptr_null(utf16_to_utf8(rows[i].bytes, rows[i].size, UTF16_BIG));
}
END_TEST

START_TEST(what_is_no_character_is_not_written)
{
    static const uint32_t wrong[] = { 0, 0xD800, 0xDFFF, 0x110000, UINT32_MAX };
    char to[4];
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        ck_assert_uint_eq(utf16_put_utf8(wrong[i], to), 0);
    ck_assert_uint_eq(utf16_put_utf8(0x10FFFF, to), 4);
}
END_TEST

START_TEST(every_character_becomes_valid_utf8)
{
    for (uint32_t point = 1; point <= 0x10FFFF; point += point < 0x3000 ? 1 : 251) {
        unsigned char pair[4];
        size_t size = 2;
        if (point >= 0xD800 && point <= 0xDFFF)
            continue;
        uint32_t unit = point;
        if (point >= 0x10000) {
            uint32_t low = 0xDC00 + (point & 0x3FF);
            unit = 0xD800 + ((point - 0x10000) >> 10);
            pair[2] = (unsigned char)(low >> 8);
            pair[3] = (unsigned char)low;
            size = 4;
        }
        pair[0] = (unsigned char)(unit >> 8);
        pair[1] = (unsigned char)unit;
        cleanup(free_ptr) char *text = utf16_to_utf8(pair, size, UTF16_BIG);
        ck_assert_ptr_nonnull(text);
        ck_assert(text_is_utf8(text, strlen(text)));
        ck_assert_uint_eq(strlen(text), point < 0x80 ? 1 : point < 0x800 ? 2 : 2 + size / 2);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("utf16");
    TCase *tcase = tcase_create("utf16");
    tcase_add_test(tcase, text_is_the_same_in_either_order);
    tcase_add_test(tcase, what_is_damaged_is_refused);
    tcase_add_test(tcase, what_is_no_character_is_not_written);
    tcase_add_test(tcase, every_character_becomes_valid_utf8);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
