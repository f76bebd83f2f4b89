/* crowd: many connections at once, each of which waits for one answer.
 *
 * Lifetime: a crowd and its clients last as long as their test; crowd_close closes what is open. */
#ifndef E2E_CROWD_H
#define E2E_CROWD_H

#include "client.h"
#include "server_process.h"

struct crowd {
    struct client *clients;
    enum answer *answers; /* ANSWER_LATE until there is one */
    size_t count;
    size_t answered; /* answered properly, with 200 */
    size_t failed;   /* ended in another way */
};

/* Connects COUNT clients; each sends TEXT. */
void crowd_connect(struct crowd *crowd, const struct server *server, size_t count,
                   const char *text);

/* The same for a server that has no room for all at once. Over TLS, no handshake is waited for:
 * each goes on, and then TEXT is sent, in crowd_read. */
void crowd_queue_up(struct crowd *crowd, const struct server *server, size_t count,
                    const char *text);

/* Each sends TEXT. */
void crowd_send(struct crowd *crowd, const char *text);

/* Reads until every client has its answer, WANTED of them have one, or DEADLINE. */
void crowd_read(struct crowd *crowd, size_t wanted, int64_t deadline);

/* Closes the clients that have their answer. */
void crowd_close_answered(struct crowd *crowd);
void crowd_close(struct crowd *crowd);

/* The result of the first one that failed: for messages. */
const char *crowd_failure(const struct crowd *crowd);

#endif
