/* admin: the admin listener: its sockets, and the thread that answers on them.
 *
 * It shares nothing with the workers but their counters, so it answers while all of them are busy
 * or stuck, and goes on to answer in a drain. It has few connections and short timeouts: a client
 * that is slow or hostile costs other operators nothing but the oldest connection that does
 * nothing.
 *
 * Owns the sockets, the file of a Unix-domain socket, the thread and its connections. All functions
 * are for the main thread, and do nothing with NULL. */
#ifndef SLUICE_ADMIN_H
#define SLUICE_ADMIN_H

#include "admin/admin_answer.h"
#include "admin/admin_sockets.h"

struct admin;

/* Opens the sockets of WHERE, a value of --admin, as far as they are not AROUND. Returns 0, or a
 * negative errno with *RET_PROBLEM set. *Gives*: admin_destroy. */
int admin_listen(struct admin **ret, const char *where, const struct admin_surroundings *around,
                 struct problem *ret_problem);

/* The listening sockets, to be handed over; NULL: none. *Borrowed* */
const struct admin_sockets *admin_sockets_of(const struct admin *admin);

/* Takes over the file of a Unix-domain socket that another process has handed over, which does not
 * need it any more. Returns 0, or a negative errno: it keeps a mode or an owner that are not those
 * of WHERE. */
int admin_keep(struct admin *admin);

/* Whether a service manager made the sockets: they do not depend on settings. */
bool admin_is_given(const struct admin *admin);

/* Checks that ADMIN does not take a content port of AROUND. 0, or -EADDRINUSE with *RET_PROBLEM
 * set. */
int admin_check(const struct admin *admin, const struct admin_surroundings *around,
                struct problem *ret_problem);

/* NEXT, which AROUND had FORMER's sockets for, answers in place of FORMER, which is destroyed when
 * it has answered all that have connected to it. Either may be NULL. Returns as admin_keep. */
int admin_succeed(struct admin *next, struct admin *former);

/* Starts the thread. SOURCE is copied; what it points to must be valid until admin_destroy. Returns
 * 0 or a negative errno. */
int admin_start(struct admin *admin, const struct admin_source *source);

/* A drain has begun: the server is not ready any more. Any thread. */
void admin_set_draining(struct admin *admin);

/* Another process has the sockets and answers on them: ends the thread and closes them here. The
 * file of a Unix-domain socket stays. */
void admin_release(struct admin *admin);

/* Ends the thread, finishes what has been written, closes all and frees ADMIN. */
void admin_destroy(struct admin *admin);

/* Writes where ADMIN listens, as a URL or "unix:PATH", and a NUL. */
void admin_where(const struct admin *admin, char to[static ADMIN_WHERE_BYTES]);

#endif
