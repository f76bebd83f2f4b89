/* service: this process as others see it that look after it: a service manager such as systemd
 * (notify.h), and scripts (pid_file.h).
 *
 * The manager learns when the server serves, reloads and stops, and, if it wants that, that every
 * worker's loop turns: each answers a question before the manager gets the next WATCHDOG=1. A
 * message that cannot be sent is reported once; serving goes on. Owns the pid file. Used by the
 * main thread. sd_notify(3), systemd.service(5). */
#ifndef SLUICE_SERVICE_H
#define SLUICE_SERVICE_H

#include "config/settings.h"
#include "server/pid_file.h"
#include "server/worker.h"
#include "system/notify.h"

#include <sys/types.h>

#define SERVICE_NEVER UINT64_MAX

/* Zeroed: nothing is wanted. */
struct service {
    struct notify notify;
    struct pid_file pid_file;
    struct pid_file next_pid_file; /* of the settings that a reload leads to */
    uint64_t watch_at_ms;          /* monotonic: when to send WATCHDOG=1; 0: not wanted */
    bool asked;                    /* the workers, before that */
    bool stopping;
    bool unreachable; /* a message was lost */
};

/* Reads VARIABLES, as environ(7), which are *borrowed*, and prepares the pid file of SETTINGS.
 * Returns 0, or a negative errno with *RET_PROBLEM set. *Gives*: service_close. */
int service_open(struct service *ret, const struct process_settings *settings,
                 char *const *variables, struct problem *ret_problem);

/* Reports that the server accepts connections. */
void service_ready(struct service *service);

/* Reports that a reload begins, and that it has ended, whether or not it was refused: a manager
 * waits for both. Without effect once the server stops. */
void service_begin_reload(struct service *service);
void service_end_reload(struct service *service);

/* Prepares what SETTINGS want otherwise: another pid file. Returns 0, or a negative errno with
 * *RET_PROBLEM set. */
int service_prepare(struct service *service, const struct process_settings *settings,
                    struct problem *ret_problem);

/* Follows SETTINGS, of the last service_prepare; or drops what that has prepared. */
void service_follow(struct service *service, const struct process_settings *settings);
void service_stay(struct service *service);

/* Reports that the server stops. */
void service_stop(struct service *service);

/* Reports that process PID takes the place of this one, and leaves the pid file to it. */
void service_hand_over(struct service *service, pid_t pid);

/* Removes what process PID has left, which was to take the place of this one and has ended. */
void service_clean(const struct service *service, pid_t pid);

/* Sends WATCHDOG=1 if it is due at NOW_MS, monotonic, and the COUNT WORKERS that were asked before
 * have answered. Returns the time when it is due next; SERVICE_NEVER: it is not wanted. */
uint64_t service_watch(struct service *service, struct worker *const *workers, unsigned count,
                       uint64_t now_ms);

/* Removes the pid file, if it is still that of this process. */
void service_close(struct service *service);

#endif
