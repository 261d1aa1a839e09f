// A hashing thread, told by a counter how far it may go.

#include "net/fingerprint.h"

#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>

// Read at once: enough that the calls do not count, small enough to stay in a cache of the CPU.
enum { PIECE_BYTES = 32 * 1024 };

struct fingerprint {
    int fd;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t news;
    uint64_t bytes; // there; this and what follows under the lock
    bool is_complete, is_cancelled;
    EVP_MD_CTX *hash; // the thread's own until it has ended, as is the next
    struct proof_sum *proof;
    int failed; // errno
};

// Waits for bytes behind `done`.  Returns how many there are, 0 if there will be none.
static uint64_t wait_for_bytes(struct fingerprint *f, uint64_t done)
{
    (void)pthread_mutex_lock(&f->lock);
    while (f->bytes == done && !f->is_complete && !f->is_cancelled)
        (void)pthread_cond_wait(&f->news, &f->lock);
    uint64_t left = f->is_cancelled ? 0 : f->bytes - done;
    (void)pthread_mutex_unlock(&f->lock);
    return left;
}

static void *hash_file(void *context)
{
    struct fingerprint *f = context;
    cleanup(free_ptr) char *piece = xcalloc(1, PIECE_BYTES);
    uint64_t done = 0;
    for (uint64_t left; (left = wait_for_bytes(f, done)) > 0;) {
        size_t wanted = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
        ssize_t got = pread(f->fd, piece, wanted, (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            f->failed = got < 0 ? errno : EIO;
            break;
        }
        (void)EVP_DigestUpdate(f->hash, piece, (size_t)got);
        proof_add(f->proof, piece, (size_t)got);
        done += (uint64_t)got;
    }
    return NULL;
}

struct fingerprint *fingerprint_start(int fd, enum proof_kind proof)
{
    struct fingerprint *f = xcalloc(1, sizeof *f);
    f->fd = fd;
    f->proof = proof_begin(proof);
    f->hash = EVP_MD_CTX_new();
    if (f->hash == NULL || EVP_DigestInit_ex(f->hash, EVP_sha256(), NULL) != 1)
        base_out_of_memory();
    (void)pthread_mutex_init(&f->lock, NULL);
    (void)pthread_cond_init(&f->news, NULL);
    if (pthread_create(&f->thread, NULL, hash_file, f) != 0)
        base_out_of_memory();
    return f;
}

static void tell(struct fingerprint *f, uint64_t bytes, bool is_complete, bool is_cancelled)
{
    (void)pthread_mutex_lock(&f->lock);
    if (bytes > f->bytes)
        f->bytes = bytes;
    f->is_complete = f->is_complete || is_complete;
    f->is_cancelled = f->is_cancelled || is_cancelled;
    (void)pthread_cond_signal(&f->news);
    (void)pthread_mutex_unlock(&f->lock);
}

void fingerprint_follow(struct fingerprint *fingerprint, uint64_t bytes)
{
    tell(fingerprint, bytes, false, false);
}

static void release(struct fingerprint *f)
{
    EVP_MD_CTX_free(f->hash);
    proof_free(&f->proof);
    (void)pthread_cond_destroy(&f->news);
    (void)pthread_mutex_destroy(&f->lock);
    free(f);
}

int fingerprint_finish(struct fingerprint **fingerprint, char *hex, char **ret_proof,
                       struct err *err)
{
    struct fingerprint *f = TAKE(*fingerprint);
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    tell(f, 0, true, false);
    (void)pthread_join(f->thread, NULL);
    int r = f->failed ? err_errno(err, f->failed, "read a file back") : 0;
    if (r == 0 && EVP_DigestFinal_ex(f->hash, hash, &size) != 1)
        r = err_set(err, ERR_SYSTEM, "no_checksum", "a checksum cannot be made");
    for (unsigned i = 0; r == 0 && i < size && 2 * i + 2 < FINGERPRINT_SIZE; i++)
        (void)snprintf(hex + (size_t)2 * i, 3, "%02x", hash[i]);
    if (r == 0 && ret_proof != NULL)
        *ret_proof = proof_text(f->proof);
    release(f);
    return r;
}

void fingerprint_free(struct fingerprint **fingerprint)
{
    struct fingerprint *f = TAKE(*fingerprint);
    if (f == NULL)
        return;
    tell(f, 0, false, true);
    (void)pthread_join(f->thread, NULL);
    release(f);
}
