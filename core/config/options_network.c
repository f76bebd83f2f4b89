/* options_network: how addresses, listeners, host names, certificates and versions of TLS read. See
 * options_parts.h. */
#include "base/networks.h"
#include "config/listen.h"
#include "config/options_parts.h"
#include "config/settings.h"
#include "http/authority.h"
#include "system/net.h"

#include <errno.h>

/* --- Addresses ---------------------------------------------------------------------------------- */

int option_set_address(const struct option_spec *option, const struct option_target *target,
                       const char *text, struct problem *ret_problem)
{
    static const struct {
        const char *what;
        const char *remedy;
    } mistakes[] = {
        [NET_ADDED_NOT_NUMERIC] = {"is a name",
                                   "give a numeric address like 127.0.0.1, or localhost"},
        [NET_ADDED_HAS_PORT] = {"has a port after it", "the port is the first argument, PORT"},
        [NET_ADDED_MALFORMED] = {"is not an address",
                                 "give one like 127.0.0.1, ::1 or fe80::1%eth0"},
    };
    const struct arena_list *list = option_field(option, target);
    struct net_set set = {.count = 0}; /* only to check it */
    enum net_added added = net_add(&set, text);
    if (added != NET_ADDED) {
        problem_set(ret_problem, "'%s' %s", text, mistakes[added].what);
        problem_remedy(ret_problem, "%s", mistakes[added].remedy);
        return -EINVAL;
    }
    if (list->count == OPTIONS_ADDRESSES_MAX) {
        problem_set(ret_problem, "is given too often");
        problem_remedy(ret_problem, "%d addresses are the limit", OPTIONS_ADDRESSES_MAX);
        return -EINVAL;
    }
    return option_append(option, target, text, ret_problem);
}

int option_set_listen(const struct option_spec *option, const struct option_target *target,
                      const char *text, struct problem *ret_problem)
{
    const struct arena_list *list = option_field(option, target);
    struct listen listen; /* only to check it */
    int error = listen_parse(str_of(text), &listen, ret_problem);
    if (error)
        return error;
    if (list->count == OPTIONS_LISTENS_MAX) {
        problem_set(ret_problem, "is given too often");
        problem_remedy(ret_problem, "%d listeners are the limit", OPTIONS_LISTENS_MAX);
        return -EINVAL;
    }
    return option_append(option, target, text, ret_problem);
}

int option_set_admin(const struct option_spec *option, const struct option_target *target,
                     const char *text, struct problem *ret_problem)
{
    struct listen listen; /* only to check it */
    int error = listen_parse(str_of(text), &listen, ret_problem);
    if (error)
        return error;
    if (!listen.secure && !listen.proxied)
        return option_set_text(option, target, text, ret_problem);
    problem_set(ret_problem, "'%s' cannot speak %s", text,
                listen.secure ? "TLS" : "the PROXY protocol");
    problem_remedy(ret_problem, "leave %s out, and keep it on this machine or a private network",
                   listen.secure ? "tls" : "proxy");
    return -EINVAL;
}

int option_set_network(const struct option_spec *option, const struct option_target *target,
                       const char *text, struct problem *ret_problem)
{
    const struct arena_list *list = option_field(option, target);
    struct networks networks = {.count = 0}; /* only to check it */
    if (networks_add(&networks, str_of(text)) != NETWORKS_ADDED) {
        problem_set(ret_problem, "'%s' is not an address or a network", text);
        problem_remedy(ret_problem, "give one like 10.0.0.1, 10.0.0.0/8 or 2001:db8::/32; or unix, "
                                    "for peers on Unix sockets");
        return -EINVAL;
    }
    if (list->count == NETWORKS_MAX) {
        problem_set(ret_problem, "is given too often");
        problem_remedy(ret_problem, "%d networks are the limit", NETWORKS_MAX);
        return -EINVAL;
    }
    return option_append(option, target, text, ret_problem);
}

int option_set_host(const struct option_spec *option, const struct option_target *target,
                    const char *text, struct problem *ret_problem)
{
    char lower[AUTHORITY_HOST_BYTES_MAX + 1];
    struct str host = STR_ABSENT;
    if (authority_is_host(str_of(text)))
        host = authority_host(str_of(text), lower);
    const bool whole = host.length > 0 && host.length == strlen(text);
    if (whole && str_find(host, '*') == host.length) {
        lower[host.length] = '\0';
        return option_set_text(option, target, lower, ret_problem);
    }
    problem_set(ret_problem, "'%s' is not a host name", text);
    problem_remedy(ret_problem, "give one without a port, like example.org");
    return -EINVAL;
}

/* --- HTTPS -------------------------------------------------------------------------------------- */

int option_set_certificate(const struct option_spec *option, const struct option_target *target,
                           const char *text, struct problem *ret_problem)
{
    struct certificate_paths *paths = option_field(option, target);
    if (*text == '\0') {
        problem_set(ret_problem, "is empty");
        problem_remedy(ret_problem, "name a file or a directory");
        return -EINVAL;
    }
    if (paths->certificates.count == OPTIONS_CERTIFICATES_MAX) {
        problem_set(ret_problem, "is given too often");
        problem_remedy(ret_problem, "put the files into a directory, and name that");
        return -EINVAL;
    }
    if (arena_list_append(&paths->certificates, target->arena, str_of(text)) < 0 ||
        arena_list_append(&paths->keys, target->arena, STR("")) < 0)
        return option_no_memory(ret_problem);
    return 0;
}

int option_set_key(const struct option_spec *option, const struct option_target *target,
                   const char *text, struct problem *ret_problem)
{
    struct certificate_paths *paths = option_field(option, target);
    const unsigned count = paths->keys.count;
    if (*text == '\0') {
        problem_set(ret_problem, "is empty");
        problem_remedy(ret_problem, "name a file");
        return -EINVAL;
    }
    if (count == 0) {
        problem_set(ret_problem, "'%s' has no --cert before it", text);
        problem_remedy(ret_problem, "write --cert FILE --key FILE");
        return -EINVAL;
    }
    if (paths->keys.items[count - 1][0] != '\0') {
        problem_set(ret_problem, "'%s' is a second key for the same --cert", text);
        problem_remedy(ret_problem, "write each --key after its --cert");
        return -EINVAL;
    }
    struct str copy = arena_copy(target->arena, str_of(text));
    if (!copy.at)
        return option_no_memory(ret_problem);
    paths->keys.items[count - 1] = copy.at;
    return 0;
}

int option_set_tls_version(const struct option_spec *option, const struct option_target *target,
                           const char *text, struct problem *ret_problem)
{
    const bool newest = strcmp(text, "1.3") == 0;
    if (newest || strcmp(text, "1.2") == 0) {
        *(uint32_t *)option_field(option, target) = newest ? 3 : 2;
        return 0;
    }
    problem_set(ret_problem, "'%s' is not a version that is offered", text);
    problem_remedy(ret_problem, "choose 1.2 or 1.3");
    return -EINVAL;
}
