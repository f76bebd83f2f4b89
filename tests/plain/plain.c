/* plain: runs all cases and ends with "N passed, N failed". */
#include "plain.h"

#include "base/base.h"

#include <stdio.h>
#include <unistd.h>

enum { TIMEOUT_SECONDS = 120 };

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"jobs_with_many_threads", jobs_with_many_threads},
    {"jobs_destroyed_under_way", jobs_destroyed_under_way},
    {"counters_read_by_others", counters_read_by_others},
    {"files_filled_by_jobs", files_filled_by_jobs},
    {"files_destroyed_under_way", files_destroyed_under_way},
    {"stores_agree_while_files_change", stores_agree_while_files_change},
    {"tls_changes_under_workers", tls_changes_under_workers},
    {"worker_serves_many_clients", worker_serves_many_clients},
    {"worker_is_drained_under_load", worker_is_drained_under_load},
    {"worker_serves_while_media_types_change", worker_serves_while_media_types_change},
    {"worker_serves_many_clients_on_uring", worker_serves_many_clients_on_uring},
    {"worker_is_drained_under_load_on_uring", worker_is_drained_under_load_on_uring},
};

static bool failed;

void plain_expect(bool condition, const char *text, const char *file, int line)
{
    if (condition)
        return;
    failed = true;
    printf("%s:%d: not so: %s\n", file, line, text);
}

int main(void)
{
    unsigned passed_count = 0, failed_count = 0;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        failed = false;
        alarm(TIMEOUT_SECONDS); /* a case that hangs is killed */
        cases[i].run();
        if (failed)
            printf("[FAIL] %s\n", cases[i].name);
        failed_count += failed;
        passed_count += !failed;
        fflush(stdout);
    }
    printf("%u passed, %u failed\n", passed_count, failed_count);
    return failed_count > 0;
}
