/* endpoint: see endpoint.h. */
#include "base/endpoint.h"

#include <arpa/inet.h>

struct endpoint endpoint_make(uint8_t version, const void *bytes, uint16_t port)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct endpoint endpoint = {.version = version, .port = port};
    const uint8_t *address = bytes;
    assert(version == 4 || version == 6);
    if (version == 6 && memcmp(address, mapped, sizeof mapped) == 0) {
        endpoint.version = 4;
        address += sizeof mapped;
    }
    memcpy(endpoint.address, address, endpoint.version == 4 ? 4 : 16);
    return endpoint;
}

bool endpoint_parse(struct str text, struct endpoint *ret)
{
    char copy[ENDPOINT_TEXT_BYTES];
    uint8_t bytes[16];
    if (text.length == 0 || text.length >= sizeof copy || memchr(text.at, '\0', text.length))
        return false;
    *str_put(copy, text) = '\0';
    const bool v6 = str_find(text, ':') < text.length;
    if (inet_pton(v6 ? AF_INET6 : AF_INET, copy, bytes) != 1)
        return false;
    *ret = endpoint_make(v6 ? 6 : 4, bytes, 0);
    return true;
}

size_t endpoint_text(const struct endpoint *endpoint, char to[static ENDPOINT_TEXT_BYTES])
{
    assert(endpoint_is_ip(endpoint));
    inet_ntop(endpoint->version == 4 ? AF_INET : AF_INET6, endpoint->address, to,
              ENDPOINT_TEXT_BYTES);
    return strlen(to);
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
    return a->version == b->version && memcmp(a->address, b->address, sizeof a->address) == 0;
}
