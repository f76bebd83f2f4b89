/* options: the one table of everything that can be configured, and how its values are written.
 *
 * An option has a long name, which is its key wherever settings are written (on the command line,
 * in a file, and in the environment, see environment.h), a scope, which says which struct of
 * settings.h has its field, and a kind, which says how its value reads. Parsing, defaults, --help,
 * suggestions, the man page and the shell completions are made from the table. Owns nothing: the
 * table is const, and text is copied into the settings' arena. Nothing here exits, prints or
 * touches the file system. */
#ifndef SLUICE_OPTIONS_H
#define SLUICE_OPTIONS_H

#include "base/arena.h"
#include "base/problem.h"
#include "config/profile.h"

#include <stdio.h>

enum {
    OPTIONS_ADDRESSES_MAX = 16,
    OPTIONS_HEADERS_MAX = 64,
    OPTIONS_NAMES_MAX = 8,
    OPTIONS_PATTERNS_MAX = 65, /* with the default, "auto" */
    OPTIONS_PATHS_MAX = 64,
    OPTIONS_CERTIFICATES_MAX = 2000, /* 1,000 sites may have two each */
    OPTIONS_LISTENS_MAX = 8,
    OPTIONS_REDIRECTS_MAX = 1000,
    OPTIONS_VALUE_BYTES_MAX = 1024,
    OPTIONS_HEAD_BYTES_MAX = H1_PARSE_BYTES_MAX, /* a head also fits its storage */
};

/* Which struct has the field. */
enum option_scope {
    OPTION_SCOPE_NONE,     /* no field: --help, --version */
    OPTION_SCOPE_PROCESS,  /* struct process_settings */
    OPTION_SCOPE_LISTENER, /* struct listener_settings */
    OPTION_SCOPE_SITE,     /* struct site_settings */
    OPTION_SCOPE_COUNT,
};

/* Where --help lists it. */
enum option_group {
    OPTION_GROUP_NETWORK,
    OPTION_GROUP_HTTPS,
    OPTION_GROUP_LIMITS,
    OPTION_GROUP_CONTENT,
    OPTION_GROUP_LOG,
    OPTION_GROUP_GENERAL,
    OPTION_GROUP_COUNT,
};

/* How the value reads, and the type of the field. */
enum option_kind {
    OPTION_KIND_NUMBER,  /* decimal digits; uint32_t or uint64_t */
    OPTION_KIND_SPAN,    /* num_parse_span: 10, 1.5s, 250ms, 2m, 1h; in milliseconds */
    OPTION_KIND_SIZE,    /* num_parse_size: 512, 8K, 64MiB; in bytes */
    OPTION_KIND_BACKEND, /* a name of enum backend */
    OPTION_KIND_FILE,    /* the path of a file; struct str, as the following */
    OPTION_KIND_LOG,     /* the same, or "-", or "syslog:..." */
    OPTION_KIND_NAME,    /* of a file in any directory: no slash; repeatable; struct arena_list */
    OPTION_KIND_BELOW,   /* the path of a file below ROOT; a slash in front of it is removed */
    OPTION_KIND_VALUE,   /* of a header field (RFC 9110 section 5.5); "auto": absent */
    OPTION_KIND_HEADER,  /* PATTERN: Name: value, see rules; repeatable; struct arena_list */
    OPTION_KIND_PATTERN, /* of paths, see pattern; auto, none; repeatable; struct arena_list */
    OPTION_KIND_PATHS,   /* a pattern of paths alone; repeatable; struct arena_list */
    OPTION_KIND_SWITCH,  /* on or off; bool */
    OPTION_KIND_LOG_FORMAT,  /* a name of enum access_format */
    OPTION_KIND_LOG_LEVEL,   /* a name of enum log_level */
    OPTION_KIND_ADDRESS,     /* a numeric address, or localhost; repeatable; struct arena_list */
    OPTION_KIND_CERTIFICATE, /* a file or directory; repeatable; struct certificate_paths */
    OPTION_KIND_KEY,         /* the file for the certificate before it; in the same field */
    OPTION_KIND_TLS_VERSION, /* 1.2 or 1.3; uint32_t: the minor version, 2 or 3 */
    OPTION_KIND_FLAG,        /* no value on the command line, else yes or no; bool */
    OPTION_KIND_LISTEN,      /* see listen.h; repeatable; struct arena_list */
    OPTION_KIND_ADMIN,       /* see listen.h, but without TLS; struct str */
    OPTION_KIND_NETWORK,     /* see base/networks.h; repeatable; struct arena_list */
    OPTION_KIND_HOST,        /* a host name; struct str */
    OPTION_KIND_REDIRECT,    /* see redirects.h; repeatable; struct arena_list */
    OPTION_KIND_USER,        /* NAME[:GROUP], see privileges.h; struct str */
    OPTION_KIND_HELP,        /* no value, no field */
    OPTION_KIND_VERSION,     /* no value, no field */
    OPTION_KIND_CONFIG,      /* the path of a file with settings; no field */
    OPTION_KIND_PRINT,       /* no value, no field */
    OPTION_KIND_COUNT,
};

struct option_spec {
    const char *name;     /* without the dashes */
    char letter;          /* of the short form; 0: none */
    const char *argument; /* placeholder of its value; NULL: takes none */
    const char *help;     /* plain text, one or more sentences, without the default */
    const char *initial;  /* the default, written like a value; NULL: the field stays as it is */
    const char *implied;  /* its value if none is given; then one can follow an '=' only; or NULL */
    const char *derived;  /* in words, if the server finds the default at start; else NULL */
    enum option_scope scope;
    enum option_group group;
    enum option_kind kind;
    bool reloads;       /* a reload changes it; those of sites always */
    bool of_sluice;     /* only programs that can be configured by a file have it */
    size_t offset;      /* of its field in the struct of its scope */
    size_t field_bytes; /* 2, 4 or 8, for numbers */
    uint64_t least;     /* numbers: both limits are allowed values */
    uint64_t most;
};

/* The options in the order of --help. *Borrowed*, static. */
const struct option_spec *options_table(size_t *ret_count);

/* The title of a group in --help. Static. */
const char *option_group_title(enum option_group group);

/* The option with this long NAME; NULL: no option has it. */
const struct option_spec *option_find(struct str name);

/* The option that NAME was most likely meant to be: one that begins with it, or one a few slips
 * away. NULL: no name is near. */
const struct option_spec *option_nearest(struct str name);

/* The same among the options that SUBCOMMAND alone has. */
const struct subcommand_option *option_nearest_own(const struct subcommand *subcommand,
                                                   struct str name);

/* --- Values --------------------------------------------------------------------------------- */

/* Where a value goes. */
struct option_target {
    void *scope; /* the struct of the option's scope */
    struct arena *arena;
};

/* Whether the option collects values. */
bool option_is_repeatable(const struct option_spec *option);

/* Where its value TEXT has the path of a file, a directory or a socket, which may be empty. NULL:
 * it has none. */
const char *option_file_in(const struct option_spec *option, const char *text);

/* Sets the field, of a repeatable option, to its default. False: out of memory. */
bool option_clear(const struct option_spec *option, const struct option_target *target);

/* Parses TEXT (NULL for a flag: yes) and stores the value. A repeatable option collects its values,
 * for others the last one counts. Returns 0, or -EINVAL or -ENOMEM with *RET_PROBLEM set and the
 * field unchanged. The option has a scope. */
int option_set(const struct option_spec *option, const struct option_target *target,
               const char *text, struct problem *ret_problem);

/* Whether the field of OPTION, which has a scope, has equal values in the structs A and B. */
bool option_equal(const struct option_spec *option, const void *a, const void *b);

/* Sets the fields of SCOPE, zeroed, to the defaults of its options. False: out of memory. */
bool options_set_defaults(enum option_scope scope, void *fields, struct arena *arena);

/* --- Help ----------------------------------------------------------------------------------- */

/* Writes the text of --help for the program PROFILE. */
void options_help(const struct profile *profile, FILE *out);

/* Writes how a subcommand of the program PROFILE is called, for `help NAME`. */
void options_help_subcommand(const struct profile *profile, const struct subcommand *subcommand,
                             FILE *out);

#endif
