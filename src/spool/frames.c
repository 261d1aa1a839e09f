// frames.json: reading it as if a stranger had written it.
#include "spool/frames.h"

#include "base/fs.h"
#include "spool/analysis.h"
#include "spool/batch.h"
#include <errno.h>

enum {
    MAX_SECONDS = 4 * 3600, // as of signals
    DIGITS = 4,
};

static int bad(struct err *err, const char *what)
{
    return err_set(err, ERR_INPUT, "bad_frames", "the frame set cannot be used: %s", what);
}

// ---- in memory

const struct frames_item *frames_add(struct frames *frames, double time, int shot)
{
    frames->items = xrealloc(frames->items, frames->count + 1, sizeof *frames->items);
    struct frames_item *item = &frames->items[frames->count++];
    *item = (struct frames_item){
        .file = xasprintf("%0*zu.jpg", DIGITS, frames->count),
        .time = time,
        .shot = shot,
    };
    return item;
}

void frames_release(struct frames *frames)
{
    for (size_t i = 0; i < frames->count; i++)
        free(frames->items[i].file);
    free(frames->items);
    *frames = (struct frames)FRAMES_INIT;
}

// ---- writing

json_t *frames_to_json(const struct frames *frames)
{
    json_t *object = json_object(), *array = json_array();
    json_put_int(object, "version", FRAMES_VERSION);
    json_put_int(object, "width", frames->width);
    json_put_int(object, "height", frames->height);
    for (size_t i = 0; i < frames->count; i++) {
        json_t *entry = json_object();
        json_put_text(entry, "file", frames->items[i].file);
        json_put_number(entry, "time", frames->items[i].time, 4);
        json_put_int(entry, "shot", frames->items[i].shot);
        json_array_append_new(array, entry);
    }
    json_put(object, "frames", array);
    return object;
}

int frames_save(int framesdir, const struct frames *frames, struct err *err)
{
    cleanup(json_free) json_t *json = frames_to_json(frames);
    return json_write(framesdir, FRAMES_INDEX, json, err);
}

// ---- reading

// Nothing that could lead out of the folder, or to another kind of file.
static bool is_name(const char *name)
{
    return strlen(name) == DIGITS + strlen(".jpg") && strspn(name, "0123456789") == DIGITS &&
           strcmp(name + DIGITS, ".jpg") == 0;
}

static int read_item(const json_t *entry, struct frames_item *item, struct err *err)
{
    const char *wrong = NULL;
    if (!json_is_object(entry))
        return bad(err, "an entry is not an object");
    const char *file = json_text(entry, "file", "", &wrong);
    double time = json_number(entry, "time", 0, MAX_SECONDS, -1, &wrong);
    int64_t shot = json_int(entry, "shot", 0, ANALYSIS_MAX_ITEMS, -1, &wrong);
    if (wrong || time < 0 || shot < 0)
        return bad(err, "a time or a shot is missing or out of range");
    if (!is_name(file))
        return bad(err, "a file is not named like a picture of it");
    *item = (struct frames_item){ .file = xstrdup(file), .time = time, .shot = (int)shot };
    return 0;
}

static int read_items(const json_t *array, struct frames *frames, struct err *err)
{
    if (!json_is_array(array) || json_array_size(array) > FRAMES_MAX)
        return bad(err, "the list is missing or too long");
    frames->items = xcalloc(json_array_size(array) + 1, sizeof *frames->items);
    size_t i;
    json_t *entry;
    json_array_foreach(array, i, entry)
    {
        int r = read_item(entry, &frames->items[i], err);
        if (r < 0)
            return r;
        frames->count = i + 1;
        if (i > 0 && (frames->items[i].time <= frames->items[i - 1].time ||
                      frames->items[i].shot < frames->items[i - 1].shot))
            return bad(err, "it is not in order of time");
    }
    return 0;
}

int frames_from_json(const json_t *json, struct frames *ret, struct err *err)
{
    cleanup(frames_release) struct frames frames = FRAMES_INIT;
    const char *wrong = NULL;
    if (!json_is_object(json) || json_int(json, "version", 0, 1000, 0, NULL) != FRAMES_VERSION)
        return bad(err, "it is of another version");
    frames.width = (int)json_int(json, "width", 2, FRAMES_MAX_SIDE, 0, &wrong);
    frames.height = (int)json_int(json, "height", 2, FRAMES_MAX_SIDE, 0, &wrong);
    if (wrong || frames.width < 2 || frames.height < 2 || frames.width % 2 || frames.height % 2)
        return bad(err, "its pictures have no size");
    int r = read_items(json_object_get(json, "frames"), &frames, err);
    if (r < 0)
        return r;
    *ret = frames;
    frames = (struct frames)FRAMES_INIT;
    return 0;
}

int frames_load(int sourcedir, struct frames *ret, struct err *err)
{
    cleanup(json_free) json_t *json = NULL;
    int r = json_read(sourcedir, SOURCE_FRAMES "/" FRAMES_INDEX, FRAMES_MAX_INDEX, &json, err);
    return r < 0 ? r : frames_from_json(json, ret, err);
}

int frames_read(int sourcedir, const struct frames_item *item, char **ret_jpeg, size_t *ret_size,
                struct err *err)
{
    cleanup(free_ptr) char *path = xasprintf(SOURCE_FRAMES "/%s", item->file), *jpeg = NULL;
    int r = fs_read(sourcedir, path, FRAMES_MAX_FILE, &jpeg, ret_size, err);
    if (r == -ENOENT)
        return bad(err, "a picture is missing");
    if (r < 0)
        return r;
    if (*ret_size < 4 || memcmp(jpeg, "\xff\xd8\xff", 3) != 0)
        return bad(err, "a picture is no JPEG file");
    *ret_jpeg = TAKE(jpeg);
    return 0;
}
