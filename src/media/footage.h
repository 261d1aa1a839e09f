// The originals of a reel: opened when needed, by several threads, each for itself.  Private to
// src/media.
#ifndef CLIPSPOOL_FOOTAGE_H
#define CLIPSPOOL_FOOTAGE_H

#include "media/format.h"
#include "media/look.h"
#include "media/paramsets.h"
#include "media/picture.h"
#include "media/reel.h"
#include "media/sound.h"
#include <pthread.h>

// What is known of an original.
struct footage_source {
    double seconds; // of it in the plan
    bool is_usable; // its picture can be opened
    struct look_source look;
    double picture_bytes; // that a decoder holds one of its pictures in
    struct format format;
    const char *why_not;        // its pictures cannot be copied, a clause; NULL: they can
    struct paramsets paramsets; // where they can be copied; of VP9 and AV1 the codec alone
};

struct footage {
    const struct reel_order *order;
    struct footage_source *sources; // owned
    double seconds;                 // planned, of usable sources
    pthread_mutex_t lock;           // of warnings
};

// Opens each source that the plan uses once and learns what it is.  Keeps order.  Sources that
// cannot be opened are not usable; that is warned of.  ERR_INPUT "nothing_rendered" if none is.
int footage_open(const struct reel_order *order, struct footage *ret_footage, struct err *err);
void footage_release(struct footage *footage);

// Plans were checked when they were made; what somebody changed since is only kept from doing
// harm.
bool footage_has(const struct footage *footage, const struct plan_segment *segment);

// What a decoded picture takes in memory, of the source whose pictures take the most.
double footage_picture_bytes(const struct footage *footage);

// Opens a source anew, its start time set from the probe.  The caller frees.
int footage_source(const struct footage *footage, int index, struct source **ret_source,
                   struct err *err);

// The coded pictures of one source at a time.
struct footage_file {
    struct source *source;
    int index;
};
// Opens source `index` for them; what is open for it already stays so.  Of another it is closed.
int footage_file(const struct footage *footage, int index, struct footage_file *file,
                 struct err *err);
void footage_close_file(struct footage_file *file);

// Readers of the whole chain; free with footage_close.
struct footage_picture {
    struct source *source;
    struct picture *picture;
};
int footage_picture(const struct footage *footage, int index, const struct picture_wish *wish,
                    struct footage_picture *ret_picture, struct err *err);
void footage_close_picture(struct footage_picture *picture);

struct footage_sound {
    struct source *source;
    struct sound_reader *reader;
};
// Opens source `index` once more, for its sound alone (footage_close_sound); a thread may have one
// of its own.  Returns 0 or a negative, ERR_INPUT if the source is not there or has none.
int footage_sound(const struct footage *footage, int index, struct footage_sound *ret_sound,
                  struct err *err);
void footage_close_sound(struct footage_sound *sound);

// A sentence for people, from any thread.
void footage_warn(struct footage *footage, const char *format, ...) PRINTF_LIKE(2, 3);

// A fault of the material, which costs a part of the reel; any other fault is the end.
bool footage_is_to_blame(const struct err *err);

// What render says when nothing is left.
int footage_nothing(struct err *err);

#endif
