// The command line of clipspoold.
#include "daemon/options.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <syslog.h>

static const struct {
    const char *name, *line; // arguments, divided by spaces
    int result;
    struct options options;
} rows[] = {
    { "nothing", "", 0, { .log_level = LOG_INFO } },
    { "a configuration", "--config /etc/a", 0, { .config = "/etc/a", .log_level = LOG_INFO } },
    { "with an equals sign", "--config=/etc/a", 0, { .config = "/etc/a", .log_level = LOG_INFO } },
    { "all",
      "--once --spool s --config c --check-config --log-level debug",
      0,
      { .config = "c", .spool = "s", .once = true, .check_config = true, .log_level = LOG_DEBUG } },
    { "a level by number", "--log-level 4", 0, { .log_level = LOG_WARNING } },
    { "help", "--help", 0, { .help = true, .log_level = LOG_INFO } },
    { "version", "--version", 0, { .version = true, .log_level = LOG_INFO } },
    { "an unknown level", "--log-level loud", -EINVAL, { 0 } },
    { "a level that does not exist", "--log-level 9", -EINVAL, { 0 } },
    { "an unknown option", "--frobnicate", -EINVAL, { 0 } },
    { "no value", "--config", -EINVAL, { 0 } },
    { "too much", "extra", -EINVAL, { 0 } },
    { "a claim without a spool", "--claim x", -EINVAL, { 0 } },
    { "a recovery without a spool", "--recover x", -EINVAL, { 0 } },
    { "a recovery",
      "--recover x --spool s",
      0,
      { .recover = "x", .spool = "s", .log_level = LOG_INFO } },
    { "a claim", "--claim x --spool s", 0, { .claim = "x", .spool = "s", .log_level = LOG_INFO } },
};

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

START_TEST(arguments_are_understood_or_refused)
{
    cleanup(free_ptr) char *line = xstrdup(rows[_i].line);
    char *argv[16] = { (char[]){ "clipspoold" } }, *rest = line;
    int argc = 1;
    for (char *word; (word = strsep(&rest, " "));)
        if (*word)
            argv[argc++] = word;
    struct options options = { 0 };
    const struct options *expected = &rows[_i].options;
    ck_assert_msg(options_parse(argc, argv, &options) == rows[_i].result, "%s", rows[_i].name);
    ck_assert_msg(same(options.config, expected->config) && same(options.spool, expected->spool) &&
                      same(options.claim, expected->claim) &&
                      same(options.recover, expected->recover),
                  "%s", rows[_i].name);
    ck_assert_msg(options.once == expected->once && options.help == expected->help &&
                      options.version == expected->version &&
                      options.check_config == expected->check_config &&
                      options.log_level == expected->log_level,
                  "%s", rows[_i].name);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("options");
    TCase *tcase = tcase_create("options");
    tcase_add_loop_test(tcase, arguments_are_understood_or_refused, 0, ARRAY_LEN(rows));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
