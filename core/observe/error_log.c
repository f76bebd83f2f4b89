/* error_log: see error_log.h. */
#include "observe/error_log.h"

#include "observe/access_log.h"
#include "observe/log.h"
#include "observe/log_file.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

static struct {
    struct access_logs *logs; /* NULL: none has been open */
    bool started;             /* their thread */
    pthread_mutex_t lock;     /* of the two below, and of the end of RING that lines go into */
    struct log_ring *ring;    /* of the log in use; NULL: none */
    bool has_severities;      /* of the log in use, see log_file.h */
} error_log = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void take(enum log_level level, const char *line, size_t length)
{
    const char severity[LOG_FILE_SEVERITY_BYTES] = {'<', (char)('0' + log_severity(level)), '>'};
    pthread_mutex_lock(&error_log.lock);
    const size_t prefix = error_log.has_severities ? sizeof severity : 0;
    char *to = error_log.ring ? log_ring_reserve(error_log.ring, prefix + length) : NULL;
    if (!error_log.ring) /* since a moment ago */
        (void)!write(STDERR_FILENO, line, length);
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
    const int error =
        error_log.logs ? 0 : access_logs_create(&error_log.logs, &config, ret_problem);
    return error ? error : access_logs_add(error_log.logs, name, ret_problem);
}

void error_log_give(uid_t user, gid_t group)
{
    access_logs_give(error_log.logs, user, group);
}

void error_log_check(void)
{
    access_logs_check(error_log.logs);
}

int error_log_start(void)
{
    if (!error_log.logs || error_log.started)
        return 0;
    const int error = access_logs_start(error_log.logs);
    error_log.started = !error;
    return error;
}

void error_log_use(const char *name)
{
    struct log_ring *ring = name ? access_logs_ring(error_log.logs, name, 0) : NULL;
    if (!ring)
        log_set_sink(NULL);
    pthread_mutex_lock(&error_log.lock);
    error_log.ring = ring;
    error_log.has_severities = ring && log_file_is_syslog(name);
    pthread_mutex_unlock(&error_log.lock);
    if (ring)
        log_set_sink(take);
    access_logs_retire(error_log.logs, &name, 1);
}

bool error_log_reopen(void)
{
    access_logs_reopen(error_log.logs);
    return error_log.ring != NULL;
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
    error_log.started = false;
}
