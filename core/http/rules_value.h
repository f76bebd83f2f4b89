/* rules_value: fills what the wildcards of a pattern matched in the value of a rule.
 *
 * In a value, `:name` means the bytes that the pattern's `:name` matched, and `:splat` those of its
 * `*`; a name that the pattern does not have is ordinary text. A capture is percent-encoded (RFC
 * 3986 section 2.1), all bytes but unreserved ones and slashes, as a client would send it: no
 * request can put a delimiter, a quote or a control character into a field. Pure; may use pattern,
 * path and rules. */
#ifndef SLUICE_RULES_VALUE_H
#define SLUICE_RULES_VALUE_H

#include "http/pattern.h"
#include "http/rules.h"

/* The patterns of a rule as they are written; their wildcards give the names. */
struct rules_names {
    struct str host; /* absent: the pattern has none */
    struct str path;
};

/* What the wildcards matched. */
struct rules_captures {
    struct str path[PATTERN_WILDCARDS_MAX];
    struct str host[PATTERN_WILDCARDS_MAX];
};

/* Writes the prepared form of VALUE, which is not longer than VALUE, to TO. Returns its length.
 * *RET_FILLED: it has captures in it; else it is VALUE. */
size_t rules_value_prepare(struct str value, const struct rules_names *names, char *to,
                           bool *ret_filled);

/* The first `:name` in VALUE that NAMES lack, and that is hardly meant as text: `:splat`, or one
 * that does not follow a letter, a digit, '_' or ':', as in Help:Contents and std::string. Absent:
 * VALUE has none. */
struct str rules_value_unknown(struct str value, const struct rules_names *names);

/* The text of PREPARED with CAPTURES, kept in VALUES. Absent: there is no room, or the text is
 * empty. */
struct str rules_value_fill(struct str prepared, const struct rules_captures *captures,
                            struct rules_values *values);

#endif
