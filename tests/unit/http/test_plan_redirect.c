/* plan_redirect: Location, RFC 9110 sections 10.2.2, 15.4.2 (301), 15.4.9 (308), 15.5.15 (414). */
#include "support/plan_rig.h"

Test(plan_redirect, keeps_the_query_in_a_redirect)
{
    static const struct {
        struct str target; /* as a client sends it: path and query */
        const char *location;
    } rows[] = {
        {STR_INIT("/guide"), "guide/"},
        {STR_INIT("/guide?a=b&c"), "guide/?a=b&c"},
        {STR_INIT("/guide?"), "guide/?"},
        {STR_INIT("/guide?//x?y"), "guide/?//x?y"},
        {STR_INIT("/a/b?c%20d"), "b/?c%20d"},
        {STR_INIT("//host/b"), "b/"},
        {STR_INIT("/\xc3\xa4?q=\xc3\xbc"), "%C3%A4/?q=%C3%BC"},
    };
    static struct path path;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t mark = str_find(rows[i].target, '?');
        struct request request = {.method = HTTP_GET, .path = str_first(rows[i].target, mark)};
        if (mark < rows[i].target.length)
            request.query = str_from(rows[i].target, mark + 1);
        cr_assert_eq(path_decode(request.path, &path), PATH_OK);
        struct resource *resource = resource_create_redirect(&path, NULL);
        struct plan plan;
        make(&plan, &request, resource);
        expect_page(rows[i].target.at, &plan, HTTP_MOVED_PERMANENTLY);
        expect_field(rows[i].target.at, &plan, STR("Location"), rows[i].location);
        resource_drop(resource);
    }
}

/* The target of the redirect would be too long for a Location. */
Test(plan_redirect, refuses_a_redirect_with_a_very_long_query)
{
    enum { MAX = 8 << 10 };
    static char query[MAX + 1];
    static struct path path;
    cr_assert_eq(path_decode(STR("/guide"), &path), PATH_OK);
    struct resource *resource = resource_create_redirect(&path, NULL);
    memset(query, 'q', sizeof query);
    for (unsigned excess = 0; excess < 2; excess++) {
        struct request request = {
            .method = HTTP_GET, .path = STR("/guide"), .query = {query, MAX + excess}};
        struct plan plan;
        make(&plan, &request, resource);
        cr_expect_eq(plan.status, excess ? HTTP_URI_TOO_LONG : HTTP_MOVED_PERMANENTLY);
        plan_fini(&plan);
    }
    resource_drop(resource);
}

Test(plan_redirect, redirects_to_a_prefix_with_the_target_as_it_came)
{
    static const char both[] = "/a%20b\xc3\xa9?c=d?e";
    struct request request;
    struct plan plan;
    request_init(&request);
    request.method = HTTP_POST;
    request.path = str_first(str_of(both), strlen("/a%20b\xc3\xa9"));
    request.query = STR("c=d?e");
    request.query.at = both + request.path.length + 1;
    plan_make_redirect(&plan, &request, STR("https://a.example:8443"));
    expect_page("redirect", &plan, HTTP_PERMANENT_REDIRECT);
    expect_field("redirect", &plan, STR("Location"), "https://a.example:8443/a%20b%C3%A9?c=d?e");
    plan_fini(&plan);
}

/* With Strict-Transport-Security, which is added last, it has room for all. */
Test(plan_redirect, lets_scripts_of_every_origin_follow)
{
    struct request request;
    struct plan plan;
    request_init(&request);
    request.method = HTTP_GET;
    request.path = STR("/a");
    plan_make_redirect_to(&plan, &request, HTTP_FOUND, STR("/b"));
    expect_field("without", &plan, STR("Access-Control-Allow-Origin"), NULL);
    plan_allow_origins(&plan);
    plan_add_field(&plan, STR("Strict-Transport-Security"), STR("max-age=1"));
    expect_field("with", &plan, STR("Access-Control-Allow-Origin"), "*");
    expect_field("with", &plan, STR("Access-Control-Expose-Headers"), "*");
    expect_field("with", &plan, STR("Location"), "/b");
    unsigned sniffs = 0;
    for (unsigned i = 0; i < plan.field_count; i++)
        sniffs += str_equal(plan.fields[i].name, STR("X-Content-Type-Options"));
    cr_expect_eq(sniffs, 1, "once");
    plan_fini(&plan);
}

Test(plan_redirect, refuses_to_redirect_a_target_that_is_too_long)
{
    static char target[(8 << 10) + 2];
    struct request request;
    struct plan plan;
    memset(target, 'a', sizeof target);
    target[0] = '/';
    request_init(&request);
    request.method = HTTP_GET;
    for (size_t length = 8 << 10; length <= (8 << 10) + 1; length++) {
        request.path = (struct str){target, length};
        plan_make_redirect(&plan, &request, STR("https://a"));
        cr_expect_eq(plan.status, length > 8 << 10 ? HTTP_URI_TOO_LONG : HTTP_PERMANENT_REDIRECT);
        plan_fini(&plan);
    }
}
