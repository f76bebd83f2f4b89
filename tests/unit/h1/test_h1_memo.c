/* h1_memo: when a response is kept, when it is repeated, and that memory is bounded. */
#include "h1/h1_memo.h"
#include "support/faults.h"
#include "support/prng.h"
#include "support/resources.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { ANY = 1 << 20, NOW_MS = 5000, NOW_SECONDS = 784111777, BODY_BYTES = 3000 };

static struct h1_memos memos;
static struct date_now now;
static struct resource *resource;
static size_t date_at; /* in the bytes that `serve` keeps */
static bool fixed;

static struct resource *make_resource(struct blob *body)
{
    static const struct blob_identity identity = {.inode = 7};
    struct resource *made = plain_file(body, &identity, STR("text/plain"), INT64_MAX);
    made->lease->fresh_until_ms = NOW_MS + 1000;
    blob_drop(body);
    return made;
}

static void set_up(void)
{
    now = (struct date_now){0};
    date_now_set(&now, NOW_MS, NOW_SECONDS);
    date_at = 0;
    fixed = true;
    h1_memos_init(&memos, ANY);
    resource = make_resource(blob_create_bytes(BODY_BYTES));
}

static void tear_down(void)
{
    faults_clear();
    h1_memos_fini(&memos);
    resource_drop(resource);
}

TestSuite(h1_memo, .init = set_up, .fini = tear_down, .timeout = 120);

static const struct str head = STR_INIT("GET /a HTTP/1.1\r\nHost: example\r\n\r\n");

static uint32_t origin; /* of the connections that send the requests */

static struct h1_memo *find(struct str input)
{
    struct h1_memo_key key = {.origin = origin};
    return h1_memos_find(&memos, input, &now, &key);
}

/* Does what a caller does with a request that begins INPUT, whose response is TEXT and, if
 * WITH_BODY, RESOURCE's body. Returns whether it came from a memo. */
static bool serve(struct str input, struct str text, bool with_body)
{
    struct h1_memo_key key = {.origin = origin};
    if (h1_memos_find(&memos, input, &now, &key))
        return true;
    if (!h1_memos_wants(&memos, &key, &now))
        return false;
    struct outq_part body = {.blob = resource->variants[0].body, .length = BODY_BYTES};
    struct h1_memo_end end = {.status = HTTP_OK};
    struct h1_memo *memo = h1_memo_create(str_first(input, key.head_bytes), text.length,
                                          with_body ? &body : NULL, resource, end, &now);
    if (!memo)
        return false;
    str_put(h1_memo_answer(memo), text);
    h1_memo_written(memo, text.length, date_at, fixed);
    h1_memos_put(&memos, &key, memo);
    return false;
}

static struct str text_of(const struct h1_memo *memo)
{
    const struct outq_part *part = &memo->parts[0];
    return (struct str){part->blob->bytes + part->first, part->length};
}

/* --- Keeping ---------------------------------------------------------------------------------- */

Test(h1_memo, keeps_a_head_that_comes_again)
{
    cr_expect_not(serve(head, STR("answer"), true));
    cr_expect_null(find(head));
    cr_expect_eq(memos.bytes, 0, "what has come once costs nothing");
    cr_expect_not(serve(head, STR("answer"), true));
    const struct h1_memo *memo = find(head);
    cr_assert_not_null(memo);
    cr_expect(str_equal(text_of(memo), STR("answer")));
    cr_expect_eq(memo->part_count, 2);
    cr_expect_eq(memo->parts[1].blob, resource->variants[0].body);
    cr_expect_eq(memo->head_bytes, head.length);
    cr_expect_eq(resource->references, 1, "it pins nothing");
    cr_expect_eq(resource->variants[0].body->references, 1);
}

/* Found after another one as well as at once, and whatever follows its head. */
Test(h1_memo, answers_only_its_own_head)
{
    static const struct str longer =
        STR_INIT("GET /a HTTP/1.1\r\nHost: example\r\nAccept: */*\r\n\r\n");
    char input[128];
    for (unsigned i = 0; i < 2; i++) {
        serve(longer, STR("longer"), false);
        serve(head, STR("answer"), false);
    }
    struct str both = {input, (size_t)(str_put(str_put(input, head), longer) - input)};
    for (unsigned i = 0; i < 3; i++) {
        cr_expect(str_equal(text_of(find(both)), STR("answer")));
        cr_expect(str_equal(text_of(find(longer)), STR("longer")));
    }
    for (size_t length = 0; length < head.length; length++)
        cr_expect_null(find(str_first(head, length)), "%zu bytes", length);
    for (size_t place = 0; place < head.length; place++) {
        str_put(input, head);
        input[place] ^= 1;
        cr_expect_null(find((struct str){input, head.length}), "byte %zu is another", place);
    }
}

Test(h1_memo, does_not_keep_long_heads)
{
    static char input[H1_MEMO_HEAD_BYTES_MAX + 1];
    for (size_t length = H1_MEMO_HEAD_BYTES_MAX; length <= H1_MEMO_HEAD_BYTES_MAX + 1; length++) {
        memset(input, 'a', sizeof input);
        str_put(input + length - 4, STR("\r\n\r\n"));
        for (unsigned i = 0; i < 2; i++)
            serve((struct str){input, length}, STR("answer"), false);
        cr_expect_eq(find((struct str){input, length}) != NULL, length == H1_MEMO_HEAD_BYTES_MAX);
    }
}

/* --- Validity --------------------------------------------------------------------------------- */

static void leave(void)
{
}

static void pass_to_its_end(void)
{
    date_now_set(&now, NOW_MS + 999, NOW_SECONDS);
}

static void pass_beyond(void)
{
    date_now_set(&now, NOW_MS + 1000, NOW_SECONDS);
}

static void pass_a_second(void)
{
    date_now_set(&now, NOW_MS + 1, NOW_SECONDS + 1);
}

static void set_the_clock_back(void)
{
    date_now_set(&now, NOW_MS + 1, NOW_SECONDS - 1);
}

static void prolong(void)
{
    resource->lease->fresh_until_ms += 1000;
    date_now_set(&now, NOW_MS + 1500, NOW_SECONDS);
}

static void take_out(void)
{
    resource->lease->fresh_until_ms = 0;
}

static void replace(void)
{
    resource_drop(resource);
    resource = make_resource(blob_create_bytes(BODY_BYTES));
}

Test(h1_memo, is_valid_as_long_as_its_sources)
{
    static const struct {
        const char *label;
        void (*act)(void);
        bool good;
    } rows[] = {
        {"nothing happens", leave, true},
        {"its resource is still good", pass_to_its_end, true},
        {"its resource has to be looked at", pass_beyond, false},
        {"its resource was, and is good for longer", prolong, true},
        {"its resource is not good any more", take_out, false},
        {"its resource is gone", replace, false},
        {"the next second", pass_a_second, false},
        {"the clock was set back", set_the_clock_back, false},
    };
    tear_down();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (unsigned latest = 0; latest < 2; latest++) {
            set_up();
            serve(head, STR("answer"), true);
            serve(head, STR("answer"), true);
            if (!latest)
                memos.latest = NULL;
            rows[i].act();
            cr_expect_eq(find(head) != NULL, rows[i].good, "%s", rows[i].label);
            cr_expect_not(serve(head, STR("another"), false) != rows[i].good);
            resource->lease->fresh_until_ms = now.ms + 1;
            cr_expect(str_equal(text_of(find(head)), rows[i].good ? STR("answer") : STR("another")),
                      "%s: it is known, and kept again at once", rows[i].label);
            tear_down();
        }
    }
    set_up();
}

/* Date is rewritten in each second, but not in queued bytes, which may have been sent in part. */
Test(h1_memo, updates_its_date)
{
    date_at = 6;
    fixed = false;
    for (unsigned i = 0; i < 2; i++)
        serve(head, STR("Date: Sun, 06 Nov 1994 08:49:37 GMT!"), true);
    pass_a_second();
    struct h1_memo *memo = find(head);
    cr_assert_not_null(memo);
    cr_expect(str_equal(text_of(memo), STR("Date: Sun, 06 Nov 1994 08:49:38 GMT!")));
    cr_expect(str_equal((struct str){memo->text, head.length}, head));
    struct blob *queued = blob_pin(memo->parts[0].blob);
    uint64_t first = memo->parts[0].first;
    cr_expect_eq(find(head), memo);
    date_now_set(&now, now.ms, now.seconds + 1);
    cr_expect_null(find(head));
    cr_expect_not(serve(head, STR("Date: Sun, 06 Nov 1994 08:49:39 GMT?"), true));
    cr_expect(str_equal(text_of(find(head)), STR("Date: Sun, 06 Nov 1994 08:49:39 GMT?")));
    cr_expect_eq(memcmp(queued->bytes + first, "Date: Sun, 06 Nov 1994 08:49:38", 31), 0);
    uint64_t bytes = memos.bytes;
    cr_expect_not(list_is_empty(&memos.detached), "what is queued counts");
    blob_drop(queued);
    date_now_set(&now, now.ms, now.seconds + 1);
    serve(head, STR("Date: Sun, 06 Nov 1994 08:49:39 GMT?"), true);
    for (unsigned i = 0; i < 2; i++)
        serve(STR("GET / HTTP/1.1\r\nHost: b\r\n\r\n"), STR("Date: Sun, 06 Nov 1994 08:49:39 GMT?"),
              false);
    cr_expect(list_is_empty(&memos.detached));
    cr_expect_lt(memos.bytes, bytes);
}

/* The same bytes may mean another site on a connection from another listener. */
Test(h1_memo, is_not_given_to_connections_of_another_origin)
{
    for (origin = 0; origin < 3; origin++) {
        cr_expect_null(find(head), "origin %u", origin);
        serve(head, STR("answer"), true);
        serve(head, STR("answer"), true);
        cr_expect_not_null(find(head), "origin %u", origin);
    }
    struct h1_memo *found[3];
    for (origin = 0; origin < 3; origin++)
        found[origin] = find(head);
    cr_expect(found[0] && found[1] && found[2]);
    cr_expect(found[0] != found[1] && found[1] != found[2] && found[0] != found[2]);
    origin = 0;
}

/* A memo that is invalid for a while, until its resource is revalidated, is not made anew. */
Test(h1_memo, is_not_wanted_when_it_is_valid_again)
{
    struct h1_memo_key key = {.origin = 0};
    serve(head, STR("answer"), true);
    serve(head, STR("answer"), true);
    const struct h1_memo *memo = find(head);
    resource->lease->fresh_until_ms = now.ms;
    cr_expect_null(h1_memos_find(&memos, head, &now, &key));
    resource->lease->fresh_until_ms = now.ms + 1;
    cr_expect_not(h1_memos_wants(&memos, &key, &now));
    cr_expect_eq(find(head), memo);
}

Test(h1_memo, checks_its_file_in_each_turn)
{
    char name[] = "/tmp/sluice-memo-XXXXXX";
    struct stat status;
    struct blob_identity identity;
    int fd = mkostemp(name, O_CLOEXEC);
    cr_assert_geq(fd, 0);
    unlink(name);
    cr_assert_eq(ftruncate(fd, BODY_BYTES), 0);
    cr_assert_eq(fstat(fd, &status), 0);
    blob_identify(&status, &identity);
    resource_drop(resource);
    resource = make_resource(blob_create_file(fd, &identity));
    serve(head, STR("answer"), true);
    serve(head, STR("answer"), true);
    unsigned looks = faults_calls(FAULT_FSTAT);
    now.turn++;
    cr_expect_not_null(find(head));
    cr_expect_not_null(find(head));
    cr_expect_eq(faults_calls(FAULT_FSTAT), looks + 1);
    cr_assert_eq(ftruncate(fd, BODY_BYTES - 1), 0);
    now.turn++;
    cr_expect_null(find(head));
}

/* --- Bounds ----------------------------------------------------------------------------------- */

static struct str numbered(char *to, unsigned number)
{
    int length = snprintf(to, 64, "GET /%u HTTP/1.1\r\nHost: example\r\n\r\n", number);
    return (struct str){to, (size_t)length};
}

/* Unused memos make room in time; used ones stay, whatever else comes once. */
Test(h1_memo, makes_room_when_unused)
{
    enum { COUNT = 40000, HOT = 100 };
    char input[64];
    date_at = 6;
    fixed = false;
    memos.bytes_max = 100 * ANY;
    resource->lease->fresh_until_ms = UINT64_MAX;
    const struct str answer = STR("Date: Sun, 06 Nov 1994 08:49:37 GMT!");
    for (unsigned i = 0; i < 2 * COUNT; i++)
        serve(numbered(input, HOT + i % COUNT), answer, false);
    uint64_t before = memos.bytes;
    unsigned hits = 0;
    for (unsigned round = 0; round < 10; round++) {
        date_now_set(&now, now.ms + 1000, now.seconds + 1);
        hits = 0;
        for (unsigned i = 0; i < HOT; i++)
            hits += serve(numbered(input, i), answer, false);
        for (unsigned i = 0; i < 1000; i++)
            serve(numbered(input, HOT + COUNT + 1000 * round + i), answer, false);
    }
    cr_expect_gt(hits, HOT * 9 / 10, "%u", hits);
    cr_expect_lt(memos.bytes, before);
}

/* Thousands of heads have room at once, and later ones do not displace valid memos. */
Test(h1_memo, has_room_for_thousands)
{
    enum { COUNT = 4000 };
    char input[64];
    unsigned hits = 0;
    memos.bytes_max = 4 * ANY;
    for (unsigned round = 0; round < 5; round++) {
        hits = 0;
        for (unsigned i = 0; i < COUNT; i++)
            hits += serve(numbered(input, i), STR("answer"), true);
    }
    cr_expect_gt(hits, COUNT * 9 / 10, "%u", hits);
    for (unsigned i = COUNT; i < 20 * COUNT; i++)
        serve(numbered(input, i), STR("answer"), true);
    unsigned left = 0;
    for (unsigned i = 0; i < COUNT; i++)
        left += find(numbered(input, i)) != NULL;
    cr_expect_eq(left, hits);
}

/* In any sequence of requests, memory stays below its bound, and every memo found is right. */
Test(h1_memo, bounds_its_bytes)
{
    enum { BYTES_MAX = 20000 };
    char input[64], text[600] = {0};
    struct prng prng = {1};
    unsigned hits = 0;
    h1_memos_fini(&memos);
    h1_memos_init(&memos, BYTES_MAX);
    for (unsigned i = 0; i < 200000; i++) {
        unsigned number = (unsigned)prng_below(&prng, 1u << prng_below(&prng, 12));
        struct str asked = numbered(input, number);
        struct str answer = {text, 1 + number % sizeof text};
        hits += serve(asked, answer, number % 2);
        const struct h1_memo *memo = find(asked);
        if (memo)
            cr_assert_eq(text_of(memo).length, answer.length);
        cr_assert_leq(memos.bytes, BYTES_MAX);
        if (prng_below(&prng, 1000) == 0)
            date_now_set(&now, now.ms + 1, now.seconds + 1);
    }
    cr_expect_gt(hits, 1000);
}

Test(h1_memo, does_not_keep_a_response_over_the_bound)
{
    static char text[ANY];
    for (unsigned i = 0; i < 3; i++)
        cr_expect_not(serve(head, (struct str){text, sizeof text}, false));
    cr_expect_eq(memos.bytes, 0);
}

/* --- Without memory --------------------------------------------------------------------------- */

/* A successor that is too large leaves no memo at all. */
Test(h1_memo, forgets_a_memo_whose_successor_has_no_room)
{
    static char large[2000];
    serve(head, STR("answer"), false);
    serve(head, STR("answer"), false);
    cr_assert_not_null(find(head));
    resource->lease->fresh_until_ms = 0;
    memos.bytes_max = sizeof large;
    serve(head, (struct str){large, sizeof large}, false);
    cr_expect_null(memos.latest);
    cr_expect_eq(memos.bytes, 0);
    cr_expect_null(find(head));
}

Test(h1_memo, keeps_nothing_without_memory)
{
    serve(head, STR("answer"), true);
    faults_fail(FAULT_MEMORY, 0, 1, ENOMEM);
    cr_expect_not(serve(head, STR("answer"), true));
    cr_expect_null(find(head));
    serve(head, STR("answer"), true);
    cr_expect_not_null(find(head), "and with memory it goes on");
    h1_memos_fini(&memos);
    faults_fail(FAULT_MEMORY, 0, FAULT_ALWAYS, ENOMEM);
    h1_memos_init(&memos, ANY);
    for (unsigned i = 0; i < 3; i++)
        cr_expect_not(serve(head, STR("answer"), true));
}

Test(h1_memo, keeps_nothing_in_0_bytes)
{
    h1_memos_fini(&memos);
    h1_memos_init(&memos, 0);
    for (unsigned i = 0; i < 3; i++)
        cr_expect_not(serve(head, STR("answer"), true));
}
