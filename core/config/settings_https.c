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

/* Without a certificate: refuses the options that need HTTPS. */
static int check_without(const struct settings *settings, const struct listener_settings *listener,
                         struct problem *ret_problem)
{
    static const char *const names[] = {"http-port", "hsts", "tls-min"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const struct option_spec *option = option_find(str_of(names[i]));
        const void *scope =
            option->scope == OPTION_SCOPE_LISTENER ? (const void *)listener : &settings->process;
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
    if (listener->http_port == listener->port && listener->port != 0)
        return refuse(ret_problem, "http-port", "is the same port as PORT",
                      "give another one, such as 80");
#ifndef SLUICE_HAVE_OPENSSL
    return refuse(ret_problem, process->self_signed ? "self-signed" : "cert",
                  "needs OpenSSL, and this program was built without it",
                  "install libssl-dev 3.0 or newer and build it again");
#else
    return 0;
#endif
}

/* Adds the plain listener beside FIRST, on the same addresses. */
static int add_plain(struct settings *settings, const struct listener_settings *first,
                     struct problem *ret_problem)
{
    struct listener_settings *plain = settings_add_listener(settings);
    if (!plain) {
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    plain->addresses = first->addresses; /* which do not change any more */
    plain->backlog = first->backlog;
    plain->port = (uint16_t)first->http_port;
    plain->redirects_to = first;
    return 0;
}

int settings_complete_listener(struct settings *settings, struct listener_settings *first,
                               struct problem *ret_problem)
{
    if (!settings_have_https(settings))
        return check_without(settings, first, ret_problem);
    int error = check(settings, first, ret_problem);
    if (error)
        return error;
    first->secure = true;
    return first->http_port == LISTENER_NONE ? 0 : add_plain(settings, first, ret_problem);
}
