/* endpoint: addresses as text. RFC 4291, RFC 5952. */
#include "base/endpoint.h"

#include <criterion/criterion.h>

Test(endpoint, parses_and_writes_addresses)
{
    static const struct {
        const char *text, *written; /* NULL: refused */
        uint8_t version;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1", 4},
        {"0.0.0.0", "0.0.0.0", 4},
        {"2001:DB8:0::1", "2001:db8::1", 6},
        {"::", "::", 6},
        {"::ffff:192.0.2.1", "192.0.2.1", 4},
        {"::ffff:c000:201", "192.0.2.1", 4},
        {"", NULL, 0},
        {"192.0.2", NULL, 0},
        {"192.0.2.1.1", NULL, 0},
        {"192.0.2.01", NULL, 0},
        {"192.0.2.256", NULL, 0},
        {" 192.0.2.1", NULL, 0},
        {"192.0.2.1:80", NULL, 0},
        {"[::1]", NULL, 0},
        {"fe80::1%lo", NULL, 0},
        {"2001:0db8:0000:0000:0000:0000:192.168.100.100:aaaaaaaa", NULL, 0},
        {"localhost", NULL, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct endpoint endpoint = {.version = 99};
        char text[ENDPOINT_TEXT_BYTES];
        const bool good = endpoint_parse(str_of(rows[i].text), &endpoint);
        cr_assert_eq(good, rows[i].written != NULL, "%s", rows[i].text);
        cr_expect_eq(endpoint.version, good ? rows[i].version : 99, "%s", rows[i].text);
        if (!good)
            continue;
        cr_expect_eq(endpoint_text(&endpoint, text), strlen(rows[i].written));
        cr_expect_str_eq(text, rows[i].written);
    }
    struct endpoint endpoint;
    cr_expect_not(endpoint_parse((struct str){"1.2.3.4\0", 8}, &endpoint), "a NUL");
}
