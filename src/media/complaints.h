// What libav's decoders complain of while they work.  libav has one place for all that it says;
// this module holds it.
#ifndef MEDIA_COMPLAINTS_H
#define MEDIA_COMPLAINTS_H

#include <libavcodec/avcodec.h>
#include <stdatomic.h>

// Counts from now on the pictures of which `decoder`, not yet open, had to make up a part.  With
// frame threads libavcodec 5.1 hands a picture out before it knows, so decode_error_flags miss most
// of them; what it says comes too late for the picture as well, but comes.  The decoder keeps
// `made_up`, which must outlive it, in its opaque field.
void complaints_count(AVCodecContext *decoder, atomic_uint *made_up);

// Listens for the first warning, or worse, that anything of libav gives in this process.  One
// listener at a time.
void complaints_listen(void);

// Ends that.  Writes what was said first, without its line end, or an empty text.
void complaints_first(char *said, size_t size);

#endif
