// The XML that storage services answer with, by expat.
//
// Whoever answers is not trusted.  There is no document type here, so no entities but the five of
// XML itself; nothing is loaded from anywhere; depth and text are limited, and what comes is given
// on piece by piece, so that memory does not grow with it.
#ifndef CLIPSPOOL_XML_H
#define CLIPSPOOL_XML_H

#include "base/err.h"

// Of all elements around one, their names with a / between.
enum { XML_MAX_DEPTH = 16, XML_MAX_PATH_BYTES = 1024, XML_MAX_TEXT_BYTES = 64 * 1024 };

// The end of an element: "ListBucketResult/Contents/Key" and its text, of one that has elements in
// it only what stands behind the last.  Anything but 0 ends the reading with it.
typedef int xml_element(void *context, const char *path, const char *text, struct err *err);

// Reads a whole document.  Returns 0, what `element` returned, or ERR_INPUT "bad_xml".
int xml_read(const char *data, size_t size, xml_element *element, void *context, struct err *err);

// For xml_element: keeps a copy of the text in *to, in place of what is there.
void xml_keep(char **to, const char *text);

// Appends text to *out (grown, never NULL after) so that it stands for itself between two tags.
void xml_escape(const char *text, char **out, size_t *length);

#endif
