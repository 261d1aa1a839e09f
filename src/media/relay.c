// Sound from one thread to another; see relay.h.
#include "media/relay.h"

#include <pthread.h>

enum {
    ROOM = 1 << 15,  // frames on their way: two thirds of a second
    PIECE = 1 << 12, // frames handed out at a time at most
};

struct relay {
    sound_out *out;
    void *context;
    pthread_t thread;
    bool is_running;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    // Guarded by lock, but for the frames themselves, which belong to one side at a time:
    float ring[2 * ROOM];
    size_t first, count; // frames that wait
    bool ended, dropped; // nothing more comes; nobody wants the rest
    int result;          // of out
    struct err err;
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

// Waits for the next piece.  Returns its length, 0 at the end.
static size_t next_piece(struct relay *relay)
{
    while (relay->count == 0 && !relay->ended)
        pthread_cond_wait(&relay->moved, &relay->lock);
    return relay->dropped ? 0 : least(least(relay->count, PIECE), ROOM - relay->first);
}

static void *hand_out(void *context)
{
    struct relay *relay = context;
    size_t piece;
    pthread_mutex_lock(&relay->lock);
    while (relay->result >= 0 && (piece = next_piece(relay)) > 0) {
        struct err err = ERR_INIT;
        const float *frames = relay->ring + 2 * relay->first;
        pthread_mutex_unlock(&relay->lock);
        int r = relay->out(relay->context, frames, piece, &err);
        pthread_mutex_lock(&relay->lock);
        relay->first = (relay->first + piece) % ROOM;
        relay->count -= piece;
        if (r < 0) {
            relay->result = r;
            relay->err = err;
        }
        pthread_cond_signal(&relay->moved);
    }
    pthread_mutex_unlock(&relay->lock);
    return NULL;
}

int relay_start(sound_out *out, void *context, struct relay **ret_relay, struct err *err)
{
    struct relay *relay = xcalloc(1, sizeof *relay);
    relay->out = out;
    relay->context = context;
    pthread_mutex_init(&relay->lock, NULL);
    pthread_cond_init(&relay->moved, NULL);
    int failed = pthread_create(&relay->thread, NULL, hand_out, relay);
    relay->is_running = failed == 0;
    if (failed) {
        relay_free(&relay);
        return err_errno(err, failed, "start a thread");
    }
    *ret_relay = relay;
    return 0;
}

static void end(struct relay *relay, bool drop)
{
    if (!relay->is_running)
        return;
    pthread_mutex_lock(&relay->lock);
    relay->ended = true;
    relay->dropped = drop;
    pthread_cond_signal(&relay->moved);
    pthread_mutex_unlock(&relay->lock);
    pthread_join(relay->thread, NULL);
    relay->is_running = false;
}

void relay_free(struct relay **relay)
{
    struct relay *r = *relay;
    if (!r)
        return;
    end(r, true);
    pthread_cond_destroy(&r->moved);
    pthread_mutex_destroy(&r->lock);
    free(base_take(relay));
}

static int outcome(const struct relay *relay, struct err *err)
{
    if (relay->result < 0 && err && err->class == ERR_NONE)
        *err = relay->err;
    return relay->result < 0 ? relay->result : 0;
}

int relay_put(struct relay *relay, const float *frames, size_t count, struct err *err)
{
    pthread_mutex_lock(&relay->lock);
    while (count > 0 && relay->result >= 0) {
        size_t at = (relay->first + relay->count) % ROOM;
        size_t piece = least(least(count, ROOM - relay->count), ROOM - at);
        memcpy(relay->ring + 2 * at, frames, piece * 2 * sizeof *frames);
        relay->count += piece;
        frames += 2 * piece;
        count -= piece;
        pthread_cond_signal(&relay->moved);
        if (piece == 0)
            pthread_cond_wait(&relay->moved, &relay->lock);
    }
    int r = outcome(relay, err);
    pthread_mutex_unlock(&relay->lock);
    return r;
}

int relay_finish(struct relay *relay, struct err *err)
{
    end(relay, false);
    return outcome(relay, err);
}
