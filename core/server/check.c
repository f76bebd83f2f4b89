/* check: see check.h. It makes a generation as the start does, so it finds the same mistakes, and
 * then examines what a server reads or opens later: header rules and logs. */
#include "server/check.h"

#include "config/listen.h"
#include "config/profile.h"
#include "http/rules.h"
#include "observe/log.h"
#include "observe/log_file.h"
#include "server/generation.h"
#include "server/identity.h"
#include "server/server.h"
#include "server/signals.h"
#include "site/load.h"
#include "system/root.h"
#include "system/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const struct subcommand_option check_options[CHECK_OPTIONS] = {
    {.name = "strict",
     .help = "Let the exit status be 1 for warnings, too: for tests of a site before it is "
             "deployed."},
};

/* --- Header rules: a server skips what is wrong, so mistakes are warnings ---------------------- */

struct rules_check {
    struct problem_list *warnings;
    char path[PATH_MAX + sizeof SITE_RULES_NAME + 1]; /* of the file */
};

/* Keeps a mistake in a line of the file that CONTEXT checks. */
static void keep_rule(void *context, const struct problem *problem)
{
    const struct rules_check *check = context;
    struct problem located = *problem;
    problem_in_file(&located, check->path, problem->line, 0);
    problem_list_keep(check->warnings, -EINVAL, &located);
}

static void keep_file(struct rules_check *check, const char *what, const char *remedy)
{
    struct problem problem;
    problem_set(&problem, "%s", what);
    problem_remedy(&problem, "%s", remedy);
    keep_rule(check, &problem);
}

/* Reads the file of rules FD with the parser of the server. 0 or -ENOMEM. */
static int read_rules(struct rules_check *check, int fd)
{
    static_assert(LOAD_READ_BYTES_MAX == 32 << 10, "the remedy below names the bound");
    char *bytes = NULL;
    const ssize_t length = whole_file_read_from(fd, LOAD_READ_BYTES_MAX, &bytes);
    if (length == -ENOMEM)
        return -ENOMEM;
    if (length == -EFBIG)
        keep_file(check, "the file is too large, so no rule counts", "keep it below 32 KiB");
    else if (length < 0)
        keep_file(check, "the file cannot be read", "make it a readable file");
    struct rules *rules = rules_create();
    int error = rules ? 0 : -ENOMEM;
    if (!error && length > 0)
        error = rules_read(rules, (struct str){bytes, (size_t)length}, keep_rule, check);
    rules_destroy(rules);
    free(bytes);
    return error;
}

/* Checks the file of rules NAME below DIRECTORY. 0 or -ENOMEM. */
static int check_rules_file(struct rules_check *check, int directory, const char *name)
{
    struct stat status;
    int error = root_stat_below(directory, name, 0, IO_WAITING, &status);
    if (error == -ENOENT)
        return 0;
    int fd = -1;
    if (!error && S_ISREG(status.st_mode))
        fd = root_open_below(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK, IO_WAITING);
    if (fd < 0) {
        keep_file(check, "the file cannot be read", "make it a readable file");
        return 0;
    }
    error = read_rules(check, fd);
    close(fd);
    return error;
}

/* Checks the header rules of SITE, if its root can be opened. 0 or -ENOMEM. */
static int check_rules(struct problem_list *warnings, const struct site_settings *site)
{
    struct rules_check check = {.warnings = warnings};
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

/* --- Places for files that the server makes: their directories may come with the service -------- */

/* Whether something else than a file of TYPE, one of S_IFMT, is at PATH. */
static bool is_taken(const char *path, mode_t type)
{
    struct statx found;
    return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &found) == 0 &&
           (found.stx_mode & S_IFMT) != type;
}

/* Checks the path of the Unix socket that TEXT, the value of a listener, may name. False: another
 * file is there, and *RET_PROBLEM is set. */
static bool check_socket(const char *text, struct problem *ret_problem)
{
    struct listen listen;
    struct problem unused;
    if (listen_parse(str_of(text), &listen, &unused) < 0 || !listen.unix_socket.path[0] ||
        listen.unix_socket.path[0] == '@' || !is_taken(listen.unix_socket.path, S_IFSOCK))
        return true;
    problem_set(ret_problem, "'%s' is a file that is not a socket", listen.unix_socket.path);
    problem_remedy(ret_problem, "name another path, or remove the file");
    return false;
}

/* Checks that the server may put its files where it will. */
static void check_places(const struct settings *settings)
{
    const struct process_settings *process = &settings->process;
    const struct arena_list *listens = &settings->listeners[0]->listens;
    struct problem problem;
    if (process->pid_file.at && is_taken(process->pid_file.at, S_IFREG)) {
        problem_set(&problem, "'%s' is not a regular file", process->pid_file.at);
        problem_remedy(&problem, "name another one");
        problem_of_option(&problem, "pid-file");
        settings_locate(settings, process, &problem);
        problem_list_keep(settings->problems, -EEXIST, &problem);
    }
    if (process->admin.at && !check_socket(process->admin.at, &problem)) {
        problem_of_option(&problem, "admin");
        settings_locate(settings, process, &problem);
        problem_list_keep(settings->problems, -EEXIST, &problem);
    }
    for (unsigned i = 0; i < listens->count; i++) {
        if (check_socket(listens->items[i], &problem))
            continue;
        settings_locate_listen(settings, i, &problem);
        problem_list_keep(settings->problems, -EEXIST, &problem);
    }
}

/* --- The user ----------------------------------------------------------------------------------- */

/* As root, becomes the user of the server for good, and tries what that opens again, as the start
 * does. 0, or a negative errno with *RET_PROBLEM set. */
static int try_user(const struct generation *generation, struct problem *ret_problem)
{
    const struct settings *settings = generation->settings;
    if (!settings->process.user.at || geteuid() != 0)
        return 0;
    return identity_assume(settings, generation->https, NULL, ret_problem);
}

/* Says whose rights the files were tried with, if the server may have others. */
static void show_user(const struct subcommand_call *call, bool was_root)
{
    const char *user = call->settings->process.user.at;
    if (was_root && !user)
        printf("files were tried with the rights of root; a server that runs as another user needs "
               "its own: runuser -u USER -- %s check\n",
               call->profile->name);
    else if (!was_root && user)
        printf("files were tried with the rights of user %u; as root, check also tries those of "
               "'%s'\n",
               (unsigned)geteuid(), user);
}

/* ---------------------------------------------------------------------------------------------- */

/* Finds the mistakes that a generation of SETTINGS can be made with, and what a server would warn
 * of in rules. 0 or a negative errno, with *RET_PROBLEM set if the list of mistakes is empty. */
static int check_files(const struct settings *settings, struct problem_list *warnings,
                       struct problem *ret_problem)
{
    check_places(settings);
    check_log(settings, &settings->process, "error-log", settings->process.error_log.at);
    for (unsigned i = 0; i < settings->site_count; i++) {
        const struct site_settings *site = settings->sites[i];
        check_log(settings, site, "access-log", site->access_log.at);
        if (check_rules(warnings, site) == 0)
            continue;
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    return problem_list_has_any(settings->problems) ? -EINVAL : 0;
}

/* Finds all mistakes, and what a server would warn of. Returns as check_files does. */
static int examine(struct settings *settings, struct problem_list *warnings,
                   struct problem *ret_problem)
{
    struct generation *generation = NULL;
    const int error = generation_create(&generation, settings, NULL, ret_problem);
    if (error == -ENOMEM)
        return error;
    int found = check_files(settings, warnings, ret_problem);
    if (!found)
        found = error ? error : try_user(generation, ret_problem);
    if (!error)
        generation_unref(generation);
    return found;
}

/* Reports the mistakes in LIST by REPORT, and that there are more. */
static void report_all(const struct problem_list *list, enum log_level level,
                       void (*report)(const struct problem *problem))
{
    for (unsigned i = 0; i < list->count; i++)
        report(&list->items[i]);
    if (list->has_more)
        log_write(level, "and more mistakes: these are the first %u", list->count);
}

/* Says that no mistake was found. Returns the exit status. */
static int approve(const struct subcommand_call *call, bool was_root)
{
    const unsigned sites = call->settings->site_count, warnings = log_count(LOG_LEVEL_WARNING);
    if (warnings > 0 && subcommand_value(call, "strict", 0)) {
        log_write(LOG_LEVEL_ERROR, "--strict does not accept warnings; there %s %u",
                  warnings == 1 ? "is" : "are", warnings);
        return SERVER_STATUS_FAILED;
    }
    printf("%s: no mistakes found; %u site%s", call->profile->name, sites, sites == 1 ? "" : "s");
    if (warnings > 0)
        printf("; %u warning%s", warnings, warnings == 1 ? "" : "s");
    putchar('\n');
    show_user(call, was_root);
    return fflush(stdout) == 0 ? SERVER_STATUS_DONE : SERVER_STATUS_FAILED;
}

int check_run(const struct subcommand_call *call)
{
    const struct problem_list *problems = call->settings->problems;
    struct problem_list *warnings = arena_alloc(&call->settings->arena, sizeof *warnings);
    const bool was_root = geteuid() == 0;
    struct problem problem;
    int error = -ENOMEM;
    signals_release(); /* a disk may be slow */
    if (warnings)
        error = examine(call->settings, warnings, &problem);
    else
        problem_set_no_memory(&problem);
    report_all(problems, LOG_LEVEL_ERROR, log_problem);
    if (warnings)
        report_all(warnings, LOG_LEVEL_WARNING, log_warning);
    if (error == -ENOMEM || (error && problems->count == 0))
        log_problem(&problem);
    return error ? SERVER_STATUS_FAILED : approve(call, was_root);
}
