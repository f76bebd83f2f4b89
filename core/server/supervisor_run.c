/* supervisor_run: what the main thread does while the workers run. See supervisor.h. */
#include "server/supervisor.h"

#include "base/clock.h"
#include "observe/access_log.h"
#include "observe/error_log.h"
#include "observe/log.h"
#include "observe/trace.h"
#include "system/event_fd.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

enum {
    DRAIN_NOTICE_MS = 300, /* a drain that takes longer after its grace is explained */
    EXIT_AT_ONCE = 1,      /* the exit status after a second signal */
    LAST_LINES_MS = 1000,  /* for the access logs then */
};

#define NEVER     UINT64_MAX
#define FINISHING "finishing responses in flight"

/* The state of supervisor_run; times are monotonic. */
struct run {
    uint64_t running; /* workers that have not ended */
    bool stopping;    /* a drain has been announced */
    bool draining;
    bool upgraded; /* it is the drain of an upgrade */
    bool asked;    /* a signal has asked for an end */
    bool failed;
    uint64_t drain_at_ms;      /* when the delay before a drain is over; NEVER: none is due */
    bool hung_up;              /* a SIGHUP has come that has not been obeyed */
    uint64_t explain_at_ms;    /* when to say what a long drain waits for; NEVER: not, or done */
    uint64_t revalidate_at_ms; /* when to check the files of certificates; NEVER: not known yet */
};

/* --- Draining --------------------------------------------------------------------------------- */

/* Announces that the server stops, and ends an upgrade that is under way. */
static void stop(const struct supervisor *supervisor)
{
    struct handover *handover = supervisor->handover;
    const pid_t pid = handover ? handover->upgrade.pid : 0;
    admin_set_draining(supervisor->watching->admin);
    service_stop(supervisor->service);
    if (pid == 0)
        return;
    upgrade_fini(&handover->upgrade);
    service_clean(supervisor->service, pid); /* this process may end before that one is reaped */
}

static void begin_drain(const struct supervisor *supervisor, struct run *run)
{
    if (run->draining)
        return;
    if (!run->upgraded)
        stop(supervisor);
    supervisor_drain(supervisor);
    if (run->upgraded)
        admin_release(supervisor->watching->admin); /* the new process answers on it */
    run->draining = true;
    run->drain_at_ms = NEVER;
    run->explain_at_ms =
        clock_monotonic_ms() + supervisor->settings->process.drain_grace_ms + DRAIN_NOTICE_MS;
}

/* Announces a drain, which begins after the delay, or when it is announced again. */
static void announce_drain(const struct supervisor *supervisor, struct run *run)
{
    const uint32_t delay_ms = supervisor->settings->process.drain_delay_ms;
    if (delay_ms == 0 || run->stopping) {
        begin_drain(supervisor, run);
        return;
    }
    run->stopping = true;
    run->drain_at_ms = clock_monotonic_ms() + delay_ms;
    stop(supervisor);
    log_say("serving on for --drain-delay; send the signal again to go on at once");
}

static void stop_at_once(const struct supervisor *supervisor)
{
    log_say("stopped at once");
    access_logs_stop(supervisor->logs, LAST_LINES_MS);
    service_close(supervisor->service);
    error_log_stop(LAST_LINES_MS);
    _exit(EXIT_AT_ONCE);
}

/* --- Reload ----------------------------------------------------------------------------------- */

static bool upgrades(const struct supervisor *supervisor)
{
    return supervisor->handover && upgrade_is_under_way(&supervisor->handover->upgrade);
}

/* Without a configuration file: has every worker check everything again before it serves it. False:
 * media types could not be read. */
static bool revalidate(const struct supervisor *supervisor)
{
    struct problem problem;
    https_revalidate(supervisor->https);
    log_say("SIGHUP: all files are checked again; options stay as they are until a restart");
    const bool good = settings_reread_types(supervisor->settings, &problem) == 0;
    if (!good) {
        problem_prefix(&problem, "media types stay as they were: ");
        log_problem(&problem);
    }
    for (unsigned i = 0; i < supervisor->started_count; i++)
        worker_revalidate(supervisor->workers[i]);
    return good;
}

/* Reads the configuration again, which leaves a reload under way. False: it was refused. */
static bool reload(struct supervisor *supervisor)
{
    struct reload *reload = &supervisor->reload;
    reload->workers = supervisor->workers;
    reload->worker_count = supervisor->started_count;
    reload->limits.pool = &supervisor->pool;
    reload->limits.addresses = &supervisor->addresses;
    const bool begun = reload_begin(reload);
    if (begun) {
        supervisor->settings = (*reload->generation)->settings;
        supervisor->https = (*reload->generation)->https;
    }
    supervisor->logs = *reload->logs.access;
    return begun;
}

static void note_hangup(const struct supervisor *supervisor, struct run *run)
{
    if (run->stopping || run->draining)
        log_write(LOG_LEVEL_WARNING, "SIGHUP has no effect while the server stops");
    else if (upgrades(supervisor))
        log_say("SIGHUP takes effect at the end of the upgrade");
    run->hung_up = !run->stopping && !run->draining;
}

/* A reload was done, or refused. */
static void end_reload(const struct supervisor *supervisor, bool done)
{
    struct admin_live *live = supervisor->live;
    atomic_fetch_add(done ? &live->reloads_done : &live->reloads_refused, 1);
    atomic_store(&live->last_reload_refused, !done);
    if (done)
        atomic_store(&live->last_reload_s, clock_wall_us() / 1000000);
    service_end_reload(supervisor->service);
}

/* Obeys SIGHUP, but not before the end of a reload or of an upgrade, whose new process has been
 * given the listeners of before. A manager hears of the beginning and of the end of each reload,
 * whatever comes of it. */
static void obey_hangup(struct supervisor *supervisor, struct run *run)
{
    if (!run->hung_up || run->stopping || run->draining ||
        reload_is_under_way(&supervisor->reload) || upgrades(supervisor))
        return;
    run->hung_up = false;
    service_begin_reload(supervisor->service);
    if (!reload_is_possible(&supervisor->reload))
        end_reload(supervisor, revalidate(supervisor));
    else if (!reload(supervisor))
        end_reload(supervisor, false);
}

/* Counts the workers that have changed over. */
static void count_changed(struct supervisor *supervisor)
{
    const bool under_way = reload_is_under_way(&supervisor->reload);
    reload_count(&supervisor->reload, (unsigned)event_fd_take(supervisor->changed_fd));
    if (under_way && !reload_is_under_way(&supervisor->reload))
        end_reload(supervisor, true);
}

/* --- Upgrade ---------------------------------------------------------------------------------- */

/* Reports that an upgrade has failed. */
static void note_failure(enum upgrade_event event, const struct problem *problem)
{
    if (event == UPGRADE_FAILED)
        log_problem(problem);
}

static void reap(const struct supervisor *supervisor)
{
    struct problem problem;
    enum upgrade_event event;
    pid_t pid;
    while (supervisor->handover &&
           (pid = upgrade_reap(&supervisor->handover->upgrade, &event, &problem)) > 0) {
        note_failure(event, &problem);
        service_clean(supervisor->service, pid);
    }
}

/* Leaves the service to the new process once that accepts connections. Those that wait in the
 * queues are accepted by either. */
static void watch_upgrade(const struct supervisor *supervisor, struct run *run)
{
    struct problem problem;
    struct handover *handover = supervisor->handover;
    if (!handover || run->draining || run->stopping)
        return;
    const long pid = handover->upgrade.pid;
    const enum upgrade_event event =
        upgrade_turn(&handover->upgrade, clock_monotonic_ms(), &problem);
    note_failure(event, &problem);
    if (event != UPGRADE_READY)
        return;
    service_hand_over(supervisor->service, (pid_t)pid);
    listening_leave(handover->listening);
    upgrade_finish(&handover->upgrade);
    if (run->hung_up)
        kill((pid_t)pid, SIGHUP); /* it may have read its settings before that */
    log_say("process %ld serves from now on; this one finishes its responses in flight", pid);
    run->upgraded = true;
    begin_drain(supervisor, run);
}

/* --- Signals ---------------------------------------------------------------------------------- */

/* The first signal lets a drain of another origin go on: a service manager sends it to all
 * processes of the service, also to one that an upgrade has replaced. */
static void obey_stop(const struct supervisor *supervisor, struct run *run)
{
    if (run->draining && run->asked)
        stop_at_once(supervisor);
    if (run->draining) {
        log_say(FINISHING " already; send the signal again to stop immediately");
        run->explain_at_ms = NEVER;
    } else {
        announce_drain(supervisor, run);
    }
    run->asked = true;
}

static void obey(const struct supervisor *supervisor, struct run *run, enum signal_request request)
{
    switch (request) {
    case SIGNAL_NONE:
        break;
    case SIGNAL_STOP:
        obey_stop(supervisor, run);
        break;
    case SIGNAL_HANGUP: /* comes more than once: from the kernel and from a shell */
        run->asked = true;
        begin_drain(supervisor, run);
        break;
    case SIGNAL_REVALIDATE:
        note_hangup(supervisor, run);
        break;
    case SIGNAL_REOPEN_LOGS:
#ifdef SLUICE_DEBUG
        trace_dump_all(STDERR_FILENO, TRACE_RECORDS);
#else
        if (!error_log_reopen() && !supervisor->logs)
            log_write(LOG_LEVEL_WARNING, "SIGUSR1 has no effect without a log file; set one with "
                                         "--access-log or --error-log");
#endif
        access_logs_reopen(supervisor->logs);
        break;
    case SIGNAL_UPGRADE:
        if (!supervisor->handover || run->draining || run->stopping)
            log_write(LOG_LEVEL_WARNING, "SIGUSR2 has no effect while the server stops");
        else
            handover_begin(supervisor->handover, supervisor->https);
        break;
    case SIGNAL_CHILD:
        reap(supervisor);
        break;
    }
}

/* --- The loop --------------------------------------------------------------------------------- */

static void count_ended(const struct supervisor *supervisor, struct run *run)
{
    uint64_t ended = event_fd_take(supervisor->done_fd);
    run->running -= ended < run->running ? ended : run->running;
    if (ended == 0 || run->draining)
        return;
    log_write(LOG_LEVEL_ERROR, "a worker failed, so all stop; start the server again");
    run->failed = true;
    begin_drain(supervisor, run);
}

/* Does what is due, and returns the milliseconds until something else is, for poll. */
static int do_due(const struct supervisor *supervisor, struct run *run)
{
    const uint64_t now_ms = clock_monotonic_ms();
    if (now_ms >= run->explain_at_ms) {
        log_say(run->asked ? FINISHING "; send the signal again to stop immediately"
                           : FINISHING "; send SIGTERM twice to stop immediately");
        run->explain_at_ms = NEVER;
    }
    if (now_ms >= run->drain_at_ms)
        begin_drain(supervisor, run);
    if (now_ms >= run->revalidate_at_ms)
        https_revalidate(supervisor->https);
    if (supervisor->https && (run->revalidate_at_ms == NEVER || now_ms >= run->revalidate_at_ms))
        run->revalidate_at_ms = now_ms + HTTPS_PERIOD_MS; /* a reload may have begun with HTTPS */
    uint64_t next_ms =
        service_watch(supervisor->service, supervisor->workers, supervisor->started_count, now_ms);
    next_ms = u64_min(next_ms, u64_min(run->explain_at_ms, run->revalidate_at_ms));
    next_ms = u64_min(next_ms, run->drain_at_ms);
    if (upgrades(supervisor))
        next_ms = u64_min(next_ms, supervisor->handover->upgrade.deadline_ms);
    if (next_ms == NEVER)
        return -1;
    if (next_ms <= now_ms)
        return 0;
    return next_ms - now_ms < INT_MAX ? (int)(next_ms - now_ms) : INT_MAX;
}

int supervisor_run(struct supervisor *supervisor)
{
    struct pollfd watched[] = {{supervisor->signals->fd, POLLIN, 0},
                               {supervisor->done_fd, POLLIN, 0},
                               {supervisor->changed_fd, POLLIN, 0},
                               {-1, POLLIN, 0}};
    struct run run = {
        .running = supervisor->started_count,
        .drain_at_ms = NEVER,
        .explain_at_ms = NEVER,
        .revalidate_at_ms = NEVER,
    };
    while (run.running > 0) {
        watched[3].fd = supervisor->handover ? supervisor->handover->upgrade.fd : -1;
        poll(watched, COUNT_OF(watched), do_due(supervisor, &run));
        watch_upgrade(supervisor, &run);
        obey(supervisor, &run, signals_take(supervisor->signals));
        count_changed(supervisor);
        obey_hangup(supervisor, &run);
        count_ended(supervisor, &run);
    }
    return run.failed ? -EIO : 0;
}
