// The name of what was fetched, for people: what the server calls it (Content-Disposition, RFC
// 6266), else the last part of the link's path.
//
// It is a suggestion of a stranger.  What comes out is one component of valid UTF-8 that does not
// begin with a dot, has no control characters, slashes or what other systems refuse in names, and
// is at most FILENAME_MAX_BYTES long.  No file here is ever opened by it.
#ifndef CLIPSPOOL_FILENAME_H
#define CLIPSPOOL_FILENAME_H

#include "base/base.h"

// Leaves room for the endings that copies and temporary names get, below the 255 of file systems.
enum { FILENAME_MAX_BYTES = 200 };

// `disposition` is the value of the field or NULL, `path` that of the link, percent-encoded, or
// NULL.  Gives a string, never empty: "video" where neither has a usable name.
char *filename_of(const char *disposition, const char *path);

#endif
