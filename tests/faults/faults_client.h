/* faults_client: a client of the generator of faults: one connection, on which it sends requests
 * and reads answers.
 *
 * It waits for client_patience_ms, much less than any of the server's timeouts, so that a
 * connection which the server has forgotten is noticed. Lifetime: an answer is borrowed from the
 * client's bytes until they are dropped. */
#ifndef SLUICE_TESTS_FAULTS_CLIENT_H
#define SLUICE_TESTS_FAULTS_CLIENT_H

#include "support/answers.h"

struct client {
    int fd;
    size_t length; /* received and not dropped yet */
    char bytes[1 << 20];
};

enum got {
    GOT_ANSWER,  /* or, by client_receive, bytes */
    GOT_END,     /* the connection has been closed, or reset */
    GOT_NOTHING, /* within the patience of the client */
};

extern const int client_patience_ms;

/* Connects to PORT, with a receive buffer of BUFFER_BYTES unless that is 0. False, with errno set:
 * it was refused. Close it in any case. */
bool client_open(struct client *client, uint16_t port, int buffer_bytes);

/* The same for the socket of the Unix domain at PATH. */
bool client_open_unix(struct client *client, const char *path);
void client_close(struct client *client);

/* Sends TEXT. If the server has closed, reading reports that. */
void client_send(const struct client *client, struct str text);

/* Receives more bytes. */
enum got client_receive(struct client *client);

/* Reads the next answer, which has no body if it is 304 or HEAD was asked. *RET is *borrowed* until
 * its *RET_BYTES bytes are dropped. */
enum got client_read(struct client *client, bool head, struct answer *ret, size_t *ret_bytes);
void client_drop(struct client *client, size_t bytes);

#endif
