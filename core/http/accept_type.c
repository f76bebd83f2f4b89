/* accept_type: see accept_type.h. */
#include "http/accept_type.h"

/* How specifically a media range matches a type; higher is more specific. */
enum precedence {
    NO_MATCH,
    ANYTHING,         /* "*" "/" "*" */
    ANY_SUBTYPE,      /* type "/" "*" */
    OTHER_PARAMETERS, /* type/subtype and a parameter that the type lacks */
    TYPE_AND_SUBTYPE, /* plus 1 for each parameter that the type has */
};

/* A media type or a media range, section 8.3.1. */
struct media {
    struct str type;
    struct str subtype;
    struct str parameters; /* from the first semicolon */
};

struct parameter {
    struct str name;
    struct str value; /* of a quoted-string: the bytes between the quotes, still escaped */
    bool quoted;
};

enum taken { TAKEN, NO_MORE, MALFORMED };

/* Parses type "/" subtype *parameter. False: malformed. */
static bool read_media(struct str text, struct media *ret)
{
    size_t semicolon = str_find(text, ';');
    struct str essence = str_trim(str_first(text, semicolon));
    size_t slash = str_find(essence, '/');
    *ret = (struct media){
        .type = str_first(essence, slash),
        .subtype = str_from(essence, slash + 1),
        .parameters = str_from(text, semicolon),
    };
    return str_is_token(ret->type) && str_is_token(ret->subtype);
}

/* The length of the quoted-string (section 5.6.4) at the start of TEXT. 0: it is not terminated. */
static size_t quoted_length(struct str text)
{
    for (size_t i = 1; i < text.length; i++) {
        if (text.at[i] == '"')
            return i + 1;
        if (text.at[i] == '\\')
            i++;
    }
    return 0;
}

/* Takes the next parameter of *( OWS ";" OWS [ parameter ] ), section 5.6.6. */
static enum taken take_parameter(struct str *rest, struct parameter *ret)
{
    *rest = str_trim(*rest);
    if (rest->length > 0 && rest->at[0] != ';')
        return MALFORMED;
    while (rest->length > 0 && rest->at[0] == ';')
        *rest = str_trim(str_from(*rest, 1));
    if (rest->length == 0)
        return NO_MORE;

    size_t equals = str_find(*rest, '=');
    ret->name = str_first(*rest, equals);
    *rest = str_from(*rest, equals + 1);
    ret->quoted = rest->length > 0 && rest->at[0] == '"';
    if (ret->quoted) {
        size_t length = quoted_length(*rest);
        if (length == 0)
            return MALFORMED;
        ret->value = str_from(str_first(*rest, length - 1), 1);
        *rest = str_from(*rest, length);
    } else {
        ret->value = str_trim(str_first(*rest, str_find(*rest, ';')));
        if (!str_is_token(ret->value))
            return MALFORMED;
        *rest = str_from(*rest, ret->value.length);
    }
    return str_is_token(ret->name) ? TAKEN : MALFORMED;
}

/* Takes the next character off *VALUE, unescaped and in lower case. A token contains no backslash,
 * so tokens and quoted-strings need not be distinguished. */
static char take_meant(struct str *value)
{
    size_t at = value->at[0] == '\\' && value->length > 1;
    char c = char_lower(value->at[at]);
    *value = str_from(*value, at + 1);
    return c;
}

static bool same_value(struct str a, struct str b)
{
    while (a.length > 0 && b.length > 0) {
        if (take_meant(&a) != take_meant(&b))
            return false;
    }
    return a.length == b.length;
}

static bool has_parameter(const struct media *media, const struct parameter *wanted)
{
    struct str rest = media->parameters;
    struct parameter own;
    while (take_parameter(&rest, &own) == TAKEN) {
        if (str_equal_nocase(own.name, wanted->name) && same_value(own.value, wanted->value))
            return true;
    }
    return false;
}

/* How specifically RANGE matches MEDIA, not counting parameters. */
static unsigned match(const struct media *range, const struct media *media)
{
    struct str star = STR("*");
    if (str_equal(range->type, star))
        return ANYTHING;
    if (!str_equal_nocase(range->type, media->type))
        return NO_MATCH;
    if (str_equal(range->subtype, star))
        return ANY_SUBTYPE;
    return str_equal_nocase(range->subtype, media->subtype) ? TYPE_AND_SUBTYPE : NO_MATCH;
}

/* Parses media-range [ weight ]; the weight may be anywhere among the parameters. *RET_PRECEDENCE
 * is how specifically ELEMENT matches MEDIA, *RET_WEIGHT its weight. False: malformed. */
static bool read_element(struct str element, const struct media *media, unsigned *ret_precedence,
                         uint16_t *ret_weight)
{
    struct media range;
    struct parameter parameter;
    enum taken taken;
    unsigned weights = 0, shared = 0, others = 0;
    uint16_t weight = QVALUE_MAX;
    if (!read_media(element, &range) ||
        (str_equal(range.type, STR("*")) && !str_equal(range.subtype, STR("*"))))
        return false;
    while ((taken = take_parameter(&range.parameters, &parameter)) == TAKEN) {
        if (str_equal_nocase(parameter.name, STR("q"))) {
            if (++weights > 1 || parameter.quoted || !qvalue_parse(parameter.value, &weight))
                return false;
        } else if (has_parameter(media, &parameter)) {
            shared++;
        } else {
            others++;
        }
    }
    if (taken == MALFORMED)
        return false;

    unsigned precedence = match(&range, media);
    if (others > 0 && weight == 0)
        precedence = NO_MATCH;
    else if (precedence == TYPE_AND_SUBTYPE)
        precedence = others > 0 ? OTHER_PARAMETERS : TYPE_AND_SUBTYPE + shared;
    *ret_precedence = precedence;
    *ret_weight = weight;
    return true;
}

unsigned accept_type_weight(struct str accept, struct str media_type)
{
    struct media media;
    struct str element;
    unsigned precedence, best = NO_MATCH, best_weight = 0;
    uint16_t weight;
    bool listed = false;
    if (!read_media(media_type, &media))
        return 0;
    while (str_next_item(&accept, &element)) {
        if (!read_element(element, &media, &precedence, &weight))
            continue;
        listed = true;
        if (precedence > best || (precedence == best && weight < best_weight)) {
            best = precedence;
            best_weight = weight;
        }
    }
    return listed ? best_weight : QVALUE_MAX;
}
