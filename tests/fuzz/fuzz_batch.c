// Whatever batch.json says, no name that comes out of it leads out of its directory, where a video
// is elsewhere is said in the one form that was checked, and what was read can be written and read
// again.
#include "spool/batch.h"
#include <fcntl.h>

static void require(bool good)
{
    if (!good)
        abort();
}

// Shared memory, so that a run is not about the speed of a disk.
static char folder[] = "/dev/shm/clipspool-fuzz-XXXXXX";
static int folder_fd = -1;

static void remove_folder(void)
{
    (void)unlinkat(folder_fd, BATCH_FILE, 0);
    (void)rmdir(folder);
}

static int open_folder(void)
{
    if (folder_fd < 0 && mkdtemp(folder) != NULL) {
        folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        (void)atexit(remove_folder);
    }
    require(folder_fd >= 0);
    return folder_fd;
}

static bool leads_out(const char *path)
{
    return path[0] == '/' || path[0] == 0 || strcmp(path, "..") == 0 ||
           strncmp(path, "../", 3) == 0 || strstr(path, "/../") != NULL ||
           (strlen(path) > 3 && strcmp(path + strlen(path) - 3, "/..") == 0);
}

static void check_remote(const struct batch_source *source)
{
    const struct remote *remote = &source->remote;
    bool is_link = remote->url != NULL, is_object = remote->key != NULL;
    require(!(is_link && is_object));
    require(source->kind == SOURCE_LOCAL || is_link || is_object ||
            source->error.class != ERR_NONE);
    require(!is_link || (source->kind == SOURCE_URL && remote->kind == REMOTE_URL));
    require(!is_link || strncmp(remote->url, "http://", 7) == 0 ||
            strncmp(remote->url, "https://", 8) == 0);
    require(!is_object || (source->kind == SOURCE_OSS && remote->kind != REMOTE_URL));
    require(!is_object ||
            (remote_is_bucket(remote->bucket) && remote_check_key(remote->key, NULL) == 0));
    // What is shown is printable, whatever it was made of.
    cleanup(free_ptr) char *name = batch_source_name(source);
    for (const char *s = name; *s; s++)
        require((unsigned char)*s >= 0x20);
}

static void check_sound(const struct batch *batch)
{
    require(batch_is_id(batch->id));
    require(!leads_out(batch->name) && strchr(batch->name, '/') == NULL);
    require(batch->outbox == NULL ||
            (!leads_out(batch->outbox) && strchr(batch->outbox, '/') == NULL));
    require(batch->source_count <= BATCH_MAX_SOURCES);
    for (size_t i = 0; i < batch->source_count; i++) {
        const struct batch_source *source = &batch->sources[i];
        require(!leads_out(source->file));
        require(source->part < BATCH_MAX_SOURCES);
        check_remote(source);
        require(source->profile >= 0 && source->profile <= PROFILE_CONSERVATIVE);
        require(memchr(source->error.text, 0, sizeof source->error.text) != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int dir = open_folder();
    cleanup(close_fd) int fd =
        openat(dir, BATCH_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    require(write(fd, data, size) == (ssize_t)size);
    struct err err = ERR_INIT;
    struct batch batch = BATCH_INIT, back = BATCH_INIT;
    if (batch_load(dir, &batch, &err) < 0) {
        require(err.class != ERR_NONE && batch.id == NULL);
        return 0;
    }
    check_sound(&batch);
    require(batch_save(dir, &batch, NULL) == 0);
    require(batch_load(dir, &back, NULL) == 0);
    require(back.source_count == batch.source_count && strcmp(back.name, batch.name) == 0);
    batch_release(&batch);
    batch_release(&back);
    return 0;
}
