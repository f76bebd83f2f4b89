/* proxy_header: see proxy_header.h. Sections are those of proxy-protocol.txt (2020-03-05). */
#include "conn/proxy_header.h"

#include "base/num.h"

static enum proxy_header_result wants(size_t bytes, struct proxy_header *ret)
{
    *ret = (struct proxy_header){.bytes = bytes};
    return PROXY_HEADER_PARTIAL;
}

/* --- Version 1, section 2.1: "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n" -------------------- */

enum {
    V1_BYTES_MIN = 15, /* "PROXY UNKNOWN\r\n" */
    V1_SPACES = 5,     /* of a line with addresses */
};

static const struct str v1_signature = STR_INIT("PROXY ");

/* Takes the next word off *LINE; words are separated by exactly one space. Absent: none is left. */
static struct str take_v1_word(struct str *line)
{
    if (!line->at)
        return STR_ABSENT;
    const size_t space = str_find(*line, ' ');
    struct str word = str_first(*line, space);
    *line = space < line->length ? str_from(*line, space + 1) : STR_ABSENT;
    return word;
}

/* A decimal number without leading zeros. */
static bool parse_port(struct str text, uint16_t *ret)
{
    uint64_t port;
    if (!num_parse_u64(text, &port) || port > UINT16_MAX || (text.length > 1 && text.at[0] == '0'))
        return false;
    *ret = (uint16_t)port;
    return true;
}

/* An address of the family of PROTOCOL, "TCP4" or "TCP6". */
static bool parse_address(struct str text, struct str protocol, struct endpoint *ret)
{
    const bool v6 = str_find(text, ':') < text.length;
    return v6 == str_equal(protocol, STR("TCP6")) && endpoint_parse(text, ret);
}

/* Parses LINE, a whole one without its signature and its end. */
static bool parse_v1_line(struct str line, struct endpoint *ret)
{
    struct endpoint source, target;
    const struct str protocol = take_v1_word(&line);
    if (str_equal(protocol, STR("UNKNOWN"))) { /* the rest does not count */
        *ret = (struct endpoint){.version = ENDPOINT_UNKNOWN};
        return true;
    }
    if (!str_equal(protocol, STR("TCP4")) && !str_equal(protocol, STR("TCP6")))
        return false;
    if (!parse_address(take_v1_word(&line), protocol, &source) ||
        !parse_address(take_v1_word(&line), protocol, &target) ||
        !parse_port(take_v1_word(&line), &source.port) ||
        !parse_port(take_v1_word(&line), &target.port) || line.at)
        return false;
    *ret = source;
    return true;
}

/* The least number of bytes that the line, which begins with INPUT, has. */
static size_t v1_bytes_min(struct str input)
{
    unsigned spaces = 0;
    if (input.at[input.length - 1] == '\r')
        return input.length + 1;
    for (size_t i = 0; i < input.length; i++)
        spaces += input.at[i] == ' ';
    const bool addressed = input.at[v1_signature.length] == 'T' && spaces < V1_SPACES;
    return input.length + 2 + (addressed ? (size_t)2 * (V1_SPACES - spaces) : 0);
}

static enum proxy_header_result parse_v1(struct str input, struct proxy_header *ret)
{
    const struct str window = str_first(input, PROXY_HEADER_V1_BYTES_MAX);
    const size_t end = str_find(window, '\n');
    struct endpoint client;
    if (end == window.length && window.length == PROXY_HEADER_V1_BYTES_MAX)
        return PROXY_HEADER_MALFORMED;
    if (end == window.length)
        return wants(window.length < V1_BYTES_MIN
                         ? V1_BYTES_MIN
                         : size_min(v1_bytes_min(window), PROXY_HEADER_V1_BYTES_MAX),
                     ret);
    if (end < V1_BYTES_MIN - 1 || window.at[end - 1] != '\r')
        return PROXY_HEADER_MALFORMED;
    const struct str line = str_first(window, end - 1);
    if (!parse_v1_line(str_from(line, v1_signature.length), &client))
        return PROXY_HEADER_MALFORMED;
    *ret = (struct proxy_header){.bytes = end + 1, .client = client};
    return PROXY_HEADER_WHOLE;
}

/* --- Version 2, section 2.2: a signature, three fields, addresses, and TLVs -------------------- */

enum {
    V2_FIXED_BYTES = 16,
    V2_VERSION = 2,
    V2_LOCAL = 0,
    V2_PROXY = 1,
    V2_UNSPECIFIED = 0, /* family and protocol */
    V2_INET = 1,
    V2_INET6 = 2,
    V2_UNIX = 3,
    V2_PROTOCOL_MAX = 2, /* SOCK_STREAM, SOCK_DGRAM */
    V2_UNIX_BYTES = 216,
    TLV_HEAD_BYTES = 3,
    TLV_CRC32C = 0x03,
    TLV_SSL = 0x20,
    TLV_SSL_BYTES_MIN = 5,
    TLV_SSL_CLIENT = 0x01, /* of its first byte: the client came by TLS */
};

static const struct str v2_signature = STR_INIT("\r\n\r\n\0\r\nQUIT\n");

static uint16_t read_u16(const char *at)
{
    return (uint16_t)((unsigned)(uint8_t)at[0] << 8 | (uint8_t)at[1]);
}

static uint32_t add_crc32c(uint32_t crc, struct str bytes)
{
    for (size_t i = 0; i < bytes.length; i++) {
        crc ^= (uint8_t)bytes.at[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0x82f63b78U & (0U - (crc & 1)));
    }
    return crc;
}

/* Whether HEADER has the checksum at offset AT of it, which counts as zeros (section 2.2.3). */
static bool check_crc(struct str header, size_t at)
{
    const struct str rest = str_from(header, at + 4);
    const uint32_t expected =
        (uint32_t)read_u16(header.at + at) << 16 | read_u16(header.at + at + 2);
    uint32_t crc = add_crc32c(UINT32_MAX, str_first(header, at));
    crc = add_crc32c(crc, (struct str){"\0\0\0", 4});
    return (add_crc32c(crc, rest) ^ UINT32_MAX) == expected;
}

/* Reads the TLVs from offset AT of HEADER. False: one is longer than the header, or the checksum is
 * wrong. */
static bool read_tlvs(struct str header, size_t at, bool *ret_secure)
{
    bool secure = false, summed = false;
    while (at < header.length) {
        if (header.length - at < TLV_HEAD_BYTES)
            return false;
        const unsigned type = (uint8_t)header.at[at], bytes = read_u16(header.at + at + 1);
        at += TLV_HEAD_BYTES;
        if (bytes > header.length - at)
            return false;
        if (type == TLV_CRC32C) {
            if (summed || bytes != 4 || !check_crc(header, at))
                return false;
            summed = true;
        }
        if (type == TLV_SSL) {
            if (bytes < TLV_SSL_BYTES_MIN)
                return false;
            secure = ((uint8_t)header.at[at] & TLV_SSL_CLIENT) != 0;
        }
        at += bytes;
    }
    *ret_secure = secure;
    return true;
}

/* Reads the addresses and what follows them. */
static bool read_v2_block(struct str header, unsigned family, struct proxy_header *ret)
{
    static const size_t address_bytes[] = {
        [V2_INET] = 12, [V2_INET6] = 36, [V2_UNIX] = V2_UNIX_BYTES};
    const char *at = header.at + V2_FIXED_BYTES;
    const size_t bytes = address_bytes[family];
    if (header.length - V2_FIXED_BYTES < bytes ||
        !read_tlvs(header, V2_FIXED_BYTES + bytes, &ret->secure))
        return false;
    if (family == V2_UNIX)
        ret->client.version = ENDPOINT_UNIX;
    else if (family == V2_INET)
        ret->client = endpoint_make(4, at, read_u16(at + 8));
    else
        ret->client = endpoint_make(6, at, read_u16(at + 32));
    return true;
}

static enum proxy_header_result parse_v2(struct str input, struct proxy_header *ret)
{
    if (input.length < V2_FIXED_BYTES)
        return wants(V2_FIXED_BYTES, ret);
    const uint8_t *fixed = (const uint8_t *)input.at + v2_signature.length;
    const unsigned command = fixed[0] & 15U, family = fixed[1] >> 4, protocol = fixed[1] & 15U;
    const size_t bytes = V2_FIXED_BYTES + read_u16(input.at + 14);
    if (fixed[0] >> 4 != V2_VERSION || command > V2_PROXY || bytes > PROXY_HEADER_BYTES_MAX)
        return PROXY_HEADER_MALFORMED;
    /* Of LOCAL the receiver ignores the family and the protocol. */
    if (command == V2_PROXY && (family > V2_UNIX || protocol > V2_PROTOCOL_MAX ||
                                (family == V2_UNSPECIFIED) != (protocol == V2_UNSPECIFIED)))
        return PROXY_HEADER_MALFORMED;
    if (input.length < bytes)
        return wants(bytes, ret);
    struct proxy_header header = {.bytes = bytes};
    if (command == V2_PROXY && family != V2_UNSPECIFIED &&
        !read_v2_block(str_first(input, bytes), family, &header))
        return PROXY_HEADER_MALFORMED;
    *ret = header;
    return PROXY_HEADER_WHOLE;
}

/* --- Either ----------------------------------------------------------------------------------- */

/* Whether INPUT begins with SIGNATURE, as far as it goes. */
static bool may_be(struct str input, struct str signature)
{
    return memcmp(input.at, signature.at, size_min(input.length, signature.length)) == 0;
}

enum proxy_header_result proxy_header_parse(struct str input, struct proxy_header *ret)
{
    static_assert((unsigned)V1_BYTES_MIN < (unsigned)V2_FIXED_BYTES,
                  "so much can be read before either is known");
    if (input.length == 0)
        return wants(V1_BYTES_MIN, ret);
    if (may_be(input, v2_signature))
        return parse_v2(input, ret);
    return may_be(input, v1_signature) ? parse_v1(input, ret) : PROXY_HEADER_MALFORMED;
}
