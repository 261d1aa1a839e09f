#include "media/clock.h"
#include <math.h>

// A time that falls back by more than this is a recording that starts over inside the file, not
// jitter.
static const double JUMP_SECONDS = 3.0;

// How long a frame lasts, in the stream's time base; at least a tick.
static int64_t frame_ticks(const AVStream *stream, const AVFrame *frame)
{
    int64_t ticks = frame->pkt_duration;
    if (frame->nb_samples > 0 && frame->sample_rate > 0)
        ticks = av_rescale_q(frame->nb_samples, (AVRational){ 1, frame->sample_rate },
                             stream->time_base);
    else if (ticks <= 0 && stream->avg_frame_rate.num > 0 && stream->avg_frame_rate.den > 0)
        ticks = av_rescale_q(1, av_inv_q(stream->avg_frame_rate), stream->time_base);
    return ticks > 0 ? ticks : 1;
}

void clock_stamp(struct clock *clock, const AVStream *stream, double start, AVFrame *frame)
{
    double tick = av_q2d(stream->time_base);
    int64_t origin = llrint(start / tick), pts = frame->best_effort_timestamp;
    if (pts == AV_NOPTS_VALUE)
        pts = clock->next != AV_NOPTS_VALUE ? clock->next : origin;
    else
        pts += clock->shift;
    if (clock->last != AV_NOPTS_VALUE && pts <= clock->last) {
        if ((double)(clock->last - pts) * tick > JUMP_SECONDS) {
            clock->shift += clock->next - pts;
            pts = clock->next;
        } else {
            pts = clock->last + 1;
        }
    }
    clock->last = pts;
    clock->next = pts + frame_ticks(stream, frame);
    frame->time_base = stream->time_base;
    frame->pts = pts - origin;
}
