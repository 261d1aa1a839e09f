// CRC-64 as Aliyun OSS computes it (x-oss-hash-crc64ecma): polynomial ECMA-182, reflected
// (0xC96C5795D7870F42), start and final xor all ones; "123456789" gives 11051210869376104954.
#ifndef CLIPSPOOL_CRC64_H
#define CLIPSPOOL_CRC64_H

#include "base/base.h"

// The checksum of what `crc` is the checksum of, followed by `size` bytes.  That of nothing is 0.
uint64_t crc64_add(uint64_t crc, const void *data, size_t size);

// The checksum of two pieces one after the other from those of each; second_size in bytes.  What a
// multipart upload needs: its parts are summed as they go, in any order.
uint64_t crc64_join(uint64_t first, uint64_t second, uint64_t second_size);

// The unsigned decimal of the header.  `buffer` has CRC64_TEXT_SIZE bytes.  Returns buffer.
enum { CRC64_TEXT_SIZE = 24 };
char *crc64_text(uint64_t crc, char *buffer);

// Reads the header: digits only, at most 2^64 - 1.  Returns 0 or -EINVAL.
int crc64_parse(const char *text, uint64_t *ret_crc);

#endif
