/* net: the URLs of a set of addresses, see net.h. getifaddrs(3), RFC 6874 (scopes in URLs). */
#include "system/net.h"

#include "base/str.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

static void write_url(const struct net_set *set, const struct net_address *address,
                      char to[NET_URL_BYTES])
{
    const char *scheme = set->secure ? "https" : "http";
    char text[NET_ADDRESS_BYTES], digits[8] = "";
    net_address_text(address, text);
    size_t length = strlen(text), percent = str_find(str_of(text), '%');
    if (set->port != (set->secure ? 443 : 80))
        snprintf(digits, sizeof digits, ":%u", set->port);
    if (!net_address_is_v6(address))
        snprintf(to, NET_URL_BYTES, "%s://%s%s/", scheme, text, digits);
    else /* "%25": RFC 6874 */
        snprintf(to, NET_URL_BYTES, "%s://[%.*s%s%s]%s/", scheme, (int)percent, text,
                 percent < length ? "%25" : "", text + size_min(percent + 1, length), digits);
}

/* Finds the first address of FAMILY, on the loopback interface or on another, that a browser can
 * use. */
static bool first_address(const struct ifaddrs *all, int family, bool loopback,
                          struct net_address *ret)
{
    const unsigned wanted = IFF_UP | (loopback ? IFF_LOOPBACK : 0);
    for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
        struct net_address address = {0};
        if (!i->ifa_addr || i->ifa_addr->sa_family != family ||
            (i->ifa_flags & (IFF_UP | IFF_LOOPBACK)) != wanted)
            continue;
        address.at.any.sa_family = (sa_family_t)family;
        memcpy(&address.at, i->ifa_addr, net_address_bytes(&address));
        if (net_address_is_v6(&address) && IN6_IS_ADDR_LINKLOCAL(&address.at.v6.sin6_addr))
            continue;
        *ret = address;
        return true;
    }
    return false;
}

/* The loopback address (of IPv4 always; of IPv6 if the machine has it), then one of the network. */
static unsigned wildcard_urls(const struct net_set *set, const struct net_address *any,
                              char (*urls)[NET_URL_BYTES])
{
    struct ifaddrs *all = NULL;
    unsigned count = 0;
    struct net_address found;
    if (getifaddrs(&all) < 0)
        all = NULL;
    for (int loopback = 1; loopback >= 0; loopback--)
        for (int v6 = 0; v6 <= 1; v6++)
            if ((any->dual_stack || v6 == net_address_is_v6(any)) &&
                first_address(all, v6 ? AF_INET6 : AF_INET, loopback, &found))
                write_url(set, &found, urls[count++]);
    if (count == 0)
        write_url(set, any, urls[count++]);
    freeifaddrs(all);
    return count;
}

unsigned net_urls(const struct net_set *set, char urls[static NET_URLS_MAX][NET_URL_BYTES])
{
    unsigned count = 0;
    if (net_is_unix(set)) {
        snprintf(urls[0], NET_URL_BYTES, "unix:%s", set->unix_socket.path);
        return 1;
    }
    for (unsigned i = 0; i < set->count; i++) {
        const struct net_address *address = &set->addresses[i];
        if (net_address_is_wildcard(address))
            count += wildcard_urls(set, address, &urls[count]);
        else
            write_url(set, address, urls[count++]);
    }
    return count;
}
