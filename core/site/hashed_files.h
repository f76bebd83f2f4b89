/* hashed_files: whether a file's name means the same content for ever, shared by all threads of a
 * process.
 *
 * It does if its directory shows that it has a hash in it (hashed_directories.h), unless its
 * content was seen to change: then never again. For that, the content of the latest files whose
 * names may have a hash is remembered, as a fingerprint. Bounded: a file that was loaded long ago
 * makes room, one that has changed does so last. Safe from any thread. */
#ifndef SLUICE_HASHED_FILES_H
#define SLUICE_HASHED_FILES_H

#include "site/hashed_directories.h"
#include "site/load.h"

enum { HASHED_FILES_MAX = 8192 }; /* files that are remembered; a power of 2 */

struct hashed_files;

/* NULL: out of memory. *Gives*: hashed_files_destroy. */
struct hashed_files *hashed_files_create(void);

/* No effect on NULL. */
void hashed_files_destroy(struct hashed_files *files);

/* As hashed_directories_ask, and false also if the content of QUERY's file was seen to change, and
 * for a directory. FILES may be NULL: then no name has a hash in it. */
int hashed_files_ask(struct hashed_files *files, const struct hashed_query *query, bool *ret);

/* Remembers the content of LOADED, the file of QUERY: its digest, or else its size and time.
 * Returns whether the file was never seen with another. FILES may be NULL: true. */
bool hashed_files_note(struct hashed_files *files, const struct hashed_query *query,
                       const struct loaded *loaded);

#endif
