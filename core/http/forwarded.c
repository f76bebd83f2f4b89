/* forwarded: see forwarded.h. RFC 7239 sections 4, 5 and 6. */
#include "http/forwarded.h"

#include "base/num.h"

enum { NODE_BYTES_MAX = 128 }; /* of a value that names a node */

void forwarded_take(struct forwarded_fields *fields, struct str name, struct str value)
{
    static const struct str names[] = {
        [FORWARDED_FORWARDED] = STR_INIT("forwarded"),
        [FORWARDED_X_FOR] = STR_INIT("x-forwarded-for"),
        [FORWARDED_X_PROTO] = STR_INIT("x-forwarded-proto"),
    };
    static_assert(COUNT_OF(names) == FORWARDED_FIELD_COUNT, "one name a field");
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct forwarded_lines *lines = &fields->lines[i];
        if (!str_equal_nocase(name, names[i]))
            continue;
        if (lines->count == FORWARDED_LINES_MAX)
            memmove(lines->items, lines->items + 1, --lines->count * sizeof lines->items[0]);
        lines->items[lines->count++] = value;
    }
}

/* --- Nodes, section 6 ------------------------------------------------------------------------- */

/* Whether TEXT is a port: digits, or an obfuscated one ("_x"). */
static bool is_port(struct str text)
{
    uint64_t port;
    if (text.length > 1 && text.at[0] == '_') {
        for (size_t i = 1; i < text.length; i++) {
            const char c = text.at[i], lower = char_lower(c);
            if (!char_is_digit(c) && !(lower >= 'a' && lower <= 'z') && c != '.' && c != '_' &&
                c != '-')
                return false;
        }
        return true;
    }
    return text.length <= 5 && num_parse_u64(text, &port) && port <= UINT16_MAX;
}

/* Sets *RET to the address that TEXT is: an IPv4 address, or an IPv6 address in brackets, and
 * perhaps a port. BARE: without brackets too, as X-Forwarded-For has it. */
static bool parse_node(struct str text, bool bare, struct endpoint *ret)
{
    struct str address = text, port = STR_ABSENT;
    bool v6 = false;
    if (bare && str_find(text, ':') != str_find_last(text, ':') && text.at[0] != '[')
        return endpoint_parse(text, ret);
    if (str_starts_with(text, STR("["))) {
        const size_t end = str_find(text, ']');
        const struct str rest = str_from(text, end + 1);
        if (end == text.length || (rest.length > 0 && rest.at[0] != ':'))
            return false;
        v6 = true;
        address = str_from(str_first(text, end), 1);
        port = rest.length > 0 ? str_from(rest, 1) : STR_ABSENT;
    } else if (str_find(text, ':') < text.length) {
        address = str_first(text, str_find(text, ':'));
        port = str_from(text, address.length + 1);
    }
    if ((port.at && !is_port(port)) || (str_find(address, ':') < address.length) != v6)
        return false;
    return endpoint_parse(address, ret);
}

/* --- The walk --------------------------------------------------------------------------------- */

struct walk {
    const struct networks *trusted;
    struct endpoint client; /* so far */
    unsigned count;         /* of the elements that have been visited, but for the last one */
    bool over;
};

/* Goes on to the address of ENDPOINT; NULL: an element that names none. */
static void visit(struct walk *walk, const struct endpoint *endpoint)
{
    if (endpoint) {
        walk->client = *endpoint;
        walk->over = !networks_have(walk->trusted, endpoint);
    } else {
        walk->over = true;
    }
    walk->count += !walk->over;
}

/* Takes the last element off *LIST, which is separated by commas and has no quotes. False: none is
 * left. Empty elements are skipped (RFC 9110 section 5.6.1). */
static bool take_last(struct str *list, struct str *ret)
{
    while (list->at && list->length > 0) {
        const size_t comma = str_find_last(*list, ',');
        const bool whole = comma == list->length;
        *ret = str_trim(whole ? *list : str_from(*list, comma + 1));
        *list = whole ? STR("") : str_first(*list, comma);
        if (ret->length > 0)
            return true;
    }
    return false;
}

/* Walks through X-Forwarded-For. */
static void walk_for(const struct forwarded_lines *lines, struct walk *walk)
{
    for (unsigned i = lines->count; i > 0 && !walk->over; i--) {
        struct str line = lines->items[i - 1], element;
        while (!walk->over && take_last(&line, &element)) {
            struct endpoint endpoint;
            visit(walk, parse_node(element, true, &endpoint) ? &endpoint : NULL);
        }
    }
}

/* Whether the element number INDEX of X-Forwarded-Proto, counted from its end, is https. A proxy
 * may add its own scheme, as to X-Forwarded-For, or set the one of the client: so if there are
 * fewer elements, all must be, because the client may have sent the first one. */
static bool is_https(const struct forwarded_lines *lines, unsigned index)
{
    bool last = false, all = true;
    unsigned count = 0;
    for (unsigned i = lines->count; i > 0; i--) {
        struct str line = lines->items[i - 1], element;
        for (; count <= index && take_last(&line, &element); count++) {
            last = str_equal_nocase(element, STR("https"));
            all = all && last;
        }
    }
    return count > index ? last : count > 0 && all;
}

/* --- Forwarded, section 4 --------------------------------------------------------------------- */

struct element {
    struct str node; /* of for=, as it was written; absent: none */
    struct str scheme;
};

/* Takes the value at the front of *TEXT, a token or a quoted-string, with its quotes. False: it is
 * malformed. */
static bool take_value(struct str *text, struct str *ret)
{
    size_t end = 0;
    if (text->length > 0 && text->at[0] == '"') {
        for (end = 1; end < text->length && text->at[end] != '"'; end++)
            end += text->at[end] == '\\';
        if (end++ >= text->length)
            return false;
        *ret = str_first(*text, end);
    } else {
        while (end < text->length && text->at[end] != ',' && text->at[end] != ';' &&
               !char_is_space(text->at[end]))
            end++;
        *ret = str_first(*text, end);
        if (!str_is_token(*ret))
            return false;
    }
    *text = str_from(*text, end);
    return true;
}

/* Takes NAME=VALUE at the front of *TEXT. False: it is malformed, or ELEMENT has NAME already. */
static bool take_pair(struct str *text, struct element *element)
{
    const size_t equals = str_find(*text, '=');
    const struct str name = str_first(*text, equals);
    struct str value;
    if (equals == text->length || !str_is_token(name))
        return false;
    *text = str_from(*text, equals + 1);
    if (!take_value(text, &value))
        return false;
    struct str *to = NULL;
    if (str_equal_nocase(name, STR("for")))
        to = &element->node;
    else if (str_equal_nocase(name, STR("proto")))
        to = &element->scheme;
    if (to && to->at)
        return false;
    if (to)
        *to = value;
    return true;
}

/* Takes spaces off the front of *TEXT, then SEPARATOR. Whether it was there. */
static bool take_separator(struct str *text, char separator)
{
    while (text->length > 0 && char_is_space(text->at[0]))
        *text = str_from(*text, 1);
    if (text->length == 0 || text->at[0] != separator)
        return false;
    *text = str_from(*text, 1);
    return true;
}

/* Takes the next element off *TEXT, with the comma after it. Spaces around a semicolon, which the
 * grammar does not have, are taken for what was meant. */
static bool take_element(struct str *text, struct element *ret)
{
    *ret = (struct element){.node = STR_ABSENT};
    for (;;) {
        while (take_separator(text, ';')) {
        }
        if (text->length == 0 || text->at[0] == ',')
            break;
        if (!take_pair(text, ret))
            return false;
        if (!take_separator(text, ';'))
            break;
    }
    return text->length == 0 || take_separator(text, ',');
}

/* Parses LINE. Returns the number of elements, of which number I is at I % FORWARDED_ELEMENTS_MAX
 * unless so many have followed it; -1: it is malformed. Empty ones count as elements that name no
 * node, unless nothing is in them. */
static int parse_line(struct str line, struct element elements[static FORWARDED_ELEMENTS_MAX])
{
    int count = 0;
    while ((line = str_trim(line)).length > 0) {
        const size_t before = line.length;
        struct element element;
        if (!take_element(&line, &element))
            return -1;
        if (line.length + 1 == before && !element.node.at && !element.scheme.at)
            continue; /* a comma alone */
        elements[count++ % FORWARDED_ELEMENTS_MAX] = element;
    }
    return count;
}

/* Writes VALUE without its quotes to TO. False: it is too long. */
static bool unquote(struct str value, char to[static NODE_BYTES_MAX], struct str *ret)
{
    size_t length = 0;
    if (value.length > NODE_BYTES_MAX)
        return false;
    const bool quoted = value.length > 0 && value.at[0] == '"';
    const struct str inside = quoted ? str_from(str_first(value, value.length - 1), 1) : value;
    for (size_t i = 0; i < inside.length; i++) {
        if (quoted && inside.at[i] == '\\')
            i++;
        to[length++] = inside.at[i];
    }
    *ret = (struct str){to, length};
    return true;
}

/* Walks through LINE of Forwarded. *RET_SCHEME: with the last element. */
static void walk_line(struct str line, struct walk *walk, struct str *ret_scheme)
{
    struct element elements[FORWARDED_ELEMENTS_MAX];
    const int count = parse_line(line, elements);
    const int first = count > FORWARDED_ELEMENTS_MAX ? count - FORWARDED_ELEMENTS_MAX : 0;
    for (int i = count; i > first && !walk->over; i--) {
        const struct element *element = &elements[(i - 1) % FORWARDED_ELEMENTS_MAX];
        char buffer[NODE_BYTES_MAX];
        struct endpoint endpoint;
        struct str node;
        const bool named = element->node.at && unquote(element->node, buffer, &node) &&
                           parse_node(node, false, &endpoint);
        *ret_scheme = element->scheme;
        visit(walk, named ? &endpoint : NULL);
    }
    if (count < 0 || first > 0)
        walk->over = true; /* what comes next is not known */
}

/* Walks through Forwarded. *RET_SCHEME: with the last element. */
static void walk_forwarded(const struct forwarded_lines *lines, struct walk *walk,
                           struct str *ret_scheme)
{
    for (unsigned i = lines->count; i > 0 && !walk->over; i--)
        walk_line(lines->items[i - 1], walk, ret_scheme);
}

/* --- Both ------------------------------------------------------------------------------------- */

static bool scheme_is_https(struct str scheme)
{
    char buffer[NODE_BYTES_MAX];
    return scheme.at && unquote(scheme, buffer, &scheme) && str_equal_nocase(scheme, STR("https"));
}

void forwarded_find(const struct forwarded_fields *fields, const struct networks *trusted,
                    struct forwarded *ret)
{
    const struct forwarded_lines *standard = &fields->lines[FORWARDED_FORWARDED];
    const struct forwarded_lines *usual = &fields->lines[FORWARDED_X_FOR];
    const struct forwarded_lines *scheme = &fields->lines[FORWARDED_X_PROTO];
    struct walk first = {.trusted = trusted}, second = first;
    struct str standard_scheme = STR_ABSENT;
    *ret = (struct forwarded){.secure = false};
    walk_forwarded(standard, &first, &standard_scheme);
    walk_for(usual, &second);
    if (standard->count > 0 && usual->count > 0 && !endpoint_equal(&first.client, &second.client))
        return;
    ret->client = standard->count > 0 ? first.client : second.client;
    const bool by_standard = scheme_is_https(standard_scheme);
    const bool by_usual = is_https(scheme, second.count);
    if (standard_scheme.at && scheme->count > 0)
        ret->secure = by_standard && by_usual;
    else
        ret->secure = by_standard || by_usual;
}
