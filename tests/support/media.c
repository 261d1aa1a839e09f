#include "tests/support/media.h"
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_ARGUMENTS = 96, MAX_PATHS = 512 };

extern char **environ;

// Benchmarks use this file too, so nothing of Check is used here; a test that dies is a failed one.
static void give_up(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

static void give_up(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
    abort();
}

static char *format_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

static char *format_text(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        give_up("no memory");
    va_end(args);
    return text;
}

// Paths are handed out as borrowed; this keeps them reachable, so that a leak checker stays quiet.
static const char *keep(char *path)
{
    static char *kept[MAX_PATHS];
    static size_t count;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(kept[i], path) == 0) {
            free(path);
            return kept[i];
        }
    }
    if (count == MAX_PATHS)
        give_up("more than %d test files", MAX_PATHS);
    kept[count++] = path;
    return path;
}

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
    return hash_bytes(hash, text, strlen(text) + 1);
}

#define HASH_START UINT64_C(0xcbf29ce484222325)

static char *cache_path(const char *name, uint64_t hash)
{
    const char *set = getenv("CLIPSPOOL_TEST_CACHE");
    char *folder = set != NULL ? format_text("%s", set)
                               : format_text("/tmp/clipspool-test-media-%u", (unsigned)getuid());
    if (mkdir(folder, 0700) < 0 && errno != EEXIST)
        give_up("%s: %s", folder, strerror(errno));
    char *path = format_text("%s/%016llx-%s", folder, (unsigned long long)hash, name);
    free(folder);
    return path;
}

static bool is_there(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

// A name for the file while it is made; it keeps the ending, which tells ffmpeg the container.
static char *aside_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    return format_text("%.*s/making-%ld-%s", (int)(slash - path), path, (long)getpid(), slash + 1);
}

static void run_ffmpeg(const char *const *arguments, const char *path)
{
    const char *argv[MAX_ARGUMENTS + 8] = { "ffmpeg", "-nostdin", "-hide_banner",
                                            "-v",     "error",    "-y" };
    size_t count = 6;
    for (size_t i = 0; arguments[i] != NULL; i++) {
        if (count == MAX_ARGUMENTS)
            give_up("more than %d arguments", MAX_ARGUMENTS);
        argv[count++] = arguments[i];
    }
    argv[count++] = path;
    pid_t pid;
    int status = 0;
    int r = posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)(uintptr_t)argv, environ);
    if (r != 0)
        give_up("ffmpeg: %s", strerror(r));
    if (waitpid(pid, &status, 0) != pid || status != 0)
        give_up("ffmpeg could not make %s", path);
}

static void move_into_place(char *aside, const char *path)
{
    if (rename(aside, path) < 0)
        give_up("%s: %s", path, strerror(errno));
    free(aside);
}

const char *media_make(const char *name, const char *const *arguments)
{
    uint64_t hash = HASH_START;
    for (size_t i = 0; arguments[i] != NULL; i++)
        hash = hash_text(hash, arguments[i]);
    char *path = cache_path(name, hash);
    if (!is_there(path)) {
        char *aside = aside_path(path);
        run_ffmpeg(arguments, aside);
        move_into_place(aside, path);
    }
    return keep(path);
}

// The source with its size, rate and length added, in the syntax of lavfi: the first option follows
// '=', the rest ':'.
static char *picture_source(const struct media_clip *clip, double seconds)
{
    const char *source = clip->picture != NULL ? clip->picture : "testsrc2";
    return format_text("%s%csize=%dx%d:rate=%s:duration=%g", source,
                       strchr(source, '=') != NULL ? ':' : '=', clip->width ? clip->width : 320,
                       clip->height ? clip->height : 240, clip->rate ? clip->rate : "30", seconds);
}

const char *media_clip(const struct media_clip *clip)
{
    const char *arguments[MAX_ARGUMENTS];
    size_t count = 0;
    double seconds = clip->seconds > 0 ? clip->seconds : 2;
    char *picture = picture_source(clip, seconds);
    char *length = format_text("%g", seconds);
    const char *sound = clip->sound != NULL ? clip->sound : "sine=frequency=440:sample_rate=48000";
    const char *inputs[] = { "-f", "lavfi", "-i", picture };
    for (size_t i = 0; i < 4; i++)
        arguments[count++] = inputs[i];
    if (sound[0] != '\0') {
        const char *more[] = { "-f", "lavfi", "-t", length, "-i", sound };
        for (size_t i = 0; i < 6; i++)
            arguments[count++] = more[i];
    }
    if (clip->filter != NULL) {
        arguments[count++] = "-vf";
        arguments[count++] = clip->filter;
    }
    char *options = format_text("%s", clip->options != NULL ? clip->options
                                                            : "-pix_fmt yuv420p -preset ultrafast");
    char *rest = NULL;
    for (char *word = strtok_r(options, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        if (count + 1 == MAX_ARGUMENTS)
            give_up("more than %d arguments", MAX_ARGUMENTS);
        arguments[count++] = word;
    }
    arguments[count] = NULL;
    const char *path = media_make(clip->name, arguments);
    free(options);
    free(picture);
    free(length);
    return path;
}

// ---- damaged copies

static void write_file(const char *path, const void *data, size_t size)
{
    char *aside = aside_path(path);
    FILE *file = fopen(aside, "wb");
    if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0)
        give_up("%s: cannot be written", aside);
    move_into_place(aside, path);
}

static unsigned char *read_file(const char *path, size_t size)
{
    unsigned char *data = malloc(size + 1);
    int fd = media_open(path);
    size_t done = 0;
    while (done < size) {
        ssize_t got = read(fd, data + done, size - done);
        if (got <= 0 || data == NULL)
            give_up("%s: shorter than %zu bytes", path, size);
        done += (size_t)got;
    }
    close(fd);
    return data;
}

const char *media_bytes(const char *name, const void *data, size_t size)
{
    char *path = cache_path(name, hash_bytes(HASH_START, data, size));
    if (!is_there(path))
        write_file(path, data, size);
    return keep(path);
}

const char *media_truncated(const char *path, const char *name, size_t size)
{
    unsigned char *data = read_file(path, size);
    const char *made = media_bytes(name, data, size);
    free(data);
    return made;
}

const char *media_zeroed(const char *path, const char *name, size_t offset, size_t count)
{
    size_t size = media_size(path);
    if (offset + count > size)
        give_up("%s: shorter than %zu bytes", path, offset + count);
    unsigned char *data = read_file(path, size);
    memset(data + offset, 0, count);
    const char *made = media_bytes(name, data, size);
    free(data);
    return made;
}

// ---- real files

const char *media_real(const char *relative)
{
    const char *set = getenv("CLIPSPOOL_TEST_MEDIA");
    char *path = format_text("%s/%s", set != NULL ? set : "../shared/media", relative);
    if (is_there(path))
        return keep(path);
    printf("SKIP %s is not there\n", path);
    (void)fflush(stdout);
    free(path);
    return NULL;
}

int media_open(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        give_up("%s: %s", path, strerror(errno));
    return fd;
}

size_t media_size(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        give_up("%s: %s", path, strerror(errno));
    return (size_t)st.st_size;
}
