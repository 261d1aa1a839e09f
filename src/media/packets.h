// What the picture in a packet is to others, whatever its codec.  Private to src/media; pure
// functions on bytes, which are hostile.
#ifndef CLIPSPOOL_PACKETS_H
#define CLIPSPOOL_PACKETS_H

#include "media/nal.h"

// nal_classify for all that can be copied.  Of VP9 and AV1 a packet shows one picture, in the order
// of decoding; others are NAL_NO_PICTURE.  Which ones nobody refers to is not looked for: they are
// NAL_REFERENCE.
enum nal_picture packets_classify(const struct nal_stream *stream, const uint8_t *data,
                                  size_t size);

#endif
