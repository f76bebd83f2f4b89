/* service: the test in the part of a service manager: the socket of NOTIFY_SOCKET.
 *
 * Messages are kept until the test asks for them, in order. */
#ifndef E2E_SERVICE_H
#define E2E_SERVICE_H

#include "site.h"

#include <stdbool.h>
#include <stdint.h>

struct manager {
    int fd;
    const char *variable; /* NOTIFY_SOCKET=..., for the server. Kept */
};

/* Opens the socket: beside SITE, or an abstract one if SITE is NULL. */
void manager_open(struct manager *manager, const struct site *site);
void manager_close(struct manager *manager);

/* The next message, or NULL if none comes before DEADLINE. Kept. */
const char *manager_next(const struct manager *manager, int64_t deadline);

/* Whether MESSAGE has the line NAME=VALUE. */
bool message_has(const char *message, const char *line);

/* Waits for a message with LINE. It must come in time. Returns it. */
const char *manager_expect(const struct manager *manager, const char *line);

#endif
