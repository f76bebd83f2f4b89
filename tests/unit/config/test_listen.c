/* listen: every form of a value of --listen, and every mistake. */
#include "config/listen.h"

#include <criterion/criterion.h>
#include <errno.h>

Test(listen, parses_ports_addresses_and_tls)
{
    static const struct {
        const char *text, *address;
        uint16_t port;
        bool secure;
    } rows[] = {
        {"80", "", 80, false},
        {"0", "", 0, false},
        {"65535", "", 65535, false},
        {"443 tls", "", 443, true},
        {"  443\ttls ", "", 443, true},
        {"127.0.0.1:8080", "127.0.0.1", 8080, false},
        {"localhost:8080", "localhost", 8080, false},
        {"[::1]:8080", "[::1]", 8080, false},
        {"[::]:443 tls", "[::]", 443, true},
        {"0.0.0.0:80", "0.0.0.0", 80, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct listen listen;
        struct problem problem;
        cr_assert_eq(listen_parse(str_of(rows[i].text), &listen, &problem), 0, "%s", rows[i].text);
        cr_expect_str_eq(listen.address, rows[i].address, "%s", rows[i].text);
        cr_expect_eq(listen.port, rows[i].port, "%s", rows[i].text);
        cr_expect_eq(listen.secure, rows[i].secure, "%s", rows[i].text);
    }
}

Test(listen, refuses_everything_else)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"", "has no port"},
        {"http", "has no port"},
        {"65536", "has no port"},
        {"-1", "has no port"},
        {"127.0.0.1", "has no port"},
        {"127.0.0.1:", "has no port"},
        {"[::1]", "has no port"},
        {":80", "has no address before the colon"},
        {"::1:80", "has no numeric address"},
        {"example.org:80", "has no numeric address"},
        {"300.1.1.1:80", "has no numeric address"},
        {"[::1:80", "has no numeric address"},
        {"unix:/run/sluice.sock", "has no port"},
        {"80 ssl", "has an unknown word after the port"},
        {"80 tls proxy", "has an unknown word after the port"},
        {"tls 443", "has no port"},
        {"[11111111111111111111111111111111111111111111111111111111111111111111111111111111]:80",
         "has no numeric address"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct listen listen = {.port = 4711};
        struct problem problem;
        cr_assert_eq(listen_parse(str_of(rows[i].text), &listen, &problem), -EINVAL, "%s",
                     rows[i].text);
        cr_expect(strstr(problem.what, rows[i].says), "%s: %s", rows[i].text, problem.what);
        cr_expect(problem.remedy[0] != '\0');
        cr_expect_eq(listen.port, 4711, "untouched");
    }
}
