/* The fields of a response are the same in every encoding: a second one, made of the values in plan
 * and resource, says name for name what the HTTP/1 head says. It takes the place of HPACK: each
 * string follows its length. */
#include "support/resources.h"
#include "support/session_bench.h"

/* --- The second encoding ---------------------------------------------------------------------- */

enum { ENCODED_BYTES = 4096 };

/* Fields, each as two strings that follow their lengths. */
struct encoded {
    size_t length;
    char bytes[ENCODED_BYTES];
};

/* Adds a string in two pieces. */
static void put_string(struct encoded *to, struct str first, struct str more)
{
    uint16_t bytes = (uint16_t)(first.length + more.length);
    cr_assert_leq(to->length + sizeof bytes + bytes, sizeof to->bytes);
    memcpy(to->bytes + to->length, &bytes, sizeof bytes);
    char *end = str_put(str_put(to->bytes + to->length + sizeof bytes, first), more);
    to->length = (size_t)(end - to->bytes);
}

static void put_field(struct encoded *to, struct str name, struct str value, struct str more)
{
    put_string(to, name, STR(""));
    put_string(to, value, more);
}

static void put_block(struct encoded *to, struct field_block block)
{
    struct field field;
    while (field_block_next(&block, &field))
        put_field(to, field.name, field.value, STR(""));
}

/* Encodes the fields of PLAN, as a session of another protocol would. */
static void encode(struct encoded *ret, const struct plan *plan)
{
    char length[NUM_U64_DIGITS_MAX];
    ret->length = 0;
    put_block(ret, plan_prepared(plan));
    if (plan->page_fields)
        put_block(ret, *plan->page_fields);
    for (unsigned i = 0; i < plan->field_count; i++)
        put_field(ret, plan->fields[i].name, plan->fields[i].value, plan->fields[i].query);
    if (plan_needs_length(plan))
        put_field(ret, STR("Content-Length"),
                  (struct str){length, num_write_u64(length, plan->content_bytes)}, STR(""));
}

static struct str take_string(struct str *encoded)
{
    uint16_t bytes;
    memcpy(&bytes, encoded->at, sizeof bytes);
    struct str string = str_first(str_from(*encoded, sizeof bytes), bytes);
    *encoded = str_from(*encoded, sizeof bytes + bytes);
    return string;
}

/* --- The HTTP/1 head -------------------------------------------------------------------------- */

/* Takes the next line off *HEAD, without its CRLF. */
static struct str take_line(struct str *head)
{
    struct str line = str_first(*head, str_find(*head, '\r'));
    *head = str_from(*head, line.length + 2);
    return line;
}

/* Takes the next field off *HEAD that plan or resource could have given. False at the empty
 * line. */
static bool take_field(struct str *head, struct field *ret)
{
    for (;;) {
        struct str line = take_line(head);
        size_t colon = str_find(line, ':');
        if (line.length == 0)
            return false;
        *ret = (struct field){str_first(line, colon), str_from(line, colon + 2)};
        if (!str_equal(ret->name, STR("Server")) && !str_equal(ret->name, STR("Date")) &&
            !str_equal(ret->name, STR("Connection")))
            return true;
    }
}

/* That HEAD and ENCODED have the same fields. Returns their number. */
static unsigned expect_same(const char *label, struct str head, const struct encoded *encoded)
{
    struct str rest = {encoded->bytes, encoded->length};
    struct field field;
    unsigned count = 0;
    take_line(&head); /* the status */
    while (take_field(&head, &field)) {
        cr_assert_gt(rest.length, 0, "%s: only HTTP/1 has %.*s", label, (int)field.name.length,
                     field.name.at);
        struct str name = take_string(&rest), value = take_string(&rest);
        cr_expect(str_equal(name, field.name), "%s: %.*s, not %.*s", label, (int)name.length,
                  name.at, (int)field.name.length, field.name.at);
        cr_expect(str_equal(value, field.value), "%s: %.*s: %.*s", label, (int)name.length, name.at,
                  (int)value.length, value.at);
        count++;
    }
    cr_expect_eq(rest.length, 0, "%s: HTTP/1 lacks fields", label);
    return count;
}

/* --- Both ------------------------------------------------------------------------------------- */

/* Answers with PLAN, whose COUNT fields are the same in both encodings. *Takes* what it holds. */
static void expect_fields(const char *label, struct bench *bench, struct plan *plan, unsigned count)
{
    struct encoded encoded;
    encode(&encoded, plan);
    cr_assert(
        h1_answer(&bench->session, bench->limits, &bench->head, plan, &bench->output, &driver_now));
    plan_fini(plan);
    const unsigned same = expect_same(label, sent(bench), &encoded);
    cr_expect_eq(same, count, "%s: %u", label, same);
}

Test(h1_fields, another_encoding_has_the_fields_of_the_head)
{
    static const struct {
        const char *label, *request;
        enum http_status status;
        unsigned fields;
    } rows[] = {
        {"200", "GET /small HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_OK, 5},
        {"200 to HEAD", "HEAD /file HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_OK, 5},
        {"206", "GET /small HTTP/1.1\r\nHost: a\r\nRange: bytes=1-2\r\n\r\n", HTTP_PARTIAL_CONTENT,
         6},
        {"206 of two parts", "GET /small HTTP/1.1\r\nHost: a\r\nRange: bytes=1-2,5-6\r\n\r\n",
         HTTP_PARTIAL_CONTENT, 4},
        {"304", "GET /small HTTP/1.1\r\nHost: a\r\nIf-None-Match: *\r\n\r\n", HTTP_NOT_MODIFIED, 2},
        {"404", "GET /none HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_NOT_FOUND, 3},
        {"301", "GET /dir HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_MOVED_PERMANENTLY, 4},
        {"301 with a query", "GET /dir?a=b HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_MOVED_PERMANENTLY, 4},
        {"405", "PUT /small HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_METHOD_NOT_ALLOWED, 4},
        {"416", "GET /small HTTP/1.1\r\nHost: a\r\nRange: bytes=99-\r\n\r\n",
         HTTP_RANGE_NOT_SATISFIABLE, 4},
        {"503", "GET /busy HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_UNAVAILABLE, 4},
        {"OPTIONS", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_NO_CONTENT, 1},
        {"400", "GET /small HTTP/1.1\r\n\r\n", HTTP_BAD_REQUEST, 3},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bench *bench = bench_create(&pipelined);
        struct resource *resource;
        struct plan plan;
        cr_assert_eq(next(bench, str_of(rows[i].request)), H1_REQUEST, "%s", rows[i].label);
        driver_plan(&plan, &bench->head.request, &resource);
        cr_expect_eq(plan.status, rows[i].status, "%s: %d", rows[i].label, plan.status);
        expect_fields(rows[i].label, bench, &plan, rows[i].fields);
        bench_destroy(bench);
    }
}

/* Fields of a site's rules, and those of a preflight, come from blocks and tables of their own. */
Test(h1_fields, another_encoding_has_a_sites_fields)
{
    static const struct plan_policy cors = {.cors = true};
    static const struct {
        const char *label, *request;
        bool rules;
        unsigned fields;
    } rows[] = {
        {"404", "GET /none HTTP/1.1\r\nHost: a\r\n\r\n", true, 3},
        {"OPTIONS", "OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n", false, 5},
        {"OPTIONS, with rules", "OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n", true, 2},
    };
    struct resource *refusal = resource_create_refusal(HTTP_NOT_FOUND, list_of("X-A", "1"));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct found found = {.resource = rows[i].rules ? refusal : NULL};
        struct bench *bench = bench_create(&pipelined);
        struct plan plan;
        cr_assert_eq(next(bench, str_of(rows[i].request)), H1_REQUEST, "%s", rows[i].label);
        plan_make(&plan, &bench->head.request, &found, &cors, &driver_now);
        expect_fields(rows[i].label, bench, &plan, rows[i].fields);
        bench_destroy(bench);
    }
    resource_drop(refusal);
}
