#include "media/wav.h"

#include "base/fs.h"
#include <math.h>

enum { SAMPLE_BYTES = 2, HEADER_BYTES = 44, PIECE = 8192 };

struct wav {
    int fd;
    uint64_t left;        // samples that are still to come
    uint8_t piece[PIECE]; // not written yet
    size_t used;
};

static void put_number(uint8_t *to, uint32_t number, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        to[i] = (uint8_t)(number >> 8 * i);
}

static void make_header(uint8_t header[HEADER_BYTES], uint32_t data_bytes)
{
    static const char form[HEADER_BYTES + 1] = "RIFF....WAVEfmt ....................data....";
    memcpy(header, form, HEADER_BYTES);
    put_number(header + 4, data_bytes + HEADER_BYTES - 8, 4);
    put_number(header + 16, 16, 4); // bytes of what follows, up to "data"
    put_number(header + 20, 1, 2);  // PCM
    put_number(header + 22, 1, 2);  // channels
    put_number(header + 24, WAV_RATE, 4);
    put_number(header + 28, WAV_RATE * SAMPLE_BYTES, 4);
    put_number(header + 32, SAMPLE_BYTES, 2);
    put_number(header + 34, SAMPLE_BYTES * 8, 2);
    put_number(header + 40, data_bytes, 4);
}

int wav_open(int fd, double seconds, struct wav **ret_wav, struct err *err)
{
    uint8_t header[HEADER_BYTES];
    uint64_t samples = (uint64_t)llrint(fmin(fmax(seconds, 0), WAV_MOST_SECONDS) * WAV_RATE);
    make_header(header, (uint32_t)(samples * SAMPLE_BYTES));
    int r = fs_write_all(fd, header, sizeof header, err);
    if (r < 0)
        return r;
    struct wav *wav = xcalloc(1, sizeof *wav);
    wav->fd = fd;
    wav->left = samples;
    *ret_wav = wav;
    return 0;
}

void wav_free(struct wav **wav)
{
    free(base_take(wav));
}

static int flush(struct wav *wav, struct err *err)
{
    size_t used = wav->used;
    wav->used = 0;
    return fs_write_all(wav->fd, wav->piece, used, err);
}

int wav_add(struct wav *wav, const float *samples, size_t count, struct err *err)
{
    if (count > wav->left)
        count = (size_t)wav->left;
    wav->left -= count;
    for (size_t i = 0; i < count; i++) {
        float value = samples[i] >= -1 ? fminf(samples[i], 1) : samples[i] < -1 ? -1 : 0;
        put_number(wav->piece + wav->used, (uint32_t)lrintf(value * INT16_MAX), SAMPLE_BYTES);
        wav->used += SAMPLE_BYTES;
        int r = wav->used == PIECE ? flush(wav, err) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

int wav_finish(struct wav *wav, struct err *err)
{
    static const float silence[PIECE];
    int r = 0;
    while (r >= 0 && wav->left > 0)
        r = wav_add(wav, silence, PIECE, err);
    return r < 0 ? r : flush(wav, err);
}
