/* rules: see rules.h. A set is an array of rules in the order of their text, each with its pattern.
 * Text is copied into pieces that live as long as the set. */
#include "http/rules.h"

#include "http/header_policy.h"
#include "http/pattern.h"

#include <errno.h>
#include <stdlib.h>

/* --- Sets ------------------------------------------------------------------------------------- */

struct rule {
    struct str pattern; /* prepared; the same view for all rules below one path */
    struct str name;
    struct str value;
    const struct header_policy *header;
    bool removes; /* "! Name" */
};

struct piece {
    struct piece *next;
    char bytes[];
};

struct rules {
    struct piece *pieces;
    unsigned count;
    struct rule items[RULES_MAX];
};

struct rules *rules_create(void)
{
    return calloc(1, sizeof(struct rules));
}

void rules_destroy(struct rules *rules)
{
    if (!rules)
        return;
    while (rules->pieces) {
        struct piece *piece = rules->pieces;
        rules->pieces = piece->next;
        free(piece);
    }
    free(rules);
}

/* Copies TEXT, which is not empty, for as long as RULES lives. Absent: out of memory. */
static struct str keep(struct rules *rules, struct str text)
{
    struct piece *piece = malloc(sizeof *piece + text.length);
    if (!piece)
        return STR_ABSENT;
    piece->next = rules->pieces;
    rules->pieces = piece;
    str_put(piece->bytes, text);
    return (struct str){piece->bytes, text.length};
}

/* Adds RULE, whose name and value are copied. */
static int add_rule(struct rules *rules, const struct rule *rule)
{
    assert(rules->count < RULES_MAX);
    struct rule kept = *rule;
    kept.name = keep(rules, rule->name);
    if (!rule->removes)
        kept.value = keep(rules, rule->value);
    if (!kept.name.at || (!kept.value.at && !kept.removes))
        return -ENOMEM;
    rules->items[rules->count++] = kept;
    return 0;
}

/* --- Reading ---------------------------------------------------------------------------------- */

static const char full_reason[] = "more than 1000 header lines; use wildcards";

/* field-vchar, SP and HTAB, RFC 9110 section 5.5. */
static bool is_value(struct str text)
{
    for (size_t i = 0; i < text.length; i++) {
        uint8_t byte = (uint8_t)text.at[i];
        if ((byte < ' ' && byte != '\t') || byte == 0x7f)
            return false;
    }
    return true;
}

/* Parses LINE, trimmed: "Name: value" or "! Name". Sets all of *RET but the pattern, as views into
 * LINE. Returns NULL; or the mistake in LINE, with *RET untouched. */
static const char *parse_rule(struct str line, struct rule *ret)
{
    bool removes = line.length > 0 && line.at[0] == '!';
    size_t colon = str_find(line, ':');
    struct str name = str_trim(removes ? str_from(line, 1) : str_first(line, colon));
    struct str value = STR_ABSENT;
    if (!removes)
        value = str_trim(str_from(line, colon + 1));
    if (!removes && colon == line.length)
        return "the line has no colon; write 'Name: value', or '! Name' to remove a header";
    if (!str_is_token(name))
        return removes ? "the text after '!' is not a header name; write '! Name'"
                       : "the text before the colon is not a header name; write 'Name: value'";
    const struct header_policy *header = header_policy_of(name);
    if (header->refusal)
        return header->refusal;
    if (!removes && value.length == 0)
        return "the value is missing; write 'Name: value', or '! Name' to remove a header";
    if (value.length > RULES_VALUE_BYTES_MAX)
        return "the value is longer than 2048 bytes; shorten it";
    if (!is_value(value))
        return "the value contains a control character; remove it";
    *ret = (struct rule){ret->pattern, name, value, header, removes};
    return NULL;
}

/* Whether LINE begins like a URL: with a host, for which no rule can be. */
static bool is_absolute(struct str line)
{
    struct str http = STR("http://"), https = STR("https://");
    return str_equal_nocase(str_first(line, http.length), http) ||
           str_equal_nocase(str_first(line, https.length), https);
}

/* Whether LINE, trimmed, is meant as a pattern, valid or not: no header name has a slash. */
static bool is_pattern(struct str line)
{
    return str_starts_with(line, STR("/")) || is_absolute(line);
}

static int keep_pattern(struct rules *rules, struct str text, struct str *ret,
                        const char **ret_reason)
{
    char bytes[PATTERN_PREPARED_BYTES_MAX];
    size_t length;
    if (!pattern_prepare(text, bytes, &length, ret_reason))
        return -EINVAL;
    struct str kept = keep(rules, (struct str){bytes, length});
    if (!kept.at)
        return -ENOMEM;
    *ret = kept;
    return 0;
}

/* The index of the first colon that white space follows, or TEXT.length. */
static size_t find_colon(struct str text)
{
    for (size_t i = 0; i + 1 < text.length; i++) {
        if (text.at[i] == ':' && (text.at[i + 1] == ' ' || text.at[i + 1] == '\t'))
            return i;
    }
    return text.length;
}

int rules_add(struct rules *rules, struct str text, const char **ret_reason)
{
    text = str_trim(text);
    size_t colon = find_colon(text);
    struct rule rule = {0};
    const char *reason = NULL;
    if (rules->count == RULES_MAX)
        reason = full_reason;
    else if (colon == text.length && is_pattern(text))
        reason =
            "write it as 'PATTERN: Name: value', such as '/fonts/*: Access-Control-Allow-Origin: *'";
    else
        reason = parse_rule(str_trim(str_from(text, colon + 1)), &rule);
    if (reason && !is_pattern(text))
        reason = "a pattern for the paths is missing; write it as 'PATTERN: Name: value', such as "
                 "'/*: X-Frame-Options: DENY' for all paths";
    int result =
        reason ? -EINVAL
               : keep_pattern(rules, str_trim(str_first(text, colon)), &rule.pattern, &reason);
    if (result == -EINVAL)
        *ret_reason = reason;
    return result == 0 ? add_rule(rules, &rule) : result;
}

/* --- Reading a _headers file ------------------------------------------------------------------ */

enum place {
    BEFORE_RULES,
    IN_RULE,
    IN_WRONG_RULE, /* its lines are skipped without a report */
    PAST_LIMIT,
};

struct reader {
    struct rules *rules;
    void (*complain)(void *context, const struct problem *problem);
    void *context;
    unsigned line;
    enum place place;
    struct rule rule;      /* with the pattern of the last path */
    unsigned pattern_line; /* number of its line while no header line follows it; else 0 */
};

/* Reports REASON, "WHAT; REMEDY", as the problem of LINE. */
static void report(const struct reader *reader, unsigned line, const char *reason)
{
    struct problem problem;
    struct str all = str_of(reason), separator = STR("; ");
    const char *remedy = strstr(reason, separator.at);
    struct str what = str_first(all, remedy ? (size_t)(remedy - reason) : all.length);
    problem_set(&problem, "%.*s", (int)what.length, what.at);
    if (remedy)
        problem_remedy(&problem, "%s", remedy + separator.length);
    problem.line = line;
    reader->complain(reader->context, &problem);
}

/* Ends the rule of the last pattern. */
static void end_rule(struct reader *reader)
{
    if (reader->place == IN_RULE && reader->pattern_line > 0)
        report(reader, reader->pattern_line,
               "no header lines follow this path; write them below it");
    reader->pattern_line = 0;
}

static int read_rule(struct reader *reader, struct str line)
{
    const char *reason = NULL;
    if (reader->place == IN_WRONG_RULE || reader->place == PAST_LIMIT)
        return 0;
    reader->pattern_line = 0;
    if (reader->place == BEFORE_RULES) {
        reason = "no path above this line; write one that begins with '/'";
    } else if (reader->rules->count == RULES_MAX) {
        reason = full_reason;
        reader->place = PAST_LIMIT;
    } else {
        reason = parse_rule(line, &reader->rule);
    }
    if (!reason)
        return add_rule(reader->rules, &reader->rule);
    report(reader, reader->line, reason);
    return 0;
}

static int read_pattern(struct reader *reader, struct str line)
{
    const char *reason = NULL;
    end_rule(reader);
    if (reader->place == PAST_LIMIT)
        return 0;
    reader->place = IN_WRONG_RULE;
    int result = -EINVAL;
    if (is_absolute(line))
        reason = "rules for one host are not supported; write only the path, from its '/'";
    else
        result = keep_pattern(reader->rules, line, &reader->rule.pattern, &reason);
    if (result == -EINVAL) {
        report(reader, reader->line, reason);
        return 0;
    }
    reader->place = IN_RULE;
    reader->pattern_line = reader->line;
    return result;
}

/* Whether LINE, trimmed, is meant as a header line, valid or not. Indentation means nothing, but a
 * line in column one that is neither a path nor a header is an invalid path: the lines below it
 * must not count for the path above. */
static bool is_field_like(struct str line, bool indented)
{
    size_t colon = str_find(line, ':');
    return !is_pattern(line) &&
           (indented || line.at[0] == '!' ||
            (colon < line.length && str_is_token(str_trim(str_first(line, colon)))));
}

static int read_line(struct reader *reader, struct str line)
{
    struct str trimmed = str_trim(line);
    if (trimmed.length == 0 || trimmed.at[0] == '#')
        return 0;
    bool field = is_field_like(trimmed, trimmed.at != line.at);
    if (line.length <= RULES_LINE_BYTES_MAX)
        return field ? read_rule(reader, trimmed) : read_pattern(reader, trimmed);
    report(reader, reader->line, "the line is longer than 8192 bytes; shorten it");
    if (!field) {
        end_rule(reader);
        reader->place = reader->place == PAST_LIMIT ? PAST_LIMIT : IN_WRONG_RULE;
    }
    reader->pattern_line = 0;
    return 0;
}

int rules_read(struct rules *rules, struct str text,
               void (*complain)(void *context, const struct problem *problem), void *context)
{
    struct reader reader = {.rules = rules, .complain = complain, .context = context};
    struct str byte_order_mark = STR("\xef\xbb\xbf");
    int result = 0;
    if (str_starts_with(text, byte_order_mark))
        text = str_from(text, byte_order_mark.length);
    while (result == 0 && text.length > 0) {
        size_t end = str_find(text, '\n');
        struct str line = str_first(text, end);
        if (line.length > 0 && line.at[line.length - 1] == '\r')
            line.length--;
        reader.line++;
        result = read_line(&reader, line);
        text = str_from(text, end + 1);
    }
    if (result == 0)
        end_rule(&reader);
    return result;
}

/* --- Applying --------------------------------------------------------------------------------- */

/* The fields that a query has got so far. */
struct answer {
    struct fields *fields; /* those of the answer are the last */
    unsigned first;        /* index of the answer's first field */
    size_t bytes;          /* of the answer's fields as lines */
};

/* Removes the answer's fields NAME. */
static void remove_name(struct answer *answer, struct str name)
{
    struct field *items = answer->fields->items;
    unsigned kept = answer->first;
    for (unsigned i = answer->first; i < answer->fields->count; i++) {
        if (str_equal_nocase(items[i].name, name))
            answer->bytes -= field_line_bytes(&items[i]);
        else
            items[kept++] = items[i];
    }
    answer->fields->count = kept;
}

static bool has_field(const struct answer *answer, const struct field *wanted)
{
    for (unsigned i = answer->first; i < answer->fields->count; i++) {
        const struct field *field = &answer->fields->items[i];
        if (str_equal_nocase(field->name, wanted->name) && str_equal(field->value, wanted->value))
            return true;
    }
    return false;
}

static void apply(struct answer *answer, const struct rule *rule)
{
    struct field field = {rule->name, rule->value};
    if (rule->removes || rule->header->single)
        remove_name(answer, rule->name);
    if (rule->removes || has_field(answer, &field) ||
        answer->fields->count - answer->first == RULES_ANSWER_FIELDS_MAX ||
        answer->bytes + field_line_bytes(&field) > RULES_ANSWER_BYTES_MAX)
        return;
    fields_add(answer->fields, field.name, field.value);
    answer->bytes += field_line_bytes(&field);
}

static bool is_for(const struct rule *rule, enum rules_response_kind kind)
{
    switch (kind) {
    case RULES_FILE:
        return true;
    case RULES_OTHER:
        return rule->header->subject != HEADER_POLICY_OF_CONTENT_TYPE;
    case RULES_ERROR:
        break;
    }
    return rule->header->subject == HEADER_POLICY_OF_ANY;
}

/* Applies all rules that match QUERY, in order. Returns whether one of them removes NAME. */
static bool apply_all(const struct rules_query *query, struct str name, struct fields *fields)
{
    struct answer answer = {.fields = fields, .first = fields->count};
    bool removed = false;
    for (unsigned i = 0; i < query->set_count; i++) {
        const struct rules *rules = query->sets[i];
        const char *pattern = NULL; /* that MATCHES is about: rules of one pattern are adjacent */
        bool matches = false;
        for (unsigned j = 0; rules && j < rules->count; j++) {
            const struct rule *rule = &rules->items[j];
            if (rule->pattern.at != pattern)
                matches = pattern_matches(rule->pattern, query->path);
            pattern = rule->pattern.at;
            if (!matches || !is_for(rule, query->response_kind))
                continue;
            apply(&answer, rule);
            if (rule->removes && str_equal_nocase(rule->name, name))
                removed = true;
        }
    }
    return removed;
}

void rules_apply(const struct rules_query *query, struct fields *fields)
{
    apply_all(query, STR_ABSENT, fields);
}

enum rules_verdict rules_verdict(const struct rules_query *query, struct str name)
{
    struct fields fields;
    fields_init(&fields);
    bool removed = apply_all(query, name, &fields);
    if (fields_find(&fields, name).at)
        return RULES_REPLACED;
    return removed ? RULES_REMOVED : RULES_SILENT;
}
