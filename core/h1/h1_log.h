/* h1_log: the parts of a request for a log, cut out of the head's bytes.
 *
 * A log shows a request as the client sent it, refused requests too. So this reads bytes that may
 * be malformed or incomplete, and takes only what is there; it is called only where there is a log.
 * Pure: the parts are views of the bytes. RFC 9112 section 3, RFC 9110 sections 10.1.3 and
 * 10.1.5. */
#ifndef SLUICE_H1_LOG_H
#define SLUICE_H1_LOG_H

#include "base/str.h"
#include "observe/log_record.h"

/* Where the parts are in a head of less than 64 KiB, for as long as its bytes are kept. */
struct h1_log_spans {
    struct {
        uint16_t first;
        uint16_t length; /* UINT16_MAX: the part is absent */
    } parts[LOG_PART_COUNT];
};

/* Sets RET to the parts of the request whose head is at the beginning of INPUT, *borrowed* from it.
 * The host is that of an absolute target (RFC 9112 section 3.2.2), else the first Host. A request
 * line counts when its end is there, a field when its line's end is. */
void h1_log_parts(struct str ret[static LOG_PART_COUNT], struct str input);

/* Sets *RET to where PARTS are in HEAD, of which they are views. */
void h1_log_spans_of(struct h1_log_spans *ret, struct str head,
                     const struct str parts[static LOG_PART_COUNT]);

/* Sets RET to the parts at SPANS of HEAD, *borrowed* from it. */
void h1_log_spans_parts(struct str ret[static LOG_PART_COUNT], struct str head,
                        const struct h1_log_spans *spans);

#endif
