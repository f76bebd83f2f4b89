/* tls_framing: see tls_framing.h. */
#include "tls/tls_framing.h"

enum { HANDSHAKE = 22 };

/* Copies the first of BYTES to HEADER, of LENGTH bytes, of which *HAVE are there. Returns how many
 * were taken. */
static size_t fill(uint8_t *header, size_t length, uint8_t *have, struct str bytes)
{
    size_t taken = size_min(length - *have, bytes.length);
    if (taken > 0)
        memcpy(header + *have, bytes.at, taken);
    *have = (uint8_t)(*have + taken);
    return taken;
}

/* Follows CONTENT, which is of handshake records. */
static bool follow_messages(struct tls_framing *framing, struct str content)
{
    uint8_t *header = framing->message;
    while (content.length > 0) {
        if (framing->message_left > 0) {
            size_t taken = size_min(framing->message_left, content.length);
            framing->message_left -= (uint32_t)taken;
            content = str_from(content, taken);
            continue;
        }
        content = str_from(content,
                           fill(header, sizeof framing->message, &framing->message_have, content));
        if (framing->message_have < sizeof framing->message)
            continue;
        framing->message_left = (uint32_t)header[1] << 16 | (uint32_t)header[2] << 8 | header[3];
        framing->message_have = 0;
        if (framing->message_left > TLS_MESSAGE_BYTES_MAX)
            return false;
    }
    return true;
}

bool tls_framing_follow(struct tls_framing *framing, struct str bytes)
{
    const uint8_t *header = framing->record;
    while (bytes.length > 0) {
        if (framing->record_left > 0) {
            size_t taken = size_min(framing->record_left, bytes.length);
            if (header[0] == HANDSHAKE && !follow_messages(framing, str_first(bytes, taken)))
                return false;
            framing->record_left = (uint16_t)(framing->record_left - taken);
            bytes = str_from(bytes, taken);
            continue;
        }
        bytes = str_from(
            bytes, fill(framing->record, sizeof framing->record, &framing->record_have, bytes));
        if (framing->record_have < sizeof framing->record)
            continue;
        framing->record_left = (uint16_t)(header[3] << 8 | header[4]);
        framing->record_have = 0;
    }
    return true;
}
