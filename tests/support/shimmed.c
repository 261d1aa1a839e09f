// See shimmed.h.
#include "tests/support/shimmed.h"

#include "base/base.h"
#include "tests/support/program.h"

#include <check.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

const char *const shim_call_names[SHIM_CALLS] = { "open", "write",  "fsync", "rename", "mkdir",
                                                  "link", "unlink", "fork",  "memory" };

// A build for AddressSanitizer wants its library to be the first to be loaded: the shim, whose
// malloc it is then spared, is the one that it hands on to.
static char *preloads(void)
{
    cleanup(free_ptr) char *library = program_built("tests/shim.so");
#ifdef __SANITIZE_ADDRESS__
    extern void __asan_init(void);
    Dl_info sanitizer;
    ck_assert_int_ne(dladdr((void *)(uintptr_t)&__asan_init, &sanitizer), 0);
    return xasprintf("%s:%s", sanitizer.dli_fname, library);
#else
    return TAKE(library);
#endif
}

struct shim_page *shimmed_open(const char *folder)
{
    cleanup(free_ptr) char *path = xasprintf("%s/shim", folder);
    cleanup(free_ptr) char *libraries = preloads();
    cleanup(close_fd) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, SHIM_BYTES), 0);
    void *page = mmap(NULL, SHIM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ck_assert_ptr_ne(page, MAP_FAILED);
    ck_assert_int_eq(setenv("CLIPSPOOL_SHIM", path, 1), 0);
    ck_assert_int_eq(setenv("LD_PRELOAD", libraries, 1), 0);
    return page;
}

void shimmed_close(struct shim_page *page)
{
    (void)unsetenv("LD_PRELOAD");
    (void)unsetenv("CLIPSPOOL_SHIM");
    (void)munmap(page, SHIM_BYTES);
}

void shimmed_clear(struct shim_page *page)
{
    memset(page, 0, sizeof *page);
}

void shimmed_arm(struct shim_page *page, const char *program, enum shim_call call, int nth,
                 enum shim_fault fault, int number)
{
    shimmed_clear(page);
    (void)snprintf(page->program, sizeof page->program, "%s", program);
    page->call = (int)call;
    page->nth = nth;
    page->number = number;
    page->fault = (int)fault;
}

const struct shim_record *shimmed_next(const struct shim_page *page,
                                       const struct shim_record *record)
{
    size_t at = record ? (size_t)((const char *)record - page->log) + record->bytes : 0;
    return at < page->used ? (const struct shim_record *)(const void *)(page->log + at) : NULL;
}
