// Buckets of the configuration: which one an object is in, and what follows from what is said.
#include "base/text.h"
#include "spool/bucket.h"
#include <check.h>

static char oss[] = "oss-main", oss_other[] = "oss-other", minio[] = "minio", disk[] = "disk";
static char media[] = "media", films[] = "films", path[] = "/srv/films";
static char hangzhou[] = "oss-cn-hangzhou.aliyuncs.com", own[] = "http://127.0.0.1:9000";
static char named[] = "minio.example.org", amazon[] = "https://s3.eu-west-1.amazonaws.com";
static char fast[] = "oss-accelerate.aliyuncs.com", beijing[] = "cn-beijing", keys[] = "keys";
static char amazon_name[] = "aws", accelerated[] = "fast";

static struct bucket items[] = {
    { .name = disk, .type = BUCKET_FOLDER, .path = path },
    { .name = oss, .type = BUCKET_OSS, .bucket = media, .endpoint = hangzhou, .credential = keys },
    { .name = oss_other,
      .type = BUCKET_OSS,
      .bucket = media,
      .endpoint = hangzhou,
      .credential = keys },
    { .name = minio, .type = BUCKET_S3, .bucket = media, .endpoint = own, .credential = keys },
    { .name = amazon_name,
      .type = BUCKET_S3,
      .bucket = films,
      .endpoint = amazon,
      .credential = keys },
    { .name = accelerated,
      .type = BUCKET_OSS,
      .bucket = films,
      .endpoint = fast,
      .region = beijing,
      .credential = keys },
};
static const struct bucket_list list = { items, ARRAY_LEN(items) };

START_TEST(the_buckets_of_this_test_have_nothing_wrong)
{
    struct config_report report = CONFIG_REPORT_INIT;
    bucket_check("file", &list, &report);
    ck_assert_msg(report.count == 0, "%s", report.text);
}
END_TEST

static const struct {
    const char *object;
    char *profile;
    const char *bucket; // NULL: in none
} objects[] = {
    { "oss://media/a.mp4", NULL, "oss-main" },
    { "s3://media/a.mp4", NULL, "minio" },
    { "oss://media/a.mp4", oss_other, "oss-other" },
    { "https://media.oss-cn-hangzhou.aliyuncs.com/a.mp4", NULL, "oss-main" },
    // Another door to the same region.
    { "https://media.oss-cn-hangzhou-internal.aliyuncs.com/a.mp4", NULL, "oss-main" },
    { "http://127.0.0.1:9000/media/a.mp4", NULL, "minio" },
    { "s3://films/a.mp4", NULL, "aws" },
    { "https://films.s3.eu-west-1.amazonaws.com/a.mp4", NULL, "aws" },
    { "oss://films/a.mp4", NULL, "fast" },
    { "https://films.oss-cn-beijing.aliyuncs.com/a.mp4", NULL, "fast" },
    // Of the same name, but elsewhere.
    { "https://media.oss-cn-beijing.aliyuncs.com/a.mp4", NULL, NULL },
    { "https://films.s3.us-east-2.amazonaws.com/a.mp4", NULL, NULL },
    { "http://127.0.0.1:9001/media/a.mp4", NULL, NULL },
    { "https://127.0.0.1:9000/media/a.mp4", NULL, NULL },
    { "http://evil.example.org/media/a.mp4", NULL, NULL },
    { "oss://unknown/a.mp4", NULL, NULL },
    // Keys are for their own bucket, whoever names them.
    { "oss://films/a.mp4", oss, NULL },
    { "s3://media/a.mp4", oss, NULL },
    { "http://evil.example.org/media/a.mp4", minio, NULL },
    { "oss://media/a.mp4", disk, NULL },
    { "oss://media/a.mp4", keys, NULL },
};

START_TEST(an_object_is_in_the_bucket_it_names_and_in_no_other)
{
    cleanup(remote_release) struct remote remote = REMOTE_INIT;
    struct err err = ERR_INIT;
    ck_assert_msg(remote_from_object(objects[_i].object, &remote, &err) == 0, "%s", err.text);
    remote.profile = objects[_i].profile ? xstrdup(objects[_i].profile) : NULL;
    const struct bucket *found = bucket_of_object(&list, &remote);
    ck_assert_msg((found != NULL) == (objects[_i].bucket != NULL), "%s: %s", objects[_i].object,
                  found ? found->name : "none");
    if (found != NULL)
        ck_assert_str_eq(found->name, objects[_i].bucket);
}
END_TEST

static const struct {
    const char *name;
    const char *region;
} facts[] = {
    { "oss-main", "cn-hangzhou" },
    { "minio", "us-east-1" },
    { "aws", "eu-west-1" },
    { "fast", "cn-beijing" },
};

START_TEST(the_region_follows_from_the_endpoint)
{
    const struct bucket *bucket = bucket_find(&list, facts[_i].name);
    ck_assert_ptr_nonnull(bucket);
    cleanup(free_ptr) char *region = bucket_region(bucket);
    ck_assert_str_eq(region, facts[_i].region);
}
END_TEST

START_TEST(what_is_said_goes_before_what_follows)
{
    struct bucket bucket = {
        .name = minio, .type = BUCKET_S3, .endpoint = named, .region = beijing
    };
    cleanup(free_ptr) char *region = bucket_region(&bucket);
    ck_assert_str_eq(region, "cn-beijing");
    bucket.region = NULL;
    bucket.type = BUCKET_OSS;
    ck_assert_ptr_null(bucket_region(&bucket));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bucket");
    TCase *tcase = tcase_create("bucket");
    tcase_add_test(tcase, the_buckets_of_this_test_have_nothing_wrong);
    tcase_add_loop_test(tcase, an_object_is_in_the_bucket_it_names_and_in_no_other, 0,
                        (int)ARRAY_LEN(objects));
    tcase_add_loop_test(tcase, the_region_follows_from_the_endpoint, 0, (int)ARRAY_LEN(facts));
    tcase_add_test(tcase, what_is_said_goes_before_what_follows);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
