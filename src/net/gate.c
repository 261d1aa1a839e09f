// Turns at a service, over the locks of its file.
#include "net/gate.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <time.h>

#include "base/fs.h"

// Nothing tells that a place is free, so one looks for it.
enum { LOOK_MS = 50, NONE = -1 };
// What poll can count, and a limit of everybody's patience.
static const double longest_pause = 1e6;
// No turn in time: how soon to come again.
enum { COME_AGAIN_SECONDS = 5 };

struct gate {
    char *root, *name;
    struct throttle_rules rules;
    double wait_seconds;
    int stop_fd;
    int fd;    // of the service's file while inside or waiting
    int place; // that is held, or NONE
};

struct gate *gate_new(const struct gate_order *order)
{
    struct gate *gate = xcalloc(1, sizeof *gate);
    *gate = (struct gate){ .rules = order->rules,
                           .wait_seconds = order->wait_seconds,
                           .stop_fd = order->stop_fd,
                           .fd = -1,
                           .place = NONE };
    if (gate->rules.concurrent > THROTTLE_MAX_CONCURRENT)
        gate->rules.concurrent = THROTTLE_MAX_CONCURRENT;
    gate->root = xstrdup(order->root);
    gate->name = xstrdup(order->name);
    return gate;
}

// With the descriptor go its locks.
static void let_go(struct gate *gate)
{
    close_fd(&gate->fd);
    gate->place = NONE;
}

void gate_free(struct gate **gate_pointer)
{
    struct gate *gate = TAKE(*gate_pointer);
    if (!gate)
        return;
    let_go(gate);
    free(gate->root);
    free(gate->name);
    free(gate);
}

// ---- the file

static void open_file(struct gate *gate)
{
    cleanup(free_ptr) char *file = throttle_file(gate->name);
    cleanup(close_fd) int folder = throttle_open(gate->root, true);
    gate->fd = folder < 0 ? -1 : fs_open(folder, file, O_RDWR | O_CREAT);
}

static int lock(int fd, short type, off_t at, bool wait)
{
    struct flock range = { .l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };
    int r;
    do
        r = fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &range);
    while (r < 0 && errno == EINTR);
    return r;
}

static void take_place(struct gate *gate)
{
    for (unsigned i = 0; gate->place == NONE && i < gate->rules.concurrent; i++)
        if (lock(gate->fd, F_WRLCK, THROTTLE_PLACES + (off_t)i, false) == 0)
            gate->place = (int)i;
}

// Asks, if there is a place; without one only whether to wait for one.
static enum throttle_answer ask(struct gate *gate, int64_t *ret_wait_us, struct throttle *throttle)
{
    enum throttle_answer answer = THROTTLE_WAIT;
    bool has_place = gate->place != NONE || gate->rules.concurrent == 0;
    (void)lock(gate->fd, F_WRLCK, THROTTLE_LOCK, true);
    int64_t now = throttle_now();
    throttle_read(gate->fd, throttle, NULL);
    *ret_wait_us = (int64_t)LOOK_MS * 1000;
    if (has_place)
        answer = throttle_ask(throttle, &gate->rules, now, ret_wait_us);
    else if (throttle_is_away(throttle, &gate->rules, now, ret_wait_us))
        answer = THROTTLE_AWAY;
    if (answer == THROTTLE_GO)
        throttle_write(gate->fd, throttle, gate->name);
    (void)lock(gate->fd, F_UNLCK, THROTTLE_LOCK, true);
    return answer;
}

// ---- waiting

int gate_pause(int stop_fd, double seconds, struct err *err)
{
    struct pollfd stop = { .fd = stop_fd > 0 ? stop_fd : -1, .events = POLLIN };
    int r = poll(&stop, 1, (int)ceil(fmin(seconds, longest_pause) * 1000));
    if (r <= 0 || stop.revents == 0)
        return 0;
    (void)err_set(err, ERR_RETRY, "stopped", "the transfer was asked to stop");
    return -ECANCELED;
}

bool gate_stand_by(const struct err *before, struct err *now)
{
    unsigned asked = now->retry_after;
    if (before->class == ERR_NONE || !throttle_had_no_turn(now))
        return false;
    *now = *before;
    now->retry_after = now->retry_after > asked ? now->retry_after : asked;
    return true;
}

static int busy(const struct gate *gate, int64_t wait_us, struct err *err)
{
    (void)err_set(err, ERR_RETRY, "no_turn", "%s is asked as much already as it may be",
                  gate->name);
    if (err)
        err->retry_after = (unsigned)fmax(ceil((double)wait_us / 1e6), COME_AGAIN_SECONDS);
    return err_hint(err, "services in clipspool.conf says how much that is");
}

static int wait_for_turn(struct gate *gate, struct err *err)
{
    struct throttle throttle;
    int64_t end = throttle_now() + (int64_t)(gate->wait_seconds * 1e6), wait = 0;
    for (;;) {
        take_place(gate);
        switch (ask(gate, &wait, &throttle)) {
        case THROTTLE_GO:
            return 0;
        case THROTTLE_AWAY:
            return throttle_away(&throttle, gate->name, wait, err);
        case THROTTLE_WAIT:
            break;
        }
        if (throttle_now() + wait > end)
            return busy(gate, wait, err);
        int r = gate_pause(gate->stop_fd, fmin((double)wait / 1e6, 1), err);
        if (r < 0)
            return r;
    }
}

int gate_enter(void *context, struct err *err)
{
    struct gate *gate = context;
    if (gate == NULL)
        return 0;
    assert(gate->fd < 0); // one at a time
    open_file(gate);
    if (gate->fd < 0)
        return 0;
    int r = wait_for_turn(gate, err);
    if (r < 0)
        let_go(gate);
    return r;
}

void gate_leave(void *context, const struct err *outcome)
{
    struct gate *gate = context;
    struct throttle throttle;
    if (gate == NULL || gate->fd < 0)
        return;
    const struct err unknown = { .class = ERR_BUG };
    (void)lock(gate->fd, F_WRLCK, THROTTLE_LOCK, true);
    throttle_read(gate->fd, &throttle, NULL);
    throttle_tell(&throttle, &gate->rules, throttle_now(), outcome ? outcome : &unknown);
    throttle_write(gate->fd, &throttle, gate->name);
    let_go(gate);
}
