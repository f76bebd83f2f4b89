/* proxied: see proxied.h. HAProxy's doc/proxy-protocol.txt. */
#include "conn/proxied.h"

#include "base/networks.h"
#include "conn/conn_table.h"
#include "conn/proxy_header.h"

#include <errno.h>
#include <stdlib.h>

/* What is known of the connection in a slot. */
struct peer {
    uint32_t generation; /* of the connection that CLIENT is of */
    struct endpoint client;
    struct partial *partial; /* NULL: no byte of a header has come, or it is whole */
};

struct partial {
    size_t length;
    size_t room;
    char bytes[];
};

struct proxied {
    struct conn_table *conns;
    struct peer *peers; /* by slot */
};

/* --- The transport that comes before the others ------------------------------------------------ */

/* The engine's plain one, for everything but input. */
static const struct transport *plain(const struct conn_context *context)
{
    return context->transports[TRANSPORT_PLAIN];
}

static struct peer *peer_of(const struct conn_context *context, const struct conn *conn)
{
    return &context->proxied->peers[conn->slot];
}

static void drop_partial(struct peer *peer)
{
    free(peer->partial);
    peer->partial = NULL;
}

/* Makes sure that PEER has room for ROOM bytes of its header. False: out of memory. */
static bool make_room(struct peer *peer, size_t room)
{
    struct partial *partial = peer->partial;
    if (partial && partial->room >= room)
        return true;
    partial = realloc(partial, sizeof *partial + room);
    if (!partial)
        return false;
    if (!peer->partial)
        partial->length = 0;
    partial->room = room;
    peer->partial = partial;
    return true;
}

static enum transport_result refuse(const struct conn_context *context, enum counter reason)
{
    counters_add(context->counters, reason, 1);
    return TRANSPORT_REFUSED;
}

/* Counts CONN for CLIENT, in place of the proxy. False: CLIENT has as many as it may. */
static bool count_client(const struct conn_context *context, const struct conn *conn,
                         const struct endpoint *client)
{
    struct conn_table *conns = context->proxied->conns;
    if (!conns->addresses || (context->trusted && networks_have(context->trusted, client)))
        return true;
    const uint64_t key = conn_addresses_key(client);
    if (!conn_addresses_take(conns->addresses, key))
        return false;
    conn_table_counted(conns, conn, key);
    return true;
}

/* The header of CONN is whole: what follows is of the transport of its listener. */
static enum transport_result finish(struct conn_context *context, struct conn *conn,
                                    const struct proxy_header *header)
{
    struct peer *peer = peer_of(context, conn);
    drop_partial(peer);
    if (header->client.version != ENDPOINT_UNKNOWN) {
        peer->generation = conn->generation;
        peer->client = header->client;
        if (!count_client(context, conn, &peer->client))
            return refuse(context, COUNTER_CONNECTIONS_REFUSED_ADDRESS);
    }
    struct endpoint client;
    proxied_client(context, conn, &client);
    const bool trusted = context->trusted && networks_have(context->trusted, &client);
    const unsigned twin = (trusted ? ORIGIN_TRUSTED : 0) | (header->secure ? ORIGIN_SECURED : 0);
    conn->origin = conn_origin(context, conn)->twins[twin] & (CONN_ORIGINS_MAX - 1);
    conn->transport_index = conn_origin(context, conn)->transport_index & (TRANSPORTS_MAX - 1);
    conn->socket.handshaking = false; /* TLS sets it again */
    return TRANSPORT_PROGRESS;
}

static enum transport_result receive(struct conn_context *context, struct conn *conn,
                                     size_t *budget)
{
    struct peer *peer = peer_of(context, conn);
    struct partial *partial = peer->partial;
    struct proxy_header header;
    conn->socket.handshaking = true;
    /* It was PARTIAL, so it is not malformed now. */
    proxy_header_parse(partial ? (struct str){partial->bytes, partial->length} : STR(""), &header);
    if (!make_room(peer, header.bytes))
        return TRANSPORT_FAILED;
    partial = peer->partial;
    const ssize_t got = context->io->receive(context, conn, partial->bytes + partial->length,
                                             header.bytes - partial->length);
    if (got < 0)
        return got == -EAGAIN ? TRANSPORT_NOTHING : TRANSPORT_FAILED;
    if (got == 0 && partial->length > 0)
        return refuse(context, COUNTER_CONNECTIONS_REFUSED_PROXY);
    if (got == 0) { /* a check whether the port is open */
        conn_input_ended(conn);
        return TRANSPORT_PROGRESS;
    }
    *budget -= size_min(*budget, (size_t)got);
    partial->length += (size_t)got;
    switch (proxy_header_parse((struct str){partial->bytes, partial->length}, &header)) {
    case PROXY_HEADER_WHOLE:
        return finish(context, conn, &header);
    case PROXY_HEADER_PARTIAL:
        return TRANSPORT_PROGRESS;
    case PROXY_HEADER_MALFORMED:
        break;
    }
    return refuse(context, COUNTER_CONNECTIONS_REFUSED_PROXY);
}

static enum transport_result send_nothing(struct conn_context *context, struct conn *conn,
                                          size_t *budget)
{
    return plain(context)->send(context, conn, budget);
}

static enum transport_result discard(struct conn_context *context, struct conn *conn,
                                     size_t *budget)
{
    return plain(context)->discard(context, conn, budget);
}

static bool delivered(const struct conn *conn)
{
    return socket_delivered(&conn->socket);
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
    return plain(context)->shut(context, conn);
}

static void fini(struct conn_context *context, struct conn *conn)
{
    drop_partial(peer_of(context, conn));
}

static const struct transport transport_proxy = {
    .receive = receive,
    .send = send_nothing,
    .discard = discard,
    .delivered = delivered,
    .stalled_ms = stalled_ms,
    .drains = drains,
    .shut = shut,
    .fini = fini,
};

/* --- Clients ---------------------------------------------------------------------------------- */

void proxied_client(const struct conn_context *context, const struct conn *conn,
                    struct endpoint *ret)
{
    const struct peer *peer = context->proxied ? peer_of(context, conn) : NULL;
    if (peer && peer->generation == conn->generation && peer->client.version != ENDPOINT_UNKNOWN)
        *ret = peer->client;
    else
        socket_peer(&conn->socket, ret);
}

/* --- Beginning and end ------------------------------------------------------------------------ */

struct proxied *proxied_create(struct conn_table *conns)
{
    struct proxied *proxied = calloc(1, sizeof *proxied);
    /* calloc: untouched pages of a large table cost no memory. */
    if (!proxied || !(proxied->peers = calloc(conns->slot_max, sizeof proxied->peers[0]))) {
        free(proxied);
        return NULL;
    }
    proxied->conns = conns;
    return proxied;
}

void proxied_destroy(struct proxied *proxied)
{
    if (!proxied)
        return;
    free(proxied->peers);
    free(proxied);
}

void proxied_use(struct conn_context *context, struct proxied *proxied)
{
    context->proxied = proxied;
    context->transports[TRANSPORT_PROXY] = &transport_proxy;
}
