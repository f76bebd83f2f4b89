/* num: numbers as text, both ways.
 *
 * Owns nothing, allocates nothing. Parsing is total: every input gives a value or a refusal, and
 * the whole view must be the number (no sign, no white space, nothing after it). */
#ifndef SLUICE_NUM_H
#define SLUICE_NUM_H

#include "base/str.h"

enum {
    NUM_U64_DIGITS_MAX = 20, /* 18446744073709551615 */
    NUM_HEX_DIGITS_MAX = 16,
};

/* Decimal digits only (1*DIGIT). False, *RET untouched: empty, another byte, or over UINT64_MAX. */
bool num_parse_u64(struct str text, uint64_t *ret);

/* A size: digits, then nothing or B, K, M, G, KB, MB, GB, KiB, MiB, GiB in letters of any case, all
 * of them powers of 1024. False: no such size, or over UINT64_MAX bytes. */
bool num_parse_size(struct str text, uint64_t *ret_bytes);

/* A time span: digits with an optional fraction of up to 9 digits, then ms, s, m, h; no unit means
 * seconds: "1.5s", "250ms", "0", "2m". A part of a millisecond counts as a whole one, so that only
 * zero is zero. False: no such span, or over UINT64_MAX milliseconds. */
bool num_parse_span(struct str text, uint64_t *ret_ms);

/* Writes VALUE in decimal at TO, which has room for NUM_U64_DIGITS_MAX bytes; no NUL. Returns the
 * number of bytes written. */
size_t num_write_u64(char *to, uint64_t value);

/* The same in lower-case hexadecimal, without leading zeros; room for NUM_HEX_DIGITS_MAX. */
size_t num_write_hex(char *to, uint64_t value);

/* A size for people: "0 B", "1023 B", "8 KiB", "1.5 MiB", rounded to a tenth and NUL-terminated. */
void num_write_size(char to[static 16], uint64_t bytes);

#endif
