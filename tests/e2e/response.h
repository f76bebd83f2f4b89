/* response: a strict reader of one HTTP/1.x response at the beginning of given bytes (RFC 9112).
 *
 * It accepts the form that Sluice sends, which is narrower than the protocol: lines end in CRLF,
 * "Name: value" has one space, only Vary may come twice, a body has its Content-Length.
 * Everything else is malformed, so that every test checks it. Pure: no I/O. */
#ifndef E2E_RESPONSE_H
#define E2E_RESPONSE_H

#include "bytes.h"

#include <stdbool.h>

struct response_field {
    const char *name; /* kept strings */
    const char *value;
};

struct response {
    int minor; /* of HTTP/1.x */
    int status;
    char reason[64];
    struct view head; /* status line to empty line, *borrowed* */
    struct view body; /* *borrowed*; empty where the method or the status allows none */
    struct response_field fields[24];
    size_t field_count;
    size_t date_offset; /* of Date's 29 bytes in the head; 0: the field is absent */
};

enum { RESPONSE_DATE_LENGTH = 29 };

enum response_result {
    RESPONSE_WHOLE,      /* it occupies head.length + body.length bytes */
    RESPONSE_INCOMPLETE, /* more bytes are needed */
    RESPONSE_MALFORMED,  /* *RET_WHY is the reason */
};

/* Reads the response at DATA. NO_BODY: it answers a HEAD. Sets *RET for RESPONSE_WHOLE only. */
enum response_result response_parse(struct response *ret, const char *data, size_t length,
                                    bool no_body, const char **ret_why);

/* The value of the field NAME (case ignored), or NULL. */
const char *response_field(const struct response *response, const char *name);

/* Whether TEXT is somewhere in the body. */
bool response_has(const struct response *response, const char *text);

/* The head with Date's value masked by '#', kept: so that answers of different times can be
 * compared. */
struct view response_masked_head(const struct response *response);

#endif
