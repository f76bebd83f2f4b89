/* listen: see listen.h. */
#include "config/listen.h"

#include "base/num.h"
#include "system/account.h"
#include "system/net.h"

#include <errno.h>

enum { MODE_MAX = 0777 };

static int refuse(struct str text, const char *what, struct problem *ret_problem)
{
    problem_set(ret_problem, "'%.*s' %s", (int)size_min(text.length, 100), text.at, what);
    problem_remedy(
        ret_problem,
        "write a port, an address and a port, or a path: 80, 127.0.0.1:8080, "
        "[::1]:8080 or unix:/run/sluice.sock, and tls after it for HTTPS, proxy for PROXY "
        "headers");
    return -EINVAL;
}

/* --- Where ------------------------------------------------------------------------------------ */

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

/* Takes the address and the port that WORD is. Returns the mistake; NULL: none. */
static const char *take_port(struct str word, struct listen *listen)
{
    struct str address = STR("");
    uint64_t port;
    const size_t colon = str_find_last(word, ':');
    if (colon < word.length) {
        address = str_first(word, colon);
        word = str_from(word, colon + 1);
        if (address.length == 0)
            return "has no address before the colon";
    }
    if (!num_parse_u64(word, &port) || port > UINT16_MAX)
        return "has no port";
    if (!take_address(address, listen->address))
        return str_find(address, '%') < address.length ? "has no interface of this machine after %"
                                                       : "has no numeric address";
    listen->port = (uint16_t)port;
    return NULL;
}

/* Takes PATH, after "unix:". Returns the mistake; NULL: none. */
static const char *take_path(struct str path, struct unix_socket *unix_socket)
{
    for (size_t i = 0; i < path.length; i++) {
        if ((unsigned char)path.at[i] < 0x20 || path.at[i] == 0x7f)
            return "has a control character in its path";
    }
    if (path.length == 0 || str_equal(path, STR("@")))
        return "has no path after unix:";
    if (path.length >= UNIX_SOCKET_PATH_BYTES)
        return "has a path of more than 107 bytes";
    if (path.at[path.length - 1] == '/')
        return "has the path of a directory";
    *str_put(unix_socket->path, path) = '\0';
    unix_socket->mode = unix_socket->user = unix_socket->group = UNIX_SOCKET_AS_MADE;
    return NULL;
}

/* --- The words after it ----------------------------------------------------------------------- */

static const char *take_mode(struct str digits, struct listen *listen)
{
    uint32_t mode = 0;
    for (size_t i = 0; i < digits.length; i++) {
        if (digits.at[i] < '0' || digits.at[i] > '7' || mode > MODE_MAX)
            return "has a mode that is not an octal number, such as 0660";
        mode = mode * 8 + (uint32_t)(digits.at[i] - '0');
    }
    if (digits.length == 0 || mode > MODE_MAX)
        return "has a mode that is not an octal number up to 0777, such as 0660";
    listen->unix_socket.mode = mode;
    return NULL;
}

/* Takes USER, USER:GROUP or :GROUP. */
static const char *take_owner(struct str owner, struct listen *listen)
{
    const size_t colon = str_find(owner, ':');
    const struct str user = str_first(owner, colon), group = str_from(owner, colon + 1);
    if (owner.length == 0 || (colon < owner.length && group.length == 0))
        return "has an owner without a name";
    if (user.length > 0 && !account_find_user(user, &listen->unix_socket.user))
        return "has an owner that is not a user of this machine";
    if (group.length > 0 && !account_find_group(group, &listen->unix_socket.group))
        return "has a group that is not one of this machine";
    return NULL;
}

static const char *take_tls(struct str value, struct listen *listen)
{
    (void)value;
    listen->secure = true;
    return NULL;
}

static const char *take_proxy(struct str value, struct listen *listen)
{
    (void)value;
    listen->proxied = true;
    return NULL;
}

/* Takes WORD, and adds its bit to *SEEN. Returns the mistake; NULL: none. */
static const char *take_word(struct str word, struct listen *listen, unsigned *seen)
{
    static const struct {
        struct str name; /* with '=', if a value follows */
        const char *(*take)(struct str value, struct listen *listen);
        bool of_file;
    } words[] = {
        {STR_INIT("tls"), take_tls, false},
        {STR_INIT("proxy"), take_proxy, false},
        {STR_INIT("mode="), take_mode, true},
        {STR_INIT("owner="), take_owner, true},
    };
    const char first = listen->unix_socket.path[0];
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        const struct str name = words[i].name;
        const bool has_value = name.at[name.length - 1] == '=';
        if (has_value ? !str_starts_with(word, name) : !str_equal(word, name))
            continue;
        if (words[i].of_file && (first == '\0' || first == '@'))
            return "has a mode or an owner, which only the file of a unix: socket has";
        if (*seen & 1U << i)
            return "has the same word twice after the address";
        *seen |= 1U << i;
        return words[i].take(str_from(word, name.length), listen);
    }
    return "has an unknown word after the address";
}

int listen_parse(struct str text, struct listen *ret, struct problem *ret_problem)
{
    static const struct str scheme = STR_INIT("unix:");
    struct listen listen = {.secure = false};
    struct str rest = text, word = str_take_word(&rest);
    unsigned seen = 0;
    const char *mistake = str_starts_with(word, scheme)
                              ? take_path(str_from(word, scheme.length), &listen.unix_socket)
                              : take_port(word, &listen);
    while (!mistake && (word = str_take_word(&rest)).length > 0)
        mistake = take_word(word, &listen, &seen);
    if (mistake)
        return refuse(text, mistake, ret_problem);
    *ret = listen;
    return 0;
}
