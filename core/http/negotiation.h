/* negotiation: which representation of a resource a request gets (RFC 9110 section 12).
 *
 * Pure. A file is chosen by coding (Accept-Encoding), a listing by media type (Accept, or
 * "?format=json"). Uses content_coding and accept_type, which evaluate the fields. */
#ifndef SLUICE_NEGOTIATION_H
#define SLUICE_NEGOTIATION_H

#include "http/request.h"
#include "http/resource.h"

/* The variant of RESOURCE, a file or a listing, that REQUEST prefers. *Borrowed* from RESOURCE.
 * NULL: REQUEST accepts none of them (section 15.5.7). */
const struct variant *negotiation_choose(const struct resource *resource,
                                         const struct request *request);

#endif
