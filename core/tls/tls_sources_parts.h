/* tls_sources_parts: the structure of sources, and the list of their pairs; for the files of
 * tls_sources alone. */
#ifndef SLUICE_TLS_SOURCES_PARTS_H
#define SLUICE_TLS_SOURCES_PARTS_H

#include "tls/tls_sources.h"

#ifdef SLUICE_HAVE_OPENSSL

struct tls_sources {
    struct tls_sources_config config;
    struct tls_pair **pairs; /* in order of sources, then of names */
    unsigned count, room;
    bool *is_bad;                    /* for each source: its directory was reported */
    struct tls_certificate **in_use; /* those of the pairs, without gaps; room for ROOM */
    unsigned in_use_count;
    int64_t published_s; /* when the last generation was made */
    bool is_stale;       /* the last generation could not be made */
};

/* Lists the pairs of source NUMBER for the first time. A directory that cannot be read any more, or
 * has none, has those that the former sources had of it, with a report. 0 or a negative errno with
 * *RET_PROBLEM. */
int tls_sources_list(struct tls_sources *sources, unsigned number, const struct tls_report *report,
                     struct problem *ret_problem);

/* Whether the former sources have source NUMBER, too. */
bool tls_sources_had(const struct tls_sources *sources, unsigned number);

/* Lists the pairs of directories anew, and marks those that are there. A directory that is missing
 * or cannot be read keeps its pairs; that is reported once. */
void tls_sources_list_anew(struct tls_sources *sources, const struct tls_report *report);

#endif
#endif
