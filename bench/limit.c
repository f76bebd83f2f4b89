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
#define LIMIT_NAME "limit"
#include "limit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

enum {
    INPUT_BYTES = 64 << 10,
    BATCH_MAX = 64, /* answers in one send */
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

static char input[INPUT_BYTES];

/* --- Sending ---------------------------------------------------------------------------------- */

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

/* Reads until nothing is left, and answers after each read. */
static enum progress converse(struct connection *connection, const struct answer *answer,
                              bool ending)
{
    for (;;) {
        ssize_t received = recv(connection->fd, input, sizeof(input), 0);
        if (received <= 0)
            return why_not(received);
        connection->owed += count_blank_lines(&connection->last_four, input, (size_t)received);
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

    while ((fd = accept_one(listener)) >= 0) {
        struct connection *connection = calloc(1, sizeof(*connection));
        if (!connection || !watch(epoll, fd, connection)) {
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

static _Noreturn void misused(void)
{
    fputs(
        "usage: limit [-c] [-n] [-f FILE] PORT BODY_BYTES\n"
        "  -c closes after each answer, -n answers 304 without a body, -f sends the body from FILE\n",
        stderr);
    exit(2);
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
    answer->bytes = repeat_unit(head, head_bytes, answer->unit_bytes, copies);
}

static int open_body(const char *path, size_t body_bytes)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &status) < 0)
        fail(path, strerror(errno));
    if ((size_t)status.st_size < body_bytes)
        fail(path, "shorter than the body");
    return fd;
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
        fail("epoll", strerror(errno));
    serve(epoll, listener, &answer);
    fail("epoll_wait", strerror(errno));
}
