// The checksum of a growing file is that of the whole, whenever its bytes came.
#include "net/fingerprint.h"
#include "tests/support/folder.h"
#include "tests/support/program.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>

static struct folder folder;
static int fd;

static void set_up(void)
{
    folder_make(&folder);
    fd = openat(folder.fd, "file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
}

static void tear_down(void)
{
    close_fd(&fd);
    folder_remove(&folder);
}

START_TEST(of_nothing_and_of_abc_it_is_what_the_standard_says)
{
    char hex[FINGERPRINT_SIZE];
    struct fingerprint *f = fingerprint_start(fd, PROOF_NONE);
    ck_assert_int_eq(fingerprint_finish(&f, hex, NULL, NULL), 0);
    ck_assert_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    ck_assert_ptr_null(f);
    f = fingerprint_start(fd, PROOF_NONE);
    ck_assert_int_eq(write(fd, "abc", 3), 3);
    fingerprint_follow(f, 3);
    ck_assert_int_eq(fingerprint_finish(&f, hex, NULL, NULL), 0);
    ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
END_TEST

START_TEST(of_a_file_that_grew_in_pieces_it_is_that_of_another_program)
{
    enum { PIECES = 300 };
    char hex[FINGERPRINT_SIZE], piece[7919], *output = NULL;
    struct fingerprint *f = NULL;
    uint64_t size = 0;
    for (int i = 0; i < PIECES; i++) {
        memset(piece, i, sizeof piece);
        ck_assert_int_eq(write(fd, piece, sizeof piece), sizeof piece);
        size += sizeof piece;
        if (i == PIECES / 3) // what was there before counts, too
            f = fingerprint_start(fd, PROOF_NONE);
        if (f != NULL)
            fingerprint_follow(f, size);
    }
    ck_assert_int_eq(fingerprint_finish(&f, hex, NULL, NULL), 0);
    char *path = xasprintf("%s/file", folder.path);
    ck_assert_int_eq(PROGRAM_RUN(&output, "sha256sum", path), 0);
    ck_assert(strncmp(output, hex, 64) == 0);
    free(output);
    free(path);
}
END_TEST

START_TEST(a_file_shorter_than_was_said_is_an_error)
{
    char hex[FINGERPRINT_SIZE];
    struct err err = ERR_INIT;
    struct fingerprint *f = fingerprint_start(fd, PROOF_NONE);
    fingerprint_follow(f, 10);
    ck_assert_int_lt(fingerprint_finish(&f, hex, NULL, &err), 0);
    ck_assert_int_eq(err.class, ERR_IO);
}
END_TEST

START_TEST(it_can_be_given_up_at_any_time)
{
    struct fingerprint *f = fingerprint_start(fd, PROOF_NONE);
    fingerprint_free(&f);
    ck_assert_ptr_null(f);
    fingerprint_free(&f);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fingerprint");
    TCase *tcase = tcase_create("fingerprint");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, of_nothing_and_of_abc_it_is_what_the_standard_says);
    tcase_add_test(tcase, of_a_file_that_grew_in_pieces_it_is_that_of_another_program);
    tcase_add_test(tcase, a_file_shorter_than_was_said_is_an_error);
    tcase_add_test(tcase, it_can_be_given_up_at_any_time);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
