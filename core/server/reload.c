/* reload: see reload.h. */
#include "server/reload.h"

#include "config/options.h"
#include "config/subcommand.h"
#include "observe/log.h"
#include "observe/log_file.h"
#include "server/process.h"
#include "server/relisten.h"
#include "server/service.h"
#include "server/sizing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool reload_is_possible(const struct reload *reload)
{
    return reload->line && (*reload->generation)->settings->config_path;
}

static int no_memory(struct problem *ret_problem)
{
    problem_set_no_memory(ret_problem);
    return -ENOMEM;
}

/* --- What can be read once only ----------------------------------------------------------------- */

/* Refuses PATH, called WHAT, if it is a pipe or another thing that was read at the start: it may
 * make the caller wait for ever now. 0 or -EINVAL. */
static int check_regular(const char *path, const char *what, struct problem *ret_problem)
{
    struct stat status;
    if (stat(path, &status) < 0 || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))
        return 0; /* what else is wrong is found when it is read */
    problem_set(ret_problem, "%s '%s' is not a regular file, so it was read once, at the start",
                what, path);
    problem_remedy(ret_problem, "name a regular file and start the server again");
    return -EINVAL;
}

static int refuse_descriptor(const char *path, const char *option, struct problem *ret_problem)
{
    problem_set(ret_problem, "'%s' names a descriptor that the server was not started with", path);
    problem_remedy(ret_problem, "name a file, or start the server again");
    problem_of_option(ret_problem, option);
    return -EINVAL;
}

/* Whether a site of SETTINGS has ROOT. */
static bool have_root(const struct settings *settings, const char *root)
{
    for (unsigned i = 0; i < settings->site_count; i++) {
        if (strcmp(settings->sites[i]->root, root) == 0)
            return true;
    }
    return false;
}

/* Whether NAME is a log by the number of a descriptor, which the present generation has not. */
static bool is_new_descriptor(const char *name, bool had)
{
    return name && log_file_descriptor(name) > STDERR_FILENO && !had;
}

static int check_error_log(const struct settings *settings, const struct settings *present,
                           struct problem *ret_problem)
{
    const char *name = settings->process.error_log.at, *former = present->process.error_log.at;
    if (!is_new_descriptor(name, former && name && strcmp(former, name) == 0))
        return 0;
    const int error = refuse_descriptor(name, "error-log", ret_problem);
    settings_locate(settings, &settings->process, ret_problem);
    return error;
}

/* The number of a descriptor that was closed at the start may mean a connection by now. */
static int check_descriptors(const struct reload *reload, const struct settings *settings,
                             struct problem *ret_problem)
{
    const struct settings *present = (*reload->generation)->settings;
    int error = check_error_log(settings, present, ret_problem);
    for (unsigned i = 0; !error && i < settings->site_count; i++) {
        const struct site_settings *site = settings->sites[i];
        const char *root = site->root_text.at, *log = site->access_log.at;
        if (process_descriptor_in(root) > STDERR_FILENO && !have_root(present, root))
            error = refuse_descriptor(root, "root", ret_problem);
        else if (is_new_descriptor(log, log && access_logs_have(*reload->logs.access, log)))
            error = refuse_descriptor(log, "access-log", ret_problem);
        if (!error && site->mime_types_path.at)
            error = check_regular(site->mime_types_path.at, "the file of media types", ret_problem);
        if (error)
            settings_locate(settings, site, ret_problem);
    }
    return error;
}

/* --- The next generation ------------------------------------------------------------------------ */

/* Parses everything again. *RET is *given*. 0 or a negative errno. */
static int make_settings(const struct reload *reload, struct settings **ret,
                         struct problem *ret_problem)
{
    struct subcommand_call call = {.profile = NULL};
    struct command_line line = *reload->line;
    enum command command;
    if (line.call) {
        call.profile = line.call->profile;
        line.call = &call;
    }
    int error = check_regular((*reload->generation)->settings->config_path, "the configuration",
                              ret_problem);
    if (error)
        return error;
    struct settings *settings = settings_create();
    if (!settings)
        return no_memory(ret_problem);
    error = command_line_parse(&line, settings, &command, ret_problem);
    if (!error)
        error = check_descriptors(reload, settings, ret_problem);
    if (error)
        settings_unref(settings);
    else
        *ret = settings;
    return error;
}

static int make_generation(const struct reload *reload, struct generation **ret,
                           struct problem *ret_problem)
{
    struct settings *settings;
    struct generation *generation;
    int error = make_settings(reload, &settings, ret_problem);
    if (error)
        return error;
    error = generation_create(&generation, settings, *reload->generation, ret_problem);
    settings_unref(settings);
    if (error)
        return error;
    error = generation_follow(generation, *reload->generation, ret_problem);
    if (error)
        generation_unref(generation);
    else
        *ret = generation;
    return error;
}

/* --- Changing over ------------------------------------------------------------------------------ */

static void destroy_changes(struct worker_change **changes, unsigned count)
{
    for (unsigned i = 0; changes && i < count; i++)
        worker_change_destroy(changes[i]);
    free(changes);
}

/* Makes a change to ALL for each worker, where the sockets of all workers are side by side; the
 * array is *given*. NULL, with *RET_PROBLEM: it failed. */
static struct worker_change **prepare_changes(const struct reload *reload,
                                              const struct worker_next *all,
                                              struct problem *ret_problem)
{
    struct worker_change **changes = calloc(reload->worker_count, sizeof(struct worker_change *));
    const uint64_t cache_bytes =
        reload_limits_cache(&reload->limits, &all->generation->settings->process);
    int error = 0;
    if (!changes)
        error = no_memory(ret_problem);
    for (unsigned i = 0; !error && i < reload->worker_count; i++) {
        struct worker_next next = *all;
        next.listeners += (size_t)i * next.listener_count;
        next.cache_bytes = sizing_share(cache_bytes, i, reload->worker_count);
        error = worker_prepare(reload->workers[i], &next, &changes[i], ret_problem);
    }
    if (!error)
        return changes;
    destroy_changes(changes, reload->worker_count);
    return NULL;
}

/* Gives CHANGES, *taken*, to the workers, and GENERATION, *taken*, the place of the present one. */
static void change_over(struct reload *reload, struct generation *generation,
                        struct worker_change **changes)
{
    struct generation *former = *reload->generation;
    reload->same_file = generation->settings->config_digest == former->settings->config_digest;
    https_follow(generation->https, former->https);
    log_set_level(generation->settings->process.log_level);
    reload_limits_follow(&reload->limits, generation->settings, reload->listening->socket_count);
    service_follow(reload->service, &generation->settings->process);
    *reload->generation = generation;
    reload->waiting = reload->worker_count;
    for (unsigned i = 0; i < reload->worker_count; i++)
        worker_change(reload->workers[i], changes[i]);
    free(changes);
    generation_unref(former); /* the workers have references of their own */
}

/* --- Listeners ---------------------------------------------------------------------------------- */

/* What runs, with the origins that connections have. */
static struct relisten_now running(const struct reload *reload)
{
    struct relisten_now now = {
        .listening = reload->listening,
        .sockets = reload->sockets,
        .worker_count = reload->worker_count,
    };
    for (unsigned i = 0; i < reload->worker_count; i++)
        now.origins |= worker_origins(reload->workers[i]);
    return now;
}

/* Opens the new listeners of GENERATION. 0 or a negative errno. */
static int open_listeners(const struct reload *reload, const struct generation *generation,
                          struct relisten **ret, struct problem *ret_problem)
{
    const struct relisten_now now = running(reload);
    const int error = relisten_prepare(ret, &now, generation->settings, ret_problem);
    for (unsigned i = 0; error == -ENOSPC && i < reload->worker_count; i++)
        worker_survey(reload->workers[i]); /* for the next reload */
    return error;
}

/* Opens the admin listener of GENERATION, if it is another one than before. RELISTEN has the
 * others. */
static int open_admin(const struct reload *reload, const struct generation *generation,
                      const struct relisten *relisten, struct watching_next *ret,
                      struct problem *ret_problem)
{
    return watching_prepare(reload->watching, generation->settings, relisten_listening(relisten),
                            ret, ret_problem);
}

/* What the TLS of all workers shares once GENERATION has taken the place of the present one. */
static struct tls_shared *shared_tls(const struct reload *reload,
                                     const struct generation *generation)
{
    struct tls_shared *present = https_shared((*reload->generation)->https);
    return present ? present : https_shared(generation->https);
}

/* Changes over to GENERATION and to the listeners of RELISTEN, both *taken*. 0, or a negative errno
 * with *RET_PROBLEM and nothing taken. */
static int take_over(struct reload *reload, struct generation *generation,
                     struct relisten *relisten, struct problem *ret_problem)
{
    const struct relisten_now now = running(reload);
    const struct listening *listening = relisten_listening(relisten);
    const struct worker_next next = {
        .generation = generation,
        .logs = *reload->logs.access,
        .tls = shared_tls(reload, generation),
        .origins = reload->listening->origins.items,
        .listeners = relisten_sockets(relisten),
        .listener_origins = listening->socket_origins,
        .listener_shared = listening->socket_shared,
        .listener_count = listening->socket_count,
        .addresses = *reload->limits.addresses,
    };
    struct worker_change **changes = prepare_changes(reload, &next, ret_problem);
    if (!changes)
        return -EAGAIN;
    relisten_commit(relisten, &now);
    change_over(reload, generation, changes);
    return 0;
}

/* --- Reports ------------------------------------------------------------------------------------ */

/* Names each option of SCOPE whose values differ between BEFORE and NOW, though it can't change. */
static void report_fixed(enum option_scope scope, const void *before, const void *now)
{
    size_t count;
    const struct option_spec *table = options_table(&count);
    for (size_t i = 0; i < count; i++) {
        const struct option_spec *option = &table[i];
        if (option->scope == scope && !option->reloads && !option_equal(option, before, now))
            log_write(LOG_LEVEL_WARNING, "%s takes effect after an upgrade (SIGUSR2) or a restart",
                      option->name);
    }
}

/* Shows what the user should know of the settings NOW. */
static void report_notices(const struct settings *now)
{
    for (unsigned i = 0; i < now->notices.count; i++)
        log_write(LOG_LEVEL_WARNING, "%s", now->notices.items[i]);
}

static void report_refused(const struct problem *problem)
{
    char text[PROBLEM_TEXT_BYTES];
    problem_text(problem, text);
    log_write(LOG_LEVEL_ERROR, "not reloaded, and nothing has changed: %s", text);
}

static void report_done(const struct reload *reload)
{
    const struct generation *generation = *reload->generation;
    const struct settings *settings = generation->settings, *started = reload->started;
    const struct generation_counts *counts = &generation->counts;
    char text[128] = "";
    const struct {
        unsigned count;
        const char *word;
    } parts[] = {
        {counts->added, "new"}, {counts->changed, "changed"}, {counts->removed, "removed"}};
    size_t length = 0;
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (parts[i].count > 0)
            length += (size_t)snprintf(text + length, sizeof text - length, ", %u %s",
                                       parts[i].count, parts[i].word);
    }
    log_say("reloaded %s: %u site%s%s%s", settings->config_path, settings->site_count,
            settings->site_count == 1 ? "" : "s", text,
            reload->same_file ? "; the file is the same as before" : "");
    report_fixed(OPTION_SCOPE_PROCESS, &started->process, &settings->process);
    reload_limits_report(&reload->limits, &settings->process);
    report_notices(settings);
}

bool reload_begin(struct reload *reload)
{
    struct generation *generation = NULL;
    struct relisten *relisten = NULL;
    struct watching_next admin = {.changes = false};
    struct problem problem;
    assert(reload->waiting == 0);
    int error = make_generation(reload, &generation, &problem);
    if (!error)
        error = logs_open(&reload->logs, generation->settings, &problem);
    if (!error)
        error = service_prepare(reload->service, &generation->settings->process, &problem);
    if (!error)
        error = reload_limits_prepare(&reload->limits, &generation->settings->process, &problem);
    if (!error)
        error = open_listeners(reload, generation, &relisten, &problem);
    if (!error)
        error = open_admin(reload, generation, relisten, &admin, &problem);
    if (!error)
        error = take_over(reload, generation, relisten, &problem);
    if (!error) {
        watching_change(reload->watching, &admin);
        watching_follow(reload->watching, *reload->generation);
        return true;
    }
    const struct relisten_now now = running(reload);
    relisten_drop(relisten, &now);
    watching_drop(&admin);
    service_stay(reload->service);
    report_refused(&problem);
    generation_unref(generation);
    logs_keep(&reload->logs, (*reload->generation)->settings);
    return false;
}

void reload_count(struct reload *reload, unsigned count)
{
    if (count == 0 || reload->waiting == 0)
        return;
    reload->waiting -= count < reload->waiting ? count : reload->waiting;
    if (reload->waiting > 0)
        return;
    logs_keep(&reload->logs, (*reload->generation)->settings);
    report_done(reload);
}
