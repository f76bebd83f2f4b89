/* error_log: see error_log.h. */
#include "observe/error_log.h"

#include "observe/access_log.h"
#include "observe/log.h"
#include "observe/log_file.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

static struct {
    struct access_logs *logs; /* NULL: not open */
    struct log_ring *ring;
    bool has_severities;  /* see log_file.h */
    pthread_mutex_t lock; /* of the ring's end that lines go into */
} error_log = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void take(enum log_level level, const char *line, size_t length)
{
    const char severity[LOG_FILE_SEVERITY_BYTES] = {'<', (char)('0' + log_severity(level)), '>'};
    const size_t prefix = error_log.has_severities ? sizeof severity : 0;
    pthread_mutex_lock(&error_log.lock);
    char *to = log_ring_reserve(error_log.ring, prefix + length);
    if (to) {
        memcpy(to, severity, prefix);
        memcpy(to + prefix, line, length);
        log_ring_commit(error_log.ring, prefix + length);
    }
    pthread_mutex_unlock(&error_log.lock);
}

int error_log_open(const char *name, const char *tag, struct problem *ret_problem)
{
    const struct access_logs_config config = {
        .worker_count = 1,
        .tag = tag,
        .kind = ACCESS_LOGS_OF_ERRORS,
        .report = log_problem_aside,
    };
    error_log.has_severities = log_file_is_syslog(name);
    int error = access_logs_create(&error_log.logs, &config);
    if (error) {
        problem_set_no_memory(ret_problem);
        return error;
    }
    error = access_logs_add(error_log.logs, name, ret_problem);
    if (!error && !(error_log.ring = access_logs_ring(error_log.logs, name, 0))) {
        problem_set_no_memory(ret_problem);
        error = -ENOMEM;
    }
    if (error)
        error_log_close();
    return error;
}

void error_log_check(void)
{
    access_logs_check(error_log.logs);
}

int error_log_start(void)
{
    if (!error_log.logs)
        return 0;
    int error = access_logs_start(error_log.logs);
    if (!error)
        log_set_sink(take);
    return error;
}

bool error_log_reopen(void)
{
    access_logs_reopen(error_log.logs);
    return error_log.logs != NULL;
}

bool error_log_stop(unsigned ms)
{
    log_flush();
    log_set_sink(NULL);
    return access_logs_stop(error_log.logs, ms);
}

void error_log_close(void)
{
    access_logs_destroy(error_log.logs);
    error_log.logs = NULL;
    error_log.ring = NULL;
}
