/* admin_clients: the connections to the admin listener: HTTP/1, a few at a time.
 *
 * When all places are taken, a new connection takes the place of one that has its answer, that is
 * idle, or else of the oldest. It is served before another one is added, so a client that has sent
 * its request is answered, however many come. Heads, answers and pauses have their time. Owns the
 * connections' descriptors. One thread. RFC 9112. */
#ifndef SLUICE_ADMIN_CLIENTS_H
#define SLUICE_ADMIN_CLIENTS_H

#include "admin/admin_answer.h"
#include "h1/h1_parse.h"

enum {
    ADMIN_CLIENTS_MAX = 16,
    ADMIN_HEAD_BYTES_MAX = 8 << 10,
};

struct pollfd;

enum admin_client_state {
    ADMIN_CLIENT_IDLE,      /* between requests */
    ADMIN_CLIENT_READING,   /* part of a head has come */
    ADMIN_CLIENT_WRITING,   /* an answer is on its way */
    ADMIN_CLIENT_LINGERING, /* our side has ended; input is discarded until the client's has */
};

struct admin_client {
    int fd; /* -1: the place is free */
    enum admin_client_state state;
    uint64_t since_ms;    /* when STATE began */
    uint64_t deadline_ms; /* of STATE */
    struct h1_parse parse;
    size_t length; /* of INPUT */
    bool last;     /* the connection ends after the answer */
    bool goes_on;  /* its turn was over before all was done */
    struct admin_answer answer;
    size_t sent; /* of ANSWER */
    char input[ADMIN_HEAD_BYTES_MAX];
};

struct admin_clients {
    struct admin_answer (*answer)(void *owner, const struct h1_head *head, bool keeps);
    void *owner;
    struct admin_client items[ADMIN_CLIENTS_MAX];
};

void admin_clients_init(struct admin_clients *ret);

/* Closes all connections. */
void admin_clients_fini(struct admin_clients *clients);

/* Adds the connection FD, which is non-blocking and *taken*, and does what can be done for it. */
void admin_clients_add(struct admin_clients *clients, int fd, uint64_t now_ms);

/* Whether one has begun a request, or is new, or is being answered. */
bool admin_clients_busy(const struct admin_clients *clients);

/* Sets RET, ADMIN_CLIENTS_MAX of them, to what poll(2) is to wait for. Returns the milliseconds
 * until the next deadline; -1: none. */
int admin_clients_watch(const struct admin_clients *clients, struct pollfd *ret, uint64_t now_ms);

/* Does what the events in WATCHED, as poll(2) has left it, make possible, and ends connections
 * whose time is over. */
void admin_clients_serve(struct admin_clients *clients, const struct pollfd *watched,
                         uint64_t now_ms);

#endif
