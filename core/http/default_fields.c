/* default_fields: see default_fields.h. */
#include "http/default_fields.h"

#define PART(name) (1u << (DEFAULT_FIELDS_##name))

static const struct {
    struct field field;
    unsigned parts;
    bool cors; /* only where scripts of every origin may read everything */
} defaults[] = {
    {
        {STR_INIT("Access-Control-Allow-Origin"), STR_INIT("*")},
        .parts = PART(SHARED) | PART(PAGE) | PART(PREFLIGHT),
        .cors = true,
    },
    {
        {STR_INIT("Access-Control-Expose-Headers"), STR_INIT("*")},
        .parts = PART(SHARED) | PART(PAGE),
        .cors = true,
    },
    {
        {STR_INIT("X-Content-Type-Options"), STR_INIT("nosniff")},
        .parts = PART(CONTENT) | PART(PAGE),
    },
    {
        {STR_INIT("Access-Control-Allow-Methods"), STR_INIT(DEFAULT_FIELDS_METHODS)},
        .parts = PART(PREFLIGHT),
        .cors = true,
    },
    {
        {STR_INIT("Access-Control-Allow-Headers"), STR_INIT("*")},
        .parts = PART(PREFLIGHT),
        .cors = true,
    },
    {
        {STR_INIT("Access-Control-Max-Age"), STR_INIT("86400")},
        .parts = PART(PREFLIGHT),
        .cors = true,
    },
};

const struct field *default_fields_next(unsigned *index, enum default_fields_part part, bool cors)
{
    while (*index < COUNT_OF(defaults)) {
        unsigned i = (*index)++;
        if ((defaults[i].parts & 1u << part) && (cors || !defaults[i].cors))
            return &defaults[i].field;
    }
    return NULL;
}

void default_fields_add(struct fields *fields, enum default_fields_part part, bool cors,
                        const struct rules_query *query)
{
    const struct field *field;
    unsigned index = 0;
    while ((field = default_fields_next(&index, part, cors))) {
        if (rules_verdict(query, field->name) == RULES_SILENT)
            fields_add(fields, field->name, field->value);
    }
}

void default_fields_add_cache_control(struct fields *fields,
                                      const struct default_fields_settings *settings,
                                      const struct rules_query *query)
{
    struct str field = STR("Cache-Control"), value = settings->cache_control;
    if (!value.at)
        value = STR("no-cache");
    if (value.length > 0 && rules_verdict(query, field) == RULES_SILENT)
        fields_add(fields, field, value);
}
