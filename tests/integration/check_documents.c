// What the documents say, held against the programs: options and their defaults, commands, links
// between files, and the commands of README.md, which are run.
//
// The lists of options in the two configuration pages are written from the tables:
//   CLIPSPOOL_WRITE_PAGES=1 check_documents
// puts them in place, between the marks "options begin" and "options end".
// A block of README.md that begins with "```sh test" is run, in order with the others, in a copy of
// the tree in which build/ is this build.
#include "spool/job.h"
#include "spool/settings.h"
#include "tests/support/folder.h"
#include "tests/support/program.h"
#include "tests/support/spoken.h"

#include <check.h>
#include <ctype.h>
#include <stdio.h>
#include <sys/stat.h>

static const char begin_mark[] = ".\\\" options begin\n", end_mark[] = ".\\\" options end\n";

static char *contents(const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s cannot be read; tests run in the top folder", path);
    ck_assert_int_gt(getdelim(&text, &size, '\0', file), 0);
    (void)fclose(file);
    return text;
}

// ---- the lists of options, as mdoc

static void write_limits(FILE *out, const struct config_option *option)
{
    const char *unit = option->unit ? option->unit : "";
    const char *space = *unit ? " " : "";
    switch (option->type) {
    case CONFIG_BOOL:
        fputs("True or false", out);
        break;
    case CONFIG_INT:
        fprintf(out, "A whole number from %.15g to %.15g%s%s", option->min, option->max, space,
                unit);
        break;
    case CONFIG_NUMBER:
        fprintf(out, "A number from %.15g to %.15g%s%s", option->min, option->max, space, unit);
        break;
    case CONFIG_TEXT:
        fprintf(out, "A text of at most %.15g bytes", option->max);
        break;
    case CONFIG_CHOICE:
        fputs("One of", out);
        for (const char *const *choice = option->choices; *choice; choice++)
            fprintf(out, "%s\n.Qq %s", choice == option->choices ? "" : " ,", *choice);
        break;
    case CONFIG_LIST:
        fprintf(out, "A list of at most %.15g groups", option->max);
        break;
    }
}

static void write_default(FILE *out, const struct config_option *option)
{
    bool quoted = option->type == CONFIG_TEXT || option->type == CONFIG_CHOICE;
    const char *chosen = option->fallback;
    if (!chosen && option->type == CONFIG_CHOICE)
        chosen = option->choices[0];
    if (option->type == CONFIG_CHOICE)
        fprintf(out, " ;\nby default\n.Qq %s .\n", chosen);
    else if (!chosen)
        fprintf(out, "; not set by default.\n");
    else
        fprintf(out, "; by default\n.%s %s .\n", quoted ? "Qq" : "Li", chosen);
}

static void write_options(FILE *out, const struct config_option *options, size_t count)
{
    fputs(".Bl -tag -width Ds\n", out);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, ".It Va %s\n%s\n", options[i].path, options[i].help);
        write_limits(out, &options[i]);
        write_default(out, &options[i]);
        if (options[i].element_count) {
            fputs("In each group:\n", out);
            write_options(out, options[i].elements, options[i].element_count);
        }
    }
    fputs(".El\n", out);
}

static const struct page {
    const char *path;
    const struct config_option *options;
    const size_t *count;
} pages[] = {
    { "docs/man/clipspool.conf.5", settings_options, &settings_option_count },
    { "docs/man/clipspool-job.5", job_options, &job_option_count },
};

static char *options_of(const struct page *page)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    write_options(out, page->options, *page->count);
    (void)fclose(out);
    return text;
}

// The page with the list as it should be.
static char *page_as_due(const struct page *page)
{
    char *old = contents(page->path), *list = options_of(page);
    char *begin = strstr(old, begin_mark), *end = strstr(old, end_mark);
    ck_assert_msg(begin && end > begin, "%s: no marks around the options", page->path);
    begin += strlen(begin_mark);
    char *due = xasprintf("%.*s%s%s", (int)(begin - old), old, list, end);
    free(old);
    free(list);
    return due;
}

static void write_page(const char *path, const char *text)
{
    FILE *out = fopen(path, "w");
    ck_assert_ptr_nonnull(out);
    fputs(text, out);
    ck_assert_int_eq(fclose(out), 0);
}

START_TEST(test_the_pages_list_every_option_with_its_default_and_range_and_no_other)
{
    char *is = contents(pages[_i].path), *due = page_as_due(&pages[_i]);
    size_t same = 0;
    if (getenv("CLIPSPOOL_WRITE_PAGES")) {
        write_page(pages[_i].path, due);
        return;
    }
    while (is[same] && is[same] == due[same])
        same++;
    ck_assert_msg(!strcmp(is, due), "%s differs from the table (CLIPSPOOL_WRITE_PAGES=1):\n%.80s",
                  pages[_i].path, due + same);
    free(is);
    free(due);
}
END_TEST

// ---- the examples

// The literal block at `*at` or behind it, up to `end`; moves *at behind it.  Gives a string, or
// NULL.
static char *next_block(char **at, const char *end)
{
    static const char begin_block[] = ".Bd -literal -offset indent\n", end_block[] = ".Ed\n";
    char *begin = strstr(*at, begin_block), *close = begin ? strstr(begin, end_block) : NULL;
    if (!close || close > end)
        return NULL;
    begin += strlen(begin_block);
    *at = close + strlen(end_block);
    return xstrndup(begin, (size_t)(close - begin));
}

static void assert_loads(const struct page *page, const char *text)
{
    cleanup(config_report_release) struct config_report report = CONFIG_REPORT_INIT;
    struct job job = { 0 };
    struct settings settings = { 0 };
    struct folder folder;
    folder_make(&folder);
    folder_put(&folder, "example.conf", text);
    char *path = xasprintf("%s/example.conf", folder.path);
    int r = page->options == job_options ? job_parse("example.conf", text, &job, &report)
                                         : settings_load(path, &settings, &report);
    ck_assert_msg(r == 0, "%s: %s", page->path, report.text);
    job_release(&job);
    settings_release(&settings);
    free(path);
    folder_remove(&folder);
}

START_TEST(test_the_examples_of_the_pages_have_nothing_wrong)
{
    char *text = contents(pages[_i].path), *at = strstr(text, ".Sh EXAMPLES\n"), *example;
    ck_assert_ptr_nonnull(at);
    char *end = strstr(at + 1, "\n.Sh ");
    size_t count = 0;
    for (; (example = next_block(&at, end)); count++) {
        assert_loads(&pages[_i], example);
        free(example);
    }
    ck_assert_uint_gt(count, 0);
    free(text);
}
END_TEST

// ---- the manual pages

static const char *const manuals[] = {
    "docs/man/clipspool.1",
    "docs/man/clipspoold.8",
    "docs/man/clipspool.conf.5",
    "docs/man/clipspool-job.5",
};

START_TEST(test_manual_pages_are_sound)
{
    struct stat st;
    struct spoken spoken;
    if (stat("/usr/bin/mandoc", &st) != 0) {
        printf("SKIP manual pages: mandoc is not installed\n");
        return;
    }
    SPOKEN_RUN(&spoken, NULL, "/usr/bin/mandoc", "-Tlint", "-Wwarning", manuals[_i]);
    ck_assert_msg(spoken.status == 0, "%s%s", spoken.out, spoken.err);
    spoken_release(&spoken);
}
END_TEST

// Calls visit for each "--word" in the text.
static void each_option(const char *text, void (*visit)(const char *option, const void *context),
                        const void *context)
{
    for (const char *at = text; (at = strstr(at, "--"));) {
        size_t length = 2 + strspn(at + 2, "abcdefghijklmnopqrstuvwxyz-");
        char *option = xstrndup(at, length);
        if (length > 3)
            visit(option, context);
        free(option);
        at += length;
    }
}

static void assert_in_manual(const char *option, const void *context)
{
    const char *manual = context;
    char *mdoc = xasprintf("Fl Fl %s", option + 2);
    ck_assert_msg(strstr(manual, mdoc), "%s is not in the manual page", option);
    free(mdoc);
}

static void assert_in_completion(const char *option, const void *context)
{
    ck_assert_msg(strstr(context, option), "%s is not completed", option);
}

static const char *const commands[] = { "run",    "submit", "list",  "status", "watch",
                                        "cancel", "retry",  "check", "doctor" };

START_TEST(test_the_manual_and_the_completion_know_every_command_and_option)
{
    struct spoken spoken;
    char *clipspool = program_built("bin/clipspool"), *manual = contents("docs/man/clipspool.1");
    char *completion = contents("etc/bash-completion/clipspool");
    SPOKEN_RUN(&spoken, NULL, clipspool, "help", commands[_i]);
    ck_assert_int_eq(spoken.status, 0);
    char *mdoc = xasprintf(".It Cm %s", commands[_i]), *word = xasprintf(" %s ", commands[_i]);
    ck_assert_msg(strstr(manual, mdoc), "%s is not in the manual page", commands[_i]);
    ck_assert_msg(strstr(completion, word), "%s is not completed", commands[_i]);
    each_option(spoken.out, assert_in_manual, manual);
    each_option(spoken.out, assert_in_completion, completion);
    spoken_release(&spoken);
    free(mdoc), free(word), free(clipspool), free(manual), free(completion);
}
END_TEST

START_TEST(test_the_list_of_commands_above_is_the_programs_own)
{
    struct spoken spoken;
    char *clipspool = program_built("bin/clipspool");
    SPOKEN_RUN(&spoken, NULL, clipspool, "help");
    size_t shown = 0, known = 0;
    // Commands are the lines with two blanks and a letter in front; help is the last of them.
    for (const char *at = spoken.out; (at = strstr(at, "\n  ")); at += 3)
        shown += islower((unsigned char)at[3]) != 0;
    for (; known < ARRAY_LEN(commands); known++)
        ck_assert_ptr_nonnull(strstr(spoken.out, commands[known]));
    ck_assert_uint_eq(shown, known + 1);
    spoken_release(&spoken);
    free(clipspool);
}
END_TEST

START_TEST(test_the_daemons_manual_knows_every_option)
{
    struct spoken spoken;
    char *daemon = program_built("sbin/clipspoold"), *manual = contents("docs/man/clipspoold.8");
    SPOKEN_RUN(&spoken, NULL, daemon, "--help");
    each_option(spoken.out, assert_in_manual, manual);
    spoken_release(&spoken);
    free(daemon), free(manual);
}
END_TEST

// ---- completion

// What bash offers for words[] when Tab is pressed behind the last; one a line.
static char *completed(const struct folder *folder, const char *line)
{
    char *clipspool = program_built("bin");
    char *script = xasprintf("PATH='%s':$PATH; . etc/bash-completion/clipspool; "
                             "COMP_WORDS=(%s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _clipspool; "
                             "printf '%%s\\n' \"${COMPREPLY[@]}\" > '%s/out'",
                             clipspool, line, folder->path);
    struct spoken spoken;
    SPOKEN_RUN(&spoken, NULL, "/bin/bash", "-c", script);
    ck_assert_msg(spoken.status == 0, "%s", spoken.err);
    char *text = folder_get(folder, "out");
    spoken_release(&spoken);
    free(script);
    free(clipspool);
    return text;
}

START_TEST(test_names_and_commands_are_completed)
{
    struct folder folder;
    folder_make(&folder);
    char *config = xasprintf("spool = { root = \"%s\"; };", folder.path);
    folder_put(&folder, "clipspool.conf", config);
    ck_assert_int_eq(mkdirat(folder.fd, "outbox", 0755), 0);
    ck_assert_int_eq(mkdirat(folder.fd, "outbox/trip", 0755), 0);
    ck_assert_int_eq(mkdirat(folder.fd, "outbox/$(touch evil)", 0755), 0);
    char *names = xasprintf("clipspool -C %s/clipspool.conf watch ''", folder.path);
    const char *lines[][2] = { { "clipspool do", "doctor\n" },
                               { "clipspool run --na", "--name\n" },
                               { names, "trip\n" } };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        char *offered = completed(&folder, lines[i][0]);
        ck_assert_str_eq(offered, lines[i][1]);
        free(offered);
    }
    free(names);
    free(config);
    folder_remove(&folder);
}
END_TEST

// ---- the documents

static const char *const documents[] = { "README.md",
                                         "docs/ARCHITECTURE.md",
                                         "docs/SPOOL.md",
                                         "docs/STYLE.md",
                                         "docs/FAILURES.md",
                                         "docs/MODELS.md",
                                         "docs/providers/local.md",
                                         "docs/providers/dashscope.md",
                                         "docs/providers/openai.md" };

START_TEST(test_links_between_documents_lead_somewhere)
{
    char *text = contents(documents[_i]);
    const char *slash = strrchr(documents[_i], '/');
    cleanup(free_ptr) char *folder =
        xasprintf("%.*s", slash ? (int)(slash + 1 - documents[_i]) : 0, documents[_i]);
    for (char *at = text; (at = strstr(at, "]("));) {
        at += 2;
        size_t length = strcspn(at, ")#");
        if (!length || !strncmp(at, "http", 4))
            continue;
        char *path = xasprintf("%s%.*s", folder, (int)length, at);
        struct stat st;
        ck_assert_msg(stat(path, &st) == 0, "%s: there is no %s", documents[_i], path);
        free(path);
    }
    free(text);
}
END_TEST

// A block that begins with "```conf" is a configuration as it can be written.
START_TEST(test_configurations_in_documents_are_accepted)
{
    struct folder folder;
    unsigned blocks = 0;
    folder_make(&folder);
    cleanup(free_ptr) char *path = xasprintf("%s/clipspool.conf", folder.path);
    for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
        cleanup(free_ptr) char *text = contents(documents[i]);
        for (char *at = text; (at = strstr(at, "```conf\n")); blocks++) {
            at += strlen("```conf\n");
            char *end = strstr(at, "```\n");
            ck_assert_msg(end != NULL, "%s: a block does not end", documents[i]);
            cleanup(free_ptr) char *block = xstrndup(at, (size_t)(end - at));
            struct settings settings = { .root = NULL };
            struct config_report report = CONFIG_REPORT_INIT;
            folder_put(&folder, "clipspool.conf", block);
            ck_assert_msg(settings_load(path, &settings, &report) == 0, "%s: %s", documents[i],
                          report.text);
            settings_release(&settings);
            config_report_release(&report);
        }
    }
    ck_assert_uint_ge(blocks, 4);
    folder_remove(&folder);
}
END_TEST

// The codes in docs/FAILURES.md are those that the sources set.
START_TEST(test_every_code_of_an_error_that_is_described_exists)
{
    struct spoken spoken;
    char *text = contents("docs/FAILURES.md");
    size_t codes = 0;
    for (char *at = text; (at = strstr(at, "| `")); codes++) {
        at += 3;
        size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyz_");
        if (at[length] != '`')
            continue;
        char *quoted = xasprintf("\"%.*s\"", (int)length, at);
        SPOKEN_RUN(&spoken, NULL, "/bin/grep", "-rqF", quoted, "src");
        ck_assert_msg(spoken.status == 0, "no source sets %s", quoted);
        spoken_release(&spoken);
        free(quoted);
    }
    ck_assert_uint_gt(codes, 20);
    free(text);
}
END_TEST

// Gives the marked blocks of README.md as one shell script.
static char *marked_blocks(void)
{
    char *text = contents("README.md"), *script = NULL;
    size_t size = 0, blocks = 0;
    FILE *out = open_memstream(&script, &size);
    for (char *at = text; (at = strstr(at, "```sh test\n")); blocks++) {
        at += strlen("```sh test\n");
        char *end = strstr(at, "```");
        ck_assert_ptr_nonnull(end);
        fprintf(out, "%.*s", (int)(end - at), at);
        at = end;
    }
    (void)fclose(out);
    free(text);
    ck_assert_uint_ge(blocks, 3);
    return script;
}

START_TEST(test_the_commands_of_the_readme_work)
{
    struct folder folder;
    struct spoken spoken;
    folder_make(&folder);
    char *build = program_built(""), *blocks = marked_blocks();
    char *script = xasprintf("git ls-files -z | xargs -0 cp -p --parents -t '%s'\n"
                             "ln -s '%s' '%s/build'\ncd '%s'\nunset O VIDEOS MAKEFLAGS MAKELEVEL\n"
                             "rm -rf build/demo/mine\nset -x\n%s",
                             folder.path, build, folder.path, folder.path, blocks);
    SPOKEN_RUN(&spoken, NULL, "/bin/sh", "-euc", script);
    ck_assert_msg(spoken.status == 0, "%s\n%s", spoken.out, spoken.err);
    ck_assert_msg(strstr(spoken.out, "The reel: "), "%s", spoken.out);
    spoken_release(&spoken);
    free(script), free(blocks), free(build);
    folder_remove(&folder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("documents");
    TCase *tcase = tcase_create("documents");
    tcase_set_timeout(tcase, 240);
    tcase_add_loop_test(tcase,
                        test_the_pages_list_every_option_with_its_default_and_range_and_no_other, 0,
                        (int)ARRAY_LEN(pages));
    tcase_add_loop_test(tcase, test_the_examples_of_the_pages_have_nothing_wrong, 0,
                        (int)ARRAY_LEN(pages));
    tcase_add_loop_test(tcase, test_manual_pages_are_sound, 0, (int)ARRAY_LEN(manuals));
    tcase_add_loop_test(tcase, test_the_manual_and_the_completion_know_every_command_and_option, 0,
                        (int)ARRAY_LEN(commands));
    tcase_add_test(tcase, test_the_list_of_commands_above_is_the_programs_own);
    tcase_add_test(tcase, test_the_daemons_manual_knows_every_option);
    tcase_add_test(tcase, test_names_and_commands_are_completed);
    tcase_add_test(tcase, test_configurations_in_documents_are_accepted);
    tcase_add_loop_test(tcase, test_links_between_documents_lead_somewhere, 0,
                        (int)ARRAY_LEN(documents));
    tcase_add_test(tcase, test_every_code_of_an_error_that_is_described_exists);
    tcase_add_test(tcase, test_the_commands_of_the_readme_work);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
