// The order is that of trust: what the configuration names first, then what everybody may reach.

#include "net/guard.h"

#include <stdio.h>

void guard_begin(struct guard *guard, const char *host, const char *allow_hosts,
                 const struct address_list *allow_networks)
{
    *guard = (struct guard){ .allow_networks = allow_networks,
                             .host_is_allowed = address_names_have(allow_hosts, host) };
}

// Ports below 1024 belong to services of the machine's owner; mail and name servers are not to be
// talked to in HTTP because somebody dropped a link.
static bool is_good_port(uint16_t port)
{
    return port == 80 || port == 443 || port >= 1024;
}

// Of an address that is IPv4 or IPv6: it lies at the same place in both kinds.
static uint16_t port_of(const struct sockaddr *to)
{
    struct sockaddr_in in;
    memcpy(&in, to, sizeof in);
    return ntohs(in.sin_port);
}

static bool refuse(struct guard *guard, const struct address *address, uint16_t port)
{
    char text[INET6_ADDRSTRLEN];
    guard->refused = true;
    (void)snprintf(guard->refused_text, sizeof guard->refused_text, "%s port %u",
                   address_text(address, text), port);
    return false;
}

bool guard_admits(struct guard *guard, const struct sockaddr *to, size_t size)
{
    struct address address;
    if (address_from_socket(to, size, &address) < 0)
        return false;
    uint16_t port = port_of(to);
    bool is_named = guard->host_is_allowed || address_list_has(guard->allow_networks, &address);
    if (!is_named && !(address_is_global(&address) && is_good_port(port)))
        return refuse(guard, &address, port);
    guard->admitted = true;
    return true;
}

const char *guard_refusal(const struct guard *guard)
{
    return guard->refused && !guard->admitted ? guard->refused_text : NULL;
}
