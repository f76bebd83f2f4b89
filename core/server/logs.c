/* logs: see logs.h. */
#include "server/logs.h"

#include "observe/error_log.h"

#include <errno.h>
#include <stdlib.h>

/* Describes ERROR of starting a thread, if it is one. Returns it. */
static int explain(int error, struct problem *ret_problem)
{
    if (error == 0)
        return 0;
    problem_set(ret_problem, "cannot start the thread for a log");
    problem_remedy(ret_problem, "raise the limits of this process");
    return error;
}

static int open_error_log(const struct logs *logs, const char *name, struct problem *ret_problem)
{
    const int error = error_log_open(name, logs->tag, ret_problem);
    return error || !logs->running ? error : explain(error_log_start(), ret_problem);
}

/* Makes the set of access logs. 0 or a negative errno. */
static int create(const struct logs *logs, struct problem *ret_problem)
{
    const struct access_logs_config config = {
        .worker_count = logs->worker_count,
        .tag = logs->tag,
        .report = log_warning,
    };
    struct access_logs *access;
    int error = access_logs_create(&access, &config, ret_problem);
    if (error)
        return error;
    error = logs->running ? explain(access_logs_start(access), ret_problem) : 0;
    if (error)
        access_logs_destroy(access);
    else
        *logs->access = access;
    return error;
}

static int open_access_log(const struct logs *logs, const char *name, struct problem *ret_problem)
{
    const int error = *logs->access ? 0 : create(logs, ret_problem);
    return error ? error : access_logs_add(*logs->access, name, ret_problem);
}

int logs_open(const struct logs *logs, const struct settings *settings, struct problem *ret_problem)
{
    const struct process_settings *process = &settings->process;
    int error = 0;
    if (process->error_log.at)
        error = open_error_log(logs, process->error_log.at, ret_problem);
    if (error)
        settings_locate(settings, process, ret_problem);
    for (unsigned i = 0; !error && i < settings->site_count; i++) {
        const char *name = settings->sites[i]->access_log.at;
        if (name)
            error = open_access_log(logs, name, ret_problem);
        if (error)
            settings_locate(settings, settings->sites[i], ret_problem);
    }
    return error;
}

void logs_keep(const struct logs *logs, const struct settings *settings)
{
    const char **names = calloc(settings->site_count, sizeof(const char *));
    for (unsigned i = 0; names && i < settings->site_count; i++)
        names[i] = settings->sites[i]->access_log.at;
    if (names) /* else they stay open until the next reload */
        access_logs_retire(*logs->access, names, settings->site_count);
    free(names);
    error_log_use(settings->process.error_log.at);
}
