// CRC-32C (Castagnoli), which services of S3 check a part by (x-amz-checksum-crc32c): polynomial
// 0x1EDC6F41, reflected (0x82F63B78), start and final xor all ones; "123456789" gives 0xE3069283
// (RFC 3720, appendix B.4).
#ifndef CLIPSPOOL_CRC32C_H
#define CLIPSPOOL_CRC32C_H

#include "base/base.h"

// The checksum of what `crc` is the checksum of, followed by `size` bytes.  That of nothing is 0.
uint32_t crc32c_add(uint32_t crc, const void *data, size_t size);

#endif
