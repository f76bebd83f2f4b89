/* num: parses and formats numbers.
 *
 * Owns nothing, allocates nothing. A parser accepts or refuses every input: the whole view must be
 * the number, with no sign and no white space, and nothing after it. A result that does not fit is
 * refused. */
#ifndef SLUICE_NUM_H
#define SLUICE_NUM_H

#include "base/str.h"

enum {
    NUM_U64_DIGITS_MAX = 20, /* 18446744073709551615 */
    NUM_HEX_DIGITS_MAX = 16,
};

/* Parses decimal digits (1*DIGIT). False, with *RET untouched, if TEXT is empty, has another byte,
 * or exceeds UINT64_MAX. */
bool num_parse_u64(struct str text, uint64_t *ret);

/* Parses a size: digits, then nothing or one of B, K, M, G, KB, MB, GB, KiB, MiB, GiB in any case,
 * all of them powers of 1024. False, with *RET_BYTES untouched: not a size, or over UINT64_MAX
 * bytes. */
bool num_parse_size(struct str text, uint64_t *ret_bytes);

/* Parses a duration: digits with an optional fraction of up to 9 digits, then ms, s, m or h;
 * without a unit, seconds: "1.5s", "250ms", "0", "2m". Rounded up to whole milliseconds, so that
 * only zero gives zero. False, with *RET_MS untouched: not a duration, or over UINT64_MAX
 * milliseconds. */
bool num_parse_span(struct str text, uint64_t *ret_ms);

/* Writes VALUE in decimal to TO, which has room for NUM_U64_DIGITS_MAX bytes; no NUL. Returns the
 * number of bytes written. */
size_t num_write_u64(char *to, uint64_t value);

/* The same in lower-case hexadecimal, without leading zeros; TO has room for NUM_HEX_DIGITS_MAX
 * bytes. */
size_t num_write_hex(char *to, uint64_t value);

/* Writes a size for people, rounded to a tenth and NUL-terminated: "0 B", "1023 B", "8 KiB", "1.5
 * MiB". */
void num_write_size(char to[static 16], uint64_t bytes);

#endif
