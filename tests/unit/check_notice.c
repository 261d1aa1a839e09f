// The one line that `systemctl status` shows.
#include "daemon/notice.h"

#include <check.h>
#include <stdio.h>

static const struct {
    const char *line;
    size_t queued, open; // batches
    size_t running;      // of the open ones
    enum stage stage;    // in which they are
    double fraction;     // how far the first of them is; the others have told nothing
    bool space_low;
} rows[] = {
    { "idle", 0, 0, 0, STAGE_FETCH, 0, false },
    { "idle, too little free space for new ones", 0, 0, 0, STAGE_FETCH, 0, true },
    { "1 batch, 0 running", 1, 0, 0, STAGE_FETCH, 0, false },
    { "1 batch, 1 running, compress 41 %", 0, 1, 1, STAGE_COMPRESS, 0.41, false },
    { "3 batches, 2 running, compress 41 %", 1, 2, 2, STAGE_COMPRESS, 0.82, false },
    { "2 batches, 1 running, render 100 %", 0, 2, 1, STAGE_RENDER, 1, false },
};

START_TEST(the_line_counts_batches_and_names_the_busiest_stage)
{
    struct live lives[2] = { 0 };
    struct service service = { .space_low = rows[_i].space_low };
    service.roster.count[MEMBER_QUEUED] = rows[_i].queued;
    service.roster.count[MEMBER_OPEN] = rows[_i].open;
    for (size_t i = 0; i < rows[_i].open; i++) {
        int index = stage_info[rows[_i].stage].per_source ? 0 : STEP_BATCH;
        struct course_place place = { rows[_i].stage, index };
        course_init(&lives[i].course, 1, COURSE_ALL_STAGES);
        lives[i].next = service.open;
        service.open = &lives[i];
        if (i >= rows[_i].running)
            continue;
        lives[i].running = 1;
        *course_mark(&lives[i].course, place) =
            (struct course_mark){ .running = true, .fraction = i == 0 ? rows[_i].fraction : 0 };
    }
    cleanup(free_ptr) char *line = notice_line(&service);
    ck_assert_str_eq(line, rows[_i].line);
    for (size_t i = 0; i < rows[_i].open; i++)
        course_release(&lives[i].course);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("notice");
    TCase *tcase = tcase_create("notice");
    tcase_add_loop_test(tcase, the_line_counts_batches_and_names_the_busiest_stage, 0,
                        ARRAY_LEN(rows));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
