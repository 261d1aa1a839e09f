// Whatever a stage writes on descriptor 3, what is read of it is within its limits and fits on a
// line, and no more is kept than one line.
#include "base/fs.h"
#include "base/text.h"
#include "spool/message.h"

#include <math.h>
#include <sys/mman.h>
#include <unistd.h>

static void require(bool good)
{
    if (!good)
        abort();
}

static void check_text(const char *text)
{
    require(text_is_utf8(text, strlen(text)));
    for (const char *c = text; *c; c++)
        require((unsigned char)*c >= ' ' && *c != 127);
}

static void check(const struct message *message)
{
    if (message->kind == MESSAGE_PROGRESS)
        require(message->progress >= 0 && message->progress <= 1);
    else
        check_text(message->error.text);
    if (message->kind == MESSAGE_ERROR) {
        check_text(message->error.id);
        check_text(message->error.hint);
        require(message->error.class != ERR_NONE);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct message_reader reader = MESSAGE_READER_INIT;
    struct message message;
    cleanup(close_fd) int fd = memfd_create("fuzz", MFD_CLOEXEC);
    require(fd >= 0 && fs_write_all(fd, data, size, NULL) == 0 && lseek(fd, 0, SEEK_SET) == 0);
    while (message_read(&reader, fd) > 0)
        while (message_next(&reader, &message) > 0)
            check(&message);
    require(reader.used <= MESSAGE_MAX_BYTES);
    message_reader_release(&reader);
    return 0;
}
