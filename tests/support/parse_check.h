/* parse_check: a request head given to h1_parse in every way that it may arrive: whole, in two
 * pieces split at every position, and byte by byte, in memory that changes place between the calls
 * and ends at a guard page. All must come to the same outcome, or the running test fails. */
#ifndef SLUICE_TESTS_PARSE_CHECK_H
#define SLUICE_TESTS_PARSE_CHECK_H

#include "h1/h1_parse.h"

/* What h1_parse said, with views that live until the next call of parse_every_way. */
struct parsed {
    enum h1_parse_result result;
    struct h1_head head; /* not for MORE; REFUSAL and all that was understood for BAD */
    size_t head_bytes;
};

enum { PARSE_INPUT_MAX = 66 << 10 };

/* The outcome for INPUT, of at most PARSE_INPUT_MAX bytes, whichever way it comes. LABEL names it
 * in messages. */
struct parsed parse_every_way(const char *label, struct str input, size_t head_bytes_max);

/* The same for LINE, "Host: a" and FIELDS, which also name it, with heads of at most 8 KiB. */
struct parsed parse_fields(struct str line, struct str fields);

/* The same as parse_every_way, given whole only. */
struct parsed parse_whole(struct str input, size_t head_bytes_max);

/* INPUT split once, at FIRST. Fails the test if the outcome is not EXPECTED. */
void parse_split(const char *label, struct str input, size_t head_bytes_max, size_t first,
                 const struct parsed *expected);

#endif
