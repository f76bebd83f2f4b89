/* rules: see rules.h. A set is an array of fields in order of appearance, each with its pattern; texts
 * are copied into pieces that live as long as the set. */
#include "http/rules.h"

#include "http/header_policy.h"
#include "http/pattern.h"

#include <errno.h>
#include <stdlib.h>

/* --- A set of rules -------------------------------------------------------------------------- */

struct field {
    struct str pattern; /* prepared; the same view for all fields of one rule */
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
    struct field fields[RULES_FIELDS_MAX];
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

/* A copy of TEXT, which is not empty, that lives as long as RULES; absent: out of memory. */
static struct str keep(struct rules *rules, struct str text)
{
    struct piece *piece = malloc(sizeof(*piece) + text.length);
    if (!piece)
        return (struct str){0};
    piece->next = rules->pieces;
    rules->pieces = piece;
    str_put(piece->bytes, text);
    return (struct str){piece->bytes, text.length};
}

/* Adds FIELD, whose name and value are copied. */
static int add_field(struct rules *rules, const struct field *field)
{
    assert(rules->count < RULES_FIELDS_MAX);
    struct field kept = *field;
    kept.name = keep(rules, field->name);
    if (!field->removes)
        kept.value = keep(rules, field->value);
    if (!kept.name.at || (!kept.value.at && !kept.removes))
        return -ENOMEM;
    rules->fields[rules->count++] = kept;
    return 0;
}

/* --- Reading --------------------------------------------------------------------------------- */

static const char full_reason[] = "there are more than 1000 header lines; use wildcards";

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

/* "Name: value" or "! Name", trimmed, as views into LINE; the pattern stays as it is. Returns what is
 * wrong with it, or NULL. */
static const char *parse_field(struct str line, struct field *ret)
{
    bool removes = line.length > 0 && line.at[0] == '!';
    size_t colon = str_find(line, ':');
    struct str name = removes ? str_trim(str_from(line, 1)) : str_first(line, colon);
    struct str value = {0};

    if (!removes)
        value = str_trim(str_from(line, colon + 1));
    if (!removes && colon == line.length)
        return "there is no colon in it; write 'Name: value', or '! Name' to take a header away";
    if (!str_is_token(name))
        return removes ? "what is to be taken away is no header name; write '! Name'"
                       : "what stands before the colon is no header name; write 'Name: value'";
    const struct header_policy *header = header_policy_of(name);
    if (header->refusal)
        return header->refusal;
    if (!removes && value.length == 0)
        return "the value is missing; write 'Name: value', or '! Name' to take a header away";
    if (value.length > RULES_VALUE_BYTES_MAX)
        return "the value is longer than 2048 bytes; shorten it";
    if (!is_value(value))
        return "the value has a control character in it; take it out";
    *ret = (struct field){ret->pattern, name, value, header, removes};
    return NULL;
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

/* The index of the first colon with white space behind it, or TEXT.length. */
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
    size_t colon = find_colon(text);
    struct field field = {0};
    const char *reason = NULL;

    if (colon == text.length)
        reason =
            "write it as 'PATTERN: Name: value', such as '/fonts/*: Access-Control-Allow-Origin: *'";
    else if (rules->count == RULES_FIELDS_MAX)
        reason = full_reason;
    else
        reason = parse_field(str_trim(str_from(text, colon + 1)), &field);
    int result =
        reason ? -EINVAL
               : keep_pattern(rules, str_trim(str_first(text, colon)), &field.pattern, &reason);
    if (result == -EINVAL)
        *ret_reason = reason;
    return result == 0 ? add_field(rules, &field) : result;
}

/* --- Reading a _headers file ----------------------------------------------------------------- */

enum place {
    BEFORE_RULES,
    IN_RULE,
    IN_WRONG_RULE, /* whose lines are left out without a word */
    PAST_LIMIT,
};

struct reader {
    struct rules *rules;
    void (*complain)(void *context, const struct rules_mistake *mistake);
    void *context;
    unsigned line;
    enum place place;
    struct field field;    /* its pattern is the rule's */
    unsigned pattern_line; /* of a rule that has no lines yet; 0: it has */
};

static void tell(const struct reader *reader, unsigned line, const char *reason)
{
    reader->complain(reader->context, &(struct rules_mistake){line, reason});
}

/* The rule ends before the present line. */
static void end_rule(struct reader *reader)
{
    if (reader->place == IN_RULE && reader->pattern_line > 0)
        tell(reader, reader->pattern_line,
             "no header lines follow this path; write them below it, indented");
    reader->pattern_line = 0;
}

static int read_field(struct reader *reader, struct str line)
{
    const char *reason = NULL;

    if (reader->place == IN_WRONG_RULE || reader->place == PAST_LIMIT)
        return 0;
    reader->pattern_line = 0;
    if (reader->place == BEFORE_RULES) {
        reason = "there is no path above this line; write one that begins with '/' in column one";
    } else if (reader->rules->count == RULES_FIELDS_MAX) {
        reason = full_reason;
        reader->place = PAST_LIMIT;
    } else {
        reason = parse_field(line, &reader->field);
    }
    if (!reason)
        return add_field(reader->rules, &reader->field);
    tell(reader, reader->line, reason);
    return 0;
}

/* Whether a line in column one was meant to be a field: so that it isn't taken for a wrong path, which
 * would take the lines below along. */
static bool is_field_like(struct str line)
{
    size_t colon = find_colon(line);
    return (line.length > 0 && line.at[0] == '!') ||
           (colon < line.length && str_is_token(str_first(line, colon)));
}

static int read_pattern(struct reader *reader, struct str line)
{
    const char *reason = NULL;

    if (is_field_like(line)) {
        reader->pattern_line = 0;
        tell(reader, reader->line, "a header line begins with white space; indent it");
        return 0;
    }
    end_rule(reader);
    if (reader->place == PAST_LIMIT)
        return 0;
    reader->place = IN_WRONG_RULE;
    int result = -EINVAL;
    if (str_starts_with(line, STR("https://")) || str_starts_with(line, STR("http://")))
        reason = "rules for one host are not supported; write the path alone, from its '/'";
    else
        result = keep_pattern(reader->rules, line, &reader->field.pattern, &reason);
    if (result == -EINVAL) {
        tell(reader, reader->line, reason);
        return 0;
    }
    reader->place = IN_RULE;
    reader->pattern_line = reader->line;
    return result;
}

static int read_line(struct reader *reader, struct str line)
{
    struct str trimmed = str_trim(line);
    bool indented = line.length > 0 && (line.at[0] == ' ' || line.at[0] == '\t');

    if (trimmed.length == 0 || trimmed.at[0] == '#')
        return 0;
    if (line.length <= RULES_LINE_BYTES_MAX)
        return indented ? read_field(reader, trimmed) : read_pattern(reader, trimmed);
    tell(reader, reader->line, "the line is longer than 8192 bytes; shorten it");
    if (!indented) {
        end_rule(reader);
        reader->place = reader->place == PAST_LIMIT ? PAST_LIMIT : IN_WRONG_RULE;
    }
    reader->pattern_line = 0;
    return 0;
}

int rules_read(struct rules *rules, struct str text,
               void (*complain)(void *context, const struct rules_mistake *mistake), void *context)
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

/* --- Asking ---------------------------------------------------------------------------------- */

/* The lines of one answer. */
struct answer {
    const struct field *fields[RULES_LINES_MAX];
    unsigned count;
    size_t bytes;
};

static size_t line_bytes(const struct field *field)
{
    return field->name.length + 2 + field->value.length + 2;
}

static void drop_name(struct answer *answer, struct str name)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < answer->count; i++) {
        const struct field *field = answer->fields[i];
        if (str_equal_nocase(field->name, name))
            answer->bytes -= line_bytes(field);
        else
            answer->fields[kept++] = field;
    }
    answer->count = kept;
}

static bool has_line(const struct answer *answer, const struct field *wanted)
{
    for (unsigned i = 0; i < answer->count; i++) {
        const struct field *field = answer->fields[i];
        if (str_equal_nocase(field->name, wanted->name) && str_equal(field->value, wanted->value))
            return true;
    }
    return false;
}

static void apply(struct answer *answer, const struct field *field)
{
    if (field->removes || field->header->single)
        drop_name(answer, field->name);
    if (field->removes || has_line(answer, field) || answer->count == RULES_LINES_MAX ||
        answer->bytes + line_bytes(field) > RULES_ANSWER_BYTES_MAX)
        return;
    answer->fields[answer->count++] = field;
    answer->bytes += line_bytes(field);
}

static bool is_for(const struct field *field, enum rules_audience audience)
{
    switch (audience) {
    case RULES_FILE:
        return true;
    case RULES_OTHER:
        return field->header->subject != HEADER_POLICY_OF_CONTENT_TYPE;
    case RULES_ERROR:
        break;
    }
    return field->header->subject == HEADER_POLICY_OF_ANY;
}

/* Applies all fields that match QUERY, in order. Returns whether one of them takes NAME away. */
static bool gather(const struct rules_query *query, struct str name, struct answer *ret)
{
    bool removed = false;

    ret->count = 0;
    ret->bytes = 0;
    for (unsigned i = 0; i < query->set_count; i++) {
        const struct rules *rules = query->sets[i];
        const char *pattern =
            NULL; /* that MATCHES is about: fields of one rule follow each other */
        bool matches = false;
        for (unsigned j = 0; rules && j < rules->count; j++) {
            const struct field *field = &rules->fields[j];
            if (field->pattern.at != pattern)
                matches = pattern_matches(field->pattern, query->path);
            pattern = field->pattern.at;
            if (!matches || !is_for(field, query->audience))
                continue;
            apply(ret, field);
            if (field->removes && str_equal_nocase(field->name, name))
                removed = true;
        }
    }
    return removed;
}

size_t rules_write(const struct rules_query *query, char *to, size_t room)
{
    struct answer answer;

    gather(query, (struct str){0}, &answer);
    for (unsigned i = 0; i < answer.count; i++) {
        const struct field *field = answer.fields[i];
        if (line_bytes(field) > room)
            break;
        room -= line_bytes(field);
        to = str_put(to, field->name);
        to = str_put(to, STR(": "));
        to = str_put(to, field->value);
        to = str_put(to, STR("\r\n"));
    }
    return answer.bytes;
}

enum rules_word rules_say(const struct rules_query *query, struct str name)
{
    struct answer answer;
    bool removed = gather(query, name, &answer);

    for (unsigned i = 0; i < answer.count; i++) {
        if (str_equal_nocase(answer.fields[i]->name, name))
            return RULES_REPLACED;
    }
    return removed ? RULES_REMOVED : RULES_SILENT;
}
