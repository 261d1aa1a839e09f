// Where nothing shows that a copy is under way, nothing is taken by how it looks.
#include "spool/mount.h"
#include "spool/spool.h"
#include "tests/support/folder.h"
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/vfs.h>

static const struct {
    unsigned long magic;
    const char *type;
    bool remote;
} systems[] = {
    { 0xef53, "ext4", false },
    { 0x58465342, "xfs", false },
    { 0x9123683e, "btrfs", false },
    { 0x01021994, "tmpfs", false },
    { 0x2fc12fc1, "zfs", false },
    { 0x794c7630, "overlay", false },
    { 0x6969, "nfs", true },
    { 0x6969, "nfs4", true },
    { 0x517b, "smbfs", true },
    { 0xff534d42, "cifs", true },
    { 0xfe534d42, "cifs", true },
    { 0x01021997, "9p", true },
    { 0x00c36400, "ceph", true },
    { 0x65735546, "fuse.sshfs", true },
    { 0x65735546, "fuse.glusterfs", true },
    { 0x65735546, "virtiofs", true },
    { 0x65735546, "fuse.mergerfs", false },
    { 0x65735546, "fuseblk", false },
    { 0x65735546, NULL, false },
};

START_TEST(a_file_system_is_of_this_machine_or_not)
{
    ck_assert_msg(mount_is_remote(systems[_i].magic, systems[_i].type) == systems[_i].remote, "%s",
                  systems[_i].type);
}
END_TEST

static const char mounts[] =
    "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    "36 21 0:52 / /srv/a\\040b rw,nosuid shared:2 master:1 - fuse.sshfs host:/x rw\n"
    "361 21 0:53 / /mnt rw - nfs4 host:/y rw";

static const struct {
    int id;
    const char *type;
} types[] = { { 21, "ext4" }, { 36, "fuse.sshfs" }, { 361, "nfs4" }, { 3, NULL } };

START_TEST(the_type_of_a_mount_is_found_by_its_number)
{
    cleanup(free_ptr) char *type = mount_type(mounts, types[_i].id);
    ck_assert_pstr_eq(type, types[_i].type);
}
END_TEST

START_TEST(lines_that_are_none_have_no_type)
{
    ck_assert_ptr_null(mount_type("", 1));
    ck_assert_ptr_null(mount_type("1", 1));
    ck_assert_ptr_null(mount_type("\n\n1 2 3\n", 1));
}
END_TEST

// ---- the start of the service, on a file system of our choice

static unsigned long said; // 0: the real one

int __real_fstatfs(int fd, struct statfs *info);
int __wrap_fstatfs(int fd, struct statfs *info);

int __wrap_fstatfs(int fd, struct statfs *info)
{
    int r = __real_fstatfs(fd, info);
    if (said != 0)
        info->f_type = (__fsword_t)said;
    return r;
}

static int start(unsigned long magic, enum intake_mode mode, enum spool_open_flags flags,
                 struct err *err)
{
    struct folder folder;
    struct config_report report = CONFIG_REPORT_INIT;
    cleanup(settings_release) struct settings settings = { .root = NULL };
    cleanup(spool_release) struct spool spool = SPOOL_INIT;
    ck_assert_int_eq(settings_load(NULL, &settings, &report), 0);
    folder_make(&folder);
    free(settings.root);
    settings.root = xstrdup(folder.path);
    settings.intake_mode = mode;
    said = magic;
    int r = spool_open(&settings, flags, &spool, err);
    said = 0;
    folder_remove(&folder);
    return r;
}

START_TEST(the_service_does_not_start_by_looks_where_others_write_unseen)
{
    struct err err = ERR_INIT;
    ck_assert_int_lt(start(0xff534d42, INTAKE_AUTO, SPOOL_CREATE | SPOOL_LOCK, &err), 0);
    ck_assert_int_eq(err.class, ERR_CONFIG);
    ck_assert_str_eq(err.id, "incoming_is_remote");
    ck_assert_ptr_nonnull(strstr(err.hint, "intake.mode = \"marker\""));
}
END_TEST

START_TEST(it_starts_there_where_people_say_what_is_complete)
{
    struct err err = ERR_INIT;
    ck_assert_msg(start(0xff534d42, INTAKE_MARKER, SPOOL_CREATE | SPOOL_LOCK, &err) == 0, "%s",
                  err.text);
}
END_TEST

START_TEST(it_starts_by_looks_on_its_own_machine)
{
    struct err err = ERR_INIT;
    ck_assert_msg(start(0xef53, INTAKE_AUTO, SPOOL_CREATE | SPOOL_LOCK, &err) == 0, "%s", err.text);
}
END_TEST

START_TEST(who_only_looks_at_the_spool_is_not_refused)
{
    struct err err = ERR_INIT;
    ck_assert_msg(start(0x6969, INTAKE_AUTO, SPOOL_CREATE, &err) == 0, "%s", err.text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mount");
    TCase *tcase = tcase_create("mount");
    tcase_add_loop_test(tcase, a_file_system_is_of_this_machine_or_not, 0, (int)ARRAY_LEN(systems));
    tcase_add_loop_test(tcase, the_type_of_a_mount_is_found_by_its_number, 0,
                        (int)ARRAY_LEN(types));
    tcase_add_test(tcase, lines_that_are_none_have_no_type);
    tcase_add_test(tcase, the_service_does_not_start_by_looks_where_others_write_unseen);
    tcase_add_test(tcase, it_starts_there_where_people_say_what_is_complete);
    tcase_add_test(tcase, it_starts_by_looks_on_its_own_machine);
    tcase_add_test(tcase, who_only_looks_at_the_spool_is_not_refused);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
