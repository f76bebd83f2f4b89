/* tls_sources_list: which pairs the sources have, in the order of sources and then of names. See
 * tls_sources.h. */
#include "tls/tls_sources_parts.h"

#ifdef SLUICE_HAVE_OPENSSL

#include "tls/tls_directory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

bool tls_sources_had(const struct tls_sources *sources, unsigned number)
{
    const struct tls_sources *former = sources->config.former;
    for (unsigned i = 0; former && i < former->config.count; i++) {
        if (are_equal(&former->config.list[i], &sources->config.list[number]))
            return true;
    }
    return false;
}

/* Whether source NUMBER was a directory for the former sources. */
static bool was_directory(const struct tls_sources *sources, unsigned number)
{
    const struct tls_sources *former = sources->config.former;
    const struct tls_source *source = &sources->config.list[number];
    for (unsigned i = 0; former && i < former->count; i++) {
        const struct tls_pair *pair = former->pairs[i];
        if (are_equal(&former->config.list[pair->source], source) &&
            strcmp(pair->cert_path, source->cert) != 0)
            return true;
    }
    return false;
}

static int list_source(struct tls_sources *sources, unsigned number, struct problem *ret_problem)
{
    const struct tls_source *source = &sources->config.list[number];
    const int found = tls_directory_is_at(source->cert);
    const bool is_directory = found > 0 || (found < 0 && was_directory(sources, number));
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
        if (!are_equal(&former->config.list[pair->source], source))
            continue;
        if (list_pair(sources, &place) < 0)
            return false;
        found = true;
    }
    return found;
}

int tls_sources_list(struct tls_sources *sources, unsigned number, const struct tls_report *report,
                     struct problem *ret_problem)
{
    int error = list_source(sources, number, ret_problem);
    if (!error || error == -ENOMEM || !list_former(sources, number))
        return error;
    report->function(report->context, ret_problem);
    return 0;
}

/* Keeps the pairs of source NUMBER as if it had been read. */
static void keep_listed(struct tls_sources *sources, unsigned number)
{
    for (unsigned i = 0; i < sources->count; i++) {
        if (sources->pairs[i]->source == number)
            sources->pairs[i]->listed = true;
    }
}

void tls_sources_list_anew(struct tls_sources *sources, const struct tls_report *report)
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

#endif
