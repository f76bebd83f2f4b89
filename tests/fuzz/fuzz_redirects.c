/* fuzz_redirects: first line: a path and perhaps a query; then a rule a line. A location never
 * leads to a host that no rule names, and has only bytes that a field may have. */
#include "fuzz.h"
#include "http/authority.h"
#include "http/path.h"
#include "http/redirects.h"

/* Takes the first line off *INPUT. */
static struct str take_line(struct str *input)
{
    const size_t end = str_find(*input, '\n');
    struct str line = str_first(*input, end);
    *input = str_from(*input, end + 1);
    return line;
}

/* Whether LOCATION has the host of a target in RULES. */
static bool is_named(struct str location, struct str rules)
{
    struct str authority, rest = location;
    FUZZ_CHECK(authority_cut(&rest, &authority));
    for (size_t i = 0; i + authority.length <= rules.length; i++) {
        if (str_equal(str_first(str_from(rules, i), authority.length), authority))
            return true;
    }
    return false;
}

static void check_location(struct str location, struct str rules)
{
    for (size_t i = 0; i < location.length; i++)
        FUZZ_CHECK(location.at[i] > ' ' && location.at[i] < 0x7f);
    if (str_starts_with(location, STR("/")))
        FUZZ_CHECK(!str_starts_with(location, STR("//")));
    else
        FUZZ_CHECK(is_named(location, rules));
}

static const struct redirects *find_own(const void *context, struct str authority, bool secure)
{
    (void)secure;
    return str_equal(authority, STR("example.org")) ? context : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {.left = 0};
    struct redirects *redirects = redirects_create(&arena);
    struct problem problem;
    struct path path;
    char rooted[PATH_ROOTED_BYTES_MAX];
    FUZZ_CHECK(redirects != NULL);
    char *copy = fuzz_copy(fuzz_input(data, size));
    struct str input = {copy, size}, target = take_line(&input), rules = input, query = STR_ABSENT;
    while (input.length > 0) {
        if (redirects_add(redirects, take_line(&input), &problem) < 0)
            FUZZ_CHECK(problem.what[0] && problem.remedy[0]);
    }
    const size_t mark = str_find(target, '?');
    if (mark < target.length)
        query = str_from(target, mark + 1);
    for (size_t i = 0; i < query.length; i++) {
        if (query.at[i] <= ' ' || query.at[i] == 0x7f)
            query.length = i; /* the parser of requests refuses it */
    }
    struct redirect redirect;
    static struct rules_values values;
    if (path_decode(str_first(target, mark), &path) != PATH_MALFORMED) {
        struct str text = {rooted, (size_t)(path_put_rooted(&path, rooted) - rooted)};
        if (redirects_find(redirects, text, query, &values, &redirect) && redirect.location.at)
            check_location(redirect.location, rules);
    }
    const struct redirects_map map = {find_own, redirects};
    struct redirects_circle circle;
    if (redirects_find_circle(redirects, 0, &map, &circle))
        FUZZ_CHECK(circle.next == redirects);
    redirects_destroy(redirects);
    arena_fini(&arena);
    free(copy);
    return 0;
}
