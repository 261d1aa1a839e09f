// Test videos: small ones made with the ffmpeg program, and the real ones that may lie beside the
// repository.
//
// What is made is kept in a cache folder (CLIPSPOOL_TEST_CACHE, else /tmp/clipspool-test-media-UID)
// under a name that carries a hash of its recipe, so that each is encoded once however many test
// programs ask, and again when the recipe changes.  Made aside and renamed: programs may run side
// by side.  All paths are borrowed and live to the end of the program.
#ifndef CLIPSPOOL_TEST_MEDIA_H
#define CLIPSPOOL_TEST_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// One clip by its properties; what is 0 or NULL takes the default.
struct media_clip {
    const char *name;    // chooses the container: "phone.mp4"; required
    double seconds;      // 2
    int width, height;   // 320x240
    const char *rate;    // "30"; "30000/1001"
    const char *picture; // lavfi source, size and rate are added; "testsrc2"
    const char *sound;   // lavfi source: "sine=frequency=440:sample_rate=48000"; "" for no sound
    const char *filter;  // -vf, e.g. "setsar=4/3"
    const char *options; // output options with single spaces between: "-c:v libx264 -g 30 -bf 2"
};

// The path of the clip.  Aborts the test with ffmpeg's words if it cannot be made.
const char *media_clip(const struct media_clip *clip);
#define MEDIA_CLIP(...) media_clip(&(struct media_clip){ __VA_ARGS__ })

// The path of what `ffmpeg -nostdin -y ARGUMENTS... PATH` makes; arguments end with NULL.
const char *media_make(const char *name, const char *const *arguments);
#define MEDIA_MAKE(name, ...) media_make(name, (const char *const[]){ __VA_ARGS__, NULL })

// A file of the first `size` bytes of `path`, or with `count` bytes overwritten by zeros at
// `offset`.  Cached likewise.
const char *media_truncated(const char *path, const char *name, size_t size);
const char *media_zeroed(const char *path, const char *name, size_t offset, size_t count);
// A file of these bytes.
const char *media_bytes(const char *name, const void *data, size_t size);

// A real file ("camera/fire2.mp4") of the folder CLIPSPOOL_TEST_MEDIA, else ../shared/media beside
// the working directory.  NULL, with a line beginning SKIP on stdout, where there is none.
const char *media_real(const char *relative);

// Opens read-only; aborts the test if it cannot.  The caller closes.
int media_open(const char *path);
size_t media_size(const char *path);

#endif
