/* coding: see coding.h. */
#include "coding.h"

const struct coding_text coding_texts[] = {
    [CODING_IDENTITY] = {STR_INIT("identity"), {NULL, 0}, STR_INIT("")},
    [CODING_GZIP] = {STR_INIT("gzip"), STR_INIT("x-gzip"), STR_INIT(".gz")}, /* 8.4.1.3 */
    [CODING_ZSTD] = {STR_INIT("zstd"), {NULL, 0}, STR_INIT(".zst")},         /* RFC 8878 */
    [CODING_BR] = {STR_INIT("br"), {NULL, 0}, STR_INIT(".br")},              /* RFC 7932 */
};
static_assert(COUNT_OF(coding_texts) == CODING_COUNT, "a text for each coding");

/* The places of a field's elements: one for each coding, one for "*". */
enum { STAR = CODING_COUNT, PLACES, UNKNOWN = PLACES };

enum { UNLISTED = UINT16_MAX, IMPLICIT_IDENTITY = 1 };

static unsigned place_of(struct str name)
{
    if (str_equal(name, STR("*")))
        return STAR;
    for (unsigned i = 0; i < CODING_COUNT; i++) {
        const struct coding_text *text = &coding_texts[i];
        if (str_equal_nocase(name, text->name) ||
            (text->alias.at && str_equal_nocase(name, text->alias)))
            return i;
    }
    return UNKNOWN;
}

/* codings [ OWS ";" OWS "q=" qvalue ]. False: malformed. */
static bool read_element(struct str element, struct str *ret_name, uint16_t *ret_weight)
{
    size_t semicolon = str_find(element, ';');
    *ret_name = str_trim(str_first(element, semicolon));
    *ret_weight = QVALUE_MAX;
    if (semicolon == element.length)
        return true;
    return qvalue_parse_parameter(str_trim(str_from(element, semicolon + 1)), ret_weight);
}

void coding_weigh(struct str accept_encoding, uint16_t ret_weights[static CODING_COUNT])
{
    uint16_t listed[PLACES];
    struct str element, name;
    uint16_t weight;

    for (unsigned i = 0; i < PLACES; i++)
        listed[i] = UNLISTED;
    while (str_next_item(&accept_encoding, &element)) {
        if (!read_element(element, &name, &weight))
            continue;
        unsigned place = place_of(name);
        if (place != UNKNOWN && weight < listed[place])
            listed[place] = weight;
    }
    for (unsigned i = 0; i < CODING_COUNT; i++) {
        uint16_t by_default = i == CODING_IDENTITY ? IMPLICIT_IDENTITY : 0;
        if (listed[STAR] != UNLISTED)
            by_default = listed[STAR];
        ret_weights[i] = listed[i] != UNLISTED ? listed[i] : by_default;
    }
}

bool coding_choose(struct str accept_encoding, unsigned available, enum coding *ret)
{
    uint16_t weights[CODING_COUNT];
    uint16_t best = 0;

    coding_weigh(accept_encoding, weights);
    for (unsigned i = 0; i < CODING_COUNT; i++) {
        if ((available & coding_bit((enum coding)i)) && weights[i] > 0 && weights[i] >= best) {
            best = weights[i];
            *ret = (enum coding)i;
        }
    }
    return best > 0;
}
