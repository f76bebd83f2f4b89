/* redirect_circles: see redirect_circles.h. */
#include "server/redirect_circles.h"

#include "base/num.h"
#include "config/options.h"
#include "http/authority.h"

#include <errno.h>
#include <stdio.h>

enum { HTTP_PORT = 80, HTTPS_PORT = 443 };

struct server_sites {
    const struct settings *settings;
    const struct hosts *hosts;
};

/* The port that AUTHORITY names; 0: none, or that of the scheme. */
static uint16_t port_of(struct str authority, bool secure)
{
    const struct str text = str_from(authority_port(authority), 1);
    uint64_t port;
    if (!num_parse_u64(text, &port) || port > UINT16_MAX ||
        port == (uint64_t)(secure ? HTTPS_PORT : HTTP_PORT))
        return 0;
    return (uint16_t)port;
}

/* Whether a listener may get requests by this scheme, on PORT; 0: on that of the scheme, which a
 * container or a proxy may map to any other. A Unix socket always has a proxy before it. */
static bool is_served(const struct settings *settings, bool secure, uint16_t port)
{
    for (unsigned i = 0; i < settings->listener_count; i++) {
        const struct listener_settings *listener = settings->listeners[i];
        const bool same = listener->secure == secure || listener->unix_socket.path[0];
        if (port > 0 ? listener->port == port : same)
            return true;
    }
    return port == 0 && settings->process.trusted_proxies.count > 0;
}

/* As redirects_map. */
static const struct redirects *find(const void *context, struct str authority, bool secure)
{
    const struct server_sites *sites = context;
    if (!is_served(sites->settings, secure, port_of(authority, secure)))
        return NULL;
    const uint32_t number = hosts_find_name(sites->hosts, authority);
    return number == (uint32_t)HOSTS_NONE ? NULL : sites->settings->sites[number]->redirects;
}

/* The place of rule number INDEX of SITE. False: it is not in a file. */
static bool locate(const struct settings *settings, const struct site_settings *site,
                   unsigned index, struct setting *ret)
{
    return settings_find(settings, site, option_find(STR("redirect")), index, ret) && ret->file;
}

/* The site that has REDIRECTS. */
static const struct site_settings *owner_of(const struct settings *settings,
                                            const struct redirects *redirects)
{
    unsigned i = 0;
    while (settings->sites[i]->redirects != redirects)
        i++;
    return settings->sites[i];
}

/* Describes CIRCLE, whose first rule is of SITE. */
static void describe(const struct settings *settings, const struct site_settings *site,
                     const struct redirects_circle *circle, struct problem *problem)
{
    const bool alone = circle->next == site->redirects && circle->next_index == circle->index;
    struct setting setting;
    char next[64] = "";
    if (!alone && locate(settings, owner_of(settings, circle->next), circle->next_index, &setting))
        snprintf(next, sizeof next, "; the next one is in line %u", setting.line);
    problem_set(problem, "'%.*s' leads to more than %d redirects, perhaps without an end%s",
                (int)size_min(circle->from.length, 200), circle->from.at, REDIRECTS_HOPS_MAX, next);
    if (circle->to_https)
        problem_remedy(problem, "to lead clients from http to https, use http-port or let the "
                                "proxy do it; else name a URL that no other one matches");
    else
        problem_remedy(problem, "let it lead to a path that no other one matches");
    problem_of_option(problem, "redirect");
    if (locate(settings, site, circle->index, &setting))
        problem_in_file(problem, setting.file, setting.line, 0);
}

int redirect_circles_check(const struct settings *settings, const struct hosts *hosts,
                           struct problem *ret_problem)
{
    const struct server_sites sites = {settings, hosts};
    const struct redirects_map map = {find, &sites};
    int error = 0;
    for (unsigned i = 0; !error && i < settings->site_count; i++) {
        const struct site_settings *site = settings->sites[i];
        struct redirects_circle circle;
        unsigned first = 0;
        while (!error && site->redirects &&
               redirects_find_circle(site->redirects, first, &map, &circle)) {
            describe(settings, site, &circle, ret_problem);
            error = problem_list_keep(settings->problems, -EINVAL, ret_problem);
            first = circle.index + 1;
        }
    }
    return error;
}
