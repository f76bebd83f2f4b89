/* redirects: see redirects.h. */
#include "http/redirects.h"

#include "base/num.h"
#include "http/authority.h"
#include "http/path.h"
#include "http/rules_value.h"

#include <errno.h>
#include <stdlib.h>

enum { TO_BYTES_MAX = 2048 };

struct rule {
    struct str from;     /* as it is written */
    struct str pattern;  /* prepared */
    struct str to;       /* prepared, without its fragment */
    struct str fragment; /* prepared, with its '#'; empty: none */
    enum http_status status;
    bool has_query; /* TO */
};

struct redirects {
    struct arena *arena;
    struct rule *items;
    unsigned count;
    unsigned room;
};

struct redirects *redirects_create(struct arena *arena)
{
    struct redirects *redirects = calloc(1, sizeof *redirects);
    if (redirects)
        redirects->arena = arena;
    return redirects;
}

void redirects_destroy(struct redirects *redirects)
{
    if (!redirects)
        return;
    free(redirects->items);
    free(redirects);
}

/* --- Rules ------------------------------------------------------------------------------------ */

static int refuse(struct problem *ret_problem, const char *what, const char *remedy)
{
    problem_set(ret_problem, "%s", what);
    problem_remedy(ret_problem, "%s", remedy);
    return -EINVAL;
}

static bool read_status(struct str text, enum http_status *ret)
{
    static const enum http_status statuses[] = {HTTP_MOVED_PERMANENTLY, HTTP_FOUND, HTTP_SEE_OTHER,
                                                HTTP_TEMPORARY_REDIRECT, HTTP_PERMANENT_REDIRECT};
    uint64_t number;
    *ret = HTTP_MOVED_PERMANENTLY;
    if (text.length == 0)
        return true;
    for (size_t i = 0; num_parse_u64(text, &number) && i < COUNT_OF(statuses); i++) {
        *ret = statuses[i];
        if (number == (uint64_t)statuses[i])
            return true;
    }
    return false;
}

/* Checks TO as it is written. 0 or -EINVAL. */
static int check_target(struct str to, struct problem *ret_problem)
{
    struct str rest = to, authority;
    for (size_t i = 0; i < to.length; i++) {
        const unsigned char byte = (unsigned char)to.at[i];
        if (byte <= ' ' || byte >= 0x7f || byte == '"' || byte == '\\')
            return refuse(ret_problem, "its target has a byte that a URL can't have",
                          "percent-encode it");
    }
    if (to.length > TO_BYTES_MAX)
        return refuse(ret_problem, "its target is longer than 2048 bytes", "shorten it");
    if (str_starts_with(to, STR("/")) && !str_starts_with(to, STR("//")))
        return 0;
    if (authority_cut(&rest, &authority) &&
        (rest.length == 0 || rest.at[0] == '/' || rest.at[0] == '?'))
        return 0;
    return refuse(ret_problem, "its target is neither a path nor a URL with a fixed host",
                  "write /path, or https://example.org/path");
}

/* Refuses NAME, which TO has and FROM does not. Returns -EINVAL. */
static int refuse_name(struct str name, struct problem *ret_problem)
{
    const int length = (int)size_min(name.length, 80);
    if (str_equal(name, STR(":splat"))) {
        problem_set(ret_problem, "its target has :splat, and its path has no *");
        problem_remedy(ret_problem, "write the path as /old/*, or omit :splat");
    } else {
        problem_set(ret_problem, "its target has %.*s, and its path does not", length, name.at);
        problem_remedy(ret_problem, "use a name that the path has; for a colon itself write %%3A");
    }
    return -EINVAL;
}

/* Makes room for one more rule. */
static bool grow(struct redirects *redirects)
{
    if (redirects->count < redirects->room)
        return true;
    const unsigned room = redirects->room ? 2 * redirects->room : 4;
    struct rule *items = realloc(redirects->items, room * sizeof *items);
    if (!items)
        return false;
    redirects->items = items;
    redirects->room = room;
    return true;
}

/* Adds RULE, whose text is copied. 0 or -ENOMEM. */
static int add(struct redirects *redirects, struct rule rule, struct problem *ret_problem)
{
    struct str *const texts[] = {&rule.from, &rule.pattern, &rule.to, &rule.fragment};
    bool done = grow(redirects);
    for (size_t i = 0; done && i < COUNT_OF(texts); i++) {
        *texts[i] = arena_copy(redirects->arena, *texts[i]);
        done = texts[i]->at;
    }
    if (!done) {
        problem_set_no_memory(ret_problem);
        return -ENOMEM;
    }
    redirects->items[redirects->count++] = rule;
    return 0;
}

int redirects_add(struct redirects *redirects, struct str text, struct problem *ret_problem)
{
    static const char form[] =
        "write FROM TO and perhaps a status, such as '/old/* /new/:splat 301'";
    char pattern[PATTERN_PREPARED_BYTES_MAX], to[TO_BYTES_MAX], end[TO_BYTES_MAX];
    struct str rest = text;
    struct rule rule = {.from = str_take_word(&rest)};
    struct str target = str_take_word(&rest), status = str_take_word(&rest);
    size_t length;
    bool filled;
    if (target.length == 0 || str_trim(rest).length > 0)
        return refuse(ret_problem, "it does not have two or three words", form);
    if (!pattern_prepare(rule.from, pattern, &length, ret_problem))
        return -EINVAL;
    if (!read_status(status, &rule.status))
        return refuse(ret_problem, "its status does not redirect", "use 301, 302, 303, 307 or 308");
    int error = check_target(target, ret_problem);
    if (error)
        return error;
    const struct rules_names names = {.host = STR_ABSENT, .path = rule.from};
    const struct str unknown = rules_value_unknown(target, &names);
    if (unknown.at)
        return refuse_name(unknown, ret_problem);
    const struct str fragment = str_from(target, str_find(target, '#'));
    rule.pattern = (struct str){pattern, length};
    rule.fragment = (struct str){end, rules_value_prepare(fragment, &names, end, &filled)};
    target.length -= fragment.length;
    rule.has_query = str_find(target, '?') < target.length;
    rule.to = (struct str){to, rules_value_prepare(target, &names, to, &filled)};
    return add(redirects, rule, ret_problem);
}

/* --- Requests --------------------------------------------------------------------------------- */

/* Writes the location that RULE gives for CAPTURES. Absent: it is too long. */
static struct str write_location(const struct rule *rule, const struct rules_captures *captures,
                                 struct str query, struct rules_values *values)
{
    values->used = 0;
    struct str value = rules_value_fill(rule->to, captures, values);
    const size_t query_bytes = query.at ? 1 + path_query_bytes(query) : 0;
    if (!value.at || query_bytes > sizeof values->bytes - values->used)
        return STR_ABSENT;
    char *end = values->bytes + values->used;
    if (query.at) {
        *end++ = rule->has_query ? '&' : '?';
        end = path_put_query(end, query);
    }
    values->used = (size_t)(end - values->bytes);
    if (rule->fragment.length > 0 && !rules_value_fill(rule->fragment, captures, values).at)
        return STR_ABSENT;
    end = values->bytes + values->used;
    /* An empty capture, or one that begins with a slash, must not make the path "//host". */
    while (end - value.at > 1 && value.at[0] == '/' && value.at[1] == '/')
        value.at++;
    return (struct str){value.at, (size_t)(end - value.at)};
}

bool redirects_find(const struct redirects *redirects, struct str path, struct str query,
                    struct rules_values *values, struct redirect *ret)
{
    struct rules_captures captures;
    for (unsigned i = 0; i < redirects->count; i++) {
        const struct rule *rule = &redirects->items[i];
        if (!pattern_matches(rule->pattern, path, PATTERN_PATH, captures.path))
            continue;
        ret->status = rule->status;
        ret->index = i;
        ret->location = write_location(rule, &captures, query, values);
        return true;
    }
    return false;
}

/* --- Circles ---------------------------------------------------------------------------------- */

static bool is_https(struct str url)
{
    const struct str scheme = STR("https:");
    return str_equal_nocase(str_first(url, scheme.length), scheme);
}

/* Decodes the path of LOCATION, to TO, which has room for PATH_ROOTED_BYTES_MAX bytes. Sets
 * *REDIRECTS, those that led there, to those that it meets in MAP, which may be none. Returns the
 * path; absent: it is malformed. */
static struct str follow(struct str location, const struct redirects_map *map,
                         const struct redirects **redirects, char *to)
{
    struct path path;
    struct str rest = str_first(location, str_find(location, '#')), authority;
    if (authority_cut(&rest, &authority))
        *redirects = map->find(map->context, authority, is_https(location));
    rest = str_first(rest, str_find(rest, '?'));
    if (path_decode(rest.length > 0 ? rest : STR("/"), &path) == PATH_MALFORMED)
        return STR_ABSENT;
    return (struct str){to, (size_t)(path_put_rooted(&path, to) - to)};
}

/* Writes a path that PATTERN, valid and as it is written, matches: each wildcard is a letter. */
static struct str make_sample(struct str pattern, char to[static PATTERN_BYTES_MAX])
{
    char *end = to;
    while (pattern.length > 0) {
        const bool begins = end > to && end[-1] == '/';
        size_t bytes = begins ? pattern_placeholder_bytes(pattern) : 0;
        *end++ = bytes > 0 || pattern.at[0] == '*' ? 'x' : pattern.at[0];
        pattern = str_from(pattern, bytes > 0 ? bytes : 1);
    }
    return (struct str){to, (size_t)(end - to)};
}

/* Whether the redirects from PATH, decoded, do not end; sets the next rule of CIRCLE. */
static bool is_endless(const struct redirects *redirects, const struct redirects_map *map,
                       struct str path, struct redirects_circle *circle)
{
    struct rules_values values;
    char next[PATH_ROOTED_BYTES_MAX];
    struct redirect redirect;
    for (unsigned hops = 0; hops < REDIRECTS_HOPS_MAX; hops++) {
        if (!redirects_find(redirects, path, STR_ABSENT, &values, &redirect))
            return false;
        if (hops < 2) {
            circle->next = redirects;
            circle->next_index = redirect.index;
        }
        if (!redirect.location.at)
            return true; /* it has grown */
        path = follow(redirect.location, map, &redirects, next);
        if (!redirects || !path.at)
            return false;
    }
    return true;
}

bool redirects_find_circle(const struct redirects *redirects, unsigned first,
                           const struct redirects_map *map, struct redirects_circle *ret)
{
    char sample[PATTERN_BYTES_MAX], decoded[PATH_ROOTED_BYTES_MAX];
    for (unsigned i = first; i < redirects->count; i++) {
        const struct rule *rule = &redirects->items[i];
        const struct redirects *own = redirects;
        struct redirects_circle circle = {
            .index = i, .from = rule->from, .to_https = is_https(rule->to)};
        struct str path = follow(make_sample(rule->from, sample), map, &own, decoded);
        if (!path.at || !is_endless(redirects, map, path, &circle))
            continue;
        *ret = circle;
        return true;
    }
    return false;
}
