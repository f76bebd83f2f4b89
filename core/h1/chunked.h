/* chunked: the end of a chunked body, RFC 9112 section 7.1.
 *
 * Sluice throws request content away, but must know where it ends: what comes behind is the next
 * request. So the framing is read strictly, byte by byte, and nothing is stored. The result depends
 * on the bytes alone, not on how they were split. Pure; includes str. */
#ifndef SLUICE_CHUNKED_H
#define SLUICE_CHUNKED_H

#include "base/str.h"

enum {
    /* What a whole body may spend on anything but content (size lines, extensions, CRLFs, trailers)
     * before it has to come with as much content. Chunks of 5 bytes and more, without extensions,
     * never get there; a body of N bytes of content makes us read at most 2 N and this. */
    CHUNKED_OVERHEAD_BYTES_MAX = 16 << 10,
};

struct chunked {
    uint64_t left;          /* of the chunk: its size as far as read, then bytes still to come */
    uint64_t content_bytes; /* in all chunks so far */
    uint64_t overhead_bytes : 56; /* everything else so far */
    uint64_t state : 8;
};

enum chunked_result {
    CHUNKED_MORE,      /* all of the input is taken and more is needed */
    CHUNKED_DONE,      /* the body ends with the last byte taken; what follows is not looked at */
    CHUNKED_BAD,       /* malformed: nothing behind can be trusted */
    CHUNKED_TOO_LARGE, /* a chunk would make more than the content allowed, or too much overhead */
};

void chunked_init(struct chunked *chunked);

/* Goes on with INPUT, which begins where the last call stopped. CONTENT_BYTES_MAX is the same in
 * all calls for one body; a size that no 64 bits hold is over any limit. *RET_CONSUMED is the
 * number of bytes taken; for BAD and TOO_LARGE, those before the byte that made it so. Any result
 * but MORE stays: later calls give it again and take nothing.
 *
 * Accepted: chunk extensions with white space around ";" and "=" (BWS, section 7.1.1) and any
 * quoted-string; leading zeros; trailer fields of any name, since none is used. Not accepted: white
 * space before the size, or behind it without an extension; a sign or "0x"; a line that ends in a
 * bare LF or holds a bare CR; control bytes; a folded trailer line. */
enum chunked_result chunked_skip(struct chunked *chunked, struct str input,
                                 uint64_t content_bytes_max, size_t *ret_consumed);

#endif
