// Hashes against published values (RFC 1321, 2202, 4231, FIPS 180) and their spellings.
#include "net/digest.h"
#include "net/secret.h"
#include <check.h>

START_TEST(hashes_are_those_of_the_standards)
{
    static const struct {
        enum digest_kind kind;
        const char *data, *hex;
    } rows[] = {
        { DIGEST_MD5, "abc", "900150983cd24fb0d6963f7d28e17f72" },
        { DIGEST_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d" },
        { DIGEST_SHA256, "abc",
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { DIGEST_SHA256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char hex[DIGEST_HEX_SIZE];
        struct digest digest;
        const char *data = rows[i].data;
        ck_assert_int_eq(digest_of(rows[i].kind, data, strlen(data), &digest, NULL), 0);
        ck_assert_str_eq(digest_hex(&digest, hex), rows[i].hex);
    }
}
END_TEST

START_TEST(hmacs_are_those_of_the_standards)
{
    static const char data[] = "what do ya want for nothing?";
    static const struct {
        enum digest_kind kind;
        const char *hex;
    } rows[] = {
        { DIGEST_MD5, "750c783e6ab0b503eaa86e310a5db738" },
        { DIGEST_SHA1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79" },
        { DIGEST_SHA256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char hex[DIGEST_HEX_SIZE];
        struct digest digest;
        ck_assert_int_eq(digest_hmac(rows[i].kind, (struct digest_key){ "Jefe", 4 }, data,
                                     sizeof data - 1, &digest, NULL),
                         0);
        ck_assert_str_eq(digest_hex(&digest, hex), rows[i].hex);
    }
}
END_TEST

START_TEST(a_digest_may_be_its_own_key)
{
    struct digest chained, first, second;
    ck_assert_int_eq(
        digest_hmac(DIGEST_SHA256, (struct digest_key){ "k", 1 }, "a", 1, &chained, NULL), 0);
    first = chained;
    ck_assert_int_eq(digest_hmac(DIGEST_SHA256, (struct digest_key){ chained.bytes, chained.size },
                                 "b", 1, &chained, NULL),
                     0);
    ck_assert_int_eq(digest_hmac(DIGEST_SHA256, (struct digest_key){ first.bytes, first.size }, "b",
                                 1, &second, NULL),
                     0);
    ck_assert_mem_eq(chained.bytes, second.bytes, second.size);
}
END_TEST

START_TEST(base64_is_written_with_padding)
{
    static const struct {
        const char *bytes, *text;
    } rows[] = { { "", "" },        { "f", "Zg==" },        { "fo", "Zm8=" },
                 { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "\xFB\xFF", "+/8=" } };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct digest digest = { .size = strlen(rows[i].bytes) };
        memcpy(digest.bytes, rows[i].bytes, digest.size);
        cleanup(free_ptr) char *text = digest_base64(&digest);
        ck_assert_str_eq(text, rows[i].text);
        uint8_t *bytes = NULL;
        size_t size = 99;
        ck_assert_int_eq(digest_unbase64(text, &bytes, &size), 0);
        ck_assert_uint_eq(size, digest.size);
        ck_assert_mem_eq(bytes, digest.bytes, size);
        free(bytes);
    }
}
END_TEST

START_TEST(what_is_no_base64_is_refused)
{
    static const char *const wrong[] = { "Z",    "Zg",   "Zg=",   "Zg===", "Zm9v=",
                                         "=",    "====", "Zm 9v", " Zm9v", "Zm9v\n",
                                         "Zm-v", "Zm_v", "Z=g=",  "Zm9vZg" };
    uint8_t *bytes = NULL;
    size_t size;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        ck_assert_msg(digest_unbase64(wrong[i], &bytes, &size) < 0, "%s", wrong[i]);
    ck_assert_ptr_null(bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("digest");
    TCase *tcase = tcase_create("digest");
    tcase_add_test(tcase, hashes_are_those_of_the_standards);
    tcase_add_test(tcase, hmacs_are_those_of_the_standards);
    tcase_add_test(tcase, a_digest_may_be_its_own_key);
    tcase_add_test(tcase, base64_is_written_with_padding);
    tcase_add_test(tcase, what_is_no_base64_is_refused);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
