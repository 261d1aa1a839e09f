// Tokens against what was billed and worked out elsewhere, and what saves them.
#include "model/tokens.h"

#include "tests/unit/token_vectors.h"
#include <check.h>
#include <math.h>

START_TEST(known_videos_cost_what_is_known_of_them)
{
    const struct token_vector *vector = &token_vectors[_i];
    struct tokens_view view;
    tokens_of_video(tokens_rules_of(vector->model), &vector->video, vector->fps, 0, &view);
    ck_assert_msg(view.tokens == vector->view.tokens, "%s: %lu tokens, not %lu", vector->name,
                  (unsigned long)view.tokens, (unsigned long)vector->view.tokens);
    ck_assert_uint_eq(view.frames, vector->view.frames);
    ck_assert_uint_eq(view.width, vector->view.width);
    ck_assert_uint_eq(view.height, vector->view.height);
}
END_TEST

START_TEST(all_vectors_are_here_and_the_billed_one_is_among_them)
{
    ck_assert_uint_eq(ARRAY_LEN(token_vectors), 55);
    ck_assert_uint_eq(token_vectors[0].view.tokens, 3586);
}
END_TEST

static const struct {
    const char *model;
    unsigned factor, most_frames; // 0: not known
} models[] = {
    { "qwen3-vl-plus", 32, 2000 },
    { "qwen3-vl-plus-2025-09-23", 32, 2000 },
    { "qwen3-vl-8b-instruct", 32, 512 },
    { "qwen3.5-plus", 32, 8000 },
    { "qwen-vl-max-latest", 32, 512 },
    { "qwen2.5-vl-7b-instruct", 28, 512 },
    { "gpt-4o-mini", 0, 0 },
    { "qwen-plus", 0, 0 },
    { "", 0, 0 },
};

START_TEST(a_model_is_known_by_the_beginning_of_its_name)
{
    const struct tokens_rules *rules = tokens_rules_of(models[_i].model);
    ck_assert_int_eq(rules != NULL, models[_i].factor != 0);
    if (rules != NULL) {
        ck_assert_uint_eq(rules->factor, models[_i].factor);
        ck_assert_uint_eq(rules->most_frames, models[_i].most_frames);
    }
}
END_TEST

static uint64_t cost(unsigned width, unsigned height, double seconds, double fps, uint64_t pixels)
{
    struct tokens_video video = { width, height, seconds * 30, 30 };
    struct tokens_view view;
    tokens_of_video(tokens_rules_of("qwen-vl-max"), &video, fps, pixels, &view);
    return view.tokens;
}

START_TEST(a_smaller_file_saves_nothing_until_its_pictures_are_below_the_limit)
{
    ck_assert(cost(1280, 720, 60, 1, 0) == cost(1920, 1080, 60, 1, 0));
    ck_assert(cost(3840, 2160, 60, 1, 0) == cost(1920, 1080, 60, 1, 0));
    ck_assert(cost(640, 360, 60, 1, 0) < cost(1280, 720, 60, 1, 0));
}
END_TEST

START_TEST(fewer_pictures_less_time_and_fewer_pixels_each_save)
{
    uint64_t plain = cost(1920, 1080, 60, 1, 0);
    ck_assert(cost(1920, 1080, 60, 0.5, 0) < plain);
    ck_assert(cost(1920, 1080, 30, 1, 0) < plain);
    ck_assert(cost(1920, 1080, 60, 1, 230400) < plain);
    ck_assert(cost(1920, 1080, 60, 2, 0) == cost(1920, 1080, 60, 0, 0));
    // More pixels than the rules have are not to be had.
    ck_assert(cost(1920, 1080, 60, 1, 99999999) == plain);
}
END_TEST

static const struct {
    const char *name;
    struct tokens_video video;
    double fps;
    struct tokens_view view;
} extremes[] = {
    { "two seconds have four pictures", { 640, 352, 60, 30 }, 0.5, { 4, 640, 352, 442 } },
    { "a single picture", { 640, 352, 1, 30 }, 2, { 1, 640, 352, 222 } },
    { "tiny pictures are enlarged", { 8, 8, 120, 30 }, 1, { 4, 64, 64, 10 } },
    { "a line", { 100000, 1, 120, 30 }, 1, { 4, 100000, 32, 6252 } },
    { "half a square goes to the even side", { 656, 336, 120, 30 }, 1, { 4, 640, 320, 402 } },
    { "no width", { 0, 352, 60, 30 }, 1, { 0 } },
    { "no pictures", { 640, 352, 0, 30 }, 1, { 0 } },
    { "no rate", { 640, 352, 60, 0 }, 1, { 0 } },
    { "a rate that is no number", { 640, 352, 60, NAN }, 1, { 0 } },
    { "pictures without end", { 640, 352, INFINITY, 30 }, 1, { 0 } },
};

START_TEST(extreme_videos_have_a_price_or_none)
{
    struct tokens_view view;
    tokens_of_video(tokens_rules_of("qwen-vl-max"), &extremes[_i].video, extremes[_i].fps, 0,
                    &view);
    ck_assert_msg(view.tokens == extremes[_i].view.tokens &&
                      view.width == extremes[_i].view.width &&
                      view.frames == extremes[_i].view.frames,
                  "%s: %u of %ux%u, %lu tokens", extremes[_i].name, view.frames, view.width,
                  view.height, (unsigned long)view.tokens);
}
END_TEST

START_TEST(a_list_of_frames_costs_what_a_video_of_as_many_pictures_does)
{
    struct tokens_view view;
    tokens_of_frames(tokens_rules_of("qwen-vl-max"), 28, 512, 512, &view);
    ck_assert_uint_eq(view.tokens, 3586);
    tokens_of_frames(tokens_rules_of("qwen-vl-max"), 27, 512, 512, &view);
    ck_assert_uint_eq(view.tokens, 3586); // a layer is two pictures, also the last
    tokens_of_frames(tokens_rules_of("qwen-vl-max"), 0, 512, 512, &view);
    ck_assert_uint_eq(view.tokens, 0);
}
END_TEST

START_TEST(a_picture_has_limits_of_its_own)
{
    const struct tokens_rules *now = tokens_rules_of("qwen3-vl-plus");
    ck_assert_uint_eq(tokens_of_picture(now, 1024, 1024), 1024 + 2);
    ck_assert_uint_eq(tokens_of_picture(now, 1, 1), 4 + 2);
    ck_assert_uint_eq(tokens_of_picture(now, 0, 100), 0);
    ck_assert_uint_le(tokens_of_picture(now, 20000, 20000), 2621440 / 1024 + 2);
    ck_assert_uint_eq(tokens_of_picture(tokens_rules_of("qwen2.5-vl"), 280, 280), 100 + 2);
}
END_TEST

static const struct {
    const char *text;
    uint64_t tokens;
} texts[] = {
    { "", 0 },
    { "cat", 1 },
    { "cats", 2 },
    { "a cat", 2 },
    { "12.345", 6 },
    { "{\"start\":1}", 8 },
    { "\xe7\x8c\xab\xe7\x8b\x97", 2 }, // two Chinese characters
};

START_TEST(a_text_is_counted_on_the_safe_side)
{
    ck_assert_uint_eq(tokens_of_text(texts[_i].text, strlen(texts[_i].text)), texts[_i].tokens);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tokens");
    TCase *tcase = tcase_create("tokens");
    tcase_add_loop_test(tcase, known_videos_cost_what_is_known_of_them, 0,
                        (int)ARRAY_LEN(token_vectors));
    tcase_add_test(tcase, all_vectors_are_here_and_the_billed_one_is_among_them);
    tcase_add_loop_test(tcase, a_model_is_known_by_the_beginning_of_its_name, 0,
                        (int)ARRAY_LEN(models));
    tcase_add_test(tcase, a_smaller_file_saves_nothing_until_its_pictures_are_below_the_limit);
    tcase_add_test(tcase, fewer_pictures_less_time_and_fewer_pixels_each_save);
    tcase_add_loop_test(tcase, extreme_videos_have_a_price_or_none, 0, (int)ARRAY_LEN(extremes));
    tcase_add_test(tcase, a_list_of_frames_costs_what_a_video_of_as_many_pictures_does);
    tcase_add_test(tcase, a_picture_has_limits_of_its_own);
    tcase_add_loop_test(tcase, a_text_is_counted_on_the_safe_side, 0, (int)ARRAY_LEN(texts));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
