/* retry: pauses between attempts to send on a socket that polls writable and takes nothing. The
 * clock is the test's own. */
#include "loop/retry.h"
#include "support/conn_rig.h"

static struct rig rig;
static struct retry retry;
static struct list run;
static struct conn conn;

static void set_up(void)
{
    struct str request = STR("GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    rig_init(&rig, 1 << 20);
    retry_init(&retry, &rig.context);
    list_init(&run);
    conn_init(&conn, -1);
    while (request.length > 0)
        cr_assert(rig_give(&rig, &conn, &request));
    rig_await(&rig, &conn);
    conn_work(&rig.context, &conn);
    cr_assert(conn_has_unsent(&conn));
}

static void tear_down(void)
{
    conn_fini(&rig.context, &conn);
    retry_fini(&retry);
    rig_fini(&rig);
}

TestSuite(retry, .init = set_up, .fini = tear_down, .timeout = 120);

/* A turn in which the socket takes nothing. */
static void attempt(void)
{
    socket_note_full(&conn.socket);
    if (conn.socket.spurious > 0)
        retry_later(&retry, &conn);
}

/* A tick passes. Whether CONN is to try again. */
static bool passes_tick(void)
{
    struct wheel_timer *timer;
    rig_pass_ms(&rig, WHEEL_TICK_MS);
    while ((timer = wheel_expire(&rig.context.wheel, rig.context.now.ms))) {
        if (timer->kind == CONN_TIMER_RETRY)
            retry_expired(&retry, &run);
    }
    return list_take_first(&run) != NULL;
}

/* The ticks until CONN is to try again, at most MAX. */
static unsigned ticks_to_attempt(unsigned max)
{
    unsigned ticks = 1;
    while (!passes_tick() && ticks < max)
        ticks++;
    return ticks;
}

Test(retry, trusts_the_first_report_and_the_first_refusal)
{
    conn.socket.writable = true; /* a new socket, of which no event has reported anything */
    attempt();
    cr_expect_not(list_linked(&conn.queue), "an event will come");
    cr_expect_not(wheel_armed(&retry.timer));
    socket_note_writable(&conn.socket);
    cr_expect(conn.socket.writable);
}

Test(retry, doubles_its_pauses_to_about_a_second)
{
    unsigned before = 0;
    socket_note_writable(&conn.socket);
    for (unsigned i = 0; i < 12; i++) {
        attempt();
        cr_assert(list_linked(&conn.queue), "attempt %u", i);
        unsigned ticks = ticks_to_attempt(100), most = 1u << (i < 5 ? i : 5);
        cr_expect_leq(ticks, most, "attempt %u: %u ticks", i, ticks);
        cr_expect_geq(ticks, most / 2, "attempt %u: %u ticks", i, ticks);
        cr_expect_geq(ticks, before / 2);
        cr_expect(conn.socket.writable, "it is to try");
        before = ticks;
    }
    cr_expect_eq(before, 32);
}

Test(retry, ignores_further_reports_until_the_socket_takes_a_byte)
{
    socket_note_writable(&conn.socket);
    attempt();
    socket_note_writable(&conn.socket);
    cr_expect_not(conn.socket.writable, "the report is as spurious as the one before");
    cr_assert(passes_tick());
    conn_sent(&rig.context, &conn, 1);
    attempt();
    cr_expect_not(list_linked(&conn.queue), "the socket's buffer is full: an event will come");
    socket_note_writable(&conn.socket);
    cr_expect(conn.socket.writable);
}

Test(retry, does_not_make_a_connection_wait_that_has_nothing_to_send)
{
    socket_note_writable(&conn.socket);
    conn_sent(&rig.context, &conn, outq_unsent(&conn.output));
    socket_note_writable(&conn.socket);
    attempt();
    cr_expect_not(list_linked(&conn.queue));
}

Test(retry, takes_a_connection_that_waits_for_storage_but_none_that_has_a_turn)
{
    socket_note_writable(&conn.socket);
    conn_await_storage(&rig.context, &conn);
    attempt();
    cr_expect(list_is_empty(&rig.context.waiting_for_storage));
    cr_assert(passes_tick());
    conn.no_storage = false;
    list_append(&run, &conn.queue); /* it has work to do */
    attempt();
    cr_expect_eq(list_take_first(&run), &conn.queue);
}

Test(retry, has_no_timer_when_no_connection_waits)
{
    socket_note_writable(&conn.socket);
    attempt();
    cr_expect(wheel_armed(&retry.timer));
    list_remove(&conn.queue); /* an event gave it a turn, or it has ended */
    cr_expect_not(passes_tick());
    cr_expect_not(wheel_armed(&retry.timer));
}
