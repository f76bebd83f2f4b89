/* tls_names: see tls_names.h. */
#include "tls/tls_names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

enum { LABEL_BYTES_MAX = 63 }; /* RFC 1035 section 2.3.4 */

static const struct str wildcard = STR_INIT("*.");

/* --- Addresses ------------------------------------------------------------------------------- */

/* The IPv4 address in the last 4 bytes of an IPv4-mapped IPv6 address, RFC 4291 section 2.5.5.2;
 * any other address as it is. */
static struct tls_address unmapped(struct tls_address address)
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
    if (address.length != 16 || memcmp(address.bytes, prefix, sizeof prefix) != 0)
        return address;
    struct tls_address v4 = {.length = 4};
    memcpy(v4.bytes, address.bytes + sizeof prefix, 4);
    return v4;
}

bool tls_address_parse(struct str text, struct tls_address *ret)
{
    char buffer[INET6_ADDRSTRLEN];
    struct tls_address address = {.length = 4};
    bool bracketed = text.length >= 2 && text.at[0] == '[' && text.at[text.length - 1] == ']';
    struct str bare = bracketed ? (struct str){text.at + 1, text.length - 2} : text;
    if (bare.length == 0 || bare.length >= sizeof buffer || str_find(bare, '\0') < bare.length)
        return false;
    *str_put(buffer, bare) = '\0';
    if (bracketed || inet_pton(AF_INET, buffer, address.bytes) != 1) {
        address.length = 16;
        if (inet_pton(AF_INET6, buffer, address.bytes) != 1)
            return false;
    }
    *ret = unmapped(address);
    return true;
}

static bool address_equal(const struct tls_address *a, const struct tls_address *b)
{
    return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

static bool has_address(const struct tls_names *names, const struct tls_address *address)
{
    for (unsigned i = 0; i < names->address_count; i++) {
        if (address_equal(&names->addresses[i], address))
            return true;
    }
    return false;
}

static bool address_of(const void *bytes, size_t length, struct tls_address *ret)
{
    if (length != 4 && length != 16)
        return false;
    struct tls_address address = {.length = (uint8_t)length};
    memcpy(address.bytes, bytes, length);
    *ret = unmapped(address);
    return true;
}

bool tls_names_have_address(const struct tls_names *names, const void *bytes, size_t length)
{
    struct tls_address address;
    return address_of(bytes, length, &address) && has_address(names, &address);
}

int tls_names_add_address(struct tls_names *names, const void *bytes, size_t length)
{
    struct tls_address address;
    if (!address_of(bytes, length, &address))
        return -EINVAL;
    if (has_address(names, &address))
        return 0;
    if (names->address_count == names->address_room) {
        unsigned room = names->address_room ? 2 * names->address_room : 4;
        struct tls_address *more = realloc(names->addresses, room * sizeof *more);
        if (!more)
            return -ENOMEM;
        names->addresses = more;
        names->address_room = room;
    }
    names->addresses[names->address_count++] = address;
    return 0;
}

/* --- Host names ------------------------------------------------------------------------------- */

/* An underscore is not allowed in a host name, but is found in them. */
static bool is_label_byte(char c)
{
    char lower = char_lower(c);
    return (lower >= 'a' && lower <= 'z') || char_is_digit(c) || c == '-' || c == '_';
}

/* Whether NAME, without a wildcard and a trailing dot, is labels of 1 to 63 bytes. */
static bool is_host(struct str name)
{
    size_t label = 0;
    for (size_t i = 0; i < name.length; i++) {
        if (name.at[i] == '.' && label == 0)
            return false;
        if (name.at[i] != '.' && (!is_label_byte(name.at[i]) || label == LABEL_BYTES_MAX))
            return false;
        label = name.at[i] == '.' ? 0 : label + 1;
    }
    return label > 0 && name.length <= TLS_NAME_BYTES_MAX;
}

/* NAME without one trailing dot. */
static struct str without_dot(struct str name)
{
    bool has_dot = name.length > 1 && name.at[name.length - 1] == '.';
    return has_dot ? str_first(name, name.length - 1) : name;
}

static bool has_host(const struct tls_names *names, struct str name)
{
    for (unsigned i = 0; i < names->hosts.count; i++) {
        if (str_equal_nocase(str_of(names->hosts.items[i]), name))
            return true;
    }
    return false;
}

int tls_names_add_host(struct tls_names *names, struct str name)
{
    char lower[TLS_NAME_BYTES_MAX];
    struct tls_address address;
    struct str host = without_dot(name);
    bool is_wild = str_starts_with(host, wildcard);
    if (host.length > sizeof lower || !is_host(is_wild ? str_from(host, wildcard.length) : host) ||
        tls_address_parse(host, &address))
        return -EINVAL;
    if (has_host(names, host))
        return 0;
    for (size_t i = 0; i < host.length; i++)
        lower[i] = char_lower(host.at[i]);
    return arena_list_append(&names->hosts, &names->arena, (struct str){lower, host.length});
}

int tls_names_add_text(struct tls_names *names, struct str text)
{
    struct tls_address address;
    if (tls_address_parse(text, &address))
        return tls_names_add_address(names, address.bytes, address.length);
    return tls_names_add_host(names, text);
}

void tls_names_fini(struct tls_names *names)
{
    arena_fini(&names->arena);
    free(names->addresses);
    *names = (struct tls_names){.address_count = 0};
}

/* --- Matching ---------------------------------------------------------------------------------- */

/* Whether NAMES have the wildcard for HOST: "*" and all of HOST from its first dot on. */
static bool has_wildcard_for(const struct tls_names *names, struct str host)
{
    struct str rest = str_from(host, str_find(host, '.'));
    for (unsigned i = 0; rest.length > 0 && i < names->hosts.count; i++) {
        struct str name = str_of(names->hosts.items[i]);
        if (name.at[0] == '*' && str_equal_nocase(str_from(name, 1), rest))
            return true;
    }
    return false;
}

enum tls_match tls_names_match(const struct tls_names *names, struct str host)
{
    struct tls_address address;
    struct str bare = without_dot(host);
    if (tls_address_parse(bare, &address))
        return has_address(names, &address) ? TLS_MATCH_EXACT : TLS_MATCH_NONE;
    if (!is_host(bare))
        return TLS_MATCH_NONE;
    if (has_host(names, bare))
        return TLS_MATCH_EXACT;
    return has_wildcard_for(names, bare) ? TLS_MATCH_WILDCARD : TLS_MATCH_NONE;
}

bool tls_names_cover(const struct tls_names *names, struct str host)
{
    return has_host(names, without_dot(host)) || tls_names_match(names, host) != TLS_MATCH_NONE;
}

bool tls_names_overlap(const struct tls_names *a, const struct tls_names *b)
{
    for (unsigned i = 0; i < a->hosts.count; i++) {
        if (has_host(b, str_of(a->hosts.items[i])))
            return true;
    }
    for (unsigned i = 0; i < a->address_count; i++) {
        if (has_address(b, &a->addresses[i]))
            return true;
    }
    return false;
}
