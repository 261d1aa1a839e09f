#include "media/paramsets.h"

#include "media/bits.h"

#include <assert.h>
#include <errno.h>
#include <libavcodec/defs.h>
#include <libavutil/mem.h>

enum {
    H264_SPS = 7,
    H264_PPS = 8,
    H264_SPS_EXTENSION = 13,
    HEVC_VPS = 32,
    HEVC_SPS = 33,
    HEVC_PPS = 34,
};

enum kind { VPS, SPS, PPS, EXTENSION, KINDS };

static enum kind kind_of(int type)
{
    switch (type) {
    case HEVC_VPS:
        return VPS;
    case H264_SPS:
    case HEVC_SPS:
        return SPS;
    case H264_SPS_EXTENSION:
        return EXTENSION;
    default:
        assert(type == H264_PPS || type == HEVC_PPS);
        return PPS;
    }
}

// How many ids there are of a kind.
static int ids_of(enum nal_codec codec, enum kind kind)
{
    if (codec == NAL_HEVC)
        return kind == PPS ? 64 : 16;
    return kind == PPS ? 256 : 32;
}

// ---- what stands in a set -----------------------------------------------------------------------

// An id in a set: where, and how it is written.
struct field {
    size_t at, end; // in bits
    enum kind kind;
    bool fixed; // four bits instead of an Exp-Golomb code
    uint32_t value;
};

// A set without its escapes, and the ids in it in their order.
struct layout {
    uint8_t rbsp[PARAMSETS_MAX_BYTES];
    size_t size;
    int64_t before_stop; // bits
    struct field fields[2];
    int count;
    struct bits rest; // behind the last id
};

static void read_field(struct layout *layout, enum kind kind, bool fixed)
{
    struct field *field = &layout->fields[layout->count++];
    field->kind = kind;
    field->fixed = fixed;
    field->at = layout->rest.at;
    field->value = fixed ? bits_u(&layout->rest, 4) : bits_ue(&layout->rest);
    field->end = layout->rest.at;
}

enum {
    HEVC_HEADER_BITS = 16,
    PTL_BYTES = 12, // the general part of profile_tier_level, level included (H.265 7.3.3)
    PTL_AT = 3,     // where it stands in a SPS, in bytes
};

static void skip_profile_tier_level(struct bits *bits, unsigned sub_layers)
{
    unsigned flags = 0;
    bits_skip(bits, 8 * PTL_BYTES);
    if (sub_layers == 0)
        return;
    flags = bits_u(bits, 16); // profile and level present, for each of eight
    for (unsigned i = 0; i < sub_layers; i++) {
        bits_skip(bits, flags >> (15 - 2 * i) & 1 ? 88 : 0);
        bits_skip(bits, flags >> (14 - 2 * i) & 1 ? 8 : 0);
    }
}

static void read_fields_hevc(struct layout *layout, enum kind kind)
{
    struct bits *bits = &layout->rest;
    bits_skip(bits, HEVC_HEADER_BITS);
    if (kind == VPS) {
        read_field(layout, VPS, true);
    } else if (kind == SPS) {
        read_field(layout, VPS, true);
        unsigned sub_layers = bits_u(bits, 3);
        bits_skip(bits, 1);
        bits->overrun = bits->overrun || sub_layers > 6;
        skip_profile_tier_level(bits, sub_layers);
        read_field(layout, SPS, false);
    } else {
        read_field(layout, PPS, false);
        read_field(layout, SPS, false);
    }
}

static void read_fields_h264(struct layout *layout, enum kind kind)
{
    struct bits *bits = &layout->rest;
    bits_skip(bits, 8 + (kind == SPS ? 24 : 0)); // profile, constraints, level
    if (kind == PPS)
        read_field(layout, PPS, false);
    read_field(layout, SPS, false);
}

static int read_layout(enum nal_codec codec, int type, const uint8_t *data, size_t size,
                       struct layout *ret)
{
    struct bits_unescape from = { .at = data, .end = data + size };
    if (size > PARAMSETS_MAX_BYTES)
        return -EINVAL;
    ret->count = 0;
    ret->size = bits_unescape(&from, ret->rbsp, sizeof ret->rbsp);
    ret->before_stop = bits_before_stop(ret->rbsp, ret->size);
    if (from.broken || ret->before_stop < 0)
        return -EINVAL;
    ret->rest = bits_of(ret->rbsp, ret->size);
    ret->rest.size = (size_t)ret->before_stop;
    if (codec == NAL_HEVC)
        read_fields_hevc(ret, kind_of(type));
    else
        read_fields_h264(ret, kind_of(type));
    if (ret->rest.overrun)
        return -EINVAL;
    for (int i = 0; i < ret->count; i++)
        if (ret->fields[i].value >= (uint32_t)ids_of(codec, ret->fields[i].kind))
            return -EINVAL;
    return 0;
}

static int field_value(const struct layout *layout, enum kind kind)
{
    for (int i = 0; i < layout->count; i++)
        if (layout->fields[i].kind == kind)
            return (int)layout->fields[i].value;
    return -1;
}

// ---- reading ------------------------------------------------------------------------------------

static const struct paramset *find(const struct paramsets *sets, enum kind kind, int id)
{
    for (size_t i = 0; i < sets->count; i++)
        if (kind_of(sets->sets[i].type) == kind && sets->sets[i].id == id)
            return &sets->sets[i];
    return NULL;
}

static size_t count_kind(const struct paramsets *sets, enum kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < sets->count; i++)
        count += kind_of(sets->sets[i].type) == kind;
    return count;
}

// A unit of the configuration; what is no set of the base layer is passed over.
static int add(struct paramsets *sets, const struct nal *nal)
{
    enum nal_codec codec = sets->stream.codec;
    struct layout layout;
    size_t size = nal->size;
    if (!nal_is_parameter_set(codec, nal->type) || nal->layer > 0)
        return 0;
    while (size > 0 && nal->data[size - 1] == 0)
        size--;
    int r = read_layout(codec, nal->type, nal->data, size, &layout);
    if (r < 0)
        return r;
    enum kind kind = kind_of(nal->type);
    int id = field_value(&layout, kind == EXTENSION ? SPS : kind);
    const struct paramset *same = find(sets, kind, id);
    if (same != NULL)
        return same->size == size && memcmp(same->data, nal->data, size) == 0 ? 0 : -EINVAL;
    if (count_kind(sets, kind) == PARAMSETS_MAX)
        return -EINVAL;
    int parent = kind == PPS ? field_value(&layout, SPS) : -1;
    if (kind == SPS)
        parent = field_value(&layout, VPS);
    if (kind == SPS && codec == NAL_HEVC) {
        int top = layout.rbsp[2] >> 1 & 7;
        sets->stream.top_sub_layer =
            top > sets->stream.top_sub_layer ? top : sets->stream.top_sub_layer;
    }
    sets->sets[sets->count++] =
        (struct paramset){ nal->type, id, parent, id, xcalloc(1, size), size };
    memcpy(sets->sets[sets->count - 1].data, nal->data, size);
    return 0;
}

static int add_all(struct paramsets *sets, const struct nal_stream *how, const uint8_t *at,
                   const uint8_t *end)
{
    struct nal nal;
    int r;
    while ((r = nal_next(how, &at, end, &nal)) > 0)
        if ((r = add(sets, &nal)) < 0)
            break;
    return r;
}

// `count` units behind 16-bit lengths each; moves *at behind them.
static int add_listed(struct paramsets *sets, unsigned count, const uint8_t **at,
                      const uint8_t *end)
{
    struct nal_stream how = { .codec = sets->stream.codec, .length_size = 2 };
    struct nal nal;
    for (int r = 0; count > 0; count--)
        if ((r = nal_next(&how, at, end, &nal)) <= 0 || (r = add(sets, &nal)) < 0)
            return r < 0 ? r : -EINVAL;
    return 0;
}

static int read_avcc(struct paramsets *sets, const uint8_t *data, size_t size)
{
    int r;
    if (size < 7 || data[0] != 1)
        return -EINVAL;
    const uint8_t *at = data + 6, *end = data + size;
    sets->stream.length_size = (data[4] & 3) + 1;
    if ((r = add_listed(sets, data[5] & 31, &at, end)) < 0)
        return r;
    if (at == end)
        return -EINVAL;
    unsigned count = *at++;
    if ((r = add_listed(sets, count, &at, end)) < 0)
        return r;
    // Chroma format and depth, then SPS extensions; some muxers leave all that out.
    if (end - at < 4)
        return 0;
    at += 3;
    count = *at++;
    return add_listed(sets, count, &at, end);
}

static int read_hvcc(struct paramsets *sets, const uint8_t *data, size_t size)
{
    if (size < 23 || data[0] > 1)
        return -EINVAL;
    const uint8_t *at = data + 23, *end = data + size;
    sets->stream.length_size = (data[21] & 3) + 1;
    for (unsigned arrays = data[22]; arrays > 0; arrays--) {
        if (end - at < 3)
            return -EINVAL;
        unsigned count = (unsigned)at[1] << 8 | at[2];
        at += 3;
        int r = add_listed(sets, count, &at, end);
        if (r < 0)
            return r;
    }
    return 0;
}

static bool is_annexb(const uint8_t *data, size_t size)
{
    return (size > 3 && memcmp(data, "\0\0\1", 3) == 0) ||
           (size > 4 && memcmp(data, "\0\0\0\1", 4) == 0);
}

static bool is_whole(const struct paramsets *sets)
{
    for (size_t i = 0; i < sets->count; i++) {
        enum kind kind = kind_of(sets->sets[i].type);
        if (kind == PPS && find(sets, SPS, sets->sets[i].parent_id) == NULL)
            return false;
        if (kind == EXTENSION && find(sets, SPS, sets->sets[i].id) == NULL)
            return false;
        if (kind == SPS && sets->stream.codec == NAL_HEVC &&
            find(sets, VPS, sets->sets[i].parent_id) == NULL)
            return false;
    }
    return count_kind(sets, SPS) > 0 && count_kind(sets, PPS) > 0;
}

// Ids in the track are those coded.
static void keep_ids(struct paramsets *sets)
{
    sets->renamed = false;
    for (size_t i = 0; i < ARRAY_LEN(sets->pps_id); i++)
        sets->pps_id[i] = -1;
    for (size_t i = 0; i < sets->count; i++) {
        sets->sets[i].track_id = sets->sets[i].id;
        if (kind_of(sets->sets[i].type) == PPS)
            sets->pps_id[sets->sets[i].id] = (int16_t)sets->sets[i].id;
    }
}

int paramsets_parse(enum nal_codec codec, const uint8_t *extradata, size_t size,
                    struct paramsets *ret_sets)
{
    int r;
    *ret_sets = (struct paramsets)PARAMSETS_INIT;
    ret_sets->stream.codec = codec;
    if (is_annexb(extradata, size))
        r = add_all(ret_sets, &(struct nal_stream){ .codec = codec }, extradata, extradata + size);
    else if (codec == NAL_HEVC)
        r = read_hvcc(ret_sets, extradata, size);
    else
        r = read_avcc(ret_sets, extradata, size);
    if (r < 0 || !is_whole(ret_sets)) {
        paramsets_release(ret_sets);
        return -EINVAL;
    }
    keep_ids(ret_sets);
    return 0;
}

void paramsets_release(struct paramsets *sets)
{
    for (size_t i = 0; i < sets->count; i++)
        free(sets->sets[i].data);
    *sets = (struct paramsets)PARAMSETS_INIT;
}

bool paramsets_equal(const struct paramsets *a, const struct paramsets *b)
{
    if (a->stream.codec != b->stream.codec || a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const struct paramset *set = &a->sets[i], *other = find(b, kind_of(set->type), set->id);
        if (other == NULL || other->size != set->size ||
            memcmp(other->data, set->data, set->size) != 0)
            return false;
    }
    return true;
}

// ---- uniting ------------------------------------------------------------------------------------

struct taken {
    bool ids[EXTENSION][256];
    size_t sets[EXTENSION];
};

// Its own id if that is free, then one of the same length, then any other that moves what follows
// by whole bytes.  -1: none.  Ids of sets have any length, as their end is known.
static int choose(const struct taken *taken, enum nal_codec codec, enum kind kind, int own)
{
    int first[2] = { -1, -1 };
    if (!taken->ids[kind][own])
        return own;
    for (int id = ids_of(codec, kind) - 1; id >= 0; id--) {
        int longer = bits_ue_length((uint32_t)id) - bits_ue_length((uint32_t)own);
        if (!taken->ids[kind][id] && (kind != PPS || longer % 8 == 0))
            first[kind == PPS && longer != 0] = id;
    }
    return first[0] >= 0 ? first[0] : first[1];
}

static int unite_one(struct paramsets *sets, struct taken *taken)
{
    keep_ids(sets);
    for (size_t i = 0; i < sets->count; i++) {
        struct paramset *set = &sets->sets[i];
        enum kind kind = kind_of(set->type);
        if (kind == EXTENSION)
            continue;
        set->track_id = choose(taken, sets->stream.codec, kind, set->id);
        if (set->track_id < 0)
            return -ENOSPC;
        taken->ids[kind][set->track_id] = true;
        taken->sets[kind]++;
        sets->renamed = sets->renamed || set->track_id != set->id;
        if (kind == PPS)
            sets->pps_id[set->id] = (int16_t)set->track_id;
    }
    for (size_t i = 0; i < sets->count; i++)
        if (kind_of(sets->sets[i].type) == EXTENSION)
            sets->sets[i].track_id = find(sets, SPS, sets->sets[i].id)->track_id;
    // The count of SPS in an avcC has five bits, that of PPS eight.
    bool listable =
        sets->stream.codec == NAL_HEVC || (taken->sets[SPS] <= 31 && taken->sets[PPS] <= 255);
    return listable ? 0 : -ENOSPC;
}

int paramsets_unite(struct paramsets *const *groups, size_t count)
{
    struct taken taken = { 0 };
    int r = 0;
    for (size_t i = 0; i < count && r == 0; i++) {
        assert(groups[i]->stream.codec == groups[0]->stream.codec);
        r = unite_one(groups[i], &taken);
    }
    for (size_t i = 0; i < count && r < 0; i++)
        keep_ids(groups[i]);
    return r;
}

// ---- writing ------------------------------------------------------------------------------------

enum {
    SET_MAX = PARAMSETS_MAX_BYTES + 8, // an id grows by less than two bytes, and there are two
    SET_ESCAPED_MAX = BITS_ESCAPED_MAX(SET_MAX),
};

struct config {
    uint8_t *data;
    size_t size;
};

static void put(struct config *config, unsigned value, int bytes)
{
    while (bytes-- > 0)
        config->data[config->size++] = (uint8_t)(value >> 8 * bytes);
}

static uint32_t track_id(const struct paramsets *sets, const struct field *field)
{
    const struct paramset *set = find(sets, field->kind, (int)field->value);
    return set != NULL ? (uint32_t)set->track_id : field->value;
}

// The set with the ids of the track, behind its length.
static void put_set(struct config *config, const struct paramsets *sets, const struct paramset *set)
{
    struct layout layout;
    uint8_t rbsp[SET_MAX];
    struct bits_out out = { .data = rbsp, .capacity = sizeof rbsp };
    int r = read_layout(sets->stream.codec, set->type, set->data, set->size, &layout);
    assert(r == 0); // it was read before
    (void)r;
    struct bits from = bits_of(layout.rbsp, layout.size);
    for (int i = 0; i < layout.count; i++) {
        const struct field *field = &layout.fields[i];
        bits_copy(&out, &from, field->at - from.at);
        if (field->fixed)
            bits_put(&out, track_id(sets, field), 4);
        else
            bits_put_ue(&out, track_id(sets, field));
        bits_skip(&from, field->end - from.at);
    }
    bits_copy(&out, &from, (size_t)layout.before_stop - from.at);
    bits_put_stop(&out);
    assert(!out.overrun);
    struct bits_escape to = { .at = config->data + config->size + 2 };
    bits_escape(&to, rbsp, out.at / 8);
    size_t size = (size_t)(to.at - config->data) - config->size - 2;
    put(config, (unsigned)size, 2);
    config->size += size;
}

static unsigned put_kind(struct config *config, const struct paramsets *const *groups, size_t count,
                         enum kind kind)
{
    unsigned written = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < groups[i]->count; j++)
            if (kind_of(groups[i]->sets[j].type) == kind) {
                put_set(config, groups[i], &groups[i]->sets[j]);
                written++;
            }
    return written;
}

// What the configuration says of all SPS together.
struct summary {
    unsigned profile, constraints, level;      // H.264
    uint8_t ptl[PTL_BYTES];                    // HEVC
    unsigned sub_layers, nested;               // HEVC
    unsigned chroma, luma_depth, chroma_depth; // depths minus 8
    bool any;
};

static bool has_chroma_format(unsigned profile)
{
    return profile != 66 && profile != 77 && profile != 88;
}

// Decoders of a later profile in this row decode those before.
static int rank_of_profile(unsigned profile)
{
    static const uint8_t row[] = { 66, 77, 100, 110, 122, 244 };
    const uint8_t *found = memchr(row, (int)profile, sizeof row);
    return found != NULL ? (int)(found - row) : -1;
}

static void read_format(struct bits *bits, enum nal_codec codec, struct summary *summary)
{
    summary->chroma = bits_ue(bits);
    if (summary->chroma == 3)
        bits_skip(bits, 1);
    if (codec == NAL_HEVC) {
        (void)bits_ue(bits); // width, height
        (void)bits_ue(bits);
        for (int i = bits_u(bits, 1) ? 4 : 0; i > 0; i--) // conformance window
            (void)bits_ue(bits);
    }
    summary->luma_depth = bits_ue(bits);
    summary->chroma_depth = bits_ue(bits);
}

static int read_summary(enum nal_codec codec, const struct paramset *set, struct summary *ret)
{
    struct layout layout;
    int r = read_layout(codec, set->type, set->data, set->size, &layout);
    if (r < 0)
        return r;
    *ret = (struct summary){ .any = true, .chroma = 1 };
    if (codec == NAL_HEVC) {
        ret->sub_layers = (layout.rbsp[2] >> 1 & 7) + 1U;
        ret->nested = layout.rbsp[2] & 1;
        memcpy(ret->ptl, layout.rbsp + PTL_AT, PTL_BYTES);
        read_format(&layout.rest, codec, ret);
    } else {
        ret->profile = layout.rbsp[1];
        ret->constraints = layout.rbsp[2];
        ret->level = layout.rbsp[3];
        if (has_chroma_format(ret->profile))
            read_format(&layout.rest, codec, ret);
    }
    bool possible = ret->chroma <= 3 && ret->luma_depth <= 7 && ret->chroma_depth <= 7;
    return layout.rest.overrun || !possible ? -EINVAL : 0;
}

static unsigned larger(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

static int cover_h264(struct summary *all, const struct summary *one)
{
    int a = rank_of_profile(all->profile), b = rank_of_profile(one->profile);
    if (all->profile != one->profile && (a < 0 || b < 0))
        return -EINVAL;
    all->profile = b > a ? one->profile : all->profile;
    all->constraints &= one->constraints;
    all->level = larger(all->level, one->level);
    return 0;
}

// The profile of all is the first that every SPS says it is compatible with.
static int cover_hevc(struct summary *all, const struct summary *one)
{
    enum { SPACE_AND_TIER = 0xe0, SPACE = 0xc0, PROFILE = 31, COMPATIBILITY = 1, LEVEL = 11 };
    unsigned tier = (all->ptl[0] | one->ptl[0]) & SPACE_AND_TIER;
    unsigned profile = all->ptl[0] & PROFILE;
    if ((all->ptl[0] & SPACE) != (one->ptl[0] & SPACE))
        return -EINVAL;
    for (int i = COMPATIBILITY; i < LEVEL; i++)
        all->ptl[i] &= one->ptl[i];
    if (profile != (one->ptl[0] & PROFILE)) {
        for (profile = 0; profile < 32; profile++)
            if (all->ptl[COMPATIBILITY + profile / 8] & 0x80 >> profile % 8)
                break;
        if (profile == 32)
            return -EINVAL;
    }
    all->ptl[0] = (uint8_t)(tier | profile);
    all->ptl[LEVEL] = (uint8_t)larger(all->ptl[LEVEL], one->ptl[LEVEL]);
    all->sub_layers = larger(all->sub_layers, one->sub_layers);
    all->nested &= one->nested;
    return 0;
}

static int summarize(const struct paramsets *sets, struct summary *all)
{
    for (size_t i = 0; i < sets->count; i++) {
        struct summary one;
        if (kind_of(sets->sets[i].type) != SPS)
            continue;
        int r = read_summary(sets->stream.codec, &sets->sets[i], &one);
        if (r < 0)
            return r;
        if (!all->any)
            *all = one;
        if (all->chroma != one.chroma || all->luma_depth != one.luma_depth ||
            all->chroma_depth != one.chroma_depth)
            return -EINVAL;
        r = sets->stream.codec == NAL_HEVC ? cover_hevc(all, &one) : cover_h264(all, &one);
        if (r < 0)
            return r;
    }
    return 0;
}

// ISO 14496-15 5.3.3.1; reserved bits are ones.
static int put_avcc(struct config *config, const struct paramsets *const *groups, size_t count,
                    const struct summary *summary)
{
    put(config, 1, 1);
    put(config, summary->profile, 1);
    put(config, summary->constraints, 1);
    put(config, summary->level, 1);
    put(config, 0xfc | 3, 1); // lengths of four bytes
    size_t counted = config->size++;
    unsigned sps = put_kind(config, groups, count, SPS);
    config->data[counted] = (uint8_t)(0xe0 | sps);
    counted = config->size++;
    unsigned pps = put_kind(config, groups, count, PPS);
    config->data[counted] = (uint8_t)pps;
    if (sps > 31 || pps > 255)
        return -ENOSPC;
    if (!has_chroma_format(summary->profile))
        return 0;
    put(config, 0xfc | summary->chroma, 1);
    put(config, 0xf8 | summary->luma_depth, 1);
    put(config, 0xf8 | summary->chroma_depth, 1);
    counted = config->size++;
    unsigned extensions = put_kind(config, groups, count, EXTENSION);
    config->data[counted] = (uint8_t)extensions;
    return extensions > 255 ? -ENOSPC : 0;
}

// ISO 14496-15 8.3.3.1; reserved bits are ones, what is zero is unknown.
static void put_hvcc(struct config *config, const struct paramsets *const *groups, size_t count,
                     const struct summary *summary)
{
    put(config, 1, 1);
    memcpy(config->data + config->size, summary->ptl, PTL_BYTES);
    config->size += PTL_BYTES;
    put(config, 0xf000, 2); // min_spatial_segmentation
    put(config, 0xfc, 1);   // parallelism
    put(config, 0xfc | summary->chroma, 1);
    put(config, 0xf8 | summary->luma_depth, 1);
    put(config, 0xf8 | summary->chroma_depth, 1);
    put(config, 0, 2);                                                   // average frame rate
    put(config, summary->sub_layers << 3 | summary->nested << 2 | 3, 1); // lengths of four bytes
    put(config, 3, 1);                                                   // arrays
    for (enum kind kind = VPS; kind <= PPS; kind++) {
        put(config, 0x80U | (HEVC_VPS + kind - VPS), 1); // all of them: none in band
        size_t counted = config->size;
        config->size += 2;
        unsigned written = put_kind(config, groups, count, kind);
        config->data[counted] = (uint8_t)(written >> 8);
        config->data[counted + 1] = (uint8_t)written;
    }
}

int paramsets_configuration(const struct paramsets *const *groups, size_t count, uint8_t **ret_data,
                            size_t *ret_size)
{
    struct summary summary = { 0 };
    size_t sets = 0;
    assert(count > 0);
    for (size_t i = 0; i < count; i++) {
        int r = summarize(groups[i], &summary);
        if (r < 0)
            return r;
        sets += groups[i]->count;
    }
    struct config config = { .data = av_mallocz(64 + sets * (SET_ESCAPED_MAX + 2) +
                                                AV_INPUT_BUFFER_PADDING_SIZE) };
    if (config.data == NULL)
        base_out_of_memory();
    int r = 0;
    if (groups[0]->stream.codec == NAL_HEVC)
        put_hvcc(&config, groups, count, &summary);
    else
        r = put_avcc(&config, groups, count, &summary);
    if (r < 0) {
        av_freep(&config.data);
        return r;
    }
    *ret_data = config.data;
    *ret_size = config.size;
    return 0;
}
