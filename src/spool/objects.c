// The names of our objects.

#include "spool/objects.h"

#include "base/text.h"
#include "spool/batch.h"

#include <stdio.h>

enum { DAY_DIGITS = 8 };

char *objects_proxy_prefix(const char *id)
{
    return xasprintf(OBJECTS_TEMP "%.*s/%s_", DAY_DIGITS, id, id);
}

char *objects_proxy_key(const char *id, int index)
{
    cleanup(free_ptr) char *prefix = objects_proxy_prefix(id);
    return xasprintf("%s%d.mp4", prefix, index);
}

char *objects_reel_key(const char *id, const char *file)
{
    return xasprintf("final/%.*s/%s/%s", DAY_DIGITS, id, id, file);
}

// Takes it apart, and compares with what is made of the parts: no other form passes.
bool objects_is_proxy(const char *key, char **ret_id)
{
    const char *slash = strrchr(key, '/'), *line = strrchr(key, '_');
    if (slash == NULL || line == NULL || line < slash)
        return false;
    cleanup(free_ptr) char *id = xstrndup(slash + 1, (size_t)(line - slash - 1));
    long index = strtol(line + 1, NULL, 10);
    if (!batch_is_id(id) || objects_time(id) < 0 || index < 0 || index >= BATCH_MAX_SOURCES)
        return false;
    cleanup(free_ptr) char *due = objects_proxy_key(id, (int)index);
    if (strcmp(key, due) != 0)
        return false;
    *ret_id = TAKE(id);
    return true;
}

time_t objects_time(const char *id)
{
    struct tm when = { .tm_isdst = 0 };
    const char *end = strptime(id, "%Y%m%dT%H%M%SZ-", &when);
    return end != NULL ? timegm(&when) : -1;
}
