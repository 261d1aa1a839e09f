// Whatever frames.json says, what is read names files inside its folder, in order of time, and
// writes back to the same.
#include "spool/frames.h"

static void require(bool good)
{
    if (!good)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup(json_free) json_t *json = NULL, *again = NULL;
    cleanup(frames_release) struct frames frames = FRAMES_INIT;
    if (json_parse((const char *)data, size, &json, NULL) < 0)
        return 0;
    if (frames_from_json(json, &frames, NULL) < 0)
        return 0;
    require(frames.count <= FRAMES_MAX && frames.width % 2 == 0 && frames.height % 2 == 0);
    for (size_t i = 0; i < frames.count; i++) {
        require(strchr(frames.items[i].file, '/') == NULL && frames.items[i].file[0] != '.');
        require(frames.items[i].time >= 0 && frames.items[i].shot >= 0);
        require(i == 0 || frames.items[i].time > frames.items[i - 1].time);
    }
    again = frames_to_json(&frames);
    require(json_array_size(json_object_get(again, "frames")) == frames.count);
    return 0;
}
