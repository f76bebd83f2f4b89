/* net_address: see net_address.h. */
#include "system/net_address.h"

#include "base/str.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>

struct net_address net_address_v4(uint32_t host_order)
{
    struct net_address address = {0};
    address.at.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(host_order)}};
    return address;
}

struct net_address net_address_v6(struct in6_addr in)
{
    struct net_address address = {0};
    address.at.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = in};
    return address;
}

bool net_address_is_wildcard(const struct net_address *address)
{
    return net_address_is_v6(address) ? IN6_IS_ADDR_UNSPECIFIED(&address->at.v6.sin6_addr)
                                      : address->at.v4.sin_addr.s_addr == htonl(INADDR_ANY);
}

bool net_address_equal(const struct net_address *a, const struct net_address *b)
{
    if (net_address_is_v6(a) != net_address_is_v6(b))
        return false;
    if (!net_address_is_v6(a))
        return a->at.v4.sin_addr.s_addr == b->at.v4.sin_addr.s_addr;
    return IN6_ARE_ADDR_EQUAL(&a->at.v6.sin6_addr, &b->at.v6.sin6_addr) &&
           a->at.v6.sin6_scope_id == b->at.v6.sin6_scope_id;
}

bool net_address_covers(const struct net_address *a, const struct net_address *b)
{
    return net_address_equal(a, b) ||
           (net_address_is_wildcard(a) &&
            (a->dual_stack || net_address_is_v6(a) == net_address_is_v6(b)));
}

/* --- Text ------------------------------------------------------------------------------------- */

/* Reads an IPv6 address; an IPv4-mapped one becomes the IPv4 address. */
static bool parse_v6(const char *text, struct net_address *ret)
{
    const struct addrinfo hints = {
        .ai_family = AF_INET6, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    struct addrinfo *found;
    struct net_address address = {0};
    if (getaddrinfo(text, NULL, &hints, &found) != 0)
        return false;
    memcpy(&address.at.v6, found->ai_addr, sizeof address.at.v6);
    freeaddrinfo(found);
    if (IN6_IS_ADDR_V4MAPPED(&address.at.v6.sin6_addr)) {
        uint32_t mapped;
        memcpy(&mapped, &address.at.v6.sin6_addr.s6_addr[12], sizeof mapped);
        address = net_address_v4(ntohl(mapped));
    }
    *ret = address;
    return true;
}

bool net_address_parse(const char *text, struct net_address *ret)
{
    struct str all = str_of(text);
    struct in_addr in;
    char bare[NET_ADDRESS_BYTES];
    /* Not by getaddrinfo, which accepts short forms: "8080" would be 0.0.31.144. */
    if (inet_pton(AF_INET, text, &in) == 1) {
        *ret = net_address_v4(ntohl(in.s_addr));
        return true;
    }
    if (all.length > 2 && text[0] == '[' && text[all.length - 1] == ']')
        all = str_first(str_from(all, 1), all.length - 2);
    if (str_find(all, ':') == all.length || all.length >= sizeof bare)
        return false;
    *str_put(bare, all) = '\0';
    return parse_v6(bare, ret);
}

void net_address_text(const struct net_address *address, char to[static NET_ADDRESS_BYTES])
{
    if (getnameinfo(&address->at.any, net_address_bytes(address), to, NET_ADDRESS_BYTES, NULL, 0,
                    NI_NUMERICHOST) != 0)
        snprintf(to, NET_ADDRESS_BYTES, "?");
}
