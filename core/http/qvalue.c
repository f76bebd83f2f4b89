/* qvalue: see qvalue.h. */
#include "http/qvalue.h"

bool qvalue_parse(struct str text, uint16_t *ret)
{
    enum { LENGTH_MAX = sizeof "0.000" - 1 };

    if (text.length == 0 || text.length > LENGTH_MAX || (text.length > 1 && text.at[1] != '.'))
        return false;
    unsigned value = 0;
    for (size_t i = 0; i < LENGTH_MAX; i++) {
        if (i == 1)
            continue;
        char digit = i < text.length ? text.at[i] : '0';
        if (!char_is_digit(digit))
            return false;
        value = value * 10 + (unsigned)(digit - '0');
    }
    if (value > QVALUE_MAX)
        return false;
    *ret = (uint16_t)value;
    return true;
}

bool qvalue_parse_parameter(struct str parameter, uint16_t *ret)
{
    return str_equal_nocase(str_first(parameter, 2), STR("q=")) &&
           qvalue_parse(str_from(parameter, 2), ret);
}
