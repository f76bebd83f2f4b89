/* watching: see watching.h. */
#include "server/watching.h"

#include "base/clock.h"

/* The ports of LISTENING, written to PORTS. */
static struct admin_surroundings around(const struct listening *listening,
                                        uint16_t ports[static LISTENING_MAX])
{
    for (unsigned i = 0; i < listening->count; i++)
        ports[i] = listening->sets[i].port;
    return (struct admin_surroundings){
        .content_ports = ports,
        .content_port_count = listening->count,
    };
}

int watching_open(struct watching *watching, const struct settings *settings,
                  const struct listening *listening, struct problem *ret_problem)
{
    const char *where = settings->process.admin.at;
    uint16_t ports[LISTENING_MAX];
    struct admin_surroundings surroundings = around(listening, ports);
    surroundings.inherited = listening->inherited;
    return where ? admin_listen(&watching->admin, where, &surroundings, ret_problem) : 0;
}

/* --- What it shows ------------------------------------------------------------------------------ */

static const struct counters *counters_of(void *owner, unsigned worker)
{
    const struct watching *watching = owner;
    return worker_counters(watching->workers[worker]);
}

static void wake(void *owner, unsigned worker)
{
    const struct watching *watching = owner;
    worker_wake(watching->workers[worker]);
}

/* "*": it answers every host. */
static const char *name_of(const struct site_settings *site)
{
    return site->hosts.count > 0 ? site->hosts.items[0] : "*";
}

static bool add_sites(void *owner, struct admin_snapshot *snapshot)
{
    struct watching *watching = owner;
    bool good = true;
    pthread_mutex_lock(&watching->lock);
    const struct generation *generation = watching->generation;
    for (unsigned i = 0; good && i < generation->settings->site_count; i++)
        good = admin_snapshot_add(snapshot, name_of(generation->settings->sites[i]),
                                  generation->shares[i]->counts);
    pthread_mutex_unlock(&watching->lock);
    return good;
}

void watching_follow(struct watching *watching, struct generation *generation)
{
    struct generation *former = watching->generation;
    pthread_mutex_lock(&watching->lock);
    watching->generation = generation_ref(generation);
    pthread_mutex_unlock(&watching->lock);
    generation_unref(former);
}

/* --- Its life ----------------------------------------------------------------------------------- */

int watching_start(struct watching *watching, const struct admin_source *source,
                   struct worker *const *workers, struct problem *ret_problem)
{
    watching->workers = workers;
    watching->source = *source;
    watching->source.started = (double)clock_wall_us() / 1e6;
    watching->source.counters = counters_of;
    watching->source.wake = wake;
    watching->source.sites = add_sites;
    watching->source.owner = watching;
    const int error = admin_start(watching->admin, &watching->source);
    if (!error)
        return 0;
    problem_set(ret_problem, "cannot start the thread of the admin listener");
    problem_remedy(ret_problem, "raise the limits of this process");
    return error;
}

void watching_end(struct watching *watching)
{
    admin_destroy(watching->admin);
    watching->admin = NULL;
    generation_unref(watching->generation);
    watching->generation = NULL;
}
