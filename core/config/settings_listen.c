/* settings_listen: the listeners that --listen names. See settings.h. */
#include "base/networks.h"
#include "config/listen.h"
#include "config/options.h"
#include "config/settings.h"

#include <errno.h>

void settings_locate_listen(const struct settings *settings, unsigned index,
                            struct problem *problem)
{
    const struct option_spec *option = option_find(STR("listen"));
    struct setting setting;
    problem_of_option(problem, option->name);
    if (settings_find(settings, settings->listeners[0], option, index, &setting) && setting.file)
        problem_in_file(problem, setting.file, setting.line, 0);
}

/* Refuses --port and --bind, which would have no effect on the first listener. */
static int check_others(const struct settings *settings, struct problem *ret_problem)
{
    static const char *const names[] = {"port", "bind"};
    const struct listener_settings *first = settings->listeners[0];
    int error = 0;
    for (size_t i = 0; !error && i < COUNT_OF(names); i++) {
        if (settings_source(settings, first, option_find(str_of(names[i]))) == SETTING_DEFAULT)
            continue;
        problem_set(ret_problem, "is given beside listen, which says where to listen");
        problem_remedy(ret_problem, "remove one of the two");
        problem_of_option(ret_problem, names[i]);
        settings_locate(settings, first, ret_problem);
        error = problem_list_keep(settings->problems, -EINVAL, ret_problem);
    }
    return error;
}

/* Whether LISTENER has the address and port, or the path, of LISTEN. */
static bool has_same(const struct listener_settings *listener, const struct listen *listen)
{
    const char *address = listener->addresses.count > 0 ? listener->addresses.items[0] : "";
    if (listen->unix_socket.path[0] || listener->unix_socket.path[0])
        return strcmp(listener->unix_socket.path, listen->unix_socket.path) == 0;
    return listen->port != 0 && listener->port == listen->port &&
           strcmp(address, listen->address) == 0;
}

static bool is_taken(const struct settings *settings, unsigned index, const struct listen *listen)
{
    for (unsigned i = 0; i < index; i++) {
        if (has_same(settings->listeners[i], listen))
            return true;
    }
    return false;
}

/* Makes listener number INDEX from its value and from what BASE has. 0 or a negative errno. */
static int expand(struct settings *settings, unsigned index, const struct listener_settings *base,
                  struct problem *ret_problem)
{
    const char *text = base->listens.items[index];
    struct listener_settings *listener =
        index == 0 ? settings->listeners[0] : settings_add_listener(settings);
    struct listen listen;
    int error = listen_parse(str_of(text), &listen, ret_problem);
    if (error)
        return error;
    if (listener) {
        *listener = *base;
        listener->port = listen.port;
        listener->secure = listen.secure;
        listener->unix_socket = listen.unix_socket;
        listener->proxied = listen.proxied;
        listener->addresses = (struct arena_list){.count = 0};
    }
    if (!listener || (listen.address[0] && arena_list_append(&listener->addresses, &settings->arena,
                                                             str_of(listen.address)) < 0)) {
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    if (!is_taken(settings, index, &listen))
        return 0;
    problem_set(ret_problem, "'%s' is where another one listens too", text);
    problem_remedy(ret_problem, "remove one of the two");
    return -EINVAL;
}

/* A PROXY header says where a client comes from, so not every peer may send one; on a Unix socket
 * the mode of the file says who may. */
static int check_proxied(const struct settings *settings, struct problem *ret_problem)
{
    struct networks trusted = {.count = 0};
    const struct arena_list *texts = &settings->process.trusted_proxies;
    for (unsigned i = 0; i < texts->count; i++)
        networks_add(&trusted, str_of(texts->items[i])); /* checked when it was set */
    for (unsigned i = 0; i < settings->listener_count && trusted.count == 0; i++) {
        const struct listener_settings *listener = settings->listeners[i];
        if (!listener->proxied || listener->unix_socket.path[0])
            continue;
        problem_set(ret_problem, "has proxy, and no proxy is trusted to send PROXY headers");
        problem_remedy(ret_problem,
                       "name its address or network, such as trusted-proxy 10.0.0.0/8");
        settings_locate_listen(settings, i, ret_problem);
        return problem_list_keep(settings->problems, -EINVAL, ret_problem);
    }
    return 0;
}

int settings_expand_listens(struct settings *settings, struct problem *ret_problem)
{
    const struct listener_settings base = *settings->listeners[0];
    int error = check_others(settings, ret_problem);
    for (unsigned i = 0; !error && i < base.listens.count; i++) {
        error = expand(settings, i, &base, ret_problem);
        if (error)
            settings_locate_listen(settings, i, ret_problem);
        error = problem_list_keep(settings->problems, error, ret_problem);
    }
    return error ? error : check_proxied(settings, ret_problem);
}
