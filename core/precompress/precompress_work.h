/* precompress_work: makes the siblings of one directory tree, on several threads.
 *
 * The threads take files from one walk. A failure of one file does not stop the others. A signal
 * that would end the process ends the work, once the temporary files are removed. */
#ifndef SLUICE_PRECOMPRESS_WORK_H
#define SLUICE_PRECOMPRESS_WORK_H

#include "precompress/precompress_report.h"
#include "site/site_settings.h"

enum { PRECOMPRESS_JOBS_MAX = 1024 };

struct precompress_work {
    unsigned codings; /* as content_coding_bit, of precompress_codings */
    enum precompress_level level;
    unsigned jobs;                     /* threads, 1 to PRECOMPRESS_JOBS_MAX */
    uint64_t bytes_min;                /* a smaller file is left out */
    bool clean;                        /* siblings of ours whose file is gone are removed */
    struct precompress_report *report; /* *borrowed*; says whether it is a dry run */
};

/* Makes the siblings below ROOT_FD, an open directory, as the server would send them for SITE.
 * Reports failures. Returns at once if a signal has come. */
void precompress_work_on(const struct precompress_work *work, int root_fd,
                         const struct site_settings *site);

/* From now on SIGINT, SIGTERM and SIGHUP end the work, as far as they are not ignored; and writing
 * fails where SIGPIPE or SIGXFSZ would end the process. Before the first precompress_work_on. */
void precompress_work_take_signals(void);

/* The signal that has ended the work; 0: none. */
int precompress_work_signal(void);

#endif
