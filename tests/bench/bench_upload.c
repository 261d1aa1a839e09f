// How long putting a large object takes beside the curl program putting the same file.
//
// 256 MiB out of memory over loopback, into a server that reads and throws away, so that neither
// disk nor server is what is measured.  Ours goes in parts, signs each, and sums up what it sends:
// the CRC-64 for OSS, the CRC-32C of each part for S3; curl sends the file in one piece and does
// nothing else.  Each round runs them in turn, so that a busy machine slows all; the medians of the
// rounds' ratios count.  CLIPSPOOL_BENCH_ROUNDS sets the number of rounds (5).
#include "store/store.h"
#include "tests/support/measure.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>

static const uint64_t size_bytes = UINT64_C(256) << 20;

// ---- what is measured, in a process of its own: --once KIND ENDPOINT FILE

static int put_once(const char *kind, const char *endpoint, const char *file)
{
    struct err err = ERR_INIT;
    struct store *store = NULL;
    static char id[] = "id", secret[] = "secret";
    const struct credential credential = { .id = id, .secret = secret };
    const struct http_rules rules = { .stall_seconds = 30, .stall_bytes_per_second = 1024 };
    const struct store_place place = { .kind = strcmp(kind, "oss") == 0 ? STORE_OSS : STORE_S3,
                                       .name = "bench",
                                       .bucket = "bench",
                                       .endpoint = endpoint,
                                       .region = "cn-bench",
                                       .credential = &credential,
                                       .credential_name = "bench" };
    cleanup(close_fd) int fd = open(file, O_RDONLY | O_CLOEXEC);
    const struct store_order order = { .key = "reel.mp4",
                                       .body = { .fd = fd, .size = size_bytes },
                                       .type = "video/mp4" };
    int r = store_open(&place, &rules, &store, &err);
    if (r == 0)
        r = store_put(store, &order, &err);
    if (r < 0)
        (void)fprintf(stderr, "%s\n", err.text);
    store_close(&store);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

// ---- the server

// What is behind the head that was read already.  Returns whether all of the body came.
static bool drain(int from, uint64_t left)
{
    static char piece[1 << 20];
    while (left > 0) {
        ssize_t got = recv(from, piece, left < sizeof piece ? (size_t)left : sizeof piece, 0);
        if (got <= 0)
            return false;
        left -= (uint64_t)got;
    }
    return true;
}

static uint64_t length_of(const char *head)
{
    const char *at = strcasestr(head, "\r\ncontent-length:");
    return at ? strtoull(at + 17, NULL, 10) : 0;
}

// One request and its answer.  Returns whether another may follow.
static bool answer(int with)
{
    char head[16384];
    size_t size = 0;
    char *end = NULL;
    while (end == NULL) {
        ssize_t got = recv(with, head + size, sizeof head - 1 - size, 0);
        if (got <= 0)
            return false;
        size += (size_t)got;
        head[size] = '\0';
        end = strstr(head, "\r\n\r\n");
    }
    if (!drain(with, length_of(head) - (size - (size_t)(end + 4 - head))))
        return false;
    const char *body = "";
    if (strncmp(head, "POST", 4) == 0)
        body = strstr(head, "uploads") ? "<InitiateMultipartUploadResult><UploadId>1</UploadId>"
                                         "</InitiateMultipartUploadResult>"
                                       : "<CompleteMultipartUploadResult/>";
    // It repeats what it is told of checksums, as if it had looked.
    const char *sum = strcasestr(head, "\r\nx-amz-checksum-");
    int sum_size = sum ? (int)strcspn(sum + 2, "\r") + 2 : 0;
    char text[1024];
    int length = snprintf(text, sizeof text,
                          "HTTP/1.1 200 OK\r\nETag: \"sink\"\r\nContent-Length: %zu%.*s\r\n\r\n%s",
                          strlen(body), sum_size, sum ? sum : "", body);
    return send(with, text, (size_t)length, MSG_NOSIGNAL) == length;
}

// Starts it; each connection has a process.  Returns the first.
static pid_t serve(unsigned *ret_port)
{
    struct sockaddr_in on = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof on;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&on, sizeof on) < 0 || listen(listener, 16) < 0 ||
        getsockname(listener, (struct sockaddr *)&on, &size) < 0)
        return -1;
    *ret_port = ntohs(on.sin_port);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    (void)signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int with = accept(listener, NULL, NULL);
        if (fork() == 0) {
            while (answer(with))
                continue;
            _exit(0);
        }
        (void)close(with);
    }
}

// ---- running

static void fill(int dirfd)
{
    static char piece[1 << 20];
    cleanup(close_fd) int fd = openat(dirfd, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    for (size_t i = 0; i < sizeof piece; i++)
        piece[i] = (char)(i * 2654435761u >> 13);
    for (uint64_t done = 0; done < size_bytes; done += sizeof piece)
        if (write(fd, piece, sizeof piece) != (ssize_t)sizeof piece)
            exit(EXIT_FAILURE);
}

struct sums {
    double wall[MEASURE_MOST_ROUNDS], ratio[MEASURE_MOST_ROUNDS], cpu[MEASURE_MOST_ROUNDS], memory;
};

static void add(struct sums *sums, size_t i, struct cost ours, struct cost theirs)
{
    sums->wall[i] = ours.wall;
    sums->ratio[i] = ours.wall / theirs.wall;
    sums->cpu[i] = ours.cpu / theirs.cpu;
    sums->memory = ours.memory > sums->memory ? ours.memory : sums->memory;
}

static void show(const char *name, struct sums *sums, size_t rounds, double theirs,
                 const char *target)
{
    printf("256 MiB to loopback, %s: %.2f s, curl %.2f s: %.2fx (%s); %.2fx the processor time; "
           "%.1f MB resident (target: below 30)\n",
           name, measure_median(sums->wall, rounds), theirs, measure_median(sums->ratio, rounds),
           target, measure_median(sums->cpu, rounds), sums->memory);
}

static void measure(const char *endpoint, const char *file, size_t rounds)
{
    static struct sums oss, s3;
    double wall[MEASURE_MOST_ROUNDS];
    cleanup(free_ptr) char *link = xasprintf("%s/bench/reel.mp4", endpoint);
    const char *const curl[] = { "curl",     "--silent", "--fail",   "--noproxy", "*",
                                 "--header", "Expect:",  "--output", "/dev/null", "--upload-file",
                                 file,       link,       NULL };
    const char *const put_oss[] = { "/proc/self/exe", "--once", "oss", endpoint, file, NULL };
    const char *const put_s3[] = { "/proc/self/exe", "--once", "s3", endpoint, file, NULL };
    for (size_t i = 0; i < rounds; i++) {
        struct cost theirs = measure_run(curl);
        wall[i] = theirs.wall;
        add(&oss, i, measure_run(put_oss), theirs);
        theirs = measure_run(curl);
        add(&s3, i, measure_run(put_s3), theirs);
    }
    double theirs = measure_median(wall, rounds);
    show("OSS with its CRC-64", &oss, rounds, theirs, "target: at most 1.15x");
    show("S3 with its CRC-32C", &s3, rounds, theirs, "target: at most 1.15x");
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "--once") == 0)
        return put_once(argv[2], argv[3], argv[4]);
    char dir[] = "/dev/shm/clipspool-bench-XXXXXX";
    unsigned port = 0;
    if (mkdtemp(dir) == NULL)
        return EXIT_FAILURE;
    cleanup(close_fd) int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    fill(dirfd);
    pid_t server = serve(&port);
    if (server < 0)
        return EXIT_FAILURE;
    cleanup(free_ptr) char *endpoint = xasprintf("http://127.0.0.1:%u", port);
    cleanup(free_ptr) char *file = xasprintf("%s/file", dir);
    measure(endpoint, file, measure_rounds(5));
    (void)kill(server, SIGTERM);
    (void)waitpid(server, NULL, 0);
    (void)unlinkat(dirfd, "file", 0);
    (void)rmdir(dir);
    return EXIT_SUCCESS;
}
