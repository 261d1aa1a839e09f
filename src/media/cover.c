// The cover; see cover.h.
#include "media/cover.h"

#include "media/jpeg.h"
#include <math.h>

enum {
    CANDIDATES = 3,
    FEWEST_KEYS = 2,
    MOST_KEYS = 1000, // beyond which the rest of a long segment is not looked at
};
static const double reach_seconds = 0.5;
// A cut shows the beginning and end of a movement: not the best of it.
static const double edge_seconds = 0.3;

double cover_sharpness(const AVFrame *picture)
{
    uint64_t sum = 0;
    for (int y = 1; y + 1 < picture->height; y++) {
        const uint8_t *row = picture->data[0] + (ptrdiff_t)y * picture->linesize[0];
        const uint8_t *above = row - picture->linesize[0], *below = row + picture->linesize[0];
        for (int x = 1; x + 1 < picture->width; x++)
            sum += (uint64_t)abs(4 * row[x] - row[x - 1] - row[x + 1] - above[x] - below[x]);
    }
    return (double)sum / ((double)picture->width * picture->height);
}

// Instants worth looking at: key frames well within the segment, which are the best coded pictures
// of a file and cost one decoded picture each; where there are too few, instants around its middle.
static size_t choose_instants(const struct probe *probe, double start, double end, double *instants)
{
    double margin = fmin(edge_seconds, (end - start) * 0.2), middle = (start + end) / 2;
    double keys[MOST_KEYS];
    size_t key_count = 0, count = 0;
    for (size_t i = 0; i < probe->key_frame_count && key_count < MOST_KEYS; i++)
        if (probe->key_frames[i] >= start + margin && probe->key_frames[i] <= end - margin)
            keys[key_count++] = probe->key_frames[i];
    if (key_count >= FEWEST_KEYS) {
        size_t step = (key_count + CANDIDATES - 1) / CANDIDATES;
        for (size_t i = 0; i < key_count; i += step)
            instants[count++] = keys[i];
        return count;
    }
    double reach = fmin(reach_seconds, (end - start) * 0.4);
    for (; count < CANDIDATES; count++)
        instants[count] = middle + reach * (2.0 * (double)count / (CANDIDATES - 1) - 1);
    return count;
}

// The sharpest candidate in *best.  Returns 1, 0 if there was none, or a negative.
static int choose(struct picture *picture, double start, double end, AVFrame *best, struct err *err)
{
    double instants[CANDIDATES], sharpest = -1;
    size_t count = choose_instants(picture_probe(picture), start, end, instants);
    bool apart = count > 1 && instants[1] - instants[0] > 2 * reach_seconds / (CANDIDATES - 1);
    int r = 0;
    for (size_t i = 0; r >= 0 && i < count; i++) {
        AVFrame *candidate = NULL;
        if (i == 0 || apart)
            r = picture_start(picture, instants[i], end, err);
        if (r >= 0)
            r = picture_at(picture, instants[i], &candidate, err);
        if (r <= 0)
            break;
        double sharpness = cover_sharpness(candidate);
        if (sharpness <= sharpest)
            continue;
        sharpest = sharpness;
        av_frame_unref(best);
        r = av_frame_ref(best, candidate);
    }
    return r < 0 ? r : sharpest >= 0;
}

int cover_make(struct picture *picture, double start, double end, uint8_t **ret_jpeg,
               size_t *ret_size, struct err *err)
{
    AVFrame *best = av_frame_alloc();
    if (!best)
        return source_libav_error(err, AVERROR(ENOMEM), "no_memory", "choose the cover");
    int r = choose(picture, start, end, best, err);
    if (r == 0)
        r = err_set(err, ERR_INPUT, "no_cover",
                    "none of the pictures for the cover can be decoded");
    if (r > 0)
        r = jpeg_make(best, best->width, best->height, "no_cover", ret_jpeg, ret_size, err);
    av_frame_free(&best);
    return r;
}
