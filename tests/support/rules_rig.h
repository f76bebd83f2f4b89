/* rules_rig: what the tests of header rules share: adding what must be right, and asking for the lines. */
#ifndef SLUICE_TESTS_RULES_RIG_H
#define SLUICE_TESTS_RULES_RIG_H

#include "http/rules.h"
#include "support/guard.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

static inline void rig_add(struct rules *rules, const char *text)
{
    const char *reason = "";
    struct str input = guard_copy(str_of(text));
    int result = rules_add(rules, input, &reason);
    guard_drop(input); /* copied, so it may go */
    cr_assert_eq(result, 0, "%s: %s", text, reason);
}

static inline void rig_expect_query(const char *label, const struct rules_query *query,
                                    const char *expected)
{
    char lines[RULES_ANSWER_BYTES_MAX];
    size_t length = rules_write(query, lines, sizeof lines);
    cr_assert_leq(length, sizeof lines, "%s", label);
    cr_expect(str_equal((struct str){lines, length}, str_of(expected)), "%s: %.*s", label,
              (int)length, lines);
}

/* The lines that RULES give for PATH. */
static inline void rig_expect(const char *label, const struct rules *rules, const char *path,
                              enum rules_audience audience, const char *expected)
{
    struct str copy = guard_copy(str_of(path));
    struct rules_query query = {&rules, 1, copy, audience};
    rig_expect_query(label, &query, expected);
    guard_drop(copy);
}

#endif
