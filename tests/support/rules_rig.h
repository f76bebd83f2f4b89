/* rules_rig: helpers for the tests of header rules: add a valid rule, check the fields that rules
 * give. */
#ifndef SLUICE_TESTS_RULES_RIG_H
#define SLUICE_TESTS_RULES_RIG_H

#include "http/rules.h"
#include "support/guard.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

static inline void rig_add(struct rules *rules, const char *text)
{
    struct problem problem = {.line = 0};
    struct str input = guard_copy(str_of(text));
    int result = rules_add(rules, input, &problem);
    guard_drop(input); /* copied, so it may go */
    cr_assert_eq(result, 0, "%s: %s", text, problem.what);
}

/* Writes the fields that the rules give for QUERY to TO, as lines "Name: value\r\n". Returns their
 * bytes. */
static inline size_t rig_lines(const struct rules_query *query,
                               char to[static RULES_ANSWER_BYTES_MAX])
{
    struct fields fields;
    size_t bytes = 0;
    fields_init(&fields);
    struct rules_values values;
    memset(&values, 0xff, sizeof values); /* what was there before is of no use */
    rules_apply(query, &fields, &values);
    for (unsigned i = 0; i < fields.count; i++) {
        cr_assert_leq(bytes + field_line_bytes(&fields.items[i]), RULES_ANSWER_BYTES_MAX);
        bytes = (size_t)(field_write_line(to + bytes, &fields.items[i]) - to);
    }
    return bytes;
}

static inline void rig_expect_query(const char *label, const struct rules_query *query,
                                    const char *expected)
{
    char lines[RULES_ANSWER_BYTES_MAX];
    size_t length = rig_lines(query, lines);
    cr_expect(str_equal((struct str){lines, length}, str_of(expected)), "%s: %.*s", label,
              (int)length, lines);
}

/* The lines that RULES give a file at TARGET: a path, or "//host/path". */
static inline void rig_expect_at(const char *label, const struct rules *rules, const char *target,
                                 const char *expected)
{
    struct str path = str_of(target), host = STR_ABSENT;
    if (str_starts_with(path, STR("//"))) {
        host = str_first(str_from(path, 2), str_find(str_from(path, 2), '/'));
        path = str_from(path, 2 + host.length);
    }
    struct rules_query query = {&rules, 1, path, RULES_FILE, host};
    rig_expect_query(label, &query, expected);
}

/* The lines that RULES give for PATH. */
static inline void rig_expect(const char *label, const struct rules *rules, const char *path,
                              enum rules_response_kind kind, const char *expected)
{
    struct str copy = guard_copy(str_of(path));
    struct rules_query query = {&rules, 1, copy, kind, STR_ABSENT};
    rig_expect_query(label, &query, expected);
    guard_drop(copy);
}

#endif
