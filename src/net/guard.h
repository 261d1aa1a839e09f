// Whom a link may lead to: the judgement of an address and a port, just before they are connected
// to.
//
// A host that the configuration names may be anywhere, and so may an address of a network that it
// names.  All others have to be globally reachable (base/address.h), on a port that is the web's or
// anybody's.  What is judged is the address that is connected to and never the name, so that a name
// that resolves to something else a moment later gains nothing.
//
// It resolves nothing, connects to nothing and does not read the link; who does tells it the host.
#ifndef CLIPSPOOL_GUARD_H
#define CLIPSPOOL_GUARD_H

#include "base/address.h"

// Of one host, whatever number of addresses it has.
struct guard {
    const struct address_list *allow_networks;
    bool host_is_allowed;
    bool admitted; // an address was good enough
    bool refused;  // one was not, the last of them:
    char refused_text[INET6_ADDRSTRLEN + sizeof " port 65535"];
};

// Begins with the host of a link; nothing is admitted or refused yet.  `allow_hosts` are names as
// of address_names_have.  Keeps the networks, borrows the rest.
void guard_begin(struct guard *guard, const char *host, const char *allow_hosts,
                 const struct address_list *allow_networks);

// Whether that address and port may be connected to.  What is neither IPv4 nor IPv6 may not, and
// is not remembered as refused: nobody could allow it.  Reads at most `size` bytes.
bool guard_admits(struct guard *guard, const struct sockaddr *to, size_t size);

// "ADDRESS port NUMBER", the last that was refused, if that is why the host was not reached; NULL
// if another was admitted, or none was refused.  Valid until the guard changes.
const char *guard_refusal(const struct guard *guard);

#endif
