/* tls_pair_report: what is reported of the certificate of a pair: its age, and what is odd about
 * it. See tls_pair.h. */
#include "tls/tls_pair_parts.h"

#ifdef SLUICE_HAVE_OPENSSL

#include <inttypes.h>

enum { DAY_SECONDS = 86400 };

const char *tls_pair_date(int64_t seconds, char to[static TLS_PAIR_DATE_BYTES])
{
    date_write_rfc3339(to, seconds);
    to[DATE_RFC3339_BYTES] = '\0';
    return to;
}

void tls_pair_set_invalid(struct problem *problem, const struct tls_certificate *certificate,
                          int64_t now_s)
{
    char date[TLS_PAIR_DATE_BYTES];
    if (now_s < certificate->not_before_s)
        problem_set(problem, "not valid before %s", tls_pair_date(certificate->not_before_s, date));
    else
        problem_set(problem, "expired at %s", tls_pair_date(certificate->not_after_s, date));
}

static enum tls_age age_of(const struct tls_certificate *certificate, int64_t now_s)
{
    if (now_s < certificate->not_before_s)
        return TLS_AGE_EARLY;
    if (now_s > certificate->not_after_s)
        return TLS_AGE_EXPIRED;
    bool soon = certificate->not_after_s - now_s < TLS_EXPIRY_WARNING_DAYS * DAY_SECONDS;
    return soon ? TLS_AGE_SOON : TLS_AGE_FRESH;
}

/* Whether certificates that are valid at TIME_S cover the names of CERTIFICATE. */
static bool is_covered_at(const struct tls_certificate *certificate, int64_t time_s,
                          const struct tls_check *check)
{
    return !tls_names_are_empty(&certificate->names) &&
           tls_certificates_cover(check->in_use, check->in_use_count, &certificate->names, time_s);
}

static void report_age(const struct tls_pair *pair, enum tls_age age, const struct tls_check *check)
{
    static const char *const remedies[] = {
        [TLS_AGE_FRESH] = "",
        [TLS_AGE_EARLY] = "clients refuse it until then",
        [TLS_AGE_SOON] = "renew it",
        [TLS_AGE_EXPIRED] = "renew it: clients refuse it",
    };
    char date[TLS_PAIR_DATE_BYTES];
    struct problem problem;
    int64_t last_s = pair->certificate->not_after_s;
    int64_t days = (last_s - check->now_s) / DAY_SECONDS + 1;
    if (age == TLS_AGE_SOON)
        problem_set(&problem, "expires at %s, in less than %" PRId64 " days",
                    tls_pair_date(last_s, date), days);
    else
        tls_pair_set_invalid(&problem, pair->certificate, check->now_s);
    problem_remedy(&problem, "%s", remedies[age]);
    problem_in_file(&problem, pair->cert_path, 0, 0);
    check->report->function(check->report->context, &problem);
}

void tls_pair_report_age(struct tls_pair *pair, const struct tls_check *check)
{
    if (!pair->certificate)
        return;
    enum tls_age age = age_of(pair->certificate, check->now_s);
    int64_t horizon_s = age == TLS_AGE_SOON ? TLS_EXPIRY_WARNING_DAYS * DAY_SECONDS : 0;
    if (age == pair->reported_age)
        return;
    pair->reported_age = age;
    if (age != TLS_AGE_FRESH && !is_covered_at(pair->certificate, check->now_s + horizon_s, check))
        report_age(pair, age, check);
}

void tls_pair_report_oddities(const struct tls_pair *pair, const struct tls_report *report)
{
    struct problem problem;
    const struct tls_certificate *certificate = pair->certificate;
    if (certificate->lacks_issuer) {
        problem_set(&problem, "the certificate of its issuer is missing");
        problem_remedy(&problem, "clients may refuse it: give the whole chain, as in "
                                 "fullchain.pem");
    } else if (tls_names_are_empty(&certificate->names)) {
        problem_set(&problem, "the certificate is not for any host name or address");
        problem_remedy(&problem, "clients refuse it: get one with subjectAltName");
    } else if (!certificate->was_in_order) {
        problem_set(&problem,
                    "the certificates were not in order; sent are the server's and "
                    "%u of its issuers",
                    certificate->issuer_count);
    } else {
        return;
    }
    problem_in_file(&problem, pair->cert_path, 0, 0);
    report->function(report->context, &problem);
}

#endif
