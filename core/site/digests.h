/* digests: the digests of large files, computed in the background, once for all workers.
 *
 * A file whose modification time means nothing needs a hash of its content for its entity tag. One
 * thread of the process computes it, with the lowest priority, while the file is served without a
 * validator; each worker finds the result when it checks the file again. The table holds the
 * digests found lately, also those that a look-up computed itself. The thread starts with the first
 * file in the queue and ends with the last.
 *
 * Bounded: DIGESTS_MAX digests, DIGESTS_QUEUED_MAX files waiting, one file read at a time. Owns
 * the descriptors of the files that wait. A digest belongs to one state of a file (struct
 * blob_identity), so it never becomes wrong, only useless. May use base, storage and system. Safe
 * from any thread. */
#ifndef SLUICE_DIGESTS_H
#define SLUICE_DIGESTS_H

#include "base/digest.h"
#include "storage/blob.h"

enum {
    DIGESTS_MAX = 1024,
    DIGESTS_QUEUED_MAX = 16,
};

struct digests;

/* NULL: out of memory. *Gives*: digests_destroy. */
struct digests *digests_create(void);

/* Abandons what is in the queue and what is being read. False: the thread still waits for a disk,
 * after a short while; then digests_destroy would wait as long. No effect on NULL. Called when no
 * other thread uses it any more. */
bool digests_stop(struct digests *digests);

/* Stops, waits for the thread, and frees. No effect on NULL. */
void digests_destroy(struct digests *digests);

/* Copies the digest of the file in the state IDENTITY to RET. False: it is not known. */
bool digests_find(struct digests *digests, const struct blob_identity *identity,
                  char ret[static DIGEST_TAG_DIGITS]);

/* Keeps DIGEST, of the file in the state IDENTITY, in place of an older one. */
void digests_keep(struct digests *digests, const struct blob_identity *identity,
                  const char digest[static DIGEST_TAG_DIGITS]);

/* Whether digests_request would take a file in the state IDENTITY: it is neither in the queue nor
 * being read, and there is room. */
bool digests_has_room(struct digests *digests, const struct blob_identity *identity);

/* Has the file FD, which it *takes*, hashed. It is in the state IDENTITY, in which it has been for
 * long enough that a change would show. The file position and the read-ahead state of FD are the
 * thread's, so it must have been opened for this purpose alone. If the file can't be hashed, or has
 * changed, there will be no digest, and the request may be repeated. */
void digests_request(struct digests *digests, int fd, const struct blob_identity *identity);

#endif
