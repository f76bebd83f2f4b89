/* successor: the process that a server has started to take its place, by an upgrade.
 *
 * It is a child of the server, and then, since the test adopts orphans, of the test, which ends and
 * judges it. */
#ifndef E2E_SUCCESSOR_H
#define E2E_SUCCESSOR_H

#include "server_process.h"

/* Has orphans become children of this process. Call it before an upgrade. */
void successor_adopt(void);

/* Sends SIGUSR2 to SERVER and waits for its end, which must be an orderly one, and for the process
 * that it has started. SERVER becomes that process, with the output and the messages of both. */
void successor_upgrade(struct server *server);

/* The same, and calls MEANWHILE with ARGUMENT again and again until that has happened. */
void successor_upgrade_during(struct server *server, void (*meanwhile)(void *argument),
                              void *argument);

/* The part of it after the old process has let the new one serve. */
void successor_take(struct server *server);

/* The number of the process that SERVER names in its last message with TEXT, "process " and a
 * number after it. 0: none. */
pid_t successor_named(const struct server *server, const char *text);

/* Copies PROGRAM, of the build, to TO, in place of what is there. */
void successor_copy_program(const char *program, const char *to);

/* Waits until the messages of SERVER have TEXT. */
void successor_await(const struct server *server, const char *text);

#endif
