// Text that leaves no copies.
#include "net/secret.h"
#include "net/sign.h"
#include "net/sign_webhook.h"
#include "tests/support/folder.h"
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

START_TEST(pieces_become_one_text)
{
    struct secret secret = SECRET_INIT;
    SECRET_ADD(&secret, "a", "", "bc");
    secret_add(&secret, "d\0e", 3);
    ck_assert_uint_eq(secret.length, 6);
    ck_assert_mem_eq(secret.text, "abcd\0e", 7);
    secret_release(&secret);
    ck_assert_ptr_null(secret.text);
    secret_release(&secret);
}
END_TEST

START_TEST(a_guarded_process_leaves_no_core)
{
    // In a process of its own: each test is one.
    struct rlimit limit = { 0 };
    ck_assert_int_eq(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 1);
    secret_guard_process();
    ck_assert_int_eq(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
    ck_assert_int_eq(getrlimit(RLIMIT_CORE, &limit), 0);
    ck_assert_uint_eq(limit.rlim_cur, 0);
    ck_assert_uint_eq(limit.rlim_max, 0);
}
END_TEST

START_TEST(a_text_of_any_length_is_whole)
{
    struct secret secret = SECRET_INIT;
    for (int i = 0; i < 10000; i++)
        secret_add(&secret, &"0123456789"[i % 10], 1);
    cleanup(secret_free) char *text = secret_take(&secret);
    ck_assert_uint_eq(strlen(text), 10000);
    for (int i = 0; i < 10000; i++)
        ck_assert_int_eq(text[i], '0' + i % 10);
    ck_assert_ptr_null(secret.text);
}
END_TEST

START_TEST(nothing_is_an_empty_text)
{
    struct secret secret = SECRET_INIT;
    cleanup(secret_free) char *text = secret_take(&secret);
    ck_assert_str_eq(text, "");
    char *none = NULL;
    secret_free(&none);
    ck_assert_ptr_null(none);
}
END_TEST

START_TEST(what_is_wiped_is_nought)
{
    char key[] = "sesame";
    secret_wipe(key, sizeof key);
    for (size_t i = 0; i < sizeof key; i++)
        ck_assert_int_eq(key[i], 0);
}
END_TEST

// ---- what stays in memory

enum { KEY_LENGTH = 32, LARGEST = 64 << 20 };

// A key that stands nowhere in the program's text; written here only while it is needed.
static char key_at(int i)
{
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"[(i * 7 + 3) % 32];
}

// Its second half is looked for: freed memory loses its first bytes to the allocator's own words.
static size_t occurrences_in(const char *memory, size_t size)
{
    const int half = KEY_LENGTH / 2;
    size_t found = 0;
    for (size_t at = 0; at + (size_t)half <= size; at++) {
        int same = 0;
        while (same < half && memory[at + (size_t)same] == key_at(half + same))
            same++;
        found += same == half;
    }
    return found;
}

// How often the key stands in what this process has written: heap, stack, data.  The buffer that
// memory is copied into is not looked at.
static size_t occurrences(void)
{
    size_t found = 0;
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "re");
    cleanup(close_fd) int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    cleanup(free_ptr) char *copy = xcalloc(LARGEST, 1);
    ck_assert_ptr_nonnull(maps);
    ck_assert_int_ge(memory, 0);
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long from = 0, to = 0;
        char rights[5] = "";
        ck_assert_int_eq(sscanf(line, "%lx-%lx %4s", &from, &to, rights), 3);
        bool own = (unsigned long)copy >= from && (unsigned long)copy < to;
        if (rights[1] != 'w' || to - from > LARGEST || own)
            continue;
        ssize_t n = pread(memory, copy, to - from, (off_t)from);
        found += n > 0 ? occurrences_in(copy, (size_t)n) : 0;
        memset(copy, 0, to - from);
    }
    (void)fclose(maps);
    return found;
}

static void write_key(int fd, const char *before)
{
    char key[KEY_LENGTH];
    for (int i = 0; i < KEY_LENGTH; i++)
        key[i] = key_at(i);
    ck_assert_int_eq(write(fd, before, strlen(before)), (ssize_t)strlen(before));
    ck_assert_int_eq(write(fd, key, sizeof key), (ssize_t)sizeof key);
    secret_wipe(key, sizeof key);
}

static void use_pair(const char *path)
{
    struct credential credential = CREDENTIAL_INIT;
    ck_assert_int_eq(credential_load(NULL, path, &credential, NULL), 0);
    ck_assert_uint_ge(occurrences(), 2); // secret and token: the search finds what is there
    for (int scheme = SIGN_OSS_V4; scheme <= SIGN_AWS_V4; scheme++)
        for (unsigned seconds = 0; seconds < 120; seconds += 60) {
            struct sign_place place = { .scheme = (enum sign_scheme)scheme,
                                        .endpoint = "https://s.example.org",
                                        .region = "r",
                                        .bucket = "bucket" };
            struct sign_request request = { .place = &place, .method = "GET", .key = "k" };
            struct sign_result result = SIGN_RESULT_INIT;
            int r = seconds > 0 ? sign_link(&request, &credential, 0, seconds, &result, NULL)
                                : sign_headers(&request, &credential, 0, &result, NULL);
            ck_assert_int_eq(r, 0);
            sign_release(&result);
        }
    credential_release(&credential);
}

static void use_webhook(const char *path)
{
    cleanup(secret_free) char *secret = NULL;
    cleanup(free_ptr) char *signature = NULL;
    struct sign_webhook message = { .id = "msg_1", .body = "{}", .size = 2 };
    ck_assert_int_eq(credential_load_secret(NULL, path, &secret, NULL), 0);
    ck_assert_int_eq(sign_webhook(secret, &message, &signature, NULL), 0);
}

START_TEST(keys_and_tokens_are_nowhere_in_memory_once_released)
{
    struct folder folder;
    folder_make(&folder);
    cleanup(free_ptr) char *path = xasprintf("%s/key", folder.path);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    write_key(fd, "access_key_id = id\naccess_key_secret = ");
    write_key(fd, "\nsecurity_token = ");
    ck_assert_int_eq(close(fd), 0);
    ck_assert_uint_eq(occurrences(), 0);
    use_pair(path);
    ck_assert_uint_eq(occurrences(), 0);

    fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    write_key(fd, "whsec_");
    ck_assert_int_eq(close(fd), 0);
    use_webhook(path);
    ck_assert_uint_eq(occurrences(), 0);
    folder_remove(&folder);
}
END_TEST

START_TEST(a_key_is_shown_in_a_field_and_no_key_in_none)
{
    cleanup(secret_free) char *field = secret_bearer("sk-1"), *none = secret_bearer(NULL);
    ck_assert_str_eq(field, "Authorization: Bearer sk-1");
    ck_assert_ptr_null(none);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("secret");
    TCase *tcase = tcase_create("secret");
    tcase_add_test(tcase, pieces_become_one_text);
    tcase_add_test(tcase, a_guarded_process_leaves_no_core);
    tcase_add_test(tcase, a_text_of_any_length_is_whole);
    tcase_add_test(tcase, nothing_is_an_empty_text);
    tcase_add_test(tcase, what_is_wiped_is_nought);
    tcase_add_test(tcase, keys_and_tokens_are_nowhere_in_memory_once_released);
    tcase_add_test(tcase, a_key_is_shown_in_a_field_and_no_key_in_none);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
