/* tls_sources: see tls_sources.h. */
#include "tls/tls_sources.h"

#ifdef SLUICE_HAVE_OPENSSL

#include "base/problem_list.h"
#include "tls/tls_directory.h"
#include "tls/tls_self_signed.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tls_sources {
    struct tls_sources_config config;
    struct tls_pair **pairs; /* in order of sources, then of names */
    unsigned count, room;
    bool *is_bad;                    /* for each source: its directory was reported */
    struct tls_certificate **in_use; /* those of the pairs, without gaps; room for ROOM */
    unsigned in_use_count;
    int64_t published_s; /* when the last generation was made */
    bool is_stale;       /* the last generation could not be made */
};

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

/* --- The list of pairs ------------------------------------------------------------------------ */

/* The order of PAIR and PLACE. */
static int compare(const struct tls_pair *pair, const struct tls_pair_place *place)
{
    if (pair->source != place->source)
        return pair->source < place->source ? -1 : 1;
    return strcmp(pair->name, place->name);
}

static bool make_room(struct tls_sources *sources)
{
    if (sources->count < sources->room)
        return true;
    unsigned room = sources->room ? 2 * sources->room : 4;
    struct tls_pair **pairs = realloc(sources->pairs, room * sizeof(struct tls_pair *));
    if (!pairs)
        return false;
    sources->pairs = pairs;
    struct tls_certificate **in_use =
        realloc(sources->in_use, room * sizeof(struct tls_certificate *));
    if (!in_use)
        return false;
    sources->in_use = in_use;
    sources->room = room;
    return true;
}

/* Marks the pair at PLACE as listed; adds it if it is new. 0 or -ENOMEM. */
static int list_pair(struct tls_sources *sources, const struct tls_pair_place *place)
{
    unsigned at = 0;
    while (at < sources->count && compare(sources->pairs[at], place) < 0)
        at++;
    if (at < sources->count && compare(sources->pairs[at], place) == 0) {
        sources->pairs[at]->listed = true;
        return 0;
    }
    struct tls_pair *pair = make_room(sources) ? tls_pair_create(place) : NULL;
    if (!pair)
        return -ENOMEM;
    pair->listed = true;
    memmove(sources->pairs + at + 1, sources->pairs + at,
            (sources->count - at) * sizeof(struct tls_pair *));
    sources->pairs[at] = pair;
    sources->count++;
    return 0;
}

/* Lists the pairs of the directory of source NUMBER. 0 or a negative errno. */
static int list_directory(struct tls_sources *sources, unsigned number, struct problem *ret_problem)
{
    struct arena arena = {.left = 0};
    struct arena_list names = {.count = 0};
    const char *path = sources->config.list[number].cert;
    int error = tls_directory_list(path, &arena, &names, ret_problem);
    for (unsigned i = 0; i < names.count && !error; i++) {
        struct tls_pair_place place = {
            .source = number,
            .name = names.items[i],
            .cert_path = tls_directory_path(path, names.items[i], TLS_DIRECTORY_CERT, &arena),
            .key_path = tls_directory_path(path, names.items[i], TLS_DIRECTORY_KEY, &arena),
        };
        error = place.cert_path && place.key_path ? list_pair(sources, &place) : -ENOMEM;
        if (error)
            problem_set_no_memory(ret_problem);
    }
    arena_fini(&arena);
    return error;
}

static bool are_equal(const struct tls_source *a, const struct tls_source *b)
{
    const char *a_key = a->key ? a->key : "", *b_key = b->key ? b->key : "";
    return strcmp(a->cert, b->cert) == 0 && strcmp(a_key, b_key) == 0;
}

/* Whether a source before that of NUMBER is the same: many sites may have one certificate. */
static bool is_listed_before(const struct tls_sources *sources, unsigned number)
{
    const struct tls_source *list = sources->config.list;
    for (unsigned i = 0; i < number; i++) {
        if (are_equal(&list[i], &list[number]))
            return true;
    }
    return false;
}

static int list_source(struct tls_sources *sources, unsigned number, struct problem *ret_problem)
{
    const struct tls_source *source = &sources->config.list[number];
    bool is_directory = tls_directory_is_at(source->cert) > 0;
    if (is_listed_before(sources, number))
        return 0;
    if (is_directory && source->key) {
        problem_set(ret_problem, "a directory, which has its keys in it");
        problem_remedy(ret_problem, "omit --key %s", source->key);
        problem_in_file(ret_problem, source->cert, 0, 0);
        return -EINVAL;
    }
    if (is_directory)
        return list_directory(sources, number, ret_problem);
    struct tls_pair_place place = {number, "", source->cert, source->key};
    int error = list_pair(sources, &place);
    if (error)
        problem_set_no_memory(ret_problem);
    return error;
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

/* Lists the pairs that the former sources had of the directory of source NUMBER. False: none, or
 * out of memory. */
static bool list_former(struct tls_sources *sources, unsigned number)
{
    const struct tls_sources *former = sources->config.former;
    const struct tls_source *source = &sources->config.list[number];
    bool found = false;
    for (unsigned i = 0; former && i < former->count; i++) {
        const struct tls_pair *pair = former->pairs[i];
        const struct tls_pair_place place = {number, pair->name, pair->cert_path, pair->key_path};
        if (pair->name[0] == '\0' || !are_equal(&former->config.list[pair->source], source))
            continue;
        if (list_pair(sources, &place) < 0)
            return false;
        found = true;
    }
    return found;
}

/* Lists the pairs of source NUMBER. A directory that may not be read any more has those that it
 * had. */
static int load_source(struct tls_sources *sources, unsigned number,
                       const struct tls_report *report, struct problem *ret_problem)
{
    int error = list_source(sources, number, ret_problem);
    if (error != -EACCES || !list_former(sources, number))
        return error;
    report->function(report->context, ret_problem);
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

/* Lists and reads all pairs. 0 or a negative errno. */
static int load_pairs(struct tls_sources *sources, int64_t now_s, const struct tls_report *report,
                      struct problem *ret_problem)
{
    struct problem_list *problems = sources->config.problems;
    const struct tls_check check = {.now_s = now_s, .report = report};
    unsigned next = 0;
    int error = 0;
    for (unsigned i = 0; i < sources->config.count && !error; i++)
        error =
            problem_list_keep(problems, load_source(sources, i, report, ret_problem), ret_problem);
    for (unsigned i = 0; i < sources->count && !error; i++) {
        struct tls_pair *pair = sources->pairs[i];
        const struct tls_pair *former = find_former(sources->config.former, pair, &next);
        error = former ? tls_pair_follow(pair, former, &check, ret_problem)
                       : tls_pair_load(pair, now_s, ret_problem);
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
        return -EINVAL; /* the last of PROBLEMS */
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

/* Keeps the pairs of source NUMBER as if it had been read. */
static void keep_listed(struct tls_sources *sources, unsigned number)
{
    for (unsigned i = 0; i < sources->count; i++) {
        if (sources->pairs[i]->source == number)
            sources->pairs[i]->listed = true;
    }
}

/* Lists the pairs anew. A directory that is missing or cannot be read keeps its pairs. */
static void list_anew(struct tls_sources *sources, const struct tls_report *report)
{
    for (unsigned i = 0; i < sources->count; i++)
        sources->pairs[i]->listed = false;
    for (unsigned i = 0; i < sources->config.count; i++) {
        struct problem problem;
        bool is_directory = tls_directory_is_at(sources->config.list[i].cert) > 0;
        bool is_bad = is_directory && list_source(sources, i, &problem) < 0;
        if (is_bad && !sources->is_bad[i])
            report->function(report->context, &problem);
        if (is_bad || !is_directory)
            keep_listed(sources, i);
        sources->is_bad[i] = is_bad;
    }
}

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
    list_anew(sources, report);
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

void tls_sources_report_renewed(struct tls_sources *sources, const struct tls_report *report)
{
    for (unsigned i = 0; i < sources->count; i++)
        tls_pair_report_renewed(sources->pairs[i], report);
}

#endif
