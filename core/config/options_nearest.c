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

/* Whether CANDIDATE is nearer to NAME than BEST (NULL: none), which is *BEST_DISTANCE away; then
 * that is the new distance. */
static bool is_nearer(struct str name, const char *candidate, const char *best,
                      size_t *best_distance)
{
    const struct str text = str_of(candidate);
    const size_t slips = str_starts_with(text, name) ? 0 : distance(name, text);
    const bool shorter = best && text.length < strlen(best);
    if (slips > *best_distance || (best && slips == *best_distance && !shorter))
        return false;
    *best_distance = slips;
    return true;
}

/* How many slips a NAME may have. */
static size_t most_slips(struct str name)
{
    return 1 + name.length / 3;
}

static bool can_be_meant(struct str name)
{
    return name.length >= 2 && name.length <= NAME_BYTES_MAX;
}

const struct subcommand_option *option_nearest_own(const struct subcommand *subcommand,
                                                   struct str name)
{
    const struct subcommand_option *best = NULL;
    size_t best_distance = most_slips(name);
    for (size_t i = 0; can_be_meant(name) && i < subcommand->option_count; i++) {
        const struct subcommand_option *option = &subcommand->options[i];
        if (is_nearer(name, option->name, best ? best->name : NULL, &best_distance))
            best = option;
    }
    return best;
}

const struct option_spec *option_nearest(struct str name)
{
    size_t count, best_distance = most_slips(name);
    const struct option_spec *table = options_table(&count), *best = NULL;
    for (size_t i = 0; can_be_meant(name) && i < count; i++) {
        if (is_nearer(name, table[i].name, best ? best->name : NULL, &best_distance))
            best = &table[i];
    }
    return best;
}
