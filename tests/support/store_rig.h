/* store_rig: a store over a tree, with a clock of the test's own, for the tests of store. */
#ifndef SLUICE_TESTS_STORE_RIG_H
#define SLUICE_TESTS_STORE_RIG_H

#include "site/store.h"
#include "support/faults.h"
#include "support/paths.h"
#include "support/tree.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>

enum {
    VALID_MS = 1000,
    STILL_VALID_MS = VALID_MS / 2 - 1, /* how long it is good at least */
    PATIENCE_MS = 10000,
    LARGE = 1100000, /* not copied */
    SETTLED_AFTER_SECONDS = 10,
};

extern struct tree tree;
extern char root[TREE_PATH_BYTES + 8]; /* the tree's directory "site" at first */
extern struct mime *mime;
extern struct counters counters;
extern struct site_settings settings; /* of FILES */
extern struct store *files;
extern struct date_now now;
extern unsigned codings; /* of siblings that make_files has looked for; none at first */
extern unsigned woken;   /* waiters that store_collect has named */

/* Around each test of a suite. */
void store_rig_init(void);
void store_rig_fini(void);

/* FILES afresh, with other limits or another root. */
void make_files(uint64_t bytes_max, uint32_t files_max);

/* Several sites, for FILES: at "h0" and so on in the tree, each with a "file" whose seed is the
 * site's number. */
enum { RIG_SITES = 3, RIG_FILE_BYTES = 100 };
extern char site_roots[RIG_SITES][TREE_PATH_BYTES + 16];

void make_site_roots(void);
struct site_settings site_at(unsigned number);

/* FILES afresh, with SITES; a store of SHARED, which may be NULL: it is the only one. */
void make_files_of(const struct store_sites_config *sites, struct store_shared *shared);

/* Keeps every look-up of a job waiting, until release_jobs. The calling thread's go on. */
void hold_jobs(void);
void release_jobs(void);

void pass_ms(uint64_t ms);

/* How often openat2 has been called. */
unsigned opens(void);

/* Asks for NAME once. */
enum store_result ask(const char *name, struct lookup_waiter *waiter, struct resource **ret);

/* Waits until WAITER is ready. */
void await(const struct lookup_waiter *waiter);

/* The resource for NAME, waited for if need be. Drop it. */
struct resource *get(const char *name);

void expect_content(struct resource *resource, size_t length, uint64_t seed);
void expect_file(const char *name, size_t length, uint64_t seed);
void expect_refusal(const char *name, enum http_status status);

#endif
