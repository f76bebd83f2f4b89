/* reload_limits: how many connections a reload leaves room for. */
#include "server/reload_limits.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
        .cache_bytes_max = settings->process.cache_bytes,
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

/* --- Reports ---------------------------------------------------------------------------------- */

/* What a reload to the settings reports on standard error, in TEXT. */
static void catch_report(char *text, size_t room)
{
    int ends[2];
    const int kept = dup(STDERR_FILENO);
    cr_assert(kept >= 0 && pipe(ends) == 0);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    reload_limits_follow(&limits, settings, LISTENERS);
    reload_limits_report(&limits, &settings->process);
    dup2(kept, STDERR_FILENO); /* closes the last copy of the end for writing */
    close(kept);
    const ssize_t length = read(ends[0], text, room - 1);
    text[length > 0 ? length : 0] = '\0';
    close(ends[0]);
}

/* The number that is in force is named, and what keeps it so low. */
Test(reload_limits, say_what_lowers_them)
{
    static const struct {
        unsigned sites;
        uint32_t wanted;
        const char *says; /* after the number; NULL: nothing */
    } rows[] = {
        {0, 0, NULL},
        {0, 7, NULL},
        {0, DESCRIPTORS, ", as at the start"},
        {100, 0, " by the descriptors that sites"},
        {100, 7, NULL},
        {100, DESCRIPTORS, " by the descriptors that sites"},
    };
    unsigned added = 0;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[512], wanted[128] = "";
        add_sites(rows[i].sites > added ? rows[i].sites - added : 0, NULL);
        added = rows[i].sites;
        settings->process.connections_max = rows[i].wanted;
        catch_report(text, sizeof text);
        if (rows[i].says)
            snprintf(wanted, sizeof wanted, "max-connections is limited to %u%s",
                     (unsigned)limits.connections_max - added, rows[i].says);
        cr_expect(rows[i].says ? strstr(text, wanted) != NULL : text[0] == '\0',
                  "row %zu: '%s', not '%s'", i, text, wanted);
    }
}
