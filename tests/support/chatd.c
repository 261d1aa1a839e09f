// See chatd.h.
#include "tests/support/chatd.h"

#include "base/base.h"
#include <check.h>
#include <ctype.h>
#include <poll.h>
#include <stdio.h>

enum { PATIENCE_MS = 20000 };

static bool has_status(const char *answer)
{
    return isdigit((unsigned char)answer[0]) && isdigit((unsigned char)answer[1]) &&
           isdigit((unsigned char)answer[2]) && answer[3] == ' ';
}

// Reads a line, without its end.
static void read_line(const struct chatd *chatd, char *line, size_t room)
{
    size_t size = 0;
    struct pollfd ready = { .fd = chatd->process.stdout_fd, .events = POLLIN };
    for (; size + 1 < room; size++) {
        ck_assert_msg(poll(&ready, 1, PATIENCE_MS) == 1, "the model says nothing");
        ck_assert_int_eq(read(chatd->process.stdout_fd, line + size, 1), 1);
        if (line[size] == '\n')
            break;
    }
    line[size] = 0;
}

void chatd_start(struct chatd *chatd, const char *const *answers)
{
    char line[64];
    *chatd = (struct chatd){ .port = 0 };
    folder_make(&chatd->folder);
    for (unsigned i = 0; answers[i]; i++) {
        cleanup(free_ptr) char *name = xasprintf("say.%u", i + 1);
        bool other = has_status(answers[i]);
        cleanup(free_ptr) char *text =
            xasprintf("%.3s\n%s", other ? answers[i] : "200", other ? answers[i] + 4 : answers[i]);
        folder_put(&chatd->folder, name, text);
    }
    char *arguments[] = { (char[]){ "tests/support/chatd.py" }, chatd->folder.path, NULL };
    server_start(&chatd->process, arguments);
    read_line(chatd, line, sizeof line);
    ck_assert_int_eq(sscanf(line, "port %u", &chatd->port), 1);
}

void chatd_stop(struct chatd *chatd)
{
    server_stop(&chatd->process);
    folder_remove(&chatd->folder);
}

char *chatd_asked(const struct chatd *chatd, unsigned number)
{
    cleanup(free_ptr) char *name = xasprintf("ask.%u", number);
    return folder_get(&chatd->folder, name);
}

unsigned chatd_count(const struct chatd *chatd)
{
    for (unsigned count = 0;; count++) {
        cleanup(free_ptr) char *name = xasprintf("ask.%u", count + 1);
        if (faccessat(chatd->folder.fd, name, F_OK, 0) < 0)
            return count;
    }
}
