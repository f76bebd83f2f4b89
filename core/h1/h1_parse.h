/* h1_parse: the head of an HTTP/1 request, RFC 9112 sections 2 to 7.
 *
 * A head that is complete when it is first seen is parsed in one pass. While a head comes in,
 * only its end is searched for, and each byte is read once; it is parsed when it is complete.
 * The parser keeps offsets, no pointers. It is strict: it refuses everything ambiguous that RFC
 * 9112 allows a server to refuse, because an intermediary may have understood it differently.
 * The result depends on the bytes alone, not on how they were split. Pure; the head *borrows*
 * from the input. */
#ifndef SLUICE_H1_PARSE_H
#define SLUICE_H1_PARSE_H

#include "h1/h1_head.h"

enum { H1_PARSE_BYTES_MAX = 64 << 10 }; /* of a head */

/* How far the search for the end of the head has come; zero for a new head. */
struct h1_parse {
    uint32_t scanned;    /* bytes searched */
    uint32_t line_first; /* where the unfinished line begins */
    bool line_judged;    /* the request line has been found good */
};

enum h1_parse_result {
    H1_PARSE_MORE, /* more bytes are needed */
    H1_PARSE_HEAD, /* a complete head: *ret and *ret_head_bytes are set */
    H1_PARSE_BAD,  /* the request's refusal is set; nothing after the head can be trusted */
};

/* INPUT begins with the first byte of a request line and holds everything received since.
 * Between calls it may move in memory and grow. HEAD_BYTES_MAX, at most H1_PARSE_BYTES_MAX, bounds
 * the head with its blank line. *RET is overwritten in every case: after MORE it means nothing;
 * after BAD, method and version are set as far as they were understood (minor 1 otherwise). */
enum h1_parse_result h1_parse(struct h1_parse *state, struct str input, size_t head_bytes_max,
                              struct h1_head *ret, size_t *ret_head_bytes);

#endif
