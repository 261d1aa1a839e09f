// One file of strips and sound; see join.h.
//
// Pictures are numbered by frame, each frame once; so the coding times are the numbers of the
// packets, delayed by the smallest number of frames that leaves none behind the time it is shown.
#include "media/join.h"

#include "media/mp4.h"
#include "media/webtrack.h"
#include <assert.h>
#include <errno.h>
#include <libavutil/murmur3.h>
#include <math.h>

// Of sound laid down between pictures, seconds.
static const double block_seconds = 0.5;

struct joiner {
    const struct cuts *cuts;
    const struct dub *dub;
    struct join *join;
    struct mp4 *mp4;
    struct webtrack web; // instead of groups, where it is of those codecs
    bool is_web;
    struct paramsets coded; // the encoder's
    bool has_coded;
    struct paramsets *groups[32];
    size_t group_count;
    struct paramsets **group_of; // a source's, owned array
    int64_t delay;               // of the coding times, frames
    size_t next_sound;
    AVPacket *packet;         // of sound
    struct footage_file file; // copied from
    // The strip at hand:
    const struct strip *strip;
    const struct cut *cut;
    bool is_first; // its first packet is still to come
};

static int not_joined(struct err *err, const char *why)
{
    return err_set(err, ERR_INPUT, "not_joined", "the copied pictures cannot be joined: %s", why);
}

void join_hash(const uint8_t *data, size_t size, uint8_t ret_hash[16])
{
    struct AVMurMur3 *state = av_murmur3_alloc();
    if (!state)
        base_out_of_memory();
    av_murmur3_init(state);
    av_murmur3_update(state, data, size);
    av_murmur3_final(state, ret_hash);
    av_free(state);
}

// ---- parameter sets

// Sources whose sets are the same bytes share a group.
static int add_group(struct joiner *joiner, struct paramsets *sets, struct paramsets **ret_group)
{
    for (size_t i = 0; i < joiner->group_count; i++) {
        struct paramsets *known = joiner->groups[i];
        if (paramsets_equal(known, sets) && known->stream.length_size == sets->stream.length_size) {
            *ret_group = known;
            return 0;
        }
    }
    if (joiner->group_count == ARRAY_LEN(joiner->groups))
        return -ENOSPC;
    *ret_group = joiner->groups[joiner->group_count++] = sets;
    return 0;
}

static bool is_copied_from(const struct cuts *cuts, int index)
{
    for (size_t i = 0; i < cuts->strip_count; i++)
        if (cuts->strips[i].run.is_copied &&
            cuts->cuts[cuts->strips[i].cut].segment->video_index == index)
            return true;
    return false;
}

static int take_in_source(struct joiner *joiner, int index, struct err *err)
{
    struct source *file = NULL;
    int r = footage_source(joiner->cuts->footage, index, &file, err);
    const AVCodecParameters *track = r < 0 ? NULL : source_video(file)->codecpar;
    if (track && webtrack_add(&joiner->web, track->extradata, (size_t)track->extradata_size) < 0)
        r = not_joined(err, "their parameter sets do not fit into one track");
    source_free(&file);
    return r;
}

// Not all encoders say beforehand what their first packet does.
static int take_in_encoded(struct joiner *joiner, struct err *err)
{
    const struct cuts *cuts = joiner->cuts;
    const struct parcel *parcel = NULL;
    for (size_t i = 0; i < cuts->strip_count && !parcel; i++)
        if (!cuts->strips[i].run.is_copied && cuts->strips[i].parcel.count > 0)
            parcel = &cuts->strips[i].parcel;
    int r = parcel ? parcel_get(parcel, 0, joiner->packet, err) : 0;
    if (parcel && r >= 0 &&
        webtrack_add(&joiner->web, joiner->packet->data, (size_t)joiner->packet->size) < 0)
        r = not_joined(err, "what is encoded beside them differs from them");
    av_packet_unref(joiner->packet);
    return r;
}

static int gather_web(struct joiner *joiner, struct err *err)
{
    const struct cuts *cuts = joiner->cuts;
    int r = 0;
    joiner->web = (struct webtrack){ .codec = cuts->format.codec,
                                     .width = cuts->format.width,
                                     .height = cuts->format.height };
    for (size_t i = 0; i < cuts->footage->order->source_count && r >= 0; i++)
        if (is_copied_from(cuts, (int)i))
            r = take_in_source(joiner, (int)i, err);
    return r < 0 ? r : take_in_encoded(joiner, err);
}

static int gather_groups(struct joiner *joiner, const AVCodecParameters *coded, struct err *err)
{
    if (joiner->is_web)
        return gather_web(joiner, err);
    const struct footage *footage = joiner->cuts->footage;
    size_t count = footage->order->source_count;
    int r = 0;
    joiner->group_of = xcalloc(count + 1, sizeof(struct paramsets *));
    for (size_t i = 0; i < count && r >= 0; i++)
        if (is_copied_from(joiner->cuts, (int)i))
            r = add_group(joiner, &footage->sources[i].paramsets, &joiner->group_of[i]);
    if (r >= 0 && coded && joiner->cuts->encoded > 0) {
        enum nal_codec codec = coded->codec_id == AV_CODEC_ID_HEVC ? NAL_HEVC : NAL_H264;
        r = paramsets_parse(codec, coded->extradata, (size_t)coded->extradata_size, &joiner->coded);
        joiner->has_coded = r >= 0;
        if (joiner->has_coded && joiner->group_count == ARRAY_LEN(joiner->groups))
            r = -ENOSPC;
        else if (joiner->has_coded)
            joiner->groups[joiner->group_count++] = &joiner->coded;
    }
    if (r >= 0)
        r = paramsets_unite(joiner->groups, joiner->group_count);
    return r < 0 ? not_joined(err, "their parameter sets do not fit into one track") : 0;
}

// ---- the track

static void describe_format(const struct cuts *cuts, AVCodecParameters *track)
{
    const struct format *format = &cuts->format;
    track->codec_type = AVMEDIA_TYPE_VIDEO;
    track->codec_id = format_codec(format);
    track->level = FF_LEVEL_UNKNOWN;
    track->width = format->width;
    track->height = format->height;
    track->format = format->pixels;
    track->sample_aspect_ratio = format->aspect;
    track->color_space = format->matrix;
    track->color_range = format->range;
    track->color_primaries = format->primaries;
    track->color_trc = format->transfer;
    track->chroma_location = format->chroma;
    track->profile = format->profile;
}

static int describe_track(const struct joiner *joiner, const AVCodecParameters *coded,
                          AVCodecParameters *track, struct err *err)
{
    uint8_t *extradata = NULL;
    size_t size = 0;
    int r = coded && !joiner->cuts->copies ? avcodec_parameters_copy(track, coded) : 0;
    if (r < 0)
        return source_libav_error(err, r, "no_memory", "describe the reel");
    if (joiner->cuts->copies)
        describe_format(joiner->cuts, track);
    r = joiner->is_web ? webtrack_configuration(&joiner->web, &extradata, &size)
                       : paramsets_configuration((const struct paramsets *const *)joiner->groups,
                                                 joiner->group_count, &extradata, &size);
    if (r < 0)
        return not_joined(err, "their parameter sets do not fit into one track");
    av_freep(&track->extradata);
    track->extradata = extradata;
    track->extradata_size = (int)size;
    return 0;
}

// Of sound, at most: what the encoder adds before and behind included.
static size_t sound_packets(const struct joiner *joiner)
{
    const struct cuts *cuts = joiner->cuts;
    const AVCodecParameters *track = joiner->dub->parameters;
    int64_t samples = timeline_sample(&cuts->timeline, cuts_frames(cuts));
    return track->frame_size > 0 ? (size_t)(samples / track->frame_size) + 4 : (size_t)samples;
}

static int open_file(struct joiner *joiner, const AVCodecParameters *coded, int fd, struct err *err)
{
    const struct cuts *cuts = joiner->cuts;
    AVCodecParameters *track = avcodec_parameters_alloc();
    if (!track)
        return source_libav_error(err, AVERROR(ENOMEM), "no_memory", "describe the reel");
    int r = describe_track(joiner, coded, track, err);
    // Before its first packet nobody knows whether there is sound.
    bool has_sound = parcel_await(&joiner->dub->parcel, 0);
    const struct mp4_wish wish = {
        .picture = track,
        .sound = has_sound ? joiner->dub->parameters : NULL,
        .fps_num = cuts->look.fps_num,
        .fps_den = cuts->look.fps_den,
        .matrix = cuts->copies && cuts->format.is_turned ? cuts->format.turn : NULL,
        .title = cuts->footage->order->title,
        .packets = (size_t)cuts_frames(cuts) + (has_sound ? sound_packets(joiner) : 0),
        .chapters = cuts->cut_count,
    };
    if (r >= 0)
        r = mp4_open(fd, &wish, &joiner->mp4, err);
    avcodec_parameters_free(&track);
    return r;
}

// ---- coding times

static int64_t frame_of(const struct joiner *joiner, size_t picture)
{
    const struct cuts *cuts = joiner->cuts;
    double frames = (joiner->cut->scan.pictures[picture].time - joiner->cut->origin) *
                    cuts->look.fps_num / cuts->look.fps_den;
    return joiner->cut->place.first_frame + llround(frames);
}

static void begin_strip(struct joiner *joiner, const struct strip *strip)
{
    joiner->strip = strip;
    joiner->cut = &joiner->cuts->cuts[strip->cut];
    joiner->is_first = true;
}

// Lists the packets to come, with the frame each shows, and finds the delay.
static void list_packets(struct joiner *joiner)
{
    const struct cuts *cuts = joiner->cuts;
    struct join *join = joiner->join;
    join->packets = xcalloc((size_t)cuts_frames(cuts) + 1, sizeof *join->packets);
    for (size_t s = 0; s < cuts->strip_count; s++) {
        const struct strip *strip = &cuts->strips[s];
        const struct run *run = &strip->run;
        begin_strip(joiner, strip);
        size_t from = run->is_copied ? run->from : 0;
        size_t to = run->count == 0 ? from : run->is_copied ? run->to : strip->parcel.count;
        for (size_t i = from; i < to && join->count < (size_t)cuts_frames(cuts); i++) {
            if (run->is_copied && !runs_keeps(joiner->cut->scan.pictures, run, i))
                continue;
            struct join_packet *packet = &join->packets[join->count];
            packet->is_copied = run->is_copied;
            packet->is_joint = i == from;
            packet->frame = run->is_copied
                                ? frame_of(joiner, i)
                                : joiner->cut->place.first_frame + strip->parcel.entries[i].pts;
            int64_t behind = (int64_t)join->count - packet->frame;
            joiner->delay = behind > joiner->delay ? behind : joiner->delay;
            join->count++;
        }
    }
    join->count = 0;
}

// ---- writing

// Lays down sound up to `seconds` of the reel; waits for it.
static int sound_until(struct joiner *joiner, double seconds, struct err *err)
{
    const struct parcel *parcel = &joiner->dub->parcel;
    int r = 0;
    while (r >= 0 && parcel_await(parcel, joiner->next_sound) &&
           (double)parcel_time(parcel, joiner->next_sound) < seconds * SOUND_RATE) {
        AVPacket *packet = joiner->packet;
        r = parcel_get(parcel, joiner->next_sound++, packet, err);
        if (r < 0)
            break;
        packet->flags = AV_PKT_FLAG_KEY;
        r = mp4_write_now(joiner->mp4, MP4_SOUND, packet, err);
    }
    return r;
}

// Writes the picture packet: its bytes as they go into the track, takes them.
static int put_picture(struct joiner *joiner, AVPacket *packet, struct err *err)
{
    const struct cuts *cuts = joiner->cuts;
    struct join *join = joiner->join;
    struct join_packet *listed = &join->packets[join->count];
    double fps = (double)cuts->look.fps_num / cuts->look.fps_den;
    if (join->count % (size_t)ceil(block_seconds * fps) == 0) {
        int r = sound_until(joiner, (double)join->count / fps + block_seconds, err);
        if (r < 0)
            return r;
    }
    join_hash(packet->data, (size_t)packet->size, listed->hash);
    listed->is_sync = (packet->flags & AV_PKT_FLAG_KEY) != 0;
    packet->pts = listed->frame;
    packet->dts = (int64_t)join->count - joiner->delay;
    packet->duration = 1;
    join->count++;
    return mp4_write_now(joiner->mp4, MP4_PICTURE, packet, err);
}

// Brings the packet into the form of the track.
static int translate(const struct joiner *joiner, const struct paramsets *group, AVPacket *packet,
                     bool as_bla, struct err *err)
{
    uint8_t *data = NULL;
    size_t size = 0;
    size_t given = (size_t)packet->size;
    int r = joiner->is_web ? webtrack_translate(&joiner->web, packet->data, given, &data, &size)
                           : paramsets_translate(group, packet->data, given, as_bla, &data, &size);
    if (r == -ESTALE)
        return not_joined(err, "a source changes its parameter sets on the way");
    if (r < 0 || size == 0)
        return not_joined(err, "a packet is damaged");
    if (!data)
        return 0;
    AVBufferRef *buffer =
        av_buffer_create(data, size + AV_INPUT_BUFFER_PADDING_SIZE, NULL, NULL, 0);
    if (!buffer) {
        av_free(data);
        return source_libav_error(err, AVERROR(ENOMEM), "no_memory", "join the reel");
    }
    av_buffer_unref(&packet->buf);
    packet->buf = buffer;
    packet->data = data;
    packet->size = (int)size;
    return 0;
}

static int put_copied(void *context, size_t index, AVPacket *packet, struct err *err)
{
    struct joiner *joiner = context;
    const struct coded_picture *pictures = joiner->cut->scan.pictures;
    const struct run *run = &joiner->strip->run;
    if (!runs_keeps(pictures, run, index))
        return 0;
    bool is_sync = pictures[index].kind == NAL_SYNC || pictures[index].kind == NAL_SYNC_OPEN;
    const struct paramsets *group =
        joiner->is_web ? NULL : joiner->group_of[joiner->cut->segment->video_index];
    bool as_bla = run->is_open && index == run->from;
    int r = translate(joiner, group, packet, as_bla, err);
    if (r < 0)
        return r;
    struct join_packet *listed = &joiner->join->packets[joiner->join->count];
    listed->is_original = group && !group->renamed && !as_bla;
    listed->is_closed = pictures[index].kind == NAL_SYNC;
    listed->sets = group;
    packet->flags = is_sync ? AV_PKT_FLAG_KEY : 0;
    av_packet_free_side_data(packet);
    return put_picture(joiner, packet, err);
}

static int copy_strip(struct joiner *joiner, struct err *err)
{
    const struct cut *cut = joiner->cut;
    const struct run *run = &joiner->strip->run;
    int r = footage_file(joiner->cuts->footage, cut->segment->video_index, &joiner->file, err);
    return r < 0 ? r
                 : scan_replay(joiner->file.source, &cut->scan, run->from, run->to, put_copied,
                               joiner, err);
}

static int put_parcel(struct joiner *joiner, struct err *err)
{
    const struct parcel *parcel = &joiner->strip->parcel;
    AVPacket *packet = av_packet_alloc();
    int r = packet ? 0 : source_libav_error(err, AVERROR(ENOMEM), "no_memory", "join the reel");
    for (size_t i = 0; i < parcel->count && r >= 0; i++) {
        assert(packet != NULL); // the analyser does not know that an error is negative
        r = parcel_get(parcel, i, packet, err);
        if (r >= 0)
            r = translate(joiner, &joiner->coded, packet, false, err);
        if (r >= 0)
            r = put_picture(joiner, packet, err);
    }
    av_packet_free(&packet);
    return r;
}

static int write_chapters(struct joiner *joiner, struct err *err)
{
    const struct cuts *cuts = joiner->cuts;
    int r = 0;
    for (size_t i = 0; i < cuts->cut_count && r >= 0; i++) {
        const struct cut *cut = &cuts->cuts[i];
        const char *reason = cut->segment->reason;
        const char *name = cuts->footage->order->sources[cut->segment->video_index].name;
        if (cut->place.frames > 0)
            r = mp4_chapter(joiner->mp4, cut->place.first_frame,
                            cut->place.first_frame + cut->place.frames,
                            reason && reason[0] ? reason : name, err);
    }
    return r;
}

static int write_all(struct joiner *joiner, struct err *err)
{
    const struct cuts *cuts = joiner->cuts;
    int r = 0;
    for (size_t i = 0; i < cuts->strip_count && r >= 0; i++) {
        begin_strip(joiner, &cuts->strips[i]);
        if (cuts->strips[i].run.count > 0)
            r = cuts->strips[i].run.is_copied ? copy_strip(joiner, err) : put_parcel(joiner, err);
    }
    if (r >= 0)
        r = sound_until(joiner, HUGE_VAL, err);
    if (r >= 0)
        r = write_chapters(joiner, err);
    return r < 0 ? r : mp4_finish(joiner->mp4, err);
}

int join_make(const struct cuts *cuts, const struct dub *dub, const AVCodecParameters *coded,
              int fd, struct join *ret_join, struct err *err)
{
    struct joiner joiner = { .cuts = cuts,
                             .dub = dub,
                             .join = ret_join,
                             .is_web = cuts->copies && webtrack_is_for(cuts->format.codec) };
    joiner.packet = av_packet_alloc();
    if (!joiner.packet)
        return source_libav_error(err, AVERROR(ENOMEM), "no_memory", "join the reel");
    int r = gather_groups(&joiner, coded, err);
    if (r >= 0) {
        list_packets(&joiner);
        r = open_file(&joiner, coded, fd, err);
    }
    if (r >= 0)
        r = write_all(&joiner, err);
    mp4_free(&joiner.mp4);
    footage_close_file(&joiner.file);
    if (joiner.has_coded)
        paramsets_release(&joiner.coded);
    av_packet_free(&joiner.packet);
    free(joiner.group_of);
    return r;
}

void join_release(struct join *join)
{
    free(base_take(&join->packets));
    join->count = 0;
}
