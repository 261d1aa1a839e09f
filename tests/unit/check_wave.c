// The sound that the recogniser hears, from files as they should be and as they should not.
#include "base/fs.h"
#include "speech/wave.h"
#include "tests/support/folder.h"

#include <check.h>
#include <fcntl.h>
#include <sys/stat.h>

static struct folder folder;
static struct wave wave;

static void set_up(void)
{
    folder_make(&folder);
    wave = (struct wave)WAVE_INIT;
}

static void tear_down(void)
{
    wave_close(&wave);
    folder_remove(&folder);
}

#define RIFF "RIFF\x30\0\0\0WAVE"
#define FORMAT "fmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\0\x7d\0\0\2\0\x10\0"
#define OTHER "LIST\3\0\0\0abc\0"

#define BYTES(text) text, sizeof(text) - 1

static const struct {
    const char *name, *bytes;
    size_t size;
    int samples; // -1: refused
} files[] = {
    { "plain", BYTES(RIFF FORMAT "data\4\0\0\0abcd"), 2 },
    { "other chunks between", BYTES(RIFF OTHER FORMAT OTHER "data\4\0\0\0abcd"), 2 },
    { "more behind the samples", BYTES(RIFF FORMAT "data\4\0\0\0abcd" OTHER), 2 },
    { "a length that was never filled in", BYTES(RIFF FORMAT "data\0\0\0\0abcd"), 2 },
    { "a length beyond the file",
      BYTES(RIFF FORMAT "data\xff\xff\xff\xff"
                        "abcd"),
      2 },
    { "half a sample at the end", BYTES(RIFF FORMAT "data\5\0\0\0abcde"), 2 },
    { "no sound at all", BYTES(RIFF FORMAT "data\0\0\0\0"), 0 },
    { "empty", "", 0, -1 },
    { "cut off in the head", BYTES("RIFF\4\0\0\0WAV"), -1 },
    { "something else", BYTES("ID3\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), -1 },
    { "no format", BYTES(RIFF "data\4\0\0\0abcd"), -1 },
    { "the format behind the samples", BYTES(RIFF "data\4\0\0\0abcd" FORMAT), -1 },
    { "no samples", BYTES(RIFF FORMAT), -1 },
    { "a format cut off", BYTES(RIFF "fmt \x10\0\0\0\1\0\1\0"), -1 },
    { "two channels",
      BYTES(RIFF "fmt \x10\0\0\0\1\0\2\0\x80\x3e\0\0\0\xfa\0\0\4\0\x10\0data\4\0\0\0abcd"), -1 },
    { "another rate",
      BYTES(RIFF "fmt \x10\0\0\0\1\0\1\0\x44\xac\0\0\0\x7d\0\0\2\0\x10\0data\4\0\0\0abcd"), -1 },
    { "8 bits",
      BYTES(RIFF "fmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\x80\x3e\0\0\1\0\x08\0data\4\0\0\0abcd"), -1 },
    { "a chunk that is all there could be",
      BYTES(RIFF "LIST\xff\xff\xff\xff" FORMAT "data\4\0\0\0abcd"), -1 },
};

START_TEST(only_what_is_as_it_was_written_is_heard)
{
    struct err err = ERR_INIT;
    ck_assert_int_eq(fs_write(folder.fd, "audio.wav", files[_i].bytes, files[_i].size, NULL), 0);
    int r = wave_open(fs_open(folder.fd, "audio.wav", O_RDONLY), &wave, &err);
    ck_assert_msg((r == 0) == (files[_i].samples >= 0), "%s: %s", files[_i].name, err.text);
    if (r < 0) {
        ck_assert_str_eq(err.id, "bad_sound");
        ck_assert_int_eq(err.class, ERR_INPUT);
        ck_assert_int_eq(wave.fd, -1);
        return;
    }
    int16_t samples[4];
    ck_assert_msg(wave.samples == files[_i].samples, "%s: %ld", files[_i].name, (long)wave.samples);
    ck_assert_int_eq(wave_read(&wave, 1, samples, 4, NULL), 0);
    ck_assert_int_eq(samples[0], wave.samples > 1 ? 'c' + 256 * 'd' : 0);
    ck_assert(samples[1] == 0 && samples[2] == 0 && samples[3] == 0); // silence behind the end
}
END_TEST

START_TEST(a_list_of_chunks_without_end_ends)
{
    size_t size = 12 + 8 * 100000;
    cleanup(free_ptr) char *bytes = xcalloc(size, 1);
    memcpy(bytes, RIFF, 12);
    ck_assert_int_eq(fs_write(folder.fd, "audio.wav", bytes, size, NULL), 0);
    ck_assert_int_lt(wave_open(fs_open(folder.fd, "audio.wav", O_RDONLY), &wave, NULL), 0);
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
    struct err err = ERR_INIT;
    ck_assert_int_eq(mkfifoat(folder.fd, "audio.wav", 0600), 0);
    ck_assert_int_lt(wave_open(fs_open(folder.fd, "audio.wav", O_RDONLY), &wave, &err), 0);
    ck_assert_str_eq(err.id, "bad_sound");
}
END_TEST

START_TEST(a_part_is_a_file_of_its_own)
{
    static const char bytes[] = RIFF FORMAT "data\6\0\0\0abcdef";
    ck_assert_int_eq(fs_write(folder.fd, "audio.wav", bytes, sizeof bytes - 1, NULL), 0);
    ck_assert_int_eq(wave_open(fs_open(folder.fd, "audio.wav", O_RDONLY), &wave, NULL), 0);
    char *part = NULL;
    size_t size = 0;
    ck_assert_int_eq(wave_cut(&wave, 1, 3, &part, &size, NULL), 0);
    ck_assert_int_eq(fs_write(folder.fd, "part.wav", part, size, NULL), 0);
    free(part);
    cleanup(wave_close) struct wave again = WAVE_INIT;
    int16_t samples[3];
    ck_assert_int_eq(wave_open(fs_open(folder.fd, "part.wav", O_RDONLY), &again, NULL), 0);
    ck_assert_int_eq(again.samples, 3);
    ck_assert_int_eq(wave_read(&again, 0, samples, 3, NULL), 0);
    ck_assert(samples[0] == 'c' + 256 * 'd' && samples[1] == 'e' + 256 * 'f' && samples[2] == 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wave");
    TCase *tcase = tcase_create("wave");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, only_what_is_as_it_was_written_is_heard, 0, ARRAY_LEN(files));
    tcase_add_test(tcase, a_list_of_chunks_without_end_ends);
    tcase_add_test(tcase, what_is_no_file_is_refused);
    tcase_add_test(tcase, a_part_is_a_file_of_its_own);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
