/* unsent: all connections together, and the quick ones, stay within a worker's share. */
#include "conn/unsent.h"
#include "system/tcp_memory.h"

#include <criterion/criterion.h>

#define ONE_MIB ((uint64_t)1 << 20)

Test(unsent, bounds_a_socket_by_the_number_of_connections)
{
    static const struct {
        uint64_t share_mib;
        uint32_t count, before_kib, expected_kib;
    } rows[] = {
        {0, 1000000, 256, 256}, /* no limit */
        {64, 1, 256, 256},
        {64, 128, 256, 256}, /* 128 x 256 KiB is half the share */
        {64, 129, 256, 128},
        {64, 257, 256, 64},
        {64, 1000000, 256, 16},
        {64, 1000000, 16, 16},
        /* it is raised when a quarter more connections would not lower it again */
        {64, 128, 128, 128},
        {64, 104, 128, 128},
        {64, 103, 128, 256},
        {64, 1, 16, 256},
        {64, 205, 16, 128},
        {64, 240, 16, 64},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct unsent_share share = {.bytes = rows[i].share_mib * ONE_MIB};
        cr_expect_eq(unsent_bound(&share, rows[i].count, rows[i].before_kib << 10),
                     rows[i].expected_kib << 10, "row %zu", i);
    }
}

Test(unsent, lifts_the_bound_of_as_many_as_fit_into_the_share)
{
    static const struct {
        uint64_t share_mib, send_mib;
        uint32_t expected;
    } rows[] = {{0, 4, 1024}, {64, 0, 1024}, {64, 4, 8}, {1, 4, 1}, {1000000, 4, 1024}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct unsent_share share = {rows[i].share_mib * ONE_MIB, rows[i].send_mib * ONE_MIB};
        cr_expect_eq(unsent_lifted_max(&share), rows[i].expected, "row %zu", i);
    }
}

Test(unsent, reads_what_the_host_gives_to_tcp)
{
    struct tcp_memory memory;
    tcp_memory_read(&memory);
    cr_expect_geq(memory.pressure_bytes, ONE_MIB);
    cr_expect_geq(memory.send_bytes_max, 4096);
}
