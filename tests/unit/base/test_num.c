/* num: parses and formats numbers, sizes and durations. */
#include "base/num.h"
#include "support/guard.h"
#include "support/prng.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>

struct row {
    struct str text;
    bool taken;
    uint64_t value;
};

static void expect_rows(bool (*parse)(struct str, uint64_t *), const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t value = 4711;
        bool taken = parse(guard_copy(rows[i].text), &value);
        cr_expect_eq(taken, rows[i].taken, "\"%s\"", rows[i].text.at);
        cr_expect_eq(value, rows[i].taken ? rows[i].value : 4711, "\"%s\": %" PRIu64,
                     rows[i].text.at, value);
    }
}

Test(num, parses_decimal_digits_only)
{
    static const struct row rows[] = {
        {STR_INIT("0"), true, 0},
        {STR_INIT("00000000000000000000000000007"), true, 7},
        {STR_INIT("4294967296"), true, 4294967296},
        {STR_INIT("18446744073709551615"), true, UINT64_MAX},
        {STR_INIT("18446744073709551616"), false, 0}, /* the sum overflows */
        {STR_INIT("18446744073709551620"), false, 0},
        {STR_INIT("99999999999999999999"), false, 0},
        {STR_INIT("184467440737095516150"), false, 0}, /* the product overflows */
        {STR_INIT(""), false, 0},
        {STR_INIT("+1"), false, 0},
        {STR_INIT("-1"), false, 0},
        {STR_INIT(" 1"), false, 0},
        {STR_INIT("1 "), false, 0},
        {STR_INIT("1,1"), false, 0},
        {STR_INIT("0x10"), false, 0},
        {STR_INIT("1e3"), false, 0},
        {STR_INIT("1\0"), false, 0},
        {STR_INIT("\xb2"), false, 0},
        {STR_INIT("/"), false, 0},
        {STR_INIT(":"), false, 0},
    };
    expect_rows(num_parse_u64, rows, COUNT_OF(rows));
    uint64_t value;
    cr_expect_not(num_parse_u64((struct str){NULL, 0}, &value));
}

Test(num, parses_sizes)
{
    static const struct row rows[] = {
        {STR_INIT("0"), true, 0},
        {STR_INIT("512"), true, 512},
        {STR_INIT("512B"), true, 512},
        {STR_INIT("8K"), true, 8192},
        {STR_INIT("8k"), true, 8192},
        {STR_INIT("8KB"), true, 8192},
        {STR_INIT("8KiB"), true, 8192},
        {STR_INIT("8kib"), true, 8192},
        {STR_INIT("64M"), true, 67108864},
        {STR_INIT("64MiB"), true, 67108864},
        {STR_INIT("1mb"), true, 1048576},
        {STR_INIT("2G"), true, 2147483648},
        {STR_INIT("2GiB"), true, 2147483648},
        {STR_INIT("2gb"), true, 2147483648},
        {STR_INIT("17179869183G"), true, 18446744072635809792u},
        {STR_INIT("17179869184G"), false, 0}, /* 2^64 */
        {STR_INIT("18446744073709551615"), true, UINT64_MAX},
        {STR_INIT("18446744073709551615K"), false, 0},
        {STR_INIT(""), false, 0},
        {STR_INIT("K"), false, 0},
        {STR_INIT("1 K"), false, 0},
        {STR_INIT("1Ki"), false, 0},
        {STR_INIT("1.5M"), false, 0},
        {STR_INIT("-1K"), false, 0},
        {STR_INIT("1T"), false, 0},
        {STR_INIT("1KK"), false, 0},
        {STR_INIT("1BB"), false, 0},
    };
    expect_rows(num_parse_size, rows, COUNT_OF(rows));
}

Test(num, parses_durations)
{
    static const struct row rows[] = {
        {STR_INIT("0"), true, 0},
        {STR_INIT("0.0"), true, 0},
        {STR_INIT("10"), true, 10000},
        {STR_INIT("1.5"), true, 1500},
        {STR_INIT("1.5s"), true, 1500},
        {STR_INIT("250ms"), true, 250},
        {STR_INIT("2m"), true, 120000},
        {STR_INIT("1.5h"), true, 5400000},
        {STR_INIT("0.001s"), true, 1},
        {STR_INIT("0.25m"), true, 15000},
        {STR_INIT("0.0001s"), true, 1}, /* only zero is zero */
        {STR_INIT("0.5ms"), true, 1},
        {STR_INIT("0.000000001h"), true, 1},
        {STR_INIT("0.999999999h"), true, 3600000},
        {STR_INIT("0.0000000001"), false, 0}, /* ten digits */
        {STR_INIT("18446744073709551615ms"), true, UINT64_MAX},
        {STR_INIT("18446744073709551615.5ms"), false, 0},
        {STR_INIT("18446744073709551.615"), true, UINT64_MAX},
        {STR_INIT("18446744073709551.616"), false, 0},
        {STR_INIT("18446744073709551616ms"), false, 0},
        {STR_INIT("5124095576031h"), false, 0},
        {STR_INIT(""), false, 0},
        {STR_INIT("s"), false, 0},
        {STR_INIT("."), false, 0},
        {STR_INIT("1."), false, 0},
        {STR_INIT("1.s"), false, 0},
        {STR_INIT(".5s"), false, 0},
        {STR_INIT("1.5.5"), false, 0},
        {STR_INIT("1 s"), false, 0},
        {STR_INIT("1S"), false, 0},
        {STR_INIT("1M"), false, 0},
        {STR_INIT("1d"), false, 0},
        {STR_INIT("-1s"), false, 0},
    };
    expect_rows(num_parse_span, rows, COUNT_OF(rows));
}

/* Both writers agree with printf, and the result parses to VALUE. */
static void expect_round_trip(uint64_t value)
{
    char want[32], got[32];
    memset(got, '#', sizeof got);
    size_t length = num_write_u64(got, value);
    cr_assert_eq((size_t)snprintf(want, sizeof want, "%" PRIu64, value), length, "%" PRIu64, value);
    cr_assert(memcmp(want, got, length) == 0 && got[length] == '#', "%" PRIu64, value);

    uint64_t back;
    cr_assert(num_parse_u64((struct str){got, length}, &back) && back == value, "%" PRIu64, value);

    memset(got, '#', sizeof got);
    length = num_write_hex(got, value);
    cr_assert_eq((size_t)snprintf(want, sizeof want, "%" PRIx64, value), length, "%" PRIx64, value);
    cr_assert(memcmp(want, got, length) == 0 && got[length] == '#', "%" PRIx64, value);
}

Test(num, formats_like_printf_and_parses_it_back)
{
    uint64_t power = 1;
    for (int i = 0; i < 20; i++, power *= 10) {
        expect_round_trip(power - 1);
        expect_round_trip(power);
        expect_round_trip(power + 1);
    }
    for (int bit = 0; bit < 64; bit++) {
        expect_round_trip((uint64_t)1 << bit);
        expect_round_trip(((uint64_t)1 << bit) - 1);
    }
    expect_round_trip(UINT64_MAX);
    struct prng prng = {1};
    for (int i = 0; i < 20000; i++)
        expect_round_trip(prng_next(&prng) >> prng_below(&prng, 64));
}

Test(num, writes_no_more_than_the_documented_room)
{
    char room[NUM_U64_DIGITS_MAX + 1] = {0};
    cr_expect_eq(num_write_u64(room, UINT64_MAX), NUM_U64_DIGITS_MAX);
    cr_expect_str_eq(room, "18446744073709551615");
    char hex[NUM_HEX_DIGITS_MAX + 1] = {0};
    cr_expect_eq(num_write_hex(hex, UINT64_MAX), NUM_HEX_DIGITS_MAX);
    cr_expect_str_eq(hex, "ffffffffffffffff");
}

Test(num, writes_sizes_for_people)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } rows[] = {
        {0, "0 B"},
        {1, "1 B"},
        {1023, "1023 B"},
        {1024, "1 KiB"},
        {1025, "1 KiB"},
        {1075, "1 KiB"}, /* 1.0498 */
        {1076, "1.1 KiB"},
        {1536, "1.5 KiB"},
        {8192, "8 KiB"},
        {2047, "2 KiB"},
        {1048524, "1023.9 KiB"},
        {1048525, "1 MiB"}, /* 1023.95 KiB: the rounding carries into the next unit */
        {1048575, "1 MiB"},
        {1048576, "1 MiB"},
        {1572864, "1.5 MiB"},
        {67108864, "64 MiB"},
        {1073741824, "1 GiB"},
        {1099511627776, "1 TiB"},
        {1125899906842624, "1 PiB"},
        {1152921504606846976, "1 EiB"},
        {UINT64_MAX, "16 EiB"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[16];
        num_write_size(text, rows[i].bytes);
        cr_expect_str_eq(text, rows[i].text, "%" PRIu64 ": %s", rows[i].bytes, text);
    }
}
