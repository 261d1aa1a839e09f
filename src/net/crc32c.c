// CRC-32C by ISA-L, which has it in the processor's own instruction.

#include "net/crc32c.h"

#include <isa-l/crc.h>

uint32_t crc32c_add(uint32_t crc, const void *data, size_t size)
{
    // The library's argument is not const, and counts in int.
    unsigned char *at;
    memcpy(&at, &data, sizeof at);
    for (const size_t most = 1 << 30; size > 0;) {
        size_t now = size < most ? size : most;
        crc = ~crc32_iscsi(at, (int)now, ~crc);
        at += now;
        size -= now;
    }
    return crc;
}
