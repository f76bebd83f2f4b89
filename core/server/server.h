/* server: a whole program around a profile: settings, limits, listeners, workers, signals, end.
 *
 * Owns everything that outlives a worker. One call a process: it sets the process's signal mask
 * and limits. Signals, from the first moment on (signals.h says how they are read):
 *
 * - SIGINT, SIGTERM: finish the responses in flight, for at most drain_ms, and exit with status 0;
 *   a second one exits at once with status 1. While settings are read, the first one exits at once,
 *   with status 0.
 * - SIGHUP: every file, each root, the _headers files and the media types are checked again before
 *   they are used, and the certificates at once. With a configuration file, that and all other
 *   settings are read again, too (reload.h). If the terminal has gone, as SIGTERM.
 * - SIGUSR1: the access logs are opened again. Without one it is reported as having no effect.
 * - SIGUSR2: the program is started anew and takes over the listening sockets (upgrade.h).
 * - SIGCHLD: children are reaped, as process 1 those of others too.
 * - SIGPIPE is ignored, all others have their usual effect. */
#ifndef SLUICE_SERVER_H
#define SLUICE_SERVER_H

#include "config/profile.h"

/* Exit statuses. */
enum {
    SERVER_STATUS_DONE = 0,
    SERVER_STATUS_FAILED = 1,
    SERVER_STATUS_USAGE = 2,
};

/* Runs the program PROFILE until a signal ends it. Returns the exit status: 0 stopped as asked
 * (or --help, --version), 1 failed at run time, 2 wrong usage; 1 and 2 with one line on
 * standard error. Once it serves, standard output has one screen with an indented line
 * "http://ADDRESS:PORT/" or "https://ADDRESS:PORT/" for each address; the first such line says that
 * connections are accepted, and on which port. At the end it gets one line of totals. */
int server_main(const struct profile *profile, int argc, char **argv);

#endif
