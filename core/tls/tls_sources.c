/* tls_sources: see tls_sources.h. */
#include "tls/tls_sources.h"

#ifdef SLUICE_HAVE_OPENSSL

#include "base/problem_list.h"
#include "tls/tls_directory.h"
#include "tls/tls_file.h"
#include "tls/tls_self_signed.h"
#include "tls/tls_sources_parts.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int tls_sources_create(struct tls_sources **ret, const struct tls_sources_config *config)
{
    struct tls_sources *sources = calloc(1, sizeof *sources);
    bool *is_bad = calloc(config->count + 1, sizeof *is_bad);
    if (!sources || !is_bad) {
        free(sources);
        free(is_bad);
        return -ENOMEM;
    }
    sources->config = *config;
    sources->is_bad = is_bad;
    *ret = sources;
    return 0;
}

void tls_sources_destroy(struct tls_sources *sources)
{
    if (!sources)
        return;
    for (unsigned i = 0; i < sources->count; i++)
        tls_pair_destroy(sources->pairs[i]);
    free(sources->pairs);
    free(sources->in_use);
    free(sources->is_bad);
    free(sources);
}

/* --- Generations ------------------------------------------------------------------------------ */

static void collect_in_use(struct tls_sources *sources)
{
    sources->in_use_count = 0;
    for (unsigned i = 0; i < sources->count; i++) {
        if (sources->pairs[i]->certificate)
            sources->in_use[sources->in_use_count++] = sources->pairs[i]->certificate;
    }
}

/* A check at NOW_S of the certificates in use. */
static struct tls_check check_of(const struct tls_sources *sources, int64_t now_s,
                                 const struct tls_report *report)
{
    return (struct tls_check){sources->in_use, sources->in_use_count, now_s, report};
}

static void report_ages(struct tls_sources *sources, int64_t now_s, const struct tls_report *report)
{
    struct tls_check check = check_of(sources, now_s, report);
    for (unsigned i = 0; i < sources->count; i++)
        tls_pair_report_age(sources->pairs[i], &check);
}

/* Whether a certificate has become valid, or has expired, since the last generation, whose order
 * depends on that. */
static bool has_aged(const struct tls_sources *sources, int64_t now_s)
{
    for (unsigned i = 0; i < sources->in_use_count; i++) {
        if (tls_certificate_is_valid(sources->in_use[i], now_s) !=
            tls_certificate_is_valid(sources->in_use[i], sources->published_s))
            return true;
    }
    return false;
}

static struct tls_certificates *make_generation(struct tls_sources *sources, int64_t now_s)
{
    assert(sources->in_use_count > 0); /* a pair that serves is dropped only for another one */
    struct tls_certificates *made =
        tls_certificates_create(sources->in_use, sources->in_use_count, now_s);
    if (made)
        sources->published_s = now_s;
    sources->is_stale = !made;
    return made;
}

/* --- Loading ---------------------------------------------------------------------------------- */

static int load_self_signed(int64_t now_s, struct tls_certificates **ret,
                            struct problem *ret_problem)
{
    char host_name[HOST_NAME_MAX + 1];
    struct tls_certificate *certificate;
    if (gethostname(host_name, sizeof host_name) < 0)
        host_name[0] = '\0';
    int error = tls_self_signed_create(&certificate, host_name, now_s, ret_problem);
    if (error)
        return error;
    struct tls_certificates *made = tls_certificates_create(&certificate, 1, now_s);
    tls_certificate_unref(certificate);
    if (!made) {
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    *ret = made;
    return 0;
}

/* The pair of the former sources with the same files as PAIR; NULL: they have none. The search
 * begins at *NEXT, because pairs keep their order, as a rule. */
static const struct tls_pair *find_former(const struct tls_sources *former,
                                          const struct tls_pair *pair, unsigned *next)
{
    for (unsigned i = 0; former && i < former->count; i++) {
        const unsigned at = (*next + i) % former->count;
        if (!tls_pair_is_same(former->pairs[at], pair))
            continue;
        *next = at + 1;
        return former->pairs[at];
    }
    return NULL;
}

/* Reads PAIR, or shares what FORMER has, which may be NULL. In a directory that the former sources
 * had, a new pair may be half written: it is skipped until it is good. 0 or a negative errno. */
static int load_pair(const struct tls_sources *sources, struct tls_pair *pair,
                     const struct tls_pair *former, const struct tls_check *check,
                     struct problem *ret_problem)
{
    const int error = former ? tls_pair_follow(pair, former, check, ret_problem)
                             : tls_pair_load(pair, check->now_s, ret_problem);
    const bool in_directory = pair->name[0] != '\0';
    if (!error || error == -ENOMEM || !in_directory || !tls_sources_had(sources, pair->source))
        return error;
    tls_pair_skip(pair, ret_problem, check->report);
    return 0;
}

/* Lists and reads all pairs. 0 or a negative errno. */
static int load_pairs(struct tls_sources *sources, int64_t now_s, const struct tls_report *report,
                      struct problem *ret_problem)
{
    struct problem_list *problems = sources->config.problems;
    const struct tls_check check = {.now_s = now_s, .report = report};
    unsigned next = 0;
    int error = 0;
    for (unsigned i = 0; i < sources->config.count && !error; i++)
        error = problem_list_keep(problems, tls_sources_list(sources, i, report, ret_problem),
                                  ret_problem);
    for (unsigned i = 0; i < sources->count && !error; i++) {
        struct tls_pair *pair = sources->pairs[i];
        const struct tls_pair *former = find_former(sources->config.former, pair, &next);
        error = load_pair(sources, pair, former, &check, ret_problem);
        error = problem_list_keep(problems, error, ret_problem);
    }
    sources->config.former = NULL;
    return error;
}

int tls_sources_load(struct tls_sources *sources, int64_t now_s, const struct tls_report *report,
                     struct tls_certificates **ret, struct problem *ret_problem)
{
    if (sources->config.self_signed)
        return load_self_signed(now_s, ret, ret_problem);
    int error = load_pairs(sources, now_s, report, ret_problem);
    if (error)
        return error;
    collect_in_use(sources);
    if (sources->in_use_count == 0)
        return -EINVAL; /* the last of PROBLEMS, or of a pair that was skipped */
    for (unsigned i = 0; i < sources->count; i++) {
        if (sources->pairs[i]->certificate && !sources->pairs[i]->kept)
            tls_pair_report_oddities(sources->pairs[i], report);
    }
    report_ages(sources, now_s, report);
    *ret = make_generation(sources, now_s);
    if (!*ret) {
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    return 0;
}

/* --- Revalidation ------------------------------------------------------------------------------ */

/* Drops a pair that its directory has no longer, if it has nothing to serve, or others cover its
 * names: certificates are deleted in this way. The pair of a file stays. */
static bool can_drop(const struct tls_sources *sources, const struct tls_pair *pair, int64_t now_s)
{
    if (pair->listed || pair->name[0] == '\0')
        return false;
    if (!pair->certificate)
        return true;
    if (tls_names_are_empty(&pair->certificate->names))
        return false;
    unsigned count = 0;
    for (unsigned i = 0; i < sources->count; i++) {
        const struct tls_pair *other = sources->pairs[i];
        if (other->listed && other->certificate)
            sources->in_use[count++] = other->certificate;
    }
    return tls_certificates_cover(sources->in_use, count, &pair->certificate->names, now_s);
}

static bool drop_pairs(struct tls_sources *sources, int64_t now_s)
{
    bool changed = false;
    for (unsigned i = 0; i < sources->count;) {
        struct tls_pair *pair = sources->pairs[i];
        if (!can_drop(sources, pair, now_s)) {
            i++;
            continue;
        }
        changed = changed || pair->certificate != NULL;
        tls_pair_destroy(pair);
        sources->count--;
        memmove(sources->pairs + i, sources->pairs + i + 1,
                (sources->count - i) * sizeof(struct tls_pair *));
    }
    return changed;
}

void tls_sources_revalidate(struct tls_sources *sources, int64_t now_s,
                            const struct tls_report *report, struct tls_certificates **ret)
{
    *ret = NULL;
    if (sources->config.self_signed)
        return;
    tls_sources_list_anew(sources, report);
    bool changed = drop_pairs(sources, now_s);
    for (unsigned i = 0; i < sources->count; i++) {
        collect_in_use(sources);
        struct tls_check check = check_of(sources, now_s, report);
        if (tls_pair_revalidate(sources->pairs[i], &check))
            changed = true;
    }
    collect_in_use(sources);
    report_ages(sources, now_s, report);
    if (changed || sources->is_stale || has_aged(sources, now_s))
        *ret = make_generation(sources, now_s);
}

/* --- Trying ------------------------------------------------------------------------------------ */

static void try_file(const char *path, const struct tls_report *report)
{
    struct problem problem;
    if (tls_file_try(path, &problem) < 0)
        report->function(report->context, &problem);
}

void tls_sources_try(const struct tls_sources *sources, const struct tls_report *report)
{
    for (unsigned i = 0; i < sources->config.count; i++) {
        const char *path = sources->config.list[i].cert;
        if (tls_directory_is_at(path) > 0)
            try_file(path, report);
    }
    for (unsigned i = 0; i < sources->count; i++) {
        const struct tls_pair *pair = sources->pairs[i];
        try_file(pair->cert_path, report);
        if (strcmp(pair->cert_path, pair->key_path) != 0)
            try_file(pair->key_path, report);
    }
}

void tls_sources_report_renewed(struct tls_sources *sources, const struct tls_report *report)
{
    for (unsigned i = 0; i < sources->count; i++)
        tls_pair_report_renewed(sources->pairs[i], report);
}

#endif
