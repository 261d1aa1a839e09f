// On what a folder lies: a file system of this machine, or one that other machines write to without
// this one being told?
//
// On the latter nothing shows that a copy is still under way: no event comes, no lease can be had,
// and sizes are those of a cache.  There only what is committed on purpose can be taken
// (intake.mode = "marker").
#ifndef CLIPSPOOL_MOUNT_H
#define CLIPSPOOL_MOUNT_H

#include "spool/settings.h"

// By the number that statfs(2) gives, and for FUSE, behind which anything may be, by the type in
// mountinfo ("fuse.sshfs"; NULL where it is not known).
bool mount_is_remote(unsigned long magic, const char *type);

// The type of the mount `id`, from the text of /proc/self/mountinfo.  Gives a string or NULL.
char *mount_type(const char *mountinfo, int id);

// Whether batches can be taken from the open folder `incoming` in the mode of the configuration.
// Returns 0, or a negative with ERR_CONFIG id "incoming_is_remote" and the remedy.
int mount_check(const struct settings *settings, int incoming, struct err *err);

#endif
