/* date: see date.h.
 *
 * The calendar is computed: days are counted in eras of 400 years that begin on 1 March, so that
 * the leap day is the last day of its year. The C library's functions depend on a locale or a time
 * zone, and strptime accepts more than the three formats. */
#include "base/date.h"

#define DAY_SECONDS ((int64_t)86400)

/* 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z: the range of a four-digit year. */
#define FIRST_SECOND ((int64_t)-62167219200)
#define LAST_SECOND  ((int64_t)253402300799)

struct moment {
    int64_t year;
    int64_t month; /* 1 to 12 */
    int64_t day;   /* 1 to 31 */
    int64_t hour;
    int64_t minute;
    int64_t second; /* 60: a leap second; parsed, never written */
};

/* The abbreviated names are the first three letters of these. */
static const char *const day_names[] = {
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
};
static_assert(COUNT_OF(day_names) == 7, "a name for each day of the week");

static const char *const month_names[] = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
};
static_assert(COUNT_OF(month_names) == 12, "a name for each month");

static int64_t floor_divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Days from 1970-01-01 to the date; negative before it. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t march_year = month > 2 ? year : year - 1;
    int64_t march_month = month > 2 ? month - 3 : month + 9;
    int64_t era = floor_divide(march_year, 400);
    int64_t year_of_era = march_year - era * 400;
    int64_t day_of_year = (153 * march_month + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468; /* 719468: days from 0000-03-01 to 1970-01-01 */
}

/* The inverse of days_of, with the time of day. SECONDS outside four-digit years is clamped. */
static struct moment moment_of(int64_t seconds, int64_t *ret_days)
{
    if (seconds < FIRST_SECOND)
        seconds = FIRST_SECOND;
    if (seconds > LAST_SECOND)
        seconds = LAST_SECOND;
    int64_t days = floor_divide(seconds, DAY_SECONDS);
    int64_t rest = seconds - days * DAY_SECONDS;
    int64_t era = floor_divide(days + 719468, 146097);
    int64_t day_of_era = days + 719468 - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * day_of_year + 2) / 153;
    int64_t month = march_month < 10 ? march_month + 3 : march_month - 9;

    *ret_days = days;
    return (struct moment){
        .year = era * 400 + year_of_era + (month <= 2),
        .month = month,
        .day = day_of_year - (153 * march_month + 2) / 5 + 1,
        .hour = rest / 3600,
        .minute = rest / 60 % 60,
        .second = rest % 60,
    };
}

/* --- Writing ---------------------------------------------------------------------------------- */

static void write_two(char *to, int64_t value)
{
    to[0] = (char)('0' + value / 10);
    to[1] = (char)('0' + value % 10);
}

/* Writes "1994". */
static void write_year(char *to, const struct moment *moment)
{
    write_two(to, moment->year / 100);
    write_two(to + 2, moment->year % 100);
}

/* Writes "08:49:37", but for the colons. */
static void write_clock(char *to, const struct moment *moment)
{
    write_two(to, moment->hour);
    write_two(to + 3, moment->minute);
    write_two(to + 6, moment->second);
}

void date_write(char to[static DATE_BYTES], int64_t seconds)
{
    int64_t days;
    struct moment m = moment_of(seconds, &days);
    int64_t week_day = days + 4 - floor_divide(days + 4, 7) * 7; /* 1970-01-01: a Thursday */
    memcpy(to, "Sun, 06 Nov 1994 08:49:37 GMT", DATE_BYTES);
    memcpy(to, day_names[week_day], 3);
    write_two(to + 5, m.day);
    memcpy(to + 8, month_names[m.month - 1], 3);
    write_year(to + 12, &m);
    write_clock(to + 17, &m);
}

void date_write_rfc3339(char to[static DATE_RFC3339_BYTES], int64_t seconds)
{
    int64_t days;
    struct moment m = moment_of(seconds, &days);
    memcpy(to, "1994-11-06T08:49:37Z", DATE_RFC3339_BYTES);
    write_year(to, &m);
    write_two(to + 5, m.month);
    write_two(to + 8, m.day);
    write_clock(to + 11, &m);
}

/* Writes "+0100", or "+01:00" if COLON. Returns the end. */
static char *write_offset(char *to, int32_t offset_s, bool colon)
{
    const int32_t minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;
    *to++ = offset_s <= -60 ? '-' : '+'; /* "-00:00" would mean that the offset is not known */
    write_two(to, minutes / 60 % 100);
    to += 2;
    if (colon)
        *to++ = ':';
    write_two(to, minutes % 60);
    return to + 2;
}

/* SECONDS shifted by the whole minutes of OFFSET_S. */
static int64_t shift(int64_t seconds, int32_t offset_s)
{
    const int64_t clamped = seconds < FIRST_SECOND  ? FIRST_SECOND
                            : seconds > LAST_SECOND ? LAST_SECOND
                                                    : seconds;
    return clamped + offset_s / 60 * 60;
}

void date_write_log(char to[static DATE_LOG_BYTES], int64_t seconds, int32_t offset_s)
{
    int64_t days;
    struct moment m = moment_of(shift(seconds, offset_s), &days);
    memcpy(to, "06/Nov/1994:08:49:37 ", DATE_LOG_BYTES - 5);
    write_two(to, m.day);
    memcpy(to + 3, month_names[m.month - 1], 3);
    write_year(to + 7, &m);
    write_clock(to + 12, &m);
    write_offset(to + DATE_LOG_BYTES - 5, offset_s, false);
}

void date_write_local(char to[static DATE_LOCAL_BYTES], int64_t seconds, int32_t offset_s)
{
    char utc[DATE_RFC3339_BYTES];
    date_write_rfc3339(utc, shift(seconds, offset_s));
    memcpy(to, utc, DATE_RFC3339_BYTES - 1);
    write_offset(to + DATE_RFC3339_BYTES - 1, offset_s, true);
}

void date_now_set(struct date_now *now, uint64_t ms, int64_t seconds)
{
    now->ms = ms;
    now->turn++;
    if (now->seconds == seconds && now->text[0] != '\0')
        return;
    now->seconds = seconds;
    date_write(now->text, seconds);
}

/* --- Reading ---------------------------------------------------------------------------------- */

static bool take_number(struct str *rest, size_t digits, int64_t *ret)
{
    if (rest->length < digits)
        return false;
    int64_t value = 0;
    for (size_t i = 0; i < digits; i++) {
        if (!char_is_digit(rest->at[i]))
            return false;
        value = value * 10 + (rest->at[i] - '0');
    }
    *rest = str_from(*rest, digits);
    *ret = value;
    return true;
}

static bool take_literal(struct str *rest, struct str literal)
{
    if (!str_starts_with(*rest, literal))
        return false;
    *rest = str_from(*rest, literal.length);
    return true;
}

/* Takes one of COUNT names, each cut to its first LETTERS letters. *RET is its index. */
static bool take_name(struct str *rest, const char *const *names, size_t count, size_t letters,
                      int64_t *ret)
{
    for (size_t i = 0; i < count; i++) {
        if (take_literal(rest, str_first(str_of(names[i]), letters))) {
            *ret = (int64_t)i;
            return true;
        }
    }
    return false;
}

/* Takes one field. FIELD is its conversion character in strftime(3). */
static bool take_field(struct str *rest, char field, struct moment *m)
{
    int64_t which;
    switch (field) {
    case 'a':
        return take_name(rest, day_names, COUNT_OF(day_names), 3, &which);
    case 'A':
        return take_name(rest, day_names, COUNT_OF(day_names), SIZE_MAX, &which);
    case 'b':
        if (!take_name(rest, month_names, COUNT_OF(month_names), 3, &which))
            return false;
        m->month = which + 1;
        return true;
    case 'd':
        return take_number(rest, 2, &m->day);
    case 'e': /* two digits, or a space and one digit */
        return take_number(rest, take_literal(rest, STR(" ")) ? 1 : 2, &m->day);
    case 'H':
        return take_number(rest, 2, &m->hour);
    case 'M':
        return take_number(rest, 2, &m->minute);
    case 'S':
        return take_number(rest, 2, &m->second);
    case 'Y':
        return take_number(rest, 4, &m->year);
    case 'y':
        return take_number(rest, 2, &m->year);
    default:
        assert(!"no such field");
        return false;
    }
}

/* Whether all of TEXT matches PATTERN. The fields are stored in *M. */
static bool matches(struct str text, const char *pattern, struct moment *m)
{
    for (; *pattern != '\0'; pattern++) {
        bool taken = *pattern == '%' ? take_field(&text, *++pattern, m)
                                     : take_literal(&text, (struct str){pattern, 1});
        if (!taken)
            return false;
    }
    return text.length == 0;
}

/* A sort key: orders two moments of the same year. */
static int64_t order_in_year(const struct moment *m)
{
    return (((m->month * 32 + m->day) * 24 + m->hour) * 60 + m->minute) * 61 + m->second;
}

/* The latest year that ends in the two digits of M->year and puts M at most 50 years from now. */
static int64_t year_of_two_digits(const struct moment *m, int64_t now_seconds)
{
    int64_t days;
    struct moment now = moment_of(now_seconds, &days);
    int64_t latest = now.year + 50;
    int64_t year = latest - (latest + 100 - m->year) % 100;
    bool over = year == latest && order_in_year(m) > order_in_year(&now);
    return over ? year - 100 : year;
}

static bool is_real(const struct moment *m)
{
    int64_t next_month =
        m->month < 12 ? days_of(m->year, m->month + 1, 1) : days_of(m->year + 1, 1, 1);
    int64_t month_days = next_month - days_of(m->year, m->month, 1);
    return m->day >= 1 && m->day <= month_days && m->hour < 24 && m->minute < 60 && m->second <= 60;
}

bool date_parse(struct str text, int64_t now_seconds, int64_t *ret_seconds)
{
    static const struct {
        const char *pattern;
        bool two_digit_year;
    } forms[] = {
        {"%a, %d %b %Y %H:%M:%S GMT", false}, /* IMF-fixdate */
        {"%A, %d-%b-%y %H:%M:%S GMT", true},  /* rfc850-date */
        {"%a %b %e %H:%M:%S %Y", false},      /* asctime-date */
    };
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        struct moment m = {0};
        if (!matches(text, forms[i].pattern, &m))
            continue;
        if (forms[i].two_digit_year)
            m.year = year_of_two_digits(&m, now_seconds);
        if (!is_real(&m))
            return false;
        *ret_seconds = days_of(m.year, m.month, m.day) * DAY_SECONDS + m.hour * 3600 +
                       m.minute * 60 + m.second;
        return true;
    }
    return false;
}
