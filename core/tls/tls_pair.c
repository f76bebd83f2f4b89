/* tls_pair: see tls_pair.h. */
#include "tls/tls_pair.h"

#ifdef SLUICE_HAVE_OPENSSL

#include "tls/tls_file.h"
#include "tls/tls_pair_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    READ_TRIES = 3, /* for files that change while they are read */
    /* A file that changed so recently may change again without another mtime, whose steps are those
     * of the kernel's ticks, or seconds on some file systems. */
    SETTLED_SECONDS = 3,
};

struct tls_pair *tls_pair_create(const struct tls_pair_place *place)
{
    struct tls_pair *pair = calloc(1, sizeof *pair);
    if (!pair)
        return NULL;
    pair->source = place->source;
    pair->name = strdup(place->name);
    pair->cert_path = strdup(place->cert_path);
    pair->key_path = strdup(place->key_path ? place->key_path : place->cert_path);
    if (pair->name && pair->cert_path && pair->key_path)
        return pair;
    tls_pair_destroy(pair);
    return NULL;
}

void tls_pair_destroy(struct tls_pair *pair)
{
    if (!pair)
        return;
    tls_certificate_unref(pair->certificate);
    free(pair->name);
    free(pair->cert_path);
    free(pair->key_path);
    free(pair);
}

static bool has_one_file(const struct tls_pair *pair)
{
    return strcmp(pair->cert_path, pair->key_path) == 0;
}

/* --- Reading ---------------------------------------------------------------------------------- */

static bool is_at_rest(const struct blob_identity *identity, int64_t now_s)
{
    return now_s - (int64_t)identity->changed.tv_sec >= SETTLED_SECONDS &&
           now_s - (int64_t)identity->modified.tv_sec >= SETTLED_SECONDS;
}

/* Says which file PROBLEM of PAIR is in. */
static void place_problem(struct problem *problem, const struct tls_pair *pair,
                          enum tls_fault fault)
{
    if (fault == TLS_FAULT_PAIR && !has_one_file(pair))
        problem_set(problem, "does not belong to the private key in %s", pair->key_path);
    if (fault == TLS_FAULT_PAIR)
        problem_remedy(problem, "give the key that the certificate was made for");
    problem_in_file(problem, fault == TLS_FAULT_KEY ? pair->key_path : pair->cert_path, 0, 0);
}

/* Reads both files once, and takes their identities to PAIR. */
static int read_once(struct tls_pair *pair, struct tls_certificate **ret,
                     struct problem *ret_problem)
{
    struct tls_file cert = {.content = STR_ABSENT}, key = {.content = STR_ABSENT};
    enum tls_fault fault;
    bool one_file = has_one_file(pair);
    int error = tls_file_read(&cert, pair->cert_path, ret_problem);
    if (!error && !one_file)
        error = tls_file_read(&key, pair->key_path, ret_problem);
    pair->cert_identity = cert.identity;
    pair->key_identity = one_file ? cert.identity : key.identity;
    if (!error) {
        error = tls_certificate_parse(ret, cert.content, one_file ? cert.content : key.content,
                                      ret_problem, &fault);
        if (error == -EINVAL)
            place_problem(ret_problem, pair, fault);
    }
    tls_file_fini(&cert);
    tls_file_fini(&key);
    return error;
}

static bool is_unchanged(const struct tls_pair *pair)
{
    return tls_file_is_at(pair->cert_path, &pair->cert_identity) &&
           (has_one_file(pair) || tls_file_is_at(pair->key_path, &pair->key_identity));
}

/* Reads both files, again if they are replaced meanwhile, one after the other. */
static int read_both(struct tls_pair *pair, int64_t now_s, struct tls_certificate **ret,
                     struct problem *ret_problem)
{
    int error = read_once(pair, ret, ret_problem);
    for (unsigned tries = 1; error && tries < READ_TRIES && !is_unchanged(pair); tries++)
        error = read_once(pair, ret, ret_problem);
    pair->settled =
        is_at_rest(&pair->cert_identity, now_s) && is_at_rest(&pair->key_identity, now_s);
    return error;
}

int tls_pair_load(struct tls_pair *pair, int64_t now_s, struct problem *ret_problem)
{
    return read_both(pair, now_s, &pair->certificate, ret_problem);
}

/* --- Replacing -------------------------------------------------------------------------------- */

/* The next valid certificate in use other than FORMER, from *INDEX on; NULL: no other. */
static const struct tls_certificate *next_other(unsigned *index,
                                                const struct tls_certificate *former,
                                                const struct tls_check *check)
{
    while (*index < check->in_use_count) {
        const struct tls_certificate *other = check->in_use[(*index)++];
        if (other != former && tls_certificate_is_valid(other, check->now_s))
            return other;
    }
    return NULL;
}

static bool others_cover(const struct tls_certificate *former, const char *host,
                         const struct tls_check *check)
{
    unsigned index = 0;
    const struct tls_certificate *other;
    while ((other = next_other(&index, former, check))) {
        if (tls_names_cover(&other->names, str_of(host)))
            return true;
    }
    return false;
}

static bool others_have(const struct tls_certificate *former, const struct tls_address *address,
                        const struct tls_check *check)
{
    unsigned index = 0;
    const struct tls_certificate *other;
    while ((other = next_other(&index, former, check))) {
        if (tls_names_have_address(&other->names, address->bytes, address->length))
            return true;
    }
    return false;
}

/* The first name of FORMER that neither NEW nor another certificate covers; NULL: all are
 * covered. */
static const char *missing_name(const struct tls_certificate *new,
                                const struct tls_certificate *former, const struct tls_check *check)
{
    for (unsigned i = 0; i < former->names.hosts.count; i++) {
        const char *host = former->names.hosts.items[i];
        if (!tls_names_cover(&new->names, str_of(host)) && !others_cover(former, host, check))
            return host;
    }
    for (unsigned i = 0; i < former->names.address_count; i++) {
        const struct tls_address *address = &former->names.addresses[i];
        if (!tls_names_have_address(&new->names, address->bytes, address->length) &&
            !others_have(former, address, check))
            return "an address";
    }
    return NULL;
}

/* Whether NEW may replace the valid certificate FORMER. False, with *RET_PROBLEM: it would be
 * worse. */
static bool may_replace(const struct tls_certificate *new, const struct tls_certificate *former,
                        const struct tls_check *check, struct problem *ret_problem)
{
    const char *missing = missing_name(new, former, check);
    if (!tls_certificate_is_valid(new, check->now_s)) {
        tls_pair_set_invalid(ret_problem, new, check->now_s);
        problem_remedy(ret_problem, "the former one stays in use");
        return false;
    }
    if (missing) {
        problem_set(ret_problem, "not for %s, which the one in use is for", missing);
        problem_remedy(
            ret_problem,
            "add the name, or restart the server or reload its --config to do without it");
        return false;
    }
    if (new->lacks_issuer && !former->lacks_issuer) {
        problem_set(ret_problem, "the certificate of its issuer is missing");
        problem_remedy(ret_problem, "write the whole chain to the file");
        return false;
    }
    return true;
}

static void send_report(const struct tls_report *report, const struct problem *problem)
{
    report->function(report->context, problem);
}

static void report_bad(struct tls_pair *pair, struct problem *problem,
                       const struct tls_report *report)
{
    if (pair->is_bad)
        return;
    pair->is_bad = true;
    problem_prefix(problem, pair->certificate ? "the new certificate is not used: " : "skipped: ");
    if (problem->file[0] == '\0')
        problem_in_file(problem, pair->cert_path, 0, 0);
    send_report(report, problem);
}

static void report_good(struct tls_pair *pair, bool is_new, const struct tls_report *report)
{
    char date[TLS_PAIR_DATE_BYTES];
    struct problem news;
    problem_set(&news, "%s, valid until %s",
                is_new ? "new certificate in use" : "good again, the same certificate",
                tls_pair_date(pair->certificate->not_after_s, date));
    problem_in_file(&news, pair->cert_path, 0, 0);
    pair->is_bad = false;
    send_report(report, &news);
}

/* Whether A and B are the same certificate, sent with the same chain. */
static bool is_same(const struct tls_certificate *a, const struct tls_certificate *b)
{
    return str_equal(a->chain_pem, b->chain_pem);
}

/* Serves NEW, which is *taken*, instead of the former certificate. */
static void replace(struct tls_pair *pair, struct tls_certificate *new,
                    const struct tls_report *report)
{
    tls_certificate_unref(pair->certificate);
    pair->certificate = new;
    pair->reported_age = TLS_AGE_FRESH;
    report_good(pair, true, report);
    tls_pair_report_oddities(pair, report);
}

/* Whether NEW, which was read from PAIR's files, is to be served; otherwise reports why not. */
static bool accept(struct tls_pair *pair, const struct tls_certificate *new,
                   const struct tls_check *check)
{
    struct problem problem;
    const struct tls_certificate *former = pair->certificate;
    if (former && is_same(former, new)) {
        if (pair->is_bad)
            report_good(pair, false, check->report);
        return false;
    }
    if (!former || !tls_certificate_is_valid(former, check->now_s) ||
        may_replace(new, former, check, &problem))
        return true;
    report_bad(pair, &problem, check->report);
    return false;
}

bool tls_pair_revalidate(struct tls_pair *pair, const struct tls_check *check)
{
    struct tls_certificate *new = NULL;
    struct problem problem;
    if (pair->settled && !pair->is_bad && is_unchanged(pair))
        return false;
    if (read_both(pair, check->now_s, &new, &problem)) {
        report_bad(pair, &problem, check->report);
        return false;
    }
    if (!accept(pair, new, check)) {
        tls_certificate_unref(new);
        return false;
    }
    replace(pair, new, check->report);
    return true;
}

/* --- Following -------------------------------------------------------------------------------- */

bool tls_pair_is_same(const struct tls_pair *a, const struct tls_pair *b)
{
    return strcmp(a->cert_path, b->cert_path) == 0 && strcmp(a->key_path, b->key_path) == 0;
}

/* Has PAIR keep what FORMER has. */
static void keep(struct tls_pair *pair, const struct tls_pair *former)
{
    pair->certificate = tls_certificate_ref(former->certificate);
    pair->cert_identity = former->cert_identity;
    pair->key_identity = former->key_identity;
    pair->settled = former->settled;
    pair->reported_age = former->reported_age;
    pair->kept = true;
}

/* Whether NEW may replace FORMER in a reload, in which names may go. False, with *RET_PROBLEM: it
 * is not valid, and FORMER is. */
static bool may_follow(const struct tls_certificate *new, const struct tls_certificate *former,
                       int64_t now_s, struct problem *ret_problem)
{
    if (tls_certificate_is_valid(new, now_s) || !tls_certificate_is_valid(former, now_s))
        return true;
    tls_pair_set_invalid(ret_problem, new, now_s);
    problem_remedy(ret_problem, "the former one stays in use");
    return false;
}

int tls_pair_follow(struct tls_pair *pair, const struct tls_pair *former,
                    const struct tls_check *check, struct problem *ret_problem)
{
    struct tls_certificate *new = NULL;
    if (!former->certificate)
        return tls_pair_load(pair, check->now_s, ret_problem);
    keep(pair, former);
    if (pair->settled && !former->is_bad && is_unchanged(pair))
        return 0;
    int error = read_both(pair, check->now_s, &new, ret_problem);
    if (error == -ENOMEM)
        return error;
    if (error || !may_follow(new, former->certificate, check->now_s, ret_problem)) {
        report_bad(pair, ret_problem, check->report);
    } else if (!is_same(former->certificate, new)) {
        tls_certificate_unref(pair->certificate);
        pair->certificate = tls_certificate_ref(new);
        pair->reported_age = TLS_AGE_FRESH;
        pair->kept = false;
        pair->renewed = true;
    }
    tls_certificate_unref(new);
    return 0;
}

void tls_pair_skip(struct tls_pair *pair, const struct problem *problem,
                   const struct tls_report *report)
{
    struct problem reported = *problem;
    report_bad(pair, &reported, report);
}

void tls_pair_report_renewed(struct tls_pair *pair, const struct tls_report *report)
{
    if (pair->renewed)
        report_good(pair, true, report);
    pair->renewed = false;
}

#endif
