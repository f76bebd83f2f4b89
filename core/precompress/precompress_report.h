/* precompress_report: what `sluice precompress` counts and says: a line for each failure, one for
 * each change that a dry run would make, and the summary at the end.
 *
 * All threads share one. Its lock covers the counts and both outputs. */
#ifndef SLUICE_PRECOMPRESS_REPORT_H
#define SLUICE_PRECOMPRESS_REPORT_H

#include "precompress/precompress_sibling.h"

#include <pthread.h>

struct precompress_report {
    bool dry_run;     /* changes are announced, not made */
    bool quiet;       /* failures only */
    const char *root; /* of the site at hand, for messages; set while no thread works */
    pthread_mutex_t lock;
    uint64_t files;
    uint64_t outcomes[PRECOMPRESS_OUTCOME_COUNT];
    uint64_t removed;
    uint64_t failures;
    /* of the siblings that are made or current, by coding */
    uint64_t plain_bytes[CONTENT_CODING_COUNT];
    uint64_t sibling_bytes[CONTENT_CODING_COUNT];
};

/* The name of CODING in --codings and in the summary: its suffix without the dot. */
const char *precompress_coding_name(enum content_coding coding);

void precompress_report_init(struct precompress_report *ret);
void precompress_report_fini(struct precompress_report *report);

/* A file is worth a try. */
void precompress_report_file(struct precompress_report *report);

/* The sibling of PATH in CODING is as RESULT says. */
void precompress_report_sibling(struct precompress_report *report, const char *path,
                                enum content_coding coding,
                                const struct precompress_result *result);

/* PATH is removed. */
void precompress_report_removed(struct precompress_report *report, const char *path);

/* ERROR, a negative errno, is about PATH with SUFFIX, which may be "". */
void precompress_report_failure(struct precompress_report *report, const char *path,
                                const char *suffix, int error);

/* Prints the totals. No thread works any more. */
void precompress_report_summary(const struct precompress_report *report);

#endif
