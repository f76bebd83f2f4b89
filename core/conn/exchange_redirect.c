/* exchange_redirect: see exchange_redirect.h. */
#include "conn/exchange_redirect.h"

#include "conn/transport_tls.h"

/* Whether REQUEST is one that a certificate authority makes. */
static bool is_challenge(const struct request *request)
{
    struct path path;
    return str_starts_with(request->path, STR("/.well-known/")) &&
           path_decode(request->path, &path) == PATH_OK && path_is_challenge(&path);
}

/* The certificates whose names a redirect may go to; NULL: none. */
static const struct tls_certificates *certificates_of(const struct conn_context *context)
{
#ifdef SLUICE_HAVE_OPENSSL
    return transport_tls_certificates(context);
#else
    (void)context;
    return NULL;
#endif
}

/* Plans the redirect to https, as exchange_redirect. */
static bool redirect_to_https(struct conn_context *context, struct exchange *exchange,
                              struct request *request)
{
    const struct origin *origin = conn_origin(context, exchange->conn);
    if (!origin->redirects || exchange_is_secure(context, exchange) ||
        (origin->has_challenges && is_challenge(request)))
        return false;
    struct str prefix = STR_ABSENT;
    if (request->authority.length > 0)
        prefix = origin_https_prefix(origin, certificates_of(context), request->authority,
                                     exchange->prefix);
    else
        request->refusal = HTTP_BAD_REQUEST;
    if (!prefix.at) {
        request->refusal = request->refusal ? request->refusal : HTTP_MISDIRECTED_REQUEST;
        return false;
    }
    exchange->found = (struct found){.resource = NULL};
    plan_make_redirect(&exchange->plan, request, prefix);
    return true;
}

/* Plans the redirect to the canonical name of the site, if REQUEST has another one: with the scheme
 * of the client's request, and the port that the client has used. */
static bool redirect_to_canonical(struct conn_context *context, struct exchange *exchange,
                                  const struct request *request)
{
    char buffer[AUTHORITY_HOST_BYTES_MAX];
    const struct str canonical = exchange->site->settings->canonical;
    struct str host = authority_host(request->authority, buffer);
    if (host.length == 0 || str_equal(host, canonical) || is_challenge(request))
        return false;
    const bool secure = exchange_is_secure(context, exchange);
    char *at = str_put(exchange->prefix, secure ? STR("https://") : STR("http://"));
    at = str_put(str_put(at, canonical), authority_port(request->authority));
    struct str prefix = {exchange->prefix, (size_t)(at - exchange->prefix)};
    exchange->found = (struct found){.resource = NULL};
    plan_make_redirect(&exchange->plan, request, prefix);
    return true;
}

/* Plans the redirect that a rule of the site gives REQUEST. */
static bool redirect_by_rule(struct exchange *exchange, const struct request *request)
{
    char text[PATH_ROOTED_BYTES_MAX];
    struct path path;
    struct redirect redirect;
    if (path_decode(request->path, &path) == PATH_MALFORMED || path_is_challenge(&path))
        return false;
    struct str rooted = {text, (size_t)(path_put_rooted(&path, text) - text)};
    if (!redirects_find(exchange->site->settings->redirects, rooted, request->query,
                        &exchange->values, &redirect))
        return false;
    exchange->redirect_index = redirect.index;
    exchange->found = (struct found){.resource = NULL};
    plan_make_redirect_to(&exchange->plan, request, redirect.status, redirect.location);
    return true;
}

/* Whether REQUEST may be a browser's question before a script's request: it fails if it is
 * redirected, while the request itself may be (Fetch, CORS-preflight fetch). */
static bool may_be_preflight(const struct exchange *exchange, const struct request *request)
{
    return request->method == HTTP_OPTIONS && exchange->site->settings->cors;
}

enum exchange_redirect exchange_redirect(struct conn_context *context, struct exchange *exchange,
                                         struct request *request)
{
    if (!str_starts_with(request->path, STR("/")) || may_be_preflight(exchange, request))
        return EXCHANGE_REDIRECT_NONE;
    if (redirect_to_https(context, exchange, request))
        return EXCHANGE_REDIRECT_HTTPS;
    if (request->refusal)
        return EXCHANGE_REDIRECT_NONE;
    const struct site_settings *site = exchange->site->settings;
    enum exchange_redirect redirect = EXCHANGE_REDIRECT_NONE;
    if (site->canonical.at && redirect_to_canonical(context, exchange, request))
        redirect = EXCHANGE_REDIRECT_CANONICAL;
    else if (site->redirects && redirect_by_rule(exchange, request))
        redirect = EXCHANGE_REDIRECT_RULE;
    if (redirect && site->cors)
        plan_allow_origins(&exchange->plan);
    return redirect;
}
