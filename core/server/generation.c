/* generation: see generation.h. */
#include "server/generation.h"

#include "config/listen.h"
#include "server/listening.h"
#include "server/redirect_circles.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- Steps: 0, or a negative errno with *RET_PROBLEM set -------------------------------------- */

static int prepare_settings(struct generation *generation, struct problem *ret_problem)
{
    return settings_prepare(generation->settings, ret_problem);
}

/* Each canonical name belongs to its own site, so redirects to it end there. */
static int check_canonical(const struct generation *generation, const struct site_settings *site,
                           uint32_t number, struct problem *ret_problem)
{
    if (!site->canonical.at || hosts_find(generation->hosts, site->canonical) == number)
        return 0;
    for (unsigned i = 0; i < site->hosts.count; i++) {
        if (str_equal_nocase(str_of(site->hosts.items[i]), site->canonical))
            return 0; /* the mistake is in the name, which hosts_create has reported */
    }
    problem_set(ret_problem, "'%s' is not a name of its site", site->canonical.at);
    problem_remedy(ret_problem, "add it to the names in the site's section");
    problem_of_option(ret_problem, "canonical");
    settings_locate(generation->settings, site, ret_problem);
    return -EINVAL;
}

static int find_hosts(struct generation *generation, struct problem *ret_problem)
{
    const struct settings *settings = generation->settings;
    const struct hosts_sites sites = {
        .items = (const struct site_settings *const *)settings->sites,
        .count = settings->site_count,
        .problems = settings->problems,
    };
    int error = hosts_create(&generation->hosts, &sites, ret_problem);
    for (unsigned i = 0; !error && i < settings->site_count; i++)
        error = problem_list_keep(settings->problems,
                                  check_canonical(generation, settings->sites[i], i, ret_problem),
                                  ret_problem);
    return error ? error : redirect_circles_check(settings, generation->hosts, ret_problem);
}

static int load_certificates(struct generation *generation, struct problem *ret_problem)
{
    int error = https_create(&generation->https, generation->settings, generation->present_https,
                             ret_problem);
    if (!error && !problem_list_has_any(generation->settings->problems))
        https_check_names(generation->https, generation->settings);
    return error;
}

/* The admin listener has a port of its own; admin.h checks that once more, with the ports that were
 * found. */
static int check_admin(const struct settings *settings, struct problem *ret_problem)
{
    const char *where = settings->process.admin.at;
    struct listen listen = {.port = 0};
    if (!where || listen_parse(str_of(where), &listen, ret_problem) < 0 || listen.port == 0)
        return 0; /* the value was checked when it was set */
    for (unsigned i = 0; i < settings->listener_count; i++) {
        if (settings->listeners[i]->port != listen.port)
            continue;
        problem_set(ret_problem, "port %u is one that files are served on", listen.port);
        problem_remedy(ret_problem, "choose another one");
        problem_of_option(ret_problem, "admin");
        settings_locate(settings, &settings->process, ret_problem);
        return -EADDRINUSE;
    }
    return 0;
}

static int find_proxies(struct generation *generation, struct problem *ret_problem)
{
    const struct arena_list *proxies = &generation->settings->process.trusted_proxies;
    (void)ret_problem;
    for (unsigned i = 0; i < proxies->count; i++) /* each was checked when it was set */
        networks_add(&generation->trusted, str_of(proxies->items[i]));
    return 0;
}

/* The addresses are chosen by server for its sockets; here only the mistakes count. */
static int check_addresses(struct generation *generation, struct problem *ret_problem)
{
    struct listening *listening = calloc(1, sizeof *listening);
    if (!listening) {
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    int error = listening_choose(listening, generation->settings, ret_problem);
    free(listening);
    return error ? error : check_admin(generation->settings, ret_problem);
}

static int (*const steps[])(struct generation *generation, struct problem *ret_problem) = {
    prepare_settings, find_hosts, load_certificates, find_proxies, check_addresses,
};

/* --- The life of a generation ----------------------------------------------------------------- */

int generation_create(struct generation **ret, struct settings *settings,
                      const struct generation *present, struct problem *ret_problem)
{
    struct generation *generation = calloc(1, sizeof *generation);
    int error = 0;
    if (!generation) {
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    atomic_init(&generation->references, 1);
    generation->settings = settings_ref(settings);
    generation->present_https = present ? present->https : NULL;
    for (size_t i = 0; !error && i < COUNT_OF(steps); i++)
        error =
            problem_list_keep(settings->problems, steps[i](generation, ret_problem), ret_problem);
    generation->present_https = NULL;
    if (!error && problem_list_has_any(settings->problems)) {
        *ret_problem = settings->problems->items[0];
        error = -EINVAL;
    }
    if (error)
        generation_unref(generation);
    else
        *ret = generation;
    return error;
}

/* --- After another one ------------------------------------------------------------------------ */

/* The first name of SITE; "": it has none, and is the only site. */
static const char *name_of(const struct site_settings *site)
{
    return site->hosts.count > 0 ? site->hosts.items[0] : "";
}

/* The number of the site of FORMER with the first name of SITE, or STORE_SITES_NEW. */
static uint32_t find_former(const struct generation *former, const struct site_settings *site)
{
    const char *name = name_of(site);
    const uint32_t number = hosts_find(former->hosts, str_of(name));
    if (number == HOSTS_NONE || strcmp(name_of(former->settings->sites[number]), name) != 0)
        return STORE_SITES_NEW;
    return number;
}

/* Pairs the sites of GENERATION with those of FORMER, which may be NULL, and counts. */
static void pair_sites(struct generation *generation, const struct generation *former)
{
    unsigned paired = 0;
    for (unsigned i = 0; i < generation->settings->site_count; i++) {
        const struct site_settings *site = generation->settings->sites[i];
        const uint32_t number = former ? find_former(former, site) : (uint32_t)STORE_SITES_NEW;
        const bool found = number != (uint32_t)STORE_SITES_NEW;
        const bool same = found && settings_site_equal(site, former->settings->sites[number]);
        generation->namesakes[i] = number;
        generation->former[i] = same ? number : (uint32_t)STORE_SITES_NEW;
        generation->counts.added += !found;
        generation->counts.changed += found && !same;
        paired += found;
    }
    generation->counts.removed = former ? former->settings->site_count - paired : 0;
}

/* Makes the share of a site that is new, or was otherwise in FORMER, and opens its root, so that no
 * worker has to wait for that. */
static int make_share(const struct generation *generation, const struct generation *former,
                      unsigned number, struct problem *ret_problem)
{
    const struct site_settings *site = generation->settings->sites[number];
    const uint32_t namesake = generation->namesakes[number];
    struct site_share *share = namesake == (uint32_t)STORE_SITES_NEW
                                   ? site_share_create()
                                   : site_share_create_after(former->shares[namesake]);
    struct root *root;
    generation->shares[number] = share;
    int error = share ? root_slot_get(&share->root, site->root, &root) : -ENOMEM;
    if (!error) {
        root_drop(root);
        return 0;
    }
    problem_set(ret_problem, "cannot open ROOT '%s': %s", site->root_text.at, strerror(-error));
    problem_remedy(ret_problem, error == -EMFILE ? "raise the limit of descriptors (ulimit -n)"
                                                 : "name another directory");
    settings_locate(generation->settings, site, ret_problem);
    return error;
}

int generation_follow(struct generation *generation, const struct generation *former,
                      struct problem *ret_problem)
{
    const unsigned count = generation->settings->site_count;
    int error = 0;
    generation->shares = calloc(count, sizeof(struct site_share *));
    generation->former = calloc(count, sizeof *generation->former);
    generation->namesakes = calloc(count, sizeof *generation->namesakes);
    if (!generation->shares || !generation->former || !generation->namesakes) {
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    if (former && former->https && !generation->https &&
        https_create_empty(&generation->https) < 0) {
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    pair_sites(generation, former);
    for (unsigned i = 0; !error && i < count; i++) {
        const uint32_t number = generation->former[i];
        if (!former || number == (uint32_t)STORE_SITES_NEW)
            error = make_share(generation, former, i, ret_problem);
        else
            generation->shares[i] = site_share_ref(former->shares[number]);
    }
    return error;
}

const struct networks *generation_trusted(const struct generation *generation)
{
    return networks_are_empty(&generation->trusted) ? NULL : &generation->trusted;
}

/* --- References --------------------------------------------------------------------------------- */

struct generation *generation_ref(struct generation *generation)
{
    atomic_fetch_add_explicit(&generation->references, 1, memory_order_relaxed);
    return generation;
}

void generation_unref(struct generation *generation)
{
    if (!generation ||
        atomic_fetch_sub_explicit(&generation->references, 1, memory_order_acq_rel) != 1)
        return;
    for (unsigned i = 0; generation->shares && i < generation->settings->site_count; i++)
        site_share_unref(generation->shares[i]);
    free(generation->shares);
    free(generation->former);
    free(generation->namesakes);
    hosts_destroy(generation->hosts);
    https_destroy(generation->https);
    settings_unref(generation->settings);
    free(generation);
}
