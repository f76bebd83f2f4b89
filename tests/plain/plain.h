/* plain: unit cases without Criterion, which does not run under the thread sanitizer. */
#ifndef SLUICE_TESTS_PLAIN_H
#define SLUICE_TESTS_PLAIN_H

#include <stdbool.h>

/* Records that CONDITION of the running case does not hold. From the main thread. */
void plain_expect(bool condition, const char *text, const char *file, int line);

#define EXPECT(condition) plain_expect((condition), #condition, __FILE__, __LINE__)

void jobs_with_many_threads(void);
void jobs_destroyed_under_way(void);
void counters_read_by_others(void);
void worker_serves_many_clients(void);
void worker_is_drained_under_load(void);
void worker_serves_while_media_types_change(void);
void worker_serves_many_clients_on_uring(void);
void worker_is_drained_under_load_on_uring(void);
void files_filled_by_jobs(void);
void files_destroyed_under_way(void);
void stores_agree_while_files_change(void);
void tls_changes_under_workers(void);

#endif
