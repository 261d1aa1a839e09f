// A spool for one batch of one person.
#include "cli/private.h"
#include "base/fs.h"
#include "base/text.h"
#include "cli/screen.h"
#include "spool/incoming.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

// ---- the configuration

static void write_text(FILE *out, const char *text)
{
    fputc('"', out);
    for (const unsigned char *s = (const unsigned char *)text; *s; s++) {
        if (*s == '"' || *s == '\\')
            fprintf(out, "\\%c", *s);
        else if (*s < 0x20 || *s == 0x7f)
            fprintf(out, "\\x%02x", *s);
        else
            fputc(*s, out);
    }
    fputc('"', out);
}

static bool is_set(const struct config_option *option, const void *object);
static void write_value(FILE *out, const struct config_option *option, const void *object);

static void write_list(FILE *out, const struct config_option *option, const void *object)
{
    const char *element;
    size_t count;
    memcpy(&element, (const char *)object + option->offset, sizeof element);
    memcpy(&count, (const char *)object + option->count_offset, sizeof count);
    fputs("(", out);
    for (size_t i = 0; i < count; i++, element += option->element_size) {
        fputs(i > 0 ? ", { " : " { ", out);
        for (size_t k = 0; k < option->element_count; k++) {
            if (!is_set(&option->elements[k], element))
                continue;
            fprintf(out, "%s = ", option->elements[k].path);
            write_value(out, &option->elements[k], element);
            fputs("; ", out);
        }
        fputs("}", out);
    }
    fputs(" )", out);
}

// Whole numbers get an L where an int would not hold them: libconfig wants it so.
static void write_value(FILE *out, const struct config_option *option, const void *object)
{
    const char *member = (const char *)object + option->offset;
    switch (option->type) {
    case CONFIG_BOOL:
        fputs(*(const bool *)member ? "true" : "false", out);
        break;
    case CONFIG_INT: {
        int64_t value = *(const int64_t *)(const void *)member;
        fprintf(out, "%lld%s", (long long)value, value > INT32_MAX || value < INT32_MIN ? "L" : "");
        break;
    }
    case CONFIG_NUMBER:
        fprintf(out, "%.9f", *(const double *)(const void *)member);
        break;
    case CONFIG_TEXT:
        write_text(out, *(char *const *)(const void *)member);
        break;
    case CONFIG_CHOICE:
        write_text(out, option->choices[*(const int *)(const void *)member]);
        break;
    case CONFIG_LIST:
        write_list(out, option, object);
        break;
    }
}

// Rows of one group stand together in the table, groups of groups too; so each is opened when the
// path first enters it and closed when the path leaves it.
static size_t shared_groups(const char *a, const char *b)
{
    size_t shared = 0;
    for (size_t i = 0; a[i] && a[i] == b[i]; i++)
        if (a[i] == '.')
            shared = i + 1;
    return shared;
}

static unsigned depth(const char *path)
{
    unsigned dots = 0;
    for (; *path; path++)
        dots += *path == '.';
    return dots;
}

static void change_group(FILE *out, const char *from, const char *to)
{
    size_t shared = shared_groups(from, to);
    for (unsigned i = depth(from + shared); i > 0; i--)
        fputs("};\n", out);
    for (const char *at = to + shared, *dot; (dot = strchr(at, '.')); at = dot + 1)
        fprintf(out, "%.*s = {\n", (int)(dot - at), at);
}

static bool is_set(const struct config_option *option, const void *object)
{
    const char *member = (const char *)object + option->offset;
    if (option->type == CONFIG_TEXT || option->type == CONFIG_LIST)
        return *(char *const *)(const void *)member != NULL;
    return true;
}

char *private_settings_text(const struct settings *settings)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return xstrdup("");
    const char *last = "";
    for (size_t i = 0; i < settings_option_count; i++) {
        const struct config_option *option = &settings_options[i];
        if (!is_set(option, settings))
            continue;
        change_group(out, last, option->path);
        last = option->path;
        const char *key = strrchr(last, '.');
        fprintf(out, "%s = ", key ? key + 1 : last);
        write_value(out, option, settings);
        fputs(";\n", out);
    }
    change_group(out, last, "");
    (void)fclose(out);
    return text;
}

// The cache of a person, so that two runs pay once.  Gives a path whose last part may be missing,
// or NULL if there is no such place of our own.
static char *own_cache(void)
{
    struct stat st;
    const char *place = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    cleanup(free_ptr) char *base = NULL;
    if (place && *place == '/')
        base = xstrdup(place);
    else if (home && *home == '/')
        base = xasprintf("%s/.cache", home);
    if (!base)
        return NULL;
    (void)mkdir(base, 0700); // what is made in it is made by who asks a model
    // In another's, who became root would leave files that their owner cannot remove.
    bool is_own = stat(base, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
    return is_own ? xasprintf("%s/clipspool", base) : NULL;
}

static int write_config(struct private *spool, const struct settings *base, struct err *err)
{
    cleanup(free_ptr) char *cache = own_cache();
    struct settings own = *base; // shares the texts, which stay the caller's
    own.root = spool->path;
    own.incoming = own.outbox = NULL;
    own.storage = STORAGE_LOCAL; // who waits for the reel wants it here
    own.bucket = own.public_address = NULL;
    own.accept_links = true;
    own.intake_mode = INTAKE_MARKER; // wherever it lies, nobody else writes there
    own.settle_seconds = 0.1;
    own.scan_seconds = 1;
    own.min_free_percent = own.min_free_batches = 0; // one's own disk is one's own business
    bool is_of_service = base->models.cache && !strcmp(base->models.cache, MODEL_CACHE);
    if (is_of_service && cache)
        own.models.cache = cache;
    else if (is_of_service)
        own.models.cache_bytes = 0;
    cleanup(free_ptr) char *text = private_settings_text(&own);
    return fs_write(spool->dir, "clipspool.conf", text, strlen(text), err);
}

// ---- the batch

char *private_link_name(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    enum source_kind kind;
    // A name of the longest kind has no room for a prefix or an ending; no such file needs both.
    const char *prefix = *name == '.' || *name == '~' ? "_" : "";
    const char *ending = batch_is_source_name(name, &kind) ? "" : ".mp4";
    cleanup(free_ptr) char *made = xasprintf("%s%s%s", prefix, name, ending);
    if (incoming_name(made) == INCOMING_COUNTS && strlen(made) <= 255)
        return TAKE(made);
    return xstrdup("video.mp4");
}

static bool clashes(char *const *names, size_t index)
{
    for (size_t i = 0; names[i]; i++)
        if (i != index && !strcmp(names[i], names[index]))
            return true;
    return false;
}

static bool is_natural_order(char *const *names, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (text_natural_compare(names[i - 1], names[i]) > 0)
            return false;
    return true;
}

// The folder a video lies in, as far as it may be a folder's name in a batch.  Gives a string.
static char *parent_name(const char *path)
{
    const char *end = strrchr(path, '/'), *begin = end;
    while (begin && begin > path && begin[-1] != '/')
        begin--;
    if (!begin || begin == end)
        return NULL;
    char *name = xstrndup(begin, (size_t)(end - begin));
    if (incoming_name(name) == INCOMING_COUNTS)
        return name;
    free(name);
    return NULL;
}

// What people see is a video's own name.  Two of one name get the folder they come from in front,
// as far as that tells them apart; else a number.
static char **place_names(const struct private_batch *request)
{
    size_t count = request->video_count;
    char **names = xcalloc(count + 1, sizeof *names);
    for (size_t i = 0; i < count; i++)
        names[i] = private_link_name(request->videos[i]);
    for (int round = 0; round < 2; round++) {
        bool *again = xcalloc(count + 1, sizeof *again);
        for (size_t i = 0; i < count; i++)
            again[i] = clashes(names, i);
        for (size_t i = 0; i < count; i++) {
            if (!again[i])
                continue;
            cleanup(free_ptr) char *own = private_link_name(request->videos[i]);
            cleanup(free_ptr) char *parent = round == 0 ? parent_name(request->videos[i]) : NULL;
            free(names[i]);
            names[i] = parent ? xasprintf("%s/%s", parent, own) : xasprintf("%03zu/%s", i + 1, own);
        }
        free(again);
    }
    return names;
}

static int place_link(int batch, const char *video, const char *name, struct err *err)
{
    const char *slash = strchr(name, '/');
    cleanup(free_ptr) char *folder = slash ? xstrndup(name, (size_t)(slash - name)) : NULL;
    if (folder && mkdirat(batch, folder, 0700) < 0 && errno != EEXIST)
        return err_errno(err, errno, "make a folder for a video");
    if (symlinkat(video, batch, name) < 0)
        return err_errno(err, errno, "make a link to %s", video);
    return 0;
}

// The order is said in job.conf, where it is not the natural one of the names.
static char *job_with_order(const struct private_batch *request, char *const *names)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return xstrdup(request->job_text ? request->job_text : "");
    fprintf(out, "%s\nsources = (", request->job_text ? request->job_text : "");
    for (size_t i = 0; names[i]; i++) {
        fprintf(out, "%s\n{ file = ", i ? "," : "");
        write_text(out, names[i]);
        fputs("; }", out);
    }
    fputs(" );\n", out);
    (void)fclose(out);
    return text;
}

static int place_batch(int batch, const struct private_batch *request, struct err *err)
{
    cleanup(fs_names_free) char **names = place_names(request);
    int r = 0;
    for (size_t i = 0; names[i] && !r; i++)
        r = place_link(batch, request->videos[i], names[i], err);
    bool ordered = request->job_orders || is_natural_order(names, request->video_count);
    cleanup(free_ptr) char *job = ordered ? request->job_text ? xstrdup(request->job_text) : NULL
                                          : job_with_order(request, names);
    if (!r && job)
        r = fs_write(batch, "job.conf", job, strlen(job), err);
    return r < 0 ? r : fs_write(batch, ".ready", "", 0, err);
}

static int open_new_folder(int dir, const char *name, struct err *err)
{
    int r = fs_mkdir(dir, name, 0700, err);
    return r < 0 ? r : fs_open_dir(dir, name, err);
}

static int fill(struct private *spool, const struct private_batch *request, struct err *err)
{
    int r = write_config(spool, request->settings, err);
    if (r < 0)
        return r;
    cleanup(close_fd) int incoming = open_new_folder(spool->dir, "incoming", err);
    if (incoming < 0)
        return incoming;
    spool->outbox = open_new_folder(spool->dir, "outbox", err);
    if (spool->outbox < 0)
        return spool->outbox;
    cleanup(close_fd) int batch = open_new_folder(incoming, request->name, err);
    if (batch < 0)
        return batch;
    return place_batch(batch, request, err);
}

static int make_folder(struct private *spool, const char *where, struct err *err)
{
    cleanup(free_ptr) char *path = xasprintf("%s/.clipspool-XXXXXX", where);
    if (!mkdtemp(path))
        return err_errno(err, errno, "make a working folder in %s", where);
    spool->leaf = xstrdup(strrchr(path, '/') + 1);
    spool->path = realpath(path, NULL);
    spool->parent = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    spool->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!spool->path || spool->parent < 0 || spool->dir < 0)
        return err_errno(err, errno, "open %s", path);
    spool->config = xasprintf("%s/clipspool.conf", spool->path);
    return 0;
}

int private_open(struct private *spool, const char *where, const struct private_batch *batch,
                 struct err *err)
{
    *spool = (struct private)PRIVATE_INIT;
    int r = make_folder(spool, where, err);
    if (!r)
        r = fill(spool, batch, err);
    if (r < 0) {
        private_remove(spool);
        private_release(spool);
    }
    return r;
}

void private_remove(struct private *spool)
{
    if (spool->leaf && spool->parent >= 0)
        (void)fs_remove(spool->parent, spool->leaf, NULL); // what stays is hidden and harmless
}

void private_release(struct private *spool)
{
    close_fd(&spool->outbox);
    close_fd(&spool->dir);
    close_fd(&spool->parent);
    free_ptr(&spool->path);
    free_ptr(&spool->leaf);
    free_ptr(&spool->config);
}
