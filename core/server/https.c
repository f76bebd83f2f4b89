/* https: see https.h. */
#include "server/https.h"

#ifdef SLUICE_HAVE_OPENSSL

#include "base/clock.h"
#include "http/authority.h"
#include "observe/log.h"
#include "tls/tls_shared.h"
#include "tls/tls_sources.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct https {
    struct tls_sources *sources;
    struct tls_shared *shared;
    enum tls_version least;
    bool self_signed;
    char fingerprint[TLS_FINGERPRINT_BYTES]; /* "": not self-signed */
    struct tls_source list[];                /* what SOURCES has */
};

static void report(void *context, const struct problem *problem)
{
    (void)context;
    log_warning(problem);
}

static const struct tls_report to_log = {.function = report};

static int64_t now_s(void)
{
    struct date_now now = {0};
    clock_read(&now);
    return now.seconds;
}

static struct https *allocate(const struct certificate_paths *paths)
{
    const unsigned count = paths->certificates.count;
    struct https *https = calloc(1, sizeof *https + count * sizeof https->list[0]);
    for (unsigned i = 0; https && i < count; i++) {
        const char *key = paths->keys.items[i];
        https->list[i] = (struct tls_source){paths->certificates.items[i], *key ? key : NULL};
    }
    return https;
}

/* Reads the certificates. A self-signed one is that of FORMER. *RET is *given*. */
static int read_certificates(struct https *https, const struct https *former,
                             struct tls_certificates **ret, struct problem *ret_problem)
{
    if (!https->self_signed || !former || !former->self_signed)
        return tls_sources_load(https->sources, now_s(), &to_log, ret, ret_problem);
    unsigned generation;
    *ret = tls_shared_acquire(former->shared, &generation);
    return 0;
}

/* Reads the certificates and makes what workers share. 0 or a negative errno. */
static int load(struct https *https, const struct https *former, struct problem *ret_problem)
{
    struct tls_certificates *certificates;
    int error = read_certificates(https, former, &certificates, ret_problem);
    if (error)
        return error;
    if (https->self_signed)
        tls_certificate_fingerprint(certificates->items[0], https->fingerprint);
    const struct tls_shared_config config = {
        .certificates = certificates,
        .least = https->least,
    };
    error = tls_shared_create(&https->shared, &config, ret_problem);
    if (error)
        tls_certificates_unref(certificates);
    return error;
}

int https_create(struct https **ret, const struct settings *settings, const struct https *former,
                 struct problem *ret_problem)
{
    const struct process_settings *process = &settings->process;
    if (!settings_have_https(settings)) {
        *ret = NULL;
        return 0;
    }
    struct https *https = allocate(&process->certificates);
    const struct tls_sources_config config = {
        .list = https ? https->list : NULL,
        .count = process->certificates.certificates.count,
        .self_signed = process->self_signed,
        .problems = settings->problems,
        .former = former ? former->sources : NULL,
    };
    if (!https || tls_sources_create(&https->sources, &config) < 0) {
        problem_set_no_memory(ret_problem);
        free(https);
        return -ENOMEM;
    }
    https->self_signed = process->self_signed;
    https->least = process->tls_minor_min == 3 ? TLS_VERSION_1_3 : TLS_VERSION_1_2;
    int error = load(https, former, ret_problem);
    if (error)
        https_destroy(https);
    else
        *ret = https;
    return error;
}

int https_create_empty(struct https **ret)
{
    struct https *https = calloc(1, sizeof *https);
    if (https)
        *ret = https;
    return https ? 0 : -ENOMEM;
}

/* Has what HTTPS has made for workers take effect in what FORMER shares with them. */
static void take_over(struct https *https, struct https *former)
{
    unsigned generation;
    struct tls_certificates *certificates =
        https->shared ? tls_shared_acquire(https->shared, &generation) : NULL;
    tls_shared_destroy(https->shared);
    https->shared = former->shared;
    former->shared = NULL;
    if (!certificates)
        return; /* nothing speaks TLS */
    tls_shared_set_least(https->shared, https->least);
    tls_shared_publish(https->shared, certificates);
}

void https_follow(struct https *https, struct https *former)
{
    if (!https)
        return;
    if (former)
        take_over(https, former);
    if (https->sources)
        tls_sources_report_renewed(https->sources, &to_log);
    if (https->self_signed && !(former && former->self_signed))
        log_say("self-signed certificate, SHA-256 %s", https->fingerprint);
}

/* Files that USER may not read. */
struct unreadable {
    const char *user;
    unsigned count;
};

static void report_unreadable(void *context, const struct problem *problem)
{
    struct unreadable *unreadable = context;
    struct problem named = *problem;
    if (unreadable->count++ >= HTTPS_UNREADABLE_MAX)
        return;
    problem_prefix(&named, "user '%s' cannot renew certificates: ", unreadable->user);
    log_warning(&named);
}

void https_try(const struct https *https, const char *user)
{
    struct unreadable unreadable = {.user = user};
    const struct tls_report report = {report_unreadable, &unreadable};
    if (!https || !https->sources)
        return;
    tls_sources_try(https->sources, &report);
    if (unreadable.count > HTTPS_UNREADABLE_MAX)
        log_write(LOG_LEVEL_WARNING, "user '%s' cannot read %u more files of certificates", user,
                  unreadable.count - HTTPS_UNREADABLE_MAX);
}

void https_destroy(struct https *https)
{
    if (!https)
        return;
    tls_shared_destroy(https->shared);
    tls_sources_destroy(https->sources);
    free(https);
}

struct tls_shared *https_shared(struct https *https)
{
    return https ? https->shared : NULL;
}

void https_revalidate(struct https *https)
{
    struct tls_certificates *certificates = NULL;
    if (!https)
        return;
    const int64_t now = now_s();
    if (https->sources)
        tls_sources_revalidate(https->sources, now, &to_log, &certificates);
    if (certificates)
        tls_shared_publish(https->shared, certificates);
    tls_shared_rotate(https->shared, now);
}

/* What a process hands to the next. */
struct exported_keys {
    uint32_t format;
    struct tls_ticket_keys keys;
};

enum { KEYS_FORMAT = 1 };

size_t https_export_keys(const struct https *https, uint8_t *to, size_t room)
{
    struct exported_keys exported;
    if (!https || room < sizeof exported)
        return 0;
    memset(&exported, 0, sizeof exported);
    exported.format = KEYS_FORMAT;
    tls_tickets_export(&https->shared->tickets, &exported.keys);
    memcpy(to, &exported, sizeof exported);
    explicit_bzero(&exported, sizeof exported);
    return sizeof exported;
}

void https_import_keys(struct https *https, const uint8_t *keys, size_t count)
{
    struct exported_keys exported;
    if (!https || count != sizeof exported)
        return;
    memcpy(&exported, keys, sizeof exported);
    if (exported.format == KEYS_FORMAT)
        tls_tickets_import(&https->shared->tickets, &exported.keys);
    explicit_bzero(&exported, sizeof exported);
}

/* Whether a certificate is for NAME of a site; that of a wildcard is for any label. */
static bool is_covered(const struct tls_certificates *certificates, const char *name)
{
    char host[AUTHORITY_HOST_BYTES_MAX + 1];
    const bool wildcard = name[0] == '*';
    snprintf(host, sizeof host, "%s%s", wildcard ? "x" : "", name + wildcard);
    for (unsigned i = 0; i < certificates->count; i++) {
        if (tls_certificate_match(certificates->items[i], str_of(host)) != TLS_MATCH_NONE)
            return true;
    }
    return false;
}

/* Reports that no certificate is for NAME of SITE, and for COUNT - 1 other names. */
static void report_uncovered(const struct site_settings *site, const char *name, unsigned count)
{
    struct problem problem;
    problem_set(&problem, "no certificate is for the host name '%s'", name);
    if (count > 1)
        problem_set(&problem, "no certificate is for the host name '%s' and %u more", name,
                    count - 1);
    problem_remedy(&problem, "add one, or browsers refuse the site over https");
    if (site->line > 0)
        problem_in_file(&problem, site->file, site->line, 0);
    log_warning(&problem);
}

void https_check_names(const struct https *https, const struct settings *settings)
{
    const struct site_settings *first = NULL;
    const char *first_name = NULL;
    unsigned count = 0, generation;
    if (!https || settings->process.self_signed)
        return;
    struct tls_certificates *certificates = tls_shared_acquire(https->shared, &generation);
    for (unsigned i = 0; i < settings->site_count; i++) {
        const struct site_settings *site = settings->sites[i];
        for (unsigned j = 0; j < site->hosts.count; j++) {
            const char *name = site->hosts.items[j];
            if (strcmp(name, "*") == 0 || is_covered(certificates, name))
                continue;
            if (count++ == 0) {
                first = site;
                first_name = name;
            }
        }
    }
    tls_certificates_unref(certificates);
    if (first)
        report_uncovered(first, first_name, count);
}

const char *https_fingerprint(const struct https *https)
{
    return https && https->self_signed ? https->fingerprint : NULL;
}

#else

size_t https_export_keys(const struct https *https, uint8_t *to, size_t room)
{
    (void)https, (void)to, (void)room;
    return 0;
}

void https_import_keys(struct https *https, const uint8_t *keys, size_t count)
{
    (void)https, (void)keys, (void)count;
}

void https_check_names(const struct https *https, const struct settings *settings)
{
    (void)https, (void)settings;
}

int https_create(struct https **ret, const struct settings *settings, const struct https *former,
                 struct problem *ret_problem)
{
    (void)settings, (void)ret_problem; /* which settings_complete_listener has refused */
    (void)former;
    *ret = NULL;
    return 0;
}

int https_create_empty(struct https **ret)
{
    *ret = NULL;
    return 0;
}

void https_follow(struct https *https, struct https *former)
{
    (void)https, (void)former;
}

void https_try(const struct https *https, const char *user)
{
    (void)https, (void)user;
}

void https_destroy(struct https *https)
{
    (void)https;
}

struct tls_shared *https_shared(struct https *https)
{
    (void)https;
    return NULL;
}

void https_revalidate(struct https *https)
{
    (void)https;
}

const char *https_fingerprint(const struct https *https)
{
    (void)https;
    return NULL;
}

#endif
