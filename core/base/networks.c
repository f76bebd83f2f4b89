/* networks: see networks.h. */
#include "base/networks.h"

#include "base/num.h"

/* Whether the first BITS bits at A and B are the same. */
static bool have_same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    const unsigned whole = bits / 8, rest = bits % 8;
    return memcmp(a, b, whole) == 0 &&
           (rest == 0 || ((unsigned)(a[whole] ^ b[whole]) >> (8 - rest)) == 0);
}

static bool parse(struct str text, struct network *ret)
{
    enum { MAPPED_BITS = 96 }; /* of ::ffff:0:0/96 */

    const size_t slash = str_find(text, '/');
    struct network network;
    uint64_t bits;
    if (!endpoint_parse(str_first(text, slash), &network.first))
        return false;
    const unsigned bits_max = network.first.version == 4 ? 32 : 128;
    const bool mapped = network.first.version == 4 && str_find(text, ':') < text.length;
    const unsigned more = mapped ? MAPPED_BITS : 0;
    bits = bits_max + more;
    if (slash < text.length && !num_parse_u64(str_from(text, slash + 1), &bits))
        return false;
    if (bits < more || bits > bits_max + more)
        return false;
    network.bits = (uint8_t)(bits - more);
    *ret = network;
    return true;
}

enum networks_added networks_add(struct networks *networks, struct str text)
{
    struct network network;
    if (str_equal(text, STR("unix"))) {
        networks->has_unix = true;
        return NETWORKS_ADDED;
    }
    if (!parse(text, &network))
        return NETWORKS_MALFORMED;
    if (networks->count == NETWORKS_MAX)
        return NETWORKS_TOO_MANY;
    networks->items[networks->count++] = network;
    return NETWORKS_ADDED;
}

bool networks_have(const struct networks *networks, const struct endpoint *endpoint)
{
    if (endpoint->version == ENDPOINT_UNIX)
        return networks->has_unix;
    for (unsigned i = 0; i < networks->count; i++) {
        const struct network *network = &networks->items[i];
        if (network->first.version == endpoint->version &&
            have_same_prefix(network->first.address, endpoint->address, network->bits))
            return true;
    }
    return false;
}
