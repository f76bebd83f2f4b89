/* listeners: a connection that is accepted and can't be kept is refused, counted, and leaves
 * nothing; the rest of accepting is tested through workers. */
#include "conn/listeners.h"
#include "support/conn_rig.h"
#include "support/wire.h"
#include "system/listener_end.h"
#include "system/net.h"

#include <errno.h>
#include <netinet/tcp.h>

enum { SLOTS = 300, LIMIT = 2 }; /* more slots than a chunk has */

static struct rig rig;
static struct conn_table conns;
static struct listeners listeners;
static struct list accepted;
static uint16_t port;
static unsigned descriptors;

static void set_up(void)
{
    rig_init(&rig, 1 << 20);
    descriptors = tree_open_descriptors();
    cr_assert_eq(conn_table_init(&conns, &rig.context, SLOTS), 0);
    list_init(&accepted);
    int fd = wire_listen(&port);
    listeners_init(&listeners, &rig.context, &conns, &accepted, &fd, 1);
}

static void close_one(void *argument, struct conn *conn)
{
    (void)argument;
    conn_table_close(&conns, conn);
}

/* The end of each test: expectations in .fini don't count. */
static void end(void)
{
    faults_clear();
    listeners_fini(&listeners);
    conn_table_each(&conns, close_one, NULL);
    conn_table_bury(&conns);
    conn_table_fini(&conns);
    cr_expect_eq(tree_open_descriptors(), descriptors);
}

static void tear_down(void)
{
    rig_fini(&rig);
}

TestSuite(listeners, .init = set_up, .fini = tear_down, .timeout = 120);

/* Connects a client and accepts it, if it is accepted. */
static int accept_client(void)
{
    int fd = wire_connect(port);
    listeners.items[0].readable = true;
    listeners_accept(&listeners);
    return fd;
}

static bool was_reset(int fd)
{
    char byte;
    return read(fd, &byte, 1) == -1 && errno == ECONNRESET;
}

static uint64_t count_of(enum counter which)
{
    return counters_read(&rig.counters, which);
}

Test(listeners, refuse_a_connection_without_memory_for_it)
{
    faults_fail(FAULT_MEMORY, 0, FAULT_ALWAYS, ENOMEM);
    int fd = accept_client();
    faults_clear();
    cr_expect(was_reset(fd));
    cr_expect_eq(count_of(COUNTER_CONNECTIONS_REFUSED), 1);
    cr_expect_eq(count_of(COUNTER_CONNECTIONS_ACCEPTED), 0);
    cr_expect(listeners_paused(&listeners));
    close(fd);
    listeners_resume(&listeners);
    fd = accept_client();
    cr_expect_eq(conns.open_count, 1, "its slot is free again");
    close(fd);
    end();
}

Test(listeners, refuse_what_the_kernel_has_accepted_beyond_the_slots)
{
    int server, client;
    conn_table_fini(&conns);
    cr_assert_eq(conn_table_init(&conns, &rig.context, 1), 0);
    int first = accept_client();
    cr_assert_eq(conns.open_count, 1);
    wire_pair(&server, &client);
    cr_expect_not(listeners_take(&listeners, &listeners.items[0], server));
    cr_expect(was_reset(client));
    cr_expect_eq(count_of(COUNTER_CONNECTIONS_REFUSED), 1);
    cr_expect(listeners_paused(&listeners));
    close(client);
    close(first);
    end();
}

/* --- By address ------------------------------------------------------------------------------- */

static struct conn_addresses *addresses;

static void set_up_addresses(void)
{
    set_up();
    addresses = conn_addresses_create(SLOTS, LIMIT);
    cr_assert_not_null(addresses);
    conn_table_count_addresses(&conns, addresses, conn_table_make_keys(&conns));
}

static void tear_down_addresses(void)
{
    conn_addresses_destroy(addresses);
    tear_down();
}

TestSuite(listeners_addresses, .init = set_up_addresses, .fini = tear_down_addresses,
          .timeout = 120);

static void expect_counted(unsigned count)
{
    const struct endpoint here = {.version = 4, .address = {127, 0, 0, 1}};
    const uint64_t key = conn_addresses_key(&here);
    unsigned left = 0;
    while (conn_addresses_take(addresses, key))
        left++;
    cr_expect_eq(LIMIT - left, count, "%u left", left);
    while (left-- > 0)
        conn_addresses_give(addresses, key);
}

Test(listeners_addresses, refuse_one_more_than_the_limit_and_go_on)
{
    int fds[LIMIT + 2];
    for (unsigned i = 0; i < LIMIT; i++)
        fds[i] = accept_client();
    cr_expect_eq(conns.open_count, LIMIT);
    fds[LIMIT] = wire_connect(port);
    fds[LIMIT + 1] = accept_client();
    cr_expect(was_reset(fds[LIMIT]));
    cr_expect(was_reset(fds[LIMIT + 1]), "in the same turn");
    cr_expect_not(listeners_paused(&listeners));
    cr_expect_eq(count_of(COUNTER_CONNECTIONS_REFUSED_ADDRESS), 2);
    cr_expect_eq(count_of(COUNTER_CONNECTIONS_ACCEPTED), LIMIT);
    conn_table_each(&conns, close_one, NULL);
    conn_table_bury(&conns);
    expect_counted(0);
    for (unsigned i = 0; i < COUNT_OF(fds); i++)
        close(fds[i]);
    end();
}

Test(listeners_addresses, uncount_a_connection_without_memory_for_it)
{
    faults_fail(FAULT_MEMORY, 0, FAULT_ALWAYS, ENOMEM);
    int fd = accept_client();
    faults_clear();
    expect_counted(0);
    close(fd);
    end();
}

Test(listeners_addresses, cannot_be_counted_without_memory)
{
    struct conn_table others;
    cr_assert_eq(conn_table_init(&others, &rig.context, SLOTS), 0);
    faults_fail(FAULT_MEMORY, 0, 1, ENOMEM);
    cr_expect_null(conn_table_make_keys(&others));
    conn_table_fini(&others);
    end();
}

/* A reload has the first limit. */
Test(listeners, count_no_connection_that_was_open_before)
{
    int before = accept_client();
    addresses = conn_addresses_create(SLOTS, LIMIT);
    conn_table_count_addresses(&conns, addresses, conn_table_make_keys(&conns));
    expect_counted(0);
    int after = accept_client();
    expect_counted(1);
    conn_table_each(&conns, close_one, NULL);
    conn_table_bury(&conns);
    expect_counted(0);
    close(before);
    close(after);
    conn_addresses_destroy(addresses);
    conns.addresses = NULL;
    end();
}

static enum listeners_room close_first(void *argument)
{
    unsigned *count = argument;
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        struct conn *conn = &conns.chunks[slot / CONN_TABLE_CHUNK_SLOTS].conns[slot];
        if (conn->state == CONN_CLOSED)
            continue;
        conn_table_close(&conns, conn);
        (*count)++;
        return LISTENERS_ROOM_NOW;
    }
    return LISTENERS_ROOM_NONE;
}

/* Not one for each of many pauses. */
Test(listeners, close_what_is_beyond_a_lower_limit_for_one_connection)
{
    enum { MANY = 6, FEW = 2 };
    struct conn_pool pool;
    unsigned closed = 0;
    int clients[MANY + 1];
    cr_assert_eq(conn_pool_init(&pool, SLOTS, 1), 0);
    conn_table_join(&conns, &pool, 0);
    listeners.make_room = close_first;
    listeners.make_room_argument = &closed;
    for (unsigned i = 0; i < MANY; i++)
        clients[i] = accept_client();
    conn_pool_set_max(&pool, FEW);
    clients[MANY] = accept_client();
    cr_expect_not(listeners_paused(&listeners));
    cr_expect_eq(closed, MANY - FEW + 1);
    cr_expect_eq(conns.open_count, FEW);
    for (unsigned i = 0; i <= MANY; i++)
        close(clients[i]);
    end();
    conn_pool_fini(&pool);
}

/* --- Their end -------------------------------------------------------------------------------- */

Test(listeners, that_end_are_accepted_from_until_their_time_is_over)
{
    cr_assert(listeners_end(&listeners, 0));
    cr_expect_eq(listeners.ending_count, 1);
    cr_expect(wheel_armed(&listeners.end));
    int first = accept_client();
    cr_expect_eq(conns.open_count, 1);
    rig_pass_ms(&rig, LISTENER_END_MS - 1);
    cr_expect_eq(listeners_next_ended(&listeners), LISTENERS_NONE);
    cr_expect_eq(listeners.items[0].phase, LISTENER_ENDS);
    int second = wire_connect(port);
    rig_pass_ms(&rig, 1);
    cr_expect_eq(listeners_next_ended(&listeners), LISTENERS_NONE);
    cr_expect_eq(listeners.items[0].phase, LISTENER_REFUSES);
    cr_expect(wheel_armed(&listeners.end));
    rig_pass_ms(&rig, LISTENER_END_REFUSES_MS);
    cr_expect_eq(listeners_next_ended(&listeners), 0);
    listeners_give_up(&listeners, 0);
    cr_expect_eq(conns.open_count, 2, "it was in the queue");
    cr_expect_eq(listeners.ending_count, 0);
    cr_expect_eq(listeners_next_ended(&listeners), LISTENERS_NONE);
    cr_expect_not(wheel_armed(&listeners.end));
    close(first);
    close(second);
    end();
}

/* Another process has it, too, which would have no more connections. */
Test(listeners, that_are_shared_end_at_once)
{
    listeners.items[0].shared = true;
    cr_expect_not(listeners_end(&listeners, 0));
    cr_expect_eq(listeners.ending_count, 0);
    cr_expect_eq(listeners.items[0].phase, LISTENER_STAYS);
    end();
}

Test(listeners, the_one_that_ends_first_is_found)
{
    uint16_t other;
    const struct listener second = {.fd = wire_listen(&other)}, third = {.fd = wire_listen(&other)};
    cr_expect_eq(listeners_first_ending(&listeners), LISTENERS_NONE);
    cr_assert_eq(listeners_add(&listeners, &second), 1);
    cr_assert_eq(listeners_add(&listeners, &third), 2);
    listeners_end(&listeners, 2);
    rig_pass_ms(&rig, 10);
    listeners_end(&listeners, 0);
    cr_expect_eq(listeners_first_ending(&listeners), 2);
    listeners_give_up(&listeners, 2);
    cr_expect_eq(listeners_first_ending(&listeners), 0);
    cr_expect_eq(listeners.ending_count, 1);
    end();
}

/* --- What the sockets may hold unsent --------------------------------------------------------- */

static uint32_t bound_of(int fd)
{
    int bytes = -1;
    socklen_t length = sizeof bytes;
    cr_assert_eq(getsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, &length), 0);
    return (uint32_t)bytes;
}

/* The share is for 4 connections with the full bound. */
Test(listeners, lower_the_bound_for_new_connections_when_many_are_open)
{
    static const uint32_t expected[] = {256, 256, 256, 256, 256, 128, 128, 128, 128, 64};
    int clients[COUNT_OF(expected)];
    conn_context_set_unsent(&rig.context,
                            &(struct unsent_share){.bytes = 8 * NET_UNSENT_BYTES_MAX});
    net_bound_unsent(listeners.items[0].fd, NET_UNSENT_BYTES_MAX);
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        clients[i] = accept_client();
        struct conn *conn = CONTAINER_OF(accepted.previous, struct conn, queue);
        cr_expect_eq(bound_of(conn->socket.fd), expected[i] << 10, "connection %zu", i);
    }
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        close(clients[i]);
    conn_table_each(&conns, close_one, NULL);
    conn_table_bury(&conns);
    int one = accept_client(), another = accept_client();
    struct conn *conn = CONTAINER_OF(accepted.previous, struct conn, queue);
    cr_expect_eq(bound_of(conn->socket.fd), NET_UNSENT_BYTES_MAX, "few are open again");
    close(one);
    close(another);
}
