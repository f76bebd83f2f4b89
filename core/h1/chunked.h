/* chunked: finds the end of a chunked body, RFC 9112 section 7.1.
 *
 * Sluice discards request content, but must know where it ends: the bytes after it are the next
 * request. So the framing is parsed strictly, byte by byte, and nothing is stored. The result
 * depends only on the bytes, not on how they were split over calls. Pure; includes str. */
#ifndef SLUICE_CHUNKED_H
#define SLUICE_CHUNKED_H

#include "base/str.h"

enum {
    /* The most that a body may spend on everything except content (size lines, extensions, CRLFs,
     * trailers) before it must contain as much content. Chunks of 5 bytes or more without
     * extensions never exceed it. A body with N bytes of content makes the server read at most 2 N
     * bytes and this. */
    CHUNKED_OVERHEAD_BYTES_MAX = 16 << 10,
};

struct chunked {
    uint64_t left;                /* of the chunk: its size as parsed so far, then bytes to come */
    uint64_t content_bytes;       /* in all chunks so far */
    uint64_t overhead_bytes : 56; /* everything except content so far */
    uint64_t state : 8;
};

enum chunked_result {
    CHUNKED_MORE,      /* all input is consumed and more is needed */
    CHUNKED_DONE,      /* the body ends at the last byte consumed; the rest is not read */
    CHUNKED_BAD,       /* malformed: bytes after this cannot be interpreted */
    CHUNKED_TOO_LARGE, /* the content exceeds its limit, or there is too much overhead */
};

/* Makes CHUNKED ready for the first byte of a body. */
void chunked_init(struct chunked *chunked);

/* Continues with INPUT, which begins where the last call stopped. CONTENT_BYTES_MAX must be the
 * same in all calls for a body; a chunk size of over 64 bits exceeds any limit. *RET_CONSUMED is
 * the number of bytes consumed; for BAD and TOO_LARGE, the bytes before the one that caused it.
 * Every result except MORE is final: later calls return it again and consume nothing.
 *
 * Accepted: chunk extensions with white space around ";" and "=" (BWS, section 7.1.1) and any
 * quoted-string; leading zeros; trailer fields of any name, because none is used. Refused: white
 * space before the size, or after it without an extension; a sign or "0x"; a line that ends in a
 * bare LF or contains a bare CR; control bytes; a folded trailer line. */
enum chunked_result chunked_skip(struct chunked *chunked, struct str input,
                                 uint64_t content_bytes_max, size_t *ret_consumed);

#endif
