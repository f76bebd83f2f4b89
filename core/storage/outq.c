/* outq: see outq.h.
 *
 * Layout of the storage, in this order: struct outq_store, a ring of spans, a ring of end marks, a
 * ring of text. A reservation of text is always contiguous. */
#include "storage/outq.h"

struct span {
    struct blob *blob; /* NULL: text */
    uint64_t first;    /* offset in the text or in the blob */
    uint64_t length;
};

struct outq_store {
    uint16_t storage_bytes;
    uint16_t ends_at; /* offset in the storage of the end marks… */
    uint16_t text_at; /* …and the text */
    uint32_t text_capacity;
    uint32_t text_first;    /* index of the oldest unreleased text */
    uint32_t text_next;     /* index after the newest */
    uint32_t text_reserved; /* index of the last reservation */
    uint32_t text_spans;    /* text spans in the queue; 0: the text ring is empty */
    uint16_t span_first;
    uint16_t span_count;
    uint16_t span_max;
    uint16_t end_first;
    uint16_t end_count;
    uint16_t end_max;
    uint16_t sent_spans;      /* spans from span_first on that have been sent whole */
    uint64_t sent_within;     /* bytes sent of the next span */
    uint64_t released_within; /* bytes released of the first span */
    uint64_t pushed;          /* bytes since the storage was lent */
    uint64_t sent;
    uint64_t released;
};

enum {
    BYTES_PER_SPAN_SLOT = 128, /* a span for each 128 bytes of storage… */
    BYTES_PER_END_SLOT = 256,  /* …an end mark for each 256: 128 and 64 in 16 KiB */
};

static struct span *spans_of(struct outq_store *store)
{
    return (struct span *)(void *)(store + 1);
}

static struct outq_end *ends_of(struct outq_store *store)
{
    return (struct outq_end *)(void *)((char *)store + store->ends_at);
}

static char *text_of(struct outq_store *store)
{
    return (char *)store + store->text_at;
}

static struct span *span_at(struct outq_store *store, unsigned index)
{
    unsigned slot = store->span_first + index;
    if (slot >= store->span_max)
        slot -= store->span_max;
    return &spans_of(store)[slot];
}

static struct outq_end *end_at(struct outq_store *store, unsigned index)
{
    unsigned slot = store->end_first + index;
    if (slot >= store->end_max)
        slot -= store->end_max;
    return &ends_of(store)[slot];
}

void outq_lend(struct outq *queue, void *storage, size_t bytes)
{
    assert(!queue->store && bytes >= OUTQ_STORAGE_MIN && bytes <= UINT16_MAX);
    struct outq_store *store = storage;
    size_t spans = bytes / BYTES_PER_SPAN_SLOT, ends = bytes / BYTES_PER_END_SLOT;
    size_t ends_at = sizeof *store + spans * sizeof(struct span);
    size_t text_at = ends_at + ends * sizeof(struct outq_end);
    *store = (struct outq_store){
        .storage_bytes = (uint16_t)bytes,
        .ends_at = (uint16_t)ends_at,
        .text_at = (uint16_t)text_at,
        .text_capacity = (uint32_t)(bytes - text_at),
        .span_max = (uint16_t)spans,
        .end_max = (uint16_t)ends,
    };
    queue->store = store;
}

void *outq_return(struct outq *queue)
{
    assert(outq_empty(queue));
    struct outq_store *store = queue->store;
    queue->store = NULL;
    return store;
}

size_t outq_storage_bytes(const struct outq *queue)
{
    return queue->store ? queue->store->storage_bytes : 0;
}

/* The index at which BYTES of contiguous text fit, or -1. */
static int64_t text_find(const struct outq_store *store, size_t bytes)
{
    if (store->text_spans == 0)
        return bytes <= store->text_capacity ? 0 : -1;
    /* One byte stays free, so that text_first == text_next always means "full", never "empty". */
    if (store->text_next > store->text_first) {
        if (store->text_capacity - store->text_next >= bytes)
            return store->text_next;
        return store->text_first > bytes ? 0 : -1;
    }
    return store->text_first - store->text_next > bytes ? (int64_t)store->text_next : -1;
}

char *outq_reserve(struct outq *queue, size_t text_bytes, unsigned parts)
{
    struct outq_store *store = queue->store;
    assert(parts <= OUTQ_PARTS_MAX);
    if (!store || store->end_count == store->end_max ||
        store->span_max - store->span_count < (int)parts + 1)
        return NULL;
    int64_t at = text_find(store, text_bytes);
    if (at < 0)
        return NULL;
    store->text_reserved = (uint32_t)at;
    return text_of(store) + at;
}

static void push_span(struct outq_store *store, struct span span)
{
    assert(store->span_count < store->span_max);
    *span_at(store, store->span_count++) = span;
}

/* Queues LENGTH bytes of text at index FIRST. Extends the newest span if that is unsent text which
 * ends at FIRST. */
static void push_text(struct outq_store *store, uint32_t first, uint32_t length)
{
    if (store->text_spans == 0)
        store->text_first = first;
    store->text_next = first + length;
    if (store->span_count > store->sent_spans) {
        struct span *newest = span_at(store, store->span_count - 1u);
        if (!newest->blob && newest->first + newest->length == first) {
            newest->length += length;
            return;
        }
    }
    push_span(store, (struct span){.first = first, .length = length});
    store->text_spans++;
}

void outq_push_frame(struct outq *queue, size_t text_bytes, const struct outq_part *parts,
                     unsigned part_count)
{
    struct outq_store *store = queue->store;
    store->pushed += text_bytes;
    if (text_bytes > 0)
        push_text(store, store->text_reserved, (uint32_t)text_bytes);
    for (unsigned i = 0; i < part_count; i++) {
        if (parts[i].length == 0)
            continue;
        push_span(store, (struct span){blob_pin(parts[i].blob), parts[i].first, parts[i].length});
        store->pushed += parts[i].length;
    }
}

void outq_push_end(struct outq *queue)
{
    struct outq_store *store = queue->store;
    assert(store->end_count < store->end_max);
    *end_at(store, store->end_count++) =
        (struct outq_end){.position = store->pushed, .tag = OUTQ_UNTAGGED};
}

void outq_push(struct outq *queue, size_t text_bytes, const struct outq_part *parts,
               unsigned part_count)
{
    outq_push_frame(queue, text_bytes, parts, part_count);
    outq_push_end(queue);
}

void outq_tag(struct outq *queue, uint32_t tag)
{
    struct outq_store *store = queue->store;
    assert(store->end_count > 0);
    end_at(store, store->end_count - 1u)->tag = tag;
}

uint64_t outq_unsent(const struct outq *queue)
{
    return queue->store ? queue->store->pushed - queue->store->sent : 0;
}

bool outq_empty(const struct outq *queue)
{
    return !queue->store || queue->store->pushed == queue->store->released;
}

unsigned outq_gather(const struct outq *queue, struct iovec *pieces, unsigned room,
                     bool *ret_file_follows)
{
    struct outq_store *store = queue->store;
    unsigned count = 0;
    *ret_file_follows = false;
    if (!store)
        return 0;
    uint64_t skip = store->sent_within;
    for (unsigned i = store->sent_spans; i < store->span_count; i++, skip = 0) {
        const struct span *span = span_at(store, i);
        if (span->blob && span->blob->fd >= 0) {
            *ret_file_follows = true;
            break;
        }
        if (count == room)
            break;
        char *base = span->blob ? span->blob->bytes : text_of(store);
        pieces[count++] = (struct iovec){base + span->first + skip, span->length - skip};
    }
    return count;
}

bool outq_next_file(const struct outq *queue, struct outq_part *ret)
{
    struct outq_store *store = queue->store;
    if (!store || store->sent_spans == store->span_count)
        return false;
    const struct span *span = span_at(store, store->sent_spans);
    if (!span->blob || span->blob->fd < 0)
        return false;
    *ret = (struct outq_part){
        .blob = span->blob,
        .first = span->first + store->sent_within,
        .length = span->length - store->sent_within,
    };
    return true;
}

bool outq_span_begins(const struct outq *queue)
{
    return queue->store && queue->store->sent_within == 0;
}

void outq_sent(struct outq *queue, uint64_t length)
{
    struct outq_store *store = queue->store;
    assert(length <= outq_unsent(queue));
    if (length == 0)
        return;
    store->sent += length;
    if (store->sent == store->pushed) { /* the usual case of small responses */
        store->sent_spans = store->span_count;
        store->sent_within = 0;
        return;
    }
    store->sent_within += length;
    while (store->sent_spans < store->span_count) {
        const struct span *span = span_at(store, store->sent_spans);
        if (store->sent_within < span->length)
            break;
        store->sent_within -= span->length;
        store->sent_spans++;
    }
}

/* Removes the oldest span, which has been sent and released whole. */
static void pop_span(struct outq_store *store)
{
    struct span *span = span_at(store, 0);
    if (span->blob) {
        blob_drop(span->blob);
    } else {
        store->text_spans--;
        store->text_first = (uint32_t)(span->first + span->length);
        /* The next text may be at the start of the ring, if it did not fit before the ring's
         * end. */
        for (unsigned i = 1; i < store->span_count && store->text_spans > 0; i++) {
            if (!span_at(store, i)->blob) {
                store->text_first = (uint32_t)span_at(store, i)->first;
                break;
            }
        }
    }
    store->span_first = (uint16_t)((store->span_first + 1) % store->span_max);
    store->span_count--;
    store->sent_spans--;
}

/* Removes all spans. */
static void pop_all(struct outq_store *store)
{
    for (unsigned i = 0; i < store->span_count; i++)
        blob_drop(span_at(store, i)->blob);
    store->span_first = store->span_count = store->sent_spans = 0;
    store->text_spans = 0;
    store->released_within = 0;
}

void outq_released(struct outq *queue, uint64_t length)
{
    struct outq_store *store = queue->store;
    if (length == 0)
        return;
    assert(length <= store->sent - store->released);
    store->released += length;
    if (store->released == store->pushed) {
        pop_all(store);
        return;
    }
    store->released_within += length;
    while (store->sent_spans > 0 && store->released_within >= span_at(store, 0)->length) {
        store->released_within -= span_at(store, 0)->length;
        pop_span(store);
    }
}

static inline void drop_end(struct outq_store *store)
{
    store->end_first++;
    if (store->end_first == store->end_max)
        store->end_first = 0;
    store->end_count--;
}

bool outq_next_end(struct outq *queue, struct outq_end *ret)
{
    struct outq_store *store = queue->store;
    if (!store || store->end_count == 0)
        return false;
    const struct outq_end *end = end_at(store, 0);
    if (end->position > store->sent)
        return false;
    *ret = *end;
    drop_end(store);
    return true;
}

unsigned outq_drop_ends(struct outq *queue)
{
    struct outq_store *store = queue->store;
    unsigned count = 0;
    if (!store)
        return 0;
    for (; store->end_count > 0 && end_at(store, 0)->position <= store->sent; count++)
        drop_end(store);
    return count;
}

bool outq_unsent_end(const struct outq *queue, unsigned index, struct outq_end *ret,
                     uint64_t *ret_unsent_bytes)
{
    struct outq_store *store = queue->store;
    if (!store || index >= store->end_count)
        return false;
    *ret = *end_at(store, index);
    *ret_unsent_bytes = ret->position > store->sent ? ret->position - store->sent : 0;
    return true;
}

unsigned outq_clear(struct outq *queue)
{
    struct outq_store *store = queue->store;
    if (!store)
        return 0;
    unsigned cut = 0;
    for (unsigned i = 0; i < store->end_count; i++)
        cut += end_at(store, i)->position > store->sent;
    pop_all(store);
    store->end_count = 0;
    store->sent_within = 0;
    store->released = store->sent = store->pushed;
    return cut;
}

/* Whether the contents of OLD fit into FRESH. */
static bool move_fits(struct outq_store *old, const struct outq_store *fresh)
{
    uint64_t text = 0;
    for (unsigned i = 0; i < old->span_count; i++)
        text += span_at(old, i)->blob ? 0 : span_at(old, i)->length;
    return old->span_count <= fresh->span_max && old->end_count <= fresh->end_max &&
           text <= fresh->text_capacity;
}

void *outq_move(struct outq *queue, void *storage, size_t bytes)
{
    struct outq_store *old = queue->store;
    struct outq target = {0};
    outq_lend(&target, storage, bytes);
    struct outq_store *fresh = target.store;
    if (!move_fits(old, fresh))
        return NULL;
    for (unsigned i = 0; i < old->span_count; i++) {
        struct span span = *span_at(old, i);
        if (!span.blob) {
            memcpy(text_of(fresh) + fresh->text_next, text_of(old) + span.first, span.length);
            span.first = fresh->text_next;
            fresh->text_next += (uint32_t)span.length;
            fresh->text_spans++;
        }
        push_span(fresh, span);
    }
    for (unsigned i = 0; i < old->end_count; i++)
        *end_at(fresh, fresh->end_count++) = *end_at(old, i);
    fresh->sent_spans = old->sent_spans;
    fresh->sent_within = old->sent_within;
    fresh->released_within = old->released_within;
    fresh->pushed = old->pushed;
    fresh->sent = old->sent;
    fresh->released = old->released;
    queue->store = fresh;
    return old;
}
