/* options: see options.h. Argument conventions after POSIX.1-2017 XBD 12.2 and GNU's long options. */
#include "options.h"

#include "log.h"
#include "net.h"
#include "num.h"
#include "version.h"

#include <inttypes.h>
#include <stdlib.h>

#define FIELD(member) \
    .offset = offsetof(struct options, member), .field_bytes = sizeof(((struct options *)0)->member)

enum { DAY_MS = 24 * 60 * 60 * 1000 };

/* clang-format off */
static const struct option_spec table[] = {
    {.name = "bind", .argument = "ADDR", .group = OPTION_GROUP_NETWORK,
     .help = "Listen on this IPv4 or IPv6 address, or on localhost; may be given up to 16 times.",
     .derived = "every address, IPv4 and IPv6",
     .kind = OPTION_KIND_ADDRESS, FIELD(binds)},
    {.name = "threads", .argument = "N", .group = OPTION_GROUP_NETWORK,
     .help = "Serve with N threads.", .derived = "one for each usable CPU",
     .kind = OPTION_KIND_NUMBER, FIELD(threads), .least = 1, .most = 1024},
    {.name = "backend", .argument = "NAME", .group = OPTION_GROUP_NETWORK,
     .help = "How to wait for the network: auto or epoll.", .initial = "auto",
     .kind = OPTION_KIND_BACKEND, FIELD(backend)},
    {.name = "backlog", .argument = "N", .group = OPTION_GROUP_NETWORK,
     .help = "Connections that may wait to be accepted, for each thread and address; the kernel "
             "allows net.core.somaxconn.",
     .initial = "4096",
     .kind = OPTION_KIND_NUMBER, FIELD(backlog), .least = 1, .most = 65535},
    {.name = "idle-timeout", .argument = "TIME", .group = OPTION_GROUP_LIMITS,
     .help = "Close a connection on which nothing has happened for so long.", .initial = "60s",
     .kind = OPTION_KIND_SPAN, FIELD(idle_ms), .least = 1, .most = DAY_MS},
    {.name = "header-timeout", .argument = "TIME", .group = OPTION_GROUP_LIMITS,
     .help = "Time for the whole head of a request.", .initial = "15s",
     .kind = OPTION_KIND_SPAN, FIELD(header_ms), .least = 1, .most = DAY_MS},
    {.name = "drain-timeout", .argument = "TIME", .group = OPTION_GROUP_LIMITS,
     .help = "After SIGINT or SIGTERM, time for responses in flight.", .initial = "5s",
     .kind = OPTION_KIND_SPAN, FIELD(drain_ms), .most = DAY_MS},
    {.name = "max-head", .argument = "SIZE", .group = OPTION_GROUP_LIMITS,
     .help = "Longest head of a request.", .initial = "8K",
     .kind = OPTION_KIND_SIZE, FIELD(head_bytes_max), .least = 512, .most = OPTIONS_HEAD_BYTES_MAX},
    {.name = "max-body", .argument = "SIZE", .group = OPTION_GROUP_LIMITS,
     .help = "Longest body of a request; it is read and not used.", .initial = "64K",
     .kind = OPTION_KIND_SIZE, FIELD(body_bytes_max), .most = 1ULL << 40},
    {.name = "max-connections", .argument = "N", .group = OPTION_GROUP_LIMITS,
     .help = "Connections open at once, divided among the threads.",
     .derived = "what RLIMIT_NOFILE allows, at most 1000000",
     .kind = OPTION_KIND_NUMBER, FIELD(connections_max), .least = 1, .most = 10000000},
    {.name = "cache-bytes", .argument = "SIZE", .group = OPTION_GROUP_CONTENT,
     .help = "Memory for cached responses, divided among the threads; 0: no cache.",
     .initial = "64M",
     .kind = OPTION_KIND_SIZE, FIELD(cache_bytes), .most = 1ULL << 40},
    {.name = "cache-valid", .argument = "TIME", .group = OPTION_GROUP_CONTENT,
     .help = "Use a cached response for so long before its file is looked at again.",
     .initial = "1s",
     .kind = OPTION_KIND_SPAN, FIELD(cache_valid_ms), .most = DAY_MS},
    {.name = "mime-types", .argument = "FILE", .group = OPTION_GROUP_CONTENT,
     .help = "More media types, in the form of /etc/mime.types; they override the built-in ones.",
     .kind = OPTION_KIND_FILE, FIELD(mime_types_path)},
    {.name = "help", .letter = 'h', .group = OPTION_GROUP_GENERAL,
     .help = "Show this and exit.",
     .kind = OPTION_KIND_HELP},
    {.name = "version", .letter = 'V', .group = OPTION_GROUP_GENERAL,
     .help = "Show the version and exit.",
     .kind = OPTION_KIND_VERSION},
};
/* clang-format on */

const struct option_spec *options_table(size_t *ret_count)
{
    *ret_count = COUNT_OF(table);
    return table;
}

const char *option_group_title(enum option_group group)
{
    static const char *const titles[] = {
        [OPTION_GROUP_NETWORK] = "Network and threads",
        [OPTION_GROUP_LIMITS] = "Limits",
        [OPTION_GROUP_CONTENT] = "Content",
        [OPTION_GROUP_GENERAL] = "General",
    };
    static_assert(COUNT_OF(titles) == OPTION_GROUP_COUNT, "one title a group");
    return titles[group];
}

const char *option_backend_name(enum backend backend)
{
    static const char *const names[] = {[BACKEND_AUTO] = "auto", [BACKEND_EPOLL] = "epoll"};
    static_assert(COUNT_OF(names) == BACKEND_COUNT, "one name a backend");
    return names[backend];
}

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
    return complain(parse, "--%s '%s' is not known; choose auto or epoll", spec->name, text);
}

static enum step take_file(struct parse *parse, const struct option_spec *spec, const char *text)
{
    if (*text == '\0')
        return complain(parse, "--%s is empty; name a file", spec->name);
    *(const char **)field_of(parse, spec) = text;
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
        [OPTION_KIND_HELP] = show_help,       [OPTION_KIND_VERSION] = show_version,
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
    const struct option_spec *best = NULL;
    unsigned best_distance = 1 + (unsigned)name.length / 3;

    if (name.length < 2 || name.length > NAME_BYTES_MAX)
        return NULL;
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct str candidate = str_of(table[i].name);
        unsigned slips = str_starts_with(candidate, name) ? 0 : distance(name, candidate);
        if (slips > best_distance || (best && slips == best_distance))
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
    struct str all = str_of(argument);
    struct str name = str_from(str_first(all, str_find(all, '=')), 2);

    for (size_t i = 0; i < COUNT_OF(table); i++) {
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
    struct parse parse = {.profile = profile, .out = out, .err = err};
    enum step step = STEP_NEXT;
    bool options_ended = false;

    for (size_t i = 0; i < COUNT_OF(table); i++)
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

/* --- help ------------------------------------------------------------------------------------ */

enum { HELP_COLUMN = 30, HELP_WIDTH = 80 };

/* Writes TEXT from column AT on, broken between words before HELP_WIDTH, going on at HELP_COLUMN. */
static void write_wrapped(FILE *out, size_t at, struct str text)
{
    while (text.length > 0) {
        size_t length = str_find(text, ' ');
        if (at > HELP_COLUMN && at + 1 + length > HELP_WIDTH) {
            fprintf(out, "\n%*s", HELP_COLUMN, "");
            at = HELP_COLUMN;
        }
        at += (size_t)fprintf(out, "%s%.*s", at > HELP_COLUMN ? " " : "", (int)length, text.at);
        text = str_from(text, length + 1);
    }
    fputc('\n', out);
}

/* One entry: what to type, and what it does with its default. */
static void write_entry(FILE *out, const char *left, const char *help, const char *standard)
{
    char text[512];

    snprintf(text, sizeof(text), standard ? "%s (default: %s)" : "%s", help, standard);
    write_wrapped(out, (size_t)fprintf(out, "  %-*s", HELP_COLUMN - 2, left), str_of(text));
}

void options_help(const struct profile *profile, FILE *out)
{
    const char *name = profile->name;
    char left[64];

    fprintf(out, "%s: %s\n\nUsage: %s PORT ROOT [options]\n\n", name, profile->summary, name);
    write_entry(out, "PORT", "TCP port to listen on; 0: any that is free.", NULL);
    write_entry(out, "ROOT", "Directory to serve. Nothing outside it is reachable.", NULL);
    for (unsigned group = 0; group < OPTION_GROUP_COUNT; group++) {
        fprintf(out, "\n%s:\n", option_group_title((enum option_group)group));
        for (const struct option_spec *spec = table; spec < table + COUNT_OF(table); spec++) {
            if (spec->group != group)
                continue;
            const char short_form[] = {'-', spec->letter, ',', ' ', '\0'};
            snprintf(left, sizeof(left), "%s--%s %s", spec->letter ? short_form : "    ",
                     spec->name, spec->argument ? spec->argument : "");
            write_entry(out, left, spec->help, spec->derived ? spec->derived : spec->initial);
        }
    }
    fputs("\nTIME is a number with ms, s, m or h (none: seconds); SIZE one with K, M or G.\n"
          "SIGINT (Ctrl-C) and SIGTERM finish what is in flight and exit 0; a second one\n"
          "exits at once. Exit status: 0 stopped as asked, 1 failed at run time, 2 usage.\n",
          out);
}
