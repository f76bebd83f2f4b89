/* rows: tables of cases from the RFCs, counted for the table that ends a run of the tests.
 *
 * A test says how many rows it has, then names each before it tries it, and expects things of it with
 * row_expect. Whatever else fails, or ends the test, a row that did not pass is missing in the count:
 * run-tests adds up what the tests say (each is a process of its own) and shows, for each group, how
 * many rows passed of how many. For Criterion only; one table at a time. */
#ifndef SLUICE_TESTS_ROWS_H
#define SLUICE_TESTS_ROWS_H

#include "base/base.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

static struct {
    const char *group;
    const char *section, *label; /* of the row that is being tried */
    unsigned passed;
    bool good; /* that row, as far as it has come */
} rows_now;

/* Adds to what run-tests knows of the group. One write a line: tests run side by side. */
static inline void rows_say(unsigned passed, size_t all)
{
    dprintf(STDOUT_FILENO, "rows %s: %u of %zu\n", rows_now.group, passed, all);
}

/* COUNT rows of GROUP follow: "parser", "framing", "conditionals", "ranges", "negotiation", "URI",
 * "dates". */
static inline void rows_begin(const char *group, size_t count)
{
    rows_now.group = group;
    rows_now.passed = 0;
    rows_now.good = false;
    rows_say(0, count);
}

/* The next row: SECTION of the RFC it comes from, and LABEL. */
static inline void rows_next(const char *section, const char *label)
{
    rows_now.passed += rows_now.good;
    rows_now.section = section;
    rows_now.label = label;
    rows_now.good = true;
}

/* All rows have been tried. */
static inline void rows_end(void)
{
    rows_say(rows_now.passed + rows_now.good, 0);
}

static inline bool rows_note(bool good)
{
    rows_now.good = rows_now.good && good;
    return good;
}

/* Expects CONDITION of the row; what is said if it doesn't hold begins with section and label. */
#define row_expect(condition, format, ...)                                                       \
    cr_expect(rows_note(condition), "section %s, %s: " format, rows_now.section, rows_now.label, \
              ##__VA_ARGS__)

#endif
