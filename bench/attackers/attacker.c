/* attacker: one attack of the table in attacks.c, against a server on 127.0.0.1.
 *
 *     attacker [-1] [-c CONNECTIONS] [-p PERCENT] [-r RATE] [-s SOURCE] NAME PORT SECONDS
 *     attacker -l                                       lists the attacks
 *
 * One thread, one epoll. It opens connections until it holds CONNECTIONS (or as many as the attack
 * has), or PERCENT of them, RATE a second at most, and replaces those that the server closes. A
 * connection owns nothing but its socket: its position in the stream of attack_write is all that it
 * remembers. SOURCE is the last byte of the address that it connects from. With -1 it opens each
 * connection once and replaces none.
 *
 * It ends after SECONDS, or at SIGTERM, and prints one line of NAME=NUMBER words. Its sockets are
 * closed by its end, so those with unread input are reset. */
#include "attacks.h"
#include "dial.h"

#include "base/base.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 512,
    TICK_MS = 10,
    OUTPUT_BYTES = 64 << 10,
    INPUT_BYTES_MAX = 1 << 20, /* taken at once */
    CONNECTIONS_MAX = 1000000,
    SECONDS_MAX = 24 * 3600,
    SOURCE = 2,
};

struct peer {
    int fd; /* -1: not open */
    uint32_t serial;
    uint32_t interest;        /* epoll's events */
    bool connected, finished; /* finished: all of the stream is sent */
    bool ended;               /* the server has closed its side */
    uint64_t sent, received;
    int64_t opened_us;
};

struct totals {
    uint64_t opened, refused, closed, received_bytes, sent_bytes;
    unsigned held, held_max;
};

struct attacker {
    const struct attack *attack;
    struct dial dial;
    int epoll;
    struct peer *peers;
    unsigned *vacant; /* a stack of indexes in `peers` */
    unsigned wanted, vacant_count;
    unsigned connects_s;
    bool once;
    double may_open; /* connections, now */
    uint32_t serial;
    struct totals totals;
};

static volatile sig_atomic_t stopped;
static char output[OUTPUT_BYTES];

static void stop(int signal)
{
    (void)signal;
    stopped = 1;
}

/* --- One connection --------------------------------------------------------------------------- */

/* The events that PEER waits for. */
static uint32_t wanted_events(const struct attack *attack, const struct peer *peer)
{
    bool opening = peer->sent < attack_opening_bytes(attack);
    uint32_t events = 0;

    if (!peer->connected)
        return EPOLLOUT;
    if (!peer->finished && (opening || !attack->bytes_sent_s))
        events |= EPOLLOUT;
    if (attack->bytes_read_s == ATTACK_READS_ALL && !peer->ended)
        events |= EPOLLIN;
    return events;
}

static void watch(struct attacker *attacker, struct peer *peer)
{
    uint32_t events = wanted_events(attacker->attack, peer);
    struct epoll_event event = {.events = events, .data.ptr = peer};

    if (events == peer->interest)
        return;
    peer->interest = events;
    epoll_ctl(attacker->epoll, EPOLL_CTL_MOD, peer->fd, &event);
}

/* Makes PEER's place vacant; its socket is closed already. */
static void vacate(struct attacker *attacker, struct peer *peer)
{
    if (peer->connected)
        attacker->totals.held--;
    peer->fd = -1;
    if (!attacker->once)
        attacker->vacant[attacker->vacant_count++] = (unsigned)(peer - attacker->peers);
}

/* After the server's end, or an error. */
static void lose(struct attacker *attacker, struct peer *peer)
{
    if (peer->connected)
        attacker->totals.closed++;
    else
        attacker->totals.refused++;
    close(peer->fd);
    vacate(attacker, peer);
}

/* Returns 0 or a negative errno other than -EAGAIN. */
static int send_some(struct attacker *attacker, struct peer *peer, size_t room)
{
    size_t bytes = attack_write(attacker->attack, peer->serial, peer->sent, output,
                                size_min(room, sizeof output));
    if (bytes == 0) {
        peer->finished = true;
        return 0;
    }
    ssize_t sent = send(peer->fd, output, bytes, MSG_NOSIGNAL);
    if (sent < 0)
        return errno == EAGAIN ? 0 : -errno;
    peer->sent += (uint64_t)sent;
    attacker->totals.sent_bytes += (uint64_t)sent;
    return 0;
}

/* Reads and drops up to ROOM bytes. Returns 0 or a negative errno, -ECONNRESET at the end, unless
 * the attack stays. */
static int receive_some(struct attacker *attacker, struct peer *peer, size_t room)
{
    /* MSG_TRUNC: TCP drops the bytes instead of copying them, tcp(7). */
    ssize_t received = recv(peer->fd, NULL, size_min(room, INPUT_BYTES_MAX), MSG_TRUNC);
    if (received == 0 && attacker->attack->stays) {
        peer->ended = true;
        return 0;
    }
    if (received == 0)
        return -ECONNRESET;
    if (received < 0)
        return errno == EAGAIN ? 0 : -errno;
    peer->received += (uint64_t)received;
    attacker->totals.received_bytes += (uint64_t)received;
    return 0;
}

/* What PEER sends now: all of the opening, else the rest of it, or what the socket takes. */
static size_t room_at_once(const struct attack *attack, const struct peer *peer)
{
    size_t opening_bytes = attack_opening_bytes(attack);

    return attack->bytes_sent_s && peer->sent < opening_bytes ? opening_bytes - peer->sent
                                                              : OUTPUT_BYTES;
}

static void handle(struct attacker *attacker, struct peer *peer, uint32_t events)
{
    int error = 0;

    if (!peer->connected) {
        error = dial_error(peer->fd);
        if (error == 0 && !(events & EPOLLHUP)) {
            peer->connected = true;
            attacker->totals.held++;
            if (attacker->totals.held > attacker->totals.held_max)
                attacker->totals.held_max = attacker->totals.held;
        }
    }
    if (events & EPOLLIN)
        error = receive_some(attacker, peer, INPUT_BYTES_MAX);
    else if (events & (EPOLLHUP | EPOLLERR))
        error = -ECONNRESET;
    if (error == 0 && (wanted_events(attacker->attack, peer) & EPOLLOUT))
        error = send_some(attacker, peer, room_at_once(attacker->attack, peer));
    if (error < 0)
        lose(attacker, peer);
    else
        watch(attacker, peer);
}

/* --- The pace --------------------------------------------------------------------------------- */

/* How many bytes PEER may transfer now at RATE bytes a second, after DONE. */
static size_t allowance(uint64_t rate, int64_t age_us, uint64_t done)
{
    uint64_t allowed = rate * (uint64_t)age_us / 1000000;

    return allowed > done ? allowed - done : 0;
}

/* Sends and reads at the attack's pace; ends the connection after its time. */
static void pace(struct attacker *attacker, struct peer *peer, int64_t now_us)
{
    const struct attack *attack = attacker->attack;
    int64_t age_us = now_us - peer->opened_us;
    size_t opening_bytes = attack_opening_bytes(attack);
    int error = 0;

    if (attack->hold_ms && age_us >= (int64_t)attack->hold_ms * 1000) {
        dial_reset(peer->fd);
        vacate(attacker, peer);
        return;
    }
    if (attack->bytes_sent_s && peer->sent >= opening_bytes) {
        size_t room = allowance(attack->bytes_sent_s, age_us, peer->sent - opening_bytes);
        if (room)
            error = send_some(attacker, peer, room);
    }
    if (error == 0 && attack->bytes_read_s && attack->bytes_read_s != ATTACK_READS_ALL) {
        size_t room = allowance(attack->bytes_read_s, age_us, peer->received);
        if (room)
            error = receive_some(attacker, peer, room);
    }
    if (error < 0)
        lose(attacker, peer);
}

static bool is_paced(const struct attack *attack)
{
    bool reads_slowly = attack->bytes_read_s && attack->bytes_read_s != ATTACK_READS_ALL;

    return attack->hold_ms || attack->bytes_sent_s || reads_slowly;
}

/* Opens a connection. Returns whether there may be another one now. */
static bool open_one(struct attacker *attacker, int64_t now_us)
{
    int fd = dial_connect(&attacker->dial);
    if (fd < 0) {
        attacker->totals.refused++;
        return false;
    }
    struct peer *peer = &attacker->peers[attacker->vacant[--attacker->vacant_count]];
    *peer = (struct peer){
        .fd = fd,
        .serial = ++attacker->serial,
        .interest = EPOLLOUT,
        .opened_us = now_us,
    };
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = peer};
    attacker->totals.opened++;
    if (epoll_ctl(attacker->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
        lose(attacker, peer);
        return false;
    }
    return true;
}

/* Opens what is missing, as far as the rate allows; ELAPSED_US is the time since the last call. */
static void open_missing(struct attacker *attacker, int64_t now_us, int64_t elapsed_us)
{
    double most = attacker->connects_s / 10.0 + 1; /* no bursts longer than 0.1 s */

    attacker->may_open += attacker->connects_s * 1e-6 * (double)elapsed_us;
    if (attacker->may_open > most)
        attacker->may_open = most;
    while (attacker->vacant_count && attacker->may_open >= 1) {
        attacker->may_open--;
        if (!open_one(attacker, now_us))
            break;
    }
}

static void run(struct attacker *attacker, int64_t end_us)
{
    struct epoll_event events[EVENTS_MAX];
    int64_t ticked_us = dial_clock_us();

    for (int64_t now_us = ticked_us; now_us < end_us && !stopped; now_us = dial_clock_us()) {
        if (now_us - ticked_us >= TICK_MS * 1000) {
            open_missing(attacker, now_us, now_us - ticked_us);
            for (unsigned i = 0; is_paced(attacker->attack) && i < attacker->wanted; i++)
                if (attacker->peers[i].fd >= 0 && attacker->peers[i].connected)
                    pace(attacker, &attacker->peers[i], now_us);
            ticked_us = now_us;
        }
        int count = epoll_wait(attacker->epoll, events, EVENTS_MAX, TICK_MS);
        for (int i = 0; i < count; i++)
            handle(attacker, events[i].data.ptr, events[i].events);
    }
}

/* --- Start and end ---------------------------------------------------------------------------- */

static _Noreturn void misused(void)
{
    fputs(
        "usage: attacker [-1] [-c CONNECTIONS] [-p PERCENT] [-r RATE] [-s SOURCE] NAME PORT SECONDS, or attacker -l\n",
        stderr);
    exit(2);
}

static _Noreturn void list(void)
{
    for (const struct attack *attack = attacks; attack->name; attack++)
        printf("%-18s %s\n", attack->name, attack->title);
    exit(0);
}

/* All places are vacant, the first on top. */
static void prepare(struct attacker *attacker)
{
    unsigned allowed = dial_raise_descriptors();

    if (attacker->wanted > allowed) {
        fprintf(stderr, "attacker: %u connections instead of %u: the limit of descriptors\n",
                allowed, attacker->wanted);
        attacker->wanted = allowed;
    }
    attacker->epoll = epoll_create1(EPOLL_CLOEXEC);
    attacker->peers = calloc(attacker->wanted, sizeof *attacker->peers);
    attacker->vacant = calloc(attacker->wanted, sizeof *attacker->vacant);
    if (attacker->epoll < 0 || !attacker->peers || !attacker->vacant) {
        fprintf(stderr, "attacker: %s\n", strerror(errno));
        exit(1);
    }
    attacker->vacant_count = attacker->wanted;
    for (unsigned i = 0; i < attacker->wanted; i++) {
        attacker->peers[i].fd = -1;
        attacker->vacant[i] = attacker->wanted - 1 - i;
    }
}

static void report(const struct attacker *attacker)
{
    const struct totals *totals = &attacker->totals;

    printf("wanted=%u held=%u held_max=%u opened=%" PRIu64 " refused=%" PRIu64 " closed=%" PRIu64
           " received=%" PRIu64 " sent=%" PRIu64 "\n",
           attacker->wanted, totals->held, totals->held_max, totals->opened, totals->refused,
           totals->closed, totals->received_bytes, totals->sent_bytes);
}

int main(int argc, char **argv)
{
    struct attacker attacker = {.dial.source = SOURCE};
    unsigned percent = 100;
    int option;

    while ((option = getopt(argc, argv, "1lc:p:r:s:")) != -1) {
        if (option == 'l')
            list();
        else if (option == '1')
            attacker.once = true;
        else if (option == 'c')
            attacker.wanted = (unsigned)dial_number(optarg, CONNECTIONS_MAX);
        else if (option == 'p')
            percent = (unsigned)dial_number(optarg, 1000);
        else if (option == 'r')
            attacker.connects_s = (unsigned)dial_number(optarg, CONNECTIONS_MAX);
        else if (option == 's')
            attacker.dial.source = (uint8_t)dial_number(optarg, 254);
        else
            misused();
    }
    if (argc - optind != 3 || !(attacker.attack = attack_find(argv[optind])))
        misused();
    attacker.dial.port = (uint16_t)dial_number(argv[optind + 1], UINT16_MAX);
    attacker.dial.receive_buffer_bytes = attacker.attack->receive_buffer_bytes;
    if (!attacker.wanted)
        attacker.wanted = attacker.attack->connections;
    attacker.wanted = attacker.wanted * percent / 100 + (attacker.wanted * percent < 100);
    if (!attacker.connects_s)
        attacker.connects_s = attacker.attack->connects_s;
    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    prepare(&attacker);
    run(&attacker, dial_clock_us() + (int64_t)dial_number(argv[optind + 2], SECONDS_MAX) * 1000000);
    report(&attacker);
    return 0;
}
