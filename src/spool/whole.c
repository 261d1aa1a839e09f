// Containers by their outermost layer: MP4 is a row of boxes, Matroska a header and one segment,
// AVI a row of RIFF chunks.

#include "spool/whole.h"
#include "base/text.h"
#include <errno.h>
#include <unistd.h>

struct file {
    int fd;
    uint64_t size;
    bool *is_unknown; // set where a read failed: then nothing follows from what was not seen
};

// Reads all `count` bytes at `offset`.
static bool read_at(const struct file *file, uint64_t offset, unsigned char *bytes, size_t count)
{
    size_t done = 0;
    if (offset > file->size || file->size - offset < count)
        return false;
    while (done < count) {
        ssize_t got = pread(file->fd, bytes + done, count - done, (off_t)(offset + done));
        if (got == 0)
            return false;
        if (got < 0 && errno != EINTR) {
            *file->is_unknown = true;
            return false;
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return true;
}

static uint64_t big_endian(const unsigned char *bytes, size_t count)
{
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

static char *shorter_than(const struct file *file, uint64_t whole)
{
    char has[TEXT_TIME_SIZE], wants[TEXT_TIME_SIZE];
    (void)text_bytes(file->size, has);
    (void)text_bytes(whole, wants);
    // Where both look alike, the bytes that are missing tell.
    if (strcmp(has, wants) == 0)
        return xasprintf("is cut off: the last %ju bytes are missing",
                         (uintmax_t)(whole - file->size));
    return xasprintf("is cut off: it has %s of at least %s", has, wants);
}

// ---- MP4

static bool is_box_type(const unsigned char *type)
{
    static const char types[][5] = { "ftyp", "styp", "moov", "mdat", "free", "skip", "wide",
                                     "uuid", "meta", "udta", "moof", "mfra", "sidx", "ssix",
                                     "prft", "emsg", "pdin", "pnot", "PICT", "junk", "bloc" };
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (memcmp(type, types[i], 4) == 0)
            return true;
    return false;
}

struct box {
    const unsigned char *type; // within header
    unsigned char header[16];
    uint64_t size; // 0: to the end of the file
};

// Returns false where no box begins: behind the last one some cameras leave what is none.
static bool read_box(const struct file *file, uint64_t offset, struct box *box)
{
    if (!read_at(file, offset, box->header, 8) || !is_box_type(box->header + 4))
        return false;
    box->type = box->header + 4;
    box->size = big_endian(box->header, 4);
    if (box->size == 1) {
        if (!read_at(file, offset + 8, box->header + 8, 8))
            return false;
        box->size = big_endian(box->header + 8, 8);
        return box->size >= 16;
    }
    return box->size == 0 || box->size >= 8;
}

static char *doubt_boxes(const struct file *file)
{
    struct box box;
    bool has_index = false;
    uint64_t offset = 0;
    for (int parts = 0; read_box(file, offset, &box); parts++) {
        if (parts == WHOLE_MAX_PARTS)
            return NULL;
        if (box.size > file->size - offset)
            return shorter_than(file,
                                box.size > UINT64_MAX - offset ? UINT64_MAX : offset + box.size);
        has_index = has_index || memcmp(box.type, "moov", 4) == 0;
        offset = box.size == 0 ? file->size : offset + box.size;
    }
    return has_index ? NULL
                     : xstrdup("is cut off: it has no index (moov), without which nothing in it "
                               "can be found");
}

// ---- Matroska

// A number of EBML at `offset`: its length in zero bits, then its value.  All ones stand for
// "unknown".  Returns its length, 0 if there is none.
static size_t read_number(const struct file *file, uint64_t offset, uint64_t *ret_value)
{
    unsigned char bytes[8];
    if (!read_at(file, offset, bytes, 1) || bytes[0] == 0)
        return 0;
    size_t length = (size_t)__builtin_clz(bytes[0]) - (sizeof(unsigned) - 1) * 8 + 1;
    if (!read_at(file, offset, bytes, length))
        return 0;
    uint64_t mask = (UINT64_C(1) << (7 * length)) - 1;
    *ret_value = big_endian(bytes, length) & mask;
    if (*ret_value == mask)
        *ret_value = UINT64_MAX;
    return length;
}

static char *doubt_segment(const struct file *file)
{
    static const unsigned char segment[] = { 0x18, 0x53, 0x80, 0x67 };
    unsigned char id[4];
    uint64_t header = 0, size = 0, offset = sizeof id;
    size_t length = read_number(file, offset, &header);
    if (length == 0 || header > file->size)
        return NULL;
    offset += length + header;
    if (!read_at(file, offset, id, sizeof id) || memcmp(id, segment, sizeof id) != 0)
        return NULL;
    offset += sizeof id;
    length = read_number(file, offset, &size);
    offset += length;
    if (length == 0 || size == UINT64_MAX || size <= file->size - offset)
        return NULL;
    return shorter_than(file, offset + size);
}

// ---- AVI

static char *doubt_chunks(const struct file *file)
{
    unsigned char header[8];
    uint64_t offset = 0;
    for (int parts = 0; parts < WHOLE_MAX_PARTS && read_at(file, offset, header, sizeof header) &&
                        memcmp(header, "RIFF", 4) == 0;
         parts++) {
        uint64_t size = (uint64_t)header[4] | (uint64_t)header[5] << 8 | (uint64_t)header[6] << 16 |
                        (uint64_t)header[7] << 24;
        if (size == 0 || size == UINT32_MAX) // written where nobody could go back to fill it in
            return NULL;
        if (size > file->size - offset - sizeof header)
            return shorter_than(file, offset + sizeof header + size);
        offset += sizeof header + size + (size & 1);
    }
    return NULL;
}

// ---- all

enum { PIECE = 1 << 12 };

static bool is_zero(const struct file *file, uint64_t offset, size_t count)
{
    unsigned char bytes[PIECE];
    for (size_t done = 0; done < count; done += sizeof bytes) {
        if (!read_at(file, offset + done, bytes, sizeof bytes))
            return false;
        for (size_t i = 0; i < sizeof bytes; i++)
            if (bytes[i] != 0)
                return false;
    }
    return true;
}

static bool begins_with_box(const unsigned char *bytes)
{
    static const char first[][5] = { "ftyp", "styp", "moov", "mdat", "wide", "pnot" };
    for (size_t i = 0; i < ARRAY_LEN(first); i++)
        if (memcmp(bytes + 4, first[i], 4) == 0)
            return true;
    return false;
}

char *whole_doubt(int fd, uint64_t size_bytes)
{
    static const unsigned char ebml[] = { 0x1a, 0x45, 0xdf, 0xa3 };
    bool is_unknown = false;
    const struct file file = { fd, size_bytes, &is_unknown };
    unsigned char begin[12];
    char *doubt = NULL;
    if (!read_at(&file, 0, begin, sizeof begin))
        return NULL;
    if (begins_with_box(begin))
        doubt = doubt_boxes(&file);
    else if (memcmp(begin, ebml, sizeof ebml) == 0)
        doubt = doubt_segment(&file);
    else if (memcmp(begin, "RIFF", 4) == 0 && memcmp(begin + 8, "AVI ", 4) == 0)
        doubt = doubt_chunks(&file);
    // From its end on: a file that is whole costs one look at four kibibytes.
    if (doubt == NULL && size_bytes >= 2 * WHOLE_ZERO_TAIL &&
        is_zero(&file, size_bytes - PIECE, PIECE) &&
        is_zero(&file, size_bytes - WHOLE_ZERO_TAIL, WHOLE_ZERO_TAIL))
        doubt = xstrdup("was never filled: its end is nothing but zeros");
    if (is_unknown)
        free_ptr(&doubt);
    return doubt;
}
