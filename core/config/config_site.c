/* config_site: see config_site.h. openat2(2). */
#include "config/config_site.h"

#include "http/default_fields.h"
#include "http/pattern.h"
#include "system/root.h"
#include "system/whole_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TYPES_BYTES_MAX = 4 << 20 }; /* of a file of media types */

/* --- Root --------------------------------------------------------------------------------------- */

/* Sets SITE's root to its text as an absolute path, symbolic links unresolved. */
static int make_absolute(struct site_settings *site, struct arena *arena,
                         struct problem *ret_problem)
{
    char cwd[PATH_MAX] = "", path[2 * PATH_MAX];
    struct str rest = site->root_text;
    const bool relative = !str_starts_with(rest, STR("/"));
    if (relative && !getcwd(cwd, sizeof cwd)) {
        int error = -errno;
        problem_set(ret_problem, "cannot find the current directory: %s", strerror(-error));
        problem_remedy(ret_problem, "give an absolute ROOT");
        return error;
    }
    while (str_starts_with(rest, STR("./")))
        rest = str_from(rest, 2);
    if (str_equal(rest, STR(".")))
        rest = STR("");
    while (rest.length > 0 && rest.at[rest.length - 1] == '/')
        rest.length--;
    const bool slash = relative ? rest.length > 0 && strcmp(cwd, "/") != 0 : rest.length == 0;
    int length =
        snprintf(path, sizeof path, "%s%s%.*s", cwd, slash ? "/" : "", (int)rest.length, rest.at);
    if (length < 0 || (size_t)length >= sizeof path) {
        problem_set(ret_problem, "ROOT '%s' is too long", site->root_text.at);
        problem_remedy(ret_problem, "name a directory with a shorter path");
        return -ENAMETOOLONG;
    }
    site->root = arena_copy(arena, (struct str){path, (size_t)length}).at;
    if (site->root)
        return 0;
    problem_set_no_memory(ret_problem);
    return -ENOMEM;
}

/* Describes ERROR, negative, of opening ROOT; OPENED: only openat2 in it failed. */
static void explain_root(const char *root, int error, bool opened, struct problem *ret_problem)
{
    static const char name_it[] = "name the directory to serve";
    if (error == -ENOENT) {
        problem_set(ret_problem, "ROOT '%s' does not exist", root);
        problem_remedy(ret_problem, name_it);
    } else if (error == -ENOTDIR) {
        problem_set(ret_problem, "ROOT '%s' is not a directory", root);
        problem_remedy(ret_problem, name_it);
    } else if (error == -EACCES) {
        problem_set(ret_problem, "no permission to enter ROOT '%s'", root);
        problem_remedy(ret_problem, "allow it (chmod +rx) there and in the directories above");
    } else if (error == -ENOSYS) {
        problem_set(ret_problem, "openat2 is not available");
        problem_remedy(ret_problem, "use Linux 5.6 or newer, or allow this system call in the "
                                    "sandbox (systemd: without RestrictSUIDSGID)");
    } else if (error == -EPERM && opened) {
        problem_set(ret_problem, "openat2 is forbidden here");
        problem_remedy(ret_problem, "allow this system call in the sandbox");
    } else {
        problem_set(ret_problem, "cannot open ROOT '%s': %s", root, strerror(-error));
        problem_remedy(ret_problem, "name another directory");
    }
}

/* --- Pages -------------------------------------------------------------------------------------- */

/* Returns -EINVAL: NAME, the value of OPTION, is never served. */
static int refuse_private(struct str name, const char *option, struct problem *ret_problem)
{
    problem_set(ret_problem, "'%s' is never served", name.at);
    problem_remedy(ret_problem, "name another file");
    problem_of_option(ret_problem, option);
    return -EINVAL;
}

/* Whether each segment of PATH is a name: not "", "." or "..". */
static bool has_names_only(const char *path)
{
    struct str rest = str_of(path);
    do {
        const size_t end = str_find(rest, '/');
        const struct str segment = str_first(rest, end);
        if (segment.length == 0 || str_equal(segment, STR(".")) || str_equal(segment, STR("..")))
            return false;
        rest = end < rest.length ? str_from(rest, end + 1) : STR_ABSENT;
    } while (rest.at);
    return true;
}

/* The names of a directory's own page can be served. */
static int check_indexes(struct site_settings *site, struct settings *settings,
                         struct problem *ret_problem)
{
    (void)settings;
    for (unsigned i = 0; i < site->indexes.count; i++) {
        struct str name = str_of(site->indexes.items[i]);
        if (site_settings_is_private(site, name))
            return refuse_private(name, "index", ret_problem);
    }
    return 0;
}

/* The fallback is a file below the root. If that cannot be opened, that is the mistake. */
static int check_fallback(struct site_settings *site, struct settings *settings,
                          struct problem *ret_problem)
{
    struct stat status;
    (void)settings;
    if (site_settings_is_private(site, site->fallback))
        return refuse_private(site->fallback, "spa", ret_problem);
    if (!site->fallback.at || !site->root)
        return 0;
    const int directory = root_open(site->root);
    if (directory < 0)
        return 0;
    int error = root_stat_below(directory, site->fallback.at, 0, IO_WAITING, &status);
    close(directory);
    const bool plain = has_names_only(site->fallback.at); /* else it might be private after all */
    if (!error && S_ISREG(status.st_mode) && plain)
        return 0;
    const char *why = plain ? "it is not a regular file" : "it has an empty segment, . or ..";
    problem_set(ret_problem, "'%s' is not a file in ROOT (%s)", site->fallback.at,
                error ? strerror(-error) : why);
    problem_remedy(ret_problem, "name one, like index.html");
    problem_of_option(ret_problem, "spa");
    return error ? error : -EINVAL;
}

/* A site without a root is a mistake that was reported before. */
static int prepare_root(struct site_settings *site, struct settings *settings,
                        struct problem *ret_problem)
{
    int error = site->root_text.at ? make_absolute(site, &settings->arena, ret_problem) : 0;
    if (error || !site->root_text.at)
        return error;
    struct stat status;
    int directory = root_open(site->root);
    error = directory < 0 ? directory : root_stat_below(directory, ".", 0, IO_WAITING, &status);
    if (error)
        explain_root(site->root_text.at, error, directory >= 0, ret_problem);
    if (directory >= 0)
        close(directory);
    return error;
}

/* --- Media types and rules ---------------------------------------------------------------------- */

/* Describes ERROR of reading the file of media types PATH. Returns it. */
static int explain_types(int error, const char *path, struct problem *ret_problem)
{
    if (error == -ENOMEM) {
        problem_set_no_memory(ret_problem);
        return error;
    }
    problem_set(ret_problem, "'%s' cannot be read: %s", path, whole_file_reason(error));
    problem_remedy(ret_problem,
                   error == -EFBIG ? "keep it below 4 MiB" : "name a readable file of media types");
    problem_of_option(ret_problem, "mime-types");
    return error;
}

/* Reads the file of media types of SITE into *RET, which is *given*. */
static int read_types(const struct site_settings *site, struct mime **ret,
                      struct problem *ret_problem)
{
    const char *path = site->mime_types_path.at;
    char *bytes = NULL;
    const ssize_t length = whole_file_read(path, TYPES_BYTES_MAX, &bytes);
    if (length < 0)
        return explain_types((int)length, path, ret_problem);
    struct mime *mime = mime_create();
    int error = mime ? mime_read(mime, (struct str){bytes, (size_t)length}, path, ret_problem)
                     : explain_types(-ENOMEM, path, ret_problem);
    free(bytes);
    if (error)
        mime_destroy(mime);
    else
        *ret = mime;
    return error;
}

static int load_types(struct site_settings *site, struct settings *settings,
                      struct problem *ret_problem)
{
    struct mime *mime = settings->built_in_types;
    int error = site->mime_types_path.at ? read_types(site, &mime, ret_problem) : 0;
    if (!error)
        site->mime = mime;
    return error;
}

int config_site_reread_types(struct site_settings *site, struct problem *ret_problem)
{
    struct mime *former = site->mime, *mime;
    struct stat status;
    if (!site->mime_types_path.at)
        return 0;
    if (stat(site->mime_types_path.at, &status) == 0 && !S_ISREG(status.st_mode))
        return 0; /* what a pipe had was read at the start */
    int error = read_types(site, &mime, ret_problem);
    if (error)
        return error;
    if (mime_equal(mime, former)) {
        mime_destroy(mime);
        return 0;
    }
    mime_keep(mime, former);
    site->mime = mime;
    return 0;
}

/* Makes the rules of --header. Each was checked when it was set, so only memory can be missing. */
static int make_rules(struct site_settings *site, struct settings *settings,
                      struct problem *ret_problem)
{
    int error = 0;
    (void)settings;
    if (site->headers.count == 0)
        return 0;
    site->rules = rules_create();
    if (!site->rules) {
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    for (unsigned i = 0; !error && i < site->headers.count; i++)
        error = rules_add(site->rules, str_of(site->headers.items[i]), ret_problem);
    return error;
}

/* Makes the redirects, as make_rules. */
static int make_redirects(struct site_settings *site, struct settings *settings,
                          struct problem *ret_problem)
{
    int error = 0;
    if (site->redirect_rules.count == 0)
        return 0;
    site->redirects = redirects_create(&settings->arena);
    if (!site->redirects) {
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    for (unsigned i = 0; !error && i < site->redirect_rules.count; i++)
        error = redirects_add(site->redirects, str_of(site->redirect_rules.items[i]), ret_problem);
    return error;
}

/* Makes what --immutable says, as make_rules. The last of "auto" and "none" counts. */
static int make_immutable(struct site_settings *site, struct settings *settings,
                          struct problem *ret_problem)
{
    static const struct field field = {STR_INIT("Cache-Control"),
                                       STR_INIT(DEFAULT_FIELDS_IMMUTABLE)};
    struct problem unused; /* each was checked when it was set, so only memory can be missing */
    int error = 0;
    (void)settings;
    for (unsigned i = 0; !error && i < site->immutable.count; i++) {
        struct str text = str_of(site->immutable.items[i]);
        if (text.at[0] != '/') {
            site->names_ignored = str_equal(text, STR("none"));
            continue;
        }
        if (!site->immutable_rules)
            site->immutable_rules = rules_create();
        error = site->immutable_rules
                    ? rules_add_field(site->immutable_rules, text, &field, &unused)
                    : -ENOMEM;
    }
    if (error)
        problem_set_no_memory(ret_problem);
    return error;
}

/* Prepares the patterns of --log-exclude, each of which was checked when it was set. */
static int make_excluded(struct site_settings *site, struct settings *settings,
                         struct problem *ret_problem)
{
    struct arena *arena = &settings->arena;
    struct problem unused;
    const struct arena_list *list = &site->log_exclude;
    site->log_excluded = arena_alloc(arena, list->count * sizeof *site->log_excluded);
    for (unsigned i = 0; site->log_excluded && i < list->count; i++) {
        char prepared[PATTERN_PREPARED_BYTES_MAX];
        size_t length = 0;
        pattern_prepare(str_of(list->items[i]), prepared, &length, &unused);
        site->log_excluded[i] = arena_copy(arena, (struct str){prepared, length});
        if (!site->log_excluded[i].at)
            site->log_excluded = NULL;
    }
    if (site->log_excluded)
        return 0;
    problem_set_no_memory(ret_problem);
    return -ENOMEM;
}

/* Keeps PROBLEM of SITE, the reason for ERROR, if all mistakes are wanted: 0 to go on. */
static int keep(const struct settings *settings, const struct site_settings *site, int error,
                struct problem *problem)
{
    if (error)
        settings_locate(settings, site, problem);
    return problem_list_keep(settings->problems, error, problem);
}

static int (*const steps[])(struct site_settings *site, struct settings *settings,
                            struct problem *ret_problem) = {
    prepare_root, check_indexes, check_fallback, load_types,
    make_rules,   make_excluded, make_redirects, make_immutable,
};

int config_site_prepare(struct site_settings *site, struct settings *settings,
                        struct problem *ret_problem)
{
    int error = 0;
    config_site_fini(site); /* of an earlier try */
    for (size_t i = 0; !error && i < COUNT_OF(steps); i++)
        error = keep(settings, site, steps[i](site, settings, ret_problem), ret_problem);
    return error;
}

void config_site_fini(struct site_settings *site)
{
    if (site->mime_types_path.at)
        mime_destroy(site->mime);
    rules_destroy(site->rules);
    rules_destroy(site->immutable_rules);
    redirects_destroy(site->redirects);
    site->mime = NULL;
    site->rules = NULL;
    site->immutable_rules = NULL;
    site->redirects = NULL;
}
