/* header_policy: see header_policy.h. */
#include "http/header_policy.h"

#define FRAMING "this header is about how the message is sent, which the server knows"
#define STATE   "this header is about the state of the file, which the server knows"
#define STATUS  "this header belongs to answers with which the server sends it"

static const struct header_policy headers[] = {
    {.name = STR_INIT("Connection"), .refusal = FRAMING},
    {.name = STR_INIT("Content-Encoding"), .refusal = FRAMING},
    {.name = STR_INIT("Content-Length"), .refusal = FRAMING},
    {.name = STR_INIT("Content-Range"), .refusal = FRAMING},
    {.name = STR_INIT("Keep-Alive"), .refusal = FRAMING},
    {.name = STR_INIT("TE"), .refusal = FRAMING},
    {.name = STR_INIT("Trailer"), .refusal = FRAMING},
    {.name = STR_INIT("Transfer-Encoding"), .refusal = FRAMING},
    {.name = STR_INIT("Upgrade"), .refusal = FRAMING},

    {.name = STR_INIT("Accept-Ranges"), .refusal = STATE},
    {.name = STR_INIT("Date"), .refusal = STATE},
    {.name = STR_INIT("ETag"), .refusal = STATE},
    {.name = STR_INIT("Last-Modified"), .refusal = STATE},

    {.name = STR_INIT("Allow"), .refusal = STATUS},
    {.name = STR_INIT("Location"), .refusal = STATUS},
    {.name = STR_INIT("Retry-After"), .refusal = STATUS},
    {.name = STR_INIT("WWW-Authenticate"), .refusal = STATUS},

    {.name = STR_INIT("Age"), .refusal = "this header is for caches to send"},
    {.name = STR_INIT("Server"), .refusal = "this header is sent with every answer"},
    /* One host's syntax for asking visitors for these passwords. */
    {.name = STR_INIT("Basic-Auth"),
     .refusal = "passwords are not supported, and every client would receive this one"},

    {.name = STR_INIT("Content-Type"), .single = true, .subject = HEADER_POLICY_OF_CONTENT_TYPE},
    {.name = STR_INIT("Cache-Control"), .subject = HEADER_POLICY_OF_FILE},
    {.name = STR_INIT("Content-Digest"), .subject = HEADER_POLICY_OF_FILE}, /* RFC 9530 */
    {.name = STR_INIT("Content-Disposition"), .single = true, .subject = HEADER_POLICY_OF_FILE},
    {.name = STR_INIT("Content-Language"), .subject = HEADER_POLICY_OF_FILE},
    {.name = STR_INIT("Content-Location"), .single = true, .subject = HEADER_POLICY_OF_FILE},
    {.name = STR_INIT("Expires"), .single = true, .subject = HEADER_POLICY_OF_FILE},
    {.name = STR_INIT("Repr-Digest"), .subject = HEADER_POLICY_OF_FILE}, /* RFC 9530 */
    {.name = STR_INIT("SourceMap"), .single = true, .subject = HEADER_POLICY_OF_FILE},
    {.name = STR_INIT("Surrogate-Control"), .subject = HEADER_POLICY_OF_FILE},

    {.name = STR_INIT("Access-Control-Allow-Credentials"), .single = true},
    {.name = STR_INIT("Access-Control-Allow-Origin"), .single = true},
    {.name = STR_INIT("Access-Control-Max-Age"), .single = true},
    {.name = STR_INIT("Cross-Origin-Embedder-Policy"), .single = true},
    {.name = STR_INIT("Cross-Origin-Opener-Policy"), .single = true},
    {.name = STR_INIT("Cross-Origin-Resource-Policy"), .single = true},
    {.name = STR_INIT("Origin-Agent-Cluster"), .single = true},
    {.name = STR_INIT("Service-Worker-Allowed"), .single = true},
    {.name = STR_INIT("Strict-Transport-Security"), .single = true}, /* RFC 6797 section 7.1 */
    {.name = STR_INIT("X-Content-Type-Options"), .single = true},
    {.name = STR_INIT("X-Frame-Options"), .single = true},
};

const struct header_policy *header_policy_of(struct str name)
{
    static const struct header_policy any = {.subject = HEADER_POLICY_OF_ANY};
    static const struct header_policy proxy = {.refusal = FRAMING};
    static const struct header_policy targeted = {
        .subject = HEADER_POLICY_OF_FILE}; /* RFC 9213 section 2 */
    struct str prefix = STR("Proxy-"), suffix = STR("-Cache-Control");
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        if (str_equal_nocase(headers[i].name, name))
            return &headers[i];
    }
    if (str_equal_nocase(str_first(name, prefix.length), prefix))
        return &proxy;
    if (name.length > suffix.length &&
        str_equal_nocase(str_from(name, name.length - suffix.length), suffix))
        return &targeted;
    return &any;
}
