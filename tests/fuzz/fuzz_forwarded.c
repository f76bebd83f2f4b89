/* fuzz_forwarded: lines of Forwarded, X-Forwarded-For and X-Forwarded-Proto, in a head. A client
 * that is found has an address. Whatever comes before it, an untrusted address at the end is the
 * client, unless Forwarded disagrees: then none is. */
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

/* Whether HEAD, which ends with LAST, a line end and a line, has an empty line before that line. */
static bool ends_before(struct str head, struct str last)
{
    const struct str before = str_first(head, head.length - last.length + 2);
    return memmem(before.at, before.length, "\n\r\n", 3) ||
           memmem(before.at, before.length, "\n\n", 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct str request = STR_INIT("GET / HTTP/1.1\r\n");
    static const struct str stranger = STR_INIT("\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n");
    struct endpoint last;
    FUZZ_CHECK(endpoint_parse(STR("192.0.2.1"), &last));
    char *text = malloc(request.length + size + stranger.length);
    FUZZ_CHECK(text != NULL);
    char *end = str_put(str_put(text, request), fuzz_input(data, size));
    struct forwarded forwarded;
    find((struct str){text, (size_t)(end - text)}, &forwarded);
    FUZZ_CHECK(forwarded.client.version == ENDPOINT_UNKNOWN || endpoint_is_ip(&forwarded.client));
    end = str_put(end, stranger);
    find((struct str){text, (size_t)(end - text)}, &forwarded);
    FUZZ_CHECK(ends_before((struct str){text, (size_t)(end - text)}, stranger) ||
               forwarded.client.version == ENDPOINT_UNKNOWN ||
               endpoint_equal(&forwarded.client, &last));
    free(text);
    return 0;
}
