/* h1_fields: the field lines of an HTTP/1 head, RFC 9112 section 5, and the fields that decide
 * about the message itself: Host, Content-Length, Transfer-Encoding, Connection, Expect.
 *
 * A part of h1_parse, which alone uses it. Pure; the head *borrows* from the input. */
#ifndef SLUICE_H1_FIELDS_H
#define SLUICE_H1_FIELDS_H

#include "h1/h1_head.h"

/* The fields seen so far in the lines of a head; all zeros at first except END. */
struct h1_fields {
    bool length_seen;
    bool coding_seen;
    bool host_seen;
    bool unsupported; /* an unknown transfer coding: 501, unless the head is malformed as well */
    const char *end;  /* of the input: the bytes after a value may be read up to here */
};

/* Takes the line at AT: field-name ":" OWS field-value OWS CRLF. Returns its end; NULL if the
 * line does not end before FIELDS->end, or if the request is refused: its refusal is then set. */
const char *h1_fields_take(struct h1_fields *fields, const char *at, struct h1_head *head);

/* Judges the head when all its lines have been taken: HTTP_NONE, or how it is refused. */
enum http_status h1_fields_check(const struct h1_fields *fields, const struct h1_head *head);

#endif
