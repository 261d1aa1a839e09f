// The page that a test shares with every process it starts through the shim
// (tests/fault/shim/shim.c, preloaded): which call shall fail there, and what they did to the disk.
//
// A test maps it (shimmed.h), the shim finds it by the path in CLIPSPOOL_SHIM, which it hands on
// over execve together with itself.
#ifndef CLIPSPOOL_TESTS_SHIM_H
#define CLIPSPOOL_TESTS_SHIM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum shim_call {
    SHIM_OPEN,
    SHIM_WRITE,
    SHIM_FSYNC,
    SHIM_RENAME,
    SHIM_MKDIR,
    SHIM_LINK,
    SHIM_UNLINK,
    SHIM_FORK,
    SHIM_MEMORY, // malloc, calloc, realloc and what calls them from outside of the C library
    SHIM_CALLS
};

enum shim_fault {
    SHIM_NONE,
    SHIM_ERROR, // does nothing and fails with `number`
    SHIM_SHORT, // of a write: half of it
    SHIM_KILL,  // the process gets SIGKILL before the call
    SHIM_LASTS, // as SHIM_ERROR, and so does every later one of this kind in this process tree
};

// ---- what was done to the disk, in order

enum shim_kind {
    SHIM_DID_CREATE, // name in `dir` is now the new file or folder `inode`
    SHIM_DID_WRITE,  // `size` bytes from `offset` on, behind the record
    SHIM_DID_RESIZE, // to `offset` bytes
    SHIM_DID_STAMP,  // its time of change is `when`
    SHIM_DID_SYNC,
    SHIM_DID_RENAME, // name in `dir` to the second name in `to`; `inode` is what it names
    SHIM_DID_LINK,   // the second name in `to` is a further one of `inode`
    SHIM_DID_UNLINK,
    SHIM_DID_EXEC, // process `offset` became the program of the name; its last argument is second
    SHIM_DID_END,  // process `offset` ended well
};

struct shim_record {
    uint32_t bytes; // with what follows, a multiple of 8
    uint16_t kind;  // enum shim_kind
    uint16_t is_folder;
    uint64_t inode, dir, to, offset, size;
    struct timespec when;
    char name[96], second[96];
    // then `size` bytes of data
};

struct shim_page {
    // Orders.
    atomic_int call, nth, fault, number; // enum shim_call; 1 is the first; enum shim_fault; errno
    char program[32];                    // only in the program of this name; "": in all
    atomic_bool records, records_data;   // what is started and ends; and what is done to the disk
    uint64_t device;                     // only of this one
    atomic_int ahead;                    // seconds that the wall clock is ahead of the true one
    // Findings.
    atomic_int count;     // calls of that kind so far
    atomic_int struck;    // how many of them failed
    char struck_in[32];   // the program of the first
    char struck_by[32];   // the object (program, library) that made this call
    uint64_t struck_at;   // where in it
    atomic_bool spared;   // it was of a library that cannot do without memory, and did not fail
    atomic_int torn;      // status.json was opened for writing, or replaced by what is not whole
    atomic_bool lock;     // of the log
    atomic_size_t used;   // bytes of the log
    atomic_bool overflow; // it was too short
    _Alignas(8) char log[];
};

enum { SHIM_BYTES = 32 << 20 };

#endif
