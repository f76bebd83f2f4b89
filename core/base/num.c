/* num: see num.h.
 *
 * No strtoull and no printf: the results depend on no locale, and errno is not used. Every sum and
 * product that a text can make overflow is checked. */
#include "base/num.h"

/* Takes one or more decimal digits from the start of *REST. False: no digit, or over UINT64_MAX. */
static bool take_digits(struct str *rest, uint64_t *ret)
{
    uint64_t value = 0;
    size_t i = 0;
    for (; i < rest->length && char_is_digit(rest->at[i]); i++) {
        if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(rest->at[i] - '0'), &value))
            return false;
    }
    if (i == 0)
        return false;
    *rest = str_from(*rest, i);
    *ret = value;
    return true;
}

bool num_parse_u64(struct str text, uint64_t *ret)
{
    uint64_t value;
    if (!take_digits(&text, &value) || text.length > 0)
        return false;
    *ret = value;
    return true;
}

struct unit {
    struct str name;
    uint64_t factor;
};

/* The factor of the unit called NAME, as compared by EQUAL, among the COUNT rows of UNITS. 0: no
 * such unit. */
static uint64_t unit_factor(const struct unit *units, size_t count, struct str name,
                            bool (*equal)(struct str, struct str))
{
    for (size_t i = 0; i < count; i++) {
        if (equal(name, units[i].name))
            return units[i].factor;
    }
    return 0;
}

bool num_parse_size(struct str text, uint64_t *ret_bytes)
{
    static const struct unit units[] = {
        {STR_INIT(""), 1},
        {STR_INIT("b"), 1},
        {STR_INIT("k"), KIB(1)},
        {STR_INIT("kb"), KIB(1)},
        {STR_INIT("kib"), KIB(1)},
        {STR_INIT("m"), MIB(1)},
        {STR_INIT("mb"), MIB(1)},
        {STR_INIT("mib"), MIB(1)},
        {STR_INIT("g"), KIB(MIB(1))},
        {STR_INIT("gb"), KIB(MIB(1))},
        {STR_INIT("gib"), KIB(MIB(1))},
    };
    uint64_t value;
    if (!take_digits(&text, &value))
        return false;
    uint64_t factor = unit_factor(units, COUNT_OF(units), text, str_equal_nocase);
    if (factor == 0 || __builtin_mul_overflow(value, factor, &value))
        return false;
    *ret_bytes = value;
    return true;
}

/* Takes an optional fraction such as ".5" from *REST, as NUMERATOR over DENOMINATOR; without a
 * fraction, 0 over 1. False: malformed. */
static bool take_fraction(struct str *rest, uint64_t *ret_numerator, uint64_t *ret_denominator)
{
    enum { DIGITS_MAX = 9 }; /* times the milliseconds of an hour, far below 2^64 */
    *ret_numerator = 0;
    *ret_denominator = 1;
    if (rest->length == 0 || rest->at[0] != '.')
        return true;
    *rest = str_from(*rest, 1);
    struct str digits = *rest;
    if (!take_digits(rest, ret_numerator) || digits.length - rest->length > DIGITS_MAX)
        return false;
    for (size_t i = rest->length; i < digits.length; i++)
        *ret_denominator *= 10;
    return true;
}

bool num_parse_span(struct str text, uint64_t *ret_ms)
{
    static const struct unit units[] = {
        {STR_INIT(""), 1000},       {STR_INIT("ms"), 1},          {STR_INIT("s"), 1000},
        {STR_INIT("m"), 60 * 1000}, {STR_INIT("h"), 3600 * 1000},
    };
    uint64_t whole, numerator, denominator;
    if (!take_digits(&text, &whole) || !take_fraction(&text, &numerator, &denominator))
        return false;
    uint64_t factor = unit_factor(units, COUNT_OF(units), text, str_equal);
    if (factor == 0)
        return false;
    uint64_t part = (numerator * factor + denominator - 1) / denominator;
    uint64_t ms;
    if (__builtin_mul_overflow(whole, factor, &ms) || __builtin_add_overflow(ms, part, &ms))
        return false;
    *ret_ms = ms;
    return true;
}

/* "00" to "99", one after the other. */
static const char pairs[] = "0001020304050607080910111213141516171819"
                            "2021222324252627282930313233343536373839"
                            "4041424344454647484950515253545556575859"
                            "6061626364656667686970717273747576777879"
                            "8081828384858687888990919293949596979899";

/* The number of decimal digits of VALUE. */
static size_t count_digits(uint64_t value)
{
    size_t count = 1;
    for (; value >= 10000; value /= 10000)
        count += 4;
    return count + (value >= 10) + (value >= 100) + (value >= 1000);
}

size_t num_write_u64(char *to, uint64_t value)
{
    const size_t length = count_digits(value);
    char *at = to + length;
    for (; value >= 100; value /= 100)
        memcpy(at -= 2, pairs + value % 100 * 2, 2);
    if (value >= 10)
        memcpy(to, pairs + value * 2, 2);
    else
        *to = (char)('0' + value);
    return length;
}

size_t num_write_hex(char *to, uint64_t value)
{
    char digits[NUM_HEX_DIGITS_MAX];
    size_t first = sizeof digits;
    do {
        digits[--first] = "0123456789abcdef"[value & 15];
        value >>= 4;
    } while (value > 0);
    memcpy(to, digits + first, sizeof digits - first);
    return sizeof digits - first;
}

void num_write_size(char to[static 16], uint64_t bytes)
{
    static const char units[][4] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    static_assert(COUNT_OF(units) == 7, "2^64 bytes are 16 EiB");

    size_t unit = 0;
    while (unit < COUNT_OF(units) - 1 && bytes >> (10 * (unit + 1)) > 0)
        unit++;
    uint64_t one = (uint64_t)1 << (10 * unit);
    uint64_t whole = bytes / one;
    uint64_t tenths = (bytes % one * 10 + one / 2) / one; /* ONE is at most 2^60: no overflow */
    if (tenths == 10) {
        whole++;
        tenths = 0;
    }
    if (whole == 1024 && unit < COUNT_OF(units) - 1) { /* 1023.96 KiB rounds to 1 MiB */
        whole = 1;
        unit++;
    }
    char *end = to + num_write_u64(to, whole);
    if (tenths > 0) {
        *end++ = '.';
        *end++ = (char)('0' + tenths);
    }
    *end++ = ' ';
    memcpy(end, units[unit], sizeof units[unit]);
}
