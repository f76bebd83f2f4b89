/* watching: what the server shows to the admin listener (admin/admin.h): its counters, by worker.
 *
 * Owns nothing. */
#ifndef SLUICE_WATCHING_H
#define SLUICE_WATCHING_H

#include "admin/admin.h"
#include "server/listening.h"
#include "server/supervisor.h"

/* Opens the admin listener that SETTINGS ask for, before LISTENING, whose ports it must not take,
 * or takes its sockets from those that the process was started with (admin/admin_sockets.h).
 * Returns 0, with *RET unchanged if they ask for none; or a negative errno with *RET_PROBLEM set.
 * *Gives*: admin_destroy. */
int watching_open(struct admin **ret, const struct settings *settings,
                  const struct listening *listening, struct problem *ret_problem);

/* Has ADMIN answer, about the workers of SUPERVISOR, which serve. SOURCE says what is known of the
 * process. NULL is allowed. Returns 0, or a negative errno with *RET_PROBLEM set; then the workers
 * drain. */
int watching_start(struct admin *admin, const struct admin_source *source,
                   struct supervisor *supervisor, struct problem *ret_problem);

#endif
