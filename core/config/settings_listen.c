/* settings_listen: the listeners that --listen names. See settings.h. */
#include "config/listen.h"
#include "config/options.h"
#include "config/settings.h"

#include <errno.h>

/* Refuses --port and --bind, which would have no effect on FIRST. */
static int check_others(const struct settings *settings, const struct listener_settings *first,
                        struct problem *ret_problem)
{
    static const char *const names[] = {"port", "bind"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (settings_source(settings, first, option_find(str_of(names[i]))) == SETTING_DEFAULT)
            continue;
        problem_set(ret_problem, "is given beside listen, which says where to listen");
        problem_remedy(ret_problem, "remove one of the two");
        problem_of_option(ret_problem, names[i]);
        return -EINVAL;
    }
    return 0;
}

/* Whether a listener before number INDEX has the same address and port as LISTEN. */
static bool is_taken(const struct settings *settings, unsigned index, const struct listen *listen)
{
    for (unsigned i = 0; i < index && listen->port != 0; i++) {
        const struct listener_settings *other = settings->listeners[i];
        const char *address = other->addresses.count > 0 ? other->addresses.items[0] : "";
        if (other->port == listen->port && strcmp(address, listen->address) == 0)
            return true;
    }
    return false;
}

/* Makes LISTENER, number INDEX, from TEXT and from what BASE has. 0 or a negative errno. */
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
    if (is_taken(settings, index, &listen)) {
        problem_set(ret_problem, "'%s' has an address and port that another one has", text);
        problem_remedy(ret_problem, "remove one of the two");
        problem_of_option(ret_problem, "listen");
        return -EINVAL;
    }
    if (listener) {
        *listener = *base;
        listener->port = listen.port;
        listener->secure = listen.secure;
        listener->addresses = (struct arena_list){.count = 0};
    }
    if (listener &&
        (listen.address[0] == '\0' ||
         arena_list_append(&listener->addresses, &settings->arena, str_of(listen.address)) == 0))
        return 0;
    problem_set_no_memory(ret_problem);
    return -ENOMEM;
}

int settings_expand_listens(struct settings *settings, struct problem *ret_problem)
{
    const struct listener_settings base = *settings->listeners[0];
    int error = check_others(settings, settings->listeners[0], ret_problem);
    for (unsigned i = 0; !error && i < base.listens.count; i++)
        error = expand(settings, i, &base, ret_problem);
    return error;
}
