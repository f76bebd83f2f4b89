/* rules: see rules.h, and rules_parts.h for how a set is made up. Text is copied into pieces that
 * live as long as the set. */
#include "http/rules_parts.h"
#include "http/rules_value.h"

#include <errno.h>
#include <stdlib.h>

/* --- Sets ------------------------------------------------------------------------------------- */

struct piece {
    struct piece *next;
    char bytes[];
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

bool rules_have_hosts(const struct rules *rules)
{
    return rules->has_hosts;
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

/* A pattern as it is written, and as the set keeps it. */
struct target {
    struct rules_names names; /* views into the text that is being read */
    struct str host, pattern; /* see struct rule */
};

/* Adds RULE for TARGET. Its name and value are copied. */
static int add_rule(struct rules *rules, const struct target *target, const struct rule *rule)
{
    char value[RULES_VALUE_BYTES_MAX];
    assert(rules->count < RULES_MAX);
    struct rule kept = *rule;
    kept.host = target->host;
    kept.pattern = target->pattern;
    kept.name = keep(rules, rule->name);
    if (!rule->removes) {
        size_t length = rules_value_prepare(rule->value, &target->names, value, &kept.filled);
        kept.value = keep(rules, (struct str){value, length});
    }
    if (!kept.name.at || (!kept.value.at && !kept.removes))
        return -ENOMEM;
    rules->items[rules->count++] = kept;
    rules->has_hosts |= kept.host.at != NULL;
    return 0;
}

/* --- Reading ---------------------------------------------------------------------------------- */

/* Reports WHAT is wrong and its REMEDY. Returns -EINVAL. */
static int refuse(struct problem *ret_problem, const char *what, const char *remedy)
{
    problem_set(ret_problem, "%s", what);
    problem_remedy(ret_problem, "%s", remedy);
    return -EINVAL;
}

static int refuse_more(struct problem *ret_problem)
{
    return refuse(ret_problem, "more than 1000 header lines", "use wildcards");
}

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

/* Parses LINE, trimmed: "Name: value" or "! Name". Sets *RET without its pattern, as views into
 * LINE. Returns 0; or -EINVAL, with *RET_PROBLEM set. */
static int parse_rule(struct str line, struct rule *ret, struct problem *ret_problem)
{
    static const char forms[] = "write 'Name: value', or '! Name' to remove a header";
    bool removes = line.length > 0 && line.at[0] == '!';
    size_t colon = str_find(line, ':');
    struct str name = str_trim(removes ? str_from(line, 1) : str_first(line, colon));
    struct str value = STR_ABSENT;
    if (!removes)
        value = str_trim(str_from(line, colon + 1));
    if (!removes && colon == line.length)
        return refuse(ret_problem, "the line has no colon", forms);
    if (!str_is_token(name) && removes)
        return refuse(ret_problem, "the text after '!' is not a header name", "write '! Name'");
    if (!str_is_token(name))
        return refuse(ret_problem, "the text before the colon is not a header name",
                      "write 'Name: value'");
    const struct header_policy *header = header_policy_of(name);
    if (header->refusal)
        return refuse(ret_problem, header->refusal, "leave it out");
    if (!removes && value.length == 0)
        return refuse(ret_problem, "the value is missing", forms);
    if (value.length > RULES_VALUE_BYTES_MAX)
        return refuse(ret_problem, "the value is longer than 2048 bytes", "shorten it");
    if (!is_value(value))
        return refuse(ret_problem, "the value contains a control character", "remove it");
    *ret = (struct rule){.name = name, .value = value, .header = header, .removes = removes};
    return 0;
}

/* The length of "http://" or "https://" at the start of LINE; 0: it begins with neither. */
static size_t scheme_bytes(struct str line)
{
    static const struct str schemes[] = {STR_INIT("http://"), STR_INIT("https://")};
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        if (str_equal_nocase(str_first(line, schemes[i].length), schemes[i]))
            return schemes[i].length;
    }
    return 0;
}

/* Whether LINE, trimmed, is meant as a pattern, valid or not: no header name has a slash. */
static bool is_pattern(struct str line)
{
    return str_starts_with(line, STR("/")) || scheme_bytes(line) > 0;
}

/* Keeps TEXT, a pattern with or without a host, as *RET. Returns 0; -EINVAL, with *RET_PROBLEM set;
 * or -ENOMEM. */
static int keep_target(struct rules *rules, struct str text, struct target *ret,
                       struct problem *ret_problem)
{
    char host[PATTERN_PREPARED_BYTES_MAX], path[PATTERN_PREPARED_BYTES_MAX];
    size_t host_bytes = 0, path_bytes, scheme = scheme_bytes(text);
    struct target target = {.names.path = text};
    if (scheme > 0) {
        struct str rest = str_from(text, scheme);
        target.names.host = str_first(rest, str_find(rest, '/'));
        target.names.path = str_from(rest, target.names.host.length);
        if (target.names.path.length == 0)
            target.names.path = STR("/");
        if (!pattern_prepare_host(target.names.host, host, &host_bytes, ret_problem))
            return -EINVAL;
    }
    if (!pattern_prepare(target.names.path, path, &path_bytes, ret_problem))
        return -EINVAL;
    target.pattern = keep(rules, (struct str){path, path_bytes});
    if (scheme > 0)
        target.host = keep(rules, (struct str){host, host_bytes});
    if (!target.pattern.at || (scheme > 0 && !target.host.at))
        return -ENOMEM;
    *ret = target;
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

int rules_add_field(struct rules *rules, struct str pattern, const struct field *field,
                    struct problem *ret_problem)
{
    struct target target;
    struct rule rule = {
        .name = field->name,
        .value = field->value,
        .header = header_policy_of(field->name),
    };
    int error = rules->count == RULES_MAX ? refuse_more(ret_problem)
                                          : keep_target(rules, pattern, &target, ret_problem);
    if (!error)
        error = add_rule(rules, &target, &rule);
    if (error == -ENOMEM)
        problem_set_no_memory(ret_problem);
    return error;
}

/* Parses TEXT, "PATTERN: Name: value" with the colon before Name at COLON. Results as of
 * parse_rule. */
static int parse_whole_rule(struct str text, size_t colon, struct rule *ret,
                            struct problem *ret_problem)
{
    if (colon == text.length && is_pattern(text))
        return refuse(ret_problem, "the header is missing",
                      "write it as 'PATTERN: Name: value', such as '/fonts/*: "
                      "Access-Control-Allow-Origin: *'");
    int error = parse_rule(str_trim(str_from(text, colon + 1)), ret, ret_problem);
    if (error && !is_pattern(text))
        return refuse(ret_problem, "a pattern for the paths is missing",
                      "write it as 'PATTERN: Name: value', such as '/*: X-Frame-Options: DENY' for "
                      "all paths");
    return error;
}

int rules_add(struct rules *rules, struct str text, struct problem *ret_problem)
{
    struct rule rule;
    struct target target;
    text = str_trim(text);
    size_t colon = find_colon(text);
    int error = rules->count == RULES_MAX ? refuse_more(ret_problem)
                                          : parse_whole_rule(text, colon, &rule, ret_problem);
    if (!error)
        error = keep_target(rules, str_trim(str_first(text, colon)), &target, ret_problem);
    if (!error)
        error = add_rule(rules, &target, &rule);
    if (error == -ENOMEM)
        problem_set_no_memory(ret_problem);
    return error;
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
    struct target target;  /* of the last path */
    unsigned pattern_line; /* number of its line while no header line follows it; else 0 */
};

/* Reports PROBLEM, of LINE. */
static void report(const struct reader *reader, unsigned line, struct problem *problem)
{
    problem->line = line;
    reader->complain(reader->context, problem);
}

/* Ends the rule of the last pattern. */
static void end_rule(struct reader *reader)
{
    if (reader->place == IN_RULE && reader->pattern_line > 0) {
        struct problem problem;
        refuse(&problem, "no header lines follow this path", "write them below it");
        report(reader, reader->pattern_line, &problem);
    }
    reader->pattern_line = 0;
}

static int read_rule(struct reader *reader, struct str line)
{
    struct problem problem;
    struct rule rule;
    int error;
    if (reader->place == IN_WRONG_RULE || reader->place == PAST_LIMIT)
        return 0;
    reader->pattern_line = 0;
    if (reader->place == BEFORE_RULES) {
        error = refuse(&problem, "no path above this line", "write one that begins with '/'");
    } else if (reader->rules->count == RULES_MAX) {
        error = refuse_more(&problem);
        reader->place = PAST_LIMIT;
    } else {
        error = parse_rule(line, &rule, &problem);
    }
    if (!error) {
        rule.line = reader->line;
        return add_rule(reader->rules, &reader->target, &rule);
    }
    report(reader, reader->line, &problem);
    return 0;
}

static int read_pattern(struct reader *reader, struct str line)
{
    struct problem problem;
    end_rule(reader);
    if (reader->place == PAST_LIMIT)
        return 0;
    reader->place = IN_WRONG_RULE;
    int error = keep_target(reader->rules, line, &reader->target, &problem);
    if (error == -EINVAL) {
        report(reader, reader->line, &problem);
        return 0;
    }
    reader->place = IN_RULE;
    reader->pattern_line = reader->line;
    return error;
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
    struct problem problem;
    refuse(&problem, "the line is longer than 8192 bytes", "shorten it");
    report(reader, reader->line, &problem);
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
