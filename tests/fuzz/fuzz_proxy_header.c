/* fuzz_proxy_header: the first bytes of a connection. Read in pieces as the parser asks for them,
 * they give what they give at once, and no byte after the header is asked for. */
#include "conn/proxy_header.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct str input = fuzz_input(data, size);
    struct proxy_header at_once = {.bytes = 0}, header = {.bytes = 0};
    const enum proxy_header_result whole = proxy_header_parse(input, &at_once);
    enum proxy_header_result result = proxy_header_parse(STR(""), &header);
    struct prng prng = fuzz_prng(input);
    size_t length = 0;
    while (result == PROXY_HEADER_PARTIAL && length < size) {
        FUZZ_CHECK(header.bytes > length && header.bytes <= PROXY_HEADER_BYTES_MAX);
        FUZZ_CHECK(whole != PROXY_HEADER_WHOLE || header.bytes <= at_once.bytes);
        length += 1 + (size_t)prng_below(&prng, header.bytes - length);
        length = size_min(length, size);
        char *copy = fuzz_copy(str_first(input, length));
        result = proxy_header_parse((struct str){copy, length}, &header);
        free(copy);
    }
    FUZZ_CHECK(result == whole);
    if (result == PROXY_HEADER_WHOLE) {
        FUZZ_CHECK(header.bytes == at_once.bytes && header.secure == at_once.secure);
        FUZZ_CHECK(endpoint_equal(&header.client, &at_once.client));
    }
    return 0;
}
