/* url: see url.h. */
#include "server/url.h"

#include "base/num.h"

#include <errno.h>

enum { HTTP_PORT = 80, HTTPS_PORT = 443 };

static int refuse(struct problem *ret_problem, const char *text, const char *why)
{
    problem_set(ret_problem, "the URL '%s' %s", text, why);
    problem_remedy(ret_problem, "write http://example.org/path, or /path alone");
    return -EINVAL;
}

/* Whether TEXT has a byte that a client would not send in a target. */
static bool has_space(struct str text)
{
    for (size_t i = 0; i < text.length; i++) {
        const unsigned char byte = (unsigned char)text.at[i];
        if (byte <= ' ' || byte == 0x7f)
            return true;
    }
    return false;
}

/* Takes the scheme off *REST. False: it is neither http nor https. */
static bool take_scheme(struct str *rest, struct url *ret)
{
    static const struct {
        struct str text;
        bool secure;
        uint16_t port;
    } schemes[] = {{STR_INIT("http://"), false, HTTP_PORT},
                   {STR_INIT("https://"), true, HTTPS_PORT}};
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        if (!str_equal_nocase(str_first(*rest, schemes[i].text.length), schemes[i].text))
            continue;
        *rest = str_from(*rest, schemes[i].text.length);
        ret->secure = schemes[i].secure;
        ret->port = schemes[i].port;
        return true;
    }
    return false;
}

/* Sets the host and the port of the authority. NULL, or what is wrong. */
static const char *split_authority(struct url *ret)
{
    const size_t bracket = str_find(ret->authority, ']');
    const size_t from = bracket < ret->authority.length ? bracket : 0;
    const size_t colon = from + str_find(str_from(ret->authority, from), ':');
    uint64_t port;
    ret->host = str_first(ret->authority, colon);
    if (ret->host.length == 0)
        return "has no host";
    if (str_find(ret->authority, '@') < ret->authority.length)
        return "has a user name, which servers do not get";
    if (colon == ret->authority.length)
        return NULL;
    if (!num_parse_u64(str_from(ret->authority, colon + 1), &port) || port == 0 ||
        port > UINT16_MAX)
        return "has a port that is not a number from 1 to 65535";
    ret->port = (uint16_t)port;
    return NULL;
}

int url_parse(struct url *ret, const char *text, struct problem *ret_problem)
{
    struct url url = {.port = HTTP_PORT};
    struct str rest = str_of(text);
    rest = str_first(rest, str_find(rest, '#'));
    if (has_space(rest))
        return refuse(ret_problem, text, "has white space or a control character: encode it");
    if (!str_starts_with(rest, STR("/"))) {
        if (!take_scheme(&rest, &url))
            return refuse(ret_problem, text, "begins with neither http:// nor https://");
        url.authority = str_first(rest, size_min(str_find(rest, '/'), str_find(rest, '?')));
        rest = str_from(rest, url.authority.length);
        const char *mistake = split_authority(&url);
        if (mistake)
            return refuse(ret_problem, text, mistake);
    }
    url.target = rest;
    *ret = url;
    return 0;
}
