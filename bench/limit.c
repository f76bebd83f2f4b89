/* limit: the practical limit of this machine, which the benchmarks measure every server against.
 *
 *     limit [-c] [-n] [-f FILE] PORT BODY_BYTES
 *
 * A responder that knows nothing of HTTP: one thread, one edge-triggered epoll. It counts the blank
 * lines that it receives and sends one canned answer for each, those of one read in one send; with
 * -f it sends the body from FILE by sendfile. -c closes after each answer, -n answers 304 without a
 * body. Every server of HTTP over sockets has to do all of this, and more.
 *
 * It listens on 127.0.0.1 alone; PORT 0 takes a free one. It prints "listening on PORT" and runs
 * until it is killed. Its only input comes from load generators on the same machine, so it just
 * drops a connection for which it has no memory. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BACKLOG = 4096,
    EVENTS_MAX = 512, /* taken from the kernel at once */
    INPUT_BYTES = 64 << 10,
    BATCH_MAX = 64, /* answers in one send */
    HEAD_BYTES_MAX = 512,
    BODY_BYTES_MAX = 1 << 30,
    BLANK_LINE = 0x0d0a0d0a, /* the end of a head: CR LF CR LF */
};

/* The answer, built once. */
struct answer {
    char *bytes;       /* head and body, BATCH_MAX times; with a file, one head */
    size_t unit_bytes; /* of one answer in `bytes` */
    int file;          /* the body's, or -1 */
    size_t file_bytes; /* of the body in it */
    bool close_after;
};

struct connection {
    int fd;
    uint32_t last_four; /* bytes received, the latest lowest */
    unsigned owed;      /* answers not begun */
    size_t at, end;     /* the part of answer.bytes that is being sent */
    off_t file_at;      /* the next byte of the file, and the bytes that are left */
    size_t file_left;
};

enum progress { WAITING, FINISHED, BROKEN };

static char input[INPUT_BYTES];

/* --- Sending ---------------------------------------------------------------------------------- */

/* After a call that sent nothing. */
static enum progress why_not(ssize_t sent)
{
    return sent < 0 && errno == EAGAIN ? WAITING : BROKEN;
}

/* Takes the next answers that CONNECTION owes. False if it owes none. */
static bool begin(struct connection *connection, const struct answer *answer)
{
    if (!connection->owed)
        return false;
    unsigned count = 1;
    if (answer->file < 0)
        count = connection->owed < BATCH_MAX ? connection->owed : BATCH_MAX;
    connection->owed -= count;
    connection->at = 0;
    connection->end = count * answer->unit_bytes;
    connection->file_at = 0;
    connection->file_left = answer->file_bytes;
    return true;
}

/* Sends the answers that CONNECTION owes, as far as its socket takes them. */
static enum progress pump(struct connection *connection, const struct answer *answer)
{
    int more = answer->file < 0 ? 0 : MSG_MORE;

    for (;;) {
        ssize_t sent;
        if (connection->at < connection->end) {
            sent = send(connection->fd, answer->bytes + connection->at,
                        connection->end - connection->at, MSG_NOSIGNAL | more);
            if (sent <= 0)
                return why_not(sent);
            connection->at += (size_t)sent;
        } else if (connection->file_left) {
            sent =
                sendfile(connection->fd, answer->file, &connection->file_at, connection->file_left);
            if (sent <= 0)
                return why_not(sent);
            connection->file_left -= (size_t)sent;
        } else if (!begin(connection, answer)) {
            return FINISHED;
        }
    }
}

/* --- Receiving -------------------------------------------------------------------------------- */

static void count_blank_lines(struct connection *connection, const char *bytes, size_t length)
{
    uint32_t last_four = connection->last_four;

    for (size_t i = 0; i < length; i++) {
        last_four = last_four << 8 | (uint8_t)bytes[i];
        if (last_four == BLANK_LINE)
            connection->owed++;
    }
    connection->last_four = last_four;
}

/* Reads until nothing is left, and answers after each read. */
static enum progress converse(struct connection *connection, const struct answer *answer,
                              bool ending)
{
    for (;;) {
        ssize_t received = recv(connection->fd, input, sizeof(input), 0);
        if (received <= 0)
            return why_not(received);
        count_blank_lines(connection, input, (size_t)received);
        enum progress progress = pump(connection, answer);
        /* A short read has emptied the socket; the end of the input has to be read to be seen. */
        if (progress == BROKEN || ((size_t)received < sizeof(input) && !ending))
            return progress;
    }
}

/* One event of CONNECTION. False: it is at its end. */
static bool attend(struct connection *connection, const struct answer *answer, uint32_t events)
{
    enum progress progress;

    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP))
        progress = converse(connection, answer, events & EPOLLRDHUP);
    else
        progress = pump(connection, answer);

    if (progress == FINISHED && answer->close_after && connection->last_four == BLANK_LINE) {
        shutdown(connection->fd, SHUT_WR);
        return false;
    }
    return progress != BROKEN;
}

/* --- The loop --------------------------------------------------------------------------------- */

static void accept_all(int epoll, int listener)
{
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct connection *connection = calloc(1, sizeof(*connection));
        struct epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP, {connection}};
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        if (!connection || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
            close(fd);
            free(connection);
            continue;
        }
        connection->fd = fd;
    }
}

/* Serves until it is killed, or epoll fails. */
static void serve(int epoll, int listener, const struct answer *answer)
{
    struct epoll_event events[EVENTS_MAX];
    int count;

    while ((count = epoll_wait(epoll, events, EVENTS_MAX, -1)) >= 0 || errno == EINTR) {
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            if (!connection) {
                accept_all(epoll, listener);
            } else if (!attend(connection, answer, events[i].events)) {
                close(connection->fd);
                free(connection);
            }
        }
    }
}

/* --- Start ------------------------------------------------------------------------------------ */

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "limit: %s: %s\n", what, strerror(errno));
    exit(1);
}

static _Noreturn void misused(void)
{
    fputs(
        "usage: limit [-c] [-n] [-f FILE] PORT BODY_BYTES\n"
        "  -c closes after each answer, -n answers 304 without a body, -f sends the body from FILE\n",
        stderr);
    exit(2);
}

/* The decimal number TEXT, at most MAX. */
static size_t number(const char *text, unsigned long max)
{
    char *end;

    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno || end == text || *end || *text == '-' || value > max)
        misused();
    return value;
}

/* Writes a head such as servers send it to BYTES, HEAD_BYTES_MAX long; gives its length. */
static size_t write_head(char *bytes, size_t body_bytes, bool not_modified, bool close_after)
{
    char length[64] = "";

    if (!not_modified)
        snprintf(length, sizeof(length), "Content-Type: text/html\r\nContent-Length: %zu\r\n",
                 body_bytes);
    return (size_t)snprintf(bytes, HEAD_BYTES_MAX,
                            "HTTP/1.1 %s\r\n"
                            "Server: limit\r\n"
                            "Date: Sun, 22 Nov 2026 00:00:00 GMT\r\n"
                            "%s"
                            "Last-Modified: Sun, 22 Nov 2026 00:00:00 GMT\r\n"
                            "ETag: \"6740c-264\"\r\n"
                            "Accept-Ranges: bytes\r\n"
                            "%s\r\n",
                            not_modified ? "304 Not Modified" : "200 OK", length,
                            close_after ? "Connection: close\r\n" : "");
}

/* Fills ANSWER, of which file and close_after are set. */
static void make_answer(struct answer *answer, size_t body_bytes, bool not_modified)
{
    char head[HEAD_BYTES_MAX];
    size_t head_bytes = write_head(head, body_bytes, not_modified, answer->close_after);
    bool in_memory = answer->file < 0 && !not_modified;
    unsigned copies = answer->file < 0 ? BATCH_MAX : 1;

    answer->unit_bytes = head_bytes + (in_memory ? body_bytes : 0);
    answer->file_bytes = in_memory || not_modified ? 0 : body_bytes;
    answer->bytes = malloc(copies * answer->unit_bytes);
    if (!answer->bytes)
        fail("the answer");
    for (unsigned i = 0; i < copies; i++) {
        char *unit = answer->bytes + i * answer->unit_bytes;
        memset(unit, 'x', answer->unit_bytes);
        memcpy(unit, head, head_bytes);
    }
}

static int open_body(const char *path, size_t body_bytes)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &status) < 0)
        fail(path);
    if ((size_t)status.st_size < body_bytes) {
        fprintf(stderr, "limit: %s is shorter than the body\n", path);
        exit(1);
    }
    return fd;
}

static int listen_on(size_t port)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t at_bytes = sizeof(at);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (listener < 0 ||
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) < 0 ||
        bind(listener, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(listener, BACKLOG) < 0 ||
        getsockname(listener, (struct sockaddr *)&at, &at_bytes) < 0)
        fail("listening");
    printf("listening on %d\n", ntohs(at.sin_port));
    fflush(stdout);
    return listener;
}

struct options {
    const char *path; /* of the body, or NULL */
    bool close_after, not_modified;
};

/* Reads the options, which come before the operands. */
static struct options read_options(int argc, char **argv)
{
    struct options options = {0};
    int option;

    while ((option = getopt(argc, argv, "cnf:")) != -1) {
        switch (option) {
        case 'c':
            options.close_after = true;
            break;
        case 'n':
            options.not_modified = true;
            break;
        case 'f':
            options.path = optarg;
            break;
        default:
            misused();
        }
    }
    return options;
}

int main(int argc, char **argv)
{
    struct options options = read_options(argc, argv);
    if (argc - optind != 2)
        misused();
    size_t port = number(argv[optind], UINT16_MAX);
    size_t body_bytes = number(argv[optind + 1], BODY_BYTES_MAX);

    struct answer answer = {.file = -1, .close_after = options.close_after};
    if (options.path)
        answer.file = open_body(options.path, body_bytes);
    make_answer(&answer, body_bytes, options.not_modified);
    signal(SIGPIPE, SIG_IGN); /* sendfile has no MSG_NOSIGNAL */

    int epoll = epoll_create1(EPOLL_CLOEXEC);
    int listener = listen_on(port);
    struct epoll_event event = {EPOLLIN, {NULL}};
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0)
        fail("epoll");
    serve(epoll, listener, &answer);
    fail("epoll_wait");
}
