/* hosts: see hosts.h.
 *
 * Names are in the table in lower case and without a trailing dot; a wildcard is there as what
 * follows its asterisk, ".example.org", which no host name can be. */
#include "site/hosts.h"

#include "base/hash.h"
#include "http/authority.h"

#include <errno.h>
#include <stdlib.h>

enum {
    NAME_BYTES_MAX = AUTHORITY_HOST_BYTES_MAX,
    LABEL_BYTES_MAX = 63,
};

struct hosts_entry {
    uint64_t hash;
    struct str name; /* absent: the place is empty */
    uint32_t site;
};

struct hosts {
    struct arena arena;
    uint64_t secret;
    uint32_t site_count;
    uint32_t fallback; /* the site of "*", or HOSTS_NONE */
    uint32_t mask;
    struct hosts_entry entries[]; /* MASK + 1, at least half of them empty */
};

/* --- Names ----------------------------------------------------------------------------------- */

/* NAME in lower case, written at TO. */
static struct str lower(struct str name, char to[static NAME_BYTES_MAX])
{
    for (size_t i = 0; i < name.length; i++)
        to[i] = char_lower(name.at[i]);
    return (struct str){to, name.length};
}

static bool is_ascii(struct str text)
{
    for (size_t i = 0; i < text.length; i++) {
        if ((unsigned char)text.at[i] >= 0x80)
            return false;
    }
    return true;
}

/* Why NAME, without its wildcard, is not a host name that a site can have; NULL: it is. */
static const char *mistake_in(struct str name)
{
    if (name.length > NAME_BYTES_MAX)
        return "is longer than 255 bytes";
    if (!is_ascii(name)) /* RFC 5891 section 4: clients send A-labels */
        return "is not in ASCII, in which clients send it (xn--bcher-kva.example)";
    if (name.length == 0 || !authority_is_host(name))
        return "is not a host name";
    if (name.at[0] == '[')
        return name.at[name.length - 1] == ']' ? NULL : "has a port";
    if (str_find(name, ':') < name.length)
        return "has a port";
    if (str_find(name, '*') < name.length)
        return "has an asterisk that is not its first label";
    for (struct str rest = name; rest.length > 0;) {
        size_t label = str_find(rest, '.');
        if (label == 0 || label > LABEL_BYTES_MAX)
            return "has a label that is empty or longer than 63 bytes";
        rest = str_from(rest, label + 1);
    }
    return NULL;
}

/* --- The table ------------------------------------------------------------------------------- */

/* Where NAME is, or the empty place where it would be. */
static struct hosts_entry *place_of(const struct hosts *hosts, struct str name)
{
    uint64_t hash = hash_bytes(hosts->secret, name);
    for (uint64_t i = hash;; i++) {
        const struct hosts_entry *entry = &hosts->entries[i & hosts->mask];
        if (!entry->name.at || (entry->hash == hash && str_equal(entry->name, name)))
            return (struct hosts_entry *)(uintptr_t)entry;
    }
}

static int refuse(struct problem *ret_problem, const char *name, const char *what)
{
    problem_set(ret_problem, "host name '%s' %s", name, what);
    problem_remedy(ret_problem, "give each site names like example.org or *.example.org, and one "
                                "site * for all others");
    return -EINVAL;
}

/* The name TEXT is given again; its first site is OWNER. */
static int refuse_twice(struct problem *ret_problem, const char *text,
                        const struct site_settings *owner)
{
    if (owner->line == 0)
        return refuse(ret_problem, text, "is given twice");
    problem_set(ret_problem, "host name '%s' is given twice: line %u has it too", text,
                owner->line);
    problem_remedy(ret_problem, "remove it from one of the two");
    return -EINVAL;
}

/* Adds the name TEXT of site number SITE of SITES. 0 or a negative errno. */
static int add(struct hosts *hosts, const char *text, const struct hosts_sites *sites,
               uint32_t site, struct problem *ret_problem)
{
    char buffer[NAME_BYTES_MAX];
    struct str name = str_of(text);
    if (str_equal(name, STR("*"))) {
        if (hosts->fallback != HOSTS_NONE)
            return refuse_twice(ret_problem, text, sites->items[hosts->fallback]);
        hosts->fallback = site;
        return 0;
    }
    bool wildcard = str_starts_with(name, STR("*."));
    if (str_ends_with(name, STR(".")))
        name.length--;
    const char *mistake = mistake_in(wildcard ? str_from(name, 2) : name);
    if (mistake || name.length > NAME_BYTES_MAX)
        return refuse(ret_problem, text, mistake ? mistake : "is longer than 255 bytes");
    name = lower(wildcard ? str_from(name, 1) : name, buffer);
    struct hosts_entry *entry = place_of(hosts, name);
    if (entry->name.at)
        return refuse_twice(ret_problem, text, sites->items[entry->site]);
    struct str copy = arena_copy(&hosts->arena, name);
    if (!copy.at) {
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    *entry = (struct hosts_entry){hash_bytes(hosts->secret, copy), copy, site};
    return 0;
}

/* Adds the names of site NUMBER of SITES. 0 or a negative errno. */
static int add_site(struct hosts *hosts, const struct hosts_sites *sites, uint32_t number,
                    struct problem *ret_problem)
{
    const struct site_settings *site = sites->items[number];
    int error = 0;
    if (site->hosts.count == 0 && hosts->site_count > 1) {
        problem_set(ret_problem, "the site of ROOT '%s' has no host name", site->root);
        problem_remedy(ret_problem, "name the hosts that it answers for, or * for all others");
        return problem_list_keep(sites->problems, -EINVAL, ret_problem);
    }
    for (unsigned i = 0; i < site->hosts.count && !error; i++) {
        error = add(hosts, site->hosts.items[i], sites, number, ret_problem);
        if (error && site->file)
            problem_in_file(ret_problem, site->file, site->line, 0);
        error = problem_list_keep(sites->problems, error, ret_problem);
    }
    return error;
}

/* The number of places for the names of SITES: a power of two, and at least twice as many. */
static uint32_t places_for(const struct hosts_sites *sites)
{
    uint32_t names = 0, places = 2;
    for (uint32_t i = 0; i < sites->count; i++)
        names += sites->items[i]->hosts.count;
    while (places < 2 * names)
        places *= 2;
    return places;
}

int hosts_create(struct hosts **ret, const struct hosts_sites *sites, struct problem *ret_problem)
{
    uint32_t places = places_for(sites);
    struct hosts *hosts = calloc(1, sizeof *hosts + places * sizeof hosts->entries[0]);
    if (!hosts) {
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    hosts->secret = hash_secret(hosts);
    hosts->site_count = sites->count;
    hosts->fallback = HOSTS_NONE;
    hosts->mask = places - 1;
    int error = 0;
    for (uint32_t i = 0; i < sites->count && !error; i++)
        error = add_site(hosts, sites, i, ret_problem);
    if (error)
        hosts_destroy(hosts);
    else
        *ret = hosts;
    return error;
}

void hosts_destroy(struct hosts *hosts)
{
    if (!hosts)
        return;
    arena_fini(&hosts->arena);
    free(hosts);
}

uint32_t hosts_find_name(const struct hosts *hosts, struct str authority)
{
    char buffer[NAME_BYTES_MAX];
    struct str host = authority_host(authority, buffer);
    if (host.length == 0 || host.at[0] == '.')
        return HOSTS_NONE;
    const struct hosts_entry *entry = place_of(hosts, host);
    size_t dot = str_find(host, '.');
    if (!entry->name.at && dot < host.length)
        entry = place_of(hosts, str_from(host, dot));
    return entry->name.at ? entry->site : HOSTS_NONE;
}

uint32_t hosts_find(const struct hosts *hosts, struct str authority)
{
    if (hosts->site_count == 1)
        return 0;
    if (authority.length == 0)
        return hosts->fallback == HOSTS_NONE ? 0 : hosts->fallback;
    const uint32_t named = hosts_find_name(hosts, authority);
    return named == HOSTS_NONE ? hosts->fallback : named;
}
