/* date: HTTP dates, RFC 9110 section 5.6.7.
 *
 * Owns nothing. Pure: no clock is read and no time zone database used. Seconds are POSIX seconds
 * since 1970-01-01T00:00:00Z; all dates are UTC in the proleptic Gregorian calendar. */
#ifndef SLUICE_DATE_H
#define SLUICE_DATE_H

#include "base/str.h"

enum { DATE_BYTES = 29 }; /* "Sun, 06 Nov 1994 08:49:37 GMT" */

/* Writes SECONDS as an IMF-fixdate: exactly DATE_BYTES bytes, no NUL. SECONDS outside the years
 * 0000 to 9999 is clamped to the nearest date that four digits can say. */
void date_write(char to[static DATE_BYTES], int64_t seconds);

enum { DATE_RFC3339_BYTES = 20 }; /* "1994-11-06T08:49:37Z" */

/* Writes SECONDS in the form of RFC 3339, which is one of ISO 8601: exactly DATE_RFC3339_BYTES bytes, no
 * NUL. Clamped like date_write. */
void date_write_rfc3339(char to[static DATE_RFC3339_BYTES], int64_t seconds);

/* Reads any of the three forms: IMF-fixdate, the obsolete RFC 850 form and asctime's. NOW_SECONDS
 * settles the century of a two-digit year: the latest that puts the date at most 50 years ahead.
 * Strict: exact form and case, a real calendar date (the second :60 is taken in any minute and means
 * the next minute's first), a day name of the form's own spelling (it need not agree with the date).
 * False, *RET untouched, otherwise. */
bool date_parse(struct str text, int64_t now_seconds, int64_t *ret_seconds);

/* What time it is: read once a turn by an event loop, handed down as an argument. */
struct date_now {
    uint64_t ms;           /* monotonic */
    uint64_t turn;         /* how often it has been read; 0: never */
    int64_t seconds;       /* wall clock */
    char text[DATE_BYTES]; /* SECONDS as an IMF-fixdate */
};

/* Sets NOW, which is all zeros before the first time; the text is written only when the second has
 * changed. */
void date_now_set(struct date_now *now, uint64_t ms, int64_t seconds);

#endif
