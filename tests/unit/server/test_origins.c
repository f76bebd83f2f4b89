/* Tests for server/origins.c. */
#include "conn/transport.h"
#include "server/origins.h"
#include <criterion/criterion.h>

#include <errno.h>

static struct origins origins;

static int get(uint32_t seconds, uint64_t used)
{
    const struct origins_kind kind = {
        .secure = true, .has_hsts = true, .hsts_seconds = seconds, .https_port = 443};
    return origins_get(&origins, &kind, used);
}

Test(origins, listeners_of_one_kind_share_theirs)
{
    const int first = get(1, 0);
    cr_expect_eq(get(1, UINT64_MAX), first);
    cr_expect_neq(get(2, origins_bits((unsigned)first)), first);
}

Test(origins, those_in_use_are_never_replaced)
{
    uint64_t used = 0;
    for (uint32_t i = 0; i < ORIGINS_KINDS_MAX; i++) {
        const int index = get(i, used);
        cr_assert(index >= 0 && !(used & UINT64_C(1) << index));
        used |= origins_bits((unsigned)index);
    }
    cr_expect_eq(get(1000, used), -ENOSPC);
    const int third = get(2, used);
    cr_expect_eq(get(1000, used & ~(UINT64_C(1) << third)), -ENOSPC, "its twins are in use");
    cr_expect_eq(get(1000, used & ~origins_bits((unsigned)third)), third);
    cr_expect(str_equal(origins.items[third].hsts, STR("max-age=1000")));
    cr_expect_eq(origins.items[third].transport_index, TRANSPORT_TLS);
}
