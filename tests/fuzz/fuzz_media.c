// Any bytes as a video: it is refused in words, or what probe finds is in order and saved and read
// back as it is, and compress makes a proxy and signals of it or refuses it in words.
#include "base/fs.h"
#include "media/inspect.h"
#include "media/proxy.h"

#include <math.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_PIXELS = 256 * 256, MAX_STREAMS = 8, MAX_SECONDS = 30 };

static void require(bool good)
{
    if (!good)
        abort();
}

static int file_of(const void *data, size_t size)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    require(fd >= 0 && fs_write_all(fd, data, size, NULL) == 0);
    return fd;
}

static void check_refusal(const struct err *err)
{
    require(err->class != ERR_NONE && err->class != ERR_BUG && *err->id && *err->text);
}

static void check_probe(const struct probe *probe)
{
    require(isfinite(probe->duration) && probe->duration >= 0);
    require(probe->width > 0 && probe->height > 0);
    require((int64_t)probe->width * probe->height <= MAX_PIXELS);
    require(probe->fps_num > 0 && probe->fps_den > 0);
    for (size_t i = 0; i < probe->key_frame_count; i++)
        require(isfinite(probe->key_frames[i]) &&
                (i == 0 || probe->key_frames[i] > probe->key_frames[i - 1]));
}

static void compress(int fd, const struct probe *probe)
{
    cleanup(close_fd) int proxy = file_of("", 0);
    cleanup(signals_release) struct signals signals = SIGNALS_INIT;
    struct proxy_result result;
    struct err err = ERR_INIT;
    const struct proxy_wish wish = {
        .source_fd = fd,
        .proxy_fd = proxy,
        .probe = probe,
        .profile = proxy_profile(PROFILE_AGGRESSIVE, probe->duration),
        .max_pixels = MAX_PIXELS,
        .max_streams = MAX_STREAMS,
    };
    if (proxy_make(&wish, &signals, &result, &err) < 0) {
        check_refusal(&err);
        return;
    }
    require(result.frames > 0 && result.width <= probe->width && result.height <= probe->height);
    require(lseek(proxy, 0, SEEK_END) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct inspect_rules rules = { .max_pixels = MAX_PIXELS, .max_streams = MAX_STREAMS };
    cleanup(close_fd) int fd = file_of(data, size);
    cleanup(probe_release) struct probe probe = PROBE_INIT;
    struct err err = ERR_INIT;
    if (inspect_file(fd, &rules, &probe, &err) < 0) {
        check_refusal(&err);
        return 0;
    }
    check_probe(&probe);
    if (probe.duration <= MAX_SECONDS)
        compress(fd, &probe);
    return 0;
}
