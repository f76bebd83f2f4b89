/* options_table: the one table of options. See options.h. */
#include "config/options.h"

#include "config/settings.h"
#include "storage/ring.h"

/* The field MEMBER of the struct of a scope. */
#define FIELD(name, type, member)                                          \
    .scope = OPTION_SCOPE_##name, .offset = offsetof(struct type, member), \
    .field_bytes = sizeof(((struct type *)0)->member)
#define PROCESS(member)  FIELD(PROCESS, process_settings, member)
#define LISTENER(member) FIELD(LISTENER, listener_settings, member)
#define SITE(member)     FIELD(SITE, site_settings, member)

static_assert((unsigned)OPTIONS_HEAD_BYTES_MAX <= RING_BYTES_MAX, "a head fits its storage");

enum { DAY_MS = 24 * 60 * 60 * 1000 };

/* A year, and the longest time for --hsts: a hundred of them. */
#define YEAR_SECONDS "31536000"
enum { HSTS_SECONDS_MAX = 3153600000U };

/* clang-format off */
static const struct option_spec table[] = {
    {.name = "bind", .argument = "ADDR", .group = OPTION_GROUP_NETWORK,
     .help = "Listen on this IPv4 or IPv6 address, or on localhost; may be given up to 16 times.",
     .derived = "every address, IPv4 and IPv6; of sluice: localhost",
     .kind = OPTION_KIND_ADDRESS, LISTENER(addresses), .reloads = true},
    {.name = "port", .letter = 'p', .argument = "N", .group = OPTION_GROUP_NETWORK,
     .help = "TCP port to listen on; 0: any that is free.", .derived = "8080", .of_sluice = true,
     .kind = OPTION_KIND_NUMBER, LISTENER(port), .reloads = true, .most = UINT16_MAX},
    {.name = "listen", .argument = "WHERE", .group = OPTION_GROUP_NETWORK,
     .help = "Listen on a port, or on an address and a port, in place of --port and --bind: 80, "
             "127.0.0.1:8080, [fe80::1%eth0]:8080; or on a Unix socket: "
             "'unix:/run/sluice.sock mode=0660 owner=USER:GROUP', unix:@NAME. '443 tls' speaks "
             "HTTPS, '8080 proxy' takes PROXY headers. May be given up to 8 times.",
     .of_sluice = true, .kind = OPTION_KIND_LISTEN, LISTENER(listens), .reloads = true},
    {.name = "trusted-proxy", .argument = "NETWORK", .group = OPTION_GROUP_NETWORK,
     .help = "Believe the proxies in this network, such as 10.0.0.0/8, an address, or unix (peers on "
             "Unix sockets), what they say of their clients: by a PROXY header, Forwarded, "
             "X-Forwarded-For or X-Forwarded-Proto. May be given up to 64 times.",
     .kind = OPTION_KIND_NETWORK, PROCESS(trusted_proxies), .reloads = true},
    {.name = "threads", .argument = "N", .group = OPTION_GROUP_NETWORK,
     .help = "Serve with N threads.", .derived = "one for each usable CPU",
     .kind = OPTION_KIND_NUMBER, PROCESS(threads), .least = 1, .most = 1024},
    {.name = "backend", .argument = "NAME", .group = OPTION_GROUP_NETWORK,
     .help = "Kernel interface for network events: auto, epoll or io_uring.", .initial = "auto",
     .kind = OPTION_KIND_BACKEND, PROCESS(backend)},
    {.name = "backlog", .argument = "N", .group = OPTION_GROUP_NETWORK,
     .help = "Connections that may wait to be accepted, for each thread and address; at most "
             "net.core.somaxconn.",
     .initial = "4096",
     .kind = OPTION_KIND_NUMBER, LISTENER(backlog), .reloads = true, .least = 1, .most = 65535},
    {.name = "cert", .argument = "PATH", .group = OPTION_GROUP_HTTPS,
     .help = "Speak HTTPS on PORT with this certificate: a PEM file with its chain, or a directory "
             "with fullchain.pem and privkey.pem in it or in each of its directories, as certbot "
             "makes it. May be given up to 2000 times. New files are used without a restart.",
     .kind = OPTION_KIND_CERTIFICATE, PROCESS(certificates), .reloads = true},
    {.name = "key", .argument = "FILE", .group = OPTION_GROUP_HTTPS,
     .help = "The private key of the --cert before it, in PEM.",
     .derived = "in the file of --cert",
     .kind = OPTION_KIND_KEY, PROCESS(certificates), .reloads = true},
    {.name = "self-signed", .group = OPTION_GROUP_HTTPS,
     .help = "Speak HTTPS on PORT with a certificate made at the start, for development: for "
             "localhost, its addresses and this machine's name. Browsers warn of it.",
     .kind = OPTION_KIND_FLAG, PROCESS(self_signed), .reloads = true},
    {.name = "http-port", .argument = "N", .group = OPTION_GROUP_HTTPS,
     .help = "Listen on this port too, for plain HTTP: redirect to https, and answer "
             "/.well-known/acme-challenge/ from ROOT; 0: any that is free.",
     .kind = OPTION_KIND_NUMBER, LISTENER(http_port), .reloads = true, .most = UINT16_MAX},
    {.name = "hsts", .argument = "SECONDS", .implied = YEAR_SECONDS, .group = OPTION_GROUP_HTTPS,
     .help = "Have browsers use https only, for this time, a year if none is given "
             "(Strict-Transport-Security); 0: have them forget it.",
     .kind = OPTION_KIND_NUMBER, LISTENER(hsts_seconds), .reloads = true, .most = HSTS_SECONDS_MAX},
    {.name = "tls-min", .argument = "VERSION", .group = OPTION_GROUP_HTTPS,
     .help = "Oldest version of TLS, 1.2 or 1.3.", .initial = "1.2",
     .kind = OPTION_KIND_TLS_VERSION, PROCESS(tls_minor_min), .reloads = true},
    {.name = "idle-timeout", .argument = "TIME", .group = OPTION_GROUP_LIMITS,
     .help = "Close a connection after this time without a request, with part of a request's "
             "body, or while the client reads nothing.", .initial = "75s",
     .kind = OPTION_KIND_SPAN, PROCESS(idle_ms), .reloads = true, .least = 1, .most = DAY_MS},
    {.name = "header-timeout", .argument = "TIME", .group = OPTION_GROUP_LIMITS,
     .help = "Time for the whole head of a request, and for a TLS handshake.", .initial = "15s",
     .kind = OPTION_KIND_SPAN, PROCESS(header_ms), .reloads = true, .least = 1, .most = DAY_MS},
    {.name = "drain-grace", .argument = "TIME", .group = OPTION_GROUP_LIMITS,
     .help = "After SIGINT or SIGTERM, time for another request on each open connection, which is "
             "the last one.",
     .initial = "1s",
     .kind = OPTION_KIND_SPAN, PROCESS(drain_grace_ms), .reloads = true, .most = DAY_MS},
    {.name = "drain-delay", .argument = "TIME", .group = OPTION_GROUP_LIMITS,
     .help = "After SIGTERM or SIGINT, time in which everything is served as before, while "
             "/readyz of --admin says 503: balancers notice before connections are refused.",
     .initial = "0",
     .kind = OPTION_KIND_SPAN, PROCESS(drain_delay_ms), .reloads = true, .most = DAY_MS},
    {.name = "drain-timeout", .argument = "TIME", .group = OPTION_GROUP_LIMITS,
     .help = "After SIGINT or SIGTERM, time for responses in flight; 0: no limit.",
     .initial = "30s",
     .kind = OPTION_KIND_SPAN, PROCESS(drain_ms), .reloads = true, .most = DAY_MS},
    {.name = "max-head", .argument = "SIZE", .group = OPTION_GROUP_LIMITS,
     .help = "Longest head of a request, at most 64K.", .initial = "16K",
     .kind = OPTION_KIND_SIZE, PROCESS(head_bytes_max), .reloads = true, .least = 512, .most = OPTIONS_HEAD_BYTES_MAX},
    {.name = "max-body", .argument = "SIZE", .group = OPTION_GROUP_LIMITS,
     .help = "Longest body of a request; it is read and discarded.", .initial = "64K",
     .kind = OPTION_KIND_SIZE, PROCESS(body_bytes_max), .reloads = true, .most = 1ULL << 40},
    {.name = "max-connections", .argument = "N", .group = OPTION_GROUP_LIMITS,
     .help = "Connections open at once; then the one that has been idle longest is closed for a new "
             "one, else one that has stalled.",
     .derived = "what RLIMIT_NOFILE allows, at most 1000000",
     .kind = OPTION_KIND_NUMBER, PROCESS(connections_max), .reloads = true, .least = 1, .most = 10000000},
    {.name = "max-connections-per-ip", .argument = "N", .group = OPTION_GROUP_LIMITS,
     .help = "Connections open at once of one IPv4 address, or of one IPv6 /64; more are refused. "
             "0: no limit.", .initial = "0",
     .kind = OPTION_KIND_NUMBER, PROCESS(connections_per_address_max), .reloads = true, .most = 10000000},
    {.name = "min-rate", .argument = "SIZE", .group = OPTION_GROUP_LIMITS,
     .help = "Bytes a second at which a client must take a response or send a request's body, on "
             "average over 30 s; a slower one is disconnected. 0: no limit.",
     .initial = "240",
     .kind = OPTION_KIND_SIZE, PROCESS(min_rate), .reloads = true, .most = 1 << 30},
    {.name = "max-requests-per-connection", .argument = "N", .group = OPTION_GROUP_LIMITS,
     .help = "Requests on one connection; the last answer closes it. 0: no limit.",
     .initial = "0",
     .kind = OPTION_KIND_NUMBER, PROCESS(requests_max), .reloads = true, .most = UINT32_MAX},
    {.name = "root", .argument = "DIR", .group = OPTION_GROUP_CONTENT,
     .help = "Directory to serve, as ROOT.", .derived = "the current one", .of_sluice = true,
     .kind = OPTION_KIND_FILE, SITE(root_text)},
    {.name = "canonical", .argument = "NAME", .group = OPTION_GROUP_CONTENT,
     .help = "The host name of the site that all its other names redirect to, with status 308.",
     .of_sluice = true, .kind = OPTION_KIND_HOST, SITE(canonical)},
    {.name = "cache-bytes", .argument = "SIZE", .group = OPTION_GROUP_CONTENT,
     .help = "Memory for cached responses, divided among the threads; 0: no cache.",
     .initial = "64M",
     .kind = OPTION_KIND_SIZE, PROCESS(cache_bytes), .reloads = true, .most = 1ULL << 40},
    {.name = "cache-valid", .argument = "TIME", .group = OPTION_GROUP_CONTENT,
     .help = "Use a cached response for at most this time before its file is checked again.",
     .initial = "1s",
     .kind = OPTION_KIND_SPAN, SITE(cache_valid_ms), .most = DAY_MS},
    {.name = "mime-types", .argument = "FILE", .group = OPTION_GROUP_CONTENT,
     .help = "Media types in the format of /etc/mime.types, which override the built-in ones and are "
             "sent as they are written.",
     .kind = OPTION_KIND_FILE, SITE(mime_types_path)},
    {.name = "index", .argument = "NAME", .group = OPTION_GROUP_CONTENT,
     .help = "File that is served for a directory; may be given up to 8 times: the first one that "
             "exists.",
     .derived = SITE_INDEX_NAME, .kind = OPTION_KIND_NAME, SITE(indexes)},
    {.name = "listing", .group = OPTION_GROUP_CONTENT,
     .help = "List directories that have no index, as HTML or JSON.",
     .kind = OPTION_KIND_FLAG, SITE(listing)},
    {.name = "spa", .argument = "FILE", .group = OPTION_GROUP_CONTENT,
     .help = "Serve this file in ROOT for pages that do not exist: for applications with "
             "client-side routes.",
     .kind = OPTION_KIND_BELOW, SITE(fallback)},
    {.name = "cache-control", .argument = "VALUE", .group = OPTION_GROUP_CONTENT,
     .help = "Cache-Control of all files; auto: a year for names with a hash of the content, "
             "no-cache for the others; empty: none.", .initial = "auto",
     .kind = OPTION_KIND_VALUE, SITE(cache_control)},
    {.name = "immutable", .argument = "PATTERN", .group = OPTION_GROUP_CONTENT,
     .help = "Let browsers keep files where the pattern matches the path for a year, such as "
             "'/assets/*': their content never changes; may be given up to 64 times. none: do not "
             "examine names for a hash.", .initial = "auto",
     .kind = OPTION_KIND_PATTERN, SITE(immutable)},
    {.name = "header", .argument = "RULE", .group = OPTION_GROUP_CONTENT,
     .help = "Add a header field where a pattern matches the path, 'PATTERN: Name: value', such as "
             "'/*: X-Frame-Options: DENY'; may be given up to 64 times. ROOT/_headers can have "
             "more.",
     .kind = OPTION_KIND_HEADER, SITE(headers)},
    {.name = "redirect", .argument = "RULE", .group = OPTION_GROUP_CONTENT,
     .help = "Redirect where a pattern matches the path, 'FROM TO [STATUS]', such as "
             "'/old/* /new/:splat 301'; a query is kept; may be given up to 1000 times.",
     .kind = OPTION_KIND_REDIRECT, SITE(redirect_rules)},
    {.name = "cors", .group = OPTION_GROUP_CONTENT,
     .help = "Let scripts of every origin read the responses.",
     .kind = OPTION_KIND_FLAG, SITE(cors)},
    {.name = "access-log", .argument = "FILE", .group = OPTION_GROUP_LOG,
     .help = "Log each request: to a file, to standard output (-), or to syslog (syslog:). Opened "
             "again on SIGUSR1, and when the file has been moved.",
     .kind = OPTION_KIND_LOG, SITE(access_log)},
    {.name = "log-format", .argument = "NAME", .group = OPTION_GROUP_LOG,
     .help = "Format of the access log: combined, common or json.", .initial = "combined",
     .kind = OPTION_KIND_LOG_FORMAT, SITE(log_format)},
    {.name = "log-query", .argument = "WORD", .group = OPTION_GROUP_LOG,
     .help = "off: log targets and referers without queries and fragments, which may have secrets.",
     .initial = "on", .kind = OPTION_KIND_SWITCH, SITE(log_queries)},
    {.name = "log-exclude", .argument = "PATTERN", .group = OPTION_GROUP_LOG,
     .help = "Do not log requests where the pattern matches the path, such as '/healthz'; may be "
             "given up to 64 times.",
     .kind = OPTION_KIND_PATHS, SITE(log_exclude)},
    {.name = "user", .argument = "NAME", .group = OPTION_GROUP_GENERAL,
     .help = "Started as root, become this user, or NAME:GROUP, once ports, certificates and logs are "
             "open.",
     .kind = OPTION_KIND_USER, PROCESS(user)},
    {.name = "pid-file", .argument = "FILE", .group = OPTION_GROUP_GENERAL,
     .help = "Write the number of the process to this file when it serves; it is removed at the end.",
     .kind = OPTION_KIND_FILE, PROCESS(pid_file), .reloads = true},
    {.name = "error-log", .argument = "FILE", .group = OPTION_GROUP_LOG,
     .help = "Write messages to a file, to standard output (-), or to syslog (syslog:), once the "
             "server serves. Opened again like an access log.", .derived = "standard error",
     .kind = OPTION_KIND_LOG, PROCESS(error_log), .reloads = true},
    {.name = "log-level", .argument = "NAME", .group = OPTION_GROUP_LOG,
     .help = "Leave out messages that matter less: error, warning, notice or info.",
     .initial = "notice", .kind = OPTION_KIND_LOG_LEVEL, PROCESS(log_level), .reloads = true},
    {.name = "admin", .argument = "WHERE", .group = OPTION_GROUP_GENERAL,
     .help = "Answer /metrics, /healthz, /readyz and /status here: a port of this machine alone, an "
             "address and a port, or unix:PATH.",
     .kind = OPTION_KIND_ADMIN, PROCESS(admin), .reloads = true},
    {.name = "config", .argument = "FILE", .group = OPTION_GROUP_GENERAL,
     .help = "Read settings and sites from this file.", .of_sluice = true,
     .kind = OPTION_KIND_CONFIG},
    {.name = "print-config", .group = OPTION_GROUP_GENERAL,
     .help = "Show all settings and where each comes from, and exit.", .of_sluice = true,
     .kind = OPTION_KIND_PRINT},
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
        [OPTION_GROUP_HTTPS] = "HTTPS",
        [OPTION_GROUP_LIMITS] = "Limits",
        [OPTION_GROUP_CONTENT] = "Content",
        [OPTION_GROUP_LOG] = "Logs",
        [OPTION_GROUP_GENERAL] = "General",
    };
    static_assert(COUNT_OF(titles) == OPTION_GROUP_COUNT, "one title a group");
    return titles[group];
}

const struct option_spec *option_find(struct str name)
{
    for (const struct option_spec *option = table; option < table + COUNT_OF(table); option++) {
        if (str_equal(name, str_of(option->name)))
            return option;
    }
    return NULL;
}
