/* mime_well_known: the media types of files below /.well-known/ that have no extension (RFC 8615).
 *
 * Constant: IANA's registry "Well-Known URIs", and files that programs have made customary. */
#ifndef SLUICE_MIME_WELL_KNOWN_H
#define SLUICE_MIME_WELL_KNOWN_H

#include "base/str.h"

/* The media type of the file NAME, a path below ROOT without a slash at its start. Absent: the path
 * is not one of those known; case matters. Constant text. */
struct str mime_well_known_type(struct str name);

#endif
