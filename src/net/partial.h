// What is known of a download under way: NAME.json beside NAME.part, and beside NAME once it is
// complete.
//
// Two things make it possible to go on where a killed download stopped: that the server's object is
// still the same, which the validator proves, and that the bytes in NAME.part are those that came.
// After a kill all of them are: they are in the kernel's hands.  After a power cut only those are
// that were synced before the record said so.  So the record keeps both, and which start of the
// machine it was written in.
//
// Order of writing: a record of another object is written only after NAME.part has been emptied,
// and no byte of an object is written before its record is durable.
#ifndef CLIPSPOOL_PARTIAL_H
#define CLIPSPOOL_PARTIAL_H

#include "base/boot.h"
#include "base/err.h"

struct partial {
    char *identity;       // what is being fetched, as a checksum: links have signatures in them
    char *validator;      // for If-Range; NULL: it cannot be gone on with
    char *name, *type;    // what the server says it is; or NULL
    char *proof;          // what it says of the bytes (net/proof.h), or NULL
    uint64_t total_bytes; // UINT64_MAX while unknown
    uint64_t synced_bytes;
    char boot[BOOT_ID_SIZE];
    char *sha256; // of all of it, once it is complete; else NULL
};
#define PARTIAL_INIT              \
    {                             \
        .total_bytes = UINT64_MAX \
    }
void partial_release(struct partial *partial);

// Reads the record of `name` into *partial, which is INIT or released.  One that is missing,
// damaged or of another identity is no error: *partial is INIT with this identity then.
int partial_load(int dirfd, const char *name, const char *identity, struct partial *partial,
                 struct err *err);

// Writes it durably, as of this start of the machine.
int partial_save(int dirfd, const char *name, struct partial *partial, struct err *err);

// Removes the record.
int partial_forget(int dirfd, const char *name, struct err *err);

// How many of the `size_bytes` bytes of NAME.part are those of the object.
uint64_t partial_trusted(const struct partial *partial, uint64_t size_bytes);

#endif
