/* metrics: see metrics.h. */
#include "observe/metrics.h"

#include "base/num.h"

#include <stdio.h>

enum { GROUPED_BYTES = NUM_U64_DIGITS_MAX + NUM_U64_DIGITS_MAX / 3 + 1 };

void metrics_add(struct metrics *sum, const struct counters *counters)
{
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        sum->value[i] += counters_read(counters, (enum counter)i);
}

/* VALUE with a comma before every three digits. */
static const char *grouped(uint64_t value, char to[static GROUPED_BYTES])
{
    char digits[NUM_U64_DIGITS_MAX];
    size_t count = num_write_u64(digits, value), length = 0;

    for (size_t i = 0; i < count; i++) {
        if (i > 0 && (count - i) % 3 == 0)
            to[length++] = ',';
        to[length++] = digits[i];
    }
    to[length] = '\0';
    return to;
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

void metrics_summary(const struct metrics *sum, char to[static METRICS_LINE_BYTES])
{
    uint64_t responses = sum->value[COUNTER_RESPONSES];
    uint64_t connections = sum->value[COUNTER_CONNECTIONS_ACCEPTED];
    char responses_text[GROUPED_BYTES], connections_text[GROUPED_BYTES], size[16];

    num_write_size(size, sum->value[COUNTER_BYTES_SENT]);
    snprintf(to, METRICS_LINE_BYTES, "served %s response%s, %s, on %s connection%s",
             grouped(responses, responses_text), plural(responses), size,
             grouped(connections, connections_text), plural(connections));
}

void metrics_reasons(const struct metrics *sum, char to[static METRICS_REASONS_BYTES])
{
    static const struct {
        enum counter counter;
        const char *text;
    } reasons[] = {
        {COUNTER_CONNECTIONS_REFUSED_ADDRESS, "refused by --max-connections-per-ip"},
        {COUNTER_CONNECTIONS_REFUSED_PROXY, "without a PROXY header of a trusted proxy"},
        {COUNTER_CONNECTIONS_REFUSED, "refused for want of memory or slots"},
        {COUNTER_CONNECTIONS_EVICTED, "closed for new ones at --max-connections"},
        {COUNTER_CONNECTIONS_SHED, "closed to free storage"},
        {COUNTER_CONNECTIONS_SLOW, "slower than --min-rate"},
        {COUNTER_CONNECTIONS_EXPIRED_HANDSHAKE, "without a TLS handshake in --header-timeout"},
        {COUNTER_CONNECTIONS_EXPIRED_HEAD, "without a whole request in --header-timeout"},
        {COUNTER_CONNECTIONS_EXPIRED_IDLE, "idle for --idle-timeout"},
        {COUNTER_CONNECTIONS_EXPIRED_BODY, "stalled in a request's body"},
        {COUNTER_CONNECTIONS_EXPIRED_SEND, "whose client took nothing"},
        {COUNTER_CONNECTIONS_EXPIRED_WAIT, "that waited for a disk or storage"},
        {COUNTER_CONNECTIONS_DRAINED, "unfinished at --drain-timeout"},
        {COUNTER_CONNECTIONS_RESET, "reset by the client, or with a changed file"},
    };
    static_assert(COUNT_OF(reasons) * (GROUPED_BYTES + 52) < METRICS_REASONS_BYTES, "all fit");
    char *at = to;
    *to = '\0';
    for (size_t i = 0; i < COUNT_OF(reasons); i++) {
        char count[GROUPED_BYTES];
        if (sum->value[reasons[i].counter] == 0)
            continue;
        at += sprintf(at, "%s%s %s", at > to ? ", " : "",
                      grouped(sum->value[reasons[i].counter], count), reasons[i].text);
    }
}
