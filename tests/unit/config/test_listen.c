/* listen: every form of a value of --listen, and every mistake. */
#include "config/listen.h"

#include <criterion/criterion.h>
#include <errno.h>

Test(listen, parses_ports_addresses_and_tls)
{
    static const struct {
        const char *text, *address;
        uint16_t port;
        bool secure, proxied;
    } rows[] = {
        {"8080 proxy", "", 8080, false, true},
        {"[::1]:8443 proxy tls", "[::1]", 8443, true, true},
        {"80", "", 80, false, false},
        {"0", "", 0, false, false},
        {"65535", "", 65535, false, false},
        {"443 tls", "", 443, true, false},
        {"  443\ttls ", "", 443, true, false},
        {"127.0.0.1:8080", "127.0.0.1", 8080, false, false},
        {"localhost:8080", "localhost", 8080, false, false},
        {"[::1]:8080", "[::1]", 8080, false, false},
        {"[::]:443 tls", "[::]", 443, true, false},
        {"0.0.0.0:80", "0.0.0.0", 80, false, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct listen listen;
        struct problem problem;
        cr_assert_eq(listen_parse(str_of(rows[i].text), &listen, &problem), 0, "%s", rows[i].text);
        cr_expect_str_eq(listen.address, rows[i].address, "%s", rows[i].text);
        cr_expect_eq(listen.port, rows[i].port, "%s", rows[i].text);
        cr_expect_eq(listen.secure, rows[i].secure, "%s", rows[i].text);
        cr_expect_eq(listen.proxied, rows[i].proxied, "%s", rows[i].text);
    }
}

Test(listen, parses_paths_and_the_mode_and_owner_of_their_files)
{
    static const struct {
        const char *text, *path;
        uint32_t mode, user, group;
        bool secure;
    } rows[] = {
        {"unix:/run/a.sock", "/run/a.sock", UNIX_SOCKET_AS_MADE, UNIX_SOCKET_AS_MADE,
         UNIX_SOCKET_AS_MADE, false},
        {"unix:a.sock tls", "a.sock", UNIX_SOCKET_AS_MADE, UNIX_SOCKET_AS_MADE, UNIX_SOCKET_AS_MADE,
         true},
        {"unix:@a", "@a", UNIX_SOCKET_AS_MADE, UNIX_SOCKET_AS_MADE, UNIX_SOCKET_AS_MADE, false},
        {"unix:/a mode=0660 owner=root:root", "/a", 0660, 0, 0, false},
        {"unix:/a\towner=root tls mode=0", "/a", 0, 0, UNIX_SOCKET_AS_MADE, true},
        {"unix:/a owner=:4711", "/a", UNIX_SOCKET_AS_MADE, UNIX_SOCKET_AS_MADE, 4711, false},
        {"unix:/a owner=4711:4712 mode=777", "/a", 0777, 4711, 4712, false},
        {"unix:/run/a:b", "/run/a:b", UNIX_SOCKET_AS_MADE, UNIX_SOCKET_AS_MADE, UNIX_SOCKET_AS_MADE,
         false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct listen listen;
        struct problem problem;
        cr_assert_eq(listen_parse(str_of(rows[i].text), &listen, &problem), 0, "%s: %s",
                     rows[i].text, problem.what);
        const struct unix_socket *unix_socket = &listen.unix_socket;
        cr_expect_str_eq(unix_socket->path, rows[i].path, "%s", rows[i].text);
        cr_expect_eq(unix_socket->mode, rows[i].mode, "%s", rows[i].text);
        cr_expect_eq(unix_socket->user, rows[i].user, "%s", rows[i].text);
        cr_expect_eq(unix_socket->group, rows[i].group, "%s", rows[i].text);
        cr_expect_eq(listen.secure, rows[i].secure, "%s", rows[i].text);
    }
}

/* RFC 4007 section 11: the zone by its name or its number. */
Test(listen, takes_link_local_addresses_with_their_interface)
{
    static const char *const good[] = {"[fe80::1%lo]:8080", "[fe80::1%1]:8080 tls"};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        struct listen listen;
        struct problem problem;
        cr_expect_eq(listen_parse(str_of(good[i]), &listen, &problem), 0, "%s", good[i]);
        cr_expect_eq(listen.port, 8080);
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
        {"unix:", "has no path"},
        {"unix:@", "has no path"},
        {"unix: /a", "has no path"},
        {"unix:/run/", "the path of a directory"},
        {"unix:/a\x01", "a control character"},
        {"unix:/12345678901234567890123456789012345678901234567890123456789012345678901234567890"
         "123456789012345678901234567",
         "more than 107 bytes"},
        {"unix:/a mode=888", "an octal number"},
        {"unix:/a mode=1777", "an octal number"},
        {"unix:/a mode=77777777777777777777", "an octal number"},
        {"unix:/a mode=", "an octal number"},
        {"unix:/a mode", "has an unknown word"},
        {"unix:/a owner=", "an owner without a name"},
        {"unix:/a owner=:", "an owner without a name"},
        {"unix:/a owner=root:", "an owner without a name"},
        {"unix:/a owner=no-such-user", "not a user"},
        {"unix:/a owner=4294967295", "not a user"},
        {"unix:/a owner=root:no-such-group", "a group that is not"},
        {"unix:@a mode=0660", "only the file"},
        {"80 owner=root", "only the file"},
        {"[fe80::1%nosuchif]:80", "has no interface"},
        {"unix:/a 80", "has an unknown word"},
        {"80 ssl", "has an unknown word after the address"},
        {"80 tls tlss", "has an unknown word after the address"},
        {"tls 443", "has no port"},
        {"443 tls proxy tls", "the same word twice"},
        {"unix:/a mode=0600 mode=0666", "the same word twice"},
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
