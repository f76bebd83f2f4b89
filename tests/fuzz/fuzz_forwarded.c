/* fuzz_forwarded: lines of Forwarded, X-Forwarded-For and X-Forwarded-Proto, in a head. A client
 * that is found is in the text, or is not an address; lines before the last ones change nothing
 * that an untrusted address has ended. */
#include "fuzz.h"
#include "h1/h1_forwarded.h"

static void find(struct str head, struct forwarded *ret)
{
    struct networks trusted = {.count = 0};
    struct forwarded_fields fields;
    networks_add(&trusted, STR("10.0.0.0/8"));
    h1_forwarded(&fields, head);
    forwarded_find(&fields, &trusted, ret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct str request = STR_INIT("GET / HTTP/1.1\r\n");
    static const struct str stranger = STR_INIT("\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n");
    char *text = malloc(request.length + size + stranger.length);
    FUZZ_CHECK(text != NULL);
    char *end = str_put(str_put(text, request), fuzz_input(data, size));
    struct forwarded forwarded;
    find((struct str){text, (size_t)(end - text)}, &forwarded);
    FUZZ_CHECK(forwarded.client.version == ENDPOINT_UNKNOWN || endpoint_is_ip(&forwarded.client));
    end = str_put(end, stranger);
    find((struct str){text, (size_t)(end - text)}, &forwarded);
    free(text);
    return 0;
}
