// Small files that name videos elsewhere: what people drop instead of a video.
//
//   .url      a Windows internet shortcut ([InternetShortcut], URL=), or plain text, a link a line
//   .webloc   a macOS one: a property list, XML or binary
//   .desktop  a Linux one: [Desktop Entry] with Type=Link
//   .oss      an object a line (remote.h has the forms); lines `endpoint = `, `region = ` and
//             `profile = `, each at most once and wherever it stands, hold for the whole file: the
//             first two where the object's own address does not say, the third names credentials of
//             the configuration
//
// Texts are UTF-8 or, with a byte order mark, UTF-16; lines end as Windows, Unix or old Macs end
// them; blank lines and those that begin with # (in plain text also ;) are nothing.  Each link is a
// source of its own, in the order of the file.  What else there is in a file is refused with its
// line, so that nobody waits for a video that was never asked for.
//
// Endpoint and profile are a stranger's wish.  Whoever signs must send a profile's signature (and
// its session token) only to the endpoint that the configuration has for that profile.
#ifndef CLIPSPOOL_DESCRIPTOR_H
#define CLIPSPOOL_DESCRIPTOR_H

#include "spool/remote.h"

enum {
    DESCRIPTOR_MAX_BYTES = 65536,
    DESCRIPTOR_MAX_LINKS = 100, // as many as a batch may have sources
};

struct descriptor {
    struct remote *links;
    size_t count; // at least 1
};
#define DESCRIPTOR_INIT \
    {                   \
        .links = NULL   \
    }

// Reads the `size` bytes of a file called `name`, whose ending says which form it has (ASCII case
// ignored; any other is read as .url).  Fills *descriptor (descriptor_release).  Returns 0 or a
// negative with ERR_INPUT: "too_large", "too_many_links", "bad_descriptor" (not of its form),
// "bad_link"; the text begins with the escaped name, and the line where there are lines.
int descriptor_parse(const char *name, const void *bytes, size_t size,
                     struct descriptor *descriptor, struct err *err);
void descriptor_release(struct descriptor *descriptor);

#endif
