/* admin_clients: see admin_clients.h. */
#include "admin/admin_clients.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STEPS_MAX = 16 }; /* of a connection, before others have their turn */

enum { ANSWER_MS = 30 * 1000 }; /* for the whole of one */

/* How long a connection may be in each state; of WRITING, without progress. */
static const uint64_t state_ms[] = {
    [ADMIN_CLIENT_IDLE] = 60 * 1000,
    [ADMIN_CLIENT_READING] = 5 * 1000,
    [ADMIN_CLIENT_WRITING] = 5 * 1000,
    [ADMIN_CLIENT_LINGERING] = 1000,
};

static void enter(struct admin_client *client, enum admin_client_state state, uint64_t now_ms)
{
    client->state = state;
    client->since_ms = now_ms;
    client->deadline_ms = now_ms + state_ms[state];
}

static void end_client(struct admin_client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    free(client->answer.bytes);
    client->answer = (struct admin_answer){.length = 0};
    client->fd = -1;
}

void admin_clients_init(struct admin_clients *ret)
{
    for (unsigned i = 0; i < ADMIN_CLIENTS_MAX; i++)
        ret->items[i].fd = -1;
}

void admin_clients_fini(struct admin_clients *clients)
{
    for (unsigned i = 0; i < ADMIN_CLIENTS_MAX; i++)
        end_client(&clients->items[i]);
}

/* --- Watching --------------------------------------------------------------------------------- */

bool admin_clients_busy(const struct admin_clients *clients)
{
    for (unsigned i = 0; i < ADMIN_CLIENTS_MAX; i++) {
        const struct admin_client *client = &clients->items[i];
        if (client->fd >= 0 &&
            (client->state == ADMIN_CLIENT_READING || client->state == ADMIN_CLIENT_WRITING))
            return true;
    }
    return false;
}

int admin_clients_watch(const struct admin_clients *clients, struct pollfd *ret, uint64_t now_ms)
{
    uint64_t next_ms = UINT64_MAX;
    for (unsigned i = 0; i < ADMIN_CLIENTS_MAX; i++) {
        const struct admin_client *client = &clients->items[i];
        const short events = client->state == ADMIN_CLIENT_WRITING ? POLLOUT : POLLIN;
        ret[i] = (struct pollfd){client->fd, events, 0};
        if (client->fd >= 0)
            next_ms = u64_min(next_ms, client->goes_on ? now_ms : client->deadline_ms);
    }
    if (next_ms == UINT64_MAX)
        return -1;
    return next_ms > now_ms ? (int)(next_ms - now_ms) : 0;
}

/* --- Requests --------------------------------------------------------------------------------- */

/* Sends what is left of the answer. False: the socket takes no more now, or CLIENT has ended. */
static bool send_answer(struct admin_client *client, uint64_t now_ms)
{
    struct admin_answer *answer = &client->answer;
    while (client->sent < answer->length) {
        ssize_t sent = send(client->fd, answer->bytes + client->sent, answer->length - client->sent,
                            MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0) {
            if (errno != EAGAIN)
                end_client(client);
            return false;
        }
        client->sent += (size_t)sent;
        client->deadline_ms =
            u64_min(now_ms + state_ms[ADMIN_CLIENT_WRITING], client->since_ms + ANSWER_MS);
    }
    free(answer->bytes);
    *answer = (struct admin_answer){.length = 0};
    enter(client, client->length > 0 ? ADMIN_CLIENT_READING : ADMIN_CLIENT_IDLE, now_ms);
    if (client->last) {
        shutdown(client->fd, SHUT_WR);
        enter(client, ADMIN_CLIENT_LINGERING, now_ms);
    }
    return true;
}

/* Answers the request at the front of the input. False: its head is not complete. */
static bool take_request(const struct admin_clients *clients, struct admin_client *client,
                         uint64_t now_ms)
{
    struct h1_head head;
    size_t bytes = 0;
    const enum h1_parse_result result =
        h1_parse(&client->parse, (struct str){client->input, client->length}, ADMIN_HEAD_BYTES_MAX,
                 &head, &bytes);
    if (result == H1_PARSE_MORE)
        return false;
    /* Content is not read, so the connection ends after it. */
    client->last = result == H1_PARSE_BAD || head.minor == 0 || head.close ||
                   head.framing != H1_FRAMING_NONE || head.request.refusal != HTTP_NONE;
    client->answer = clients->answer(clients->owner, &head, !client->last);
    client->sent = 0;
    client->parse = (struct h1_parse){.scanned = 0};
    client->length = result == H1_PARSE_BAD ? 0 : client->length - bytes;
    memmove(client->input, client->input + bytes, client->length);
    enter(client, ADMIN_CLIENT_WRITING, now_ms);
    if (!client->answer.bytes)
        end_client(client);
    return true;
}

/* Receives input. False: none is there, or CLIENT has ended. */
static bool receive(struct admin_client *client, uint64_t now_ms)
{
    const bool discards = client->state == ADMIN_CLIENT_LINGERING;
    if (discards)
        client->length = 0;
    ssize_t got;
    do
        got = recv(client->fd, client->input + client->length,
                   sizeof client->input - client->length, 0);
    while (got < 0 && errno == EINTR);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN)
            end_client(client);
        return false;
    }
    client->length += (size_t)got;
    if (client->state == ADMIN_CLIENT_IDLE)
        enter(client, ADMIN_CLIENT_READING, now_ms);
    return true;
}

/* Does STEPS_MAX steps at most: a client that sends without an end has no more than its share. */
static void serve(const struct admin_clients *clients, struct admin_client *client, uint64_t now_ms)
{
    bool goes_on = true;
    for (unsigned i = 0; i < STEPS_MAX && goes_on && client->fd >= 0; i++) {
        switch (client->state) {
        case ADMIN_CLIENT_WRITING:
            goes_on = send_answer(client, now_ms);
            break;
        case ADMIN_CLIENT_IDLE:
        case ADMIN_CLIENT_READING:
            goes_on = (client->length > 0 && take_request(clients, client, now_ms)) ||
                      receive(client, now_ms);
            break;
        case ADMIN_CLIENT_LINGERING:
            goes_on = receive(client, now_ms);
            break;
        }
    }
    client->goes_on = goes_on;
}

/* --- Places ----------------------------------------------------------------------------------- */

/* The higher, the more is lost with the connection of CLIENT. */
static unsigned rank_of(const struct admin_client *client)
{
    static const unsigned ranks[] = {
        [ADMIN_CLIENT_LINGERING] = 1,
        [ADMIN_CLIENT_IDLE] = 2,
        [ADMIN_CLIENT_READING] = 3,
        [ADMIN_CLIENT_WRITING] = 3,
    };
    return client->fd < 0 ? 0 : ranks[client->state];
}

/* Whether the place of A is taken rather than that of B. */
static bool is_cheaper(const struct admin_client *a, const struct admin_client *b)
{
    const unsigned rank = rank_of(a), other = rank_of(b);
    return rank == other ? a->since_ms < b->since_ms : rank < other;
}

void admin_clients_add(struct admin_clients *clients, int fd, uint64_t now_ms)
{
    struct admin_client *place = &clients->items[0];
    for (unsigned i = 1; i < ADMIN_CLIENTS_MAX; i++) {
        if (is_cheaper(&clients->items[i], place))
            place = &clients->items[i];
    }
    end_client(place);
    place->fd = fd;
    place->parse = (struct h1_parse){.scanned = 0};
    place->length = place->sent = 0;
    place->last = false;
    enter(place, ADMIN_CLIENT_READING, now_ms); /* the first head is due at once */
    serve(clients, place, now_ms);
}

void admin_clients_serve(struct admin_clients *clients, const struct pollfd *watched,
                         uint64_t now_ms)
{
    for (unsigned i = 0; i < ADMIN_CLIENTS_MAX; i++) {
        struct admin_client *client = &clients->items[i];
        if (client->fd >= 0 && (watched[i].revents != 0 || client->goes_on))
            serve(clients, client, now_ms);
        if (client->fd >= 0 && now_ms >= client->deadline_ms)
            end_client(client);
    }
}
