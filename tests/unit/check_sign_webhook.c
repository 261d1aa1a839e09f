// Standard Webhooks signatures: expected values made with npm standardwebhooks 1.1.1.
#include "net/sign_webhook.h"
#include <check.h>

#define SECRET "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

static char *sign(const char *secret, const char *id, const char *body, struct err *err)
{
    char *signature = NULL;
    struct sign_webhook message = {
        .id = id, .timestamp = 1763195400, .body = body, .size = strlen(body)
    };
    int r = sign_webhook(secret, &message, &signature, err);
    ck_assert((r == 0) == (signature != NULL));
    return signature;
}

START_TEST(a_signature_is_that_of_the_standard)
{
    static const struct {
        const char *secret, *id, *body, *signature;
    } rows[] = {
        { SECRET, "msg_2fakeIDexample0001",
          "{\"type\":\"job.succeeded\",\"timestamp\":\"2025-11-15T08:30:00Z\",\"data\":{\"id\":"
          "\"job_1\"}}",
          "v1,t0HjoxCGBe67mLMCMz1RukHDIjPe3gMCKz6YhBldp4Y=" },
        { "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", "evt_utf8",
          "{\"t\":\"\xE5\x89\x8D\xE9\x97\xA8\"}",
          "v1,WEICWZgJC/+zAt3+jg3LObCxTi6BpN9H8FSJ1AyT7XQ=" },
        { SECRET, "msg_empty", "", "v1,ZmU9PCfeu5YUDzl1sAnGUBip9NgT4hCjQcEvZuHvrpY=" },
        { &SECRET[6], "msg_empty", "", "v1,ZmU9PCfeu5YUDzl1sAnGUBip9NgT4hCjQcEvZuHvrpY=" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        cleanup(free_ptr) char *made = sign(rows[i].secret, rows[i].id, rows[i].body, NULL);
        ck_assert_str_eq(made, rows[i].signature);
    }
}
END_TEST

START_TEST(a_secret_that_cannot_be_is_refused_without_being_told)
{
    static const char *const wrong[] = {
        "",
        "whsec_",
        "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY=",
        "whsec_not base64 at all!",
        "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY",
        "sk-MDEyMzQ1Njc4OWFiY2Rl",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct err err = ERR_INIT;
        ck_assert_ptr_null(sign(wrong[i], "msg_1", "{}", &err));
        ck_assert_str_eq(err.id, "bad_webhook_secret");
        ck_assert_int_eq(err.class, ERR_CONFIG);
        ck_assert_ptr_null(strstr(err.text, "MDEy"));
        ck_assert_ptr_null(strstr(err.hint, "MDEy"));
    }
}
END_TEST

// A dot would let id and body run into each other: two messages of one signature.
START_TEST(an_id_that_could_mean_two_messages_is_refused)
{
    static const char *const wrong[] = { "", "a.b", "a b", "a\n", "\xC3\xA4" };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct err err = ERR_INIT;
        ck_assert_ptr_null(sign(SECRET, wrong[i], "{}", &err));
        ck_assert_str_eq(err.id, "bad_request");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sign_webhook");
    TCase *tcase = tcase_create("sign_webhook");
    tcase_add_test(tcase, a_signature_is_that_of_the_standard);
    tcase_add_test(tcase, a_secret_that_cannot_be_is_refused_without_being_told);
    tcase_add_test(tcase, an_id_that_could_mean_two_messages_is_refused);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
