// The shim and the page it shares with a test.
#ifndef CLIPSPOOL_TESTS_SHIMMED_H
#define CLIPSPOOL_TESTS_SHIMMED_H

#include "tests/support/shim.h"

// From here on every program the test starts runs with the shim.  Gives the page, all zeros, in a
// file of `folder`; valid until shimmed_close.
struct shim_page *shimmed_open(const char *folder);
void shimmed_close(struct shim_page *page);

// Nothing fails, nothing is written down, nothing was found.
void shimmed_clear(struct shim_page *page);

// The N-th call of this kind fails, in the program of that name ("" for all).
void shimmed_arm(struct shim_page *page, const char *program, enum shim_call call, int nth,
                 enum shim_fault fault, int number);

// The record behind this one, NULL for the end; of NULL the first.
const struct shim_record *shimmed_next(const struct shim_page *page,
                                       const struct shim_record *record);

extern const char *const shim_call_names[SHIM_CALLS];

#endif
