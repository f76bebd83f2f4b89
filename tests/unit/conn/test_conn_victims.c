/* conn_table_find_victim: which connection is closed for a new one. The clock and what the kernel
 * says of the peers are the test's own. */
#include "conn/conn_table.h"
#include "support/conn_rig.h"

#include <sys/eventfd.h>

enum { SLOTS = 16, CONNS_MAX = 4, LINGER_TOTAL_MS = 30000, NONE = -1 };

/* A connection, without progress in its phase for QUIET_MS. */
struct quiet {
    enum conn_phase phase;
    uint32_t quiet_ms;
    uint32_t stalled_ms; /* the peer has taken nothing of the last answer for this time; 0: it has
                            all of it */
    bool runnable;
};

static struct rig rig;
static struct conn_table conns;
static struct transport transport;
static uint32_t stalled_ms[SLOTS]; /* by slot */

static bool delivered(const struct conn *conn)
{
    return stalled_ms[conn->slot] == 0;
}

static uint64_t stalled(const struct conn *conn)
{
    return stalled_ms[conn->slot];
}

static void set_up(void)
{
    rig_init(&rig, 1 << 20);
    cr_assert_eq(conn_table_init(&conns, &rig.context, SLOTS), 0);
    transport = *rig.context.transports[TRANSPORT_PLAIN];
    transport.delivered = delivered;
    transport.stalled_ms = stalled;
    rig.context.transports[TRANSPORT_PLAIN] = &transport;
    rig_pass_ms(&rig, 60000);
}

static void close_it(void *unused, struct conn *conn)
{
    (void)unused;
    list_remove(&conn->queue);
    conn_table_close(&conns, conn);
}

static void close_all(void)
{
    conn_table_each(&conns, close_it, NULL);
    conn_table_bury(&conns);
}

static void tear_down(void)
{
    close_all();
    conn_table_fini(&conns);
    rig_fini(&rig);
}

TestSuite(conn_victims, .init = set_up, .fini = tear_down, .timeout = 120);

/* The time limit of PHASE in this rig. */
static uint64_t limit_ms(enum conn_phase phase)
{
    switch (phase) {
    case CONN_PHASE_FIRST:
    case CONN_PHASE_HEAD:
    case CONN_PHASE_HANDSHAKE:
        return RIG_HEADER_MS;
    case CONN_PHASE_SEND:
        return RIG_IDLE_MS / 2;
    default:
        return RIG_IDLE_MS;
    }
}

static struct conn *open_as(const struct quiet *quiet, struct list *run)
{
    struct conn *conn = conn_table_open(&conns, eventfd(0, EFD_CLOEXEC));
    cr_assert_not_null(conn);
    const uint64_t since_ms = rig.context.now.ms - quiet->quiet_ms;
    conn->phase = quiet->phase;
    conn->timer.deadline_ms = since_ms + limit_ms(quiet->phase);
    if (quiet->phase == CONN_PHASE_LINGER) {
        conn->state = CONN_LINGERING;
        conn->linger_end_ms = since_ms + LINGER_TOTAL_MS;
    }
    if (quiet->runnable)
        list_append(run, &conn->queue);
    stalled_ms[conn->slot] = quiet->stalled_ms;
    return conn;
}

static bool may_close(void *unused, struct conn *conn)
{
    (void)unused;
    (void)conn;
    return true;
}

Test(conn_victims, closes_the_connection_that_loses_least)
{
    static const struct {
        const char *label;
        struct quiet all[CONNS_MAX];
        int victim; /* index into ALL */
    } rows[] = {
        {"the one that has been idle longest",
         {{CONN_PHASE_IDLE, 10, 0, false},
          {CONN_PHASE_IDLE, 30, 0, false},
          {CONN_PHASE_IDLE, 20, 0, false}},
         1},
        {"one that has never sent a byte counts as idle",
         {{CONN_PHASE_IDLE, 10, 0, false}, {CONN_PHASE_FIRST, 11, 0, false}},
         1},
        {"an idle one before half a head",
         {{CONN_PHASE_HEAD, 3000, 0, false}, {CONN_PHASE_IDLE, 0, 0, false}},
         1},
        {"half a head after a second", {{CONN_PHASE_HEAD, 1000, 0, false}}, 0},
        {"not sooner", {{CONN_PHASE_HEAD, 999, 0, false}}, NONE},
        {"half a handshake after a second", {{CONN_PHASE_HANDSHAKE, 1000, 0, false}}, 0},
        {"not sooner than that", {{CONN_PHASE_HANDSHAKE, 999, 0, false}}, NONE},
        {"half a body after half a second", {{CONN_PHASE_BODY, 500, 0, false}}, 0},
        {"a body that has just stalled is spared", {{CONN_PHASE_BODY, 499, 0, false}}, NONE},
        {"the older of a head and a body",
         {{CONN_PHASE_BODY, 1500, 0, false}, {CONN_PHASE_HEAD, 1600, 0, false}},
         1},
        {"half a head before a peer that takes no output",
         {{CONN_PHASE_SEND, 4000, 0, false}, {CONN_PHASE_HEAD, 1000, 0, false}},
         1},
        {"a peer that has taken nothing for two seconds",
         {{CONN_PHASE_SEND, CONN_TABLE_STALLED_MS, 0, false}},
         0},
        {"a download that has just paused is spared",
         {{CONN_PHASE_SEND, CONN_TABLE_STALLED_MS - 1, 0, false}},
         NONE},
        {"one that lingers, after half a second", {{CONN_PHASE_LINGER, 500, 0, false}}, 0},
        {"an answer that lingers has half a second", {{CONN_PHASE_LINGER, 499, 0, false}}, NONE},
        {"a look-up is never cut", {{CONN_PHASE_JOB, 8000, 0, false}}, NONE},
        {"nor one that waits for storage", {{CONN_PHASE_STORAGE, 8000, 0, false}}, NONE},
        {"one with work to do is busy, although it is old",
         {{CONN_PHASE_IDLE, 5000, 0, true}, {CONN_PHASE_IDLE, 10, 0, false}},
         1},
        {"an idle one whose peer still takes the answer is in the middle of it",
         {{CONN_PHASE_IDLE, 5000, 1, false}},
         NONE},
        {"until the peer has taken nothing for two seconds",
         {{CONN_PHASE_IDLE, 5000, CONN_TABLE_STALLED_MS, false}},
         0},
        {"it comes after half a head, however old",
         {{CONN_PHASE_IDLE, 9000, 8000, false}, {CONN_PHASE_HEAD, 1000, 0, false}},
         1},
        {"one that lingers while its peer takes the answer is spared",
         {{CONN_PHASE_LINGER, 9000, 100, false}},
         NONE},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct conn *all[CONNS_MAX] = {NULL};
        struct list run;
        list_init(&run);
        for (unsigned k = 0; k < CONNS_MAX && rows[i].all[k].phase != CONN_PHASE_NONE; k++)
            all[k] = open_as(&rows[i].all[k], &run);
        const struct conn *victim = conn_table_find_victim(&conns, may_close, NULL);
        cr_expect_eq(victim, rows[i].victim == NONE ? NULL : all[rows[i].victim], "%s",
                     rows[i].label);
        close_all();
    }
}

static bool only_if_it_is(void *wanted, struct conn *conn)
{
    return conn == wanted;
}

Test(conn_victims, asks_about_the_eight_best_in_turn)
{
    struct list run;
    struct conn *all[9];
    list_init(&run);
    for (unsigned i = 0; i < COUNT_OF(all); i++)
        all[i] = open_as(&(struct quiet){CONN_PHASE_IDLE, 100 + (i * 4) % 9 * 10, 0, false}, &run);
    for (unsigned i = 0; i < COUNT_OF(all); i++) {
        const bool youngest = (i * 4) % 9 == 0;
        cr_expect_eq(conn_table_find_victim(&conns, only_if_it_is, all[i]),
                     youngest ? NULL : all[i], "connection %u", i);
    }
}

/* As one in the middle of its handshake: it may have had no time to send its request. */
Test(conn_victims, a_client_that_has_just_shaken_hands_keeps_its_slot)
{
    rig.context.transports[TRANSPORT_TLS] = &transport;
    struct conn *conn = conn_table_open(&conns, eventfd(0, EFD_CLOEXEC));
    cr_assert_not_null(conn);
    conn->transport_index = TRANSPORT_TLS;
    conn_settle(&rig.context, conn);
    cr_assert_eq(conn->phase, CONN_PHASE_FIRST);
    rig_pass_ms(&rig, 900);
    cr_expect_null(conn_table_find_victim(&conns, may_close, NULL));
    rig_pass_ms(&rig, 200);
    cr_expect_eq(conn_table_find_victim(&conns, may_close, NULL), conn);
}
