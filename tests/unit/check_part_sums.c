// Each part has the checksum of its own bytes, however far ahead it was read.
#include "store/part_sums.h"
#include "tests/support/folder.h"

#include <check.h>
#include <fcntl.h>

enum { PART = 1000, PARTS = 40, LAST = 1 };
static const uint64_t bytes = (uint64_t)PART * (PARTS - 1) + LAST;

static struct folder folder;
static int fd;
static char *content;

static void set_up(void)
{
    folder_make(&folder);
    fd = openat(folder.fd, "file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    content = xcalloc(1, (size_t)bytes);
    for (uint64_t i = 0; i < bytes; i++)
        content[i] = (char)(i * 2654435761u >> 7);
    ck_assert_int_eq(write(fd, "before", 6), 6);
    ck_assert_int_eq(write(fd, content, (size_t)bytes), (ssize_t)bytes);
}

static void tear_down(void)
{
    free(content);
    close_fd(&fd);
    folder_remove(&folder);
}

static void expect(struct part_sums *sums, enum proof_kind kind, unsigned part)
{
    const struct proof_sum *sum;
    size_t size = part == PARTS - 1 ? LAST : PART;
    struct proof_sum *right = proof_begin(kind);
    proof_add(right, content + (size_t)part * PART, size);
    ck_assert_int_eq(part_sums_wait(sums, part, &sum, NULL), 0);
    char *is = proof_text(sum), *should = proof_text(right);
    ck_assert_str_eq(is, should);
    free(is);
    free(should);
    proof_free(&right);
}

static const enum proof_kind kinds[] = { PROOF_CRC64, PROOF_MD5, PROOF_CRC32C };

START_TEST(each_part_of_a_file_has_its_own)
{
    const struct http_body body = { .fd = fd, .offset = 6, .size = bytes };
    struct part_sums *sums = part_sums_start(kinds[_i], &body, PART);
    for (unsigned part = 0; part < PARTS; part++)
        expect(sums, kinds[_i], part);
    part_sums_free(&sums);
    ck_assert_ptr_null(sums);
}
END_TEST

START_TEST(in_memory_it_is_the_same_and_parts_may_be_asked_for_in_any_order)
{
    const struct http_body body = { .data = content, .size = bytes };
    struct part_sums *sums = part_sums_start(PROOF_CRC64, &body, PART);
    for (unsigned part = PARTS; part-- > 0;)
        expect(sums, PROOF_CRC64, part);
    part_sums_free(&sums);
}
END_TEST

START_TEST(a_file_that_ends_early_is_said_of_the_part_where_it_does)
{
    const struct http_body body = { .fd = fd, .offset = 6, .size = bytes };
    const struct proof_sum *sum;
    struct err err = ERR_INIT;
    ck_assert_int_eq(ftruncate(fd, 6 + 3 * PART + 10), 0);
    struct part_sums *sums = part_sums_start(PROOF_CRC32C, &body, PART);
    ck_assert_int_lt(part_sums_wait(sums, 3, &sum, &err), 0);
    ck_assert_str_eq(err.id, "changed");
    ck_assert_int_eq(err.class, ERR_RETRY);
    expect(sums, PROOF_CRC32C, 2);
    ck_assert_int_lt(part_sums_wait(sums, PARTS - 1, &sum, &err), 0);
    part_sums_free(&sums);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_said)
{
    cleanup(close_fd) int blind = openat(folder.fd, "file", O_WRONLY | O_CLOEXEC);
    const struct http_body body = { .fd = blind, .size = bytes };
    const struct proof_sum *sum;
    struct err err = ERR_INIT;
    struct part_sums *sums = part_sums_start(PROOF_CRC32C, &body, PART);
    ck_assert_int_lt(part_sums_wait(sums, 0, &sum, &err), 0);
    ck_assert(strstr(err.text, "read what is to be sent") != NULL);
    part_sums_free(&sums);
}
END_TEST

START_TEST(it_can_be_given_up_at_any_time)
{
    const struct http_body body = { .fd = fd, .offset = 6, .size = bytes };
    struct part_sums *sums = part_sums_start(PROOF_CRC64, &body, PART);
    part_sums_free(&sums);
    sums = part_sums_start(PROOF_CRC64, &body, PART);
    expect(sums, PROOF_CRC64, 1);
    part_sums_free(&sums);
    part_sums_free(&sums);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("part_sums");
    TCase *tcase = tcase_create("core");
    suite_add_tcase(suite, tcase);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, each_part_of_a_file_has_its_own, 0, 3);
    tcase_add_test(tcase, in_memory_it_is_the_same_and_parts_may_be_asked_for_in_any_order);
    tcase_add_test(tcase, a_file_that_ends_early_is_said_of_the_part_where_it_does);
    tcase_add_test(tcase, a_file_that_cannot_be_read_is_said);
    tcase_add_test(tcase, it_can_be_given_up_at_any_time);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
