/* origins: see origins.h. */
#include "server/origins.h"

#include "conn/transport.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum { PLAIN = ORIGIN_TWINS }; /* the place of the origin of plain connections in a kind */

static_assert(ORIGINS_MAX <= 64, "a bit for each");

static bool are_equal(const struct origins_kind *a, const struct origins_kind *b)
{
    return a->secure == b->secure && a->proxied == b->proxied && a->redirects == b->redirects &&
           a->trusts == b->trusts && a->has_hsts == b->has_hsts &&
           a->hsts_seconds == b->hsts_seconds && a->https_port == b->https_port;
}

uint64_t origins_bits(unsigned index)
{
    const unsigned first = index / ORIGINS_OF_KIND * ORIGINS_OF_KIND;
    return ((UINT64_C(1) << ORIGINS_OF_KIND) - 1) << first;
}

static struct str write_hsts(struct origins *origins, unsigned number)
{
    const struct origins_kind *kind = &origins->kinds[number];
    char *text = origins->hsts[number];
    if (!kind->has_hsts)
        return STR_ABSENT;
    int length =
        snprintf(text, sizeof origins->hsts[number], "max-age=%" PRIu32, kind->hsts_seconds);
    return (struct str){text, (size_t)length};
}

/* Makes the origins of those connections of whose clients something is known, as far as that can
 * be. The listener's own is the first of ITEMS, which have the indexes from FIRST on. */
static void make_twins(struct origin *items, const struct origins_kind *kind, unsigned first,
                       struct str hsts)
{
    const unsigned possible = (kind->trusts ? ORIGIN_TRUSTED : 0U) |
                              (kind->proxied && !kind->secure ? ORIGIN_SECURED : 0U);
    for (unsigned twin = 0; twin < ORIGIN_TWINS; twin++)
        items[0].twins[twin] = (uint8_t)(first + (twin & possible));
    for (unsigned twin = 1; twin < ORIGIN_TWINS; twin++) {
        items[twin] = items[0];
        items[twin].trusted = (twin & ORIGIN_TRUSTED) != 0;
        items[twin].secured = (twin & ORIGIN_SECURED) != 0;
        items[twin].hsts = hsts;
    }
}

/* Makes all origins of kind NUMBER. */
static void make(struct origins *origins, unsigned number)
{
    const struct origins_kind *kind = &origins->kinds[number];
    const unsigned first = number * ORIGINS_OF_KIND;
    struct origin *items = &origins->items[first];
    const struct str hsts = write_hsts(origins, number);
    items[0] = (struct origin){.proxied = kind->proxied};
    items[PLAIN] = (struct origin){.redirects = true, .https_port = kind->https_port};
    if (kind->secure) {
        items[0].transport_index = TRANSPORT_TLS;
        items[0].hsts = hsts;
        items[0].plain_index = (uint8_t)(first + PLAIN);
    }
    if (kind->redirects) {
        items[0].redirects = true;
        items[0].has_challenges = true;
        items[0].https_port = kind->https_port;
    }
    make_twins(items, kind, first, hsts);
}

int origins_get(struct origins *origins, const struct origins_kind *kind, uint64_t used)
{
    unsigned number = ORIGINS_KINDS_MAX;
    for (unsigned i = 0; i < ORIGINS_KINDS_MAX; i++) {
        const unsigned first = i * ORIGINS_OF_KIND;
        if (origins->made[i] && are_equal(&origins->kinds[i], kind))
            return (int)first;
        if (number == ORIGINS_KINDS_MAX && (!origins->made[i] || !(used & origins_bits(first))))
            number = i;
    }
    if (number == ORIGINS_KINDS_MAX)
        return -ENOSPC;
    origins->kinds[number] = *kind;
    origins->made[number] = true;
    make(origins, number);
    return (int)(number * ORIGINS_OF_KIND);
}
