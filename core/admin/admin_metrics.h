/* admin_metrics: the table of metrics, and a snapshot in the text format of Prometheus, version
 * 0.0.4. https://prometheus.io/docs/instrumenting/exposition_formats/
 *
 * Labels come from closed sets and from the names of sites: no value that a client sends becomes
 * one. Each metric of the workers has the label worker first. A site without requests has no line,
 * so a scrape is as long as what is used. docs/metrics.md lists all metrics; a test compares. */
#ifndef SLUICE_ADMIN_METRICS_H
#define SLUICE_ADMIN_METRICS_H

#include "admin/admin_snapshot.h"

#include <stdio.h>

#define ADMIN_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Metrics with the same name. */
struct admin_family {
    const char *name;
    const char *type; /* counter, gauge or histogram */
    const char *help;
};

/* All families in the order in which they are written. Static. */
const struct admin_family *admin_families(size_t *ret_count);

/* Writes SNAPSHOT to OUT. */
void admin_metrics_write(const struct admin_snapshot *snapshot, FILE *out);

/* Reads TEXT that admin_metrics_write has written, perhaps by another version: lines that are not
 * known are skipped. False: out of memory, or TEXT has no workers. *Gives*: admin_snapshot_fini. */
bool admin_metrics_read(struct str text, struct admin_snapshot *ret);

#endif
