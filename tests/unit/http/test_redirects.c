/* redirects: what rules mean, which are refused, and circles. RFC 9110 sections 10.2.2 and 15.4. */
#include "http/redirects.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

static struct redirects *redirects;
static struct arena arena;

static void set_up(void)
{
    redirects = redirects_create(&arena);
    cr_assert_not_null(redirects);
}

static void tear_down(void)
{
    redirects_destroy(redirects);
    arena_fini(&arena);
}

TestSuite(redirects, .init = set_up, .fini = tear_down);

static void add(const char *text)
{
    struct problem problem;
    cr_assert_eq(redirects_add(redirects, str_of(text), &problem), 0, "%s: %s", text, problem.what);
}

/* "STATUS LOCATION" for PATH and QUERY (NULL: absent); "": no rule matches. Static. */
static const char *find(const char *path, const char *query)
{
    static char text[8192];
    static struct rules_values values;
    struct redirect redirect;
    struct str asked = query ? str_of(query) : STR_ABSENT;
    if (!redirects_find(redirects, str_of(path), asked, &values, &redirect))
        return "";
    snprintf(text, sizeof text, "%d %.*s", (int)redirect.status, (int)redirect.location.length,
             redirect.location.at ? redirect.location.at : "");
    return text;
}

Test(redirects, fill_in_what_was_matched)
{
    static const struct {
        const char *path, *query, *found;
    } rows[] = {
        {"/a", NULL, "301 /b"},
        {"/a", "", "301 /b?"},
        {"/a", "x=%20y", "301 /b?x=%20y"},
        {"/a/", NULL, ""},
        {"/A", NULL, ""},
        {"/old/x/y", NULL, "302 /new/x/y"},
        {"/old/", NULL, "302 /new/"},
        {"/old/x y\r\n", NULL, "302 /new/x%20y%0D%0A"},
        {"/old/\xc3\xa4", "q", "302 /new/%C3%A4?q"},
        {"/blog/2026/hi", NULL, "303 https://blog.example.org/2026-hi"},
        {"/blog/2026/hi/", NULL, ""},
        {"/q/x", NULL, "307 /search?q=x"},
        {"/q/x&y", "a=b", "307 /search?q=x%26y&a=b"},
        {"/f", "a", "308 /g?a#part"},
        {"/app/a b/", NULL, "301 /#/a%20b/"},
        {"/app/a/b", "c", "301 /?c#/a/b"},
        {"/help", NULL, "301 /wiki/Help:Contents"},
        {"/string", NULL, "301 /std::string?a:b"},
        {"/ext", NULL, "301 http://other.example"},
        {"/ext", "a", "301 http://other.example?a"},
        {"/first", NULL, "301 /1"},
    };
    add("/a /b");
    add("/old/* /new/:splat 302");
    add("/blog/:year/:name https://blog.example.org/:year-:name 303");
    add("/q/* /search?q=:splat 307");
    add("  /f \t /g#part   308 ");
    add("/ext http://other.example 301");
    add("/app/* /#/:splat");
    add("/help /wiki/Help:Contents");
    add("/string /std::string?a:b");
    add("/first /1");
    add("/first /2");
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        cr_expect_str_eq(find(rows[i].path, rows[i].query), rows[i].found, "%s", rows[i].path);
}

/* A path that begins with two slashes would name a host (RFC 3986 section 4.2). */
Test(redirects, never_lead_to_a_host_that_the_request_names)
{
    add("/x* /:splat");
    add("/z/* /:splat");
    cr_expect_str_eq(find("/x/evil.example", NULL), "301 /evil.example");
    cr_expect_str_eq(find("/x//evil.example", NULL), "301 /evil.example");
    cr_expect_str_eq(find("/z//evil.example", NULL), "301 /evil.example");
    cr_expect_str_eq(find("/z/\\evil.example", NULL), "301 /%5Cevil.example");
    cr_expect_str_eq(find("/z/", NULL), "301 /");
}

Test(redirects, give_none_that_is_too_long)
{
    static char path[6000], query[6000];
    memset(path, 'a', 4200);
    path[0] = path[2] = '/';
    memset(query, 'q', 4200);
    add("/a/* /b/:splat");
    add("/c /d");
    cr_expect_str_eq(find(path, NULL), "301 ");
    cr_expect_str_eq(find("/c", query), "301 ");
    query[4000] = '\0';
    cr_expect_eq(strlen(find("/c", query)), strlen("301 /d?") + 4000);
    add("/e/* /f#:splat");
    path[1] = 'e';
    cr_expect_str_eq(find(path, NULL), "301 ");
}

Test(redirects, refuse_what_they_cannot_mean)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"", "two or three words"},
        {"/a", "two or three words"},
        {"/a /b 301 x", "two or three words"},
        {"a /b", "does not begin with '/'"},
        {"/a? /b", "queries are ignored"},
        {"/*/*/*/*/*/*/*/*/* /b", "more than 8 wildcards"},
        {"/a /b 300", "status"},
        {"/a /b 304", "status"},
        {"/a /b 200", "status"},
        {"/a /b 3010", "status"},
        {"/a /b permanent", "status"},
        {"/a b", "neither a path nor a URL"},
        {"/a //evil.example/", "neither a path nor a URL"},
        {"/a ftp://a.example/", "neither a path nor a URL"},
        {"/a https://", "neither a path nor a URL"},
        {"/a https:///b", "neither a path nor a URL"},
        {"/* https://:splat/", "neither a path nor a URL"},
        {"/* https://example.org:splat", "neither a path nor a URL"},
        {"/* https://user@example.org/", "neither a path nor a URL"},
        {"/* :splat", "neither a path nor a URL"},
        {"/a /b/:splat", "its target has :splat, and its path has no *"},
        {"/a /b?Help:splat", "its target has :splat"},
        {"/a /b#:splat", "its target has :splat"},
        {"/:page /b/:splat", "its target has :splat"},
        {"/:page /b/:pages", "its target has :pages, and its path does not"},
        {"/:year/* /:year-:name", "its target has :name"},
        {"/a https://example.org/:name", "its target has :name"},
        {"/a /b\xc3\xa4", "percent-encode it"},
        {"/a /b\r\nX-A:1", "percent-encode it"},
        {"/a /b\\c", "percent-encode it"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct problem problem;
        char words[PROBLEM_TEXT_BYTES];
        cr_assert_eq(redirects_add(redirects, str_of(rows[i].text), &problem), -EINVAL, "%s",
                     rows[i].text);
        problem_text(&problem, words);
        cr_expect(strstr(words, rows[i].says), "%s: %s", rows[i].text, words);
        cr_expect(problem.remedy[0] != '\0');
    }
    cr_expect_str_eq(find("/a", NULL), "", "none was added");
}

/* Two hosts have the rules; their https is another server's. */
static const struct redirects *find_own(const void *context, struct str authority, bool secure)
{
    (void)context;
    const bool own = str_equal_nocase(authority, STR("example.org")) ||
                     str_equal_nocase(authority, STR("example.net:81"));
    return own && !secure ? redirects : NULL;
}

Test(redirects, find_circles)
{
    static const struct {
        const char *rules[3];
        int index; /* of the rule that is named; -1: none */
    } rows[] = {
        {{"/a /b", "/b /c"}, -1},
        {{"/a /a"}, 0},
        {{"/a /b", "/b /a"}, 0},
        {{"/x /y", "/a /b", "/b /a"}, 1},
        {{"/* /maintenance.html 302"}, 0},
        {{"/maintenance.html /x", "/* https://other.example/:splat"}, -1},
        {{"/old/* /new/:splat"}, -1},
        {{"/old/* /old/new/:splat"}, 0},
        {{"/old/* /new/:splat", "/new/* /old/:splat"}, 0},
        {{"/a/:b /:b/a", "/x/a /a/x"}, 0},
        {{"/* http://example.org/:splat"}, 0},
        {{"/* HTTP://EXAMPLE.org/:splat?x#y"}, 0},
        {{"/* http://example.net:81/:splat"}, 0},
        {{"/* http://example.net/:splat"}, -1},
        {{"/* https://example.org/:splat"}, -1},
        {{"/a http://example.org/b"}, -1},
        {{"/a http://example.org/b", "/b http://example.net:81/a"}, 0},
        {{"/a%20b /a%20b"}, 0},
        {{"/a /b?c", "/b /a#d"}, 0},
        {{"/a /x/../a"}, 0},
    };
    const struct redirects_map map = {.find = find_own};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct redirects_circle circle = {.index = 4711};
        tear_down();
        set_up();
        for (size_t j = 0; j < COUNT_OF(rows[i].rules) && rows[i].rules[j]; j++)
            add(rows[i].rules[j]);
        const bool found = redirects_find_circle(redirects, 0, &map, &circle);
        cr_expect_eq(found, rows[i].index >= 0, "%s", rows[i].rules[0]);
        cr_expect_eq(circle.index, found ? (unsigned)rows[i].index : 4711, "%s", rows[i].rules[0]);
    }
}

/* The second site's rules lead back to the first one. */
static const struct redirects *find_other(const void *context, struct str authority, bool secure)
{
    (void)secure;
    return str_equal(authority, STR("b.example")) ? context : redirects;
}

Test(redirects, find_circles_through_other_sites)
{
    struct redirects *other = redirects_create(&arena);
    const struct redirects_map map = {find_other, other};
    struct redirects_circle circle;
    struct problem problem;
    add("/y /z");
    add("/x https://b.example/x");
    cr_assert_eq(redirects_add(other, STR("/v /w"), &problem), 0);
    cr_expect_not(redirects_find_circle(redirects, 0, &map, &circle));
    cr_assert_eq(redirects_add(other, STR("/x http://a.example/x"), &problem), 0);
    cr_assert(redirects_find_circle(redirects, 0, &map, &circle));
    cr_expect_eq(circle.index, 1);
    cr_expect(circle.to_https);
    cr_expect(str_equal(circle.from, STR("/x")));
    cr_expect_eq(circle.next, other);
    cr_expect_eq(circle.next_index, 1);
    cr_expect_not(redirects_find_circle(redirects, 2, &map, &circle));
    redirects_destroy(other);
}

Test(redirects, hold_a_thousand_rules)
{
    char text[64];
    const struct redirects_map map = {.find = find_own};
    struct redirects_circle circle;
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "/r%u/* /s%u/:splat 302", i, i);
        add(text);
    }
    cr_expect_str_eq(find("/r999/x", NULL), "302 /s999/x");
    cr_expect_not(redirects_find_circle(redirects, 0, &map, &circle));
}
