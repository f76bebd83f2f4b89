/* cache_control: see cache_control.h.
 *
 * Hashes that tools write. Hexadecimal: webpack and Next.js 8, 16 or 20 digits; Parcel, Create
 * React App and Vite before 5, 8; Django 12; Phoenix 32; Propshaft 40 (now 8); Hugo and Sprockets
 * 64. Base64url: Vite from 5, Rollup and Astro, 8 characters. Base32: esbuild and Angular, 8
 * characters. */
#include "http/cache_control.h"

/* --- The parts of a name ---------------------------------------------------------------------- */

struct kind {
    struct str extensions; /* each followed by a space */
    struct str separators; /* one of these precedes the hash */
    bool base32;           /* base32 is accepted, after '-', the default of its tools */
    bool alone;            /* the whole name may be a hash */
};

/* No documents and no archives, because bundlers do not write them. No JSON: it is data, named
 * after its subject, such as a device's address of 12 hexadecimal digits. */
static const struct kind kinds[] = {
    {STR_INIT("js mjs cjs css wasm woff2 woff ttf otf eot "), STR_INIT(".-_~"), true, true},
    {STR_INIT("svg png jpg jpeg webp avif gif ico mp4 webm mp3 ogg "), STR_INIT(".-"), false,
     false},
};
static const struct kind *const code = &kinds[0];

/* Words between the hash and the extension: "min" and similar, and next/font's "s" and "p" (subset,
 * preloaded). */
static const struct str trailing_words = STR_INIT("min chunk bundle module s p ");

/* Whether WORD is in LIST, in which each word is followed by a space. */
static bool has_word(struct str list, struct str word)
{
    while (list.length > 0) {
        size_t end = str_find(list, ' ');
        if (str_equal(str_first(list, end), word))
            return true;
        list = str_from(list, end + 1);
    }
    return false;
}

/* The index in NAME of the last byte that is one of SEPARATORS; NAME.length: it has none of
 * them. */
static size_t before_last(struct str name, struct str separators)
{
    for (size_t i = name.length; i > 0; i--) {
        if (str_find(separators, name.at[i - 1]) < separators.length)
            return i - 1;
    }
    return name.length;
}

/* Removes the last word from *NAME, with the separator before it, if the word is in LIST. */
static bool take_word(struct str *name, struct str separators, struct str list)
{
    size_t end = before_last(*name, separators);
    if (end == name->length || !has_word(list, str_from(*name, end + 1)))
        return false;
    name->length = end;
    return true;
}

/* Removes the extensions from *NAME. NULL: not an extension that bundlers write. */
static const struct kind *take_kind(struct str *name)
{
    if (take_word(name, STR("."), STR("map "))) /* source maps belong to code and styles */
        return take_word(name, STR("."), STR("js mjs cjs css ")) ? code : NULL;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (take_word(name, STR("."), kinds[i].extensions))
            return &kinds[i];
    }
    return NULL;
}

/* --- The form of a hash ----------------------------------------------------------------------- */

enum shape {
    OTHER,
    DIGIT,
    UPPER,
    LOWER,
    SHAPES,
};

struct mixture {
    unsigned counts[SHAPES];
    unsigned changes; /* between neighbours of different shape */
    bool wordlike;    /* three lower-case letters in a row, or a capital and two */
};

static enum shape shape_of(char c)
{
    if (char_is_digit(c))
        return DIGIT;
    if (c >= 'a' && c <= 'z')
        return LOWER;
    return c >= 'A' && c <= 'Z' ? UPPER : OTHER;
}

static struct mixture mixture_of(struct str token)
{
    struct mixture mixture = {0};
    enum shape last = OTHER, last_but_one = OTHER;
    for (size_t i = 0; i < token.length; i++) {
        enum shape shape = shape_of(token.at[i]);
        mixture.counts[shape]++;
        if (i > 0 && shape != last)
            mixture.changes++;
        if (shape == LOWER && last == LOWER && (last_but_one == LOWER || last_but_one == UPPER))
            mixture.wordlike = true;
        last_but_one = last;
        last = shape;
    }
    return mixture;
}

/* Between 8 and 64 digits; 13 (PHP's uniqid) and 24 (a MongoDB ObjectId) are not hashes. */
static bool length_is_usual(size_t length)
{
    static const uint8_t lengths[] = {8, 10, 12, 16, 20, 32, 40, 64};
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        if (lengths[i] == length)
            return true;
    }
    return false;
}

/* A UUID (RFC 9562 section 4) without its hyphens, by its variant and version; versions 1, 4 and 7
 * are the usual ones in names. One MD5 hash in 20 matches by chance. */
static bool is_bare_uuid(struct str token)
{
    return token.length == 32 && str_find(STR("147"), token.at[12]) < 3 &&
           str_find(STR("89ab"), token.at[16]) < 4;
}

/* At least three changes: "decade20" has one, "1dec2023" two. 7 of 10 hashes of 8 digits pass,
 * nearly all of 16. */
static bool is_hexadecimal(struct str token)
{
    if (!length_is_usual(token.length) || is_bare_uuid(token))
        return false;
    for (size_t i = 0; i < token.length; i++) {
        if (char_hex(token.at[i]) < 0)
            return false;
    }
    struct mixture mixture = mixture_of(token);
    return mixture.counts[UPPER] == 0 && mixture.counts[DIGIT] >= 2 && mixture.counts[LOWER] >= 2 &&
           mixture.changes >= 3;
}

/* At least four changes and no words: "iPhone15" has too few changes, "Web3Auth" has words. More
 * than a quarter of all hashes pass. Those with '-' or '_' do not: "my-App-v2Bx" might end in
 * one. */
static bool is_base64url(struct str token)
{
    struct mixture mixture = mixture_of(token);
    return token.length == 8 && mixture.counts[OTHER] == 0 && mixture.counts[DIGIT] >= 1 &&
           mixture.counts[UPPER] >= 1 && mixture.counts[LOWER] >= 1 && mixture.changes >= 4 &&
           !mixture.wordlike;
}

/* RFC 4648 section 6. At least two changes: "RELEASE2" has one. Two thirds of all hashes pass. */
static bool is_base32(struct str token)
{
    struct mixture mixture = mixture_of(token);
    for (size_t i = 0; i < token.length; i++) {
        if (str_find(STR("0189"), token.at[i]) < 4)
            return false;
    }
    return token.length == 8 && mixture.counts[OTHER] == 0 && mixture.counts[LOWER] == 0 &&
           mixture.counts[DIGIT] >= 1 && mixture.counts[UPPER] >= 4 && mixture.changes >= 2;
}

/* Whether NAME ends in a UUID with hyphens, whose last part would pass as a hash of 12 digits. */
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

/* --- The decision ----------------------------------------------------------------------------- */

static bool has_hash(struct str name)
{
    enum { ALONE_BYTES_MIN = 16 };
    struct str separators = STR(".-_~");
    const struct kind *kind = take_kind(&name);
    if (!kind)
        return false;
    while (take_word(&name, separators, trailing_words)) {
    }
    size_t end = before_last(name, separators);
    bool alone = end == 0 || end == name.length;
    struct str token = end < name.length ? str_from(name, end + 1) : name;
    if (alone)
        return kind->alone && token.length >= ALONE_BYTES_MIN && is_hexadecimal(token);
    if (str_find(kind->separators, name.at[end]) == kind->separators.length)
        return false;
    return (is_hexadecimal(token) && !ends_in_uuid(name)) || is_base64url(token) ||
           (kind->base32 && name.at[end] == '-' && is_base32(token));
}

struct str cache_control_for_name(struct str name)
{
    size_t slash = str_find_last(name, '/');
    struct str segment = slash < name.length ? str_from(name, slash + 1) : name;
    return has_hash(segment) ? STR("public, max-age=31536000, immutable") : STR("no-cache");
}
