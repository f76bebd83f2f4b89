/* tls_hello: what a ClientHello says about the certificate that its client can use. */
#include "tls/tls_hello.h"

#include <criterion/criterion.h>
#include <stdlib.h>

/* A server_name extension with NAME, of TYPE; LIST and HOST are added to its two lengths. */
static struct str server_name(char *to, struct str name, char type, int list, int host)
{
    const size_t host_length = name.length + (size_t)host,
                 list_length = name.length + 3 + (size_t)list;
    to[0] = (char)(list_length >> 8);
    to[1] = (char)list_length;
    to[2] = type;
    to[3] = (char)(host_length >> 8);
    to[4] = (char)host_length;
    memcpy(to + 5, name.at, name.length);
    return (struct str){to, 5 + name.length};
}

Test(tls_hello, takes_only_host_names_for_a_name)
{
    static const struct {
        struct str name;
        bool is_taken;
    } rows[] = {
        {STR_INIT("example.org"), true},
        {STR_INIT("example.org."), true},
        {STR_INIT("192.0.2.1"), false},
        {STR_INIT("2001:db8::1"), false},
        {STR_INIT("[2001:db8::1]"), false},
        {STR_INIT("a\0b"), false},
        {STR_INIT(""), false},
    };
    char bytes[512];
    struct tls_hello hello;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        tls_hello_read_host(&hello, server_name(bytes, rows[i].name, 0, 0, 0));
        cr_expect_eq(hello.host.at != NULL, rows[i].is_taken, "row %zu", i);
        if (rows[i].is_taken)
            cr_expect(str_equal(hello.host, rows[i].name));
    }
    char longest[300];
    memset(longest, 'a', sizeof longest);
    tls_hello_read_host(&hello, server_name(bytes, (struct str){longest, sizeof longest}, 0, 0, 0));
    cr_expect_null(hello.host.at);
}

Test(tls_hello, takes_a_malformed_name_for_none)
{
    char bytes[512];
    struct tls_hello hello;
    const struct str name = STR("example.org");
    tls_hello_read_host(&hello, server_name(bytes, name, 1, 0, 0));
    cr_expect_null(hello.host.at, "of another type");
    tls_hello_read_host(&hello, server_name(bytes, name, 0, 1, 0));
    cr_expect_null(hello.host.at, "a list that is too short");
    tls_hello_read_host(&hello, server_name(bytes, name, 0, 0, 1));
    cr_expect_null(hello.host.at, "a name that is too short");
    tls_hello_read_host(&hello, server_name(bytes, name, 0, 0, -1));
    cr_expect_null(hello.host.at, "a byte after the name");
    tls_hello_read_host(&hello, STR_ABSENT);
    cr_expect_null(hello.host.at);
    /* Each prefix, in memory of exactly its length. */
    struct str whole = server_name(bytes, name, 0, 0, 0);
    for (size_t length = 0; length < whole.length; length++) {
        char *copy = malloc(length + 1);
        memcpy(copy, whole.at, length);
        copy = realloc(copy, length > 0 ? length : 1);
        tls_hello_read_host(&hello, (struct str){copy, length});
        cr_expect_null(hello.host.at, "%zu bytes", length);
        free(copy);
    }
}

Test(tls_hello, judges_keys_by_signature_algorithms)
{
    struct tls_hello hello = {.offers_tls_1_3 = true};
    cr_expect(tls_hello_takes(&hello, TLS_SCHEME_P256), "the extension is not sent");
    tls_hello_read_schemes(&hello, STR("\x00\x04\x08\x04\x04\x03"));
    cr_expect(tls_hello_takes(&hello, TLS_SCHEME_P256));
    cr_expect(tls_hello_takes(&hello, TLS_SCHEME_ANY_RSA));
    cr_expect(tls_hello_takes(&hello, TLS_SCHEME_UNKNOWN));
    cr_expect_not(tls_hello_takes(&hello, TLS_SCHEME_P384));
    cr_expect_not(tls_hello_takes(&hello, TLS_SCHEME_ED25519));
    tls_hello_read_schemes(&hello, STR("\x00\x02\x08\x07"));
    cr_expect(tls_hello_takes(&hello, TLS_SCHEME_ED25519));
    cr_expect_not(tls_hello_takes(&hello, TLS_SCHEME_ANY_RSA));
    tls_hello_read_schemes(&hello, STR("\x00\x03\x08\x07\x04"));
    cr_expect_not(tls_hello_takes(&hello, TLS_SCHEME_P256), "half a code point");
}

Test(tls_hello, judges_suites_of_clients_without_1_3_only)
{
    struct tls_hello hello = {.suites = STR_INIT("\xc0\x2f\x00\x9c")};
    tls_hello_read_versions(&hello, STR_ABSENT);
    cr_expect(tls_hello_takes(&hello, TLS_SCHEME_ANY_RSA));
    cr_expect_not(tls_hello_takes(&hello, TLS_SCHEME_P256));
    hello.suites = STR("\xcc\xa9");
    cr_expect(tls_hello_takes(&hello, TLS_SCHEME_P256));
    cr_expect_not(tls_hello_takes(&hello, TLS_SCHEME_ANY_RSA));
    hello.suites = STR("\x13\x01"); /* a suite of 1.3 says nothing about keys */
    tls_hello_read_versions(&hello, STR("\x02\x03\x04"));
    cr_expect(tls_hello_takes(&hello, TLS_SCHEME_P256));
    cr_expect(tls_hello_takes(&hello, TLS_SCHEME_ANY_RSA));
    tls_hello_read_versions(&hello, STR("\x02\x03\x03"));
    cr_expect_not(tls_hello_takes(&hello, TLS_SCHEME_P256));
    tls_hello_read_versions(&hello, STR("\x00"));
    cr_expect_not(tls_hello_takes(&hello, TLS_SCHEME_P256));
}
