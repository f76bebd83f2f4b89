/* environment: see environment.h. Service links: Kubernetes, "Connecting Applications with
 * Services". */
#include "config/environment.h"

#include <errno.h>
#include <stdio.h>

static const struct str prefix = STR_INIT("SLUICE_");

void environment_name(const struct option_spec *option, char to[static ENVIRONMENT_NAME_BYTES])
{
    char *at = str_put(to, prefix);
    static_assert(ENVIRONMENT_NAME_BYTES >= 32 + 8, "names of options are shorter than 32 bytes");
    for (const char *c = option->name; *c; c++)
        *at++ = *c == '-' ? '_' : (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
    *at = '\0';
}

/* The option that the variable NAME sets. NULL: none. */
static const struct option_spec *option_of(struct str name)
{
    char variable[ENVIRONMENT_NAME_BYTES];
    size_t count;
    const struct option_spec *table = options_table(&count);
    for (size_t i = 0; i < count; i++) {
        environment_name(&table[i], variable);
        if (str_equal(name, str_of(variable)) &&
            (table[i].scope != OPTION_SCOPE_NONE || table[i].kind == OPTION_KIND_CONFIG))
            return &table[i];
    }
    return NULL;
}

static bool contains(struct str text, struct str part)
{
    for (size_t i = 0; i + part.length <= text.length; i++) {
        if (str_starts_with(str_from(text, i), part))
            return true;
    }
    return false;
}

/* Whether Kubernetes has made the variable NAME for a Service. */
static bool is_service_link(struct str name, struct str value)
{
    static const struct str schemes[] = {STR_INIT("tcp://"), STR_INIT("udp://"),
                                         STR_INIT("sctp://")};
    static const struct str parts[] = {STR_INIT("_SERVICE_HOST"), STR_INIT("_SERVICE_PORT"),
                                       STR_INIT("_TCP_"), STR_INIT("_UDP_")};
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        if (str_starts_with(value, schemes[i]))
            return true;
    }
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (contains(name, parts[i]))
            return true;
    }
    return false;
}

/* The value of OPTION in VARIABLES. NULL: not set, or empty. */
static const char *find(char *const *variables, const struct option_spec *option)
{
    char name[ENVIRONMENT_NAME_BYTES];
    environment_name(option, name);
    const struct str wanted = str_of(name);
    for (; variables && *variables; variables++) {
        struct str all = str_of(*variables);
        const size_t equals = str_find(all, '=');
        if (equals + 1 < all.length && str_equal(str_first(all, equals), wanted) &&
            !is_service_link(wanted, str_from(all, equals + 1)))
            return *variables + equals + 1;
    }
    return NULL;
}

const char *environment_config(char *const *variables)
{
    return find(variables, option_find(STR("config")));
}

/* --- Notices ---------------------------------------------------------------------------------- */

static int add_notice(struct settings *settings, const char *text)
{
    return arena_list_append(&settings->notices, &settings->arena, str_of(text));
}

/* Says that the variable NAME has no effect. 0 or -ENOMEM. */
static int warn_unknown(struct settings *settings, struct str name)
{
    char option[32], text[256], meant[ENVIRONMENT_NAME_BYTES + 32] = "";
    struct str rest = str_first(str_from(name, prefix.length), sizeof option);
    for (size_t i = 0; i < rest.length; i++)
        option[i] = rest.at[i] == '_' ? '-' : char_lower(rest.at[i]);
    const struct option_spec *nearest = option_nearest((struct str){option, rest.length});
    if (nearest) {
        char *at = str_put(meant, STR("; did you mean "));
        environment_name(nearest, at);
        *str_put(at + strlen(at), STR("?")) = '\0';
    }
    snprintf(text, sizeof text, "the variable %.*s has no effect%s",
             (int)size_min(name.length, 100), name.at, meant);
    return add_notice(settings, text);
}

/* Adds notices of the variables that set nothing. 0 or -ENOMEM. */
static int warn(char *const *variables, struct settings *settings)
{
    unsigned links = 0;
    struct str link = STR_ABSENT;
    char text[256];
    int error = 0;
    for (; !error && variables && *variables; variables++) {
        struct str all = str_of(*variables);
        const size_t equals = str_find(all, '=');
        struct str name = str_first(all, equals);
        if (!str_starts_with(name, prefix) || equals + 1 >= all.length)
            continue;
        if (is_service_link(name, str_from(all, equals + 1))) {
            link = links++ ? link : name;
            continue;
        }
        if (!option_of(name))
            error = warn_unknown(settings, name);
    }
    if (error || links == 0)
        return error;
    snprintf(text, sizeof text,
             "ignored %.*s and all else (%u) that Kubernetes sets for a Service; "
             "enableServiceLinks: false removes it",
             (int)size_min(link.length, 100), link.at, links);
    return add_notice(settings, text);
}

/* --- Values ----------------------------------------------------------------------------------- */

int environment_apply(char *const *variables, struct settings *settings,
                      struct listener_settings *listener, struct problem *ret_problem)
{
    size_t count;
    const struct option_spec *table = options_table(&count);
    for (size_t i = 0; i < count; i++) {
        const char *value = table[i].scope == OPTION_SCOPE_NONE ? NULL : find(variables, &table[i]);
        if (!value)
            continue;
        const struct setting setting = {
            .option = &table[i], .text = value, .source = SETTING_ENVIRONMENT};
        int error = settings_set_all(settings, listener, &setting, ret_problem);
        if (!error)
            continue;
        char name[ENVIRONMENT_NAME_BYTES];
        environment_name(&table[i], name);
        problem_prefix(ret_problem, "%s ", name);
        ret_problem->option[0] = '\0';
        error = problem_list_keep(settings->problems, error, ret_problem);
        if (error)
            return error;
    }
    if (warn(variables, settings) == 0)
        return 0;
    problem_set_no_memory(ret_problem);
    return -ENOMEM;
}
