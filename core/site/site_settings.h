/* site_settings: the configuration of one site: its content and how it is served.
 *
 * Made and validated by config (settings.h), which owns it and everything it points to; immutable
 * from then on, read by all workers, and valid as long as the generation of settings that it
 * belongs to (settings_ref). Text ends in a NUL, so that `at` can be given to the C library. */
#ifndef SLUICE_SITE_SETTINGS_H
#define SLUICE_SITE_SETTINGS_H

#include "base/arena.h"
#include "http/mime.h"
#include "http/redirects.h"
#include "http/rules.h"
#include "observe/access_format.h"

/* The file in ROOT that has the site's rules. */
#define SITE_RULES_NAME "_headers"
/* The file in ROOT that has redirects for other hosts of sites. */
#define SITE_REDIRECTS_NAME "_redirects"
/* The page of a directory, by default. */
#define SITE_INDEX_NAME "index.html"
/* The page of a directory that is sent with a 404 for a path in it. */
#define SITE_ERROR_PAGE "404.html"

struct site_settings {
    /* Names of hosts that the site answers for: "example.org", "*.example.org" (one label), or "*":
     * every host that no other site names. None, when it is the only site: every host. */
    struct arena_list hosts;
    struct str canonical; /* the one of them that all others redirect to; absent: they do not */
    const char *file;     /* the file that configures the site, for messages; NULL: none does */
    unsigned line;        /* of its section in FILE; 0: it is not a section */

    bool root_in_doubt; /* a line with a mistake may have been the root: it is not missing */

    struct str root_text;      /* as it was given, for messages */
    const char *root;          /* absolute, symbolic links unresolved */
    struct arena_list indexes; /* names of a directory's own page, the best first; none: default */
    struct str error_page;     /* name of the page for 404, in any directory; absent: none */
    struct str fallback;       /* path below ROOT, sent in place of 404 (--spa); absent: none */
    struct str rules_name;     /* file in ROOT with header rules, never served; absent: none */
    struct str cache_control;  /* value for all files; absent: as default_fields.h; "": none */
    struct arena_list immutable; /* of --immutable as they were given: patterns, "auto", "none" */
    struct arena_list headers;   /* rules of --header as they were given */
    struct arena_list redirect_rules; /* of --redirect as they were given */
    struct str mime_types_path;       /* of --mime-types; absent: the built-in table alone */
    uint32_t cache_valid_ms; /* how long a response is fresh before its file is checked again */
    unsigned codings;        /* precompressed siblings to check for, as content_coding_bit */
    bool listing;            /* directories without an index are listed */
    bool cors;               /* scripts of every origin may read everything (WHATWG Fetch) */
    struct str access_log;   /* name of its log, see observe/log_file.h; absent: none */
    enum access_format log_format;
    bool log_queries;              /* of targets and referers */
    struct arena_list log_exclude; /* patterns of paths that are not logged, as they were given */

    /* Made from the above when the settings are validated. MIME alone may be replaced later,
     * when its file has changed; what was replaced stays valid. */
    struct mime *_Atomic mime;
    struct rules *rules;           /* of HEADERS; NULL: none */
    struct redirects *redirects;   /* of REDIRECT_RULES; NULL: none */
    struct rules *immutable_rules; /* that give DEFAULT_FIELDS_IMMUTABLE; NULL: none */
    bool names_ignored;            /* no name is examined for a hash */
    struct str *log_excluded;      /* LOG_EXCLUDE, prepared, as many; in the settings' arena */
};

/* The number of names that a directory's own page may have. */
static inline unsigned site_settings_index_count(const struct site_settings *settings)
{
    return settings->indexes.count > 0 ? settings->indexes.count : 1;
}

/* The name number INDEX of them, the best first. *Borrowed*. */
static inline struct str site_settings_index(const struct site_settings *settings, unsigned index)
{
    return settings->indexes.count > 0 ? str_of(settings->indexes.items[index])
                                       : STR(SITE_INDEX_NAME);
}

/* Whether NAME in ROOT configures the site, so that it is neither served nor listed. Without regard
 * to case, since the file system may not regard it either. */
static inline bool site_settings_is_private(const struct site_settings *settings, struct str name)
{
    return (settings->rules_name.at && str_equal_nocase(name, settings->rules_name)) ||
           str_equal_nocase(name, STR(SITE_REDIRECTS_NAME));
}

#endif
