/* honest: a client that asks a server on 127.0.0.1 for files at a fixed rate and checks each byte.
 *
 *     honest PORT SECONDS RATE DIRECTORY FILE...
 *
 * It sends RATE requests a second whether or not the earlier ones are answered: every other one on
 * a connection of its own, the rest on kept connections. FILEs are the names of files in DIRECTORY,
 * the server's root, and are asked for in turn; a file that is named twice is asked for twice as
 * often. If a kept connection ends before the first byte of an answer, the request is sent again on
 * a new one, once (RFC 9112 9.3.1), and its time continues.
 *
 * For each request it prints its beginning (CLOCK_MONOTONIC), the time until the last byte, the
 * bytes of the file, and the outcome: ok, retried, or an error of the table `outcomes`. */
#include "dial.h"

#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    CLIENTS_MAX = 2048, /* requests at once, and kept connections */
    FILES_MAX = 64,
    HEAD_BYTES_MAX = 2048,
    INPUT_BYTES = 64 << 10,
    EVENTS_MAX = 64,
    DEADLINE_MS = 5000,
    RATE_MAX = 1000,
    SECONDS_MAX = 24 * 3600,
};

enum outcome { OK, RETRIED, REFUSED, RESET, CUT, WRONG, LATE, NO_CLIENT };

static const char *const outcomes[] = {
    [OK] = "ok",
    [RETRIED] = "retried",
    [REFUSED] = "refused",     /* the connection was not made */
    [RESET] = "reset",         /* before the end of the answer */
    [CUT] = "cut",             /* closed before the end of the answer */
    [WRONG] = "wrong",         /* another status, length, or byte */
    [LATE] = "late",           /* not whole within DEADLINE_MS */
    [NO_CLIENT] = "no-client", /* this program's limits; not sent */
};

struct file {
    const char *name;
    char *bytes;
    size_t length;
};

enum state { VACANT, KEPT, CONNECTING, HEAD, BODY };

struct client {
    int fd;
    enum state state;
    bool keep, reused, retried; /* reused: the connection has had a request before */
    const struct file *file;
    int64_t began_us;
    size_t head_bytes, body_bytes; /* received */
    char head[HEAD_BYTES_MAX];
};

static struct client clients[CLIENTS_MAX];
static unsigned used; /* the first of them; the others have never been used */
static struct file files[FILES_MAX];
static unsigned file_count;
static struct dial dial = {.source = 1};
static int epoll;
static char input[INPUT_BYTES];
static volatile sig_atomic_t stopped;

static void stop(int signal)
{
    (void)signal;
    stopped = 1;
}

/* --- Ends ------------------------------------------------------------------------------------- */

static void disconnect(struct client *client)
{
    close(client->fd);
    client->state = VACANT;
}

static void print(const struct client *client, enum outcome outcome)
{
    if (outcome == OK && client->retried)
        outcome = RETRIED;
    printf("%" PRId64 " %" PRId64 " %zu %s\n", client->began_us, dial_clock_us() - client->began_us,
           client->file->length, outcomes[outcome]);
}

static void begin(struct client *client);

/* After an error; WHY is the outcome, if the request is not sent again. */
static void fail(struct client *client, enum outcome why)
{
    bool sent_again = client->reused && !client->retried && client->head_bytes == 0 && why != LATE;

    disconnect(client);
    if (!sent_again) {
        print(client, why);
        return;
    }
    client->retried = true;
    begin(client);
}

static void succeed(struct client *client)
{
    print(client, OK);
    if (client->keep) {
        client->state = KEPT;
        client->reused = true;
    } else {
        disconnect(client);
    }
}

/* --- Sending ---------------------------------------------------------------------------------- */

/* The request is short, so a socket that has just connected, or has been idle, takes all of it. */
static void send_request(struct client *client)
{
    char request[256];
    int bytes = snprintf(request, sizeof request, "GET /%s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n",
                         client->file->name, client->keep ? "" : "Connection: close\r\n");

    client->state = HEAD;
    client->head_bytes = client->body_bytes = 0;
    if (send(client->fd, request, (size_t)bytes, MSG_NOSIGNAL) != bytes)
        fail(client, RESET);
}

/* Connects for CLIENT's request. */
static void begin(struct client *client)
{
    client->reused = false;
    client->head_bytes = 0;
    client->fd = dial_connect(&dial);
    if (client->fd < 0) {
        client->state = VACANT;
        print(client, client->fd == -EMFILE ? NO_CLIENT : REFUSED);
        return;
    }
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = client};
    client->state = CONNECTING;
    epoll_ctl(epoll, EPOLL_CTL_ADD, client->fd, &event);
}

/* The first client in STATE, or NULL. */
static struct client *client_in(enum state state)
{
    for (unsigned i = 0; i < used; i++)
        if (clients[i].state == state)
            return &clients[i];
    return state == VACANT && used < CLIENTS_MAX ? &clients[used++] : NULL;
}

/* Sends request NUMBER. */
static void ask(uint64_t number)
{
    bool keep = number % 2;
    struct client *client = keep ? client_in(KEPT) : NULL;
    bool kept = client;

    if (!client)
        client = client_in(VACANT);
    if (!client) {
        printf("%" PRId64 " 0 0 %s\n", dial_clock_us(), outcomes[NO_CLIENT]);
        return;
    }
    client->file = &files[number / 2 % file_count];
    client->keep = keep;
    client->retried = false;
    client->began_us = dial_clock_us();
    if (kept)
        send_request(client);
    else
        begin(client);
}

/* --- Receiving -------------------------------------------------------------------------------- */

/* Whether the whole head of CLIENT's answer is that of its file. */
static bool is_right_head(struct client *client)
{
    char length[64];

    snprintf(length, sizeof length, "\r\nContent-Length: %zu\r\n", client->file->length);
    if (strstr(client->head, "\r\nConnection: close\r\n"))
        client->keep = false;
    return strncmp(client->head, "HTTP/1.1 200 ", 13) == 0 && strcasestr(client->head, length);
}

/* Takes LENGTH bytes of the body. Returns whether they are right. */
static bool take_body(struct client *client, const char *bytes, size_t length)
{
    const struct file *file = client->file;

    if (length > file->length - client->body_bytes ||
        memcmp(bytes, file->bytes + client->body_bytes, length) != 0)
        return false;
    client->body_bytes += length;
    return true;
}

/* Takes LENGTH bytes of an answer. Returns whether they are right. */
static bool take(struct client *client, const char *bytes, size_t length)
{
    if (client->state == BODY)
        return take_body(client, bytes, length);

    size_t copied = size_min(length, HEAD_BYTES_MAX - 1 - client->head_bytes);
    memcpy(client->head + client->head_bytes, bytes, copied);
    client->head[client->head_bytes + copied] = '\0';
    const char *end = strstr(client->head, "\r\n\r\n");
    if (!end) {
        client->head_bytes += copied;
        return client->head_bytes < HEAD_BYTES_MAX - 1;
    }
    size_t taken = (size_t)(end + 4 - client->head) - client->head_bytes;
    client->head_bytes += taken;
    client->state = BODY;
    return is_right_head(client) && take_body(client, bytes + taken, length - taken);
}

static void receive(struct client *client)
{
    ssize_t received = recv(client->fd, input, sizeof input, 0);
    if (received < 0 && errno == EAGAIN)
        return;
    if (client->state == KEPT) {
        disconnect(client); /* the server may close a connection that is idle */
        return;
    }
    if (received <= 0) {
        fail(client, received < 0 ? RESET : CUT);
        return;
    }
    if (!take(client, input, (size_t)received)) {
        disconnect(client);
        print(client, WRONG);
    } else if (client->state == BODY && client->body_bytes == client->file->length) {
        succeed(client);
    }
}

static void handle(struct client *client)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};

    if (client->state != CONNECTING) {
        receive(client);
        return;
    }
    if (dial_error(client->fd) < 0) {
        fail(client, REFUSED);
        return;
    }
    epoll_ctl(epoll, EPOLL_CTL_MOD, client->fd, &event);
    send_request(client);
}

/* --- The loop --------------------------------------------------------------------------------- */

/* Gives up those that wait too long. Returns whether any request is under way. */
static bool check_deadlines(int64_t now_us)
{
    bool busy = false;

    for (unsigned i = 0; i < used; i++) {
        struct client *client = &clients[i];
        if (client->state == VACANT || client->state == KEPT)
            continue;
        if (now_us - client->began_us > (int64_t)DEADLINE_MS * 1000)
            fail(client, LATE);
        else
            busy = true;
    }
    return busy;
}

/* Sends requests until END_US, and waits for the last answers. */
static void run(unsigned rate, int64_t end_us)
{
    struct epoll_event events[EVENTS_MAX];
    int64_t began_us = dial_clock_us();
    bool busy = true;

    for (uint64_t number = 0; busy && !stopped;) {
        int64_t now_us = dial_clock_us();
        int64_t next_us = began_us + (int64_t)number * 1000000 / rate;
        if (now_us >= next_us && now_us < end_us) {
            ask(number++);
            continue;
        }
        busy = check_deadlines(now_us) || now_us < end_us;
        int64_t wait_us = now_us < end_us ? next_us - now_us : 10000;
        int count = epoll_wait(epoll, events, EVENTS_MAX, (int)(wait_us / 1000) + 1);
        for (int i = 0; i < count; i++)
            handle(events[i].data.ptr);
        fflush(stdout);
    }
}

/* --- Start ------------------------------------------------------------------------------------ */

static _Noreturn void give_up(const char *name)
{
    fprintf(stderr, "honest: %s: %s\n", name, strerror(errno));
    exit(1);
}

/* Reads the file NAME of DIRECTORY. */
static struct file read_file(int directory, const char *name)
{
    struct stat status;
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) < 0)
        give_up(name);
    struct file file = {.name = name, .length = (size_t)status.st_size};
    file.bytes = malloc(file.length + 1);
    if (!file.bytes || read(fd, file.bytes, file.length) != (ssize_t)file.length)
        give_up(name);
    close(fd);
    return file;
}

int main(int argc, char **argv)
{
    if (argc < 6 || argc - 5 > FILES_MAX) {
        fputs("usage: honest PORT SECONDS RATE DIRECTORY FILE...\n", stderr);
        return 2;
    }
    dial.port = (uint16_t)dial_number(argv[1], UINT16_MAX);
    int64_t seconds = (int64_t)dial_number(argv[2], SECONDS_MAX);
    unsigned rate = (unsigned)dial_number(argv[3], RATE_MAX);
    int directory = open(argv[4], O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        give_up(argv[4]);
    for (int i = 5; i < argc; i++)
        files[file_count++] = read_file(directory, argv[i]);
    dial_raise_descriptors();
    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0 || rate == 0)
        give_up("epoll");
    run(rate, dial_clock_us() + seconds * 1000000);
    return 0;
}
