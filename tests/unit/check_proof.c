// What services say of bytes, held against the bytes.
#include "net/proof.h"

#include <check.h>

static const struct {
    enum proof_kind kind;
    const char *line, *also, *proof;
} said[] = {
    { PROOF_CRC64, "x-oss-hash-crc64ecma: 11051210869376104954", NULL,
      "crc64:11051210869376104954" },
    { PROOF_CRC64, "X-OSS-Hash-CRC64ecma: 0", NULL, "crc64:0" },
    { PROOF_CRC64, "x-oss-hash-crc64ecma: 007", NULL, "crc64:7" },
    { PROOF_CRC64, "x-oss-hash-crc64ecma: -1", NULL, NULL },
    { PROOF_CRC64, "x-oss-hash-crc64ecma: 18446744073709551616", NULL, NULL },
    { PROOF_CRC64, "ETag: \"25f9e794323b453885f5181f1b624d0b\"", NULL, NULL },
    { PROOF_MD5, "ETag: \"25f9e794323b453885f5181f1b624d0b\"", NULL,
      "md5:25f9e794323b453885f5181f1b624d0b" },
    { PROOF_MD5, "ETag: 25F9E794323B453885F5181F1B624D0B", NULL,
      "md5:25f9e794323b453885f5181f1b624d0b" },
    { PROOF_MD5, "ETag: \"25f9e794323b453885f5181f1b624d0b\"",
      "x-amz-server-side-encryption: AES256", "md5:25f9e794323b453885f5181f1b624d0b" },
    // in parts; weak; encrypted by keys of the owner; something else
    { PROOF_MD5, "ETag: \"25f9e794323b453885f5181f1b624d0b-3\"", NULL, NULL },
    { PROOF_MD5, "ETag: W/\"25f9e794323b453885f5181f1b624d0b\"", NULL, NULL },
    { PROOF_MD5, "ETag: \"25f9e794323b453885f5181f1b624d0b\"",
      "x-amz-server-side-encryption: aws:kms", NULL },
    { PROOF_MD5, "ETag: \"25f9e794323b453885f5181f1b624d0b\"",
      "x-amz-server-side-encryption-customer-algorithm: AES256", NULL },
    { PROOF_MD5, "ETag: \"25f9e794323b453885f5181f1b624d0\"", NULL, NULL },
    { PROOF_MD5, "ETag: \"25f9e794323b453885f5181f1b624d0b", NULL, NULL },
    { PROOF_MD5, "x-oss-hash-crc64ecma: 1", NULL, NULL },
    { PROOF_CRC32C, "x-amz-checksum-crc32c: 4waSgw==", NULL, "crc32c:4waSgw==" },
    { PROOF_CRC32C, "x-amz-checksum-crc32c: 4waSgw==-2", NULL, NULL }, // of an object in parts
    { PROOF_CRC32C, "x-amz-checksum-crc32c: 4waS", NULL, NULL },
    { PROOF_CRC32C, "x-amz-checksum-crc32: 4waSgw==", NULL, NULL },
    { PROOF_NONE, "ETag: \"25f9e794323b453885f5181f1b624d0b\"", "x-oss-hash-crc64ecma: 1", NULL },
};

START_TEST(a_head_says_it_or_says_nothing)
{
    cleanup(answer_release) struct answer head = ANSWER_INIT;
    ck_assert_int_eq(answer_add_line(&head, "HTTP/1.1 200 OK", 15, NULL), 0);
    ck_assert_int_eq(answer_add_line(&head, said[_i].line, strlen(said[_i].line), NULL), 0);
    if (said[_i].also != NULL)
        ck_assert_int_eq(answer_add_line(&head, said[_i].also, strlen(said[_i].also), NULL), 0);
    cleanup(free_ptr) char *proof = proof_of(said[_i].kind, &head);
    ck_assert_pstr_eq(proof, said[_i].proof);
}
END_TEST

START_TEST(sums_are_those_of_the_bytes_however_they_come)
{
    static const char *const wanted[] = { [PROOF_CRC64] = "crc64:11051210869376104954",
                                          [PROOF_MD5] = "md5:25f9e794323b453885f5181f1b624d0b",
                                          [PROOF_CRC32C] = "crc32c:4waSgw==" };
    for (enum proof_kind kind = PROOF_CRC64; kind <= PROOF_CRC32C; kind++)
        for (size_t at = 0; at <= 9; at++) {
            struct proof_sum *sum = proof_begin(kind);
            proof_add(sum, "123456789", at);
            cleanup(free_ptr) char *half = proof_text(sum); // asking changes nothing
            proof_add(sum, &"123456789"[at], 9 - at);
            cleanup(free_ptr) char *proof = proof_text(sum);
            ck_assert_str_eq(proof, wanted[kind]);
            ck_assert_int_eq(proof_differs(half, proof), at != 9);
            proof_free(&sum);
        }
}
END_TEST

START_TEST(parts_are_joined)
{
    struct proof_sum *sums[3] = { proof_begin(PROOF_CRC64), proof_begin(PROOF_CRC64),
                                  proof_begin(PROOF_CRC64) };
    proof_add(sums[2], "89", 2);
    proof_add(sums[0], "1234", 4);
    proof_add(sums[1], "567", 3);
    proof_join(sums[0], sums[1]);
    proof_join(sums[0], sums[2]);
    cleanup(free_ptr) char *proof = proof_text(sums[0]);
    ck_assert_str_eq(proof, "crc64:11051210869376104954");
    for (size_t i = 0; i < ARRAY_LEN(sums); i++)
        proof_free(&sums[i]);
}
END_TEST

START_TEST(only_two_that_are_known_can_differ)
{
    ck_assert(proof_differs("crc64:1", "crc64:2"));
    ck_assert(!proof_differs("crc64:1", "crc64:1"));
    ck_assert(!proof_differs(NULL, "crc64:1"));
    ck_assert(!proof_differs("crc64:1", NULL));
    struct proof_sum *none = proof_begin(PROOF_NONE);
    proof_add(none, "1", 1);
    ck_assert_ptr_null(proof_text(none));
    proof_free(&none);
    proof_free(&none);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("proof");
    TCase *tcase = tcase_create("proof");
    tcase_add_loop_test(tcase, a_head_says_it_or_says_nothing, 0, (int)ARRAY_LEN(said));
    tcase_add_test(tcase, sums_are_those_of_the_bytes_however_they_come);
    tcase_add_test(tcase, parts_are_joined);
    tcase_add_test(tcase, only_two_that_are_known_can_differ);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
