// WAV files: of exactly the length that was said, whatever came.
#include "media/wav.h"

#include <check.h>
#include <math.h>

#include "base/fs.h"
#include "tests/support/folder.h"

static struct folder folder;

static void set_up(void)
{
    folder_make(&folder);
}

static void tear_down(void)
{
    folder_remove(&folder);
}

// The file of so many samples in so many calls.
static uint8_t *make(double seconds, const float *samples, size_t count, size_t at_once,
                     size_t *ret_size)
{
    cleanup(fs_release) struct fs_file file = FS_FILE_INIT;
    struct wav *wav = NULL;
    char *data = NULL;
    ck_assert_int_eq(fs_begin(&file, folder.fd, "a.wav", NULL), 0);
    ck_assert_int_eq(wav_open(file.fd, seconds, &wav, NULL), 0);
    for (size_t i = 0; i < count; i += at_once)
        ck_assert_int_eq(wav_add(wav, samples + i, count - i < at_once ? count - i : at_once, NULL),
                         0);
    ck_assert_int_eq(wav_finish(wav, NULL), 0);
    wav_free(&wav);
    ck_assert_int_eq(fs_commit(&file, NULL), 0);
    ck_assert_int_eq(fs_read(folder.fd, "a.wav", 10 << 20, &data, ret_size, NULL), 0);
    return (uint8_t *)data;
}

static int16_t sample(const uint8_t *file, size_t index)
{
    return (int16_t)(file[44 + 2 * index] | file[45 + 2 * index] << 8);
}

START_TEST(the_header_says_what_follows)
{
    static const uint8_t header[44] = "RIFF\x64\x7d\x00\x00WAVE" // 32100 bytes behind
                                      "fmt \x10\x00\x00\x00\x01\x00\x01\x00"
                                      "\x80\x3e\x00\x00\x00\x7d\x00\x00\x02\x00\x10\x00"
                                      "data\x40\x7d\x00\x00"; // 32064: 1.002 s
    cleanup(free_ptr) uint8_t *file = NULL;
    size_t size;
    file = make(1.002, NULL, 0, 1, &size);
    ck_assert_uint_eq(size, 44 + 32064);
    ck_assert_mem_eq(file, header, sizeof header);
}
END_TEST

static const struct {
    const char *name;
    double seconds;
    size_t given, at_once, length;
} lengths[] = {
    { "as many as said", 1, 16000, 4096, 16000 },
    { "one at a time", 0.1, 1600, 1, 1600 },
    { "fewer", 2, 16000, 5000, 32000 },
    { "more", 0.5, 16000, 5000, 8000 },
    { "none", 0.25, 0, 1, 4000 },
    { "no length", 0, 1000, 100, 0 },
    { "less than none", -3, 1000, 100, 0 },
};

START_TEST(it_is_of_the_length_that_was_said)
{
    static float samples[16000];
    size_t size, given = lengths[_i].given;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++)
        samples[i] = 0.25f;
    cleanup(free_ptr) uint8_t *file =
        make(lengths[_i].seconds, samples, given, lengths[_i].at_once, &size);
    ck_assert_msg(size == 44 + 2 * lengths[_i].length, "%s: %zu bytes", lengths[_i].name, size);
    for (size_t i = 0; i < lengths[_i].length; i++)
        ck_assert_msg(sample(file, i) == (i < given ? 8192 : 0), "%s: sample %zu is %d",
                      lengths[_i].name, i, sample(file, i));
}
END_TEST

START_TEST(what_is_louder_than_can_be_is_clipped_and_what_is_no_number_is_silence)
{
    static const float samples[] = { 0, 1, -1, 1.5f, -1.5f, INFINITY, -INFINITY, NAN, 1e-9f };
    static const int16_t expected[] = { 0, 32767, -32767, 32767, -32767, 32767, -32767, 0, 0 };
    size_t size;
    cleanup(free_ptr) uint8_t *file = make(0.1, samples, ARRAY_LEN(samples), 4, &size);
    for (size_t i = 0; i < ARRAY_LEN(samples); i++)
        ck_assert_int_eq(sample(file, i), expected[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wav");
    TCase *tcase = tcase_create("wav");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, the_header_says_what_follows);
    tcase_add_loop_test(tcase, it_is_of_the_length_that_was_said, 0, (int)ARRAY_LEN(lengths));
    tcase_add_test(tcase, what_is_louder_than_can_be_is_clipped_and_what_is_no_number_is_silence);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
