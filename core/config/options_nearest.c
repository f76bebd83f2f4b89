/* options_nearest: which option a misspelt name was meant to be. See options.h. */
#include "config/options.h"

enum { NAME_BYTES_MAX = 31 };

/* The number of bytes to insert, delete, replace or swap with a neighbour to get from A to B
 * (optimal string alignment). Both are at most NAME_BYTES_MAX long. */
static size_t distance(struct str a, struct str b)
{
    size_t cost[NAME_BYTES_MAX + 1][NAME_BYTES_MAX + 1];
    for (size_t i = 0; i <= a.length; i++) {
        for (size_t j = 0; j <= b.length; j++) {
            size_t best = i + j;
            if (i > 0 && j > 0) {
                best = cost[i - 1][j - 1] + (a.at[i - 1] != b.at[j - 1]);
                best = size_min(best, size_min(cost[i - 1][j], cost[i][j - 1]) + 1);
            }
            if (i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1])
                best = size_min(best, cost[i - 2][j - 2] + 1);
            cost[i][j] = best;
        }
    }
    return cost[a.length][b.length];
}

const struct option_spec *option_nearest(struct str name)
{
    size_t count, best_distance = 1 + name.length / 3;
    const struct option_spec *table = options_table(&count), *best = NULL;
    if (name.length < 2 || name.length > NAME_BYTES_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        struct str candidate = str_of(table[i].name);
        size_t slips = str_starts_with(candidate, name) ? 0 : distance(name, candidate);
        bool shorter = best && candidate.length < strlen(best->name);
        if (slips > best_distance || (best && slips == best_distance && !shorter))
            continue;
        best = &table[i];
        best_distance = slips;
    }
    return best;
}
