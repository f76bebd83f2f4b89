/* transport_plain: the bytes of the socket as they are, by recv(2), send(2) and sendfile(2).
 *
 * For event loops that wait for readiness (epoll). Its functions are for other plain transports
 * as well: an engine that moves some bytes in its own way takes the rest from here. */
#ifndef SLUICE_TRANSPORT_PLAIN_H
#define SLUICE_TRANSPORT_PLAIN_H

#include "conn/conn.h"

extern const struct transport transport_plain;

/* The functions of that table; see transport.h. */
enum transport_result transport_plain_receive(struct conn_context *context, struct conn *conn,
                                              size_t *budget);
enum transport_result transport_plain_send(struct conn_context *context, struct conn *conn,
                                           size_t *budget);
enum transport_result transport_plain_discard(struct conn_context *context, struct conn *conn,
                                              size_t *budget);
bool transport_plain_delivered(const struct conn *conn);
uint64_t transport_plain_stalled_ms(const struct conn *conn);
bool transport_plain_drains(struct conn *conn);
enum transport_result transport_plain_shut(struct conn_context *context, struct conn *conn);

#endif
