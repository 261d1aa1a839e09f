// The one thing a .webloc holds: the string of the key URL in a property list, XML or binary.
//
// No library: a property list parser brings XML's entities and deep structures with it, and all of
// that is refused here.  Of XML there is one level of elements to read and up to 8 to skip, no
// document type of one's own, no entities but the five names and numbers.
#ifndef CLIPSPOOL_PLIST_H
#define CLIPSPOOL_PLIST_H

#include "base/err.h"

// From XML text (UTF-8).  Gives *ret_url.  Returns 0, or a negative: ERR_INPUT id "bad_descriptor",
// its text beginning with "line N: ".
int plist_xml(const char *text, char **ret_url, struct err *err);

// True if the bytes begin as a binary property list does; and its URL, with errors as above, but
// without lines.
bool plist_is_binary(const void *bytes, size_t size);
int plist_binary(const void *bytes, size_t size, char **ret_url, struct err *err);

#endif
