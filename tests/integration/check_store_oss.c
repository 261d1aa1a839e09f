// A bucket of OSS, played by a server that computes the signatures for itself: everything a store
// is asked for, with both signatures; what it does when the service fails half way; clocks; turns.
#include "base/fs.h"
#include "store/store.h"
#include "tests/support/bucketd.h"
#include "tests/support/store_story.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>

enum { LARGE = (24 << 20) + 11 }; // four parts

static struct bucketd server;
static struct store *store;
static struct err err;

static void start(const char *argument)
{
    bucketd_start(&server, STORE_OSS, argument);
    err = (struct err)ERR_INIT;
}

static void set_up(void)
{
    start(NULL);
    store = bucketd_open(&server, 0);
}

static void tear_down(void)
{
    store_close(&store);
    bucketd_stop(&server);
}

static void reopen(void)
{
    store_close(&store);
    store = bucketd_open(&server, 0);
}

// ---- both signatures, three ways to be asked

static void be(int way)
{
    static char endpoint[64];
    server.place.signs_v1 = way % 2 == 1;
    if (way / 2 == 1) { // bucket in front of the host
        (void)snprintf(endpoint, sizeof endpoint, "http://localhost:%u", server.port);
        server.place.endpoint = endpoint;
    } else if (way / 2 == 2) { // with a token
        free(server.credential.id);
        free(server.credential.secret);
        server.credential = (struct credential){ .id = xstrdup("LTAI-sts"),
                                                 .secret = xstrdup("secret-of-sts"),
                                                 .token = xstrdup("token-of-test") };
    }
    reopen();
}
enum { WAYS = 6 };

START_TEST(objects_of_all_sizes_come_back)
{
    static const size_t sizes[] = { 1, 65536, 16 << 20, (16 << 20) + 1, (33 << 20) + 7 };
    be(_i);
    store_story_sizes(store, sizes, ARRAY_LEN(sizes));
    cleanup(free_ptr) char *uploads = bucketd_ask(&server, "uploads");
    ck_assert_str_eq(uploads, "");
}
END_TEST

START_TEST(type_and_metadata_are_kept)
{
    be(_i);
    store_story_metadata(store);
}
END_TEST

START_TEST(lists_are_complete)
{
    be(_i);
    store_story_lists(store);
}
END_TEST

START_TEST(what_is_removed_is_gone)
{
    be(_i);
    store_story_removal(store);
}
END_TEST

START_TEST(keys_of_all_kinds_are_one_object_each)
{
    be(_i);
    store_story_keys_of_all_kinds(store, false);
}
END_TEST

START_TEST(a_signed_link_is_good_for_plain_curl_and_for_nothing_else)
{
    be(_i);
    store_story_links(store);
}
END_TEST

START_TEST(an_expired_link_is_refused)
{
    be(_i);
    store_story_expiry(store);
}
END_TEST

START_TEST(a_wrong_secret_is_refused_and_the_credential_named)
{
    be(_i);
    store_story_wrong_secret(&server);
}
END_TEST

// ---- failures half way

static int put_large(void)
{
    cleanup(free_ptr) char *bytes = bucketd_bytes(LARGE, 3);
    const struct store_order order = { .key = "large.mp4",
                                       .body = { .data = bytes, .size = LARGE } };
    return store_put(store, &order, &err);
}

static bool has_large(void)
{
    cleanup(free_ptr) char *bytes = bucketd_bytes(LARGE, 3);
    return store_story_has(store, "large.mp4", bytes, LARGE);
}

START_TEST(what_the_service_asks_to_wait_is_passed_on)
{
    bucketd_fault(&server, "status PUT small 1 503 SlowDown 120");
    const struct store_order order = { .key = "small", .body = { .data = "1", .size = 1 } };
    ck_assert_int_lt(store_put(store, &order, &err), 0);
    ck_assert_uint_eq(err.retry_after, 120);
    ck_assert_uint_eq(bucketd_requests(&server, "PUT"), 1);
}
END_TEST

static const char *const small_mended[] = {
    "status PUT small 2 500 InternalError",
    "break PUT small 2 0",
    "lost PUT small 2",
    "crc PUT small 2",
    "status GET small 2 503 SlowDown",
    "break GET small 2 100000",
    "crc GET small 1", // what is wrong is thrown away and got again
    "status HEAD small 2 503 SlowDown",
    "status DELETE small 2 500 InternalError",
    "status GET list-type 2 500 InternalError",
    "lost DELETE small 1",
};

START_TEST(small_objects_survive)
{
    cleanup(free_ptr) char *bytes = bucketd_bytes(1 << 20, 4);
    cleanup(store_about_release) struct store_about about = STORE_ABOUT_INIT;
    bucketd_fault(&server, small_mended[_i]);
    store_story_put(store, "small", bytes, 1 << 20);
    ck_assert_msg(store_head(store, "small", &about, &err) == 0, "%s", err.text);
    cleanup(free_ptr) char *keys = store_story_keys(store, "small");
    ck_assert_str_eq(keys, "small");
    ck_assert(store_story_has(store, "small", bytes, 1 << 20));
    ck_assert_msg(store_remove(store, "small", &err) == 0, "%s", err.text);
}
END_TEST

START_TEST(what_does_not_become_what_the_service_has_is_thrown_away)
{
    struct folder folder;
    folder_make(&folder);
    cleanup(download_result_release) struct download_result result = DOWNLOAD_RESULT_INIT;
    const struct store_target target = {
        .key = "a", .max_bytes = 1000, .dirfd = folder.fd, .name = "a"
    };
    store_story_put(store, "a", "12345", 5);
    bucketd_fault(&server, "crc GET - 100");
    ck_assert_int_lt(store_get(store, &target, &result, &err), 0);
    ck_assert_str_eq(err.id, "damaged");
    ck_assert_int_eq(err.class, ERR_RETRY);
    cleanup(free_ptr) char *names = folder_names(&folder, ".");
    ck_assert_str_eq(names, "");
    folder_remove(&folder);
}
END_TEST

// ---- clocks

START_TEST(a_wrong_clock_of_ours_is_corrected_by_the_services)
{
    bucketd_stop(&server);
    start(_i == 0 ? "clock=7200" : "clock=-7200");
    reopen();
    cleanup(free_ptr) char *body = NULL;
    store_story_put(store, "a", "1", 1);
    ck_assert_uint_eq(bucketd_requests(&server, "PUT"), 2);
    store_story_put(store, "b", "2", 1);
    ck_assert_uint_eq(bucketd_requests(&server, "PUT"), 3); // once is enough
    ck_assert(store_story_has(store, "a", "1", 1));
    cleanup(free_ptr) char *link = NULL;
    ck_assert_int_eq(store_sign(store, "a", 60, &link, NULL), 0);
    ck_assert_int_eq(bucketd_plain("GET", link, NULL, &body), 200);
}
END_TEST

START_TEST(parts_correct_the_clock_too)
{
    bucketd_stop(&server);
    start("clock=-7200");
    reopen();
    ck_assert_msg(put_large() == 0, "%s", err.text);
    ck_assert(has_large());
}
END_TEST

START_TEST(a_clock_that_stays_wrong_is_told)
{
    bucketd_fault(&server, "status PUT - 100 403 RequestTimeTooSkewed");
    const struct store_order order = { .key = "small", .body = { .data = "1", .size = 1 } };
    ck_assert_int_lt(store_put(store, &order, &err), 0);
    ck_assert_str_eq(err.id, "clock");
    ck_assert_int_eq(err.class, ERR_SERVICE);
    ck_assert_uint_eq(bucketd_requests(&server, "PUT"), 2);
}
END_TEST

// ---- answers that are wrong

START_TEST(an_error_without_usable_words_is_told_by_its_status)
{
    bucketd_fault(&server, "status HEAD gone 1 404 Odd\nstatus HEAD refused 1 403 Odd");
    cleanup(store_about_release) struct store_about about = STORE_ABOUT_INIT;
    ck_assert_int_eq(store_head(store, "gone", &about, &err), -ENOENT);
    err_clear(&err);
    ck_assert_int_lt(store_head(store, "refused", &about, &err), 0);
    ck_assert_int_eq(err.class, ERR_DENIED);
}
END_TEST

START_TEST(a_bucket_that_is_not_there_is_the_configurations_fault)
{
    server.place.bucket = "no-such";
    reopen();
    const struct store_order order = { .key = "a", .body = { .data = "1", .size = 1 } };
    ck_assert_int_lt(store_put(store, &order, &err), 0);
    ck_assert_str_eq(err.id, "no_bucket");
    ck_assert_int_eq(err.class, ERR_CONFIG);
}
END_TEST

// The endpoint is the operator's word; where a service sends on to is not.
START_TEST(no_redirect_is_followed)
{
    bucketd_fault(&server, "status * - 100 307 TemporaryRedirect");
    struct folder folder;
    folder_make(&folder);
    cleanup(store_about_release) struct store_about about = STORE_ABOUT_INIT;
    cleanup(download_result_release) struct download_result result = DOWNLOAD_RESULT_INIT;
    const struct store_target target = {
        .key = "a", .max_bytes = 1000, .dirfd = folder.fd, .name = "a"
    };
    ck_assert_int_lt(store_head(store, "a", &about, &err), 0);
    ck_assert_str_eq(err.id, "wrong_endpoint");
    ck_assert_int_eq(err.class, ERR_CONFIG);
    err_clear(&err);
    ck_assert_int_lt(store_get(store, &target, &result, &err), 0);
    ck_assert_str_eq(err.id, "wrong_endpoint");
    err_clear(&err);
    ck_assert_msg(put_large() < 0 && strcmp(err.id, "wrong_endpoint") == 0, "%s", err.text);
    ck_assert_ptr_null(folder_get(&folder, "a"));
    folder_remove(&folder);
}
END_TEST

START_TEST(a_service_that_is_away_is_told_after_its_tries)
{
    struct bucketd other;
    static char endpoint[64];
    bucketd_start(&other, STORE_OSS, NULL);
    (void)snprintf(endpoint, sizeof endpoint, "%s", other.endpoint);
    bucketd_stop(&other); // its port is free again
    server.place.endpoint = endpoint;
    reopen();
    const struct store_order order = { .key = "a", .body = { .data = "1", .size = 1 } };
    ck_assert_int_lt(store_put(store, &order, &err), 0);
    ck_assert_str_eq(err.id, "storage_away");
    ck_assert_int_eq(err.class, ERR_SERVICE);
}
END_TEST

// ---- turns

static unsigned entered, left;
static enum err_class last_class;
static bool refuses;

static int enter(void *context, struct err *ret)
{
    ck_assert_ptr_eq(context, &server);
    if (refuses)
        return err_set(ret, ERR_SERVICE, "service_away", "it rests");
    entered++;
    return 0;
}

static void leave(void *context, const struct err *outcome)
{
    ck_assert_ptr_eq(context, &server);
    left++;
    last_class = outcome->class;
}

START_TEST(every_exchange_has_its_turn)
{
    server.place.turn = (struct store_turn){ enter, leave, &server };
    entered = left = 0;
    refuses = false;
    reopen();
    store_story_put(store, "a", "1", 1);
    ck_assert_uint_eq(entered, 1);
    ck_assert_int_eq(last_class, ERR_NONE);
    ck_assert(store_story_has(store, "a", "1", 1));
    ck_assert_uint_eq(entered, 2);
    ck_assert_msg(put_large() == 0, "%s", err.text);
    ck_assert_uint_eq(entered, 5); // the beginning, all parts, the end
    bucketd_fault(&server, "status DELETE - 100 500 InternalError");
    ck_assert_int_lt(store_remove(store, "a", &err), 0);
    ck_assert_int_eq(last_class, ERR_SERVICE);
    ck_assert_uint_eq(entered, 8);
    ck_assert_uint_eq(left, entered);
    refuses = true;
    err_clear(&err);
    ck_assert_int_lt(store_remove(store, "a", &err), 0);
    ck_assert_str_eq(err.id, "service_away");
    ck_assert_uint_eq(bucketd_requests(&server, "DELETE"), 3);
    ck_assert_uint_eq(left, entered);
}
END_TEST

// A gate that lets `turns` in and then nobody.
static unsigned turns;
static const char *turned_away; // the id of what it says then

static int enter_while_open(void *context, struct err *ret)
{
    (void)context;
    if (entered < turns) {
        entered++;
        return 0;
    }
    (void)err_set(ret, ERR_SERVICE, turned_away, "it rests");
    ret->retry_after = 40;
    return ret->code;
}

static const struct {
    const char *fault; // that the first turns meet
    unsigned turns;
    bool is_large;
    const char *turned_away, *id;
    unsigned retry_after;
} closing[] = {
    { "status PUT - 100 500 InternalError", 1, false, "service_away", "storage_away", 40 },
    { "status PUT - 100 500 InternalError", 2, false, "service_away", "storage_away", 40 },
    { "status PUT - 100 500 InternalError", 1, false, "no_turn", "storage_away", 40 },
    { "status PUT - 100 503 SlowDown 7", 1, false, "service_away", "storage_away", 40 },
    { "status PUT - 100 503 SlowDown 90", 1, false, "service_away", "storage_away", 90 },
    { "status PUT - 100 500 InternalError", 0, false, "service_away", "service_away", 40 },
    { "crc PUT - 100", 1, false, "service_away", "damaged", 40 },
    // The beginning and the parts had their turns, and an end that says with 200 that it failed.
    { "body POST uploadId= 100 <Error><Code>InternalError</Code></Error>", 3, true, "service_away",
      "storage_away", 40 },
};

START_TEST(a_gate_that_closes_between_two_tries_does_not_hide_what_the_first_found)
{
    const struct store_order order = { .key = "a", .body = { .data = "1", .size = 1 } };
    server.place.turn = (struct store_turn){ enter_while_open, leave, &server };
    entered = left = 0;
    turns = closing[_i].turns;
    turned_away = closing[_i].turned_away;
    reopen();
    bucketd_fault(&server, closing[_i].fault);
    ck_assert_int_lt(closing[_i].is_large ? put_large() : store_put(store, &order, &err), 0);
    ck_assert_str_eq(err.id, closing[_i].id);
    ck_assert_uint_eq(err.retry_after, closing[_i].retry_after);
    ck_assert_uint_eq(left, turns);
}
END_TEST

static TCase *verbs(void)
{
    TCase *tcase = tcase_create("verbs");
    tcase_add_loop_test(tcase, objects_of_all_sizes_come_back, 0, WAYS);
    tcase_add_loop_test(tcase, type_and_metadata_are_kept, 0, WAYS);
    tcase_add_loop_test(tcase, lists_are_complete, 0, 2);
    tcase_add_loop_test(tcase, what_is_removed_is_gone, 0, WAYS);
    tcase_add_loop_test(tcase, keys_of_all_kinds_are_one_object_each, 0, WAYS);
    tcase_add_loop_test(tcase, a_signed_link_is_good_for_plain_curl_and_for_nothing_else, 0, WAYS);
    tcase_add_loop_test(tcase, an_expired_link_is_refused, 0, 2);
    tcase_add_loop_test(tcase, a_wrong_secret_is_refused_and_the_credential_named, 0, 2);
    tcase_add_test(tcase, every_exchange_has_its_turn);
    tcase_add_loop_test(tcase,
                        a_gate_that_closes_between_two_tries_does_not_hide_what_the_first_found, 0,
                        (int)ARRAY_LEN(closing));
    return tcase;
}

static TCase *failures(void)
{
    TCase *tcase = tcase_create("failures");
    tcase_add_test(tcase, what_the_service_asks_to_wait_is_passed_on);
    tcase_add_loop_test(tcase, small_objects_survive, 0, (int)ARRAY_LEN(small_mended));
    tcase_add_test(tcase, what_does_not_become_what_the_service_has_is_thrown_away);
    tcase_add_loop_test(tcase, a_wrong_clock_of_ours_is_corrected_by_the_services, 0, 2);
    tcase_add_test(tcase, parts_correct_the_clock_too);
    tcase_add_test(tcase, a_clock_that_stays_wrong_is_told);
    tcase_add_test(tcase, an_error_without_usable_words_is_told_by_its_status);
    tcase_add_test(tcase, a_bucket_that_is_not_there_is_the_configurations_fault);
    tcase_add_test(tcase, no_redirect_is_followed);
    tcase_add_test(tcase, a_service_that_is_away_is_told_after_its_tries);
    return tcase;
}

int main(void)
{
    Suite *suite = suite_create("store_oss");
    TCase *tcases[] = { verbs(), failures() };
    for (size_t i = 0; i < ARRAY_LEN(tcases); i++) {
        tcase_set_timeout(tcases[i], 120);
        tcase_add_checked_fixture(tcases[i], set_up, tear_down);
        suite_add_tcase(suite, tcases[i]);
    }
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
