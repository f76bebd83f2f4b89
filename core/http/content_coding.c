/* content_coding: see content_coding.h. */
#include "http/content_coding.h"

const struct content_coding_text content_coding_texts[] = {
    [CONTENT_CODING_IDENTITY] = {STR_INIT("identity"), {NULL, 0}, STR_INIT("")},
    [CONTENT_CODING_GZIP] = {STR_INIT("gzip"), STR_INIT("x-gzip"), STR_INIT(".gz")}, /* 8.4.1.3 */
    [CONTENT_CODING_ZSTD] = {STR_INIT("zstd"), {NULL, 0}, STR_INIT(".zst")},         /* RFC 8878 */
    [CONTENT_CODING_BR] = {STR_INIT("br"), {NULL, 0}, STR_INIT(".br")},              /* RFC 7932 */
};
static_assert(COUNT_OF(content_coding_texts) == CONTENT_CODING_COUNT, "a text for each coding");

/* Indices of the elements of a field: one for each coding, one for "*". */
enum { STAR = CONTENT_CODING_COUNT, ELEMENTS, UNKNOWN = ELEMENTS };

enum { UNLISTED = UINT16_MAX, IMPLICIT_IDENTITY = 1 };

static unsigned index_of(struct str name)
{
    if (str_equal(name, STR("*")))
        return STAR;
    for (unsigned i = 0; i < CONTENT_CODING_COUNT; i++) {
        const struct content_coding_text *text = &content_coding_texts[i];
        if (str_equal_nocase(name, text->name) ||
            (text->alias.at && str_equal_nocase(name, text->alias)))
            return i;
    }
    return UNKNOWN;
}

/* Parses codings [ OWS ";" OWS "q=" qvalue ]. False: malformed. */
static bool read_element(struct str element, struct str *ret_name, uint16_t *ret_weight)
{
    size_t semicolon = str_find(element, ';');
    *ret_name = str_trim(str_first(element, semicolon));
    *ret_weight = QVALUE_MAX;
    if (semicolon == element.length)
        return true;
    return qvalue_parse_parameter(str_trim(str_from(element, semicolon + 1)), ret_weight);
}

void content_coding_weigh(struct str accept_encoding,
                          uint16_t ret_weights[static CONTENT_CODING_COUNT])
{
    uint16_t listed[ELEMENTS];
    struct str element, name;
    uint16_t weight;
    for (unsigned i = 0; i < ELEMENTS; i++)
        listed[i] = UNLISTED;
    while (str_next_item(&accept_encoding, &element)) {
        if (!read_element(element, &name, &weight))
            continue;
        unsigned index = index_of(name);
        if (index != UNKNOWN && weight < listed[index])
            listed[index] = weight;
    }
    for (unsigned i = 0; i < CONTENT_CODING_COUNT; i++) {
        uint16_t by_default = i == CONTENT_CODING_IDENTITY ? IMPLICIT_IDENTITY : 0;
        if (listed[STAR] != UNLISTED)
            by_default = listed[STAR];
        ret_weights[i] = listed[i] != UNLISTED ? listed[i] : by_default;
    }
}

bool content_coding_choose(struct str accept_encoding, unsigned available, enum content_coding *ret)
{
    uint16_t weights[CONTENT_CODING_COUNT];
    uint16_t best = 0;
    content_coding_weigh(accept_encoding, weights);
    for (unsigned i = 0; i < CONTENT_CODING_COUNT; i++) {
        if ((available & content_coding_bit((enum content_coding)i)) && weights[i] > 0 &&
            weights[i] >= best) {
            best = weights[i];
            *ret = (enum content_coding)i;
        }
    }
    return best > 0;
}
