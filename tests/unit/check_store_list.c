// Lists whose service is not what it should be: nothing foreign is shown, and nothing that answers
// do makes reading them cost more than their size.
#include "store/store.h"
#include "tests/support/bucketd.h"
#include "tests/support/store_story.h"

#include <check.h>

static struct bucketd server;
static struct store *store;
static struct err err;

static void set_up(void)
{
    bucketd_start(&server, STORE_OSS, NULL);
    store = bucketd_open(&server, 0);
    err = (struct err)ERR_INIT;
}

static void tear_down(void)
{
    store_close(&store);
    bucketd_stop(&server);
}

static int visit_nothing(void *context, const struct store_entry *entry, struct err *ret)
{
    unsigned *count = context;
    (void)entry, (void)ret;
    ++*count;
    return 0;
}

#define LIST(inner) "<ListBucketResult>" inner "</ListBucketResult>"
#define ENTRY(key) "<Contents><Key>" key "</Key><Size>1</Size></Contents>"
static const char *const hostile[] = {
    "",
    "no XML at all",
    "<html><body>Please log in</body></html>",
    "<ListBucketResult><Contents>",
    LIST("<IsTruncated>true</IsTruncated>"),
    LIST("<IsTruncated>true</IsTruncated><NextContinuationToken>eA==</NextContinuationToken>"),
    LIST(ENTRY("final/20261126/reel.mp4")), // not what was asked for
    LIST(ENTRY("temp/../final/reel.mp4") ENTRY("tem")),
    LIST("<EncodingType>url</EncodingType>" ENTRY("final%2Freel.mp4")),
    LIST("<EncodingType>url</EncodingType>" ENTRY("temp/%zz")),
    LIST("<EncodingType>url</EncodingType>" ENTRY("temp/%00")),
    LIST("<Contents><Size>1</Size></Contents>"),
    "<!DOCTYPE a [<!ENTITY b \"bbbb\">]>" LIST(ENTRY("temp/&b;")),
    "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]>" LIST(ENTRY("temp/&b;")),
    "<!DOCTYPE a [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY "
    "c "
    "\"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">]>" LIST(ENTRY("temp/&c;")),
    LIST(ENTRY("temp/&unknown;")),
    "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>",
};

START_TEST(a_list_that_cannot_be_is_refused_and_nothing_foreign_shown)
{
    unsigned count = 0;
    cleanup(free_ptr) char *fault = xasprintf("body GET list-type 100 %s", hostile[_i]);
    bucketd_fault(&server, fault);
    int r = store_list(store, "temp/", visit_nothing, &count, &err);
    ck_assert_msg(r < 0 && strcmp(err.id, "bad_answer") == 0 && err.class == ERR_SERVICE,
                  "%s: %s (%s)", hostile[_i], err.text, err.id);
    ck_assert_msg(count == (strstr(hostile[_i], "temp/..") != NULL), "%s", hostile[_i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_list");
    TCase *tcase = tcase_create("store_list");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, a_list_that_cannot_be_is_refused_and_nothing_foreign_shown, 0,
                        (int)ARRAY_LEN(hostile));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
