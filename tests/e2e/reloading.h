/* reloading: a server whose configuration a test changes, with SIGHUP; for the suites of reloads.
 *
 * The test is the server's manager, so it knows when a reload is at its end. Texts are kept. */
#ifndef E2E_RELOADING_H
#define E2E_RELOADING_H

#include "client.h"
#include "server_process.h"
#include "service.h"

#include <pthread.h>
#include <stdatomic.h>

#define ONE "[site one.example]\nroot = root/one\n"
#define TWO "[site two.example]\nroot = root/two\n"

enum { RELOADING_BIG_BYTES = 8 << 20 };

/* Hears of the begin and the end of each reload. */
extern struct manager reload_manager;

/* "one" to "three" in SITE, each with pages of its own. */
void fill_sites(struct site *site);

/* Writes the configuration TEXT. */
void configure(const struct site *site, const char *text);

/* Starts a server with the configuration TEXT. */
struct server *start(const struct site *site, const char *text);

/* The same with a TEXT that says where to listen, and what is spoken there. */
struct server *start_listening(const struct site *site, const char *text);

/* Sends SIGHUP and waits for the end of the reload. The server's messages since. */
const char *reload(const struct server *server);
const char *reload_to(const struct server *server, const struct site *site, const char *text);

/* MESSAGES have WANTED in them. */
void expect_message(const char *messages, const char *wanted);

/* A request. */
const char *get(const char *host, const char *target);

/* What the next response on CLIENT says: its status, one field (NULL: none) and its body. */
const char *next_said(struct client *client, const char *field);

/* The same on a connection of its own. */
const char *said(const struct server *server, const char *host, const char *target,
                 const char *field);

/* All workers say WANTED, at once: the reload is at its end. */
void expect_said(const struct server *server, const char *host, const char *target,
                 const char *field, const char *wanted);

/* A client in a thread of its own that asks for two files again and again, on one connection after
 * the other. */
struct load {
    struct client_setup setup; /* what it connects with */
    unsigned rounds;           /* of two requests at once, on a connection */
    pthread_t thread;
    atomic_bool stop;
    unsigned requests, failures;
};

/* Starts LOAD, of which SETUP and ROUNDS are set; and stops it: no request has failed. */
void load_start(struct load *load);
void load_stop(struct load *load);

#endif
