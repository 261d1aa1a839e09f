// Whatever SHA256SUMS says, it is refused with words, or its names stay in the folder.
#include "base/text.h"
#include "spool/manifest.h"

static void require(bool good)
{
    if (!good)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct manifest manifest;
    struct err err = ERR_INIT;
    if (manifest_parse((const char *)data, size, &manifest, &err) < 0) {
        require(err.text[0] != 0 && text_is_utf8(err.text, strlen(err.text)));
        return 0;
    }
    for (size_t i = 0; i < manifest.count; i++) {
        const char *path = manifest.files[i].path;
        cleanup(free_ptr) char *inside = xasprintf("/%s/", path);
        require(strlen(manifest.files[i].sum) == MANIFEST_SUM_SIZE - 1);
        require(strstr(inside, "/../") == NULL && strstr(inside, "//") == NULL);
        require(manifest_find(&manifest, path) != NULL);
    }
    manifest_release(&manifest);
    return 0;
}
