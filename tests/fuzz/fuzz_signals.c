// Whatever signals.json says, what is read has numbers within their scales, and is written and read
// back as it is.
#include "base/fs.h"
#include "spool/signals.h"

#include <fcntl.h>
#include <math.h>

static void require(bool good)
{
    if (!good)
        abort();
}

static bool is_between(double value, double low, double high)
{
    return isfinite(value) && value >= low && value <= high;
}

static void check_frames(const struct signals *signals)
{
    for (size_t i = 0; i < signals->frame_count; i++) {
        const struct signals_frame *frame = &signals->frames[i];
        require(is_between(frame->cut, 0, 1) && is_between(frame->motion, 0, 1));
        require(is_between(frame->brightness, 0, 1) && is_between(frame->sharpness, 0, 1));
        require(is_between(frame->colour, 0, 1) && isfinite(frame->time));
        require(i == 0 || frame->time >= frame[-1].time);
    }
}

static void check_sounds(const struct signals *signals)
{
    require(signals->has_sound || signals->sound_count == 0);
    for (size_t i = 0; i < signals->sound_count; i++) {
        const struct signals_sound *sound = &signals->sounds[i];
        require(is_between(sound->loudness, -70, 100) && is_between(sound->peak, -90, 100));
        require(is_between(sound->speech, -60, 0) && is_between(sound->onset, 0, 1));
    }
}

static int folder(void)
{
    static int fd = -1;
    static char path[] = "/tmp/clipspool-fuzz-XXXXXX";
    if (fd < 0 && mkdtemp(path))
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    require(fd >= 0);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup(signals_release) struct signals first = SIGNALS_INIT, again = SIGNALS_INIT;
    require(fs_write(folder(), "signals.json", data, size, NULL) == 0);
    if (signals_load(folder(), &first, NULL) < 0)
        return 0;
    check_frames(&first);
    check_sounds(&first);
    require(signals_save(folder(), &first, NULL) == 0);
    require(signals_load(folder(), &again, NULL) == 0);
    require(again.frame_count == first.frame_count && again.sound_count == first.sound_count);
    require(again.likeness_count == first.likeness_count);
    check_frames(&again);
    check_sounds(&again);
    return 0;
}
