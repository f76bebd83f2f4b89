/* path: what is written of a path and of a query: redirects, and escapes (RFC 3986 section 2). */
#include "http/path.h"
#include "support/guard.h"

#include <criterion/criterion.h>
#include <stdio.h>

Test(path_write, gives_relative_redirects)
{
    static const struct {
        struct str target;
        const char *reference;
    } rows[] = {
        {STR_INIT("/a"), "a/"},
        {STR_INIT("/a/b"), "b/"},
        {STR_INIT("/a/b/c.d_e~f-9"), "c.d_e~f-9/"},
        {STR_INIT("/%c3%bc"), "%C3%BC/"},
        {STR_INIT("/a/\xe2\x82\xac"), "%E2%82%AC/"},
        {STR_INIT("/a%20b"), "a%20b/"},
        {STR_INIT("/x/javascript:alert"), "javascript%3Aalert/"}, /* not a scheme */
        {STR_INIT("//host"), "host/"},
        {STR_INIT("/a/%5Chost"), "%5Chost/"}, /* browsers treat a backslash as a slash */
        {STR_INIT("/%0d%0aSet-Cookie:x"), "%0D%0ASet-Cookie%3Ax/"},
        {STR_INIT("/%ff%7f%01"), "%FF%7F%01/"},
        {STR_INIT("/a%3fb%23c%25"), "a%3Fb%23c%25/"},
        {STR_INIT("/!$&'()*+,;=@"), "%21%24%26%27%28%29%2A%2B%2C%3B%3D%40/"},
        {STR_INIT("/.well-known"), ".well-known/"},
        {STR_INIT("/"), ""},
        {STR_INIT("/a/.."), ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char to[64];
        struct path path;
        size_t needed = strlen(rows[i].reference);
        cr_assert_eq(path_decode(rows[i].target, &path), PATH_OK, "%s", rows[i].target.at);
        size_t length = path_write_redirect(&path, to, sizeof to);
        struct str got = {to, length};
        cr_expect(str_equal(got, str_of(rows[i].reference)), "%.*s", (int)length, to);
        for (size_t room = 0; room < needed; room++) {
            memset(to, '#', sizeof to);
            cr_expect_eq(path_write_redirect(&path, to, room), 0, "%s", rows[i].reference);
            cr_expect_eq(to[room], '#', "%s: written past its room", rows[i].reference);
        }
        cr_expect_eq(path_write_redirect(&path, to, needed), needed, "%s", rows[i].reference);
    }
}

/* RFC 3986 section 2.1, and section 2.3: unreserved = ALPHA / DIGIT / "-" / "." / "_" / "~". */
Test(path_write, encodes_all_but_unreserved_bytes)
{
    static const char unreserved[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
        "-._~";
    char all[256], encoded[3 * sizeof all];
    for (unsigned i = 0; i < sizeof all; i++) {
        char expected[4] = {(char)i};
        all[i] = (char)i;
        if (i == 0 || !strchr(unreserved, (int)i))
            sprintf(expected, "%%%02X", i);
        struct str one = {all + i, 1};
        struct str got = {encoded, (size_t)(path_put_encoded(encoded, one) - encoded)};
        size_t length = i == 0 ? 3 : strlen(expected);
        cr_expect(str_equal(got, (struct str){expected, length}), "byte %u: %.*s", i,
                  (int)got.length, got.at);
        cr_expect_eq(path_encoded_bytes(one), length, "byte %u", i);
    }
    size_t length = path_encoded_bytes((struct str){all, sizeof all});
    cr_expect_eq(length, 66 + 3 * (sizeof all - 66));
    cr_expect_eq(path_put_encoded(encoded, (struct str){all, sizeof all}), encoded + length);
    cr_expect_eq(path_encoded_bytes((struct str){NULL, 0}), 0);
    cr_expect_eq(path_put_encoded(encoded, (struct str){NULL, 0}), encoded);
}

Test(path_write, encodes_of_a_query_only_what_is_not_ascii)
{
    static const struct {
        struct str query;
        const char *encoded;
    } rows[] = {
        {STR_INIT(""), ""},
        {STR_INIT("?a=b&c=%20;/?:@!$'()*+,~"), "?a=b&c=%20;/?:@!$'()*+,~"},
        {STR_INIT("?q=f\xc3\xbcr"), "?q=f%C3%BCr"},
        {STR_INIT("\x7f\x80\xff"), "\x7f%80%FF"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char to[64];
        struct str query = guard_copy(rows[i].query);
        size_t length = (size_t)(path_put_query(to, query) - to);
        cr_expect(str_equal((struct str){to, length}, str_of(rows[i].encoded)), "%.*s", (int)length,
                  to);
        cr_expect_eq(path_query_bytes(query), length, "%s", rows[i].encoded);
        guard_drop(query);
    }
}
