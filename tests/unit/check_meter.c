// The line of progress, on a terminal and elsewhere.
#include "base/fs.h"
#include "cli/meter.h"
#include "cli/screen.h"
#include "tests/support/folder.h"

#include <check.h>
#include <locale.h>
#include <stdio.h>

static struct folder folder;
static int dir;

static void set_up(void)
{
    folder_make(&folder);
    dir = folder.fd;
    ck_assert_int_eq(mkdirat(dir, "trip", 0700), 0);
}

static void tear_down(void)
{
    folder_remove(&folder);
}

static void put_status(const char *text)
{
    ck_assert_int_eq(fs_write(dir, "trip/status.json", text, strlen(text), NULL), 0);
}

START_TEST(test_the_line_is_never_wider_than_it_may_be)
{
    put_status("{\"status\":\"compressing\",\"progress\":63,\"estimated_remaining_seconds\":125,"
               "\"total_videos\":9,\"processed_videos\":2,\"waiting_for\":"
               "\"\xe6\xb5\xb7\xe6\xb5\xb7\xe6\xb5\xb7 \xf0\x9f\x8f\x96 room on the disk\"}");
    struct view view = VIEW_INIT;
    ck_assert_int_eq(view_load(dir, "trip", &view, NULL), 0);
    for (unsigned columns = 0; columns < 200; columns++) {
        char *line = meter_line(&view, columns);
        ck_assert_msg(screen_columns(line) <= columns, "%u columns: %s", columns, line);
        free(line);
    }
    char *line = meter_line(&view, 150);
    ck_assert_ptr_nonnull(strstr(line, "] "));
    ck_assert_ptr_nonnull(strstr(line, " 63 %"));
    ck_assert_ptr_nonnull(strstr(line, "(2 of 9 videos done)"));
    ck_assert_ptr_nonnull(strstr(line, "about 2:05 left"));
    free(line);
    view_release(&view);
}
END_TEST

static size_t lines_in(const char *text)
{
    size_t lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

START_TEST(test_without_a_terminal_a_line_comes_with_news_or_every_five_seconds)
{
    char *text = NULL;
    size_t size = 0, expected = 0;
    FILE *out = open_memstream(&text, &size);
    struct meter meter;
    meter_open(&meter, out);
    meter.terminal = false;
    for (int second = 0; second < 12; second++) {
        put_status(second < 3 ? "{\"status\":\"preparing\"}" : "{\"status\":\"clipping\"}");
        struct view view = VIEW_INIT;
        ck_assert_int_eq(view_load(dir, "trip", &view, NULL), 0);
        meter_show(&meter, &view, second * 1000000);
        view_release(&view);
        expected += second == 0 || second == 3 || second == 8;
        ck_assert_uint_eq(lines_in(text), expected);
    }
    ck_assert_ptr_null(strchr(text, '\r'));
    meter_release(&meter);
    fclose(out);
    free(text);
}
END_TEST

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    Suite *suite = suite_create("meter");
    TCase *tcase = tcase_create("meter");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, test_the_line_is_never_wider_than_it_may_be);
    tcase_add_test(tcase, test_without_a_terminal_a_line_comes_with_news_or_every_five_seconds);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
