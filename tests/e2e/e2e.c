/* e2e: see e2e.h. */
#include "e2e.h"

#include "server_process.h"
#include "site.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { IMPATIENT_MS = 1000 };

static bool slow;
static bool impatient;

/* The tests themselves may be instrumented; the memory that they keep until they end (bytes.h)
 * does not leak. The servers have a runtime of their own, which this does not affect. */
int __lsan_is_turned_off(void); /* NOLINT(bugprone-reserved-identifier): LeakSanitizer's hook */
int __lsan_is_turned_off(void)  /* NOLINT(bugprone-reserved-identifier) */
{
    return 1;
}

void e2e_begin(void)
{
    const char *said = getenv("SLUICE_SLOW");

    signal(SIGPIPE, SIG_IGN);
    if (said && strcmp(said, "") != 0 && strcmp(said, "0") != 0)
        slow = true;
}

void e2e_finish(void)
{
    servers_stop_all();
}

void e2e_end(void)
{
    servers_abandon_all();
    sites_remove_all();
}

void e2e_skip(const char *why)
{
    e2e_end(); /* Criterion does not call fini for a skipped test */
    cr_skip_test("%s", why);
}

static const char *from_environment(const char *name, const char *otherwise)
{
    const char *value = getenv(name);

    return value && *value ? value : otherwise;
}

const char *e2e_build_directory(void)
{
    return from_environment("SLUICE_BUILD", "build");
}

const char *e2e_top_directory(void)
{
    return from_environment("SLUICE_TOP", ".");
}

const char *e2e_backend_options(void)
{
    static char options[64];
    const char *backend = from_environment("SLUICE_BACKEND", NULL);

    if (!backend)
        return NULL;
    snprintf(options, sizeof(options), "--backend %s", backend);
    return options;
}

bool e2e_uses_uring(void)
{
    return strcmp(from_environment("SLUICE_BACKEND", ""), "io_uring") == 0;
}

bool e2e_uses_tls(void)
{
    return from_environment("SLUICE_TLS", NULL) != NULL;
}

struct secure_setup e2e_usual_tls(void)
{
    bool bytes = strcmp(from_environment("SLUICE_TLS", ""), "bytes") == 0;
    return (struct secure_setup){.server_name = "localhost", .piece_bytes = bytes};
}

bool e2e_is_slow(void)
{
    return slow;
}

void e2e_set_slow(void)
{
    slow = true;
}

size_t e2e_scaled(size_t fast, size_t slow_count)
{
    return slow ? slow_count : fast;
}

bool e2e_raise_files(uint64_t needed)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return false;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= needed;
}

int64_t clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void e2e_lose_patience(void)
{
    impatient = true;
}

int64_t deadline_after(int64_t ms)
{
    if (impatient && ms > IMPATIENT_MS)
        ms = IMPATIENT_MS;
    return clock_ms() + (slow ? ms * 5 : ms);
}

int deadline_left_ms(int64_t deadline)
{
    int64_t left = deadline - clock_ms();

    return left > 0 ? (int)left : 0;
}

void let_pass(int64_t ms)
{
    int64_t end = clock_ms() + ms;

    while (clock_ms() < end)
        poll(NULL, 0, deadline_left_ms(end));
}
