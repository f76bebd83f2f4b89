/* conn's part of the trace: opening, phases and closing leave records; requests answered at once do
 * not. */
#include "conn/conn_table.h"
#include "support/conn_rig.h"

#include <sys/eventfd.h>

static struct rig rig;
static struct conn_table conns;

static void set_up(void)
{
    rig_init(&rig, 1 << 20);
    cr_assert_eq(conn_table_init(&conns, &rig.context, 4), 0);
}

static void tear_down(void)
{
    conn_table_bury(&conns);
    conn_table_fini(&conns);
    rig_fini(&rig);
}

TestSuite(conn_trace, .init = set_up, .fini = tear_down, .timeout = 120);

static struct conn *open_one(void)
{
    struct conn *conn = conn_table_open(&conns, eventfd(0, EFD_CLOEXEC)); /* any descriptor does */
    cr_assert_not_null(conn);
    return conn;
}

/* The record written COUNT records before the next. */
static const struct trace_record *record(unsigned count)
{
    return &rig.context.trace.records[(rig.context.trace.count - count) % TRACE_RECORDS];
}

static void expect_record(unsigned count, const struct conn *conn, enum trace_event event,
                          enum conn_phase phase)
{
    const struct trace_record *found = record(count);
    cr_expect_eq(found->slot, conn->slot);
    cr_expect_eq(found->generation, conn->generation);
    cr_expect_eq(found->event, event, "%u", found->event);
    cr_expect_eq(found->phase, phase, "%u", found->phase);
    cr_expect_eq(found->time_ms, (uint32_t)rig.context.now.ms);
}

Test(conn_trace, records_a_connection_that_is_opened_and_closed)
{
    struct conn *conn = open_one();
    expect_record(1, conn, TRACE_OPEN, CONN_PHASE_NONE);
    cr_expect_eq(record(1)->value, conn->socket.fd);
    conn_settle(&rig.context, conn);
    expect_record(1, conn, TRACE_PHASE, CONN_PHASE_FIRST);
    conn_table_close(&conns, conn);
    expect_record(1, conn, TRACE_CLOSE, CONN_PHASE_FIRST);
    cr_expect_eq(rig.context.trace.count, 3);
}

Test(conn_trace, records_a_phase_once_with_the_input_that_waits)
{
    struct conn *conn = open_one();
    struct str part = STR("GET /tiny");
    rig_give(&rig, conn, &part);
    rig_pass_ms(&rig, 5);
    conn_settle(&rig.context, conn);
    expect_record(1, conn, TRACE_PHASE, CONN_PHASE_HEAD);
    cr_expect_eq(record(1)->value, strlen("GET /tiny"));
    uint64_t count = rig.context.trace.count;
    conn_settle(&rig.context, conn);
    cr_expect_eq(rig.context.trace.count, count, "the same phase");
    conn_table_close(&conns, conn);
}

Test(conn_trace, writes_nothing_for_requests_that_are_answered_at_once)
{
    struct conn *conn = open_one();
    rig_exchange(&rig, conn, STR("GET /tiny.txt HTTP/1.1\r\nHost: h\r\n\r\n"), NULL);
    uint64_t count = rig.context.trace.count;
    for (int i = 0; i < 10; i++)
        rig_exchange(&rig, conn, STR("GET /tiny.txt HTTP/1.1\r\nHost: h\r\n\r\n"), NULL);
    cr_expect_eq(rig.context.trace.count, count);
    conn_table_close(&conns, conn);
}
