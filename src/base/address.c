// Addresses held against the special-purpose registries.

#include "base/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <strings.h>

static const uint8_t mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF };
// The well-known prefix by which IPv6-only networks reach IPv4 hosts, RFC 6052.
static const uint8_t nat64_prefix[12] = { 0x00, 0x64, 0xFF, 0x9B };

static bool begins_with(const struct address *address, const uint8_t prefix[12])
{
    return memcmp(address->bytes, prefix, 12) == 0;
}

static void set_v4(struct address *address, const void *four)
{
    memcpy(address->bytes, mapped_prefix, sizeof mapped_prefix);
    memcpy(address->bytes + 12, four, 4);
}

int address_from_socket(const struct sockaddr *from, size_t size, struct address *ret)
{
    if (size >= sizeof(struct sockaddr_in) && from->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, from, sizeof in);
        set_v4(ret, &in.sin_addr);
        return 0;
    }
    if (size >= sizeof(struct sockaddr_in6) && from->sa_family == AF_INET6) {
        struct sockaddr_in6 in;
        memcpy(&in, from, sizeof in);
        memcpy(ret->bytes, &in.sin6_addr, sizeof ret->bytes);
        return 0;
    }
    return -EAFNOSUPPORT;
}

int address_parse(const char *text, struct address *ret)
{
    uint8_t four[4];
    if (inet_pton(AF_INET, text, four) == 1) {
        set_v4(ret, four);
        return 0;
    }
    return inet_pton(AF_INET6, text, ret->bytes) == 1 ? 0 : -EINVAL;
}

char *address_text(const struct address *address, char *buffer)
{
    bool is_v4 = begins_with(address, mapped_prefix);
    const char *text = is_v4 ? inet_ntop(AF_INET, address->bytes + 12, buffer, INET6_ADDRSTRLEN)
                             : inet_ntop(AF_INET6, address->bytes, buffer, INET6_ADDRSTRLEN);
    if (text == NULL)
        buffer[0] = '\0';
    return buffer;
}

// ---- the registries

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    if (memcmp(a, b, bits / 8) != 0)
        return false;
    uint8_t mask = (uint8_t)(0xFF00 >> (bits % 8));
    return bits % 8 == 0 || ((a[bits / 8] ^ b[bits / 8]) & mask) == 0;
}

// IANA IPv4 Special-Purpose Address Registry (RFC 6890 and what followed), without the blocks it
// calls globally reachable, and multicast (RFC 5771).  The two addresses of 192.0.0.0/24 that are
// reachable are those of relays, which serve no files.
static const struct {
    uint8_t first[4];
    unsigned bits;
} special_v4[] = {
    { { 0, 0, 0, 0 }, 8 },       // this network, RFC 791: a connection to 0.0.0.0 comes home
    { { 10, 0, 0, 0 }, 8 },      // private use, RFC 1918
    { { 100, 64, 0, 0 }, 10 },   // shared by carriers, RFC 6598
    { { 127, 0, 0, 0 }, 8 },     // loopback, RFC 1122
    { { 169, 254, 0, 0 }, 16 },  // link local, RFC 3927; clouds answer secrets here
    { { 172, 16, 0, 0 }, 12 },   // private use, RFC 1918
    { { 192, 0, 0, 0 }, 24 },    // protocol assignments, RFC 6890
    { { 192, 0, 2, 0 }, 24 },    // documentation, RFC 5737
    { { 192, 88, 99, 0 }, 24 },  // 6to4 relays, given up by RFC 7526
    { { 192, 168, 0, 0 }, 16 },  // private use, RFC 1918
    { { 198, 18, 0, 0 }, 15 },   // benchmarks, RFC 2544
    { { 198, 51, 100, 0 }, 24 }, // documentation, RFC 5737
    { { 203, 0, 113, 0 }, 24 },  // documentation, RFC 5737
    { { 224, 0, 0, 0 }, 4 },     // multicast, RFC 5771
    { { 240, 0, 0, 0 }, 4 },     // reserved, RFC 1112; the limited broadcast is in it
};

static bool v4_is_global(const uint8_t *four)
{
    for (size_t i = 0; i < ARRAY_LEN(special_v4); i++)
        if (same_bits(four, special_v4[i].first, special_v4[i].bits))
            return false;
    return true;
}

// Of IPv6 only 2000::/3 is given out as global unicast (RFC 4291); loopback, unique local, link
// local, multicast, discard-only, IPv4-compatible and local NAT64 prefixes all lie outside.  What
// is special inside it, by the IANA IPv6 registry:
static const struct {
    uint8_t first[8];
    unsigned bits;
} special_v6[] = {
    { { 0x20, 0x01 }, 23 }, // protocol assignments, RFC 2928: Teredo, ORCHID, benchmarks
    { { 0x20, 0x01, 0x0D, 0xB8 }, 32 }, // documentation, RFC 3849
    { { 0x20, 0x02 }, 16 },             // 6to4, RFC 3056: any IPv4 address, also private ones
    { { 0x3F, 0xFF }, 20 },             // documentation, RFC 9637
};

bool address_is_global(const struct address *address)
{
    if (begins_with(address, mapped_prefix) || begins_with(address, nat64_prefix))
        return v4_is_global(address->bytes + 12);
    if ((address->bytes[0] & 0xE0) != 0x20)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(special_v6); i++)
        if (same_bits(address->bytes, special_v6[i].first, special_v6[i].bits))
            return false;
    return true;
}

// ---- lists

static const char separators[] = " \t\r\n,";

static int bad_network(struct err *err, const char *word, const char *reason)
{
    (void)err_set(err, ERR_CONFIG, "bad_network", "\"%s\" is not a network: %s", word, reason);
    return err_hint(err, "write networks as 192.168.0.0/16 or fd00::/8");
}

static bool rest_is_zero(const struct address_network *network)
{
    for (unsigned bit = network->bits; bit < 128; bit++)
        if (network->first.bytes[bit / 8] & (0x80 >> (bit % 8)))
            return false;
    return true;
}

// Reads the digits of a prefix length.  Returns it or -EINVAL.
static int parse_length(const char *digits, int most)
{
    size_t count = strspn(digits, "0123456789");
    if (count == 0 || count > 3 || digits[count] != '\0')
        return -EINVAL;
    long length = strtol(digits, NULL, 10);
    return length <= most ? (int)length : -EINVAL;
}

static int parse_network(char *word, struct address_network *ret, struct err *err)
{
    char *slash = strchr(word, '/');
    int length = 0;
    if (slash != NULL)
        *slash = '\0';
    int r = address_parse(word, &ret->first);
    bool is_v4 = strchr(word, ':') == NULL;
    if (slash != NULL) {
        length = parse_length(slash + 1, is_v4 ? 32 : 128);
        *slash = '/';
    } else {
        length = is_v4 ? 32 : 128;
    }
    if (r < 0)
        return bad_network(err, word, "it does not begin with an address");
    if (length < 0)
        return bad_network(err, word, "the number behind the slash is none");
    ret->bits = (unsigned)length + (is_v4 ? 96 : 0);
    if (!rest_is_zero(ret))
        return bad_network(err, word, "the address has bits beyond the prefix");
    return 0;
}

int address_list_parse(const char *text, struct address_list *ret, struct err *err)
{
    ret->count = 0;
    cleanup(free_ptr) char *copy = xstrdup(text ? text : "");
    char *rest = copy;
    for (char *word; (word = strsep(&rest, separators)) != NULL;) {
        if (*word == '\0')
            continue;
        if (ret->count == ADDRESS_MAX_NETWORKS)
            return bad_network(err, word, "there are too many before it");
        int r = parse_network(word, &ret->networks[ret->count], err);
        if (r < 0)
            return r;
        ret->count++;
    }
    return 0;
}

bool address_list_has(const struct address_list *list, const struct address *address)
{
    bool is_v4 = begins_with(address, mapped_prefix);
    for (size_t i = 0; i < list->count; i++) {
        const struct address_network *network = &list->networks[i];
        // Whoever writes ::/0 means IPv6.
        if (is_v4 && network->bits < 96)
            continue;
        if (same_bits(network->first.bytes, address->bytes, network->bits))
            return true;
    }
    return false;
}

static size_t length_without_dot(const char *name, size_t length)
{
    return length > 0 && name[length - 1] == '.' ? length - 1 : length;
}

bool address_names_have(const char *names, const char *host)
{
    size_t host_length = length_without_dot(host, strlen(host));
    for (const char *at = names ? names : ""; *at != '\0';) {
        size_t length = strcspn(at, separators);
        size_t compared = length_without_dot(at, length);
        bool whole = at[0] != '.' && compared == host_length;
        bool below = at[0] == '.' && compared > 1 && compared < host_length;
        if ((whole || below) && strncasecmp(at, host + host_length - compared, compared) == 0)
            return true;
        at += length + (at[length] != '\0');
    }
    return false;
}
