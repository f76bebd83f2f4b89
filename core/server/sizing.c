/* sizing: see sizing.h. */
#include "server/sizing.h"

#include "system/cpus.h"

#include <errno.h>

enum {
    CONNECTIONS_MAX = 1000000, /* unless --max-connections says more */
    CACHED_FILES_MAX = 4096,   /* in all caches together */
    PROCESS_DESCRIPTORS = 16,  /* open besides those of workers, sites, logs and connections */
    WORKER_DESCRIPTORS = 6,    /* of each worker, besides its listeners */
};

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Whether a site before number INDEX has its log. */
static bool is_shared(const struct settings *settings, unsigned index)
{
    const char *name = settings->sites[index]->access_log.at;
    for (unsigned i = 0; i < index; i++) {
        const char *other = settings->sites[i]->access_log.at;
        if (other && strcmp(other, name) == 0)
            return true;
    }
    return false;
}

uint64_t sizing_count_logs(const struct settings *settings)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < settings->site_count; i++)
        count += settings->sites[i]->access_log.at && !is_shared(settings, i);
    return count;
}

static uint64_t files_of(const struct sizing_limits *limits)
{
    return smaller(limits->descriptors / 4, CACHED_FILES_MAX);
}

uint64_t sizing_room(const struct sizing_limits *limits, uint64_t threads)
{
    const uint64_t taken = PROCESS_DESCRIPTORS + limits->site_count + limits->log_count +
                           threads * (WORKER_DESCRIPTORS + limits->listener_count) +
                           files_of(limits);
    return limits->descriptors > taken ? limits->descriptors - taken : 0;
}

int sizing_find(const struct process_settings *settings, const struct sizing_limits *limits,
                struct sizes *ret, struct problem *ret_problem)
{
    const uint64_t wanted = settings->connections_max;
    uint64_t threads = settings->threads ? settings->threads : cpus_usable();
    uint64_t room = sizing_room(limits, threads);
    if (room < threads) {
        problem_set(ret_problem, "%llu descriptors are too few for %u threads",
                    (unsigned long long)limits->descriptors, (unsigned)threads);
        problem_remedy(ret_problem, "raise the limit (ulimit -n)");
        return -EMFILE;
    }
    *ret = (struct sizes){
        .threads = (uint32_t)threads,
        .connections_max = (uint32_t)smaller(room, wanted ? wanted : CONNECTIONS_MAX),
        .files_max = (uint32_t)files_of(limits),
    };
    return 0;
}
