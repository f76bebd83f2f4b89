/* generation: see generation.h. */
#include "server/generation.h"

#include "server/listening.h"

#include <errno.h>
#include <stdlib.h>

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
    problem_set(ret_problem, "'%s' is not a name of its site", site->canonical.at);
    problem_remedy(ret_problem, "add it to the names in the site's section");
    problem_of_option(ret_problem, "canonical");
    settings_locate(generation->settings, site, ret_problem);
    return -EINVAL;
}

static int find_hosts(struct generation *generation, struct problem *ret_problem)
{
    const struct settings *settings = generation->settings;
    int error =
        hosts_create(&generation->hosts, (const struct site_settings *const *)settings->sites,
                     settings->site_count, ret_problem);
    for (unsigned i = 0; !error && i < settings->site_count; i++)
        error = check_canonical(generation, settings->sites[i], i, ret_problem);
    return error;
}

static int load_certificates(struct generation *generation, struct problem *ret_problem)
{
    int error = https_create(&generation->https, generation->settings, ret_problem);
    if (!error)
        https_check_names(generation->https, generation->settings);
    return error;
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
    return error;
}

static int (*const steps[])(struct generation *generation, struct problem *ret_problem) = {
    prepare_settings,
    find_hosts,
    load_certificates,
    check_addresses,
};

/* --- The life of a generation ----------------------------------------------------------------- */

int generation_create(struct generation **ret, struct settings *settings,
                      struct problem *ret_problem)
{
    struct generation *generation = calloc(1, sizeof *generation);
    int error = 0;
    if (!generation) {
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    atomic_init(&generation->references, 1);
    generation->settings = settings_ref(settings);
    for (size_t i = 0; !error && i < COUNT_OF(steps); i++)
        error = steps[i](generation, ret_problem);
    if (error)
        generation_unref(generation);
    else
        *ret = generation;
    return error;
}

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
    hosts_destroy(generation->hosts);
    https_destroy(generation->https);
    settings_unref(generation->settings);
    free(generation);
}
