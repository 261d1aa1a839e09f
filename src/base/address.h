// Internet addresses: which of them anybody may be sent to, and lists of exceptions.
//
// A link that a user dropped must not make the service talk to what only the service can reach: its
// own machine, the local network, the metadata address of a cloud.  So the rule is the strict one:
// an address is refused unless it is globally reachable by the registries of IANA (RFC 6890), which
// needs no list of what is dangerous here.  The forms that carry an IPv4 address inside an IPv6 one
// are judged by what they carry or refused.
//
// It cannot know of addresses that a network translates by prefixes of its own (RFC 6052, 3.1), nor
// that a global address is in truth a neighbour's; whoever has such a network filters in it.
#ifndef CLIPSPOOL_ADDRESS_H
#define CLIPSPOOL_ADDRESS_H

#include "base/err.h"
#include <netinet/in.h>

// IPv4 addresses are kept in their mapped form, ::ffff:a.b.c.d, so that one address has one form.
struct address {
    uint8_t bytes[16];
};

// Returns 0, or -EAFNOSUPPORT for what is neither IPv4 nor IPv6.  Reads at most `size` bytes.
int address_from_socket(const struct sockaddr *from, size_t size, struct address *ret);

// Reads the usual text form, without port or zone.  Returns 0 or -EINVAL.
int address_parse(const char *text, struct address *ret);

// The usual text form.  `buffer` has INET6_ADDRSTRLEN bytes.  Returns buffer.
char *address_text(const struct address *address, char *buffer);

// True if hosts anywhere can be reached at such an address: IPv4 and IPv6 unicast less all that the
// registries of special-purpose addresses do not call globally reachable.
bool address_is_global(const struct address *address);

// ---- exceptions

struct address_network {
    struct address first;
    unsigned bits; // of the 128
};
enum { ADDRESS_MAX_NETWORKS = 64 };
struct address_list {
    struct address_network networks[ADDRESS_MAX_NETWORKS];
    size_t count;
};

// Reads networks separated by blanks or commas, "192.168.0.0/16 fd00::/8 10.1.2.3"; bits beyond the
// prefix must be 0.  NULL is an empty list.  Returns 0, or a negative with ERR_CONFIG id
// "bad_network".
int address_list_parse(const char *text, struct address_list *ret, struct err *err);
bool address_list_has(const struct address_list *list, const struct address *address);

// Whether `host` is among names separated by blanks or commas: itself, or as a name below one that
// begins with a dot (".example.org" has www.example.org, but not example.org).  ASCII case and a
// final dot do not count.  NULL is an empty list.
bool address_names_have(const char *names, const char *host);

#endif
