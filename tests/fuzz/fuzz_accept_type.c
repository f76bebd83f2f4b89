/* fuzz_accept_type: the value of an Accept field. */
#include "fuzz.h"
#include "http/accept_type.h"

/* The weight of TYPE in the list of A, SEPARATOR and B. */
static unsigned weigh_joined(struct str a, const char *separator, struct str b, struct str type)
{
    char *joined = malloc(a.length + strlen(separator) + b.length);
    FUZZ_CHECK(joined != NULL);
    char *end = str_put(str_put(str_put(joined, a), str_of(separator)), b);
    unsigned weight = accept_type_weight((struct str){joined, (size_t)(end - joined)}, type);
    free(joined);
    return weight;
}

static void check_type(struct str value, struct str type)
{
    unsigned weight = accept_type_weight(value, type);
    FUZZ_CHECK(weight <= QVALUE_MAX);
    if (str_find(value, '"') < value.length)
        return; /* may contain an unterminated quote */

    /* The order of elements has no meaning, so the first may come last. */
    size_t comma = str_find(value, ',');
    struct str first = str_first(value, comma), others = str_from(value, comma + 1);
    FUZZ_CHECK(weigh_joined(others, ",", first, type) == weight);
    /* A repeated list has the same result. */
    FUZZ_CHECK(weigh_joined(value, ",", value, type) == weight);
    /* A range that refuses everything else does not change the weight of listed types. */
    unsigned rest_refused = weigh_joined(value, ",", STR("*/*;q=0"), type);
    FUZZ_CHECK(rest_refused == weight || rest_refused == 0);
    /* The type itself takes precedence, unless there is a range with more parameters. */
    FUZZ_CHECK(weigh_joined(value, ",", STR("text/html;q=0"), STR("text/html")) == 0);
    FUZZ_CHECK(weigh_joined(value, ",", STR("nobody/asked"), STR("nobody/asked")) <= QVALUE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = fuzz_copy(fuzz_input(data, size));
    struct str value = {copy, size};
    check_type(value, STR("text/html"));
    check_type(value, STR("text/html; charset=utf-8"));
    check_type(value, STR("application/json"));
    accept_type_weight(STR("text/html;charset=utf-8;q=0.5, */*"), value);
    free(copy);
    return 0;
}
