/* mime_well_known: see mime_well_known.h. */
#include "http/mime_well_known.h"

#include "http/mime_table.h"

#define JSON              STR_INIT("application/json")
#define APPLE_ASSOCIATION "apple-app-site-association"

/* Files below /.well-known/ without a known extension: IANA's registry "Well-Known URIs" (RFC 8615)
 * and what others have made customary. Each type is from the document that defines the file. */
static const struct {
    struct str name;
    struct str type;
} rows[] = {
    {STR_INIT(APPLE_ASSOCIATION), JSON},
    {STR_INIT("amphtml/apikey.pub"), MIME_TEXT("text/plain")},
    {STR_INIT("apple-developer-merchantid-domain-association"), MIME_TEXT("text/plain")},
    {STR_INIT("api-catalog"), STR_INIT("application/linkset+json")}, /* RFC 9727 */
    {STR_INIT("atproto-did"), MIME_TEXT("text/plain")},
    {STR_INIT("browserid"), JSON},
    {STR_INIT("com.apple.remotemanagement"), JSON},
    {STR_INIT("core"), STR_INIT("application/link-format")}, /* RFC 6690 */
    {STR_INIT("discord"), MIME_TEXT("text/plain")},
    {STR_INIT("dnt"), STR_INIT("application/tracking-status+json")},
    {STR_INIT("gnap-as-rs"), JSON},                           /* RFC 9767 */
    {STR_INIT("host-meta"), STR_INIT("application/xrd+xml")}, /* RFC 6415 */
    {STR_INIT("http-opportunistic"), JSON},                   /* RFC 8164 */
    {STR_INIT("jmap"), JSON},                                 /* RFC 8620 */
    {STR_INIT("jwt-vc-issuer"), JSON},
    {STR_INIT("matrix/client"), JSON},
    {STR_INIT("matrix/server"), JSON},
    {STR_INIT("matrix/support"), JSON},
    {STR_INIT("microsoft-identity-association"), JSON},
    {STR_INIT("nodeinfo"), JSON},
    {STR_INIT("oauth-authorization-server"), JSON},                  /* RFC 8414 */
    {STR_INIT("oauth-protected-resource"), JSON},                    /* RFC 9728 */
    {STR_INIT("ohttp-gateway"), STR_INIT("application/ohttp-keys")}, /* RFC 9540 */
    {STR_INIT("openid-configuration"), JSON},
    {STR_INIT("openid-credential-issuer"), JSON},
    {STR_INIT("openid-federation"), STR_INIT("application/entity-statement+jwt")},
    {STR_INIT("passkey-endpoints"), JSON},
    {STR_INIT("private-token-issuer-directory"),
     STR_INIT("application/private-token-issuer-directory")},             /* RFC 9578 */
    {STR_INIT("pvd"), STR_INIT("application/pvd+json")},                  /* RFC 8801 */
    {STR_INIT("reload-config"), STR_INIT("application/p2p-overlay+xml")}, /* RFC 6940 */
    {STR_INIT("resourcesync"), STR_INIT("application/xml")},
    {STR_INIT("smart-configuration"), JSON},
    {STR_INIT("ssf-configuration"), JSON},
    {STR_INIT("traffic-advice"), STR_INIT("application/trafficadvice+json")},
    {STR_INIT("udap"), JSON},
    {STR_INIT("uma2-configuration"), JSON},
    {STR_INIT("web-identity"), JSON},
    {STR_INIT("webauthn"), JSON},
    {STR_INIT("webfinger"), STR_INIT("application/jrd+json")}, /* RFC 7033 */
    {STR_INIT("wot"), STR_INIT("application/td+json")},
};

struct str mime_well_known_type(struct str name)
{
    struct str directory = STR(".well-known/");
    if (str_equal(name, STR(APPLE_ASSOCIATION)))
        return STR("application/json"); /* where it was before it had a well-known path */
    if (!str_starts_with(name, directory))
        return STR_ABSENT;
    name = str_from(name, directory.length);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (str_equal(name, rows[i].name))
            return rows[i].type;
    }
    return STR_ABSENT;
}
