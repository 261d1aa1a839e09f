// A spool for the tests of clipspool.
#include "tests/support/cli_fixture.h"

#include "tests/support/program.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

struct spool_fixture cli_fixture;
char *cli_program;

static void set_up(void)
{
    spool_fixture_open(&cli_fixture);
    spool_fixture_fake(&cli_fixture, "probe compress analyze plan preview render");
    spool_fixture_write_config(&cli_fixture);
    cleanup(free_ptr) char *outbox = spool_fixture_path(&cli_fixture, "outbox");
    ck_assert_int_eq(mkdir(outbox, 0755), 0);
    // What runs here keeps nothing where whoever runs the tests keeps things.
    cleanup(free_ptr) char *cache = xasprintf("%s/cache", cli_fixture.folder.path);
    ck_assert_int_eq(setenv("XDG_CACHE_HOME", cache, 1), 0);
    cli_program = program_built("bin/clipspool");
}

static void tear_down(void)
{
    free(cli_program);
    spool_fixture_close(&cli_fixture);
}

void cli_assert_holds(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part), "\"%s\" is not in:\n%s", part, text);
}

void cli_assert_printable(const char *text)
{
    for (; *text; text++)
        ck_assert_msg((unsigned char)*text >= 0x20 || *text == '\n', "a raw %#x", *text);
}

void cli_make_batch(const char *name, const char *status)
{
    cleanup(free_ptr) char *folder = xasprintf("%s/outbox/%s", cli_fixture.root, name);
    cleanup(free_ptr) char *file = xasprintf("outbox/%s/status.json", name);
    ck_assert_int_eq(mkdir(folder, 0755), 0);
    if (status)
        spool_fixture_put(&cli_fixture, file, status, strlen(status));
}

bool cli_there(const char *name)
{
    struct stat st;
    return fstatat(cli_fixture.folder.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

char *cli_names_in(const char *folder)
{
    return folder_names(&cli_fixture.folder, folder);
}

int cli_main(int argc, char **argv, const char *name, void (*add)(TCase *tcase))
{
    if (fake_stages_is(argv[0]))
        return fake_stages_main(argc, argv);
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    add(tcase);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
