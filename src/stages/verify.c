// verify: holds the files of a dropped folder against its SHA256SUMS, before it is taken.
//
// verify [--config FILE] [--spool DIR] ./NAME
//
// The daemon, which does no arithmetic on what strangers gave it, asks for this.  It reads and
// nothing else; what it finds is its exit status and its last words.
#include <errno.h>
#include <fcntl.h>

#include "base/fs.h"
#include "stages/program.h"
#include "stages/sandbox.h"
#include "stages/sums.h"

static void usage(FILE *stream, const void *context)
{
    (void)context;
    (void)fputs("Usage: verify [--config FILE] [--spool DIR] ./NAME\n"
                "Holds the files of a folder in incoming against its " MANIFEST_FILE
                "; clipspoold does this by itself.\n",
                stream);
}

static int open_dropped(const struct settings *settings, const char *name, struct err *err)
{
    cleanup(free_ptr) char *path = settings_incoming(settings);
    cleanup(close_fd) int incoming = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (incoming < 0)
        return err_errno(err, errno, "open %s", path);
    return fs_open_dir(incoming, name, err);
}

static int verify(const struct settings *settings, const char *name, struct err *err)
{
    cleanup(manifest_release) struct manifest manifest = MANIFEST_INIT;
    cleanup(close_fd) int dir = open_dropped(settings, name, err);
    if (dir < 0)
        return dir;
    const struct reach_place place = { .fd = dir, .reach = REACH_READ };
    const struct sandbox_rules rules = { &place, 1, false };
    int r = sandbox_enter(&rules, err);
    if (r == 0)
        r = manifest_read(dir, &manifest, err);
    if (r == -ENOENT)
        return err_set(err, ERR_INPUT, "missing_file", "there is no " MANIFEST_FILE " any more");
    return r < 0 ? r : sums_check_all(dir, &manifest, err);
}

int main(int argc, char **argv)
{
    const struct program program = { "verify", usage, NULL };
    cleanup(settings_release) struct settings settings = { .root = NULL };
    struct program_options options;
    struct err err = ERR_INIT;
    int status;
    program_begin();
    int first = program_options(&program, argc, argv, &options, &status);
    if (first < 0)
        return status;
    if (argc - first != 1)
        return program_misused(&program);
    int r = program_settings(&options, &settings, &err);
    if (r >= 0)
        r = verify(&settings, argv[first], &err);
    return r < 0 ? program_failed(&program, &err) : EXIT_SUCCESS;
}
