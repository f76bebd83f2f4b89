/* handover: what an upgrade needs from the rest of the server: the listening sockets with their
 * names, and the keys of TLS session tickets, so that clients resume their sessions with the new
 * process.
 *
 * Owns the upgrade that is under way (upgrade.h). For the main thread. */
#ifndef SLUICE_HANDOVER_H
#define SLUICE_HANDOVER_H

#include "admin/admin.h"
#include "server/https.h"
#include "server/listening.h"
#include "server/upgrade.h"

struct handover {
    struct upgrade upgrade;
    struct listening *listening; /* *borrowed* */
    /* Of the start, whose descriptors are still open. *Borrowed* */
    const struct settings *settings;
    struct admin *const *admin; /* *borrowed*; NULL there: none */
    int *const *sockets;        /* of all workers, as listening_open gives them. *Borrowed* */
    unsigned worker_count;
    int parent_fd; /* in a process that was started by an upgrade, until it is ready; else -1 */
};

/* Starts an upgrade. HTTPS, which may be NULL, has the keys. Reports on standard error. */
void handover_begin(struct handover *handover, const struct https *https);

/* In a process that was started by an upgrade: takes the old one's keys for HTTPS, which may be
 * NULL. */
void handover_receive(const struct handover *handover, struct https *https);

/* In such a process: reports that it accepts connections, and waits until the old one lets it
 * go. */
void handover_report_ready(struct handover *handover);

void handover_fini(struct handover *handover);

#endif
