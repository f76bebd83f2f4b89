/* proxy_header: HAProxy's doc/proxy-protocol.txt, whose sections label the rows. Each header is
 * parsed at every length; the parser must ask for more until it is whole, and never for more than
 * it has. */
#include "conn/proxy_header.h"
#include "support/guard.h"

#include <criterion/criterion.h>

#define V2      "\r\n\r\n\0\r\nQUIT\n"
#define TCP4    "\x7f\0\0\1\xc0\0\2\1\x30\x39\x01\xbb" /* 127.0.0.1:12345 to 192.0.2.1:443 */
#define TCP6_OF "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
#define TCP6    TCP6_OF TCP6_OF "\x30\x39\x01\xbb"
#define U54     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define UNIX    U54 U54 U54 U54

#define HEADER(literal) STR_INIT(literal)

static const struct {
    const char *label;
    struct str header;
    const char *client; /* NULL: none, and "unix" */
    uint16_t port;
    bool secure;
} valid[] = {
    {"2.1: TCP4", HEADER("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
     "255.255.255.255", 65535, false},
    {"2.1: the shortest TCP4", HEADER("PROXY TCP4 1.1.1.1 1.1.1.1 0 0\r\n"), "1.1.1.1", 0, false},
    {"2.1: TCP6",
     HEADER("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535, false},
    {"2.1: the shortest TCP6", HEADER("PROXY TCP6 :: :: 0 0\r\n"), "::", 0, false},
    {"2.1: a mapped address", HEADER("PROXY TCP6 ::ffff:1.2.3.4 :: 7 0\r\n"), "1.2.3.4", 7, false},
    {"2.1: UNKNOWN, short", HEADER("PROXY UNKNOWN\r\n"), NULL, 0, false},
    {"2.1: UNKNOWN, the longest",
     HEADER("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
     NULL, 0, false},
    {"2.2: TCP over IPv4", HEADER(V2 "\x21\x11\0\x0c" TCP4), "127.0.0.1", 12345, false},
    {"2.2: UDP over IPv4", HEADER(V2 "\x21\x12\0\x0c" TCP4), "127.0.0.1", 12345, false},
    {"2.2: TCP over IPv6", HEADER(V2 "\x21\x21\0\x24" TCP6), "2001:db8::1", 12345, false},
    {"2.2: UNIX stream", HEADER(V2 "\x21\x31\0\xd8" UNIX), "unix", 0, false},
    {"2.2: UNSPEC", HEADER(V2 "\x21\0\0\0"), NULL, 0, false},
    {"2.2: UNSPEC, with bytes to skip", HEADER(V2 "\x21\0\0\3xyz"), NULL, 0, false},
    {"2.2: LOCAL", HEADER(V2 "\x20\0\0\0"), NULL, 0, false},
    {"2.2: LOCAL, whose family does not count", HEADER(V2 "\x20\x11\0\x0c" TCP4), NULL, 0, false},
    {"2.2: LOCAL of an unknown family", HEADER(V2 "\x20\x41\0\3xyz"), NULL, 0, false},
    {"2.2: LOCAL of an unknown protocol", HEADER(V2 "\x20\x1f\0\0"), NULL, 0, false},
    {"2.2: LOCAL of a family without a protocol", HEADER(V2 "\x20\x10\0\0"), NULL, 0, false},
    {"2.2: TLVs that are not known", HEADER(V2 "\x21\x11\0\x13" TCP4 "\xea\0\4abcd"), "127.0.0.1",
     12345, false},
    {"2.2.4: NOOP, and an empty one", HEADER(V2 "\x21\x11\0\x12" TCP4 "\4\0\0\x05\0\0"),
     "127.0.0.1", 12345, false},
    {"2.2.6: SSL, of the client", HEADER(V2 "\x21\x11\0\x14" TCP4 "\x20\0\5\1\0\0\0\0"),
     "127.0.0.1", 12345, true},
    {"2.2.6: SSL, with a version inside",
     HEADER(V2 "\x21\x11\0\x1e" TCP4 "\x20\0\x0f\5\0\0\0\0\x21\0\7TLSv1.3"), "127.0.0.1", 12345,
     true},
    {"2.2.6: SSL, not of the client", HEADER(V2 "\x21\x11\0\x14" TCP4 "\x20\0\5\0\0\0\0\0"),
     "127.0.0.1", 12345, false},
    {"2.2.3: the right checksum", HEADER(V2 "\x21\x11\0\x13" TCP4 "\3\0\4\x7f\x2a\x1e\x45"),
     "127.0.0.1", 12345, false},
};

static const struct {
    const char *label;
    struct str header;
} malformed[] = {
    {"HTTP", HEADER("GET / HTTP/1.1\r\n\r\n")},
    {"TLS", HEADER("\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03")},
    {"small letters", HEADER("proxy TCP4 1.1.1.1 1.1.1.1 1 1\r\n")},
    {"2.1: no CR", HEADER("PROXY TCP4 1.1.1.1 1.1.1.1 1 1\n")},
    {"2.1: two spaces", HEADER("PROXY  TCP4 1.1.1.1 1.1.1.1 1 1\r\n")},
    {"2.1: two spaces inside", HEADER("PROXY TCP4 1.1.1.1  1.1.1.1 1 1\r\n")},
    {"2.1: a space at the end", HEADER("PROXY TCP4 1.1.1.1 1.1.1.1 1 1 \r\n")},
    {"2.1: a tab", HEADER("PROXY TCP4\t1.1.1.1 1.1.1.1 1 1\r\n")},
    {"2.1: one port", HEADER("PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n")},
    {"2.1: no ports", HEADER("PROXY TCP4 1.1.1.1 1.1.1.1\r\n")},
    {"2.1: a port that is too large", HEADER("PROXY TCP4 1.1.1.1 1.1.1.1 65536 1\r\n")},
    {"2.1: a leading zero", HEADER("PROXY TCP4 1.1.1.1 1.1.1.1 080 1\r\n")},
    {"2.1: a leading zero in an address", HEADER("PROXY TCP4 1.1.1.01 1.1.1.1 80 1\r\n")},
    {"2.1: a sign", HEADER("PROXY TCP4 1.1.1.1 1.1.1.1 +1 1\r\n")},
    {"2.1: IPv6 as TCP4", HEADER("PROXY TCP4 ::1 ::1 1 1\r\n")},
    {"2.1: IPv4 as TCP6", HEADER("PROXY TCP6 1.1.1.1 1.1.1.1 1 1\r\n")},
    {"2.1: not an address", HEADER("PROXY TCP4 localhost 1.1.1.1 1 1\r\n")},
    {"2.1: another protocol", HEADER("PROXY UDP4 1.1.1.1 1.1.1.1 1 1\r\n")},
    {"2.1: nothing", HEADER("PROXY         \r\n")},
    {"2.1: 108 bytes", HEADER("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                              "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535 \r\n")},
    {"2.2: version 1", HEADER(V2 "\x11\x11\0\x0c" TCP4)},
    {"2.2: version 3", HEADER(V2 "\x31\x11\0\x0c" TCP4)},
    {"2.2: command 2", HEADER(V2 "\x22\x11\0\x0c" TCP4)},
    {"2.2: family 4", HEADER(V2 "\x21\x41\0\x0c" TCP4)},
    {"2.2: protocol 3", HEADER(V2 "\x21\x13\0\x0c" TCP4)},
    {"2.2: a family without a protocol", HEADER(V2 "\x21\x10\0\x0c" TCP4)},
    {"2.2: a protocol without a family", HEADER(V2 "\x21\x01\0\x0c" TCP4)},
    {"2.2: a length that is too short for IPv4", HEADER(V2 "\x21\x11\0\x0b" TCP4)},
    {"2.2: a length that is too short for IPv6", HEADER(V2 "\x21\x21\0\x23" TCP6)},
    {"2.2: a length that is too short for UNIX", HEADER(V2 "\x21\x31\0\xd7" UNIX)},
    {"2.2: the largest length", HEADER(V2 "\x21\x11\xff\xff" TCP4)},
    {"2.2: more than the bound", HEADER(V2 "\x20\0\x0f\xf1")},
    {"2.2: half a TLV", HEADER(V2 "\x21\x11\0\x0e" TCP4 "\4\0")},
    {"2.2: a TLV that is longer than the header", HEADER(V2 "\x21\x11\0\x10" TCP4 "\4\0\2x")},
    {"2.2.6: SSL that is too short", HEADER(V2 "\x21\x11\0\x13" TCP4 "\x20\0\4\1\0\0\0")},
    {"2.2.3: a wrong checksum", HEADER(V2 "\x21\x11\0\x13" TCP4 "\3\0\4\x7f\x2a\x1e\x44")},
    {"2.2.3: a checksum of two bytes", HEADER(V2 "\x21\x11\0\x11" TCP4 "\3\0\2\0\0")},
};

static void expect_client(const char *label, const struct proxy_header *header, const char *client)
{
    char text[ENDPOINT_TEXT_BYTES] = "";
    if (!client) {
        cr_expect_eq(header->client.version, ENDPOINT_UNKNOWN, "%s", label);
    } else if (strcmp(client, "unix") == 0) {
        cr_expect_eq(header->client.version, ENDPOINT_UNIX, "%s", label);
    } else {
        cr_assert(endpoint_is_ip(&header->client), "%s", label);
        endpoint_text(&header->client, text);
        cr_expect_str_eq(text, client, "%s", label);
    }
}

Test(proxy_header, reads_every_valid_form)
{
    for (size_t i = 0; i < COUNT_OF(valid); i++) {
        struct proxy_header header;
        cr_assert_eq(proxy_header_parse(valid[i].header, &header), PROXY_HEADER_WHOLE, "%s",
                     valid[i].label);
        cr_expect_eq(header.bytes, valid[i].header.length, "%s", valid[i].label);
        expect_client(valid[i].label, &header, valid[i].client);
        cr_expect_eq(header.client.port, valid[i].port, "%s", valid[i].label);
        cr_expect_eq(header.secure, valid[i].secure, "%s", valid[i].label);
    }
}

Test(proxy_header, asks_for_more_at_every_length_and_never_for_too_much)
{
    for (size_t i = 0; i < COUNT_OF(valid); i++) {
        const struct str whole = valid[i].header;
        for (size_t length = 0; length < whole.length; length++) {
            struct proxy_header header;
            const struct str part = guard_copy(str_first(whole, length));
            cr_assert_eq(proxy_header_parse(part, &header), PROXY_HEADER_PARTIAL, "%s, %zu",
                         valid[i].label, length);
            cr_expect(header.bytes > length && header.bytes <= whole.length, "%s: %zu of %zu",
                      valid[i].label, header.bytes, length);
            guard_drop(part);
        }
    }
}

Test(proxy_header, does_not_read_what_follows_it)
{
    static const char *const after[] = {"GET", "\r\n", "PROXY TCP4 2.2.2.2 2.2.2.2 2 2\r\n"};
    for (size_t i = 0; i < COUNT_OF(valid); i++) {
        for (size_t j = 0; j < COUNT_OF(after); j++) {
            char text[512];
            struct proxy_header header;
            const char *end = str_put(str_put(text, valid[i].header), str_of(after[j]));
            const struct str both = {text, (size_t)(end - text)};
            cr_assert_eq(proxy_header_parse(both, &header), PROXY_HEADER_WHOLE);
            cr_expect_eq(header.bytes, valid[i].header.length, "%s", valid[i].label);
            expect_client(valid[i].label, &header, valid[i].client);
        }
    }
}

/* Read as it asks for it, a header is malformed at some point, and is never whole. */
Test(proxy_header, refuses_everything_else)
{
    for (size_t i = 0; i < COUNT_OF(malformed); i++) {
        const struct str all = malformed[i].header;
        struct proxy_header header = {.bytes = 0};
        enum proxy_header_result result = PROXY_HEADER_PARTIAL;
        for (size_t length = 0; result == PROXY_HEADER_PARTIAL && length <= all.length; length++) {
            result = proxy_header_parse(str_first(all, length), &header);
            cr_expect_neq(result, PROXY_HEADER_WHOLE, "%s, %zu", malformed[i].label, length);
        }
        cr_expect_eq(result, PROXY_HEADER_MALFORMED, "%s", malformed[i].label);
        cr_expect_eq(proxy_header_parse(all, &header), PROXY_HEADER_MALFORMED, "%s",
                     malformed[i].label);
    }
}

/* A header of LENGTH bytes at TO, with one TLV (NOOP) that fills it, or with no room for one. */
static struct str header_with_tlv(char *to, size_t length)
{
    static const struct str fixed = STR_INIT(V2 "\x21\x11\0\0" TCP4);
    const size_t bytes = length - 16, value = length - fixed.length - 3;
    memset(str_put(to, fixed), 'x', length - fixed.length);
    to[14] = (char)(bytes >> 8);
    to[15] = (char)(bytes & 0xff);
    if (length >= fixed.length + 3) {
        to[fixed.length] = 4;
        to[fixed.length + 1] = (char)(value >> 8);
        to[fixed.length + 2] = (char)(value & 0xff);
    }
    return (struct str){to, length};
}

Test(proxy_header, takes_a_tlv_of_every_length_up_to_the_bound)
{
    enum { LENGTH_MIN = 28, LENGTH_MAX = 10000 };
    static char text[LENGTH_MAX];
    for (size_t length = LENGTH_MIN; length <= LENGTH_MAX; length++) {
        const struct str whole = header_with_tlv(text, length);
        const bool half = length > LENGTH_MIN && length < LENGTH_MIN + 3;
        const bool good = !half && length <= PROXY_HEADER_BYTES_MAX;
        struct proxy_header header;
        cr_expect_eq(proxy_header_parse(whole, &header),
                     good ? PROXY_HEADER_WHOLE : PROXY_HEADER_MALFORMED, "%zu", length);
        if (!good)
            continue;
        cr_expect_eq(header.bytes, length);
        cr_expect_eq(proxy_header_parse(str_first(whole, length - 1), &header),
                     PROXY_HEADER_PARTIAL, "%zu", length);
        cr_expect_eq(header.bytes, length);
    }
}
