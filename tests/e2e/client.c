/* client: see client.h. */
#include "client.h"

#include "e2e.h"
#include "server_process.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    DEADLINE_MS = 10000,
    HANDSHAKE_MS = 3000,
    STILL_MS = 10000,  /* without a byte, whatever the deadline */
    IN_VAIN_MS = 4000, /* then the next waits are short */
};

/* --- The connection --------------------------------------------------------------------------- */

/* The numeric address HOST with PORT. The caller frees it by freeaddrinfo. */
static struct addrinfo *resolve(const char *host, uint16_t port)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;

    cr_assert(getaddrinfo(host, text_format("%u", port), &hints, &found) == 0, "%s", host);
    return found;
}

static bool bind_source(int fd, const char *source)
{
    static const int yes = 1;
    struct addrinfo *address = resolve(source, 0);
    bool bound;

    /* The port is chosen by connect, so that one can serve several destinations. */
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes));
    bound = bind(fd, address->ai_addr, address->ai_addrlen) == 0;
    freeaddrinfo(address);
    return bound;
}

/* Begins TLS on a new connection, and waits for the end of the handshake, because a server takes a
 * connection without one for something else. After one wait in vain, the next ones are short: the
 * server has been stopped. How a handshake failed shows in what the test reads. */
static void begin_tls(struct client *client, const struct client_setup *setup)
{
    static int64_t wait_ms = HANDSHAKE_MS;
    struct secure_setup usual = e2e_usual_tls();
    client->secure = secure_create(client->fd, setup->secure ? setup->secure : &usual);
    if (setup->silent)
        return;
    switch (secure_await_handshake(client->secure, deadline_after(wait_ms))) {
    case SECURE_ESTABLISHED:
        wait_ms = HANDSHAKE_MS;
        break;
    case SECURE_SHAKING:
        wait_ms = 1;
        break;
    case SECURE_CLOSED:
        client->eof = true;
        break;
    case SECURE_FAILED:
        client->error = errno ? errno : EPROTO;
        break;
    }
}

/* A descriptor that is connected to the Unix socket PATH; or -1 with errno. */
static int connect_to_path(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert(fd >= 0 && length < sizeof(address.sun_path));
    memcpy(address.sun_path, path, length);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    if (connect(fd, (struct sockaddr *)&address,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool try_connect_to_path(struct client *client, const struct client_setup *setup)
{
    *client = (struct client){
        .fd = connect_to_path(setup->unix_path),
        .read_bytes_max = setup->read_bytes_max ? setup->read_bytes_max : KIB(256),
        .delivery = setup->delivery,
    };
    if (client->fd >= 0 && setup->secure)
        begin_tls(client, setup);
    return client->fd >= 0;
}

bool client_try_connect(struct client *client, const struct client_setup *setup)
{
    static const int yes = 1;
    int buffer_bytes = (int)setup->receive_buffer_bytes;
    int segment_bytes = (int)setup->segment_bytes;

    if (setup->unix_path)
        return try_connect_to_path(client, setup);

    struct addrinfo *address = resolve(setup->host ? setup->host : "127.0.0.1", setup->port);
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool connected = fd >= 0;

    if (connected && buffer_bytes)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof(buffer_bytes));
    if (connected && segment_bytes)
        setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment_bytes, sizeof(segment_bytes));
    if (connected)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    if (connected && setup->source)
        connected = bind_source(fd, setup->source);
    connected = connected && connect(fd, address->ai_addr, address->ai_addrlen) == 0;
    freeaddrinfo(address);
    if (!connected && fd >= 0) {
        int error = errno;

        close(fd);
        errno = error;
        fd = -1;
    }
    *client = (struct client){
        .fd = fd,
        .read_bytes_max = setup->read_bytes_max ? setup->read_bytes_max : KIB(256),
        .delivery = setup->delivery,
    };
    if (connected && !setup->plain && (setup->secure || server_port_is_secure(setup->port)))
        begin_tls(client, setup);
    return connected;
}

void client_connect_with(struct client *client, const struct client_setup *setup)
{
    if (!client_try_connect(client, setup))
        cr_assert_fail("connect to %s, port %u: %s",
                       setup->unix_path ? setup->unix_path : "127.0.0.1", setup->port,
                       strerror(errno));
}

void client_connect(struct client *client, const struct server *server)
{
    client_connect_with(client, &(struct client_setup){.port = server->port});
}

void client_half_close(struct client *client)
{
    if (client->secure)
        secure_end(client->secure);
    shutdown(client->fd, SHUT_WR);
}

void client_await_half_closed(const struct client *client)
{
    int64_t deadline = deadline_after(DEADLINE_MS);
    struct tcp_info info = {.tcpi_state = TCP_FIN_WAIT1};
    socklen_t length = sizeof(info);
    while (getsockopt(client->fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 &&
           (info.tcpi_state == TCP_ESTABLISHED || info.tcpi_state == TCP_FIN_WAIT1) &&
           deadline_left_ms(deadline) > 0)
        poll(NULL, 0, 1);
    cr_expect(deadline_left_ms(deadline) > 0, "the end of input was not acknowledged");
}

static void drop(struct client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    secure_destroy(client->secure);
    client->secure = NULL;
}

void client_close(struct client *client)
{
    if (client->secure)
        secure_end(client->secure);
    drop(client);
}

void client_abort(struct client *client)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    drop(client);
}

/* --- Moving bytes ----------------------------------------------------------------------------- */

static size_t output_left(const struct client *client)
{
    return client->output.length - client->output_first;
}

static size_t next_piece_length(struct client *client)
{
    static const size_t odd[] = {1, 2, 3, 5, 7, 11, 13, 17, 31, 61, 127, 251, 509};
    size_t left = output_left(client);
    size_t wanted = left;

    if (client->delivery == DELIVERY_BYTES)
        wanted = 1;
    if (client->delivery == DELIVERY_ODD_PIECES)
        wanted = odd[client->piece++ % COUNT_OF(odd)];
    return wanted < left ? wanted : left;
}

ssize_t client_try_send(struct client *client, const void *data, size_t length)
{
    if (client->secure)
        return secure_send(client->secure, data, length);
    return send(client->fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void client_send_raw(const struct client *client, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t count = send(client->fd, data, length, MSG_NOSIGNAL);
        if (count <= 0)
            return;
        data += count;
        length -= (size_t)count;
    }
}

/* As recv(2): as much as there is, though a record has at most 16 KiB. */
static ssize_t receive_records(struct client *client, char *to, size_t room)
{
    size_t total = 0;
    ssize_t count = 1;
    while (total < room && count > 0) {
        count = secure_receive(client->secure, to + total, room - total);
        if (count > 0)
            total += (size_t)count;
    }
    return total > 0 ? (ssize_t)total : count;
}

ssize_t client_try_receive(struct client *client, void *to, size_t room)
{
    if (client->secure)
        return receive_records(client, to, room);
    return recv(client->fd, to, room, MSG_DONTWAIT);
}

static void send_some(struct client *client)
{
    ssize_t count = client_try_send(client, client->output.data + client->output_first,
                                    next_piece_length(client));

    if (count > 0)
        client->output_first += (size_t)count;
    else if (count < 0 && errno != EAGAIN && errno != EINTR)
        client->error = errno;
}

static void receive_some(struct client *client)
{
    ssize_t count;

    if (client->input_first > 0 && client->input_first >= client->input.length / 2) {
        client->input.length -= client->input_first;
        memmove(client->input.data, client->input.data + client->input_first, client->input.length);
        client->input_first = 0;
    }
    count = client_try_receive(client, bytes_reserve(&client->input, client->read_bytes_max),
                               client->read_bytes_max);
    if (count > 0)
        client->input.length += (size_t)count;
    else if (count == 0)
        client->eof = true;
    else if (errno != EAGAIN && errno != EINTR)
        client->error = errno;
}

static bool is_shaking(const struct client *client)
{
    return client->secure && !client->error && !client->eof &&
           secure_handshake(client->secure) == SECURE_SHAKING;
}

/* The events to wait for. During a handshake only the peer's bytes help. */
static short wanted(const struct client *client, bool receiving, bool sending)
{
    if (is_shaking(client))
        return POLLIN;
    return (short)((receiving && !client->eof ? POLLIN : 0) | (sending ? POLLOUT : 0));
}

/* Waits until bytes can be sent or received, and moves them. False after DEADLINE, after STILL_MS,
 * or when nothing more can be received. */
static bool move(struct client *client, bool receiving, int64_t deadline)
{
    struct pollfd ready = {.fd = client->fd};
    bool sending = output_left(client) > 0;

    if (client->error || (client->eof && !sending))
        return false;
    if (receiving && client->secure && secure_has_received(client->secure)) {
        receive_some(client);
        return true;
    }
    ready.events = wanted(client, receiving, sending);
    int left_ms = deadline_left_ms(deadline);
    int still_ms = (int)e2e_scaled(STILL_MS, 5 * STILL_MS);
    int count = poll(&ready, 1, left_ms < still_ms ? left_ms : still_ms);
    if (count == 0 && left_ms > IN_VAIN_MS)
        e2e_lose_patience();
    if (count <= 0)
        return left_ms < still_ms && deadline_left_ms(deadline) > 0;
    if (receiving && !client->eof && (ready.revents & (POLLIN | POLLHUP | POLLERR)))
        receive_some(client);
    if (sending && !client->error && (ready.revents & (POLLOUT | POLLHUP | POLLERR))) {
        send_some(client);
        /* Let the server see the piece by itself; the outcome must not depend on it. */
        ready.events = (short)(receiving && !client->eof ? POLLIN : 0);
        if (client->delivery != DELIVERY_WHOLE)
            poll(&ready, 1, 1);
    }
    return true;
}

void client_queue(struct client *client, const void *data, size_t length)
{
    if (output_left(client) == 0)
        client->output_first = client->output.length = 0;
    bytes_append(&client->output, data, length);
}

void client_queue_text(struct client *client, const char *text)
{
    client_queue(client, text, strlen(text));
}

static bool flush(struct client *client, bool receiving)
{
    int64_t deadline = deadline_after(DEADLINE_MS);

    /* Before the end of a handshake there is nothing to send into; later calls do. */
    while (output_left(client) > 0 && !(is_shaking(client) && !receiving) &&
           move(client, receiving, deadline))
        ;
    return output_left(client) == 0 || (is_shaking(client) && !receiving);
}

bool client_flush(struct client *client)
{
    return flush(client, true);
}

bool client_flush_blindly(struct client *client)
{
    return flush(client, false);
}

/* --- Reading ---------------------------------------------------------------------------------- */

static struct view unread(const struct client *client)
{
    return (struct view){
        .data = client->input.data ? client->input.data + client->input_first : "",
        .length = client->input.length - client->input_first,
    };
}

struct view client_receive(struct client *client, size_t length, int64_t deadline)
{
    while (unread(client).length < length && !client->eof && move(client, true, deadline))
        ;
    return unread(client);
}

void client_skip(struct client *client, size_t length)
{
    client->input_first += length;
}

bool client_drain(struct client *client, uint64_t *ret_bytes, int64_t deadline)
{
    uint64_t bytes = 0;

    do {
        bytes += unread(client).length;
        client->input_first = client->input.length = 0;
    } while (!client->eof && move(client, true, deadline));
    *ret_bytes = bytes;
    return client->eof && !client->error;
}

enum answer client_read_response_until(struct client *client, bool no_body, struct response *ret,
                                       int64_t deadline)
{
    struct response response;

    for (;;) {
        struct view input = unread(client);

        switch (response_parse(&response, input.data, input.length, no_body, &client->why)) {
        case RESPONSE_WHOLE:
            client->input_first += response.head.length + response.body.length;
            if (ret)
                *ret = response;
            return ANSWER_WHOLE;
        case RESPONSE_MALFORMED:
            return ANSWER_MALFORMED;
        case RESPONSE_INCOMPLETE:
            break;
        }
        if (client->error)
            return ANSWER_RESET;
        if (client->eof)
            return input.length ? ANSWER_SHORT : ANSWER_NONE;
        if (!move(client, true, deadline) && !client->error && !client->eof)
            return ANSWER_LATE;
    }
}

enum answer client_read_response(struct client *client, bool no_body, struct response *ret)
{
    return client_read_response_until(client, no_body, ret, deadline_after(DEADLINE_MS));
}
