/* h1_log: see h1_log.h. */
#include "h1/h1_log.h"

/* The authority of TARGET in absolute form, or absent. */
static struct str authority_of(struct str target)
{
    size_t colon = str_find(target, ':');
    struct str rest = str_from(target, colon);
    if (colon == 0 || !str_starts_with(rest, STR("://")) || str_find(target, '/') < colon)
        return STR_ABSENT;
    rest = str_from(rest, sizeof "://" - 1);
    size_t end = size_min(str_find(rest, '/'), str_find(rest, '?'));
    return str_first(rest, size_min(end, str_find(rest, '#')));
}

/* Sets method, target, its authority and protocol to what LINE, the request line, has. */
static void cut_request_line(struct str ret[static LOG_PART_COUNT], struct str line)
{
    size_t space = str_find(line, ' ');
    if (line.length == 0)
        return;
    ret[LOG_PART_METHOD] = str_first(line, space);
    if (space == line.length)
        return;
    struct str rest = str_from(line, space + 1);
    const size_t end = str_find_last(rest, ' '); /* a target with spaces is malformed */
    const struct str last = str_from(rest, end + 1);
    if (str_starts_with(last, STR("HTTP/"))) {
        ret[LOG_PART_PROTOCOL] = last;
        rest = str_first(rest, end);
    }
    ret[LOG_PART_TARGET] = rest;
    ret[LOG_PART_HOST] = authority_of(ret[LOG_PART_TARGET]);
}

/* Sets the part that LINE, a field, has, unless it is there already. */
static void cut_field(struct str ret[static LOG_PART_COUNT], struct str line)
{
    static const struct {
        struct str name;
        enum log_part part;
    } fields[] = {
        {STR_INIT("Host"), LOG_PART_HOST},
        {STR_INIT("Referer"), LOG_PART_REFERER},
        {STR_INIT("User-Agent"), LOG_PART_AGENT},
        {STR_INIT("Range"), LOG_PART_RANGE},
    };
    size_t colon = str_find(line, ':');
    if (colon == line.length)
        return;
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (!ret[fields[i].part].at && str_equal_nocase(str_first(line, colon), fields[i].name))
            ret[fields[i].part] = str_trim(str_from(line, colon + 1));
    }
}

void h1_log_parts(struct str ret[static LOG_PART_COUNT], struct str input)
{
    struct str line;
    for (unsigned i = 0; i < LOG_PART_COUNT; i++)
        ret[i] = STR_ABSENT;
    if (!str_take_line(&input, &line))
        return;
    cut_request_line(ret, line);
    while (str_take_line(&input, &line) && line.length > 0)
        cut_field(ret, line);
}
