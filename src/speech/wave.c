// WAV: a list of chunks, of which two matter.

#include "speech/wave.h"

#include <endian.h>
#include <errno.h>
#include <sys/stat.h>

enum {
    HEAD_SIZE = 12,
    CHUNK_SIZE = 8,
    FORMAT_SIZE = 16,
    FORMAT_PCM = 1,
    MAX_CHUNKS = 100, // a file has three or four
    SAMPLE_SIZE = 2
};

static int bad(struct err *err, const char *what)
{
    return err_set(err, ERR_INPUT, "bad_sound", "the sound cannot be heard: %s", what);
}

// Reads exactly that much.  Returns 1, 0 at the end of the file, or a negative.
static int read_at(int fd, int64_t offset, void *data, size_t size, struct err *err)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = pread(fd, (char *)data + done, size - done, offset + (int64_t)done);
        if (got < 0 && errno != EINTR)
            return err_errno(err, errno, "read the sound");
        if (got == 0)
            return 0;
        done += got > 0 ? (size_t)got : 0;
    }
    return 1;
}

static uint32_t number32(const unsigned char *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return le32toh(value);
}

static uint32_t number16(const unsigned char *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8;
}

static int check_format(const unsigned char *format, struct err *err)
{
    bool is_ours = number16(format) == FORMAT_PCM && number16(format + 2) == 1 &&
                   number32(format + 4) == WAVE_RATE && number16(format + 14) == 8 * SAMPLE_SIZE;
    return is_ours ? 0 : bad(err, "it is not one channel of 16 bits at 16 kHz");
}

// Looks for the samples; a length that was never filled in goes to the end of the file.
static int find_samples(struct wave *wave, int64_t size, struct err *err)
{
    unsigned char chunk[CHUNK_SIZE + FORMAT_SIZE];
    bool has_format = false;
    int64_t at = HEAD_SIZE;
    for (int i = 0; i < MAX_CHUNKS && at + CHUNK_SIZE <= size; i++) {
        int r = read_at(wave->fd, at, chunk, CHUNK_SIZE, err);
        if (r < 0)
            return r;
        int64_t length = number32(chunk + 4), left = size - at - CHUNK_SIZE;
        if (memcmp(chunk, "data", 4) == 0 && has_format) {
            wave->offset = at + CHUNK_SIZE;
            wave->samples = (length > 0 && length < left ? length : left) / SAMPLE_SIZE;
            return 0;
        }
        if (memcmp(chunk, "fmt ", 4) == 0 && length >= FORMAT_SIZE && left >= FORMAT_SIZE) {
            r = read_at(wave->fd, at + CHUNK_SIZE, chunk + CHUNK_SIZE, FORMAT_SIZE, err);
            r = r < 0 ? r : check_format(chunk + CHUNK_SIZE, err);
            if (r < 0)
                return r;
            has_format = true;
        }
        at += CHUNK_SIZE + length + (length & 1);
    }
    return bad(err, "there are no samples in it");
}

int wave_open(int fd, struct wave *wave, struct err *err)
{
    struct stat found;
    unsigned char head[HEAD_SIZE] = { 0 };
    cleanup(wave_close) struct wave opened = { .fd = fd };
    if (fstat(fd, &found) < 0)
        return err_errno(err, errno, "look at the sound");
    if (!S_ISREG(found.st_mode))
        return bad(err, "it is not a regular file");
    int r = read_at(fd, 0, head, sizeof head, err);
    if (r < 0)
        return r;
    if (memcmp(head, "RIFF", 4) != 0 || memcmp(head + 8, "WAVE", 4) != 0)
        return bad(err, "it is not a WAV file");
    r = find_samples(&opened, found.st_size, err);
    if (r < 0)
        return r;
    *wave = opened;
    opened.fd = -1;
    return 0;
}

void wave_close(struct wave *wave)
{
    close_fd(&wave->fd);
}

static void put32(char *at, uint32_t value)
{
    value = htole32(value);
    memcpy(at, &value, sizeof value);
}

int wave_cut(const struct wave *wave, int64_t first, size_t count, char **ret_file,
             size_t *ret_size, struct err *err)
{
    static const char head[] = "RIFF____WAVEfmt \x10\0\0\0\1\0\1\0________\2\0\x10\0data____";
    enum { HEAD = sizeof head - 1 };
    size_t bytes = count * SAMPLE_SIZE;
    cleanup(free_ptr) int16_t *samples = xcalloc(count + 1, sizeof *samples);
    cleanup(free_ptr) char *file = xcalloc(HEAD + bytes + 1, 1);
    int r = wave_read(wave, first, samples, count, err);
    if (r < 0)
        return r;
    memcpy(file, head, HEAD);
    put32(file + 4, (uint32_t)(HEAD - 8 + bytes));
    put32(file + 24, WAVE_RATE);
    put32(file + 28, WAVE_RATE * SAMPLE_SIZE);
    put32(file + 40, (uint32_t)bytes);
    for (size_t i = 0; i < count; i++)
        samples[i] = (int16_t)htole16((uint16_t)samples[i]);
    memcpy(file + HEAD, samples, bytes);
    *ret_file = TAKE(file);
    *ret_size = HEAD + bytes;
    return 0;
}

int wave_read(const struct wave *wave, int64_t first, int16_t *samples, size_t count,
              struct err *err)
{
    memset(samples, 0, count * sizeof *samples);
    int64_t left = first < wave->samples ? wave->samples - first : 0;
    size_t there = left < (int64_t)count ? (size_t)left : count;
    int r =
        read_at(wave->fd, wave->offset + first * SAMPLE_SIZE, samples, there * SAMPLE_SIZE, err);
    for (size_t i = 0; i < there; i++)
        samples[i] = (int16_t)le16toh((uint16_t)samples[i]);
    return r < 0 ? r : 0;
}
