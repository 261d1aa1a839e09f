#include "media/keyframes.h"

#include <math.h>
#include <stdlib.h>

enum { AV1_FRAME_HEADER = 3, AV1_FRAME = 6 };

// Times before second 0 by less than this are rounding.
static const double rounding = 1e-4;

// The AVCDecoderConfigurationRecord and its sister say how long the lengths are; their version is 1
// where a start code would have 0.
static int length_size(const AVCodecParameters *parameters)
{
    size_t at = parameters->codec_id == AV_CODEC_ID_H264 ? 4 : 21;
    if (parameters->extradata == NULL || (size_t)parameters->extradata_size <= at ||
        parameters->extradata[0] != 1)
        return 0;
    return (parameters->extradata[at] & 3) + 1;
}

void keyframes_init(struct keyframes *keyframes, const AVCodecParameters *parameters)
{
    bool hevc = parameters->codec_id == AV_CODEC_ID_HEVC;
    *keyframes = (struct keyframes){ .codec = parameters->codec_id };
    keyframes->units.codec = hevc ? NAL_HEVC : NAL_H264;
    if (hevc || parameters->codec_id == AV_CODEC_ID_H264)
        keyframes->units.length_size = length_size(parameters);
}

static enum keyframes_kind look_at_slices(const struct keyframes *keyframes, const uint8_t *data,
                                          size_t size)
{
    switch (nal_classify(&keyframes->units, data, size)) {
    case NAL_SYNC:
        return KEYFRAMES_CLOSED;
    case NAL_SYNC_OPEN:
        return KEYFRAMES_OPEN;
    case NAL_LEADING:
        return KEYFRAMES_LEADING;
    default:
        return KEYFRAMES_NONE;
    }
}

// ---- VP8, VP9, AV1: the first frame header.  What is not shown cannot start anything.

static enum keyframes_kind closed_if(bool key)
{
    return key ? KEYFRAMES_CLOSED : KEYFRAMES_NONE;
}

// marker 2 bits, profile 2 (profile 3: and a zero), show_existing_frame, not a key frame, shown
static bool is_vp9_key(uint8_t first)
{
    if (first >> 6 != 2)
        return false;
    bool profile3 = (first >> 4 & 3) == 3;
    return profile3 ? (first & 0xf) == 1 : (first >> 1 & 7) == 1;
}

// Reads a LEB128 number and moves *data behind it.
static size_t take_leb128(const uint8_t **data, const uint8_t *end)
{
    size_t value = 0;
    for (unsigned shift = 0; *data < end && shift < 56; shift += 7) {
        uint8_t byte = *(*data)++;
        value |= (size_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            break;
    }
    return value;
}

static bool is_av1_key(const uint8_t *data, const uint8_t *end)
{
    while (data < end) {
        int header = *data++, type = header >> 3 & 0xf;
        bool extended = header & 4, sized = header & 2;
        data += extended && data < end;
        size_t size = sized ? take_leb128(&data, end) : (size_t)(end - data);
        if (data >= end || size > (size_t)(end - data))
            return false;
        // show_existing_frame 0, frame_type 0, show_frame 1
        if (type == AV1_FRAME || type == AV1_FRAME_HEADER)
            return size > 0 && data[0] >> 4 == 1;
        data += size;
    }
    return false;
}

enum keyframes_kind keyframes_look(const struct keyframes *keyframes, const uint8_t *data,
                                   size_t size)
{
    if (size == 0)
        return KEYFRAMES_NONE;
    switch (keyframes->codec) {
    case AV_CODEC_ID_H264:
    case AV_CODEC_ID_HEVC:
        return look_at_slices(keyframes, data, size);
    case AV_CODEC_ID_VP8: // bit 0: not a key frame, bit 4: shown
        return closed_if((data[0] & 0x11) == 0x10);
    case AV_CODEC_ID_VP9:
        return closed_if(is_vp9_key(data[0]));
    case AV_CODEC_ID_AV1:
        return closed_if(is_av1_key(data, data + size));
    default:
        return KEYFRAMES_NONE;
    }
}

// ---- the list

static bool is_intra_only(const struct probe *probe)
{
    const AVCodecDescriptor *codec = avcodec_descriptor_get_by_name(probe->codec);
    return codec != NULL && (codec->props & AV_CODEC_PROP_INTRA_ONLY);
}

struct key {
    double time;
    bool open;
};

static int compare_keys(const void *a, const void *b)
{
    double x = ((const struct key *)a)->time, y = ((const struct key *)b)->time;
    return (x > y) - (x < y);
}

// Gives the key frames, in order of presentation.
static struct key *gather(const struct keyframes_picture *pictures, size_t count, size_t *ret_count)
{
    struct key *keys = NULL;
    size_t kept = 0, capacity = 0;
    double earliest = INFINITY; // of what follows
    for (size_t i = count; i-- > 0;) {
        const struct keyframes_picture *picture = &pictures[i];
        if (isnan(picture->pts) || picture->kind == KEYFRAMES_LEADING)
            continue;
        bool key = picture->kind != KEYFRAMES_NONE && picture->pts <= earliest &&
                   picture->pts >= -rounding;
        earliest = fmin(earliest, picture->pts);
        if (!key)
            continue;
        if (kept == capacity) {
            capacity = capacity ? 2 * capacity : 64;
            keys = xrealloc(keys, capacity, sizeof *keys);
        }
        keys[kept++] = (struct key){ fmax(picture->pts, 0), picture->kind == KEYFRAMES_OPEN };
    }
    if (kept > 0)
        qsort(keys, kept, sizeof *keys, compare_keys);
    *ret_count = kept;
    return keys;
}

static void put_key(struct probe *probe, const struct key *key)
{
    size_t at = probe->key_frame_count++;
    probe->key_frames[at] = key->time;
    probe->key_frame_open[at] = key->open;
}

void keyframes_note(const struct keyframes_picture *pictures, size_t count, struct probe *probe)
{
    probe->all_key_frames = is_intra_only(probe);
    if (probe->all_key_frames)
        return;
    size_t found = 0;
    struct key *keys = gather(pictures, count, &found);
    probe->all_key_frames = found > 1 && (int64_t)found >= probe->frames;
    size_t most = probe->all_key_frames ? 0 : found;
    if (most > PROBE_MAX_KEY_FRAMES)
        most = PROBE_MAX_KEY_FRAMES;
    probe->key_frames = xcalloc(most + 1, sizeof *probe->key_frames);
    probe->key_frame_open = xcalloc(most + 1, sizeof *probe->key_frame_open);
    double apart = found > most && most > 0 ? keys[found - 1].time / (double)most : 0;
    for (size_t i = 0; i < found && probe->key_frame_count < most; i++) {
        size_t have = probe->key_frame_count;
        double last = have ? probe->key_frames[have - 1] : -INFINITY;
        // Twice the same time is one picture, in two fields perhaps.
        if (keys[i].time - last >= fmax(apart, rounding))
            put_key(probe, &keys[i]);
    }
    free(keys);
}
