/* reload_limits: how many connections a reload leaves room for. */
#include "server/reload_limits.h"

#include <criterion/criterion.h>

enum { THREADS = 2, DESCRIPTORS = 1024, LISTENERS = 3 };

static struct conn_pool pool;
static struct conn_addresses *addresses;
static struct admin_live live;
static struct settings *settings;
static struct reload_limits limits;

/* What the server starts with: one site and no log. */
static void set_up(void)
{
    const struct sizing_limits start = {DESCRIPTORS, LISTENERS, 1, 0};
    const uint32_t room = (uint32_t)sizing_room(&start, THREADS);
    settings = settings_create();
    settings_add_site(settings);
    cr_assert_eq(conn_pool_init(&pool, room, THREADS), 0);
    limits = (struct reload_limits){
        .connections_max = room,
        .descriptors = DESCRIPTORS,
        .threads = THREADS,
        .pool = &pool,
        .addresses = &addresses,
        .live = &live,
    };
}

static void tear_down(void)
{
    conn_pool_fini(&pool);
    settings_unref(settings);
}

TestSuite(reload_limits, .init = set_up, .fini = tear_down, .timeout = 20);

static void add_sites(unsigned count, const char *log)
{
    for (unsigned i = 0; i < count; i++)
        settings_add_site(settings)->access_log = log ? str_of(log) : STR_ABSENT;
}

static uint32_t connections(unsigned listener_count)
{
    reload_limits_follow(&limits, settings, listener_count);
    return live.connections_max;
}

Test(reload_limits, stay_when_nothing_is_added)
{
    cr_expect_eq(connections(LISTENERS), limits.connections_max);
}

/* Else accepting, and files, would find no descriptor when all connections are in use. */
Test(reload_limits, leave_descriptors_to_what_a_reload_adds)
{
    add_sites(100, NULL);
    cr_expect_eq(connections(LISTENERS), limits.connections_max - 100);
    add_sites(10, "a.log");
    cr_expect_eq(connections(LISTENERS), limits.connections_max - 111);
    cr_expect_eq(connections(LISTENERS + 2), limits.connections_max - 111 - 2 * THREADS);
}

Test(reload_limits, are_not_raised_above_those_of_the_start)
{
    cr_expect_eq(connections(1), limits.connections_max);
}

Test(reload_limits, are_lower_where_the_settings_say_so)
{
    add_sites(100, NULL);
    settings->process.connections_max = 7;
    cr_expect_eq(connections(LISTENERS), 7);
    settings->process.connections_max = limits.connections_max;
    cr_expect_eq(connections(LISTENERS), limits.connections_max - 100);
}

Test(reload_limits, leave_a_connection_to_each_thread)
{
    add_sites(2 * DESCRIPTORS, NULL);
    cr_expect_eq(connections(LISTENERS), THREADS);
}
