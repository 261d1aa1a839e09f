// The stage publish: whole or not at all, again and again the same, and patient with the outbox.
#include "spool/ledger.h"
#include "tests/support/batch_folder.h"
#include "tests/support/program.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static struct batch_folder folder;
static char *program;

static void put(const char *name, const char *text)
{
    cleanup(free_ptr) char *inner = xasprintf("work/%s/%s", folder.id, name);
    folder_put(&folder.folder, inner, text);
}

static void set_up(void)
{
    batch_folder_make(&folder, 1);
    program = program_built("libexec/clipspool/publish");
    put("final.mp4", "a reel");
    put("plan.json", "{}");
    put("cover.jpg", "a cover");
}

static void tear_down(void)
{
    free(program);
    batch_folder_remove(&folder);
}

static int publish(char **ret_output)
{
    return PROGRAM_RUN(ret_output, program, "--spool", folder.folder.path, folder.path);
}

START_TEST(people_get_the_reel_and_what_belongs_to_it)
{
    ck_assert_int_eq(publish(NULL), 0);
    cleanup(free_ptr) char *names = folder_names(&folder.folder, "outbox/trip");
    ck_assert_str_eq(names, "cover.jpg final.mp4 plan.json"); // there was no analysis.json
    cleanup(free_ptr) char *reel = folder_get(&folder.folder, "outbox/trip/final.mp4");
    ck_assert_str_eq(reel, "a reel");
}
END_TEST

static void ask_nobody(void)
{
}

static void ask_a_model(void)
{
    cleanup(ledger_release) struct ledger ledger = LEDGER_INIT;
    struct ledger_call *call = ledger_add(&ledger);
    memset(call->id, '0', sizeof call->id - 1);
    call->key = xstrdup("key");
    call->what = xstrdup("clips");
    call->service = xstrdup("dashscope");
    call->model = xstrdup("qwen-plus");
    call->billed = true;
    call->billed_tokens = 7000;
    ck_assert_int_eq(ledger_save(folder.batchdir, &ledger, NULL), 0);
}

static void damage_ledger(void)
{
    put(BATCH_LEDGER, "{\"calls\":[{\"id\":1}]}");
}

static const struct {
    const char *name;
    void (*make)(void);
    bool has_receipt;
} ledgers[] = {
    { "a model was asked", ask_a_model, true },
    { "nobody was", ask_nobody, false },
    { "the ledger is damaged", damage_ledger, false },
};

START_TEST(there_is_a_receipt_where_a_model_was_asked_and_always_a_reel)
{
    cleanup(free_ptr) char *output = NULL;
    ledgers[_i].make();
    ck_assert_msg(publish(&output) == 0, "%s: %s", ledgers[_i].name, output);
    cleanup(free_ptr) char *names = folder_names(&folder.folder, "outbox/trip");
    ck_assert_msg((strstr(names, "receipt.json") != NULL) == ledgers[_i].has_receipt, "%s: %s",
                  ledgers[_i].name, output);
    ck_assert_ptr_nonnull(strstr(names, "final.mp4"));
    cleanup(free_ptr) char *text = folder_get(&folder.folder, "outbox/trip/receipt.json");
    ck_assert(text == NULL || (strstr(text, "\"tokens_used\": 7000") != NULL &&
                               strstr(text, "\"currency\": \"USD\"") != NULL));
}
END_TEST

START_TEST(the_preview_goes_when_the_reel_is_there)
{
    ck_assert_int_eq(mkdirat(folder.spool.outbox, "trip", 0770) == 0 || errno == EEXIST, 1);
    folder_put(&folder.folder, "outbox/trip/preview.mp4", "a preview");
    folder_put(&folder.folder, "outbox/trip/preview.mp4.tmp", "half of one");
    ck_assert_int_eq(publish(NULL), 0);
    cleanup(free_ptr) char *names = folder_names(&folder.folder, "outbox/trip");
    ck_assert_str_eq(names, "cover.jpg final.mp4 plan.json");
}
END_TEST

static mode_t published_mode(mode_t folder_mode)
{
    struct stat reel;
    ck_assert_int_eq(fchmodat(folder.spool.outbox, "trip", folder_mode, 0), 0);
    ck_assert_int_eq(publish(NULL), 0);
    ck_assert_int_eq(fstatat(folder.spool.outbox, "trip/final.mp4", &reel, 0), 0);
    return reel.st_mode & 0777;
}

static const struct {
    mode_t folder, reel;
} rights[] = { { 0770, 0640 }, { 0775, 0644 }, { 0777, 0644 }, { 0700, 0600 } };

START_TEST(who_may_read_the_folder_may_read_the_reel_and_not_write_it)
{
    cleanup(free_ptr) char *inner = xasprintf("%s/final.mp4", folder.path);
    ck_assert_int_eq(chmod(inner, 0600), 0);
    ck_assert_uint_eq(published_mode(rights[_i].folder), rights[_i].reel);
}
END_TEST

START_TEST(a_reel_in_another_file_system_can_be_read_by_the_same)
{
    char path[] = "/dev/shm/clipspool-test-XXXXXX";
    struct stat here, there;
    if (mkdtemp(path) == NULL || stat(path, &there) < 0 || fstat(folder.spool.outbox, &here) < 0 ||
        here.st_dev == there.st_dev || geteuid() != 0) {
        puts("SKIP a_reel_in_another_file_system: no second one here, or not root");
        return;
    }
    cleanup(free_ptr) char *outbox = xasprintf("%s/outbox", folder.folder.path);
    cleanup(free_ptr) char *moved = xasprintf("%s/trip", path);
    cleanup(free_ptr) char *reel = xasprintf("%s/final.mp4", moved);
    ck_assert_int_eq(unlinkat(folder.spool.outbox, "trip", AT_REMOVEDIR), 0);
    ck_assert_int_eq(rmdir(outbox), 0);
    ck_assert_int_eq(symlink(path, outbox), 0);
    ck_assert_int_eq(mkdir(moved, 0700), 0);
    ck_assert_int_eq(chown(moved, (uid_t)-1, 12345), 0);
    ck_assert_int_eq(chmod(moved, 0770), 0);
    ck_assert_int_eq(publish(NULL), 0);
    int r = stat(reel, &there);
    ck_assert_int_eq(PROGRAM_RUN(NULL, "/bin/rm", "-r", path), 0);
    ck_assert_int_eq(r, 0);
    ck_assert_uint_eq(there.st_mode & 0777, 0640);
    ck_assert_uint_eq(there.st_gid, 12345);
}
END_TEST

START_TEST(done_twice_it_leaves_the_same_and_replaces_what_was_there)
{
    folder_put(&folder.folder, "outbox/trip/final.mp4", "an older reel");
    ck_assert_int_eq(publish(NULL), 0);
    ck_assert_int_eq(step_reset(folder.batchdir, STAGE_PUBLISH, STEP_BATCH, NULL), 0);
    ck_assert_int_eq(publish(NULL), 0);
    cleanup(free_ptr) char *reel = folder_get(&folder.folder, "outbox/trip/final.mp4");
    ck_assert_str_eq(reel, "a reel");
}
END_TEST

START_TEST(a_folder_that_was_removed_is_made_again)
{
    ck_assert_int_eq(unlinkat(folder.spool.outbox, "trip", AT_REMOVEDIR), 0);
    ck_assert_int_eq(publish(NULL), 0);
    cleanup(free_ptr) char *reel = folder_get(&folder.folder, "outbox/trip/final.mp4");
    ck_assert_str_eq(reel, "a reel");
}
END_TEST

static void replace_by_file(void)
{
    ck_assert_int_eq(unlinkat(folder.spool.outbox, "trip", AT_REMOVEDIR), 0);
    folder_put(&folder.folder, "outbox/trip", "in the way");
}

static void replace_by_link(void)
{
    ck_assert_int_eq(unlinkat(folder.spool.outbox, "trip", AT_REMOVEDIR), 0);
    ck_assert_int_eq(symlinkat("/tmp", folder.spool.outbox, "trip"), 0);
}

static void put_folder_in_the_way(void)
{
    ck_assert_int_eq(mkdirat(folder.spool.outbox, "trip/final.mp4", 0755), 0);
    ck_assert_int_eq(mkdirat(folder.spool.outbox, "trip/final.mp4/x", 0755), 0);
}

static void move_outbox_away(void)
{
    ck_assert_int_eq(renameat(folder.folder.fd, "outbox", folder.folder.fd, "elsewhere"), 0);
}

static const struct {
    const char *name;
    void (*make)(void);
} troubles[] = {
    { "a file in place of the folder", replace_by_file },
    { "a link in place of the folder", replace_by_link },
    { "a folder in place of the reel", put_folder_in_the_way },
    { "no outbox at all", move_outbox_away },
};

START_TEST(trouble_with_the_outbox_is_the_machines_and_says_what_to_do)
{
    cleanup(free_ptr) char *output = NULL;
    troubles[_i].make();
    int status = publish(&output);
    ck_assert_msg(status == 74, "%s: %d %s", troubles[_i].name, status, output);
    ck_assert_msg(strstr(output, "cannot be put into") && strstr(output, "goes on by itself"),
                  "%s: %s", troubles[_i].name, output);
    ck_assert_int_eq(access("/tmp/final.mp4", F_OK), -1);
}
END_TEST

START_TEST(a_batch_without_a_reel_is_our_bug_and_nothing_is_published)
{
    cleanup(free_ptr) char *reel = xasprintf("%s/final.mp4", folder.path);
    ck_assert_int_eq(unlink(reel), 0);
    ck_assert_int_eq(publish(NULL), 70);
    cleanup(free_ptr) char *names = folder_names(&folder.folder, "outbox/trip");
    ck_assert_str_eq(names, "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("publish");
    TCase *tcase = tcase_create("publish");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, people_get_the_reel_and_what_belongs_to_it);
    tcase_add_loop_test(tcase, there_is_a_receipt_where_a_model_was_asked_and_always_a_reel, 0,
                        (int)ARRAY_LEN(ledgers));
    tcase_add_test(tcase, the_preview_goes_when_the_reel_is_there);
    tcase_add_loop_test(tcase, who_may_read_the_folder_may_read_the_reel_and_not_write_it, 0,
                        (int)ARRAY_LEN(rights));
    tcase_add_test(tcase, a_reel_in_another_file_system_can_be_read_by_the_same);
    tcase_add_test(tcase, done_twice_it_leaves_the_same_and_replaces_what_was_there);
    tcase_add_test(tcase, a_folder_that_was_removed_is_made_again);
    tcase_add_loop_test(tcase, trouble_with_the_outbox_is_the_machines_and_says_what_to_do, 0,
                        ARRAY_LEN(troubles));
    tcase_add_test(tcase, a_batch_without_a_reel_is_our_bug_and_nothing_is_published);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
