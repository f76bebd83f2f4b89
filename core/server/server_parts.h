/* server_parts: the beginning of a server, for server.c and server_main.c only; see server.h. */
#ifndef SLUICE_SERVER_PARTS_H
#define SLUICE_SERVER_PARTS_H

#include "config/command_line.h"
#include "server/server.h"
#include "server/signals.h"
#include "system/inherited.h"

/* The beginning of a process. All are *borrowed*. */
struct server_start {
    const struct profile *profile;
    struct settings *settings;
    const struct command_line *line;
    struct inherited *inherited;
    const struct signals *signals; /* begun */
};

/* Serves until a signal ends that. Returns the exit status. */
int server_serve(const struct server_start *start);

#endif
