/* e2e: the base of every end-to-end test: the frame of a test, time, skipping.
 *
 * A test drives real programs over real sockets. E2E_TEST is Criterion's Test with a guarantee
 * after its last line: every server that the test started is stopped, must exit with 0, and must
 * not have written a sanitizer's report. So uninstrumented tests judge instrumented servers.
 *
 * Environment: SLUICE_BUILD, the directory of the servers (default "build"); SLUICE_TOP, the top
 * of the repository (default "."); SLUICE_SLOW=1, longer deadlines and smaller crowds (also
 * chosen when a server turns out to be instrumented); SLUICE_BACKEND, the backend that every
 * server is started with (default: none is named); SLUICE_TLS=1, every server and every client
 * speaks HTTPS; SLUICE_TLS=bytes, the same, and each of a client's first sends has one byte. */
#ifndef E2E_E2E_H
#define E2E_E2E_H

#include "bytes.h"
#include "secure.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdint.h>

/* Criterion kills a test that takes longer; every wait inside has a shorter deadline of its own. */
#define E2E_SUITE(suite) TestSuite(suite, .init = e2e_begin, .fini = e2e_end, .timeout = 170)

#define E2E_TEST(suite, name)           \
    static void suite##_##name(void);   \
    Test(suite, name)                   \
    {                                   \
        e2e_skip_in_tls(#suite, #name); \
        suite##_##name();               \
        e2e_finish();                   \
    }                                   \
    static void suite##_##name(void)

void e2e_begin(void);

/* Stops and judges the servers that still run. */
void e2e_finish(void);

/* Prints the servers' messages, kills them and removes sites, also after a failure. */
void e2e_end(void);

/* Ends the test as skipped; Criterion shows WHY with --verbose. */
void e2e_skip(const char *why);

const char *e2e_build_directory(void);
const char *e2e_top_directory(void);

/* The words that choose SLUICE_BACKEND, or NULL. */
const char *e2e_backend_options(void);
bool e2e_uses_uring(void); /* whether that is io_uring */

bool e2e_uses_tls(void); /* whether SLUICE_TLS is set */
struct secure_setup e2e_usual_tls(void);

/* Skips the test if all servers speak HTTPS and the test can't hold then: tls_skips.c. */
void e2e_skip_in_tls(const char *suite, const char *name);

/* Whether servers are instrumented or the machine was declared slow. */
bool e2e_is_slow(void);
void e2e_set_slow(void);

/* FAST normally, SLOW where e2e_is_slow: for the size of crowds. */
size_t e2e_scaled(size_t fast, size_t slow);

/* Raises this process's soft limit of descriptors to its hard limit. Whether it is now NEEDED or
 * more. */
bool e2e_raise_files(uint64_t needed);

/* --- Time: milliseconds of the monotonic clock ------------------------------------------------ */

int64_t clock_ms(void);

/* The time MS from now, five times as far away where e2e_is_slow. */
int64_t deadline_after(int64_t ms);

/* Milliseconds until DEADLINE, at least 0: for poll. */
int deadline_left_ms(int64_t deadline);

/* A wait of some seconds was in vain, so the test fails or has failed: its other waits will be
 * short. */
void e2e_lose_patience(void);

/* Waits for MS. Only for tests of time itself (a timeout, an expiry), never in the hope of an
 * event. */
void let_pass(int64_t ms);

#endif
