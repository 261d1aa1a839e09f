// probe.json: a row for each fact, so that writing and reading cannot drift apart.

#include "spool/probe.h"
#include "spool/batch.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>

enum {
    MAX_BYTES = 2 << 20, // PROBE_MAX_KEY_FRAMES with indentation and 100 warnings
    MAX_WARNINGS = 100,
};

static const double max_seconds = 1e7;

enum kind { TEXT, WHOLE, LONG, NUMBER, FLAG };

static const struct row {
    const char *key;
    enum kind kind;
    size_t offset;
    double min, max; // TEXT: max is the size of the array
} rows[] = {
#define ROW(member, kind, min, max)                             \
    {                                                           \
#member, kind, offsetof(struct probe, member), min, max \
    }
    ROW(container, TEXT, 0, sizeof(((struct probe *)0)->container)),
    ROW(size_bytes, LONG, 0, 0x1p53),
    ROW(duration, NUMBER, 0, 1e7),
    ROW(frames, LONG, 0, 1e9),
    ROW(codec, TEXT, 0, sizeof(((struct probe *)0)->codec)),
    ROW(pixel_format, TEXT, 0, sizeof(((struct probe *)0)->pixel_format)),
    ROW(width, WHOLE, 1, 1e6),
    ROW(height, WHOLE, 1, 1e6),
    ROW(coded_width, WHOLE, 1, 1e6),
    ROW(coded_height, WHOLE, 1, 1e6),
    ROW(rotation, WHOLE, 0, 270),
    ROW(sar_num, WHOLE, 1, 0x7fffffff),
    ROW(sar_den, WHOLE, 1, 0x7fffffff),
    ROW(fps_num, WHOLE, 1, 0x7fffffff),
    ROW(fps_den, WHOLE, 1, 0x7fffffff),
    ROW(variable_rate, FLAG, 0, 1),
    ROW(interlaced, FLAG, 0, 1),
    ROW(hdr, FLAG, 0, 1),
    ROW(bit_depth, WHOLE, 1, 64),
    ROW(bit_rate, LONG, 0, 1e13),
    ROW(video_stream, WHOLE, 0, 1e6),
    ROW(start_time, NUMBER, -1e12, 1e12),
    ROW(has_audio, FLAG, 0, 1),
    ROW(audio_codec, TEXT, 0, sizeof(((struct probe *)0)->audio_codec)),
    ROW(audio_stream, WHOLE, -1, 1e6),
    ROW(audio_channels, WHOLE, 0, 1024),
    ROW(audio_rate, WHOLE, 0, 1e7),
    ROW(all_key_frames, FLAG, 0, 1),
#undef ROW
};

static void put_row(json_t *object, const struct row *row, const struct probe *probe)
{
    const char *member = (const char *)probe + row->offset;
    switch (row->kind) {
    case TEXT:
        json_put_text(object, row->key, member);
        break;
    case WHOLE:
        json_put_int(object, row->key, *(const int *)(const void *)member);
        break;
    case LONG:
        json_put_int(object, row->key, *(const int64_t *)(const void *)member);
        break;
    case NUMBER:
        // Start times are compared as ticks of the container, which may be short.
        json_put_number(object, row->key, *(const double *)(const void *)member, 9);
        break;
    case FLAG:
        json_put_flag(object, row->key, *(const bool *)(const void *)member);
        break;
    }
}

static void get_row(const json_t *object, const struct row *row, struct probe *probe,
                    const char **bad)
{
    char *member = (char *)probe + row->offset;
    if (json_object_get(object, row->key) == NULL) {
        *bad = row->key;
        return;
    }
    switch (row->kind) {
    case TEXT: {
        const char *text = json_text(object, row->key, "", bad);
        if (strlen(text) >= (size_t)row->max)
            *bad = row->key;
        else
            (void)snprintf(member, (size_t)row->max, "%s", text);
        break;
    }
    case WHOLE:
        *(int *)(void *)member = (int)json_int(object, row->key, (int64_t)row->min,
                                               (int64_t)row->max, (int64_t)row->min, bad);
        break;
    case LONG:
        *(int64_t *)(void *)member =
            json_int(object, row->key, (int64_t)row->min, (int64_t)row->max, 0, bad);
        break;
    case NUMBER:
        *(double *)(void *)member = json_number(object, row->key, row->min, row->max, 0, bad);
        break;
    case FLAG:
        *(bool *)(void *)member = json_flag(object, row->key, false, bad);
        break;
    }
}

static void put_key_frames(json_t *object, const struct probe *probe)
{
    json_t *times = json_array(), *open = json_array();
    for (size_t i = 0; i < probe->key_frame_count; i++) {
        json_array_append_new(times, json_integer(llrint(probe->key_frames[i] * 1e6)));
        if (probe->key_frame_open != NULL && probe->key_frame_open[i])
            json_array_append_new(open, json_integer((json_int_t)i));
    }
    json_put(object, "key_frames", times);
    json_put(object, "open_key_frames", open);
}

json_t *probe_to_json(const struct probe *probe)
{
    json_t *object = json_object();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        put_row(object, &rows[i], probe);
    put_key_frames(object, probe);
    json_put(object, "warnings",
             probe->warnings != NULL ? json_incref(probe->warnings) : json_array());
    return object;
}

int probe_save(int sourcedir, const struct probe *probe, struct err *err)
{
    cleanup(json_free) json_t *object = probe_to_json(probe);
    return json_write(sourcedir, SOURCE_PROBE, object, err);
}

// The element of an array of whole numbers, or -1 if it is none from 0 to max.
static int64_t whole_at(const json_t *array, size_t at, int64_t max)
{
    const json_t *element = json_array_get(array, at);
    int64_t value = json_integer_value(element);
    return json_is_integer(element) && value >= 0 && value <= max ? value : -1;
}

static int get_key_frames(const json_t *array, struct probe *probe)
{
    size_t count = json_array_size(array);
    int64_t last = -1;
    if (!json_is_array(array) || count > PROBE_MAX_KEY_FRAMES)
        return -EINVAL;
    probe->key_frames = xcalloc(count + 1, sizeof *probe->key_frames);
    probe->key_frame_open = xcalloc(count + 1, sizeof *probe->key_frame_open);
    for (size_t i = 0; i < count; i++) {
        int64_t time = whole_at(array, i, (int64_t)(max_seconds * 1e6));
        if (time <= last)
            return -EINVAL;
        last = time;
        probe->key_frames[probe->key_frame_count++] = (double)time / 1e6;
    }
    return 0;
}

static int get_open_key_frames(const json_t *array, struct probe *probe)
{
    size_t count = json_array_size(array);
    if (!json_is_array(array) || count > probe->key_frame_count)
        return -EINVAL;
    for (size_t i = 0; i < count; i++) {
        int64_t place = whole_at(array, i, (int64_t)probe->key_frame_count - 1);
        if (place < 0)
            return -EINVAL;
        probe->key_frame_open[place] = true;
    }
    return 0;
}

static int get_warnings(json_t *array, struct probe *probe)
{
    if (array == NULL || json_is_null(array))
        return 0;
    if (!json_is_array(array) || json_array_size(array) > MAX_WARNINGS)
        return -EINVAL;
    for (size_t i = 0; i < json_array_size(array); i++)
        if (!json_is_string(json_array_get(array, i)))
            return -EINVAL;
    if (json_array_size(array) > 0)
        probe->warnings = json_incref(array);
    return 0;
}

int probe_from_json(const json_t *object, struct probe *probe, struct err *err)
{
    struct probe read = PROBE_INIT;
    const char *bad = NULL;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        get_row(object, &rows[i], &read, &bad);
    if (get_key_frames(json_object_get(object, "key_frames"), &read) < 0)
        bad = "key_frames";
    if (get_open_key_frames(json_object_get(object, "open_key_frames"), &read) < 0)
        bad = bad ? bad : "open_key_frames";
    if (get_warnings(json_object_get(object, "warnings"), &read) < 0)
        bad = "warnings";
    if (bad != NULL) {
        probe_release(&read);
        return err_set(err, ERR_INPUT, "bad_probe", "%s: \"%s\" is missing or wrong", SOURCE_PROBE,
                       bad);
    }
    *probe = read;
    return 0;
}

int probe_load(int sourcedir, struct probe *probe, struct err *err)
{
    cleanup(json_free) json_t *object = NULL;
    int r = json_read(sourcedir, SOURCE_PROBE, MAX_BYTES, &object, err);
    if (r == -ENOENT)
        return err_set(err, ERR_BUG, "no_probe", "%s is missing", SOURCE_PROBE);
    return r < 0 ? r : probe_from_json(object, probe, err);
}

void probe_release(struct probe *probe)
{
    free(probe->key_frames);
    free(probe->key_frame_open);
    json_decref(probe->warnings);
    *probe = (struct probe)PROBE_INIT;
}
