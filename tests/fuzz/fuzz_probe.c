// Whatever probe.json says, what is read is within its limits, and writes back to the same.
#include "spool/probe.h"

static void require(bool good)
{
    if (!good)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup(json_free) json_t *json = NULL;
    cleanup(probe_release) struct probe probe = PROBE_INIT, again = PROBE_INIT;
    if (json_parse((const char *)data, size, &json, NULL) < 0)
        return 0;
    if (probe_from_json(json, &probe, NULL) < 0) {
        require(probe.key_frames == NULL && probe.warnings == NULL);
        return 0;
    }
    require(probe.duration >= 0 && probe.fps_num > 0 && probe.fps_den > 0);
    require(probe.key_frame_count <= PROBE_MAX_KEY_FRAMES);
    for (size_t i = 0; i < probe.key_frame_count; i++)
        require(probe.key_frames[i] >= 0 &&
                (i == 0 || probe.key_frames[i] > probe.key_frames[i - 1]));
    cleanup(json_free) json_t *written = probe_to_json(&probe);
    require(probe_from_json(written, &again, NULL) == 0);
    require(again.key_frame_count == probe.key_frame_count);
    for (size_t i = 0; i < probe.key_frame_count; i++)
        require(again.key_frames[i] == probe.key_frames[i] &&
                again.key_frame_open[i] == probe.key_frame_open[i]);
    return 0;
}
