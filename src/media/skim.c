#include "media/skim.h"
#include "media/nal.h"
#include "spool/slot.h"
#include <math.h>

enum {
    AVCC_BYTES = 7, // of a decoder configuration, up to the first parameter set
    HVCC_BYTES = 23,
    USUAL_OVER = 8, // pictures whose sizes make what is usual
};

// A picture this many times larger than usual may begin a shot.  On a dozen films and talks this
// decodes 0 to 9 percent more than no such rule.  At twice, where the encoder did not look for
// cuts, one in a hundred came late (F1 0.971 for 0.986; so 0.981); 1.25 gave no more.
static const double SURPRISE = 1.5;
// What times of packets and durations are rounded by; too much would only decode more.
static const double ROUNDING = 0.001;

struct skim {
    struct nal_stream stream;
    AVRational time_base;
    double rate, frame_seconds;
    double ahead; // the latest picture so far
    double usual; // bytes of pictures that are shown later than all before; 0: not known yet
    double until; // pictures before it are decoded: something happens
};

// Where units carry their lengths, the configuration says how long those are.
static bool read_configuration(const AVCodecParameters *picture, struct nal_stream *stream)
{
    const uint8_t *data = picture->extradata;
    bool configured = data != NULL && picture->extradata_size >= AVCC_BYTES && data[0] == 1;
    if (picture->codec_id == AV_CODEC_ID_H264) {
        stream->codec = NAL_H264;
        stream->length_size = configured ? (data[4] & 3) + 1 : 0;
        return true;
    }
    // Without a configuration nobody says how many temporal layers there are.
    if (picture->codec_id != AV_CODEC_ID_HEVC || !configured ||
        picture->extradata_size < HVCC_BYTES || (data[21] >> 3 & 7) == 0)
        return false;
    stream->codec = NAL_HEVC;
    stream->length_size = (data[21] & 3) + 1;
    stream->top_sub_layer = (data[21] >> 3 & 7) - 1;
    return true;
}

struct skim *skim_new(const AVCodecParameters *picture, AVRational time_base, double rate,
                      double frame_seconds)
{
    struct nal_stream stream = { .length_size = 0 };
    if (!read_configuration(picture, &stream))
        return NULL;
    struct skim *skim = xcalloc(1, sizeof *skim);
    *skim = (struct skim){ .stream = stream,
                           .time_base = time_base,
                           .rate = rate,
                           .frame_seconds = frame_seconds,
                           .ahead = -INFINITY,
                           .until = -INFINITY };
    return skim;
}

void skim_free(struct skim **skim)
{
    free(base_take(skim));
}

// Pictures between others (B that are referred to) are small by nature; they say nothing.
static void look_at_reference(struct skim *skim, double seconds, int bytes, bool key)
{
    if (seconds <= skim->ahead)
        return;
    skim->ahead = seconds;
    double size = bytes;
    if (key || (skim->usual > 0 && size > SURPRISE * skim->usual))
        skim->until = seconds;
    if (key)
        return;
    if (skim->usual > 0)
        size = fmin(size, 2 * SURPRISE * skim->usual); // a single giant is soon forgotten
    skim->usual += (size - skim->usual) / (skim->usual > 0 ? USUAL_OVER : 1);
}

bool skim_wants(struct skim *skim, const AVPacket *packet, double seconds)
{
    enum nal_picture picture = nal_classify(&skim->stream, packet->data, (size_t)packet->size);
    if (picture != NAL_DISPOSABLE) {
        look_at_reference(skim, seconds, packet->size,
                          picture == NAL_SYNC || picture == NAL_SYNC_OPEN ||
                              packet->flags & AV_PKT_FLAG_KEY);
        return true;
    }
    if (seconds <= skim->until || seconds >= skim->ahead)
        return true;
    double lasts = packet->duration > 0 ? (double)packet->duration * av_q2d(skim->time_base)
                                        : skim->frame_seconds;
    return slot_of(seconds + lasts + ROUNDING, skim->rate) >
           slot_of(seconds - ROUNDING, skim->rate);
}
