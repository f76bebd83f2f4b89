/* h1_log: the parts of a request for a log, cut out of the head's bytes.
 *
 * A log shows a request as the client sent it, refused requests too. So this reads bytes that may
 * be malformed or incomplete, and takes only what is there; it is called only where there is a log.
 * Pure: the parts are views of the bytes. RFC 9112 section 3, RFC 9110 sections 10.1.3 and
 * 10.1.5. */
#ifndef SLUICE_H1_LOG_H
#define SLUICE_H1_LOG_H

#include "base/str.h"
#include "observe/access_format.h"

/* Sets RET to the parts of the request whose head is at the beginning of INPUT, *borrowed* from it.
 * The host is that of an absolute target (RFC 9112 section 3.2.2), else the first Host. A request
 * line counts when its end is there, a field when its line's end is. */
void h1_log_parts(struct str ret[static LOG_PART_COUNT], struct str input);

#endif
