// What decoders complain of: counted whatever the threads' timing, and heard by who listens.
#include "media/complaints.h"
#include "media/source.h"
#include "tests/support/media.h"
#include <check.h>
#include <libavutil/log.h>

static const struct source_limits limits = { .max_pixels = 1 << 24, .max_streams = 8 };

static unsigned damage_of(const char *path, int threads)
{
    struct source *source = NULL;
    struct err err = ERR_INIT;
    AVFrame *frame = av_frame_alloc();
    ck_assert_msg(source_open(media_open(path), &limits, &source, &err) == 0, "%s", err.text);
    ck_assert_int_eq(source_decode(source, SOURCE_PICTURE, threads, AVDISCARD_DEFAULT, &err), 0);
    while (source_frame(source, frame, &err) > 0)
        av_frame_unref(frame);
    unsigned damage = source_damage(source);
    av_frame_free(&frame);
    source_free(&source);
    return damage;
}

START_TEST(a_picture_that_is_cut_within_counts_whichever_thread_decodes_it)
{
    const char *whole =
        MEDIA_CLIP(.name = "complaints.ts", .seconds = 4, .options = "-c:v libx264 -g 15 -c:a aac");
    const char *cut = media_truncated(whole, "complaints-cut.ts", media_size(whole) / 2);
    unsigned expected = damage_of(cut, 1);
    ck_assert_uint_gt(expected, 0);
    // Without the count, one run in four or so sees the damage.
    for (int i = 0; i < 20; i++)
        ck_assert_uint_eq(damage_of(cut, 4), expected);
    ck_assert_uint_eq(damage_of(whole, 4), 0);
}
END_TEST

START_TEST(the_first_warning_is_heard_while_one_listens)
{
    static const struct {
        int level;
        const char *heard;
    } rows[] = {
        { AV_LOG_INFO, "" },
        { AV_LOG_WARNING, "first 1" },
        { AV_LOG_ERROR, "first 1" },
    };
    char said[100];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        av_log(NULL, AV_LOG_ERROR, "before\n");
        complaints_listen();
        av_log(NULL, rows[i].level, "first %d\n", 1);
        av_log(NULL, rows[i].level, "second\n");
        complaints_first(said, sizeof said);
        ck_assert_str_eq(said, rows[i].heard);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("complaints");
    TCase *tcase = tcase_create("complaints");
    tcase_add_test(tcase, a_picture_that_is_cut_within_counts_whichever_thread_decodes_it);
    tcase_add_test(tcase, the_first_warning_is_heard_while_one_listens);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
