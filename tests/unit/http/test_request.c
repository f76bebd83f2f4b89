/* request: an owned request borrows nothing from the bytes it was made of. (Joining the lines of a
 * field is tested in test_h1_parse_fields.c and test_plan.c.) */
#include "http/request.h"
#include "support/guard.h"

#include <criterion/criterion.h>

TestSuite(request, .timeout = 120);

/* Each view has a guard page of its own, so that a copy that still points there can be found. */
static void fill(struct request *request)
{
    request_init(request);
    request->method = HTTP_POST;
    request->refusal = HTTP_CONTENT_TOO_LARGE;
    request->authority = guard_copy(STR("Example.com:80"));
    request->path = guard_copy(STR("/a%20b"));
    request->query = guard_copy(STR(""));
    request_add_field(request, HTTP_FIELD_IF_MATCH, guard_copy(STR("\"a\"")));
    request_add_field(request, HTTP_FIELD_RANGE, guard_copy(STR("bytes=0-1")));
    request_add_field(request, HTTP_FIELD_ACCEPT, guard_copy(STR("text/html")));
    request_add_field(request, HTTP_FIELD_ACCEPT, guard_copy(STR("a/b;q=0.5")));
    request_add_field(request, HTTP_FIELD_ACCEPT_ENCODING, guard_copy(STR("gzip")));
    request_add_field(request, HTTP_FIELD_ACCEPT, guard_copy(STR("*/*")));
}

static void unmap(const struct request *request)
{
    guard_drop(request->authority);
    guard_drop(request->path);
    guard_drop(request->query);
    for (unsigned i = 0; i < HTTP_FIELD_COUNT; i++)
        guard_drop(request->fields[i]);
    for (unsigned i = 0; i < request->more_count; i++)
        guard_drop(request->more[i].value);
}

static bool is(struct str view, struct str text)
{
    return view.at && str_equal(view, text);
}

Test(request, copies_all_text_it_refers_to)
{
    struct request request, copy;
    fill(&request);
    static const char blank[256];
    size_t bytes = request_bytes(&request);
    cr_assert_eq(bytes, sizeof "Example.com:80/a%20b\"a\"bytes=0-1text/htmla/b;q=0.5gzip*/*" - 1);
    struct str room = guard_copy((struct str){blank, bytes}); /* one byte more would fault */
    memset(&copy, 0x5a, sizeof copy);
    request_copy(&copy, &request, (char *)(uintptr_t)room.at);
    unmap(&request);
    memset(&request, 0x5a, sizeof request);

    char scratch[REQUEST_JOINED_BYTES_MAX];
    cr_expect_eq(copy.method, HTTP_POST);
    cr_expect_eq(copy.refusal, HTTP_CONTENT_TOO_LARGE);
    cr_expect(is(copy.authority, STR("Example.com:80")));
    cr_expect(is(copy.path, STR("/a%20b")));
    cr_expect(is(copy.query, STR("")), "present and empty");
    cr_expect(is(request_field(&copy, HTTP_FIELD_RANGE, scratch), STR("bytes=0-1")));
    cr_expect(is(request_field(&copy, HTTP_FIELD_ACCEPT_ENCODING, scratch), STR("gzip")));
    cr_expect(
        is(request_field(&copy, HTTP_FIELD_ACCEPT, scratch), STR("text/html, a/b;q=0.5, */*")));
    cr_expect(is(request_field(&copy, HTTP_FIELD_IF_MATCH, scratch), STR("\"a\"")));
    cr_expect_null(copy.fields[HTTP_FIELD_IF_NONE_MATCH].at, "absent stays absent");
    guard_drop(room);
}

Test(request, gives_an_equal_copy_of_a_copy)
{
    struct request request, copy, again;
    char first[256], second[256], scratch[REQUEST_JOINED_BYTES_MAX];
    fill(&request);
    request_copy(&copy, &request, first);
    request_copy(&again, &copy, second);
    cr_expect_eq(request_bytes(&again), request_bytes(&request));
    memset(first, '#', sizeof first);
    cr_expect(is(again.path, request.path));
    cr_expect(
        is(request_field(&again, HTTP_FIELD_ACCEPT, scratch), STR("text/html, a/b;q=0.5, */*")));
    unmap(&request);
}

Test(request, needs_no_room_for_an_empty_request)
{
    struct request request, copy;
    char unused = 0;
    request_init(&request);
    cr_expect_eq(request_bytes(&request), 0);
    request_copy(&copy, &request, &unused);
    cr_expect_eq(copy.method, HTTP_METHOD_OTHER);
    cr_expect_null(copy.authority.at);
    cr_expect_null(copy.path.at);
    cr_expect_null(copy.query.at);
    cr_expect_eq(copy.more_count, 0);
}

Test(request, empties_a_list_that_is_too_long_to_be_joined)
{
    static char half[REQUEST_JOINED_BYTES_MAX / 2];
    char scratch[REQUEST_JOINED_BYTES_MAX];
    for (unsigned excess = 0; excess < 2; excess++) {
        struct request request;
        request_init(&request);
        memset(half, 'a', sizeof half);
        request_add_field(&request, HTTP_FIELD_IF_NONE_MATCH, (struct str){half, sizeof half});
        request_add_field(&request, HTTP_FIELD_IF_NONE_MATCH, STR("b"));
        struct str last = {half, sizeof half - sizeof "b, , " + 1 + excess};
        request_add_field(&request, HTTP_FIELD_IF_NONE_MATCH, last);
        struct str joined = request_field(&request, HTTP_FIELD_IF_NONE_MATCH, scratch);
        cr_expect_eq(joined.length, excess ? 0 : sizeof scratch);
        cr_expect_not_null(joined.at, "it is there all the same");
    }
}
