// Which pictures need not be decoded: those that nobody refers to, that no time slot of the proxy
// shows, and beside which nothing happens.  Private to src/media.
//
//   shown     P  b  B  b  P  b  B  b  P     (capitals: others refer to them)
//   slots     |        |        |           ten of thirty a second
//   decoded   P     B  b  P     B     P
//
// So the proxy is the same picture for picture as if all had been decoded; only the signals are
// measured more sparsely.  A cut must not be seen a picture late for that, because a reel that
// begins with the last picture of another shot flashes.  An encoder has to draw a new shot anew,
// so the picture ahead of the doubtful ones is much larger than usual, or a key frame: then all
// pictures up to it are decoded.
#ifndef CLIPSPOOL_SKIM_H
#define CLIPSPOOL_SKIM_H

#include "base/base.h"
#include <libavcodec/avcodec.h>

struct skim;

// `rate`: of the proxy, slots a second.  `frame_seconds`: how long a picture lasts where packets do
// not say.  NULL if there is no telling in this codec what nobody refers to.
struct skim *skim_new(const AVCodecParameters *picture, AVRational time_base, double rate,
                      double frame_seconds);
void skim_free(struct skim **skim);

// Is the picture in the packet, shown at `seconds`, to be decoded?  Asked for each in the order of
// decoding.
bool skim_wants(struct skim *skim, const AVPacket *packet, double seconds);

#endif
