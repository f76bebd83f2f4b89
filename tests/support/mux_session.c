/* mux_session: see mux_session.h. */
#include "support/mux_session.h"

#include "conn/conn_storage.h"
#include "conn/exchange.h"

struct stream {
    struct list node;
    unsigned number;
    char *text; /* of the request */
    struct request request;
    struct exchange exchange;
    bool ready;   /* the exchange is */
    bool started; /* its head has been queued */
    unsigned part;
    uint64_t part_sent;
};

struct mux {
    struct list streams; /* under way; the one whose turn it is first */
    unsigned count;
    bool any; /* a request has come */
    bool closing;
};

/* --- Streams ---------------------------------------------------------------------------------- */

static struct mux *mux_of(struct conn *conn)
{
    if (!conn->session.other) {
        struct mux *mux = calloc(1, sizeof *mux);
        tree_must(mux != NULL, "calloc");
        list_init(&mux->streams);
        conn->session.other = mux;
    }
    return conn->session.other;
}

static struct stream *stream_of(struct list *node)
{
    return CONTAINER_OF(node, struct stream, node);
}

static void stream_end(struct mux *mux, struct stream *stream)
{
    if (stream->ready)
        exchange_fini(&stream->exchange);
    list_unlink(&stream->node);
    mux->count--;
    free(stream->text);
    free(stream);
}

static struct stream *stream_find(struct mux *mux, unsigned number)
{
    for (struct list *node = mux->streams.next; node != &mux->streams; node = node->next) {
        if (stream_of(node)->number == number)
            return stream_of(node);
    }
    return NULL;
}

/* PATH is in the input and goes with it: the stream's request is a copy. */
static void stream_begin(struct conn *conn, struct mux *mux, unsigned number, struct str path)
{
    struct stream *stream = calloc(1, sizeof *stream);
    tree_must(stream != NULL, "calloc");
    struct request request;
    request_init(&request);
    request.method = HTTP_GET;
    request.path = path;
    request.authority = STR("mux");
    stream->number = number;
    stream->text = malloc(request_bytes(&request));
    tree_must(stream->text != NULL, "malloc");
    request_copy(&stream->request, &request, stream->text);
    exchange_init(&stream->exchange, conn, stream);
    list_append(&mux->streams, &stream->node);
    mux->count++;
    mux->any = true;
}

/* --- Input ------------------------------------------------------------------------------------ */

static unsigned number_at(const char *at)
{
    return (unsigned)(uint8_t)at[0] << 8 | (uint8_t)at[1];
}

static void take_frame(struct conn_context *context, struct conn *conn, struct mux *mux,
                       struct str frame)
{
    unsigned number = number_at(frame.at + 1);
    struct str payload = str_from(frame, MUX_HEADER_BYTES);
    struct stream *stream = stream_find(mux, number);
    if (frame.at[0] == MUX_REQUEST && !stream && !mux->closing) {
        stream_begin(conn, mux, number, payload);
    } else if (frame.at[0] == MUX_CANCEL && stream) {
        exchange_cancel(context, conn, stream);
        stream_end(mux, stream);
    }
}

static void read_frames(struct conn_context *context, struct conn *conn, struct mux *mux)
{
    while (mux->count < MUX_STREAMS_MAX) {
        struct str input = conn_input(conn);
        size_t bytes = MUX_HEADER_BYTES;
        if (input.length >= bytes)
            bytes += number_at(input.at + 3);
        if (input.length < bytes) {
            if (conn_needs_more(conn))
                continue;
            return;
        }
        take_frame(context, conn, mux, str_first(input, bytes));
        conn_consume(conn, bytes);
    }
}

/* --- Answers ---------------------------------------------------------------------------------- */

static void run_exchanges(struct conn_context *context, struct conn *conn, struct mux *mux)
{
    for (struct list *node = mux->streams.next; node != &mux->streams; node = node->next) {
        struct stream *stream = stream_of(node);
        if (!stream->ready && !exchange_waits(conn, stream))
            stream->ready =
                exchange_run(context, &stream->exchange, &stream->request) == EXCHANGE_READY;
    }
}

static char *put_header(char *to, enum mux_type type, unsigned stream, size_t length)
{
    to[0] = (char)type;
    to[1] = (char)(stream >> 8);
    to[2] = (char)stream;
    to[3] = (char)(length >> 8);
    to[4] = (char)length;
    return to + MUX_HEADER_BYTES;
}

/* Room for a frame's text and PARTS parts; NULL: not now. */
static char *reserve(struct conn_context *context, struct conn *conn, size_t text_bytes,
                     unsigned parts)
{
    if (!conn_may_queue(conn) || !conn_storage_lend_output(context, conn, CONN_STORAGE_ANY))
        return NULL;
    return outq_reserve(&conn->output, text_bytes, parts);
}

static bool queue_head(struct conn_context *context, struct conn *conn, struct stream *stream)
{
    char *text = reserve(context, conn, MUX_HEADER_BYTES + 3, 0);
    if (!text)
        return false;
    struct str status = str_first(http_status_line(stream->exchange.plan.status), 3);
    str_put(put_header(text, MUX_HEAD, stream->number, 3), status);
    outq_push_frame(&conn->output, MUX_HEADER_BYTES + 3, NULL, 0);
    stream->started = true;
    return true;
}

static bool queue_part(struct conn_context *context, struct conn *conn, struct stream *stream)
{
    const struct plan *plan = &stream->exchange.plan;
    struct outq_part part = plan->parts[stream->part];
    part.first += stream->part_sent;
    part.length -= stream->part_sent;
    if (part.length > MUX_DATA_MAX)
        part.length = MUX_DATA_MAX;
    char *text = reserve(context, conn, MUX_HEADER_BYTES, 1);
    if (!text)
        return false;
    put_header(text, MUX_DATA, stream->number, part.length);
    outq_push_frame(&conn->output, MUX_HEADER_BYTES, &part, 1);
    stream->part_sent += part.length;
    if (stream->part_sent == plan->parts[stream->part].length) {
        stream->part++;
        stream->part_sent = 0;
    }
    return true;
}

static bool queue_end(struct conn_context *context, struct conn *conn, struct stream *stream)
{
    char *text = reserve(context, conn, MUX_HEADER_BYTES, 0);
    if (!text)
        return false;
    put_header(text, MUX_END, stream->number, 0);
    outq_push_frame(&conn->output, MUX_HEADER_BYTES, NULL, 0);
    outq_push_end(&conn->output);
    return true;
}

/* Queues the next frame of STREAM, and ends it after the last one. False: no room. */
static bool queue_frame(struct conn_context *context, struct conn *conn, struct mux *mux,
                        struct stream *stream)
{
    if (!stream->started)
        return queue_head(context, conn, stream);
    if (stream->part < stream->exchange.plan.part_count)
        return queue_part(context, conn, stream);
    if (!queue_end(context, conn, stream))
        return false;
    stream_end(mux, stream);
    return true;
}

/* One frame of each stream after the other, as long as there is room. */
static void write_frames(struct conn_context *context, struct conn *conn, struct mux *mux)
{
    bool room = true, progress = true;
    while (room && progress) {
        progress = false;
        struct list turn;
        list_init(&turn);
        list_splice(&turn, &mux->streams);
        struct list *node;
        while ((node = list_take_first(&turn))) {
            struct stream *stream = stream_of(node);
            list_append(&mux->streams, node);
            if (!room || !stream->ready)
                continue;
            room = queue_frame(context, conn, mux, stream);
            progress = progress || room;
        }
    }
}

/* --- The session ------------------------------------------------------------------------------ */

static enum session_phase work(struct conn_context *context, struct conn *conn)
{
    struct mux *mux = mux_of(conn);
    read_frames(context, conn, mux);
    run_exchanges(context, conn, mux);
    write_frames(context, conn, mux);
    conn->busy = mux->count > 0;
    if (mux->closing && mux->count == 0)
        return SESSION_ENDED;
    return mux->any ? SESSION_IDLE : SESSION_FIRST;
}

static void sent(struct conn_context *context, struct conn *conn, unsigned count)
{
    (void)context;
    (void)conn;
    (void)count;
}

static void close_soon(struct conn_context *context, struct conn *conn)
{
    (void)context;
    mux_of(conn)->closing = true;
    conn->busy = true; /* an idle session ends now */
}

static bool expired(struct conn_context *context, struct conn *conn)
{
    (void)context;
    (void)conn;
    return false;
}

static void fini(struct conn_context *context, struct conn *conn)
{
    struct mux *mux = conn->session.other;
    (void)context;
    while (mux && !list_is_empty(&mux->streams))
        stream_end(mux, stream_of(mux->streams.next));
    free(mux);
    conn->session.other = NULL;
}

const struct session mux_session = {
    .work = work,
    .sent = sent,
    .close_soon = close_soon,
    .expired = expired,
    .fini = fini,
};

/* --- The client ------------------------------------------------------------------------------- */

void mux_add(struct pile *pile, enum mux_type type, unsigned stream, struct str payload)
{
    char header[MUX_HEADER_BYTES];
    put_header(header, type, stream, payload.length);
    pile_add(pile, header, sizeof header);
    pile_add(pile, payload.at, payload.length);
}

bool mux_client_take(struct mux_client *client, struct str *bytes)
{
    static unsigned before;
    while (bytes->length >= MUX_HEADER_BYTES) {
        unsigned number = number_at(bytes->at + 1);
        size_t length = number_at(bytes->at + 3);
        if (bytes->length < MUX_HEADER_BYTES + length)
            break;
        struct str payload = {bytes->at + MUX_HEADER_BYTES, length};
        char type = bytes->at[0];
        if (number >= MUX_CLIENT_STREAMS_MAX || client->streams[number].ended)
            return false;
        if (type == MUX_HEAD && length == 3)
            client->streams[number].status = (unsigned)(payload.at[0] - '0') * 100 +
                                             (unsigned)(payload.at[1] - '0') * 10 +
                                             (unsigned)(payload.at[2] - '0');
        else if (type == MUX_DATA && client->streams[number].status)
            pile_add(&client->streams[number].body, payload.at, payload.length);
        else if (type == MUX_END && client->streams[number].status)
            client->streams[number].ended = ++client->ended;
        else
            return false;
        client->switches += client->streams[number].frames++ == 0 || before != number;
        before = number;
        *bytes = str_from(*bytes, MUX_HEADER_BYTES + length);
    }
    return true;
}

void mux_client_clear(struct mux_client *client)
{
    for (unsigned i = 0; i < MUX_CLIENT_STREAMS_MAX; i++)
        pile_clear(&client->streams[i].body);
    *client = (struct mux_client){.ended = 0};
}
