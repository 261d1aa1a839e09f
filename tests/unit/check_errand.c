// Errands on disk, and the arithmetic of when they are tried again.
#include "spool/errand.h"
#include "tests/support/folder.h"

#include <check.h>
#include <errno.h>
#include <sys/stat.h>

#define BATCH "20261122T041500Z-trip-3f2a"

static struct folder folder;
static int errands;

static void set_up(void)
{
    folder_make(&folder);
    errands = errand_open(folder.path, NULL);
    ck_assert_int_ge(errands, 0);
}

static void tear_down(void)
{
    close_fd(&errands);
    folder_remove(&folder);
}

static struct errand webhook(void)
{
    struct errand errand = { .kind = ERRAND_WEBHOOK,
                             .attempts = 3,
                             .interrupted = 1,
                             .created = 1795320900,
                             .next_try = 1795321000 };
    errand.batch = xstrdup(BATCH);
    errand.outbox = xstrdup("t\xFFrip \"1\"\n");
    errand.message = xstrdup("msg_" BATCH "-1");
    errand.url = xstrdup("https://example.org/hook?key=1");
    errand.body = xstrdup("{\"type\":\"batch.completed\",\"batch\":\"\xE5\x89\x8D\\n\"}");
    (void)err_set(&errand.error, ERR_RETRY, "webhook_refused", "status 500");
    errand.error.retry_after = 7;
    return errand;
}

START_TEST(what_is_written_is_read_back_to_the_byte)
{
    cleanup(errand_release) struct errand written = webhook();
    cleanup(errand_release) struct errand read = ERRAND_INIT;
    ck_assert_int_eq(errand_save(errands, &written, NULL), 0);
    ck_assert_int_eq(errand_load(errands, ERRAND_WEBHOOK, BATCH, &read, NULL), 0);
    ck_assert_str_eq(read.batch, written.batch);
    ck_assert_str_eq(read.outbox, written.outbox);
    ck_assert_str_eq(read.message, written.message);
    ck_assert_str_eq(read.url, written.url);
    ck_assert_str_eq(read.body, written.body);
    ck_assert_uint_eq(read.attempts, 3);
    ck_assert_uint_eq(read.interrupted, 1);
    ck_assert_int_eq(read.created, written.created);
    ck_assert_int_eq(read.next_try, written.next_try);
    ck_assert_int_eq(read.error.class, ERR_RETRY);
    ck_assert_str_eq(read.error.text, "status 500");
    ck_assert_uint_eq(read.error.retry_after, 7);
    ck_assert(errand_exists(errands, ERRAND_WEBHOOK, BATCH));
    ck_assert(!errand_exists(errands, ERRAND_SWEEP, BATCH));
    ck_assert_int_eq(errand_remove(errands, ERRAND_WEBHOOK, BATCH, NULL), 0);
    ck_assert(!errand_exists(errands, ERRAND_WEBHOOK, BATCH));
    ck_assert_int_eq(errand_remove(errands, ERRAND_WEBHOOK, BATCH, NULL), 0);
}
END_TEST

START_TEST(a_sweep_comes_back_too)
{
    cleanup(errand_release) struct errand written = { .kind = ERRAND_SWEEP, .completed = true };
    cleanup(errand_release) struct errand read = ERRAND_INIT;
    written.batch = xstrdup(BATCH);
    written.outbox = xstrdup("trip");
    written.bucket = xstrdup("oss-main");
    ck_assert_int_eq(errand_save(errands, &written, NULL), 0);
    ck_assert_int_eq(errand_load(errands, ERRAND_SWEEP, BATCH, &read, NULL), 0);
    ck_assert_str_eq(read.outbox, "trip");
    ck_assert_str_eq(read.bucket, "oss-main");
    ck_assert(read.completed);
    ck_assert_ptr_null(read.url);
    free(written.bucket);
    written.bucket = xstrdup("../oss");
    ck_assert_int_eq(errand_save(errands, &written, NULL), 0);
    errand_release(&read);
    ck_assert_int_lt(errand_load(errands, ERRAND_SWEEP, BATCH, &read, NULL), 0);
}
END_TEST

START_TEST(the_folder_is_for_the_service_alone)
{
    struct stat st;
    ck_assert_int_eq(fstatat(folder.fd, "errands", &st, 0), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0700);
}
END_TEST

START_TEST(what_is_not_there_is_no_error_and_what_is_damaged_is_one)
{
    static const char good[] =
        "{\"version\":1,\"kind\":\"webhook\",\"batch\":\"" BATCH
        "\",\"outbox\":\"trip\",\"created\":1,"
        "\"attempts\":1,\"interrupted\":0,\"next_try\":0,\"error\":null,\"message\":\"msg_1\","
        "\"url\":\"https://example.org/\",\"body\":\"{}\"}";
    static const char *const changes[][2] = {
        { "\"version\":1", "\"version\":2" },
        { "\"webhook\"", "\"sweep\"" },
        { BATCH, "20261122T041500Z-trip-3f2b" },
        { "\"outbox\":\"trip\"", "\"outbox\":\"../work\"" },
        { "\"outbox\":\"trip\"", "\"outbox\":\"..\"" },
        { "\"outbox\":\"trip\"", "\"outbox\":\"\"" },
        { "\"outbox\":\"trip\"", "\"outbox\":\"\\\\xZZ\"" },
        { "\"attempts\":1", "\"attempts\":-1" },
        { "\"interrupted\":0", "\"interrupted\":2" },
        { "\"error\":null", "\"error\":7" },
        { "msg_1", "msg_1\\r\\nX: y" },
        { "msg_1", "msg.1" },
        { "https://example.org/", "file:///etc/passwd" },
        { "https://example.org/", "https://me:pw@example.org/" },
        { ",\"body\":\"{}\"", "" },
    };
    cleanup(errand_release) struct errand errand = ERRAND_INIT;
    struct err err = ERR_INIT;
    ck_assert_int_eq(errand_load(errands, ERRAND_WEBHOOK, BATCH, &errand, &err), -ENOENT);
    ck_assert_int_eq(err.class, ERR_NONE);
    folder_put(&folder, "errands/" BATCH ".webhook.json", good);
    ck_assert_int_eq(errand_load(errands, ERRAND_WEBHOOK, BATCH, &errand, &err), 0);
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        const char *at = strstr(good, changes[i][0]);
        ck_assert_ptr_nonnull(at);
        cleanup(free_ptr) char *bad = xasprintf("%.*s%s%s", (int)(at - good), good, changes[i][1],
                                                at + strlen(changes[i][0]));
        folder_put(&folder, "errands/" BATCH ".webhook.json", bad);
        errand_release(&errand);
        err_clear(&err);
        ck_assert_msg(errand_load(errands, ERRAND_WEBHOOK, BATCH, &errand, &err) < 0, "%s", bad);
        ck_assert_int_eq(err.class, ERR_INPUT);
        ck_assert_ptr_null(errand.url);
    }
}
END_TEST

START_TEST(only_names_of_errands_are_errands)
{
    static const char *const strangers[] = { "",
                                             BATCH,
                                             BATCH ".webhook",
                                             ".webhook.json",
                                             BATCH ".other.json",
                                             BATCH ".webhook.json.tmp",
                                             "a/b.webhook.json" };
    enum errand_kind kind;
    cleanup(free_ptr) char *batch = NULL;
    ck_assert_int_eq(errand_parse_name(BATCH ".sweep.json", &kind, &batch), 0);
    ck_assert_int_eq(kind, ERRAND_SWEEP);
    ck_assert_str_eq(batch, BATCH);
    for (size_t i = 0; i < ARRAY_LEN(strangers); i++) {
        char *other = NULL;
        ck_assert_msg(errand_parse_name(strangers[i], &kind, &other) < 0, "%s", strangers[i]);
        ck_assert_ptr_null(other);
    }
}
END_TEST

START_TEST(each_message_has_a_name_of_its_own_that_can_be_signed)
{
    cleanup(free_ptr) char *one = errand_new_message(BATCH);
    cleanup(free_ptr) char *two = errand_new_message(BATCH);
    ck_assert_str_ne(one, two);
    ck_assert_ptr_null(strpbrk(one, ". \r\n"));
    ck_assert_ptr_nonnull(strstr(one, BATCH));
}
END_TEST

// ---- waits

START_TEST(waits_are_numbers_divided_by_blanks)
{
    static const struct {
        const char *text;
        size_t count;
        double last;
        bool good;
    } rows[] = {
        { "5 300 1800 7200 18000", 5, 18000, true },
        { " 0.5\t2 ", 2, 2, true },
        { "", 0, 0, true },
        { NULL, 0, 0, true },
        { "5, 300", 0, 0, false },
        { "-1", 0, 0, false },
        { "604801", 0, 0, false },
        { "nan", 0, 0, false },
        { "inf", 0, 0, false },
        { "5s", 0, 0, false },
        { "1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", 0, 0, false },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct errand_waits waits;
        struct err err = ERR_INIT;
        int r = errand_read_waits(rows[i].text, &waits, &err);
        ck_assert_msg((r == 0) == rows[i].good, "%s", rows[i].text);
        ck_assert_int_eq(err.class, rows[i].good ? ERR_NONE : ERR_CONFIG);
        if (!rows[i].good)
            continue;
        ck_assert_uint_eq(waits.count, rows[i].count);
        if (waits.count > 0)
            ck_assert_double_eq(waits.seconds[waits.count - 1], rows[i].last);
    }
}
END_TEST

static const struct {
    const char *what;
    enum err_class class;
    unsigned attempts, interrupted, retry_after;
    bool once;
    double chance;
    enum errand_next next;
    double seconds;
} judged[] = {
    { "it did what it should", ERR_NONE, 1, 0, 0, false, 0, ERRAND_DONE, 0 },
    { "the first try failed", ERR_RETRY, 1, 0, 0, false, 0, ERRAND_AGAIN, 5 },
    { "the second", ERR_RETRY, 2, 0, 0, false, 0, ERRAND_AGAIN, 300 },
    { "the fifth", ERR_SERVICE, 5, 0, 0, false, 0, ERRAND_AGAIN, 18000 },
    { "the sixth is the last", ERR_RETRY, 6, 0, 0, false, 0, ERRAND_GIVEN_UP, 0 },
    { "not sooner than asked for", ERR_RETRY, 1, 0, 90, false, 1, ERRAND_AGAIN, 90 },
    { "not sooner than the schedule", ERR_RETRY, 2, 0, 90, false, 0, ERRAND_AGAIN, 300 },
    { "jitter makes it longer, by a fifth at most", ERR_RETRY, 2, 0, 0, false, 1, ERRAND_AGAIN,
      360 },
    { "what was cut off is no failure", ERR_RETRY, 4, 3, 0, false, 0, ERRAND_AGAIN, 5 },
    { "what will never work", ERR_INPUT, 1, 0, 0, false, 0, ERRAND_GIVEN_UP, 0 },
    { "the configuration may be put right", ERR_CONFIG, 1, 0, 0, false, 0, ERRAND_AGAIN, 5 },
    { "an address may be allowed", ERR_DENIED, 1, 0, 0, false, 0, ERRAND_AGAIN, 5 },
    { "a crash is tried again as all else", ERR_BUG, 1, 0, 0, false, 0, ERRAND_AGAIN, 5 },
    { "once: a short wait is kept", ERR_RETRY, 1, 0, 0, true, 0, ERRAND_AGAIN, 5 },
    { "once: a long one is not", ERR_RETRY, 2, 0, 0, true, 0, ERRAND_GIVEN_UP, 0 },
    { "once: nor one that was asked for", ERR_RETRY, 1, 0, 60, true, 0, ERRAND_GIVEN_UP, 0 },
    { "once: nobody puts a configuration right", ERR_CONFIG, 1, 0, 0, true, 0, ERRAND_GIVEN_UP, 0 },
    { "once: nor an address", ERR_DENIED, 1, 0, 0, true, 0, ERRAND_GIVEN_UP, 0 },
};

START_TEST(who_had_no_turn_comes_when_he_is_told_and_has_lost_no_try)
{
    struct errand_waits waits;
    struct err error = ERR_INIT;
    const struct errand errand = { .attempts = 2 };
    double seconds = 0;
    ck_assert_int_eq(errand_read_waits("300 7200", &waits, NULL), 0);
    struct errand_facts facts = { .errand = &errand, .error = &error, .waits = &waits };
    (void)err_set(&error, ERR_SERVICE, "service_away", "x rests");
    error.retry_after = 40;
    ck_assert_int_eq(errand_judge(&facts, &seconds), ERRAND_AGAIN);
    ck_assert_double_eq(seconds, 40);
    facts.once = true; // nobody waits so long
    ck_assert_int_eq(errand_judge(&facts, &seconds), ERRAND_GIVEN_UP);
}
END_TEST

START_TEST(what_follows_from_an_attempt)
{
    struct errand_waits waits;
    ck_assert_int_eq(errand_read_waits("5 300 1800 7200 18000", &waits, NULL), 0);
    const struct errand errand = { .attempts = judged[_i].attempts,
                                   .interrupted = judged[_i].interrupted };
    const struct err error = { .class = judged[_i].class, .retry_after = judged[_i].retry_after };
    const struct errand_facts facts = { .errand = &errand,
                                        .error = &error,
                                        .waits = &waits,
                                        .once = judged[_i].once,
                                        .chance = judged[_i].chance };
    double seconds = 0;
    ck_assert_msg(errand_judge(&facts, &seconds) == judged[_i].next, "%s", judged[_i].what);
    ck_assert_msg(seconds == judged[_i].seconds, "%s: %g", judged[_i].what, seconds);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("errand");
    TCase *disk = tcase_create("on disk");
    tcase_add_checked_fixture(disk, set_up, tear_down);
    tcase_add_test(disk, what_is_written_is_read_back_to_the_byte);
    tcase_add_test(disk, a_sweep_comes_back_too);
    tcase_add_test(disk, the_folder_is_for_the_service_alone);
    tcase_add_test(disk, what_is_not_there_is_no_error_and_what_is_damaged_is_one);
    tcase_add_test(disk, only_names_of_errands_are_errands);
    tcase_add_test(disk, each_message_has_a_name_of_its_own_that_can_be_signed);
    suite_add_tcase(suite, disk);
    TCase *time = tcase_create("when");
    tcase_add_test(time, waits_are_numbers_divided_by_blanks);
    tcase_add_test(time, who_had_no_turn_comes_when_he_is_told_and_has_lost_no_try);
    tcase_add_loop_test(time, what_follows_from_an_attempt, 0, (int)ARRAY_LEN(judged));
    suite_add_tcase(suite, time);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
