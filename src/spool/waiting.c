// A page of two lines a name.
#include "spool/waiting.h"

#include <errno.h>

#include "base/fs.h"
#include "base/text.h"

static const char heading[] =
    "Waiting in the folder for new videos. Each is taken by itself once this is over:\n";
#define INDENT "    "

// Nobody reads more than that.
enum { MAX_ROWS = 100, MAX_PAGE = 1 << 20 };

void waiting_release(struct waiting *waiting)
{
    free(TAKE(waiting->rows));
    free(TAKE(waiting->told));
}

void waiting_clear(struct waiting *waiting)
{
    free_ptr(&waiting->rows);
    waiting->count = 0;
}

void waiting_add(struct waiting *waiting, const char *name, const char *why)
{
    if (waiting->count++ >= MAX_ROWS)
        return;
    cleanup(free_ptr) char *before = TAKE(waiting->rows), *shown = text_escape(name);
    waiting->rows = xasprintf("%s\n%s\n" INDENT "%s\n", before ? before : "", shown, why);
}

// Gives NULL where there is nothing to say.
static char *page_of(const struct waiting *waiting)
{
    if (!waiting->rows)
        return NULL;
    cleanup(free_ptr) char *more = waiting->count > MAX_ROWS
                                       ? xasprintf("\nand %zu more\n", waiting->count - MAX_ROWS)
                                       : xstrdup("");
    return xasprintf("%s%s%s", heading, waiting->rows, more);
}

static bool is_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

int waiting_tell(struct waiting *waiting, int outbox, struct err *err)
{
    cleanup(free_ptr) char *page = page_of(waiting);
    if (waiting->is_told && is_same(page, waiting->told))
        return 0;
    int r = page ? fs_write_unsynced(outbox, WAITING_PAGE, page, strlen(page), err)
                 : unlinkat(outbox, WAITING_PAGE, 0);
    if (!page && r != 0)
        r = errno == ENOENT ? 0 : fs_fail(err, errno, "remove", WAITING_PAGE);
    waiting->is_told = r == 0;
    if (r == 0) {
        free(waiting->told);
        waiting->told = TAKE(page);
    }
    return r;
}

char *waiting_find(int outbox, const char *name)
{
    cleanup(free_ptr) char *page = NULL, *shown = text_escape(name);
    size_t size;
    if (fs_read(outbox, WAITING_PAGE, MAX_PAGE, &page, &size, NULL) < 0)
        return NULL;
    cleanup(free_ptr) char *wanted = xasprintf("\n\n%s\n" INDENT, shown);
    const char *found = strstr(page, wanted), *why = found ? found + strlen(wanted) : NULL;
    return why ? xstrndup(why, strcspn(why, "\n")) : NULL;
}
