// submit: drops videos into incoming so that nothing half-copied can ever be seen.
//
// Everything is copied into a hidden folder of incoming, which the intake never looks into, with
// `.ready` in it; one rename then shows it complete, and the batch is taken at once.  A copy that
// is interrupted or fails is removed.
#include "base/fs.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/place.h"
#include "cli/screen.h"
#include "spool/incoming.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

enum { MAX_DEPTH = 8, NAME_MAX_BYTES = 200 };

static int run(struct cli *cli, int argc, char **argv);

const struct command command_submit = {
    .name = "submit",
    .summary = "give videos to the service",
    .usage =
        "usage: clipspool submit PATH... [--name NAME] [-c job.conf]\n"
        "Copies videos, or a folder of videos, into the spool as one batch and prints its\n"
        "name.  The copy is complete before the service sees it.\n\n"
        "      --name NAME     name of the batch; else that of the first PATH\n"
        "  -c, --job FILE      what is wanted, see clipspool-job(5)\n"
        "  -C, --config FILE   the service's configuration\n\n"
        "Exit status: 0 submitted; 64 wrong usage; 66 a PATH is not there; 74 it could not be\n"
        "copied; 77 no permission; 78 job.conf or the configuration is wrong;\n"
        "130 interrupted.\n",
    .run = run,
};

struct drop {
    const struct settings *settings;
    int incoming, folder; // folder: the hidden one
    char *hidden;         // its name
    int signals;
    int64_t entries;
};
#define DROP_INIT                                   \
    {                                               \
        .incoming = -1, .folder = -1, .signals = -1 \
    }

static void drop_release(struct drop *drop)
{
    if (drop->hidden)
        (void)fs_remove(drop->incoming, drop->hidden, NULL);
    free_ptr(&drop->hidden);
    close_fd(&drop->folder);
    close_fd(&drop->incoming);
    close_fd(&drop->signals);
}

// Counted against the service's own limit: what it would refuse need not be copied.
static int count_entry(struct drop *drop, struct err *err)
{
    int signal_number = interrupt_taken(drop->signals);
    if (signal_number) {
        err_set(err, ERR_RETRY, "interrupted", "interrupted, nothing was submitted");
        return -EINTR;
    }
    if (++drop->entries > drop->settings->max_entries)
        return err_set(err, ERR_INPUT, "too_many_entries",
                       "these are more than %lld files and folders",
                       (long long)drop->settings->max_entries);
    return 0;
}

static int copy_file(struct drop *drop, int fd, int to, const char *name, struct err *err)
{
    int r = count_entry(drop, err);
    if (r < 0)
        return r;
    struct stat st;
    cleanup(free_ptr) char *safe = text_escape(name);
    if (fstatat(to, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        err_set(err, ERR_INPUT, "same_name", "two of the files are called %s", safe);
        return err_hint(err, "Put them into folders of one folder and submit that.");
    }
    cleanup(fs_release) struct fs_file file = FS_FILE_INIT;
    r = fs_begin(&file, to, name, err);
    if (r < 0)
        return r;
    r = fs_fill(&file, fd, NULL, NULL, err);
    return r < 0 ? r : fs_commit(&file, err);
}

// The service moves the folder away, which takes the right to write into it: its group gets that.
static int make_folder(int to, const char *name, struct err *err)
{
    struct stat st;
    int r = fs_mkdir(to, name, 0770, err);
    cleanup(close_fd) int dir = r < 0 ? r : fs_open_dir(to, name, err);
    if (dir < 0)
        return dir;
    if (fstat(dir, &st) == 0)
        (void)fchmod(dir, st.st_mode | 0770); // a file system without modes has no such question
    return take_fd(&dir);
}

static int copy_tree(struct drop *drop, int from, int to, unsigned depth, struct err *err);

static int copy_entry(struct drop *drop, int from, const char *name, int to, unsigned depth,
                      struct err *err)
{
    enum incoming_name kind = incoming_name(name);
    if (kind == INCOMING_JUNK || kind == INCOMING_READY)
        return 0;
    cleanup(free_ptr) char *safe = text_escape(name);
    if (kind == INCOMING_PARTIAL) {
        fprintf(stderr, "clipspool: left out: %s (hidden, or not finished)\n", safe);
        return 0;
    }
    struct stat st;
    if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_errno(err, errno, "look at %s", safe);
    if (S_ISREG(st.st_mode)) {
        cleanup(close_fd) int fd = fs_open_file(from, name, NULL, err);
        return fd < 0 ? fd : copy_file(drop, fd, to, name, err);
    }
    if (!S_ISDIR(st.st_mode)) {
        fprintf(stderr, "clipspool: left out: %s (not a file)\n", safe);
        return 0;
    }
    cleanup(close_fd) int sub = fs_open_dir(from, name, err);
    cleanup(close_fd) int made = sub < 0 ? -1 : make_folder(to, name, err);
    if (sub < 0 || made < 0)
        return sub < 0 ? sub : made;
    return copy_tree(drop, sub, made, depth + 1, err);
}

static int copy_tree(struct drop *drop, int from, int to, unsigned depth, struct err *err)
{
    if (depth > MAX_DEPTH)
        return err_set(err, ERR_INPUT, "too_deep", "folders are nested more than %d deep",
                       MAX_DEPTH);
    int r = count_entry(drop, err);
    if (r < 0)
        return r;
    cleanup(fs_names_free) char **names = NULL;
    r = fs_list(from, (size_t)drop->settings->max_entries, &names, err);
    for (size_t i = 0; r >= 0 && names[i]; i++)
        r = copy_entry(drop, from, names[i], to, depth, err);
    return r < 0 ? r : 0;
}

// A folder alone is the batch; among others it is a folder of the batch.  What a person names may
// be a link; what lies in a folder may not.
static int copy_path(struct drop *drop, const char *path, bool alone, struct err *err)
{
    struct stat st;
    cleanup(free_ptr) char *safe = text_escape(path);
    cleanup(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) < 0) {
        int number = errno;
        err_errno(err, number, "%s", safe);
        return -number;
    }
    cleanup(free_ptr) char *real = realpath(path, NULL);
    const char *name = real ? strrchr(real, '/') + 1 : "";
    if (S_ISREG(st.st_mode) && incoming_name(name) != INCOMING_COUNTS) {
        err_set(err, ERR_INPUT, "partial_name", "%s: hidden, or not finished by its name", safe);
        return err_hint(err, "Give it an ordinary name first.");
    }
    if (S_ISREG(st.st_mode))
        return copy_file(drop, fd, drop->folder, name, err);
    if (!S_ISDIR(st.st_mode) || !*name)
        return err_set(err, ERR_INPUT, "not_a_file", "%s: neither a file nor a folder", safe);
    if (alone)
        return copy_tree(drop, fd, drop->folder, 0, err);
    cleanup(close_fd) int made = make_folder(drop->folder, name, err);
    return made < 0 ? made : copy_tree(drop, fd, made, 1, err);
}

static char *name_from(const char *path)
{
    struct stat st;
    cleanup(free_ptr) char *real = realpath(path, NULL);
    const char *base = real ? strrchr(real, '/') + 1 : "";
    const char *dot = strrchr(base, '.');
    bool has_ending = dot && dot > base && stat(path, &st) == 0 && S_ISREG(st.st_mode);
    size_t length = has_ending ? (size_t)(dot - base) : strlen(base);
    if (length > NAME_MAX_BYTES)
        length = NAME_MAX_BYTES;
    while (length > 0 && (base[length] & 0xC0) == 0x80)
        length--;
    char *name = xstrndup(base, length);
    if (*name && incoming_name(name) == INCOMING_COUNTS)
        return name;
    free(name);
    return xstrdup("videos");
}

static int open_drop(struct drop *drop, struct err *err)
{
    drop->incoming = place_open_incoming(drop->settings, err);
    if (drop->incoming < 0)
        return drop->incoming;
    drop->hidden = xasprintf(".submit-%d", (int)getpid());
    int r = fs_remove(drop->incoming, drop->hidden, err); // of a process that had our number
    if (r < 0)
        return r;
    drop->folder = make_folder(drop->incoming, drop->hidden, err);
    return drop->folder < 0 ? drop->folder : 0;
}

// Shows the folder under the first free name.  Gives the name.
static int show(struct drop *drop, const char *wanted, char **ret_name, struct err *err)
{
    cleanup(close_fd) int outbox = place_open_outbox(drop->settings, NULL);
    int r = -EEXIST;
    while (r == -EEXIST) {
        cleanup(free_ptr) char *name = place_unused(drop->incoming, outbox, wanted);
        r = fs_move(drop->incoming, drop->hidden, drop->incoming, name, 0, err);
        if (!r)
            *ret_name = TAKE(name);
    }
    if (!r)
        free_ptr(&drop->hidden);
    return r;
}

static int submit(struct drop *drop, char **paths, size_t count, const char *job_text,
                  struct err *err)
{
    int r = open_drop(drop, err);
    for (size_t i = 0; !r && i < count; i++)
        r = copy_path(drop, paths[i], count == 1, err);
    if (!r && job_text)
        r = fs_write(drop->folder, "job.conf", job_text, strlen(job_text), err);
    return r < 0 ? r : fs_write(drop->folder, ".ready", "", 0, err);
}

static int exit_status(const struct err *err)
{
    (void)command_fail(err);
    if (err->code == -EINTR)
        return COMMAND_INTERRUPTED + 2;
    return err->code == -ENOENT ? COMMAND_NOT_FOUND : err_exit(err->class);
}

static int drop_paths(struct drop *drop, char **paths, size_t count, const char *wanted,
                      const char *job_text)
{
    struct err err = ERR_INIT;
    cleanup(free_ptr) char *name = NULL;
    drop->signals = interrupt_open();
    int r = submit(drop, paths, count, job_text, &err);
    if (!r)
        r = show(drop, wanted, &name, &err);
    if (r < 0)
        return exit_status(&err);
    cleanup(free_ptr) char *safe = text_escape(name);
    printf("%s\n", safe);
    if (place_is_served(drop->settings) == 0)
        fputs("No service is running on this spool; the batch waits until one does.\n", stderr);
    return 0;
}

static int run(struct cli *cli, int argc, char **argv)
{
    const char *given = NULL, *job_path = NULL;
    const struct command_option options[] = {
        { 0, "name", .value = &given },
        { 'c', "job", .value = &job_path },
    };
    int first = command_options(cli, &command_submit, argc, argv, options, ARRAY_LEN(options));
    if (first < 0)
        return ~first;
    if (first == argc)
        return command_misused(&command_submit, "which videos?");
    if (given && (!*given || strchr(given, '/') || strlen(given) > NAME_MAX_BYTES ||
                  incoming_name(given) != INCOMING_COUNTS))
        return command_misused(&command_submit, "\"%s\" cannot be the name of a folder", given);

    int status = 0;
    cleanup(free_ptr) char *job_text = NULL;
    struct job job = { 0 };
    if (job_path)
        status = command_job(job_path, &job_text, &job);
    job_release(&job);
    if (status)
        return status;
    cleanup(settings_release) struct settings settings = { 0 };
    if (command_settings(cli, &settings, &status) < 0)
        return status;
    cleanup(drop_release) struct drop drop = DROP_INIT;
    drop.settings = &settings;
    cleanup(free_ptr) char *wanted = given ? xstrdup(given) : name_from(argv[first]);
    return drop_paths(&drop, argv + first, (size_t)(argc - first), wanted, job_text);
}
