/* options_values: how each kind of option reads its value and stores it. See options.h. */
#include "config/options.h"

#include "base/num.h"
#include "config/options_parts.h"
#include "config/settings.h"
#include "http/pattern.h"
#include "http/rules.h"
#include "system/privileges.h"

#include <errno.h>
#include <inttypes.h>

/* --- Numbers ------------------------------------------------------------------------------------ */

/* VALUE as an argument of this KIND would be written: "15K", "24h", "1024". */
static const char *quantity_text(enum option_kind kind, uint64_t value, char to[static 32])
{
    static const struct unit {
        const char *name;
        uint64_t size;
    } spans[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}},
      sizes[] = {{"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {"", 1}};
    const struct unit *unit = kind == OPTION_KIND_SPAN ? spans : sizes;
    if (kind == OPTION_KIND_NUMBER || value == 0)
        unit = &sizes[COUNT_OF(sizes) - 1];
    while (value % unit->size != 0)
        unit++;
    snprintf(to, 32, "%" PRIu64 "%s", value / unit->size, unit->name);
    return to;
}

/* NUMBER, SPAN and SIZE. */
static int set_quantity(const struct option_spec *option, const struct option_target *target,
                        const char *text, struct problem *ret_problem)
{
    static const struct {
        bool (*read)(struct str text, uint64_t *ret);
        const char *form;
    } forms[] = {
        [OPTION_KIND_NUMBER] = {num_parse_u64, "a number"},
        [OPTION_KIND_SPAN] = {num_parse_span, "a time like 500ms, 10s or 2m"},
        [OPTION_KIND_SIZE] = {num_parse_size, "a size like 512, 8K or 64M"},
    };
    char least[32], most[32];
    uint64_t value = 0;
    const bool read = forms[option->kind].read(str_of(text), &value);
    if (read && value >= option->least && value <= option->most) {
        if (option->field_bytes == sizeof(uint16_t))
            *(uint16_t *)option_field(option, target) = (uint16_t)value;
        else if (option->field_bytes == sizeof(uint32_t))
            *(uint32_t *)option_field(option, target) = (uint32_t)value;
        else
            *(uint64_t *)option_field(option, target) = value;
        return 0;
    }
    if (read)
        problem_set(ret_problem, "%s is out of range", text);
    else
        problem_set(ret_problem, "'%s' is not %s", text, forms[option->kind].form);
    problem_remedy(ret_problem, "give one from %s to %s",
                   quantity_text(option->kind, option->least, least),
                   quantity_text(option->kind, option->most, most));
    return -EINVAL;
}

/* Refuses TEXT, which is not one of the words CHOICES. Returns -EINVAL. */
static int refuse_word(const char *text, const char *choices, struct problem *ret_problem)
{
    problem_set(ret_problem, "'%s' is not known", text);
    problem_remedy(ret_problem, "choose %s", choices);
    return -EINVAL;
}

static int set_backend(const struct option_spec *option, const struct option_target *target,
                       const char *text, struct problem *ret_problem)
{
    for (unsigned i = 0; i < BACKEND_COUNT; i++) {
        if (strcmp(text, backend_name((enum backend)i)) == 0) {
            *(enum backend *)option_field(option, target) = (enum backend)i;
            return 0;
        }
    }
    return refuse_word(text, "auto, epoll or io_uring", ret_problem);
}

static int set_log_format(const struct option_spec *option, const struct option_target *target,
                          const char *text, struct problem *ret_problem)
{
    for (unsigned i = 0; i < ACCESS_FORMAT_COUNT; i++) {
        if (strcmp(text, access_format_name((enum access_format)i)) == 0) {
            *(enum access_format *)option_field(option, target) = (enum access_format)i;
            return 0;
        }
    }
    return refuse_word(text, "combined, common or json", ret_problem);
}

static int set_log_level(const struct option_spec *option, const struct option_target *target,
                         const char *text, struct problem *ret_problem)
{
    for (unsigned i = 0; i < LOG_LEVEL_COUNT; i++) {
        if (strcmp(text, log_level_name((enum log_level)i)) == 0) {
            *(enum log_level *)option_field(option, target) = (enum log_level)i;
            return 0;
        }
    }
    return refuse_word(text, "error, warning, notice or info", ret_problem);
}

static int set_switch(const struct option_spec *option, const struct option_target *target,
                      const char *text, struct problem *ret_problem)
{
    const bool on = strcmp(text, "on") == 0;
    if (on || strcmp(text, "off") == 0) {
        *(bool *)option_field(option, target) = on;
        return 0;
    }
    return refuse_word(text, "on or off", ret_problem);
}

static int set_flag(const struct option_spec *option, const struct option_target *target,
                    const char *text, struct problem *ret_problem)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"yes", true}, {"true", true},   {"1", true},
                 {"no", false}, {"false", false}, {"0", false}};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (text && strcmp(text, words[i].word) != 0)
            continue;
        *(bool *)option_field(option, target) = words[i].value;
        return 0;
    }
    problem_set(ret_problem, "'%s' is neither yes nor no", text);
    problem_remedy(ret_problem, "write yes or no");
    return -EINVAL;
}

/* --- Text --------------------------------------------------------------------------------------- */

int option_set_text(const struct option_spec *option, const struct option_target *target,
                    const char *text, struct problem *ret_problem)
{
    struct str copy = arena_copy(target->arena, str_of(text));
    if (!copy.at)
        return option_no_memory(ret_problem);
    *(struct str *)option_field(option, target) = copy;
    return 0;
}

static int set_file(const struct option_spec *option, const struct option_target *target,
                    const char *text, struct problem *ret_problem)
{
    if (*text != '\0')
        return option_set_text(option, target, text, ret_problem);
    const bool is_directory = strcmp(option->argument, "DIR") == 0;
    problem_set(ret_problem, "is empty");
    problem_remedy(ret_problem, "name a %s", is_directory ? "directory" : "file");
    return -EINVAL;
}

static int set_user(const struct option_spec *option, const struct option_target *target,
                    const char *text, struct problem *ret_problem)
{
    struct privileges_user user;
    if (privileges_parse(str_of(text), &user) == 0)
        return option_set_text(option, target, text, ret_problem);
    problem_set(ret_problem, "'%s' is not a user of this machine, or not its group", text);
    problem_remedy(ret_problem, "write NAME or NAME:GROUP; 'getent passwd' lists the names");
    return -EINVAL;
}

static int set_below(const struct option_spec *option, const struct option_target *target,
                     const char *text, struct problem *ret_problem)
{
    const char *path = text + strspn(text, "/");
    if (*path != '\0' && path[strlen(path) - 1] != '/')
        return option_set_text(option, target, path, ret_problem);
    problem_set(ret_problem, "'%s' is not a file", text);
    problem_remedy(ret_problem, "name one in ROOT, like index.html");
    return -EINVAL;
}

static int set_value(const struct option_spec *option, const struct option_target *target,
                     const char *text, struct problem *ret_problem)
{
    for (const char *c = text; *c; c++) {
        if (*c < ' ' || *c == 0x7f) {
            problem_set(ret_problem, "has a control character");
            problem_remedy(ret_problem, "give plain text");
            return -EINVAL;
        }
    }
    if (strlen(text) > OPTIONS_VALUE_BYTES_MAX) {
        problem_set(ret_problem, "is too long");
        problem_remedy(ret_problem, "give at most %d bytes", OPTIONS_VALUE_BYTES_MAX);
        return -EINVAL;
    }
    if (strcmp(text, "auto") != 0)
        return option_set_text(option, target, text, ret_problem);
    *(struct str *)option_field(option, target) = STR_ABSENT;
    return 0;
}

/* --- Lists -------------------------------------------------------------------------------------- */

int option_append(const struct option_spec *option, const struct option_target *target,
                  const char *text, struct problem *ret_problem)
{
    int error = arena_list_append(option_field(option, target), target->arena, str_of(text));
    return error ? option_no_memory(ret_problem) : 0;
}

static int set_name(const struct option_spec *option, const struct option_target *target,
                    const char *text, struct problem *ret_problem)
{
    const struct arena_list *list = option_field(option, target);
    if (*text == '\0' || *text == '.' || strchr(text, '/')) {
        problem_set(ret_problem, "'%s' is not a file's name", text);
        problem_remedy(ret_problem, "give one like %s", option->derived);
        return -EINVAL;
    }
    if (list->count == OPTIONS_NAMES_MAX) {
        problem_set(ret_problem, "is given too often");
        problem_remedy(ret_problem, "%d names are the limit", OPTIONS_NAMES_MAX);
        return -EINVAL;
    }
    return option_append(option, target, text, ret_problem);
}

static int set_header(const struct option_spec *option, const struct option_target *target,
                      const char *text, struct problem *ret_problem)
{
    const struct arena_list *list = option_field(option, target);
    struct rules *rules = rules_create(); /* only to check it */
    int error = rules ? rules_add(rules, str_of(text), ret_problem) : option_no_memory(ret_problem);
    rules_destroy(rules);
    if (error == -EINVAL)
        problem_prefix(ret_problem, "'%s' is not a rule: ", text);
    if (error)
        return error;
    if (list->count == OPTIONS_HEADERS_MAX) {
        problem_set(ret_problem, "is given too often");
        problem_remedy(ret_problem, "put the rules into ROOT/_headers");
        return -EINVAL;
    }
    return option_append(option, target, text, ret_problem);
}

static int set_redirect(const struct option_spec *option, const struct option_target *target,
                        const char *text, struct problem *ret_problem)
{
    const struct arena_list *list = option_field(option, target);
    struct arena arena = {.left = 0}; /* only to check it */
    struct redirects *redirects = redirects_create(&arena);
    int error = redirects ? redirects_add(redirects, str_of(text), ret_problem)
                          : option_no_memory(ret_problem);
    redirects_destroy(redirects);
    arena_fini(&arena);
    if (error == -EINVAL)
        problem_prefix(ret_problem, "'%s' is not a redirect: ", text);
    if (error)
        return error;
    if (list->count == OPTIONS_REDIRECTS_MAX) {
        problem_set(ret_problem, "is given too often");
        problem_remedy(ret_problem, "%d are the limit; use wildcards", OPTIONS_REDIRECTS_MAX);
        return -EINVAL;
    }
    return option_append(option, target, text, ret_problem);
}

/* The keywords are kept in the list; see config_site.c. */
static int set_pattern(const struct option_spec *option, const struct option_target *target,
                       const char *text, struct problem *ret_problem)
{
    const struct arena_list *list = option_field(option, target);
    char prepared[PATTERN_PREPARED_BYTES_MAX];
    size_t length;
    const bool keyword = strcmp(text, "auto") == 0 || strcmp(text, "none") == 0;
    if (!keyword && *text != '/') {
        problem_set(ret_problem, "'%s' is not a pattern", text);
        problem_remedy(
            ret_problem,
            "give a path that begins with a slash, such as '/assets/*', or auto, or none");
        return -EINVAL;
    }
    if (!keyword && !pattern_prepare(str_of(text), prepared, &length, ret_problem)) {
        problem_prefix(ret_problem, "'%s' is not a pattern: ", text);
        return -EINVAL;
    }
    if (list->count == OPTIONS_PATTERNS_MAX) {
        problem_set(ret_problem, "is given too often");
        problem_remedy(ret_problem, "put rules for Cache-Control into ROOT/_headers");
        return -EINVAL;
    }
    return option_append(option, target, text, ret_problem);
}

static int set_paths(const struct option_spec *option, const struct option_target *target,
                     const char *text, struct problem *ret_problem)
{
    const struct arena_list *list = option_field(option, target);
    char prepared[PATTERN_PREPARED_BYTES_MAX];
    size_t length;
    if (*text != '/') {
        problem_set(ret_problem, "'%s' is not a pattern", text);
        problem_remedy(ret_problem, "give a path that begins with a slash, such as '/healthz'");
        return -EINVAL;
    }
    if (!pattern_prepare(str_of(text), prepared, &length, ret_problem)) {
        problem_prefix(ret_problem, "'%s' is not a pattern: ", text);
        return -EINVAL;
    }
    if (list->count == OPTIONS_PATHS_MAX) {
        problem_set(ret_problem, "is given too often");
        problem_remedy(ret_problem, "%d patterns are the limit", OPTIONS_PATHS_MAX);
        return -EINVAL;
    }
    return option_append(option, target, text, ret_problem);
}

/* --- All kinds ---------------------------------------------------------------------------------- */

int option_set(const struct option_spec *option, const struct option_target *target,
               const char *text, struct problem *ret_problem)
{
    static int (*const setters[])(const struct option_spec *option,
                                  const struct option_target *target, const char *text,
                                  struct problem *ret_problem) = {
        [OPTION_KIND_NUMBER] = set_quantity,
        [OPTION_KIND_SPAN] = set_quantity,
        [OPTION_KIND_SIZE] = set_quantity,
        [OPTION_KIND_BACKEND] = set_backend,
        [OPTION_KIND_FILE] = set_file,
        [OPTION_KIND_LOG] = set_file,
        [OPTION_KIND_NAME] = set_name,
        [OPTION_KIND_BELOW] = set_below,
        [OPTION_KIND_VALUE] = set_value,
        [OPTION_KIND_HEADER] = set_header,
        [OPTION_KIND_PATTERN] = set_pattern,
        [OPTION_KIND_PATHS] = set_paths,
        [OPTION_KIND_SWITCH] = set_switch,
        [OPTION_KIND_LOG_FORMAT] = set_log_format,
        [OPTION_KIND_LOG_LEVEL] = set_log_level,
        [OPTION_KIND_ADDRESS] = option_set_address,
        [OPTION_KIND_FLAG] = set_flag,
        [OPTION_KIND_CERTIFICATE] = option_set_certificate,
        [OPTION_KIND_KEY] = option_set_key,
        [OPTION_KIND_TLS_VERSION] = option_set_tls_version,
        [OPTION_KIND_LISTEN] = option_set_listen,
        [OPTION_KIND_ADMIN] = option_set_admin,
        [OPTION_KIND_NETWORK] = option_set_network,
        [OPTION_KIND_HOST] = option_set_host,
        [OPTION_KIND_REDIRECT] = set_redirect,
        [OPTION_KIND_USER] = set_user,
    };
    static_assert(COUNT_OF(setters) == OPTION_KIND_HELP, "one for each kind that has a field");
    int error = setters[option->kind](option, target, text, ret_problem);
    if (error)
        problem_of_option(ret_problem, option->name);
    return error;
}

bool option_is_repeatable(const struct option_spec *option)
{
    switch (option->kind) {
    case OPTION_KIND_NAME:
    case OPTION_KIND_HEADER:
    case OPTION_KIND_PATTERN:
    case OPTION_KIND_PATHS:
    case OPTION_KIND_ADDRESS:
    case OPTION_KIND_CERTIFICATE:
    case OPTION_KIND_KEY:
    case OPTION_KIND_LISTEN:
    case OPTION_KIND_NETWORK:
    case OPTION_KIND_REDIRECT:
        return true;
    default:
        return false;
    }
}

/* What follows PREFIX in TEXT. NULL: TEXT does not begin with it. */
static const char *after(const char *text, struct str prefix)
{
    return str_starts_with(str_of(text), prefix) ? text + prefix.length : NULL;
}

const char *option_file_in(const struct option_spec *option, const char *text)
{
    const char *path;
    switch (option->kind) {
    case OPTION_KIND_FILE:
    case OPTION_KIND_CERTIFICATE:
    case OPTION_KIND_KEY:
        return text;
    case OPTION_KIND_LOG:
        path = after(text, STR("syslog:"));
        return path || strcmp(text, "-") == 0 ? path : text;
    case OPTION_KIND_LISTEN:
    case OPTION_KIND_ADMIN:
        path = after(text, STR("unix:"));
        return path && *path != '@' ? path : NULL; /* an abstract name does not name a file */
    default:
        return NULL;
    }
}

bool option_clear(const struct option_spec *option, const struct option_target *target)
{
    struct problem problem; /* a default is right: only memory can be missing */
    memset(option_field(option, target), 0, option->field_bytes);
    return !option->initial || option_set(option, target, option->initial, &problem) == 0;
}

bool options_set_defaults(enum option_scope scope, void *fields, struct arena *arena)
{
    const struct option_target target = {fields, arena};
    size_t count;
    const struct option_spec *table = options_table(&count);
    for (size_t i = 0; i < count; i++) {
        struct problem problem; /* a default is right: only memory can be missing */
        if (table[i].scope == scope && table[i].initial &&
            option_set(&table[i], &target, table[i].initial, &problem) < 0)
            return false;
    }
    return true;
}
