/* unsent: see unsent.h. */
#include "conn/unsent.h"

#include "system/net.h"

enum { LIFTED_MAX = 1024 };

static uint32_t bound_for(const struct unsent_share *share, uint64_t count)
{
    uint32_t bytes = NET_UNSENT_BYTES_MAX;
    while (share->bytes > 0 && bytes > UNSENT_BYTES_MIN && bytes * count > share->bytes / 2)
        bytes /= 2;
    return bytes;
}

uint32_t unsent_bound(const struct unsent_share *share, uint32_t count, uint32_t before)
{
    const uint32_t now = bound_for(share, count);
    const uint32_t soon = bound_for(share, (uint64_t)count + count / 4);
    if (now <= before)
        return now;
    return soon > before ? soon : before;
}

uint32_t unsent_lifted_max(const struct unsent_share *share)
{
    if (share->bytes == 0 || share->send_bytes_max == 0)
        return LIFTED_MAX;
    const uint64_t count = share->bytes / 2 / share->send_bytes_max;
    return count < 1 ? 1 : count > LIFTED_MAX ? LIFTED_MAX : (uint32_t)count;
}
