// doctor: is everything there that a reel needs?  One line a check, with the remedy under what is
// wrong.
#include "base/fs.h"
#include "base/landlock.h"
#include "base/text.h"
#include "cli/ability.h"
#include "cli/command.h"
#include "cli/place.h"
#include "cli/screen.h"
#include "cli/worker.h"
#include "spool/errand.h"
#include "spool/mount.h"
#include "spool/throttle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

enum {
    START_MS = 5000,     // a program that only has to say that it was called wrongly
    BUCKETS_MS = 120000, // buckets that do not answer, each of which is tried three times
    MODELS_MS = 330000, // six roles, for each a turn is waited for and an answer (stages/inquire.c)
    NOT_STARTED = 127,  // of the dynamic loader: a library is missing
    FEW_INODES = 10000, // a batch of ten takes about 200
    SUBJECT_COLUMNS = 24, // of the second column
    MAX_SERVICES = 10000
};

static int run(struct cli *cli, int argc, char **argv);

const struct command command_doctor = {
    .name = "doctor",
    .summary = "is everything there that a reel needs?",
    .usage =
        "usage: clipspool doctor [--providers]\n"
        "Looks at the configuration, the folders of the spool, free space, what the file\n"
        "systems can do, the stage programs, the buckets and the service; says what to do about\n"
        "problems.\n\n"
        "      --providers     ask each model that is set up, too; this costs some tokens\n"
        "  -C, --config FILE   the service's configuration\n\n"
        "Exit status: 0 no problem (there may be warnings); 1 a problem; 64 wrong usage.\n",
    .run = run,
};

enum level { OK, WARNING, PROBLEM };

struct doctor {
    const struct settings *settings;
    unsigned warnings, problems;
};

static void say(struct doctor *doctor, enum level level, const char *subject, const char *remedy,
                const char *format, ...) PRINTF_LIKE(5, 6);

static void say(struct doctor *doctor, enum level level, const char *subject, const char *remedy,
                const char *format, ...)
{
    static const char *const words[] = { "ok", "warning", "problem" };
    doctor->warnings += level == WARNING;
    doctor->problems += level == PROBLEM;
    va_list arguments;
    va_start(arguments, format);
    cleanup(free_ptr) char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    cleanup(free_ptr) char *safe = screen_safe(text ? text : "");
    printf("%-8s %-*s %s\n", words[level], SUBJECT_COLUMNS, subject, safe);
    if (level != OK && remedy)
        printf("%*s -> %s\n", 8 + SUBJECT_COLUMNS, "", remedy);
}

// ---- folders

struct folder {
    const char *name;
    char *path; // owned
    int dir;    // -1: not to be opened
    dev_t device;
};
enum { INCOMING, OUTBOX, WORK, FAILED, ARCHIVE, QUARANTINE, FOLDERS };

static const char MAKE[] = "start the service, or: systemd-tmpfiles --create clipspool.conf";

static void look_at_folder(struct doctor *doctor, struct folder *folder)
{
    struct stat st;
    cleanup(free_ptr) char *subject = xasprintf("folder %s", folder->name);
    folder->dir = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder->dir < 0 && errno == EACCES)
        say(doctor, WARNING, subject, "run the doctor as root, or as the user clipspool",
            "%s cannot be looked into by you", folder->path);
    else if (folder->dir < 0 || fstat(folder->dir, &st) < 0)
        say(doctor, PROBLEM, subject, MAKE, "%s: %s", folder->path, strerror(errno));
    else {
        folder->device = st.st_dev;
        bool writable = faccessat(folder->dir, ".", W_OK, AT_EACCESS) == 0;
        bool open_to_all = (st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX);
        if (open_to_all)
            say(doctor, WARNING, subject, "chmod o-w it: anybody can take others' videos away",
                "%s may be written by everybody", folder->path);
        else if (!writable)
            say(doctor, WARNING, subject,
                "be a member of the group clipspool-users to drop and cancel",
                "%s may not be written by you", folder->path);
        else
            say(doctor, OK, subject, NULL, "%s (mode %o)", folder->path, st.st_mode & 07777);
    }
}

// One rename must do between these; from incoming it should.
static void look_at_devices(struct doctor *doctor, const struct folder *folders)
{
    for (int i = FAILED; i < FOLDERS; i++)
        if (folders[WORK].dir >= 0 && folders[i].dir >= 0 &&
            folders[i].device != folders[WORK].device)
            say(doctor, PROBLEM, "same file system", "put all folders of the spool on one",
                "work and %s are on different file systems", folders[i].name);
    if (folders[WORK].dir >= 0 && folders[INCOMING].dir >= 0 &&
        folders[INCOMING].device != folders[WORK].device)
        say(doctor, WARNING, "same file system", "put incoming on the file system of work",
            "incoming is elsewhere: every batch is copied when it is taken");
}

static void look_at_space(struct doctor *doctor, const struct folder *folder)
{
    struct statvfs info;
    char text[TEXT_TIME_SIZE];
    cleanup(free_ptr) char *subject = xasprintf("space of %s", folder->name);
    if (fstatvfs(folder->dir, &info) < 0 || !info.f_blocks)
        return; // a file system that does not count
    double percent = 100.0 * (double)info.f_bavail / (double)info.f_blocks;
    text_bytes((uint64_t)info.f_bavail * info.f_frsize, text);
    bool low = percent < doctor->settings->min_free_percent;
    say(doctor, low ? PROBLEM : OK, subject,
        "make room; no new batch is taken before (limits.min_free_percent)", "%s free (%.0f %%)",
        text, percent);
    if (info.f_files && info.f_favail < FEW_INODES)
        say(doctor, WARNING, subject, "remove small files", "only %llu more files can be made",
            (unsigned long long)info.f_favail);
}

static void look_at_abilities(struct doctor *doctor, const struct folder *folder)
{
    bool can[ABILITY_COUNT];
    struct err err = ERR_INIT;
    cleanup(free_ptr) char *subject = xasprintf("file system of %s", folder->name);
    cleanup(free_ptr) char *type = ability_file_system(folder->dir);
    if (ability_test(folder->dir, can, &err) < 0) {
        say(doctor, WARNING, subject,
            err.class == ERR_DENIED ? "run the doctor as root, or as the user clipspool"
                                    : "run the doctor again when that is put right",
            "%s, could not be tried: %s", type, err.text);
        return;
    }
    unsigned missing = 0;
    for (int i = 0; i < ABILITY_COUNT; i++) {
        if (can[i])
            continue;
        const char *without = ability_info[i].without;
        missing++;
        say(doctor, without ? OK : PROBLEM, subject, "use another file system",
            "%s, without %s: %s", type, ability_info[i].name,
            without ? without : "batches could overwrite each other");
    }
    if (!missing)
        say(doctor, OK, subject, NULL, "%s, has all that is of use", type);
}

// The service does not start where this is wrong.
static void look_at_mount(struct doctor *doctor, const struct folder *incoming)
{
    struct err err = ERR_INIT;
    if (incoming->dir >= 0 && mount_check(doctor->settings, incoming->dir, &err) < 0)
        say(doctor, PROBLEM, "intake", err.hint, "%s", err.text);
}

static void look_at_folders(struct doctor *doctor)
{
    const struct settings *settings = doctor->settings;
    struct folder folders[FOLDERS] = {
        [INCOMING] = { "incoming", settings_incoming(settings), -1, 0 },
        [OUTBOX] = { "outbox", settings_outbox(settings), -1, 0 },
        [WORK] = { "work", xasprintf("%s/work", settings->root), -1, 0 },
        [FAILED] = { "failed", xasprintf("%s/failed", settings->root), -1, 0 },
        [ARCHIVE] = { "archive", xasprintf("%s/archive", settings->root), -1, 0 },
        [QUARANTINE] = { "quarantine", xasprintf("%s/quarantine", settings->root), -1, 0 },
    };
    for (int i = 0; i < FOLDERS; i++)
        look_at_folder(doctor, &folders[i]);
    look_at_devices(doctor, folders);
    for (int i = INCOMING; i <= WORK; i++)
        if (folders[i].dir >= 0 && (i != OUTBOX || folders[i].device != folders[INCOMING].device))
            look_at_space(doctor, &folders[i]);
    for (int i = INCOMING; i <= WORK; i++)
        if (folders[i].dir >= 0)
            look_at_abilities(doctor, &folders[i]);
    look_at_mount(doctor, &folders[INCOMING]);
    for (int i = 0; i < FOLDERS; i++) {
        close_fd(&folders[i].dir);
        free(folders[i].path);
    }
}

// ---- programs

// Started without arguments a stage says that it was called wrongly and ends; one with a library
// missing cannot even say that.
static void look_at_program(struct doctor *doctor, const char *name, char *path)
{
    static const char AGAIN[] = "install clipspool again, with the libraries it was built with";
    cleanup(free_ptr) char *subject = xasprintf("program %s", name);
    struct err err = ERR_INIT;
    cleanup(worker_release) struct worker worker = WORKER_INIT;
    char *argv[] = { path, NULL };
    if (worker_start(&worker, argv, false, &err) < 0) {
        say(doctor, PROBLEM, subject, AGAIN, "%s", err.text);
        return;
    }
    worker_finish(&worker, START_MS);
    char words[CHILD_TEXT_SIZE];
    if (!worker.ended || !WIFEXITED(worker.status))
        say(doctor, PROBLEM, subject, AGAIN, "%s: %s", path,
            worker.ended ? child_describe(worker.status, words) : "does not end");
    else if (WEXITSTATUS(worker.status) == NOT_STARTED) {
        cleanup(free_ptr) char *said = xstrndup(worker.kept ? worker.kept : "", worker.length);
        say(doctor, PROBLEM, subject, AGAIN, "%s", said);
    } else
        say(doctor, OK, subject, NULL, "%s", path);
}

static void find_program(struct doctor *doctor, const char *name)
{
    struct err err = ERR_INIT;
    cleanup(free_ptr) char *path = NULL;
    if (settings_program(doctor->settings, name, &path, &err) < 0)
        say(doctor, PROBLEM, "stage programs", err.hint, "%s", err.text);
    else
        look_at_program(doctor, name, path);
}

static void look_at_walls(struct doctor *doctor)
{
    int version = landlock_version();
    if (version >= 2)
        say(doctor, OK, "walls", NULL, "stages keep to their batches by Landlock %d", version);
    else
        say(doctor, WARNING, "walls", "a kernel of 5.19 or later, with lsm=...,landlock",
            "stages are kept from other files by the service's unit alone: Landlock %s",
            version == 0 ? "is not there" : "is too old");
}

static void look_at_programs(struct doctor *doctor)
{
    for (int i = 0; i < STAGE_COUNT; i++)
        find_program(doctor, stage_info[i].name);
    for (int i = 0; i < ERRAND_KINDS; i++)
        find_program(doctor, errand_info[i].program);
    find_program(doctor, "verify");
    find_program(doctor, "inquire");
    cleanup(free_ptr) char *daemon = worker_program("sbin/clipspoold");
    if (!daemon || access(daemon, X_OK) < 0)
        say(doctor, PROBLEM, "program clipspoold", "install clipspool again", "%s: %s",
            daemon ? daemon : "clipspoold", strerror(errno));
    else
        say(doctor, OK, "program clipspoold", NULL, "%s", daemon);
}

// ---- services outside

static void look_at_outside(struct doctor *doctor, int folder, const char *file)
{
    struct throttle throttle;
    cleanup(free_ptr) char *name = NULL;
    cleanup(close_fd) int fd = fs_open(folder, file, O_RDWR);
    if (fd < 0)
        return; // gone meanwhile
    throttle_read(fd, &throttle, &name);
    if (!name)
        return;
    cleanup(free_ptr) char *safe = screen_safe(name);
    const struct throttle_rules rules = {
        .failures = (unsigned)doctor->settings->service_failures,
        .rest_seconds = doctor->settings->service_rest_seconds,
    };
    unsigned busy = throttle_busy(fd);
    int64_t wait_us = 0;
    if (throttle_is_away(&throttle, &rules, throttle_now(), &wait_us))
        say(doctor, WARNING, safe, "see to the service; it is asked again by itself",
            "rests after %u failures in a row (%s), next try in %.0f s", throttle.failures,
            throttle.why, (double)wait_us / 1e6);
    else if (throttle.failures > 0)
        say(doctor, OK, safe, NULL, "%u at work, failed %u times in a row (%s)", busy,
            throttle.failures, throttle.why);
    else
        say(doctor, OK, safe, NULL, "%u at work", busy);
}

static void look_at_services(struct doctor *doctor)
{
    cleanup(fs_names_free) char **files = NULL;
    cleanup(close_fd) int folder = throttle_open(doctor->settings->root, false);
    if (folder == -EACCES)
        say(doctor, WARNING, "services outside", "run the doctor as root, or as the user clipspool",
            "what is known of them cannot be seen by you");
    if (folder < 0 || fs_list(folder, MAX_SERVICES, &files, NULL) < 0)
        return;
    for (char **file = files; *file; file++)
        look_at_outside(doctor, folder, *file);
}

// ---- what programs tell that may hold keys, which this one must not

// Of things of one kind, as errand_tell (stages/errand_main.h) says them.
struct inquest {
    const char *program;
    const char *subject; // begins that of each: "storage "
    int most_ms;
};

// A line of it; `next` is the one behind it.
static void tell_thing(struct doctor *doctor, const struct inquest *inquest, char *line,
                       const char *next)
{
    char *name = strchr(line, ' '), *text = name ? strstr(name, ": ") : NULL;
    if (!name || strncmp(line, "hint ", 5) == 0 || strncmp(line, "waits ", 6) == 0)
        return; // of one that waits its gate tells (look_at_services)
    if (text) {
        *text = '\0';
        text += 2;
    }
    cleanup(free_ptr) char *subject = xasprintf("%s%s", inquest->subject, name + 1);
    const char *hint = next && strncmp(next, "hint ", 5) == 0 && next[5] ? next + 5 : NULL;
    enum level level = strncmp(line, "ok ", 3) == 0        ? OK
                       : strncmp(line, "problem ", 8) == 0 ? PROBLEM
                                                           : WARNING;
    say(doctor, level, subject,
        level == PROBLEM ? hint : "the journal of the service tells whether it works", "%s",
        text ? text : "");
}

static void tell_things(struct doctor *doctor, const struct inquest *inquest,
                        const struct worker *worker)
{
    cleanup(free_ptr) char *said = xstrndup(worker->kept ? worker->kept : "", worker->length);
    for (char *line = said, *next; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        // Cut off for tell_thing, which looks at no more than its beginning and its line.
        cleanup(free_ptr) char *behind = next ? xstrndup(next, strcspn(next, "\n")) : NULL;
        tell_thing(doctor, inquest, line, behind);
    }
}

static void ask_program(struct doctor *doctor, const struct cli *cli, const struct inquest *inquest)
{
    struct err err = ERR_INIT;
    cleanup(free_ptr) char *path = NULL;
    cleanup(free_ptr) char *config = xstrdup(cli->config ? cli->config : COMMAND_CONFIG);
    cleanup(worker_release) struct worker worker = WORKER_INIT;
    if (settings_program(doctor->settings, inquest->program, &path, &err) < 0)
        return;
    char *argv[] = { path, (char[]){ "--config" }, config, (char[]){ "--check" }, NULL };
    if (worker_start(&worker, argv, false, &err) < 0)
        return; // said by look_at_programs
    worker_finish(&worker, inquest->most_ms);
    if (!worker.ended || !WIFEXITED(worker.status) || WEXITSTATUS(worker.status) != 0)
        say(doctor, PROBLEM, inquest->program, "run the doctor again",
            "%s --check did not end well", path);
    tell_things(doctor, inquest, &worker);
}

static void look_at_buckets(struct doctor *doctor, const struct cli *cli)
{
    const struct inquest inquest = { errand_info[ERRAND_SWEEP].program, "storage ", BUCKETS_MS };
    if (doctor->settings->buckets.count > 0)
        ask_program(doctor, cli, &inquest);
}

static bool has_models(const struct settings *settings)
{
    for (int role = 0; role < MODEL_ROLES; role++)
        for (int service = MODEL_DASHSCOPE; service <= MODEL_OPENAI; service++)
            if (model_choose(&settings->models, (enum model_role)role, service) == service)
                return true;
    return false;
}

static void look_at_models(struct doctor *doctor, const struct cli *cli)
{
    const struct inquest inquest = { "inquire", "model ", MODELS_MS };
    if (!has_models(doctor->settings)) {
        say(doctor, OK, "models", NULL, "no service is set up; this machine does without");
        return;
    }
    say(doctor, OK, "models", NULL, "each is asked for two letters, which costs some tokens");
    (void)fflush(stdout); // it takes a while
    ask_program(doctor, cli, &inquest);
}

// ---- the service

static void look_at_service(struct doctor *doctor)
{
    int served = place_is_served(doctor->settings);
    if (served > 0)
        say(doctor, OK, "service", NULL, "is running on this spool");
    else if (!served)
        say(doctor, PROBLEM, "service", "systemctl start clipspool",
            "is not running on this spool");
    else
        say(doctor, WARNING, "service", "run the doctor as root, or as the user clipspool",
            "whether it runs cannot be seen by you");
}

static int run(struct cli *cli, int argc, char **argv)
{
    bool providers = false;
    const struct command_option options[] = { { 0, "providers", .flag = &providers } };
    int first = command_options(cli, &command_doctor, argc, argv, options, ARRAY_LEN(options));
    if (first < 0)
        return ~first;
    if (first < argc)
        return command_misused(&command_doctor, "\"%s\" is one too many", argv[first]);
    int status;
    cleanup(settings_release) struct settings settings = { 0 };
    struct doctor doctor = { .settings = &settings };
    if (command_settings(cli, &settings, &status) < 0) {
        say(&doctor, PROBLEM, "configuration", "correct these lines", "cannot be used");
        return COMMAND_FAILED;
    }
    bool given = cli->config || access(COMMAND_CONFIG, F_OK) == 0;
    say(&doctor, OK, "configuration", NULL, "%s",
        !given        ? "defaults; there is no " COMMAND_CONFIG
        : cli->config ? cli->config
                      : COMMAND_CONFIG);
    look_at_folders(&doctor);
    look_at_programs(&doctor);
    look_at_walls(&doctor);
    look_at_buckets(&doctor, cli);
    if (providers)
        look_at_models(&doctor, cli);
    look_at_service(&doctor);
    look_at_services(&doctor);
    printf("%u problems, %u warnings\n", doctor.problems, doctor.warnings);
    return doctor.problems ? COMMAND_FAILED : 0;
}
