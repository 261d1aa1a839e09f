// Where a video elsewhere is: the one form of every address, and what is refused.
#include "base/text.h"
#include "spool/remote.h"
#include <check.h>

static struct remote remote;
static struct err err;

static void set_up(void)
{
    remote = (struct remote)REMOTE_INIT;
    err = (struct err)ERR_INIT;
}

static void tear_down(void)
{
    remote_release(&remote);
}

static const struct {
    const char *text, *url;
} links[] = {
    { "https://example.org/a.mp4", "https://example.org/a.mp4" },
    { "HTTP://Example.ORG", "http://example.org/" },
    { "https://example.org:443/a", "https://example.org/a" },
    { "http://example.org:80/a", "http://example.org/a" },
    { "http://example.org:443/a", "http://example.org:443/a" },
    { "https://example.org:8443?x=1", "https://example.org:8443/?x=1" },
    { "https://example.org./a", "https://example.org/a" },
    { "https://example.org/a#t=10", "https://example.org/a" },
    { "https://example.org#a@b", "https://example.org/" },
    { "https://example.org/a?u=me@b#c", "https://example.org/a?u=me@b" },
    { "https://example.org/@user/a.mp4", "https://example.org/@user/a.mp4" },
    { "https://[2001:DB8::1]:8080/a", "https://[2001:db8::1]:8080/a" },
    { "https://example.org/\xE5\x89\x8D.mp4", "https://example.org/%E5%89%8D.mp4" },
    { "https://example.org/%E5%89%8d?a=%20&b", "https://example.org/%E5%89%8d?a=%20&b" },
    { "https://example.org/a\"<b>|{c}^`", "https://example.org/a%22%3Cb%3E%7C%7Bc%7D%5E%60" },
    { "https://example.org/a/../b//c", "https://example.org/a/../b//c" },
    { "https://10.0.0.1/a", "https://10.0.0.1/a" }, // whether it may be asked is the fetcher's
    { "https://xn--fiq228c.example/a", "https://xn--fiq228c.example/a" },
};

START_TEST(a_link_has_one_form)
{
    ck_assert_msg(remote_from_link(links[_i].text, &remote, &err) == 0, "%s", err.text);
    ck_assert_int_eq(remote.kind, REMOTE_URL);
    ck_assert_str_eq(remote.url, links[_i].url);
    ck_assert_ptr_null(remote.bucket);
    // It is its own form.
    struct remote again = REMOTE_INIT;
    ck_assert_int_eq(remote_from_link(remote.url, &again, &err), 0);
    ck_assert_str_eq(again.url, remote.url);
    remote_release(&again);
}
END_TEST

static const struct {
    const char *text, *told;
} bad_links[] = {
    { "", "is empty" },
    { "example.org/a.mp4", "is not a link" },
    { "//example.org/a.mp4", "is not a link" },
    { "https:/example.org", "is not a link" },
    { "https:example.org", "is not a link" },
    { "ftp://example.org/a", "neither http nor https" },
    { "file:///etc/passwd", "neither http nor https" },
    { "file:/etc/passwd", "neither http nor https" },
    { "data:video/mp4;base64,AAAA", "neither http nor https" },
    { "javascript:alert(1)", "neither http nor https" },
    { "gopher://127.0.0.1:25/_x", "neither http nor https" },
    { "oss://bucket/key", "is an object" },
    { "s3://bucket/key", "is an object" },
    { "https://", "host" },
    { "https:///a", "host" },
    { "https://:80/a", "host" },
    { "https://.example.org", "host" },
    { "https://a..b/", "host" },
    { "https://a../", "host" },
    { "https://.", "host" },
    { "https://[::1", "port" },
    { "https://[::1]x/", "host" },
    { "https://[fe80::1%25eth0]/", "host" },
    { "https://[]/", "host" },
    { "https://ex%61mple.org/", "host" },
    { "https://example.org%00.evil/", "host" },
    { "https://\xE5\x89\x8D.example/", "host" },
    { "https://exa\xE2\x80\xAEmple.org/", "host" },
    { "https://example.org,evil/", "host" },
    { "https://example.org:/a", "port" },
    { "https://example.org:0/", "port" },
    { "https://example.org:65536/", "port" },
    { "https://example.org:8o/", "port" },
    { "https://example.org:-1/", "port" },
    { "https://example.org:80:80/", "port" },
    { "https://me:hunter2@example.org/", "user name or password" },
    { "https://hunter2@example.org/", "user name or password" },
    { "https://good.example@evil.example/", "user name or password" },
    { "https://good.example:80@evil.example", "user name or password" },
    { "https://good.example\\@evil.example/", "backslash" },
    { "https:\\\\example.org", "backslash" },
    { "https://example.org/a b", "blank" },
    { "https://example.org/a https://example.org/b", "blank" },
    { "https://example.org/a\tb", "blank" },
    { "https://example.org/\x01", "control" },
    { "https://example.org/\x7F", "control" },
    { "https://example.org/\r\nHost: evil", "control" },
    { "https://example.org/\xFF", "UTF-8" },
};

START_TEST(what_is_no_good_link_is_refused_with_a_remedy)
{
    ck_assert_msg(remote_from_link(bad_links[_i].text, &remote, &err) < 0, "%s",
                  bad_links[_i].text);
    ck_assert_int_eq(err.class, ERR_INPUT);
    ck_assert_str_eq(err.id, "bad_link");
    ck_assert_msg(strstr(err.text, bad_links[_i].told) != NULL, "%s: %s", bad_links[_i].text,
                  err.text);
    ck_assert_uint_gt(strlen(err.hint), 0);
    ck_assert_ptr_null(strstr(err.text, "hunter2"));
    ck_assert_ptr_null(strstr(err.hint, "hunter2"));
}
END_TEST

START_TEST(a_link_has_an_end)
{
    cleanup(free_ptr) char *text = xcalloc(REMOTE_MAX_BYTES + 2, 1);
    memset(text, 'a', REMOTE_MAX_BYTES + 1);
    memcpy(text, "https://example.org/", 20);
    ck_assert_int_lt(remote_from_link(text, &remote, &err), 0);
    text[REMOTE_MAX_BYTES] = 0;
    ck_assert_int_eq(remote_from_link(text, &remote, NULL), 0);
}
END_TEST

static const struct {
    const char *text;
    enum remote_kind kind;
    const char *bucket, *key, *endpoint, *region;
    bool path_style;
} objects[] = {
    { "oss://bucket/a/b.mp4", REMOTE_OSS, "bucket", "a/b.mp4", NULL, NULL, false },
    { "OSS://bucket/a b%20c?d#e", REMOTE_OSS, "bucket", "a b%20c?d#e", NULL, NULL, false },
    { "s3://my.bucket/k", REMOTE_S3, "my.bucket", "k", NULL, NULL, false },
    { "s3://bucket//k", REMOTE_S3, "bucket", "/k", NULL, NULL, false },
    { "oss://bucket/../../etc/passwd", REMOTE_OSS, "bucket", "../../etc/passwd", NULL, NULL,
      false },
    { "https://bucket.oss-cn-hangzhou.aliyuncs.com/a/%E5%89%8D%20b.mp4", REMOTE_OSS, "bucket",
      "a/\xE5\x89\x8D b.mp4", "https://oss-cn-hangzhou.aliyuncs.com", "cn-hangzhou", false },
    { "http://Bucket.OSS-cn-hangzhou-internal.aliyuncs.com/k", REMOTE_OSS, "bucket", "k",
      "http://oss-cn-hangzhou-internal.aliyuncs.com", "cn-hangzhou", false },
    { "https://bucket.oss-accelerate.aliyuncs.com/k", REMOTE_OSS, "bucket", "k",
      "https://oss-accelerate.aliyuncs.com", NULL, false },
    { "https://bucket.oss-accelerate-overseas.aliyuncs.com/k", REMOTE_OSS, "bucket", "k",
      "https://oss-accelerate-overseas.aliyuncs.com", NULL, false },
    { "https://bucket.cn-hangzhou.oss.aliyuncs.com/k", REMOTE_OSS, "bucket", "k",
      "https://cn-hangzhou.oss.aliyuncs.com", "cn-hangzhou", false },
    { "https://oss-cn-hangzhou.aliyuncs.com/bucket/a/k", REMOTE_OSS, "bucket", "a/k",
      "https://oss-cn-hangzhou.aliyuncs.com", "cn-hangzhou", true },
    { "https://bucket.s3.oss-cn-hangzhou.aliyuncs.com/k", REMOTE_S3, "bucket", "k",
      "https://s3.oss-cn-hangzhou.aliyuncs.com", "cn-hangzhou", false },
    { "https://bucket.s3.eu-central-1.amazonaws.com/k", REMOTE_S3, "bucket", "k",
      "https://s3.eu-central-1.amazonaws.com", "eu-central-1", false },
    { "https://my.bucket.s3.dualstack.eu-west-1.amazonaws.com/k", REMOTE_S3, "my.bucket", "k",
      "https://s3.dualstack.eu-west-1.amazonaws.com", "eu-west-1", false },
    { "https://bucket.s3.amazonaws.com/k", REMOTE_S3, "bucket", "k", "https://s3.amazonaws.com",
      "us-east-1", false },
    { "https://bucket.s3-us-west-2.amazonaws.com/k", REMOTE_S3, "bucket", "k",
      "https://s3-us-west-2.amazonaws.com", "us-west-2", false },
    { "https://bucket.s3-accelerate.amazonaws.com/k", REMOTE_S3, "bucket", "k",
      "https://s3-accelerate.amazonaws.com", NULL, false },
    { "https://bucket.s3.cn-north-1.amazonaws.com.cn/k", REMOTE_S3, "bucket", "k",
      "https://s3.cn-north-1.amazonaws.com.cn", "cn-north-1", false },
    { "https://s3.eu-central-1.amazonaws.com/bucket/k", REMOTE_S3, "bucket", "k",
      "https://s3.eu-central-1.amazonaws.com", "eu-central-1", true },
    { "http://127.0.0.1:9000/bucket/a/b+c.mp4", REMOTE_S3, "bucket", "a/b+c.mp4",
      "http://127.0.0.1:9000", NULL, true },
    { "https://minio.example.org/bucket/%3F%23", REMOTE_S3, "bucket", "?#",
      "https://minio.example.org", NULL, true },
    { "https://bucket.oss-cn-hangzhou.aliyuncs.com.evil.example/bucket/k", REMOTE_S3, "bucket", "k",
      "https://bucket.oss-cn-hangzhou.aliyuncs.com.evil.example", NULL, true },
    { "https://evilaliyuncs.com/bucket/k", REMOTE_S3, "bucket", "k", "https://evilaliyuncs.com",
      NULL, true },
};

static void check_text(const char *is, const char *should_be)
{
    ck_assert((is == NULL) == (should_be == NULL));
    if (is != NULL)
        ck_assert_str_eq(is, should_be);
}

START_TEST(an_object_is_found_in_each_of_its_addresses)
{
    ck_assert_msg(remote_from_object(objects[_i].text, &remote, &err) == 0, "%s: %s",
                  objects[_i].text, err.text);
    ck_assert_int_eq(remote.kind, objects[_i].kind);
    check_text(remote.url, NULL);
    check_text(remote.bucket, objects[_i].bucket);
    check_text(remote.key, objects[_i].key);
    check_text(remote.endpoint, objects[_i].endpoint);
    check_text(remote.region, objects[_i].region);
    ck_assert_int_eq(remote.path_style, objects[_i].path_style);
}
END_TEST

static const struct {
    const char *text, *told;
} bad_objects[] = {
    { "", "is empty" },
    { "bucket/key", "is not a link" },
    { "ftp://bucket/key", "neither http nor https" },
    { "oss://", "names no object" },
    { "oss://bucket", "names no object" },
    { "oss://bucket/", "names no object" },
    { "oss:///key", "bucket" },
    { "oss://ab/key", "bucket" },
    { "oss://Bucket/key", "bucket" },
    { "oss://id:secret@bucket/key", "bucket" },
    { "oss://bucket:80/key", "bucket" },
    { "oss://bucket//key", "two slashes" },
    { "oss://bucket/folder/", "folder" },
    { "oss://bucket/a\x01", "control" },
    { "oss://bucket/a\xFF", "UTF-8" },
    { "https://bucket.oss-cn-hangzhou.aliyuncs.com/", "names no object" },
    { "https://bucket.oss-cn-hangzhou.aliyuncs.com/k?Signature=x", "more behind" },
    { "https://bucket.oss-cn-hangzhou.aliyuncs.com/k#x", "more behind" },
    { "https://bucket.oss-cn-hangzhou.aliyuncs.com/%0A", "control" },
    { "https://bucket.oss-cn-hangzhou.aliyuncs.com/%00", "escapes" },
    { "https://bucket.oss-cn-hangzhou.aliyuncs.com/%zz", "escapes" },
    { "https://bucket.oss-cn-hangzhou.aliyuncs.com/%ff", "UTF-8" },
    { "https://bucket.oss-cn-hangzhou.aliyuncs.com//k", "two slashes" },
    { "https://a.b.c_.oss-cn-hangzhou.aliyuncs.com/k", "bucket" },
    { "https://bucket.oss-.aliyuncs.com/k", "object store" },
    { "https://dashscope.aliyuncs.com/bucket/k", "object store" },
    { "https://ec2.eu-west-1.amazonaws.com/bucket/k", "object store" },
    { "https://id:hunter2@bucket.oss-cn-hangzhou.aliyuncs.com/k", "user name or password" },
    { "http://127.0.0.1:9000/bucket", "names no object" },
    { "http://127.0.0.1:9000/k", "bucket" },
    { "http://127.0.0.1:9000/", "bucket" },
};

START_TEST(what_is_no_object_is_refused_with_a_remedy)
{
    ck_assert_msg(remote_from_object(bad_objects[_i].text, &remote, &err) < 0, "%s",
                  bad_objects[_i].text);
    ck_assert_str_eq(err.id, "bad_link");
    ck_assert_msg(strstr(err.text, bad_objects[_i].told) != NULL, "%s: %s", bad_objects[_i].text,
                  err.text);
    ck_assert_uint_gt(strlen(err.hint), 0);
    ck_assert_ptr_null(strstr(err.text, "hunter2"));
    ck_assert_ptr_null(remote.bucket);
}
END_TEST

START_TEST(a_key_has_an_end)
{
    char key[REMOTE_MAX_KEY_BYTES + 2];
    memset(key, 'k', sizeof key);
    key[REMOTE_MAX_KEY_BYTES + 1] = 0;
    ck_assert_int_lt(remote_check_key(key, &err), 0);
    key[REMOTE_MAX_KEY_BYTES] = 0;
    ck_assert_int_eq(remote_check_key(key, NULL), 0);
    ck_assert_int_lt(remote_check_key("", NULL), 0);
}
END_TEST

START_TEST(an_endpoint_has_one_form)
{
    static const struct {
        const char *text, *endpoint;
    } rows[] = {
        { "oss-cn-hangzhou.aliyuncs.com", "https://oss-cn-hangzhou.aliyuncs.com" },
        { "HTTPS://S.example.org:443/", "https://s.example.org" },
        { "http://127.0.0.1:9000", "http://127.0.0.1:9000" },
        { "[::1]:9000", "https://[::1]:9000" },
        { "", NULL },
        { "https://a/b", NULL },
        { "https://a/?", NULL },
        { "a#b", NULL },
        { "a#", NULL },
        { "u@a", NULL },
        { "ftp://a", NULL },
        { "a b", NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        cleanup(free_ptr) char *endpoint = remote_endpoint(rows[i].text, NULL);
        check_text(endpoint, rows[i].endpoint);
    }
}
END_TEST

START_TEST(a_number_is_told_from_a_name)
{
    static const struct {
        const char *endpoint;
        bool numeric;
    } rows[] = {
        { "http://127.0.0.1:9000", true },   { "https://10.0.0.1", true },
        { "https://[::1]", true },           { "https://1.example.org", false },
        { "https://example.org:80", false }, { "https://123.abc", false },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        ck_assert_int_eq(remote_is_numeric(rows[i].endpoint), rows[i].numeric);
}
END_TEST

START_TEST(what_is_shown_holds_no_permission_and_stays_on_its_line)
{
    static const struct {
        const char *text, *shown;
    } rows[] = {
        { "https://example.org/a?token=hunter2", "https://example.org/a" },
        { "https://example.org/folder/beach.mp4?k=1", "https://example.org/.../beach.mp4" },
        { "https://example.org/s/a1b2c3d4e5f6g7h8i9/beach.mp4",
          "https://example.org/.../beach.mp4" },
        { "https://example.org/file/d/a1b2c3d4e5f6g7h8i9", "https://example.org/..." },
        { "https://example.org/a1b2c3d4e5f6g7h8i9?x", "https://example.org/..." },
        { "https://example.org/a1b2c3d4e5f6g7h8i9/view", "https://example.org/.../view" },
        { "https://example.org/a1b2c3d4.e5f6g7h8i9", "https://example.org/..." },
        { "https://example.org:8443/folder/", "https://example.org:8443/.../" },
        { "https://example.org", "https://example.org/" },
        { "oss://bucket/a\xE2\x80\xAE\x62", "oss://bucket/a\\xE2\\x80\\xAE"
                                            "b" },
        { "s3://bucket/k?x", "s3://bucket/k?x" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int r = rows[i].text[0] == 'h' ? remote_from_link(rows[i].text, &remote, &err)
                                       : remote_from_object(rows[i].text, &remote, &err);
        ck_assert_int_eq(r, 0);
        cleanup(free_ptr) char *shown = remote_show(&remote);
        ck_assert_str_eq(shown, rows[i].shown);
        remote_release(&remote);
    }
}
END_TEST

START_TEST(of_an_address_whose_path_is_a_key_the_host_is_shown)
{
    static const char *const rows[][2] = {
        { "https://hooks.example.org/T0/secret", "https://hooks.example.org" },
        { "http://127.0.0.1:8080?secret", "http://127.0.0.1:8080" },
        { "https://[2001:db8::1]:8443/", "https://[2001:db8::1]:8443" },
        { "https://example.org", "https://example.org" },
        { "no address/secret", "no address" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        cleanup(free_ptr) char *shown = remote_show_host(rows[i][0]);
        ck_assert_str_eq(shown, rows[i][1]);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("remote");
    TCase *tcase = tcase_create("remote");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, a_link_has_one_form, 0, (int)ARRAY_LEN(links));
    tcase_add_loop_test(tcase, what_is_no_good_link_is_refused_with_a_remedy, 0,
                        (int)ARRAY_LEN(bad_links));
    tcase_add_test(tcase, a_link_has_an_end);
    tcase_add_loop_test(tcase, an_object_is_found_in_each_of_its_addresses, 0,
                        (int)ARRAY_LEN(objects));
    tcase_add_loop_test(tcase, what_is_no_object_is_refused_with_a_remedy, 0,
                        (int)ARRAY_LEN(bad_objects));
    tcase_add_test(tcase, a_key_has_an_end);
    tcase_add_test(tcase, an_endpoint_has_one_form);
    tcase_add_test(tcase, a_number_is_told_from_a_name);
    tcase_add_test(tcase, what_is_shown_holds_no_permission_and_stays_on_its_line);
    tcase_add_test(tcase, of_an_address_whose_path_is_a_key_the_host_is_shown);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
