/* rows: tables of cases from the RFCs, counted for the summary at the end of a test run.
 *
 * A test announces its number of rows, names each row before it tries it, and checks it with
 * row_expect. If anything else fails or ends the test, the row counts as failed: run-tests adds up
 * the counts that the tests print (each test is a process of its own) and shows for each group how
 * many rows passed. For Criterion only; one table at a time. */
#ifndef SLUICE_TESTS_ROWS_H
#define SLUICE_TESTS_ROWS_H

#include "base/base.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

static struct {
    const char *group;
    const char *section, *label; /* of the current row */
    unsigned passed;
    bool good; /* whether the current row has passed so far */
} rows_now;

/* Reports PASSED of ALL rows to run-tests. One write per line, because tests run side by side. */
static inline void rows_say(unsigned passed, size_t all)
{
    dprintf(STDOUT_FILENO, "rows %s: %u of %zu\n", rows_now.group, passed, all);
}

/* Begins a table of COUNT rows of GROUP: "parser", "framing", "conditionals", "ranges",
 * "negotiation", "URI", "dates". */
static inline void rows_begin(const char *group, size_t count)
{
    rows_now.group = group;
    rows_now.passed = 0;
    rows_now.good = false;
    rows_say(0, count);
}

/* Begins the next row, from SECTION of its RFC, called LABEL. */
static inline void rows_next(const char *section, const char *label)
{
    rows_now.passed += rows_now.good;
    rows_now.section = section;
    rows_now.label = label;
    rows_now.good = true;
}

/* Ends the table. */
static inline void rows_end(void)
{
    rows_say(rows_now.passed + rows_now.good, 0);
}

static inline bool rows_note(bool good)
{
    rows_now.good = rows_now.good && good;
    return good;
}

/* Expects CONDITION of the current row. The message begins with the section and the label. */
#define row_expect(condition, format, ...)                                                       \
    cr_expect(rows_note(condition), "section %s, %s: " format, rows_now.section, rows_now.label, \
              ##__VA_ARGS__)

#endif
