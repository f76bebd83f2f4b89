/* listen: see listen.h. */
#include "config/listen.h"

#include "base/num.h"
#include "system/net.h"

#include <errno.h>

static int refuse(struct str text, const char *what, struct problem *ret_problem)
{
    problem_set(ret_problem, "'%.*s' %s", (int)size_min(text.length, 100), text.at, what);
    problem_remedy(ret_problem,
                   "write a port, or an address and a port: 80, 127.0.0.1:8080 or [::1]:8080, and "
                   "tls after it for HTTPS");
    return -EINVAL;
}

/* Whether ADDRESS, which may be empty, is one to listen on; written to TO. */
static bool take_address(struct str address, char to[static LISTEN_ADDRESS_BYTES])
{
    struct net_set set = {.count = 0}; /* only to check it */
    if (address.length >= LISTEN_ADDRESS_BYTES)
        return false;
    *str_put(to, address) = '\0';
    /* Without its brackets a port looks like a part of an IPv6 address. */
    if (str_find(address, ':') < address.length && address.at[0] != '[')
        return false;
    return address.length == 0 || net_add(&set, to) == NET_ADDED;
}

int listen_parse(struct str text, struct listen *ret, struct problem *ret_problem)
{
    struct listen listen = {.secure = false};
    struct str rest = text, word = str_take_word(&rest), address = STR("");
    uint64_t port;
    const size_t colon = str_find_last(word, ':');
    if (colon < word.length) {
        address = str_first(word, colon);
        word = str_from(word, colon + 1);
        if (address.length == 0)
            return refuse(text, "has no address before the colon", ret_problem);
    }
    if (!num_parse_u64(word, &port) || port > UINT16_MAX)
        return refuse(text, "has no port", ret_problem);
    if (!take_address(address, listen.address))
        return refuse(text, "has no numeric address", ret_problem);
    for (word = str_take_word(&rest); word.length > 0; word = str_take_word(&rest)) {
        if (!str_equal(word, STR("tls")))
            return refuse(text, "has an unknown word after the port", ret_problem);
        listen.secure = true;
    }
    listen.port = (uint16_t)port;
    *ret = listen;
    return 0;
}
