/* config_site: see config_site.h. openat2(2). */
#include "config/config_site.h"

#include "base/str.h"
#include "observe/log.h"
#include "site/site.h"
#include "system/root.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ROOT as an absolute path, symlinks unresolved; NULL after a message. */
static char *absolute(const char *root)
{
    char cwd[PATH_MAX] = "", *path = NULL;
    struct str rest = str_of(root);

    if (root[0] != '/' && !getcwd(cwd, sizeof(cwd))) {
        log_say("cannot tell the current directory: %s; give an absolute ROOT", strerror(errno));
        return NULL;
    }
    while (str_starts_with(rest, STR("./")))
        rest = str_from(rest, 2);
    if (str_equal(rest, STR(".")))
        rest = STR("");
    while (rest.length > 0 && rest.at[rest.length - 1] == '/')
        rest.length--;
    bool slash = (root[0] != '/' && rest.length > 0 && strcmp(cwd, "/") != 0) ||
                 (cwd[0] == '\0' && rest.length == 0);
    if (asprintf(&path, "%s%s%.*s", cwd, slash ? "/" : "", (int)rest.length, rest.at) >= 0)
        return path;
    log_say("out of memory; free some");
    return NULL;
}

/* Whether the pages that the options name can be served: the fallback is a file below DIRECTORY. */
static bool has_pages(const struct options *options, int directory)
{
    const char *fallback = options->fallback;
    struct stat status;

    if (strcasecmp(options->index, SITE_RULES_NAME) == 0 ||
        (fallback && strcasecmp(fallback, SITE_RULES_NAME) == 0)) {
        log_say("'%s' is never served; name another file for --index and --spa", SITE_RULES_NAME);
        return false;
    }

    if (!fallback)
        return true;
    int error = root_stat_below(directory, fallback, 0, IO_WAITING, &status);
    if (error == 0 && S_ISREG(status.st_mode))
        return true;
    log_say("--spa '%s' is no file in ROOT (%s); name one, like index.html", fallback,
            error ? strerror(-error) : "it is something else");
    return false;
}

/* Finds ROOT. False after a message. */
static bool find_root(struct config_site *served, const struct options *options)
{
    const char *root = options->root;

    served->root = absolute(root);
    if (!served->root)
        return false;
    struct stat status;
    int directory = root_open(served->root);
    int error = directory < 0 ? directory : root_stat_below(directory, ".", 0, IO_WAITING, &status);
    bool complete = error == 0 && has_pages(options, directory);
    if (directory >= 0)
        close(directory);
    if (error == 0)
        return complete;
    if (error == -ENOENT)
        log_say("ROOT '%s' does not exist; name the directory to serve", root);
    else if (error == -ENOTDIR)
        log_say("ROOT '%s' is not a directory; name the directory to serve", root);
    else if (error == -EACCES)
        log_say("no permission to enter ROOT '%s'; allow it (chmod +rx), there and above", root);
    else if (error == -ENOSYS)
        log_say("Linux 5.6 or newer is needed (openat2); update the kernel");
    else if (error == -EPERM && directory >= 0)
        log_say("openat2 is forbidden here; allow this system call in the sandbox");
    else
        log_say("cannot open ROOT '%s': %s; name another directory", root, strerror(-error));
    return false;
}

/* The media types, with those of --mime-types. False after a message. */
static bool load_types(struct config_site *served, const struct options *options)
{
    const char *path = options->mime_types_path;
    struct problem problem;

    served->mime = mime_create();
    if (!served->mime) {
        log_say("out of memory; free some");
        return false;
    }
    if (!path)
        return true;
    FILE *file = fopen(path, "re");
    if (!file) {
        log_say("cannot read --mime-types '%s': %s; name a readable file", path, strerror(errno));
        return false;
    }
    int error = mime_read(served->mime, file, path, &problem);
    fclose(file);
    if (error)
        log_problem(&problem);
    return error == 0;
}

/* The rules of --header, which options has judged. False after a message. */
static bool make_rules(struct config_site *served, const struct options *options)
{
    const char *reason;
    int error = 0;

    if (options->header_count == 0)
        return true;
    served->rules = rules_create();
    for (unsigned i = 0; served->rules && !error && i < options->header_count; i++)
        error = rules_add(served->rules, str_of(options->headers[i]), &reason);
    if (served->rules && !error)
        return true;
    log_say("out of memory; free some");
    return false;
}

bool config_site_open(struct config_site *ret, const struct options *options)
{
    *ret = (struct config_site){.root = NULL};
    return find_root(ret, options) && load_types(ret, options) && make_rules(ret, options);
}

void config_site_fini(struct config_site *served)
{
    if (served->mime)
        mime_destroy(served->mime);
    rules_destroy(served->rules);
    free(served->root);
}
