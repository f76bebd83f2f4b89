/* subcommand: see subcommand.h. */
#include "config/subcommand.h"

#include "base/str.h"

const struct subcommand *subcommand_find(const struct subcommand_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->items[i].name, name) == 0)
            return &table->items[i];
    }
    return NULL;
}

const struct subcommand_option *subcommand_option_find(const struct subcommand *subcommand,
                                                       const char *argument)
{
    const struct str all = str_of(argument);
    const struct str name = str_from(str_first(all, str_find(all, '=')), 2);
    for (size_t i = 0; i < subcommand->option_count; i++) {
        const struct subcommand_option *option = &subcommand->options[i];
        if (str_starts_with(all, STR("--")) && str_equal(name, str_of(option->name)))
            return option;
        if (all.length == 2 && option->letter && argument[1] == option->letter)
            return option;
    }
    return NULL;
}

const char *subcommand_value(const struct subcommand_call *call, const char *name, unsigned index)
{
    for (unsigned i = 0; i < call->value_count; i++) {
        if (strcmp(call->values[i].option->name, name) == 0 && index-- == 0)
            return call->values[i].text;
    }
    return NULL;
}
