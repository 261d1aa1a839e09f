// A bucket without its service: where its address leads, what of a configuration is refused before
// anything is sent.
#include "store/store.h"

#include <check.h>

static struct err err;
static struct credential credential;
static struct store_place place;

static void set_up(void)
{
    err = (struct err)ERR_INIT;
    static char id[] = "AKIDEXAMPLE", secret[] = "very-secret";
    credential = (struct credential){ .id = id, .secret = secret };
    place = (struct store_place){ .kind = STORE_OSS,
                                  .name = "far",
                                  .bucket = "reels",
                                  .endpoint = "https://oss-cn-hangzhou.aliyuncs.com",
                                  .region = "cn-hangzhou",
                                  .credential = &credential,
                                  .credential_name = "far-keys" };
}

static int open_place(struct store **ret_store, int stop_fd)
{
    const struct http_rules rules = { .stop_fd = stop_fd };
    return store_open(&place, &rules, ret_store, &err);
}

static const struct {
    enum store_kind kind;
    enum store_style style;
    bool v1;
    const char *bucket, *endpoint, *region, *begin, *has;
} addresses[] = {
    { STORE_OSS, STORE_STYLE_AUTO, false, "reels", "https://oss-cn-hangzhou.aliyuncs.com",
      "cn-hangzhou", "https://reels.oss-cn-hangzhou.aliyuncs.com/a%20b?", "OSS4-HMAC-SHA256" },
    { STORE_OSS, STORE_STYLE_AUTO, false, "reels", "oss-cn-hangzhou.aliyuncs.com/",
      "oss-cn-hangzhou", "https://reels.oss-cn-hangzhou.aliyuncs.com/a%20b?", "%2Fcn-hangzhou%2F" },
    { STORE_OSS, STORE_STYLE_AUTO, true, "reels", "https://oss-cn-hangzhou.aliyuncs.com", NULL,
      "https://reels.oss-cn-hangzhou.aliyuncs.com/a%20b?", "OSSAccessKeyId=AKIDEXAMPLE" },
    { STORE_OSS, STORE_STYLE_AUTO, false, "reels", "http://10.1.2.3:9000", "cn-x",
      "http://10.1.2.3:9000/reels/a%20b?", "x-oss-signature=" },
    { STORE_OSS, STORE_STYLE_PATH, false, "reels", "https://example.org", "cn-x",
      "https://example.org/reels/a%20b?", "x-oss-signature=" },
    { STORE_OSS, STORE_STYLE_OWN, false, "reels", "https://media.example.org", "cn-x",
      "https://media.example.org/a%20b?", "x-oss-signature=" },
    { STORE_S3, STORE_STYLE_AUTO, false, "reels", "https://s3.eu-west-1.amazonaws.com", "eu-west-1",
      "https://reels.s3.eu-west-1.amazonaws.com/a%20b?", "%2Feu-west-1%2Fs3%2F" },
    { STORE_S3, STORE_STYLE_AUTO, false, "re.els", "https://s3.eu-west-1.amazonaws.com",
      "eu-west-1", "https://s3.eu-west-1.amazonaws.com/re.els/a%20b?", "X-Amz-Signature=" },
    { STORE_S3, STORE_STYLE_AUTO, false, "reels", "https://s3.oss-cn-hangzhou.aliyuncs.com",
      "cn-hangzhou", "https://reels.s3.oss-cn-hangzhou.aliyuncs.com/a%20b?", "X-Amz-Signature=" },
    { STORE_S3, STORE_STYLE_AUTO, false, "reels", "https://minio.example.org:9000", NULL,
      "https://minio.example.org:9000/reels/a%20b?", "%2Fus-east-1%2Fs3%2F" },
    { STORE_S3, STORE_STYLE_AUTO, false, "reels", "http://[::1]:9000", NULL,
      "http://[::1]:9000/reels/a%20b?", "X-Amz-Signature=" },
    { STORE_S3, STORE_STYLE_HOST, false, "reels", "https://storage.example.org", "eu",
      "https://reels.storage.example.org/a%20b?", "X-Amz-Signature=" },
};

START_TEST(an_address_is_that_of_the_service)
{
    struct store *store = NULL;
    char *link = NULL;
    place.kind = addresses[_i].kind;
    place.style = addresses[_i].style;
    place.signs_v1 = addresses[_i].v1;
    place.bucket = addresses[_i].bucket;
    place.endpoint = addresses[_i].endpoint;
    place.region = addresses[_i].region;
    ck_assert_msg(open_place(&store, 0) == 0, "%s", err.text);
    ck_assert_int_eq(store_sign(store, "a b", 600, &link, &err), 0);
    ck_assert_msg(strncmp(link, addresses[_i].begin, strlen(addresses[_i].begin)) == 0, "%s", link);
    ck_assert_msg(strstr(link, addresses[_i].has) != NULL, "%s", link);
    ck_assert_ptr_null(strstr(link, "very-secret"));
    secret_free(&link);
    store_close(&store);
}
END_TEST

static const struct {
    const char *bucket, *endpoint, *region, *secret, *id;
} wrong[] = {
    { "No Bucket", "https://a.org", "cn-x", "s", "bad_bucket" },
    { "reels", "ftp://a.org", "cn-x", "s", "bad_endpoint" },
    { "reels", "", "cn-x", "s", "bad_endpoint" },
    { "reels", NULL, "cn-x", "s", "bad_endpoint" },
    { "reels", "https://user:password@a.org", "cn-x", "s", "bad_endpoint" },
    { "reels", "https://a.org/path", "cn-x", "s", "bad_endpoint" },
    { "reels", "https://a.org", NULL, "s", "bad_region" },
    { "reels", "https://a.org", "Not/One", "s", "bad_region" },
    { "reels", "https://a.org", "cn-x", "", "bad_credential" },
};

START_TEST(what_cannot_be_shows_before_anything_is_sent)
{
    struct store *store = NULL;
    place.bucket = wrong[_i].bucket;
    place.endpoint = wrong[_i].endpoint;
    place.region = wrong[_i].region;
    credential.secret = (char *)(uintptr_t)wrong[_i].secret;
    ck_assert_int_lt(open_place(&store, 0), 0);
    ck_assert_msg(strcmp(err.id, wrong[_i].id) == 0, "%s: %s", err.id, err.text);
    ck_assert_int_eq(err.class, ERR_CONFIG);
    ck_assert_msg(strncmp(err.text, "storage far: ", 13) == 0, "%s", err.text);
    ck_assert_ptr_null(strstr(err.text, "password"));
    ck_assert_ptr_null(store);
}
END_TEST

START_TEST(a_store_that_is_to_stop_does_not_begin)
{
    int stop[2];
    struct store *store = NULL;
    cleanup(store_about_release) struct store_about about = STORE_ABOUT_INIT;
    ck_assert_int_eq(pipe(stop), 0);
    ck_assert_int_eq(write(stop[1], "x", 1), 1);
    place.endpoint = "http://127.0.0.1:9";
    ck_assert_int_eq(open_place(&store, stop[0]), 0);
    ck_assert_int_lt(store_head(store, "any", &about, &err), 0);
    ck_assert_str_eq(err.id, "stopped");
    store_close(&store);
    close(stop[0]), close(stop[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_bucket");
    TCase *tcase = tcase_create("store_bucket");
    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_loop_test(tcase, an_address_is_that_of_the_service, 0, (int)ARRAY_LEN(addresses));
    tcase_add_loop_test(tcase, what_cannot_be_shows_before_anything_is_sent, 0,
                        (int)ARRAY_LEN(wrong));
    tcase_add_test(tcase, a_store_that_is_to_stop_does_not_begin);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
