/* conn_rig: see conn_rig.h. */
#include "support/conn_rig.h"

#include "conn/file_doubt.h"

#include <errno.h>
#include <poll.h>

void pile_add(struct pile *pile, const void *bytes, size_t length)
{
    if (pile->room - pile->length < length) {
        pile->room = 2 * (pile->length + length);
        pile->at = realloc(pile->at, pile->room);
        tree_must(pile->at != NULL, "realloc");
    }
    if (length > 0)
        memcpy(pile->at + pile->length, bytes, length);
    pile->length += length;
}

void pile_add_arrived(struct pile *pile, int fd)
{
    char bytes[65536];
    struct pollfd event = {.fd = fd, .events = POLLIN};
    while (poll(&event, 1, 0) == 1) {
        ssize_t got = read(fd, bytes, sizeof bytes);
        if (got <= 0)
            break;
        pile_add(pile, bytes, (size_t)got);
    }
}

void pile_clear(struct pile *pile)
{
    free(pile->at);
    *pile = (struct pile){0};
}

void rig_init(struct rig *rig, uint64_t storage_bytes)
{
    rig_init_valid(rig, storage_bytes, 1000);
}

void rig_init_valid(struct rig *rig, uint64_t storage_bytes, uint64_t valid_ms)
{
    *rig = (struct rig){.mime = mime_create()};
    tree_init(&rig->tree);
    tree_fill(&rig->tree, "tiny.txt", 100, 1);
    tree_fill(&rig->tree, "small.txt", RIG_SMALL_BYTES, 2);
    tree_fill(&rig->tree, "medium.bin", RIG_MEDIUM_BYTES, 4);
    tree_fill(&rig->tree, "large.bin", RIG_LARGE_BYTES, 3);
    rig->site = (struct site_settings){
        .root = rig->tree.path,
        .cache_control = STR(""),
        .cache_valid_ms = (uint32_t)valid_ms,
        .mime = rig->mime,
    };
    const struct site_settings *const sites[] = {&rig->site};
    struct store_config config = {
        .sites = {.settings = sites, .count = COUNT_OF(sites)},
        .cache = {.bytes_max = 1 << 20, .entries_max = 100, .files_max = 10},
        .counters = &rig->counters,
    };
    struct conn_context *context = &rig->context;
    *context = (struct conn_context){
        .h1.limits = {.minor_max = 1,
                      .keepalive = true,
                      .inflight_max = 64,
                      .head_bytes_max = 8192,
                      .body_bytes_max = 65536},
        .counters = &rig->counters,
        .header_ms = RIG_HEADER_MS,
        .idle_ms = RIG_IDLE_MS,
    };
    cr_assert_eq(store_create(&context->files, &config), 0);
    date_now_set(&context->now, 100000, 784111777);
    conn_context_init(context, storage_bytes, 1 << 20, context->now.ms);
}

void rig_use_real_time(struct rig *rig, uint64_t storage_bytes)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    conn_context_fini(&rig->context);
    date_now_set(&rig->context.now, (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000,
                 now.tv_sec);
    conn_context_init(&rig->context, storage_bytes, 1 << 20, rig->context.now.ms);
    rig->context.header_ms = rig->context.idle_ms = 20000;
}

void rig_fini(struct rig *rig)
{
    faults_clear();
    cr_expect_eq(rig->context.small.lent_count, 0);
    cr_expect_eq(rig->context.full.lent_count, 0);
    cr_expect_eq(rig->context.waits.lent_count, rig->context.spare_wait ? 1 : 0);
    cr_expect(list_is_empty(&rig->context.partial));
    cr_expect(list_is_empty(&rig->context.stalled));
    cr_expect(list_is_empty(&rig->context.waiting_for_storage));
    store_destroy(rig->context.files);
    conn_context_fini(&rig->context);
    mime_destroy(rig->mime);
    tree_fini(&rig->tree);
}

void rig_pass_ms(struct rig *rig, uint64_t ms)
{
    struct date_now *now = &rig->context.now;
    date_now_set(now, now->ms + ms, now->seconds + (int64_t)(ms / 1000));
}

void rig_make_cold(bool cold)
{
    faults_fail(FAULT_OPENAT2_CACHED, 0, cold ? FAULT_ALWAYS : 0, EAGAIN);
}

void rig_check_doubts(struct rig *rig)
{
    rig_pass_ms(rig, FILE_DOUBT_CHECK_MS);
    file_doubt_expired(&rig->context);
    while (file_doubt_next(&rig->context)) {
    }
}

static void note_waiter(void *context, struct lookup_waiter *waiter)
{
    struct rig *rig = context;
    cr_assert_null(waiter->lookup);
    conn_woken(&rig->context, waiter);
    rig->woken++;
}

void rig_await(struct rig *rig, const struct conn *conn)
{
    while (conn_waits(conn)) {
        struct pollfd event = {.fd = store_fd(rig->context.files), .events = POLLIN};
        cr_assert_eq(poll(&event, 1, RIG_PATIENCE_MS), 1, "the job doesn't come back");
        store_collect(rig->context.files, &rig->context.now, note_waiter, rig);
    }
}

bool rig_give(struct rig *rig, struct conn *conn, struct str *bytes)
{
    struct iovec pieces[2];
    unsigned count = conn_room(&rig->context, conn, pieces);
    size_t given = 0;
    for (unsigned i = 0; i < count; i++) {
        size_t length = size_min(bytes->length, pieces[i].iov_len);
        if (length > 0)
            memcpy(pieces[i].iov_base, bytes->at, length);
        *bytes = str_from(*bytes, length);
        given += length;
    }
    conn_received(conn, given);
    conn_work(&rig->context, conn);
    return count > 0;
}

/* Takes at most LENGTH bytes from a file span. */
static size_t take_file(const struct outq_part *part, struct pile *to, size_t length)
{
    char bytes[16384];
    length = size_min(size_min(length, sizeof bytes), part->length);
    cr_assert_eq(pread(part->blob->fd, bytes, length, (off_t)part->first), (ssize_t)length);
    if (to)
        pile_add(to, bytes, length);
    return length;
}

static size_t take_memory(const struct outq *output, struct pile *to, size_t length)
{
    struct iovec pieces[8];
    bool file_follows;
    size_t taken = 0;
    unsigned count = outq_gather(output, pieces, COUNT_OF(pieces), &file_follows);
    for (unsigned i = 0; i < count; i++) {
        size_t part = size_min(pieces[i].iov_len, length - taken);
        if (to)
            pile_add(to, pieces[i].iov_base, part);
        taken += part;
    }
    return taken;
}

size_t rig_take(struct rig *rig, struct conn *conn, struct pile *to, size_t length)
{
    size_t taken = 0;
    while (taken < length && outq_unsent(&conn->output) > 0) {
        struct outq_part part;
        size_t bytes = outq_next_file(&conn->output, &part)
                           ? take_file(&part, to, length - taken)
                           : take_memory(&conn->output, to, length - taken);
        cr_assert_gt(bytes, 0);
        conn_sent(&rig->context, conn, bytes);
        taken += bytes;
    }
    return taken;
}

void rig_exchange(struct rig *rig, struct conn *conn, struct str bytes, struct pile *to)
{
    for (;;) {
        rig_await(rig, conn);
        conn_work(&rig->context, conn);
        size_t taken = rig_take(rig, conn, to, SIZE_MAX);
        if (conn_wants_input(conn) && bytes.length > 0)
            cr_assert(rig_give(rig, conn, &bytes), "no storage");
        else if (taken == 0 && !conn_waits(conn))
            break;
    }
    conn_settle(&rig->context, conn);
}
