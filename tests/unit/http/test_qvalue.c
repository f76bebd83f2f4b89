/* qvalue: RFC 9110 section 12.4.2. */
#include "http/qvalue.h"
#include "support/guard.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { NONE = UINT16_MAX };

static unsigned parse(struct str text)
{
    struct str input = guard_copy(text);
    uint16_t value = NONE;
    bool parsed = qvalue_parse(input, &value);
    guard_drop(input);
    cr_expect_eq(parsed, value != NONE, "\"%.*s\": untouched on failure", (int)text.length,
                 text.at);
    return value;
}

/* All of the grammar: qvalue = "0" [ "." 0*3DIGIT ] / "1" [ "." 0*3("0") ]. */
Test(qvalue, parses_every_valid_value)
{
    for (unsigned thousandths = 0; thousandths <= QVALUE_MAX; thousandths++) {
        char text[16];
        size_t length = (size_t)sprintf(text, "%u.%03u", thousandths / 1000, thousandths % 1000);
        cr_expect_eq(parse((struct str){text, length}), thousandths, "%s", text);
        while (text[length - 1] == '0' && length > 2)
            cr_expect_eq(parse((struct str){text, --length}), thousandths, "%s", text);
        if (thousandths % 1000 == 0)
            cr_expect_eq(parse((struct str){text, 1}), thousandths, "%s", text);
    }
}

Test(qvalue, refuses_everything_else)
{
    static const struct str rows[] = {
        STR_INIT(""),     STR_INIT("."),    STR_INIT(".5"),   STR_INIT("2"),    STR_INIT("1.001"),
        STR_INIT("1.1"),  STR_INIT("00"),   STR_INIT("01"),   STR_INIT("10"),   STR_INIT("0.0000"),
        STR_INIT("-0"),   STR_INIT("+1"),   STR_INIT("0,5"),  STR_INIT("0.5 "), STR_INIT(" 0.5"),
        STR_INIT("0..5"), STR_INIT("0.5."), STR_INIT("0.-5"), STR_INIT("1e0"),  STR_INIT("0.a"),
        STR_INIT("0x1"),  STR_INIT("0\0"),  STR_INIT("0.0/"), STR_INIT("0.0:"),
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        cr_expect_eq(parse(rows[i]), NONE, "\"%s\"", rows[i].at);
    cr_expect_eq(parse((struct str){NULL, 0}), NONE);
}

Test(qvalue, parses_the_parameter)
{
    static const struct {
        const char *label;
        struct str parameter;
        unsigned value;
    } rows[] = {
        {"a weight", STR_INIT("q=0.5"), 500},    {"a capital", STR_INIT("Q=1"), 1000},
        {"another name", STR_INIT("p=1"), NONE}, {"a longer name", STR_INIT("qs=1"), NONE},
        {"no value", STR_INIT("q="), NONE},      {"no equals", STR_INIT("q"), NONE},
        {"nothing", STR_INIT(""), NONE},         {"white space", STR_INIT("q= 1"), NONE},
        {"quoted", STR_INIT("q=\"1\""), NONE},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str input = guard_copy(rows[i].parameter);
        uint16_t value = NONE;
        cr_expect_eq(qvalue_parse_parameter(input, &value), rows[i].value != NONE, "%s",
                     rows[i].label);
        cr_expect_eq(value, rows[i].value, "%s: %u", rows[i].label, value);
        guard_drop(input);
    }
}
