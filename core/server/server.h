/* server: a whole program around a profile: command line, limits, listeners, workers, signals, end.
 *
 * Owns everything that outlives a worker. One call a process: it sets signal dispositions and
 * limits of the process. SIGPIPE is ignored. SIGINT and SIGTERM are blocked in every thread and read
 * by the main one, even if they were ignored by who started it (a shell's "&"); the first drains,
 * a second exits at once with status 1. Other signals keep their meaning: SIGHUP ends the process. */
#ifndef SLUICE_SERVER_H
#define SLUICE_SERVER_H

#include "config/profile.h"
#include "config/settings.h"

/* Runs the program PROFILE until it is told to stop. Returns the exit status: 0 stopped as asked (or
 * --help, --version), 1 failed at run time, 2 wrong usage; 1 and 2 with one line on standard error.
 * Once it serves, standard output has one screen with a line "  http://ADDRESS:PORT/" for each
 * address; the first such line says that connections are accepted, and on which port. At the end it
 * gets one line of totals. */
int server_main(const struct profile *profile, int argc, char **argv);

/* The same for SETTINGS that are not prepared yet, in place of a command line: any number of sites.
 * Keeps a reference until it returns. Returns the exit status. */
int server_run(const struct profile *profile, struct settings *settings);

#endif
