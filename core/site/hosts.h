/* hosts: from the authority of a request to the number of the site that answers it.
 *
 * RFC 9110 section 7.2. A host name is compared without regard to case; its port and one
 * trailing dot are ignored; an IPv6 address keeps its brackets. An exact name wins over a
 * wildcard for one label ("*.example.org" is a.example.org, and neither example.org nor
 * a.b.example.org), and that over the default ("*"). One site alone answers for every host. Made
 * once from the settings, then read by all workers; a hash table, so its cost does not grow with
 * the number of names. Owns its copy of the names. */
#ifndef SLUICE_HOSTS_H
#define SLUICE_HOSTS_H

#include "base/problem_list.h"
#include "site/site_settings.h"

struct hosts;

/* No site answers for the host: 421 Misdirected Request (RFC 9110 section 15.5.20). */
enum { HOSTS_NONE = UINT32_MAX };

/* The sites that a table is made of. A site's number is its index. */
struct hosts_sites {
    const struct site_settings *const *items;
    uint32_t count;
    struct problem_list *problems; /* where mistakes go; NULL: the first one is the error */
};

/* The table of the names of SITES. Returns 0, or a negative errno with *RET_PROBLEM set: -EINVAL
 * for a name that is malformed or given twice, or a site without a name among several, with the
 * line of its section; -ENOMEM. *Gives*: hosts_destroy. */
int hosts_create(struct hosts **ret, const struct hosts_sites *sites, struct problem *ret_problem);

/* No effect on NULL. */
void hosts_destroy(struct hosts *hosts);

/* The number of the site that has the host of AUTHORITY, host[:port], as a name, alone or by a
 * wildcard for one label. HOSTS_NONE: none has, so the default may answer. */
uint32_t hosts_find_name(const struct hosts *hosts, struct str authority);

/* The number of the site for AUTHORITY, host[:port]; absent (HTTP/1.0) or empty: the default, or
 * the first site if no default is named. HOSTS_NONE: no site. */
uint32_t hosts_find(const struct hosts *hosts, struct str authority);

#endif
