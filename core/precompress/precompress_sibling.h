/* precompress_sibling: brings one compressed sibling of one file up to date.
 *
 * A sibling gets the time, the mode and, where the process may, the owner of its file, and a mark
 * by which a later run knows it: an extended attribute with its time and size. A sibling with a
 * valid mark is up to date if it has the time of its file, and the file has not changed since; one
 * without, if the server would send it (sibling_age.h). The new sibling is written to a temporary
 * file (precompress_temporary.h), synchronised, and renamed. A file that changes while it is read
 * is given up. Files without a mark are never removed, and replaced only where the server would not
 * send them. For any number of threads, each with a job of its own. */
#ifndef SLUICE_PRECOMPRESS_SIBLING_H
#define SLUICE_PRECOMPRESS_SIBLING_H

#include "precompress/precompress_encoder.h"
#include "precompress/precompress_walk.h"

enum { PRECOMPRESS_BUFFER_BYTES = 64 << 10 };

/* A sibling has to be smaller than this part of its file. */
enum { PRECOMPRESS_PERCENT_MAX = 95 };

/* The settings and the buffers of a thread. */
struct precompress_job {
    int root_fd;
    enum precompress_level level;
    bool dry_run;        /* nothing is written or removed */
    bool (*stops)(void); /* whether to give up */
    uint8_t in[PRECOMPRESS_BUFFER_BYTES];
    uint8_t out[PRECOMPRESS_BUFFER_BYTES];
};

enum precompress_outcome {
    PRECOMPRESS_MADE,
    PRECOMPRESS_CURRENT,
    PRECOMPRESS_POOR, /* it would save too little, or its name would be too long */
    PRECOMPRESS_OUTCOME_COUNT,
};

struct precompress_result {
    enum precompress_outcome outcome;
    bool removed; /* an older sibling, which is not worth it any more */
    uint64_t plain_bytes;
    uint64_t sibling_bytes; /* if it is made or current */
};

/* Brings the sibling in CODING of ENTRY's file, below the root of JOB, up to date. Returns 0 or a
 * negative errno: -EBUSY: the file changed while it was read; -EEXIST: something that is not a
 * regular file has the sibling's name; -ECANCELED: it stops. */
int precompress_sibling(struct precompress_job *job, const struct precompress_entry *entry,
                        enum content_coding coding, struct precompress_result *ret);

/* Removes the file NAME in DIRECTORY_FD if it has a valid mark; with DRY_RUN only finds out.
 * Returns 1 if it has one, 0 if not, or a negative errno. */
int precompress_sibling_remove(int directory_fd, const char *name, bool dry_run);

#endif
