/* session_driver: see session_driver.h. The site and its answers are in session_site.c. */
#include "support/session_driver.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

static bool chance(struct driver *driver, uint64_t of)
{
    return driver->prng && prng_below(driver->prng, of) == 0;
}

static void *storage_of(size_t bytes)
{
    void *storage = malloc(bytes);
    cr_assert_not_null(storage);
    memset(storage, '#', bytes);
    return storage;
}

struct driver *driver_create(const struct h1_limits *limits, uint32_t ring_bytes,
                             uint32_t ring_first, struct prng *prng)
{
    static struct driver driver;
    driver.input = (struct ring){0};
    driver.output = (struct outq){0};
    driver.prng = prng;
    driver.stop = DRIVER_HUNGRY;
    driver.answered = driver.inflight_peak = 0;
    driver.unreleased = 0;
    driver.sent.length = 0;
    driver.limits = limits;
    h1_init(&driver.session);
    ring_lend(&driver.input, storage_of(ring_bytes), ring_bytes);
    ring_commit(&driver.input, ring_first);
    ring_consume(&driver.input, ring_first);
    return &driver;
}

void driver_destroy(struct driver *driver)
{
    outq_clear(&driver->output);
    ring_consume(&driver->input, driver->input.length);
    free(ring_return(&driver->input));
    if (outq_storage_bytes(&driver->output) > 0)
        free(outq_return(&driver->output));
}

/* --- Answering ------------------------------------------------------------------------------- */

/* Lends BYTES of output storage in place of what there is. False if that is not enough. */
static bool exchange_output(struct driver *driver, size_t bytes)
{
    void *storage = storage_of(bytes);
    if (outq_storage_bytes(&driver->output) == 0) {
        outq_lend(&driver->output, storage, bytes);
        return true;
    }
    void *old = outq_move(&driver->output, storage, bytes);
    free(old ? old : storage);
    return old != NULL;
}

static void lend_output(struct driver *driver)
{
    if (outq_storage_bytes(&driver->output) == 0)
        exchange_output(driver, chance(driver, 2) ? DRIVER_SMALL_BYTES : DRIVER_FULL_BYTES);
}

static void note_answer(struct driver *driver)
{
    driver->answered++;
    if (driver->session.inflight > driver->inflight_peak)
        driver->inflight_peak = driver->session.inflight;
}

/* Answers by a memo what comes next, if there is one. */
static bool repeat(struct driver *driver, struct str view, struct h1_memo_key *ret_key)
{
    *ret_key = (struct h1_memo_key){.head_bytes = 0};
    if (!h1_may_repeat(&driver->session, driver->limits))
        return false;
    const struct h1_memo *memo = h1_memos_find(&driver_memos, view, &driver_now, ret_key);
    if (!memo)
        return false;
    lend_output(driver);
    if (!h1_repeat(&driver->session, memo, &driver->output))
        return false;
    ring_consume(&driver->input, memo->head_bytes);
    note_answer(driver);
    return true;
}

/* Makes a memo of the answer to HEAD, if there is to be one. */
static void memorize(struct driver *driver, const struct h1_memo_key *key,
                     const struct h1_head *head, const struct plan *plan, struct resource *resource)
{
    if (!resource || !h1_memos_wants(&driver_memos, key, &driver_now))
        return;
    struct str bytes = str_first(ring_view(&driver->input), key->head_bytes);
    struct h1_memo *memo =
        h1_memorize(&driver->session, driver->limits, bytes, head, plan, resource, &driver_now);
    if (memo)
        h1_memos_put(&driver_memos, key, memo);
}

static bool answer(struct driver *driver, const struct h1_head *head, const struct h1_memo_key *key)
{
    struct plan plan;
    struct resource *resource;
    driver_plan(&plan, &head->request, &resource);
    memorize(driver, key, head, &plan, resource);
    lend_output(driver);
    bool queued =
        h1_answer(&driver->session, driver->limits, head, &plan, &driver->output, &driver_now);
    if (!queued && outq_storage_bytes(&driver->output) < DRIVER_FULL_BYTES)
        queued =
            exchange_output(driver, DRIVER_FULL_BYTES) &&
            h1_answer(&driver->session, driver->limits, head, &plan, &driver->output, &driver_now);
    plan_fini(&plan);
    if (queued)
        note_answer(driver);
    return queued;
}

static bool is_same_view(struct str a, struct str b)
{
    return a.at == b.at && a.length == b.length;
}

static bool is_same_head(const struct h1_head *a, const struct h1_head *b)
{
    return a->minor == b->minor && a->framing == b->framing &&
           a->content_bytes == b->content_bytes && a->close == b->close &&
           a->request.method == b->request.method && a->request.refusal == b->request.refusal &&
           is_same_view(a->request.authority, b->request.authority) &&
           is_same_view(a->request.path, b->request.path) &&
           is_same_view(a->request.query, b->request.query);
}

/* A request that is PENDING is asked for again: it must be the same, and nothing may have
 * changed. */
static void ask_again(struct driver *driver, const struct h1_head *head, size_t bytes)
{
    struct h1_head again = {.minor = 0};
    size_t bytes_again = 0;
    struct str view = ring_view(&driver->input);
    enum h1_step step = h1_next(&driver->session, driver->limits, view, &again, &bytes_again);
    cr_assert_eq(step, H1_REQUEST);
    cr_assert_eq(bytes_again, bytes);
    cr_assert(is_same_head(&again, head));
}

static void work(struct driver *driver)
{
    for (;;) {
        struct h1_head head;
        size_t bytes = 0;
        struct str view = ring_view(&driver->input);
        struct h1_memo_key key;
        if (repeat(driver, view, &key))
            continue;
        switch (h1_next(&driver->session, driver->limits, view, &head, &bytes)) {
        case H1_MORE:
            driver->stop = DRIVER_HUNGRY;
            if (!ring_wraps(&driver->input))
                return;
            ring_straighten(&driver->input);
            cr_assert_not(ring_wraps(&driver->input));
            break;
        case H1_WAIT:
            driver->stop = DRIVER_BLOCKED;
            return;
        case H1_SKIP:
            cr_assert(bytes > 0 && bytes <= view.length);
            ring_consume(&driver->input, bytes);
            break;
        case H1_REQUEST:
            cr_assert_leq(bytes, view.length);
            while (chance(driver, 3))
                ask_again(driver, &head, bytes);
            driver->stop = DRIVER_BLOCKED;
            if (!answer(driver, &head, &key))
                return;
            ring_consume(&driver->input, bytes);
            break;
        case H1_ENDED:
            driver->stop = DRIVER_ENDED;
            return;
        }
    }
}

/* --- Sending --------------------------------------------------------------------------------- */

/* How much of LENGTH a call would send. */
static size_t amount_of(struct driver *driver, size_t length)
{
    if (!driver->prng)
        return length;
    uint64_t limit = prng_below(driver->prng, 2) == 0 ? size_min(length, 16) : length;
    return 1 + prng_below(driver->prng, limit);
}

/* As sendmsg does. Returns the bytes sent, 0 if there is nothing in memory to be sent next. */
static size_t send_pieces(struct driver *driver)
{
    struct iovec pieces[8];
    bool file_follows;
    unsigned room = driver->prng ? 1 + (unsigned)prng_below(driver->prng, 8) : 8;
    unsigned count = outq_gather(&driver->output, pieces, room, &file_follows);
    size_t bytes = 0, left;
    for (unsigned i = 0; i < count; i++)
        bytes += pieces[i].iov_len;
    if (bytes == 0)
        return 0;
    bytes = left = amount_of(driver, bytes);
    for (unsigned i = 0; left > 0; i++) {
        size_t part = size_min(left, pieces[i].iov_len);
        text_add(&driver->sent, (struct str){pieces[i].iov_base, part});
        left -= part;
    }
    return bytes;
}

/* As sendfile does. */
static size_t send_file(struct driver *driver)
{
    static char bytes[1 << 16];
    struct outq_part part;
    cr_assert(outq_next_file(&driver->output, &part));
    size_t amount = size_min(amount_of(driver, part.length), sizeof bytes);
    cr_assert_eq(pread(part.blob->fd, bytes, amount, (off_t)part.first), (ssize_t)amount);
    text_add(&driver->sent, (struct str){bytes, amount});
    return amount;
}

static void release(struct driver *driver, uint64_t length)
{
    outq_released(&driver->output, length);
    driver->unreleased -= length;
}

static void send_once(struct driver *driver)
{
    struct outq_end end;
    size_t bytes = send_pieces(driver);
    if (bytes == 0)
        bytes = send_file(driver);
    outq_sent(&driver->output, bytes);
    driver->unreleased += bytes;
    if (!driver->prng || outq_unsent(&driver->output) == 0 || chance(driver, 4))
        release(driver, driver->unreleased);
    else if (chance(driver, 2))
        release(driver, prng_below(driver->prng, driver->unreleased + 1));
    while (outq_next_end(&driver->output, &end))
        h1_sent(&driver->session, 1);
}

static void send_some(struct driver *driver)
{
    while (outq_unsent(&driver->output) > 0) {
        send_once(driver);
        if (chance(driver, 16))
            exchange_output(driver, chance(driver, 2) ? DRIVER_SMALL_BYTES : DRIVER_FULL_BYTES);
        if (chance(driver, 3))
            return;
    }
}

static void answer_and_send(struct driver *driver)
{
    work(driver);
    while (driver->stop == DRIVER_BLOCKED) {
        cr_assert_gt(outq_unsent(&driver->output), 0, "it waits for nothing");
        send_some(driver);
        work(driver);
    }
    if (!chance(driver, 2))
        send_some(driver);
}

void driver_receive(struct driver *driver, struct str bytes)
{
    struct str rest = bytes;
    while (rest.length > 0 && driver->stop != DRIVER_ENDED) {
        struct iovec pieces[2];
        unsigned count = ring_room(&driver->input, pieces);
        size_t received = 0;
        cr_assert_gt(count, 0, "hungry and full");
        for (unsigned i = 0; i < count; i++) {
            struct str piece = str_first(rest, pieces[i].iov_len);
            str_put(pieces[i].iov_base, piece);
            rest = str_from(rest, piece.length);
            received += piece.length;
        }
        ring_commit(&driver->input, received);
        answer_and_send(driver);
    }
}

void driver_finish(struct driver *driver)
{
    answer_and_send(driver);
    while (outq_unsent(&driver->output) > 0)
        send_some(driver);
    cr_assert(outq_empty(&driver->output));
    cr_assert_eq(driver->session.inflight, 0);
}
