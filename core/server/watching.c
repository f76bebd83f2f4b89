/* watching: see watching.h. */
#include "server/watching.h"

#include "base/clock.h"

#include <string.h>

/* Makes *RET of the sockets for the admin listener that the process was started with: by a service
 * manager, or by the process before this one. *RET stays if it has none. */
static int adopt(struct admin **ret, const char *where, struct inherited *inherited,
                 struct problem *ret_problem)
{
    int error = 0;
    for (unsigned i = 0; !error && inherited && i < inherited->count; i++) {
        struct inherited_socket *socket = &inherited->items[i];
        const bool ours = strcmp(socket->name, WATCHING_NAME) == 0;
        if (socket->fd < 0 || !socket->listens || (!ours && strcmp(socket->name, "admin") != 0))
            continue;
        if (*ret)
            admin_add_fd(*ret, socket->fd);
        else
            error = admin_take_fd(ret, where, socket->fd, ret_problem);
        if (error)
            break;
        net_adopt(inherited_take(socket));
        if (ours)
            admin_keep_file(*ret);
    }
    return error;
}

int watching_open(struct admin **ret, const struct settings *settings,
                  const struct listening *listening, struct problem *ret_problem)
{
    const char *where = settings->process.admin.at;
    uint16_t ports[LISTENING_MAX] = {0};
    for (unsigned i = 0; i < listening->count; i++)
        ports[i] = listening->sets[i].port;
    if (!where)
        return 0;
    const int error = adopt(ret, where, listening->inherited, ret_problem);
    return error || *ret ? error : admin_listen(ret, where, ports, listening->count, ret_problem);
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
