/* tls_sources_rig: sources of certificates over a tree of a test's own, with a clock of their own,
 * and all their reports. Criterion only; only in builds with OpenSSL. */
#ifndef SLUICE_TESTS_TLS_SOURCES_RIG_H
#define SLUICE_TESTS_TLS_SOURCES_RIG_H

#ifdef SLUICE_HAVE_OPENSSL

#include "support/faults.h"
#include "support/tls_maker.h"
#include "support/tree.h"
#include "tls/tls_sources.h"

#include <criterion/criterion.h>

enum { RIG_DAY = 86400, RIG_REPORTS_MAX = 16 };

static struct {
    struct tree tree;
    struct tls_source list[4];
    struct tls_sources_config config;
    struct tls_sources *sources;
    struct tls_certificates *generation; /* the last one */
    int64_t now_s;
    char reports[RIG_REPORTS_MAX][PROBLEM_TEXT_BYTES];
    unsigned report_count;
    struct problem problem;
} rig;

static inline void rig_take_report(void *context, const struct problem *problem)
{
    (void)context;
    cr_assert_lt(rig.report_count, RIG_REPORTS_MAX);
    problem_text(problem, rig.reports[rig.report_count++]);
}

static const struct tls_report rig_report = {rig_take_report, NULL};

/* Half a minute ahead of the real time: the files are at rest. */
static inline void rig_init(void)
{
    tree_init(&rig.tree);
    rig.now_s = (int64_t)time(NULL) + 30;
}

static inline void rig_close(void)
{
    tls_certificates_unref(rig.generation);
    rig.generation = NULL;
    tls_sources_destroy(rig.sources);
    rig.sources = NULL;
}

static inline void rig_fini(void)
{
    faults_clear();
    rig_close();
    tree_fini(&rig.tree);
}

/* The path of NAME in the tree; valid until seven more have been made. */
static inline const char *rig_path(const char *name)
{
    static char paths[8][TREE_PATH_BYTES + 64];
    static unsigned count;
    char *path = paths[count++ % COUNT_OF(paths)];
    *str_put(str_put(str_put(path, str_of(rig.tree.path)), STR("/")), str_of(name)) = '\0';
    return path;
}

/* Adds a source; names are relative to the tree. */
static inline void rig_add(const char *cert, const char *key)
{
    rig.list[rig.config.count++] = (struct tls_source){rig_path(cert), key ? rig_path(key) : NULL};
    rig.config.list = rig.list;
}

/* 0 or the error of loading, with rig.problem. */
static inline int rig_try_load(void)
{
    rig.report_count = 0;
    int error = tls_sources_create(&rig.sources, &rig.config);
    if (!error)
        error =
            tls_sources_load(rig.sources, rig.now_s, &rig_report, &rig.generation, &rig.problem);
    return error;
}

static inline void rig_load(void)
{
    int error = rig_try_load();
    cr_assert_eq(error, 0, "%s: %s", rig.problem.file, rig.problem.what);
}

/* Checks everything. True: there is another generation now. */
static inline bool rig_revalidate(void)
{
    struct tls_certificates *made;
    rig.report_count = 0;
    tls_sources_revalidate(rig.sources, rig.now_s, &rig_report, &made);
    if (!made)
        return false;
    tls_certificates_unref(rig.generation);
    rig.generation = made;
    return true;
}

/* Expects one report since the last check, with TEXT in it. */
static inline void rig_expect_report(const char *text)
{
    cr_expect_eq(rig.report_count, 1, "%u reports instead of \"%s\"", rig.report_count, text);
    if (rig.report_count > 0)
        cr_expect(strstr(rig.reports[0], text) != NULL, "\"%s\" instead of \"%s\"", rig.reports[0],
                  text);
}

/* Replaces the file NAME as a whole. */
static inline void rig_put(const char *name, const char *text)
{
    tree_write(&rig.tree, "new", str_of(text));
    tree_rename(&rig.tree, "new", name);
}

/* Writes MADE as a pair to the subdirectory NAME of DIRECTORY, which is made if it is missing. */
static inline void rig_put_pair(const char *directory, const char *name,
                                const struct tls_made *made)
{
    char path[TREE_PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    mkdirat(rig.tree.fd, directory, 0755);
    mkdirat(rig.tree.fd, path, 0755);
    snprintf(path, sizeof path, "%s/%s/fullchain.pem", directory, name);
    rig_put(path, made->certificate_pem);
    snprintf(path, sizeof path, "%s/%s/privkey.pem", directory, name);
    rig_put(path, made->key_pem);
}

/* A certificate for NAMES, valid from FIRST_DAYS to LAST_DAYS after now. */
static inline struct tls_made rig_make(const char *names, int first_days, int last_days)
{
    return tls_make(&(struct tls_maker){.names = names,
                                        .first_s = rig.now_s + (int64_t)first_days * RIG_DAY,
                                        .last_s = rig.now_s + (int64_t)last_days * RIG_DAY});
}

/* Whether place AT of the generation has the certificate MADE. */
static inline bool rig_serves(unsigned at, const struct tls_made *made)
{
    struct str leaf = str_of(made->certificate_pem);
    return at < rig.generation->count &&
           str_starts_with(rig.generation->items[at]->chain_pem, leaf);
}

#endif
#endif
