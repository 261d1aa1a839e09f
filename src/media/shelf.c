// Packets laid aside; see shelf.h.
#include "media/shelf.h"

#include "media/source.h"
#include <errno.h>

void shelf_init(struct shelf *shelf, int fd)
{
    shelf->fd = fd;
    atomic_init(&shelf->used, 0);
    pthread_mutex_init(&shelf->lock, NULL);
    pthread_cond_init(&shelf->moved, NULL);
}

void parcel_init(struct parcel *parcel, struct shelf *shelf)
{
    *parcel = (struct parcel){ .shelf = shelf };
}

void parcel_release(struct parcel *parcel)
{
    free(parcel->entries);
    *parcel = (struct parcel){ .shelf = NULL };
}

static void add_entry(struct parcel *parcel, const struct parcel_entry *entry)
{
    pthread_mutex_lock(&parcel->shelf->lock);
    if (parcel->count == parcel->capacity) {
        parcel->capacity = parcel->capacity ? 2 * parcel->capacity : 64;
        parcel->entries = xrealloc(parcel->entries, parcel->capacity, sizeof(struct parcel_entry));
    }
    parcel->entries[parcel->count++] = *entry;
    pthread_cond_broadcast(&parcel->shelf->moved);
    pthread_mutex_unlock(&parcel->shelf->lock);
}

int parcel_add(struct parcel *parcel, const AVPacket *packet, struct err *err)
{
    int64_t offset = atomic_fetch_add(&parcel->shelf->used, packet->size);
    for (int done = 0; done < packet->size;) {
        ssize_t n = pwrite(parcel->shelf->fd, packet->data + done, (size_t)(packet->size - done),
                           offset + done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(err, errno, "write what was encoded");
        done += (int)n;
    }
    const struct parcel_entry entry = { .pts = packet->pts,
                                        .offset = offset,
                                        .size = packet->size,
                                        .duration = (int)packet->duration,
                                        .is_sync = (packet->flags & AV_PKT_FLAG_KEY) != 0 };
    add_entry(parcel, &entry);
    return 0;
}

void parcel_end(struct parcel *parcel)
{
    pthread_mutex_lock(&parcel->shelf->lock);
    parcel->is_ended = true;
    pthread_cond_broadcast(&parcel->shelf->moved);
    pthread_mutex_unlock(&parcel->shelf->lock);
}

bool parcel_await(const struct parcel *parcel, size_t i)
{
    pthread_mutex_lock(&parcel->shelf->lock);
    while (i >= parcel->count && !parcel->is_ended)
        pthread_cond_wait(&parcel->shelf->moved, &parcel->shelf->lock);
    bool is_there = i < parcel->count;
    pthread_mutex_unlock(&parcel->shelf->lock);
    return is_there;
}

static struct parcel_entry entry_of(const struct parcel *parcel, size_t i)
{
    pthread_mutex_lock(&parcel->shelf->lock);
    struct parcel_entry entry = parcel->entries[i];
    pthread_mutex_unlock(&parcel->shelf->lock);
    return entry;
}

int64_t parcel_time(const struct parcel *parcel, size_t i)
{
    return entry_of(parcel, i).pts;
}

int parcel_get(const struct parcel *parcel, size_t i, AVPacket *packet, struct err *err)
{
    const struct parcel_entry entry = entry_of(parcel, i);
    if (av_new_packet(packet, entry.size) < 0)
        return source_libav_error(err, AVERROR(ENOMEM), "no_memory", "join the reel");
    for (int done = 0; done < entry.size;) {
        ssize_t n = pread(parcel->shelf->fd, packet->data + done, (size_t)(entry.size - done),
                          entry.offset + done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_errno(err, n < 0 ? errno : EIO, "read what was encoded");
        done += (int)n;
    }
    packet->pts = packet->dts = entry.pts;
    packet->duration = entry.duration;
    packet->flags = entry.is_sync ? AV_PKT_FLAG_KEY : 0;
    return 0;
}
