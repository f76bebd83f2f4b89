/* access_log_parts: one log, and the set of all, for access_log.c, access_log_writer.c and
 * access_log_lines.c only; see access_log.h. */
#ifndef SLUICE_ACCESS_LOG_PARTS_H
#define SLUICE_ACCESS_LOG_PARTS_H

#include "observe/access_log.h"
#include "observe/log_file.h"

#include <pthread.h>

struct pollfd;

/* Belongs to the writer's thread once that has taken it, but for RETIRED; until then, to the thread
 * that made it. */
struct access_log {
    struct access_log *next;
    atomic_bool retired; /* no line will come but those of answers in flight: finish and close it */
    char *name;          /* owned */
    struct log_file file;
    unsigned ring_count;
    unsigned unfinished; /* the ring of which a line has been written in part; or none such */
    bool waits;          /* until the file is writable */
    bool broken;         /* the last try failed */
    int error;           /* of the last failure, negative; 0: none since the last report */
    uint64_t retry_at_ms;
    uint64_t give_up_at_ms;   /* retired: when the lines that are left are lost; 0: not known yet */
    uint64_t lost_lines;      /* that were taken from the rings, and could not be written */
    uint64_t reported_lines;  /* of all that were lost */
    uint64_t report_at_ms;    /* not before */
    struct log_ring *rings[]; /* one for each worker */
};

/* Of the main thread, but for what is atomic or says otherwise. */
struct access_logs {
    struct access_logs_config config;
    struct access_log **items; /* those that can be found by their names */
    unsigned count;

    struct log_waker waker;
    pthread_mutex_t lock;
    struct access_log *incoming; /* under LOCK: that the thread has not taken yet */
    atomic_bool reopen;
    atomic_bool stopping;
    _Atomic uint64_t stop_at_ms; /* what is not written by then is lost */
    bool started;
    bool joined;
    pthread_t thread;

    /* The thread's. */
    struct access_log *all;
    struct pollfd *watched; /* the waker's and each log's */
    unsigned watched_room;
};

/* Frees LOG, which may be incomplete. */
void access_log_destroy(struct access_log *log);

/* The words for a kind of logs. */
struct access_log_words {
    const char *option;
    const char *name;
};

extern const struct access_log_words access_log_words[ACCESS_LOGS_KIND_COUNT];

/* A round of the writer's thread. */
struct access_log_round {
    const struct access_logs_config *config;
    uint64_t now_ms;
    bool reopens; /* every file is opened again */
    bool checks;  /* the names of files are checked */
};

/* Does all that can be done for LOG now. Returns whether anything was written. */
bool access_log_work(struct access_log *log, const struct access_log_round *round);

/* Whether anything is left in the rings of LOG that could be written. */
bool access_log_has_lines(const struct access_log *log);

/* Whether no more line can come to LOG, which is retired. */
bool access_log_is_over(const struct access_log *log);

/* Gives up what is left in the rings of LOG, and reports what was lost. */
void access_log_finish(struct access_log *log, const struct access_log_round *round);

#endif
