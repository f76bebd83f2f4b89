/* hash_form: see hash_form.h. */
#include "http/hash_form.h"

/* --- The parts of a name ---------------------------------------------------------------------- */

/* Extensions, each followed by a space. No pages: their names are their addresses. */
static const struct {
    enum hash_form_kind kind;
    struct str extensions;
} kinds[] = {
    {HASH_FORM_SCRIPT, STR_INIT("js mjs cjs ")},
    {HASH_FORM_STYLE, STR_INIT("css ")},
    {HASH_FORM_ASSET, STR_INIT("png jpg jpeg jfif gif svg ico webp avif jxl bmp apng cur "
                               "woff2 woff ttf otf eot wasm webmanifest "
                               "mp4 webm mov m4a m4v mp3 ogg opus wav flac aac vtt "
                               "glb gltf hdr glsl ")},
};

bool hash_form_has_word(struct str list, struct str word)
{
    while (list.length > 0) {
        size_t end = str_find(list, ' ');
        if (str_equal(str_first(list, end), word))
            return true;
        list = str_from(list, end + 1);
    }
    return false;
}

/* Removes the last word from *NAME, with the SEPARATOR before it, if it is in LIST. */
static bool take_word(struct str *name, char separator, struct str list)
{
    size_t end = str_find_last(*name, separator);
    if (end == name->length || !hash_form_has_word(list, str_from(*name, end + 1)))
        return false;
    name->length = end;
    return true;
}

static enum hash_form_kind take_extension(struct str *name)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (take_word(name, '.', kinds[i].extensions))
            return kinds[i].kind;
    }
    return HASH_FORM_OTHER;
}

struct hash_form_name hash_form_read(struct str name)
{
    struct str rest = name;
    bool derived = take_word(&name, '.', STR("map "));
    if (!derived && str_ends_with(name, STR(".LICENSE.txt"))) { /* of webpack */
        name.length -= STR(".LICENSE.txt").length;
        derived = true;
    }
    enum hash_form_kind kind = take_extension(&name);
    if (kind == HASH_FORM_OTHER || (derived && kind == HASH_FORM_ASSET))
        return (struct hash_form_name){.base = rest, .kind = HASH_FORM_OTHER};
    /* "s" and "p" are next/font's: a subset, preloaded. */
    while (take_word(&name, '.', STR("min chunk bundle module p ")) ||
           take_word(&name, '-', STR("min s ")) || take_word(&name, '_', STR("min "))) {
    }
    return (struct hash_form_name){.base = name, .kind = derived ? HASH_FORM_DERIVED : kind};
}

/* Whether NAME ends in a UUID with hyphens (RFC 9562 section 4), whose last part has the form of a
 * hash of 12 digits. */
static bool ends_in_uuid(struct str name)
{
    enum { UUID_BYTES = 36 };
    if (name.length < UUID_BYTES)
        return false;
    struct str uuid = str_from(name, name.length - UUID_BYTES);
    for (size_t i = 0; i < UUID_BYTES; i++) {
        bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        if (hyphen ? uuid.at[i] != '-' : char_hex(uuid.at[i]) < 0)
            return false;
    }
    return true;
}

/* Whether the whole name may be a hash of FORM. Webpack calls parts and assets so; an MD5 of 32
 * digits may be a picture of a person. */
static bool may_be_bare(const struct hash_form_name *name, const struct hash_form *form)
{
    return form->separator == 0 ||
           (form->length >= 16 && (form->length <= 20 || hash_form_is_code(name)));
}

/* Whether TOKEN has hexadecimal digits, '-' and '_' only, as the address of a device has. */
static bool is_hyphenated_hexadecimal(struct str token)
{
    for (size_t i = 0; i < token.length; i++) {
        char c = token.at[i];
        if (c != '-' && c != '_' && (char_hex(c) < 0 || (c >= 'A' && c <= 'F')))
            return false;
    }
    return true;
}

struct str hash_form_token(const struct hash_form_name *name, const struct hash_form *form)
{
    struct str base = name->base;
    if (base.length < form->length || name->kind == HASH_FORM_OTHER)
        return STR_ABSENT;
    size_t first = base.length - form->length;
    bool fits =
        first == 0 ? may_be_bare(name, form) : first > 1 && base.at[first - 1] == form->separator;
    struct str token = str_from(base, first);
    if (!fits || !hash_is_of(token, form->alphabet) || ends_in_uuid(base))
        return STR_ABSENT;
    if (form->alphabet != HASH_HEXADECIMAL && is_hyphenated_hexadecimal(token))
        return STR_ABSENT; /* an identifier is likelier */
    return token;
}

struct str hash_form_stem(const struct hash_form_name *name, const struct hash_form *form)
{
    return str_first(name->base, name->base.length - form->length);
}

/* --- All forms -------------------------------------------------------------------------------- */

/* The last is for a name that is only a hash. */
static const char separators[] = {'.', '-', '_', '~', 0};
static const uint8_t lengths[] = {8, 10, 12, 16, 20, 32, 40, 64};

/* Only hexadecimal hashes are longer. */
enum { WIDE_LENGTH_MAX = 20 };

bool hash_form_any(bool (*visit)(void *context, const struct hash_form *form), void *context)
{
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        for (size_t j = 0; separators[j]; j++) {
            for (unsigned k = 0; k < HASH_ALPHABET_COUNT; k++) {
                struct hash_form form = {separators[j], lengths[i], (enum hash_alphabet)k};
                if ((k == HASH_HEXADECIMAL || lengths[i] <= WIDE_LENGTH_MAX) &&
                    visit(context, &form))
                    return true;
            }
        }
    }
    return false;
}

/* --- Where only bundlers write ---------------------------------------------------------------- */

/* BASE without the mark of an image that Astro has resized: "_" and 4 to 8 letters and digits after
 * the hash. */
static struct str without_resize(struct str base)
{
    size_t end = str_find_last(base, '_');
    struct str mark = str_from(base, end + 1);
    bool is_mark = mark.length >= 4 && mark.length <= 8 && hash_is_of(mark, HASH_BASE64URL) &&
                   str_find(mark, '-') == mark.length;
    return is_mark ? str_first(base, end) : base;
}

/* Whether NAME ends in anything like a hash of LENGTH. */
static bool ends_in_hash(const struct hash_form_name *name, uint8_t length)
{
    enum { SCORE_LEAST = -16, SCORE_BARE_LEAST = 0 };
    for (size_t i = 0; i < COUNT_OF(separators); i++) {
        for (unsigned j = 0; j < HASH_ALPHABET_COUNT; j++) {
            struct hash_form form = {separators[i], length, (enum hash_alphabet)j};
            struct str token = hash_form_token(name, &form);
            if (token.at && hash_score(token, form.alphabet) >=
                                (form.separator ? SCORE_LEAST : SCORE_BARE_LEAST))
                return true;
        }
    }
    return false;
}

bool hash_form_is_output(const struct hash_form_name *name)
{
    static const uint8_t output_lengths[] = {8, 13, 16, 20, 32};
    struct hash_form_name original = {without_resize(name->base), name->kind, false};
    for (size_t i = 0; i < COUNT_OF(output_lengths); i++) {
        if (ends_in_hash(name, output_lengths[i]) || ends_in_hash(&original, output_lengths[i]))
            return true;
    }
    return false;
}
