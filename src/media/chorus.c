// Sound encoded in parts; see chorus.h.
#include "media/chorus.h"

#include <pthread.h>

enum {
    FRAME = 1024, // samples of a packet
    OWN = 188,    // packets of a part: four seconds
    BEFORE = 8,   // packets left out
    AHEAD = 2,    // frames: a packet holds the one behind it too, and looks at one more
    MOST_VOICES = 4,
};

struct part {
    struct part *next;
    int64_t first; // of its frames, in the line
    int64_t from;  // packets before this are of the part before
    float *frames; // owned
    size_t count;
    bool is_last, is_taken, is_done;
    AVPacket **packets; // owned
    size_t packet_count;
};

struct chorus {
    voice_out *out;
    void *context;
    pthread_t threads[MOST_VOICES];
    unsigned thread_count;
    struct part *filling;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    // Guarded by lock, but for what is in a part that is taken and not done:
    struct part *oldest, **newest;
    unsigned held;       // parts with frames
    bool ended, dropped; // no more come; nobody wants the rest
    int result;
    struct err err;
};

// ---- parts

static struct part *part_new(int64_t first, int64_t from)
{
    struct part *part = xcalloc(1, sizeof *part);
    part->first = first;
    part->from = from;
    part->frames = xcalloc((BEFORE + OWN + AHEAD) * FRAME, 2 * sizeof *part->frames);
    return part;
}

static void part_free(struct part *part)
{
    for (size_t i = 0; part && i < part->packet_count; i++)
        av_packet_free(&part->packets[i]);
    if (part) {
        free(part->packets);
        free(part->frames);
    }
    free(part);
}

static int keep_packet(void *context, AVPacket *packet, struct err *err)
{
    struct part *part = context;
    if (packet->pts < part->from)
        return 0;
    AVPacket *kept = av_packet_alloc();
    if (!kept)
        return source_libav_error(err, AVERROR(ENOMEM), "no_memory", "encode sound");
    av_packet_move_ref(kept, packet);
    part->packets = xrealloc(part->packets, part->packet_count + 1, sizeof(AVPacket *));
    part->packets[part->packet_count++] = kept;
    return 0;
}

static int encode(struct part *part, struct err *err)
{
    const struct voice_wish wish = { .rate = SOUND_RATE, .first = part->first };
    struct voice *voice = NULL;
    int r = voice_open(&wish, keep_packet, part, &voice, err);
    if (r >= 0)
        r = voice_add(voice, part->frames, part->count, err);
    if (r >= 0 && part->is_last)
        r = voice_finish(voice, err);
    voice_free(&voice);
    free(base_take(&part->frames));
    return r;
}

// ---- the encoders

static void fail(struct chorus *chorus, int result, const struct err *err)
{
    if (chorus->result >= 0) {
        chorus->result = result;
        chorus->err = *err;
    }
}

// Waits for a part that nobody has taken; NULL: there will be none.
static struct part *take_part(struct chorus *chorus)
{
    while (chorus->result >= 0 && !chorus->dropped) {
        for (struct part *part = chorus->oldest; part; part = part->next)
            if (!part->is_taken) {
                part->is_taken = true;
                return part;
            }
        if (chorus->ended)
            break;
        pthread_cond_wait(&chorus->moved, &chorus->lock);
    }
    return NULL;
}

static struct part *remove_oldest(struct chorus *chorus)
{
    struct part *part = chorus->oldest;
    chorus->oldest = part->next;
    if (!chorus->oldest)
        chorus->newest = &chorus->oldest;
    return part;
}

// Gives out what is done up to the first part that is not.
static void give_out(struct chorus *chorus)
{
    struct err err = ERR_INIT;
    while (chorus->oldest && chorus->oldest->is_done && chorus->result >= 0) {
        struct part *part = remove_oldest(chorus);
        int r = 0;
        for (size_t i = 0; i < part->packet_count && r >= 0 && !chorus->dropped; i++)
            r = chorus->out(chorus->context, part->packets[i], &err);
        part_free(part);
        if (r < 0)
            fail(chorus, r, &err);
    }
}

static void *sing(void *context)
{
    struct chorus *chorus = context;
    struct part *part;
    pthread_mutex_lock(&chorus->lock);
    while ((part = take_part(chorus))) {
        struct err err = ERR_INIT;
        pthread_mutex_unlock(&chorus->lock);
        int r = encode(part, &err);
        pthread_mutex_lock(&chorus->lock);
        part->is_done = true;
        chorus->held--;
        if (r < 0)
            fail(chorus, r, &err);
        give_out(chorus);
        pthread_cond_broadcast(&chorus->moved);
    }
    pthread_mutex_unlock(&chorus->lock);
    return NULL;
}

// All encoders are alike; one is asked.
static int describe(AVCodecParameters *track, struct err *err)
{
    const struct voice_wish wish = { .rate = SOUND_RATE };
    struct voice *voice = NULL;
    int r = voice_open(&wish, keep_packet, NULL, &voice, err);
    if (r >= 0 && avcodec_parameters_from_context(track, voice_context(voice)) < 0)
        r = source_libav_error(err, AVERROR(ENOMEM), "no_memory", "encode sound");
    voice_free(&voice);
    return r;
}

static int start(struct chorus *chorus, unsigned voices, struct err *err)
{
    int failed = 0;
    voices = voices < 1 ? 1 : voices > MOST_VOICES ? MOST_VOICES : voices;
    while (!failed && chorus->thread_count < voices) {
        failed = pthread_create(&chorus->threads[chorus->thread_count], NULL, sing, chorus);
        chorus->thread_count += failed == 0;
    }
    return chorus->thread_count > 0 ? 0 : err_errno(err, failed, "start a thread");
}

int chorus_start(unsigned voices, voice_out *out, void *context, AVCodecParameters *ret_track,
                 struct chorus **ret_chorus, struct err *err)
{
    int r = describe(ret_track, err);
    if (r < 0)
        return r;
    struct chorus *chorus = xcalloc(1, sizeof *chorus);
    chorus->out = out;
    chorus->context = context;
    chorus->newest = &chorus->oldest;
    chorus->filling = part_new(0, INT64_MIN);
    pthread_mutex_init(&chorus->lock, NULL);
    pthread_cond_init(&chorus->moved, NULL);
    r = start(chorus, voices, err);
    if (r < 0) {
        chorus_free(&chorus);
        return r;
    }
    *ret_chorus = chorus;
    return 0;
}

static void end(struct chorus *chorus, bool drop)
{
    pthread_mutex_lock(&chorus->lock);
    chorus->ended = true;
    chorus->dropped = drop;
    pthread_cond_broadcast(&chorus->moved);
    pthread_mutex_unlock(&chorus->lock);
    for (; chorus->thread_count > 0; chorus->thread_count--)
        pthread_join(chorus->threads[chorus->thread_count - 1], NULL);
}

void chorus_free(struct chorus **chorus)
{
    struct chorus *c = *chorus;
    if (!c)
        return;
    end(c, true);
    while (c->oldest)
        part_free(remove_oldest(c));
    part_free(c->filling);
    pthread_cond_destroy(&c->moved);
    pthread_mutex_destroy(&c->lock);
    free(base_take(chorus));
}

// ---- the line

static int outcome(const struct chorus *chorus, struct err *err)
{
    if (chorus->result < 0 && err && err->class == ERR_NONE)
        *err = chorus->err;
    return chorus->result < 0 ? chorus->result : 0;
}

// Puts the part into the line of parts; waits for room.
static int hand_over(struct chorus *chorus, struct part *part, struct err *err)
{
    pthread_mutex_lock(&chorus->lock);
    while (chorus->held >= chorus->thread_count && chorus->result >= 0)
        pthread_cond_wait(&chorus->moved, &chorus->lock);
    *chorus->newest = part;
    chorus->newest = &part->next;
    chorus->held++;
    pthread_cond_broadcast(&chorus->moved);
    int r = outcome(chorus, err);
    pthread_mutex_unlock(&chorus->lock);
    return r;
}

// The part behind a full one, with what they share.
static struct part *next_part(const struct part *full)
{
    size_t shared = (BEFORE + AHEAD) * FRAME, before = full->count - shared;
    int64_t first = full->first + (int64_t)before;
    struct part *part = part_new(first, first + (int64_t)BEFORE * FRAME);
    memcpy(part->frames, full->frames + 2 * before, shared * 2 * sizeof *part->frames);
    part->count = shared;
    return part;
}

static size_t room_in(const struct part *part)
{
    size_t before = part->first == 0 ? 0 : BEFORE;
    return (before + OWN + AHEAD) * FRAME - part->count;
}

int chorus_add(struct chorus *chorus, const float *frames, size_t count, struct err *err)
{
    int r = 0;
    while (count > 0 && r >= 0) {
        struct part *part = chorus->filling;
        size_t piece = count < room_in(part) ? count : room_in(part);
        memcpy(part->frames + 2 * part->count, frames, piece * 2 * sizeof *frames);
        part->count += piece;
        frames += 2 * piece;
        count -= piece;
        if (room_in(part) > 0)
            continue;
        chorus->filling = next_part(part);
        r = hand_over(chorus, part, err);
    }
    return r;
}

int chorus_finish(struct chorus *chorus, struct err *err)
{
    struct part *part = TAKE(chorus->filling);
    part->is_last = true;
    int r = hand_over(chorus, part, err);
    end(chorus, false);
    return r < 0 ? r : outcome(chorus, err);
}
