/* rules: header fields that the site's owner wants sent, and with which paths.
 *
 * They come from `--header` and from a _headers file in the form of the big hosts: a path in column
 * one (see pattern), and below it, indented, lines "Name: value", or "! Name" to take a field away.
 * Pure: text in, field lines out; includes pattern and str. Once built, a set of rules is only read,
 * by any number of threads. Names and values are RFC 9110 sections 5.1 and 5.5; what is about the
 * message or its state is Sluice's own, and no rule may touch it. */
#ifndef SLUICE_RULES_H
#define SLUICE_RULES_H

#include "base/str.h"

enum {
    RULES_FIELDS_MAX = 1000,       /* of one set */
    RULES_LINE_BYTES_MAX = 8192,   /* of a _headers file, without its end */
    RULES_VALUE_BYTES_MAX = 2048,  /* of one field */
    RULES_LINES_MAX = 128,         /* of one answer */
    RULES_ANSWER_BYTES_MAX = 4096, /* of one answer's lines together */
};

struct rules;

/* No rules. NULL: out of memory. *Gives*: rules_destroy, which takes NULL, too. */
struct rules *rules_create(void);
void rules_destroy(struct rules *rules);

/* What is wrong with a line, and what to do about it, in words for people. */
struct rules_mistake {
    unsigned line; /* from 1 */
    const char *reason;
};

/* Adds the rules in TEXT, a whole _headers file. Lines may end in CRLF, '#' begins a comment line. A
 * line that is wrong is told to COMPLAIN (with CONTEXT) and left out, the lines under a wrong path
 * along with it; all others count. TEXT is copied. Returns 0; or -ENOMEM, with what was read before
 * kept. */
int rules_read(struct rules *rules, struct str text,
               void (*complain)(void *context, const struct rules_mistake *mistake), void *context);

/* Adds the rule "PATTERN: Name: value" or "PATTERN: ! Name". TEXT is copied. Returns 0; -EINVAL, with
 * *RET_REASON set to words for people; or -ENOMEM. */
int rules_add(struct rules *rules, struct str text, const char **ret_reason);

/* Whom an answer is for decides which fields go along. */
enum rules_audience {
    RULES_FILE, /* the file or a range of it: every field */
    RULES_OTHER, /* an answer with another Content-Type or none, such as a redirect, a 304, or a 206 of
                    several parts: all but Content-Type */
    RULES_ERROR, /* 4xx and 5xx: none that describes the file or lets it be stored, as a file that is
                    missing now must not be missing for a year */
};

/* A question about one answer. *Borrows* all it points to. */
struct rules_query {
    const struct rules *const *sets; /* first to last; NULL is one without rules */
    unsigned set_count;
    struct str path; /* decoded, with its leading slash: "/a b.css", "/dir/" */
    enum rules_audience audience;
};

/* Writes the field lines for QUERY's answer, "Name: value\r\n" each, as far as whole lines fit into the
 * ROOM bytes at TO. Returns the bytes that all of them take, at most RULES_ANSWER_BYTES_MAX.
 *
 * All rules that match count, in order. Fields of one name are lines of their own, which means the same
 * as one with commas (RFC 9110 section 5.3), each value once; of a field that is no list the last value
 * alone is sent. "! Name" takes away what was given before it. A line for which the answer has no room
 * left is left out. */
size_t rules_write(const struct rules_query *query, char *to, size_t room);

enum rules_word {
    RULES_SILENT,   /* nothing: Sluice's default stands */
    RULES_REPLACED, /* rules_write gives a line of that name, or more */
    RULES_REMOVED,  /* it gives none, and the default is not to be sent either */
};

/* What the rules say about the field NAME in QUERY's answer. */
enum rules_word rules_say(const struct rules_query *query, struct str name);

#endif
