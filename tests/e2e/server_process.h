/* server_process: one of the three servers, running and accepting connections.
 *
 * A server lives until server_stop, or the end of its test, which stops and judges it (E2E_TEST).
 * Every server takes a free port and names it on its start screen. */
#ifndef E2E_SERVER_PROCESS_H
#define E2E_SERVER_PROCESS_H

#include "process.h"
#include "site.h"

enum server_kind {
    SIMPLE,
    PERSISTENT,
    PIPELINED,
    SERVER_KIND_COUNT,
};

struct server {
    enum server_kind kind;
    const char *name; /* of the program */
    struct process process;
    uint16_t port;
    bool secure;         /* the port speaks HTTPS */
    uint16_t plain_port; /* of --http-port; 0: none */
    bool instrumented;   /* built with a sanitizer */
    struct bytes screen; /* its standard output so far */
};

/* The differences from "NAME 0 ROOT --bind 127.0.0.1"; with a configuration from "sluice --config
 * CONFIG --port 0 --bind 127.0.0.1". */
struct server_setup {
    enum server_kind kind;
    const char *root;
    const char *path;           /* of the program, elsewhere; NULL: in the build directory */
    const char *program;        /* "sluice": no PORT comes before ROOT; NULL: that of KIND */
    const char *environment[8]; /* see process_setup */
    const char *config;         /* a configuration file of sluice, in place of ROOT; NULL: none */
    const char *options;        /* words separated by spaces, or NULL */
    const char *const *words;   /* more options, which may have spaces in them; NULL-terminated */
    const char *port;           /* NULL: 0 */
    bool no_bind;               /* the options name the addresses; with CONFIG: and the port */
    bool own_tls;               /* the options say whether it speaks HTTPS, in every run */
    bool as_nobody;
    uint64_t files_max;
    int uring_errno; /* see process_setup, as the next three */
    int terminal_fd;
    bool ignores_hangup;
    int inherited_fd;
    bool first_process;
    const int *sockets;
    size_t socket_count;
    const char *socket_names;
    bool foreign_sockets;
    const char *directory;
};

/* "simple-server", "persistent-server", "pipelined-server". */
const char *server_program(enum server_kind kind);

/* Starts a server and waits until it is ready. *Borrowed* until the end of the test. */
struct server *server_start(enum server_kind kind, const struct site *site, const char *options);
struct server *server_start_with(const struct server_setup *setup);
/* PIPELINED, one thread, and WORDS, as in server_setup. */
struct server *server_start_words(const struct site *site, const char *const *words);

/* A port that is free, and not of those that the kernel gives to other tests meanwhile. */
uint16_t server_free_port(void);

/* Whether a server of this test speaks HTTPS on PORT. */
bool server_port_is_secure(uint16_t port);

/* SIGTERM; it must end in time, with status 0, and leave no sanitizer's report. */
void server_stop(struct server *server);

/* Waits for the end, for which the test has another cause, and judges as server_stop does. */
void server_expect_end(struct server *server, int64_t ms);

/* It must still run and answer a request. */
void server_expect_alive(const struct server *server, const char *what);

/* Waits until all its threads sleep: it has then handled everything that its kernel received
 * before. */
void server_await_sleep(const struct server *server);

/* The number of its open descriptors, once it has not changed for a while: connections that were
 * closed a moment ago may still be closing. */
size_t server_settled_descriptors(const struct server *server);

/* Waits until it has at most COUNT descriptors open; it must in time. */
void server_expect_descriptors(const struct server *server, size_t count, const char *what);

void servers_stop_all(void);
void servers_abandon_all(void);

/* Has ThreadSanitizer not report threads that servers of this test leave: one that ends at once
 * does not join them. */
void server_allow_unjoined_threads(void);

#endif
