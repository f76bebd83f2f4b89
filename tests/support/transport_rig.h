/* transport_rig: a connection over a socket, without a loop, and its client's end. */
#ifndef SLUICE_TESTS_TRANSPORT_RIG_H
#define SLUICE_TESTS_TRANSPORT_RIG_H

#include "conn/file_send.h"
#include "conn/transport_plain.h"
#include "support/conn_rig.h"
#include "support/wire.h"

#include <signal.h>

enum { TURN_BYTES = 256 << 10, TICK_MS = 12 };

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

/* Of a large file, so much that it is copied for a peer that is not quick. */
#define GET_TAIL "GET /large.bin HTTP/1.1\r\nHost: a\r\nRange: bytes=-300000\r\n\r\n"

static struct rig rig;
static struct conn conn;
static struct pile output; /* that the client has received */
static int client;

static inline void open_conn(void)
{
    int server;
    wire_pair(&server, &client);
    conn_init(&conn, server);
    conn.socket.readable = conn.socket.writable = true;
}

static inline void close_conn(void)
{
    conn_fini(&rig.context, &conn);
    close(conn.socket.fd);
    close(client);
    pile_clear(&output);
}

static inline void set_up(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the servers do, because of sendfile */
    rig_init(&rig, 1 << 20);
    open_conn();
}

static inline void tear_down(void)
{
    close_conn();
    rig_fini(&rig);
}

/* Adds to OUTPUT what has arrived. */
static inline void read_arrived(void)
{
    pile_add_arrived(&output, client);
}

/* Lets the connection do once what it wants to. False when it has failed. */
static inline bool turn(void)
{
    size_t budget = TURN_BYTES;
    enum transport_result result = TRANSPORT_NOTHING;
    conn_work(&rig.context, &conn);
    if (conn_wants_output(&conn) && conn.socket.writable)
        result = transport_plain_send(&rig.context, &conn, &budget);
    else if (conn_wants_input(&conn) && conn.socket.readable)
        result = transport_plain_receive(&rig.context, &conn, &budget);
    conn_work(&rig.context, &conn);
    return result != TRANSPORT_FAILED;
}

/* Turns until LENGTH bytes have come out, as if events said all the time that there is
 * something. */
static inline void run_until(size_t length)
{
    for (unsigned i = 0; output.length < length; i++) {
        cr_assert_lt(i, 2000000, "no progress");
        conn.socket.readable = conn.socket.writable = true;
        cr_assert(turn());
        if (i % 64 == 0)
            conn_settle(&rig.context, &conn);
        read_arrived();
    }
}

/* As if the peer had taken a lot, at once. */
static inline void make_quick(void)
{
    conn.socket.quick = FILE_SEND_QUICK_COUNT;
}

#endif
