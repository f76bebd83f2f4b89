/* check: see check.h. It makes a generation as the start does, so it finds the same mistakes, and
 * then examines what a server reads or opens later: header rules and logs. */
#include "server/check.h"

#include "config/profile.h"
#include "http/rules.h"
#include "observe/log.h"
#include "observe/log_file.h"
#include "server/generation.h"
#include "server/server.h"
#include "site/load.h"
#include "system/root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- Header rules: mistakes are errors here; a server skips such lines ------------------------- */

struct rules_check {
    struct problem_list *problems;
    char path[PATH_MAX + sizeof SITE_RULES_NAME + 1]; /* of the file */
};

/* Keeps a mistake in a line of the file that CONTEXT checks. */
static void keep_rule(void *context, const struct problem *problem)
{
    const struct rules_check *check = context;
    struct problem located = *problem;
    problem_in_file(&located, check->path, problem->line, 0);
    problem_list_keep(check->problems, -EINVAL, &located);
}

static void keep_file(struct rules_check *check, const char *what, const char *remedy)
{
    struct problem problem;
    problem_set(&problem, "%s", what);
    problem_remedy(&problem, "%s", remedy);
    keep_rule(check, &problem);
}

/* Reads FD into BYTES, at most ROOM of them. Returns their number, or a negative errno. */
static ssize_t read_all(int fd, char *bytes, size_t room)
{
    size_t length = 0;
    while (length < room) {
        const ssize_t count = read(fd, bytes + length, room - length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -errno;
        if (count == 0)
            break;
        length += (size_t)count;
    }
    return (ssize_t)length;
}

/* Reads the file of rules below DIRECTORY with the parser of the server. 0 or -ENOMEM. */
static int check_rules_file(struct rules_check *check, int directory, const char *name)
{
    static_assert(LOAD_READ_BYTES_MAX == 32 << 10, "the remedy below names the bound");
    struct stat status;
    int error = root_stat_below(directory, name, 0, IO_WAITING, &status);
    if (error == -ENOENT)
        return 0;
    int fd = -1;
    if (!error && S_ISREG(status.st_mode))
        fd = root_open_below(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK, IO_WAITING);
    char *bytes = malloc(LOAD_READ_BYTES_MAX + 1);
    struct rules *rules = rules_create();
    const ssize_t length = fd >= 0 && bytes ? read_all(fd, bytes, LOAD_READ_BYTES_MAX + 1) : -1;
    error = bytes && rules ? 0 : -ENOMEM;
    if (!error && length < 0)
        keep_file(check, "the file cannot be read", "make it a readable file");
    else if (!error && length > LOAD_READ_BYTES_MAX)
        keep_file(check, "the file is too large, so no rule counts", "keep it below 32 KiB");
    else if (!error)
        error = rules_read(rules, (struct str){bytes, (size_t)length}, keep_rule, check);
    rules_destroy(rules);
    free(bytes);
    if (fd >= 0)
        close(fd);
    return error;
}

/* Checks the header rules of SITE, if its root can be opened. 0 or -ENOMEM. */
static int check_rules(const struct settings *settings, const struct site_settings *site)
{
    struct rules_check check = {.problems = settings->problems};
    const int directory = site->root && site->rules_name.at ? root_open(site->root) : -ENOENT;
    if (directory < 0)
        return 0;
    snprintf(check.path, sizeof check.path, "%s/%s", site->root, site->rules_name.at);
    const int error = check_rules_file(&check, directory, site->rules_name.at);
    close(directory);
    return error;
}

/* --- Logs: none is created ---------------------------------------------------------------------- */

/* Checks the log NAME, the value of OPTION in SCOPE. */
static void check_log(const struct settings *settings, const void *scope, const char *option,
                      const char *name)
{
    struct log_file file;
    struct problem problem;
    if (!name)
        return;
    log_file_init(&file, name, "");
    const int error = log_file_check(&file);
    if (!error)
        return;
    problem_set(&problem, "'%s' cannot be opened: %s", name, strerror(-error));
    problem_remedy(&problem, "name a file that can be written, in a directory that exists");
    problem_of_option(&problem, option);
    settings_locate(settings, scope, &problem);
    problem_list_keep(settings->problems, error, &problem);
}

/* ---------------------------------------------------------------------------------------------- */

/* Finds all mistakes. 0 or a negative errno, with *RET_PROBLEM set if their list is empty. */
static int examine(struct settings *settings, struct problem *ret_problem)
{
    struct generation *generation;
    int error = generation_create(&generation, settings, ret_problem);
    if (!error)
        generation_unref(generation);
    if (error == -ENOMEM)
        return error;
    check_log(settings, &settings->process, "error-log", settings->process.error_log.at);
    for (unsigned i = 0; i < settings->site_count; i++) {
        const struct site_settings *site = settings->sites[i];
        check_log(settings, site, "access-log", site->access_log.at);
        if (check_rules(settings, site) == 0)
            continue;
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    return problem_list_has_any(settings->problems) ? -EINVAL : error;
}

int check_run(const struct subcommand_call *call)
{
    const unsigned count = call->settings->site_count;
    const struct problem_list *problems = call->settings->problems;
    struct problem problem;
    const int error = examine(call->settings, &problem);
    for (unsigned i = 0; i < problems->count; i++)
        log_problem(&problems->items[i]);
    if (problems->has_more)
        log_write(LOG_LEVEL_ERROR, "and more mistakes: these are the first %u", problems->count);
    if (error == -ENOMEM || (error && problems->count == 0))
        log_problem(&problem);
    if (error)
        return SERVER_STATUS_FAILED;
    printf("%s: no mistakes found; %u site%s\n", call->profile->name, count, count == 1 ? "" : "s");
    return fflush(stdout) == 0 ? SERVER_STATUS_DONE : SERVER_STATUS_FAILED;
}
