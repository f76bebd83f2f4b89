/* settings_https: which options of HTTPS go together, and the plain listener beside the secure one.
 * See settings.h. */
#include "config/options.h"
#include "config/settings.h"

#include <errno.h>

/* Describes a mistake with OPTION. Returns -EINVAL. */
static int refuse(struct problem *ret_problem, const char *option, const char *what,
                  const char *remedy)
{
    problem_set(ret_problem, "%s", what);
    problem_remedy(ret_problem, "%s", remedy);
    problem_of_option(ret_problem, option);
    return -EINVAL;
}

/* The first listener that speaks TLS; NULL: none does. */
static struct listener_settings *first_secure(const struct settings *settings)
{
    for (unsigned i = 0; i < settings->listener_count; i++) {
        if (settings->listeners[i]->secure)
            return settings->listeners[i];
    }
    return NULL;
}

/* Without a certificate: refuses the options that need HTTPS. */
static int check_without(const struct settings *settings, const struct listener_settings *listener,
                         struct problem *ret_problem)
{
    if (first_secure(settings))
        return refuse(ret_problem, "listen", "has tls, which needs a certificate",
                      "add one with cert, or self-signed, or remove tls");
    enum { HSTS = 1 };
    static const char *const names[] = {"http-port", [HSTS] = "hsts", "tls-min"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const struct option_spec *option = option_find(str_of(names[i]));
        const void *scope =
            option->scope == OPTION_SCOPE_LISTENER ? (const void *)listener : &settings->process;
        /* Answers that a trusted proxy forwards by HTTPS have HSTS. */
        if (i == HSTS && settings->process.trusted_proxies.count > 0)
            continue;
        if (settings_source(settings, scope, option) != SETTING_DEFAULT)
            return refuse(ret_problem, names[i], "needs HTTPS, which needs a certificate",
                          "add --cert or --self-signed, or remove it");
    }
    return 0;
}

static int check(const struct settings *settings, const struct listener_settings *listener,
                 struct problem *ret_problem)
{
    const struct process_settings *process = &settings->process;
    if (process->self_signed && process->certificates.certificates.count > 0)
        return refuse(ret_problem, "self-signed", "is given beside --cert",
                      "remove one of the two");
    if (process->self_signed && listener->hsts_seconds != LISTENER_NONE)
        return refuse(ret_problem, "hsts", "is given beside --self-signed",
                      "remove it: browsers would refuse the site for as long as it says");
    for (unsigned i = 0; i < settings->listener_count; i++) {
        if (listener->http_port == settings->listeners[i]->port && listener->http_port != 0)
            return refuse(ret_problem, "http-port", "is the same port as PORT or one of --listen",
                          "give another one, such as 80");
    }
#ifndef SLUICE_HAVE_OPENSSL
    return refuse(ret_problem, process->self_signed ? "self-signed" : "cert",
                  "needs OpenSSL, and this program was built without it",
                  "install libssl-dev 3.0 or newer and build it again");
#else
    return 0;
#endif
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

/* Makes and checks the listeners; the problem does not say in which file the option is. */
static int complete(struct settings *settings, struct listener_settings *first,
                    struct problem *ret_problem)
{
    const bool listens = first->listens.count > 0;
    int error = listens ? settings_expand_listens(settings, ret_problem) : 0;
    if (error)
        return error;
    if (!settings_have_https(settings))
        return check_without(settings, first, ret_problem);
    error = check(settings, first, ret_problem);
    if (error)
        return error;
    if (!listens)
        first->secure = true;
    const struct listener_settings *secure = first_secure(settings);
    if (!secure)
        return refuse(ret_problem, settings->process.self_signed ? "self-signed" : "cert",
                      "has no effect, because no listener has tls", "write listen = 443 tls");
    return first->http_port == LISTENER_NONE ? 0 : add_plain(settings, secure, ret_problem);
}

int settings_complete_listener(struct settings *settings, struct listener_settings *first,
                               struct problem *ret_problem)
{
    int error = complete(settings, first, ret_problem);
    if (error && ret_problem->option[0]) {
        settings_locate(settings, first, ret_problem);
        settings_locate(settings, &settings->process, ret_problem);
    }
    return error;
}
