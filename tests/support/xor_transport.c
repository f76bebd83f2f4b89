/* xor_transport: see xor_transport.h. */
#include "support/xor_transport.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { RECORD_BYTES = XOR_RECORD_MAX + XOR_OVERHEAD, SLOTS = 1024 };

/* Bytes on their way; those from FIRST on are left. */
struct queue {
    size_t first;
    size_t length;
    char bytes[2 * RECORD_BYTES];
};

struct peer {
    struct xor_key in_key, out_key;
    struct prng prng;
    struct queue raw;    /* received and not opened */
    struct queue opened; /* not handed over */
    struct queue sealed; /* not sent */
    bool ready;          /* the handshake is over */
    bool raw_ended;
    bool closed; /* the empty record is sealed */
};

static struct peer *peers[SLOTS];
static struct xor_counts counts;
static uint64_t seed;

void xor_reset(uint64_t new_seed)
{
    counts = (struct xor_counts){0};
    seed = new_seed;
}

struct xor_counts xor_counts(void)
{
    return counts;
}

static struct peer *peer_of(struct conn *conn)
{
    tree_must(conn->slot < SLOTS, "slots");
    if (!peers[conn->slot]) {
        peers[conn->slot] = calloc(1, sizeof *peers[0]);
        tree_must(peers[conn->slot] != NULL, "calloc");
        peers[conn->slot]->prng.state = ++seed;
        conn->socket.handshaking = true;
    }
    return peers[conn->slot];
}

/* --- Records ---------------------------------------------------------------------------------- */

static char next_key(struct xor_key *key)
{
    key->next = (uint8_t)(key->next * 5 + 113);
    return (char)key->next;
}

/* Writes a record of PAYLOAD to TO. Returns its bytes. */
static size_t seal(char *to, struct xor_key *key, struct str payload)
{
    uint8_t sum = 0;
    to[0] = (char)(payload.length >> 8);
    to[1] = (char)payload.length;
    for (size_t i = 0; i < payload.length; i++) {
        sum = (uint8_t)(sum + (uint8_t)payload.at[i]);
        to[2 + i] = (char)(payload.at[i] ^ next_key(key));
    }
    to[2 + payload.length] = (char)sum;
    return payload.length + XOR_OVERHEAD;
}

/* Opens the record that BYTES begins with into TO. Returns its bytes with all overhead; 0: it is
 * not whole; -1: it makes no sense. */
static int unseal(char *to, struct xor_key *key, struct str bytes)
{
    uint8_t sum = 0;
    if (bytes.length < XOR_OVERHEAD)
        return 0;
    size_t length = (size_t)(uint8_t)bytes.at[0] << 8 | (uint8_t)bytes.at[1];
    if (length > XOR_RECORD_MAX)
        return -1;
    if (bytes.length < length + XOR_OVERHEAD)
        return 0;
    for (size_t i = 0; i < length; i++) {
        to[i] = (char)(bytes.at[2 + i] ^ next_key(key));
        sum = (uint8_t)(sum + (uint8_t)to[i]);
    }
    return sum == (uint8_t)bytes.at[2 + length] ? (int)(length + XOR_OVERHEAD) : -1;
}

/* --- Queues ----------------------------------------------------------------------------------- */

static struct str queue_view(const struct queue *queue)
{
    return (struct str){queue->bytes + queue->first, queue->length};
}

static void queue_drop(struct queue *queue, size_t length)
{
    queue->first += length;
    queue->length -= length;
}

/* Where bytes can be added, and how many. */
static char *queue_room(struct queue *queue, size_t *ret_bytes)
{
    memmove(queue->bytes, queue->bytes + queue->first, queue->length);
    queue->first = 0;
    *ret_bytes = sizeof queue->bytes - queue->length;
    return queue->bytes + queue->length;
}

static void queue_add(struct queue *queue, struct str bytes)
{
    size_t room;
    char *to = queue_room(queue, &room);
    tree_must(room >= bytes.length, "room");
    str_put(to, bytes);
    queue->length += bytes.length;
}

/* --- Input ------------------------------------------------------------------------------------ */

static size_t some(struct peer *peer, size_t max)
{
    size_t limit = prng_below(&peer->prng, 3) == 0 ? size_min(max, 7) : max;
    return 1 + prng_below(&peer->prng, limit);
}

/* Whether the raw bytes hold all of a record. */
static bool has_record(const struct peer *peer)
{
    struct str raw = queue_view(&peer->raw);
    return peer->ready && raw.length >= XOR_OVERHEAD &&
           raw.length >= ((size_t)(uint8_t)raw.at[0] << 8 | (uint8_t)raw.at[1]) + XOR_OVERHEAD;
}

/* Hands over opened bytes, as far as there is room. */
static enum transport_result hand_over(struct conn_context *context, struct conn *conn,
                                       struct peer *peer)
{
    struct iovec pieces[2];
    size_t moved = 0;
    unsigned count = conn_room(context, conn, pieces);
    if (count == 0)
        return TRANSPORT_FULL;
    for (unsigned i = 0; i < count; i++) {
        struct str part = str_first(queue_view(&peer->opened), pieces[i].iov_len);
        str_put(pieces[i].iov_base, part);
        queue_drop(&peer->opened, part.length);
        moved += part.length;
    }
    conn_received(conn, moved);
    return TRANSPORT_PROGRESS;
}

static bool shake_hands(struct conn *conn, struct peer *peer)
{
    struct str raw = queue_view(&peer->raw), hello = STR(XOR_HELLO);
    if (!str_equal(str_first(raw, hello.length), str_first(hello, raw.length)))
        return false;
    if (raw.length < hello.length)
        return true;
    queue_drop(&peer->raw, hello.length);
    queue_add(&peer->sealed, STR(XOR_READY));
    peer->ready = true;
    conn->socket.handshaking = false;
    conn->socket.holds_output = true;
    counts.handshakes++;
    return true;
}

/* Opens the next record, if it is whole. False: it makes no sense. */
static bool open_record(struct conn *conn, struct peer *peer)
{
    char payload[XOR_RECORD_MAX];
    int bytes = unseal(payload, &peer->in_key, queue_view(&peer->raw));
    if (bytes > 0)
        queue_drop(&peer->raw, (size_t)bytes);
    if (bytes == XOR_OVERHEAD)
        conn_input_ended(conn);
    else if (bytes > 0)
        queue_add(&peer->opened, (struct str){payload, (size_t)bytes - XOR_OVERHEAD});
    counts.broken += bytes < 0;
    return bytes >= 0;
}

static enum transport_result receive_raw(struct conn_context *context, struct conn *conn,
                                         struct peer *peer, size_t *budget)
{
    size_t room;
    char *to = queue_room(&peer->raw, &room);
    ssize_t got = context->io->receive(context, conn, to, some(peer, room));
    if (got < 0)
        return got == -EAGAIN ? TRANSPORT_NOTHING : TRANSPORT_FAILED;
    if (got == 0)
        conn_input_ended(conn);
    peer->raw.length += (size_t)got;
    *budget -= size_min(*budget, (size_t)got);
    return TRANSPORT_PROGRESS;
}

static enum transport_result receive(struct conn_context *context, struct conn *conn,
                                     size_t *budget)
{
    struct peer *peer = peer_of(conn);
    enum transport_result result = TRANSPORT_PROGRESS;
    if (peer->opened.length > 0)
        result = hand_over(context, conn, peer);
    else if (!has_record(peer))
        result = receive_raw(context, conn, peer, budget);
    else if (!open_record(conn, peer))
        return TRANSPORT_FAILED;
    if (result == TRANSPORT_PROGRESS && !peer->ready && !shake_hands(conn, peer))
        return TRANSPORT_FAILED;
    conn->socket.holds_input = peer->opened.length > 0 || has_record(peer);
    return result;
}

static enum transport_result discard(struct conn_context *context, struct conn *conn,
                                     size_t *budget)
{
    char bytes[4096];
    ssize_t got = context->io->receive(context, conn, bytes, sizeof bytes);
    conn->socket.holds_input = false;
    if (got < 0)
        return got == -EAGAIN ? TRANSPORT_NOTHING : TRANSPORT_FAILED;
    if (got == 0)
        conn_input_ended(conn);
    *budget -= size_min(*budget, (size_t)got);
    return conn_discarded(conn, (size_t)got) ? TRANSPORT_PROGRESS : TRANSPORT_FAILED;
}

/* --- Output ----------------------------------------------------------------------------------- */

static enum transport_result flush(struct conn_context *context, struct conn *conn,
                                   struct peer *peer)
{
    struct str left = queue_view(&peer->sealed);
    ssize_t sent = context->io->send(context, conn, left.at, some(peer, left.length));
    if (sent < 0)
        return sent == -EAGAIN ? TRANSPORT_NOTHING : TRANSPORT_FAILED;
    conn_progressed(conn);
    queue_drop(&peer->sealed, (size_t)sent);
    conn->socket.holds_output = peer->sealed.length > 0;
    return TRANSPORT_PROGRESS;
}

/* Copies the next bytes of the output to TO. Returns their number; 0: a disk has to be waited
 * for; -1: the file is too short. */
static ssize_t take_output(struct conn_context *context, struct conn *conn, char *to, size_t room)
{
    struct outq_part part;
    struct iovec piece;
    bool file_follows;
    if (outq_next_file(&conn->output, &part)) {
        part.length = size_min(part.length, room);
        if (!conn_disk_ready(context, conn, &part))
            return 0;
        ssize_t got = pread(part.blob->fd, to, part.length, (off_t)part.first);
        return got > 0 ? got : -1;
    }
    if (outq_gather(&conn->output, &piece, 1, &file_follows) == 0)
        return -1;
    size_t length = size_min(piece.iov_len, room);
    str_put(to, (struct str){piece.iov_base, length});
    return (ssize_t)length;
}

static enum transport_result send_some(struct conn_context *context, struct conn *conn,
                                       size_t *budget)
{
    struct peer *peer = peer_of(conn);
    if (peer->sealed.length > 0)
        return flush(context, conn, peer);
    char payload[XOR_RECORD_MAX], record[RECORD_BYTES];
    ssize_t length = take_output(context, conn, payload, some(peer, sizeof payload));
    if (length <= 0)
        return length == 0 ? TRANSPORT_NOTHING : TRANSPORT_FAILED;
    size_t bytes = seal(record, &peer->out_key, (struct str){payload, (size_t)length});
    queue_add(&peer->sealed, (struct str){record, bytes});
    conn->socket.holds_output = true;
    conn_sent(context, conn, (uint64_t)length);
    *budget -= size_min(*budget, (size_t)length);
    return TRANSPORT_PROGRESS;
}

static bool delivered(const struct conn *conn)
{
    return peers[conn->slot] && peers[conn->slot]->closed && socket_delivered(&conn->socket);
}

static uint64_t stalled_ms(const struct conn *conn)
{
    return socket_stalled_ms(&conn->socket);
}

static bool drains(struct conn *conn)
{
    return socket_drains(&conn->socket);
}

static enum transport_result shut(struct conn_context *context, struct conn *conn)
{
    struct peer *peer = peer_of(conn);
    char record[XOR_OVERHEAD];
    (void)context;
    if (!peer->closed) {
        queue_add(&peer->sealed,
                  (struct str){record, seal(record, &peer->out_key, (struct str){"", 0})});
        peer->closed = conn->socket.holds_output = true;
        counts.closes++;
    }
    if (peer->sealed.length > 0)
        return TRANSPORT_NOTHING;
    return socket_shut(&conn->socket) < 0 ? TRANSPORT_FAILED : TRANSPORT_PROGRESS;
}

static void fini(struct conn_context *context, struct conn *conn)
{
    (void)context;
    free(peers[conn->slot]);
    peers[conn->slot] = NULL;
    counts.finis++;
}

const struct transport xor_transport = {
    .receive = receive,
    .send = send_some,
    .discard = discard,
    .delivered = delivered,
    .stalled_ms = stalled_ms,
    .drains = drains,
    .ends_with_bytes = true,
    .shut = shut,
    .fini = fini,
};

/* --- The client ------------------------------------------------------------------------------- */

void xor_seal(struct pile *pile, struct xor_key *key, struct str bytes, size_t record_max)
{
    char record[RECORD_BYTES];
    while (bytes.length > 0) {
        struct str part = str_first(bytes, record_max);
        pile_add(pile, record, seal(record, key, part));
        bytes = str_from(bytes, part.length);
    }
}

bool xor_open(struct pile *pile, struct xor_key *key, struct str bytes)
{
    char payload[XOR_RECORD_MAX];
    bool ended = false;
    while (bytes.length > 0 && !ended) {
        int taken = unseal(payload, key, bytes);
        if (taken <= 0)
            return false;
        pile_add(pile, payload, (size_t)taken - XOR_OVERHEAD);
        ended = taken == XOR_OVERHEAD;
        bytes = str_from(bytes, (size_t)taken);
    }
    return ended && bytes.length == 0;
}
