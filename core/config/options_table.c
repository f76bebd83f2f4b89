/* options_table: the one table of options, and --help, which is made from it. See options.h. */
#include "config/options.h"

#include "base/str.h"
#include "base/version.h"

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
     .help = "How to wait for the network: auto, epoll or io_uring.", .initial = "auto",
     .kind = OPTION_KIND_BACKEND, FIELD(backend)},
    {.name = "backlog", .argument = "N", .group = OPTION_GROUP_NETWORK,
     .help = "Connections that may wait to be accepted, for each thread and address; the kernel "
             "allows net.core.somaxconn.",
     .initial = "4096",
     .kind = OPTION_KIND_NUMBER, FIELD(backlog), .least = 1, .most = 65535},
    {.name = "idle-timeout", .argument = "TIME", .group = OPTION_GROUP_LIMITS,
     .help = "Time between requests, for a request's body, and without progress in sending; then the connection is closed.", .initial = "60s",
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
     .help = "Use a cached response for so long, at most, before its file is looked at again.",
     .initial = "1s",
     .kind = OPTION_KIND_SPAN, FIELD(cache_valid_ms), .most = DAY_MS},
    {.name = "mime-types", .argument = "FILE", .group = OPTION_GROUP_CONTENT,
     .help = "More media types, in the form of /etc/mime.types; they override the built-in ones.",
     .kind = OPTION_KIND_FILE, FIELD(mime_types_path)},
    {.name = "index", .argument = "NAME", .group = OPTION_GROUP_CONTENT,
     .help = "A directory's own page.", .initial = "index.html",
     .kind = OPTION_KIND_NAME, FIELD(index)},
    {.name = "listing", .group = OPTION_GROUP_CONTENT,
     .help = "List directories that have no page of their own, as HTML or JSON.",
     .kind = OPTION_KIND_FLAG, FIELD(listing)},
    {.name = "spa", .argument = "FILE", .group = OPTION_GROUP_CONTENT,
     .help = "Answer pages that don't exist with this file in ROOT, for applications with routes of their own.",
     .kind = OPTION_KIND_BELOW, FIELD(fallback)},
    {.name = "cache-control", .argument = "VALUE", .group = OPTION_GROUP_CONTENT,
     .help = "Cache-Control of all files; auto: a year for names with a hash of the content, no-cache for the others; empty: none.", .initial = "auto",
     .kind = OPTION_KIND_VALUE, FIELD(cache_control)},
    {.name = "header", .argument = "RULE", .group = OPTION_GROUP_CONTENT,
     .help = "Add a header field where a pattern matches, 'PATTERN: Name: value'; may be given up to 64 times. ROOT/_headers can hold more.",
     .kind = OPTION_KIND_HEADER, FIELD(headers)},
    {.name = "cors", .group = OPTION_GROUP_CONTENT,
     .help = "Let scripts of every origin read what is served.",
     .kind = OPTION_KIND_FLAG, FIELD(cors)},
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
    static const char *const names[] = {
        [BACKEND_AUTO] = "auto", [BACKEND_EPOLL] = "epoll", [BACKEND_IO_URING] = "io_uring"};
    static_assert(COUNT_OF(names) == BACKEND_COUNT, "one name a backend");
    return names[backend];
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
