/* plan_rig: plans for requests, and what they are expected to have. Criterion only. */
#ifndef SLUICE_TESTS_PLAN_RIG_H
#define SLUICE_TESTS_PLAN_RIG_H

#include "http/plan.h"

#include <criterion/criterion.h>

static const struct plan_policy policy;
static const struct date_now now = {.ms = 1, .seconds = 1750000000};

/* The plan for REQUEST if RESOURCE was found. */
static inline void make(struct plan *ret, const struct request *request, struct resource *resource)
{
    struct found found = {.resource = resource};
    plan_make(ret, request, &found, &policy, &now);
}

/* The whole value of the plan's field NAME, as a view that is valid until the next call. Absent if
 * the plan does not have it; fails the test if it has it twice. */
static inline struct str field_of(const struct plan *plan, struct str name)
{
    static char text[256];
    struct str found = {NULL, 0};
    for (unsigned i = 0; i < plan->field_count; i++) {
        const struct plan_field *field = &plan->fields[i];
        if (!str_equal(field->name, name))
            continue;
        cr_assert_null(found.at, "%s is there twice", name.at);
        char *end = path_put_query(str_put(text, field->value), field->query);
        found = (struct str){text, (size_t)(end - text)};
    }
    return found;
}

static inline void expect_field(const char *label, const struct plan *plan, struct str name,
                                const char *expected)
{
    struct str value = field_of(plan, name);
    if (expected)
        cr_expect(value.at && str_equal(value, str_of(expected)), "%s: %s: %.*s", label, name.at,
                  (int)value.length, value.at ? value.at : "");
    else
        cr_expect_null(value.at, "%s: %s: %.*s", label, name.at, (int)value.length,
                       value.at ? value.at : "");
}

/* Expects PLAN to be the page for STATUS. */
static inline void expect_page(const char *label, const struct plan *plan, enum http_status status)
{
    cr_expect_eq(plan->status, status, "%s: %d", label, plan->status);
    cr_expect_eq(plan->prepared, PLAN_NONE, "%s", label);
    cr_expect_eq(plan->part_count, 0, "%s", label);
    cr_expect_eq(plan->content_bytes, plan->text.length, "%s", label);
    cr_expect(str_equal(plan->text, http_error_page(status)), "%s", label);
    expect_field(label, plan, STR("Content-Type"), "text/html; charset=utf-8");
    expect_field(label, plan, STR("Content-Length"), NULL);
    expect_field(label, plan, STR("Allow"),
                 status == HTTP_METHOD_NOT_ALLOWED ? "GET, HEAD, OPTIONS" : NULL);
    expect_field(label, plan, STR("Retry-After"), status == HTTP_UNAVAILABLE ? "1" : NULL);
}

#endif
