/* admin_status: a snapshot as JSON, which the status page shows. RFC 8259.
 *
 * Numbers only rise, but for connections, cache bytes and entries: a reader computes rates, and
 * quantiles of what came between two readings. Pure. */
#ifndef SLUICE_ADMIN_STATUS_H
#define SLUICE_ADMIN_STATUS_H

#include "admin/admin_snapshot.h"

#include <stdio.h>

/* Writes SNAPSHOT, taken at NOW, POSIX time in seconds, to OUT. */
void admin_status_write(const struct admin_snapshot *snapshot, double now, FILE *out);

#endif
