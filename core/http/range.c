/* range: see range.h. */
#include "http/range.h"

#include "base/num.h"

enum spec_result {
    SPEC_MALFORMED,
    SPEC_UNSATISFIABLE,
    SPEC_SATISFIABLE,
};

/* Takes the digits at the start of *REST, without leading zeros. No digits: absent. "0" gives the
 * empty string, which is not absent. */
static struct str take_digits(struct str *rest)
{
    size_t length = 0, zeros = 0;
    while (length < rest->length && char_is_digit(rest->at[length]))
        length++;
    if (length == 0)
        return (struct str){0};
    struct str digits = str_first(*rest, length);
    while (zeros < length && digits.at[zeros] == '0')
        zeros++;
    *rest = str_from(*rest, length);
    return str_from(digits, zeros);
}

/* Whether A is less than B. Both are from take_digits, of any length. */
static bool digits_less(struct str a, struct str b)
{
    if (a.length != b.length)
        return a.length < b.length;
    return a.length > 0 && memcmp(a.at, b.at, a.length) < 0;
}

/* The value of DIGITS, at most UINT64_MAX. */
static uint64_t digits_value(struct str digits)
{
    uint64_t value = 0;
    if (digits.length > 0 && !num_parse_u64(digits, &value))
        return UINT64_MAX;
    return value;
}

/* Parses "first-last", "first-" or "-length" (section 14.1.1), cut off at BYTES. A satisfiable *RET
 * has length 0 only if BYTES is 0. */
static enum spec_result read_spec(struct str spec, uint64_t bytes, struct range *ret)
{
    struct str first = take_digits(&spec);
    if (spec.length == 0 || spec.at[0] != '-')
        return SPEC_MALFORMED;
    spec = str_from(spec, 1);
    struct str last = take_digits(&spec);
    if (spec.length > 0 || (!first.at && !last.at))
        return SPEC_MALFORMED;
    if (!first.at) {
        uint64_t suffix = digits_value(last);
        if (suffix == 0)
            return SPEC_UNSATISFIABLE;
        uint64_t length = u64_min(suffix, bytes);
        *ret = (struct range){bytes - length, length};
        return SPEC_SATISFIABLE;
    }
    if (last.at && digits_less(last, first))
        return SPEC_MALFORMED;
    uint64_t start = digits_value(first);
    if (start >= bytes)
        return SPEC_UNSATISFIABLE;
    uint64_t end = u64_min(last.at ? digits_value(last) : UINT64_MAX, bytes - 1);
    *ret = (struct range){start, end - start + 1};
    return SPEC_SATISFIABLE;
}

/* Whether A and B overlap or are adjacent. */
static bool ranges_touch(struct range a, struct range b)
{
    return a.first <= b.first + b.length && b.first <= a.first + a.length;
}

static struct range ranges_join(struct range a, struct range b)
{
    uint64_t first = u64_min(a.first, b.first);
    uint64_t a_end = a.first + a.length, b_end = b.first + b.length;
    return (struct range){first, (a_end > b_end ? a_end : b_end) - first};
}

/* Adds NEW to SET, joined with the ranges that it touches. No two ranges in SET touch, before and
 * after. One walk is enough: a range joined with NEW touched no other one, so the union touches
 * only what NEW touches. */
static void set_add(struct range_set *set, struct range new)
{
    unsigned kept = 0, place = RANGE_MAX;
    for (unsigned i = 0; i < set->count; i++) {
        if (!ranges_touch(set->items[i], new)) {
            set->items[kept++] = set->items[i];
            continue;
        }
        new = ranges_join(set->items[i], new);
        if (place == RANGE_MAX)
            place = kept++;
    }
    if (place == RANGE_MAX)
        place = kept++;
    set->items[place] = new;
    set->count = kept;
}

enum range_result range_parse(struct str value, uint64_t bytes, struct range_set *ret)
{
    struct range_set set = {.count = 0};
    unsigned specs = 0;
    bool satisfiable = false;
    struct str spec;
    size_t equals = str_find(value, '=');
    if (equals == value.length || !str_equal_nocase(str_first(value, equals), STR("bytes")))
        return RANGE_IGNORED;
    value = str_from(value, equals + 1);
    while (str_next_item(&value, &spec)) {
        struct range range;
        if (++specs > RANGE_MAX)
            return RANGE_IGNORED;
        switch (read_spec(spec, bytes, &range)) {
        case SPEC_MALFORMED:
            return RANGE_IGNORED;
        case SPEC_UNSATISFIABLE:
            break;
        case SPEC_SATISFIABLE:
            satisfiable = true;
            if (range.length > 0)
                set_add(&set, range);
            break;
        }
    }
    if (specs == 0 || (satisfiable && set.count == 0))
        return RANGE_IGNORED;
    if (!satisfiable)
        return RANGE_UNSATISFIABLE;
    *ret = set;
    return RANGE_SATISFIABLE;
}
