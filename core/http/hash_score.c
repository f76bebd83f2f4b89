/* hash_score: see hash_score.h. All weights are in eighths of a natural logarithm. */
#include "http/hash_score.h"

enum shape {
    SHAPE_LOWER,
    SHAPE_UPPER,
    SHAPE_DIGIT,
    SHAPE_OTHER, /* '-' and '_' */
    SHAPE_COUNT,
};

static enum shape shape_of(char c)
{
    if (char_is_digit(c))
        return SHAPE_DIGIT;
    if (c >= 'a' && c <= 'z')
        return SHAPE_LOWER;
    return c >= 'A' && c <= 'Z' ? SHAPE_UPPER : SHAPE_OTHER;
}

/* --- Alphabets -------------------------------------------------------------------------------- */

static bool is_in(char c, enum hash_alphabet alphabet)
{
    enum shape shape = shape_of(c);
    switch (alphabet) {
    case HASH_HEXADECIMAL:
        return shape == SHAPE_DIGIT || (c >= 'a' && c <= 'f');
    case HASH_BASE32:
        return shape == SHAPE_UPPER || (c >= '2' && c <= '7');
    case HASH_BASE36:
        return shape == SHAPE_DIGIT || shape == SHAPE_LOWER;
    case HASH_BASE38:
        return shape == SHAPE_DIGIT || shape == SHAPE_LOWER || c == '-' || c == '_';
    case HASH_BASE64URL:
        return shape != SHAPE_OTHER || c == '-' || c == '_';
    case HASH_ALPHABET_COUNT:
        break;
    }
    return false;
}

bool hash_is_of(struct str token, enum hash_alphabet alphabet)
{
    for (size_t i = 0; i < token.length; i++) {
        if (!is_in(token.at[i], alphabet))
            return false;
    }
    return true;
}

/* --- The score -------------------------------------------------------------------------------- */

/* -ln of the share of each letter in English text; the rare ones are not so rare in names. */
static const uint8_t letters[26] = {20, 34, 29, 25, 17, 30, 31, 22, 21, 44, 39, 26, 30,
                                    22, 21, 32, 44, 23, 22, 19, 29, 37, 30, 44, 31, 44};

enum {
    DIGIT_WEIGHT = 18, /* 1 of 10 */
    OTHER_WEIGHT = 6,  /* 1 of 2 */
};

/* -ln of the chance that a character of one shape follows another in names; the last row is for
 * the first character. Made up, but the results are counted in tests/unit/http. */
static const uint8_t steps[SHAPE_COUNT + 1][SHAPE_COUNT] = {
    [SHAPE_LOWER] = {1, 22, 28, 24}, [SHAPE_UPPER] = {3, 11, 24, 31},
    [SHAPE_DIGIT] = {24, 28, 1, 26}, [SHAPE_OTHER] = {3, 15, 15, 37},
    [SHAPE_COUNT] = {3, 13, 18, 37},
};

/* The weight of C, which is of CLASS. */
static int weight_of(char c, enum shape shape)
{
    if (shape == SHAPE_DIGIT)
        return DIGIT_WEIGHT;
    return shape == SHAPE_OTHER ? OTHER_WEIGHT : letters[char_lower(c) - 'a'];
}

/* -ln of the likelihood of TOKEN as something that people write. */
static int written(struct str token)
{
    bool lower = false;
    int sum = 0;
    unsigned last = SHAPE_COUNT;
    for (size_t i = 0; i < token.length; i++)
        lower = lower || shape_of(token.at[i]) == SHAPE_LOWER;
    for (size_t i = 0; i < token.length; i++) {
        enum shape shape = shape_of(token.at[i]);
        if (!lower && shape == SHAPE_UPPER)
            shape = SHAPE_LOWER; /* a word in capitals is a word */
        sum += steps[last][shape] + weight_of(token.at[i], shape);
        last = shape;
    }
    return sum;
}

static unsigned number_of(struct str digits)
{
    unsigned number = 0;
    for (size_t i = 0; i < digits.length; i++)
        number = number * 10 + (unsigned)(digits.at[i] - '0');
    return number;
}

static bool is_day(unsigned month, unsigned day)
{
    return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/* Whether TOKEN is YYYYMMDD, DDMMYYYY or MMDDYYYY, in this century or the last. */
static bool is_date(struct str token)
{
    if (token.length != 8)
        return false;
    for (size_t i = 0; i < token.length; i++) {
        if (!char_is_digit(token.at[i]))
            return false;
    }
    unsigned first = number_of(str_first(token, 4)), last = number_of(str_from(token, 4));
    if (first / 100 == 19 || first / 100 == 20)
        return is_day(last / 100, last % 100);
    return (last / 100 == 19 || last / 100 == 20) &&
           (is_day(first / 100, first % 100) || is_day(first % 100, first / 100));
}

int hash_score(struct str token, enum hash_alphabet alphabet)
{
    static const uint8_t drawn[] = {22, 28, 29, 29, 33}; /* -ln of 1 in so many characters */
    static_assert(COUNT_OF(drawn) == HASH_ALPHABET_COUNT, "a weight for each alphabet");
    enum { DATE_SCORE = -1000 };
    if (is_date(token))
        return DATE_SCORE;
    return written(token) - (int)token.length * drawn[alphabet];
}

/* --- The spread ------------------------------------------------------------------------------- */

/* The index of C, which is of some alphabet. */
static unsigned index_of(char c)
{
    switch (shape_of(c)) {
    case SHAPE_LOWER:
        return (unsigned)(c - 'a');
    case SHAPE_UPPER:
        return 26 + (unsigned)(c - 'A');
    case SHAPE_DIGIT:
        return 52 + (unsigned)(c - '0');
    case SHAPE_OTHER:
    case SHAPE_COUNT:
        break;
    }
    return c == '-' ? 62 : 63;
}

void hash_spread_add(struct hash_spread *spread, struct str token)
{
    spread->count++;
    spread->length = (unsigned)token.length;
    for (size_t i = 0; i < token.length; i++)
        spread->counts[i][index_of(token.at[i])]++;
}

bool hash_spread_is_random(const struct hash_spread *spread)
{
    unsigned alike = 0; /* positions at which more than two thirds have the same character */
    for (unsigned i = 0; i < spread->length; i++) {
        bool is_alike = false;
        for (unsigned j = 0; j < COUNT_OF(spread->counts[i]); j++)
            is_alike = is_alike || spread->counts[i][j] * 3u > spread->count * 2;
        alike += is_alike;
    }
    return spread->count < 2 || alike <= spread->length / 3 + 1;
}
