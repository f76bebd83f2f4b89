/* fuzz_rules: first line: a path, after a host or none; then a _headers file. For any file, the
 * result is field lines that may be sent, mistakes are reported in order, and CRLF means the same
 * as LF. */
#include "fuzz.h"
#include "http/header_policy.h"
#include "http/rules.h"

struct told {
    unsigned count;
    unsigned last_line;
    unsigned line_count; /* of the file */
};

static void note(void *context, const struct problem *problem)
{
    struct told *told = context;
    FUZZ_CHECK(problem->what[0] && problem->line > told->last_line);
    FUZZ_CHECK(problem->line <= told->line_count);
    told->last_line = problem->line;
    told->count++;
}

static struct rules *read_file(struct str text, unsigned *ret_told)
{
    struct told told = {.line_count = 1};
    struct rules *rules = rules_create();
    for (size_t i = 0; i < text.length; i++)
        told.line_count += text.at[i] == '\n';
    char *copy = fuzz_copy(text);
    FUZZ_CHECK(rules && rules_read(rules, (struct str){copy, text.length}, note, &told) == 0);
    free(copy);
    *ret_told = told.count;
    return rules;
}

/* Writes the fields for QUERY as lines to TO. Returns their bytes. */
static size_t write_lines(const struct rules_query *query, char to[static RULES_ANSWER_BYTES_MAX])
{
    struct fields fields;
    size_t bytes = 0;
    fields_init(&fields);
    struct rules_values values;
    rules_apply(query, &fields, &values);
    for (unsigned i = 0; i < fields.count; i++) {
        FUZZ_CHECK(bytes + field_line_bytes(&fields.items[i]) <= RULES_ANSWER_BYTES_MAX);
        bytes = (size_t)(field_write_line(to + bytes, &fields.items[i]) - to);
    }
    return bytes;
}

/* Takes the next line, "Name: value" CR LF, off *LINES. */
static void take_line(struct str *lines, struct str *ret_name, struct str *ret_value)
{
    size_t end = str_find(*lines, '\n');
    FUZZ_CHECK(end < lines->length && end > 0 && lines->at[end - 1] == '\r');
    struct str line = str_first(*lines, end - 1);
    size_t colon = str_find(line, ':');
    FUZZ_CHECK(str_starts_with(str_from(line, colon), STR(": ")));
    *ret_name = str_first(line, colon);
    *ret_value = str_from(line, colon + 2);
    *lines = str_from(*lines, end + 1);
}

static void check_line(const struct rules_query *query, struct str name, struct str value)
{
    const struct header_policy *header = header_policy_of(name);
    FUZZ_CHECK(str_is_token(name) && !header->refusal);
    FUZZ_CHECK(value.length > 0 && value.length <= RULES_ANSWER_BYTES_MAX);
    FUZZ_CHECK(str_equal(str_trim(value), value));
    for (size_t i = 0; i < value.length; i++) {
        uint8_t byte = (uint8_t)value.at[i];
        FUZZ_CHECK((byte >= ' ' || byte == '\t') && byte != 0x7f);
    }
    FUZZ_CHECK(query->response_kind == RULES_FILE ||
               header->subject != HEADER_POLICY_OF_CONTENT_TYPE);
    FUZZ_CHECK(query->response_kind != RULES_ERROR || header->subject == HEADER_POLICY_OF_ANY);
    FUZZ_CHECK(rules_verdict(query, name) == RULES_REPLACED);
}

/* No line occurs twice, and no field twice that is not a list. */
static void check_others(struct str rest, struct str name, struct str value)
{
    while (rest.length > 0) {
        struct str other_name, other_value;
        take_line(&rest, &other_name, &other_value);
        FUZZ_CHECK(!str_equal_nocase(name, other_name) ||
                   (!header_policy_of(name)->single && !str_equal(value, other_value)));
    }
}

static void check_lines(const struct rules_query *query, struct str lines)
{
    unsigned count = 0;
    while (lines.length > 0) {
        struct str name, value;
        take_line(&lines, &name, &value);
        check_line(query, name, value);
        check_others(lines, name, value);
        count++;
    }
    FUZZ_CHECK(count <= RULES_ANSWER_FIELDS_MAX);
}

/* The same file with CR LF gives the same lines. */
static void check_crlf(const struct rules_query *query, struct str text, unsigned told,
                       struct str lines)
{
    char *crlf = malloc(2 * text.length + 1), *at = crlf, again[RULES_ANSWER_BYTES_MAX];
    unsigned told_again;
    FUZZ_CHECK(crlf != NULL);
    for (size_t i = 0; i < text.length; i++) {
        if (text.at[i] == '\n')
            *at++ = '\r';
        *at++ = text.at[i];
    }
    struct rules *rules = read_file((struct str){crlf, (size_t)(at - crlf)}, &told_again);
    const struct rules *sets[] = {rules};
    struct rules_query other = {sets, 1, query->path, query->response_kind, query->host};
    size_t length = write_lines(&other, again);
    FUZZ_CHECK(told_again == told && str_equal((struct str){again, length}, lines));
    rules_destroy(rules);
    free(crlf);
}

/* Where no rule for some hosts matches, LINES are those of every host. */
static void check_host(const struct rules_query *query, struct str lines)
{
    char again[RULES_ANSWER_BYTES_MAX];
    struct rules_query other = *query;
    other.host = STR_ABSENT;
    if (rules_depend_on_host(query))
        return;
    size_t length = write_lines(&other, again);
    FUZZ_CHECK(str_equal((struct str){again, length}, lines));
}

/* The first line as an argument of --header. */
static void check_argument(struct str text)
{
    struct rules *rules = rules_create();
    struct problem problem = {.line = 0};
    char *copy = fuzz_copy(text);
    FUZZ_CHECK(rules != NULL);
    int result = rules_add(rules, (struct str){copy, text.length}, &problem);
    FUZZ_CHECK(problem.what[0] ? result < 0 : result == 0);
    free(copy);
    rules_destroy(rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char lines[RULES_ANSWER_BYTES_MAX];
    struct str text = fuzz_input(data, size);
    size_t end = str_find(text, '\n');
    struct str line = str_first(text, end);
    size_t host_bytes = str_find(line, '/');
    struct str host = str_first(line, host_bytes), path = str_from(line, host_bytes);
    unsigned told;
    text = str_from(text, end + 1);
    struct rules *rules = read_file(text, &told);
    const struct rules *sets[] = {rules, NULL};
    for (unsigned i = 0; i < 3; i++) {
        struct rules_query query = {sets, 2, path, (enum rules_response_kind)i, host};
        size_t length = write_lines(&query, lines);
        check_lines(&query, (struct str){lines, length});
        check_host(&query, (struct str){lines, length});
        if (str_find(text, '\r') == text.length)
            check_crlf(&query, text, told, (struct str){lines, length});
    }
    check_argument(line);
    check_argument(str_first(text, str_find(text, '\n')));
    rules_destroy(rules);
    return 0;
}
