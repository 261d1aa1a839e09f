// The reel's size, rate and colours, as a table.
#include "media/look.h"

#include <check.h>

#define HD(seconds)                      \
    {                                    \
        1920, 1080, 30, 1, true, seconds \
    }
#define PHONE(seconds)                         \
    {                                          \
        1080, 1920, 30000, 1001, true, seconds \
    }
#define SD(seconds)                     \
    {                                   \
        640, 480, 25, 1, false, seconds \
    }
#define ODD(seconds)                    \
    {                                   \
        427, 241, 24, 1, false, seconds \
    }
#define FILM(seconds)                   \
    {                                   \
        1920, 804, 24, 1, true, seconds \
    }

static const struct {
    const char *name;
    struct look_source sources[3];
    struct look_wish wish;
    int width, height, fps_num, fps_den;
    enum AVColorSpace matrix;
} rows[] = {
    { "the majority by seconds",
      { HD(3), SD(10), HD(6) },
      { 0 },
      640,
      480,
      25,
      1,
      AVCOL_SPC_SMPTE170M },
    { "parts of one size count together",
      { HD(6), SD(10), HD(6) },
      { 0 },
      1920,
      1080,
      30,
      1,
      AVCOL_SPC_BT709 },
    { "of equals the first", { SD(5), HD(5) }, { 0 }, 640, 480, 25, 1, AVCOL_SPC_SMPTE170M },
    { "upright stays upright",
      { PHONE(9), HD(3) },
      { 0 },
      1080,
      1920,
      30000,
      1001,
      AVCOL_SPC_BT709 },
    { "odd sizes become even", { ODD(1) }, { 0 }, 428, 242, 24, 1, AVCOL_SPC_SMPTE170M },
    { "small but said to be BT.709",
      { { 640, 360, 30, 1, true, 4 } },
      { 0 },
      640,
      360,
      30,
      1,
      AVCOL_SPC_BT709 },
    { "a box", { HD(5) }, { 1280, 720, true, 0 }, 1280, 720, 30, 1, AVCOL_SPC_BT709 },
    { "a box on end",
      { PHONE(5) },
      { 1280, 720, true, 0 },
      720,
      1280,
      30000,
      1001,
      AVCOL_SPC_BT709 },
    { "a box keeps the shape",
      { SD(5) },
      { 1280, 720, true, 0 },
      960,
      720,
      25,
      1,
      AVCOL_SPC_BT709 },
    { "a box keeps a wide shape",
      { FILM(5) },
      { 1280, 720, true, 0 },
      1280,
      536,
      24,
      1,
      AVCOL_SPC_BT709 },
    { "exactly that size",
      { PHONE(5) },
      { 1280, 720, false, 0 },
      1280,
      720,
      30000,
      1001,
      AVCOL_SPC_BT709 },
    { "a wished rate",
      { HD(5) },
      { 0, 0, false, 23.976 },
      1920,
      1080,
      24000,
      1001,
      AVCOL_SPC_BT709 },
    { "a fast wished rate", { HD(5) }, { 0, 0, false, 120 }, 1920, 1080, 120, 1, AVCOL_SPC_BT709 },
    { "tiny", { { 2, 2, 10, 1, false, 1 } }, { 0 }, 32, 32, 10, 1, AVCOL_SPC_SMPTE170M },
    { "huge", { { 16384, 8192, 30, 1, true, 1 } }, { 0 }, 8192, 4096, 30, 1, AVCOL_SPC_BT709 },
};

START_TEST(the_look_follows_the_majority_and_the_wish)
{
    size_t count = 0;
    while (count < ARRAY_LEN(rows[_i].sources) && rows[_i].sources[count].seconds > 0)
        count++;
    struct look look = look_choose(rows[_i].sources, count, &rows[_i].wish);
    ck_assert_msg(look.picture.width == rows[_i].width && look.picture.height == rows[_i].height,
                  "%s: %dx%d", rows[_i].name, look.picture.width, look.picture.height);
    ck_assert_msg(look.fps_num == rows[_i].fps_num && look.fps_den == rows[_i].fps_den, "%s: %d/%d",
                  rows[_i].name, look.fps_num, look.fps_den);
    ck_assert_msg(look.picture.matrix == rows[_i].matrix, "%s: matrix %d", rows[_i].name,
                  (int)look.picture.matrix);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("look");
    TCase *look = tcase_create("look");
    tcase_add_loop_test(look, the_look_follows_the_majority_and_the_wish, 0, ARRAY_LEN(rows));
    suite_add_tcase(suite, look);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
