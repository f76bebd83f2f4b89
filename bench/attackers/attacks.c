/* attacks: see attacks.h. */
#include "attacks.h"

#include <stdbool.h>
#include <string.h>

#define HOST         "Host: 127.0.0.1\r\n"
#define LARGE        "GET /1m.bin HTTP/1.1\r\n" HOST "\r\n"
#define SMALL        "GET /612.html HTTP/1.1\r\n" HOST "\r\n"
#define POST_CHUNKED "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
#define TEN(text)    text text text text text text text text text text
#define RANGES       TEN("0-,1-,2-,3-,4-,5-,6-,7-,8-,9-,")
#define TAGS         TEN(TEN("\"1234567890abcdef\", "))

enum { COUNTER_DIGITS = 8 };

/* bench/harness/attack.py has the circumstances of each: options of the server, other counts. */
const struct attack attacks[] = {
    {
        .name = "unread",
        .title = "pipelines a file of 1 MiB and never reads",
        .unit = LARGE,
        .units = 16,
        .connections = 2000,
        .connects_s = 2000,
    },
    {
        .name = "idle",
        .title = "keeps connections open after one request",
        .opening = SMALL,
        .connections = 30000,
        .connects_s = 10000,
        .bytes_read_s = ATTACK_READS_ALL,
    },
    {
        .name = "silent",
        .title = "connects and sends nothing",
        .connections = 2000,
        .connects_s = 2000,
        .bytes_read_s = ATTACK_READS_ALL,
    },
    {
        .name = "slow-head",
        .title = "sends a head of one byte a second",
        .opening = "GET / HTTP/1.1\r\n" HOST,
        .unit = "X-#: a\r\n",
        .connections = 2000,
        .connects_s = 2000,
        .bytes_sent_s = 1,
        .bytes_read_s = ATTACK_READS_ALL,
    },
    {
        .name = "slow-body",
        .title = "sends a body of one byte a second",
        .opening = "POST / HTTP/1.1\r\n" HOST "Content-Length: 60000\r\n\r\n",
        .unit = "a",
        .connections = 2000,
        .connects_s = 2000,
        .bytes_sent_s = 1,
        .bytes_read_s = ATTACK_READS_ALL,
    },
    {
        .name = "linger",
        .title = "sends on, slowly, after the server has closed its side",
        .opening = "GET /612.html HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n" SMALL,
        .unit = "a",
        .bytes_sent_s = 2,
        .connections = 2000,
        .connects_s = 2000,
        .bytes_read_s = ATTACK_READS_ALL,
        .stays = true,
    },
    {
        .name = "slow-read",
        .title = "reads ten bytes a second through a tiny window",
        .unit = LARGE,
        .units = 8,
        .connections = 2000,
        .connects_s = 2000,
        .bytes_read_s = 10,
        .receive_buffer_bytes = 2304,
    },
    {
        .name = "ranges",
        .title = "asks for 100 overlapping ranges of a file of 1 MiB",
        .unit = "GET /1m.bin HTTP/1.1\r\n" HOST "Range: bytes=" RANGES "10-\r\n\r\n",
        .connections = 50,
        .connects_s = 500,
        .bytes_sent_s = 4000,
        .bytes_read_s = ATTACK_READS_ALL,
    },
    {
        .name = "flood",
        .title = "connects, sends a byte and resets, 5,000 times a second",
        .opening = "G", /* TCP_DEFER_ACCEPT keeps those that send nothing from the server */
        .connections = 500,
        .connects_s = 5000,
        .hold_ms = 1,
    },
    {
        .name = "half-head",
        .title = "sends 7,900 bytes of a head and waits",
        .opening = "GET / HTTP/1.1\r\n" HOST "X-Fill: ~",
        .fill_bytes = 7850,
        .connections = 3000,
        .connects_s = 3000,
        .bytes_read_s = ATTACK_READS_ALL,
    },
    {
        .name = "pipeline",
        .title = "pipelines small requests without end on one connection",
        .unit = SMALL,
        .connections = 1,
        .connects_s = 10,
        .bytes_read_s = ATTACK_READS_ALL,
    },
    {
        .name = "endless-head",
        .title = "sends header fields without end",
        .opening = "GET / HTTP/1.1\r\n" HOST,
        .unit = "X-#: ~\r\n",
        .fill_bytes = 100,
        .connections = 50,
        .connects_s = 500,
        .bytes_read_s = ATTACK_READS_ALL,
    },
    {
        .name = "endless-extension",
        .title = "sends a chunk's extension without end",
        .opening = POST_CHUNKED "1",
        .unit = ";#=~",
        .fill_bytes = 100,
        .connections = 50,
        .connects_s = 500,
        .bytes_read_s = ATTACK_READS_ALL,
    },
    {
        .name = "endless-trailer",
        .title = "sends trailer fields without end",
        .opening = POST_CHUNKED "1\r\na\r\n0\r\n",
        .unit = "X-#: ~\r\n",
        .fill_bytes = 100,
        .connections = 50,
        .connects_s = 500,
        .bytes_read_s = ATTACK_READS_ALL,
    },
    {
        .name = "tiny-chunks",
        .title = "sends chunks of one byte without end",
        .opening = POST_CHUNKED,
        .unit = "1\r\na\r\n",
        .connections = 50,
        .connects_s = 500,
        .bytes_read_s = ATTACK_READS_ALL,
    },
    {
        .name = "missing",
        .title = "asks for files that don't exist, each another",
        .unit = "GET /#/# HTTP/1.1\r\n" HOST "\r\n",
        .connections = 20,
        .connects_s = 200,
        .bytes_sent_s = 10000,
        .bytes_read_s = ATTACK_READS_ALL,
    },
    {
        .name = "long-paths",
        .title = "asks for paths of 4,000 bytes, each another",
        .unit = "GET /#/~ HTTP/1.1\r\n" HOST "\r\n",
        .fill_bytes = 4000,
        .connections = 20,
        .connects_s = 200,
        .bytes_sent_s = 200000,
        .bytes_read_s = ATTACK_READS_ALL,
    },
    {
        .name = "dots",
        .title = "asks for paths that lead up and down",
        .unit = "GET /#" TEN(TEN("/a/../%2e/.")) " HTTP/1.1\r\n" HOST "\r\n",
        .connections = 20,
        .connects_s = 200,
        .bytes_sent_s = 100000,
        .bytes_read_s = ATTACK_READS_ALL,
    },
    {
        .name = "many-fields",
        .title = "sends heads of 300 fields",
        .unit = "GET /612.html HTTP/1.1\r\n" HOST TEN(TEN("A: b\r\nC: d\r\nX-#: e\r\n")) "\r\n",
        .connections = 20,
        .connects_s = 200,
        .bytes_sent_s = 100000,
        .bytes_read_s = ATTACK_READS_ALL,
    },
    {
        .name = "many-tags",
        .title = "sends conditions with 100 entity tags",
        .unit = "GET /page.html HTTP/1.1\r\n" HOST "If-None-Match: " TAGS "\"#\"\r\n\r\n",
        .connections = 20,
        .connects_s = 200,
        .bytes_sent_s = 100000,
        .bytes_read_s = ATTACK_READS_ALL,
    },
    {
        .name = "queries",
        .title = "asks for one file with another query each time",
        .unit = "GET /page.html?# HTTP/1.1\r\n" HOST "\r\n",
        .connections = 20,
        .connects_s = 200,
        .bytes_sent_s = 10000,
        .bytes_read_s = ATTACK_READS_ALL,
    },
    {.name = NULL},
};

const struct attack *attack_find(const char *name)
{
    for (const struct attack *attack = attacks; attack->name; attack++)
        if (strcmp(attack->name, name) == 0)
            return attack;
    return NULL;
}

/* --- The stream ------------------------------------------------------------------------------- */

/* How long TEXT is with its '#' and '~' replaced. */
static size_t expanded_bytes(const char *text, size_t fill_bytes)
{
    size_t bytes = 0;

    for (; text && *text; text++)
        bytes += *text == '#' ? COUNTER_DIGITS : *text == '~' ? fill_bytes : 1;
    return bytes;
}

size_t attack_opening_bytes(const struct attack *attack)
{
    return expanded_bytes(attack->opening, attack->fill_bytes);
}

/* Different for each SERIAL and NUMBER up to some thousand millions of units. */
static uint32_t counter(uint32_t serial, uint64_t number)
{
    return serial * 2654435761U + (uint32_t)number;
}

/* The byte OFFSET of what `letter` of a text is replaced by. */
static char replacement(char letter, uint32_t counter, size_t offset)
{
    if (letter == '#')
        return "0123456789abcdef"[counter >> (4 * (COUNTER_DIGITS - 1 - offset)) & 15];
    return letter == '~' ? 'a' : letter;
}

/* Writes TEXT, its '#' and '~' replaced, from its byte FIRST on, at most ROOM bytes. Returns their
 * number. */
static size_t expand(const struct attack *attack, const char *text, uint32_t counter, size_t first,
                     char *to, size_t room)
{
    size_t at = 0, written = 0;

    for (; *text && written < room; text++) {
        size_t bytes = *text == '#' ? COUNTER_DIGITS : *text == '~' ? attack->fill_bytes : 1;
        for (size_t offset = first > at ? first - at : 0; offset < bytes && written < room;
             offset++)
            to[written++] = replacement(*text, counter, offset);
        at += bytes;
    }
    return written;
}

size_t attack_write(const struct attack *attack, uint32_t serial, uint64_t at, char *to,
                    size_t room)
{
    size_t opening_bytes = attack_opening_bytes(attack);
    size_t unit_bytes = expanded_bytes(attack->unit, attack->fill_bytes);
    size_t written = 0;

    if (at < opening_bytes)
        written = expand(attack, attack->opening, counter(serial, 0), at, to, room);
    while (unit_bytes && written < room) {
        uint64_t position = at + written - opening_bytes;
        uint64_t number = position / unit_bytes;
        if (attack->units && number >= attack->units)
            break;
        written += expand(attack, attack->unit, counter(serial, number), position % unit_bytes,
                          to + written, room - written);
    }
    return written;
}
