/* path: RFC 3986 sections 2.1 (escapes), 3.3 (paths) and 5.2.4 (dot segments), and Sluice's own
 * rules about hidden names. */
#include "http/path.h"
#include "support/guard.h"
#include "support/prng.h"
#include "support/rows.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* Shorthand for the expected result of a row. */
#define FILE_AT(text)      PATH_OK, text, false
#define DIRECTORY_AT(text) PATH_OK, text, true
#define REFUSED_AS(result) result, NULL, false

struct row {
    const char *section; /* of RFC 3986; "core/http/path.h": a rule of Sluice's own */
    struct str target;   /* also the label */
    enum path_result result;
    const char *text;
    bool directory;
};

static const char *const result_names[] = {
    [PATH_OK] = "ok",
    [PATH_MALFORMED] = "malformed",
    [PATH_HIDDEN] = "hidden",
    [PATH_UNNAMABLE] = "unnamable",
};

static struct path path;

static void expect_rows(const struct row *rows, size_t count)
{
    rows_begin("URI", count);
    for (size_t i = 0; i < count; i++) {
        rows_next(rows[i].section, rows[i].target.at);
        memset(&path, '#', sizeof path);
        enum path_result result = path_decode(guard_copy(rows[i].target), &path);
        row_expect(result == rows[i].result, "%s", result_names[result]);
        if (result != PATH_MALFORMED)
            row_expect(path.closed == (rows[i].result != PATH_OK), "closed");
        if (result != PATH_OK || rows[i].result != PATH_OK)
            continue;
        row_expect(path.text[path.length] == '\0', "no NUL");
        row_expect(strcmp(path.text, rows[i].text) == 0, "\"%s\"", path.text);
        row_expect(path.directory == rows[i].directory, "directory");
    }
    rows_end();
}

Test(path, decodes_plain_paths)
{
    static const struct row rows[] = {
        {"3.3", STR_INIT("/"), DIRECTORY_AT("")},
        {"3.3", STR_INIT("/a"), FILE_AT("a")},
        {"3.3", STR_INIT("/a/"), DIRECTORY_AT("a")},
        {"3.3", STR_INIT("/a/b.html"), FILE_AT("a/b.html")},
        {"core/http/path.h", STR_INIT("//"), DIRECTORY_AT("")},
        {"core/http/path.h", STR_INIT("//a"), FILE_AT("a")},
        {"core/http/path.h", STR_INIT("/a//b"), FILE_AT("a/b")},
        {"core/http/path.h", STR_INIT("/a///"), DIRECTORY_AT("a")},
        {"2.1", STR_INIT("/%61"), FILE_AT("a")},
        {"2.1", STR_INIT("/%c3%BC.html"), FILE_AT("\xc3\xbc.html")},
        {"2.1", STR_INIT("/a%20b"), FILE_AT("a b")},
        {"3.3", STR_INIT("/a+b"), FILE_AT("a+b")}, /* a plus does not mean a space in a path */
        {"2.1", STR_INIT("/a%3Fb%23c"), FILE_AT("a?b#c")},
        {"2.1", STR_INIT("/100%25"), FILE_AT("100%")},
        {"2.1", STR_INIT("/%2561"), FILE_AT("%61")}, /* once, not twice */
        {"2.1", STR_INIT("/%252e%252e/x"), FILE_AT("%2e%2e/x")},
        {"2.1", STR_INIT("/a%0Ab"), FILE_AT("a\nb")},
        {"2.1", STR_INIT("/a%7f"), FILE_AT("a\x7f")},
        {"2.1", STR_INIT("/%ff%FE"), FILE_AT("\xff\xfe")},
        {"core/http/path.h", STR_INIT("/\xc3\xbc.html"), FILE_AT("\xc3\xbc.html")},
        {"core/http/path.h", STR_INIT("/\xe6\x97\xa5/%e6%9C%AC/"),
         DIRECTORY_AT("\xe6\x97\xa5/\xe6\x9c\xac")},
        {"core/http/path.h", STR_INIT("/\xf0\x9f\x8e\x89/../a\xc2\x80"), FILE_AT("a\xc2\x80")},
        {"3.3", STR_INIT("/a\\b"), FILE_AT("a\\b")},
        {"2.1", STR_INIT("/a%5Cb"), FILE_AT("a\\b")},
        {"3.3", STR_INIT("/..\\x"), REFUSED_AS(PATH_HIDDEN)},
        {"3.3", STR_INIT("/!$&'()*+,;=:@-._~"), FILE_AT("!$&'()*+,;=:@-._~")},
        {"3.3", STR_INIT("/\"<>[]^`{|}"), FILE_AT("\"<>[]^`{|}")},
        {"3.3", STR_INIT("/a;v=1"), FILE_AT("a;v=1")},
        {"core/http/path.h", STR_INIT("/http://host/"), DIRECTORY_AT("http:/host")},
        {"3.3", STR_INIT("/a."), FILE_AT("a.")},
        {"3.3", STR_INIT("/a..b"), FILE_AT("a..b")},
    };
    expect_rows(rows, COUNT_OF(rows));
}

Test(path, removes_dot_segments_never_above_the_root)
{
    static const struct row rows[] = {
        {"5.2.4", STR_INIT("/."), DIRECTORY_AT("")},
        {"5.2.4", STR_INIT("/./"), DIRECTORY_AT("")},
        {"5.2.4", STR_INIT("/.."), DIRECTORY_AT("")},
        {"5.2.4", STR_INIT("/../"), DIRECTORY_AT("")},
        {"5.2.4", STR_INIT("/../x"), FILE_AT("x")},
        {"5.2.4", STR_INIT("/../../../etc/passwd"), FILE_AT("etc/passwd")},
        {"5.2.4", STR_INIT("/a/../../b"), FILE_AT("b")},
        {"5.2.4", STR_INIT("/a/./b/"), DIRECTORY_AT("a/b")},
        {"5.2.4", STR_INIT("/a/.."), DIRECTORY_AT("")},
        {"5.2.4", STR_INIT("/a/."), DIRECTORY_AT("a")},
        {"5.2.4", STR_INIT("/a/b/.."), DIRECTORY_AT("a")},
        {"5.2.4", STR_INIT("/a/b/../"), DIRECTORY_AT("a")},
        {"5.2.4", STR_INIT("/a/b/../c"), FILE_AT("a/c")},
        {"5.2.4", STR_INIT("/ab/cd/../../ef"), FILE_AT("ef")},
        {"5.2.4", STR_INIT("/a//../b"), FILE_AT("b")},           /* slashes are merged first */
        {"5.2.4", STR_INIT("/a/b/c/./../../g"), FILE_AT("a/g")}, /* section 5.2.4's example */
        {"5.2.4", STR_INIT("/mid/content=5/../6"), FILE_AT("mid/6")},
        {"5.2.4", STR_INIT("/%2e%2e/x"), FILE_AT("x")},
        {"5.2.4", STR_INIT("/%2E./x"), FILE_AT("x")},
        {"5.2.4", STR_INIT("/a/.%2e"), DIRECTORY_AT("")},
        {"5.2.4", STR_INIT("/a/%2e"), DIRECTORY_AT("a")},
        {"5.2.4", STR_INIT("/a/%2e%2e/%2e%2e/%2e%2e/b"), FILE_AT("b")},
    };
    expect_rows(rows, COUNT_OF(rows));
}

Test(path, hides_names_that_begin_with_a_dot)
{
    static const struct row rows[] = {
        {"core/http/path.h", STR_INIT("/.git/config"), REFUSED_AS(PATH_HIDDEN)},
        {"core/http/path.h", STR_INIT("/.htaccess"), REFUSED_AS(PATH_HIDDEN)},
        {"core/http/path.h", STR_INIT("/%2ehtaccess"), REFUSED_AS(PATH_HIDDEN)},
        {"core/http/path.h", STR_INIT("/a/.b"), REFUSED_AS(PATH_HIDDEN)},
        {"core/http/path.h", STR_INIT("/a/.b/c"), REFUSED_AS(PATH_HIDDEN)},
        {"core/http/path.h", STR_INIT("/..."), REFUSED_AS(PATH_HIDDEN)},
        {"core/http/path.h", STR_INIT("/..a"), REFUSED_AS(PATH_HIDDEN)},
        {"core/http/path.h", STR_INIT("/.%20"), REFUSED_AS(PATH_HIDDEN)},
        {"core/http/path.h", STR_INIT("/.well-known/acme-challenge/x"),
         FILE_AT(".well-known/acme-challenge/x")},
        {"core/http/path.h", STR_INIT("/.well-known"), FILE_AT(".well-known")},
        {"core/http/path.h", STR_INIT("/.well-known/"), DIRECTORY_AT(".well-known")},
        {"core/http/path.h", STR_INIT("/%2ewell-known/x"), FILE_AT(".well-known/x")},
        {"core/http/path.h", STR_INIT("//x/../.well-known/x"), FILE_AT(".well-known/x")},
        {"core/http/path.h", STR_INIT("/.well-known/.x"), REFUSED_AS(PATH_HIDDEN)},
        {"core/http/path.h", STR_INIT("/.well-known/a/.x"), REFUSED_AS(PATH_HIDDEN)},
        {"core/http/path.h", STR_INIT("/.well-known-not"), REFUSED_AS(PATH_HIDDEN)},
        {"core/http/path.h", STR_INIT("/.well-know"), REFUSED_AS(PATH_HIDDEN)},
        {"core/http/path.h", STR_INIT("/.Well-Known/x"), REFUSED_AS(PATH_HIDDEN)},
        {"core/http/path.h", STR_INIT("/x/.well-known"), REFUSED_AS(PATH_HIDDEN)},
        {"core/http/path.h", STR_INIT("/.git/../index.html"),
         FILE_AT("index.html")}, /* only the resolved path counts */
        {"core/http/path.h", STR_INIT("/.well-known/../.git"), REFUSED_AS(PATH_HIDDEN)},
    };
    expect_rows(rows, COUNT_OF(rows));
}

Test(path, refuses_encoded_slashes)
{
    static const struct row rows[] = {
        {"2.2", STR_INIT("/a%2Fb"), REFUSED_AS(PATH_UNNAMABLE)},
        {"2.2", STR_INIT("/a%2fb"), REFUSED_AS(PATH_UNNAMABLE)},
        {"2.2", STR_INIT("/%2F"), REFUSED_AS(PATH_UNNAMABLE)},
        {"2.2", STR_INIT("/%2F%2Fhost"), REFUSED_AS(PATH_UNNAMABLE)},
        {"2.2", STR_INIT("/..%2F..%2Fetc/passwd"), REFUSED_AS(PATH_UNNAMABLE)},
        {"2.2", STR_INIT("/a/..%2f"), REFUSED_AS(PATH_UNNAMABLE)},
        {"2.2", STR_INIT("/a%2Fb/../c"), FILE_AT("c")}, /* one segment, which is removed */
        {"2.2", STR_INIT("/a%252Fb"), FILE_AT("a%2Fb")},
    };
    expect_rows(rows, COUNT_OF(rows));
}

Test(path, refuses_malformed_targets)
{
    static const struct row rows[] = {
        {"3.3", STR_INIT(""), REFUSED_AS(PATH_MALFORMED)},
        {"3.3", STR_INIT("a"), REFUSED_AS(PATH_MALFORMED)},
        {"3.3", STR_INIT("*"), REFUSED_AS(PATH_MALFORMED)},
        {"2.1", STR_INIT("%2Fa"), REFUSED_AS(PATH_MALFORMED)},
        {"3.3", STR_INIT("http://a/"), REFUSED_AS(PATH_MALFORMED)},
        {"2.1", STR_INIT("/%"), REFUSED_AS(PATH_MALFORMED)},
        {"2.1", STR_INIT("/%4"), REFUSED_AS(PATH_MALFORMED)},
        {"2.1", STR_INIT("/a%"), REFUSED_AS(PATH_MALFORMED)},
        {"2.1", STR_INIT("/%zz"), REFUSED_AS(PATH_MALFORMED)},
        {"2.1", STR_INIT("/%4g"), REFUSED_AS(PATH_MALFORMED)},
        {"2.1", STR_INIT("/%g4"), REFUSED_AS(PATH_MALFORMED)},
        {"2.1", STR_INIT("/%%41"), REFUSED_AS(PATH_MALFORMED)},
        {"2.1", STR_INIT("/%+1"), REFUSED_AS(PATH_MALFORMED)},
        {"2.1", STR_INIT("/% 1"), REFUSED_AS(PATH_MALFORMED)},
        {"2.1", STR_INIT("/%u0041"), REFUSED_AS(PATH_MALFORMED)},
        {"2.1", STR_INIT("/%00"), REFUSED_AS(PATH_MALFORMED)},
        {"2.1", STR_INIT("/index.html%00.png"), REFUSED_AS(PATH_MALFORMED)},
        {"3.3", STR_INIT("/a\0b"), REFUSED_AS(PATH_MALFORMED)},
        {"3.3", STR_INIT("/a b"), REFUSED_AS(PATH_MALFORMED)},
        {"3.3", STR_INIT("/a\tb"), REFUSED_AS(PATH_MALFORMED)},
        {"3.3", STR_INIT("/a\r\nb"), REFUSED_AS(PATH_MALFORMED)},
        {"3.3", STR_INIT("/a\x7f"), REFUSED_AS(PATH_MALFORMED)},
        {"3.3", STR_INIT("/a#b"), REFUSED_AS(PATH_MALFORMED)},
        {"3.3", STR_INIT("/a?b"), REFUSED_AS(PATH_MALFORMED)},
        {"3.3", STR_INIT("/\x80"), REFUSED_AS(PATH_MALFORMED)},
        {"3.3", STR_INIT("/\xfc"), REFUSED_AS(PATH_MALFORMED)},
        {"3.3", STR_INIT("/\xc3"), REFUSED_AS(PATH_MALFORMED)},
        {"3.3", STR_INIT("/\xc3/\xbc"), REFUSED_AS(PATH_MALFORMED)},
        {"3.3", STR_INIT("/%c3\xbc"), REFUSED_AS(PATH_MALFORMED)},            /* half a character */
        {"3.3", STR_INIT("/\xc0\xae\xc0\xae/x"), REFUSED_AS(PATH_MALFORMED)}, /* overlong ".." */
        {"3.3", STR_INIT("/a\xe0\x80\xafx"), REFUSED_AS(PATH_MALFORMED)},
        {"3.3", STR_INIT("/\xed\xa0\x80"), REFUSED_AS(PATH_MALFORMED)}, /* a surrogate */
        {"3.3", STR_INIT("/\xf4\x90\x80\x80"), REFUSED_AS(PATH_MALFORMED)},
        {"3.3", STR_INIT("/\xff/../x"), REFUSED_AS(PATH_MALFORMED)},
        {"2.1", STR_INIT("/.git/%"),
         REFUSED_AS(PATH_MALFORMED)}, /* MALFORMED takes precedence wherever it occurs */
        {"2.1", STR_INIT("/a%2Fb/%00"), REFUSED_AS(PATH_MALFORMED)},
        {"2.1", STR_INIT("/%zz/../x"), REFUSED_AS(PATH_MALFORMED)},
    };
    expect_rows(rows, COUNT_OF(rows));
}

static enum path_result decode_repeated(const char *unit, size_t count, const char *tail)
{
    size_t length = strlen(unit);
    struct str text = {malloc(1 + count * length + strlen(tail)),
                       1 + count * length + strlen(tail)};
    char *at = (char *)(uintptr_t)text.at;
    *at++ = '/';
    for (size_t i = 0; i < count; i++)
        at = mempcpy(at, unit, length);
    memcpy(at, tail, strlen(tail));
    struct str copy = guard_copy(text);
    free((char *)(uintptr_t)text.at);
    memset(&path, '#', sizeof path);
    enum path_result result = path_decode(copy, &path);
    guard_drop(copy);
    return result;
}

Test(path, bounds_the_length_of_the_decoded_path)
{
    cr_expect_eq(decode_repeated("a", PATH_BYTES_MAX, ""), PATH_OK);
    cr_expect_eq(path.length, PATH_BYTES_MAX);
    cr_expect_eq(path.text[PATH_BYTES_MAX], '\0');
    cr_expect_eq(decode_repeated("a", PATH_BYTES_MAX, "/"), PATH_OK);
    cr_expect(path.length == PATH_BYTES_MAX && path.directory);
    cr_expect_eq(decode_repeated("a", PATH_BYTES_MAX, "//./"), PATH_UNNAMABLE,
                 "no room for the dot");
    cr_expect_eq(decode_repeated("%61", PATH_BYTES_MAX, ""), PATH_OK);
    cr_expect_eq(decode_repeated("a", PATH_BYTES_MAX + 1, ""), PATH_UNNAMABLE);
    cr_expect_eq(decode_repeated("a", PATH_BYTES_MAX, "/b"), PATH_UNNAMABLE);
    cr_expect_eq(decode_repeated("a", PATH_BYTES_MAX + 1, "/../x"), PATH_UNNAMABLE);
    cr_expect_eq(decode_repeated("a", 100000, "/../../.."), PATH_UNNAMABLE);
    cr_expect_eq(decode_repeated("a", 100000, "%00"), PATH_MALFORMED);
    cr_expect_eq(decode_repeated("a/", PATH_BYTES_MAX / 2, "b"), PATH_OK);
    cr_expect_eq(path.length, PATH_BYTES_MAX);
    cr_expect_eq(decode_repeated("a/", PATH_BYTES_MAX / 2 + 1, ""), PATH_OK);
    cr_expect_eq(decode_repeated("./", 100000, "x"), PATH_OK);
    cr_expect_str_eq(path.text, "x");
    cr_expect_eq(decode_repeated("a/../", 100000, "x"), PATH_OK);
    cr_expect_str_eq(path.text, "x");
    cr_expect_eq(decode_repeated("/", 100000, "x"), PATH_OK);
}

/* Whether a decoded path has nothing that it must never have. */
static void check_decoded(void)
{
    struct str rest = {path.text, path.length};
    cr_assert_leq(path.length, PATH_BYTES_MAX);
    cr_assert_eq(strlen(path.text), path.length);
    cr_assert(path.length > 0 || path.directory);
    while (rest.length > 0) {
        struct str segment = str_first(rest, str_find(rest, '/'));
        bool well_known = rest.at == path.text && str_equal(segment, STR(".well-known"));
        cr_assert(segment.length > 0 && (segment.at[0] != '.' || well_known), "\"%s\"", path.text);
        cr_assert(segment.length == rest.length || rest.length > segment.length + 1,
                  "slash at the end");
        rest = str_from(rest, segment.length + 1);
    }
}

Test(path, keeps_its_promises_for_random_targets)
{
    static const char *const pieces[] = {
        "/",           "/", "/",   ".",  "..", "a",    "bc",  "%2e", "%2E", "%2f",      "%41",
        ".well-known", "%", "%00", "%4", " ",  "\xc3", "%c3", "\\",  "+",   "\xc3\xbc",
    };
    struct prng prng = {3986};
    size_t decoded = 0;
    for (int round = 0; round < 100000; round++) {
        char bytes[160] = "/";
        size_t length = 1;
        for (uint64_t count = prng_below(&prng, 12); count > 0; count--) {
            /* the second half, which is rarely well-formed, only now and then */
            uint64_t among = prng_below(&prng, 8) > 0 ? 12 : COUNT_OF(pieces);
            const char *piece = pieces[prng_below(&prng, among)];
            length = (size_t)(stpcpy(bytes + length, piece) - bytes);
        }
        struct str copy = guard_copy((struct str){bytes, length});
        memset(&path, '#', sizeof path);
        if (path_decode(copy, &path) == PATH_OK) {
            check_decoded();
            decoded++;
        }
        guard_drop(copy);
    }
    cr_expect_gt(decoded, 20000, "%zu", decoded);
}

/* A plain path takes the fast path of path_decode. With "/x/.." before it, it takes the other one;
 * the result must be the same. */
Test(path, gives_the_same_result_on_the_fast_path)
{
    static const char alphabet[] = "abcdefgh/////...%2";
    static struct path longer;
    struct prng prng = {52};
    unsigned agreed = 0;
    for (int round = 0; round < 200000; round++) {
        char bytes[80] = "/x/..";
        size_t length = 1 + prng_below(&prng, prng_below(&prng, 2) ? 20 : 70);
        char *at = bytes + 5;
        at[0] = '/';
        uint64_t letters = prng_below(&prng, 2) ? 9 : sizeof alphabet - 1; /* half are plain */
        for (size_t i = 1; i < length; i++)
            at[i] = alphabet[prng_below(&prng, letters)];
        if (prng_below(&prng, 8) == 0)
            at[prng_below(&prng, length)] = (char)prng_next(&prng);
        at[0] = '/';
        struct str copy = guard_copy((struct str){at, length});
        memset(&path, '#', sizeof path);
        enum path_result result = path_decode(copy, &path);
        guard_drop(copy);
        cr_assert_eq(path_decode((struct str){bytes, 5 + length}, &longer), result, "%.*s",
                     (int)length, at);
        if (result != PATH_OK)
            continue;
        cr_assert_str_eq(path.text, longer.text, "%.*s", (int)length, at);
        cr_assert(path.length == longer.length && path.directory == longer.directory, "%.*s",
                  (int)length, at);
        agreed++;
    }
    cr_expect_gt(agreed, 50000, "%u", agreed);
}

Test(path, survives_random_bytes)
{
    struct prng prng = {1};
    for (int round = 0; round < 50000; round++) {
        char bytes[64];
        size_t length = prng_below(&prng, sizeof bytes + 1);
        for (size_t i = 0; i < length; i++)
            bytes[i] = (char)prng_next(&prng);
        if (length > 0)
            bytes[0] = '/';
        struct str copy = guard_copy((struct str){bytes, length});
        if (path_decode(copy, &path) == PATH_OK)
            check_decoded();
        guard_drop(copy);
    }
}

Test(path, knows_challenges_by_their_decoded_path)
{
    static const struct {
        const char *target;
        bool challenge;
    } rows[] = {
        {"/.well-known/acme-challenge/token", true},
        {"/.well-known/acme-challenge/a/b", true},
        {"/.well-known//acme-challenge/%74oken", true},
        {"/.well-known/acme-challenge/", false},
        {"/.well-known/acme-challenge", false},
        {"/.well-known/acme-challenges/token", false},
        {"/.well-known/acme-challenge/../token", false},
        {"/.well-known/acme-challenge/.token", false},
        {"/.well-known/acme-challenge/a%2fb", false},
        {"/a/.well-known/acme-challenge/token", false},
        {"/", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct path decoded;
        path_decode(str_of(rows[i].target), &decoded);
        cr_expect_eq(path_is_challenge(&decoded), rows[i].challenge, "%s", rows[i].target);
    }
}
