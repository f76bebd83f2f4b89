/* identity: see identity.h. */
#include "server/identity.h"

#include "observe/error_log.h"
#include "observe/log.h"
#include "system/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Whether files below each ROOT can be reached. */
static int try_roots(const struct settings *settings, const char *user, struct problem *ret_problem)
{
    for (unsigned i = 0; i < settings->site_count; i++) {
        const char *root = settings->sites[i]->root;
        if (faccessat(AT_FDCWD, root, X_OK, AT_EACCESS) == 0)
            continue;
        const int error = -errno;
        problem_set(ret_problem, "user '%s' may not open ROOT '%s': %s", user, root,
                    strerror(-error));
        problem_remedy(ret_problem, "give the user the right to it");
        return error;
    }
    return 0;
}

/* Whether PATH, which may be NULL, can be read again. */
static void try_file(const char *path, const char *user)
{
    if (path && faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) < 0)
        log_write(LOG_LEVEL_WARNING,
                  "user '%s' may not read '%s': changes of it will have no effect; give the user "
                  "the right to it",
                  user, path);
}

int identity_assume(const struct settings *settings, const struct https *https,
                    const struct access_logs *logs, struct problem *ret_problem)
{
    const char *text = settings->process.user.at;
    struct privileges_user user;
    if (!text)
        return 0;
    int error = privileges_parse(str_of(text), &user);
    const bool changes = !error && geteuid() != user.user;
    if (changes) {
        access_logs_give(logs, user.user, user.group);
        error_log_give(user.user, user.group);
    }
    if (!error)
        error = privileges_drop(&user);
    if (error) {
        problem_set(ret_problem, "cannot become user '%s': %s", text, strerror(-error));
        problem_remedy(ret_problem, "start as root, or without --user");
        return error;
    }
    if (!changes)
        return 0; /* everything has been opened as this user */
    error = try_roots(settings, text, ret_problem);
    if (error)
        return error;
    access_logs_check(logs);
    error_log_check();
    try_file(settings->config_path, text);
    https_try(https, text);
    for (unsigned i = 0; i < settings->site_count; i++)
        try_file(settings->sites[i]->mime_types_path.at, text);
    return 0;
}
