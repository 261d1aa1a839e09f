// The stage preview: the reel as it will be, cut from the proxies, before it is rendered; and never
// a reason for a batch to fail.
#include "tests/support/batch_source.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "spool/plan.h"
#include "tests/support/media.h"
#include "tests/support/program.h"

static struct batch_folder folder;

// Two sources with proxies, and a plan with a segment of each.
static void set_up(void)
{
    static const char *const pictures[] = { "testsrc2", "smptebars" };
    struct plan plan = PLAN_INIT;
    batch_folder_make(&folder, 2);
    for (int i = 0; i < 2; i++) {
        cleanup(free_ptr) char *inner = xasprintf("%d/proxy.mp4", i);
        cleanup(free_ptr) char *path = xasprintf("%s/%s", folder.path, inner);
        cleanup(free_ptr) char *name = xasprintf("preview-%d.mp4", i);
        const char *proxy =
            MEDIA_CLIP(.name = name, .seconds = 4, .rate = "15", .picture = pictures[i],
                       .options = "-c:v libx264 -g 30 -c:a aac");
        batch_source_put(&folder, i, proxy);
        ck_assert_int_eq(PROGRAM_RUN(NULL, "/bin/cp", proxy, path), 0);
    }
    plan_add(&plan, &(struct plan_segment){ .video_index = 1, .start = 1, .end = 3 });
    plan_add(&plan, &(struct plan_segment){ .video_index = 0, .start = 2, .end = 3 });
    ck_assert_int_eq(plan_save(folder.batchdir, &plan, NULL), 0);
    plan_release(&plan);
}

static void tear_down(void)
{
    batch_folder_remove(&folder);
}

static double shown_seconds(void)
{
    cleanup(free_ptr) char *path = xasprintf("%s/outbox/trip/preview.mp4", folder.folder.path);
    cleanup(free_ptr) char *seconds = NULL;
    struct stat st;
    if (stat(path, &st) < 0)
        return 0;
    ck_assert_int_eq(PROGRAM_RUN(&seconds, "ffprobe", "-v", "error", "-show_entries",
                                 "format=duration", "-of", "csv=p=0", path),
                     0);
    return strtod(seconds, NULL);
}

static void lose(const char *name)
{
    ck_assert_int_eq(unlinkat(folder.batchdir, name, 0), 0);
}

START_TEST(people_see_the_plan_in_the_outbox)
{
    ck_assert_int_eq(batch_source_run(&folder, STAGE_PREVIEW, STEP_BATCH, NULL), 0);
    ck_assert_double_eq_tol(shown_seconds(), 3, 0.1);
    cleanup(free_ptr) char *names = folder_names(&folder.folder, "outbox/trip");
    ck_assert_str_eq(names, "preview.mp4");
}
END_TEST

START_TEST(done_again_it_is_the_same_preview)
{
    ck_assert_int_eq(batch_source_run(&folder, STAGE_PREVIEW, STEP_BATCH, NULL), 0);
    ck_assert_int_eq(step_reset(folder.batchdir, STAGE_PREVIEW, STEP_BATCH, NULL), 0);
    folder_put(&folder.folder, "outbox/trip/preview.mp4", "an older one");
    ck_assert_int_eq(batch_source_run(&folder, STAGE_PREVIEW, STEP_BATCH, NULL), 0);
    ck_assert_double_eq_tol(shown_seconds(), 3, 0.1);
}
END_TEST

static void lose_one_proxy(void)
{
    lose("0/proxy.mp4");
}

static void spoil_one_proxy(void)
{
    cleanup(free_ptr) char *inner = xasprintf("work/%s/0/proxy.mp4", folder.id);
    lose("0/proxy.mp4");
    folder_put(&folder.folder, inner, "no video");
}

static void lose_all_proxies(void)
{
    lose("0/proxy.mp4");
    lose("1/proxy.mp4");
}

static void lose_the_plan(void)
{
    lose("plan.json");
}

static const struct {
    const char *name;
    void (*make)(void);
    double seconds;  // of the preview
    const char *why; // there is none; NULL: there is one
} losses[] = {
    { "a proxy is missing", lose_one_proxy, 2, NULL },
    { "a proxy is no video", spoil_one_proxy, 2, NULL },
    { "all proxies are missing", lose_all_proxies, 0, "the small copies are not there any more" },
    { "there is no plan", lose_the_plan, 0, "there is no plan" },
};

START_TEST(what_is_missing_is_left_out_and_fails_nothing)
{
    losses[_i].make();
    int status = batch_source_run(&folder, STAGE_PREVIEW, STEP_BATCH, NULL);
    ck_assert_msg(status == 0, "%s: %d", losses[_i].name, status);
    cleanup(free_ptr) char *warnings = batch_source_warnings(&folder, STAGE_PREVIEW, STEP_BATCH);
    const char *told = strstr(warnings, "there is no preview: ");
    ck_assert_msg((told == NULL) == (losses[_i].why == NULL), "%s: %s", losses[_i].name, warnings);
    ck_assert_msg(told == NULL || strstr(told, losses[_i].why), "%s", warnings);
    ck_assert_double_eq_tol(shown_seconds(), losses[_i].seconds, 0.1);
}
END_TEST

START_TEST(an_outbox_that_cannot_be_written_holds_up_only_what_needs_it)
{
    ck_assert_int_eq(unlinkat(folder.spool.outbox, "trip", AT_REMOVEDIR), 0);
    folder_put(&folder.folder, "outbox/trip", "in the way");
    ck_assert_int_eq(batch_source_run(&folder, STAGE_PREVIEW, STEP_BATCH, NULL), 0);
    cleanup(free_ptr) char *warnings = batch_source_warnings(&folder, STAGE_PREVIEW, STEP_BATCH);
    ck_assert_msg(strstr(warnings, "there is no preview: what was made cannot be put") != NULL,
                  "%s", warnings);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("preview");
    TCase *tcase = tcase_create("preview");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, people_see_the_plan_in_the_outbox);
    tcase_add_test(tcase, done_again_it_is_the_same_preview);
    tcase_add_loop_test(tcase, what_is_missing_is_left_out_and_fails_nothing, 0,
                        (int)ARRAY_LEN(losses));
    tcase_add_test(tcase, an_outbox_that_cannot_be_written_holds_up_only_what_needs_it);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
