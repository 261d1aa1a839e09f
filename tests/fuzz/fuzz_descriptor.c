// Whatever a dropped descriptor holds, it is refused with words, or every link is in its one form.
#include "base/text.h"
#include "spool/descriptor.h"

static void require(bool good)
{
    if (!good)
        abort();
}

static void same(const char *a, const char *b)
{
    require((a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0));
}

// Visible ASCII, one of two schemes, a host in lower case, nobody's name in front of it.
static void check_address(const char *address)
{
    for (const char *s = address; *s != 0; s++)
        require(*s > 0x20 && *s < 0x7F && *s != '\\' && *s != '#');
    require(strncmp(address, "http://", 7) == 0 || strncmp(address, "https://", 8) == 0);
    const char *host = strstr(address, "://") + 3;
    size_t length = strcspn(host, "/?");
    require(length > 0 && memchr(host, '@', length) == NULL);
    for (size_t i = 0; i < length; i++)
        require(host[i] < 'A' || host[i] > 'Z');
}

static void check_link(const struct remote *link)
{
    struct remote again = REMOTE_INIT;
    cleanup(free_ptr) char *shown = remote_show(link);
    require(text_is_utf8(shown, strlen(shown)) && strchr(shown, '\n') == NULL);
    if (link->kind == REMOTE_URL) {
        check_address(link->url);
        require(link->bucket == NULL && link->endpoint == NULL);
        require(remote_from_link(link->url, &again, NULL) == 0);
        same(again.url, link->url);
        remote_release(&again);
        return;
    }
    require(link->url == NULL && remote_is_bucket(link->bucket));
    require(remote_check_key(link->key, NULL) == 0);
    require(link->region == NULL || remote_is_region(link->region));
    if (link->endpoint != NULL) {
        cleanup(free_ptr) char *endpoint = remote_endpoint(link->endpoint, NULL);
        check_address(link->endpoint);
        same(endpoint, link->endpoint);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = { "a.url", "a.webloc", "a.desktop", "a.oss" };
    if (size == 0)
        return 0;
    struct descriptor descriptor = DESCRIPTOR_INIT;
    struct err err = ERR_INIT;
    const char *name = names[data[0] % ARRAY_LEN(names)];
    int r = descriptor_parse(name, data + 1, size - 1, &descriptor, &err);
    require((r == 0) == (descriptor.count > 0) && descriptor.count <= DESCRIPTOR_MAX_LINKS);
    for (size_t i = 0; i < descriptor.count; i++)
        check_link(&descriptor.links[i]);
    require(r == 0 || (err.class == ERR_INPUT && strncmp(err.text, name, strlen(name)) == 0));
    require(text_is_utf8(err.text, strlen(err.text)));
    descriptor_release(&descriptor);
    return 0;
}
