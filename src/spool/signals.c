// signals.json: columns of whole numbers.  A row of the tables below for each column is all there
// is to know of it; docs/SIGNALS.md repeats them (a test compares).

#include "spool/signals.h"
#include "base/fs.h"
#include "base/json.h"
#include "spool/batch.h"
#include <errno.h>
#include <math.h>

enum {
    MAX_BYTES = 128 << 20,
    MAX_SECONDS = 4 * 3600,
    MAX_FRAMES = MAX_SECONDS * 120,
    MAX_SOUNDS = MAX_SECONDS * SIGNALS_SOUND_HZ,
    MAX_LIKENESS = MAX_SECONDS * SIGNALS_LIKENESS_HZ,
    TIME_STEPS = 10000, // a second, in the column of times
};

struct column {
    const char *key;
    size_t offset; // of a float
    double scale;  // the number in the file is the value times this, rounded
    int min, max;  // of the number in the file
};

#define FRAME(member, scale, min, max)                                   \
    {                                                                    \
#member, offsetof(struct signals_frame, member), scale, min, max \
    }
#define SOUND(member, scale, min, max)                                   \
    {                                                                    \
#member, offsetof(struct signals_sound, member), scale, min, max \
    }

static const struct column frame_columns[] = {
    FRAME(cut, 1000, 0, 1000),        FRAME(motion, 10000, 0, 10000),
    FRAME(brightness, 1000, 0, 1000), FRAME(sharpness, 1000, 0, 1000),
    FRAME(colour, 1000, 0, 1000),
};

static const struct column sound_columns[] = {
    SOUND(loudness, 10, -700, 200),
    SOUND(peak, 10, -900, 200),
    SOUND(speech, 10, -600, 0),
    SOUND(onset, 1000, 0, 1000),
};

// ---- writing

static json_t *whole(double value, const struct column *column)
{
    double scaled = isnan(value) ? column->min : round(value * column->scale);
    return json_integer((json_int_t)fmin(fmax(scaled, column->min), column->max));
}

static json_t *write_column(const struct column *column, const void *items, size_t count,
                            size_t item_size)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        float value;
        memcpy(&value, (const char *)items + i * item_size + column->offset, sizeof value);
        json_array_append_new(array, whole((double)value, column));
    }
    return array;
}

// Times as steps from the one before; each is rounded as a whole, so that no error adds up.
static json_t *write_times(const struct signals *signals)
{
    json_t *array = json_array();
    long long before = 0;
    for (size_t i = 0; i < signals->frame_count; i++) {
        long long now = llround((double)signals->frames[i].time * TIME_STEPS);
        json_array_append_new(array, json_integer(now > before ? now - before : 0));
        before = now > before ? now : before;
    }
    return array;
}

static json_t *write_frames(const struct signals *signals)
{
    json_t *object = json_object();
    json_put(object, "time", write_times(signals));
    for (size_t i = 0; i < ARRAY_LEN(frame_columns); i++)
        json_put(object, frame_columns[i].key,
                 write_column(&frame_columns[i], signals->frames, signals->frame_count,
                              sizeof *signals->frames));
    return object;
}

static json_t *write_likeness(const struct signals *signals)
{
    json_t *array = json_array();
    for (size_t i = 0; i < signals->likeness_count; i++)
        for (int bin = 0; bin < SIGNALS_BINS; bin++)
            json_array_append_new(array, json_integer(signals->likeness[i][bin]));
    return array;
}

static json_t *write_sounds(const struct signals *signals)
{
    if (!signals->has_sound)
        return json_null();
    json_t *object = json_object(), *voice = json_array();
    for (size_t i = 0; i < ARRAY_LEN(sound_columns); i++)
        json_put(object, sound_columns[i].key,
                 write_column(&sound_columns[i], signals->sounds, signals->sound_count,
                              sizeof *signals->sounds));
    for (size_t i = 0; i < signals->sound_count; i++)
        json_array_append_new(voice, json_integer(signals->sounds[i].voice));
    json_put(object, "voice", voice);
    json_put_number(object, "integrated_lufs", signals->integrated_lufs, 2);
    json_put_number(object, "true_peak_db", signals->true_peak_db, 2);
    return object;
}

int signals_save(int sourcedir, const struct signals *signals, struct err *err)
{
    cleanup(json_free) json_t *object = json_object();
    json_put_int(object, "version", SIGNALS_VERSION);
    json_put_number(object, "duration", signals->duration, 6);
    json_put_number(object, "frame_rate", signals->frame_rate, 4);
    json_put(object, "frames", write_frames(signals));
    json_put(object, "likeness", write_likeness(signals));
    json_put(object, "sound", write_sounds(signals));
    // An item a line would treble the size.
    cleanup(free_ptr) char *text = json_dumps(object, JSON_COMPACT);
    if (text == NULL)
        return err_set(err, ERR_SYSTEM, "memory", "%s cannot be written", SOURCE_SIGNALS);
    return fs_write(sourcedir, SOURCE_SIGNALS, text, strlen(text), err);
}

// ---- reading

static int read_whole(const json_t *array, size_t index, long long min, long long max,
                      long long *ret_value)
{
    const json_t *item = json_array_get(array, index);
    if (!json_is_integer(item))
        return -EINVAL;
    long long value = json_integer_value(item);
    if (value < min || value > max)
        return -EINVAL;
    *ret_value = value;
    return 0;
}

static int read_column(const json_t *object, const struct column *column, void *items, size_t count,
                       size_t item_size)
{
    const json_t *array = json_object_get(object, column->key);
    if (!json_is_array(array) || json_array_size(array) != count)
        return -EINVAL;
    for (size_t i = 0; i < count; i++) {
        long long number;
        if (read_whole(array, i, column->min, column->max, &number) < 0)
            return -EINVAL;
        float value = (float)((double)number / column->scale);
        memcpy((char *)items + i * item_size + column->offset, &value, sizeof value);
    }
    return 0;
}

static int read_frames(const json_t *object, struct signals *signals)
{
    const json_t *times = json_object_get(object, "time");
    size_t count = json_array_size(times);
    if (!json_is_array(times) || count > MAX_FRAMES)
        return -EINVAL;
    signals->frames = xcalloc(count + 1, sizeof *signals->frames);
    signals->frame_count = count;
    long long now = 0;
    for (size_t i = 0; i < count; i++) {
        long long step;
        if (read_whole(times, i, 0, (long long)MAX_SECONDS * TIME_STEPS, &step) < 0)
            return -EINVAL;
        now += step;
        if (now > (long long)MAX_SECONDS * TIME_STEPS)
            return -EINVAL;
        signals->frames[i].time = (float)((double)now / TIME_STEPS);
    }
    for (size_t i = 0; i < ARRAY_LEN(frame_columns); i++)
        if (read_column(object, &frame_columns[i], signals->frames, count,
                        sizeof *signals->frames) < 0)
            return -EINVAL;
    return 0;
}

static int read_likeness(const json_t *array, struct signals *signals)
{
    size_t count = json_array_size(array) / SIGNALS_BINS;
    if (!json_is_array(array) || json_array_size(array) % SIGNALS_BINS != 0 || count > MAX_LIKENESS)
        return -EINVAL;
    signals->likeness = xcalloc(count + 1, sizeof *signals->likeness);
    signals->likeness_count = count;
    for (size_t i = 0; i < count * SIGNALS_BINS; i++) {
        long long value;
        if (read_whole(array, i, 0, 255, &value) < 0)
            return -EINVAL;
        signals->likeness[i / SIGNALS_BINS][i % SIGNALS_BINS] = (uint8_t)value;
    }
    return 0;
}

static int read_sounds(const json_t *object, struct signals *signals)
{
    signals->integrated_lufs = -70;
    signals->true_peak_db = -90;
    if (json_is_null(object))
        return 0;
    const json_t *voice = json_object_get(object, "voice");
    const char *bad = NULL;
    size_t count = json_array_size(voice);
    if (!json_is_array(voice) || count > MAX_SOUNDS)
        return -EINVAL;
    signals->has_sound = true;
    signals->sounds = xcalloc(count + 1, sizeof *signals->sounds);
    signals->sound_count = count;
    for (size_t i = 0; i < count; i++) {
        long long value;
        if (read_whole(voice, i, 0, 1, &value) < 0)
            return -EINVAL;
        signals->sounds[i].voice = value;
    }
    for (size_t i = 0; i < ARRAY_LEN(sound_columns); i++)
        if (read_column(object, &sound_columns[i], signals->sounds, count,
                        sizeof *signals->sounds) < 0)
            return -EINVAL;
    signals->integrated_lufs = json_number(object, "integrated_lufs", -70, 20, -70, &bad);
    signals->true_peak_db = json_number(object, "true_peak_db", -90, 20, -90, &bad);
    return bad != NULL ? -EINVAL : 0;
}

static const char *read_all(const json_t *object, struct signals *signals)
{
    const char *bad = NULL;
    if (json_int(object, "version", 0, 1000, 0, &bad) != SIGNALS_VERSION)
        return "version";
    signals->duration = json_number(object, "duration", 0, MAX_SECONDS, -1, &bad);
    if (bad != NULL || signals->duration < 0)
        return "duration";
    signals->frame_rate = json_number(object, "frame_rate", 0, 1000, -1, &bad);
    if (bad != NULL || signals->frame_rate < 0)
        return "frame_rate";
    if (read_frames(json_object_get(object, "frames"), signals) < 0)
        return "frames";
    if (read_likeness(json_object_get(object, "likeness"), signals) < 0)
        return "likeness";
    if (read_sounds(json_object_get(object, "sound"), signals) < 0)
        return "sound";
    return NULL;
}

int signals_load(int sourcedir, struct signals *signals, struct err *err)
{
    cleanup(json_free) json_t *object = NULL;
    struct signals read = SIGNALS_INIT;
    int r = json_read(sourcedir, SOURCE_SIGNALS, MAX_BYTES, &object, err);
    if (r == -ENOENT)
        return err_set(err, ERR_BUG, "no_signals", "%s is missing", SOURCE_SIGNALS);
    if (r < 0)
        return r;
    const char *bad = read_all(object, &read);
    if (bad != NULL) {
        signals_release(&read);
        return err_set(err, ERR_INPUT, "bad_signals", "%s: \"%s\" is missing or wrong",
                       SOURCE_SIGNALS, bad);
    }
    *signals = read;
    return 0;
}

void signals_release(struct signals *signals)
{
    free(signals->frames);
    free(signals->likeness);
    free(signals->sounds);
    *signals = (struct signals)SIGNALS_INIT;
}
