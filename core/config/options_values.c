/* options_values: how each kind of option reads its value and stores it. See options.h. */
#include "config/options.h"

#include "base/num.h"
#include "config/settings.h"
#include "http/pattern.h"
#include "http/rules.h"
#include "system/net.h"

#include <errno.h>
#include <inttypes.h>

static void *field_of(const struct option_spec *option, const struct option_target *target)
{
    return (char *)target->scope + option->offset;
}

static int no_memory(struct problem *ret_problem)
{
    problem_set_no_memory(ret_problem);
    return -ENOMEM;
}

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
        if (option->field_bytes == sizeof(uint32_t))
            *(uint32_t *)field_of(option, target) = (uint32_t)value;
        else
            *(uint64_t *)field_of(option, target) = value;
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

static int set_backend(const struct option_spec *option, const struct option_target *target,
                       const char *text, struct problem *ret_problem)
{
    for (unsigned i = 0; i < BACKEND_COUNT; i++) {
        if (strcmp(text, backend_name((enum backend)i)) == 0) {
            *(enum backend *)field_of(option, target) = (enum backend)i;
            return 0;
        }
    }
    problem_set(ret_problem, "'%s' is not known", text);
    problem_remedy(ret_problem, "choose auto, epoll or io_uring");
    return -EINVAL;
}

static int set_log_format(const struct option_spec *option, const struct option_target *target,
                          const char *text, struct problem *ret_problem)
{
    for (unsigned i = 0; i < ACCESS_FORMAT_COUNT; i++) {
        if (strcmp(text, access_format_name((enum access_format)i)) == 0) {
            *(enum access_format *)field_of(option, target) = (enum access_format)i;
            return 0;
        }
    }
    problem_set(ret_problem, "'%s' is not known", text);
    problem_remedy(ret_problem, "choose combined, common or json");
    return -EINVAL;
}

static int set_switch(const struct option_spec *option, const struct option_target *target,
                      const char *text, struct problem *ret_problem)
{
    const bool on = strcmp(text, "on") == 0;
    if (on || strcmp(text, "off") == 0) {
        *(bool *)field_of(option, target) = on;
        return 0;
    }
    problem_set(ret_problem, "'%s' is not known", text);
    problem_remedy(ret_problem, "choose on or off");
    return -EINVAL;
}

static int set_flag(const struct option_spec *option, const struct option_target *target,
                    const char *text, struct problem *ret_problem)
{
    (void)text, (void)ret_problem;
    *(bool *)field_of(option, target) = true;
    return 0;
}

/* --- Text --------------------------------------------------------------------------------------- */

static int set_text(const struct option_spec *option, const struct option_target *target,
                    const char *text, struct problem *ret_problem)
{
    struct str copy = arena_copy(target->arena, str_of(text));
    if (!copy.at)
        return no_memory(ret_problem);
    *(struct str *)field_of(option, target) = copy;
    return 0;
}

static int set_file(const struct option_spec *option, const struct option_target *target,
                    const char *text, struct problem *ret_problem)
{
    if (*text != '\0')
        return set_text(option, target, text, ret_problem);
    problem_set(ret_problem, "is empty");
    problem_remedy(ret_problem, "name a file");
    return -EINVAL;
}

static int set_below(const struct option_spec *option, const struct option_target *target,
                     const char *text, struct problem *ret_problem)
{
    const char *path = text + strspn(text, "/");
    if (*path != '\0' && path[strlen(path) - 1] != '/')
        return set_text(option, target, path, ret_problem);
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
        return set_text(option, target, text, ret_problem);
    *(struct str *)field_of(option, target) = STR_ABSENT;
    return 0;
}

/* --- Lists -------------------------------------------------------------------------------------- */

static int append(const struct option_spec *option, const struct option_target *target,
                  const char *text, struct problem *ret_problem)
{
    int error = arena_list_append(field_of(option, target), target->arena, str_of(text));
    return error ? no_memory(ret_problem) : 0;
}

static int set_name(const struct option_spec *option, const struct option_target *target,
                    const char *text, struct problem *ret_problem)
{
    const struct arena_list *list = field_of(option, target);
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
    return append(option, target, text, ret_problem);
}

static int set_header(const struct option_spec *option, const struct option_target *target,
                      const char *text, struct problem *ret_problem)
{
    const struct arena_list *list = field_of(option, target);
    struct rules *rules = rules_create(); /* only to check it */
    int error = rules ? rules_add(rules, str_of(text), ret_problem) : no_memory(ret_problem);
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
    return append(option, target, text, ret_problem);
}

/* The keywords are kept in the list; see config_site.c. */
static int set_pattern(const struct option_spec *option, const struct option_target *target,
                       const char *text, struct problem *ret_problem)
{
    const struct arena_list *list = field_of(option, target);
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
    return append(option, target, text, ret_problem);
}

static int set_paths(const struct option_spec *option, const struct option_target *target,
                     const char *text, struct problem *ret_problem)
{
    const struct arena_list *list = field_of(option, target);
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
    return append(option, target, text, ret_problem);
}

static int set_address(const struct option_spec *option, const struct option_target *target,
                       const char *text, struct problem *ret_problem)
{
    static const struct {
        const char *what;
        const char *remedy;
    } mistakes[] = {
        [NET_ADDED_NOT_NUMERIC] = {"is a name",
                                   "give a numeric address like 127.0.0.1, or localhost"},
        [NET_ADDED_HAS_PORT] = {"has a port after it", "the port is the first argument, PORT"},
        [NET_ADDED_MALFORMED] = {"is not an address",
                                 "give one like 127.0.0.1, ::1 or fe80::1%eth0"},
    };
    const struct arena_list *list = field_of(option, target);
    struct net_set set = {.count = 0}; /* only to check it */
    enum net_added added = net_add(&set, text);
    if (added != NET_ADDED) {
        problem_set(ret_problem, "'%s' %s", text, mistakes[added].what);
        problem_remedy(ret_problem, "%s", mistakes[added].remedy);
        return -EINVAL;
    }
    if (list->count == OPTIONS_ADDRESSES_MAX) {
        problem_set(ret_problem, "is given too often");
        problem_remedy(ret_problem, "%d addresses are the limit", OPTIONS_ADDRESSES_MAX);
        return -EINVAL;
    }
    return append(option, target, text, ret_problem);
}

/* --- HTTPS -------------------------------------------------------------------------------------- */

static int set_certificate(const struct option_spec *option, const struct option_target *target,
                           const char *text, struct problem *ret_problem)
{
    struct certificate_paths *paths = field_of(option, target);
    if (*text == '\0') {
        problem_set(ret_problem, "is empty");
        problem_remedy(ret_problem, "name a file or a directory");
        return -EINVAL;
    }
    if (paths->certificates.count == OPTIONS_CERTIFICATES_MAX) {
        problem_set(ret_problem, "is given too often");
        problem_remedy(ret_problem, "put the files into a directory, and name that");
        return -EINVAL;
    }
    if (arena_list_append(&paths->certificates, target->arena, str_of(text)) < 0 ||
        arena_list_append(&paths->keys, target->arena, STR("")) < 0)
        return no_memory(ret_problem);
    return 0;
}

static int set_key(const struct option_spec *option, const struct option_target *target,
                   const char *text, struct problem *ret_problem)
{
    struct certificate_paths *paths = field_of(option, target);
    const unsigned count = paths->keys.count;
    if (*text == '\0') {
        problem_set(ret_problem, "is empty");
        problem_remedy(ret_problem, "name a file");
        return -EINVAL;
    }
    if (count == 0) {
        problem_set(ret_problem, "'%s' has no --cert before it", text);
        problem_remedy(ret_problem, "write --cert FILE --key FILE");
        return -EINVAL;
    }
    if (paths->keys.items[count - 1][0] != '\0') {
        problem_set(ret_problem, "'%s' is a second key for the same --cert", text);
        problem_remedy(ret_problem, "write each --key after its --cert");
        return -EINVAL;
    }
    struct str copy = arena_copy(target->arena, str_of(text));
    if (!copy.at)
        return no_memory(ret_problem);
    paths->keys.items[count - 1] = copy.at;
    return 0;
}

static int set_tls_version(const struct option_spec *option, const struct option_target *target,
                           const char *text, struct problem *ret_problem)
{
    const bool newest = strcmp(text, "1.3") == 0;
    if (newest || strcmp(text, "1.2") == 0) {
        *(uint32_t *)field_of(option, target) = newest ? 3 : 2;
        return 0;
    }
    problem_set(ret_problem, "'%s' is not a version that is offered", text);
    problem_remedy(ret_problem, "choose 1.2 or 1.3");
    return -EINVAL;
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
        [OPTION_KIND_NAME] = set_name,
        [OPTION_KIND_BELOW] = set_below,
        [OPTION_KIND_VALUE] = set_value,
        [OPTION_KIND_HEADER] = set_header,
        [OPTION_KIND_PATTERN] = set_pattern,
        [OPTION_KIND_PATHS] = set_paths,
        [OPTION_KIND_SWITCH] = set_switch,
        [OPTION_KIND_LOG_FORMAT] = set_log_format,
        [OPTION_KIND_ADDRESS] = set_address,
        [OPTION_KIND_FLAG] = set_flag,
        [OPTION_KIND_CERTIFICATE] = set_certificate,
        [OPTION_KIND_KEY] = set_key,
        [OPTION_KIND_TLS_VERSION] = set_tls_version,
    };
    static_assert(COUNT_OF(setters) == OPTION_KIND_HELP, "one for each kind that has a field");
    int error = setters[option->kind](option, target, text, ret_problem);
    if (error)
        problem_of_option(ret_problem, option->name);
    return error;
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
