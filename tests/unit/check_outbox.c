// The batch's folder in the outbox: people move, remove and replace it, and none of that is the
// batch's fault.
#include "stages/outbox.h"
#include "tests/support/batch_folder.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

static struct batch_folder folder;
static struct stage_context context;
static struct err err;

static void set_up(void)
{
    err = (struct err)ERR_INIT;
    batch_folder_make(&folder, 1);
    context = (struct stage_context){ .settings = folder.settings, .batchdir = folder.batchdir };
    ck_assert_int_eq(batch_load(folder.batchdir, &context.batch, NULL), 0);
    ck_assert_str_eq(context.batch.outbox, "trip");
}

static void tear_down(void)
{
    batch_release(&context.batch);
    batch_folder_remove(&folder);
}

static void put(const char *name, const char *text)
{
    cleanup(free_ptr) char *inner = xasprintf("work/%s/%s", folder.id, name);
    folder_put(&folder.folder, inner, text);
}

// ---- opening

static void expect_open_is(const char *path)
{
    struct stat is, due;
    cleanup(close_fd) int fd = outbox_open(&context, &err);
    ck_assert_msg(fd >= 0, "%s", err.text);
    ck_assert_int_eq(fstat(fd, &is), 0);
    ck_assert_int_eq(fstatat(folder.folder.fd, path, &due, AT_SYMLINK_NOFOLLOW), 0);
    ck_assert(S_ISDIR(due.st_mode) && is.st_dev == due.st_dev && is.st_ino == due.st_ino);
}

START_TEST(the_folder_that_is_there_is_opened_with_what_is_in_it)
{
    folder_put(&folder.folder, "outbox/trip/notes", "of a person");
    expect_open_is("outbox/trip");
    cleanup(free_ptr) char *names = folder_names(&folder.folder, "outbox/trip");
    ck_assert_str_eq(names, "notes");
}
END_TEST

START_TEST(a_folder_that_was_removed_is_made_again_for_owner_and_group)
{
    struct stat made;
    ck_assert_int_eq(unlinkat(folder.spool.outbox, "trip", AT_REMOVEDIR), 0);
    mode_t mask = umask(0);
    expect_open_is("outbox/trip");
    umask(mask);
    ck_assert_int_eq(fstatat(folder.spool.outbox, "trip", &made, 0), 0);
    ck_assert_uint_eq(made.st_mode & 0777, 0770);
}
END_TEST

START_TEST(it_is_in_the_outbox_that_is_configured)
{
    ck_assert_int_eq(mkdirat(folder.folder.fd, "elsewhere", 0755), 0);
    context.settings.outbox = xasprintf("%s/elsewhere", folder.folder.path);
    expect_open_is("elsewhere/trip");
    free(context.settings.outbox);
}
END_TEST

static void lose_folder(void)
{
    ck_assert_int_eq(unlinkat(folder.spool.outbox, "trip", AT_REMOVEDIR), 0);
}

static void replace_by_file(void)
{
    lose_folder();
    folder_put(&folder.folder, "outbox/trip", "in the way");
}

static void replace_by_link(void)
{
    lose_folder();
    ck_assert_int_eq(symlinkat(folder.folder.path, folder.spool.outbox, "trip"), 0);
}

static void replace_by_link_to_nothing(void)
{
    lose_folder();
    ck_assert_int_eq(symlinkat("nowhere", folder.spool.outbox, "trip"), 0);
}

static void replace_by_fifo(void)
{
    lose_folder();
    ck_assert_int_eq(mkfifoat(folder.spool.outbox, "trip", 0600), 0);
}

static void move_outbox_away(void)
{
    ck_assert_int_eq(renameat(folder.folder.fd, "outbox", folder.folder.fd, "elsewhere"), 0);
}

static void replace_outbox_by_file(void)
{
    move_outbox_away();
    folder_put(&folder.folder, "outbox", "in the way");
}

static const struct {
    const char *name, *reason;
    void (*make)(void);
} refusals[] = {
    { "a file in place of the folder", "Not a directory", replace_by_file },
    { "a link in place of the folder", "Not a directory", replace_by_link },
    { "a link that leads nowhere", "Not a directory", replace_by_link_to_nothing },
    { "a pipe in place of the folder", "Not a directory", replace_by_fifo },
    { "no outbox", "No such file or directory", move_outbox_away },
    { "a file in place of the outbox", "Not a directory", replace_outbox_by_file },
};

START_TEST(what_is_no_folder_is_machine_trouble_and_stays)
{
    refusals[_i].make();
    struct stat before, after;
    int r = fstatat(folder.folder.fd, "outbox/trip", &before, AT_SYMLINK_NOFOLLOW);
    ck_assert_msg(outbox_open(&context, &err) < 0, "%s", refusals[_i].name);
    ck_assert_int_eq(err.class, ERR_IO);
    ck_assert_str_eq(err.id, "outbox_trouble");
    cleanup(free_ptr) char *due = xasprintf("what was made cannot be put into %s/outbox/trip: %s",
                                            folder.folder.path, refusals[_i].reason);
    ck_assert_msg(strcmp(err.text, due) == 0, "%s: %s", refusals[_i].name, err.text);
    ck_assert_int_eq(fstatat(folder.folder.fd, "outbox/trip", &after, AT_SYMLINK_NOFOLLOW), r);
    if (r == 0)
        ck_assert_uint_eq(before.st_ino, after.st_ino);
}
END_TEST

START_TEST(a_batch_that_has_no_folder_is_our_bug)
{
    free_ptr(&context.batch.outbox);
    ck_assert_int_lt(outbox_open(&context, &err), 0);
    ck_assert_int_eq(err.class, ERR_BUG);
    ck_assert_str_eq(err.id, "no_outbox");
}
END_TEST

// ---- trouble

static const struct {
    int number;
    const char *id, *reason, *hint;
} troubles[] = {
    { ENOSPC, "no_space", "No space left on device", "free some space in the outbox" },
    { EDQUOT, "no_space", "Disk quota exceeded", "free some space in the outbox" },
    { EACCES, "outbox_trouble", "Permission denied", "let the user clipspool write there" },
    { EROFS, "outbox_trouble", "Read-only file system", "let the user clipspool write there" },
    { EIO, "outbox_trouble", "Input/output error", "let the user clipspool write there" },
    { 123456, "outbox_trouble", "unknown error", "let the user clipspool write there" },
};

START_TEST(trouble_says_where_why_and_what_to_do)
{
    ck_assert_int_lt(outbox_trouble(&context, troubles[_i].number, &err), 0);
    ck_assert_int_eq(err.class, ERR_IO);
    ck_assert_str_eq(err.id, troubles[_i].id);
    cleanup(free_ptr) char *due = xasprintf("what was made cannot be put into %s/outbox/trip: %s",
                                            folder.folder.path, troubles[_i].reason);
    ck_assert_str_eq(err.text, due);
    ck_assert_msg(strncmp(err.hint, troubles[_i].hint, strlen(troubles[_i].hint)) == 0, "%s",
                  err.hint);
    ck_assert_ptr_nonnull(strstr(err.hint, "publishing goes on by itself"));
}
END_TEST

START_TEST(a_name_that_would_end_the_line_does_not)
{
    free(context.batch.outbox);
    context.batch.outbox = xstrdup("tr\nip");
    ck_assert_int_lt(outbox_trouble(&context, EIO, &err), 0);
    ck_assert_ptr_null(strchr(err.text, '\n'));
    ck_assert_ptr_nonnull(strstr(err.text, "/outbox/tr"));
}
END_TEST

// ---- putting

static int put_out(int there)
{
    return outbox_put(folder.batchdir, "final.mp4", there, NULL, NULL, &err);
}

static void expect_out(const char *names, const char *reel)
{
    cleanup(free_ptr) char *are = folder_names(&folder.folder, "outbox/trip");
    cleanup(free_ptr) char *is = folder_get(&folder.folder, "outbox/trip/final.mp4");
    ck_assert_str_eq(are, names);
    ck_assert_str_eq(is, reel);
}

START_TEST(in_one_file_system_it_is_a_further_name_of_the_same_file)
{
    struct stat here, there;
    cleanup(close_fd) int out = outbox_open(&context, NULL);
    put("final.mp4", "a reel");
    ck_assert_int_eq(put_out(out), FS_LINKED);
    ck_assert_int_eq(fstatat(folder.batchdir, "final.mp4", &here, 0), 0);
    ck_assert_int_eq(fstatat(out, "final.mp4", &there, 0), 0);
    ck_assert_uint_eq(here.st_ino, there.st_ino);
    ck_assert_uint_eq(here.st_nlink, 2);
    expect_out("final.mp4", "a reel");
}
END_TEST

START_TEST(put_twice_it_is_the_same_and_what_was_there_is_replaced)
{
    cleanup(close_fd) int out = outbox_open(&context, NULL);
    folder_put(&folder.folder, "outbox/trip/final.mp4", "an older and longer reel");
    folder_put(&folder.folder, "outbox/trip/final.mp4.tmp", "of one that was killed");
    put("final.mp4", "a reel");
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(put_out(out), FS_LINKED);
        expect_out("final.mp4", "a reel");
    }
}
END_TEST

static const struct {
    mode_t folder, before, after;
} rights[] = {
    { 0770, 0600, 0640 }, { 0775, 0600, 0644 }, { 0777, 0666, 0644 },
    { 0700, 0644, 0600 }, { 0750, 0444, 0640 }, { 0705, 0600, 0604 },
};

START_TEST(who_may_read_the_folder_may_read_the_file_and_only_we_may_write_it)
{
    struct stat there;
    cleanup(close_fd) int out = outbox_open(&context, NULL);
    put("final.mp4", "a reel");
    ck_assert_int_eq(fchmodat(folder.batchdir, "final.mp4", rights[_i].before, 0), 0);
    ck_assert_int_eq(fchmod(out, rights[_i].folder), 0);
    ck_assert_int_eq(put_out(out), FS_LINKED);
    ck_assert_int_eq(fstatat(out, "final.mp4", &there, 0), 0);
    ck_assert_uint_eq(there.st_mode & 07777, rights[_i].after);
}
END_TEST

START_TEST(the_group_of_the_folder_becomes_that_of_the_file)
{
    struct stat there;
    cleanup(close_fd) int out = outbox_open(&context, NULL);
    put("final.mp4", "a reel");
    if (fchown(out, (uid_t)-1, 12345) < 0) {
        puts("SKIP the group of the folder: only root gives a folder to any group");
        return;
    }
    ck_assert_int_eq(put_out(out), FS_LINKED);
    ck_assert_int_eq(fstatat(out, "final.mp4", &there, 0), 0);
    ck_assert_uint_eq(there.st_gid, 12345);
}
END_TEST

START_TEST(a_link_in_place_of_what_was_made_is_not_followed_and_gives_nothing_away)
{
    struct stat target;
    cleanup(close_fd) int out = outbox_open(&context, NULL);
    put("private", "a key");
    ck_assert_int_eq(fchmodat(folder.batchdir, "private", 0600, 0), 0);
    ck_assert_int_eq(symlinkat("private", folder.batchdir, "final.mp4"), 0);
    ck_assert_int_lt(put_out(out), 0);
    ck_assert_int_eq(fstatat(folder.batchdir, "private", &target, 0), 0);
    ck_assert_uint_eq(target.st_mode & 07777, 0600);
    ck_assert_uint_eq(target.st_nlink, 1);
    cleanup(free_ptr) char *names = folder_names(&folder.folder, "outbox/trip");
    ck_assert_str_eq(names, "");
}
END_TEST

START_TEST(what_cannot_be_put_leaves_what_was_there_and_a_number_for_trouble)
{
    cleanup(close_fd) int out = outbox_open(&context, NULL);
    put("final.mp4", "a reel");
    ck_assert_int_eq(mkdirat(out, "final.mp4", 0755), 0);
    folder_put(&folder.folder, "outbox/trip/final.mp4/mine", "of a person");
    int r = put_out(out);
    ck_assert_int_lt(r, 0);
    ck_assert_int_eq(err.code, r);
    cleanup(free_ptr) char *names = folder_names(&folder.folder, "outbox/trip");
    cleanup(free_ptr) char *mine = folder_get(&folder.folder, "outbox/trip/final.mp4/mine");
    ck_assert_str_eq(names, "final.mp4");
    ck_assert_str_eq(mine, "of a person");
}
END_TEST

// ---- an outbox in another file system

static struct folder away;

// False, and says so, where there is only one.
static bool open_away(void)
{
    struct stat here, there;
    folder_make_in_memory(&away);
    ck_assert_int_eq(fstat(folder.batchdir, &here), 0);
    ck_assert_int_eq(fstat(away.fd, &there), 0);
    if (here.st_dev != there.st_dev)
        return true;
    puts("SKIP an outbox in another file system: there is no second one");
    folder_remove(&away);
    return false;
}

static void count_bytes(void *data, uint64_t bytes)
{
    *(uint64_t *)data = bytes;
}

START_TEST(in_another_file_system_it_is_a_copy_that_the_same_may_read)
{
    struct stat there;
    uint64_t told = 0;
    if (!open_away())
        return;
    put("final.mp4", "a reel");
    ck_assert_int_eq(fchmod(away.fd, 0750), 0);
    for (int i = 0; i < 2; i++) {
        int way = outbox_put(folder.batchdir, "final.mp4", away.fd, count_bytes, &told, &err);
        ck_assert_msg(way == FS_COPIED, "%d %s", way, err.text);
    }
    ck_assert_uint_eq(told, strlen("a reel"));
    ck_assert_int_eq(fstatat(away.fd, "final.mp4", &there, 0), 0);
    ck_assert_uint_eq(there.st_mode & 07777, 0640);
    ck_assert_uint_eq(there.st_nlink, 1);
    cleanup(free_ptr) char *reel = folder_get(&away, "final.mp4");
    cleanup(free_ptr) char *names = folder_names(&away, ".");
    ck_assert_str_eq(reel, "a reel");
    ck_assert_str_eq(names, "final.mp4");
    folder_remove(&away);
}
END_TEST

START_TEST(a_copy_that_breaks_off_leaves_the_older_one_whole_and_no_half)
{
    enum { LIMIT = 1 << 16 };
    const struct rlimit limit = { LIMIT, RLIM_INFINITY }, none = { RLIM_INFINITY, RLIM_INFINITY };
    if (!open_away())
        return;
    cleanup(free_ptr) char *large = xcalloc(4 * LIMIT + 1, 1);
    memset(large, 'x', 4 * LIMIT);
    put("final.mp4", large);
    folder_put(&away, "final.mp4", "an older reel");
    (void)signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    int r = outbox_put(folder.batchdir, "final.mp4", away.fd, NULL, NULL, &err);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    ck_assert_int_lt(r, 0);
    ck_assert_int_eq(err.code, r);
    cleanup(free_ptr) char *reel = folder_get(&away, "final.mp4");
    cleanup(free_ptr) char *names = folder_names(&away, ".");
    ck_assert_str_eq(reel, "an older reel");
    ck_assert_str_eq(names, "final.mp4");
    folder_remove(&away);
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_test(tcase, the_folder_that_is_there_is_opened_with_what_is_in_it);
    tcase_add_test(tcase, a_folder_that_was_removed_is_made_again_for_owner_and_group);
    tcase_add_test(tcase, it_is_in_the_outbox_that_is_configured);
    tcase_add_loop_test(tcase, what_is_no_folder_is_machine_trouble_and_stays, 0,
                        (int)ARRAY_LEN(refusals));
    tcase_add_test(tcase, a_batch_that_has_no_folder_is_our_bug);
    tcase_add_loop_test(tcase, trouble_says_where_why_and_what_to_do, 0, (int)ARRAY_LEN(troubles));
    tcase_add_test(tcase, a_name_that_would_end_the_line_does_not);
    tcase_add_test(tcase, in_one_file_system_it_is_a_further_name_of_the_same_file);
    tcase_add_test(tcase, put_twice_it_is_the_same_and_what_was_there_is_replaced);
    tcase_add_loop_test(tcase, who_may_read_the_folder_may_read_the_file_and_only_we_may_write_it,
                        0, (int)ARRAY_LEN(rights));
    tcase_add_test(tcase, the_group_of_the_folder_becomes_that_of_the_file);
    tcase_add_test(tcase, a_link_in_place_of_what_was_made_is_not_followed_and_gives_nothing_away);
    tcase_add_test(tcase, what_cannot_be_put_leaves_what_was_there_and_a_number_for_trouble);
    tcase_add_test(tcase, in_another_file_system_it_is_a_copy_that_the_same_may_read);
    tcase_add_test(tcase, a_copy_that_breaks_off_leaves_the_older_one_whole_and_no_half);
}

int main(void)
{
    Suite *suite = suite_create("outbox");
    TCase *tcase = tcase_create("outbox");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    add_tests(tcase);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
