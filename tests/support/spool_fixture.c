// The real daemon on a temporary spool.
#include "tests/support/spool_fixture.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "spool/errand.h"
#include "spool/step.h"
#include "tests/support/program.h"

static const char default_extra[] = "intake = { settle_seconds = 0.15; scan_seconds = 0.5; };\n"
                                    "limits = { min_free_percent = 0; };\n";

static double now_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

// ---- the spool

static int open_notify(const char *folder)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/notify", folder);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void make_in(struct spool_fixture *fixture, void (*make)(struct folder *folder))
{
    *fixture = (struct spool_fixture){ .notify = -1, .patience = SPOOL_FIXTURE_SECONDS };
    make(&fixture->folder);
    fixture->root = xasprintf("%s/spool", fixture->folder.path);
    fixture->config = xasprintf("%s/clipspool.conf", fixture->folder.path);
    fixture->extra = xstrdup(default_extra);
    fixture->notified = xstrdup("");
    fixture->notify = open_notify(fixture->folder.path);
    ck_assert_int_eq(mkdir(fixture->root, 0755), 0);
    cleanup(free_ptr) char *incoming = spool_fixture_path(fixture, "incoming");
    ck_assert_int_eq(mkdir(incoming, 0755), 0);
}

void spool_fixture_open(struct spool_fixture *fixture)
{
    make_in(fixture, folder_make);
}

void spool_fixture_open_in_memory(struct spool_fixture *fixture)
{
    make_in(fixture, folder_make_in_memory);
}

void spool_fixture_close(struct spool_fixture *fixture)
{
    if (fixture->daemon > 0)
        (void)spool_fixture_stop(fixture, SIGTERM);
    close_fd(&fixture->notify);
    folder_remove(&fixture->folder);
    free(fixture->root);
    free(fixture->config);
    free(fixture->extra);
    free(fixture->programs);
    free(fixture->notified);
}

void spool_fixture_set(struct spool_fixture *fixture, const char *line)
{
    cleanup(free_ptr) char *old = fixture->extra;
    const char *group_end = strchr(line, '=');
    size_t group = group_end ? (size_t)(group_end - line) : 0;
    // A group that is set again replaces the default one.
    if (strncmp(line, "intake", 6) == 0 || strncmp(line, "limits", 6) == 0) {
        char *at = strstr(old, group ? (line[0] == 'i' ? "intake" : "limits") : line);
        char *end = at ? strchr(at, '\n') : NULL;
        if (end)
            memmove(at, end + 1, strlen(end));
    }
    fixture->extra = xasprintf("%s%s\n", old, line);
}

static void link_program(const struct spool_fixture *fixture, const char *name, const char *target)
{
    cleanup(free_ptr) char *path = xasprintf("%s/%s", fixture->programs, name);
    (void)unlink(path);
    ck_assert_int_eq(symlink(target, path), 0);
}

void spool_fixture_fake(struct spool_fixture *fixture, const char *stages)
{
    char self[4096];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    ck_assert_int_gt(length, 0);
    self[length] = '\0';
    free(fixture->programs);
    fixture->programs = xasprintf("%s/programs", fixture->folder.path);
    (void)mkdir(fixture->programs, 0755);
    for (enum stage stage = 0; stage < STAGE_COUNT; stage++) {
        cleanup(free_ptr) char *name = xasprintf("libexec/clipspool/%s", stage_info[stage].name);
        cleanup(free_ptr) char *real = program_built(name);
        link_program(fixture, stage_info[stage].name,
                     strstr(stages, stage_info[stage].name) ? self : real);
    }
    for (enum errand_kind kind = 0; kind < ERRAND_KINDS; kind++) {
        cleanup(free_ptr) char *name = xasprintf("libexec/clipspool/%s", errand_info[kind].program);
        cleanup(free_ptr) char *real = program_built(name);
        link_program(fixture, errand_info[kind].program, real);
    }
    static const char *const others[] = { "verify", "inquire" };
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        cleanup(free_ptr) char *name = xasprintf("libexec/clipspool/%s", others[i]);
        cleanup(free_ptr) char *real = program_built(name);
        link_program(fixture, others[i], real);
    }
}

void spool_fixture_write_config(struct spool_fixture *fixture)
{
    cleanup(free_ptr) char *programs =
        fixture->programs ? xasprintf("programs = \"%s\";", fixture->programs) : xstrdup("");
    cleanup(free_ptr) char *incoming =
        fixture->incoming ? xasprintf("incoming = \"%s\";", fixture->incoming) : xstrdup("");
    cleanup(free_ptr) char *text = xasprintf("spool = { root = \"%s\"; %s %s };\n%s", fixture->root,
                                             programs, incoming, fixture->extra);
    folder_put(&fixture->folder, "clipspool.conf", text);
}

char *spool_fixture_path(const struct spool_fixture *fixture, const char *name)
{
    return xasprintf("%s/%s", fixture->root, name);
}

// ---- the daemon

// Ours and one entry more, the first: it is the only one to be freed.
static char **environment_with(const char *notify)
{
    size_t count = 0;
    while (environ[count])
        count++;
    char **environment = xcalloc(count + 2, sizeof *environment);
    environment[0] = xasprintf("NOTIFY_SOCKET=%s", notify);
    memcpy(environment + 1, environ, count * sizeof *environment);
    return environment;
}

void spool_fixture_begin(struct spool_fixture *fixture, const char *const *arguments)
{
    cleanup(free_ptr) char *daemon = program_built("sbin/clipspoold");
    cleanup(free_ptr) char *log = xasprintf("%s/daemon.log", fixture->folder.path);
    cleanup(free_ptr) char *notify = xasprintf("%s/notify", fixture->folder.path);
    char *argv[16] = { daemon, (char[]){ "--config" }, fixture->config };
    size_t argc = 3;
    for (; arguments && *arguments && argc + 1 < ARRAY_LEN(argv); arguments++)
        argv[argc++] = xstrdup(*arguments);
    char **environment = environment_with(notify);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    spool_fixture_write_config(fixture);
    ck_assert_int_eq(posix_spawn(&fixture->daemon, daemon, &actions, NULL, argv, environment), 0);
    posix_spawn_file_actions_destroy(&actions);
    for (size_t i = 3; i < argc; i++)
        free(argv[i]);
    free(environment[0]);
    free(environment);
}

void spool_fixture_start(struct spool_fixture *fixture)
{
    free(fixture->notified);
    fixture->notified = xstrdup("");
    spool_fixture_begin(fixture, NULL);
    spool_fixture_await_notice(fixture, "READY=1");
}

// Takes what the daemon told meanwhile: a socket that nobody empties would stop it.
static void take_notices(struct spool_fixture *fixture)
{
    char datagram[4096];
    ssize_t size;
    while ((size = recv(fixture->notify, datagram, sizeof datagram - 1, MSG_DONTWAIT)) >= 0) {
        cleanup(free_ptr) char *old = fixture->notified;
        datagram[size] = '\0';
        fixture->notified = xasprintf("%s%s\n", old, datagram);
    }
}

int spool_fixture_wait(struct spool_fixture *fixture)
{
    int status = 0, ended = 0;
    cleanup(close_fd) int fd = (int)syscall(SYS_pidfd_open, fixture->daemon, 0);
    struct pollfd end = { .fd = fd, .events = POLLIN };
    for (int i = 0; !ended && i < fixture->patience * 10; i++) {
        take_notices(fixture);
        ended = poll(&end, 1, 100);
    }
    ck_assert_msg(ended == 1, "the daemon does not end, see %s", fixture->folder.path);
    ck_assert_int_eq(waitpid(fixture->daemon, &status, 0), fixture->daemon);
    fixture->daemon = 0;
    return status;
}

int spool_fixture_stop(struct spool_fixture *fixture, int signal_number)
{
    ck_assert_int_eq(kill(fixture->daemon, signal_number), 0);
    return spool_fixture_wait(fixture);
}

size_t spool_fixture_children(const struct spool_fixture *fixture, pid_t *pids, size_t room)
{
    int daemon = (int)fixture->daemon;
    char line[512] = "";
    cleanup(free_ptr) char *path = xasprintf("/proc/%d/task/%d/children", daemon, daemon);
    FILE *file = fopen(path, "re");
    size_t count = 0;
    if (file == NULL)
        return 0;
    char *at = fgets(line, sizeof line, file), *end;
    (void)fclose(file);
    for (; at != NULL && count < room; at = end) {
        long pid = strtol(at, &end, 10);
        if (end == at)
            break;
        pids[count++] = (pid_t)pid;
    }
    return count;
}

void spool_fixture_await_notice(struct spool_fixture *fixture, const char *text)
{
    double end = now_seconds() + fixture->patience;
    for (take_notices(fixture); !strstr(fixture->notified, text); take_notices(fixture)) {
        struct pollfd ready = { .fd = fixture->notify, .events = POLLIN };
        int left = (int)((end - now_seconds()) * 1000);
        ck_assert_msg(left > 0 && poll(&ready, 1, left) == 1,
                      "no notice \"%s\"; so far:\n%s\nsee %s", text, fixture->notified,
                      fixture->folder.path);
    }
}

char *spool_fixture_log(const struct spool_fixture *fixture)
{
    char *log = folder_get(&fixture->folder, "daemon.log");
    return log ? log : xstrdup("");
}

// ---- dropping

static void put(const char *path, const void *data, size_t size)
{
    cleanup(close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    ck_assert_msg(fd >= 0, "create %s: %s", path, strerror(errno));
    ck_assert_int_eq(write(fd, data, size), (ssize_t)size);
}

void spool_fixture_put(struct spool_fixture *fixture, const char *name, const void *data,
                       size_t size)
{
    cleanup(free_ptr) char *path = spool_fixture_path(fixture, name);
    put(path, data, size);
}

// A folder beside the spool, to be filled.  Gives its path.
static char *begin_drop(const struct spool_fixture *fixture)
{
    char *aside = xasprintf("%s/aside", fixture->folder.path);
    ck_assert_int_eq(mkdir(aside, 0755), 0);
    return aside;
}

// Adds the file `extra_name` (unless its text is NULL) and .ready, and moves the folder into the
// spool.
static void finish_drop(struct spool_fixture *fixture, const char *aside, const char *name,
                        const char *extra_name, const char *extra)
{
    cleanup(free_ptr) char *inner = xasprintf("incoming/%s", name);
    cleanup(free_ptr) char *target = spool_fixture_path(fixture, inner);
    cleanup(free_ptr) char *extra_path = xasprintf("%s/%s", aside, extra_name);
    cleanup(free_ptr) char *ready = xasprintf("%s/.ready", aside);
    if (extra)
        put(extra_path, extra, strlen(extra));
    put(ready, "", 0);
    ck_assert_int_eq(rename(aside, target), 0);
}

static void drop(struct spool_fixture *fixture, const char *name, const char *files,
                 const char *extra_name, const char *extra)
{
    cleanup(free_ptr) char *aside = begin_drop(fixture);
    cleanup(free_ptr) char *list = xstrdup(files);
    char *rest = list;
    for (char *file; (file = strsep(&rest, " "));) {
        cleanup(free_ptr) char *path = xasprintf("%s/%s", aside, file);
        if (*file)
            put(path, file, strlen(file));
    }
    finish_drop(fixture, aside, name, extra_name, extra);
}

void spool_fixture_drop(struct spool_fixture *fixture, const char *name, const char *files,
                        const char *job)
{
    drop(fixture, name, files, "job.conf", job);
}

void spool_fixture_drop_script(struct spool_fixture *fixture, const char *name, const char *files,
                               const char *script)
{
    drop(fixture, name, files, "fake", script);
}

void spool_fixture_drop_copies(struct spool_fixture *fixture, const char *name,
                               const char *const *paths, size_t count, const char *job)
{
    cleanup(free_ptr) char *aside = begin_drop(fixture);
    for (size_t i = 0; i < count; i++) {
        cleanup(free_ptr) char *to = xasprintf("%s/%zu-%s", aside, i, strrchr(paths[i], '/') + 1);
        ck_assert_int_eq(PROGRAM_RUN(NULL, "cp", "--reflink=auto", paths[i], to), 0);
    }
    finish_drop(fixture, aside, name, "job.conf", job);
}

// ---- waiting

static void watch_below(int notify, const char *path, int depth)
{
    (void)inotify_add_watch(notify, path,
                            IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR);
    DIR *dir = depth > 0 ? opendir(path) : NULL;
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        cleanup(free_ptr) char *inner = xasprintf("%s/%s", path, entry->d_name);
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            watch_below(notify, inner, depth - 1);
    }
    if (dir)
        (void)closedir(dir);
}

void spool_fixture_await_that(struct spool_fixture *fixture, const char *directory,
                              bool (*check)(struct spool_fixture *fixture, void *context),
                              void *context)
{
    double end = now_seconds() + fixture->patience;
    cleanup(free_ptr) char *path = spool_fixture_path(fixture, directory);
    while (true) {
        // Watched before it is looked at: no change falls between.
        cleanup(close_fd) int notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        struct pollfd ready = { .fd = notify, .events = POLLIN };
        watch_below(notify, path, 2);
        take_notices(fixture);
        if (check(fixture, context))
            return;
        ck_assert_msg(now_seconds() < end, "waited in vain below %s, see %s", path,
                      fixture->folder.path);
        (void)poll(&ready, 1, 100);
    }
}

json_t *spool_fixture_status(const struct spool_fixture *fixture, const char *name)
{
    cleanup(free_ptr) char *path = xasprintf("%s/outbox/%s/status.json", fixture->root, name);
    return json_load_file(path, 0, NULL);
}

struct awaited {
    const char *name, *text;
    json_t *found;
    size_t count;
    bool there;
};

static bool has_status(struct spool_fixture *fixture, void *context)
{
    struct awaited *awaited = context;
    json_t *json = spool_fixture_status(fixture, awaited->name);
    const char *word = json_string_value(json_object_get(json, "status"));
    bool is_final = word && (strcmp(word, "completed") == 0 || strcmp(word, "failed") == 0 ||
                             strcmp(word, "cancelled") == 0);
    if (word && (awaited->text ? strcmp(word, awaited->text) == 0 : is_final)) {
        awaited->found = json;
        return true;
    }
    cleanup(free_ptr) char *got = xstrdup(word ? word : "");
    cleanup(free_ptr) char *error = json_dumps(json_object_get(json, "error"), JSON_ENCODE_ANY);
    json_decref(json);
    ck_assert_msg(!is_final || !awaited->text || strcmp(awaited->text, "completed") != 0,
                  "%s is %s, not completed: %s; see %s", awaited->name, got, error,
                  fixture->folder.path);
    return false;
}

json_t *spool_fixture_await(struct spool_fixture *fixture, const char *name, const char *status)
{
    struct awaited awaited = { .name = name, .text = status };
    spool_fixture_await_that(fixture, "outbox", has_status, &awaited);
    return awaited.found;
}

static bool has_name(struct spool_fixture *fixture, void *context)
{
    const struct awaited *awaited = context;
    struct stat st;
    cleanup(free_ptr) char *path = spool_fixture_path(fixture, awaited->name);
    return (lstat(path, &st) == 0) == awaited->there;
}

void spool_fixture_await_name(struct spool_fixture *fixture, const char *name, bool there)
{
    struct awaited awaited = { .name = name, .there = there };
    spool_fixture_await_that(fixture, "", has_name, &awaited);
}

size_t spool_fixture_count(const struct spool_fixture *fixture, const char *directory)
{
    cleanup(free_ptr) char *path = spool_fixture_path(fixture, directory);
    DIR *dir = opendir(path);
    size_t count = 0;
    for (const struct dirent *entry; dir && (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    if (dir)
        (void)closedir(dir);
    return count;
}

static bool has_count(struct spool_fixture *fixture, void *context)
{
    const struct awaited *awaited = context;
    return spool_fixture_count(fixture, awaited->name) == awaited->count;
}

void spool_fixture_await_count(struct spool_fixture *fixture, const char *directory, size_t count)
{
    struct awaited awaited = { .name = directory, .count = count };
    spool_fixture_await_that(fixture, directory, has_count, &awaited);
}
