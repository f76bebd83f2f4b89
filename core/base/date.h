/* date: HTTP dates, RFC 9110 section 5.6.7.
 *
 * Owns nothing. Pure: reads no clock and no time zone database. Seconds are POSIX seconds since
 * 1970-01-01T00:00:00Z. All dates are UTC in the proleptic Gregorian calendar. */
#ifndef SLUICE_DATE_H
#define SLUICE_DATE_H

#include "base/str.h"

enum { DATE_BYTES = 29 }; /* "Sun, 06 Nov 1994 08:49:37 GMT" */

/* Writes SECONDS as an IMF-fixdate: exactly DATE_BYTES bytes, no NUL. SECONDS outside the years
 * 0000 to 9999 is clamped to the nearest date in them. */
void date_write(char to[static DATE_BYTES], int64_t seconds);

enum { DATE_RFC3339_BYTES = 20 }; /* "1994-11-06T08:49:37Z" */

/* Writes SECONDS in the format of RFC 3339 section 5.6 (a profile of ISO 8601): exactly
 * DATE_RFC3339_BYTES bytes, no NUL. Clamped like date_write. */
void date_write_rfc3339(char to[static DATE_RFC3339_BYTES], int64_t seconds);

enum {
    DATE_LOG_BYTES = 26,   /* "06/Nov/1994:08:49:37 +0100" */
    DATE_LOCAL_BYTES = 25, /* "1994-11-06T08:49:37+01:00" */
};

/* Writes SECONDS in local time, which is OFFSET_S seconds ahead of UTC (within a day; rounded
 * towards zero to whole minutes), as web servers log it: exactly DATE_LOG_BYTES bytes, no NUL.
 * Clamped like date_write. */
void date_write_log(char to[static DATE_LOG_BYTES], int64_t seconds, int32_t offset_s);

/* The same in the format of RFC 3339: exactly DATE_LOCAL_BYTES bytes, no NUL. */
void date_write_local(char to[static DATE_LOCAL_BYTES], int64_t seconds, int32_t offset_s);

/* Parses any of the three formats: IMF-fixdate, the obsolete RFC 850 format and asctime's.
 * NOW_SECONDS settles the century of a two-digit year: the latest that puts the date at most 50
 * years ahead. Strict: the exact format and case, and a date that the calendar has. The day name
 * must be spelled as the format wants, but need not agree with the date. Second 60 is accepted in
 * any minute and means the first second of the next one. False otherwise, with *RET_SECONDS
 * untouched. */
bool date_parse(struct str text, int64_t now_seconds, int64_t *ret_seconds);

/* The current time. An event loop reads the clocks once a turn and passes this on. */
struct date_now {
    uint64_t ms;           /* monotonic clock */
    int64_t clock_seconds; /* the same clock as clock_read found it */
    int64_t clock_ns;      /* after that second */
    uint64_t turn;         /* number of times it has been set; 0: never */
    int64_t seconds;       /* POSIX time */
    char text[DATE_BYTES]; /* SECONDS as an IMF-fixdate */
};

/* Sets *NOW, which must be all zeros before the first call. TEXT is written only when the second
 * has changed. */
void date_now_set(struct date_now *now, uint64_t ms, int64_t seconds);

#endif
