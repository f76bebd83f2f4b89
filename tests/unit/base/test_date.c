/* date: RFC 9110 section 5.6.7, with gmtime_r as the oracle for the calendar. */
#include "base/date.h"
#include "support/guard.h"
#include "support/prng.h"
#include "support/rows.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum { Y1994 = 784111777 }; /* 06 Nov 1994 08:49:37, the RFC's own example */

static const int64_t now = 1750000000; /* 15 Jun 2025 15:06:40 */
static const int64_t year_0 = -62167219200, year_9999_end = 253402300799;

Test(date, writes_imf_fixdate)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } rows[] = {
        {Y1994, "Sun, 06 Nov 1994 08:49:37 GMT"},
        {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
        {-1, "Wed, 31 Dec 1969 23:59:59 GMT"},
        {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
        {4107542399, "Sun, 28 Feb 2100 23:59:59 GMT"},
        {4107542400, "Mon, 01 Mar 2100 00:00:00 GMT"},
        {2147483648, "Tue, 19 Jan 2038 03:14:08 GMT"},
        {-62167219200, "Sat, 01 Jan 0000 00:00:00 GMT"},
        {253402300799, "Fri, 31 Dec 9999 23:59:59 GMT"},
        {-62167219201, "Sat, 01 Jan 0000 00:00:00 GMT"}, /* clamped */
        {253402300800, "Fri, 31 Dec 9999 23:59:59 GMT"},
        {INT64_MIN, "Sat, 01 Jan 0000 00:00:00 GMT"},
        {INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT"},
    };
    rows_begin("dates", COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rows_next("5.6.7", rows[i].text);
        char text[DATE_BYTES + 1] = {[DATE_BYTES] = '#'};
        date_write(text, rows[i].seconds);
        row_expect(text[DATE_BYTES] == '#', "one byte too many");
        text[DATE_BYTES] = '\0';
        row_expect(strcmp(text, rows[i].text) == 0, "got %s", text);
    }
    rows_end();
}

enum form { IMF_FIXDATE, RFC850, ASCTIME, RFC3339 };

/* The examples of RFC 3339 section 5.8 that are in UTC and have whole seconds, and both clamps. */
Test(date, writes_rfc3339)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } rows[] = {
        {482196050, "1985-04-12T23:20:50Z"},    {851042397, "1996-12-20T00:39:57Z"},
        {Y1994, "1994-11-06T08:49:37Z"},        {0, "1970-01-01T00:00:00Z"},
        {-62167219201, "0000-01-01T00:00:00Z"}, {253402300800, "9999-12-31T23:59:59Z"},
        {INT64_MIN, "0000-01-01T00:00:00Z"},    {INT64_MAX, "9999-12-31T23:59:59Z"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[DATE_RFC3339_BYTES + 1] = {[DATE_RFC3339_BYTES] = '#'};
        date_write_rfc3339(text, rows[i].seconds);
        cr_expect_eq(text[DATE_RFC3339_BYTES], '#', "one byte too many: %s", rows[i].text);
        text[DATE_RFC3339_BYTES] = '\0';
        cr_expect_str_eq(text, rows[i].text, "got %s", text);
    }
}

/* SECONDS as formatted with the C library. */
static void oracle(char to[64], enum form form, int64_t seconds)
{
    static const char *const days[] = {
        "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
    };
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t time = (time_t)seconds;
    struct tm tm;
    gmtime_r(&time, &tm);
    const char *day = days[tm.tm_wday], *month = months + (size_t)tm.tm_mon * 3;
    int year = tm.tm_year + 1900;
    char clock[16];
    strftime(clock, sizeof clock, "%H:%M:%S", &tm);
    switch (form) {
    case IMF_FIXDATE:
        snprintf(to, 64, "%.3s, %02d %.3s %04d %s GMT", day, tm.tm_mday, month, year, clock);
        break;
    case RFC850:
        snprintf(to, 64, "%s, %02d-%.3s-%02d %s GMT", day, tm.tm_mday, month, year % 100, clock);
        break;
    case ASCTIME:
        snprintf(to, 64, "%.3s %.3s %2d %s %04d", day, month, tm.tm_mday, clock, year);
        break;
    case RFC3339:
        snprintf(to, 64, "%04d-%02d-%02dT%sZ", year, tm.tm_mon + 1, tm.tm_mday, clock);
        break;
    }
}

static void expect_round_trips(int64_t seconds)
{
    char text[DATE_BYTES], want[64];
    date_write(text, seconds);
    oracle(want, IMF_FIXDATE, seconds);
    cr_assert(strlen(want) == DATE_BYTES && memcmp(text, want, DATE_BYTES) == 0, "%.29s, %s", text,
              want);
    int64_t back = 1;
    cr_assert(date_parse((struct str){text, DATE_BYTES}, now, &back) && back == seconds, "%s",
              want);
    oracle(want, ASCTIME, seconds);
    cr_assert(date_parse(str_of(want), now, &back) && back == seconds, "%s", want);
    oracle(want, RFC3339, seconds);
    date_write_rfc3339(text, seconds);
    cr_assert(strlen(want) == DATE_RFC3339_BYTES && memcmp(text, want, DATE_RFC3339_BYTES) == 0,
              "%.20s, %s", text, want);
}

Test(date, agrees_with_gmtime)
{
    for (int64_t day = -146097; day < 146097; day++) /* 400 years each way, every day */
        expect_round_trips(day * 86400 + (day & 1 ? 0 : 86399));
    struct prng prng = {9110};
    for (int i = 0; i < 100000; i++)
        expect_round_trips(year_0 +
                           (int64_t)prng_below(&prng, (uint64_t)(year_9999_end - year_0 + 1)));
    expect_round_trips(year_0);
    expect_round_trips(year_9999_end);
}

Test(date, parses_rfc850_dates_within_50_years_of_now)
{
    struct prng prng = {850};
    const int64_t fifty_years =
        (int64_t)50 * 366 * 86400 - 20 * 86400; /* a little under 50 years */
    for (int i = 0; i < 50000; i++) {
        int64_t seconds = now - fifty_years / 2 + (int64_t)prng_below(&prng, (uint64_t)fifty_years);
        char text[64];
        oracle(text, RFC850, seconds);
        int64_t back = 1;
        cr_assert(date_parse(str_of(text), now, &back) && back == seconds, "%s", text);
    }
}

Test(date, puts_a_two_digit_year_at_most_50_years_ahead)
{
    static const struct {
        const char *label, *text;
        int64_t now, seconds;
    } rows[] = {
        {"the RFC's example", "Sunday, 06-Nov-94 08:49:37 GMT", 1750000000, Y1994},
        {"exactly 50 years ahead", "Sunday, 15-Jun-75 15:06:40 GMT", 1750000000, 3327836800},
        {"a second more", "Sunday, 15-Jun-75 15:06:41 GMT", 1750000000, 172076801},
        {"a year more", "Monday, 15-Jun-76 15:06:40 GMT", 1750000000, 203699200},
        {"earlier in that year", "Sunday, 14-Jun-75 15:06:40 GMT", 1750000000, 3327750400},
        {"this year", "Sunday, 15-Jun-25 15:06:40 GMT", 1750000000, 1750000000},
        {"99 years back, not 1 ahead, is not it", "Monday, 15-Jun-26 15:06:40 GMT", 1750000000,
         1781536000},
        {"from 1999 into 2001", "Monday, 01-Jan-01 00:00:00 GMT", 915148800, 978307200},
        {"from 2001 back to 1999", "Friday, 01-Jan-99 00:00:00 GMT", 978307200, 915148800},
    };
    rows_begin("dates", COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rows_next("5.6.7", rows[i].label);
        int64_t seconds = 1;
        bool taken = date_parse(guard_copy(str_of(rows[i].text)), rows[i].now, &seconds);
        row_expect(taken && seconds == rows[i].seconds, "%" PRId64, seconds);
    }
    rows_end();
}

Test(date, parses_all_three_formats_and_leap_seconds)
{
    static const struct {
        const char *label, *text;
        int64_t seconds;
    } rows[] = {
        {"IMF-fixdate", "Sun, 06 Nov 1994 08:49:37 GMT", Y1994},
        {"rfc850-date", "Sunday, 06-Nov-94 08:49:37 GMT", Y1994},
        {"asctime-date", "Sun Nov  6 08:49:37 1994", Y1994},
        {"asctime-date, two digits", "Sun Nov 06 08:49:37 1994", Y1994},
        {"asctime-date, day 16", "Wed Nov 16 08:49:37 1994", Y1994 + 864000},
        {"day name of another day", "Mon, 06 Nov 1994 08:49:37 GMT", Y1994},
        {"long day name of another day", "Wednesday, 06-Nov-94 08:49:37 GMT", Y1994},
        {"leap second", "Sat, 31 Dec 2016 23:59:60 GMT", 1483228800},
        {"leap day", "Tue, 29 Feb 2000 00:00:00 GMT", 951782400},
        {"leap day in rfc850-date", "Tuesday, 29-Feb-00 00:00:00 GMT", 951782400},
        {"year 0000 is a leap year", "Tue, 29 Feb 0000 00:00:00 GMT", -62162121600},
    };
    rows_begin("dates", COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rows_next("5.6.7", rows[i].label);
        int64_t seconds = 1;
        bool taken = date_parse(guard_copy(str_of(rows[i].text)), now, &seconds);
        row_expect(taken && seconds == rows[i].seconds, "%" PRId64, seconds);
    }
    rows_end();
}

/* Whether date_parse refuses TEXT at AT_SECONDS and leaves the result untouched. */
static bool is_refused(struct str text, int64_t at_seconds)
{
    int64_t seconds = 4711;
    struct str copy = guard_copy(text);
    bool refused = !date_parse(copy, at_seconds, &seconds) && seconds == 4711;
    guard_drop(copy);
    return refused;
}

Test(date, refuses_other_formats_and_impossible_dates)
{
    static const char *const rows[] = {
        "",
        "0",
        "now",
        "784111777",
        "sun, 06 Nov 1994 08:49:37 GMT",
        "SUN, 06 Nov 1994 08:49:37 GMT", /* case matters */
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 gmt",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 006 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06 Nov 19940 08:49:37 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 08:49 GMT",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun,  06 Nov 1994 08:49:37 GMT",
        "Sun, 06\tNov 1994 08:49:37 GMT",
        "Sun 06 Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-1994 08:49:37 GMT",
        "Sunday, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37",
        "Sunday, 06-Nov-9 08:49:37 GMT",
        "Son, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Okt 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 -8:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 32 Dec 1994 08:49:37 GMT",
        "Sun, 29 Feb 1994 08:49:37 GMT",
        "Sun, 29 Feb 2100 08:49:37 GMT",
        "Sun, 29 Feb 1900 08:49:37 GMT", /* not leap years */
        "Sunday, 29-Feb-94 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov   6 08:49:37 1994",
        "Sun Nov  0 08:49:37 1994",
        "Sun Nov 6  08:49:37 1994",
        "Sun Nov 31 08:49:37 1994",
        "Sun Nov  6 08:49:37 1994 GMT",
        "Sun Nov  6 08:49:37 94",
        "Sun Nov  6 08:49:37  1994",
        "1994-11-06T08:49:37Z",
        "Sun, 06 Nov +994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08.49.37 GMT",
    };
    rows_begin("dates", COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        rows_next("5.6.7", rows[i]);
        row_expect(is_refused(str_of(rows[i]), now), "taken");
    }
    rows_end();
    cr_expect(is_refused((struct str){NULL, 0}, now), "absent");
    cr_expect(is_refused(STR("Sun, 06 Nov 1994 08:49:37 GMT\0"), now), "a NUL after it");
    cr_expect(is_refused(STR("Tuesday, 29-Feb-00 00:00:00 GMT"), 3786912000), "not in 2100");
}

Test(date, refuses_every_prefix_and_changed_byte)
{
    static const char *const rows[] = {
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov 16 08:49:37 1994",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str text = str_of(rows[i]);
        for (size_t length = 0; length < text.length; length++)
            cr_expect(is_refused(str_first(text, length), now), "%zu of %s", length, rows[i]);
        for (size_t changed = 0; changed < text.length; changed++) {
            char bytes[64];
            memcpy(bytes, text.at, text.length);
            bytes[changed] = '?';
            cr_expect(is_refused((struct str){bytes, text.length}, now), "%zu: %s", changed,
                      rows[i]);
        }
    }
}

Test(date, survives_any_now_and_any_bytes)
{
    static const int64_t nows[] = {INT64_MIN, INT64_MAX, -62167219200, 253402300799, 0};
    int64_t seconds;
    for (size_t i = 0; i < COUNT_OF(nows); i++) {
        cr_expect(date_parse(STR("Sunday, 06-Nov-94 08:49:37 GMT"), nows[i], &seconds));
        cr_expect(date_parse(STR("Sunday, 06-Nov-00 08:49:37 GMT"), nows[i], &seconds));
    }
    static const char alphabet[] = "SunMonday, 0123456789-:GMTNovFeb";
    struct prng prng = {3};
    for (int round = 0; round < 20000; round++) {
        char bytes[40];
        size_t length = prng_below(&prng, sizeof bytes + 1);
        for (size_t i = 0; i < length; i++)
            bytes[i] = alphabet[prng_below(&prng, sizeof alphabet - 1)];
        if (length > 8)
            memcpy(bytes, "Sun, 06 ", prng_below(&prng, 9));
        struct str copy = guard_copy((struct str){bytes, length});
        date_parse(copy, now, &seconds);
        guard_drop(copy);
    }
}

Test(date, formats_the_current_time_once_a_second)
{
    struct date_now clock = {0};
    date_now_set(&clock, 5, 0); /* second 0 must not count as "unchanged" */
    cr_expect_arr_eq(clock.text, "Thu, 01 Jan 1970 00:00:00 GMT", DATE_BYTES);
    clock.text[0] = '*'; /* a mark, overwritten when the text is formatted again */
    date_now_set(&clock, 6, 0);
    cr_expect_eq(clock.ms, 6);
    cr_expect_eq(clock.text[0], '*', "written again within the second");
    date_now_set(&clock, 7, Y1994);
    cr_expect_eq(clock.seconds, Y1994);
    cr_expect_arr_eq(clock.text, "Sun, 06 Nov 1994 08:49:37 GMT", DATE_BYTES);
    date_now_set(&clock, 8, 0); /* the clock was set back */
    cr_expect_arr_eq(clock.text, "Thu, 01 Jan 1970 00:00:00 GMT", DATE_BYTES);
}

/* As strftime's %d/%b/%Y:%H:%M:%S %z has it, and RFC 3339 section 5.6. */
Test(date, writes_local_time_with_its_offset)
{
    static const struct {
        int64_t seconds;
        int32_t offset_s;
        const char *log, *local;
    } rows[] = {
        {Y1994, 0, "06/Nov/1994:08:49:37 +0000", "1994-11-06T08:49:37+00:00"},
        {Y1994, 7200, "06/Nov/1994:10:49:37 +0200", "1994-11-06T10:49:37+02:00"},
        {Y1994, -12600, "06/Nov/1994:05:19:37 -0330", "1994-11-06T05:19:37-03:30"},
        {Y1994, 45900, "06/Nov/1994:21:34:37 +1245", "1994-11-06T21:34:37+12:45"},
        {Y1994, -59, "06/Nov/1994:08:49:37 +0000", "1994-11-06T08:49:37+00:00"}, /* LMT */
        {0, -3600, "31/Dec/1969:23:00:00 -0100", "1969-12-31T23:00:00-01:00"},
        {951782399, 3600, "29/Feb/2000:00:59:59 +0100", "2000-02-29T00:59:59+01:00"},
        {INT64_MIN, -3600, "01/Jan/0000:00:00:00 -0100", "0000-01-01T00:00:00-01:00"},
        {INT64_MAX, 3600, "31/Dec/9999:23:59:59 +0100", "9999-12-31T23:59:59+01:00"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char log[DATE_LOG_BYTES + 1] = {[DATE_LOG_BYTES] = '#'};
        char local[DATE_LOCAL_BYTES + 1] = {[DATE_LOCAL_BYTES] = '#'};
        date_write_log(log, rows[i].seconds, rows[i].offset_s);
        date_write_local(local, rows[i].seconds, rows[i].offset_s);
        cr_expect(memcmp(log, rows[i].log, DATE_LOG_BYTES) == 0, "%zu: %.*s", i, DATE_LOG_BYTES,
                  log);
        cr_expect(memcmp(local, rows[i].local, DATE_LOCAL_BYTES) == 0, "%zu: %.*s", i,
                  DATE_LOCAL_BYTES, local);
        cr_expect(log[DATE_LOG_BYTES] == '#' && local[DATE_LOCAL_BYTES] == '#');
    }
}
