/* options_values: the limits of what a value may be: its longest length and its bytes. */
#include "config/options.h"
#include "config/settings.h"

#include <criterion/criterion.h>
#include <errno.h>

static struct settings *settings;
static struct site_settings *site;

static void set_up(void)
{
    settings = settings_create();
    cr_assert_not_null(settings);
    site = settings_add_site(settings);
    cr_assert_not_null(site);
}

static void tear_down(void)
{
    settings_unref(settings);
}

TestSuite(options_values, .init = set_up, .fini = tear_down);

static int set_cache_control(const char *text, struct problem *ret_problem)
{
    const struct setting setting = {
        .option = option_find(STR("cache-control")),
        .scope = site,
        .text = text,
        .source = SETTING_COMMAND_LINE,
    };
    return settings_set(settings, &setting, ret_problem);
}

Test(options_values, takes_a_value_of_exactly_the_longest_length)
{
    char text[OPTIONS_VALUE_BYTES_MAX + 2];
    struct problem problem;
    memset(text, 'x', sizeof text);
    text[OPTIONS_VALUE_BYTES_MAX] = '\0';
    cr_expect_eq(set_cache_control(text, &problem), 0);
    cr_expect_eq(site->cache_control.length, OPTIONS_VALUE_BYTES_MAX);
    text[OPTIONS_VALUE_BYTES_MAX] = 'y';
    text[OPTIONS_VALUE_BYTES_MAX + 1] = '\0';
    cr_expect_eq(set_cache_control(text, &problem), -EINVAL);
    cr_expect(strstr(problem.what, "too long"), "%s", problem.what);
    cr_expect_eq(site->cache_control.length, OPTIONS_VALUE_BYTES_MAX, "untouched");
}

/* RFC 9110 section 5.5: no control characters; DEL is one. */
Test(options_values, refuses_each_control_character_in_a_value)
{
    for (char c = 1; c > 0; c++) {
        const char text[] = {'a', c, 'b', '\0'};
        struct problem problem;
        bool control = c < ' ' || c == 0x7f;
        cr_expect_eq(set_cache_control(text, &problem), control ? -EINVAL : 0, "byte %d", c);
        if (c == 0x7f)
            break;
    }
}
