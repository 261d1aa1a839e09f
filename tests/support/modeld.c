// See modeld.h.
#include "tests/support/modeld.h"

#include "tests/support/bucketd.h"

#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>

enum { PATIENCE_MS = 30000 };

static char *put_key(const struct modeld *modeld, const char *name, const char *key)
{
    char *path = xasprintf("%s/%s", modeld->folder.path, name);
    folder_put(&modeld->folder, name, key);
    ck_assert_int_eq(chmod(path, 0600), 0);
    return path;
}

void modeld_start(struct modeld *modeld)
{
    char line[100] = "";
    *modeld = (struct modeld){ .port = 0 };
    folder_make(&modeld->folder);
    modeld->log = xasprintf("%s/log", modeld->folder.path);
    modeld->dashscope_key_file = put_key(modeld, "dashscope-key", MODELD_DASHSCOPE_KEY "\n");
    modeld->openai_key_file = put_key(modeld, "openai-key", MODELD_OPENAI_KEY "\n");
    char *arguments[] = { (char[]){ "tests/support/modeld.py" }, modeld->log, NULL };
    server_start(&modeld->process, arguments);
    struct pollfd ready = { .fd = modeld->process.stdout_fd, .events = POLLIN };
    for (size_t size = 0; strchr(line, '\n') == NULL; size++)
        ck_assert_msg(size + 1 < sizeof line && poll(&ready, 1, PATIENCE_MS) == 1 &&
                          read(ready.fd, line + size, 1) == 1,
                      "the services of models do not start");
    ck_assert_int_eq(sscanf(line, "port %u store %u", &modeld->port, &modeld->store_port), 2);
}

void modeld_stop(struct modeld *modeld)
{
    server_stop(&modeld->process);
    folder_remove(&modeld->folder);
    free_ptr(&modeld->log);
    free_ptr(&modeld->dashscope_key_file);
    free_ptr(&modeld->openai_key_file);
}

char *modeld_address(const struct modeld *modeld, const char *service)
{
    return xasprintf("http://127.0.0.1:%u%s", modeld->port, service);
}

void modeld_control(const struct modeld *modeld, const char *lines)
{
    cleanup(free_ptr) char *link = modeld_address(modeld, "/control");
    cleanup(free_ptr) char *said = NULL;
    int status = bucketd_plain("POST", link, lines, &said);
    ck_assert_msg(status == 200, "%s", said);
}

void modeld_settle(const struct modeld *modeld)
{
    cleanup(free_ptr) char *link = modeld_address(modeld, "/control");
    ck_assert_int_eq(bucketd_plain("GET", link, NULL, NULL), 200);
}

json_t *modeld_events(const struct modeld *modeld)
{
    json_t *events = json_array();
    cleanup(free_ptr) char *log = folder_get(&modeld->folder, "log");
    // The last line may be half written.
    for (char *at = log, *end; at != NULL && (end = strchr(at, '\n')) != NULL; at = end + 1) {
        json_t *event = json_loadb(at, (size_t)(end - at), 0, NULL);
        ck_assert_msg(event != NULL, "no event: %.*s", (int)(end - at), at);
        (void)json_array_append_new(events, event);
    }
    return events;
}

static bool is_asked(const json_t *event)
{
    const char *kind = json_string_value(json_object_get(event, "event"));
    return kind != NULL && strcmp(kind, "asked") == 0;
}

unsigned modeld_count(const struct modeld *modeld, const char *route)
{
    json_t *events = modeld_events(modeld), *event;
    unsigned count = 0;
    size_t i;
    json_array_foreach(events, i, event)
    {
        const char *is = json_string_value(json_object_get(event, "route"));
        bool wanted =
            route ? is && strcmp(is, route) == 0 : json_is_true(json_object_get(event, "paid"));
        count += is_asked(event) && wanted && json_object_get(event, "refused") == NULL;
    }
    json_decref(events);
    return count;
}

char *modeld_refused(const struct modeld *modeld)
{
    json_t *events = modeld_events(modeld), *event;
    char *all = xstrdup("");
    size_t i;
    json_array_foreach(events, i, event)
    {
        const char *why = json_string_value(json_object_get(event, "refused"));
        cleanup(free_ptr) char *before = all;
        all = why ? xasprintf("%s%s: %s\n", before,
                              json_string_value(json_object_get(event, "path")), why)
                  : xstrdup(before);
    }
    json_decref(events);
    return all;
}
