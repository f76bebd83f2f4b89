/* h1_parse: the head of an HTTP/1 request, RFC 9112 sections 2 to 7.
 *
 * A head that is whole when it is first seen is parsed in one pass. Of one that is coming in, only the
 * end is looked for, and each byte once, until it is whole: the parser keeps offsets, no pointers. It
 * is strict: what RFC 9112 lets
 * a server reject for being ambiguous is rejected, because an intermediary may have read it in
 * another way. The result depends on the bytes alone, not on how they were split. */
#ifndef SLUICE_H1_PARSE_H
#define SLUICE_H1_PARSE_H

#include "http/http.h"

/* How far the search for the end of the head has come; zero for a new head. */
struct h1_parse {
    uint16_t scanned;    /* bytes looked at */
    uint16_t line_first; /* where the unfinished line begins */
    bool line_judged;    /* the request line has been found good */
};

enum h1_parse_result {
    H1_PARSE_MORE, /* more bytes are needed */
    H1_PARSE_HEAD, /* a whole head: *ret and *ret_head_bytes are set */
    H1_PARSE_BAD,  /* ret->refusal says how to answer; nothing behind can be trusted */
};

/* INPUT begins with the first byte of a request line and goes on with all that has come in since
 * (between calls it may move in memory, and only grow). HEAD_BYTES_MAX, at most UINT16_MAX, bounds the head,
 * the blank line included. *RET is written from the beginning in every case; for MORE it means nothing, for BAD its
 * method and version are as far as they were understood (minor 1 otherwise). */
enum h1_parse_result h1_parse(struct h1_parse *state, struct str input, size_t head_bytes_max,
                              struct request *ret, size_t *ret_head_bytes);

#endif
