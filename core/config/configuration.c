/* configuration: see configuration.h. */
#include "config/configuration.h"

#include "config/config_load.h"
#include "config/environment.h"
#include "config/options.h"

#include <errno.h>
#include <stdio.h>

static int no_memory(struct problem *ret_problem)
{
    problem_set_no_memory(ret_problem);
    return -ENOMEM;
}

static int refuse_root(const char *root, const char *path, struct problem *ret_problem)
{
    problem_set(ret_problem, "ROOT '%s' is given beside the configuration '%s'", root, path);
    problem_remedy(ret_problem, "write root = DIRECTORY into the file, or remove one of the two");
    return -EINVAL;
}

/* Reads the file PATH; NULL: makes the one site. */
static int add_sites(struct settings *settings, const struct arguments *arguments, const char *path,
                     struct problem *ret_problem)
{
    int error = 0;
    if (path && arguments->positional_count > 0)
        error = problem_list_keep(settings->problems,
                                  refuse_root(arguments->positionals[0], path, ret_problem),
                                  ret_problem);
    if (error)
        return error;
    if (path)
        return config_load(settings, settings->listeners[0], path, ret_problem);
    return settings_add_site(settings) ? 0 : no_memory(ret_problem);
}

/* Applies the command line. */
static int apply(struct settings *settings, const struct arguments *arguments,
                 struct problem *ret_problem)
{
    struct listener_settings *listener = settings->listeners[0];
    const struct setting root = {
        .option = option_find(STR("root")),
        .text = arguments->positionals[0],
        .source = SETTING_COMMAND_LINE,
    };
    int error = 0;
    for (unsigned i = 0; !error && i < arguments->options.count; i++)
        error = problem_list_keep(
            settings->problems,
            settings_set_all(settings, listener, &arguments->options.items[i], ret_problem),
            ret_problem);
    if (!error && root.text)
        error = settings_set_all(settings, listener, &root, ret_problem);
    return error;
}

/* Sets the option NAME of SCOPE to its default here, TEXT. */
static int set_default(struct settings *settings, void *scope, const char *name, const char *text,
                       struct problem *ret_problem)
{
    const struct setting setting = {
        .option = option_find(str_of(name)),
        .scope = scope,
        .text = text,
        .source = SETTING_DEFAULT,
    };
    return settings_set(settings, &setting, ret_problem);
}

/* Says that SITE of the file PATH has no ROOT. */
static int refuse_rootless(const struct site_settings *site, const char *path,
                           struct problem *ret_problem)
{
    problem_set(ret_problem, "%s", site->line ? "the site has no root" : "no site is named");
    problem_remedy(ret_problem, "write root = DIRECTORY%s",
                   site->line ? " below it" : ", or sections [site NAME] that have it");
    problem_in_file(ret_problem, path, site->line, 0);
    return -EINVAL;
}

/* Whether a socket before number INDEX listens where that one does. */
static bool is_repeated(const struct inherited *inherited, unsigned index)
{
    for (unsigned i = 0; i < index; i++) {
        if (inherited->items[i].listens &&
            strcmp(inherited->items[i].text, inherited->items[index].text) == 0)
            return true;
    }
    return false;
}

/* Listens on the sockets that the process was started with, which its manager has named: "http"
 * speaks HTTP, "https" HTTPS, and others what the certificates say. Several on one address
 * (SO_REUSEPORT) are one listener. Those of an upgrade belong to listeners that the settings name.
 * Adds the number of listeners to *RET_COUNT. */
static int add_inherited(struct settings *settings, const struct inherited *inherited,
                         unsigned *ret_count, struct problem *ret_problem)
{
    int error = 0;
    for (unsigned i = 0; !error && inherited && i < inherited->count; i++) {
        const struct inherited_socket *socket = &inherited->items[i];
        const bool plain = strcmp(socket->name, "http") == 0;
        const bool secure = strcmp(socket->name, "https") == 0;
        char text[INHERITED_TEXT_BYTES + 8];
        if (!socket->listens || strncmp(socket->name, "sluice.", 7) == 0 ||
            strcmp(socket->name, "admin") == 0 || is_repeated(inherited, i))
            continue;
        snprintf(text, sizeof text, "%s%s", socket->text,
                 secure || (!plain && settings_have_https(settings)) ? " tls" : "");
        error = set_default(settings, settings->listeners[0], "listen", text, ret_problem);
        *ret_count += 1;
    }
    return error;
}

/* Gives each site a ROOT, and the listener a port and an address. PATH as for add_sites. */
static int complete(struct settings *settings, const struct inherited *inherited, const char *path,
                    struct problem *ret_problem)
{
    struct listener_settings *listener = settings->listeners[0];
    const bool chosen =
        listener->listens.count > 0 || listener->addresses.count > 0 ||
        settings_source(settings, listener, option_find(STR("port"))) != SETTING_DEFAULT;
    unsigned given = 0;
    int error = chosen ? 0 : add_inherited(settings, inherited, &given, ret_problem);
    for (unsigned i = 0; !error && i < settings->site_count; i++) {
        struct site_settings *site = settings->sites[i];
        if (site->root_text.at)
            continue;
        if (!path)
            error = set_default(settings, site, "root", ".", ret_problem);
        else if (!site->root_in_doubt)
            error = problem_list_keep(settings->problems, refuse_rootless(site, path, ret_problem),
                                      ret_problem);
    }
    settings->local_by_default = listener->listens.count == 0 && listener->addresses.count == 0;
    if (!error && listener->listens.count == 0 &&
        settings_source(settings, listener, option_find(STR("port"))) == SETTING_DEFAULT)
        error = set_default(settings, listener, "port", CONFIGURATION_PORT, ret_problem);
    if (!error && settings->local_by_default)
        error = set_default(settings, listener, "bind", "localhost", ret_problem);
    return error ? error : settings_complete_listener(settings, listener, ret_problem);
}

int configuration_make(struct settings *settings, const struct arguments *arguments,
                       char *const *environment, struct problem *ret_problem)
{
    const char *path =
        arguments->config_path ? arguments->config_path : environment_config(environment);
    struct problem_list *problems = settings->problems;
    int error =
        problem_list_keep(problems, add_sites(settings, arguments, path, ret_problem), ret_problem);
    if (!error)
        error = environment_apply(environment, settings, settings->listeners[0], ret_problem);
    if (!error)
        error = problem_list_keep(problems, apply(settings, arguments, ret_problem), ret_problem);
    if (error)
        return error;
    return problem_list_keep(problems, complete(settings, arguments->inherited, path, ret_problem),
                             ret_problem);
}
