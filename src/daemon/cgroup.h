// The control group that systemd delegated to the service (Delegate=), divided: `daemon` for this
// process, `step-N` for each program that it starts, so that one that runs away in memory or in
// processes ends alone, with all that it started.
//
//   clipspool.service/        nobody: a group that hands controllers on has no members (cgroups(7))
//     daemon/                 clipspoold
//     step-17/                memory.max, memory.oom.group, pids.max; gone with its program
//
// Only version 2 of the hierarchy, of which the kernel lets a subtree be given away.
#ifndef CLIPSPOOL_CGROUP_H
#define CLIPSPOOL_CGROUP_H

#include "base/err.h"

struct cgroup {
    char *path;      // absolute, of what was delegated; NULL: nothing, and no group is made
    int dirfd;       // the same
    bool has_memory; // which controllers its groups have
    bool has_pids;
    unsigned made; // groups so far
    char **left;   // names of groups that could not be removed yet
    size_t left_count;
};
#define CGROUP_INIT \
    {               \
        .dirfd = -1 \
    }

// Finds what was delegated to this process: the group it is in, if systemd left its mark there.
// Gives *ret_path, or returns -ENOENT (not started by systemd, no Delegate=, or version 1).
int cgroup_find(char **ret_path);

// Divides the group at `path` (borrowed), moves this process into `daemon`, and removes what an
// earlier one left.  On failure (a read-only hierarchy, say) programs stay in the daemon's group.
int cgroup_open(struct cgroup *cgroup, const char *path, struct err *err);
void cgroup_release(struct cgroup *cgroup);

// Makes a group for one program: `memory_bytes` (0: no limit) for all its processes and what they
// have in caches, and as many threads as its coders may want on this machine.  Gives *ret_name, the
// group's name; what is to join it writes 0 into its cgroup.procs (child_limits.cgroup).
int cgroup_add(struct cgroup *cgroup, uint64_t memory_bytes, char **ret_name, struct err *err);

// True if the kernel ended a process of the group because there was no memory: the group's own
// limit, the service's or the machine's.
bool cgroup_ran_out(const struct cgroup *cgroup, const char *name);

// Kills what is left in the group and removes it.  What takes its time to die leaves the group
// there until a later cgroup_add removes it.  Until this is called the group stays, whoever has
// ended in it: cgroup_ran_out would have nothing to look at.
void cgroup_remove(struct cgroup *cgroup, const char *name);

#endif
