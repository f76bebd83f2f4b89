/* faults_client: see faults_client.h. */
#include "faults_client.h"

#include "base/base.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
const int client_patience_ms = 20000;
#else
const int client_patience_ms = 4000;
#endif

/* Makes the socket of CLIENT, of DOMAIN. */
static bool make_socket(struct client *client, int domain)
{
    const struct timeval patience = {.tv_sec = client_patience_ms / 1000};
    client->length = 0;
    client->fd = socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0)
        return false;
    setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return true;
}

bool client_open(struct client *client, uint16_t port, int buffer_bytes)
{
    const struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const int on = 1;
    if (!make_socket(client, AF_INET))
        return false;
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (buffer_bytes)
        setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
    return connect(client->fd, (const struct sockaddr *)&at, sizeof at) == 0;
}

bool client_open_unix(struct client *client, const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    str_put(at.sun_path, str_first(str_of(path), sizeof at.sun_path - 1));
    return make_socket(client, AF_UNIX) &&
           connect(client->fd, (const struct sockaddr *)&at, sizeof at) == 0;
}

void client_close(struct client *client)
{
    close(client->fd);
}

void client_send(const struct client *client, struct str text)
{
    struct str left = text;
    while (left.length > 0) {
        ssize_t sent = sendto(client->fd, left.at, left.length, MSG_NOSIGNAL, NULL, 0);
        if (sent <= 0)
            return;
        left = str_from(left, (size_t)sent);
    }
}

enum got client_receive(struct client *client)
{
    ssize_t got;
    if (client->length == sizeof client->bytes)
        return GOT_END;
    do
        got = recvfrom(client->fd, client->bytes + client->length,
                       sizeof client->bytes - client->length, 0, NULL, NULL);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? GOT_NOTHING : GOT_END;
    client->length += (size_t)got;
    return got > 0 ? GOT_ANSWER : GOT_END;
}

/* Whether the head of the next answer is there, and then whether the answer has no body. */
static bool is_bodiless(const struct client *client, bool head)
{
    return head || (client->length > 12 && strncmp(client->bytes + 9, "304", 3) == 0);
}

enum got client_read(struct client *client, bool head, struct answer *ret, size_t *ret_bytes)
{
    for (;;) {
        struct str stream = {client->bytes, client->length};
        if (answer_next(&stream, is_bodiless(client, head), ret)) {
            *ret_bytes = client->length - stream.length;
            return GOT_ANSWER;
        }
        enum got got = client_receive(client);
        if (got != GOT_ANSWER)
            return got;
    }
}

void client_drop(struct client *client, size_t bytes)
{
    client->length -= bytes;
    memmove(client->bytes, client->bytes + bytes, client->length);
}
