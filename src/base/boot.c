// The name of a start of the machine.

#include "base/boot.h"

#include <fcntl.h>
#include <stdio.h>

// The kernel writes a UUID with dashes, systemd the same digits without.
static void copy_digits(char *buffer, const char *from)
{
    size_t used = 0;
    for (; used + 1 < BOOT_ID_SIZE && *from != '\0'; from++)
        if (strchr("0123456789abcdef", *from) != NULL)
            buffer[used++] = *from;
        else if (*from != '-')
            break;
    buffer[used] = '\0';
}

char *boot_id(char *buffer)
{
    char text[64] = "";
    cleanup(close_fd) int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    const char *said = getenv("CLIPSPOOL_BOOT_ID");
    if (fd >= 0 && read(fd, text, sizeof text - 1) > 0)
        copy_digits(buffer, text);
    else
        copy_digits(buffer, said ? said : "");
    return buffer;
}

bool boot_is_same(const char *a, const char *b)
{
    return *a != '\0' && strcmp(a, b) == 0;
}
