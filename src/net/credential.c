// Keys to services.

#include "net/credential.h"

#include "base/text.h"
#include "net/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

// ---- the file

struct file {
    char *path, *shown; // shown: escaped, for errors
    bool from_systemd;
    char *text; // with a NUL behind its size bytes
    size_t size;
};
#define FILE_INIT    \
    {                \
        .path = NULL \
    }

static void file_release(struct file *file)
{
    if (file->text != NULL)
        secret_wipe(file->text, file->size);
    free(file->text);
    free(file->shown);
    free(file->path);
    *file = (struct file)FILE_INIT;
}

// A name systemd would hand over: one component, nothing hidden.
static bool is_name(const char *where)
{
    return *where != 0 && *where != '.' && strchr(where, '/') == NULL && strlen(where) <= 255;
}

static int locate(const char *directory, const char *where, struct file *file, struct err *err)
{
    file->shown = text_escape(where);
    file->from_systemd = *where != '/';
    if (!file->from_systemd) {
        file->path = xstrdup(where);
        return 0;
    }
    if (!is_name(where)) {
        err_set(err, ERR_CONFIG, "bad_credential",
                "credential \"%s\": is neither a name nor an absolute path", file->shown);
        err_hint(err, "name one of LoadCredential=, or write the whole path of a file");
        return -EINVAL;
    }
    if (directory == NULL || *directory != '/') {
        err_set(err, ERR_CONFIG, "no_credential",
                "credential \"%s\": systemd handed no credentials over", file->shown);
        err_hint(err,
                 "add LoadCredential=%s:/path/of/the/file to the unit, or configure an "
                 "absolute path",
                 file->shown);
        return -EINVAL;
    }
    file->path = xasprintf("%s/%s", directory, where);
    return 0;
}

static int open_file(const struct file *file, struct err *err)
{
    // A link is followed: whatever it leads to is judged by itself, once open.
    int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0)
        return fd;
    int number = errno;
    err_set(err, ERR_CONFIG, "no_credential", "credential %s: cannot be opened: %s", file->shown,
            strerror(number));
    err_hint(err,
             file->from_systemd ? "add LoadCredential=%s:/path/of/the/file to the unit"
                                : "make the file %s, mode 0600, owned by the user of the service",
             file->shown);
    return -number;
}

// Whether nobody else can read or change it.  What systemd hands over may belong to root with our
// right to read in an access list, which shows as group rights; nobody writes there.
static int check_private(const struct file *file, const struct stat *st, struct err *err)
{
    mode_t forbidden = file->from_systemd ? 0137 : 0177;
    if (!S_ISREG(st->st_mode)) {
        err_set(err, ERR_CONFIG, "bad_credential", "credential %s: is not a regular file",
                file->shown);
        err_hint(err, "put the keys into a file of their own");
        return -EINVAL;
    }
    if (st->st_uid != 0 && st->st_uid != geteuid()) {
        err_set(err, ERR_CONFIG, "open_credential", "credential %s: belongs to user %u",
                file->shown, (unsigned)st->st_uid);
        err_hint(err, "chown the file to root or to the user of the service (%u)",
                 (unsigned)geteuid());
        return -EINVAL;
    }
    if ((st->st_mode & forbidden) != 0) {
        err_set(err, ERR_CONFIG, "open_credential",
                "credential %s: its mode is %04o, so others may read it", file->shown,
                (unsigned)(st->st_mode & 07777));
        err_hint(err, "chmod 600 the file, and change the keys if others may have seen them");
        return -EPERM;
    }
    return 0;
}

static int read_file(int fd, struct file *file, struct err *err)
{
    // One byte more than allowed tells too large from just fitting.
    file->text = xcalloc(CREDENTIAL_MAX_BYTES + 2, 1);
    while (file->size <= CREDENTIAL_MAX_BYTES) {
        ssize_t n = read(fd, file->text + file->size, CREDENTIAL_MAX_BYTES + 1 - file->size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            err_errno(err, errno, "read credential %s", file->shown);
            return -EIO;
        }
        if (n == 0)
            return 0;
        file->size += (size_t)n;
    }
    err_set(err, ERR_CONFIG, "bad_credential", "credential %s: is larger than %d bytes",
            file->shown, CREDENTIAL_MAX_BYTES);
    err_hint(err, "put only the keys into the file");
    return -EINVAL;
}

static int load(const char *directory, const char *where, struct file *file, struct err *err)
{
    struct stat st;
    int r = locate(directory, where, file, err);
    if (r < 0)
        return r;
    cleanup(close_fd) int fd = open_file(file, err);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) != 0) {
        err_errno(err, errno, "look at credential %s", file->shown);
        return -EIO;
    }
    r = check_private(file, &st, err);
    return r < 0 ? r : read_file(fd, file, err);
}

// ---- what is in it

static int malformed(struct err *err, const char *name, unsigned line, const char *what)
{
    if (line > 0)
        err_set(err, ERR_CONFIG, "bad_credential", "credential %s: line %u: %s", name, line, what);
    else
        err_set(err, ERR_CONFIG, "bad_credential", "credential %s: %s", name, what);
    err_hint(err, "write access_key_id = ..., access_key_secret = ... and, for temporary "
                  "keys, security_token = ..., each on a line of its own");
    return -EINVAL;
}

// Cuts blanks off both ends, in place.
static char *trimmed(char *text)
{
    static const char blanks[] = " \t\r";
    text += strspn(text, blanks);
    size_t length = strlen(text);
    while (length > 0 && strchr(blanks, text[length - 1]) != NULL)
        length--;
    text[length] = 0;
    return text;
}

// Keys and tokens are printable and without blanks: they go into headers and into what is signed.
static bool is_value(const char *value)
{
    if (*value == 0)
        return false;
    for (; *value != 0; value++)
        if (*value <= 0x20 || *value > 0x7E)
            return false;
    return true;
}

static char **member(struct credential *credential, const char *key)
{
    static const struct {
        const char *name;
        int which;
    } names[] = {
        { "access_key_id", 0 },     { "access_key_secret", 1 }, { "security_token", 2 },
        { "aws_access_key_id", 0 }, { "aws_session_token", 2 }, { "aws_secret_access_key", 1 },
    };
    char **members[] = { &credential->id, &credential->secret, &credential->token };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i].name, key) == 0)
            return members[names[i].which];
    return NULL;
}

static int parse_line(const char *name, unsigned number, char *line, struct credential *credential,
                      struct err *err)
{
    line = trimmed(line);
    if (*line == 0 || *line == '#')
        return 0;
    char *equals = strchr(line, '=');
    if (equals == NULL)
        return malformed(err, name, number, "is not of the form key = value");
    *equals = 0;
    char *value = trimmed(equals + 1);
    char **into = member(credential, trimmed(line));
    if (into == NULL)
        return malformed(err, name, number, "its key is not one of those known");
    if (*into != NULL)
        return malformed(err, name, number, "its key is there a second time");
    if (!is_value(value))
        return malformed(err, name, number, "its value is empty or holds blanks");
    *into = xstrdup(value);
    return 0;
}

int credential_parse(const char *name, char *text, size_t size, struct credential *credential,
                     struct err *err)
{
    unsigned number = 0;
    if (memchr(text, 0, size) != NULL)
        return malformed(err, name, 0, "holds a NUL byte, so it is not a text");
    for (char *line = text; line != NULL;) {
        char *end = strchr(line, '\n');
        if (end != NULL)
            *end = 0;
        int r = parse_line(name, ++number, line, credential, err);
        if (r < 0)
            return r;
        line = end != NULL ? end + 1 : NULL;
    }
    if (credential->id == NULL || credential->secret == NULL)
        return malformed(err, name, 0,
                         credential->id == NULL ? "holds no access_key_id"
                                                : "holds no access_key_secret");
    return 0;
}

int credential_load(const char *directory, const char *where, struct credential *credential,
                    struct err *err)
{
    struct credential loaded = CREDENTIAL_INIT;
    cleanup(file_release) struct file file = FILE_INIT;
    int r = load(directory, where, &file, err);
    if (r == 0)
        r = credential_parse(file.shown, file.text, file.size, &loaded, err);
    if (r < 0)
        credential_release(&loaded);
    *credential = loaded;
    return r;
}

int credential_load_secret(const char *directory, const char *where, char **ret_secret,
                           struct err *err)
{
    cleanup(file_release) struct file file = FILE_INIT;
    int r = load(directory, where, &file, err);
    if (r < 0)
        return r;
    if (file.size > 0 && file.text[file.size - 1] == '\n')
        file.text[--file.size] = 0;
    bool whole = strlen(file.text) == file.size; // no NUL in it
    const char *value = trimmed(file.text);
    if (!whole || !is_value(value)) {
        err_set(err, ERR_CONFIG, "bad_credential", "credential %s: is not one line with one word",
                file.shown);
        err_hint(err, "put the secret alone into the file");
        return -EINVAL;
    }
    *ret_secret = xstrdup(value);
    return 0;
}

bool credential_is_ours(const char *directory, const char *where)
{
    return where == NULL || *where == '/' || directory != NULL;
}

void credential_release(struct credential *credential)
{
    secret_free(&credential->id);
    secret_free(&credential->secret);
    secret_free(&credential->token);
}
