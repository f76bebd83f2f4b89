/* rules: the header fields that a site's owner adds to responses, and to which paths.
 *
 * They come from `--header` and from a _headers file, in the format of Netlify and Cloudflare
 * Pages: a line that begins with a slash is a path, one that begins with https:// or http:// a host
 * and a path (see pattern); below it come lines "Name: value", or "! Name" to remove a field.
 * Indentation means nothing. Values may have parts of the path in them (see rules_value).
 *
 * Pure: text in, fields out. Uses pattern, header_policy and fields. A set owns its text; once
 * built, it is only read, by any number of threads. Names and values are RFC 9110 sections 5.1
 * and 5.5. Fields about the message or its state belong to the server, and no rule may set them
 * (see header_policy). */
#ifndef SLUICE_RULES_H
#define SLUICE_RULES_H

#include "base/problem.h"
#include "http/fields.h"

enum {
    RULES_MAX = 1000,              /* in one set */
    RULES_LINE_BYTES_MAX = 8192,   /* of a _headers file, without its end */
    RULES_VALUE_BYTES_MAX = 2048,  /* of one field */
    RULES_ANSWER_FIELDS_MAX = 128, /* in one response */
    RULES_ANSWER_BYTES_MAX = 4096, /* of one response's fields as HTTP/1 lines */
};

struct rules;

/* No rules. NULL: out of memory. *Gives*: rules_destroy, which takes NULL, too. */
struct rules *rules_create(void);
void rules_destroy(struct rules *rules);

/* Whether some of the rules are for some hosts only. */
bool rules_have_hosts(const struct rules *rules);

/* Adds the rules in TEXT, a whole _headers file. Lines may end in CRLF; '#' begins a comment line.
 * White space around a line, a name and a value means nothing. An invalid line is reported to
 * COMPLAIN (with CONTEXT; the problem has its number) and skipped; after an invalid path, so are
 * the lines below it. All other lines count. TEXT is copied. Returns 0; or -ENOMEM, with the rules
 * up to there kept. */
int rules_read(struct rules *rules, struct str text,
               void (*complain)(void *context, const struct problem *problem), void *context);

/* Adds the rule "PATTERN: Name: value" or "PATTERN: ! Name". TEXT is copied. Returns 0; or -EINVAL
 * or -ENOMEM, with *RET_PROBLEM set. */
int rules_add(struct rules *rules, struct str text, struct problem *ret_problem);

/* Adds the rule that gives FIELD, which a rule may set, where PATTERN matches. Both are copied. The
 * result is as that of rules_add. */
int rules_add_field(struct rules *rules, struct str pattern, const struct field *field,
                    struct problem *ret_problem);

/* The kind of a response decides which of the rules' fields it has:
 *
 * - RULES_FILE: the file or one range of it: every field.
 * - RULES_OTHER: no content, or content of another type (a redirect, a 304, a 206 of several
 *   parts): every field but Content-Type.
 * - RULES_ERROR: 4xx and 5xx: no field that describes the file or allows storing it, since a file
 *   that is missing now must not stay missing for a year. */
enum rules_response_kind {
    RULES_FILE,
    RULES_OTHER,
    RULES_ERROR,
};

/* A query about one response. *Borrows* all that it points to. */
struct rules_query {
    const struct rules *const *sets; /* first to last; NULL is a set without rules */
    unsigned set_count;
    struct str path; /* decoded, with its leading slash: "/a b.css", "/dir/" */
    enum rules_response_kind response_kind;
    struct str host; /* as from authority_host; empty: rules for hosts do not match */
};

/* Memory for the values of one response that have parts of the path in them. */
struct rules_values {
    size_t used;
    char bytes[RULES_ANSWER_BYTES_MAX];
};

/* Adds the fields that the rules give the response to FIELDS, which has room for
 * RULES_ANSWER_FIELDS_MAX more: as HTTP/1 lines these take at most RULES_ANSWER_BYTES_MAX bytes.
 * Names and values are *borrowed* from the rules and from VALUES, which is written; the fields that
 * FIELDS had before are not touched.
 *
 * All rules that match the path count, in order. Several fields of one name mean the same as one
 * with commas (RFC 9110 section 5.3); of two equal ones only the first is added. A field that is
 * not defined as a list is added once, with its last value. "! Name" removes the fields that
 * earlier rules gave. A field for which the bounds leave no room is left out,
 * and so is one whose value is empty once it is filled in. */
void rules_apply(const struct rules_query *query, struct fields *fields,
                 struct rules_values *values);

/* A rule that counted for a query. */
struct rules_step {
    unsigned set;     /* index of its set in the query */
    unsigned index;   /* of the rule in its set */
    unsigned line;    /* of its _headers file; 0: it is not of a file */
    struct str name;  /* of the field */
    struct str value; /* that was added; absent: none was, see REMOVES */
    bool removes;     /* the field's values from before were removed by "! Name" */
};

/* Calls NOTE with each rule that counts for QUERY, in order: those that rules_apply applies. */
void rules_trace(const struct rules_query *query,
                 void (*note)(void *context, const struct rules_step *step), void *context);

enum rules_verdict {
    RULES_SILENT,   /* the rules do not mention the field: the default applies */
    RULES_REPLACED, /* rules_apply adds a field of that name, or several */
    RULES_REMOVED,  /* it adds none, and the default must not be sent either */
};

/* What the rules decide about the field NAME, in any letter case, in the response. */
enum rules_verdict rules_verdict(const struct rules_query *query, struct str name);

/* Whether a rule for some hosts only matches QUERY: the response differs from that of other
 * hosts. */
bool rules_depend_on_host(const struct rules_query *query);

#endif
