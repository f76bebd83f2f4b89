/* chunked_model: see chunked_model.h. RFC 9112 section 7.1, one function per rule. */
#include "support/chunked_model.h"

#include <stdio.h>

/* Stops at the first byte that matches no rule, or at the end of the text. */
struct reader {
    struct str text;
    size_t at;
    enum chunked_result result; /* MORE: still parsing, or the text has ended */
    bool stopped;
};

static bool stop(struct reader *reader, enum chunked_result result)
{
    reader->result = result;
    reader->stopped = true;
    return false;
}

/* The next byte; -1 at the end, which also ends parsing. */
static int peek(struct reader *reader)
{
    if (!reader->stopped && reader->at < reader->text.length)
        return (uint8_t)reader->text.at[reader->at];
    reader->stopped = true;
    return -1;
}

static bool is_in(int byte, const char *set)
{
    return byte > 0 && strchr(set, byte) != NULL;
}

static bool is_tchar(int byte)
{
    return is_in(byte, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                       "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

static bool is_text(int byte)
{
    return byte == '\t' || (byte >= ' ' && byte != 0x7f);
}

static bool take(struct reader *reader, const char *literal)
{
    for (; *literal != '\0'; literal++) {
        int byte = peek(reader);
        if (byte < 0)
            return false;
        if (byte != (uint8_t)*literal)
            return stop(reader, CHUNKED_BAD);
        reader->at++;
    }
    return true;
}

static bool take_token(struct reader *reader)
{
    if (peek(reader) >= 0 && !is_tchar(peek(reader)))
        return stop(reader, CHUNKED_BAD);
    while (is_tchar(peek(reader)))
        reader->at++;
    return !reader->stopped;
}

/* Whether there was any. */
static bool take_space(struct reader *reader)
{
    size_t first = reader->at;
    while (is_in(peek(reader), " \t"))
        reader->at++;
    return reader->at > first;
}

static bool take_quoted(struct reader *reader)
{
    reader->at++;
    for (;;) {
        int byte = peek(reader);
        if (byte == '"')
            return take(reader, "\"");
        if (byte == '\\') {
            reader->at++;
            byte = peek(reader);
        }
        if (byte < 0)
            return false;
        if (!is_text(byte))
            return stop(reader, CHUNKED_BAD);
        reader->at++;
    }
}

/* The extensions and the end of the line. */
static bool take_rest_of_line(struct reader *reader)
{
    bool space = take_space(reader);
    while (peek(reader) == ';') {
        reader->at++;
        take_space(reader);
        if (!take_token(reader))
            return false;
        space = take_space(reader);
        if (peek(reader) == '=') {
            reader->at++;
            take_space(reader);
            if (!(peek(reader) == '"' ? take_quoted(reader) : take_token(reader)))
                return false;
            space = take_space(reader);
        }
    }
    if (space && peek(reader) >= 0)
        return stop(reader, CHUNKED_BAD);
    return take(reader, "\r\n");
}

static bool take_size(struct reader *reader, uint64_t most, uint64_t *ret)
{
    uint64_t size = 0;
    size_t first = reader->at;
    while (is_in(peek(reader), "0123456789abcdefABCDEF")) {
        size = size * 16 + (uint64_t)char_hex(reader->text.at[reader->at]);
        if (size > most) /* MOST is small, so this cannot overflow */
            return stop(reader, CHUNKED_TOO_LARGE);
        reader->at++;
    }
    *ret = size;
    if (reader->at == first && peek(reader) >= 0)
        return stop(reader, CHUNKED_BAD);
    return !reader->stopped;
}

static bool take_trailers(struct reader *reader)
{
    while (peek(reader) >= 0 && peek(reader) != '\r') {
        if (!take_token(reader) || !take(reader, ":"))
            return false;
        while (is_text(peek(reader)))
            reader->at++;
        if (!take(reader, "\r\n"))
            return false;
    }
    return take(reader, "\r\n");
}

struct chunked_outcome chunked_model_skip(struct str input, uint64_t content_bytes_max)
{
    struct reader reader = {.text = input, .result = CHUNKED_MORE};
    uint64_t left = content_bytes_max, size = 0;
    while (take_size(&reader, left, &size) && take_rest_of_line(&reader) && size > 0) {
        size_t there = size_min(size, input.length - reader.at);
        reader.at += there;
        left -= size;
        if (there < size || !take(&reader, "\r\n"))
            return (struct chunked_outcome){reader.result, reader.at};
    }
    if (!reader.stopped && take_trailers(&reader))
        reader.result = CHUNKED_DONE;
    return (struct chunked_outcome){reader.result, reader.at};
}

/* --- Random texts ----------------------------------------------------------------------------- */

static const char *pick(struct prng *prng, const char *const *choices, size_t count)
{
    return choices[prng_below(prng, count)];
}

static char *put(char *at, const char *text)
{
    return str_put(at, str_of(text));
}

static char *write_extensions(struct prng *prng, char *at)
{
    static const char *const extensions[] = {
        ";a", ";ab=c", " ;\ta = b", ";x=\"y;\\\"\xfc\"", ";0=\"\"", "; a\t", ";n=1\t;m",
    };
    while (prng_below(prng, 3) == 0)
        at = put(at, pick(prng, extensions, COUNT_OF(extensions)));
    return put(at, "\r\n");
}

static char *write_chunk(struct prng *prng, char *at)
{
    static const char content[] = "0\r\n\r\n\0\xff;a=\"b\"";
    size_t size = 1 + prng_below(prng, 24);
    at += sprintf(at, prng_below(prng, 2) ? "%zx" : "%02zX", size);
    at = write_extensions(prng, at);
    for (size_t i = 0; i < size; i++)
        *at++ = content[prng_below(prng, sizeof content)];
    return put(at, "\r\n");
}

/* Changes, removes or adds one byte, or cuts off the rest. Returns the length. */
static size_t spoil(struct prng *prng, char *bytes, size_t length)
{
    static const char odd[] = "\r\n\0 \t;=\"\\:,0aAgx\x7f\xff";
    size_t at = prng_below(prng, length);
    char byte = odd[prng_below(prng, sizeof odd - 1)];
    switch (prng_below(prng, 4)) {
    case 0:
        bytes[at] = byte;
        return length;
    case 1:
        memmove(bytes + at, bytes + at + 1, length - at - 1);
        return length - 1;
    case 2:
        memmove(bytes + at + 1, bytes + at, length - at);
        bytes[at] = byte;
        return length + 1;
    default:
        return at;
    }
}

size_t chunked_model_write(struct prng *prng, char to[static CHUNKED_MODEL_BYTES_MAX])
{
    static const char *const trailers[] = {"A: b\r\n", "x-y:\r\n", "C:\t\"d\": \xfc \r\n"};
    static const char *const behind[] = {"", "GET / HTTP/1.1\r\n", "\r\n", "5\r\nhello\r\n"};
    char *at = to;
    for (uint64_t chunks = prng_below(prng, 5); chunks > 0; chunks--)
        at = write_chunk(prng, at);
    at = write_extensions(prng, put(at, prng_below(prng, 4) ? "0" : "000"));
    while (prng_below(prng, 3) == 0 && at - to < CHUNKED_MODEL_BYTES_MAX / 2)
        at = put(at, pick(prng, trailers, COUNT_OF(trailers)));
    at = put(at, "\r\n");
    at = put(at, pick(prng, behind, COUNT_OF(behind)));
    size_t length = (size_t)(at - to);
    return prng_below(prng, 3) ? spoil(prng, to, length) : length;
}
