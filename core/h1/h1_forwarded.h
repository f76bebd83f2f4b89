/* h1_forwarded: the fields of a request in which proxies name its client, from the bytes of its
 * head.
 *
 * A part of h1. They are not among the fields of struct request, because only requests of trusted
 * proxies have them read: the others cost nothing. The head may have been refused, or not be whole:
 * its lines count, up to the empty one. Pure. */
#ifndef SLUICE_H1_FORWARDED_H
#define SLUICE_H1_FORWARDED_H

#include "http/forwarded.h"

/* Sets *RET to the fields of the head at the front of INPUT, from which they are *borrowed*. */
void h1_forwarded(struct forwarded_fields *ret, struct str input);

#endif
