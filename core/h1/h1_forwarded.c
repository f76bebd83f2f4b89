/* h1_forwarded: see h1_forwarded.h. */
#include "h1/h1_forwarded.h"

void h1_forwarded(struct forwarded_fields *ret, struct str input)
{
    struct str line;
    *ret = (struct forwarded_fields){.lines[0].count = 0};
    if (!str_take_line(&input, &line))
        return;
    while (str_take_line(&input, &line) && line.length > 0) {
        const size_t colon = str_find(line, ':');
        if (colon < line.length)
            forwarded_take(ret, str_first(line, colon), str_trim(str_from(line, colon + 1)));
    }
}
