/* options: the command line, PROGRAM PORT ROOT [options], from one const table.
 *
 * Owns nothing: every string in struct options is *borrowed* from argv (or static). The table alone
 * says which options there are; parsing, defaults, --help, suggestions, and later the man page and
 * shell completions are made from it. Nothing here exits, touches the file system or looks at the
 * machine: what is derived (threads, connections) stays 0 until server resolves it. */
#ifndef SLUICE_OPTIONS_H
#define SLUICE_OPTIONS_H

#include "config/profile.h"

#include <stdio.h>

enum {
    OPTIONS_BINDS_MAX = 16,
    OPTIONS_HEADERS_MAX = 64,
    OPTIONS_VALUE_BYTES_MAX = 1024,
    OPTIONS_HEAD_BYTES_MAX = 8 * 1024, /* a head fits its storage, and its target fits a Location */
};

enum backend {
    BACKEND_AUTO,
    BACKEND_EPOLL,
    BACKEND_IO_URING,
    BACKEND_COUNT,
};

struct options {
    uint16_t port;    /* 0: any free one */
    const char *root; /* as it was given */
    const char *binds[OPTIONS_BINDS_MAX];
    unsigned bind_count; /* 0: every address */
    enum backend backend;
    uint32_t threads;         /* 0: one for each usable CPU, until server resolves it */
    uint32_t backlog;         /* of each listener; the kernel clamps it to somaxconn */
    uint32_t connections_max; /* of all workers together; 0: derived, until server resolves it */
    uint32_t idle_ms;        /* a kept connection without a request, or a peer that takes nothing */
    uint32_t header_ms;      /* from the first byte of a head to its end */
    uint32_t drain_ms;       /* for responses in flight, after a signal */
    uint32_t head_bytes_max; /* at most OPTIONS_HEAD_BYTES_MAX */
    uint64_t body_bytes_max; /* of a request; drained */
    uint64_t cache_bytes;    /* of all workers together; 0: no cache */
    uint32_t cache_valid_ms; /* a cached answer is used this long before its file is looked at */
    const char *mime_types_path; /* NULL: the built-in table alone */
    const char *index;           /* the name of a directory's own page */
    const char *fallback;        /* a file below ROOT for routes that only it knows; NULL: none */
    const char *cache_control;   /* a value for all files; NULL: by the file's name */
    const char *headers[OPTIONS_HEADERS_MAX];
    unsigned header_count;
    bool listing; /* directories without an index are listed */
    bool cors;
};

/* What the caller does next. */
enum options_result {
    OPTIONS_RUN,   /* serve */
    OPTIONS_SHOWN, /* --help or --version was answered: exit 0 */
    OPTIONS_USAGE, /* a mistake was told in one line: exit 2 */
};

/* Parses ARGV (its element 0 is not looked at). --help and --version are answered on OUT; a mistake
 * as one line "NAME: what; what to do" on ERR. *RET is written for OPTIONS_RUN only and *borrows*
 * from ARGV. */
enum options_result options_parse(struct options *ret, const struct profile *profile, int argc,
                                  char *const argv[], FILE *out, FILE *err);

/* Writes the text of --help. */
void options_help(const struct profile *profile, FILE *out);

/* --- the table, for who makes documents from it --------------------------------------------- */

enum option_group {
    OPTION_GROUP_NETWORK,
    OPTION_GROUP_LIMITS,
    OPTION_GROUP_CONTENT,
    OPTION_GROUP_GENERAL,
    OPTION_GROUP_COUNT,
};

/* How the argument reads. */
enum option_kind {
    OPTION_KIND_NUMBER,  /* decimal digits; 10 */
    OPTION_KIND_SPAN,    /* num_parse_span: 10, 1.5s, 250ms, 2m, 1h; kept in milliseconds */
    OPTION_KIND_SIZE,    /* num_parse_size: 512, 8K, 64MiB; kept in bytes */
    OPTION_KIND_BACKEND, /* a name of enum backend */
    OPTION_KIND_FILE,    /* the path of a file */
    OPTION_KIND_NAME,    /* of a file in any directory: no slash */
    OPTION_KIND_BELOW,   /* the path of a file below ROOT */
    OPTION_KIND_VALUE,   /* of a header field: RFC 9110 section 5.5; or "auto", which is NULL */
    OPTION_KIND_HEADER,  /* PATTERN: Name: value, see rules; repeatable */
    OPTION_KIND_FLAG,    /* no argument */
    OPTION_KIND_ADDRESS, /* a numeric address, or localhost; repeatable */
    OPTION_KIND_HELP,    /* no argument */
    OPTION_KIND_VERSION, /* no argument */
    OPTION_KIND_COUNT,
};

struct option_spec {
    const char *name;     /* without the dashes */
    char letter;          /* of the short form; 0: none */
    const char *argument; /* its placeholder; NULL: takes none */
    const char *help;     /* plain text, one or more sentences, without the default */
    const char *initial;  /* the default, parsed like an argument; NULL: the field stays 0 */
    const char *derived;  /* in words, where the default is found out at start; else NULL */
    enum option_group group;
    enum option_kind kind;
    size_t offset;      /* of its field in struct options */
    size_t field_bytes; /* 4 or 8, for numbers */
    uint64_t least;     /* numbers: both limits are allowed values */
    uint64_t most;
};

/* The options in the order of --help. *Borrowed*, static. */
const struct option_spec *options_table(size_t *ret_count);

/* The title of a group in --help. Static. */
const char *option_group_title(enum option_group group);

/* The accepted names of backends, indexed by enum backend. Static. */
const char *option_backend_name(enum backend backend);

#endif
