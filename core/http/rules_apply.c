/* rules_apply: which fields the rules give a response; see rules.h. RFC 9110 section 5.3. */
#include "http/rules_parts.h"
#include "http/rules_value.h"

/* The fields that a query has got so far. */
struct answer {
    struct fields *fields; /* those of the answer are the last */
    unsigned first;        /* index of the answer's first field */
    size_t bytes;          /* of the answer's fields as lines */
    struct rules_values *values;
    void (*note)(void *context, const struct rules_step *step); /* NULL: none, see rules_trace */
    void *note_context;
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

/* Adds the field of RULE, unless there is no room or it is there already. */
static void add(struct answer *answer, const struct rule *rule,
                const struct rules_captures *captures)
{
    struct field field = {rule->name, rule->value};
    size_t used = answer->values->used;
    if (rule->filled)
        field.value = rules_value_fill(rule->value, captures, answer->values);
    if (!field.value.at || has_field(answer, &field) ||
        answer->fields->count - answer->first == RULES_ANSWER_FIELDS_MAX ||
        answer->bytes + field_line_bytes(&field) > RULES_ANSWER_BYTES_MAX) {
        answer->values->used = used;
        return;
    }
    fields_add(answer->fields, field.name, field.value);
    answer->bytes += field_line_bytes(&field);
}

static void apply(struct answer *answer, const struct rule *rule,
                  const struct rules_captures *captures)
{
    if (rule->removes || rule->header->single)
        remove_name(answer, rule->name);
    if (!rule->removes)
        add(answer, rule, captures);
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

/* Reports that RULE has been applied; the answer had FORMER fields before. */
static void report(const struct answer *answer, const struct rule *rule, struct rules_step step,
                   unsigned former)
{
    const struct fields *fields = answer->fields;
    if (!rule->removes && fields->count > 0 && (fields->count > former || rule->header->single))
        step.value = fields->items[fields->count - 1].value;
    step.line = rule->line;
    step.name = rule->name;
    step.removes = rule->removes;
    answer->note(answer->note_context, &step);
}

/* Whether the patterns of RULE match QUERY; sets CAPTURES. */
static bool matches(const struct rule *rule, const struct rules_query *query,
                    struct rules_captures *captures)
{
    if (rule->host.at && (query->host.length == 0 ||
                          !pattern_matches(rule->host, query->host, PATTERN_HOST, captures->host)))
        return false;
    return pattern_matches(rule->pattern, query->path, PATTERN_PATH, captures->path);
}

/* Applies all rules that match QUERY, in order. Returns whether one of them removes NAME. */
static bool apply_all(const struct rules_query *query, struct str name, struct answer *answer)
{
    struct rules_captures captures;
    bool removed = false;
    for (unsigned i = 0; i < query->set_count; i++) {
        const struct rules *rules = query->sets[i];
        const char *pattern = NULL; /* that MATCHED is about: rules of one pattern are adjacent */
        bool matched = false;
        for (unsigned j = 0; rules && j < rules->count; j++) {
            const struct rule *rule = &rules->items[j];
            if (rule->pattern.at != pattern)
                matched = matches(rule, query, &captures);
            pattern = rule->pattern.at;
            if (!matched || !is_for(rule, query->response_kind))
                continue;
            const unsigned former = answer->fields->count;
            apply(answer, rule, &captures);
            if (answer->note)
                report(answer, rule, (struct rules_step){.set = i, .index = j}, former);
            if (rule->removes && str_equal_nocase(rule->name, name))
                removed = true;
        }
    }
    return removed;
}

void rules_apply(const struct rules_query *query, struct fields *fields,
                 struct rules_values *values)
{
    struct answer answer = {.fields = fields, .first = fields->count, .values = values};
    values->used = 0;
    apply_all(query, STR_ABSENT, &answer);
}

void rules_trace(const struct rules_query *query,
                 void (*note)(void *context, const struct rules_step *step), void *context)
{
    struct fields fields;
    struct rules_values values = {.used = 0};
    struct answer answer = {
        .fields = &fields, .values = &values, .note = note, .note_context = context};
    fields_init(&fields);
    apply_all(query, STR_ABSENT, &answer);
}

enum rules_verdict rules_verdict(const struct rules_query *query, struct str name)
{
    struct fields fields;
    struct rules_values values;
    struct answer answer = {.fields = &fields, .values = &values};
    fields_init(&fields);
    values.used = 0;
    bool removed = apply_all(query, name, &answer);
    if (fields_find(&fields, name).at)
        return RULES_REPLACED;
    return removed ? RULES_REMOVED : RULES_SILENT;
}

bool rules_depend_on_host(const struct rules_query *query)
{
    struct rules_captures captures;
    for (unsigned i = 0; i < query->set_count; i++) {
        const struct rules *rules = query->sets[i];
        for (unsigned j = 0; rules && rules->has_hosts && j < rules->count; j++) {
            const struct rule *rule = &rules->items[j];
            if (rule->host.at && matches(rule, query, &captures))
                return true;
        }
    }
    return false;
}
