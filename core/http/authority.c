/* authority: see authority.h. */
#include "http/authority.h"

#include "base/scan.h"

#include <arpa/inet.h>

static bool all_digits(struct str text)
{
    size_t i = 0;
    while (i < text.length && char_is_digit(text.at[i]))
        i++;
    return i == text.length;
}

/* reg-name or IPv4address with complete percent-encoded bytes, RFC 3986 section 3.2.2. */
static bool is_name(struct str text)
{
    const char *at = text.at, *end = text.at + text.length;
    while ((at = scan_name(at, end)) < end) {
        if (*at != '%' || end - at < 3 || char_hex(at[1]) < 0 || char_hex(at[2]) < 0)
            return false;
        at += 3;
    }
    return true;
}

static bool is_ipv6(struct str text)
{
    char copy[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (text.length >= sizeof copy || str_find(text, '\0') < text.length)
        return false;
    *str_put(copy, text) = '\0';
    return inet_pton(AF_INET6, copy, &address) == 1;
}

/* IPvFuture = "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" ), RFC 3986 section 3.2.2. */
static bool is_later(struct str text)
{
    size_t dot = str_find(text, '.');
    if (text.length == 0 || char_lower(text.at[0]) != 'v' || dot < 2 || dot + 1 >= text.length)
        return false;
    for (size_t i = 1; i < dot; i++) {
        if (char_hex(text.at[i]) < 0)
            return false;
    }
    for (size_t i = dot + 1; i < text.length; i++) {
        if (text.at[i] != ':' && !scan_is(SCAN_NAME, text.at[i]))
            return false;
    }
    return true;
}

/* *RET_BYTES is the length of the host at the start of TEXT. False: it is malformed. */
static bool take_host(struct str text, size_t *ret_bytes)
{
    if (text.length > 0 && text.at[0] == '[') {
        size_t close = str_find(text, ']');
        if (close == text.length)
            return false;
        struct str literal = {text.at + 1, close - 1};
        *ret_bytes = close + 1;
        return is_ipv6(literal) || is_later(literal);
    }
    *ret_bytes = str_find(text, ':');
    return is_name(str_first(text, *ret_bytes));
}

bool authority_is_host(struct str text)
{
    size_t host_bytes;
    if (!take_host(text, &host_bytes))
        return false;
    struct str port = str_from(text, host_bytes);
    return port.length == 0 || (port.at[0] == ':' && all_digits(str_from(port, 1)));
}

bool authority_is_complete(struct str text)
{
    size_t host_bytes;
    return authority_is_host(text) && take_host(text, &host_bytes) && host_bytes > 0 &&
           host_bytes + 1 < text.length;
}

/* AUTHORITY without its port and one trailing dot. */
static struct str without_port(struct str authority)
{
    struct str host = authority;
    if (host.length > 0 && host.at[0] == '[') {
        size_t end = str_find(host, ']');
        return str_first(host, end < host.length ? end + 1 : host.length);
    }
    host = str_first(host, str_find(host, ':'));
    if (str_ends_with(host, STR(".")))
        host.length--;
    return host;
}

struct str authority_host(struct str authority, char to[static AUTHORITY_HOST_BYTES_MAX])
{
    struct str host = without_port(authority);
    if (host.length > AUTHORITY_HOST_BYTES_MAX)
        host.length = 0;
    for (size_t i = 0; i < host.length; i++)
        to[i] = char_lower(host.at[i]);
    return (struct str){to, host.length};
}

struct str authority_port(struct str authority)
{
    const size_t colon = str_find_last(authority, ':');
    struct str port = str_from(authority, colon);
    const bool inside = str_find(port, ']') < port.length; /* an IPv6 address without a port */
    return inside || port.length < 2 || port.length > AUTHORITY_PORT_BYTES_MAX ? STR("") : port;
}

/* The index of the first of the bytes that end an authority in TEXT, RFC 3986 section 3.2. */
static size_t find_end(struct str text)
{
    return size_min(str_find(text, '/'), size_min(str_find(text, '?'), str_find(text, '#')));
}

struct str authority_user_info(struct str text)
{
    const size_t colon = str_find(text, ':');
    if (str_starts_with(text, STR("/")) || str_find(text, '@') == text.length)
        return STR_ABSENT;
    if (find_end(text) == colon + 1) { /* after a scheme */
        text = str_from(text, colon + 1);
        while (str_starts_with(text, STR("/")))
            text = str_from(text, 1);
    }
    const struct str authority = str_first(text, find_end(text));
    const size_t at = str_find_last(authority, '@');
    return at < authority.length ? str_first(authority, at) : STR_ABSENT;
}

bool authority_cut(struct str *target, struct str *ret_authority)
{
    static const struct str schemes[] = {STR_INIT("http://"), STR_INIT("https://")};
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        if (!str_equal_nocase(str_first(*target, schemes[i].length), schemes[i]))
            continue;
        struct str rest = str_from(*target, schemes[i].length);
        struct str authority = str_first(rest, size_min(str_find(rest, '/'), str_find(rest, '?')));
        if (authority.length == 0 || authority.at[0] == ':' || !authority_is_host(authority))
            return false; /* an empty host is invalid here, RFC 9110 section 4.2.1 */
        *target = str_from(rest, authority.length);
        *ret_authority = authority;
        return true;
    }
    return false;
}
