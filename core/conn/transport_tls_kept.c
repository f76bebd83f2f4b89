/* transport_tls: see transport_tls.h. The bytes of a connection that wait in memory of its own:
 * sealed ones that the socket did not take, and ciphertext for which the input had no room. */
#include "conn/transport_tls_parts.h"

#ifdef SLUICE_HAVE_OPENSSL

#include <stdlib.h>

/* Appends BYTES to *KEPT. False: no memory; nothing is changed. */
static bool keep_bytes(struct tls_bytes **kept, struct str bytes)
{
    const struct tls_bytes *before = *kept;
    const size_t had = before ? before->length : 0;
    if (bytes.length == 0)
        return true;
    struct tls_bytes *fresh = malloc(sizeof *fresh + had + bytes.length);
    if (!fresh)
        return false;
    char *to = fresh->at;
    if (before)
        to = str_put(to, (struct str){before->at + before->first, had});
    str_put(to, bytes);
    fresh->first = 0;
    fresh->length = (uint32_t)(had + bytes.length);
    free(*kept);
    *kept = fresh;
    return true;
}

static size_t size_of(const struct tls_bytes *bytes)
{
    return bytes ? sizeof *bytes + bytes->first + bytes->length : 0;
}

bool transport_tls_keep_output(struct conn_context *context, struct conn *conn,
                               struct tls_peer *peer)
{
    struct tls_context *tls = context->tls->context;
    const struct str output = {tls->output, tls->output_length};
    tls->output_length = 0;
    kept_output_remove(context, size_of(peer->sealed));
    const bool kept = keep_bytes(&peer->sealed, output);
    kept_output_add(context, size_of(peer->sealed));
    conn->socket.holds_output = peer->sealed != NULL;
    return kept;
}

void transport_tls_drop_output(struct conn_context *context, struct conn *conn,
                               struct tls_peer *peer)
{
    kept_output_remove(context, size_of(peer->sealed));
    free(peer->sealed);
    peer->sealed = NULL;
    conn->socket.holds_output = false;
}

void transport_tls_drop_input(struct conn *conn, struct tls_peer *peer)
{
    free(peer->spill);
    peer->spill = NULL;
    conn->socket.holds_input = false;
}

bool transport_tls_keep_input(struct transport_tls *tls, struct conn *conn, struct tls_peer *peer)
{
    struct tls_bytes *used = peer->spill; /* the input may point into it */
    peer->spill = NULL;
    const bool kept = keep_bytes(&peer->spill, tls->context->input);
    free(used);
    tls->context->input = STR("");
    conn->socket.holds_input = peer->spill || tls_stream_has_opened(peer->stream);
    return kept;
}

#endif
