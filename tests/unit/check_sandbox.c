// What a process that has closed itself in can still do, and what it cannot.
//
// Each row is a process of its own that closes itself in and then does one thing, as a decoder
// would that a hostile file has taken over.  Its exit status is the errno of the thing, 0 if it was
// done.
#include "stages/sandbox.h"
#include "tests/support/folder.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static struct folder mine, others;

static void set_up(void)
{
    folder_make(&mine);
    folder_make(&others);
    folder_put(&mine, "own", "own");
    folder_put(&others, "secret", "secret");
}

static void tear_down(void)
{
    folder_remove(&mine);
    folder_remove(&others);
}

// ---- the things

static int result(long r)
{
    return r < 0 ? errno : 0;
}

static int open_at(const struct folder *folder, const char *name, int flags)
{
    cleanup(free_ptr) char *path = xasprintf("%s/%s", folder->path, name);
    return result(open(path, flags | O_CLOEXEC, 0600));
}

static int read_own(void)
{
    return open_at(&mine, "own", O_RDONLY);
}
static int write_own(void)
{
    return open_at(&mine, "new", O_WRONLY | O_CREAT);
}
static int truncate_own(void)
{
    return open_at(&mine, "own", O_WRONLY | O_TRUNC);
}
static int list_own(void)
{
    return open_at(&mine, ".", O_RDONLY | O_DIRECTORY);
}
static int read_others(void)
{
    return open_at(&others, "secret", O_RDONLY);
}
static int write_others(void)
{
    return open_at(&others, "new", O_WRONLY | O_CREAT);
}
static int list_others(void)
{
    return open_at(&others, ".", O_RDONLY | O_DIRECTORY);
}
static int read_by_dots(void)
{
    cleanup(free_ptr) char *path = xasprintf("../%s/secret", strrchr(others.path, '/') + 1);
    return result(openat(mine.fd, path, O_RDONLY | O_CLOEXEC));
}
static int read_by_link(void)
{
    cleanup(free_ptr) char *path = xasprintf("%s/secret", others.path);
    if (symlinkat(path, mine.fd, "link") < 0)
        return EDOM; // which nothing here is refused with
    return open_at(&mine, "link", O_RDONLY);
}
static int remove_others(void)
{
    return result(unlinkat(others.fd, "secret", 0));
}
static int rename_own(void)
{
    return result(renameat(mine.fd, "own", mine.fd, "other"));
}
static int link_own(void)
{
    if (mkdirat(mine.fd, "inner", 0700) < 0)
        return EDOM;
    return result(linkat(mine.fd, "own", mine.fd, "inner/second", 0));
}
static int take_out(void)
{
    return result(renameat(mine.fd, "own", others.fd, "own"));
}
static int make_fifo(void)
{
    return result(mknodat(mine.fd, "fifo", S_IFIFO | 0600, 0));
}
static int read_passwords(void)
{
    return result(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}
static int read_process(void)
{
    return result(open("/proc/self/environ", O_RDONLY | O_CLOEXEC));
}
static int use_a_library(void)
{
    return result(open("/usr/lib", O_RDONLY | O_CLOEXEC));
}
static int find_names(void)
{
    return result(open("/etc/hosts", O_RDONLY | O_CLOEXEC));
}
static int make_socket(void)
{
    return result(socket(AF_INET, SOCK_STREAM, 0));
}
static int make_local(void)
{
    return result(socket(AF_UNIX, SOCK_STREAM, 0));
}
static int make_packet(void)
{
    return result(socket(AF_PACKET, SOCK_RAW, 0));
}
static int make_alg(void)
{
    return result(socket(38, SOCK_SEQPACKET, 0));
} // AF_ALG
static int take_connections(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return fd < 0 ? EDOM : result(listen(fd, 1));
}
static int run_a_program(void)
{
    return result(execl("/usr/bin/true", "true", (char *)NULL));
}
static int make_a_process(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return result(pid);
}
static int copy_itself(void)
{
    struct {
        uint64_t flags, rest[10];
    } wanted = { 0 };
    long pid = syscall(SYS_clone3, &wanted, sizeof wanted);
    if (pid == 0)
        _exit(0);
    return result(pid);
}
static void *nothing(void *context)
{
    return context;
}
static int make_a_thread(void)
{
    pthread_t thread;
    int r = pthread_create(&thread, NULL, nothing, NULL);
    return r != 0 ? r : pthread_join(thread, NULL);
}
static int look_into_another(void)
{
    return result(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}
static int end_another(void)
{
    return result(kill(getppid(), SIGURG));
}
static int end_itself(void)
{
    return result(kill(getpid(), SIGURG));
}
static int leave_the_root(void)
{
    return result(chroot("/"));
}
static int make_a_namespace(void)
{
    return result(unshare(CLONE_NEWUSER));
}
static int mount_something(void)
{
    return result(syscall(SYS_mount, "none", mine.path, "tmpfs", 0, NULL));
}
static int load_a_key(void)
{
    return result(syscall(SYS_add_key, "user", "a", "b", 1, -3));
}
static int load_a_filter(void)
{
    return result(syscall(SYS_bpf, 0, NULL, 0));
}
static int ask_for_memory(void)
{
    return mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                   MAP_FAILED
               ? errno
               : 0;
}

// ---- the rows

enum wall { FILES, CALLS, BOTH }; // which of them is it that refuses
enum who { MEDIA, NETWORK, EITHER };

static const struct {
    const char *thing;
    int (*do_it)(void);
    enum who who;
    int number; // of errno, 0: it can
    enum wall wall;
} rows[] = {
    { "reads a file of its batch", read_own, EITHER, 0, FILES },
    { "makes a file in its batch", write_own, EITHER, 0, FILES },
    { "empties a file of its batch", truncate_own, EITHER, 0, FILES },
    { "lists its batch", list_own, EITHER, 0, FILES },
    { "renames in its batch", rename_own, EITHER, 0, FILES },
    { "gives a file a second name in another folder of its batch", link_own, EITHER, 0, FILES },
    { "reads another batch", read_others, EITHER, EACCES, FILES },
    { "makes a file in another batch", write_others, EITHER, EACCES, FILES },
    { "lists another batch", list_others, EITHER, EACCES, FILES },
    { "reads another batch by way of ..", read_by_dots, EITHER, EACCES, FILES },
    { "reads another batch by a symbolic link", read_by_link, EITHER, EACCES, FILES },
    { "removes a file of another batch", remove_others, EITHER, EACCES, FILES },
    { "moves a file out of its batch", take_out, EITHER, EACCES, FILES },
    { "makes a FIFO", make_fifo, EITHER, ENOSYS, BOTH },
    { "reads /etc/passwd", read_passwords, EITHER, EACCES, FILES },
    // A build for the sanitizers reads /proc.
    { "reads its environment", read_process, EITHER, EACCES, BOTH },
    { "reads libraries", use_a_library, EITHER, 0, FILES },
    { "finds names of hosts", find_names, MEDIA, EACCES, FILES },
    { "finds names of hosts", find_names, NETWORK, 0, FILES },
    { "makes a socket", make_socket, MEDIA, EACCES, CALLS },
    { "makes a socket", make_socket, NETWORK, 0, CALLS },
    { "makes a local socket", make_local, MEDIA, EACCES, CALLS },
    { "makes a local socket", make_local, NETWORK, 0, CALLS },
    { "makes a raw socket", make_packet, EITHER, -1, CALLS },
    { "makes a socket of the kernel's ciphers", make_alg, EITHER, -1, CALLS },
    { "takes connections", take_connections, NETWORK, ENOSYS, CALLS },
    { "runs a program", run_a_program, EITHER, EPERM, CALLS },
    { "makes a process", make_a_process, EITHER, EPERM, CALLS },
    { "copies itself by a newer call", copy_itself, EITHER, ENOSYS, CALLS },
    { "makes a thread", make_a_thread, EITHER, 0, CALLS },
    { "looks into another process", look_into_another, EITHER, EPERM, CALLS },
    { "signals another process", end_another, EITHER, ENOSYS, CALLS },
    { "signals itself", end_itself, EITHER, 0, CALLS },
    { "changes its root", leave_the_root, EITHER, ENOSYS, CALLS },
    { "makes a namespace", make_a_namespace, EITHER, ENOSYS, CALLS },
    { "mounts", mount_something, EITHER, ENOSYS, CALLS },
    { "keeps a key in the kernel", load_a_key, EITHER, ENOSYS, CALLS },
    { "loads a program into the kernel", load_a_filter, EITHER, ENOSYS, CALLS },
    { "asks for memory", ask_for_memory, EITHER, 0, CALLS },
};

// Returns the exit status of a process that did the row's thing.
static int status_of(size_t row, bool network)
{
    pid_t pid = fork();
    if (pid == 0) {
        const struct reach_place place = { .path = mine.path, .reach = REACH_WRITE };
        const struct sandbox_rules rules = { &place, 1, network };
        struct err err = ERR_INIT;
        if (sandbox_enter(&rules, &err) < 0) {
            (void)fprintf(stderr, "%s\n", err.text);
            _exit(EXIT_FAILURE);
        }
        _exit(rows[row].do_it());
    }
    int status = 0;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status), "%s: killed by %d", rows[row].thing, WTERMSIG(status));
    return WEXITSTATUS(status);
}

static void expect(size_t row, bool network)
{
    int number = status_of(row, network);
    if (rows[row].number == -1)
        ck_assert_msg(number != 0, "%s", rows[row].thing);
    else
        ck_assert_msg(number == rows[row].number, "%s: %s", rows[row].thing, strerror(number));
}

START_TEST(a_process_that_closed_itself_in)
{
    if (rows[_i].number != 0 && rows[_i].wall != FILES && !sandbox_filters())
        return;
    if (rows[_i].number != 0 && rows[_i].wall != CALLS && landlock_version() < 3)
        return;
    if (rows[_i].who != NETWORK)
        expect((size_t)_i, false);
    tear_down(); // what was done is undone
    set_up();
    if (rows[_i].who != MEDIA)
        expect((size_t)_i, true);
}
END_TEST

// Otherwise the rows above prove nothing.
START_TEST(without_the_walls_all_of_it_can_be_done)
{
    static const size_t possible[] = { 6, 7, 8, 9, 10, 11, 12, 13, 14 };
    for (size_t i = 0; i < ARRAY_LEN(possible); i++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(rows[possible[i]].do_it());
        int status = 0;
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        if (rows[possible[i]].do_it == remove_others)
            folder_put(&others, "secret", "secret");
        ck_assert_msg(status == 0, "%s: %d", rows[possible[i]].thing, WEXITSTATUS(status));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sandbox");
    TCase *tcase = tcase_create("sandbox");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, a_process_that_closed_itself_in, 0, (int)ARRAY_LEN(rows));
    tcase_add_test(tcase, without_the_walls_all_of_it_can_be_done);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
