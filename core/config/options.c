/* options: see options.h. Argument conventions after POSIX.1-2017 XBD 12.2 and GNU's long options. */
#include "config/options.h"

#include "base/num.h"
#include "base/version.h"
#include "http/rules.h"
#include "observe/log.h"
#include "system/net.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* --- one command line ------------------------------------------------------------------------ */

struct parse {
    struct options options;
    const struct profile *profile;
    const char *positionals[2]; /* PORT, ROOT */
    unsigned positional_count;
    struct net_set binds; /* only to judge the addresses */
    FILE *out;
    FILE *err;
};

/* What to go on with after one argument. */
enum step {
    STEP_NEXT,
    STEP_SHOWN,
    STEP_MISTAKE,
};

static enum step complain(const struct parse *parse, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static enum step complain(const struct parse *parse, const char *format, ...)
{
    char line[LOG_LINE_BYTES_MAX];
    va_list arguments;

    va_start(arguments, format);
    size_t length = log_format(line, parse->profile->name, format, arguments);
    va_end(arguments);
    fwrite(line, 1, length, parse->err);
    return STEP_MISTAKE;
}

/* VALUE as an argument of this KIND would be written: "15K", "24h", "1024". */
static const char *limit_text(enum option_kind kind, uint64_t value, char to[static 32])
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

static void *field_of(struct parse *parse, const struct option_spec *spec)
{
    return (char *)&parse->options + spec->offset;
}

/* NUMBER, SPAN and SIZE. */
static enum step take_quantity(struct parse *parse, const struct option_spec *spec,
                               const char *text)
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
    uint64_t value;

    limit_text(spec->kind, spec->least, least);
    limit_text(spec->kind, spec->most, most);
    if (!forms[spec->kind].read(str_of(text), &value))
        return complain(parse, "--%s '%s' is not %s; give one from %s to %s", spec->name, text,
                        forms[spec->kind].form, least, most);
    if (value < spec->least || value > spec->most)
        return complain(parse, "--%s %s is out of range; give one from %s to %s", spec->name, text,
                        least, most);
    if (spec->field_bytes == sizeof(uint32_t))
        *(uint32_t *)field_of(parse, spec) = (uint32_t)value;
    else
        *(uint64_t *)field_of(parse, spec) = value;
    return STEP_NEXT;
}

static enum step take_backend(struct parse *parse, const struct option_spec *spec, const char *text)
{
    for (unsigned i = 0; i < BACKEND_COUNT; i++) {
        if (!str_equal(str_of(text), str_of(option_backend_name((enum backend)i))))
            continue;
        parse->options.backend = (enum backend)i;
        return STEP_NEXT;
    }
    return complain(parse, "--%s '%s' is not known; choose auto, epoll or io_uring", spec->name,
                    text);
}

static enum step take_file(struct parse *parse, const struct option_spec *spec, const char *text)
{
    if (*text == '\0')
        return complain(parse, "--%s is empty; name a file", spec->name);
    *(const char **)field_of(parse, spec) = text;
    return STEP_NEXT;
}

static enum step take_name(struct parse *parse, const struct option_spec *spec, const char *text)
{
    if (*text == '\0' || *text == '.' || strchr(text, '/'))
        return complain(parse, "--%s '%s' is not a file's name; give one like %s", spec->name, text,
                        spec->initial);
    *(const char **)field_of(parse, spec) = text;
    return STEP_NEXT;
}

/* A path below ROOT, where a slash in front means ROOT. */
static enum step take_below(struct parse *parse, const struct option_spec *spec, const char *text)
{
    const char *path = text + strspn(text, "/");
    if (*path == '\0' || path[strlen(path) - 1] == '/')
        return complain(parse, "--%s '%s' is not a file; name one in ROOT, like index.html",
                        spec->name, text);
    *(const char **)field_of(parse, spec) = path;
    return STEP_NEXT;
}

static enum step take_value(struct parse *parse, const struct option_spec *spec, const char *text)
{
    for (const char *c = text; *c; c++) {
        if (*c < ' ' || *c == 0x7f)
            return complain(parse, "--%s has a control character; give plain text", spec->name);
    }
    if (strlen(text) > OPTIONS_VALUE_BYTES_MAX)
        return complain(parse, "--%s is too long; give at most %d bytes", spec->name,
                        OPTIONS_VALUE_BYTES_MAX);
    *(const char **)field_of(parse, spec) = strcmp(text, "auto") == 0 ? NULL : text;
    return STEP_NEXT;
}

static enum step take_header(struct parse *parse, const struct option_spec *spec, const char *text)
{
    struct options *options = &parse->options;
    struct rules *rules = rules_create(); /* only to judge it */
    const char *reason = "out of memory";
    int error = rules ? rules_add(rules, str_of(text), &reason) : -ENOMEM;

    rules_destroy(rules);
    if (error)
        return complain(parse, "--%s '%s' is not a rule; %s", spec->name, text, reason);
    if (options->header_count == OPTIONS_HEADERS_MAX)
        return complain(parse, "--%s is given too often; put the rules into ROOT/_headers",
                        spec->name);
    options->headers[options->header_count++] = text;
    return STEP_NEXT;
}

static enum step take_flag(struct parse *parse, const struct option_spec *spec, const char *text)
{
    (void)text;
    *(bool *)field_of(parse, spec) = true;
    return STEP_NEXT;
}

static enum step take_address(struct parse *parse, const struct option_spec *spec, const char *text)
{
    static const char *const mistakes[] = {
        [NET_ADDED_NOT_NUMERIC] = "is a name; give a numeric address like 127.0.0.1, or localhost",
        [NET_ADDED_HAS_PORT] = "has a port behind it; the port is the first argument, PORT",
        [NET_ADDED_MALFORMED] = "is not an address; give one like 127.0.0.1, ::1 or fe80::1%eth0",
    };
    struct options *options = &parse->options;
    enum net_added added = net_add(&parse->binds, text);

    if (options->bind_count == OPTIONS_BINDS_MAX || added == NET_ADDED_TOO_MANY)
        return complain(parse, "--%s is given too often; %d addresses are the limit", spec->name,
                        OPTIONS_BINDS_MAX);
    if (added != NET_ADDED)
        return complain(parse, "--%s '%s' %s", spec->name, text, mistakes[added]);
    options->binds[options->bind_count++] = text;
    return STEP_NEXT;
}

static enum step show_help(struct parse *parse, const struct option_spec *spec, const char *text)
{
    (void)spec, (void)text;
    options_help(parse->profile, parse->out);
    return STEP_SHOWN;
}

static enum step show_version(struct parse *parse, const struct option_spec *spec, const char *text)
{
    (void)spec, (void)text;
    fprintf(parse->out, "%s (Sluice) %s\n", parse->profile->name, SLUICE_VERSION);
    fputs(SLUICE_LICENCE "\n", parse->out);
    return STEP_SHOWN;
}

typedef enum step take_fn(struct parse *parse, const struct option_spec *spec, const char *text);

static enum step take(struct parse *parse, const struct option_spec *spec, const char *text)
{
    static take_fn *const takers[] = {
        [OPTION_KIND_NUMBER] = take_quantity, [OPTION_KIND_SPAN] = take_quantity,
        [OPTION_KIND_SIZE] = take_quantity,   [OPTION_KIND_BACKEND] = take_backend,
        [OPTION_KIND_FILE] = take_file,       [OPTION_KIND_ADDRESS] = take_address,
        [OPTION_KIND_NAME] = take_name,       [OPTION_KIND_BELOW] = take_below,
        [OPTION_KIND_VALUE] = take_value,     [OPTION_KIND_HEADER] = take_header,
        [OPTION_KIND_FLAG] = take_flag,       [OPTION_KIND_HELP] = show_help,
        [OPTION_KIND_VERSION] = show_version,
    };
    static_assert(COUNT_OF(takers) == OPTION_KIND_COUNT, "one a kind");
    return takers[spec->kind](parse, spec, text);
}

enum { NAME_BYTES_MAX = 31 };

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* The number of bytes to insert, delete, replace or swap with a neighbour to get from A to B
 * (optimal string alignment). Both are at most NAME_BYTES_MAX long. */
static unsigned distance(struct str a, struct str b)
{
    unsigned cost[NAME_BYTES_MAX + 1][NAME_BYTES_MAX + 1];

    for (size_t i = 0; i <= a.length; i++) {
        for (size_t j = 0; j <= b.length; j++) {
            unsigned best = (unsigned)(i + j);
            if (i > 0 && j > 0) {
                best = cost[i - 1][j - 1] + (a.at[i - 1] != b.at[j - 1]);
                best = smaller(best, smaller(cost[i - 1][j], cost[i][j - 1]) + 1);
            }
            if (i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1])
                best = smaller(best, cost[i - 2][j - 2] + 1);
            cost[i][j] = best;
        }
    }
    return cost[a.length][b.length];
}

/* The option that NAME was most likely meant to be: one it begins, or one a few slips away. */
static const struct option_spec *nearest(struct str name)
{
    size_t count;
    const struct option_spec *table = options_table(&count);
    const struct option_spec *best = NULL;
    unsigned best_distance = 1 + (unsigned)name.length / 3;

    if (name.length < 2 || name.length > NAME_BYTES_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        struct str candidate = str_of(table[i].name);
        unsigned slips = str_starts_with(candidate, name) ? 0 : distance(name, candidate);
        bool shorter = best && candidate.length < strlen(best->name);
        if (slips > best_distance || (best && slips == best_distance && !shorter))
            continue;
        best = &table[i];
        best_distance = slips;
    }
    return best;
}

static enum step unknown(const struct parse *parse, const char *argument)
{
    struct str name = str_from(str_of(argument), strspn(argument, "-"));
    size_t shown = str_find(str_of(argument), '=');
    const struct option_spec *meant = nearest(str_first(name, str_find(name, '=')));

    if (!meant)
        return complain(parse, "unknown option '%.*s'; --help lists all", (int)shown, argument);
    return complain(parse, "unknown option '%.*s'; did you mean '--%s'? (--help lists all)",
                    (int)shown, argument, meant->name);
}

/* --- arguments ------------------------------------------------------------------------------- */

/* The option that ARGUMENT names, "--name", "--name=value" or "-n"; NULL: none. */
static const struct option_spec *find(const char *argument)
{
    size_t count;
    const struct option_spec *table = options_table(&count);
    struct str all = str_of(argument);
    struct str name = str_from(str_first(all, str_find(all, '=')), 2);

    for (size_t i = 0; i < count; i++) {
        if (str_starts_with(all, STR("--")) && str_equal(name, str_of(table[i].name)))
            return &table[i];
        if (all.length == 2 && table[i].letter && argument[1] == table[i].letter)
            return &table[i];
    }
    return NULL;
}

/* An option at *NEXT, whose value may be the argument after it. */
static enum step take_option(struct parse *parse, int argc, char *const argv[], int *next)
{
    const char *argument = argv[(*next)++];
    const struct option_spec *spec = find(argument);
    const char *equals = strchr(argument, '=');

    if (!spec)
        return unknown(parse, argument);
    if (!spec->argument && equals)
        return complain(parse, "--%s takes no value; leave '%s' out", spec->name, equals);
    if (!spec->argument || equals)
        return take(parse, spec, equals ? equals + 1 : NULL);
    if (*next == argc)
        return complain(parse, "--%s needs a value; give it as --%s=%s", spec->name, spec->name,
                        spec->argument);
    return take(parse, spec, argv[(*next)++]);
}

static enum step take_positional(struct parse *parse, const char *argument)
{
    if (parse->positional_count == COUNT_OF(parse->positionals))
        return complain(parse,
                        "'%s' is one argument too many; give PORT and ROOT only, and quote "
                        "a ROOT that has spaces",
                        argument);
    parse->positionals[parse->positional_count++] = argument;
    return STEP_NEXT;
}

static bool is_port(const char *text, uint64_t *ret)
{
    return num_parse_u64(str_of(text), ret) && *ret <= UINT16_MAX;
}

/* Makes PORT and ROOT of the positionals. */
static enum step take_port_and_root(struct parse *parse)
{
    const char *name = parse->profile->name;
    const char *port = parse->positionals[0], *root = parse->positionals[1];
    uint64_t number = 0, other;

    if (!port)
        return complain(parse, "PORT and ROOT are missing; give both: %s PORT ROOT", name);
    if (!root && is_port(port, &number))
        return complain(parse, "ROOT is missing; name a directory: %s %s ROOT", name, port);
    if (!root)
        return complain(parse, "PORT or ROOT is missing; give both: %s PORT ROOT", name);
    if (!is_port(port, &number))
        return complain(
            parse,
            is_port(root, &other)
                ? "PORT '%s' is not a number but ROOT '%s' is; did you swap the two?"
                : "PORT '%s' is not a port; give a number from 0 (any free one) to 65535",
            port, root);
    if (*root == '\0')
        return complain(parse, "ROOT is empty; name the directory to serve");
    parse->options.port = (uint16_t)number;
    parse->options.root = root;
    return STEP_NEXT;
}

enum options_result options_parse(struct options *ret, const struct profile *profile, int argc,
                                  char *const argv[], FILE *out, FILE *err)
{
    size_t count;
    const struct option_spec *table = options_table(&count);
    struct parse parse = {.profile = profile, .out = out, .err = err};
    enum step step = STEP_NEXT;
    bool options_ended = false;

    for (size_t i = 0; i < count; i++)
        if (table[i].initial)
            take(&parse, &table[i], table[i].initial);
    for (int next = 1; step == STEP_NEXT && next < argc;) {
        const char *argument = argv[next];
        bool dashed = argument[0] == '-' && argument[1] != '\0' && !char_is_digit(argument[1]);
        if (dashed && !options_ended && strcmp(argument, "--") != 0) {
            step = take_option(&parse, argc, argv, &next);
            continue;
        }
        next++;
        if (dashed && !options_ended)
            options_ended = true;
        else
            step = take_positional(&parse, argument);
    }
    if (step == STEP_NEXT)
        step = take_port_and_root(&parse);
    if (step != STEP_NEXT)
        return step == STEP_SHOWN ? OPTIONS_SHOWN : OPTIONS_USAGE;
    *ret = parse.options;
    return OPTIONS_RUN;
}
