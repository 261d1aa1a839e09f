// Lines of sha256sum.

#include "spool/manifest.h"
#include "base/fs.h"
#include "base/text.h"
#include <errno.h>
#include <fcntl.h>

enum { DIGITS = MANIFEST_SUM_SIZE - 1 };

static int refuse(size_t line, const char *why, struct err *err)
{
    err_set(err, ERR_INPUT, "bad_manifest", MANIFEST_FILE ": line %zu: %s", line, why);
    return err_hint(err, "make it in the folder with: sha256sum * > " MANIFEST_FILE);
}

// True for a name that stays in the folder.
static bool is_inner(const char *path)
{
    for (const char *part = path; part != NULL;) {
        size_t length = strcspn(part, "/");
        if (length == 0 || (length == 1 && part[0] == '.') ||
            (length == 2 && part[0] == '.' && part[1] == '.'))
            return false;
        part = part[length] == '/' ? part + length + 1 : NULL;
    }
    return true;
}

// Takes the backslashes out of a name, in place.  Returns false for one that means nothing.
static bool unescape(char *name)
{
    char *to = name;
    for (const char *from = name; *from != 0; from++) {
        char c = *from;
        if (c == '\\') {
            from++;
            if (*from != '\\' && *from != 'n' && *from != 'r')
                return false;
            c = *from == 'n' ? '\n' : *from == 'r' ? '\r' : '\\';
        }
        *to++ = c;
    }
    *to = 0;
    return true;
}

static bool read_sum(const char *text, char sum[static MANIFEST_SUM_SIZE])
{
    for (size_t i = 0; i < DIGITS; i++) {
        char c = text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] - 'A' + 'a') : text[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        sum[i] = c;
    }
    sum[DIGITS] = 0;
    return true;
}

// Reads a line, without its end.  Returns why it is none, or NULL.
static const char *read_line(const char *line, size_t length, struct manifest_file *file)
{
    bool is_escaped = length > 0 && line[0] == '\\';
    if (is_escaped) {
        line++;
        length--;
    }
    if (length < DIGITS + 3 || !read_sum(line, file->sum))
        return "does not begin with the 64 digits of a SHA-256";
    if (line[DIGITS] != ' ' || (line[DIGITS + 1] != ' ' && line[DIGITS + 1] != '*'))
        return "has no two blanks, or blank and asterisk, before the name";
    file->path = xstrndup(line + DIGITS + 2, length - DIGITS - 2);
    if (is_escaped && !unescape(file->path))
        return "has a backslash that means nothing";
    while (strncmp(file->path, "./", 2) == 0)
        memmove(file->path, file->path + 2, strlen(file->path) - 1);
    return is_inner(file->path) ? NULL : "names a file that is not in the folder";
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct manifest_file *)a)->path, ((const struct manifest_file *)b)->path);
}

// In order, so that they are found; one that is named twice is one, if it is the same.
static int sort(struct manifest *manifest, struct err *err)
{
    if (manifest->count > 0)
        qsort(manifest->files, manifest->count, sizeof *manifest->files, compare);
    for (size_t i = 1; i < manifest->count; i++) {
        const struct manifest_file *file = &manifest->files[i];
        if (compare(file - 1, file) != 0 || strcmp(file[-1].sum, file->sum) == 0)
            continue;
        cleanup(free_ptr) char *shown = text_escape(file->path);
        err_set(err, ERR_INPUT, "bad_manifest", MANIFEST_FILE ": has two sums for %s", shown);
        return err_hint(err, "make it in the folder with: sha256sum * > " MANIFEST_FILE);
    }
    return 0;
}

static int add_line(struct manifest *manifest, const char *line, size_t length, size_t number,
                    struct err *err)
{
    struct manifest_file file = { .path = NULL };
    const char *why = memchr(line, 0, length) != NULL         ? "holds a NUL byte"
                      : manifest->count >= MANIFEST_MAX_FILES ? "is one file too many"
                                                              : read_line(line, length, &file);
    if (why != NULL) {
        free(file.path);
        return refuse(number, why, err);
    }
    // `sha256sum * > SHA256SUMS` lists what it is writing, as it was while it was empty.
    if (strcmp(file.path, MANIFEST_FILE) == 0) {
        free(file.path);
        return 0;
    }
    manifest->files = xrealloc(manifest->files, manifest->count + 1, sizeof *manifest->files);
    manifest->files[manifest->count++] = file;
    return 0;
}

int manifest_parse(const char *text, size_t size, struct manifest *manifest, struct err *err)
{
    int r = 0;
    size_t number = 0;
    const char *end = text + size;
    *manifest = (struct manifest)MANIFEST_INIT;
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) // of editors on Windows
        text += 3;
    for (const char *line = text; line < end && r == 0;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t length = (size_t)((stop ? stop : end) - line);
        bool has_return = length > 0 && line[length - 1] == '\r';
        number++;
        if (length - has_return > 0)
            r = add_line(manifest, line, length - has_return, number, err);
        line = stop ? stop + 1 : end;
    }
    if (r == 0 && manifest->count == 0)
        r = refuse(number + 1, "there is no file in it", err);
    if (r == 0)
        r = sort(manifest, err);
    if (r < 0)
        manifest_release(manifest);
    return r;
}

int manifest_read(int dirfd, struct manifest *manifest, struct err *err)
{
    cleanup(free_ptr) char *text = NULL;
    size_t size = 0;
    *manifest = (struct manifest)MANIFEST_INIT;
    int r = fs_read(dirfd, MANIFEST_FILE, MANIFEST_MAX_BYTES, &text, &size, err);
    return r < 0 ? r : manifest_parse(text, size, manifest, err);
}

void manifest_release(struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->count; i++)
        free(manifest->files[i].path);
    free(TAKE(manifest->files));
    manifest->count = 0;
}

const struct manifest_file *manifest_find(const struct manifest *manifest, const char *path)
{
    // Only looked at.
    struct manifest_file wanted = { .path = NULL };
    memcpy(&wanted.path, &path, sizeof path);
    return manifest->count == 0 ? NULL
                                : bsearch(&wanted, manifest->files, manifest->count,
                                          sizeof *manifest->files, compare);
}

const struct manifest_file *manifest_missing(const struct manifest *manifest, int dirfd)
{
    for (size_t i = 0; i < manifest->count; i++) {
        cleanup(close_fd) int fd = fs_open(dirfd, manifest->files[i].path, O_PATH | O_NOFOLLOW);
        struct stat st;
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
            return &manifest->files[i];
    }
    return NULL;
}
