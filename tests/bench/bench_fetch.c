// How long a download takes beside the curl program fetching the same.
//
// 1 GiB over loopback into memory (a disk would be the only thing measured).  Ours also hashes it,
// keeps the record that lets it go on after a kill, and syncs.  Each round runs both in turn, so
// that a busy machine slows both; the medians of the rounds' ratios count.
// CLIPSPOOL_BENCH_ROUNDS sets the number of rounds (5).
#include "net/download.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

enum { MAX_ROUNDS = 25 };
static const off_t size_bytes = (off_t)1 << 30;

// ---- what is measured, in a process of its own: --once LINK FOLDER

static int fetch_once(const char *link, const char *dir)
{
    struct err err = ERR_INIT;
    struct http_rules rules = { .stall_seconds = 30, .stall_bytes_per_second = 1024 };
    struct download_result result = DOWNLOAD_RESULT_INIT;
    (void)address_list_parse("127.0.0.1", &rules.allow_networks, NULL);
    struct http *http = http_new(&rules);
    const struct download_order order = {
        .http = http,
        .link = link,
        .max_bytes = UINT64_MAX,
        .dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
        .name = "ours",
    };
    if (download(&order, &result, &err) < 0) {
        (void)fprintf(stderr, "%s\n", err.text);
        return EXIT_FAILURE;
    }
    download_result_release(&result);
    http_free(&http);
    return EXIT_SUCCESS;
}

// ---- the server: as fast as there is, so that it is not what is measured

static void answer(int to, int file)
{
    char request[4096];
    char head[256];
    off_t at = 0;
    if (read(to, request, sizeof request) <= 0)
        return;
    int length = snprintf(head, sizeof head,
                          "HTTP/1.1 200 OK\r\nContent-Length: %jd\r\nETag: \"a\"\r\n"
                          "Connection: close\r\n\r\n",
                          (intmax_t)size_bytes);
    if (write(to, head, (size_t)length) != length)
        return;
    while (at < size_bytes && sendfile(to, file, &at, (size_t)(size_bytes - at)) > 0)
        continue;
}

// Starts it on a file of zeros without blocks.  Returns its process.
static pid_t serve(int dirfd, unsigned *ret_port)
{
    struct sockaddr_in on = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof on;
    int file = openat(dirfd, "sparse", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (file < 0 || ftruncate(file, size_bytes) < 0 ||
        bind(listener, (struct sockaddr *)&on, sizeof on) < 0 || listen(listener, 8) < 0 ||
        getsockname(listener, (struct sockaddr *)&on, &size) < 0)
        return -1;
    *ret_port = ntohs(on.sin_port);
    pid_t pid = fork();
    while (pid == 0) {
        int to = accept(listener, NULL, NULL);
        answer(to, file);
        (void)close(to);
    }
    return pid;
}

// ---- running

struct cost {
    double wall, cpu; // seconds
    double memory;    // MB, the most resident
};

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static struct cost run(const char *const *argv)
{
    double begin = now();
    struct rusage usage;
    pid_t pid;
    int status = 0;
    if (posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)(uintptr_t)argv, environ) != 0 ||
        wait4(pid, &status, 0, &usage) != pid || status != 0) {
        (void)fprintf(stderr, "%s failed\n", argv[0]);
        exit(EXIT_FAILURE);
    }
    return (struct cost){ .wall = now() - begin,
                          .cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime),
                          .memory = (double)usage.ru_maxrss / 1024 };
}

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double median(const double *values, int count)
{
    double sorted[MAX_ROUNDS];
    memcpy(sorted, values, (size_t)count * sizeof *values);
    qsort(sorted, (size_t)count, sizeof *sorted, compare);
    return sorted[count / 2];
}

static void measure(const char *self, int dirfd, const char *dir, const char *link, int rounds)
{
    double ours[MAX_ROUNDS], theirs[MAX_ROUNDS], ratio[MAX_ROUNDS], cpu[MAX_ROUNDS], memory = 0;
    char *output = xasprintf("%s/theirs", dir);
    const char *const fetch[] = { self, "--once", link, dir, NULL };
    const char *const curl[] = { "curl",     "--silent", "--fail", "--noproxy", "*",
                                 "--output", output,     link,     NULL };
    for (int i = 0; i < rounds; i++) {
        struct cost theirs_now = run(curl);
        (void)unlinkat(dirfd, "theirs", 0);
        struct cost ours_now = run(fetch);
        (void)unlinkat(dirfd, "ours", 0);
        (void)unlinkat(dirfd, "ours.json", 0);
        ours[i] = ours_now.wall, theirs[i] = theirs_now.wall;
        ratio[i] = ours_now.wall / theirs_now.wall;
        cpu[i] = ours_now.cpu / theirs_now.cpu;
        memory = ours_now.memory > memory ? ours_now.memory : memory;
    }
    printf("1 GiB from loopback: %.2f s, curl %.2f s: %.2fx (target: at most 1.15x); "
           "%.2fx the processor time; %.1f MB resident (target: below 30)\n",
           median(ours, rounds), median(theirs, rounds), median(ratio, rounds), median(cpu, rounds),
           memory);
    free(output);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--once") == 0)
        return fetch_once(argv[2], argv[3]);
    const char *wish = getenv("CLIPSPOOL_BENCH_ROUNDS");
    long rounds = wish ? strtol(wish, NULL, 10) : 5;
    rounds = rounds < 1 ? 1 : rounds > MAX_ROUNDS ? MAX_ROUNDS : rounds;
    char dir[] = "/dev/shm/clipspool-bench-XXXXXX";
    unsigned port = 0;
    if (mkdtemp(dir) == NULL)
        return EXIT_FAILURE;
    cleanup(close_fd) int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    pid_t server = serve(dirfd, &port);
    if (server < 0) {
        (void)fprintf(stderr, "no server\n");
        return EXIT_FAILURE;
    }
    char *link = xasprintf("http://127.0.0.1:%u/x.mp4", port);
    measure("/proc/self/exe", dirfd, dir, link, (int)rounds);
    (void)kill(server, SIGTERM);
    (void)unlinkat(dirfd, "sparse", 0);
    (void)rmdir(dir);
    free(link);
    return EXIT_SUCCESS;
}
