// Any bytes as configurations and pictures: what is accepted can be united, listed, read back the
// same, and translated within the stated size; what comes out is made of units and stands as it is
// the next time.  The first byte chooses, then come two lengths, two configurations and a packet.
#include "media/paramsets.h"

#include <errno.h>
#include <libavutil/mem.h>

static void require(bool good)
{
    if (!good)
        abort();
}

struct input {
    const uint8_t *at;
    size_t size;
};

static uint8_t *cut(struct input *input, size_t size)
{
    size = size < input->size ? size : input->size;
    uint8_t *part = xcalloc(1, size + 1); // its own, so that a byte read beyond is seen
    part = xrealloc(part, 1, size > 0 ? size : 1);
    memcpy(part, input->at, size);
    input->at += size;
    input->size -= size;
    return part;
}

static size_t number(struct input *input)
{
    size_t number = 0;
    for (int i = 0; i < 2 && input->size > 0; i++, input->size--)
        number = number << 8 | *input->at++;
    return number;
}

static size_t count_units(const struct nal_stream *stream, const uint8_t *data, size_t size)
{
    size_t count = 0;
    const uint8_t *end = data + size;
    struct nal nal;
    int r;
    while ((r = nal_next(stream, &data, end, &nal)) > 0) {
        require(nal.size > 0 && nal.data + nal.size <= data);
        count++;
    }
    require(r == -EINVAL || data == end);
    return r < 0 ? SIZE_MAX : count;
}

// Enormous sets may outgrow the limit under longer ids.
static bool is_ordinary(const struct paramsets *group)
{
    for (size_t i = 0; i < group->count; i++)
        if (group->sets[i].size > PARAMSETS_MAX_BYTES / 2)
            return false;
    return group->count <= PARAMSETS_MAX / 2;
}

// The group as a reader of the track sees it: all ids are those coded.
static void check_configuration(const struct paramsets *const *groups, size_t count,
                                struct paramsets *ret_track)
{
    uint8_t *data = NULL;
    size_t size = 0, sets = 0;
    *ret_track = (struct paramsets)PARAMSETS_INIT;
    bool readable = true;
    for (size_t i = 0; i < count; i++) {
        sets += groups[i]->count;
        readable = readable && is_ordinary(groups[i]);
    }
    if (paramsets_configuration(groups, count, &data, &size) == 0) {
        int r = paramsets_parse(groups[0]->stream.codec, data, size, ret_track);
        require(r == 0 ? ret_track->count == sets : !readable);
    }
    av_free(data);
}

static void check_translation(const struct paramsets *group, const struct paramsets *track,
                              const uint8_t *data, size_t size, bool as_bla)
{
    uint8_t *out = NULL, *again = NULL;
    size_t out_size = 0, again_size = 0;
    size_t units = count_units(&group->stream, data, size);
    int r = paramsets_translate(group, data, size, as_bla, &out, &out_size);
    require(r == 0 || r == -EINVAL || r == -ESTALE);
    require(units != SIZE_MAX || r == -EINVAL || r == -ESTALE);
    require(r == 0 || out == NULL);
    if (r < 0)
        return;
    const uint8_t *got = out != NULL ? out : data;
    require(out_size <= size + 64 * units);
    const struct nal_stream stream = { group->stream.codec, 4, group->stream.top_sub_layer };
    size_t left = count_units(&stream, got, out_size);
    require(left <= units);
    if (track->count > 0) {
        require(paramsets_translate(track, got, out_size, as_bla, &again, &again_size) == 0);
        require(again == NULL);
    }
    (void)nal_classify(&stream, got, out_size);
    av_free(out);
    av_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { data, size };
    if (size < 1)
        return 0;
    uint8_t choice = *input.at++;
    input.size--;
    enum nal_codec codec = choice & 1 ? NAL_HEVC : NAL_H264;
    size_t sizes[2] = { number(&input), number(&input) };
    struct paramsets sets[2], track;
    struct paramsets *groups[2];
    size_t count = 0;
    for (int i = 0; i < 2; i++) {
        size_t part_size = sizes[i] < input.size ? sizes[i] : input.size;
        cleanup(free_ptr) uint8_t *part = cut(&input, part_size);
        if (paramsets_parse(codec, part, part_size, &sets[i]) == 0)
            groups[count++] = &sets[i];
        else
            require(sets[i].count == 0);
    }
    size_t packet_size = input.size;
    cleanup(free_ptr) uint8_t *packet = cut(&input, packet_size);
    struct nal_stream stream = { .codec = codec, .length_size = choice >> 1 & 3 };
    (void)count_units(&stream, packet, packet_size);
    (void)nal_classify(&stream, packet, packet_size);
    if (count > 0 && paramsets_unite(groups, count) == 0) {
        check_configuration((const struct paramsets *const[]){ groups[0], groups[count - 1] },
                            count, &track);
        for (size_t i = 0; i < count; i++)
            check_translation(groups[i], &track, packet, packet_size, choice & 8);
        paramsets_release(&track);
    }
    paramsets_release(&sets[0]);
    paramsets_release(&sets[1]);
    return 0;
}
