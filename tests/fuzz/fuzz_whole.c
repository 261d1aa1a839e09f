// Whatever a container says of its length, it is told in words or believed; and one that is
// believed is believed again.
#include "base/text.h"
#include "spool/whole.h"
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup(close_fd) int fd = memfd_create("whole", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        return 0;
    cleanup(free_ptr) char *doubt = whole_doubt(fd, size);
    cleanup(free_ptr) char *again = whole_doubt(fd, size);
    if ((doubt == NULL) != (again == NULL) || (doubt && !text_is_utf8(doubt, strlen(doubt))))
        abort();
    return 0;
}
