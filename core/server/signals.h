/* signals: what the server does on a signal, and how it knows that its terminal has gone.
 *
 * Owns a signalfd. SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 and SIGCHLD are blocked in every
 * thread and read here by the main thread, even if the parent ignored them (a shell's "&" ignores
 * SIGINT). Until then, while settings are read, SIGINT and SIGTERM end the process, and the others
 * wait. SIGPIPE is ignored: sendfile has no MSG_NOSIGNAL. signal(7), signalfd(2), tty(4),
 * credentials(7).
 *
 * SIGHUP has two meanings. An operator sends it to have changes take effect; the kernel, and the
 * shell that is the leader of our session, send it when the terminal has gone. It is a hangup when
 * all of these hold:
 *
 * - the process had a controlling terminal at its start, and has none now (/dev/tty says ENXIO);
 * - the kernel (SI_KERNEL) or the session's leader sent it;
 * - SIGHUP was not ignored at the start (nohup(1)).
 *
 * So a server that a service manager has started, or that was detached (setsid, nohup, disown),
 * never ends by SIGHUP, and "kill -HUP" of an operator never ends any. */
#ifndef SLUICE_SIGNALS_H
#define SLUICE_SIGNALS_H

#include "base/problem.h"

struct signals {
    int fd; /* non-blocking; readable when there is something for signals_take; -1: none */
    bool had_terminal;
    bool ignores_hangup;
};

/* What a signal asks for. */
enum signal_request {
    SIGNAL_NONE,        /* no signal has come */
    SIGNAL_STOP,        /* SIGINT, SIGTERM */
    SIGNAL_HANGUP,      /* SIGHUP: the terminal has gone */
    SIGNAL_REVALIDATE,  /* any other SIGHUP */
    SIGNAL_REOPEN_LOGS, /* SIGUSR1 */
    SIGNAL_UPGRADE,     /* SIGUSR2 */
    SIGNAL_CHILD,       /* SIGCHLD: a child has ended, or more than one */
};

/* Before anything else happens: from now on SIGINT and SIGTERM end the process with status 0, the
 * only thing that they can ask for yet, and the other signals wait. Notes whether there is a
 * terminal. */
void signals_begin(struct signals *ret);

/* Starts reading them, before anything is made that an end has to remove, and before other threads
 * start. Returns 0, or a negative errno with *RET_PROBLEM set. *Gives*: signals_close. */
int signals_open(struct signals *signals, struct problem *ret_problem);

/* Closes the descriptor. No effect if it is -1. */
void signals_close(struct signals *signals);

/* What the next signal asks for. */
enum signal_request signals_take(const struct signals *signals);

/* Lets SIGINT and SIGTERM end the process in the ordinary way, whatever the parent said. */
void signals_release(void);

#endif
