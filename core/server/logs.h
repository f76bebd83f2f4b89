/* logs: the access logs of all sites, and the error log (observe/error_log.h), as one generation of
 * settings names them.
 *
 * The start and a reload open them here, so that both find the same mistakes. Owns nothing: the set
 * of access logs is the server's. For the main thread. */
#ifndef SLUICE_LOGS_H
#define SLUICE_LOGS_H

#include "config/settings.h"
#include "observe/access_log.h"

struct logs {
    struct access_logs **access; /* NULL until a site has one */
    unsigned worker_count;
    const char *tag; /* of lines for syslog, *borrowed* */
    bool running;    /* the threads that write have been started, so another one is at once */
};

/* Opens the logs of SETTINGS that are not open yet. Returns 0, or a negative errno with
 * *RET_PROBLEM set; then logs_keep closes those that were opened. */
int logs_open(const struct logs *logs, const struct settings *settings,
              struct problem *ret_problem);

/* Has messages go where SETTINGS say, and closes the logs that these do not name, when all answers
 * in flight are logged. */
void logs_keep(const struct logs *logs, const struct settings *settings);

#endif
