// Proxies that were made before, so that the same video is not compressed twice: after a retry, in
// another batch, with another job.conf.
//
//   cache/proxy/secret           random points of the imprint (base/imprint.h)
//   cache/proxy/KEY/             facts.json, and second names of a batch's files: proxy.mp4
//                                signals.json, and audio.wav and frames/ where they were wanted
//
// KEY is an imprint of how the proxy is made and of every byte of the source.  Size and time of
// a file prove nothing (archives restore times, cameras reuse names), and reading the file costs a
// hundredth of compressing it.  An entry appears by one rename and is never changed; its time says
// when it was last of use.
#ifndef CLIPSPOOL_PROXIES_H
#define CLIPSPOOL_PROXIES_H

#include "base/json.h"
#include "spool/settings.h"
#include <time.h>

// The key of the open file for a proxy made by `recipe`, which says too what is made besides it;
// makes the cache where it is missing.
// Gives a string.  Returns 0; 1: nothing is kept here (keep.proxy_bytes 0, or a private spool);
// ERR_RETRY "changed" if the file changed while it was read.
int proxies_key(const struct settings *settings, const char *recipe, int fd, char **ret_key,
                struct err *err);

// Puts the files of an entry into sourcedir, which has no audio.wav and frames yet.  Gives
// *ret_facts as they were kept.  Returns 1; 0 if there is none (or one that is not whole); a
// negative.
int proxies_take(const struct settings *settings, const char *key, int sourcedir,
                 json_t **ret_facts, struct err *err);

// Keeps the files of sourcedir, and facts, in the place of what there was; then removes what has
// gone unused for keep.proxy_days and the longest unused beyond keep.proxy_bytes, or beyond what is
// still free: a disk that fills up is not the cache's.  Borrows facts.
int proxies_keep(const struct settings *settings, const char *key, int sourcedir,
                 const json_t *facts, time_t now, struct err *err);

// That removal alone.  Returns how many.
int proxies_expire(const struct settings *settings, time_t now, struct err *err);

#endif
