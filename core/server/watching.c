/* watching: see watching.h. */
#include "server/watching.h"

#include "base/clock.h"

int watching_open(struct admin **ret, const struct settings *settings,
                  const struct listening *listening, struct problem *ret_problem)
{
    const char *where = settings->process.admin.at;
    uint16_t ports[LISTENING_MAX] = {0};
    const struct admin_surroundings around = {
        .content_ports = ports,
        .content_port_count = listening->count,
        .inherited = listening->inherited,
    };
    for (unsigned i = 0; i < listening->count; i++)
        ports[i] = listening->sets[i].port;
    return where ? admin_listen(ret, where, &around, ret_problem) : 0;
}

static const struct counters *counters_of(void *owner, unsigned worker)
{
    const struct supervisor *supervisor = owner;
    return worker_counters(supervisor->workers[worker]);
}

static void wake(void *owner, unsigned worker)
{
    const struct supervisor *supervisor = owner;
    worker_wake(supervisor->workers[worker]);
}

int watching_start(struct admin *admin, const struct admin_source *source,
                   struct supervisor *supervisor, struct problem *ret_problem)
{
    struct admin_source whole = *source;
    whole.started = (double)clock_wall_us() / 1e6;
    whole.worker_count = supervisor->worker_count;
    whole.counters = counters_of;
    whole.wake = wake;
    whole.owner = supervisor;
    const int error = admin_start(admin, &whole);
    if (!error)
        return 0;
    problem_set(ret_problem, "cannot start the thread of the admin listener");
    problem_remedy(ret_problem, "raise the limits of this process");
    supervisor_drain(supervisor);
    return error;
}
