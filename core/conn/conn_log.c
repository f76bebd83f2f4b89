/* conn_log: see conn_log.h. */
#include "conn/conn_log.h"

#include "conn/conn_wait.h"

uint64_t conn_log_arrived_ms(const struct conn_context *context, const struct conn *conn,
                             const void *owner)
{
    const struct conn_wait *wait = conn->waits ? conn_wait_find(conn, owner) : NULL;
    return wait ? wait->began_ms : context->now.ms;
}

void conn_log_queued(struct conn_context *context, struct conn *conn, struct log_response *response)
{
    socket_peer(&conn->socket, &response->client);
    uint32_t index = log_records_take(&context->log, response, &context->now);
    outq_tag(&conn->output, index);
}

void conn_log_unsent(struct conn_context *context, const struct conn *conn)
{
    struct outq_end end;
    uint64_t unsent_bytes;
    for (unsigned i = 0; outq_unsent_end(&conn->output, i, &end, &unsent_bytes); i++)
        log_records_finish(&context->log, end.tag, unsent_bytes, context->now.ms);
}
