/* settings_https: which options of HTTPS go together, and the plain listener beside the secure one.
 * See settings.h. */
#include "config/options.h"
#include "config/settings.h"

#include <errno.h>

struct check {
    struct settings *settings;
    struct listener_settings *first; /* the one with all its options */
    struct problem *problem;
};

/* Keeps check->problem, which is about a combination of options. Returns 0 to go on. */
static int keep(const struct check *check)
{
    settings_locate(check->settings, check->first, check->problem);
    settings_locate(check->settings, &check->settings->process, check->problem);
    return problem_list_keep(check->settings->problems, -EINVAL, check->problem);
}

/* Describes and keeps a mistake with OPTION. Returns 0 to go on, if all mistakes are wanted; or
 * -EINVAL. */
static int refuse(const struct check *check, const char *option, const char *what,
                  const char *remedy)
{
    problem_set(check->problem, "%s", what);
    problem_remedy(check->problem, "%s", remedy);
    problem_of_option(check->problem, option);
    return keep(check);
}

/* The number of the first listener that speaks TLS; that of all listeners: none does. */
static unsigned first_secure(const struct settings *settings)
{
    unsigned i = 0;
    while (i < settings->listener_count && !settings->listeners[i]->secure)
        i++;
    return i;
}

/* Whether a value that may have been a certificate is wrong: then one is not missing. */
static bool certificates_are_in_doubt(const struct settings *settings)
{
    return problem_list_has_option(settings->problems, "cert") ||
           problem_list_has_option(settings->problems, "key") ||
           problem_list_has_option(settings->problems, "self-signed");
}

/* Without a certificate: refuses the options that need HTTPS. */
static int check_without(const struct check *check)
{
    const struct settings *settings = check->settings;
    const unsigned secure = first_secure(settings);
    if (certificates_are_in_doubt(settings))
        return 0;
    if (secure < settings->listener_count) { /* the other options follow from it */
        problem_set(check->problem, "has tls, which needs a certificate");
        problem_remedy(check->problem, "add one with cert, or self-signed, or remove tls");
        settings_locate_listen(settings, secure, check->problem);
        return keep(check);
    }
    enum { HSTS = 1 };
    static const char *const names[] = {"http-port", [HSTS] = "hsts", "tls-min"};
    int error = 0;
    for (size_t i = 0; !error && i < COUNT_OF(names); i++) {
        const struct option_spec *option = option_find(str_of(names[i]));
        const void *scope = option->scope == OPTION_SCOPE_LISTENER ? (const void *)check->first
                                                                   : &settings->process;
        /* Answers that a trusted proxy forwards by HTTPS have HSTS. */
        if (i == HSTS && settings->process.trusted_proxies.count > 0)
            continue;
        if (settings_source(settings, scope, option) != SETTING_DEFAULT)
            error = refuse(check, names[i], "needs HTTPS, which needs a certificate",
                           "add --cert or --self-signed, or remove it");
    }
    return error;
}

/* Whether --http-port is the port of a listener. */
static bool is_port_taken(const struct check *check)
{
    const uint32_t port = check->first->http_port;
    for (unsigned i = 0; i < check->settings->listener_count; i++) {
        if (port == check->settings->listeners[i]->port && port != 0)
            return true;
    }
    return false;
}

/* With a certificate: refuses options that exclude each other. */
static int check_with(const struct check *check)
{
    const struct process_settings *process = &check->settings->process;
    int error = 0;
    if (process->self_signed && process->certificates.certificates.count > 0)
        error = refuse(check, "self-signed", "is given beside --cert", "remove one of the two");
    if (!error && process->self_signed && check->first->hsts_seconds != LISTENER_NONE)
        error = refuse(check, "hsts", "is given beside --self-signed",
                       "remove it: browsers would refuse the site for as long as it says");
    if (!error && is_port_taken(check))
        error = refuse(check, "http-port", "is the same port as PORT or one of --listen",
                       "give another one, such as 80");
#ifndef SLUICE_HAVE_OPENSSL
    if (!error)
        error = refuse(check, process->self_signed ? "self-signed" : "cert",
                       "needs OpenSSL, and this program was built without it",
                       "install libssl-dev 3.0 or newer and build it again");
#endif
    return error;
}

/* Adds the plain listener beside FIRST, on the same addresses; on all, if FIRST has a path. */
static int add_plain(struct settings *settings, const struct listener_settings *first,
                     struct problem *ret_problem)
{
    struct listener_settings *plain = settings_add_listener(settings);
    if (!plain) {
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    if (first->unix_socket.path[0] == '\0')
        plain->addresses = first->addresses; /* which do not change any more */
    plain->backlog = first->backlog;
    plain->port = (uint16_t)first->http_port;
    plain->redirects_to = first;
    return 0;
}

int settings_complete_listener(struct settings *settings, struct listener_settings *first,
                               struct problem *ret_problem)
{
    const struct check check = {settings, first, ret_problem};
    const bool listens = first->listens.count > 0;
    int error = listens ? settings_expand_listens(settings, ret_problem) : 0;
    if (error)
        return error;
    if (!settings_have_https(settings))
        return check_without(&check);
    error = check_with(&check);
    if (error)
        return error;
    if (!listens)
        first->secure = true;
    const unsigned secure = first_secure(settings);
    if (secure < settings->listener_count)
        return first->http_port == LISTENER_NONE
                   ? 0
                   : add_plain(settings, settings->listeners[secure], ret_problem);
    if (problem_list_has_option(settings->problems, "listen"))
        return 0; /* that one may have had tls */
    return refuse(&check, settings->process.self_signed ? "self-signed" : "cert",
                  "has no effect, because no listener has tls", "write listen = 443 tls");
}
