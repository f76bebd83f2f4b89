/* watching: see watching.h. */
#include "server/watching.h"

#include "observe/log.h"

#include <string.h>

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

/* Has ADMIN answer. 0 or a negative errno. */
static int start(const struct watching *watching, struct admin *admin, struct problem *ret_problem)
{
    const int error = admin_start(admin, &watching->source);
    if (!error)
        return 0;
    problem_set(ret_problem, "cannot start the thread of the admin listener");
    problem_remedy(ret_problem, "raise the limits of this process");
    return error;
}

int watching_start(struct watching *watching, const struct admin_source *source,
                   struct worker *const *workers, struct problem *ret_problem)
{
    watching->workers = workers;
    watching->source = *source;
    watching->source.counters = counters_of;
    watching->source.wake = wake;
    watching->source.sites = add_sites;
    watching->source.owner = watching;
    return start(watching, watching->admin, ret_problem);
}

void watching_end(struct watching *watching)
{
    admin_destroy(watching->admin);
    watching->admin = NULL;
    generation_unref(watching->generation);
    watching->generation = NULL;
}

/* --- Another listener --------------------------------------------------------------------------- */

int watching_prepare(const struct watching *watching, const struct settings *settings,
                     const struct listening *listening, struct watching_next *ret,
                     struct problem *ret_problem)
{
    const struct str now = watching->generation->settings->process.admin;
    const struct str wanted = settings->process.admin;
    uint16_t ports[LISTENING_MAX];
    struct admin_surroundings surroundings = around(listening, ports);
    struct watching_next next = {.changes = !str_equal(now, wanted)};
    *ret = (struct watching_next){.changes = false};
    if (wanted.at && watching->admin && (!next.changes || admin_is_given(watching->admin)))
        return admin_check(watching->admin, &surroundings, ret_problem);
    if (!next.changes)
        return 0;
    surroundings.former = admin_sockets_of(watching->admin);
    int error = wanted.at ? admin_listen(&next.admin, wanted.at, &surroundings, ret_problem) : 0;
    if (!error)
        error = start(watching, next.admin, ret_problem);
    if (error)
        admin_destroy(next.admin);
    else
        *ret = next;
    return error;
}

void watching_change(struct watching *watching, struct watching_next *next)
{
    char where[ADMIN_WHERE_BYTES];
    if (!next->changes)
        return;
    if (watching->admin) {
        admin_where(watching->admin, where);
        log_say("closed the admin listener on %s", where);
    }
    const int error = admin_succeed(next->admin, watching->admin);
    watching->admin = next->admin;
    if (error)
        log_write(LOG_LEVEL_WARNING, "the socket of --admin keeps its former mode and owner: %s",
                  strerror(-error));
    if (watching->admin) {
        admin_where(watching->admin, where);
        log_say("opened the admin listener on %s", where);
    }
}

void watching_drop(struct watching_next *next)
{
    if (next->changes)
        admin_destroy(next->admin);
}
