/* parse_check: see parse_check.h. */
#include "support/parse_check.h"

#include "support/guard.h"

#include <criterion/criterion.h>

/* Two places, each directly below a guard page, which the input takes in turns. What is left in the
 * one before is written over. */
enum { PLACES = 2 };

static char *place_end(unsigned place)
{
    static char *ends[PLACES];
    if (!ends[place]) {
        static const char blank[PARSE_INPUT_MAX];
        struct str copy = guard_copy((struct str){blank, sizeof blank});
        ends[place] = (char *)(uintptr_t)copy.at + copy.length;
    }
    return ends[place];
}

static struct str put(unsigned place, struct str input)
{
    char *other_end = place_end(!place);
    memset(other_end - input.length, '%', input.length);
    char *at = place_end(place) - input.length;
    str_put(at, input);
    return (struct str){at, input.length};
}

static struct parsed parse(struct h1_parse *state, struct str view, size_t head_bytes_max)
{
    struct parsed parsed;
    memset(&parsed, 0x5a, sizeof parsed); /* nothing is taken for granted */
    parsed.result = h1_parse(state, view, head_bytes_max, &parsed.head, &parsed.head_bytes);
    return parsed;
}

/* Equal as views into the same text, of which A's and B's are copies: the same bytes, and both
 * absent or both present. */
static bool same_view(struct str a, struct str b)
{
    return a.at && b.at ? str_equal(a, b) : a.at == b.at;
}

static bool same_more(const struct request *a, const struct request *b)
{
    if (a->more_count != b->more_count)
        return false;
    for (unsigned i = 0; i < a->more_count; i++) {
        if (a->more[i].field != b->more[i].field || !same_view(a->more[i].value, b->more[i].value))
            return false;
    }
    return true;
}

static bool same_request(const struct request *a, const struct request *b)
{
    for (size_t i = 0; i < HTTP_FIELD_COUNT; i++) {
        if (!same_view(a->fields[i], b->fields[i]))
            return false;
    }
    return a->method == b->method && a->refusal == b->refusal &&
           same_view(a->authority, b->authority) && same_view(a->path, b->path) &&
           same_view(a->query, b->query) && same_more(a, b);
}

static bool same_head(const struct h1_head *a, const struct h1_head *b)
{
    return same_request(&a->request, &b->request) && a->minor == b->minor &&
           a->framing == b->framing && a->content_bytes == b->content_bytes &&
           a->close == b->close && a->keep_alive == b->keep_alive &&
           a->expects_continue == b->expects_continue;
}

static void expect_same(const char *label, size_t first, const struct parsed *parsed,
                        const struct parsed *expected)
{
    cr_assert_eq(parsed->result, expected->result, "%s: split at %zu", label, first);
    if (expected->result == H1_PARSE_MORE)
        return;
    cr_assert(same_head(&parsed->head, &expected->head), "%s: split at %zu", label, first);
    if (expected->result == H1_PARSE_HEAD)
        cr_assert_eq(parsed->head_bytes, expected->head_bytes, "%s: split at %zu", label, first);
}

struct parsed parse_whole(struct str input, size_t head_bytes_max)
{
    struct h1_parse state = {0};
    static char kept[PARSE_INPUT_MAX]; /* so that the views outlive what follows */
    struct parsed parsed = parse(&state, put(0, input), head_bytes_max);
    str_put(kept, input);
    return parsed.result == H1_PARSE_MORE
               ? parsed
               : parse(&(struct h1_parse){0}, (struct str){kept, input.length}, head_bytes_max);
}

void parse_split(const char *label, struct str input, size_t head_bytes_max, size_t first,
                 const struct parsed *expected)
{
    struct h1_parse state = {0};
    struct parsed parsed = parse(&state, put(0, str_first(input, first)), head_bytes_max);
    if (parsed.result == H1_PARSE_MORE)
        parsed = parse(&state, put(1, input), head_bytes_max);
    expect_same(label, first, &parsed, expected);
}

static void parse_bytewise(const char *label, struct str input, size_t head_bytes_max,
                           const struct parsed *expected)
{
    struct h1_parse state = {0};
    struct parsed parsed = {.result = H1_PARSE_MORE};
    size_t bytes = 0;
    while (bytes < input.length && parsed.result == H1_PARSE_MORE) {
        bytes++;
        parsed = parse(&state, put(bytes % 2, str_first(input, bytes)), head_bytes_max);
    }
    expect_same(label, bytes, &parsed, expected);
}

struct parsed parse_every_way(const char *label, struct str input, size_t head_bytes_max)
{
    struct parsed whole = parse_whole(input, head_bytes_max);
    for (size_t first = 0; first <= input.length; first++)
        parse_split(label, input, head_bytes_max, first, &whole);
    parse_bytewise(label, input, head_bytes_max, &whole);
    return whole;
}

struct parsed parse_fields(struct str line, struct str fields)
{
    static char text[PARSE_INPUT_MAX];
    char *at = str_put(text, line);
    at = str_put(at, STR("\r\nHost: a\r\n"));
    at = str_put(at, fields);
    at = str_put(at, STR("\r\n"));
    return parse_every_way(fields.at, (struct str){text, (size_t)(at - text)}, 8 << 10);
}
