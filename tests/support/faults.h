// System calls that fail on demand: the N-th call of a program under test fails, or the process
// ends right before it.  Linked in with --wrap (FAULT_CALLS of the Makefile); calls go to the
// system as long as nothing is armed.
#ifndef CLIPSPOOL_TESTS_FAULTS_H
#define CLIPSPOOL_TESTS_FAULTS_H

#include "base/base.h"

enum fault {
    FAULT_ERROR, // the call does nothing and fails with `number`
    FAULT_EXIT,  // the process is gone before the call, as by SIGKILL
    FAULT_SHORT, // write and copy_file_range do half of what is asked
};

enum { FAULTS_EXIT_STATUS = 99 };

struct faults {
    enum fault fault;
    int call;          // 1 is the first; 0: none
    int number;        // errno of FAULT_ERROR
    const char *only;  // count only this call ("fsync"), NULL: all of them
    const char *never; // this call always fails, with never_number; NULL: none
    int never_number;
};

// Starts counting.  Keeps the strings.
void faults_arm(const struct faults *faults);

// Stops.  Returns whether the fault was reached.
bool faults_disarm(void);

// The calls that change something since faults_arm, in order, by name with a space behind each;
// fsync is "sync-file" or "sync-folder".  Valid until the next faults_arm.
const char *faults_trace(void);

// The call that was made to fail, "" if none was.
const char *faults_struck(void);

#endif
