/* h1_forwarded: which lines of the input are fields of the request, and so may name its client. */
#include "h1/h1_forwarded.h"
#include "support/guard.h"

#include <criterion/criterion.h>

#define X    "X-Forwarded-For: "
#define HEAD "GET / HTTP/1.1\r\n"

static const struct {
    const char *label, *head;
    const char *values[3]; /* of X-Forwarded-For, in the order they came */
} rows[] = {
    {"a field", HEAD X "192.0.2.1\r\n\r\n", {"192.0.2.1"}},
    {"two lines, of one name in any case",
     HEAD X "192.0.2.1\r\nHost: a\r\nx-forwarded-FOR:\t192.0.2.2 \r\n\r\n",
     {"192.0.2.1", "192.0.2.2"}},
    {"LF alone", "GET / HTTP/1.1\n" X "192.0.2.1\n\n", {"192.0.2.1"}},
    {"another name", HEAD "X-Forwarded-Fo: 1\r\nX-Forwarded-For-X: 2\r\n\r\n", {NULL}},
    {"a field of the next request", HEAD "Host: a\r\n\r\n" HEAD X "192.0.2.1\r\n\r\n", {NULL}},
    {"content", HEAD "Content-Length: 28\r\n\r\n" X "192.0.2.1\r\n", {NULL}},
    {"a request line like a field", X "192.0.2.1\r\n\r\n", {NULL}},
    {"a line without a colon", HEAD "nonsense\r\n" X "192.0.2.1\r\n\r\n", {"192.0.2.1"}},
    {"half a line", HEAD X "192.0.2.1\r\n" X "192.0.2.2", {"192.0.2.1"}},
    {"an empty value", HEAD X "\r\n\r\n", {""}},
    {"nothing", "", {NULL}},
};

Test(h1_forwarded, takes_the_fields_of_the_first_head_alone)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct forwarded_fields fields;
        const struct str input = guard_copy(str_of(rows[i].head));
        const struct forwarded_lines *lines = &fields.lines[FORWARDED_X_FOR];
        unsigned count = 0;
        h1_forwarded(&fields, input);
        for (; count < COUNT_OF(rows[i].values) && rows[i].values[count]; count++) {
            cr_assert_gt(lines->count, count, "%s", rows[i].label);
            cr_expect(str_equal(lines->items[count], str_of(rows[i].values[count])), "%s: %.*s",
                      rows[i].label, (int)lines->items[count].length, lines->items[count].at);
        }
        cr_expect_eq(lines->count, count, "%s: %u lines", rows[i].label, lines->count);
        guard_drop(input);
    }
}
