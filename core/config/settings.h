/* settings: one generation of everything that can be configured.
 *
 * Owns an arena with all its structs and strings, and each site's media types and rules. One
 * thread builds it (from the command line, a file, the environment, in a test) and calls
 * settings_prepare; then it is immutable and every thread may read it. It has a reference count,
 * because a reload makes a new generation while look-ups still use the old one: the last
 * settings_unref frees it.
 *
 * There are three scopes: the process, each listener, each site. Nothing here is derived from
 * the machine: a number that is left to the server is 0, and server/sizing.h computes it. */
#ifndef SLUICE_SETTINGS_H
#define SLUICE_SETTINGS_H

#include "base/arena.h"
#include "base/problem_list.h"
#include "observe/log.h"
#include "site/site_settings.h"
#include "system/unix_socket.h"

#include <stdatomic.h>

enum backend {
    BACKEND_AUTO,
    BACKEND_EPOLL,
    BACKEND_IO_URING,
    BACKEND_COUNT,
};

/* The name that --backend takes. Static. */
const char *backend_name(enum backend backend);

/* Files of certificates. A key has the index of its certificate; "": it is in the same file, or
 * the certificate is a directory. */
struct certificate_paths {
    struct arena_list certificates;
    struct arena_list keys;
};

/* Scope: the process. */
struct process_settings {
    enum backend backend;
    uint32_t threads;         /* 0: one for each usable CPU */
    uint32_t connections_max; /* of all workers together; 0: as many as descriptors allow */
    uint32_t connections_per_address_max; /* likewise; 0: no limit */
    uint32_t min_rate; /* bytes a second, of a peer that takes or sends something; 0: no limit */
    uint32_t requests_max;             /* of a connection; 0: no limit */
    struct arena_list trusted_proxies; /* networks, see base/networks.h */
    uint32_t idle_ms;        /* a kept connection without a request; a peer that reads nothing */
    uint32_t header_ms;      /* from the first byte of a request's head to its end */
    uint32_t drain_grace_ms; /* for another request on each connection, after a signal */
    uint32_t drain_delay_ms; /* before that, in which the server is not ready and serves on */
    uint32_t drain_ms;       /* for responses in flight, after a signal; 0: no end */
    uint32_t head_bytes_max; /* of a request */
    uint64_t body_bytes_max; /* of a request; it is read and not used */
    uint64_t cache_bytes;    /* of all workers together; 0: no cache */
    struct str admin;        /* where the admin listener is, see listen.h; absent: it is off */
    struct certificate_paths certificates;
    uint32_t tls_minor_min; /* the oldest version of TLS: 2 is TLS 1.2 */
    bool self_signed;       /* HTTPS with a certificate made at the start */
    struct str user;        /* NAME[:GROUP], to run as; absent: as started */
    struct str pid_file;    /* the path of a file with the process's number; absent: none */
    struct str error_log;   /* where messages go; absent: to standard error */
    enum log_level log_level;
};

enum { LISTENER_NONE = UINT32_MAX };

/* Scope: a listener, which is one port on one or several addresses. */
struct listener_settings {
    struct arena_list addresses;    /* numeric, or "localhost"; none: every address */
    uint16_t port;                  /* 0: any that is free */
    struct unix_socket unix_socket; /* in place of both; without a path: none */
    uint32_t backlog;               /* of each socket; the kernel clamps it to somaxconn */
    uint32_t http_port;             /* of a plain listener beside this one; LISTENER_NONE: absent */
    uint32_t hsts_seconds;     /* max-age of Strict-Transport-Security; LISTENER_NONE: not sent */
    struct arena_list listens; /* of --listen as they were given, see listen.h */
    bool secure;               /* speaks TLS */
    bool proxied;              /* its connections begin with a PROXY header */
    /* The listener to which this one redirects; NULL: it serves. */
    const struct listener_settings *redirects_to;
};

/* Where a value comes from, the weakest first. */
enum setting_source {
    SETTING_DEFAULT,
    SETTING_FILE,    /* a configuration file, above its first section: for all sites */
    SETTING_SECTION, /* a site's section of the file */
    SETTING_ENVIRONMENT,
    SETTING_COMMAND_LINE,
};

struct option_spec;
struct setting_record;

enum { SETTINGS_CHAINS = 1024 }; /* a power of two, so that many sites do not share one */

struct settings {
    struct process_settings process;
    struct listener_settings **listeners;
    unsigned listener_count;
    struct site_settings **sites; /* a site's index is its id */
    unsigned site_count;
    struct mime *built_in_types; /* of sites without a file of others */

    struct arena arena;
    atomic_uint references;
    unsigned listener_room;
    unsigned site_room;
    /* Values that are not defaults, in chains by their scope, the latest first. */
    struct setting_record *records[SETTINGS_CHAINS];
    struct arena_list notices; /* what the user should know of the settings, in words */
    /* Where mistakes go, so that all are found; NULL: the first one is the error. In ARENA. */
    struct problem_list *problems;
    const char *config_path; /* the file that was read; NULL: none */
    uint64_t config_digest;  /* of its bytes */
    bool local_by_default;   /* listens on localhost because no option says where */
};

/* Settings with the defaults of the process, no listeners and no sites, and one reference.
 * NULL: out of memory. *Gives*: settings_unref. */
struct settings *settings_create(void);

/* Adds a reference. Returns SETTINGS. Any thread that has a reference may call it. */
struct settings *settings_ref(struct settings *settings);

/* Drops a reference; the last frees everything. NULL is allowed. */
void settings_unref(struct settings *settings);

/* Adds a listener or a site with the defaults. It is valid as long as SETTINGS. NULL: out of
 * memory. */
struct listener_settings *settings_add_listener(struct settings *settings);
struct site_settings *settings_add_site(struct settings *settings);

/* Whether certificates are configured, so that HTTPS is spoken. */
static inline bool settings_have_https(const struct settings *settings)
{
    return settings->process.certificates.certificates.count > 0 || settings->process.self_signed;
}

/* Makes the listeners that the values of --listen in the first one name, out of that one: each has
 * the number of its value. Returns 0, or -EINVAL or -ENOMEM with *RET_PROBLEM set. If SETTINGS have
 * a list of problems, mistakes go there. */
int settings_expand_listens(struct settings *settings, struct problem *ret_problem);

/* Adds to PROBLEM that it is about value number INDEX of --listen, and the file and line that have
 * it. */
void settings_locate_listen(const struct settings *settings, unsigned index,
                            struct problem *problem);

/* Completes FIRST, the only listener, with all its options: makes those of --listen, refuses
 * options that do not go together, and adds the plain listener that --http-port wants. Returns and
 * list of problems: as settings_expand_listens. */
int settings_complete_listener(struct settings *settings, struct listener_settings *first,
                               struct problem *ret_problem);

/* One value as it is written, for an option of the table in options.h. */
struct setting {
    const struct option_spec *option;
    void *scope;      /* the struct of the option's scope in SETTINGS */
    const char *text; /* NULL: a flag that is on */
    enum setting_source source;
    const char *file; /* the file that has it; NULL: none */
    unsigned line;    /* of FILE */
};

/* Parses and stores SETTING. Text is copied; FILE lives as long as SETTINGS. The strongest source
 * of an option wins, in whatever order values come; of one source the last value, but a file may
 * have only one. Options that may be repeated collect the values of their strongest source, which
 * replace those of the others. Returns 0, or -EINVAL or -ENOMEM with *RET_PROBLEM set, which names
 * the option, and the file and line if there is one. */
int settings_set(struct settings *settings, const struct setting *setting,
                 struct problem *ret_problem);

/* The same for each struct in SETTINGS that has the option's field: the process, or LISTENER, or
 * all sites. The scope in SETTING is ignored. */
int settings_set_all(struct settings *settings, struct listener_settings *listener,
                     const struct setting *setting, struct problem *ret_problem);

/* Where the value of OPTION in SCOPE comes from. */
enum setting_source settings_source(const struct settings *settings, const void *scope,
                                    const struct option_spec *option);

/* Sets *RET to the value number INDEX, from 0, of those that count for OPTION in SCOPE, in the
 * order in which they were given. False, with *RET untouched: OPTION has fewer values. */
bool settings_find(const struct settings *settings, const void *scope,
                   const struct option_spec *option, unsigned index, struct setting *ret);

/* Adds to PROBLEM, which is about SCOPE, the file and line that have the value of its option, or
 * of root if it names no option. No effect if the value does not come from a file. */
void settings_locate(const struct settings *settings, const void *scope, struct problem *problem);

/* Values that are applied later. Zeroed: none. In an arena. */
struct setting_list {
    struct setting *items;
    unsigned count;
    unsigned room;
};

/* Appends SETTING, whose text is *borrowed*. 0 or -ENOMEM. */
int setting_list_append(struct setting_list *list, struct arena *arena,
                        const struct setting *setting);

/* Validates what the sites name and makes what their workers use: roots, media types, rules.
 * Call it before the settings are shared. Returns 0, or a negative errno with *RET_PROBLEM set. If
 * SETTINGS have a list of problems, mistakes go there; a site with one is not to be used. */
int settings_prepare(struct settings *settings, struct problem *ret_problem);

/* Whether A and B, both prepared, have the same names and values, and so answer every request in
 * the same way. */
bool settings_site_equal(const struct site_settings *a, const struct site_settings *b);

/* Reads the files of media types again, for prepared settings that are in use. Returns 0, or a
 * negative errno with *RET_PROBLEM set; a site whose file has a mistake keeps its types. */
int settings_reread_types(struct settings *settings, struct problem *ret_problem);

#endif
